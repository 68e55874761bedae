/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted, disjoint ranges of FBNs [first, end). Touching ranges merge. */
#ifndef FS_RANGE_H
#define FS_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fbn_range {
	uint32_t first, end;
};
struct range_list {
	struct fbn_range *ranges;
	unsigned n;
	size_t n_max;
};

void range_add(struct range_list *list, uint32_t first, uint32_t end);
/* Does a range hold `fbn`? *ret_end: where that answer stops being true (UINT32_MAX: never). */
bool range_covers(const struct range_list *list, uint32_t fbn, uint32_t *ret_end);
void range_clear(struct range_list *list);

#endif
