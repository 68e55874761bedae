/* SPDX-License-Identifier: Apache-2.0 */
/* A loop over libevent: turns of poll, event callbacks, deferred tasks, last tasks.
 *
 * THEORY. One turn: poll (without waiting when tasks are left); callbacks of descriptors, timers and the mailbox;
 * deferred tasks, first in first out, and those they defer, until none is left or 100 us have gone; then late tasks for
 * as long; then the tasks of the turn's end, which send what the turn has queued. A task that defers itself again and
 * again therefore cannot keep the sockets waiting. Time is read at the first question after a poll and after each round
 * of tasks, and is the same in between.
 * INVARIANTS.
 *  1. Only the home thread touches a running loop, except through the mailbox, `stop` and `running`. */
#include "base/loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/log.h"
#include "base/mailbox.h"
#include "base/timers.h"

enum { DEFERRED_BUDGET_NS = 100000, SLEPT_NS = 10000, SETTLE_ROUNDS = 64 };

TAILQ_HEAD(task_queue, task);

struct loop {
	struct world world;
	struct event_base *base;
	struct mailbox box;
	struct event *box_event;
	struct timers timers;
	struct event *timer_event;
	struct gate gate;
	uint8_t *scratch;
	struct task_queue deferred;
	struct task_queue late;
	struct task_queue last;
	TAILQ_HEAD(, loop_exit) exits;
	uint64_t now_ns; /* 0: ask the clock */
	uint64_t looked_ns; /* when this turn's events were there; 0: not yet */
	uint64_t worked_ns, asked_ns; /* how long the turn before had worked when it ended, at asked_ns */
	uint64_t lag_ns;
	uint64_t busy_ns; /* ever */
	_Atomic bool stop;
	_Atomic bool running;
	pthread_t thread;
	char name[16];
};

static _Thread_local struct loop *current_loop;

static inline struct loop *loop_of(struct world *world)
{
	return container_of(world, struct loop, world);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

/* Invariant 1. */
static inline void assert_home(const struct loop *loop)
{
	vc_assert(current_loop == loop || !atomic_load_explicit(&loop->running, memory_order_relaxed));
}

static uint64_t loop_now_ns(struct world *world)
{
	struct loop *loop = loop_of(world);

	if (current_loop != loop)
		return clock_ns(CLOCK_MONOTONIC);
	if (loop->now_ns == 0)
		loop->now_ns = clock_ns(CLOCK_MONOTONIC);
	return loop->now_ns;
}

/* The first event of a turn. One that is there at once may have come while the turn before was at work; one that had to
 * be waited for has not. */
static void loop_looked(struct loop *loop)
{
	if (loop->looked_ns != 0)
		return;
	loop->looked_ns = loop->now_ns = clock_ns(CLOCK_MONOTONIC);
	loop->lag_ns = loop->looked_ns - loop->asked_ns < SLEPT_NS ? loop->worked_ns : 0;
}

static uint64_t loop_lag_ns(struct world *world)
{
	return loop_of(world)->lag_ns;
}

static uint64_t loop_busy_ns(struct world *world)
{
	return loop_of(world)->busy_ns;
}

static int64_t loop_wall_ns(struct world *world)
{
	(void)world;
	return (int64_t)clock_ns(CLOCK_REALTIME);
}

static void queue_add(struct task_queue *queue, struct task *task)
{
	if (task->queued)
		return;
	task->queued = true;
	TAILQ_INSERT_TAIL(queue, task, link);
}

static void queue_run_first(struct task_queue *queue)
{
	struct task *task = TAILQ_FIRST(queue);

	TAILQ_REMOVE(queue, task, link);
	task->queued = false;
	task->run(task);
}

/* Run what is in the queue now, not what is added meanwhile. */
static void queue_run(struct task_queue *queue)
{
	struct task_queue batch = TAILQ_HEAD_INITIALIZER(batch);

	TAILQ_CONCAT(&batch, queue, link);
	while (!TAILQ_EMPTY(&batch))
		queue_run_first(&batch);
}

static void loop_defer(struct world *world, struct task *task)
{
	struct loop *loop = loop_of(world);

	assert_home(loop);
	queue_add(&loop->deferred, task);
}

void loop_defer_last(struct loop *loop, struct task *task)
{
	assert_home(loop);
	queue_add(&loop->last, task);
}

void loop_defer_late(struct loop *loop, struct task *task)
{
	assert_home(loop);
	queue_add(&loop->late, task);
}

static void loop_post(struct world *world, struct task *task)
{
	struct loop *loop = loop_of(world);

	if (current_loop == loop) {
		vc_assert(!task->queued);
		queue_add(&loop->deferred, task);
	} else {
		mailbox_post(&loop->box, task);
	}
}

static void loop_timer_set(struct world *world, struct timer *timer, uint64_t delay_ns)
{
	struct loop *loop = loop_of(world);
	uint64_t now_ns = loop_now_ns(world);

	assert_home(loop);
	timers_set(&loop->timers, timer, now_ns + MIN_OF(delay_ns, UINT64_MAX - now_ns));
}

static void loop_timer_cancel(struct timer *timer)
{
	struct loop *loop = loop_of(timer->world);

	assert_home(loop);
	timers_cancel(&loop->timers, timer);
}

static void loop_random_fill(struct world *world, void *bytes, size_t len_bytes)
{
	uint8_t *to = bytes;

	(void)world;
	while (len_bytes > 0) {
		ssize_t n = getrandom(to, len_bytes, 0);

		vc_assert(n > 0 || errno == EINTR);
		if (n > 0) {
			to += n;
			len_bytes -= (size_t)n;
		}
	}
}

static bool loop_is_home(struct world *world)
{
	return current_loop == loop_of(world);
}

static const struct world_ops loop_world_ops = {
	.now_ns = loop_now_ns,
	.wall_ns = loop_wall_ns,
	.defer = loop_defer,
	.post = loop_post,
	.timer_set = loop_timer_set,
	.timer_cancel = loop_timer_cancel,
	.random_fill = loop_random_fill,
	.is_home = loop_is_home,
	.lag_ns = loop_lag_ns,
	.busy_ns = loop_busy_ns,
};

static void on_box(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	(void)fd, (void)what;
	loop_looked(loop);
	mailbox_drain(&loop->box);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	(void)fd, (void)what;
	loop_looked(loop);
	loop->now_ns = clock_ns(CLOCK_MONOTONIC);
	timers_run(&loop->timers, loop->now_ns);
}

static struct event_base *base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static struct event *event_start(struct loop *loop, int fd, event_callback_fn callback)
{
	struct event *event = event_new(loop->base, fd, EV_READ | EV_PERSIST, callback, loop);

	if (event != NULL && event_add(event, NULL) < 0) {
		event_free(event);
		event = NULL;
	}
	return event;
}

static int loop_init(struct loop *loop, const char *name)
{
	int err;

	loop->world.ops = &loop_world_ops;
	loop->box.event_fd = -1;
	loop->timers.fd = -1;
	strncpy(loop->name, name, sizeof loop->name - 1);
	TAILQ_INIT(&loop->deferred);
	TAILQ_INIT(&loop->late);
	TAILQ_INIT(&loop->last);
	TAILQ_INIT(&loop->exits);
	gate_init(&loop->gate, &loop->world);
	loop->scratch = malloc(LOOP_SCRATCH_BYTES);
	err = mailbox_init(&loop->box);
	if (err < 0)
		return err;
	err = timers_init(&loop->timers);
	if (err < 0)
		return err;
	loop->base = base_new();
	if (loop->base != NULL) {
		loop->box_event = event_start(loop, loop->box.event_fd, on_box);
		loop->timer_event = event_start(loop, loop->timers.fd, on_timer);
	}
	return loop->scratch != NULL && loop->box_event != NULL && loop->timer_event != NULL ? 0 : -ENOMEM;
}

static void loop_fini(struct loop *loop)
{
	if (loop->box_event != NULL)
		event_free(loop->box_event);
	if (loop->timer_event != NULL)
		event_free(loop->timer_event);
	if (loop->base != NULL)
		event_base_free(loop->base);
	timers_fini(&loop->timers);
	free(loop->scratch);
	mailbox_fini(&loop->box);
}

int loop_new(const char *name, struct loop **ret_loop)
{
	struct loop *loop = calloc(1, sizeof *loop);
	int err;

	if (loop == NULL)
		return -ENOMEM;
	err = loop_init(loop, name);
	if (err < 0) {
		loop_fini(loop);
		free(loop);
		return err;
	}
	*ret_loop = loop;
	return 0;
}

static bool loop_is_idle(const struct loop *loop)
{
	return TAILQ_EMPTY(&loop->deferred) && TAILQ_EMPTY(&loop->late) && TAILQ_EMPTY(&loop->last);
}

static void deferred_run(struct loop *loop)
{
	uint64_t start_ns = 0;

	while (!TAILQ_EMPTY(&loop->deferred)) {
		loop->now_ns = clock_ns(CLOCK_MONOTONIC);
		if (start_ns == 0)
			start_ns = loop->now_ns;
		else if (loop->now_ns - start_ns > DEFERRED_BUDGET_NS)
			break;
		queue_run(&loop->deferred);
	}
}

static void late_run(struct loop *loop)
{
	uint64_t start_ns = clock_ns(CLOCK_MONOTONIC);

	loop->now_ns = start_ns;
	while (!TAILQ_EMPTY(&loop->late) && loop->now_ns - start_ns <= DEFERRED_BUDGET_NS) {
		queue_run_first(&loop->late);
		loop->now_ns = clock_ns(CLOCK_MONOTONIC);
	}
}

static void loop_turn(struct loop *loop)
{
	loop->now_ns = loop->looked_ns = 0;
	/* One round: EVLOOP_NONBLOCK alone goes on for as long as any descriptor is ready, and no task would run. */
	event_base_loop(loop->base, loop_is_idle(loop) ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
	loop_looked(loop);
	deferred_run(loop);
	if (!TAILQ_EMPTY(&loop->late))
		late_run(loop);
	queue_run(&loop->last);
	loop->asked_ns = clock_ns(CLOCK_MONOTONIC);
	loop->worked_ns = loop->asked_ns - loop->looked_ns;
	loop->busy_ns += loop->worked_ns;
}

/* The loop turns no more: finish what is queued (objects waiting to be freed), without end for no one. */
static void loop_settle(struct loop *loop)
{
	for (unsigned i = 0; i < SETTLE_ROUNDS; i++) {
		loop->now_ns = 0;
		if (mailbox_drain(&loop->box) == 0 && loop_is_idle(loop))
			break;
		queue_run(&loop->deferred);
		queue_run(&loop->late);
		queue_run(&loop->last);
	}
}

void loop_run(struct loop *loop)
{
	struct loop *outer = current_loop;

	vc_assert(outer != loop);
	current_loop = loop;
	atomic_store_explicit(&loop->running, true, memory_order_relaxed);
	while (!atomic_load_explicit(&loop->stop, memory_order_acquire))
		loop_turn(loop);
	atomic_store_explicit(&loop->stop, false, memory_order_relaxed);
	loop_settle(loop);
	atomic_store_explicit(&loop->running, false, memory_order_release);
	current_loop = outer;
}

static void *loop_thread(void *arg)
{
	struct loop *loop = arg;

	pthread_setname_np(pthread_self(), loop->name);
	loop_run(loop);
	return NULL;
}

int loop_start(struct loop *loop)
{
	sigset_t all, before;
	int err;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = pthread_create(&loop->thread, NULL, loop_thread, loop);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

void loop_stop(struct loop *loop)
{
	atomic_store_explicit(&loop->stop, true, memory_order_release);
	mailbox_wake(&loop->box);
}

void loop_join(struct loop *loop)
{
	int err = pthread_join(loop->thread, NULL);

	vc_assert(err == 0);
}

void loop_free(struct loop *loop)
{
	struct loop *outer = current_loop;
	struct loop_exit *hook;

	if (loop == NULL)
		return;
	vc_assert(!atomic_load_explicit(&loop->running, memory_order_acquire));
	current_loop = loop;
	while ((hook = TAILQ_FIRST(&loop->exits)) != NULL) {
		TAILQ_REMOVE(&loop->exits, hook, link);
		hook->run(hook);
	}
	loop_settle(loop);
	current_loop = outer;
	loop_fini(loop);
	free(loop);
}

void loop_exit_add(struct loop *loop, struct loop_exit *hook)
{
	assert_home(loop);
	TAILQ_INSERT_TAIL(&loop->exits, hook, link);
}

void loop_exit_remove(struct loop *loop, struct loop_exit *hook)
{
	assert_home(loop);
	TAILQ_REMOVE(&loop->exits, hook, link);
}

struct loop *loop_current(void)
{
	return current_loop;
}

struct world *loop_world(struct loop *loop)
{
	return &loop->world;
}

const char *loop_name(const struct loop *loop)
{
	return loop->name;
}

struct gate *loop_gate(struct loop *loop)
{
	return &loop->gate;
}

uint8_t *loop_scratch(struct loop *loop)
{
	return loop->scratch;
}

struct event_base *loop_event_base(struct loop *loop)
{
	return loop->base;
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	(void)fd;
	loop_looked(watch->loop);
	watch->ready(watch, (what & EV_READ ? WATCH_READ : 0U) | (what & EV_WRITE ? WATCH_WRITE : 0U));
}

int loop_watch_start(struct loop *loop, struct watch *watch, int fd, unsigned events)
{
	assert_home(loop);
	watch->loop = loop;
	watch->fd = fd;
	watch->events = 0;
	watch->read_event = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_watch, watch);
	watch->write_event = event_new(loop->base, fd, EV_WRITE | EV_PERSIST, on_watch, watch);
	if (watch->read_event == NULL || watch->write_event == NULL) {
		loop_watch_stop(watch);
		return -ENOMEM;
	}
	loop_watch_set(watch, events);
	if (watch->events != events) {
		loop_watch_stop(watch);
		return -ENOMEM;
	}
	return 0;
}

static void watch_switch(struct watch *watch, struct event *event, unsigned bit, bool on)
{
	if (((watch->events & bit) != 0) == on)
		return;
	if (on && event_add(event, NULL) < 0) {
		log_error("base", "watch_failed", "fd=%d error=%s", watch->fd, error_name(-errno));
		return;
	}
	if (!on)
		event_del(event);
	watch->events ^= bit;
}

void loop_watch_set(struct watch *watch, unsigned events)
{
	watch_switch(watch, watch->read_event, WATCH_READ, (events & WATCH_READ) != 0);
	watch_switch(watch, watch->write_event, WATCH_WRITE, (events & WATCH_WRITE) != 0);
}

void loop_watch_stop(struct watch *watch)
{
	if (watch->read_event != NULL)
		event_free(watch->read_event);
	if (watch->write_event != NULL)
		event_free(watch->write_event);
	watch->read_event = NULL;
	watch->write_event = NULL;
	watch->events = 0;
}
