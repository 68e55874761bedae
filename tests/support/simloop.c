/* SPDX-License-Identifier: Apache-2.0 */
/* base/loop.h over a simulated world and simulated sockets. */
#include "tests/support/simloop.h"

#include <stdlib.h>

#include "tests/support/simsock.h"

TAILQ_HEAD(task_list, task);

#define WATCHES_MAX 64U

struct loop {
	struct simworld *sim;
	struct task_list late, last;
	struct gate gate;
	uint8_t scratch[LOOP_SCRATCH_BYTES];
	TAILQ_HEAD(, loop_exit) exits;
	struct watch *watches[WATCHES_MAX];
	unsigned n_watches;
};

static struct loop *current;

static bool list_run(struct task_list *list)
{
	struct task_list batch = TAILQ_HEAD_INITIALIZER(batch);
	struct task *task;

	if (TAILQ_EMPTY(list))
		return false;
	TAILQ_CONCAT(&batch, list, link);
	while ((task = TAILQ_FIRST(&batch)) != NULL) {
		TAILQ_REMOVE(&batch, task, link);
		task->queued = false;
		task->run(task);
	}
	return true;
}

/* One descriptor that is ready, beginning anywhere. */
static bool watch_run(struct loop *loop)
{
	unsigned first = loop->n_watches == 0 ? 0 : simsock_draw(loop->n_watches);

	for (unsigned i = 0; i < loop->n_watches; i++) {
		struct watch *watch = loop->watches[(first + i) % loop->n_watches];
		unsigned events = watch->events == 0 ? 0 : simsock_events(watch->fd) & watch->events;

		if (events != 0) {
			watch->ready(watch, events);
			return true;
		}
	}
	return false;
}

static bool loop_turn(void *arg)
{
	struct loop *loop = arg;

	return list_run(&loop->late) || list_run(&loop->last) || watch_run(loop);
}

struct loop *simloop_new(struct simworld *sim)
{
	struct loop *loop = calloc(1, sizeof *loop);

	vc_assert(loop != NULL);
	loop->sim = sim;
	gate_init(&loop->gate, simworld_world(sim));
	TAILQ_INIT(&loop->late);
	TAILQ_INIT(&loop->last);
	TAILQ_INIT(&loop->exits);
	simworld_set_idle(sim, loop_turn, loop);
	current = loop;
	return loop;
}

void loop_free(struct loop *loop)
{
	struct loop_exit *hook;

	while ((hook = TAILQ_FIRST(&loop->exits)) != NULL) {
		TAILQ_REMOVE(&loop->exits, hook, link);
		hook->run(hook);
	}
	sim_run_for(loop->sim, 0);
	vc_assert(loop->n_watches == 0);
	simworld_set_idle(loop->sim, NULL, NULL);
	current = NULL;
	free(loop);
}

struct loop *loop_current(void)
{
	return current;
}

struct world *loop_world(struct loop *loop)
{
	return simworld_world(loop->sim);
}

const char *loop_name(const struct loop *loop)
{
	(void)loop;
	return "sim";
}

void loop_defer_last(struct loop *loop, struct task *task)
{
	if (task->queued)
		return;
	task->queued = true;
	TAILQ_INSERT_TAIL(&loop->last, task, link);
}

void loop_defer_late(struct loop *loop, struct task *task)
{
	if (task->queued)
		return;
	task->queued = true;
	TAILQ_INSERT_TAIL(&loop->late, task, link);
}

struct gate *loop_gate(struct loop *loop)
{
	return &loop->gate;
}

uint8_t *loop_scratch(struct loop *loop)
{
	return loop->scratch;
}

void loop_exit_add(struct loop *loop, struct loop_exit *hook)
{
	TAILQ_INSERT_TAIL(&loop->exits, hook, link);
}

void loop_exit_remove(struct loop *loop, struct loop_exit *hook)
{
	TAILQ_REMOVE(&loop->exits, hook, link);
}

int loop_watch_start(struct loop *loop, struct watch *watch, int fd, unsigned events)
{
	vc_assert(loop->n_watches < WATCHES_MAX);
	watch->loop = loop;
	watch->fd = fd;
	watch->events = events;
	loop->watches[loop->n_watches++] = watch;
	return 0;
}

void loop_watch_set(struct watch *watch, unsigned events)
{
	watch->events = events;
}

void loop_watch_stop(struct watch *watch)
{
	struct loop *loop = watch->loop;

	for (unsigned i = 0; i < loop->n_watches; i++) {
		if (loop->watches[i] == watch) {
			loop->watches[i] = loop->watches[--loop->n_watches];
			break;
		}
	}
	watch->events = 0;
}
