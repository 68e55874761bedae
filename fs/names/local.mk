# SPDX-License-Identifier: Apache-2.0
libvcfs_a_SOURCES += \
	fs/names/ancestry.c fs/names/ancestry.h fs/names/namespace_attr.c fs/names/dir.c fs/names/dir.h fs/names/dir_block.c \
	fs/names/dir_check.c fs/names/dir_free.c fs/names/dir_index.c fs/names/dir_private.h fs/names/extents.c \
	fs/names/file_apply.c fs/names/file_apply.h fs/names/file_ops.c fs/names/namespace_lookup.c fs/names/namespace.h \
	fs/names/namespace_apply.c fs/names/namespace_apply.h fs/names/namespace_ops.c fs/names/namespace_replay.c \
	fs/names/path.c fs/names/path.h fs/names/pathwalk.c fs/names/pathwalk.h fs/names/snapdir.c
