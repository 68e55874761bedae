/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshots of a volume, as everybody sees them: by name, by id, by age, and which one counts in a region of the
 * maps. fs/snapshot/snapshot.h makes and reclaims them. */
#ifndef FS_SNAPSHOT_TABLE_H
#define FS_SNAPSHOT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "fs/core/vbn_set.h"
#include "fs/format/fsformat.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"

struct fs_message;
struct fs_run;
struct fs_volume;
struct inode;

#define SNAPSHOT_RECORDS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(struct snapshot_disk))
#define SNAPSHOT_SLOTS 256U

/* The file system's own snapshots have names that begin so: no client sees or names them, and they do not outlive the
 * mount. */
#define SNAPSHOT_OWN_MARK '@'

struct snapshot_sums {
	uint32_t older, newer; /* ids of the neighbours they were counted against (0: none, the active file system) */
	uint64_t mark; /* the state of the active file system they were counted against; 0: of no single one */
	uint64_t again_ns; /* not to be counted again before, only because the active file system has changed */
};
struct snapshot {
	struct fs_snapshot_info info;
	struct snapshot_sums sums; /* info.summed */
	uint64_t cp_generation;
	struct inode_disk inode_file;
	unsigned slot;
	bool deleting, delete_durable;
	bool superseded; /* newer than what the volume was put back to: deleting, and until it is gone no snapshot is
	                  * taken */
};

/* A change waiting for the CP that makes it durable. */
struct snapshot_request {
	/* the request is dead after it, unless it is its owner's */
	void (*done)(struct snapshot_request *request, int err);
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

/* Reclaiming the blocks of a deleted snapshot (fs/snapshot/snapshot_delete.c). */
enum deletion_stage {
	DELETION_NONE,
	DELETION_PICKED, /* which snapshot is known: also what a mount finds in fsinfo */
	DELETION_PASS, /* the blocks of its own map are known: region after region */
	DELETION_FINISHED, /* all of it is in the running CP: the record goes with that */
};
struct snapshot_deletion {
	enum deletion_stage stage;
	uint32_t id, region; /* durable in fsinfo: the snapshot, 0: none; the regions below are done */
	struct vbn_vector held; /* blocks of its own map tree, in order: freed last, all in one CP */
	size_t held_done;
	unsigned budget; /* regions the running CP may still do */
};
void snapshot_deletion_set(struct snapshot_deletion *deletion, enum deletion_stage stage);

/* The pass before a restore: every region is folded, and its summary block written anew
 * (fs/snapshot/restore_prepare.c). */
enum fold_stage {
	FOLD_NONE,
	FOLD_WANTED, /* by the next CP */
	FOLD_RUNNING, /* in the CP under way */
	FOLD_DONE, /* durable, and true until the next snapshot */
};
struct snapshot_fold {
	enum fold_stage stage;
	uint32_t region;
	unsigned budget;
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
	struct snapshot_deletion deletion;
	struct snapshot_count count; /* the sums being counted (snapshot_space.c) */
	bool barred; /* a restore is being made ready: no snapshot may be taken */
	struct snapshot_fold fold;
	bool passes_held; /* somebody reads the older snapshots' maps: nothing of them may go */
};

MUST_CHECK int snapshot_table_init(struct fs_volume *vol);
void snapshot_table_fini(struct fs_volume *vol);
/* Read the records (a step, at mount). */
MUST_CHECK int snapshot_table_load(struct fs_run *run);

/* ---- finding ---- */
/* NULL: none (or being deleted) */
const struct snapshot *snapshot_find(const struct fs_volume *vol, const char *name, size_t name_len);
const struct snapshot *snapshot_find_id(const struct fs_volume *vol, uint32_t id);
/* by age, NULL starts */
const struct snapshot *snapshot_next(const struct fs_volume *vol, const struct snapshot *after);
/* when what clients list of them last changed; no time comes twice */
int64_t snapshot_changed_ns(const struct fs_volume *vol);
/* The inode file of a snapshot (0: the active one), of one being deleted too. -ESTALE: no such snapshot. */
MUST_CHECK int snapshot_inode_file(struct fs_run *run, uint32_t snapshot, struct inode **ret_file);
/* Those being deleted too. NULL: none. */
struct snapshot *snapshot_by_id(const struct fs_volume *vol, uint32_t id);
uint32_t snapshot_newest_id(const struct fs_volume *vol);
/* The newest snapshot that counts in a region; 0: none. A snapshot whose reclaiming has passed the region is absent
 * there. */
uint32_t snapshot_newest_in(const struct fs_volume *vol, uint32_t region);
/* The record of a slot is to be written. */
void snapshot_slot_changed(struct fs_volume *vol, unsigned slot);
/* True when there is work that only a CP can do. */
bool snapshot_work_pending(const struct fs_volume *vol);

static inline bool snapshot_is_own(const struct snapshot *snapshot)
{
	return snapshot->info.name[0] == SNAPSHOT_OWN_MARK;
}
/* A snapshot that clients see was asked for, and its CP has not begun (_asked); has begun (_taken). */
bool snapshot_creation_asked(const struct fs_volume *vol);
bool snapshot_creation_taken(const struct fs_volume *vol);
/* A restore is being made ready, or what it superseded is not reclaimed yet (RS2 in fs/snapshot/restore.h). */
bool snapshot_creation_is_barred(const struct fs_volume *vol);
/* How many snapshots clients see. */
unsigned snapshot_count(const struct fs_volume *vol);
/* Those in a region, in order. */
const uint32_t *snapshot_held_in(const struct fs_volume *vol, uint32_t region, size_t *ret_n);
/* True for a block that leaves the active map while a deletion that has passed its region still reads it: the block
 * must go to the summary map. */
bool snapshot_holds_back(const struct fs_volume *vol, uint32_t vbn);

/* ---- for those who change it ---- */
void snapshot_record_encode(const struct snapshot *snapshot, struct snapshot_disk *ret_disk);
void snapshot_table_insert(struct snapshot_table *table, struct snapshot *snapshot);
void snapshot_table_remove(struct snapshot_table *table, const struct snapshot *snapshot); /* does not free it */
/* What clients list has changed. */
void snapshot_listing_changed(struct fs_volume *vol);

#endif
