/* SPDX-License-Identifier: Apache-2.0 */
/* A seeded, single-threaded `struct world`: virtual clock, timers, deferred tasks, reproducible randomness. */
#include "tests/support/simworld.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

TAILQ_HEAD(task_list, task);

struct simworld {
	struct world world;
	uint64_t now_ns;
	uint64_t rng;
	uint64_t order; /* timers due at the same time fire in the order they were set */
	struct task_list tasks;
	struct sim_timer *timers; /* binary heap */
	size_t n_timers, max_timers;
	bool (*idle)(void *arg);
	void *idle_arg;
	pthread_mutex_t lock;
	struct task *posted; /* newest first */
	pthread_t home;
};

struct sim_timer {
	uint64_t due_ns;
	uint64_t order;
	struct timer *timer;
};

static struct simworld *sim_of(struct world *world)
{
	return container_of(world, struct simworld, world);
}

uint64_t sim_random(struct simworld *sim)
{
	uint64_t z = (sim->rng += 0x9E3779B97F4A7C15ULL);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
	return z ^ (z >> 31);
}

static uint64_t sim_now_ns(struct world *world)
{
	return sim_of(world)->now_ns;
}

static int64_t sim_wall_ns(struct world *world)
{
	return 1700000000000000000LL + (int64_t)sim_of(world)->now_ns;
}

static void sim_defer(struct world *world, struct task *task)
{
	if (task->queued)
		return;
	task->queued = true;
	TAILQ_INSERT_TAIL(&sim_of(world)->tasks, task, link);
}

static void sim_post(struct world *world, struct task *task)
{
	struct simworld *sim = sim_of(world);

	pthread_mutex_lock(&sim->lock);
	task->next_posted = sim->posted;
	sim->posted = task;
	pthread_mutex_unlock(&sim->lock);
}

/* ---- timers: a binary heap; timer->impl holds the index + 1 ----------------------------------------------------- */

static bool timer_before(const struct sim_timer *a, const struct sim_timer *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void timer_place(struct simworld *sim, size_t i, struct sim_timer t)
{
	sim->timers[i] = t;
	t.timer->impl = (void *)(uintptr_t)(i + 1);
}

static void timer_up(struct simworld *sim, size_t i, struct sim_timer t)
{
	while (i > 0 && timer_before(&t, &sim->timers[(i - 1) / 2])) {
		timer_place(sim, i, sim->timers[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	timer_place(sim, i, t);
}

static void timer_down(struct simworld *sim, size_t i, struct sim_timer t)
{
	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= sim->n_timers)
			break;
		if (c + 1 < sim->n_timers && timer_before(&sim->timers[c + 1], &sim->timers[c]))
			c++;
		if (!timer_before(&sim->timers[c], &t))
			break;
		timer_place(sim, i, sim->timers[c]);
		i = c;
	}
	timer_place(sim, i, t);
}

static void sim_timer_cancel(struct timer *timer)
{
	struct simworld *sim = sim_of(timer->world);
	size_t i = (size_t)(uintptr_t)timer->impl - 1;
	struct sim_timer last;

	if (!timer->armed)
		return;
	timer->armed = false;
	last = sim->timers[--sim->n_timers];
	if (i == sim->n_timers)
		return;
	if (i > 0 && timer_before(&last, &sim->timers[(i - 1) / 2]))
		timer_up(sim, i, last);
	else
		timer_down(sim, i, last);
}

static void sim_timer_set(struct world *world, struct timer *timer, uint64_t delay_ns)
{
	struct simworld *sim = sim_of(world);

	if (timer->armed)
		sim_timer_cancel(timer);
	if (sim->n_timers == sim->max_timers) {
		sim->max_timers = sim->max_timers == 0 ? 256 : sim->max_timers * 2;
		sim->timers = realloc(sim->timers, sim->max_timers * sizeof *sim->timers);
		vc_assert(sim->timers != NULL);
	}
	timer->armed = true;
	timer->due_ns = sim->now_ns + delay_ns;
	sim->n_timers++;
	timer_up(sim, sim->n_timers - 1, (struct sim_timer){ timer->due_ns, sim->order++, timer });
}

static void sim_random_fill(struct world *world, void *bytes, size_t len_bytes)
{
	uint8_t *p = bytes;

	for (size_t i = 0; i < len_bytes; i += 8) {
		uint64_t r = sim_random(sim_of(world));

		memcpy(p + i, &r, len_bytes - i < 8 ? len_bytes - i : 8);
	}
}

static bool sim_is_home(struct world *world)
{
	return pthread_equal(sim_of(world)->home, pthread_self()) != 0;
}

static const struct world_ops sim_ops = {
	.now_ns = sim_now_ns,
	.wall_ns = sim_wall_ns,
	.defer = sim_defer,
	.post = sim_post,
	.timer_set = sim_timer_set,
	.timer_cancel = sim_timer_cancel,
	.random_fill = sim_random_fill,
	.is_home = sim_is_home,
};

struct simworld *simworld_new(uint64_t seed)
{
	struct simworld *sim = calloc(1, sizeof *sim);

	vc_assert(sim != NULL);
	sim->world.ops = &sim_ops;
	sim->rng = seed * 0x2545F4914F6CDD1DULL + 1;
	sim->now_ns = 1000000000;
	TAILQ_INIT(&sim->tasks);
	pthread_mutex_init(&sim->lock, NULL);
	sim->home = pthread_self();
	return sim;
}

void simworld_free(struct simworld *sim)
{
	if (sim == NULL)
		return;
	pthread_mutex_destroy(&sim->lock);
	free(sim->timers);
	free(sim);
}

struct world *simworld_world(struct simworld *sim)
{
	return &sim->world;
}

void simworld_set_idle(struct simworld *sim, bool (*idle)(void *arg), void *arg)
{
	sim->idle = idle;
	sim->idle_arg = arg;
}

static void take_posted(struct simworld *sim)
{
	struct task *t, *next, *first = NULL;

	pthread_mutex_lock(&sim->lock);
	t = sim->posted;
	sim->posted = NULL;
	pthread_mutex_unlock(&sim->lock);
	for (; t != NULL; t = next) {
		next = t->next_posted;
		t->next_posted = first;
		first = t;
	}
	for (; first != NULL; first = next) {
		next = first->next_posted;
		sim_defer(&sim->world, first);
	}
}

bool sim_step(struct simworld *sim)
{
	struct task *task;
	struct sim_timer t;

	take_posted(sim);
	task = TAILQ_FIRST(&sim->tasks);
	if (task != NULL) {
		TAILQ_REMOVE(&sim->tasks, task, link);
		task->queued = false;
		task->run(task);
		return true;
	}
	if (sim->idle != NULL && sim->idle(sim->idle_arg))
		return true;
	if (sim->n_timers == 0)
		return false;
	t = sim->timers[0];
	sim_timer_cancel(t.timer);
	if (t.due_ns > sim->now_ns)
		sim->now_ns = t.due_ns;
	t.timer->fire(t.timer);
	return true;
}

bool sim_run_until(struct simworld *sim, bool (*predicate)(void *arg), void *arg, uint64_t max_steps)
{
	for (uint64_t i = 0; i < max_steps; i++) {
		if (predicate(arg))
			return true;
		if (!sim_step(sim))
			return predicate(arg);
	}
	return predicate(arg);
}

void sim_run_for(struct simworld *sim, uint64_t ns)
{
	uint64_t end = sim->now_ns + ns;

	for (;;) {
		take_posted(sim);
		if (!TAILQ_EMPTY(&sim->tasks))
			sim_step(sim);
		else if (sim->idle != NULL && sim->idle(sim->idle_arg))
			continue;
		else if (sim->n_timers == 0 || sim->timers[0].due_ns > end)
			break;
		else
			sim_step(sim);
	}
	sim->now_ns = end;
}
