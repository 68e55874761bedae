/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted, disjoint ranges of FBNs: what a generation has punched out of a file. */
#include "fs/file/range.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/reserve.h"

/* Index of the first range that ends at or after `fbn`. */
static unsigned range_position(const struct range_list *list, uint32_t fbn)
{
	unsigned low = 0, high = list->n;

	while (low < high) {
		unsigned mid = (low + high) / 2U;

		if (list->ranges[mid].end < fbn)
			low = mid + 1U;
		else
			high = mid;
	}
	return low;
}

void range_add(struct range_list *list, uint32_t first, uint32_t end)
{
	unsigned at, last;

	if (first >= end)
		return;
	at = range_position(list, first);
	last = at;
	while (last < list->n && list->ranges[last].first <= end) {
		if (list->ranges[last].first < first)
			first = list->ranges[last].first;
		if (list->ranges[last].end > end)
			end = list->ranges[last].end;
		last++;
	}
	if (last == at) {
		ARRAY_ROOM_RESERVED(list->ranges, list->n, list->n_max, 8U);
		memmove(&list->ranges[at + 1U], &list->ranges[at], (list->n - at) * sizeof(list->ranges[0]));
		list->n++;
	} else if (last > at + 1U) {
		memmove(&list->ranges[at + 1U], &list->ranges[last], (list->n - last) * sizeof(list->ranges[0]));
		list->n -= last - at - 1U;
	}
	list->ranges[at] = (struct fbn_range){ first, end };
}

bool range_covers(const struct range_list *list, uint32_t fbn, uint32_t *ret_end)
{
	unsigned at;

	if (list->n == 0) {
		*ret_end = UINT32_MAX;
		return false;
	}
	at = range_position(list, fbn + 1U);
	if (at == list->n) {
		*ret_end = UINT32_MAX;
		return false;
	}
	if (list->ranges[at].first <= fbn) {
		*ret_end = list->ranges[at].end;
		return true;
	}
	*ret_end = list->ranges[at].first;
	return false;
}

void range_clear(struct range_list *list)
{
	free(list->ranges);
	*list = (struct range_list){ 0 };
}
