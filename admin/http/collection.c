/* SPDX-License-Identifier: Apache-2.0 */
/* Collections: ordering, cutting and stripping of records. */
#include "admin/http/collection.h"

#include <event2/http.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/record.h"
#include "admin/size.h"
#include "base/list.h"
#include "base/must.h"

#define KEYS_MAX 4

struct order {
	char keys[KEYS_MAX][64];
	bool down[KEYS_MAX];
	size_t n;
};

static int order_parse(const char *text, struct order *order)
{
	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, ","), key_len = strcspn(text, ", ");
		if (order->n == KEYS_MAX || key_len == 0 || key_len >= sizeof order->keys[0])
			return -EINVAL;
		memcpy(order->keys[order->n], text, key_len);
		const char *how = text + key_len + strspn(text + key_len, " ");
		size_t how_len = (size_t)(text + len - how);
		if (how_len == 4 && strncmp(how, "desc", 4) == 0)
			order->down[order->n] = true;
		else if (how_len != 0 && !(how_len == 3 && strncmp(how, "asc", 3) == 0))
			return -EINVAL;
		order->n++;
		text += len + (text[len] == ',');
	}
	return 0;
}

static int compare_values(json_t *a, json_t *b)
{
	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	if (json_is_string(a) && json_is_string(b))
		return strcmp(json_string_value(a), json_string_value(b));
	double x = json_is_boolean(a) ? json_is_true(a) : json_number_value(a);
	double y = json_is_boolean(b) ? json_is_true(b) : json_number_value(b);
	return (x > y) - (x < y);
}

static int compare_records(const void *a, const void *b, void *arg)
{
	const struct order *order = arg;

	for (size_t i = 0; i < order->n; i++) {
		int way = compare_values(record_member(*(json_t *const *)a, order->keys[i]),
		                         record_member(*(json_t *const *)b, order->keys[i]));
		if (way != 0)
			return order->down[i] ? -way : way;
	}
	return 0;
}

static void sort_records(json_t *records, struct order *order)
{
	size_t n = json_array_size(records);
	json_t **list = must(calloc(n + 1, sizeof(json_t *)));

	for (size_t i = 0; i < n; i++)
		list[i] = json_incref(json_array_get(records, i));
	qsort_r(list, n, sizeof *list, compare_records, order);
	for (size_t i = 0; i < n; i++)
		(void)json_array_set_new(records, i, list[i]);
	free(list);
}

static void keep_field(json_t *from, json_t *to, const char *dotted)
{
	json_t *value = record_member(from, dotted);
	char top[64];
	size_t len = strcspn(dotted, ".");

	if (value == NULL || len >= sizeof top)
		return;
	memcpy(top, dotted, len);
	top[len] = '\0';
	if (dotted[len] == '\0') {
		(void)json_object_set(to, top, value);
		return;
	}
	json_t *inner = json_object_get(to, top);
	if (inner == NULL) {
		inner = json_object();
		(void)json_object_set_new(to, top, inner);
	}
	if (inner != json_object_get(from, top))
		keep_field(json_object_get(from, top), inner, dotted + len + 1);
}

static json_t *strip_record(json_t *record, const char *fields)
{
	static const char *const always[] = { "name", "uuid", "path" };
	json_t *kept = json_object();
	char key[128];

	for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
		keep_field(record, kept, always[i]);
	while (*fields != '\0') {
		size_t len = strcspn(fields, ",");
		if (len > 0 && len < sizeof key) {
			memcpy(key, fields, len);
			key[len] = '\0';
			keep_field(record, kept, key);
		}
		fields += len + (fields[len] == ',');
	}
	return kept;
}

static int number_of(const struct evkeyvalq *query, const char *key, uint64_t otherwise, uint64_t *ret_number)
{
	const char *text = evhttp_find_header(query, key);
	*ret_number = otherwise;
	return text == NULL ? 0 : size_parse_integer(text, 1000000, ret_number);
}

/* The address of the next page: the same query with another start. */
static json_t *next_link(const struct evkeyvalq *query, const char *path, uint64_t start)
{
	const struct evkeyval *entry;
	json_t *link = json_sprintf("%s?start=%llu", path, (unsigned long long)start);

	TAILQ_FOREACH(entry, query, next) {
		if (strcmp(entry->key, "start") == 0)
			continue;
		char *key = evhttp_uriencode(entry->key, -1, 0), *value = evhttp_uriencode(entry->value, -1, 0);
		json_t *longer = json_sprintf("%s&%s=%s", json_string_value(link), key, value);
		free(key);
		free(value);
		json_decref(link);
		link = longer;
	}
	return link;
}

int collection_page(json_t *records, const struct evkeyvalq *query, const char *path, json_t **ret_page,
                    char ret_text[256])
{
	const char *fields = evhttp_find_header(query, "fields");
	struct order order = { .n = 0 };
	uint64_t max, start;

	if (order_parse(evhttp_find_header(query, "order_by"), &order) != 0) {
		(void)snprintf(ret_text, 256,
		               "order_by must be \"field\", \"field desc\" or up to %d of them with commas", KEYS_MAX);
		return -EINVAL;
	}
	if (number_of(query, "max_records", COLLECTION_MAX, &max) != 0 || number_of(query, "start", 0, &start) != 0 ||
	    max == 0) {
		(void)snprintf(ret_text, 256, "max_records and start must be numbers up to 1000000");
		return -EINVAL;
	}
	if (order.n > 0)
		sort_records(records, &order);
	json_t *cut = json_array();
	uint64_t n = json_array_size(records), end = start + max < n ? start + max : n;
	for (uint64_t i = start; i < end; i++) {
		json_t *record = json_array_get(records, (size_t)i);
		(void)json_array_append_new(cut, fields == NULL || strcmp(fields, "*") == 0
		                                     ? json_incref(record)
		                                     : strip_record(record, fields));
	}
	json_t *page = json_pack("{s:o,s:I}", "records", cut, "num_records", (json_int_t)json_array_size(cut));
	if (end < n)
		(void)json_object_set_new(page, "next", next_link(query, path, end));
	*ret_page = page;
	return 0;
}
