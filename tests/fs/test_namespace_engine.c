/* SPDX-License-Identifier: Apache-2.0 */
/* Directories and the namespace on the real cache, log and consistency points: power cuts, small caches, large
 * directories. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/names/dir.h"
#include "tests/support/fsbox.h"

static struct fsbox box;
static uint64_t rng;

static uint32_t random_below(uint32_t below)
{
	rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((rng >> 33) % below);
}

static struct fs_message *message(struct fs_message *msg, enum fs_op op, struct fs_file_id file, const char *name)
{
	fs_message_init(msg, op, box.vol, NULL, NULL);
	msg->file = file;
	msg->in.name = name;
	msg->in.name_len = name == NULL ? 0 : (uint32_t)strlen(name);
	return msg;
}

/* ---- what the tree looks like, as one text ---- */

struct text {
	char *bytes;
	size_t len, max;
};

static void text_add(struct text *text, const char *line)
{
	size_t len = strlen(line);
	if (text->len + len + 1U > text->max) {
		text->max = (text->len + len) * 2U + 4096U;
		text->bytes = realloc(text->bytes, text->max);
		assert_non_null(text->bytes);
	}
	memcpy(text->bytes + text->len, line, len + 1U);
	text->len += len;
}

static unsigned describe(struct fs_file_id dir, struct text *text, unsigned depth)
{
	struct fs_message msg;
	uint64_t cookie = 2;
	unsigned n = 0;
	bool eof;
	assert_true(depth < 200);
	do {
		message(&msg, FS_READDIR, dir, NULL);
		msg.in.readdir.cookie = cookie;
		msg.in.readdir.max_entries = 100;
		msg.in.readdir.max_bytes = 8192;
		msg.in.readdir.want_attr = true;
		assert_int_equal(box_send(&box, &msg), 0);
		eof = msg.out.eof;
		for (unsigned i = 0; i < msg.out.n; i++) {
			const struct fs_dirent *e = &msg.out.dirents[i];
			char line[512];
			assert_true(e->has_attr && e->attr.id.inode == e->id.inode &&
			            e->attr.id.generation == e->id.generation);
			(void)snprintf(
			    line, sizeof line,
			    "%*s%s %u %u.%lu mode %o nlink %u owner %u size %lu mtime %ld ctime %ld cookie %lu\n",
			    (int)depth, "", e->name, (unsigned)e->type, e->id.inode, (unsigned long)e->id.generation,
			    e->attr.mode, e->attr.nlink, e->attr.uid, (unsigned long)e->attr.size_bytes,
			    (long)e->attr.mtime_ns, (long)e->attr.ctime_ns, (unsigned long)e->cookie);
			text_add(text, line);
			cookie = e->cookie;
			n++;
			if (e->type == FS_TYPE_DIR)
				n += describe(e->id, text, depth + 1U);
		}
		fs_message_fini(&msg);
	} while (!eof);
	return n;
}

/* Names of the directory hierarchy checked by dir_verify on the home thread. */
struct verifier {
	struct fs_run run;
	struct fs_file_id id;
	struct dir_verify verify;
	bool done;
	int err;
	unsigned n_faults;
};
static void on_fault(void *arg, const char *text, bool derived)
{
	(void)derived;
	print_error("%s\n", text);
	((struct verifier *)arg)->n_faults++;
}
static int verifier_step(struct fs_run *run)
{
	struct verifier *v = run->arg;
	struct inode *dir;
	int err = inode_get_id(run, &v->id, &dir);
	return err != 0 ? err : dir_verify_step(run, dir, &v->verify);
}
static void verifier_finish(struct fs_run *run, int err)
{
	struct verifier *v = run->arg;
	v->err = err;
	v->done = true;
}

static void verify(struct fs_file_id id)
{
	struct verifier v = { .id = id, .verify = { .fault = on_fault } };
	v.verify.arg = &v;
	while (!v.verify.done) {
		v.done = false;
		run_init(&v.run, box.vol, verifier_step, verifier_finish, &v);
		run_start(&v.run);
		while (!v.done)
			box_run(&box, 1000000);
		run_fini(&v.run);
		assert_int_equal(v.err, 0);
	}
	assert_int_equal(v.n_faults, 0);
}

/* ---- random work ---- */

static struct fs_file_id dirs[40];
static unsigned n_dirs;

static const char *random_name(void)
{
	static char names[4][300];
	static unsigned turn;
	char *name = names[turn++ % 4U];
	int len = snprintf(name, 64, "n%u", random_below(60));
	if (random_below(3) == 0) {
		memset(name + len, 'x', 180);
		name[len + 180] = '\0';
	}
	return name;
}

static struct fs_file_id random_dir(void)
{
	return n_dirs == 0 || random_below(3) == 0 ? box_root : dirs[random_below(n_dirs)];
}

static void random_op(void)
{
	static const enum fs_op ops[] = { FS_MKDIR,  FS_MKDIR, FS_CREATE, FS_CREATE, FS_CREATE, FS_SYMLINK, FS_REMOVE,
		                          FS_REMOVE, FS_RMDIR, FS_RENAME, FS_RENAME, FS_LINK,   FS_SETATTR };
	enum fs_op op = ops[random_below(ARRAY_SIZE(ops))];
	struct fs_message msg;
	struct fs_file_id file = random_dir();
	if ((op == FS_LINK || op == FS_SETATTR) && box_lookup(&box, file, random_name(), &file) != 0)
		return;
	message(&msg, op, file, random_name());
	msg.in.create.mode = FS_CREATE_GUARDED;
	msg.in.setattr.set_mode = true;
	msg.in.setattr.mode = random_below(01000);
	msg.in.blob = "../some/where";
	msg.in.blob_len = 13;
	msg.in.to_dir = random_dir();
	msg.in.to_name = random_name();
	msg.in.to_name_len = (uint32_t)strlen(msg.in.to_name);
	int status = box_send(&box, &msg);
	switch (status) {
	case 0:
	case -ENOENT:
	case -EEXIST:
	case -ENOTDIR:
	case -EISDIR:
	case -ENOTEMPTY:
	case -EINVAL:
	case -ESTALE: break;
	default: print_error("operation %d status %d\n", (int)op, status); fail();
	}
	if (op == FS_MKDIR && status == 0)
		dirs[n_dirs < ARRAY_SIZE(dirs) ? n_dirs++ : random_below((uint32_t)ARRAY_SIZE(dirs))] = msg.out.attr.id;
	fs_message_fini(&msg);
}

static void every_acknowledged_operation_is_there_after_a_power_cut(void **state)
{
	const char *wanted = getenv("VC_TEST_SEEDS"); /* "100": seeds 1 to 100, for a soak */
	uint64_t n_seeds = wanted == NULL ? 4 : strtoul(wanted, NULL, 10);
	(void)state;
	for (uint64_t seed = 1; seed <= n_seeds; seed++) {
		rng = seed;
		n_dirs = 0;
		box_open(&box, seed, 3, 64U << 20, 2048);
		for (unsigned round = 0; round < 12; round++) {
			struct text before = { 0 }, after = { 0 };
			for (unsigned n = random_below(700); n > 0; n--) {
				random_op();
				if (random_below(150) == 0)
					assert_int_equal(box_sync(&box), 0);
			}
			unsigned n = describe(box_root, &before, 0);
			if (round % 4 == 3) {
				assert_int_equal(box_unmount(&box), 0);
				assert_int_equal(box_mount(&box), 0);
			} else {
				box_crash(&box, seed * 100 + round);
			}
			assert_int_equal(describe(box_root, &after, 0), n);
			if (before.len != after.len || memcmp(before.bytes, after.bytes, before.len) != 0)
				print_error("seed %lu round %u\n", (unsigned long)seed, round);
			assert_int_equal(before.len, after.len);
			if (n > 0)
				assert_memory_equal(before.bytes, after.bytes, before.len);
			free(before.bytes);
			free(after.bytes);
			verify(box_root);
			for (unsigned i = 0; i < n_dirs; i++) {
				struct fs_message msg;
				if (box_send(&box, message(&msg, FS_GETATTR, dirs[i], NULL)) == 0)
					verify(dirs[i]);
			}
		}
		assert_int_equal(box_check(&box), 0);
		box_close(&box);
	}
}

static void large_directory_works_in_a_small_cache(void **state)
{
	const unsigned n_max = 30000;
	struct fs_file_id dir, id;
	struct fs_message msg;
	char name[64];
	(void)state;
	rng = 5;
	box_open(&box, 2, 3, 256U << 20, 2048);
	message(&msg, FS_MKDIR, box_root, "big");
	assert_int_equal(box_send(&box, &msg), 0);
	dir = msg.out.attr.id;
	for (unsigned i = 0; i < n_max; i++) {
		(void)snprintf(name, sizeof name, "a-name-as-long-as-many-are-%06u", i);
		assert_int_equal(box_create(&box, dir, name, NULL), 0);
	}
	box_crash(&box, 77);
	verify(dir);
	assert_int_equal(box_check(&box), 0);
	for (unsigned i = 0; i < 2000; i++) {
		(void)snprintf(name, sizeof name, "a-name-as-long-as-many-are-%06u", random_below(n_max));
		assert_int_equal(box_lookup(&box, dir, name, &id), 0);
	}
	struct text text = { 0 };
	assert_int_equal(describe(dir, &text, 0), n_max);
	free(text.bytes);
	for (unsigned i = 0; i < n_max; i++) {
		(void)snprintf(name, sizeof name, "a-name-as-long-as-many-are-%06u", i);
		assert_int_equal(box_remove(&box, dir, name), 0);
	}
	verify(dir);
	assert_int_equal(box_sync(&box), 0);
	assert_int_equal(box_send(&box, message(&msg, FS_RMDIR, box_root, "big")), 0);
	box_close(&box);
}

static void snapshot_shows_the_tree_as_it_was(void **state)
{
	struct text before = { 0 }, after = { 0 };
	struct fs_file_id root;
	(void)state;
	rng = 9;
	n_dirs = 0;
	box_open(&box, 3, 3, 64U << 20, 2048);
	for (unsigned i = 0; i < 500; i++)
		random_op();
	unsigned n = describe(box_root, &before, 0);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	for (unsigned i = 0; i < 1500; i++)
		random_op();
	assert_int_equal(box_resolve(&box, "/.snapshot/s1", &root), 0);
	assert_int_equal(describe(root, &after, 0), n);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.bytes, after.bytes, before.len);
	verify(root);
	free(before.bytes);
	free(after.bytes);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_acknowledged_operation_is_there_after_a_power_cut),
		cmocka_unit_test(large_directory_works_in_a_small_cache),
		cmocka_unit_test(snapshot_shows_the_tree_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
