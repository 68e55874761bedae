/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a scrub may go: as a clone may (fs/clone/clone_pace.h), slower while a consistency point is written, and
 * never slower than its floor. Pure arithmetic.
 *
 * Example: clients are busy, and the floor is 2 MiB/s of each disk: 512 stripes a second. A batch of 16 stripes began
 * at time 0. The next one begins at 31 ms at the latest, whatever clients and consistency points do; earlier when
 * the pace of clones has it so, and no consistency point is running. */
#ifndef FS_SCRUB_PACE_H
#define FS_SCRUB_PACE_H

#include <stdint.h>

#include "fs/clone/clone_pace.h"

#define SCRUB_BATCH_BUSY CLONE_BATCH_BUSY /* stripes: so many blocks of each disk */
#define SCRUB_BATCH_IDLE CLONE_BATCH_IDLE
#define SCRUB_CP_POLL_NS 10000000ULL

struct scrub_pace {
	struct clone_pace clone;
	uint64_t batch_at_ns; /* when the last batch began; 0: none has */
};
struct scrub_plan {
	uint64_t delay_ns; /* till the next batch may begin; 0: now */
	unsigned n_stripes;
};
struct scrub_plan scrub_pace_plan(struct scrub_pace *pace, const struct clone_view *view, uint64_t floor_bytes_s);
/* A batch has begun at `now_ns`. */
void scrub_pace_batch(struct scrub_pace *pace, uint64_t now_ns);

#endif
