/* SPDX-License-Identifier: Apache-2.0 */
/* Disks over REST: one called failed, another in its place, the job of its rebuild, and what is remembered. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

#define FAIL V1 "storage/volumes/vol0/disks/fail"
#define REPLACE V1 "storage/volumes/vol0/disks/replace"

static char text[1024];

static const char *text_of(json_t *json, const char *key)
{
	const char *value = json_string_value(json_object_get(json, key));
	return value == NULL ? "" : value;
}

/* The member of disk `position` in the one group of vol0, and of the group when position is -1. */
static const char *shown(int position, const char *key)
{
	static char value[256];
	json_t *json = rest_get(V1 "storage/raid-groups?volume=vol0");
	json_t *group = json_array_get(json_object_get(json, "records"), 0);
	json_t *from = position < 0 ? group : json_array_get(json_object_get(group, "disks"), (size_t)position);
	(void)snprintf(value, sizeof value, "%s", text_of(from, key));
	json_decref(json);
	return value;
}

/* What volumes.json has of vol0 as text. */
static bool is_remembered(const char *disk)
{
	char path[256], bytes[8192];
	(void)snprintf(path, sizeof path, "%s/volumes.json", rest_host.dir);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	bytes[fread(bytes, 1, sizeof bytes - 1, file)] = '\0';
	(void)fclose(file);
	return strstr(bytes, disk) != NULL;
}

static char replace(const char *disk, const char *with, bool force)
{
	char body[512];
	(void)snprintf(body, sizeof body, "{\"disk\": \"%s\", \"with\": \"%s\"%s}", disk, with,
	               force ? ", \"force\": true" : "");
	return host_job(&rest_host, "POST", REPLACE, body, text);
}

static void a_disk_is_failed_by_name_or_place_once(void **state)
{
	(void)state;
	rest_does("POST", V1 "storage/volumes/nope/disks/fail", "{\"disk\": \"d0\"}", 404);
	assert_true(rest_refuses("POST", FAIL, "{\"disk\": \"d7\"}", 404, "has no disk"));
	assert_true(rest_refuses("POST", FAIL, "{\"disk\": \"0.3\"}", 404, "GROUP.POSITION"));
	assert_true(rest_refuses("POST", FAIL, "{}", 400, "disk"));
	rest_does("POST", FAIL, "{\"disk\": \"d1\"}", 200);
	assert_string_equal(shown(1, "state"), "failed");
	assert_string_equal(shown(-1, "state"), "degraded");
	assert_true(rest_refuses("POST", FAIL, "{\"disk\": \"0.1\"}", 409, "lost already"));
	assert_true(rest_refuses("POST", FAIL, "{\"disk\": \"0.0\"}", 409, "cannot do without"));
}

static void a_new_disk_is_made_rebuilt_and_remembered(void **state)
{
	(void)state;
	assert_true(rest_refuses("POST", REPLACE, "{\"disk\": \"d1\", \"with\": \"n1\"}", 409, "only a lost one"));
	assert_false(rest_has_disk("n1"));
	rest_does("POST", FAIL, "{\"disk\": \"d1\"}", 200);
	assert_int_equal(replace("d1", "n1", false), 's'); /* the job ends with the rebuild */
	assert_true(rest_has_disk("n1"));
	assert_true(strstr(shown(1, "name"), "/n1") != NULL);
	assert_string_equal(shown(1, "state"), "online");
	assert_string_equal(shown(-1, "state"), "normal");
	assert_true(is_remembered("/n1") && !is_remembered("/d1"));
	assert_true(rest_has_disk("d1")); /* nobody asked for it to go */
	rest_does("POST", FAIL, "{\"disk\": \"0.1\"}", 200);
	rest_does("POST", REPLACE, "{\"disk\": \"0.1\", \"with\": \"n2\"}", 202);
	assert_string_equal(shown(-1, "state"), "reconstructing");
	rest_restart();
	assert_true(is_remembered("/n2"));
}

static void a_disk_that_does_not_do_is_refused_and_nothing_stays(void **state)
{
	char path[256];
	FILE *file;
	(void)state;
	rest_does("POST", FAIL, "{\"disk\": \"d1\"}", 200);
	assert_int_equal(replace("d1", "d0", true), 'f');
	assert_non_null(strstr(text, "belongs to volume"));
	assert_int_equal(replace("d1", "/somewhere/else", false), 'f');
	(void)snprintf(path, sizeof path, "%s/disks/small", rest_host.dir);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), 524288), 0);
	(void)fclose(file);
	assert_int_equal(replace("d1", "small", false), 'f');
	assert_non_null(strstr(text, "too small: it has 524288 bytes, and 1048576 are needed"));
	(void)snprintf(path, sizeof path, "%s/disks/full", rest_host.dir);
	file = fopen(path, "we");
	assert_non_null(file);
	(void)fprintf(file, "ext4 of somebody");
	assert_int_equal(ftruncate(fileno(file), 1048576), 0);
	(void)fclose(file);
	assert_int_equal(replace("d1", "full", false), 'f');
	assert_non_null(strstr(text, "--force"));
	ramadmin_fail_replace = -EIO;
	assert_int_equal(replace("d1", "made", false), 'f');
	ramadmin_fail_replace = 0;
	assert_false(rest_has_disk("made"));
	assert_false(is_remembered("/made") || is_remembered("/full") || is_remembered("/small"));
	assert_true(is_remembered("/d1"));
	assert_string_equal(shown(-1, "state"), "degraded");
	assert_int_equal(replace("d1", "full", true), 's');
	assert_string_equal(shown(-1, "state"), "normal");
}

static char take_back(const char *body)
{
	return host_job(&rest_host, "POST", V1 "storage/volumes/vol0/disks/online", body, text);
}

static void a_lost_disk_is_taken_back_where_it_is_now(void **state)
{
	(void)state;
	assert_true(
	    rest_refuses("POST", V1 "storage/volumes/vol0/disks/online", "{\"disk\": \"d1\"}", 409, "it is not lost"));
	assert_true(
	    rest_refuses("POST", V1 "storage/volumes/vol0/disks/online", "{\"disk\": \"d7\"}", 404, "has no disk"));
	rest_does("POST", FAIL, "{\"disk\": \"d1\"}", 200);
	ramadmin_fail_replace = -ENXIO;
	assert_int_equal(take_back("{\"disk\": \"d1\", \"at\": \"elsewhere\"}"), 'f');
	assert_non_null(strstr(text, "it is not the disk that had this place"));
	assert_false(rest_has_disk("elsewhere"));
	ramadmin_fail_replace = 0;
	assert_int_equal(take_back("{\"disk\": \"d1\", \"at\": \"d0\"}"), 'f');
	assert_non_null(strstr(text, "belongs to volume"));
	assert_int_equal(take_back("{\"disk\": \"d1\"}"), 's');
	assert_string_equal(shown(-1, "state"), "normal");
	assert_true(is_remembered("/d1"));
	rest_does("POST", FAIL, "{\"disk\": \"d1\"}", 200);
	assert_int_equal(take_back("{\"disk\": \"0.1\", \"at\": \"moved\"}"), 's');
	assert_true(is_remembered("/moved") && !is_remembered("/d1"));
}

static json_int_t limit(const char *key)
{
	json_t *json = rest_get(V1 "storage/raid-groups?volume=vol0");
	json_t *disk = json_array_get(json_object_get(json_array_get(json_object_get(json, "records"), 0), "disks"), 2);
	json_int_t value = json_integer_value(json_object_get(json_object_get(disk, "limits"), key));

	json_decref(json);
	return value;
}

static void limits_are_changed_one_by_one(void **state)
{
	(void)state;
	assert_int_equal(limit("read_errors"), 64);
	rest_does("PATCH", V1 "storage/volumes/vol0/raid", "{\"read_errors\": 8}", 200);
	rest_does("PATCH", V1 "storage/volumes/vol0/raid", "{\"checksum_errors\": 0, \"rebuild_floor\": 1048576}", 200);
	assert_int_equal(limit("read_errors"), 8);
	assert_int_equal(limit("checksum_errors"), 0);
	assert_int_equal(limit("identity_errors"), 256);
	assert_int_equal(limit("rebuild_floor"), 1048576);
	assert_true(rest_refuses("PATCH", V1 "storage/volumes/vol0/raid", "{\"read_errors\": -1}", 400, "read_errors"));
	assert_true(rest_refuses("PATCH", V1 "storage/volumes/vol0/raid", "{\"rebuild_floor\": 4096}", 400, "64 KiB"));
	rest_does("PATCH", V1 "storage/volumes/nope/raid", "{\"read_errors\": 8}", 404);
}

static void a_worn_disk_says_why_it_should_be_replaced(void **state)
{
	(void)state;
	ramadmin_worn = true;
	assert_string_equal(shown(1, "state"), "online");
	assert_string_equal(shown(1, "reason"), "should be replaced: 70 read errors");
	assert_string_equal(shown(-1, "state"), "normal");
}

/* ---- growth ---- */

#define ADD_DISK V1 "storage/volumes/vol0/disks"
#define ADD_GROUP V1 "storage/volumes/vol0/raid-groups"

static void a_disk_that_joins_is_made_and_remembered(void **state)
{
	(void)state;
	rest_does("POST", V1 "storage/volumes/nope/disks", "{\"disk\": \"n1\"}", 404);
	assert_true(rest_refuses("POST", ADD_DISK, "{\"disk\": \"n1\", \"group\": 3}", 404, "no RAID group 3"));
	assert_true(rest_refuses("POST", ADD_DISK, "{}", 400, "disk"));
	assert_true(rest_refuses("POST", ADD_DISK, "{\"disk\": \"n1\", \"disk_size\": 1000}", 400, "multiple"));
	assert_int_equal(host_job(&rest_host, "POST", ADD_DISK, "{\"disk\": \"n1\"}", text), 's');
	assert_true(rest_has_disk("n1") && is_remembered("/n1"));
	assert_int_equal(host_job(&rest_host, "POST", ADD_DISK, "{\"disk\": \"n1\"}", text), 'f');
	assert_non_null(strstr(text, "belongs to volume"));
	rest_restart();
	assert_true(is_remembered("/n1"));
}

static void a_disk_that_cannot_join_is_gone_again(void **state)
{
	(void)state;
	ramadmin_fail_replace = -EIO;
	assert_int_equal(host_job(&rest_host, "POST", ADD_DISK, "{\"disk\": \"n1\"}", text), 'f');
	assert_non_null(strstr(text, "vcadm raid replace"));
	ramadmin_fail_replace = -EMLINK;
	assert_int_equal(host_job(&rest_host, "POST", ADD_DISK, "{\"disk\": \"n1\"}", text), 'f');
	assert_non_null(strstr(text, "as many disks as there can be"));
	ramadmin_fail_replace = 0;
	assert_false(rest_has_disk("n1") || is_remembered("/n1"));
	assert_true(is_remembered("/d0") && rest_has_disk("d0"));
}

/* The error came after the labels: whether the disk is a member only a start can tell. */
static void a_disk_that_may_have_joined_stays(void **state)
{
	(void)state;
	ramadmin_fail_replace = -EIO;
	ramadmin_grow_labels = true;
	assert_int_equal(host_job(&rest_host, "POST", ADD_DISK, "{\"disk\": \"n1\"}", text), 'f');
	ramadmin_grow_labels = false;
	ramadmin_fail_replace = 0;
	assert_true(rest_has_disk("n1") && is_remembered("/n1"));
}

static void a_group_that_joins_is_made_and_remembered(void **state)
{
	(void)state;
	assert_true(rest_refuses("POST", ADD_GROUP, "{\"disks\": [\"n1\"]}", 400, "2 to"));
	assert_int_equal(host_job(&rest_host, "POST", ADD_GROUP, "{\"disks\": [\"n1\", \"n2\"]}", text), 'f');
	assert_non_null(strstr(text, "--disk-size"));
	assert_false(is_remembered("/n1"));
	assert_int_equal(
	    host_job(&rest_host, "POST", ADD_GROUP, "{\"disks\": [\"n1\", \"n2\"], \"disk_size\": 1048576}", text),
	    's');
	assert_true(rest_has_disk("n1") && rest_has_disk("n2"));
	assert_true(is_remembered("/n1") && is_remembered("/n2"));
}

/* ---- levels ---- */

#define CONVERT V1 "storage/volumes/vol0/raid/convert"

static char make_v1(const char *level, const char *disks)
{
	char body[512];
	(void)snprintf(
	    body, sizeof body,
	    "{\"name\": \"v1\", \"raid\": \"%s\", \"raid_groups\": [{\"disks\": [%s]}], \"disk_size\": 1048576}", level,
	    disks);
	return host_job(&rest_host, "POST", V1 "storage/volumes", body, text);
}

static void a_level_says_how_many_disks_it_takes(void **state)
{
	(void)state;
	assert_int_equal(make_v1("raid5", "\"x0\", \"x1\""), 'f');
	assert_non_null(strstr(text, "there is no RAID level \"raid5\": raid4, dp or mirror"));
	assert_int_equal(make_v1("dp", "\"x0\", \"x1\""), 'f');
	assert_non_null(strstr(text, "3 to 16 disks (1 to 14 data disks, then the two parity disks), not 2"));
	assert_int_equal(make_v1("mirror", "\"x0\", \"x1\", \"x2\", \"x3\""), 'f');
	assert_non_null(strstr(text, "of level mirror has 2 to 3 disks"));
	assert_false(rest_has_disk("x0"));
	assert_int_equal(make_v1("mirror", "\"x0\", \"x1\", \"x2\""), 's');
}

/* What raid show has of the one group of `volume`. */
static json_int_t may_lose(const char *volume)
{
	char url[128];
	(void)snprintf(url, sizeof url, V1 "storage/raid-groups?volume=%s", volume);
	json_t *json = rest_get(url);
	json_t *group = json_array_get(json_object_get(json, "records"), 0);
	json_int_t n = json_integer_value(json_object_get(group, "may_lose"));
	json_decref(json);
	return n;
}

static bool status_says(const char *what)
{
	json_t *json = rest_get(V1 "status");
	char *said = json_dumps(json, 0);
	bool found = strstr(said, what) != NULL;
	free(said);
	json_decref(json);
	return found;
}

static void a_group_of_double_parity_may_lose_two_disks(void **state)
{
	(void)state;
	assert_int_equal(make_v1("dp", "\"x0\", \"x1\", \"x2\", \"x3\""), 's');
	json_t *json = rest_get(V1 "storage/raid-groups?volume=v1");
	json_t *group = json_array_get(json_object_get(json, "records"), 0);
	static const char *const roles[] = { "data", "data", "parity", "parity2" };
	assert_string_equal(text_of(group, "type"), "dp");
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(text_of(json_array_get(json_object_get(group, "disks"), i), "role"), roles[i]);
	json_decref(json);
	assert_int_equal(may_lose("v1"), 2);
	rest_does("POST", V1 "storage/volumes/v1/disks/fail", "{\"disk\": \"0.0\"}", 200);
	assert_int_equal(may_lose("v1"), 1);
	assert_true(status_says("one more disk may be lost there, but not two"));
	rest_does("POST", V1 "storage/volumes/v1/disks/fail", "{\"disk\": \"0.3\"}", 200);
	assert_int_equal(may_lose("v1"), 0);
	assert_true(status_says("parity2 disk") && status_says("one more disk lost there loses data"));
	assert_true(status_says("is degraded") && !status_says("has failed"));
	assert_true(rest_refuses("POST", V1 "storage/volumes/v1/disks/fail", "{\"disk\": \"0.1\"}", 409,
	                         "has lost as many as its parity replaces"));
}

static void no_group_is_weaker_than_those_of_its_volume(void **state)
{
	(void)state;
	assert_int_equal(make_v1("dp", "\"x0\", \"x1\", \"x2\""), 's');
	assert_true(rest_refuses("POST", V1 "storage/volumes/v1/raid-groups",
	                         "{\"raid\": \"raid4\", \"disks\": [\"y0\", \"y1\", \"y2\"]}", 400,
	                         "survives the loss of 2 disks, this one would survive 1"));
	assert_true(rest_refuses("POST", V1 "storage/volumes/v1/raid-groups", "{\"disks\": [\"y0\", \"y1\"]}", 400,
	                         "of level dp has 3 to 16 disks"));
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes/v1/raid-groups",
	                          "{\"disks\": [\"y0\", \"y1\", \"y2\"], \"disk_size\": 1048576}", text),
	                 's');
	assert_int_equal(host_job(&rest_host, "POST", ADD_GROUP,
	                          "{\"raid\": \"dp\", \"disks\": [\"z0\", \"z1\", \"z2\"], \"disk_size\": 1048576}",
	                          text),
	                 's'); /* a stronger one may join */
}

static void a_group_is_converted_once(void **state)
{
	(void)state;
	assert_true(
	    rest_refuses("POST", CONVERT, "{\"to\": \"raid4\", \"disk\": \"q\"}", 400, "can be converted to dp"));
	assert_true(rest_refuses("POST", CONVERT, "{\"to\": \"dp\"}", 400, "disk"));
	assert_true(
	    rest_refuses("POST", CONVERT, "{\"to\": \"dp\", \"disk\": \"q\", \"group\": 7}", 404, "no RAID group 7"));
	ramadmin_fail_replace = -EIO;
	assert_int_equal(host_job(&rest_host, "POST", CONVERT, "{\"to\": \"dp\", \"disk\": \"q\"}", text), 'f');
	assert_non_null(strstr(text, "does not change its RAID level"));
	assert_false(rest_has_disk("q") || is_remembered("/q"));
	ramadmin_fail_replace = 0;
	assert_string_equal(shown(-1, "type"), "raid4");
	assert_int_equal(host_job(&rest_host, "POST", CONVERT, "{\"to\": \"dp\", \"disk\": \"q\"}", text), 's');
	assert_true(rest_has_disk("q") && is_remembered("/q"));
	assert_string_equal(shown(-1, "type"), "dp");
	assert_string_equal(shown(3, "role"), "parity2");
	assert_string_equal(shown(-1, "state"), "normal"); /* the job ends with the rebuild */
	assert_true(rest_refuses("POST", CONVERT, "{\"to\": \"dp\", \"disk\": \"r\"}", 409, "every RAID group"));
	assert_true(rest_refuses("POST", CONVERT, "{\"to\": \"dp\", \"disk\": \"r\", \"group\": 0}", 409,
	                         "has two parity disks already"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rest_setup_vol0, rest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_disk_is_failed_by_name_or_place_once),
		TEST(a_new_disk_is_made_rebuilt_and_remembered),
		TEST(a_disk_that_does_not_do_is_refused_and_nothing_stays),
		TEST(a_lost_disk_is_taken_back_where_it_is_now),
		TEST(limits_are_changed_one_by_one),
		TEST(a_worn_disk_says_why_it_should_be_replaced),
		TEST(a_disk_that_joins_is_made_and_remembered),
		TEST(a_disk_that_cannot_join_is_gone_again),
		TEST(a_disk_that_may_have_joined_stays),
		TEST(a_level_says_how_many_disks_it_takes),
		TEST(a_group_of_double_parity_may_lose_two_disks),
		TEST(no_group_is_weaker_than_those_of_its_volume),
		TEST(a_group_is_converted_once),
		TEST(a_group_that_joins_is_made_and_remembered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
