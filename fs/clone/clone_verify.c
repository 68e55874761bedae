/* SPDX-License-Identifier: Apache-2.0 */
/* The second look of a clone that is to be verified: every block it has copied is compared, as the disks have it, with
 * the backing store's.
 *
 * THEORY. A block that a clone copies is marked in its checksum entry (raid_ident.mark); a block that a host writes is
 * not. The mark is durable with the block and costs nothing. It goes when the block is overwritten, because an
 * overwritten block is another block. So after any restart it is known which blocks of a LUN are copies. Those must
 * equal their backing blocks; the others are the host's business.
 * A batch looks up where both blocks are, reads them from the disks past the cache, and looks again. If the LUN's block
 * has moved meanwhile, or is dirty, the host has overwritten it, and the client always wins. The cursor is stored with
 * every batch.
 * READ PATH previous hop clone.c; next hop raid_read. */
#include <stdlib.h>

#include "base/error.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/clone/clone_private.h"
#include "fs/core/core.h"
#include "fs/core/file_block.h"
#include "fs/cp/admit.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/tree.h"
#include "fs/fs_types.h"
#include "fs/vdisk/vdisk.h"
#include "raid/raid.h"

#define VERIFY_BATCH 128U /* pairs: 1 MiB of pages */
#define LOOKUPS_MAX 4096U

struct pair {
	uint32_t fbn;
	struct raid_read_block *own, *under;
};

struct clone_verify {
	struct raid_read read;
	struct fs_run *run;
	bool reading, arrived;
	unsigned n;
	uint32_t end; /* all below are in the batch, or need no look */
	struct pair pairs[VERIFY_BATCH];
	struct raid_read_block blocks[2U * VERIFY_BATCH];
};

void clone_verify_drop(struct clone *clone)
{
	struct clone_verify *verify = clone->verify;

	if (verify == NULL)
		return;
	vc_assert(!verify->reading);
	for (unsigned i = 0; i < verify->read.n_blocks; i++)
		page_put(verify->blocks[i].page);
	free(verify);
	clone->verify = NULL;
}

/* ---- finding the blocks ---------------------------------------------------------------------------------------- */

/* The host has changed it since the last CP. */
static bool is_dirty(struct inode *inode, uint32_t fbn)
{
	const struct buf *buf = cache_peek(inode, 0, fbn);

	return (buf != NULL && buf->dirty != 0) || file_is_punched(inode, fbn);
}

/* Both blocks at `verify->end`, or a step over what need not be compared. */
static int pair_find(struct fs_run *run, struct inode *inode, struct clone_verify *verify, uint32_t last)
{
	struct pair *pair = &verify->pairs[verify->n];
	uint32_t fbn = verify->end, vbn, under_vbn, under_end;
	enum file_block state;
	struct inode *under;
	uint64_t end;
	int err = tree_lookup(run, inode, fbn, &vbn, &end);

	if (err != 0)
		return err;
	if (vbn == VBN_HOLE || vbn == VBN_ZERO || is_dirty(inode, fbn)) {
		verify->end = vbn == VBN_HOLE || vbn == VBN_ZERO ? (uint32_t)MIN_OF(end, (uint64_t)last) : fbn + 1U;
		return 0;
	}
	err = clone_backing_state(run, inode, fbn, &state, &under_end, &under);
	if (err == 0 && state == FILE_BLOCK_DATA && !under->inline_data)
		err = tree_lookup(run, under, fbn, &under_vbn, &end);
	else if (err == 0 && state != FILE_BLOCK_DATA)
		under_vbn = VBN_HOLE;
	else if (err == 0)
		under_vbn = VBN_ZERO; /* in its inode: there is no block to read */
	if (err != 0)
		return err;
	verify->end = fbn + 1U;
	if (under_vbn == VBN_HOLE || under_vbn == VBN_ZERO)
		return 0;
	*pair = (struct pair){ fbn, &verify->blocks[2U * verify->n], &verify->blocks[2U * verify->n + 1U] };
	*pair->own = (struct raid_read_block){ .vbn = vbn, .ident = { .inode = inode->ino, .fbn = fbn } };
	*pair->under = (struct raid_read_block){ .vbn = under_vbn, .ident = { .inode = under->ino, .fbn = fbn } };
	verify->n++;
	return 0;
}

static int pairs_collect(struct fs_run *run, struct clone *clone, struct inode *inode, struct clone_verify *verify)
{
	uint32_t last = MIN_OF(clone->n_total, MIN_OF(inode->backing.n_blocks, blocks_of_size(inode->attr.size_bytes)));
	unsigned n_max = MIN_OF(clone->batch_blocks, VERIFY_BATCH), n_lookups = 0;

	verify->n = 0;
	verify->end = clone->verify_cursor;
	while (verify->end < last && verify->n < n_max && n_lookups++ < LOOKUPS_MAX) {
		int err = pair_find(run, inode, verify, last);

		if (err != 0)
			return err;
	}
	clone->n_total = MIN_OF(clone->n_total, inode->backing.n_blocks); /* the LUN may have shrunk */
	if (verify->end >= last)
		verify->end = MAX_OF(clone->n_total, verify->end);
	return 0;
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static void pairs_arrived(struct raid_read *read)
{
	struct clone_verify *verify = container_of(read, struct clone_verify, read);

	verify->reading = false;
	verify->arrived = true;
	run_event(verify->run);
}

static int block_by_vbn(const void *a, const void *b)
{
	const struct raid_read_block *x = a, *y = b;

	return x->vbn < y->vbn ? -1 : x->vbn > y->vbn;
}

/* The blocks in the order of the disks, so that neighbours travel together; the pairs find theirs again by who they
 * are. */
static void pairs_sort(struct clone_verify *verify)
{
	uint32_t own[VERIFY_BATCH], under[VERIFY_BATCH];

	for (unsigned i = 0; i < verify->n; i++) {
		own[i] = verify->pairs[i].own->vbn;
		under[i] = verify->pairs[i].under->vbn;
	}
	qsort(verify->blocks, 2U * verify->n, sizeof verify->blocks[0], block_by_vbn);
	for (unsigned i = 0; i < verify->n; i++) {
		struct raid_read_block key = { .vbn = own[i] };

		verify->pairs[i].own = bsearch(&key, verify->blocks, 2U * verify->n, sizeof key, block_by_vbn);
		key.vbn = under[i];
		verify->pairs[i].under = bsearch(&key, verify->blocks, 2U * verify->n, sizeof key, block_by_vbn);
	}
}

static int pairs_read(struct fs_run *run, struct clone_verify *verify)
{
	int err = run_reserve(run, 2U * verify->n);

	if (err != 0)
		return err;
	pairs_sort(verify);
	for (unsigned i = 0; i < 2U * verify->n; i++)
		verify->blocks[i].page = cache_page_take(run->vol);
	verify->read = (struct raid_read){ .blocks = verify->blocks,
		                           .n_blocks = 2U * verify->n,
		                           .done = pairs_arrived };
	verify->run = run;
	verify->reading = true;
	run->n_waiting++;
	raid_read(run->vol->raid, &verify->read);
	return -EAGAIN;
}

/* ---- comparing ------------------------------------------------------------------------------------------------- */

/* CL3: 1: compared and equal; 0: the host's. -EAGAIN, -EIO, -EUCLEAN: it differs. */
static int pair_compare(struct fs_run *run, struct inode *inode, const struct pair *pair)
{
	uint32_t vbn;
	uint64_t end;
	int err = tree_lookup(run, inode, pair->fbn, &vbn, &end);

	if (err != 0)
		return err;
	if (vbn != pair->own->vbn || is_dirty(inode, pair->fbn))
		return 0;
	if (pair->own->err != 0 || pair->under->err != 0)
		return pair->own->err != 0 ? pair->own->err : pair->under->err;
	if (!pair->own->ident.mark)
		return 0;
	return memcmp(pair->own->page->data, pair->under->page->data, FS_BLOCK_SIZE) == 0 ? 1 : -EUCLEAN;
}

static int pairs_compare(struct fs_run *run, struct clone *clone, struct inode *inode,
                         const struct clone_verify *verify, unsigned *ret_n)
{
	*ret_n = 0;
	for (unsigned i = 0; i < verify->n; i++) {
		int same = pair_compare(run, inode, &verify->pairs[i]);

		if (same < 0 && same != -EAGAIN)
			clone->error_fbn = verify->pairs[i].fbn;
		if (same < 0)
			return same;
		*ret_n += (unsigned)same;
	}
	return 0;
}

static int batch_finish(struct fs_run *run, struct clone *clone, struct inode *inode)
{
	struct vdisk vdisk;
	unsigned n;
	int err = pairs_compare(run, clone, inode, clone->verify, &n);

	if (err == 0)
		err = vdisk_open(run, inode, &vdisk);
	if (err != 0)
		return err;
	err = admit_change(run, vdisk_store_pages(&vdisk.attr) + 1U, 0, 0);
	if (err == 0) {
		clone->verify_cursor = clone->verify->end;
		clone->n_verified += n;
		clone_progress_put(clone, &vdisk.attr.clone);
		vdisk_store(&vdisk);
	}
	vdisk_close(&vdisk);
	return err;
}

int clone_verify_step(struct fs_run *run)
{
	struct clone *clone = run->arg;
	struct inode *inode;
	int err;

	if (clone_must_end(clone))
		return -EINTR;
	err = inode_get_id(run, &clone->id, &inode);
	if (err == 0 && !inode->has_backing)
		err = -EUCLEAN;
	if (err != 0)
		return err;
	if (clone->verify == NULL) {
		clone->verify = calloc(1, sizeof *clone->verify);
		if (clone->verify == NULL)
			return -ENOMEM;
	}
	if (!clone->verify->arrived) {
		err = pairs_collect(run, clone, inode, clone->verify);
		if (err == 0 && clone->verify->n > 0)
			err = pairs_read(run, clone->verify);
		if (err != 0)
			return err;
	}
	return batch_finish(run, clone, inode);
}
