# SPDX-License-Identifier: Apache-2.0
# The file system: its door here, its rooms from the bottom to the top.
noinst_LIBRARIES += libvcfs.a
libvcfs_a_SOURCES = \
	fs/dispatch.c fs/fs_call.h fs/fs_info.h fs/fs_types.h fs/message.h fs/raid_ops.c fs/volume.h \
	fs/volume_hooks.c \
	fs/volume_ops.c
include fs/core/local.mk
include fs/format/local.mk
include fs/file/local.mk
include fs/log/local.mk
include fs/cp/local.mk
include fs/names/local.mk
include fs/vdisk/local.mk
include fs/snapshot/local.mk
include fs/clone/local.mk
include fs/scrub/local.mk
include fs/volume/local.mk
include fs/check/local.mk
