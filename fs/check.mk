libvcfs_a_SOURCES += \
	fs/check.c fs/check.h fs/check_private.h fs/check_report.c fs/check_result.c fs/check_result.h fs/check_walk.c fs/check_map.c fs/check_reach.c fs/check_snapshot.c \
	fs/check_inode.c fs/check_dir.c fs/check_link.c fs/check_vdisk.c fs/check_parity.c fs/check_log.c fs/check_name.c \
	fs/check_fix.c fs/check_fix.h fs/check_online.c fs/check_offline.c fs/check_offline.h \
	fs/repair.c fs/repair.h fs/repair_name.c
