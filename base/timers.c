/* SPDX-License-Identifier: Apache-2.0 */
/* Timers of a loop.
 *
 * THEORY. libevent's own timeouts are kept on the coarse clock (4 ms steps) or, made precise, cost a timerfd_settime a
 * turn. Here the timerfd is set only when a timer becomes due earlier than it would fire anyway; it may wake the loop
 * early for a timer cancelled since, which costs one idle turn. So arming a timeout for each request costs no system
 * call. */
#include "base/timers.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/array.h"
#include "base/reserve.h"

int timers_init(struct timers *timers)
{
	*timers = (struct timers){ .wake_ns = UINT64_MAX };
	timers->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return timers->fd < 0 ? -errno : 0;
}

void timers_fini(struct timers *timers)
{
	for (size_t i = 0; i < timers->n; i++)
		timers->heap[i]->armed = false;
	free(timers->heap);
	if (timers->fd >= 0)
		close(timers->fd);
}

static inline void heap_place(struct timers *timers, size_t i, struct timer *timer)
{
	timers->heap[i] = timer;
	timer->impl = (void *)(uintptr_t)i;
}

static void heap_up(struct timers *timers, size_t i, struct timer *timer)
{
	while (i > 0 && timers->heap[(i - 1) / 2]->due_ns > timer->due_ns) {
		heap_place(timers, i, timers->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_place(timers, i, timer);
}

static void heap_down(struct timers *timers, size_t i, struct timer *timer)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= timers->n)
			break;
		if (child + 1 < timers->n && timers->heap[child + 1]->due_ns < timers->heap[child]->due_ns)
			child++;
		if (timers->heap[child]->due_ns >= timer->due_ns)
			break;
		heap_place(timers, i, timers->heap[child]);
		i = child;
	}
	heap_place(timers, i, timer);
}

static void heap_remove(struct timers *timers, struct timer *timer)
{
	size_t i = (size_t)(uintptr_t)timer->impl;
	struct timer *last = timers->heap[--timers->n];

	vc_assert(i <= timers->n);
	timer->armed = false;
	if (last == timer)
		return;
	if (last->due_ns < timer->due_ns)
		heap_up(timers, i, last);
	else
		heap_down(timers, i, last);
}

static void heap_grow(struct timers *timers)
{
	/* no caller can go on without its timer */
	array_grow_reserved(&timers->heap, &timers->capacity, 64U, sizeof(struct timer *));
}

static void wake_at(struct timers *timers, uint64_t due_ns)
{
	struct itimerspec when = { .it_value = { .tv_sec = (time_t)(due_ns / 1000000000U),
		                                 .tv_nsec = (long)(due_ns % 1000000000U) } };
	int err;

	if (due_ns >= timers->wake_ns)
		return;
	if (due_ns == 0)
		when.it_value.tv_nsec = 1; /* all zeros would disarm */
	err = timerfd_settime(timers->fd, TFD_TIMER_ABSTIME, &when, NULL);
	vc_assert(err == 0);
	timers->wake_ns = due_ns;
}

void timers_set(struct timers *timers, struct timer *timer, uint64_t due_ns)
{
	if (timer->armed)
		heap_remove(timers, timer);
	if (timers->n == timers->capacity)
		heap_grow(timers);
	timer->due_ns = MIN_OF(due_ns, (uint64_t)INT64_MAX);
	timer->armed = true;
	timers->n++;
	heap_up(timers, timers->n - 1, timer);
	wake_at(timers, timers->heap[0]->due_ns);
}

void timers_cancel(struct timers *timers, struct timer *timer)
{
	if (timer->armed)
		heap_remove(timers, timer);
}

void timers_run(struct timers *timers, uint64_t now_ns)
{
	uint64_t expirations;

	if (read(timers->fd, &expirations, sizeof expirations) < 0 && errno == EAGAIN)
		return;
	timers->wake_ns = UINT64_MAX;
	/* Bounded by what was armed: a timer that arms itself again for now waits for the next turn. */
	for (size_t left = timers->n; left > 0 && timers->n > 0 && timers->heap[0]->due_ns <= now_ns; left--) {
		struct timer *timer = timers->heap[0];

		heap_remove(timers, timer);
		timer->fire(timer);
	}
	if (timers->n > 0)
		wake_at(timers, timers->heap[0]->due_ns);
}
