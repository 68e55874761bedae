/* SPDX-License-Identifier: Apache-2.0 */
/* A volume that grows at work: its files stay what they were, who had no room goes on, maps, snapshots and the check
 * follow; and a power cut on the way leaves it as it was, or grown. */
#include "tests/fs/vdiskbox.h"

#include "fs/check/check_offline.h"
#include "raid/raid.h"
#include "tests/support/memdisk.h"

#define DISK_BYTES (48 * MIB)
#define N_DISKS 3U

static struct fsbox box;
static struct fs_message growth;

static int setup(void **state)
{
	(void)state;
	box_open(&box, 23, N_DISKS, DISK_BYTES, 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	box_close(&box);
	return 0;
}

/* ---- what an administrator does ---------------------------------------------------------------------------------- */

/* One more medium, which the next mounts name, too. */
static const char *medium_new(uint64_t bytes)
{
	char *url = box.urls[box.n_disks];

	(void)snprintf(url, sizeof(box.urls[0]), "mem:d%u.%u", box.n_disks, box.life);
	assert_int_equal(disk_create(url, bytes), 0);
	box.n_disks++;
	return url;
}

static void on_growth(struct fs_message *msg)
{
	*(bool *)msg->owner = true;
}

static bool grown; /* `growth` was answered */

static void growth_begin(unsigned group, const char *url)
{
	grown = false;
	fs_message_init(&growth, FS_RAID_ADD_DISK, box.vol, on_growth, &grown);
	growth.cls = FS_CLASS_ADMIN;
	growth.in.raid.group = group;
	growth.in.raid.url = url;
	fs_message_send(&growth);
}

static void growth_await(void)
{
	for (unsigned i = 0; i < 100000 && !grown; i++)
		box_run(&box, 1000000);
	assert_true(grown);
}

static int grow(unsigned group)
{
	growth_begin(group, medium_new(DISK_BYTES));
	growth_await();
	return growth.status;
}

static int grow_by_group(unsigned n_disks)
{
	struct raid_group_spec spec = { .n_disks = n_disks };
	struct fs_message msg;

	for (unsigned i = 0; i < n_disks; i++)
		spec.disk_urls[i] = medium_new(DISK_BYTES);
	fs_message_init(&msg, FS_RAID_ADD_GROUP, box.vol, NULL, NULL);
	msg.in.raid.spec = &spec;
	return box_send(&box, &msg);
}

static uint64_t size_bytes(void)
{
	struct fs_message msg;
	uint64_t bytes;

	fs_message_init(&msg, FS_FSSTAT, box.vol, NULL, NULL);
	msg.file = box_root;
	assert_int_equal(box_send(&box, &msg), 0);
	bytes = msg.out.fsstat.total_bytes;
	fs_message_fini(&msg);
	return bytes;
}

static enum fs_space_level level(void)
{
	struct fs_space_notice notice;

	fs_volume_space(box.vol, &notice);
	return notice.level;
}

static struct raid_status *raid(void)
{
	static struct raid_status status;
	struct fs_message msg;

	fs_message_init(&msg, FS_RAID_STATUS, box.vol, NULL, NULL);
	assert_int_equal(box_send(&box, &msg), 0);
	status = *msg.out.raid;
	fs_message_fini(&msg);
	return &status;
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

#define FILE_BLOCKS 256U

static uint32_t tag_of(unsigned file, uint32_t fbn)
{
	return 1U + file * FILE_BLOCKS + fbn;
}

static int file_write(unsigned file)
{
	static uint8_t bytes[FILE_BLOCKS * FS_BLOCK_SIZE];
	struct fs_file_id id;
	char name[16];
	int err;

	(void)snprintf(name, sizeof(name), "f%u", file);
	for (uint32_t fbn = 0; fbn < FILE_BLOCKS; fbn++)
		for (unsigned i = 0; i < FS_BLOCK_SIZE; i += 4U)
			memcpy(bytes + fbn * FS_BLOCK_SIZE + i, &(uint32_t){ tag_of(file, fbn) }, 4);
	err = box_create(&box, box_root, name, &id);
	for (unsigned k = 0; k < 4U && err == 0; k++)
		err = box_write(&box, id, k * (uint64_t)sizeof(bytes) / 4U, bytes + k * sizeof(bytes) / 4U,
		                sizeof(bytes) / 4U, FS_UNSTABLE);
	return err;
}

static void files_expect(unsigned n)
{
	for (unsigned file = 0; file < n; file++) {
		struct fs_file_id id;
		char name[16];

		(void)snprintf(name, sizeof(name), "f%u", file);
		assert_int_equal(box_lookup(&box, box_root, name, &id), 0);
		for (uint32_t fbn = 0; fbn < FILE_BLOCKS; fbn += 17U)
			assert_int_equal(vd_read(&box, id, fbn), tag_of(file, fbn));
	}
}

/* Whole files from number `first` on until there is no room. The number of those that were written. */
static unsigned fill(unsigned first)
{
	char name[16];

	while (file_write(first) == 0)
		first++;
	(void)snprintf(name, sizeof(name), "f%u", first);
	assert_int_equal(box_remove(&box, box_root, name), 0);
	assert_int_equal(box_sync(&box), 0);
	return first;
}

static void is_sound(unsigned n_files)
{
	files_expect(n_files);
	assert_int_equal(box_check(&box), 0);
}

/* ---- growth ------------------------------------------------------------------------------------------------------ */

static void a_full_volume_takes_writes_again_when_a_disk_joins(void **state)
{
	uint64_t before = size_bytes();
	unsigned n, m;

	(void)state;
	n = fill(0);
	assert_int_equal(level(), FS_SPACE_CRITICAL);
	assert_int_equal(grow(0), 0);
	assert_int_equal(size_bytes(), before / 2U * 3U); /* two data disks have become three */
	assert_int_equal(level(), FS_SPACE_FINE);
	m = fill(n);
	assert_true(m - n > n / 3U);
	is_sound(m);
	box_restart(&box, 0);
	assert_int_equal(size_bytes(), before / 2U * 3U);
	is_sound(m);
	box_restart(&box, 7);
	is_sound(m);
}

static void a_new_group_makes_room_and_can_grow_in_its_turn(void **state)
{
	uint64_t before = size_bytes();
	unsigned n, m;

	(void)state;
	n = fill(0);
	assert_int_equal(grow_by_group(2), 0);
	assert_int_equal(size_bytes(), before / 2U * 3U);
	m = fill(n);
	assert_true(m - n > n / 3U);
	assert_int_equal(grow(1), 0);
	assert_int_equal(grow(0), 0);
	assert_int_equal(size_bytes(), before / 2U * 5U);
	m = fill(m);
	is_sound(m);
	box_restart(&box, 0);
	is_sound(m);
}

/* Clients write all the time, consistency points come and go. */
static void growth_beside_clients_changes_nothing_they_see(void **state)
{
	unsigned n = 0;

	(void)state;
	while (n < 10)
		assert_int_equal(file_write(n++), 0);
	memdisk_set_latency(3000000);
	growth_begin(0, medium_new(DISK_BYTES));
	while (n < 20 || !grown)
		assert_int_equal(file_write(n++), 0);
	assert_int_equal(growth.status, 0);
	n = fill(n);
	memdisk_set_latency(0);
	is_sound(n);
	box_restart(&box, 3);
	is_sound(n);
}

static void a_power_cut_in_a_growth_leaves_the_volume_as_it_was_or_grown(void **state)
{
	unsigned n_old = 0, n_new = 0;
	uint64_t before = size_bytes();

	(void)state;
	for (unsigned file = 0; file < 8; file++)
		assert_int_equal(file_write(file), 0);
	assert_int_equal(box_sync(&box), 0);
	memdisk_set_latency(300000);
	for (unsigned k = 0; k < 90; k++) {
		uint64_t size;
		bool acknowledged;

		growth_begin(0, medium_new(DISK_BYTES));
		for (unsigned i = 0; i < k / 2U && !grown; i++)
			assert_true(sim_step(box.sim));
		acknowledged = grown && growth.status == 0;
		box_crash(&box, k + 1U);
		size = size_bytes();
		assert_true(size == before || size == before + before / 2U);
		assert_true(!acknowledged || size != before);
		assert_false(raid()->degraded);
		files_expect(8);
		if (size == before) {
			n_old++;
		} else {
			n_new++;
			assert_int_equal(file_write(8), 0);
			assert_int_equal(box_check(&box), 0);
		}
		/* from the beginning */
		memdisk_set_latency(0);
		box_close(&box);
		box_open(&box, 24U + 2U * k, N_DISKS, DISK_BYTES, 4096);
		for (unsigned file = 0; file < 8; file++)
			assert_int_equal(file_write(file), 0);
		assert_int_equal(box_sync(&box), 0);
		memdisk_set_latency(300000);
	}
	memdisk_set_latency(0);
	print_message("%u as it was, %u grown\n", n_old, n_new);
	assert_true(n_old > 5 && n_new > 5);
}

static void a_restore_to_a_snapshot_taken_before_keeps_the_size(void **state)
{
	uint64_t grown_bytes;
	unsigned n;

	(void)state;
	for (unsigned file = 0; file < 8; file++)
		assert_int_equal(file_write(file), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "before"), 0);
	assert_int_equal(grow(0), 0);
	grown_bytes = size_bytes();
	n = fill(8);
	assert_int_equal(box_restore(&box, "before"), 0);
	assert_int_equal(size_bytes(), grown_bytes);
	is_sound(8);
	assert_int_equal(fill(8), n);
	is_sound(n);
	box_restart(&box, 9);
	is_sound(n);
}

/* The new blocks are freed, held and reclaimed as all others. */
static void snapshots_hold_new_blocks_and_give_them_back(void **state)
{
	uint64_t free_bytes;

	(void)state;
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(grow(0), 0);
	for (unsigned file = 0; file < 100; file++)
		assert_int_equal(file_write(file), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);
	free_bytes = box_free_bytes(&box);
	for (unsigned file = 0; file < 100; file++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "f%u", file);
		assert_int_equal(box_remove(&box, box_root, name), 0);
	}
	assert_int_equal(box_sync(&box), 0);
	assert_true(box_free_bytes(&box) < free_bytes + 10U * MIB);
	assert_int_equal(box_check(&box), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "s2"), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	for (unsigned i = 0; i < 400 && box_free_bytes(&box) < free_bytes + 90U * MIB; i++)
		box_run(&box, 100000000);
	assert_true(box_free_bytes(&box) > free_bytes + 90U * MIB);
	assert_int_equal(box_check(&box), 0);
}

static void a_check_and_a_scrub_under_way_go_on(void **state)
{
	struct fs_message check, scrub;
	bool checked = false;
	unsigned n = 0;

	(void)state;
	while (n < 20)
		assert_int_equal(file_write(n++), 0);
	memdisk_set_latency(3000000);
	fs_message_init(&scrub, FS_SCRUB_START, box.vol, NULL, NULL);
	scrub.in.scrub.floor_bytes_s = 1U << 20;
	assert_int_equal(box_send(&box, &scrub), 0);
	fs_message_init(&check, FS_CHECK, box.vol, on_growth, &checked);
	check.in.check_rate_bytes_s = 4U << 20;
	fs_message_send(&check);
	box_run(&box, 20000000);
	assert_false(checked);
	assert_int_equal(grow(0), 0);
	assert_false(checked);
	while (n < 40)
		assert_int_equal(file_write(n++), 0);
	for (unsigned i = 0; i < 10000 && !checked; i++)
		box_run(&box, 10000000);
	assert_true(checked);
	assert_int_equal(check.status, 0);
	assert_int_equal(check.out.check.n_errors, 0);
	fs_message_fini(&check);
	memdisk_set_latency(0);
	is_sound(n);
	fs_message_init(&scrub, FS_SCRUB_STATUS, box.vol, NULL, NULL);
	assert_int_equal(box_send(&box, &scrub), 0);
	for (unsigned i = 0; i < scrub.out.scrub->now.n_disks; i++)
		assert_int_equal(fs_scrub_n_wrong(&scrub.out.scrub->now.disks[i].counts), 0);
	fs_message_fini(&scrub);
}

/* What was too large to be promised is promised now. */
static void a_reservation_finds_the_new_room(void **state)
{
	(void)state;
	assert_int_equal(vd_create(&box, "/lun", 100U * MIB, NULL, true), -ENOSPC);
	assert_int_equal(grow(0), 0);
	assert_int_equal(vd_create(&box, "/lun", 100U * MIB, NULL, true), 0);
	assert_int_equal(box_check(&box), 0);
}

/* The allocator goes where whole stripes are free, and these are as wide as the group is now. */
static void writes_after_a_growth_fill_whole_stripes(void **state)
{
	uint64_t full, partial, total = size_bytes();
	unsigned n = 0, last;

	(void)state;
	while (box_free_bytes(&box) > total * 3U / 10U) {
		assert_int_equal(file_write(n++), 0);
		assert_int_equal(box_sync(&box), 0);
	}
	assert_int_equal(grow(0), 0);
	full = raid()->n_full_stripes;
	partial = raid()->n_partial_stripes;
	for (last = n + 20U; n < last; n++)
		assert_int_equal(file_write(n), 0);
	assert_int_equal(box_sync(&box), 0);
	full = raid()->n_full_stripes - full;
	partial = raid()->n_partial_stripes - partial;
	print_message("70 %% full, one disk more: %llu full stripes, %llu partial ones\n", (unsigned long long)full,
	              (unsigned long long)partial);
	assert_true(full * 3U * FS_BLOCK_SIZE > 20U * FILE_BLOCKS * (uint64_t)FS_BLOCK_SIZE * 8U / 10U);
	is_sound(n);
}

static void what_cannot_grow_says_so(void **state)
{
	(void)state;
	assert_int_equal(grow(1), -ENOENT);
	box.n_disks--;
	growth_begin(0, box.urls[0]);
	growth_await();
	assert_int_equal(growth.status, -EBUSY);
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(disk_destroy(box.urls[box.n_disks]), 0);
	box.read_only = true;
	assert_int_equal(box_mount(&box), 0);
	growth_begin(0, "mem:none");
	growth_await();
	assert_int_equal(growth.status, -EROFS);
	box.read_only = false;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_full_volume_takes_writes_again_when_a_disk_joins, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_group_makes_room_and_can_grow_in_its_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(growth_beside_clients_changes_nothing_they_see, setup, teardown),
		cmocka_unit_test_setup_teardown(a_power_cut_in_a_growth_leaves_the_volume_as_it_was_or_grown, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(a_restore_to_a_snapshot_taken_before_keeps_the_size, setup, teardown),
		cmocka_unit_test_setup_teardown(snapshots_hold_new_blocks_and_give_them_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_check_and_a_scrub_under_way_go_on, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reservation_finds_the_new_room, setup, teardown),
		cmocka_unit_test_setup_teardown(writes_after_a_growth_fill_whole_stripes, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_grow_says_so, setup, teardown),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
