/* SPDX-License-Identifier: Apache-2.0 */
/* The room clone/: lun clone, the background separation of a backed vdisk from its snapshot (§seed Figs. 10, 11).
 *
 * FOR. Every hole of the vdisk over a block of its backing store is filled; then the backing store is dropped, and its
 * snapshot may be deleted.
 * KEEPS. One struct clone for each clone that runs or has failed, and the pace that all clones of a volume share. What
 * must outlive a restart is in the vdisk's attributes: state, cursors, counts, options.
 * HEADERS FOR OTHERS. This one, and clone_apply.h (start, stop and change as log records, for replay). Private:
 * clone_private.h, clone_pace.h, clone_load.h, clone_share.h, clone_speed.h.
 * FROM ABOVE. fs/dispatch.c calls the steps (clone_ops.c, lun_restore.c); mount and unmount; the CP tells what it has
 * changed. FROM BELOW. Blocks and cache (fs/file/), attributes and VTOC (fs/vdisk/), claims and waiting (fs/cp/space.h,
 * cp_wait.h).
 * THREADS. Home thread.
 * WRITE PATH. previous hop: fs/dispatch.c; next hops: clone_ops.c, clone.c (its phases), clone_fill.c; then
 * fs/cp/cp.h. */
#ifndef FS_CLONE_H
#define FS_CLONE_H

#include <stdint.h>

#include "base/error.h"
#include "fs/core/file_block.h"

struct fs_clone_info;
struct fs_run;
struct fs_volume;
struct inode;
struct inode_backing;
struct vdisk;

/* At mount, after vdisk_mount: go on with the clones that were running. A step. -EAGAIN, -EIO, -ENOMEM. A clone that
 * cannot be resumed for another reason is logged, and the mount goes on. */
MUST_CHECK int clone_mount(struct fs_run *run);
/* At unmount, after the last message has ended: all clones are freed. One that waits for a CP is freed by that CP. */
void clone_unmount(struct fs_volume *vol);
/* After every CP: clones that waited for room go on, and figures follow. */
void clone_cp_done(struct fs_volume *vol);
/* The vdisk is being destroyed in this step. */
void clone_forget(struct fs_volume *vol, const struct inode *container);
/* The running CP has changed blocks [fbn, fbn + n) of a vdisk's tree from one state to the other. Not called for
 * what a clone has copied. */
void clone_tree_changed(const struct inode *inode, uint32_t fbn, uint64_t n, enum file_block from, enum file_block to);
/* Have memory for one more clone, before anything is changed. -ENOMEM. */
MUST_CHECK int clone_room(struct fs_volume *vol);
/* A clone of the vdisk begins or goes on, as its attributes say. After clone_room, in the same step. `need`: from
 * clone_need, or from clone_need_of its backing. */
void clone_begin(struct fs_volume *vol, const struct vdisk *vdisk, uint64_t need);
/* How many blocks cloning a vdisk with this backing may take, from its first block on. -EAGAIN, -EUCLEAN, -EIO. */
MUST_CHECK int clone_need_of(struct fs_run *run, const struct inode_backing *backing, uint64_t *ret_blocks);
/* The clone part of a vdisk's description. */
void clone_info(struct fs_volume *vol, const struct vdisk *vdisk, struct fs_clone_info *ret_info);

#endif
