/* SPDX-License-Identifier: Apache-2.0 */
/* The buffer cache: lookup, dirtying in two generations, dropping, eviction. Reads are in cache_read.c. */
#include "fs/file/cache.h"

#include <stdlib.h>

#include "base/counters.h"
#include "base/error.h"
#include "base/list.h"
#include "base/page.h"
#include "base/reserve.h"
#include "fs/core/core.h"
#include "fs/file/cache_cp.h"
#include "fs/file/cache_private.h"
#include "fs/file/inode.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"

#define STASH_MAX 4096U

static bool buf_is_meta(const struct buf *buf)
{
	return buf->level > 0 || buf->inode->ino < INO_ROOT || buf->inode->attr.type == FS_TYPE_DIR;
}

static size_t bucket_of(const struct cache *cache, const struct inode *inode, unsigned level, uint32_t fbn)
{
	uint64_t x = ((uint64_t)inode->ino << 32 | fbn) ^ ((uint64_t)inode->snapshot << 17) ^ ((uint64_t)level << 61);

	x *= 0x9E3779B97F4A7C15ULL;
	x ^= x >> 29;
	x *= 0xBF58476D1CE4E5B9ULL;
	return (size_t)(x >> 32) & (cache->n_buckets - 1U);
}

int cache_init(struct fs_volume *vol, size_t pages_max)
{
	struct cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return -ENOMEM;
	cache->pages_max = pages_max;
	cache->n_buckets = 1024;
	while (cache->n_buckets < pages_max)
		cache->n_buckets *= 2U;
	cache->n_stash_max = MIN_OF(STASH_MAX, pages_max / 2U);
	cache->buckets = calloc(cache->n_buckets, sizeof(struct buf *));
	cache->stash = calloc(cache->n_stash_max, sizeof(struct page *));
	if (cache->buckets == NULL || cache->stash == NULL) {
		free(cache->buckets);
		free(cache->stash);
		free(cache);
		return -ENOMEM;
	}
	TAILQ_INIT(&cache->lru_data);
	TAILQ_INIT(&cache->lru_meta);
	LIST_INIT(&cache->free_bufs);
	vol->cache = cache;
	return 0;
}

/* All buffers are gone with their inodes (inode_table_fini). */
void cache_fini(struct fs_volume *vol)
{
	struct cache *cache = vol->cache;
	struct buf *buf;

	if (cache == NULL)
		return;
	while (cache->n_stash > 0)
		page_put(cache->stash[--cache->n_stash]);
	while ((buf = LIST_FIRST(&cache->free_bufs)) != NULL) {
		LIST_REMOVE(buf, inode_link);
		free(buf);
	}
	free(cache->stash);
	free(cache->buckets);
	free(cache);
	vol->cache = NULL;
}

size_t cache_dirty_max(const struct fs_volume *vol)
{
	return vol->cache->pages_max / 3U;
}

/* ---- the list of clean buffers ---- */

static bool buf_is_clean(const struct buf *buf)
{
	return buf->state == BUF_VALID && buf->dirty == 0 && !buf->in_cp && buf->pins == 0 && buf->cp_page == NULL;
}

static void lru_add(struct buf *buf)
{
	struct cache *cache = buf->inode->vol->cache;

	vc_assert(!buf->on_lru);
	buf->on_lru = true;
	buf->meta = buf_is_meta(buf);
	if (buf->meta)
		cache->n_meta++;
	else
		cache->n_data++;
	TAILQ_INSERT_TAIL(buf->meta ? &cache->lru_meta : &cache->lru_data, buf, lru);
}

static void lru_del(struct buf *buf)
{
	struct cache *cache = buf->inode->vol->cache;

	if (!buf->on_lru)
		return;
	buf->on_lru = false;
	if (buf->meta)
		cache->n_meta--;
	else
		cache->n_data--;
	TAILQ_REMOVE(buf->meta ? &cache->lru_meta : &cache->lru_data, buf, lru);
}

static void lru_settle(struct buf *buf)
{
	if (buf_is_clean(buf) && !buf->on_lru)
		lru_add(buf);
	else if (!buf_is_clean(buf) && buf->on_lru)
		lru_del(buf);
}

void cache_hold(struct buf *buf)
{
	buf->pins++;
	lru_del(buf);
}

/* ---- buffers ---- */

struct buf *cache_peek(struct inode *inode, unsigned level, uint32_t fbn)
{
	struct cache *cache = inode->vol->cache;
	struct buf *buf = cache->buckets[bucket_of(cache, inode, level, fbn)];

	while (buf != NULL && (buf->fbn != fbn || buf->inode != inode || buf->level != level))
		buf = buf->hash_next;
	return buf;
}

static void buf_free(struct cache *cache, struct buf *buf)
{
	LIST_INSERT_HEAD(&cache->free_bufs, buf, inode_link);
	cache->n_free_bufs++;
}

bool cache_bufs_ready(struct fs_volume *vol, size_t n)
{
	while (vol->cache->n_free_bufs < n) {
		struct buf *buf = malloc(sizeof(*buf));

		if (buf == NULL)
			return false;
		buf_free(vol->cache, buf);
	}
	return true;
}

struct buf *cache_buf_new(struct inode *inode, unsigned level, uint32_t fbn)
{
	struct cache *cache = inode->vol->cache;
	struct buf *buf = LIST_FIRST(&cache->free_bufs);
	size_t bucket = bucket_of(cache, inode, level, fbn);

	if (buf != NULL) {
		LIST_REMOVE(buf, inode_link);
		cache->n_free_bufs--;
	} else {
		buf = reserve_malloc(sizeof(*buf));
	}
	*buf = (struct buf){ .inode = inode, .fbn = fbn, .level = (uint8_t)level };
	buf->hash_next = cache->buckets[bucket];
	cache->buckets[bucket] = buf;
	LIST_INSERT_HEAD(&inode->bufs, buf, inode_link);
	inode->n_bufs++;
	return buf;
}

static void hash_remove(struct buf *buf)
{
	struct cache *cache = buf->inode->vol->cache;
	struct buf **link = &cache->buckets[bucket_of(cache, buf->inode, buf->level, buf->fbn)];

	while (*link != buf)
		link = &(*link)->hash_next;
	*link = buf->hash_next;
}

static void page_drop(struct buf *buf, struct page **slot)
{
	if (*slot == NULL)
		return;
	page_put(*slot);
	*slot = NULL;
	buf->inode->vol->cache->n_pages--;
}

/* Free the buffer when nothing is left in it and nobody looks at it. */
static void buf_settle(struct buf *buf)
{
	struct cache *cache = buf->inode->vol->cache;

	if (buf->page != NULL || buf->cp_page != NULL || buf->pins > 0 || buf->dirty != 0 || buf->in_cp ||
	    buf->state == BUF_READING || buf->waiters != NULL) {
		lru_settle(buf);
		return;
	}
	lru_del(buf);
	hash_remove(buf);
	buf->inode->n_bufs--;
	LIST_REMOVE(buf, inode_link);
	buf_free(cache, buf);
}

void cache_unhold(struct buf *buf)
{
	vc_assert(buf->pins > 0);
	buf->pins--;
	if (buf->pins == 0 && buf->state == BUF_ERROR)
		buf->state = BUF_EMPTY;
	buf_settle(buf);
}

struct buf *cache_find(struct inode *inode, unsigned level, uint32_t fbn)
{
	struct buf *buf = cache_peek(inode, level, fbn);

	if (buf == NULL || buf->state != BUF_VALID)
		return NULL;
	vc_invariant(C3, buf->page != NULL);
	cache_touch(buf);
	return buf;
}

/* ---- dirtying ---- */

static void buf_add_dirty(struct buf *buf, unsigned bit)
{
	struct inode *inode = buf->inode;

	lru_del(buf);
	buf->dirty |= (uint8_t)(1U << bit);
	TAILQ_INSERT_TAIL(&inode->dirty_bufs[bit], buf, dirty_link[bit]);
	inode->n_dirty_bufs[bit]++;
	inode->vol->n_dirty_pages++;
}

/* Blocks the buffer, newly dirty, may need: its own and, unless its neighbour is dirty too, those of the path to it. */
static unsigned blocks_pending(const struct buf *buf, unsigned bit)
{
	unsigned height = buf->inode->height, needed = tree_height_for(buf->fbn);
	const struct buf *before = buf->fbn % PTRS_PER_BLOCK == 0 ? NULL : cache_peek(buf->inode, 0, buf->fbn - 1U);

	if (before != NULL && (before->dirty & 1U << bit) != 0)
		return 1;
	if (buf->inode->inline_data) /* block 0 leaves the inode, with a path of its own */
		return 2U * needed;
	/* A tree that grows gets new blocks above what it has, and they need not be on this path. */
	return MAX_OF(height, needed) + (height > 0 && needed > height ? needed - height : 0U);
}

static void buf_set_dirty(struct buf *buf)
{
	struct inode *inode = buf->inode;
	struct fs_volume *vol = inode->vol;
	unsigned bit = gen_bit(vol);

	if ((buf->dirty & 1U << bit) == 0) {
		buf_add_dirty(buf, bit);
		vol->pending_blocks[bit] += blocks_pending(buf, bit);
		inode_touch(inode);
	} else if (buf->logged) {
		TAILQ_REMOVE(&inode->dirty_bufs[bit], buf, dirty_link[bit]);
		TAILQ_INSERT_TAIL(&inode->dirty_bufs[bit], buf, dirty_link[bit]);
	}
	buf->logged = false;
}

/* Move the content the running CP will write out of the operations' way. */
static void buf_keep_for_cp(struct buf *buf)
{
	unsigned other = gen_bit(buf->inode->vol) ^ 1U;

	if ((buf->dirty & 1U << other) != 0 && buf->cp_page == NULL && (buf->dirty & 1U << (other ^ 1U)) == 0) {
		buf->cp_page = buf->page;
		buf->cp_cloned = buf->cloned;
		buf->page = NULL;
	} else {
		page_drop(buf, &buf->page);
	}
}

struct buf *cache_install(struct inode *inode, uint32_t fbn, struct page *page)
{
	struct buf *buf = cache_peek(inode, 0, fbn);

	vc_assert(inode->snapshot == 0);
	inode->vol->n_changes++;
	if (buf == NULL)
		buf = cache_buf_new(inode, 0, fbn);
	else if (buf->page != NULL)
		buf_keep_for_cp(buf);
	buf->page = page;
	buf->cloned = false;
	buf->state = BUF_VALID;
	buf->read = NULL;
	buf->vbn = 0;
	inode->vol->cache->n_pages++;
	buf_set_dirty(buf);
	return buf;
}

uint8_t *cache_edit(struct buf *buf)
{
	struct inode *inode = buf->inode;
	unsigned other = gen_bit(inode->vol) ^ 1U;
	bool cp_wants_it = (buf->dirty & 1U << other) != 0 && (buf->dirty & 1U << (other ^ 1U)) == 0;
	struct page *copy;

	vc_assert(buf->state == BUF_VALID && buf->level == 0);
	inode->vol->n_changes++;
	if (!cp_wants_it && page_is_exclusive(buf->page)) {
		buf->cloned = false;
		buf_set_dirty(buf);
		return buf->page->data;
	}
	copy = cache_page_take(inode->vol);
	memcpy(copy->data, buf->page->data, PAGE_SIZE);
	cache_install(inode, buf->fbn, copy);
	return copy->data;
}

struct buf *cache_insert_clean(struct inode *inode, unsigned level, uint32_t fbn, struct page *page)
{
	struct buf *buf = cache_peek(inode, level, fbn);

	if (buf == NULL)
		buf = cache_buf_new(inode, level, fbn);
	vc_assert(buf->page == NULL);
	buf->page = page;
	buf->state = BUF_VALID;
	buf->read = NULL;
	cache_touch(buf);
	inode->vol->cache->n_pages++;
	lru_settle(buf);
	return buf;
}

struct buf *cache_new_zero(struct inode *inode, unsigned level, uint32_t fbn)
{
	struct page *page = cache_page_take(inode->vol);

	memset(page->data, 0, PAGE_SIZE);
	return cache_insert_clean(inode, level, fbn, page);
}

static void buf_clear_dirty(struct buf *buf, unsigned bit)
{
	struct inode *inode = buf->inode;

	if ((buf->dirty & 1U << bit) == 0)
		return;
	buf->dirty &= (uint8_t) ~(1U << bit);
	TAILQ_REMOVE(&inode->dirty_bufs[bit], buf, dirty_link[bit]);
	inode->n_dirty_bufs[bit]--;
	inode->vol->n_dirty_pages--;
}

void cache_cp_adopt(struct buf *buf, unsigned bit)
{
	vc_assert(buf->state == BUF_VALID && buf->dirty == 0);
	buf_add_dirty(buf, bit);
	TAILQ_REMOVE(&buf->inode->dirty_bufs[bit], buf, dirty_link[bit]);
	TAILQ_INSERT_HEAD(&buf->inode->dirty_bufs[bit], buf, dirty_link[bit]);
	/* its content is durable: nothing for a COMMIT, which looks from the tail up to what is logged */
	buf->logged = true;
}

void cache_cp_written(struct buf *buf, unsigned bit)
{
	buf_clear_dirty(buf, bit);
	buf->in_cp = false;
	page_drop(buf, &buf->cp_page);
	buf_settle(buf);
}

/* ---- dropping ---- */

static void buf_drop_view(struct buf *buf)
{
	unsigned bit = gen_bit(buf->inode->vol);

	if (buf->page != NULL)
		buf_keep_for_cp(buf);
	buf_clear_dirty(buf, bit);
	buf->state = BUF_EMPTY;
	buf->read = NULL;
	buf->vbn = 0;
	buf_settle(buf);
}

void cache_drop_range(struct inode *inode, uint32_t first, uint32_t end)
{
	struct buf *buf, *next;

	if (end - first <= inode->n_bufs) {
		for (uint32_t fbn = first; fbn < end; fbn++) {
			buf = cache_peek(inode, 0, fbn);
			if (buf != NULL)
				buf_drop_view(buf);
		}
		return;
	}
	LIST_FOREACH_SAFE(buf, &inode->bufs, inode_link, next) {
		if (buf->level == 0 && buf->fbn >= first && buf->fbn < end)
			buf_drop_view(buf);
	}
}

void cache_forget(struct buf *buf)
{
	vc_invariant(C1, buf->dirty == 0);
	buf->in_cp = buf->dropped;
	page_drop(buf, &buf->page);
	page_drop(buf, &buf->cp_page);
	buf->state = BUF_EMPTY;
	buf->read = NULL;
	buf_settle(buf);
}

void cache_drop_inode(struct inode *inode)
{
	struct buf *buf, *next;

	LIST_FOREACH_SAFE(buf, &inode->bufs, inode_link, next)
		cache_forget(buf);
}

/* ---- room ---- */

/* Oldest buffer of a queue that was not touched since it was last passed over, nor by the step being executed. */
static struct buf *queue_victim(struct cache *cache, struct buf_queue *queue, size_t n)
{
	for (size_t tries = 0; tries < 2U * n; tries++) {
		struct buf *buf = TAILQ_FIRST(queue);

		if (!buf->referenced && buf->step != cache->step)
			return buf;
		buf->referenced = false; /* second chance */
		TAILQ_REMOVE(queue, buf, lru);
		TAILQ_INSERT_TAIL(queue, buf, lru);
	}
	return NULL;
}

static struct buf *eviction_victim(struct cache *cache)
{
	bool meta_first = cache->n_meta > cache->pages_max / 2U;
	struct buf *buf = meta_first ? queue_victim(cache, &cache->lru_meta, cache->n_meta)
	                             : queue_victim(cache, &cache->lru_data, cache->n_data);

	if (buf == NULL)
		buf = meta_first ? queue_victim(cache, &cache->lru_data, cache->n_data)
		                 : queue_victim(cache, &cache->lru_meta, cache->n_meta);
	return buf;
}

/* False: nothing can go. */
static bool evict_one(struct cache *cache)
{
	struct buf *victim = eviction_victim(cache);

	if (victim == NULL)
		return false;
	vc_invariant(C1, victim->dirty == 0 && victim->cp_page == NULL);
	page_drop(victim, &victim->page);
	victim->state = BUF_EMPTY;
	counter_add(&cache->evictions, 1);
	buf_settle(victim);
	return true;
}

bool cache_make_room(struct fs_volume *vol, size_t n_pages)
{
	struct cache *cache = vol->cache;

	while (cache->n_pages + n_pages > cache->pages_max)
		if (!evict_one(cache))
			return false;
	return true;
}

struct page *cache_page_alloc(struct fs_volume *vol)
{
	struct page *page;

	/* A victim's page may be in a send queue still: then the next one goes too. */
	while ((page = page_alloc()) == NULL && evict_one(vol->cache))
		;
	return page;
}

bool cache_stash(struct fs_volume *vol, size_t n)
{
	struct cache *cache = vol->cache;

	vc_assert(n <= cache->n_stash_max);
	if (cache->n_stash >= n) {
		(void)cache_make_room(vol, 0); /* pages that clients brought came without asking */
		return true;
	}
	if (!cache_make_room(vol, n - cache->n_stash))
		return false;
	while (cache->n_stash < n) {
		struct page *page = cache_page_alloc(vol);

		if (page == NULL)
			return false;
		cache->stash[cache->n_stash++] = page;
		cache->n_pages++;
	}
	return true;
}

struct page *cache_page_take(struct fs_volume *vol)
{
	struct cache *cache = vol->cache;

	vc_assert(cache->n_stash > 0);
	cache->n_pages--;
	return cache->stash[--cache->n_stash];
}

void cache_usage(const struct fs_volume *vol, size_t *ret_pages, size_t *ret_pages_max)
{
	*ret_pages = vol->cache->n_pages;
	*ret_pages_max = vol->cache->pages_max;
}

size_t cache_stash_left(const struct fs_volume *vol)
{
	return vol->cache->n_stash;
}

void cache_keep(struct buf *buf)
{
	cache_touch(buf);
}

uint8_t *cache_cp_page_new(struct buf *buf)
{
	buf->cp_page = cache_page_take(buf->inode->vol);
	buf->inode->vol->cache->n_pages++;
	return buf->cp_page->data;
}
