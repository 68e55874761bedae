/* SPDX-License-Identifier: Apache-2.0 */
/* A checksum set: the checksum blocks of some zones, of every member of a group, pinned together. So the entries of a
 * whole stripe can be read and changed at once. */
#ifndef RAID_CHECKSUM_SET_H
#define RAID_CHECKSUM_SET_H

#include "raid/checksum_zone.h"

#define CHECKSUM_SET_ZONES 16U

/* group, n_zones, zones and `done` are the caller's; the rest is ours. */
struct checksum_set {
	struct raid_group *group;
	unsigned n_zones, n_pending;
	int err;
	uint32_t zones[CHECKSUM_SET_ZONES];
	/* NULL: the member does not reach that far */
	struct checksum_block *blocks[CHECKSUM_SET_ZONES][RAID_MAX_GROUP_DISKS];
	struct checksum_wait waits[CHECKSUM_SET_ZONES][RAID_MAX_GROUP_DISKS];
	/* set->err is 0, or -EIO: not all could be had, and those that could are pinned */
	void (*done)(struct checksum_set *set);
	struct task task;
};
/* Pin them all, then call `done`: never inside this call. */
void checksum_set_pin(struct raid *raid, struct checksum_set *set);
/* Also after an error. */
void checksum_set_unpin(struct raid *raid, struct checksum_set *set);
/* The block of the member at `position` that has the entry of `dbn`; NULL when it is not in the set. */
struct checksum_block *checksum_set_block(const struct checksum_set *set, unsigned position, uint32_t dbn);
struct raid_checksum_format checksum_set_entry(const struct checksum_set *set, unsigned position, uint32_t dbn);
/* Those of a stripe, by position; zeros of a member that does not reach that far. */
void checksum_set_entries(const struct checksum_set *set, uint32_t dbn, struct raid_checksum_format *ret_entries);

#endif
