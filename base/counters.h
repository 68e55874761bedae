/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and latency histograms, written by one thread each, read by anybody: relaxed atomics, no locks. */

#ifndef BASE_COUNTERS_H
#define BASE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

struct counter {
	_Atomic uint64_t value;
};

static inline void counter_add(struct counter *c, uint64_t n)
{
	atomic_fetch_add_explicit(&c->value, n, memory_order_relaxed);
}
static inline void counter_sub(struct counter *c, uint64_t n)
{
	atomic_fetch_sub_explicit(&c->value, n, memory_order_relaxed);
}
static inline uint64_t counter_get(const struct counter *c)
{
	return atomic_load_explicit(&((struct counter *)(uintptr_t)c)->value, memory_order_relaxed);
}

/* Power-of-two buckets in microseconds: bucket i counts values < 2^i us, i in 0..HISTOGRAM_BUCKETS-1; the last one
 * takes the rest. */
#define HISTOGRAM_BUCKETS 28
struct histogram {
	_Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
	_Atomic uint64_t sum_us;
};
/* Count a latency of `ns`. */
static inline void histogram_add(struct histogram *h, uint64_t ns)
{
	uint64_t us = ns / 1000;
	unsigned bucket = us == 0 ? 0 : 64U - (unsigned)__builtin_clzll(us);

	if (bucket > HISTOGRAM_BUCKETS - 1)
		bucket = HISTOGRAM_BUCKETS - 1;
	atomic_fetch_add_explicit(&h->buckets[bucket], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->sum_us, us, memory_order_relaxed);
}

#endif
