/* SPDX-License-Identifier: Apache-2.0 */
/* A volume on a host that is full: reads go on, changes are told to come again in time, and all goes on by itself when
 * there is room. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/page.h"
#include "fs/volume/hostfull.h"
#include "tests/support/fsbox.h"
#include "tests/support/memdisk.h"

#define DISK_BYTES (64ULL << 20)
#define SECOND_NS 1000000000ULL
#define ANSWER_NS (10 * SECOND_NS) /* initiators give up after 30 s */

static uint8_t wrote[1 << 20], got[1 << 20];

static void host_is(struct fsbox *box, int err, bool any_block)
{
	for (unsigned i = 0; i < box->n_disks; i++)
		memdisk_host_full(box->urls[i] + 4, err, any_block);
}

static bool waits_for_room(struct fsbox *box)
{
	struct fs_message msg;
	bool waits;

	fs_message_init(&msg, FS_VOLUME_STAT, box->vol, NULL, NULL);
	assert_int_equal(box_send(box, &msg), 0);
	waits = msg.out.volume->waits_for_room;
	assert_false(msg.out.volume->degraded || msg.out.volume->failed);
	fs_message_fini(&msg);
	return waits;
}

static void open_with_a_file(struct fsbox *box, struct fs_file_id *ret_id)
{
	for (size_t i = 0; i < sizeof(wrote); i++)
		wrote[i] = (uint8_t)(i * 7U + i / 4096U);
	box_open(box, 3, 4, DISK_BYTES, 4096);
	assert_int_equal(box_create(box, box_root, "f", ret_id), 0);
	assert_int_equal(box_write(box, *ret_id, 0, wrote, sizeof(wrote), FS_FILE_SYNC), 0);
	assert_int_equal(box_snapshot(box, FS_SNAPSHOT_CREATE, "before"), 0);
}

static void file_is_there(struct fsbox *box, struct fs_file_id id)
{
	memset(got, 0, sizeof(got));
	assert_int_equal(box_read(box, id, 0, got, sizeof(got)), sizeof(got));
	assert_memory_equal(wrote, got, sizeof(got));
}

/* Something begins to wait: a stable write. Its answer, in time. */
static void fill_up(struct fsbox *box, struct fs_file_id id, int err, bool any_block)
{
	uint64_t began = world_now_ns(box->world);

	host_is(box, err, any_block);
	assert_int_equal(box_write(box, id, 0, wrote, 65536, FS_FILE_SYNC), -FS_EJUKEBOX);
	assert_true(world_now_ns(box->world) - began < ANSWER_NS);
	assert_true(waits_for_room(box));
}

static void done_flag(struct fs_message *msg)
{
	*(bool *)msg->owner = true;
}

struct change {
	enum fs_op op;
	enum fs_class cls;
	enum fs_stable stable;
};

static void change_fill(struct fs_message *msg, const struct change *change, struct fs_file_id file,
                        struct page **pages)
{
	msg->cls = change->cls;
	msg->file = box_root;
	msg->in.name = msg->in.to_name = "new";
	msg->in.name_len = msg->in.to_name_len = 3;
	msg->in.path = "/lun";
	msg->in.blob = "target";
	msg->in.blob_len = 6;
	msg->in.to_dir = box_root;
	msg->in.setattr.set_mode = true;
	msg->in.create.type = FS_TYPE_FIFO;
	msg->in.vdisk.size_bytes = 1U << 20;
	if (change->op == FS_WRITE || change->op == FS_COMMIT || change->op == FS_ZERO || change->op == FS_SETATTR ||
	    change->op == FS_LINK)
		msg->file = file;
	if (change->op == FS_LINK)
		msg->in.to_name = "lnk";
	if (change->op == FS_RENAME || change->op == FS_REMOVE) {
		msg->in.name = "f";
		msg->in.name_len = 1;
	}
	if (change->op == FS_SNAPSHOT_DELETE || change->op == FS_SNAPSHOT_RENAME) {
		msg->in.name = "before";
		msg->in.name_len = 6;
		msg->in.to_name = "later";
		msg->in.to_name_len = 5;
	}
	msg->in.zero.len_bytes = 8192;
	msg->in.zero.stable = true;
	msg->in.stable = change->stable;
	if (change->op == FS_WRITE)
		msg->in.io = (struct fs_io){
			.offset_bytes = 8192, .len_bytes = 4096, .n_pages = 1, .n_pages_max = 1, .pages = pages
		};
}

static const struct change changes[] = {
	{ FS_WRITE, FS_CLASS_CLIENT, FS_FILE_SYNC },
	{ FS_WRITE, FS_CLASS_CLIENT, FS_UNSTABLE },
	{ FS_COMMIT, FS_CLASS_CLIENT },
	{ FS_ZERO, FS_CLASS_CLIENT },
	{ FS_SETATTR, FS_CLASS_CLIENT },
	{ FS_CREATE, FS_CLASS_CLIENT },
	{ FS_MKDIR, FS_CLASS_CLIENT },
	{ FS_SYMLINK, FS_CLASS_CLIENT },
	{ FS_MKNOD, FS_CLASS_CLIENT },
	{ FS_LINK, FS_CLASS_CLIENT },
	{ FS_RENAME, FS_CLASS_CLIENT },
	{ FS_REMOVE, FS_CLASS_CLIENT },
	{ FS_SYNC, FS_CLASS_ADMIN },
	{ FS_SNAPSHOT_CREATE, FS_CLASS_ADMIN },
	{ FS_SNAPSHOT_RENAME, FS_CLASS_ADMIN },
	{ FS_SNAPSHOT_DELETE, FS_CLASS_ADMIN },
	{ FS_DOC_PUT, FS_CLASS_ADMIN },
	{ FS_VDISK_CREATE, FS_CLASS_ADMIN },
};

/* All of them at once; each is answered in time, and not with a success that is none. */
static void every_change_is_told_to_come_again_in_time(void **state)
{
	struct fs_message msgs[ARRAY_SIZE(changes)];
	bool done[ARRAY_SIZE(changes)] = { false };
	struct page *page[ARRAY_SIZE(changes)];
	struct fs_file_id id;
	struct fsbox box;

	(void)state;
	open_with_a_file(&box, &id);
	fill_up(&box, id, -ENOSPC, true);
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		page[i] = page_alloc();
		assert_non_null(page[i]);
		memcpy(page[i]->data, wrote + 8192, 4096);
		fs_message_init(&msgs[i], changes[i].op, box.vol, done_flag, &done[i]);
		change_fill(&msgs[i], &changes[i], id, &page[i]);
		fs_message_send(&msgs[i]);
	}
	box_run(&box, ANSWER_NS);
	for (unsigned i = 0; i < ARRAY_SIZE(changes); i++) {
		if (!done[i] || msgs[i].status != -FS_EJUKEBOX)
			fail_msg("operation %u: done %d, status %d", (unsigned)changes[i].op, done[i], msgs[i].status);
		if (strstr(msgs[i].out.error_text, "mem:") == NULL)
			fail_msg("operation %u does not say which disk: \"%s\"", (unsigned)changes[i].op,
			         msgs[i].out.error_text);
		fs_message_fini(&msgs[i]);
		page_put(page[i]);
	}
	file_is_there(&box, id);
	host_is(&box, 0, true);
	box_run(&box, 2 * SECOND_NS);
	assert_false(waits_for_room(&box));
	file_is_there(&box, id);
	assert_int_equal(box_snapshot(&box, FS_SNAPSHOT_CREATE, "after"), 0);
	assert_int_equal(box_create(&box, box_root, "late", &id), 0);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void reads_and_figures_go_on_however_long_it_takes(void **state)
{
	struct fs_file_id id;
	struct fsbox box;

	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		open_with_a_file(&box, &id);
		/* everything that may be dirty is */
		host_is(&box, way & 1U ? -EDQUOT : -ENOSPC, (way & 2U) != 0);
		for (unsigned i = 0; i < 64; i++)
			if (box_write(&box, id, (1U + i) << 20, wrote, sizeof(wrote),
			              i % 8U == 0 ? FS_FILE_SYNC : FS_UNSTABLE) == -FS_EJUKEBOX)
				break;
		for (unsigned i = 0; i < 30; i++) {
			uint64_t began = world_now_ns(box.world);

			box_run(&box, 10 * SECOND_NS);
			began = world_now_ns(box.world);
			file_is_there(&box, id);
			assert_true(waits_for_room(&box));
			assert_true(world_now_ns(box.world) - began < SECOND_NS);
		}
		host_is(&box, 0, true);
		box_run(&box, 2 * SECOND_NS);
		assert_false(waits_for_room(&box));
		assert_int_equal(box_write(&box, id, 0, wrote, sizeof(wrote), FS_FILE_SYNC), 0);
		file_is_there(&box, id);
		assert_int_equal(box_check(&box), 0);
		box_close(&box);
	}
}

/* The name was made in memory before the host was full and is not durable: it must not be called done, nor "come
 * again". */
static void a_name_in_the_making_is_answered_when_it_is_durable(void **state)
{
	struct fs_message msg;
	struct fs_file_id id;
	struct fsbox box;
	bool done = false;

	(void)state;
	open_with_a_file(&box, &id);
	fs_message_init(&msg, FS_CREATE, box.vol, done_flag, &done);
	msg.file = box_root;
	msg.in.name = "late";
	msg.in.name_len = 4;
	host_is(&box, -ENOSPC, true);
	fs_message_send(&msg);
	box_run(&box, 20 * SECOND_NS);
	assert_false(done);
	host_is(&box, 0, true);
	box_run(&box, 2 * SECOND_NS);
	assert_true(done);
	assert_int_equal(msg.status, 0);
	fs_message_fini(&msg);
	box_crash(&box, 5);
	assert_int_equal(box_lookup(&box, box_root, "late", &id), 0);
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

static void an_unmount_a_power_cut_and_a_mount_lose_nothing(void **state)
{
	struct fs_file_id id;
	struct fsbox box;

	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		uint64_t began;

		open_with_a_file(&box, &id);
		fill_up(&box, id, way & 1U ? -EDQUOT : -ENOSPC, true);
		began = world_now_ns(box.world);
		if (way < 2)
			assert_int_not_equal(box_unmount(&box), 0);
		else
			box_cut(&box, way);
		assert_true(world_now_ns(box.world) - began < 2 * ANSWER_NS);
		host_is(&box, -ENOSPC, true);
		began = world_now_ns(box.world);
		assert_int_equal(box_mount(&box), -ENOSPC);
		assert_true(world_now_ns(box.world) - began < 2 * ANSWER_NS);
		host_is(&box, 0, true);
		assert_int_equal(box_mount(&box), 0);
		file_is_there(&box, id);
		assert_int_equal(box_check(&box), 0);
		box_close(&box);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change_is_told_to_come_again_in_time),
		cmocka_unit_test(reads_and_figures_go_on_however_long_it_takes),
		cmocka_unit_test(a_name_in_the_making_is_answered_when_it_is_durable),
		cmocka_unit_test(an_unmount_a_power_cut_and_a_mount_lose_nothing),
	};

	return cmocka_run_group_tests_name("fs/hostfull", tests, NULL, NULL);
}
