/* SPDX-License-Identifier: Apache-2.0 */
/* REST: storage/volumes/{volume}/snapshot-schedule and storage/snapshot-schedules. Kept in the volume's policy
 * document. */
#include "admin/document.h"
#include "admin/http/handlers.h"
#include "admin/known.h"
#include "admin/moment.h"
#include "admin/policy.h"
#include "fs/fs_info.h"
#include "fs/message.h"

static json_t *rule_json(enum schedule_kind kind, const struct schedule_rule *rule, int64_t now_s)
{
	char at[SCHEDULE_TEXT_SIZE], next[MOMENT_TEXT_SIZE];

	schedule_format_at(kind, rule, at);
	moment_format(schedule_next(kind, rule, now_s) * 1000000000, next);
	return json_pack("{s:i,s:s,s:s,s:o}", "keep", (int)rule->keep, "at", at, "next_time", next, "spec",
	                 json_sprintf("%u@%s", rule->keep, at));
}

static json_t *schedule_json(struct call *call, const char *volume, json_t *records)
{
	int64_t now_s = world_wall_ns(call->admin->world) / 1000000000, first = INT64_MAX, since;
	json_t *json = json_pack("{s:s,s:s}", "volume", volume, "time_zone", "UTC");
	char next[MOMENT_TEXT_SIZE];

	for (unsigned i = 0; i < SCHEDULE_KINDS; i++) {
		enum schedule_kind kind = (enum schedule_kind)i;
		struct schedule_rule rule;
		if (!policy_rule(records, kind, &rule, &since))
			continue;
		(void)json_object_set_new(json, schedule_kind_name(kind), rule_json(kind, &rule, now_s));
		first = MIN_OF(first, schedule_next(kind, &rule, now_s));
	}
	if (first != INT64_MAX) {
		moment_format(first * 1000000000, next);
		(void)json_object_set_new(json, "next_time", json_string(next));
	}
	return json;
}

static bool has_schedule(json_t *records)
{
	struct schedule_rule rule;
	int64_t since;
	bool any = false;

	for (unsigned kind = 0; kind < SCHEDULE_KINDS; kind++)
		any = policy_rule(records, (enum schedule_kind)kind, &rule, &since) || any;
	return any;
}

void schedule_api_list(struct call *call)
{
	const char *only = call_query(call, "volume");
	struct known_volume *known;

	if (only != NULL && known_find(call->admin, only) == NULL) {
		call_fail(call, -ENOENT, only, "there is no volume \"%s\"", only);
		return;
	}
	call->records = json_array();
	TAILQ_FOREACH(known, &call->admin->volumes, link) {
		if (known->state == KNOWN_ONLINE && (only == NULL || strcmp(only, known->name) == 0) &&
		    has_schedule(known->policy))
			(void)json_array_append_new(call->records, schedule_json(call, known->name, known->policy));
	}
	call_reply_collection(call);
}

void schedule_api_show(struct call *call)
{
	const char *name = call_param(call, "volume");

	if (call_find_volume(call, name))
		call_reply_take(call, 200, schedule_json(call, name, known_find(call->admin, name)->policy));
}

/* ---- changing it ------------------------------------------------------------------------------------------------- */

static void was_put(void *arg, int err)
{
	struct call *call = arg;
	const char *name = call_param(call, "volume");
	struct known_volume *known = call_policy_put(call, err, "schedule");

	if (known == NULL)
		return;
	log_info("admin", "snapshot_schedule_set", "volume=%s", name);
	call_reply_take(call, 200, schedule_json(call, name, known->policy));
}

/* The rule of the body, off when there is none. False: answered. */
static bool rule_of(struct call *call, enum schedule_kind kind, struct schedule_rule *ret_rule)
{
	const char *key = schedule_kind_name(kind);
	json_t *given = call_member(call, key);
	const char *at = json_string_value(json_object_get(given, "at"));
	json_int_t keep = json_integer_value(json_object_get(given, "keep"));

	*ret_rule = (struct schedule_rule){ 0 };
	if (given == NULL || json_is_null(given))
		return true;
	if (keep < 1 || keep > (json_int_t)SCHEDULE_KEEP_MAX) {
		call_fail(call, -EINVAL, key, "%s: keep 1 to %u snapshots", key, SCHEDULE_KEEP_MAX);
		return false;
	}
	ret_rule->keep = (unsigned)keep;
	if (schedule_parse_at(kind, at, ret_rule) == 0)
		return true;
	call_fail(call, -EINVAL, key, "%s: \"%s\" is not %s", key, at,
	          kind == SCHEDULE_HOURLY  ? "a minute such as :05"
	          : kind == SCHEDULE_DAILY ? "a time of day (UTC) such as 00:10"
	                                   : "a day, or day and time (UTC), such as sun or sun@00:15");
	return false;
}

static bool same_rule(const struct schedule_rule *a, const struct schedule_rule *b)
{
	return a->keep == b->keep && a->day == b->day && a->hour == b->hour && a->minute == b->minute;
}

/* With the volume's turn: write a copy of its document with these rules. */
static void put_rules(struct call *call, const struct schedule_rule rules[SCHEDULE_KINDS])
{
	struct known_volume *known = call_policy_begin(call);

	if (known == NULL)
		return;
	for (unsigned i = 0; i < SCHEDULE_KINDS; i++) {
		enum schedule_kind kind = (enum schedule_kind)i;
		struct schedule_rule old;
		int64_t since;
		if (!policy_rule(known->policy, kind, &old, &since) || !same_rule(&old, &rules[kind]))
			policy_set_rule(call->scratch, kind, &rules[kind],
			                world_wall_ns(call->admin->world) / 1000000000);
	}
	document_put(call->admin, call->volume, DOCUMENT_POLICY, call->scratch, was_put, call);
}

static void set_turn(struct call *call)
{
	struct schedule_rule rules[SCHEDULE_KINDS];
	bool any = false;

	for (unsigned kind = 0; kind < SCHEDULE_KINDS; kind++) {
		if (!rule_of(call, (enum schedule_kind)kind, &rules[kind]))
			return;
		any = any || rules[kind].keep != 0;
	}
	if (!any)
		call_fail(call, -EINVAL, "body",
		          "say at least one of hourly, daily, weekly; \"snapshot schedule delete\" ends a schedule");
	else
		put_rules(call, rules);
}

void schedule_api_set(struct call *call)
{
	if (call_find_volume(call, call_param(call, "volume")))
		call_turn(call, set_turn);
}

static void delete_turn(struct call *call)
{
	static const struct schedule_rule off[SCHEDULE_KINDS];
	const char *name = call_param(call, "volume");
	struct known_volume *known = known_find(call->admin, name);

	if (known != NULL && known->volume == call->volume && !has_schedule(known->policy))
		call_fail(call, -ENOENT, name, "volume \"%s\" has no snapshot schedule", name);
	else
		put_rules(call, off);
}

void schedule_api_delete(struct call *call)
{
	if (call_find_volume(call, call_param(call, "volume")))
		call_turn(call, delete_turn);
}
