/* SPDX-License-Identifier: Apache-2.0 */
/* The log region: two halves, on as many disks as there are copies (raid_log.c tells what becomes of a copy that is
 * lost).
 *
 * WRITE PATH  previous hop fs/log/nvlog.c; next hop member.h. */
#ifndef RAID_RAID_LOG_H
#define RAID_RAID_LOG_H

#include "raid/label.h"
#include "raid/member.h"

struct log_copy_io {
	struct member_io mio;
	struct log_op *op;
	unsigned iov_at; /* entries already written */
	uint64_t block;
};
/* A write of the log, or a read. */
struct log_op {
	struct raid *raid;
	bool busy;
	bool written; /* it waits for a new copy, or for the labels */
	unsigned half;
	uint32_t first_block;
	const struct iovec *iov;
	unsigned n_iov;
	unsigned n_pending;
	struct log_copy_io copies[RAID_LABEL_MAX_LOG_COPIES];
	void (*done)(void *arg, int err);
	void *arg;
};
struct log_state {
	struct log_op ops[2]; /* one a half */
	bool copy_wanted; /* a copy is missing: make one before anything is acknowledged */
	bool copying;
	struct log_move *move;
	struct label_wait label;
	bool label_waiting;
	struct task task;
};
void raid_log_init(struct raid *raid);
/* Is a copy missing that could be made? */
bool raid_log_wants_copy(const struct raid *raid);
/* Make the copy that is wanted, soon; not while the volume is being opened or closed. */
void raid_log_kick(struct raid *raid);
/* A disk has joined: a copy that was missing may have a home now. */
void raid_log_member_joined(struct raid *raid);
/* Do the labels name it as one of the copies? */
bool raid_log_is_on(const struct raid *raid, const struct member *m);
/* The member has failed. Perhaps it held a copy. */
void raid_log_member_failed(struct raid *raid, struct member *m);
bool raid_log_busy(const struct raid *raid);

#endif
