/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that must be had. */
#include "base/must.h"

#include <stdio.h>

char *must_vformat(const char *format, va_list args)
{
	char *text = NULL;

	return must(vasprintf(&text, format, args) < 0 ? NULL : text);
}

char *must_format(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = must_vformat(format, args);
	va_end(args);
	return text;
}
