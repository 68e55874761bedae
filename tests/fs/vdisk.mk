VDISK_TESTS = \
	tests/fs/test_clone \
	tests/fs/test_clone_load \
	tests/fs/test_clone_options \
	tests/fs/test_extents \
	tests/fs/test_clone_pace \
	tests/fs/test_file_restore \
	tests/fs/test_nvlog \
	tests/fs/test_path \
	tests/fs/test_space \
	tests/fs/test_growth \
	tests/fs/test_restore \
	tests/fs/test_restore_file \
	tests/fs/test_snapdir \
	tests/fs/test_snapshot_chain \
	tests/fs/test_vdisk \
	tests/fs/test_vdiskattr
check_PROGRAMS += $(VDISK_TESTS)
TESTS += $(VDISK_TESTS)
VDISK_TEST_LIBS = $(FS_LIBS) libvcsim.a $(MEMDISK_LIBS) $(RAID_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
VDISK_TEST_BOX = tests/fs/vdiskbox.c tests/fs/vdiskbox.h tests/support/fsbox.c tests/support/fsbox.h
tests_fs_test_nvlog_SOURCES = tests/fs/test_nvlog.c
tests_fs_test_nvlog_LDADD = $(FS_LIBS) libvcsim.a $(BASE_LIBS) $(CMOCKA_LIBS)
tests_fs_test_space_SOURCES = tests/fs/test_space.c $(VDISK_TEST_BOX)
tests_fs_test_space_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_path_SOURCES = tests/fs/test_path.c $(VDISK_TEST_BOX)
tests_fs_test_path_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_path_LDFLAGS = -Wl,--wrap=inode_get,--wrap=dir_next
tests_fs_test_vdisk_SOURCES = tests/fs/test_vdisk.c $(VDISK_TEST_BOX)
tests_fs_test_vdisk_LDADD = $(VDISK_TEST_LIBS)
CLONE_TEST_BOX = tests/fs/clonebox.c tests/fs/clonebox.h tests/fs/checkbox.c tests/fs/checkbox.h $(VDISK_TEST_BOX)
tests_fs_test_snapdir_SOURCES = tests/fs/test_snapdir.c $(VDISK_TEST_BOX)
tests_fs_test_snapdir_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_snapshot_chain_SOURCES = tests/fs/test_snapshot_chain.c $(VDISK_TEST_BOX)
tests_fs_test_snapshot_chain_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_growth_SOURCES = tests/fs/test_growth.c $(VDISK_TEST_BOX)
tests_fs_test_growth_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_restore_SOURCES = tests/fs/test_restore.c $(VDISK_TEST_BOX)
tests_fs_test_restore_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_file_restore_SOURCES = tests/fs/test_file_restore.c $(VDISK_TEST_BOX)
tests_fs_test_file_restore_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_restore_file_SOURCES = tests/fs/test_restore_file.c $(VDISK_TEST_BOX)
tests_fs_test_restore_file_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_clone_SOURCES = tests/fs/test_clone.c $(CLONE_TEST_BOX)
tests_fs_test_extents_SOURCES = tests/fs/test_extents.c $(CLONE_TEST_BOX)
tests_fs_test_extents_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_clone_options_SOURCES = tests/fs/test_clone_options.c $(CLONE_TEST_BOX)
tests_fs_test_clone_options_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_clone_LDADD = $(VDISK_TEST_LIBS)
tests_fs_test_clone_load_SOURCES = tests/fs/test_clone_load.c
tests_fs_test_clone_load_LDADD = $(FS_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_fs_test_clone_pace_SOURCES = tests/fs/test_clone_pace.c
tests_fs_test_clone_pace_LDADD = $(FS_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_fs_test_vdiskattr_SOURCES = tests/fs/test_vdiskattr.c
tests_fs_test_vdiskattr_LDADD = $(FS_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/fs/test_message
TESTS += tests/fs/test_message
tests_fs_test_message_SOURCES = tests/fs/test_message.c tests/fs/vdiskbox.c tests/fs/vdiskbox.h $(FSBOX_SOURCES)
tests_fs_test_message_LDADD = $(ENGINE_LIBS)
