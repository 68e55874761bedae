/* SPDX-License-Identifier: Apache-2.0 */
/* A loop: one thread with one libevent base. It is the server's `struct world`, and it watches descriptors.
 *
 * THREADS. Functions are for the loop's own thread unless they say otherwise. libevent is seen only in loop.c and
 * admin/http. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/gate.h"
#include "base/world.h"

struct loop;
struct event;
struct event_base;

enum { WATCH_READ = 1, WATCH_WRITE = 2 };

/* A watched descriptor, level triggered. Intrusive: stop before freeing. */
struct watch {
	void (*ready)(struct watch *watch, unsigned events); /* WATCH_READ | WATCH_WRITE */
	struct event *read_event;
	struct event *write_event;
	struct loop *loop;
	int fd;
	unsigned events;
};

/* A loop, not yet running. `name` (at most 15 bytes, copied) names its thread and its log lines. -ENOMEM, -EMFILE. */
MUST_CHECK int loop_new(const char *name, struct loop **ret_loop);
/* Free a loop that is not running, after running what is still queued on it. NULL is allowed. */
void loop_free(struct loop *loop);
/* Start it on a thread of its own. -EAGAIN when no thread is to be had. */
MUST_CHECK int loop_start(struct loop *loop);
/* Run it on the calling thread until loop_stop. */
void loop_run(struct loop *loop);
/* Any thread: make it leave after the present turn. */
void loop_stop(struct loop *loop);
/* Wait for the thread of loop_start to end. */
void loop_join(struct loop *loop);

/* The loop that runs on this thread, or NULL. Any thread. */
struct loop *loop_current(void);
/* Its world. Any thread. */
struct world *loop_world(struct loop *loop);
const char *loop_name(const struct loop *loop);
/* Run `task` once at the end of this turn, after all deferred tasks that got their turn: for what gathers work of a
 * turn (sends). */
void loop_defer_last(struct loop *loop, struct task *task);

/* Run `task` once when all deferred tasks of a turn had theirs, as far as the turn's time goes, else in a later turn:
 * for those who have had their part and want more. No-op if already queued. */
void loop_defer_late(struct loop *loop, struct task *task);

/* Called once by loop_free (on its caller's thread), for what outlives its owner on purpose. Intrusive: remove before
 * freeing. */
struct loop_exit {
	void (*run)(struct loop_exit *hook);
	TAILQ_ENTRY(loop_exit) link;
};
void loop_exit_add(struct loop *loop, struct loop_exit *hook);
void loop_exit_remove(struct loop *loop, struct loop_exit *hook);
/* Who waits for the budget on this loop. */
struct gate *loop_gate(struct loop *loop);
/* Memory for whoever runs on the loop, until it returns to the loop or calls others who may use it. */
#define LOOP_SCRATCH_BYTES 65536U
uint8_t *loop_scratch(struct loop *loop);
/* For admin/http, whose evhttp wants it. */
struct event_base *loop_event_base(struct loop *loop);

/* Begin to watch `fd` for `events`; changing the set later is cheap. -ENOMEM. */
MUST_CHECK int loop_watch_start(struct loop *loop, struct watch *watch, int fd, unsigned events);
void loop_watch_set(struct watch *watch, unsigned events);
void loop_watch_stop(struct watch *watch);

#endif
