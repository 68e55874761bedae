/* SPDX-License-Identifier: Apache-2.0 */
/* Where things lie on a disk: arithmetic only. */
#include "raid/layout.h"

#include "base/list.h"

#define MIB_BLOCKS 256U

int layout_plan(uint64_t min_disk_blocks, uint64_t log_half_blocks, struct layout *ret_layout)
{
	struct layout l;

	if (log_half_blocks == 0)
		log_half_blocks = MIN_OF(MAX_OF(min_disk_blocks / 64, 2 * MIB_BLOCKS), 64 * MIB_BLOCKS);
	if (log_half_blocks > (1U << 24))
		return -EINVAL;
	l.intent_slots = min_disk_blocks >= 1024 * MIB_BLOCKS ? 64 : 16;
	l.log_first = RAID_INTENT_FIRST + l.intent_slots * RAID_INTENT_SLOT_BLOCKS;
	l.log_half_blocks = (uint32_t)log_half_blocks;
	l.zones_first = ROUND_UP(l.log_first + 2 * l.log_half_blocks, RAID_ZONE_BLOCKS);
	if (layout_n_dbn(&l, min_disk_blocks) == 0)
		return -ENOSPC;
	*ret_layout = l;
	return 0;
}

int layout_is_sane(const struct layout *l)
{
	uint64_t log_end = (uint64_t)l->log_first + 2 * (uint64_t)l->log_half_blocks;

	return l->intent_slots > 1 && l->intent_slots <= 256 && l->log_half_blocks > 0 &&
	       l->log_half_blocks <= (1U << 24) &&
	       l->log_first >= RAID_INTENT_FIRST + (uint64_t)l->intent_slots * RAID_INTENT_SLOT_BLOCKS &&
	       l->zones_first >= log_end && l->zones_first <= (1U << 26);
}

uint32_t layout_n_dbn(const struct layout *l, uint64_t disk_blocks)
{
	uint64_t space, n;

	if (disk_blocks <= l->zones_first)
		return 0;
	space = disk_blocks - l->zones_first;
	n = space / RAID_ZONE_BLOCKS * RAID_ZONE_DATA;
	if (space % RAID_ZONE_BLOCKS > 1)
		n += space % RAID_ZONE_BLOCKS - 1;
	return n > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)n;
}

uint64_t layout_disk_blocks(const struct layout *l, uint32_t n_dbn)
{
	return n_dbn == 0 ? 0 : layout_data_block(l, n_dbn - 1) + 1;
}
