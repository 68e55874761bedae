# NFS, MOUNT and RPC, over a file system in memory.
RAMFS_SOURCES = tests/support/ramfs.c tests/support/ramfs.h tests/support/ramfs_ops.c tests/support/ramfs_private.h
NFS_TEST_LIBS = $(NFS_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/proto/nfs_ramserver
tests_proto_nfs_ramserver_CPPFLAGS = $(NFS_CPPFLAGS)
tests_proto_nfs_ramserver_SOURCES = tests/proto/nfs_ramserver.c $(RAMFS_SOURCES)
tests_proto_nfs_ramserver_LDADD = $(NFS_LIBS) $(BASE_LIBS)
