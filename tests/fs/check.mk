CHECK_TESTS = tests/fs/test_check tests/fs/test_check_damage tests/fs/test_check_fields tests/fs/test_check_offline \
	tests/fs/test_check_random tests/fs/test_check_repair tests/fs/test_remove_damaged \
	tests/fs/test_repair_cut tests/fs/test_check_blocks tests/fs/test_check_parity tests/fs/test_images
check_PROGRAMS += $(CHECK_TESTS)
TESTS += $(CHECK_TESTS)
CHECK_TEST_BOX = tests/fs/checkbox.c tests/fs/checkbox.h $(VDISK_TEST_BOX)
tests_fs_test_check_SOURCES = tests/fs/test_check.c $(CHECK_TEST_BOX)
tests_fs_test_check_LDADD = $(VDISK_TEST_LIBS)
DAMAGE_CASES = tests/fs/damagecase.c tests/fs/damagecase.h tests/fs/damagecase_inode.c tests/fs/damagecase_map.c tests/fs/damagecase_name.c \
	tests/fs/damagecase_vdisk.c $(CHECK_TEST_BOX)
tests_fs_test_check_damage_SOURCES = tests/fs/test_check_damage.c $(DAMAGE_CASES)
tests_fs_test_check_damage_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_check_random_SOURCES = tests/fs/test_check_random.c $(DAMAGE_CASES)
tests_fs_test_check_random_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_check_repair_SOURCES = tests/fs/test_check_repair.c $(DAMAGE_CASES)
tests_fs_test_check_repair_LDADD = $(VDISK_TEST_LIBS)
DAMAGE_TABLES = tests/fs/damagefield.c tests/fs/damagefield.h tests/fs/damagetable.c tests/fs/damagetable.h tests/fs/damagetable_busy.c \
	tests/fs/damagetable_names.c $(CHECK_TEST_BOX)
tests_fs_test_check_fields_SOURCES = tests/fs/test_check_fields.c $(DAMAGE_TABLES)
tests_fs_test_check_fields_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_check_offline_SOURCES = tests/fs/test_check_offline.c $(CHECK_TEST_BOX)
tests_fs_test_check_offline_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_remove_damaged_SOURCES = tests/fs/test_remove_damaged.c $(CHECK_TEST_BOX)
tests_fs_test_remove_damaged_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_repair_cut_SOURCES = tests/fs/test_repair_cut.c $(DAMAGE_CASES)
tests_fs_test_repair_cut_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_check_blocks_SOURCES = tests/fs/test_check_blocks.c $(CHECK_TEST_BOX)
tests_fs_test_check_blocks_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_check_parity_SOURCES = tests/fs/test_check_parity.c $(CHECK_TEST_BOX)
tests_fs_test_check_parity_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_images_SOURCES = tests/fs/test_images.c tests/fs/imagedamage.c tests/fs/imagedamage.h tests/fs/imageuse.c tests/fs/imageuse.h \
	$(DAMAGE_TABLES)
tests_fs_test_images_LDADD = $(VDISK_TEST_LIBS)
