/* SPDX-License-Identifier: Apache-2.0 */
/* A radix sort from the lowest digit up (Knuth, TAOCP vol. 3, 5.2.5): four digits of eight bits; a digit that all have
 * in common costs no pass. */
#include "base/radix.h"

#include <stdbool.h>
#include <string.h>

#define DIGIT_BITS 8U
#define N_DIGITS 4U
#define N_VALUES (1U << DIGIT_BITS)

static unsigned digit_of(uint64_t item, unsigned digit)
{
	return (unsigned)(item >> digit * DIGIT_BITS) & (N_VALUES - 1U);
}

/* Where the items of each value begin; false: they are all of one value. */
static bool starts_from(const size_t counts[N_VALUES], size_t n, size_t ret_starts[N_VALUES])
{
	size_t at = 0;

	for (unsigned v = 0; v < N_VALUES; v++) {
		if (counts[v] == n)
			return false;
		ret_starts[v] = at;
		at += counts[v];
	}
	return true;
}

void radix_sort(uint64_t *items, uint64_t *spare, size_t n)
{
	size_t counts[N_DIGITS][N_VALUES] = { { 0 } }, starts[N_VALUES];
	uint64_t *from = items, *to = spare;

	for (size_t i = 0; i < n; i++)
		for (unsigned d = 0; d < N_DIGITS; d++)
			counts[d][digit_of(items[i], d)]++;
	for (unsigned d = 0; n > 1 && d < N_DIGITS; d++) {
		uint64_t *done = from;

		if (!starts_from(counts[d], n, starts))
			continue;
		for (size_t i = 0; i < n; i++)
			to[starts[digit_of(from[i], d)]++] = from[i];
		from = to;
		to = done;
	}
	if (from != items)
		memcpy(items, from, n * sizeof *items);
}
