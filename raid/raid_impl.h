/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the RAID layer: what its files share.
 *
 * WRITE PATH  raid_write.c (queue, pieces of stripes) -> raid_piece.c (old data, intents, data + parity) -> batch.c -> member.c -> disk.
 * READ PATH   raid_read.c -> batch.c -> member.c -> disk; on a mismatch raid_repair.c.
 * DURABILITY  raid_flush.c: pieces drained, dirty checksum blocks written, marks, disks flushed, labels in step, intents released. */
#ifndef RAID_RAID_IMPL_H
#define RAID_RAID_IMPL_H

#include "base/checksum.h"
#include "base/list.h"
#include "base/log.h"
#include "raid/disk.h"
#include "raid/layout.h"
#include "raid/lineage.h"
#include "raid/raid.h"

#define RAID_RETRY_NS 1000000ULL /* memory was short: try again */
#define RAID_HEALTH_NS 2000000000ULL

struct raid_group;

/* ---- member.c: a disk of the volume ---------------------------------------------------------------------------- */

struct member {
	struct raid *raid;
	struct disk *disk; /* NULL: missing */
	struct raid_group *group;
	char url[256];
	struct uuid uuid;
	unsigned index;
	unsigned position; /* parity: n_data of the group */
	bool is_parity;
	bool unflushed; /* written since the last flush began */
	bool recorded_failed; /* so say the labels */
	uint8_t reason; /* RAID_REASON_*: why, in the labels */
	char why[RAID_WHY_BYTES]; /* not online: why, for people; or "" */
	struct lineage lineage; /* what it said at the start it had lived through */
	unsigned mark_copy; /* the newest valid one */
	bool health_wanted, health_running;
	enum raid_disk_state state;
	uint64_t size_blocks;
	uint32_t vbn_first;
	uint32_t n_dbn;
	unsigned label_copy; /* the newest valid one */
	unsigned read_score;
	unsigned n_waiting_for_room; /* writes: hostroom.c */
	uint64_t n_reads, n_writes, n_errors, n_checksum_errors, n_repaired, read_bytes, written_bytes;
	struct member_health *health;
};

struct member_io {
	struct disk_io io;
	struct member *member;
	bool waits_for_room;
	bool optional; /* a write that may be left out when the host is full */
	void (*done)(struct member_io *mio, int err);
	struct task task;
	struct timer retry;
};

static inline bool member_online(const struct member *m)
{
	return m->state == RAID_DISK_ONLINE;
}
/* Submit; a member that is not online answers -ENODEV. A failed write or flush has failed the member before `done` is called. */
void member_submit(struct member *m, struct member_io *mio, enum disk_op op, uint64_t block, uint64_t n_blocks, const struct iovec *iov,
                   unsigned n_iov, void (*done)(struct member_io *mio, int err));
/* It has ended: count, and call `done`. */
void member_io_end(struct member_io *mio, int err);
/* The disk has failed: never written or trusted again. Idempotent. */
void member_fail(struct member *m, const char *reason, int err);
/* At a start: it is an old copy, or was away. */
void member_stale(struct member *m);
/* Look soon whether the label is still there. */
void member_check_health(struct member *m);
MUST_CHECK struct member *member_new(struct raid *raid); /* NULL: no memory */
void member_free(struct member *m);
void member_health_start(struct raid *raid);
void member_health_stop(struct raid *raid);

/* ---- hostroom.c ------------------------------------------------------------------------------------------------------ */

struct hostroom {
	unsigned n_waiting; /* writes */
	uint64_t since_ns; /* the first of them began to */
	uint64_t said_ns;
	uint64_t patience_ns, patience_from_ns;
	bool cut_off;
	void (*changed)(void *arg);
	void *arg;
};
/* Does the error of a write say so? */
bool hostroom_is_short(int err);
/* Try this write again later. False: nobody waits any more, it ends with an error that is not its disk's. */
bool hostroom_wait(struct member_io *mio);
/* It has ended. */
void hostroom_end(struct member_io *mio);

/* ---- batch.c: many blocks, few I/Os ------------------------------------------------------------------------------ */

struct batch_item {
	struct member *member;
	uint64_t block;
	void *data; /* 4096 aligned bytes */
	int err;
};

/* Items that follow each other on a disk, in the order given, travel in one I/O. `items` are the caller's until `done`. */
struct batch {
	struct raid *raid;
	enum disk_op op;
	bool yields; /* goes through the lane: as much at once as raid_write_window's function says */
	bool optional; /* as in struct member_io */
	unsigned n_items;
	unsigned n_pending;
	struct batch_item *items;
	void (*done)(struct batch *batch);
	struct batch_run *runs; /* internal */
	struct task task;
	struct timer retry;
};
void batch_submit(struct batch *batch);
/* I/Os of batches that yield: those that wait, oldest first, and how much is at the disks. */
struct batch_lane {
	TAILQ_HEAD(, batch_run) waiting;
	uint64_t in_flight_bytes;
	bool pumping;
	int64_t save_ns; /* how long its durable writes take, on average */
	unsigned n_unsaved; /* writes since the last durable one */
	unsigned (*window_bytes)(void *arg); /* NULL: no limit */
	void *arg;
};
/* Flush (DISK_FLUSH) every online member that was written since its last flush, or all of them. `done` looks at member states. */
struct flush_all {
	struct raid *raid;
	unsigned n_pending;
	void (*done)(struct flush_all *f);
	struct member_io *mios;
	struct task task;
	struct timer retry;
};
void batch_flush_all(struct flush_all *f);

/* ---- checksum_zone.c --------------------------------------------------------------------------------------------- */

struct checksum_block {
	TAILQ_ENTRY(checksum_block) link; /* free, evictable (oldest first), or dirty */
	struct checksum_block *hash_next;
	struct member *member;
	uint32_t zone;
	unsigned pins;
	bool valid, loading, dirty, writing, stale, evictable;
	struct page *page;
	struct page *writing_page; /* being written, when the entries have changed since */
	TAILQ_HEAD(, checksum_wait) waiters;
	struct batch batch;
	struct batch_item item;
};
TAILQ_HEAD(checksum_block_list, checksum_block);

struct checksum_wait {
	void (*ready)(struct checksum_wait *wait, struct checksum_block *block, int err);
	void *owner;
	struct member *member;
	uint32_t zone;
	bool active;
	TAILQ_ENTRY(checksum_wait) link;
};

struct checksum_cache {
	struct checksum_block *blocks;
	struct checksum_block **hash;
	unsigned n_blocks, hash_mask;
	unsigned n_dirty; /* dirty or being written */
	unsigned n_admitted; /* blocks that pieces in flight may pin */
	unsigned margin; /* kept for reads and repairs */
	bool complete; /* every checksum block of the volume has room */
	bool unstarving;
	struct checksum_block_list free, evictable, dirty;
	TAILQ_HEAD(, checksum_wait) starved;
	/* write-back of all dirty blocks */
	struct batch writeback;
	struct checksum_block **writeback_blocks; /* n_blocks each */
	struct batch_item *writeback_items;
	void (*writeback_done)(struct raid *raid);
};

MUST_CHECK int checksum_cache_init(struct raid *raid);
void checksum_cache_fini(struct raid *raid);
/* The block, when it is in memory; otherwise NULL and `wait->ready` is called later, with the block pinned during the call, or with
 * NULL and -EIO when neither disk nor parity gives it. A block of a member that is not online is derived from the others. */
struct checksum_block *checksum_zone_get(struct raid *raid, struct member *m, uint32_t zone, struct checksum_wait *wait);
void checksum_zone_pin(struct raid *raid, struct checksum_block *block);
void checksum_zone_unpin(struct raid *raid, struct checksum_block *block);
/* Change an entry of a pinned block. */
void checksum_zone_set(struct raid *raid, struct checksum_block *block, uint32_t dbn, const struct raid_checksum_format *entry);
struct raid_checksum_format checksum_zone_entry(const struct checksum_block *block, uint32_t dbn);
/* The member failed: forget what was read from it. */
void checksum_zone_drop(struct raid *raid, struct member *m);
/* Write every dirty block to its disk (not durable). */
void checksum_zone_writeback(struct raid *raid, void (*done)(struct raid *raid));
/* True when a piece that needs `n` blocks can pin them without waiting for a flush. */
bool checksum_zone_has_room(const struct raid *raid, unsigned n);

/* Entry arithmetic. */
struct raid_checksum_format checksum_entry_make(const struct raid_ident *ident, uint32_t crc);
void checksum_entry_xor(struct raid_checksum_format *a, const struct raid_checksum_format *b);
bool checksum_entry_is_zero(const struct raid_checksum_format *a);
bool checksum_entry_equal(const struct raid_checksum_format *a, const struct raid_checksum_format *b);
bool checksum_entry_mark(const struct raid_checksum_format *a);
bool checksum_entry_matches(const struct raid_checksum_format *a, const struct raid_ident *ident);

/* A set of zones' checksum blocks of every member of a group, pinned together. */
#define CHECKSUM_SET_ZONES 16U
struct checksum_set {
	struct raid_group *group;
	unsigned n_zones, n_pending;
	int err;
	uint32_t zones[CHECKSUM_SET_ZONES];
	struct checksum_block *blocks[CHECKSUM_SET_ZONES][RAID_MAX_GROUP_DISKS]; /* NULL: the member does not reach that far */
	struct checksum_wait waits[CHECKSUM_SET_ZONES][RAID_MAX_GROUP_DISKS];
	void (*done)(struct checksum_set *set); /* `err` 0, or -EIO; never inline */
	struct task task;
};
void checksum_set_pin(struct raid *raid, struct checksum_set *set);
void checksum_set_unpin(struct raid *raid, struct checksum_set *set);
struct checksum_block *checksum_set_block(const struct checksum_set *set, unsigned position, uint32_t dbn);
struct raid_checksum_format checksum_set_entry(const struct checksum_set *set, unsigned position, uint32_t dbn);

/* ---- groups -------------------------------------------------------------------------------------------------------- */

struct raid_group {
	struct raid *raid;
	unsigned index;
	unsigned n_data;
	unsigned n_members; /* n_data + 1; the parity disk is members[n_data] */
	struct member *members[RAID_MAX_GROUP_DISKS];
	uint32_t n_dbn; /* of the largest data disk */
	unsigned n_lost; /* members not online */
	/* intents */
	unsigned intent_next; /* slot */
	unsigned intent_used; /* since the last release */
	uint32_t *outstanding; /* hash set of dbn + 1: stripes under an unreleased intent */
	uint32_t outstanding_mask;
	uint32_t n_outstanding;
};
/* Does data position `i` (or parity) have this DBN? */
static inline bool group_has(const struct raid_group *g, unsigned i, uint32_t dbn)
{
	return dbn < g->members[i]->n_dbn && (i < g->n_data || dbn < g->n_dbn);
}

/* ---- label.c --------------------------------------------------------------------------------------------------------- */

struct label_wait {
	void (*done)(struct label_wait *wait, int err);
	STAILQ_ENTRY(label_wait) link;
};

struct label_state {
	uint64_t generation, membership, epoch;
	uint64_t compat, ro_compat; /* as found: not ours to drop */
	uint64_t wanted, durable; /* counts changes: durable == wanted, nothing to write */
	bool clean;
	bool running;
	unsigned n_log_copies;
	uint16_t log_copies[RAID_LABEL_MAX_LOG_COPIES];
	STAILQ_HEAD(, label_wait) waiters;
	struct batch batch;
	struct batch_item *items;
	uint64_t writing; /* value of `wanted` being written */
	void *buffers; /* 16 KiB a member */
	struct task kick;
};

struct label_member {
	struct uuid uuid;
	uint64_t size_blocks;
	uint32_t vbn_first, n_dbn;
	uint16_t group, position;
	bool is_parity, failed;
	uint8_t reason;
};
/* A label decoded. */
struct label {
	struct uuid disk_uuid, volume_uuid;
	unsigned member_index;
	uint64_t generation, membership, epoch;
	uint64_t compat, ro_compat;
	bool clean;
	unsigned n_members, n_groups, n_log_copies;
	uint16_t log_copies[RAID_LABEL_MAX_LOG_COPIES];
	struct layout layout;
	struct lineage lineage;
	uint32_t shared_crc;
	struct label_member members[RAID_LABEL_MAX_MEMBERS];
};
/* -ENOENT: not a label; -EUCLEAN: one that is damaged or absurd; -ENOTSUP: features we do not know (whose it is, is set). */
MUST_CHECK int label_decode(const struct raid_label_format *bytes, struct label *ret_label);
void label_encode(const struct label *label, struct raid_label_format *ret_bytes);
/* Build the label of a member from the state of the volume. */
void label_build(const struct raid *raid, const struct member *m, struct raid_label_format *ret_bytes);
/* Something in the labels has changed: they are written soon. */
void label_changed(struct raid *raid);
/* `done` when the labels on the disks say what is so now; -EIO when no disk is left. Never inline. */
void label_sync(struct raid *raid, struct label_wait *wait);
/* The same for callers that can go on at once: true when in step. */
bool label_in_step(const struct raid *raid);

/* ---- mark.c ------------------------------------------------------------------------------------------------------------ */

struct mark_state {
	struct lineage lineage; /* in the marks: of the flush that runs, or ran last */
	uint64_t last_flush; /* the highest number found on any disk at the start */
	struct raid_mark_format *block; /* 4096 aligned */
	struct batch_item *items;
	struct batch batch;
	void (*done)(struct raid *raid);
};
MUST_CHECK bool mark_decode(const struct raid_mark_format *bytes, const struct uuid *volume_uuid, struct lineage *ret_lineage);
/* Is there anything a flush would make durable? */
bool marks_wanted(const struct raid *raid);
/* The next flush's number to every online member, not durable yet. */
void marks_write(struct raid *raid, void (*done)(struct raid *raid));
/* Opening: a start begins with the next flush. */
void marks_begin(struct raid *raid);

/* ---- intent.c ---------------------------------------------------------------------------------------------------------- */

struct piece;
/* Fill piece->intent_bytes and count its blocks. */
void intent_encode(struct piece *piece);
/* Write it, durable, to two members of the group; piece_intent_done when it is so. */
void intent_write(struct piece *piece);
bool intent_stripe_outstanding(const struct raid_group *g, uint32_t dbn);
void intent_stripe_add(struct raid_group *g, uint32_t dbn);
void intent_release_all(struct raid *raid);
MUST_CHECK int intent_group_init(struct raid *raid, struct raid_group *g);

/* ---- raid_write.c, raid_piece.c ----------------------------------------------------------------------------------------- */

#define PIECE_MAX_STRIPES 256U
#define PIECE_MAX_PARTIAL RAID_INTENT_MAX_PARTIAL
#define PIECE_MAX_BLOCKS (PIECE_MAX_STRIPES * (RAID_MAX_GROUP_DISKS - 1))
#define RAID_PIECES 4U

struct piece_stripe {
	uint32_t dbn;
	uint16_t mask; /* data positions written */
	uint16_t present; /* data positions that reach this dbn */
	uint8_t n_blocks;
	bool full, rest_zero, rest_unknown;
	bool needs_fix, unverified; /* unverified: it could not be made whole, and goes on as it is */
	uint16_t old_mask; /* positions read beforehand (bit n_data: parity) */
	uint32_t first_block; /* in piece->blocks */
	unsigned first_old; /* in piece->pages */
	struct page *rest; /* XOR of the blocks not written */
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
	bool active, reserved; /* reserved: its pages are the reserve */
	unsigned n_admitted;
	unsigned n_stripes, n_blocks, n_partial;
	unsigned n_pages, tries;
	unsigned n_intent_blocks; /* head and partial blocks */
	uint64_t sequence;
	unsigned intent_slot;
	struct piece_stripe stripes[PIECE_MAX_STRIPES];
	struct piece_block blocks[PIECE_MAX_BLOCKS];
	struct page **pages;
	struct checksum_set set;
	uint8_t *intent_bytes; /* head and partial blocks */
	struct batch batch;
	struct batch_item *items; /* PIECE_MAX_BLOCKS + PIECE_MAX_STRIPES */
	unsigned n_intent_members;
	struct member *intent_members[2];
	struct timer retry;
	struct repair *repair;
	unsigned fix_at;
	struct task task;
	unsigned n_made; /* stripes with checksums and parity */
};

struct write_op {
	struct raid_write *write;
	STAILQ_ENTRY(write_op) link;
	unsigned n_pieces; /* in flight */
	bool cut; /* no blocks are left to be cut into pieces */
	int err;
	struct task task;
	unsigned group_index; /* being cut */
	unsigned cursor[RAID_MAX_GROUP_DISKS], end[RAID_MAX_GROUP_DISKS]; /* of the group, by position */
	bool group_loaded;
};

void piece_start(struct piece *piece);
void piece_intent_done(struct piece *piece, int err);
/* raid_write.c: the piece has ended. */
void raid_write_piece_done(struct piece *piece, int err);
void raid_write_kick(struct raid *raid);
MUST_CHECK int raid_write_init(struct raid *raid);
void raid_write_fini(struct raid *raid);
/* Is any of the stripes [first, first + n) in a piece in flight? */
bool raid_write_in_flight(const struct raid *raid, const struct raid_group *g, uint32_t first_dbn, uint32_t n);

/* ---- raid_flush.c ---------------------------------------------------------------------------------------------------------- */

struct flush_wait {
	void (*done)(struct flush_wait *wait, int err);
	STAILQ_ENTRY(flush_wait) link;
};
STAILQ_HEAD(flush_wait_list, flush_wait);
void raid_flush_request(struct raid *raid, struct flush_wait *wait);
/* Nobody waits, but the intents or the checksum cache are full. */
void raid_flush_internal(struct raid *raid);
/* A piece ended: perhaps the flush was waiting for it. */
void raid_flush_kick(struct raid *raid);

/* ---- raid_repair.c ----------------------------------------------------------------------------------------------------------- */

#define REPAIR_MAX_STRIPES 16U
#define RAID_REPAIRS 16U

enum repair_mode {
	REPAIR_READ, /* give back blocks[] of `position` */
	REPAIR_STRIPE, /* make the stripe whole before a partial write */
	REPAIR_VERIFY /* only count */
};
struct repair {
	struct raid *raid;
	struct raid_group *group;
	enum repair_mode mode;
	uint32_t first_dbn;
	unsigned n; /* stripes, at most REPAIR_MAX_STRIPES */
	unsigned position; /* READ */
	struct raid_read_block *blocks[REPAIR_MAX_STRIPES];
	void (*done)(struct repair *repair);
	void *owner;
	int err; /* STRIPE: 0 all blocks are right, -EIO: not those of n_lost stripes; -EIO could not read */
	unsigned n_lost; /* STRIPE */
	struct raid_wrong_stripe wrong[REPAIR_MAX_STRIPES]; /* VERIFY */
	unsigned n_wrong;
	/* internal */
	TAILQ_ENTRY(repair) link;
	bool active, reserved;
	bool single; /* one I/O a block */
	bool disks_checked;
	unsigned n_lost_before;
	bool inside_piece; /* the piece that holds these stripes asks: do not wait for it */
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
MUST_CHECK struct repair *repair_new(struct raid *raid); /* NULL: no memory */
void repair_free(struct repair *repair);
void repair_submit(struct repair *repair);
/* A piece or repair ended: see who may go on. */
void repair_kick(struct raid *raid);
bool repair_covers(const struct raid *raid, const struct raid_group *g, uint32_t dbn);

/* ---- fsinfo_ring.c ------------------------------------------------------------------------------------------------------------- */

struct fsinfo_state {
	bool present;
	uint64_t generation;
	unsigned slot; /* where the newest lies */
	uint64_t intent_epoch, intent_released;
	uint8_t body[RAID_FSINFO_BODY];
	/* a write */
	bool busy;
	uint64_t next_generation;
	uint8_t next_body[RAID_FSINFO_BODY];
	struct task task;
	struct raid_fsinfo_format *block; /* 4096 aligned */
	struct batch batch;
	struct batch_item *items;
	unsigned half;
	struct flush_wait flush;
	struct label_wait label;
	void (*done)(void *arg, int err);
	void *arg;
};
/* Is it an fsinfo of this volume? */
MUST_CHECK bool fsinfo_valid(const struct raid_fsinfo_format *block, const struct uuid *volume_uuid);
/* Takes a slot block read at open. */
void fsinfo_ring_offer(struct raid *raid, unsigned slot, const struct raid_fsinfo_format *block);
/* Put the newest on every disk (after open). */
void fsinfo_ring_heal(struct raid *raid, void (*done)(void *arg, int err), void *arg);

/* ---- raid_log.c ------------------------------------------------------------------------------------------------------------------ */

struct log_copy_io {
	struct member_io mio;
	struct log_op *op;
	unsigned iov_at; /* entries already written */
	uint64_t block;
};
struct log_op {
	struct raid *raid;
	bool busy, written; /* written: waits for a new copy or the labels */
	unsigned half;
	uint32_t first_block;
	const struct iovec *iov;
	unsigned n_iov;
	unsigned n_pending;
	struct log_copy_io copies[RAID_LABEL_MAX_LOG_COPIES];
	void (*done)(void *arg, int err);
	void *arg;
};
struct log_state {
	struct log_op ops[2];
	bool copy_wanted; /* a copy is missing: make one before anything is acknowledged */
	bool copying;
	struct log_move *move;
	struct label_wait label;
	bool label_waiting;
	struct task task;
};
/* The member failed; perhaps it held a copy. */
void raid_log_member_failed(struct raid *raid, struct member *m);
void raid_log_init(struct raid *raid);
bool raid_log_busy(const struct raid *raid);

/* ---- the volume -------------------------------------------------------------------------------------------------------------------- */

struct raid_stripe {
	unsigned group;
	uint32_t dbn;
};

struct raid {
	struct world *world;
	struct uuid volume_uuid;
	struct layout layout;
	struct raid_geometry geometry;
	unsigned n_members, n_groups;
	struct member *members[RAID_LABEL_MAX_MEMBERS];
	struct member *data_members[RAID_LABEL_MAX_MEMBERS]; /* ascending vbn_first */
	struct raid_group *groups[RAID_MAX_GROUPS];
	uint64_t intent_sequence; /* last given out */
	uint64_t intent_released; /* all up to this one are settled */
	uint64_t n_full_stripes, n_partial_stripes, n_reconstructed, n_lost_blocks;
	unsigned n_ios; /* in flight at disks */
	bool opening, closing;
	bool read_only; /* nothing is written to any disk */
	bool inspecting; /* and what a crash left is looked at as it is */
	struct raid_stripe *unsettled; /* inspecting: stripes named by intents, by group and DBN */
	unsigned n_unsettled;

	struct hostroom room;
	struct lineage lineage; /* what every online member has lived through; opening: what is asked of them */
	struct mark_state marks;
	struct label_state label;
	struct checksum_cache cache;
	struct batch_lane lane;
	struct fsinfo_state fsinfo;
	struct log_state log;

	/* writes */
	STAILQ_HEAD(, write_op) writes;
	struct piece *pieces[RAID_PIECES];
	unsigned n_pieces_active;
	struct task write_task;
	struct page **reserve;
	unsigned n_reserve;
	bool reserve_taken;

	/* flush */
	struct flush_wait_list flush_waiting, flush_running;
	bool flush_wanted, flush_active;
	unsigned flush_stage;
	uint64_t flush_sequence;
	struct flush_all flush_disks;
	struct label_wait flush_label;

	/* repairs */
	struct repair_list repairs_active, repairs_waiting;
	unsigned n_repairs_active;
	struct page **repair_reserve;
	unsigned n_repair_reserve;
	bool repair_reserve_taken;

	/* reads */
	unsigned n_reads_active;
	struct raid_read *starved_reads; /* no memory: chained through impl */
	struct timer read_retry;

	struct timer health;
	struct task close_task;
	void (*close_done)(void *arg, int err);
	void *close_arg;
	struct flush_wait close_flush;
	bool close_ready;
	int close_err;
};

/* Nothing that is written to the group is kept. */
static inline bool group_failed(const struct raid_group *g)
{
	return g->n_lost > 1 || g->raid->room.cut_off;
}
/* Member and DBN of a VBN; NULL when there is no such block. */
struct member *raid_member_of(const struct raid *raid, uint32_t vbn, uint32_t *ret_dbn);
/* Something ended: a close in progress may go on. */
void raid_idle_check(struct raid *raid);
/* Small records of calls in progress. There is no way to go on without them. */
void *raid_call_new(size_t len_bytes);
void raid_call_free(void *call);
/* raid_open.c */
void raid_free(struct raid *raid);

/* ---- raid_recover.c ------------------------------------------------------------------------------------------------------------------ */

/* Settle the stripes named by intents of the epoch in the labels. Read-only: -EROFS when there are any. */
void raid_recover(struct raid *raid, void (*done)(struct raid *raid, void *arg, int err), void *arg);

#endif
