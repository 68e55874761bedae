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
#define PIECE_MAX_PARTIAL RAID_INTENT_MAX_PARTIAL
#define PIECE_MAX_BLOCKS (PIECE_MAX_STRIPES * (RAID_MAX_GROUP_DISKS - 1))

struct piece_stripe {
	uint32_t dbn;
	uint16_t mask; /* data positions that are written */
	uint16_t present; /* data positions that reach this DBN */
	uint8_t n_blocks;
	bool full, rest_zero, rest_unknown;
	bool needs_fix, unverified; /* unverified: it could not be made whole, and goes on as it is */
	uint16_t old_mask; /* positions that are read beforehand (bit n_data: parity) */
	uint32_t first_block; /* in piece->blocks */
	unsigned first_old; /* in piece->pages */
	struct page *rest; /* XOR of the blocks that are not written */
	struct page *parity;
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
	struct batch_item *items; /* PIECE_MAX_BLOCKS + PIECE_MAX_STRIPES */
	unsigned n_intent_members;
	struct member *intent_members[2];
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

#endif
