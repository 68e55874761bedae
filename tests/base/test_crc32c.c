/* SPDX-License-Identifier: Apache-2.0 */
/* CRC32C against RFC 3720's vectors and against its own definition; XOR against a byte loop. */

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/page.h"
#include "base/xor.h"
#include "tests/base/cmocka_all.h"

static void fill_random(uint8_t *bytes, size_t len_bytes, unsigned seed)
{
	uint32_t x = seed * 2654435761U + 1;

	for (size_t i = 0; i < len_bytes; i++) {
		x = x * 1664525U + 1013904223U;
		bytes[i] = (uint8_t)(x >> 24);
	}
}

/* One bit at a time, from the polynomial. */
static uint32_t crc_by_definition(uint32_t crc, const uint8_t *bytes, size_t len_bytes)
{
	for (size_t i = 0; i < len_bytes; i++) {
		crc ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0);
	}
	return crc;
}

static void crc32c_gives_the_vectors_of_rfc_3720(void **state)
{
	static const uint8_t read10[48] = {
		0x01, 0xc0, 0, 0,    0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 4, 0,
		0,    0,    0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 2,    0, 0, 0, 0, 0, 0, 0,
	};
	uint8_t bytes[32];

	(void)state;
	memset(bytes, 0, sizeof bytes);
	assert_int_equal(crc32c(bytes, sizeof bytes), 0x8a9136aaU);
	memset(bytes, 0xff, sizeof bytes);
	assert_int_equal(crc32c(bytes, sizeof bytes), 0x62a8ab43U);
	for (unsigned i = 0; i < 32; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(crc32c(bytes, sizeof bytes), 0x46dd794eU);
	for (unsigned i = 0; i < 32; i++)
		bytes[i] = (uint8_t)(31 - i);
	assert_int_equal(crc32c(bytes, sizeof bytes), 0x113fdb5cU);
	assert_int_equal(crc32c(read10, sizeof read10), 0xd9963a56U);
	assert_int_equal(crc32c("123456789", 9), 0xe3069283U);
}

static void crc32c_agrees_with_its_definition_at_every_length_and_offset(void **state)
{
	uint8_t bytes[600];

	(void)state;
	fill_random(bytes, sizeof bytes, 1);
	for (size_t offset = 0; offset < 9; offset++) {
		for (size_t len = 0; len + offset <= sizeof bytes; len++) {
			assert_int_equal(crc32c_linear(bytes + offset, len), crc_by_definition(0, bytes + offset, len));
			assert_int_equal(crc32c(bytes + offset, len), ~crc_by_definition(~0U, bytes + offset, len));
		}
	}
}

static void crc32c_continues_where_it_stopped(void **state)
{
	uint8_t bytes[1000];

	(void)state;
	fill_random(bytes, sizeof bytes, 2);
	for (size_t cut = 0; cut <= sizeof bytes; cut += 7) {
		assert_int_equal(crc32c_more(crc32c(bytes, cut), bytes + cut, sizeof bytes - cut),
		                 crc32c(bytes, sizeof bytes));
		assert_int_equal(crc32c_linear_more(crc32c_linear(bytes, cut), bytes + cut, sizeof bytes - cut),
		                 crc32c_linear(bytes, sizeof bytes));
	}
}

static void a_sealed_crc_takes_itself_for_zeros(void **state)
{
	uint8_t bytes[100], zeroed[100];

	(void)state;
	fill_random(bytes, sizeof bytes, 3);
	for (size_t at = 0; at + 4 <= sizeof bytes; at++) {
		memcpy(zeroed, bytes, sizeof bytes);
		memset(zeroed + at, 0, 4);
		assert_int_equal(crc32c_sealed(bytes, sizeof bytes, at), crc32c(zeroed, sizeof zeroed));
	}
}

static void linear_crc_of_a_xor_is_the_xor_of_the_crcs(void **state)
{
	uint8_t *a = aligned_alloc(PAGE_SIZE, PAGE_SIZE), *b = aligned_alloc(PAGE_SIZE, PAGE_SIZE);

	(void)state;
	for (unsigned seed = 0; seed < 50; seed++) {
		uint32_t crc_a, crc_b;

		fill_random(a, PAGE_SIZE, 2 * seed);
		fill_random(b, PAGE_SIZE, 2 * seed + 1);
		crc_a = crc32c_linear(a, PAGE_SIZE);
		crc_b = crc32c_linear(b, PAGE_SIZE);
		xor_page(a, b);
		assert_int_equal(crc32c_linear(a, PAGE_SIZE), crc_a ^ crc_b);
	}
	memset(a, 0, PAGE_SIZE);
	assert_int_equal(crc32c_linear(a, PAGE_SIZE), 0);
	free(a);
	free(b);
}

enum { SOURCES_MAX = 100 };

static void check_xor(unsigned n, size_t misalign)
{
	uint8_t *memory = aligned_alloc(PAGE_SIZE, (SOURCES_MAX + 3) * PAGE_SIZE);
	uint8_t *dst = memory + SOURCES_MAX * PAGE_SIZE + PAGE_SIZE + misalign;
	uint8_t expect[PAGE_SIZE] = { 0 };
	const void *srcs[SOURCES_MAX];

	for (unsigned i = 0; i < n; i++) {
		uint8_t *src = memory + i * PAGE_SIZE + misalign;

		fill_random(src, PAGE_SIZE, i + 77);
		for (size_t at = 0; at < PAGE_SIZE; at++)
			expect[at] ^= src[at];
		srcs[i] = src;
	}
	dst[-1] = 0x5a;
	dst[PAGE_SIZE] = 0xa5;
	xor_pages(dst, srcs, n);
	assert_memory_equal(dst, expect, PAGE_SIZE);
	assert_int_equal(dst[-1], 0x5a);
	assert_int_equal(dst[PAGE_SIZE], 0xa5);
	free(memory);
}

static void xor_pages_agrees_with_a_byte_loop_for_any_number_of_sources(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= SOURCES_MAX; n++) {
		check_xor(n, 0);
		if (n % 9 == 1)
			check_xor(n, 3);
	}
}

static void xor_page_twice_gives_the_page_back(void **state)
{
	uint8_t *a = aligned_alloc(PAGE_SIZE, 2 * PAGE_SIZE), *b = a + PAGE_SIZE, before[PAGE_SIZE];

	(void)state;
	fill_random(a, PAGE_SIZE, 5);
	fill_random(b, PAGE_SIZE, 6);
	memcpy(before, a, PAGE_SIZE);
	xor_page(a, b);
	assert_memory_not_equal(a, before, PAGE_SIZE);
	xor_page(a, b);
	assert_memory_equal(a, before, PAGE_SIZE);
	free(a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32c_gives_the_vectors_of_rfc_3720),
		cmocka_unit_test(crc32c_agrees_with_its_definition_at_every_length_and_offset),
		cmocka_unit_test(crc32c_continues_where_it_stopped),
		cmocka_unit_test(a_sealed_crc_takes_itself_for_zeros),
		cmocka_unit_test(linear_crc_of_a_xor_is_the_xor_of_the_crcs),
		cmocka_unit_test(xor_pages_agrees_with_a_byte_loop_for_any_number_of_sources),
		cmocka_unit_test(xor_page_twice_gives_the_page_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
