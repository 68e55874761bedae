# The product with allocations that can be made to fail: link with $(ALLOCFAIL_LIB) before (or instead of) its archives.
ALLOCFAIL_PARTS = libvcconfig.a libvcadmin.a libvcverbs.a libvcnfs.a libvcnfsxdr.a libvciscsi.a libvcscsi.a libvcfs.a libvcraid.a libvcbase.a
ALLOCFAIL_SOURCES = tests/support/allocfail.c tests/support/allocfail.h
ALLOCFAIL_LIB = tests/support/product_allocfail.a
tests/support/product_allocfail.a: $(ALLOCFAIL_PARTS) tests/support/allocfail.sh
	$(AM_V_GEN)$(MKDIR_P) tests/support && AR='$(AR)' OBJCOPY='$(OBJCOPY)' sh $(srcdir)/tests/support/allocfail.sh $@ $(ALLOCFAIL_PARTS)
CLEANFILES += tests/support/product_allocfail.a
EXTRA_DIST += tests/support/allocfail.sh tests/alloc/mutants

check_PROGRAMS += tests/alloc/test_allocfail
TESTS += tests/alloc/test_allocfail
tests_alloc_test_allocfail_SOURCES = tests/alloc/test_allocfail.c $(FSBOX_SOURCES) $(ALLOCFAIL_SOURCES)
tests_alloc_test_allocfail_LDADD = $(ALLOCFAIL_LIB) $(ENGINE_LIBS)

# Workloads, each allocation of which fails once and for good.
ALLOCWORK_SOURCES = tests/alloc/allocwork.c tests/alloc/allocwork.h $(ALLOCFAIL_SOURCES)
check_PROGRAMS += tests/alloc/test_alloc_engine
TESTS += tests/alloc/test_alloc_engine
tests_alloc_test_alloc_engine_SOURCES = tests/alloc/test_alloc_engine.c $(CHECK_TEST_BOX) $(ALLOCWORK_SOURCES)
tests_alloc_test_alloc_engine_LDADD = $(ALLOCFAIL_LIB) $(VDISK_TEST_LIBS)
check_PROGRAMS += tests/alloc/test_alloc_operations
TESTS += tests/alloc/test_alloc_operations
tests_alloc_test_alloc_operations_SOURCES = tests/alloc/test_alloc_operations.c $(CHECK_TEST_BOX) $(ALLOCWORK_SOURCES)
tests_alloc_test_alloc_operations_LDADD = $(ALLOCFAIL_LIB) $(VDISK_TEST_LIBS)
check_PROGRAMS += tests/alloc/test_alloc_iscsi
TESTS += tests/alloc/test_alloc_iscsi
tests_alloc_test_alloc_iscsi_SOURCES = tests/alloc/test_alloc_iscsi.c tests/proto/iscsi_raw.c tests/proto/iscsi_raw.h $(ramlun_sources) $(ALLOCWORK_SOURCES)
tests_alloc_test_alloc_iscsi_LDADD = $(ALLOCFAIL_LIB) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/alloc/test_alloc_nfs
TESTS += tests/alloc/test_alloc_nfs
tests_alloc_test_alloc_nfs_CPPFLAGS = $(VCNFS_CPPFLAGS)
tests_alloc_test_alloc_nfs_SOURCES = tests/alloc/test_alloc_nfs.c $(NFS_RIG_SOURCES) $(ALLOCWORK_SOURCES)
tests_alloc_test_alloc_nfs_LDADD = $(ALLOCFAIL_LIB) $(VCNFS_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
$(tests_alloc_test_alloc_nfs_OBJECTS): $(VCNFS_GENERATED)
