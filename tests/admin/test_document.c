/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of a volume: schedules, policies, exports and igroups that are damaged, doubled, or all right. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

static char text[256];

static void a_schedule_is_kept_in_the_volume(void **state)
{
	char dir[64];

	(void)state;
	rest_does("PUT", V1 "storage/volumes/vol0/snapshot-schedule", "{}", 400);
	rest_does("PUT", V1 "storage/volumes/vol0/snapshot-schedule", "{\"hourly\": 6}", 400);
	rest_does("PUT", V1 "storage/volumes/vol0/snapshot-schedule", "{\"hourly\": {\"at\": \":05\"}}", 400);
	rest_does("PUT", V1 "storage/volumes/vol0/snapshot-schedule", "{\"hourly\": {\"keep\": 251}}", 400);
	rest_does("PUT", V1 "storage/volumes/vol0/snapshot-schedule", "{\"hourly\": {\"keep\": 6, \"at\": \":60\"}}",
	          400);
	rest_does("PUT", V1 "storage/volumes/nope/snapshot-schedule", "{\"hourly\": {\"keep\": 6}}", 404);
	rest_does("PUT", V1 "storage/volumes/vol0/snapshot-schedule",
	          "{\"hourly\": {\"keep\": 6}, \"weekly\": {\"keep\": 4, \"at\": \"mon\"}}", 200);
	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	host_stop(&rest_host);
	host_start(&rest_host, dir);
	json_t *json = rest_get(V1 "storage/volumes/vol0/snapshot-schedule");
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "hourly"), "at")), ":05");
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "weekly"), "at")), "mon@00:15");
	assert_null(json_object_get(json, "daily"));
	assert_string_equal(json_string_value(json_object_get(json, "time_zone")), "UTC");
	json_decref(json);
	assert_int_equal(rest_count(V1 "storage/snapshot-schedules"), 1);
	rest_does("DELETE", V1 "storage/volumes/vol0/snapshot-schedule", NULL, 200);
	rest_does("DELETE", V1 "storage/volumes/vol0/snapshot-schedule", NULL, 404);
	assert_int_equal(rest_count(V1 "storage/snapshot-schedules"), 0);
	assert_true(ramadmin_document_is("vol0", "snapshot-policy", "{\"records\":[],\"version\":1}"));
}

static void an_autodelete_policy_reaches_the_volume_again_after_a_restart(void **state)
{
	char dir[64];

	(void)state;
	rest_does("PATCH", V1 "storage/volumes/vol0/snapshot-autodelete", "{\"trigger_free\": 101}", 400);
	rest_does("PATCH", V1 "storage/volumes/vol0/snapshot-autodelete", "{\"enabled\": 1}", 400);
	rest_does("PATCH", V1 "storage/volumes/vol0/snapshot-autodelete", "{\"defer\": \"never\"}", 400);
	assert_false(ramadmin_autodelete.enabled);
	rest_does("PUT", V1 "storage/volumes/vol0/snapshot-schedule", "{\"hourly\": {\"keep\": 6}}", 200);
	rest_does("PATCH", V1 "storage/volumes/vol0/snapshot-autodelete",
	          "{\"enabled\": true, \"target_free\": 30, \"order\": \"newest-first\", \"delete\": \"all\", "
	          "\"keep_prefix\": \"keep\"}",
	          200);
	rest_does("PATCH", V1 "storage/volumes/vol0/snapshot-autodelete", "{\"defer\": \"scheduled\"}", 200);
	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	host_stop(&rest_host);
	ramadmin_autodelete = (struct fs_autodelete){ 0 };
	host_start(&rest_host, dir);
	assert_int_equal(rest_count(V1 "storage/snapshot-autodeletes"), 1);
	json_t *json = rest_get(V1 "storage/volumes/vol0/snapshot-autodelete");
	assert_string_equal(json_string_value(json_object_get(json, "defer")), "scheduled");
	assert_null(json_object_get(json, "kind"));
	json_decref(json);
	host_stop(&rest_host);
	static const struct fs_autodelete told = { .enabled = true,
		                                   .trigger_percent = 5,
		                                   .target_percent = 30,
		                                   .newest_first = true,
		                                   .user_created = true,
		                                   .defer = FS_DEFER_SCHEDULED,
		                                   .keep_prefix = "keep" };
	assert_true(ramadmin_autodelete.enabled && ramadmin_autodelete.newest_first &&
	            ramadmin_autodelete.user_created);
	assert_int_equal(ramadmin_autodelete.trigger_percent, told.trigger_percent);
	assert_int_equal(ramadmin_autodelete.target_percent, told.target_percent);
	assert_int_equal(ramadmin_autodelete.defer, told.defer);
	assert_string_equal(ramadmin_autodelete.keep_prefix, told.keep_prefix);
	host_start(&rest_host, dir);
	json = rest_get(V1 "storage/volumes/vol0/snapshot-schedule"); /* the one has not pushed out the other */
	assert_non_null(json_object_get(json, "hourly"));
	json_decref(json);
}

static void a_damaged_schedule_is_said_and_kept(void **state)
{
	static const char damaged[] = "{\"version\": 1, \"records\": [{\"kind\": \"hourly\", \"keep\": 6, \"at\": "
	                              "\":05\", \"since\": 1}, {\"kind\": \"monthly\"}]}";
	char dir[64];

	(void)state;
	ramadmin_put_document("vol0", "snapshot-policy", damaged);
	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	host_stop(&rest_host);
	host_start(&rest_host, dir);
	json_t *json = rest_get(V1 "storage/volumes/vol0/snapshot-schedule");
	assert_non_null(json_object_get(json, "hourly"));
	json_decref(json);
	assert_true(rest_refuses("DELETE", V1 "storage/volumes/vol0/snapshot-schedule", NULL, 500, "damaged"));
	assert_true(ramadmin_document_is("vol0", "snapshot-policy", damaged));
}

static void damaged_documents_do_not_hurt(void **state)
{
	static const char *const documents[] = {
		"not json",
		"{}",
		"{\"version\": 1, \"records\": [1, null, {}, {\"path\": 7}, {\"path\": \"/\", \"id\": 0, \"rules\": "
		"[]}]}",
		"{\"version\": 1, \"records\": [{\"path\": \"/\", \"id\": 5, \"rules\": [{\"client\": 1}]}, {\"uuid\": "
		"\"x\", \"name\": "
		"1}]}",
		"{\"version\": 1, \"records\": [{\"uuid\": \"6f1e1e1e-0000-4000-8000-000000000000\", \"name\": \"g\", "
		"\"initiators\": "
		"[1]}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
		assert_int_equal(
		    host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text), 's');
		ramadmin_put_document("vol0", "exports", documents[i]);
		ramadmin_put_document("vol0", "igroups", documents[i]);
		assert_int_equal(
		    host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text), 's');
		assert_int_equal(rest_count(V1 "protocols/nfs/exports"), 0);
		assert_int_equal(rest_count(V1 "protocols/san/igroups"), 0);
		/* and are not replaced by what a change would make of them */
		assert_true(rest_refuses("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", A_RULE, 500,
		                         "\"exports\" of volume \"vol0\""));
		assert_true(rest_refuses("DELETE", V1 "protocols/nfs/exports/vol%2Fvol0", NULL, 500,
		                         "\"exports\" of volume \"vol0\""));
		assert_true(rest_refuses("POST", V1 "protocols/san/igroups", "{\"name\": \"g\"}", 500,
		                         "\"igroups\" of volume \"vol0\""));
		assert_true(ramadmin_document_is("vol0", "exports", documents[i]));
		assert_true(ramadmin_document_is("vol0", "igroups", documents[i]));
	}
}

static void good_entries_of_a_damaged_document_are_used_and_kept(void **state)
{
	static const char exports[] =
	    "{\"version\": 1, \"records\": [{\"path\": \"/\", \"id\": 5, \"rules\": [{\"client\": \"*\", "
	    "\"access\": \"ro\"}]}, {\"path\": 7}]}";

	(void)state;
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text),
	                 's');
	ramadmin_put_document("vol0", "exports", exports);
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text),
	                 's');
	assert_int_equal(rest_count(V1 "protocols/nfs/exports"), 1);
	assert_int_equal(rest_host.n_exports, 1);
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", A_RULE, 500);
	rest_does("POST", V1 "protocols/san/igroups", "{\"name\": \"g\"}", 201); /* another document */
	assert_true(ramadmin_document_is("vol0", "exports", exports));
	/* put right, it can be changed again */
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text),
	                 's');
	ramadmin_put_document("vol0", "exports", "{\"version\": 1, \"records\": []}");
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text),
	                 's');
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", A_RULE, 201);
}

#define RULES "\"rules\": [{\"client\": \"*\", \"access\": \"ro\"}]"
#define IGROUP(uuid) "{\"uuid\": \"" uuid "\", \"name\": \"g\", \"initiators\": [\"*\"]}"
#define HOURLY "{\"kind\": \"hourly\", \"keep\": 6, \"at\": \":05\", \"since\": 1}"

/* One such entry would have the server refuse all exports of the volume, or be another's igroup in other letters. */
static void doubles_and_paths_that_climb_are_left_out_of_documents(void **state)
{
	static char deep[2048], long_path[4096];
	const struct {
		const char *document, *second, *list;
	} cases[] = {
		{ "exports", "{\"path\": \"/a\", \"id\": 5, " RULES "}", "protocols/nfs/exports" },
		{ "exports", "{\"path\": \"/\", \"id\": 6, " RULES "}", "protocols/nfs/exports" },
		{ "exports", "{\"path\": \"/..\", \"id\": 6, " RULES "}", "protocols/nfs/exports" },
		{ "exports", "{\"path\": \"/a/../../etc\", \"id\": 6, " RULES "}", "protocols/nfs/exports" },
		{ "exports", "{\"path\": \"/a/\", \"id\": 6, " RULES "}", "protocols/nfs/exports" },
		{ "exports", "{\"path\": \"a\", \"id\": 6, " RULES "}", "protocols/nfs/exports" },
		{ "exports", "{\"path\": \"/a\", \"id\": 4294967301, " RULES "}", "protocols/nfs/exports" },
		{ "exports", long_path, "protocols/nfs/exports" },
		{ "igroups", IGROUP("6f1e1e1e-0000-4000-8000-000000000000"), "protocols/san/igroups" },
		{ "igroups", IGROUP("6F1E1E1E-0000-4000-8000-000000000000"), "protocols/san/igroups" },
		{ "snapshot-policy", HOURLY, NULL },
	};
	static char document[8192], path[4096];

	(void)state;
	for (size_t i = 0; i + 2 < 900; i += 2)
		memcpy(deep + i, "/a", 3);
	(void)snprintf(long_path, sizeof long_path, "{\"path\": \"%s\", \"id\": 6, " RULES "}", deep);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *first = strcmp(cases[i].document, "exports") == 0 ? "{\"path\": \"/\", \"id\": 5, " RULES
		                                                                "}"
		                    : strcmp(cases[i].document, "igroups") == 0
		                        ? IGROUP("6f1e1e1e-0000-4000-8000-000000000000")
		                        : HOURLY;
		assert_int_equal(
		    host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text), 's');
		(void)snprintf(document, sizeof document, "{\"version\": 1, \"records\": [%s, %s]}", first,
		               cases[i].second);
		ramadmin_put_document("vol0", cases[i].document, document);
		assert_int_equal(
		    host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text), 's');
		if (cases[i].list == NULL) {
			rest_does("DELETE", V1 "storage/volumes/vol0/snapshot-schedule", NULL, 500);
		} else {
			(void)snprintf(path, sizeof path, V1 "%s", cases[i].list);
			assert_int_equal(rest_count(path), 1);
		}
		assert_true(ramadmin_document_is("vol0", cases[i].document, document));
		ramadmin_put_document("vol0", cases[i].document, "{\"version\": 1, \"records\": []}");
	}
	/* And nobody makes an export that no client could mount. */
	size_t len = (size_t)snprintf(path, sizeof path, V1 "protocols/nfs/exports/vol%%2Fvol0");
	for (size_t i = 0; i < strlen(deep); i += 2)
		len += (size_t)snprintf(path + len, sizeof path - len, "%%2Fa");
	assert_true(rest_refuses("PUT", path, A_RULE, 400, "at most"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rest_setup_vol0, rest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_schedule_is_kept_in_the_volume),
		TEST(an_autodelete_policy_reaches_the_volume_again_after_a_restart),
		TEST(a_damaged_schedule_is_said_and_kept),
		TEST(damaged_documents_do_not_hurt),
		TEST(good_entries_of_a_damaged_document_are_used_and_kept),
		TEST(doubles_and_paths_that_climb_are_left_out_of_documents),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
