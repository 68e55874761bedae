/* SPDX-License-Identifier: Apache-2.0 */
/* Scrubs over REST: start, status, modify, stop, their job, their schedule, and where else the last result is seen. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/fs_info.h"
#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

#define SCRUB V1 "storage/volumes/vol0/scrub"
#define SCHEDULE V1 "storage/volumes/vol0/scrub-schedule"

static struct fs_scrub_disk disks[2];
static struct fs_scrub_lost lost[1];

static const char *text_of(json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	return text == NULL ? "" : text;
}

static json_int_t number_of(json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json, key));
}

/* The job of the scrub gets into this state. */
static bool job_gets(const char *state)
{
	bool is = false;

	for (int i = 0; !is && i < 200; i++) {
		json_t *json = rest_get(V1 "jobs"), *records = json_object_get(json, "records"), *job;
		size_t n;
		json_array_foreach(records, n, job)
			is = is || (strcmp(text_of(job, "kind"), "raid scrub") == 0 &&
			            strcmp(text_of(job, "state"), state) == 0);
		json_decref(json);
		(void)usleep(25000);
	}
	return is;
}

/* It ends, and has found this. */
static void found(uint64_t n_lost)
{
	struct fs_scrub_result result = { .state = FS_SCRUB_DONE,
		                          .started_ns = 1700000000000000000,
		                          .ended_ns = 1700000060000000000,
		                          .disks = disks,
		                          .n_disks = 2,
		                          .lost = lost,
		                          .n_lost = n_lost > 0 };
	json_t *json = rest_get(V1 "storage/disks"), *records = json_object_get(json, "records");

	memset(disks, 0, sizeof disks);
	for (unsigned i = 0; i < 2; i++) {
		json_t *record = json_array_get(records, i == 0 ? 0 : 2);

		(void)snprintf(disks[i].url, sizeof disks[i].url, "%.200s", text_of(record, "name"));
		assert_int_equal(uuid_parse(text_of(record, "uuid"), &disks[i].uuid), 0);
	}
	json_decref(json);
	disks[0].counts = (struct fs_scrub_counts){
		.n_read = 100, .n_wrong = 3, .n_entries = 1, .n_repaired = 4, .n_lost = n_lost
	};
	disks[1].counts = (struct fs_scrub_counts){ .n_read = 100, .n_wrong = 2, .n_repaired = 2 };
	disks[1].is_parity = true;
	lost[0] = (struct fs_scrub_lost){ .vbn = 77, .inode = 70, .fbn = 3, .path = NULL };
	ramadmin_scrub.now = result;
	ramadmin_scrub.percent = 100;
}

static void a_scrub_is_a_job_that_is_followed_to_its_end(void **state)
{
	json_t *json;

	(void)state;
	rest_does("GET", V1 "storage/volumes/nope/scrub", NULL, 404);
	json = rest_answer("GET", SCRUB, NULL, 200);
	assert_string_equal(text_of(json, "state"), "none");
	rest_does("POST", SCRUB, "{\"floor\": 4194304}", 202);
	assert_true(job_gets("running"));
	rest_does("POST", SCRUB, NULL, 409);
	json = rest_answer("GET", SCRUB, NULL, 200);
	assert_string_equal(text_of(json, "state"), "running");
	assert_int_equal(number_of(json, "progress"), 42);
	assert_int_equal(number_of(json, "floor"), 4194304);
	found(0);
	assert_true(job_gets("success"));
	json = rest_answer("GET", SCRUB, NULL, 200);
	assert_string_equal(text_of(json, "state"), "done");
	assert_int_equal(number_of(json, "data_wrong"), 3);
	assert_int_equal(number_of(json, "parity_wrong"), 2);
	assert_int_equal(number_of(json, "entries_wrong"), 1);
	assert_int_equal(number_of(json, "repaired"), 6);
	assert_int_equal(json_array_size(json_object_get(json, "disks")), 2);
	assert_string_equal(text_of(json, "end_time"), "2023-11-14T22:14:20Z");
	rest_does("DELETE", SCRUB, NULL, 409);
}

static void a_stop_answers_how_it_is_and_ends_the_job(void **state)
{
	(void)state;
	rest_does("POST", SCRUB, NULL, 202);
	assert_true(job_gets("running"));
	rest_does("PATCH", SCRUB, "{\"floor\": 1048576}", 200);
	assert_string_equal(text_of(rest_answer("DELETE", SCRUB, NULL, 200), "state"), "stopped");
	assert_true(job_gets("stopped"));
	rest_does("POST", SCRUB, "{\"afresh\": true}", 202);
	assert_true(job_gets("running"));
}

static void lost_blocks_fail_the_job_and_are_named(void **state)
{
	json_t *json;

	(void)state;
	rest_does("POST", SCRUB, NULL, 202);
	found(1);
	assert_true(job_gets("failure"));
	json = json_array_get(json_object_get(rest_answer("GET", SCRUB, NULL, 200), "lost_blocks"), 0);
	assert_int_equal(number_of(json, "vbn"), 77);
	assert_int_equal(number_of(json, "offset"), 3 * 4096);
}

static void the_last_result_is_at_the_disks_of_raid_show(void **state)
{
	json_t *json, *scrub;

	(void)state;
	found(0);
	json = rest_get(V1 "storage/raid-groups?volume=vol0");
	scrub = json_object_get(
	    json_array_get(json_object_get(json_array_get(json_object_get(json, "records"), 0), "disks"), 0), "scrub");
	assert_int_equal(number_of(scrub, "wrong"), 3);
	assert_string_equal(text_of(scrub, "time"), "2023-11-14T22:14:20Z");
	json_decref(json);
}

static void the_schedule_is_weekly_unless_set_and_can_be_off(void **state)
{
	json_t *json;

	(void)state;
	json = rest_answer("GET", SCHEDULE, NULL, 200);
	assert_string_equal(text_of(json, "at"), "sun@02:00");
	assert_string_equal(text_of(json, "every"), "week");
	json = rest_answer("PUT", SCHEDULE, "{\"at\": \"wed\"}", 200);
	assert_string_equal(text_of(json, "at"), "wed@02:00");
	json = rest_answer("PUT", SCHEDULE, "{\"at\": \"3:30\"}", 200);
	assert_string_equal(text_of(json, "at"), "03:30");
	assert_string_equal(text_of(json, "every"), "day");
	assert_true(rest_refuses("PUT", SCHEDULE, "{\"at\": \"someday\"}", 400, "not a day"));
	rest_does("PUT", SCHEDULE, "{\"at\": \"off\"}", 200);
	rest_restart();
	json = rest_answer("GET", SCHEDULE, NULL, 200);
	assert_string_equal(text_of(json, "at"), "off");
	assert_null(json_object_get(json, "next_time"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rest_setup_vol0, rest_teardown)
	const struct CMUnitTest tests[] = {
		T(a_scrub_is_a_job_that_is_followed_to_its_end),     T(a_stop_answers_how_it_is_and_ends_the_job),
		T(lost_blocks_fail_the_job_and_are_named),           T(the_last_result_is_at_the_disks_of_raid_show),
		T(the_schedule_is_weekly_unless_set_and_can_be_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
