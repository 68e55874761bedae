/* SPDX-License-Identifier: Apache-2.0 */
/* The RAID layer on real files: io_uring and thread pool, locks, files that vanish while in use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/base/cmocka_all.h"

#include "base/log.h"
#include "base/loop.h"
#include "raid/filedisk.h"
#include "raid/raid.h"
#include "tests/support/simraid.h"

#define N_DISKS 4U
#define DISK_BYTES (32U << 20)
#define N_BLOCKS 3000U
#define HANG_NS                                                                                                        \
	300000000000ULL /* never, not slow: one flush behind a busy machine's writeback may take ten seconds and
                                 * more */

static char dir[256];
static char urls[N_DISKS][300];
static struct loop *loop;
static struct raid *raid;

/* ---- waiting on a real loop -------------------------------------------------------------------------------------- */

static bool finished;
static int last_err;

static void finish(void *arg, int err)
{
	(void)arg;
	last_err = err;
	finished = true;
	loop_stop(loop);
}

/* Everything runs on the loop: a test is a task that starts something, and runs the loop until it has ended. */
struct start {
	struct task task;
	void (*start)(void);
};

static void run_start(struct task *task)
{
	container_of(task, struct start, task)->start();
}

static void too_long(struct timer *timer)
{
	(void)timer;
	last_err = -ETIMEDOUT;
	loop_stop(loop);
}

static int run(void (*start)(void))
{
	struct start s = { .task.run = run_start, .start = start };
	struct timer limit = { .fire = too_long };

	finished = false;
	world_timer_set(loop_world(loop), &limit, HANG_NS);
	world_defer(loop_world(loop), &s.task);
	loop_run(loop);
	world_timer_cancel(&limit);
	assert_true(finished);
	return last_err;
}

static void sleep_fired(struct timer *timer)
{
	(void)timer;
	finish(NULL, 0);
}
static struct timer sleep_timer;
static uint64_t sleep_ns;
static void start_sleep(void)
{
	sleep_timer = (struct timer){ .fire = sleep_fired };
	world_timer_set(loop_world(loop), &sleep_timer, sleep_ns);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void start_format(void)
{
	struct raid_group_spec group = { .n_disks = N_DISKS };
	struct raid_spec spec = { &group, 1, 256 * 1024 };
	struct uuid uuid = { { 1, 2, 3 } };

	for (unsigned i = 0; i < N_DISKS; i++)
		group.disk_urls[i] = urls[i];
	raid_format(loop_world(loop), &spec, &uuid, finish, NULL);
}

static void on_open(void *arg, int err, struct raid *r)
{
	raid = r;
	finish(arg, err);
}

static void start_open(void)
{
	const char *list[N_DISKS] = { urls[3], urls[1], urls[0], urls[2] };

	raid_open(loop_world(loop), list, N_DISKS, NULL, on_open, NULL);
}

static void start_close(void)
{
	raid_close(raid, finish, NULL);
	raid = NULL;
}

static struct raid_write_block write_blocks[N_BLOCKS];
static struct raid_write the_write;
static uint32_t version;
static uint32_t stride;

static void on_write(struct raid_write *write, int err)
{
	(void)write;
	for (unsigned i = 0; i < N_BLOCKS; i++)
		page_put(write_blocks[i].page);
	finish(NULL, err);
}

static void start_write(void)
{
	for (uint32_t i = 0; i < N_BLOCKS; i++) {
		uint32_t vbn = 1 + i * stride;

		write_blocks[i] = (struct raid_write_block){ .vbn = vbn,
			                                     .ident = simraid_ident(vbn, version),
			                                     .page = page_alloc() };
		assert_non_null(write_blocks[i].page);
		simraid_fill(write_blocks[i].page->data, vbn, version);
	}
	the_write = (struct raid_write){ .blocks = write_blocks, .n_blocks = N_BLOCKS, .done = on_write };
	raid_write(raid, &the_write);
}

static struct raid_read_block read_blocks[N_BLOCKS];
static struct raid_read the_read;

static void on_read(struct raid_read *read)
{
	int err = 0;
	uint8_t expected[RAID_BLOCK_SIZE];

	for (unsigned i = 0; i < read->n_blocks; i++) {
		simraid_fill(expected, read_blocks[i].vbn, version);
		if (read_blocks[i].err != 0)
			err = read_blocks[i].err;
		else if (memcmp(expected, read_blocks[i].page->data, RAID_BLOCK_SIZE) != 0)
			err = -EUCLEAN;
		page_put(read_blocks[i].page);
	}
	finish(NULL, err);
}

static void start_read(void)
{
	for (uint32_t i = 0; i < N_BLOCKS; i++) {
		uint32_t vbn = 1 + i * stride;

		read_blocks[i] = (struct raid_read_block){ .vbn = vbn,
			                                   .ident = simraid_ident(vbn, version),
			                                   .page = page_alloc() };
		assert_non_null(read_blocks[i].page);
	}
	the_read = (struct raid_read){ .blocks = read_blocks, .n_blocks = N_BLOCKS, .done = on_read };
	raid_read(raid, &the_read);
}

static void start_flush(void)
{
	raid_flush(raid, finish, NULL);
}

static void start_fsinfo(void)
{
	static uint8_t body[RAID_FSINFO_BODY];

	raid_fsinfo_write(raid, version, body, finish, NULL);
}

static struct iovec log_iov[16];
static struct page *log_page;

static void start_log(void)
{
	memset(log_page->data, 0x3C, PAGE_SIZE);
	for (unsigned i = 0; i < 16; i++)
		log_iov[i] = (struct iovec){ log_page->data, PAGE_SIZE };
	raid_log_write(raid, &(struct raid_log_io){ 1, 2, log_iov, 16, finish, NULL });
}

static void on_verify(void *arg, int err, const struct raid_verify_result *result)
{
	finish(arg, err != 0 || result->n_checksum_wrong + result->n_parity_wrong == 0 ? err : -EUCLEAN);
}

static void start_verify(void)
{
	raid_verify(raid, 0, 0, UINT32_MAX, on_verify, NULL);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

/* A file that was something else before. */
static void fill_file(const char *path)
{
	static uint8_t bytes[1U << 20];
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	memset(bytes, 0xA5, sizeof bytes);
	for (size_t at = 0; at < DISK_BYTES; at += sizeof bytes)
		assert_int_equal(pwrite(fd, bytes, sizeof bytes, (off_t)at), sizeof bytes);
	assert_int_equal(close(fd), 0);
}

static bool used_before;

static void setup(enum filedisk_engine_choice choice)
{
	(void)snprintf(dir, sizeof dir, "%s/vc-raid-XXXXXX", getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(dir));
	filedisk_force(choice);
	assert_int_equal(page_arena_init(16384), 0);
	assert_int_equal(loop_new("test", &loop), 0);
	for (unsigned i = 0; i < N_DISKS; i++) {
		(void)snprintf(urls[i], sizeof urls[i], "%s/disk%u", dir, i);
		assert_int_equal(disk_create(urls[i], DISK_BYTES), 0);
		assert_int_equal(disk_create(urls[i], DISK_BYTES), -EEXIST);
		if (used_before)
			fill_file(urls[i]);
	}
	version = 1;
	stride = 1;
	assert_int_equal(run(start_format), 0);
	assert_int_equal(run(start_open), 0);
	log_page = page_alloc();
}

static void teardown(void)
{
	page_put(log_page);
	if (raid != NULL)
		(void)run(start_close);
	loop_free(loop);
	assert_int_equal(disk_destroy(urls[0]), 0);
	for (unsigned i = 1; i < N_DISKS; i++)
		(void)unlink(urls[i]);
	(void)rmdir(dir);
	assert_int_equal(page_arena_used(), 0);
	page_arena_fini();
}

static const char *engine_used;

static void start_probe_engine(void)
{
	struct disk *disk;
	int err = disk_open(loop_world(loop), urls[0], &disk);

	if (err == 0) {
		engine_used = filedisk_engine_name(disk);
		disk_close(disk);
	}
	finish(NULL, err);
}

static void whole_life(enum filedisk_engine_choice choice, const char *engine)
{
	used_before = true;
	setup(choice);
	used_before = false;
	assert_int_equal(run(start_probe_engine), -EBUSY); /* the volume has it */
	assert_int_equal(run(start_verify), 0);
	for (stride = 1; stride <= 5; stride += 2) {
		version++;
		assert_int_equal(run(start_write), 0);
		assert_int_equal(run(start_read), 0);
	}
	stride = 5;
	assert_int_equal(run(start_log), 0);
	assert_int_equal(run(start_fsinfo), 0);
	assert_int_equal(run(start_close), 0);
	assert_int_equal(run(start_probe_engine), 0);
	assert_string_equal(engine_used, engine);
	assert_int_equal(run(start_open), 0);
	assert_int_equal(run(start_read), 0);
	assert_int_equal(run(start_verify), 0);
	teardown();
}

static void raid_lives_on_files_through_io_uring(void **state)
{
	(void)state;
	whole_life(FILEDISK_AUTO, "io_uring");
}

static void raid_lives_on_files_through_the_thread_pool(void **state)
{
	(void)state;
	whole_life(FILEDISK_POOL, "pool");
}

static enum raid_disk_state state_of(unsigned disk)
{
	static struct raid_status st;

	raid_status(raid, &st);
	return st.disks[disk].state;
}

static void hurt_and_live(void (*hurt)(void))
{
	setup(FILEDISK_AUTO);
	assert_int_equal(run(start_write), 0);
	assert_int_equal(run(start_flush), 0);
	hurt();
	sleep_ns = 5000000000ULL;
	assert_int_equal(run(start_sleep), 0);
	assert_int_equal(state_of(1), RAID_DISK_FAILED);
	assert_int_equal(run(start_read), 0);
	version++;
	assert_int_equal(run(start_write), 0);
	assert_int_equal(run(start_fsinfo), 0);
	assert_int_equal(run(start_read), 0);
	assert_int_equal(run(start_close), 0);
	assert_int_equal(run(start_open), 0);
	assert_int_equal(run(start_read), 0);
	teardown();
}

static void unlink_it(void)
{
	assert_int_equal(unlink(urls[1]), 0);
}

static void truncate_it(void)
{
	assert_int_equal(truncate(urls[1], 0), 0);
}

static void zero_it(void)
{
	static const uint8_t zeros[1U << 20];
	int fd = open(urls[1], O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (off_t at = 0; at < DISK_BYTES; at += (off_t)sizeof zeros)
		assert_int_equal(pwrite(fd, zeros, sizeof zeros, at), sizeof zeros);
	assert_int_equal(close(fd), 0);
}

static void raid_notices_within_seconds_that_a_file_was_deleted(void **state)
{
	(void)state;
	hurt_and_live(unlink_it);
}

static void raid_notices_within_seconds_that_a_file_was_truncated(void **state)
{
	(void)state;
	hurt_and_live(truncate_it);
}

static void raid_notices_within_seconds_that_a_file_was_zeroed(void **state)
{
	(void)state;
	hurt_and_live(zero_it);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raid_lives_on_files_through_io_uring),
		cmocka_unit_test(raid_lives_on_files_through_the_thread_pool),
		cmocka_unit_test(raid_notices_within_seconds_that_a_file_was_deleted),
		cmocka_unit_test(raid_notices_within_seconds_that_a_file_was_truncated),
		cmocka_unit_test(raid_notices_within_seconds_that_a_file_was_zeroed),
	};

	if (getenv("TEST_VERBOSE") == NULL)
		log_set_level((enum log_level) - 1);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
