/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ahead of a clone's walk: the backing blocks that the next batches will ask for.
 *
 * THEORY. A batch that waits for its reads leaves the disks idle while its blocks are installed. So a run of its own
 * looks further on, in the same way as the walk, and names the blocks for reading. It waits only for indirect
 * blocks. It only fills the cache: the walk looks at every block again when it comes there. */
#include "base/list.h"
#include "fs/clone/clone_private.h"
#include "fs/core/core.h"
#include "fs/core/file_block.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/tree.h"
#include "raid/raid.h"

#define AHEAD_UNIT 256U /* blocks read together */
#define LOOKUPS_MAX 256U

/* The block of the backing store under `fbn`, or nothing: begin to read it. */
static int ahead_name(struct fs_run *run, struct inode *under, uint32_t fbn, unsigned *io_n)
{
	uint64_t end;
	uint32_t vbn;
	int err;

	if (under->inline_data && fbn == 0)
		return 0;
	err = tree_lookup(run, under, fbn, &vbn, &end);
	if (err != 0)
		return err;
	if (vbn == VBN_HOLE || vbn == VBN_ZERO) /* only in memory yet */
		return 0;
	cache_read_ahead(run, under, fbn, vbn);
	++*io_n;
	return 0;
}

/* Look at `*io_fbn` and step beyond it, as the walk will. */
static int ahead_look(struct fs_run *run, struct inode *inode, uint32_t *io_fbn, unsigned *io_n)
{
	enum file_block state;
	struct inode *under = NULL;
	uint32_t fbn = *io_fbn, end, backing_end = UINT32_MAX;
	int err = file_block_state(run, inode, fbn, &state, &end);

	if (err == 0 && state == FILE_BLOCK_HOLE) {
		err = clone_backing_state(run, inode, fbn, &state, &backing_end, &under);
		if (err == 0 && state == FILE_BLOCK_DATA) {
			err = ahead_name(run, under, fbn, io_n);
			end = fbn + 1U;
		}
	}
	if (err == 0)
		*io_fbn = MIN_OF(end, backing_end);
	return err;
}

static uint32_t ahead_end(const struct clone *clone)
{
	return (uint32_t)MIN_OF((uint64_t)clone->cursor + clone->ahead_blocks, (uint64_t)clone->n_total);
}

static int ahead_step(struct fs_run *run)
{
	struct clone *clone = run->arg;
	uint32_t fbn = MAX_OF(clone->ahead, clone->cursor), end = ahead_end(clone);
	struct inode *inode;
	unsigned n = 0;
	int err = clone->end != CLONE_GOES_ON ? -EINTR : inode_get_id(run, &clone->id, &inode);

	for (unsigned i = 0; err == 0 && i < LOOKUPS_MAX && n < AHEAD_UNIT && fbn < end; i++)
		err = ahead_look(run, inode, &fbn, &n);
	clone->ahead = fbn;
	return err;
}

static void ahead_finished(struct fs_run *run, int err)
{
	struct clone *clone = run->arg;

	clone->ahead_busy = false;
	if (err != 0)
		clone->ahead = clone->n_total; /* the walk will meet it too, and say so */
	else
		clone_ahead(clone);
	clone_ahead_ended(clone);
}

void clone_ahead(struct clone *clone)
{
	uint32_t end = ahead_end(clone), from = MAX_OF(clone->ahead, clone->cursor);

	if (clone->ahead_busy || clone->end != CLONE_GOES_ON || from + (end < clone->n_total ? AHEAD_UNIT : 1U) > end)
		return;
	clone->ahead_busy = true;
	clone->vol->n_messages++;
	run_reinit(&clone->ahead_run, clone->vol, ahead_step, ahead_finished);
	clone->ahead_run.arg = clone;
	run_start_later(&clone->ahead_run);
}
