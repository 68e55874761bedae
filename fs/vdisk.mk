libvcfs_a_SOURCES += \
	fs/nvlog.c fs/nvlog_replay.c fs/nvlogformat.h fs/docs.c
