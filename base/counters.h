/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and latency histograms, written by one thread each, read by anybody: relaxed atomics, no locks.
 * Registered by static description so that /metrics and `vcadm stats` can list them with names, labels and help. */
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
void histogram_add(struct histogram *h, uint64_t ns);

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
	const char *name; /* "vc_nfs_requests_total" */
	const char *help;
	const char *labels; /* "proc=\"read\"" or NULL; must outlive the registration */
	enum metric_kind kind;
	const void *value; /* struct counter * or struct histogram * */
	struct metric *next;
};

/* Add / remove a metric; the struct is the caller's and stays until removed. Any thread. */
void metrics_register(struct metric *metric);
void metrics_unregister(struct metric *metric);
/* Call `visit` for each, in registration order, with the registry locked. */
void metrics_visit(void (*visit)(const struct metric *metric, void *arg), void *arg);

#endif
