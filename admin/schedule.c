/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshot schedules: when a snapshot is due, and which ones have had their time. */
#include "admin/schedule.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define HOUR_S 3600
#define DAY_S 86400
#define EPOCH_DAY 4U /* 1970-01-01 was a Thursday */

static const char *const kind_names[SCHEDULE_KINDS] = { "hourly", "daily", "weekly" };
static const int64_t periods_s[SCHEDULE_KINDS] = { HOUR_S, DAY_S, 7 * DAY_S };
static const char *const day_names[7] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };
static const struct schedule_rule usual[SCHEDULE_KINDS] = { { .minute = 5 }, { .minute = 10 }, { .minute = 15 } };

const char *schedule_kind_name(enum schedule_kind kind)
{
	return kind_names[kind];
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

/* One or two digits below `limit` at *io_text. */
static bool take_number(const char **io_text, unsigned limit, unsigned *ret_number)
{
	unsigned n = 0, digits = 0;

	for (; digits < 2 && **io_text >= '0' && **io_text <= '9'; digits++, (*io_text)++)
		n = n * 10 + (unsigned)(**io_text - '0');
	*ret_number = n;
	return digits > 0 && n < limit;
}

static bool take_clock(const char **io_text, struct schedule_rule *rule)
{
	if (!take_number(io_text, 24, &rule->hour) || **io_text != ':')
		return false;
	(*io_text)++;
	return take_number(io_text, 60, &rule->minute);
}

static bool take_day(const char **io_text, unsigned *ret_day)
{
	for (unsigned day = 0; day < 7; day++) {
		if (strncasecmp(*io_text, day_names[day], 3) == 0) {
			*ret_day = day;
			*io_text += 3;
			return true;
		}
	}
	return false;
}

int schedule_parse_at(enum schedule_kind kind, const char *text, struct schedule_rule *ret_rule)
{
	struct schedule_rule rule = usual[kind];
	bool good = true;

	if (text != NULL) {
		if (kind == SCHEDULE_HOURLY) {
			text += *text == ':';
			good = take_number(&text, 60, &rule.minute);
		} else if (kind == SCHEDULE_DAILY) {
			good = take_clock(&text, &rule);
		} else {
			good = take_day(&text, &rule.day);
			if (good && *text == '@') {
				text++;
				good = take_clock(&text, &rule);
			}
		}
		good = good && *text == '\0';
	}
	if (!good)
		return -EINVAL;
	rule.keep = ret_rule->keep;
	*ret_rule = rule;
	return 0;
}

void schedule_format_at(enum schedule_kind kind, const struct schedule_rule *rule, char ret_text[SCHEDULE_TEXT_SIZE])
{
	/* the remainders tell the compiler how long the text can be */
	if (kind == SCHEDULE_HOURLY)
		(void)snprintf(ret_text, SCHEDULE_TEXT_SIZE, ":%02u", rule->minute % 60);
	else if (kind == SCHEDULE_DAILY)
		(void)snprintf(ret_text, SCHEDULE_TEXT_SIZE, "%02u:%02u", rule->hour % 24, rule->minute % 60);
	else
		(void)snprintf(ret_text, SCHEDULE_TEXT_SIZE, "%s@%02u:%02u", day_names[rule->day % 7], rule->hour % 24,
		               rule->minute % 60);
}

/* ---- moments ----------------------------------------------------------------------------------------------------- */

/* One due moment; the others are whole periods from it. */
static int64_t anchor(enum schedule_kind kind, const struct schedule_rule *rule)
{
	int64_t at = (int64_t)rule->minute * 60;

	if (kind != SCHEDULE_HOURLY)
		at += (int64_t)rule->hour * HOUR_S;
	if (kind == SCHEDULE_WEEKLY)
		at += (int64_t)((rule->day + 7 - EPOCH_DAY) % 7) * DAY_S;
	return at;
}

int64_t schedule_latest(enum schedule_kind kind, const struct schedule_rule *rule, int64_t now_s)
{
	int64_t period = periods_s[kind], past = (now_s - anchor(kind, rule)) % period;

	return now_s - (past < 0 ? past + period : past);
}

int64_t schedule_next(enum schedule_kind kind, const struct schedule_rule *rule, int64_t now_s)
{
	return schedule_latest(kind, rule, now_s) + periods_s[kind];
}

int64_t schedule_due(enum schedule_kind kind, const struct schedule_rule *rule, int64_t *io_since, int64_t now_s)
{
	if (rule->keep == 0)
		return 0;
	if (*io_since > now_s + SCHEDULE_CLOCK_SLACK_S)
		*io_since = now_s;
	int64_t latest = schedule_latest(kind, rule, now_s);
	return latest > *io_since ? latest : 0;
}

/* ---- snapshots --------------------------------------------------------------------------------------------------- */

void schedule_name(enum schedule_kind kind, int64_t now_s, unsigned attempt, char ret_name[64])
{
	time_t seconds = (time_t)now_s;
	char when[32] = "1970-01-01_0000";
	struct tm tm;

	if (gmtime_r(&seconds, &tm) != NULL)
		(void)strftime(when, sizeof when, "%Y-%m-%d_%H%M", &tm);
	if (attempt <= 1)
		(void)snprintf(ret_name, 64, "%s.%s", kind_names[kind], when);
	else
		(void)snprintf(ret_name, 64, "%s.%s_%u", kind_names[kind], when, attempt);
}

bool schedule_owns(enum schedule_kind kind, const struct fs_snapshot_info *info)
{
	size_t len = strlen(kind_names[kind]);

	return info->scheduled && !info->deleting && strncmp(info->name, kind_names[kind], len) == 0 &&
	       info->name[len] == '.';
}

int64_t schedule_since(enum schedule_kind kind, int64_t set_s, const struct fs_snapshot_info *list, size_t n)
{
	int64_t since = set_s;

	for (size_t i = 0; i < n; i++) {
		int64_t made = list[i].created_ns / 1000000000;
		if (schedule_owns(kind, &list[i]) && made > since)
			since = made;
	}
	return since;
}

size_t schedule_surplus(enum schedule_kind kind, const struct schedule_rule *rule, const struct fs_snapshot_info *list,
                        size_t n, size_t ret_index[], size_t max)
{
	size_t owned = 0, found = 0;

	for (size_t i = 0; i < n; i++)
		owned += schedule_owns(kind, &list[i]);
	if (rule->keep == 0 || owned <= rule->keep)
		return 0;
	for (size_t i = 0; i < n && found < max && found < owned - rule->keep; i++) {
		if (schedule_owns(kind, &list[i]))
			ret_index[found++] = i;
	}
	return found;
}
