/* SPDX-License-Identifier: Apache-2.0 */
/* Pacing of clones: idle, busy, pressed, limited; their shares, and their speed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include "fs/clone/clone_pace.h"
#include "fs/clone/clone_share.h"
#include "fs/clone/clone_speed.h"

#define SECOND 1000000000ULL

/* Blocks a clone gets through in `seconds` when each batch takes no time and clients do one operation every `client_ns`
 * (0: none). */
static uint64_t blocks_in(uint64_t seconds, uint64_t client_ns, uint64_t rate, bool cp_running, bool log_over_half)
{
	struct clone_pace pace = { .started = false };
	struct clone_limit limit = { 0 };
	uint64_t now = SECOND, end = now + seconds * SECOND, blocks = 0;

	while (now < end) {
		struct clone_view view = { .now_ns = now,
			                   .n_client_ops = client_ns == 0 ? 0 : now / client_ns,
			                   .cp_running = cp_running,
			                   .log_over_half = log_over_half };
		struct clone_plan plan = clone_pace_plan(&pace, &view);
		uint64_t kept_back = clone_limit_delay(&limit, now, rate);

		plan.delay_ns = plan.delay_ns > kept_back ? plan.delay_ns : kept_back;
		plan.n_blocks = clone_limit_blocks(rate, plan.n_blocks);
		if (plan.delay_ns == 0) {
			clone_pace_batch(&pace, now);
			clone_limit_note(&limit, now, plan.n_blocks, rate);
			blocks += plan.n_blocks;
			now += 1000000; /* what a batch takes */
		}
		now += plan.delay_ns;
	}
	return blocks;
}

static void an_idle_volume_is_cloned_at_full_speed(void **state)
{
	(void)state;
	assert_in_range(blocks_in(1, 0, 0, false, false), 240000, 256000);
	assert_in_range(blocks_in(1, 0, 0, true, true), 240000, 256000);
}

static void a_busy_volume_leaves_the_clone_its_floor(void **state)
{
	(void)state;
	assert_in_range(blocks_in(10, 1000000, 0, false, false), 10 * 1700, 10 * 2100); /* 8 MiB/s */
	assert_in_range(blocks_in(10, 10000000, 0, false, false), 10 * 1700, 10 * 2100);
}

static void a_pressed_volume_stops_it_but_never_for_good(void **state)
{
	(void)state;
	assert_in_range(blocks_in(10, 1000000, 0, false, true), 9 * 64, 12 * 64);
}

static void a_batch_waits_for_a_gap_but_not_long(void **state)
{
	struct clone_pace pace = { .started = false };
	struct clone_view view = { .now_ns = SECOND, .n_clients_waiting = 8 };
	unsigned n_polls = 0;

	(void)state;
	for (; clone_pace_plan(&pace, &view).delay_ns > 0; n_polls++)
		view.now_ns += CLONE_GAP_POLL_NS;
	assert_int_equal(n_polls, CLONE_GAP_MAX_NS / CLONE_GAP_POLL_NS);
	clone_pace_batch(&pace, view.now_ns);
	view.now_ns += SECOND / 10U;
	assert_int_equal(clone_pace_plan(&pace, &view).delay_ns, CLONE_GAP_POLL_NS);
	view.n_clients_waiting = 0;
	assert_int_equal(clone_pace_plan(&pace, &view).delay_ns, 0);
}

static void rare_clients_do_not_slow_it_down_for_long(void **state)
{
	(void)state;
	assert_true(blocks_in(10, SECOND, 0, false, false) > 9 * 240000);
}

static void a_rate_limit_is_kept(void **state)
{
	(void)state;
	assert_in_range(blocks_in(20, 0, 10 << 20, false, false), 20 * 2560 - 300, 20 * 2560 + 300);
	assert_in_range(blocks_in(20, 0, 4096 * 3, false, false), 58, 62);
	assert_in_range(blocks_in(20, 1000000, 1 << 20, false, false), 20 * 256 - 64, 20 * 256 + 64);
}

static void consistency_points_back_to_back_press_a_busy_volume(void **state)
{
	struct clone_pace pace = { .started = false };
	struct clone_view view = { .now_ns = SECOND, .n_client_ops = 1 };

	(void)state;
	(void)clone_pace_plan(&pace, &view);
	view.n_client_ops = 2;
	view.now_ns += 40000000;
	assert_int_equal(clone_pace_plan(&pace, &view).delay_ns, 0);
	clone_pace_batch(&pace, view.now_ns);
	clone_pace_cp_done(&pace, view.now_ns + 30000000);
	view.now_ns += 35000000;
	view.n_client_ops = 3;
	view.cp_running = true;
	assert_true(clone_pace_plan(&pace, &view).delay_ns >= CLONE_PRESSED_POLL_NS);
	view.cp_running = false;
	view.n_client_ops = 4;
	assert_int_equal(clone_pace_plan(&pace, &view).delay_ns, 0);
}

/* ---- shares and speed -------------------------------------------------------------------------------------------- */

static void shares_are_as_the_weights(void **state)
{
	static const unsigned weights[] = { 10, 5, 2, 1 };
	struct clone_share shares[4] = { { .time = 0 } };
	unsigned done[4] = { 0 };

	(void)state;
	for (unsigned n = 0; n < 10000; n++) {
		unsigned next = 0;

		for (unsigned i = 1; i < 4; i++)
			if (shares[i].time < shares[next].time)
				next = i;
		clone_share_begin(&shares[next], 64, weights[next]);
		clone_share_end(&shares[next], 64 - n % 3, weights[next]);
		done[next] += 64 - n % 3;
	}
	for (unsigned i = 1; i < 4; i++)
		assert_in_range(done[i], done[0] * weights[i] / 10 * 98 / 100, done[0] * weights[i] / 10 * 102 / 100);
}

static void who_was_away_has_saved_up_nothing(void **state)
{
	struct clone_share share = { .time = 5, .away = true };

	(void)state;
	clone_share_return(&share, 100000);
	assert_int_equal(share.time, 100000);
	assert_false(share.away);
	clone_share_return(&share, 7);
	assert_int_equal(share.time, 100000);
	clone_share_return(&share, UINT64_MAX);
	assert_int_equal(share.time, 100000);
}

static void the_speed_follows_what_happens(void **state)
{
	struct clone_speed speed;
	uint64_t now = 7 * SECOND, done = 1000;

	(void)state;
	clone_speed_reset(&speed, now, done);
	assert_int_equal(clone_speed_eta_s(&speed, now, done, 5000), UINT64_MAX);
	for (unsigned i = 0; i < 40; i++, now += SECOND / 4, done += 100)
		clone_speed_note(&speed, now, done);
	assert_in_range(clone_speed_now(&speed, now, done), 390, 410);
	assert_in_range(clone_speed_eta_s(&speed, now, done, 4000), 9, 11);
	for (unsigned i = 0; i < 80; i++, now += SECOND / 4, done += 25)
		clone_speed_note(&speed, now, done);
	assert_in_range(clone_speed_now(&speed, now, done), 100, 140);
	for (unsigned i = 0; i < 2; i++) { /* and nothing more */
		now += 60 * SECOND;
		clone_speed_note(&speed, now, done);
	}
	assert_int_equal(clone_speed_now(&speed, now, done), 0);
	assert_int_equal(clone_speed_eta_s(&speed, now, done, 4000), UINT64_MAX);
	assert_int_equal(clone_speed_eta_s(&speed, now, done, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_volume_is_cloned_at_full_speed),
		cmocka_unit_test(a_busy_volume_leaves_the_clone_its_floor),
		cmocka_unit_test(a_pressed_volume_stops_it_but_never_for_good),
		cmocka_unit_test(a_batch_waits_for_a_gap_but_not_long),
		cmocka_unit_test(rare_clients_do_not_slow_it_down_for_long),
		cmocka_unit_test(a_rate_limit_is_kept),
		cmocka_unit_test(consistency_points_back_to_back_press_a_busy_volume),
		cmocka_unit_test(shares_are_as_the_weights),
		cmocka_unit_test(who_was_away_has_saved_up_nothing),
		cmocka_unit_test(the_speed_follows_what_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
