/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's door to the world: clock, timers, deferred work and randomness (disks have their own table,
 * raid/disk.h).
 *
 * THEORY. raid/ and fs/ never call the system for any of these: they get a `struct world *` at birth. In the server it
 * is a loop (base/loop.h); in the simulator it is a seeded one in which a whole history replays exactly.
 * THREADS. A world belongs to one thread (its home loop); only world_post may be called from elsewhere. */
#ifndef BASE_WORLD_H
#define BASE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct world;

/* Work to be run once, later, on the home thread. Intrusive: owned by its embedder, who must not free it while
 * queued. */
struct task {
	void (*run)(struct task *task);
	TAILQ_ENTRY(task) link;
	struct task *next_posted;
	bool queued;
};

/* A one-shot timer. Intrusive: cancel before freeing. */
struct timer {
	void (*fire)(struct timer *timer);
	struct world *world;
	uint64_t due_ns;
	void *impl; /* the world's own */
	bool armed;
};

struct world_ops {
	uint64_t (*now_ns)(struct world *world);
	int64_t (*wall_ns)(struct world *world);
	void (*defer)(struct world *world, struct task *task);
	void (*post)(struct world *world, struct task *task);
	void (*timer_set)(struct world *world, struct timer *timer, uint64_t delay_ns);
	void (*timer_cancel)(struct timer *timer);
	void (*random_fill)(struct world *world, void *bytes, size_t len_bytes);
	bool (*is_home)(struct world *world);
	uint64_t (*lag_ns)(struct world *world); /* NULL: it never lags */
	uint64_t (*busy_ns)(struct world *world); /* NULL: not known */
};

struct world {
	const struct world_ops *ops;
};

/* Monotonic time; cheap (cached once per loop turn is allowed). */
static inline uint64_t world_now_ns(struct world *w)
{
	return w->ops->now_ns(w);
}
/* Time of day, nanoseconds since 1970 (UTC). */
static inline int64_t world_wall_ns(struct world *w)
{
	return w->ops->wall_ns(w);
}
/* Run `task` later on this same thread, in order, after what runs now has returned. No-op if already queued. Home
 * thread only. */
static inline void world_defer(struct world *w, struct task *task)
{
	w->ops->defer(w, task);
}
/* Run `task` on the world's thread, from any thread. The task must not be queued already. */
static inline void world_post(struct world *w, struct task *task)
{
	w->ops->post(w, task);
}
/* (Re)arm: fire once after `delay_ns`. Home thread only. */
static inline void world_timer_set(struct world *w, struct timer *timer, uint64_t delay_ns)
{
	timer->world = w;
	w->ops->timer_set(w, timer, delay_ns);
}
/* Disarm; a no-op when not armed. */
static inline void world_timer_cancel(struct timer *timer)
{
	if (timer->armed)
		timer->world->ops->timer_cancel(timer);
}
/* Unpredictable bytes (getrandom in the server, seeded in the simulator). */
static inline void world_random(struct world *w, void *bytes, size_t len_bytes)
{
	w->ops->random_fill(w, bytes, len_bytes);
}
/* How long what comes in from outside now may have waited until the world looked for it. Home thread only. */
static inline uint64_t world_lag_ns(struct world *w)
{
	return w->ops->lag_ns != NULL ? w->ops->lag_ns(w) : 0;
}
/* How long the world has been at work, ever; 0: not known. Home thread only. */
static inline uint64_t world_busy_ns(struct world *w)
{
	return w->ops->busy_ns != NULL ? w->ops->busy_ns(w) : 0;
}
/* True on the world's own thread. */
static inline bool world_is_home(struct world *w)
{
	return w->ops->is_home(w);
}

#endif
