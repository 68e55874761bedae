/* SPDX-License-Identifier: Apache-2.0 */
/* Names of any bytes as JSON strings. */
#include "admin/textjson.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static void *must(void *memory)
{
	if (memory == NULL)
		abort(); /* a few times what the caller holds */
	return memory;
}

json_t *textjson_lines(const char *text)
{
	char *to = must(text_escape_lines(text, TEXT_NAME));
	json_t *json = must(json_string(to));
	free(to);
	return json;
}

json_t *textjson(const char *text)
{
	size_t len = strlen(text), size = text_escape(NULL, 0, text, len, TEXT_NAME) + 1;
	char *to = must(malloc(size));

	(void)text_escape(to, size, text, len, TEXT_NAME);
	json_t *json = must(json_string(to));
	free(to);
	return json;
}

json_t *textjson_format(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	int n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		abort();
	json_t *json = textjson(text);
	free(text);
	return json;
}
