/* SPDX-License-Identifier: Apache-2.0 */
/* Names of any bytes as JSON strings: bytes that are no UTF-8 and control characters as \xNN (base/text.h, TEXT_NAME),
 * never nothing. */
#ifndef ADMIN_TEXTJSON_H
#define ADMIN_TEXTJSON_H

#include <jansson.h>

/* A name, or several put together as snprintf does. A new reference. */
json_t *textjson(const char *text);
json_t *textjson_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Text of several lines: escaped line by line. */
json_t *textjson_lines(const char *text);

#endif
