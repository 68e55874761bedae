/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes for which the host had no room when they were to be mounted: tried again, and nothing else is. */
#include "tests/base/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

#define TRY_MS 50U

static char text[256];

static int setup(void **state)
{
	static const char *const names[] = { "vol0", "vol1" };
	char body[256];

	(void)state;
	host_remount_ms = TRY_MS;
	host_start(&rest_host, NULL);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(
		    body, sizeof body,
		    "{\"name\": \"%s\", \"raid_groups\": [{\"disks\": [\"%sd\", \"%sp\"]}], \"disk_size\": 1048576}",
		    names[i], names[i], names[i]);
		assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes", body, text), 's');
	}
	return 0;
}

static json_t *volume(const char *name)
{
	json_t *json = NULL;
	char path[128];

	(void)snprintf(path, sizeof path, V1 "storage/volumes/%s", name);
	assert_int_equal(host_ask(&rest_host, "GET", path, NULL, NULL, &json), 200);
	return json;
}

static bool is(const char *name, const char *expected)
{
	json_t *json = volume(name);
	bool same = strcmp(json_string_value(json_object_get(json, "state")), expected) == 0;

	json_decref(json);
	return same;
}

static void becomes(const char *name, const char *expected)
{
	for (unsigned i = 0; i < 500 && !is(name, expected); i++)
		(void)usleep(20000);
	assert_true(is(name, expected));
}

static void says_that_it_waits(const char *name)
{
	json_t *json = volume(name);
	const char *error = json_string_value(json_object_get(json, "error"));

	assert_non_null(error);
	assert_non_null(strstr(error, "the host's file system is full"));
	assert_non_null(strstr(error, "tried again"));
	assert_non_null(strstr(error, name)); /* the disk's path has it */
	json_decref(json);
}

static void tries_reach(unsigned n)
{
	for (unsigned i = 0; i < 500 && ramadmin_mounts < n; i++)
		(void)usleep(20000);
	assert_true(ramadmin_mounts >= n);
}

static void a_volume_without_room_is_tried_until_there_is_some(void **state)
{
	(void)state;
	ramadmin_fail_mount = -ENOSPC;
	rest_restart();
	says_that_it_waits("vol0");
	says_that_it_waits("vol1");
	tries_reach(ramadmin_mounts + 6); /* of both, three times */
	says_that_it_waits("vol1");
	ramadmin_fail_mount = 0;
	becomes("vol0", "online");
	becomes("vol1", "online");
	json_t *json = volume("vol0");
	assert_null(json_object_get(json, "error"));
	json_decref(json);
}

static void a_volume_that_the_administrator_wants_online_is_tried_as_it_says(void **state)
{
	(void)state;
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text),
	                 's');
	ramadmin_fail_mount = -ENOSPC;
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text),
	                 'f');
	says_that_it_waits("vol0");
	ramadmin_fail_mount = 0;
	becomes("vol0", "online");
	rest_restart(); /* and it is wanted so from now on */
	assert_true(is("vol0", "online"));
}

static void no_other_error_is_tried_again(void **state)
{
	unsigned before;

	(void)state;
	ramadmin_fail_mount = -EIO;
	rest_restart();
	before = ramadmin_mounts;
	(void)usleep(6 * TRY_MS * 1000);
	assert_int_equal(ramadmin_mounts, before);
	assert_true(is("vol0", "failed"));
	ramadmin_fail_mount = -ENOSPC;
	rest_restart();
	tries_reach(ramadmin_mounts + 2);
	ramadmin_fail_mount = -EIO; /* it was the first, and it is this now */
	tries_reach(ramadmin_mounts + 2);
	(void)usleep(2 * TRY_MS * 1000);
	before = ramadmin_mounts;
	(void)usleep(6 * TRY_MS * 1000);
	assert_int_equal(ramadmin_mounts, before);
}

static void a_volume_destroyed_meanwhile_is_not_tried(void **state)
{
	unsigned before;

	(void)state;
	ramadmin_fail_mount = -ENOSPC;
	rest_restart();
	assert_int_equal(host_job(&rest_host, "DELETE", V1 "storage/volumes/vol0", NULL, text), 's');
	assert_int_equal(host_job(&rest_host, "DELETE", V1 "storage/volumes/vol1", NULL, text), 's');
	before = ramadmin_mounts;
	(void)usleep(6 * TRY_MS * 1000);
	assert_int_equal(ramadmin_mounts, before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rest_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(a_volume_without_room_is_tried_until_there_is_some),
		TEST(a_volume_that_the_administrator_wants_online_is_tried_as_it_says),
		TEST(no_other_error_is_tried_again),
		TEST(a_volume_destroyed_meanwhile_is_not_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
