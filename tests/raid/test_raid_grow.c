/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that join a volume: old and new blocks, degraded and rebuilt after it, and what does not fit. */
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
	simraid_init(&s, 7, "a", n_groups, disks, blocks);
	simraid_start(&s, LOG_HALF);
}

static void make_one(unsigned disks)
{
	make_of(1, &disks, DISK_BLOCKS);
}

/* Also after a failed assertion. */
static int tidy(void **state)
{
	(void)state;
	simraid_end(&s);
	return 0;
}

static struct layout the_layout(void)
{
	struct layout l;

	assert_int_equal(layout_plan(DISK_BLOCKS, LOG_HALF / RAID_BLOCK_SIZE, &l), 0);
	return l;
}

static const struct raid_status *status(void)
{
	static struct raid_status st;

	raid_status(s.raid, &st);
	return &st;
}

static void write_much(void)
{
	static const unsigned runs[] = { 1, 3, 17, 300 };

	for (unsigned round = 0; round < 12; round++)
		assert_true(simraid_write_random(&s, 600, runs[round % 4]) >= 0);
	assert_int_equal(simraid_flush(&s), 0);
}

static void everything_is_right(void)
{
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_verify(&s), 0);
}

/* A disk that holds garbage. */
static unsigned used_disk(const char *name, uint64_t blocks)
{
	uint8_t garbage[RAID_BLOCK_SIZE];
	unsigned n = simraid_add_disk(&s, name, blocks);

	memset(garbage, 0xE5, sizeof garbage);
	for (uint64_t b = 0; b < blocks; b++)
		memdisk_poke(name, b, garbage);
	return n;
}

static void write_new_blocks(uint32_t first)
{
	uint32_t vbns[64];

	for (uint32_t at = first; at + 64U <= s.vbn_end; at += 320U) {
		for (unsigned i = 0; i < 64U; i++)
			vbns[i] = at + i;
		assert_int_equal(simraid_write(&s, vbns, 64), 0);
	}
	assert_int_equal(simraid_flush(&s), 0);
}

/* Whoever is lost: nothing is. */
static void each_may_be_lost(void)
{
	for (unsigned i = 0; i < s.n_disks; i++) {
		char kept[32];

		assert_int_equal(simraid_close(&s), 0);
		memcpy(kept, s.names[i], sizeof kept);
		s.names[i][0] = '\0';
		assert_int_equal(simraid_open_read_only(&s), 0);
		assert_int_equal(simraid_check(&s, NULL), 0);
		memcpy(s.names[i], kept, sizeof kept);
		assert_int_equal(simraid_close(&s), 0);
		assert_int_equal(simraid_open(&s), 0);
		assert_false(status()->degraded);
	}
}

static void grow_by_one(unsigned n_disks, bool can_discard)
{
	uint32_t end;
	unsigned n;

	make_one(n_disks);
	write_much();
	end = s.vbn_end;
	n = used_disk("new", DISK_BLOCKS);
	if (!can_discard)
		memdisk_refuse_discard("new");
	assert_int_equal(simraid_add_to_group(&s, 0, n), 0);
	assert_int_equal(s.vbn_end, end + end / (n_disks - 1U));
	assert_int_equal(raid_geometry(s.raid)->disks[n_disks - 1U].vbn_first, end);
	assert_int_equal(status()->disks[n_disks].position, n_disks - 1U);
	assert_int_equal(status()->disks[n_disks - 1U].position, n_disks); /* parity moves up */
	assert_true(status()->disks[n_disks - 1U].is_parity && !status()->disks[n_disks].is_parity);
	assert_false(status()->degraded);
	everything_is_right();
	write_new_blocks(end);
	write_much();
	everything_is_right();
	assert_int_equal(simraid_fsinfo_write(&s, 5, 55), 0);
	simraid_reopen(&s);
	everything_is_right();
	write_much();
	everything_is_right();
	each_may_be_lost();
	simraid_end(&s);
}

static void a_disk_that_joins_brings_its_blocks_and_changes_no_other(void **state)
{
	(void)state;
	grow_by_one(2, true);
	grow_by_one(4, true);
	grow_by_one(4, false);
	grow_by_one(14, true);
}

static void a_group_grows_disk_by_disk_to_its_limit(void **state)
{
	char name[16];

	(void)state;
	make_one(2);
	write_much();
	for (unsigned i = 2; i < RAID_MAX_GROUP_DATA + 1U; i++) {
		uint32_t end = s.vbn_end;

		(void)snprintf(name, sizeof name, "n%u", i);
		assert_int_equal(simraid_add_to_group(&s, 0, simraid_add_disk(&s, name, DISK_BLOCKS)), 0);
		write_new_blocks(end);
	}
	assert_int_equal(simraid_add_to_group(&s, 0, simraid_add_disk(&s, "more", DISK_BLOCKS)), -EMLINK);
	s.names[s.n_disks - 1U][0] = '\0';
	write_much();
	everything_is_right();
	simraid_reopen(&s);
	everything_is_right();
	simraid_end(&s);
}

static bool is_rebuilding(unsigned disk)
{
	return status()->disks[disk].state == RAID_DISK_REBUILDING;
}

/* Any disk of a grown group can be lost, and replaced. */
static void lose_and_replace(unsigned lost)
{
	unsigned group = 0, position, spare;
	uint32_t end;

	make_one(4);
	write_much();
	end = s.vbn_end;
	assert_int_equal(simraid_add_to_group(&s, 0, simraid_add_disk(&s, "new", DISK_BLOCKS)), 0);
	write_new_blocks(end);
	position = status()->disks[lost].position;
	memdisk_lose(s.names[lost]);
	write_much();
	assert_int_equal(status()->disks[lost].state, RAID_DISK_FAILED);
	assert_int_equal(simraid_check(&s, NULL), 0);
	spare = used_disk("spare", DISK_BLOCKS);
	assert_int_equal(simraid_replace(&s, group, position, spare), 0);
	s.names[lost][0] = '\0';
	write_much();
	simraid_rebuilt(&s, A_MINUTE);
	assert_false(is_rebuilding(lost) || status()->degraded);
	everything_is_right();
	simraid_reopen(&s);
	everything_is_right();
	simraid_end(&s);
}

static void a_grown_group_lives_with_the_loss_of_any_disk_and_is_rebuilt(void **state)
{
	(void)state;
	for (unsigned lost = 0; lost < 5; lost++)
		lose_and_replace(lost);
}

/* The parity disk may be longer than its group was, and has been something else there. */
static void a_longer_disk_finds_zeros_on_a_parity_disk_that_was_rebuilt(void **state)
{
	static const unsigned disks = 3;
	uint32_t end, n;

	(void)state;
	make_of(1, &disks, DISK_BLOCKS);
	write_much();
	memdisk_lose(s.names[2]);
	write_much();
	n = used_disk("long", DISK_BLOCKS + 700U);
	memdisk_refuse_discard("long");
	assert_int_equal(simraid_replace(&s, 0, 2, n), 0);
	s.names[2][0] = '\0';
	simraid_rebuilt(&s, A_MINUTE);
	assert_false(status()->degraded);
	end = s.vbn_end;
	n = used_disk("new", DISK_BLOCKS + 900U);
	memdisk_refuse_discard("new");
	assert_int_equal(simraid_add_to_group(&s, 0, n), 0);
	{
		struct layout l = the_layout();

		assert_int_equal(s.vbn_end - end, layout_n_dbn(&l, DISK_BLOCKS + 700U)); /* as far as parity */
	}
	assert_int_equal(simraid_verify(&s), 0);
	write_new_blocks(end);
	everything_is_right();
	assert_int_equal(status()->n_reconstructed, 0);
	simraid_reopen(&s);
	everything_is_right();
	each_may_be_lost();
	simraid_end(&s);
}

/* The code of the second parity takes a disk of zeros as the first one does. */
static void a_group_of_double_parity_grows_and_lives_without_any_two_disks(void **state)
{
	static const unsigned disks = 5;
	uint32_t end;

	(void)state;
	simraid_init(&s, 8, "dp", 1, &disks, DISK_BLOCKS);
	s.n_parity = 2;
	assert_int_equal(simraid_format(&s, LOG_HALF), 0);
	assert_int_equal(simraid_open(&s), 0);
	write_much();
	end = s.vbn_end;
	assert_int_equal(simraid_add_to_group(&s, 0, used_disk("new", DISK_BLOCKS)), 0);
	assert_int_equal(s.vbn_end, end / 3U * 4U);
	everything_is_right();
	write_new_blocks(end);
	write_much();
	everything_is_right();
	for (unsigned i = 0; i < s.n_disks; i++)
		for (unsigned j = 0; j < i; j++) {
			char kept[2][32];

			assert_int_equal(simraid_close(&s), 0);
			memcpy(kept[0], s.names[i], sizeof kept[0]);
			memcpy(kept[1], s.names[j], sizeof kept[1]);
			s.names[i][0] = s.names[j][0] = '\0';
			assert_int_equal(simraid_open_read_only(&s), 0);
			assert_int_equal(simraid_check(&s, NULL), 0);
			memcpy(s.names[i], kept[0], sizeof kept[0]);
			memcpy(s.names[j], kept[1], sizeof kept[1]);
			assert_int_equal(simraid_close(&s), 0);
			assert_int_equal(simraid_open(&s), 0);
		}
	simraid_end(&s);
}

static void a_new_group_brings_its_blocks(void **state)
{
	static const unsigned disks[] = { 3, 2 };
	uint32_t end;
	unsigned first;

	(void)state;
	make_of(2, disks, DISK_BLOCKS);
	write_much();
	end = s.vbn_end;
	first = used_disk("x0", DISK_BLOCKS);
	(void)used_disk("x1", DISK_BLOCKS - 300U);
	(void)used_disk("x2", DISK_BLOCKS + 5U);
	assert_int_equal(simraid_add_group(&s, first, 3), 0);
	assert_int_equal(status()->n_groups, 3);
	assert_int_equal(raid_geometry(s.raid)->n_groups, 3);
	assert_int_equal(raid_geometry(s.raid)->disks[4].group, 2);
	everything_is_right();
	write_new_blocks(end);
	write_much();
	everything_is_right();
	assert_int_equal(simraid_add_to_group(&s, 2, simraid_add_disk(&s, "x3", DISK_BLOCKS)), 0);
	write_much();
	everything_is_right();
	simraid_reopen(&s);
	everything_is_right();
	each_may_be_lost();
	simraid_end(&s);
}

static void what_does_not_do_is_refused_and_leaves_the_volume_as_it_was(void **state)
{
	unsigned n, bad, before;
	uint32_t end, blocks;

	(void)state;
	make_one(4);
	write_much();
	end = s.vbn_end;
	n = simraid_add_disk(&s, "new", DISK_BLOCKS);
	assert_int_equal(simraid_add_to_group(&s, 1, n), -ENOENT);
	assert_int_equal(simraid_add_to_group(&s, 0, 0), -EBUSY); /* it is a member */
	bad = simraid_add_disk(&s, "small", 100);
	assert_int_equal(simraid_add_to_group(&s, 0, bad), -ERANGE);
	assert_int_equal(memdisk_clone(s.names[0], "label"), 0);
	bad = simraid_add_disk(&s, "label", 0);
	assert_int_equal(simraid_add_to_group(&s, 0, bad), -EEXIST);
	assert_int_equal(simraid_add_group(&s, n, 1), -EINVAL);
	before = simraid_add_disk(&s, "big", DISK_BLOCKS + 300U);
	(void)simraid_add_disk(&s, "parity", DISK_BLOCKS);
	assert_int_equal(simraid_add_group(&s, before, 2), -ERANGE); /* parity is smaller */
	memdisk_fail_writes("new", 1);
	assert_int_equal(simraid_add_to_group(&s, 0, n), -EIO);
	memdisk_host_full("new", -ENOSPC, true);
	memdisk_refuse_discard("new");
	assert_int_equal(simraid_add_to_group(&s, 0, n), -ENOSPC);
	memdisk_host_full("new", 0, true);
	assert_int_equal(raid_growth(s.raid, 0, 1000000ULL * RAID_BLOCK_SIZE, &blocks), 0);
	assert_int_equal(blocks, end / 3U);
	assert_int_equal(s.vbn_end, end);
	assert_int_equal(status()->n_disks, 4);
	assert_false(status()->degraded);
	everything_is_right();
	memdisk_lose(s.names[1]);
	write_much();
	assert_int_equal(simraid_add_to_group(&s, 0, n), -EIO); /* its place comes first */
	assert_int_equal(simraid_replace(&s, 0, 1, n), 0);
	bad = simraid_add_disk(&s, "other", DISK_BLOCKS);
	assert_int_equal(simraid_add_to_group(&s, 0, bad), -EBUSY); /* a rebuild */
	simraid_rebuilt(&s, A_MINUTE);
	assert_int_equal(simraid_add_to_group(&s, 0, bad), 0);
	everything_is_right();
	simraid_end(&s);
}

static void on_end(void *arg, int err)
{
	*(int *)arg = err;
}

/* The power fails `steps` turns after a disk began to join: all there was is there, no disk is lost, and one of any may
 * be. True: the volume has grown. */
static bool cut_while_a_disk_joins(unsigned steps)
{
	uint32_t *versions, end;
	int err = 1;
	bool grown;

	make_one(4);
	assert_true(simraid_write_random(&s, 300, 20) >= 0);
	assert_int_equal(simraid_fsinfo_write(&s, 5, 55), 0);
	end = s.vbn_end;
	versions = s.versions;
	s.versions = NULL;
	s.vbn_end = 0;
	raid_add_disk(s.raid, 0, s.urls[simraid_add_disk(&s, "new", DISK_BLOCKS)], on_end, &err);
	for (unsigned i = 0; i < steps && err == 1; i++)
		assert_true(sim_step(s.sim));
	for (unsigned i = 0; i < s.n_disks; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "cut-%u", i);
		assert_int_equal(memdisk_crash_clone(s.names[i], name, steps * 7U + i + 1U), 0);
	}
	grown = err == 0; /* answered */
	while (err == 1)
		assert_true(sim_step(s.sim));
	assert_int_equal(simraid_close(&s), 0);
	for (unsigned i = 0; i < s.n_disks; i++) {
		(void)snprintf(s.names[i], sizeof s.names[i], "cut-%u", i);
		(void)snprintf(s.urls[i], sizeof s.urls[i], "mem:cut-%u", i);
	}
	assert_int_equal(simraid_open(&s), 0);
	memcpy(s.versions, versions, end * sizeof *versions);
	free(versions);
	assert_true(!grown || s.vbn_end > end);
	grown = s.vbn_end > end;
	assert_false(status()->degraded);
	everything_is_right();
	if (grown) {
		write_new_blocks(end);
		everything_is_right();
		each_may_be_lost();
	}
	simraid_end(&s);
	return grown;
}

static void a_power_cut_leaves_the_volume_as_it_was_or_grown(void **state)
{
	unsigned n_grown = 0;

	(void)state;
	for (unsigned steps = 0; steps < 60; steps++)
		n_grown += cut_while_a_disk_joins(steps);
	assert_true(n_grown > 10 && n_grown < 50);
}

static void one_growth_at_a_time(void **state)
{
	static const unsigned groups[] = { 3, 3 };
	int first = 1, second = 1, third = 1;
	unsigned one, two;

	(void)state;
	make_of(2, groups, DISK_BLOCKS);
	write_much();
	one = simraid_add_disk(&s, "one", DISK_BLOCKS);
	two = simraid_add_disk(&s, "two", DISK_BLOCKS);
	raid_add_disk(s.raid, 0, s.urls[one], on_end, &first);
	raid_add_disk(s.raid, 1, s.urls[two], on_end, &second);
	raid_replace(s.raid, 1, 1, s.urls[two], on_end, &third);
	while (first == 1 || second == 1 || third == 1)
		assert_true(sim_step(s.sim));
	assert_int_equal(first, 0);
	assert_int_equal(second, -EBUSY);
	assert_int_equal(third, -EALREADY);
	assert_int_equal(simraid_add_to_group(&s, 1, two), 0);
	write_much();
	everything_is_right();
	simraid_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_disk_that_joins_brings_its_blocks_and_changes_no_other, tidy),
		cmocka_unit_test_teardown(a_group_grows_disk_by_disk_to_its_limit, tidy),
		cmocka_unit_test_teardown(a_grown_group_lives_with_the_loss_of_any_disk_and_is_rebuilt, tidy),
		cmocka_unit_test_teardown(a_longer_disk_finds_zeros_on_a_parity_disk_that_was_rebuilt, tidy),
		cmocka_unit_test_teardown(a_group_of_double_parity_grows_and_lives_without_any_two_disks, tidy),
		cmocka_unit_test_teardown(a_new_group_brings_its_blocks, tidy),
		cmocka_unit_test_teardown(what_does_not_do_is_refused_and_leaves_the_volume_as_it_was, tidy),
		cmocka_unit_test_teardown(one_growth_at_a_time, tidy),
		cmocka_unit_test_teardown(a_power_cut_leaves_the_volume_as_it_was_or_grown, tidy),
	};

	if (page_arena_init(16384) != 0)
		return 1;
	if (getenv("TEST_VERBOSE") == NULL)
		log_set_level((enum log_level) - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
