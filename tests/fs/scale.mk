check_PROGRAMS += tests/fs/test_scale
TESTS += tests/fs/test_scale
tests_fs_test_scale_SOURCES = tests/fs/test_scale.c $(VDISK_TEST_BOX)
tests_fs_test_scale_LDADD = $(VDISK_TEST_LIBS)
