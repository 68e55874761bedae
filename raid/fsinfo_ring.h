/* SPDX-License-Identifier: Apache-2.0 */
/* The fsinfo ring: where the newest fsinfo of the volume lies, on every disk (fsinfo_ring.c tells in which order it is
 * written).
 *
 * WRITE PATH  previous hop raid.h (raid_fsinfo_write); next hops raid_flush.h, then member.h. */
#ifndef RAID_FSINFO_RING_H
#define RAID_FSINFO_RING_H

#include "raid/batch.h"
#include "raid/label.h"
#include "raid/raid_flush.h"
#include "raid/raidformat.h"

struct fsinfo_state {
	bool present;
	uint64_t generation;
	unsigned slot; /* where the newest one lies */
	uint64_t intent_epoch, intent_released; /* intents of this epoch up to this sequence are settled */
	uint8_t body[RAID_FSINFO_BODY]; /* the file system's */
	/* the write under way: there is one at a time */
	bool copying; /* for a disk that has joined; what is asked for meanwhile comes next */
	bool copy_wanted;
	bool busy;
	uint64_t next_generation;
	uint8_t next_body[RAID_FSINFO_BODY];
	struct task task;
	struct raid_fsinfo_format *block; /* 4096 bytes, aligned */
	struct batch batch;
	struct batch_item *items;
	unsigned half;
	struct flush_wait flush;
	struct label_wait label;
	void (*done)(void *arg, int err);
	void *arg;
};
/* Are these bytes an fsinfo of this volume? */
MUST_CHECK bool fsinfo_valid(const struct raid_fsinfo_format *block, const struct uuid *volume_uuid);
/* Opening: here is a slot of the ring as one disk has it. The newest of all that are offered is kept. */
void fsinfo_ring_offer(struct raid *raid, unsigned slot, const struct raid_fsinfo_format *block);
/* After opening: write the newest to every disk. */
void fsinfo_ring_heal(struct raid *raid, void (*done)(void *arg, int err), void *arg);
/* A disk has joined: it gets the newest fsinfo, too, soon. */
void fsinfo_ring_copy(struct raid *raid);
/* Is the newest fsinfo there, or one since the disk joined? */
bool fsinfo_ring_is_on(const struct member *m);

#endif
