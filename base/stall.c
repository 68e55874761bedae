/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that hold memory and do not move on. */
#include "base/stall.h"

#include "base/budget.h"
#include "base/list.h"

bool stall_is_urgent(struct stall_watch *watch)
{
	uint64_t refusals = budget_refusals();
	bool urgent = refusals != watch->refusals;

	watch->refusals = refusals;
	return urgent;
}

bool stall_is_over(struct stall *stall, uint64_t held_bytes, uint64_t moved_bytes, uint64_t now_ns, uint64_t limit_ns)
{
	if (held_bytes == 0) {
		stall->since_ns = 0;
		return false;
	}
	if (stall->since_ns == 0 || moved_bytes >= stall->goal) {
		stall->since_ns = now_ns;
		stall->goal = moved_bytes + MIN_OF(held_bytes, (uint64_t)STALL_STEP_BYTES);
		return false;
	}
	return now_ns - stall->since_ns > limit_ns;
}
