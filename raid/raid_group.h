/* SPDX-License-Identifier: Apache-2.0 */
/* A RAID group: some data disks, and the parity disks that make them whole again when as many are lost. */
#ifndef RAID_RAID_GROUP_H
#define RAID_RAID_GROUP_H

#include "raid/level.h"
#include "raid/member.h"
#include "raid/raidformat.h"

struct rebuild;

struct raid_group {
	struct raid *raid;
	unsigned index;
	unsigned n_data;
	unsigned n_parity; /* their positions follow those of the data disks */
	unsigned n_members; /* n_data + n_parity */
	const struct level *level;
	struct member *members[RAID_MAX_GROUP_DISKS];
	uint32_t n_dbn; /* of the largest data disk */
	unsigned n_lost; /* members that are not online, or not yet rebuilt */
	struct rebuild *rebuild; /* of one of its members; NULL: none */
	/* raid/intent.h */
	unsigned intent_next; /* the slot of the next record */
	unsigned intent_used; /* slots used since the last release */
	uint32_t *outstanding; /* a hash set of dbn + 1: the stripes under an intent that is not released */
	uint32_t outstanding_mask;
	uint32_t n_outstanding;
};

static inline bool group_is_parity(const struct raid_group *g, unsigned position)
{
	return position >= g->n_data;
}

/* May this group lose one more disk? */
static inline bool group_can_lose(const struct raid_group *g)
{
	return g->n_lost < g->n_parity;
}

static inline uint16_t group_parity_mask(const struct raid_group *g)
{
	return (uint16_t)(((1U << g->n_parity) - 1U) << g->n_data);
}

/* What blocks say of themselves by checksum: all but those of parity disks after the first, whose entries follow the
 * code of the level and are no checksums (raid/checksum_entry.h). */
static inline bool group_has_checksum(const struct raid_group *g, unsigned position)
{
	return position <= g->n_data;
}

/* Does the disk at this position have this DBN? Disks may differ in size; parity reaches as far as the largest data
 * disk. */
static inline bool group_has(const struct raid_group *g, unsigned position, uint32_t dbn)
{
	return dbn < g->members[position]->n_dbn && (!group_is_parity(g, position) || dbn < g->n_dbn);
}

/* How many DBNs it has, of those that count. */
static inline uint32_t group_n_dbn(const struct raid_group *g, unsigned position)
{
	return group_is_parity(g, position) ? g->n_dbn : g->members[position]->n_dbn;
}

/* The positions whose disks have this block, on them: not lost, and not still to be rebuilt. */
static inline uint16_t group_held(const struct raid_group *g, uint32_t dbn)
{
	unsigned held = 0;

	for (unsigned i = 0; i < g->n_members; i++)
		held |= member_holds(g->members[i], dbn) ? 1U << i : 0U;
	return (uint16_t)held;
}

/* A word of its level's code, all zeros so far. */
struct level_word group_word(const struct raid_group *g, size_t len_bytes);

/* ---- the entries of a stripe, by position; of disks that do not have it they are zeros --------------------------- */

/* ret[k] = what those of the positions in `mask` contribute to parity k. */
void group_entry_sums(const struct raid_group *g, const struct raid_checksum_format *entries, unsigned mask,
                      struct raid_checksum_format ret[LEVEL_MAX_PARITY]);
/* Are those of parity what those of the data make? */
bool group_entries_agree(const struct raid_group *g, const struct raid_checksum_format *entries);
/* That of one position, from those that are not in `missing`. */
struct raid_checksum_format group_entry_rebuild(const struct raid_group *g, const struct raid_checksum_format *entries,
                                                unsigned missing, unsigned position);

#endif
