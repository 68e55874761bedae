/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a directory and making its derived parts anew, one block a step.
 *
 * THEORY. Phase 0 shows every slot block to be sound, and every entry to be in the index once, with its name not taken
 * by another slot (two equal names have one hash, hence one bucket). Phase 1 sums the buckets: as many pairs as
 * entries, each in the bucket it belongs to. So index and slots are a bijection, in time linear in the entries. */
#include "base/bytes.h"
#include "base/list.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/dirformat.h"
#include "fs/format/fsformat.h"
#include "fs/names/dir.h"
#include "fs/names/dir_private.h"

enum { PHASE_SLOTS, PHASE_BUCKETS, PHASE_DONE };

static void fault(struct dir_verify *state, const char *text)
{
	if (state->fault != NULL)
		state->fault(state->arg, text, false);
}

/* DIR3: what is derived from the slots can be made anew. */
static void fault_derived(struct dir_verify *state, const char *text)
{
	if (state->fault != NULL)
		state->fault(state->arg, text, true);
}

/* DIR1: is another slot using this name? Small directories: compare with every later entry. */
static int verify_unique_small(struct fs_run *run, struct inode *dir, struct dir_verify *state,
                               const struct dir_entry *entry)
{
	struct dir_entry other;
	uint32_t slot = entry->slot + 1U;
	int err = dir_next(run, dir, &slot, &other);
	for (; err == 0; err = dir_next(run, dir, &slot, &other)) {
		if (other.name_len == entry->name_len && memcmp(other.name, entry->name, entry->name_len) == 0)
			fault(state, "a name stands in two slots");
	}
	return err == -ENOENT || err == -EUCLEAN ? 0 : err; /* a bad block is reported when its turn comes */
}

/* DIR1, DIR2: the same by the index, where the entry itself must be, too. */
static int verify_indexed(struct fs_run *run, struct inode *dir, struct dir_verify *state,
                          const struct dir_index *index, const struct dir_entry *entry)
{
	const struct dir_bucket *bucket;
	struct dir_entry other;
	const uint8_t *bytes;
	uint32_t hash = dir_hash(dir->vol, entry->name, entry->name_len);
	unsigned n_own = 0, n_same = 0;
	int err = dir_index_bucket_need(run, dir, index->n_buckets, dir_index_bucket(index->n_buckets, hash), &bucket);
	if (err != 0)
		return err == -EUCLEAN ? 0 : err;
	for (unsigned i = 0; i < le16_get(bucket->n); i++) {
		uint32_t slot = le32_get(bucket->pairs[i].slot), fbn = slot / DIR_UNITS;
		if (le32_get(bucket->pairs[i].hash) != hash || slot == entry->slot) {
			n_own += slot == entry->slot && le32_get(bucket->pairs[i].hash) == hash;
			continue;
		}
		err = fbn < dir_n_blocks(dir) ? file_need(run, dir, fbn, &bytes) : -EUCLEAN;
		if (err == 0)
			err = dir_block_check_head(bytes, dir, fbn);
		if (err == 0)
			err = dir_block_entry(bytes, dir, fbn, slot % DIR_UNITS, &other);
		if (err == -EAGAIN || err == -EIO)
			return err;
		n_same += err == 0 && other.name_len == entry->name_len &&
		          memcmp(other.name, entry->name, entry->name_len) == 0;
	}
	if (n_same != 0)
		fault(state, "a name stands in two slots");
	if (n_own != 1 && (le16_get(bucket->flags) & DIR_BUCKET_SCAN) == 0)
		fault_derived(state, "an entry is not in the index exactly once");
	return 0;
}

/* Everything the entries of this block need to be looked at, named beforehand: faults must not be told twice. */
static int verify_block_entries(struct fs_run *run, struct inode *dir, struct dir_verify *state,
                                const struct dir_index *index, const uint8_t *bytes)
{
	struct dir_verify quiet = { 0 };
	struct dir_entry entry;
	bool again = false;
	for (int pass = 0; pass < 2; pass++) {
		struct dir_verify *who = pass == 0 ? &quiet : state;
		for (unsigned unit = 1; dir_block_next(bytes, dir, state->next, unit, &entry) == 0;
		     unit = entry.slot % DIR_UNITS + 1U) {
			int err = index != NULL ? verify_indexed(run, dir, who, index, &entry)
			                        : verify_unique_small(run, dir, who, &entry);
			again |= err == -EAGAIN;
			if (err != 0 && err != -EAGAIN)
				return err;
			if (pass == 1 && state->visit != NULL)
				state->visit(state->arg, &entry);
			state->n_entries += pass == 1;
		}
		if (again)
			return -EAGAIN;
	}
	return 0;
}

static int verify_slot_block(struct fs_run *run, struct inode *dir, struct dir_verify *state,
                             const struct dir_index *index)
{
	const uint8_t *bytes;
	unsigned largest = 0;
	int err = file_need(run, dir, state->next, &bytes), err2 = 0;
	if (index != NULL)
		err2 = dir_free_get(run, dir, state->next, &largest);
	if (err == -EAGAIN || err2 == -EAGAIN)
		return -EAGAIN;
	if (err != 0 && err != -EUCLEAN)
		return err;
	if (err != 0 || dir_block_check(bytes, dir, state->next) != 0) {
		fault(state, "a slot block is damaged");
		return 0;
	}
	err = verify_block_entries(run, dir, state, index, bytes);
	if (err == 0 && index != NULL && (err2 != 0 || largest != dir_block_largest_free(bytes)))
		fault_derived(state, "the free table is wrong about a slot block");
	return err;
}

static int verify_bucket(struct fs_run *run, struct inode *dir, struct dir_verify *state, const struct dir_index *index)
{
	const struct dir_bucket *bucket;
	int err = dir_index_bucket_need(run, dir, index->n_buckets, state->next, &bucket);
	if (err == -EUCLEAN) {
		fault_derived(state, "a bucket of the index is damaged");
		state->index_bad = true;
		return 0;
	}
	if (err != 0)
		return err;
	for (unsigned i = 0; i < le16_get(bucket->n); i++) {
		if (dir_index_bucket(index->n_buckets, le32_get(bucket->pairs[i].hash)) != state->next)
			fault_derived(state, "a name is in the wrong bucket");
	}
	state->n_pairs += le16_get(bucket->n);
	state->index_bad |= (le16_get(bucket->flags) & DIR_BUCKET_SCAN) != 0;
	return 0;
}

/* The index to compare with: NULL in *ret when there is none, or it is being rebuilt, or cannot be read. */
static int verify_index_load(struct fs_run *run, struct inode *dir, struct dir_verify *state, struct dir_index *index,
                             const struct dir_index **ret)
{
	*ret = NULL;
	if (!dir_is_indexed(dir))
		return 0;
	int err = dir_index_load(run, dir, index);
	if (err == -EUCLEAN && state->phase == PHASE_SLOTS && state->next == 0)
		fault_derived(state, "the head of the index is damaged");
	if (err == 0 && dir_index_is_complete(index))
		*ret = index;
	return err == -EUCLEAN ? 0 : err;
}

int dir_verify_step(struct fs_run *run, struct inode *dir, struct dir_verify *state)
{
	struct dir_index index_storage;
	const struct dir_index *index;
	int err = dir_check_inode(dir);
	if (err != 0) {
		fault(state, "not a directory, or its size is impossible");
		state->done = true;
		return 0;
	}
	err = verify_index_load(run, dir, state, &index_storage, &index);
	if (err != 0)
		return err;
	if (state->phase == PHASE_SLOTS && state->next < dir_n_blocks(dir)) {
		err = verify_slot_block(run, dir, state, index);
	} else if (state->phase == PHASE_BUCKETS && index != NULL && state->next < index->n_buckets) {
		err = verify_bucket(run, dir, state, index);
	} else {
		if (state->phase == PHASE_BUCKETS && index != NULL && index->n_entries != state->n_entries)
			fault_derived(state, "the index counts another number of entries");
		if (state->phase == PHASE_BUCKETS && index != NULL && !state->index_bad &&
		    state->n_pairs != state->n_entries)
			fault_derived(state, "the index names entries that are not there");
		state->phase++;
		state->next = 0;
		state->done = state->phase == PHASE_DONE;
		return 0;
	}
	state->next += err == 0;
	return err;
}

/* ---- rebuilding ------------------------------------------------------------------------------------------------ */

static int rebuild_start(struct fs_run *run, struct inode *dir)
{
	const uint8_t *bytes;
	int err = file_need(run, dir, DIR_INDEX_FBN, &bytes);
	if (err == 0)
		err = run_reserve(run, 1);
	if (err != 0)
		return err;
	uint32_t n_buckets = MIN_OF(MAX_OF(8U, (uint32_t)((uint64_t)dir_n_blocks(dir) * 64U / DIR_BUCKET_FILL)),
	                            DIR_BUCKETS_MAX);
	file_punch(dir, DIR_INDEX_FBN + 1U, FBN_MAX);
	dir_index_format(dir, n_buckets, 0);
	return 0;
}

/* Index the entries of slot block `fbn`, the first that is not. */
static int rebuild_block(struct fs_run *run, struct inode *dir, struct dir_index *index, uint32_t fbn)
{
	const uint8_t *bytes;
	const struct dir_bucket *bucket;
	struct dir_entry entry;
	unsigned ignored;
	int err = file_need(run, dir, fbn, &bytes), err2 = dir_free_get(run, dir, fbn, &ignored);
	if (err != 0 || err2 != 0)
		return err == -EAGAIN || err2 == 0 ? err : err2;
	err = dir_block_check(bytes, dir, fbn);
	bool again = false;
	for (unsigned unit = 1; err == 0 && dir_block_next(bytes, dir, fbn, unit, &entry) == 0;
	     unit = entry.slot % DIR_UNITS + 1U) {
		uint32_t hash = dir_hash(dir->vol, entry.name, entry.name_len);
		err2 = dir_index_bucket_need(run, dir, index->n_buckets, dir_index_bucket(index->n_buckets, hash),
		                             &bucket);
		again |= err2 == -EAGAIN;
		err = err2 == -EAGAIN ? 0 : err2;
	}
	if (err == 0)
		err = again ? -EAGAIN : run_reserve(run, DIR_REBUILD_PAGES);
	if (err != 0)
		return err;
	for (unsigned unit = 1; dir_block_next(bytes, dir, fbn, unit, &entry) == 0; unit = entry.slot % DIR_UNITS + 1U)
		dir_index_add(dir, dir_hash(dir->vol, entry.name, entry.name_len), entry.slot, false);
	dir_free_set(dir, fbn, dir_block_largest_free(bytes));
	struct dir_index_head *head = (struct dir_index_head *)file_edit(dir, DIR_INDEX_FBN);
	head->indexed_end = le32_of(fbn + 1U == dir_n_blocks(dir) ? DIR_INDEXED_ALL : fbn + 1U);
	return 0;
}

int dir_rebuild_index(struct fs_run *run, struct inode *dir, uint32_t *io_fbn)
{
	struct dir_index index;
	int err = dir_check_inode(dir);
	if (err != 0)
		return err;
	if (!dir_is_indexed(dir)) {
		*io_fbn = DIR_INDEXED_ALL;
		return 0;
	}
	if (*io_fbn == 0) {
		err = rebuild_start(run, dir);
		*io_fbn = err == 0 ? 1U : 0U;
		return err;
	}
	err = dir_index_load(run, dir, &index);
	if (err == 0 && !dir_index_is_complete(&index))
		err = rebuild_block(run, dir, &index, index.indexed_end);
	if (err == 0)
		err = dir_index_load(run, dir, &index);
	if (err == 0 && dir_index_is_complete(&index)) {
		dir_index_set_hint(dir, 0, true);
		*io_fbn = DIR_INDEXED_ALL;
	}
	return err;
}
