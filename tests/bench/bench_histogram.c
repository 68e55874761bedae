/* SPDX-License-Identifier: Apache-2.0 */
/* Log-linear histogram: 64 buckets for every power of two. */
#include "tests/bench/bench_histogram.h"

static unsigned bucket_of(uint64_t value)
{
	if (value < BENCH_HISTOGRAM_SUB)
		return (unsigned)value;
	unsigned power = 63U - (unsigned)__builtin_clzll(value);
	unsigned sub = (unsigned)(value >> (power - 6U)) & (BENCH_HISTOGRAM_SUB - 1U);
	return (power - 5U) * BENCH_HISTOGRAM_SUB + sub;
}

static uint64_t upper_edge(unsigned bucket)
{
	if (bucket < BENCH_HISTOGRAM_SUB)
		return bucket;
	unsigned power = bucket / BENCH_HISTOGRAM_SUB + 5U;
	uint64_t sub = bucket % BENCH_HISTOGRAM_SUB + BENCH_HISTOGRAM_SUB + 1U;
	return (sub << (power - 6U)) - 1U;
}

void bench_histogram_add(struct bench_histogram *h, uint64_t value_ns)
{
	h->bucket[bucket_of(value_ns)]++;
	h->count++;
	h->sum_ns += value_ns;
	if (value_ns > h->max_ns)
		h->max_ns = value_ns;
}

uint64_t bench_histogram_quantile(const struct bench_histogram *h, double share)
{
	if (h->count == 0)
		return 0;
	uint64_t want = (uint64_t)((double)h->count * share);
	uint64_t seen = 0;
	for (unsigned i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen > want) {
			uint64_t edge = upper_edge(i);
			return edge < h->max_ns ? edge : h->max_ns;
		}
	}
	return h->max_ns;
}

double bench_histogram_mean(const struct bench_histogram *h)
{
	return h->count ? (double)h->sum_ns / (double)h->count : 0.0;
}
