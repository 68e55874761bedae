/* SPDX-License-Identifier: Apache-2.0 */
/* Reclaiming a deleted snapshot: a pass over bitmaps, region by region, with a cursor that is durable with the bits.
 *
 * THEORY. A snapshot's blocks are contiguous in age, so what is in its active map and in neither the older nor the newer neighbour's is held by it
 * alone: the bit leaves the summary map. The region is folded before. Other snapshots waiting to be deleted count as present. The blocks of
 * the snapshot's own active map (and the path to it) are needed until the end: they are left out of the pass and go in its last CP,
 * together with the snapshot's record.
 * INVARIANT  SD1 bits and cursor are in the same CP.  SD2 no block of the map being read is allocatable while it may be read again. */
#include <stdlib.h>

#include "fs/cache_private.h"
#include "fs/maps.h"
#include "fs/snapshot.h"
#include "fs/tree.h"

#define WORDS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(uint64_t))
#define NAMED_AHEAD 8U

/* The neighbours in age of the snapshot being deleted; NULL: none. */
static const struct snapshot *neighbour(const struct fs_volume *vol, uint32_t id, int direction)
{
	const struct snapshot_table *table = vol->snapshots;

	for (unsigned i = 0; i < table->n; i++) {
		if (table->byage[i]->info.id == id) {
			if (direction < 0)
				return i > 0 ? table->byage[i - 1U] : NULL;
			return i + 1U < table->n ? table->byage[i + 1U] : NULL;
		}
	}
	return NULL;
}

/* ---- the blocks of its own map ---- */

static void collect_path(struct inode *inode, uint32_t fbn, struct vbn_vector *held)
{
	for (unsigned level = 0; level < inode->height; level++) {
		struct buf key = { .inode = inode, .level = (uint8_t)level, .fbn = tree_base(level, fbn) };

		/* Each block once: when its first FBN passes. */
		if (level == 0 || fbn == key.fbn)
			vbn_push(held, cp_parent_ptr(&key));
	}
}

static int collect_tree(struct fs_run *run, struct inode *inode, uint32_t n_blocks, struct vbn_vector *held)
{
	int result = 0;

	for (uint32_t fbn = 0; fbn < n_blocks; fbn++) {
		uint64_t end;
		uint32_t vbn;
		int err = tree_lookup(run, inode, fbn, &vbn, &end);

		if (err != 0 && err != -EAGAIN)
			return err;
		if (err != 0)
			result = err;
		if (err != 0 || vbn == VBN_HOLE)
			continue;
		collect_path(inode, fbn, held);
	}
	return result;
}

int snapshot_held_collect(struct fs_run *run, uint32_t id)
{
	struct vbn_vector *held = &run->vol->snapshots->held;
	struct inode *file, *map;
	int err = snapshot_inode_file(run, id, &file);

	if (err == 0)
		err = inode_get(run, id, INO_ACTIVE_MAP, &map);
	if (err != 0)
		return err;
	held->n = 0;
	err = collect_tree(run, file, 1, held);
	if (err == 0)
		err = collect_tree(run, map, run->vol->maps->n_regions, held);
	if (err != 0)
		return err;
	run->vol->snapshots->held_known = true;
	run->vol->snapshots->held_done = 0;
	return 0;
}

/* ---- a region ---- */

struct neighbour_maps {
	const uint64_t *own, *older, *newer;
};

static int map_words(struct fs_run *run, const struct snapshot *snapshot, uint32_t region, const uint64_t **ret_words)
{
	static const uint64_t none[WORDS_PER_BLOCK];
	struct inode *map;
	const uint8_t *bytes;
	int err;

	*ret_words = none;
	if (snapshot == NULL)
		return 0;
	err = inode_get(run, snapshot->info.id, INO_ACTIVE_MAP, &map);
	if (err == 0)
		err = file_need(run, map, region, &bytes);
	if (err == 0)
		*ret_words = (const uint64_t *)(const void *)bytes;
	return err;
}

static int region_need(struct fs_run *run, uint32_t id, uint32_t region, struct neighbour_maps *ret_maps)
{
	int errs[4] = {
		map_words(run, snapshot_by_id(run->vol, id), region, &ret_maps->own),
		map_words(run, neighbour(run->vol, id, -1), region, &ret_maps->older),
		map_words(run, neighbour(run->vol, id, 1), region, &ret_maps->newer),
		maps_need_clear(run, region),
	};

	for (unsigned i = 0; i < ARRAY_SIZE(errs); i++)
		if (errs[i] != 0)
			return errs[i];
	return 0;
}

static void mask_leave_held(uint64_t *mask, uint32_t region, const struct vbn_vector *held)
{
	for (size_t i = 0; i < held->n; i++) {
		uint32_t bit = held->vbns[i] % REGION_BLOCKS;

		if (region_of(held->vbns[i]) == region)
			mask[bit / 64U] &= ~(1ULL << (bit % 64U));
	}
}

static void region_reclaim(struct cp *cp, uint32_t region, const struct neighbour_maps *maps)
{
	uint64_t mask[WORDS_PER_BLOCK];

	maps_fold(cp, region);
	for (unsigned i = 0; i < WORDS_PER_BLOCK; i++)
		mask[i] = maps->own[i] & ~maps->older[i] & ~maps->newer[i];
	mask_leave_held(mask, region, &cp->vol->snapshots->held);
	maps_clear_summary(cp, region, mask);
}

/* The last CP of the pass: what was left out, all of it. */
static int held_reclaim(struct fs_run *run, uint32_t id)
{
	struct snapshot_table *table = run->vol->snapshots;

	while (table->held_done < table->held.n) {
		uint32_t vbn = table->held.vbns[table->held_done], bit = vbn % REGION_BLOCKS;
		uint64_t mask[WORDS_PER_BLOCK] = { 0 }, word = 1ULL << (bit % 64U);
		struct neighbour_maps maps;
		int err = region_need(run, id, region_of(vbn), &maps);

		if (err != 0)
			return err;
		maps_fold(run->vol->cp, region_of(vbn));
		mask[bit / 64U] = word & maps.own[bit / 64U] & ~maps.older[bit / 64U] & ~maps.newer[bit / 64U];
		if (mask[bit / 64U] != 0)
			maps_clear_summary(run->vol->cp, region_of(vbn), mask);
		table->held_done++;
		if (table->held_done % 64U == 0)
			return run_yield(run);
	}
	return 0;
}

static bool deletion_pick(struct fs_volume *vol)
{
	struct snapshot_table *table = vol->snapshots;

	for (unsigned i = 0; table->delete_id == 0 && i < table->n; i++) {
		if (table->byage[i]->deleting && table->byage[i]->delete_durable) {
			table->delete_id = table->byage[i]->info.id;
			table->delete_region = 0;
			table->held_known = false;
		}
	}
	return table->delete_id != 0;
}

int snapshot_delete_step(struct fs_run *run)
{
	struct snapshot_table *table = run->vol->snapshots;
	struct neighbour_maps maps;
	int err;

	if (table->passes_held || table->delete_finished || !deletion_pick(run->vol))
		return 0;
	if (!table->held_known) {
		err = snapshot_held_collect(run, table->delete_id);
		if (err != 0)
			return err;
	}
	while (table->delete_region < run->vol->maps->n_regions && table->delete_budget > 0) {
		struct neighbour_maps ahead;

		err = region_need(run, table->delete_id, table->delete_region, &maps);
		for (uint32_t i = 1; err == -EAGAIN && i < NAMED_AHEAD && table->delete_region + i < run->vol->maps->n_regions; i++)
			(void)!region_need(run, table->delete_id, table->delete_region + i, &ahead);
		if (err != 0)
			return err;
		region_reclaim(run->vol->cp, table->delete_region, &maps);
		table->delete_region++;
		table->delete_budget--;
		cache_unpin_all(run);
		if (table->delete_budget % 16U == 0)
			return run_yield(run);
	}
	if (table->delete_region < run->vol->maps->n_regions)
		return 0;
	err = held_reclaim(run, table->delete_id);
	if (err != 0)
		return err;
	table->slot_dirty[snapshot_by_id(run->vol, table->delete_id)->slot] = true;
	table->delete_finished = true;
	return 0;
}
