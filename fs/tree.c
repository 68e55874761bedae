/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up the block tree. */
#include "fs/tree.h"

#include "fs/cache_private.h"

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
