/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the directory: dir.c (entries), dir_block.c (one block as bytes), dir_index.c, dir_free.c,
 * dir_check.c. */
#ifndef FS_DIR_PRIVATE_H
#define FS_DIR_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/format/dirformat.h"

struct dir_entry;
struct fs_file_id;
struct fs_run;
struct fs_volume;

static inline uint32_t dir_n_blocks(const struct inode *dir)
{
	return blocks_of_size(dir->attr.size_bytes);
}
static inline bool dir_is_indexed(const struct inode *dir)
{
	return dir_n_blocks(dir) > DIR_SMALL_BLOCKS;
}
static inline unsigned dir_units(size_t name_len)
{
	return (unsigned)DIV_UP(sizeof(struct dir_entry_disk) + name_len, DIR_UNIT);
}
uint32_t dir_hash(const struct fs_volume *vol, const char *name, size_t name_len);

/* ---- one slot block, as bytes (dir_block.c); all but _check expect a head that passed dir_block_check_head ---- */
MUST_CHECK int dir_block_check_head(const uint8_t *bytes, const struct inode *dir, uint32_t fbn);
/* Head, every entry, and the counts. */
MUST_CHECK int dir_block_check(const uint8_t *bytes, const struct inode *dir, uint32_t fbn);
/* The entry that begins at `unit`. -ENOENT: none begins there; -EUCLEAN. */
MUST_CHECK int dir_block_entry(const uint8_t *bytes, const struct inode *dir, uint32_t fbn, unsigned unit,
                               struct dir_entry *ret_entry);
/* The first entry at or after `unit`. -ENOENT, -EUCLEAN. */
MUST_CHECK int dir_block_next(const uint8_t *bytes, const struct inode *dir, uint32_t fbn, unsigned unit,
                              struct dir_entry *ret_entry);
MUST_CHECK int dir_block_find(const uint8_t *bytes, const struct inode *dir, uint32_t fbn, const char *name,
                              size_t name_len, struct dir_entry *ret_entry);
/* First unit of the first free run of `n_units`; 0: none. */
unsigned dir_block_find_free(const uint8_t *bytes, unsigned n_units);
unsigned dir_block_largest_free(const uint8_t *bytes);
void dir_block_format(uint8_t *bytes, uint32_t owner, uint32_t parent);
void dir_block_put(uint8_t *bytes, unsigned unit, const char *name, size_t name_len, const struct fs_file_id *id,
                   uint8_t type);
void dir_block_clear(uint8_t *bytes, unsigned unit);

/* ---- the index (dir_index.c) ---- */
struct dir_index {
	uint32_t n_buckets, n_entries, indexed_end, free_hint;
	bool reuse;
};
static inline bool dir_index_is_complete(const struct dir_index *index)
{
	return index->indexed_end == DIR_INDEXED_ALL;
}
uint32_t dir_index_bucket(uint32_t n_buckets, uint32_t hash);
MUST_CHECK int dir_index_load(struct fs_run *run, struct inode *dir, struct dir_index *ret_index);
MUST_CHECK int dir_index_bucket_need(struct fs_run *run, struct inode *dir, uint32_t n_buckets, uint32_t bucket,
                                     const struct dir_bucket **ret_bucket);
/* -ENOENT. -EXFULL: the index does not know, scan. */
MUST_CHECK int dir_index_find(struct fs_run *run, struct inode *dir, const struct dir_index *index, const char *name,
                              size_t name_len, struct dir_entry *ret_entry);
/* Name what dir_index_add will edit; `*ret_split`: it will split a bucket, too. Adds the pages to *io_pages. */
MUST_CHECK int dir_index_plan_add(struct fs_run *run, struct inode *dir, const struct dir_index *index, uint32_t hash,
                                  bool *ret_split, uint32_t *io_pages);
void dir_index_add(struct inode *dir, uint32_t hash, uint32_t slot, bool split);
void dir_index_remove(struct inode *dir, uint32_t hash, uint32_t slot);
/* Write the head of an empty index. */
void dir_index_format(struct inode *dir, uint32_t n_buckets, uint32_t indexed_end);
/* Change the search state in the head. */
void dir_index_set_hint(struct inode *dir, uint32_t free_hint, bool reuse);

/* ---- the free table (dir_free.c) ---- */
static inline uint32_t dir_free_fbn(uint32_t slot_fbn)
{
	return DIR_FREE_FBN + slot_fbn / DIR_FREE_PER_BLOCK;
}
/* Largest free run of a slot block. 0..127. -EAGAIN, -EUCLEAN. */
MUST_CHECK int dir_free_get(struct fs_run *run, struct inode *dir, uint32_t slot_fbn, unsigned *ret_run);
/* After dir_free_get of the same block in this step (or one in the same table block). */
void dir_free_set(struct inode *dir, uint32_t slot_fbn, unsigned run);
/* A slot block below `end` with a run of `n_units`, looking from the hint on to the end of its table block. Sets where
 * to look next time. -ENOENT. */
MUST_CHECK int dir_free_search(struct fs_run *run, struct inode *dir, struct dir_index *io_index, uint32_t end,
                               unsigned n_units, uint32_t *ret_fbn);
/* The first slot block at or after `fbn` that has an entry; `end` when none. */
MUST_CHECK int dir_free_skip_empty(struct fs_run *run, struct inode *dir, uint32_t fbn, uint32_t end,
                                   uint32_t *ret_fbn);

#endif
