/* SPDX-License-Identifier: Apache-2.0 */
/* Dirty maps: what has changed of a group since one of its disks was lost.
 *
 * THEORY. A disk that was only away (unplugged, moved, its host read-only) still has what it had. While it is lost the
 * group notes where it is written, in regions of some zones; when the disk comes back whole, only these regions are
 * rebuilt (raid/raid_rebuild.c). The map says up to which flush the disk had everything. It begins with all stripes
 * under an intent: what was written since that flush may be on the disk or not.
 * A bit needs no flush of its own. It is set when a piece begins, and the labels say so before the flush that releases
 * the piece's intent ends; a crash before that leaves the intent, and recovery sets the bit again.
 * INVARIANTS
 *  DM1 An intent is released only when the labels call its region dirty in every map of its group.
 *  DM2 No map is believed for a disk that has not lived through the flush it begins with, and none is kept of a disk
 *      whose flush failed (R4): such a disk is rebuilt whole.
 * Example: a disk of 20,000 zones has regions of 5 zones. A day without it, and 300 regions are dirty: 1,500 zones are
 * rebuilt. */
#ifndef RAID_DIRTY_MAP_H
#define RAID_DIRTY_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "raid/lineage.h"
#include "raid/raidformat.h"

struct member;
struct raid;
struct raid_group;

struct dirty_map {
	bool kept;
	uint32_t region_zones;
	bool fresh; /* the recovery under way will tell the flush */
	uint64_t n_starts, flush; /* what the disk has lived through */
	uint8_t bits[RAID_MAP_REGIONS / 8];
};

/* Does the map call this zone dirty? Beyond the map everything is. */
static inline bool dirty_map_has(const struct dirty_map *map, uint32_t zone)
{
	uint32_t region = zone / map->region_zones;

	return region >= RAID_MAP_REGIONS || ((unsigned)map->bits[region / 8] >> region % 8 & 1U) != 0;
}
/* The member is lost from now on, and may come back. `whole`: it had everything; one that was being rebuilt had not,
 * unless it has a map already. When there are too many maps none is kept. */
void dirty_map_begin(struct member *m, bool whole);
/* The member does not come back: none is kept of it any more. */
void dirty_map_end(struct member *m);
/* The stripe is about to be written, or a crash may have left it half written. */
void dirty_map_add(struct raid_group *g, uint32_t dbn);
/* The recovery knows the last flush that counts: maps of this start begin with it. */
void dirty_map_begun(struct raid *raid);
/* Has a disk of this lineage everything but what the map calls dirty? */
bool dirty_map_fits(const struct raid *raid, const struct dirty_map *map, const struct lineage *disk);

/* How many of a disk's `n_dbn` blocks are in dirty regions. */
uint64_t dirty_map_n_blocks(const struct dirty_map *map, uint32_t n_dbn);

/* To and from the bytes of a label. -EUCLEAN: no map can be so. */
void dirty_map_encode(const struct dirty_map *map, unsigned member, struct raid_map_format *ret_bytes);
int dirty_map_decode(const struct raid_map_format *bytes, struct dirty_map *ret_map);

#endif
