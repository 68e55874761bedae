/* SPDX-License-Identifier: Apache-2.0 */
/* How many blocks of a LUN the newest snapshot holds, counted block by block.
 *
 * THEORY. The ledger's count (vtoc_entry.shared_blocks) is lowered by every CP as blocks are overwritten. But after a
 * mount, and after the newest snapshot was deleted, it begins too high. Then the trees of the LUNs are walked in the
 * background, one level-1 block at a time, and never while a CP runs. Each pointer is looked up in the newest
 * snapshot's active map. A block that is overwritten meanwhile was counted or not. So the sum is never too low; and
 * when any was overwritten, the LUN is walked again.
 * A newer snapshot, or the deletion of this one, ends the walk: what the ledger has then is right, or the walk
 * begins anew. */
#include <stdlib.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/cp/cp.h"
#include "fs/cp/space.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/vdisk/vtoc.h"
#include "raid/raid.h"

struct space_counter {
	struct fs_run run;
	bool busy;
	uint32_t snapshot;
	/* the LUN in work; ino 0: none */
	uint32_t ino;
	uint64_t generation;
	uint64_t cursor; /* FBNs below were looked at */
	uint64_t n_shared;
	uint64_t n_freed; /* entry->n_shared_freed when the walk began */
};

/* The snapshot to count by; 0: not now. */
static uint32_t snapshot_to_count(const struct fs_volume *vol)
{
	const struct snapshot_table *table = vol->snapshots;

	for (unsigned i = 0; i < table->n; i++)
		if (table->byage[i]->deleting || snapshot_is_own(table->byage[i]))
			return 0; /* it will go, and this would have to be done again */
	return snapshot_newest_id(vol);
}

static struct vtoc_entry *entry_stale(struct fs_volume *vol)
{
	struct vtoc_entry *entry = NULL;

	while ((entry = vtoc_next(vol, entry)) != NULL)
		if (entry->shared_stale && entry->reserved)
			return entry;
	return NULL;
}

/* ---- a level-1 block --------------------------------------------------------------------------------------------- */

struct look {
	struct inode *map;
	uint32_t vbns[PTRS_PER_BLOCK + TREE_HEIGHT_MAX];
	unsigned n;
	uint64_t next; /* FBN to go on at */
};

static void look_add(struct look *look, uint32_t vbn)
{
	if (vbn != VBN_HOLE && vbn != VBN_ZERO)
		look->vbns[look->n++] = vbn;
}

/* The blocks at the cursor and the indirect ones that begin there. */
static int look_collect(struct fs_run *run, struct inode *inode, uint64_t cursor, struct look *look)
{
	uint32_t fbn = (uint32_t)cursor, vbn;
	uint64_t end;
	struct buf *leaf;
	int err = tree_lookup(run, inode, fbn, &vbn, &end);

	if (err != 0)
		return err;
	for (unsigned level = 1; level < inode->height; level++) {
		struct buf key = { .inode = inode, .level = (uint8_t)level, .fbn = tree_base(level, fbn) };
		bool above = level + 1U == inode->height ||
		             cache_find(inode, level + 1U, tree_base(level + 1U, fbn)) != NULL;

		if (key.fbn == fbn && above)
			look_add(look, cp_parent_ptr(&key));
	}
	if (inode->height == 1) {
		for (unsigned i = 0; i < PTRS_PER_INODE; i++)
			look_add(look, inode->ptr[i]);
		look->next = UINT64_MAX;
		return 0;
	}
	leaf = cache_find(inode, 1, tree_base(1, fbn));
	for (unsigned i = 0; leaf != NULL && i < PTRS_PER_BLOCK; i++)
		look_add(look, block_ptr(leaf, i));
	look->next = leaf != NULL ? cursor + PTRS_PER_BLOCK
	                          : MAX_OF(ROUND_UP(end, (uint64_t)PTRS_PER_BLOCK), cursor + PTRS_PER_BLOCK);
	return 0;
}

/* How many of them the snapshot's active map has. Names every map block it needs. */
static int look_count(struct fs_run *run, const struct look *look, uint64_t *ret_n)
{
	uint32_t region = UINT32_MAX;
	const uint8_t *bytes = NULL;
	int result = 0;

	*ret_n = 0;
	for (unsigned i = 0; i < look->n; i++) {
		uint32_t bit = look->vbns[i] % REGION_BLOCKS;

		if (region_of(look->vbns[i]) != region) {
			int err = file_need(run, look->map, region_of(look->vbns[i]), &bytes);

			if (err != 0 && err != -EAGAIN)
				return err;
			if (err != 0) {
				result = err;
				region = UINT32_MAX;
				continue;
			}
			region = region_of(look->vbns[i]);
		}
		*ret_n += (unsigned)bytes[bit / 8U] >> bit % 8U & 1U;
	}
	return result;
}

static int leaf_step(struct fs_run *run, struct space_counter *counter, struct inode *inode)
{
	struct look look = { .n = 0 };
	uint64_t n;
	int err = inode_get(run, counter->snapshot, INO_ACTIVE_MAP, &look.map);

	if (err == 0)
		err = look_collect(run, inode, counter->cursor, &look);
	if (err == 0)
		err = look_count(run, &look, &n);
	if (err != 0)
		return err;
	counter->cursor = look.next;
	counter->n_shared += n;
	cache_unpin_all(run);
	return 0;
}

/* ---- a LUN ------------------------------------------------------------------------------------------------------- */

static void lun_begin(struct space_counter *counter, const struct vtoc_entry *entry)
{
	counter->ino = entry->ino;
	counter->generation = entry->generation;
	counter->cursor = counter->n_shared = 0;
	counter->n_freed = entry->n_shared_freed;
}

static void lun_end(struct fs_volume *vol, const struct space_counter *counter, struct vtoc_entry *entry)
{
	entry->shared_blocks = MIN_OF(entry->shared_blocks, counter->n_shared);
	entry->shared_stale = entry->n_shared_freed != counter->n_freed;
	space_sum(vol);
}

/* Go on with the LUN in work, or take up the next one. 0: all are done. */
static int count_step(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct space_counter *counter = vol->space->counter;
	struct vtoc_entry *entry = counter->ino == 0 ? NULL : vtoc_find(vol, counter->ino, counter->generation);
	struct inode *inode;
	int err;

	if (atomic_load_explicit(&vol->state, memory_order_relaxed) != VOLUME_ONLINE ||
	    snapshot_to_count(vol) != counter->snapshot)
		return -ECANCELED;
	if (cp_is_running(vol)) /* trees stand still but for it */
		return run_wait(run, &vol->cp_waiters);
	if (entry == NULL || !entry->shared_stale) {
		entry = entry_stale(vol);
		if (entry == NULL)
			return 0;
		lun_begin(counter, entry);
	}
	err = inode_get(run, 0, entry->ino, &inode);
	if (err == 0 && inode->height > 0 && !inode->inline_data && counter->cursor < tree_capacity(inode->height) &&
	    counter->cursor < FBN_MAX)
		err = leaf_step(run, counter, inode);
	else if (err == 0)
		counter->cursor = UINT64_MAX;
	if (err == -EAGAIN)
		return err;
	if (err != 0) {
		log_warn("fs", "not_counted", "volume=%s inode=%u error=%s", vol->name, entry->ino, error_name(err));
		entry->shared_stale = false;
	} else if (counter->cursor >= MIN_OF(tree_capacity(inode->height), (uint64_t)FBN_MAX)) {
		lun_end(vol, counter, entry);
		counter->ino = 0;
	}
	return run_yield(run);
}

static void count_finished(struct fs_run *run, int err)
{
	struct fs_volume *vol = run->vol;

	(void)err;
	vol->space->counter->busy = false;
	if (atomic_load_explicit(&vol->state, memory_order_relaxed) == VOLUME_ONLINE)
		space_level_update(vol);
	run_wake_all(&vol->cp_waiters); /* who hopes for space */
	run_wake_all(&vol->idle_waiters);
}

void space_count_begin(struct fs_volume *vol)
{
	struct space_counter *counter = vol->space->counter;
	uint32_t snapshot = snapshot_to_count(vol);

	if (counter->busy || snapshot == 0 || vol->read_only || vol->failed != 0 || vol->vtoc == NULL ||
	    entry_stale(vol) == NULL || atomic_load_explicit(&vol->state, memory_order_relaxed) != VOLUME_ONLINE)
		return;
	counter->busy = true;
	counter->snapshot = snapshot;
	counter->ino = 0;
	run_reinit(&counter->run, vol, count_step, count_finished);
	run_start_later(&counter->run);
}

bool space_count_is_running(const struct fs_volume *vol)
{
	return vol->space->counter->busy;
}

int space_count_init(struct fs_volume *vol)
{
	struct space_counter *counter = calloc(1, sizeof(*counter));

	if (counter == NULL)
		return -ENOMEM;
	run_init(&counter->run, vol, count_step, count_finished, NULL);
	counter->run.patient = true;
	vol->space->counter = counter;
	return 0;
}

void space_count_fini(struct fs_volume *vol)
{
	if (vol->space->counter == NULL)
		return;
	run_fini(&vol->space->counter->run);
	free(vol->space->counter);
}
