/* SPDX-License-Identifier: Apache-2.0 */
/* A repair: some stripes read whole and judged block by block; what is wrong or missing is rebuilt (raid_repair.c tells
 * how).
 *
 * READ PATH  previous hop raid_read.c; next hop batch.h. */
#ifndef RAID_RAID_REPAIR_H
#define RAID_RAID_REPAIR_H

#include "raid/checksum_set.h"
#include "raid/raid_group.h"

#define REPAIR_MAX_STRIPES 16U
#define RAID_REPAIRS 16U /* at once */

enum repair_mode {
	REPAIR_READ, /* give back the blocks of one position */
	REPAIR_STRIPE, /* make the stripes whole, before a partial write */
	REPAIR_VERIFY, /* only count what is wrong */
	REPAIR_REBUILD /* write the blocks of one position, which is being rebuilt, from the others */
};
struct repair {
	/* the caller's */
	struct raid *raid;
	struct raid_group *group;
	enum repair_mode mode;
	uint32_t first_dbn;
	unsigned n; /* stripes, at most REPAIR_MAX_STRIPES */
	unsigned position; /* READ, REBUILD */
	bool inside_piece; /* the piece that holds these stripes asks: do not wait for it */
	struct raid_read_block *blocks[REPAIR_MAX_STRIPES]; /* READ */
	void (*done)(struct repair *repair);
	void *owner;
	/* the answer */
	int err; /* STRIPE: 0: all blocks are right. -EIO: those of n_lost stripes are not, or (n_lost 0) they could not
	          * be read */
	unsigned n_lost; /* STRIPE, REBUILD */
	struct raid_wrong_stripe wrong[REPAIR_MAX_STRIPES]; /* VERIFY */
	unsigned n_wrong;
	/* ours */
	TAILQ_ENTRY(repair) link;
	bool active, reserved;
	bool single; /* one I/O a block */
	bool disks_checked;
	unsigned n_lost_before;
	struct checksum_set set;
	unsigned n_pages;
	struct page **pages;
	struct batch batch;
	struct batch_item *items;
	unsigned n_rewrites;
	struct batch_item *rewrites;
	struct task task;
	struct timer retry;
};
TAILQ_HEAD(repair_list, repair);

/* While it is judged: the block of a position of one of its stripes, and how reading it has ended. */
static inline struct page *repair_page(const struct repair *r, unsigned stripe, unsigned position)
{
	return r->pages[stripe * r->group->n_members + position];
}
static inline struct batch_item *repair_item(const struct repair *r, unsigned stripe, unsigned position)
{
	return &r->items[r->single ? stripe * r->group->n_members + position : position * r->n + stripe];
}

MUST_CHECK struct repair *repair_new(struct raid *raid); /* NULL: no memory */
void repair_free(struct repair *repair);
/* `done` is never called inside this call. */
void repair_submit(struct repair *repair);
/* A piece or a repair has ended: see who may go on. */
void repair_kick(struct raid *raid);
/* Is this stripe under repair? */
bool repair_covers(const struct raid *raid, const struct raid_group *g, uint32_t dbn);

/* ---- repair_judge.c ---- */

/* All has been read: what is wrong, what is rebuilt, and what of it is to be written (repair->rewrites). */
void repair_judge(struct repair *repair);
/* Every block of the stripe that is there matches its entry, but the entries do not agree: so looks a disk that was
 * overwritten as a whole. */
bool repair_stripe_looks_overwritten(const struct repair *repair, unsigned stripe);

#endif
