noinst_LIBRARIES += libvcfs.a
libvcfs_a_SOURCES = \
	fs/message.h fs/volume.h fs/core.h fs/fsformat.h fs/run.h fs/cache.h fs/inode.h fs/file.h fs/nvlog.h
