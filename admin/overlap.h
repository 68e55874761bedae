/* SPDX-License-Identifier: Apache-2.0 */
/* Which igroups have an initiator in common: to such an initiator their LUN numbers are the numbers of one list. */
#ifndef ADMIN_OVERLAP_H
#define ADMIN_OVERLAP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct overlap;

/* Of an array of igroups ({"initiators": [name or "*"]}); names are compared without case. Never NULL (bounded; aborts
 * without memory). */
struct overlap *overlap_new(json_t *igroups);
void overlap_free(struct overlap *overlap);
/* By places in that array. An igroup has its own initiators in common with itself, if it has any. */
bool overlap_between(const struct overlap *overlap, size_t one, size_t other);

#endif
