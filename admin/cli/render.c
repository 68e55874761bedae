/* SPDX-License-Identifier: Apache-2.0 */
/* Answers on stdout. */
#include "admin/cli/render.h"

#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/cli/columns.h"
#include "admin/cli/shown.h"
#include "admin/record.h"

/* Exact, and harmless to a terminal: jansson escapes what is below 0x20 and, asked to, above 0x7F. */
static void print_json(FILE *out, json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);

	for (const char *p = text; p != NULL && *p != '\0'; p++) {
		if (*p == 0x7f)
			(void)fputs("\\u007F", out);
		else
			(void)fputc(*p, out);
	}
	(void)fputc('\n', out);
	free(text);
}

/* ---- tables ------------------------------------------------------------------------------------------------------ */

static bool is_right(const struct column *column)
{
	return column->format == COLUMN_SIZE || column->format == COLUMN_PERCENT || column->format == COLUMN_SECONDS;
}

static void add_row(struct libscols_table *table, const struct column *columns, bool wide, json_t *record)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	size_t cell = 0;

	for (const struct column *column = columns; line != NULL && column->header != NULL; column++) {
		if (column->wide && !wide)
			continue;
		char *text = column_text(column, record);
		if (text != NULL && scols_line_refer_data(line, cell, text) != 0)
			free(text);
		cell++;
	}
}

/* Rows of `records`; with `expand`, of that member of each record. */
static void add_rows(struct libscols_table *table, const struct column *columns, bool wide, json_t *records,
                     const char *expand)
{
	json_t *record;
	size_t i;

	json_array_foreach(records, i, record) {
		if (expand != NULL)
			add_rows(table, columns, wide, json_object_get(record, expand), NULL);
		else
			add_row(table, columns, wide, record);
	}
}

static void print_table(const char *noun, json_t *records, bool wide, const char *expand)
{
	const struct column *columns = columns_of(noun);
	struct libscols_table *table = scols_new_table();

	if (table == NULL)
		return;
	for (const struct column *column = columns; column->header != NULL; column++) {
		if (!column->wide || wide)
			(void)scols_table_new_column(table, column->header, 0, is_right(column) ? SCOLS_FL_RIGHT : 0);
	}
	(void)scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	add_rows(table, columns, wide, records, expand);
	(void)scols_print_table(table);
	scols_unref_table(table);
}

/* ---- one object, a member a line --------------------------------------------------------------------------------- */

static enum column_format format_of(const char *noun, const char *key)
{
	for (const struct column *column = columns_of(noun); column->header != NULL; column++) {
		if (strcmp(column->key, key) == 0)
			return column->format;
	}
	return strncmp(key, "space.", 6) == 0 || strncmp(key, "memory.", 7) == 0 || strncmp(key, "cache.", 6) == 0 ||
	               strncmp(key, "nvlog.", 6) == 0
	           ? COLUMN_SIZE
	           : COLUMN_TEXT;
}

static void print_members(const char *noun, json_t *object, const char *prefix)
{
	const char *key;
	json_t *value;
	char name[128];

	json_object_foreach(object, key, value) {
		(void)snprintf(name, sizeof name, "%s%s%s", prefix, *prefix == '\0' ? "" : ".", key);
		if (json_is_object(value)) {
			print_members(noun, value, name);
			continue;
		}
		const char *report = json_string_value(value);
		if (report != NULL && strchr(report, '\n') != NULL) {
			(void)printf("%s:\n%s", name, report);
			continue;
		}
		char *text = column_value_text(value, format_of(noun, name));
		(void)printf("%-28s %s\n", name, text == NULL ? "" : text);
		free(text);
	}
}

static void print_status(json_t *json)
{
	json_t *problems = json_object_get(json, "problems"), *problem, *rest = json_copy(json);
	size_t i;

	(void)json_object_del(rest, "problems");
	print_members("status", rest, "");
	json_decref(rest);
	json_array_foreach(problems, i, problem)
		(void)printf("%s: %s: %s\n", column_string(problem, "severity"), column_string(problem, "target"),
		             column_string(problem, "message"));
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static void print_name(const char *noun, json_t *record)
{
	static const char *const keys[] = { "path", "name", "uuid", "lun.path", "number", "state" };

	if (strcmp(noun, "job") == 0) {
		const char *uuid = json_string_value(json_object_get(record, "uuid"));
		(void)puts(uuid == NULL ? "" : uuid);
		return;
	}
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		json_t *value = record_member(record, keys[i]);
		if (value == NULL)
			continue;
		char *text = column_value_text(value, COLUMN_TEXT);
		(void)puts(text == NULL ? "" : text);
		free(text);
		return;
	}
}

static void print_names(const char *noun, json_t *records)
{
	json_t *record;
	size_t i;

	json_array_foreach(records, i, record)
		print_name(noun, record);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void render_records(const struct verb *verb, json_t *records, enum cli_output output)
{
	if (output == CLI_NAME)
		print_names(verb->noun, records);
	else
		print_table(verb->noun, records, output == CLI_WIDE, columns_expand(verb->noun));
}

/* What is shown a member a line: an object that was asked for, or one that is no row of its noun's table. */
static bool is_by_members(const struct verb *verb, json_t *json)
{
	const char *rows = columns_expand(verb->noun);

	return (verb->verb != NULL && strcmp(verb->verb, "show") == 0) ||
	       (rows != NULL && json_object_get(json, rows) == NULL);
}

static void render_shown(const struct verb *verb, json_t *json, enum cli_output output)
{
	if (verb->flags & VERB_COLLECTION) {
		render_records(verb, json_object_get(json, "records"), output);
	} else if (output == CLI_NAME) {
		print_name(verb->noun, json);
	} else if (strcmp(verb->noun, "status") == 0) {
		print_status(json);
	} else if (is_by_members(verb, json)) {
		print_members(verb->noun, json, "");
	} else if (json_object_size(json) > 0) {
		const char *noun = json_object_get(json, "logical_unit_number") != NULL ? "lun map" : verb->noun;
		json_t *one = json_pack("[O]", json);
		print_table(noun, one, output == CLI_WIDE, NULL);
		json_decref(one);
	}
}

void render_answer(const struct verb *verb, json_t *json, enum cli_output output)
{
	if (output == CLI_JSON) {
		print_json(stdout, json);
		return;
	}
	json_t *shown = shown_copy(json);
	render_shown(verb, shown, output);
	json_decref(shown);
}

void render_job(json_t *job, enum cli_output output)
{
	if (output == CLI_JSON) {
		print_json(stdout, job);
		return;
	}
	json_t *shown = shown_copy(job), *one = json_pack("[O]", shown);
	if (output == CLI_NAME)
		print_name("job", shown);
	else
		print_table("job", one, output == CLI_WIDE, NULL);
	json_decref(one);
	json_decref(shown);
}

void render_error(json_t *json)
{
	print_json(stderr, json);
}
