/* SPDX-License-Identifier: Apache-2.0 */
/* Another disk in the place of a lost one: what it gets, who may come back, and what goes wrong on the way. */
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

#define DISK_BLOCKS 2400U /* about 8 zones after a small log */
#define LOG_HALF (64U * 1024U)
#define A_MINUTE 60U

static struct simraid s;

static void make_of(unsigned n_groups, const unsigned *disks, uint64_t blocks)
{
	simraid_init(&s, 7, "b", n_groups, disks, blocks);
	simraid_start(&s, LOG_HALF);
}

static void make(unsigned n_groups, const unsigned *disks)
{
	make_of(n_groups, disks, DISK_BLOCKS);
}

static void make_one(unsigned disks)
{
	make(1, &disks);
}

/* Also after a failed assertion. */
static int tidy(void **state)
{
	(void)state;
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

static const struct raid_disk_status *disk(unsigned i)
{
	static struct raid_status st;

	raid_status(s.raid, &st);
	return &st.disks[i];
}

static bool degraded(void)
{
	static struct raid_status st;

	raid_status(s.raid, &st);
	return st.degraded;
}

static void write_much(void)
{
	static const unsigned runs[] = { 1, 3, 17, 300 };

	for (unsigned round = 0; round < 12; round++)
		assert_true(simraid_write_random(&s, 600, runs[round % 4]) >= 0);
	assert_int_equal(simraid_flush(&s), 0);
}

/* Lose a disk, and notice it. */
static void lose(unsigned i)
{
	memdisk_lose(s.names[i]);
	assert_true(simraid_write_random(&s, 400, 100) >= 0);
	assert_int_equal(simraid_flush(&s), 0);
	assert_int_equal(disk(i)->state, RAID_DISK_FAILED);
	assert_non_null(strstr(disk(i)->why, "(ENODEV)"));
}

static void everything_is_right(void)
{
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_verify(&s), 0);
}

static void is_whole(unsigned position)
{
	simraid_rebuilt(&s, A_MINUTE);
	assert_int_equal(disk(position)->state, RAID_DISK_ONLINE);
	assert_false(degraded());
	everything_is_right();
}

/* What cannot be read ends with an error. */
static void assert_only_errors(unsigned *ret_eio)
{
	unsigned wrong = simraid_check(&s, ret_eio);

	assert_int_equal(wrong, *ret_eio);
}

/* Whoever is lost afterwards: nothing is. */
static void each_may_be_lost(unsigned n_disks, const unsigned *media)
{
	for (unsigned i = 0; i < n_disks; i++) {
		uint8_t body[RAID_FSINFO_BODY], fill;
		uint64_t generation;
		char kept[32];

		(void)simraid_close(&s);
		memcpy(kept, s.names[media[i]], sizeof kept);
		s.names[media[i]][0] = '\0';
		assert_int_equal(simraid_open_read_only(&s), 0);
		assert_int_equal(simraid_check(&s, NULL), 0);
		assert_int_equal(raid_fsinfo_read(s.raid, &generation, body), 0);
		assert_true(generation == 5 && body[99] == 55);
		assert_int_equal(simraid_log_read(&s, 0, 1, 0, 4, &fill), 0);
		assert_int_equal(fill, 77);
		memcpy(s.names[media[i]], kept, sizeof kept);
		assert_int_equal(simraid_close(&s), 0);
		assert_int_equal(simraid_open(&s), 0);
		assert_false(degraded());
	}
}

static void replace_position(unsigned n_disks, unsigned position)
{
	unsigned media[15];

	make_one(n_disks);
	write_much();
	assert_int_equal(simraid_fsinfo_write(&s, 5, 55), 0);
	assert_int_equal(simraid_log_write(&s, 1, 0, 4, 77), 0);
	lose(position);
	for (unsigned i = 0; i < n_disks; i++)
		media[i] = i;
	media[position] = simraid_add_disk(&s, "spare", DISK_BLOCKS);
	assert_int_equal(simraid_replace(&s, 0, position, media[position]), 0);
	assert_int_equal(disk(position)->state, RAID_DISK_REBUILDING);
	assert_string_equal(disk(position)->url, "mem:spare");
	is_whole(position);
	write_much();
	everything_is_right();
	each_may_be_lost(n_disks, media);
	simraid_end(&s);
}

static void rebuild_gives_each_disk_what_it_had(void **state)
{
	(void)state;
	for (unsigned position = 0; position < 4; position++)
		replace_position(4, position);
	for (unsigned position = 0; position < 2; position++)
		replace_position(2, position);
	replace_position(15, 3);
	replace_position(15, 14);
}

static void rebuild_of_a_disk_that_cannot_discard_leaves_nothing_of_what_it_held(void **state)
{
	uint8_t garbage[RAID_BLOCK_SIZE];
	unsigned n;

	(void)state;
	make_one(4);
	assert_true(simraid_write_random(&s, 300, 30) >= 0);
	lose(1);
	n = simraid_add_disk(&s, "used", DISK_BLOCKS + 77U);
	memset(garbage, 0xE5, sizeof garbage);
	for (uint64_t b = 0; b < memdisk_blocks("used"); b++)
		memdisk_poke("used", b, garbage);
	memdisk_refuse_discard("used");
	assert_int_equal(simraid_replace(&s, 0, 1, n), 0);
	is_whole(1);
	write_much();
	everything_is_right();
	simraid_end(&s);
}

/* The file system's way: only places that hold nothing are written. */
static int write_free(unsigned n)
{
	uint32_t vbns[200];
	unsigned k = 0;

	for (unsigned tries = 0; tries < 4000 && k < n; tries++) {
		uint32_t v = (k > 0 ? vbns[k - 1] : (uint32_t)(sim_random(s.sim) % s.vbn_end)) + 1U +
		             (uint32_t)(sim_random(s.sim) % 5U);

		if (v < s.vbn_end && s.versions[v] == 0)
			vbns[k++] = v;
		else if (v >= s.vbn_end)
			break;
	}
	return simraid_write(&s, vbns, k);
}

static unsigned busy_window(void *arg)
{
	(void)arg;
	return 65536;
}

static void rebuild_goes_on_while_clients_write_and_read(void **state)
{
	unsigned rounds = 0;

	(void)state;
	make_one(5);
	assert_true(simraid_write_random(&s, 3000, 40) >= 0);
	lose(2);
	raid_write_window(s.raid, busy_window, NULL);
	assert_int_equal(simraid_replace(&s, 0, 2, simraid_add_disk(&s, "spare", DISK_BLOCKS)), 0);
	while (disk(2)->state == RAID_DISK_REBUILDING && rounds++ < 10000) {
		assert_int_equal(write_free(1 + (unsigned)(sim_random(s.sim) % 60)), 0);
		if (rounds % 7 == 0)
			assert_int_equal(simraid_flush(&s), 0);
		if (rounds % 20 == 0)
			assert_int_equal(simraid_check(&s, NULL), 0);
	}
	assert_true(rounds > 4);
	raid_write_window(s.raid, NULL, NULL);
	is_whole(2);
	simraid_end(&s);
}

/* More zones than a rebuild may be ahead of the labels; what others flush is durable, and in no label. */
static void rebuild_goes_on_while_others_flush(void **state)
{
	const unsigned disks = 3;
	const uint64_t blocks = 560U * 256U;

	(void)state;
	make_of(1, &disks, blocks);
	assert_true(simraid_write_random(&s, 2000, 3) >= 0);
	lose(1);
	raid_write_window(s.raid, busy_window, NULL);
	assert_int_equal(simraid_replace(&s, 0, 1, simraid_add_disk(&s, "spare", blocks)), 0);
	for (unsigned i = 0; i < 3000 && disk(1)->state == RAID_DISK_REBUILDING; i++) {
		assert_int_equal(write_free(1), 0);
		assert_int_equal(simraid_flush(&s), 0);
		sim_run_for(s.sim, 10000000);
	}
	raid_write_window(s.raid, NULL, NULL);
	simraid_rebuilt(&s, A_MINUTE);
	assert_int_equal(disk(1)->state, RAID_DISK_ONLINE);
	assert_int_equal(simraid_check(&s, NULL), 0);
	simraid_end(&s);
}

/* 16 blocks at a time, and no faster than it is told to. */
static void rebuild_keeps_to_its_floor_while_clients_are_served(void **state)
{
	uint64_t before;

	(void)state;
	make_one(4);
	write_much();
	lose(0);
	raid_write_window(s.raid, busy_window, NULL);
	raid_rebuild_floor(s.raid, 1U << 20);
	assert_int_equal(simraid_replace(&s, 0, 0, simraid_add_disk(&s, "spare", DISK_BLOCKS)), 0);
	before = world_now_ns(s.world);
	simraid_rebuilt(&s, A_MINUTE);
	assert_int_equal(disk(0)->state, RAID_DISK_ONLINE);
	/* about 2200 blocks, most of them written: some eight seconds */
	assert_in_range((world_now_ns(s.world) - before) / 1000000, 4000, 12000);
	everything_is_right();
	simraid_end(&s);
}

static void until_some_is_rebuilt(unsigned position)
{
	raid_write_window(s.raid, busy_window, NULL);
	raid_rebuild_floor(s.raid, 1U << 20);
	while (disk(position)->rebuilt_blocks < 600)
		sim_run_for(s.sim, 1000000);
	assert_int_equal(disk(position)->state, RAID_DISK_REBUILDING);
	assert_true(disk(position)->rebuilt_blocks < disk(position)->rebuild_blocks);
}

static void rebuild_goes_on_where_it_was_after_a_close(void **state)
{
	uint64_t ios;
	uint32_t done;

	(void)state;
	make_one(4);
	write_much();
	lose(3);
	assert_int_equal(simraid_replace(&s, 0, 3, simraid_add_disk(&s, "spare", DISK_BLOCKS)), 0);
	until_some_is_rebuilt(3);
	done = disk(3)->rebuilt_blocks;
	simraid_reopen(&s);
	assert_int_equal(disk(3)->state, RAID_DISK_REBUILDING);
	assert_true(disk(3)->rebuilt_blocks >= done);
	everything_is_right();
	ios = memdisk_ios(s.names[0]);
	is_whole(3);
	assert_true(memdisk_ios(s.names[0]) > ios);
	simraid_end(&s);
}

static unsigned window_while_open(void *arg)
{
	(void)arg;
	assert_non_null(s.raid);
	return 65536;
}

static void rebuild_that_a_close_stops_asks_nobody_about_clients_any_more(void **state)
{
	(void)state;
	make_one(4);
	write_much();
	lose(3);
	assert_int_equal(simraid_replace(&s, 0, 3, simraid_add_disk(&s, "spare", DISK_BLOCKS)), 0);
	for (unsigned steps = 0; steps < 40; steps++) {
		raid_write_window(s.raid, window_while_open, NULL);
		for (unsigned i = 0; i < 30 + steps; i++)
			(void)sim_step(s.sim);
		simraid_reopen(&s);
	}
	is_whole(3);
	simraid_end(&s);
}

static void rebuild_of_one_whose_disk_fails_leaves_the_group_as_it_was(void **state)
{
	(void)state;
	make_one(4);
	write_much();
	lose(1);
	assert_int_equal(simraid_replace(&s, 0, 1, simraid_add_disk(&s, "bad", DISK_BLOCKS)), 0);
	until_some_is_rebuilt(1);
	memdisk_lose("bad");
	assert_true(simraid_write_random(&s, 100, 100) >= 0);
	assert_int_equal(simraid_flush(&s), 0);
	assert_int_equal(disk(1)->state, RAID_DISK_FAILED);
	assert_int_equal(simraid_check(&s, NULL), 0);
	raid_write_window(s.raid, NULL, NULL);
	assert_int_equal(simraid_replace(&s, 0, 1, simraid_add_disk(&s, "good", DISK_BLOCKS)), 0);
	is_whole(1);
	simraid_end(&s);
}

/* Is it told as lost? */
static bool is_named(uint32_t vbn)
{
	const struct raid_lost_block *blocks;
	bool more;

	for (unsigned i = raid_lost_blocks(s.raid, &blocks, &more); i > 0; i--)
		if (blocks[i - 1].vbn == vbn)
			return true;
	return false;
}

/* Of a stripe that has lost two blocks both are lost, and nothing else is. */
static void rebuild_over_a_bad_block_loses_that_and_nothing_else(void **state)
{
	uint32_t dbn, per_disk;
	unsigned eio;

	(void)state;
	make_one(4);
	write_much();
	per_disk = raid_geometry(s.raid)->disks[0].n_blocks;
	for (dbn = 700; s.versions[dbn] == 0 || s.versions[per_disk + dbn] == 0;)
		dbn++;
	lose(0);
	memdisk_flip_bit(s.names[1], block_of(dbn), 1234);
	memdisk_fail_reads(s.names[2], block_of(300), 1);
	assert_int_equal(simraid_replace(&s, 0, 0, simraid_add_disk(&s, "spare", DISK_BLOCKS)), 0);
	simraid_rebuilt(&s, A_MINUTE);
	assert_int_equal(disk(0)->state, RAID_DISK_ONLINE);
	assert_true(is_named(dbn)); /* though nobody has read it */
	assert_only_errors(&eio);
	assert_in_range(eio, 2, 4); /* and, if the other one was written, its stripe */
	assert_true(is_named(dbn) && is_named(per_disk + dbn));
	assert_int_equal(simraid_read(&s, dbn, s.versions[dbn]), -EIO);
	assert_int_equal(simraid_read(&s, per_disk + dbn, s.versions[per_disk + dbn]), -EIO);
	/* places like any other for new blocks */
	assert_int_equal(simraid_write(&s, (const uint32_t[]){ dbn, per_disk + dbn }, 2), 0);
	assert_false(is_named(dbn) || is_named(per_disk + dbn));
	assert_int_equal(simraid_read(&s, dbn, s.versions[dbn]), 0);
	assert_int_equal(simraid_read(&s, per_disk + dbn, s.versions[per_disk + dbn]), 0);
	simraid_end(&s);
}

/* Nobody can say any more what the zone should be: what the others have there stays readable as far as it was. */
static void rebuild_over_a_bad_checksum_block_ends(void **state)
{
	unsigned eio;

	(void)state;
	make_one(4);
	write_much();
	lose(0);
	simraid_reopen(&s); /* nothing is cached */
	memdisk_fail_reads(s.names[1], checksum_block_of(600), 1000);
	assert_int_equal(simraid_replace(&s, 0, 0, simraid_add_disk(&s, "spare", DISK_BLOCKS)), 0);
	simraid_rebuilt(&s, A_MINUTE);
	assert_int_equal(disk(0)->state, RAID_DISK_ONLINE);
	assert_only_errors(&eio);
	assert_in_range(eio, 1, 2 * RAID_ZONE_DATA);
	simraid_end(&s);
}

static void a_second_failure_during_rebuild_is_an_error_and_never_wrong_data(void **state)
{
	unsigned eio;

	(void)state;
	make_one(4);
	write_much();
	lose(0);
	assert_int_equal(simraid_replace(&s, 0, 0, simraid_add_disk(&s, "spare", DISK_BLOCKS)), 0);
	until_some_is_rebuilt(0);
	memdisk_lose(s.names[1]);
	assert_only_errors(&eio);
	assert_true(eio > 0);
	sim_run_for(s.sim, 5000000000U);
	/* what is rebuilt is there, and the disks that are left are */
	for (uint32_t v = 1; v < 500; v++)
		if (s.versions[v] != 0)
			assert_int_equal(simraid_read(&s, v, s.versions[v]), 0);
	assert_int_equal(simraid_flush(&s), -EIO);
	(void)simraid_close(&s);
	simraid_end(&s);
}

static void the_disk_that_was_replaced_is_no_member_any_more(void **state)
{
	(void)state;
	make_one(4);
	write_much();
	assert_int_equal(simraid_close(&s), 0);
	assert_int_equal(memdisk_clone(s.names[2], "old"), 0);
	assert_int_equal(simraid_open(&s), 0);
	lose(2);
	assert_int_equal(simraid_replace(&s, 0, 2, simraid_add_disk(&s, "spare", DISK_BLOCKS)), 0);
	is_whole(2);
	write_much();
	assert_int_equal(simraid_close(&s), 0);
	(void)simraid_add_disk(&s, "old", 0);
	assert_int_equal(simraid_open(&s), 0);
	assert_false(degraded());
	assert_string_equal(disk(2)->url, "mem:spare");
	assert_non_null(strstr(s.report.text, "mem:old: it is no member of this volume any more"));
	everything_is_right();
	/* and instead of the new one it is not believed either */
	assert_int_equal(simraid_close(&s), 0);
	s.names[4][0] = '\0';
	assert_int_equal(simraid_open(&s), 0);
	assert_true(degraded());
	everything_is_right();
	simraid_end(&s);
}

static void on_end(void *arg, int err)
{
	*(int *)arg = err;
}

static int fail_disk(unsigned group, unsigned position)
{
	int answer = 1;

	raid_fail(s.raid, group, position, on_end, &answer);
	for (unsigned i = 0; i < 1000 && answer == 1; i++)
		sim_run_for(s.sim, 1000000);
	return answer;
}

/* At every moment of what the first rebuild has still under way then. */
static void rebuild_of_the_next_disk_begins_when_that_of_a_failed_one_has_ended(void **state)
{
	(void)state;
	for (unsigned steps = 0; steps < 60; steps += 3) {
		make_one(4);
		write_much();
		lose(1);
		raid_write_window(s.raid, busy_window, NULL);
		raid_rebuild_floor(s.raid, 1U << 14);
		assert_int_equal(simraid_replace(&s, 0, 1, simraid_add_disk(&s, "bad", DISK_BLOCKS)), 0);
		for (unsigned i = 0; i < steps; i++)
			(void)sim_step(s.sim);
		assert_int_equal(fail_disk(0, 1), 0);
		assert_int_equal(simraid_replace(&s, 0, 1, simraid_add_disk(&s, "good", DISK_BLOCKS)), 0);
		raid_write_window(s.raid, NULL, NULL);
		is_whole(1);
		simraid_end(&s);
	}
}

static void an_administrator_can_fail_a_disk_the_group_can_do_without(void **state)
{
	static const unsigned groups[] = { 3, 3 };

	(void)state;
	make(2, groups);
	write_much();
	assert_int_equal(fail_disk(0, 3), -ENOENT);
	assert_int_equal(fail_disk(2, 0), -ENOENT);
	assert_int_equal(fail_disk(0, 1), 0);
	assert_int_equal(disk(1)->state, RAID_DISK_FAILED);
	assert_string_equal(disk(1)->why, "an administrator called it failed");
	assert_int_equal(fail_disk(0, 1), -EALREADY);
	assert_int_equal(fail_disk(0, 2), -EBUSY);
	assert_int_equal(fail_disk(1, 0), 0);
	everything_is_right();
	simraid_reopen(&s);
	assert_int_equal(disk(1)->state, RAID_DISK_FAILED);
	assert_int_equal(disk(3)->state, RAID_DISK_FAILED);
	/* both groups at once */
	assert_int_equal(simraid_replace(&s, 1, 0, simraid_add_disk(&s, "one", DISK_BLOCKS)), 0);
	assert_int_equal(simraid_replace(&s, 0, 1, simraid_add_disk(&s, "two", DISK_BLOCKS)), 0);
	is_whole(1);
	assert_int_equal(disk(3)->state, RAID_DISK_ONLINE);
	simraid_end(&s);
}

/* A client that reads the blocks of a lost disk all the time: each read is a repair. */
struct reader {
	struct raid_read read;
	struct raid_read_block block;
	bool stops, ended;
};

static void reader_again(struct raid_read *read)
{
	struct reader *reader = container_of(read, struct reader, read);

	if (reader->stops) {
		page_put(reader->block.page);
		reader->ended = true;
		return;
	}
	reader->block.err = 1;
	raid_read(s.raid, read);
}

static void reader_start(struct reader *reader, uint32_t vbn)
{
	*reader = (struct reader){ .block = { .vbn = vbn, .ident = simraid_ident(vbn, 0), .page = page_alloc() } };
	assert_non_null(reader->block.page);
	reader->read = (struct raid_read){ .blocks = &reader->block, .n_blocks = 1, .done = reader_again };
	raid_read(s.raid, &reader->read);
}

/* One at a time, and who is refused takes nothing from who is not: repairs are held back until the swap. */
static void a_second_replacement_is_refused_and_disturbs_nothing(void **state)
{
	static const unsigned groups[] = { 3, 3 };
	static struct reader readers[8];
	unsigned one, two, n_refused = 0;
	int first = 1, second = 1;

	(void)state;
	make(2, groups);
	write_much();
	assert_int_equal(fail_disk(0, 1), 0);
	assert_int_equal(fail_disk(1, 1), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(readers); i++)
		reader_start(&readers[i], raid_geometry(s.raid)->disks[1].vbn_first + 100U * i);
	one = simraid_add_disk(&s, "one", DISK_BLOCKS);
	two = simraid_add_disk(&s, "two", DISK_BLOCKS);
	raid_replace(s.raid, 0, 1, s.urls[one], on_end, &first);
	for (unsigned i = 0; i < 20000 && first == 1; i++) {
		second = 1;
		raid_replace(s.raid, 1, 1, s.urls[two], on_end, &second);
		while (second == 1)
			assert_true(sim_step(s.sim));
		n_refused += second == -EBUSY;
		if (second != -EBUSY)
			break;
		sim_run_for(s.sim, 20000);
	}
	assert_int_equal(first, 0);
	assert_true(n_refused > 3);
	for (unsigned i = 0; i < ARRAY_SIZE(readers); i++) {
		readers[i].stops = true;
		assert_true(simraid_wait(&s, &readers[i].ended));
	}
	if (second == -EBUSY)
		assert_int_equal(simraid_replace(&s, 1, 1, two), 0);
	simraid_rebuilt(&s, A_MINUTE);
	assert_false(degraded());
	everything_is_right();
	simraid_end(&s);
}

static void a_disk_that_does_not_do_is_refused(void **state)
{
	unsigned n;

	(void)state;
	make_one(4);
	write_much();
	n = simraid_add_disk(&s, "spare", DISK_BLOCKS);
	assert_int_equal(simraid_replace(&s, 0, 1, n), -EALREADY);
	lose(1);
	assert_int_equal(simraid_replace(&s, 0, 4, n), -ENOENT);
	assert_int_equal(simraid_replace(&s, 0, 1, 0), -EBUSY); /* it is another member */
	assert_int_equal(disk(1)->needed_bytes, (uint64_t)DISK_BLOCKS * RAID_BLOCK_SIZE);
	assert_int_equal(simraid_replace(&s, 0, 1, simraid_add_disk(&s, "small", DISK_BLOCKS - 1U)), -ERANGE);
	assert_int_equal(memdisk_clone(s.names[0], "label"), 0);
	assert_int_equal(simraid_replace(&s, 0, 1, simraid_add_disk(&s, "label", 0)), -EEXIST);
	assert_int_equal(disk(1)->state, RAID_DISK_FAILED);
	memdisk_fail_writes("spare", 1);
	assert_int_equal(simraid_replace(&s, 0, 1, n), -EIO);
	assert_int_equal(simraid_replace(&s, 0, 1, n), 0);
	is_whole(1);
	simraid_end(&s);
}

/* The log has two homes again. */
static void the_new_disk_can_be_a_home_of_the_log(void **state)
{
	uint8_t fill;

	(void)state;
	make_one(2);
	write_much();
	assert_int_equal(simraid_log_write(&s, 0, 0, 4, 1), 0);
	lose(0);
	assert_int_equal(simraid_log_write(&s, 0, 4, 4, 2), 0);
	assert_int_equal(raid_log_copies(s.raid), 1);
	assert_int_equal(simraid_replace(&s, 0, 0, simraid_add_disk(&s, "spare", DISK_BLOCKS)), 0);
	assert_int_equal(simraid_log_write(&s, 0, 8, 4, 3), 0);
	assert_int_equal(raid_log_copies(s.raid), 2);
	for (unsigned copy = 0; copy < 2; copy++)
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(simraid_log_read(&s, copy, 0, i * 4, 4, &fill), 0);
			assert_int_equal(fill, i + 1);
		}
	is_whole(0);
	simraid_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(rebuild_gives_each_disk_what_it_had, tidy),
		cmocka_unit_test_teardown(rebuild_of_a_disk_that_cannot_discard_leaves_nothing_of_what_it_held, tidy),
		cmocka_unit_test_teardown(rebuild_goes_on_while_clients_write_and_read, tidy),
		cmocka_unit_test_teardown(rebuild_goes_on_while_others_flush, tidy),
		cmocka_unit_test_teardown(rebuild_keeps_to_its_floor_while_clients_are_served, tidy),
		cmocka_unit_test_teardown(rebuild_goes_on_where_it_was_after_a_close, tidy),
		cmocka_unit_test_teardown(rebuild_that_a_close_stops_asks_nobody_about_clients_any_more, tidy),
		cmocka_unit_test_teardown(rebuild_of_one_whose_disk_fails_leaves_the_group_as_it_was, tidy),
		cmocka_unit_test_teardown(rebuild_of_the_next_disk_begins_when_that_of_a_failed_one_has_ended, tidy),
		cmocka_unit_test_teardown(rebuild_over_a_bad_block_loses_that_and_nothing_else, tidy),
		cmocka_unit_test_teardown(rebuild_over_a_bad_checksum_block_ends, tidy),
		cmocka_unit_test_teardown(a_second_failure_during_rebuild_is_an_error_and_never_wrong_data, tidy),
		cmocka_unit_test_teardown(the_disk_that_was_replaced_is_no_member_any_more, tidy),
		cmocka_unit_test_teardown(an_administrator_can_fail_a_disk_the_group_can_do_without, tidy),
		cmocka_unit_test_teardown(a_second_replacement_is_refused_and_disturbs_nothing, tidy),
		cmocka_unit_test_teardown(a_disk_that_does_not_do_is_refused, tidy),
		cmocka_unit_test_teardown(the_new_disk_can_be_a_home_of_the_log, tidy),
	};

	if (page_arena_init(16384) != 0)
		return 1;
	if (getenv("TEST_VERBOSE") == NULL)
		log_set_level((enum log_level) - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
