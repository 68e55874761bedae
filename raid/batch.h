/* SPDX-License-Identifier: Apache-2.0 */
/* A batch: many blocks on several disks, carried by as few I/Os as they allow.
 *
 * WRITE PATH  previous hop raid_piece.c; next hop member.h.
 * READ PATH   previous hop raid_read.c or raid_repair.c; next hop member.h. */
#ifndef RAID_BATCH_H
#define RAID_BATCH_H

#include "raid/member.h"

struct batch_item {
	struct member *member;
	uint64_t block;
	void *data; /* 4096 bytes, aligned to 4096 */
	int err; /* the answer */
};

/* Items that follow each other on a disk, in the order given, travel in one I/O. The batch and its items are the
 * caller's, who leaves them alone until `done`. `done` is never called inside batch_submit. */
struct batch {
	struct raid *raid;
	enum disk_op op;
	bool yields; /* it goes through the lane */
	bool optional, rebuilds; /* as in struct member_io */
	unsigned n_items;
	unsigned n_pending; /* I/Os; ours */
	struct batch_item *items;
	void (*done)(struct batch *batch);
	struct batch_run *runs; /* ours */
	struct task task; /* ours */
	struct timer retry; /* ours */
};
void batch_submit(struct batch *batch);

/* The lane: the I/Os of batches that yield. No more of them is at the disks at once than `window_bytes` says; the rest
 * waits, oldest first. */
struct batch_lane {
	TAILQ_HEAD(, batch_run) waiting;
	uint64_t in_flight_bytes;
	bool pumping;
	int64_t save_ns; /* how long its durable writes take, on average */
	unsigned n_unsaved; /* writes since the last durable one */
	unsigned (*window_bytes)(void *arg); /* NULL: no limit */
	void *arg;
};

/* Flush every online member that was written since its last flush. Afterwards `done` looks at the states of the
 * members: one whose flush failed has failed. */
struct flush_all {
	struct raid *raid;
	unsigned n_pending;
	void (*done)(struct flush_all *f);
	struct member_io *mios;
	struct task task;
	struct timer retry;
};
void batch_flush_all(struct flush_all *f);

#endif
