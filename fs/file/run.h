/* SPDX-License-Identifier: Apache-2.0 */
/* A run: one piece of straight-line code that is executed again from the top whenever a buffer it needs has been read.
 *
 * THEORY. Operations are written as if everything were in memory. A lookup that misses starts the read, notes it in the run and
 * returns -EAGAIN; the code should go on and name every other buffer it can already name (so that the reads are coalesced), then
 * return -EAGAIN without having modified anything. The run is parked; when its reads have ended it is executed again, with all that was
 * read for it pinned until it finishes. The same goes for pages (run_reserve), the log (nvlog_room) and dirty limits.
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
struct buf;
struct fs_message;
struct fs_run_queue;
struct fs_volume;
struct raid_read_block;

struct fs_run {
	struct fs_volume *vol;
	struct fs_message *msg; /* NULL: background work */
	int (*step)(struct fs_run *run); /* the code; -EAGAIN: park */
	void (*finish)(struct fs_run *run, int err); /* any other result; the run may be freed or started again inside */
	void *arg;
	unsigned n_waiting; /* reads (and other events) outstanding */
	bool parked, in_step, queued, on_queue;
	bool no_memory; /* it was refused some, ever */
	bool patient; /* background work that ends some time: where memory is refused it waits, and looks again by the clock */
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
	struct task task;
	TAILQ_ENTRY(fs_run) link; /* on a wait queue, or the free list */
};

/* Prepare a run owned by the caller (embedded in a background job). */
void run_init(struct fs_run *run, struct fs_volume *vol, int (*step)(struct fs_run *run), void (*finish)(struct fs_run *run, int err),
              void *arg);
/* The same for a run that was used before and has ended: keeps its vectors. */
void run_reinit(struct fs_run *run, struct fs_volume *vol, int (*step)(struct fs_run *run), void (*finish)(struct fs_run *run, int err));
/* Execute now; parks and continues by itself until `finish`. */
void run_start(struct fs_run *run);
/* Execute soon (deferred). */
void run_start_later(struct fs_run *run);
/* Release pins and vectors; the run must not be parked. */
void run_fini(struct fs_run *run);

/* Inside a step: park on `queue` until run_wake_all(queue); returns -EAGAIN, or, when the volume has failed and nobody would wake it, how. */
MUST_CHECK int run_wait(struct fs_run *run, struct fs_run_queue *queue);
void run_wake_all(struct fs_run_queue *queue);
/* The first few: for events that make room for few, where thousands may wait. Whoever is woken brings another such event about when it ends. */
void run_wake_some(struct fs_run_queue *queue);

/* One of the things the run waits for has happened (the cache's, and whoever raised n_waiting). */
void run_event(struct fs_run *run);
/* The same until pages may have come free. */
MUST_CHECK int run_wait_pages(struct fs_run *run);
/* The same for one that is patient and was refused memory; -ENOMEM for others. */
MUST_CHECK int run_no_memory(struct fs_run *run);

/* Inside a step: give the loop back and go on at once; returns -EAGAIN. Background work does so every 100 us. */
MUST_CHECK int run_yield(struct fs_run *run);

/* Make sure `n_pages`, and buffers for them, can be had by this execution (evicting, else waiting for the CP). -EAGAIN: parked; -ENOMEM. Before
 * modifying. */
MUST_CHECK int run_reserve(struct fs_run *run, size_t n_pages);

#endif
