/* SPDX-License-Identifier: Apache-2.0 */
/* The host's file system is full: writes wait for room, no disk fails, nothing is lost, and whoever must end ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/base/cmocka_all.h"

#include "raid/raid_volume.h"
#include "tests/support/simraid.h"

#define DISK_BLOCKS (32U * 256U)
#define SECOND_NS 1000000000ULL

static const unsigned three_and_one[] = { 4 };

static void volume_make(struct simraid *s)
{
	static unsigned n_made;
	char prefix[16];

	(void)snprintf(prefix, sizeof prefix, "room%u", n_made++);
	simraid_init(s, 1, prefix, 1, three_and_one, DISK_BLOCKS);
	assert_int_equal(simraid_format(s, 0), 0);
	assert_int_equal(simraid_open(s), 0);
	raid_room_patience(s->raid, 0);
	assert_true(simraid_write_random(s, 200, 8) > 0);
	assert_int_equal(simraid_flush(s), 0);
}

static void host_full(struct simraid *s, unsigned disks, int err, bool any)
{
	for (unsigned i = 0; i < s->n_disks; i++)
		if (disks & 1U << i)
			memdisk_host_full(s->names[i], err, any);
}

static void pass(struct simraid *s, uint64_t ns)
{
	sim_run_for(s->sim, ns);
}

struct flushing {
	bool done;
	int err;
};

static void on_flushed(void *arg, int err)
{
	*(struct flushing *)arg = (struct flushing){ true, err };
}

static void count_change(void *arg)
{
	++*(unsigned *)arg;
}

static void disks_are_all_online(const struct simraid *s)
{
	struct raid_status *status = calloc(1, sizeof *status);

	assert_non_null(status);
	raid_status(s->raid, status);
	assert_false(status->degraded || status->failed);
	for (unsigned i = 0; i < status->n_disks; i++)
		assert_int_equal(status->disks[i].state, RAID_DISK_ONLINE);
	free(status);
}

static bool written;

static void on_written(struct raid_write *write, int err)
{
	(void)write;
	assert_int_equal(err, 0);
	written = true;
}

/* Blocks that were never written. The model does not know them. */
static void new_blocks_write(struct simraid *s)
{
	static struct raid_write_block blocks[64];
	static struct raid_write write;
	unsigned n = 0;

	written = false;
	for (uint32_t vbn = 1; n < ARRAY_SIZE(blocks); vbn += 7)
		if (s->versions[vbn] == 0)
			blocks[n++] = (struct raid_write_block){ .vbn = vbn,
				                                 .ident = { .inode = 9 },
				                                 .page = page_zero() };
	write = (struct raid_write){ .blocks = blocks, .n_blocks = n, .done = on_written };
	raid_write(s->raid, &write);
}

/* A consistency point's end: entries, flush, labels and the new root, of which some find no room. */
static void wait_and_go_on(unsigned disks, int host_err, bool any)
{
	struct flushing flush = { false, 0 };
	struct simraid s;
	unsigned eio, n_changes = 0;

	volume_make(&s);
	raid_on_room(s.raid, count_change, &n_changes);
	host_full(&s, disks, host_err, any);
	new_blocks_write(&s);
	raid_fsinfo_write(s.raid, 7, (const uint8_t[RAID_FSINFO_BODY]){ 1 }, on_flushed, &flush);
	pass(&s, 60 * SECOND_NS);
	if (flush.done && written)
		fail_msg("disks %x error %d any %d: not waited", disks, host_err, any);
	assert_non_null(raid_waits_for_room(s.raid));
	assert_int_equal(n_changes, 1);
	disks_are_all_online(&s);
	assert_int_equal(simraid_check(&s, &eio), 0); /* reads go on */
	assert_int_equal(eio, 0);
	host_full(&s, disks, 0, any);
	pass(&s, 2 * SECOND_NS);
	assert_true(flush.done && written);
	assert_int_equal(flush.err, 0);
	assert_null(raid_waits_for_room(s.raid));
	assert_int_equal(n_changes, 2);
	disks_are_all_online(&s);
	assert_true(simraid_write_random(&s, 200, 8) > 0);
	assert_int_equal(simraid_flush(&s), 0);
	assert_int_equal(simraid_check(&s, &eio), 0);
	assert_int_equal(simraid_verify(&s), 0);
	assert_int_equal(simraid_close(&s), 0);
	simraid_fini(&s);
}

static void a_write_waits_for_room_and_goes_on_by_itself(void **state)
{
	(void)state;
	wait_and_go_on(1U, -ENOSPC, true);
	wait_and_go_on(15U, -ENOSPC, true);
	wait_and_go_on(8U, -EDQUOT, true);
	wait_and_go_on(15U, -EDQUOT, false);
}

static void a_close_while_the_host_is_full_ends_and_loses_nothing(void **state)
{
	struct simraid s;
	uint64_t began;
	unsigned eio;

	(void)state;
	volume_make(&s);
	host_full(&s, 15U, -ENOSPC, true);
	began = world_now_ns(s.world);
	assert_int_not_equal(simraid_close(&s), 0);
	assert_true(world_now_ns(s.world) - began < RAID_ROOM_PATIENCE_NS + 2 * SECOND_NS);
	host_full(&s, 15U, 0, true);
	assert_int_equal(simraid_open(&s), 0);
	disks_are_all_online(&s);
	assert_int_equal(simraid_check(&s, &eio), 0);
	assert_int_equal(eio, 0);
	assert_int_equal(simraid_verify(&s), 0);
	assert_int_equal(simraid_close(&s), 0);
	simraid_fini(&s);
}

static void an_open_while_the_host_is_full_says_so_and_succeeds_later(void **state)
{
	struct simraid s;
	unsigned eio;

	(void)state;
	volume_make(&s);
	assert_int_equal(simraid_close(&s), 0);
	host_full(&s, 15U, -EDQUOT, true);
	assert_int_equal(simraid_open(&s), -ENOSPC);
	host_full(&s, 15U, 0, true);
	assert_int_equal(simraid_open(&s), 0);
	disks_are_all_online(&s);
	assert_int_equal(simraid_check(&s, &eio), 0);
	assert_int_equal(simraid_verify(&s), 0);
	assert_int_equal(simraid_close(&s), 0);
	simraid_fini(&s);
}

/* A damaged block is read from the others; writing it anew would need room. */
static void a_read_that_repairs_does_not_wait_for_room(void **state)
{
	struct simraid s;
	unsigned eio;

	(void)state;
	volume_make(&s);
	for (unsigned i = 0; i < 200; i++)
		memdisk_flip_bit(s.names[1], layout_data_block(&s.raid->layout, i), 5);
	host_full(&s, 15U, -ENOSPC, true);
	assert_int_equal(simraid_check(&s, &eio), 0);
	assert_int_equal(eio, 0);
	disks_are_all_online(&s);
	host_full(&s, 15U, 0, true);
	assert_int_equal(simraid_check(&s, &eio), 0);
	assert_int_equal(simraid_flush(&s), 0);
	assert_int_equal(simraid_close(&s), 0);
	simraid_fini(&s);
}

/* It failed for good while it waited: it gets no further write, and the others go on. */
static void a_disk_that_is_lost_while_it_waits_is_written_no_more(void **state)
{
	struct flushing flush = { false, 0 };
	struct simraid s;
	unsigned eio;

	(void)state;
	volume_make(&s);
	host_full(&s, 2U, -ENOSPC, true);
	raid_fsinfo_write(s.raid, 7, (const uint8_t[RAID_FSINFO_BODY]){ 1 }, on_flushed, &flush);
	pass(&s, SECOND_NS / 4);
	memdisk_lose(s.names[1]);
	pass(&s, 10 * SECOND_NS);
	assert_true(flush.done);
	assert_int_equal(flush.err, 0);
	assert_int_equal(simraid_check(&s, &eio), 0);
	assert_int_equal(simraid_close(&s), 0);
	simraid_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_waits_for_room_and_goes_on_by_itself),
		cmocka_unit_test(a_close_while_the_host_is_full_ends_and_loses_nothing),
		cmocka_unit_test(an_open_while_the_host_is_full_says_so_and_succeeds_later),
		cmocka_unit_test(a_read_that_repairs_does_not_wait_for_room),
		cmocka_unit_test(a_disk_that_is_lost_while_it_waits_is_written_no_more),
	};

	if (page_arena_init(32768) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
