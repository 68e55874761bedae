CHECK_TESTS = tests/fs/test_check tests/fs/test_check_damage
check_PROGRAMS += $(CHECK_TESTS)
TESTS += $(CHECK_TESTS)
CHECK_TEST_BOX = tests/fs/checkbox.c tests/fs/checkbox.h $(VDISK_TEST_BOX)
tests_fs_test_check_SOURCES = tests/fs/test_check.c $(CHECK_TEST_BOX)
tests_fs_test_check_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_check_damage_SOURCES = tests/fs/test_check_damage.c $(CHECK_TEST_BOX)
tests_fs_test_check_damage_LDADD = $(VDISK_TEST_LIBS)
