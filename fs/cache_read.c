/* SPDX-License-Identifier: Apache-2.0 */
/* Reads into the cache: what a step names is submitted together at its end; everybody who asks meanwhile waits for the same read. */
#include <stdlib.h>

#include "fs/cache_private.h"
#include "fs/core.h"

/* One submission: the request to raid and the buffers it fills. */
struct cache_batch {
	struct raid_read read;
	struct fs_volume *vol;
	struct buf **bufs;
	struct raid_read_block blocks[];
};

static void vector_push(struct buf ***io_vector, unsigned *io_n, unsigned *io_max, struct buf *buf)
{
	if (*io_n == *io_max) {
		unsigned max = *io_max == 0 ? 16U : *io_max * 2U;
		struct buf **grown = realloc(*io_vector, max * sizeof(struct buf *));

		vc_assert(grown != NULL);
		*io_vector = grown;
		*io_max = max;
	}
	(*io_vector)[(*io_n)++] = buf;
}

/* The run waits for this buffer, and keeps it in memory until it has finished. */
static void buf_await(struct fs_run *run, struct buf *buf)
{
	struct buf_waiter *waiter;

	for (waiter = buf->waiters; waiter != NULL; waiter = waiter->next)
		if (waiter->run == run)
			return;
	waiter = malloc(sizeof(*waiter));
	vc_assert(waiter != NULL);
	*waiter = (struct buf_waiter){ .run = run, .next = buf->waiters };
	buf->waiters = waiter;
	run->n_waiting++;
	cache_hold(buf);
	run->vol->cache->n_pinned++;
	vector_push(&run->pins, &run->n_pins, &run->n_pins_max, buf);
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

int cache_read(struct fs_run *run, struct inode *inode, unsigned level, uint32_t fbn, uint32_t vbn, struct buf **ret_buf)
{
	struct cache *cache = inode->vol->cache;
	struct buf *buf = cache_peek(inode, level, fbn);

	if (buf != NULL && buf->state == BUF_VALID) {
		cache_touch(buf);
		*ret_buf = buf;
		return 0;
	}
	if (buf != NULL && buf->state == BUF_ERROR)
		return buf->err;
	counter_add(&cache->misses, 1);
	if (buf == NULL)
		buf = cache_buf_new(inode, level, fbn);
	if (buf->state == BUF_EMPTY) {
		buf->state = BUF_READING;
		buf->vbn = vbn;
		buf->read = NULL;
		vector_push(&run->starts, &run->n_starts, &run->n_starts_max, buf);
	}
	buf_await(run, buf);
	return -EAGAIN;
}

void cache_read_ahead(struct fs_run *run, struct inode *inode, uint32_t fbn, uint32_t vbn)
{
	struct buf *buf = cache_peek(inode, 0, fbn);

	if (buf != NULL && buf->state != BUF_EMPTY)
		return;
	if (buf == NULL)
		buf = cache_buf_new(inode, 0, fbn);
	if (buf->page != NULL || buf->cp_page != NULL)
		return;
	buf->state = BUF_READING;
	buf->vbn = vbn;
	vector_push(&run->starts, &run->n_starts, &run->n_starts_max, buf);
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

/* Memory is short: take back what was named, and run again when pages have come free. What the run had pinned goes as well: of all that are
 * turned away here none keeps another one out. (Nobody is woken for it: those who wait would turn each other away for ever.) */
static int starts_undo(struct fs_run *run, bool wanted)
{
	int err;

	for (unsigned i = 0; i < run->n_starts; i++) {
		struct buf *buf = run->starts[i];

		buf->state = BUF_EMPTY;
		cache_hold(buf);
		buf_wake(buf);
		cache_unhold(buf);
	}
	run->n_starts = 0;
	if (!wanted) /* only reading ahead */
		return 0;
	pins_release(run);
	err = run_wait_pages(run);
	return err == -EAGAIN ? 0 : err;
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

int cache_submit_starts(struct fs_run *run, bool wanted)
{
	unsigned n = run->n_starts;
	struct cache_batch *batch;

	if (!starts_admitted(run))
		return starts_undo(run, wanted);
	batch = calloc(1, sizeof(*batch) + n * sizeof(batch->blocks[0]));
	vc_assert(batch != NULL);
	batch->bufs = malloc(n * sizeof(struct buf *));
	vc_assert(batch->bufs != NULL);
	batch->vol = run->vol;
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
			return starts_undo(run, wanted);
		}
		batch->blocks[i] = (struct raid_read_block){ .vbn = buf->vbn,
			                                     .page = page,
			                                     .ident = { .inode = buf->inode->ino, .fbn = buf->fbn, .level = buf->level } };
		batch->bufs[i] = buf;
		buf->read = batch;
		run->vol->cache->n_pages++;
		cache_hold(buf);
	}
	run->n_starts = 0;
	run->vol->n_reading++;
	counter_add(&run->vol->counters.reads, 1);
	counter_add(&run->vol->counters.read_blocks, n);
	batch->read = (struct raid_read){ .blocks = batch->blocks, .n_blocks = n, .done = batch_done };
	raid_read(run->vol->raid, &batch->read);
	return 0;
}
