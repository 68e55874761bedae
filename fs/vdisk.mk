libvcfs_a_SOURCES += \
	fs/nvlog.c fs/nvlog_replay.c fs/nvlogformat.h fs/recordformat.h \
	fs/docs.c fs/docs.h \
	fs/streamdir.c fs/streamdir.h fs/streamformat.h \
	fs/vdiskattr.c fs/vdiskattr.h fs/vdiskformat.h \
	fs/vtoc.c fs/vtoc.h fs/vtocformat.h fs/vtoc_holds.c fs/vtoc_private.h fs/vtoc_verify.c \
	fs/vdisk.c fs/vdisk.h fs/vdisk_apply.c fs/vdisk_apply.h fs/vdisk_ops.c fs/vdisk_ops.h \
	fs/clone.c fs/clone.h fs/clone_ahead.c fs/clone_apply.c fs/clone_apply.h fs/clone_fill.c fs/clone_info.c fs/clone_load.c fs/clone_load.h fs/clone_ops.c fs/clone_pace.c fs/clone_pace.h fs/clone_private.h \
	fs/clone_share.c fs/clone_share.h fs/clone_speed.c fs/clone_speed.h fs/clone_verify.c \
	fs/lun_restore.c
