/* SPDX-License-Identifier: Apache-2.0 */
/* What the CP hands to the RAID layer: first data of finished bands, while the rest is still being placed; then
 * everything else.
 *
 * THEORY. A client's data is final when its generation closes, so it need not wait for the pointers and maps that will
 * name it. The data goes out in pieces that end where a band of the allocator ends, so no stripe is written in two
 * pieces. If the CP never ends, nothing is lost: all of the data went to blocks that nothing reaches.
 * WRITE PATH. previous hop: cp_place.c; next hop: raid_write. */
#include <stdlib.h>

#include "base/list.h"
#include "base/page.h"
#include "base/radix.h"
#include "base/reserve.h"
#include "fs/core/core.h"
#include "fs/cp/alloc.h"
#include "fs/cp/cp.h"
#include "fs/file/cache.h"
#include "raid/raid.h"

#define EARLY_BLOCKS 2048U /* 8 MiB a piece */

struct cp_piece {
	struct raid_write write;
	struct cp *cp;
	struct raid_write_block blocks[];
};

void cp_write_begin(struct cp *cp)
{
	cp->n_writing++;
}

void cp_write_end(struct cp *cp, int err)
{
	if (err != 0 && cp->write_err == 0)
		cp->write_err = err;
	if (--cp->n_writing == 0 && cp->stage == CP_STAGE_WRITE)
		cp_written(cp, cp->write_err);
}

static void piece_done(struct raid_write *write, int err)
{
	struct cp_piece *piece = container_of(write, struct cp_piece, write);
	struct cp *cp = piece->cp;

	for (unsigned i = 0; i < write->n_blocks; i++)
		page_put(piece->blocks[i].page);
	free(piece);
	cp_write_end(cp, err);
}

/* Members [n_submitted, end): from now on their pages are shared (edits go to copies). */
static void piece_submit(struct cp *cp, size_t end)
{
	struct cp_piece *piece = reserve_malloc(sizeof(*piece) + (end - cp->n_submitted) * sizeof(piece->blocks[0]));
	size_t n = 0, n_max = end - cp->n_submitted;
	uint64_t *keys = cp_keys(cp, n_max);
	struct buf **bufs = &cp->members.bufs[cp->n_submitted];

	for (size_t i = 0; i < n_max; i++)
		if (!bufs[i]->dropped)
			keys[n++] = (uint64_t)i << 32 | bufs[i]->vbn_new;
	radix_sort(keys, keys + n, n);
	for (size_t i = 0; i < n; i++) {
		const struct buf *buf = bufs[keys[i] >> 32];

		piece->blocks[i] = (struct raid_write_block){
			.vbn = buf->vbn_new,
			.page = page_get(cp_page_of(buf)),
			.ident = { .inode = buf->inode->ino,
			           .fbn = buf->fbn,
			           .generation = (uint32_t)cp->generation,
			           .level = buf->level,
			           .mark = cp_is_cloned(buf) },
		};
	}
	cp->n_submitted = end;
	piece->cp = cp;
	piece->write = (struct raid_write){ .blocks = piece->blocks, .n_blocks = (unsigned)n, .done = piece_done };
	cp_write_begin(cp);
	raid_write(cp->vol->raid, &piece->write);
}

void cp_write_early(struct cp *cp)
{
	if (alloc_band(cp->vol) == cp->band)
		return;
	cp->band = alloc_band(cp->vol);
	cp->band_first = cp->n_placed;
	if (cp->band_first - cp->n_submitted >= EARLY_BLOCKS && cp_is_data(cp->members.bufs[cp->band_first - 1U]))
		piece_submit(cp, cp->band_first);
}

void cp_write_rest(struct cp *cp)
{
	piece_submit(cp, cp->members.n);
}
