/* SPDX-License-Identifier: Apache-2.0 */
/* The text of an event: `key=value` pairs from a format and its arguments, whoever chose the values. */
#ifndef BASE_LOGLINE_H
#define BASE_LOGLINE_H

#include <stdarg.h>
#include <stddef.h>

#define LOGLINE_MAX 2048U

/* Write what `format` says with `args`, NUL-terminated, valid UTF-8 without control characters, cut ("...") where
 * `size` ends (at most LOGLINE_MAX count). The format is pairs and words with spaces between; d, i, u, x, c and s with
 * their lengths and widths are known.
 *   key=%s a value that is empty, or has a space, a quote, a backslash or what is not fit to be seen (base/text.h), is
 *   put in quotes key="%s" always in quotes
 *   key=%s:     a colon at the end of a pair is not part of the value: a sentence follows
 *   %s          a word by itself is put in quotes when it could be taken for a pair
 * So no value can look like another pair, end the line or reach a terminal as anything but text. */
void logline_format(char *to, size_t size, const char *format, va_list args);

#endif
