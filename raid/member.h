/* SPDX-License-Identifier: Apache-2.0 */
/* A member: one disk of the volume, with its state, its counters and its place in a group.
 *
 * WRITE PATH  previous hop batch.h; next hop disk.h.
 * READ PATH   the same.
 * A member that is not online has no disk, or soon none. */
#ifndef RAID_MEMBER_H
#define RAID_MEMBER_H

#include "raid/dirty_map.h"
#include "raid/disk.h"
#include "raid/layout.h"
#include "raid/lineage.h"
#include "raid/raid.h"

struct raid_group;
struct member_health;

struct member {
	struct raid *raid;
	struct disk *disk; /* NULL: missing, or let go */
	struct raid_group *group;
	char url[256];
	struct uuid uuid;
	unsigned index; /* in raid->members and in the labels */
	unsigned position; /* in the group; the parity disk's is the group's n_data */
	bool is_parity;
	bool is_second; /* parity: of two the second */
	bool unflushed; /* written since the last flush began */
	bool labelled; /* it has a label by now */
	bool has_fsinfo; /* it has had one written since the volume was opened */
	bool zeroed; /* rebuilding: it read as zeros from end to end before that began */
	bool resumed; /* rebuilding: since an earlier start */
	struct dirty_map map; /* lost: what has changed since; rebuilding: what of it is to be rebuilt */
	bool kept_rest; /* it came back, and had all but what the map said */
	uint32_t rebuilt_zones; /* rebuilding: the zones below are there (R6) */
	uint32_t flushing_zones; /* those of them that the flush under way makes durable */
	uint32_t durable_zones; /* those that are: what labels say */
	bool rebuilt; /* all of it is durable: labels no more call it rebuilding */
	unsigned n_ios; /* at the disk */
	bool recorded_failed; /* the labels call it failed */
	uint8_t reason; /* RAID_REASON_*: why it failed, as the labels say it */
	char why[RAID_WHY_BYTES]; /* why it is not online, for people; or "" */
	struct lineage lineage; /* what it had lived through at the start, by its own label and mark */
	unsigned mark_copy; /* which copy of its mark is the newest valid one */
	bool health_wanted, health_running;
	enum raid_disk_state state;
	uint64_t size_blocks;
	uint32_t vbn_first;
	uint32_t n_dbn;
	unsigned label_copy; /* which copy of its label is the newest valid one */
	struct raid_label_format *label_bytes; /* its label while it is written */
	uint32_t scores[RAID_N_ERRORS]; /* of errors, by kind (raid/member_errors.h) */
	uint64_t scored_ns; /* up to when they have been halved */
	bool worn; /* one of them was over its limit */
	enum raid_error worn_by;
	uint32_t worn_score;
	unsigned n_waiting_for_room; /* its writes that wait (raid/hostroom.h) */
	uint64_t n_reads, n_writes, read_bytes, written_bytes;
	struct raid_error_count errors[RAID_N_ERRORS]; /* raid/member_errors.h */
	struct member_health *health;
	struct task let_go;
	struct member *retired_next; /* raid->retired */
};

/* One I/O of a member. It is the caller's memory, and nobody else touches it from `done` on. */
struct member_io {
	struct disk_io io;
	struct member *member;
	bool waits_for_room;
	bool optional; /* a write that is left out when the host is full */
	bool rebuilds; /* a write of what is not there yet (R6) */
	void (*done)(struct member_io *mio, int err);
	int refused; /* why the disk does not get it */
	struct task task;
	struct timer retry;
};

/* Labels, marks, fsinfo, intents and log are kept on it. */
static inline bool member_online(const struct member *m)
{
	return m->state == RAID_DISK_ONLINE || m->state == RAID_DISK_REBUILDING;
}
/* Data and checksums of this zone are there, and kept on it. */
static inline bool member_holds_zone(const struct member *m, uint32_t zone)
{
	return m->state == RAID_DISK_ONLINE ||
	       (m->state == RAID_DISK_REBUILDING &&
	        (zone < m->rebuilt_zones || (m->map.kept && !dirty_map_has(&m->map, zone))));
}
static inline bool member_holds(const struct member *m, uint32_t dbn)
{
	return member_holds_zone(m, layout_zone(dbn));
}
MUST_CHECK struct member *member_new(struct raid *raid); /* NULL: no memory */
void member_free(struct member *m);
/* What an I/O is to do, in blocks of the disk. */
struct member_request {
	enum disk_op op;
	uint64_t block, n_blocks;
	const struct iovec *iov; /* the caller's until `done` */
	unsigned n_iov;
};
/* Submit an I/O. `request` is only looked at during the call. A member that is not online answers -ENODEV, and so does
 * one that does not hold the zone of the blocks, for all I/Os but those of its rebuild. When a write or a flush fails,
 * the member has failed before `done` is called. `done` is never called inside this call. */
void member_submit(struct member *m, struct member_io *mio, const struct member_request *request,
                   void (*done)(struct member_io *mio, int err));
/* Give an I/O that waited for room to the disk again. */
void member_resubmit(struct member_io *mio);
/* The I/O has ended: count it, and call its `done`. */
void member_io_end(struct member_io *mio, int err);
/* The disk has failed: it is never written or believed again. Calling it twice is calling it once. */
void member_fail(struct member *m, const char *reason, int err);
/* A member that is not online gets no I/O any more: its disk is closed as soon as nothing is under way there. */
void member_let_go(struct member *m);
/* Another takes its place. It stays in memory until the volume is closed, for there may be pointers to it. */
void member_retire(struct member *m);
/* Only at a start: the disk is an old copy, or was away while the volume went on. */
void member_stale(struct member *m);
/* Look soon whether the disk still has its label. */
void member_check_health(struct member *m);
/* From now on look at every member's label regularly; and stop doing so. */
void member_health_start(struct raid *raid);
void member_health_stop(struct raid *raid);

#endif
