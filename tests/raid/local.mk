# Disks in memory, with every fault: URLs "mem:NAME", once the driver is registered.
check_LIBRARIES += libvcmemdisk.a
libvcmemdisk_a_SOURCES = tests/support/memdisk.c tests/support/memdisk.h tests/support/memtable.c tests/support/memtable.h
MEMDISK_LIBS = libvcmemdisk.a

# The simulated world and the RAID volume in it, for raid/ and whoever stands on it.
check_LIBRARIES += libvcsim.a
libvcsim_a_SOURCES = \
	tests/support/simraid.c tests/support/simraid.h \
	tests/support/simworld.c tests/support/simworld.h

RAID_TESTS = \
	tests/raid/test_disk_use \
	tests/raid/test_level \
	tests/raid/test_raid_basic \
	tests/raid/test_raid_crash \
	tests/raid/test_raid_errors \
	tests/raid/test_raid_fields \
	tests/raid/test_raid_file \
	tests/raid/test_raid_convert \
	tests/raid/test_raid_dp \
	tests/raid/test_raid_grow \
	tests/raid/test_raid_hostroom \
	tests/raid/test_raid_lane \
	tests/raid/test_raid_online \
	tests/raid/test_raid_rebuild \
	tests/raid/test_raid_start \
	tests/raid/test_raid_whole
check_PROGRAMS += $(RAID_TESTS)
TESTS += $(RAID_TESTS)
RAID_TEST_LIBS = libvcsim.a $(MEMDISK_LIBS) $(RAID_LIBS) $(BASE_LIBS) $(CMOCKA_LIBS)
tests_raid_test_disk_use_SOURCES = tests/raid/test_disk_use.c
tests_raid_test_disk_use_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_level_SOURCES = tests/raid/test_level.c
tests_raid_test_level_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_raid_basic_SOURCES = tests/raid/test_raid_basic.c
tests_raid_test_raid_basic_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_raid_crash_SOURCES = tests/raid/test_raid_crash.c
tests_raid_test_raid_crash_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_raid_errors_SOURCES = tests/raid/test_raid_errors.c
tests_raid_test_raid_errors_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_raid_fields_SOURCES = tests/raid/test_raid_fields.c
tests_raid_test_raid_fields_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_raid_file_SOURCES = tests/raid/test_raid_file.c
tests_raid_test_raid_file_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_raid_convert_SOURCES = tests/raid/test_raid_convert.c
tests_raid_test_raid_convert_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_raid_dp_SOURCES = tests/raid/test_raid_dp.c
tests_raid_test_raid_dp_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_raid_grow_SOURCES = tests/raid/test_raid_grow.c
tests_raid_test_raid_grow_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_raid_hostroom_SOURCES = tests/raid/test_raid_hostroom.c
tests_raid_test_raid_hostroom_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_raid_lane_SOURCES = tests/raid/test_raid_lane.c
tests_raid_test_raid_lane_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_raid_online_SOURCES = tests/raid/test_raid_online.c
tests_raid_test_raid_online_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_raid_rebuild_SOURCES = tests/raid/test_raid_rebuild.c
tests_raid_test_raid_rebuild_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_raid_whole_SOURCES = tests/raid/test_raid_whole.c
tests_raid_test_raid_whole_LDADD = $(RAID_TEST_LIBS)
tests_raid_test_raid_start_SOURCES = tests/raid/test_raid_start.c
tests_raid_test_raid_start_LDADD = $(RAID_TEST_LIBS)
EXTRA_DIST += tests/raid/mutants
