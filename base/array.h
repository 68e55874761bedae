/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays that grow: the items, how many there are, and how many there is room for; NULL, 0 and 0 at first. The room is
 * doubled, so adding costs a constant on average. The items are malloc's: the owner frees them.
 *
 * 	if (!ARRAY_ROOM(list->items, list->n, list->n_max, 16U))
 * 		return -ENOMEM;
 * 	list->items[list->n++] = item;
 */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* True: there is room for one more. False: there is no memory, and nothing has changed. `n_max` is a size_t; `first`:
 * for how many at first. */
#define ARRAY_ROOM(items, n, n_max, first) ((n) < (n_max) || array_grow(&(items), &(n_max), (first), sizeof *(items)))
/* The same for what cannot be refused any more (base/reserve.h): there is always room. */
#define ARRAY_ROOM_RESERVED(items, n, n_max, first)                                                                    \
	do {                                                                                                           \
		if ((n) >= (n_max))                                                                                    \
			array_grow_reserved(&(items), &(n_max), (first), sizeof *(items));                             \
	} while (0)

/* `io_items`: the address of the pointer to the items. */
bool array_grow(void *io_items, size_t *io_max, size_t first, size_t item_bytes);
void array_grow_reserved(void *io_items, size_t *io_max, size_t first, size_t item_bytes);

#endif
