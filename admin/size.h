/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes as people write them: a number and k, m, g or t (binary), optionally followed by "b" or "ib". */
#ifndef ADMIN_SIZE_H
#define ADMIN_SIZE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* "512", "4k", "1.5g", "200 MiB". -EINVAL: not a size; -ERANGE: beyond 2^63-1 or not a whole number of bytes. Any
 * thread. */
MUST_CHECK int size_parse(const char *text, uint64_t *ret_bytes);
/* Decimal digits only, at most `max`: ports, counts, LUN numbers. -EINVAL, -ERANGE. */
MUST_CHECK int size_parse_integer(const char *text, uint64_t max, uint64_t *ret_value);

#define SIZE_TEXT_SIZE 24U
/* "1.5 GiB": at most three significant digits, or all digits below 1024 of a unit. */
void size_format(uint64_t bytes, char ret_text[SIZE_TEXT_SIZE]);

#endif
