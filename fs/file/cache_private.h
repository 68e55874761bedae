/* SPDX-License-Identifier: Apache-2.0 */
/* What run.c, inode.c and the CP need of the cache beyond its public face. */
#ifndef FS_CACHE_PRIVATE_H
#define FS_CACHE_PRIVATE_H

#include "fs/file/cache.h"
#include "fs/core/core.h"

struct buf_waiter {
	struct fs_run *run;
	struct buf_waiter *next;
};

struct cache {
	size_t pages_max;
	size_t n_pages; /* pages held by buffers (page and cp_page) and by the stash */
	size_t n_pinned; /* buffers pinned by runs */
	size_t n_meta, n_data; /* clean buffers on the LRUs */
	uint32_t step; /* of the step being executed */
	struct buf **buckets;
	size_t n_buckets; /* power of two */
	struct buf_queue lru_data, lru_meta; /* clean, unpinned, oldest first */
	struct page **stash;
	size_t n_stash, n_stash_max;
	LIST_HEAD(, buf) free_bufs;
	size_t n_free_bufs;
	struct counter hits, misses, evictions;
};

/* The step being executed uses the buffer: it stays until the step has returned. */
static inline void cache_touch(struct buf *buf)
{
	buf->referenced = true;
	buf->step = buf->inode->vol->cache->step;
}

/* Submit the reads a step has named, coalesced. `wanted`: the step cannot go on without them. 0 (also when the run must wait for
 * room), or how the volume has failed. */
MUST_CHECK int cache_submit_starts(struct fs_run *run, bool wanted);
void cache_unpin_all(struct fs_run *run);
/* True when the stash holds `n` pages (evicting for them when needed). */
bool cache_stash(struct fs_volume *vol, size_t n);
/* True when `n` new buffers can be had without asking for memory. */
bool cache_bufs_ready(struct fs_volume *vol, size_t n);
/* A page of the arena; when that is empty, one that a clean buffer gives up. NULL: there is none either. Does not count it. */
struct page *cache_page_alloc(struct fs_volume *vol);
/* A page of the stash: there is one, because run_reserve said so. */
struct page *cache_page_take(struct fs_volume *vol);
/* Dirty pages beyond which changes wait for the CP. */
size_t cache_dirty_max(const struct fs_volume *vol);

/* Evict until `n_pages` more fit under the bound; false: dirty and pinned ones fill it. */
bool cache_make_room(struct fs_volume *vol, size_t n_pages);
/* There is one: cache_bufs_ready said so, or else the reserve (base/reserve.h) has it. */
struct buf *cache_buf_new(struct inode *inode, unsigned level, uint32_t fbn);

/* ---- for the CP ---- */
/* Any buffer of that key, whatever its state. */
struct buf *cache_peek(struct inode *inode, unsigned level, uint32_t fbn);
/* A new block of zeros (a hole being filled by the CP): not yet dirty. Takes a stash page. */
struct buf *cache_new_zero(struct inode *inode, unsigned level, uint32_t fbn);
/* A clean data block becomes dirty in the CP's generation: from now on operations that change it leave the CP its content. */
void cache_cp_adopt(struct buf *buf, unsigned bit);
/* The CP has written the buffer's content of parity `bit` (or, for CP-owned blocks, its content). */
void cache_cp_written(struct buf *buf, unsigned bit);
/* Take a CP-owned or indirect buffer out of memory (its block was freed). */
void cache_forget(struct buf *buf);
/* Keep off the LRU / back on it. */
void cache_hold(struct buf *buf);
void cache_unhold(struct buf *buf);
/* Read ahead: name a block nobody waits for. */
void cache_read_ahead(struct fs_run *run, struct inode *inode, uint32_t fbn, uint32_t vbn);

#endif
