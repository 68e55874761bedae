/* SPDX-License-Identifier: Apache-2.0 */
/* Names of any bytes as JSON strings. */
#include "admin/textjson.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/text.h"

json_t *textjson_lines(const char *text)
{
	char *to = must(text_escape_lines(text, TEXT_NAME));
	json_t *json = must(json_string(to));
	free(to);
	return json;
}

json_t *textjson(const char *text)
{
	char *to = must(text_escape_new(text, strlen(text), TEXT_NAME));
	json_t *json = must(json_string(to));
	free(to);
	return json;
}

json_t *textjson_format(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = must_vformat(format, args);
	va_end(args);
	json_t *json = textjson(text);
	free(text);
	return json;
}
