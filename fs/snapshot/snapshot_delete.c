/* SPDX-License-Identifier: Apache-2.0 */
/* Reclaiming a deleted snapshot: a pass over bitmaps, region by region, with a cursor that is durable with the bits.
 *
 * THEORY. A snapshot's blocks are contiguous in age. So a block that is in its active map, and in neither the older nor
 * the newer neighbour's, is held by it alone: the bit leaves the summary map. The region is folded before. Other
 * snapshots that wait to be deleted count as present. The blocks of the snapshot's own active map, and the path to it,
 * are needed until the end. They are left out of the pass, and go in its last CP together with the snapshot's record.
 * COST. The pass costs what has changed around the snapshot, not what the volume has. If a region was not folded since
 * the snapshot was made, it has lost nothing since: the summary map has nothing of this snapshot there, and there is
 * nothing to do. If the map block is the very one of a neighbour, no block there is the snapshot's alone. Only other
 * map blocks are read.
 * INVARIANT  SD1 bits and cursor are in the same CP.
 *  SD2 no block of the map being read is allocatable while it may be read again: one that leaves the active map
 *      meanwhile goes to the summary map (snapshot_holds_back).
 *  SD3 behind the cursor the snapshot is absent: no fold takes it in any more (snapshot_newest_in). */
#include <stdlib.h>

#include "base/list.h"
#include "fs/core/core.h"
#include "fs/core/vbn_set.h"
#include "fs/cp/cp.h"
#include "fs/cp/maps.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/snapshot/snapshot.h"
#include "raid/raid.h"

#define WORDS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(uint64_t))
#define NAMED_AHEAD 8U
#define SKIPPED_A_STEP 4096U
#define FREED_A_CP (1U << 20) /* VBNs: what is freed in a CP is remembered until its end */

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

/* The blocks above and at `fbn`, from the top, each once: `last` has the one of each level that came before. */
static void collect_path(struct inode *inode, uint32_t fbn, uint64_t *last, struct vbn_vector *vbns)
{
	for (unsigned level = inode->height; level-- > 0;) {
		struct buf key = { .inode = inode, .level = (uint8_t)level, .fbn = tree_base(level, fbn) };
		uint32_t vbn = cp_parent_ptr(&key);

		if (vbn == VBN_HOLE || vbn == VBN_ZERO)
			return;
		if (last[level] != key.fbn)
			vbn_push(vbns, vbn);
		last[level] = key.fbn;
	}
}

int snapshot_tree_collect(struct fs_run *run, struct inode *inode, uint32_t n_blocks, struct vbn_vector *vbns)
{
	uint64_t last[TREE_HEIGHT_MAX] = { UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX }, end;
	int result = 0;

	for (uint64_t fbn = 0; fbn < n_blocks; fbn = end) {
		uint32_t vbn;
		int err = tree_lookup(run, inode, (uint32_t)fbn, &vbn, &end);

		if (err != 0 && err != -EAGAIN)
			return err;
		if (err != 0) { /* the indirect block is named: on to the next one */
			result = err;
			end = tree_base(1, (uint32_t)fbn) + tree_span(1);
		} else if (inode->height > 0 && fbn < tree_capacity(inode->height)) {
			collect_path(inode, (uint32_t)fbn, last, vbns);
		}
	}
	return result;
}

static int vbn_order(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int snapshot_held_collect(struct fs_run *run, uint32_t id)
{
	struct snapshot_deletion *deletion = &run->vol->snapshots->deletion;
	struct vbn_vector *held = &deletion->held;
	struct inode *file, *map;
	int err = snapshot_inode_file(run, id, &file);

	if (err == 0)
		err = inode_get(run, id, INO_ACTIVE_MAP, &map);
	if (err != 0)
		return err;
	held->n = 0;
	err = snapshot_tree_collect(run, file, 1, held);
	if (err == 0)
		err = snapshot_tree_collect(run, map, run->vol->maps->n_regions, held);
	if (err != 0)
		return err;
	if (held->n > 1)
		qsort(held->vbns, held->n, sizeof(held->vbns[0]), vbn_order);
	deletion->held_done = 0;
	snapshot_deletion_set(deletion, DELETION_PASS);
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

static void mask_leave_held(const struct fs_volume *vol, uint64_t *mask, uint32_t region)
{
	size_t n;
	const uint32_t *held = snapshot_held_in(vol, region, &n);

	for (size_t i = 0; i < n; i++)
		mask[held[i] % REGION_BLOCKS / 64U] &= ~(1ULL << (held[i] % 64U));
}

static void region_reclaim(struct cp *cp, uint32_t region, const struct neighbour_maps *maps)
{
	uint64_t mask[WORDS_PER_BLOCK];

	maps_fold(cp, region);
	for (unsigned i = 0; i < WORDS_PER_BLOCK; i++)
		mask[i] = maps->own[i] & ~maps->older[i] & ~maps->newer[i];
	mask_leave_held(cp->vol, mask, region);
	maps_clear_summary(cp, region, mask);
}

/* ---- told from pointers alone ---- */

static int map_ptr(struct fs_run *run, const struct snapshot *snapshot, uint32_t region, uint32_t *ret_vbn)
{
	struct inode *map;
	uint64_t end;
	int err;

	*ret_vbn = VBN_HOLE;
	if (snapshot == NULL)
		return 0;
	err = inode_get(run, snapshot->info.id, INO_ACTIVE_MAP, &map);
	return err != 0 ? err : tree_lookup(run, map, region, ret_vbn, &end);
}

/* Is there nothing to clear in the region? 1: nothing, 0: look at the bits. -EAGAIN: indirect blocks of the maps are
 * being read. */
static int region_skip(struct fs_run *run, uint32_t id, uint32_t region)
{
	struct fs_volume *vol = run->vol;
	const struct snapshot *newer = neighbour(vol, id, 1);
	uint32_t own, older_ptr, newer_ptr, folded = vol->maps->regions[region].folded_id;
	int err, err2, err3;

	if (folded < id)
		return 1;
	err = map_ptr(run, snapshot_by_id(vol, id), region, &own);
	err2 = map_ptr(run, neighbour(vol, id, -1), region, &older_ptr);
	err3 = map_ptr(run, newer, region, &newer_ptr);
	if (err != 0 || err2 != 0 || err3 != 0)
		return err != 0 ? err : err2 != 0 ? err2 : err3;
	if (own == older_ptr || own == VBN_HOLE)
		return 1;
	if (newer == NULL || own != newer_ptr)
		return 0;
	if (folded < newer->info.id) { /* what has been taken in of this one is the newer one's from now on */
		err = maps_need_record(run, region);
		if (err != 0)
			return err;
		maps_set_folded(vol->cp, region, newer->info.id);
	}
	return 1;
}

/* Step over what needs no look. The cursor stands at a region that does, or at the end. */
static int regions_skip(struct fs_run *run, uint32_t n_regions)
{
	struct snapshot_deletion *deletion = &run->vol->snapshots->deletion;
	unsigned n = 0;

	while (deletion->region < n_regions) {
		int skip = region_skip(run, deletion->id, deletion->region);

		if (skip != 1)
			return skip;
		deletion->region++;
		if (++n % SKIPPED_A_STEP == 0)
			return run_yield(run);
	}
	return 0;
}

/* ---- the end ---- */

/* What was left out in one region: held[0..n). */
static int held_region(struct fs_run *run, uint32_t id, const uint32_t *held, size_t n)
{
	struct fs_volume *vol = run->vol;
	uint64_t mask[WORDS_PER_BLOCK] = { 0 };
	uint32_t region = region_of(held[0]);
	struct neighbour_maps maps;
	int err = region_need(run, id, region, &maps);

	if (err != 0)
		return err;
	if (vol->maps->regions[region].folded_id >= id)
		maps_fold(vol->cp, region);
	for (size_t i = 0; i < n; i++)
		mask[held[i] % REGION_BLOCKS / 64U] |= 1ULL << (held[i] % 64U);
	for (unsigned i = 0; i < WORDS_PER_BLOCK; i++)
		mask[i] &= maps.own[i] & ~maps.older[i] & ~maps.newer[i];
	maps_clear_summary(vol->cp, region, mask);
	return 0;
}

/* The last CP of the pass: what was left out, all of it. */
static int held_reclaim(struct fs_run *run, uint32_t id)
{
	struct snapshot_deletion *deletion = &run->vol->snapshots->deletion;
	unsigned n_regions = 0;

	while (deletion->held_done < deletion->held.n) {
		size_t n, done = deletion->held_done;
		uint32_t region = region_of(deletion->held.vbns[done]);
		int err;

		(void)snapshot_held_in(run->vol, region, &n);
		err = held_region(run, id, deletion->held.vbns + done, n);
		if (err != 0)
			return err;
		deletion->held_done += n;
		cache_unpin_all(run);
		if (++n_regions % 16U == 0)
			return run_yield(run);
	}
	return 0;
}

static bool deletion_pick(struct fs_volume *vol)
{
	struct snapshot_table *table = vol->snapshots;
	bool restored = table->n > 0 && table->byage[table->n - 1U]->superseded;

	for (unsigned i = 0; table->deletion.stage == DELETION_NONE && i < table->n; i++) {
		const struct snapshot *snapshot = table->byage[i];

		if (!snapshot->deleting || !snapshot->delete_durable || (restored && !snapshot->superseded))
			continue; /* RS2: what a restore has superseded goes before anything else */
		table->deletion.id = snapshot->info.id;
		snapshot_deletion_set(&table->deletion, DELETION_PICKED);
	}
	return table->deletion.stage != DELETION_NONE;
}

/* One region whose bits are to be looked at; those after it are named ahead. */
static int region_step(struct fs_run *run, uint32_t n_regions)
{
	struct snapshot_deletion *deletion = &run->vol->snapshots->deletion;
	struct neighbour_maps maps, ahead;
	uint32_t region = deletion->region;
	int err = region_need(run, deletion->id, region, &maps);

	for (uint32_t next = region + 1U; err == -EAGAIN && next < n_regions && next < region + NAMED_AHEAD; next++)
		if (region_skip(run, deletion->id, next) == 0)
			(void)!region_need(run, deletion->id, next, &ahead);
	if (err != 0)
		return err;
	region_reclaim(run->vol->cp, region, &maps);
	deletion->region++;
	deletion->budget--;
	cache_unpin_all(run);
	return deletion->budget % 16U == 0 ? run_yield(run) : 0;
}

static bool slice_has_room(const struct fs_volume *vol)
{
	return vol->snapshots->deletion.budget > 0 && vol->cp->freed.n < FREED_A_CP;
}

int snapshot_delete_step(struct fs_run *run)
{
	struct snapshot_table *table = run->vol->snapshots;
	struct snapshot_deletion *deletion = &table->deletion;
	uint32_t n_regions = run->vol->maps->n_regions;
	int err = 0;

	if (deletion->stage == DELETION_FINISHED || (table->passes_held && deletion->stage == DELETION_NONE) ||
	    !deletion_pick(run->vol))
		return 0;
	if (deletion->stage == DELETION_PICKED) /* SD2: also while passes are held */
		err = snapshot_held_collect(run, deletion->id);
	if (err != 0 || table->passes_held)
		return err;
	while (err == 0 && deletion->region < n_regions && slice_has_room(run->vol)) {
		err = regions_skip(run, n_regions);
		if (err == 0 && deletion->region < n_regions)
			err = region_step(run, n_regions);
	}
	if (err != 0 || deletion->region < n_regions)
		return err;
	err = held_reclaim(run, deletion->id);
	if (err != 0)
		return err;
	table->slot_dirty[snapshot_by_id(run->vol, deletion->id)->slot] = true;
	snapshot_deletion_set(deletion, DELETION_FINISHED);
	return 0;
}
