/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the server made fit for a terminal. */
#include "admin/cli/shown.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"

static json_t *value_copy(json_t *value, bool lines);

static json_t *line_copy(const char *text)
{
	char *shown = must(text_escape_new(text, strlen(text), TEXT_SHOWN));
	json_t *copy = json_string(shown);

	free(shown);
	return copy;
}

/* Line by line. */
static json_t *lines_copy(const char *text)
{
	char *shown = must(text_escape_lines(text, TEXT_SHOWN));
	json_t *copy = json_string(shown);
	free(shown);
	return copy;
}

static json_t *object_copy(json_t *object)
{
	json_t *copy = json_object(), *value;
	const char *key;

	json_object_foreach(object, key, value) {
		char *shown = must(text_escape_new(key, strlen(key), TEXT_SHOWN));
		(void)json_object_set_new(copy, shown, value_copy(value, strcmp(key, "report") == 0));
		free(shown);
	}
	return copy;
}

static json_t *array_copy(json_t *array)
{
	json_t *copy = json_array(), *value;
	size_t i;

	json_array_foreach(array, i, value)
		(void)json_array_append_new(copy, value_copy(value, false));
	return copy;
}

static json_t *value_copy(json_t *value, bool lines)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT: return object_copy(value);
	case JSON_ARRAY: return array_copy(value);
	case JSON_STRING: return lines ? lines_copy(json_string_value(value)) : line_copy(json_string_value(value));
	default: return json_incref(value);
	}
}

json_t *shown_copy(json_t *json)
{
	return json == NULL ? NULL : value_copy(json, false);
}
