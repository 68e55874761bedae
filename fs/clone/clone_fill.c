/* SPDX-License-Identifier: Apache-2.0 */
/* The walk of a clone over the blocks of its LUN (§seed Figs. 10A, 10B, 11): where the LUN has a hole and the backing
 * store has data, the backing block becomes the LUN's own.
 *
 * THEORY. The loaded page of the backing block is installed in the LUN as a dirty buffer. The page is shared, not
 * copied ("marked dirty without altering the content"). The next CP gives it a VBN of its own.
 * The look at a block and the install happen in one execution of the step. So a host write, a zeroed range or a smaller
 * size in between is never overwritten: the client always wins.
 * Nothing is logged. The cursor is stored in the generation of the blocks below it, so after a crash the walk goes on
 * from the cursor of the last CP, and no block below that is looked at again.
 * The last step of a clone, its release, is here too.
 * WRITE PATH previous hop clone.c; next hops: a fill: fs/file/cache.h (cache_install), vdisk.h (the cursor), then
 * the CP (fs/cp/cp_files.c); the release: vdisk.h (vdisk_store), vtoc.h (vtoc_update), then the CP. */
#include "base/error.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/clone/clone.h"
#include "fs/clone/clone_pace.h"
#include "fs/clone/clone_private.h"
#include "fs/core/core.h"
#include "fs/core/file_block.h"
#include "fs/cp/admit.h"
#include "fs/cp/space.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/page_batch.h"
#include "fs/file/run.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/names/file_apply.h"
#include "fs/snapshot/snapshot.h"
#include "fs/vdisk/vdisk.h"
#include "fs/vdisk/vdiskattr.h"
#include "fs/vdisk/vtoc.h"
#include "raid/raid.h"

#define BACKING_DEPTH_MAX 64U

_Static_assert(CLONE_BATCH_IDLE <= PAGE_BATCH_MAX, "a batch has room for what the pace allows");

struct batch {
	struct page_batch pages;
	uint32_t n_own, n_zero; /* met: what the tree has of the LUN's own, data and explicit zeros */
};

int clone_backing_state(struct fs_run *run, struct inode *inode, uint32_t fbn, enum file_block *ret_state,
                        uint32_t *ret_end, struct inode **ret_under)
{
	*ret_end = UINT32_MAX;
	for (unsigned depth = 0; depth < BACKING_DEPTH_MAX; depth++) {
		struct fs_file_id id = { inode->backing.snapshot, inode->backing.inode, inode->backing.generation };
		uint32_t end, backed = inode->has_backing ? inode->backing.n_blocks : 0;
		struct inode *under;
		int err;

		if (fbn >= backed) {
			*ret_state = FILE_BLOCK_HOLE;
			return 0;
		}
		err = inode_get_id(run, &id, &under);
		if (err == 0)
			err = file_block_state(run, under, fbn, ret_state, &end);
		if (err != 0)
			return err == -ESTALE ? -EUCLEAN : err;
		*ret_end = MIN_OF(*ret_end, MIN_OF(end, backed));
		*ret_under = under;
		if (*ret_state != FILE_BLOCK_HOLE)
			return 0;
		inode = under;
	}
	return -EUCLEAN;
}

/* Step over what is the LUN's own. */
static int batch_pass(struct fs_run *run, struct inode *inode, struct batch *batch, uint32_t run_end)
{
	uint32_t vbn;
	uint64_t end;
	int err = tree_lookup(run, inode, batch->pages.end, &vbn, &end);

	if (err != 0)
		return err;
	if (vbn == VBN_ZERO)
		batch->n_zero += run_end - batch->pages.end;
	else if (vbn != VBN_HOLE)
		batch->n_own += run_end - batch->pages.end;
	batch->pages.end = run_end;
	return 0;
}

/* Step over the block, or over the run of blocks that are like it, or take it into the batch. */
static int batch_look(struct fs_run *run, struct inode *inode, struct page_batch *pages, uint32_t end)
{
	enum file_block state;
	uint32_t fbn = pages->end, run_end, backing_end;
	struct inode *under;
	int err = file_block_state(run, inode, fbn, &state, &run_end);

	if (err != 0)
		return err;
	run_end = MIN_OF(run_end, end);
	if (state != FILE_BLOCK_HOLE)
		return batch_pass(run, inode, container_of(pages, struct batch, pages), run_end);
	err = clone_backing_state(run, inode, fbn, &state, &backing_end, &under);
	if (err != 0)
		return err;
	if (state == FILE_BLOCK_DATA)
		return page_batch_take(run, pages, under);
	pages->end = MIN_OF(run_end, backing_end);
	return 0;
}

/* Go on from the cursor until the batch is full. */
static int batch_collect(struct fs_run *run, struct inode *inode, uint32_t cursor, struct batch *batch)
{
	uint32_t end = MIN_OF(inode->backing.n_blocks, blocks_of_size(inode->attr.size_bytes));
	int err;

	batch->pages.end = cursor;
	err = page_batch_collect(run, &batch->pages, inode, end, batch_look);
	if (batch->pages.end >= end)
		batch->pages.end = MAX_OF(end, cursor);
	return err;
}

static void batch_commit(struct clone *clone, struct inode *inode, const struct batch *batch)
{
	unsigned bit = gen_bit(clone->vol);

	for (unsigned i = 0; i < batch->pages.n; i++) {
		const struct buf *there = cache_peek(inode, 0, batch->pages.fbn[i]);
		struct buf *buf;

		vc_invariant(CL2, (there == NULL || there->dirty == 0) && !file_is_punched(inode, batch->pages.fbn[i]));
		buf = cache_install(inode, batch->pages.fbn[i], page_get(batch->pages.page[i]));

		buf->cloned = true;
		/* a crash gives back the hole, with the same content under it: nothing for a flush to log */
		file_set_logged(buf);
	}
	clone->n_total = MIN_OF(clone->n_total, inode->backing.n_blocks); /* the LUN may have shrunk */
	clone->vol->clones->n_filled[bit] += batch->pages.n;
	clone->n_unplaced[bit] += batch->pages.n;
	clone->cursor = batch->pages.end;
	clone->n_own_below += batch->n_own + batch->pages.n;
	clone->n_zero_above -= MIN_OF(clone->n_zero_above, batch->n_zero);
	clone->n_copied += batch->pages.n;
}

void clone_progress_put(const struct clone *clone, struct vdisk_clone *attr)
{
	attr->cursor = clone->cursor;
	attr->n_copied = clone->n_copied;
	attr->n_own_below = clone->n_own_below;
	attr->n_zero_above = clone->n_zero_above;
	attr->verify_cursor = clone->verify_cursor;
	attr->n_verified = clone->n_verified;
}

/* ---- space ------------------------------------------------------------------------------------------------------ */

static uint64_t clone_with_indirect(uint64_t n_blocks)
{
	return n_blocks + n_blocks / 512U + 16U;
}

/* Of `left` blocks, those that the layers from `backing` on hold (NULL: there are none). */
static int need_left(struct fs_run *run, const struct inode_backing *backing, uint64_t left, uint64_t *ret_blocks)
{
	uint64_t held = 0;

	while (backing != NULL && held < left) {
		struct fs_file_id id = { backing->snapshot, backing->inode, backing->generation };
		struct inode *under;
		int err = inode_get_id(run, &id, &under);

		if (err != 0)
			return err == -ESTALE ? -EUCLEAN : err;
		held += under->n_blocks + 1U;
		backing = under->has_backing ? &under->backing : NULL;
	}
	*ret_blocks = clone_with_indirect(MIN_OF(left, held));
	return 0;
}

int clone_need(struct fs_run *run, const struct vdisk *vdisk, uint64_t *ret_blocks)
{
	const struct inode *inode = vdisk->container;
	uint64_t left = inode->backing.n_blocks - MIN_OF(vdisk->attr.clone.cursor, inode->backing.n_blocks);

	return need_left(run, inode->has_backing ? &inode->backing : NULL, left, ret_blocks);
}

int clone_need_of(struct fs_run *run, const struct inode_backing *backing, uint64_t *ret_blocks)
{
	return need_left(run, backing, backing->n_blocks, ret_blocks);
}

void clone_claim(struct clone *clone, uint64_t n_blocks)
{
	struct fs_volume *vol = clone->vol;
	int err;

	n_blocks = MIN_OF(n_blocks, clone->claim.n_blocks + space_available(vol));
	err = space_claim(vol, &clone->claim, n_blocks);
	vc_assert(err == 0);
}

void clone_claim_follow(struct clone *clone, uint64_t n_left)
{
	uint64_t n_blocks = clone->phase == CLONE_FILL ? clone_with_indirect(n_left) : 0;

	if (n_blocks < clone->claim.n_blocks)
		clone_claim(clone, n_blocks);
}

/* A reserved LUN's own reservation is for its holes; another one's clone has its claim. */
static int fill_admit(struct fs_run *run, struct clone *clone, struct inode *inode, size_t n_pages)
{
	enum space_class cls = space_class_of(inode, SPACE_NEW);
	int err;

	if (cls == SPACE_LUN)
		return admit_space(run, n_pages, 0, n_pages, cls);
	err = space_claim_admit(run, &clone->claim, clone_with_indirect(n_pages));
	return err != 0 ? err : admit_space(run, n_pages, 0, 0, SPACE_NAMES);
}

static int fill(struct fs_run *run, struct clone *clone, struct inode *inode)
{
	struct batch batch = { .pages.n_max = clone->batch_blocks };
	struct vdisk vdisk;
	unsigned n_pages;
	int err = batch_collect(run, inode, clone->cursor, &batch);

	if (err == 0)
		err = vdisk_open(run, inode, &vdisk);
	if (err != 0)
		return err;
	n_pages = batch.pages.n + vdisk_store_pages(&vdisk.attr) + 2U;
	err = fill_admit(run, clone, inode, n_pages);
	if (err == 0) { /* the blocks, and the cursor in the same generation */
		space_claim_draw(run->vol, &clone->claim, batch.pages.n + DIV_UP(batch.pages.n, 512U));
		batch_commit(clone, inode, &batch);
		clone_progress_put(clone, &vdisk.attr.clone);
		vdisk_store(&vdisk);
	}
	vdisk_close(&vdisk);
	return err;
}

bool clone_must_end(const struct clone *clone)
{
	return clone->end != CLONE_GOES_ON ||
	       atomic_load_explicit(&clone->vol->state, memory_order_relaxed) != VOLUME_ONLINE;
}

int clone_fill_step(struct fs_run *run)
{
	struct clone *clone = run->arg;
	struct inode *inode;
	int err;

	if (clone_must_end(clone))
		return -EINTR;
	err = inode_get_id(run, &clone->id, &inode);
	if (err == 0 && !inode->has_backing)
		err = -EUCLEAN;
	return err != 0 ? err : fill(run, clone, inode);
}

static void release(struct fs_run *run, struct clone *clone, struct vdisk *vdisk)
{
	struct inode *container = vdisk->container;
	struct inode_attr *attr = inode_modify(container);

	if ((clone->flags & FS_CLONE_DELETE_SNAPSHOT) != 0)
		snapshot_delete_when_free(run->vol, vdisk->attr.backing.snapshot);
	attr->flags &= (uint8_t)~INODE_BACKED;
	container->has_backing = false;
	memset(&container->backing, 0, sizeof container->backing);
	memset(&vdisk->attr.backing, 0, sizeof vdisk->attr.backing);
	vdisk->attr.clone.state = FS_CLONE_DONE;
	clone_progress_put(clone, &vdisk->attr.clone);
	vdisk->attr.clone.n_total = clone->n_total;
	vdisk->attr.state_generation++;
	vdisk_store(vdisk);
	vtoc_update(run->vol, vdisk->entry, &vdisk->attr);
}

int clone_release_step(struct fs_run *run)
{
	struct clone *clone = run->arg;
	struct inode *inode;
	struct vdisk vdisk;
	int err;

	if (clone_must_end(clone))
		return -EINTR;
	err = vtoc_need(run);
	if (err == 0)
		err = inode_get_id(run, &clone->id, &inode);
	if (err == 0)
		err = vdisk_open(run, inode, &vdisk);
	if (err != 0)
		return err;
	err = vdisk.entry == NULL ? -EUCLEAN : vtoc_plan_change(run, vdisk.entry);
	if (err == 0)
		err = admit_change(run, vdisk_store_pages(&vdisk.attr) + VTOC_PAGES + 2U, 0, 0);
	if (err == 0)
		release(run, clone, &vdisk);
	vdisk_close(&vdisk);
	return err;
}
