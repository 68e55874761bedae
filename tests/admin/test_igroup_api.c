/* SPDX-License-Identifier: Apache-2.0 */
/* Igroups over REST. */
#include "tests/base/cmocka_all.h"

#include "tests/admin/rest.h"

static char text[256];

static void a_volume_brings_along_the_igroups_its_maps_name(void **state)
{
	(void)state;
	rest_does("POST", V1 "protocols/san/igroups", "{\"name\": \"g\", \"initiators\": [\"*\"]}", 201);
	assert_int_equal(
	    host_job(&rest_host, "POST", V1 "storage/volumes",
	             "{\"name\": \"vol1\", \"raid_groups\": [{\"disks\": [\"e0\", \"e1\"]}], \"disk_size\": 1048576}",
	             text),
	    's');
	rest_does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol1/x\", \"size\": 1048576}", 201);
	rest_does("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol1/x\", \"igroup\": \"g\"}", 201);
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text),
	                 's');
	assert_int_equal(rest_host.n_maps, 1);
	assert_int_equal(rest_count(V1 "protocols/san/igroups"), 1);
}

static void initiators_come_and_go(void **state)
{
	(void)state;
	rest_does("POST", V1 "protocols/san/igroups", "{\"name\": \"g\"}", 201);
	rest_does("POST", V1 "protocols/san/igroups/g/initiators",
	          "{\"initiators\": [\"iqn.2026-01.test:a\", \"iqn.2026-01.test:b\", \"iqn.2026-01.test:a\"]}", 200);
	json_t *igroup = rest_get(V1 "protocols/san/igroups/g");
	assert_int_equal(json_array_size(json_object_get(igroup, "initiators")), 2);
	json_decref(igroup);
	rest_does("DELETE", V1 "protocols/san/igroups/g/initiators/iqn.2026-01.test:a", NULL, 200);
	rest_does("DELETE", V1 "protocols/san/igroups/g/initiators/iqn.2026-01.test:a", NULL, 404);
	rest_does("DELETE", V1 "protocols/san/igroups/nope/initiators/iqn.2026-01.test:a", NULL, 404);
	assert_int_equal(host_ask(&rest_host, "POST", V1 "protocols/san/igroups/g/initiators",
	                          "{\"initiators\": [\"iqn.2026-01.test:c\"]}", "If-Match: \"1\"\r\n", NULL),
	                 412);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rest_setup_vol0, rest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_volume_brings_along_the_igroups_its_maps_name),
		TEST(initiators_come_and_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
