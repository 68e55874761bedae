/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: kept copies of the inode file's inode.
 *
 * THEORY. Creating one copies nothing: at a CP the inode of the inode file goes into the snapshot table, and from then on no active bit of a
 * region is cleared before the region of the summary map has taken in ("folded") what the newest snapshot holds. Blocks a snapshot holds are
 * contiguous in age: what is in a snapshot and in neither neighbour is its alone, and deletion is a pass over bitmaps (fs/snapshot_delete.c). */
#ifndef FS_SNAPSHOT_H
#define FS_SNAPSHOT_H

#include "fs/core.h"

struct snapshot_table {
	struct snapshot *byage[SNAPSHOTS_MAX + 1U]; /* oldest first; being deleted ones too */
	unsigned n;
	uint32_t next_id;
	struct snapshot_pending { struct fs_message *msg; struct snapshot *snapshot; struct snapshot_pending *next; } *pending; /* creations, deletions, renames answered at a CP */
};

MUST_CHECK int snapshot_table_init(struct fs_volume *vol);
void snapshot_table_fini(struct fs_volume *vol);
/* Read the records (a step). */
MUST_CHECK int snapshot_table_load(struct fs_run *run);
/* The inode file of a snapshot (0: the active one). -ESTALE: no such snapshot. */
MUST_CHECK int snapshot_inode_file(struct fs_run *run, uint32_t snapshot, struct inode **ret_file);
uint32_t snapshot_newest_id(const struct fs_volume *vol);

#endif
