/* SPDX-License-Identifier: Apache-2.0 */
/* Exports over REST: their ids, directories and rules. */
#include "tests/base/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

static void exports_are_kept_in_the_volume_with_their_ids(void **state)
{
	(void)state;
	rest_does("PUT", V1 "protocols/nfs/exports/%2Fvol%2Fvol0",
	          "{\"rules\": [{\"client\": \"10.0.0.0/8\", \"access\": \"rw\", \"root_squash\": false, \"secure\": "
	          "false}]}",
	          201);
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir",
	          "{\"rules\": [{\"client\": \"fd00::/8\", \"access\": \"ro\"}]}", 201);
	rest_does("PUT", V1 "protocols/nfs/exports/%2Fvol%2Fvol0",
	          "{\"rules\": [{\"client\": \"*\", \"access\": \"ro\"}]}", 200);
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fno",
	          "{\"rules\": [{\"client\": \"fd00::/8\", \"access\": \"ro\"}]}", 404);
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0",
	          "{\"rules\": [{\"client\": \"10.0.0.1/8\", \"access\": \"ro\"}]}", 400);
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0",
	          "{\"rules\": [{\"client\": \"10.0.0.0/33\", \"access\": \"ro\"}]}", 400);
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0",
	          "{\"rules\": [{\"client\": \"example.org\", \"access\": \"ro\"}]}", 400);
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0",
	          "{\"rules\": [{\"client\": \"10.0.0.0/8\", \"access\": \"rx\"}]}", 400);
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", "{\"rules\": []}", 400);
	assert_int_equal(rest_count(V1 "protocols/nfs/exports"), 2);
	rest_does("DELETE", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", NULL, 200);
	rest_does("DELETE", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", NULL, 404);
	assert_int_equal(rest_host.n_exports, 1);
}

static void a_limit_that_is_reached_is_a_conflict(void **state)
{
	char body[65536] = "{\"name\": \"hosts\", \"initiators\": [\"*\"";
	size_t used = strlen(body);

	(void)state;
	ramadmin_fail_snapshot = -EMLINK;
	rest_does("POST", V1 "storage/volumes/vol0/snapshots", "{\"name\": \"s256\"}", 409);
	for (unsigned i = 1; i < 1024; i++)
		used += (size_t)snprintf(body + used, sizeof body - used, ", \"iqn.2026-01.test:%u\"", i);
	(void)snprintf(body + used, sizeof body - used, "]}");
	rest_does("POST", V1 "protocols/san/igroups", body, 201);
	assert_true(rest_refuses("POST", V1 "protocols/san/igroups/hosts/initiators",
	                         "{\"initiators\": [\"iqn.2026-01.test:more\"]}", 409, "at most"));
}

/* Its id is in file handles. */
static void export_that_is_withdrawn_and_set_again_has_its_id(void **state)
{
	uint32_t id;

	(void)state;
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", A_RULE, 201);
	id = rest_host.export.id;
	rest_does("DELETE", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", NULL, 200);
	assert_int_equal(rest_host.n_exports, 0);
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", A_RULE, 201);
	assert_int_not_equal(rest_host.export.id, id);
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", A_RULE, 201);
	assert_int_equal(rest_host.export.id, id);
}

static bool export_is(const char *path, const char *export_state)
{
	json_t *list = rest_get(V1 "protocols/nfs/exports"),
	       *record = json_array_get(json_object_get(list, "records"), 0);
	bool is = strcmp(json_string_value(json_object_get(record, "path")), path) == 0 &&
	          strcmp(json_string_value(json_object_get(record, "state")), export_state) == 0;
	json_decref(list);
	return is;
}

static void export_is_a_directory_whatever_its_name(void **state)
{
	uint32_t id;

	(void)state;
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", A_RULE, 201);
	assert_true(export_is("/vol/vol0/dir", "exported"));
	id = rest_host.export.id;
	ramadmin_directory = "/other\xff";
	ramadmin_tree_changes++;
	assert_true(export_is("/vol/vol0/other\\xFF", "exported"));
	assert_string_equal(rest_host.export.path, "/vol/vol0/other\xff");
	assert_int_equal(rest_host.export.root, 100);
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fother%5CxFF", A_RULE, 200);
	assert_int_equal(rest_host.export.id, id);
	rest_does("DELETE", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", NULL, 404);
	ramadmin_directory = NULL;
	ramadmin_tree_changes++;
	assert_true(export_is("/vol/vol0/other\\xFF", "missing"));
	assert_int_equal(rest_host.n_exports, 0);
	rest_does("DELETE", V1 "protocols/nfs/exports/vol%2Fvol0%2Fother%5CxFF", NULL, 200);
	assert_int_equal(rest_count(V1 "protocols/nfs/exports"), 0);
}

/* Without anybody asking. */
static void renamed_export_is_noticed_by_itself(void **state)
{
	(void)state;
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", A_RULE, 201);
	ramadmin_directory = "/elsewhere";
	ramadmin_tree_changes++;
	for (unsigned i = 0; i < 200 && strcmp(rest_host.export.path, "/vol/vol0/elsewhere") != 0; i++)
		usleep(50000);
	assert_string_equal(rest_host.export.path, "/vol/vol0/elsewhere");
}

static void export_of_an_older_version_keeps_its_id_and_learns_its_directory(void **state)
{
	char dir[64];

	(void)state;
	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	host_stop(&rest_host);
	ramadmin_put_document("vol0", "exports",
	                      "{\"version\":1,\"records\":[{\"id\":77,\"path\":\"/"
	                      "dir\",\"rules\":[{\"client\":\"*\",\"access\":\"ro\"}]}]}");
	host_start(&rest_host, dir);
	assert_int_equal(rest_host.export.id, 77);
	assert_int_equal(rest_host.export.root, 100);
	assert_int_equal(rest_host.export.anon_uid, 65534);
	host_stop(&rest_host);
	ramadmin_directory = "/other"; /* renamed while nobody looked */
	host_start(&rest_host, dir);
	assert_string_equal(rest_host.export.path, "/vol/vol0/other");
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fother", A_RULE, 200);
	assert_int_equal(rest_host.export.id, 77);
}

static void rules_say_who_squashed_users_are_and_name_a_network_once(void **state)
{
	(void)state;
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0",
	          "{\"rules\": [{\"client\": \"*\", \"access\": \"rw\", \"all_squash\": true, \"anonuid\": 99, "
	          "\"anongid\": 4294967295}]}",
	          201);
	assert_true(rest_host.export.all_squash);
	assert_int_equal(rest_host.export.anon_uid, 99);
	assert_int_equal(rest_host.export.anon_gid, UINT32_MAX);
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0",
	          "{\"rules\": [{\"client\": \"*\", \"access\": \"rw\", \"anonuid\": 4294967296}]}", 400);
	rest_does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0",
	          "{\"rules\": [{\"client\": \"*\", \"access\": \"rw\", \"anonuid\": -1}]}", 400);
	assert_true(rest_refuses("PUT", V1 "protocols/nfs/exports/vol%2Fvol0",
	                         "{\"rules\": [{\"client\": \"10.0.0.7\", \"access\": \"ro\"}, {\"client\": "
	                         "\"10.0.0.7/32\", \"access\": \"rw\"}]}",
	                         400, "twice"));
	assert_true(rest_refuses(
	    "PUT", V1 "protocols/nfs/exports/vol%2Fvol0",
	    "{\"rules\": [{\"client\": \"*\", \"access\": \"ro\"}, {\"client\": \"::/0\", \"access\": \"rw\"}]}", 400,
	    "twice"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rest_setup_vol0, rest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_limit_that_is_reached_is_a_conflict),
		TEST(exports_are_kept_in_the_volume_with_their_ids),
		TEST(export_that_is_withdrawn_and_set_again_has_its_id),
		TEST(export_is_a_directory_whatever_its_name),
		TEST(renamed_export_is_noticed_by_itself),
		TEST(export_of_an_older_version_keeps_its_id_and_learns_its_directory),
		TEST(rules_say_who_squashed_users_are_and_name_a_network_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
