/* SPDX-License-Identifier: Apache-2.0 */
/* Maps of the image: the summary map against the snapshots' maps, and the space map against both.
 *
 * THEORY. Take a region, with f = folded_id, and the snapshots that are present there. (A snapshot being deleted is
 * absent below its cursor, but for the blocks of its own map tree, which go last.) Two rules hold:
 *  - summary == OR of the active maps of the snapshots with id <= f. A fold takes in the newest snapshot, and nothing
 *    that an older one holds can have left the active map since without a fold.
 *  - what any of the snapshots holds is in the summary map or in the active map. Else it could be given away. */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/check/check_fix.h"
#include "fs/check/check_private.h"
#include "fs/core/core.h"
#include "fs/file/cache.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/snapshot/snapshot.h"

#define WORDS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(uint64_t))
#define RECORDS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(struct region_disk))

void check_map_fini(struct check *check)
{
	free(check->maps.active);
	free(check->maps.reached);
	free(check->maps.all);
	free(check->maps.folded);
	free(check->maps.in_use);
	free(check->maps.lost);
}

/* ---- regions where nothing is ---- */

/* A hole is shown as the page of zeros: nothing was read for it. */
static bool is_hole(const uint8_t *bytes)
{
	return bytes == page_zero()->data;
}

static bool has_bits(const uint64_t *words)
{
	return !is_hole((const uint8_t *)words) && !bytes_are_zero(words, FS_BLOCK_SIZE);
}

/* What looking at a region is to the pace. */
static unsigned region_work(uint32_t region, bool is_empty)
{
	return !is_empty || region % 64U == 0;
}

/* ---- stage: summary map, space map ---- */

struct region_look {
	const uint64_t *active;
	const uint64_t *summary;
	struct region_disk record;
	bool active_lost, summary_lost, space_lost; /* cannot be read; all can be made anew, but for the first two of
	                                             * one region */
};

static const uint64_t no_bits[WORDS_PER_BLOCK];

/* A block of a map, zeros if it cannot be had. */
static int map_take(struct fs_run *run, uint32_t ino, uint32_t fbn, const uint8_t **ret_bytes, bool *ret_lost)
{
	struct check *check = check_of(run);
	int err = check_need(run, check->image, ino, fbn, ret_bytes);

	*ret_lost = err != 0 && err != -EAGAIN;
	if (!*ret_lost)
		return err;
	*ret_bytes = (const uint8_t *)no_bits;
	return 0;
}

/* One that cannot be had is tried once, and not for each of its regions. */
static int space_take(struct fs_run *run, uint32_t fbn, const uint8_t **ret_bytes, bool *ret_lost)
{
	struct check_maps *maps = &check_of(run)->maps;

	*ret_lost = maps->n_space_lost == fbn + 1U;
	*ret_bytes = (const uint8_t *)no_bits;
	if (*ret_lost)
		return 0;
	int err = map_take(run, INO_SPACE_MAP, fbn, ret_bytes, ret_lost);
	if (*ret_lost) {
		struct inode *map;

		maps->n_space_lost = fbn + 1U;
		maps->space_known = inode_get(run, check_of(run)->image, INO_SPACE_MAP, &map) == 0 &&
		                    tree_in_memory(map, fbn);
	}
	return err;
}

static int region_look(struct fs_run *run, uint32_t region, struct region_look *ret_look)
{
	const uint8_t *active, *summary, *space;
	int errs[3];

	errs[0] = map_take(run, INO_ACTIVE_MAP, region, &active, &ret_look->active_lost);
	errs[1] = map_take(run, INO_SUMMARY_MAP, region, &summary, &ret_look->summary_lost);
	errs[2] = space_take(run, (uint32_t)(region / RECORDS_PER_BLOCK), &space, &ret_look->space_lost);
	if (errs[0] != 0 || errs[1] != 0 || errs[2] != 0)
		return -EAGAIN;
	ret_look->active = (const uint64_t *)(const void *)active;
	ret_look->summary = (const uint64_t *)(const void *)summary;
	memcpy(&ret_look->record, space + region % RECORDS_PER_BLOCK * sizeof(struct region_disk),
	       sizeof(struct region_disk));
	return 0;
}

/* SD3: behind its cursor. */
static bool is_absent(const struct check *check, const struct check_snapshot *snapshot, uint32_t region)
{
	return snapshot->id == le32_get(check->fsinfo.delete_snapshot_id) &&
	       region < le32_get(check->fsinfo.delete_region);
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

/* The map tree of the snapshot being deleted: in the summary map until the end of the pass, or, where nothing was
 * folded since the snapshot was made, for as long as it is in the active map, in that alone. */
static void held_or(struct check *check, uint32_t region, uint32_t folded_id, const uint64_t *active)
{
	uint32_t deleted = le32_get(check->fsinfo.delete_snapshot_id);
	const uint32_t *held;
	size_t n;

	if (deleted == 0 || region >= le32_get(check->fsinfo.delete_region))
		return;
	held = snapshot_held_in(check->vol, region, &n);
	for (size_t i = 0; i < n; i++) {
		check_bit_set(check->maps.all, held[i] % REGION_BLOCKS);
		if (folded_id >= deleted || !check_bit_get(active, held[i] % REGION_BLOCKS))
			check_bit_set(check->maps.folded, held[i] % REGION_BLOCKS);
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

bool check_bits_found(struct check *check, enum check_rule rule, uint32_t region, const uint64_t *words,
                      const char *what)
{
	uint32_t first = 0, n = bits_count(words, &first);

	if (n > 0)
		check_found(check, rule, "region %u: %u blocks, the first at vbn %u, %s", region, n,
		            region * REGION_BLOCKS + first, what);
	return n > 0;
}

static bool repairable(struct check *check)
{
	check_found_repairable(check);
	return true;
}

/* SD1: bits and cursor are of one CP, or what is here differs. True: the summary map's block is wrong. */
static bool summary_compare(struct check *check, uint32_t region, const struct region_look *look)
{
	const struct check_maps *maps = &check->maps;
	bool wrong = false;
	uint64_t extra[WORDS_PER_BLOCK], missing[WORDS_PER_BLOCK], unsafe[WORDS_PER_BLOCK];

	for (unsigned i = 0; i < WORDS_PER_BLOCK; i++) {
		extra[i] = look->summary[i] & ~maps->folded[i];
		missing[i] = maps->folded[i] & ~look->summary[i];
		unsafe[i] = maps->all[i] & ~maps->folded[i] & ~look->summary[i] & ~look->active[i];
	}
	if (check_bits_found(check, CHECK_MAP, region, extra,
	                     "are in the summary map, and in no snapshot up to the one folded"))
		wrong = repairable(check);
	if (check_bits_found(check, CHECK_MAP, region, missing,
	                     "are in a snapshot, and not in the summary map although it was folded"))
		wrong = repairable(check);
	if (check_bits_found(check, CHECK_MAP, region, unsafe,
	                     "are in a snapshot, and in neither the summary map nor the active map"))
		wrong = repairable(check);
	return wrong;
}

static void region_count(struct check *check, const struct region_look *look, uint32_t *ret_active,
                         uint32_t *ret_summary)
{
	uint32_t n_active = 0, n_summary = 0;

	for (unsigned i = 0; i < WORDS_PER_BLOCK; i++) {
		n_active += (uint32_t)__builtin_popcountll(look->active[i]);
		n_summary += (uint32_t)__builtin_popcountll(look->summary[i] & ~look->active[i]);
	}
	check->maps.n_active += n_active;
	check->maps.n_summary += n_summary;
	*ret_active = n_active;
	*ret_summary = n_summary;
}

/* True: the space map's record is wrong. */
static bool counts_compare(struct check *check, uint32_t region, const struct region_look *look)
{
	uint32_t n_active, n_summary;
	bool wrong = false;

	region_count(check, look, &n_active, &n_summary);
	if (le32_get(look->record.n_active) != n_active) {
		check_found(check, CHECK_MAP, "region %u: the space map counts %u active blocks, the active map has %u",
		            region, le32_get(look->record.n_active), n_active);
		wrong = repairable(check);
	}
	if (le32_get(look->record.n_summary) != n_summary) {
		check_found(check, CHECK_MAP,
		            "region %u: the space map counts %u blocks of snapshots only, the maps have %u", region,
		            le32_get(look->record.n_summary), n_summary);
		wrong = repairable(check);
	}
	if (le32_get(look->record.reserved) != 0) {
		check_found(check, CHECK_MAP, "region %u: reserved bytes of the space map are not zero", region);
		wrong = repairable(check);
	}
	return wrong;
}

/* All that snapshots hold goes into the summary map, which is up to date then. */
static void summary_fix(struct check *check, uint32_t region)
{
	uint32_t newest = 0;

	for (unsigned s = 0; s < check->n_snapshots; s++)
		newest = MAX_OF(newest, check->snapshots[s].id);
	check_fix_bytes(check, FIX_SUMMARY, region, newest, check->maps.all, FS_BLOCK_SIZE);
}

static bool map_is_lost(const struct region_look *look)
{
	return look->active_lost || look->summary_lost;
}

/* A map follows from the rest: the active map from what is reached (fs/check/check_reach.c), the summary map from the
 * snapshots. */
static void map_lost_found(struct check *check, uint32_t region, const struct region_look *look)
{
	check_found(check, CHECK_BLOCK, "region %u: its block of%s%s cannot be read", region,
	            look->active_lost ? " the active map," : "", look->summary_lost ? " the summary map," : "");
	if (look->active_lost && look->summary_lost)
		return;
	if (look->summary_lost) /* what can be done about the other is told by whoever knows what is reached */
		check_found_repairable(check);
	summary_fix(check, region);
}

/* A record follows from both maps: all that snapshots hold is in the summary map then, or nothing was ever folded.
 * Where it is not known what they hold, the summary map stays, and is folded from the beginning. */
static void record_fix(struct check *check, uint32_t region, const struct region_look *look, bool held_known)
{
	if (!held_known || (is_hole((const uint8_t *)look->summary) && bytes_are_zero(check->maps.all, FS_BLOCK_SIZE)))
		check_fix(check, FIX_COUNTS, region, 0, 0);
	else
		summary_fix(check, region);
}

/* A block of the space map is made anew when all of its records are known. */
static void space_lost_found(struct check *check, uint32_t region, const struct region_look *look, bool held_known)
{
	struct check_maps *maps = &check->maps;
	uint32_t fbn = (uint32_t)(region / RECORDS_PER_BLOCK);

	if (map_is_lost(look))
		maps->space_known = false;
	else
		record_fix(check, region, look, held_known);
	if ((region + 1U) % RECORDS_PER_BLOCK != 0 && region + 1U != maps->n_regions)
		return;
	check_found(check, CHECK_BLOCK, "regions %u to %u: their block of the space map cannot be read",
	            (uint32_t)(fbn * RECORDS_PER_BLOCK), region);
	if (!maps->space_known)
		return;
	check_found_repairable(check);
	check_fix(check, FIX_RECORDS, fbn, 0, 0);
}

/* What cannot be read of a region. `held_known`: and what snapshots hold there can. */
static void lost_found(struct check *check, uint32_t region, const struct region_look *look, bool held_known)
{
	uint32_t n_active, n_summary;

	region_count(check, look, &n_active, &n_summary);
	if (map_is_lost(look) && held_known)
		map_lost_found(check, region, look);
	if (look->space_lost)
		space_lost_found(check, region, look, held_known);
}

static int region_check(struct fs_run *run, uint32_t region, bool *ret_empty)
{
	struct check *check = check_of(run);
	struct region_look look;
	int err = region_look(run, region, &look);
	bool ahead;

	*ret_empty = false;
	if (err != 0)
		return err;
	*ret_empty = is_hole((const uint8_t *)look.summary) && bytes_are_zero(&look.record, sizeof(look.record));
	if (map_is_lost(&look) || has_bits(look.active) || has_bits(look.summary))
		check_bit_set(check->maps.in_use, region);
	err = snapshots_or(run, region, le32_get(look.record.folded_id));
	if (err != 0) {
		if (err != -EAGAIN) {
			check_found(check, CHECK_SNAPSHOT, "region %u: the active map of a snapshot cannot be read: %s",
			            region, error_name(err));
			lost_found(check, region, &look, false);
		}
		return err;
	}
	held_or(check, region, le32_get(look.record.folded_id), look.active);
	ahead = le32_get(look.record.folded_id) >= check->n_ids;
	if (map_is_lost(&look) || look.space_lost) {
		lost_found(check, region, &look, true);
		return 0;
	}
	if (ahead) {
		check_found(check, CHECK_MAP, "region %u: folded up to snapshot %u, which was not there yet", region,
		            le32_get(look.record.folded_id));
		check_found_repairable(check);
	}
	if (summary_compare(check, region, &look) || ahead)
		summary_fix(check, region);
	if (counts_compare(check, region, &look))
		check_fix(check, FIX_COUNTS, region, 0, 0);
	return 0;
}

static int maps_alloc(struct check *check)
{
	check->maps.all = malloc(FS_BLOCK_SIZE);
	check->maps.folded = malloc(FS_BLOCK_SIZE);
	check->maps.in_use = calloc(DIV_UP(check->maps.n_regions, 64U), sizeof(uint64_t));
	return check->maps.all == NULL || check->maps.folded == NULL || check->maps.in_use == NULL ? -ENOMEM : 0;
}

int check_map_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct check_maps *maps = &check->maps;
	uint32_t deleted = le32_get(check->fsinfo.delete_snapshot_id);
	int err = maps->all == NULL ? maps_alloc(check) : 0;

	if (err != 0)
		return err;
	if (deleted != 0 && check->vol->snapshots->deletion.stage == DELETION_PICKED &&
	    snapshot_by_id(check->vol, deleted) != NULL) {
		err = snapshot_held_collect(run, deleted);
		if (err == -EAGAIN)
			return err;
		if (err != 0)
			check_found(check, CHECK_SNAPSHOT,
			            "snapshot %u, being deleted: its active map cannot be read: %s", deleted,
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
	if (maps->n_active != le64_get(check->fsinfo.used_blocks)) {
		check_found(check, CHECK_ACCOUNT, "fsinfo: %llu blocks used, %llu in the active map",
		            (unsigned long long)le64_get(check->fsinfo.used_blocks),
		            (unsigned long long)maps->n_active);
		check_found_repairable(check); /* every CP writes the sum */
	}
	return 0;
}
