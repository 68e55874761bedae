/* SPDX-License-Identifier: Apache-2.0 */
/* What clients feel of the clones of their volume, and the rate of cloning that follows from it. Pure arithmetic.
 *
 * THEORY. A clone costs its clients latency in two ways. Its batches stand before their requests, at the disks and on
 * the loop. And its blocks make consistency points longer. What clients would feel without the clone cannot be measured
 * beforehand, because the load changes. So it is measured all the time.
 * WINDOWS. Time is cut into windows of 25 ms. In one window of four the clones rest: no batch begins. The latencies of
 * such a window count as "without", those of the other three as "beside". A window with a CP of which a quarter or more
 * is the clones' is always "beside". A smaller share may count as "without": it makes the CP a third longer at most.
 * RATE. Every 16 windows (400 ms) a high quantile of both is compared, and the share of time that the loop was at work:
 *  fall   by a quarter: beside > 1.10 * without + 20 us, or the loop is at work for more than 4 % of the time more
 *  rise   by a twentieth: beside < 1.03 * without + 20 us, and the loop is at work for less than 3 % of the time more
 *  stay   else
 * Example: the 99th percentile is 800 us without. If it is over 900 us beside, the rate falls from 2048 to 1536 blocks
 * a second. If it is under 845 us, the rate rises to 2150.
 * A rise is small because it is noticed late: between two CPs of the clones the rate may not rise more than the two or
 * three comparisons during such a CP can take back.
 * SAMPLES. The quantile is the 99th percentile when both histograms have 1000 requests, the 95th with 200, else the
 * 90th. With fewer than 40 the rate stays. Histograms are aged (halved), so they follow the clients, but they keep
 * enough requests for the 99th percentile. When the rate falls, "beside" is aged at once: the next requests are of the
 * new rate.
 * LOOP. Most of what the loop's work costs clients is not seen here: clients, and the kernel for them, run on the same
 * cores. So the loop's time has a limit of its own.
 * BOUNDS. The rate stays between 512 and 65536 blocks a second (2 and 256 MiB/s): a clone always moves. Requests are
 * counted, not kept. */
#ifndef FS_CLONE_LOAD_H
#define FS_CLONE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/core/latency.h"

#define CLONE_LOAD_WINDOW_NS 25000000ULL
#define CLONE_LOAD_RATE_MIN 512U /* blocks a second: 2 MiB/s */
#define CLONE_LOAD_RATE_FIRST 2048U
#define CLONE_LOAD_RATE_MAX 65536U

struct clone_load {
	uint32_t rate; /* blocks a second while clients are served; 0: not begun */
	uint64_t window_at_ns; /* 0: none is open */
	unsigned n_windows;
	bool rests, cp_was_ours; /* the open window */
	struct latency seen; /* the clients' histogram when it began */
	struct latency without, beside;
	uint64_t busy_ns; /* of the loop, ever, when the open window began */
	struct clone_load_share {
		uint64_t busy_ns, all_ns;
	} work_without, work_beside;
};

/* What clone_load_look is shown of the volume. */
struct clone_load_view {
	const struct latency *clients; /* what they have felt so far */
	uint64_t now_ns;
	uint64_t busy_ns; /* of the loop, ever; 0: not known */
	bool cp_is_ours; /* a CP is running of which a quarter or more is the clones' */
};

/* Call this while clients are served, before each batch. It closes the window that is over and opens the next one.
 * Returns for how many ns no batch may begin from now on; 0: the clones work at load->rate. */
uint64_t clone_load_look(struct clone_load *load, const struct clone_load_view *view);
/* No client is served: the open window is dropped, for it measures nothing. The histograms and the rate stay. */
void clone_load_pause(struct clone_load *load);

#endif
