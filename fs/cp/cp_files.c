/* SPDX-License-Identifier: Apache-2.0 */
/* CP stage FILES: the dirty inodes of the closed generation, one after the other: punched ranges first, then dirty
 * buffers, then the record.
 *
 * WRITE PATH. previous hop: cp.c, by fs/volume_hooks.c; next hop: cp_tree.c (members of the CP), then cp_place.c. */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/page.h"
#include "base/radix.h"
#include "base/reserve.h"
#include "fs/core/core.h"
#include "fs/cp/cp.h"
#include "fs/cp/cp_wait.h"
#include "fs/cp/space.h"
#include "fs/cp/zombie.h"
#include "fs/file/cache.h"
#include "fs/file/cache_cp.h"
#include "fs/file/inode.h"
#include "fs/file/range.h"
#include "fs/file/run.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "raid/raid.h"

#define SLICE_BLOCKS 32U

static void file_bufs_reserve(struct cp *cp, size_t n)
{
	if (cp->n_file_bufs_max >= n)
		return;
	free(cp->file_bufs);
	cp->n_file_bufs_max = n;
	cp->file_bufs = reserve_reallocarray(NULL, n, sizeof(struct buf *));
}

static void file_bufs_sort(struct cp *cp)
{
	size_t n = cp->n_file_bufs;
	uint64_t *keys = cp_keys(cp, n);
	struct buf **sorted = (struct buf **)(void *)(keys + n); /* what the sort has done with */

	for (size_t i = 0; i < n; i++)
		keys[i] = (uint64_t)i << 32 | cp->file_bufs[i]->fbn;
	radix_sort(keys, keys + n, n);
	for (size_t i = 0; i < n; i++)
		sorted[i] = cp->file_bufs[keys[i] >> 32];
	memcpy(cp->file_bufs, sorted, n * sizeof sorted[0]);
}

/* Its dirty buffers in order of FBN, so that the allocator lays them out in file order. All at once: a COMMIT moves
 * those that it logs within the list. */
static void file_collect(struct cp *cp, struct inode *inode)
{
	bool in_order = true;
	struct buf *buf;
	size_t n = 0;

	file_bufs_reserve(cp, inode->n_dirty_bufs[cp->bit]);
	TAILQ_FOREACH(buf, &inode->dirty_bufs[cp->bit], dirty_link[cp->bit]) {
		in_order = in_order && (n == 0 || cp->file_bufs[n - 1U]->fbn < buf->fbn);
		cp->file_bufs[n++] = buf;
	}
	cp->n_file_bufs = n;
	if (!in_order)
		file_bufs_sort(cp);
	cp->file_pos = 0;
	cp->punch_index = 0;
	cp->file_prepared = true;
}

static int file_punches(struct fs_run *run, struct inode *inode)
{
	struct cp *cp = run->vol->cp;
	struct range_list *list = &inode->punched[cp->bit];

	while (cp->punch_index < list->n) {
		struct fbn_range range = list->ranges[cp->punch_index];
		int err = cp_punch(run, inode, range.first, range.end);

		if (err != 0)
			return err;
		if (inode->inline_data && range.first == 0)
			inode->inline_data = false;
		cp->punch_index++;
		if (cp->punch_index % 16U == 0)
			return run_yield(run);
	}
	return 0;
}

/* ---- inline data ---- */

static bool inode_may_inline(const struct inode *inode)
{
	const struct inode_attr *attr = cp_attr_of(inode);

	return inode->ino >= INO_ROOT && attr->size_bytes <= INLINE_MAX &&
	       (attr->type == FS_TYPE_REG || attr->type == FS_TYPE_SYMLINK || attr->type == FS_TYPE_META ||
	        attr->type == FS_TYPE_STREAM);
}

static bool tree_is_empty(const struct inode *inode)
{
	for (unsigned i = 0; i < PTRS_PER_INODE; i++)
		if (inode->ptr[i] != VBN_HOLE)
			return false;
	return true;
}

/* Block 0 goes into the inode: nothing to place for it. */
static void file_inline(struct inode *inode, struct buf *buf)
{
	memcpy(inode->inline_bytes, cp_page_of(buf)->data, INLINE_MAX);
	inode->inline_data = true;
	inode->height = 0;
	if (buf->cp_page == NULL)
		buf->inline_copy = true;
}

/* The file has outgrown its inode: what stood there becomes block 0, unless block 0 is being written anyway. */
static void file_outgrow(struct cp *cp, struct inode *inode)
{
	struct buf *buf = cache_peek(inode, 0, 0);

	inode->inline_data = false;
	memset(inode->ptr, 0, sizeof(inode->ptr));
	if (buf != NULL && (buf->dirty & 1U << cp->bit) != 0)
		return;
	if (buf == NULL) {
		buf = cache_new_zero(inode, 0, 0);
		memcpy(buf->page->data, inode->inline_bytes, INLINE_MAX);
	} else if (buf->dirty != 0 || buf->page == NULL) {
		/* Rewritten in the next generation already: this CP writes what the inode held. */
		uint8_t *bytes = cache_cp_page_new(buf);

		memset(bytes, 0, PAGE_SIZE);
		memcpy(bytes, inode->inline_bytes, INLINE_MAX);
	}
	if (buf->dirty == 0 && buf->cp_page == NULL)
		cache_cp_adopt(buf, cp->bit);
	buf->inline_copy = false;
	cp_make_path(cp, inode, 0);
	cp_member_add(cp, buf);
}

/* ---- buffers ---- */

static int file_buffers(struct fs_run *run, struct inode *inode)
{
	struct cp *cp = run->vol->cp;
	size_t slice_end = MIN_OF(cp->n_file_bufs, cp->file_pos + SLICE_BLOCKS), named = cp->file_pos;
	uint32_t made_base = UINT32_MAX;
	int result = 0;

	for (; named < slice_end; named++) {
		int err;

		/* Neighbours share their path. */
		if (named > cp->file_pos &&
		    tree_base(1, cp->file_bufs[named]->fbn) == tree_base(1, cp->file_bufs[named - 1U]->fbn))
			continue;
		err = cp_need_path(run, inode, cp->file_bufs[named]->fbn);

		if (err != 0 && err != -EAGAIN)
			return err;
		if (err == -EAGAIN)
			result = err;
	}
	if (result == 0)
		result = run_reserve(run, MIN_OF((size_t)(slice_end - cp->file_pos) / 16U + 16U, (size_t)256));
	if (result != 0)
		return result;
	for (unsigned made = 0; cp->file_pos < slice_end && made < 200U; cp->file_pos++) {
		struct buf *buf = cp->file_bufs[cp->file_pos];
		size_t before = cp_block_count(cp->vol);

		buf->inline_copy = false;
		if (made_base != tree_base(1, buf->fbn) || inode->height < tree_height_for(buf->fbn)) {
			made_base = tree_base(1, buf->fbn);
			cp_make_path(cp, inode, buf->fbn);
		}
		made += (unsigned)(cp_block_count(cp->vol) - before);
		if (made > 8U && cache_stash_left(cp->vol) < 16U) {
			cp->file_pos++;
			cp_member_add(cp, buf);
			break;
		}
		cp_member_add(cp, buf);
	}
	return cp->file_pos < cp->n_file_bufs ? run_yield(run) : 0;
}

static int file_removed(struct fs_run *run, struct inode *inode)
{
	int err = zombie_adopt(run, inode);

	if (err != 0)
		return err;
	inode->inline_data = false;
	inode->height = 0;
	space_count(inode, -(int)inode->n_blocks);
	inode->n_blocks = 0;
	memset(inode->ptr, 0, sizeof(inode->ptr));
	cp_inode_add(run->vol->cp, inode);
	return 0;
}

static int file_apply(struct fs_run *run, struct inode *inode)
{
	struct cp *cp = run->vol->cp;
	bool removed = inode->frozen ? inode->cp_removed : inode->removed;
	int err = cp_need_inode(run, inode);

	if (err == 0)
		err = run_reserve(run, 32);
	if (err != 0)
		return err;
	if (!cp->file_prepared)
		file_collect(cp, inode);
	if (removed)
		return file_removed(run, inode);
	err = file_punches(run, inode);
	if (err != 0)
		return err;
	if (inode_may_inline(inode) && (inode->inline_data || tree_is_empty(inode)) && cp->n_file_bufs <= 1U) {
		if (cp->n_file_bufs == 1U)
			file_inline(inode, cp->file_bufs[0]);
		cp->file_pos = cp->n_file_bufs;
	} else if (inode->inline_data) {
		file_outgrow(cp, inode);
	}
	if (cp->file_pos < cp->n_file_bufs)
		err = file_buffers(run, inode);
	if (err != 0)
		return err;
	err = cp_need_inode(run, inode);
	if (err == 0)
		err = run_reserve(run, 32);
	if (err == 0)
		cp_inode_add(cp, inode);
	return err;
}

int cp_files_step(struct fs_run *run)
{
	struct cp *cp = run->vol->cp;
	struct inode *inode;
	unsigned n = 0;

	while ((inode = TAILQ_FIRST(&cp->vol->dirty_inodes[cp->bit])) != NULL) {
		int err;

		if (cp->file != inode) {
			cp->file = inode;
			cp->file_prepared = false;
		}
		err = file_apply(run, inode);
		if (err != 0)
			return err;
		TAILQ_REMOVE(&cp->vol->dirty_inodes[cp->bit], inode, dirty_link[cp->bit]);
		TAILQ_INSERT_TAIL(&cp->applied, inode, dirty_link[cp->bit]);
		cp->file = NULL;
		cache_unpin_all(run);
		if (++n >= 64U)
			return run_yield(run);
	}
	return 0;
}
