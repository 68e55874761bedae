# SPDX-License-Identifier: Apache-2.0
libvcfs_a_SOURCES += \
	fs/snapshot/autodelete.c fs/snapshot/autodelete.h fs/snapshot/file_restore.c fs/snapshot/file_restore.h \
	fs/snapshot/file_restore_fill.c fs/snapshot/file_restore_ops.c fs/snapshot/file_restore_private.h \
	fs/snapshot/restore.c fs/snapshot/restore.h fs/snapshot/restore_kept.c fs/snapshot/restore_kept.h \
	fs/snapshot/restore_prepare.c fs/snapshot/snapshot.c fs/snapshot/snapshot.h fs/snapshot/snapshot_delete.c \
	fs/snapshot/snapshot_ops.c fs/snapshot/snapshot_space.c
