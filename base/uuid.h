/* SPDX-License-Identifier: Apache-2.0 */
/* UUIDs (RFC 9562, version 4 from the given random bytes). */
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define UUID_TEXT_SIZE 37U /* with the NUL */

struct uuid {
	uint8_t b[16];
};

/* Make 16 random bytes a version 4 UUID. */
struct uuid uuid_from_random(const uint8_t random[16]);
void uuid_format(const struct uuid *uuid, char ret_text[UUID_TEXT_SIZE]);
MUST_CHECK int uuid_parse(const char *text, struct uuid *ret_uuid); /* -EINVAL */
bool uuid_equal(const struct uuid *a, const struct uuid *b);
bool uuid_is_zero(const uint8_t bytes[16]);

#endif
