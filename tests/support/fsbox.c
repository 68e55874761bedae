/* SPDX-License-Identifier: Apache-2.0 */
/* A volume in a box. */
#include "tests/support/fsbox.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/page.h"
#include "fs/format/fsformat.h"
#include "raid/disk.h"
#include "tests/support/memdisk.h"

#define STEPS_MAX 50000000ULL

const struct fs_file_id box_root = { 0, INO_ROOT, 1 };

static bool flag_is_set(void *arg)
{
	return *(bool *)arg;
}

static void wait_for(struct fsbox *box, bool *flag)
{
	assert_true(sim_run_until(box->sim, flag_is_set, flag, STEPS_MAX));
}

struct waiting {
	bool done;
	int err;
	struct fs_volume *vol;
};

static void on_done(void *arg, int err)
{
	*(struct waiting *)arg = (struct waiting){ true, err, NULL };
}

static void on_mounted(void *arg, int err, struct fs_volume *vol)
{
	*(struct waiting *)arg = (struct waiting){ true, err, vol };
}

void box_open(struct fsbox *box, uint64_t seed, unsigned n_disks, uint64_t disk_bytes, size_t cache_pages)
{
	struct raid_group_spec group = { .n_disks = n_disks };
	struct raid_spec spec = { .groups = &group, .n_groups = 1 };
	struct waiting wait = { false, 0, NULL };

	*box = (struct fsbox){ .n_disks = n_disks, .cache_pages = cache_pages };
	assert_int_equal(page_arena_init(cache_pages * 3U + 16384U), 0);
	disk_driver_register(&memdisk_driver);
	/* half of the worlds have disks that finish in any order */
	memdisk_set_latency(seed % 2U == 0 ? 3000000U : 0U);
	box->sim = simworld_new(seed);
	box->world = simworld_world(box->sim);
	for (unsigned i = 0; i < n_disks; i++) {
		snprintf(box->urls[i], sizeof(box->urls[i]), "mem:d%u.0", i);
		assert_int_equal(disk_create(box->urls[i], disk_bytes), 0);
		group.disk_urls[i] = box->urls[i];
	}
	fs_volume_format(box->world, "vol0", &spec, on_done, &wait);
	wait_for(box, &wait.done);
	assert_int_equal(wait.err, 0);
	assert_int_equal(box_mount(box), 0);
}

int box_mount(struct fsbox *box)
{
	struct fs_mount_options options = { .cache_pages = box->cache_pages,
		                            .read_only = box->read_only,
		                            .restore_to = box->restore_to,
		                            .name = box->name,
		                            .max_calls = box->max_calls };
	struct waiting wait = { false, 0, NULL };
	const char *urls[BOX_DISKS_MAX];

	for (unsigned i = 0; i < box->n_disks; i++)
		urls[i] = box->urls[i];
	fs_volume_mount(box->world, urls, box->n_disks, &options, on_mounted, &wait);
	wait_for(box, &wait.done);
	box->vol = wait.vol;
	box->restore_to = box->name = NULL;
	return wait.err;
}

int box_unmount(struct fsbox *box)
{
	struct waiting wait = { false, 0, NULL };

	fs_volume_unmount(box->vol, on_done, &wait);
	wait_for(box, &wait.done);
	box->vol = NULL;
	return wait.err;
}

void box_close(struct fsbox *box)
{
	if (box->vol != NULL)
		assert_int_equal(box_unmount(box), 0);
	simworld_free(box->sim);
	memdisk_destroy_all();
	page_arena_fini();
}

void box_cut(struct fsbox *box, uint64_t seed)
{
	char fresh[BOX_DISKS_MAX][64];

	box->life++;
	for (unsigned i = 0; i < box->n_disks; i++) {
		snprintf(fresh[i], sizeof(fresh[i]), "mem:d%u.%u", i, box->life);
		assert_int_equal(memdisk_crash_clone(box->urls[i] + 4, fresh[i] + 4, seed * 31U + i), 0);
	}
	/* The old volume lives on on its own media until it is gone; nothing of that reaches the copies. */
	box_unmount(box);
	for (unsigned i = 0; i < box->n_disks; i++) {
		assert_int_equal(disk_destroy(box->urls[i]), 0);
		memcpy(box->urls[i], fresh[i], sizeof(fresh[i]));
	}
}

void box_crash(struct fsbox *box, uint64_t seed)
{
	box_cut(box, seed);
	assert_int_equal(box_mount(box), 0);
}

void box_restart(struct fsbox *box, unsigned way)
{
	if (way == 0) {
		assert_int_equal(box_unmount(box), 0);
		assert_int_equal(box_mount(box), 0);
	} else {
		box_crash(box, way);
	}
}

static void on_answer(struct fs_message *msg)
{
	*(bool *)msg->owner = true;
}

int box_send(struct fsbox *box, struct fs_message *msg)
{
	bool done = false;

	msg->done = on_answer;
	msg->owner = &done;
	fs_message_send(msg);
	wait_for(box, &done);
	return msg->status;
}

void box_run(struct fsbox *box, uint64_t ns)
{
	sim_run_for(box->sim, ns);
}

static void named(struct fs_message *msg, struct fsbox *box, enum fs_op op, struct fs_file_id dir, const char *name)
{
	fs_message_init(msg, op, box->vol, NULL, NULL);
	msg->file = dir;
	msg->in.name = name;
	msg->in.name_len = (uint32_t)strlen(name);
}

int box_named(struct fsbox *box, enum fs_op op, struct fs_file_id dir, const char *name, struct fs_file_id *ret_id)
{
	struct fs_message msg;
	int err;

	named(&msg, box, op, dir, name);
	msg.in.blob = "target";
	msg.in.blob_len = 6;
	msg.in.create.type = FS_TYPE_FIFO;
	err = box_send(box, &msg);
	if (err == 0 && ret_id != NULL)
		*ret_id = msg.out.attr.id;
	fs_message_fini(&msg);
	return err;
}

int box_create(struct fsbox *box, struct fs_file_id dir, const char *name, struct fs_file_id *ret_id)
{
	struct fs_message msg;
	int err;

	named(&msg, box, FS_CREATE, dir, name);
	msg.in.create.mode = FS_CREATE_GUARDED;
	msg.in.setattr.set_mode = true;
	msg.in.setattr.mode = 0644;
	err = box_send(box, &msg);
	if (err == 0 && ret_id != NULL)
		*ret_id = msg.out.attr.id;
	fs_message_fini(&msg);
	return err;
}

int box_lookup(struct fsbox *box, struct fs_file_id dir, const char *name, struct fs_file_id *ret_id)
{
	struct fs_message msg;
	int err;

	named(&msg, box, FS_LOOKUP, dir, name);
	err = box_send(box, &msg);
	if (err == 0)
		*ret_id = msg.out.attr.id;
	fs_message_fini(&msg);
	return err;
}

int box_remove(struct fsbox *box, struct fs_file_id dir, const char *name)
{
	struct fs_message msg;

	named(&msg, box, FS_REMOVE, dir, name);
	return box_send(box, &msg);
}

int box_resolve(struct fsbox *box, const char *path, struct fs_file_id *ret_id)
{
	struct fs_message msg;
	int err;

	fs_message_init(&msg, FS_RESOLVE, box->vol, NULL, NULL);
	msg.in.path = path;
	err = box_send(box, &msg);
	if (err == 0)
		*ret_id = msg.out.attr.id;
	return err;
}

int box_write(struct fsbox *box, struct fs_file_id id, uint64_t offset, const void *bytes, uint32_t len,
              enum fs_stable stable)
{
	struct page *pages[FS_IO_PAGES_MAX];
	struct fs_message msg;
	const uint8_t *from = bytes;
	uint32_t at = (uint32_t)(offset % FS_BLOCK_SIZE), left = len;
	unsigned n = 0;
	int err;

	while (left > 0) {
		uint32_t piece = MIN_OF(left, FS_BLOCK_SIZE - at);

		pages[n] = page_alloc();
		assert_non_null(pages[n]);
		memset(pages[n]->data, 0xEE, PAGE_SIZE); /* what is not part of the write must not matter */
		memcpy(pages[n]->data + at, from, piece);
		from += piece;
		left -= piece;
		at = 0;
		n++;
	}
	fs_message_init(&msg, FS_WRITE, box->vol, NULL, NULL);
	msg.file = id;
	msg.in.io = (struct fs_io){
		.offset_bytes = offset, .len_bytes = len, .n_pages = n, .n_pages_max = n, .pages = pages
	};
	msg.in.stable = stable;
	err = box_send(box, &msg);
	page_put_many(pages, n);
	return err;
}

int box_read(struct fsbox *box, struct fs_file_id id, uint64_t offset, void *bytes, uint32_t len)
{
	struct page *pages[FS_IO_PAGES_MAX];
	struct fs_message msg;
	uint32_t at = (uint32_t)(offset % FS_BLOCK_SIZE), left;
	uint8_t *to = bytes;
	int err;

	fs_message_init(&msg, FS_READ, box->vol, NULL, NULL);
	msg.file = id;
	msg.in.io = (struct fs_io){
		.offset_bytes = offset, .len_bytes = len, .n_pages_max = FS_IO_PAGES_MAX, .pages = pages
	};
	err = box_send(box, &msg);
	if (err != 0)
		return err;
	left = msg.out.io.len_bytes;
	for (unsigned i = 0; i < msg.out.io.n_pages; i++) {
		uint32_t piece = MIN_OF(left, FS_BLOCK_SIZE - at);

		memcpy(to, pages[i]->data + at, piece);
		to += piece;
		left -= piece;
		at = 0;
	}
	page_put_many(pages, msg.out.io.n_pages);
	return (int)msg.out.io.len_bytes;
}

int box_truncate(struct fsbox *box, struct fs_file_id id, uint64_t size)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_SETATTR, box->vol, NULL, NULL);
	msg.file = id;
	msg.in.setattr.set_size = true;
	msg.in.setattr.size_bytes = size;
	return box_send(box, &msg);
}

int box_zero(struct fsbox *box, struct fs_file_id id, uint64_t offset, uint64_t len)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_ZERO, box->vol, NULL, NULL);
	msg.file = id;
	msg.in.zero.offset_bytes = offset;
	msg.in.zero.len_bytes = len;
	return box_send(box, &msg);
}

int box_commit(struct fsbox *box, struct fs_file_id id)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_COMMIT, box->vol, NULL, NULL);
	msg.file = id;
	return box_send(box, &msg);
}

int box_sync(struct fsbox *box)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_SYNC, box->vol, NULL, NULL);
	return box_send(box, &msg);
}

int box_snapshot(struct fsbox *box, enum fs_op op, const char *name)
{
	struct fs_message msg;

	named(&msg, box, op, box_root, name);
	return box_send(box, &msg);
}

int box_restore_prepare(struct fsbox *box, const char *name, bool force)
{
	struct fs_message msg;
	int err;

	named(&msg, box, FS_SNAPSHOT_RESTORE, box_root, name);
	msg.in.restore.force = force;
	err = box_send(box, &msg);
	fs_message_fini(&msg);
	return err;
}

int box_restore(struct fsbox *box, const char *name)
{
	int err = box_restore_prepare(box, name, false);

	if (err == 0)
		err = box_unmount(box);
	box->restore_to = name;
	return err != 0 ? err : box_mount(box);
}

uint64_t box_check(struct fsbox *box)
{
	struct fs_message msg;
	uint64_t n;

	fs_message_init(&msg, FS_CHECK, box->vol, NULL, NULL);
	assert_int_equal(box_send(box, &msg), 0);
	n = msg.out.check.n_errors;
	if (n > 0 && msg.out.check.report != NULL)
		fprintf(stderr, "%s\n", msg.out.check.report);
	fs_message_fini(&msg);
	return n;
}

uint64_t box_free_bytes(struct fsbox *box)
{
	struct fs_message msg;
	uint64_t n;

	fs_message_init(&msg, FS_VOLUME_STAT, box->vol, NULL, NULL);
	assert_int_equal(box_send(box, &msg), 0);
	n = msg.out.volume->free_bytes;
	fs_message_fini(&msg);
	return n;
}
