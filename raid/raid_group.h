/* SPDX-License-Identifier: Apache-2.0 */
/* A RAID group: some data disks and the one parity disk that makes them whole again when one is lost. */
#ifndef RAID_RAID_GROUP_H
#define RAID_RAID_GROUP_H

#include "raid/member.h"
#include "raid/raidformat.h"

struct rebuild;

struct raid_group {
	struct raid *raid;
	unsigned index;
	unsigned n_data;
	unsigned n_members; /* n_data + 1; the parity disk is members[n_data] */
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

/* Does the disk at this position have this DBN? Disks may differ in size; parity reaches as far as the largest data
 * disk. */
static inline bool group_has(const struct raid_group *g, unsigned position, uint32_t dbn)
{
	return dbn < g->members[position]->n_dbn && (position < g->n_data || dbn < g->n_dbn);
}

/* How many DBNs it has. */
static inline uint32_t group_n_dbn(const struct raid_group *g, unsigned position)
{
	return position < g->n_data ? g->members[position]->n_dbn : g->n_dbn;
}

#endif
