# SPDX-License-Identifier: Apache-2.0
libvcfs_a_SOURCES += \
	fs/check/check.c fs/check/check.h fs/check/check_dir.c fs/check/check_fix.c fs/check/check_fix.h \
	fs/check/check_inode.c fs/check/check_link.c fs/check/check_log.c fs/check/check_map.c fs/check/check_name.c \
	fs/check/check_offline.c fs/check/check_offline.h fs/check/check_online.c fs/check/check_parity.c \
	fs/check/check_private.h fs/check/check_reach.c fs/check/check_report.c fs/check/check_snapshot.c \
	fs/check/check_vdisk.c fs/check/check_walk.c fs/check/repair.c fs/check/repair.h fs/check/repair_name.c
