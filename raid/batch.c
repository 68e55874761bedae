/* SPDX-License-Identifier: Apache-2.0 */
/* A batch: many blocks on several disks, carried by as few I/Os as they allow.
 *
 * THEORY. A consistency point hands over tens of MiB at once. Given to the disks as they are, every read that comes
 * after waits for all of it in the disks' queues. So batches that yield go through a lane: no more of them is at the
 * disks than the file system says it can bear just now, in short I/Os; the rest waits here, where a read passes it. One
 * is always under way, so the lane never stands still. A disk with a cache takes such writes at once and keeps its
 * clients waiting when the cache is emptied: a flush of four MiB stops a virtual disk for eight milliseconds. So short
 * writes are made durable one by one, where that takes little: the flush that follows finds little to do. Where it
 * takes long each time (a disk that spins) they are not, but for one now and then, to see. */
#include "raid/batch.h"

#include <limits.h>
#include <stdlib.h>

#include "raid/raid_volume.h"

#define LANE_RUN_BLOCKS 16U /* an I/O of the lane while its window is small */
#define LANE_SAVE_NS 2000000U /* more than this, on average, is too much for a durable one */
#define LANE_SAVE_LONGEST_NS (8U * LANE_SAVE_NS) /* counted: one that waited for the host is no measure of the next */
#define LANE_SAVE_TRY 256U /* then one in so many is */

struct batch_run {
	struct member_io mio;
	struct batch *batch;
	const struct iovec *iov;
	unsigned first, n;
	uint64_t saved_from_ns; /* durable by the lane's wish, submitted then; or 0 */
	TAILQ_ENTRY(batch_run) link;
};

static void batch_finish(struct batch *b)
{
	free(b->runs);
	b->runs = NULL;
	b->done(b);
}

static void batch_task_run(struct task *task)
{
	batch_finish(container_of(task, struct batch, task));
}

static void lane_pump(struct raid *raid);

/* How long durable ones take, as a moving average of eight. */
static void lane_saved(struct batch_lane *lane, uint64_t ns)
{
	lane->save_ns += ((int64_t)MIN_OF(ns, (uint64_t)LANE_SAVE_LONGEST_NS) - lane->save_ns) / 8;
	lane->n_unsaved = 0;
}

static void batch_run_done(struct member_io *mio, int err)
{
	struct batch_run *run = container_of(mio, struct batch_run, mio);
	struct batch *b = run->batch;
	struct raid *raid = b->raid;
	bool yields = b->yields;

	for (unsigned i = 0; i < run->n; i++)
		b->items[run->first + i].err = err;
	if (yields)
		raid->lane.in_flight_bytes -= (uint64_t)run->n * RAID_BLOCK_SIZE;
	if (run->saved_from_ns != 0)
		lane_saved(&raid->lane, world_now_ns(raid->world) - run->saved_from_ns);
	if (--b->n_pending == 0)
		batch_finish(b);
	if (yields)
		lane_pump(raid);
}

static void run_submit(struct batch_run *run, enum disk_op op)
{
	const struct batch_item *item = &run->batch->items[run->first];

	run->mio.optional = run->batch->optional;
	run->mio.rebuilds = run->batch->rebuilds;
	member_submit(item->member, &run->mio, &(struct member_request){ op, item->block, run->n, run->iov, run->n },
	              batch_run_done);
}

/* ---- the lane ---------------------------------------------------------------------------------------------------- */

static unsigned lane_window(const struct raid *raid)
{
	return raid->lane.window_bytes != NULL ? raid->lane.window_bytes(raid->lane.arg) : UINT_MAX;
}

static void lane_submit(struct raid *raid, struct batch_run *run)
{
	struct batch_lane *lane = &raid->lane;
	enum disk_op op = run->batch->op;

	if (op == DISK_WRITE && lane_window(raid) != UINT_MAX &&
	    (lane->save_ns < LANE_SAVE_NS || ++lane->n_unsaved == LANE_SAVE_TRY)) {
		op = DISK_WRITE_DURABLE;
		run->saved_from_ns = world_now_ns(raid->world);
	}
	lane->in_flight_bytes += (uint64_t)run->n * RAID_BLOCK_SIZE;
	run_submit(run, op);
}

static void lane_pump(struct raid *raid)
{
	struct batch_lane *lane = &raid->lane;
	struct batch_run *run;

	if (lane->pumping)
		return;
	lane->pumping = true;
	while ((run = TAILQ_FIRST(&lane->waiting)) != NULL &&
	       (lane->in_flight_bytes == 0 ||
	        lane->in_flight_bytes + (uint64_t)run->n * RAID_BLOCK_SIZE <= lane_window(raid))) {
		TAILQ_REMOVE(&lane->waiting, run, link);
		lane_submit(raid, run);
	}
	lane->pumping = false;
}

void raid_write_window(struct raid *raid, unsigned (*window_bytes)(void *arg), void *arg)
{
	raid->lane.window_bytes = window_bytes;
	raid->lane.arg = arg;
}

/* ---- submitting -------------------------------------------------------------------------------------------------- */

static unsigned run_blocks_max(const struct batch *b)
{
	return b->yields && lane_window(b->raid) != UINT_MAX ? LANE_RUN_BLOCKS : DISK_IOV_MAX;
}

static bool batch_continues(const struct batch_item *a, const struct batch_item *b)
{
	return a->member == b->member && a->block + 1 == b->block;
}

static unsigned batch_count_runs(const struct batch *b, unsigned blocks_max)
{
	unsigned n_runs = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < b->n_items; i++, n++) {
		if (i == 0 || n == blocks_max || !batch_continues(&b->items[i - 1], &b->items[i])) {
			n_runs++;
			n = 0;
		}
	}
	return n_runs;
}

static void batch_retry_fire(struct timer *timer)
{
	batch_submit(container_of(timer, struct batch, retry));
}

static bool has_checksum_block(const struct batch *b, const struct batch_run *run)
{
	uint64_t first = b->items[run->first].block;

	for (unsigned i = 0; i < run->n; i++)
		if (layout_is_checksum_block(&b->raid->layout, first + i))
			return true;
	return false;
}

/* Items and I/O vector of one run, from item `first` on. */
static void run_set(struct batch *b, struct batch_run *run, struct iovec *iov, unsigned first, unsigned blocks_max)
{
	unsigned i = first;

	*run = (struct batch_run){ .batch = b, .first = first, .iov = iov + first };
	do {
		iov[i] = (struct iovec){ b->items[i].data, RAID_BLOCK_SIZE };
		i++;
		run->n++;
	} while (i < b->n_items && run->n < blocks_max && batch_continues(&b->items[i - 1], &b->items[i]));
	vc_invariant(R2, run->n == 1 || !has_checksum_block(b, run));
}

void batch_submit(struct batch *b)
{
	unsigned blocks_max = run_blocks_max(b), n_runs = batch_count_runs(b, blocks_max), r = 0;
	struct iovec *iov;

	b->runs = NULL;
	if (n_runs == 0) {
		b->task = (struct task){ .run = batch_task_run };
		world_defer(b->raid->world, &b->task);
		return;
	}
	b->runs = malloc(n_runs * sizeof *b->runs + b->n_items * sizeof *iov);
	if (b->runs == NULL) {
		b->retry = (struct timer){ .fire = batch_retry_fire };
		world_timer_set(b->raid->world, &b->retry, RAID_RETRY_NS);
		return;
	}
	iov = (struct iovec *)(void *)(b->runs + n_runs);
	b->n_pending = n_runs;
	for (unsigned i = 0; i < b->n_items; r++) {
		struct batch_run *run = &b->runs[r];

		run_set(b, run, iov, i, blocks_max);
		i += run->n;
		if (b->yields)
			TAILQ_INSERT_TAIL(&b->raid->lane.waiting, run, link);
		else
			run_submit(run, b->op);
	}
	if (b->yields)
		lane_pump(b->raid);
}

/* ---- flush ------------------------------------------------------------------------------------------------------- */

static void flush_all_finish(struct flush_all *f)
{
	free(f->mios);
	f->mios = NULL;
	f->done(f);
}

static void flush_all_task(struct task *task)
{
	flush_all_finish(container_of(task, struct flush_all, task));
}

/* The member_ios lie in one array whose element 0 belongs to member 0: the array is found through the raid's only
 * flush. */
static void flush_one_done(struct member_io *mio, int err)
{
	struct flush_all *f = &mio->member->raid->flush_disks;

	(void)err; /* the member has failed: member.c */
	if (--f->n_pending == 0)
		flush_all_finish(f);
}

static void flush_all_retry(struct timer *timer)
{
	batch_flush_all(container_of(timer, struct flush_all, retry));
}

void batch_flush_all(struct flush_all *f)
{
	struct raid *raid = f->raid;

	f->n_pending = 0;
	f->mios = calloc(raid->n_members, sizeof *f->mios);
	if (f->mios == NULL) {
		f->retry = (struct timer){ .fire = flush_all_retry };
		world_timer_set(raid->world, &f->retry, RAID_RETRY_NS);
		return;
	}
	for (unsigned i = 0; i < raid->n_members; i++) {
		struct member *m = raid->members[i];

		if (!m->unflushed || !member_online(m))
			continue;
		m->unflushed = false;
		f->n_pending++;
		member_submit(m, &f->mios[i], &(struct member_request){ .op = DISK_FLUSH }, flush_one_done);
	}
	if (f->n_pending == 0) {
		f->task = (struct task){ .run = flush_all_task };
		world_defer(raid->world, &f->task);
	}
}
