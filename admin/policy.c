/* SPDX-License-Identifier: Apache-2.0 */
/* The policy document of a volume. */
#include "admin/policy.h"

#include <string.h>

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

	return keep > 0 && keep <= (json_int_t)SCHEDULE_KEEP_MAX && at != NULL && schedule_parse_at(kind, at, &rule) == 0 &&
	       json_is_integer(json_object_get(entry, "since"));
}

bool policy_is_entry(json_t *entry)
{
	for (unsigned kind = 0; kind < SCHEDULE_KINDS; kind++) {
		if (strcmp(kind_of(entry), schedule_kind_name((enum schedule_kind)kind)) == 0)
			return is_rule(entry, (enum schedule_kind)kind);
	}
	return false;
}

static json_t *find(json_t *records, const char *kind, size_t *ret_index)
{
	json_t *entry;
	size_t i;

	json_array_foreach(records, i, entry)
	{
		if (strcmp(kind_of(entry), kind) == 0) {
			*ret_index = i;
			return entry;
		}
	}
	return NULL;
}

bool policy_rule(json_t *records, enum schedule_kind kind, struct schedule_rule *ret_rule, int64_t *ret_since_s)
{
	size_t i;
	json_t *entry = find(records, schedule_kind_name(kind), &i);

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

	if (find(records, schedule_kind_name(kind), &i) != NULL)
		(void)json_array_remove(records, i);
	if (rule->keep == 0)
		return;
	schedule_format_at(kind, rule, at);
	(void)json_array_append_new(records, json_pack("{s:s,s:i,s:s,s:I}", "kind", schedule_kind_name(kind), "keep", (int)rule->keep, "at",
	                                               at, "since", (json_int_t)since_s));
}
