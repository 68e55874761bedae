/* SPDX-License-Identifier: Apache-2.0 */
/* The consistency point: when it starts, how it goes from stage to stage, and what happens when the new root is
 * durable. What the stages are: fs/cp/cp.h.
 *
 * WRITE PATH. previous hop: the cache's dirty buffers (fs/names/file_ops.c made them); next hops: the clients of a
 * CP in the order of fs/volume_hooks.c (for files: cp_files.c), then cp_place.c, then cp_write.c, and
 * raid_fsinfo_write at the end. */
#include "fs/cp/cp.h"

#include <limits.h>
#include <stdlib.h>

#include "base/counters.h"
#include "base/error.h"
#include "base/list.h"
#include "base/state.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/core/hooks.h"
#include "fs/core/vbn_set.h"
#include "fs/core/volume_counters.h"
#include "fs/cp/alloc.h"
#include "fs/cp/calls.h"
#include "fs/cp/cp_wait.h"
#include "fs/cp/fsinfo.h"
#include "fs/cp/space.h"
#include "fs/cp/zombie.h"
#include "fs/file/cache.h"
#include "fs/file/cache_cp.h"
#include "fs/file/inode.h"
#include "fs/file/inode_table.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"
#include "raid/raid.h"

#define CP_INTERVAL_NS 10000000000ULL
#define RELEASE_BUFFERS 32U /* at a time */
#define CP_WINDOW_BYTES (64U << 10) /* at the disks at once while clients are served */
#define CP_CLIENT_NS 50000000ULL /* so long after the last one came they still are */

/* Call `function` of every client that has one. */
#define CLIENTS_CALL(vol, function, ...)                                                                               \
	do {                                                                                                           \
		for (unsigned i = 0; i < (vol)->hooks->n_cp_clients; i++)                                              \
			if ((vol)->hooks->cp_clients[i].function != NULL)                                              \
				(vol)->hooks->cp_clients[i].function(__VA_ARGS__);                                     \
	} while (0)

static const uint32_t stage_may_follow[] = {
	[CP_STAGE_IDLE] = STATE(CP_STAGE_CLIENTS),
	[CP_STAGE_CLIENTS] = STATE(CP_STAGE_PLACE) | STATE(CP_STAGE_BROKEN),
	[CP_STAGE_PLACE] = STATE(CP_STAGE_WRITE) | STATE(CP_STAGE_BROKEN),
	[CP_STAGE_WRITE] = STATE(CP_STAGE_FSINFO) | STATE(CP_STAGE_BROKEN),
	[CP_STAGE_FSINFO] = STATE(CP_STAGE_RELEASE) | STATE(CP_STAGE_BROKEN),
	[CP_STAGE_RELEASE] = STATE(CP_STAGE_IDLE),
	[CP_STAGE_BROKEN] = 0,
};

static void stage_set(struct cp *cp, enum cp_stage stage)
{
	cp->stage = state_follow(stage_may_follow, cp->stage, stage);
}

static int cp_step(struct fs_run *run);
static void cp_finish(struct fs_run *run, int err);
static void cp_timer_fired(struct timer *timer);
static void cp_start_task(struct task *task);

int cp_init(struct fs_volume *vol)
{
	struct cp *cp = calloc(1, sizeof(*cp));

	if (cp == NULL)
		return -ENOMEM;
	cp->vol = vol;
	vol->cp = cp;
	TAILQ_INIT(&cp->applied);
	TAILQ_INIT(&cp->waiters);
	cp->timer.fire = cp_timer_fired;
	vol->cp_ask.start.run = cp_start_task;
	run_init(&cp->run, vol, cp_step, cp_finish, cp);
	cp->run.patient = true;
	return 0;
}

/* One that failed half-way still has what it was about to write. */
static void cp_abandon(struct cp *cp)
{
	cp_members_join(cp);
	for (size_t i = cp->n_released; i < cp->members.n; i++) {
		cp->members.bufs[i]->in_cp = cp->members.bufs[i]->dropped = false;
		cache_unhold(cp->members.bufs[i]);
	}
	TAILQ_CONCAT(&cp->vol->dirty_inodes[cp->bit], &cp->applied, dirty_link[cp->bit]);
}

void cp_fini(struct fs_volume *vol)
{
	struct cp *cp = vol->cp;

	if (cp == NULL)
		return;
	if (vol->cp_ask.running)
		cp_abandon(cp);
	world_timer_cancel(&cp->timer);
	run_fini(&cp->run);
	free(cp->members.bufs);
	free(cp->late.bufs);
	free(cp->inodes);
	free(cp->frees.frees);
	free(cp->owners);
	vbn_set_fini(&cp->freed);
	free(cp->file_bufs);
	free(cp->keys);
	free(cp);
	vol->cp = NULL;
}

size_t cp_block_count(const struct fs_volume *vol)
{
	return vol->cp->members.n + vol->cp->late.n;
}

bool cp_is_quiet(const struct fs_volume *vol)
{
	return (!vol->cp_ask.running || vol->cp->stage == CP_STAGE_BROKEN) && vol->cp->n_writing == 0 &&
	       !vol->cp_ask.start.queued;
}

/* ---- beginning ---- */

static void cp_open(struct cp *cp);

/* Work with a durable cursor: goes on from CP to CP, and after the next mount. */
static bool background_is_pending(const struct fs_volume *vol)
{
	return snapshot_work_pending(vol) || zombie_pending(vol);
}

static bool volume_is_dirty(const struct fs_volume *vol)
{
	return !TAILQ_EMPTY(&vol->dirty_inodes[gen_bit(vol)]) || background_is_pending(vol);
}

static void cp_start_task(struct task *task)
{
	struct fs_volume *vol = container_of(task, struct fs_volume, cp_ask.start);

	if (vol->failed != 0)
		cp_failed(vol, vol->failed);
	else if (!vol->cp_ask.running && vol->cp_ask.wanted && !vol->cp_barred)
		cp_open(vol->cp);
}

static void cp_timer_set(struct cp *cp)
{
	uint64_t interval = cp->vol->options.cp_interval_ns != 0 ? cp->vol->options.cp_interval_ns : CP_INTERVAL_NS;

	world_timer_set(cp->vol->world, &cp->timer, interval);
}

static void cp_timer_fired(struct timer *timer)
{
	struct cp *cp = container_of(timer, struct cp, timer);

	if (volume_is_dirty(cp->vol) && cp->vol->failed == 0)
		cp_request(cp->vol, CP_TIMER);
	cp_timer_set(cp);
}

/* Somebody waits for this CP or the next one, or soon would. (That the timer wants the next one is nobody's wait.) */
static bool cp_is_urgent(struct fs_volume *vol)
{
	const struct cp *cp = vol->cp;
	uint64_t used, half;

	nvlog_usage(vol, &used, &half);
	return (vol->cp_ask.why & ~(1U << CP_TIMER)) != 0 || !TAILQ_EMPTY(&cp->waiters) ||
	       !TAILQ_EMPTY(&vol->cp_waiters) || !TAILQ_EMPTY(&vol->page_waiters) || 2U * used > half ||
	       vol->n_dirty_pages > cache_dirty_max(vol) / 4U * 3U ||
	       vol->n_dirty_inodes > inode_dirty_max(vol) / 4U * 3U;
}

/* For raid_write_window: while clients are served, their reads and the log come between what the CP writes. */
static unsigned cp_write_window(void *arg)
{
	struct fs_volume *vol = arg;

	if (world_now_ns(vol->world) - vol->client_at_ns > CP_CLIENT_NS || cp_is_urgent(vol))
		return UINT_MAX;
	return CP_WINDOW_BYTES;
}

void cp_enable_timer(struct fs_volume *vol)
{
	cp_timer_set(vol->cp);
	raid_write_window(vol->raid, cp_write_window, vol);
}

void cp_wait(struct fs_volume *vol, struct cp_waiter *waiter)
{
	waiter->generation = vol->generation;
	TAILQ_INSERT_TAIL(&vol->cp->waiters, waiter, link);
	cp_request(vol, CP_CLIENT);
}

void cp_give_up(struct fs_volume *vol, bool (*gives_up)(const struct fs_message *msg))
{
	struct cp_waiter *waiter, *next;

	TAILQ_FOREACH_SAFE(waiter, &vol->cp->waiters, link, next) {
		if (!gives_up(waiter->msg))
			continue;
		TAILQ_REMOVE(&vol->cp->waiters, waiter, link);
		waiter->durable(waiter, -FS_EJUKEBOX);
	}
}

/* ---- failing ---- */

static void waiters_serve(struct cp *cp, uint64_t generation, int err)
{
	struct cp_waiter *waiter, *next;

	TAILQ_FOREACH_SAFE(waiter, &cp->waiters, link, next) {
		if (waiter->generation > generation)
			continue;
		TAILQ_REMOVE(&cp->waiters, waiter, link);
		waiter->durable(waiter, err);
	}
}

void cp_failed(struct fs_volume *vol, int err)
{
	waiters_serve(vol->cp, UINT64_MAX, err);
	CLIENTS_CALL(vol, failed, vol, err);
	run_wake_all(&vol->cp_waiters);
	run_wake_all(&vol->page_waiters);
}

static void cp_break(struct cp *cp, int err, const char *what)
{
	stage_set(cp, CP_STAGE_BROKEN);
	cp_fail(cp->vol, err, what);
}

/* ---- running ---- */

static void cp_open(struct cp *cp)
{
	struct fs_volume *vol = cp->vol;

	vol->cp_ask.running = true;
	vol->cp_ask.wanted = false;
	vol->cp_ask.why = 0;
	cp->generation = vol->generation;
	cp->bit = gen_bit(vol);
	cp->nvlog_sequence = nvlog_last_sequence(vol);
	cp->next_generation = vol->next_generation;
	cp->inodes_used = vol->inodes_used;
	cp->started_ns = world_now_ns(vol->world);
	cp->members.n = cp->late.n = cp->n_placed = cp->n_inodes = cp->n_cleared = 0;
	cp->frees.n = cp->n_owners = 0;
	vbn_set_clear(&cp->freed);
	cp->placing = cp->zombie_moved = false;
	cp->vbn_in_hand = 0;
	cp->n_submitted = cp->band_first = cp->n_released = 0;
	cp->band = 0;
	cp->write_err = 0;
	cp->zombie_leaves = CP_ZOMBIE_LEAVES;
	cp->zombie_skips = CP_ZOMBIE_SKIPS;
	cp->file = NULL;
	CLIENTS_CALL(vol, open, vol);
	space_cp_open(cp);
	nvlog_switch(vol);
	vol->generation++;
	stage_set(cp, CP_STAGE_CLIENTS);
	cp->client = 0;
	run_reinit(&cp->run, vol, cp_step, cp_finish);
	run_start(&cp->run);
}

static int clients_step(struct fs_run *run)
{
	const struct volume_hooks *hooks = run->vol->hooks;
	struct cp *cp = run->vol->cp;

	for (; cp->client < hooks->n_cp_clients; cp->client++) {
		int err = hooks->cp_clients[cp->client].step == NULL ? 0 : hooks->cp_clients[cp->client].step(run);

		if (err != 0)
			return err;
	}
	return 0;
}

static int cp_step(struct fs_run *run)
{
	struct cp *cp = run->vol->cp;
	int err = 0;

	if (cp->stage == CP_STAGE_CLIENTS && (err = clients_step(run)) == 0)
		stage_set(cp, CP_STAGE_PLACE);
	if (cp->stage == CP_STAGE_PLACE)
		err = cp_place_step(run);
	return err;
}

static void cp_committed(void *arg, int err);

static void cp_write_fsinfo(struct cp *cp)
{
	uint8_t body[RAID_FSINFO_BODY];

	stage_set(cp, CP_STAGE_FSINFO);
	vc_assert(!calls_are_being_saved(cp->vol));
	fsinfo_encode(cp, body);
	raid_fsinfo_write(cp->vol->raid, cp->generation, body, cp_committed, cp);
}

void cp_written(struct cp *cp, int err)
{
	if (err != 0)
		cp_break(cp, err, "writing a consistency point");
	else
		cp_write_fsinfo(cp);
}

static void cp_finish(struct fs_run *run, int err)
{
	struct cp *cp = run->vol->cp;

	if (err != 0) {
		cp_break(cp, err, "building a consistency point");
		return;
	}
	cp_encode_records(cp);
	CLIENTS_CALL(cp->vol, encode, cp->vol);
	stage_set(cp, CP_STAGE_WRITE); /* not before: an early piece that ends now is not the last one */
	cp_write_rest(cp);
}

/* ---- committed ---- */

/* Some of them; true: that was all. */
static bool buffers_release(struct cp *cp)
{
	size_t end = MIN_OF(cp->n_released + RELEASE_BUFFERS, cp->members.n);

	for (; cp->n_released < end; cp->n_released++) {
		struct buf *buf = cp->members.bufs[cp->n_released];

		buf->in_cp = false;
		if (buf->dropped)
			buf->dropped = false;
		else if (buf->dirty == 0 || buf->dirty == 1U << cp->bit)
			buf->vbn = buf->vbn_new;
		cache_cp_written(buf, cp->bit);
		cache_unhold(buf);
	}
	return end == cp->members.n;
}

static void inode_release(struct cp *cp, struct inode *inode)
{
	struct buf *buf;
	bool removed = inode->frozen ? inode->cp_removed : inode->removed;

	TAILQ_REMOVE(&cp->applied, inode, dirty_link[cp->bit]);
	while ((buf = TAILQ_FIRST(&inode->dirty_bufs[cp->bit])) != NULL) {
		vc_invariant(CP5, removed || (inode->inline_data && buf->fbn == 0));
		cache_cp_written(buf, cp->bit);
	}
	inode_cp_done(inode, cp->bit);
	if (removed && inode->pins == 0 && inode->dirty_gen_bits == 0 && inode_is_quiet(inode))
		inode_discard(inode); /* else the table lets go of it in time; till then it keeps its number */
}

static void inodes_release(struct cp *cp)
{
	struct inode *inode;

	for (size_t i = 0; i < cp->n_inodes; i++) {
		cp->inodes[i]->cp_busy = false;
		inode_unpin(cp->inodes[i]);
	}
	while ((inode = TAILQ_FIRST(&cp->applied)) != NULL)
		inode_release(cp, inode);
}

static void places_release(struct cp *cp)
{
	alloc_cp_done(cp->vol);
	vbn_set_clear(&cp->freed);
	cp->vol->pending_blocks[cp->bit] = 0;
}

static void cp_counted(struct cp *cp)
{
	cp->count++;
	cp->last_ms = (world_now_ns(cp->vol->world) - cp->started_ns) / 1000000U;
	counter_add(&cp->vol->counters->cps, 1);
}

static void cp_close(struct cp *cp)
{
	cp->vol->cp_ask.running = false;
	stage_set(cp, CP_STAGE_IDLE);
}

static void log_release(struct cp *cp)
{
	nvlog_release(cp->vol);
}

static void clients_committed(struct cp *cp)
{
	CLIENTS_CALL(cp->vol, committed, cp->vol);
}

static void space_settle(struct cp *cp)
{
	space_cp_done(cp->vol, cp->makes_snapshot);
}

static void waiters_release(struct cp *cp)
{
	waiters_serve(cp, cp->generation, 0);
}

static void clients_served(struct cp *cp)
{
	CLIENTS_CALL(cp->vol, served, cp->vol);
}

static void parked_wake(struct cp *cp)
{
	run_wake_all(&cp->vol->cp_waiters);
	run_wake_all(&cp->vol->page_waiters);
}

static void next_ask(struct cp *cp)
{
	struct fs_volume *vol = cp->vol;

	if ((background_is_pending(vol) && atomic_load(&vol->state) != VOLUME_STOPPING) || !TAILQ_EMPTY(&cp->waiters))
		cp_request(vol, CP_SPACE);
	if (vol->cp_ask.wanted && !vol->cp_ask.start.queued)
		world_defer(vol->world, &vol->cp_ask.start);
}

/* What a consistency point that is durable lets go, in this order. */
static void (*const release_order[])(struct cp *cp) = {
	inodes_release, /* they are clean, but for what was changed since */
	places_release, /* what it has freed can be allocated */
	cp_counted,        cp_close, /* from here on it counts as ended: the next one may be asked for */
	log_release, /* the half of the log that it covers is free, and answers that waited for the log go */
	clients_committed, /* snapshots, zombies, clones and the others take over what has come true */
	space_settle, /* the figures agree with that, before anybody can ask */
	waiters_release, /* who waited for this consistency point is told */
	clients_served,    parked_wake, /* who waited for room tries again */
	next_ask, /* there may be more to do at once */
};

/* It is durable; clients come in between while the buffers are let go. */
static void cp_release(struct task *task)
{
	struct cp *cp = container_of(task, struct cp, release_task);

	if (!buffers_release(cp)) {
		world_defer(cp->vol->world, task);
		return;
	}
	cp->makes_snapshot = snapshot_creation_taken(cp->vol);
	for (unsigned i = 0; i < ARRAY_SIZE(release_order); i++)
		release_order[i](cp);
}

static void cp_committed(void *arg, int err)
{
	struct cp *cp = arg;

	if (err != 0) {
		cp_break(cp, err, "writing fsinfo");
		return;
	}
	stage_set(cp, CP_STAGE_RELEASE);
	cp->release_task.run = cp_release;
	cp_release(&cp->release_task);
}
