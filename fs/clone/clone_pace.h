/* SPDX-License-Identifier: Apache-2.0 */
/* How fast the clones of a volume may go, all together: at full speed while the volume is idle, and beside clients
 * as fast as the clients do not feel (fs/clone/clone_load.h). Pure arithmetic, but for clone_view_of. */
#ifndef FS_CLONE_PACE_H
#define FS_CLONE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/clone/clone_load.h"

struct fs_volume;
struct latency;

#define CLONE_BATCH_IDLE 256U /* blocks */
#define CLONE_AHEAD_IDLE 2048U
#define CLONE_BATCH_BUSY 16U
#define CLONE_GAP_POLL_NS 200000ULL
#define CLONE_GAP_MAX_NS 1000000ULL /* so long a batch waits for a moment without a client's request */
#define CLONE_QUIET_NS 50000000ULL /* without clients for so long: idle */
#define CLONE_BACK_TO_BACK_NS 20000000ULL /* between two CPs */
#define CLONE_PRESSED_POLL_NS 10000000ULL
#define CLONE_PRESSED_MAX_NS 250000000ULL /* even then four batches a second */

/* The volume, as the pace looks at it. */
struct clone_view {
	uint64_t now_ns;
	uint64_t n_client_ops; /* ever */
	unsigned n_clients_waiting;
	const struct latency *clients; /* what they have felt, ever; NULL: not known, and the first rate stays */
	uint64_t busy_ns; /* of the loop, ever; 0: not known */
	bool cp_is_ours; /* a quarter or more of the running CP is the clones' */
	bool cp_running;
	bool log_over_half;
};

/* What background work of the volume needs of it to set its pace. cp_is_ours is false: whoever has blocks in CPs sets
 * it (clone_turn.c). */
struct clone_view clone_view_of(struct fs_volume *vol);

struct clone_pace {
	uint64_t n_client_ops;
	uint64_t busy_at_ns;
	uint64_t batch_at_ns; /* when the last batch began */
	uint64_t due_at_ns; /* since when the next one could, beside clients; 0: not yet */
	uint64_t cp_done_ns;
	bool cps_back_to_back;
	bool started;
	struct clone_load load;
};

struct clone_plan {
	uint64_t delay_ns;
	unsigned n_blocks;
	unsigned n_ahead; /* blocks to read ahead of it */
};

/* When the next batch may begin (0: now), and how big it is. */
struct clone_plan clone_pace_plan(struct clone_pace *pace, const struct clone_view *view);
/* A batch has begun at `now_ns`. */
void clone_pace_batch(struct clone_pace *pace, uint64_t now_ns);
void clone_pace_cp_done(struct clone_pace *pace, uint64_t now_ns);

/* The limit of one clone in bytes a second (0: none), beside the pace that all clones of a volume share. */
struct clone_limit {
	uint64_t allowed_at_ns;
};
/* When the next batch may begin (0: now) / how big it may be at most. */
uint64_t clone_limit_delay(const struct clone_limit *limit, uint64_t now_ns, uint64_t rate_bytes_s);
unsigned clone_limit_blocks(uint64_t rate_bytes_s, unsigned n_blocks);
/* A batch that began at `now_ns` has brought `n_blocks` blocks. */
void clone_limit_note(struct clone_limit *limit, uint64_t now_ns, unsigned n_blocks, uint64_t rate_bytes_s);

#endif
