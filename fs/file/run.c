/* SPDX-License-Identifier: Apache-2.0 */
/* Runs: executing steps, parking them on reads and wait queues, admission of changes. */
#include "fs/file/run.h"

#include <stdlib.h>

#include "base/counters.h"
#include "base/error.h"
#include "base/list.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/core/queues.h"
#include "fs/core/volume_counters.h"
#include "fs/file/cache.h"
#include "fs/file/cache_private.h"
#include "fs/file/message_completion.h"
#include "fs/fs_types.h"

#define WAKE_SOME 16U
#define PAGE_RETRY_NS 10000000U

static void run_execute(struct fs_run *run);

static void run_task(struct task *task)
{
	struct fs_run *run = container_of(task, struct fs_run, task);

	run->queued = false;
	run_execute(run);
}

void run_init(struct fs_run *run, struct fs_volume *vol, int (*step)(struct fs_run *run),
              void (*finish)(struct fs_run *run, int err), void *arg)
{
	*run = (struct fs_run){ .vol = vol, .step = step, .finish = finish, .arg = arg };
	run->task.run = run_task;
}

void run_reinit(struct fs_run *run, struct fs_volume *vol, int (*step)(struct fs_run *run),
                void (*finish)(struct fs_run *run, int err))
{
	struct fs_run used = *run;

	vc_assert(used.walks == NULL && used.path_walks == NULL);
	run_init(run, vol, step, finish, NULL);
	run->pins = used.pins;
	run->n_pins_max = used.n_pins_max;
	run->starts = used.starts;
	run->n_starts_max = used.n_starts_max;
	run->patient = used.patient;
}

void run_fini(struct fs_run *run)
{
	vc_assert(!run->queued && run->n_waiting == 0 && run->walks == NULL && run->path_walks == NULL);
	cache_unpin_all(run);
	free(run->pins);
	free(run->starts);
	run->pins = NULL;
	run->starts = NULL;
	run->n_pins_max = run->n_starts_max = 0;
}

/* A run that ends while reads named by it are still under way waits for them: their waiters point at it. */
static int run_drain(struct fs_run *run)
{
	run->step = run->arg_step;
	return run->result;
}

static void run_execute(struct fs_run *run)
{
	uint64_t n_changes = run->vol->n_changes;
	int rc;

	vc_assert(!run->in_step && run->n_waiting == 0);
	run->parked = false;
	run->in_step = true;
	run->spent = 0;
	run->vol->cache->step++;
	rc = run->step(run);
	vc_invariant(RUN1, rc != -EAGAIN || run->msg == NULL || run->vol->n_changes == n_changes);
	if (run->n_starts > 0) {
		int err = cache_submit_starts(run, rc == -EAGAIN);

		if (err != 0)
			rc = err;
	}
	run->in_step = false;
	if (rc == -EAGAIN) {
		run->parked = true;
		if (run->n_waiting == 0)
			run_start_later(run); /* what it waited for ended inside the step */
		else
			counter_add(&run->vol->counters->parked, 1);
		return;
	}
	if (run->n_waiting > 0) {
		run->result = rc;
		run->arg_step = run->step;
		run->step = run_drain;
		run->parked = true;
		return;
	}
	cache_unpin_all(run);
	run->finish(run, rc);
}

void run_start(struct fs_run *run)
{
	run_execute(run);
}

void run_start_later(struct fs_run *run)
{
	if (run->queued)
		return;
	run->queued = true;
	world_defer(run->vol->world, &run->task);
}

void run_event(struct fs_run *run)
{
	vc_assert(run->n_waiting > 0);
	if (--run->n_waiting == 0 && !run->in_step)
		run_start_later(run);
}

int run_yield(struct fs_run *run)
{
	if (run->n_waiting == 0) /* else what it has named brings it back */
		run_start_later(run);
	return -EAGAIN;
}

/* On a volume that has failed there is no CP, and pages come free only when a read under way ends: those who hold some
 * and wait for more would wait for each other. */
static bool wait_is_hopeless(const struct fs_run *run, const struct fs_run_queue *queue)
{
	const struct fs_volume *vol = run->vol;

	return queue == &vol->cp_waiters || (queue == &vol->page_waiters && vol->n_reading == 0);
}

int run_wait(struct fs_run *run, struct fs_run_queue *queue)
{
	if (run->on_queue) /* one step may ask for pages in several places */
		return -EAGAIN;
	if (run->vol->failed != 0 && wait_is_hopeless(run, queue))
		return run->vol->failed;
	if (message_is_over(run->msg))
		return -FS_EJUKEBOX;
	run->on_queue = true;
	run->n_waiting++;
	if (run->msg == NULL) /* the CP and its like: others may be waiting for what they free */
		TAILQ_INSERT_HEAD(queue, run, link);
	else
		TAILQ_INSERT_TAIL(queue, run, link);
	return -EAGAIN;
}

void run_wake_all(struct fs_run_queue *queue)
{
	struct fs_run_queue woken = TAILQ_HEAD_INITIALIZER(woken);
	struct fs_run *run;

	TAILQ_CONCAT(&woken, queue, link);
	while ((run = TAILQ_FIRST(&woken)) != NULL) {
		TAILQ_REMOVE(&woken, run, link);
		run->on_queue = false;
		run_event(run);
	}
}

void run_wake_some(struct fs_run_queue *queue)
{
	struct fs_run *run;

	for (unsigned i = 0; i < WAKE_SOME && (run = TAILQ_FIRST(queue)) != NULL; i++) {
		TAILQ_REMOVE(queue, run, link);
		run->on_queue = false;
		run_event(run);
	}
}

static void page_timer_fired(struct timer *timer)
{
	run_wake_all(&container_of(timer, struct fs_volume, page_timer)->page_waiters);
}

/* A CP frees what is dirty. When nothing is, the pages are elsewhere (connections, other volumes), and who gives them
 * back tells no volume. */
int run_wait_pages(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;

	if (vol->n_dirty_pages > 0)
		cp_request(vol, CP_DIRTY);
	if (!vol->page_timer.armed) {
		vol->page_timer.fire = page_timer_fired;
		world_timer_set(vol->world, &vol->page_timer, PAGE_RETRY_NS);
	}
	return run_wait(run, &vol->page_waiters);
}

int run_no_memory(struct fs_run *run)
{
	run->no_memory = true;
	return run->patient ? run_wait_pages(run) : -ENOMEM;
}

int run_reserve(struct fs_run *run, size_t n_pages)
{
	struct fs_volume *vol = run->vol;

	if (!cache_bufs_ready(vol, n_pages))
		return run_no_memory(run);
	if (cache_stash(vol, n_pages))
		return 0;
	if (vol->cp_barred)
		return -ENOMEM; /* no CP will make room */
	return run_wait_pages(run);
}
