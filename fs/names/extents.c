/* SPDX-License-Identifier: Apache-2.0 */
/* EXTENTS: which parts of a file have blocks and which are holes.
 *
 * THEORY. A block is looked at as a read would find it (file.c): a buffer, a punched range, then the tree. Where the
 * tree has a hole, the backing store is looked at, which may have one itself. A whole absent subtree is one look. A
 * message makes at most LOOKS_MAX looks and answers as far as it got, so its cost does not depend on the range it
 * asks for. Where an indirect block is missing, the look goes on at the next one, so that all reads begin together. */
#include "base/list.h"
#include "fs/core/file_block.h"
#include "fs/core/operations.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/message.h"

#define LOOKS_MAX 4096U
#define BACKING_DEPTH_MAX 64U

/* Is there a hole at `fbn`, all the way down? *ret_end: one past the last block of which the same is known. */
static int block_look(struct fs_run *run, struct inode *inode, uint32_t fbn, bool *ret_is_hole, uint32_t *ret_end)
{
	*ret_end = UINT32_MAX;
	for (unsigned depth = 0; depth < BACKING_DEPTH_MAX; depth++) {
		enum file_block state;
		struct fs_file_id id;
		uint32_t end;
		int err = file_block_state(run, inode, fbn, &state, &end);

		if (err != 0)
			return err;
		*ret_end = MIN_OF(*ret_end, end);
		if (state != FILE_BLOCK_HOLE || !inode->has_backing || fbn >= inode->backing.n_blocks) {
			*ret_is_hole = state != FILE_BLOCK_DATA;
			return 0;
		}
		*ret_end = MIN_OF(*ret_end, inode->backing.n_blocks);
		id = (struct fs_file_id){ inode->backing.snapshot, inode->backing.inode, inode->backing.generation };
		err = inode_get_id(run, &id, &inode);
		if (err != 0)
			return err == -ESTALE ? -EUCLEAN : err;
	}
	return -EUCLEAN;
}

/* False: there is no room for one more. */
static bool extent_add(struct fs_message *msg, uint64_t offset, uint64_t end, bool is_hole)
{
	struct fs_extent *last = msg->out.n == 0 ? NULL : &msg->in.extents.found[msg->out.n - 1U];

	if (last != NULL && last->is_hole == is_hole) {
		last->len_bytes = end - last->offset_bytes;
		return true;
	}
	if (msg->out.n == msg->in.extents.n_max)
		return false;
	msg->in.extents.found[msg->out.n++] = (struct fs_extent){ offset, end - offset, is_hole };
	return true;
}

/* What there is in [offset, end), which is not empty. */
static int range_look(struct fs_run *run, struct inode *inode, uint64_t offset, uint64_t end)
{
	uint32_t fbn = (uint32_t)(offset / FS_BLOCK_SIZE), until;
	uint64_t at = offset;
	bool missed = false, is_hole;

	for (unsigned n = 0; at < end && n < LOOKS_MAX; n++) {
		int err = block_look(run, inode, fbn, &is_hole, &until);

		if (err != 0 && err != -EAGAIN)
			return err;
		if (err == -EAGAIN) {
			missed = true;
			n += PTRS_PER_BLOCK - 1U;
			until = (uint32_t)MIN_OF(tree_base(1, fbn) + tree_span(1), (uint64_t)UINT32_MAX);
		} else if (!missed &&
		           !extent_add(run->msg, at, MIN_OF((uint64_t)until * FS_BLOCK_SIZE, end), is_hole)) {
			break;
		}
		fbn = until;
		at = (uint64_t)fbn * FS_BLOCK_SIZE;
	}
	return missed ? -EAGAIN : 0;
}

int op_extents(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	uint64_t offset = msg->in.extents.offset_bytes, len = msg->in.extents.len_bytes, end;
	struct inode *inode;
	int err = inode_get_id(run, &msg->file, &inode);

	if (err != 0)
		return err;
	if (inode->attr.type != FS_TYPE_REG && inode->attr.type != FS_TYPE_VDISK)
		return inode->attr.type == FS_TYPE_DIR ? -EISDIR : -EINVAL;
	end = len > UINT64_MAX - offset ? UINT64_MAX : offset + len;
	end = MIN_OF(end, inode->attr.size_bytes);
	msg->out.n = 0; /* of a run before */
	return offset < end ? range_look(run, inode, offset, end) : 0;
}
