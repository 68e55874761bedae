/* SPDX-License-Identifier: Apache-2.0 */
/* The target's name: made once, different on each server, and kept. */
#include "server/targetname.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/base/cmocka_all.h"

static char dir[64];

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/vctarget.XXXXXX");
	return mkdtemp(dir) == NULL;
}

static void put(const char *name, const char *content)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int teardown(void **state)
{
	static const char *const names[] = { "iscsi-target", "volumes.json" };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	return rmdir(dir);
}

static void two_servers_of_one_host_have_different_names_and_keep_them(void **state)
{
	char first[ISCSINAME_MAX + 1U], again[ISCSINAME_MAX + 1U], other[ISCSINAME_MAX + 1U];

	assert_int_equal(targetname_take(dir, first), 0);
	assert_true(iscsiname_is_valid(first));
	put("volumes.json", "{}");
	assert_int_equal(targetname_take(dir, again), 0);
	assert_string_equal(again, first);
	assert_int_equal(teardown(state), 0);
	assert_int_equal(setup(state), 0);
	assert_int_equal(targetname_take(dir, other), 0);
	assert_string_not_equal(other, first);
}

static void a_server_that_has_volumes_goes_on_with_the_name_of_its_host(void **state)
{
	char name[ISCSINAME_MAX + 1U], host[65] = "";

	(void)state;
	assert_int_equal(gethostname(host, sizeof host - 1), 0);
	put("volumes.json", "{}");
	assert_int_equal(targetname_take(dir, name), 0);
	assert_int_equal(strlen(name), strlen("iqn.2026-11.org.vcstore:") + strlen(host));
}

static void what_is_no_name_is_not_used_and_not_replaced(void **state)
{
	static const char *const bad[] = { "", "\n", "storage\n", "iqn.2026-11.org.vcstore:a b\n" };
	char name[ISCSINAME_MAX + 1U];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		put("iscsi-target", bad[i]);
		assert_int_equal(targetname_take(dir, name), -EUCLEAN);
	}
	put("iscsi-target", "iqn.2026-11.org.example:mine");
	assert_int_equal(targetname_take(dir, name), 0);
	assert_string_equal(name, "iqn.2026-11.org.example:mine");
	assert_int_equal(targetname_take("/nonexistent", name), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(two_servers_of_one_host_have_different_names_and_keep_them, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(a_server_that_has_volumes_goes_on_with_the_name_of_its_host, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(what_is_no_name_is_not_used_and_not_replaced, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
