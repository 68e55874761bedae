/* SPDX-License-Identifier: Apache-2.0 */
/* The policy document of a volume: its snapshot schedule and what may go when space runs short; kept with the volume,
 * followed by the keeper.
 *
 * Records, at most one of a kind: {"kind": "hourly" | "daily" | "weekly", "keep": N, "at": TEXT, "since": SECONDS};
 * {"kind": "scrub", "at": "off" | "02:00" | "sun@02:00", "since": SECONDS}; {"kind": "autodelete", "enabled", "trigger_free", "target_free", "order", "delete", "defer", "keep_prefix"}. */
#ifndef ADMIN_POLICY_H
#define ADMIN_POLICY_H

#include <jansson.h>

#include "admin/schedule.h"

/* Does an entry of the document make sense? */
bool policy_is_entry(json_t *entry);
/* The rule of a kind and when it was set; false and a rule that is off when there is none. */
bool policy_rule(json_t *records, enum schedule_kind kind, struct schedule_rule *ret_rule, int64_t *ret_since_s);
/* Put a rule in place of the one of its kind; one that is off is only taken out. `records` is changed. */
void policy_set_rule(json_t *records, enum schedule_kind kind, const struct schedule_rule *rule, int64_t since_s);

/* When the volume is scrubbed: daily or weekly, or not (keep 0); without a record POLICY_SCRUB_USUAL, since 0. */
#define POLICY_SCRUB_USUAL "sun@02:00"
struct policy_scrub {
	enum schedule_kind kind;
	struct schedule_rule rule;
	int64_t since_s; /* when it was set */
};
void policy_scrub(json_t *records, struct policy_scrub *ret_scrub);
/* Put it in place; `at` is one that policy_scrub_parse takes. `records` is changed. */
void policy_set_scrub(json_t *records, const char *at, int64_t since_s);
/* "off", "02:00", "sun", "sun@02:00". -EINVAL. */
MUST_CHECK int policy_scrub_parse(const char *at, struct policy_scrub *ret_scrub);

/* The autodelete record as the engine wants it; off, with the usual values, when there is none. */
void policy_autodelete(json_t *records, struct fs_autodelete *ret_policy);
/* Put it in place; NULL: only take the old one out. `records` is changed. */
void policy_set_autodelete(json_t *records, const struct fs_autodelete *policy);
/* The record of a policy, and the reverse: -EINVAL and what is wrong with it in ret_text. Members not given keep what
 * *io_policy has. */
json_t *policy_autodelete_json(const struct fs_autodelete *policy);
MUST_CHECK int policy_autodelete_parse(json_t *given, struct fs_autodelete *io_policy, const char **ret_target,
                                       char ret_text[160]);

#endif
