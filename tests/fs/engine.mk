FSBOX_SOURCES = tests/support/fsbox.c tests/support/fsbox.h tests/support/simworld.c tests/support/simworld.h
ENGINE_LIBS = $(FS_LIBS) $(RAID_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/fs/test_engine
TESTS += tests/fs/test_engine
tests_fs_test_engine_SOURCES = tests/fs/test_engine.c $(FSBOX_SOURCES)
tests_fs_test_engine_LDADD = $(ENGINE_LIBS)
