/* SPDX-License-Identifier: Apache-2.0 */
/* The check at work: clean volumes are clean, whatever clients, snapshots, deletions and crashes do meanwhile; and
 * nobody is disturbed by it. */
#include "fs/check/check.h"
#include "fs/core/core.h"
#include "fs/core/volume_counters.h"
#include "tests/fs/checkbox.h"

#include "base/page.h"
#include "fs/check/check_private.h"
#include "fs/cp/zombie.h"
#include "tests/support/memdisk.h"

#define DISK_BYTES (64ULL << 20)

static uint8_t bytes[1 << 20];

/* ---- a check under way ---- */

struct running {
	struct fs_message msg;
	bool done;
};

static void on_checked(struct fs_message *msg)
{
	((struct running *)msg->owner)->done = true;
}
static bool is_done(void *arg)
{
	return ((struct running *)arg)->done;
}

static void check_start(struct fsbox *box, struct running *running)
{
	running->done = false;
	fs_message_init(&running->msg, FS_CHECK, box->vol, on_checked, running);
	fs_message_send(&running->msg);
}

static void check_wait(struct fsbox *box, struct running *running)
{
	assert_true(sim_run_until(box->sim, is_done, running, 50000000));
}

/* Answered with this status; and no errors. */
static void check_end(struct fsbox *box, struct running *running, int status)
{
	check_wait(box, running);
	if (running->msg.out.check.n_errors != 0)
		print_error("%s", running->msg.out.check.report);
	assert_int_equal(running->msg.out.check.n_errors, 0);
	assert_int_equal(running->msg.status, status);
	fs_message_fini(&running->msg);
}

static bool has_image(void *arg)
{
	const struct fs_volume *vol = arg;

	return vol->check != NULL && vol->check->have_image;
}

static void image_wait(struct fsbox *box)
{
	assert_true(sim_run_until(box->sim, has_image, box->vol, 50000000));
	assert_non_null(box->vol->check);
}

/* ---- clean volumes ---- */

static void volume_with_everything_is_clean_after_remount_and_crash(void **state)
{
	struct fsbox box;

	(void)state;
	box_open(&box, 5, 4, DISK_BYTES, 4096);
	cb_populate(&box);
	assert_int_equal(box_check(&box), 0);
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(box_check(&box), 0);
	assert_int_equal(vd_op(&box, FS_CLONE_START, "/top"), 0);
	assert_int_equal(box_check(&box), 0);
	box_crash(&box, 9);
	assert_int_equal(box_check(&box), 0);
	vd_await_clone(&box, "/top", FS_CLONE_DONE);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s3"), 0);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void check_counts_blocks_and_inodes(void **state)
{
	struct fs_message msg;
	struct fsbox box;
	uint64_t n_blocks, n_inodes;
	struct fs_file_id id;

	(void)state;
	box_open(&box, 5, 3, DISK_BYTES, 4096);
	assert_int_equal(cb_check(&box, &msg), 0);
	n_blocks = msg.out.check.n_blocks;
	n_inodes = msg.out.check.n_inodes;
	fs_message_fini(&msg);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	assert_int_equal(box_write(&box, id, 0, bytes, 200 * 4096, FS_UNSTABLE), 0);
	assert_int_equal(cb_check(&box, &msg), 0);
	assert_int_equal(msg.out.check.n_inodes, n_inodes + 1U);
	assert_in_range(msg.out.check.n_blocks, n_blocks + 201U, n_blocks + 215U);
	assert_int_equal(msg.out.check.n_errors, 0);
	assert_null(msg.out.check.report);
	fs_message_fini(&msg);
	box_close(&box);
}

static void trees_half_freed_are_clean(void **state)
{
	struct running running;
	struct fs_file_id id;
	struct fsbox box;

	(void)state;
	box_open(&box, 6, 4, DISK_BYTES, 4096);
	assert_int_equal(box_create(&box, box_root, "big", &id), 0);
	for (uint64_t i = 0; i < 1500; i++)
		assert_int_equal(box_write(&box, id, i << 22, bytes, 4096, FS_UNSTABLE), 0);
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(box_remove(&box, box_root, "big"), 0);
	check_start(&box, &running);
	image_wait(&box);
	assert_true(box.vol->zombie_list->n > 0); /* or this shows nothing */
	check_end(&box, &running, 0);
	for (unsigned i = 0; i < 100 && box.vol->zombie_list->n > 0; i++)
		box_run(&box, 100000000);
	assert_int_equal(box.vol->zombie_list->n, 0);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

/* A deletion pass changes 4 regions a CP with a cache of this size. Every consistency point writes to the regions of
 * all 14 disks, and frees there what the one before has written: it can be met half-way. */
static void snapshot_half_deleted_is_clean(void **state)
{
	struct running running;
	struct fs_file_id id;
	struct fsbox box;

	(void)state;
	box_open(&box, 7, 15, 256U << 20, 2048);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	for (unsigned round = 0; round < 4; round++) {
		char name[8];

		for (unsigned i = 0; i < 8; i++)
			assert_int_equal(box_write(&box, id, i * 65536U, bytes + round, 65536, FS_UNSTABLE), 0);
		snprintf(name, sizeof name, "s%u", round);
		assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, name), 0);
	}
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	check_start(&box, &running);
	image_wait(&box);
	assert_true(le32_get(box.vol->check->fsinfo.delete_snapshot_id) != 0 &&
	            le32_get(box.vol->check->fsinfo.delete_region) > 0); /* or this shows nothing */
	check_end(&box, &running, 0);
	box_close(&box);
}

static void degraded_volume_is_checked_without_parity(void **state)
{
	struct fsbox box;

	(void)state;
	box_open(&box, 8, 4, DISK_BYTES, 4096);
	cb_populate(&box);
	memdisk_lose(box.urls[1] + 4);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

/* ---- clients meanwhile ---- */

static void client_step(struct fsbox *box)
{
	uint64_t r = sim_random(box->sim);
	struct fs_file_id id;
	char name[16];

	snprintf(name, sizeof name, "c%u", (unsigned)(r >> 8 & 15U));
	switch (r & 7U) {
	case 0: (void)box_remove(box, box_root, name); break;
	case 1: (void)box_snapshot(box, FS_SNAPSHOT_CREATE, name); break;
	case 2: (void)box_snapshot(box, FS_SNAPSHOT_DELETE, name); break;
	case 3:
		if (box_lookup(box, box_root, name, &id) == 0)
			(void)box_truncate(box, id, r >> 16 & 0xFFFFFU);
		break;
	case 4: (void)cb_mkdir(box, box_root, name, NULL); break;
	case 5: (void)box_sync(box); break;
	default:
		if (box_lookup(box, box_root, name, &id) != 0)
			(void)box_create(box, box_root, name, &id);
		(void)box_write(box, id, r >> 20 & 0xFFFFFU, bytes, 1U + (uint32_t)(r >> 40 & 0x1FFFFU), FS_UNSTABLE);
	}
}

static void checks_stay_clean_while_clients_work(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct running running;
		struct fsbox box;
		unsigned n_steps = 0;

		box_open(&box, seed, 4, DISK_BYTES, 4096);
		memdisk_set_latency(3000000);
		for (unsigned i = 0; i < 60; i++)
			client_step(&box);
		for (unsigned round = 0; round < 6; round++) {
			check_start(&box, &running);
			while (!running.done) {
				client_step(&box);
				n_steps++;
			}
			check_end(&box, &running, 0);
		}
		assert_true(n_steps > 100);
		memdisk_set_latency(0);
		box_close(&box);
	}
}

static void check_leaves_cached_files_in_the_cache(void **state)
{
	struct fs_file_id hot, cold;
	struct fsbox box;
	uint64_t n_reads;

	(void)state;
	box_open(&box, 12, 4, DISK_BYTES, 4096);
	assert_int_equal(box_create(&box, box_root, "cold", &cold), 0);
	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(box_write(&box, cold, i * sizeof bytes, bytes, sizeof bytes, FS_UNSTABLE), 0);
	assert_int_equal(box_create(&box, box_root, "hot", &hot), 0);
	assert_int_equal(box_write(&box, hot, 0, bytes, sizeof bytes, FS_UNSTABLE), 0);
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(box_read(&box, hot, 0, bytes, sizeof bytes), sizeof bytes);
	assert_int_equal(box_check(&box), 0);
	n_reads = counter_get(&box.vol->counters->read_blocks);
	assert_int_equal(box_read(&box, hot, 0, bytes, sizeof bytes), sizeof bytes);
	assert_int_equal(counter_get(&box.vol->counters->read_blocks), n_reads);
	box_close(&box);
}

/* ---- the private snapshot ---- */

static unsigned snapshots_seen(struct fsbox *box)
{
	struct fs_message msg;
	unsigned n;

	fs_message_init(&msg, FS_SNAPSHOT_LIST, box->vol, NULL, NULL);
	assert_int_equal(box_send(box, &msg), 0);
	n = msg.out.n;
	fs_message_fini(&msg);
	fs_message_init(&msg, FS_VOLUME_STAT, box->vol, NULL, NULL);
	assert_int_equal(box_send(box, &msg), 0);
	assert_int_equal(msg.out.volume->n_snapshots, n);
	fs_message_fini(&msg);
	return n;
}

static void private_snapshot_is_hidden_and_goes(void **state)
{
	struct running running;
	struct fs_file_id id;
	struct fsbox box;

	(void)state;
	box_open(&box, 13, 4, DISK_BYTES, 4096);
	cb_populate(&box);
	check_start(&box, &running);
	image_wait(&box);
	assert_int_equal(box.vol->snapshots->n, 4);
	assert_int_equal(snapshots_seen(&box), 3);
	assert_int_equal(box_resolve(&box, "/.snapshot/@check", &id), -ENOENT);
	assert_int_equal(box_resolve(&box, "/.snapshot/s1", &id), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "@check"), -ENOENT);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "@check"), -EINVAL);
	check_end(&box, &running, 0);
	for (unsigned i = 0; i < 100 && box.vol->snapshots->n > 3; i++)
		box_run(&box, 100000000);
	assert_int_equal(box.vol->snapshots->n, 3);
	box_close(&box);
}

static void one_check_at_a_time_and_the_next_one_waits(void **state)
{
	struct running running;
	struct fs_message msg;
	struct fsbox box;

	(void)state;
	box_open(&box, 14, 4, DISK_BYTES, 4096);
	check_start(&box, &running);
	assert_int_equal(cb_check(&box, &msg), -EBUSY);
	fs_message_fini(&msg);
	check_end(&box, &running, 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void progress_rises_and_cancelling_ends_it(void **state)
{
	struct running running;
	struct fs_message cancel;
	struct fsbox box;
	unsigned before = 0, percent = 0, n_rises = 0;

	(void)state;
	box_open(&box, 15, 4, DISK_BYTES, 4096);
	cb_populate(&box);
	assert_false(check_is_running(box.vol, &percent));
	check_start(&box, &running);
	while (!running.done) {
		if (check_is_running(box.vol, &percent)) {
			assert_in_range(percent, before, 100);
			n_rises += percent > before;
			before = percent;
		}
		assert_true(sim_step(box.sim));
	}
	assert_true(n_rises > 5);
	check_end(&box, &running, 0);
	check_start(&box, &running);
	image_wait(&box);
	fs_message_init(&cancel, FS_CHECK_CANCEL, box.vol, NULL, NULL);
	assert_int_equal(box_send(&box, &cancel), 0);
	fs_message_fini(&cancel);
	check_end(&box, &running, -ECANCELED);
	fs_message_init(&cancel, FS_CHECK_CANCEL, box.vol, NULL, NULL);
	assert_int_equal(box_send(&box, &cancel), -ENOENT);
	fs_message_fini(&cancel);
	box_close(&box);
}

static void unmount_ends_the_check(void **state)
{
	(void)state;
	for (unsigned pause = 0; pause < 40; pause++) {
		struct running running;
		struct fsbox box;

		box_open(&box, 16 + pause, 3, DISK_BYTES, 4096);
		memdisk_set_latency(1000000);
		(void)cb_mkdir(&box, box_root, "d", NULL);
		check_start(&box, &running);
		for (unsigned i = 0; i < pause * 9U; i++)
			(void)sim_step(box.sim);
		assert_int_equal(box_unmount(&box), 0);
		assert_true(running.done);
		assert_true(running.msg.status == -ECANCELED || running.msg.status == 0);
		fs_message_fini(&running.msg);
		assert_int_equal(box_mount(&box), 0);
		memdisk_set_latency(0);
		box_run(&box, 1000000000);
		assert_int_equal(box.vol->snapshots->n, 0);
		box_close(&box);
	}
}

static void power_cut_during_a_check_leaves_nothing_behind(void **state)
{
	(void)state;
	for (unsigned pause = 0; pause < 40; pause++) {
		struct running running;
		struct fsbox box;

		box_open(&box, 60 + pause, 3, DISK_BYTES, 4096);
		memdisk_set_latency(1000000);
		(void)cb_mkdir(&box, box_root, "d", NULL);
		check_start(&box, &running);
		for (unsigned i = 0; i < pause * 9U; i++)
			(void)sim_step(box.sim);
		box_crash(&box, pause);
		fs_message_fini(&running.msg);
		memdisk_set_latency(0);
		box_run(&box, 1000000000);
		assert_int_equal(box.vol->snapshots->n, 0);
		assert_int_equal(box_check(&box), 0);
		box_close(&box);
	}
}

static void check_gives_way_when_clients_need_its_space(void **state)
{
	struct running running;
	struct fs_file_id id;
	struct fsbox box;

	(void)state;
	box_open(&box, 18, 3, DISK_BYTES, 4096);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	for (unsigned i = 0; i < 75; i++)
		assert_int_equal(box_write(&box, id, i * sizeof bytes, bytes, sizeof bytes, FS_UNSTABLE), 0);
	assert_int_equal(box_sync(&box), 0);
	check_start(&box, &running);
	image_wait(&box);
	for (unsigned i = 0; i < 75; i++) /* twice that does not fit */
		assert_int_equal(box_write(&box, id, i * sizeof bytes, bytes, sizeof bytes, FS_UNSTABLE), 0);
	check_end(&box, &running, -ECANCELED);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void check_works_with_as_many_snapshots_as_there_can_be(void **state)
{
	struct fsbox box;
	char name[8];

	(void)state;
	box_open(&box, 19, 3, DISK_BYTES, 4096);
	for (unsigned i = 0; i < 255; i++) {
		snprintf(name, sizeof name, "s%u", i);
		(void)cb_mkdir(&box, box_root, name, NULL);
		assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, name), 0);
		if (i % 85 == 80)
			assert_int_equal(box_check(&box), 0);
	}
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "more"), -EMLINK);
	assert_int_equal(box_check(&box), 0);
	assert_int_equal(box_check(&box), 0);
	for (unsigned i = 0; i < 255; i += 2) {
		snprintf(name, sizeof name, "s%u", i);
		assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, name), 0);
		if (i % 50 == 0)
			assert_int_equal(box_check(&box), 0);
	}
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void check_fails_with_the_volume(void **state)
{
	struct running running;
	struct fsbox box;

	(void)state;
	box_open(&box, 17, 4, DISK_BYTES, 4096);
	(void)cb_mkdir(&box, box_root, "d", NULL);
	check_start(&box, &running);
	memdisk_lose(box.urls[0] + 4);
	memdisk_lose(box.urls[1] + 4);
	check_wait(&box, &running);
	assert_true(running.msg.status < 0);
	fs_message_fini(&running.msg);
	(void)box_unmount(&box);
	box_close(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(volume_with_everything_is_clean_after_remount_and_crash),
		cmocka_unit_test(check_counts_blocks_and_inodes),
		cmocka_unit_test(trees_half_freed_are_clean),
		cmocka_unit_test(snapshot_half_deleted_is_clean),
		cmocka_unit_test(degraded_volume_is_checked_without_parity),
		cmocka_unit_test(checks_stay_clean_while_clients_work),
		cmocka_unit_test(check_leaves_cached_files_in_the_cache),
		cmocka_unit_test(private_snapshot_is_hidden_and_goes),
		cmocka_unit_test(one_check_at_a_time_and_the_next_one_waits),
		cmocka_unit_test(progress_rises_and_cancelling_ends_it),
		cmocka_unit_test(unmount_ends_the_check),
		cmocka_unit_test(power_cut_during_a_check_leaves_nothing_behind),
		cmocka_unit_test(check_gives_way_when_clients_need_its_space),
		cmocka_unit_test(check_works_with_as_many_snapshots_as_there_can_be),
		cmocka_unit_test(check_fails_with_the_volume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
