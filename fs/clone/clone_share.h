/* SPDX-License-Identifier: Apache-2.0 */
/* How several clones of a volume share what the pace leaves them: by weight. Pure arithmetic.
 *
 * THEORY. Weighted fair queueing. Every clone has a virtual time, which rises with the blocks it works on: the greater
 * the weight, the slower. A clone may begin a batch when no other clone that could work has a smaller time. Example:
 * 256 blocks at weight 10 cost half the time of 256 blocks at weight 5, so the first clone gets twice as many.
 * A batch is charged in full when it begins, and corrected when it ends, so batches of several clones may be under
 * way at once. A clone that was away (paused, or kept back by its own limit) comes back at the time of the others:
 * nothing is saved up. */
#ifndef FS_CLONE_SHARE_H
#define FS_CLONE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#define CLONE_WEIGHT_MAX 10U

struct clone_share {
	uint64_t time; /* virtual */
	unsigned charged; /* blocks, by the batch under way */
	bool away;
};

/* Virtual time of `n_blocks` done at `weight` (1..CLONE_WEIGHT_MAX). */
uint64_t clone_share_time(unsigned n_blocks, unsigned weight);
/* The clone could work again. `least` is the least virtual time of the other clones that can work (UINT64_MAX: there
 * are none). */
void clone_share_return(struct clone_share *share, uint64_t least);
/* A batch of up to `n_blocks` begins (_begin); it has brought `n_blocks` (_end). */
void clone_share_begin(struct clone_share *share, unsigned n_blocks, unsigned weight);
void clone_share_end(struct clone_share *share, unsigned n_blocks, unsigned weight);

#endif
