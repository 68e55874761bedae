libvcfs_a_SOURCES += \
	fs/check.c fs/check.h fs/check_private.h fs/check_report.c fs/check_walk.c fs/check_map.c fs/check_snapshot.c \
	fs/check_inode.c fs/check_dir.c fs/check_link.c fs/check_vdisk.c fs/check_parity.c
