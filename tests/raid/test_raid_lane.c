/* SPDX-License-Identifier: Apache-2.0 */
/* Writes keep to the window the file system gives them, whatever it is, and lose nothing by it. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/base/cmocka_all.h"

#include "base/log.h"
#include "raid/raid_volume.h"
#include "tests/support/simraid.h"

#define DISK_BLOCKS (32U * 256U)

static const unsigned three_and_one[] = { 4 };

struct observer {
	struct simraid s;
	unsigned window; /* 0: another one at every question */
	uint64_t state, most_bytes;
	unsigned n_asked;
};

static unsigned window_bytes(void *arg)
{
	static const unsigned some[] = { 0, 4096, 96U << 10, 1U << 20, UINT_MAX };
	struct observer *o = arg;

	o->n_asked++;
	if (o->s.raid->lane.in_flight_bytes > o->most_bytes)
		o->most_bytes = o->s.raid->lane.in_flight_bytes;
	o->state = o->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return o->window != 0 ? o->window : some[(o->state >> 33) % 5U];
}

static void observer_open(struct observer *o, unsigned window)
{
	static unsigned n_opened;
	char prefix[16];

	o->window = window;
	o->state = 7;
	(void)snprintf(prefix, sizeof prefix, "lane%u", n_opened++);
	simraid_init(&o->s, 1, prefix, 1, three_and_one, DISK_BLOCKS);
	assert_int_equal(simraid_format(&o->s, 0), 0);
	assert_int_equal(simraid_open(&o->s), 0);
	raid_write_window(o->s.raid, window_bytes, o);
}

static void observer_close(struct observer *o)
{
	unsigned eio;

	assert_int_equal(simraid_flush(&o->s), 0);
	assert_int_equal(simraid_check(&o->s, &eio), 0);
	assert_int_equal(simraid_verify(&o->s), 0);
	assert_true(TAILQ_EMPTY(&o->s.raid->lane.waiting));
	assert_int_equal(o->s.raid->lane.in_flight_bytes, 0);
	assert_int_equal(simraid_close(&o->s), 0);
	simraid_fini(&o->s);
}

static unsigned long long n_writes(const struct simraid *s)
{
	unsigned long long n = 0;

	for (unsigned i = 0; i < s->raid->n_members; i++)
		n += s->raid->members[i]->n_writes;
	return n;
}

static void writes_keep_to_their_window(void **state)
{
	struct observer o = { 0 };
	unsigned long long before;

	(void)state;
	observer_open(&o, 256U << 10);
	before = n_writes(&o.s);
	assert_true(simraid_write_random(&o.s, 4000, 400) > 3000);
	assert_in_range(o.most_bytes, 128U << 10, 256U << 10);
	assert_true(n_writes(&o.s) - before > 3000U / 32U); /* in short I/Os */
	observer_close(&o);
}

static void a_window_that_changes_all_the_time_loses_nothing(void **state)
{
	struct observer o = { 0 };

	(void)state;
	observer_open(&o, 0);
	for (unsigned i = 0; i < 8; i++) {
		assert_true(simraid_write_random(&o.s, 600, 1U + i * 20U) > 0);
		assert_int_equal(simraid_flush(&o.s), 0);
	}
	assert_true(o.n_asked > 100);
	observer_close(&o);
}

static void a_window_of_nothing_still_lets_one_through(void **state)
{
	struct observer o = { 0 };

	(void)state;
	observer_open(&o, 1);
	assert_true(simraid_write_random(&o.s, 1500, 100) > 1000);
	assert_in_range(o.most_bytes, 1, 128U << 10);
	observer_close(&o);
}

static void without_a_limit_all_of_it_goes_at_once(void **state)
{
	struct observer o = { 0 };

	(void)state;
	observer_open(&o, UINT_MAX);
	assert_true(simraid_write_random(&o.s, 4000, 400) > 3000);
	assert_true(o.most_bytes > 1U << 20);
	observer_close(&o);
}

static unsigned n_unflushed(const struct simraid *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->raid->n_members; i++)
		n += memdisk_unflushed(s->raid->members[i]->url + 4);
	return n;
}

/* What goes through a small window is durable when it is done: the flush finds nothing to do, and keeps no reader
 * waiting. */
static void short_writes_leave_nothing_for_the_flush(void **state)
{
	struct observer o = { 0 };

	(void)state;
	observer_open(&o, 64U << 10);
	assert_int_equal(simraid_flush(&o.s), 0);
	assert_true(simraid_write_random(&o.s, 2000, 200) > 1500);
	assert_int_equal(n_unflushed(&o.s), 0);
	o.window = UINT_MAX;
	assert_true(simraid_write_random(&o.s, 2000, 200) > 1500);
	assert_true(n_unflushed(&o.s) > 0);
	observer_close(&o);
}

/* A disk on which each durable write takes long gets them in bulk, as before, but for one in 256. */
static void short_writes_are_not_made_durable_where_that_takes_long(void **state)
{
	struct observer o = { 0 };

	(void)state;
	observer_open(&o, 64U << 10);
	memdisk_set_latency(20000000);
	assert_true(simraid_write_random(&o.s, 4000, 400) > 3000);
	assert_true(o.s.raid->lane.save_ns > 2000000);
	assert_true(n_unflushed(&o.s) > 0);
	memdisk_set_latency(0);
	for (unsigned i = 0; i < 40 && o.s.raid->lane.save_ns > 2000000; i++)
		assert_true(simraid_write_random(&o.s, 4000, 400) > 3000);
	assert_true(o.s.raid->lane.save_ns < 2000000); /* it was tried again */
	observer_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_keep_to_their_window),
		cmocka_unit_test(a_window_that_changes_all_the_time_loses_nothing),
		cmocka_unit_test(a_window_of_nothing_still_lets_one_through),
		cmocka_unit_test(without_a_limit_all_of_it_goes_at_once),
		cmocka_unit_test(short_writes_leave_nothing_for_the_flush),
		cmocka_unit_test(short_writes_are_not_made_durable_where_that_takes_long),
	};

	if (page_arena_init(32768) != 0)
		return 1;
	log_set_level((enum log_level) - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
