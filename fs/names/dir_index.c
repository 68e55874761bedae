/* SPDX-License-Identifier: Apache-2.0 */
/* The hash index of a large directory: linear hashing from names to slots. Derived: everything in it can be made anew
 * from the slots.
 *
 * THEORY. With n buckets, the bucket of a hash is its low bits, as many as n needs. If that bucket does not exist yet,
 * one bit less. Example: n = 6 needs 3 bits; hash ...101 is in bucket 5, hash ...111 would be in bucket 7, so it is in
 * bucket 3 (binary 11).
 * When the mean fill passes a third, the next bucket in line is split, at most one with each addition. So no
 * operation touches more than two buckets. Hashes are keyed: nobody outside can aim at a bucket. If a bucket
 * overflows all the same, it is marked, and its names are found by scanning. REFERENCES Litwin, Linear Hashing, VLDB
 * 1980. */
#include "base/bytes.h"
#include "base/page.h"
#include "base/siphash.h"
#include "fs/core/core.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/dirformat.h"
#include "fs/names/dir.h"
#include "fs/names/dir_private.h"

uint32_t dir_hash(const struct fs_volume *vol, const char *name, size_t name_len)
{
	struct siphash_key volume_key, key;
	memcpy(volume_key.b, vol->handle_key, sizeof volume_key.b);
	siphash128(&volume_key, "directory index", 15, key.b); /* not the key of the handles' MAC itself */
	return (uint32_t)siphash64(&key, name, name_len);
}

/* Largest power of two <= n. */
static uint32_t power_below(uint32_t n)
{
	return 1U << (31 - __builtin_clz(n));
}

uint32_t dir_index_bucket(uint32_t n_buckets, uint32_t hash)
{
	uint32_t low = power_below(n_buckets), bucket = hash & (low * 2U - 1U);
	return bucket < n_buckets ? bucket : hash & (low - 1U);
}

static uint32_t bucket_fbn(uint32_t bucket)
{
	return DIR_INDEX_FBN + 1U + bucket;
}

int dir_index_load(struct fs_run *run, struct inode *dir, struct dir_index *ret_index)
{
	const uint8_t *bytes;
	int err = file_need(run, dir, DIR_INDEX_FBN, &bytes);
	if (err != 0)
		return err;
	const struct dir_index_head *head = (const struct dir_index_head *)bytes;
	uint32_t n_buckets = le32_get(head->n_buckets), reuse = le32_get(head->reuse),
	         indexed_end = le32_get(head->indexed_end);
	if (le32_get(head->magic) != DIR_INDEX_MAGIC || le32_get(head->owner) != dir->ino ||
	    le32_get(head->reserved) != 0)
		return -EUCLEAN;
	if (n_buckets == 0 || n_buckets > DIR_BUCKETS_MAX || reuse > 1 || le32_get(head->free_hint) > DIR_BLOCKS_MAX)
		return -EUCLEAN;
	if (indexed_end != DIR_INDEXED_ALL && indexed_end > dir_n_blocks(dir))
		return -EUCLEAN;
	*ret_index = (struct dir_index){ n_buckets, le32_get(head->n_entries), indexed_end, le32_get(head->free_hint),
		                         reuse != 0 };
	return 0;
}

int dir_index_bucket_need(struct fs_run *run, struct inode *dir, uint32_t n_buckets, uint32_t bucket,
                          const struct dir_bucket **ret_bucket)
{
	const uint8_t *bytes;
	int err = file_need(run, dir, bucket_fbn(bucket), &bytes);
	if (err != 0)
		return err;
	const struct dir_bucket *b = (const struct dir_bucket *)bytes;
	*ret_bucket = b;
	if (bucket >= n_buckets) /* about to be made: what it holds does not matter */
		return 0;
	if (le32_get(b->magic) == 0 && le32_get(b->owner) == 0 && le16_get(b->n) == 0 && le16_get(b->flags) == 0)
		return 0;
	if (le32_get(b->magic) != DIR_BUCKET_MAGIC || le32_get(b->owner) != dir->ino || le32_get(b->bucket) != bucket)
		return -EUCLEAN;
	return le16_get(b->n) > DIR_BUCKET_PAIRS || le16_get(b->flags) > DIR_BUCKET_SCAN ? -EUCLEAN : 0;
}

/* The name may be at `slot`. -ENOENT: it is another with the same hash. */
static int slot_match(struct fs_run *run, struct inode *dir, uint32_t slot, const char *name, size_t name_len,
                      struct dir_entry *ret_entry)
{
	uint32_t fbn = slot / DIR_UNITS;
	const uint8_t *bytes;
	if (fbn >= dir_n_blocks(dir))
		return -EUCLEAN;
	int err = file_need(run, dir, fbn, &bytes);
	if (err == 0)
		err = dir_block_check_head(bytes, dir, fbn);
	if (err != 0)
		return err;
	err = dir_block_entry(bytes, dir, fbn, slot % DIR_UNITS, ret_entry);
	if (err != 0)
		return err == -ENOENT ? -EUCLEAN : err;
	return ret_entry->name_len == name_len && memcmp(ret_entry->name, name, name_len) == 0 ? 0 : -ENOENT;
}

int dir_index_find(struct fs_run *run, struct inode *dir, const struct dir_index *index, const char *name,
                   size_t name_len, struct dir_entry *ret_entry)
{
	uint32_t hash = dir_hash(dir->vol, name, name_len);
	const struct dir_bucket *bucket;
	int err = dir_index_bucket_need(run, dir, index->n_buckets, dir_index_bucket(index->n_buckets, hash), &bucket);
	bool again = false;
	if (err != 0)
		return err;
	for (unsigned i = 0; i < le16_get(bucket->n); i++) {
		if (le32_get(bucket->pairs[i].hash) != hash)
			continue;
		err = slot_match(run, dir, le32_get(bucket->pairs[i].slot), name, name_len, ret_entry);
		again |= err == -EAGAIN;
		if (err != -ENOENT && err != -EAGAIN)
			return again && err == 0 ? -EAGAIN : err;
	}
	if (again)
		return -EAGAIN;
	return (le16_get(bucket->flags) & DIR_BUCKET_SCAN) != 0 ? -EXFULL : -ENOENT;
}

int dir_index_plan_add(struct fs_run *run, struct inode *dir, const struct dir_index *index, uint32_t hash,
                       bool *ret_split, uint32_t *io_pages)
{
	const struct dir_bucket *ignored;
	uint32_t n = index->n_buckets;
	int err = dir_index_bucket_need(run, dir, n, dir_index_bucket(n, hash), &ignored), err2 = 0, err3 = 0;
	bool split = (uint64_t)index->n_entries + 1U > (uint64_t)n * DIR_BUCKET_FILL && n < DIR_BUCKETS_MAX;
	if (split) {
		err2 = dir_index_bucket_need(run, dir, n, n - power_below(n), &ignored);
		err3 = dir_index_bucket_need(run, dir, n, n, &ignored);
	}
	if (err == -EAGAIN || err2 == -EAGAIN || err3 == -EAGAIN)
		return -EAGAIN;
	*io_pages += split ? 4U : 2U;
	*ret_split = split;
	return err != 0 ? err : err2 != 0 ? err2 : err3;
}

static struct dir_index_head *head_edit(struct inode *dir)
{
	return (struct dir_index_head *)file_edit(dir, DIR_INDEX_FBN);
}

static void bucket_format(struct inode *dir, struct dir_bucket *b, uint32_t bucket, unsigned flags)
{
	memset(b, 0, sizeof *b);
	b->magic = le32_of(DIR_BUCKET_MAGIC);
	b->owner = le32_of(dir->ino);
	b->bucket = le32_of(bucket);
	b->flags = le16_of((uint16_t)flags);
}

static struct dir_bucket *bucket_edit(struct inode *dir, uint32_t bucket)
{
	struct dir_bucket *b = (struct dir_bucket *)file_edit(dir, bucket_fbn(bucket));
	if (le32_get(b->magic) == 0)
		bucket_format(dir, b, bucket, 0);
	return b;
}

static void bucket_insert(struct dir_bucket *b, struct dir_pair pair)
{
	unsigned n = le16_get(b->n);
	if (n == DIR_BUCKET_PAIRS) {
		b->flags = le16_of(DIR_BUCKET_SCAN);
		return;
	}
	b->pairs[n] = pair;
	b->n = le16_of((uint16_t)(n + 1U));
}

static void bucket_split(struct inode *dir, struct dir_index_head *head)
{
	uint32_t n_buckets = le32_get(head->n_buckets), source = n_buckets - power_below(n_buckets);
	struct dir_bucket *from = bucket_edit(dir, source),
	                  *to = (struct dir_bucket *)file_edit(dir, bucket_fbn(n_buckets));
	unsigned n = le16_get(from->n), n_stay = 0;
	bucket_format(dir, to, n_buckets, le16_get(from->flags));
	for (unsigned i = 0; i < n; i++) {
		struct dir_pair pair = from->pairs[i];
		if (dir_index_bucket(n_buckets + 1U, le32_get(pair.hash)) == source)
			from->pairs[n_stay++] = pair;
		else
			bucket_insert(to, pair);
	}
	memset(&from->pairs[n_stay], 0, (n - n_stay) * sizeof from->pairs[0]);
	from->n = le16_of((uint16_t)n_stay);
	head->n_buckets = le32_of(n_buckets + 1U);
}

void dir_index_add(struct inode *dir, uint32_t hash, uint32_t slot, bool split)
{
	struct dir_index_head *head = head_edit(dir);
	head->n_entries = le32_of(le32_get(head->n_entries) + 1U);
	bucket_insert(bucket_edit(dir, dir_index_bucket(le32_get(head->n_buckets), hash)),
	              (struct dir_pair){ le32_of(hash), le32_of(slot) });
	if (split)
		bucket_split(dir, head);
}

void dir_index_remove(struct inode *dir, uint32_t hash, uint32_t slot)
{
	struct dir_index_head *head = head_edit(dir);
	struct dir_bucket *b = bucket_edit(dir, dir_index_bucket(le32_get(head->n_buckets), hash));
	unsigned n = le16_get(b->n);
	head->n_entries = le32_of(le32_get(head->n_entries) - 1U);
	for (unsigned i = 0; i < n; i++) {
		if (le32_get(b->pairs[i].slot) != slot)
			continue;
		b->pairs[i] = b->pairs[n - 1U];
		b->pairs[n - 1U] = (struct dir_pair){ 0 };
		b->n = le16_of((uint16_t)(n - 1U));
		return;
	}
}

void dir_index_format(struct inode *dir, uint32_t n_buckets, uint32_t indexed_end)
{
	struct dir_index_head *head = head_edit(dir);
	memset(head, 0, PAGE_SIZE);
	head->magic = le32_of(DIR_INDEX_MAGIC);
	head->owner = le32_of(dir->ino);
	head->n_buckets = le32_of(n_buckets);
	head->indexed_end = le32_of(indexed_end);
}

void dir_index_set_hint(struct inode *dir, uint32_t free_hint, bool reuse)
{
	struct dir_index_head *head = head_edit(dir);
	head->free_hint = le32_of(free_hint);
	head->reuse = le32_of(reuse ? 1U : 0U);
}
