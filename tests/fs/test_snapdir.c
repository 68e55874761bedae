/* SPDX-License-Identifier: Apache-2.0 */
/* "DIR/.snapshot" on the real engine: DIR as it was, read-only, gone with DIR and with the snapshot. */
#include "tests/fs/vdiskbox.h"

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
	box_close(&box);
	return 0;
}

/* The names of a directory but "." and "..", in order, a space after each; attributes and ids are looked at. */
static void list_expect(struct fs_file_id dir, struct fs_file_id parent, const char *names)
{
	struct fs_message msg;
	char found[1280] = "";

	fs_message_init(&msg, FS_READDIR, box.vol, NULL, NULL);
	msg.file = dir;
	msg.in.readdir.max_entries = 64;
	msg.in.readdir.max_bytes = 65536;
	msg.in.readdir.want_attr = true;
	assert_int_equal(box_send(&box, &msg), 0);
	assert_true(msg.out.eof);
	assert_memory_equal(&msg.out.dirents[0].id, &dir, sizeof dir);
	assert_memory_equal(&msg.out.dirents[1].id, &parent, sizeof parent);
	for (unsigned i = 0; i < msg.out.n; i++) {
		const struct fs_dirent *entry = &msg.out.dirents[i];

		assert_true(entry->has_attr && entry->attr.type == FS_TYPE_DIR);
		assert_memory_equal(&entry->attr.id, &entry->id, sizeof entry->id);
		if (i >= 2)
			(void)snprintf(found + strlen(found), sizeof found - strlen(found), "%.16s ", entry->name);
	}
	assert_string_equal(found, names);
	fs_message_fini(&msg);
}

static void a_directory_shows_what_it_was(void **state)
{
	struct fs_file_id dir, file, young, snapdir, of_young, then, old, other;
	char byte = 0;

	(void)state;
	assert_int_equal(box_named(&box, FS_MKDIR, box_root, "dir", &dir), 0);
	assert_int_equal(box_create(&box, dir, "f", &file), 0);
	assert_int_equal(box_write(&box, file, 0, "a", 1, FS_FILE_SYNC), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(box_write(&box, file, 0, "b", 1, FS_FILE_SYNC), 0);
	assert_int_equal(box_named(&box, FS_MKDIR, dir, "young", &young), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);
	for (unsigned way = 0; way < 3; way++) {
		assert_int_equal(box_lookup(&box, dir, ".snapshot", &snapdir), 0);
		list_expect(snapdir, dir, "s1 s2 ");
		assert_int_equal(box_lookup(&box, snapdir, "..", &other), 0);
		assert_memory_equal(&other, &dir, sizeof dir);
		assert_int_equal(box_lookup(&box, snapdir, "s1", &then), 0);
		assert_int_equal(box_lookup(&box, then, "young", &other), -ENOENT);
		assert_int_equal(box_lookup(&box, then, ".snapshot", &other), -ENOENT);
		assert_int_equal(box_lookup(&box, then, "f", &old), 0);
		assert_int_equal(box_read(&box, old, 0, &byte, 1), 1);
		assert_int_equal(byte, 'a');
		assert_int_equal(box_lookup(&box, young, ".snapshot", &of_young), 0);
		list_expect(of_young, young, "s2 ");
		assert_int_equal(box_lookup(&box, of_young, "s1", &other), -ENOENT);
		assert_int_equal(box_resolve(&box, "/dir/.snapshot/s1/f", &other), 0);
		assert_memory_equal(&other, &old, sizeof old);
		box_crash(&box, way + 1U);
	}
	assert_int_equal(vd_check(&box), 0);
}

static void nothing_in_it_can_be_changed(void **state)
{
	struct fs_file_id dir, file, snapdir, then;

	(void)state;
	assert_int_equal(box_named(&box, FS_MKDIR, box_root, "dir", &dir), 0);
	assert_int_equal(box_create(&box, dir, "f", &file), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(box_lookup(&box, dir, ".snapshot", &snapdir), 0);
	assert_int_equal(box_lookup(&box, snapdir, "s1", &then), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct fs_file_id at = i == 0 ? snapdir : then;

		assert_int_equal(box_named(&box, FS_CREATE, at, "x", NULL), -EROFS);
		assert_int_equal(box_named(&box, FS_MKDIR, at, "x", NULL), -EROFS);
		assert_int_equal(box_named(&box, FS_REMOVE, at, i == 0 ? "s1" : "f", NULL), -EROFS);
		assert_int_equal(box_named(&box, FS_RMDIR, at, "s1", NULL), -EROFS);
		assert_int_equal(box_named(&box, FS_SETATTR, at, "", NULL), -EROFS);
	}
	assert_int_equal(box_named(&box, FS_MKDIR, dir, ".snapshot", NULL), -EEXIST);
	assert_int_equal(box_named(&box, FS_REMOVE, dir, "f", NULL), 0);
	assert_int_equal(box_named(&box, FS_RMDIR, box_root, "dir", NULL), 0); /* does not keep it from going */
}

static struct fs_attr attr_of(struct fs_file_id id)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_GETATTR, box.vol, NULL, NULL);
	msg.file = id;
	assert_int_equal(box_send(&box, &msg), 0);
	return msg.out.attr;
}

static void its_time_tells_clients_when_to_list_it_again(void **state)
{
	struct fs_file_id dir, snapdir;
	struct fs_message msg;
	int64_t before;

	(void)state;
	assert_int_equal(box_named(&box, FS_MKDIR, box_root, "dir", &dir), 0);
	assert_int_equal(box_lookup(&box, dir, ".snapshot", &snapdir), 0);
	for (unsigned i = 0; i < 4; i++) {
		before = attr_of(snapdir).mtime_ns;
		if (i == 0 || i == 1)
			assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, i == 0 ? "s1" : "s2"), 0);
		if (i == 2) {
			fs_message_init(&msg, FS_SNAPSHOT_RENAME, box.vol, NULL, NULL);
			msg.in.name = "s1";
			msg.in.to_name = "s3";
			msg.in.name_len = msg.in.to_name_len = 2;
			assert_int_equal(box_send(&box, &msg), 0);
		}
		if (i == 3)
			assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "s2"), 0);
		assert_true(attr_of(snapdir).mtime_ns > before);
		assert_int_equal(attr_of(snapdir).ctime_ns, attr_of(snapdir).mtime_ns);
	}
	box_run(&box, 5000000000);
	before = attr_of(snapdir).mtime_ns;
	assert_int_equal(box_create(&box, dir, "f", NULL), 0);
	box_run(&box, 5000000000);
	assert_int_equal(attr_of(snapdir).mtime_ns, before);
}

static int to_snapdir_name(enum fs_op op, struct fs_file_id file, const char *name, struct fs_file_id to_dir)
{
	struct fs_message msg;

	fs_message_init(&msg, op, box.vol, NULL, NULL);
	msg.file = file;
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	msg.in.to_dir = to_dir;
	msg.in.to_name = ".snapshot";
	msg.in.to_name_len = 9;
	return box_send(&box, &msg);
}

static void nothing_else_is_called_so_not_a_lun_either(void **state)
{
	static const char *const luns[] = { "/.snapshot", "/dir/.snapshot", "/dir/..", "/." };
	struct fs_file_id dirs[2] = { box_root }, file;

	(void)state;
	assert_int_equal(box_named(&box, FS_MKDIR, box_root, "dir", &dirs[1]), 0);
	assert_int_equal(box_create(&box, dirs[1], "f", &file), 0);
	assert_int_equal(vd_create(&box, "/dir/lun", MIB, NULL, false), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct fs_file_id in = dirs[i];

		assert_int_equal(box_named(&box, FS_CREATE, in, ".snapshot", NULL), -EEXIST);
		assert_int_equal(box_named(&box, FS_MKDIR, in, ".snapshot", NULL), -EEXIST);
		assert_int_equal(to_snapdir_name(FS_RENAME, dirs[1], "f", in), -EEXIST);
		assert_int_equal(to_snapdir_name(FS_RENAME, dirs[1], "lun", in), -EEXIST);
		assert_int_equal(to_snapdir_name(FS_RENAME, box_root, "dir", in), -EEXIST);
		assert_int_equal(to_snapdir_name(FS_LINK, file, "", in), -EEXIST);
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(vd_create(&box, luns[i], MIB, NULL, false), -EINVAL);
		assert_non_null(strstr(vd_error, "choose another name"));
	}
	assert_int_equal(vd_create(&box, "/dir/.snapshots", MIB, NULL, false), 0);
	assert_int_equal(vd_check(&box), 0);
}

static void handles_go_stale_with_directory_and_snapshot(void **state)
{
	struct fs_file_id dir, again, snapdir, then, other;

	(void)state;
	assert_int_equal(box_named(&box, FS_MKDIR, box_root, "dir", &dir), 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(box_lookup(&box, dir, ".snapshot", &snapdir), 0);
	assert_int_equal(box_lookup(&box, snapdir, "s1", &then), 0);
	assert_int_equal(box_named(&box, FS_RMDIR, box_root, "dir", NULL), 0);
	assert_int_equal(box_lookup(&box, snapdir, "s1", &other), -ESTALE);
	assert_int_equal(box_named(&box, FS_GETATTR, snapdir, "", NULL), -ESTALE);
	assert_int_equal(box_named(&box, FS_GETATTR, then, "", NULL), 0); /* what it was stays */
	for (unsigned i = 0; i < 8; i++) { /* its number is another directory's soon */
		char name[8];

		(void)snprintf(name, sizeof name, "d%u", i);
		assert_int_equal(box_named(&box, FS_MKDIR, box_root, name, &again), 0);
		assert_int_equal(box_lookup(&box, snapdir, "s1", &other), -ESTALE);
		assert_int_equal(box_lookup(&box, again, ".snapshot", &other), 0);
		list_expect(other, again, "");
	}
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	box_run(&box, 2000000000U);
	assert_int_equal(box_named(&box, FS_GETATTR, then, "", NULL), -ESTALE);
	assert_int_equal(vd_check(&box), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_directory_shows_what_it_was),
		T(nothing_in_it_can_be_changed),
		T(its_time_tells_clients_when_to_list_it_again),
		T(nothing_else_is_called_so_not_a_lun_either),
		T(handles_go_stale_with_directory_and_snapshot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
