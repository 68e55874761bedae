/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of clone/: clone.c (life of a clone), clone_fill.c and clone_ahead.c (the walk over its
 * blocks), clone_verify.c (comparing the copies), clone_info.c (figures), clone_ops.c (start, stop, modify, status). */
#ifndef FS_CLONE_PRIVATE_H
#define FS_CLONE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "base/world.h"
#include "fs/clone/clone_pace.h"
#include "fs/clone/clone_share.h"
#include "fs/clone/clone_speed.h"
#include "fs/core/file_block.h"
#include "fs/cp/cp_wait.h"
#include "fs/cp/space.h"
#include "fs/file/run.h"
#include "fs/fs_types.h"

struct clone_verify;
struct fs_volume;
struct inode;
struct vdisk;
struct vdisk_clone;

enum clone_phase {
	CLONE_FILL, /* walking */
	CLONE_SETTLE, /* everything filled: waiting for the CP that has it */
	CLONE_VERIFY, /* comparing what was filled with the backing store */
	CLONE_RELEASE, /* dropping the backing store handle */
	CLONE_FINISH, /* waiting for the CP that has that */
	CLONE_FAILED,
};

/* What a clone does at the moment. */
enum clone_doing {
	CLONE_RESTS, /* till its timer fires, or for good */
	CLONE_WAITS_TURN, /* another one comes first: woken when a batch ends */
	CLONE_RUNS, /* its run is scheduled or under way: counts as a message of the volume, as does ahead_run */
	CLONE_WAITS_CP,
};

/* Whether a clone is to go on. */
enum clone_end {
	CLONE_GOES_ON,
	CLONE_STOPPING, /* by stop, by unmount; a start may take it back as long as something of it is under way */
	CLONE_FORGOTTEN, /* and nobody asks for it any more */
};

struct clone {
	struct fs_volume *vol;
	struct fs_file_id id;
	enum clone_phase phase;
	int error; /* FAILED: why; else: why it is paused, 0: it is not */
	uint32_t error_fbn; /* FAILED: where; UINT32_MAX: nowhere */
	enum clone_end end;
	enum clone_doing doing;
	uint32_t cursor; /* FBNs below were looked at */
	uint32_t verify_cursor; /* FBNs below were compared */
	uint32_t n_total;
	uint32_t n_own_below; /* own data blocks that the tree has below the cursor, and those filled and not yet in
	                       * it */
	uint32_t n_unplaced[2]; /* of these: not yet in the tree, per parity of generation */
	uint32_t n_zero_above; /* zeroed at and above the cursor, as far as known */
	uint64_t n_copied;
	uint64_t n_verified;
	struct space_claim claim; /* for what it has still to copy, unless the LUN's own reservation is for that */
	uint64_t rate_bytes_s;
	unsigned priority;
	uint32_t flags;
	int64_t started_ns;
	unsigned batch_blocks; /* of the batch under way, which began at batch_at_ns with batch_before blocks of work
	                        * done */
	uint64_t batch_at_ns, batch_before;
	struct clone_limit limit;
	struct clone_share share;
	struct clone_speed speed;
	struct clone_verify *verify; /* the batch being compared, or NULL */
	struct fs_run run;
	uint32_t ahead, ahead_blocks; /* FBNs below are being read, or were; how far that may be from the cursor */
	bool ahead_busy;
	struct fs_run ahead_run;
	struct cp_waiter waiter;
	struct timer timer;
	TAILQ_ENTRY(clone) link;
};
TAILQ_HEAD(clone_queue, clone);

struct clone_table {
	struct clone_queue clones;
	uint64_t n_filled[2]; /* blocks filled per parity of generation and not yet in a CP */
	struct clone_pace pace; /* of all of them together */
	struct clone *spare; /* for the next one that begins (clone_room) */
	struct clone *noted; /* the last one that clone_tree_changed found */
};

#define CLONE_NOT_ONLINE_RETRY_NS 20000000ULL

struct clone *clone_find(struct fs_volume *vol, const struct fs_file_id *id);
/* How many blocks cloning `vdisk` may still take, indirect ones included: no more than the layers below it hold.
 * -EAGAIN, -EUCLEAN, -EIO. */
MUST_CHECK int clone_need(struct fs_run *run, const struct vdisk *vdisk, uint64_t *ret_blocks);
/* Make the clone's claim `n_blocks`, or as many as there are. */
void clone_claim(struct clone *clone, uint64_t n_blocks);
/* Lower the claim to what `n_left` blocks, still to be looked at, can need. It is never raised here. */
void clone_claim_follow(struct clone *clone, uint64_t n_left);
/* Take limit, priority and options from the attributes; they count at once. */
void clone_change(struct clone *clone, const struct vdisk_clone *attr);
/* End the clone: it is freed as soon as none of its runs is under way. `forget`: clone_find does not find it from
 * now on. */
void clone_stop(struct clone *clone, bool forget);
/* How many blocks of its work are done, compared ones included. What clients have overwritten since the last CP may
 * be missing. */
uint64_t clone_work_done(const struct clone *clone, const struct inode *container);
/* Some of the work may have been done, by the clone or by the host: speed and claim follow. */
void clone_look(struct clone *clone);
/* The clone was paused: the measuring of its speed begins anew. */
void clone_speed_restart(struct clone *clone);
/* Copy what the cloner itself keeps into the attributes: cursors and counts. */
void clone_progress_put(const struct clone *clone, struct vdisk_clone *attr);
/* Begin its next batch now, if it may, or when it may (clone_turn.c). */
void clone_schedule(struct clone *clone);
/* A clone has got on, or is gone: those that waited for it may begin. */
void clone_kick_all(struct fs_volume *vol);
/* Its run begins: the next batch of its phase (clone.c). */
void clone_run_begin(struct clone *clone);
/* Blocks it has worked on, as the limit and the shares count them. */
static inline uint64_t clone_work_of(const struct clone *clone)
{
	return clone->n_copied + clone->n_verified;
}
/* The clone must not go on: it is being stopped, or the volume is not online. */
bool clone_must_end(const struct clone *clone);

/* What the backing store has at `fbn`, looked for through all its layers. FBNs from `fbn` to *ret_end are known to
 * be in the same state. DATA: *ret_under is the layer that has the block as its own. -EAGAIN, -EUCLEAN, -EIO. */
MUST_CHECK int clone_backing_state(struct fs_run *run, struct inode *inode, uint32_t fbn, enum file_block *ret_state,
                                   uint32_t *ret_end, struct inode **ret_under);

/* The step of FILL: look at blocks from the cursor on and fill up to clone->batch_blocks of them. 0: one batch is
 * done; -EINTR: stopping; -ESTALE: the vdisk is gone; other errors. */
int clone_fill_step(struct fs_run *run);
/* Keep ahead_blocks blocks beyond the cursor on their way into the cache. */
void clone_ahead(struct clone *clone);
/* A run of clone_ahead has ended. Defined in clone.c; the clone may be freed by it. */
void clone_ahead_ended(struct clone *clone);
/* The step of VERIFY: compare up to clone->batch_blocks blocks. -EUCLEAN with clone->error_fbn set: that block
 * differs. */
int clone_verify_step(struct fs_run *run);
/* A run of clone_verify_step has ended, or never will: free what the batch holds. */
void clone_verify_drop(struct clone *clone);
/* The step of RELEASE: drop the backing store handle. */
int clone_release_step(struct fs_run *run);

#endif
