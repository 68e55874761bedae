/* SPDX-License-Identifier: Apache-2.0 */
/* A piece: some stripes of one group, written together under one intent.
 *
 * WRITE PATH  previous hop raid_write.c; next hops intent.h, batch.h. */
#ifndef RAID_RAID_PIECE_H
#define RAID_RAID_PIECE_H

#include "raid/checksum_set.h"
#include "raid/raid_group.h"

struct repair;
struct write_op;

#define PIECE_MAX_STRIPES 256U
#define PIECE_MAX_BLOCKS (PIECE_MAX_STRIPES * LEVEL_MAX_DATA)
#define PIECE_MAX_ITEMS (PIECE_MAX_STRIPES * LEVEL_MAX_DISKS)

struct piece_stripe {
	uint32_t dbn;
	uint16_t mask; /* data positions that are written */
	uint16_t present; /* data positions that reach this DBN */
	uint8_t n_blocks;
	bool full;
	bool rest_zero, rest_unknown; /* unknown: not worth keeping in the intent; parity still needs it */
	bool needs_fix, unverified; /* unverified: it could not be made whole, and goes on as it is */
	uint16_t parity_mask; /* positions of the parity that is made */
	uint16_t old_mask; /* positions that are read beforehand */
	uint16_t solve_mask; /* those that are lost, and are made of what is read */
	uint32_t first_block; /* in piece->blocks */
	unsigned first_old, first_parity; /* in piece->pages */
	/* by parity disk: what the blocks that are not written contribute (NULL: nothing, or it is not made); itself */
	struct page *rest[LEVEL_MAX_PARITY], *parity[LEVEL_MAX_PARITY];
};
struct piece_block {
	const struct raid_write_block *block;
	unsigned position;
	struct raid_checksum_format entry;
};
struct piece {
	struct raid *raid;
	struct raid_group *group;
	struct write_op *op;
	bool active, reserved; /* reserved: its pages are those of the reserve */
	bool intent_durable;
	unsigned n_admitted; /* checksum blocks */
	unsigned n_stripes, n_blocks, n_partial;
	unsigned n_pages, tries;
	unsigned n_intent_blocks; /* the record: its head, and the blocks of its partial stripes */
	uint64_t sequence; /* of the record */
	unsigned intent_slot;
	struct piece_stripe stripes[PIECE_MAX_STRIPES];
	struct piece_block blocks[PIECE_MAX_BLOCKS];
	struct page **pages;
	struct checksum_set set;
	uint8_t *intent_bytes; /* n_intent_blocks */
	struct batch batch;
	struct batch_item *items; /* PIECE_MAX_ITEMS */
	unsigned n_intent_members;
	struct member *intent_members[LEVEL_MAX_PARITY + 1U];
	struct timer retry;
	struct repair *repair;
	unsigned fix_at;
	struct task task;
	unsigned n_made; /* stripes that have their checksums and parity */
};

/* Its stripes and blocks are filled in: write them. raid_write_piece_done is called at the end. */
void piece_start(struct piece *piece);
/* Its intent is durable (0), or cannot be made so. */
void piece_intent_done(struct piece *piece, int err);

/* How many partial stripes one record has room for. */
static inline unsigned piece_max_partial(const struct raid_group *g)
{
	return RAID_INTENT_MAX_PAYLOAD / g->n_parity;
}

/* ---- piece_stripe.c ---- */

/* What is read of it, and how many pages it needs, from `first_page` of the piece on. It may ask for a repair instead
 * (needs_fix). */
unsigned piece_stripe_plan(struct piece *piece, struct piece_stripe *stripe, unsigned first_page);
/* All has been read: its rests. False: what was read does not verify. */
MUST_CHECK bool piece_stripe_make_rest(struct piece *piece, struct piece_stripe *stripe);
/* The entries of the blocks written, and parity. */
void piece_stripe_make_parity(struct piece *piece, struct piece_stripe *stripe);
/* They are the stripe's from now on. */
void piece_stripe_set_entries(struct piece *piece, const struct piece_stripe *stripe);

#endif
