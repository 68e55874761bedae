# NFS, MOUNT and RPC, over a file system in memory.
RAMFS_SOURCES = tests/support/ramfs.c tests/support/ramfs.h tests/support/ramfs_ops.c tests/support/ramfs_private.h
NFS_TEST_LIBS = $(NFS_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/proto/nfs_ramserver
tests_proto_nfs_ramserver_CPPFLAGS = $(NFS_CPPFLAGS)
tests_proto_nfs_ramserver_SOURCES = tests/proto/nfs_ramserver.c $(RAMFS_SOURCES)
tests_proto_nfs_ramserver_LDADD = $(NFS_LIBS) $(BASE_LIBS)

NFS_RIG_SOURCES = tests/proto/nfs_rig.c tests/proto/nfs_rig.h $(RAMFS_SOURCES)
NFS_TESTS = \
	tests/proto/test_nfs_export \
	tests/proto/test_nfs_proc \
	tests/proto/test_nfs_rights \
	tests/proto/test_rpc
check_PROGRAMS += $(NFS_TESTS)
TESTS += $(NFS_TESTS)

tests_proto_test_nfs_export_CPPFLAGS = $(NFS_CPPFLAGS)
tests_proto_test_nfs_export_SOURCES = tests/proto/test_nfs_export.c
tests_proto_test_nfs_export_LDADD = $(NFS_TEST_LIBS)
tests_proto_test_nfs_proc_CPPFLAGS = $(NFS_CPPFLAGS)
tests_proto_test_nfs_proc_SOURCES = tests/proto/test_nfs_proc.c $(NFS_RIG_SOURCES)
tests_proto_test_nfs_proc_LDADD = $(NFS_TEST_LIBS)
tests_proto_test_nfs_rights_CPPFLAGS = $(NFS_CPPFLAGS)
tests_proto_test_nfs_rights_SOURCES = tests/proto/test_nfs_rights.c $(NFS_RIG_SOURCES)
tests_proto_test_nfs_rights_LDADD = $(NFS_TEST_LIBS)
tests_proto_test_rpc_CPPFLAGS = $(NFS_CPPFLAGS)
tests_proto_test_rpc_SOURCES = tests/proto/test_rpc.c $(NFS_RIG_SOURCES)
tests_proto_test_rpc_LDADD = $(NFS_TEST_LIBS)
