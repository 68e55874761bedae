/* SPDX-License-Identifier: Apache-2.0 */
/* The arena of pages: one mapping, one free list, a magazine of free pages for each thread.
 *
 * THEORY. The mapping is reserved whole and touched page by page: pages never used yet (from `n_fresh` on) cost no
 * memory, and the free list is last-in first-out so that the warm ones go round. A thread takes and gives back pages in
 * its magazine, without a lock; half a magazine moves to or from the global list under the mutex. A small arena has
 * small magazines, so that what idle threads hold stays below a sixty-fourth of it each.
 * INVARIANTS.
 *  1. A free page has refs 0 (checked when it is taken: a reference put twice shows there).
 *  2. n_fresh - n_free - (sum of the magazines) = pages in use <= max.
 * THREADS. `arena` under its mutex; a magazine is its thread's, only its count is read by others. */
#include "base/page.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/list.h"
#include "base/reserve.h"

#if defined(__SANITIZE_ADDRESS__)
#define PAGE_POISONING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PAGE_POISONING 1
#endif
#endif
#ifdef PAGE_POISONING
#include <sanitizer/asan_interface.h>
#define page_poison(data) ASAN_POISON_MEMORY_REGION(data, PAGE_SIZE)
#define page_unpoison(data) ASAN_UNPOISON_MEMORY_REGION(data, PAGE_SIZE)
#else
#define page_poison(data) ((void)(data))
#define page_unpoison(data) ((void)(data))
#endif

enum { MAGAZINE_MAX = 64 };

struct magazine {
	struct page *head;
	_Atomic uint32_t count;
	bool registered;
	LIST_ENTRY(magazine) link;
};

static struct {
	pthread_mutex_t lock;
	pthread_key_t thread_exit;
	bool have_key;
	uint8_t *bytes;
	struct page *pages;
	size_t max;
	size_t n_fresh; /* pages from here on were never taken */
	struct page *free;
	size_t n_free;
	uint32_t magazine_max;
	LIST_HEAD(, magazine) magazines;
} arena = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct page zero_page;
static _Thread_local struct magazine own_magazine;

static inline uint32_t magazine_count(const struct magazine *mag)
{
	return atomic_load_explicit(&mag->count, memory_order_relaxed);
}

static inline void magazine_push(struct magazine *mag, struct page *page)
{
	page->next_free = mag->head;
	mag->head = page;
	atomic_store_explicit(&mag->count, magazine_count(mag) + 1, memory_order_relaxed);
}

static inline struct page *magazine_pop(struct magazine *mag)
{
	struct page *page = mag->head;

	mag->head = page->next_free;
	atomic_store_explicit(&mag->count, magazine_count(mag) - 1, memory_order_relaxed);
	return page;
}

/* Give pages back to the arena until `keep` are left. */
static void magazine_flush(struct magazine *mag, uint32_t keep)
{
	pthread_mutex_lock(&arena.lock);
	while (magazine_count(mag) > keep) {
		struct page *page = magazine_pop(mag);

		page->next_free = arena.free;
		arena.free = page;
		arena.n_free++;
	}
	pthread_mutex_unlock(&arena.lock);
}

static struct page *arena_take(void)
{
	struct page *page = arena.free;

	if (page != NULL) {
		arena.free = page->next_free;
		arena.n_free--;
		return page;
	}
	if (arena.n_fresh == arena.max)
		return NULL;
	page = &arena.pages[arena.n_fresh];
	page->data = arena.bytes + arena.n_fresh * PAGE_SIZE;
	arena.n_fresh++;
	return page;
}

static bool magazine_refill(struct magazine *mag)
{
	pthread_mutex_lock(&arena.lock);
	for (uint32_t n = MAX_OF(arena.magazine_max / 2, 1U); n > 0; n--) {
		struct page *page = arena_take();

		if (page == NULL)
			break;
		magazine_push(mag, page);
	}
	pthread_mutex_unlock(&arena.lock);
	return mag->head != NULL;
}

static void magazine_retire(void *arg)
{
	struct magazine *mag = arg;

	magazine_flush(mag, 0);
	pthread_mutex_lock(&arena.lock);
	LIST_REMOVE(mag, link);
	mag->registered = false;
	pthread_mutex_unlock(&arena.lock);
}

static struct magazine *magazine_mine(void)
{
	struct magazine *mag = &own_magazine;

	if (!mag->registered) {
		pthread_mutex_lock(&arena.lock);
		vc_assert(arena.have_key);
		LIST_INSERT_HEAD(&arena.magazines, mag, link);
		mag->registered = true;
		pthread_mutex_unlock(&arena.lock);
		pthread_setspecific(arena.thread_exit, mag);
	}
	return mag;
}

static int zero_page_init(uint8_t *data)
{
	zero_page.data = data;
	/* More references than anybody puts: nobody frees it or finds it exclusive. */
	atomic_store_explicit(&zero_page.refs, 1U << 30, memory_order_relaxed);
	return mprotect(data, PAGE_SIZE, PROT_READ) == 0 ? 0 : -errno;
}

int page_arena_init(size_t max_pages)
{
	size_t len_bytes = (max_pages + 1) * PAGE_SIZE,
	       len_structs = MAX_OF(max_pages, (size_t)1) * sizeof(struct page);
	void *bytes, *structs;

	vc_assert(arena.bytes == NULL);
	if (max_pages >= SIZE_MAX / PAGE_SIZE - 1)
		return -ENOMEM;
	if (!arena.have_key) {
		if (pthread_key_create(&arena.thread_exit, magazine_retire) != 0)
			return -ENOMEM;
		arena.have_key = true;
	}
	bytes = mmap(NULL, len_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bytes == MAP_FAILED)
		return -ENOMEM;
	structs = mmap(NULL, len_structs, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (structs == MAP_FAILED || zero_page_init((uint8_t *)bytes + max_pages * PAGE_SIZE) < 0 ||
	    reserve_init() != 0) {
		munmap(bytes, len_bytes);
		if (structs != MAP_FAILED)
			munmap(structs, len_structs);
		return -ENOMEM;
	}
	(void)madvise(bytes, len_bytes, MADV_HUGEPAGE); /* fewer faults and TLB misses where the host allows it */
	arena.bytes = bytes;
	arena.pages = structs;
	arena.max = max_pages;
	arena.n_fresh = 0;
	arena.free = NULL;
	arena.n_free = 0;
	arena.magazine_max = (uint32_t)MIN_OF(max_pages / 64, (size_t)MAGAZINE_MAX);
	return 0;
}

void page_arena_fini(void)
{
	struct magazine *mag;

	vc_assert(arena.bytes != NULL);
	vc_assert(page_arena_used() == 0);
	LIST_FOREACH(mag, &arena.magazines, link) {
		mag->head = NULL;
		atomic_store_explicit(&mag->count, 0, memory_order_relaxed);
	}
	for (size_t i = 0; i < arena.n_fresh; i++)
		page_unpoison(arena.pages[i].data);
	munmap(arena.bytes, (arena.max + 1) * PAGE_SIZE);
	munmap(arena.pages, MAX_OF(arena.max, (size_t)1) * sizeof(struct page));
	reserve_fini();
	arena.bytes = NULL;
	arena.pages = NULL;
	arena.max = 0;
	arena.n_fresh = 0;
	arena.n_free = 0;
	arena.free = NULL;
}

struct page *page_alloc(void)
{
	struct magazine *mag = magazine_mine();
	struct page *page;

	if (mag->head == NULL && !magazine_refill(mag))
		return NULL;
	page = magazine_pop(mag);
	vc_assert(atomic_load_explicit(&page->refs, memory_order_relaxed) == 0); /* invariant 1 */
	atomic_store_explicit(&page->refs, 1, memory_order_relaxed);
	page_unpoison(page->data);
	return page;
}

struct page *page_alloc_zero(void)
{
	struct page *page = page_alloc();

	if (page != NULL)
		memset(page->data, 0, PAGE_SIZE);
	return page;
}

int page_alloc_many(struct page **ret_pages, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ret_pages[i] = page_alloc();
		if (ret_pages[i] == NULL) {
			page_put_many(ret_pages, i);
			return -ENOMEM;
		}
	}
	return 0;
}

struct page *page_alloc_or_heap(void)
{
	struct page *page = arena.bytes != NULL ? page_alloc() : NULL;

	if (page != NULL)
		return page;
	page = calloc(1, sizeof *page);
	if (page == NULL)
		return NULL;
	page->data = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
	if (page->data == NULL) {
		free(page);
		return NULL;
	}
	atomic_store_explicit(&page->refs, 1, memory_order_relaxed);
	return page;
}

static inline bool page_is_of_arena(const struct page *page)
{
	return (uintptr_t)page - (uintptr_t)arena.pages < arena.max * sizeof *page;
}

void page_release(struct page *page)
{
	struct magazine *mag;

	if (!page_is_of_arena(page)) {
		vc_assert(page != &zero_page);
		free(page->data);
		free(page);
		return;
	}
	mag = magazine_mine();
	page_poison(page->data);
	magazine_push(mag, page);
	if (magazine_count(mag) > arena.magazine_max)
		magazine_flush(mag, arena.magazine_max / 2);
}

void page_put_many(struct page *const *pages, size_t n)
{
	for (size_t i = 0; i < n; i++)
		page_put(pages[i]);
}

struct page *page_zero(void)
{
	return &zero_page;
}

size_t page_arena_used(void)
{
	struct magazine *mag;
	size_t used;

	pthread_mutex_lock(&arena.lock);
	used = arena.n_fresh - arena.n_free;
	LIST_FOREACH(mag, &arena.magazines, link)
		used -= MIN_OF(used, (size_t)magazine_count(mag));
	pthread_mutex_unlock(&arena.lock);
	return used;
}

size_t page_arena_max(void)
{
	return arena.max;
}
