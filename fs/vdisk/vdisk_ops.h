/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of the vdisk operations that the restore of a LUN is made of too (fs/clone/lun_restore.c). */
#ifndef FS_VDISK_OPS_H
#define FS_VDISK_OPS_H

#include "base/error.h"

struct fs_message;
struct fs_run;
struct inode;
struct vdisk_attr;
struct vdisk_create;

#define VDISK_CREATE_BLOCKS                                                                                            \
	48U /* inodes, streams, name and VTOC record of a LUN, and what a change of them drags
                                 * along */

/* The message names a vdisk by a path inside the volume. -EINVAL, -ENAMETOOLONG with error_text. */
MUST_CHECK int vdisk_path_check(struct fs_message *msg);
/* Why a path given by the administrator does not lead to a LUN, as error_text; returns `err`. */
int vdisk_path_failed(struct fs_message *msg, int err);
/* The vdisk or file that `path` in a snapshot leads to, as the backing of a new one: its handle in attr->backing, and
 * its inode. */
MUST_CHECK int vdisk_backing_find(struct fs_run *run, const char *path, struct vdisk_attr *attr,
                                  struct inode **ret_inode);
/* Where the new vdisk's name goes; the name must be free. error_text. */
MUST_CHECK int vdisk_place_find(struct fs_run *run, struct vdisk_create *create, struct vdisk_attr *attr);
/* Answering for a vdisk that the step is about to make, in two calls. vdisk_answer_room gets the memory for the
 * description, before anything is changed (-ENOMEM). vdisk_answer_new fills it in after the change, and cannot fail;
 * vdisk->attr may be the caller's, and in.path is the path. */
MUST_CHECK int vdisk_answer_room(struct fs_message *msg);
void vdisk_answer_new(struct fs_message *msg, const struct vdisk *vdisk);

#endif
