/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots: kept copies of the inode file's inode.
 *
 * THEORY. Creating one copies nothing: at a CP the inode of the inode file goes into the snapshot table, and from then on no active bit of a
 * region is cleared before the region of the summary map has taken in ("folded") what the newest snapshot holds. Blocks a snapshot holds are
 * contiguous in age: what is in a snapshot and in neither neighbour is its alone, and deletion is a pass over bitmaps (snapshot_delete.c).
 * Creation, deletion and renaming are never logged: they are answered when the fsinfo that has them is durable. */
#ifndef FS_SNAPSHOT_H
#define FS_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct fs_message;
struct fs_run;
struct fs_volume;
struct inode;
struct snapshot_request;
struct vbn_vector;

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
/* ---- the CP's ---- */
void snapshot_cp_open(struct fs_volume *vol);
MUST_CHECK int snapshot_cp_step(struct fs_run *run);
void snapshot_cp_encode(struct fs_volume *vol);
void snapshot_cp_committed(struct fs_volume *vol);
/* Who waited has been told: those that nothing needs any more may go. */
void snapshot_cp_served(struct fs_volume *vol);
/* There will be no CP any more: everybody who waits for one is told. */
void snapshot_cp_failed(struct fs_volume *vol, int err);
/* The deletion pass: one slice (snapshot_delete.c). */
MUST_CHECK int snapshot_delete_step(struct fs_run *run);

#endif
