/* SPDX-License-Identifier: Apache-2.0 */
/* Dirty maps: what has changed of a group since one of its disks was lost. */
#include "raid/dirty_map.h"

#include <string.h>

#include "raid/intent.h"
#include "raid/label.h"
#include "raid/member.h"
#include "raid/raid_volume.h"

static void map_set(struct dirty_map *map, uint32_t zone)
{
	uint32_t region = zone / map->region_zones;

	if (region < RAID_MAP_REGIONS)
		map->bits[region / 8] |= (uint8_t)(1U << region % 8);
}

static unsigned n_kept(const struct raid *raid)
{
	unsigned n = 0;

	for (unsigned i = 0; i < raid->n_members; i++)
		n += raid->members[i]->map.kept;
	return n;
}

static void add_outstanding(void *arg, uint32_t dbn)
{
	map_set(arg, layout_zone(dbn));
}

void dirty_map_begin(struct member *m, bool whole)
{
	struct raid *raid = m->raid;

	if (raid->read_only || raid->lineage.n_starts == 0 || (!m->map.kept && n_kept(raid) == RAID_LABEL_MAPS))
		whole = m->map.kept = false;
	if (!m->map.kept && !whole)
		return;
	if (!m->map.kept)
		m->map = (struct dirty_map){
			.kept = true,
			.region_zones = DIV_UP(layout_n_zones(group_n_dbn(m->group, m->position)), RAID_MAP_REGIONS),
		};
	m->map.n_starts = raid->lineage.n_starts;
	m->map.flush = raid->lineage.flush;
	m->map.fresh = raid->recovering;
	intent_each_outstanding(m->group, add_outstanding, &m->map);
}

void dirty_map_end(struct member *m)
{
	m->map.kept = false;
}

/* DM1: labels are out of step from here on, and a flush waits for them. */
void dirty_map_add(struct raid_group *g, uint32_t dbn)
{
	for (unsigned i = 0; g->n_lost > 0 && i < g->n_members; i++) {
		struct member *m = g->members[i];

		if (!m->map.kept || member_online(m) || dirty_map_has(&m->map, layout_zone(dbn)))
			continue;
		map_set(&m->map, layout_zone(dbn));
		label_behind(g->raid);
	}
}

void dirty_map_begun(struct raid *raid)
{
	raid->recovering = false;
	for (unsigned i = 0; i < raid->n_members; i++) {
		struct dirty_map *map = &raid->members[i]->map;

		if (map->fresh)
			map->flush = raid->lineage.flush;
		map->fresh = false;
	}
}

/* DM2 */
bool dirty_map_fits(const struct raid *raid, const struct dirty_map *map, const struct lineage *disk)
{
	struct lineage then = raid->lineage;

	if (!map->kept || map->n_starts > then.n_starts || then.n_starts - map->n_starts >= RAID_START_RING)
		return false;
	then.n_starts = map->n_starts;
	then.flush = map->flush;
	return lineage_covers(disk, &then) && !lineage_parted(disk, &raid->lineage);
}

uint64_t dirty_map_n_blocks(const struct dirty_map *map, uint32_t n_dbn)
{
	uint64_t n = 0, region_blocks = (uint64_t)map->region_zones * RAID_ZONE_DATA;

	for (uint64_t at = 0; at < n_dbn; at += region_blocks)
		if (dirty_map_has(map, layout_zone((uint32_t)at)))
			n += MIN_OF(region_blocks, n_dbn - at);
	return n;
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

void dirty_map_encode(const struct dirty_map *map, unsigned member, struct raid_map_format *f)
{
	memset(f, 0, sizeof *f);
	f->member = le16_of((uint16_t)(member + 1U));
	f->region_zones = le32_of(map->region_zones);
	f->n_starts = le64_of(map->n_starts);
	f->flush = le64_of(map->flush);
	memcpy(f->bits, map->bits, sizeof f->bits);
}

int dirty_map_decode(const struct raid_map_format *f, struct dirty_map *map)
{
	*map = (struct dirty_map){ .kept = true,
		                   .region_zones = le32_get(f->region_zones),
		                   .n_starts = le64_get(f->n_starts),
		                   .flush = le64_get(f->flush) };
	memcpy(map->bits, f->bits, sizeof map->bits);
	return map->region_zones > 0 && map->n_starts > 0 && map->flush > 0 ? 0 : -EUCLEAN;
}
