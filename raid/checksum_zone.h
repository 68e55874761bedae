/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of checksum blocks. A zone is 255 data blocks of one disk and the checksum block in front of them, which
 * has their entries.
 *
 * A block in use is pinned: while it is, it stays in memory. A changed block stays until a flush has written it. The
 * cache is bounded, so whoever pins many blocks asks checksum_zone_has_room first. */
#ifndef RAID_CHECKSUM_ZONE_H
#define RAID_CHECKSUM_ZONE_H

#include "raid/batch.h"
#include "raid/raidformat.h"

struct checksum_block {
	TAILQ_ENTRY(checksum_block) link; /* on the free, the evictable (oldest first) or the dirty list */
	struct checksum_block *hash_next;
	struct member *member;
	uint32_t zone;
	unsigned pins;
	bool valid, loading, dirty, writing, stale, evictable;
	bool deriving; /* loading: from the others, for the disk does not give it */
	struct page *page;
	struct page *writing_page; /* being written, when the entries have changed since */
	TAILQ_HEAD(, checksum_wait) waiters;
	struct batch batch;
	struct batch_item item;
	struct timer retry;
};
TAILQ_HEAD(checksum_block_list, checksum_block);

/* Somebody waits for a block. `ready` and `owner` are the caller's, the rest is the cache's. */
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
	unsigned margin; /* blocks kept for reads and repairs */
	bool complete; /* there is room for every checksum block of the volume */
	bool unstarving;
	struct checksum_block_list free, evictable, dirty;
	TAILQ_HEAD(, checksum_wait) starved; /* waits that found no block free */
	/* the write-back of all dirty blocks */
	struct batch writeback;
	struct checksum_block **writeback_blocks;
	struct batch_item *writeback_items;
	void (*writeback_done)(struct raid *raid);
};

MUST_CHECK int checksum_cache_init(struct raid *raid);
/* The volume gets `n_zones` zones more, over all its disks, or a group of `n_members` members: make the cache as large
 * as that needs. -ENOMEM. */
MUST_CHECK int checksum_cache_widen(struct raid *raid, unsigned n_members, size_t n_zones);
void checksum_cache_fini(struct raid *raid);
/* The block, when it is in memory; it is not pinned yet. Otherwise NULL, and `wait->ready` is called later: with the
 * block, pinned while the call lasts; or with NULL and -EIO, when neither the disk nor the other disks give it. The
 * block of a member that is not online is made from the others'. */
struct checksum_block *checksum_zone_get(struct raid *raid, struct member *m, uint32_t zone,
                                         struct checksum_wait *wait);
void checksum_zone_pin(struct raid *raid, struct checksum_block *block);
void checksum_zone_unpin(struct raid *raid, struct checksum_block *block);
struct raid_checksum_format checksum_zone_entry(const struct checksum_block *block, uint32_t dbn);
/* A pinned block has to be written by the next flush. */
void checksum_zone_dirty(struct raid *raid, struct checksum_block *block);
/* Is it all zeros: was no block of the zone ever written? */
bool checksum_zone_is_zero(const struct checksum_block *block);
/* Change an entry of a pinned block. */
void checksum_zone_set(struct raid *raid, struct checksum_block *block, uint32_t dbn,
                       const struct raid_checksum_format *entry);
/* The member has failed: forget what was read from it. */
void checksum_zone_drop(struct raid *raid, struct member *m);
/* Forget the block of a zone that is as its disk should have it: whoever wants it next reads the disk. One that is
 * in use, or that the disk does not have yet, stays. */
void checksum_zone_forget(struct raid *raid, struct member *m, uint32_t zone);
/* Write every dirty block to its disk. It is durable only after a flush of the disks. */
void checksum_zone_writeback(struct raid *raid, void (*done)(struct raid *raid));
/* Can a piece pin `n` blocks without waiting for a flush? */
bool checksum_zone_has_room(const struct raid *raid, unsigned n);

#endif
