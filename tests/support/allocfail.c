/* SPDX-License-Identifier: Apache-2.0 */
/* What the product's allocations call in a program that makes them fail. */
#include "tests/support/allocfail.h"

#include <errno.h>
#include <execinfo.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/page.h"

#define DEPTH 7 /* calls that tell callers apart; the first three are this file's */
#define CALLERS_MAX (1U << 20)

static _Atomic bool counting;
static bool noting; /* who asks; one thread */
static uint64_t callers[CALLERS_MAX];
static _Atomic uint64_t n_asked, n_failed, first, last; /* numbers [first, last] fail */

/* With ALLOC_TRACE in the environment: who asked for the first one that failed. */
void __sanitizer_print_stack_trace(void) __attribute__((weak));

static void begin(uint64_t from, uint64_t to)
{
	counting = false;
	n_asked = n_failed = 0;
	first = from;
	last = to;
	counting = true;
}

void allocfail_count(void)
{
	noting = true;
	begin(UINT64_MAX, 0);
}

static void caller_note(uint64_t nth)
{
	void *frames[DEPTH];
	int n = backtrace(frames, DEPTH);
	uint64_t hash = 0xCBF29CE484222325ULL;

	for (int i = 0; i < n; i++)
		hash = (hash ^ (uintptr_t)frames[i]) * 0x100000001B3ULL;
	if (nth < CALLERS_MAX)
		callers[nth] = hash;
}

uint64_t allocfail_caller(uint64_t nth)
{
	return nth < CALLERS_MAX ? callers[nth] : 0;
}

void allocfail_once(uint64_t nth)
{
	begin(nth, nth);
}

void allocfail_from(uint64_t nth)
{
	begin(nth, UINT64_MAX);
}

uint64_t allocfail_stop(void)
{
	counting = noting = false;
	return n_asked;
}

uint64_t allocfail_failed(void)
{
	return n_failed;
}

/* Is it the turn of one that fails? */
static bool fails(void)
{
	uint64_t number;

	if (!counting)
		return false;
	number = ++n_asked;
	if (noting)
		caller_note(number);
	if (number < first || number > last)
		return false;
	if (n_failed++ == 0 && getenv("ALLOC_TRACE") != NULL && &__sanitizer_print_stack_trace != NULL)
		__sanitizer_print_stack_trace();
	errno = ENOMEM;
	return true;
}

/* ---- the names that objcopy puts in ---- */

void *allocfail_malloc(size_t len);
void *allocfail_calloc(size_t n, size_t len);
void *allocfail_realloc(void *old, size_t len);
void *allocfail_reallocarray(void *old, size_t n, size_t len);
void *allocfail_aligned_alloc(size_t align, size_t len);
int allocfail_posix_memalign(void **ret, size_t align, size_t len);
char *allocfail_strdup(const char *text);
char *allocfail_strndup(const char *text, size_t len);
int allocfail_asprintf(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));
FILE *allocfail_open_memstream(char **ret, size_t *ret_len);
struct page *allocfail_page_alloc(void);
struct page *allocfail_page_alloc_zero(void);
struct page *allocfail_page_alloc_or_heap(void);
int allocfail_page_alloc_many(struct page **ret_pages, size_t n);

void *allocfail_malloc(size_t len)
{
	return fails() ? NULL : malloc(len);
}

void *allocfail_calloc(size_t n, size_t len)
{
	return fails() ? NULL : calloc(n, len);
}

void *allocfail_realloc(void *old, size_t len)
{
	return fails() ? NULL : realloc(old, len);
}

void *allocfail_reallocarray(void *old, size_t n, size_t len)
{
	return fails() ? NULL : reallocarray(old, n, len);
}

void *allocfail_aligned_alloc(size_t align, size_t len)
{
	return fails() ? NULL : aligned_alloc(align, len);
}

int allocfail_posix_memalign(void **ret, size_t align, size_t len)
{
	return fails() ? ENOMEM : posix_memalign(ret, align, len);
}

char *allocfail_strdup(const char *text)
{
	return fails() ? NULL : strdup(text);
}

char *allocfail_strndup(const char *text, size_t len)
{
	return fails() ? NULL : strndup(text, len);
}

int allocfail_asprintf(char **ret, const char *format, ...)
{
	va_list args;
	int len;

	if (fails())
		return -1;
	va_start(args, format);
	len = vasprintf(ret, format, args);
	va_end(args);
	return len;
}

FILE *allocfail_open_memstream(char **ret, size_t *ret_len)
{
	return fails() ? NULL : open_memstream(ret, ret_len);
}

struct page *allocfail_page_alloc(void)
{
	return fails() ? NULL : page_alloc();
}

struct page *allocfail_page_alloc_zero(void)
{
	return fails() ? NULL : page_alloc_zero();
}

struct page *allocfail_page_alloc_or_heap(void)
{
	return fails() ? NULL : page_alloc_or_heap();
}

int allocfail_page_alloc_many(struct page **ret_pages, size_t n)
{
	return fails() ? -ENOMEM : page_alloc_many(ret_pages, n);
}
