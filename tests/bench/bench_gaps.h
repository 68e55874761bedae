/* SPDX-License-Identifier: Apache-2.0 */
/* When a core did not run for anybody here: the hypervisor gave its time to others.
 *
 * THEORY. On each core a thread that comes before all others (SCHED_FIFO) wants to wake four thousand times a second.
 * Little in this machine can make it late: the kernel where it does not let itself be interrupted, mostly for some
 * microseconds. When it is later than 150 us, the core was not there. A slow request is more likely to meet such a time
 * than a quick one, so quantiles without them are a little low, with the job and without; those of all requests are
 * shown too. */
#ifndef BENCH_GAPS_H
#define BENCH_GAPS_H

#include <stdbool.h>
#include <stdint.h>

struct bench_gaps;

/* Begin to watch. NULL after a message: the right to real-time scheduling is missing. */
struct bench_gaps *bench_gaps_start(void);
/* Stop watching; the gaps can be asked for. */
void bench_gaps_stop(struct bench_gaps *gaps);
/* After bench_gaps_stop: was a core away at any time from `begin_ns` to `end_ns` (CLOCK_MONOTONIC), or so short ago
 * that what had piled up may still be waiting (as long again as it was away)? */
bool bench_gaps_overlap(const struct bench_gaps *gaps, uint64_t begin_ns, uint64_t end_ns);
/* Of all cores together. */
uint64_t bench_gaps_total_ns(const struct bench_gaps *gaps);
void bench_gaps_free(struct bench_gaps *gaps);

#endif
