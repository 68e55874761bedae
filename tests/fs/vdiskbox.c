/* SPDX-License-Identifier: Apache-2.0 */
/* vdisk messages to a volume in a box. */
#include "tests/fs/vdiskbox.h"

struct fs_vdisk_info vd_info;
char vd_error[256];

static int finish(struct fsbox *box, struct fs_message *msg)
{
	int err = box_send(box, msg);

	memcpy(vd_error, msg->out.error_text, sizeof vd_error);
	free(vd_info.maps);
	memset(&vd_info, 0, sizeof vd_info);
	if (err == 0 && msg->out.vdisks != NULL && msg->out.n == 1) {
		vd_info = msg->out.vdisks[0];
		msg->out.vdisks[0].maps = NULL;
	}
	fs_message_fini(msg);
	return err;
}

static struct fs_message *begin(struct fsbox *box, enum fs_op op, const char *path)
{
	static struct fs_message msg;

	fs_message_init(&msg, op, box->vol, NULL, NULL);
	msg.in.path = path;
	return &msg;
}

int vd_create(struct fsbox *box, const char *path, uint64_t size, const char *backing, bool reserve)
{
	struct fs_message *msg = begin(box, FS_VDISK_CREATE, path);

	msg->in.vdisk.size_bytes = size;
	msg->in.vdisk.backing_path = backing;
	msg->in.vdisk.reserve = reserve;
	return finish(box, msg);
}

int vd_op(struct fsbox *box, enum fs_op op, const char *path)
{
	return finish(box, begin(box, op, path));
}

int vd_resize(struct fsbox *box, const char *path, uint64_t size, bool force)
{
	struct fs_message *msg = begin(box, FS_VDISK_RESIZE, path);

	msg->in.vdisk.size_bytes = size;
	msg->in.vdisk.force = force;
	return finish(box, msg);
}

int vd_destroy(struct fsbox *box, const char *path, bool force)
{
	struct fs_message *msg = begin(box, FS_VDISK_DESTROY, path);

	msg->in.vdisk.force = force;
	return finish(box, msg);
}

int vd_set_maps(struct fsbox *box, const char *path, const char *maps)
{
	struct fs_message *msg = begin(box, FS_VDISK_SET, path);

	msg->in.vdisk.set = FS_VDISK_SET_MAPS;
	msg->in.vdisk.maps = maps;
	return finish(box, msg);
}

int vd_snapshot(struct fsbox *box, enum fs_op op, const char *name)
{
	struct fs_message *msg = begin(box, op, NULL);

	msg->in.name = name;
	msg->in.name_len = (uint32_t)strlen(name);
	return finish(box, msg);
}

int vd_restore(struct fsbox *box, const char *path, const char *snapshot)
{
	struct fs_message *msg = begin(box, FS_VDISK_RESTORE, path);

	msg->in.name = snapshot;
	msg->in.name_len = (uint32_t)strlen(snapshot);
	return finish(box, msg);
}

unsigned vd_count(struct fsbox *box)
{
	struct fs_message *msg = begin(box, FS_VDISK_LIST, NULL);
	unsigned n;

	assert_int_equal(box_send(box, msg), 0);
	n = msg->out.n;
	fs_message_fini(msg);
	return n;
}

void vd_write(struct fsbox *box, struct fs_file_id id, uint32_t fbn, uint32_t tag, enum fs_stable stable)
{
	uint32_t words[FS_BLOCK_SIZE / 4U];

	for (unsigned i = 0; i < FS_BLOCK_SIZE / 4U; i++)
		words[i] = tag;
	assert_int_equal(box_write(box, id, (uint64_t)fbn * FS_BLOCK_SIZE, words, FS_BLOCK_SIZE, stable), 0);
}

uint32_t vd_read(struct fsbox *box, struct fs_file_id id, uint32_t fbn)
{
	uint32_t words[FS_BLOCK_SIZE / 4U];

	assert_int_equal(box_read(box, id, (uint64_t)fbn * FS_BLOCK_SIZE, words, FS_BLOCK_SIZE), FS_BLOCK_SIZE);
	for (unsigned i = 1; i < FS_BLOCK_SIZE / 4U; i++)
		assert_int_equal(words[i], words[0]);
	return words[0];
}

void vd_await_clone(struct fsbox *box, const char *path, enum fs_clone_state state)
{
	for (unsigned i = 0; i < 2000; i++) {
		assert_int_equal(vd_op(box, FS_CLONE_STATUS, path), 0);
		if (vd_info.clone.state == state)
			return;
		assert_int_not_equal(vd_info.clone.state, FS_CLONE_FAILED);
		box_run(box, 50000000);
	}
	fail_msg("the clone of %s is in state %d at %llu of %llu", path, (int)vd_info.clone.state,
	         (unsigned long long)vd_info.clone.blocks_done, (unsigned long long)vd_info.clone.blocks_total);
}

uint64_t vd_check(struct fsbox *box)
{
	struct fs_message *msg = begin(box, FS_CHECK, NULL);
	int err = box_send(box, msg);
	uint64_t n = msg->out.check.n_errors;

	assert_int_equal(err, 0);
	if (n > 0)
		print_message("%s\n", msg->out.check.report);
	fs_message_fini(msg);
	return n;
}
