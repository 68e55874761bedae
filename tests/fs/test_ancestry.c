/* SPDX-License-Identifier: Apache-2.0 */
/* Walks up long chains of directories, and what must lie below a directory: on the engine. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>

#include "fs/file/cache_private.h"
#include "tests/support/fsbox.h"
#include "tests/support/memdisk.h"

#define N_CHAIN 4000U

static struct fsbox box;
static struct fs_file_id chain[N_CHAIN];

static struct fs_message *message(struct fs_message *msg, enum fs_op op, struct fs_file_id file, const char *name)
{
	fs_message_init(msg, op, box.vol, NULL, NULL);
	msg->file = file;
	msg->in.name = name;
	msg->in.name_len = name == NULL ? 0 : (uint32_t)strlen(name);
	return msg;
}

static struct fs_file_id mkdir_in(struct fs_file_id dir, const char *name)
{
	struct fs_file_id id;

	assert_int_equal(box_named(&box, FS_MKDIR, dir, name, &id), 0);
	return id;
}

static struct fs_message *renaming(struct fs_message *msg, struct fs_file_id dir, const char *name,
                                   struct fs_file_id to_dir)
{
	message(msg, FS_RENAME, dir, name);
	msg->in.to_dir = to_dir;
	msg->in.to_name = name;
	msg->in.to_name_len = (uint32_t)strlen(name);
	return msg;
}

static int move(struct fs_file_id dir, const char *name, struct fs_file_id to_dir)
{
	struct fs_message msg;

	return box_send(&box, renaming(&msg, dir, name, to_dir));
}

/* Sent; *ret_done is set when it is answered. */
static void on_answer(struct fs_message *msg)
{
	*(bool *)msg->owner = true;
}
static void send_only(struct fs_message *msg, bool *ret_done)
{
	*ret_done = false;
	msg->done = on_answer;
	msg->owner = ret_done;
	fs_message_send(msg);
}
static void wait_for(const bool *done)
{
	while (!*done)
		assert_true(sim_step(box.sim));
}

/* d/d/d/..., and a directory "x" beside. */
static struct fs_file_id chain_make(size_t cache_pages)
{
	struct fs_file_id at = box_root;

	box_open(&box, 7, 3, 128U << 20, cache_pages);
	for (unsigned i = 0; i < N_CHAIN; i++)
		at = chain[i] = mkdir_in(at, "d");
	return mkdir_in(box_root, "x");
}

static void cold(void)
{
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(box_mount(&box), 0);
}

/* ---- the rename that looks for a cycle ---- */

static uint64_t looks(void)
{
	return counter_get(&box.vol->cache->hits) + counter_get(&box.vol->cache->misses);
}

static void rename_below_a_long_chain_reads_each_level_once(void **state)
{
	uint64_t before;

	(void)state;
	(void)chain_make(16384);
	cold();
	before = looks();
	assert_int_equal(move(box_root, "x", chain[N_CHAIN - 1]), 0);
	assert_in_range(looks() - before, N_CHAIN, 40U * N_CHAIN);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void chain_longer_than_the_cache_can_be_walked(void **state)
{
	(void)state;
	(void)chain_make(2048);
	cold();
	assert_int_equal(move(box_root, "x", chain[N_CHAIN - 1]), 0);
	assert_int_equal(move(box_root, "d", chain[N_CHAIN - 1]), -EINVAL);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void others_are_answered_while_a_long_chain_in_memory_is_walked(void **state)
{
	struct fs_message rename, other;
	bool renamed, answered;
	unsigned n = 0;

	(void)state;
	(void)chain_make(16384);
	send_only(renaming(&rename, box_root, "x", chain[N_CHAIN - 1]), &renamed);
	while (!renamed) {
		send_only(message(&other, FS_GETATTR, box_root, NULL), &answered);
		wait_for(&answered);
		n++;
	}
	assert_int_equal(rename.status, 0);
	assert_in_range(n, N_CHAIN / 256U, N_CHAIN);
	box_close(&box);
}

static void walk_ends_when_the_disks_fail(void **state)
{
	struct fs_message rename;
	bool done;

	(void)state;
	(void)chain_make(16384);
	cold();
	send_only(renaming(&rename, box_root, "x", chain[N_CHAIN - 1]), &done);
	for (unsigned i = 0; i < 500U; i++)
		assert_true(sim_step(box.sim));
	assert_false(done);
	for (unsigned i = 0; i < box.n_disks; i++)
		memdisk_lose(box.urls[i] + 4);
	for (unsigned i = 0; i < 100000U && !done; i++)
		assert_true(sim_step(box.sim));
	assert_true(done);
	assert_true(rename.status < 0);
	(void)box_unmount(&box);
	box_close(&box);
}

/* While x is being moved to the end of the chain, the chain comes below x: one of both renames must be refused. */
static void directory_moved_behind_the_back_of_a_walk_makes_no_cycle(void **state)
{
	struct fs_file_id x = chain_make(16384);

	(void)state;
	for (unsigned turns = 1; turns < 2000U; turns += 150U) {
		struct fs_message first, second;
		bool first_done, second_done;

		cold();
		send_only(renaming(&first, box_root, "x", chain[N_CHAIN - 1]), &first_done);
		for (unsigned i = 0; i < turns && !first_done; i++)
			assert_true(sim_step(box.sim));
		assert_false(first_done);
		send_only(renaming(&second, chain[N_CHAIN - 101], "d", x), &second_done);
		wait_for(&second_done);
		wait_for(&first_done);
		assert_int_equal(second.status, 0);
		assert_int_equal(first.status, -EINVAL);
		assert_int_equal(move(x, "d", chain[N_CHAIN - 101]), 0);
	}
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

/* ---- what lies below ---- */

static struct fs_file_id top, inside, outside;

static int beneath(enum fs_op op, struct fs_file_id dir, const char *name, struct fs_file_id *ret_id)
{
	struct fs_message msg;

	message(&msg, op, dir, name);
	msg.in.beneath = top;
	msg.in.path = name;
	msg.in.to_dir = inside;
	msg.in.to_name = "moved";
	msg.in.to_name_len = 5;
	msg.in.readdir.max_entries = 10;
	msg.in.readdir.max_bytes = 1024;
	int status = box_send(&box, &msg);
	if (ret_id != NULL)
		*ret_id = msg.out.attr.id;
	fs_message_fini(&msg);
	return status;
}

/* /top/a/inside, /other/outside */
static void tree_make(void)
{
	box_open(&box, 8, 3, 64U << 20, 2048);
	top = mkdir_in(box_root, "top");
	inside = mkdir_in(mkdir_in(top, "a"), "inside");
	outside = mkdir_in(mkdir_in(box_root, "other"), "outside");
}

static void directory_that_left_is_stale_until_it_is_back(void **state)
{
	struct fs_file_id a, other, file, snapdir;

	(void)state;
	tree_make();
	assert_int_equal(box_create(&box, inside, "file", &file), 0);
	assert_int_equal(box_lookup(&box, top, "a", &a), 0);
	assert_int_equal(box_lookup(&box, box_root, "other", &other), 0);
	assert_int_equal(beneath(FS_LOOKUP, inside, ".snapshot", &snapdir), 0);
	assert_int_equal(beneath(FS_LOOKUP, inside, "file", NULL), 0);
	assert_int_equal(beneath(FS_READDIR, snapdir, NULL, NULL), 0);
	assert_int_equal(move(top, "a", other), 0);
	assert_int_equal(beneath(FS_LOOKUP, inside, "file", NULL), -ESTALE);
	assert_int_equal(beneath(FS_LOOKUP, inside, "..", NULL), -ESTALE);
	assert_int_equal(beneath(FS_LOOKUP, a, "..", NULL), -ESTALE);
	assert_int_equal(beneath(FS_READDIR, inside, NULL, NULL), -ESTALE);
	assert_int_equal(beneath(FS_READDIR, snapdir, NULL, NULL), -ESTALE);
	assert_int_equal(beneath(FS_CREATE, inside, "new", NULL), -ESTALE);
	assert_int_equal(beneath(FS_GETATTR, inside, NULL, NULL), -ESTALE);
	assert_int_equal(beneath(FS_GETATTR, file, NULL, NULL), 0); /* as an open file */
	assert_int_equal(beneath(FS_GETATTR, top, NULL, NULL), 0);
	cold();
	assert_int_equal(beneath(FS_LOOKUP, inside, "..", NULL), -ESTALE);
	assert_int_equal(move(other, "a", top), 0);
	assert_int_equal(beneath(FS_LOOKUP, inside, "file", NULL), 0);
	assert_int_equal(beneath(FS_LOOKUP, inside, "..", NULL), 0);
	box_close(&box);
}

static void nothing_outside_is_reached_by_any_argument(void **state)
{
	struct fs_file_id file;

	(void)state;
	tree_make();
	assert_int_equal(box_create(&box, top, "file", &file), 0);
	assert_int_equal(beneath(FS_LOOKUP, outside, ".", NULL), -ESTALE);
	assert_int_equal(beneath(FS_LOOKUP, box_root, "top", NULL), -ESTALE);
	assert_int_equal(beneath(FS_RESOLVE, box_root, "/top/a/inside", NULL), 0);
	assert_int_equal(beneath(FS_RESOLVE, box_root, "/other/outside", NULL), -ENOENT);
	assert_int_equal(beneath(FS_RESOLVE, box_root, "/", NULL), -ENOENT);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s"), 0);
	assert_int_equal(beneath(FS_RESOLVE, box_root, "/top/.snapshot/s/a", NULL), 0);
	assert_int_equal(beneath(FS_RESOLVE, box_root, "/other/.snapshot/s", NULL), -ENOENT);
	assert_int_equal(beneath(FS_RESOLVE, box_root, "/.snapshot/s/top", NULL), -ENOENT);
	assert_int_equal(beneath(FS_RENAME, top, "file", NULL), 0);
	inside = outside; /* what it is moved to */
	assert_int_equal(beneath(FS_RENAME, top, "a", NULL), -ESTALE);
	assert_int_equal(beneath(FS_LINK, file, NULL, NULL), -ESTALE);
	top.generation++; /* another directory of that number */
	assert_int_equal(beneath(FS_GETATTR, top, NULL, NULL), -ESTALE);
	box_close(&box);
}

static void way_up_ends_at_the_top_and_is_none_in_snapshots(void **state)
{
	struct fs_file_id id, then;

	(void)state;
	tree_make();
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s"), 0);
	assert_int_equal(beneath(FS_LOOKUP, top, "..", &id), 0);
	assert_memory_equal(&id, &top, sizeof id);
	assert_int_equal(beneath(FS_LOOKUP, inside, "..", &id), 0);
	assert_int_equal(beneath(FS_LOOKUP, id, "..", &id), 0);
	assert_memory_equal(&id, &top, sizeof id);
	assert_int_equal(box_resolve(&box, "/.snapshot/s/top/a", &then), 0);
	assert_int_equal(beneath(FS_LOOKUP, then, "..", &id), 0);
	assert_memory_equal(&id, &then, sizeof id);
	box_close(&box);
}

static void expect_path(struct fs_file_id dir, int status, const char *path)
{
	struct fs_message msg;

	assert_int_equal(box_send(&box, message(&msg, FS_PATH_OF, dir, NULL)), status);
	if (status == 0)
		assert_string_equal(msg.out.blob, path);
	fs_message_fini(&msg);
}

static void directory_says_its_path_of_today(void **state)
{
	struct fs_file_id other, then;
	uint64_t changes;

	(void)state;
	tree_make();
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s"), 0);
	expect_path(box_root, 0, "/");
	expect_path(inside, 0, "/top/a/inside");
	changes = fs_volume_tree_changes(box.vol);
	assert_int_equal(box_lookup(&box, box_root, "other", &other), 0);
	assert_int_equal(move(top, "a", other), 0);
	assert_true(fs_volume_tree_changes(box.vol) > changes);
	expect_path(inside, 0, "/other/a/inside");
	assert_int_equal(box_resolve(&box, "/.snapshot/s/top/a", &then), 0);
	expect_path(then, -EINVAL, NULL);
	changes = fs_volume_tree_changes(box.vol);
	assert_int_equal(box_named(&box, FS_RMDIR, other, "outside", &other), 0);
	assert_true(fs_volume_tree_changes(box.vol) > changes);
	expect_path(outside, -ESTALE, NULL);
	box_close(&box);
}

/* An export of a directory as a snapshot has it. */
static void top_may_be_in_a_snapshot(void **state)
{
	struct fs_file_id then_inside, then_outside, today = { 0 };

	(void)state;
	tree_make();
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "s"), 0);
	today = top;
	assert_int_equal(box_resolve(&box, "/.snapshot/s/top", &top), 0);
	assert_int_equal(box_resolve(&box, "/.snapshot/s/top/a/inside", &then_inside), 0);
	assert_int_equal(box_resolve(&box, "/.snapshot/s/other/outside", &then_outside), 0);
	assert_int_equal(beneath(FS_GETATTR, then_inside, NULL, NULL), 0);
	assert_int_equal(beneath(FS_GETATTR, then_outside, NULL, NULL), -ESTALE);
	assert_int_equal(beneath(FS_GETATTR, today, NULL, NULL), -ESTALE);
	assert_int_equal(beneath(FS_RESOLVE, box_root, "/.snapshot/s/top/a", NULL), 0);
	assert_int_equal(beneath(FS_RESOLVE, box_root, "/top/.snapshot/s/a", NULL), 0);
	assert_int_equal(beneath(FS_RESOLVE, box_root, "/.snapshot/s/other", NULL), -ENOENT);
	assert_int_equal(beneath(FS_RESOLVE, box_root, "/top/a", NULL), -ENOENT);
	box_close(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rename_below_a_long_chain_reads_each_level_once),
		cmocka_unit_test(chain_longer_than_the_cache_can_be_walked),
		cmocka_unit_test(others_are_answered_while_a_long_chain_in_memory_is_walked),
		cmocka_unit_test(walk_ends_when_the_disks_fail),
		cmocka_unit_test(directory_moved_behind_the_back_of_a_walk_makes_no_cycle),
		cmocka_unit_test(directory_that_left_is_stale_until_it_is_back),
		cmocka_unit_test(nothing_outside_is_reached_by_any_argument),
		cmocka_unit_test(way_up_ends_at_the_top_and_is_none_in_snapshots),
		cmocka_unit_test(directory_says_its_path_of_today),
		cmocka_unit_test(top_may_be_in_a_snapshot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
