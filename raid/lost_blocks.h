/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks that neither their disk nor parity gave when they were read or rebuilt last: a bounded list for people,
 * in memory. One that is read right or written anew is not lost any more. */
#ifndef RAID_LOST_BLOCKS_H
#define RAID_LOST_BLOCKS_H

#include "raid/raid.h"

#define LOST_BLOCKS_KEPT 64U

struct lost_blocks {
	unsigned n;
	bool more; /* there was no room for one */
	struct raid_lost_block blocks[LOST_BLOCKS_KEPT];
};

/* Once, however often it is met. */
void lost_blocks_add(struct lost_blocks *lost, const struct raid_lost_block *block);
/* It is there: whatever it was. */
void lost_blocks_remove(struct lost_blocks *lost, uint32_t vbn);

#endif
