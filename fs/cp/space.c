/* SPDX-License-Identifier: Apache-2.0 */
/* Space: the ledger, its sums, and admission. */
#include "fs/cp/space.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/core/hooks.h"
#include "fs/cp/cp.h"
#include "fs/cp/maps.h"
#include "fs/cp/zombie.h"
#include "fs/file/inode.h"
#include "fs/file/inode_table.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/vdisk/vtoc.h"

#define SNAPSHOT_BLOCKS                                                                                                \
	32U /* what keeping one costs at once: its record, and maps and inode file not shared any
                             * more */
#define WRITE_BLOCKS 288U /* the largest write and what it drags along */
#define WAITS_MAX 16U /* CPs a change waits for while others' changes are all there is to hope for */

int space_init(struct fs_volume *vol)
{
	vol->space = calloc(1, sizeof(*vol->space));
	return vol->space == NULL ? -ENOMEM : space_count_init(vol);
}

void space_fini(struct fs_volume *vol)
{
	if (vol->space == NULL)
		return;
	space_count_fini(vol);
	free(vol->space);
	vol->space = NULL;
}

/* ---- sums ---- */

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t pending(const struct fs_volume *vol)
{
	return vol->pending_blocks[0] + vol->pending_blocks[1];
}

static uint64_t map_tree_blocks(uint64_t n_level0)
{
	return n_level0 + DIV_UP(n_level0, PTRS_PER_BLOCK) + DIV_UP(n_level0, PTRS_PER_BLOCK * PTRS_PER_BLOCK);
}

/* All blocks of the three maps of `n` regions. */
static uint64_t maps_blocks(uint64_t n)
{
	return 2U * map_tree_blocks(n) + map_tree_blocks(DIV_UP(n, FS_BLOCK_SIZE / sizeof(struct region_disk)));
}

static uint64_t maps_full_blocks(const struct fs_volume *vol)
{
	return maps_blocks(vol->maps->n_regions);
}

/* Kept back so that a CP, and the removal of files, always find room. */
static uint64_t pool(const struct fs_volume *vol)
{
	return vol->maps->n_blocks / 128U + 512U;
}

/* SP2: what two CPs in a row, and those that reclaim the snapshot of a check, write of maps and tables. */
static uint64_t space_floor(const struct fs_volume *vol)
{
	return 3U * maps_full_blocks(vol) + 32U;
}

static uint64_t meta_blocks(const struct fs_volume *vol)
{
	const struct inode *files[] = { vol->inode_file, vol->inode_map, vol->active_map,   vol->summary_map,
		                        vol->space_map,  vol->zombies,   vol->snapshot_file };
	uint64_t n = 1; /* VBN 0 */

	for (unsigned i = 0; i < ARRAY_SIZE(files); i++)
		n += files[i] == NULL ? 0 : files[i]->n_blocks;
	return n;
}

static uint64_t map_holes(const struct fs_volume *vol)
{
	return minus(maps_full_blocks(vol),
	             (uint64_t)vol->active_map->n_blocks + vol->summary_map->n_blocks + vol->space_map->n_blocks);
}

/* A snapshot was asked for and its CP has not begun / has begun. */
static bool snapshot_is_coming(const struct fs_volume *vol)
{
	return snapshot_creation_asked(vol) || snapshot_creation_taken(vol);
}

/* Everything promised. With a snapshot on its way, what it will be when every block is held by it; changes under way
 * are counted a second time, for what they make will be held as well. */
static uint64_t promised(const struct fs_volume *vol, bool with_snapshot)
{
	const struct space *space = vol->space;
	uint64_t n = space->claim_blocks + space->map_holes;

	if (!with_snapshot)
		return n + space->lun_blocks + space->shared_names;
	return n + space->lun_full_blocks + space->meta_blocks + space->name_blocks + pending(vol) +
	       maps_full_blocks(vol);
}

uint64_t space_available(const struct fs_volume *vol)
{
	return minus(vol->free_blocks, pending(vol) + pool(vol) + promised(vol, snapshot_is_coming(vol)));
}

/* What of the reservations may turn out to be no promise at all when it is counted. */
static uint64_t uncounted(const struct fs_volume *vol)
{
	const struct vtoc_entry *entry = NULL;
	uint64_t n = 0;

	while (vol->vtoc != NULL && (entry = vtoc_next((struct fs_volume *)(uintptr_t)vol, entry)) != NULL)
		n += entry->reserved && entry->shared_stale ? entry->shared_blocks : 0;
	return n;
}

uint64_t space_available_most(const struct fs_volume *vol)
{
	if (snapshot_is_coming(vol))
		return space_available(vol); /* it will hold all of them */
	return minus(vol->free_blocks + uncounted(vol), pending(vol) + pool(vol) + promised(vol, false));
}

/* ---- admission ---- */

static bool has_room_held(const struct fs_volume *vol, uint64_t n_blocks)
{
	if (vol->free_blocks < pending(vol) + n_blocks + space_floor(vol))
		return false;
	/* What is used up of a promise now will be promised again when the snapshot asked for is there: it goes first,
	 * or there is enough. */
	return !snapshot_creation_asked(vol) ||
	       vol->free_blocks >= pending(vol) + 2U * n_blocks + pool(vol) + promised(vol, true);
}

/* Blocks that are rewritten in part and held by a snapshot are a loss: not to the end of what others were promised. */
static bool has_room_trim(const struct fs_volume *vol, uint64_t n_blocks)
{
	return has_room_held(vol, n_blocks) &&
	       (vol->snapshots->n == 0 || vol->free_blocks >= pending(vol) + n_blocks + space_floor(vol) +
	                                                          WRITE_BLOCKS +
	                                                          promised(vol, snapshot_is_coming(vol)));
}

static bool has_room(const struct fs_volume *vol, uint64_t n_blocks, enum space_class cls)
{
	switch (cls) {
	case SPACE_NEW: return space_available(vol) >= n_blocks;
	case SPACE_TRIM: return has_room_trim(vol, n_blocks);
	case SPACE_REWRITE:
		if (snapshot_is_coming(vol))
			return space_available(vol) >= n_blocks;
		break;
	case SPACE_LUN:
	case SPACE_NAMES: break;
	}
	return has_room_held(vol, n_blocks);
}

/* There is no room now. -EAGAIN parked: a CP may make some; -ENOSPC. */
static int room_wait(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;

	if (vol->failed != 0)
		return vol->failed;
	/* The snapshot of a check keeps what was freed since: clients come first. */
	if (vol->check != NULL)
		vol->hooks->check_cancel(vol, "clients needed the space that its snapshot kept");
	/* Pending is an upper estimate, and what was freed counts only after its CP. */
	if (zombie_pending(vol) || snapshot_work_pending(vol) || vol->check != NULL || space_count_is_running(vol)) {
		if (!space_count_is_running(vol))
			cp_request(vol, CP_SPACE);
		return run_wait(run, &vol->cp_waiters);
	}
	if (run->n_space_waits < WAITS_MAX && (cp_is_running(vol) || vol->pending_blocks[gen_bit(vol)] > 0)) {
		run->n_space_waits++;
		cp_request(vol, CP_SPACE);
		return run_wait(run, &vol->cp_waiters);
	}
	return vol->hooks->make_room(vol) ? run_wait(run, &vol->cp_waiters) : -ENOSPC;
}

int space_admit(struct fs_run *run, size_t n_blocks, enum space_class cls)
{
	return has_room(run->vol, n_blocks, cls) ? 0 : room_wait(run);
}

int space_promise_admit(struct fs_run *run, uint64_t n_blocks, uint64_t *ret_missing)
{
	uint64_t available = space_available(run->vol);

	*ret_missing = minus(n_blocks, available);
	return *ret_missing == 0 ? 0 : room_wait(run);
}

int space_snapshot_admit(struct fs_run *run, uint64_t *ret_missing)
{
	struct fs_volume *vol = run->vol;

	*ret_missing = minus(pending(vol) + pool(vol) + promised(vol, true) + SNAPSHOT_BLOCKS, vol->free_blocks);
	return *ret_missing == 0 ? 0 : room_wait(run);
}

/* ---- claims ---- */

int space_claim(struct fs_volume *vol, struct space_claim *claim, uint64_t n_blocks)
{
	if (n_blocks > claim->n_blocks && space_available(vol) < n_blocks - claim->n_blocks)
		return -ENOSPC;
	vol->space->claim_blocks = vol->space->claim_blocks - claim->n_blocks + n_blocks;
	claim->n_blocks = n_blocks;
	return 0;
}

void space_claim_drop(struct fs_volume *vol, struct space_claim *claim)
{
	vc_assert(vol->space->claim_blocks >= claim->n_blocks);
	vol->space->claim_blocks -= claim->n_blocks;
	claim->n_blocks = 0;
}

int space_claim_admit(struct fs_run *run, const struct space_claim *claim, size_t n_blocks)
{
	const struct fs_volume *vol = run->vol;
	uint64_t taken = pending(vol) + pool(vol) + promised(vol, snapshot_is_coming(vol));

	return vol->free_blocks + claim->n_blocks >= taken + n_blocks ? 0 : room_wait(run);
}

void space_claim_draw(struct fs_volume *vol, struct space_claim *claim, uint64_t n_blocks)
{
	n_blocks = MIN_OF(n_blocks, claim->n_blocks);
	claim->n_blocks -= n_blocks;
	vol->space->claim_blocks -= n_blocks;
}

/* ---- LUNs ---- */

/* One block of each level at least: a tree that has been higher stays so. */
uint64_t space_full_blocks(uint64_t size_bytes)
{
	uint64_t n = DIV_UP(size_bytes, FS_BLOCK_SIZE), sum = n;

	for (unsigned level = 1; level < TREE_HEIGHT_MAX; level++) {
		n = DIV_UP(n, PTRS_PER_BLOCK);
		sum += n;
	}
	return sum;
}

uint64_t space_reservation(const struct vtoc_entry *entry)
{
	return entry->reserved ? minus(entry->full_blocks, entry->own_blocks) + entry->shared_blocks : 0;
}

void space_sum(struct fs_volume *vol)
{
	const struct vtoc_entry *entry = NULL;
	struct space *space = vol->space;

	space->lun_blocks = space->lun_full_blocks = 0;
	while (vol->vtoc != NULL && (entry = vtoc_next(vol, entry)) != NULL) {
		space->lun_blocks += space_reservation(entry);
		space->lun_full_blocks += entry->reserved ? MAX_OF(entry->full_blocks, entry->own_blocks) : 0;
	}
}

void space_lun_changed(struct fs_volume *vol, struct vtoc_entry *entry, struct inode *container, bool reserved)
{
	uint64_t full = space_full_blocks(container->attr.size_bytes);

	entry->reserved = reserved;
	/* What a smaller size frees is free after the CP that has it, and not if a snapshot holds it: till then nothing
	 * is given back. */
	if (full < entry->full_blocks)
		entry->shrunk_in = vol->generation;
	entry->full_blocks = MAX_OF(full, entry->full_blocks);
	container->space_class = reserved ? INODE_SPACE_LUN : INODE_SPACE_NEW;
	space_sum(vol);
}

void space_lun_load(struct fs_volume *vol, struct vtoc_entry *entry, struct inode *container, bool reserved)
{
	entry->reserved = reserved;
	entry->full_blocks = space_full_blocks(container->attr.size_bytes);
	entry->own_blocks = container->n_blocks;
	entry->shared_blocks = vol->snapshots->n == 0 ? 0 : entry->own_blocks;
	entry->shared_stale = entry->shared_blocks > 0;
	container->n_shared_freed = 0; /* by the CP of the replay: it is in own_blocks */
	container->space_class = reserved ? INODE_SPACE_LUN : INODE_SPACE_NEW;
}

enum space_class space_class_of(struct inode *inode, enum space_class otherwise)
{
	if (inode->attr.type != FS_TYPE_VDISK || inode->snapshot != 0)
		return otherwise;
	if (inode->space_class == INODE_SPACE_UNKNOWN && inode->vol->vtoc != NULL) {
		const struct vtoc_entry *entry = vtoc_find(inode->vol, inode->ino, inode->attr.generation);

		inode->space_class = entry != NULL && entry->reserved ? INODE_SPACE_LUN : INODE_SPACE_NEW;
	}
	return inode->space_class == INODE_SPACE_LUN ? SPACE_LUN : otherwise;
}

/* ---- the CP's ---- */

void space_cp_open(struct cp *cp)
{
	struct fs_volume *vol = cp->vol;
	const struct snapshot *newest = vol->snapshots->n == 0 ? NULL : vol->snapshots->byage[vol->snapshots->n - 1U];

	vol->space->frees_exact = newest != NULL && !newest->deleting && !snapshot_is_own(newest);
	vol->space->n_names_freed = 0;
}

bool space_is_name(const struct inode *inode)
{
	uint8_t type = inode->attr.type;

	return inode->ino < INO_ROOT || type == FS_TYPE_DIR || type == FS_TYPE_STREAM || type == FS_TYPE_STREAM_DIR;
}

void space_count(struct inode *inode, int n)
{
	struct space *space = inode->vol->space;

	if (inode->ino < INO_ROOT && inode->ino != INO_VTOC && inode->ino != INO_DOCS)
		return; /* its n_blocks says it */
	if (space_is_name(inode))
		space->name_blocks = n < 0 ? minus(space->name_blocks, (uint64_t)-n) : space->name_blocks + (uint64_t)n;
}

static void lun_cp_done(struct fs_volume *vol, struct vtoc_entry *entry, bool snapshot)
{
	struct inode *inode = inode_find(vol, 0, entry->ino);

	if (inode != NULL && inode->loaded && inode->attr.generation == entry->generation) {
		entry->own_blocks = inode->n_blocks;
		if (entry->shrunk_in < vol->generation)
			entry->full_blocks = space_full_blocks(inode->attr.size_bytes);
		if (vol->space->frees_exact)
			entry->shared_blocks = minus(entry->shared_blocks, inode->n_shared_freed);
		else
			entry->shared_stale = entry->shared_stale || inode->n_shared_freed > 0;
		entry->n_shared_freed += inode->n_shared_freed;
		inode->n_shared_freed = 0;
	}
	if (snapshot) {
		entry->shared_blocks = entry->own_blocks;
		entry->shared_stale = false;
	} else if (vol->snapshots->n == 0) {
		entry->shared_blocks = 0;
		entry->shared_stale = false;
	}
	entry->shared_blocks = MIN_OF(entry->shared_blocks, entry->own_blocks);
}

bool space_is_names(uint32_t ino, unsigned type)
{
	return ino == INO_VTOC || ino == INO_DOCS ||
	       (ino >= INO_ROOT && (type == FS_TYPE_DIR || type == FS_TYPE_STREAM || type == FS_TYPE_STREAM_DIR));
}

void space_restored(struct fs_volume *vol, uint64_t name_blocks)
{
	struct space *space = vol->space;

	space->name_blocks = name_blocks;
	space->names_counted = true;
	space->shared_names = meta_blocks(vol) + name_blocks;
}

void space_loaded(struct fs_volume *vol)
{
	struct space *space = vol->space;

	vol->free_blocks = maps_free_blocks(vol);
	space->active_blocks = vol->maps->n_active;
	space->snapshot_blocks = vol->maps->n_summary;
	space->meta_blocks = meta_blocks(vol);
	space->map_holes = map_holes(vol);
}

/* What the last CP left stays as it was; a CP may be under way. */
void space_grow(struct fs_volume *vol, uint64_t n_blocks, uint32_t n_regions_before)
{
	vol->free_blocks += n_blocks;
	vol->space->map_holes += maps_full_blocks(vol) - maps_blocks(n_regions_before);
	if (atomic_load_explicit(&vol->state, memory_order_relaxed) == VOLUME_ONLINE)
		space_level_update(vol);
	run_wake_all(&vol->cp_waiters);
}

void space_cp_done(struct fs_volume *vol, bool snapshot)
{
	struct space *space = vol->space;
	struct vtoc_entry *entry = NULL;
	uint32_t newest = snapshot_newest_id(vol);

	space_loaded(vol);
	if (space->frees_exact)
		space->shared_names = minus(space->shared_names, space->n_names_freed);
	space->n_names_freed = 0;
	if (snapshot)
		space->shared_names = space->meta_blocks + space->name_blocks;
	else if (vol->snapshots->n == 0)
		space->shared_names = 0;
	space->shared_names = MIN_OF(space->shared_names, space->meta_blocks + space->name_blocks);
	while (vol->vtoc != NULL && (entry = vtoc_next(vol, entry)) != NULL) {
		lun_cp_done(vol, entry, snapshot);
		if (space->newest != newest && !snapshot && entry->shared_blocks > 0)
			entry->shared_stale = true; /* the newest snapshot is gone: the one before it holds less */
	}
	space->newest = newest;
	space_sum(vol);
	if (atomic_load_explicit(&vol->state, memory_order_relaxed) == VOLUME_ONLINE)
		space_level_update(vol);
	space_count_begin(vol);
}

void space_encode(const struct cp *cp, struct fsinfo_disk *disk)
{
	const struct fs_volume *vol = cp->vol;
	const struct space *space = vol->space;
	uint64_t all = meta_blocks(vol) + space->name_blocks, shared = space->shared_names;

	if (snapshot_creation_taken(vol))
		shared = all;
	else if (space->frees_exact)
		shared = minus(shared, space->n_names_freed);
	disk->space_flags = le32_of(space->names_counted ? FSINFO_NAMES_COUNTED : 0);
	disk->name_blocks = le64_of(space->name_blocks);
	disk->shared_names = le64_of(MIN_OF(shared, all));
}

void space_decode(struct fs_volume *vol, const struct fsinfo_disk *disk)
{
	vol->space->names_counted = (le32_get(disk->space_flags) & FSINFO_NAMES_COUNTED) != 0;
	vol->space->name_blocks = le64_get(disk->name_blocks);
	vol->space->shared_names = le64_get(disk->shared_names);
}

/* ---- figures ---- */

static uint64_t take(uint64_t *io_left, uint64_t n)
{
	n = MIN_OF(n, *io_left);
	*io_left -= n;
	return n;
}

void space_figures(const struct fs_volume *vol, struct space_figures *ret_figures)
{
	const struct space *space = vol->space;
	bool coming = snapshot_is_coming(vol);
	uint64_t left = vol->free_blocks, luns = coming ? space->lun_full_blocks : space->lun_blocks;
	uint64_t reserved = luns + space->claim_blocks;

	ret_figures->size_blocks = vol->maps->n_blocks;
	ret_figures->metadata_blocks = MIN_OF(space->meta_blocks, space->active_blocks);
	ret_figures->snapshot_blocks = space->snapshot_blocks;
	ret_figures->used_blocks = space->active_blocks - ret_figures->metadata_blocks + take(&left, pending(vol));
	ret_figures->reserved_blocks = take(&left, reserved);
	ret_figures->kept_blocks = take(&left, pool(vol) + promised(vol, coming) - reserved);
	ret_figures->available_blocks = left;
	vc_invariant(SP3, ret_figures->size_blocks == ret_figures->used_blocks + ret_figures->metadata_blocks +
	                                                  ret_figures->snapshot_blocks + ret_figures->reserved_blocks +
	                                                  ret_figures->kept_blocks + ret_figures->available_blocks);
}
