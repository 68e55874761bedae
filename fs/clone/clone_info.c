/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of a clone: how much of its work is done, by the clone or by the host.
 *
 * THEORY. Everything below the cursor is done. Above the cursor, the blocks that are the LUN's own are done: data
 * blocks (the LUN's block count less those known to be below the cursor) and explicit zeros (counted when a CP makes
 * them). What waits for its CP is added as far as it is known without a read.
 * Example: a LUN of 1000 blocks, cursor 400. The LUN has 450 data blocks, 350 of them below the cursor, and 20 zeroed
 * blocks above it. Done: 400 + 100 + 20 = 520.
 * The figures are shown, and nothing is decided by them. After a crash a count may lack what the last CP has placed;
 * that rights itself as the cursor passes. */
#include <stdlib.h>

#include "base/list.h"
#include "base/world.h"
#include "fs/clone/clone.h"
#include "fs/clone/clone_private.h"
#include "fs/clone/clone_speed.h"
#include "fs/core/core.h"
#include "fs/core/file_block.h"
#include "fs/file/cache.h"
#include "fs/file/inode.h"
#include "fs/file/inode_table.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/vdisk/vdisk.h"
#include "fs/vdisk/vdiskattr.h"
#include "raid/raid.h"

#define PENDING_LOOKS_MAX 4096U

/* ---- what the CP changes --------------------------------------------------------------------------------------- */

static struct clone *noted(const struct inode *inode)
{
	struct clone_table *table = inode->vol->clones;
	struct fs_file_id id = { 0, inode->ino, inode->attr.generation };

	if (table->noted == NULL || table->noted->id.inode != id.inode ||
	    table->noted->id.generation != id.generation || table->noted->end == CLONE_FORGOTTEN)
		table->noted = clone_find(inode->vol, &id);
	return table->noted;
}

void clone_tree_changed(const struct inode *inode, uint32_t fbn, uint64_t n, enum file_block from, enum file_block to)
{
	struct clone *clone;
	uint64_t below, above;

	if (inode->vol->clones == NULL || TAILQ_EMPTY(&inode->vol->clones->clones) || from == to)
		return;
	clone = noted(inode);
	if (clone == NULL)
		return;
	below = fbn < clone->cursor ? MIN_OF(n, (uint64_t)(clone->cursor - fbn)) : 0;
	above = fbn + below < clone->n_total ? MIN_OF(n - below, (uint64_t)clone->n_total - fbn - below) : 0;
	if (from == FILE_BLOCK_DATA)
		clone->n_own_below -= (uint32_t)MIN_OF(below, (uint64_t)clone->n_own_below);
	else if (to == FILE_BLOCK_DATA)
		clone->n_own_below += (uint32_t)below;
	if (to == FILE_BLOCK_ZERO)
		clone->n_zero_above += (uint32_t)above;
	else if (from == FILE_BLOCK_ZERO)
		clone->n_zero_above -= (uint32_t)MIN_OF(above, (uint64_t)clone->n_zero_above);
}

/* ---- what waits for a CP --------------------------------------------------------------------------------------- */

/* The tree has a hole there, and that is known without a read. */
static bool is_known_hole(struct inode *inode, uint32_t fbn)
{
	const struct buf *leaf;

	if (inode->height == 0 || fbn >= tree_capacity(inode->height))
		return true;
	if (inode->height == 1)
		return inode->ptr[fbn] == VBN_HOLE;
	leaf = cache_peek(inode, 1, tree_base(1, fbn));
	if (leaf != NULL && leaf->state == BUF_VALID)
		return block_ptr(leaf, tree_index(0, fbn)) == VBN_HOLE;
	return inode->ptr[fbn >> (10U * (inode->height - 1U))] == VBN_HOLE &&
	       cache_peek(inode, inode->height - 1U, tree_base(inode->height - 1U, fbn)) == NULL;
}

static uint64_t pending_data(struct inode *inode, uint32_t cursor, uint32_t n_total)
{
	unsigned n_looks = 0;
	uint64_t n = 0;

	for (unsigned bit = 0; bit < 2; bit++) {
		const struct buf *buf;

		TAILQ_FOREACH(buf, &inode->dirty_bufs[bit], dirty_link[bit]) {
			if (++n_looks > PENDING_LOOKS_MAX)
				return n;
			if (bit == 1 && (buf->dirty & 1U) != 0)
				continue; /* seen */
			n += buf->fbn >= cursor && buf->fbn < n_total && is_known_hole(inode, buf->fbn);
		}
	}
	return n;
}

/* Zeroed and not yet in the tree: at least so many of these were holes. */
static uint64_t pending_zeros(const struct inode *inode, uint32_t cursor, uint32_t n_total, uint64_t own_above)
{
	uint64_t n = 0;

	for (unsigned bit = 0; bit < 2; bit++)
		for (unsigned i = 0; i < inode->punched[bit].n; i++) {
			uint32_t first = MAX_OF(inode->punched[bit].ranges[i].first, cursor);
			uint32_t end = MIN_OF(inode->punched[bit].ranges[i].end, n_total);

			n += end > first ? end - first : 0;
		}
	return n > own_above ? n - own_above : 0;
}

/* ---- sums ------------------------------------------------------------------------------------------------------ */

struct progress {
	uint32_t cursor, n_total, n_own_below, n_unplaced, n_zero_above;
};

/* Own blocks at and above the cursor, as the tree has them. */
static uint64_t own_above(const struct progress *progress, const struct inode *container)
{
	uint64_t own = container->n_blocks - DIV_UP(container->n_blocks, PTRS_PER_BLOCK + 1U) + progress->n_unplaced;

	return (own > progress->n_own_below ? own - progress->n_own_below : 0) + progress->n_zero_above;
}

static uint64_t done_with(const struct progress *progress, uint64_t above)
{
	uint64_t left = progress->n_total > progress->cursor ? progress->n_total - progress->cursor : 0;

	return MIN_OF(progress->cursor, progress->n_total) + MIN_OF(above, left);
}

/* With what clients have changed since the last consistency point: a look at all of that. */
static uint64_t done_blocks(const struct progress *progress, struct inode *container)
{
	uint64_t above = own_above(progress, container);

	above += pending_zeros(container, progress->cursor, progress->n_total, above);
	above += pending_data(container, progress->cursor, progress->n_total);
	return done_with(progress, above);
}

static struct progress progress_of(const struct clone *clone)
{
	return (struct progress){ clone->cursor, clone->n_total, clone->n_own_below,
		                  clone->n_unplaced[0] + clone->n_unplaced[1], clone->n_zero_above };
}

/* What is sure without looking at every dirty block: this is asked for after every batch. */
static uint64_t filled(const struct clone *clone, const struct inode *container)
{
	struct progress progress = progress_of(clone);

	return done_with(&progress, own_above(&progress, container));
}

uint64_t clone_work_done(const struct clone *clone, const struct inode *container)
{
	return filled(clone, container) + clone->verify_cursor;
}

void clone_look(struct clone *clone)
{
	struct inode *container = inode_find(clone->vol, 0, clone->id.inode);
	uint64_t now = world_now_ns(clone->vol->world);

	if (container == NULL || !container->loaded)
		return;
	if (now - clone->speed.at_ns >= CLONE_SPEED_SAMPLE_NS)
		clone_speed_note(&clone->speed, now, clone_work_done(clone, container));
	clone_claim_follow(clone, clone->n_total - MIN_OF(filled(clone, container), (uint64_t)clone->n_total));
}

void clone_speed_restart(struct clone *clone)
{
	struct inode *container = inode_find(clone->vol, 0, clone->id.inode);

	if (container != NULL && container->loaded)
		clone_speed_reset(&clone->speed, world_now_ns(clone->vol->world), clone_work_done(clone, container));
}

static enum fs_clone_phase phase_of(const struct clone *clone)
{
	switch (clone->phase) {
	case CLONE_VERIFY: return FS_CLONE_VERIFYING;
	case CLONE_RELEASE:
	case CLONE_FINISH: return FS_CLONE_RELEASING;
	default:
		return clone->phase == CLONE_FAILED && clone->error_fbn != UINT32_MAX ? FS_CLONE_VERIFYING
		                                                                      : FS_CLONE_COPYING;
	}
}

static void running_info(const struct clone *clone, const struct vdisk *vdisk, struct fs_clone_info *info)
{
	struct progress progress = progress_of(clone);
	uint64_t now = world_now_ns(clone->vol->world),
	         done = done_blocks(&progress, vdisk->container) + clone->verify_cursor;
	uint64_t sure = clone_work_done(clone, vdisk->container);
	uint64_t all = (uint64_t)clone->n_total * ((clone->flags & FS_CLONE_VERIFY) != 0 ? 2U : 1U);

	info->state = clone->phase == CLONE_FAILED ? FS_CLONE_FAILED
	              : clone->error != 0          ? FS_CLONE_PAUSED
	                                           : FS_CLONE_RUNNING;
	info->phase = phase_of(clone);
	info->error = clone->error;
	info->error_offset = clone->error_fbn == UINT32_MAX ? UINT64_MAX : (uint64_t)clone->error_fbn * FS_BLOCK_SIZE;
	info->blocks_total = clone->n_total;
	info->blocks_done = done - clone->verify_cursor;
	info->blocks_copied = clone->n_copied;
	info->blocks_verified = clone->verify_cursor;
	info->blocks_reserved = clone->claim.n_blocks;
	info->rate_bytes_s = clone->rate_bytes_s;
	info->priority = clone->priority;
	info->flags = clone->flags;
	if (info->state != FS_CLONE_RUNNING)
		return;
	info->speed_bytes_s = clone_speed_now(&clone->speed, now, sure) * FS_BLOCK_SIZE;
	info->eta_s = clone_speed_eta_s(&clone->speed, now, sure, all > done ? all - done : 0);
}

static uint64_t stored_done(const struct vdisk *vdisk, uint32_t total)
{
	const struct vdisk_clone *attr = &vdisk->attr.clone;
	struct progress progress = { attr->cursor, total, attr->n_own_below, 0, attr->n_zero_above };

	return attr->state == FS_CLONE_NONE   ? 0
	       : attr->state == FS_CLONE_DONE ? total
	                                      : done_blocks(&progress, vdisk->container);
}

void clone_info(struct fs_volume *vol, const struct vdisk *vdisk, struct fs_clone_info *ret_info)
{
	const struct vdisk_clone *attr = &vdisk->attr.clone;
	struct fs_file_id id = { 0, vdisk->container->ino, vdisk->container->attr.generation };
	const struct clone *clone = clone_find(vol, &id);
	uint32_t total = vdisk->attr.backing.snapshot != 0 ? vdisk->attr.backing.n_blocks : attr->n_total;

	*ret_info = (struct fs_clone_info){
		.state = attr->state,
		.error = attr->error,
		.error_offset = UINT64_MAX,
		.blocks_total = total,
		.blocks_done = stored_done(vdisk, total),
		.blocks_copied = attr->n_copied,
		.blocks_verified = MIN_OF(attr->verify_cursor, total),
		.rate_bytes_s = attr->rate_bytes_s,
		.priority = attr->priority,
		.started_ns = attr->started_ns,
		.eta_s = attr->state == FS_CLONE_DONE ? 0 : UINT64_MAX,
		.flags = attr->flags,
	};
	if (clone != NULL && clone->end == CLONE_GOES_ON)
		running_info(clone, vdisk, ret_info);
}
