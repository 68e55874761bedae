/* SPDX-License-Identifier: Apache-2.0 */
/* Pacing of clones: idle, busy, pressed, limited. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "fs/clone_pace.h"

#define SECOND 1000000000ULL

/* Blocks a clone gets through in `seconds` when each batch takes no time and clients do one operation every `client_ns` (0: none). */
static uint64_t blocks_in(uint64_t seconds, uint64_t client_ns, uint64_t rate, bool cp_running, bool log_over_half)
{
	struct clone_pace pace = { .started = false };
	uint64_t now = SECOND, end = now + seconds * SECOND, blocks = 0;

	while (now < end) {
		struct clone_view view = { .now_ns = now,
			                   .n_client_ops = client_ns == 0 ? 0 : now / client_ns,
			                   .rate_bytes_s = rate,
			                   .cp_running = cp_running,
			                   .log_over_half = log_over_half };
		struct clone_plan plan = clone_pace_plan(&pace, &view);

		if (plan.delay_ns == 0) {
			clone_pace_batch(&pace, now, plan.n_blocks, rate);
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
	clone_pace_batch(&pace, view.now_ns, 64, 0);
	clone_pace_cp_done(&pace, view.now_ns + 30000000);
	view.now_ns += 35000000;
	view.n_client_ops = 3;
	view.cp_running = true;
	assert_true(clone_pace_plan(&pace, &view).delay_ns >= CLONE_PRESSED_POLL_NS);
	view.cp_running = false;
	view.n_client_ops = 4;
	assert_int_equal(clone_pace_plan(&pace, &view).delay_ns, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_volume_is_cloned_at_full_speed),
		cmocka_unit_test(a_busy_volume_leaves_the_clone_its_floor),
		cmocka_unit_test(a_pressed_volume_stops_it_but_never_for_good),
		cmocka_unit_test(rare_clients_do_not_slow_it_down_for_long),
		cmocka_unit_test(a_rate_limit_is_kept),
		cmocka_unit_test(consistency_points_back_to_back_press_a_busy_volume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
