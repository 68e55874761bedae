/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks that could not be given. */
#include "raid/lost_blocks.h"

#include "raid/raid_volume.h"

static struct raid_lost_block *find(struct lost_blocks *lost, uint32_t vbn)
{
	for (unsigned i = 0; i < lost->n; i++)
		if (lost->blocks[i].vbn == vbn)
			return &lost->blocks[i];
	return NULL;
}

void lost_blocks_add(struct lost_blocks *lost, const struct raid_lost_block *block)
{
	struct raid_lost_block *known = find(lost, block->vbn);

	if (known != NULL)
		*known = *block;
	else if (lost->n < LOST_BLOCKS_KEPT)
		lost->blocks[lost->n++] = *block;
	else
		lost->more = true;
}

void lost_blocks_remove(struct lost_blocks *lost, uint32_t vbn)
{
	struct raid_lost_block *known = lost->n == 0 ? NULL : find(lost, vbn);

	if (known != NULL)
		*known = lost->blocks[--lost->n];
	lost->more = lost->more && lost->n > 0;
}

unsigned raid_lost_blocks(const struct raid *raid, const struct raid_lost_block **ret_blocks, bool *ret_more)
{
	*ret_blocks = raid->lost.blocks;
	*ret_more = raid->lost.more;
	return raid->lost.n;
}
