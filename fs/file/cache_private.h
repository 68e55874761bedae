/* SPDX-License-Identifier: Apache-2.0 */
/* The cache's own state: shared by cache.c, cache_read.c, and the files of this room that look into it. What the cache
 * is, and what others may ask of it: fs/file/cache.h.
 * THREADS. The volume's loop; only the counters are read by others. */
#ifndef FS_CACHE_PRIVATE_H
#define FS_CACHE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/counters.h"
#include "base/error.h"
#include "base/list.h"
#include "fs/core/core.h"
#include "fs/file/cache.h"
#include "fs/file/inode.h"

struct fs_run;
struct page;

/* A run that is parked until the read of a buffer has ended. Owned by the buffer. */
struct buf_waiter {
	struct fs_run *run;
	struct buf_waiter *next;
};

struct cache {
	size_t pages_max; /* the bound of n_pages */
	size_t n_pages; /* pages held by buffers (page and cp_page) and by the stash */
	size_t n_pinned; /* buffers pinned by runs */
	size_t n_meta, n_data; /* clean buffers on the LRUs */
	uint32_t step; /* of the step being executed */
	struct buf **buckets;
	size_t n_buckets; /* power of two */
	struct buf_queue lru_data, lru_meta; /* clean, unpinned, oldest first */
	struct page **stash; /* pages put aside for the CP and for reserved changes: they cannot be refused */
	size_t n_stash, n_stash_max;
	LIST_HEAD(, buf) free_bufs; /* records without a block, for changes that cannot be refused */
	size_t n_free_bufs;
	struct counter hits, misses, evictions;
};

/* The step being executed uses the buffer: it stays until the step has returned. */
static inline void cache_touch(struct buf *buf)
{
	buf->referenced = true;
	buf->step = buf->inode->vol->cache->step;
}

/* Submit the reads a step has named, coalesced. `wanted`: the step cannot go on without them. 0 (also when the run must
 * wait for room), or how the volume has failed; -ENOMEM: there is none for the record
 * of the read. Completions come later, on the loop, and wake the runs. */
MUST_CHECK int cache_submit_starts(struct fs_run *run, bool wanted);
/* See that the stash holds `n` pages, evicting for them when needed. False: dirty and pinned pages fill the bound, or
 * the arena has none; ask again when a CP or a run has ended. */
bool cache_stash(struct fs_volume *vol, size_t n);
/* See that `n` new buffers can be had without asking for memory. False: there is no memory. */
bool cache_bufs_ready(struct fs_volume *vol, size_t n);
/* A page of the arena; when that is empty, one that a clean buffer gives up. NULL: there is none either. Does not count
 * it. */
struct page *cache_page_alloc(struct fs_volume *vol);

/* Evict until `n_pages` more fit under the bound; false: dirty and pinned ones fill it. */
bool cache_make_room(struct fs_volume *vol, size_t n_pages);
/* A buffer of block `fbn` of `level` of the file's tree, in the hash and on the inode's list, without pages. Never
 * NULL: cache_bufs_ready said that there is one, or else the reserve (base/reserve.h) has it. There must be none of
 * that block yet. The cache's: it goes when it is clean and nobody needs it. */
struct buf *cache_buf_new(struct inode *inode, unsigned level, uint32_t fbn);

#endif
