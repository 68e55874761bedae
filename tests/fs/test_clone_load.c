/* SPDX-License-Identifier: Apache-2.0 */
/* The rate of clones beside clients, on simulated volumes ("plants") that answer in this way or that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/base/cmocka_all.h"

#include "fs/clone/clone_load.h"

#define SECOND 1000000000ULL
#define MS 1000000ULL

/* A volume: what a request takes without clones, and what they add. */
struct plant {
	uint64_t base_ns; /* most requests */
	uint64_t tail_ns; /* one of 50 */
	uint64_t client_gap_ns;
	uint64_t capacity; /* blocks a second of clones at which latency has doubled */
	uint64_t cp_blocks; /* blocks of clones a CP holds; 0: none */
	uint64_t work_ns; /* of the loop for a block of clones; clients take a fifth of its time */
	uint64_t cp_ns; /* what it adds to requests while it runs, at 100000 blocks a second */
	/* running */
	struct clone_load load;
	struct latency clients;
	uint64_t now_ns, state, filled, cp_until_ns, busy_ns, n_rested, n_looks;
};

static uint64_t random_of(struct plant *p, uint64_t below)
{
	p->state = p->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (p->state >> 33) % below;
}

static void request(struct plant *p, bool works)
{
	uint64_t ns = random_of(p, 50) == 0 ? p->tail_ns : p->base_ns;

	ns += random_of(p, ns / 4U + 1U);
	if (works)
		ns += ns * p->load.rate / p->capacity;
	if (p->now_ns < p->cp_until_ns)
		ns += p->cp_ns;
	latency_add(&p->clients, ns);
}

static void plant_run(struct plant *p, uint64_t seconds)
{
	uint64_t end, next_client;

	if (p->now_ns == 0)
		p->now_ns = SECOND;
	end = p->now_ns + seconds * SECOND;
	next_client = p->now_ns;
	for (; p->now_ns < end; p->now_ns += MS / 4U) {
		bool in_cp = p->now_ns < p->cp_until_ns;
		struct clone_load_view view = { &p->clients, p->now_ns, p->busy_ns, in_cp };
		uint64_t rest = clone_load_look(&p->load, &view);

		p->n_looks++;
		p->n_rested += rest > 0;
		assert_true(rest <= CLONE_LOAD_WINDOW_NS);
		assert_in_range(p->load.rate, CLONE_LOAD_RATE_MIN, CLONE_LOAD_RATE_MAX);
		for (; next_client <= p->now_ns; next_client += p->client_gap_ns)
			request(p, rest == 0);
		p->busy_ns += p->work_ns == 0
		                  ? 0
		                  : MS / 20U + (rest == 0 ? p->load.rate / 4000U * p->work_ns * 4U / 3U : 0U);
		p->filled += rest == 0 ? p->load.rate / 4000U + 1U : 0U;
		if (p->cp_blocks > 0 && p->filled >= p->cp_blocks) {
			p->filled = 0;
			p->cp_until_ns = p->now_ns + p->cp_blocks * 10000U;
		}
	}
}

static void a_volume_that_does_not_feel_it_lets_it_go_fast(void **state)
{
	struct plant p = { .base_ns = 200000, .tail_ns = 600000, .client_gap_ns = 200000, .capacity = 10000000 };

	(void)state;
	plant_run(&p, 30);
	assert_true(p.load.rate > 30000);
}

/* Latency says nothing, but the loop has much to do: at most a twenty-fifth of its time, at 10 us a block. */
static void the_loop_is_not_worked_hard_where_clients_feel_nothing(void **state)
{
	struct plant p = {
		.base_ns = 200000, .tail_ns = 600000, .client_gap_ns = 200000, .capacity = 10000000, .work_ns = 10000
	};

	(void)state;
	plant_run(&p, 60);
	assert_in_range(p.load.rate, 3000, 9000);
}

/* Where clients keep the loop at work, and no window is without a CP of the clones for minutes, that work is not taken
 * for the clones'. */
static void work_of_clients_is_not_taken_for_that_of_clones(void **state)
{
	struct plant p = {
		.base_ns = 200000, .tail_ns = 600000, .client_gap_ns = 200000, .capacity = 10000000, .work_ns = 2000
	};
	uint32_t before;

	(void)state;
	plant_run(&p, 30);
	before = p.load.rate;
	p.cp_until_ns = UINT64_MAX;
	plant_run(&p, 120);
	assert_in_range(p.load.rate, before / 2U, CLONE_LOAD_RATE_MAX);
}

static void a_volume_that_suffers_gets_the_floor(void **state)
{
	struct plant p = { .base_ns = 200000, .tail_ns = 600000, .client_gap_ns = 200000, .capacity = 1000 };

	(void)state;
	plant_run(&p, 20);
	assert_int_equal(p.load.rate, CLONE_LOAD_RATE_MIN);
}

/* In between it stays where latency is 1.1 to 1.25 times what it is without, and does not swing widely. */
static void the_rate_settles_where_clients_feel_little(void **state)
{
	struct plant p = { .base_ns = 200000, .tail_ns = 600000, .client_gap_ns = 200000, .capacity = 60000 };
	uint32_t least = UINT32_MAX, most = 0;

	(void)state;
	plant_run(&p, 30);
	for (unsigned i = 0; i < 30; i++) {
		plant_run(&p, 1);
		least = p.load.rate < least ? p.load.rate : least;
		most = p.load.rate > most ? p.load.rate : most;
	}
	assert_in_range(least, 3000, 16000);
	assert_in_range(most, 4000, 20000); /* a third more: the limit of one bucket of the histogram */
	assert_true(most <= least * 3U);
}

static void the_rate_follows_a_volume_that_changes(void **state)
{
	struct plant p = { .base_ns = 200000, .tail_ns = 600000, .client_gap_ns = 200000, .capacity = 10000000 };

	(void)state;
	plant_run(&p, 30);
	assert_true(p.load.rate > 30000);
	p.capacity = 20000;
	plant_run(&p, 10);
	assert_true(p.load.rate < 8000);
	p.capacity = 10000000;
	plant_run(&p, 30);
	assert_true(p.load.rate > 30000);
}

/* What clients feel at all times, tails too, is no reason to go slowly. */
static void slow_clients_are_not_mistaken_for_hurt_ones(void **state)
{
	struct plant p = { .base_ns = 4000000, .tail_ns = 30000000, .client_gap_ns = 1000000, .capacity = 10000000 };

	(void)state;
	plant_run(&p, 60);
	assert_true(p.load.rate > 15000);
}

/* The CPs that clones fill hurt in windows of rest too: there is nothing to compare with but the time without them. */
static void consistency_points_of_clones_count_against_them(void **state)
{
	struct plant p = { .base_ns = 200000,
		           .tail_ns = 300000,
		           .client_gap_ns = 200000,
		           .capacity = 10000000,
		           .cp_blocks = 8000,
		           .cp_ns = 2000000 };

	(void)state;
	plant_run(&p, 60);
	assert_true(p.load.rate < 2500); /* at which they take two per cent of the time */
}

/* Two or three requests in a hundred that are slow: a few hundred requests do not show them, so more than those of one
 * decision are kept. */
static void what_one_request_in_fifty_feels_is_seen_at_a_thousand_a_second(void **state)
{
	struct plant p = { .base_ns = 200000,
		           .tail_ns = 200000,
		           .client_gap_ns = MS,
		           .capacity = 10000000,
		           .cp_blocks = 400,
		           .cp_ns = 2000000 };
	uint64_t sum = 0;

	(void)state;
	plant_run(&p, 60);
	for (unsigned i = 0; i < 60; i++, sum += p.load.rate)
		plant_run(&p, 1);
	assert_true(sum / 60U < 2000);
}

static void what_is_counted_is_bounded_when_there_is_nothing_to_compare_with(void **state)
{
	struct plant p = { .base_ns = 200000,
		           .tail_ns = 600000,
		           .client_gap_ns = 200000,
		           .capacity = 10000000,
		           .cp_until_ns = UINT64_MAX };

	(void)state;
	plant_run(&p, 60);
	assert_int_equal(p.load.without.n, 0);
	assert_in_range(p.load.beside.n, 1000, 20000);
}

static void rare_requests_change_little(void **state)
{
	struct plant p = { .base_ns = 200000, .tail_ns = 600000, .client_gap_ns = SECOND / 4U, .capacity = 1000 };

	(void)state;
	plant_run(&p, 5);
	assert_int_equal(p.load.rate, CLONE_LOAD_RATE_FIRST);
}

static void a_quarter_of_the_time_is_rest(void **state)
{
	struct plant p = { .base_ns = 200000, .tail_ns = 600000, .client_gap_ns = 200000, .capacity = 60000 };

	(void)state;
	plant_run(&p, 10);
	assert_in_range(p.n_rested * 100U / p.n_looks, 22, 28);
}

static void a_window_cut_short_is_no_measure(void **state)
{
	struct clone_load load = { 0 };
	struct latency clients = { 0 };

	(void)state;
	(void)clone_load_look(&load, &(struct clone_load_view){ &clients, SECOND, 0, false });
	for (unsigned i = 0; i < 1000; i++)
		latency_add(&clients, 5 * SECOND);
	clone_load_pause(&load);
	(void)clone_load_look(&load, &(struct clone_load_view){ &clients, 2 * SECOND, 0, false });
	assert_int_equal(load.without.n + load.beside.n, 0);
	for (unsigned i = 0; i < 1000; i++)
		latency_add(&clients, 5 * SECOND);
	/* nobody had looked for two seconds */
	(void)clone_load_look(&load, &(struct clone_load_view){ &clients, 4 * SECOND, 0, false });
	assert_int_equal(load.without.n + load.beside.n, 0);
}

static void quantiles_are_found_in_their_buckets(void **state)
{
	struct latency latency = { 0 }, before, sum = { 0 };

	(void)state;
	assert_int_equal(latency_quantile_ns(&latency, 990), 0);
	for (uint64_t us = 1; us <= 10000; us++)
		latency_add(&latency, us * 1000U);
	assert_in_range(latency_quantile_ns(&latency, 500), 4400000, 5600000);
	assert_in_range(latency_quantile_ns(&latency, 990), 9000000, 10600000);
	before = latency;
	latency_add(&latency, 77);
	latency_add(&latency, 100 * SECOND); /* beyond the last bucket */
	latency_add_difference(&sum, &latency, &before);
	assert_int_equal(sum.n, 2);
	assert_in_range(latency_quantile_ns(&sum, 500), 0, 1024);
	assert_true(latency_quantile_ns(&sum, 1000) > 10 * SECOND);
	latency_age(&latency);
	assert_in_range(latency.n, 4900, 5001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_found_in_their_buckets),
		cmocka_unit_test(a_volume_that_does_not_feel_it_lets_it_go_fast),
		cmocka_unit_test(the_loop_is_not_worked_hard_where_clients_feel_nothing),
		cmocka_unit_test(work_of_clients_is_not_taken_for_that_of_clones),
		cmocka_unit_test(a_volume_that_suffers_gets_the_floor),
		cmocka_unit_test(the_rate_settles_where_clients_feel_little),
		cmocka_unit_test(the_rate_follows_a_volume_that_changes),
		cmocka_unit_test(slow_clients_are_not_mistaken_for_hurt_ones),
		cmocka_unit_test(consistency_points_of_clones_count_against_them),
		cmocka_unit_test(what_one_request_in_fifty_feels_is_seen_at_a_thousand_a_second),
		cmocka_unit_test(what_is_counted_is_bounded_when_there_is_nothing_to_compare_with),
		cmocka_unit_test(rare_requests_change_little),
		cmocka_unit_test(a_quarter_of_the_time_is_rest),
		cmocka_unit_test(a_window_cut_short_is_no_measure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
