/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: kept copies of the inode file's inode.
 *
 * THEORY. Creating one copies nothing: at a CP the inode of the inode file goes into the snapshot table, and from then on no active bit of a
 * region is cleared before the region of the summary map has taken in ("folded") what the newest snapshot holds. Blocks a snapshot holds are
 * contiguous in age: what is in a snapshot and in neither neighbour is its alone, and deletion is a pass over bitmaps (snapshot_delete.c).
 * Creation, deletion and renaming are never logged: they are answered when the fsinfo that has them is durable. */
#ifndef FS_SNAPSHOT_H
#define FS_SNAPSHOT_H

#include "fs/cp.h"

#define SNAPSHOT_SLOTS 256U

/* The file system's own snapshots have names that begin so: no client sees or names them, and they do not outlive the mount. */
#define SNAPSHOT_OWN_MARK '@'

/* A change waiting for the CP that makes it durable. */
struct snapshot_request {
	void (*done)(struct snapshot_request *request, int err); /* the request is dead after it, unless it is its owner's */
	struct fs_message *msg; /* NULL: the file system's own */
	struct snapshot *created; /* creation: enters the table at the commit */
	TAILQ_ENTRY(snapshot_request) link;
};
TAILQ_HEAD(snapshot_request_queue, snapshot_request);

/* How far the counting of one snapshot's sums is. */
struct snapshot_count {
	uint32_t id; /* 0: nothing is being counted */
	uint32_t older, newer;
	uint64_t region;
	uint64_t n_only, n_since; /* blocks */
	uint64_t mark, started_ns;
};

struct snapshot_table {
	struct snapshot *byage[SNAPSHOTS_MAX + 1U]; /* oldest first; those being deleted too */
	unsigned n;
	uint32_t next_id;
	int64_t changed_ns; /* what clients list of it is as it was then, or at the mount; no time comes twice */
	struct snapshot_request_queue asked, taken; /* taken: the running CP carries them */
	bool slot_used[SNAPSHOT_SLOTS];
	bool slot_dirty[SNAPSHOT_SLOTS]; /* records the running (or, when none runs, the next) CP writes */
	bool slot_dirty_next[SNAPSHOT_SLOTS]; /* changed while a CP runs */
	/* deletion (durable in fsinfo): the snapshot being reclaimed and the regions done */
	uint32_t delete_id, delete_region;
	struct vbn_vector held; /* blocks of its own map tree, in order: freed last, all in one CP */
	bool held_known, delete_finished;
	unsigned delete_budget; /* regions the running CP may still do */
	size_t held_done;
	struct snapshot_count count; /* the sums being counted (snapshot_space.c) */
	bool barred; /* a restore is being made ready: no snapshot may be taken */
	/* the pass before a restore: every region is folded, and its summary block written anew (fs/restore_prepare.c) */
	struct {
		bool wanted, running, done; /* running: in the CP under way; done: durable, and true until the next snapshot */
		uint32_t region;
		unsigned budget;
	} fold;
	bool passes_held; /* somebody reads the older snapshots' maps: nothing of them may go */
};

MUST_CHECK int snapshot_table_init(struct fs_volume *vol);
void snapshot_table_fini(struct fs_volume *vol);
/* Read the records (a step, at mount). */
MUST_CHECK int snapshot_table_load(struct fs_run *run);
/* The inode file of a snapshot (0: the active one), of one being deleted too. -ESTALE: no such snapshot. */
MUST_CHECK int snapshot_inode_file(struct fs_run *run, uint32_t snapshot, struct inode **ret_file);
/* Those being deleted too. NULL: none. */
struct snapshot *snapshot_by_id(const struct fs_volume *vol, uint32_t id);
uint32_t snapshot_newest_id(const struct fs_volume *vol);
/* The newest one that counts in a region: one whose reclaiming has passed it is absent there. 0: none. */
uint32_t snapshot_newest_in(const struct fs_volume *vol, uint32_t region);
/* The record of a slot is to be written. */
void snapshot_slot_changed(struct fs_volume *vol, unsigned slot);
/* Something only a CP can do. */
bool snapshot_work_pending(const struct fs_volume *vol);

static inline bool snapshot_is_own(const struct snapshot *snapshot)
{
	return snapshot->info.name[0] == SNAPSHOT_OWN_MARK;
}
/* One that clients see was asked for and its CP has not begun / has begun. */
bool snapshot_creation_asked(const struct fs_volume *vol);
bool snapshot_creation_taken(const struct fs_volume *vol);
/* A restore is being made ready, or what it superseded is not reclaimed yet (RS2 in fs/restore.h). */
bool snapshot_creation_is_barred(const struct fs_volume *vol);
/* How many there are for a client. */
unsigned snapshot_count(const struct fs_volume *vol);
/* Those whose message gives up are answered with -FS_EJUKEBOX. */
void snapshot_give_up(struct fs_volume *vol, bool (*gives_up)(const struct fs_message *msg));
/* Make one of the file system's own: `request` is the caller's and untouched by it until its `done` has been called, at the end of the CP
 * that carries it; request->created is in the table then. -EBUSY: the last one of that name is not gone yet, or none may be taken; -ENOMEM. */
MUST_CHECK int snapshot_create_own(struct fs_volume *vol, const char *name, struct snapshot_request *request);
/* Let it go; in the background like any other. */
void snapshot_delete_own(struct fs_volume *vol, uint32_t id);
/* It is to be deleted when nothing depends on it any more: durable with the CP that has what this step changes. */
void snapshot_delete_when_free(struct fs_volume *vol, uint32_t id);
/* Begin the deletion of those for which that has come: after a CP, and at mount. */
void snapshot_delete_freed(struct fs_volume *vol);
/* Keep all deletion passes where they are / let them go on. One holder at a time; outside of a CP, or in a request's `done`. */
void snapshot_passes_hold(struct fs_volume *vol);
void snapshot_passes_release(struct fs_volume *vol);
/* All blocks of a tree of `n_blocks` FBNs, indirect ones too, added to `vbns`; what was added before -EAGAIN counts for nothing. */
MUST_CHECK int snapshot_tree_collect(struct fs_run *run, struct inode *inode, uint32_t n_blocks, struct vbn_vector *vbns);
/* Blocks of a snapshot's own map tree, into table->held (snapshot_delete.c). -EAGAIN. */
MUST_CHECK int snapshot_held_collect(struct fs_run *run, uint32_t id);
/* Those in a region, in order. */
const uint32_t *snapshot_held_in(const struct fs_volume *vol, uint32_t region, size_t *ret_n);
/* The block leaves the active map, and a deletion that has passed its region still reads it: it must go to the summary map. */
bool snapshot_holds_back(const struct fs_volume *vol, uint32_t vbn);

/* ---- the CP's ---- */
void snapshot_cp_open(struct fs_volume *vol);
MUST_CHECK int snapshot_cp_step(struct fs_run *run);
void snapshot_cp_encode(struct fs_volume *vol);
void snapshot_cp_committed(struct fs_volume *vol);
/* There will be no CP any more: everybody who waits for one is told. */
void snapshot_cp_failed(struct fs_volume *vol, int err);
/* The deletion pass: one slice (snapshot_delete.c). */
MUST_CHECK int snapshot_delete_step(struct fs_run *run);

#endif
