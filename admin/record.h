/* SPDX-License-Identifier: Apache-2.0 */
/* Records: JSON objects as documents and answers have them, in lists. */
#ifndef ADMIN_RECORD_H
#define ADMIN_RECORD_H

#include <jansson.h>

/* The member of a dotted name ("space.used"), borrowed; NULL: there is none. */
json_t *record_member(json_t *record, const char *dotted);
/* The first record of the list whose member `key` is this text, borrowed, and its index (`ret_index` NULL: nobody
 * asks); NULL: there is none. */
json_t *record_find(json_t *records, const char *key, const char *text, size_t *ret_index);

#endif
