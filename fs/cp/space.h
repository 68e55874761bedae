/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger of space: which free blocks are promised to whom, and who may take more.
 *
 * THEORY. Write anywhere: a change takes new blocks first, and its CP gives the old ones back. So a promise has two
 * sides: blocks that are used up for good, and blocks that are only needed until the next CP. The ledger has four
 * figures, in blocks:
 *
 *  free      in neither map, as of the last CP
 *  pending   what the changes not yet in a CP will take, never less (pending_blocks of both generations)
 *  promised  reservations of LUNs + claims + metadata that will be rewritten
 *  pool      kept back, for CPs and for what overwriting needs between two of them: 1/128 of the volume + 512
 *
 * A LUN's reservation is its holes (explicit zeros too), the indirect blocks for them, and those of its blocks that the
 * newest snapshot holds: overwriting such a block gives nothing back. Only the newest snapshot counts: a block of the
 * active file system that any snapshot holds is in the newest one too, for it has been there all the time since.
 * Example: a LUN of 1000 blocks has written 300 of them; the newest snapshot holds 200 of these. Its reservation is 700
 * + 200 = 900 blocks, and the indirect blocks that it does not have yet.
 * Metadata is treated in the same way: its blocks that the newest snapshot holds, and the holes of the maps, are
 * promised. So removing always works.
 * A change without a promise (SPACE_NEW) must leave free - pending >= promised + pool. A change with a promise only
 * needs blocks until the next CP: it must leave free - pending >= the floor, which is what the CPs need for the maps.
 * When there is too little, a change waits for a CP that may free some. When there is none to wait for (or 16 of them
 * brought too little) and no snapshot that the policy gives up, the answer is -ENOSPC. The exceptions to these two
 * rules are at enum space_class.
 * The count of blocks held by snapshots may be too high (after a mount, after the newest snapshot was deleted), never
 * too low. fs/cp/space_count.c counts again in the background.
 * INVARIANTS
 *  SP1 after every CP: free - pending of SPACE_NEW >= promised + pool, if it was so before: each block of a promise
 *      that is used up lowers it.
 *  SP2 free - pending never falls below what the CPs need for the maps: a CP always finds blocks.
 *  SP3 size = used + metadata + snapshots + reserved + kept + available, exactly.
 * THREADS. Home thread. */
#ifndef FS_SPACE_H
#define FS_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct cp;
struct fs_run;
struct fs_volume;
struct fsinfo_disk;
struct inode;
struct space_counter;
struct vtoc_entry;

/* On what ground a change takes blocks, and what it must leave of free - pending. */
enum space_class {
	SPACE_NEW, /* none: of what is available */
	SPACE_LUN, /* content of a reserved LUN: it was promised */
	SPACE_NAMES, /* inodes, names, attributes rewritten in place, whole files freed: promised as well */
	SPACE_REWRITE, /* content rewritten in place, of which no snapshot holds the old blocks: all of them come back
	                * with the CP */
	SPACE_TRIM, /* a part of a file is freed: what it rewrites was not promised, but it should nearly always work */
};

/* Blocks promised to something other than a LUN, e.g. a clone. The owner begins with a claim of zero, and brings it
 * back to zero before it goes. */
struct space_claim {
	uint64_t n_blocks;
};

struct space {
	struct space_counter *counter; /* fs/cp/space_count.c */
	/* as of the last CP */
	uint64_t lun_blocks; /* reservations of LUNs */
	uint64_t lun_full_blocks; /* what they would be with every block held by a snapshot */
	uint64_t claim_blocks;
	uint64_t meta_blocks; /* of the metafiles */
	uint64_t map_holes; /* blocks the maps do not have yet */
	uint64_t active_blocks, snapshot_blocks; /* in the active map; only in the summary map */
	uint32_t newest; /* snapshot, 0: none */
	uint64_t shared_names; /* blocks of metafiles and names the newest snapshot holds; never less than there are */
	/* now */
	uint64_t name_blocks; /* of directories and streams */
	bool names_counted; /* name_blocks is known: the volume has always counted */
	bool frees_exact; /* in the running CP: what the summary map holds is held by the newest snapshot there will
	                   * be */
	uint64_t n_names_freed; /* in the running CP: blocks of metafiles and names freed and held by a snapshot */
};

MUST_CHECK int space_init(struct fs_volume *vol);
void space_fini(struct fs_volume *vol);

/* ---- admission ---- */

/* Admit a change that may make `n_blocks` more blocks dirty. 0; -EAGAIN: parked until a CP has freed some; -ENOSPC. */
MUST_CHECK int space_admit(struct fs_run *run, size_t n_blocks, enum space_class cls);
/* The class of a change to the content of `inode`: SPACE_LUN for reserved vdisks, else `otherwise`. */
enum space_class space_class_of(struct inode *inode, enum space_class otherwise);
/* Are there `n_blocks` for a promise (reservation, snapshot) that is made later in the same step? If not, wait for a
 * CP that may free some. 0: there are; -EAGAIN: parked; -ENOSPC: *ret_missing blocks are missing. */
MUST_CHECK int space_promise_admit(struct fs_run *run, uint64_t n_blocks, uint64_t *ret_missing);
/* The same for keeping a snapshot: everything reserved must be there twice. */
MUST_CHECK int space_snapshot_admit(struct fs_run *run, uint64_t *ret_missing);
/* How many blocks SPACE_NEW may still take. */
uint64_t space_available(const struct fs_volume *vol);
/* The most that space_available may turn out to be once all LUNs have been counted (fs/cp/space_count.c). */
uint64_t space_available_most(const struct fs_volume *vol);

/* ---- claims ---- */

/* Make the claim `n_blocks` big. Growing may fail: -ENOSPC, nothing is changed. Shrinking never fails. */
MUST_CHECK int space_claim(struct fs_volume *vol, struct space_claim *claim, uint64_t n_blocks);
void space_claim_drop(struct fs_volume *vol, struct space_claim *claim);
/* Admit a change for which `claim` was made: as SPACE_NEW, with the claim added to what is available. -EAGAIN,
 * -ENOSPC. */
MUST_CHECK int space_claim_admit(struct fs_run *run, const struct space_claim *claim, size_t n_blocks);
/* In the step that makes the blocks dirty: `n_blocks` of the claim are pending from now on. */
void space_claim_draw(struct fs_volume *vol, struct space_claim *claim, uint64_t n_blocks);

/* ---- LUNs ---- */

/* Blocks a LUN of `size_bytes` takes when it is full, indirect ones included. */
uint64_t space_full_blocks(uint64_t size_bytes);
uint64_t space_reservation(const struct vtoc_entry *entry);
/* A vdisk was made, or its size or reservation was changed, in this step: its entry and the sums follow. */
void space_lun_changed(struct fs_volume *vol, struct vtoc_entry *entry, struct inode *container, bool reserved);
/* The mount has read the vdisk: its blocks count, all of them as held by the newest snapshot, if there is one. */
void space_lun_load(struct fs_volume *vol, struct vtoc_entry *entry, struct inode *container, bool reserved);
/* Sums over the vdisks there are now. */
void space_sum(struct fs_volume *vol);

/* ---- the CP's ---- */
/* Blocks of this inode count as names in the ledger. */
bool space_is_names(uint32_t ino, unsigned type);
/* The volume in memory is another one now (a restore). It has `name_blocks` blocks of names, and a snapshot holds
 * all of them. */
void space_restored(struct fs_volume *vol, uint64_t name_blocks);
/* The maps have been read (mount). */
void space_loaded(struct fs_volume *vol);
/* The maps have grown by `n_blocks` blocks and some regions, of `n_regions_before`: who waits for space goes on. */
void space_grow(struct fs_volume *vol, uint64_t n_blocks, uint32_t n_regions_before);
void space_cp_open(struct cp *cp);
/* Blocks of `inode` that are no client's data: directories, streams, metafiles. */
bool space_is_name(const struct inode *inode);
/* The tree of `inode` has `n` blocks more (less) now. */
void space_count(struct inode *inode, int n);
/* After the commit of a CP. `snapshot`: the CP has made one that clients see. */
void space_cp_done(struct fs_volume *vol, bool snapshot);
/* The ledger's part of fsinfo. */
void space_encode(const struct cp *cp, struct fsinfo_disk *disk);
void space_decode(struct fs_volume *vol, const struct fsinfo_disk *disk);

/* ---- counting (fs/cp/space_count.c) ---- */
MUST_CHECK int space_count_init(struct fs_volume *vol);
void space_count_fini(struct fs_volume *vol);
/* Begin to count in the background, if a count is known to be too high and it can be done now. At its end cp_waiters
 * and idle_waiters are woken. */
void space_count_begin(struct fs_volume *vol);
bool space_count_is_running(const struct fs_volume *vol);

/* ---- figures ---- */

/* They add up to size_blocks (SP3). */
struct space_figures {
	uint64_t size_blocks;
	uint64_t used_blocks; /* files and LUNs of the active file system, changes not yet in a CP too */
	uint64_t metadata_blocks;
	uint64_t snapshot_blocks; /* only snapshots hold them */
	uint64_t reserved_blocks; /* promised to LUNs and claims, not used yet */
	uint64_t kept_blocks; /* the pool, and metadata to be rewritten */
	uint64_t available_blocks;
};
void space_figures(const struct fs_volume *vol, struct space_figures *ret_figures);
/* Update the level of the volume, with the events of a change (fs/cp/space_level.c). Once the volume serves: after
 * every CP, and when LUNs have been counted. */
void space_level_update(struct fs_volume *vol);

#endif
