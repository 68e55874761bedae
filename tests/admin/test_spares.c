/* SPDX-License-Identifier: Apache-2.0 */
/* Hot spares over REST: added, removed, taken when a disk is lost, and settled after a server that was ended. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

#define SPARES V1 "storage/spares"
#define FAIL V1 "storage/volumes/vol0/disks/fail"

static const char *text_of(json_t *json, const char *key)
{
	const char *value = json_string_value(json_object_get(json, key));
	return value == NULL ? "" : value;
}

/* A member of disk `position` of vol0. */
static const char *shown(size_t position, const char *key)
{
	static char value[256];
	json_t *json = rest_get(V1 "storage/raid-groups?volume=vol0");
	json_t *group = json_array_get(json_object_get(json, "records"), 0);
	(void)snprintf(value, sizeof value, "%s",
	               text_of(json_array_get(json_object_get(group, "disks"), position), key));
	json_decref(json);
	return value;
}

/* A member of spare `name`; "": there is no such spare. */
static const char *spare(const char *name, const char *key)
{
	static char value[256];
	json_t *json = rest_get(SPARES), *record;
	size_t i;

	value[0] = '\0';
	json_array_foreach(json_object_get(json, "records"), i, record) {
		const char *slash = strrchr(text_of(record, "name"), '/');
		if (slash != NULL && strcmp(slash + 1, name) == 0)
			(void)snprintf(value, sizeof value, "%s", text_of(record, key));
	}
	json_decref(json);
	return value;
}

static void add(const char *name, unsigned size, const char *volume)
{
	char body[256];
	(void)snprintf(body, sizeof body, "{\"disk\": \"%s\", \"disk_size\": %u%s%s%s}", name, size,
	               volume == NULL ? "" : ", \"volume\": \"", volume == NULL ? "" : volume,
	               volume == NULL ? "" : "\"");
	rest_does("POST", SPARES, body, 201);
}

static void overwrite(const char *name, const char *bytes)
{
	char path[256];
	(void)snprintf(path, sizeof path, "%s/disks/%s", rest_host.dir, name);
	FILE *file = fopen(path, "r+e");
	assert_non_null(file);
	(void)fputs(bytes, file);
	(void)fclose(file);
}

/* Disk `position` of vol0 is the one called `name`, and it is well; within 20 s. */
static void wait_for(size_t position, const char *name)
{
	for (unsigned i = 0; i < 400; i++) {
		const char *slash = strrchr(shown(position, "name"), '/');
		if (slash != NULL && strcmp(slash + 1, name) == 0 && strcmp(shown(position, "state"), "online") == 0)
			return;
		(void)usleep(50000);
	}
	fail_msg("disk %zu is %s, %s", position, shown(position, "name"), shown(position, "state"));
}

static json_t *state_file(const char *name)
{
	char path[256];
	(void)snprintf(path, sizeof path, "%s/%s", rest_host.dir, name);
	return json_load_file(path, 0, NULL);
}

static bool is_remembered(const char *disk)
{
	char *text;
	json_t *json = state_file("volumes.json");
	text = json_dumps(json, 0);
	bool found = strstr(text, disk) != NULL;
	free(text);
	json_decref(json);
	return found;
}

static void a_spare_is_made_listed_and_removed_again(void **state)
{
	(void)state;
	assert_true(rest_refuses("POST", SPARES, "{\"disk\": \"s1\"}", 404, "--disk-size"));
	assert_true(rest_refuses("POST", SPARES, "{\"disk\": \"s1\", \"volume\": \"nope\"}", 404, "no volume"));
	assert_true(rest_refuses("POST", SPARES, "{\"disk\": \"d1\"}", 409, "belongs to volume"));
	assert_true(rest_refuses("POST", SPARES, "{\"disk\": \"../x\"}", 400, "not a disk"));
	add("s1", 1048576, NULL);
	add("s2", 2097152, "vol0");
	assert_true(rest_has_disk("s1"));
	assert_string_equal(spare("s1", "state"), "spare");
	assert_string_equal(spare("s2", "volume"), "vol0");
	assert_true(rest_refuses("POST", SPARES, "{\"disk\": \"s1\"}", 409, "a hot spare already"));
	assert_true(rest_refuses("DELETE", SPARES "/d1", NULL, 404, "no hot spare"));
	assert_int_equal(rest_count(SPARES), 2);
	assert_int_equal(rest_count(V1 "storage/disks"), 5);
	rest_restart();
	assert_int_equal(rest_count(SPARES "?volume=vol0"), 2);
	assert_string_equal(spare("s2", "volume"), "vol0");
	assert_string_equal(spare("s2", "state"), "spare");
	rest_does("DELETE", SPARES "/s1", NULL, 200);
	assert_false(rest_has_disk("s1"));
	assert_int_equal(rest_count(SPARES), 1);
}

static void a_spare_is_nobody_elses_disk(void **state)
{
	char text[256];
	(void)state;
	add("s1", 1048576, NULL);
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes",
	                          "{\"name\": \"v\", \"raid_groups\": [{\"disks\": [\"s1\", \"x\"]}], \"disk_size\": "
	                          "1048576, \"force\": true}",
	                          text),
	                 'f');
	assert_non_null(strstr(text, "is a hot spare"));
	assert_int_equal(
	    host_job(&rest_host, "POST", V1 "storage/volumes", "{\"disks\": [\"s1\"], \"name\": \"v\"}", text), 'f');
	assert_non_null(strstr(text, "is a hot spare"));
	assert_string_equal(spare("s1", "state"), "spare");
}

static void a_disk_that_holds_something_becomes_one_by_force_and_stays_when_removed(void **state)
{
	char path[256];
	(void)state;
	(void)snprintf(path, sizeof path, "%s/disks/full", rest_host.dir);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	(void)fprintf(file, "ext4 of somebody");
	assert_int_equal(ftruncate(fileno(file), 1048576), 0);
	(void)fclose(file);
	assert_true(rest_refuses("POST", SPARES, "{\"disk\": \"full\"}", 409, "--force"));
	rest_does("POST", SPARES, "{\"disk\": \"full\", \"force\": true}", 201);
	rest_does("DELETE", SPARES "/full", NULL, 200);
	assert_true(rest_has_disk("full"));
	assert_true(rest_refuses("POST", V1 "storage/volumes/vol0/disks/fail", "{\"disk\": \"full\"}", 404, "no disk"));
}

static void the_smallest_own_spare_takes_the_place_of_a_failed_disk(void **state)
{
	(void)state;
	add("tiny", 524288, "vol0");
	add("large", 4194304, "vol0");
	add("own", 2097152, "vol0");
	add("shared", 1048576, NULL);
	rest_does("POST", FAIL, "{\"disk\": \"d1\"}", 200);
	wait_for(1, "own");
	assert_string_equal(spare("own", "state"), "");
	assert_int_equal(rest_count(SPARES), 3);
	assert_true(is_remembered("/own") && !is_remembered("/d1"));
	json_t *jobs = rest_get(V1 "jobs");
	json_t *job = json_array_get(json_object_get(jobs, "records"), 0);
	assert_string_equal(text_of(job, "kind"), "raid rebuild");
	json_decref(jobs);
	rest_does("POST", FAIL, "{\"disk\": \"d0\"}", 200);
	wait_for(0, "large");
	rest_does("POST", FAIL, "{\"disk\": \"p0\"}", 200);
	wait_for(2, "shared");
	rest_restart();
	assert_int_equal(rest_count(SPARES), 1);
	assert_string_equal(spare("tiny", "state"), "spare");
}

static void one_that_is_broken_or_gone_is_said_and_the_next_is_tried(void **state)
{
	char path[256];
	(void)state;
	add("s1", 1048576, NULL);
	add("s2", 1048577, NULL);
	add("s3", 1048578, NULL);
	overwrite("s1", "ext4");
	(void)snprintf(path, sizeof path, "%s/disks/s2", rest_host.dir);
	assert_int_equal(unlink(path), 0);
	assert_string_equal(spare("s1", "state"), "broken");
	assert_non_null(strstr(spare("s1", "reason"), "a file system (ext4)"));
	assert_string_equal(spare("s2", "state"), "missing");
	json_t *status = rest_get(V1 "status");
	assert_string_equal(text_of(status, "state"), "degraded");
	assert_int_equal(json_array_size(json_object_get(status, "problems")), 2);
	json_decref(status);
	rest_does("POST", FAIL, "{\"disk\": \"d1\"}", 200);
	wait_for(1, "s3");
	rest_does("DELETE", SPARES "/s1", NULL, 200);
	assert_true(rest_has_disk("s1")); /* it is somebody else's now */
	rest_does("DELETE", SPARES "/s2", NULL, 200);
}

static void one_that_cannot_take_the_place_is_refused_until_the_next_start(void **state)
{
	(void)state;
	add("s1", 1048576, NULL);
	ramadmin_fail_replace = -EIO;
	rest_does("POST", FAIL, "{\"disk\": \"d1\"}", 200);
	for (unsigned i = 0; i < 400 && strcmp(spare("s1", "state"), "broken") != 0; i++)
		(void)usleep(50000);
	assert_string_equal(spare("s1", "state"), "broken");
	assert_false(is_remembered("/s1"));
	ramadmin_fail_replace = 0;
	add("s2", 1048577, NULL);
	wait_for(1, "s2");
	rest_restart();
	assert_string_equal(spare("s1", "state"), "spare"); /* its label is there again */
	assert_int_equal(rest_count(SPARES), 1);
}

static void what_is_in_the_way_for_a_while_is_not_the_spares_fault(void **state)
{
	(void)state;
	add("s1", 1048576, NULL);
	ramadmin_fail_replace = -ENOSPC;
	rest_does("POST", FAIL, "{\"disk\": \"d1\"}", 200);
	(void)sleep(3);
	assert_string_equal(spare("s1", "state"), "spare");
	assert_string_equal(shown(1, "state"), "failed");
	ramadmin_fail_replace = 0;
	wait_for(1, "s1");
}

/* The server was ended after the spare was remembered as a disk of vol0. `member`: the volume has it. */
static void end_in_the_middle(bool member)
{
	char dir[sizeof rest_host.dir], path[256], from[256], to[256];

	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	host_stop(&rest_host);
	json_t *json = state_file("volumes.json");
	json_t *disks = json_object_get(json_array_get(json_object_get(json, "volumes"), 0), "disks");
	(void)json_array_append_new(disks, json_sprintf("file:%s/disks/s1", dir));
	(void)snprintf(path, sizeof path, "%s/volumes.json", dir);
	assert_int_equal(json_dump_file(json, path, 0), 0);
	json_decref(json);
	(void)snprintf(path, sizeof path, "%s/disks/s1", dir);
	FILE *file = fopen(path, "we"); /* it was blanked */
	assert_int_equal(ftruncate(fileno(file), 1048576), 0);
	(void)fclose(file);
	(void)snprintf(from, sizeof from, "%s/disks/d1", dir);
	(void)snprintf(to, sizeof to, "%s/disks/s1", dir);
	if (member)
		ramadmin_move_disk(from, to);
	host_start(&rest_host, dir);
}

static void wait_for_spare(const char *name, const char *expected)
{
	for (unsigned i = 0; i < 400 && strcmp(spare(name, "state"), expected) != 0; i++)
		(void)usleep(50000);
	assert_string_equal(spare(name, "state"), expected);
}

static void a_spare_that_was_taken_but_is_no_member_is_a_spare_again(void **state)
{
	(void)state;
	add("s1", 1048576, NULL);
	end_in_the_middle(false);
	wait_for_spare("s1", "spare");
	assert_false(is_remembered("/s1"));
	rest_does("POST", FAIL, "{\"disk\": \"d1\"}", 200);
	wait_for(1, "s1");
}

static void a_spare_that_is_a_member_leaves_the_list(void **state)
{
	(void)state;
	add("s1", 1048576, NULL);
	end_in_the_middle(true);
	wait_for_spare("s1", "");
	assert_true(is_remembered("/s1"));
	assert_non_null(strstr(shown(1, "name"), "/s1"));
	assert_true(rest_refuses("POST", SPARES, "{\"disk\": \"s1\"}", 409, "belongs to volume"));
}

static void a_list_that_cannot_be_read_is_kept_and_said(void **state)
{
	char path[256], dir[sizeof rest_host.dir];
	(void)state;
	add("s1", 1048576, NULL);
	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	host_stop(&rest_host);
	(void)snprintf(path, sizeof path, "%s/spares.json", dir);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	(void)fputs("{]", file);
	(void)fclose(file);
	host_start(&rest_host, dir);
	assert_int_equal(rest_count(SPARES), 0);
	rest_does("POST", SPARES, "{\"disk\": \"s2\", \"disk_size\": 1048576}", 500);
	json_t *status = rest_get(V1 "status");
	char *text = json_dumps(status, 0);
	assert_non_null(strstr(text, "list of hot spares"));
	free(text);
	json_decref(status);
	char kept[3] = "";
	file = fopen(path, "re");
	assert_non_null(fgets(kept, 3, file));
	(void)fclose(file);
	assert_string_equal(kept, "{]");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rest_setup_vol0, rest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_spare_is_made_listed_and_removed_again),
		TEST(a_spare_is_nobody_elses_disk),
		TEST(a_disk_that_holds_something_becomes_one_by_force_and_stays_when_removed),
		TEST(the_smallest_own_spare_takes_the_place_of_a_failed_disk),
		TEST(one_that_is_broken_or_gone_is_said_and_the_next_is_tried),
		TEST(one_that_cannot_take_the_place_is_refused_until_the_next_start),
		TEST(what_is_in_the_way_for_a_while_is_not_the_spares_fault),
		TEST(a_spare_that_was_taken_but_is_no_member_is_a_spare_again),
		TEST(a_spare_that_is_a_member_leaves_the_list),
		TEST(a_list_that_cannot_be_read_is_kept_and_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
