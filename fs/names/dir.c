/* SPDX-License-Identifier: Apache-2.0 */
/* Directories: names to inodes, in slots that never move.
 *
 * THEORY. A directory of up to DIR_SMALL_BLOCKS slot blocks is scanned. The addition that needs one more also builds
 * the index (dir_index.c) and the free table (dir_free.c) from the blocks there are. From then on looking up, adding
 * and removing touch a fixed number of blocks. A plan names every block that its change will edit, so the change itself
 * cannot fail. The plan is made from the bytes as they are at that moment. So a removal and an addition planned in one
 * step may follow each other in that order (rename).
 * INVARIANTS
 *  DIR1 a name stands in one slot at most.
 *  DIR2 when the index is complete, it has one pair for every entry, or its bucket is marked to be scanned.
 *  DIR3 nothing in index and free table is the only copy of anything.
 * WRITE PATH previous hop namespace_apply.c; next hop file.h. */
#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/page.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/dirformat.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/names/dir.h"
#include "fs/names/dir_private.h"
#include "fs/names/pathwalk.h"

enum { PLAN_INDEXED = 1, PLAN_CONVERT = 2, PLAN_APPEND = 4, PLAN_SPLIT = 8 };
enum { WORD_FLAGS, WORD_HASH, WORD_HINT, WORD_OLD_HINT };
#define SCAN_BATCH 64U
#define READ_AHEAD 16U
#define CONVERT_BUCKETS 8U

static uint64_t hint_pack(const struct dir_index *index)
{
	return (uint64_t)index->free_hint << 1 | (index->reuse ? 1U : 0U);
}

int dir_check_inode(const struct inode *dir)
{
	if (dir->attr.type != FS_TYPE_DIR && dir->attr.type != FS_TYPE_STREAM_DIR && dir->ino != INO_DOCS)
		return -ENOTDIR;
	return dir->attr.size_bytes % FS_BLOCK_SIZE != 0 || dir->attr.size_bytes / FS_BLOCK_SIZE > DIR_BLOCKS_MAX
	           ? -EUCLEAN
	           : 0;
}

static int slot_block_need(struct fs_run *run, struct inode *dir, uint32_t fbn, const uint8_t **ret_bytes)
{
	int err = file_need(run, dir, fbn, ret_bytes);
	return err != 0 ? err : dir_block_check_head(*ret_bytes, dir, fbn);
}

/* Look at the slot blocks [first, end) one after the other, naming the missing ones in batches. */
static int scan_find(struct fs_run *run, struct inode *dir, uint32_t first, const char *name, size_t name_len,
                     struct dir_entry *ret_entry)
{
	unsigned n_missing = 0;
	bool found = false;
	for (uint32_t fbn = first; fbn < dir_n_blocks(dir) && n_missing < SCAN_BATCH; fbn++) {
		const uint8_t *bytes;
		int err = slot_block_need(run, dir, fbn, &bytes);
		if (err == 0 && !found) {
			err = dir_block_find(bytes, dir, fbn, name, name_len, ret_entry);
			found = err == 0;
		}
		n_missing += err == -EAGAIN;
		if (err != 0 && err != -EAGAIN && err != -ENOENT && n_missing == 0)
			return err;
		if (found && n_missing == 0)
			return 0;
	}
	return n_missing != 0 ? -EAGAIN : -ENOENT;
}

static int find_indexed(struct fs_run *run, struct inode *dir, const struct dir_index *index, const char *name,
                        size_t name_len, struct dir_entry *ret_entry)
{
	if (dir_index_is_complete(index)) {
		int err = dir_index_find(run, dir, index, name, name_len, ret_entry);
		if (err != -EXFULL)
			return err;
	}
	return scan_find(run, dir, 0, name, name_len, ret_entry);
}

static int find(struct fs_run *run, struct inode *dir, const char *name, size_t name_len, struct dir_entry *ret_entry)
{
	struct dir_index index;
	if (!dir_is_indexed(dir))
		return scan_find(run, dir, 0, name, name_len, ret_entry);
	int err = dir_index_load(run, dir, &index);
	return err != 0 ? err : find_indexed(run, dir, &index, name, name_len, ret_entry);
}

int dir_lookup(struct fs_run *run, struct inode *dir, const char *name, size_t name_len, struct fs_file_id *ret_id,
               uint8_t *ret_type)
{
	struct dir_entry entry;
	int err = dir_check_inode(dir);
	if (err == 0)
		err = find(run, dir, name, name_len, &entry);
	if (err != 0)
		return err;
	*ret_id = entry.id;
	*ret_type = entry.type;
	return 0;
}

/* ---- adding ---------------------------------------------------------------------------------------------------- */

/* Block `fbn` is said to have room: find it. */
static int place_in(struct fs_run *run, struct inode *dir, uint32_t fbn, unsigned n_units, struct dir_plan *plan)
{
	const uint8_t *bytes;
	int err = file_need(run, dir, fbn, &bytes);
	if (err == 0)
		err = dir_block_check(bytes, dir, fbn);
	if (err != 0)
		return err;
	unsigned unit = dir_block_find_free(bytes, n_units);
	if (unit == 0)
		return -ENOENT;
	plan->slot_fbn = fbn;
	plan->slot = fbn * DIR_UNITS + unit;
	return 0;
}

static int place_append(struct fs_run *run, struct inode *dir, struct dir_plan *plan)
{
	const uint8_t *bytes;
	uint32_t fbn = dir_n_blocks(dir);
	if (fbn >= DIR_BLOCKS_MAX)
		return -ENOSPC;
	plan->slot_fbn = fbn;
	plan->slot = fbn * DIR_UNITS + 1U;
	plan->word[WORD_FLAGS] |= PLAN_APPEND;
	return file_need(run, dir, fbn, &bytes);
}

/* Every block an index of CONVERT_BUCKETS buckets is built in. */
static int convert_need(struct fs_run *run, struct inode *dir)
{
	const uint8_t *bytes;
	int err = file_need(run, dir, DIR_FREE_FBN, &bytes), ret = err;
	for (uint32_t i = 0; i <= CONVERT_BUCKETS; i++) {
		err = file_need(run, dir, DIR_INDEX_FBN + i, &bytes);
		if (ret == 0 || err == -EAGAIN)
			ret = err;
	}
	return ret;
}

static int plan_add_small(struct fs_run *run, struct inode *dir, const char *name, size_t name_len,
                          struct dir_plan *plan)
{
	struct dir_entry entry;
	uint32_t n_blocks = dir_n_blocks(dir);
	int err = scan_find(run, dir, 0, name, name_len, &entry);
	if (err != -ENOENT)
		return err == 0 ? -EEXIST : err;
	for (uint32_t fbn = 0; fbn < n_blocks; fbn++) {
		err = place_in(run, dir, fbn, dir_units(name_len), plan);
		if (err != -ENOENT) {
			plan->n_pages = 1;
			return err;
		}
	}
	plan->n_pages = 1;
	err = place_append(run, dir, plan);
	if (n_blocks != DIR_SMALL_BLOCKS || (err != 0 && err != -EAGAIN))
		return err;
	int err2 = convert_need(run, dir);
	plan->n_pages += DIR_SMALL_BLOCKS + CONVERT_BUCKETS + 2U;
	plan->word[WORD_FLAGS] |= PLAN_CONVERT;
	return err2 == -EAGAIN || err == 0 ? err2 : err;
}

static int place_indexed(struct fs_run *run, struct inode *dir, struct dir_index *index, unsigned n_units,
                         struct dir_plan *plan)
{
	uint32_t n_blocks = dir_n_blocks(dir), fbn;
	unsigned largest;
	int err = dir_free_search(run, dir, index, MIN_OF(n_blocks, index->indexed_end), n_units, &fbn);
	if (err == 0) {
		err = place_in(run, dir, fbn, n_units, plan);
		return err == -ENOENT ? -EUCLEAN : err;
	}
	if (err != -ENOENT)
		return err;
	if (index->indexed_end >= n_blocks) {
		err = dir_free_get(run, dir, n_blocks - 1U, &largest);
		if (err != 0)
			return err;
		if (largest < n_units)
			return place_append(run, dir, plan);
	}
	err = place_in(run, dir, n_blocks - 1U, n_units, plan);
	return err == -ENOENT ? place_append(run, dir, plan) : err;
}

static int plan_add_indexed(struct fs_run *run, struct inode *dir, const char *name, size_t name_len,
                            struct dir_plan *plan)
{
	struct dir_index index;
	struct dir_entry entry;
	bool split = false;
	unsigned ignored;
	uint32_t hash = dir_hash(dir->vol, name, name_len);
	int err = dir_index_load(run, dir, &index);
	if (err != 0)
		return err;
	plan->word[WORD_HASH] = hash;
	plan->word[WORD_OLD_HINT] = hint_pack(&index);
	plan->n_pages = 3; /* slot block, index head, free table */
	int found = find_indexed(run, dir, &index, name, name_len, &entry);
	if (found != -ENOENT && found != -EAGAIN)
		return found == 0 ? -EEXIST : found;
	int placed = place_indexed(run, dir, &index, dir_units(name_len), plan);
	int planned = dir_index_plan_add(run, dir, &index, hash, &split, &plan->n_pages);
	if (found == -EAGAIN || placed == -EAGAIN || planned == -EAGAIN)
		return -EAGAIN;
	err = placed != 0 ? placed : planned;
	if (err == 0)
		err = dir_free_get(run, dir, plan->slot_fbn, &ignored);
	plan->word[WORD_FLAGS] |= PLAN_INDEXED | (split ? PLAN_SPLIT : 0);
	plan->word[WORD_HINT] = hint_pack(&index);
	return err;
}

int dir_plan_add(struct fs_run *run, struct inode *dir, const char *name, size_t name_len, struct dir_plan *ret_plan)
{
	struct dir_plan plan = { 0 };
	int err = dir_check_inode(dir);
	if (err == 0)
		err = dir_is_indexed(dir) ? plan_add_indexed(run, dir, name, name_len, &plan)
		                          : plan_add_small(run, dir, name, name_len, &plan);
	if (err == 0)
		*ret_plan = plan;
	return err;
}

/* The ninth block came: index and free table from all slot blocks. */
static void convert(struct inode *dir)
{
	uint32_t n_blocks = dir_n_blocks(dir);
	dir_index_format(dir, CONVERT_BUCKETS, DIR_INDEXED_ALL);
	memset(file_edit(dir, DIR_FREE_FBN), 0, FS_BLOCK_SIZE);
	for (uint32_t bucket = 0; bucket < CONVERT_BUCKETS; bucket++)
		memset(file_edit(dir, DIR_INDEX_FBN + 1U + bucket), 0, FS_BLOCK_SIZE);
	for (uint32_t fbn = 0; fbn < n_blocks; fbn++) {
		const uint8_t *bytes = file_edit(dir, fbn);
		struct dir_entry entry;
		for (unsigned unit = 1; dir_block_next(bytes, dir, fbn, unit, &entry) == 0;
		     unit = entry.slot % DIR_UNITS + 1U)
			dir_index_add(dir, dir_hash(dir->vol, entry.name, entry.name_len), entry.slot, false);
		dir_free_set(dir, fbn, dir_block_largest_free(bytes));
	}
	dir_index_set_hint(dir, 0, true);
}

/* Bring index and free table up to date after a slot block was changed. */
static void derived_update(struct inode *dir, const struct dir_plan *plan, const uint8_t *bytes, bool added)
{
	const struct dir_index_head *head = (const struct dir_index_head *)file_edit(dir, DIR_INDEX_FBN);
	uint32_t hint = le32_get(head->free_hint), hash = (uint32_t)plan->word[WORD_HASH];
	bool reuse = le32_get(head->reuse) != 0;
	if (plan->slot_fbn >= le32_get(head->indexed_end))
		return;
	dir_free_set(dir, plan->slot_fbn, dir_block_largest_free(bytes));
	if (!added) {
		dir_index_remove(dir, hash, plan->slot);
		dir_index_set_hint(dir, reuse ? MIN_OF(hint, plan->slot_fbn) : plan->slot_fbn, true);
		return;
	}
	dir_index_add(dir, hash, plan->slot, (plan->word[WORD_FLAGS] & PLAN_SPLIT) != 0);
	if (plan->word[WORD_OLD_HINT] == ((uint64_t)hint << 1 | (reuse ? 1U : 0U)))
		dir_index_set_hint(dir, (uint32_t)(plan->word[WORD_HINT] >> 1), (plan->word[WORD_HINT] & 1U) != 0);
}

void dir_add(struct inode *dir, const struct dir_plan *plan, const char *name, size_t name_len,
             const struct fs_file_id *id, uint8_t type)
{
	uint8_t *bytes = file_edit(dir, plan->slot_fbn);
	uint64_t flags = plan->word[WORD_FLAGS];
	if ((flags & PLAN_APPEND) != 0) {
		vc_assert(plan->slot_fbn == dir_n_blocks(dir));
		dir_block_format(bytes, dir->ino, 0);
		inode_modify(dir)->size_bytes += FS_BLOCK_SIZE;
	}
	dir_block_put(bytes, plan->slot % DIR_UNITS, name, name_len, id, type);
	if ((flags & PLAN_CONVERT) != 0)
		convert(dir);
	else if ((flags & PLAN_INDEXED) != 0)
		derived_update(dir, plan, bytes, true);
}

/* ---- removing, replacing --------------------------------------------------------------------------------------- */

int dir_plan_change(struct fs_run *run, struct inode *dir, const char *name, size_t name_len, struct dir_plan *ret_plan,
                    struct dir_entry *ret_entry)
{
	struct dir_plan plan = { .n_pages = 1 };
	struct dir_index index;
	struct dir_entry entry;
	const uint8_t *bytes;
	int err = dir_check_inode(dir);
	if (err == 0)
		err = find(run, dir, name, name_len, &entry);
	if (err != 0)
		return err;
	plan.slot = entry.slot;
	plan.slot_fbn = entry.slot / DIR_UNITS;
	err = file_need(run, dir, plan.slot_fbn, &bytes);
	if (err == 0)
		err = dir_block_check(bytes, dir, plan.slot_fbn);
	if (err == 0 && dir_is_indexed(dir)) {
		const struct dir_bucket *bucket;
		unsigned ignored;
		uint32_t hash = dir_hash(dir->vol, name, name_len);
		err = dir_index_load(run, dir, &index);
		if (err != 0)
			return err;
		int err2 = dir_index_bucket_need(run, dir, index.n_buckets, dir_index_bucket(index.n_buckets, hash),
		                                 &bucket);
		err = dir_free_get(run, dir, plan.slot_fbn, &ignored);
		err = err2 == -EAGAIN || err == 0 ? err2 : err;
		plan.word[WORD_FLAGS] = PLAN_INDEXED;
		plan.word[WORD_HASH] = hash;
		plan.n_pages = 4;
	}
	if (err != 0)
		return err;
	*ret_plan = plan;
	*ret_entry = entry;
	return 0;
}

int dir_plan_remove(struct fs_run *run, struct inode *dir, const char *name, size_t name_len, struct dir_plan *ret_plan)
{
	struct dir_entry entry;
	return dir_plan_change(run, dir, name, name_len, ret_plan, &entry);
}

static struct dir_entry_disk *entry_in(uint8_t *bytes, const struct dir_plan *plan)
{
	return (struct dir_entry_disk *)(bytes + (size_t)(plan->slot % DIR_UNITS) * DIR_UNIT);
}

void dir_remove(struct inode *dir, const struct dir_plan *plan, const char *name, size_t name_len)
{
	uint8_t *bytes = file_edit(dir, plan->slot_fbn);
	(void)name;
	(void)name_len;
	pathwalk_cut(dir->vol, le32_get(entry_in(bytes, plan)->inode));
	dir_block_clear(bytes, plan->slot % DIR_UNITS);
	if ((plan->word[WORD_FLAGS] & PLAN_INDEXED) != 0)
		derived_update(dir, plan, bytes, false);
}

void dir_set_entry(struct inode *dir, const struct dir_plan *plan, const struct fs_file_id *id, uint8_t type)
{
	struct dir_entry_disk *entry = entry_in(file_edit(dir, plan->slot_fbn), plan);
	pathwalk_cut(dir->vol, le32_get(entry->inode));
	entry->inode = le32_of(id->inode);
	entry->generation = le64_of(id->generation);
	entry->type = type;
}

/* ---- listing --------------------------------------------------------------------------------------------------- */

/* A slot block for reading on: when it is missing, name those after it, too. */
static int next_block_need(struct fs_run *run, struct inode *dir, uint32_t fbn, const uint8_t **ret_bytes)
{
	const uint8_t *ignored;
	int err = slot_block_need(run, dir, fbn, ret_bytes);
	if (err != -EAGAIN)
		return err;
	for (uint32_t ahead = fbn + 1U; ahead < dir_n_blocks(dir) && ahead < fbn + READ_AHEAD; ahead++) {
		if (file_need(run, dir, ahead, &ignored) != -EAGAIN)
			break;
	}
	return -EAGAIN;
}

int dir_next(struct fs_run *run, struct inode *dir, uint32_t *io_slot, struct dir_entry *ret_entry)
{
	struct dir_index index = { .indexed_end = 0 };
	const uint8_t *bytes;
	uint32_t fbn = *io_slot / DIR_UNITS, n_blocks = dir_n_blocks(dir);
	unsigned unit = *io_slot % DIR_UNITS;
	int err = dir_check_inode(dir);
	for (; err == 0 && fbn < n_blocks; fbn++, unit = 0) {
		err = next_block_need(run, dir, fbn, &bytes);
		if (err != 0)
			return err;
		err = dir_block_next(bytes, dir, fbn, unit, ret_entry);
		if (err == 0)
			*io_slot = ret_entry->slot + 1U;
		if (err != -ENOENT)
			return err;
		/* Nothing (more) here: jump over what the free table knows to be empty. */
		err = dir_is_indexed(dir) ? dir_index_load(run, dir, &index) : 0;
		if (err == 0 && fbn + 1U < n_blocks && dir_is_indexed(dir) && dir_index_is_complete(&index)) {
			uint32_t next;
			err = dir_free_skip_empty(run, dir, fbn + 1U, n_blocks, &next);
			fbn = err == 0 ? next - 1U : fbn;
		}
	}
	return err != 0 ? err : -ENOENT;
}

int dir_is_empty(struct fs_run *run, struct inode *dir, bool *ret_empty)
{
	struct dir_index index = { .indexed_end = 0 };
	uint32_t n_blocks = dir_n_blocks(dir), next = 0, slot = 0;
	int err = dir_check_inode(dir);
	if (err == 0 && dir_is_indexed(dir))
		err = dir_index_load(run, dir, &index);
	if (err != 0)
		return err;
	if (dir_index_is_complete(&index)) { /* two witnesses: the count and the free table */
		if (index.n_entries == 0) {
			err = dir_free_skip_empty(run, dir, 0, n_blocks, &next);
			if (err != 0)
				return err;
			if (next != n_blocks)
				return -EUCLEAN;
		}
		*ret_empty = index.n_entries == 0;
		return 0;
	}
	struct dir_entry entry;
	err = dir_next(run, dir, &slot, &entry);
	if (err != 0 && err != -ENOENT)
		return err;
	*ret_empty = err == -ENOENT;
	return 0;
}

/* ---- block 0's head -------------------------------------------------------------------------------------------- */

void dir_init(struct inode *dir, uint32_t parent, struct page *page)
{
	dir_block_format(page->data, dir->ino, parent);
	file_put_page(dir, 0, page);
	inode_modify(dir)->size_bytes = FS_BLOCK_SIZE;
}

int dir_parent(struct fs_run *run, struct inode *dir, uint32_t *ret_parent)
{
	const uint8_t *bytes;
	int err = dir_check_inode(dir);
	if (err != 0)
		return err;
	if (dir_n_blocks(dir) == 0) {
		*ret_parent = 0;
		return 0;
	}
	err = slot_block_need(run, dir, 0, &bytes);
	if (err == 0)
		*ret_parent = le32_get(((const struct dir_block_head *)bytes)->parent);
	return err;
}

void dir_set_parent(struct inode *dir, uint32_t parent)
{
	pathwalk_cut(dir->vol, dir->ino);
	((struct dir_block_head *)file_edit(dir, 0))->parent = le32_of(parent);
}
