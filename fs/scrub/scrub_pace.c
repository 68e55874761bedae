/* SPDX-License-Identifier: Apache-2.0 */
/* Pacing of scrubs. */
#include "fs/scrub/scrub_pace.h"

#include "base/list.h"
#include "base/page.h"

struct scrub_plan scrub_pace_plan(struct scrub_pace *pace, const struct clone_view *view, uint64_t floor_bytes_s)
{
	struct clone_plan beside = clone_pace_plan(&pace->clone, view);
	struct scrub_plan plan = { .delay_ns = beside.delay_ns, .n_stripes = beside.n_blocks };
	uint64_t floor_ns, since_ns = view->now_ns - pace->batch_at_ns;

	if (view->cp_running) {
		plan.n_stripes = SCRUB_BATCH_BUSY;
		plan.delay_ns = MAX_OF(plan.delay_ns, SCRUB_CP_POLL_NS);
	}
	floor_ns = (uint64_t)plan.n_stripes * PAGE_SIZE * 1000000000ULL / floor_bytes_s;
	if (pace->batch_at_ns == 0 || since_ns >= floor_ns)
		plan.delay_ns = 0;
	else
		plan.delay_ns = MIN_OF(plan.delay_ns, floor_ns - since_ns);
	return plan;
}

void scrub_pace_batch(struct scrub_pace *pace, uint64_t now_ns)
{
	pace->batch_at_ns = now_ns;
	clone_pace_batch(&pace->clone, now_ns);
}
