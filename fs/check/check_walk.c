/* SPDX-License-Identifier: Apache-2.0 */
/* Walking trees: every block is read from the disks under the identity it must have, a megabyte at a time.
 *
 * THEORY. A stack of references to blocks. A batch is taken from its top, and read in the order of the disk. What
 * indirect blocks point at is pushed, last pointer first, so that blocks are read in file order. Few blocks of a batch
 * may push more (each up to 1024), so the stack stays small. A block counts as referred to whenever a pointer to it is
 * seen, but it is followed only the first time: so damaged trees end, too.
 * READ PATH. previous hop: fs/check/check.c; next hop: raid/raid.h, past the cache. */
#include <stdlib.h>

#include "base/array.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/check/check_fix.h"
#include "fs/check/check_private.h"
#include "fs/core/core.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "raid/raid.h"

#define PUSHING_MAX 16U /* blocks of a batch whose content may push more */
#define PAGES_MIN 8U

int check_walk_init(struct check *check)
{
	struct check_walk *walk = &check->walk;

	for (walk->n_pages = CHECK_PAGES; walk->n_pages >= PAGES_MIN; walk->n_pages /= 2U)
		if (page_alloc_many(walk->pages, walk->n_pages) == 0)
			return 0;
	walk->n_pages = 0;
	return -ENOMEM;
}

static void blocks_differ(struct check *check, const struct check_tree *tree)
{
	check_found(check, CHECK_INODE, "inode %u: %llu blocks in its record, %llu found", tree->ino,
	            (unsigned long long)tree->n_expected, (unsigned long long)tree->n_found);
	if (tree->n_found < tree->n_expected) { /* a pointer may be lost: what it led to is not called free */
		check->maps.pointers_lost = true;
		return;
	}
	if (tree->n_unread > 0 || tree->n_found > UINT32_MAX)
		return; /* not all of it could be counted */
	check_found_repairable(check);
	check_fix(check, FIX_INODE, tree->ino, FIELD_BLOCKS, tree->n_found);
}

static void tree_unref(struct check *check, struct check_tree *tree)
{
	if (--tree->n_pending > 0)
		return;
	if (!tree->again && !check->cancelled && !check->no_memory && tree->n_expected != UINT64_MAX &&
	    tree->n_found != tree->n_expected)
		blocks_differ(check, tree);
	free(tree);
}

void check_walk_fini(struct check *check)
{
	struct check_walk *walk = &check->walk;

	vc_assert(!walk->reading);
	check->cancelled = true; /* trees left unread say nothing */
	while (walk->n_refs > 0)
		tree_unref(check, walk->refs[--walk->n_refs].tree);
	free(walk->refs);
	page_put_many(walk->pages, walk->n_pages);
	walk->refs = NULL;
	walk->n_pages = 0;
}

/* ---- references ---- */

static void ref_push(struct check *check, struct check_tree *tree, uint32_t vbn, uint32_t fbn, unsigned level)
{
	struct check_walk *walk = &check->walk;

	if (!ARRAY_ROOM(walk->refs, walk->n_refs, walk->n_refs_max, 4096U)) {
		check->no_memory = true;
		return;
	}
	tree->n_pending++;
	walk->refs[walk->n_refs++] = (struct check_ref){
		.tree = tree, .vbn = vbn, .fbn = fbn, .level = (uint8_t)level
	};
}

/* A pointer for the block of `level` at `fbn`. */
static void pointer_follow(struct check *check, struct check_tree *tree, uint32_t vbn, uint64_t fbn, unsigned level)
{
	if (vbn == VBN_HOLE || vbn == VBN_ZERO || fbn + tree_span(level) <= tree->first_fbn)
		return;
	if (fbn >= FBN_MAX) {
		check_found(check, CHECK_INODE, "inode %u fbn %llu level %u: a block beyond the end of any file",
		            tree->ino, (unsigned long long)fbn, level);
		return;
	}
	if (level == 0 && fbn >= tree->end_fbn && !tree->again && check->maps.window_first == 0)
		check_found(check, CHECK_INODE, "inode %u fbn %llu vbn %u: a block beyond the end of the file, %llu",
		            tree->ino, (unsigned long long)fbn, vbn, (unsigned long long)tree->end_fbn);
	tree->n_found++;
	if (tree->again ? vbn < raid_geometry(check->vol->raid)->vbn_end
	                : check_reach(check, tree, vbn, (uint32_t)fbn, level))
		ref_push(check, tree, vbn, (uint32_t)fbn, level);
}

void check_walk_add(struct check *check, const struct check_tree *proto, const uint32_t ptr[PTRS_PER_INODE])
{
	struct check_tree *tree = malloc(sizeof(*tree));
	unsigned level;

	vc_assert(proto->height <= TREE_HEIGHT_MAX);
	if (tree == NULL) {
		check->no_memory = true;
		return;
	}
	*tree = *proto;
	tree->n_pending = 1;
	level = tree->height == 0 ? 0 : tree->height - 1U;
	for (unsigned i = PTRS_PER_INODE; tree->height > 0 && i-- > 0;)
		pointer_follow(check, tree, ptr[i], i * tree_span(level), level);
	tree_unref(check, tree);
}

void check_walk_add_inode(struct check *check, const struct check_tree *proto, const struct inode_disk *disk)
{
	struct check_tree tree = *proto;
	uint32_t ptr[PTRS_PER_INODE];

	tree.height = MIN_OF((uint8_t)(disk->type_height >> 4), (uint8_t)TREE_HEIGHT_MAX);
	if ((disk->flags & INODE_INLINE) != 0)
		tree.height = 0;
	for (unsigned i = 0; i < PTRS_PER_INODE; i++)
		ptr[i] = le32_get(disk->data.ptr[i]);
	check_walk_add(check, &tree, ptr);
}

/* ---- batches ---- */

static bool ref_may_push(const struct check_ref *ref)
{
	return ref->level > 0 || ref->tree->block != NULL;
}

/* By VBN; the low half says which entry of the batch it is. */
static int batch_order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void batch_done(struct raid_read *read)
{
	run_event(&container_of(read, struct check, walk.read)->run);
}

static void batch_start(struct check *check)
{
	struct check_walk *walk = &check->walk;
	unsigned n_pushing = 0;

	walk->n_batch = 0;
	while (walk->n_refs > 0 && walk->n_batch < walk->n_pages) {
		const struct check_ref *ref = &walk->refs[walk->n_refs - 1U];

		n_pushing += ref_may_push(ref);
		if (n_pushing > PUSHING_MAX)
			break;
		walk->batch[walk->n_batch] = *ref;
		walk->order[walk->n_batch] = (uint64_t)ref->vbn << 32 | walk->n_batch;
		walk->n_refs--;
		walk->n_batch++;
	}
	qsort(walk->order, walk->n_batch, sizeof(walk->order[0]), batch_order);
	for (unsigned b = 0; b < walk->n_batch; b++) {
		unsigned i = (unsigned)(walk->order[b] & 0xFFFFFFFFU);
		const struct check_ref *ref = &walk->batch[i];

		walk->blocks[b] = (struct raid_read_block){
			.vbn = ref->vbn,
			.ident = { .inode = ref->tree->ino, .fbn = ref->fbn, .level = ref->level },
			.page = walk->pages[i]
		};
	}
	walk->read = (struct raid_read){ .blocks = walk->blocks, .n_blocks = walk->n_batch, .done = batch_done };
	walk->reading = true;
	check->run.n_waiting++;
	raid_read(check->vol->raid, &walk->read);
}

static void block_read(struct check *check, const struct check_ref *ref, const uint8_t *bytes)
{
	struct check_tree *tree = ref->tree;
	uint64_t span;

	if (ref->level == 0) {
		if (tree->block != NULL)
			tree->block(check, tree, ref->fbn, bytes);
		return;
	}
	span = tree_span(ref->level - 1U);
	for (unsigned i = PTRS_PER_BLOCK; i-- > 0;) {
		uint32_t ptr;

		memcpy(&ptr, bytes + i * sizeof(ptr), sizeof(ptr));
		pointer_follow(check, tree, ptr, ref->fbn + i * span, ref->level - 1U);
	}
}

bool check_snapshot_lives(const struct check *check, uint32_t snapshot)
{
	return snapshot == check->image || check->offline || snapshot_find_id(check->vol, snapshot) != NULL;
}

static void block_lost(struct check *check, const struct check_ref *ref, int err)
{
	const struct check_place place = { ref->tree->snapshot, ref->tree->ino, ref->fbn, ref->vbn, ref->level };

	if (ref->level > 0 || ref->tree->block != NULL)
		check->maps.pointers_lost = true;
	ref->tree->n_unread += ref->level > 0;
	if (!ref->tree->again && (check->maps.window_first == 0 || place.snapshot != check->image))
		check_found_at(check, CHECK_BLOCK, &place, "inode %u fbn %u level %u vbn %u: cannot be read: %s",
		               ref->tree->ino, ref->fbn, ref->level, ref->vbn, error_name(err));
}

static void batch_take(struct check *check)
{
	struct check_walk *walk = &check->walk;
	int errs[CHECK_PAGES] = { 0 };

	for (unsigned b = 0; b < walk->n_batch; b++)
		errs[walk->order[b] & 0xFFFFFFFFU] = walk->blocks[b].err;
	for (unsigned i = 0; i < walk->n_batch; i++) {
		const struct check_ref *ref = &walk->batch[i];

		if (!check_snapshot_lives(check, ref->tree->snapshot))
			errs[i] = -ESTALE; /* the place may be another's by now */
		else if (errs[i] != 0)
			block_lost(check, ref, errs[i]); /* by rising FBN */
	}
	for (unsigned i = walk->n_batch; i-- > 0;) {
		const struct check_ref *ref = &walk->batch[i];

		if (errs[i] == 0)
			block_read(check, ref, walk->pages[i]->data);
		if (!ref->tree->again && check_counts(check, ref->tree, ref->vbn)) {
			check->n_blocks++;
			check->n_done++;
		}
		tree_unref(check, ref->tree);
	}
	walk->n_batch = 0;
}

int check_walk_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct check_walk *walk = &check->walk;

	if (walk->reading) {
		unsigned n = walk->n_batch;
		int err;

		walk->reading = false;
		batch_take(check);
		err = check_pace(run, n);
		if (err != 0)
			return err;
	}
	if (walk->n_refs == 0)
		return 0;
	batch_start(check);
	return -EAGAIN;
}
