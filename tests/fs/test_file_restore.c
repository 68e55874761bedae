/* SPDX-License-Identifier: Apache-2.0 */
/* One regular file put back to a snapshot: what it is afterwards, what clients see meanwhile, what is refused, and a
 * power cut at every I/O. */
#include "tests/fs/vdiskbox.h"

#include "fs/snapshot/file_restore.h"
#include "tests/support/memdisk.h"

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define BLOCKS 600U /* of the file, with holes: a tree of two levels */
#define TAIL 1234U /* bytes of its last block */

static struct fsbox box;
static struct fs_file_id dir;

static int setup(void **state)
{
	(void)state;
	box_open(&box, 7, 4, 48 * MIB, 4096);
	assert_int_equal(box_named(&box, FS_MKDIR, box_root, "d", &dir), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	box_close(&box);
	return 0;
}

static void snap(const char *name)
{
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, name), 0);
}

static struct fs_attr attr_of(struct fs_file_id id)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_GETATTR, box.vol, NULL, NULL);
	msg.file = id;
	assert_int_equal(box_send(&box, &msg), 0);
	return msg.out.attr;
}

static void set_attr(struct fs_file_id id, uint32_t mode, uint32_t uid, int64_t time_ns)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_SETATTR, box.vol, NULL, NULL);
	msg.file = id;
	msg.in.setattr = (struct fs_setattr){ .set_mode = true,
		                              .mode = mode,
		                              .set_uid = true,
		                              .uid = uid,
		                              .set_gid = true,
		                              .gid = uid + 1,
		                              .set_atime = FS_TIME_CLIENT,
		                              .atime_ns = time_ns,
		                              .set_mtime = FS_TIME_CLIENT,
		                              .mtime_ns = time_ns + 5 };
	assert_int_equal(box_send(&box, &msg), 0);
}

static uint64_t inodes_used(void)
{
	struct fs_message msg;
	uint64_t n;

	fs_message_init(&msg, FS_VOLUME_STAT, box.vol, NULL, NULL);
	assert_int_equal(box_send(&box, &msg), 0);
	n = msg.out.volume->n_inodes_used;
	fs_message_fini(&msg);
	return n;
}

/* ---- restores ---- */

struct asked {
	struct fs_message msg;
	bool done;
};

static void on_done(struct fs_message *msg)
{
	*(bool *)msg->owner = true;
}

static void ask(struct asked *asked, const char *path, const char *snapshot)
{
	asked->done = false;
	fs_message_init(&asked->msg, FS_FILE_RESTORE, box.vol, on_done, &asked->done);
	asked->msg.in.path = path;
	asked->msg.in.name = snapshot;
	asked->msg.in.name_len = (uint32_t)strlen(snapshot);
	asked->msg.origin = box.world;
	asked->msg.cls = FS_CLASS_ADMIN;
	fs_message_send(&asked->msg);
}

static int answer(struct asked *asked)
{
	while (!asked->done)
		assert_true(sim_step(box.sim));
	memcpy(vd_error, asked->msg.out.error_text, sizeof vd_error);
	fs_message_fini(&asked->msg);
	return asked->msg.status;
}

static int restore(const char *path, const char *snapshot)
{
	struct asked asked;

	ask(&asked, path, snapshot);
	return answer(&asked);
}

static void expect_refused(const char *path, const char *snapshot, int err, const char *why)
{
	assert_int_equal(restore(path, snapshot), err);
	if (strstr(vd_error, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", vd_error, why);
}

/* ---- the file ---- */

static uint32_t tag_then(uint32_t fbn)
{
	return fbn % 7 < 3 && (fbn < 100 || fbn > 400) ? 1000 + fbn : 0;
}

static uint32_t tag_today(uint32_t fbn)
{
	return fbn % 2 == 0 ? 5000 + fbn : tag_then(fbn);
}

/* "/d/f" with holes, "s1", then other content, another size and other attributes. */
static struct fs_file_id make_changed(void)
{
	struct fs_file_id file;
	uint32_t tail[TAIL / 4 + 1];

	assert_int_equal(box_create(&box, dir, "f", &file), 0);
	for (uint32_t i = 0; i < BLOCKS; i++)
		if (tag_then(i) != 0)
			vd_write(&box, file, i, tag_then(i), FS_UNSTABLE);
	for (unsigned i = 0; i < TAIL / 4 + 1; i++)
		tail[i] = 77;
	assert_int_equal(box_write(&box, file, BLOCKS * FS_BLOCK_SIZE, tail, TAIL, FS_UNSTABLE), 0);
	set_attr(file, 0640, 42, 1000000007);
	snap("s1");
	for (uint32_t i = 0; i < BLOCKS; i += 2)
		vd_write(&box, file, i, 5000 + i, FS_UNSTABLE);
	vd_write(&box, file, BLOCKS + 9, 5, FS_FILE_SYNC);
	set_attr(file, 0777, 7, 2000000007);
	return file;
}

static struct fs_file_id file_id(const char *path)
{
	struct fs_file_id id;

	assert_int_equal(box_resolve(&box, path, &id), 0);
	return id;
}

static void expect_then(const char *path)
{
	struct fs_file_id id = file_id(path);
	struct fs_attr attr = attr_of(id);
	uint32_t tail[TAIL / 4 + 1];

	assert_int_equal(attr.type, FS_TYPE_REG);
	assert_int_equal(attr.size_bytes, BLOCKS * FS_BLOCK_SIZE + TAIL);
	assert_true(attr.mode == 0640 && attr.uid == 42 && attr.gid == 43 && attr.nlink == 1);
	assert_true(attr.atime_ns == 1000000007 && attr.mtime_ns == 1000000012);
	for (uint32_t i = 0; i < BLOCKS; i++)
		assert_int_equal(vd_read(&box, id, i), tag_then(i));
	assert_int_equal(box_read(&box, id, BLOCKS * FS_BLOCK_SIZE, tail, TAIL + 100), TAIL);
	for (unsigned i = 0; i < TAIL / 4; i++)
		assert_int_equal(tail[i], 77);
}

static void expect_today(const char *path)
{
	struct fs_file_id id = file_id(path);
	struct fs_attr attr = attr_of(id);

	assert_int_equal(attr.size_bytes, (BLOCKS + 10U) * FS_BLOCK_SIZE);
	assert_true(attr.mode == 0777 && attr.uid == 7 && attr.mtime_ns == 2000000012);
	for (uint32_t i = 0; i < BLOCKS; i++)
		assert_int_equal(vd_read(&box, id, i), tag_today(i));
	assert_int_equal(vd_read(&box, id, BLOCKS + 9), 5);
}

/* ---- what it is afterwards ---- */

static void the_file_is_as_it_was_and_sparse_and_stays_so(void **state)
{
	struct fs_file_id before = make_changed(), other;
	uint64_t n_inodes = inodes_used(), then_used = attr_of(file_id("/.snapshot/s1/d/f")).used_bytes;
	int64_t changed_ns = attr_of(before).ctime_ns;
	uint8_t byte;

	(void)state;
	assert_int_equal(box_create(&box, dir, "other", &other), 0);
	vd_write(&box, other, 0, 9, FS_FILE_SYNC);
	snap("s2");
	assert_int_equal(restore("/d/f", "s1"), 0);
	assert_int_equal(box_read(&box, before, 0, &byte, 1), -ESTALE);
	assert_true(attr_of(file_id("/d/f")).ctime_ns > changed_ns); /* a backup by time of change sees it */
	assert_true(attr_of(dir).mtime_ns > changed_ns);
	for (unsigned way = 0; way < 4; way++) {
		expect_then("/d/f");
		expect_today("/.snapshot/s2/d/f");
		expect_then("/.snapshot/s1/d/f");
		assert_int_equal(vd_read(&box, other, 0), 9);
		box_restart(&box, way);
		assert_int_equal(inodes_used(), n_inodes + 1);
	}
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(attr_of(file_id("/d/f")).used_bytes, then_used);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	assert_int_equal(vd_check(&box), 0);
	expect_then("/d/f");
	vd_write(&box, file_id("/d/f"), 0, 11, FS_FILE_SYNC);
	box_restart(&box, 2);
	assert_int_equal(vd_read(&box, file_id("/d/f"), 0), 11);
	expect_today("/.snapshot/s2/d/f");
	assert_int_equal(vd_check(&box), 0);
}

static void a_file_that_is_gone_comes_back_where_its_directory_is(void **state)
{
	struct fs_file_id sub;

	(void)state;
	make_changed();
	assert_int_equal(box_remove(&box, dir, "f"), 0);
	assert_int_equal(restore("/d/f", "s1"), 0);
	expect_then("/d/f");
	assert_int_equal(box_remove(&box, dir, "f"), 0);
	assert_int_equal(box_named(&box, FS_RMDIR, box_root, "d", NULL), 0);
	expect_refused("/d/f", "s1", -ENOENT, "is not there any more");
	assert_int_equal(box_create(&box, box_root, "d", &sub), 0);
	expect_refused("/d/f", "s1", -ENOTDIR, "is not there any more");
	assert_int_equal(box_remove(&box, box_root, "d"), 0);
	assert_int_equal(box_named(&box, FS_MKDIR, box_root, "d", &dir), 0);
	assert_int_equal(restore("/d/f", "s1"), 0);
	box_restart(&box, 1);
	expect_then("/d/f");
	assert_int_equal(vd_check(&box), 0);
}

static void small_and_empty_files_and_other_names_of_a_file(void **state)
{
	struct fs_file_id small, empty, linked;
	struct fs_message msg;
	char text[16] = { 0 };

	(void)state;
	assert_int_equal(box_create(&box, box_root, "small", &small), 0);
	assert_int_equal(box_create(&box, box_root, "empty", &empty), 0);
	assert_int_equal(box_write(&box, small, 0, "then", 4, FS_FILE_SYNC), 0);
	assert_int_equal(box_truncate(&box, empty, 0), 0);
	snap("s1");
	assert_int_equal(box_write(&box, small, 0, "today, long", 11, FS_FILE_SYNC), 0);
	assert_int_equal(box_write(&box, empty, 0, "no more", 7, FS_FILE_SYNC), 0);
	fs_message_init(&msg, FS_LINK, box.vol, NULL, NULL);
	msg.file = small;
	msg.in.to_dir = dir;
	msg.in.to_name = "linked";
	msg.in.to_name_len = 6;
	assert_int_equal(box_send(&box, &msg), 0);
	assert_int_equal(restore("/small", "s1"), 0);
	assert_int_equal(restore("/empty", "s1"), 0);
	for (unsigned way = 0; way < 3; way++) {
		memset(text, 0, sizeof text);
		assert_int_equal(box_read(&box, file_id("/small"), 0, text, sizeof text), 4);
		assert_string_equal(text, "then");
		assert_int_equal(attr_of(file_id("/empty")).size_bytes, 0);
		linked = file_id("/d/linked"); /* another name of what stood there: it has not been asked for */
		assert_int_equal(box_read(&box, linked, 0, text, sizeof text), 11);
		assert_int_equal(attr_of(linked).nlink, 1);
		box_restart(&box, way);
	}
	assert_int_equal(vd_check(&box), 0);
}

/* ---- meanwhile ---- */

/* A block of the file of today, or a stale handle: never anything else. */
static bool old_is_whole(struct fs_file_id id, uint32_t fbn)
{
	uint32_t words[FS_BLOCK_SIZE / 4U];
	int n = box_read(&box, id, (uint64_t)fbn * FS_BLOCK_SIZE, words, FS_BLOCK_SIZE);

	if (n == -ESTALE)
		return false;
	assert_int_equal(n, FS_BLOCK_SIZE);
	assert_int_equal(words[0], tag_today(fbn));
	assert_int_equal(words[1000], tag_today(fbn));
	return true;
}

static void readers_see_the_old_file_until_they_see_the_whole_new_one(void **state)
{
	struct fs_file_id before = make_changed(), other;
	struct asked asked, progress;
	unsigned n_old = 0;
	uint64_t seen = 0;

	(void)state;
	assert_int_equal(box_create(&box, dir, "other", &other), 0);
	ask(&asked, "/d/f", "s1");
	for (uint32_t i = 0; !asked.done; i++) {
		fs_message_init(&progress.msg, FS_FILE_RESTORE_STATUS, box.vol, NULL, NULL);
		progress.msg.in.path = "/d/f";
		if (box_send(&box, &progress.msg) == 0) {
			assert_true(progress.msg.out.progress.done_bytes >= seen);
			assert_int_equal(progress.msg.out.progress.total_bytes, (BLOCKS + 1U) * FS_BLOCK_SIZE);
			seen = progress.msg.out.progress.done_bytes;
		}
		vd_write(&box, other, i % 64, i + 1, i % 8 == 0 ? FS_FILE_SYNC : FS_UNSTABLE);
		n_old += old_is_whole(before, i % BLOCKS);
		box_run(&box, 100000);
	}
	assert_int_equal(answer(&asked), 0);
	print_message("%u looks meanwhile, seen at %llu bytes at last\n", n_old, (unsigned long long)seen);
	assert_true(n_old > 0 && seen > 0);
	expect_then("/d/f");
	assert_int_equal(vd_check(&box), 0);
}

static void its_snapshot_stays_and_it_can_be_ended(void **state)
{
	struct asked asked, second;
	uint64_t n_inodes, n_free;
	struct fs_message msg;

	(void)state;
	make_changed();
	assert_int_equal(box_sync(&box), 0);
	n_inodes = inodes_used();
	n_free = box_free_bytes(&box);
	ask(&asked, "/d/f", "s1");
	while (inodes_used() == n_inodes)
		assert_true(sim_step(box.sim));
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), -EBUSY);
	assert_non_null(strstr(vd_error, "is being restored from snapshot \"s1\""));
	ask(&second, "/d/f", "s1");
	assert_int_equal(answer(&second), -EBUSY);
	assert_non_null(strstr(vd_error, "being restored already"));
	fs_message_init(&msg, FS_FILE_RESTORE_CANCEL, box.vol, NULL, NULL);
	msg.in.path = "/d/f";
	assert_int_equal(box_send(&box, &msg), 0);
	assert_int_equal(answer(&asked), -ECANCELED);
	assert_non_null(strstr(vd_error, "ended early"));
	assert_int_equal(box_send(&box, &msg), -ENOENT);
	expect_today("/d/f");
	assert_int_equal(inodes_used(), n_inodes);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(box_sync(&box), 0);
	assert_int_equal(box_free_bytes(&box), n_free);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	assert_int_equal(vd_check(&box), 0);
}

/* Taken down, or cut off, at any moment: nothing is left of it. */
static void an_unmount_ends_it_and_nothing_is_left(void **state)
{
	(void)state;
	make_changed();
	for (unsigned n = 0; n < 60; n += 3) {
		struct asked asked;
		uint64_t n_inodes = inodes_used();
		int err;

		ask(&asked, "/d/f", "s1");
		for (unsigned i = 0; i < n && !asked.done; i++)
			assert_true(sim_step(box.sim));
		assert_int_equal(box_unmount(&box), 0);
		err = answer(&asked);
		assert_true(err == 0 || err == -ECANCELED || err == -ENODEV);
		assert_int_equal(box_mount(&box), 0);
		assert_int_equal(inodes_used(), n_inodes);
		if (err == 0)
			break;
		expect_today("/d/f");
	}
	assert_int_equal(vd_check(&box), 0);
}

static void a_snapshot_may_be_taken_meanwhile_and_the_volume_put_back_to_it(void **state)
{
	struct asked asked;
	uint64_t n_inodes;

	(void)state;
	make_changed();
	n_inodes = inodes_used();
	ask(&asked, "/d/f", "s1");
	while (inodes_used() == n_inodes)
		assert_true(sim_step(box.sim));
	snap("half"); /* has the staged file */
	assert_int_equal(answer(&asked), 0);
	expect_then("/d/f");
	assert_int_equal(box_restore(&box, "half"), 0);
	expect_today("/d/f");
	box_run(&box, 1000000000);
	assert_int_equal(inodes_used(), n_inodes);
	assert_int_equal(vd_check(&box), 0);
	box_restart(&box, 3);
	assert_int_equal(inodes_used(), n_inodes);
	assert_int_equal(restore("/d/f", "s1"), 0);
	expect_then("/d/f");
	assert_int_equal(vd_check(&box), 0);
}

/* ---- refused ---- */

static void what_cannot_be_restored_is_refused_and_says_why(void **state)
{
	struct asked many[FILE_RESTORES_MAX];
	static char paths[FILE_RESTORES_MAX][16];
	struct fs_file_id id;

	(void)state;
	make_changed();
	assert_int_equal(box_named(&box, FS_SYMLINK, dir, "link", NULL), 0);
	assert_int_equal(box_named(&box, FS_MKNOD, dir, "fifo", NULL), 0);
	assert_int_equal(vd_create(&box, "/lun", MIB, NULL, false), 0);
	for (unsigned i = 0; i < FILE_RESTORES_MAX; i++) {
		(void)snprintf(paths[i], sizeof paths[i], "/d/n%u", i);
		assert_int_equal(box_create(&box, dir, paths[i] + 3, &id), 0);
		vd_write(&box, id, 0, i + 1, FS_UNSTABLE);
	}
	snap("s2");
	expect_refused("/d/f", "none", -ENOENT, "no snapshot \"none\"");
	expect_refused("/d/g", "s1", -ENOENT, "has no \"/d/g\"");
	expect_refused("/e/f", "s1", -ENOENT, "has no \"/e/f\"");
	expect_refused("/d/f/x", "s1", -ENOTDIR, "has no");
	expect_refused("d/f", "s1", -EINVAL, "path inside the volume");
	expect_refused("/d", "s2", -EISDIR, "is a directory");
	expect_refused("/", "s2", -EISDIR, "is a directory");
	expect_refused("/d/link", "s2", -EINVAL, "is a symbolic link");
	expect_refused("/d/fifo", "s2", -EINVAL, "is a special file");
	expect_refused("/lun", "s2", -EINVAL, "is a LUN");
	expect_refused("/../../d/f", "s1", -ENOENT, "has no");
	assert_int_equal(box_remove(&box, dir, "f"), 0);
	assert_int_equal(box_named(&box, FS_MKDIR, dir, "f", &id), 0);
	expect_refused("/d/f", "s1", -EISDIR, "is a directory today");
	assert_int_equal(box_named(&box, FS_RMDIR, dir, "f", NULL), 0);
	assert_int_equal(vd_create(&box, "/d/f", MIB, NULL, false), 0);
	expect_refused("/d/f", "s1", -EBUSY, "is a LUN today");
	assert_int_equal(vd_destroy(&box, "/d/f", true), 0);
	for (unsigned i = 0; i < FILE_RESTORES_MAX; i++)
		ask(&many[i], paths[i], "s2");
	expect_refused("/d/f", "s1", -EMLINK, "the most there can be at once");
	for (unsigned i = 0; i < FILE_RESTORES_MAX; i++) {
		assert_int_equal(answer(&many[i]), 0);
		assert_int_equal(vd_read(&box, file_id(paths[i]), 0), i + 1);
	}
	assert_int_equal(restore("/d/f", "s1"), 0);
	expect_then("/d/f");
	assert_int_equal(vd_check(&box), 0);
}

static void what_does_not_fit_is_refused_and_what_was_begun_is_not_starved(void **state)
{
	struct fs_file_id file, fill;
	uint32_t n = 0, words[FS_BLOCK_SIZE / 4U] = { 1 };
	struct asked asked;

	(void)state;
	assert_int_equal(box_create(&box, box_root, "f", &file), 0);
	for (uint32_t i = 0; i < 40 * 256; i++)
		vd_write(&box, file, i, i + 1, FS_UNSTABLE);
	snap("s1");
	vd_write(&box, file, 0, 7, FS_FILE_SYNC);
	assert_int_equal(vd_create(&box, "/big", 64 * MIB, NULL, true), 0);
	expect_refused("/f", "s1", -ENOSPC, "delete files or other snapshots");
	assert_int_equal(vd_read(&box, file, 0), 7);
	assert_int_equal(vd_destroy(&box, "/big", true), 0);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(box_sync(&box), 0);
	assert_int_equal(box_create(&box, box_root, "fill", &fill), 0);
	ask(&asked, "/f", "s1");
	while (!asked.done &&
	       box_write(&box, fill, (uint64_t)n * FS_BLOCK_SIZE, words, FS_BLOCK_SIZE, FS_UNSTABLE) == 0)
		n++; /* takes all there is */
	print_message("%u blocks beside it, %s\n", n, asked.done ? "to its end" : "then no space");
	assert_int_equal(answer(&asked), 0);
	for (uint32_t i = 0; i < 40 * 256; i += 7)
		assert_int_equal(vd_read(&box, file_id("/f"), i), i + 1);
	assert_int_equal(vd_check(&box), 0);
}

/* ---- a power cut at every I/O ---- */

static uint64_t ios_of_all(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < box.n_disks; i++)
		n += memdisk_ios(box.urls[i] + 4);
	return n;
}

static void base_use(char base[][64])
{
	for (unsigned i = 0; i < box.n_disks; i++) {
		snprintf(box.urls[i], sizeof(box.urls[i]), "mem:w%u.%u", i, ++box.life);
		assert_int_equal(memdisk_clone(base[i] + 4, box.urls[i] + 4), 0);
	}
	assert_int_equal(box_mount(&box), 0);
}

static void disks_drop(void)
{
	for (unsigned i = 0; i < box.n_disks; i++)
		assert_int_equal(disk_destroy(box.urls[i]), 0);
}

/* What the disks have now, each with its own part of what was not flushed; the volume that wrote it goes. */
static void cut(struct asked *asked, uint64_t seed)
{
	char fresh[BOX_DISKS_MAX][64];

	for (unsigned i = 0; i < box.n_disks; i++) {
		snprintf(fresh[i], sizeof(fresh[i]), "mem:c%u.%u", i, ++box.life);
		assert_int_equal(memdisk_crash_clone(box.urls[i] + 4, fresh[i] + 4, seed * 31U + i), 0);
	}
	(void)answer(asked);
	assert_int_equal(box_unmount(&box), 0);
	disks_drop();
	memcpy(box.urls, fresh, sizeof(fresh));
	assert_int_equal(box_mount(&box), 0);
}

static void power_cut_leaves_the_file_of_today_or_the_whole_restored_one(void **state)
{
	char base[BOX_DISKS_MAX][64];
	unsigned n_old = 0, n_new = 0, n_staged = 0;
	uint64_t n_inodes;
	bool whole = false;

	(void)state;
	make_changed();
	n_inodes = inodes_used();
	assert_int_equal(box_unmount(&box), 0);
	memcpy(base, box.urls, sizeof(base));
	for (uint64_t n = 0; !whole; n++) {
		struct asked asked;
		uint64_t before;
		bool answered, restored;

		base_use(base);
		before = ios_of_all();
		ask(&asked, "/d/f", "s1");
		while (ios_of_all() - before < n && !asked.done)
			assert_true(sim_step(box.sim));
		whole = asked.done;
		answered = asked.done && asked.msg.status == 0;
		cut(&asked, n + 1U);
		n_staged += inodes_used() != n_inodes;
		assert_int_equal(vd_check(&box), 0);
		restored = attr_of(file_id("/d/f")).mode == 0640;
		if (restored)
			expect_then("/d/f");
		else
			expect_today("/d/f");
		assert_true(restored || !answered);
		n_new += restored;
		n_old += !restored;
		box_run(&box, 1000000000);
		assert_int_equal(inodes_used(), n_inodes); /* what was staged is gone */
		assert_int_equal(vd_check(&box), 0);
		assert_int_equal(box_unmount(&box), 0);
		disks_drop();
	}
	base_use(base);
	print_message("%u cuts before it, %u after it; %u left a staged file\n", n_old, n_new, n_staged);
	assert_true(n_old > 10 && n_new > 0 && n_staged > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_file_is_as_it_was_and_sparse_and_stays_so),
		T(a_file_that_is_gone_comes_back_where_its_directory_is),
		T(small_and_empty_files_and_other_names_of_a_file),
		T(readers_see_the_old_file_until_they_see_the_whole_new_one),
		T(its_snapshot_stays_and_it_can_be_ended),
		T(an_unmount_ends_it_and_nothing_is_left),
		T(a_snapshot_may_be_taken_meanwhile_and_the_volume_put_back_to_it),
		T(what_cannot_be_restored_is_refused_and_says_why),
		T(what_does_not_fit_is_refused_and_what_was_begun_is_not_starved),
		T(power_cut_leaves_the_file_of_today_or_the_whole_restored_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
