/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: the bound, exclusiveness, the zero page, threads that pass pages on. */
#include "base/page.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "tests/base/cmocka_all.h"

static void arena_never_gives_more_than_its_maximum(void **state)
{
	struct page *pages[1000];

	(void)state;
	for (size_t max = 1; max <= 1000; max += 333) {
		assert_int_equal(page_arena_init(max), 0);
		assert_int_equal(page_arena_max(), max);
		for (unsigned round = 0; round < 2; round++) {
			for (size_t i = 0; i < max; i++) {
				pages[i] = page_alloc();
				assert_non_null(pages[i]);
				assert_int_equal((uintptr_t)pages[i]->data % PAGE_SIZE, 0);
				memset(pages[i]->data, (int)i, PAGE_SIZE);
				assert_int_equal(page_arena_used(), i + 1);
			}
			assert_null(page_alloc());
			for (size_t i = 0; i < max; i++)
				assert_int_equal(pages[i]->data[PAGE_SIZE - 1], (uint8_t)i);
			page_put_many(pages, max);
			assert_int_equal(page_arena_used(), 0);
		}
		page_arena_fini();
	}
}

static void many_pages_come_all_or_not_at_all(void **state)
{
	struct page *pages[101];

	(void)state;
	assert_int_equal(page_arena_init(100), 0);
	assert_int_equal(page_alloc_many(pages, 60), 0);
	assert_int_equal(page_alloc_many(pages + 60, 41), -ENOMEM);
	assert_int_equal(page_arena_used(), 60);
	assert_int_equal(page_alloc_many(pages + 60, 40), 0);
	page_put_many(pages, 100);
	page_arena_fini();
}

static void page_is_exclusive_until_it_is_shared(void **state)
{
	struct page *page;

	(void)state;
	assert_int_equal(page_arena_init(4), 0);
	page = page_alloc();
	assert_true(page_is_exclusive(page));
	page_get(page);
	assert_false(page_is_exclusive(page));
	page_put(page);
	assert_true(page_is_exclusive(page));
	page_put(page);
	page_put(NULL);
	assert_int_equal(page_arena_used(), 0);
	page_arena_fini();
}

static void zeroed_page_is_zero_though_it_was_used(void **state)
{
	static const uint8_t zeros[PAGE_SIZE];
	struct page *page;

	(void)state;
	assert_int_equal(page_arena_init(1), 0);
	page = page_alloc();
	memset(page->data, 0xee, PAGE_SIZE);
	page_put(page);
	page = page_alloc_zero();
	assert_memory_equal(page->data, zeros, PAGE_SIZE);
	page_put(page);
	page_arena_fini();
}

static void page_of_zeros_is_never_exclusive_nor_counted(void **state)
{
	static const uint8_t zeros[PAGE_SIZE];
	struct page *page;

	(void)state;
	assert_int_equal(page_arena_init(1), 0);
	page = page_get(page_zero());
	assert_memory_equal(page->data, zeros, PAGE_SIZE);
	assert_false(page_is_exclusive(page));
	page_put(page);
	assert_false(page_is_exclusive(page_zero()));
	assert_int_equal(page_arena_used(), 0);
	page_arena_fini();
}

static void heap_helps_out_when_the_arena_is_exhausted(void **state)
{
	struct page *page, *other;

	(void)state;
	assert_int_equal(page_arena_init(1), 0);
	page = page_alloc_or_heap();
	other = page_alloc_or_heap();
	assert_int_equal(page_arena_used(), 1);
	memset(other->data, 1, PAGE_SIZE);
	page_get(other);
	page_put(other);
	page_put(other);
	page_put(page);
	page_arena_fini();
	page = page_alloc_or_heap();
	assert_non_null(page);
	page_put(page);
}

enum { N_THREADS = 8, N_ROUNDS = 20000, ARENA_PAGES = 4096 };

static _Atomic(struct page *) exchange[64];
static _Atomic unsigned next_owner = 1;

/* Take pages, mark them, swap them with other threads' pages, check the marks, give back what one gets. */
static void *shuffle(void *arg)
{
	uint32_t owner = atomic_fetch_add(&next_owner, 1), random = owner * 7919;

	(void)arg;
	for (unsigned i = 0; i < N_ROUNDS; i++) {
		struct page *page = page_alloc();

		if (page == NULL)
			return (void *)1;
		memcpy(page->data, &owner, sizeof owner);
		memcpy(page->data + PAGE_SIZE - sizeof owner, &owner, sizeof owner);
		random = random * 1664525U + 1013904223U;
		page = atomic_exchange(&exchange[random >> 26], page);
		if (page != NULL && (!page_is_exclusive(page) ||
		                     memcmp(page->data, page->data + PAGE_SIZE - sizeof owner, sizeof owner) != 0))
			return (void *)1;
		page_put(page);
	}
	return NULL;
}

static void pages_wander_between_threads_and_none_is_lost(void **state)
{
	pthread_t threads[N_THREADS];
	struct page **all;

	(void)state;
	assert_int_equal(page_arena_init(ARENA_PAGES), 0);
	for (unsigned i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, shuffle, NULL), 0);
	for (unsigned i = 0; i < 100; i++)
		assert_in_range(page_arena_used(), 0, ARENA_PAGES);
	for (unsigned i = 0; i < N_THREADS; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(exchange); i++)
		page_put(atomic_exchange(&exchange[i], NULL));
	assert_int_equal(page_arena_used(), 0);

	/* The magazines of the threads that ended came back: one thread can have every page. */
	all = calloc(ARENA_PAGES, sizeof *all);
	assert_int_equal(page_alloc_many(all, ARENA_PAGES), 0);
	assert_null(page_alloc());
	page_put_many(all, ARENA_PAGES);
	free(all);
	page_arena_fini();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_never_gives_more_than_its_maximum),
		cmocka_unit_test(many_pages_come_all_or_not_at_all),
		cmocka_unit_test(page_is_exclusive_until_it_is_shared),
		cmocka_unit_test(zeroed_page_is_zero_though_it_was_used),
		cmocka_unit_test(page_of_zeros_is_never_exclusive_nor_counted),
		cmocka_unit_test(heap_helps_out_when_the_arena_is_exhausted),
		cmocka_unit_test(pages_wander_between_threads_and_none_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
