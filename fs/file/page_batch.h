/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of a file, collected in one step of a run, to be installed elsewhere: shared, not copied. Clones and
 * restored files are made of them. */
#ifndef FS_PAGE_BATCH_H
#define FS_PAGE_BATCH_H

#include <stdint.h>

#include "base/error.h"

struct fs_run;
struct inode;
struct page;

#define PAGE_BATCH_MAX 256U /* blocks */

struct page_batch {
	unsigned n, n_max; /* n_max: at most PAGE_BATCH_MAX */
	uint32_t end; /* looked at up to here */
	uint32_t fbn[PAGE_BATCH_MAX];
	struct page *page[PAGE_BATCH_MAX]; /* borrowed until the step returns */
};

/* Look at batch->end: page_batch_take it, or move batch->end on, `end` at most. -EAGAIN: something is being read;
 * errors. */
typedef int page_batch_look(struct fs_run *run, struct inode *inode, struct page_batch *batch, uint32_t end);

/* Collect from batch->end on, until the batch is full, `end` is reached, or enough was looked at. Before -EAGAIN is
 * returned, every read that can be named is named. */
MUST_CHECK int page_batch_collect(struct fs_run *run, struct page_batch *batch, struct inode *inode, uint32_t end,
                                  page_batch_look *look);
/* Put the block of `source` at batch->end into the batch. -EAGAIN: it is in the batch, and its page is being read.
 * -EIO, -EUCLEAN. */
MUST_CHECK int page_batch_take(struct fs_run *run, struct page_batch *batch, struct inode *source);

#endif
