/* SPDX-License-Identifier: Apache-2.0 */
/* LUNs, snapshots and clones over REST, and LUN maps that survive a restart. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

static char text[256];

static void the_way_of_a_clone(void **state)
{
	(void)state;
	rest_make_backed();
	json_t *lun = rest_get(V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2");
	assert_int_equal(json_integer_value(json_object_get(lun, "size")), 1048576);
	assert_string_equal(json_string_value(json_object_get(json_object_get(lun, "backing"), "snapshot")), "s1");
	char by_uuid[128];
	(void)snprintf(by_uuid, sizeof by_uuid, V1 "storage/luns/%s", json_string_value(json_object_get(lun, "uuid")));
	json_decref(lun);
	rest_does("GET", by_uuid, NULL, 200);
	assert_true(rest_refuses("DELETE", V1 "storage/volumes/vol0/snapshots/s1", NULL, 409, "test2"));
	ramadmin_clone_step = 0;
	rest_does("POST", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", "{\"rate\": 4096}", 202);
	assert_int_equal(rest_count(V1 "storage/clones?volume=vol0"), 1);
	rest_does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone",
	          "{\"rate\": 0, \"priority\": \"high\", \"verify\": true}", 200);
	json_t *changed = rest_get(V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone");
	assert_int_equal(json_integer_value(json_object_get(changed, "rate")), 0);
	assert_string_equal(json_string_value(json_object_get(changed, "priority")), "high");
	assert_true(json_is_true(json_object_get(changed, "verify")));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(changed, "blocks"), "total")), 256);
	json_decref(changed);
	rest_does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", "{}", 400);
	rest_does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", "{\"priority\": \"0\"}", 400);
	rest_does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", "{\"priority\": \"urgent\"}", 400);
	rest_does("POST", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", "{\"verify\": 1}", 400);
	rest_does("DELETE", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", NULL, 200);
	ramadmin_clone_step = 100;
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", "{}", text), 's');
	json_t *clone = rest_get(V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone");
	assert_int_equal(json_integer_value(json_object_get(clone, "progress")), 100);
	json_decref(clone);
	assert_int_equal(host_job(&rest_host, "DELETE", V1 "storage/volumes/vol0/snapshots/s1", NULL, text), 's');
	assert_int_equal(rest_count(V1 "storage/volumes/vol0/snapshots"), 0);
	rest_does("POST", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest/clone", "{}", 409);
	rest_does("DELETE", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest/clone", NULL, 409);
	rest_does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest/clone", "{\"rate\": 1}", 409);
}

static void a_running_clone_can_be_cancelled_by_its_job(void **state)
{
	json_t *json = NULL;
	char path[128];

	(void)state;
	rest_make_backed();
	ramadmin_clone_step = 0;
	assert_int_equal(host_ask(&rest_host, "POST", V1 "storage/luns/vol%2Fvol0%2Ftest2/clone", "{}", NULL, &json),
	                 202);
	(void)snprintf(path, sizeof path, V1 "jobs/%s",
	               json_string_value(json_object_get(json_object_get(json, "job"), "uuid")));
	json_decref(json);
	rest_does("DELETE", path, NULL, 200);
	bool over = false;
	for (int i = 0; !over && i < 100; i++) {
		(void)usleep(50000);
		json = rest_get(path);
		over = strcmp(json_string_value(json_object_get(json, "state")), "stopped") == 0;
		json_decref(json);
	}
	assert_true(over);
	rest_does("DELETE", path, NULL, 409);
	rest_does("DELETE", V1 "jobs/6f1e1e1e-0000-4000-8000-000000000000", NULL, 404);
}

static void a_lun_changes_only_for_who_read_it_last(void **state)
{
	json_t *json = NULL;

	(void)state;
	rest_make_backed();
	assert_int_equal(host_ask(&rest_host, "PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest",
	                          "{\"state\": \"offline\"}", "If-Match: \"0\"\r\n", NULL),
	                 200);
	assert_int_equal(host_ask(&rest_host, "PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest",
	                          "{\"state\": \"online\"}", "If-Match: \"0\"\r\n", &json),
	                 412);
	json_decref(json);
	assert_int_equal(
	    host_ask(&rest_host, "GET", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest", NULL, "If-None-Match: \"1\"\r\n", NULL),
	    304);
	assert_true(rest_refuses("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest", "{\"size\": 524288}", 400, "force"));
	rest_does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest", "{\"size\": 524288, \"force\": true}", 200);
	rest_does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest", "{\"size\": 2097152, \"comment\": \"x\"}", 200);
	rest_does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest", "{\"size\": 100}", 400);
	rest_does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Fno", "{\"size\": 512}", 404);
}

static void bad_luns_are_refused(void **state)
{
	(void)state;
	rest_does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/x\"}", 400);
	rest_does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/x\", \"size\": 1000}", 400);
	rest_does("POST", V1 "storage/luns", "{\"path\": \"/vol/nope/x\", \"size\": 1024}", 404);
	rest_does("POST", V1 "storage/luns", "{\"path\": \"/x\", \"size\": 1024}", 400);
	rest_does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/../x\", \"size\": 1024}", 400);
	rest_does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/x\", \"backing\": \"/vol/other/.snapshot/s/x\"}",
	          400);
	rest_does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/x\", \"backing\": \"/vol/vol0/.snapshot/s/x\"}",
	          404);
	rest_does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/x\", \"backing\": \"/vol/vol0/x\"}", 400);
	assert_int_equal(rest_count(V1 "storage/luns"), 0);
}

static void a_lun_is_mapped_and_the_map_survives_a_restart(void **state)
{
	(void)state;
	rest_make_backed();
	rest_does("POST", V1 "protocols/san/igroups", "{\"name\": \"g\", \"initiators\": [\"iqn.2026-11.x:a\", \"*\"]}",
	          201);
	rest_does("POST", V1 "protocols/san/igroups", "{\"name\": \"g\"}", 409);
	rest_does("POST", V1 "protocols/san/igroups", "{\"name\": \"h\", \"initiators\": [\"bad name\"]}", 400);
	rest_does("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol0/test\", \"igroup\": \"g\"}", 201);
	rest_does("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol0/test\", \"igroup\": \"g\"}", 409);
	assert_true(rest_refuses("POST", V1 "protocols/san/lun-maps",
	                         "{\"path\": \"/vol/vol0/test2\", \"igroup\": \"g\", \"lun\": 0}", 409,
	                         "/vol/vol0/test"));
	rest_does("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol0/test2\", \"igroup\": \"g\"}", 201);
	rest_does("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol0/test2\", \"igroup\": \"nope\"}", 404);
	assert_int_equal(rest_host.n_maps, 2);
	assert_true(rest_refuses("DELETE", V1 "protocols/san/igroups/g", NULL, 409, "unmap"));
	assert_true(rest_refuses("DELETE", V1 "storage/luns/vol%2Fvol0%2Ftest", NULL, 409, "unmap"));
	rest_restart();
	assert_int_equal(rest_host.n_maps, 2);
	json_t *maps = rest_get(V1 "protocols/san/lun-maps?order_by=logical_unit_number%20desc");
	json_t *first = json_array_get(json_object_get(maps, "records"), 0);
	assert_int_equal(json_integer_value(json_object_get(first, "logical_unit_number")), 1);
	json_decref(maps);
	rest_does("DELETE", V1 "protocols/san/lun-maps/vol%2Fvol0%2Ftest/g", NULL, 200);
	rest_does("DELETE", V1 "protocols/san/lun-maps/vol%2Fvol0%2Ftest/g", NULL, 404);
	assert_int_equal(rest_host.n_maps, 1);
	rest_does("DELETE", V1 "storage/luns/vol%2Fvol0%2Ftest", NULL, 200);
	rest_does("DELETE", V1 "storage/luns/vol%2Fvol0%2Ftest2?force=true", NULL, 200);
	rest_does("DELETE", V1 "protocols/san/igroups/g", NULL, 200);
	assert_int_equal(rest_host.n_maps, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rest_setup_vol0, rest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_way_of_a_clone),
		TEST(a_running_clone_can_be_cancelled_by_its_job),
		TEST(a_lun_changes_only_for_who_read_it_last),
		TEST(bad_luns_are_refused),
		TEST(a_lun_is_mapped_and_the_map_survives_a_restart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
