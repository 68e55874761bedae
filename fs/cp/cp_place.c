/* SPDX-License-Identifier: Apache-2.0 */
/* CP stage PLACE: a VBN for every block of the worklist, and the maps that say so, until nothing new joins.
 *
 * WRITE PATH. previous hop: cp.c; next hops: alloc.h, maps.h, and cp_write.c for what has its place. */
#include "base/error.h"
#include "base/list.h"
#include "base/radix.h"
#include "fs/core/core.h"
#include "fs/core/file_block.h"
#include "fs/core/hooks.h"
#include "fs/core/vbn_set.h"
#include "fs/cp/alloc.h"
#include "fs/cp/cp.h"
#include "fs/cp/maps.h"
#include "fs/cp/space.h"
#include "fs/file/cache.h"
#include "fs/file/inode.h"
#include "fs/file/inode_table.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "raid/raid.h"

#define SLICE_BLOCKS 32U
#define SLICE_FREES 32U
#define CLEAR_REGIONS 16U /* regions whose maps one slice of clearing asks for */

static void member_place(struct cp *cp, struct buf *buf, uint32_t vbn)
{
	uint32_t old = cp_parent_ptr(buf);

	if (old == VBN_HOLE || old == VBN_ZERO) {
		buf->inode->n_blocks++;
		space_count(buf->inode, 1);
		if (buf->level == 0 && buf->inode->attr.type == FS_TYPE_VDISK && !cp_is_cloned(buf))
			cp->vol->hooks->tree_changed(buf->inode, buf->fbn, 1,
			                             old == VBN_ZERO ? FILE_BLOCK_ZERO : FILE_BLOCK_HOLE,
			                             FILE_BLOCK_DATA);
	} else {
		cp_free_block(cp, buf->inode, old);
	}
	cp_parent_set(buf, vbn);
	buf->vbn_new = vbn;
	maps_set_active(cp, vbn);
}

/* Place what is in the worklist; a VBN is asked for first, then everything that using it needs is made sure of. */
static int place_members(struct fs_run *run)
{
	struct cp *cp = run->vol->cp;
	unsigned n = 0;

	while (cp->n_placed < cp->members.n) {
		struct buf *buf = cp->members.bufs[cp->n_placed];
		int err;

		if (buf->dropped) {
			cp->n_placed++;
			continue;
		}
		if (cp->vbn_in_hand == 0) {
			err = alloc_next(run, cp->members.n - cp->n_placed, &cp->vbn_in_hand);
			if (err != 0)
				return err;
		}
		cp_write_early(cp);
		err = maps_need(run, region_of(cp->vbn_in_hand));
		if (err != 0)
			return err;
		member_place(cp, buf, cp->vbn_in_hand);
		cp->vbn_in_hand = 0;
		cp->n_placed++;
		if (++n >= SLICE_BLOCKS)
			return run_yield(run);
	}
	return 0;
}

static void frees_sort(struct cp *cp)
{
	size_t n = cp->frees.n;
	uint64_t *keys = cp_keys(cp, n), *next = keys;

	/* Of two who had the same block the one that must not be wrong comes first (the sort is stable). */
	for (uint32_t removed = 0; removed <= 1; removed++)
		for (size_t i = 0; i < n; i++)
			if (cp->frees.frees[i].owner >> 31 == removed)
				*next++ = (uint64_t)cp->frees.frees[i].owner << 32 | cp->frees.frees[i].vbn;
	radix_sort(keys, keys + n, n);
	for (size_t i = 0; i < n; i++)
		cp->frees.frees[i] = (struct cp_free){ .vbn = (uint32_t)keys[i], .owner = (uint32_t)(keys[i] >> 32) };
}

/* A block is the active file system's no more, but a snapshot's: its owner has so much less that it shares. */
static void shared_freed(struct cp *cp, uint32_t owner)
{
	owner &= ~CP_OWNER_REMOVED;
	if (owner == CP_OWNER_NAMES)
		cp->vol->space->n_names_freed++;
	else if (owner >= CP_OWNER_FIRST)
		cp->owners[owner - CP_OWNER_FIRST]->n_shared_freed++;
}

/* Maps of the next regions in which something is to be cleared. */
static int clear_need(struct fs_run *run, size_t slice_end, size_t *ret_end)
{
	const struct cp_free_vector *frees = &run->vol->cp->frees;
	uint32_t last = UINT32_MAX, n_regions = 0;
	int result = 0;
	size_t i;

	for (i = run->vol->cp->n_cleared; i < MIN_OF(frees->n, slice_end); i++) {
		uint32_t region = region_of(frees->frees[i].vbn);
		int err;

		if (region == last)
			continue;
		if (n_regions++ == CLEAR_REGIONS || region >= run->vol->maps->n_regions)
			break;
		last = region;
		err = maps_need_clear(run, region);
		if (err != 0 && err != -EAGAIN)
			return err;
		if (err != 0)
			result = err;
	}
	*ret_end = i;
	return result;
}

static int free_clear(struct cp *cp, const struct cp_free *free)
{
	bool held;
	int err = maps_clear_active(cp, free->vbn, &held);

	if (err == -EUCLEAN && (free->owner & CP_OWNER_REMOVED) != 0) {
		cp_damage_passed(cp->vol, "vbn", free->vbn, err);
		return 0;
	}
	if (err != 0)
		return err;
	if (held)
		shared_freed(cp, free->owner);
	vbn_set_add(&cp->freed, free->vbn);
	return 0;
}

static int clear_frees(struct fs_run *run)
{
	struct cp *cp = run->vol->cp;
	size_t end, slice_end = cp->n_cleared + SLICE_FREES;
	int err;

	if (cp->n_cleared == 0)
		frees_sort(cp);
	while (cp->n_cleared < cp->frees.n) {
		uint32_t region = UINT32_MAX;

		err = clear_need(run, slice_end, &end);
		if (err != 0)
			return err;
		if (end == cp->n_cleared)
			return -EUCLEAN; /* a VBN beyond the volume */
		for (; cp->n_cleared < end; cp->n_cleared++) {
			uint32_t vbn = cp->frees.frees[cp->n_cleared].vbn;

			if (region_of(vbn) != region) {
				region = region_of(vbn);
				/* pages for what clearing drags in; all of it is in memory */
				err = maps_need_clear(run, region);
				if (err != 0)
					return err;
			}
			err = free_clear(cp, &cp->frees.frees[cp->n_cleared]);
			if (err != 0)
				return err;
		}
		cache_unpin_all(run);
		if (end < cp->frees.n && end == slice_end)
			return run_yield(run);
	}
	cp->frees.n = 0;
	cp->n_cleared = 0;
	return 0;
}

int cp_place_step(struct fs_run *run)
{
	struct cp *cp = run->vol->cp;

	cp_members_join(cp);
	do {
		int err = cp->n_cleared == 0 ? place_members(run) : 0;

		if (err == 0)
			err = clear_frees(run);
		if (err != 0)
			return err;
	} while (cp->n_placed < cp->members.n || cp->frees.n > 0);
	return 0;
}

void cp_encode_records(struct cp *cp)
{
	maps_encode(cp);
	for (size_t i = 0; i < cp->n_inodes; i++) {
		struct inode *inode = cp->inodes[i];
		struct buf *block;
		struct inode_disk *disk;

		if (inode->ino == INO_INODE_FILE)
			continue;
		block = cache_find(cp->vol->inode_file, 0, inode->ino / INODES_PER_BLOCK);
		disk = (struct inode_disk *)(void *)block->page->data + inode->ino % INODES_PER_BLOCK;
		vc_invariant(CP4, inode->frozen || (inode->dirty_gen_bits & 1U << (cp->bit ^ 1U)) == 0);
		if (inode->frozen ? inode->cp_removed : inode->removed)
			memset(disk, 0, sizeof(*disk));
		else
			inode_encode(inode, cp_attr_of(inode), disk);
	}
}
