/* SPDX-License-Identifier: Apache-2.0 */
/* The log: two halves on (parity disks + 1) disks of one group, written durably to every copy.
 *
 * THEORY. The copies are named in the labels. A write is one durable I/O a copy, side by side. When the disk of a copy
 * fails, a new one is made at once, whether something is written or not: what was acknowledged before hangs on the copy
 * that is left. Nothing is acknowledged until the labels of the others no longer name the lost one, the new copy has
 * been made on another disk of the group, and the labels name that: else the lost disk could come back alone and replay
 * old operations. When no other disk is left the log goes on with what there is.
 * WRITE PATH previous hop fs/log/nvlog.c; next hop member.c. */
#include "raid/raid_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "raid/batch.h"
#include "raid/layout.h"
#include "raid/raid_group.h"
#include "raid/raid_rebuild.h"
#include "raid/raid_volume.h"

#define MOVE_BLOCKS 256U

/* Copying both halves to a new disk. */
struct log_move {
	struct raid *raid;
	struct member *from, *to;
	uint32_t at, n, total;
	struct batch batch;
	struct batch_item items[MOVE_BLOCKS];
	void *buffer;
};

static void log_progress(struct raid *raid);

static void log_task_run(struct task *task)
{
	log_progress(container_of(task, struct raid, log.task));
}

uint32_t raid_log_half_blocks(const struct raid *raid)
{
	return raid->layout.log_half_blocks;
}

unsigned raid_log_copies(const struct raid *raid)
{
	return raid->label.n_log_copies;
}

bool raid_log_busy(const struct raid *raid)
{
	return raid->log.copying || raid->log.label_waiting || raid->log.ops[0].busy || raid->log.ops[1].busy;
}

static struct member *log_copy(const struct raid *raid, unsigned copy)
{
	return raid->members[raid->label.log_copies[copy]];
}

/* One copy outlives the loss of as many disks as the group has parity. */
static bool log_is_short(const struct raid *raid)
{
	return raid->label.n_log_copies < log_copy(raid, 0)->group->n_parity + 1U;
}

void raid_log_init(struct raid *raid)
{
	raid->log.task.run = log_task_run;
	raid->log.copy_wanted = log_is_short(raid);
}

bool raid_log_is_on(const struct raid *raid, const struct member *m)
{
	for (unsigned i = 0; i < raid->label.n_log_copies; i++)
		if (log_copy(raid, i) == m)
			return true;
	return false;
}

bool raid_log_wants_copy(const struct raid *raid)
{
	return raid->log.copy_wanted || raid->log.copying;
}

void raid_log_kick(struct raid *raid)
{
	if (raid->log.copy_wanted && !raid->read_only && !raid->opening && !raid->closing)
		world_defer(raid->world, &raid->log.task);
}

void raid_log_member_failed(struct raid *raid, struct member *m)
{
	struct label_state *l = &raid->label;

	for (unsigned i = 0; i < l->n_log_copies && !raid->read_only; i++) {
		if (log_copy(raid, i) != m || l->n_log_copies == 1)
			continue;
		l->log_copies[i] = l->log_copies[--l->n_log_copies];
		raid->log.copy_wanted = true;
		raid_log_kick(raid);
		return;
	}
}

void raid_log_member_joined(struct raid *raid)
{
	raid->log.copy_wanted = log_is_short(raid);
	raid_log_kick(raid);
}

/* ---- a new copy -------------------------------------------------------------------------------------------------- */

static struct member *log_new_home(const struct raid *raid)
{
	const struct raid_group *g = log_copy(raid, 0)->group;

	for (unsigned i = 0; i < g->n_members; i++)
		if (member_online(g->members[i]) && !raid_log_is_on(raid, g->members[i]))
			return g->members[i];
	return NULL;
}

static void move_end(struct log_move *move, bool made)
{
	struct raid *raid = move->raid;

	raid->log.copying = false;
	raid->log.move = NULL;
	if (made && member_online(move->to)) {
		raid->label.log_copies[raid->label.n_log_copies++] = (uint16_t)move->to->index;
		raid->label.membership++;
		raid->log.copy_wanted = log_is_short(raid);
		label_changed(raid);
		log_info("raid", "log_copy_made", "disk=%s", move->to->url);
	}
	free(move->buffer);
	free(move);
	log_progress(raid);
	rebuild_kick_all(raid);
}

static void move_next(struct log_move *move);

static void move_written(struct batch *batch)
{
	struct log_move *move = container_of(batch, struct log_move, batch);

	move->at += move->n;
	if (!member_online(move->to))
		move_end(move, false);
	else
		move_next(move);
}

static void move_read(struct batch *batch)
{
	struct log_move *move = container_of(batch, struct log_move, batch);

	for (unsigned i = 0; i < move->n; i++) {
		if (move->items[i].err != 0) {
			member_fail(move->from, "log_copy_unreadable", move->items[i].err);
			move_end(move, false);
			return;
		}
		move->items[i].member = move->to;
	}
	move->batch = (struct batch){ .raid = move->raid,
		                      .op = DISK_WRITE_DURABLE,
		                      .items = move->items,
		                      .n_items = move->n,
		                      .done = move_written };
	batch_submit(&move->batch);
}

static void move_next(struct log_move *move)
{
	if (move->at == move->total) {
		move_end(move, true);
		return;
	}
	move->n = MIN_OF(MOVE_BLOCKS, move->total - move->at);
	for (unsigned i = 0; i < move->n; i++)
		move->items[i] = (struct batch_item){
			.member = move->from,
			.block = layout_log_block(&move->raid->layout, 0, 0) + move->at + i,
			.data = (uint8_t *)move->buffer + (size_t)i * RAID_BLOCK_SIZE,
		};
	move->batch = (struct batch){
		.raid = move->raid, .op = DISK_READ, .items = move->items, .n_items = move->n, .done = move_read
	};
	batch_submit(&move->batch);
}

/* True when a copy is being made now. */
static bool move_start(struct raid *raid)
{
	struct member *to = log_new_home(raid);
	struct log_move *move;

	if (to == NULL || !member_online(log_copy(raid, 0))) {
		raid->log.copy_wanted = false; /* go on with what there is */
		return false;
	}
	move = raid_call_new(sizeof *move);
	if (posix_memalign(&move->buffer, RAID_BLOCK_SIZE, (size_t)MOVE_BLOCKS * RAID_BLOCK_SIZE) != 0) {
		raid_call_free(move);
		raid->log.copy_wanted = false;
		return false;
	}
	move->raid = raid;
	move->from = log_copy(raid, 0);
	move->to = to;
	move->total = 2 * raid->layout.log_half_blocks;
	raid->log.move = move;
	raid->log.copying = true;
	move_next(move);
	return true;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void log_start(struct log_op *op);

static void log_labels_done(struct label_wait *wait, int err)
{
	struct raid *raid = container_of(wait, struct raid, log.label);

	(void)err; /* the copies' states tell */
	raid->log.label_waiting = false;
	log_progress(raid);
}

static void log_answer(struct log_op *op, int err)
{
	op->busy = op->written = false;
	op->done(op->arg, err);
}

static bool log_in_flight(const struct raid *raid)
{
	return raid->log.ops[0].n_pending + raid->log.ops[1].n_pending > 0;
}

static bool log_alive(const struct raid *raid)
{
	return raid->label.n_log_copies > 0 && member_online(log_copy(raid, 0)) &&
	       !group_failed(log_copy(raid, 0)->group);
}

/* What is written and waits: make a copy, bring the labels in step, answer; then begin what was held back. */
static void log_progress(struct raid *raid)
{
	struct log_state *s = &raid->log;
	int err = log_alive(raid) ? 0 : -EIO;

	if (s->copying || s->label_waiting)
		return;
	if (s->copy_wanted && err == 0) {
		if (log_in_flight(raid) || move_start(raid))
			return; /* comes back when they end */
	}
	if (!label_in_step(raid) && err == 0) {
		s->label_waiting = true;
		s->label.done = log_labels_done;
		label_sync(raid, &s->label);
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(s->ops); i++) {
		struct log_op *op = &s->ops[i];

		if (op->busy && op->written)
			log_answer(op, err);
		else if (op->busy && op->n_pending == 0 && err != 0)
			log_answer(op, err);
		else if (op->busy && op->n_pending == 0)
			log_start(op);
	}
	raid_idle_check(raid);
}

static void copy_submit(struct log_copy_io *c);

static void copy_done(struct member_io *mio, int err)
{
	struct log_copy_io *c = container_of(mio, struct log_copy_io, mio);
	struct log_op *op = c->op;

	if (err == 0 && c->iov_at < op->n_iov) {
		copy_submit(c);
		return;
	}
	if (--op->n_pending > 0)
		return;
	op->written = true;
	if (!op->raid->log.copy_wanted && !op->raid->log.label_waiting && label_in_step(op->raid) &&
	    log_alive(op->raid)) {
		log_answer(op, 0);
		return;
	}
	log_progress(op->raid);
}

static void copy_submit(struct log_copy_io *c)
{
	struct log_op *op = c->op;
	const struct iovec *iov = op->iov + c->iov_at;
	unsigned n = MIN_OF(op->n_iov - c->iov_at, DISK_IOV_MAX);
	uint64_t blocks = 0, first = c->block;

	for (unsigned i = 0; i < n; i++)
		blocks += iov[i].iov_len / RAID_BLOCK_SIZE;
	c->iov_at += n;
	c->block += blocks;
	member_submit(c->mio.member, &c->mio, &(struct member_request){ DISK_WRITE_DURABLE, first, blocks, iov, n },
	              copy_done);
}

static void log_start(struct log_op *op)
{
	struct raid *raid = op->raid;

	op->n_pending = raid->label.n_log_copies;
	for (unsigned i = 0, n = op->n_pending; i < n; i++) {
		struct log_copy_io *c = &op->copies[i];

		c->op = op;
		c->iov_at = 0;
		c->block = layout_log_block(&raid->layout, op->half, op->first_block);
		c->mio.member = log_copy(raid, i);
		copy_submit(c);
	}
}

void raid_log_write(struct raid *raid, const struct raid_log_io *io)
{
	struct log_op *op = &raid->log.ops[io->half];
	size_t bytes = 0;

	for (unsigned i = 0; i < io->n_iov; i++)
		bytes += io->iov[i].iov_len;
	vc_assert(!raid->read_only && !op->busy && io->n_iov > 0 && bytes % RAID_BLOCK_SIZE == 0 &&
	          io->first_block + bytes / RAID_BLOCK_SIZE <= raid->layout.log_half_blocks);
	*op = (struct log_op){
		.raid = raid,
		.busy = true,
		.half = io->half,
		.first_block = io->first_block,
		.iov = io->iov,
		.n_iov = io->n_iov,
		.done = io->done,
		.arg = io->arg,
	};
	if (raid->log.copy_wanted || raid->log.copying || raid->log.label_waiting || !label_in_step(raid) ||
	    !log_alive(raid))
		world_defer(raid->world, &raid->log.task);
	else
		log_start(op);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

struct log_read {
	struct member_io mio;
	void (*done)(void *arg, int err);
	void *arg;
	struct task task;
	const struct iovec *iov;
	unsigned n_iov;
	uint64_t block;
};

static void log_read_finish(struct log_read *r, int err)
{
	void (*done)(void *arg, int err) = r->done;
	void *arg = r->arg;

	raid_call_free(r);
	done(arg, err);
}

static void log_read_next(struct log_read *r);

static void log_read_done(struct member_io *mio, int err)
{
	struct log_read *r = container_of(mio, struct log_read, mio);

	if (err == 0 && r->n_iov > 0)
		log_read_next(r);
	else
		log_read_finish(r, err);
}

static void log_read_next(struct log_read *r)
{
	const struct iovec *iov = r->iov;
	unsigned n = MIN_OF(r->n_iov, DISK_IOV_MAX);
	uint64_t blocks = 0, first = r->block;

	for (unsigned i = 0; i < n; i++)
		blocks += iov[i].iov_len / RAID_BLOCK_SIZE;
	r->iov += n;
	r->n_iov -= n;
	r->block += blocks;
	member_submit(r->mio.member, &r->mio, &(struct member_request){ DISK_READ, first, blocks, iov, n },
	              log_read_done);
}

static void log_read_none(struct task *task)
{
	log_read_finish(container_of(task, struct log_read, task), -ENODEV);
}

void raid_log_read(struct raid *raid, unsigned copy, const struct raid_log_io *io)
{
	struct log_read *r = raid_call_new(sizeof *r);

	vc_assert(io->half < 2 && io->n_iov > 0);
	*r = (struct log_read){
		.done = io->done,
		.arg = io->arg,
		.iov = io->iov,
		.n_iov = io->n_iov,
		.block = layout_log_block(&raid->layout, io->half, io->first_block),
	};
	if (copy >= raid->label.n_log_copies) {
		r->task.run = log_read_none;
		world_defer(raid->world, &r->task);
		return;
	}
	r->mio.member = log_copy(raid, copy);
	log_read_next(r);
}
