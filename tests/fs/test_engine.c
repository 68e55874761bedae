/* SPDX-License-Identifier: Apache-2.0 */
/* The engine as a whole, on simulated disks: what was written reads back, through consistency points, remounts, power
 * cuts and snapshots. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "fs/format/fsformat.h"
#include "raid/layout.h"
#include "raid/raidformat.h"
#include "tests/support/fsbox.h"
#include "tests/support/memdisk.h"

#define DISK_BYTES (64ULL << 20)

static void fill(uint8_t *bytes, size_t len, uint64_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		bytes[i] = (uint8_t)(seed >> 56);
	}
}

static void empty_volume_mounts_again(void **state)
{
	struct fsbox box;

	(void)state;
	box_open(&box, 1, 4, DISK_BYTES, 4096);
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void file_reads_back_after_remount(void **state)
{
	static uint8_t wrote[1 << 20], got[1 << 20];
	struct fsbox box;
	struct fs_file_id id, small;

	(void)state;
	fill(wrote, sizeof(wrote), 42);
	box_open(&box, 2, 4, DISK_BYTES, 4096);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	assert_int_equal(box_create(&box, box_root, "small", &small), 0);
	assert_int_equal(box_write(&box, small, 0, wrote, 33, FS_FILE_SYNC), 0);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(box_write(&box, id, i * sizeof(wrote), wrote, sizeof(wrote), FS_UNSTABLE), 0);
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(box_mount(&box), 0);
	for (unsigned i = 0; i < 8; i++) {
		memset(got, 0, sizeof(got));
		assert_int_equal(box_read(&box, id, i * sizeof(got), got, sizeof(got)), sizeof(got));
		assert_memory_equal(wrote, got, sizeof(got));
	}
	assert_int_equal(box_read(&box, small, 0, got, 100), 33);
	assert_memory_equal(wrote, got, 33);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void stable_write_survives_power_cut(void **state)
{
	uint8_t wrote[10000], got[10000];
	struct fsbox box;
	struct fs_file_id id;

	(void)state;
	fill(wrote, sizeof(wrote), 7);
	box_open(&box, 3, 4, DISK_BYTES, 4096);
	for (unsigned round = 0; round < 10; round++) {
		char name[16];

		snprintf(name, sizeof(name), "f%u", round);
		assert_int_equal(box_create(&box, box_root, name, &id), 0);
		assert_int_equal(box_write(&box, id, 1234 * round, wrote, sizeof(wrote), FS_FILE_SYNC), 0);
		box_crash(&box, round);
		assert_int_equal(box_lookup(&box, box_root, name, &id), 0);
		assert_int_equal(box_read(&box, id, 1234 * round, got, sizeof(got)), sizeof(got));
		assert_memory_equal(wrote, got, sizeof(got));
	}
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void removed_file_gives_its_space_back(void **state)
{
	static uint8_t wrote[1 << 20];
	struct fsbox box;
	struct fs_file_id id;
	uint64_t before;

	(void)state;
	fill(wrote, sizeof(wrote), 9);
	box_open(&box, 4, 4, DISK_BYTES, 4096);
	assert_int_equal(box_sync(&box), 0);
	before = box_free_bytes(&box);
	assert_int_equal(box_create(&box, box_root, "big", &id), 0);
	for (unsigned i = 0; i < 70; i++)
		assert_int_equal(box_write(&box, id, i * sizeof(wrote), wrote, sizeof(wrote), FS_UNSTABLE), 0);
	assert_int_equal(box_sync(&box), 0);
	assert_true(box_free_bytes(&box) <= before - (70ULL << 20));
	assert_int_equal(box_remove(&box, box_root, "big"), 0);
	box_run(&box, 30000000000ULL);
	assert_int_equal(box_sync(&box), 0);
	assert_true(box_free_bytes(&box) + (1 << 20) >= before);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void snapshot_keeps_old_content_and_gives_space_back(void **state)
{
	static uint8_t first[1 << 20], second[1 << 20], got[1 << 20];
	struct fsbox box;
	struct fs_file_id id, old;
	uint64_t before, after;

	(void)state;
	fill(first, sizeof(first), 1);
	fill(second, sizeof(second), 2);
	box_open(&box, 5, 4, DISK_BYTES, 4096);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	assert_int_equal(box_write(&box, id, 0, first, sizeof(first), FS_UNSTABLE), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), -EEXIST);
	before = box_free_bytes(&box);
	assert_int_equal(box_write(&box, id, 0, second, sizeof(second), FS_UNSTABLE), 0);
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(box_resolve(&box, "/.snapshot/s1/f", &old), 0);
	for (unsigned round = 0; round < 2; round++) {
		assert_int_equal(box_read(&box, old, 0, got, sizeof(got)), sizeof(got));
		assert_memory_equal(first, got, sizeof(got));
		assert_int_equal(box_read(&box, id, 0, got, sizeof(got)), sizeof(got));
		assert_memory_equal(second, got, sizeof(got));
		assert_int_equal(box_unmount(&box), 0);
		assert_int_equal(box_mount(&box), 0);
	}
	assert_int_equal(box_write(&box, old, 0, second, 10, FS_UNSTABLE), -EROFS);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	assert_int_equal(box_read(&box, old, 0, got, 10), -ESTALE);
	box_run(&box, 30000000000ULL);
	assert_int_equal(box_sync(&box), 0);
	after = box_free_bytes(&box);
	assert_true(after + (512 << 10) >= before);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

/* ---- random work against a model ---- */

#define MODEL_FILES 8U
#define MODEL_BLOCKS 96U
#define MODEL_VERSIONS 24U

/* Each block is filled with one 64-bit stamp; 0: zeros. `maybe`: stamps that a power cut may bring back. */
struct model_file {
	bool exists;
	struct fs_file_id id;
	uint64_t now[MODEL_BLOCKS];
	uint64_t maybe[MODEL_BLOCKS][MODEL_VERSIONS];
	unsigned n_maybe[MODEL_BLOCKS];
	uint64_t n_blocks;
};

struct model {
	struct fsbox box;
	struct model_file files[MODEL_FILES];
	uint64_t random, stamp;
	unsigned n_snapshots;
	struct {
		bool exists;
		uint64_t now[MODEL_FILES][MODEL_BLOCKS];
		uint64_t n_blocks[MODEL_FILES];
		bool file[MODEL_FILES];
	} snapshots[4];
};

static uint64_t next(struct model *model)
{
	model->random ^= model->random << 13;
	model->random ^= model->random >> 7;
	model->random ^= model->random << 17;
	return model->random;
}

static void file_name(char *name, size_t size, unsigned i)
{
	snprintf(name, size, "file%u", i);
}

static void settled(struct model_file *file, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n && i < MODEL_BLOCKS; i++)
		file->n_maybe[i] = 0;
}

static void changed(struct model_file *file, unsigned block, uint64_t stamp)
{
	if (file->n_maybe[block] == MODEL_VERSIONS) {
		/* forget none that could come back: drop nothing, compare by membership */
		memmove(&file->maybe[block][0], &file->maybe[block][1], (MODEL_VERSIONS - 1U) * sizeof(uint64_t));
		file->n_maybe[block]--;
	}
	file->maybe[block][file->n_maybe[block]++] = file->now[block];
	file->now[block] = stamp;
}

static void step_write(struct model *model, struct model_file *file)
{
	static uint64_t bytes[32 * 512];
	unsigned first = (unsigned)(next(model) % MODEL_BLOCKS),
	         n = 1U + (unsigned)(next(model) % MIN_OF(32U, MODEL_BLOCKS - first));
	enum fs_stable stable = next(model) % 3U == 0 ? FS_FILE_SYNC : FS_UNSTABLE;

	for (unsigned i = 0; i < n; i++) {
		uint64_t stamp = ++model->stamp;

		for (unsigned w = 0; w < 512; w++)
			bytes[i * 512 + w] = stamp;
		changed(file, first + i, stamp);
	}
	assert_int_equal(box_write(&model->box, file->id, first * 4096ULL, bytes, n * 4096U, stable), 0);
	if (file->n_blocks < first + n)
		file->n_blocks = first + n;
	if (stable == FS_FILE_SYNC)
		settled(file, first, n);
}

static void step_truncate(struct model *model, struct model_file *file)
{
	uint64_t n = next(model) % (MODEL_BLOCKS + 1U);

	assert_int_equal(box_truncate(&model->box, file->id, n * 4096ULL), 0);
	for (uint64_t i = n; i < MODEL_BLOCKS; i++) {
		file->now[i] = 0;
		file->n_maybe[i] = 0; /* logged before it was answered */
	}
	file->n_blocks = n;
}

static void step_zero(struct model *model, struct model_file *file)
{
	unsigned first = (unsigned)(next(model) % MODEL_BLOCKS),
	         n = 1U + (unsigned)(next(model) % (MODEL_BLOCKS - first));

	assert_int_equal(box_zero(&model->box, file->id, first * 4096ULL, n * 4096ULL), 0);
	for (unsigned i = first; i < first + n && i < file->n_blocks; i++)
		changed(file, i, 0);
}

static void verify_file(struct model *model, struct fs_file_id id, const uint64_t *now, uint64_t n_blocks)
{
	static uint64_t got[MODEL_BLOCKS * 512];
	int len = box_read(&model->box, id, 0, got, sizeof(got));

	assert_int_equal(len, n_blocks * 4096);
	for (unsigned i = 0; i < n_blocks; i++) {
		assert_int_equal(got[i * 512], now[i]);
		assert_int_equal(got[i * 512 + 511], now[i]);
	}
}

static void verify_all(struct model *model)
{
	for (unsigned i = 0; i < MODEL_FILES; i++) {
		if (model->files[i].exists)
			verify_file(model, model->files[i].id, model->files[i].now, model->files[i].n_blocks);
	}
	for (unsigned s = 0; s < ARRAY_SIZE(model->snapshots); s++) {
		for (unsigned i = 0; model->snapshots[s].exists && i < MODEL_FILES; i++) {
			struct fs_file_id id;
			char path[64];

			snprintf(path, sizeof(path), "/.snapshot/s%u/file%u", s, i);
			assert_int_equal(box_resolve(&model->box, path, &id),
			                 model->snapshots[s].file[i] ? 0 : -ENOENT);
			if (model->snapshots[s].file[i])
				verify_file(model, id, model->snapshots[s].now[i], model->snapshots[s].n_blocks[i]);
		}
	}
}

/* After a power cut every block is what was last acknowledged as stable, or something written since. What is there now
 * counts. */
static void adopt_file(struct model *model, struct model_file *file)
{
	static uint64_t got[MODEL_BLOCKS * 512];
	int len = box_read(&model->box, file->id, 0, got, sizeof(got));

	assert_true(len >= 0 && len % 4096 == 0);
	for (unsigned i = 0; i < MODEL_BLOCKS; i++) {
		uint64_t is = i < (unsigned)len / 4096U ? got[i * 512] : 0;
		bool known = is == file->now[i];

		if (i < (unsigned)len / 4096U)
			assert_int_equal(got[i * 512 + 511], is);
		for (unsigned v = 0; v < file->n_maybe[i]; v++)
			known = known || file->maybe[i][v] == is;
		if (!known)
			fail_msg("block %u holds stamp %llu, expected %llu or one of %u older", i,
			         (unsigned long long)is, (unsigned long long)file->now[i], file->n_maybe[i]);
		file->now[i] = is;
		file->n_maybe[i] = 0;
	}
	file->n_blocks = (uint64_t)len / 4096U;
}

static void step_crash(struct model *model)
{
	box_crash(&model->box, next(model));
	for (unsigned i = 0; i < MODEL_FILES; i++) {
		struct fs_file_id id;
		char name[16];

		file_name(name, sizeof(name), i);
		assert_int_equal(box_lookup(&model->box, box_root, name, &id), model->files[i].exists ? 0 : -ENOENT);
		if (model->files[i].exists)
			adopt_file(model, &model->files[i]);
	}
	verify_all(model);
}

static void step_snapshot(struct model *model)
{
	unsigned s = (unsigned)(next(model) % ARRAY_SIZE(model->snapshots));
	char name[8];

	snprintf(name, sizeof(name), "s%u", s);
	if (model->snapshots[s].exists) {
		assert_int_equal(box_snapshot(&model->box, FS_SNAPSHOT_DELETE, name), 0);
		model->snapshots[s].exists = false;
		return;
	}
	assert_int_equal(box_snapshot(&model->box, FS_SNAPSHOT_CREATE, name), 0);
	model->snapshots[s].exists = true;
	for (unsigned i = 0; i < MODEL_FILES; i++) {
		model->snapshots[s].file[i] = model->files[i].exists;
		model->snapshots[s].n_blocks[i] = model->files[i].n_blocks;
		memcpy(model->snapshots[s].now[i], model->files[i].now, sizeof(model->files[i].now));
		settled(&model->files[i], 0, MODEL_BLOCKS); /* a consistency point */
	}
}

static void step_file(struct model *model, struct model_file *file, unsigned i)
{
	char name[16];

	file_name(name, sizeof(name), i);
	if (!file->exists) {
		assert_int_equal(box_create(&model->box, box_root, name, &file->id), 0);
		file->exists = true;
		return;
	}
	switch (next(model) % 12U) {
	case 0:
		assert_int_equal(box_remove(&model->box, box_root, name), 0);
		memset(file, 0, sizeof(*file));
		break;
	case 1: step_truncate(model, file); break;
	case 2: step_zero(model, file); break;
	case 3:
		assert_int_equal(box_commit(&model->box, file->id), 0);
		settled(file, 0, MODEL_BLOCKS);
		break;
	case 4:
	case 5: verify_file(model, file->id, file->now, file->n_blocks); break;
	default: step_write(model, file); break;
	}
}

static void model_step(struct model *model)
{
	unsigned i = (unsigned)(next(model) % MODEL_FILES);

	switch (next(model) % 64U) {
	case 0: step_crash(model); break;
	case 1: step_snapshot(model); break;
	case 2:
		assert_int_equal(box_unmount(&model->box), 0);
		assert_int_equal(box_mount(&model->box), 0);
		for (unsigned f = 0; f < MODEL_FILES; f++)
			settled(&model->files[f], 0, MODEL_BLOCKS);
		verify_all(model);
		break;
	case 3: box_run(&model->box, next(model) % 20000000000ULL); break;
	case 4:
		assert_int_equal(box_sync(&model->box), 0);
		for (unsigned f = 0; f < MODEL_FILES; f++)
			settled(&model->files[f], 0, MODEL_BLOCKS);
		break;
	default: step_file(model, &model->files[i], i); break;
	}
}

static void random_work_matches_the_model(void **state)
{
	const char *only = getenv("ENGINE_SEED");
	uint64_t first = only != NULL ? strtoull(only, NULL, 10) : 1, n = only != NULL ? 1 : 12;

	(void)state;
	for (uint64_t seed = first; seed < first + n; seed++) {
		struct model *model = calloc(1, sizeof(*model));

		fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
		model->random = seed * 0x9E3779B97F4A7C15ULL;
		box_open(&model->box, seed, 4, DISK_BYTES, 4096);
		for (unsigned i = 0; i < 400; i++)
			model_step(model);
		verify_all(model);
		assert_int_equal(box_check(&model->box), 0);
		box_close(&model->box);
		free(model);
	}
}

/* ---- read-only, and bits of later versions --------------------------------------------------------------------- */

#define DISK_BLOCKS (DISK_BYTES / RAID_BLOCK_SIZE)

/* One number for all bytes of all disks. */
static uint32_t disks_crc(const struct fsbox *box)
{
	uint8_t bytes[RAID_BLOCK_SIZE];
	uint32_t crc = 0;

	for (unsigned i = 0; i < box->n_disks; i++)
		for (uint64_t block = 0; block < DISK_BLOCKS; block++) {
			memdisk_peek(box->urls[i] + 4, block, bytes);
			crc = crc32c_more(crc, bytes, sizeof(bytes));
		}
	return crc;
}

static void read_only_mount_writes_nothing(void **state)
{
	static uint8_t wrote[100000], got[100000];
	struct fsbox box;
	struct fs_file_id id;
	uint32_t before;

	(void)state;
	fill(wrote, sizeof(wrote), 7);
	box_open(&box, 4, 4, DISK_BYTES, 4096);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	assert_int_equal(box_write(&box, id, 0, wrote, sizeof(wrote), FS_UNSTABLE), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "old"), 0);
	assert_int_equal(box_remove(&box, box_root, "f"), 0); /* leaves a tree to be freed */
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	assert_int_equal(box_write(&box, id, 0, wrote, sizeof(wrote), FS_UNSTABLE), 0);
	assert_int_equal(box_unmount(&box), 0);
	before = disks_crc(&box);
	box.read_only = true;
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(box_read(&box, id, 0, got, sizeof(got)), sizeof(got));
	assert_memory_equal(wrote, got, sizeof(got));
	assert_int_equal(box_write(&box, id, 0, got, 10, FS_FILE_SYNC), -EROFS);
	assert_int_equal(box_create(&box, box_root, "g", NULL), -EROFS);
	assert_int_equal(box_remove(&box, box_root, "f"), -EROFS);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "new"), -EROFS);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "old"), -EROFS);
	assert_int_equal(box_commit(&box, id), 0);
	assert_int_equal(box_sync(&box), 0);
	box_run(&box, 60000000000ULL);
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(disks_crc(&box), before);
	box.read_only = false;
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void read_only_mount_refuses_a_log_with_changes(void **state)
{
	uint8_t bytes[100], got[100];
	struct fsbox box;
	struct fs_file_id id;
	uint32_t before;

	(void)state;
	fill(bytes, sizeof(bytes), 9);
	box_open(&box, 6, 4, DISK_BYTES, 4096);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	assert_int_equal(box_sync(&box), 0); /* no stripe is left to settle: only the log */
	assert_int_equal(box_write(&box, id, 0, bytes, sizeof(bytes), FS_FILE_SYNC), 0);
	box_cut(&box, 3);
	before = disks_crc(&box);
	box.read_only = true;
	assert_int_equal(box_mount(&box), -EROFS);
	assert_int_equal(disks_crc(&box), before);
	box.read_only = false;
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(box_read(&box, id, 0, got, sizeof(got)), sizeof(got));
	assert_memory_equal(bytes, got, sizeof(got));
	assert_int_equal(box_unmount(&box), 0);
	box.read_only = true;
	assert_int_equal(box_mount(&box), 0);
	box_close(&box);
}

/* Visit the fsinfo slots that are in use: set bits as a later version would (`set`), or return those of the newest. */
static struct fsinfo_disk fsinfo_bits(const struct fsbox *box, bool set, uint64_t compat, uint64_t ro_compat)
{
	static struct raid_fsinfo_format slot;
	struct fsinfo_disk newest = { 0 }, body;
	uint64_t generation = 0;

	for (unsigned i = 0; i < box->n_disks; i++)
		for (unsigned s = 0; s < RAID_RING_SLOTS; s++) {
			memdisk_peek(box->urls[i] + 4, layout_ring_block(s), (uint8_t *)&slot);
			if (memcmp(slot.magic, RAID_FSINFO_MAGIC, RAID_MAGIC_BYTES) != 0)
				continue;
			memcpy(&body, slot.body, sizeof(body));
			if (le64_get(slot.generation) > generation) {
				generation = le64_get(slot.generation);
				newest = body;
			}
			if (!set)
				continue;
			body.compat = le64_of(compat);
			body.ro_compat = le64_of(ro_compat);
			memcpy(slot.body, &body, sizeof(body));
			slot.crc = le32_of(0);
			slot.crc = le32_of(crc32c(&slot, sizeof(slot)));
			memdisk_poke(box->urls[i] + 4, layout_ring_block(s), (const uint8_t *)&slot);
		}
	return newest;
}

static void compatible_bits_of_later_versions_are_kept(void **state)
{
	struct fsbox box;
	struct fsinfo_disk was, is;

	(void)state;
	box_open(&box, 8, 3, DISK_BYTES, 4096);
	assert_int_equal(box_unmount(&box), 0);
	was = fsinfo_bits(&box, true, 0x4000000000000002ULL, 0);
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(box_create(&box, box_root, "f", NULL), 0);
	assert_int_equal(box_unmount(&box), 0);
	is = fsinfo_bits(&box, false, 0, 0);
	assert_true(le64_get(is.cp_generation) > le64_get(was.cp_generation));
	assert_true(le64_get(is.compat) == 0x4000000000000002ULL);
	box_close(&box);
}

static void read_only_bits_of_later_versions_allow_only_that(void **state)
{
	struct fsbox box;
	struct fs_file_id id, found;

	(void)state;
	box_open(&box, 10, 3, DISK_BYTES, 4096);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	assert_int_equal(box_unmount(&box), 0);
	(void)fsinfo_bits(&box, true, 0, 1);
	assert_int_equal(box_mount(&box), -EROFS);
	box.read_only = true;
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(box_lookup(&box, box_root, "f", &found), 0);
	assert_int_equal(found.inode, id.inode);
	assert_int_equal(box_unmount(&box), 0);
	assert_true(le64_get(fsinfo_bits(&box, false, 0, 0).ro_compat) == 1);
	box_close(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_volume_mounts_again),
		cmocka_unit_test(file_reads_back_after_remount),
		cmocka_unit_test(stable_write_survives_power_cut),
		cmocka_unit_test(removed_file_gives_its_space_back),
		cmocka_unit_test(snapshot_keeps_old_content_and_gives_space_back),
		cmocka_unit_test(random_work_matches_the_model),
		cmocka_unit_test(read_only_mount_writes_nothing),
		cmocka_unit_test(read_only_mount_refuses_a_log_with_changes),
		cmocka_unit_test(compatible_bits_of_later_versions_are_kept),
		cmocka_unit_test(read_only_bits_of_later_versions_allow_only_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
