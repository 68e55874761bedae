/* SPDX-License-Identifier: Apache-2.0 */
/* LUN numbers over igroups that share initiators, and which igroups those are. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/overlap.h"
#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

#define MAPS V1 "protocols/san/lun-maps"

/* ---- what igroups share ------------------------------------------------------------------------------------------ */

static void igroups_overlap_by_name_without_case_and_everybody_with_all(void **state)
{
	/* 1: yes */
	static const char *const expected[] = { "1100010", "1110010", "0111010", "0011010",
		                                "0000000", "1111011", "0000011" };
	json_t *igroups = json_loads(
	    "[{\"initiators\": [\"iqn.2026-11.x:a\"]}, {\"initiators\": [\"iqn.2026-11.X:A\", \"iqn.2026-11.x:b\"]},"
	    " {\"initiators\": [\"iqn.2026-11.x:c\", \"iqn.2026-11.x:b\"]}, {\"initiators\": [\"iqn.2026-11.x:C\"]},"
	    " {\"initiators\": []}, {\"initiators\": [\"*\"]}, {\"initiators\": [\"iqn.2026-11.x:d\"]}]",
	    0, NULL);
	struct overlap *overlap = overlap_new(igroups);

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		for (size_t j = 0; j < 7; j++) {
			if (overlap_between(overlap, i, j) != (expected[i][j] == '1'))
				fail_msg("igroups %zu and %zu", i, j);
		}
	}
	assert_false(overlap_between(overlap, 0, SIZE_MAX));
	overlap_free(overlap);
	json_decref(igroups);
}

/* ---- over HTTP --------------------------------------------------------------------------------------------------- */

static void make_igroup(const char *name, const char *initiators)
{
	char body[256];

	(void)snprintf(body, sizeof body, "{\"name\": \"%s\", \"initiators\": [%s]}", name, initiators);
	(void)rest_answer("POST", V1 "protocols/san/igroups", body, 201);
}

static void make_luns(unsigned n)
{
	char text[256], body[256];

	assert_int_equal(
	    host_job(&rest_host, "POST", V1 "storage/volumes",
	             "{\"name\": \"vol0\", \"raid_groups\": [{\"disks\": [\"d0\", \"d1\"]}], \"disk_size\": 1048576}",
	             text),
	    's');
	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(body, sizeof body, "{\"path\": \"/vol/vol0/l%u\", \"size\": 1048576}", i);
		(void)rest_answer("POST", V1 "storage/luns", body, 201);
	}
}

/* Map LUN l`lun`; `number` -1: any. The number it got. */
static int map(unsigned lun, const char *igroup, int number, int expected)
{
	char body[256], wanted[32] = "";

	if (number >= 0)
		(void)snprintf(wanted, sizeof wanted, ", \"lun\": %d", number);
	(void)snprintf(body, sizeof body, "{\"path\": \"/vol/vol0/l%u\", \"igroup\": \"%s\"%s}", lun, igroup, wanted);
	return (int)json_integer_value(
	    json_object_get(rest_answer("POST", MAPS, body, expected), "logical_unit_number"));
}

static void unmap(unsigned lun, const char *igroup)
{
	char path[128];

	(void)snprintf(path, sizeof path, MAPS "/vol%%2Fvol0%%2Fl%u/%s", lun, igroup);
	(void)rest_answer("DELETE", path, NULL, 200);
}

static bool map_is_at(const char *path, const char *igroup, const char *expected)
{
	json_t *records = json_object_get(rest_answer("GET", MAPS, NULL, 200), "records"), *record;
	size_t i;

	json_array_foreach(records, i, record) {
		if (strcmp(json_string_value(json_object_get(json_object_get(record, "lun"), "path")), path) == 0 &&
		    strcmp(json_string_value(json_object_get(json_object_get(record, "igroup"), "name")), igroup) == 0)
			return strcmp(json_string_value(json_object_get(record, "state")), expected) == 0;
	}
	return false;
}

static bool map_is(unsigned lun, const char *igroup, const char *expected)
{
	char path[32];

	(void)snprintf(path, sizeof path, "/vol/vol0/l%u", lun);
	return map_is_at(path, igroup, expected);
}

static bool last_message_has(json_t *answer, const char *needle)
{
	return strstr(json_string_value(json_object_get(json_object_get(answer, "error"), "message")), needle) != NULL;
}

static void a_number_is_free_for_every_initiator_of_the_igroup(void **state)
{
	(void)state;
	make_luns(5);
	make_igroup("all", "\"*\"");
	make_igroup("a", "\"iqn.2026-11.x:a\"");
	make_igroup("b", "\"iqn.2026-11.x:b\"");
	make_igroup("nobody", "");
	assert_int_equal(map(0, "all", -1, 201), 0);
	assert_int_equal(map(1, "a", -1, 201), 1); /* 0 is l0's for everybody */
	assert_int_equal(map(2, "b", -1, 201), 1); /* b does not see what a sees */
	assert_int_equal(map(3, "all", -1, 201), 2);
	assert_int_equal(map(4, "nobody", -1, 201), 0);
	assert_int_equal(map(0, "a", 0, 201), 0); /* the same LUN under the same number twice is one */
	assert_true(map_is(0, "a", "mapped"));
	(void)map(4, "b", 0, 409);
	assert_true(last_message_has(
	    rest_answer("POST", MAPS, "{\"path\": \"/vol/vol0/l4\", \"igroup\": \"b\", \"lun\": 2}", 409),
	    "/vol/vol0/l3"));
	assert_true(last_message_has(
	    rest_answer("POST", MAPS, "{\"path\": \"/vol/vol0/l4\", \"igroup\": \"b\", \"lun\": 2}", 409), "\"all\""));
}

static void an_initiator_that_would_find_two_luns_under_one_number_is_not_added(void **state)
{
	(void)state;
	make_luns(2);
	make_igroup("a", "\"iqn.2026-11.x:a\"");
	make_igroup("b", "\"iqn.2026-11.x:b\"");
	assert_int_equal(map(0, "a", -1, 201), 0);
	assert_int_equal(map(1, "b", -1, 201), 0);
	assert_true(last_message_has(rest_answer("POST", V1 "protocols/san/igroups/b/initiators",
	                                         "{\"initiators\": [\"iqn.2026-11.x:A\"]}", 409),
	                             "/vol/vol0/l0"));
	(void)rest_answer("POST", V1 "protocols/san/igroups/b/initiators", "{\"initiators\": [\"*\"]}", 409);
	(void)rest_answer("POST", V1 "protocols/san/igroups/b/initiators", "{\"initiators\": [\"iqn.2026-11.x:c\"]}",
	                  200);
	unmap(1, "b");
	assert_int_equal(map(1, "b", 7, 201), 7);
	(void)rest_answer("POST", V1 "protocols/san/igroups/b/initiators", "{\"initiators\": [\"iqn.2026-11.x:a\"]}",
	                  200);
}

static void a_number_that_was_another_luns_is_given_away_last(void **state)
{
	(void)state;
	make_luns(3);
	make_igroup("a", "\"iqn.2026-11.x:a\"");
	make_igroup("all", "\"*\"");
	assert_int_equal(map(0, "a", -1, 201), 0);
	unmap(0, "a");
	assert_int_equal(map(1, "all", -1, 201), 1);
	assert_int_equal(map(0, "a", -1, 201), 0); /* its own */
	unmap(0, "a");
	unmap(1, "all");
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(map(2, "a", -1, 201), 2); /* 0 and 1 were others' */
		unmap(2, "a");
	}
	assert_int_equal(map(2, "a", 0, 201), 0); /* who asks for it gets it */
}

static void a_lun_that_some_initiators_know_as_another_says_so_and_is_served_to_the_rest(void **state)
{
	char text[256];

	(void)state;
	make_luns(1);
	make_igroup("a", "\"iqn.2026-11.x:a\"");
	make_igroup("all", "\"*\"");
	assert_int_equal(
	    host_job(&rest_host, "POST", V1 "storage/volumes",
	             "{\"name\": \"vol1\", \"raid_groups\": [{\"disks\": [\"e0\", \"e1\"]}], \"disk_size\": 1048576}",
	             text),
	    's');
	(void)rest_answer("POST", V1 "storage/luns", "{\"path\": \"/vol/vol1/x\", \"size\": 1048576}", 201);
	(void)rest_answer("POST", MAPS, "{\"path\": \"/vol/vol1/x\", \"igroup\": \"all\", \"lun\": 0}", 201);
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol1", "{\"state\": \"offline\"}", text),
	                 's');
	assert_int_equal(map(0, "a", 0, 201), 0); /* nobody knows what an offline volume has mapped */
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol1", "{\"state\": \"online\"}", text),
	                 's');
	assert_true(map_is(0, "a", "mapped"));
	assert_true(map_is_at("/vol/vol1/x", "all", "hidden"));
	assert_int_equal(rest_host.n_maps, 2);
	unmap(0, "a");
	assert_true(map_is_at("/vol/vol1/x", "all", "mapped"));
}

static void names_of_initiators_are_kept_without_case(void **state)
{
	json_t *igroup;

	(void)state;
	make_luns(1);
	make_igroup("g", "\"iqn.2026-11.X:Host\", \"IQN.2026-11.x:hOST\"");
	(void)rest_answer("POST", V1 "protocols/san/igroups/g/initiators", "{\"initiators\": [\"iqn.2026-11.x:HOST\"]}",
	                  200);
	igroup = rest_answer("GET", V1 "protocols/san/igroups/g", NULL, 200);
	assert_int_equal(json_array_size(json_object_get(igroup, "initiators")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(igroup, "initiators"), 0)),
	                    "iqn.2026-11.x:host");
	(void)rest_answer("DELETE", V1 "protocols/san/igroups/g/initiators/iqn.2026-11.x:HosT", NULL, 200);
	igroup = rest_answer("GET", V1 "protocols/san/igroups/g", NULL, 200);
	assert_int_equal(json_array_size(json_object_get(igroup, "initiators")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(igroups_overlap_by_name_without_case_and_everybody_with_all),
		cmocka_unit_test_setup_teardown(a_number_is_free_for_every_initiator_of_the_igroup, rest_setup,
		                                rest_teardown),
		cmocka_unit_test_setup_teardown(an_initiator_that_would_find_two_luns_under_one_number_is_not_added,
		                                rest_setup, rest_teardown),
		cmocka_unit_test_setup_teardown(a_number_that_was_another_luns_is_given_away_last, rest_setup,
		                                rest_teardown),
		cmocka_unit_test_setup_teardown(
		    a_lun_that_some_initiators_know_as_another_says_so_and_is_served_to_the_rest, rest_setup,
		    rest_teardown),
		cmocka_unit_test_setup_teardown(names_of_initiators_are_kept_without_case, rest_setup, rest_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
