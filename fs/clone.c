/* SPDX-License-Identifier: Apache-2.0 */
/* LUN clones: the life of one, from start (or mount) to the release of the backing store.
 *
 * THEORY. A clone is background work of the lowest class, a chain of short runs with pauses between them (fs/clone_pace.h), each counted as
 * a message of the volume while it is under way ("backdoor message", §seed 626), so that an unmount waits for it. Phases:
 *
 *   FILL --all looked at--> SETTLE --CP with all fills durable--> RELEASE --handle dropped--> FINISH --CP durable--> gone, state DONE
 *     ^ \--no space: paused, tried again--                            any: --error--> FAILED (start tries again)
 *
 * INVARIANTS
 *  CL1 the backing store handle is dropped only when a committed CP holds every fill.
 *  CL2 a page is only installed where the same step has seen a hole.
 * THREADS. Home thread. */
#include "fs/clone.h"

#include <inttypes.h>
#include <stdlib.h>

#include "fs/clone_private.h"

#define NO_SPACE_RETRY_NS 2000000000ULL
#define NOT_ONLINE_RETRY_NS 20000000ULL
#define FULL_RETRY_NS 200000000ULL

static void clone_schedule(struct clone *clone);

struct clone *clone_find(struct fs_volume *vol, const struct fs_file_id *id)
{
	struct clone *clone;

	if (vol->clones == NULL)
		return NULL;
	TAILQ_FOREACH(clone, &vol->clones->clones, link)
		if (clone->id.inode == id->inode && clone->id.generation == id->generation && !clone->forgotten)
			return clone;
	return NULL;
}

static void clone_free(struct clone *clone)
{
	world_timer_cancel(&clone->timer);
	run_fini(&clone->run);
	run_fini(&clone->ahead_run);
	TAILQ_REMOVE(&clone->vol->clones->clones, clone, link);
	free(clone);
}

static bool clone_is_quiet(const struct clone *clone)
{
	return !clone->busy && !clone->cp_waiting && !clone->ahead_busy;
}

/* Gone, now or when what is under way has ended. */
static void clone_let_go(struct clone *clone)
{
	clone->stopping = true;
	if (clone_is_quiet(clone))
		clone_free(clone);
}

void clone_stop(struct clone *clone, bool forget)
{
	clone->forgotten |= forget;
	world_timer_cancel(&clone->timer);
	clone_let_go(clone);
}

static void clone_fail(struct clone *clone, int err)
{
	log_error("clone", "failed", "volume=%s inode=%u at=%u error=%s", clone->vol->name, clone->id.inode, clone->cursor,
	          error_name(err));
	clone->phase = CLONE_FAILED;
	clone->error = err;
}

/* ---- waiting for a CP ------------------------------------------------------------------------------------------ */

static void run_begin(struct clone *clone);

static void clone_durable(struct cp_waiter *waiter, int err)
{
	struct clone *clone = container_of(waiter, struct clone, waiter);

	clone->cp_waiting = false;
	if (clone->vol == NULL) { /* unmounted meanwhile */
		free(clone);
		return;
	}
	if (clone->phase == CLONE_FINISH && err == 0) {
		log_info("clone", "done", "volume=%s inode=%u copied=%" PRIu64, clone->vol->name, clone->id.inode, clone->n_copied);
		clone_let_go(clone);
		return;
	}
	if (clone->stopping) {
		clone_let_go(clone);
		return;
	}
	if (err != 0) {
		clone_fail(clone, err);
		return;
	}
	clone->phase = CLONE_RELEASE;
	run_begin(clone);
}

static void wait_for_cp(struct clone *clone, enum clone_phase phase)
{
	clone->phase = phase;
	clone->cp_waiting = true;
	clone->waiter.durable = clone_durable;
	cp_wait(clone->vol, &clone->waiter);
}

/* ---- runs ------------------------------------------------------------------------------------------------------ */

static void run_ended(struct fs_volume *vol)
{
	vc_assert(vol->n_messages > 0);
	if (--vol->n_messages == 0)
		run_wake_all(&vol->idle_waiters);
}

static void batch_ended(struct clone *clone)
{
	if (clone->error != 0)
		log_info("clone", "goes_on", "volume=%s inode=%u", clone->vol->name, clone->id.inode);
	clone->error = 0;
	if (clone->n_copied > clone->batch_copied) /* stepping over what is there costs nothing */
		clone_pace_batch(&clone->pace, clone->batch_at_ns, (unsigned)(clone->n_copied - clone->batch_copied), clone->rate_bytes_s);
	if (clone->phase == CLONE_RELEASE)
		wait_for_cp(clone, CLONE_FINISH);
	else if (clone->cursor >= clone->n_total)
		wait_for_cp(clone, CLONE_SETTLE);
	else
		clone_schedule(clone);
}

static void clone_run_finished(struct fs_run *run, int err)
{
	struct clone *clone = run->arg;

	clone->busy = false;
	run_ended(clone->vol);
	if (err == -ESTALE)
		clone->forgotten = clone->stopping = true;
	if (clone->stopping && !(clone->phase == CLONE_RELEASE && err == 0)) {
		clone_let_go(clone);
		return;
	}
	if (err == 0) {
		batch_ended(clone);
	} else if (err == -EINTR) { /* the volume is being unmounted, or a stop was taken back */
		world_timer_set(clone->vol->world, &clone->timer, NOT_ONLINE_RETRY_NS);
	} else if (err == -ENOSPC) {
		if (clone->error == 0)
			log_warn("clone", "paused", "volume=%s inode=%u error=ENOSPC", clone->vol->name, clone->id.inode);
		clone->error = err;
		world_timer_set(clone->vol->world, &clone->timer, NO_SPACE_RETRY_NS);
	} else {
		clone_fail(clone, err);
	}
}

void clone_ahead_ended(struct clone *clone)
{
	run_ended(clone->vol);
	if (clone->stopping)
		clone_let_go(clone);
}

static void run_begin(struct clone *clone)
{
	struct fs_volume *vol = clone->vol;

	vc_assert(!clone->busy);
	clone->busy = true;
	vol->n_messages++;
	run_reinit(&clone->run, vol, clone->phase == CLONE_RELEASE ? clone_release_step : clone_fill_step, clone_run_finished);
	clone->run.arg = clone;
	run_start_later(&clone->run);
}

/* ---- pacing ---------------------------------------------------------------------------------------------------- */

static uint64_t client_ops(const struct fs_volume *vol)
{
	uint64_t sum = 0;

	for (unsigned op = FS_GETATTR; op <= FS_RESOLVE; op++)
		sum += counter_get(&vol->counters.messages[op]);
	return sum;
}

static unsigned busy_clones(const struct fs_volume *vol)
{
	const struct clone *clone;
	unsigned n = 0;

	TAILQ_FOREACH(clone, &vol->clones->clones, link)
		n += clone->busy + clone->ahead_busy;
	return n;
}

static struct clone_view view_of(const struct clone *clone)
{
	struct fs_volume *vol = clone->vol;
	uint64_t used, half;

	nvlog_usage(vol, &used, &half);
	return (struct clone_view){
		.now_ns = world_now_ns(vol->world),
		.n_client_ops = client_ops(vol),
		.n_clients_waiting = vol->n_messages - busy_clones(vol),
		.cp_running = cp_is_running(vol),
		.log_over_half = 2U * used > half,
		.rate_bytes_s = clone->rate_bytes_s,
	};
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

static void clone_schedule(struct clone *clone)
{
	struct fs_volume *vol = clone->vol;
	struct clone_view view;
	struct clone_plan plan;

	if (clone->busy || clone->cp_waiting || clone->stopping || clone->phase != CLONE_FILL)
		return;
	if (atomic_load_explicit(&vol->state, memory_order_relaxed) != VOLUME_ONLINE) {
		world_timer_set(vol->world, &clone->timer, NOT_ONLINE_RETRY_NS);
		return;
	}
	if (too_many_filled(vol)) {
		world_timer_set(vol->world, &clone->timer, FULL_RETRY_NS); /* or when the CP is done */
		return;
	}
	view = view_of(clone);
	plan = clone_pace_plan(&clone->pace, &view);
	if (plan.delay_ns > 0) {
		world_timer_set(vol->world, &clone->timer, plan.delay_ns);
		return;
	}
	world_timer_cancel(&clone->timer);
	clone->batch_blocks = plan.n_blocks;
	clone->batch_at_ns = view.now_ns;
	clone->batch_copied = clone->n_copied;
	clone->ahead_blocks = plan.n_ahead;
	clone_ahead(clone);
	run_begin(clone);
}

static void clone_timer(struct timer *timer)
{
	struct clone *clone = container_of(timer, struct clone, timer);

	if (clone->phase == CLONE_RELEASE && !clone->busy && !clone->cp_waiting && !clone->stopping &&
	    atomic_load_explicit(&clone->vol->state, memory_order_relaxed) == VOLUME_ONLINE)
		run_begin(clone);
	else
		clone_schedule(clone);
}

/* ---- beginning and end ----------------------------------------------------------------------------------------- */

static int table_need(struct fs_volume *vol)
{
	if (vol->clones != NULL)
		return 0;
	vol->clones = calloc(1, sizeof *vol->clones);
	if (vol->clones == NULL)
		return -ENOMEM;
	TAILQ_INIT(&vol->clones->clones);
	return 0;
}

static void clone_set(struct clone *clone, const struct vdisk *vdisk)
{
	const struct vdisk_clone *attr = &vdisk->attr.clone;

	clone->cursor = clone->stored_cursor = MIN_OF(attr->cursor, vdisk->attr.backing.n_blocks);
	clone->n_total = vdisk->attr.backing.n_blocks;
	clone->n_copied = attr->n_copied;
	clone->n_own_below = MIN_OF(attr->n_own_below, clone->cursor);
	clone->rate_bytes_s = attr->rate_bytes_s;
	clone->flags = attr->flags;
	clone->started_ns = attr->started_ns;
	clone->first_ns = world_now_ns(clone->vol->world);
	clone->first_done = clone_done_blocks(clone, vdisk->container);
	clone->ahead = clone->cursor;
	clone->phase = CLONE_FILL;
	clone->error = 0;
}

int clone_begin(struct fs_volume *vol, const struct vdisk *vdisk)
{
	struct fs_file_id id = { 0, vdisk->container->ino, vdisk->container->attr.generation };
	struct clone *clone = clone_find(vol, &id);
	int err = table_need(vol);

	if (err != 0)
		return err;
	if (clone != NULL && (clone->busy || clone->cp_waiting)) { /* a stop taken back, or a limit changed, before it came to rest */
		clone->stopping = false;
		clone->rate_bytes_s = vdisk->attr.clone.rate_bytes_s;
		clone->flags = vdisk->attr.clone.flags;
		return 0;
	}
	if (clone == NULL) {
		clone = calloc(1, sizeof *clone);
		if (clone == NULL)
			return -ENOMEM;
		clone->vol = vol;
		clone->id = id;
		clone->timer.fire = clone_timer;
		run_init(&clone->run, vol, clone_fill_step, clone_run_finished, clone);
		run_init(&clone->ahead_run, vol, NULL, NULL, clone);
		TAILQ_INSERT_TAIL(&vol->clones->clones, clone, link);
	}
	clone->stopping = false;
	clone_set(clone, vdisk);
	clone_schedule(clone);
	return 0;
}

static int entry_resume(struct fs_run *run, struct vtoc_entry *entry)
{
	struct fs_file_id id = { 0, entry->ino, entry->generation };
	struct vdisk vdisk;
	int err;

	if (entry->backing.snapshot == 0 || clone_find(run->vol, &id) != NULL)
		return 0;
	err = vdisk_open_entry(run, entry, &vdisk);
	if (err != 0)
		return err;
	if (vdisk.attr.clone.state == FS_CLONE_RUNNING) {
		log_info("clone", "resumed", "volume=%s inode=%u at=%u of=%u", run->vol->name, entry->ino, vdisk.attr.clone.cursor,
		         vdisk.attr.backing.n_blocks);
		err = clone_begin(run->vol, &vdisk);
	}
	vdisk_close(&vdisk);
	return err;
}

int clone_mount(struct fs_run *run)
{
	struct vtoc_entry *entry = NULL;
	int err = table_need(run->vol), result = 0;

	if (err != 0 || run->vol->read_only)
		return err;
	while ((entry = vtoc_next(run->vol, entry)) != NULL) {
		err = entry_resume(run, entry);
		if (err != 0 && err != -EAGAIN)
			log_error("clone", "not_resumed", "volume=%s inode=%u error=%s", run->vol->name, entry->ino, error_name(err));
		else if (err != 0)
			result = err;
	}
	return result;
}

void clone_unmount(struct fs_volume *vol)
{
	struct clone *clone;

	if (vol->clones == NULL)
		return;
	while ((clone = TAILQ_FIRST(&vol->clones->clones)) != NULL) {
		vc_assert(!clone->busy && !clone->ahead_busy);
		if (!clone->cp_waiting) {
			clone_free(clone);
			continue;
		}
		world_timer_cancel(&clone->timer);
		run_fini(&clone->run);
		run_fini(&clone->ahead_run);
		TAILQ_REMOVE(&vol->clones->clones, clone, link);
		clone->vol = NULL; /* the CP's waiter frees it */
	}
	free(vol->clones);
	vol->clones = NULL;
}

void clone_cp_done(struct fs_volume *vol)
{
	struct clone *clone, *next;

	if (vol->clones == NULL)
		return;
	vol->clones->n_filled[(vol->generation - 1U) & 1U] = 0;
	TAILQ_FOREACH_SAFE(clone, &vol->clones->clones, link, next) {
		clone_pace_cp_done(&clone->pace, world_now_ns(vol->world));
		if (clone->error == 0)
			clone_schedule(clone);
	}
}

void clone_forget(struct fs_volume *vol, const struct inode *container)
{
	struct fs_file_id id = { 0, container->ino, container->attr.generation };
	struct clone *clone = clone_find(vol, &id);

	if (clone != NULL)
		clone_stop(clone, true);
}

/* ---- figures --------------------------------------------------------------------------------------------------- */

/* All below the cursor, and the LUN's own blocks above it: its blocks without the indirect ones and those met below. */
static uint64_t done_blocks(uint32_t cursor, uint32_t n_own_below, uint32_t n_total, const struct inode *container)
{
	uint64_t own = container->n_blocks - DIV_UP(container->n_blocks, PTRS_PER_BLOCK + 1U);
	uint64_t above = own > n_own_below ? own - n_own_below : 0;
	uint64_t left = n_total > cursor ? n_total - cursor : 0;

	return MIN_OF(cursor, n_total) + MIN_OF(above, left);
}

uint64_t clone_done_blocks(const struct clone *clone, const struct inode *container)
{
	return done_blocks(clone->cursor, clone->n_own_below, clone->n_total, container);
}

static uint64_t eta_s(const struct clone *clone, const struct fs_clone_info *info)
{
	uint64_t seconds = (world_now_ns(clone->vol->world) - clone->first_ns) / 1000000000ULL;
	uint64_t done = info->blocks_done > clone->first_done ? info->blocks_done - clone->first_done : 0;

	if (info->state != FS_CLONE_RUNNING || seconds == 0 || done == 0)
		return UINT64_MAX;
	return (info->blocks_total - info->blocks_done) * seconds / done;
}

static void running_info(const struct clone *clone, const struct vdisk *vdisk, struct fs_clone_info *info)
{
	info->state = clone->phase == CLONE_FAILED ? FS_CLONE_FAILED : clone->error != 0 ? FS_CLONE_PAUSED : FS_CLONE_RUNNING;
	info->error = clone->error;
	info->blocks_total = clone->n_total;
	info->blocks_done = clone_done_blocks(clone, vdisk->container);
	info->blocks_copied = clone->n_copied;
	info->rate_bytes_s = clone->rate_bytes_s;
	info->eta_s = eta_s(clone, info);
}

void clone_info(struct fs_volume *vol, const struct vdisk *vdisk, struct fs_clone_info *ret_info)
{
	const struct vdisk_clone *attr = &vdisk->attr.clone;
	struct fs_file_id id = { 0, vdisk->container->ino, vdisk->container->attr.generation };
	const struct clone *clone = clone_find(vol, &id);
	uint32_t total = vdisk->attr.backing.snapshot != 0 ? vdisk->attr.backing.n_blocks : attr->n_total;

	*ret_info = (struct fs_clone_info){
		.state = attr->state,
		.error = attr->error,
		.blocks_total = total,
		.blocks_done = attr->state == FS_CLONE_NONE   ? 0
		               : attr->state == FS_CLONE_DONE ? total
		                                              : done_blocks(attr->cursor, attr->n_own_below, total, vdisk->container),
		.blocks_copied = attr->n_copied,
		.rate_bytes_s = attr->rate_bytes_s,
		.started_ns = attr->started_ns,
		.eta_s = attr->state == FS_CLONE_DONE ? 0 : UINT64_MAX,
		.flags = attr->flags,
	};
	if (clone != NULL && !clone->stopping)
		running_info(clone, vdisk, ret_info);
}
