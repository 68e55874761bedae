/* SPDX-License-Identifier: Apache-2.0 */
/* The engine while allocations fail: it refuses with a clean error or does the whole of what it was asked for, loses
 * nothing it has acknowledged, returns nothing wrong, and works again when there is memory. */
#include "tests/fs/checkbox.h"

#include "base/list.h"
#include "tests/alloc/allocwork.h"
#include "tests/support/memdisk.h"

#define N_DISKS 4U
#define DISK_BYTES (20ULL << 20)
#define BLOCKS 200U /* of "/data": of two levels */
#define RUN_BLOCKS 8U
#define SETTLE_NS 2000000000ULL

/* Which image a workload begins with, and how. */
enum { CLEAN, CRASHED, DAMAGED, IMAGES, UNMOUNTED = 4, WITHOUT_A_DISK = 8 };

static struct fsbox box;
static bool made, gone; /* what a workload makes or removes once */
static int variant; /* of the workload at work */
static struct fs_file_id data, many;
static uint32_t tags[BLOCKS], tags_then[BLOCKS], next_tag; /* what "/data" must show, now and in the images */

static bool refused(int err, bool whole)
{
	return !whole && err == -ENOMEM;
}

static void done_or_refused(int err, bool whole)
{
	assert_true(err == 0 || refused(err, whole));
}

/* ---- the images that every try begins with ----------------------------------------------------------------------- */

static void write_run(uint32_t fbn, enum fs_stable stable, bool whole)
{
	static uint32_t words[RUN_BLOCKS][FS_BLOCK_SIZE / 4U];
	uint32_t tag = ++next_tag;
	int err;

	for (unsigned i = 0; i < RUN_BLOCKS; i++)
		for (unsigned w = 0; w < FS_BLOCK_SIZE / 4U; w++)
			words[i][w] = tag + i;
	next_tag += RUN_BLOCKS;
	err = box_write(&box, data, (uint64_t)fbn * FS_BLOCK_SIZE, words, sizeof words, stable);
	assert_true(err == 0 || refused(err, whole));
	for (unsigned i = 0; err == 0 && i < RUN_BLOCKS; i++)
		tags[fbn + i] = tag + i;
}

static void read_run(uint32_t fbn, bool whole)
{
	static uint32_t words[RUN_BLOCKS][FS_BLOCK_SIZE / 4U];
	int n = box_read(&box, data, (uint64_t)fbn * FS_BLOCK_SIZE, words, sizeof words);

	assert_true(n == (int)sizeof words || refused(n, whole));
	for (unsigned i = 0; n > 0 && i < RUN_BLOCKS; i++)
		for (unsigned w = 0; w < FS_BLOCK_SIZE / 4U; w++)
			assert_int_equal(words[i][w], tags[fbn + i]);
}

static void image_name(char *to, size_t size, unsigned image, unsigned disk)
{
	(void)snprintf(to, size, "image%u.%u", image, disk);
}

static void image_keep(unsigned image, uint64_t crash_seed)
{
	char name[32];

	for (unsigned i = 0; i < N_DISKS; i++) {
		image_name(name, sizeof name, image, i);
		assert_int_equal(crash_seed == 0 ? memdisk_clone(box.urls[i] + 4, name)
		                                 : memdisk_crash_clone(box.urls[i] + 4, name, crash_seed),
		                 0);
	}
}

/* Some blocks of "/data" on the first disk: lost with what beside them is on the second, or what parity makes good. */
static void image_damage(void)
{
	uint8_t bytes[FS_BLOCK_SIZE];
	unsigned n = 0;
	uint32_t tag;

	for (uint64_t block = DISK_BYTES / FS_BLOCK_SIZE; block-- > 0 && n < 6U;) { /* before them lies the log */
		char name[32];

		image_name(name, sizeof name, DAMAGED, 0);
		memdisk_peek(name, block, bytes);
		memcpy(&tag, bytes, sizeof tag);
		if (tag == 0 || tag > next_tag || memcmp(bytes, bytes + sizeof tag, sizeof bytes - sizeof tag) != 0)
			continue;
		memset(bytes, 0x5A, sizeof bytes);
		memdisk_poke(name, block, bytes);
		image_name(name, sizeof name, DAMAGED, 1);
		if (n++ % 2U == 0)
			memdisk_poke(name, block, bytes);
	}
	assert_int_equal(n, 6);
}

/* ---- names of "/dir" that the workloads make, move and remove ---- */

static const char *const names[] = { "one", "two", "three", "four" };
static bool named[ARRAY_SIZE(names)];
static struct fs_file_id directory;

static void names_reset(void)
{
	memset(named, 0, sizeof named);
}

/* Done or not at all. */
static void name_done(unsigned i, bool there, int err, bool whole)
{
	assert_true(err == 0 || refused(err, whole));
	if (err == 0)
		named[i] = there;
}

static void name_make(unsigned i, enum fs_op op, bool whole)
{
	struct fs_file_id id;

	if (!named[i])
		name_done(i, true,
		          op == FS_CREATE ? box_create(&box, directory, names[i], &id)
		                          : box_named(&box, op, directory, names[i], &id),
		          whole);
}

static void name_remove(unsigned i, enum fs_op op, bool whole)
{
	if (named[i])
		name_done(i, false, box_named(&box, op, directory, names[i], NULL), whole);
}

static void name_rename(unsigned from, unsigned to, bool whole)
{
	struct fs_message msg;
	int err;

	if (!named[from] || named[to])
		return;
	fs_message_init(&msg, FS_RENAME, box.vol, NULL, NULL);
	msg.file = msg.in.to_dir = directory;
	msg.in.name = names[from];
	msg.in.name_len = (uint32_t)strlen(names[from]);
	msg.in.to_name = names[to];
	msg.in.to_name_len = (uint32_t)strlen(names[to]);
	err = box_send(&box, &msg);
	fs_message_fini(&msg);
	name_done(from, false, err, whole);
	name_done(to, true, err, whole);
}

static void names_look(void)
{
	struct fs_file_id id;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(box_lookup(&box, directory, names[i], &id), named[i] ? 0 : -ENOENT);
}

/* How many entries a directory has; -ENOMEM. */
static int listing(struct fs_file_id dir, bool whole)
{
	uint64_t cookie = 0;
	int n = 0;

	for (bool eof = false; !eof;) {
		struct fs_message msg;
		int err;

		fs_message_init(&msg, FS_READDIR, box.vol, NULL, NULL);
		msg.file = dir;
		msg.in.readdir.cookie = cookie;
		msg.in.readdir.max_entries = 64;
		msg.in.readdir.max_bytes = 65536;
		msg.in.readdir.want_attr = true;
		err = box_send(&box, &msg);
		assert_true(err == 0 || refused(err, whole));
		if (err == 0 && msg.out.n > 0)
			cookie = msg.out.dirents[msg.out.n - 1U].cookie;
		n += (int)msg.out.n;
		eof = msg.out.eof;
		fs_message_fini(&msg);
		if (err != 0)
			return err;
	}
	return n;
}

static int images_make(void **state)
{
	(void)state;
	box_open(&box, 7, N_DISKS, DISK_BYTES, 4096);
	cb_populate(&box);
	assert_int_equal(box_resolve(&box, "/dir", &directory), 0);
	assert_int_equal(box_resolve(&box, "/many", &many), 0);
	assert_int_equal(box_create(&box, box_root, "data", &data), 0);
	for (uint32_t fbn = 0; fbn < BLOCKS; fbn += RUN_BLOCKS)
		write_run(fbn, FS_UNSTABLE, true);
	assert_int_equal(box_sync(&box), 0);
	for (uint32_t fbn = 0; fbn < BLOCKS; fbn += 3U * RUN_BLOCKS)
		write_run(fbn, FS_FILE_SYNC, true);
	assert_int_equal(box_create(&box, box_root, "logged", NULL), 0);
	assert_int_equal(box_remove(&box, box_root, "empty"), 0);
	assert_int_equal(vd_create(&box, "/logged.lun", MIB, NULL, false), 0);
	image_keep(CRASHED, 5);
	assert_int_equal(box_unmount(&box), 0);
	image_keep(CLEAN, 0);
	image_keep(DAMAGED, 0);
	image_damage();
	memcpy(tags_then, tags, sizeof tags);
	return 0;
}

static int images_drop(void **state)
{
	(void)state;
	box_close(&box);
	return 0;
}

static struct world *begin(const struct alloc_workload *workload)
{
	char name[32], copy[32];

	variant = workload->variant;
	names_reset();
	made = gone = false;
	memcpy(tags, tags_then, sizeof tags);
	for (unsigned i = 0; i < N_DISKS; i++) {
		image_name(name, sizeof name, (unsigned)workload->variant % UNMOUNTED, i);
		(void)snprintf(copy, sizeof copy, "try.%u", i);
		assert_int_equal(memdisk_clone(name, copy), 0);
		(void)snprintf(box.urls[i], sizeof box.urls[i], "mem:%s", copy);
	}
	box.n_disks = workload->variant & WITHOUT_A_DISK ? N_DISKS - 1U : N_DISKS;
	if (!(workload->variant & UNMOUNTED))
		assert_int_equal(box_mount(&box), 0);
	return box.world;
}

static void drop(void)
{
	box.n_disks = N_DISKS;
	cb_disks_drop(&box);
}

static void end(void)
{
	struct fs_file_id id;

	if (box.vol == NULL)
		assert_int_equal(box_mount(&box), 0);
	for (uint32_t fbn = 0; fbn < BLOCKS; fbn += RUN_BLOCKS)
		read_run(fbn, true);
	names_look();
	assert_int_equal(box_resolve(&box, "/logged", &id), 0);
	assert_int_equal(box_resolve(&box, "/logged.lun", &id), 0);
	assert_int_equal(box_resolve(&box, "/empty", &id), -ENOENT);
	assert_int_equal(box_check(&box), 0);
	assert_int_equal(box_unmount(&box), 0);
	drop();
}

/* ---- workloads: mounting and checking ---------------------------------------------------------------------------- */

static void mount(bool whole)
{
	int err = box.vol == NULL ? box_mount(&box) : 0;

	assert_true(err == 0 || refused(err, whole));
	assert_int_equal(err == 0, box.vol != NULL);
}

/* What it says with all memory, it says always, or nothing. (Findings that follow each other are one, if they are met
 * so: it is their sum that counts.) */
static void check_offline(bool whole)
{
	static uint64_t first[16][5];
	struct fs_check_offline check;
	int err = cb_check_offline(&box, &check);
	uint64_t said[] = { check.result.n_blocks, check.result.n_inodes, check.result.n_absent, check.n_log_records,
		            0 };

	done_or_refused(err, whole);
	for (size_t i = 0; i < check.result.n_findings; i++)
		said[4] += check.result.findings[i].count;
	if (err == 0 && first[variant][0] == 0)
		memcpy(first[variant], said, sizeof said);
	if (err == 0) {
		assert_memory_equal(said, first[variant], sizeof said);
		assert_int_equal(said[4] > 0, variant % UNMOUNTED == DAMAGED);
		assert_int_equal(check.result.report != NULL, said[4] > 0);
		assert_int_equal(said[2], N_DISKS - box.n_disks);
		assert_int_equal(check.n_log_records > 0, variant % UNMOUNTED == CRASHED);
	}
	fs_check_result_fini(&check.result);
}

/* ---- workloads: serving ------------------------------------------------------------------------------------------ */

static void read_and_write(bool whole)
{
	uint32_t first = whole ? 16U : 0U;

	read_run(first, whole);
	write_run(first + 5U, FS_FILE_SYNC, whole);
	write_run(first + 64U, FS_UNSTABLE, whole);
	write_run(first + 130U, FS_DATA_SYNC, whole);
	read_run(first + 80U, whole);
	read_run(first + 64U, whole);
	done_or_refused(box_commit(&box, data), whole);
	read_run(first + 5U, whole);
}

static void names_change(bool whole)
{
	int n = listing(many, whole);

	assert_true(n == 422 || refused(n, whole));
	name_make(0, FS_CREATE, whole);
	name_make(1, FS_SYMLINK, whole);
	name_rename(0, 2, whole);
	name_make(3, FS_MKDIR, whole);
	n = listing(directory, whole);
	assert_true(refused(n, whole) || n == 3 + named[0] + named[1] + named[2] + named[3]);
	name_remove(1, FS_REMOVE, whole);
	name_remove(2, FS_REMOVE, whole);
	name_remove(3, FS_RMDIR, whole);
	name_make(0, FS_MKNOD, whole);
	name_remove(0, FS_REMOVE, whole);
}

static bool snapshot_there(const char *name)
{
	struct fs_message msg;
	bool there = false;

	fs_message_init(&msg, FS_SNAPSHOT_LIST, box.vol, NULL, NULL);
	assert_int_equal(box_send(&box, &msg), 0);
	for (unsigned i = 0; i < msg.out.n; i++)
		there = there || (strcmp(msg.out.snapshots[i].name, name) == 0 && !msg.out.snapshots[i].deleting);
	fs_message_fini(&msg);
	return there;
}

/* One is made, one goes; what the refused ones were about is as it was. */
static void snapshots(bool whole)
{
	int err;

	write_run(40, FS_FILE_SYNC, whole);
	err = made ? 0 : box_snapshot(&box, FS_SNAPSHOT_CREATE, "made");
	done_or_refused(err, whole);
	made = err == 0;
	err = gone ? 0 : box_snapshot(&box, FS_SNAPSHOT_DELETE, "s1");
	done_or_refused(err, whole);
	gone = err == 0;
	if (!whole)
		return;
	assert_true(snapshot_there("made") && !snapshot_there("s1"));
	box_run(&box, SETTLE_NS);
}

static void lun_made(const char *path, uint64_t size, const char *backing, bool whole)
{
	int err = vd_create(&box, path, size, backing, false);

	assert_true(err == 0 || refused(err, whole) || (err == -EEXIST && whole));
}

/* What a backed LUN shows does not change while it is cut loose. */
static void clone(bool whole)
{
	struct fs_message msg;
	int err;

	lun_made("/cut", 0, "/.snapshot/s3/lun", whole);
	fs_message_init(&msg, FS_CLONE_START, box.vol, NULL, NULL);
	msg.in.path = "/cut";
	err = box_send(&box, &msg);
	fs_message_fini(&msg);
	assert_true(err == 0 || refused(err, whole) || (!whole && err == -ENOENT) ||
	            (whole && (err == -EBUSY || err == -EINVAL || err == -EALREADY)));
	box_run(&box, SETTLE_NS);
	if (!whole)
		return;
	vd_await_clone(&box, "/cut", FS_CLONE_DONE);
	for (uint32_t fbn = 0; fbn < 100; fbn++)
		assert_int_equal(vd_read(&box, vd_info.id, fbn), fbn % 3U == 0 ? fbn + 1U : 0U);
	assert_string_equal(vd_info.backing_snapshot, "");
}

static void luns(bool whole)
{
	int err;

	lun_made("/new", MIB, NULL, whole);
	err = vd_set_maps(&box, "/lun", "{\"maps\":[{\"igroup\":\"hosts\",\"lun\":3}]}");
	done_or_refused(err, whole);
	done_or_refused(vd_resize(&box, "/lun", 9 * MIB, false), whole);
	err = gone ? 0 : vd_destroy(&box, "/top", true);
	done_or_refused(err, whole);
	gone = err == 0;
}

/* Changes of all kinds, and the consistency point that writes them. */
static void changes_and_sync(bool whole)
{
	write_run(whole ? 8U : 0U, FS_UNSTABLE, whole);
	done_or_refused(box_sync(&box), whole);
	write_run(96, FS_UNSTABLE, whole);
	name_make(whole, FS_CREATE, whole);
	done_or_refused(box_sync(&box), whole);
}

static void unmount(bool whole)
{
	if (box.vol == NULL)
		return;
	write_run(120, FS_FILE_SYNC, whole);
	assert_int_equal(box_unmount(&box), 0);
	(void)whole;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static const struct alloc_workload workloads[] = {
	{ "mount of a clean volume", 100, 5, begin, mount, end, CLEAN | UNMOUNTED },
	{ "recovery of a crashed volume", 400, 96, begin, mount, end, CRASHED | UNMOUNTED },
	{ "check of a damaged volume from its disks", 400, 3, begin, check_offline, drop, DAMAGED | UNMOUNTED },
	{ "check of a crashed volume from its disks", 400, 3, begin, check_offline, drop, CRASHED | UNMOUNTED },
	{ "check of a volume without one of its disks", 400, 3, begin, check_offline, drop,
	  DAMAGED | UNMOUNTED | WITHOUT_A_DISK },
	{ "reads and writes", 60, 12, begin, read_and_write, end, CLEAN },
	{ "names", 60, 10, begin, names_change, end, CLEAN },
	{ "snapshots made and deleted", 60, 6, begin, snapshots, end, CLEAN },
	{ "a backed LUN and its clone", 60, 6, begin, clone, end, CLEAN },
	{ "LUNs made, mapped, resized, destroyed", 60, 6, begin, luns, end, CLEAN },
	{ "changes and consistency points", 60, 16, begin, changes_and_sync, end, CLEAN },
	{ "unmount", 60, 12, begin, unmount, end, CLEAN },
};

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(workloads)];

	for (unsigned i = 0; i < ARRAY_SIZE(workloads); i++)
		tests[i] = (struct CMUnitTest){ .name = workloads[i].name,
			                        .test_func = alloc_workload_run,
			                        .initial_state = (void *)(uintptr_t)&workloads[i] };
	cmocka_set_test_filter(getenv("ALLOC_ONLY")); /* NULL: all of them */
	return cmocka_run_group_tests_name("alloc/engine", tests, images_make, images_drop);
}
