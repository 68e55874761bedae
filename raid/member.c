/* SPDX-License-Identifier: Apache-2.0 */
/* A member: one disk of the volume, its counters, its failure, and the regular look whether it is still what it was.
 *
 * INVARIANTS
 *  R4 A member whose write or flush failed is FAILED before anybody hears of it, and gets no further I/O.
 *  R6 A block of a member that is being rebuilt is neither read nor written, but by its rebuild, before that has passed
 *     it. */
#include "raid/member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "raid/checksum_zone.h"
#include "raid/hostroom.h"
#include "raid/label.h"
#include "raid/layout.h"
#include "raid/member_errors.h"
#include "raid/raid_log.h"
#include "raid/raid_volume.h"

#define MEMBER_HEALTH_NS 2000000000ULL

struct member_health {
	struct member_io mio;
	struct iovec iov;
	unsigned copy;
	void *buffer;
};

static bool is_write(enum disk_op op)
{
	return op == DISK_WRITE || op == DISK_WRITE_DURABLE || op == DISK_DISCARD;
}

static void account_error(struct member *m, const struct disk_io *io)
{
	enum raid_error kind = io->op == DISK_READ    ? RAID_ERROR_READ
	                       : io->op == DISK_FLUSH ? RAID_ERROR_FLUSH
	                                              : RAID_ERROR_WRITE;

	if (io->op != DISK_CHECK) /* that only asks whether the disk is there */
		member_errors_count(m, kind, io->offset_bytes / RAID_BLOCK_SIZE);
}

static void account(struct member *m, const struct disk_io *io, int err)
{
	if (err != 0) {
		account_error(m, io);
	} else if (io->op == DISK_READ) {
		m->n_reads++;
		m->read_bytes += io->len_bytes;
	} else if (is_write(io->op)) {
		m->n_writes++;
		m->written_bytes += io->len_bytes;
	}
}

static void member_fail_for(struct member *m, enum disk_op op, int err)
{
	if (op == DISK_READ) {
		if (err == -ENODEV)
			member_fail(m, "reads", err);
		else
			member_check_health(m);
		return;
	}
	member_fail(m, op == DISK_FLUSH ? "flush" : op == DISK_CHECK ? "gone" : "write", err);
}

void member_io_end(struct member_io *mio, int err)
{
	struct raid *raid = mio->member->raid;

	hostroom_end(mio);
	raid->n_ios--;
	mio->done(mio, err);
	raid_idle_check(raid);
}

/* ---- letting go -------------------------------------------------------------------------------------------------- */

static bool may_let_go(const struct member *m)
{
	return !member_online(m) && m->disk != NULL && m->n_ios == 0;
}

static void let_go_run(struct task *task)
{
	struct member *m = container_of(task, struct member, let_go);
	struct raid *raid = m->raid;

	if (may_let_go(m)) {
		disk_close(m->disk);
		m->disk = NULL;
	}
	raid_idle_check(raid);
}

void member_let_go(struct member *m)
{
	if (!may_let_go(m))
		return;
	m->let_go.run = let_go_run;
	world_defer(m->raid->world, &m->let_go);
}

void member_retire(struct member *m)
{
	struct raid *raid = m->raid;

	vc_assert(!member_online(m));
	m->retired_next = raid->retired;
	raid->retired = m;
	member_let_go(m);
}

/* ---- submitting -------------------------------------------------------------------------------------------------- */

static void io_done(struct disk_io *io, int err)
{
	struct member_io *mio = container_of(io, struct member_io, io);
	struct member *m = mio->member;

	m->n_ios--;
	member_let_go(m);
	if (is_write(io->op) && hostroom_is_short(err)) { /* not the disk's fault */
		if (mio->optional || !hostroom_wait(mio))
			member_io_end(mio, -EROFS);
		return;
	}
	account(m, io, err);
	if (io->op == DISK_WRITE)
		m->unflushed = true; /* again: a flush submitted meanwhile has not saved it */
	if (err != 0)
		member_fail_for(m, io->op, err);
	vc_invariant(R4, err == 0 || io->op == DISK_READ || !member_online(m));
	member_io_end(mio, err);
}

static void offline_run(struct task *task)
{
	struct member_io *mio = container_of(task, struct member_io, task);

	member_io_end(mio, mio->refused);
}

static bool writes_are_refused(const struct raid *raid)
{
	return raid->read_only || raid->room.cut_off;
}

void member_resubmit(struct member_io *mio)
{
	mio->member->n_ios++;
	disk_submit(mio->member->disk, &mio->io);
}

/* R6. An I/O that begins in the zones ends in the same zone: a checksum block travels alone (R2). */
static bool holds_blocks(const struct member *m, const struct member_request *request)
{
	const struct layout *l = &m->raid->layout;

	return request->n_blocks == 0 || request->block < l->zones_first ||
	       member_holds_zone(m, (uint32_t)((request->block - l->zones_first) / RAID_ZONE_BLOCKS));
}

/* 0, or why the disk does not get it. */
static int request_refused(const struct member *m, const struct member_io *mio, const struct member_request *request)
{
	if (!member_online(m) || (!mio->rebuilds && !holds_blocks(m, request)))
		return -ENODEV;
	return writes_are_refused(m->raid) && (is_write(request->op) || request->op == DISK_FLUSH) ? -EROFS : 0;
}

void member_submit(struct member *m, struct member_io *mio, const struct member_request *request,
                   void (*done)(struct member_io *mio, int err))
{
	enum disk_op op = request->op;

	mio->member = m;
	mio->done = done;
	mio->waits_for_room = false;
	m->raid->n_ios++;
	mio->refused = request_refused(m, mio, request);
	if (mio->refused != 0) {
		mio->task = (struct task){ .run = offline_run };
		world_defer(m->raid->world, &mio->task);
		return;
	}
	if (op == DISK_WRITE)
		m->unflushed = true;
	mio->io = (struct disk_io){
		.op = op,
		.iov = request->iov,
		.n_iov = request->n_iov,
		.offset_bytes = request->block * RAID_BLOCK_SIZE,
		.len_bytes = request->n_blocks * RAID_BLOCK_SIZE,
		.done = io_done,
	};
	member_resubmit(mio);
}

/* The same for people. */
static const char *reason_text(const char *reason)
{
	static const struct {
		const char *reason, *text;
	} texts[] = { { "reads", "it is gone" },
		      { "worn", "it had too many errors" },
		      { "write", "a write to it failed" },
		      { "flush", "a flush of it failed" },
		      { "gone", "it is gone: removed, or cut short" },
		      { "label_gone", "its label is gone: it was overwritten, or is another disk" },
		      { "log_copy_unreadable", "the log on it cannot be read" },
		      { "changes_unreadable", "what has changed while it was away cannot be made from the others" },
		      { "administrator", "an administrator called it failed" } };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(texts[i].reason, reason) == 0)
			return texts[i].text;
	return reason;
}

void member_fail(struct member *m, const char *reason, int err)
{
	struct raid *raid = m->raid;
	bool was_online = m->state == RAID_DISK_ONLINE;

	if (!member_online(m))
		return;
	m->group->n_lost += was_online ? 1U : 0U;
	m->state = RAID_DISK_FAILED;
	if (err == -ECANCELED) /* nothing failed */
		(void)snprintf(m->why, sizeof m->why, "%s", reason_text(reason));
	else
		(void)snprintf(m->why, sizeof m->why, "%s (%s)", reason_text(reason), error_name(err));
	log_error("raid", "disk_failed", "disk=%s group=%u position=%u reason=%s error=%s", m->url, m->group->index,
	          m->position, reason, error_name(err));
	if (group_failed(m->group)) {
		/* Nothing more is acknowledged, so this disk stays what it was on the labels: it may come back. */
		log_error("raid", "group_failed", "group=%u", m->group->index);
	} else {
		if (strcmp(reason, "flush") == 0 && err != -ENODEV) /* R4; one that is gone was not asked */
			dirty_map_end(m);
		else
			dirty_map_begin(m, was_online);
		m->recorded_failed = true;
		raid->label.membership++;
		label_changed(raid);
	}
	checksum_zone_drop(raid, m);
	raid_log_member_failed(raid, m);
	member_let_go(m);
}

void member_stale(struct member *m)
{
	m->group->n_lost += m->state == RAID_DISK_ONLINE ? 1U : 0U;
	m->state = RAID_DISK_STALE;
	m->reason = RAID_REASON_STALE;
	if (!m->recorded_failed)
		m->raid->label.membership++;
	m->recorded_failed = true;
	checksum_zone_drop(m->raid, m);
	raid_log_member_failed(m->raid, m);
	member_let_go(m);
}

/* ---- health ------------------------------------------------------------------------------------------------------ */

static void health_read_next(struct member *m);

static void health_end(struct member *m)
{
	m->health_running = false;
	if (m->health_wanted)
		member_check_health(m);
}

static void health_read_done(struct member_io *mio, int err)
{
	struct member_health *h = container_of(mio, struct member_health, mio);
	struct member *m = mio->member;
	const struct raid_label_format *label = h->buffer;

	if (!member_online(m)) {
		health_end(m);
		return;
	}
	/* The head is enough: a disk that was overwritten or belongs to somebody else now. */
	if (err == 0 && memcmp(label->magic, RAID_LABEL_MAGIC, RAID_MAGIC_BYTES) == 0 &&
	    memcmp(label->disk_uuid, m->uuid.b, 16) == 0) {
		member_errors_judge(m);
		health_end(m);
		return;
	}
	if (h->copy++ == 0) {
		health_read_next(m);
		return;
	}
	member_fail(m, "label_gone", err != 0 ? err : -EUCLEAN);
	health_end(m);
}

static void health_read_next(struct member *m)
{
	struct member_health *h = m->health;
	unsigned copy = h->copy == 0 ? m->label_copy : 1 - m->label_copy;

	h->iov = (struct iovec){ h->buffer, RAID_BLOCK_SIZE };
	member_submit(m, &h->mio, &(struct member_request){ DISK_READ, layout_label_block(copy), 1, &h->iov, 1 },
	              health_read_done);
}

static void health_check_done(struct member_io *mio, int err)
{
	struct member *m = mio->member;

	if (err != 0 || !member_online(m)) {
		health_end(m);
		return;
	}
	m->health->copy = 0;
	health_read_next(m);
}

void member_check_health(struct member *m)
{
	if (!member_online(m) || !m->labelled || m->raid->closing || m->raid->opening)
		return;
	m->health_wanted = m->health_running;
	if (m->health_running)
		return;
	m->health_running = true;
	member_submit(m, &m->health->mio, &(struct member_request){ .op = DISK_CHECK }, health_check_done);
}

static void health_fire(struct timer *timer)
{
	struct raid *raid = container_of(timer, struct raid, health);

	for (unsigned i = 0; i < raid->n_members; i++)
		member_check_health(raid->members[i]);
	world_timer_set(raid->world, &raid->health, MEMBER_HEALTH_NS);
}

struct member *member_new(struct raid *raid)
{
	struct member *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->raid = raid;
	m->health = calloc(1, sizeof *m->health);
	if (m->health == NULL || (m->health->buffer = aligned_alloc(RAID_BLOCK_SIZE, RAID_BLOCK_SIZE)) == NULL ||
	    (m->label_bytes = aligned_alloc(RAID_BLOCK_SIZE, sizeof *m->label_bytes)) == NULL) {
		member_free(m);
		return NULL;
	}
	return m;
}

void member_free(struct member *m)
{
	if (m->health != NULL)
		free(m->health->buffer);
	free(m->health);
	free(m->label_bytes);
	free(m);
}

void member_health_start(struct raid *raid)
{
	raid->health = (struct timer){ .fire = health_fire };
	world_timer_set(raid->world, &raid->health, MEMBER_HEALTH_NS);
}

void member_health_stop(struct raid *raid)
{
	world_timer_cancel(&raid->health);
}
