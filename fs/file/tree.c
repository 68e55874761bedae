/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up the block tree. */
#include "base/list.h"
#include "fs/file/cache.h"
#include "fs/file/cache_private.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/tree.h"
#include "raid/raid.h"

unsigned tree_height_for(uint32_t fbn)
{
	unsigned height = 1;

	while (tree_capacity(height) <= fbn)
		height++;
	return height;
}

static bool vbn_is_special(uint32_t vbn)
{
	return vbn == VBN_HOLE || vbn == VBN_ZERO;
}

int tree_lookup(struct fs_run *run, struct inode *inode, uint32_t fbn, uint32_t *ret_vbn, uint64_t *ret_end)
{
	unsigned level;
	uint32_t vbn;

	if (inode->height == 0 || fbn >= tree_capacity(inode->height)) {
		*ret_vbn = VBN_HOLE;
		*ret_end = inode->height == 0 || fbn >= tree_capacity(inode->height) ? 1ULL << 32 : 0;
		return 0;
	}
	level = inode->height - 1U;
	vbn = inode->ptr[fbn >> (10U * level)];
	for (; level > 0; level--) {
		struct buf *buf = cache_peek(inode, level, tree_base(level, fbn));
		int err;

		/* A block of the running CP may be in memory although nothing points at it yet. */
		if (buf == NULL || buf->state != BUF_VALID) {
			if (vbn_is_special(vbn))
				break;
			err = cache_read(run, inode, level, tree_base(level, fbn), vbn, &buf);
			if (err != 0)
				return err;
		}
		cache_touch(buf);
		vbn = block_ptr(buf, tree_index(level - 1U, fbn));
	}
	*ret_vbn = vbn;
	*ret_end = vbn_is_special(vbn) ? tree_base(level, fbn) + tree_span(level) : (uint64_t)fbn + 1U;
	if (!vbn_is_special(vbn) && vbn >= raid_geometry(inode->vol->raid)->vbn_end)
		return -EUCLEAN;
	return 0;
}

bool tree_in_memory(struct inode *inode, uint32_t fbn)
{
	if (inode->height <= 1 || fbn >= tree_capacity(inode->height))
		return true;
	return cache_find(inode, 1, tree_base(1, fbn)) != NULL;
}

/* ---- two trees ---- */

/* The pointer to the level-`level` block that covers `fbn`. *io_vbn: the one a level above, found before; *io_known:
 * the tree reaches that high. */
static int ptr_below(struct fs_run *run, struct inode *inode, unsigned level, uint32_t fbn, bool *io_known,
                     uint32_t *io_vbn)
{
	struct buf *buf;

	if (fbn >= tree_capacity(inode->height)) {
		*io_vbn = VBN_HOLE;
		*io_known = true;
		return 0;
	}
	if (level >= inode->height)
		return 0;
	if (level + 1U == inode->height) {
		*io_vbn = inode->ptr[fbn >> (10U * level)];
		*io_known = true;
		return 0;
	}
	buf = cache_peek(inode, level + 1U, tree_base(level + 1U, fbn));
	if (buf == NULL || buf->state != BUF_VALID) {
		int err;

		if (vbn_is_special(*io_vbn))
			return 0;
		err = cache_read(run, inode, level + 1U, tree_base(level + 1U, fbn), *io_vbn, &buf);
		if (err != 0)
			return err;
	}
	cache_touch(buf);
	*io_vbn = block_ptr(buf, tree_index(level, fbn));
	return 0;
}

int tree_compare(struct fs_run *run, struct inode *a, struct inode *b, uint32_t fbn, bool *ret_same, uint64_t *ret_end)
{
	bool a_known = false, b_known = false;
	uint32_t a_vbn = VBN_HOLE, b_vbn = VBN_HOLE;

	*ret_same = false;
	*ret_end = (uint64_t)fbn + 1U;
	for (unsigned level = MAX_OF(a->height, b->height); level-- > 0;) {
		int err = ptr_below(run, a, level, fbn, &a_known, &a_vbn);
		int err2 = ptr_below(run, b, level, fbn, &b_known, &b_vbn);

		if (err != 0 || err2 != 0)
			return err != 0 ? err : err2;
		if (a_known && b_known && a_vbn == b_vbn) {
			*ret_same = true;
			*ret_end = tree_base(level, fbn) + tree_span(level);
			return 0;
		}
	}
	if (a->height == 0 && b->height == 0) {
		*ret_same = true;
		*ret_end = 1ULL << 32;
	}
	return 0;
}
