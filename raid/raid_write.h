/* SPDX-License-Identifier: Apache-2.0 */
/* Writes: the queue of what the file system has handed over, and cutting it into pieces.
 *
 * WRITE PATH  previous hop raid.h (raid_write); next hop raid_piece.h. */
#ifndef RAID_RAID_WRITE_H
#define RAID_RAID_WRITE_H

#include "base/list.h"
#include "raid/raid.h"

struct piece;
struct raid_group;

#define RAID_PIECES 4U /* in flight at once */

struct write_op {
	struct raid_write *write;
	STAILQ_ENTRY(write_op) link;
	unsigned n_pieces; /* in flight */
	bool cut; /* every block has been given to a piece */
	int err;
	struct task task;
	/* the group being cut */
	unsigned group_index;
	unsigned cursor[RAID_MAX_GROUP_DISKS], end[RAID_MAX_GROUP_DISKS]; /* by position */
	bool group_loaded;
};

MUST_CHECK int raid_write_init(struct raid *raid);
void raid_write_fini(struct raid *raid);
/* A group gets so many members: pieces of it can run from the reserve, too. -ENOMEM. */
MUST_CHECK int raid_write_widen(struct raid *raid, unsigned n_members, unsigned n_parity);
/* The group has one data disk more, its last: none of what is queued goes there. */
void raid_write_group_grew(struct raid *raid, const struct raid_group *g);
/* Something has ended that writes may have waited for: see which piece may start. */
void raid_write_kick(struct raid *raid);
/* The piece has ended. */
void raid_write_piece_done(struct piece *piece, int err);
/* Is any of the stripes [first, first + n) in a piece in flight? */
bool raid_write_in_flight(const struct raid *raid, const struct raid_group *g, uint32_t first_dbn, uint32_t n);

#endif
