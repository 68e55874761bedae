/* SPDX-License-Identifier: Apache-2.0 */
/* UUID text and version bits. */
#include "base/uuid.h"

#include <string.h>

#include "base/list.h"
#include "tests/base/cmocka_all.h"

static void uuid_from_random_has_version_4_and_keeps_the_other_bits(void **state)
{
	uint8_t zeros[16] = { 0 }, ones[16];
	char text[UUID_TEXT_SIZE];
	struct uuid uuid;

	(void)state;
	uuid = uuid_from_random(zeros);
	uuid_format(&uuid, text);
	assert_string_equal(text, "00000000-0000-4000-8000-000000000000");
	memset(ones, 0xff, sizeof ones);
	uuid = uuid_from_random(ones);
	uuid_format(&uuid, text);
	assert_string_equal(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

static void uuid_survives_text_and_back(void **state)
{
	static const char text[] = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
	struct uuid uuid, again;
	char out[UUID_TEXT_SIZE];

	(void)state;
	assert_int_equal(uuid_parse(text, &uuid), 0);
	assert_int_equal(uuid.b[0], 0xf8);
	assert_int_equal(uuid.b[15], 0xf6);
	uuid_format(&uuid, out);
	assert_string_equal(out, text);
	assert_int_equal(uuid_parse("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", &again), 0);
	assert_true(uuid_equal(&uuid, &again));
	again.b[7] ^= 1;
	assert_false(uuid_equal(&uuid, &again));
}

static void uuid_parse_refuses_what_is_not_one(void **state)
{
	static const char *const bad[] = {
		"",
		"f",
		"f81d4fae",
		"f81d4fae7dec11d0a76500a0c91e6bf6",
		"f81d4fae-7dec-11d0-a765-00a0c91e6bf",
		"f81d4fae-7dec-11d0-a765-00a0c91e6bf66",
		"f81d4fae-7dec-11d0-a765-00a0c91e6bfg",
		"f81d4fa-e7dec-11d0-a765-00a0c91e6bf6",
		" f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
		"f81d4fae-7dec-11d0-a765-",
		"{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}",
	};
	struct uuid uuid;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(uuid_parse(bad[i], &uuid), -EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(uuid_from_random_has_version_4_and_keeps_the_other_bits),
		cmocka_unit_test(uuid_survives_text_and_back),
		cmocka_unit_test(uuid_parse_refuses_what_is_not_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
