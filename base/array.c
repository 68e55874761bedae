/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that grow: doubling, by way of a pointer to whatever the items are. */
#include "base/array.h"

#include <stdlib.h>
#include <string.h>

#include "base/reserve.h"

static void array_move(void *io_items, size_t *io_max, void *grown, size_t max)
{
	memcpy(io_items, &grown, sizeof grown);
	*io_max = max;
}

static void *array_items(void *io_items)
{
	void *items;

	memcpy(&items, io_items, sizeof items);
	return items;
}

bool array_grow(void *io_items, size_t *io_max, size_t first, size_t item_bytes)
{
	size_t max = *io_max == 0 ? first : *io_max * 2U;
	void *grown = reallocarray(array_items(io_items), max, item_bytes);

	if (grown != NULL)
		array_move(io_items, io_max, grown, max);
	return grown != NULL;
}

void array_grow_reserved(void *io_items, size_t *io_max, size_t first, size_t item_bytes)
{
	size_t max = *io_max == 0 ? first : *io_max * 2U;

	array_move(io_items, io_max, reserve_reallocarray(array_items(io_items), max, item_bytes), max);
}
