/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDs: version 4, and the 8-4-4-4-12 text form. */
#include "base/uuid.h"

#include <string.h>

/* A dash stands before these bytes. */
static inline bool dash_before(unsigned i)
{
	return i == 4 || i == 6 || i == 8 || i == 10;
}

struct uuid uuid_from_random(const uint8_t random[16])
{
	struct uuid uuid;

	memcpy(uuid.b, random, sizeof uuid.b);
	uuid.b[6] = (uint8_t)((uuid.b[6] & 0x0f) | 0x40);
	uuid.b[8] = (uint8_t)((uuid.b[8] & 0x3f) | 0x80);
	return uuid;
}

void uuid_format(const struct uuid *uuid, char ret_text[UUID_TEXT_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *to = ret_text;

	for (unsigned i = 0; i < sizeof uuid->b; i++) {
		if (dash_before(i))
			*to++ = '-';
		*to++ = digits[uuid->b[i] >> 4];
		*to++ = digits[uuid->b[i] & 15];
	}
	*to = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int uuid_parse(const char *text, struct uuid *ret_uuid)
{
	struct uuid uuid;

	for (unsigned i = 0; i < sizeof uuid.b; i++) {
		int high, low;

		if (dash_before(i) && *text++ != '-')
			return -EINVAL;
		high = hex_digit(text[0]);
		low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0)
			return -EINVAL;
		uuid.b[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text != '\0')
		return -EINVAL;
	*ret_uuid = uuid;
	return 0;
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool uuid_is_zero(const uint8_t bytes[16])
{
	static const uint8_t zeros[16];

	return memcmp(bytes, zeros, sizeof zeros) == 0;
}
