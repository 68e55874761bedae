/* SPDX-License-Identifier: Apache-2.0 */
/* The scrub of a volume: what is wrong is found, told apart and put right, under the right disk; what cannot be put
 * right stays as it is; it goes on after unmounts and crashes; and it gives way to clients. */
#include "tests/fs/checkbox.h"

#include "fs/scrub/scrub_pace.h"
#include "raid/layout.h"
#include "tests/support/memdisk.h"

#define N_DISKS 4U
#define PARITY (N_DISKS - 1U)
#define DISK_BYTES (64ULL << 20)

static struct fsbox box;
static struct layout layout;
#define BIG_BLOCKS 2048U
#define SPOILED 700U /* stripes, all of them in use */
static struct fs_file_id big;
static unsigned n_copies;
static struct fs_scrub_info *info; /* the last one asked for */
static struct fs_message asked;

static int volume_make(void **state)
{
	(void)state;
	box_open(&box, 178, N_DISKS, DISK_BYTES, 4096);
	cb_populate(&box);
	assert_int_equal(box_create(&box, box_root, "big", &big), 0);
	for (uint32_t fbn = 0; fbn < BIG_BLOCKS; fbn++)
		vd_write(&box, big, fbn, fbn + 1U, FS_UNSTABLE);
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(layout_plan(DISK_BYTES / 4096U, 2U << 8U, &layout), 0);
	return 0;
}

static int volume_drop(void **state)
{
	(void)state;
	box_close(&box);
	return 0;
}

static int copy_make(void **state)
{
	(void)state;
	cb_disks_copy(&box, ++n_copies);
	assert_int_equal(box_mount(&box), 0);
	return 0;
}

static int copy_drop(void **state)
{
	(void)state;
	memdisk_set_latency(0);
	fs_message_fini(&asked);
	memset(&asked, 0, sizeof asked);
	if (box.vol != NULL)
		assert_int_equal(box_unmount(&box), 0);
	cb_disks_drop(&box);
	return 0;
}

/* ---- the scrub ---- */

static int scrub_op(enum fs_op op, uint64_t floor, bool afresh)
{
	fs_message_fini(&asked);
	fs_message_init(&asked, op, box.vol, NULL, NULL);
	asked.in.scrub.floor_bytes_s = floor;
	asked.in.scrub.afresh = afresh;
	return box_send(&box, &asked);
}

static void look(void)
{
	assert_int_equal(scrub_op(FS_SCRUB_STATUS, 0, false), 0);
	info = asked.out.scrub;
}

static void await_end(void)
{
	for (unsigned i = 0; i < 100000; i++) {
		look();
		if (info->now.state != FS_SCRUB_RUNNING)
			return;
		box_run(&box, 10000000);
	}
	fail_msg("the scrub does not end");
}

static void scrub(void)
{
	assert_int_equal(scrub_op(FS_SCRUB_START, 0, false), 0);
	await_end();
	assert_int_equal(info->now.state, FS_SCRUB_DONE);
	assert_int_equal(info->percent, 100);
}

static const struct fs_scrub_counts *counts_of(unsigned disk)
{
	for (unsigned i = 0; i < info->now.n_disks; i++)
		if (strcmp(info->now.disks[i].url, box.urls[disk]) == 0)
			return &info->now.disks[i].counts;
	fail_msg("disk %u is not in the result", disk);
	return NULL;
}

/* So much of disk `disk`, and nothing of the others. */
static void expect_counts(unsigned disk, uint64_t wrong, uint64_t entries, uint64_t unreadable, uint64_t repaired)
{
	for (unsigned i = 0; i < N_DISKS; i++) {
		const struct fs_scrub_counts *counts = counts_of(i);
		bool own = i == disk;

		assert_true(counts->n_read > 0);
		assert_int_equal(counts->n_wrong, own ? wrong : 0);
		assert_int_equal(counts->n_entries, own ? entries : 0);
		assert_int_equal(counts->n_unreadable, own ? unreadable : 0);
		assert_int_equal(counts->n_repaired, own ? repaired : 0);
		assert_int_equal(counts->n_lost, 0);
	}
}

/* Where block `fbn` of file `ino` lies. */
static unsigned where(uint32_t ino, uint32_t fbn, uint32_t *ret_dbn)
{
	struct cb_raw raw;
	uint32_t vbn;
	unsigned disk = 0;

	cb_raw_open(&raw, &box);
	vbn = cb_vbn(&raw, ino, 0, fbn);
	assert_true(vbn != 0);
	for (unsigned i = 0; i < raid_geometry(raw.raid)->n_data_disks; i++)
		if (raid_geometry(raw.raid)->disks[i].vbn_first <= vbn)
			disk = i;
	*ret_dbn = vbn - raid_geometry(raw.raid)->disks[disk].vbn_first;
	cb_raw_close(&raw);
	return disk;
}

static void block_get(unsigned disk, uint64_t block, uint8_t bytes[4096])
{
	memdisk_peek(box.urls[disk] + 4, block, bytes);
}

static bool block_is(unsigned disk, uint64_t block, const uint8_t bytes[4096])
{
	uint8_t now[4096];

	block_get(disk, block, now);
	return memcmp(now, bytes, sizeof now) == 0;
}

static void flip(unsigned disk, uint64_t block, unsigned bit)
{
	memdisk_flip_bit(box.urls[disk] + 4, block, bit);
}

/* Everything is as it should be, parity too. */
static void expect_clean(void)
{
	assert_int_equal(vd_check(&box), 0);
}

/* ---- what is wrong, and whose fault it is ---- */

static void a_sound_volume_is_read_where_it_holds_something_and_nothing_is_found(void **state)
{
	(void)state;
	scrub();
	expect_counts(0, 0, 0, 0, 0);
	for (unsigned i = 0; i < N_DISKS; i++)
		assert_true(counts_of(i)->n_read < DISK_BYTES / 4096U / 4U);
	assert_int_equal(info->now.n_lost, 0);
	assert_int_equal(info->last.state, FS_SCRUB_DONE);
	assert_true(info->last.ended_ns >= info->last.started_ns && info->last.started_ns > 0);
}

static void a_flipped_bit_in_a_data_block_is_made_right_from_parity(void **state)
{
	uint8_t right[4096];
	uint32_t dbn;
	unsigned disk = where(cb_ino.file, 7, &dbn);
	uint64_t block = layout_data_block(&layout, dbn);

	(void)state;
	block_get(disk, block, right);
	flip(disk, block, 12345);
	scrub();
	expect_counts(disk, 1, 0, 0, 1);
	assert_true(block_is(disk, block, right));
	expect_clean();
}

static void a_flipped_bit_in_a_parity_block_is_the_parity_disks(void **state)
{
	uint8_t right[4096];
	uint32_t dbn;
	uint64_t block;

	(void)state;
	(void)where(cb_ino.file, 7, &dbn);
	block = layout_data_block(&layout, dbn);
	block_get(PARITY, block, right);
	flip(PARITY, block, 999);
	scrub();
	expect_counts(PARITY, 1, 0, 0, 1);
	assert_true(block_is(PARITY, block, right));
	expect_clean();
}

static void a_flipped_bit_in_a_checksum_entry_is_not_its_blocks_fault(void **state)
{
	uint8_t right[4096], block_right[4096];
	uint32_t dbn;
	unsigned disk = where(cb_ino.file, 7, &dbn);
	uint64_t entries = layout_checksum_block(&layout, layout_zone(dbn)), block = layout_data_block(&layout, dbn);

	(void)state;
	scrub(); /* its entries are in memory now */
	block_get(disk, entries, right);
	block_get(disk, block, block_right);
	flip(disk, entries, layout_zone_slot(dbn) * 128U + 5U); /* of the CRC */
	scrub();
	expect_counts(disk, 0, 1, 0, 1);
	assert_true(block_is(disk, entries, right));
	assert_true(block_is(disk, block, block_right));
	flip(PARITY, entries, layout_zone_slot(dbn) * 128U + 40U); /* of the inode */
	scrub();
	expect_counts(PARITY, 0, 1, 0, 1);
	expect_clean();
}

static void a_sector_that_cannot_be_read_is_written_anew(void **state)
{
	uint32_t dbn;
	unsigned disk = where(cb_ino.file, 7, &dbn);

	(void)state;
	memdisk_fail_reads(box.urls[disk] + 4, layout_data_block(&layout, dbn), 1000000);
	scrub();
	expect_counts(disk, 0, 0, 1, 1);
	scrub();
	expect_counts(disk, 0, 0, 0, 0);
	expect_clean();
}

static void a_write_that_went_elsewhere_is_undone_there(void **state)
{
	uint8_t stray[4096], right[4096];
	uint32_t from, to;
	unsigned disk = where(cb_ino.file, 3, &from);
	uint64_t block;

	(void)state;
	for (uint32_t fbn = 4; where(cb_ino.file, fbn, &to) != disk;)
		fbn++;
	block = layout_data_block(&layout, to);
	block_get(disk, layout_data_block(&layout, from), stray);
	block_get(disk, block, right);
	memdisk_poke(box.urls[disk] + 4, block, stray);
	scrub();
	expect_counts(disk, 1, 0, 0, 1);
	assert_true(block_is(disk, block, right));
	expect_clean();
}

static void two_bad_blocks_in_a_stripe_are_lost_and_left_alone(void **state)
{
	uint8_t bad[2][4096], parity[4096];
	uint32_t dbn;
	unsigned disk = where(cb_ino.file, 7, &dbn), other = (disk + 1U) % PARITY;
	uint64_t block = layout_data_block(&layout, dbn);
	bool named = false;

	(void)state;
	flip(disk, block, 7);
	flip(other, block, 8);
	block_get(disk, block, bad[0]);
	block_get(other, block, bad[1]);
	block_get(PARITY, block, parity);
	scrub();
	assert_int_equal(counts_of(disk)->n_wrong, 1);
	assert_int_equal(counts_of(other)->n_wrong, 1);
	assert_int_equal(counts_of(disk)->n_lost, 1);
	assert_int_equal(counts_of(disk)->n_repaired + counts_of(other)->n_repaired, 0);
	for (unsigned i = 0; i < info->now.n_lost; i++)
		named = named || (info->now.lost[i].inode == cb_ino.file && info->now.lost[i].fbn == 7 &&
		                  info->now.lost[i].level == 0);
	assert_true(named);
	assert_true(block_is(disk, block, bad[0]) && block_is(other, block, bad[1]));
	assert_true(block_is(PARITY, block, parity));
}

static void a_lost_block_of_a_lun_is_named_by_its_path(void **state)
{
	uint32_t dbn;
	unsigned disk = where(cb_ino.lun, 0, &dbn);
	uint64_t block = layout_data_block(&layout, dbn);
	bool named = false;

	(void)state;
	flip(disk, block, 7);
	flip(PARITY, block, 8);
	scrub();
	for (unsigned i = 0; i < info->now.n_lost; i++)
		named = named || (info->now.lost[i].inode == cb_ino.lun && info->now.lost[i].path != NULL &&
		                  strcmp(info->now.lost[i].path, "/lun") == 0);
	assert_true(named);
	assert_int_equal(fs_scrub_sum(&info->now, true).n_wrong, 1);
	assert_int_equal(fs_scrub_sum(&info->now, true).n_lost, 0);
}

static void a_disk_written_over_is_counted_block_by_block(void **state)
{
	uint8_t junk[4096];
	uint64_t n;

	(void)state;
	memset(junk, 0xA5, sizeof junk);
	for (uint32_t dbn = 0; dbn < SPOILED; dbn++)
		memdisk_poke(box.urls[1] + 4, layout_data_block(&layout, dbn), junk);
	scrub();
	n = counts_of(1)->n_wrong;
	assert_true(n > 100);
	expect_counts(1, n, 0, 0, n);
	expect_clean();
}

/* ---- a group that is short of a disk ---- */

static void without_a_disk_the_others_are_verified_and_nothing_is_written(void **state)
{
	uint8_t bad[4096];
	uint32_t dbn;
	unsigned disk = where(cb_ino.file, 7, &dbn), away = (disk + 1U) % PARITY;
	uint64_t block = layout_data_block(&layout, dbn);

	(void)state;
	memdisk_lose(box.urls[away] + 4);
	assert_int_equal(box_sync(&box), 0); /* that is when it is noticed */
	scrub();
	for (unsigned i = 0; i < N_DISKS; i++)
		assert_int_equal(fs_scrub_n_wrong(counts_of(i)), 0);
	flip(disk, block, 7);
	block_get(disk, block, bad);
	scrub();
	assert_int_equal(counts_of(disk)->n_wrong, 1);
	assert_int_equal(counts_of(disk)->n_lost, 1);
	for (unsigned i = 0; i < N_DISKS; i++)
		assert_int_equal(counts_of(i)->n_repaired, 0);
	assert_true(block_is(disk, block, bad));
}

/* ---- interrupted ---- */

/* Every block in use of disk 1 is wrong, and the disks take their time. */
static uint64_t spoil(void)
{
	uint8_t junk[4096];

	memset(junk, 0x5A, sizeof junk);
	for (uint32_t dbn = 0; dbn < SPOILED; dbn++)
		memdisk_poke(box.urls[1] + 4, layout_data_block(&layout, dbn), junk);
	memdisk_set_latency(4000000);
	assert_int_equal(scrub_op(FS_SCRUB_START, 0, false), 0);
	for (unsigned i = 0; i < 1000; i++) {
		box_run(&box, 1000000);
		look();
		if (counts_of(1)->n_wrong > 60)
			break;
	}
	assert_int_equal(info->now.state, FS_SCRUB_RUNNING);
	assert_true(info->percent > 0 && info->percent < 100);
	return counts_of(1)->n_wrong;
}

static void an_unmount_saves_where_it_is_and_the_mount_goes_on_from_there(void **state)
{
	uint64_t n_before;

	(void)state;
	n_before = spoil();
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(box_mount(&box), 0);
	look();
	assert_int_equal(info->now.state, FS_SCRUB_RUNNING);
	assert_true(counts_of(1)->n_wrong >= n_before);
	await_end();
	assert_true(counts_of(1)->n_wrong > n_before);
	assert_int_equal(counts_of(1)->n_repaired, counts_of(1)->n_wrong);
	memdisk_set_latency(0);
	expect_clean();
}

static void a_crash_repeats_a_little_and_skips_nothing(void **state)
{
	uint64_t seed = 17U + n_copies;

	(void)state;
	(void)spoil();
	for (unsigned cut = 0; cut < 4; cut++) {
		box_run(&box, 700000000U * cut);
		box_crash(&box, seed + cut);
		look();
		if (info->now.state != FS_SCRUB_RUNNING)
			break;
	}
	await_end();
	assert_int_equal(info->now.state, FS_SCRUB_DONE);
	memdisk_set_latency(0);
	expect_clean();
}

static void stop_keeps_the_place_and_start_goes_on_from_it(void **state)
{
	uint64_t n_before;

	(void)state;
	assert_int_equal(scrub_op(FS_SCRUB_STOP, 0, false), -ESRCH);
	(void)spoil();
	assert_int_equal(scrub_op(FS_SCRUB_START, 0, false), -EALREADY);
	assert_non_null(strstr(asked.out.error_text, "being scrubbed already"));
	assert_int_equal(scrub_op(FS_SCRUB_STOP, 0, false), 0);
	box_run(&box, 1000000000);
	look();
	assert_int_equal(info->now.state, FS_SCRUB_STOPPED);
	n_before = counts_of(1)->n_wrong;
	box_run(&box, 1000000000);
	box_restart(&box, 5);
	box_run(&box, 1000000000);
	look();
	assert_int_equal(info->now.state, FS_SCRUB_STOPPED);
	assert_int_equal(counts_of(1)->n_wrong, n_before);
	assert_int_equal(info->last.state, FS_SCRUB_NONE);
	scrub();
	assert_true(counts_of(1)->n_wrong > n_before);
	memdisk_set_latency(0);
	expect_clean();
	assert_int_equal(scrub_op(FS_SCRUB_START, 0, true), 0);
	look();
	assert_int_equal(info->last.state, FS_SCRUB_DONE); /* is still told while the next one runs */
	await_end();
	expect_counts(0, 0, 0, 0, 0);
}

static void a_start_that_was_answered_survives_a_crash_at_once(void **state)
{
	(void)state;
	memdisk_set_latency(1000000);
	assert_int_equal(scrub_op(FS_SCRUB_START, 4U << 20, false), 0);
	box_crash(&box, 4);
	look();
	assert_int_equal(info->now.state, FS_SCRUB_RUNNING);
	assert_int_equal(info->floor_bytes_s, 4U << 20);
	await_end();
}

static void a_document_that_makes_no_sense_is_as_if_there_were_none(void **state)
{
	struct fs_message msg;

	(void)state;
	fs_message_init(&msg, FS_DOC_PUT, box.vol, NULL, NULL);
	msg.in.name = "scrub";
	msg.in.name_len = 5;
	msg.in.blob = "VCSCRUB1 and then nothing that could be one";
	msg.in.blob_len = 40;
	assert_int_equal(box_send(&box, &msg), 0);
	fs_message_fini(&msg);
	box_restart(&box, 0);
	look();
	assert_int_equal(info->now.state, FS_SCRUB_NONE);
	scrub();
	box_restart(&box, 0);
	look();
	assert_int_equal(info->last.state, FS_SCRUB_DONE);
}

/* ---- beside clients ---- */

static void clients_go_on_while_it_runs(void **state)
{
	struct fs_file_id id;
	uint32_t n_writes = 0;

	(void)state;
	assert_int_equal(box_create(&box, box_root, "busy", &id), 0);
	(void)spoil();
	do {
		vd_write(&box, id, n_writes % 64U, n_writes + 1U, n_writes % 3U == 0 ? FS_FILE_SYNC : FS_UNSTABLE);
		n_writes++;
		if (n_writes % 100U == 0)
			assert_int_equal(box_sync(&box), 0);
		look();
	} while (info->now.state == FS_SCRUB_RUNNING && n_writes < 100000);
	assert_int_equal(info->now.state, FS_SCRUB_DONE);
	for (uint32_t i = n_writes < 64U ? 0 : n_writes - 64U; i < n_writes; i++)
		assert_int_equal(vd_read(&box, id, i % 64U), i + 1U);
	memdisk_set_latency(0);
	expect_clean();
}

static void the_floor_has_a_least_and_a_change_of_it_is_kept(void **state)
{
	(void)state;
	assert_int_equal(scrub_op(FS_SCRUB_MODIFY, 1000, false), -EINVAL);
	assert_int_equal(scrub_op(FS_SCRUB_MODIFY, 1U << 20, false), 0);
	box_restart(&box, 3);
	look();
	assert_int_equal(info->floor_bytes_s, 1U << 20);
	assert_int_equal(scrub_op(FS_SCRUB_MODIFY, 0, false), 0);
	look();
	assert_int_equal(info->floor_bytes_s, FS_SCRUB_FLOOR_BYTES_S);
}

/* ---- pace ---- */

static void the_pace_is_full_when_idle_and_never_below_the_floor(void **state)
{
	struct scrub_pace pace = { .batch_at_ns = 0 };
	struct clone_view view = { .now_ns = 1000000000 };
	struct scrub_plan plan = scrub_pace_plan(&pace, &view, 1U << 20);

	(void)state;
	assert_int_equal(plan.delay_ns, 0);
	scrub_pace_batch(&pace, view.now_ns);
	view.now_ns += CLONE_QUIET_NS + 1U; /* nobody is there */
	plan = scrub_pace_plan(&pace, &view, 1U << 20);
	assert_int_equal(plan.delay_ns, 0);
	assert_int_equal(plan.n_stripes, SCRUB_BATCH_IDLE);
	scrub_pace_batch(&pace, view.now_ns);
	view.cp_running = true; /* a consistency point goes first, */
	view.now_ns += 1000000;
	plan = scrub_pace_plan(&pace, &view, 1U << 20);
	assert_int_equal(plan.n_stripes, SCRUB_BATCH_BUSY);
	assert_int_equal(plan.delay_ns, SCRUB_CP_POLL_NS);
	/* but not for longer than the floor has it: 16 blocks of 4 KiB at 1 MiB/s are 62.5 ms */
	view.now_ns += 61500000;
	view.n_client_ops = 1;
	view.n_clients_waiting = 1;
	plan = scrub_pace_plan(&pace, &view, 1U << 20);
	assert_int_equal(plan.delay_ns, 0);
	scrub_pace_batch(&pace, view.now_ns);
	view.now_ns += 60000000;
	plan = scrub_pace_plan(&pace, &view, 1U << 20);
	assert_int_equal(plan.delay_ns, 2500000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, copy_make, copy_drop)
	const struct CMUnitTest tests[] = {
		T(a_sound_volume_is_read_where_it_holds_something_and_nothing_is_found),
		T(a_flipped_bit_in_a_data_block_is_made_right_from_parity),
		T(a_flipped_bit_in_a_parity_block_is_the_parity_disks),
		T(a_flipped_bit_in_a_checksum_entry_is_not_its_blocks_fault),
		T(a_sector_that_cannot_be_read_is_written_anew),
		T(a_write_that_went_elsewhere_is_undone_there),
		T(two_bad_blocks_in_a_stripe_are_lost_and_left_alone),
		T(a_lost_block_of_a_lun_is_named_by_its_path),
		T(a_disk_written_over_is_counted_block_by_block),
		T(without_a_disk_the_others_are_verified_and_nothing_is_written),
		T(an_unmount_saves_where_it_is_and_the_mount_goes_on_from_there),
		T(a_crash_repeats_a_little_and_skips_nothing),
		T(stop_keeps_the_place_and_start_goes_on_from_it),
		T(a_start_that_was_answered_survives_a_crash_at_once),
		T(a_document_that_makes_no_sense_is_as_if_there_were_none),
		T(clients_go_on_while_it_runs),
		T(the_floor_has_a_least_and_a_change_of_it_is_kept),
		cmocka_unit_test(the_pace_is_full_when_idle_and_never_below_the_floor),
	};
	return cmocka_run_group_tests(tests, volume_make, volume_drop);
}
