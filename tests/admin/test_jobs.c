/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs over the end of a process, in good order or not, and while their volume is offline. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

#define CLONE V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone"
#define CHECK V1 "storage/volumes/vol0/check"
#define DISKS V1 "storage/volumes/vol0/disks/"

static char text[256], dir[64];

static int setup(void **state)
{
	if (rest_setup_vol0(state) != 0)
		return -1;
	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	rest_make_backed();
	return 0;
}

/* Ask for a job that does not end by itself; its path. */
static void begin_with(const char *path, const char *body, char job[128])
{
	json_t *json = NULL;

	ramadmin_clone_step = 0;
	ramadmin_check_hangs = true;
	assert_int_equal(host_ask(&rest_host, "POST", path, body, NULL, &json), 202);
	(void)snprintf(job, 128, V1 "jobs/%s",
	               json_string_value(json_object_get(json_object_get(json, "job"), "uuid")));
	json_decref(json);
}

static void begin(const char *path, char job[128])
{
	begin_with(path, NULL, job);
}

static bool has(json_t *json, const char *key, const char *value)
{
	const char *is = json_string_value(json_object_get(json, key));
	return is != NULL && strcmp(is, value) == 0;
}

/* Within some seconds the job is in this state, and says that. */
static void job_becomes(const char *job, const char *state, const char *words)
{
	bool is = false;

	for (int i = 0; !is && i < 400; i++) {
		json_t *json = NULL;
		(void)usleep(i == 0 ? 0 : 25000);
		if (host_ask(&rest_host, "GET", job, NULL, NULL, &json) == 200) {
			const char *said = json_string_value(
			    json_object_get(json_object_get(json, "error"), "message"));
			is = has(json, "state", state) && strstr(said == NULL ? "" : said, words) != NULL;
		}
		json_decref(json);
	}
	assert_true(is);
}

/* What jobs.json holds; "": not there. */
static void jobs_read(char *bytes, size_t size)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/jobs.json", dir);
	FILE *file = fopen(path, "re");
	size_t n = file == NULL ? 0 : fread(bytes, 1, size - 1, file);
	bytes[n] = '\0';
	if (file != NULL)
		(void)fclose(file);
}

static void jobs_write(const char *bytes)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/jobs.json", dir);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, strlen(bytes), file), strlen(bytes));
	assert_int_equal(fclose(file), 0);
}

/* As after kill -9: what the file holds now is what the next process finds. */
static void crash(void)
{
	char bytes[65536];

	jobs_read(bytes, sizeof bytes);
	host_stop(&rest_host);
	ramadmin_check_hangs = false;
	jobs_write(bytes);
	host_start(&rest_host, dir);
}

static void restart(void)
{
	host_stop(&rest_host);
	ramadmin_check_hangs = false;
	host_start(&rest_host, dir);
}

static size_t n_jobs(const char *kind)
{
	json_t *json = NULL, *job;
	size_t n = 0, i;

	assert_int_equal(host_ask(&rest_host, "GET", V1 "jobs", NULL, NULL, &json), 200);
	json_array_foreach(json_object_get(json, "records"), i, job)
		n += has(job, "kind", kind);
	json_decref(json);
	return n;
}

static void a_clone_has_the_same_job_after_a_crash_and_after_a_stop(void **state)
{
	char job[128];

	(void)state;
	begin(CLONE, job);
	crash();
	job_becomes(job, "running", "");
	restart();
	job_becomes(job, "running", "");
	assert_int_equal(n_jobs("lun clone"), 1);
	ramadmin_clone_step = 1000;
	job_becomes(job, "success", "");
	crash();
	rest_does("GET", job, NULL, 404); /* it was over */
}

static void a_check_that_a_crash_or_a_stop_ended_is_shown_as_interrupted(void **state)
{
	char first[128], second[128];

	(void)state;
	begin(CHECK, first);
	crash();
	job_becomes(first, "interrupted", "start it again");
	begin(CHECK, second);
	restart();
	job_becomes(second, "interrupted", "start it again");
	job_becomes(first, "interrupted", "start it again"); /* still */
	job_becomes(V1 "status", "degraded", "");
	rest_does("DELETE", first, NULL, 409);
	assert_int_equal(host_job(&rest_host, "POST", CHECK, NULL, text), 's');
	job_becomes(V1 "status", "ok", ""); /* it was done since */
}

static void the_space_of_a_snapshot_comes_back_under_the_same_job(void **state)
{
	char job[128];
	json_t *json = NULL;

	(void)state;
	rest_does("POST", V1 "storage/volumes/vol0/snapshots", "{\"name\": \"s2\"}", 201);
	ramadmin_reclaim_looks = 1000000;
	assert_int_equal(host_ask(&rest_host, "DELETE", V1 "storage/volumes/vol0/snapshots/s2", NULL, NULL, &json),
	                 202);
	(void)snprintf(job, sizeof job, V1 "jobs/%s",
	               json_string_value(json_object_get(json_object_get(json, "job"), "uuid")));
	json_decref(json);
	crash();
	job_becomes(job, "running", "");
	ramadmin_reclaim_looks = 0;
	rest_does("DELETE", job, NULL, 409); /* can't be stopped */
}

static void a_clone_waits_for_its_volume(void **state)
{
	char job[128];

	(void)state;
	begin(CLONE, job);
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text),
	                 's');
	job_becomes(job, "paused", "offline");
	rest_does("DELETE", job, NULL, 409);
	crash();
	job_becomes(job, "paused", "offline");
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text),
	                 's');
	job_becomes(job, "running", "");
	assert_int_equal(n_jobs("lun clone"), 1);
	rest_does("DELETE", job, NULL, 200);
	job_becomes(job, "stopped", "start it again to go on");
}

static void a_rebuild_has_the_same_job_after_a_crash_and_waits_for_its_volume(void **state)
{
	char job[128], second[128];

	(void)state;
	rest_does("POST", DISKS "fail", "{\"disk\": \"d1\"}", 200);
	begin_with(DISKS "replace", "{\"disk\": \"d1\", \"with\": \"n1\"}", job);
	job_becomes(job, "running", "");
	crash();
	job_becomes(job, "success", "");
	crash();
	assert_int_equal(n_jobs("raid rebuild"), 0); /* it was over, and is not called interrupted */
	job_becomes(V1 "status", "ok", "");
	rest_does("POST", DISKS "fail", "{\"disk\": \"n1\"}", 200);
	begin_with(DISKS "replace", "{\"disk\": \"n1\", \"with\": \"n2\"}", second);
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text),
	                 's');
	job_becomes(second, "paused", "offline");
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text),
	                 's');
	job_becomes(second, "success", "");
	assert_int_equal(n_jobs("raid rebuild"), 1);
}

static void a_clone_ends_with_its_volume(void **state)
{
	char job[128], other[128];

	(void)state;
	begin(CLONE, job);
	assert_int_equal(host_job(&rest_host, "DELETE", V1 "storage/volumes/vol0", NULL, text), 's');
	job_becomes(job, "failure", "not there any more");
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes", MAKE_VOL0, text), 's');
	rest_make_backed();
	begin(CLONE, other);
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text),
	                 's');
	job_becomes(other, "paused", "offline");
	assert_int_equal(host_job(&rest_host, "DELETE", V1 "storage/volumes/vol0", NULL, text), 's');
	job_becomes(other, "failure", "not there any more");
}

/* Whatever is in the file: the server starts, and shows of it what makes sense. */
static void a_damaged_list_of_jobs_does_not_hurt(void **state)
{
	static const char *const lists[] = {
		"",
		"{",
		"[]",
		"{\"version\": 2, \"jobs\": []}",
		"{\"version\": 1}",
		"{\"version\": 1, \"jobs\": 7}",
		"{\"version\": 1, \"jobs\": [7, {}, {\"uuid\": \"x\"}, {\"uuid\": "
		"\"6f1e1e1e-0000-4000-8000-000000000000\", \"kind\": 7}]}",
		"{\"version\": 1, \"jobs\": [{\"uuid\": \"6f1e1e1e-0000-4000-8000-000000000001\", \"kind\": \"lun "
		"clone and much more than "
		"any has\","
		" \"target\": \"/vol/vol0/x\", \"description\": \"\"}]}",
		"{\"version\": 1, \"jobs\": [{\"uuid\": \"6f1e1e1e-0000-4000-8000-000000000002\", \"kind\": \"lun "
		"clone\", \"target\": "
		"\"/vol/gone/x\","
		" \"description\": \"\"}, {\"uuid\": \"6f1e1e1e-0000-4000-8000-000000000002\", \"kind\": \"lun "
		"clone\", \"target\": "
		"\"/vol/vol0/x\","
		" \"description\": \"\"}]}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		host_stop(&rest_host);
		jobs_write(lists[i]);
		host_start(&rest_host, dir);
		assert_int_equal(n_jobs("lun clone"), i == 8);
	}
	job_becomes(V1 "jobs/6f1e1e1e-0000-4000-8000-000000000002", "interrupted", ""); /* its volume is gone */
	assert_int_equal(host_job(&rest_host, "POST", CHECK, NULL, text), 's');
}

/* A name of any bytes comes back as it was. */
static void a_clone_of_any_name_has_its_job_again(void **state)
{
	char job[128];

	(void)state;
	rest_does("POST", V1 "storage/luns",
	          "{\"path\": \"/vol/vol0/a\\\\xFFb\\\\x5Cx41\", \"backing\": \"/vol/vol0/.snapshot/s1/test\"}", 201);
	begin(V1 "storage/luns/%2Fvol%2Fvol0%2Fa%5CxFFb%5Cx5Cx41/clone", job);
	crash();
	job_becomes(job, "running", "");
	assert_int_equal(n_jobs("lun clone"), 1);
	ramadmin_clone_step = 1000;
	job_becomes(job, "success", "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_clone_has_the_same_job_after_a_crash_and_after_a_stop),
		TEST(a_check_that_a_crash_or_a_stop_ended_is_shown_as_interrupted),
		TEST(the_space_of_a_snapshot_comes_back_under_the_same_job),
		TEST(a_clone_waits_for_its_volume),
		TEST(a_rebuild_has_the_same_job_after_a_crash_and_waits_for_its_volume),
		TEST(a_clone_ends_with_its_volume),
		TEST(a_damaged_list_of_jobs_does_not_hurt),
		TEST(a_clone_of_any_name_has_its_job_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
