check_PROGRAMS += tests/fs/test_nvlog
TESTS += tests/fs/test_nvlog
tests_fs_test_nvlog_SOURCES = tests/fs/test_nvlog.c tests/support/simworld.c tests/support/simworld.h
tests_fs_test_nvlog_LDADD = $(FS_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
