/* SPDX-License-Identifier: Apache-2.0 */
/* How much only one snapshot holds, and how much came since the one before it. Counted over maps, when somebody asks.
 *
 * THEORY. A snapshot's blocks are contiguous in age. What its active map has, and neither neighbour's has, is its
 * alone, and comes back when it is deleted. The younger neighbour of the newest snapshot is the active file system.
 * Maps of snapshots never change, so a sum holds as long as the neighbours are the same: only the newest snapshot is
 * ever counted again. Neighbours share the map blocks of regions where nothing happened. Whole subtrees are passed over
 * by comparing pointers (tree_compare), and only what differs is read.
 * Snapshots being deleted, and the file system's own, are on their way out and count as absent.
 * The count belongs to the volume, not to the message that asked. Whoever asks next goes on with it, a few regions a
 * step. A count that ran while a CP was changing the active map is of no single moment. It is counted again, but not at
 * once: a busy volume must not do nothing but count.
 * THREADS. Home thread. */
#include <stdlib.h>

#include "base/list.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/core/operations.h"
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
#include "fs/message.h"
#include "raid/raid.h"

#define WORDS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(uint64_t))
#define REGIONS_A_STEP 64U
#define NAMED_AHEAD 16U
#define AGAIN_MIN_NS 1000000000ULL
#define AGAIN_TIMES 10U /* the next count begins after so many times what the last one took */

static bool counts(const struct snapshot *snapshot)
{
	return !snapshot->deleting && !snapshot_is_own(snapshot);
}

/* Ids of the nearest snapshots that count on both sides of byage[at]; 0: none. */
static void neighbours(const struct snapshot_table *table, unsigned at, uint32_t *ret_older, uint32_t *ret_newer)
{
	*ret_older = *ret_newer = 0;
	for (unsigned i = 0; i < at; i++)
		if (counts(table->byage[i]))
			*ret_older = table->byage[i]->info.id;
	for (unsigned i = table->n; i-- > at + 1U;)
		if (counts(table->byage[i]))
			*ret_newer = table->byage[i]->info.id;
}

/* The state of the active map now; 0: a CP is changing it. */
static uint64_t mark_now(const struct fs_volume *vol)
{
	return cp_is_running(vol) ? 0 : vol->cp->count + 1U;
}

static bool sums_hold(struct fs_volume *vol, const struct snapshot *snapshot, uint32_t older, uint32_t newer)
{
	const struct snapshot_sums *sums = &snapshot->sums;

	if (!snapshot->info.summed || sums->older != older || sums->newer != newer)
		return false;
	return newer != 0 || (sums->mark != 0 && sums->mark == mark_now(vol)) ||
	       world_now_ns(vol->world) < sums->again_ns;
}

/* Make the count that of the newest snapshot whose sums do not hold. False: all do. */
static bool count_pick(struct fs_volume *vol)
{
	struct snapshot_table *table = vol->snapshots;
	struct snapshot_count *count = &table->count;

	for (unsigned i = table->n; i-- > 0;) {
		const struct snapshot *snapshot = table->byage[i];
		uint32_t older, newer;

		if (!counts(snapshot))
			continue;
		neighbours(table, i, &older, &newer);
		if (sums_hold(vol, snapshot, older, newer))
			continue;
		if (count->id != snapshot->info.id || count->older != older || count->newer != newer)
			*count = (struct snapshot_count){ .id = snapshot->info.id,
				                          .older = older,
				                          .newer = newer,
				                          .mark = mark_now(vol),
				                          .started_ns = world_now_ns(vol->world) };
		return true;
	}
	count->id = 0;
	return false;
}

/* ---- a region ---- */

struct count_maps {
	struct inode *own, *older, *newer; /* older NULL: none; newer: the active map for the newest */
};

static int maps_get(struct fs_run *run, const struct snapshot_count *count, struct count_maps *ret_maps)
{
	int err = inode_get(run, count->id, INO_ACTIVE_MAP, &ret_maps->own), err2 = 0, err3 = 0;

	ret_maps->older = NULL;
	ret_maps->newer = run->vol->active_map;
	if (count->older != 0)
		err2 = inode_get(run, count->older, INO_ACTIVE_MAP, &ret_maps->older);
	if (count->newer != 0)
		err3 = inode_get(run, count->newer, INO_ACTIVE_MAP, &ret_maps->newer);
	return err != 0 ? err : err2 != 0 ? err2 : err3;
}

/* Regions from `region` on that have nothing that the older one does not have; *ret_end is past them, `region` when
 * there is none. */
static int regions_skip(struct fs_run *run, const struct count_maps *maps, uint64_t region, uint64_t *ret_end)
{
	bool same;
	uint32_t vbn;
	int err;

	if (maps->older != NULL) {
		err = tree_compare(run, maps->own, maps->older, (uint32_t)region, &same, ret_end);
	} else {
		err = tree_lookup(run, maps->own, (uint32_t)region, &vbn, ret_end);
		same = vbn == VBN_HOLE;
	}
	if (err == 0 && !same)
		*ret_end = region;
	return err;
}

static int words_need(struct fs_run *run, struct inode *map, uint64_t region, const uint64_t **ret_words)
{
	static const uint64_t none[WORDS_PER_BLOCK];
	const uint8_t *bytes = (const uint8_t *)none;
	int err = map == NULL ? 0 : file_need(run, map, (uint32_t)region, &bytes);

	*ret_words = (const uint64_t *)(const void *)bytes;
	return err;
}

static int region_count(struct fs_run *run, const struct count_maps *maps, uint64_t region,
                        struct snapshot_count *count)
{
	const uint64_t *own, *older, *newer;
	int errs[3] = { words_need(run, maps->own, region, &own), words_need(run, maps->older, region, &older),
		        words_need(run, maps->newer, region, &newer) };

	for (unsigned i = 0; i < ARRAY_SIZE(errs); i++)
		if (errs[i] != 0)
			return errs[i];
	for (unsigned i = 0; i < WORDS_PER_BLOCK; i++) {
		uint64_t since = own[i] & ~older[i];

		count->n_since += (uint64_t)__builtin_popcountll(since);
		count->n_only += (uint64_t)__builtin_popcountll(since & ~newer[i]);
	}
	return 0;
}

/* Name what the regions after `region` will need, so that it is read along. */
static void name_ahead(struct fs_run *run, const struct count_maps *maps, uint64_t region)
{
	struct snapshot_count scrap = { 0 };

	for (unsigned i = 0; i < NAMED_AHEAD && ++region < run->vol->maps->n_regions; i++) {
		uint64_t end = region;

		if (regions_skip(run, maps, region, &end) == 0 && end == region)
			(void)!region_count(run, maps, region, &scrap);
		else if (end > region)
			region = end - 1U;
	}
}

/* ---- the count ---- */

static void count_finish(struct fs_volume *vol)
{
	struct snapshot_count *count = &vol->snapshots->count;
	struct snapshot *snapshot = snapshot_by_id(vol, count->id);
	uint64_t now = world_now_ns(vol->world);

	snapshot->sums = (struct snapshot_sums){ .older = count->older,
		                                 .newer = count->newer,
		                                 .mark = count->mark == mark_now(vol) ? count->mark : 0,
		                                 .again_ns = now + MAX_OF((now - count->started_ns) * AGAIN_TIMES,
		                                                          AGAIN_MIN_NS) };
	snapshot->info.summed = true;
	snapshot->info.used_bytes = count->n_only * FS_BLOCK_SIZE;
	snapshot->info.since_bytes = count->n_since * FS_BLOCK_SIZE;
	count->id = 0;
}

/* A few regions of the count; 0: it has ended. */
static int count_slice(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct snapshot_count *count = &vol->snapshots->count;
	struct count_maps maps;
	int err = maps_get(run, count, &maps);

	for (unsigned n = 0; err == 0 && count->region < vol->maps->n_regions; n++) {
		uint64_t end;

		if (n == REGIONS_A_STEP)
			return run_yield(run);
		err = regions_skip(run, &maps, count->region, &end);
		if (err == 0 && end == count->region) {
			err = region_count(run, &maps, count->region, count);
			end++;
		}
		if (err == 0) {
			count->region = end;
			cache_unpin_all(run);
		} else if (err == -EAGAIN) {
			name_ahead(run, &maps, count->region);
		}
	}
	if (err == 0)
		count_finish(vol);
	return err;
}

int op_snapshot_space(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct fs_volume *vol = run->vol;
	uint64_t now = world_now_ns(vol->world);

	if (msg->word[0] == 0)
		msg->word[0] = now + 1U;
	while (count_pick(vol)) {
		int err;

		if (atomic_load(&vol->state) != VOLUME_ONLINE)
			return -ENODEV;
		if (msg->in.wait_ns != 0 && now + 1U - msg->word[0] >= msg->in.wait_ns)
			break;
		err = count_slice(run);
		if (err != 0 && err != -EAGAIN)
			vol->snapshots->count.id = 0;
		if (err != 0)
			return err;
	}
	return op_snapshot_list(run);
}
