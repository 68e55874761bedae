/* SPDX-License-Identifier: Apache-2.0 */
/* The reserve of memory. */
#include "base/reserve.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"

#define BLOCKS_MAX 256U

struct reserve_class {
	size_t len_bytes;
	unsigned n_max, n;
	void *blocks[BLOCKS_MAX];
};

static struct reserve_class classes[] = {
	{ .len_bytes = 512, .n_max = 256 },
	{ .len_bytes = 8192, .n_max = 64 },
	{ .len_bytes = 65536, .n_max = 16 },
	{ .len_bytes = 1U << 20, .n_max = 2 },
};
static pthread_mutex_t reserve_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool low;

/* Locked. True: it is whole. */
static bool fill(void)
{
	for (size_t c = 0; c < ARRAY_SIZE(classes); c++)
		for (struct reserve_class *class = &classes[c]; class->n < class->n_max; class->n++) {
			class->blocks[class->n] = malloc(class->len_bytes);
			if (class->blocks[class->n] == NULL)
				return false;
		}
	return true;
}

int reserve_init(void)
{
	bool whole;

	pthread_mutex_lock(&reserve_lock);
	whole = fill();
	low = false;
	pthread_mutex_unlock(&reserve_lock);
	if (!whole)
		reserve_fini();
	return whole ? 0 : -ENOMEM;
}

void reserve_fini(void)
{
	pthread_mutex_lock(&reserve_lock);
	for (size_t c = 0; c < ARRAY_SIZE(classes); c++)
		while (classes[c].n > 0)
			free(classes[c].blocks[--classes[c].n]);
	pthread_mutex_unlock(&reserve_lock);
}

static void *take(size_t len_bytes)
{
	void *block = NULL;

	pthread_mutex_lock(&reserve_lock);
	for (size_t c = 0; block == NULL && c < ARRAY_SIZE(classes); c++)
		if (classes[c].len_bytes >= len_bytes && classes[c].n > 0)
			block = classes[c].blocks[--classes[c].n];
	if (!low)
		log_error("base", "memory_short",
		          "bytes=%zu: from the reserve; nothing new is begun until there is memory", len_bytes);
	low = true;
	pthread_mutex_unlock(&reserve_lock);
	if (block == NULL) {
		log_error("base", "out_of_memory", "bytes=%zu: the reserve is used up", len_bytes);
		abort();
	}
	return block;
}

void *reserve_malloc(size_t len_bytes)
{
	void *block = malloc(len_bytes);

	return block != NULL || len_bytes == 0 ? block : take(len_bytes);
}

void *reserve_calloc(size_t n, size_t len_bytes)
{
	void *block = calloc(n, len_bytes);

	if (block != NULL || n == 0 || len_bytes == 0)
		return block;
	vc_assert(n <= SIZE_MAX / len_bytes);
	return memset(take(n * len_bytes), 0, n * len_bytes);
}

void *reserve_reallocarray(void *old, size_t n, size_t len_bytes)
{
	void *block = reallocarray(old, n, len_bytes);

	if (block != NULL || n == 0 || len_bytes == 0)
		return block;
	vc_assert(n <= SIZE_MAX / len_bytes);
	block = take(n * len_bytes);
	if (old != NULL)
		memcpy(block, old, MIN_OF(malloc_usable_size(old), n * len_bytes));
	free(old);
	return block;
}

char *reserve_strdup(const char *text)
{
	size_t size = strlen(text) + 1U;

	return memcpy(reserve_malloc(size), text, size);
}

bool reserve_is_low(void)
{
	if (!atomic_load_explicit(&low, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&reserve_lock);
	if (low && fill()) {
		low = false;
		log_info("base", "memory_again", "reserve=whole");
	}
	pthread_mutex_unlock(&reserve_lock);
	return low;
}
