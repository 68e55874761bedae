/* SPDX-License-Identifier: Apache-2.0 */
/* The volume: what raid.h calls `struct raid`, with the state of each part of it. Every part has a header of its own;
 * only raid/ looks here.
 *
 * WRITE PATH raid_write.h (queue) -> raid_piece.h (old data, intents, data and parity) -> batch.h -> member.h ->
 * disk.h.
 * READ PATH raid_read.c -> batch.h -> member.h -> disk.h; when something does not match, raid_repair.h. DURABILITY
 * raid_flush.h: pieces drained, dirty checksum blocks and marks written, disks flushed, labels in step, intents
 * released. */
#ifndef RAID_RAID_VOLUME_H
#define RAID_RAID_VOLUME_H

#include "raid/batch.h"
#include "raid/checksum_zone.h"
#include "raid/fsinfo_ring.h"
#include "raid/hostroom.h"
#include "raid/label.h"
#include "raid/lost_blocks.h"
#include "raid/mark.h"
#include "raid/raid_flush.h"
#include "raid/raid_group.h"
#include "raid/raid_log.h"
#include "raid/raid_repair.h"
#include "raid/raid_write.h"

#define RAID_RETRY_NS 1000000ULL /* memory was short: how long until the next attempt */

struct raid_stripe {
	unsigned group;
	uint32_t dbn;
};

struct raid {
	struct world *world;
	struct uuid volume_uuid; /* in labels, fsinfo, intents and marks */
	struct uuid identity; /* what others call it by; the same, unless it was given another one as a copy */
	struct layout layout;
	struct raid_geometry geometry;
	unsigned n_members, n_groups;
	struct member *members[RAID_LABEL_MAX_MEMBERS];
	struct member *data_members[RAID_LABEL_MAX_MEMBERS]; /* by vbn_first, ascending */
	struct raid_group *groups[RAID_MAX_GROUPS];
	uint64_t intent_sequence; /* the last one given out */
	uint64_t intent_released; /* intents up to this sequence are settled */
	uint64_t n_full_stripes, n_partial_stripes, n_reconstructed, n_lost_blocks;
	struct lost_blocks lost;
	unsigned n_ios; /* at the disks */
	bool opening, closing;
	bool recovering; /* opening: which flush counts is not known yet */
	bool read_only; /* nothing is written to any disk */
	bool forgiving; /* errors are counted, but wear no disk */
	bool inspecting; /* and what a crash left is looked at as it is */
	struct raid_stripe *unsettled; /* inspecting: the stripes named by intents, by group and DBN */
	unsigned n_unsettled;

	struct hostroom room;
	struct lineage lineage; /* what every online member has lived through; while opening: what is asked of them */
	struct mark_state marks;
	struct label_state label;
	struct checksum_cache cache;
	struct batch_lane lane;
	struct fsinfo_state fsinfo;
	struct log_state log;

	/* writes: raid_write.c */
	STAILQ_HEAD(, write_op) writes;
	struct piece *pieces[RAID_PIECES];
	unsigned n_pieces_active;
	struct task write_task;
	struct page **reserve;
	unsigned n_reserve;
	bool reserve_taken;

	/* flush: raid_flush.c */
	struct flush_wait_list flush_waiting, flush_running;
	bool flush_wanted, flush_active;
	struct flush_all flush_disks;
	struct label_wait flush_label;

	/* repairs: raid_repair.c */
	struct repair_list repairs_active, repairs_waiting;
	unsigned n_repairs_active;
	struct page **repair_reserve;
	unsigned n_repair_reserve;
	bool repair_reserve_taken;

	/* reads: raid_read.c */
	unsigned n_reads_active;
	struct raid_read *starved_reads; /* no memory: chained through impl */
	struct timer read_retry;

	/* another disk in the place of one: raid_replace.c, raid_rebuild.c */
	struct replace *replace; /* under way; NULL: none */
	struct grow *grow; /* disks that are being added: raid_grow.c; NULL: none */
	struct convert *convert; /* a group gets another level: raid_convert.c; NULL: none */
	bool writes_held; /* none begins until the labels say what it would be written by */
	struct still *still; /* waits for a moment in which all is still: no repair begins but those of pieces */
	unsigned n_views; /* looks at the members of a group that no repair makes (raid/raid_still.h) */
	struct member *retired; /* those that were replaced, chained through retired_next */
	struct raid_limits limits;
	uint64_t rebuild_floor; /* raid_rebuild_floor; 0: as the limits say */

	struct timer health;

	/* close: raid_close.c */
	struct task close_task;
	void (*close_done)(void *arg, int err);
	void *close_arg;
	struct flush_wait close_flush;
	bool close_ready;
	int close_err;
};

/* Is nothing kept of what is written to this group? Too many of its disks are lost, or the host is full for good. */
static inline bool group_failed(const struct raid_group *g)
{
	return g->n_lost > g->n_parity || g->raid->room.cut_off;
}
static inline bool raid_group_failed_any(const struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_groups; i++)
		if (group_failed(raid->groups[i]))
			return true;
	return false;
}
/* Are disks being replaced, added, or given another level? One of it at a time. */
static inline bool raid_is_changing(const struct raid *raid)
{
	return raid->replace != NULL || raid->grow != NULL || raid->convert != NULL;
}
/* The member at a position of a group; NULL: there is none. */
struct member *raid_member_at(const struct raid *raid, unsigned group, unsigned position);
/* The member that has this VBN, and the DBN on it. NULL: there is no such block. */
struct member *raid_member_of(const struct raid *raid, uint32_t vbn, uint32_t *ret_dbn);
/* Something has ended. When a close waits for all to be still, it may go on. */
void raid_idle_check(struct raid *raid);
/* Close without a flush, once all is still: `done` is called with `err` when the volume is gone. */
void raid_close_still(struct raid *raid, void (*done)(void *arg, int err), void *arg);
/* The records of calls in progress: there is no way to go on without them, so they come from the reserve when memory is
 * short. */
void *raid_call_new(size_t len_bytes);
void raid_call_free(void *call);
/* Free it, and close its disks. Nothing may be under way. */
void raid_free(struct raid *raid);

#endif
