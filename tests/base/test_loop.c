/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: deferred order and fairness, timers, posts from other threads, watched descriptors, start and stop. */
#include "base/loop.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/base/cmocka_all.h"

#define MS UINT64_C(1000000)

static struct loop *loop;
static char trace[256];

static void note(const char *what)
{
	strncat(trace, what, sizeof trace - strlen(trace) - 1);
}

static int setup(void **state)
{
	(void)state;
	trace[0] = '\0';
	return loop_new("test", &loop);
}

static int teardown(void **state)
{
	(void)state;
	loop_free(loop);
	loop = NULL;
	return 0;
}

static void stop_run(struct task *task)
{
	(void)task;
	loop_stop(loop);
}

static struct task stop_task = { .run = stop_run };

struct named {
	struct task task;
	const char *name;
	struct task *then;
	struct task *then_last;
};

static void named_run(struct task *task)
{
	struct named *named = container_of(task, struct named, task);

	note(named->name);
	if (named->then != NULL)
		world_defer(loop_world(loop), named->then);
	if (named->then_last != NULL)
		loop_defer_last(loop, named->then_last);
}

static void deferred_tasks_run_in_order_and_last_ones_after_them(void **state)
{
	struct named end = { .task.run = named_run, .name = "$", .then = &stop_task };
	struct named d = { .task.run = named_run, .name = "d" };
	struct named c = { .task.run = named_run, .name = "c" };
	struct named b = { .task.run = named_run, .name = "b", .then = &d.task };
	struct named a = { .task.run = named_run, .name = "a", .then = &c.task, .then_last = &end.task };

	(void)state;
	world_defer(loop_world(loop), &a.task);
	world_defer(loop_world(loop), &b.task);
	world_defer(loop_world(loop), &a.task); /* already queued: once */
	loop_run(loop);
	assert_string_equal(trace, "abcd$");
}

/* A task that defers itself for ever must not keep descriptors waiting. */
static void forever_run(struct task *task)
{
	world_defer(loop_world(loop), task);
}

static void stop_on_ready(struct watch *watch, unsigned events)
{
	assert_int_equal(events, WATCH_READ);
	loop_watch_stop(watch);
	loop_stop(loop);
}

static void endless_deferring_does_not_starve_descriptors(void **state)
{
	struct task forever = { .run = forever_run };
	struct watch watch = { .ready = stop_on_ready };
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	world_defer(loop_world(loop), &forever);
	assert_int_equal(loop_watch_start(loop, &watch, fds[0], WATCH_READ), 0);
	loop_run(loop); /* returns */
	close(fds[0]);
	close(fds[1]);
	/* The loop's end gave up on it; so must its owner, before it goes. */
	forever.run = stop_run;
	loop_run(loop);
}

static void look_only(struct watch *watch, unsigned events)
{
	(void)watch, (void)events;
}

static void ready_descriptors_do_not_starve_tasks(void **state)
{
	struct task stop = { .run = stop_run };
	struct watch watch = { .ready = look_only };
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1); /* nobody reads it: it stays ready */
	assert_int_equal(loop_watch_start(loop, &watch, fds[0], WATCH_READ), 0);
	world_defer(loop_world(loop), &stop);
	loop_run(loop); /* returns */
	loop_watch_stop(&watch);
	close(fds[0]);
	close(fds[1]);
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static unsigned n_slow, n_late;
static struct task slow_task, late_tasks[8];

static void slow_run(struct task *task)
{
	(void)task;
	n_slow++;
}

/* Takes longer than late tasks have in a turn. */
static void late_slow_run(struct task *task)
{
	uint64_t start_ns = cpu_ns();

	(void)task;
	/* the deferred task of every turn came first, and one turn has one of these */
	assert_int_equal(n_slow, ++n_late);
	while (cpu_ns() - start_ns < 1000000U)
		;
	if (n_late == ARRAY_SIZE(late_tasks))
		loop_stop(loop);
	else
		world_defer(loop_world(loop), &slow_task);
}

static void late_tasks_run_after_the_others_and_a_few_a_turn(void **state)
{
	(void)state;
	n_slow = n_late = 0;
	slow_task.run = slow_run;
	for (size_t i = 0; i < ARRAY_SIZE(late_tasks); i++) {
		late_tasks[i].run = late_slow_run;
		loop_defer_late(loop, &late_tasks[i]);
	}
	world_defer(loop_world(loop), &slow_task);
	loop_run(loop);
	assert_int_equal(n_late, ARRAY_SIZE(late_tasks));
}

struct alarm {
	struct timer timer;
	const char *name;
	uint64_t delay_ns;
	uint64_t set_ns;
	bool last;
};

static void alarm_fire(struct timer *timer)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);

	assert_false(timer->armed);
	assert_true(world_now_ns(loop_world(loop)) >= alarm->set_ns + alarm->delay_ns);
	note(alarm->name);
	if (alarm->last)
		loop_stop(loop);
}

static void alarm_set(struct alarm *alarm, const char *name, uint64_t delay_ns)
{
	alarm->timer.fire = alarm_fire;
	alarm->name = name;
	alarm->delay_ns = delay_ns;
	alarm->set_ns = world_now_ns(loop_world(loop));
	world_timer_set(loop_world(loop), &alarm->timer, delay_ns);
}

static int by_time(const void *a, const void *b)
{
	const struct alarm *const *one = a, *const *other = b;

	return (*one)->timer.due_ns < (*other)->timer.due_ns ? -1 : (*one)->timer.due_ns > (*other)->timer.due_ns;
}

/* Whoever was kept from the processor between two of these has other times, and so another order. */
static void timers_fire_in_order_of_time_and_never_early(void **state)
{
	struct alarm a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 }, e = { 0 };
	struct alarm *all[] = { &a, &b, &c, &d, &e };
	char expected[ARRAY_SIZE(all) + 1U] = "";

	(void)state;
	alarm_set(&e, "e", 40 * MS);
	alarm_set(&c, "c", 20 * MS);
	alarm_set(&a, "a", 0);
	alarm_set(&b, "b", 10 * MS);
	alarm_set(&d, "x", 5 * MS);
	alarm_set(&d, "d", 30 * MS); /* set again: the later time counts */
	qsort(all, ARRAY_SIZE(all), sizeof all[0], by_time);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		expected[i] = all[i]->name[0];
	all[ARRAY_SIZE(all) - 1U]->last = true;
	loop_run(loop);
	assert_string_equal(trace, expected);
}

static void cancelled_timer_does_not_fire(void **state)
{
	struct alarm a = { 0 }, b = { .last = true };

	(void)state;
	alarm_set(&a, "a", 5 * MS);
	alarm_set(&b, "b", 15 * MS);
	world_timer_cancel(&a.timer);
	world_timer_cancel(&a.timer);
	assert_false(a.timer.armed);
	loop_run(loop);
	assert_string_equal(trace, "b");
}

enum { N_ALARMS = 500 };

static struct alarm *alarms;
static unsigned n_fired;
static uint64_t last_due_ns;

static void many_fire(struct timer *timer)
{
	assert_true(timer->due_ns >= last_due_ns);
	last_due_ns = timer->due_ns;
	n_fired++;
}

static void many_timers_set_and_cancelled_at_random_fire_in_order(void **state)
{
	struct alarm end = { .last = true };
	unsigned seed = 4711, expected = 0;

	(void)state;
	alarms = calloc(N_ALARMS, sizeof *alarms);
	n_fired = 0;
	last_due_ns = 0;
	for (unsigned i = 0; i < 4 * N_ALARMS; i++) {
		struct alarm *alarm = &alarms[(unsigned)rand_r(&seed) % N_ALARMS];

		alarm->timer.fire = many_fire;
		if (rand_r(&seed) % 4 == 0)
			world_timer_cancel(&alarm->timer);
		else
			world_timer_set(loop_world(loop), &alarm->timer, (uint64_t)(rand_r(&seed) % 20) * MS);
	}
	for (unsigned i = 0; i < N_ALARMS; i++)
		expected += alarms[i].timer.armed;
	assert_in_range(expected, 1, N_ALARMS);
	alarm_set(&end, "", 30 * MS);
	loop_run(loop);
	assert_int_equal(n_fired, expected);
	free(alarms);
}

static struct timer again_timer;

static void again_fire(struct timer *timer)
{
	world_timer_set(loop_world(loop), timer, 0);
}

static void timer_of_no_delay_does_not_starve_the_rest(void **state)
{
	struct alarm end = { .last = true };

	(void)state;
	again_timer.fire = again_fire;
	world_timer_set(loop_world(loop), &again_timer, 0);
	alarm_set(&end, "end", 5 * MS);
	loop_run(loop);
	world_timer_cancel(&again_timer);
	assert_string_equal(trace, "end");
}

static void idle_loop_sleeps(void **state)
{
	struct alarm end = { .last = true };
	uint64_t before = cpu_ns();

	(void)state;
	alarm_set(&end, "", 300 * MS);
	loop_run(loop);
	assert_true(cpu_ns() - before < 50 * MS);
}

enum { N_THREADS = 4, N_POSTS = 5000 };

struct posted {
	struct task task;
	unsigned thread;
	unsigned number;
};

static unsigned posted_next[N_THREADS];
static unsigned posted_total, posted_bad;

static void posted_run(struct task *task)
{
	struct posted *posted = container_of(task, struct posted, task);

	if (loop_current() != loop || !world_is_home(loop_world(loop)) ||
	    posted_next[posted->thread]++ != posted->number)
		posted_bad++;
	free(posted);
	if (++posted_total == N_THREADS * N_POSTS)
		loop_stop(loop);
}

static void *poster(void *arg)
{
	unsigned thread = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < N_POSTS; i++) {
		struct posted *posted = calloc(1, sizeof *posted);

		posted->task.run = posted_run;
		posted->thread = thread;
		posted->number = i;
		world_post(loop_world(loop), &posted->task);
	}
	return NULL;
}

static void posts_from_other_threads_run_at_home_in_order(void **state)
{
	pthread_t threads[N_THREADS];

	(void)state;
	assert_int_equal(loop_start(loop), 0);
	assert_null(loop_current());
	assert_false(world_is_home(loop_world(loop)));
	for (unsigned i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, poster, (void *)(uintptr_t)i), 0);
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	loop_join(loop);
	assert_int_equal(posted_total, N_THREADS * N_POSTS);
	assert_int_equal(posted_bad, 0);
}

static void loop_stops_from_another_thread_even_when_it_just_starts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(loop_start(loop), 0);
		loop_stop(loop);
		loop_join(loop);
	}
}

static struct loop *other_loop;
static unsigned ping_count;

static void ping_run(struct task *task)
{
	if (++ping_count == 2000) {
		loop_stop(loop);
		loop_stop(other_loop);
		return;
	}
	world_post(loop_world(loop_current() == loop ? other_loop : loop), task);
}

static void task_goes_to_and_fro_between_two_loops(void **state)
{
	struct task ping = { .run = ping_run };

	(void)state;
	assert_int_equal(loop_new("other", &other_loop), 0);
	assert_string_equal(loop_name(other_loop), "other");
	world_post(loop_world(loop), &ping);
	assert_int_equal(loop_start(loop), 0);
	assert_int_equal(loop_start(other_loop), 0);
	loop_join(loop);
	loop_join(other_loop);
	assert_int_equal(ping_count, 2000);
	loop_free(other_loop);
}

static unsigned watch_events;

static void watch_ready(struct watch *watch, unsigned events)
{
	char byte;

	watch_events |= events;
	if (events & WATCH_READ) {
		assert_int_equal(read(watch->fd, &byte, 1), 1);
		loop_watch_set(watch, WATCH_WRITE);
	} else {
		loop_watch_stop(watch);
		loop_stop(loop);
	}
}

static void watch_reports_what_it_is_set_to(void **state)
{
	struct watch watch = { .ready = watch_ready };
	int fds[2];

	(void)state;
	watch_events = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(loop_watch_start(loop, &watch, fds[0], WATCH_READ), 0);
	loop_run(loop);
	assert_int_equal(watch_events, WATCH_READ | WATCH_WRITE);
	close(fds[0]);
	close(fds[1]);
}

static void world_gives_time_and_randomness(void **state)
{
	struct world *world = loop_world(loop);
	uint8_t a[600], b[600];
	struct timespec ts;

	(void)state;
	world_random(world, a, sizeof a);
	world_random(world, b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	assert_memory_not_equal(a + 584, b + 584, 16);
	clock_gettime(CLOCK_REALTIME, &ts);
	assert_in_range(world_wall_ns(world) / 1000000000, ts.tv_sec, ts.tv_sec + 1);
	assert_true(world_now_ns(world) <= world_now_ns(world));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(deferred_tasks_run_in_order_and_last_ones_after_them, setup, teardown),
		cmocka_unit_test_setup_teardown(endless_deferring_does_not_starve_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(ready_descriptors_do_not_starve_tasks, setup, teardown),
		cmocka_unit_test_setup_teardown(late_tasks_run_after_the_others_and_a_few_a_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(timers_fire_in_order_of_time_and_never_early, setup, teardown),
		cmocka_unit_test_setup_teardown(cancelled_timer_does_not_fire, setup, teardown),
		cmocka_unit_test_setup_teardown(many_timers_set_and_cancelled_at_random_fire_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(timer_of_no_delay_does_not_starve_the_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(idle_loop_sleeps, setup, teardown),
		cmocka_unit_test_setup_teardown(posts_from_other_threads_run_at_home_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(loop_stops_from_another_thread_even_when_it_just_starts, setup,
		                                teardown),
		cmocka_unit_test_setup_teardown(task_goes_to_and_fro_between_two_loops, setup, teardown),
		cmocka_unit_test_setup_teardown(watch_reports_what_it_is_set_to, setup, teardown),
		cmocka_unit_test_setup_teardown(world_gives_time_and_randomness, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
