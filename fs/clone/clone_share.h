/* SPDX-License-Identifier: Apache-2.0 */
/* How several clones of a volume share what the pace leaves them: by weight. Pure arithmetic.
 *
 * THEORY. Weighted fair queueing. Every clone has a virtual time, which rises with what it does, the slower the greater its weight; a clone may
 * begin a batch when no other one that could work is behind it. What a batch will bring is charged when it begins and set right when it
 * ends, so several may be under way at once. Who has been away (paused, kept back by its own limit) comes back at the time of the others:
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
/* It could work again: `least` is the least virtual time of the others that can (UINT64_MAX: there are none). */
void clone_share_return(struct clone_share *share, uint64_t least);
/* A batch of up to `n_blocks` begins / has brought `n_blocks`. */
void clone_share_begin(struct clone_share *share, unsigned n_blocks, unsigned weight);
void clone_share_end(struct clone_share *share, unsigned n_blocks, unsigned weight);

#endif
