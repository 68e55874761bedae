# Directories and the namespace, over tests/support/ramfile instead of cache and disks.
DIR_TESTS = tests/fs/test_dir tests/fs/test_namespace tests/fs/test_namespace_replay tests/fs/test_perm
check_PROGRAMS += $(DIR_TESTS)
TESTS += $(DIR_TESTS)
DIR_TEST_SUPPORT = tests/support/ramfile.c tests/support/ramfile.h tests/base/cmocka_all.h
DIR_TEST_LIBS = $(FS_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_fs_test_dir_SOURCES = tests/fs/test_dir.c $(DIR_TEST_SUPPORT)
tests_fs_test_dir_LDADD = $(DIR_TEST_LIBS)
tests_fs_test_namespace_SOURCES = tests/fs/test_namespace.c tests/fs/namespace_client.h $(DIR_TEST_SUPPORT)
tests_fs_test_namespace_LDADD = $(DIR_TEST_LIBS)
tests_fs_test_namespace_replay_SOURCES = tests/fs/test_namespace_replay.c tests/fs/namespace_client.h $(DIR_TEST_SUPPORT)
tests_fs_test_namespace_replay_LDADD = $(DIR_TEST_LIBS)
tests_fs_test_perm_SOURCES = tests/fs/test_perm.c tests/base/cmocka_all.h
tests_fs_test_perm_LDADD = $(DIR_TEST_LIBS)
# The same on the engine.
check_PROGRAMS += tests/fs/test_namespace_engine
TESTS += tests/fs/test_namespace_engine
tests_fs_test_namespace_engine_SOURCES = tests/fs/test_namespace_engine.c $(FSBOX_SOURCES)
tests_fs_test_namespace_engine_LDADD = $(ENGINE_LIBS)
check_PROGRAMS += tests/fs/test_ancestry
TESTS += tests/fs/test_ancestry
tests_fs_test_ancestry_SOURCES = tests/fs/test_ancestry.c $(FSBOX_SOURCES)
tests_fs_test_ancestry_LDADD = $(ENGINE_LIBS)
