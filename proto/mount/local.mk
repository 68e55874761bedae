# MOUNT version 3
libvcnfs_a_SOURCES += \
	proto/mount/mount.h \
	proto/mount/mount_list.c proto/mount/mount_list.h \
	proto/mount/mount_proc.c
EXTRA_DIST += proto/mount/mount3.x
