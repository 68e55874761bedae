/* SPDX-License-Identifier: Apache-2.0 */
/* Where things lie on a disk, in blocks of 4 KiB (RAID_BLOCK_SIZE) from its beginning.
 *
 * In this order: label A, the ring of fsinfo, label B, the intents, both halves of the log, zones. The two marks are
 * the last blocks of the first two intents. A zone is one block of checksums and the RAID_ZONE_DATA data blocks that it
 * covers. A DBN counts data blocks only, so DBN 0 is the second block of the first zone.
 * Pure functions, any thread. Block numbers that are given must be within the disk; nobody checks here. */
#ifndef RAID_LAYOUT_H
#define RAID_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "raid/raidformat.h"

/* The same on every disk of a volume. */
struct layout {
	uint32_t intent_slots; /* stripe intents that can be open at a time */
	uint32_t log_first; /* block of the first half of the log; the second follows it */
	uint32_t log_half_blocks;
	uint32_t zones_first; /* block of the first zone */
};

/* The layout of a new volume whose smallest disk has `min_disk_blocks`. log_half_blocks 0: the log's size follows from
 * the disk's. -ENOSPC: the disk is too small; -EINVAL: no half of a log may be so large. */
MUST_CHECK int layout_plan(uint64_t min_disk_blocks, uint64_t log_half_blocks, struct layout *ret_layout);
/* Do the regions follow each other, and does nothing overflow? For a layout that was read from a label: nothing else in
 * this file may be asked of one that is not sane. */
int layout_is_sane(const struct layout *layout);
/* How many data blocks a disk of `disk_blocks` has: DBNs from 0 on. 0: it has none. */
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
