/* SPDX-License-Identifier: Apache-2.0 */
/* From RAID-4 to double parity at work: what the group survives before, meanwhile and afterwards, and power cuts. */
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

static void make_of(unsigned n_groups, const unsigned *disks)
{
	simraid_init(&s, 11, "a", n_groups, disks, DISK_BLOCKS);
	simraid_start(&s, LOG_HALF);
}

static void make_one(unsigned disks)
{
	make_of(1, &disks);
}

/* Also after a failed assertion. */
static int tidy(void **state)
{
	(void)state;
	simraid_end(&s);
	return 0;
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

	for (unsigned round = 0; round < 8; round++)
		assert_true(simraid_write_random(&s, 400, runs[round % 4]) >= 0);
	assert_int_equal(simraid_flush(&s), 0);
}

static void everything_is_right(void)
{
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_verify(&s), 0);
}

/* A disk that holds garbage. */
static unsigned used_disk(const char *name)
{
	uint8_t garbage[RAID_BLOCK_SIZE];
	unsigned n = simraid_add_disk(&s, name, DISK_BLOCKS);

	memset(garbage, 0xE5, sizeof garbage);
	for (uint64_t b = 0; b < DISK_BLOCKS; b++)
		memdisk_poke(name, b, garbage);
	return n;
}

static void forget(unsigned disk, char kept[32])
{
	memcpy(kept, s.names[disk], 32);
	s.names[disk][0] = '\0';
}

/* Whichever two are lost: nothing is. */
static void each_two_may_be_lost(void)
{
	for (unsigned i = 0; i < s.n_disks; i++)
		for (unsigned j = 0; j < i; j++) {
			char one[32], two[32];

			assert_int_equal(simraid_close(&s), 0);
			forget(i, one);
			forget(j, two);
			assert_int_equal(simraid_open_read_only(&s), 0);
			assert_int_equal(simraid_check(&s, NULL), 0);
			memcpy(s.names[i], one, sizeof one);
			memcpy(s.names[j], two, sizeof two);
			assert_int_equal(simraid_close(&s), 0);
			assert_int_equal(simraid_open(&s), 0);
		}
}

static void is_dp_and_whole(unsigned group)
{
	const struct raid_group_status *g = &status()->groups[group];

	assert_int_equal(g->n_parity, 2);
	assert_int_equal(g->n_lost, 0);
	assert_string_equal(g->level, g->n_data == 1 ? "mirror" : "dp");
	assert_int_equal(raid_geometry(s.raid)->n_parity[group], 2);
}

static void convert_one(unsigned n_disks, bool can_discard)
{
	unsigned n;

	make_one(n_disks);
	write_much();
	assert_int_equal(raid_log_copies(s.raid), 2);
	n = used_disk("q");
	if (!can_discard)
		memdisk_refuse_discard("q");
	assert_int_equal(simraid_convert(&s, 0, n), 0);
	assert_int_equal(status()->disks[n].state, RAID_DISK_REBUILDING);
	assert_true(status()->disks[n].is_second && status()->disks[n].position == n_disks);
	assert_true(status()->degraded && !status()->failed);
	write_much();
	simraid_rebuilt(&s, A_MINUTE);
	is_dp_and_whole(0);
	assert_false(status()->degraded);
	assert_int_equal(raid_log_copies(s.raid), 3);
	everything_is_right();
	write_much();
	everything_is_right();
	assert_int_equal(simraid_fsinfo_write(&s, 5, 55), 0);
	simraid_reopen(&s);
	is_dp_and_whole(0);
	write_much();
	everything_is_right();
	if (n_disks < 8)
		each_two_may_be_lost();
	simraid_end(&s);
}

static void a_raid4_group_gets_double_parity_and_lives_without_any_two_disks(void **state)
{
	(void)state;
	convert_one(2, true);
	convert_one(4, true);
	convert_one(4, false);
	convert_one(15, true);
}

/* Any disk, the new one too, is lost while the second parity is computed: the group survives it as RAID-4 did. */
static void lose_meanwhile(unsigned lost)
{
	unsigned n, spare, position;

	make_one(4);
	assert_int_equal(simraid_write_random(&s, 4000, 30) > 0, true);
	assert_int_equal(simraid_flush(&s), 0);
	n = used_disk("q");
	assert_int_equal(simraid_convert(&s, 0, n), 0);
	for (unsigned i = 0; i < 10000 && status()->disks[n].rebuilt_blocks == 0; i++)
		assert_true(sim_step(s.sim));
	assert_int_equal(status()->disks[n].state, RAID_DISK_REBUILDING);
	position = status()->disks[lost].position;
	memdisk_lose(s.names[lost]);
	write_much();
	assert_false(status()->failed);
	assert_int_equal(simraid_check(&s, NULL), 0);
	simraid_rebuilt(&s, A_MINUTE);
	assert_int_equal(status()->groups[0].n_lost, 1);
	assert_int_equal(simraid_check(&s, NULL), 0);
	spare = used_disk("spare");
	assert_int_equal(simraid_replace(&s, 0, position, spare), 0);
	s.names[lost][0] = '\0';
	write_much();
	simraid_rebuilt(&s, A_MINUTE);
	is_dp_and_whole(0);
	everything_is_right();
	simraid_reopen(&s);
	everything_is_right();
	simraid_end(&s);
}

static void a_disk_lost_meanwhile_is_survived(void **state)
{
	(void)state;
	for (unsigned lost = 0; lost < 5; lost++)
		lose_meanwhile(lost);
}

static void two_disks_lost_meanwhile_are_too_many(void **state)
{
	unsigned n, eio, bad;

	(void)state;
	make_one(4);
	assert_int_equal(simraid_write_random(&s, 4000, 30) > 0, true);
	assert_int_equal(simraid_flush(&s), 0);
	n = used_disk("q");
	assert_int_equal(simraid_convert(&s, 0, n), 0);
	assert_int_equal(status()->disks[n].state, RAID_DISK_REBUILDING);
	memdisk_lose(s.names[0]);
	memdisk_lose(s.names[1]);
	bad = simraid_check(&s, &eio);
	assert_int_equal(bad, eio); /* errors, and nothing wrong */
	assert_true(status()->failed);
	assert_true(eio > 0);
	simraid_end(&s);
}

static void groups_are_converted_one_by_one(void **state)
{
	static const unsigned disks[] = { 3, 2, 4 };
	static const unsigned order[] = { 1, 0, 2 };
	char name[8];

	(void)state;
	make_of(3, disks);
	write_much();
	for (unsigned i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof name, "q%u", i);
		for (unsigned k = i; k < 3; k++)
			assert_int_equal(status()->groups[order[k]].n_parity, 1);
		assert_int_equal(simraid_convert(&s, order[i], used_disk(name)), 0);
		write_much();
		simraid_rebuilt(&s, A_MINUTE);
		is_dp_and_whole(order[i]);
		assert_int_equal(raid_log_copies(s.raid), i == 0 ? 2 : 3); /* it is on group 0 */
		everything_is_right();
		simraid_reopen(&s);
		everything_is_right();
	}
	assert_int_equal(simraid_add_to_group(&s, 1, used_disk("new")), 0);
	write_much();
	everything_is_right();
	simraid_end(&s);
}

static void on_end(void *arg, int err)
{
	*(int *)arg = err;
}

static void what_does_not_do_is_refused_and_leaves_the_group_as_it_was(void **state)
{
	int first = 1, second = 1, third = 1;
	unsigned n, bad, other;

	(void)state;
	make_one(4);
	write_much();
	n = used_disk("q");
	other = used_disk("other");
	assert_int_equal(simraid_convert(&s, 1, n), -ENOENT);
	assert_int_equal(simraid_convert(&s, 0, 0), -EBUSY); /* it is a member */
	bad = simraid_add_disk(&s, "small", DISK_BLOCKS - 300U);
	assert_int_equal(simraid_convert(&s, 0, bad), -ERANGE);
	assert_int_equal(memdisk_clone(s.names[0], "label"), 0);
	bad = simraid_add_disk(&s, "label", 0);
	assert_int_equal(simraid_convert(&s, 0, bad), -EEXIST);
	memdisk_fail_writes("q", 1);
	assert_int_equal(simraid_convert(&s, 0, n), -EIO);
	assert_int_equal(status()->n_disks, 4);
	assert_int_equal(status()->groups[0].n_parity, 1);
	everything_is_right();
	memdisk_lose(s.names[1]);
	write_much();
	assert_int_equal(simraid_convert(&s, 0, n), -EIO); /* its place comes first */
	assert_int_equal(simraid_replace(&s, 0, 1, other), 0);
	assert_int_equal(simraid_convert(&s, 0, n), -EBUSY); /* a rebuild */
	simraid_rebuilt(&s, A_MINUTE);
	other = used_disk("third");
	raid_convert(s.raid, 0, s.urls[n], on_end, &first);
	raid_convert(s.raid, 0, s.urls[other], on_end, &second);
	raid_add_disk(s.raid, 0, s.urls[other], on_end, &third);
	while (first == 1 || second == 1 || third == 1)
		assert_true(sim_step(s.sim));
	assert_int_equal(first, 0);
	assert_int_equal(second, -EBUSY);
	assert_int_equal(third, -EBUSY);
	simraid_rebuilt(&s, A_MINUTE);
	assert_int_equal(simraid_convert(&s, 0, other), -EALREADY);
	everything_is_right();
	simraid_end(&s);
}

/* ---- power cuts -------------------------------------------------------------------------------------------------- */

#define LOOSE_BLOCKS 24U

/* Blocks nobody knows are written all the while, so that there are intents of partial stripes at every moment. */
struct loose {
	struct raid_write write;
	struct raid_write_block blocks[LOOSE_BLOCKS];
	uint32_t first, next;
	bool stopped, busy;
};
static struct loose loose;

static void loose_written(struct raid_write *write, int err);

static void loose_write(void)
{
	for (unsigned i = 0; i < LOOSE_BLOCKS; i++) {
		uint32_t vbn = loose.next + i * 5U;

		loose.blocks[i] = (struct raid_write_block){ .vbn = vbn,
			                                     .ident = simraid_ident(vbn, 1),
			                                     .page = loose.blocks[i].page };
		simraid_fill(loose.blocks[i].page->data, vbn, 1);
	}
	loose.next = loose.first + (loose.next + 1U - loose.first) % 200U;
	loose.write = (struct raid_write){ .blocks = loose.blocks, .n_blocks = LOOSE_BLOCKS, .done = loose_written };
	loose.busy = true;
	raid_write(s.raid, &loose.write);
}

static void loose_written(struct raid_write *write, int err)
{
	(void)write;
	assert_int_equal(err, 0);
	loose.busy = false;
	if (!loose.stopped)
		loose_write();
}

static void loose_begin(uint32_t first)
{
	loose = (struct loose){ .first = first, .next = first };
	for (unsigned i = 0; i < LOOSE_BLOCKS; i++) {
		loose.blocks[i].page = page_alloc();
		assert_non_null(loose.blocks[i].page);
	}
	loose_write();
}

static void loose_end(void)
{
	loose.stopped = true;
	while (loose.busy)
		assert_true(sim_step(s.sim));
	for (unsigned i = 0; i < LOOSE_BLOCKS; i++)
		page_put(loose.blocks[i].page);
}

/* The last VBNs of the model are left to the loose writes. */
static uint32_t write_but_the_last(void)
{
	uint32_t first = s.vbn_end - 400U, kept = s.vbn_end;

	s.vbn_end = first;
	assert_true(simraid_write_random(&s, 300, 20) >= 0);
	s.vbn_end = kept;
	return first;
}

/* The power fails `steps` turns after the conversion began, and a disk is lost with it (5: none): all there was is
 * there. 1: it is RAID-4, 2: it has double parity. */
static unsigned cut_while_converting(unsigned steps, unsigned lost)
{
	uint32_t *versions, end;
	unsigned n_parity;
	int err = 1;

	make_one(4);
	loose_begin(write_but_the_last());
	assert_int_equal(simraid_fsinfo_write(&s, 5, 55), 0);
	raid_convert(s.raid, 0, s.urls[simraid_add_disk(&s, "q", DISK_BLOCKS)], on_end, &err);
	for (unsigned i = 0; i < steps; i++)
		assert_true(sim_step(s.sim));
	for (unsigned i = 0; i < s.n_disks; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "cut-%u", i);
		assert_int_equal(memdisk_crash_clone(s.names[i], name, steps * 7U + i + 1U), 0);
	}
	while (err == 1)
		assert_true(sim_step(s.sim));
	loose_end();
	end = s.vbn_end;
	versions = s.versions;
	s.versions = NULL;
	s.vbn_end = 0;
	assert_int_equal(simraid_close(&s), 0);
	for (unsigned i = 0; i < s.n_disks; i++) {
		(void)snprintf(s.names[i], sizeof s.names[i], "cut-%u", i);
		(void)snprintf(s.urls[i], sizeof s.urls[i], "mem:cut-%u", i);
	}
	if (lost < s.n_disks)
		s.names[lost][0] = '\0';
	assert_int_equal(simraid_open(&s), 0);
	memcpy(s.versions, versions, end * sizeof *versions);
	free(versions);
	assert_false(status()->failed);
	assert_int_equal(simraid_check(&s, NULL), 0);
	n_parity = status()->groups[0].n_parity;
	write_much();
	simraid_rebuilt(&s, A_MINUTE);
	assert_int_equal(simraid_check(&s, NULL), 0);
	if (lost >= s.n_disks) {
		assert_int_equal(status()->groups[0].n_lost, 0);
		assert_int_equal(simraid_verify(&s), 0);
	}
	simraid_end(&s);
	return n_parity;
}

static void a_power_cut_leaves_raid4_or_double_parity_that_is_rebuilt(void **state)
{
	unsigned n[3] = { 0 };

	(void)state;
	for (unsigned steps = 0; steps < 240; steps += 2)
		n[cut_while_converting(steps, steps / 2U % 6U)]++;
	assert_true(n[1] > 10 && n[2] > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_raid4_group_gets_double_parity_and_lives_without_any_two_disks, tidy),
		cmocka_unit_test_teardown(a_disk_lost_meanwhile_is_survived, tidy),
		cmocka_unit_test_teardown(two_disks_lost_meanwhile_are_too_many, tidy),
		cmocka_unit_test_teardown(groups_are_converted_one_by_one, tidy),
		cmocka_unit_test_teardown(what_does_not_do_is_refused_and_leaves_the_group_as_it_was, tidy),
		cmocka_unit_test_teardown(a_power_cut_leaves_raid4_or_double_parity_that_is_rebuilt, tidy),
	};

	if (page_arena_init(16384) != 0)
		return 1;
	if (getenv("TEST_VERBOSE") == NULL)
		log_set_level((enum log_level) - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
