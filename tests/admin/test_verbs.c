/* SPDX-License-Identifier: Apache-2.0 */
/* The table of verbs, and what is made from it. */
#include "tests/base/cmocka_all.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "admin/http/handlers.h"
#include "admin/http/router.h"
#include "fs/fs_info.h"
#include "fs/message.h"

static void every_verb_has_help_a_route_and_a_handler(void **state)
{
	(void)state;
	assert_true(verbs_count > 30);
	for (size_t i = 0; i < verbs_count; i++) {
		assert_true(strlen(verbs[i].help) > 5);
		assert_true(strlen(verbs[i].route) > 2);
		assert_true(verbs[i].route[0] != '/');
		assert_non_null(handler_of(verbs[i].handler));
		for (size_t p = 0; p < verb_n_params(&verbs[i]); p++)
			assert_true(strlen(verbs[i].params[p].help) > 3);
	}
}

static void no_two_verbs_have_the_same_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < verbs_count; i++) {
		for (size_t j = 0; j < i; j++) {
			bool same_verb = verbs[i].verb == NULL || verbs[j].verb == NULL
			                     ? verbs[i].verb == verbs[j].verb
			                     : strcmp(verbs[i].verb, verbs[j].verb) == 0;
			assert_false(strcmp(verbs[i].noun, verbs[j].noun) == 0 && same_verb);
		}
	}
}

static void every_handler_is_reached_by_one_route(void **state)
{
	size_t n, n_of[VERB_H_COUNT] = { 0 };
	const struct route *list = router_routes(&n);

	(void)state;
	for (size_t i = 0; i < n; i++)
		n_of[list[i].handler]++;
	for (size_t h = 0; h < VERB_H_COUNT; h++)
		assert_int_equal(n_of[h], 1);
}

/* The names in {} of the route are exactly the keys of the parameters that go there. */
static void route_parameters_are_those_in_the_route(void **state)
{
	char key[64];

	(void)state;
	for (size_t i = 0; i < verbs_count; i++) {
		size_t in_route = 0, in_params = 0;
		for (const char *p = strchr(verbs[i].route, '{'); p != NULL; p = strchr(p + 1, '{'))
			in_route++;
		for (size_t p = 0; p < verb_n_params(&verbs[i]); p++) {
			if (verbs[i].params[p].place != VERB_IN_ROUTE)
				continue;
			in_params++;
			(void)snprintf(key, sizeof key, "{%s}", verbs[i].params[p].key);
			assert_non_null(strstr(verbs[i].route, key));
			assert_true(verbs[i].params[p].flags & VERB_REQUIRED);
		}
		assert_int_equal(in_route, in_params);
	}
}

static void reading_verbs_are_get_and_get_has_no_body(void **state)
{
	(void)state;
	for (size_t i = 0; i < verbs_count; i++) {
		if (verbs[i].method != VERB_GET)
			continue;
		assert_false(verbs[i].flags & (VERB_DESTROYS | VERB_JOB));
		assert_null(verbs[i].fixed_key);
		for (size_t p = 0; p < verb_n_params(&verbs[i]); p++)
			assert_int_not_equal(verbs[i].params[p].place, VERB_IN_BODY);
	}
}

static void openapi_lists_each_verb(void **state)
{
	static const char *const methods[] = { [VERB_GET] = "get",
		                               [VERB_POST] = "post",
		                               [VERB_PUT] = "put",
		                               [VERB_PATCH] = "patch",
		                               [VERB_DELETE] = "delete" };
	json_t *api = openapi_make("vc_session_80");
	char path[128];

	(void)state;
	assert_non_null(api);
	assert_string_equal(json_string_value(json_object_get(api, "openapi")), "3.1.0");
	assert_non_null(json_object_get(json_object_get(api, "components"), "schemas"));
	for (size_t i = 0; i < verbs_count; i++) {
		(void)snprintf(path, sizeof path, "/api/v1/%s", verbs[i].route);
		json_t *operation = json_object_get(json_object_get(json_object_get(api, "paths"), path),
		                                    methods[verbs[i].method]);
		assert_non_null(operation);
		json_t *said = json_object_get(operation, "x-vcadm"), *word;
		size_t at, found = 0;
		char name[64];
		(void)snprintf(name, sizeof name, "%s%s%s", verbs[i].noun, verbs[i].verb == NULL ? "" : " ",
		               verbs[i].verb == NULL ? "" : verbs[i].verb);
		json_array_foreach(said, at, word)
			found += strcmp(json_string_value(word), name) == 0;
		assert_int_equal(found, 1);
	}
	json_decref(api);
}

static void operation_ids_are_unique(void **state)
{
	json_t *api = openapi_make("vc_session_80"), *seen = json_object(), *item, *operation;
	const char *path, *method;

	(void)state;
	json_object_foreach(json_object_get(api, "paths"), path, item) {
		json_object_foreach(item, method, operation) {
			const char *id = json_string_value(json_object_get(operation, "operationId"));
			assert_null(json_object_get(seen, id));
			(void)json_object_set_new(seen, id, json_true());
		}
	}
	json_decref(seen);
	json_decref(api);
}

static void routes_decode_parameters_and_tell_path_from_method(void **state)
{
	const struct route *route;
	char *params[4] = { NULL };

	(void)state;
	assert_int_equal(router_find(VERB_GET, "storage/luns/%2Fvol%2Fvol0%2Fa%20b", &route, params, 4), 0);
	assert_string_equal(params[router_param(route, "lun")], "/vol/vol0/a b");
	free(params[0]);
	params[0] = NULL;
	assert_int_equal(router_find(VERB_PUT, "storage/luns/x", &route, params, 4), -EOPNOTSUPP);
	assert_int_equal(router_find(VERB_GET, "storage/nothing", &route, params, 4), -ENOENT);
	assert_int_equal(router_find(VERB_GET, "storage/luns/", &route, params, 4), -ENOENT);
	assert_int_equal(router_find(VERB_GET, "storage/luns/a/b", &route, params, 4), -ENOENT);
	assert_int_equal(router_find(VERB_GET, "storage/luns/a%00b", &route, params, 4), -EINVAL);
	free(params[0]);
}

static int check_body(enum verb_method method, const char *path, const char *text, const char **target)
{
	const struct route *route;
	char *params[4] = { NULL }, why[256];
	json_t *body = text == NULL ? NULL : json_loads(text, 0, NULL);

	assert_int_equal(router_find(method, path, &route, params, 4), 0);
	int err = router_check_body(route, body, target, why);
	/* The target may point into the body. */
	static char kept[64];
	if (err != 0) {
		(void)snprintf(kept, sizeof kept, "%s", *target);
		*target = kept;
	}
	json_decref(body);
	free(params[0]);
	return err;
}

static void bodies_are_checked_against_the_table(void **state)
{
	const char *target = "";

	(void)state;
	assert_int_equal(check_body(VERB_POST, "storage/luns", "{\"path\": \"/vol/v/x\", \"size\": 4096}", &target), 0);
	assert_int_equal(check_body(VERB_POST, "storage/luns", "{\"path\": \"/vol/v/x\", \"size\": \"1g\"}", &target),
	                 -EINVAL);
	assert_string_equal(target, "size");
	assert_int_equal(check_body(VERB_POST, "storage/luns", "{\"path\": \"/vol/v/x\", \"sise\": 1}", &target),
	                 -EINVAL);
	assert_string_equal(target, "sise");
	assert_int_equal(check_body(VERB_POST, "storage/luns", "{\"size\": 1}", &target), -EINVAL);
	assert_string_equal(target, "path");
	assert_int_equal(check_body(VERB_POST, "storage/luns", "{\"path\": \"x\", \"size\": -1}", &target), -EINVAL);
	assert_int_equal(check_body(VERB_POST, "storage/luns", "[1]", &target), -EINVAL);
	assert_int_equal(check_body(VERB_POST, "storage/luns", NULL, &target), -EINVAL);
	assert_int_equal(check_body(VERB_POST, "storage/volumes", "{\"disks\": [\"a\", \"b\"]}", &target), 0);
	assert_int_equal(check_body(VERB_POST, "storage/volumes",
	                            "{\"name\": \"v\", \"raid_groups\": [{\"disks\": [\"a\", \"b\"]}]}", &target),
	                 0);
	assert_int_equal(
	    check_body(VERB_POST, "storage/volumes", "{\"name\": \"v\", \"raid_groups\": [[\"a\"]]}", &target),
	    -EINVAL);
	assert_int_equal(check_body(VERB_POST, "storage/volumes",
	                            "{\"name\": \"v\", \"raid_groups\": [], \"disks\": [\"a\"]}", &target),
	                 -EINVAL);
	assert_int_equal(check_body(VERB_PATCH, "storage/volumes/v", "{\"state\": \"offline\"}", &target), 0);
	assert_int_equal(check_body(VERB_PATCH, "storage/volumes/v", "{\"state\": \"gone\"}", &target), -EINVAL);
	assert_int_equal(check_body(VERB_PATCH, "storage/volumes/v", "{}", &target), -EINVAL);
	assert_int_equal(check_body(VERB_PATCH, "storage/luns/v", "{\"size\": 1, \"force\": 1}", &target), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verb_has_help_a_route_and_a_handler),
		cmocka_unit_test(no_two_verbs_have_the_same_name),
		cmocka_unit_test(every_handler_is_reached_by_one_route),
		cmocka_unit_test(route_parameters_are_those_in_the_route),
		cmocka_unit_test(reading_verbs_are_get_and_get_has_no_body),
		cmocka_unit_test(openapi_lists_each_verb),
		cmocka_unit_test(operation_ids_are_unique),
		cmocka_unit_test(routes_decode_parameters_and_tell_path_from_method),
		cmocka_unit_test(bodies_are_checked_against_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
