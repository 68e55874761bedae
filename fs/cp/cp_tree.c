/* SPDX-License-Identifier: Apache-2.0 */
/* How the CP changes trees: paths, new indirect blocks, growing, punching. */
#include <stdlib.h>

#include "base/array.h"
#include "base/counters.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/page.h"
#include "base/reserve.h"
#include "fs/core/core.h"
#include "fs/core/file_block.h"
#include "fs/core/hooks.h"
#include "fs/core/volume_counters.h"
#include "fs/cp/cp.h"
#include "fs/cp/space.h"
#include "fs/file/cache.h"
#include "fs/file/cache_cp.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "raid/raid.h"

/* There can be a thousand wrong pointers in a block: say the first ones, then now and then. */
#define DAMAGE_LOG_FIRST 16U
#define DAMAGE_LOG_EVERY 1024U

/* A vdisk that has blocks freed is dirty: it stays where it is until this CP has ended. */
static uint32_t owner_of(struct cp *cp, struct inode *inode)
{
	if (inode == NULL)
		return CP_OWNER_NONE;
	if (inode->attr.type != FS_TYPE_VDISK)
		return space_is_name(inode) ? CP_OWNER_NAMES : CP_OWNER_NONE;
	if (cp->n_owners == 0 || cp->owners[cp->n_owners - 1U] != inode) {
		ARRAY_ROOM_RESERVED(cp->owners, cp->n_owners, cp->n_owners_max, 16U);
		cp->owners[cp->n_owners++] = inode;
	}
	return (uint32_t)(CP_OWNER_FIRST + cp->n_owners - 1U);
}

static void free_push(struct cp *cp, uint32_t vbn, uint32_t owner)
{
	struct cp_free_vector *vector = &cp->frees;

	ARRAY_ROOM_RESERVED(vector->frees, vector->n, vector->n_max, 1024U);
	vector->frees[vector->n++] = (struct cp_free){ vbn, owner };
}

void cp_free_block(struct cp *cp, struct inode *inode, uint32_t vbn)
{
	free_push(cp, vbn, owner_of(cp, inode));
}

void cp_free_removed(struct cp *cp, struct inode *inode, uint32_t vbn)
{
	if (vbn < raid_geometry(cp->vol->raid)->vbn_end)
		free_push(cp, vbn, owner_of(cp, inode) | CP_OWNER_REMOVED);
	else
		cp_damage_passed(cp->vol, "vbn", vbn, -EUCLEAN);
}

void cp_damage_passed(struct fs_volume *vol, const char *what, uint32_t number, int err)
{
	uint64_t n = counter_get(&vol->counters->damage_passed);

	counter_add(&vol->counters->damage_passed, 1);
	if (n < DAMAGE_LOG_FIRST || n % DAMAGE_LOG_EVERY == 0)
		log_error("fs", "removed_file_damaged",
		          "volume=%s %s=%u error=%s total=%llu: blocks below it stay in use; \"vcd check --repair\" "
		          "frees them",
		          vol->name, what, number, error_name(err), (unsigned long long)(n + 1U));
}

static bool vbn_is_special(uint32_t vbn)
{
	return vbn == VBN_HOLE || vbn == VBN_ZERO;
}

uint64_t *cp_keys(struct cp *cp, size_t n)
{
	if (cp->n_keys_max < n) {
		free(cp->keys);
		cp->n_keys_max = n;
		cp->keys = reserve_reallocarray(NULL, n, 2U * sizeof cp->keys[0]);
	}
	return cp->keys;
}

static void members_reserve(struct cp_members *members, size_t n)
{
	if (members->n + n <= members->n_max)
		return;
	members->n_max = MAX_OF(members->n + n, MAX_OF((size_t)1024, members->n_max * 2U));
	members->bufs = reserve_reallocarray(members->bufs, members->n_max, sizeof members->bufs[0]);
}

void cp_member_add(struct cp *cp, struct buf *buf)
{
	struct cp_members *members = cp->placing || cp_is_data(buf) ? &cp->members : &cp->late;

	if (buf->in_cp) {
		buf->dropped = false; /* freed by this CP and needed again */
		return;
	}
	cache_hold(buf);
	buf->in_cp = true;
	members_reserve(members, 1);
	members->bufs[members->n++] = buf;
}

void cp_members_join(struct cp *cp)
{
	if (cp->placing)
		return;
	cp->placing = true;
	members_reserve(&cp->members, cp->late.n);
	if (cp->late.n > 0)
		memcpy(&cp->members.bufs[cp->members.n], cp->late.bufs, cp->late.n * sizeof cp->late.bufs[0]);
	cp->members.n += cp->late.n;
	cp->late.n = 0;
}

/* The others have a record in the inode file; the snapshot table has both, so that a snapshot knows which blocks were
 * the table's. */
static bool inode_in_fsinfo(const struct inode *inode)
{
	return inode->ino == INO_INODE_FILE;
}

void cp_inode_add(struct cp *cp, struct inode *inode)
{
	if (inode->cp_busy)
		return;
	ARRAY_ROOM_RESERVED(cp->inodes, cp->n_inodes, cp->n_inodes_max, 256U);
	inode_pin(inode);
	inode->cp_busy = true;
	cp->inodes[cp->n_inodes++] = inode;
	if (!inode_in_fsinfo(inode)) {
		struct buf *buf = cache_peek(cp->vol->inode_file, 0, inode->ino / INODES_PER_BLOCK);

		vc_assert(buf != NULL && buf->state == BUF_VALID);
		(void)cp_edit_block(cp, buf);
	}
}

int cp_need_inode(struct fs_run *run, struct inode *inode)
{
	struct buf *buf;

	if (inode->cp_busy || inode_in_fsinfo(inode))
		return 0;
	return cp_need_block(run, run->vol->inode_file, inode->ino / INODES_PER_BLOCK, &buf);
}

/* ---- paths ---- */

uint32_t cp_parent_ptr(const struct buf *buf)
{
	const struct inode *inode = buf->inode;

	if (buf->level + 1U == inode->height)
		return inode->ptr[buf->fbn >> (10U * buf->level)];
	return block_ptr(cache_peek(buf->inode, buf->level + 1U, tree_base(buf->level + 1U, buf->fbn)),
	                 tree_index(buf->level, buf->fbn));
}

static void block_ptr_set(struct buf *buf, unsigned index, uint32_t vbn)
{
	memcpy(buf->page->data + index * sizeof(vbn), &vbn, sizeof(vbn));
}

void cp_parent_set(struct buf *buf, uint32_t vbn)
{
	struct inode *inode = buf->inode;
	struct buf *parent;

	if (buf->level + 1U == inode->height) {
		inode->ptr[buf->fbn >> (10U * buf->level)] = vbn;
		return;
	}
	parent = cache_peek(inode, buf->level + 1U, tree_base(buf->level + 1U, buf->fbn));
	vc_assert(parent != NULL && parent->in_cp);
	block_ptr_set(parent, tree_index(buf->level, buf->fbn), vbn);
}

int cp_need_path(struct fs_run *run, struct inode *inode, uint32_t fbn)
{
	uint32_t vbn;
	uint64_t end;

	return tree_lookup(run, inode, fbn, &vbn, &end);
}

static bool inode_has_ptrs(const struct inode *inode)
{
	for (unsigned i = 0; i < PTRS_PER_INODE; i++)
		if (inode->ptr[i] != VBN_HOLE)
			return true;
	return false;
}

/* Something of this file is a member and has no VBN yet: a hole in the tree that will be none. */
static bool inode_has_members(const struct inode *inode)
{
	const struct buf *buf;

	LIST_FOREACH(buf, &inode->bufs, inode_link) {
		if (buf->in_cp)
			return true;
	}
	return false;
}

/* One level more: the pointers of the inode move into a new block at its top. */
static void tree_grow(struct cp *cp, struct inode *inode)
{
	struct buf *top;

	if (inode->height > 0 && (inode_has_ptrs(inode) || inode_has_members(inode))) {
		top = cache_new_zero(inode, inode->height, 0);
		for (unsigned i = 0; i < PTRS_PER_INODE; i++) {
			block_ptr_set(top, i, inode->ptr[i]);
			inode->ptr[i] = VBN_HOLE;
		}
		cp_member_add(cp, top);
	}
	inode->height++;
}

/* The block of `level` above fbn: in memory, or made because nothing is there. */
static struct buf *path_block(struct inode *inode, unsigned level, uint32_t fbn)
{
	uint32_t base = tree_base(level, fbn), ptr;
	struct buf *buf = cache_peek(inode, level, base),
	           key = { .inode = inode, .level = (uint8_t)level, .fbn = base };

	if (buf != NULL && buf->state == BUF_VALID)
		return buf;
	ptr = cp_parent_ptr(&key);
	vc_assert(vbn_is_special(ptr));
	buf = cache_new_zero(inode, level, base);
	if (ptr == VBN_ZERO)
		memset(buf->page->data, 0xFF, PAGE_SIZE);
	return buf;
}

/* The path from the top down to `lowest`. */
static void make_path_to(struct cp *cp, struct inode *inode, uint32_t fbn, unsigned lowest)
{
	while (inode->height < tree_height_for(fbn))
		tree_grow(cp, inode);
	for (unsigned level = inode->height - 1U; level >= lowest; level--)
		cp_member_add(cp, path_block(inode, level, fbn));
}

void cp_make_path(struct cp *cp, struct inode *inode, uint32_t fbn)
{
	make_path_to(cp, inode, fbn, 1);
}

int cp_need_block(struct fs_run *run, struct inode *inode, uint32_t fbn, struct buf **ret_buf)
{
	uint32_t vbn;
	uint64_t end;
	int err = tree_lookup(run, inode, fbn, &vbn, &end);

	if (err != 0)
		return err;
	*ret_buf = cache_find(inode, 0, fbn);
	if (*ret_buf == NULL) {
		if (!vbn_is_special(vbn))
			return cache_read(run, inode, 0, fbn, vbn, ret_buf);
		err = run_reserve(run, 1);
		if (err != 0)
			return err;
		*ret_buf = cache_new_zero(inode, 0, fbn);
	}
	return run_reserve(run, 8);
}

uint8_t *cp_edit_block(struct cp *cp, struct buf *buf)
{
	struct inode *inode = buf->inode;

	if (!buf->in_cp) {
		cp_make_path(cp, inode, buf->fbn);
		cp_member_add(cp, buf);
		cp_inode_add(cp, inode);
		if (inode->attr.size_bytes < ((uint64_t)buf->fbn + 1U) * FS_BLOCK_SIZE && inode->ino < INO_ROOT)
			inode->attr.size_bytes = ((uint64_t)buf->fbn + 1U) * FS_BLOCK_SIZE;
	}
	vc_invariant(C2, page_is_exclusive(buf->page));
	return buf->page->data;
}

/* ---- punching ---- */

struct punch {
	struct cp *cp;
	struct inode *inode;
	uint32_t first, end;
	uint32_t fill; /* what is left behind */
	unsigned n_named; /* blocks this execution waits for */
};
#define PUNCH_NAMED_MAX 64U

static int punch_ptr(struct fs_run *run, struct punch *punch, unsigned level, uint32_t base);

static void punch_set(struct punch *punch, unsigned level, uint32_t base, uint32_t vbn)
{
	struct buf key = { .inode = punch->inode, .level = (uint8_t)level, .fbn = base };

	make_path_to(punch->cp, punch->inode, base, level + 1U);
	cp_parent_set(&key, vbn);
}

/* Blocks [fbn, fbn + n) become what the punch leaves behind. */
static void punch_tell(const struct punch *punch, uint32_t fbn, uint64_t n, enum file_block from)
{
	if (punch->inode->attr.type == FS_TYPE_VDISK)
		punch->inode->vol->hooks->tree_changed(punch->inode, fbn, n, from,
		                                       punch->fill == VBN_ZERO ? FILE_BLOCK_ZERO : FILE_BLOCK_HOLE);
}

static void punch_free(struct punch *punch, unsigned level, uint32_t base, uint32_t vbn)
{
	cp_free_block(punch->cp, punch->inode, vbn);
	punch->inode->n_blocks--;
	space_count(punch->inode, -1);
	punch_set(punch, level, base, punch->fill);
}

/* Nothing but holes and zeros is left in an indirect block that lies wholly in the range: free it too. */
static void punch_free_indirect(struct punch *punch, struct buf *buf, uint32_t vbn)
{
	unsigned level = buf->level;
	uint32_t base = buf->fbn;

	buf->dropped = buf->in_cp; /* stays in the worklist as an empty entry */
	cache_forget(buf);
	if (!vbn_is_special(vbn))
		punch_free(punch, level, base, vbn);
	else
		punch_set(punch, level, base, punch->fill);
}

static int punch_children(struct fs_run *run, struct punch *punch, struct buf *buf)
{
	uint64_t span = tree_span(buf->level - 1U);
	unsigned level = buf->level;
	uint32_t base = buf->fbn;
	int result = 0;

	for (unsigned i = 0; i < PTRS_PER_BLOCK; i++) {
		uint64_t child = base + i * span;
		int err;

		if (child >= punch->end)
			break;
		if (child + span <= punch->first)
			continue;
		err = punch_ptr(run, punch, level - 1U, (uint32_t)child);
		if (err != 0 && err != -EAGAIN)
			return err;
		if (err == -EAGAIN) {
			result = err;
			if (++punch->n_named >= PUNCH_NAMED_MAX)
				break;
		}
	}
	return result;
}

/* A level-1 block wholly in the range: its blocks go without it being changed. */
static void punch_whole_leaf(struct punch *punch, struct buf *buf, uint32_t vbn)
{
	for (unsigned i = 0; i < PTRS_PER_BLOCK; i++) {
		uint32_t ptr = block_ptr(buf, i);

		if (ptr != VBN_ZERO)
			punch_tell(punch, buf->fbn + i, 1, ptr == VBN_HOLE ? FILE_BLOCK_HOLE : FILE_BLOCK_DATA);
		if (!vbn_is_special(ptr)) {
			cp_free_block(punch->cp, punch->inode, ptr);
			punch->inode->n_blocks--;
			space_count(punch->inode, -1);
		}
	}
	punch_free_indirect(punch, buf, vbn);
}

static int punch_indirect(struct fs_run *run, struct punch *punch, unsigned level, uint32_t base, uint32_t vbn,
                          bool whole)
{
	struct buf *buf = cache_peek(punch->inode, level, base);
	int err;

	if (buf == NULL || buf->state != BUF_VALID) {
		if (vbn_is_special(vbn))
			buf = NULL;
		else if ((err = cache_read(run, punch->inode, level, base, vbn, &buf)) != 0)
			return err;
	}
	if (buf == NULL) { /* part of a hole is to read as zeros: the path must exist */
		err = run_reserve(run, 8);
		if (err != 0)
			return err;
		make_path_to(punch->cp, punch->inode, base, level);
		buf = cache_peek(punch->inode, level, base);
	}
	cache_keep(buf);
	err = run_reserve(run, 8);
	if (err != 0)
		return err;
	if (whole && level == 1) {
		punch_whole_leaf(punch, buf, vbn);
		return 0;
	}
	make_path_to(punch->cp, punch->inode, base, level);
	err = punch_children(run, punch, buf);
	if (err == 0 && whole)
		punch_free_indirect(punch, buf, vbn);
	return err;
}

static int punch_ptr(struct fs_run *run, struct punch *punch, unsigned level, uint32_t base)
{
	struct buf key = { .inode = punch->inode, .level = (uint8_t)level, .fbn = base };
	uint32_t vbn = cp_parent_ptr(&key);
	bool whole = base >= punch->first && base + tree_span(level) <= punch->end;
	struct buf *buf = level > 0 ? cache_peek(punch->inode, level, base) : NULL;

	if (vbn_is_special(vbn) && (buf == NULL || buf->state != BUF_VALID)) {
		if (vbn == punch->fill || vbn == VBN_ZERO)
			return 0;
		if (whole) {
			punch_tell(punch, base, tree_span(level), FILE_BLOCK_HOLE);
			punch_set(punch, level, base, punch->fill);
			return 0;
		}
	}
	if (level > 0)
		return punch_indirect(run, punch, level, base, vbn, whole);
	punch_tell(punch, base, 1, FILE_BLOCK_DATA);
	punch_free(punch, 0, base, vbn);
	return 0;
}

static int punch_range(struct fs_run *run, struct punch *punch)
{
	struct inode *inode = punch->inode;
	unsigned top;
	int err, result = 0;

	if (punch->first >= punch->end)
		return 0;
	err = run_reserve(run, 16);
	if (err != 0)
		return err;
	if (punch->fill == VBN_ZERO) {
		while (inode->height < tree_height_for(punch->end - 1U))
			tree_grow(punch->cp, inode);
	}
	if (inode->height == 0)
		return 0;
	top = inode->height - 1U;
	for (unsigned i = 0; i < PTRS_PER_INODE; i++) {
		uint64_t base = i * tree_span(top);

		if (base >= punch->end || base > FBN_MAX)
			break;
		if (base + tree_span(top) <= punch->first)
			continue;
		err = punch_ptr(run, punch, top, (uint32_t)base);
		if (err != 0 && err != -EAGAIN)
			return err;
		if (err == -EAGAIN)
			result = err;
	}
	return result;
}

/* What is cut off at the end of a file goes with the indirect blocks that reach beyond it. */
static uint32_t punch_end(const struct inode *inode, uint32_t end)
{
	const struct inode_attr *attr = cp_attr_of(inode);

	return (attr->type == FS_TYPE_REG || attr->type == FS_TYPE_VDISK) && end >= blocks_of_size(attr->size_bytes)
	           ? FBN_MAX
	           : end;
}

int cp_punch(struct fs_run *run, struct inode *inode, uint32_t first, uint32_t end)
{
	struct cp *cp = run->vol->cp;
	bool backed = inode->frozen ? inode->cp_has_backing : inode->has_backing;
	uint32_t backed_end = !backed ? 0 : inode->frozen ? inode->cp_backing.n_blocks : inode->backing.n_blocks;
	struct punch zeros = {
		.cp = cp, .inode = inode, .first = first, .end = MIN_OF(end, backed_end), .fill = VBN_ZERO
	};
	struct punch holes = { .cp = cp,
		               .inode = inode,
		               .first = MAX_OF(first, backed_end),
		               .end = punch_end(inode, end),
		               .fill = VBN_HOLE };
	int err = punch_range(run, &zeros);

	return err != 0 ? err : punch_range(run, &holes);
}
