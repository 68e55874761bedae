/* SPDX-License-Identifier: Apache-2.0 */
/* Calls sent again: carried out once, answered with the same bytes, also while the first is under way; and what makes
 * room when there is none. */
#include "tests/fs/callbox.h"
#include "tests/support/memdisk.h"

#include <stdio.h>

#include "base/list.h"
#include "fs/fs_call.h"
#include "tests/base/cmocka_all.h"

#define MINUTE_NS 60000000000ULL
#define DISK_BYTES (64U << 20)

static struct fsbox box;
static unsigned max_calls;

static int setup(void **state)
{
	(void)state;
	box_open(&box, 7, 3, DISK_BYTES, 4096);
	if (max_calls != 0) {
		box.max_calls = max_calls;
		box_restart(&box, 0);
	}
	return 0;
}

static int setup_small(void **state)
{
	int err;

	max_calls = 32;
	err = setup(state);
	max_calls = 0;
	return err;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
	return 0;
}

static bool exists(const char *name)
{
	struct fs_file_id id;

	return box_lookup(&box, box_root, name, &id) == 0;
}

static struct box_call mkdir_call(const char *name, unsigned peer, unsigned xid)
{
	return (struct box_call){ .op = FS_MKDIR, .dir = box_root, .name = name, .peer = peer, .xid = xid };
}

static int64_t ctime_of(struct fs_file_id id)
{
	struct fs_message msg;
	int64_t ctime_ns;

	fs_message_init(&msg, FS_GETATTR, box.vol, NULL, NULL);
	msg.file = id;
	assert_int_equal(box_send(&box, &msg), 0);
	ctime_ns = msg.out.attr.ctime_ns;
	fs_message_fini(&msg);
	return ctime_ns;
}

/* What would come of each if it were carried out again. */
static void each_change_is_made_once(void **state)
{
	struct fs_file_id file;
	struct box_call calls[] = {
		{ .op = FS_MKDIR, .dir = box_root, .name = "dir" }, /* EEXIST */
		{ .op = FS_CREATE, .dir = box_root, .name = "guarded", .mode = FS_CREATE_GUARDED }, /* EEXIST */
		/* another ctime */
		{ .op = FS_CREATE, .dir = box_root, .name = "exclusive", .mode = FS_CREATE_EXCLUSIVE, .verifier = 77 },
		{ .op = FS_SYMLINK, .dir = box_root, .name = "link" }, /* EEXIST */
		{ .op = FS_MKNOD, .dir = box_root, .name = "fifo" }, /* EEXIST */
		{ .op = FS_LINK, .dir = { 0 }, .to_name = "hard" }, /* EEXIST */
		{ .op = FS_RENAME, .dir = box_root, .name = "hard", .to_name = "moved" }, /* ENOENT */
		{ .op = FS_SETATTR, .dir = { 0 }, .set_mode = 0600 }, /* another ctime */
		{ .op = FS_SETATTR, .dir = { 0 }, .set_mode = 0640, .guarded = true }, /* the guard is wrong by then */
		{ .op = FS_REMOVE, .dir = box_root, .name = "moved" }, /* ENOENT */
		{ .op = FS_RMDIR, .dir = box_root, .name = "dir" }, /* ENOENT */
	};

	(void)state;
	assert_int_equal(box_create(&box, box_root, "file", &file), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
		calls[i].xid = 100 + i;
		if (calls[i].dir.inode == 0)
			calls[i].dir = file;
		if (calls[i].guarded)
			calls[i].guard_ctime_ns = ctime_of(file);
		assert_int_equal(call_do(&box, &calls[i]), 0);
		assert_true(calls[i].reply_len > 0);
		box_run(&box, 1000000000U);
		call_again(&box, &calls[i]);
		call_again(&box, &calls[i]);
	}
	assert_true(exists("guarded") && exists("file") && !exists("dir") && !exists("moved"));
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++)
		call_again(&box, &calls[i]); /* the directory that is gone since was made all the same */
	assert_false(exists("dir"));
}

static void an_exclusive_create_says_the_same_again(void **state)
{
	struct box_call first = { .op = FS_CREATE,
		                  .dir = box_root,
		                  .name = "x",
		                  .mode = FS_CREATE_EXCLUSIVE,
		                  .verifier = 0x123456789ABCDEFULL,
		                  .xid = 1 };
	struct box_call other = first;

	(void)state;
	assert_int_equal(call_do(&box, &first), 0);
	call_again(&box, &first);
	other.xid = 2; /* another call, the same verifier: its own work */
	assert_int_equal(call_do(&box, &other), 0);
	assert_int_equal(other.id.inode, first.id.inode);
	other.xid = 3;
	other.verifier++;
	assert_int_equal(call_do(&box, &other), -EEXIST);
}

static void a_refusal_is_said_again_though_it_would_work_now(void **state)
{
	struct box_call first = mkdir_call("d", 1, 1);

	(void)state;
	assert_int_equal(box_named(&box, FS_MKDIR, box_root, "d", NULL), 0);
	assert_int_equal(call_do(&box, &first), -EEXIST);
	assert_int_equal(box_named(&box, FS_RMDIR, box_root, "d", NULL), 0);
	call_again(&box, &first);
	assert_false(exists("d"));
}

static void a_call_that_differs_in_anything_is_another(void **state)
{
	struct box_call first = mkdir_call("d", 1, 1), other_xid = first, other_peer = first, other_name = first,
	                other_op = first;

	(void)state;
	other_xid.xid = 2;
	other_peer.peer = 2;
	other_name.name = "e";
	other_op.op = FS_RMDIR;
	assert_int_equal(call_do(&box, &first), 0);
	assert_int_equal(call_do(&box, &other_xid), -EEXIST);
	assert_int_equal(call_do(&box, &other_peer), -EEXIST);
	assert_int_equal(call_do(&box, &other_name), 0);
	assert_int_equal(call_do(&box, &other_op), 0);
	assert_true(!exists("d") && exists("e"));
}

/* The second comes while the first waits for the log; both are answered, when it is durable. */
static void sent_again_while_the_first_is_under_way_it_waits(void **state)
{
	struct box_call first = mkdir_call("d", 1, 1), again[3];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(again); i++)
		again[i] = first;
	call_send(&box, &first);
	for (unsigned i = 0; i < ARRAY_SIZE(again); i++)
		call_send(&box, &again[i]);
	assert_false(first.answered || again[0].answered);
	for (unsigned i = 0; i < ARRAY_SIZE(again); i++)
		call_wait(&box, &again[i]);
	call_wait(&box, &first);
	assert_int_equal(first.status, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(again); i++) {
		assert_int_equal(again[i].status, 0);
		assert_int_equal(again[i].reply_len, first.reply_len);
		assert_memory_equal(again[i].reply, first.reply, first.reply_len);
	}
}

/* The first is parked on the read of a directory that is not in memory: nothing is done yet. */
static void sent_again_while_the_first_is_parked_it_waits(void **state)
{
	const uint64_t waits = counter_get(&fs_call_counters()->waits);
	struct box_call first = mkdir_call("d", 1, 1), again;

	(void)state;
	box_restart(&box, 0);
	again = first;
	call_send(&box, &first);
	call_send(&box, &again);
	call_wait(&box, &first);
	call_wait(&box, &again);
	assert_int_equal(counter_get(&fs_call_counters()->waits), waits + 1);
	assert_int_equal(first.status, 0);
	assert_int_equal(again.status, 0);
	assert_memory_equal(again.reply, first.reply, first.reply_len);
}

static void an_unmount_waits_for_calls_sent_again(void **state)
{
	struct box_call first = mkdir_call("d", 1, 1), again = first;

	(void)state;
	call_send(&box, &first);
	call_send(&box, &again);
	assert_int_equal(box_unmount(&box), 0);
	assert_true(first.answered && again.answered && again.status == 0);
	assert_int_equal(box_mount(&box), 0);
}

static void a_reply_that_is_too_long_is_not_kept(void **state)
{
	struct box_call first = mkdir_call("d", 1, 1), again;

	(void)state;
	first.reply_too_long = true;
	again = first;
	call_send(&box, &first);
	call_send(&box, &again); /* under way it is still not begun a second time */
	call_wait(&box, &first);
	call_wait(&box, &again);
	assert_int_equal(first.status, 0);
	assert_int_equal(first.reply_len, 0);
	assert_int_equal(first.id.inode != 0, true); /* the sender has the results to make its own */
	assert_int_equal(call_anew(&box, &first), -EEXIST);
}

static void a_kept_reply_gets_too_old(void **state)
{
	struct box_call first = mkdir_call("d", 1, 1);

	(void)state;
	assert_int_equal(call_do(&box, &first), 0);
	box_run(&box, 9 * MINUTE_NS);
	call_again(&box, &first);
	box_run(&box, 2 * MINUTE_NS);
	assert_int_equal(call_anew(&box, &first), -EEXIST);
}

static void make_dirs(unsigned peer, unsigned from, unsigned n)
{
	static char names[400][16];

	assert_true(n <= ARRAY_SIZE(names));
	for (unsigned i = 0; i < n; i++) {
		struct box_call call;

		snprintf(names[i], sizeof names[i], "p%u.%u", peer, from + i);
		call = mkdir_call(names[i], peer, from + i);
		assert_int_equal(call_do(&box, &call), 0);
	}
}

/* Room for 32. */
static void the_oldest_make_room(void **state)
{
	struct box_call first = mkdir_call("d", 1, 1000), second = mkdir_call("e", 1, 1001);

	(void)state;
	assert_int_equal(call_do(&box, &first), 0);
	assert_int_equal(call_do(&box, &second), 0);
	make_dirs(1, 0, 30);
	call_again(&box, &first);
	make_dirs(1, 30, 1);
	assert_int_equal(call_anew(&box, &first), -EEXIST); /* takes the second's room */
	assert_int_equal(counter_get(&fs_call_counters()->kept), 32);
	assert_int_equal(call_anew(&box, &second), -EEXIST);
}

static void a_greedy_peer_drives_out_only_its_own(void **state)
{
	struct box_call modest[3] = { mkdir_call("a", 2, 1), mkdir_call("b", 2, 2), mkdir_call("c", 3, 1) };

	(void)state;
	make_dirs(1, 0, 100); /* has all the room */
	for (unsigned i = 0; i < ARRAY_SIZE(modest); i++)
		assert_int_equal(call_do(&box, &modest[i]), 0); /* gets some of it */
	make_dirs(1, 100, 300);
	for (unsigned i = 0; i < ARRAY_SIZE(modest); i++)
		call_again(&box, &modest[i]);
	assert_int_equal(counter_get(&fs_call_counters()->kept), 32);
}

static void many_peers_share_the_room_alike(void **state)
{
	static struct box_call last[8];
	static const char *const names[8] = { "a", "b", "c", "d", "e", "f", "g", "h" };

	(void)state;
	for (unsigned round = 0; round < 20; round++)
		for (unsigned peer = 0; peer < 8; peer++)
			make_dirs(10 + peer, round * 2, peer == 0 ? 2 : 1);
	for (unsigned peer = 0; peer < 8; peer++) {
		last[peer] = mkdir_call(names[peer], 10 + peer, 5000);
		assert_int_equal(call_do(&box, &last[peer]), 0);
	}
	make_dirs(10, 1000, 300);
	for (unsigned peer = 1; peer < 8; peer++)
		call_again(&box, &last[peer]);
}

/* ---- across a restart -------------------------------------------------------------------------------------------- */

/* Every change, each of which would fail the second time. */
static struct box_call survivors[] = {
	{ .op = FS_MKDIR, .name = "dir" },
	{ .op = FS_CREATE, .name = "guarded", .mode = FS_CREATE_GUARDED },
	{ .op = FS_CREATE, .name = "exclusive", .mode = FS_CREATE_EXCLUSIVE, .verifier = 77 },
	{ .op = FS_SYMLINK, .name = "link" },
	{ .op = FS_MKNOD, .name = "fifo" },
	{ .op = FS_LINK, .to_name = "hard" },
	{ .op = FS_RENAME, .name = "hard", .to_name = "moved" },
	{ .op = FS_SETATTR, .set_mode = 0600 },
	{ .op = FS_REMOVE, .name = "moved" },
	{ .op = FS_RMDIR, .name = "dir" },
};

static void survivors_do(unsigned xid)
{
	struct fs_file_id file;

	if (box_lookup(&box, box_root, "file", &file) != 0)
		assert_int_equal(box_create(&box, box_root, "file", &file), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(survivors); i++) {
		survivors[i].xid = xid + i;
		survivors[i].dir = survivors[i].op == FS_LINK || survivors[i].op == FS_SETATTR ? file : box_root;
		assert_int_equal(call_do(&box, &survivors[i]), 0);
	}
}

static void survivors_again(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(survivors); i++)
		call_again(&box, &survivors[i]);
	assert_false(exists("dir") || exists("moved"));
}

static void replies_survive_a_restart(void **state)
{
	(void)state;
	survivors_do(100);
	box_restart(&box, 0);
	survivors_again();
	box_restart(&box, 0); /* nothing came since */
	box_restart(&box, 0);
	survivors_again();
}

/* Power fails while they are in the log, when a CP has saved them, when two have, and again before anything else
 * happens. */
static void replies_survive_power_cuts(void **state)
{
	(void)state;
	for (unsigned n_cps = 0; n_cps < 4; n_cps++) {
		survivors_do(1000 * (n_cps + 1));
		for (unsigned i = 0; i < n_cps; i++)
			assert_int_equal(box_sync(&box), 0);
		for (unsigned i = 0; i < 3; i++) {
			box_crash(&box, 11 * n_cps + i + 1);
			survivors_again();
		}
		for (unsigned i = 0; i < ARRAY_SIZE(survivors); i++)
			if (survivors[i].op != FS_SETATTR && survivors[i].name != NULL)
				(void)box_remove(&box, box_root, survivors[i].name);
	}
}

/* Each acknowledged, the power failing at any time: during the log's writes, a CP, a mount. A call is answered by what
 * is there, or was never done. */
static void a_cut_at_any_time_leaves_change_and_reply_or_neither(void **state)
{
	static char names[400][8];
	struct box_call call;
	unsigned n_done = 0, n_kept = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(names[i], sizeof names[i], "n%u", i);
		call = mkdir_call(names[i], 1 + i % 3, i);
		call_send(&box, &call);
		if (i % 5 == 0)
			(void)box_sync(&box);
		if (i % 4 != 3) {
			call_wait(&box, &call);
			assert_int_equal(call.status, 0);
			if (i % 4 == 1)
				continue;
		} else {
			box_run(&box, sim_random(box.sim) % 3000000U);
		}
		n_done += call.answered;
		box_cut(&box, i + 1); /* what was not answered is now */
		assert_int_equal(box_mount(&box), 0);
		bool there = exists(names[i]);
		struct box_call again = mkdir_call(names[i], call.peer, call.xid);
		assert_int_equal(call_do(&box, &again), 0); /* EEXIST would be a change without its reply */
		n_kept += there;
		if (there && call.status == 0)
			assert_memory_equal(again.reply, call.reply, call.reply_len);
	}
	assert_true(n_done > 100 && n_kept >= n_done);
}

/* What was never acknowledged and is lost must not be answered as done. */
static void a_change_that_was_lost_has_no_reply(void **state)
{
	unsigned n_lost = 0;
	char name[16];

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		struct box_call call, again;

		snprintf(name, sizeof name, "l%u", i);
		call = mkdir_call(name, 1, i);
		call_send(&box, &call);
		if (i % 2 == 1)
			box_run(&box, i * 50000U);
		box_crash(&box, i + 1);
		n_lost += !exists(name);
		again = mkdir_call(name, 1, i);
		assert_int_equal(call_do(&box, &again), 0);
		assert_true(exists(name));
	}
	assert_true(n_lost > 0);
}

static void sync_ended(struct fs_message *msg)
{
	(void)msg; /* with the volume, or before */
}

/* A consistency point saves the calls whose changes it has, not one that came since and has only the log: when that is
 * lost, the call must be carried out. */
static void what_a_consistency_point_has_not_is_not_saved_by_it(void **state)
{
	unsigned n_lost = 0;

	(void)state;
	memdisk_set_latency(3000000);
	for (unsigned i = 0; i < 60; i++) {
		struct fs_message sync;
		char before[16], name[16];
		struct box_call first, call, again;

		snprintf(before, sizeof before, "b%u", i);
		snprintf(name, sizeof name, "c%u", i);
		first = mkdir_call(before, 1, 2 * i);
		assert_int_equal(call_do(&box, &first), 0);
		fs_message_init(&sync, FS_SYNC, box.vol, sync_ended, NULL);
		sync.origin = box.world;
		fs_message_send(&sync);
		box_run(&box, sim_random(box.sim) % 30000000U);
		call = mkdir_call(name, 1, 2 * i + 1);
		call_send(&box, &call);
		box_run(&box, sim_random(box.sim) % (i % 2U == 0 ? 2000000U : 20000000U));
		box_crash(&box, i + 1);
		n_lost += !exists(name);
		again = mkdir_call(name, 1, 2 * i + 1);
		assert_int_equal(call_do(&box, &again), 0);
		assert_true(exists(name));
	}
	assert_in_range(n_lost, 5, 55);
}

static void a_refusal_is_not_known_after_a_restart(void **state)
{
	struct box_call first = mkdir_call("d", 1, 1);

	(void)state;
	assert_int_equal(box_named(&box, FS_MKDIR, box_root, "d", NULL), 0);
	assert_int_equal(call_do(&box, &first), -EEXIST);
	assert_int_equal(box_named(&box, FS_RMDIR, box_root, "d", NULL), 0);
	box_restart(&box, 1);
	assert_int_equal(call_anew(&box, &first), 0);
}

/* More than there is room for behind the log: the youngest of each peer. */
static void what_is_saved_is_a_fair_part(void **state)
{
	struct box_call modest[2] = { mkdir_call("a", 2, 1), mkdir_call("b", 3, 1) }, first, last;

	(void)state;
	first = mkdir_call("first", 1, 9000);
	assert_int_equal(call_do(&box, &first), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(modest); i++)
		assert_int_equal(call_do(&box, &modest[i]), 0);
	make_dirs(1, 0, 400);
	make_dirs(1, 400, 400);
	make_dirs(1, 800, 190);
	call_again(&box, &first);
	last = mkdir_call("last", 1, 9001);
	assert_int_equal(call_do(&box, &last), 0);
	assert_int_equal(box_sync(&box), 0);
	box_restart(&box, 5);
	for (unsigned i = 0; i < ARRAY_SIZE(modest); i++)
		call_again(&box, &modest[i]);
	call_again(&box, &last);
	assert_int_equal(call_anew(&box, &first), -EEXIST);
}

static void what_is_too_old_is_not_saved(void **state)
{
	struct box_call first = mkdir_call("d", 1, 1), second = mkdir_call("e", 1, 2);

	(void)state;
	assert_int_equal(call_do(&box, &first), 0);
	box_run(&box, 11 * MINUTE_NS);
	assert_int_equal(call_do(&box, &second), 0);
	box_restart(&box, 0);
	call_again(&box, &second);
	assert_int_equal(call_anew(&box, &first), -EEXIST);
}

/* No copy of them can be read: the volume comes up all the same. */
static void damage_to_what_was_saved_costs_only_the_replies(void **state)
{
	struct box_call first = mkdir_call("d", 1, 1);
	static const char *const names[] = { "a", "b", "c", "e" };
	unsigned n_damaged = 0;

	(void)state;
	assert_int_equal(call_do(&box, &first), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) { /* until both halves of the log have been used again */
		assert_int_equal(box_named(&box, FS_MKDIR, box_root, names[i], NULL), 0);
		assert_int_equal(box_sync(&box), 0);
	}
	assert_int_equal(box_unmount(&box), 0);
	for (unsigned i = 0; i < box.n_disks; i++)
		n_damaged += call_damage_saved(&box, i);
	assert_true(n_damaged > 0);
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(call_anew(&box, &first), -EEXIST);
	assert_true(exists("d"));
}

static void operations_that_may_be_repeated_are(void **state)
{
	struct box_call look = { .op = FS_LOOKUP, .dir = box_root, .name = "d", .xid = 1 };

	(void)state;
	assert_int_equal(call_do(&box, &look), -ENOENT);
	assert_int_equal(box_named(&box, FS_MKDIR, box_root, "d", NULL), 0);
	assert_int_equal(call_anew(&box, &look), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CALLS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		CALLS_TEST(each_change_is_made_once),
		CALLS_TEST(an_exclusive_create_says_the_same_again),
		CALLS_TEST(a_refusal_is_said_again_though_it_would_work_now),
		CALLS_TEST(a_call_that_differs_in_anything_is_another),
		CALLS_TEST(sent_again_while_the_first_is_under_way_it_waits),
		CALLS_TEST(sent_again_while_the_first_is_parked_it_waits),
		CALLS_TEST(an_unmount_waits_for_calls_sent_again),
		CALLS_TEST(a_reply_that_is_too_long_is_not_kept),
		CALLS_TEST(a_kept_reply_gets_too_old),
		CALLS_TEST(operations_that_may_be_repeated_are),
		CALLS_TEST(replies_survive_a_restart),
		CALLS_TEST(replies_survive_power_cuts),
		CALLS_TEST(a_cut_at_any_time_leaves_change_and_reply_or_neither),
		CALLS_TEST(a_change_that_was_lost_has_no_reply),
		CALLS_TEST(what_a_consistency_point_has_not_is_not_saved_by_it),
		CALLS_TEST(a_refusal_is_not_known_after_a_restart),
		CALLS_TEST(what_is_saved_is_a_fair_part),
		CALLS_TEST(what_is_too_old_is_not_saved),
		CALLS_TEST(damage_to_what_was_saved_costs_only_the_replies),
		cmocka_unit_test_setup_teardown(the_oldest_make_room, setup_small, teardown),
		cmocka_unit_test_setup_teardown(a_greedy_peer_drives_out_only_its_own, setup_small, teardown),
		cmocka_unit_test_setup_teardown(many_peers_share_the_room_alike, setup_small, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
