/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of zeros, and the integers of disk and wire. */
#include "base/bytes.h"

#include "tests/base/cmocka_all.h"

static void bytes_are_zero_sees_a_single_bit(void **state)
{
	uint8_t bytes[300] = { 0 };

	(void)state;
	assert_true(bytes_are_zero(bytes, 0));
	for (size_t len = 1; len <= sizeof bytes; len += 13) {
		assert_true(bytes_are_zero(bytes, len));
		for (size_t at = 0; at < len; at++) {
			bytes[at] = 0x10;
			assert_false(bytes_are_zero(bytes, len));
			bytes[at] = 0;
		}
		bytes[len % sizeof bytes] = 1; /* beyond the end is not looked at */
		if (len < sizeof bytes)
			assert_true(bytes_are_zero(bytes, len));
		bytes[len % sizeof bytes] = 0;
	}
}

static void wire_integers_convert_both_ways(void **state)
{
	static const uint8_t be[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	be64 b64;
	be24 b24;
	le32 l32;

	(void)state;
	memcpy(&b64, be, sizeof b64);
	memcpy(&b24, be, sizeof b24);
	memcpy(&l32, be, sizeof l32);
	assert_true(be64_get(b64) == 0x0102030405060708U);
	assert_int_equal(be24_get(b24), 0x010203);
	assert_int_equal(le32_get(l32), 0x04030201);
	b64 = be64_of(0x0102030405060708U);
	assert_memory_equal(&b64, be, sizeof b64);
	b24 = be24_of(0x010203);
	assert_memory_equal(&b24, be, sizeof b24);
	assert_int_equal(be16_get(be16_of(0xbeef)), 0xbeef);
	assert_int_equal(le16_of(0xbeef).b[0], 0xef);
	assert_int_equal(be16_of(0xbeef).b[0], 0xbe);
	assert_true(le64_get(le64_of(UINT64_MAX - 5)) == UINT64_MAX - 5);
	assert_int_equal(be32_get(be32_of(0xdeadbeef)), 0xdeadbeef);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_zero_sees_a_single_bit),
		cmocka_unit_test(wire_integers_convert_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
