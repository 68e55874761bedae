/* SPDX-License-Identifier: Apache-2.0 */
/* Latencies in buckets of about 1.6 % width: constant memory, exact enough for percentiles. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define BENCH_HISTOGRAM_SUB 64U
#define BENCH_HISTOGRAM_BUCKETS (64U * BENCH_HISTOGRAM_SUB)

struct bench_histogram {
	uint64_t count, sum_ns, max_ns;
	uint64_t bucket[BENCH_HISTOGRAM_BUCKETS];
};

void bench_histogram_add(struct bench_histogram *h, uint64_t value_ns);
/* Upper edge of the bucket that holds the given share (0..1) of all values; 0 when empty. */
uint64_t bench_histogram_quantile(const struct bench_histogram *h, double share);
double bench_histogram_mean(const struct bench_histogram *h);

#endif
