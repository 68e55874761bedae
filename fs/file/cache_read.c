/* SPDX-License-Identifier: Apache-2.0 */
/* Reads into the cache: what a step names is submitted together at its end; everybody who asks meanwhile waits for the
 * same read. */
#include <stdlib.h>

#include "base/array.h"
#include "base/counters.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/core/core.h"
#include "fs/core/volume_counters.h"
#include "fs/file/cache.h"
#include "fs/file/cache_cp.h"
#include "fs/file/cache_private.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "raid/raid.h"

/* One submission: the request to raid and the buffers it fills. */
struct cache_batch {
	struct raid_read read;
	struct fs_volume *vol;
	struct buf **bufs;
	struct raid_read_block blocks[];
};

static bool starts_room(struct fs_run *run)
{
	return ARRAY_ROOM(run->starts, run->n_starts, run->n_starts_max, 16U);
}

/* The buffer of a block that is not in memory, with room to name it. NULL: no memory. */
static struct buf *buf_had(struct fs_run *run, struct inode *inode, unsigned level, uint32_t fbn, struct buf *buf)
{
	if (!starts_room(run))
		return NULL;
	if (buf != NULL)
		return buf;
	return cache_bufs_ready(run->vol, 1) ? cache_buf_new(inode, level, fbn) : NULL;
}

static bool is_awaited(const struct fs_run *run, const struct buf *buf)
{
	for (const struct buf_waiter *waiter = buf->waiters; waiter != NULL; waiter = waiter->next)
		if (waiter->run == run)
			return true;
	return false;
}

/* The run waits for this buffer, and keeps it in memory until it has finished. */
static void buf_await(struct fs_run *run, struct buf *buf, struct buf_waiter *waiter)
{
	*waiter = (struct buf_waiter){ .run = run, .next = buf->waiters };
	buf->waiters = waiter;
	run->n_waiting++;
	cache_hold(buf);
	run->vol->cache->n_pinned++;
	run->pins[run->n_pins++] = buf;
}

static void pins_release(struct fs_run *run)
{
	while (run->n_pins > 0) {
		run->vol->cache->n_pinned--;
		cache_unhold(run->pins[--run->n_pins]);
	}
}

void cache_unpin_all(struct fs_run *run)
{
	pins_release(run);
	run_wake_some(&run->vol->page_waiters);
}

static void buf_wake(struct buf *buf)
{
	struct buf_waiter *waiter = buf->waiters;

	buf->waiters = NULL;
	while (waiter != NULL) {
		struct buf_waiter *next = waiter->next;

		run_event(waiter->run);
		free(waiter);
		waiter = next;
	}
}

static void read_name(struct fs_run *run, struct buf *buf, uint32_t vbn)
{
	buf->state = BUF_READING;
	buf->vbn = vbn;
	buf->read = NULL;
	run->starts[run->n_starts++] = buf;
}

int cache_read(struct fs_run *run, struct inode *inode, unsigned level, uint32_t fbn, uint32_t vbn,
               struct buf **ret_buf)
{
	struct cache *cache = inode->vol->cache;
	struct buf *buf = cache_peek(inode, level, fbn);
	struct buf_waiter *waiter;

	if (buf != NULL && buf->state == BUF_VALID) {
		cache_touch(buf);
		*ret_buf = buf;
		return 0;
	}
	if (buf != NULL && buf->state == BUF_ERROR)
		return buf->err;
	counter_add(&cache->misses, 1);
	if (buf != NULL && is_awaited(run, buf))
		return -EAGAIN;
	if (!ARRAY_ROOM(run->pins, run->n_pins, run->n_pins_max, 16U))
		return run_no_memory(run);
	waiter = malloc(sizeof(*waiter));
	buf = waiter == NULL ? NULL : buf_had(run, inode, level, fbn, buf);
	if (buf == NULL) {
		free(waiter);
		return run_no_memory(run);
	}
	if (buf->state == BUF_EMPTY)
		read_name(run, buf, vbn);
	buf_await(run, buf, waiter);
	return -EAGAIN;
}

void cache_read_ahead(struct fs_run *run, struct inode *inode, uint32_t fbn, uint32_t vbn)
{
	struct buf *buf = cache_peek(inode, 0, fbn);

	if (buf != NULL && buf->state != BUF_EMPTY)
		return;
	buf = buf_had(run, inode, 0, fbn, buf);
	if (buf != NULL && buf->page == NULL && buf->cp_page == NULL)
		read_name(run, buf, vbn);
}

static void batch_done(struct raid_read *read)
{
	struct cache_batch *batch = container_of(read, struct cache_batch, read);
	bool any_clean = false;

	for (unsigned i = 0; i < read->n_blocks; i++) {
		struct raid_read_block *block = &batch->blocks[i];
		struct buf *buf = batch->bufs[i];

		if (buf->state == BUF_READING && buf->read == batch) {
			if (block->err == 0) {
				buf->page = page_get(block->page);
				buf->state = BUF_VALID;
				buf->inode->vol->cache->n_pages++;
			} else {
				buf->state = BUF_ERROR;
				buf->err = block->err;
			}
			buf->read = NULL;
		}
		page_put(block->page);
		batch->vol->cache->n_pages--;
		buf_wake(buf);
		any_clean = any_clean || buf->pins == 1U; /* read ahead: it can be evicted now */
		cache_unhold(buf);
	}
	batch->vol->n_reading--;
	if (any_clean)
		run_wake_some(&batch->vol->page_waiters);
	free(batch->bufs);
	free(batch);
}

static int buf_by_vbn(const void *a, const void *b)
{
	const struct buf *x = *(struct buf *const *)a, *y = *(struct buf *const *)b;

	return x->vbn < y->vbn ? -1 : x->vbn > y->vbn;
}

/* Take back what was named. */
static void starts_undo(struct fs_run *run)
{
	for (unsigned i = 0; i < run->n_starts; i++) {
		struct buf *buf = run->starts[i];

		buf->state = BUF_EMPTY;
		cache_hold(buf);
		buf_wake(buf);
		cache_unhold(buf);
	}
	run->n_starts = 0;
}

/* Pages are short: run again when some have come free. What the run had pinned goes as well: of all that are turned
 * away here none keeps another one out. (Nobody is woken for it: those who wait would turn each other away for
 * ever.) */
static int starts_later(struct fs_run *run, bool wanted)
{
	int err;

	starts_undo(run);
	if (!wanted) /* only reading ahead */
		return 0;
	pins_release(run);
	err = run_wait_pages(run);
	return err == -EAGAIN ? 0 : err;
}

/* The same when it is no page that is missing. */
static int starts_refused(struct fs_run *run, bool wanted)
{
	if (run->patient)
		return starts_later(run, wanted);
	starts_undo(run);
	return wanted ? run_no_memory(run) : 0;
}

static bool starts_admitted(struct fs_run *run)
{
	struct cache *cache = run->vol->cache;
	size_t others = cache->n_pinned - run->n_pins;

	/* Runs that hold little wait for those that hold much: somebody can always go on. */
	if (others > 0 && run->msg != NULL && cache->n_pinned > cache->pages_max / 6U)
		return false;
	return cache_make_room(run->vol, run->n_starts);
}

static struct cache_batch *batch_new(struct fs_volume *vol, unsigned n)
{
	struct cache_batch *batch = malloc(sizeof(*batch) + n * sizeof(batch->blocks[0]));
	struct buf **bufs = malloc(n * sizeof(struct buf *));

	if (batch == NULL || bufs == NULL) {
		free(batch);
		free(bufs);
		return NULL;
	}
	*batch = (struct cache_batch){ .vol = vol, .bufs = bufs };
	return batch;
}

int cache_submit_starts(struct fs_run *run, bool wanted)
{
	unsigned n = run->n_starts;
	struct cache_batch *batch;

	if (!starts_admitted(run))
		return starts_later(run, wanted);
	batch = batch_new(run->vol, n);
	if (batch == NULL)
		return starts_refused(run, wanted);
	qsort(run->starts, n, sizeof(struct buf *), buf_by_vbn);
	for (unsigned i = 0; i < n; i++) {
		struct buf *buf = run->starts[i];
		struct page *page = cache_page_alloc(run->vol);

		if (page == NULL) { /* the arena is short although the cache is not full: connections hold the rest */
			while (i-- > 0) {
				page_put(batch->blocks[i].page);
				run->vol->cache->n_pages--;
				cache_unhold(batch->bufs[i]);
				batch->bufs[i]->read = NULL;
			}
			free(batch->bufs);
			free(batch);
			return starts_later(run, wanted);
		}
		batch->blocks[i] = (struct raid_read_block){
			.vbn = buf->vbn,
			.page = page,
			.ident = { .inode = buf->inode->ino, .fbn = buf->fbn, .level = buf->level }
		};
		batch->bufs[i] = buf;
		buf->read = batch;
		run->vol->cache->n_pages++;
		cache_hold(buf);
	}
	run->n_starts = 0;
	run->vol->n_reading++;
	counter_add(&run->vol->counters->reads, 1);
	counter_add(&run->vol->counters->read_blocks, n);
	batch->read = (struct raid_read){ .blocks = batch->blocks, .n_blocks = n, .done = batch_done };
	raid_read(run->vol->raid, &batch->read);
	return 0;
}
