/* SPDX-License-Identifier: Apache-2.0 */
/* Text that others chose (names, paths, comments) made fit for a log, a terminal and JSON.
 *
 * THEORY. Names are bytes: an NFS client, an image or a damaged file may hold any. Whatever is not fit to be seen is
 * written byte by byte as \xNN, two upper-case hexadecimal digits. Not fit are bytes that are no UTF-8, control
 * characters (C1 too: terminals obey them), and characters that hide or turn the text around them. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum text_form {
	TEXT_SHOWN, /* for a terminal; a backslash stays as it is */
	TEXT_QUOTED, /* to stand between quotes: \" and \\ as well */
	TEXT_NAME, /* what JSON can hold: only bytes that are no UTF-8 and control characters below 0x20 and 0x7F are
	            * escaped. It can be undone (text_unescape): a backslash before what looks like an escape is itself
	            * written \x5C */
};

/* Length in bytes of the character at `text` (`len` bytes are there) when it is well-formed UTF-8; 0: it is not, or len
 * is 0. */
size_t text_utf8_len(const char *text, size_t len);
/* The same, 0 also for what is not fit to be seen. */
size_t text_fit_len(const char *text, size_t len);
/* Every character is fit to be seen. */
bool text_is_fit(const char *text);

/* Write `len` bytes of `from` as `form`, NUL-terminated, as many whole characters and escapes as `size` bytes hold.
 * Returns the length that all of it has: `size` or more means that it was cut. */
size_t text_escape(char *to, size_t size, const char *from, size_t len, enum text_form form);
/* A heap copy of all of it. NULL: no memory. */
char *text_escape_new(const char *from, size_t len, enum text_form form);
/* A heap copy line by line: ends of lines stay. NULL: no memory. */
char *text_escape_lines(const char *text, enum text_form form);
/* Undo TEXT_NAME in place, as far as there is something to undo. An escape of a byte that TEXT_NAME would not have
 * escaped stays as it is. */
void text_unescape(char *text);
/* `text` cut to at most `max_bytes` without taking a character apart: the length to keep. */
size_t text_cut(const char *text, size_t max_bytes);

#endif
