/* SPDX-License-Identifier: Apache-2.0 */
/* Checks over REST, as jobs. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

static char text[256];

static void a_check_that_finds_errors_fails_and_shows_them(void **state)
{
	(void)state;
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes/vol0/check", NULL, text), 's');
	ramadmin_check_errors = 1;
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes/vol0/check", NULL, text), 'f');
	assert_non_null(strstr(text, "block 7"));
}

/* Start a check that goes on; its job's path. */
static void start_endless_check(char path[128])
{
	json_t *json = NULL;

	ramadmin_check_hangs = true;
	assert_int_equal(host_ask(&rest_host, "POST", V1 "storage/volumes/vol0/check", NULL, NULL, &json), 202);
	(void)snprintf(path, 128, V1 "jobs/%s",
	               json_string_value(json_object_get(json_object_get(json, "job"), "uuid")));
	json_decref(json);
}

/* Within some seconds the job is in this state and this far. */
static bool job_gets(const char *path, const char *state, int progress)
{
	bool is = false;

	for (int i = 0; !is && i < 200; i++) {
		(void)usleep(25000);
		json_t *json = rest_get(path);
		is = strcmp(json_string_value(json_object_get(json, "state")), state) == 0 &&
		     json_integer_value(json_object_get(json, "progress")) == progress;
		json_decref(json);
	}
	return is;
}

static void a_check_shows_its_progress_and_can_be_cancelled(void **state)
{
	char path[128];

	(void)state;
	start_endless_check(path);
	assert_true(job_gets(path, "running", 42));
	rest_does("POST", V1 "storage/volumes/vol0/check", NULL, 409);
	rest_does("DELETE", path, NULL, 200);
	assert_true(job_gets(path, "cancelled", 42));
	rest_does("DELETE", path, NULL, 409);
	ramadmin_check_hangs = false;
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes/vol0/check", NULL, text), 's');
}

static void a_stop_waits_for_no_check(void **state)
{
	char path[128];

	(void)state;
	start_endless_check(path);
	host_stop(&rest_host);
	ramadmin_check_hangs = false;
	char dir[64];
	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	host_start(&rest_host, dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rest_setup_vol0, rest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_check_that_finds_errors_fails_and_shows_them),
		TEST(a_check_shows_its_progress_and_can_be_cancelled),
		TEST(a_stop_waits_for_no_check),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
