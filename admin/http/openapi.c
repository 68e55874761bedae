/* SPDX-License-Identifier: Apache-2.0 */
/* /api/openapi.json: the table of verbs as an OpenAPI 3.1 document. */
#include <ctype.h>
#include <stdio.h>

#include "admin/http/handlers.h"
#include "admin/http/router.h"
#include "admin/schedule.h"
#include "config.h"
#include "fs/fs_info.h"
#include "fs/message.h"

static json_t *array_of(json_t *items)
{
	return json_pack("{s:s,s:o}", "type", "array", "items", items);
}
static json_t *of_type(const char *type)
{
	return json_pack("{s:s}", "type", type);
}

static json_t *user_id(void)
{
	return json_pack("{s:s,s:i,s:I}", "type", "integer", "minimum", 0, "maximum", (json_int_t)UINT32_MAX);
}

static json_t *kind_schema(enum verb_kind kind)
{
	switch (kind) {
	case VERB_TEXT:
	case VERB_VOLUME:
	case VERB_PATH: return of_type("string");
	case VERB_SIZE:
		return json_pack("{s:s,s:s,s:i,s:s}", "type", "integer", "format", "int64", "minimum", 0, "description",
		                 "bytes");
	case VERB_INTEGER: return json_pack("{s:s,s:i}", "type", "integer", "minimum", 0);
	case VERB_PERCENT: return json_pack("{s:s,s:i,s:i}", "type", "integer", "minimum", 0, "maximum", 100);
	case VERB_BOOL: return of_type("boolean");
	case VERB_LIST:
	case VERB_DISKS: return array_of(of_type("string"));
	case VERB_GROUPS:
		return array_of(json_pack("{s:s,s:[s],s:{s:o}}", "type", "object", "required", "disks", "properties",
		                          "disks", array_of(of_type("string"))));
	case VERB_RULE:
		return json_pack(
		    "{s:s,s:[s],s:{s:o,s:o},s:b}", "type", "object", "required", "keep", "properties", "keep",
		    json_pack("{s:s,s:i,s:i}", "type", "integer", "minimum", 1, "maximum", (int)SCHEDULE_KEEP_MAX),
		    "at", of_type("string"), "additionalProperties", 0);
	case VERB_CLIENTS:
		return array_of(json_pack("{s:s,s:[s,s],s:{s:o,s:{s:s,s:[s,s]},s:o,s:o,s:o,s:o,s:o}}", "type", "object",
		                          "required", "client", "access", "properties", "client", of_type("string"),
		                          "access", "type", "string", "enum", "rw", "ro", "root_squash",
		                          of_type("boolean"), "all_squash", of_type("boolean"), "anonuid", user_id(),
		                          "anongid", user_id(), "secure", of_type("boolean")));
	}
	return json_object();
}

static json_t *param_schema(const struct verb_param *param)
{
	json_t *schema = kind_schema(param->kind);
	(void)json_object_set_new(
	    schema, "description",
	    json_sprintf("%s%s", param->flags & (VERB_NEGATED | VERB_FALSE) ? "false: " : "", param->help));
	return schema;
}

/* Parameters in the path and the query, each once though several verbs name it. */
static json_t *parameters(const struct route *route)
{
	json_t *list = json_array();

	for (size_t r = 0; r < route->n_rows; r++) {
		for (size_t i = 0; i < verb_n_params(route->rows[r]); i++) {
			const struct verb_param *param = &route->rows[r]->params[i];
			json_t *other;
			size_t j;
			bool there = param->place == VERB_IN_BODY;
			json_array_foreach(list, j, other)
				there = there ||
				        strcmp(json_string_value(json_object_get(other, "name")), param->key) == 0;
			if (!there)
				(void)json_array_append_new(
				    list, json_pack("{s:s,s:s,s:b,s:s,s:o}", "name", param->key, "in",
				                    param->place == VERB_IN_ROUTE ? "path" : "query", "required",
				                    param->place == VERB_IN_ROUTE, "description", param->help, "schema",
				                    kind_schema(param->kind)));
		}
	}
	if (route->flags & VERB_COLLECTION) {
		static const char *const names[] = { "fields", "order_by", "max_records", "start" };
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			(void)json_array_append_new(list, json_pack("{s:s}", "$ref",
			                                            i == 0   ? "#/components/parameters/fields"
			                                            : i == 1 ? "#/components/parameters/order_by"
			                                            : i == 2 ? "#/components/parameters/max_records"
			                                                     : "#/components/parameters/start"));
	}
	return list;
}

static json_t *row_body(const struct verb *row)
{
	json_t *properties = json_object(), *required = json_array();

	for (size_t i = 0; i < verb_n_params(row); i++) {
		const struct verb_param *param = &row->params[i];
		/* a flag's opposite */
		if (param->place != VERB_IN_BODY || json_object_get(properties, param->key) != NULL)
			continue;
		(void)json_object_set_new(properties, param->key, param_schema(param));
		if (param->flags & VERB_REQUIRED && row->method != VERB_PATCH)
			(void)json_array_append_new(required, json_string(param->key));
	}
	if (row->fixed_key != NULL)
		(void)json_object_set_new(properties, row->fixed_key,
		                          json_pack("{s:s,s:[s]}", "type", "string", "enum", row->fixed_value));
	if (json_object_size(properties) == 0) {
		json_decref(properties);
		json_decref(required);
		return NULL;
	}
	json_t *schema = json_pack("{s:s,s:s,s:o,s:b}", "type", "object", "title", row->help, "properties", properties,
	                           "additionalProperties", 0);
	if (json_array_size(required) > 0)
		(void)json_object_set_new(schema, "required", required);
	else
		json_decref(required);
	return schema;
}

static json_t *request_body(const struct route *route)
{
	json_t *rows = json_array();

	for (size_t r = 0; r < route->n_rows; r++) {
		json_t *schema = row_body(route->rows[r]);
		if (schema != NULL)
			(void)json_array_append_new(rows, schema);
	}
	json_t *schema = json_array_size(rows) > 1 ? json_pack("{s:O}", "anyOf", rows)
	                                           : json_incref(json_array_get(rows, 0));
	json_decref(rows);
	if (schema == NULL)
		return NULL;
	return json_pack("{s:{s:{s:o}}}", "content", "application/json", "schema", schema);
}

static json_t *responses(const struct route *route)
{
	const char *status = route->flags & VERB_JOB ? "202" : route->method == VERB_POST ? "201" : "200";
	const char *schema = route->flags & VERB_JOB          ? "#/components/schemas/Accepted"
	                     : route->flags & VERB_COLLECTION ? "#/components/schemas/Collection"
	                                                      : "#/components/schemas/Object";
	const char *what = route->flags & VERB_JOB ? "Accepted: a job" : "Done";

	return json_pack("{s:{s:s,s:{s:{s:{s:s}}}},s:{s:s}}", status, "description", what, "content",
	                 "application/json", "schema", "$ref", schema, "default", "$ref",
	                 "#/components/responses/Error");
}

/* "lun clone", "start" -> "lun_clone_start" */
static json_t *operation_id(const struct verb *row)
{
	char text[64];

	(void)snprintf(text, sizeof text, "%s%s%s", row->noun, row->verb == NULL ? "" : "_",
	               row->verb == NULL ? "" : row->verb);
	for (char *p = text; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p))
			*p = '_';
	}
	return json_string(text);
}

static json_t *operation(const struct route *route)
{
	const struct verb *first = route->rows[0];
	json_t *verbs_said = json_array();

	for (size_t r = 0; r < route->n_rows; r++)
		(void)json_array_append_new(
		    verbs_said, json_sprintf("%s%s%s", route->rows[r]->noun, route->rows[r]->verb == NULL ? "" : " ",
		                             route->rows[r]->verb == NULL ? "" : route->rows[r]->verb));
	json_t *json = json_pack("{s:o,s:s,s:[s],s:o,s:o,s:o}", "operationId", operation_id(first), "summary",
	                         first->help, "tags", first->noun, "parameters", parameters(route), "responses",
	                         responses(route), "x-vcadm", verbs_said);
	json_t *body = request_body(route);
	if (body != NULL)
		(void)json_object_set_new(json, "requestBody", body);
	if (route->flags & VERB_ANYONE)
		(void)json_object_set_new(json, "security", json_array());
	return json;
}

static json_t *paths(void)
{
	static const char *const methods[] = { [VERB_GET] = "get",
		                               [VERB_POST] = "post",
		                               [VERB_PUT] = "put",
		                               [VERB_PATCH] = "patch",
		                               [VERB_DELETE] = "delete" };
	json_t *all = json_object();
	size_t n;
	const struct route *list = router_routes(&n);

	for (size_t i = 0; i < n; i++) {
		char path[256];
		(void)snprintf(path, sizeof path, "%s%s", VERB_API_PREFIX, list[i].path);
		json_t *item = json_object_get(all, path);
		if (item == NULL) {
			item = json_object();
			(void)json_object_set_new(all, path, item);
		}
		(void)json_object_set_new(item, methods[list[i].method], operation(&list[i]));
	}
	return all;
}

static json_t *components(void)
{
	return json_pack(
	    "{s:{s:{s:s,s:s,s:s,s:o},s:{s:s,s:s,s:s,s:o},s:{s:s,s:s,s:s,s:o},s:{s:s,s:s,s:s,s:o}},"
	    "s:{s:{s:s,s:{s:{s:{s:s}}}}},"
	    "s:{s:o,s:{s:s,s:{s:{s:s,s:o},s:o,s:o}},s:{s:s,s:{s:o}},s:{s:s,s:{s:{s:s,s:{s:o,s:o,s:o}}}}}}",
	    "parameters", "fields", "name", "fields", "in", "query", "description", "only these members, with commas",
	    "schema", of_type("string"), "order_by", "name", "order_by", "in", "query", "description",
	    "member, or member desc, with commas", "schema", of_type("string"), "max_records", "name", "max_records",
	    "in", "query", "description", "at most so many records", "schema", of_type("integer"), "start", "name",
	    "start", "in", "query", "description", "skip so many records (as `next` says)", "schema",
	    of_type("integer"), "responses", "Error", "description", "What went wrong", "content", "application/json",
	    "schema", "$ref", "#/components/schemas/Error", "schemas", "Object", of_type("object"), "Collection",
	    "type", "object", "properties", "records", "type", "array", "items", of_type("object"), "num_records",
	    of_type("integer"), "next", of_type("string"), "Accepted", "type", "object", "properties", "job",
	    of_type("object"), "Error", "type", "object", "properties", "error", "type", "object", "properties", "code",
	    of_type("string"), "message", of_type("string"), "target", of_type("string"));
}

/* The two ways of a request over TCP to say whose it is. */
static json_t *security_schemes(const char *cookie)
{
	return json_pack("{s:{s:s,s:s,s:s},s:{s:s,s:s,s:s,s:s}}", "token", "type", "http", "scheme", "bearer",
	                 "description", "the administrator's token", "session", "type", "apiKey", "in", "cookie",
	                 "name", cookie, "description", "set by POST /api/v1/session");
}

json_t *openapi_make(const char *cookie)
{
	json_t *parts = components();

	(void)json_object_set_new(parts, "securitySchemes", security_schemes(cookie));
	return json_pack(
	    "{s:s,s:{s:s,s:s,s:s},s:[{s:[]},{s:[]}],s:o,s:o}", "openapi", "3.1.0", "info", "title", "vcstore",
	    "version", PACKAGE_VERSION, "description",
	    "Administration of a vcstore server. Long work answers 202 and a job; look at jobs/{job} until its state "
	    "is "
	    "none of queued, running and paused. On the unix socket nobody signs in: the kernel says who asks.",
	    "security", "token", "session", "paths", paths(), "components", parts);
}

void openapi_show(struct call *call)
{
	call_reply_take(call, 200, openapi_make(signin_cookie_name(call->admin->signin)));
}
