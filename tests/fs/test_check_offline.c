/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a volume that is not mounted: what it says of one that crashed, of its log, of files that damaged blocks
 * belong to; how little memory it needs, and how slowly it can go. */
#include "fs/core/core.h"
#include "fs/file/inode.h"
#include "tests/fs/checkbox.h"

#include "base/page.h"
#include "fs/cp/maps.h"
#include "fs/file/inode_table.h"
#include "fs/format/nvlogformat.h"
#include "fs/volume/volume_private.h"
#include "tests/support/memdisk.h"

#define N_DISKS 4U
#define DISK_BYTES (64ULL << 20)
#define R(n) (1U << (n))

static struct fsbox box;

static int volume_make(void **state)
{
	(void)state;
	box_open(&box, 177, N_DISKS, DISK_BYTES, 4096);
	cb_populate(&box);
	return 0;
}

static int volume_drop(void **state)
{
	(void)state;
	box_close(&box);
	return 0;
}

static uint64_t nothing_found(struct fs_check_offline *check)
{
	uint64_t n = check->result.n_errors;

	if (n > 0)
		print_error("%s\n", check->result.report);
	fs_check_result_fini(&check->result);
	return n;
}

/* Acknowledged after the last consistency point, a record each. */
static void log_some(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof name, "logged%u", i);
		assert_int_equal(box_create(&box, box_root, name, NULL), 0);
	}
}

static uint64_t disks_sum(void)
{
	uint64_t sum = 0;
	uint8_t bytes[4096];

	for (unsigned i = 0; i < N_DISKS; i++) {
		for (uint64_t block = 0; block < DISK_BYTES / 4096U; block++) {
			memdisk_peek(box.urls[i] + 4, block, bytes);
			for (unsigned b = 0; b < 4096; b += 8) {
				uint64_t word;

				memcpy(&word, bytes + b, 8);
				sum = (sum ^ word) * 0x9E3779B97F4A7C15ULL + (sum >> 29);
			}
		}
	}
	return sum;
}

static void crashed_volume_is_clean_and_its_log_is_counted_and_no_byte_changes(void **state)
{
	struct fs_check_offline check;
	uint64_t sum;

	(void)state;
	log_some(20);
	box_cut(&box, 5);
	sum = disks_sum();
	assert_int_equal(cb_check_offline(&box, &check), 0);
	assert_false(check.clean);
	assert_true(check.n_log_records >= 20);
	assert_int_equal(nothing_found(&check), 0);
	assert_true(disks_sum() == sum);
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(cb_check_offline(&box, &check), 0);
	assert_true(check.clean);
	assert_int_equal(check.n_log_records, 0);
	assert_int_equal(nothing_found(&check), 0);
}

static void on_sync(struct fs_message *msg)
{
	(void)msg;
}

/* Power fails in the middle of consistency points: stripes wait to be settled, and that is no damage. */
static void volume_cut_while_writing_is_clean(void **state)
{
	static uint8_t bytes[1 << 19];
	static struct fs_message syncs[12]; /* some are never answered */
	unsigned n_unsettled = 0;

	(void)state;
	memdisk_set_latency(300000);
	for (unsigned round = 0; round < 12; round++) {
		struct fs_check_offline check;
		struct fs_file_id id;

		assert_int_equal(box_resolve(&box, "/file", &id), 0);
		memset(bytes, (int)round, sizeof bytes);
		assert_int_equal(box_write(&box, id, round * 4096U, bytes, sizeof bytes, FS_UNSTABLE), 0);
		fs_message_init(&syncs[round], FS_SYNC, box.vol, on_sync, NULL);
		fs_message_send(&syncs[round]);
		box_run(&box, 200000U * (round + 1U));
		box_cut(&box, 100 + round);
		assert_int_equal(cb_check_offline(&box, &check), 0);
		n_unsettled += check.n_unsettled > 0;
		assert_int_equal(nothing_found(&check), 0);
		assert_int_equal(box_mount(&box), 0);
		assert_int_equal(box_check(&box), 0);
	}
	memdisk_set_latency(0);
	print_message("%u of 12 cuts left stripes to settle\n", n_unsettled);
	assert_true(n_unsettled > 0);
}

/* ---- the log ----------------------------------------------------------------------------------------------------- */

/* Blocks of `disk` that begin a group of the volume's log, in order. */
static unsigned groups_of(unsigned disk, uint64_t *ret_blocks, unsigned max)
{
	uint8_t bytes[4096];
	unsigned n = 0;

	for (uint64_t block = 0; block < DISK_BYTES / 4096U && n < max; block++) {
		const struct nvlog_group_disk *head = (const struct nvlog_group_disk *)(const void *)bytes;

		memdisk_peek(box.urls[disk] + 4, block, bytes);
		if (le32_get(head->magic) == NVLOG_GROUP_MAGIC)
			ret_blocks[n++] = block;
	}
	return n;
}

static uint64_t group_sequence(unsigned disk, uint64_t block)
{
	uint8_t bytes[4096];

	memdisk_peek(box.urls[disk] + 4, block, bytes);
	return le64_get(((const struct nvlog_group_disk *)(const void *)bytes)->first_sequence);
}

/* The group that holds record `sequence`: 0 none. */
static uint64_t group_find(unsigned disk, uint64_t sequence)
{
	uint64_t blocks[4096];
	unsigned n = groups_of(disk, blocks, 4096);

	for (unsigned i = 0; i < n; i++)
		if (group_sequence(disk, blocks[i]) == sequence)
			return blocks[i];
	return 0;
}

static uint64_t last_sequence(void)
{
	uint64_t blocks[4096], last = 0;
	unsigned n = groups_of(0, blocks, 4096);

	for (unsigned i = 0; i < n; i++)
		last = group_sequence(0, blocks[i]) > last ? group_sequence(0, blocks[i]) : last;
	return last;
}

/* Every bit of every field of a group's head, and of what follows: damage in the middle of the log is found, on one
 * copy or on both. */
static void damage_in_the_middle_of_the_log_is_found(void **state)
{
	static const unsigned at[] = { 0, 4, 8, 16, 24, 28, 32, 36, 64, 65, 68, 72, 80, 88, 92, 104, 110, 140 };
	unsigned n_cases = 0;
	uint64_t sequence, block[2];

	(void)state;
	log_some(24);
	box_cut(&box, 6);
	sequence = last_sequence() - 8U;
	for (unsigned c = 0; c < 2; c++) {
		block[c] = group_find(c, sequence);
		assert_true(block[c] != 0);
	}
	for (unsigned copies = 1; copies <= 2; copies++) {
		for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++, n_cases++) {
			struct fs_check_offline check;
			unsigned rules;

			for (unsigned c = 0; c < copies; c++)
				memdisk_flip_bit(box.urls[c] + 4, block[c], at[i] * 8U + 1U);
			assert_int_equal(cb_check_offline(&box, &check), 0);
			rules = cb_rules(&check.result);
			if (rules != R(9) || strstr(check.result.report,
			                            copies == 1 ? "whole on another copy" : "on every copy") == NULL)
				print_error("byte %u on %u copies: %s\n", at[i], copies, check.result.report);
			assert_int_equal(rules, R(9));
			fs_check_result_fini(&check.result);
			for (unsigned c = 0; c < copies; c++) /* back */
				memdisk_flip_bit(box.urls[c] + 4, block[c], at[i] * 8U + 1U);
		}
	}
	print_message("%u kinds of damage to the log\n", n_cases);
	assert_int_equal(box_mount(&box), 0);
}

/* ---- files and bytes --------------------------------------------------------------------------------------------- */

/* A file's block becomes nobody's, with a parity that says the same: nothing can bring it back. */
static void block_lose(const char *path, uint32_t fbn)
{
	struct raid_ident nobody = { .inode = 99999, .fbn = 1, .generation = 3 };
	uint8_t bytes[4096] = { 7 };
	struct cb_raw raw;
	struct fs_file_id id;

	assert_int_equal(box_resolve(&box, path, &id), 0);
	cb_raw_open(&raw, &box);
	cb_vbn_put(&raw, cb_vbn(&raw, id.inode, 0, fbn), &nobody, bytes);
	cb_raw_close(&raw);
}

static const struct fs_check_finding *finding_of(const struct fs_check_offline *check, const char *path)
{
	for (size_t i = 0; i < check->result.n_findings; i++)
		if (check->result.findings[i].path != NULL && strcmp(check->result.findings[i].path, path) == 0)
			return &check->result.findings[i];
	print_error("%s\n", check->result.report);
	fail_msg("nothing about %s", path);
	return NULL;
}

static void damaged_block_is_reported_with_its_file_and_bytes(void **state)
{
	static const char long_name[] = "/many/a name that is long enough to fill the directory's blocks 000123";
	const struct fs_check_finding *finding;
	struct fs_check_offline check;
	struct fs_file_id leaf, id;
	uint8_t bytes[100] = { 1 };

	(void)state;
	assert_int_equal(box_resolve(&box, "/dir/sub/leaf", &leaf), 0);
	assert_int_equal(box_create(&box, leaf, "deep file", &id), 0);
	assert_int_equal(box_write(&box, id, 5 * 4096, bytes, sizeof bytes, FS_UNSTABLE), 0);
	assert_int_equal(box_resolve(&box, long_name, &id), 0);
	assert_int_equal(box_write(&box, id, 2 * 4096, bytes, sizeof bytes, FS_UNSTABLE), 0);
	assert_int_equal(box_sync(&box), 0);
	block_lose("/dir/sub/leaf/deep file", 5);
	block_lose(long_name, 2);
	block_lose("/file", 30); /* not written since s1 */
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(cb_check_offline(&box, &check), 0);
	assert_int_equal(cb_rules(&check.result), R(2));
	finding = finding_of(&check, "/dir/sub/leaf/deep file");
	assert_true(finding->offset_bytes == 5 * 4096 && finding->len_bytes == 4096 && finding->rule == 2 &&
	            !finding->repairable);
	assert_null(strstr(finding->text, "snapshot"));
	finding = finding_of(&check, long_name);
	assert_true(finding->offset_bytes == 2 * 4096);
	finding = finding_of(&check, "/file");
	assert_true(finding->offset_bytes == 30 * 4096);
	assert_non_null(strstr(finding->text, "also in snapshot s1, s2, s3"));
	assert_int_equal(check.result.n_errors, 3);
	fs_check_result_fini(&check.result);
}

/* A file that only a snapshot still has. */
static void damaged_block_of_a_snapshot_is_reported_with_the_snapshot(void **state)
{
	const struct fs_check_finding *finding;
	struct fs_check_offline check;
	struct fs_file_id id;
	struct fs_message msg;

	(void)state;
	assert_int_equal(box_create(&box, box_root, "lost later", &id), 0);
	assert_int_equal(box_write(&box, id, 3 * 4096, "x", 1, FS_UNSTABLE), 0);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "keeps"), 0);
	block_lose("/lost later", 3);
	assert_int_equal(box_remove(&box, box_root, "lost later"), 0);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "younger"), 0);
	assert_int_equal(cb_check(&box, &msg), 0);
	assert_int_equal(cb_rules(&msg.out.check), R(2));
	assert_non_null(strstr(msg.out.check.report, "/.snapshot/keeps/lost later"));
	fs_message_fini(&msg);
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(cb_check_offline(&box, &check), 0);
	finding = finding_of(&check, "/.snapshot/keeps/lost later");
	assert_true(finding->offset_bytes == 3 * 4096);
	assert_int_equal(check.result.n_errors, 1);
	fs_check_result_fini(&check.result);
}

/* ---- memory and pace --------------------------------------------------------------------------------------------- */

/* Bits for one region at a time, however big the volume: the same is found. */
static void little_memory_finds_the_same(void **state)
{
	const struct fs_check_offline_options small = { .cache_pages = 2048, .memory_bytes = 8192 };
	struct fs_check_offline one, many;
	struct cb_raw raw;

	(void)state;
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(cb_check_offline_with(&box, &small, &many), 0);
	assert_int_equal(nothing_found(&many), 0);
	cb_raw_open(&raw, &box);
	assert_true(raid_geometry(raw.raid)->vbn_end > REGION_BLOCKS);
	cb_bit_put(&raw, INO_ACTIVE_MAP, cb_vbn_free(&raw), true);
	cb_bit_put(&raw, INO_ACTIVE_MAP, cb_vbn(&raw, cb_ino.file, 0, 20), false);
	cb_bit_put(&raw, INO_ACTIVE_MAP, cb_vbn(&raw, cb_ino.many, 0, 3), false);
	cb_bit_put(&raw, INO_ACTIVE_MAP, cb_vbn(&raw, cb_ino.file, 1, 0), false);
	cb_raw_close(&raw);
	assert_int_equal(cb_check_offline(&box, &one), 0);
	assert_int_equal(cb_check_offline_with(&box, &small, &many), 0);
	assert_true(one.result.n_errors > 3);
	assert_int_equal(one.result.n_errors, many.result.n_errors);
	assert_int_equal(one.result.n_blocks, many.result.n_blocks);
	fs_check_result_fini(&one.result);
	fs_check_result_fini(&many.result);
}

static void rate_limits_what_is_read_and_can_be_changed(void **state)
{
	uint64_t begun, slow;
	struct fs_message msg, rate;

	(void)state;
	fs_message_init(&msg, FS_CHECK, box.vol, NULL, NULL);
	msg.in.check_rate_bytes_s = 16 << 20;
	begun = world_now_ns(box.world);
	assert_int_equal(box_send(&box, &msg), 0);
	slow = world_now_ns(box.world) - begun;
	assert_int_equal(msg.out.check.n_errors, 0);
	fs_message_fini(&msg);
	/* 4 disks of 64 MiB less log and checksums: more than 200 MiB of stripes. */
	assert_true(slow > 12000000000U && slow < 30000000000U);

	fs_message_init(&rate, FS_CHECK_RATE, box.vol, NULL, NULL);
	assert_int_equal(box_send(&box, &rate), -ENOENT);
	fs_message_fini(&rate);
}

/* One data disk of 256 MiB has two regions, of which one is in use: the stripes from 32,768 on have nothing but free
 * blocks. */
static int volume_make_wide(void **state)
{
	(void)state;
	box_open(&box, 178, 2, 4U * DISK_BYTES, 4096);
	cb_populate(&box);
	return box_unmount(&box);
}

static uint64_t ios_of_check(void)
{
	struct fs_check_offline check;
	uint64_t n = memdisk_ios(box.urls[1] + 4); /* parity: read for nothing else */

	assert_int_equal(cb_check_offline(&box, &check), 0);
	assert_int_equal(nothing_found(&check), 0);
	return memdisk_ios(box.urls[1] + 4) - n;
}

static void stripes_of_regions_with_nothing_in_use_are_not_read(void **state)
{
	const uint64_t stripes_of_an_io = 16;
	uint64_t n = ios_of_check();

	(void)state;
	assert_true(n >= 32768U / stripes_of_an_io);
	assert_true(n < 40000U / stripes_of_an_io);
}

/* ---- a space map that cannot be read ----------------------------------------------------------------------------- */

/* 284 regions, more than a block of the space map has records; most of them were never used. */
static int volume_make_large(void **state)
{
	struct fs_file_id id;

	(void)state;
	box_open(&box, 179, 4, 12ULL << 30, 4096);
	cb_populate(&box);
	assert_int_equal(box_resolve(&box, "/file", &id), 0);
	/* the snapshots hold what was there */
	assert_int_equal(box_write(&box, id, 30 * 4096, "new", 3, FS_UNSTABLE), 0);
	return box_unmount(&box);
}

struct map_figures {
	uint64_t n_active, n_summary;
	uint32_t n_regions, n_summary_blocks;
};

static struct map_figures map_figures_take(void)
{
	const struct maps *maps;

	assert_int_equal(box_mount(&box), 0);
	maps = box.vol->maps;
	return (struct map_figures){ maps->n_active, maps->n_summary, maps->n_regions, box.vol->summary_map->n_blocks };
}

static void space_map_lose(void)
{
	const struct raid_ident other = { .inode = cb_ino.file, .fbn = 5000, .level = 0, .generation = 3 };
	const uint8_t bytes[4096] = { 1 };
	struct cb_raw raw;

	cb_raw_open(&raw, &box);
	cb_vbn_put(&raw, cb_vbn(&raw, INO_SPACE_MAP, 0, 0), &other, bytes);
	cb_raw_close(&raw);
}

static void lost_space_map_is_made_anew_and_holes_of_the_maps_stay_holes(void **state)
{
	const struct fs_check_offline_options repair = { .cache_pages = 4096, .repair = true };
	struct map_figures before = map_figures_take(), after;
	struct fs_check_offline check;

	(void)state;
	assert_true(before.n_regions == 284 && before.n_summary > 0);
	assert_int_equal(box_unmount(&box), 0);
	space_map_lose();
	assert_int_equal(box_mount(&box), -EIO); /* nobody knows where there is room */
	assert_int_equal(cb_check_offline_with(&box, &repair, &check), 0);
	assert_int_equal(check.n_first_errors, 2); /* the block under its checksum; its regions */
	assert_int_equal(check.result.n_errors, 0);
	fs_check_result_fini(&check.result);
	after = map_figures_take();
	assert_int_equal(after.n_active, before.n_active);
	assert_int_equal(after.n_summary, before.n_summary);
	assert_int_equal(after.n_summary_blocks, before.n_summary_blocks);
	assert_int_equal(box_check(&box), 0);
	assert_int_equal(box_unmount(&box), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(crashed_volume_is_clean_and_its_log_is_counted_and_no_byte_changes,
		                                volume_make, volume_drop),
		cmocka_unit_test_setup_teardown(volume_cut_while_writing_is_clean, volume_make, volume_drop),
		cmocka_unit_test_setup_teardown(damage_in_the_middle_of_the_log_is_found, volume_make, volume_drop),
		cmocka_unit_test_setup_teardown(damaged_block_is_reported_with_its_file_and_bytes, volume_make,
		                                volume_drop),
		cmocka_unit_test_setup_teardown(damaged_block_of_a_snapshot_is_reported_with_the_snapshot, volume_make,
		                                volume_drop),
		cmocka_unit_test_setup_teardown(little_memory_finds_the_same, volume_make, volume_drop),
		cmocka_unit_test_setup_teardown(stripes_of_regions_with_nothing_in_use_are_not_read, volume_make_wide,
		                                volume_drop),
		cmocka_unit_test_setup_teardown(lost_space_map_is_made_anew_and_holes_of_the_maps_stay_holes,
		                                volume_make_large, volume_drop),
		cmocka_unit_test_setup_teardown(rate_limits_what_is_read_and_can_be_changed, volume_make, volume_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
