/* SPDX-License-Identifier: Apache-2.0 */
/* The armed timers of one loop: a binary heap over one timerfd. Private to loop.c. */
#ifndef BASE_TIMERS_H
#define BASE_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/world.h"

struct timers {
	struct timer **heap; /* heap[0] is due first; timer->impl holds its index */
	size_t n;
	size_t capacity;
	uint64_t wake_ns; /* when the timerfd will fire; UINT64_MAX: not set */
	int fd; /* readable when a timer may be due */
};

MUST_CHECK int timers_init(struct timers *timers);
/* Disarms what is left. */
void timers_fini(struct timers *timers);
/* (Re)arm for `due_ns` on CLOCK_MONOTONIC. */
void timers_set(struct timers *timers, struct timer *timer, uint64_t due_ns);
void timers_cancel(struct timers *timers, struct timer *timer);
/* The timerfd was readable: fire what is due at `now_ns`, disarmed first, in order of time; never early. */
void timers_run(struct timers *timers, uint64_t now_ns);

#endif
