/* SPDX-License-Identifier: Apache-2.0 */
/* One LUN put back to a snapshot: what it keeps, what it shows, what is refused, and a power cut at every I/O of it. */
#include "tests/fs/vdiskbox.h"

#include "tests/support/memdisk.h"

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define BLOCKS 256U

static struct fsbox box;

static int setup(void **state)
{
	(void)state;
	box_open(&box, 7, 4, 48 * MIB, 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(vd_info.maps);
	memset(&vd_info, 0, sizeof vd_info);
	box_close(&box);
	return 0;
}

static struct fs_file_id lun_id(const char *path)
{
	assert_int_equal(vd_op(&box, FS_VDISK_GET, path), 0);
	return vd_info.id;
}

static void lun_write(const char *path, uint32_t fbn, uint32_t tag)
{
	vd_write(&box, lun_id(path), fbn, tag, FS_FILE_SYNC);
}

static uint32_t lun_read(const char *path, uint32_t fbn)
{
	return vd_read(&box, lun_id(path), fbn);
}

static void snap(const char *name)
{
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, name), 0);
}

/* "/a" with every third block written, "s1", then other content and another size. */
static void make_changed(void)
{
	assert_int_equal(vd_create(&box, "/a", BLOCKS * FS_BLOCK_SIZE, NULL, false), 0);
	for (uint32_t i = 0; i < BLOCKS; i += 3)
		vd_write(&box, vd_info.id, i, 1000 + i, FS_UNSTABLE);
	snap("s1");
	for (uint32_t i = 0; i < BLOCKS; i += 2)
		lun_write("/a", i, 5000 + i);
	assert_int_equal(vd_resize(&box, "/a", 2U * BLOCKS * FS_BLOCK_SIZE, false), 0);
	lun_write("/a", BLOCKS + 9, 77);
}

static void expect_s1(const char *path)
{
	struct fs_file_id id = lun_id(path);

	assert_int_equal(vd_info.size_bytes, BLOCKS * FS_BLOCK_SIZE);
	for (uint32_t i = 0; i < BLOCKS; i++)
		assert_int_equal(vd_read(&box, id, i), i % 3 == 0 ? 1000 + i : 0);
}

static void expect_changed(const char *path)
{
	struct fs_file_id id;

	assert_int_equal(box_resolve(&box, path, &id), 0);
	for (uint32_t i = 0; i < BLOCKS; i++)
		assert_int_equal(vd_read(&box, id, i), i % 2 == 0 ? 5000 + i : i % 3 == 0 ? 1000 + i : 0);
	assert_int_equal(vd_read(&box, id, BLOCKS + 9), 77);
}

static void the_lun_stays_the_lun_and_is_as_it_was(void **state)
{
	struct fs_vdisk_info before;
	uint8_t byte;

	(void)state;
	make_changed();
	assert_int_equal(vd_set_maps(&box, "/a", "its maps"), 0);
	snap("s2");
	assert_int_equal(vd_create(&box, "/top", 0, "/.snapshot/s2/a", false), 0);
	assert_int_equal(vd_op(&box, FS_VDISK_GET, "/a"), 0);
	before = vd_info;
	assert_int_equal(vd_restore(&box, "/a", "s1"), 0);
	assert_string_equal(vd_info.serial, before.serial);
	assert_true(uuid_equal(&vd_info.uuid, &before.uuid));
	assert_string_equal(vd_info.maps, "its maps");
	assert_int_equal(vd_info.state_generation, before.state_generation + 1);
	assert_true(vd_info.online && vd_info.write_cache && !vd_info.reserved);
	assert_int_equal(vd_info.clone.state, FS_CLONE_RUNNING);
	assert_int_equal(box_read(&box, before.id, 0, &byte, 1), -ESTALE);
	for (unsigned way = 0; way < 4; way++) {
		expect_s1("/a");
		assert_string_equal(vd_info.serial, before.serial);
		expect_changed("/.snapshot/s2/a");
		expect_changed("/top");
		box_restart(&box, way);
	}
	vd_await_clone(&box, "/a", FS_CLONE_DONE);
	expect_s1("/a");
	assert_string_equal(vd_info.backing_snapshot, "");
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	box_restart(&box, 2);
	expect_s1("/a");
	assert_int_equal(vd_count(&box), 2);
	assert_int_equal(vd_check(&box), 0);
}

static void a_write_after_it_counts_and_zeros_do_not_show_the_snapshot(void **state)
{
	(void)state;
	make_changed();
	assert_int_equal(vd_restore(&box, "/a", "s1"), 0);
	lun_write("/a", 3, 1);
	assert_int_equal(box_zero(&box, lun_id("/a"), 6 * FS_BLOCK_SIZE, 3 * FS_BLOCK_SIZE), 0);
	vd_await_clone(&box, "/a", FS_CLONE_DONE);
	for (unsigned way = 0; way < 3; way++) {
		assert_int_equal(lun_read("/a", 0), 1000);
		assert_int_equal(lun_read("/a", 3), 1);
		assert_int_equal(lun_read("/a", 6), 0);
		assert_int_equal(lun_read("/a", 9), 1009);
		box_restart(&box, way);
	}
	assert_int_equal(vd_check(&box), 0);
}

static void a_lun_that_is_gone_comes_back_and_one_renamed_stays_itself(void **state)
{
	struct fs_vdisk_info before;
	struct fs_message msg;

	(void)state;
	make_changed();
	assert_int_equal(vd_op(&box, FS_VDISK_GET, "/a"), 0);
	before = vd_info;
	assert_int_equal(vd_destroy(&box, "/a", true), 0);
	assert_int_equal(vd_restore(&box, "/a", "s1"), 0);
	assert_string_equal(vd_info.serial, before.serial);
	assert_null(vd_info.maps);
	expect_s1("/a");
	fs_message_init(&msg, FS_RENAME, box.vol, NULL, NULL);
	msg.file = box_root;
	msg.in.name = "a";
	msg.in.name_len = 1;
	msg.in.to_dir = box_root;
	msg.in.to_name = "b";
	msg.in.to_name_len = 1;
	assert_int_equal(box_send(&box, &msg), 0);
	fs_message_fini(&msg);
	assert_int_equal(vd_restore(&box, "/a", "s1"), 0);
	assert_string_not_equal(vd_info.serial, before.serial);
	box_restart(&box, 3);
	expect_s1("/a");
	expect_s1("/b");
	assert_string_equal(vd_info.serial, before.serial);
	assert_int_equal(vd_check(&box), 0);
}

static void a_snapshot_that_is_itself_backed_is_read_through(void **state)
{
	(void)state;
	make_changed();
	assert_int_equal(vd_create(&box, "/top", 0, "/.snapshot/s1/a", false), 0);
	lun_write("/top", 1, 9);
	snap("s2");
	lun_write("/top", 0, 8);
	assert_int_equal(vd_restore(&box, "/top", "s2"), 0);
	for (unsigned way = 0; way < 2; way++) {
		assert_int_equal(lun_read("/top", 0), 1000);
		assert_int_equal(lun_read("/top", 1), 9);
		assert_int_equal(lun_read("/top", 2), 0);
		box_restart(&box, way + 1);
		vd_await_clone(&box, "/top", FS_CLONE_DONE);
	}
	assert_int_equal(vd_check(&box), 0);
}

static void what_cannot_be_put_back_is_refused_and_says_why(void **state)
{
	struct fs_file_id id;

	(void)state;
	assert_int_equal(box_create(&box, box_root, "file", &id), 0);
	make_changed();
	assert_int_equal(vd_restore(&box, "/a", "none"), -ENOENT);
	assert_non_null(strstr(vd_error, "no snapshot \"none\""));
	assert_int_equal(vd_restore(&box, "/b", "s1"), -ENOENT);
	assert_non_null(strstr(vd_error, "has no \"/b\""));
	assert_int_equal(vd_restore(&box, "/file", "s1"), -EINVAL);
	assert_non_null(strstr(vd_error, "no LUN in snapshot"));
	assert_int_equal(vd_restore(&box, "a", "s1"), -EINVAL);
	assert_int_equal(vd_destroy(&box, "/a", true), 0);
	assert_int_equal(box_create(&box, box_root, "a", &id), 0);
	assert_int_equal(vd_restore(&box, "/a", "s1"), -EINVAL);
	assert_non_null(strstr(vd_error, "is a file"));
	assert_int_equal(box_remove(&box, box_root, "a"), 0);
	assert_int_equal(vd_restore(&box, "/a", "s1"), 0);
	assert_int_equal(vd_restore(&box, "/a", "s1"), -EBUSY); /* its clone has not ended */
	assert_non_null(strstr(vd_error, "lun clone stop"));
	assert_int_equal(vd_op(&box, FS_CLONE_STOP, "/a"), 0);
	assert_int_equal(vd_restore(&box, "/a", "s1"), 0);
	vd_await_clone(&box, "/a", FS_CLONE_DONE);
	expect_s1("/a");
	assert_int_equal(vd_check(&box), 0);
}

static void a_reserved_lun_needs_its_space_once_more(void **state)
{
	(void)state;
	assert_int_equal(vd_create(&box, "/a", 40 * MIB, NULL, true), 0);
	for (uint32_t i = 0; i < 40 * 256; i++)
		vd_write(&box, vd_info.id, i, i + 1, FS_UNSTABLE);
	assert_int_equal(box_sync(&box), 0);
	snap("s1");
	assert_int_equal(vd_create(&box, "/fill", 1 * MIB, NULL, false), 0);
	assert_int_equal(vd_restore(&box, "/a", "s1"), 0); /* what was promised for overwriting it is enough */
	vd_await_clone(&box, "/a", FS_CLONE_DONE);
	for (uint32_t i = 0; i < 40 * 256; i += 7)
		assert_int_equal(vd_read(&box, vd_info.id, i), i + 1);
	assert_int_equal(vd_check(&box), 0);
}

static void a_thin_lun_is_not_put_back_where_it_does_not_fit(void **state)
{
	(void)state;
	assert_int_equal(vd_create(&box, "/a", 60 * MIB, NULL, false), 0);
	for (uint32_t i = 0; i < 50 * 256; i++)
		vd_write(&box, vd_info.id, i, i + 1, FS_UNSTABLE);
	snap("s1");
	assert_int_equal(vd_create(&box, "/fill", 45 * MIB, NULL, true), 0);
	assert_int_equal(vd_restore(&box, "/a", "s1"), -ENOSPC);
	assert_non_null(strstr(vd_error, "delete files or other snapshots"));
	assert_int_equal(vd_read(&box, lun_id("/a"), 5), 6);
	assert_int_equal(vd_destroy(&box, "/fill", true), 0);
	assert_int_equal(vd_restore(&box, "/a", "s1"), 0);
	assert_int_equal(lun_read("/a", 5), 6);
	assert_int_equal(vd_check(&box), 0);
}

/* ---- against a model ---- */

#define N_SNAPS 3U
struct image {
	bool there;
	uint32_t n_blocks;
	uint32_t tags[2U * BLOCKS];
};

static uint64_t lot;
static uint32_t draw(void)
{
	lot = lot * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(lot >> 33);
}

static void image_cut(struct image *image, uint32_t n_blocks)
{
	for (uint32_t i = n_blocks; i < 2U * BLOCKS; i++)
		image->tags[i] = 0;
	image->n_blocks = n_blocks;
}

static void image_expect(const char *path, const struct image *image)
{
	struct fs_file_id id = lun_id(path);

	assert_int_equal(vd_info.size_bytes, (uint64_t)image->n_blocks * FS_BLOCK_SIZE);
	for (uint32_t i = 0; i < image->n_blocks; i++)
		assert_int_equal(vd_read(&box, id, i), image->tags[i]);
}

static void model_step(struct image *now, struct image *snaps, uint32_t step)
{
	uint32_t at = draw() % now->n_blocks, what = draw() % 20U, k = draw() % N_SNAPS;
	char name[8];

	snprintf(name, sizeof name, "s%u", k);
	if (what < 12) {
		vd_write(&box, lun_id("/a"), at, now->tags[at] = step + 1, FS_FILE_SYNC);
	} else if (what < 14) {
		uint32_t n = MIN_OF(1U + draw() % 20U, now->n_blocks - at);
		assert_int_equal(
		    box_zero(&box, lun_id("/a"), (uint64_t)at * FS_BLOCK_SIZE, (uint64_t)n * FS_BLOCK_SIZE), 0);
		assert_int_equal(box_commit(&box, lun_id("/a")), 0);
		memset(&now->tags[at], 0, n * sizeof now->tags[0]);
	} else if (what < 15) {
		image_cut(now, BLOCKS / 2U + draw() % BLOCKS);
		assert_int_equal(vd_resize(&box, "/a", (uint64_t)now->n_blocks * FS_BLOCK_SIZE, true), 0);
	} else if (what < 16) {
		box_run(&box, draw() % 200000000U);
	} else if (what < 18) {
		if (!snaps[k].there) {
			snap(name);
			snaps[k] = *now;
			snaps[k].there = true;
		} else if (vd_snapshot(&box, FS_SNAPSHOT_DELETE, name) == 0) {
			snaps[k].there = false;
		}
	} else if (snaps[k].there) {
		int err = vd_restore(&box, "/a", name);
		assert_true(err == 0 || err == -EBUSY);
		if (err == 0)
			*now = snaps[k];
	}
}

static void it_is_what_a_model_of_it_is(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 4; seed++) {
		static struct image now, snaps[N_SNAPS];

		lot = seed;
		memset(snaps, 0, sizeof snaps);
		memset(&now, 0, sizeof now);
		now.n_blocks = BLOCKS;
		assert_int_equal(vd_create(&box, "/a", BLOCKS * FS_BLOCK_SIZE, NULL, seed % 2 == 0), 0);
		for (uint32_t step = 0; step < 400; step++) {
			model_step(&now, snaps, step);
			if (step % 50 == 49) {
				box_restart(&box, step / 50 % 4);
				image_expect("/a", &now);
			}
		}
		assert_int_equal(vd_check(&box), 0);
		teardown(NULL);
		setup(NULL);
	}
}

/* ---- a power cut at every I/O ---- */

static uint64_t ios_of_all(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < box.n_disks; i++)
		n += memdisk_ios(box.urls[i] + 4);
	return n;
}

static void on_done(struct fs_message *msg)
{
	*(bool *)msg->owner = true;
}

static void base_use(char base[][64])
{
	for (unsigned i = 0; i < box.n_disks; i++) {
		snprintf(box.urls[i], sizeof(box.urls[i]), "mem:w%u.%u", i, ++box.life);
		assert_int_equal(memdisk_clone(base[i] + 4, box.urls[i] + 4), 0);
	}
	assert_int_equal(box_mount(&box), 0);
}

/* What the disks have now, each with its own part of what was not flushed; the volume that wrote it goes. */
static void cut(struct fs_message *msg, const bool *done, uint64_t seed)
{
	char fresh[BOX_DISKS_MAX][64];

	for (unsigned i = 0; i < box.n_disks; i++) {
		snprintf(fresh[i], sizeof(fresh[i]), "mem:c%u.%u", i, ++box.life);
		assert_int_equal(memdisk_crash_clone(box.urls[i] + 4, fresh[i] + 4, seed * 31U + i), 0);
	}
	while (!*done)
		assert_true(sim_step(box.sim));
	fs_message_fini(msg);
	assert_int_equal(box_unmount(&box), 0);
	for (unsigned i = 0; i < box.n_disks; i++) {
		assert_int_equal(disk_destroy(box.urls[i]), 0);
		memcpy(box.urls[i], fresh[i], sizeof(fresh[i]));
	}
	assert_int_equal(box_mount(&box), 0);
}

/* All of today, or all of the snapshot. */
static bool lun_is_restored(void)
{
	bool restored = lun_read("/a", 0) == 1000;

	assert_string_equal(vd_info.maps, "its maps");
	if (restored)
		expect_s1("/a");
	else
		expect_changed("/a");
	return restored;
}

static void power_cut_leaves_the_lun_of_today_or_the_restored_one(void **state)
{
	char base[BOX_DISKS_MAX][64];
	unsigned n_old = 0, n_new = 0;
	bool whole = false;

	(void)state;
	make_changed();
	assert_int_equal(vd_set_maps(&box, "/a", "its maps"), 0);
	assert_int_equal(box_unmount(&box), 0);
	memcpy(base, box.urls, sizeof(base));
	for (uint64_t n = 0; !whole; n += 1U + n / 40U) {
		struct fs_message msg;
		bool done = false, answered;
		uint64_t before;

		base_use(base);
		before = ios_of_all();
		fs_message_init(&msg, FS_VDISK_RESTORE, box.vol, on_done, &done);
		msg.in.path = "/a";
		msg.in.name = "s1";
		msg.in.name_len = 2;
		msg.origin = box.world;
		fs_message_send(&msg);
		while (ios_of_all() - before < n && !whole) {
			assert_true(sim_step(box.sim));
			if (done && n > 200U) { /* far beyond the answer: only the clone is left */
				vd_await_clone(&box, "/a", FS_CLONE_DONE);
				whole = true;
			}
		}
		answered = done && msg.status == 0;
		cut(&msg, &done, n + 1U);
		if (lun_is_restored())
			n_new++;
		else
			n_old++;
		assert_true(!answered || lun_read("/a", 0) == 1000);
		assert_int_equal(vd_check(&box), 0);
		vd_await_clone(&box, "/a", lun_read("/a", 0) == 1000 ? FS_CLONE_DONE : FS_CLONE_NONE);
		(void)lun_is_restored();
		assert_int_equal(vd_check(&box), 0);
		assert_int_equal(box_unmount(&box), 0);
		for (unsigned i = 0; i < box.n_disks; i++)
			assert_int_equal(disk_destroy(box.urls[i]), 0);
	}
	base_use(base);
	print_message("%u cuts before it, %u after it\n", n_old, n_new);
	assert_true(n_old > 0 && n_new > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_lun_stays_the_lun_and_is_as_it_was),
		T(a_write_after_it_counts_and_zeros_do_not_show_the_snapshot),
		T(a_lun_that_is_gone_comes_back_and_one_renamed_stays_itself),
		T(a_snapshot_that_is_itself_backed_is_read_through),
		T(what_cannot_be_put_back_is_refused_and_says_why),
		T(a_reserved_lun_needs_its_space_once_more),
		T(a_thin_lun_is_not_put_back_where_it_does_not_fit),
		T(it_is_what_a_model_of_it_is),
		T(power_cut_leaves_the_lun_of_today_or_the_restored_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
