/* SPDX-License-Identifier: Apache-2.0 */
/* The codes of the levels, against arithmetic of this test's own: every number of data disks, every set of missing
 * positions, blocks and entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/base/cmocka_all.h"

#include "base/galois.h"
#include "base/list.h"
#include "base/page.h"
#include "raid/level.h"

/* A word, and what is there of it in a test. */
static uint8_t word[LEVEL_MAX_DISKS][PAGE_SIZE] __attribute__((aligned(64)));
static struct level_word blocks;
static uint64_t seed = 88172645463325252ULL;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

/* Bit by bit, modulo x^8 + x^4 + x^3 + x^2 + 1. */
static uint8_t times(uint8_t a, uint8_t b)
{
	unsigned product = 0;

	for (unsigned i = 0; i < 8; i++)
		product ^= b >> i & 1 ? (unsigned)a << i : 0U;
	for (unsigned i = 15; i >= 8; i--)
		product ^= product >> i & 1 ? 0x11DU << (i - 8U) : 0U;
	return (uint8_t)product;
}

static void word_make(const struct level *level, unsigned n_data, size_t len)
{
	memset(word, 0, sizeof word);
	for (unsigned i = 0; i < n_data; i++) {
		uint8_t in_q = 1;

		for (unsigned k = 0; k < i; k++)
			in_q = times(in_q, 2);
		for (size_t at = 0; at < len; at++) {
			word[i][at] = (uint8_t)rnd();
			word[n_data][at] ^= word[i][at];
			if (level->n_parity == 2)
				word[n_data + 1][at] ^= times(in_q, word[i][at]);
		}
	}
	for (unsigned i = 0; i < LEVEL_MAX_DISKS; i++)
		blocks.blocks[i] = word[i];
	blocks.level = level;
	blocks.n_data = n_data;
	blocks.len_bytes = len;
}

static void rebuild_all(const struct level *level, unsigned n_data, unsigned missing, size_t len)
{
	static uint8_t bytes[PAGE_SIZE] __attribute__((aligned(64)));

	for (unsigned i = 0; i < n_data + level->n_parity; i++)
		blocks.blocks[i] = missing >> i & 1 ? NULL : word[i];
	for (unsigned i = 0; i < n_data + level->n_parity; i++) {
		if (!(missing >> i & 1))
			continue;
		memset(bytes, 0xEE, sizeof bytes);
		level_rebuild(&blocks, missing, i, bytes);
		if (memcmp(bytes, word[i], len) != 0)
			fail_msg("%s with %u data disks: position %u of those missing, 0x%x", level->name, n_data, i,
			         missing);
	}
}

static void every_set_of_missing_positions_is_rebuilt(void **state)
{
	static const size_t lens[] = { 16, PAGE_SIZE };

	(void)state;
	for (unsigned n_parity = 1; n_parity <= 2; n_parity++)
		for (unsigned n_data = 1; n_data <= LEVEL_MAX_DATA; n_data++)
			for (unsigned l = 0; l < ARRAY_SIZE(lens); l++) {
				const struct level *level = level_of(n_parity);

				word_make(level, n_data, lens[l]);
				assert_int_equal(level_wrong_parity(&blocks), 0);
				for (unsigned missing = 1; missing < 1U << (n_data + n_parity); missing++)
					if ((unsigned)__builtin_popcount(missing) <= n_parity)
						rebuild_all(level, n_data, missing, lens[l]);
			}
}

static void a_byte_that_is_wrong_shows_in_parity(void **state)
{
	(void)state;
	for (unsigned n_parity = 1; n_parity <= 2; n_parity++)
		for (unsigned position = 0; position < 5 + n_parity; position++) {
			const struct level *level = level_of(n_parity);
			unsigned all = ((1U << n_parity) - 1U) << 5;

			word_make(level, 5, PAGE_SIZE);
			word[position][rnd() % PAGE_SIZE] ^= 1;
			assert_int_equal(level_wrong_parity(&blocks), position < 5 ? all : 1U << position);
		}
}

static void a_disk_of_zeros_that_joins_changes_no_parity(void **state)
{
	(void)state;
	for (unsigned n_parity = 1; n_parity <= 2; n_parity++) {
		const struct level *level = level_of(n_parity);

		word_make(level, 4, PAGE_SIZE);
		blocks.n_data = 5;
		memmove(word[5], word[4], n_parity * (size_t)PAGE_SIZE);
		memset(word[4], 0, PAGE_SIZE);
		assert_int_equal(level_wrong_parity(&blocks), 0);
	}
}

static void one_data_disk_is_a_mirror(void **state)
{
	(void)state;
	word_make(&level_dp, 1, PAGE_SIZE);
	assert_memory_equal(word[0], word[1], PAGE_SIZE);
	assert_memory_equal(word[0], word[2], PAGE_SIZE);
	assert_string_equal(level_title(&level_dp, 1), "mirror");
	assert_string_equal(level_title(&level_raid4, 1), "mirror");
	assert_string_equal(level_title(&level_dp, 2), "dp");
}

static void sums_come_together_block_by_block(void **state)
{
	static uint8_t sums[2][PAGE_SIZE] __attribute__((aligned(64)));
	void *to[] = { sums[0], sums[1] };

	(void)state;
	word_make(&level_dp, 7, PAGE_SIZE);
	for (unsigned i = 0; i < 9; i++)
		level_add(&level_dp, 7, i, word[i], to);
	for (unsigned at = 0; at < PAGE_SIZE; at++)
		assert_int_equal(sums[0][at] | sums[1][at], 0);
}

static void the_field_is_one(void **state)
{
	(void)state;
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++)
			assert_int_equal(galois_multiply((uint8_t)a, (uint8_t)b), times((uint8_t)a, (uint8_t)b));
		assert_int_equal(times((uint8_t)a, galois_inverse((uint8_t)a)), a != 0);
	}
	assert_int_equal(galois_power(0), 1);
	assert_int_equal(galois_power(8), 0x1D);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_field_is_one),
		cmocka_unit_test(every_set_of_missing_positions_is_rebuilt),
		cmocka_unit_test(a_byte_that_is_wrong_shows_in_parity),
		cmocka_unit_test(a_disk_of_zeros_that_joins_changes_no_parity),
		cmocka_unit_test(one_data_disk_is_a_mirror),
		cmocka_unit_test(sums_come_together_block_by_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
