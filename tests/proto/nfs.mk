# NFS, MOUNT and RPC, over a file system in memory.
RAMFS_SOURCES = tests/support/ramfs.c tests/support/ramfs.h tests/support/ramfs_ops.c tests/support/ramfs_private.h
NFS_TEST_LIBS = $(VCNFS_LIBS) libvcfs.a $(BASE_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += tests/proto/nfs_ramserver
tests_proto_nfs_ramserver_CPPFLAGS = $(VCNFS_CPPFLAGS)
tests_proto_nfs_ramserver_SOURCES = tests/proto/nfs_ramserver.c $(RAMFS_SOURCES)
tests_proto_nfs_ramserver_LDADD = $(VCNFS_LIBS) libvcfs.a $(BASE_LIBS)

NFS_RIG_SOURCES = tests/proto/nfs_rig.c tests/proto/nfs_rig.h $(RAMFS_SOURCES)
NFS_TESTS = \
	tests/proto/test_nfs_drc \
	tests/proto/test_nfs_export \
	tests/proto/test_nfs_proc \
	tests/proto/test_nfs_rights \
	tests/proto/test_rpc \
	tests/proto/test_rpc_limits
check_PROGRAMS += $(NFS_TESTS)
TESTS += $(NFS_TESTS)

tests_proto_test_nfs_drc_CPPFLAGS = $(VCNFS_CPPFLAGS)
tests_proto_test_nfs_drc_SOURCES = tests/proto/test_nfs_drc.c $(NFS_RIG_SOURCES)
tests_proto_test_nfs_drc_LDADD = $(NFS_TEST_LIBS)
tests_proto_test_nfs_export_CPPFLAGS = $(VCNFS_CPPFLAGS)
tests_proto_test_nfs_export_SOURCES = tests/proto/test_nfs_export.c
tests_proto_test_nfs_export_LDADD = $(NFS_TEST_LIBS)
tests_proto_test_nfs_proc_CPPFLAGS = $(VCNFS_CPPFLAGS)
tests_proto_test_nfs_proc_SOURCES = tests/proto/test_nfs_proc.c $(NFS_RIG_SOURCES)
tests_proto_test_nfs_proc_LDADD = $(NFS_TEST_LIBS)
tests_proto_test_nfs_rights_CPPFLAGS = $(VCNFS_CPPFLAGS)
tests_proto_test_nfs_rights_SOURCES = tests/proto/test_nfs_rights.c $(NFS_RIG_SOURCES)
tests_proto_test_nfs_rights_LDADD = $(NFS_TEST_LIBS)
tests_proto_test_rpc_CPPFLAGS = $(VCNFS_CPPFLAGS)
tests_proto_test_rpc_SOURCES = tests/proto/test_rpc.c $(NFS_RIG_SOURCES)
tests_proto_test_rpc_LDADD = $(NFS_TEST_LIBS)
tests_proto_test_rpc_limits_CPPFLAGS = $(VCNFS_CPPFLAGS)
tests_proto_test_rpc_limits_SOURCES = tests/proto/test_rpc_limits.c $(NFS_RIG_SOURCES)
tests_proto_test_rpc_limits_LDADD = $(NFS_TEST_LIBS)

$(tests_proto_nfs_ramserver_OBJECTS) $(tests_proto_test_nfs_drc_OBJECTS) $(tests_proto_test_nfs_export_OBJECTS) $(tests_proto_test_nfs_proc_OBJECTS) \
$(tests_proto_test_nfs_rights_OBJECTS) $(tests_proto_test_rpc_OBJECTS) $(tests_proto_test_rpc_limits_OBJECTS): $(VCNFS_GENERATED)

# Clients we did not write; each is a program without our server's code (libntirpc and libtirpc must never meet).
if HAVE_CLIENTS
check_PROGRAMS += tests/proto/test_nfs_libnfs
TESTS += tests/proto/test_nfs_libnfs
tests_proto_test_nfs_libnfs_CPPFLAGS = $(AM_CPPFLAGS) $(NFS_CFLAGS)
tests_proto_test_nfs_libnfs_SOURCES = tests/proto/test_nfs_libnfs.c tests/proto/nfs_child.c tests/proto/nfs_child.h
tests_proto_test_nfs_libnfs_LDADD = $(NFS_LIBS) $(CMOCKA_LIBS)
endif
if HAVE_NTIRPC
check_PROGRAMS += tests/proto/test_rpc_ntirpc
TESTS += tests/proto/test_rpc_ntirpc
tests_proto_test_rpc_ntirpc_CPPFLAGS = $(AM_CPPFLAGS) $(NTIRPC_CFLAGS)
tests_proto_test_rpc_ntirpc_SOURCES = tests/proto/test_rpc_ntirpc.c tests/proto/nfs_child.c tests/proto/nfs_child.h tests/proto/ntirpc_all.h
tests_proto_test_rpc_ntirpc_LDADD = $(NTIRPC_LIBS) $(CMOCKA_LIBS)
endif
