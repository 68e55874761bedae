/* SPDX-License-Identifier: Apache-2.0 */
/* The room vdisk/: LUNs as files with streams. A vdisk is a lun inode (the container), a stream_dir inode and an
 * attributes inode (§seed Fig. 8).
 *
 * FOR. Making, destroying, resizing and describing LUNs, and the small documents that are kept with a volume.
 * KEEPS. The attributes of each vdisk (authoritative, on disk) and the VTOC, a table of all vdisks that is in memory
 * while the volume is mounted.
 * HEADERS FOR OTHERS. This one; vdiskattr.h (the attributes), vtoc.h (which vdisks there are, and who needs a
 * snapshot), vdisk_apply.h (the changes and their log records, for replay too), vdisk_ops.h (for the restore of a LUN),
 * streamdir.h, docs.h. Private: vtoc_private.h.
 * FROM ABOVE. fs/dispatch.c calls the steps; clones and snapshots open vdisks. FROM BELOW. Names and directories
 * (fs/names/), admission and space (fs/cp/), the log. Content is read and written by op_read and op_write, as a file's.
 * USE. In a step: vdisk_open; look at `attr` and change it; admission with vdisk_store_pages; then vdisk_store. Always
 * vdisk_close.
 * THREADS. Home thread.
 * WRITE PATH. previous hop: fs/dispatch.c; next hops: vdisk_ops.c, vdisk_apply.h, then fs/log/nvlog.h. */
#ifndef FS_VDISK_H
#define FS_VDISK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "fs/format/fsformat.h"
#include "fs/format/vdiskformat.h"
#include "fs/fs_types.h"
#include "fs/vdisk/vdiskattr.h"

struct fs_run;
struct fs_vdisk_info;
struct fs_volume;
struct inode;
struct vtoc_entry;

#define VDISK_SIZE_MAX ((uint64_t)FBN_MAX * FS_BLOCK_SIZE)
#define VDISK_STORE_PAGES_MAX (VDISKATTR_BYTES_MAX / FS_BLOCK_SIZE)

struct vdisk {
	struct inode *container, *stream_dir, *attributes;
	struct vdisk_attr attr;
	struct vtoc_entry *entry; /* NULL in a snapshot */
};

/* Load what belongs to `container`. -EINVAL: it is no vdisk; -EAGAIN, -EUCLEAN, -EIO. Only success needs
 * vdisk_close. */
MUST_CHECK int vdisk_open(struct fs_run *run, struct inode *container, struct vdisk *ret_vdisk);
/* By its container's handle. As inode_get_id, then as vdisk_open. */
MUST_CHECK int vdisk_open_id(struct fs_run *run, const struct fs_file_id *id, struct vdisk *ret_vdisk);
/* By path, in the active file system. -ENOENT, -ENOTDIR, -EINVAL, ... */
MUST_CHECK int vdisk_open_path(struct fs_run *run, const char *path, struct vdisk *ret_vdisk);
MUST_CHECK int vdisk_open_entry(struct fs_run *run, struct vtoc_entry *entry, struct vdisk *ret_vdisk);
void vdisk_close(struct vdisk *vdisk);

/* Write `attr` to the attributes inode: pages reserved for vdisk_store_pages(attr). The VTOC record is the caller's. */
unsigned vdisk_store_pages(const struct vdisk_attr *attr);
void vdisk_store(struct vdisk *vdisk);
/* Blocks the attributes inode has more with it. */
unsigned vdisk_store_growth(const struct vdisk *vdisk);
/* The content of a new attributes inode. */
void vdisk_attr_put(struct inode *attributes, const struct vdisk_attr *attr);

/* The path by which the vdisk can be reached now. PATH_MAX bytes. -EAGAIN. */
MUST_CHECK int vdisk_path(struct fs_run *run, const struct vdisk *vdisk, char *ret_path);
/* The description of a vdisk as fs/message.h has it, without path and maps. */
void vdisk_describe(struct fs_volume *vol, const struct vdisk *vdisk, struct fs_vdisk_info *ret_info);
/* The whole description, with path and maps. -EAGAIN, -ENOMEM. */
MUST_CHECK int vdisk_info(struct fs_run *run, const struct vdisk *vdisk, struct fs_vdisk_info *ret_info);
/* Make `vdisk` the one description in the answer of the run's message. When called again, the last call counts. */
MUST_CHECK int vdisk_answer(struct fs_run *run, const struct vdisk *vdisk);

/* ---- for the rest of the file system ---- */
/* An inode with INODE_BACKED is being loaded: set inode->backing from its attributes. -EAGAIN, -EUCLEAN. */
MUST_CHECK int vdisk_load_backing(struct fs_run *run, struct inode *inode);
/* How many vdisks of the active file system need snapshot `id`; the first one's path for the message. */
unsigned vdisk_dependants(struct fs_volume *vol, uint32_t snapshot_id, char *ret_path, size_t path_size);
/* Mount: load the VTOC (rebuild by scan when missing or wrong). A run step. */
MUST_CHECK int vdisk_mount(struct fs_run *run);
void vdisk_unmount(struct fs_volume *vol);
/* After each CP: releases waiting for it. */
void vdisk_cp_done(struct fs_volume *vol);

#endif
