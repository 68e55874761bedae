/* SPDX-License-Identifier: Apache-2.0 */
/* Weighted shares of the clones of a volume. */
#include "base/error.h"
#include "base/list.h"
#include "fs/clone/clone_share.h"

#define SCALE 2520U /* divisible by every weight */

uint64_t clone_share_time(unsigned n_blocks, unsigned weight)
{
	vc_assert(weight >= 1 && weight <= CLONE_WEIGHT_MAX);
	return (uint64_t)n_blocks * SCALE / weight;
}

void clone_share_return(struct clone_share *share, uint64_t least)
{
	share->away = false;
	if (least != UINT64_MAX)
		share->time = MAX_OF(share->time, least);
}

void clone_share_begin(struct clone_share *share, unsigned n_blocks, unsigned weight)
{
	share->charged = n_blocks;
	share->time += clone_share_time(n_blocks, weight);
}

void clone_share_end(struct clone_share *share, unsigned n_blocks, unsigned weight)
{
	uint64_t charged = clone_share_time(share->charged, weight);

	/* Stepping over what is there costs little, but not nothing. */
	share->time = (share->time > charged ? share->time - charged : 0) +
	              clone_share_time(MAX_OF(n_blocks, 1U), weight);
	share->charged = 0;
}
