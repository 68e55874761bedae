/* SPDX-License-Identifier: Apache-2.0 */
/* Between clone.c (life of a clone), clone_fill.c (the walk over the blocks) and clone_ops.c (start, stop, status). */
#ifndef FS_CLONE_PRIVATE_H
#define FS_CLONE_PRIVATE_H

#include "fs/clone.h"
#include "fs/clone_pace.h"

enum clone_phase {
	CLONE_FILL, /* walking */
	CLONE_SETTLE, /* everything filled: waiting for the CP that has it */
	CLONE_RELEASE, /* dropping the backing store handle */
	CLONE_FINISH, /* waiting for the CP that has that */
	CLONE_FAILED,
};

struct clone {
	struct fs_volume *vol;
	struct fs_file_id id;
	enum clone_phase phase;
	int error; /* FAILED: why; else: why it is paused, 0: it is not */
	bool stopping; /* by stop, by destroy, by unmount */
	bool forgotten; /* nobody asks for it any more */
	bool busy; /* its run is scheduled or under way: counts as a message of the volume, as does ahead_run */
	bool cp_waiting;
	uint32_t cursor; /* FBNs below were looked at */
	uint32_t stored_cursor; /* as the attributes have it */
	uint32_t n_total;
	uint32_t n_own_below; /* own data blocks met or made below the cursor */
	uint64_t n_copied;
	uint64_t rate_bytes_s;
	uint32_t flags;
	int64_t started_ns;
	uint64_t first_ns; /* this walk began, at first_done blocks */
	uint64_t first_done;
	unsigned batch_blocks; /* of the batch under way, which began at batch_at_ns with batch_copied blocks copied */
	uint64_t batch_at_ns, batch_copied;
	struct clone_pace pace;
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
};

struct clone *clone_find(struct fs_volume *vol, const struct fs_file_id *id);
/* A clone of the vdisk begins or goes on, as its attributes say. */
MUST_CHECK int clone_begin(struct fs_volume *vol, const struct vdisk *vdisk);
/* Take it out of the way as soon as nothing of it is under way. */
void clone_stop(struct clone *clone, bool forget);
/* Blocks looked at, or the LUN's own. */
uint64_t clone_done_blocks(const struct clone *clone, const struct inode *container);

/* The step of a batch: examine and fill up to clone->batch_blocks blocks. 0: one batch done; -EINTR: stopping; -ESTALE, errors. */
int clone_fill_step(struct fs_run *run);
/* What the backing store has at `fbn`, through all its layers; until where that is known; which of them has it (when not a hole). */
MUST_CHECK int clone_backing_state(struct fs_run *run, struct inode *inode, uint32_t fbn, enum file_block *ret_state, uint32_t *ret_end,
                                   struct inode **ret_under);
/* Keep ahead_blocks blocks beyond the cursor on their way into memory. */
void clone_ahead(struct clone *clone);
/* A run of it has ended (clone.c; the clone may be gone afterwards). */
void clone_ahead_ended(struct clone *clone);
/* The step that drops the backing store handle. */
int clone_release_step(struct fs_run *run);

#endif
