/* SPDX-License-Identifier: Apache-2.0 */
/* What a clone can be told: verify, delete the snapshot, limit, priority; and what it tells. */
#include "fs/core/volume_counters.h"
#include "tests/fs/clonebox.h"

#include "base/list.h"
#include "base/log.h"
#include "fs/clone/clone_private.h"
#include "fs/file/cache_private.h"
#include "fs/file/inode_table.h"
#include "tests/fs/checkbox.h"
#include "tests/support/memdisk.h"

#define SECOND 1000000000ULL

static void look(const char *path)
{
	assert_int_equal(vd_op(&box, FS_CLONE_STATUS, path), 0);
}

static void await_state(const char *path, enum fs_clone_state state)
{
	for (unsigned i = 0; i < 2000; i++) {
		look(path);
		if (vd_info.clone.state == state)
			return;
		box_run(&box, 20000000);
	}
	fail_msg("%s is in state %d, error %d", path, (int)vd_info.clone.state, vd_info.clone.error);
}

static bool snapshot_is_there(const char *name, bool *ret_when_free)
{
	struct fs_message msg;
	bool there = false;

	fs_message_init(&msg, FS_SNAPSHOT_LIST, box.vol, NULL, NULL);
	assert_int_equal(box_send(&box, &msg), 0);
	for (unsigned i = 0; i < msg.out.n; i++) {
		if (strcmp(msg.out.snapshots[i].name, name) != 0 || msg.out.snapshots[i].deleting)
			continue;
		there = true;
		if (ret_when_free != NULL)
			*ret_when_free = msg.out.snapshots[i].delete_when_free;
	}
	fs_message_fini(&msg);
	return there;
}

static bool is_going(void)
{
	return vd_info.clone.state == FS_CLONE_RUNNING || vd_info.clone.state == FS_CLONE_PAUSED;
}

/* ---- verify ---------------------------------------------------------------------------------------------------- */

static void a_verified_clone_compares_what_it_has_copied(void **state)
{
	unsigned n_seen[3] = { 0 };

	(void)state;
	make_backed(6);
	for (uint32_t fbn = 0; fbn < BLOCKS; fbn += 5)
		host_write(fbn, FS_UNSTABLE);
	host_zero(300, 200);
	assert_int_equal(clone_start_with("/top", 20 * MIB, 0, FS_CLONE_VERIFY), 0);
	for (look("/top"); is_going(); look("/top")) {
		n_seen[vd_info.clone.phase]++;
		if (vd_info.clone.phase == FS_CLONE_VERIFYING)
			assert_int_equal(vd_info.clone.blocks_done, BLOCKS);
		else if (vd_info.clone.phase == FS_CLONE_COPYING)
			assert_int_equal(vd_info.clone.blocks_verified, 0);
		box_run(&box, 10000000);
	}
	assert_int_equal(vd_info.clone.state, FS_CLONE_DONE);
	assert_int_equal(vd_info.clone.blocks_verified, BLOCKS);
	assert_true(n_seen[FS_CLONE_COPYING] > 5 && n_seen[FS_CLONE_VERIFYING] > 5);
	check_content();
	assert_int_equal(vd_check(&box), 0);
}

/* Block `fbn` of "/top", stopped and unmounted, gets other bytes behind the file system's back, with everything that
 * proves them right. */
static void damage_copy(uint32_t ino, uint32_t fbn)
{
	uint8_t bytes[4096];
	struct cb_raw raw;

	cb_raw_open(&raw, &box);
	cb_block_get(&raw, ino, 0, fbn, bytes);
	bytes[77] ^= 1;
	cb_vbn_put(
	    &raw, cb_vbn(&raw, ino, 0, fbn),
	    &(struct raid_ident){ .inode = ino, .fbn = fbn, .generation = (uint32_t)raw.generation, .mark = true },
	    bytes);
	cb_raw_close(&raw);
}

static void a_copy_that_differs_fails_the_clone_which_stays_backed(void **state)
{
	(void)state;
	make_backed(8);
	for (uint32_t fbn = 0; fbn < 40; fbn += 2)
		host_write(fbn, FS_UNSTABLE);
	assert_int_equal(clone_start_limited(8 * MIB), 0);
	box_run(&box, SECOND / 2);
	assert_int_equal(vd_op(&box, FS_CLONE_STOP, "/top"), 0);
	assert_true(vd_info.clone.blocks_copied > 100);
	assert_int_equal(box_unmount(&box), 0);
	damage_copy(top.inode, 35);
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(clone_start_with("/top", 0, 0, FS_CLONE_VERIFY), 0);
	await_state("/top", FS_CLONE_FAILED);
	assert_int_equal(vd_info.clone.error, -EUCLEAN);
	assert_int_equal(vd_info.clone.error_offset, 35 * FS_BLOCK_SIZE);
	assert_string_equal(vd_info.backing_snapshot, "s1");
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), -EBUSY);
	box_crash(&box, 3);
	await_state("/top", FS_CLONE_FAILED); /* it went on by itself, and found it again */
	assert_int_equal(vd_info.clone.error_offset, 35 * FS_BLOCK_SIZE);
	host_write(35, FS_FILE_SYNC); /* the client's word is the last one */
	assert_int_equal(clone_start_with("/top", 0, 0, FS_CLONE_VERIFY), 0);
	await_state("/top", FS_CLONE_DONE);
	check_content();
	assert_int_equal(vd_check(&box), 0);
}

static void without_verify_a_copy_is_not_looked_at_again(void **state)
{
	(void)state;
	make_backed(8);
	assert_int_equal(clone_start_limited(8 * MIB), 0);
	box_run(&box, SECOND / 2);
	assert_int_equal(vd_op(&box, FS_CLONE_STOP, "/top"), 0);
	assert_int_equal(box_unmount(&box), 0);
	damage_copy(top.inode, 35);
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(vd_op(&box, FS_CLONE_START, "/top"), 0);
	await_state("/top", FS_CLONE_DONE);
	assert_int_equal(vd_info.clone.blocks_verified, 0);
}

static void what_the_host_writes_meanwhile_is_no_difference(void **state)
{
	(void)state;
	make_backed(8);
	memdisk_set_latency(2000000);
	assert_int_equal(clone_start_with("/top", 10 * MIB, 0, FS_CLONE_VERIFY), 0);
	for (uint32_t n = 0; look("/top"), is_going(); n++) {
		uint32_t at = vd_info.clone.phase == FS_CLONE_VERIFYING ? (uint32_t)vd_info.clone.blocks_verified
		                                                        : n * 37;

		for (uint32_t i = 0; i < 8; i++)
			host_write((at + i * 16) % BLOCKS, n % 3 == 0 ? FS_FILE_SYNC : FS_UNSTABLE);
		host_zero((at + 100) % (BLOCKS - 8), 4);
		if (n % 4 == 0)
			assert_int_equal(box_sync(&box), 0);
		box_run(&box, 15000000);
	}
	memdisk_set_latency(0);
	assert_int_equal(vd_info.clone.state, FS_CLONE_DONE);
	check_content();
	assert_int_equal(vd_check(&box), 0);
}

static void a_verify_goes_on_after_a_crash_from_the_last_cp(void **state)
{
	uint64_t most = 0;
	unsigned n_verifying = 0;

	(void)state;
	make_backed(8);
	assert_int_equal(clone_start_with("/top", 8 * MIB, 0, FS_CLONE_VERIFY), 0);
	for (unsigned i = 0; look("/top"), is_going(); i++) {
		assert_true(i < 100);
		if (vd_info.clone.phase == FS_CLONE_VERIFYING) {
			n_verifying++;
			assert_int_equal(box_sync(&box), 0);
			look("/top");
			most = vd_info.clone.blocks_verified;
		}
		box_crash(&box, i);
		look("/top");
		assert_true(vd_info.clone.state == FS_CLONE_DONE || vd_info.clone.blocks_verified >= most);
		host_write(i * 31 % BLOCKS, FS_FILE_SYNC);
		box_run(&box, SECOND / 5);
	}
	assert_int_equal(vd_info.clone.state, FS_CLONE_DONE);
	assert_true(n_verifying >= 3);
	check_content();
	assert_int_equal(vd_check(&box), 0);
}

/* ---- delete the snapshot ----------------------------------------------------------------------------------------- */

static void the_snapshot_goes_with_its_last_dependant(void **state)
{
	bool when_free = false;

	(void)state;
	make_backed(4);
	assert_int_equal(vd_create(&box, "/copy", 0, "/.snapshot/s1/base", false), 0);
	assert_int_equal(clone_start_with("/top", 0, 0, FS_CLONE_DELETE_SNAPSHOT), 0);
	look("/top");
	assert_int_equal(vd_info.clone.flags, FS_CLONE_DELETE_SNAPSHOT);
	await_state("/top", FS_CLONE_DONE);
	box_run(&box, SECOND);
	assert_true(snapshot_is_there("s1", &when_free));
	assert_true(when_free);
	box_crash(&box, 4);
	assert_true(snapshot_is_there("s1", &when_free));
	assert_true(when_free);
	assert_int_equal(vd_op(&box, FS_CLONE_START, "/copy"), 0); /* of which nobody said so */
	await_state("/copy", FS_CLONE_DONE);
	box_run(&box, SECOND);
	assert_false(snapshot_is_there("s1", NULL));
	check_content();
	assert_int_equal(vd_check(&box), 0);
}

static void a_destroyed_dependant_was_the_last_one_too(void **state)
{
	(void)state;
	make_backed(4);
	assert_int_equal(vd_create(&box, "/copy", 0, "/.snapshot/s1/base", false), 0);
	assert_int_equal(clone_start_with("/top", 0, 0, FS_CLONE_DELETE_SNAPSHOT), 0);
	await_state("/top", FS_CLONE_DONE);
	assert_int_equal(vd_destroy(&box, "/copy", false), 0);
	box_crash(&box, 9); /* the destruction is in the log only */
	box_run(&box, 20 * SECOND);
	assert_false(snapshot_is_there("s1", NULL));
	check_content();
	assert_int_equal(vd_check(&box), 0);
}

static void a_renamed_snapshot_goes_as_well(void **state)
{
	struct fs_message msg;

	(void)state;
	make_backed(8);
	assert_int_equal(clone_start_with("/top", 8 * MIB, 0, FS_CLONE_DELETE_SNAPSHOT), 0);
	fs_message_init(&msg, FS_SNAPSHOT_RENAME, box.vol, NULL, NULL);
	msg.in.name = "s1";
	msg.in.name_len = 2;
	msg.in.to_name = "old";
	msg.in.to_name_len = 3;
	assert_int_equal(box_send(&box, &msg), 0);
	await_state("/top", FS_CLONE_DONE);
	box_run(&box, SECOND);
	assert_false(snapshot_is_there("old", NULL));
	assert_int_equal(vd_check(&box), 0);
}

static void a_snapshot_of_a_half_split_lun_holds_the_backing_one(void **state)
{
	struct fs_file_id inside;

	(void)state;
	make_backed(8);
	assert_int_equal(clone_start_with("/top", 8 * MIB, 0, FS_CLONE_DELETE_SNAPSHOT), 0);
	box_run(&box, SECOND / 2);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "x1"), 0);
	await_state("/top", FS_CLONE_DONE);
	box_run(&box, SECOND);
	assert_true(snapshot_is_there("s1", NULL));
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), -EBUSY);
	assert_non_null(strstr(vd_error, "snapshot \"x1\""));
	assert_non_null(strstr(vd_error, "delete that snapshot first"));
	box_crash(&box, 2);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), -EBUSY);
	assert_int_equal(box_resolve(&box, "/.snapshot/x1/top", &inside), 0);
	for (uint32_t fbn = 0; fbn < BLOCKS; fbn += 3)
		assert_int_equal(vd_read(&box, inside, fbn), model_base[fbn]);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "x1"), 0);
	box_run(&box, 2 * SECOND);
	assert_false(snapshot_is_there("s1", NULL));
	check_content();
	assert_int_equal(vd_check(&box), 0);
}

static void a_crash_at_any_moment_still_ends_with_the_snapshot_gone(void **state)
{
	unsigned n_done = 0;

	for (unsigned moment = 0; moment < 30; moment++) {
		clonebox_teardown(NULL);
		clonebox_setup(NULL);
		make_backed(3);
		memdisk_set_latency(1000000);
		assert_int_equal(
		    clone_start_with("/top", 0, 0, FS_CLONE_DELETE_SNAPSHOT | (moment % 2 == 0 ? FS_CLONE_VERIFY : 0)),
		    0);
		box_run(&box, 1000000ULL * moment * 5);
		box_crash(&box, moment);
		look("/top");
		n_done += vd_info.clone.state == FS_CLONE_DONE;
		check_content();
		await_state("/top", FS_CLONE_DONE);
		box_run(&box, 2 * SECOND);
		assert_false(snapshot_is_there("s1", NULL));
		check_content();
		assert_int_equal(vd_check(&box), 0);
		memdisk_set_latency(0);
	}
	print_message("%u of 30 were done when the power failed\n", n_done);
	assert_in_range(n_done, 1, 28);
	(void)state;
}

/* Of a snapshot on the unmounted disks. */
static uint32_t flags_on_disk(const char *name)
{
	uint8_t bytes[4096];
	struct snapshot_disk disk;
	uint32_t flags = UINT32_MAX;
	struct cb_raw raw;

	cb_raw_open(&raw, &box);
	cb_block_get(&raw, INO_SNAPSHOT_TABLE, 0, 0, bytes);
	for (size_t at = 0; at < sizeof bytes; at += sizeof disk) {
		memcpy(&disk, bytes + at, sizeof disk);
		if (le32_get(disk.id) != 0 && strcmp(disk.name, name) == 0)
			flags = le32_get(disk.flags);
	}
	cb_raw_close(&raw);
	return flags;
}

static void a_crash_between_release_and_deletion_does_not_keep_the_snapshot(void **state)
{
	(void)state;
	make_backed(3);
	memdisk_set_latency(2000000);
	assert_int_equal(clone_start_with("/top", 0, 0, FS_CLONE_DELETE_SNAPSHOT), 0);
	for (look("/top"); is_going(); look("/top"))
		box_run(&box, 100000);
	assert_int_equal(vd_info.clone.state, FS_CLONE_DONE);
	box_cut(&box, 12);
	assert_int_equal(flags_on_disk("s1"), SNAPSHOT_DELETE_WHEN_FREE);
	assert_int_equal(box_mount(&box), 0);
	look("/top");
	assert_int_equal(vd_info.clone.state, FS_CLONE_DONE);
	memdisk_set_latency(0);
	box_run(&box, 20 * SECOND);
	assert_false(snapshot_is_there("s1", NULL));
	check_content();
	assert_int_equal(vd_check(&box), 0);
}

/* ---- limit and priority ------------------------------------------------------------------------------------------ */

static void the_limit_is_changed_while_it_runs(void **state)
{
	uint64_t copied;

	(void)state;
	make_backed(8);
	assert_int_equal(clone_modify("/top", FS_CLONE_SET_RATE, MIB, 0, 0), -ESRCH);
	assert_non_null(strstr(vd_error, "nothing to change"));
	assert_int_equal(clone_start_limited(64 * 1024), 0);
	box_run(&box, SECOND);
	look("/top");
	copied = vd_info.clone.blocks_copied;
	assert_true(copied < 40);
	assert_int_equal(clone_modify("/top", FS_CLONE_SET_RATE, 4 * MIB, 0, 0), 0);
	box_run(&box, SECOND);
	look("/top");
	assert_in_range(vd_info.clone.blocks_copied - copied, 800, 1300);
	assert_in_range(vd_info.clone.speed_bytes_s, MIB, 5 * MIB);
	copied = vd_info.clone.blocks_copied;
	assert_int_equal(clone_modify("/top", FS_CLONE_SET_RATE | FS_CLONE_SET_PRIORITY, 128 * 1024, 9, 0), 0);
	box_crash(&box, 1);
	look("/top");
	assert_int_equal(vd_info.clone.rate_bytes_s, 128 * 1024);
	assert_int_equal(vd_info.clone.priority, 9);
	box_run(&box, SECOND);
	look("/top");
	assert_true(vd_info.clone.blocks_copied < copied + 80);
	assert_int_equal(vd_op(&box, FS_CLONE_STOP, "/top"), 0);
	assert_int_equal(clone_modify("/top", FS_CLONE_SET_PRIORITY, 0, 11, 0), -EINVAL);
	assert_int_equal(clone_modify("/top", FS_CLONE_SET_PRIORITY, 0, 2, 0), 0);
	assert_int_equal(clone_modify("/top", FS_CLONE_SET_VERIFY, 0, 0, FS_CLONE_VERIFY), 0);
	look("/top");
	assert_int_equal(vd_info.clone.state, FS_CLONE_STOPPED);
	assert_int_equal(vd_info.clone.priority, 2);
	assert_int_equal(vd_info.clone.rate_bytes_s, 128 * 1024);
	assert_int_equal(vd_info.clone.flags, FS_CLONE_VERIFY);
	assert_int_equal(clone_start_limited(0), 0);
	await_state("/top", FS_CLONE_DONE);
	assert_int_equal(clone_modify("/top", FS_CLONE_SET_RATE, MIB, 0, 0), -ESRCH);
	check_content();
}

#define WIDE 10240U /* blocks */

static void make_wide(void)
{
	struct fs_file_id wide;

	assert_int_equal(vd_create(&box, "/wide", WIDE * FS_BLOCK_SIZE, NULL, false), 0);
	wide = vd_info.id;
	for (uint32_t fbn = 0; fbn < WIDE; fbn++)
		vd_write(&box, wide, fbn, fbn + 1, FS_UNSTABLE);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "w1"), 0);
}

/* Blocks copied of LUNs with the given priorities when the first has copied `until`. */
static void race(const unsigned *priorities, unsigned n, uint64_t until, bool client, uint64_t *ret_copied)
{
	char path[16];

	make_wide();
	for (unsigned i = 0; i < n; i++) {
		snprintf(path, sizeof path, "/c%u", i);
		assert_int_equal(vd_create(&box, path, 0, "/.snapshot/w1/wide", false), 0);
		assert_int_equal(clone_start_with(path, 0, priorities[i], 0), 0);
	}
	memdisk_set_latency(500000);
	do {
		if (client)
			(void)vd_read(&box, vd_info.id, 17);
		box_run(&box, 5000000);
		look("/c0");
		assert_int_equal(vd_info.clone.state, FS_CLONE_RUNNING);
	} while (vd_info.clone.blocks_copied < until);
	memdisk_set_latency(0);
	for (unsigned i = 0; i < n; i++) {
		snprintf(path, sizeof path, "/c%u", i);
		look(path);
		ret_copied[i] = vd_info.clone.blocks_copied;
	}
}

static void within_20_percent(uint64_t copied, uint64_t share)
{
	print_message("%llu blocks where the share is %llu\n", (unsigned long long)copied, (unsigned long long)share);
	assert_in_range(copied, share * 8 / 10, share * 12 / 10);
}

static void clones_share_an_idle_volume_by_priority(void **state)
{
	static const unsigned priorities[] = { FS_CLONE_PRIORITY_HIGH, FS_CLONE_PRIORITY_NORMAL,
		                               FS_CLONE_PRIORITY_LOW };
	uint64_t copied[3];

	(void)state;
	race(priorities, 3, 9000, false, copied);
	within_20_percent(copied[1], copied[0] * 5 / 10);
	within_20_percent(copied[2], copied[0] * 2 / 10);
}

static void clones_share_a_busy_volume_by_priority(void **state)
{
	static const unsigned priorities[] = { 8, 4, 1 };
	uint64_t copied[3];

	(void)state;
	race(priorities, 3, 4000, true, copied);
	within_20_percent(copied[1], copied[0] / 2);
	within_20_percent(copied[2], copied[0] / 8);
}

/* One that keeps itself back leaves the rest to the others. */
static void a_limited_clone_of_high_priority_does_not_hold_up_the_others(void **state)
{
	uint64_t copied;

	(void)state;
	make_wide();
	assert_int_equal(vd_create(&box, "/c0", 0, "/.snapshot/w1/wide", false), 0);
	assert_int_equal(vd_create(&box, "/c1", 0, "/.snapshot/w1/wide", false), 0);
	assert_int_equal(clone_start_with("/c0", MIB, 10, 0), 0);
	assert_int_equal(clone_start_with("/c1", 0, 1, 0), 0);
	await_state("/c1", FS_CLONE_DONE);
	look("/c0");
	copied = vd_info.clone.blocks_copied;
	assert_true(copied < WIDE / 2);
}

/* ---- figures ----------------------------------------------------------------------------------------------------- */

static void what_the_host_writes_and_zeroes_counts_at_once(void **state)
{
	uint64_t before, after;

	(void)state;
	make_backed(8);
	assert_int_equal(clone_start_limited(64 * 1024), 0);
	box_run(&box, SECOND / 10);
	look("/top");
	before = vd_info.clone.blocks_done;
	assert_true(before < 100);
	for (uint32_t fbn = 2000; fbn < 2400; fbn++)
		host_write(fbn, FS_UNSTABLE);
	look("/top");
	assert_in_range(vd_info.clone.blocks_done, before + 395, before + 420);
	host_zero(1000, 600);
	look("/top");
	assert_true(vd_info.clone.blocks_done >= before + 590);
	assert_int_equal(box_sync(&box), 0);
	look("/top");
	assert_in_range(vd_info.clone.blocks_done, before + 990, before + 1030);
	for (unsigned i = 0; i < 3; i++) { /* neither again nor back */
		host_zero(1000, 600);
		host_write(2100, FS_UNSTABLE);
		host_write(1100, FS_UNSTABLE);
		assert_int_equal(box_sync(&box), 0);
	}
	look("/top");
	after = vd_info.clone.blocks_done;
	box_run(&box, SECOND / 4); /* another batch, which notes it */
	assert_int_equal(box_sync(&box), 0);
	assert_in_range(after, before + 990, before + 1060);
	box_crash(&box, 8);
	look("/top");
	assert_in_range(vd_info.clone.blocks_done, after - 20, after + 60);
	assert_int_equal(clone_modify("/top", FS_CLONE_SET_RATE, 0, 0, 0), 0);
	await_state("/top", FS_CLONE_DONE);
	assert_in_range(vd_info.clone.blocks_copied, BLOCKS - 1010, BLOCKS - 990);
	check_content();
}

static void done_never_falls_and_never_passes_the_total(void **state)
{
	uint64_t last = 0;

	(void)state;
	make_backed(7);
	assert_int_equal(clone_start_limited(8 * MIB), 0);
	for (uint32_t n = 0; look("/top"), is_going(); n++) {
		assert_true(vd_info.clone.blocks_done <= vd_info.clone.blocks_total);
		if (vd_info.clone.blocks_done + 80 < last)
			fail_msg("%llu blocks were done, now %llu", (unsigned long long)last,
			         (unsigned long long)vd_info.clone.blocks_done);
		last = vd_info.clone.blocks_done;
		for (uint32_t i = 0; i < 10; i++)
			host_write((n * 97 + i * 13) % BLOCKS, FS_UNSTABLE);
		if (n % 5 == 0)
			host_zero(n * 31 % (BLOCKS - 50), 40);
		box_run(&box, 30000000);
	}
	check_content();
}

/* Behind the restart no level-1 block below the cursor is read, of the LUN or of its backing store. */
static void after_a_restart_nothing_is_looked_at_twice(void **state)
{
	struct fs_file_id under;
	uint64_t done, n_read;

	for (unsigned way = 0; way < 2; way++) {
		clonebox_teardown(NULL);
		clonebox_setup(NULL);
		make_backed(8);
		assert_int_equal(clone_start_limited(10 * MIB), 0);
		do {
			box_run(&box, 10000000);
			look("/top");
		} while (vd_info.clone.blocks_done < 2200);
		assert_int_equal(box_sync(&box), 0);
		look("/top");
		done = vd_info.clone.blocks_done;
		if (way == 0) {
			assert_int_equal(box_unmount(&box), 0);
			assert_int_equal(box_mount(&box), 0);
		} else {
			box_crash(&box, 6);
		}
		assert_int_equal(clone_modify("/top", FS_CLONE_SET_RATE, 0, 0, 0), 0);
		await_state("/top", FS_CLONE_DONE);
		n_read = counter_get(&box.vol->counters->read_blocks);
		assert_int_equal(vd_info.clone.blocks_copied, BLOCKS);
		assert_int_equal(box_resolve(&box, "/.snapshot/s1/base", &under), 0);
		for (uint32_t base = 0; base < 2048; base += 1024) {
			assert_null(cache_peek(inode_find(box.vol, 0, top.inode), 1, base));
			assert_null(cache_peek(inode_find(box.vol, under.snapshot, under.inode), 1, base));
		}
		assert_non_null(cache_peek(inode_find(box.vol, under.snapshot, under.inode), 1, 2048));
		print_message("%llu of %u blocks were done at the restart; %llu were read behind it\n",
		              (unsigned long long)done, BLOCKS, (unsigned long long)n_read);
		assert_true(n_read < BLOCKS - done + 200);
		check_content();
	}
	(void)state;
}

/* ---- space ------------------------------------------------------------------------------------------------------- */

/* Write a thin LUN until it is refused. */
static uint32_t fill_up(struct fs_file_id filler, uint32_t from)
{
	static uint8_t bytes[16 * FS_BLOCK_SIZE];
	int err = 0;

	memset(bytes, 5, sizeof bytes);
	for (; err == 0; from += 16)
		err = box_write(&box, filler, (uint64_t)from * FS_BLOCK_SIZE, bytes, sizeof bytes, FS_UNSTABLE);
	assert_int_equal(err, -ENOSPC);
	return from;
}

static void what_a_clone_needs_is_set_aside(void **state)
{
	struct fs_file_id filler;
	uint64_t free_before, free_after, reserved;

	(void)state;
	make_backed(8);
	assert_int_equal(vd_create(&box, "/filler", 1024 * MIB, NULL, false), 0);
	filler = vd_info.id;
	assert_int_equal(box_sync(&box), 0);
	free_before = box_free_bytes(&box);
	assert_int_equal(clone_start_limited(4 * MIB), 0);
	free_after = box_free_bytes(&box);
	assert_in_range(free_before - free_after, BLOCKS * FS_BLOCK_SIZE, (BLOCKS + 60) * FS_BLOCK_SIZE);
	look("/top");
	reserved = vd_info.clone.blocks_reserved;
	assert_in_range(reserved, BLOCKS, BLOCKS + 60);
	(void)fill_up(filler, 0);
	for (look("/top"); vd_info.clone.state != FS_CLONE_DONE; look("/top")) {
		assert_int_equal(vd_info.clone.state, FS_CLONE_RUNNING); /* never paused */
		assert_true(vd_info.clone.blocks_reserved <= reserved);
		reserved = vd_info.clone.blocks_reserved;
		box_run(&box, 100000000);
	}
	assert_true(reserved < 300);
	check_content();
	assert_int_equal(vd_check(&box), 0);
}

static void the_hosts_writes_give_back_what_was_set_aside(void **state)
{
	(void)state;
	make_backed(8);
	assert_int_equal(clone_start_limited(64 * 1024), 0);
	for (uint32_t fbn = 1000; fbn < 2000; fbn++)
		host_write(fbn, FS_UNSTABLE);
	host_zero(2000, 500);
	assert_int_equal(box_sync(&box), 0);
	look("/top");
	assert_in_range(vd_info.clone.blocks_reserved, BLOCKS - 1600, BLOCKS - 1400);
	assert_int_equal(vd_op(&box, FS_CLONE_STOP, "/top"), 0);
	assert_int_equal(vd_info.clone.blocks_reserved, 0);
	assert_int_equal(box.vol->space->claim_blocks, 0);
	assert_int_equal(clone_start_limited(64 * 1024), 0);
	box_crash(&box, 5);
	look("/top");
	assert_in_range(vd_info.clone.blocks_reserved, 1000, BLOCKS + 60); /* set aside again */
	assert_int_equal(vd_destroy(&box, "/top", false), 0);
	box_run(&box, SECOND);
	assert_int_equal(box.vol->space->claim_blocks, 0);
}

/* If space lacks all the same, the clone waits for it, and nobody is failed by it. */
static void without_space_a_clone_pauses_and_goes_on_by_itself(void **state)
{
	struct fs_file_id filler;
	struct clone *clone;

	(void)state;
	make_backed(8);
	for (uint32_t fbn = 0; fbn < 64; fbn++)
		host_write(fbn, FS_UNSTABLE);
	assert_int_equal(vd_create(&box, "/filler", 1024 * MIB, NULL, false), 0);
	filler = vd_info.id;
	assert_int_equal(clone_start_limited(256 * 1024), 0);
	clone = clone_find(box.vol, &(struct fs_file_id){ 0, top.inode, top.generation });
	space_claim_drop(box.vol, &clone->claim);
	(void)fill_up(filler, 0);
	assert_int_equal(clone_modify("/top", FS_CLONE_SET_RATE, 0, 0, 0), 0);
	await_state("/top", FS_CLONE_PAUSED);
	assert_int_equal(vd_info.clone.error, -ENOSPC);
	assert_int_equal(vd_info.clone.eta_s, UINT64_MAX);
	assert_int_equal(vd_info.clone.speed_bytes_s, 0);
	check_content();
	box_run(&box, 10 * SECOND);
	look("/top");
	assert_int_equal(vd_info.clone.state, FS_CLONE_PAUSED);
	assert_int_equal(vd_destroy(&box, "/filler", false), 0);
	await_state("/top", FS_CLONE_DONE);
	check_content();
	assert_int_equal(vd_check(&box), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, clonebox_setup, clonebox_teardown)
	const struct CMUnitTest tests[] = {
		T(a_verified_clone_compares_what_it_has_copied),
		T(a_copy_that_differs_fails_the_clone_which_stays_backed),
		T(without_verify_a_copy_is_not_looked_at_again),
		T(what_the_host_writes_meanwhile_is_no_difference),
		T(a_verify_goes_on_after_a_crash_from_the_last_cp),
		T(the_snapshot_goes_with_its_last_dependant),
		T(a_destroyed_dependant_was_the_last_one_too),
		T(a_renamed_snapshot_goes_as_well),
		T(a_snapshot_of_a_half_split_lun_holds_the_backing_one),
		T(a_crash_at_any_moment_still_ends_with_the_snapshot_gone),
		T(a_crash_between_release_and_deletion_does_not_keep_the_snapshot),
		T(the_limit_is_changed_while_it_runs),
		T(clones_share_an_idle_volume_by_priority),
		T(clones_share_a_busy_volume_by_priority),
		T(a_limited_clone_of_high_priority_does_not_hold_up_the_others),
		T(what_the_host_writes_and_zeroes_counts_at_once),
		T(done_never_falls_and_never_passes_the_total),
		T(after_a_restart_nothing_is_looked_at_twice),
		T(what_a_clone_needs_is_set_aside),
		T(the_hosts_writes_give_back_what_was_set_aside),
		T(without_space_a_clone_pauses_and_goes_on_by_itself),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
