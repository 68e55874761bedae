/* SPDX-License-Identifier: Apache-2.0 */
/* Directories against a model: names of every length, misses at random, listings while things change, index and free
 * table. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#include "fs/file/run.h"
#include "fs/log/nvlog.h"
#include "fs/names/dir.h"
#include "fs/names/dir_private.h"
#include "tests/support/ramfile.h"

/* One directory operation as a run. */
struct dir_op {
	enum { ADD, REMOVE, LOOKUP, NEXT, EMPTY, VERIFY, REBUILD } what;
	struct inode *dir;
	const char *name;
	size_t name_len;
	struct fs_file_id id;
	uint8_t type;
	uint32_t slot;
	struct dir_entry entry;
	char entry_name[256];
	bool empty;
	struct dir_verify verify;
};

static int dir_op_step(struct fs_run *run)
{
	struct dir_op *op = run->arg;
	struct dir_plan plan;
	uint32_t slot = op->slot;
	int err;
	switch (op->what) {
	case ADD:
		err = dir_plan_add(run, op->dir, op->name, op->name_len, &plan);
		if (err == 0)
			err = run_reserve(run, plan.n_pages);
		if (err == 0)
			dir_add(op->dir, &plan, op->name, op->name_len, &op->id, op->type);
		return err;
	case REMOVE:
		err = dir_plan_remove(run, op->dir, op->name, op->name_len, &plan);
		if (err == 0)
			err = run_reserve(run, plan.n_pages);
		if (err == 0)
			dir_remove(op->dir, &plan, op->name, op->name_len);
		return err;
	case LOOKUP: return dir_lookup(run, op->dir, op->name, op->name_len, &op->id, &op->type);
	case NEXT:
		err = dir_next(run, op->dir, &slot, &op->entry);
		if (err == 0) {
			op->slot = slot;
			memcpy(op->entry_name, op->entry.name, op->entry.name_len);
		}
		return err;
	case EMPTY: return dir_is_empty(run, op->dir, &op->empty);
	case VERIFY: return dir_verify_step(run, op->dir, &op->verify);
	case REBUILD: return dir_rebuild_index(run, op->dir, &op->slot);
	}
	return -EINVAL;
}

static int add(struct ram *ram, struct inode *dir, const char *name, size_t name_len, uint32_t ino)
{
	struct dir_op op = { .what = ADD,
		             .dir = dir,
		             .name = name,
		             .name_len = name_len,
		             .id = { 0, ino, ino * 3ULL },
		             .type = FS_TYPE_REG };
	return ram_run(ram, dir_op_step, &op);
}

static int del(struct ram *ram, struct inode *dir, const char *name, size_t name_len)
{
	struct dir_op op = { .what = REMOVE, .dir = dir, .name = name, .name_len = name_len };
	return ram_run(ram, dir_op_step, &op);
}

static int lookup(struct ram *ram, struct inode *dir, const char *name, size_t name_len, struct fs_file_id *ret_id)
{
	struct dir_op op = { .what = LOOKUP, .dir = dir, .name = name, .name_len = name_len };
	int err = ram_run(ram, dir_op_step, &op);
	*ret_id = op.id;
	return err;
}

static bool is_empty(struct ram *ram, struct inode *dir)
{
	struct dir_op op = { .what = EMPTY, .dir = dir };
	assert_int_equal(ram_run(ram, dir_op_step, &op), 0);
	return op.empty;
}

struct faults {
	unsigned n_faults, n_entries;
	const char *last;
};
static void count_fault(void *arg, const char *text, bool derived)
{
	(void)derived;
	struct faults *f = arg;
	f->n_faults++;
	f->last = text;
}
static void count_entry(void *arg, const struct dir_entry *entry)
{
	(void)entry;
	((struct faults *)arg)->n_entries++;
}

/* Number of faults, or -1 after an error. */
static int verify(struct ram *ram, struct inode *dir, struct faults *faults)
{
	struct dir_op op = { .what = VERIFY,
		             .dir = dir,
		             .verify = { .fault = count_fault, .visit = count_entry, .arg = faults } };
	*faults = (struct faults){ 0 };
	while (!op.verify.done) {
		if (ram_run(ram, dir_op_step, &op) != 0)
			return -1;
	}
	return (int)faults->n_faults;
}

static void verify_clean(struct ram *ram, struct inode *dir, unsigned n_entries)
{
	struct faults faults;
	int n = verify(ram, dir, &faults);
	if (n != 0)
		print_error("verify: %s\n", faults.last);
	assert_int_equal(n, 0);
	assert_int_equal(faults.n_entries, n_entries);
}

/* ---- the model: name number i is present or not ---- */

#define MODEL_MAX 6000U
struct model {
	bool present[MODEL_MAX];
	unsigned n;
	uint32_t slot[MODEL_MAX];
};

static size_t model_name(unsigned i, char *name)
{
	size_t len = 1U + i * 7919U % 255U;
	char digits[8];
	int n = snprintf(digits, sizeof digits, "%u", i);
	len = MAX_OF(len, (size_t)n);
	for (size_t k = 0; k < len; k++)
		name[k] = (char)(0x80U + (i + k * 5U) % 100U);
	memcpy(name, digits, (size_t)n);
	return len;
}

static void model_check_listing(struct ram *ram, struct inode *dir, struct model *model)
{
	struct dir_op op = { .what = NEXT, .dir = dir };
	unsigned n = 0;
	for (; ram_run(ram, dir_op_step, &op) == 0; n++) {
		char name[256];
		uint32_t i = op.entry.id.inode - 1000U;
		assert_true(i < MODEL_MAX && model->present[i]);
		assert_int_equal(op.entry.name_len, model_name(i, name));
		assert_memory_equal(op.entry_name, name, op.entry.name_len);
		assert_true(model->slot[i] == 0 || model->slot[i] == op.entry.slot); /* slots never move */
		model->slot[i] = op.entry.slot;
	}
	assert_int_equal(n, model->n);
}

static void model_step(struct ram *ram, struct inode *dir, struct model *model, unsigned n_names, unsigned add_percent)
{
	unsigned i = ram_random(ram, n_names);
	char name[256];
	size_t len = model_name(i, name);
	struct fs_file_id id;
	if (ram_random(ram, 100) < 20) {
		assert_int_equal(lookup(ram, dir, name, len, &id), model->present[i] ? 0 : -ENOENT);
		if (model->present[i]) {
			assert_int_equal(id.inode, 1000U + i);
			assert_int_equal(id.generation, (1000U + i) * 3ULL);
		}
	} else if (ram_random(ram, 100) < add_percent) {
		assert_int_equal(add(ram, dir, name, len, 1000U + i), model->present[i] ? -EEXIST : 0);
		model->n += !model->present[i];
		model->present[i] = true;
	} else {
		assert_int_equal(del(ram, dir, name, len), model->present[i] ? 0 : -ENOENT);
		model->n -= model->present[i];
		model->present[i] = false;
		model->slot[i] = 0;
	}
}

static void run_model(uint64_t seed, unsigned miss_percent, unsigned n_names, unsigned n_ops)
{
	struct ram *ram = ram_new(seed, miss_percent);
	struct inode *dir = ram_inode(ram, 0, FS_INO_ROOT);
	struct model *model = calloc(1, sizeof *model);
	for (unsigned k = 0; k < n_ops; k++) {
		unsigned phase = k * 6U / n_ops; /* grow, churn, shrink, grow, churn, empty */
		model_step(ram, dir, model, n_names, (unsigned[]){ 90, 50, 10, 80, 50, 2 }[phase]);
		if (k % (n_ops / 6U) == n_ops / 6U - 1U) {
			model_check_listing(ram, dir, model);
			verify_clean(ram, dir, model->n);
			assert_int_equal(is_empty(ram, dir), model->n == 0);
		}
	}
	for (unsigned i = 0; i < n_names; i++) {
		char name[256];
		assert_int_equal(del(ram, dir, name, model_name(i, name)), model->present[i] ? 0 : -ENOENT);
	}
	assert_true(is_empty(ram, dir));
	verify_clean(ram, dir, 0);
	free(model);
	ram_free(ram);
}

static void dir_behaves_like_a_set_of_names_when_small(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 10; seed++)
		run_model(seed, 30, 60, 1200);
}

static void dir_behaves_like_a_set_of_names_when_indexed(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++)
		run_model(seed, 25, MODEL_MAX, 40000);
	run_model(77, 0, MODEL_MAX, 60000);
}

static void dir_refuses_an_inode_that_is_no_directory(void **state)
{
	struct ram *ram = ram_new(1, 0);
	struct inode *file = ram_inode_add(ram, 70, &(struct inode_attr){ .type = FS_TYPE_REG, .nlink = 1 });
	struct fs_file_id id;
	(void)state;
	assert_int_equal(lookup(ram, file, "a", 1, &id), -ENOTDIR);
	assert_int_equal(add(ram, file, "a", 1, 71), -ENOTDIR);
	assert_int_equal(del(ram, file, "a", 1), -ENOTDIR);
	ram_free(ram);
}

/* ---- growth ---- */

static void dir_touches_as_many_blocks_at_200000_entries_as_at_2000(void **state)
{
	const unsigned n_max = 200000;
	struct ram *ram = ram_new(5, 0);
	struct inode *dir = ram_inode(ram, 0, FS_INO_ROOT);
	unsigned worst_needed = 0, worst_edited = 0;
	uint64_t sum = 0;
	struct fs_file_id id;
	char name[80];
	(void)state;
	for (unsigned i = 0; i < n_max; i++) {
		size_t len = (size_t)snprintf(name, sizeof name,
		                              "a-longer-name-so-that-the-free-table-has-two-blocks-%08u.dat", i);
		assert_int_equal(add(ram, dir, name, len, 100 + i), 0);
		if (i > 2000) {
			worst_needed = MAX_OF(worst_needed, ram->n_blocks_needed);
			worst_edited = MAX_OF(worst_edited, ram->n_blocks_edited);
			sum += ram->n_blocks_needed;
		}
		if (i > 2000 && i % 97 == 0) {
			assert_int_equal(lookup(ram, dir, name, len, &id), 0);
			assert_true(ram->n_blocks_needed <= 5);
			assert_int_equal(lookup(ram, dir, "missing", 7, &id), -ENOENT);
			assert_true(ram->n_blocks_needed <= 4);
		}
	}
	assert_true(worst_needed <= 9); /* two of them for the split of a bucket */
	assert_true(worst_edited <= 6);
	assert_true(sum < 6ULL * n_max);
	verify_clean(ram, dir, n_max);
	for (unsigned i = 0; i < n_max; i += 2) {
		size_t len = (size_t)snprintf(name, sizeof name,
		                              "a-longer-name-so-that-the-free-table-has-two-blocks-%08u.dat", i);
		assert_int_equal(del(ram, dir, name, len), 0);
		assert_true(ram->n_blocks_needed <= 5 && ram->n_blocks_edited <= 4); /* 5: two names of one hash */
	}
	uint64_t size = dir->attr.size_bytes;
	assert_true(size / FS_BLOCK_SIZE > DIR_FREE_PER_BLOCK);
	for (unsigned i = 0; i < n_max; i += 2) { /* the holes are used again */
		size_t len = (size_t)snprintf(name, sizeof name,
		                              "b-longer-name-so-that-the-free-table-has-two-blocks-%08u.dat", i);
		assert_int_equal(add(ram, dir, name, len, 100 + i), 0);
		assert_true(ram->n_blocks_needed <= 9);
	}
	assert_int_equal(dir->attr.size_bytes, size);
	verify_clean(ram, dir, n_max);
	ram_free(ram);
}

/* ---- listing ---- */

static void dir_lists_every_lasting_entry_once_while_others_come_and_go(void **state)
{
	struct ram *ram = ram_new(9, 20);
	struct inode *dir = ram_inode(ram, 0, FS_INO_ROOT);
	static unsigned seen[3000];
	struct dir_op op = { .what = NEXT, .dir = dir };
	char name[64];
	(void)state;
	for (unsigned i = 0; i < 3000; i++)
		assert_int_equal(add(ram, dir, name,
		                     (size_t)snprintf(name, sizeof name, "%s-%u", i % 2 ? "stay" : "go", i), 100 + i),
		                 0);
	for (unsigned turn = 0; ram_run(ram, dir_op_step, &op) == 0; turn++) {
		unsigned i = op.entry.id.inode - 100U;
		if (i < 3000)
			seen[i]++;
		if (turn < 1500) {
			assert_int_equal(del(ram, dir, name, (size_t)snprintf(name, sizeof name, "go-%u", turn * 2U)),
			                 0);
			assert_int_equal(
			    add(ram, dir, name, (size_t)snprintf(name, sizeof name, "new-%u", turn), 10000 + turn), 0);
		}
		assert_true(turn < 10000);
	}
	for (unsigned i = 1; i < 3000; i += 2)
		assert_int_equal(seen[i], 1);
	op.slot = UINT32_MAX;
	assert_int_equal(ram_run(ram, dir_op_step, &op), -ENOENT);
	ram_free(ram);
}

static void dir_lists_an_emptied_large_directory_in_few_reads(void **state)
{
	struct ram *ram = ram_new(9, 0);
	struct inode *dir = ram_inode(ram, 0, FS_INO_ROOT);
	struct dir_op op = { .what = NEXT, .dir = dir };
	char name[64];
	(void)state;
	for (unsigned i = 0; i < 20000; i++)
		assert_int_equal(
		    add(ram, dir, name, (size_t)snprintf(name, sizeof name, "some-longer-name-%u", i), 100 + i), 0);
	for (unsigned i = 0; i < 19999; i++)
		assert_int_equal(del(ram, dir, name, (size_t)snprintf(name, sizeof name, "some-longer-name-%u", i)), 0);
	assert_int_equal(ram_run(ram, dir_op_step, &op), 0);
	assert_int_equal(op.entry.id.inode, 100 + 19999);
	assert_true(ram->n_blocks_needed <= 5);
	assert_false(is_empty(ram, dir));
	assert_int_equal(del(ram, dir, name, (size_t)snprintf(name, sizeof name, "some-longer-name-19999")), 0);
	assert_true(is_empty(ram, dir));
	assert_true(ram->n_blocks_needed <= 3);
	ram_free(ram);
}

/* ---- rebuilding ---- */

static void dir_answers_right_while_its_index_is_rebuilt_and_after(void **state)
{
	struct ram *ram = ram_new(31, 10);
	struct inode *dir = ram_inode(ram, 0, FS_INO_ROOT);
	struct model *model = calloc(1, sizeof *model);
	struct dir_op op = { .what = REBUILD, .dir = dir };
	(void)state;
	for (unsigned k = 0; k < 5000; k++)
		model_step(ram, dir, model, 2000, 90);
	verify_clean(ram, dir, model->n);
	for (unsigned i = 0; i < 4; i++) { /* the old index is rubbish */
		uint8_t *bytes = ram_block(dir, DIR_INDEX_FBN + i);
		memset(bytes, 0x5A, PAGE_SIZE);
	}
	do {
		assert_int_equal(ram_run(ram, dir_op_step, &op), 0);
		for (unsigned k = 0; k < 20; k++)
			model_step(ram, dir, model, 2000, 50);
	} while (op.slot != DIR_INDEXED_ALL);
	verify_clean(ram, dir, model->n);
	model_check_listing(ram, dir, model);
	for (unsigned k = 0; k < 3000; k++)
		model_step(ram, dir, model, 2000, 50);
	verify_clean(ram, dir, model->n);
	free(model);
	ram_free(ram);
}

static void dir_finds_names_of_a_bucket_that_overflowed(void **state)
{
	struct ram *ram = ram_new(31, 5);
	struct inode *dir = ram_inode(ram, 0, FS_INO_ROOT);
	struct model *model = calloc(1, sizeof *model);
	(void)state;
	for (unsigned k = 0; k < 4000; k++)
		model_step(ram, dir, model, 1500, 95);
	struct dir_index_head *head = (struct dir_index_head *)ram_block(dir, DIR_INDEX_FBN);
	for (uint32_t b = 0; b < le32_get(head->n_buckets); b++) { /* as if half of every bucket had not fitted */
		struct dir_bucket *bucket = (struct dir_bucket *)ram_block(dir, DIR_INDEX_FBN + 1U + b);
		bucket->n = le16_of((uint16_t)(le16_get(bucket->n) / 2U));
		bucket->flags = le16_of(DIR_BUCKET_SCAN);
	}
	verify_clean(ram, dir, model->n);
	for (unsigned k = 0; k < 4000; k++)
		model_step(ram, dir, model, 1500, 50);
	verify_clean(ram, dir, model->n);
	model_check_listing(ram, dir, model);
	free(model);
	ram_free(ram);
}

static void dir_leaves_nothing_of_a_removed_name(void **state)
{
	struct ram *ram = ram_new(1, 0);
	struct inode *dir = ram_inode(ram, 0, FS_INO_ROOT);
	(void)state;
	assert_int_equal(add(ram, dir, "secret-name", 11, 100), 0);
	assert_non_null(memmem(ram_block(dir, 0), PAGE_SIZE, "secret", 6));
	assert_int_equal(del(ram, dir, "secret-name", 11), 0);
	assert_null(memmem(ram_block(dir, 0), PAGE_SIZE, "secret", 6));
	ram_free(ram);
}

/* ---- damage ---- */

/* Every operation may fail with -EUCLEAN and nothing worse (sanitizers watch), and the check tells. */
static void poke_all(struct ram *ram, struct inode *dir, bool must_be_found, const char *what)
{
	struct dir_op next = { .what = NEXT, .dir = dir }, empty = { .what = EMPTY, .dir = dir };
	struct faults faults;
	struct fs_file_id id;
	char name[256];
	int err, n = verify(ram, dir, &faults);
	if (must_be_found && n == 0)
		print_error("not found: %s\n", what);
	assert_true(!must_be_found || n != 0);
	for (unsigned k = 0; (err = ram_run(ram, dir_op_step, &next)) == 0 && k < 100000; k++)
		continue;
	assert_true(err == -ENOENT || err == -EUCLEAN);
	err = ram_run(ram, dir_op_step, &empty);
	assert_true(err == 0 || err == -EUCLEAN);
	for (unsigned i = 0; i < 60; i += 7) {
		err = lookup(ram, dir, name, model_name(i, name), &id);
		assert_true(err == 0 || err == -ENOENT || err == -EUCLEAN);
	}
	for (unsigned i = 0; i < 3; i++) {
		err = del(ram, dir, name, model_name(i, name));
		assert_true(err == 0 || err == -ENOENT || err == -EUCLEAN);
		err = add(ram, dir, name, model_name(i, name), 5);
		assert_true(err == 0 || err == -EEXIST || err == -EUCLEAN || err == -ENOSPC);
	}
}

static void damage_block(unsigned n_names, uint32_t fbn, size_t from, size_t to, bool must_be_found)
{
	struct ram *ram = ram_new(3, 0);
	struct inode *dir = ram_inode(ram, 0, FS_INO_ROOT);
	char name[256], what[64];
	struct inode_attr attr;
	for (unsigned i = 0; i < n_names; i++)
		assert_int_equal(add(ram, dir, name, model_name(i, name), 1000 + i), 0);
	verify_clean(ram, dir, n_names);
	attr = dir->attr;
	uint32_t snapshot = ram_snapshot(ram, "good");
	struct inode *good = ram_inode(ram, snapshot, FS_INO_ROOT);
	for (size_t at = from; at < to; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			ram_block(dir, fbn)[at] ^= (uint8_t)(1U << bit);
			(void)snprintf(what, sizeof what, "fbn %x byte %zu bit %u", fbn, at, bit);
			poke_all(ram, dir, must_be_found, what);
			dir->attr = attr;
			for (uint32_t b = 0; b < 24; b++) { /* whatever the operations changed goes back */
				uint32_t blocks[] = { b, DIR_INDEX_FBN + b, DIR_FREE_FBN + b };
				for (unsigned k = 0; k < 3; k++) {
					if (ram_block(good, blocks[k]) != NULL)
						memcpy(ram_block(dir, blocks[k]), ram_block(good, blocks[k]),
						       PAGE_SIZE);
				}
			}
		}
	}
	verify_clean(ram, dir, n_names);
	ram_free(ram);
}

static void dir_check_finds_every_flipped_bit_in_a_slot_blocks_head(void **state)
{
	(void)state;
	damage_block(40, 1, 0, DIR_UNIT, true);
	damage_block(40, 0, 0, 24, true); /* block 0 names the parent: the check of the tree compares that */
	damage_block(40, 0, 24, 28, false);
}

static void dir_check_finds_entries_that_overlap(void **state)
{
	struct ram *ram = ram_new(1, 0);
	struct inode *dir = ram_inode(ram, 0, FS_INO_ROOT);
	struct faults faults;
	char name[60];
	(void)state;
	/* three units, from the first on; its second unit is made to look like an entry */
	memset(name, 'x', sizeof name);
	assert_int_equal(add(ram, dir, name, sizeof name, 100), 0);
	struct dir_block_head *head = (struct dir_block_head *)ram_block(dir, 0);
	*(struct dir_entry_disk *)(void *)(ram_block(dir, 0) + (size_t)2 * DIR_UNIT) = (struct dir_entry_disk){
		.inode = le32_of(100), .type = FS_TYPE_REG, .name_len = 3, .generation = le64_of(1)
	};
	head->starts[0] = le64_of(2U | 4U);
	head->n_entries = 2;
	head->n_used = 4;
	assert_true(verify(ram, dir, &faults) > 0);
	ram_free(ram);
}

static void dir_check_finds_a_name_in_two_slots(void **state)
{
	(void)state;
	for (unsigned n_names = 40; n_names <= 300; n_names += 260) {
		struct ram *ram = ram_new(1, 0);
		struct inode *dir = ram_inode(ram, 0, FS_INO_ROOT);
		struct faults faults;
		char name[8];
		for (unsigned i = 0; i < n_names * 5U; i++)
			assert_int_equal(add(ram, dir, name, (size_t)snprintf(name, sizeof name, "%06u", i), 100 + i),
			                 0);
		verify_clean(ram, dir, n_names * 5U);
		char *at = memmem(ram_block(dir, 0), PAGE_SIZE, "000003", 6);
		assert_non_null(at);
		memcpy(at, "000004", 6);
		assert_true(verify(ram, dir, &faults) > 0);
		ram_free(ram);
	}
}

static void dir_survives_every_flipped_bit_in_an_entry(void **state)
{
	(void)state;
	damage_block(40, 1, DIR_UNIT, DIR_UNIT * 4U, false);
	damage_block(300, 2, DIR_UNIT, DIR_UNIT * 3U, false);
}

static void dir_check_finds_every_flipped_bit_in_the_derived_parts(void **state)
{
	(void)state;
	damage_block(300, DIR_INDEX_FBN, 0, 16, true);
	damage_block(300, DIR_INDEX_FBN, 28, 32, true);
	/* how far it is built, where to look for space: no wrong value is wrong as such */
	damage_block(300, DIR_INDEX_FBN, 16, 28, false);
	damage_block(300, DIR_INDEX_FBN + 3U, 0, 14, true);
	damage_block(300, DIR_INDEX_FBN + 3U, 14, 15, false); /* "scan" is always right, only slow */
	damage_block(300, DIR_INDEX_FBN + 3U, 15, 40, true);
	damage_block(300, DIR_FREE_FBN, 0, 24, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dir_behaves_like_a_set_of_names_when_small),
		cmocka_unit_test(dir_behaves_like_a_set_of_names_when_indexed),
		cmocka_unit_test(dir_refuses_an_inode_that_is_no_directory),
		cmocka_unit_test(dir_touches_as_many_blocks_at_200000_entries_as_at_2000),
		cmocka_unit_test(dir_lists_every_lasting_entry_once_while_others_come_and_go),
		cmocka_unit_test(dir_lists_an_emptied_large_directory_in_few_reads),
		cmocka_unit_test(dir_answers_right_while_its_index_is_rebuilt_and_after),
		cmocka_unit_test(dir_finds_names_of_a_bucket_that_overflowed),
		cmocka_unit_test(dir_check_finds_every_flipped_bit_in_a_slot_blocks_head),
		cmocka_unit_test(dir_leaves_nothing_of_a_removed_name),
		cmocka_unit_test(dir_check_finds_entries_that_overlap),
		cmocka_unit_test(dir_check_finds_a_name_in_two_slots),
		cmocka_unit_test(dir_survives_every_flipped_bit_in_an_entry),
		cmocka_unit_test(dir_check_finds_every_flipped_bit_in_the_derived_parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
