/* SPDX-License-Identifier: Apache-2.0 */
/* The text of an event.
 *
 * THEORY. vsnprintf would mix what the caller wrote with what others chose, and afterwards nobody can tell them apart.
 * So the format is taken apart first: each pair is expanded by itself, and its value is then quoted as a whole. */
#include "base/logline.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "base/list.h"
#include "base/text.h"

static const char cut_mark[] = "...";

struct logline {
	char *to;
	size_t size, len;
	bool full;
	va_list args;
	char value[LOGLINE_MAX]; /* of the piece being expanded */
	size_t value_len;
};

/* ---- expanding a piece of the format ----------------------------------------------------------------------------- */

static void value_add(struct logline *line, const char *text, size_t len)
{
	len = MIN_OF(len, sizeof line->value - line->value_len);
	memcpy(line->value + line->value_len, text, len);
	line->value_len += len;
}

static long long next_signed(struct logline *line, const char *length)
{
	switch (*length) {
	case 'l': return length[1] == 'l' ? va_arg(line->args, long long) : va_arg(line->args, long);
	case 'z': return va_arg(line->args, ssize_t);
	case 'j': return va_arg(line->args, intmax_t);
	case 't': return va_arg(line->args, ptrdiff_t);
	default: return va_arg(line->args, int);
	}
}

static unsigned long long next_unsigned(struct logline *line, const char *length)
{
	switch (*length) {
	case 'l': return length[1] == 'l' ? va_arg(line->args, unsigned long long) : va_arg(line->args, unsigned long);
	case 'z': return va_arg(line->args, size_t);
	case 'j': return va_arg(line->args, uintmax_t);
	case 't': return (unsigned long long)va_arg(line->args, ptrdiff_t);
	default: return va_arg(line->args, unsigned);
	}
}

/* A number with at least `width` digits. */
static void value_add_number(struct logline *line, char conversion, const char *length, int width)
{
	char text[64];
	int n = conversion == 'x'   ? snprintf(text, sizeof text, "%0*llx", width, next_unsigned(line, length))
	        : conversion == 'u' ? snprintf(text, sizeof text, "%0*llu", width, next_unsigned(line, length))
	                            : snprintf(text, sizeof text, "%0*lld", width, next_signed(line, length));

	value_add(line, text, (size_t)MAX_OF(n, 0));
}

/* The conversion at `format`, which begins with '%'. Returns what is behind it. */
static const char *expand_conversion(struct logline *line, const char *format)
{
	int width = 0;

	for (format++; isdigit((unsigned char)*format); format++)
		width = MIN_OF(width * 10 + (*format - '0'), 32);
	const char *length = format;
	format += strspn(format, "hlzjt");
	if (*format == 's') {
		const char *text = va_arg(line->args, const char *);
		text = text == NULL ? "(null)" : text;
		value_add(line, text, strnlen(text, sizeof line->value));
	} else if (*format == 'c') {
		char byte = (char)va_arg(line->args, int);
		value_add(line, &byte, 1);
	} else if (*format == 'd' || *format == 'i' || *format == 'u' || *format == 'x') {
		value_add_number(line, *format, length, width);
	} else { /* "%%", or one that is not known: as it is written */
		value_add(line, format, *format != '\0');
	}
	return format + (*format != '\0');
}

static void expand(struct logline *line, const char *format, const char *end)
{
	line->value_len = 0;
	while (format < end) {
		if (*format == '%')
			format = expand_conversion(line, format);
		else
			value_add(line, format++, 1);
	}
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void put(struct logline *line, const char *text, size_t len, enum text_form form)
{
	size_t room = line->size - line->len, whole;

	if (line->full)
		return;
	whole = text_escape(line->to + line->len, room, text, len, form);
	line->full = whole >= room;
	line->len += line->full ? strlen(line->to + line->len) : whole;
}

static bool value_has(const struct logline *line, const char *bytes)
{
	for (size_t i = 0; i < line->value_len; i++) {
		if (strchr(bytes, line->value[i]) != NULL) /* a NUL counts: none is there */
			return true;
	}
	return false;
}

static bool value_is_fit(const struct logline *line)
{
	for (size_t i = 0, n; i < line->value_len; i += n) {
		n = text_fit_len(line->value + i, line->value_len - i);
		if (n == 0)
			return false;
	}
	return true;
}

static void put_quoted(struct logline *line)
{
	put(line, "\"", 1, TEXT_SHOWN);
	if (!line->full && line->size - line->len > 1) {
		line->size--; /* for the quote at the end */
		put(line, line->value, line->value_len, TEXT_QUOTED);
		line->size++;
	}
}

static void put_value(struct logline *line, bool quoted)
{
	bool was_full = line->full;

	if (!quoted) {
		put(line, line->value, line->value_len, TEXT_SHOWN);
		return;
	}
	put_quoted(line);
	if (was_full)
		return;
	bool cut = line->full;
	line->full = false;
	put(line, "\"", 1, TEXT_SHOWN);
	line->full = cut || line->full;
}

/* ---- pairs and words --------------------------------------------------------------------------------------------- */

static void format_pair(struct logline *line, const char *from, const char *equals, const char *end)
{
	bool colon = end[-1] == ':', quoted;

	expand(line, from, equals);
	put(line, line->value, line->value_len, TEXT_SHOWN);
	put(line, "=", 1, TEXT_SHOWN);
	from = equals + 1;
	end -= colon;
	quoted = end - from >= 2 && from[0] == '"' && end[-1] == '"';
	expand(line, from + quoted, end - quoted);
	put_value(line, quoted || line->value_len == 0 || value_has(line, " \"\\") || !value_is_fit(line));
	put(line, ":", colon, TEXT_SHOWN);
}

static void format_word(struct logline *line, const char *from, const char *end)
{
	expand(line, from, end);
	put_value(line,
	          memchr(from, '%', (size_t)(end - from)) != NULL && (value_has(line, "=\"\\") || !value_is_fit(line)));
}

/* The end of the pair or word at `format`: a space that is not between quotes. */
static const char *piece_end(const char *format)
{
	bool quoted = false;

	for (; *format != '\0' && (quoted || *format != ' '); format++)
		quoted ^= *format == '"';
	return format;
}

void logline_format(char *to, size_t size, const char *format, va_list args)
{
	struct logline line = { .to = to, .size = MIN_OF(size, (size_t)LOGLINE_MAX) - (sizeof cut_mark - 1) };

	va_copy(line.args, args);
	to[0] = '\0';
	while (*format != '\0' && !line.full) {
		const char *end = piece_end(format), *equals = memchr(format, '=', (size_t)(end - format));
		if (equals != NULL)
			format_pair(&line, format, equals, end);
		else
			format_word(&line, format, end);
		put(&line, " ", *end == ' ', TEXT_SHOWN);
		format = end + (*end == ' ');
	}
	va_end(line.args);
	if (line.full)
		memcpy(to + line.len, cut_mark, sizeof cut_mark);
}
