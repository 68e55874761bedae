/* SPDX-License-Identifier: Apache-2.0 */
/* A volume put back to a snapshot: what is whose, what is refused, and a power cut at every I/O of it. */
#include "tests/fs/vdiskbox.h"

#include "base/page.h"
#include "fs/cp/cp.h"
#include "fs/cp/maps.h"
#include "fs/snapshot/snapshot.h"
#include "tests/support/memdisk.h"

#define DISK_BYTES (96 * MIB)
#define FAR 300000U /* a block whose file has a tree of three levels */

static struct fsbox box;

static int setup(void **state)
{
	(void)state;
	box_open(&box, 11, 3, DISK_BYTES, 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	box_close(&box);
	return 0;
}

static void put(const char *name, uint32_t fbn, uint32_t tag)
{
	struct fs_file_id id;

	if (box_lookup(&box, box_root, name, &id) != 0)
		assert_int_equal(box_create(&box, box_root, name, &id), 0);
	vd_write(&box, id, fbn, tag, FS_FILE_SYNC);
}

static uint32_t get(const char *name, uint32_t fbn)
{
	struct fs_file_id id;

	return box_lookup(&box, box_root, name, &id) != 0 ? UINT32_MAX : vd_read(&box, id, fbn);
}

static int doc_put(const char *name, const char *text)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_DOC_PUT, box.vol, NULL, NULL);
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	msg.in.blob = text;
	msg.in.blob_len = strlen(text);
	return box_send(&box, &msg);
}

static void doc_expect(const char *name, const char *text)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_DOC_GET, box.vol, NULL, NULL);
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	if (text == NULL) {
		assert_int_equal(box_send(&box, &msg), -ENOENT);
		return;
	}
	assert_int_equal(box_send(&box, &msg), 0);
	assert_int_equal(msg.out.blob_len, strlen(text));
	assert_memory_equal(msg.out.blob, text, msg.out.blob_len);
	fs_message_fini(&msg);
}

/* Names of snapshots that clients see. */
static unsigned n_snapshots(bool with_deleting)
{
	struct fs_message msg;
	unsigned n = 0;

	fs_message_init(&msg, FS_SNAPSHOT_LIST, box.vol, NULL, NULL);
	assert_int_equal(box_send(&box, &msg), 0);
	for (unsigned i = 0; i < msg.out.n; i++)
		n += with_deleting || !msg.out.snapshots[i].deleting;
	fs_message_fini(&msg);
	return n;
}

static void await_reclaim(unsigned n)
{
	for (unsigned i = 0; i < 400 && n_snapshots(true) > n; i++)
		box_run(&box, 100000000);
	assert_int_equal(n_snapshots(true), n);
}

/* ---- whole volumes ---- */

static void restored_volume_has_what_the_snapshot_had(void **state)
{
	struct fs_file_id kept, gone, later;
	uint64_t free_before;

	(void)state;
	put("kept", 0, 1);
	put("kept", 700, 2);
	put("big", FAR, 3);
	put("gone", 5, 4);
	assert_int_equal(box_lookup(&box, box_root, "kept", &kept), 0);
	assert_int_equal(box_lookup(&box, box_root, "gone", &gone), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(box_sync(&box), 0);
	free_before = box_free_bytes(&box);
	put("kept", 0, 11);
	assert_int_equal(box_remove(&box, box_root, "gone"), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);
	put("kept", 1, 12);
	put("big", FAR, 13);
	put("later", 9, 14);
	assert_int_equal(box_lookup(&box, box_root, "later", &later), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s3"), 0);
	put("later", 10, 15);

	assert_int_equal(box_restore(&box, "s1"), 0);
	assert_int_equal(get("kept", 0), 1);
	assert_int_equal(get("kept", 700), 2);
	assert_int_equal(get("big", FAR), 3);
	assert_int_equal(get("gone", 5), 4);
	assert_int_equal(get("later", 9), UINT32_MAX);
	assert_int_equal(vd_read(&box, kept, 0), 1); /* handles of then */
	assert_int_equal(vd_read(&box, gone, 5), 4);
	{
		uint8_t byte;
		assert_int_equal(box_read(&box, later, 0, &byte, 1), -ESTALE);
	}
	assert_int_equal(n_snapshots(false), 1);
	await_reclaim(1);
	assert_int_equal(box_check(&box), 0);
	assert_int_equal(box_sync(&box), 0);
	assert_true(box_free_bytes(&box) + 128 * FS_BLOCK_SIZE > free_before);
	assert_true(box_free_bytes(&box) < free_before + 128 * FS_BLOCK_SIZE);
	/* It goes on like any other volume. */
	put("kept", 0, 21);
	put("new", 3, 22);
	assert_int_equal(box_lookup(&box, box_root, "new", &gone), 0);
	assert_true(gone.generation > later.generation);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s4"), 0);
	put("kept", 0, 23);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	await_reclaim(1);
	box_crash(&box, 5);
	assert_int_equal(get("kept", 0), 23);
	assert_int_equal(box_restore(&box, "s4"), 0);
	assert_int_equal(get("kept", 0), 21);
	assert_int_equal(get("new", 3), 22);
	assert_int_equal(box_check(&box), 0);
}

static void documents_and_settings_of_luns_are_of_today(void **state)
{
	(void)state;
	assert_int_equal(vd_create(&box, "/both", 4 * MIB, NULL, false), 0);
	assert_int_equal(vd_create(&box, "/back", 4 * MIB, NULL, false), 0);
	vd_write(&box, vd_info.id, 3, 33, FS_FILE_SYNC);
	assert_int_equal(vd_set_maps(&box, "/both", "old maps"), 0);
	assert_int_equal(vd_set_maps(&box, "/back", "its maps"), 0);
	assert_int_equal(doc_put("exports", "of then"), 0);
	assert_int_equal(doc_put("dropped", "of then"), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(vd_set_maps(&box, "/both", "new maps"), 0);
	assert_int_equal(vd_resize(&box, "/both", 8 * MIB, false), 0);
	assert_int_equal(vd_destroy(&box, "/back", true), 0);
	assert_int_equal(vd_create(&box, "/late", 4 * MIB, NULL, false), 0);
	assert_int_equal(doc_put("exports", "of today"), 0);
	assert_int_equal(doc_put("added", "today"), 0);
	{
		struct fs_message msg;
		fs_message_init(&msg, FS_DOC_DELETE, box.vol, NULL, NULL);
		msg.in.name = "dropped";
		msg.in.name_len = 7;
		assert_int_equal(box_send(&box, &msg), 0);
	}
	assert_int_equal(box_restore(&box, "s1"), 0);
	doc_expect("exports", "of today");
	doc_expect("added", "today");
	doc_expect("dropped", NULL);
	assert_int_equal(vd_count(&box), 2);
	{
		struct fs_message msg;
		fs_message_init(&msg, FS_VDISK_GET, box.vol, NULL, NULL);
		msg.in.path = "/both";
		assert_int_equal(box_send(&box, &msg), 0);
		assert_string_equal(msg.out.vdisks[0].maps, "new maps");
		assert_int_equal(msg.out.vdisks[0].size_bytes, 4 * MIB);
		fs_message_fini(&msg);
		fs_message_init(&msg, FS_VDISK_GET, box.vol, NULL, NULL);
		msg.in.path = "/back";
		assert_int_equal(box_send(&box, &msg), 0);
		assert_null(msg.out.vdisks[0].maps);
		assert_int_equal(vd_read(&box, msg.out.vdisks[0].id, 3), 33);
		fs_message_fini(&msg);
	}
	assert_int_equal(vd_check(&box), 0);
}

static void expect_lun(const char *path, const struct uuid *uuid, const char *maps, uint32_t tag)
{
	assert_int_equal(vd_op(&box, FS_VDISK_GET, path), 0);
	assert_true(uuid_equal(&vd_info.uuid, uuid));
	if (maps == NULL)
		assert_null(vd_info.maps);
	else
		assert_string_equal(vd_info.maps, maps);
	assert_int_equal(vd_read(&box, vd_info.id, 3), tag);
}

/* Another inode is its content since, then or both times; and another LUN has its inode's place among names. */
static void a_lun_that_was_put_back_by_itself_keeps_its_maps(void **state)
{
	struct uuid a, b, c;

	(void)state;
	assert_int_equal(vd_create(&box, "/a", 4 * MIB, NULL, false), 0);
	a = vd_info.uuid;
	vd_write(&box, vd_info.id, 3, 33, FS_FILE_SYNC);
	assert_int_equal(vd_create(&box, "/b", 4 * MIB, NULL, false), 0);
	b = vd_info.uuid;
	vd_write(&box, vd_info.id, 3, 44, FS_FILE_SYNC);
	assert_int_equal(vd_create(&box, "/c", 4 * MIB, NULL, false), 0);
	c = vd_info.uuid;
	vd_write(&box, vd_info.id, 3, 55, FS_FILE_SYNC);
	assert_int_equal(vd_set_maps(&box, "/c", "of then"), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(vd_restore(&box, "/b", "s1"), 0); /* in place */
	vd_await_clone(&box, "/b", FS_CLONE_DONE);
	assert_int_equal(vd_destroy(&box, "/a", true), 0);
	assert_int_equal(vd_restore(&box, "/a", "s1"), 0); /* gone and back */
	vd_await_clone(&box, "/a", FS_CLONE_DONE);
	assert_int_equal(vd_destroy(&box, "/c", true), 0);
	assert_int_equal(vd_create(&box, "/c", 4 * MIB, NULL, false), 0); /* another one */
	assert_int_equal(vd_set_maps(&box, "/a", "maps of a"), 0);
	assert_int_equal(vd_set_maps(&box, "/b", "maps of b"), 0);
	assert_int_equal(vd_set_maps(&box, "/c", "another's"), 0);
	assert_int_equal(box_restore(&box, "s1"), 0);
	expect_lun("/a", &a, "maps of a", 33);
	expect_lun("/b", &b, "maps of b", 44);
	expect_lun("/c", &c, NULL, 55);
	box_restart(&box, 2);
	expect_lun("/a", &a, "maps of a", 33);
	expect_lun("/b", &b, "maps of b", 44);
	expect_lun("/c", &c, NULL, 55);
	assert_int_equal(vd_check(&box), 0);
}

static void zombies_of_the_snapshot_are_freed_once(void **state)
{
	uint64_t free_before;

	(void)state;
	for (unsigned i = 0; i < 6000; i += 3)
		put("large", i, i + 1);
	assert_int_equal(box_sync(&box), 0);
	free_before = box_free_bytes(&box);
	put("other", 0, 7);
	assert_int_equal(box_remove(&box, box_root, "large"), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0); /* the removed tree may be a zombie in it */
	put("other", 0, 8);
	box_run(&box, 30000000000ULL);
	assert_int_equal(box_restore(&box, "s1"), 0);
	assert_int_equal(get("other", 0), 7);
	assert_int_equal(get("large", 0), UINT32_MAX);
	box_run(&box, 30000000000ULL);
	assert_int_equal(box_check(&box), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	await_reclaim(0);
	assert_int_equal(box_check(&box), 0);
	assert_true(box_free_bytes(&box) >= free_before + 1900 * FS_BLOCK_SIZE);
}

static void clone_that_ran_when_the_snapshot_was_taken_goes_on(void **state)
{
	(void)state;
	assert_int_equal(vd_create(&box, "/src", 16 * MIB, NULL, false), 0);
	for (uint32_t i = 0; i < 4096; i += 2)
		vd_write(&box, vd_info.id, i, i + 1, FS_UNSTABLE);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(vd_create(&box, "/dst", 0, "/.snapshot/s1/src", false), 0);
	assert_int_equal(vd_op(&box, FS_CLONE_START, "/dst"), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);
	vd_await_clone(&box, "/dst", FS_CLONE_DONE);
	assert_int_equal(box_restore(&box, "s2"), 0);
	assert_int_equal(vd_op(&box, FS_CLONE_STATUS, "/dst"), 0);
	assert_int_not_equal(vd_info.clone.state, FS_CLONE_NONE);
	vd_await_clone(&box, "/dst", FS_CLONE_DONE);
	assert_int_equal(vd_op(&box, FS_VDISK_GET, "/dst"), 0);
	for (uint32_t i = 0; i < 4096; i++)
		assert_int_equal(vd_read(&box, vd_info.id, i), i % 2 == 0 ? i + 1 : 0);
	assert_int_equal(vd_check(&box), 0);
}

static void lun_backed_by_a_newer_snapshot_is_not_lost_unasked(void **state)
{
	(void)state;
	put("x", 0, 1);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(vd_create(&box, "/src", 4 * MIB, NULL, false), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);
	assert_int_equal(vd_create(&box, "/dst", 0, "/.snapshot/s2/src", false), 0);
	put("x", 0, 2);
	assert_int_equal(box_restore_prepare(&box, "s1", false), -EBUSY);
	assert_int_equal(box_restore_prepare(&box, "none", false), -ENOENT);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s3"), 0); /* refused, so nothing is barred */
	assert_int_equal(box_restore_prepare(&box, "s1", true), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s4"), -EBUSY);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), -EBUSY);
	assert_int_equal(box_restore_prepare(&box, "s2", true), -EBUSY);
	assert_int_equal(box_unmount(&box), 0);
	box.restore_to = "s1";
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(get("x", 0), 1);
	assert_int_equal(vd_count(&box), 0);
	assert_int_equal(vd_check(&box), 0);
}

static void mount_after_a_crash_does_not_restore(void **state)
{
	(void)state;
	put("x", 0, 1);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	put("x", 0, 2);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);
	put("x", 0, 3);
	assert_int_equal(box_unmount(&box), 0);
	box.restore_to = "s9";
	assert_int_equal(box_mount(&box), -ENOENT);
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(get("x", 0), 3);
	assert_int_equal(box_restore_prepare(&box, "s1", false), 0);
	box_cut(&box, 3); /* not unmounted */
	box.restore_to = "s1";
	assert_int_equal(box_mount(&box), -EBUSY);
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(get("x", 0), 3);
	assert_int_equal(box_check(&box), 0);
}

static void no_snapshot_before_the_newer_ones_are_reclaimed(void **state)
{
	(void)state;
	put("x", 0, 1);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	for (unsigned i = 0; i < 20; i++) {
		char name[8];

		put("x", i, i + 2);
		snprintf(name, sizeof name, "n%u", i);
		assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, name), 0);
	}
	assert_int_equal(box_restore(&box, "s1"), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), -EBUSY);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	box_crash(&box, 9);
	if (n_snapshots(true) > 1)
		assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), -EBUSY);
	await_reclaim(0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);
	assert_int_equal(get("x", 0), 1);
	assert_int_equal(box_check(&box), 0);
}

/* ---- a power cut at every I/O ---- */

struct mounting {
	bool done;
	int err;
	struct fs_volume *vol;
};

static void on_mounted(void *arg, int err, struct fs_volume *vol)
{
	*(struct mounting *)arg = (struct mounting){ true, err, vol };
}

static uint64_t ios_of_all(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < box.n_disks; i++)
		n += memdisk_ios(box.urls[i] + 4);
	return n;
}

/* The volume is unmounted, ready for "s1": mount it so from copies of its disks, cut the power after `n_ios` of them.
 * False: it ended before. */
static bool cut_after(char base[][64], uint64_t n_ios, uint64_t seed)
{
	struct fs_mount_options options = { .cache_pages = box.cache_pages, .restore_to = "s1" };
	struct mounting mounting = { false, 0, NULL };
	const char *urls[BOX_DISKS_MAX];
	uint64_t before;
	bool cut = false;

	for (unsigned i = 0; i < box.n_disks; i++) {
		snprintf(box.urls[i], sizeof(box.urls[i]), "mem:w%u.%u", i, ++box.life);
		assert_int_equal(memdisk_clone(base[i] + 4, box.urls[i] + 4), 0);
		urls[i] = box.urls[i];
	}
	before = ios_of_all();
	fs_volume_mount(box.world, urls, box.n_disks, &options, on_mounted, &mounting);
	while (!mounting.done && !(cut = ios_of_all() - before >= n_ios))
		assert_true(sim_step(box.sim));
	if (cut) {
		char fresh[BOX_DISKS_MAX][64];

		for (unsigned i = 0; i < box.n_disks; i++) {
			snprintf(fresh[i], sizeof(fresh[i]), "mem:c%u.%u", i, ++box.life);
			assert_int_equal(memdisk_crash_clone(box.urls[i] + 4, fresh[i] + 4, seed * 31U + i), 0);
		}
		while (!mounting.done)
			assert_true(sim_step(box.sim));
		box.vol = mounting.vol;
		assert_int_equal(box_unmount(&box), 0);
		for (unsigned i = 0; i < box.n_disks; i++) {
			assert_int_equal(disk_destroy(box.urls[i]), 0);
			memcpy(box.urls[i], fresh[i], sizeof(fresh[i]));
		}
		assert_int_equal(box_mount(&box), 0);
	} else {
		assert_int_equal(mounting.err, 0);
		box.vol = mounting.vol;
	}
	return cut;
}

/* All of today, or all of the snapshot. */
static bool volume_is_restored(void)
{
	bool restored = get("a", 0) == 1;

	assert_int_equal(get("a", 0), restored ? 1 : 11);
	assert_int_equal(get("a", 700), restored ? 2 : 12);
	assert_int_equal(get("b", FAR), restored ? 3 : UINT32_MAX);
	assert_int_equal(get("c", 1), restored ? UINT32_MAX : 14);
	assert_int_equal(vd_op(&box, FS_VDISK_GET, "/lun"), 0);
	assert_int_equal(vd_info.size_bytes, restored ? 4 * MIB : 8 * MIB);
	assert_int_equal(vd_read(&box, vd_info.id, 9), restored ? 5 : 15);
	assert_int_equal(n_snapshots(false), restored ? 2 : 4);
	doc_expect("exports", "today");
	return restored;
}

static void power_cut_leaves_the_old_volume_or_the_restored_one(void **state)
{
	char base[BOX_DISKS_MAX][64];
	unsigned n_old = 0, n_new = 0;
	uint64_t step = 1;

	(void)state;
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s0"), 0);
	put("a", 0, 1);
	put("a", 700, 2);
	put("b", FAR, 3);
	assert_int_equal(vd_create(&box, "/lun", 4 * MIB, NULL, false), 0);
	vd_write(&box, vd_info.id, 9, 5, FS_FILE_SYNC);
	assert_int_equal(doc_put("exports", "then"), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	put("a", 0, 11);
	assert_int_equal(box_remove(&box, box_root, "b"), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);
	put("a", 700, 12);
	assert_int_equal(vd_op(&box, FS_VDISK_GET, "/lun"), 0);
	vd_write(&box, vd_info.id, 9, 15, FS_FILE_SYNC);
	assert_int_equal(vd_resize(&box, "/lun", 8 * MIB, false), 0);
	assert_int_equal(doc_put("exports", "today"), 0);
	put("c", 1, 14);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s3"), 0);
	put("c", 2, 15);
	assert_int_equal(box_restore_prepare(&box, "s1", false), 0);
	assert_int_equal(box_unmount(&box), 0);
	memcpy(base, box.urls, sizeof(base));
	for (uint64_t n = 0; cut_after(base, n, n * 7U + 1U); n += step) {
		if (volume_is_restored())
			n_new++;
		else
			n_old++;
		assert_int_equal(vd_check(&box), 0);
		assert_int_equal(box_unmount(&box), 0);
		for (unsigned i = 0; i < box.n_disks; i++)
			assert_int_equal(disk_destroy(box.urls[i]), 0);
	}
	assert_true(volume_is_restored());
	assert_int_equal(vd_check(&box), 0);
	print_message("%u cuts before the switch, %u after it\n", n_old, n_new);
	assert_true(n_old > 20 && n_new > 0);
}

/* ---- random histories ---- */

#define FILES 4U
#define BLOCKS 96U
#define STRIDE 20U
#define KEPT 6U
#define STEPS 600U

struct image {
	bool used;
	unsigned number;
	char name[8];
	uint32_t tags[FILES][BLOCKS];
};

static struct history {
	struct image now, kept[KEPT];
	unsigned n_names, n_restores;
	uint32_t tag;
} history;

static unsigned draw(unsigned n)
{
	return (unsigned)(sim_random(box.sim) % n);
}

static void random_change(bool zero, enum fs_stable stable)
{
	unsigned f = draw(FILES), b = draw(BLOCKS);
	char name[2] = { (char)('a' + f), '\0' };
	struct fs_file_id id;

	assert_int_equal(box_lookup(&box, box_root, name, &id), 0);
	history.now.tags[f][b] = zero ? 0 : ++history.tag;
	if (zero)
		assert_int_equal(box_zero(&box, id, (uint64_t)b * STRIDE * FS_BLOCK_SIZE, FS_BLOCK_SIZE), 0);
	else
		vd_write(&box, id, b * STRIDE, history.now.tags[f][b], stable);
}

static void random_snapshot(struct image *kept)
{
	int err;

	history.now.number = history.n_names++;
	snprintf(history.now.name, sizeof history.now.name, "k%u", history.now.number % 100000U);
	err = box_snapshot(&box, FS_SNAPSHOT_CREATE, history.now.name);
	if (err == 0)
		*kept = history.now;
	else
		assert_int_equal(err, -EBUSY); /* what a restore has superseded is not gone yet */
}

static void random_restore(struct image *kept)
{
	struct image to = *kept;

	assert_int_equal(box_restore(&box, to.name), 0);
	memcpy(history.now.tags, to.tags, sizeof to.tags);
	for (unsigned k = 0; k < KEPT; k++)
		history.kept[k].used &= history.kept[k].number <= to.number;
	history.n_restores++;
}

static void random_step(unsigned step)
{
	unsigned dice = draw(20);
	struct image *kept = &history.kept[draw(KEPT)];

	if (dice < 12) {
		random_change(dice == 0, dice < 6 ? FS_FILE_SYNC : FS_UNSTABLE);
	} else if (dice < 15 && !kept->used) {
		random_snapshot(kept);
	} else if (dice == 15 && kept->used) {
		assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, kept->name), 0);
		kept->used = false;
	} else if (dice == 16) {
		box_run(&box, 500000000);
	} else if (dice == 17 && draw(3) == 0) {
		assert_int_equal(box_sync(&box), 0);
		box_crash(&box, step);
	} else if (dice == 18 && kept->used) {
		random_restore(kept);
	} else if (dice == 19) {
		assert_int_equal(box_check(&box), 0);
	}
}

static void image_expect(const struct image *image, const char *folder)
{
	char path[32];
	struct fs_file_id id;

	for (unsigned f = 0; f < FILES; f++) {
		snprintf(path, sizeof path, "%s/%c", folder, 'a' + (int)f);
		assert_int_equal(box_resolve(&box, path, &id), 0);
		for (unsigned b = 0; b < BLOCKS; b++)
			assert_int_equal(vd_read(&box, id, b * STRIDE), image->tags[f][b]);
	}
}

static void random_restores_match_the_model(void **state)
{
	struct fs_file_id id;

	(void)state;
	history = (struct history){ .now.used = true };
	for (unsigned f = 0; f < FILES; f++) {
		char name[2] = { (char)('a' + f), '\0' };

		assert_int_equal(box_create(&box, box_root, name, &id), 0);
		assert_int_equal(box_truncate(&box, id, (uint64_t)BLOCKS * STRIDE * FS_BLOCK_SIZE), 0);
	}
	for (unsigned step = 0; step < STEPS; step++) {
		random_step(step);
		if (step % 20U != 0)
			continue;
		image_expect(&history.now, "");
		for (unsigned k = 0; k < KEPT; k++) {
			char folder[24];

			snprintf(folder, sizeof folder, "/.snapshot/%s", history.kept[k].name);
			if (history.kept[k].used)
				image_expect(&history.kept[k], folder);
		}
	}
	assert_int_equal(box_check(&box), 0);
	print_message("%u restores\n", history.n_restores);
	assert_true(history.n_restores > 3);
}

/* ---- a volume of many regions ---- */

/* Its summary map has indirect blocks: the tree of then goes the way of a zombie. */
static void volume_of_many_regions_is_restored(void **state)
{
	struct fs_file_id id;

	(void)state;
	box_open(&box, 12, 3, 1400 * MIB, 2048);
	put("a", 0, 1);
	for (unsigned i = 0; i < 40; i++) { /* the allocator moves on over the regions */
		char name[8];

		snprintf(name, sizeof name, "n%u", i);
		assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, name), 0);
		for (unsigned k = 0; k < 300; k++)
			vd_write(&box, (assert_int_equal(box_lookup(&box, box_root, "a", &id), 0), id), k * 3U, i + 2U,
			         FS_UNSTABLE);
	}
	assert_int_equal(box_restore(&box, "n20"), 0);
	assert_int_equal(get("a", 0), 21);
	assert_int_equal(get("a", 897), 21);
	await_reclaim(21);
	assert_int_equal(box_check(&box), 0);
	assert_int_equal(box_restore(&box, "n0"), 0);
	assert_int_equal(get("a", 0), 1);
	await_reclaim(1);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "n0"), 0);
	await_reclaim(0);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

/* ---- clients that write while it is prepared ---- */

#define WRITERS 8U
#define BLOCKS_EACH 64U

static struct writers {
	struct fs_file_id file;
	uint32_t tags[WRITERS * BLOCKS_EACH]; /* what was answered */
	unsigned n_flying, n_answered;
	uint32_t last; /* tag */
	struct writer {
		struct fs_message msg;
		struct page *page;
		unsigned at; /* of its blocks */
		uint32_t tag;
	} writer[WRITERS];
} writers;

static void writer_send(struct writer *writer);

static void writer_answered(struct fs_message *msg)
{
	struct writer *writer = msg->owner;
	unsigned slot = (unsigned)(writer - writers.writer);

	assert_int_equal(msg->status, 0);
	writers.tags[slot * BLOCKS_EACH + writer->at] = writer->tag;
	writers.n_answered++;
	writers.n_flying--;
	fs_message_fini(msg);
	page_put(writer->page);
	if (writer->tag < writers.last)
		writer_send(writer);
}

static void writer_send(struct writer *writer)
{
	unsigned slot = (unsigned)(writer - writers.writer);

	writer->at = (writer->at + 1U) % BLOCKS_EACH;
	writer->tag++;
	assert_int_equal(page_alloc_many(&writer->page, 1), 0);
	for (unsigned i = 0; i < FS_BLOCK_SIZE / 4U; i++)
		memcpy(writer->page->data + i * 4U, &writer->tag, 4);
	fs_message_init(&writer->msg, FS_WRITE, box.vol, writer_answered, writer);
	writer->msg.file = writers.file;
	writer->msg.origin = box.world;
	writer->msg.in.stable = writer->tag % 3U == 0 ? FS_UNSTABLE : FS_FILE_SYNC;
	writer->msg.in.io = (struct fs_io){
		.offset_bytes = (uint64_t)(slot * BLOCKS_EACH + writer->at) * FS_BLOCK_SIZE,
		.len_bytes = FS_BLOCK_SIZE,
		.n_pages = 1,
		.pages = &writer->page,
	};
	writers.n_flying++;
	fs_message_send(&writer->msg);
}

/* The prepare is sent into the middle of their writes, and they go on when it is answered. */
static void write_through_a_prepare(const char *snapshot)
{
	unsigned before = writers.n_answered;

	writers.last += 400U;
	for (unsigned i = 0; i < WRITERS; i++)
		writer_send(&writers.writer[i]);
	while (writers.n_answered - before < WRITERS * 20U)
		assert_true(sim_step(box.sim));
	assert_int_equal(box_restore_prepare(&box, snapshot, false), 0);
	print_message("%u writes when it is answered, %u under way\n", writers.n_answered - before, writers.n_flying);
	while (writers.n_flying > 0)
		assert_true(sim_step(box.sim));
}

static void writers_expect(const uint32_t *tags)
{
	for (uint32_t i = 0; i < WRITERS * BLOCKS_EACH; i++)
		assert_int_equal(get("w", i), tags[i]);
}

static void clients_write_while_a_restore_is_prepared(void **state)
{
	static uint32_t then[WRITERS * BLOCKS_EACH];

	(void)state;
	memset(&writers, 0, sizeof writers);
	assert_int_equal(box_create(&box, box_root, "w", &writers.file), 0);
	for (uint32_t i = 0; i < WRITERS * BLOCKS_EACH; i++)
		vd_write(&box, writers.file, i, then[i] = writers.tags[i] = 7000 + i, FS_UNSTABLE);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	put("a", 0, 1);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);

	/* prepared and then given up: all of today, what was answered too */
	write_through_a_prepare("s1");
	writers_expect(writers.tags);
	assert_int_equal(box_commit(&box, writers.file), 0);
	box_crash(&box, 3);
	writers_expect(writers.tags);
	assert_int_equal(vd_check(&box), 0);

	/* and carried out: nothing of what they wrote */
	write_through_a_prepare("s1");
	assert_int_equal(box_unmount(&box), 0);
	box.restore_to = "s1";
	assert_int_equal(box_mount(&box), 0);
	writers_expect(then);
	assert_int_equal(get("a", 0), UINT32_MAX);
	assert_int_equal(vd_check(&box), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(restored_volume_has_what_the_snapshot_had),
		T(documents_and_settings_of_luns_are_of_today),
		T(a_lun_that_was_put_back_by_itself_keeps_its_maps),
		T(zombies_of_the_snapshot_are_freed_once),
		T(clone_that_ran_when_the_snapshot_was_taken_goes_on),
		T(lun_backed_by_a_newer_snapshot_is_not_lost_unasked),
		T(mount_after_a_crash_does_not_restore),
		T(no_snapshot_before_the_newer_ones_are_reclaimed),
		T(power_cut_leaves_the_old_volume_or_the_restored_one),
		T(random_restores_match_the_model),
		T(clients_write_while_a_restore_is_prepared),
		cmocka_unit_test(volume_of_many_regions_is_restored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
