/* SPDX-License-Identifier: Apache-2.0 */
/* Where things lie on a disk: arithmetic only. */
#ifndef RAID_LAYOUT_H
#define RAID_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "raid/raidformat.h"

/* The same on every disk of a volume. */
struct layout {
	uint32_t intent_slots;
	uint32_t log_first;
	uint32_t log_half_blocks;
	uint32_t zones_first;
};

/* For a volume whose smallest disk has `min_disk_blocks`. log_half_blocks 0: by size. -ENOSPC: the disk is too
 * small. */
MUST_CHECK int layout_plan(uint64_t min_disk_blocks, uint64_t log_half_blocks, struct layout *ret_layout);
/* True when the regions follow each other and nothing overflows: for labels read from a disk. */
int layout_is_sane(const struct layout *layout);
/* Data blocks (DBNs) of a disk of this size. */
uint32_t layout_n_dbn(const struct layout *layout, uint64_t disk_blocks);
/* The other way round: the fewest blocks of a disk that has so many. */
uint64_t layout_disk_blocks(const struct layout *layout, uint32_t n_dbn);

/* clang-format off */
static inline uint32_t layout_zone(uint32_t dbn) { return dbn / RAID_ZONE_DATA; }
static inline uint32_t layout_zone_slot(uint32_t dbn) { return dbn % RAID_ZONE_DATA; }
static inline uint32_t layout_n_zones(uint32_t n_dbn) { return (n_dbn + RAID_ZONE_DATA - 1) / RAID_ZONE_DATA; }
static inline uint64_t layout_checksum_block(const struct layout *l, uint32_t zone) { return l->zones_first + (uint64_t)zone * RAID_ZONE_BLOCKS; }
static inline uint64_t layout_data_block(const struct layout *l, uint32_t dbn)
{
	return layout_checksum_block(l, layout_zone(dbn)) + 1 + layout_zone_slot(dbn);
}
static inline bool layout_is_checksum_block(const struct layout *l, uint64_t block)
{
	return block >= l->zones_first && (block - l->zones_first) % RAID_ZONE_BLOCKS == 0;
}
static inline uint64_t layout_label_block(unsigned copy) { return copy == 0 ? RAID_LABEL_A_BLOCK : RAID_LABEL_B_BLOCK; }
static inline uint64_t layout_mark_block(unsigned copy) { return copy == 0 ? RAID_MARK_A_BLOCK : RAID_MARK_B_BLOCK; }
static inline uint64_t layout_ring_block(unsigned slot) { return RAID_RING_FIRST + (uint64_t)slot; }
static inline uint64_t layout_intent_block(unsigned slot) { return RAID_INTENT_FIRST + (uint64_t)slot * RAID_INTENT_SLOT_BLOCKS; }
static inline uint64_t layout_log_block(const struct layout *l, unsigned half, uint32_t block)
{
	return l->log_first + (uint64_t)half * l->log_half_blocks + block;
}
/* clang-format on */

#endif
