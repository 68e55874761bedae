/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes as people write them. */
#include "tests/base/cmocka_all.h"

#include "admin/size.h"

static void parses(const char *text, uint64_t expected)
{
	uint64_t bytes = 0;
	assert_int_equal(size_parse(text, &bytes), 0);
	assert_int_equal(bytes, expected);
}

static void size_takes_binary_units_in_any_case(void **state)
{
	(void)state;
	parses("0", 0);
	parses("512", 512);
	parses("4k", 4096);
	parses("4K", 4096);
	parses("1.5g", 3ULL << 29);
	parses("200 MiB", 200ULL << 20);
	parses("2tb", 2ULL << 40);
	parses("0.5k", 512);
	parses("7b", 7);
}

static void size_refuses_what_is_not_a_size(void **state)
{
	static const char *const bad[] = { "",      "k",  "-1",  "+1",   "1x",  "1kk",
		                           "1 k b", "1.", ".5k", "0x10", "1e3", "1kib2" };
	uint64_t bytes = 77;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(size_parse(bad[i], &bytes), -EINVAL);
	assert_int_equal(bytes, 77);
}

static void size_refuses_what_does_not_fit(void **state)
{
	uint64_t bytes;
	(void)state;
	assert_int_equal(size_parse("99999999999999999999", &bytes), -ERANGE);
	assert_int_equal(size_parse("8388608t", &bytes), -ERANGE);
	assert_int_equal(size_parse("1.5", &bytes), -ERANGE);
	parses("8388607t", 8388607ULL << 40);
}

static void integers_have_a_bound_and_no_sign(void **state)
{
	uint64_t value;
	(void)state;
	assert_int_equal(size_parse_integer("65535", 65535, &value), 0);
	assert_int_equal(value, 65535);
	assert_int_equal(size_parse_integer("65536", 65535, &value), -ERANGE);
	assert_int_equal(size_parse_integer("+1", 65535, &value), -EINVAL);
	assert_int_equal(size_parse_integer("", 65535, &value), -EINVAL);
	assert_int_equal(size_parse_integer("18446744073709551615", UINT64_MAX, &value), 0);
	assert_int_equal(size_parse_integer("18446744073709551616", UINT64_MAX, &value), -ERANGE);
}

static void size_is_shown_with_three_digits(void **state)
{
	char text[SIZE_TEXT_SIZE];
	(void)state;
	size_format(1023, text);
	assert_string_equal(text, "1023 B");
	size_format(3ULL << 29, text);
	assert_string_equal(text, "1.50 GiB");
	size_format(200ULL << 20, text);
	assert_string_equal(text, "200 MiB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(size_takes_binary_units_in_any_case),
		cmocka_unit_test(size_refuses_what_is_not_a_size),
		cmocka_unit_test(size_refuses_what_does_not_fit),
		cmocka_unit_test(integers_have_a_bound_and_no_sign),
		cmocka_unit_test(size_is_shown_with_three_digits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
