/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that was only away comes back: what it gets, and when it is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/base/cmocka_all.h"

#include "base/log.h"
#include "raid/layout.h"
#include "tests/support/simraid.h"

#define DISK_BLOCKS (40U * 256U) /* about 39 zones */
#define LOG_HALF (64U * 1024U)
#define A_MINUTE 60U

static struct simraid s;

static void make_of(unsigned disks, uint64_t seed)
{
	simraid_init(&s, seed, "o", 1, &disks, DISK_BLOCKS);
	simraid_start(&s, LOG_HALF);
}

/* Also after a failed assertion. */
static int tidy(void **state)
{
	(void)state;
	simraid_end(&s);
	return 0;
}

static const struct raid_disk_status *disk(unsigned i)
{
	static struct raid_status st;

	raid_status(s.raid, &st);
	return &st.disks[i];
}

/* Much of it, all over the disks. */
static void make_full(unsigned disks, uint64_t seed)
{
	make_of(disks, seed);
	for (unsigned i = 0; i < 8; i++)
		assert_true(simraid_write_random(&s, 2000, 500) >= 0);
	assert_int_equal(simraid_fsinfo_write(&s, 5, 55), 0);
}

/* Blocks of a few zones only: those of DBNs first .. first + n - 1 on the first data disk. */
static void write_at(uint32_t first, uint32_t n)
{
	uint32_t vbns[300];

	for (uint32_t i = 0; i < n; i++)
		vbns[i] = first + i;
	assert_int_equal(simraid_write(&s, vbns, n), 0);
}

static void lose(unsigned i)
{
	memdisk_lose(s.names[i]);
	sim_run_for(s.sim, 5000000000ULL); /* the look at all disks finds it */
	assert_int_equal(disk(i)->state, RAID_DISK_FAILED);
}

/* It is there again, by another name, with what a power cut would have left of it. */
static unsigned found(unsigned i, const char *name)
{
	assert_int_equal(memdisk_crash_clone(s.names[i], name, sim_random(s.sim)), 0);
	memdisk_find(name);
	return simraid_add_disk(&s, name, 0);
}

static void all_is_right(void)
{
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_verify(&s), 0);
}

/* Whoever else is lost now: the one that came back has all it should. */
static void comes_back(unsigned position, unsigned medium, unsigned other, bool keeps_rest)
{
	assert_int_equal(simraid_online(&s, 0, position, medium), 0);
	assert_int_equal(disk(position)->state, RAID_DISK_REBUILDING);
	assert_int_equal(disk(position)->keeps_rest, keeps_rest);
	all_is_right();
	simraid_rebuilt(&s, A_MINUTE);
	assert_int_equal(disk(position)->state, RAID_DISK_ONLINE);
	assert_int_equal(disk(position)->keeps_rest, keeps_rest);
	assert_int_equal(disk(position)->changed_blocks, 0);
	all_is_right();
	s.names[position][0] = '\0';
	simraid_reopen(&s);
	all_is_right();
	lose(other);
	assert_int_equal(simraid_check(&s, NULL), 0);
}

static void a_disk_that_was_away_gets_what_has_changed(void **state)
{
	(void)state;
	for (unsigned position = 0; position < 4; position++) {
		make_full(4, 3 + position);
		lose(position);
		write_at(300, 200); /* zones 1 */
		write_at(5000, 200); /* zones 19 and 20 */
		assert_int_equal(simraid_flush(&s), 0);
		assert_true(disk(position)->keeps_rest);
		assert_in_range(disk(position)->changed_blocks, 3U * 255U, 4U * 255U);
		comes_back(position, found(position, "back"), (position + 1) % 4, true);
		simraid_end(&s);
	}
}

static void only_what_has_changed_is_written_to_it(void **state)
{
	unsigned back;

	(void)state;
	make_full(4, 8);
	lose(1);
	write_at(300, 200);
	assert_int_equal(simraid_flush(&s), 0);
	back = found(1, "back");
	assert_int_equal(simraid_online(&s, 0, 1, back), 0);
	simraid_rebuilt(&s, A_MINUTE);
	assert_int_equal(disk(1)->state, RAID_DISK_ONLINE);
	/* a zone, labels, marks, fsinfo and a copy of the log: of 40 MiB */
	assert_in_range(disk(1)->written_bytes, 255U * 4096U, 2U << 20);
	all_is_right();
}

static void what_was_not_flushed_when_it_went_counts_as_changed(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 8; seed++) {
		unsigned position = seed % 2 == 0 ? 0 : 3; /* where the blocks are, and their parity */

		make_full(4, 20 + seed);
		assert_int_equal(simraid_flush(&s), 0);
		write_at(700, 250); /* complete, not durable: some of it is not there when the disk comes back */
		write_at(2600, 30);
		lose(position);
		assert_int_equal(simraid_flush(&s), 0);
		comes_back(position, found(position, "back"), 1, true);
		simraid_end(&s);
	}
}

static void the_map_lives_through_restarts(void **state)
{
	(void)state;
	make_full(4, 30);
	lose(3);
	write_at(300, 100);
	simraid_reopen(&s); /* as it is: missing */
	assert_true(disk(3)->keeps_rest);
	write_at(4000, 100);
	simraid_reopen(&s);
	comes_back(3, found(3, "back"), 1, true);
}

static void a_disk_that_was_missing_at_the_start_comes_back(void **state)
{
	char kept[32];

	(void)state;
	make_full(4, 31);
	assert_int_equal(simraid_close(&s), 0);
	memcpy(kept, s.names[0], sizeof kept);
	s.names[0][0] = '\0';
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(disk(0)->state, RAID_DISK_MISSING);
	write_at(300, 100);
	assert_true(simraid_write_random(&s, 300, 100) >= 0);
	assert_int_equal(simraid_flush(&s), 0);
	memcpy(s.names[0], kept, sizeof kept);
	assert_int_equal(simraid_online(&s, 0, 0, 0), 0);
	assert_true(disk(0)->keeps_rest);
	simraid_rebuilt(&s, A_MINUTE);
	all_is_right();
	simraid_reopen(&s);
	lose(1);
	assert_int_equal(simraid_check(&s, NULL), 0);
}

/* R4 */
static void a_disk_whose_flush_failed_gets_everything(void **state)
{
	(void)state;
	make_full(4, 32);
	memdisk_fail_flush(s.names[1], 1);
	write_at(300, 100);
	assert_int_equal(simraid_flush(&s), 0);
	assert_int_equal(disk(1)->state, RAID_DISK_FAILED);
	assert_false(disk(1)->keeps_rest);
	comes_back(1, found(1, "back"), 0, false);
}

/* DM2 */
static void an_old_copy_of_the_disk_gets_everything(void **state)
{
	(void)state;
	make_full(4, 33);
	assert_int_equal(simraid_close(&s), 0);
	assert_int_equal(memdisk_clone(s.names[1], "old"), 0);
	assert_int_equal(simraid_open(&s), 0);
	write_at(300, 100);
	assert_int_equal(simraid_flush(&s), 0);
	lose(1);
	write_at(2000, 100);
	assert_int_equal(simraid_flush(&s), 0);
	assert_true(disk(1)->keeps_rest);
	comes_back(1, simraid_add_disk(&s, "old", 0), 0, false);
}

/* What cannot be read ends with an error. */
static void only_errors(void)
{
	unsigned eio, bad = simraid_check(&s, &eio);

	assert_int_equal(bad, eio);
}

/* What it has there is of another time, and so is its checksum block: nobody may take it for what it should be. */
static void what_the_others_cannot_give_is_never_taken_from_it(void **state)
{
	struct layout l;
	unsigned back;

	(void)state;
	make_full(4, 36);
	write_at(700, 200);
	assert_int_equal(simraid_flush(&s), 0);
	lose(1);
	write_at(raid_geometry(s.raid)->disks[1].vbn_first + 700, 60);
	assert_int_equal(simraid_flush(&s), 0);
	simraid_reopen(&s); /* nothing is cached */
	assert_int_equal(layout_plan(DISK_BLOCKS, LOG_HALF / RAID_BLOCK_SIZE, &l), 0);
	memdisk_fail_reads(s.names[2], layout_checksum_block(&l, layout_zone(700)), 1000000);
	back = found(1, "back");
	assert_int_equal(simraid_online(&s, 0, 1, back), 0);
	simraid_rebuilt(&s, A_MINUTE);
	only_errors();
	assert_int_equal(disk(1)->state, RAID_DISK_FAILED);
	assert_false(disk(1)->keeps_rest);
	assert_int_equal(simraid_replace(&s, 0, 1, simraid_add_disk(&s, "new", DISK_BLOCKS)), 0);
	simraid_rebuilt(&s, A_MINUTE);
	assert_int_equal(disk(1)->state, RAID_DISK_ONLINE);
	only_errors();
}

/* At the start it is there, and not believed: labels call it failed. */
static void a_disk_that_is_there_again_at_the_start_is_taken_back(void **state)
{
	(void)state;
	make_full(4, 37);
	lose(2);
	write_at(300, 100);
	assert_int_equal(simraid_close(&s), 0);
	memdisk_find(s.names[2]);
	assert_int_equal(simraid_open(&s), 0);
	assert_int_equal(disk(2)->state, RAID_DISK_FAILED);
	write_at(5000, 100);
	assert_int_equal(simraid_online(&s, 0, 2, 2), 0);
	assert_true(disk(2)->keeps_rest);
	simraid_rebuilt(&s, A_MINUTE);
	all_is_right();
	simraid_reopen(&s);
	lose(1);
	assert_int_equal(simraid_check(&s, NULL), 0);
}

static void another_disk_is_refused(void **state)
{
	unsigned blank, again;

	(void)state;
	make_full(4, 34);
	lose(1);
	blank = simraid_add_disk(&s, "blank", DISK_BLOCKS);
	assert_int_equal(simraid_online(&s, 0, 1, blank), -ENXIO);
	assert_int_equal(memdisk_clone(s.names[2], "two"), 0);
	assert_int_equal(simraid_online(&s, 0, 1, simraid_add_disk(&s, "two", 0)), -ENXIO);
	assert_int_equal(simraid_online(&s, 0, 0, blank), -EALREADY);
	assert_int_equal(simraid_online(&s, 0, 7, blank), -ENOENT);
	again = found(1, "back");
	assert_int_equal(simraid_online(&s, 0, 1, again), 0);
	simraid_rebuilt(&s, A_MINUTE);
	all_is_right();
	/* once it is back, what it was before is no member any more */
	assert_int_equal(memdisk_crash_clone(s.names[1], "before", 1), 0);
	memdisk_find("before");
	memdisk_lose("back");
	sim_run_for(s.sim, 5000000000ULL);
	assert_int_equal(simraid_online(&s, 0, 1, simraid_add_disk(&s, "before", 0)), -ENXIO);
}

static unsigned busy_window(void *arg)
{
	(void)arg;
	return 65536;
}

static void it_may_go_again_while_it_is_brought_up_to_date(void **state)
{
	(void)state;
	make_full(4, 35);
	lose(1);
	for (uint32_t at = 300; at < 9000; at += 1000)
		write_at(at, 100);
	assert_int_equal(simraid_flush(&s), 0);
	raid_write_window(s.raid, busy_window, NULL);
	raid_rebuild_floor(s.raid, 1U << 20);
	assert_int_equal(simraid_online(&s, 0, 1, found(1, "back")), 0);
	for (unsigned i = 0; i < 40; i++) {
		assert_true(simraid_write_random(&s, 60, 20) >= 0); /* where it is, and where it is not yet */
		assert_int_equal(simraid_flush(&s), 0);
	}
	assert_int_equal(disk(1)->state, RAID_DISK_REBUILDING);
	write_at(8300, 50);
	memdisk_lose("back");
	sim_run_for(s.sim, 5000000000ULL);
	assert_int_equal(disk(1)->state, RAID_DISK_FAILED);
	assert_true(disk(1)->keeps_rest);
	write_at(6000, 50);
	raid_write_window(s.raid, NULL, NULL);
	assert_int_equal(memdisk_crash_clone("back", "again", 9), 0);
	memdisk_find("again");
	s.names[4][0] = '\0';
	comes_back(1, simraid_add_disk(&s, "again", 0), 2, true);
}

/* ---- power cuts -------------------------------------------------------------------------------------------------- */

/* The power fails at any moment while writes go on without the disk, or while it is brought up to date; then the volume
 * starts without it (or with what it has become), and it comes back. Only blocks whose write had been made durable are
 * compared: the others may be old or new. */
static void crash_once(unsigned seed, bool online_before)
{
	static uint32_t durable[200000];
	unsigned n = 4, lost = seed % 4, back, steps;
	char name[32];

	make_full(n, 1000 + seed);
	lose(lost);
	for (unsigned i = 0; i < 3; i++)
		assert_true(simraid_write_random(&s, 200, 40) >= 0);
	assert_int_equal(simraid_flush(&s), 0);
	back = found(lost, "back");
	if (online_before)
		assert_int_equal(simraid_online(&s, 0, lost, back), 0);
	assert_true(s.vbn_end <= 200000);
	memcpy(durable, s.versions, s.vbn_end * sizeof *durable);
	assert_true(simraid_write_random(&s, 100, 20) >= 0); /* complete, not durable */
	for (steps = (unsigned)(sim_random(s.sim) % 200); steps > 0; steps--)
		(void)sim_step(s.sim);
	for (unsigned i = 0; i < n + 1; i++) {
		(void)snprintf(name, sizeof name, "cut-%u", i);
		assert_int_equal(memdisk_crash_clone(s.names[i], name, sim_random(s.sim)), 0);
	}
	(void)simraid_close(&s);
	for (unsigned i = 0; i < n + 1; i++) {
		(void)snprintf(s.names[i], sizeof s.names[i], "cut-%u", i);
		(void)snprintf(s.urls[i], sizeof s.urls[i], "mem:cut-%u", i);
	}
	s.names[lost][0] = '\0';
	if (!online_before)
		s.names[n][0] = '\0';
	assert_int_equal(simraid_open(&s), 0);
	if (!online_before)
		assert_int_equal(simraid_online(&s, 0, lost, n), 0);
	simraid_rebuilt(&s, A_MINUTE);
	assert_int_equal(disk(lost)->state, RAID_DISK_ONLINE);
	assert_int_equal(simraid_verify(&s), 0);
	lose((lost + 1) % n);
	for (uint32_t vbn = 0; vbn < s.vbn_end; vbn++)
		if (durable[vbn] != 0 && durable[vbn] == s.versions[vbn])
			assert_int_equal(simraid_read(&s, vbn, durable[vbn]), 0);
	simraid_end(&s);
}

static void power_cuts_lose_nothing(void **state)
{
	unsigned n = getenv("VC_CRASH_SEEDS") != NULL ? (unsigned)strtoul(getenv("VC_CRASH_SEEDS"), NULL, 10) : 30;

	(void)state;
	for (unsigned seed = 0; seed < n; seed++)
		crash_once(seed, seed % 3 == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_disk_that_was_away_gets_what_has_changed, tidy),
		cmocka_unit_test_teardown(only_what_has_changed_is_written_to_it, tidy),
		cmocka_unit_test_teardown(what_was_not_flushed_when_it_went_counts_as_changed, tidy),
		cmocka_unit_test_teardown(the_map_lives_through_restarts, tidy),
		cmocka_unit_test_teardown(a_disk_that_was_missing_at_the_start_comes_back, tidy),
		cmocka_unit_test_teardown(a_disk_whose_flush_failed_gets_everything, tidy),
		cmocka_unit_test_teardown(an_old_copy_of_the_disk_gets_everything, tidy),
		cmocka_unit_test_teardown(what_the_others_cannot_give_is_never_taken_from_it, tidy),
		cmocka_unit_test_teardown(a_disk_that_is_there_again_at_the_start_is_taken_back, tidy),
		cmocka_unit_test_teardown(another_disk_is_refused, tidy),
		cmocka_unit_test_teardown(it_may_go_again_while_it_is_brought_up_to_date, tidy),
		cmocka_unit_test_teardown(power_cuts_lose_nothing, tidy),
	};

	if (page_arena_init(16384) != 0)
		return 1;
	if (getenv("TEST_VERBOSE") == NULL)
		log_set_level((enum log_level) - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
