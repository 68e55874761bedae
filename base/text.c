/* SPDX-License-Identifier: Apache-2.0 */
/* Text that others chose, made fit to be seen. */
#include "base/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

/* Code points that are well-formed and yet not to be seen as they are, by rising number. */
static const struct {
	uint32_t first, last;
} unfit[] = {
	{ 0x00, 0x1F }, /* C0 */
	{ 0x7F, 0x9F }, /* DEL, C1: U+009B begins an escape sequence */
	{ 0xAD, 0xAD }, /* soft hyphen */
	{ 0x61C, 0x61C }, /* Arabic letter mark */
	{ 0x180E, 0x180E }, /* Mongolian vowel separator */
	{ 0x200B, 0x200F }, /* zero width, direction marks */
	{ 0x2028, 0x202E }, /* line and paragraph separator, direction embedding and override */
	{ 0x2060, 0x206F }, /* invisible operators, direction isolates */
	{ 0xFEFF, 0xFEFF }, /* byte order mark */
	{ 0xFFF9, 0xFFFF }, /* annotations, replacement, no characters */
	{ 0xE0000, 0xE0FFF }, /* tags */
};

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xC0U) == 0x80U;
}

/* Unicode 15, table 3-7: no overlong form, no surrogate, nothing above U+10FFFF. */
static size_t utf8_decode(const char *text, size_t len, uint32_t *ret_code)
{
	const unsigned char *p = (const unsigned char *)text;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = len == 0      ? 0
	           : p[0] < 0x80 ? 1
	           : p[0] < 0xC2 ? 0
	           : p[0] < 0xE0 ? 2
	           : p[0] < 0xF0 ? 3
	           : p[0] < 0xF5 ? 4
	                         : 0;

	if (n == 0 || n > len)
		return 0;
	uint32_t code = n == 1 ? p[0] : p[0] & (0x7FU >> n);
	for (size_t i = 1; i < n; i++) {
		if (!is_continuation(p[i]))
			return 0;
		code = code << 6 | (p[i] & 0x3FU);
	}
	if (code < least[n] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
		return 0;
	*ret_code = code;
	return n;
}

size_t text_utf8_len(const char *text, size_t len)
{
	uint32_t code;
	return utf8_decode(text, len, &code);
}

size_t text_fit_len(const char *text, size_t len)
{
	uint32_t code;
	size_t n = utf8_decode(text, len, &code);

	for (size_t i = 0; n != 0 && i < ARRAY_SIZE(unfit) && unfit[i].first <= code; i++) {
		if (code <= unfit[i].last)
			return 0;
	}
	return n;
}

bool text_is_fit(const char *text)
{
	size_t len = strlen(text), n;

	for (; len > 0; text += n, len -= n) {
		n = text_fit_len(text, len);
		if (n == 0)
			return false;
	}
	return true;
}

static int hex_value(char digit)
{
	return digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

static bool is_escaped_in_names(unsigned byte)
{
	return byte < 0x20 || byte == '\\' || byte >= 0x7F;
}

/* The byte that \xNN at `text` stands for in a name; -1: this is no escape. */
static int escape_at(const char *text, size_t len)
{
	if (len < 4 || text[0] != '\\' || text[1] != 'x' || hex_value(text[2]) < 0 || hex_value(text[3]) < 0)
		return -1;
	int byte = hex_value(text[2]) * 16 + hex_value(text[3]);
	return byte != 0 && is_escaped_in_names((unsigned)byte) ? byte : -1;
}

/* How many bytes at `from` are written as they are; 0: the first is written as *ret_escape. */
static size_t plain_len(const char *from, size_t len, enum text_form form, char ret_escape[5])
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char byte = (unsigned char)*from;
	size_t n = form == TEXT_NAME ? text_utf8_len(from, len) : text_fit_len(from, len);
	bool good = n > 0 && (form != TEXT_NAME || n > 1 || byte == '\\' || !is_escaped_in_names(byte));

	if (form == TEXT_QUOTED && (byte == '"' || byte == '\\')) {
		memcpy(ret_escape, byte == '"' ? "\\\"" : "\\\\", 3);
		return 0;
	}
	if (good && !(form == TEXT_NAME && escape_at(from, len) >= 0))
		return n;
	memcpy(ret_escape, "\\x", 2);
	ret_escape[2] = digits[byte >> 4];
	ret_escape[3] = digits[byte & 15];
	ret_escape[4] = '\0';
	return 0;
}

size_t text_escape(char *to, size_t size, const char *from, size_t len, enum text_form form)
{
	size_t used = 0, whole = 0;
	char escape[5];

	while (len > 0) {
		size_t n = plain_len(from, len, form, escape);
		const char *what = n > 0 ? from : escape;
		size_t what_len = n > 0 ? n : strlen(escape);
		if (used == whole && used + what_len < size) { /* once cut, cut */
			memcpy(to + used, what, what_len);
			used += what_len;
		}
		whole += what_len;
		from += MAX_OF(n, (size_t)1);
		len -= MAX_OF(n, (size_t)1);
	}
	if (size > 0)
		to[used] = '\0';
	return whole;
}

char *text_escape_new(const char *from, size_t len, enum text_form form)
{
	size_t size = text_escape(NULL, 0, from, len, form) + 1;
	char *to = malloc(size);

	if (to != NULL)
		(void)text_escape(to, size, from, len, form);
	return to;
}

char *text_escape_lines(const char *text, enum text_form form)
{
	/* an escaped line end is longer than one */
	size_t size = text_escape(NULL, 0, text, strlen(text), form) + 1, used = 0;
	char *to = malloc(size);

	if (to == NULL)
		return NULL;
	to[0] = '\0';
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		used += text_escape(to + used, size - used, text, len, form);
		text += len;
		if (*text == '\n') {
			to[used++] = *text++;
			to[used] = '\0';
		}
	}
	return to;
}

void text_unescape(char *text)
{
	size_t len = strlen(text);
	char *to = text;

	while (len > 0) {
		int byte = escape_at(text, len);
		size_t n = byte >= 0 ? 4 : 1;
		*to++ = byte >= 0 ? (char)byte : *text;
		text += n;
		len -= n;
	}
	*to = '\0';
}

size_t text_cut(const char *text, size_t max_bytes)
{
	size_t len = strnlen(text, max_bytes + 1);

	if (len <= max_bytes)
		return len;
	for (len = max_bytes; len > 0 && is_continuation((unsigned char)text[len]);)
		len--;
	return len;
}
