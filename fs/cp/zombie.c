/* SPDX-License-Identifier: Apache-2.0 */
/* Freeing the trees of removed files, slice by slice.
 *
 * THEORY. A removed file may be damaged, and the volume must not stop for it. An indirect block that cannot be read
 * is stepped over, with all blocks below it. A pointer that leads to no block in use is passed over
 * (cp_free_removed). Blocks that are lost in this way are marked in use, and nothing refers to them. The check finds
 * them, and the repair gives them back. */
#include "fs/cp/zombie.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/reserve.h"
#include "fs/core/core.h"
#include "fs/cp/cp.h"
#include "fs/file/cache.h"
#include "fs/file/cache_cp.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/inode_table.h"
#include "fs/file/run.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "raid/raid.h"

#define ZOMBIES_PER_BLOCK (FS_BLOCK_SIZE / sizeof(struct zombie_disk))

#define SLICE_NAMED 64U
#define SKIPS_A_STEP 1024U

static bool vbn_is_special(uint32_t vbn)
{
	return vbn == VBN_HOLE || vbn == VBN_ZERO;
}

int zombie_init(struct fs_volume *vol)
{
	vol->zombie_list = calloc(1, sizeof(*vol->zombie_list));
	if (vol->zombie_list == NULL)
		return -ENOMEM;
	TAILQ_INIT(&vol->zombie_list->queue);
	return 0;
}

static void zombie_free(struct zombie_list *list, struct zombie *zombie)
{
	TAILQ_REMOVE(&list->queue, zombie, link);
	list->n--;
	inode_discard(zombie->inode);
	free(zombie);
}

void zombie_fini(struct fs_volume *vol)
{
	struct zombie_list *list = vol->zombie_list;
	struct zombie *zombie;

	if (list == NULL)
		return;
	while ((zombie = TAILQ_FIRST(&list->queue)) != NULL)
		zombie_free(list, zombie);
	free(list->slots);
	free(list);
	vol->zombie_list = NULL;
}

bool zombie_pending(const struct fs_volume *vol)
{
	return vol->zombie_list->n > 0;
}

static void slots_grow(struct zombie_list *list, unsigned n)
{
	uint8_t *grown;

	if (n <= list->n_slots)
		return;
	grown = reserve_reallocarray(list->slots, n, 1);
	memset(grown + list->n_slots, 0, n - list->n_slots);
	list->slots = grown;
	list->n_slots = n;
}

static struct zombie *zombie_new(struct fs_volume *vol, unsigned slot, uint32_t ino)
{
	struct zombie *zombie = reserve_calloc(1, sizeof(*zombie));
	zombie->slot = slot;
	zombie->inode = inode_new_detached(vol, ino);
	TAILQ_INSERT_TAIL(&vol->zombie_list->queue, zombie, link);
	vol->zombie_list->n++;
	vol->zombie_list->slots[slot] = 1;
	return zombie;
}

int zombie_load(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	uint32_t n_blocks = blocks_of_size(vol->zombies->attr.size_bytes);
	const uint8_t *bytes;

	for (uint32_t fbn = vol->zombie_list->n_slots / ZOMBIES_PER_BLOCK; fbn < n_blocks; fbn++) {
		int err = file_need(run, vol->zombies, fbn, &bytes);

		if (err != 0)
			return err;
		slots_grow(vol->zombie_list, (unsigned)((fbn + 1U) * ZOMBIES_PER_BLOCK));
		for (unsigned i = 0; i < ZOMBIES_PER_BLOCK; i++) {
			const struct zombie_disk *disk = (const struct zombie_disk *)(const void *)bytes + i;
			struct zombie *zombie;

			if (le32_get(disk->used) == 0)
				continue;
			if (le32_get(disk->height) > TREE_HEIGHT_MAX)
				return -EUCLEAN;
			zombie = zombie_new(vol, (unsigned)(fbn * ZOMBIES_PER_BLOCK + i), le32_get(disk->inode));
			zombie->cursor_fbn = le32_get(disk->cursor_fbn);
			zombie->inode->height = (uint8_t)le32_get(disk->height);
			zombie->inode->n_blocks = (uint32_t)le64_get(disk->n_blocks);
			for (unsigned p = 0; p < PTRS_PER_INODE; p++)
				zombie->inode->ptr[p] = le32_get(disk->ptr[p]);
		}
	}
	return 0;
}

static void zombie_encode(const struct zombie *zombie, struct zombie_disk *ret_disk)
{
	memset(ret_disk, 0, sizeof(*ret_disk));
	ret_disk->used = le32_of(1);
	ret_disk->inode = le32_of(zombie->inode->ino);
	ret_disk->height = le32_of(zombie->inode->height);
	ret_disk->cursor_fbn = le32_of(zombie->cursor_fbn);
	ret_disk->n_blocks = le64_of(zombie->inode->n_blocks);
	for (unsigned i = 0; i < PTRS_PER_INODE; i++)
		ret_disk->ptr[i] = le32_of(zombie->inode->ptr[i]);
}

/* The record's block, to be changed in this step. */
static int record_need(struct fs_run *run, unsigned slot, struct buf **ret_buf)
{
	int err = cp_need_inode(run, run->vol->zombies);

	return err != 0 ? err : cp_need_block(run, run->vol->zombies, (uint32_t)(slot / ZOMBIES_PER_BLOCK), ret_buf);
}

static struct zombie_disk *record_edit(struct cp *cp, struct buf *buf, unsigned slot)
{
	return (struct zombie_disk *)(void *)cp_edit_block(cp, buf) + slot % ZOMBIES_PER_BLOCK;
}

static unsigned slot_find(struct zombie_list *list)
{
	while (list->slot_hint < list->n_slots && list->slots[list->slot_hint] != 0)
		list->slot_hint++;
	return list->slot_hint;
}

int zombie_adopt(struct fs_run *run, struct inode *inode)
{
	struct fs_volume *vol = run->vol;
	struct zombie *zombie;
	struct buf *buf;
	unsigned slot;
	int err;

	if (inode->inline_data || inode->height == 0)
		return 0;
	if (inode->height == 1) {
		for (unsigned i = 0; i < PTRS_PER_INODE; i++)
			if (!vbn_is_special(inode->ptr[i]))
				cp_free_removed(vol->cp, inode, inode->ptr[i]);
		return 0;
	}
	slot = slot_find(vol->zombie_list);
	err = record_need(run, slot, &buf);
	if (err == 0)
		err = run_reserve(run, 16);
	if (err != 0)
		return err;
	slots_grow(vol->zombie_list, (unsigned)ROUND_UP(slot + 1U, ZOMBIES_PER_BLOCK));
	zombie = zombie_new(vol, slot, inode->ino);
	zombie->inode->height = inode->height;
	zombie->inode->n_blocks = inode->n_blocks;
	memcpy(zombie->inode->ptr, inode->ptr, sizeof(inode->ptr));
	zombie_encode(zombie, record_edit(vol->cp, buf, slot));
	return 0;
}

/* ---- a slice ---- */

static void leaf_free(struct cp *cp, struct buf *leaf)
{
	uint32_t vbn = cp_parent_ptr(leaf);

	for (unsigned i = 0; i < PTRS_PER_BLOCK; i++) {
		uint32_t ptr = block_ptr(leaf, i);

		if (!vbn_is_special(ptr))
			cp_free_removed(cp, NULL, ptr);
	}
	cp_free_removed(cp, NULL, vbn);
}

/* Blocks of level >= `lowest` that end where the cursor now stands have nothing left below them. The path to them is in
 * memory: this step has just looked the cursor up through it. */
static void ancestors_free(struct cp *cp, struct inode *inode, uint64_t next, unsigned lowest)
{
	for (unsigned level = inode->height - 1U; level >= lowest; level--) {
		struct buf key = { .inode = inode,
			           .level = (uint8_t)level,
			           .fbn = tree_base(level, (uint32_t)(next - 1U)) };
		uint32_t vbn = cp_parent_ptr(&key);

		if (vbn_is_special(vbn))
			return;
		if (next % tree_span(level) == 0)
			cp_free_removed(cp, NULL, vbn);
	}
}

static bool is_damage(int err)
{
	return err == -EIO || err == -EUCLEAN || err == -EINVAL;
}

/* Level of the block on the way to `fbn` that cannot be had: the highest one that is not in memory. */
static unsigned level_lost(struct inode *inode, uint32_t fbn)
{
	unsigned level = inode->height - 1U;

	while (level > 1 && cache_find(inode, level, tree_base(level, fbn)) != NULL)
		level--;
	return level;
}

/* Free one leaf at the cursor, or skip a subtree that is absent or lost. *ret_next: where the cursor goes. */
static int zombie_advance(struct fs_run *run, struct zombie *zombie, uint64_t *ret_next)
{
	struct cp *cp = run->vol->cp;
	struct inode *inode = zombie->inode;
	uint32_t vbn, fbn = zombie->cursor_fbn;
	unsigned lost = 1;
	uint64_t end;
	struct buf *leaf;
	int err = tree_lookup(run, inode, fbn, &vbn, &end);

	if (err != 0 && !is_damage(err))
		return err;
	leaf = cache_find(inode, 1, tree_base(1, fbn));
	if (leaf != NULL) {
		leaf_free(cp, leaf);
		cache_forget(leaf);
		cp->zombie_leaves--;
		end = tree_base(1, fbn) + tree_span(1);
	} else if (err != 0) {
		lost = level_lost(inode, fbn);
		cp_damage_passed(run->vol, "inode", inode->ino, err);
		end = tree_base(lost, fbn) + tree_span(lost);
		cp->zombie_skips--;
	} else {
		/* Absent: the whole subtree the special pointer stands for. */
		end = MAX_OF(end, tree_base(1, fbn) + tree_span(1));
		cp->zombie_skips--;
	}
	ancestors_free(cp, inode, end, lost + 1U);
	*ret_next = end;
	return 0;
}

static void zombie_name_ahead(struct fs_run *run, struct zombie *zombie)
{
	uint64_t fbn = zombie->cursor_fbn;
	uint32_t vbn;
	uint64_t end;

	for (unsigned i = 0; i < SLICE_NAMED && fbn < tree_capacity(zombie->inode->height); i++) {
		int err = tree_lookup(run, zombie->inode, (uint32_t)fbn, &vbn, &end);

		fbn = err == 0 ? MAX_OF(end, tree_base(1, (uint32_t)fbn) + tree_span(1))
		               : tree_base(1, (uint32_t)fbn) + tree_span(1);
	}
}

static int zombie_slice(struct fs_run *run, struct zombie *zombie)
{
	uint64_t capacity = MIN_OF(tree_capacity(zombie->inode->height), (uint64_t)FBN_MAX);
	struct cp *cp = run->vol->cp;
	uint64_t next;

	while (zombie->cursor_fbn < capacity && cp->zombie_leaves > 0 && cp->zombie_skips > 0) {
		unsigned n_skips = cp->zombie_skips;
		int err = zombie_advance(run, zombie, &next);

		if (err == -EAGAIN)
			zombie_name_ahead(run, zombie);
		if (err != 0)
			return err;
		zombie->cursor_fbn = (uint32_t)MIN_OF(next, capacity);
		cp->zombie_moved = true;
		if (n_skips != cp->zombie_skips && cp->zombie_skips % SKIPS_A_STEP == 0)
			return run_yield(run);
	}
	return 0;
}

/* Every zombie whose cursor moved in this CP has its record written; finished ones free their slot. */
static int zombie_record(struct fs_run *run, struct zombie *zombie)
{
	struct fs_volume *vol = run->vol;
	uint64_t capacity = MIN_OF(tree_capacity(zombie->inode->height), (uint64_t)FBN_MAX);
	struct zombie_disk *disk;
	struct buf *buf;
	int err = record_need(run, zombie->slot, &buf);

	if (err == 0)
		err = run_reserve(run, 16);
	if (err != 0)
		return err;
	disk = record_edit(vol->cp, buf, zombie->slot);
	if (zombie->cursor_fbn < capacity) {
		zombie_encode(zombie, disk);
		return 0;
	}
	memset(disk, 0, sizeof(*disk));
	vol->zombie_list->slots[zombie->slot] = 0;
	vol->zombie_list->slot_hint = MIN_OF(vol->zombie_list->slot_hint, zombie->slot);
	return 1;
}

int zombie_step(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct cp *cp = vol->cp;
	struct zombie *zombie;

	/* A cursor that moved is recorded in this CP, come what may: what it has passed is free. */
	while (((cp->zombie_leaves > 0 && cp->zombie_skips > 0) || cp->zombie_moved) &&
	       (zombie = TAILQ_FIRST(&vol->zombie_list->queue)) != NULL) {
		int err = zombie_slice(run, zombie);

		if (err == 0)
			err = zombie_record(run, zombie);
		if (err < 0)
			return err;
		cp->zombie_moved = false;
		cache_unpin_all(run);
		if (err == 1)
			zombie_free(vol->zombie_list, zombie);
		else
			break;
	}
	return 0;
}
