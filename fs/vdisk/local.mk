# SPDX-License-Identifier: Apache-2.0
libvcfs_a_SOURCES += \
	fs/vdisk/docs.c fs/vdisk/docs.h fs/vdisk/streamdir.c fs/vdisk/streamdir.h fs/vdisk/vdisk.c fs/vdisk/vdisk.h \
	fs/vdisk/vdisk_apply.c fs/vdisk/vdisk_apply.h fs/vdisk/vdisk_list.c fs/vdisk/vdisk_ops.c fs/vdisk/vdisk_ops.h fs/vdisk/vdiskattr.c \
	fs/vdisk/vdiskattr.h fs/vdisk/vtoc.c fs/vdisk/vtoc.h fs/vdisk/vtoc_holds.c fs/vdisk/vtoc_private.h \
	fs/vdisk/vtoc_verify.c
