/* SPDX-License-Identifier: Apache-2.0 */
/* What clients feel of the clones of their volume, and the rate of cloning that follows from it. Pure arithmetic.
 *
 * THEORY. A clone costs its clients latency in two ways: its batches stand before them at the disks and on the loop, and its blocks make
 * the consistency points longer. What they would feel without it cannot be known from before (they are others by now), so it is measured
 * all the time: time is cut into short windows, and in one of four no batch begins. Latencies of these count as "without", those of the
 * others as "beside"; so do those of a CP of which a quarter is the clones', whatever the window: so they make CPs a third longer at most
 * where that is felt. Histograms are aged, so both follow the clients. Every 16 windows the high quantiles are compared: beside over 1.10
 * times without, the rate falls by a quarter; under 1.03, it rises by a twentieth (between two CPs of the clones it may not rise more than the two
 * or three comparisons that such a CP lasts can take back); in between it stays. Few requests show no 99th
 * percentile: then a lower one is compared; so as many are kept as show it, of the windows before too, unless the rate has just fallen.
 * What the loop does for the clones is weighed in the same windows: it may take a twenty-fifth of the time. Of what that costs clients
 * most is not seen here: they, and the kernel for them, run on the same cores.
 * BOUNDS. The rate never falls under a floor that keeps a clone moving, and a client's requests are counted, not kept. */
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

/* What there is to see when it looks. */
struct clone_load_view {
	const struct latency *clients; /* what they have felt so far */
	uint64_t now_ns;
	uint64_t busy_ns; /* of the loop, ever; 0: not known */
	bool cp_is_ours; /* a CP is running of which a quarter or more is the clones' */
};

/* Clients are being served. Returns how long the clones rest from now on; 0: they work at load->rate. */
uint64_t clone_load_look(struct clone_load *load, const struct clone_load_view *view);
/* Nobody is served: what is under way is no measure of anything. */
void clone_load_pause(struct clone_load *load);

#endif
