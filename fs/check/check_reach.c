/* SPDX-License-Identifier: Apache-2.0 */
/* Reachability: which blocks pointers lead to, against the active map, for a window of the VBN space at a time.
 *
 * THEORY. The first pass reads every block of the image once, and marks those in its window. On volumes with more
 * blocks than the bits' memory holds, further passes follow pointers only. Then the same for every snapshot, younger
 * ones first. Of a snapshot's tree only what its younger neighbour does not hold was not read yet: blocks are never
 * rewritten in place, so a block that both hold has the same blocks below it. So every block that anything refers to
 * is read once, however many snapshots hold it. */
#include <stdlib.h>

#include "base/error.h"
#include "base/list.h"
#include "fs/check/check_fix.h"
#include "fs/check/check_private.h"
#include "fs/core/core.h"
#include "fs/cp/maps.h"
#include "fs/file/cache.h"
#include "fs/file/inode.h"
#include "fs/file/inode_table.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "raid/raid.h"

#define WORDS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(uint64_t))

static bool in_window(const struct check_maps *maps, uint32_t vbn, uint64_t *ret_bit)
{
	uint32_t region = region_of(vbn);

	*ret_bit = vbn - (uint64_t)maps->window_first * REGION_BLOCKS;
	return region >= maps->window_first && region < maps->window_end;
}

static bool is_first_pass(const struct check *check)
{
	return check->maps.window_first == 0;
}

bool check_counts(const struct check *check, const struct check_tree *tree, uint32_t vbn)
{
	uint64_t bit;

	return tree->snapshot == check->image ? is_first_pass(check) : in_window(&check->maps, vbn, &bit);
}

/* Blocks whose content is looked at, whatever pass it is. */
static bool leads_on(const struct check_tree *tree, unsigned level)
{
	return level > 0 || tree->block != NULL;
}

static bool reach_image(struct check *check, const struct check_tree *tree, uint32_t vbn, uint32_t fbn, unsigned level)
{
	struct check_maps *maps = &check->maps;
	uint64_t bit;

	if (!in_window(maps, vbn, &bit))
		return is_first_pass(check) || leads_on(tree, level);
	if (check_bit_get(maps->reached, bit)) {
		const struct check_place place = { tree->snapshot, tree->ino, fbn, vbn, level };

		check_found_at(check, CHECK_REACH, &place,
		               "inode %u fbn %u level %u vbn %u: something else refers to this block, too", tree->ino,
		               fbn, level, vbn);
		maps->pointers_lost = true; /* one of the two is not what it should be */
		return false;
	}
	check_bit_set(maps->reached, bit);
	if (!check_bit_get(maps->active, bit) && !check_bit_get(maps->lost, vbn / REGION_BLOCKS)) {
		check_found(check, CHECK_REACH, "inode %u fbn %u level %u vbn %u: in use, and free in the active map",
		            tree->ino, fbn, level, vbn);
		check_found_repairable(check); /* by the region's block, noted when all of it is known */
	}
	return is_first_pass(check) || leads_on(tree, level);
}

/* `reached` began as what the younger neighbour holds. */
static bool reach_snapshot(struct check *check, const struct check_tree *tree, uint32_t vbn, uint32_t fbn,
                           unsigned level)
{
	struct check_maps *maps = &check->maps;
	uint64_t bit;

	if (!check_snapshot_lives(check, tree->snapshot))
		return false;
	if (!in_window(maps, vbn, &bit))
		return leads_on(tree, level);
	if (check_bit_get(maps->reached, bit))
		return false;
	check_bit_set(maps->reached, bit);
	if (!check_bit_get(maps->active, bit))
		check_found(check, CHECK_REACH,
		            "inode %u fbn %u level %u vbn %u: in use in a snapshot, and free in its active map",
		            tree->ino, fbn, level, vbn);
	return true;
}

bool check_reach(struct check *check, const struct check_tree *tree, uint32_t vbn, uint32_t fbn, unsigned level)
{
	/* a volume that has grown since the check began has nothing in its new regions that the image could reach */
	if (vbn >= raid_geometry(check->vol->raid)->vbn_end || region_of(vbn) >= check->maps.n_regions) {
		const struct check_place place = { tree->snapshot, tree->ino, fbn, vbn, level };

		if (is_first_pass(check))
			check_found_at(check, CHECK_REACH, &place,
			               "inode %u fbn %u level %u vbn %u: beyond the end of the volume", tree->ino, fbn,
			               level, vbn);
		check->maps.pointers_lost = true;
		return false;
	}
	return tree->snapshot == check->image ? reach_image(check, tree, vbn, fbn, level)
	                                      : reach_snapshot(check, tree, vbn, fbn, level);
}

/* ---- stage: the window's part of the active map into memory ---- */

static int maps_alloc(struct check *check)
{
	struct check_maps *maps = &check->maps;
	uint64_t bytes = check->options.memory_bytes != 0 ? check->options.memory_bytes : CHECK_MEMORY_DEFAULT;

	maps->n_regions = check->vol->maps->n_regions;
	maps->window_max = (uint32_t)MAX_OF(bytes / (2U * FS_BLOCK_SIZE), (uint64_t)1);
	maps->window_max = MIN_OF(maps->window_max, maps->n_regions);
	maps->window_end = maps->window_max;
	maps->active = calloc(maps->window_max, FS_BLOCK_SIZE);
	maps->reached = calloc(maps->window_max, FS_BLOCK_SIZE);
	maps->lost = calloc(DIV_UP(maps->n_regions, 64U), sizeof(uint64_t));
	return maps->active == NULL || maps->reached == NULL || maps->lost == NULL ? -ENOMEM : 0;
}

/* A region's block of a snapshot's active map into `words`; zeros when it cannot be had, which is noted of the
 * image's. */
static int region_take(struct fs_run *run, uint32_t snapshot, uint32_t region, uint64_t *words, bool is_image)
{
	struct check *check = check_of(run);
	const uint8_t *bytes;
	int err = check_need(run, snapshot, INO_ACTIVE_MAP, region, &bytes);

	if (err == -EAGAIN)
		return err;
	if (err == 0)
		memcpy(words, bytes, FS_BLOCK_SIZE);
	else
		memset(words, 0, FS_BLOCK_SIZE);
	if (err != 0 && is_image)
		check_bit_set(check->maps.lost, region);
	return 0;
}

/* `active` from one snapshot's map; `reached` from another's, or empty. */
static int window_load(struct fs_run *run, uint32_t snapshot, bool has_younger, uint32_t younger)
{
	struct check *check = check_of(run);
	struct check_maps *maps = &check->maps;

	while (maps->region < maps->window_end - maps->window_first) {
		uint32_t region = maps->window_first + maps->region;
		uint64_t *reached = maps->reached + maps->region * WORDS_PER_BLOCK;
		int err = region_take(run, snapshot, region, maps->active + maps->region * WORDS_PER_BLOCK,
		                      snapshot == check->image);

		if (err == 0 && has_younger)
			err = region_take(run, younger, region, reached, false);
		if (err != 0)
			return err;
		if (!has_younger)
			memset(reached, 0, FS_BLOCK_SIZE);
		maps->region++;
		cache_unpin_all(run);
		err = check_pace(run, 1);
		if (err != 0)
			return err;
	}
	if (maps->window_first == 0) {
		if (snapshot == check->image && !check_bit_get(maps->active, VBN_HOLE)) {
			check_found(check, CHECK_REACH, "vbn %u: what stands for a hole, and free in the active map",
			            VBN_HOLE);
			check_found_repairable(check);
		}
		check_bit_set(maps->reached, VBN_HOLE); /* kept from use for ever */
	}
	maps->region = 0;
	return 0;
}

int check_active_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	int err = check->maps.active == NULL ? maps_alloc(check) : 0;

	return err != 0 ? err : window_load(run, check->image, false, 0);
}

/* ---- stage: what is marked and not reached ---- */

/* The block of the active map as it should be. What could not be followed may lead to blocks that are in use: they stay
 * marked then. */
static void region_fix(struct check *check, uint32_t region, const uint64_t *active, const uint64_t *reached)
{
	uint64_t right[WORDS_PER_BLOCK];

	for (unsigned i = 0; i < WORDS_PER_BLOCK; i++)
		right[i] = reached[i] | (check->maps.pointers_lost ? active[i] : 0);
	if (memcmp(right, active, sizeof(right)) != 0)
		check_fix_bytes(check, FIX_ACTIVE, region, 0, right, sizeof(right));
}

/* Made anew of what is reached, if that is all there is. */
static void region_lost(struct check *check, uint32_t region, const uint64_t *reached)
{
	check_found(check, CHECK_BLOCK, "active map, fbn %u: cannot be read", region);
	if (check->maps.pointers_lost)
		return;
	check_found_repairable(check);
	check_fix_bytes(check, FIX_ACTIVE, region, 0, reached, FS_BLOCK_SIZE);
}

static void region_compare(struct check *check, uint32_t region, const uint64_t *active, const uint64_t *reached)
{
	uint64_t lost[WORDS_PER_BLOCK];

	if (check_bit_get(check->maps.lost, region)) {
		region_lost(check, region, reached);
		return;
	}
	for (unsigned i = 0; i < WORDS_PER_BLOCK; i++)
		lost[i] = active[i] & ~reached[i];
	if (check_bits_found(check, CHECK_REACH, region, lost,
	                     "are used in the active map, and nothing refers to them") &&
	    !check->maps.pointers_lost)
		check_found_repairable(check);
	region_fix(check, region, active, reached);
}

int check_reach_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct check_maps *maps = &check->maps;

	while (maps->region < maps->window_end - maps->window_first) {
		const uint64_t *active = maps->active + maps->region * WORDS_PER_BLOCK;
		const uint64_t *reached = maps->reached + maps->region * WORDS_PER_BLOCK;
		int err;

		region_compare(check, maps->window_first + maps->region++, active, reached);
		err = check_pace(run, 1);
		if (err != 0)
			return err;
	}
	maps->region = 0;
	return 0;
}

/* ---- stage: the other windows, and the snapshots ---- */

enum { PASS_LOAD, PASS_TREES, PASS_WALK, PASS_ZOMBIES, PASS_REACH };

/* The snapshots from young to old; those being deleted have holes already. */
static int pass_next_snapshot(const struct check *check, int at)
{
	uint32_t below = at < 0 ? UINT32_MAX : check->snapshots[at].id;
	int found = -1;

	for (unsigned i = 0; i < check->n_snapshots; i++) {
		const struct check_snapshot *snapshot = &check->snapshots[i];

		if (!snapshot->deleting && snapshot->id < below &&
		    (found < 0 || snapshot->id > check->snapshots[found].id))
			found = (int)i;
	}
	return found;
}

static uint32_t pass_id(const struct check *check)
{
	return check->pass.snapshot < 0 ? check->image : check->snapshots[check->pass.snapshot].id;
}

/* The one whose blocks have been seen: the next younger snapshot, or the image. */
static uint32_t pass_younger(const struct check *check)
{
	uint32_t id = check->image, own = pass_id(check), best = UINT32_MAX;

	for (unsigned i = 0; i < check->n_snapshots; i++)
		if (!check->snapshots[i].deleting && check->snapshots[i].id > own && check->snapshots[i].id < best)
			id = best = check->snapshots[i].id;
	return id;
}

static int pass_trees(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct inode_disk disk;
	struct inode *file;
	int err;

	if (check->pass.snapshot < 0) {
		const struct inode_disk *table = &check->fsinfo.snapshot_table;
		const struct check_tree tree = { .ino = INO_SNAPSHOT_TABLE,
			                         .snapshot = check->image,
			                         .n_expected = UINT64_MAX,
			                         .end_fbn = FBN_MAX };

		check_walk_add_inode(check, &tree, table);
		check_trees_add(check, &check->inode_file, check->image);
		return 0;
	}
	err = snapshot_inode_file(run, pass_id(check), &file);
	if (err == -EAGAIN)
		return err;
	if (err != 0 && !check_snapshot_lives(check, pass_id(check)))
		return 0;
	if (err != 0) {
		check_found(check, CHECK_SNAPSHOT, "snapshot \"%s\": its inode file cannot be used: %s",
		            check->snapshots[check->pass.snapshot].name, error_name(err));
		return 0;
	}
	inode_encode(file, &file->attr, &disk);
	check_trees_add(check, &disk, pass_id(check));
	return 0;
}

static int pass_run(struct fs_run *run)
{
	struct check *check = check_of(run);
	bool of_image = check->pass.snapshot < 0;
	int err = 0;

	switch (check->pass.phase) {
	case PASS_LOAD: err = window_load(run, pass_id(check), !of_image, of_image ? 0 : pass_younger(check)); break;
	case PASS_TREES: err = pass_trees(run); break;
	case PASS_WALK: err = check_walk_step(run); break;
	case PASS_ZOMBIES: err = check_zombies_walk(run, pass_id(check)); break;
	default: err = of_image ? check_reach_step(run) : 0;
	}
	if (err == 0)
		check->pass.phase++;
	return err;
}

/* On to the next snapshot of this window, or to the image of the next window. False: all is done. */
static bool pass_next(struct check *check)
{
	struct check_maps *maps = &check->maps;

	check->pass.phase = PASS_LOAD;
	check->zombie_fbn = 0;
	check->pass.snapshot = pass_next_snapshot(check, check->pass.snapshot);
	if (check->pass.snapshot >= 0)
		return true;
	maps->window_first = maps->window_end;
	maps->window_end = MIN_OF(maps->window_first + maps->window_max, maps->n_regions);
	return maps->window_first < maps->n_regions;
}

int check_pass_step(struct fs_run *run)
{
	struct check *check = check_of(run);

	if (!check->started) {
		check->started = true;
		check->pass.snapshot = -1;
		if (!pass_next(check)) /* the image in the first window has had its turn */
			return 0;
	}
	do {
		while (check->pass.phase <= PASS_REACH) {
			int err = pass_run(run);

			if (err != 0)
				return err;
		}
	} while (pass_next(check));
	return 0;
}
