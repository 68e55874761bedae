/* SPDX-License-Identifier: Apache-2.0 */
/* The RAID layer: one or more RAID-4 groups of disks shown to the file system as one space of checked 4 KiB blocks.
 *
 * THEORY. It knows blocks, identities and write batches; no inode structure, no volume name. A volume block number
 * (VBN) is 32 bits; the space is data disk after data disk (a disk added later appends VBNs), so VBN - disk.vbn_first =
 * DBN and a stripe is one DBN over the data disks of a group plus parity. Every block has a checksum entry (CRC32C,
 * inode, FBN, generation and level) kept apart from it; what is read is verified against entry and expected identity,
 * and repaired or reconstructed from parity when it differs. The write hole is closed by stripe intents written before
 * a batch. Beside the block space a volume has a ring of fsinfo slots on every disk and a log of two halves on (parity
 * disks + 1) disks.
 * INVARIANTS
 *  R1 A block is never returned unless its CRC and its identity match.
 *  R2 A data block and its checksum block never travel in one I/O.
 *  R3 No data I/O of a batch starts before its intents are durable.
 *  R4 After a failed flush the disk has failed: it is never written or trusted again; another replaces it.
 *  R5 A disk that has not lived through every flush anything leans on (raid/lineage.h) is stale: it is never read.
 *  R6 A block of a disk that is being rebuilt is neither read nor written, but by its rebuild, before that has passed
 *     it.
 * WRITE PATH previous hop fs/cp/cp_write.c, cp.c, fs/log/nvlog.c. READ PATH previous hop fs/file/cache_read.c. Next
 * hop: raid/disk.h.
 * THREADS. Home thread of the world only. Completions are never called before the call has returned. */
#ifndef RAID_RAID_H
#define RAID_RAID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/page.h"
#include "base/uuid.h"
#include "base/world.h"

#define RAID_BLOCK_SIZE 4096U
#define RAID_MAX_GROUP_DATA 14U
#define RAID_MAX_GROUP_DISKS 16U /* data and parity */
#define RAID_MAX_GROUPS 64U
#define RAID_MAX_DISKS 256U
#define VBN_HOLE 0U /* never allocated: block 0 of the first data disk */
#define VBN_ZERO 0xFFFFFFFFU /* "all zeros", never a block */

struct raid;

/* Who a block is: written into its checksum entry, demanded back at every read. */
struct raid_ident {
	uint32_t inode;
	uint32_t fbn; /* of a level-0 block; first FBN covered, for an indirect block */
	uint32_t generation; /* of the CP that wrote it; low 27 bits kept; not compared at reads */
	uint32_t level; /* 0 data, 1.. indirect; at most 15 */
	bool mark; /* one bit of the file system's, kept with the block; not compared at reads, but told by them */
};

/* ---- making and opening ---------------------------------------------------------------------------------------- */

struct raid_group_spec {
	const char *disk_urls[RAID_MAX_GROUP_DISKS]; /* data disks first, then parity */
	unsigned n_disks; /* 1 to 14 data disks, and parity */
	unsigned n_parity; /* 2: double parity; 0, 1: one parity disk */
};
struct raid_spec {
	const struct raid_group_spec *groups;
	unsigned n_groups;
	uint64_t log_half_bytes; /* 0: default, by disk size (1/64 of the smallest, 2 MiB .. 64 MiB) */
};

/* Write labels on existing disks that hold no vcstore label (-EEXIST if one does). All else they hold is gone:
 * discarded, or where a disk cannot, overwritten, so that data, entries and parity agree on zeros from the start.
 * `done(arg, err)`. */
void raid_format(struct world *world, const struct raid_spec *spec, const struct uuid *volume_uuid,
                 void (*done)(void *arg, int err), void *arg);
/* What of the disks was not as it should be at an open, for people: one sentence a disk, "; " between them. "":
 * nothing. */
struct raid_report {
	char text[1024];
};
/* Assemble a volume from its disks in any order. One a group may be missing or not what it was (blank, of another
 * volume, an older copy, cut short, ...): degraded, and it is named in the log, in raid_status and in `report`. A disk
 * given twice counts once. Finishes what a crash left: the stripes of the intent regions get their parity recomputed
 * and verified before `done(arg, err, raid)`. -EBUSY somebody else still has a disk open after 10 s (a server that was
 * killed keeps its disks until its last I/O has ended); -ENOSPC: the host's file system is full;
 * -ENOENT no label; -ENXIO too many disks are missing or not what they were; -EUCLEAN labels contradict each other, or
 * the disks of several volumes are there; -ENOTSUP an incompatible feature bit; -EROFS a feature bit that says: who
 * does not know it does not write. `report` (may be NULL) is filled, also after an error, before `done`; it stays valid
 * until then. */
void raid_open(struct world *world, const char *const *disk_urls, unsigned n_disks, struct raid_report *report,
               void (*done)(void *arg, int err, struct raid *raid), void *arg);
/* The same, but not one byte of any disk is changed, now or until it is closed: labels stay, nothing is repaired in
 * place, and raid_write, raid_fsinfo_write and raid_log_write must not be called. -EROFS: a crash left stripes to be
 * settled first, by raid_open. */
void raid_open_read_only(struct world *world, const char *const *disk_urls, unsigned n_disks,
                         struct raid_report *report, void (*done)(void *arg, int err, struct raid *raid), void *arg);
/* The same for looking at what a crash left: stripes to be settled stay as they are, and raid_stripe_is_unsettled knows
 * them. */
void raid_open_inspect(struct world *world, const char *const *disk_urls, unsigned n_disks, struct raid_report *report,
                       void (*done)(void *arg, int err, struct raid *raid), void *arg);
bool raid_stripe_is_unsettled(const struct raid *raid, unsigned group, uint32_t dbn);
/* How many there are: 0 after any other way of opening. */
unsigned raid_n_unsettled(const struct raid *raid);
/* Close: no request may be in flight. Everything written is made durable first (err as raid_flush); the labels then say
 * "clean". Functions that were given (raid_write_window) are not called any more. */
void raid_close(struct raid *raid, void (*done)(void *arg, int err), void *arg);

/* ---- geometry -------------------------------------------------------------------------------------------------- */

struct raid_disk_geometry {
	uint32_t vbn_first;
	uint32_t n_blocks; /* data blocks = DBNs */
	uint16_t group;
	uint16_t position; /* among the data disks of its group */
};
struct raid_geometry {
	uint32_t vbn_end; /* one past the last VBN */
	unsigned n_groups;
	uint8_t n_parity[RAID_MAX_GROUPS]; /* parity disks, by group */
	unsigned n_data_disks; /* over all groups, ascending vbn_first */
	struct raid_disk_geometry disks[RAID_MAX_DISKS];
};
const struct raid_geometry *raid_geometry(const struct raid *raid);
/* What the volume is called by. */
const struct uuid *raid_volume_uuid(const struct raid *raid);

/* ---- copies ---------------------------------------------------------------------------------------------------- */

/* Call the volume `uuid` from now on, for it is a copy of another one that goes on living. Its UUID of before stays in
 * all it has on its disks, so that this is one change of the labels: after a crash the volume has the old name or the
 * new one. `done` err: 0: it is durable; -EIO; -EROFS. */
void raid_identify(struct raid *raid, const struct uuid *uuid, void (*done)(void *arg, int err), void *arg);
/* Make an identifier that stands on the disks (of a disk, of a LUN) the one that others are told, and the other way
 * round: both differ in the same bits as the UUIDs of the volume and of what it was copied from. A volume that was
 * given no other identity has them equal. Version 4 UUIDs stay that. */
void raid_identity_mask(const struct raid *raid, struct uuid *id);

/* ---- blocks ---------------------------------------------------------------------------------------------------- */

/* Read n blocks. The request, its blocks and pages are the caller's, untouched by it until `done`. Blocks that follow
 * each other on a disk, in the order given, travel in one I/O. Each block's `err` is set: 0, or -EIO when neither the
 * disk nor parity gives content that matches (the log then says whether medium, checksum or identity). */
struct raid_read_block {
	uint32_t vbn;
	int err;
	struct raid_ident ident; /* inode, fbn and level must match; mark is set when err is 0 */
	struct page *page; /* filled; owned exclusively by the caller */
};
struct raid_read {
	struct raid_read_block *blocks;
	unsigned n_blocks;
	void (*done)(struct raid_read *read); /* inspect blocks[].err */
	void *impl; /* raid's, while submitted */
};
void raid_read(struct raid *raid, struct raid_read *read);

/* A block that neither its disk nor parity gave. */
struct raid_lost_block {
	uint32_t vbn;
	uint32_t inode, fbn; /* whose it is, and which of its blocks */
	unsigned level; /* 0 data, 1.. indirect */
};
/* Those met since the volume was opened, by readers and by rebuilds, that are lost still; the first of them when there
 * are many (*ret_more). The list is raid's, and good until the next call of raid/. */
unsigned raid_lost_blocks(const struct raid *raid, const struct raid_lost_block **ret_blocks, bool *ret_more);

/* Write n blocks, ascending VBN, no VBN twice, none of them live in the last committed fsinfo: data, parity and
 * checksums, intents first. The pages are shared: nobody changes them. `done` err: 0 also when degraded; -EIO when a
 * group lost more than its parity can carry. Complete is not durable: raid_flush. Several writes may be submitted; they
 * are carried out in order of submission, as many at once as the intent region holds. Works in pieces: any n. */
struct raid_write_block {
	uint32_t vbn;
	struct raid_ident ident;
	struct page *page;
};
struct raid_write {
	const struct raid_write_block *blocks;
	unsigned n_blocks;
	void (*done)(struct raid_write *write, int err);
	void *impl;
};
void raid_write(struct raid *raid, struct raid_write *write);
/* How much of writes may be at the disks at once, asked before each of their I/Os: little leaves them free for reads,
 * UINT_MAX is no limit (so is no function). Only raid_write's own reads and writes are counted: not its intents, nor
 * the log, fsinfo and flushes. */
void raid_write_window(struct raid *raid, unsigned (*window_bytes)(void *arg), void *arg);

/* Everything whose raid_write completed before this call is durable when `done(arg, 0)` is called. -EIO as for
 * writes. */
void raid_flush(struct raid *raid, void (*done)(void *arg, int err), void *arg);

/* ---- fsinfo ---------------------------------------------------------------------------------------------------- */

#define RAID_FSINFO_BODY                                                                                               \
	4032U /* bytes of a slot that belong to the file system; the head (magic, CRC, generation,
                                * uuid) is ours */
/* Make `body` the newest fsinfo: written to half of the disks, flushed, then to the other half, flushed. It also
 * flushes before, so that everything raid_write completed is durable first. After `done(arg, 0)` any mount finds it.
 * `generation` must rise. `body` is copied. */
void raid_fsinfo_write(struct raid *raid, uint64_t generation, const uint8_t body[RAID_FSINFO_BODY],
                       void (*done)(void *arg, int err), void *arg);
/* The newest valid fsinfo over all disks and slots. -ENOENT: none was ever written. Known after raid_open; no I/O. */
MUST_CHECK int raid_fsinfo_read(struct raid *raid, uint64_t *ret_generation, uint8_t ret_body[RAID_FSINFO_BODY]);

/* ---- log ------------------------------------------------------------------------------------------------------- */

/* Blocks in each of the two halves. */
uint32_t raid_log_half_blocks(const struct raid *raid);
/* Whole blocks from `first_block` of `half` (0, 1) on. It is only looked at during the call; what `iov` points to, and
 * it, stay until `done`. */
struct raid_log_io {
	unsigned half;
	uint32_t first_block;
	const struct iovec *iov; /* 4096-aligned pieces */
	unsigned n_iov;
	void (*done)(void *arg, int err);
	void *arg;
};
/* Write them to every copy, durably. One write at a time a half, the next after `done`. A copy that fails is replaced
 * (membership generation durable on the others, the log copied to another disk) before `done(arg, 0)`. -EIO: no copy is
 * left; stop acknowledging. */
void raid_log_write(struct raid *raid, const struct raid_log_io *io);
/* How many copies there are in the current membership. */
unsigned raid_log_copies(const struct raid *raid);
/* Read them from copy `copy` (0..raid_log_copies-1). -EIO, -ENODEV. */
void raid_log_read(struct raid *raid, unsigned copy, const struct raid_log_io *io);

/* ---- room on the host -------------------------------------------------------------------------------------------- */

/* The URL of a disk whose file finds the host's file system full (or a quota used up): a write to it waits, and is
 * tried again. NULL: none does. */
const char *raid_waits_for_room(const struct raid *raid);
/* Call `changed` when that begins, and when it has ended. One function; NULL: none. It does not call back into
 * raid/. */
void raid_on_room(struct raid *raid, void (*changed)(void *arg), void *arg);
/* When writes have waited as long as this from now on, the volume is cut off: nothing is written any more, whatever
 * would have to be durable ends with -EIO, and on the disks is what a crash leaves. 0: they wait for ever. raid_open
 * begins with RAID_ROOM_PATIENCE_NS; so does raid_close. */
#define RAID_ROOM_PATIENCE_NS 5000000000ULL
void raid_room_patience(struct raid *raid, uint64_t patience_ns);
bool raid_is_cut_off(const struct raid *raid);

/* ---- limits ------------------------------------------------------------------------------------------------------ */

/* What may be changed of how a volume treats its disks; kept in the labels. READ_ERRORS, CHECKSUM_ERRORS,
 * IDENTITY_ERRORS: a disk whose score of such errors gets beyond this is worn (raid_disk_status.worn), and fails when
 * its group can do without it. An error scores one, and a score halves every hour: a disk that fails faster and faster
 * is found whatever clients read meanwhile, and one that has a bad block now and then is not. REBUILD_FLOOR: bytes a
 * second that a rebuild moves at least, of each disk, while clients are served; while none is it goes as fast as it
 * can. */
enum raid_limit {
	RAID_LIMIT_READ_ERRORS,
	RAID_LIMIT_CHECKSUM_ERRORS,
	RAID_LIMIT_IDENTITY_ERRORS,
	RAID_LIMIT_REBUILD_FLOOR
};
#define RAID_N_LIMITS 4U
#define RAID_NO_LIMIT UINT64_MAX
struct raid_limits {
	uint64_t of[RAID_N_LIMITS]; /* 0: the default */
};
static inline const char *raid_limit_name(enum raid_limit which)
{
	switch (which) {
	case RAID_LIMIT_READ_ERRORS: return "read_errors";
	case RAID_LIMIT_CHECKSUM_ERRORS: return "checksum_errors";
	case RAID_LIMIT_IDENTITY_ERRORS: return "identity_errors";
	case RAID_LIMIT_REBUILD_FLOOR: return "rebuild_floor";
	}
	return "unknown";
}
/* From now on errors are counted, but bring no disk nearer to its limits: for a repair, which finds and mends what may
 * have been wrong for long. */
void raid_forgive_errors(struct raid *raid);
/* What counts: the default, or what was set. RAID_NO_LIMIT: never. */
uint64_t raid_limit(const struct raid_limits *limits, enum raid_limit which);
/* Change those that are not 0 in `limits`. `done` err: 0: the labels say so; -ERANGE a value that cannot be (a floor
 * below 64 KiB a second or none); -EROFS. */
void raid_limits_change(struct raid *raid, const struct raid_limits *limits, void (*done)(void *arg, int err),
                        void *arg);

/* ---- state ----------------------------------------------------------------------------------------------------- */

#define RAID_WHY_BYTES 160U
#define RAID_WORN_BYTES 48U
/* STALE: it was there at the start, but has not lived through what the others have. Like FAILED, it stays so until it
 * is replaced. REBUILDING: it has replaced another, and gets from the other disks what that one had. */
enum raid_disk_state { RAID_DISK_ONLINE, RAID_DISK_MISSING, RAID_DISK_FAILED, RAID_DISK_STALE, RAID_DISK_REBUILDING };
static inline const char *raid_disk_state_name(enum raid_disk_state state)
{
	switch (state) {
	case RAID_DISK_ONLINE: return "online";
	case RAID_DISK_MISSING: return "missing";
	case RAID_DISK_FAILED: return "failed";
	case RAID_DISK_STALE: return "stale";
	case RAID_DISK_REBUILDING: return "rebuilding";
	}
	return "unknown";
}
/* What goes wrong on a disk. READ: the medium does not give a block. WRITE, FLUSH: it does not take it. CHECKSUM: what
 * it gives is not what its entry says. IDENTITY: it is what the entry says, but that is another block's, or an older
 * one's: block and entry were written elsewhere, or not at all. */
enum raid_error { RAID_ERROR_READ, RAID_ERROR_WRITE, RAID_ERROR_FLUSH, RAID_ERROR_CHECKSUM, RAID_ERROR_IDENTITY };
#define RAID_N_ERRORS 5U
static inline const char *raid_error_name(enum raid_error kind)
{
	switch (kind) {
	case RAID_ERROR_READ: return "read";
	case RAID_ERROR_WRITE: return "write";
	case RAID_ERROR_FLUSH: return "flush";
	case RAID_ERROR_CHECKSUM: return "checksum";
	case RAID_ERROR_IDENTITY: return "identity";
	}
	return "unknown";
}
struct raid_error_count {
	uint64_t n; /* READ, WRITE, FLUSH: I/Os; else blocks, each time they are found wrong */
	uint64_t n_repaired; /* blocks that were written anew because of it */
};
struct raid_disk_status {
	char url[256];
	struct uuid uuid;
	enum raid_disk_state state;
	char why[RAID_WHY_BYTES]; /* not online: why, for people; "": as the state says */
	char worn[RAID_WORN_BYTES]; /* it should be replaced: why, as "70 read errors"; "": it is not worn */
	unsigned group;
	unsigned position; /* in the group: data disks, then parity */
	bool is_parity;
	bool is_second; /* parity: of two the second */
	uint64_t size_bytes;
	uint64_t needed_bytes; /* what a disk that replaces it must have at least */
	uint32_t rebuilt_blocks, rebuild_blocks; /* rebuilding: of so many so many; else 0 */
	bool keeps_rest; /* lost: when it comes back, only what has changed since is to be written. Else: so it came
	                  * back */
	uint64_t changed_blocks; /* lost or rebuilding, and it keeps the rest: so much is to be written */
	bool waits_for_room; /* the host's file system is full, or a quota is used up: writes to it wait */
	uint64_t n_reads, n_writes, read_bytes, written_bytes;
	struct raid_error_count errors[RAID_N_ERRORS]; /* since the volume was opened */
};
static inline const char *raid_role_name(bool is_parity, bool is_second)
{
	return is_second ? "parity2" : is_parity ? "parity" : "data";
}
struct raid_group_status {
	const char *level; /* "raid4", "dp"; "mirror" when it has one data disk */
	unsigned n_data;
	unsigned n_parity; /* as many of its disks may be lost */
	unsigned n_lost; /* so many are, or are not rebuilt yet */
};
struct raid_status {
	bool degraded; /* some group is a disk short */
	bool failed; /* some group lost more than parity carries */
	bool waits_for_room; /* some disk does */
	unsigned n_groups;
	struct raid_group_status groups[RAID_MAX_GROUPS];
	unsigned n_disks;
	struct raid_disk_status disks[RAID_MAX_DISKS];
	struct raid_limits limits; /* what counts of each */
	uint64_t n_full_stripes, n_partial_stripes, n_reconstructed;
};
void raid_status(const struct raid *raid, struct raid_status *ret_status);

/* ---- disks that come and go -------------------------------------------------------------------------------------- */

/* Give the place of a lost disk (failed, missing, stale) to the disk of `url`, and begin to rebuild it. All it holds is
 * gone. `done` err: 0: it is a member, durably; -EALREADY the disk there is not lost; -EIO the group has lost too much,
 * or the only copy of the log; -ERANGE the new one is smaller than raid_disk_status.needed_bytes; -EEXIST it has a
 * label of ours; -EBUSY somebody has it open, another replacement is under way, or the log has not left the lost disk
 * yet: try again; -ENOENT there is no such place, or no such disk; -EROFS. Must not be under way at raid_close. */
void raid_replace(struct raid *raid, unsigned group, unsigned position, const char *url,
                  void (*done)(void *arg, int err), void *arg);
/* Add a data disk to a group. All it holds is gone; the VBNs of its blocks come after the last one. `done` err: 0: it
 * is a member, durably, and from this call on raid_geometry shows it (with the same entries before its own); what
 * raid_growth says; -EIO a disk of the group is lost; -EBUSY somebody has it open, a disk of the group is being
 * rebuilt, or disks are being added or replaced already; -EEXIST it has a label of ours; -ENOENT no such group, no such
 * disk; -ENOSPC the host has no room for its front; -ENOMEM; -EROFS. Must not be under way at raid_close. */
void raid_add_disk(struct raid *raid, unsigned group, const char *url, void (*done)(void *arg, int err), void *arg);
/* Add a group of new disks: the same. -ERANGE: a disk is too small, or a parity disk smaller than a data disk;
 * -EMLINK there are as many groups or disks as there can be; -EINVAL it has too few or too many disks. */
void raid_add_group(struct raid *raid, const struct raid_group_spec *spec, void (*done)(void *arg, int err), void *arg);
/* Give a RAID-4 group a second parity disk. All it holds is gone; it is rebuilt, and until that has ended the group
 * survives the loss of one disk, as before. `done` err: 0: it is a member, durably; -EALREADY the group has two;
 * -ERANGE it is smaller than the data disks; -EIO a disk of the group is lost; -EBUSY somebody has it open, a disk of
 * the group is being rebuilt, or disks are being added or replaced already; -EMLINK the volume has as many disks as
 * there can be; -EEXIST it has a label of ours; -ENOENT no such group, no such disk; -ENOSPC the host has no room for
 * its front; -ENOMEM; -EROFS. Must not be under way at raid_close. */
void raid_convert(struct raid *raid, unsigned group, const char *url, void (*done)(void *arg, int err), void *arg);
/* How many blocks a data disk of this size would add to a group: not more than the parity disk has. -ERANGE it is too
 * small; -EFBIG there are not so many VBNs left (*ret_blocks is set); -EMLINK the group, or the volume, has as many
 * disks as there can be; -ENOENT. */
MUST_CHECK int raid_growth(const struct raid *raid, unsigned group, uint64_t size_bytes, uint32_t *ret_blocks);
/* Give a lost disk its own place back: `url` is where it is now. When the volume knows what has changed since it went
 * (raid/dirty_map.h), and it has all else, only that is rebuilt; otherwise all it holds is gone, and it is rebuilt
 * whole: raid_disk_status.keeps_rest tells afterwards. `done` err as of raid_replace (never -EEXIST); -ENXIO it is not
 * the disk that had this place; -EUCLEAN it has gone another way since: it was started elsewhere. */
void raid_online(struct raid *raid, unsigned group, unsigned position, const char *url,
                 void (*done)(void *arg, int err), void *arg);
/* Call a disk failed. `done` err: 0: the labels say so; -EALREADY it is lost already; -EBUSY the group could not do
 * without it; -ENOENT, -EROFS. */
void raid_fail(struct raid *raid, unsigned group, unsigned position, void (*done)(void *arg, int err), void *arg);
/* Another RAID_LIMIT_REBUILD_FLOOR until the volume is closed. */
void raid_rebuild_floor(struct raid *raid, uint64_t bytes_per_s);
/* Is every disk of the group there and trusted? */
bool raid_group_is_whole(const struct raid *raid, unsigned group);

/* A stripe in which not everything agrees. Masks: bit i is position i of the group, those of parity follow those of
 * the data disks. */
struct raid_wrong_stripe {
	uint32_t dbn;
	unsigned n_parity; /* of the group: as many blocks may be wrong */
	uint16_t unreadable; /* the medium does not give the block */
	uint16_t mismatched; /* the block does not match its checksum entry */
	bool parity; /* the blocks do not add up to parity */
	bool entries; /* the entries do not add up to parity's */
	/* what making it whole would write; none when that cannot be */
	uint16_t bad_blocks, bad_entries;
};
/* More is wrong than parity can carry: raid_make_whole cannot help. */
static inline bool raid_stripe_is_lost(const struct raid_wrong_stripe *wrong)
{
	return (unsigned)__builtin_popcount(wrong->unreadable | wrong->mismatched) > wrong->n_parity;
}

/* Verify parity and every checksum entry of stripes [first_dbn, first_dbn + n) of `group`, for the check and the scrub:
 * `done` gets those in which something is wrong, by rising DBN; they are gone when it returns. */
struct raid_verify_result {
	const struct raid_wrong_stripe *wrong;
	unsigned n_wrong;
	uint64_t n_parity_wrong; /* stripes whose parity is not the XOR of its data */
	uint64_t n_checksum_wrong; /* blocks that do not match their entries, and stripes whose entries do not add up */
};
void raid_verify(struct raid *raid, unsigned group, uint32_t first_dbn, uint32_t n,
                 void (*done)(void *arg, int err, const struct raid_verify_result *result), void *arg);
/* What is remembered of the checksum entries of these stripes is forgotten, so that the next verify sees those on the
 * disks. What the disks do not have yet stays. For the scrub. */
void raid_verify_afresh(struct raid *raid, unsigned group, uint32_t first_dbn, uint32_t n);
/* Who the blocks of a stripe are, as their entries say: one by position, the parity disk's is not one. `done` gets
 * them for as long as it runs; err -EIO: not all entries can be had. */
void raid_verify_idents(struct raid *raid, unsigned group, uint32_t dbn,
                        void (*done)(void *arg, int err, const struct raid_ident idents[RAID_MAX_GROUP_DISKS]),
                        void *arg);
/* Make n stripes from `first_dbn` on whole: a block or an entry that is wrong by what all others say, or the parity of
 * blocks that all match their entries, is written anew. `n_lost`: stripes in which more is wrong than that; nothing was
 * changed there. raid_flush makes it durable. */
void raid_make_whole(struct raid *raid, unsigned group, uint32_t first_dbn, uint32_t n,
                     void (*done)(void *arg, uint32_t n_lost), void *arg);

#endif
