/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshot schedules: when a snapshot is due, and which ones have had their time. Pure functions.
 *
 * THEORY. Moments are UTC seconds since 1970, so that no day has 23 hours, no name comes twice, and a volume that moves
 * to another machine keeps its times. A rule is due once every period; `since` is the moment up to which everything
 * that was due has been done. Whoever was down (or asleep) for several periods makes one snapshot for all of them. A
 * clock that is set back makes the next moment of the new time due, even if a snapshot of that moment is there
 * already. */
#ifndef ADMIN_SCHEDULE_H
#define ADMIN_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "fs/fs_info.h"

enum schedule_kind { SCHEDULE_HOURLY, SCHEDULE_DAILY, SCHEDULE_WEEKLY };
#define SCHEDULE_KINDS 3U
#define SCHEDULE_KEEP_MAX 250U
#define SCHEDULE_TEXT_SIZE 16U
#define SCHEDULE_CLOCK_SLACK_S 60 /* a clock set back by less is taken for the same time */

struct schedule_rule {
	unsigned keep; /* so many snapshots of this kind stay; 0: the rule is off */
	unsigned day; /* weekly: 0 Sunday .. 6 Saturday */
	unsigned hour; /* daily, weekly */
	unsigned minute;
};

/* "hourly", "daily", "weekly": also how the names of its snapshots begin. */
const char *schedule_kind_name(enum schedule_kind kind);
/* When, as text: hourly "05" or ":05"; daily "00:10"; weekly "sun" or "sun@00:15". NULL: the usual time. Leaves `keep`
 * alone. -EINVAL. */
MUST_CHECK int schedule_parse_at(enum schedule_kind kind, const char *text, struct schedule_rule *ret_rule);
/* The same back: ":05", "00:10", "sun@00:15". */
void schedule_format_at(enum schedule_kind kind, const struct schedule_rule *rule, char ret_text[SCHEDULE_TEXT_SIZE]);

/* The latest due moment that is not after `now_s`, and the first one after it. */
int64_t schedule_latest(enum schedule_kind kind, const struct schedule_rule *rule, int64_t now_s);
int64_t schedule_next(enum schedule_kind kind, const struct schedule_rule *rule, int64_t now_s);
/* The moment for which a snapshot is due now, 0: none. *io_since is put back when it lies in the future (the clock was
 * set back). */
int64_t schedule_due(enum schedule_kind kind, const struct schedule_rule *rule, int64_t *io_since, int64_t now_s);

/* Name of a snapshot made at `now_s`: "hourly.2026-11-24_2310", with "_2", "_3".. for the `attempt`s after the first,
 * which is 1. */
void schedule_name(enum schedule_kind kind, int64_t now_s, unsigned attempt, char ret_name[64]);
/* Was it made by the schedule of this kind (and not renamed)? */
bool schedule_owns(enum schedule_kind kind, const struct fs_snapshot_info *info);
/* Up to when a rule set at `set_s` is done, going by the snapshots that are there. */
int64_t schedule_since(enum schedule_kind kind, int64_t set_s, const struct fs_snapshot_info *list, size_t n);
/* Indices into `list` (oldest first, as FS_SNAPSHOT_LIST gives it) of the snapshots of this kind that are more than the
 * rule keeps, oldest first; returns how many, at most `max`. None when the rule is off. */
size_t schedule_surplus(enum schedule_kind kind, const struct schedule_rule *rule, const struct fs_snapshot_info *list,
                        size_t n, size_t ret_index[], size_t max);

#endif
