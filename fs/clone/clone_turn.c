/* SPDX-License-Identifier: Apache-2.0 */
/* Whose turn it is: when a clone begins its next batch, and how much that is.
 *
 * A clone that is not to go on, or whose run is under way, has no turn. Else it needs, in this order: a volume that
 * serves, room in the cache for what it fills, nothing left of its own limit's delay (clone_pace.h), no other clone
 * that is behind it (clone_share.h), and the pace of the volume (clone_pace.h). Whatever is missing sets the timer, and
 * the timer asks again.
 * THREADS. Home thread. */
#include <stdlib.h>

#include "base/counters.h"
#include "base/list.h"
#include "base/world.h"
#include "fs/clone/clone_pace.h"
#include "fs/clone/clone_private.h"
#include "fs/clone/clone_share.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/core/volume_counters.h"
#include "fs/cp/cp_wait.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"

#define FULL_RETRY_NS 200000000ULL
#define TURN_RETRY_NS 100000000ULL

static uint64_t client_ops(const struct fs_volume *vol)
{
	uint64_t sum = 0;

	for (unsigned op = FS_GETATTR; op <= FS_RESOLVE; op++)
		sum += counter_get(&vol->counters->messages[op]);
	return sum;
}

struct clone_view clone_view_of(struct fs_volume *vol)
{
	uint64_t used, half;

	nvlog_usage(vol, &used, &half);
	return (struct clone_view){
		.now_ns = world_now_ns(vol->world),
		.n_client_ops = client_ops(vol),
		.n_clients_waiting = vol->n_client_messages,
		.clients = &vol->client_latency,
		.busy_ns = world_busy_ns(vol->world),
		.cp_running = cp_is_running(vol),
		.log_over_half = 2U * used > half,
	};
}

static struct clone_view view_of(struct fs_volume *vol)
{
	struct clone_view view = clone_view_of(vol);

	view.cp_is_ours = view.cp_running && 4U * vol->clones->n_filled[!gen_bit(vol)] > cp_block_count(vol);
	return view;
}

/* A CP is due when filled blocks have taken their share of the cache, and as many more may be filled while it runs. */
static bool too_many_filled(struct fs_volume *vol)
{
	uint64_t share = MAX_OF(vol->options.cache_pages / 8U, (size_t)2U * CLONE_BATCH_IDLE);
	uint64_t now = vol->clones->n_filled[gen_bit(vol)], in_cp = vol->clones->n_filled[!gen_bit(vol)];

	if (now + CLONE_BATCH_IDLE > share)
		cp_request(vol, CP_DIRTY);
	return now + in_cp + CLONE_BATCH_IDLE > 2U * share || (now + CLONE_BATCH_IDLE > share && !cp_is_running(vol));
}

static bool is_walking(const struct clone *clone)
{
	return clone->phase == CLONE_FILL || clone->phase == CLONE_VERIFY;
}

/* The least virtual time of the others that could work now. */
static uint64_t least_time(const struct clone *than, uint64_t now_ns)
{
	const struct clone *clone;
	uint64_t least = UINT64_MAX;

	TAILQ_FOREACH(clone, &than->vol->clones->clones, link) {
		bool able = clone->doing == CLONE_RUNS ||
		            clone_limit_delay(&clone->limit, now_ns, clone->rate_bytes_s) == 0;

		if (clone != than && is_walking(clone) && clone->end == CLONE_GOES_ON && clone->error == 0 &&
		    !clone->share.away && able)
			least = MIN_OF(least, clone->share.time);
	}
	return least;
}

/* Whether the clone may begin a batch. If not, its timer is set, to ask again. */
static bool batch_is_due(struct clone *clone, struct clone_view *view, struct clone_plan *ret_plan)
{
	struct fs_volume *vol = clone->vol;
	uint64_t delay_ns = clone_limit_delay(&clone->limit, view->now_ns, clone->rate_bytes_s), least;

	clone->doing = CLONE_RESTS;
	if (delay_ns > 0) {
		clone->share.away = true;
		world_timer_set(vol->world, &clone->timer, delay_ns);
		return false;
	}
	least = least_time(clone, view->now_ns);
	if (clone->share.away)
		clone_share_return(&clone->share, least);
	if (clone->share.time > least) {
		clone->doing = CLONE_WAITS_TURN;
		world_timer_set(vol->world, &clone->timer, TURN_RETRY_NS); /* or when the others are as far */
		return false;
	}
	*ret_plan = clone_pace_plan(&vol->clones->pace, view);
	if (ret_plan->delay_ns > 0)
		world_timer_set(vol->world, &clone->timer, ret_plan->delay_ns);
	return ret_plan->delay_ns == 0;
}

static void batch_begin(struct clone *clone, uint64_t now_ns, const struct clone_plan *plan)
{
	world_timer_cancel(&clone->timer);
	clone->batch_blocks = clone_limit_blocks(clone->rate_bytes_s, plan->n_blocks);
	clone->batch_at_ns = now_ns;
	clone->batch_before = clone_work_of(clone);
	clone_share_begin(&clone->share, clone->batch_blocks, clone->priority);
	clone_pace_batch(&clone->vol->clones->pace, now_ns);
	if (clone->phase == CLONE_FILL) {
		clone->ahead_blocks = clone->rate_bytes_s == 0 ? plan->n_ahead : 0;
		clone_ahead(clone);
	}
	clone_run_begin(clone);
}

void clone_schedule(struct clone *clone)
{
	struct fs_volume *vol = clone->vol;
	struct clone_view view;
	struct clone_plan plan;

	if (clone->doing == CLONE_RUNS || clone->doing == CLONE_WAITS_CP || clone->end != CLONE_GOES_ON ||
	    !(is_walking(clone) || clone->phase == CLONE_RELEASE))
		return;
	if (atomic_load_explicit(&vol->state, memory_order_relaxed) != VOLUME_ONLINE) {
		world_timer_set(vol->world, &clone->timer, CLONE_NOT_ONLINE_RETRY_NS);
		return;
	}
	if (clone->phase == CLONE_RELEASE) {
		clone_run_begin(clone);
		return;
	}
	if (clone->phase == CLONE_FILL && too_many_filled(vol)) {
		world_timer_set(vol->world, &clone->timer, FULL_RETRY_NS); /* or when the CP is done */
		return;
	}
	view = view_of(vol);
	if (batch_is_due(clone, &view, &plan))
		batch_begin(clone, view.now_ns, &plan);
}

/* A clone has got on, or is gone: the clones that waited for their turn look again. */
void clone_kick_all(struct fs_volume *vol)
{
	struct clone *clone, *next;

	TAILQ_FOREACH_SAFE(clone, &vol->clones->clones, link, next)
		if (clone->doing == CLONE_WAITS_TURN)
			clone_schedule(clone);
}
