/* SPDX-License-Identifier: Apache-2.0 */
/* Corners of the engine that need many messages at once or an exact moment: caches smaller than one crowd of reads,
 * small logs, files that outgrow their inode during a CP, volumes that are full. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/page.h"
#include "fs/file/cache_private.h"
#include "fs/cp/cp.h"
#include "tests/support/fsbox.h"
#include "tests/support/memdisk.h"

/* Messages sent together, answers counted. */
struct crowd {
	struct fs_message *msgs;
	struct page *(*pages)[FS_IO_PAGES_MAX];
	unsigned n, n_done, n_failed;
};

static void crowd_answered(struct fs_message *msg)
{
	struct crowd *crowd = msg->owner;

	crowd->n_done++;
	crowd->n_failed += msg->status != 0;
}

static void crowd_new(struct crowd *crowd, unsigned n)
{
	*crowd = (struct crowd){ .n = n };
	crowd->msgs = calloc(n, sizeof(crowd->msgs[0]));
	crowd->pages = calloc(n, sizeof(crowd->pages[0]));
}

static void crowd_free(struct crowd *crowd)
{
	free(crowd->msgs);
	free(crowd->pages);
}

static void crowd_read(struct fsbox *box, struct crowd *crowd, unsigned i, struct fs_file_id id, uint64_t offset)
{
	struct fs_message *msg = &crowd->msgs[i];

	fs_message_init(msg, FS_READ, box->vol, crowd_answered, crowd);
	msg->file = id;
	msg->in.io = (struct fs_io){
		.offset_bytes = offset, .len_bytes = FS_IO_MAX, .n_pages_max = FS_IO_PAGES_MAX, .pages = crowd->pages[i]
	};
	fs_message_send(msg);
}

static void crowd_write(struct fsbox *box, struct crowd *crowd, unsigned i, struct fs_file_id id, uint64_t offset,
                        uint32_t len)
{
	struct fs_message *msg = &crowd->msgs[i];
	unsigned n = (unsigned)(DIV_UP(offset + len, FS_BLOCK_SIZE) - offset / FS_BLOCK_SIZE);

	for (unsigned p = 0; p < n; p++)
		crowd->pages[i][p] = page_alloc_zero();
	fs_message_init(msg, FS_WRITE, box->vol, crowd_answered, crowd);
	msg->file = id;
	msg->in.io = (struct fs_io){
		.offset_bytes = offset, .len_bytes = len, .n_pages = n, .n_pages_max = n, .pages = crowd->pages[i]
	};
	fs_message_send(msg);
}

static void crowd_wait(struct fsbox *box, struct crowd *crowd)
{
	for (unsigned i = 0; crowd->n_done < crowd->n; i++) {
		if (i == 2000000U)
			fail_msg("%u of %u are answered; pages %zu pinned %zu dirty %llu stash %zu clean %zu+%zu "
			         "reading %u, CP %s",
			         crowd->n_done, crowd->n, box->vol->cache->n_pages, box->vol->cache->n_pinned,
			         (unsigned long long)box->vol->n_dirty_pages, box->vol->cache->n_stash,
			         box->vol->cache->n_data, box->vol->cache->n_meta, box->vol->n_reading,
			         cp_is_running(box->vol) ? "running" : "idle");
		if (!sim_step(box->sim))
			fail_msg("%u of %u are answered, and nothing is left to do", crowd->n_done, crowd->n);
	}
	for (unsigned i = 0; i < crowd->n; i++) {
		struct fs_io *io = crowd->msgs[i].op == FS_READ ? &crowd->msgs[i].out.io : &crowd->msgs[i].in.io;

		if (crowd->msgs[i].op == FS_WRITE || (crowd->msgs[i].op == FS_READ && crowd->msgs[i].status == 0))
			page_put_many(crowd->pages[i], io->n_pages);
	}
}

static void file_written(struct fsbox *box, struct fs_file_id id, unsigned n_mib)
{
	static uint8_t bytes[1 << 20];

	for (unsigned i = 0; i < n_mib; i++)
		assert_int_equal(box_write(box, id, (uint64_t)i << 20, bytes, sizeof(bytes), FS_UNSTABLE), 0);
}

static void cold_reads_larger_than_the_cache_all_end(void **state)
{
	struct fsbox box;
	struct crowd crowd;
	struct fs_file_id id;

	(void)state;
	box_open(&box, 2, 4, 64ULL << 20, 2048);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	file_written(&box, id, 24);
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(box_mount(&box), 0);
	crowd_new(&crowd, 48);
	for (unsigned i = 0; i < crowd.n; i++)
		crowd_read(&box, &crowd, i, id, (uint64_t)(i * 7U % 24U) << 20);
	crowd_wait(&box, &crowd);
	assert_int_equal(crowd.n_failed, 0);
	crowd_free(&crowd);
	box_close(&box);
}

static void commit_of_scattered_blocks_fits_a_small_log(void **state)
{
	struct fsbox box;
	struct crowd crowd;
	struct fs_file_id id;

	(void)state;
	box_open(&box, 4, 2, 40ULL << 20, 2048);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	crowd_new(&crowd, 256);
	for (unsigned i = 0; i < crowd.n; i++)
		crowd_write(&box, &crowd, i, id, i * 8192ULL, 4096);
	crowd_wait(&box, &crowd);
	crowd_free(&crowd);
	crowd_new(&crowd, 1);
	fs_message_init(&crowd.msgs[0], FS_COMMIT, box.vol, crowd_answered, &crowd);
	crowd.msgs[0].file = id;
	fs_message_send(&crowd.msgs[0]);
	crowd_wait(&box, &crowd);
	assert_int_equal(crowd.n_failed, 0);
	crowd_free(&crowd);
	box_close(&box);
}

/* Snapshot "s" is asked for, which takes a CP, and `n_steps` later it is not there yet. */
static void snapshot_begin(struct fsbox *box, struct crowd *crowd, struct fs_message *msg, unsigned n_steps)
{
	fs_message_init(msg, FS_SNAPSHOT_CREATE, box->vol, crowd_answered, crowd);
	msg->in.name = "s";
	msg->in.name_len = 1;
	fs_message_send(msg);
	for (unsigned i = 0; i < n_steps; i++)
		sim_step(box->sim);
}

/* A file that outgrows its inode in the generation being written, and is changed again while the CP works. */
static void outgrown_inline_file_survives_changes_during_the_cp(void **state)
{
	static uint8_t bytes[8192], got[8192];

	(void)state;
	for (unsigned n = 0; n < 120; n++) {
		struct fs_message sync;
		struct crowd crowd = { .n = 1 };
		struct fsbox box;
		struct fs_file_id id, old;

		box_open(&box, n, 3, 20ULL << 20, 2048);
		memset(bytes, 'a', sizeof(bytes));
		assert_int_equal(box_create(&box, box_root, "f", &id), 0);
		assert_int_equal(box_write(&box, id, 0, bytes, 40, FS_UNSTABLE), 0);
		assert_int_equal(box_unmount(&box), 0);
		assert_int_equal(box_mount(&box), 0); /* cold maps: the CP has to wait */
		assert_int_equal(box_read(&box, id, 0, got, 100), 40);
		assert_int_equal(box_write(&box, id, 20480, bytes, 4096, FS_UNSTABLE), 0);
		snapshot_begin(&box, &crowd, &sync, n / 3U);
		if (cp_is_running(box.vol)) {
			memset(bytes, 'b', sizeof(bytes));
			if (n % 3U == 0)
				assert_int_equal(box_truncate(&box, id, 0), 0);
			else
				assert_int_equal(box_write(&box, id, 0, bytes, 20, FS_UNSTABLE), 0);
		}
		while (crowd.n_done == 0)
			sim_step(box.sim);
		assert_int_equal(sync.status, 0);
		assert_int_equal(box_resolve(&box, "/.snapshot/s/f", &old), 0);
		assert_int_equal(box_read(&box, old, 0, got, 100), 100);
		assert_int_equal(got[0], 'a');
		assert_int_equal(got[39], 'a');
		assert_int_equal(box_check(&box), 0);
		box_close(&box);
	}
}

/* What stood in the inode becomes a dirty block of the CP, already durable; a COMMIT meanwhile must still see the
 * blocks beside it. */
static void commit_during_the_cp_sees_all_blocks_of_an_outgrown_file(void **state)
{
	static uint8_t bytes[4096], got[4096];

	(void)state;
	memset(bytes, 'b', sizeof(bytes));
	for (unsigned n = 0; n < 60; n++) {
		struct crowd crowd = { .n = 1 };
		struct fs_message sync;
		struct fsbox box;
		struct fs_file_id id;

		box_open(&box, n, 3, 20ULL << 20, 2048);
		assert_int_equal(box_create(&box, box_root, "f", &id), 0);
		assert_int_equal(box_write(&box, id, 0, bytes, 40, FS_FILE_SYNC), 0);
		assert_int_equal(box_sync(&box), 0);
		assert_int_equal(box_write(&box, id, 20480, bytes, 4096, FS_UNSTABLE), 0);
		snapshot_begin(&box, &crowd, &sync, n);
		assert_int_equal(box_write(&box, id, 40960, bytes, 4096, FS_UNSTABLE), 0);
		assert_int_equal(box_commit(&box, id), 0);
		box_crash(&box, n);
		assert_int_equal(box_lookup(&box, box_root, "f", &id), 0);
		for (unsigned at = 20480; at <= 40960; at += 20480) {
			assert_int_equal(box_read(&box, id, at, got, sizeof(got)), sizeof(got));
			assert_memory_equal(got, bytes, sizeof(got));
		}
		assert_int_equal(box_check(&box), 0);
		box_close(&box);
	}
}

/* Most of a large file is logged; the rest is flushed while the CP goes through all of it. */
static void commit_during_the_cp_of_a_large_file_loses_none_of_it(void **state)
{
	static uint8_t bytes[1U << 20], got[4096];

	(void)state;
	memset(bytes, 'b', sizeof(bytes));
	for (unsigned n = 0; n < 12; n++) {
		struct crowd crowd = { .n = 1 };
		struct fs_message sync;
		struct fsbox box;
		struct fs_file_id id;

		box_open(&box, n, 3, 2ULL << 30, 16384);
		assert_int_equal(box_create(&box, box_root, "f", &id), 0);
		for (unsigned mib = 0; mib < 6; mib++)
			assert_int_equal(box_write(&box, id, (uint64_t)mib << 20, bytes, sizeof(bytes), FS_FILE_SYNC),
			                 0);
		assert_int_equal(box_write(&box, id, 6ULL << 20, bytes, 8 * 4096, FS_UNSTABLE), 0);
		snapshot_begin(&box, &crowd, &sync, n);
		assert_int_equal(box_write(&box, id, 7ULL << 20, bytes, 4096, FS_UNSTABLE), 0);
		assert_int_equal(box_commit(&box, id), 0);
		while (crowd.n_done == 0)
			sim_step(box.sim);
		assert_int_equal(sync.status, 0);
		assert_int_equal(box_unmount(&box), 0);
		assert_int_equal(box_mount(&box), 0);
		for (unsigned i = 0; i < 8; i++) {
			assert_int_equal(box_read(&box, id, (6ULL << 20) + i * 4096U, got, sizeof(got)), sizeof(got));
			assert_memory_equal(got, bytes, sizeof(got));
		}
		assert_int_equal(box_check(&box), 0);
		box_close(&box);
	}
}

/* On a volume that is nearly full, whatever is admitted must find its place in the CP. */
static void nearly_full(struct fsbox *box, struct fs_file_id *ret_id, struct fs_file_id *ret_fill)
{
	static uint8_t bytes[1 << 20];
	int err = 0;

	box_open(box, 6, 2, 40ULL << 20, 8192);
	assert_int_equal(box_create(box, box_root, "f", ret_id), 0);
	assert_int_equal(box_create(box, box_root, "fill", ret_fill), 0);
	for (uint64_t at = 0; err == 0; at += sizeof(bytes))
		err = box_write(box, *ret_fill, at, bytes, sizeof(bytes), FS_UNSTABLE);
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(box_sync(box), 0);
}

static void sparse_writes_find_room_for_their_indirect_blocks(void **state)
{
	struct fsbox box;
	struct crowd crowd;
	struct fs_file_id id, fill;

	(void)state;
	nearly_full(&box, &id, &fill);
	assert_int_equal(box_truncate(&box, fill, 18U << 20), 0);
	assert_int_equal(box_sync(&box), 0);
	crowd_new(&crowd, 2400);
	for (unsigned i = 0; i < crowd.n; i++)
		crowd_write(&box, &crowd, i, id, (uint64_t)i * 1024U * 4096U, 4096);
	crowd_wait(&box, &crowd);
	crowd_free(&crowd);
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void zeroing_a_full_volume_finds_room_for_its_cp(void **state)
{
	struct fsbox box;
	struct crowd crowd;
	struct fs_file_id id, fill;
	static uint8_t bytes[4096];
	int err = 0;

	(void)state;
	box_open(&box, 6, 2, 40ULL << 20, 8192);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	assert_int_equal(box_create(&box, box_root, "fill", &fill), 0);
	for (unsigned i = 0; i < 2000; i++)
		for (unsigned k = 0; k < 2; k++)
			assert_int_equal(
			    box_write(&box, id, ((uint64_t)i * 1024U + k) * 4096U, bytes, 4096, FS_UNSTABLE), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s"), 0);
	for (uint64_t at = 0; err == 0; at += sizeof(bytes))
		err = box_write(&box, fill, at, bytes, sizeof(bytes), FS_UNSTABLE);
	assert_int_equal(err, -ENOSPC);
	crowd_new(&crowd, 2000);
	for (unsigned i = 0; i < crowd.n; i++) {
		struct fs_message *msg = &crowd.msgs[i];

		fs_message_init(msg, FS_ZERO, box.vol, crowd_answered, &crowd);
		msg->file = id;
		msg->in.zero.offset_bytes = (uint64_t)i * 1024U * 4096U;
		msg->in.zero.len_bytes = 4096;
		fs_message_send(msg);
	}
	crowd_wait(&box, &crowd);
	crowd_free(&crowd);
	assert_int_equal(box.vol->failed, 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "s"), 0);
	assert_int_equal(box_remove(&box, box_root, "fill"), 0);
	box_run(&box, 30000000000ULL);
	assert_int_equal(box_write(&box, id, 0, bytes, sizeof(bytes), FS_FILE_SYNC), 0);
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

/* Writers with blocks of the file pinned wait for the dirty limit while the file is removed. */
static void removal_under_waiting_writers(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 20; n++) {
		struct fsbox box;
		struct crowd crowd;
		struct fs_file_id id, other;

		box_open(&box, n, 4, 64ULL << 20, 2048);
		assert_int_equal(box_create(&box, box_root, "f", &id), 0);
		assert_int_equal(box_create(&box, box_root, "g", &other), 0);
		file_written(&box, id, 8);
		assert_int_equal(box_unmount(&box), 0);
		assert_int_equal(box_mount(&box), 0);
		crowd_new(&crowd, 41);
		for (unsigned i = 0; i < 8; i++)
			crowd_write(&box, &crowd, i, other, (uint64_t)i << 20, 1U << 20);
		for (unsigned i = 8; i < 40; i++)
			crowd_write(&box, &crowd, i, id, ((uint64_t)i % 7U << 20) + 100U, 1000000);
		for (unsigned i = 0; i < n * 4U; i++)
			sim_step(box.sim);
		fs_message_init(&crowd.msgs[40], FS_REMOVE, box.vol, crowd_answered, &crowd);
		crowd.msgs[40].file = box_root;
		crowd.msgs[40].in.name = "f";
		crowd.msgs[40].in.name_len = 1;
		fs_message_send(&crowd.msgs[40]);
		crowd_wait(&box, &crowd);
		assert_int_equal(crowd.msgs[40].status, 0);
		crowd_free(&crowd);
		assert_int_equal(box_check(&box), 0);
		box_close(&box);
	}
}

/* Each write needs its block, drags a leaf of its own along, and there are more of them than the cache has pages. */
static void scattered_partial_writes_in_a_small_cache_all_end(void **state)
{
	struct fsbox box;
	struct crowd crowd;
	struct fs_file_id id;

	(void)state;
	box_open(&box, 8, 4, 64ULL << 20, 2048);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	for (unsigned round = 0; round < 3; round++) {
		crowd_new(&crowd, 3000);
		for (unsigned i = 0; i < crowd.n; i++)
			crowd_write(&box, &crowd, i, id,
			            (uint64_t)(i * 7U % 3000U) * 1024U * 4096U + (round == 0 ? 0 : 512U),
			            round == 0 ? 4096 : 1024);
		crowd_wait(&box, &crowd);
		assert_int_equal(crowd.n_failed, 0);
		crowd_free(&crowd);
		assert_int_equal(box_unmount(&box), 0);
		assert_int_equal(box_mount(&box), 0);
	}
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

/* The growth of the file was never logged; the zeros in it were. */
static void zeros_replayed_beyond_the_end_leave_no_block(void **state)
{
	static uint8_t bytes[4096];
	struct fsbox box;
	struct fs_message msg;
	struct fs_file_id id;
	int len;

	(void)state;
	memset(bytes, 7, sizeof(bytes));
	box_open(&box, 12, 4, 64ULL << 20, 2048);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	assert_int_equal(box_write(&box, id, 0, bytes, 4096, FS_FILE_SYNC), 0);
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(box_write(&box, id, 20 * 4096, bytes, 4096, FS_UNSTABLE), 0);
	fs_message_init(&msg, FS_ZERO, box.vol, NULL, NULL);
	msg.file = id;
	msg.in.zero.offset_bytes = 20 * 4096 + 512;
	msg.in.zero.len_bytes = 1024;
	msg.in.zero.stable = true;
	assert_int_equal(box_send(&box, &msg), 0);
	box_crash(&box, 1);
	len = box_read(&box, id, 0, bytes, 4096);
	assert_int_equal(len, 4096);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void truncated_file_keeps_no_indirect_blocks(void **state)
{
	struct fsbox box;
	struct fs_message msg;
	struct fs_file_id id;

	(void)state;
	box_open(&box, 10, 4, 64ULL << 20, 2048);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	file_written(&box, id, 9);
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(box_truncate(&box, id, 0), 0);
	assert_int_equal(box_sync(&box), 0);
	fs_message_init(&msg, FS_GETATTR, box.vol, NULL, NULL);
	msg.file = id;
	assert_int_equal(box_send(&box, &msg), 0);
	assert_int_equal(msg.out.attr.used_bytes, 0);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

/* Connections and other volumes have all pages of the arena. Nothing of this volume is dirty: a CP would free none, and
 * nobody tells the volume when some come back. */
static void read_goes_on_when_others_give_pages_back(void **state)
{
	struct page **pages = calloc(page_arena_max() + 40000U, sizeof pages[0]);
	struct crowd crowd;
	struct fsbox box;
	struct fs_file_id id;
	size_t n = 0;
	uint64_t cps;

	(void)state;
	box_open(&box, 2, 4, 64ULL << 20, 2048);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	file_written(&box, id, 1);
	box_restart(&box, 0);
	cps = box.vol->cp->count;
	while ((pages[n] = page_alloc()) != NULL)
		n++;
	crowd_new(&crowd, 1);
	crowd_read(&box, &crowd, 0, id, 0);
	box_run(&box, 5000000000U);
	assert_int_equal(crowd.n_done, 0);
	assert_true(box.vol->cp->count - cps <= 2);
	page_put_many(pages, n);
	box_run(&box, 100000000U);
	assert_int_equal(crowd.n_done, 1);
	assert_int_equal(crowd.n_failed, 0);
	page_put_many(crowd.pages[0], crowd.msgs[0].out.io.n_pages);
	crowd_free(&crowd);
	free(pages);
	box_close(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cold_reads_larger_than_the_cache_all_end),
		cmocka_unit_test(commit_of_scattered_blocks_fits_a_small_log),
		cmocka_unit_test(outgrown_inline_file_survives_changes_during_the_cp),
		cmocka_unit_test(commit_during_the_cp_sees_all_blocks_of_an_outgrown_file),
		cmocka_unit_test(commit_during_the_cp_of_a_large_file_loses_none_of_it),
		cmocka_unit_test(sparse_writes_find_room_for_their_indirect_blocks),
		cmocka_unit_test(zeroing_a_full_volume_finds_room_for_its_cp),
		cmocka_unit_test(removal_under_waiting_writers),
		cmocka_unit_test(scattered_partial_writes_in_a_small_cache_all_end),
		cmocka_unit_test(zeros_replayed_beyond_the_end_leave_no_block),
		cmocka_unit_test(truncated_file_keeps_no_indirect_blocks),
		cmocka_unit_test(read_goes_on_when_others_give_pages_back),
	};

	return cmocka_run_group_tests_name("engine_corners", tests, NULL, NULL);
}
