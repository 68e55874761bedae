/* SPDX-License-Identifier: Apache-2.0 */
/* The room snapshot/: snapshots, and going back to one. This door makes and reclaims them.
 *
 * FOR. Creating, deleting, renaming, counting; deleting when space runs short; putting a volume or one file back to a
 * snapshot.
 * KEEPS. The work under way: requests that wait for their CP, the deletion pass, restores. The list of snapshots is
 * fs/file/snapshot_table.h, a room lower, because everybody reads it.
 * HEADERS FOR OTHERS. This one; restore.h (a volume put back), file_restore.h (a file put back), autodelete.h. Private:
 * restore_kept.h, file_restore_private.h.
 * FROM ABOVE. fs/dispatch.c calls the steps; a mount calls restore.h; the check makes a snapshot of its own. FROM
 * BELOW. The CP, in which all of it happens (struct cp_client of fs/cp/cp.h), maps, vdisks, names.
 * THEORY. Creating a snapshot copies nothing: at a CP the inode of the inode file goes into the snapshot table. From
 * then on no active bit of a region is cleared before the region's summary block has taken in ("folded") what the
 * newest snapshot holds. The blocks of a snapshot are contiguous in age: a block that is in a snapshot and in neither
 * neighbour belongs to that snapshot alone. So deletion is a pass over bitmaps (snapshot_delete.c).
 * Example: of S1, S2, S3 only S2 has block 7. Deleting S2 frees it. If S1 had it too, it would stay. S1 and S3 without
 * S2 is impossible.
 * Creation, deletion and renaming are not logged. They are answered when the fsinfo that has them is durable.
 * THREADS. Home thread.
 * WRITE PATH. previous hop: fs/dispatch.c (snapshot_ops.c); next hop: fs/cp/cp.h, by fs/volume_hooks.c. */
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

/* Requests whose message gives up (`gives_up` says so) are answered with -FS_EJUKEBOX. */
void snapshot_give_up(struct fs_volume *vol, bool (*gives_up)(const struct fs_message *msg));
/* Make a snapshot of the file system's own. `request` is the caller's, and must not be touched until its `done` is
 * called, at the end of the CP that has the snapshot. Then request->created is in the table. -EBUSY: the last
 * snapshot of that name is not gone yet, or none may be taken now; -ENOMEM. */
MUST_CHECK int snapshot_create_own(struct fs_volume *vol, const char *name, struct snapshot_request *request);
/* Delete a snapshot of the file system's own; its blocks are reclaimed in the background, as any other's. */
void snapshot_delete_own(struct fs_volume *vol, uint32_t id);
/* It is to be deleted when nothing depends on it any more. The wish is durable with the CP that has what this step
 * changes. */
void snapshot_delete_when_free(struct fs_volume *vol, uint32_t id);
/* Begin to delete the snapshots that are to go with their last dependant, and have none any more. After a CP, and at
 * mount. */
void snapshot_delete_freed(struct fs_volume *vol);
/* Keep all deletion passes where they are (_hold); let them go on (_release). One holder at a time. To be called
 * outside of a CP, or in a request's `done`. */
void snapshot_passes_hold(struct fs_volume *vol);
void snapshot_passes_release(struct fs_volume *vol);
/* Add all blocks of a tree of `n_blocks` FBNs to `vbns`, indirect ones too. After -EAGAIN the content of `vbns` is
 * worthless. */
MUST_CHECK int snapshot_tree_collect(struct fs_run *run, struct inode *inode, uint32_t n_blocks,
                                     struct vbn_vector *vbns);
/* Collect the blocks of a snapshot's own active map into table->deletion.held (snapshot_delete.c). -EAGAIN. */
MUST_CHECK int snapshot_held_collect(struct fs_run *run, uint32_t id);
/* ---- the CP's ---- */
void snapshot_cp_open(struct fs_volume *vol);
MUST_CHECK int snapshot_cp_step(struct fs_run *run);
void snapshot_cp_encode(struct fs_volume *vol);
void snapshot_cp_committed(struct fs_volume *vol);
/* After the waiters of the CP were told: snapshots that nothing needs any more may go. */
void snapshot_cp_served(struct fs_volume *vol);
/* There will be no CP any more: every request that waits for one is answered with `err`. */
void snapshot_cp_failed(struct fs_volume *vol, int err);
/* The deletion pass: one slice (snapshot_delete.c). */
MUST_CHECK int snapshot_delete_step(struct fs_run *run);

#endif
