/* SPDX-License-Identifier: Apache-2.0 */
/* The form of iSCSI names. */
#include "base/iscsiname.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

/* Not by the locale: ASCII. */
static bool is_ascii_of(char byte, const char *bytes)
{
	return byte != '\0' && strchr(bytes, tolower((unsigned char)byte)) != NULL;
}

static bool is_hex(const char *text, size_t len)
{
	return strlen(text) == len && strspn(text, "0123456789abcdefABCDEF") == len;
}

static bool is_digits(const char *text, size_t n)
{
	return strspn(text, "0123456789") >= n;
}

/* "YYYY-MM." */
static bool is_month(const char *text)
{
	if (!is_digits(text, 4) || text[4] != '-' || !is_digits(text + 5, 2) || text[7] != '.')
		return false;
	int month = (text[5] - '0') * 10 + text[6] - '0';
	return month >= 1 && month <= 12;
}

static bool is_of_name_characters(const char *text)
{
	size_t len = strlen(text), n;

	for (; len > 0; text += n, len -= n) {
		n = (unsigned char)*text >= 0x80 ? text_fit_len(text, len)
		                                 : is_ascii_of(*text, "abcdefghijklmnopqrstuvwxyz0123456789-.:");
		if (n == 0)
			return false;
	}
	return true;
}

bool iscsiname_is_valid(const char *name)
{
	size_t len = strnlen(name, ISCSINAME_MAX + 1);

	if (len < 5 || len > ISCSINAME_MAX)
		return false;
	if (strncasecmp(name, "eui.", 4) == 0)
		return is_hex(name + 4, 16);
	if (strncasecmp(name, "naa.", 4) == 0)
		return is_hex(name + 4, 16) || is_hex(name + 4, 32);
	return strncasecmp(name, "iqn.", 4) == 0 && is_month(name + 4) && name[12] != '\0' && name[12] != ':' &&
	       is_of_name_characters(name + 12);
}
