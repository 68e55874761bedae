/* SPDX-License-Identifier: Apache-2.0 */
/* What an error leaves in a message (fs/message.h): nothing but attributes that are marked, and words. Every operation,
 * on disks that fail. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/page.h"
#include "tests/fs/vdiskbox.h"
#include "tests/support/fsbox.h"
#include "tests/support/memdisk.h"

#define DISK_BYTES (32U << 20)
#define FAR_BYTES (8U << 20) /* behind everything that is read ahead */

static struct page *const poison = (struct page *)(uintptr_t)0xDEAD0000U;

static void lose_disks(struct fsbox *box)
{
	for (unsigned i = 0; i < box->n_disks; i++)
		memdisk_lose(box->urls[i] + 4);
}

static void assert_only_marked(const struct fs_message *msg)
{
	assert_true(msg->status < 0);
	assert_int_equal(msg->out.n, 0);
	assert_int_equal(msg->out.io.n_pages, 0);
	assert_int_equal(msg->out.io.len_bytes, 0);
	assert_int_equal(msg->out.blob_len, 0);
	assert_null(msg->out.blob);
	assert_null(msg->out.dirents);
	assert_null(msg->out.snapshots);
	assert_null(msg->out.vdisks);
	assert_null(msg->out.names);
	assert_null(msg->out.volume);
	assert_null(msg->out.raid);
	assert_null(msg->out.check.report);
	assert_null(msg->out.check.findings);
	for (unsigned i = 0; msg->op == FS_READ && i < msg->in.io.n_pages_max; i++)
		assert_null(msg->in.io.pages[i]);
}

static int read_far(struct fsbox *box, struct fs_file_id id, uint32_t len_bytes, struct fs_message *msg,
                    struct page **pages)
{
	for (unsigned i = 0; i < FS_IO_PAGES_MAX; i++)
		pages[i] = poison;
	fs_message_init(msg, FS_READ, box->vol, NULL, NULL);
	msg->file = id;
	msg->in.io = (struct fs_io){
		.offset_bytes = FAR_BYTES, .len_bytes = len_bytes, .n_pages_max = FS_IO_PAGES_MAX, .pages = pages
	};
	return box_send(box, msg);
}

/* The size is known and the first blocks in memory: only the data behind it cannot be read. */
static void a_read_that_fails_holds_no_pages(void **state)
{
	static uint8_t bytes[16 * FS_BLOCK_SIZE];
	struct page *pages[FS_IO_PAGES_MAX];
	struct fs_message msg;
	struct fs_file_id id;
	struct fsbox box;

	(void)state;
	memset(bytes, 0x5A, sizeof bytes);
	box_open(&box, 1, 4, DISK_BYTES, 2048);
	assert_int_equal(box_create(&box, box_root, "f", &id), 0);
	assert_int_equal(box_write(&box, id, FAR_BYTES, bytes, sizeof bytes, FS_UNSTABLE), 0);
	box_restart(&box, 0);
	assert_int_equal(read_far(&box, id, 2 * FS_BLOCK_SIZE, &msg, pages), 0);
	assert_int_equal(msg.out.io.n_pages, 2);
	page_put_many(pages, 2);
	lose_disks(&box);
	assert_true(read_far(&box, id, sizeof bytes, &msg, pages) < 0);
	assert_only_marked(&msg);
	assert_true(msg.out.has_attr);
	(void)box_unmount(&box);
	box_close(&box);
}

/* A volume with something of everything. */
static void furnish(struct fsbox *box, struct fs_file_id *ret_file)
{
	static uint8_t bytes[64 * FS_BLOCK_SIZE];
	struct fs_message msg;

	memset(bytes, 0x5A, sizeof bytes);
	assert_int_equal(box_create(box, box_root, "f", ret_file), 0);
	assert_int_equal(box_write(box, *ret_file, 0, bytes, sizeof bytes, FS_FILE_SYNC), 0);
	assert_int_equal(box_named(box, FS_SYMLINK, box_root, "s", NULL), 0);
	assert_int_equal(box_named(box, FS_MKDIR, box_root, "d", NULL), 0);
	assert_int_equal(vd_create(box, "/lun", 1U << 20, NULL, false), 0);
	assert_int_equal(vd_set_maps(box, "/lun", "{}"), 0);
	assert_int_equal(box_snapshot(box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(vd_create(box, "/backed", 1U << 20, "/.snapshot/s1/lun", false), 0);
	fs_message_init(&msg, FS_DOC_PUT, box->vol, NULL, NULL);
	msg.in.name = "exports";
	msg.in.name_len = 7;
	msg.in.blob = bytes;
	msg.in.blob_len = 9000;
	assert_int_equal(box_send(box, &msg), 0);
}

/* Arguments with which each operation would do something. */
static void arguments(struct fs_message *msg, struct fs_file_id file, struct page **pages)
{
	static const struct fs_autodelete autodelete = { .enabled = true, .trigger_percent = 5, .target_percent = 10 };
	bool of_snapshot = msg->op >= FS_SNAPSHOT_CREATE && msg->op <= FS_FILE_RESTORE;

	msg->file = msg->op <= FS_ACCESS || (msg->op >= FS_READ && msg->op <= FS_ZERO) ? file : box_root;
	msg->in.name = of_snapshot || msg->op == FS_VDISK_RESTORE        ? "s1"
	               : msg->op >= FS_DOC_PUT && msg->op <= FS_DOC_LIST ? "exports"
	                                                                 : "f";
	if (msg->op == FS_SNAPSHOT_CREATE || msg->op == FS_CREATE || (msg->op >= FS_MKDIR && msg->op <= FS_MKNOD))
		msg->in.name = "new";
	if (msg->op == FS_RMDIR)
		msg->in.name = "d";
	msg->in.name_len = (uint32_t)strlen(msg->in.name);
	msg->in.to_dir = box_root;
	msg->in.to_name = "to";
	msg->in.to_name_len = 2;
	msg->in.path = msg->op == FS_CLONE_START || msg->op == FS_CLONE_STATUS ? "/backed"
	               : msg->op == FS_VDISK_CREATE                            ? "/fresh"
	                                                                       : "/lun";
	msg->in.blob = "target";
	msg->in.blob_len = 6;
	msg->in.io = (struct fs_io){ .len_bytes = 2 * FS_BLOCK_SIZE, .n_pages_max = FS_IO_PAGES_MAX, .pages = pages };
	msg->in.io.n_pages = msg->op == FS_WRITE ? 2 : 0;
	msg->in.stable = FS_FILE_SYNC;
	msg->in.setattr = (struct fs_setattr){ .set_size = true, .size_bytes = 100 };
	msg->in.create.type = FS_TYPE_FIFO;
	msg->in.readdir.max_entries = 100;
	msg->in.readdir.max_bytes = 65536;
	msg->in.readdir.want_attr = true;
	msg->in.zero.len_bytes = 2 * FS_BLOCK_SIZE;
	msg->in.zero.stable = true;
	msg->in.vdisk.size_bytes = 2U << 20;
	msg->in.autodelete = &autodelete;
}

/* Send it; true: it failed, and kept to what fs/message.h says. */
static bool fails_clean(struct fsbox *box, enum fs_op op, struct fs_file_id file)
{
	struct page *pages[FS_IO_PAGES_MAX];
	struct fs_message msg;
	bool failed;

	for (unsigned i = 0; i < FS_IO_PAGES_MAX; i++)
		pages[i] = op == FS_WRITE && i < 2 ? page_alloc_zero() : poison;
	fs_message_init(&msg, op, box->vol, NULL, NULL);
	arguments(&msg, file, pages);
	failed = box_send(box, &msg) != 0;
	if (failed)
		assert_only_marked(&msg);
	if (op == FS_WRITE)
		page_put_many(pages, 2);
	else
		page_put_many(pages, msg.out.io.n_pages);
	fs_message_fini(&msg);
	return failed;
}

static void every_operation_fails_clean_on_disks_that_fail(void **state)
{
	unsigned n_failed = 0;

	(void)state;
	for (unsigned op = 0; op < FS_OP_COUNT; op++) {
		struct fs_file_id file;
		struct fsbox box;

		box_open(&box, op, 4, DISK_BYTES, 512);
		furnish(&box, &file);
		box_restart(&box, 0);
		lose_disks(&box);
		if (fails_clean(&box, (enum fs_op)op, file))
			n_failed++;
		else
			print_message("operation %u needs no disk\n", op);
		(void)box_unmount(&box);
		box_close(&box);
	}
	print_message("%u of %u operations failed\n", n_failed, (unsigned)FS_OP_COUNT);
	assert_true(n_failed >= FS_OP_COUNT / 2U);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_read_that_fails_holds_no_pages),
		cmocka_unit_test(every_operation_fails_clean_on_disks_that_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
