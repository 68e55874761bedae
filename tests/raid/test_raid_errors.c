/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong on a disk: counted by kind, and said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/base/cmocka_all.h"

#include "base/log.h"
#include "raid/layout.h"
#include "raid/raidformat.h"
#include "tests/support/simraid.h"

#define DISK_BLOCKS 2400U
#define LOG_HALF (64U * 1024U)

static struct simraid s;
static unsigned n_events;
static char last_event[512];

static void remember(enum log_level level, bool peer, const char *component, const char *event, const char *text)
{
	if (strcmp(component, "raid") != 0 || strcmp(event, "disk_error") != 0)
		return;
	assert_int_equal(level, LOG_LEVEL_WARN);
	assert_false(peer);
	n_events++;
	(void)snprintf(last_event, sizeof last_event, "%s", text);
}

static void make(unsigned disks)
{
	simraid_init(&s, 11, "e", 1, &disks, DISK_BLOCKS);
	simraid_start(&s, LOG_HALF);
	n_events = 0;
	log_set_sink(remember);
}

static int tidy(void **state)
{
	(void)state;
	log_set_sink(NULL);
	simraid_end(&s);
	return 0;
}

static uint64_t block_of(uint32_t dbn)
{
	struct layout l;

	assert_int_equal(layout_plan(DISK_BLOCKS, LOG_HALF / RAID_BLOCK_SIZE, &l), 0);
	return layout_data_block(&l, dbn);
}

static uint64_t checksum_block_of(uint32_t dbn)
{
	struct layout l;

	assert_int_equal(layout_plan(DISK_BLOCKS, LOG_HALF / RAID_BLOCK_SIZE, &l), 0);
	return layout_checksum_block(&l, layout_zone(dbn));
}

/* The first n blocks of the first data disk, from VBN 1 on: there DBN and VBN are the same. */
static void write_first(uint32_t n)
{
	uint32_t vbns[600];

	assert_true(n <= 600);
	for (uint32_t i = 0; i < n; i++)
		vbns[i] = i + 1;
	assert_int_equal(simraid_write(&s, vbns, n), 0);
	assert_int_equal(simraid_flush(&s), 0);
}

static void assert_count(unsigned disk, enum raid_error kind, uint64_t n, uint64_t n_repaired)
{
	static struct raid_status status;

	raid_status(s.raid, &status);
	assert_int_equal(status.disks[disk].errors[kind].n, n);
	assert_int_equal(status.disks[disk].errors[kind].n_repaired, n_repaired);
}

static void assert_none_but(unsigned disk, enum raid_error kind)
{
	for (unsigned d = 0; d < s.n_disks; d++)
		for (unsigned k = 0; k < RAID_N_ERRORS; k++)
			if (d != disk || k != (unsigned)kind)
				assert_count(d, (enum raid_error)k, 0, 0);
}

static void a_read_error_is_counted_and_repaired(void **state)
{
	(void)state;
	make(4);
	write_first(20);
	memdisk_fail_reads(s.names[0], block_of(5), 2); /* for the client, and for the repair; a write heals it */
	assert_int_equal(simraid_read(&s, 5, s.versions[5]), 0);
	assert_count(0, RAID_ERROR_READ, 2, 1);
	assert_none_but(0, RAID_ERROR_READ);
	assert_non_null(strstr(last_event, "disk=mem:e-0 kind=read block="));
}

static void a_block_that_does_not_match_is_an_error_of_checksum(void **state)
{
	(void)state;
	make(4);
	write_first(20);
	memdisk_flip_bit(s.names[0], block_of(5), 77);
	memdisk_drop_write(s.names[0], block_of(30)); /* a lost write, whose entry is there */
	assert_int_equal(simraid_write(&s, (uint32_t[]){ 30 }, 1), 0);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_count(0, RAID_ERROR_CHECKSUM, 2, 2);
	assert_none_but(0, RAID_ERROR_CHECKSUM);
}

/* Block and entry: what is there is whole, but not what was written last. */
static void a_write_lost_with_its_entry_is_an_error_of_identity(void **state)
{
	(void)state;
	make(4);
	memdisk_drop_write(s.names[0], block_of(7));
	memdisk_drop_write(s.names[0], checksum_block_of(7));
	write_first(20);
	assert_int_equal(simraid_close(&s), 0);
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(simraid_read(&s, 7, s.versions[7]), 0);
	assert_count(0, RAID_ERROR_IDENTITY, 1, 1);
}

static void errors_beyond_repair_are_counted_on_each_disk(void **state)
{
	(void)state;
	make(4);
	write_first(20);
	memdisk_flip_bit(s.names[0], block_of(5), 77);
	memdisk_flip_bit(s.names[3], block_of(5), 78);
	assert_int_equal(simraid_read(&s, 5, s.versions[5]), -EIO);
	assert_count(0, RAID_ERROR_CHECKSUM, 1, 0);
	assert_count(3, RAID_ERROR_CHECKSUM, 1, 0);
}

static void failed_writes_and_flushes_are_counted(void **state)
{
	(void)state;
	make(4);
	memdisk_fail_writes(s.names[1], 1);
	assert_true(simraid_write_random(&s, 300, 30) >= 0);
	assert_count(1, RAID_ERROR_WRITE, 1, 0);
	assert_none_but(1, RAID_ERROR_WRITE);
	assert_int_equal(tidy(NULL), 0);
	make(4);
	write_first(20);
	memdisk_fail_flush(s.names[2], 1);
	assert_true(simraid_write_random(&s, 300, 30) >= 0);
	assert_int_equal(simraid_flush(&s), 0);
	assert_count(2, RAID_ERROR_FLUSH, 1, 0);
	assert_none_but(2, RAID_ERROR_FLUSH);
}

static void an_event_tells_the_first_error_and_every_doubling(void **state)
{
	(void)state;
	make(4);
	write_first(50);
	for (uint32_t dbn = 1; dbn <= 50; dbn++)
		memdisk_flip_bit(s.names[0], block_of(dbn), dbn);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_count(0, RAID_ERROR_CHECKSUM, 50, 50);
	assert_int_equal(n_events, 6); /* 1, 2, 4, 8, 16, 32 */
	assert_non_null(strstr(last_event, "kind=checksum"));
	assert_non_null(strstr(last_event, "total=32 repaired=31"));
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static const struct raid_disk_status *disk(unsigned i)
{
	static struct raid_status status;

	raid_status(s.raid, &status);
	return &status.disks[i];
}

static void reopen(void)
{
	assert_int_equal(simraid_close(&s), 0);
	assert_int_equal(simraid_open(&s), 0);
}

/* Blocks first .. first + n - 1 of the first data disk go bad, and are read. */
static void spoil(uint32_t first, uint32_t n)
{
	for (uint32_t dbn = first; dbn < first + n; dbn++)
		memdisk_flip_bit(s.names[0], block_of(dbn), dbn);
	for (uint32_t dbn = first; dbn < first + n; dbn++)
		assert_int_equal(simraid_read(&s, dbn, s.versions[dbn]), 0);
	sim_run_for(s.sim, 5000000000ULL);
}

static void make_limited(enum raid_limit which, uint64_t limit)
{
	make(4);
	write_first(500);
	assert_int_equal(simraid_limit(&s, which, limit), 0);
}

static void a_disk_with_too_many_errors_fails_when_the_group_can_do_without(void **state)
{
	(void)state;
	make_limited(RAID_LIMIT_CHECKSUM_ERRORS, 20);
	spoil(1, 20);
	assert_int_equal(disk(0)->state, RAID_DISK_ONLINE);
	assert_string_equal(disk(0)->worn, "");
	spoil(21, 1);
	assert_int_equal(disk(0)->state, RAID_DISK_FAILED);
	assert_string_equal(disk(0)->why, "it had too many errors (EIO)");
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(tidy(NULL), 0);
	make_limited(RAID_LIMIT_READ_ERRORS, 3);
	memdisk_fail_reads(s.names[0], block_of(7), 2); /* for the client, and for the repair */
	memdisk_fail_reads(s.names[0], block_of(9), 2);
	assert_int_equal(simraid_read(&s, 7, s.versions[7]), 0);
	sim_run_for(s.sim, 5000000000ULL);
	assert_int_equal(disk(0)->state, RAID_DISK_ONLINE);
	assert_int_equal(simraid_read(&s, 9, s.versions[9]), 0);
	sim_run_for(s.sim, 5000000000ULL);
	assert_count(0, RAID_ERROR_READ, 4, 2);
	assert_int_equal(disk(0)->state, RAID_DISK_FAILED);
}

static void a_worn_disk_stays_as_long_as_the_group_cannot_do_without(void **state)
{
	(void)state;
	make_limited(RAID_LIMIT_CHECKSUM_ERRORS, 20);
	spoil(1, 19); /* parity mends them while it can */
	memdisk_lose(s.names[2]);
	assert_true(simraid_write_random(&s, 300, 300) >= 0);
	assert_int_equal(disk(2)->state, RAID_DISK_FAILED);
	for (uint32_t dbn = 21; dbn < 24; dbn++) { /* beyond repair now */
		memdisk_flip_bit(s.names[0], block_of(dbn), 5);
		assert_int_equal(simraid_read(&s, dbn, s.versions[dbn]), -EIO);
	}
	sim_run_for(s.sim, 5000000000ULL);
	assert_int_equal(disk(0)->state, RAID_DISK_ONLINE);
	assert_string_equal(disk(0)->worn, "22 checksum errors");
	assert_int_equal(simraid_read(&s, 30, s.versions[30]), 0);
	reopen();
	assert_int_equal(disk(0)->state, RAID_DISK_ONLINE);
	assert_string_equal(disk(0)->worn, "too many errors at an earlier start");
	/* it goes when the other one is there again */
	assert_int_equal(simraid_replace(&s, 0, 2, simraid_add_disk(&s, "spare", DISK_BLOCKS)), 0);
	simraid_rebuilt(&s, 60);
	sim_run_for(s.sim, 5000000000ULL);
	assert_int_equal(disk(2)->state, RAID_DISK_ONLINE);
	assert_int_equal(disk(0)->state, RAID_DISK_FAILED);
}

static void a_worn_disk_stays_while_another_one_has_errors(void **state)
{
	uint32_t other;

	(void)state;
	make_limited(RAID_LIMIT_CHECKSUM_ERRORS, 20);
	other = raid_geometry(s.raid)->disks[1].vbn_first + 300;
	assert_int_equal(simraid_write(&s, &other, 1), 0);
	memdisk_flip_bit(s.names[1], block_of(300), 9);
	assert_int_equal(simraid_read(&s, other, s.versions[other]), 0);
	assert_count(1, RAID_ERROR_CHECKSUM, 1, 1);
	spoil(1, 25);
	assert_int_equal(disk(0)->state, RAID_DISK_ONLINE);
	assert_string_not_equal(disk(0)->worn, "");
	for (unsigned i = 0; i < 3; i++) /* an hour and more later nothing else has happened there */
		sim_run_for(s.sim, 1800000000000ULL);
	assert_int_equal(disk(0)->state, RAID_DISK_FAILED);
}

static void errors_now_and_then_do_not_wear_a_disk(void **state)
{
	(void)state;
	make_limited(RAID_LIMIT_CHECKSUM_ERRORS, 20);
	for (unsigned i = 0; i < 10; i++) {
		spoil(1 + 10 * i, 10);
		sim_run_for(s.sim, 3600000000000ULL);
	}
	assert_int_equal(disk(0)->errors[RAID_ERROR_CHECKSUM].n, 100);
	assert_string_equal(disk(0)->worn, "");
	assert_int_equal(disk(0)->state, RAID_DISK_ONLINE);
}

static void a_limit_can_be_none(void **state)
{
	(void)state;
	make_limited(RAID_LIMIT_CHECKSUM_ERRORS, RAID_NO_LIMIT);
	spoil(1, 400);
	assert_string_equal(disk(0)->worn, "");
}

static void identity_of_parity_wears_no_disk(void **state)
{
	(void)state;
	make_limited(RAID_LIMIT_IDENTITY_ERRORS, 2);
	assert_int_equal(simraid_close(&s), 0);
	for (uint32_t dbn = 5; dbn < 15; dbn++) { /* parity and its entries are those of another time */
		uint8_t zeros[RAID_BLOCK_SIZE] = { 0 };

		memdisk_poke(s.names[3], block_of(dbn), zeros);
		memdisk_poke(s.names[3], checksum_block_of(dbn), zeros);
	}
	assert_int_equal(simraid_open(&s), 0);
	for (uint32_t dbn = 5; dbn < 15; dbn++)
		assert_int_equal(simraid_write(&s, (uint32_t[]){ dbn }, 1), 0);
	sim_run_for(s.sim, 5000000000ULL);
	assert_true(disk(3)->errors[RAID_ERROR_IDENTITY].n > 2);
	assert_string_equal(disk(3)->worn, "");
	assert_int_equal(disk(3)->state, RAID_DISK_ONLINE);
}

static uint64_t limit(enum raid_limit which)
{
	static struct raid_status status;

	raid_status(s.raid, &status);
	return status.limits.of[which];
}

static void limits_are_kept_in_the_labels(void **state)
{
	(void)state;
	make(3);
	assert_int_equal(limit(RAID_LIMIT_READ_ERRORS), 64);
	assert_int_equal(limit(RAID_LIMIT_REBUILD_FLOOR), 32U << 20);
	assert_int_equal(simraid_limit(&s, RAID_LIMIT_READ_ERRORS, 7), 0);
	assert_int_equal(simraid_limit(&s, RAID_LIMIT_CHECKSUM_ERRORS, RAID_NO_LIMIT), 0);
	assert_int_equal(simraid_limit(&s, RAID_LIMIT_REBUILD_FLOOR, 1U << 20), 0);
	assert_int_equal(simraid_limit(&s, RAID_LIMIT_REBUILD_FLOOR, RAID_NO_LIMIT), -ERANGE);
	assert_int_equal(simraid_limit(&s, RAID_LIMIT_REBUILD_FLOOR, 4096), -ERANGE);
	reopen();
	assert_int_equal(limit(RAID_LIMIT_READ_ERRORS), 7);
	assert_true(limit(RAID_LIMIT_CHECKSUM_ERRORS) == RAID_NO_LIMIT);
	assert_int_equal(limit(RAID_LIMIT_IDENTITY_ERRORS), 256);
	assert_int_equal(limit(RAID_LIMIT_REBUILD_FLOOR), 1U << 20);
	assert_int_equal(simraid_close(&s), 0);
	assert_int_equal(simraid_open_read_only(&s), 0);
	assert_int_equal(simraid_limit(&s, RAID_LIMIT_READ_ERRORS, 8), -EROFS);
	assert_int_equal(limit(RAID_LIMIT_READ_ERRORS), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_read_error_is_counted_and_repaired, tidy),
		cmocka_unit_test_teardown(a_block_that_does_not_match_is_an_error_of_checksum, tidy),
		cmocka_unit_test_teardown(a_write_lost_with_its_entry_is_an_error_of_identity, tidy),
		cmocka_unit_test_teardown(errors_beyond_repair_are_counted_on_each_disk, tidy),
		cmocka_unit_test_teardown(failed_writes_and_flushes_are_counted, tidy),
		cmocka_unit_test_teardown(an_event_tells_the_first_error_and_every_doubling, tidy),
		cmocka_unit_test_teardown(a_disk_with_too_many_errors_fails_when_the_group_can_do_without, tidy),
		cmocka_unit_test_teardown(a_worn_disk_stays_as_long_as_the_group_cannot_do_without, tidy),
		cmocka_unit_test_teardown(a_worn_disk_stays_while_another_one_has_errors, tidy),
		cmocka_unit_test_teardown(errors_now_and_then_do_not_wear_a_disk, tidy),
		cmocka_unit_test_teardown(a_limit_can_be_none, tidy),
		cmocka_unit_test_teardown(identity_of_parity_wears_no_disk, tidy),
		cmocka_unit_test_teardown(limits_are_kept_in_the_labels, tidy),
	};
	if (page_arena_init(16384) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
