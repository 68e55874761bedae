/* SPDX-License-Identifier: Apache-2.0 */
/* Which members of a noun's records vcadm's tables show. */
#include "admin/cli/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/record.h"
#include "admin/size.h"
#include "base/list.h"

#define ANON_ID 65534 /* not shown: the default */

static const struct column volume_columns[] = {
	{ "NAME", "name", COLUMN_TEXT, false },
	{ "STATE", "state", COLUMN_TEXT, false },
	{ "RAID", "raid", COLUMN_TEXT, false },
	{ "LEVEL", "level", COLUMN_TEXT, false },
	{ "SIZE", "space.size", COLUMN_SIZE, false },
	{ "USED", "space.used", COLUMN_SIZE, false },
	{ "FREE", "space.available", COLUMN_SIZE, false },
	{ "SNAPSHOTS", "snapshot_count", COLUMN_TEXT, false },
	{ "IN SNAPSHOTS", "space.snapshot", COLUMN_SIZE, true },
	{ "RESERVED", "space.reserved", COLUMN_SIZE, true },
	{ "UUID", "uuid", COLUMN_TEXT, true },
	{ "DISKS", "disks", COLUMN_LIST, true },
	{ "ERROR", "error", COLUMN_TEXT, true },
	{ 0 },
};
static const struct column autodelete_columns[] = {
	{ "VOLUME", "volume", COLUMN_TEXT, false },
	{ "ENABLED", "enabled", COLUMN_TEXT, false },
	{ "TRIGGER FREE", "trigger_free", COLUMN_PERCENT, false },
	{ "TARGET FREE", "target_free", COLUMN_PERCENT, false },
	{ "ORDER", "order", COLUMN_TEXT, false },
	{ "DELETE", "delete", COLUMN_TEXT, false },
	{ "DEFER", "defer", COLUMN_TEXT, false },
	{ "KEEP PREFIX", "keep_prefix", COLUMN_TEXT, false },
	{ 0 },
};
static const struct column snapshot_columns[] = {
	{ "NAME", "name", COLUMN_TEXT, false },
	{ "CREATED", "create_time", COLUMN_TEXT, false },
	{ "USED", "used", COLUMN_SIZE, false },
	{ "SINCE PREVIOUS", "since_previous", COLUMN_SIZE, false },
	{ "STATE", "state", COLUMN_TEXT, false },
	{ "LUNS", "dependants", COLUMN_TEXT, false },
	{ "BY", "origin", COLUMN_TEXT, true },
	{ "ID", "id", COLUMN_TEXT, true },
	{ 0 },
};
static const struct column schedule_columns[] = {
	{ "VOLUME", "volume", COLUMN_TEXT, false },    { "HOURLY", "hourly.spec", COLUMN_TEXT, false },
	{ "DAILY", "daily.spec", COLUMN_TEXT, false }, { "WEEKLY", "weekly.spec", COLUMN_TEXT, false },
	{ "NEXT", "next_time", COLUMN_TEXT, false },   { 0 },
};
static const struct column lun_columns[] = {
	{ "PATH", "path", COLUMN_TEXT, false },
	{ "SIZE", "size", COLUMN_SIZE, false },
	{ "USED", "used", COLUMN_SIZE, false },
	{ "STATE", "state", COLUMN_TEXT, false },
	{ "BACKED BY", "backing.snapshot", COLUMN_TEXT, false },
	{ "CLONE", "clone.progress", COLUMN_PERCENT, false },
	{ "MAPS", "maps", COLUMN_MAPS, false },
	{ "SERIAL", "serial_number", COLUMN_TEXT, true },
	{ "RESERVED", "reserved", COLUMN_TEXT, true },
	{ "UUID", "uuid", COLUMN_TEXT, true },
	{ "COMMENT", "comment", COLUMN_TEXT, true },
	{ 0 },
};
static const struct column map_columns[] = {
	{ "PATH", "lun.path", COLUMN_TEXT, false },
	{ "IGROUP", "igroup.name", COLUMN_TEXT, false },
	{ "LUN", "logical_unit_number", COLUMN_TEXT, false },
	{ "STATE", "state", COLUMN_TEXT, false },
	{ 0 },
};
static const struct column clone_columns[] = {
	{ "PATH", "path", COLUMN_TEXT, false },
	{ "STATE", "state", COLUMN_TEXT, false },
	{ "PROGRESS", "progress", COLUMN_PERCENT, false },
	{ "DONE", "bytes.done", COLUMN_SIZE, false },
	{ "TOTAL", "bytes.total", COLUMN_SIZE, false },
	{ "COPIED", "bytes.copied", COLUMN_SIZE, false },
	{ "PHASE", "phase", COLUMN_TEXT, false },
	{ "A SECOND", "speed", COLUMN_SIZE, false },
	{ "LEFT", "eta_seconds", COLUMN_SECONDS, false },
	{ "PRIORITY", "priority", COLUMN_TEXT, false },
	{ "SNAPSHOT", "snapshot", COLUMN_TEXT, false },
	{ "WHY", "error.message", COLUMN_TEXT, false },
	{ "LIMIT", "rate", COLUMN_SIZE, true },
	{ "RESERVED", "reserved", COLUMN_SIZE, true },
	{ "VERIFY", "verify", COLUMN_TEXT, true },
	{ "VERIFIED", "bytes.verified", COLUMN_SIZE, true },
	{ "DELETE SNAPSHOT", "delete_snapshot", COLUMN_TEXT, true },
	{ "BLOCKS DONE", "blocks.done", COLUMN_TEXT, true },
	{ "BLOCKS", "blocks.total", COLUMN_TEXT, true },
	{ "STARTED", "start_time", COLUMN_TEXT, true },
	{ 0 },
};
static const struct column igroup_columns[] = {
	{ "NAME", "name", COLUMN_TEXT, false },
	{ "INITIATORS", "initiators", COLUMN_LIST, false },
	{ "MAPS", "maps", COLUMN_TEXT, false },
	{ "UUID", "uuid", COLUMN_TEXT, true },
	{ 0 },
};
static const struct column export_columns[] = {
	{ "PATH", "path", COLUMN_TEXT, false },
	{ "CLIENTS", "rules", COLUMN_RULES, false },
	{ "STATE", "state", COLUMN_TEXT, false },
	{ 0 },
};
static const struct column raid_columns[] = {
	{ "VOLUME", "volume", COLUMN_TEXT, false },
	{ "GROUP", "group", COLUMN_TEXT, false },
	{ "RAID", "group_state", COLUMN_TEXT, false },
	{ "LEVEL", "level", COLUMN_TEXT, false },
	{ "DISK", "name", COLUMN_TEXT, false },
	{ "ROLE", "role", COLUMN_TEXT, false },
	{ "POSITION", "position", COLUMN_TEXT, false },
	{ "DISK STATE", "state", COLUMN_TEXT, false },
	{ "SPARES", "spares", COLUMN_TEXT, false }, /* that could take its place */
	{ "REBUILT", "rebuilt_percent", COLUMN_PERCENT, false },
	{ "CHANGED", "changed", COLUMN_SIZE, true }, /* since it was lost: what raid online writes */
	{ "SIZE", "size", COLUMN_SIZE, false },
	{ "READ", "io.read_bytes", COLUMN_SIZE, true },
	{ "WRITTEN", "io.written_bytes", COLUMN_SIZE, true },
	{ "READ ERRORS", "errors.read", COLUMN_TEXT, true },
	{ "WRITE ERRORS", "errors.write", COLUMN_TEXT, true },
	{ "FLUSH ERRORS", "errors.flush", COLUMN_TEXT, true },
	{ "CHECKSUM", "errors.checksum", COLUMN_TEXT, true },
	{ "IDENTITY", "errors.identity", COLUMN_TEXT, true },
	{ "REPAIRED", "errors.repaired", COLUMN_TEXT, true },
	{ "SCRUBBED", "scrub.time", COLUMN_TEXT, false },
	{ "SCRUB WRONG", "scrub.wrong", COLUMN_TEXT, true },
	{ "SCRUB ENTRIES", "scrub.entries", COLUMN_TEXT, true },
	{ "SCRUB UNREADABLE", "scrub.unreadable", COLUMN_TEXT, true },
	{ "SCRUB REPAIRED", "scrub.repaired", COLUMN_TEXT, true },
	{ "SCRUB LOST", "scrub.lost", COLUMN_TEXT, true },
	{ "READ LIMIT", "limits.read_errors", COLUMN_TEXT, true },
	{ "CHECKSUM LIMIT", "limits.checksum_errors", COLUMN_TEXT, true },
	{ "IDENTITY LIMIT", "limits.identity_errors", COLUMN_TEXT, true },
	{ "REBUILD FLOOR", "limits.rebuild_floor", COLUMN_SIZE, true },
	{ "UUID", "uuid", COLUMN_TEXT, true },
	{ "REASON", "reason", COLUMN_TEXT, false }, /* why it is not online, or should be replaced */
	{ 0 },
};
static const struct column spare_columns[] = {
	{ "DISK", "name", COLUMN_TEXT, false },        { "VOLUME", "volume", COLUMN_TEXT, false }, /* - : of all */
	{ "STATE", "state", COLUMN_TEXT, false },      { "SIZE", "size", COLUMN_SIZE, false },
	{ "TAKEN BY", "taken_by", COLUMN_TEXT, true }, { "UUID", "uuid", COLUMN_TEXT, true },
	{ "REASON", "reason", COLUMN_TEXT, false },    { 0 },
};
static const struct column disk_columns[] = {
	{ "DISK", "name", COLUMN_TEXT, false },
	{ "SIZE", "size", COLUMN_SIZE, false },
	{ "VOLUME", "volume", COLUMN_TEXT, false },
	{ "GROUP", "group", COLUMN_TEXT, false },
	{ "POSITION", "position", COLUMN_TEXT, false },
	{ "ROLE", "role", COLUMN_TEXT, false },
	{ "STATE", "state", COLUMN_TEXT, false },
	{ "WAITS FOR", "waits_for", COLUMN_TEXT, false },
	{ "UUID", "uuid", COLUMN_TEXT, false },
	{ "READ ERRORS", "errors.read", COLUMN_TEXT, false },
	{ "WRITE ERRORS", "errors.write", COLUMN_TEXT, false },
	{ "FLUSH ERRORS", "errors.flush", COLUMN_TEXT, false },
	{ "CHECKSUM", "errors.checksum", COLUMN_TEXT, false },
	{ "IDENTITY", "errors.identity", COLUMN_TEXT, false },
	{ "REPAIRED", "errors.repaired", COLUMN_TEXT, true },
	{ "READ", "io.read_bytes", COLUMN_SIZE, true },
	{ "WRITTEN", "io.written_bytes", COLUMN_SIZE, true },
	{ "REASON", "reason", COLUMN_TEXT, false },
	{ 0 },
};
static const struct column scrub_columns[] = {
	{ "VOLUME", "volume", COLUMN_TEXT, false },
	{ "STATE", "state", COLUMN_TEXT, false },
	{ "PROGRESS", "progress", COLUMN_PERCENT, false },
	{ "LEFT", "eta_seconds", COLUMN_SECONDS, false },
	{ "A SECOND", "speed", COLUMN_SIZE, false },
	{ "READ", "read", COLUMN_SIZE, false },
	{ "DATA WRONG", "data_wrong", COLUMN_TEXT, false },
	{ "PARITY WRONG", "parity_wrong", COLUMN_TEXT, false },
	{ "ENTRIES WRONG", "entries_wrong", COLUMN_TEXT, false },
	{ "UNREADABLE", "unreadable", COLUMN_TEXT, false },
	{ "REPAIRED", "repaired", COLUMN_TEXT, false },
	{ "LOST", "lost", COLUMN_TEXT, false },
	{ "STARTED", "start_time", COLUMN_TEXT, false },
	{ "ENDED", "end_time", COLUMN_TEXT, false },
	{ "NOT VERIFIED", "unverified", COLUMN_TEXT, true },
	{ "FLOOR", "floor", COLUMN_SIZE, true },
	{ 0 },
};
static const struct column scrub_schedule_columns[] = {
	{ "VOLUME", "volume", COLUMN_TEXT, false },
	{ "AT", "at", COLUMN_TEXT, false },
	{ "EVERY", "every", COLUMN_TEXT, false },
	{ "NEXT", "next_time", COLUMN_TEXT, false },
	{ 0 },
};
static const struct column job_columns[] = {
	{ "JOB", "uuid", COLUMN_TEXT, false },
	{ "KIND", "kind", COLUMN_TEXT, false },
	{ "TARGET", "target", COLUMN_TEXT, false },
	{ "STATE", "state", COLUMN_TEXT, false },
	{ "PROGRESS", "progress", COLUMN_PERCENT, false },
	{ "STARTED", "start_time", COLUMN_TEXT, true },
	{ "ENDED", "end_time", COLUMN_TEXT, true },
	{ "ERROR", "error.message", COLUMN_TEXT, true },
	{ 0 },
};
static const struct column event_columns[] = {
	{ "TIME", "time", COLUMN_TEXT, false },
	{ "LEVEL", "level", COLUMN_TEXT, false },
	{ "FROM", "component", COLUMN_TEXT, false },
	{ "EVENT", "event", COLUMN_TEXT, false },
	{ "TEXT", "text", COLUMN_TEXT, false },
	{ "NUMBER", "number", COLUMN_TEXT, true },
	{ 0 },
};
static const struct column stats_columns[] = {
	{ "NAME", "name", COLUMN_TEXT, false },
	{ "LABELS", "labels", COLUMN_TEXT, false },
	{ "VALUE", "value", COLUMN_TEXT, false },
	{ "HELP", "help", COLUMN_TEXT, true },
	{ 0 },
};
static const struct column other_columns[] = {
	{ "NAME", "name", COLUMN_TEXT, false },
	{ "STATE", "state", COLUMN_TEXT, false },
	{ 0 },
};

static const struct {
	const char *noun;
	const struct column *columns;
	const char *expand;
} nouns[] = {
	{ "volume", volume_columns, NULL },
	{ "snapshot", snapshot_columns, NULL },
	{ "lun", lun_columns, NULL },
	{ "lun map", map_columns, NULL },
	{ "lun clone", clone_columns, NULL },
	{ "igroup", igroup_columns, NULL },
	{ "snapshot schedule", schedule_columns, NULL },
	{ "volume autodelete", autodelete_columns, NULL },
	{ "export", export_columns, NULL },
	{ "raid", raid_columns, "disks" },
	{ "raid spare", spare_columns, NULL },
	{ "disk", disk_columns, NULL },
	{ "raid scrub", scrub_columns, NULL },
	{ "raid schedule", scrub_schedule_columns, NULL },
	{ "job", job_columns, NULL },
	{ "event", event_columns, NULL },
	{ "stats", stats_columns, NULL },
};

const struct column *columns_of(const char *noun)
{
	for (size_t i = 0; i < ARRAY_SIZE(nouns); i++) {
		if (strcmp(nouns[i].noun, noun) == 0)
			return nouns[i].columns;
	}
	return other_columns;
}

const char *columns_expand(const char *noun)
{
	for (size_t i = 0; i < ARRAY_SIZE(nouns); i++) {
		if (strcmp(nouns[i].noun, noun) == 0)
			return nouns[i].expand;
	}
	return NULL;
}

const char *column_string(json_t *object, const char *dotted)
{
	const char *text = json_string_value(record_member(object, dotted));
	return text == NULL ? "" : text;
}

/* As --client takes it. */
static void print_rule(FILE *out, json_t *rule)
{
	static const char *const ids[] = { "anonuid", "anongid" };
	const char *squash = json_is_true(json_object_get(rule, "all_squash"))     ? "all_squash"
	                     : json_is_false(json_object_get(rule, "root_squash")) ? "no_root_squash"
	                                                                           : "root_squash";

	(void)fprintf(out, "%s:%s,%s,%s", column_string(rule, "client"), column_string(rule, "access"), squash,
	              json_is_false(json_object_get(rule, "secure")) ? "insecure" : "secure");
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		json_t *id = json_object_get(rule, ids[i]);
		if (id != NULL && json_integer_value(id) != ANON_ID)
			(void)fprintf(out, ",%s=%lld", ids[i], (long long)json_integer_value(id));
	}
}

static void print_item(FILE *out, json_t *item, enum column_format format)
{
	if (format == COLUMN_MAPS) {
		const char *state = column_string(item, "state");
		bool good = strcmp(state, "mapped") == 0;
		(void)fprintf(out, "%s:%lld%s%s%s", column_string(item, "igroup.name"),
		              (long long)json_integer_value(json_object_get(item, "lun")), good ? "" : "(",
		              good ? "" : state, good ? "" : ")");
	} else if (format == COLUMN_RULES) {
		print_rule(out, item);
	} else {
		char *text = column_value_text(item, COLUMN_TEXT);
		(void)fputs(text == NULL ? "" : text, out);
		free(text);
	}
}

static void print_value(FILE *out, json_t *value, enum column_format format)
{
	char text[SIZE_TEXT_SIZE];
	json_t *item;
	size_t i;

	if (value == NULL || json_is_null(value)) {
		(void)fputc('-', out);
	} else if (json_is_array(value)) {
		json_array_foreach(value, i, item) {
			(void)fputs(i == 0 ? "" : format == COLUMN_RULES ? " " : ",", out);
			print_item(out, item, format);
		}
		if (i == 0)
			(void)fputc('-', out);
	} else if (json_is_integer(value) && format == COLUMN_SIZE) {
		size_format((uint64_t)json_integer_value(value), text);
		(void)fputs(text, out);
	} else if (json_is_integer(value)) {
		(void)fprintf(out, "%lld%s", (long long)json_integer_value(value),
		              format == COLUMN_PERCENT   ? " %"
		              : format == COLUMN_SECONDS ? " s"
		                                         : "");
	} else if (json_is_string(value)) {
		(void)fputs(*json_string_value(value) == '\0' ? "-" : json_string_value(value), out);
	} else if (json_is_boolean(value)) {
		(void)fputs(json_is_true(value) ? "yes" : "no", out);
	} else {
		(void)json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY);
	}
}

char *column_value_text(json_t *value, enum column_format format)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	print_value(out, value, format);
	return fclose(out) == 0 ? text : NULL;
}

char *column_text(const struct column *column, json_t *record)
{
	return column_value_text(record_member(record, column->key), column->format);
}
