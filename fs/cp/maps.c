/* SPDX-License-Identifier: Apache-2.0 */
/* The maps: looking, setting, clearing, folding, counting. */
#include "fs/cp/maps.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/core/core.h"
#include "fs/core/vbn_set.h"
#include "fs/cp/cp.h"
#include "fs/file/cache.h"
#include "fs/file/cache_cp.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "raid/raid.h"

#define REGIONS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(struct region_disk))
#define WORDS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(uint64_t))
#define REGIONS_MAX ((uint32_t)((1ULL << 32) / REGION_BLOCKS)) /* there are no more VBNs */

/* As many regions and blocks as the geometry has now. */
static void maps_measure(struct fs_volume *vol)
{
	const struct raid_geometry *geometry = raid_geometry(vol->raid);
	struct maps *maps = vol->maps;

	maps->n_regions = (uint32_t)DIV_UP((uint64_t)geometry->vbn_end, REGION_BLOCKS);
	maps->n_blocks = 0;
	for (unsigned i = 0; i < geometry->n_data_disks; i++)
		maps->n_blocks += geometry->disks[i].n_blocks;
}

int maps_init(struct fs_volume *vol)
{
	struct maps *maps = calloc(1, sizeof(*maps));

	if (maps == NULL)
		return -ENOMEM;
	vol->maps = maps;
	maps_measure(vol);
	/* For the largest volume there can be, so that growing cannot fail: 1.5 MiB, of which what is not used is never
	 * touched. */
	maps->regions = calloc(REGIONS_MAX, sizeof(struct region));
	maps->record_dirty = calloc(DIV_UP(REGIONS_MAX, REGIONS_PER_BLOCK), 1);
	maps->record_lost = calloc(DIV_UP(REGIONS_MAX, REGIONS_PER_BLOCK), 1);
	return maps->regions == NULL || maps->record_dirty == NULL || maps->record_lost == NULL ? -ENOMEM : 0;
}

void maps_grow(struct fs_volume *vol)
{
	struct maps *maps = vol->maps;
	uint32_t region = maps->n_regions;

	maps_measure(vol);
	for (; region < maps->n_regions; region++)
		maps->regions[region] = (struct region){ .folded_id = snapshot_newest_id(vol) };
	maps->n_loaded = maps->n_regions;
}

void maps_fini(struct fs_volume *vol)
{
	if (vol->maps == NULL)
		return;
	free(vol->maps->regions);
	free(vol->maps->record_dirty);
	free(vol->maps->record_lost);
	free(vol->maps);
	vol->maps = NULL;
}

uint64_t maps_free_blocks(const struct fs_volume *vol)
{
	const struct maps *maps = vol->maps;

	return maps->n_blocks - MIN_OF(maps->n_blocks, maps->n_active + maps->n_summary);
}

static bool is_lost(int err)
{
	return err == -EIO || err == -EUCLEAN;
}

int maps_load(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct maps *maps = vol->maps;
	int result = 0;

	for (uint32_t fbn = maps->n_loaded / REGIONS_PER_BLOCK; fbn * REGIONS_PER_BLOCK < maps->n_regions; fbn++) {
		const struct region_disk *disk;
		const uint8_t *bytes;
		int err = file_need(run, vol->space_map, fbn, &bytes);

		if (maps->record_lost[fbn] != 0 && is_lost(err)) {
			bytes = page_zero()->data;
			err = 0;
		}
		if (err == -EAGAIN && fbn < maps->n_loaded / REGIONS_PER_BLOCK + 64U)
			result = err;
		if (err != 0 && err != -EAGAIN)
			return err;
		if (err != 0 || result != 0)
			continue;
		disk = (const struct region_disk *)(const void *)bytes;
		for (unsigned i = 0; i < REGIONS_PER_BLOCK && maps->n_loaded < maps->n_regions; i++) {
			struct region *region = &maps->regions[maps->n_loaded++];

			*region = (struct region){ le32_get(disk[i].n_active), le32_get(disk[i].n_summary),
				                   le32_get(disk[i].folded_id) };
			maps->n_active += region->n_active;
			maps->n_summary += region->n_summary;
		}
	}
	return maps->n_loaded < maps->n_regions ? -EAGAIN : result;
}

void maps_records_lost(struct fs_volume *vol, uint32_t fbn)
{
	if (fbn < DIV_UP(vol->maps->n_regions, REGIONS_PER_BLOCK))
		vol->maps->record_lost[fbn] = 1;
}

static uint32_t space_block(uint32_t region)
{
	return (uint32_t)(region / REGIONS_PER_BLOCK);
}

int maps_need_record(struct fs_run *run, uint32_t region)
{
	struct fs_volume *vol = run->vol;
	struct buf *buf;
	int err = cp_need_block(run, vol->space_map, space_block(region), &buf),
	    err2 = cp_need_inode(run, vol->space_map);

	return err != 0 ? err : err2 != 0 ? err2 : run_reserve(run, 16);
}

int maps_need(struct fs_run *run, uint32_t region)
{
	struct fs_volume *vol = run->vol;
	struct buf *buf;
	const uint8_t *summary;
	int errs[5] = { cp_need_block(run, vol->active_map, region, &buf),
		        cp_need_block(run, vol->space_map, space_block(region), &buf),
		        cp_need_inode(run, vol->active_map), cp_need_inode(run, vol->space_map),
		        file_need(run, vol->summary_map, region, &summary) };

	for (unsigned i = 0; i < ARRAY_SIZE(errs); i++)
		if (errs[i] != 0)
			return errs[i];
	return run_reserve(run, 24);
}

bool maps_is_folded(const struct fs_volume *vol, uint32_t region)
{
	return vol->maps->regions[region].folded_id >= snapshot_newest_in(vol, region);
}

/* The newest snapshot's active map block of the region. */
static int newest_map_need(struct fs_run *run, uint32_t region, const uint8_t **ret_bytes)
{
	struct inode *map;
	int err = inode_get(run, snapshot_newest_in(run->vol, region), INO_ACTIVE_MAP, &map);

	return err != 0 ? err : file_need(run, map, region, ret_bytes);
}

int maps_need_clear(struct fs_run *run, uint32_t region)
{
	struct fs_volume *vol = run->vol;
	const uint8_t *bytes;
	struct buf *buf;
	int err = maps_need(run, region), err2;

	err2 = cp_need_block(run, vol->summary_map, region, &buf);
	if (err == 0)
		err = err2;
	err2 = cp_need_inode(run, vol->summary_map);
	if (err == 0)
		err = err2;
	if (!maps_is_folded(vol, region)) {
		err2 = newest_map_need(run, region, &bytes);
		if (err == 0)
			err = err2;
	}
	return err != 0 ? err : run_reserve(run, 32);
}

int maps_need_look(struct fs_run *run, uint32_t region, const uint8_t **ret_active, const uint8_t **ret_summary,
                   const uint8_t **ret_barred)
{
	struct inode *barred = run->vol->maps->barred;
	int err = file_need(run, run->vol->active_map, region, ret_active);
	int err2 = file_need(run, run->vol->summary_map, region, ret_summary);

	if (err == 0)
		err = err2;
	*ret_barred = page_zero()->data;
	if (barred != NULL) {
		err2 = file_need(run, barred, region, ret_barred);
		if (err == 0)
			err = err2;
	}
	return err;
}

static bool bit_is_set(const uint8_t *map, uint32_t bit)
{
	return (map[bit / 8U] & 1U << bit % 8U) != 0;
}

static uint8_t *block_edit(struct cp *cp, struct inode *map, uint32_t region)
{
	struct buf *buf = cache_find(map, 0, region);

	vc_assert(buf != NULL);
	return cp_edit_block(cp, buf);
}

static void region_dirty(struct cp *cp, uint32_t region)
{
	cp->vol->maps->record_dirty[space_block(region)] = 1;
	(void)block_edit(cp, cp->vol->space_map, space_block(region));
}

static void active_set(struct cp *cp, uint32_t vbn)
{
	struct maps *maps = cp->vol->maps;
	uint32_t region = region_of(vbn), bit = vbn % REGION_BLOCKS;
	uint8_t *map = block_edit(cp, cp->vol->active_map, region);

	vc_invariant(CP2, !bit_is_set(map, bit));
	map[bit / 8U] |= (uint8_t)(1U << bit % 8U);
	maps->regions[region].n_active++;
	maps->n_active++;
	region_dirty(cp, region);
}

/* As far as what is barred is in memory. */
static bool is_barred(const struct maps *maps, uint32_t vbn)
{
	const struct buf *buf = maps->barred == NULL ? NULL : cache_find(maps->barred, 0, region_of(vbn));

	return buf != NULL && bit_is_set(buf->page->data, vbn % REGION_BLOCKS);
}

void maps_set_active(struct cp *cp, uint32_t vbn)
{
	const uint8_t *summary;
	struct fs_run look;
	int err;

	run_init(&look, cp->vol, NULL, NULL, NULL);
	err = file_need(&look, cp->vol->summary_map, region_of(vbn), &summary);
	vc_assert(err == 0); /* maps_need said so in this step */
	vc_invariant(CP1, !bit_is_set(summary, vbn % REGION_BLOCKS));
	vc_invariant(CP1, !vbn_set_has(&cp->freed, vbn));
	vc_invariant(RS1, !is_barred(cp->vol->maps, vbn));
	active_set(cp, vbn);
}

void maps_set_folded(struct cp *cp, uint32_t region, uint32_t id)
{
	cp->vol->maps->regions[region].folded_id = id;
	region_dirty(cp, region);
}

void maps_adopt_active(struct cp *cp, uint32_t vbn)
{
	struct maps *maps = cp->vol->maps;
	uint32_t region = region_of(vbn), bit = vbn % REGION_BLOCKS;

	active_set(cp, vbn);
	if (!bit_is_set(cache_find(cp->vol->summary_map, 0, region)->page->data, bit))
		return;
	maps->regions[region].n_summary--;
	maps->n_summary--;
}

void maps_fold(struct cp *cp, uint32_t region)
{
	struct fs_volume *vol = cp->vol;
	struct region *counts = &vol->maps->regions[region];
	const uint8_t *newest_bytes;
	const uint64_t *newest, *active;
	uint64_t *summary;
	uint32_t n_only = 0;
	struct fs_run look;
	int err;

	if (maps_is_folded(vol, region))
		return;
	run_init(&look, vol, NULL, NULL, NULL);
	err = newest_map_need(&look, region, &newest_bytes);
	vc_assert(err == 0); /* maps_need_clear said so in this step */
	newest = (const uint64_t *)(const void *)newest_bytes;
	active = (const uint64_t *)(const void *)cache_find(vol->active_map, 0, region)->page->data;
	summary = (uint64_t *)(void *)block_edit(cp, vol->summary_map, region);
	for (unsigned i = 0; i < WORDS_PER_BLOCK; i++) {
		n_only += (uint32_t)__builtin_popcountll(newest[i] & ~summary[i] & ~active[i]);
		summary[i] |= newest[i];
	}
	counts->n_summary += n_only;
	vol->maps->n_summary += n_only;
	counts->folded_id = snapshot_newest_in(vol, region);
	region_dirty(cp, region);
}

void maps_rewrite_summary(struct cp *cp, uint32_t region)
{
	(void)block_edit(cp, cp->vol->summary_map, region);
}

int maps_clear_active(struct cp *cp, uint32_t vbn, bool *ret_held)
{
	struct fs_volume *vol = cp->vol;
	uint32_t region = region_of(vbn), bit = vbn % REGION_BLOCKS;
	struct region *counts = &vol->maps->regions[region];
	uint8_t *map;

	maps_fold(cp, region);
	map = block_edit(cp, vol->active_map, region);
	if (!bit_is_set(map, bit))
		return -EUCLEAN;
	vc_invariant(CP3, maps_is_folded(vol, region));
	map[bit / 8U] &= (uint8_t) ~(1U << bit % 8U);
	counts->n_active--;
	vol->maps->n_active--;
	if (snapshot_holds_back(vol, vbn)) /* SD2 */
		block_edit(cp, vol->summary_map, region)[bit / 8U] |= (uint8_t)(1U << bit % 8U);
	*ret_held = bit_is_set(cache_find(vol->summary_map, 0, region)->page->data, bit);
	if (*ret_held) {
		counts->n_summary++;
		vol->maps->n_summary++;
	}
	region_dirty(cp, region);
	return 0;
}

void maps_clear_summary(struct cp *cp, uint32_t region, const uint64_t *mask)
{
	struct fs_volume *vol = cp->vol;
	struct region *counts = &vol->maps->regions[region];
	uint64_t *summary = (uint64_t *)(void *)block_edit(cp, vol->summary_map, region);
	const uint64_t *active = (const uint64_t *)(const void *)cache_find(vol->active_map, 0, region)->page->data;

	for (unsigned i = 0; i < WORDS_PER_BLOCK; i++) {
		uint64_t gone = summary[i] & mask[i], only = gone & ~active[i];

		summary[i] &= ~gone;
		counts->n_summary -= (uint32_t)__builtin_popcountll(only);
		vol->maps->n_summary -= (uint64_t)__builtin_popcountll(only);
		for (; only != 0; only &= only - 1U)
			vbn_set_add(&cp->freed, region * REGION_BLOCKS + i * 64U + (uint32_t)__builtin_ctzll(only));
	}
	region_dirty(cp, region);
}

/* A map's block, or that it is lost while all on the way to it is there. */
static int repair_need(struct fs_run *run, struct inode *map, uint32_t fbn, bool is_known, bool *ret_lost)
{
	struct buf *buf;
	int err = cp_need_block(run, map, fbn, &buf);

	*ret_lost = is_lost(err) && is_known && tree_in_memory(map, fbn);
	return *ret_lost ? 0 : err;
}

int maps_need_repair(struct fs_run *run, uint32_t region, bool active_known, bool summary_known)
{
	struct fs_volume *vol = run->vol;
	bool active_lost, summary_lost, records_lost;
	int errs[6] = { repair_need(run, vol->active_map, region, active_known, &active_lost),
		        repair_need(run, vol->summary_map, region, summary_known, &summary_lost),
		        repair_need(run, vol->space_map, space_block(region),
		                    vol->maps->record_lost[space_block(region)] != 0, &records_lost),
		        cp_need_inode(run, vol->active_map),
		        cp_need_inode(run, vol->summary_map),
		        cp_need_inode(run, vol->space_map) };
	int err = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(errs) && err == 0; i++)
		err = errs[i];
	if (err == 0)
		err = run_reserve(run, 32);
	if (err != 0)
		return err;
	/* Not before all else is there: nobody may take the page of zeros for a map. maps_repair fills it in this
	 * step. */
	if (active_lost)
		(void)cache_new_zero(vol->active_map, 0, region);
	if (summary_lost)
		(void)cache_new_zero(vol->summary_map, 0, region);
	if (records_lost)
		/* maps_encode fills all of it from memory */
		(void)cache_new_zero(vol->space_map, 0, space_block(region));
	return 0;
}

void maps_repair(struct cp *cp, uint32_t region, const uint8_t *active, const uint8_t *summary, uint32_t folded_id)
{
	struct maps *maps = cp->vol->maps;
	struct region *counts = &maps->regions[region];
	const uint64_t *active_now, *summary_now;
	struct region now = { .folded_id = summary != NULL ? folded_id : counts->folded_id };

	if (active != NULL)
		memcpy(block_edit(cp, cp->vol->active_map, region), active, FS_BLOCK_SIZE);
	if (summary != NULL)
		memcpy(block_edit(cp, cp->vol->summary_map, region), summary, FS_BLOCK_SIZE);
	active_now = (const uint64_t *)(const void *)cache_find(cp->vol->active_map, 0, region)->page->data;
	summary_now = (const uint64_t *)(const void *)cache_find(cp->vol->summary_map, 0, region)->page->data;
	for (unsigned i = 0; i < WORDS_PER_BLOCK; i++) {
		now.n_active += (uint32_t)__builtin_popcountll(active_now[i]);
		now.n_summary += (uint32_t)__builtin_popcountll(summary_now[i] & ~active_now[i]);
	}
	maps->n_active += (uint64_t)now.n_active - counts->n_active;
	maps->n_summary += (uint64_t)now.n_summary - counts->n_summary;
	*counts = now;
	region_dirty(cp, region);
}

void maps_encode(struct cp *cp)
{
	struct fs_volume *vol = cp->vol;
	struct maps *maps = vol->maps;

	for (uint32_t fbn = 0; fbn * REGIONS_PER_BLOCK < maps->n_regions; fbn++) {
		struct region_disk *disk;

		if (maps->record_dirty[fbn] == 0)
			continue;
		maps->record_dirty[fbn] = 0;
		disk = (struct region_disk *)(void *)cache_find(vol->space_map, 0, fbn)->page->data;
		for (unsigned i = 0; i < REGIONS_PER_BLOCK && fbn * REGIONS_PER_BLOCK + i < maps->n_regions; i++) {
			const struct region *region = &maps->regions[fbn * REGIONS_PER_BLOCK + i];

			disk[i] = (struct region_disk){ le32_of(region->n_active), le32_of(region->n_summary),
				                        le32_of(region->folded_id), le32_of(0) };
		}
	}
}
