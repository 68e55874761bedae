/* SPDX-License-Identifier: Apache-2.0 */
/* Which members of a noun's records vcadm's tables show, and how. */
#ifndef CLI_COLUMNS_H
#define CLI_COLUMNS_H

#include <jansson.h>
#include <stdbool.h>

enum column_format { COLUMN_TEXT, COLUMN_SIZE, COLUMN_PERCENT, COLUMN_SECONDS, COLUMN_LIST, COLUMN_MAPS, COLUMN_RULES };

struct column {
	const char *header;
	const char *key; /* "space.size" */
	enum column_format format;
	bool wide; /* only with -o wide */
};
#define COLUMNS_MAX 16

/* Ended by a row without a header. Never NULL: nouns without their own get name and state. */
const struct column *columns_of(const char *noun);
/* Records of this noun are lists of those in this member (a RAID group's disks); NULL: they are not. */
const char *columns_expand(const char *noun);
/* A cell's text, to be freed. */
char *column_text(const struct column *column, json_t *record);
/* Any value as one line, to be freed. */
char *column_value_text(json_t *value, enum column_format format);
/* A member ("a.b") as a string; "": none. */
const char *column_string(json_t *object, const char *dotted);

#endif
