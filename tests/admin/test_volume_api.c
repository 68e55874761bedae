/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes over REST: made, refused, offline and back, destroyed, imported. */
#include "tests/base/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

static char text[256];

static void a_volume_is_made_with_its_disk_files_and_remembered(void **state)
{
	(void)state;
	assert_true(rest_has_disk("d0") && rest_has_disk("p0"));
	json_t *volume = rest_get(V1 "storage/volumes/vol0");
	assert_string_equal(json_string_value(json_object_get(volume, "state")), "online");
	assert_string_equal(json_string_value(json_object_get(volume, "raid")), "normal");
	json_decref(volume);
	rest_restart();
	volume = rest_get(V1 "storage/volumes/vol0");
	assert_string_equal(json_string_value(json_object_get(volume, "state")), "online");
	json_decref(volume);
}

static void bad_volumes_are_refused_and_leave_nothing(void **state)
{
	(void)state;
	assert_true(rest_refuses("POST", V1 "storage/volumes", MAKE_VOL0, 409, "already"));
	assert_true(
	    rest_refuses("POST", V1 "storage/volumes", "{\"name\": \"a/b\", \"raid_groups\": []}", 400, "name"));
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes",
	                          "{\"name\": \"v1\", \"raid_groups\": [{\"disks\": [\"x\"]}], \"disk_size\": 1048576}",
	                          text),
	                 'f');
	assert_non_null(strstr(text, "2 to 15"));
	assert_int_equal(
	    host_job(&rest_host, "POST", V1 "storage/volumes",
	             "{\"name\": \"v1\", \"raid_groups\": [{\"disks\": [\"x\", \"../y\"]}], \"disk_size\": 1048576}",
	             text),
	    'f');
	assert_int_equal(
	    host_job(&rest_host, "POST", V1 "storage/volumes",
	             "{\"name\": \"v1\", \"raid_groups\": [{\"disks\": [\"x\", \"x\"]}], \"disk_size\": 1048576}",
	             text),
	    'f');
	assert_non_null(strstr(text, "twice"));
	assert_int_equal(
	    host_job(&rest_host, "POST", V1 "storage/volumes",
	             "{\"name\": \"v1\", \"raid_groups\": [{\"disks\": [\"x\", \"d0\"]}], \"disk_size\": 1048576}",
	             text),
	    'f');
	assert_non_null(strstr(text, "vol0"));
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes",
	                          "{\"name\": \"v1\", \"raid_groups\": [{\"disks\": [\"x\", \"y\"]}]}", text),
	                 'f');
	assert_non_null(strstr(text, "disk-size"));
	ramadmin_fail_format = -EIO;
	assert_int_equal(
	    host_job(&rest_host, "POST", V1 "storage/volumes",
	             "{\"name\": \"v1\", \"raid_groups\": [{\"disks\": [\"x\", \"y\"]}], \"disk_size\": 1048576}",
	             text),
	    'f');
	ramadmin_fail_format = 0;
	assert_false(rest_has_disk("x") || rest_has_disk("y"));
	assert_int_equal(rest_count(V1 "storage/volumes"), 1);
}

static void a_volume_goes_offline_and_comes_back(void **state)
{
	(void)state;
	rest_does("PUT", V1 "protocols/nfs/exports/%2Fvol%2Fvol0",
	          "{\"rules\": [{\"client\": \"127.0.0.1\", \"access\": \"rw\"}]}", 201);
	assert_int_equal(rest_host.n_exports, 1);
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text),
	                 's');
	assert_int_equal(rest_host.n_exports, 0);
	rest_does("PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", 409);
	assert_true(rest_refuses("GET", V1 "storage/volumes/vol0/snapshots", NULL, 409, "online"));
	rest_does("GET", V1 "storage/volumes/vol0", NULL, 200);
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text),
	                 's');
	assert_int_equal(rest_host.n_exports, 1);
	assert_int_equal(rest_count(V1 "protocols/nfs/exports"), 1);
}

static void a_volume_that_does_not_mount_says_why_and_can_be_tried_again(void **state)
{
	(void)state;
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text),
	                 's');
	ramadmin_fail_mount = -ENXIO;
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text),
	                 'f');
	assert_non_null(strstr(text, "too many disks"));
	json_t *status = rest_get(V1 "status");
	assert_string_equal(json_string_value(json_object_get(status, "state")), "degraded");
	json_decref(status);
	ramadmin_fail_mount = 0;
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text),
	                 's');
}

static void a_destroyed_volume_is_gone_with_its_disks_and_can_not_be_imported(void **state)
{
	(void)state;
	assert_int_equal(host_job(&rest_host, "DELETE", V1 "storage/volumes/vol0", NULL, text), 's');
	assert_false(rest_has_disk("d0"));
	assert_int_equal(rest_count(V1 "storage/volumes"), 0);
	assert_true(rest_refuses("POST", V1 "protocols/san/igroups", "{\"name\": \"g\"}", 409, "none is online"));
}

static void a_volume_is_imported_under_its_own_name(void **state)
{
	char path[160];
	(void)state;
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes", "{\"disks\": [\"nothing\"]}", text), 'f');
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text),
	                 's');
	assert_int_equal(
	    host_job(&rest_host, "POST", V1 "storage/volumes", "{\"disks\": [\"d0\", \"d1\", \"p0\"]}", text), 'f');
	assert_non_null(strstr(text, "belongs to"));
	host_stop(&rest_host);
	(void)snprintf(path, sizeof path, "%s/volumes.json", rest_host.dir);
	assert_int_equal(unlink(path), 0);
	char dir[64];
	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	host_start(&rest_host, dir);
	assert_int_equal(rest_count(V1 "storage/volumes"), 0);
	assert_int_equal(
	    host_job(&rest_host, "POST", V1 "storage/volumes", "{\"disks\": [\"d0\", \"d1\", \"p0\"]}", text), 's');
	rest_does("GET", V1 "storage/volumes/vol0", NULL, 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rest_setup_vol0, rest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_volume_is_made_with_its_disk_files_and_remembered),
		TEST(bad_volumes_are_refused_and_leave_nothing),
		TEST(a_volume_goes_offline_and_comes_back),
		TEST(a_volume_that_does_not_mount_says_why_and_can_be_tried_again),
		TEST(a_destroyed_volume_is_gone_with_its_disks_and_can_not_be_imported),
		TEST(a_volume_is_imported_under_its_own_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
