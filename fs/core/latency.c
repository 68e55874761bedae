/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms of latencies. A bucket is named by the position of the highest bit of the microseconds and the two bits
 * below it. */
#include "base/list.h"
#include "fs/core/latency.h"

static unsigned bucket_of(uint64_t ns)
{
	uint64_t us = ns / 1024U;
	unsigned top;

	if (us < 4U)
		return (unsigned)us;
	top = 63U - (unsigned)__builtin_clzll(us);
	return MIN_OF((top - 1U) * 4U + (unsigned)(us >> (top - 2U) & 3U), LATENCY_BUCKETS - 1U);
}

static uint64_t edge_ns(unsigned bucket)
{
	unsigned top = bucket / 4U + 1U;

	return 1024U * (bucket < 4U ? bucket : (4U + bucket % 4U) * (1ULL << (top - 2U)));
}

void latency_add(struct latency *latency, uint64_t ns)
{
	latency->bucket[bucket_of(ns)]++;
	latency->n++;
}

void latency_add_difference(struct latency *sum, const struct latency *now, const struct latency *before)
{
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++)
		sum->bucket[i] += now->bucket[i] - before->bucket[i];
	sum->n += now->n - before->n;
}

void latency_age(struct latency *latency)
{
	latency->n = 0;
	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		latency->bucket[i] /= 2U;
		latency->n += latency->bucket[i];
	}
}

uint64_t latency_quantile_ns(const struct latency *latency, unsigned permille)
{
	uint64_t want = DIV_UP((uint64_t)latency->n * permille, 1000U), before = 0;

	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		uint64_t in = latency->bucket[i];

		if (in > 0 && before + in >= want)
			return edge_ns(i) + (edge_ns(i + 1U) - edge_ns(i)) * (want - before) / in;
		before += in;
	}
	return 0;
}
