/* SPDX-License-Identifier: Apache-2.0 */
/* A run: one piece of straight-line code that is executed again from the top whenever a buffer it needs has been read.
 *
 * THEORY. Operations are written as if everything were in memory. A lookup that misses starts the read, notes it in the
 * run, and returns -EAGAIN. The code should go on and name every other buffer it can already name, so that the reads
 * are coalesced. Then it returns -EAGAIN, and it must not have modified anything.
 * The run is parked. When its reads have ended it is executed again. What was read for it stays pinned until it
 * finishes. A run waits in the same way for pages (run_reserve), for room in the log (nvlog_room) and for dirty limits.
 * Example: a step needs blocks 3 and 4 of a file. First execution: both miss, both reads start, -EAGAIN. Second
 * execution: both are hits, the step changes them and returns 0.
 * INVARIANT  RUN1: nothing is modified before the last call that can return -EAGAIN.
 * THREADS. Home thread. */
#ifndef FS_RUN_H
#define FS_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/list.h"
#include "base/world.h"

struct ancestry_walk;
struct path_walk;
struct buf;
struct fs_message;
struct fs_run_queue;
struct fs_volume;
struct raid_read_block;

struct fs_run {
	struct fs_volume *vol;
	struct fs_message *msg; /* NULL: background work */
	int (*step)(struct fs_run *run); /* the code; -EAGAIN: park */
	/* any other result; the run may be freed or started again inside */
	void (*finish)(struct fs_run *run, int err);
	void *arg;
	unsigned n_waiting; /* reads (and other events) outstanding */
	bool parked, in_step, queued, on_queue;
	bool no_memory; /* it was refused some, ever */
	bool patient; /* background work that ends some time: where memory is refused it waits, and looks again by the
	               * clock */
	unsigned n_space_waits; /* CPs waited for in the hope of space */
	int result; /* of a step that ended while reads it had named were still under way */
	int (*arg_step)(struct fs_run *run);
	unsigned n_pins;
	size_t n_pins_max;
	struct buf **pins;
	size_t reserved_pages; /* admission: what it may pin at most */
	struct buf **starts; /* misses named by this execution, submitted together at its end */
	unsigned n_starts;
	size_t n_starts_max;
	struct ancestry_walk *walks; /* fs/names/ancestry.h */
	struct path_walk *path_walks; /* fs/names/pathwalk.h */
	unsigned spent; /* of RUN_TURN, by this execution */
	struct task task;
	TAILQ_ENTRY(fs_run) link; /* on a wait queue, or the free list */
};

/* Prepare a run owned by the caller (embedded in a background job). */
void run_init(struct fs_run *run, struct fs_volume *vol, int (*step)(struct fs_run *run),
              void (*finish)(struct fs_run *run, int err), void *arg);
/* The same for a run that was used before and has ended: keeps its vectors. */
void run_reinit(struct fs_run *run, struct fs_volume *vol, int (*step)(struct fs_run *run),
                void (*finish)(struct fs_run *run, int err));
/* Execute now; parks and continues by itself until `finish`. */
void run_start(struct fs_run *run);
/* Execute soon (deferred). */
void run_start_later(struct fs_run *run);
/* Release pins and vectors; the run must not be parked. */
void run_fini(struct fs_run *run);

/* Inside a step: park on `queue` until run_wake_all(queue). Returns -EAGAIN. When the volume has failed, nobody
 * would wake the run: returns the volume's error instead. */
MUST_CHECK int run_wait(struct fs_run *run, struct fs_run_queue *queue);
void run_wake_all(struct fs_run_queue *queue);
/* Wake the first few: for events that make room for few, where thousands may wait. Every run that is woken must
 * bring about another such event when it ends. */
void run_wake_some(struct fs_run_queue *queue);

/* One of the things that the run waits for has happened. Called by the cache, and by whoever raised n_waiting. */
void run_event(struct fs_run *run);
/* Inside a step: park until pages may have come free. -EAGAIN, as run_wait. */
MUST_CHECK int run_wait_pages(struct fs_run *run);
/* Inside a step that was refused memory. A patient run parks, as in run_wait_pages: -EAGAIN. Any other run: -ENOMEM. */
MUST_CHECK int run_no_memory(struct fs_run *run);

/* Inside a step: give the loop back and be executed again soon. Returns -EAGAIN. Background work does so every 100
 * us. */
MUST_CHECK int run_yield(struct fs_run *run);
/* What one execution may do, in names of a directory that are looked at: some 100 us. */
#define RUN_TURN 4096U
/* Inside a step: take `n` of that. False: this execution has done enough: run_yield. */
static inline bool run_may(struct fs_run *run, unsigned n)
{
	if (run->spent >= RUN_TURN)
		return false;
	run->spent += n;
	return true;
}

/* Make sure that this execution can have `n_pages` pages, and buffers for them: evict, or wait for the CP. Before
 * anything is modified. -EAGAIN: parked; -ENOMEM. */
MUST_CHECK int run_reserve(struct fs_run *run, size_t n_pages);

#endif
