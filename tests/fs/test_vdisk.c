/* SPDX-License-Identifier: Apache-2.0 */
/* vdisks on the real engine with simulated disks: making, backing, locking, changing, destroying, restarts and
 * crashes. */
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "tests/fs/vdiskbox.h"

#include "base/log.h"
#include "fs/file/inode_table.h"

static struct fsbox box;

static int setup(void **state)
{
	(void)state;
	box_open(&box, 7, 4, 48 * MIB, 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(vd_info.maps);
	memset(&vd_info, 0, sizeof vd_info);
	box_close(&box);
	return 0;
}

static struct fs_file_id lun_id(const char *path)
{
	assert_int_equal(vd_op(&box, FS_VDISK_GET, path), 0);
	return vd_info.id;
}

static void a_new_vdisk_has_an_identity_and_reads_zeros(void **state)
{
	struct uuid first;

	(void)state;
	assert_int_equal(vd_create(&box, "/a", 10 * MIB + 1, NULL, true), 0);
	assert_string_equal(vd_info.path, "/a");
	assert_int_equal(vd_info.size_bytes, 10 * MIB + 4096);
	assert_int_equal(strlen(vd_info.serial), 20);
	assert_true(vd_info.online && vd_info.write_cache && vd_info.reserved);
	assert_string_equal(vd_info.backing_snapshot, "");
	assert_int_equal(vd_info.clone.state, FS_CLONE_NONE);
	first = vd_info.uuid;
	assert_int_equal(vd_read(&box, vd_info.id, 0), 0);
	assert_int_equal(vd_read(&box, vd_info.id, 2560), 0);
	assert_int_equal(vd_create(&box, "/b", MIB, NULL, false), 0);
	assert_false(uuid_equal(&first, &vd_info.uuid));
	assert_int_equal(vd_count(&box), 2);
	assert_int_equal(vd_check(&box), 0);
}

static void a_vdisk_comes_back_after_restart_and_crash(void **state)
{
	struct fs_vdisk_info before;

	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		char path[16];

		snprintf(path, sizeof path, "/lun%u", way);
		assert_int_equal(vd_create(&box, path, 4 * MIB, NULL, true), 0);
		before = vd_info;
		vd_write(&box, before.id, 5, 77, FS_FILE_SYNC);
		assert_int_equal(vd_set_maps(&box, path, "[{\"lun\":0}]"), 0);
		assert_int_equal(vd_info.state_generation, before.state_generation + 1);
		box_restart(&box, way);
		assert_int_equal(vd_op(&box, FS_VDISK_GET, path), 0);
		assert_true(uuid_equal(&before.uuid, &vd_info.uuid));
		assert_string_equal(before.serial, vd_info.serial);
		assert_int_equal(before.id.inode, vd_info.id.inode);
		assert_int_equal(before.id.generation, vd_info.id.generation);
		assert_string_equal(vd_info.maps, "[{\"lun\":0}]");
		assert_int_equal(vd_read(&box, vd_info.id, 5), 77);
		assert_int_equal(vd_count(&box), way + 1);
		assert_int_equal(vd_check(&box), 0);
	}
}

static void large_maps_take_several_blocks_and_can_shrink_again(void **state)
{
	char *maps = malloc(30001);

	(void)state;
	memset(maps, 'm', 30000);
	maps[30000] = '\0';
	assert_int_equal(vd_create(&box, "/a", MIB, NULL, false), 0);
	assert_int_equal(vd_set_maps(&box, "/a", maps), 0);
	box_restart(&box, 1);
	assert_int_equal(vd_op(&box, FS_VDISK_GET, "/a"), 0);
	assert_string_equal(vd_info.maps, maps);
	assert_int_equal(vd_set_maps(&box, "/a", ""), 0);
	box_restart(&box, 2);
	assert_int_equal(vd_op(&box, FS_VDISK_GET, "/a"), 0);
	assert_null(vd_info.maps);
	assert_int_equal(vd_check(&box), 0);
	free(maps);
}

/* "/base" with 200 blocks of tag 1000 + fbn but for holes at every fourth; snapshot s1; "/top" backed by it. */
static struct fs_file_id make_backed(void)
{
	struct fs_file_id base;

	assert_int_equal(vd_create(&box, "/base", MIB, NULL, false), 0);
	base = vd_info.id;
	for (uint32_t fbn = 0; fbn < 200; fbn++)
		if (fbn % 4 != 3)
			vd_write(&box, base, fbn, 1000 + fbn, FS_UNSTABLE);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s1"), 0);
	assert_int_equal(vd_create(&box, "/top", 0, "/.snapshot/s1/base", false), 0);
	return vd_info.id;
}

static uint32_t base_tag(uint32_t fbn)
{
	return fbn < 200 && fbn % 4 != 3 ? 1000 + fbn : 0;
}

static void a_backed_vdisk_uses_no_blocks_and_shows_its_snapshot(void **state)
{
	struct fs_file_id top;
	uint64_t free_before;

	(void)state;
	top = make_backed();
	assert_int_equal(vd_info.size_bytes, MIB);
	assert_int_equal(vd_info.used_bytes, 0);
	assert_string_equal(vd_info.backing_snapshot, "s1");
	assert_string_equal(vd_info.backing_path, "/base");
	assert_int_equal(box_sync(&box), 0);
	free_before = box_free_bytes(&box);
	for (unsigned way = 0; way < 3; way++) {
		for (uint32_t fbn = 0; fbn < 256; fbn++)
			assert_int_equal(vd_read(&box, top, fbn), base_tag(fbn));
		box_restart(&box, way);
	}
	vd_write(&box, lun_id("/base"), 0, 5, FS_FILE_SYNC); /* the live file is another */
	assert_int_equal(vd_read(&box, top, 0), 1000);
	assert_int_equal(box_sync(&box), 0);
	assert_true(free_before - box_free_bytes(&box) < 64 * FS_BLOCK_SIZE);
	assert_int_equal(vd_check(&box), 0);
}

static void writes_go_to_the_vdisk_and_merge_with_its_backing(void **state)
{
	struct fs_file_id top = make_backed(), under;
	uint8_t bytes[FS_BLOCK_SIZE];

	(void)state;
	assert_int_equal(box_resolve(&box, "/.snapshot/s1/base", &under), 0);
	vd_write(&box, top, 7, 70, FS_FILE_SYNC);
	vd_write(&box, top, 8, 80, FS_UNSTABLE);
	assert_int_equal(box_write(&box, top, 9 * FS_BLOCK_SIZE + 100, "hello", 5, FS_FILE_SYNC), 0);
	for (unsigned way = 0; way < 3; way++) {
		assert_int_equal(vd_read(&box, top, 7), 70);
		assert_int_equal(vd_read(&box, under, 7), base_tag(7));
		assert_int_equal(vd_read(&box, under, 8), base_tag(8));
		assert_int_equal(box_read(&box, top, 9 * FS_BLOCK_SIZE, bytes, sizeof bytes), FS_BLOCK_SIZE);
		assert_memory_equal(bytes + 100, "hello", 5);
		assert_int_equal(bytes[0] | bytes[1] << 8, 1009);
		assert_int_equal(bytes[4092] | bytes[4093] << 8, 1009);
		box_restart(&box, way);
	}
	assert_int_equal(vd_check(&box), 0);
}

static void zeroed_and_cut_ranges_never_show_the_backing_again(void **state)
{
	struct fs_file_id top = make_backed();

	(void)state;
	assert_int_equal(box_zero(&box, top, 16 * FS_BLOCK_SIZE, 8 * FS_BLOCK_SIZE), 0);
	assert_int_equal(box_zero(&box, top, 30 * FS_BLOCK_SIZE + 4, 4), 0);
	assert_int_equal(vd_resize(&box, "/top", 100 * FS_BLOCK_SIZE, false), -EINVAL);
	assert_int_equal(vd_resize(&box, "/top", 100 * FS_BLOCK_SIZE, true), 0);
	assert_int_equal(vd_info.size_bytes, 100 * FS_BLOCK_SIZE);
	assert_int_equal(vd_resize(&box, "/top", 2 * MIB, true), 0);
	for (unsigned way = 0; way < 4; way++) {
		for (uint32_t fbn = 0; fbn < 256; fbn++) {
			if (fbn == 30)
				continue;
			assert_int_equal(vd_read(&box, top, fbn),
			                 (fbn >= 16 && fbn < 24) || fbn >= 100 ? 0 : base_tag(fbn));
		}
		box_restart(&box, way);
	}
	assert_int_equal(vd_check(&box), 0);
}

static void a_snapshot_under_a_vdisk_is_locked(void **state)
{
	(void)state;
	(void)make_backed();
	for (unsigned way = 0; way < 3; way++) {
		assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), -EBUSY);
		assert_non_null(strstr(vd_error, "/top"));
		box_restart(&box, way);
	}
	assert_int_equal(vd_destroy(&box, "/top", false), 0);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	box_run(&box, 5000000000);
	assert_int_equal(vd_check(&box), 0);
}

static void a_snapshot_that_contains_a_backed_vdisk_locks_the_one_under_it(void **state)
{
	struct fs_file_id third;

	(void)state;
	vd_write(&box, make_backed(), 3, 33, FS_FILE_SYNC);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_CREATE, "s2"), 0);
	assert_int_equal(vd_create(&box, "/third", 0, "/.snapshot/s2/top", false), 0);
	third = vd_info.id;
	vd_write(&box, third, 4, 44, FS_FILE_SYNC);
	assert_int_equal(vd_destroy(&box, "/top", false), 0);
	for (unsigned way = 0; way < 3; way++) {
		for (uint32_t fbn = 0; fbn < 256; fbn++)
			assert_int_equal(vd_read(&box, third, fbn), fbn == 3 ? 33 : fbn == 4 ? 44 : base_tag(fbn));
		assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), -EBUSY);
		assert_non_null(strstr(vd_error, "s2"));
		assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s2"), -EBUSY);
		box_restart(&box, way);
	}
	assert_int_equal(vd_destroy(&box, "/third", false), 0);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), -EBUSY);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s2"), 0);
	assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), 0);
	box_run(&box, 5000000000);
	assert_int_equal(vd_check(&box), 0);
}

static void destroy_gives_the_space_back(void **state)
{
	uint64_t before;
	struct fs_file_id id;

	(void)state;
	assert_int_equal(box_sync(&box), 0);
	before = box_free_bytes(&box);
	assert_int_equal(vd_create(&box, "/a", 8 * MIB, NULL, false), 0);
	id = vd_info.id;
	for (uint32_t fbn = 0; fbn < 1024; fbn++)
		vd_write(&box, id, fbn, fbn + 1, FS_UNSTABLE);
	assert_int_equal(box_sync(&box), 0);
	assert_true(before - box_free_bytes(&box) >= 4 * MIB);
	assert_int_equal(vd_set_maps(&box, "/a", "[1]"), 0);
	assert_int_equal(vd_destroy(&box, "/a", false), -EBUSY);
	assert_non_null(strstr(vd_error, "mapped"));
	assert_int_equal(vd_destroy(&box, "/a", true), 0);
	box_restart(&box, 1);
	assert_int_equal(vd_op(&box, FS_VDISK_GET, "/a"), -ENOENT);
	assert_int_equal(vd_count(&box), 0);
	box_run(&box, 5000000000);
	assert_int_equal(box_sync(&box), 0);
	assert_true(before - box_free_bytes(&box) < 64 * FS_BLOCK_SIZE);
	assert_int_equal(vd_check(&box), 0);
}

static void errors_say_what_and_what_to_do(void **state)
{
	struct fs_file_id id;

	(void)state;
	(void)make_backed();
	assert_int_equal(box_create(&box, box_root, "file", &id), 0);
	assert_int_equal(vd_create(&box, "/top", MIB, NULL, false), -EEXIST);
	assert_non_null(strstr(vd_error, "exists"));
	assert_int_equal(vd_create(&box, "/no/such", MIB, NULL, false), -ENOENT);
	assert_non_null(strstr(vd_error, "directory"));
	assert_int_equal(vd_create(&box, "/file/x", MIB, NULL, false), -ENOTDIR);
	assert_int_equal(vd_create(&box, "/x", 0, NULL, false), -EINVAL);
	assert_non_null(strstr(vd_error, "size"));
	assert_int_equal(vd_create(&box, "/x", MIB, "/base", false), -EINVAL);
	assert_non_null(strstr(vd_error, "snapshot"));
	assert_int_equal(vd_create(&box, "/x", MIB, "/.snapshot/none/base", false), -ENOENT);
	assert_int_equal(vd_create(&box, "/x", MIB, "/.snapshot/s1/none", false), -ENOENT);
	assert_int_equal(vd_create(&box, "/x", MIB, "/.snapshot/s1", false), -EINVAL);
	assert_int_equal(vd_create(&box, "/.snapshot/s1/x", MIB, NULL, false), -EROFS);
	assert_int_equal(vd_create(&box, "/x", UINT64_MAX, NULL, false), -EFBIG);
	assert_int_equal(vd_create(&box, "relative", MIB, NULL, false), -EINVAL);
	assert_int_equal(vd_op(&box, FS_VDISK_GET, "/none"), -ENOENT);
	assert_non_null(strstr(vd_error, "no LUN"));
	assert_int_equal(vd_op(&box, FS_VDISK_GET, "/file"), -EINVAL);
	assert_int_equal(vd_op(&box, FS_CLONE_START, "/base"), -EALREADY);
	assert_non_null(strstr(vd_error, "not backed"));
	assert_int_equal(vd_op(&box, FS_CLONE_STOP, "/top"), -ESRCH);
	assert_int_equal(box_remove(&box, box_root, "top"), -EPERM);
	assert_int_equal(vd_count(&box), 2);
	assert_int_equal(vd_check(&box), 0);
}

static void a_reserved_vdisk_larger_than_the_free_space_is_refused(void **state)
{
	uint64_t free_bytes = box_free_bytes(&box);

	(void)state;
	assert_int_equal(vd_create(&box, "/a", free_bytes + 16 * MIB, NULL, true), -ENOSPC);
	assert_non_null(strstr(vd_error, "--no-reserve"));
	assert_int_equal(vd_create(&box, "/a", free_bytes * 10, NULL, false), 0);
	assert_int_equal(vd_create(&box, "/b", free_bytes / 2, NULL, true), 0);
	assert_int_equal(vd_create(&box, "/c", free_bytes / 2, NULL, true), -ENOSPC);
	box_restart(&box, 1);
	assert_int_equal(vd_create(&box, "/c", free_bytes / 2, NULL, true), -ENOSPC);
	assert_int_equal(vd_destroy(&box, "/b", false), 0);
	assert_int_equal(vd_create(&box, "/c", free_bytes / 2, NULL, true), 0);
}

/* ---- VTOC ------------------------------------------------------------------------------------------------------ */

static bool vtoc_spoilt;
static uint32_t vtoc_spoil_at;

static int spoil_step(struct fs_run *run)
{
	const uint8_t *bytes;
	struct inode *file;
	int err = inode_get(run, 0, INO_VTOC, &file);

	if (err == 0)
		err = file_need(run, file, 0, &bytes);
	if (err == 0)
		err = run_reserve(run, 1);
	if (err == 0)
		file_edit(file, 0)[vtoc_spoil_at] ^= 0x40;
	return err;
}

static void spoil_done(struct fs_run *run, int err)
{
	(void)run;
	assert_int_equal(err, 0);
	vtoc_spoilt = true;
}

static void a_damaged_vtoc_is_rebuilt_by_a_scan(void **state)
{
	static const uint32_t offsets[] = { 0, 9, 512 + 8, 512 + 33, 512 + 90, 1024 + 4, 3000 };
	struct fs_run run;

	(void)state;
	(void)make_backed();
	for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
		vtoc_spoil_at = offsets[i];
		vtoc_spoilt = false;
		run_init(&run, box.vol, spoil_step, spoil_done, NULL);
		run_start(&run);
		box_run(&box, 1000000);
		assert_true(vtoc_spoilt);
		run_fini(&run);
		box_restart(&box, 0);
		assert_int_equal(vd_count(&box), 2);
		assert_int_equal(vd_op(&box, FS_VDISK_GET, "/top"), 0);
		assert_string_equal(vd_info.path, "/top");
		assert_int_equal(vd_snapshot(&box, FS_SNAPSHOT_DELETE, "s1"), -EBUSY);
		assert_int_equal(vd_check(&box), 0);
	}
}

/* ---- random histories ------------------------------------------------------------------------------------------ */

#define LUNS 6U

static struct {
	bool exists, mapped;
	uint64_t size;
	uint32_t tag;
	bool backed;
} luns[LUNS];
static uint64_t seed_now;

static uint32_t dice(uint32_t n)
{
	seed_now = seed_now * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(seed_now >> 33) % n;
}

static void lun_step(unsigned i, const char *path, unsigned n)
{
	uint64_t size = (uint64_t)(1 + dice(300)) * FS_BLOCK_SIZE;
	struct fs_file_id id;
	bool backed;

	switch (dice(6)) {
	case 0:
		backed = dice(2) == 0;
		assert_int_equal(
		    vd_create(&box, path, backed ? 0 : size, backed ? "/.snapshot/s1/base" : NULL, dice(2) == 0),
		    luns[i].exists ? -EEXIST : 0);
		if (luns[i].exists)
			break;
		luns[i].exists = true;
		luns[i].backed = backed;
		luns[i].mapped = false;
		luns[i].size = vd_info.size_bytes;
		luns[i].tag = luns[i].backed ? base_tag(0) : 0;
		break;
	case 1:
		assert_int_equal(vd_destroy(&box, path, true), luns[i].exists ? 0 : -ENOENT);
		luns[i].exists = false;
		break;
	case 2:
		assert_int_equal(vd_resize(&box, path, size, true), luns[i].exists ? 0 : -ENOENT);
		luns[i].size = size;
		break;
	case 3:
		assert_int_equal(vd_set_maps(&box, path, n % 2 == 0 ? "[0]" : ""), luns[i].exists ? 0 : -ENOENT);
		luns[i].mapped = n % 2 == 0;
		break;
	default:
		if (!luns[i].exists)
			break;
		id = lun_id(path);
		luns[i].tag = n + 1;
		vd_write(&box, id, 0, n + 1, FS_FILE_SYNC);
		break;
	}
}

static void luns_check(void)
{
	unsigned n = 2; /* /base and /top */
	char path[16];

	for (unsigned i = 0; i < LUNS; i++) {
		snprintf(path, sizeof path, "/lun%u", i);
		n += luns[i].exists;
		assert_int_equal(vd_op(&box, FS_VDISK_GET, path), luns[i].exists ? 0 : -ENOENT);
		if (!luns[i].exists)
			continue;
		assert_int_equal(vd_info.size_bytes, luns[i].size);
		assert_int_equal(vd_info.maps != NULL, luns[i].mapped);
		assert_int_equal(vd_info.backing_snapshot[0] != '\0', luns[i].backed);
		assert_int_equal(vd_read(&box, vd_info.id, 0), luns[i].tag);
	}
	assert_int_equal(vd_count(&box), n);
}

static void random_histories_of_luns_survive_crashes(void **state)
{
	char path[16];

	(void)state;
	(void)make_backed();
	for (unsigned seed = 1; seed <= 25; seed++) {
		seed_now = seed;
		print_message("seed %u\n", seed);
		for (unsigned n = dice(60); n > 0; n--) {
			unsigned i = dice(LUNS);
			snprintf(path, sizeof path, "/lun%u", i);
			lun_step(i, path, n);
			if (dice(10) == 0)
				assert_int_equal(box_sync(&box), 0);
		}
		box_crash(&box, seed);
		luns_check();
		assert_int_equal(vd_check(&box), 0);
	}
}

/* ---- documents ------------------------------------------------------------------------------------------------- */

static int doc_put(const char *name, const void *blob, size_t len)
{
	struct fs_message msg;
	int err;

	fs_message_init(&msg, FS_DOC_PUT, box.vol, NULL, NULL);
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	msg.in.blob = blob;
	msg.in.blob_len = len;
	err = box_send(&box, &msg);
	fs_message_fini(&msg);
	return err;
}

static int doc_op(enum fs_op op, const char *name)
{
	struct fs_message msg;
	int err;

	fs_message_init(&msg, op, box.vol, NULL, NULL);
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	err = box_send(&box, &msg);
	fs_message_fini(&msg);
	return err;
}

static void doc_expect(const char *name, const void *blob, size_t len)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_DOC_GET, box.vol, NULL, NULL);
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	assert_int_equal(box_send(&box, &msg), 0);
	assert_int_equal(msg.out.blob_len, len);
	assert_memory_equal(msg.out.blob, blob, len);
	fs_message_fini(&msg);
}

static unsigned doc_count(void)
{
	struct fs_message msg;
	unsigned n;

	fs_message_init(&msg, FS_DOC_LIST, box.vol, NULL, NULL);
	assert_int_equal(box_send(&box, &msg), 0);
	n = msg.out.n;
	fs_message_fini(&msg);
	return n;
}

static void documents_come_back_whole_after_restart_and_crash(void **state)
{
	static const size_t sizes[] = { 1, 64, 65, 4096, 4097, 100000, 0, 300000, 10 };
	uint8_t *blob = malloc(2U << 20);

	(void)state;
	for (size_t i = 0; i < 2U << 20; i++)
		blob[i] = (uint8_t)(i * 7 + i / 251);
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(doc_put("exports", blob + i, sizes[i]), 0);
		assert_int_equal(doc_put("igroups", blob, 20 + i), 0);
		doc_expect("exports", blob + i, sizes[i]);
		box_restart(&box, i % 3);
		doc_expect("exports", blob + i, sizes[i]);
		doc_expect("igroups", blob, 20 + i);
		assert_int_equal(doc_count(), 2);
		assert_int_equal(vd_check(&box), 0);
	}
	assert_int_equal(doc_op(FS_DOC_DELETE, "exports"), 0);
	box_restart(&box, 1);
	assert_int_equal(doc_op(FS_DOC_GET, "exports"), -ENOENT);
	assert_int_equal(doc_op(FS_DOC_DELETE, "exports"), -ENOENT);
	assert_int_equal(doc_op(FS_DOC_GET, "a/b"), -EINVAL);
	assert_int_equal(doc_put("big", blob, (1U << 20) + 1U), -EFBIG);
	assert_int_equal(doc_count(), 1);
	free(blob);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_new_vdisk_has_an_identity_and_reads_zeros),
		T(a_vdisk_comes_back_after_restart_and_crash),
		T(large_maps_take_several_blocks_and_can_shrink_again),
		T(a_backed_vdisk_uses_no_blocks_and_shows_its_snapshot),
		T(writes_go_to_the_vdisk_and_merge_with_its_backing),
		T(zeroed_and_cut_ranges_never_show_the_backing_again),
		T(a_snapshot_under_a_vdisk_is_locked),
		T(a_snapshot_that_contains_a_backed_vdisk_locks_the_one_under_it),
		T(destroy_gives_the_space_back),
		T(errors_say_what_and_what_to_do),
		T(a_reserved_vdisk_larger_than_the_free_space_is_refused),
		T(a_damaged_vtoc_is_rebuilt_by_a_scan),
		T(random_histories_of_luns_survive_crashes),
		T(documents_come_back_whole_after_restart_and_crash),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
