/* SPDX-License-Identifier: Apache-2.0 */
/* What a snapshot's figures say, against every bit of every map, and against what really comes back when it is
 * deleted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/core/volume_counters.h"
#include "fs/cp/maps.h"
#include "fs/file/cache_private.h"
#include "fs/file/file.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/snapshot/snapshot.h"
#include "tests/support/fsbox.h"
#include "tests/support/memdisk.h"

#define DISK_BYTES (256ULL << 20) /* three data disks: six regions */
#define N_FILES 6U
#define FILE_BLOCKS 600U
#define N_NAMES 12U

static struct fsbox box;

/* ---- the figures ------------------------------------------------------------------------------------------------- */

static int ask_list(struct fs_message *msg, enum fs_op op, uint64_t wait_ns)
{
	fs_message_init(msg, op, box.vol, NULL, NULL);
	msg->in.wait_ns = wait_ns;
	return box_send(&box, msg);
}

static bool is_deleting(void)
{
	struct fs_message msg;
	bool any = false;

	assert_int_equal(ask_list(&msg, FS_SNAPSHOT_LIST, 0), 0);
	for (unsigned i = 0; i < msg.out.n; i++)
		any = any || msg.out.snapshots[i].deleting;
	fs_message_fini(&msg);
	return any;
}

/* Nothing under way any more: deletions done, nothing to be written. */
static void settle(void)
{
	do {
		assert_int_equal(box_sync(&box), 0);
		box_run(&box, 2000000000ULL);
	} while (is_deleting() || cp_is_running(box.vol));
}

/* ---- every bit --------------------------------------------------------------------------------------------------- */

struct bits {
	struct fs_run run;
	uint32_t snapshot;
	uint32_t region;
	uint8_t *bytes;
	bool done;
	int err;
};

static int bits_step(struct fs_run *run)
{
	struct bits *bits = run->arg;

	for (; bits->region < run->vol->maps->n_regions; bits->region++) {
		const uint8_t *bytes;
		struct inode *map;
		int err = inode_get(run, bits->snapshot, INO_ACTIVE_MAP, &map);

		if (err == 0)
			err = file_need(run, map, bits->region, &bytes);
		if (err != 0)
			return err;
		memcpy(bits->bytes + (size_t)bits->region * FS_BLOCK_SIZE, bytes, FS_BLOCK_SIZE);
		cache_unpin_all(run);
	}
	return 0;
}

static void bits_finish(struct fs_run *run, int err)
{
	struct bits *bits = run->arg;

	bits->err = err;
	bits->done = true;
}

/* All bits of the active map of a snapshot (0: of the active file system). */
static uint8_t *bits_of(uint32_t snapshot)
{
	struct bits bits = { .snapshot = snapshot, .bytes = calloc(box.vol->maps->n_regions, FS_BLOCK_SIZE) };

	run_init(&bits.run, box.vol, bits_step, bits_finish, &bits);
	run_start(&bits.run);
	while (!bits.done)
		box_run(&box, 1000000);
	assert_int_equal(bits.err, 0);
	run_fini(&bits.run);
	return bits.bytes;
}

static uint64_t bytes_only_in(const uint8_t *own, const uint8_t *older, const uint8_t *newer)
{
	uint64_t n = 0;

	for (size_t i = 0; i < (size_t)box.vol->maps->n_regions * FS_BLOCK_SIZE; i++)
		n += (uint64_t)__builtin_popcount(own[i] & ~(older == NULL ? 0U : older[i]) &
		                                  ~(newer == NULL ? 0U : newer[i]) & 0xFFU);
	return n * FS_BLOCK_SIZE;
}

/* The figures of all snapshots are what the maps say. Returns those of the one called `name`. */
static uint64_t verify_figures(const char *name)
{
	struct fs_message msg;
	uint8_t *maps[SNAPSHOT_SLOTS + 1U];
	uint64_t used = 0;

	settle();
	assert_int_equal(ask_list(&msg, FS_SNAPSHOT_SPACE, 0), 0);
	for (unsigned i = 0; i < msg.out.n; i++)
		maps[i] = bits_of(msg.out.snapshots[i].id);
	maps[msg.out.n] = bits_of(0);
	for (unsigned i = 0; i < msg.out.n; i++) {
		const struct fs_snapshot_info *info = &msg.out.snapshots[i];

		assert_true(info->summed);
		assert_int_equal(info->since_bytes, bytes_only_in(maps[i], i == 0 ? NULL : maps[i - 1U], NULL));
		assert_int_equal(info->used_bytes, bytes_only_in(maps[i], i == 0 ? NULL : maps[i - 1U], maps[i + 1U]));
		if (name != NULL && strcmp(info->name, name) == 0)
			used = info->used_bytes;
	}
	for (unsigned i = 0; i <= msg.out.n; i++)
		free(maps[i]);
	fs_message_fini(&msg);
	return used;
}

/* ---- histories --------------------------------------------------------------------------------------------------- */

static uint64_t rng;
static uint32_t below(uint32_t n)
{
	rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(rng >> 33) % n;
}

static void write_blocks(struct fs_file_id id, uint32_t fbn, uint32_t n_blocks)
{
	static uint8_t bytes[64 * FS_BLOCK_SIZE];

	while (n_blocks > 0) {
		uint32_t n = MIN_OF(n_blocks, 64U);

		memset(bytes, (int)below(256), sizeof(bytes));
		assert_int_equal(
		    box_write(&box, id, (uint64_t)fbn * FS_BLOCK_SIZE, bytes, n * FS_BLOCK_SIZE, FS_UNSTABLE), 0);
		fbn += n;
		n_blocks -= n;
	}
}

static void change_files(struct fs_file_id files[N_FILES])
{
	unsigned f = below(N_FILES);
	char name[16];

	snprintf(name, sizeof(name), "file%u", f);
	switch (below(8)) {
	case 0:
		assert_int_equal(box_remove(&box, box_root, name), 0);
		assert_int_equal(box_create(&box, box_root, name, &files[f]), 0);
		break;
	case 1: assert_int_equal(box_truncate(&box, files[f], (uint64_t)below(FILE_BLOCKS) * FS_BLOCK_SIZE), 0); break;
	case 2: assert_int_equal(box_sync(&box), 0); break;
	default: write_blocks(files[f], below(FILE_BLOCKS), 1U + below(200));
	}
}

static void change_snapshots(bool exists[N_NAMES])
{
	unsigned s = below(N_NAMES);
	char name[16];

	snprintf(name, sizeof(name), "s%u", s);
	assert_int_equal(box_snapshot(&box, exists[s] ? FS_SNAPSHOT_DELETE : FS_SNAPSHOT_CREATE, name), 0);
	exists[s] = !exists[s];
}

/* Deleting it gives back what its figure says; but for the few blocks of metadata that the CPs of the deletion move
 * away from the newest snapshot. */
static void verify_deletion(bool exists[N_NAMES])
{
	unsigned s = below(N_NAMES);
	int64_t used, before, back;
	char name[16];

	while (!exists[s])
		s = (s + 1U) % N_NAMES;
	snprintf(name, sizeof(name), "s%u", s);
	used = (int64_t)(verify_figures(name) / FS_BLOCK_SIZE);
	before = (int64_t)box.vol->free_blocks;
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, name), 0);
	exists[s] = false;
	settle();
	back = (int64_t)box.vol->free_blocks - before;
	if (back > used || back < used - 24)
		fail_msg("%s: figure %lld blocks, %lld came back", name, (long long)used, (long long)back);
}

static void history(uint64_t seed)
{
	struct fs_file_id files[N_FILES];
	bool exists[N_NAMES] = { false };

	print_message("seed %llu\n", (unsigned long long)seed);
	rng = seed;
	box_open(&box, seed, 4, DISK_BYTES, 4096);
	for (unsigned f = 0; f < N_FILES; f++) {
		char name[16];

		snprintf(name, sizeof(name), "file%u", f);
		assert_int_equal(box_create(&box, box_root, name, &files[f]), 0);
	}
	for (unsigned round = 0; round < 12; round++) {
		for (unsigned i = 1U + below(12); i > 0; i--)
			change_files(files);
		change_snapshots(exists);
		if (below(3) == 0)
			continue;
		(void)verify_figures(NULL);
		for (unsigned s = 0; s < N_NAMES; s++) {
			if (exists[s] && below(4) == 0) {
				verify_deletion(exists);
				break;
			}
		}
		if (below(4) == 0) {
			assert_int_equal(box_unmount(&box), 0);
			assert_int_equal(box_mount(&box), 0);
		} else if (below(4) == 0) {
			box_crash(&box, below(1000));
		}
	}
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void figures_are_what_the_maps_say_through_random_histories(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++)
		history(seed);
}

/* ---- single things ----------------------------------------------------------------------------------------------- */

static void figures_of(const char *name, uint64_t *ret_used, uint64_t *ret_since)
{
	struct fs_message msg;

	assert_int_equal(ask_list(&msg, FS_SNAPSHOT_SPACE, 0), 0);
	for (unsigned i = 0; i < msg.out.n; i++) {
		if (strcmp(msg.out.snapshots[i].name, name) == 0) {
			*ret_used = msg.out.snapshots[i].used_bytes / FS_BLOCK_SIZE;
			*ret_since = msg.out.snapshots[i].since_bytes / FS_BLOCK_SIZE;
			fs_message_fini(&msg);
			return;
		}
	}
	fail();
}

static void figures_follow_what_was_written(void **state)
{
	struct fs_file_id id;
	uint64_t used, since;

	(void)state;
	box_open(&box, 1, 4, DISK_BYTES, 8192);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	write_blocks(id, 0, 1000);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	write_blocks(id, 0, 300);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);
	write_blocks(id, 300, 50);
	settle();
	figures_of("s1", &used, &since);
	assert_in_range(used, 300, 330);
	assert_in_range(since, 1000, 1040);
	figures_of("s2", &used, &since);
	assert_in_range(used, 0, 30); /* the 50 blocks overwritten since are s1's too */
	assert_in_range(since, 300, 330);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	settle();
	figures_of("s2", &used, &since);
	assert_in_range(used, 50, 80);
	assert_in_range(since, 1000, 1040);
	box_close(&box);
}

static void known_figures_are_not_counted_again(void **state)
{
	struct fs_file_id id;
	uint64_t reads, used, since;
	char name[16];

	(void)state;
	box_open(&box, 2, 4, DISK_BYTES, 8192);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	for (unsigned s = 0; s < 20; s++) {
		write_blocks(id, s * 10, 10);
		snprintf(name, sizeof(name), "s%u", s);
		assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, name), 0);
	}
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(box_mount(&box), 0);
	settle();
	figures_of("s3", &used, &since);
	assert_true(counter_get(&box.vol->counters->read_blocks) > 20); /* the first count reads the maps */
	write_blocks(id, 999, 1);
	settle();
	reads = counter_get(&box.vol->counters->read_blocks);
	for (unsigned i = 0; i < 10; i++) {
		write_blocks(id, 1000 + i, 1);
		settle();
		figures_of("s3", &used, &since);
	}
	assert_int_equal(counter_get(&box.vol->counters->read_blocks), reads);
	box_close(&box);
}

static void a_short_wait_gives_what_is_known_and_gets_on(void **state)
{
	struct fs_file_id id;
	unsigned n_known = 0, n_asked = 0;
	char name[16];

	(void)state;
	box_open(&box, 3, 4, DISK_BYTES, 8192);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	for (unsigned s = 0; s < 10; s++) {
		write_blocks(id, s * 10, 10);
		snprintf(name, sizeof(name), "s%u", s);
		assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, name), 0);
	}
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(box_mount(&box), 0);
	memdisk_set_latency(1000000);
	while (n_known < 10) {
		struct fs_message msg;
		unsigned n = 0;

		assert_int_equal(ask_list(&msg, FS_SNAPSHOT_SPACE, 1), 0);
		assert_int_equal(msg.out.n, 10);
		for (unsigned i = 0; i < 10; i++)
			n += msg.out.snapshots[i].summed;
		fs_message_fini(&msg);
		assert_true(n >= n_known);
		assert_true(n_asked > 0 || n < 10);
		n_known = n;
		n_asked++;
		assert_true(n_asked < 200);
	}
	memdisk_set_latency(0);
	(void)verify_figures(NULL);
	box_close(&box);
}

/* Asked for by several at once while clients write and snapshots come and go: everybody is answered. */
static void asking_under_load_ends(void **state)
{
	struct fs_message msgs[8];
	struct fs_file_id id;
	char name[16];

	(void)state;
	box_open(&box, 4, 4, DISK_BYTES, 4096);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	for (unsigned s = 0; s < 40; s++) {
		write_blocks(id, below(500), 20);
		snprintf(name, sizeof(name), "s%u", s);
		assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, name), 0);
		if (s >= 8) {
			snprintf(name, sizeof(name), "s%u", s - 8U);
			assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, name), 0);
		}
		for (unsigned i = 0; i < 8 && s % 8U == 7; i++)
			assert_int_equal(ask_list(&msgs[i], FS_SNAPSHOT_SPACE, 0), 0);
		for (unsigned i = 0; i < 8 && s % 8U == 7; i++)
			fs_message_fini(&msgs[i]);
	}
	(void)verify_figures(NULL);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static bool is_scheduled(const char *name)
{
	struct fs_message msg;
	bool found = false, scheduled = false;

	assert_int_equal(ask_list(&msg, FS_SNAPSHOT_LIST, 0), 0);
	for (unsigned i = 0; i < msg.out.n; i++) {
		if (strcmp(msg.out.snapshots[i].name, name) != 0)
			continue;
		found = true;
		scheduled = msg.out.snapshots[i].scheduled;
	}
	fs_message_fini(&msg);
	assert_true(found);
	return scheduled;
}

static void a_schedules_snapshot_stays_one_until_it_is_renamed(void **state)
{
	struct fs_message msg;

	(void)state;
	box_open(&box, 5, 4, DISK_BYTES, 4096);
	fs_message_init(&msg, FS_SNAPSHOT_CREATE, box.vol, NULL, NULL);
	msg.in.name = "hourly.1";
	msg.in.name_len = 8;
	msg.in.scheduled = true;
	assert_int_equal(box_send(&box, &msg), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "mine"), 0);
	assert_true(is_scheduled("hourly.1") && !is_scheduled("mine"));
	box_crash(&box, 1);
	assert_true(is_scheduled("hourly.1") && !is_scheduled("mine"));
	fs_message_init(&msg, FS_SNAPSHOT_RENAME, box.vol, NULL, NULL);
	msg.in.name = "hourly.1";
	msg.in.name_len = 8;
	msg.in.to_name = "kept";
	msg.in.to_name_len = 4;
	assert_int_equal(box_send(&box, &msg), 0);
	assert_false(is_scheduled("kept"));
	box_crash(&box, 2);
	assert_false(is_scheduled("kept"));
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_follow_what_was_written),
		cmocka_unit_test(known_figures_are_not_counted_again),
		cmocka_unit_test(a_short_wait_gives_what_is_known_and_gets_on),
		cmocka_unit_test(asking_under_load_ends),
		cmocka_unit_test(a_schedules_snapshot_stays_one_until_it_is_renamed),
		cmocka_unit_test(figures_are_what_the_maps_say_through_random_histories),
	};

	return cmocka_run_group_tests_name("snapshot_space", tests, NULL, NULL);
}
