/* SPDX-License-Identifier: Apache-2.0 */
/* The form of iSCSI names, for whoever is told one: a login, an igroup, a configuration. */
#ifndef BASE_ISCSINAME_H
#define BASE_ISCSINAME_H

#include <stdbool.h>

#define ISCSINAME_MAX 223U /* bytes, RFC 7143 4.2.7.1 */

/* Is it a name of one of the forms of RFC 7143 4.2.7?
 *   iqn.YYYY-MM.NAMING-AUTHORITY[:ANYTHING] letters, digits, "-", ".", ":" (RFC 3722 6.2), and well-formed UTF-8 that
 *   is fit to be seen eui. and 16, naa. and 16 or 32 hexadecimal digits
 * Upper case is taken: names are compared without it. */
bool iscsiname_is_valid(const char *name);

#endif
