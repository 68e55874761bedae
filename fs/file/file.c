/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of files: what an operation sees of a block, and how it changes one.
 *
 * READ PATH. previous hop: file_ops.c, directories, streams; next hop: the cache, then the tree, then the backing
 * store. */
#include "base/error.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/core/core.h"
#include "fs/core/file_block.h"
#include "fs/file/cache.h"
#include "fs/file/cache_cp.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/range.h"
#include "fs/file/run.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "raid/raid.h"

#define BACKING_DEPTH_MAX 64U

static bool file_punched(const struct inode *inode, uint32_t fbn, uint32_t *ret_end)
{
	uint32_t end[2];
	bool covered[2];

	if (inode->punched[0].n == 0 && inode->punched[1].n == 0) {
		*ret_end = UINT32_MAX;
		return false;
	}
	for (unsigned i = 0; i < 2; i++)
		covered[i] = range_covers(&inode->punched[i], fbn, &end[i]);
	if (covered[0] || covered[1]) {
		*ret_end = covered[0] && covered[1] ? MAX_OF(end[0], end[1]) : covered[0] ? end[0] : end[1];
		return true;
	}
	*ret_end = MIN_OF(end[0], end[1]);
	return false;
}

bool file_is_punched(const struct inode *inode, uint32_t fbn)
{
	uint32_t end;

	return file_punched(inode, fbn, &end);
}

/* The inline data of a small file as its block 0. */
static int file_need_inline(struct fs_run *run, struct inode *inode, struct page **ret_page)
{
	int err = run_reserve(run, 1);
	struct buf *buf;

	if (err != 0)
		return err;
	buf = cache_new_zero(inode, 0, 0);
	memcpy(buf->page->data, inode->inline_bytes, MIN_OF(inode->attr.size_bytes, (uint64_t)INLINE_MAX));
	buf->inline_copy = true;
	*ret_page = buf->page;
	return 0;
}

/* The inode's own content at `fbn`; *ret_page NULL: nothing of its own (a hole). */
static int file_need_own(struct fs_run *run, struct inode *inode, uint32_t fbn, struct page **ret_page)
{
	struct buf *buf = cache_find(inode, 0, fbn);
	uint32_t vbn, punched_end;
	uint64_t end;
	int err;

	if (buf != NULL) {
		*ret_page = buf->page;
		return 0;
	}
	if (file_punched(inode, fbn, &punched_end)) {
		*ret_page = page_zero();
		return 0;
	}
	if (inode->inline_data && fbn == 0)
		return file_need_inline(run, inode, ret_page);
	err = tree_lookup(run, inode, fbn, &vbn, &end);
	if (err != 0)
		return err;
	if (vbn == VBN_HOLE || vbn == VBN_ZERO) {
		*ret_page = vbn == VBN_ZERO ? page_zero() : NULL;
		return 0;
	}
	err = cache_read(run, inode, 0, fbn, vbn, &buf);
	if (err == 0)
		*ret_page = buf->page;
	return err;
}

int file_need_page(struct fs_run *run, struct inode *inode, uint32_t fbn, struct page **ret_page)
{
	for (unsigned depth = 0; depth < BACKING_DEPTH_MAX; depth++) {
		struct fs_file_id id;
		int err = file_need_own(run, inode, fbn, ret_page);

		if (err != 0 || *ret_page != NULL)
			return err;
		if (!inode->has_backing || fbn >= inode->backing.n_blocks) {
			*ret_page = page_zero();
			return 0;
		}
		id = (struct fs_file_id){ inode->backing.snapshot, inode->backing.inode, inode->backing.generation };
		err = inode_get_id(run, &id, &inode);
		if (err != 0)
			return err == -ESTALE ? -EUCLEAN : err;
	}
	return -EUCLEAN;
}

int file_need(struct fs_run *run, struct inode *inode, uint32_t fbn, const uint8_t **ret_bytes)
{
	struct page *page;
	int err = file_need_page(run, inode, fbn, &page);

	if (err == 0)
		*ret_bytes = page->data;
	return err;
}

uint8_t *file_edit(struct inode *inode, uint32_t fbn)
{
	struct buf *buf = cache_find(inode, 0, fbn);
	struct page *page, *shown;
	struct fs_run run;
	int err;

	if (buf != NULL)
		return cache_edit(buf);
	/* Not the inode's own: a hole, punched, or the backing store's. file_need succeeded in this step, so it does
	 * again. */
	run_init(&run, inode->vol, NULL, NULL, NULL);
	err = file_need_page(&run, inode, fbn, &shown);
	vc_assert(err == 0);
	buf = cache_find(inode, 0, fbn);
	if (buf != NULL)
		return cache_edit(buf);
	page = cache_page_take(inode->vol);
	memcpy(page->data, shown->data, PAGE_SIZE);
	cache_install(inode, fbn, page);
	return page->data;
}

void file_put_page(struct inode *inode, uint32_t fbn, struct page *page)
{
	cache_install(inode, fbn, page);
}

void file_punch(struct inode *inode, uint32_t first, uint32_t end)
{
	unsigned bit = gen_bit(inode->vol);

	if (first >= end)
		return;
	inode_modify(inode);
	cache_drop_range(inode, first, end);
	range_add(&inode->punched[bit], first, end);
	/* The paths to both ends; in a backed file, to both ends of the backed part as well. */
	inode->vol->pending_blocks[bit] += 2U * MAX_OF((unsigned)inode->height, 1U) +
	                                   (inode->has_backing ? 2U * TREE_HEIGHT_MAX : 0U);
}

int file_truncate_need(struct fs_run *run, struct inode *inode, uint64_t size_bytes)
{
	const uint8_t *bytes;

	if (size_bytes >= inode->attr.size_bytes || size_bytes % FS_BLOCK_SIZE == 0)
		return 0;
	return file_need(run, inode, (uint32_t)(size_bytes / FS_BLOCK_SIZE), &bytes);
}

void file_truncate(struct inode *inode, uint64_t size_bytes)
{
	uint64_t old_size = inode->attr.size_bytes;
	uint32_t tail = (uint32_t)(size_bytes % FS_BLOCK_SIZE);

	if (size_bytes < old_size) {
		if (tail != 0) {
			uint8_t *bytes = file_edit(inode, (uint32_t)(size_bytes / FS_BLOCK_SIZE));

			memset(bytes + tail, 0, FS_BLOCK_SIZE - tail);
		}
		file_punch(inode, blocks_of_size(size_bytes), blocks_of_size(old_size));
	}
	inode_modify(inode)->size_bytes = size_bytes;
}

int file_block_state(struct fs_run *run, struct inode *inode, uint32_t fbn, enum file_block *ret_state,
                     uint32_t *ret_run_end)
{
	uint32_t vbn, punched_end;
	uint64_t end;
	int err;

	*ret_run_end = fbn + 1U;
	if (cache_find(inode, 0, fbn) != NULL) {
		*ret_state = FILE_BLOCK_DATA;
		return 0;
	}
	if (file_punched(inode, fbn, &punched_end)) {
		*ret_state = FILE_BLOCK_ZERO;
		return 0;
	}
	if (inode->inline_data && fbn == 0) {
		*ret_state = FILE_BLOCK_DATA;
		return 0;
	}
	err = tree_lookup(run, inode, fbn, &vbn, &end);
	if (err != 0)
		return err;
	*ret_state = vbn == VBN_HOLE ? FILE_BLOCK_HOLE : vbn == VBN_ZERO ? FILE_BLOCK_ZERO : FILE_BLOCK_DATA;
	/* Buffers of holes may be dirty further on: the caller asks block by block where that matters; absent subtrees
	 * of a file without dirty data are skipped whole. */
	if (inode->n_dirty_bufs[0] + inode->n_dirty_bufs[1] == 0)
		*ret_run_end = (uint32_t)MIN_OF(end, (uint64_t)punched_end);
	return 0;
}
