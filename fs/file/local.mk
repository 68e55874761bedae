# SPDX-License-Identifier: Apache-2.0
libvcfs_a_SOURCES += \
	fs/file/cache.c fs/file/cache.h fs/file/cache_cp.h fs/file/cache_private.h fs/file/cache_read.c \
	fs/file/message_completion.c fs/file/message_completion.h fs/file/file.c fs/file/file.h fs/file/inode.c fs/file/inode.h fs/file/inode_number.c fs/file/inode_number.h \
	fs/file/inode_table.h fs/file/page_batch.c fs/file/page_batch.h fs/file/perm.c fs/file/perm.h fs/file/range.c \
	fs/file/range.h fs/file/run.c fs/file/run.h fs/file/snapshot_table.c fs/file/snapshot_table.h fs/file/tree.c \
	fs/file/tree.h
