/* SPDX-License-Identifier: Apache-2.0 */
/* Text that others chose: what is fit to be seen, what it is escaped to, and back. */
#include "base/text.h"

#include <string.h>

#include "tests/base/cmocka_all.h"

static void text_knows_utf8(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
		{ "a", 1 },
		{ "\xc3\xa9", 2 },
		{ "\xe2\x82\xac", 3 },
		{ "\xf0\x9f\x98\x80", 4 },
		{ "\xf4\x8f\xbf\xbd", 4 },
		{ "\x80", 0 }, /* a continuation first */
		{ "\xc1\xbf", 0 }, /* overlong */
		{ "\xe0\x9f\xbf", 0 }, /* overlong */
		{ "\xf0\x8f\xbf\xbf", 0 }, /* overlong */
		{ "\xed\xa0\x80", 0 }, /* a surrogate */
		{ "\xf4\x90\x80\x80", 0 }, /* above U+10FFFF */
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xe2\x82", 0 }, /* cut */
		{ "\xe2\x82z", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		assert_int_equal(text_utf8_len(cases[i].text, strlen(cases[i].text)), cases[i].n);
	assert_int_equal(text_utf8_len("", 0), 0);
	assert_int_equal(text_fit_len("\x1b", 1), 0);
	assert_int_equal(text_fit_len("\xc2\x9b", 2), 0);
	assert_true(text_is_fit("gr\xc3\xbc\xc3\x9f"
	                        "e \xf0\x9f\x98\x80"));
	assert_false(text_is_fit("a\xe2\x80\xae"));
}

static const char *escaped(const char *from, enum text_form form)
{
	static char to[256];
	assert_true(text_escape(to, sizeof to, from, strlen(from), form) < sizeof to);
	return to;
}

static void text_is_escaped_for_where_it_goes(void **state)
{
	(void)state;
	assert_string_equal(escaped("a\\ \"b\"\x1b", TEXT_SHOWN), "a\\ \"b\"\\x1B");
	assert_string_equal(escaped("a\\ \"b\"\x1b", TEXT_QUOTED), "a\\\\ \\\"b\\\"\\x1B");
	assert_string_equal(escaped("a\\ \"b\"\x1b\xff", TEXT_NAME), "a\\ \"b\"\\x1B\\xFF");
	assert_string_equal(escaped("\\x1B \\x41 \\x1b", TEXT_NAME), "\\x5Cx1B \\x41 \\x1b");
	assert_string_equal(escaped("\xe2\x80\xae", TEXT_NAME), "\xe2\x80\xae"); /* well-formed: JSON holds it */
}

static void text_names_come_back_from_every_byte(void **state)
{
	char from[8], to[64];

	(void)state;
	for (unsigned a = 1; a < 256; a++) {
		for (unsigned b = 1; b < 256; b++) {
			const char names[][8] = { { (char)a, (char)b },
				                  { '\\', 'x', (char)a, (char)b },
				                  { '\\', (char)a, '5', 'C', (char)b } };
			for (size_t i = 0; i < 3; i++) {
				memcpy(from, names[i], sizeof from);
				assert_true(text_escape(to, sizeof to, from, strlen(from), TEXT_NAME) < sizeof to);
				for (const char *p = to; *p != '\0'; p += text_utf8_len(p, strlen(p)))
					assert_true(text_utf8_len(p, strlen(p)) > 0);
				text_unescape(to);
				assert_string_equal(to, from);
			}
		}
	}
}

static void text_unescaped_makes_no_slash_and_no_end(void **state)
{
	char text[] = "a\\x2Fb\\x00c\\x2E";

	(void)state;
	text_unescape(text);
	assert_string_equal(text, "a\\x2Fb\\x00c\\x2E");
}

static void text_is_cut_between_characters(void **state)
{
	char to[6];

	(void)state;
	assert_int_equal(text_cut("abc", 3), 3);
	assert_int_equal(text_cut("ab\xe2\x82\xac", 4), 2);
	assert_int_equal(text_cut("ab\xe2\x82\xac", 5), 5);
	assert_int_equal(text_escape(to, sizeof to,
	                             "abc\xff"
	                             "def",
	                             7, TEXT_SHOWN),
	                 10);
	assert_string_equal(to, "abc"); /* no part of an escape, and nothing behind it */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_knows_utf8),
		cmocka_unit_test(text_is_escaped_for_where_it_goes),
		cmocka_unit_test(text_names_come_back_from_every_byte),
		cmocka_unit_test(text_unescaped_makes_no_slash_and_no_end),
		cmocka_unit_test(text_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
