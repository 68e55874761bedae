/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: refcounted 4 KiB buffers from one bounded arena.
 *
 * THEORY. A page is written by its single owner, then shared and from that moment immutable: overwriting a block
 * installs a new page. So one page may be in the cache, in a consistency point being written and in three send queues
 * at once, without a copy and without a lock. The arena is one mapping reserved at start, so the memory of the process
 * is bounded and every page is aligned for O_DIRECT. A small cache per thread keeps the lock off the fast path.
 * THREADS. Everything here may be called from any thread; the page's bytes belong to the rule above. */
#ifndef BASE_PAGE_H
#define BASE_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define PAGE_SIZE 4096U
#define PAGE_SHIFT 12U

struct page {
	uint8_t *data; /* PAGE_SIZE bytes, PAGE_SIZE aligned, for the life of the arena */
	_Atomic uint32_t refs;
	uint32_t reserved;
	struct page *next_free; /* arena's, while free */
};

/* Reserve the arena of the process: at most `max_pages` pages will ever exist. Once, before any other call. -ENOMEM. */
MUST_CHECK int page_arena_init(size_t max_pages);
/* Release the arena; every page must be back (asserted). For tests. */
void page_arena_fini(void);

/* A page with one reference, contents undefined; NULL when the arena is exhausted. */
struct page *page_alloc(void);
/* The same, contents zero. */
struct page *page_alloc_zero(void);
/* `n` pages or none: -ENOMEM when fewer are left. */
MUST_CHECK int page_alloc_many(struct page **ret_pages, size_t n);

/* A page of the arena or, when that is exhausted (or was never made), of the heap: for the few bytes that must move
 * before memory can come back, such as headers of replies. Bounded by the caller. NULL when the heap is out too. */
struct page *page_alloc_or_heap(void);

/* One more reference; returns `page`. */
static inline struct page *page_get(struct page *page)
{
	atomic_fetch_add_explicit(&page->refs, 1, memory_order_relaxed);
	return page;
}

void page_release(struct page *page); /* internal: the last reference is gone */

/* Give a reference back. NULL is allowed. */
static inline void page_put(struct page *page)
{
	if (page != NULL && atomic_fetch_sub_explicit(&page->refs, 1, memory_order_acq_rel) == 1)
		page_release(page);
}

void page_put_many(struct page *const *pages, size_t n);

/* True when the caller holds the only reference: then, and only then, it may write the bytes in place. */
static inline bool page_is_exclusive(struct page *page)
{
	return atomic_load_explicit(&page->refs, memory_order_acquire) == 1;
}

/* The process-wide page of zeros, borrowed (get and put as usual when it is kept). Never exclusive; writing to it
 * faults. */
struct page *page_zero(void);

/* Pages of the arena now in use / at most (the zero page not counted). */
size_t page_arena_used(void);
size_t page_arena_max(void);

#endif
