/* SPDX-License-Identifier: Apache-2.0 */
/* LUN cloning on the real engine with simulated disks, against a model of every block. */
#include "tests/fs/clonebox.h"

#include "base/list.h"
#include "base/log.h"
#include "tests/support/memdisk.h"

static void a_cloned_lun_is_exact_and_frees_its_snapshot(void **state)
{
	uint64_t free_with_both, free_after;

	(void)state;
	make_backed(6);
	host_write(3, FS_FILE_SYNC);
	host_write(2999, FS_UNSTABLE);
	host_zero(100, 50);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), -EBUSY);
	assert_int_equal(vd_op(&box, FS_CLONE_START, "/top"), 0);
	assert_int_equal(vd_info.clone.state, FS_CLONE_RUNNING);
	assert_int_equal(vd_info.clone.blocks_total, BLOCKS);
	assert_int_equal(vd_op(&box, FS_CLONE_START, "/top"), -EALREADY);
	vd_await_clone(&box, "/top", FS_CLONE_DONE);
	assert_int_equal(vd_info.clone.blocks_done, BLOCKS);
	assert_true(vd_info.clone.blocks_copied > BLOCKS / 2 && vd_info.clone.blocks_copied < BLOCKS * 3 / 4);
	assert_string_equal(vd_info.backing_snapshot, "");
	check_content();
	check_snapshot_content();
	assert_int_equal(vd_check(&box), 0);
	free_with_both = box_free_bytes(&box);
	assert_int_equal(vd_destroy(&box, "/base", false), 0);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	box_run(&box, 10000000000);
	assert_int_equal(box_sync(&box), 0);
	free_after = box_free_bytes(&box);
	assert_true(free_after > free_with_both + BLOCKS / 2 * FS_BLOCK_SIZE);
	for (unsigned way = 0; way < 3; way++) {
		check_content();
		assert_int_equal(vd_check(&box), 0);
		if (way == 0) {
			assert_int_equal(box_unmount(&box), 0);
			assert_int_equal(box_mount(&box), 0);
		} else {
			box_crash(&box, way);
		}
		assert_int_equal(vd_op(&box, FS_CLONE_STATUS, "/top"), 0);
		assert_int_equal(vd_info.clone.state, FS_CLONE_DONE);
	}
	assert_int_equal(vd_op(&box, FS_CLONE_START, "/top"), -EALREADY);
}

static void holes_over_holes_stay_holes(void **state)
{
	(void)state;
	make_backed(1);
	assert_int_equal(vd_op(&box, FS_CLONE_START, "/top"), 0);
	vd_await_clone(&box, "/top", FS_CLONE_DONE);
	assert_true(vd_info.clone.blocks_copied < BLOCKS / 7);
	assert_true(vd_info.used_bytes < BLOCKS / 6 * FS_BLOCK_SIZE);
	check_content();
	assert_int_equal(vd_check(&box), 0);
}

static void stop_keeps_what_was_filled_and_start_goes_on(void **state)
{
	uint64_t done;

	(void)state;
	make_backed(8);
	assert_int_equal(clone_start_limited(2 * MIB), 0);
	box_run(&box, 2000000000);
	assert_int_equal(vd_op(&box, FS_CLONE_STATUS, "/top"), 0);
	assert_int_equal(vd_info.clone.state, FS_CLONE_RUNNING);
	assert_in_range(vd_info.clone.blocks_copied, MIB / FS_BLOCK_SIZE, 5 * MIB / FS_BLOCK_SIZE);
	assert_true(vd_info.clone.eta_s > 0 && vd_info.clone.eta_s < 30);
	assert_int_equal(vd_op(&box, FS_CLONE_STOP, "/top"), 0);
	assert_int_equal(vd_info.clone.state, FS_CLONE_STOPPED);
	done = vd_info.clone.blocks_done;
	assert_true(done > 200);
	assert_int_equal(vd_op(&box, FS_CLONE_STOP, "/top"), -ESRCH);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), -EBUSY);
	box_run(&box, 3000000000);
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(box_mount(&box), 0);
	box_run(&box, 3000000000);
	assert_int_equal(vd_op(&box, FS_CLONE_STATUS, "/top"), 0);
	assert_int_equal(vd_info.clone.state, FS_CLONE_STOPPED);
	assert_int_equal(vd_info.clone.blocks_done, done);
	check_content();
	assert_int_equal(vd_op(&box, FS_CLONE_START, "/top"), 0);
	assert_true(vd_info.clone.blocks_done >= done);
	vd_await_clone(&box, "/top", FS_CLONE_DONE);
	assert_int_equal(vd_info.clone.blocks_copied, BLOCKS);
	check_content();
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	assert_int_equal(vd_check(&box), 0);
}

static void a_running_clone_resumes_after_restart_and_crash(void **state)
{
	(void)state;
	make_backed(8);
	assert_int_equal(clone_start_limited(4 * MIB), 0);
	for (unsigned way = 0; way < 4; way++) {
		box_run(&box, 500000000);
		host_write(way * 700, FS_FILE_SYNC);
		if (way == 0) {
			assert_int_equal(box_unmount(&box), 0);
			assert_int_equal(box_mount(&box), 0);
		} else {
			if (way == 2)
				assert_int_equal(box_sync(&box), 0);
			box_crash(&box, way);
		}
		assert_int_equal(vd_op(&box, FS_CLONE_STATUS, "/top"), 0);
		assert_int_equal(vd_info.clone.state, FS_CLONE_RUNNING);
		check_content();
	}
	vd_await_clone(&box, "/top", FS_CLONE_DONE);
	check_content();
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	box_run(&box, 5000000000);
	check_content();
	assert_int_equal(vd_check(&box), 0);
}

static void a_crash_at_any_moment_of_a_clone_loses_nothing(void **state)
{
	unsigned n_done = 0;

	for (unsigned moment = 0; moment < 24; moment++) {
		clonebox_teardown(NULL);
		clonebox_setup(NULL);
		make_backed(8);
		memdisk_set_latency(1000000);
		assert_int_equal(vd_op(&box, FS_CLONE_START, "/top"), 0);
		box_run(&box, 1000000ULL * moment * moment);
		host_write(moment, FS_FILE_SYNC);
		box_crash(&box, moment);
		assert_int_equal(vd_op(&box, FS_CLONE_STATUS, "/top"), 0);
		assert_true(vd_info.clone.state == FS_CLONE_RUNNING || vd_info.clone.state == FS_CLONE_DONE);
		n_done += vd_info.clone.state == FS_CLONE_DONE;
		check_content();
		check_snapshot_content();
		vd_await_clone(&box, "/top", FS_CLONE_DONE);
		assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
		assert_int_equal(vd_destroy(&box, "/base", false), 0);
		box_run(&box, 5000000000);
		check_content();
		assert_int_equal(vd_check(&box), 0);
		memdisk_set_latency(0);
	}
	print_message("%u of 24 were done when the power failed\n", n_done);
	assert_in_range(n_done, 1, 22);
	(void)state;
}

static void host_writes_reduce_what_is_left(void **state)
{
	uint64_t before;

	(void)state;
	make_backed(8);
	assert_int_equal(clone_start_limited(MIB), 0);
	box_run(&box, 100000000);
	assert_int_equal(vd_op(&box, FS_CLONE_STATUS, "/top"), 0);
	before = vd_info.clone.blocks_done;
	for (uint32_t fbn = 2000; fbn < 2500; fbn++)
		host_write(fbn, FS_UNSTABLE);
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(vd_op(&box, FS_CLONE_STATUS, "/top"), 0);
	assert_true(vd_info.clone.blocks_done >= before + 480);
	assert_int_equal(vd_op(&box, FS_CLONE_STOP, "/top"), 0);
	assert_true(vd_info.clone.blocks_done >= before + 480);
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(vd_op(&box, FS_CLONE_START, "/top"), 0);
	assert_in_range(vd_info.clone.blocks_done, before + 480, before + 900);
	vd_await_clone(&box, "/top", FS_CLONE_DONE);
	assert_true(vd_info.clone.blocks_copied <= BLOCKS - 500);
	check_content();
}

static void a_lun_shrunk_while_it_is_cloned_ends_well(void **state)
{
	(void)state;
	make_backed(8);
	assert_int_equal(clone_start_limited(4 * MIB), 0);
	box_run(&box, 300000000);
	assert_int_equal(vd_resize(&box, "/top", 1000 * FS_BLOCK_SIZE, true), 0);
	assert_int_equal(vd_resize(&box, "/top", BLOCKS * FS_BLOCK_SIZE, true), 0);
	memset(model + 1000, 0, (BLOCKS - 1000) * sizeof model[0]);
	check_content();
	vd_await_clone(&box, "/top", FS_CLONE_DONE);
	assert_true(vd_info.clone.blocks_copied <= 1000);
	check_content();
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	box_crash(&box, 5);
	check_content();
	assert_int_equal(vd_check(&box), 0);
}

static void a_lun_destroyed_while_it_is_cloned_goes_away(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		if (i == 0)
			make_backed(8);
		else
			assert_int_equal(vd_create(&box, "/top", 0, "/.snapshot/s1/base", false), 0);
		assert_int_equal(clone_start_limited(i % 2 == 0 ? 8 * MIB : 0), 0);
		box_run(&box, 1 + i * 20000000);
		assert_int_equal(vd_destroy(&box, "/top", false), 0);
		assert_int_equal(vd_op(&box, FS_CLONE_STATUS, "/top"), -ENOENT);
	}
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	box_run(&box, 5000000000);
	assert_int_equal(vd_check(&box), 0);
}

static void several_luns_of_one_snapshot_are_cloned_at_once(void **state)
{
	char path[16];

	(void)state;
	make_backed(4);
	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "/copy%u", i);
		assert_int_equal(vd_create(&box, path, 0, "/.snapshot/s1/base", false), 0);
		assert_int_equal(vd_op(&box, FS_CLONE_START, path), 0);
	}
	for (unsigned i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "/copy%u", i);
		vd_await_clone(&box, path, FS_CLONE_DONE);
		for (uint32_t fbn = 0; fbn < BLOCKS; fbn += 7)
			assert_int_equal(vd_read(&box, vd_info.id, fbn), model_base[fbn]);
	}
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), -EBUSY);
	assert_int_equal(vd_destroy(&box, "/top", false), 0);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	assert_int_equal(vd_check(&box), 0);
}

static void a_clone_without_space_is_refused_with_figures(void **state)
{
	struct fs_file_id filler;
	uint64_t free_bytes;

	(void)state;
	make_backed(8);
	assert_int_equal(vd_create(&box, "/filler", 180 * MIB, NULL, false), 0);
	filler = vd_info.id;
	assert_int_equal(box_sync(&box), 0);
	free_bytes = box_free_bytes(&box);
	for (uint32_t fbn = 0; fbn < (free_bytes - 6 * MIB) / FS_BLOCK_SIZE; fbn++)
		vd_write(&box, filler, fbn, 9, FS_UNSTABLE);
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(vd_op(&box, FS_CLONE_START, "/top"), -ENOSPC);
	assert_non_null(strstr(vd_error, "MiB"));
	assert_int_equal(vd_op(&box, FS_CLONE_STATUS, "/top"), 0);
	assert_int_equal(vd_info.clone.state, FS_CLONE_NONE);
	check_content();
}

static void nested_backing_is_cloned_through_all_layers(void **state)
{
	(void)state;
	make_backed(5);
	for (uint32_t fbn = 0; fbn < BLOCKS; fbn += 11)
		host_write(fbn, FS_UNSTABLE);
	host_zero(500, 100);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);
	assert_int_equal(vd_create(&box, "/third", 0, "/.snapshot/s2/top", false), 0);
	assert_int_equal(vd_destroy(&box, "/top", false), 0);
	top = vd_info.id;
	assert_int_equal(vd_op(&box, FS_VDISK_GET, "/third"), 0);
	top = vd_info.id;
	host_write(1, FS_FILE_SYNC);
	check_content();
	assert_int_equal(vd_op(&box, FS_CLONE_START, "/third"), 0);
	vd_await_clone(&box, "/third", FS_CLONE_DONE);
	check_content();
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s2"), 0);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	box_run(&box, 5000000000);
	box_crash(&box, 3);
	check_content();
	assert_int_equal(vd_check(&box), 0);
}

/* ---- random histories ------------------------------------------------------------------------------------------ */

static uint64_t seed_now;
static uint32_t dice(uint32_t n)
{
	seed_now = seed_now * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(seed_now >> 33) % n;
}

static void history_step(uint64_t seed)
{
	switch (dice(13)) {
	case 0:
	case 1:
	case 2:
		for (uint32_t n = dice(20), fbn = dice(BLOCKS - 20); n > 0; n--, fbn++)
			host_write(fbn, FS_FILE_SYNC);
		break;
	case 3:
		host_zero(dice(BLOCKS - 100), 1 + dice(99));
		assert_int_equal(box_commit(&box, top), 0);
		break;
	case 4:
	case 5: (void)clone_start_limited(dice(2) == 0 ? 0 : (1 + dice(8)) * MIB); break;
	case 6: (void)vd_op(&box, FS_CLONE_STOP, "/top"); break;
	case 7: box_crash(&box, seed + seed_now); break;
	case 8: assert_int_equal(box_sync(&box), 0); break;
	case 9: {
		char name[16];
		snprintf(name, sizeof name, "x%u", dice(6));
		(void)vd_snapshot(&box, dice(2) == 0 ? FS_SNAPSHOT_CREATE : FS_SNAPSHOT_DELETE, name);
		break;
	}
	case 10:
		assert_int_equal(box_unmount(&box), 0);
		assert_int_equal(box_mount(&box), 0);
		break;
	default: box_run(&box, 1000000ULL * dice(400)); break;
	}
}

static void random_histories_keep_every_block(void **state)
{
	const char *first = getenv("CLONE_SEED");
	const char *count = getenv("CLONE_SEEDS");
	uint64_t begin = first != NULL ? strtoull(first, NULL, 10) : 1,
	         end = begin + (count != NULL   ? strtoull(count, NULL, 10)
	                        : first != NULL ? 1
	                                        : 12);
	char name[16];

	(void)state;
	for (uint64_t seed = begin; seed < end; seed++) {
		clonebox_teardown(NULL);
		clonebox_setup(NULL);
		seed_now = seed * 977;
		memdisk_set_latency(dice(2) * 1000000ULL * dice(4));
		print_message("seed %llu\n", (unsigned long long)seed);
		make_backed(1 + dice(8));
		for (unsigned n = 0; n < 40; n++) {
			history_step(seed);
			if (n % 10 == 9)
				check_content();
		}
		(void)vd_op(&box, FS_CLONE_START, "/top");
		vd_await_clone(&box, "/top", FS_CLONE_DONE);
		check_content();
		for (unsigned i = 6; i-- > 0;) {
			snprintf(name, sizeof name, "x%u", i);
			(void)vd_snapshot(&box, FS_SNAPSHOT_DELETE, name);
		}
		for (unsigned i = 6; i-- > 0;) { /* those that needed a younger one */
			snprintf(name, sizeof name, "x%u", i);
			assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, name), -ENOENT);
		}
		check_snapshot_content();
		if (vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1") != 0)
			fail_msg("s1 is not deleted: %s", vd_error);
		assert_int_equal(vd_destroy(&box, "/base", false), 0);
		box_run(&box, 10000000000);
		check_content();
		box_crash(&box, seed);
		check_content();
		assert_int_equal(vd_check(&box), 0);
	}
	memdisk_set_latency(0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, clonebox_setup, clonebox_teardown)
	const struct CMUnitTest tests[] = {
		T(a_cloned_lun_is_exact_and_frees_its_snapshot),    T(holes_over_holes_stay_holes),
		T(stop_keeps_what_was_filled_and_start_goes_on),    T(a_running_clone_resumes_after_restart_and_crash),
		T(a_crash_at_any_moment_of_a_clone_loses_nothing),  T(host_writes_reduce_what_is_left),
		T(a_lun_shrunk_while_it_is_cloned_ends_well),       T(a_lun_destroyed_while_it_is_cloned_goes_away),
		T(several_luns_of_one_snapshot_are_cloned_at_once), T(a_clone_without_space_is_refused_with_figures),
		T(nested_backing_is_cloned_through_all_layers),     T(random_histories_keep_every_block),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
