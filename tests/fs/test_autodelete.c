/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots that go when space runs short: which ones, when, how many, and that clients see nothing of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/core/core.h"
#include "fs/cp/maps.h"
#include "fs/snapshot/snapshot.h"
#include "tests/support/fsbox.h"

#define DISK_BYTES (48ULL << 20) /* two data disks */
#define CHUNK (256U * FS_BLOCK_SIZE)

static struct fsbox box;
static struct fs_file_id file;

static int setup(void **state)
{
	(void)state;
	box_open(&box, 1, 3, DISK_BYTES, 4096);
	assert_int_equal(box_create(&box, box_root, "f", &file), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
	return 0;
}

static int set_policy(const struct fs_autodelete *policy)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_AUTODELETE_SET, box.vol, NULL, NULL);
	msg.in.autodelete = policy;
	return box_send(&box, &msg);
}

static void snapshot(const char *name, bool scheduled)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_SNAPSHOT_CREATE, box.vol, NULL, NULL);
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	msg.in.scheduled = scheduled;
	assert_int_equal(box_send(&box, &msg), 0);
}

/* Names of the snapshots that stay, oldest first: "s1 s2". */
static const char *names(void)
{
	static char text[512];
	struct fs_message msg;

	text[0] = '\0';
	fs_message_init(&msg, FS_SNAPSHOT_LIST, box.vol, NULL, NULL);
	assert_int_equal(box_send(&box, &msg), 0);
	for (unsigned i = 0; i < msg.out.n; i++) {
		if (msg.out.snapshots[i].deleting)
			continue;
		size_t len = strlen(text);
		snprintf(text + len, sizeof(text) - len, "%s%s", len == 0 ? "" : " ", msg.out.snapshots[i].name);
	}
	fs_message_fini(&msg);
	return text;
}

static void settle(void)
{
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(box_sync(&box), 0);
		box_run(&box, 1000000000ULL);
	}
}

/* Overwrite `percent` of the volume's blocks at the beginning of the file; the first error. */
static int overwrite(unsigned percent)
{
	static uint8_t bytes[CHUNK];
	uint64_t end = box.vol->maps->n_blocks * FS_BLOCK_SIZE / 100U * percent;

	for (uint64_t at = 0; at + CHUNK <= end; at += CHUNK) {
		memset(bytes, (int)(at / CHUNK), sizeof(bytes));
		int err = box_write(&box, file, at, bytes, CHUNK, FS_UNSTABLE);
		if (err != 0)
			return err;
	}
	return 0;
}

/* n snapshots called PREFIX0.. that each hold about `percent` of the volume by themselves. */
static void make_snapshots(const char *prefix, unsigned n, unsigned percent, bool scheduled)
{
	char name[32];

	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(overwrite(percent), 0);
		snprintf(name, sizeof(name), "%s%u", prefix, i);
		snapshot(name, scheduled);
	}
}

static unsigned percent_available(void)
{
	return (unsigned)(box_free_bytes(&box) * 100U / FS_BLOCK_SIZE / box.vol->maps->n_blocks);
}

static const struct fs_autodelete everything = {
	.enabled = true, .trigger_percent = 5, .target_percent = 20, .user_created = true, .defer = FS_DEFER_NONE
};

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void without_a_policy_clients_see_no_space_and_nothing_is_deleted(void **state)
{
	(void)state;
	make_snapshots("s", 4, 20, true);
	assert_int_equal(overwrite(20), -ENOSPC);
	settle();
	assert_string_equal(names(), "s0 s1 s2 s3");
	struct fs_autodelete off = everything;
	off.enabled = false;
	assert_int_equal(set_policy(&off), 0);
	assert_int_equal(overwrite(20), -ENOSPC);
	settle();
	assert_string_equal(names(), "s0 s1 s2 s3");
}

static void clients_never_see_no_space_while_a_snapshot_may_go(void **state)
{
	char name[32];

	(void)state;
	assert_int_equal(set_policy(&everything), 0);
	for (unsigned i = 0; i < 30; i++) {
		assert_int_equal(overwrite(30), 0);
		snprintf(name, sizeof(name), "s%u", i);
		snapshot(name, i % 2U == 0);
	}
	assert_string_not_equal(names(), "");
	assert_non_null(strstr(names(), "s29"));
	assert_null(strstr(names(), "s2 "));
}

static void the_oldest_go_first_and_no_more_than_needed(void **state)
{
	(void)state;
	make_snapshots("s", 8, 10, true);
	settle();
	unsigned before = percent_available();
	assert_in_range(before, 6, 25);
	assert_string_equal(names(), "s0 s1 s2 s3 s4 s5 s6 s7");
	struct fs_autodelete policy = everything;
	policy.trigger_percent = before + 2U;
	policy.target_percent = before + 12U; /* two snapshots' worth */
	assert_int_equal(set_policy(&policy), 0);
	settle();
	assert_string_equal(names(), "s2 s3 s4 s5 s6 s7");
	assert_in_range(percent_available(), before + 12U, before + 30U);
	settle();
	assert_string_equal(names(), "s2 s3 s4 s5 s6 s7");
}

static int put_document(size_t len)
{
	static char text[1 << 16];
	struct fs_message msg;

	memset(text, 'x', sizeof(text));
	fs_message_init(&msg, FS_DOC_PUT, box.vol, NULL, NULL);
	msg.in.name = "policy";
	msg.in.name_len = 6;
	msg.in.blob = text;
	msg.in.blob_len = len;
	return box_send(&box, &msg);
}

static void a_full_volume_takes_its_policy(void **state)
{
	(void)state;
	make_snapshots("s", 4, 20, true);
	for (uint64_t at = 1; at < 40 && overwrite(20) == 0; at++)
		snapshot("more", true);
	static const uint8_t block[FS_BLOCK_SIZE] = { 1 };
	uint64_t fbn = box.vol->maps->n_blocks;
	while (box_write(&box, file, fbn++ * FS_BLOCK_SIZE, block, FS_BLOCK_SIZE, FS_UNSTABLE) == 0)
		;
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(put_document(300), 0);
	assert_int_equal(put_document(60000), -ENOSPC);
	assert_int_equal(set_policy(&everything), 0);
	assert_int_equal(overwrite(20), 0);
	assert_int_equal(put_document(60000), 0);
}

static void above_the_trigger_nothing_is_deleted(void **state)
{
	(void)state;
	make_snapshots("s", 4, 10, true);
	settle();
	struct fs_autodelete policy = everything;
	policy.trigger_percent = percent_available() - 1U;
	policy.target_percent = 90;
	assert_int_equal(set_policy(&policy), 0);
	settle();
	assert_string_equal(names(), "s0 s1 s2 s3");
}

/* A policy that wants more than there is takes all it may: what is left is what it protects. */
static const char *left_by(struct fs_autodelete policy)
{
	policy.enabled = true;
	policy.trigger_percent = policy.target_percent = 100;
	assert_int_equal(set_policy(&policy), 0);
	settle();
	return names();
}

static void what_the_policy_protects_stays(void **state)
{
	(void)state;
	make_snapshots("hourly.", 2, 3, true);
	make_snapshots("keep.", 2, 3, true);
	make_snapshots("mine.", 2, 3, false);
	assert_string_equal(left_by((struct fs_autodelete){ .keep_prefix = "keep" }), "keep.0 keep.1 mine.0 mine.1");
	assert_string_equal(left_by((struct fs_autodelete){ .keep_prefix = "keep", .user_created = true }),
	                    "keep.0 keep.1");
	assert_string_equal(left_by((struct fs_autodelete){ .user_created = true }), "");
}

/* Which one goes first: a policy that is at its target after one. */
static const char *first_gone(struct fs_autodelete policy)
{
	settle();
	policy.enabled = policy.user_created = true;
	policy.trigger_percent = policy.target_percent = percent_available() + 2U;
	assert_int_equal(set_policy(&policy), 0);
	settle();
	policy.enabled = false;
	assert_int_equal(set_policy(&policy), 0);
	return names();
}

static void order_and_defer_say_who_goes_first(void **state)
{
	(void)state;
	make_snapshots("user", 1, 6, false);
	make_snapshots("sched", 1, 6, true);
	make_snapshots("last", 2, 6, true);
	assert_int_equal(overwrite(6), 0);
	assert_string_equal(first_gone((struct fs_autodelete){ .defer = FS_DEFER_USER_CREATED }), "user0 last0 last1");
	assert_string_equal(first_gone((struct fs_autodelete){ .defer = FS_DEFER_NONE, .newest_first = true }),
	                    "user0 last0");
	assert_string_equal(first_gone((struct fs_autodelete){ .defer = FS_DEFER_SCHEDULED }), "last0");
}

static void vdisk(enum fs_op op, const char *path, const char *backing)
{
	struct fs_message msg;

	fs_message_init(&msg, op, box.vol, NULL, NULL);
	msg.in.path = path;
	msg.in.vdisk.size_bytes = backing == NULL ? 1U << 20 : 0;
	msg.in.vdisk.backing_path = backing;
	msg.in.vdisk.force = true;
	assert_int_equal(box_send(&box, &msg), 0);
	fs_message_fini(&msg);
}

static void a_luns_backing_snapshot_is_never_touched(void **state)
{
	(void)state;
	vdisk(FS_VDISK_CREATE, "/disk", NULL);
	make_snapshots("a", 2, 5, true);
	vdisk(FS_VDISK_CREATE, "/backed", "/.snapshot/a1/disk");
	assert_string_equal(left_by(everything), "a1");
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(overwrite(10), 0);
		snapshot("more", true); /* has the backed LUN in it, and so needs a1; itself it may go */
		settle();
		assert_string_equal(names(), "a1");
	}
	vdisk(FS_VDISK_DESTROY, "/backed", NULL);
	assert_string_equal(left_by(everything), "");
}

static void the_policy_is_checked(void **state)
{
	struct fs_autodelete policy = everything;

	(void)state;
	policy.target_percent = 4;
	assert_int_equal(set_policy(&policy), -EINVAL);
	policy.target_percent = 101;
	assert_int_equal(set_policy(&policy), -EINVAL);
	policy.target_percent = 100;
	memset(policy.keep_prefix, 'x', sizeof(policy.keep_prefix));
	assert_int_equal(set_policy(&policy), -EINVAL);
	assert_false(box.vol->autodelete.enabled);
}

static void a_power_cut_in_the_middle_of_it_harms_nothing(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 8; seed++) {
		char prefix[16];

		snprintf(prefix, sizeof(prefix), "s%u.", seed);
		assert_int_equal(set_policy(&everything), 0);
		make_snapshots(prefix, 5, 25, true);
		box_run(&box, seed * 1000000ULL);
		box_crash(&box, seed);
		assert_int_equal(box_lookup(&box, box_root, "f", &file), 0);
		assert_int_equal(box_check(&box), 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_policy_clients_see_no_space_and_nothing_is_deleted),
		TEST(clients_never_see_no_space_while_a_snapshot_may_go),
		TEST(the_oldest_go_first_and_no_more_than_needed),
		TEST(a_full_volume_takes_its_policy),
		TEST(above_the_trigger_nothing_is_deleted),
		TEST(what_the_policy_protects_stays),
		TEST(order_and_defer_say_who_goes_first),
		TEST(a_luns_backing_snapshot_is_never_touched),
		TEST(the_policy_is_checked),
		TEST(a_power_cut_in_the_middle_of_it_harms_nothing),
	};

	return cmocka_run_group_tests_name("autodelete", tests, NULL, NULL);
}
