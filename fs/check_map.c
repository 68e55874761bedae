/* SPDX-License-Identifier: Apache-2.0 */
/* Maps of the image: the active map against what is reached, the summary map against the snapshots' maps, the space map against both.
 *
 * THEORY. In a region, with f = folded_id and the snapshots that are present there (one being deleted is absent below its cursor, but for the
 * blocks of its own map tree, which go last):
 *   summary == OR of the active maps of those with id <= f, because a fold takes in the newest one, and nothing an older one holds can have
 *              left the active map since without a fold;
 *   what any of them holds is in the summary or in the active map, or it could be given away. */
#include <stdlib.h>

#include "base/checksum.h"
#include "fs/cache_private.h"
#include "fs/check_private.h"
#include "fs/file.h"
#include "fs/inode_table.h"
#include "fs/maps.h"

#define WORDS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(uint64_t))
#define RECORDS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(struct region_disk))

void check_map_fini(struct check *check)
{
	free(check->maps.active);
	free(check->maps.reached);
	free(check->maps.all);
	free(check->maps.folded);
}

static bool bit_get(const uint64_t *words, uint32_t bit)
{
	return (words[bit / 64U] & 1ULL << bit % 64U) != 0;
}

static void bit_set(uint64_t *words, uint32_t bit)
{
	words[bit / 64U] |= 1ULL << bit % 64U;
}

bool check_reach(struct check *check, const struct check_tree *tree, uint32_t vbn, uint32_t fbn, unsigned level)
{
	struct check_maps *maps = &check->maps;

	if (vbn >= raid_geometry(check->vol->raid)->vbn_end) {
		check_found(check, CHECK_REACH, "inode %u fbn %u level %u vbn %u: beyond the end of the volume", tree->ino, fbn, level,
		            vbn);
		return false;
	}
	if (bit_get(maps->reached, vbn)) {
		check_found(check, CHECK_REACH, "inode %u fbn %u level %u vbn %u: something else refers to this block, too", tree->ino, fbn,
		            level, vbn);
		return false;
	}
	bit_set(maps->reached, vbn);
	if (!bit_get(maps->active, vbn))
		check_found(check, CHECK_REACH, "inode %u fbn %u level %u vbn %u: in use, and free in the active map", tree->ino, fbn,
		            level, vbn);
	return true;
}

/* ---- regions where nothing is ---- */

/* A hole is shown as the page of zeros: nothing was read for it. */
static bool is_hole(const uint8_t *bytes)
{
	return bytes == page_zero()->data;
}

/* What looking at a region is to the pace. */
static unsigned region_work(uint32_t region, bool is_empty)
{
	return !is_empty || region % 64U == 0;
}

/* ---- stage: the active map into memory ---- */

static int maps_alloc(struct check *check)
{
	struct check_maps *maps = &check->maps;

	maps->n_regions = check->vol->maps->n_regions;
	maps->active = calloc(maps->n_regions, FS_BLOCK_SIZE);
	maps->reached = calloc(maps->n_regions, FS_BLOCK_SIZE);
	maps->all = malloc(FS_BLOCK_SIZE);
	maps->folded = malloc(FS_BLOCK_SIZE);
	if (maps->active == NULL || maps->reached == NULL || maps->all == NULL || maps->folded == NULL)
		return -ENOMEM;
	bit_set(maps->reached, VBN_HOLE); /* kept from use for ever */
	return 0;
}

int check_active_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct check_maps *maps = &check->maps;
	int err = maps->active == NULL ? maps_alloc(check) : 0;

	if (err != 0)
		return err;
	while (maps->region < maps->n_regions) {
		uint64_t *words = maps->active + maps->region * WORDS_PER_BLOCK;
		const uint8_t *bytes;

		err = check_need(run, check->image, INO_ACTIVE_MAP, maps->region, &bytes);
		if (err == -EAGAIN)
			return err;
		if (err != 0)
			check_found(check, CHECK_BLOCK, "active map, fbn %u: cannot be read: %s", maps->region, error_name(err));
		else if (!is_hole(bytes)) /* else the zeros stay as they were allocated: no memory */
			memcpy(words, bytes, FS_BLOCK_SIZE);
		for (unsigned i = 0; err == 0 && !is_hole(bytes) && i < WORDS_PER_BLOCK; i++)
			maps->n_active += (uint64_t)__builtin_popcountll(words[i]);
		maps->region++;
		cache_unpin_all(run);
		err = check_pace(run, region_work(maps->region, err == 0 && is_hole(bytes)));
		if (err != 0)
			return err;
	}
	maps->region = 0;
	if (maps->n_active != le64_get(check->fsinfo.used_blocks))
		check_found(check, CHECK_ACCOUNT, "fsinfo: %llu blocks used, %llu in the active map",
		            (unsigned long long)le64_get(check->fsinfo.used_blocks), (unsigned long long)maps->n_active);
	return 0;
}

/* ---- stage: summary map, space map ---- */

struct region_look {
	const uint64_t *active;
	const uint64_t *summary;
	struct region_disk record;
};

static int region_look(struct fs_run *run, uint32_t region, struct region_look *ret_look)
{
	struct check *check = check_of(run);
	const uint8_t *summary, *space;
	int err = check_need(run, check->image, INO_SUMMARY_MAP, region, &summary);
	int err2 = check_need(run, check->image, INO_SPACE_MAP, (uint32_t)(region / RECORDS_PER_BLOCK), &space);

	if (err == -EAGAIN || err2 == -EAGAIN)
		return -EAGAIN;
	if (err != 0 || err2 != 0) {
		check_found(check, CHECK_BLOCK, "region %u: its summary map or space map cannot be read", region);
		return err != 0 ? err : err2;
	}
	ret_look->active = check->maps.active + region * WORDS_PER_BLOCK;
	ret_look->summary = (const uint64_t *)(const void *)summary;
	memcpy(&ret_look->record, space + region % RECORDS_PER_BLOCK * sizeof(struct region_disk), sizeof(struct region_disk));
	return 0;
}

static bool is_absent(const struct check *check, const struct check_snapshot *snapshot, uint32_t region)
{
	return snapshot->id == le32_get(check->fsinfo.delete_snapshot_id) && region < le32_get(check->fsinfo.delete_region);
}

/* What the snapshots present in the region hold there: all of them, and those up to `folded_id`. */
static int snapshots_or(struct fs_run *run, uint32_t region, uint32_t folded_id)
{
	struct check *check = check_of(run);
	struct check_maps *maps = &check->maps;
	int result = 0;

	memset(maps->all, 0, FS_BLOCK_SIZE);
	memset(maps->folded, 0, FS_BLOCK_SIZE);
	for (unsigned s = 0; s < check->n_snapshots; s++) {
		const struct check_snapshot *snapshot = &check->snapshots[s];
		const uint8_t *bytes;
		const uint64_t *words;
		int err;

		if (is_absent(check, snapshot, region))
			continue;
		err = check_need(run, snapshot->id, INO_ACTIVE_MAP, region, &bytes);
		if (err != 0) {
			result = result == 0 || err != -EAGAIN ? err : result;
			continue;
		}
		words = (const uint64_t *)(const void *)bytes;
		for (unsigned i = 0; i < WORDS_PER_BLOCK; i++) {
			maps->all[i] |= words[i];
			maps->folded[i] |= snapshot->id <= folded_id ? words[i] : 0;
		}
	}
	return result;
}

/* The map tree of the snapshot being deleted: in the summary map until the end of the pass, or, where nothing was folded since the snapshot
 * was made, for as long as it is in the active map, in that alone. */
static void held_or(struct check *check, uint32_t region, uint32_t folded_id, const uint64_t *active)
{
	uint32_t deleted = le32_get(check->fsinfo.delete_snapshot_id);
	const uint32_t *held;
	size_t n;

	if (deleted == 0 || region >= le32_get(check->fsinfo.delete_region))
		return;
	held = snapshot_held_in(check->vol, region, &n);
	for (size_t i = 0; i < n; i++) {
		bit_set(check->maps.all, held[i] % REGION_BLOCKS);
		if (folded_id >= deleted || !bit_get(active, held[i] % REGION_BLOCKS))
			bit_set(check->maps.folded, held[i] % REGION_BLOCKS);
	}
}

/* The first bit of `words`, and how many there are. */
static uint32_t bits_count(const uint64_t *words, uint32_t *ret_first)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WORDS_PER_BLOCK; i++) {
		if (words[i] != 0 && n == 0)
			*ret_first = i * 64U + (uint32_t)__builtin_ctzll(words[i]);
		n += (uint32_t)__builtin_popcountll(words[i]);
	}
	return n;
}

static void bits_found(struct check *check, enum check_rule rule, uint32_t region, const uint64_t *words, const char *what)
{
	uint32_t first = 0, n = bits_count(words, &first);

	if (n > 0)
		check_found(check, rule, "region %u: %u blocks, the first at vbn %u, %s", region, n, region * REGION_BLOCKS + first, what);
}

static void summary_compare(struct check *check, uint32_t region, const struct region_look *look)
{
	const struct check_maps *maps = &check->maps;
	uint64_t extra[WORDS_PER_BLOCK], missing[WORDS_PER_BLOCK], unsafe[WORDS_PER_BLOCK];

	for (unsigned i = 0; i < WORDS_PER_BLOCK; i++) {
		extra[i] = look->summary[i] & ~maps->folded[i];
		missing[i] = maps->folded[i] & ~look->summary[i];
		unsafe[i] = maps->all[i] & ~maps->folded[i] & ~look->summary[i] & ~look->active[i];
	}
	bits_found(check, CHECK_MAP, region, extra, "are in the summary map, and in no snapshot up to the one folded");
	bits_found(check, CHECK_MAP, region, missing, "are in a snapshot, and not in the summary map although it was folded");
	bits_found(check, CHECK_MAP, region, unsafe, "are in a snapshot, and in neither the summary map nor the active map");
}

static void counts_compare(struct check *check, uint32_t region, const struct region_look *look)
{
	uint32_t n_active = 0, n_summary = 0;

	for (unsigned i = 0; i < WORDS_PER_BLOCK; i++) {
		n_active += (uint32_t)__builtin_popcountll(look->active[i]);
		n_summary += (uint32_t)__builtin_popcountll(look->summary[i] & ~look->active[i]);
	}
	if (le32_get(look->record.n_active) != n_active)
		check_found(check, CHECK_MAP, "region %u: the space map counts %u active blocks, the active map has %u", region,
		            le32_get(look->record.n_active), n_active);
	if (le32_get(look->record.n_summary) != n_summary)
		check_found(check, CHECK_MAP, "region %u: the space map counts %u blocks of snapshots only, the maps have %u", region,
		            le32_get(look->record.n_summary), n_summary);
	if (le32_get(look->record.folded_id) >= check->image)
		check_found(check, CHECK_MAP, "region %u: folded up to snapshot %u, which was not there yet", region,
		            le32_get(look->record.folded_id));
	if (le32_get(look->record.reserved) != 0)
		check_found(check, CHECK_MAP, "region %u: reserved bytes of the space map are not zero", region);
}

static int region_check(struct fs_run *run, uint32_t region, bool *ret_empty)
{
	struct check *check = check_of(run);
	struct region_look look;
	int err = region_look(run, region, &look);

	*ret_empty = false;
	if (err != 0)
		return err;
	*ret_empty = is_hole((const uint8_t *)look.summary) && bytes_are_zero(&look.record, sizeof(look.record));
	err = snapshots_or(run, region, le32_get(look.record.folded_id));
	if (err != 0) {
		if (err != -EAGAIN)
			check_found(check, CHECK_SNAPSHOT, "region %u: the active map of a snapshot cannot be read: %s", region,
			            error_name(err));
		return err;
	}
	held_or(check, region, le32_get(look.record.folded_id), look.active);
	summary_compare(check, region, &look);
	counts_compare(check, region, &look);
	return 0;
}

int check_map_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct check_maps *maps = &check->maps;
	uint32_t deleted = le32_get(check->fsinfo.delete_snapshot_id);
	int err;

	if (deleted != 0 && !check->vol->snapshots->held_known && snapshot_by_id(check->vol, deleted) != NULL) {
		err = snapshot_held_collect(run, deleted);
		if (err == -EAGAIN)
			return err;
		if (err != 0)
			check_found(check, CHECK_SNAPSHOT, "snapshot %u, being deleted: its active map cannot be read: %s", deleted,
			            error_name(err));
	}
	while (maps->region < maps->n_regions) {
		bool is_empty;

		err = region_check(run, maps->region, &is_empty);
		if (err == -EAGAIN)
			return err;
		maps->region++;
		cache_unpin_all(run);
		err = check_pace(run, (2U + check->n_snapshots) * region_work(maps->region, is_empty));
		if (err != 0)
			return err;
	}
	maps->region = 0;
	return 0;
}

/* ---- stage: what is marked and not reached ---- */

int check_reach_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct check_maps *maps = &check->maps;

	while (maps->region < maps->n_regions) {
		uint64_t lost[WORDS_PER_BLOCK];
		uint32_t region = maps->region++;
		const uint64_t *active = maps->active + (size_t)region * WORDS_PER_BLOCK;
		uint64_t any = 0;
		int err;

		for (unsigned i = 0; i < WORDS_PER_BLOCK; i++) {
			lost[i] = active[i] & ~maps->reached[region * WORDS_PER_BLOCK + i];
			any |= active[i];
		}
		bits_found(check, CHECK_REACH, region, lost, "are used in the active map, and nothing refers to them");
		err = check_pace(run, region_work(region, any == 0));
		if (err != 0)
			return err;
	}
	return 0;
}
