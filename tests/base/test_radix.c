/* SPDX-License-Identifier: Apache-2.0 */
/* radix_sort: against what is known of the result, for numbers of all shapes. */
#include "base/radix.h"

#include <string.h>

#include "tests/base/cmocka_all.h"

#define N_MAX 5000U

static uint64_t items[N_MAX], spare[N_MAX];

/* Sorted by the low half, stable (the high half says where it was), and the same items. */
static void assert_sorted(const uint32_t *keys, size_t n)
{
	static uint8_t seen[N_MAX];

	memset(seen, 0, sizeof seen);
	for (size_t i = 0; i < n; i++) {
		size_t was = (size_t)(items[i] >> 32);

		assert_true(was < n && !seen[was]++);
		assert_int_equal((uint32_t)items[i], keys[was]);
		if (i > 0)
			assert_true((uint32_t)items[i - 1U] < (uint32_t)items[i] ||
			            ((uint32_t)items[i - 1U] == (uint32_t)items[i] && items[i - 1U] >> 32 < was));
	}
}

static uint32_t next_number(void)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 16);
}

static void sort_keys(uint32_t mask, uint32_t base, size_t n)
{
	static uint32_t keys[N_MAX];

	for (size_t i = 0; i < n; i++) {
		keys[i] = base + (next_number() & mask);
		items[i] = (uint64_t)i << 32 | keys[i];
	}
	radix_sort(items, spare, n);
	assert_sorted(keys, n);
}

static void radix_sorts_numbers_of_all_sizes(void **state)
{
	static const uint32_t masks[] = { 0, 1, 0xFF, 0x100, 0xFFFF, 0xFF00FF, 0x7FFFFFFF };

	(void)state;
	for (size_t m = 0; m < sizeof masks / sizeof masks[0]; m++)
		for (size_t n = 0; n <= N_MAX; n = n < 8 ? n + 1U : n * 3U + 1U)
			sort_keys(masks[m], (uint32_t)m * 1000003U, n);
}

static void radix_sorts_the_edges_of_32_bits(void **state)
{
	(void)state;
	sort_keys(0xF, 0xFFFFFFF0U, 300);
	sort_keys(UINT32_MAX, 0, N_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(radix_sorts_numbers_of_all_sizes),
		cmocka_unit_test(radix_sorts_the_edges_of_32_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
