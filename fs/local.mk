noinst_LIBRARIES += libvcfs.a
libvcfs_a_SOURCES = \
	fs/message.h fs/volume.h fs/core.h fs/fsformat.h fs/latency.h \
	fs/admit.c fs/admit.h fs/alloc.c fs/alloc.h \
	fs/ancestry.c fs/ancestry.h \
	fs/autodelete.c fs/autodelete.h \
	fs/cache.c fs/cache.h fs/cache_private.h fs/cache_read.c \
	fs/callformat.h fs/calls.c fs/calls.h fs/calls_door.c fs/calls_save.c \
	fs/cp.c fs/cp.h fs/cp_ask.c fs/cp_ask.h fs/cp_files.c fs/cp_place.c fs/cp_tree.c fs/cp_write.c \
	fs/extents.c fs/file.c fs/file.h fs/file_apply.c fs/file_apply.h fs/file_ops.c \
	fs/file_restore.c fs/file_restore.h fs/file_restore_fill.c fs/file_restore_ops.c fs/file_restore_private.h \
	fs/fsinfo.c fs/fsinfo.h \
	fs/hostfull.c fs/hostfull.h \
	fs/inode.c fs/inode.h fs/inode_table.h \
	fs/maps.c fs/maps.h \
	fs/dispatch.c fs/latency.c fs/message.c fs/message_run.c fs/message_run.h fs/operations.h \
	fs/page_batch.c fs/page_batch.h \
	fs/nvlog.h fs/nvlog_group.c fs/nvlog_group.h \
	fs/range.c fs/range.h \
	fs/restore.c fs/restore.h fs/restore_kept.c fs/restore_kept.h fs/restore_prepare.c \
	fs/run.c fs/run.h \
	fs/snapshot.c fs/snapshot.h fs/snapshot_delete.c fs/snapshot_ops.c fs/snapshot_space.c fs/snapshot_table.c fs/snapshot_table.h \
	fs/space.c fs/space.h fs/space_count.c fs/space_level.c \
	fs/tree.c fs/tree.h \
	fs/vbnset.c fs/vbnset.h \
	fs/volume.c fs/volume_format.c fs/volume_hooks.c fs/volume_ops.c fs/volume_private.h fs/volume_table.c \
	fs/zombie.c fs/zombie.h
include fs/dir.mk
include fs/vdisk.mk
include fs/check.mk
