/* SPDX-License-Identifier: Apache-2.0 */
/* Latencies counted in buckets of a quarter of an octave: how long a volume's clients wait, in constant memory. Pure
 * arithmetic. */
#ifndef FS_LATENCY_H
#define FS_LATENCY_H

#include <stdint.h>

#define LATENCY_BUCKETS 96U /* from 1 us to 17 s */

struct latency {
	uint32_t n; /* the sum of the buckets */
	uint32_t bucket[LATENCY_BUCKETS];
};

void latency_add(struct latency *latency, uint64_t ns);
/* Add to `sum` what `now` counts more than `before` (an earlier state of the same; counters may have wrapped). */
void latency_add_difference(struct latency *sum, const struct latency *now, const struct latency *before);
/* Forget half, so that what comes counts for more. */
void latency_age(struct latency *latency);
/* The latency that `permille` of a thousand do not exceed, in between the edges of its bucket; 0 when nothing was
 * counted. */
uint64_t latency_quantile_ns(const struct latency *latency, unsigned permille);

#endif
