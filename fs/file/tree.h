/* SPDX-License-Identifier: Apache-2.0 */
/* The block tree of an inode: FBN -> VBN. Level n's block covers 1024^n blocks; an inode of height h points at blocks
 * of level h-1. Reading it is for everybody; changing it is the CP's (fs/cp/cp_tree.c). REFERENCES: §seed Figs. 10A,
 * 10B. */
#ifndef FS_TREE_H
#define FS_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "fs/file/cache.h"
#include "fs/format/fsformat.h"

struct fs_run;
struct inode;

/* Blocks that one pointer of level `level` covers (level 0: one). */
static inline uint64_t tree_span(unsigned level)
{
	return 1ULL << (10U * level);
}
/* Blocks an inode of `height` can hold. */
static inline uint64_t tree_capacity(unsigned height)
{
	return height == 0 ? 0 : PTRS_PER_INODE * tree_span(height - 1U);
}
/* Least height that holds FBN `fbn`. */
unsigned tree_height_for(uint32_t fbn);
/* FBN by which the level-`level` block that covers `fbn` is known. */
static inline uint32_t tree_base(unsigned level, uint32_t fbn)
{
	return (uint32_t)(fbn & ~(tree_span(level) - 1U));
}
/* Index, in the level-`level` + 1 block, of the pointer to the level-`level` block covering `fbn`. */
static inline unsigned tree_index(unsigned level, uint32_t fbn)
{
	return (unsigned)(fbn >> (10U * level)) & (PTRS_PER_BLOCK - 1U);
}

static inline uint32_t block_ptr(const struct buf *buf, unsigned index)
{
	uint32_t ptr;

	memcpy(&ptr, buf->page->data + index * sizeof(ptr), sizeof(ptr));
	return ptr;
}

/* tree_lookup: the pointer for `fbn`. *ret_end: one past the last FBN known to have the same special value (VBN_HOLE
 * or VBN_ZERO), fbn + 1 else. -EAGAIN: an indirect block is being read; -EIO, -EUCLEAN. */
/* True when tree_lookup of `fbn` needs no read. */
bool tree_in_memory(struct inode *inode, uint32_t fbn);
MUST_CHECK int tree_lookup(struct fs_run *run, struct inode *inode, uint32_t fbn, uint32_t *ret_vbn, uint64_t *ret_end);

/* Do both trees have the very same block on disk at `fbn`, or the very same indirect block above it, or both a hole?
 * Only indirect blocks that differ are read. *ret_end: one past the last FBN for which the answer is the same.
 * -EAGAIN, -EIO, -EUCLEAN. */
MUST_CHECK int tree_compare(struct fs_run *run, struct inode *a, struct inode *b, uint32_t fbn, bool *ret_same,
                            uint64_t *ret_end);

#endif
