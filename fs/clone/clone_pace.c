/* SPDX-License-Identifier: Apache-2.0 */
/* Pacing of clones. */
#include "base/list.h"
#include "base/page.h"
#include "fs/clone/clone_load.h"
#include "fs/clone/clone_pace.h"

/* Somebody is being served, or was a moment ago. At first we do not know and go slowly. */
static bool is_busy(struct clone_pace *pace, const struct clone_view *view)
{
	if (!pace->started || view->n_client_ops != pace->n_client_ops || view->n_clients_waiting > 0) {
		pace->busy_at_ns = view->now_ns;
		pace->n_client_ops = view->n_client_ops;
		pace->started = true;
	}
	return view->now_ns - pace->busy_at_ns < CLONE_QUIET_NS;
}

/* A CP that is seen running right after another had ended. */
static bool is_pressed(struct clone_pace *pace, const struct clone_view *view)
{
	if (!view->cp_running)
		pace->cps_back_to_back = false;
	else if (pace->cp_done_ns != 0 && view->now_ns - pace->cp_done_ns < CLONE_BACK_TO_BACK_NS)
		pace->cps_back_to_back = true;
	return view->log_over_half || pace->cps_back_to_back;
}

static uint64_t until(uint64_t at_ns, uint64_t now_ns)
{
	return at_ns > now_ns ? at_ns - now_ns : 0;
}

/* A batch that is due waits for a gap between requests, but not long: so only those that come after it meet it at the
 * disks. */
static uint64_t gap_wait(struct clone_pace *pace, const struct clone_view *view)
{
	if (view->n_clients_waiting == 0)
		return 0;
	if (pace->due_at_ns == 0)
		pace->due_at_ns = view->now_ns;
	return view->now_ns - pace->due_at_ns < CLONE_GAP_MAX_NS ? CLONE_GAP_POLL_NS : 0;
}

/* Beside clients: small batches at the rate they bear, and none in windows of rest. */
static struct clone_plan plan_beside(struct clone_pace *pace, const struct clone_view *view)
{
	struct clone_plan plan = { .n_blocks = CLONE_BATCH_BUSY };
	uint64_t rest_ns = 0, interval_ns = plan.n_blocks * 1000000000ULL / CLONE_LOAD_RATE_FIRST;

	if (view->clients != NULL) {
		struct clone_load_view seen = { view->clients, view->now_ns, view->busy_ns, view->cp_is_ours };

		rest_ns = clone_load_look(&pace->load, &seen);
		/* in three quarters of the time */
		interval_ns = plan.n_blocks * 1000000000ULL / pace->load.rate / 4U * 3U;
	}
	plan.delay_ns = MAX_OF(rest_ns, until(pace->batch_at_ns + interval_ns, view->now_ns));
	if (plan.delay_ns == 0)
		plan.delay_ns = gap_wait(pace, view);
	return plan;
}

struct clone_plan clone_pace_plan(struct clone_pace *pace, const struct clone_view *view)
{
	struct clone_plan plan = { .n_blocks = CLONE_BATCH_IDLE, .n_ahead = CLONE_AHEAD_IDLE };
	bool busy = is_busy(pace, view), pressed = is_pressed(pace, view);

	if (busy)
		plan = plan_beside(pace, view);
	else
		clone_load_pause(&pace->load);
	if (busy && pressed && view->now_ns - pace->batch_at_ns < CLONE_PRESSED_MAX_NS)
		plan.delay_ns = MAX_OF(plan.delay_ns, CLONE_PRESSED_POLL_NS);
	return plan;
}

void clone_pace_batch(struct clone_pace *pace, uint64_t now_ns)
{
	pace->batch_at_ns = now_ns;
	pace->due_at_ns = 0;
}

void clone_pace_cp_done(struct clone_pace *pace, uint64_t now_ns)
{
	pace->cp_done_ns = now_ns;
}

/* ---- the limit of one clone ------------------------------------------------------------------------------------ */

uint64_t clone_limit_delay(const struct clone_limit *limit, uint64_t now_ns, uint64_t rate_bytes_s)
{
	return rate_bytes_s == 0 ? 0 : until(limit->allowed_at_ns, now_ns);
}

unsigned clone_limit_blocks(uint64_t rate_bytes_s, unsigned n_blocks)
{
	uint64_t tenth = rate_bytes_s / 10U / PAGE_SIZE;

	return rate_bytes_s == 0 ? n_blocks : (unsigned)MIN_OF((uint64_t)n_blocks, MAX_OF(tenth, 1U));
}

void clone_limit_note(struct clone_limit *limit, uint64_t now_ns, unsigned n_blocks, uint64_t rate_bytes_s)
{
	if (rate_bytes_s != 0)
		limit->allowed_at_ns = MAX_OF(limit->allowed_at_ns, now_ns) +
		                       (uint64_t)n_blocks * PAGE_SIZE * 1000000000ULL / rate_bytes_s;
}
