/* SPDX-License-Identifier: Apache-2.0 */
/* A LUN backed by a snapshot, and a model of both. */
#include "tests/fs/clonebox.h"

#include "base/list.h"
#include "base/log.h"

struct fsbox box;
uint32_t model[BLOCKS]; /* what the LUN must show */
uint32_t model_base[BLOCKS]; /* what the snapshot must show */
uint32_t next_tag;
struct fs_file_id top;

int clonebox_setup(void **state)
{
	(void)state;
	box_open(&box, 11, 4, 64 * MIB, 4096);
	next_tag = 1;
	memset(model_base, 0, sizeof model_base);
	return 0;
}

int clonebox_teardown(void **state)
{
	(void)state;
	free(vd_info.maps);
	memset(&vd_info, 0, sizeof vd_info);
	box_close(&box);
	return 0;
}

/* "/base" with data in runs, holes between; snapshot s1; "/top" backed by it. */
void make_backed(uint32_t density)
{
	struct fs_file_id base;

	assert_int_equal(vd_create(&box, "/base", BLOCKS * FS_BLOCK_SIZE, NULL, false), 0);
	base = vd_info.id;
	for (uint32_t fbn = 0; fbn < BLOCKS; fbn++) {
		if (fbn / 16 % 8 >= density)
			continue;
		model_base[fbn] = next_tag++;
		vd_write(&box, base, fbn, model_base[fbn], FS_UNSTABLE);
	}
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(vd_create(&box, "/top", 0, "/.snapshot/s1/base", false), 0);
	top = vd_info.id;
	memcpy(model, model_base, sizeof model);
}

void check_content(void)
{
	for (uint32_t fbn = 0; fbn < BLOCKS; fbn++) {
		uint32_t tag = vd_read(&box, top, fbn);
		if (tag != model[fbn])
			fail_msg("block %u is %u and should be %u", fbn, tag, model[fbn]);
	}
}

void check_snapshot_content(void)
{
	struct fs_file_id under;

	assert_int_equal(box_resolve(&box, "/.snapshot/s1/base", &under), 0);
	for (uint32_t fbn = 0; fbn < BLOCKS; fbn++)
		assert_int_equal(vd_read(&box, under, fbn), model_base[fbn]);
}

void host_write(uint32_t fbn, enum fs_stable stable)
{
	model[fbn] = next_tag++;
	vd_write(&box, top, fbn, model[fbn], stable);
}

void host_zero(uint32_t fbn, uint32_t n)
{
	memset(model + fbn, 0, n * sizeof model[0]);
	assert_int_equal(box_zero(&box, top, (uint64_t)fbn * FS_BLOCK_SIZE, (uint64_t)n * FS_BLOCK_SIZE), 0);
}

int clone_start_with(const char *path, uint64_t rate, unsigned priority, uint32_t flags)
{
	struct fs_message msg;
	int err;

	fs_message_init(&msg, FS_CLONE_START, box.vol, NULL, NULL);
	msg.in.path = path;
	msg.in.clone.rate_bytes_s = rate;
	msg.in.clone.priority = priority;
	msg.in.clone.flags = flags;
	err = box_send(&box, &msg);
	memcpy(vd_error, msg.out.error_text, sizeof vd_error);
	fs_message_fini(&msg);
	return err;
}

int clone_start_limited(uint64_t rate)
{
	return clone_start_with("/top", rate, 0, 0);
}

int clone_modify(const char *path, uint32_t set, uint64_t rate, unsigned priority, uint32_t flags)
{
	struct fs_message msg;
	int err;

	fs_message_init(&msg, FS_CLONE_MODIFY, box.vol, NULL, NULL);
	msg.in.path = path;
	msg.in.clone.set = set;
	msg.in.clone.rate_bytes_s = rate;
	msg.in.clone.priority = priority;
	msg.in.clone.flags = flags;
	err = box_send(&box, &msg);
	memcpy(vd_error, msg.out.error_text, sizeof vd_error);
	fs_message_fini(&msg);
	return err;
}
