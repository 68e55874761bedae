/* SPDX-License-Identifier: Apache-2.0 */
/* Crash states met before, by their hash. */
#ifndef TESTS_CRASH_EXPLORED_H
#define TESTS_CRASH_EXPLORED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct explored {
	uint64_t *hashes; /* 0: free */
	size_t n, max;
};

/* False: it is there already. */
bool explored_add(struct explored *explored, uint64_t hash);
void explored_fini(struct explored *explored);

#endif
