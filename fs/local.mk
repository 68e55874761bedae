noinst_LIBRARIES += libvcfs.a
libvcfs_a_SOURCES = fs/message.h fs/volume.h
