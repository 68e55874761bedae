/* SPDX-License-Identifier: Apache-2.0 */
/* The policy document of a volume. */
#include "admin/policy.h"

#include <stdio.h>
#include <string.h>

#include "admin/record.h"
#include "base/list.h"

#define AUTODELETE "autodelete"
#define SCRUB "scrub"

static const char *kind_of(json_t *entry)
{
	const char *kind = json_string_value(json_object_get(entry, "kind"));
	return kind == NULL ? "" : kind;
}

static bool is_rule(json_t *entry, enum schedule_kind kind)
{
	json_int_t keep = json_integer_value(json_object_get(entry, "keep"));
	const char *at = json_string_value(json_object_get(entry, "at"));
	struct schedule_rule rule = { 0 };

	return keep > 0 && keep <= (json_int_t)SCHEDULE_KEEP_MAX && at != NULL &&
	       schedule_parse_at(kind, at, &rule) == 0 && json_is_integer(json_object_get(entry, "since"));
}

static bool is_autodelete(json_t *entry)
{
	struct fs_autodelete policy = { 0 };
	const char *target;
	char text[160];

	return json_object_size(entry) == 8 && policy_autodelete_parse(entry, &policy, &target, text) == 0;
}

static bool is_scrub(json_t *entry)
{
	const char *at = json_string_value(json_object_get(entry, "at"));
	struct policy_scrub scrub;

	return at != NULL && policy_scrub_parse(at, &scrub) == 0 && json_is_integer(json_object_get(entry, "since"));
}

bool policy_is_entry(json_t *entry)
{
	for (unsigned kind = 0; kind < SCHEDULE_KINDS; kind++) {
		if (strcmp(kind_of(entry), schedule_kind_name((enum schedule_kind)kind)) == 0)
			return is_rule(entry, (enum schedule_kind)kind);
	}
	if (strcmp(kind_of(entry), SCRUB) == 0)
		return is_scrub(entry);
	return strcmp(kind_of(entry), AUTODELETE) == 0 && is_autodelete(entry);
}

bool policy_rule(json_t *records, enum schedule_kind kind, struct schedule_rule *ret_rule, int64_t *ret_since_s)
{
	size_t i;
	json_t *entry = record_find(records, "kind", schedule_kind_name(kind), &i);

	*ret_rule = (struct schedule_rule){ 0 };
	*ret_since_s = 0;
	if (entry == NULL || schedule_parse_at(kind, json_string_value(json_object_get(entry, "at")), ret_rule) != 0)
		return false;
	ret_rule->keep = (unsigned)json_integer_value(json_object_get(entry, "keep"));
	*ret_since_s = json_integer_value(json_object_get(entry, "since"));
	return true;
}

void policy_set_rule(json_t *records, enum schedule_kind kind, const struct schedule_rule *rule, int64_t since_s)
{
	char at[SCHEDULE_TEXT_SIZE];
	size_t i;

	if (record_find(records, "kind", schedule_kind_name(kind), &i) != NULL)
		(void)json_array_remove(records, i);
	if (rule->keep == 0)
		return;
	schedule_format_at(kind, rule, at);
	(void)json_array_append_new(records, json_pack("{s:s,s:i,s:s,s:I}", "kind", schedule_kind_name(kind), "keep",
	                                               (int)rule->keep, "at", at, "since", (json_int_t)since_s));
}

/* ---- scrub ------------------------------------------------------------------------------------------------------- */

int policy_scrub_parse(const char *at, struct policy_scrub *ret_scrub)
{
	*ret_scrub = (struct policy_scrub){ .kind = SCHEDULE_WEEKLY };
	if (strcmp(at, "off") == 0)
		return 0;
	ret_scrub->rule.keep = 1;
	if (schedule_parse_at(SCHEDULE_WEEKLY, at, &ret_scrub->rule) == 0) {
		if (strchr(at, '@') == NULL) { /* the usual time of a scrub, not of a snapshot */
			ret_scrub->rule.hour = 2;
			ret_scrub->rule.minute = 0;
		}
		return 0;
	}
	ret_scrub->kind = SCHEDULE_DAILY;
	return schedule_parse_at(SCHEDULE_DAILY, at, &ret_scrub->rule);
}

void policy_scrub(json_t *records, struct policy_scrub *ret_scrub)
{
	size_t i;
	json_t *entry = record_find(records, "kind", SCRUB, &i);
	const char *at = json_string_value(json_object_get(entry, "at"));

	int err = at == NULL ? -ENOENT : policy_scrub_parse(at, ret_scrub);

	if (err != 0)
		err = policy_scrub_parse(POLICY_SCRUB_USUAL, ret_scrub);
	vc_assert(err == 0);
	ret_scrub->since_s = json_integer_value(json_object_get(entry, "since"));
}

void policy_set_scrub(json_t *records, const char *at, int64_t since_s)
{
	size_t i;

	if (record_find(records, "kind", SCRUB, &i) != NULL)
		(void)json_array_remove(records, i);
	(void)json_array_append_new(records,
	                            json_pack("{s:s,s:s,s:I}", "kind", SCRUB, "at", at, "since", (json_int_t)since_s));
}

/* ---- autodelete -------------------------------------------------------------------------------------------------- */

static const struct fs_autodelete usual = { .trigger_percent = 5,
	                                    .target_percent = 10,
	                                    .defer = FS_DEFER_USER_CREATED };
static const char *const orders[] = { "oldest-first", "newest-first" };
static const char *const deletes[] = { "scheduled", "all" };
static const char *const defers[] = {
	[FS_DEFER_USER_CREATED] = "user-created", [FS_DEFER_SCHEDULED] = "scheduled", [FS_DEFER_NONE] = "none"
};

json_t *policy_autodelete_json(const struct fs_autodelete *policy)
{
	return json_pack("{s:s,s:b,s:i,s:i,s:s,s:s,s:s,s:s}", "kind", AUTODELETE, "enabled", policy->enabled,
	                 "trigger_free", (int)policy->trigger_percent, "target_free", (int)policy->target_percent,
	                 "order", orders[policy->newest_first], "delete", deletes[policy->user_created], "defer",
	                 defers[policy->defer], "keep_prefix", policy->keep_prefix);
}

/* Index of the member's word; -1: it is none of them. Not given: `now`. */
static int word_of(json_t *given, const char *key, const char *const words[], unsigned n, int now)
{
	json_t *value = json_object_get(given, key);

	if (value == NULL)
		return now;
	for (unsigned i = 0; i < n && json_is_string(value); i++) {
		if (strcmp(json_string_value(value), words[i]) == 0)
			return (int)i;
	}
	return -1;
}

/* -1: not 0..100. */
static int percent_of(json_t *given, const char *key, uint32_t now)
{
	json_t *value = json_object_get(given, key);
	json_int_t percent = value == NULL ? (json_int_t)now : json_integer_value(value);

	return (value == NULL || json_is_integer(value)) && percent >= 0 && percent <= 100 ? (int)percent : -1;
}

static int wrong(const char **ret_target, char ret_text[160], const char *target, const char *text)
{
	*ret_target = target;
	(void)snprintf(ret_text, 160, "%s: %s", target, text);
	return -EINVAL;
}

int policy_autodelete_parse(json_t *given, struct fs_autodelete *io_policy, const char **ret_target, char ret_text[160])
{
	struct fs_autodelete policy = *io_policy;
	int trigger = percent_of(given, "trigger_free", policy.trigger_percent),
	    target = percent_of(given, "target_free", policy.target_percent);
	int order = word_of(given, "order", orders, ARRAY_SIZE(orders), policy.newest_first);
	int delete = word_of(given, "delete", deletes, ARRAY_SIZE(deletes), policy.user_created);
	int defer = word_of(given, "defer", defers, ARRAY_SIZE(defers), (int)policy.defer);
	json_t *enabled = json_object_get(given, "enabled"), *prefix = json_object_get(given, "keep_prefix");

	if (enabled != NULL && !json_is_boolean(enabled))
		return wrong(ret_target, ret_text, "enabled", "true or false");
	if (trigger < 0)
		return wrong(ret_target, ret_text, "trigger_free", "0 to 100 percent");
	if (target < 0)
		return wrong(ret_target, ret_text, "target_free", "0 to 100 percent");
	if (target < trigger)
		return wrong(ret_target, ret_text, "target_free", "must not be less than trigger_free");
	if (order < 0)
		return wrong(ret_target, ret_text, "order", "oldest-first or newest-first");
	if (delete < 0)
		return wrong(ret_target, ret_text, "delete", "scheduled or all");
	if (defer < 0)
		return wrong(ret_target, ret_text, "defer", "user-created, scheduled or none");
	if (prefix != NULL &&
	    (!json_is_string(prefix) || strlen(json_string_value(prefix)) >= sizeof policy.keep_prefix))
		return wrong(ret_target, ret_text, "keep_prefix", "at most 103 bytes");
	policy.enabled = enabled == NULL ? policy.enabled : json_is_true(enabled);
	policy.trigger_percent = (uint32_t)trigger;
	policy.target_percent = (uint32_t)target;
	policy.newest_first = order == 1;
	policy.user_created = delete == 1;
	policy.defer = (enum fs_defer)defer;
	if (prefix != NULL)
		(void)snprintf(policy.keep_prefix, sizeof policy.keep_prefix, "%s", json_string_value(prefix));
	*io_policy = policy;
	return 0;
}

void policy_autodelete(json_t *records, struct fs_autodelete *ret_policy)
{
	const char *target;
	char text[160];
	size_t i;
	json_t *entry = record_find(records, "kind", AUTODELETE, &i);

	*ret_policy = usual;
	if (entry != NULL && policy_autodelete_parse(entry, ret_policy, &target, text) != 0)
		*ret_policy = usual;
}

void policy_set_autodelete(json_t *records, const struct fs_autodelete *policy)
{
	size_t i;

	if (record_find(records, "kind", AUTODELETE, &i) != NULL)
		(void)json_array_remove(records, i);
	if (policy != NULL)
		(void)json_array_append_new(records, policy_autodelete_json(policy));
}
