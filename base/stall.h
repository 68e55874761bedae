/* SPDX-License-Identifier: Apache-2.0 */
/* A stall: for how long a peer has held memory of ours without moving on.
 *
 * THEORY. Who holds memory (half a record, an R2T not answered, replies not read) must go on at a pace: a byte now and
 * then is no progress. Within the deadline it must move STALL_STEP_BYTES, or all there was to move. While others are
 * refused memory (budget.h) the deadline is short; otherwise nobody is hurt by a network that is away for a while. */
#ifndef BASE_STALL_H
#define BASE_STALL_H

#include <stdbool.h>
#include <stdint.h>

#define STALL_STEP_BYTES 65536U
#define STALL_NS 60000000000ULL
#define STALL_SHORT_NS 5000000000ULL
#define STALL_LOOK_NS 1000000000ULL /* look that often */

struct stall_limits {
	uint64_t ns, short_ns;
};

struct stall {
	uint64_t since_ns; /* 0: holds nothing */
	uint64_t goal; /* moved so far, when it has gone on */
};

/* Whether somebody was refused memory since the last look; one for each who looks. */
struct stall_watch {
	uint64_t refusals;
};
bool stall_is_urgent(struct stall_watch *watch);

/* Look at it: `held_bytes` are held now (0: none), `moved_bytes` have ever moved. True: its time is over. */
bool stall_is_over(struct stall *stall, uint64_t held_bytes, uint64_t moved_bytes, uint64_t now_ns, uint64_t limit_ns);

#endif
