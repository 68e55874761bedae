/* SPDX-License-Identifier: Apache-2.0 */
/* Collections: ordering, paging, stripping. */
#include "tests/base/cmocka_all.h"

#include <jansson.h>
#include <string.h>

#include "admin/http/collection.h"

#include <event2/http.h>

static json_t *page_of(const char *query_text, int expected)
{
	json_t *records = json_pack("[{s:s,s:i,s:{s:i,s:i}},{s:s,s:i,s:{s:i,s:i}},{s:s,s:i,s:{s:i,s:i}}]", "name", "b",
	                            "size", 2, "space", "used", 5, "free", 1, "name", "a", "size", 2, "space", "used",
	                            7, "free", 2, "name", "c", "size", 1, "space", "used", 6, "free", 3);
	struct evkeyvalq query;
	json_t *page = NULL;
	char text[256];

	TAILQ_INIT(&query);
	if (*query_text != '\0')
		assert_int_equal(evhttp_parse_query_str(query_text, &query), 0);
	assert_int_equal(collection_page(records, &query, "/api/v1/x", &page, text), expected);
	evhttp_clear_headers(&query);
	json_decref(records);
	return page;
}

static void names_are(const char *query, const char *expected)
{
	json_t *page = page_of(query, 0), *record;
	char names[16] = "";
	size_t i, used = 0;

	json_array_foreach(json_object_get(page, "records"), i, record)
		names[used++] = json_string_value(json_object_get(record, "name"))[0];
	assert_string_equal(names, expected);
	assert_int_equal(json_integer_value(json_object_get(page, "num_records")), strlen(expected));
	json_decref(page);
}

static void records_are_ordered_as_asked(void **state)
{
	(void)state;
	names_are("", "bac");
	names_are("order_by=name", "abc");
	names_are("order_by=name%20desc", "cba");
	names_are("order_by=size%20desc,name", "abc");
	names_are("order_by=space.used", "bca");
	assert_null(page_of("order_by=a,b,c,d,e", -EINVAL));
	assert_null(page_of("order_by=name%20up", -EINVAL));
}

static void pages_follow_each_other(void **state)
{
	json_t *page = page_of("order_by=name&max_records=2", 0);
	(void)state;
	assert_string_equal(json_string_value(json_object_get(page, "next")),
	                    "/api/v1/x?start=2&order_by=name&max_records=2");
	json_decref(page);
	names_are("order_by=name&max_records=2&start=2", "c");
	names_are("start=9", "");
	assert_null(page_of("max_records=0", -EINVAL));
	assert_null(page_of("max_records=-1", -EINVAL));
}

static void fields_strip_what_was_not_asked_for(void **state)
{
	json_t *page = page_of("fields=space.used", 0),
	       *expected = json_pack("{s:s,s:{s:i}}", "name", "b", "space", "used", 5);
	(void)state;
	assert_true(json_equal(json_array_get(json_object_get(page, "records"), 0), expected));
	json_decref(expected);
	json_decref(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(records_are_ordered_as_asked),
		                            cmocka_unit_test(pages_follow_each_other),
		                            cmocka_unit_test(fields_strip_what_was_not_asked_for) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
