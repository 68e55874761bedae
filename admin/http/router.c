/* SPDX-License-Identifier: Apache-2.0 */
/* Routes, made from the table of verbs. */
#include "admin/http/router.h"

#include <event2/http.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

#define ROUTES_MAX 128

static struct route all_routes[ROUTES_MAX];
static size_t n_routes;
static pthread_once_t routes_once = PTHREAD_ONCE_INIT;

static void add_row(const struct verb *row)
{
	for (size_t i = 0; i < n_routes; i++) {
		struct route *route = &all_routes[i];
		if (verb_same_call(route->rows[0], row)) {
			vc_assert(route->n_rows < ROUTE_VERBS_MAX && route->handler == row->handler);
			route->rows[route->n_rows++] = row;
			return;
		}
	}
	vc_assert(n_routes < ROUTES_MAX);
	all_routes[n_routes++] = (struct route){ .method = row->method,
		                                 .path = row->route,
		                                 .handler = row->handler,
		                                 .flags = row->flags,
		                                 .rows = { row },
		                                 .n_rows = 1 };
}

static void make_routes(void)
{
	for (size_t i = 0; i < verbs_count; i++)
		add_row(&verbs[i]);
}

const struct route *router_routes(size_t *ret_n)
{
	pthread_once(&routes_once, make_routes);
	*ret_n = n_routes;
	return all_routes;
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

/* Do the segments of `path` fit the pattern? A {x} fits any one segment that is not empty. */
static bool path_fits(const char *pattern, const char *path)
{
	for (;;) {
		size_t pattern_len = strcspn(pattern, "/"), len = strcspn(path, "/");
		if (pattern[0] == '{' ? len == 0 : pattern_len != len || memcmp(pattern, path, len) != 0)
			return false;
		pattern += pattern_len;
		path += len;
		if (*pattern == '\0' || *path == '\0')
			return *pattern == *path;
		pattern++;
		path++;
	}
}

static int decode_segment(const char *segment, size_t len, char **ret_text)
{
	size_t decoded_len;
	char *copy = strndup(segment, len);
	char *text = copy == NULL ? NULL : evhttp_uridecode(copy, 0, &decoded_len);

	free(copy);
	if (text == NULL)
		return -ENOMEM;
	if (strlen(text) != decoded_len) { /* %00 */
		free(text);
		return -EINVAL;
	}
	*ret_text = text;
	return 0;
}

static int take_params(const char *pattern, const char *path, char *params[], size_t max)
{
	size_t n = 0;

	for (;;) {
		size_t len = strcspn(path, "/");
		if (*pattern == '{') {
			vc_assert(n < max);
			int err = decode_segment(path, len, &params[n++]);
			if (err != 0)
				return err;
		}
		pattern += strcspn(pattern, "/");
		path += len;
		if (*pattern == '\0')
			return 0;
		pattern++;
		path++;
	}
}

int router_find(enum verb_method method, const char *path, const struct route **ret_route, char *ret_params[],
                size_t max_params)
{
	size_t n;
	const struct route *list = router_routes(&n);
	int err = -ENOENT;

	for (size_t i = 0; i < n; i++) {
		if (!path_fits(list[i].path, path))
			continue;
		err = -EOPNOTSUPP;
		if (list[i].method != method)
			continue;
		*ret_route = &list[i];
		return take_params(list[i].path, path, ret_params, max_params);
	}
	return err;
}

int router_param(const struct route *route, const char *key)
{
	int n = 0;
	size_t len = strlen(key);

	for (const char *p = strchr(route->path, '{'); p != NULL; p = strchr(p + 1, '{'), n++) {
		if (strncmp(p + 1, key, len) == 0 && p[1 + len] == '}')
			return n;
	}
	return -1;
}

/* ---- bodies ------------------------------------------------------------------------------------------------------ */

static bool is_strings(json_t *value)
{
	json_t *item;
	size_t i;

	if (!json_is_array(value))
		return false;
	json_array_foreach(value, i, item) {
		if (!json_is_string(item))
			return false;
	}
	return true;
}

static bool is_groups(json_t *value)
{
	json_t *group;
	size_t i;

	if (!json_is_array(value))
		return false;
	json_array_foreach(value, i, group) {
		if (json_object_size(group) != 1 || !is_strings(json_object_get(group, "disks")))
			return false;
	}
	return true;
}

static bool is_optional_bool(json_t *object, const char *key, size_t *n)
{
	json_t *value = json_object_get(object, key);
	*n += value != NULL;
	return value == NULL || json_is_boolean(value);
}

static bool is_optional_id(json_t *object, const char *key, size_t *n)
{
	json_t *value = json_object_get(object, key);
	*n += value != NULL;
	return value == NULL ||
	       (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= UINT32_MAX);
}

static bool is_rules(json_t *value)
{
	json_t *rule;
	size_t i;

	if (!json_is_array(value))
		return false;
	json_array_foreach(value, i, rule) {
		const char *access = json_string_value(json_object_get(rule, "access"));
		size_t n = 2;
		bool good = json_is_string(json_object_get(rule, "client")) && access != NULL &&
		            (strcmp(access, "rw") == 0 || strcmp(access, "ro") == 0);
		good = is_optional_bool(rule, "root_squash", &n) && is_optional_bool(rule, "secure", &n) &&
		       is_optional_bool(rule, "all_squash", &n) && is_optional_id(rule, "anonuid", &n) &&
		       is_optional_id(rule, "anongid", &n) && good;
		if (!good || json_object_size(rule) != n)
			return false;
	}
	return true;
}

static bool is_rule(json_t *value)
{
	json_t *keep = json_object_get(value, "keep"), *at = json_object_get(value, "at");

	return json_is_integer(keep) && (at == NULL || json_is_string(at)) &&
	       json_object_size(value) == 1U + (at != NULL);
}

static const char *kind_problem(enum verb_kind kind, json_t *value)
{
	switch (kind) {
	case VERB_TEXT:
	case VERB_VOLUME:
	case VERB_PATH: return json_is_string(value) ? NULL : "must be a string";
	case VERB_SIZE:
	case VERB_INTEGER:
		return json_is_integer(value) && json_integer_value(value) >= 0 ? NULL
		                                                                : "must be an integer, 0 or more";
	case VERB_PERCENT:
		return json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= 100
		           ? NULL
		           : "must be 0 to 100";
	case VERB_BOOL: return json_is_boolean(value) ? NULL : "must be true or false";
	case VERB_LIST:
	case VERB_DISKS: return is_strings(value) ? NULL : "must be an array of strings";
	case VERB_GROUPS: return is_groups(value) ? NULL : "must be an array of {\"disks\": [names]}";
	case VERB_RULE: return is_rule(value) ? NULL : "must be {\"keep\": N} or {\"keep\": N, \"at\": TEXT}";
	case VERB_CLIENTS:
		return is_rules(value) ? NULL
		                       : "must be an array of {\"client\": CIDR, \"access\": \"rw\" or \"ro\", "
		                         "\"root_squash\": bool, "
		                         "\"all_squash\": bool, \"anonuid\": ID, \"anongid\": ID, \"secure\": bool}";
	}
	return "is of no known kind";
}

static const struct verb_param *find_param(const struct verb *row, enum verb_place place, const char *key)
{
	for (size_t i = 0; i < verb_n_params(row); i++) {
		if (row->params[i].place == place && strcmp(row->params[i].key, key) == 0)
			return &row->params[i];
	}
	return NULL;
}

/* One member against one row. NULL: it fits. */
static const char *member_problem(const struct verb *row, const char *key, json_t *value)
{
	const struct verb_param *param = find_param(row, VERB_IN_BODY, key);

	if (param != NULL)
		return kind_problem(param->kind, value);
	if (row->fixed_key == NULL || strcmp(row->fixed_key, key) != 0)
		return "is not known here";
	return json_is_string(value) && strcmp(json_string_value(value), row->fixed_value) == 0
	           ? NULL
	           : "has a value that is not known here";
}

/* The whole body against one row. PATCH changes what is given: nothing is required there. */
static const char *row_problem(const struct verb *row, json_t *body, const char **ret_target)
{
	const char *key;
	json_t *value;

	json_object_foreach(body, key, value) {
		const char *problem = member_problem(row, key, value);
		if (problem != NULL) {
			*ret_target = key;
			return problem;
		}
	}
	for (size_t i = 0; i < verb_n_params(row); i++) {
		const struct verb_param *param = &row->params[i];
		if (row->method != VERB_PATCH && param->place == VERB_IN_BODY && param->flags & VERB_REQUIRED &&
		    json_object_get(body, param->key) == NULL) {
			*ret_target = param->key;
			return "is missing";
		}
	}
	return NULL;
}

int router_check_body(const struct route *route, json_t *body, const char **ret_target, char ret_text[256])
{
	const char *problem = "is missing", *target = "body";

	if (body != NULL && !json_is_object(body)) {
		*ret_target = "body";
		(void)snprintf(ret_text, 256, "the body must be a JSON object");
		return -EINVAL;
	}
	if (route->method == VERB_PATCH && json_object_size(body) == 0) {
		*ret_target = "body";
		(void)snprintf(ret_text, 256, "the body must say what to change");
		return -EINVAL;
	}
	for (size_t i = 0; i < route->n_rows; i++) {
		const char *row_target = "body", *row_says = row_problem(route->rows[i], body, &row_target);
		if (row_says == NULL)
			return 0;
		/* The most helpful complaint: about a member that some row knows. */
		if (i == 0 || strcmp(problem, "is not known here") == 0) {
			problem = row_says;
			target = row_target;
		}
	}
	*ret_target = target;
	(void)snprintf(ret_text, 256, "\"%.64s\" %s", target, problem);
	return -EINVAL;
}

/* ---- queries ----------------------------------------------------------------------------------------------------- */

int router_check_query(const struct route *route, const struct evkeyvalq *query, const char **ret_target,
                       char ret_text[256])
{
	static const char *const of_collections[] = { "fields", "max_records", "order_by", "start" };
	const struct evkeyval *entry;

	TAILQ_FOREACH(entry, query, next) {
		bool known = false;
		for (size_t i = 0; i < route->n_rows; i++)
			known = known || find_param(route->rows[i], VERB_IN_QUERY, entry->key) != NULL;
		for (size_t i = 0; route->flags & VERB_COLLECTION && i < ARRAY_SIZE(of_collections); i++)
			known = known || strcmp(entry->key, of_collections[i]) == 0;
		if (!known) {
			*ret_target = entry->key;
			(void)snprintf(ret_text, 256, "the query \"%.64s\" is not known here", entry->key);
			return -EINVAL;
		}
	}
	return 0;
}
