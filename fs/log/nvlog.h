/* SPDX-License-Identifier: Apache-2.0 */
/* The room log/: the NVLOG. It holds what was acknowledged and is not yet in a consistency point.
 *
 * FOR. An operation is answered when its record is durable; it need not wait for a consistency point. A mount replays
 * the records.
 * KEEPS. Two halves of raid's log region, and the groups of records under way to them. A record is one operation with
 * its results.
 * HEADERS FOR OTHERS. This one; nvlog_group.h for whoever reads a log (mount, check). Formats: fs/format/nvlogformat.h,
 * recordformat.h.
 * FROM ABOVE. Steps append records; fs/dispatch.c waits for them; the CP switches and releases halves. FROM BELOW.
 * raid_log_write and raid_log_read.
 * THEORY. An operation appends its record when it changes memory, so the order in the log is the order of the changes.
 * Group commit: while one group is written, records gather in the next one, which takes them all in one write. The
 * halves alternate. Each CP switches to the other half, and the half it left is reused only when the fsinfo of that CP
 * is durable. A record carries the mount epoch, a sequence number without gaps, and the CRC of the record before it.
 * Replay stops at the first record that does not fit. A data record carries whole blocks of 4 KiB as they are after the
 * write, page aligned: so replay needs no read of what was there before.
 * THREADS. Home thread.
 * WRITE PATH previous hop file_apply.c and its like (nvlog_append), dispatch.c (nvlog_wait); next hop
 * raid_log_write. */
#ifndef FS_NVLOG_H
#define FS_NVLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "fs/format/recordformat.h"

struct fs_message;
struct fs_run;
struct fs_volume;
struct inode;
struct page;

/* How many bytes a record of this size takes in the log (head, alignment, pages): for admit_change. */
size_t nvlog_size(size_t body_len, unsigned n_pages);
/* True when the current half has room for `bytes` more. When it has not, a CP has been asked for: wait on
 * vol->cp_waiters. */
bool nvlog_room(struct fs_volume *vol, size_t bytes);
/* How many bytes are in the half that is being filled, and how many a half holds. A record may be at most half of
 * that. */
void nvlog_usage(const struct fs_volume *vol, uint64_t *ret_used_bytes, uint64_t *ret_half_bytes);
/* Append a record; room was checked in this step. Body and pages are taken as they are now: the body is copied, the
 * pages are referenced. Returns the record's sequence. */
uint64_t nvlog_append(struct fs_volume *vol, enum nvlog_type type, const void *body, size_t body_len,
                      struct page *const *pages, unsigned n_pages);

/* The same for a record that carries a call: `call` is the end of its body (fs/format/callformat.h). */
uint64_t nvlog_append_call(struct fs_volume *vol, enum nvlog_type type, const void *body, size_t body_len,
                           const void *call, size_t call_len);

/* Tell `waiter` when everything up to `sequence` is durable, in the log or in a committed CP. Never inline. err
 * -EIO: the log has failed. */
struct nvlog_waiter {
	void (*durable)(struct nvlog_waiter *waiter, int err);
	const struct fs_message *msg; /* whose answer waits; NULL: nobody's */
	uint64_t sequence;
	TAILQ_ENTRY(nvlog_waiter) link;
};
void nvlog_wait(struct fs_volume *vol, uint64_t sequence, struct nvlog_waiter *waiter);
/* Waiters whose message gives up (`gives_up` says so) wait no longer: they are told -FS_EJUKEBOX. */
void nvlog_give_up(struct fs_volume *vol, bool (*gives_up)(const struct fs_message *msg));
uint64_t nvlog_last_sequence(const struct fs_volume *vol);

/* True when no log write is under way. An unmount waits for this before it closes the disks; nvlog_fini asserts it. */
bool nvlog_is_idle(const struct fs_volume *vol);

/* For the CP: from now on records belong to the next generation and go to the other half, which is free (asserted). */
void nvlog_switch(struct fs_volume *vol);
/* For the CP: the fsinfo that covers everything before the last switch is durable. So that half is free, and waiters
 * up to there are served. */
void nvlog_release(struct fs_volume *vol);

/* Room at the end of each half, behind what records may take, where the CP saves calls (fs/cp/calls.h): how many
 * blocks (0 in a very small log), and the first of them. */
unsigned nvlog_save_blocks(const struct fs_volume *vol);
uint32_t nvlog_save_first(const struct fs_volume *vol);
/* Write `n_blocks` blocks to that room of a half, durably. `done(arg, err)`, never inline. The bytes must stay until
 * then. One save at a time. */
void nvlog_save(struct fs_volume *vol, unsigned half, void *bytes, unsigned n_blocks, void (*done)(void *arg, int err),
                void *arg);
/* False while a mount may still need what stands in that room: during a replay, and, when the log was an earlier
 * version's, until the CP after the replay. */
bool nvlog_save_allowed(const struct fs_volume *vol);

MUST_CHECK int nvlog_init(struct fs_volume *vol);
void nvlog_fini(struct fs_volume *vol);
/* At mount: read the newest copy of the halves, and apply, in order, every record of epoch `vol->fsinfo_epoch` after
 * `vol->fsinfo_sequence`. `done(vol, err, n_records)`. Read-only: -EROFS when there is such a record. Nothing else
 * runs meanwhile. A CP follows, also after 0 records: until its nvlog_release nothing is written to the log, for the
 * records there still count. A CP may run during the replay (a big log in a small cache). Until `done`, vol->epoch
 * stays fsinfo_epoch, and nvlog_last_sequence is the last record applied; `done` finds the new epoch in vol->epoch. */
void nvlog_replay(struct fs_volume *vol, void (*done)(struct fs_volume *vol, int err, uint64_t n_records));

/* For nvlog_replay: the log goes on after `sequence` (_resume). A group that counts ends at `end_block` of its half
 * (_reaches). */
void nvlog_resume(struct fs_volume *vol, uint64_t sequence);
void nvlog_reaches(struct fs_volume *vol, uint32_t end_block);

/* How a record is applied again: a step. Its `body` is decoded and bounds-checked (-EUCLEAN). It is restartable, and
 * changes memory by the same code as the operation. */
struct nvlog_record {
	enum nvlog_type type;
	const uint8_t *body;
	size_t body_len;
	struct page **pages;
	unsigned n_pages;
	const uint8_t *call; /* not of the body any more; NULL: none */
	size_t call_len;
};
typedef int nvlog_apply_fn(struct fs_run *run, const struct nvlog_record *record);

#endif
