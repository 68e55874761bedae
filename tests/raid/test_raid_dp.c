/* SPDX-License-Identifier: Apache-2.0 */
/* Double parity: a second parity that is wrong, which no checksum tells, and two faults in a stripe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/base/cmocka_all.h"

#include "base/log.h"
#include "raid/layout.h"
#include "tests/support/simraid.h"

#define DISK_BLOCKS 1600U
#define LOG_HALF (64U * 1024U)
#define N_DISKS 16U
#define N_DATA 14U
#define P 14U
#define Q 15U
#define DBN 77U

static struct simraid s;
static struct layout layout;

/* So wide that it would be cheaper to read old parity than the other data; every block of a stripe has content. */
static int volume_make(void **state)
{
	static const unsigned disks = N_DISKS;

	(void)state;
	simraid_init(&s, 21, "dp", 1, &disks, DISK_BLOCKS);
	s.n_parity = 2;
	simraid_start(&s, LOG_HALF);
	assert_int_equal(layout_plan(DISK_BLOCKS, LOG_HALF / RAID_BLOCK_SIZE, &layout), 0);
	for (unsigned i = 0; i < N_DATA; i++) {
		uint32_t vbns[16], first = raid_geometry(s.raid)->disks[i].vbn_first + DBN - 8U;

		for (unsigned k = 0; k < 16; k++)
			vbns[k] = first + k;
		assert_int_equal(simraid_write(&s, vbns, 16), 0);
	}
	assert_int_equal(simraid_flush(&s), 0);
	assert_int_equal(simraid_verify(&s), 0);
	return 0;
}

static int volume_drop(void **state)
{
	(void)state;
	simraid_end(&s);
	return 0;
}

/* The block of a disk at DBN is another one. */
static void spoil(unsigned disk)
{
	uint8_t bytes[RAID_BLOCK_SIZE];

	memdisk_peek(s.names[disk], layout_data_block(&layout, DBN), bytes);
	for (unsigned i = 100; i < 200; i++)
		bytes[i] ^= 0x5A;
	memdisk_poke(s.names[disk], layout_data_block(&layout, DBN), bytes);
}

static void write_one_of(unsigned disk)
{
	uint32_t vbn = raid_geometry(s.raid)->disks[disk].vbn_first + DBN;

	assert_int_equal(simraid_write(&s, &vbn, 1), 0);
	assert_int_equal(simraid_flush(&s), 0);
}

/* A disk is lost, and that is known. */
static void lose(unsigned disk)
{
	memdisk_lose(s.names[disk]);
	assert_int_equal(simraid_check(&s, NULL), 0);
	(void)simraid_write_random(&s, 100, 3);
	assert_int_equal(simraid_flush(&s), 0);
}

static void a_wrong_second_parity_is_not_carried_on_by_a_partial_write(void **state)
{
	(void)state;
	spoil(Q);
	assert_int_equal(simraid_verify(&s), 2); /* the block, and its stripe */
	write_one_of(3);
	assert_int_equal(simraid_verify(&s), 0);
	lose(3);
	lose(9);
	assert_int_equal(simraid_check(&s, NULL), 0);
}

static void nor_is_it_beside_a_lost_disk(void **state)
{
	(void)state;
	lose(5);
	spoil(Q);
	write_one_of(3);
	lose(9);
	assert_int_equal(simraid_check(&s, NULL), 0);
}

static void nor_is_it_when_the_lost_disk_is_written(void **state)
{
	(void)state;
	lose(5);
	spoil(Q);
	write_one_of(5);
	lose(9);
	assert_int_equal(simraid_check(&s, NULL), 0);
}

/* ---- verify, and making whole ------------------------------------------------------------------------------------ */

struct seen {
	bool done;
	unsigned n;
	struct raid_wrong_stripe wrong;
	uint32_t n_lost;
};

static void on_verify(void *arg, int err, const struct raid_verify_result *result)
{
	struct seen *seen = arg;

	assert_int_equal(err, 0);
	seen->done = true;
	seen->n = result->n_wrong;
	if (result->n_wrong > 0)
		seen->wrong = result->wrong[0];
}

static void on_whole(void *arg, uint32_t n_lost)
{
	struct seen *seen = arg;

	seen->done = true;
	seen->n_lost = n_lost;
}

static struct seen verify(void)
{
	struct seen seen = { 0 };

	raid_verify(s.raid, 0, DBN, 1, on_verify, &seen);
	assert_true(simraid_wait(&s, &seen.done));
	return seen;
}

static uint32_t make_whole(void)
{
	struct seen seen = { 0 };

	raid_make_whole(s.raid, 0, DBN, 1, on_whole, &seen);
	assert_true(simraid_wait(&s, &seen.done));
	assert_int_equal(simraid_flush(&s), 0);
	return seen.n_lost;
}

static void two_faults_of_a_stripe_are_told_and_made_good(void **state)
{
	static const unsigned pairs[][2] = { { 0, 7 }, { 13, P }, { 1, Q }, { P, Q } };

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		unsigned mask = 1U << pairs[i][0] | 1U << pairs[i][1];
		struct seen seen;

		spoil(pairs[i][0]);
		spoil(pairs[i][1]);
		seen = verify();
		assert_int_equal(seen.n, 1);
		assert_int_equal(seen.wrong.bad_blocks, mask);
		assert_int_equal(seen.wrong.bad_entries, 0);
		assert_false(raid_stripe_is_lost(&seen.wrong));
		assert_int_equal(make_whole(), 0);
		assert_int_equal(verify().n, 0);
	}
	spoil(0);
	spoil(1);
	spoil(2);
	assert_true(raid_stripe_is_lost(&(struct raid_wrong_stripe){ .n_parity = 2, .mismatched = 7 }));
	assert_int_equal(verify().wrong.mismatched, 7);
	assert_int_equal(verify().wrong.bad_blocks, 0);
	assert_int_equal(make_whole(), 1);
}

static void a_wrong_second_parity_is_told_beside_a_lost_disk(void **state)
{
	struct seen seen;

	(void)state;
	lose(5);
	spoil(Q);
	seen = verify();
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.wrong.unreadable, 1U << 5);
	assert_int_equal(seen.wrong.bad_blocks & ~(1U << 5), 1U << Q);
	assert_int_equal(make_whole(), 0);
	assert_int_equal(verify().wrong.bad_blocks & ~(1U << 5), 0);
	lose(9);
	assert_int_equal(simraid_check(&s, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_wrong_second_parity_is_not_carried_on_by_a_partial_write, volume_make,
		                                volume_drop),
		cmocka_unit_test_setup_teardown(nor_is_it_beside_a_lost_disk, volume_make, volume_drop),
		cmocka_unit_test_setup_teardown(nor_is_it_when_the_lost_disk_is_written, volume_make, volume_drop),
		cmocka_unit_test_setup_teardown(two_faults_of_a_stripe_are_told_and_made_good, volume_make,
		                                volume_drop),
		cmocka_unit_test_setup_teardown(a_wrong_second_parity_is_told_beside_a_lost_disk, volume_make,
		                                volume_drop),
	};

	if (page_arena_init(16384) != 0)
		return 1;
	if (getenv("TEST_VERBOSE") == NULL)
		log_set_level((enum log_level) - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
