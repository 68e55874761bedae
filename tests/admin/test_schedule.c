/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshot schedules on a clock of the test's: every due moment once, whatever the clock and the sleeper do. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/policy.h"
#include "admin/schedule.h"
#include "base/list.h"

#define START 1795000000 /* in November 2026 */

static void times_read_back_as_they_were_written(void **state)
{
	static const struct {
		enum schedule_kind kind;
		const char *text, *back;
	} good[] = {
		{ SCHEDULE_HOURLY, NULL, ":05" },        { SCHEDULE_HOURLY, "7", ":07" },
		{ SCHEDULE_HOURLY, ":59", ":59" },       { SCHEDULE_HOURLY, "00", ":00" },
		{ SCHEDULE_DAILY, NULL, "00:10" },       { SCHEDULE_DAILY, "23:59", "23:59" },
		{ SCHEDULE_DAILY, "7:05", "07:05" },     { SCHEDULE_WEEKLY, NULL, "sun@00:15" },
		{ SCHEDULE_WEEKLY, "sat", "sat@00:15" }, { SCHEDULE_WEEKLY, "Wed@12:00", "wed@12:00" },
	};
	static const struct {
		enum schedule_kind kind;
		const char *text;
	} bad[] = {
		{ SCHEDULE_HOURLY, "60" },        { SCHEDULE_HOURLY, "" },        { SCHEDULE_HOURLY, "5x" },
		{ SCHEDULE_HOURLY, "::5" },       { SCHEDULE_HOURLY, "005" },     { SCHEDULE_HOURLY, "-1" },
		{ SCHEDULE_DAILY, "24:00" },      { SCHEDULE_DAILY, "12:60" },    { SCHEDULE_DAILY, "12" },
		{ SCHEDULE_DAILY, "12:" },        { SCHEDULE_DAILY, "12:00:00" }, { SCHEDULE_DAILY, ":10" },
		{ SCHEDULE_WEEKLY, "" },          { SCHEDULE_WEEKLY, "su" },      { SCHEDULE_WEEKLY, "sunday" },
		{ SCHEDULE_WEEKLY, "sun@" },      { SCHEDULE_WEEKLY, "sun 1" },   { SCHEDULE_WEEKLY, "xyz@1:1" },
		{ SCHEDULE_WEEKLY, "sun@24:00" },
	};
	char text[SCHEDULE_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct schedule_rule rule = { .keep = 3 };
		assert_int_equal(schedule_parse_at(good[i].kind, good[i].text, &rule), 0);
		assert_int_equal(rule.keep, 3);
		schedule_format_at(good[i].kind, &rule, text);
		assert_string_equal(text, good[i].back);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct schedule_rule rule = { .keep = 3, .minute = 42 };
		assert_int_equal(schedule_parse_at(bad[i].kind, bad[i].text, &rule), -EINVAL);
		assert_int_equal(rule.minute, 42);
	}
}

/* The calendar's own word on whether a minute is a due one. */
static bool calendar_says_due(enum schedule_kind kind, const struct schedule_rule *rule, int64_t now_s)
{
	time_t seconds = (time_t)now_s;
	struct tm tm;

	assert_non_null(gmtime_r(&seconds, &tm));
	return tm.tm_sec == 0 && tm.tm_min == (int)rule->minute &&
	       (kind == SCHEDULE_HOURLY || tm.tm_hour == (int)rule->hour) &&
	       (kind != SCHEDULE_WEEKLY || tm.tm_wday == (int)rule->day);
}

static void every_due_minute_of_a_year_is_the_calendars(void **state)
{
	static const struct schedule_rule rules[SCHEDULE_KINDS][2] = {
		{ { .keep = 1, .minute = 0 }, { .keep = 1, .minute = 59 } },
		{ { .keep = 1, .hour = 0, .minute = 0 }, { .keep = 1, .hour = 23, .minute = 59 } },
		{ { .keep = 1, .day = 0, .hour = 0, .minute = 0 }, { .keep = 1, .day = 3, .hour = 12, .minute = 30 } },
	};
	static const unsigned least[SCHEDULE_KINDS] = { 365 * 24, 365, 52 };

	(void)state;
	for (unsigned k = 0; k < SCHEDULE_KINDS; k++) {
		for (unsigned r = 0; r < 2; r++) {
			enum schedule_kind kind = (enum schedule_kind)k;
			int64_t begin = START / 60 * 60, since = begin - 1,
			        next = schedule_next(kind, &rules[k][r], begin - 1);
			unsigned n = 0;
			for (int64_t now = begin; now < begin + 365 * 86400; now += 60) {
				bool due = calendar_says_due(kind, &rules[k][r], now);
				assert_int_equal(schedule_due(kind, &rules[k][r], &since, now), due ? now : 0);
				assert_int_equal(now == next, due);
				if (!due)
					continue;
				since = now;
				next = schedule_next(kind, &rules[k][r], now);
				n++;
			}
			assert_true(n >= least[k] && n <= least[k] + 1);
		}
	}
}

static void several_missed_moments_make_one_snapshot(void **state)
{
	struct schedule_rule rule = { .keep = 6, .minute = 10 };
	int64_t at = schedule_next(SCHEDULE_HOURLY, &rule, START), since = at;

	(void)state;
	assert_int_equal(schedule_due(SCHEDULE_HOURLY, &rule, &since, at + 3599), 0);
	assert_int_equal(schedule_due(SCHEDULE_HOURLY, &rule, &since, at + 5 * 3600 + 17), at + 5 * 3600);
	since = at + 5 * 3600;
	assert_int_equal(schedule_due(SCHEDULE_HOURLY, &rule, &since, at + 5 * 3600 + 18), 0);
	rule.keep = 0;
	assert_int_equal(schedule_due(SCHEDULE_HOURLY, &rule, &since, at + 9 * 3600), 0);
}

/* An own clock that jumps at random, a sleeper that sleeps at most a minute of real time: between two jumps, moments
 * that pass while the clock runs are each served exactly once, and never earlier than they are due. */
static void jumping_clocks_lose_and_double_nothing_between_jumps(void **state)
{
	struct schedule_rule rule = { .keep = 6, .minute = 30 };
	unsigned seed = 4711;

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (unsigned round = 0; round < 2000; round++) {
		int64_t now = START + random() % 1000000, since = now;
		for (unsigned jump = 0; jump < 5; jump++) {
			now += random() % 3 == 0 ? random() % 100000 : random() % 3 == 0 ? -(random() % 100000) : 0;
			/* at most one for what was jumped over */
			int64_t moment = schedule_due(SCHEDULE_HOURLY, &rule, &since, now);
			if (moment != 0) {
				assert_true(moment <= now && moment > since);
				since = moment;
			}
			assert_true(since <= now + SCHEDULE_CLOCK_SLACK_S);
			int64_t begin = now, end = now + 8 * 3600;
			unsigned served = 0;
			while (now < end) {
				now += 1 + random() % 60;
				moment = schedule_due(SCHEDULE_HOURLY, &rule, &since, now);
				if (moment == 0)
					continue;
				assert_true(moment > begin - SCHEDULE_CLOCK_SLACK_S && now - moment < 60);
				since = moment;
				served++;
			}
			int64_t first = schedule_next(SCHEDULE_HOURLY, &rule,
			                              MAX_OF(begin, since - (int64_t)served * 3600));
			assert_int_equal(served, (schedule_latest(SCHEDULE_HOURLY, &rule, now) - first) / 3600 + 1);
		}
	}
}

static void a_clock_set_back_by_moments_makes_no_second_snapshot(void **state)
{
	struct schedule_rule rule = { .keep = 6, .minute = 30 };
	int64_t at = schedule_next(SCHEDULE_HOURLY, &rule, START), since = at;

	(void)state;
	assert_int_equal(schedule_due(SCHEDULE_HOURLY, &rule, &since, at - 1), 0);
	assert_int_equal(schedule_due(SCHEDULE_HOURLY, &rule, &since, at), 0);
	assert_int_equal(since, at);
	assert_int_equal(schedule_due(SCHEDULE_HOURLY, &rule, &since, at - 7200), 0); /* set back for good: */
	/* the next moment counts again */
	assert_int_equal(schedule_due(SCHEDULE_HOURLY, &rule, &since, at - 3600), at - 3600);
}

/* ---- snapshots --------------------------------------------------------------------------------------------------- */

static struct fs_snapshot_info list[32];
static size_t n_list;

static void add(const char *name, bool scheduled, bool deleting, int64_t made_s)
{
	list[n_list] = (struct fs_snapshot_info){ .scheduled = scheduled,
		                                  .deleting = deleting,
		                                  .created_ns = made_s * 1000000000 };
	(void)snprintf(list[n_list].name, sizeof list[n_list].name, "%s", name);
	n_list++;
}

static void names_say_kind_and_moment(void **state)
{
	char name[64];

	(void)state;
	schedule_name(SCHEDULE_HOURLY, 1795561800, 1, name);
	assert_string_equal(name, "hourly.2026-11-24_2310");
	schedule_name(SCHEDULE_WEEKLY, 1795561859, 3, name);
	assert_string_equal(name, "weekly.2026-11-24_2310_3");
}

static void only_a_schedules_own_snapshots_are_surplus(void **state)
{
	struct schedule_rule rule = { .keep = 2 };
	size_t index[8];

	(void)state;
	n_list = 0;
	add("hourly.1", true, false, 1);
	add("hourly.mine", false, false, 2); /* somebody's own */
	add("daily.1", true, false, 3);
	add("hourly.2", true, true, 4); /* on its way already */
	add("hourlyx", true, false, 5);
	add("hourly.3", true, false, 6);
	add("hourly.4", true, false, 7);
	add("hourly.5", true, false, 8);
	assert_int_equal(schedule_surplus(SCHEDULE_HOURLY, &rule, list, n_list, index, 8), 2);
	assert_int_equal(index[0], 0);
	assert_int_equal(index[1], 5);
	assert_int_equal(schedule_surplus(SCHEDULE_HOURLY, &rule, list, n_list, index, 1), 1);
	assert_int_equal(schedule_surplus(SCHEDULE_DAILY, &rule, list, n_list, index, 8), 0);
	rule.keep = 4;
	assert_int_equal(schedule_surplus(SCHEDULE_HOURLY, &rule, list, n_list, index, 8), 0);
	rule.keep = 0;
	assert_int_equal(schedule_surplus(SCHEDULE_HOURLY, &rule, list, n_list, index, 8), 0);
}

static void what_was_missed_is_known_from_the_snapshots(void **state)
{
	(void)state;
	n_list = 0;
	assert_int_equal(schedule_since(SCHEDULE_HOURLY, 50, list, n_list), 50);
	add("hourly.1", true, false, 40);
	assert_int_equal(schedule_since(SCHEDULE_HOURLY, 50, list, n_list), 50);
	add("hourly.2", true, false, 60);
	add("hourly.mine", false, false, 70);
	add("daily.1", true, false, 80);
	assert_int_equal(schedule_since(SCHEDULE_HOURLY, 50, list, n_list), 60);
}

/* ---- the document ------------------------------------------------------------------------------------------------ */

static void the_document_holds_one_rule_of_a_kind(void **state)
{
	struct schedule_rule rule = { .keep = 7, .hour = 3, .minute = 4 }, back;
	json_t *records = json_array();
	int64_t since;

	(void)state;
	assert_false(policy_rule(records, SCHEDULE_DAILY, &back, &since));
	policy_set_rule(records, SCHEDULE_DAILY, &rule, 99);
	policy_set_rule(records, SCHEDULE_HOURLY, &rule, 98);
	rule.keep = 8;
	policy_set_rule(records, SCHEDULE_DAILY, &rule, 100);
	assert_int_equal(json_array_size(records), 2);
	assert_true(policy_is_entry(json_array_get(records, 0)) && policy_is_entry(json_array_get(records, 1)));
	assert_true(policy_rule(records, SCHEDULE_DAILY, &back, &since));
	assert_memory_equal(&back, &rule, sizeof rule);
	assert_int_equal(since, 100);
	rule.keep = 0;
	policy_set_rule(records, SCHEDULE_DAILY, &rule, 101);
	assert_false(policy_rule(records, SCHEDULE_DAILY, &back, &since));
	assert_int_equal(json_array_size(records), 1);
	json_decref(records);
}

static void damaged_entries_are_told_from_good_ones(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"7",
		"{\"kind\":\"hourly\"}",
		"{\"kind\":\"hourly\",\"keep\":0,\"at\":\":05\",\"since\":1}",
		"{\"kind\":\"hourly\",\"keep\":251,\"at\":\":05\",\"since\":1}",
		"{\"kind\":\"hourly\",\"keep\":6,\"at\":\":60\",\"since\":1}",
		"{\"kind\":\"hourly\",\"keep\":6,\"at\":5,\"since\":1}",
		"{\"kind\":\"hourly\",\"keep\":6,\"at\":\":05\"}",
		"{\"kind\":\"monthly\",\"keep\":6,\"at\":\":05\",\"since\":1}",
		"{\"kind\":\"autodelete\"}",
		"{\"kind\":\"autodelete\",\"enabled\":true,\"trigger_free\":5,\"target_free\":4,\"order\":\"oldest-"
		"first\",\"delete\":"
		"\"all\","
		"\"defer\":\"none\",\"keep_prefix\":\"\"}",
		"{\"kind\":5,\"keep\":6,\"at\":\":05\",\"since\":1}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *entry = json_loads(bad[i], 0, NULL);
		entry = entry == NULL ? json_loads(bad[i], JSON_DECODE_ANY, NULL) : entry;
		assert_non_null(entry);
		assert_false(policy_is_entry(entry));
		json_decref(entry);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_read_back_as_they_were_written),
		cmocka_unit_test(every_due_minute_of_a_year_is_the_calendars),
		cmocka_unit_test(several_missed_moments_make_one_snapshot),
		cmocka_unit_test(jumping_clocks_lose_and_double_nothing_between_jumps),
		cmocka_unit_test(a_clock_set_back_by_moments_makes_no_second_snapshot),
		cmocka_unit_test(names_say_kind_and_moment),
		cmocka_unit_test(only_a_schedules_own_snapshots_are_surplus),
		cmocka_unit_test(what_was_missed_is_known_from_the_snapshots),
		cmocka_unit_test(the_document_holds_one_rule_of_a_kind),
		cmocka_unit_test(damaged_entries_are_told_from_good_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
