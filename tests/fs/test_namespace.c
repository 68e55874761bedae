/* SPDX-License-Identifier: Apache-2.0 */
/* Namespace operations: what each answers for each type of object, and what it leaves behind. */
#include "fs/file/inode.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"
#include "tests/fs/namespace_client.h"

/* A tree with one of everything: d (directory), d/x, f (file), l (symlink), p (fifo), v (vdisk), e (empty
 * directory). */
static const char *const kinds[] = { "d", "f", "l", "p", "v", "e" };
enum { K_DIR, K_FILE, K_LINK, K_FIFO, K_VDISK, K_EMPTY, K_COUNT };

static struct fs_file_id kind_id[K_COUNT];

static void make_zoo(void)
{
	kind_id[K_DIR] = ns_made(ns_dir(ns_root, "d"));
	(void)ns_made(ns_file(kind_id[K_DIR], "x"));
	kind_id[K_FILE] = ns_made(ns_file(ns_root, "f"));
	kind_id[K_LINK] = ns_made(ns_create_mode(FS_SYMLINK, ns_root, "l", 0777));
	kind_id[K_FIFO] = ns_made(ns_create_mode(FS_MKNOD, ns_root, "p", 0644));
	kind_id[K_VDISK] = ns_made(ns_file(ns_root, "v"));
	ram_inode(ns_ram, 0, kind_id[K_VDISK].inode)->attr.type = FS_TYPE_VDISK;
	kind_id[K_EMPTY] = ns_made(ns_dir(ns_root, "e"));
}

static void remove_and_rmdir_answer_by_type(void **state)
{
	static const int want_remove[K_COUNT] = { -EISDIR, 0, 0, 0, -EPERM, -EISDIR };
	static const int want_rmdir[K_COUNT] = { -ENOTEMPTY, -ENOTDIR, -ENOTDIR, -ENOTDIR, -ENOTDIR, 0 };
	(void)state;
	make_zoo();
	for (unsigned k = 0; k < K_COUNT; k++)
		assert_int_equal(ns_rmdir(ns_root, kinds[k]), want_rmdir[k]);
	for (unsigned k = 0; k < K_COUNT - 1U; k++) {
		assert_int_equal(ns_unlink(ns_root, kinds[k]), want_remove[k]);
		assert_true(ns_msg.out.has_dir_attr && ns_msg.out.dir_pre.valid);
		assert_int_equal(ns_look(ns_root, kinds[k]), want_remove[k] == 0 ? -ENOENT : 0);
		assert_int_equal(ns_getattr(kind_id[k]), want_remove[k] == 0 ? -ESTALE : 0);
	}
	assert_int_equal(ns_getattr(kind_id[K_EMPTY]), -ESTALE);
	assert_int_equal(ns_attr_of(ns_root).nlink, 3);
	assert_int_equal(ns_unlink(kind_id[K_VDISK], "x"), -ENOTDIR);
	assert_int_equal(ns_unlink(ns_root, "nothing"), -ENOENT);
}

static void rename_over_answers_by_both_types(void **state)
{
	/* rows: what is moved; columns: what is there */
	static const int want[K_COUNT][K_COUNT] = {
		[K_DIR] = { 0, -ENOTDIR, -ENOTDIR, -ENOTDIR, -ENOTDIR, 0 },
		[K_FILE] = { -EISDIR, 0, 0, 0, -EPERM, -EISDIR },
		[K_LINK] = { -EISDIR, 0, 0, 0, -EPERM, -EISDIR },
		[K_FIFO] = { -EISDIR, 0, 0, 0, -EPERM, -EISDIR },
		[K_VDISK] = { -EISDIR, 0, 0, 0, 0, -EISDIR },
		[K_EMPTY] = { -ENOTEMPTY, -ENOTDIR, -ENOTDIR, -ENOTDIR, -ENOTDIR, 0 },
	};
	(void)state;
	for (unsigned a = 0; a < K_COUNT; a++) {
		for (unsigned b = 0; b < K_COUNT; b++) {
			ram_free(ns_ram);
			ns_ram = ram_new(a * 10 + b, 20);
			make_zoo();
			assert_int_equal(ns_move(ns_root, kinds[a], ns_root, kinds[b]), want[a][b]);
			assert_int_equal(ns_look(ns_root, kinds[a]), a == b || want[a][b] != 0 ? 0 : -ENOENT);
			assert_int_equal(ns_look(ns_root, kinds[b]), 0);
			assert_int_equal(ns_msg.out.attr.id.inode, kind_id[want[a][b] == 0 ? a : b].inode);
			if (a != b && want[a][b] == 0)
				assert_int_equal(ns_getattr(kind_id[b]), -ESTALE);
			assert_int_equal(ns_attr_of(ns_root).nlink, a != b && want[a][b] == 0 && b == K_EMPTY ? 3 : 4);
		}
	}
}

static void operations_on_what_is_no_directory_answer_enotdir(void **state)
{
	(void)state;
	make_zoo();
	for (unsigned k = 0; k < K_COUNT; k++) {
		struct fs_file_id id = kind_id[k];
		bool dir = k == K_DIR || k == K_EMPTY;
		if (dir)
			continue;
		assert_int_equal(ns_look(id, "x"), -ENOTDIR);
		assert_true(ns_msg.out.has_dir_attr);
		assert_int_equal(ns_file(id, "new"), -ENOTDIR);
		assert_int_equal(ns_dir(id, "new"), -ENOTDIR);
		assert_int_equal(ns_create_mode(FS_SYMLINK, id, "new", 0777), -ENOTDIR);
		assert_int_equal(ns_create_mode(FS_MKNOD, id, "new", 0777), -ENOTDIR);
		assert_int_equal(ns_rmdir(id, "x"), -ENOTDIR);
		assert_int_equal(ns_move(id, "x", ns_root, "y"), -ENOTDIR);
		assert_int_equal(ns_move(ns_root, "f", id, "y"), -ENOTDIR);
		assert_int_equal(ns_hardlink(kind_id[K_FILE], id, "y"), -ENOTDIR);
		assert_int_equal(ns_list(id, 0, 10, 1000, false), -ENOTDIR);
	}
}

static void link_counts_and_answers_by_type(void **state)
{
	static const int want[K_COUNT] = { -EISDIR, 0, 0, 0, -EPERM, -EISDIR };
	(void)state;
	make_zoo();
	for (unsigned k = 0; k < K_COUNT; k++) {
		char name[8];
		(void)snprintf(name, sizeof name, "L%u", k);
		assert_int_equal(ns_hardlink(kind_id[k], kind_id[K_DIR], name), want[k]);
		assert_true(ns_msg.out.has_attr && ns_msg.out.has_to_dir_attr && ns_msg.out.to_dir_pre.valid);
		if (want[k] == 0) {
			assert_int_equal(ns_attr_of(kind_id[k]).nlink, 2);
			assert_int_equal(ns_unlink(ns_root, kinds[k]), 0);
			assert_int_equal(ns_attr_of(kind_id[k]).nlink, 1);
		}
	}
	assert_int_equal(ns_hardlink(kind_id[K_FILE], kind_id[K_DIR], "L1"), -EEXIST);
	ram_inode(ns_ram, 0, kind_id[K_FILE].inode)->attr.nlink = FS_LINK_MAX;
	assert_int_equal(ns_hardlink(kind_id[K_FILE], kind_id[K_DIR], "one-more"), -EMLINK);
	ram_inode(ns_ram, 0, kind_id[K_DIR].inode)->attr.nlink = FS_LINK_MAX;
	assert_int_equal(ns_dir(kind_id[K_DIR], "sub"), -EMLINK);
	assert_int_equal(ns_file(kind_id[K_DIR], "file"), 0);
	assert_int_equal(ns_move(ns_root, "e", kind_id[K_DIR], "e"), -EMLINK);
}

static void rename_of_two_names_of_one_file_does_nothing(void **state)
{
	(void)state;
	make_zoo();
	assert_int_equal(ns_hardlink(kind_id[K_FILE], ns_root, "f2"), 0);
	assert_int_equal(ns_move(ns_root, "f", ns_root, "f2"), 0);
	assert_int_equal(ns_look(ns_root, "f"), 0);
	assert_int_equal(ns_look(ns_root, "f2"), 0);
	assert_int_equal(ns_attr_of(kind_id[K_FILE]).nlink, 2);
}

static void rename_of_a_directory_below_itself_is_refused(void **state)
{
	struct fs_file_id a, b, c;
	(void)state;
	a = ns_made(ns_dir(ns_root, "a"));
	b = ns_made(ns_dir(a, "b"));
	c = ns_made(ns_dir(b, "c"));
	assert_int_equal(ns_move(ns_root, "a", c, "x"), -EINVAL);
	assert_int_equal(ns_move(ns_root, "a", a, "x"), -EINVAL);
	assert_int_equal(ns_move(ns_root, "a", b, "c"), -EINVAL);
	assert_int_equal(ns_move(b, "c", ns_root, "a"), -ENOTEMPTY);
	assert_int_equal(ns_move(a, "b", ns_root, "b"), 0);
	assert_int_equal(ns_attr_of(ns_root).nlink, 4);
	assert_int_equal(ns_attr_of(a).nlink, 2);
	assert_int_equal(ns_look(b, ".."), 0);
	assert_int_equal(ns_msg.out.attr.id.inode, FS_INO_ROOT);
	assert_int_equal(ns_move(ns_root, "a", c, "x"), 0); /* now it is no cycle */
	assert_int_equal(ns_look(a, ".."), 0);
	assert_int_equal(ns_msg.out.attr.id.inode, c.inode);
}

static void names_are_checked_in_every_operation(void **state)
{
	static char long_name[257];
	static const struct {
		const char *name;
		uint32_t len;
		int create, take;
	} cases[] = {
		{ "", 0, -EINVAL, -EINVAL },
		{ ".", 1, -EEXIST, -EINVAL },
		{ "..", 2, -EEXIST, -EINVAL },
		{ "a/b", 3, -EACCES, -EACCES },
		{ "/", 1, -EACCES, -EACCES },
		{ "a\0b", 3, -EACCES, -EACCES },
		{ long_name, 256, -ENAMETOOLONG, -ENAMETOOLONG },
		{ ".snapshot", 9, -EEXIST, -EACCES },
	};
	(void)state;
	memset(long_name, 'n', 256);
	make_zoo();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const enum fs_op creating[] = { FS_CREATE, FS_MKDIR, FS_SYMLINK, FS_MKNOD },
		                        taking[] = { FS_REMOVE, FS_RMDIR };
		for (unsigned k = 0; k < 4; k++) {
			struct fs_message *msg = ns_new(creating[k], ns_root, cases[i].name);
			msg->in.name_len = cases[i].len;
			msg->in.create.type = FS_TYPE_FIFO;
			msg->in.blob = "t";
			msg->in.blob_len = 1;
			assert_int_equal(ns_send(), cases[i].create);
			assert_true(msg->out.has_dir_attr);
		}
		for (unsigned k = 0; k < 2; k++) {
			ns_new(taking[k], ns_root, cases[i].name)->in.name_len = cases[i].len;
			assert_int_equal(ns_send(), cases[i].take);
		}
		for (unsigned k = 0; k < 3; k++) {
			struct fs_message *msg = ns_new(k == 2 ? FS_LINK : FS_RENAME,
			                                k == 2 ? kind_id[K_FILE] : ns_root,
			                                k == 0 ? cases[i].name : "f");
			msg->in.to_dir = ns_root;
			msg->in.to_name = k == 0 ? "to" : cases[i].name;
			msg->in.name_len = k == 0 ? cases[i].len : 1;
			msg->in.to_name_len = k == 0 ? 2 : cases[i].len;
			int want = k == 0 ? cases[i].take : cases[i].create;
			if (k == 1 && cases[i].name[0] == '.' && cases[i].len <= 2)
				want = -EINVAL;
			assert_int_equal(ns_send(), want);
		}
	}
	memset(long_name, 0, sizeof long_name);
	memset(long_name, 'n', 255);
	assert_int_equal(ns_file(ns_root, long_name), 0);
	assert_int_equal(ns_look(ns_root, long_name), 0);
	assert_int_equal(ns_look(ns_root, "a/b"), -EACCES);
	assert_int_equal(ns_look(ns_root, ""), -EINVAL);
	assert_int_equal(ns_file(ns_root, ".snapshot"), -EEXIST);
	assert_int_equal(ns_file(kind_id[K_DIR], ".snapshot"), -EEXIST); /* every directory has one */
	assert_int_equal(ns_dir(kind_id[K_DIR], ".snapshot"), -EEXIST);
	assert_int_equal(ns_unlink(kind_id[K_DIR], ".snapshot"), -EACCES);
	assert_int_equal(ns_rmdir(kind_id[K_DIR], ".snapshot"), -EACCES);
	assert_int_equal(ns_move(kind_id[K_DIR], ".snapshot", ns_root, "taken"), -EACCES);
	assert_int_equal(ns_unlink(ns_root, ".snapshot"), -EACCES);
}

static int create(enum fs_create_mode mode, const char *name, uint64_t verifier, bool set_size, uint64_t size)
{
	struct fs_message *msg = ns_new(FS_CREATE, ns_root, name);
	msg->in.create.mode = mode;
	msg->in.create.verifier = verifier;
	msg->in.setattr.set_size = set_size;
	msg->in.setattr.size_bytes = size;
	msg->in.setattr.set_mode = true;
	msg->in.setattr.mode = 0640;
	return ns_send();
}

static void create_modes_do_what_rfc1813_says(void **state)
{
	struct fs_file_id id;
	(void)state;
	make_zoo();
	id = ns_made(create(FS_CREATE_UNCHECKED, "u", 0, true, 5000));
	assert_int_equal(ns_msg.out.attr.size_bytes, 5000);
	assert_int_equal(ns_msg.out.attr.mode, 0640);
	assert_int_equal(create(FS_CREATE_GUARDED, "u", 0, false, 0), -EEXIST);
	assert_int_equal(ns_made(create(FS_CREATE_UNCHECKED, "u", 0, false, 0)).inode, id.inode);
	assert_int_equal(ns_msg.out.attr.size_bytes, 5000);
	assert_int_equal(ns_made(create(FS_CREATE_UNCHECKED, "u", 0, true, 0)).inode, id.inode);
	assert_int_equal(ns_msg.out.attr.size_bytes, 0);
	id = ns_made(create(FS_CREATE_EXCLUSIVE, "x", 0xFEDCBA9876543210ULL, false, 0));
	/* sent again */
	assert_int_equal(ns_made(create(FS_CREATE_EXCLUSIVE, "x", 0xFEDCBA9876543210ULL, false, 0)).inode, id.inode);
	assert_int_equal(create(FS_CREATE_EXCLUSIVE, "x", 0xFEDCBA9876543211ULL, false, 0), -EEXIST);
	assert_int_equal(create(FS_CREATE_EXCLUSIVE, "x", 0xFEDCBA9976543210ULL, false, 0), -EEXIST);
	assert_int_equal(ns_set(id, &(struct fs_setattr){ .set_atime = FS_TIME_SERVER, .set_mtime = FS_TIME_SERVER }),
	                 0);
	assert_int_equal(create(FS_CREATE_EXCLUSIVE, "x", 0xFEDCBA9876543210ULL, false, 0), -EEXIST);
	assert_int_equal(create(FS_CREATE_UNCHECKED, "d", 0, false, 0), -EEXIST);
	assert_int_equal(create(FS_CREATE_UNCHECKED, "l", 0, false, 0), -EEXIST);
	assert_int_equal(create(FS_CREATE_UNCHECKED, "v", 0, false, 0), 0);
	assert_int_equal(create(FS_CREATE_UNCHECKED, "v", 0, true, 0), -EPERM);
	assert_int_equal(create(FS_CREATE_UNCHECKED, "big", 0, true, UINT64_MAX), -EFBIG);
}

static void symlinks_give_their_target_back(void **state)
{
	static char target[5000];
	static const size_t lens[] = { 1, 63, 64, 65, 255, 1024, 4095, 4096, 4999, 0 };
	(void)state;
	memset(target, 't', sizeof target);
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		char name[8];
		(void)snprintf(name, sizeof name, "s%zu", i);
		struct fs_message *msg = ns_new(FS_SYMLINK, ns_root, name);
		msg->in.blob = target;
		msg->in.blob_len = lens[i];
		int want = lens[i] == 0 ? -EINVAL : lens[i] >= 4096 ? -ENAMETOOLONG : 0;
		assert_int_equal(ns_send(), want);
		if (want != 0)
			continue;
		assert_int_equal(msg->out.attr.size_bytes, lens[i]);
		ns_new(FS_READLINK, msg->out.attr.id, NULL);
		assert_int_equal(ns_send(), 0);
		assert_int_equal(ns_msg.out.blob_len, lens[i]);
		assert_memory_equal(ns_msg.out.blob, target, lens[i]);
		assert_int_equal(((const char *)ns_msg.out.blob)[lens[i]], 0);
	}
	ns_new(FS_READLINK, ns_root, NULL);
	assert_int_equal(ns_send(), -EINVAL);
}

static void mknod_makes_what_it_is_told(void **state)
{
	static const enum fs_type types[] = { FS_TYPE_FIFO, FS_TYPE_SOCK, FS_TYPE_BLK, FS_TYPE_CHR };
	static const struct fs_cred user = { .uid = 5, .gid = 5 };
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		for (unsigned u = 0; u < 2; u++) {
			char name[8];
			ns_cred = u ? &user : NULL;
			(void)snprintf(name, sizeof name, "n%u%u", i, u);
			struct fs_message *msg = ns_new(FS_MKNOD, ns_root, name);
			msg->in.create.type = types[i];
			msg->in.create.rdev_major = 8;
			msg->in.create.rdev_minor = 17;
			assert_int_equal(ns_send(), u == 1 && i >= 2 ? -EPERM : 0);
			if (u == 0) {
				assert_int_equal(msg->out.attr.type, types[i]);
				assert_int_equal(msg->out.attr.rdev_minor, i >= 2 ? 17 : 0);
			}
		}
	}
	static const enum fs_type bad[] = { FS_TYPE_NONE,  FS_TYPE_REG,    FS_TYPE_DIR,  FS_TYPE_SYMLINK,
		                            FS_TYPE_VDISK, FS_TYPE_STREAM, FS_TYPE_META, (enum fs_type)99 };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ns_new(FS_MKNOD, ns_root, "bad")->in.create.type = bad[i];
		assert_int_equal(ns_send(), -EINVAL);
	}
}

static void setattr_sizes_by_type(void **state)
{
	static const int want[K_COUNT] = { -EISDIR, 0, -EINVAL, -EINVAL, -EPERM, -EISDIR };
	(void)state;
	make_zoo();
	for (unsigned k = 0; k < K_COUNT; k++) {
		struct fs_attr before = ns_attr_of(kind_id[k]);
		assert_int_equal(ns_set(kind_id[k], &(struct fs_setattr){ .set_size = true, .size_bytes = 100000 }),
		                 want[k]);
		assert_true(ns_msg.out.pre.valid && ns_msg.out.pre.ctime_ns == before.ctime_ns);
		struct fs_attr after = ns_attr_of(kind_id[k]);
		assert_int_equal(after.size_bytes, want[k] == 0 ? 100000 : before.size_bytes);
		assert_true((after.mtime_ns != before.mtime_ns) == (want[k] == 0));
	}
	assert_int_equal(ns_set(kind_id[K_FILE], &(struct fs_setattr){ .set_size = true, .size_bytes = 1234 }), 0);
	assert_int_equal(ns_set(kind_id[K_FILE], &(struct fs_setattr){ .set_size = true, .size_bytes = UINT64_MAX }),
	                 -EFBIG);
	assert_int_equal(ns_attr_of(kind_id[K_FILE]).size_bytes, 1234);
}

static void setattr_guard_is_compared_with_the_ctime(void **state)
{
	(void)state;
	make_zoo();
	struct fs_attr attr = ns_attr_of(kind_id[K_FILE]);
	for (int wrong = 1; wrong >= 0; wrong--) {
		struct fs_message *msg = ns_new(FS_SETATTR, kind_id[K_FILE], NULL);
		msg->in.has_guard = true;
		msg->in.guard_ctime_ns = attr.ctime_ns + wrong;
		msg->in.setattr.set_mode = true;
		msg->in.setattr.mode = 0600;
		assert_int_equal(ns_send(), wrong ? -FS_ENOTSYNC : 0);
		assert_int_equal(ns_msg.out.attr.mode, wrong ? 0644 : 0600);
	}
}

static void times_follow_posix(void **state)
{
	(void)state;
	make_zoo();
	struct fs_attr root = ns_attr_of(ns_root), file = ns_attr_of(kind_id[K_FILE]), dir = ns_attr_of(kind_id[K_DIR]);
	assert_int_equal(ns_move(ns_root, "f", kind_id[K_DIR], "g"), 0);
	assert_true(ns_attr_of(ns_root).mtime_ns > root.mtime_ns && ns_attr_of(kind_id[K_DIR]).mtime_ns > dir.mtime_ns);
	assert_true(ns_attr_of(kind_id[K_FILE]).ctime_ns > file.ctime_ns);
	assert_true(ns_attr_of(kind_id[K_FILE]).mtime_ns == file.mtime_ns);
	dir = ns_attr_of(kind_id[K_DIR]);
	assert_int_equal(ns_look(kind_id[K_DIR], "g"), 0);
	assert_int_equal(ns_list(kind_id[K_DIR], 0, 10, 1000, true), 0);
	assert_true(ns_attr_of(kind_id[K_DIR]).mtime_ns == dir.mtime_ns);
	assert_int_equal(ns_set(kind_id[K_FILE], &(struct fs_setattr){ .set_mtime = FS_TIME_CLIENT, .mtime_ns = -5 }),
	                 0);
	assert_true(ns_attr_of(kind_id[K_FILE]).mtime_ns == -5);
	assert_int_equal(ns_set(kind_id[K_FILE],
	                        &(struct fs_setattr){ .set_size = true, .set_mtime = FS_TIME_CLIENT, .mtime_ns = 7 }),
	                 0);
	assert_true(ns_attr_of(kind_id[K_FILE]).mtime_ns == 7);
}

static void refused_admission_changes_nothing(void **state)
{
	(void)state;
	make_zoo();
	ns_ram->admit_err = -ENOSPC;
	assert_int_equal(ns_file(ns_root, "new"), -ENOSPC);
	assert_int_equal(ns_dir(ns_root, "new"), -ENOSPC);
	assert_int_equal(ns_move(ns_root, "f", kind_id[K_DIR], "g"), -ENOSPC);
	assert_int_equal(ns_hardlink(kind_id[K_FILE], ns_root, "g"), -ENOSPC);
	ns_ram->admit_err = -EROFS;
	assert_int_equal(ns_unlink(ns_root, "f"), -EROFS);
	assert_int_equal(ns_set(kind_id[K_FILE], &(struct fs_setattr){ .set_mode = true }), -EROFS);
	ns_ram->admit_err = 0;
	assert_int_equal(ns_look(ns_root, "new"), -ENOENT);
	assert_int_equal(ns_look(ns_root, "f"), 0);
}

static void stale_handles_are_stale(void **state)
{
	(void)state;
	make_zoo();
	struct fs_file_id bad[] = { { 0, kind_id[K_DIR].inode, kind_id[K_DIR].generation + 1 },
		                    { 0, 0, 0 },
		                    { 7, FS_INO_ROOT, 1 },
		                    { 0, 99999, 1 },
		                    { 7, FS_INO_SNAPSHOTS, 0 } };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(ns_getattr(bad[i]), -ESTALE);
		assert_int_equal(ns_look(bad[i], "x"), -ESTALE);
		assert_int_equal(ns_file(bad[i], "x"), -ESTALE);
		assert_int_equal(ns_unlink(bad[i], "x"), -ESTALE);
		assert_int_equal(ns_move(bad[i], "x", ns_root, "y"), -ESTALE);
		assert_int_equal(ns_move(ns_root, "f", bad[i], "y"), -ESTALE);
		assert_int_equal(ns_hardlink(bad[i], ns_root, "y"), -ESTALE);
		assert_int_equal(ns_list(bad[i], 0, 10, 1000, true), -ESTALE);
		assert_int_equal(ns_set(bad[i], &(struct fs_setattr){ 0 }), -ESTALE);
	}
}

/* ---- READDIR ---- */

static void readdir_pages_through_everything_within_its_bounds(void **state)
{
	static bool seen[700];
	uint64_t cookie = 0;
	unsigned n = 0, n_calls = 0;
	(void)state;
	for (unsigned i = 0; i < 700; i++) {
		char name[16];
		(void)snprintf(name, sizeof name, "file%u", i);
		(void)ns_made(ns_file(ns_root, name));
	}
	do {
		uint32_t max = 1U + n_calls % 60U, bytes = 30U + n_calls * 37U % 2000U, used = 0;
		assert_int_equal(ns_list(ns_root, cookie, max, bytes, n_calls % 2 == 1), 0);
		assert_true(ns_msg.out.n <= max);
		for (unsigned i = 0; i < ns_msg.out.n; i++) {
			const struct fs_dirent *e = &ns_msg.out.dirents[i];
			used += 24U + e->name_len;
			assert_true(e->cookie > cookie);
			cookie = e->cookie;
			if (e->name[0] == '.')
				continue;
			unsigned k = (unsigned)strtoul(e->name + 4, NULL, 10);
			assert_false(seen[k]);
			seen[k] = true;
			n++;
			assert_true(e->has_attr == (n_calls % 2 == 1));
			assert_true(!e->has_attr || e->attr.id.inode == e->id.inode);
		}
		assert_true(used <= bytes);
		assert_true(n_calls++ < 5000);
	} while (!ns_msg.out.eof);
	assert_int_equal(n, 700);
	assert_int_equal(ns_list(ns_root, cookie, 10, 1000, false), 0);
	assert_true(ns_msg.out.eof && ns_msg.out.n == 0);
	static const uint64_t far[] = { 1ULL << 33, 1ULL << 63, UINT64_MAX, UINT32_MAX };
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ns_list(ns_root, far[i], 10, 1000, true), 0);
		assert_true(ns_msg.out.eof && ns_msg.out.n == 0);
	}
	for (uint32_t bytes = 0; bytes < 64; bytes++) {
		assert_int_equal(ns_list(ns_root, 0, 10, bytes, false), 0);
		assert_false(ns_msg.out.eof);
		assert_int_equal(ns_msg.out.n, bytes < 25 ? 0 : bytes < 51 ? 1 : 2);
	}
	assert_int_equal(ns_list(ns_root, 0, UINT32_MAX, UINT32_MAX, false), 0);
	assert_true(ns_msg.out.eof && ns_msg.out.n == 702);
}

static void readdir_gives_dot_and_dot_dot(void **state)
{
	struct fs_file_id a = ns_made(ns_dir(ns_root, "a"));
	(void)state;
	assert_int_equal(ns_list(a, 0, 10, 1000, true), 0);
	assert_true(ns_msg.out.eof);
	assert_int_equal(ns_msg.out.n, 2);
	assert_string_equal(ns_msg.out.dirents[0].name, ".");
	assert_int_equal(ns_msg.out.dirents[0].cookie, 1);
	assert_int_equal(ns_msg.out.dirents[0].id.inode, a.inode);
	assert_string_equal(ns_msg.out.dirents[1].name, "..");
	assert_int_equal(ns_msg.out.dirents[1].id.inode, FS_INO_ROOT);
	assert_int_equal(ns_list(a, 1, 10, 1000, false), 0);
	assert_int_equal(ns_msg.out.n, 1);
	assert_int_equal(ns_list(ns_root, 0, 2, 1000, false), 0);
	assert_int_equal(ns_msg.out.dirents[1].id.inode, FS_INO_ROOT);
}

/* ---- snapshots ---- */

static void snapshots_show_under_the_root_and_cannot_be_changed(void **state)
{
	struct fs_file_id sroot, sd, pseudo;
	(void)state;
	make_zoo();
	uint32_t id1 = ram_snapshot(ns_ram, "s1");
	assert_int_equal(ns_unlink(kind_id[K_DIR], "x"), 0);
	(void)ram_snapshot(ns_ram, "s2");
	assert_int_equal(ns_look(ns_root, ".snapshot"), 0);
	pseudo = ns_msg.out.attr.id;
	assert_memory_equal(&pseudo, &ns_snapdir, sizeof pseudo);
	assert_int_equal(ns_msg.out.attr.type, FS_TYPE_DIR);
	assert_int_equal(ns_msg.out.attr.nlink, 4);
	assert_int_equal(ns_attr_of(pseudo).mode, 0555);
	assert_int_equal(ns_look(pseudo, "s1"), 0);
	sroot = ns_msg.out.attr.id;
	assert_int_equal(sroot.snapshot, id1);
	assert_int_equal(ns_look(sroot, ".snapshot"), -ENOENT);
	assert_int_equal(ns_look(sroot, ".."), 0);
	assert_memory_equal(&ns_msg.out.attr.id, &ns_snapdir, sizeof ns_snapdir);
	assert_int_equal(ns_look(pseudo, ".."), 0);
	assert_int_equal(ns_msg.out.attr.id.inode, FS_INO_ROOT);
	assert_int_equal(ns_look(pseudo, "."), 0);
	assert_int_equal(ns_look(pseudo, "s3"), -ENOENT);
	assert_int_equal(ns_look(sroot, "d"), 0);
	sd = ns_msg.out.attr.id;
	assert_int_equal(sd.snapshot, id1);
	assert_int_equal(ns_look(sd, "x"), 0); /* still there */
	assert_int_equal(ns_look(kind_id[K_DIR], "x"), -ENOENT);
	assert_int_equal(ns_look(sd, ".."), 0);
	assert_memory_equal(&ns_msg.out.attr.id, &sroot, sizeof sroot);

	struct fs_file_id of_dir;
	assert_int_equal(ns_look(kind_id[K_DIR], ".snapshot"), 0);
	of_dir = ns_msg.out.attr.id;
	assert_memory_not_equal(&of_dir, &pseudo, sizeof pseudo);
	assert_int_equal(ns_attr_of(of_dir).mode, 0555);
	assert_int_equal(ns_look(of_dir, "s1"), 0);
	assert_memory_equal(&ns_msg.out.attr.id, &sd, sizeof sd);
	assert_int_equal(ns_look(of_dir, ".."), 0);
	assert_memory_equal(&ns_msg.out.attr.id, &kind_id[K_DIR], sizeof sd);
	assert_int_equal(ns_look(sd, ".snapshot"), -ENOENT); /* not in a snapshot */

	struct fs_file_id targets[] = { pseudo, sroot, sd, of_dir };
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ns_file(targets[i], "n"), -EROFS);
		assert_int_equal(ns_dir(targets[i], "n"), -EROFS);
		assert_int_equal(ns_create_mode(FS_SYMLINK, targets[i], "n", 0), -EROFS);
		assert_int_equal(ns_create_mode(FS_MKNOD, targets[i], "n", 0), -EROFS);
		assert_int_equal(ns_unlink(targets[i], "f"), -EROFS);
		assert_int_equal(ns_rmdir(targets[i], "e"), -EROFS);
		assert_int_equal(ns_move(targets[i], "f", ns_root, "g"), -EROFS);
		assert_int_equal(ns_move(ns_root, "f", targets[i], "g"), -EROFS);
		assert_int_equal(ns_hardlink(kind_id[K_FILE], targets[i], "g"), -EROFS);
		assert_int_equal(ns_set(targets[i], &(struct fs_setattr){ .set_mode = true }), -EROFS);
	}
	assert_int_equal(ns_look(sroot, "f"), 0);
	struct fs_file_id sfile = ns_msg.out.attr.id;
	assert_int_equal(ns_hardlink(sfile, ns_root, "g"), -EXDEV);
	assert_int_equal(ns_set(sfile, &(struct fs_setattr){ .set_size = true }), -EROFS);
	ns_new(FS_ACCESS, sfile, NULL)->in.access = 0x3F;
	assert_int_equal(ns_send(), 0);
	/* privileged, but nothing that changes */
	assert_int_equal(ns_msg.out.access, FS_ACCESS_READ | FS_ACCESS_EXECUTE);
	ns_new(FS_ACCESS, pseudo, NULL)->in.access = 0x3F;
	assert_int_equal(ns_send(), 0);
	assert_int_equal(ns_msg.out.access, FS_ACCESS_READ | FS_ACCESS_LOOKUP);
	ns_new(FS_FSSTAT, pseudo, NULL);
	assert_int_equal(ns_send(), 0);
}

static void readdir_of_the_snapshot_directory_lists_them(void **state)
{
	(void)state;
	make_zoo();
	for (unsigned i = 0; i < 4; i++) {
		char name[8];
		(void)snprintf(name, sizeof name, "s%u", i);
		(void)ram_snapshot(ns_ram, name);
	}
	ns_ram->snapshots[1].deleting = true;
	assert_int_equal(ns_list(ns_snapdir, 0, 3, 1000, true), 0);
	assert_int_equal(ns_msg.out.n, 3);
	assert_false(ns_msg.out.eof);
	assert_string_equal(ns_msg.out.dirents[2].name, "s0");
	assert_true(ns_msg.out.dirents[2].has_attr);
	assert_int_equal(ns_list(ns_snapdir, ns_msg.out.dirents[2].cookie, 10, 1000, false), 0);
	assert_int_equal(ns_msg.out.n, 2);
	assert_true(ns_msg.out.eof);
	assert_string_equal(ns_msg.out.dirents[0].name, "s2");
	assert_string_equal(ns_msg.out.dirents[1].name, "s3");
	assert_int_equal(ns_list(ns_root, 0, 100, 10000, false), 0);
	for (unsigned i = 0; i < ns_msg.out.n; i++)
		assert_string_not_equal(ns_msg.out.dirents[i].name, ".snapshot");
}

/* ---- paths, statistics ---- */

static int resolve(const char *path)
{
	ns_new(FS_RESOLVE, ns_root, NULL)->in.path = path;
	return ns_send();
}

static void resolve_walks_paths(void **state)
{
	static char long_path[FS_PATH_MAX + 10];
	(void)state;
	make_zoo();
	uint32_t s = ram_snapshot(ns_ram, "s1");
	assert_int_equal(resolve("/"), 0);
	assert_int_equal(ns_msg.out.attr.id.inode, FS_INO_ROOT);
	assert_int_equal(resolve("/d/x"), 0);
	assert_int_equal(ns_msg.out.dir_attr.id.inode, kind_id[K_DIR].inode);
	assert_int_equal(resolve("//d//./x"), 0);
	assert_int_equal(resolve("/d/../f"), 0);
	assert_int_equal(ns_msg.out.attr.id.inode, kind_id[K_FILE].inode);
	assert_int_equal(resolve("/.snapshot"), 0);
	assert_int_equal(resolve("/.snapshot/s1/d/x"), 0);
	assert_int_equal(ns_msg.out.attr.id.snapshot, s);
	assert_int_equal(resolve("/.snapshot/nope/d"), -ENOENT);
	assert_int_equal(resolve("/d/nope"), -ENOENT);
	assert_int_equal(resolve("/f/x"), -ENOTDIR);
	assert_int_equal(resolve("/l/x"), -ENOTDIR);
	assert_int_equal(resolve(""), 0);
	memset(long_path, '/', FS_PATH_MAX + 5);
	assert_int_equal(resolve(long_path), -ENAMETOOLONG);
	memset(long_path + 1, 'a', 256);
	long_path[257] = '\0';
	assert_int_equal(resolve(long_path), -ENAMETOOLONG);
	static const struct fs_cred user = { .uid = 5, .gid = 5 };
	assert_int_equal(ns_set(kind_id[K_DIR], &(struct fs_setattr){ .set_mode = true, .mode = 0644 }), 0);
	ns_cred = &user;
	assert_int_equal(resolve("/d/x"), -EACCES);
}

static void fsstat_adds_up(void **state)
{
	(void)state;
	ns_ram->figures = (struct space_figures){ .size_blocks = 100000,
		                                  .used_blocks = 99000,
		                                  .metadata_blocks = 20,
		                                  .snapshot_blocks = 130,
		                                  .reserved_blocks = 180,
		                                  .kept_blocks = 20,
		                                  .available_blocks = 650 };
	ns_ram->vol.inodes_used = 77;
	ns_new(FS_FSSTAT, ns_root, NULL);
	assert_int_equal(ns_send(), 0);
	assert_int_equal(ns_msg.out.fsstat.total_bytes, 100000 * 4096ULL);
	assert_int_equal(ns_msg.out.fsstat.free_bytes, 850 * 4096ULL);
	assert_int_equal(ns_msg.out.fsstat.avail_bytes, 650 * 4096ULL);
	assert_int_equal(ns_msg.out.fsstat.total_files - ns_msg.out.fsstat.free_files, 77);
	ns_ram->figures.available_blocks = 0;
	ns_new(FS_FSSTAT, ns_root, NULL);
	assert_int_equal(ns_send(), 0);
	assert_int_equal(ns_msg.out.fsstat.avail_bytes, 0);
	assert_int_equal(ns_msg.out.fsstat.free_files, 0);
}

/* ---- permissions in operations ---- */

static void operations_ask_for_permission(void **state)
{
	static const struct fs_cred alice = { .uid = 1, .gid = 1 }, bob = { .uid = 2, .gid = 2 };
	struct fs_file_id home, tmp, file, sub;
	(void)state;
	ns_cred = &alice;
	home = ns_made(ns_create_mode(FS_MKDIR, ns_root, "home", 0755));
	assert_int_equal(ns_msg.out.attr.uid, 1);
	file = ns_made(ns_file(home, "f"));
	sub = ns_made(ns_dir(home, "sub"));
	tmp = ns_made(ns_create_mode(FS_MKDIR, ns_root, "tmp", 01777));
	(void)ns_made(ns_file(tmp, "alice"));
	ns_cred = &bob;
	assert_int_equal(ns_file(home, "g"), -EACCES);
	assert_int_equal(ns_file(home, "f"), -EEXIST);
	assert_int_equal(ns_unlink(home, "f"), -EACCES);
	assert_int_equal(ns_rmdir(home, "sub"), -EACCES);
	assert_int_equal(ns_move(home, "f", tmp, "f"), -EACCES);
	assert_int_equal(ns_hardlink(file, home, "g"), -EACCES);
	assert_int_equal(ns_hardlink(file, tmp, "bobs-link"), 0);
	assert_int_equal(ns_unlink(tmp, "bobs-link"), -EPERM); /* sticky: the file is alice's */
	assert_int_equal(ns_unlink(tmp, "alice"), -EPERM);
	(void)ns_made(ns_file(tmp, "bob"));
	assert_int_equal(ns_move(tmp, "bob", tmp, "alice"), -EPERM);
	assert_int_equal(ns_move(tmp, "bob", home, "bob"), -EACCES);
	assert_int_equal(ns_move(tmp, "bob", tmp, "bob2"), 0);
	assert_int_equal(ns_set(file, &(struct fs_setattr){ .set_size = true, .size_bytes = 0 }), -EACCES);
	assert_int_equal(ns_set(file, &(struct fs_setattr){ .set_mode = true, .mode = 0777 }), -EPERM);
	ns_cred = &alice;
	assert_int_equal(ns_set(sub, &(struct fs_setattr){ .set_mode = true, .mode = 0 }), 0);
	assert_int_equal(ns_look(sub, "x"), -EACCES);
	assert_int_equal(ns_list(sub, 0, 10, 1000, false), -EACCES);
	assert_true(ns_msg.out.has_dir_attr);
	assert_int_equal(ns_move(home, "sub", tmp, "sub"), -EACCES); /* its ".." would change */
	assert_int_equal(ns_move(home, "sub", home, "sub2"), 0);
	assert_int_equal(ns_set(file, &(struct fs_setattr){ .set_mode = true, .mode = 0400 }), 0);
	/* the owner may, as after open */
	assert_int_equal(ns_set(file, &(struct fs_setattr){ .set_size = true, .size_bytes = 10 }), 0);
	ns_cred = &bob;
	struct fs_file_id v = ns_made(ns_file(tmp, "vdisk"));
	ram_inode(ns_ram, 0, v.inode)->attr.type = FS_TYPE_VDISK;
	assert_int_equal(ns_move(tmp, "vdisk", tmp, "vdisk2"), -EPERM);
	ns_cred = NULL;
	assert_int_equal(ns_move(tmp, "vdisk", ns_root, "vdisk"), -EPERM); /* its attributes name its directory */
	assert_int_equal(ns_move(tmp, "vdisk", tmp, "vdisk2"), 0);
}

static void new_objects_inherit_the_group_of_a_setgid_directory(void **state)
{
	static const struct fs_cred alice = { .uid = 1, .gid = 1, .n_gids = 1, .gids = { 50 } };
	struct fs_file_id dir;
	(void)state;
	dir = ns_made(ns_create_mode(FS_MKDIR, ns_root, "shared", 02777));
	assert_int_equal(
	    ns_set(dir, &(struct fs_setattr){ .set_gid = true, .gid = 50, .set_mode = true, .mode = 02777 }), 0);
	ns_cred = &alice;
	(void)ns_made(ns_file(dir, "f"));
	assert_int_equal(ns_msg.out.attr.gid, 50);
	(void)ns_made(ns_dir(dir, "d"));
	assert_int_equal(ns_msg.out.attr.gid, 50);
	assert_int_equal(ns_msg.out.attr.mode, 02755);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, ns_setup, ns_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(remove_and_rmdir_answer_by_type),
		TEST(rename_over_answers_by_both_types),
		TEST(operations_on_what_is_no_directory_answer_enotdir),
		TEST(link_counts_and_answers_by_type),
		TEST(rename_of_two_names_of_one_file_does_nothing),
		TEST(rename_of_a_directory_below_itself_is_refused),
		TEST(names_are_checked_in_every_operation),
		TEST(create_modes_do_what_rfc1813_says),
		TEST(symlinks_give_their_target_back),
		TEST(mknod_makes_what_it_is_told),
		TEST(setattr_sizes_by_type),
		TEST(setattr_guard_is_compared_with_the_ctime),
		TEST(times_follow_posix),
		TEST(refused_admission_changes_nothing),
		TEST(stale_handles_are_stale),
		TEST(readdir_pages_through_everything_within_its_bounds),
		TEST(readdir_gives_dot_and_dot_dot),
		TEST(snapshots_show_under_the_root_and_cannot_be_changed),
		TEST(readdir_of_the_snapshot_directory_lists_them),
		TEST(resolve_walks_paths),
		TEST(fsstat_adds_up),
		TEST(operations_ask_for_permission),
		TEST(new_objects_inherit_the_group_of_a_setgid_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
