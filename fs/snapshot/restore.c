/* SPDX-License-Identifier: Apache-2.0 */
/* The mount that puts a volume back to a snapshot: what is taken from the last fsinfo, the switch in memory, and its
 * consistency point.
 *
 * THEORY. fs/snapshot/restore.h has the whole. The steps before the switch only read, from the volume as the last
 * fsinfo has it. After the switch, inodes in memory are the snapshot's. The active map of the last fsinfo lives on,
 * detached: the allocator must keep off its blocks. The CP then does what only a CP can do: it adopts blocks, makes
 * a zombie, and writes the space map. When anything fails before its fsinfo is durable, memory is thrown away, and
 * the disks have the volume as it was. */
#include "fs/snapshot/restore.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/list.h"
#include "fs/core/core.h"
#include "fs/core/vbn_set.h"
#include "fs/cp/cp.h"
#include "fs/cp/maps.h"
#include "fs/cp/space.h"
#include "fs/cp/zombie.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/inode_table.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/snapshot/restore_kept.h"
#include "fs/snapshot/snapshot.h"
#include "fs/vdisk/vdisk.h"
#include "raid/raid.h"

#define WORDS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(uint64_t))
#define REGIONS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(struct region_disk))
#define NAMED_AHEAD 64U

enum restore_stage {
	RESTORE_READY, /* is everything as FS_SNAPSHOT_RESTORE left it? */
	RESTORE_TREES, /* the blocks to be adopted, the trees to be let go */
	RESTORE_TAKE, /* documents, settings of LUNs */
	RESTORE_SWITCH,
	RESTORE_METAFILES,
	RESTORE_ADOPTABLE, /* RS3 */
	RESTORE_COUNT, /* regions */
	RESTORE_INODES, /* numbers in use */
	RESTORE_NAMES, /* blocks of directories and streams */
	RESTORE_ZOMBIES,
	RESTORE_PUT,
	RESTORE_DONE
};

struct restore {
	uint32_t id; /* the snapshot */
	enum restore_stage stage;
	struct inode_disk root; /* its inode file */
	struct restore_kept kept;
	struct vbn_vector adopted; /* blocks of today's summary map */
	struct vbn_vector table; /* of today's snapshot table */
	struct vbn_vector table_then; /* of the snapshot table when the snapshot was made */
	struct inode *summary_then; /* detached: the summary map's tree of that time */
	struct inode *active_now; /* detached: the active map of the last fsinfo */
	uint32_t cursor; /* of the stage */
	uint64_t n_inodes, n_names;
	/* the CP's */
	size_t n_adopted, n_table;
	bool table_freed, summary_freed;
	uint32_t space_fbn;
};

int restore_init(struct fs_volume *vol, const char *snapshot_name)
{
	const struct snapshot *snapshot = snapshot_find(vol, snapshot_name, strlen(snapshot_name));

	if (snapshot == NULL)
		return -ENOENT;
	vol->restore = calloc(1, sizeof(*vol->restore));
	if (vol->restore == NULL)
		return -ENOMEM;
	vol->restore->id = snapshot->info.id;
	vol->restore->root = snapshot->inode_file;
	return 0;
}

void restore_fini(struct fs_volume *vol)
{
	struct restore *restore = vol->restore;

	if (restore == NULL)
		return;
	vol->maps->barred = NULL;
	if (restore->active_now != NULL)
		inode_discard(restore->active_now);
	if (restore->summary_then != NULL)
		inode_discard(restore->summary_then);
	restore_kept_fini(&restore->kept);
	free(restore->adopted.vbns);
	free(restore->table.vbns);
	free(restore->table_then.vbns);
	free(restore);
	vol->restore = NULL;
}

/* ---- before the switch: looking ---------------------------------------------------------------------------------- */

static int ready_step(struct fs_run *run)
{
	const struct fs_volume *vol = run->vol;
	const struct snapshot_table *table = vol->snapshots;

	for (unsigned i = 0; i < table->n; i++)
		if (table->byage[i]->deleting || snapshot_is_own(table->byage[i]))
			return -EBUSY;
	for (uint32_t region = 0; region < vol->maps->n_regions; region++)
		if (!restore_region_is_ready(vol, region))
			return -EBUSY;
	return table->deletion.stage != DELETION_NONE ? -EBUSY : 0;
}

/* The summary map of the snapshot's time: its tree, without content. */
static int summary_then_take(struct fs_run *run)
{
	struct restore *restore = run->vol->restore;
	struct inode *inode;
	int err = inode_get(run, restore->id, INO_SUMMARY_MAP, &inode);

	if (err != 0)
		return err == -ESTALE ? -EUCLEAN : err;
	restore->summary_then = inode_new_detached(run->vol, INO_SUMMARY_MAP);
	restore->summary_then->height = inode->height;
	restore->summary_then->n_blocks = inode->n_blocks;
	memcpy(restore->summary_then->ptr, inode->ptr, sizeof(inode->ptr));
	return 0;
}

static int table_then_take(struct fs_run *run)
{
	struct restore *restore = run->vol->restore;
	struct inode_disk disk;
	int err = restore_table_of(run, restore->id, &disk);

	restore->table_then.n = 0;
	for (unsigned i = 0; err == 0 && i < PTRS_PER_INODE; i++)
		if (le32_get(disk.data.ptr[i]) != VBN_HOLE)
			vbn_push(&restore->table_then, le32_get(disk.data.ptr[i]));
	return err;
}

static int trees_step(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct restore *restore = vol->restore;
	int err;

	restore->adopted.n = restore->table.n = 0;
	err = snapshot_tree_collect(run, vol->summary_map, vol->maps->n_regions, &restore->adopted);
	if (err == 0)
		err = snapshot_tree_collect(run, vol->snapshot_file, PTRS_PER_INODE, &restore->table);
	if (err == 0)
		err = table_then_take(run);
	return err != 0 || restore->summary_then != NULL ? err : summary_then_take(run);
}

/* ---- the switch -------------------------------------------------------------------------------------------------- */

static int switch_step(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct restore *restore = vol->restore;
	struct inode **let_go[] = { &vol->inode_map, &vol->space_map, &vol->zombies };
	struct inode *probe = inode_new_detached(vol, INO_INODE_FILE);
	int err = inode_decode(&restore->root, probe);

	if (err == 0 && probe->attr.type != FS_TYPE_META)
		err = -EUCLEAN;
	inode_discard(probe);
	if (err != 0)
		return err;
	cache_unpin_all(run);
	restore_kept_switch(&restore->kept);
	vdisk_unmount(vol);
	restore->active_now = vol->active_map;
	inode_detach(vol->active_map);
	vol->active_map = NULL;
	vol->maps->barred = restore->active_now;
	for (unsigned i = 0; i < ARRAY_SIZE(let_go); i++) {
		inode_unpin(*let_go[i]);
		*let_go[i] = NULL;
	}
	inode_discard_snapshot(vol, 0); /* all but the pinned: inode file, summary map, snapshot table */
	cache_drop_inode(vol->inode_file);
	inode_numbers_changed(vol);
	return inode_decode(&restore->root, vol->inode_file);
}

/* ---- after it: counting ------------------------------------------------------------------------------------------ */

/* RS3: what will be adopted is nobody's in the snapshot. */
static int adoptable_step(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct restore *restore = vol->restore;

	for (; restore->cursor < restore->adopted.n; restore->cursor++) {
		uint32_t vbn = restore->adopted.vbns[restore->cursor], bit = vbn % REGION_BLOCKS;
		const uint8_t *bytes;
		int err = region_of(vbn) < vol->maps->n_regions
		              ? file_need(run, vol->active_map, region_of(vbn), &bytes)
		              : -EUCLEAN;

		if (err == 0 && (bytes[bit / 8U] & 1U << bit % 8U) != 0)
			err = -EBUSY;
		if (err != 0)
			return err;
	}
	restore->cursor = 0;
	return 0;
}

static int region_count(struct fs_run *run, uint32_t region)
{
	struct maps *maps = run->vol->maps;
	struct region *counts = &maps->regions[region];
	const uint8_t *active_bytes, *summary_bytes;
	const uint64_t *active, *summary;
	uint32_t n_active = 0, n_summary = 0;
	int err = file_need(run, run->vol->active_map, region, &active_bytes);
	int err2 = file_need(run, run->vol->summary_map, region, &summary_bytes);

	if (err != 0 || err2 != 0)
		return err != 0 ? err : err2;
	active = (const uint64_t *)(const void *)active_bytes;
	summary = (const uint64_t *)(const void *)summary_bytes;
	for (unsigned i = 0; i < WORDS_PER_BLOCK; i++) {
		if ((active[i] & ~summary[i]) != 0)
			return -EUCLEAN; /* every region is folded, so the summary map has all of the snapshot */
		n_active += (uint32_t)__builtin_popcountll(active[i]);
		n_summary += (uint32_t)__builtin_popcountll(summary[i] & ~active[i]);
	}
	maps->n_active = maps->n_active - counts->n_active + n_active;
	maps->n_summary = maps->n_summary - counts->n_summary + n_summary;
	counts->n_active = n_active;
	counts->n_summary = n_summary;
	maps->record_dirty[region / REGIONS_PER_BLOCK] = 1;
	return 0;
}

static int count_step(struct fs_run *run)
{
	struct restore *restore = run->vol->restore;
	uint32_t n_regions = run->vol->maps->n_regions;
	const uint8_t *bytes;

	while (restore->cursor < n_regions) {
		int err = region_count(run, restore->cursor);

		for (uint32_t i = 1; err == -EAGAIN && i < NAMED_AHEAD && restore->cursor + i < n_regions; i++) {
			(void)!file_need(run, run->vol->active_map, restore->cursor + i, &bytes);
			(void)!file_need(run, run->vol->summary_map, restore->cursor + i, &bytes);
		}
		if (err != 0)
			return err;
		restore->cursor++;
		cache_unpin_all(run);
		if (restore->cursor % 256U == 0)
			return run_yield(run);
	}
	restore->cursor = 0;
	return 0;
}

static int inodes_step(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct restore *restore = vol->restore;
	uint32_t n_blocks = blocks_of_size(vol->inode_map->attr.size_bytes);

	for (; restore->cursor < n_blocks; restore->cursor++) {
		const uint8_t *bytes;
		int err = file_need(run, vol->inode_map, restore->cursor, &bytes);

		if (err != 0)
			return err;
		for (unsigned i = restore->cursor == 0 ? INO_ROOT / 64U : 0; i < WORDS_PER_BLOCK; i++) {
			uint64_t word;

			memcpy(&word, bytes + i * sizeof(word), sizeof(word));
			restore->n_inodes += (uint64_t)__builtin_popcountll(word);
		}
		cache_unpin_all(run);
	}
	vol->inodes_used = restore->n_inodes;
	restore->cursor = 0;
	return 0;
}
static_assert(INO_ROOT % 64U == 0, "what is below the root is whole words of the inode map");

static uint64_t block_names(const uint8_t *bytes, uint32_t fbn)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < INODES_PER_BLOCK; i++) {
		struct inode_disk disk;

		memcpy(&disk, bytes + i * sizeof(disk), sizeof(disk));
		if (space_is_names(fbn * INODES_PER_BLOCK + i, disk.type_height & 15U))
			n += le32_get(disk.n_blocks);
	}
	return n;
}

/* The space ledger's count of names is of today; the snapshot kept none. */
static int names_step(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct restore *restore = vol->restore;
	uint32_t n_blocks = blocks_of_size(vol->inode_file->attr.size_bytes);

	while (restore->cursor < n_blocks) {
		const uint8_t *bytes;
		int err = file_need(run, vol->inode_file, restore->cursor, &bytes);

		for (uint32_t i = 1; err == -EAGAIN && i < NAMED_AHEAD && restore->cursor + i < n_blocks; i++)
			(void)!file_need(run, vol->inode_file, restore->cursor + i, &bytes);
		if (err != 0)
			return err;
		restore->n_names += block_names(bytes, restore->cursor);
		restore->cursor++;
		cache_unpin_all(run);
		if (restore->cursor % 256U == 0)
			return run_yield(run);
	}
	space_restored(vol, restore->n_names);
	return 0;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static void newer_supersede(struct fs_volume *vol)
{
	for (unsigned i = 0; i < vol->snapshots->n; i++) {
		struct snapshot *snapshot = vol->snapshots->byage[i];

		if (snapshot->info.id <= vol->restore->id)
			continue;
		snapshot->deleting = snapshot->superseded = true;
		snapshot_slot_changed(vol, snapshot->slot);
	}
}

static int kept_take_step(struct fs_run *run)
{
	return restore_kept_take(run, &run->vol->restore->kept);
}

static int kept_put_step(struct fs_run *run)
{
	return restore_kept_put(run, &run->vol->restore->kept);
}

int restore_step(struct fs_run *run)
{
	static int (*const steps[RESTORE_DONE])(struct fs_run *) = {
		[RESTORE_READY] = ready_step,
		[RESTORE_TREES] = trees_step,
		[RESTORE_TAKE] = kept_take_step,
		[RESTORE_SWITCH] = switch_step,
		[RESTORE_METAFILES] = inode_metafiles_load,
		[RESTORE_ADOPTABLE] = adoptable_step,
		[RESTORE_COUNT] = count_step,
		[RESTORE_INODES] = inodes_step,
		[RESTORE_NAMES] = names_step,
		[RESTORE_ZOMBIES] = zombie_load,
		[RESTORE_PUT] = kept_put_step,
	};
	struct restore *restore = run->vol->restore;

	while (restore->stage < RESTORE_DONE) {
		int err = steps[restore->stage](run);

		if (err != 0)
			return err;
		restore->stage++;
		cache_unpin_all(run);
	}
	newer_supersede(run->vol);
	return 0;
}

/* ---- in the CP --------------------------------------------------------------------------------------------------- */

/* Today's trees become the active file system's. Of the table, a block that has not changed since the snapshot is in
 * its map already. */
static int adopt(struct fs_run *run, const struct vbn_vector *vbns, size_t *io_n, bool may_be_there)
{
	struct fs_volume *vol = run->vol;

	while (*io_n < vbns->n) {
		uint32_t vbn = vbns->vbns[*io_n], bit = vbn % REGION_BLOCKS;
		int err = maps_need_clear(run, region_of(vbn));

		if (err != 0)
			return err;
		if (!may_be_there ||
		    (cache_find(vol->active_map, 0, region_of(vbn))->page->data[bit / 8U] & 1U << bit % 8U) == 0)
			maps_adopt_active(vol->cp, vbn);
		(*io_n)++;
		if (*io_n % 256U == 0)
			return run_yield(run);
		if (*io_n % 16U == 0)
			cache_unpin_all(run);
	}
	return 0;
}

static void table_then_free(struct fs_volume *vol)
{
	const struct restore *restore = vol->restore;

	for (size_t i = 0; i < restore->table_then.n; i++) {
		bool kept = false;

		for (size_t k = 0; k < restore->table.n; k++)
			kept |= restore->table.vbns[k] == restore->table_then.vbns[i];
		if (!kept)
			cp_free_block(vol->cp, vol->snapshot_file, restore->table_then.vbns[i]);
	}
}

/* Every record of the space map is another one. */
static int space_map_write(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct restore *restore = vol->restore;

	while (restore->space_fbn < DIV_UP(vol->maps->n_regions, REGIONS_PER_BLOCK)) {
		struct buf *buf;
		int err = cp_need_inode(run, vol->space_map);

		if (err == 0)
			err = cp_need_block(run, vol->space_map, restore->space_fbn, &buf);
		if (err != 0)
			return err;
		(void)cp_edit_block(vol->cp, buf);
		restore->space_fbn++;
	}
	return 0;
}

/* The inodes of what was adopted get their records in the snapshot's inode file. */
static int inodes_write(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	int err = cp_need_inode(run, vol->summary_map);

	if (err == 0)
		err = cp_need_inode(run, vol->snapshot_file);
	if (err == 0)
		err = run_reserve(run, 16);
	if (err != 0)
		return err;
	cp_inode_add(vol->cp, vol->summary_map);
	cp_inode_add(vol->cp, vol->snapshot_file);
	return 0;
}

int restore_cp_step(struct fs_run *run)
{
	struct restore *restore = run->vol->restore;
	int err;

	if (restore == NULL)
		return 0;
	err = adopt(run, &restore->adopted, &restore->n_adopted, false);
	if (err == 0)
		err = adopt(run, &restore->table, &restore->n_table, true);
	if (err == 0 && !restore->table_freed) {
		table_then_free(run->vol);
		restore->table_freed = true;
	}
	if (err == 0 && !restore->summary_freed) {
		err = zombie_adopt(run, restore->summary_then);
		restore->summary_freed = err == 0;
	}
	if (err == 0)
		err = space_map_write(run);
	return err != 0 ? err : inodes_write(run);
}
