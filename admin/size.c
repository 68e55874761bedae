/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes as people write them. */
#include "admin/size.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char UNITS[] = "kmgt";

int size_parse_integer(const char *text, uint64_t max, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (*text == '\0')
		return -EINVAL;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		uint64_t digit = (uint64_t)(*p - '0');
		if (__builtin_mul_overflow(value, 10U, &value) || __builtin_add_overflow(value, digit, &value) ||
		    value > max)
			return -ERANGE;
	}
	*ret_value = value;
	return 0;
}

/* The unit after the number: its shift, or -EINVAL. */
static int unit_shift(const char *text)
{
	while (*text == ' ')
		text++;
	if (*text == '\0')
		return 0;
	if (strcasecmp(text, "b") == 0)
		return 0;
	const char *unit = strchr(UNITS, tolower((unsigned char)*text));
	if (unit == NULL)
		return -EINVAL;
	if (text[1] != '\0' && strcasecmp(text + 1, "b") != 0 && strcasecmp(text + 1, "ib") != 0)
		return -EINVAL;
	return (int)(unit - UNITS + 1) * 10;
}

int size_parse(const char *text, uint64_t *ret_bytes)
{
	uint64_t whole = 0, fraction = 0, scale = 1;
	const char *p = text;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		if (__builtin_mul_overflow(whole, 10U, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
			return -ERANGE;
	}
	if (*p == '.') {
		p++;
		if (!isdigit((unsigned char)*p))
			return -EINVAL;
		for (; isdigit((unsigned char)*p); p++) {
			if (scale >= 1000000)
				return -ERANGE;
			fraction = fraction * 10 + (uint64_t)(*p - '0');
			scale *= 10;
		}
	}
	int shift = unit_shift(p);
	if (shift < 0)
		return shift;
	if (whole > (uint64_t)INT64_MAX >> shift)
		return -ERANGE;
	if (shift == 0 && fraction != 0)
		return -ERANGE;
	*ret_bytes = (whole << shift) + (fraction << shift) / scale;
	return *ret_bytes > (uint64_t)INT64_MAX ? -ERANGE : 0;
}

void size_format(uint64_t bytes, char ret_text[SIZE_TEXT_SIZE])
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	unsigned unit = 0;

	while (unit + 1 < sizeof names / sizeof names[0] && bytes >> (10 * (unit + 1)) != 0)
		unit++;
	double value = (double)bytes / (double)(1ULL << (10 * unit));
	int digits = unit == 0 || value >= 100 || value == (double)(uint64_t)value ? 0 : value >= 10 ? 1 : 2;
	(void)snprintf(ret_text, SIZE_TEXT_SIZE, "%.*f %s", digits, value, names[unit]);
}
