/* SPDX-License-Identifier: Apache-2.0 */
/* Crash states met before, by their hash: a table with open addressing, at most half full. */
#include "tests/crash/explored.h"

#include <stdlib.h>

#include "base/error.h"

#define MIN_SIZE 1024U

static bool insert(struct explored *explored, uint64_t hash)
{
	size_t at = hash % explored->max;

	while (explored->hashes[at] != 0) {
		if (explored->hashes[at] == hash)
			return false;
		at = (at + 1U) % explored->max;
	}
	explored->hashes[at] = hash;
	explored->n++;
	return true;
}

static void grow(struct explored *explored)
{
	struct explored old = *explored;

	*explored = (struct explored){ .max = old.max == 0 ? MIN_SIZE : old.max * 2U };
	explored->hashes = calloc(explored->max, sizeof *explored->hashes);
	vc_assert(explored->hashes != NULL);
	for (size_t i = 0; i < old.max; i++)
		if (old.hashes[i] != 0)
			(void)insert(explored, old.hashes[i]);
	free(old.hashes);
}

bool explored_add(struct explored *explored, uint64_t hash)
{
	if (explored->n * 2U >= explored->max)
		grow(explored);
	return insert(explored, hash | 1U);
}

void explored_fini(struct explored *explored)
{
	free(explored->hashes);
	*explored = (struct explored){ NULL, 0, 0 };
}
