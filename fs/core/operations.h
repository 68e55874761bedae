/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of messages, as steps of a run (fs/file/run.h). What each does: fs/message.h. What a step returns:
 * fs/file/message_completion.h. */
#ifndef FS_OPERATIONS_H
#define FS_OPERATIONS_H

struct fs_run;

/* file_ops.c */
int op_extents(struct fs_run *run); /* extents.c */
int op_read(struct fs_run *run), op_write(struct fs_run *run), op_commit(struct fs_run *run),
    op_zero(struct fs_run *run);
/* namespace_ops.c, namespace_attr.c, namespace_lookup.c */
int op_getattr(struct fs_run *run), op_setattr(struct fs_run *run), op_lookup(struct fs_run *run),
    op_access(struct fs_run *run), op_readlink(struct fs_run *run), op_create(struct fs_run *run),
    op_mkdir(struct fs_run *run), op_symlink(struct fs_run *run), op_mknod(struct fs_run *run),
    op_remove(struct fs_run *run), op_rmdir(struct fs_run *run), op_rename(struct fs_run *run),
    op_link(struct fs_run *run), op_readdir(struct fs_run *run), op_fsstat(struct fs_run *run),
    op_resolve(struct fs_run *run), op_path_of(struct fs_run *run);
/* file_restore_ops.c */
int op_file_restore(struct fs_run *run), op_file_restore_status(struct fs_run *run),
    op_file_restore_cancel(struct fs_run *run);
/* vdisk_ops.c, clone_ops.c, docs.c */
int op_vdisk_restore(struct fs_run *run); /* lun_restore.c */
int op_vdisk_create(struct fs_run *run), op_vdisk_destroy(struct fs_run *run), op_vdisk_resize(struct fs_run *run),
    op_vdisk_set(struct fs_run *run), op_vdisk_get(struct fs_run *run), op_vdisk_list(struct fs_run *run),
    op_clone_start(struct fs_run *run), op_clone_stop(struct fs_run *run), op_clone_modify(struct fs_run *run),
    op_clone_status(struct fs_run *run), op_doc_put(struct fs_run *run), op_doc_get(struct fs_run *run),
    op_doc_delete(struct fs_run *run), op_doc_list(struct fs_run *run);
/* scrub_ops.c */
int op_scrub_start(struct fs_run *run), op_scrub_stop(struct fs_run *run), op_scrub_modify(struct fs_run *run),
    op_scrub_status(struct fs_run *run);
/* raid_ops.c */
int op_raid_status(struct fs_run *run), op_raid_replace(struct fs_run *run), op_raid_fail(struct fs_run *run),
    op_raid_modify(struct fs_run *run), op_raid_online(struct fs_run *run), op_raid_add_disk(struct fs_run *run),
    op_raid_convert(struct fs_run *run), op_raid_add_group(struct fs_run *run);
/* snapshot_ops.c, volume_ops.c, check_online.c */
int op_snapshot_create(struct fs_run *run), op_snapshot_delete(struct fs_run *run),
    op_snapshot_rename(struct fs_run *run), op_snapshot_list(struct fs_run *run), op_snapshot_space(struct fs_run *run),
    op_snapshot_restore(struct fs_run *run), op_autodelete_set(struct fs_run *run), op_volume_stat(struct fs_run *run),
    op_sync(struct fs_run *run), op_check(struct fs_run *run), op_check_rate(struct fs_run *run),
    op_check_cancel(struct fs_run *run);

#endif
