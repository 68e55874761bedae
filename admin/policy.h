/* SPDX-License-Identifier: Apache-2.0 */
/* The policy document of a volume: its snapshot schedule, kept with the volume and followed by the keeper.
 *
 * Records: {"kind": "hourly" | "daily" | "weekly", "keep": N, "at": TEXT, "since": SECONDS}, at most one of a kind. */
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

#endif
