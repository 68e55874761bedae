/* SPDX-License-Identifier: Apache-2.0 */
/* Directories on disk: slot blocks, and beside them the derived index and free-space table.
 *
 *   FBN 0 ...             slot blocks: 128 units of 32 bytes; unit 0 is the head, an entry takes 1..9 consecutive units
 *   FBN 1 << 22           index head, then bucket b at FBN (1 << 22) + 1 + b         (only beyond DIR_SMALL_BLOCKS slot blocks)
 *   FBN 1 << 23           free table: one byte a slot block, its largest free run in units
 *
 * A slot is FBN * 128 + first unit. It never moves, so the cookie of an entry is its slot + DIR_COOKIE_BASE. The size
 * of the directory counts slot blocks only. */
#ifndef FS_DIRFORMAT_H
#define FS_DIRFORMAT_H

#include <assert.h>
#include <stddef.h>

#include "base/bytes.h"

#define DIR_UNIT 32U
#define DIR_UNITS 128U
#define DIR_FREE_UNITS 127U /* what an empty block has */
#define DIR_SMALL_BLOCKS 8U /* up to here no index */
#define DIR_INDEX_FBN (1U << 22)
#define DIR_FREE_FBN (1U << 23)
#define DIR_BLOCKS_MAX DIR_INDEX_FBN
#define DIR_BUCKETS_MAX (DIR_FREE_FBN - DIR_INDEX_FBN - 1U)
#define DIR_COOKIE_BASE 3U /* 1 is ".", 2 is ".." */

#define DIR_BLOCK_MAGIC 0x62726964U /* "dirb" */
#define DIR_INDEX_MAGIC 0x69726964U /* "diri" */
#define DIR_BUCKET_MAGIC 0x6B726964U /* "dirk" */
#define DIR_FREE_MAGIC 0x66726964U /* "dirf" */

struct dir_block_head {
	le32 magic;
	le32 owner; /* inode of the directory */
	le64 starts[2]; /* bit u: an entry begins at unit u */
	le32 parent; /* block 0: inode of the parent directory; 0 elsewhere */
	uint8_t n_used; /* units taken by entries */
	uint8_t n_entries;
	le16 reserved;
};
static_assert(sizeof(struct dir_block_head) == DIR_UNIT, "the head is one unit");

struct dir_entry_disk {
	le32 inode;
	uint8_t type; /* enum fs_type */
	uint8_t name_len; /* 1..255; the name follows */
	le16 reserved;
	le64 generation;
};
static_assert(sizeof(struct dir_entry_disk) == 16, "entry head");

/* Linear hashing: n_buckets alone gives level and split pointer. */
struct dir_index_head {
	le32 magic;
	le32 owner;
	le32 n_buckets;
	le32 n_entries; /* in slot blocks below indexed_end */
	le32 indexed_end; /* slot blocks from here on are not in the index yet (being rebuilt); DIR_INDEXED_ALL:
	                   * complete */
	le32 free_hint; /* slot block to look for space at first */
	le32 reuse; /* 1: there may be space at or beyond free_hint; 0: only in the last block */
	le32 reserved;
};
static_assert(sizeof(struct dir_index_head) == 32, "index head");
#define DIR_INDEXED_ALL 0xFFFFFFFFU

struct dir_pair {
	le32 hash, slot;
};
#define DIR_BUCKET_PAIRS 510U
#define DIR_BUCKET_FILL                                                                                                \
	170U /* mean pairs a bucket beyond which one is split: a third, so that the fullest, at 340, never overflows in
	      * practice */
#define DIR_BUCKET_SCAN 1U /* flag: it overflowed once; names of this bucket are found by scanning */
struct dir_bucket {
	le32 magic; /* a block of zeros is an empty bucket */
	le32 owner;
	le32 bucket;
	le16 n;
	le16 flags;
	struct dir_pair pairs[DIR_BUCKET_PAIRS];
};
static_assert(sizeof(struct dir_bucket) == 4096, "a bucket is a block");

#define DIR_FREE_PER_BLOCK 4080U
struct dir_free {
	le32 magic;
	le32 owner;
	le64 reserved;
	uint8_t run[DIR_FREE_PER_BLOCK];
};
static_assert(sizeof(struct dir_free) == 4096, "a block of the free table");

#endif
