/* SPDX-License-Identifier: Apache-2.0 */
/* Administrative paths. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/textjson.h"
#include "admin/volpath.h"
#include "base/text.h"

static void paths_come_apart_with_or_without_the_first_slash(void **state)
{
	static struct volpath path;
	(void)state;
	assert_int_equal(volpath_parse("/vol/vol0/a/b", &path), 0);
	assert_string_equal(path.volume, "vol0");
	assert_string_equal(path.inner, "/a/b");
	assert_int_equal(volpath_parse("vol/vol0//a/", &path), 0);
	assert_string_equal(path.inner, "/a");
	assert_int_equal(volpath_parse("/vol/vol0", &path), 0);
	assert_string_equal(path.inner, "/");
	assert_int_equal(volpath_parse("/vol/vol0/.snapshot/s1/x", &path), 0);
	assert_string_equal(path.inner, "/.snapshot/s1/x");
}

static void paths_take_names_of_any_bytes(void **state)
{
	static const char name[] = "a\xff\n\\xFF b";
	static struct volpath path;
	static char shown[128], whole[160];

	(void)state;
	assert_true(text_escape(shown, sizeof shown, name, strlen(name), TEXT_NAME) < sizeof shown);
	(void)snprintf(whole, sizeof whole, "/vol/v/%s/x", shown);
	assert_int_equal(volpath_parse(whole, &path), 0);
	(void)snprintf(whole, sizeof whole, "/%s/x", name);
	assert_string_equal(path.inner, whole);
	json_t *json = textjson_format("%s", name);
	assert_string_equal(json_string_value(json), shown);
	json_decref(json);
	json = textjson_lines("1 a\xff\n2 b\x1b\n");
	assert_string_equal(json_string_value(json), "1 a\\xFF\n2 b\\x1B\n");
	json_decref(json);
	assert_int_equal(volpath_parse("/vol/v/\\x2E\\x2E/\\x2Fx", &path), 0); /* neither dots nor a slash come of it */
	assert_string_equal(path.inner, "/\\x2E\\x2E/\\x2Fx");
}

static void paths_never_climb(void **state)
{
	static struct volpath path;
	static char huge[8192];
	static const char *const bad[] = {
		"",       "/",         "/vol",      "/vol/",         "/vol//x",    "/voll/x",
		"vol0/x", "/vol/../x", "/vol/v/..", "/vol/v/a/../b", "/vol/v/./b", "//vol/v"
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(volpath_parse(bad[i], &path), -EINVAL);
	memset(huge, 'a', sizeof huge - 1);
	memcpy(huge, "/vol/v/", 7);
	assert_int_equal(volpath_parse(huge, &path), -EINVAL);
	for (size_t i = 7; i + 1 < sizeof huge; i += 100)
		huge[i] = '/';
	assert_int_equal(volpath_parse(huge, &path), -ENAMETOOLONG);
}

static void stored_paths_are_clean(void **state)
{
	static const char *const good[] = { "/", "/a", "/a/b c", "/...", "/a/\xff", "/a\nb" };
	static const char *const bad[] = { "", "a", "//", "/a/", "/a//b", "/..", "/a/../b", "/.", "/a/." };
	static char huge[8192];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(volpath_is_inner(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(volpath_is_inner(bad[i]));
	memset(huge, 'a', 300);
	huge[0] = '/';
	assert_false(volpath_is_inner(huge));
	for (size_t i = 0; i + 1 < sizeof huge; i++)
		huge[i] = i % 2 == 0 ? '/' : 'a';
	assert_false(volpath_is_inner(huge));
}

static void names_have_no_slash_and_no_control_bytes(void **state)
{
	(void)state;
	assert_true(volpath_is_name("s1", 63));
	assert_false(volpath_is_name("", 63));
	assert_false(volpath_is_name("..", 63));
	assert_false(volpath_is_name("a/b", 63));
	assert_false(volpath_is_name("a\nb", 63));
	assert_false(volpath_is_name("abcd", 3));
}

static void join_is_the_inverse(void **state)
{
	char *text = volpath_join("vol0", "/");
	(void)state;
	assert_string_equal(text, "/vol/vol0");
	free(text);
	text = volpath_join("vol0", "/a");
	assert_string_equal(text, "/vol/vol0/a");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_come_apart_with_or_without_the_first_slash),
		cmocka_unit_test(paths_take_names_of_any_bytes),
		cmocka_unit_test(paths_never_climb),
		cmocka_unit_test(stored_paths_are_clean),
		cmocka_unit_test(names_have_no_slash_and_no_control_bytes),
		cmocka_unit_test(join_is_the_inverse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
