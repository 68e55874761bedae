/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of thousands of components, and below directories of thousands of names, on the engine: bounded turns of the
 * loop, work that is not done again, and right answers while names change. */
#include "tests/fs/vdiskbox.h"

#include "fs/file/inode.h"
#include "fs/names/dir.h"

/* Names that are to stand behind the others are as long as they are: a shorter one finds room in the first block. */
#define N_DEEP 2000U /* "/d/d/d...": almost the longest path */
#define N_NAMES 20000U
#define N_LUNS 3U
#define NAMES_A_TURN 4096U
#define INODES_A_TURN 1024U

static struct fsbox box;

static struct fs_file_id mkdir_in(struct fs_file_id dir, const char *name)
{
	struct fs_file_id id;

	assert_int_equal(box_named(&box, FS_MKDIR, dir, name, &id), 0);
	return id;
}

static int move(struct fs_file_id dir, const char *name, struct fs_file_id to_dir, const char *to_name)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_RENAME, box.vol, NULL, NULL);
	msg.file = dir;
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	msg.in.to_dir = to_dir;
	msg.in.to_name = to_name;
	msg.in.to_name_len = (uint32_t)strlen(to_name);
	return box_send(&box, &msg);
}

static void fill(struct fs_file_id dir, unsigned n)
{
	char name[16];

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(name, sizeof name, "%08u", i);
		assert_int_equal(box_create(&box, dir, name, NULL), 0);
	}
}

static void cold(void)
{
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(box_mount(&box), 0);
}

/* Inodes and names that are looked at: the linker brings the calls here. */
static unsigned n_inodes, n_names;
int __wrap_inode_get(struct fs_run *run, uint32_t snapshot, uint32_t ino, struct inode **ret_inode);
int __real_inode_get(struct fs_run *run, uint32_t snapshot, uint32_t ino, struct inode **ret_inode);
int __wrap_dir_next(struct fs_run *run, struct inode *dir, uint32_t *io_slot, struct dir_entry *ret_entry);
int __real_dir_next(struct fs_run *run, struct inode *dir, uint32_t *io_slot, struct dir_entry *ret_entry);

int __wrap_inode_get(struct fs_run *run, uint32_t snapshot, uint32_t ino, struct inode **ret_inode)
{
	n_inodes++;
	return __real_inode_get(run, snapshot, ino, ret_inode);
}

int __wrap_dir_next(struct fs_run *run, struct inode *dir, uint32_t *io_slot, struct dir_entry *ret_entry)
{
	n_names++;
	return __real_dir_next(run, dir, io_slot, ret_entry);
}

static void on_answer(struct fs_message *msg)
{
	*(bool *)msg->owner = true;
}

/* What was looked at when a turn of the loop, and when the last message, began. */
static unsigned turn_inodes, turn_names, message_names;

static void turn_begin(void)
{
	turn_inodes = n_inodes;
	turn_names = n_names;
}

static void turn_end(void)
{
	assert_in_range(n_inodes - turn_inodes, 0, INODES_A_TURN);
	assert_in_range(n_names - turn_names, 0, NAMES_A_TURN);
}

static void ask(struct fs_message *msg, enum fs_op op, struct fs_file_id file, const char *path, bool *ret_done)
{
	*ret_done = false;
	fs_message_init(msg, op, box.vol, on_answer, ret_done);
	msg->file = file;
	msg->in.path = path;
	message_names = n_names;
	turn_begin();
	fs_message_send(msg); /* its first turn */
	turn_end();
}

/* Until it is answered; no turn of the loop looks at more than it may. How many names were looked at. */
static unsigned wait_turns(const bool *done)
{
	while (!*done) {
		turn_begin();
		assert_true(sim_step(box.sim));
		turn_end();
	}
	return n_names - message_names;
}

/* How many names were looked at. */
static unsigned expect_path(struct fs_file_id dir, const char *path)
{
	struct fs_message msg;
	unsigned n;
	bool done;

	ask(&msg, FS_PATH_OF, dir, NULL, &done);
	n = wait_turns(&done);
	assert_int_equal(msg.status, 0);
	assert_string_equal(msg.out.blob, path);
	fs_message_fini(&msg);
	return n;
}

/* READDIR of all of it, so that its blocks are in memory. */
static unsigned list_all(struct fs_file_id dir)
{
	struct fs_message msg;
	uint64_t cookie = 2;
	unsigned n = 0;
	bool eof = false;

	while (!eof) {
		fs_message_init(&msg, FS_READDIR, box.vol, NULL, NULL);
		msg.file = dir;
		msg.in.readdir.cookie = cookie;
		msg.in.readdir.max_entries = 1000;
		msg.in.readdir.max_bytes = 65536;
		assert_int_equal(box_send(&box, &msg), 0);
		n += msg.out.n;
		eof = msg.out.eof;
		if (msg.out.n > 0)
			cookie = msg.out.dirents[msg.out.n - 1U].cookie;
		fs_message_fini(&msg);
	}
	return n;
}

/* ---- one path ---- */

static char deep_path[2U * N_DEEP + 1U];

static struct fs_file_id deep_make(size_t cache_pages)
{
	struct fs_file_id at = box_root;

	box_open(&box, 11, 3, 128U << 20, cache_pages);
	for (unsigned i = 0; i < N_DEEP; i++) {
		at = mkdir_in(at, "d");
		memcpy(deep_path + 2U * i, "/d", 3);
	}
	return at;
}

static void deep_path_is_walked_once_both_ways(void **state)
{
	struct fs_file_id id, end = deep_make(16384);

	(void)state;
	cold();
	n_inodes = 0;
	(void)expect_path(end, deep_path);
	assert_in_range(n_inodes, N_DEEP, 8U * N_DEEP);
	cold();
	n_inodes = 0;
	assert_int_equal(box_resolve(&box, deep_path, &id), 0);
	assert_memory_equal(&id, &end, sizeof id);
	assert_in_range(n_inodes, N_DEEP, 8U * N_DEEP);
	box_close(&box);
}

static void path_longer_than_the_cache_can_be_walked_both_ways(void **state)
{
	struct fs_file_id id, end = deep_make(1024);

	(void)state;
	cold();
	(void)expect_path(end, deep_path);
	cold();
	assert_int_equal(box_resolve(&box, deep_path, &id), 0);
	assert_memory_equal(&id, &end, sizeof id);
	box_close(&box);
}

/* The first time. Later its place is known, after a rename too. */
static void directory_of_many_names_is_searched_in_turns_and_once(void **state)
{
	struct fs_file_id many, below;

	(void)state;
	box_open(&box, 12, 3, 128U << 20, 16384);
	many = mkdir_in(box_root, "many");
	fill(many, N_NAMES);
	below = mkdir_in(mkdir_in(many, "lastname"), "below");
	cold();
	assert_in_range(expect_path(below, "/many/lastname/below"), N_NAMES, N_NAMES + N_NAMES / 20U);
	cold();
	assert_int_equal(list_all(many), N_NAMES + 1U); /* all of it in memory, without a search for its name */
	assert_in_range(expect_path(below, "/many/lastname/below"), N_NAMES, N_NAMES + N_NAMES / 20U);
	assert_in_range(expect_path(below, "/many/lastname/below"), 2, 4);
	assert_int_equal(move(many, "lastname", many, "othrname"), 0);
	assert_in_range(expect_path(below, "/many/othrname/below"), 2, 4);
	box_close(&box);
}

/* However far the walk is: the answer is the path before the renames, or after one of them. */
static void names_that_change_behind_the_back_of_a_walk_are_found(void **state)
{
	struct fs_file_id many, last, below, id;
	struct fs_message msg;
	unsigned answered = 0;

	(void)state;
	box_open(&box, 13, 3, 128U << 20, 16384);
	many = mkdir_in(box_root, "many");
	fill(many, N_NAMES);
	last = mkdir_in(many, "lastname");
	below = mkdir_in(last, "below");
	for (unsigned turns = 1; answered < 3U; turns += 7U) {
		bool up_done, down_done;
		struct fs_message down;

		cold();
		ask(&msg, FS_PATH_OF, below, NULL, &up_done);
		ask(&down, FS_RESOLVE, box_root, "/many/lastname/below", &down_done);
		for (unsigned i = 0; i < turns && !up_done; i++)
			assert_true(sim_step(box.sim));
		answered += up_done;
		bool was_resolved = down_done, was_answered = up_done;
		assert_int_equal(box_remove(&box, many, "00000001"), 0); /* a slot before all that are passed */
		assert_int_equal(move(many, "lastname", many, "l"), 0);
		assert_int_equal(move(box_root, "many", box_root, "m"), 0);
		(void)wait_turns(&up_done);
		(void)wait_turns(&down_done);
		assert_int_equal(msg.status, 0);
		assert_true(strcmp(msg.out.blob, "/many/lastname/below") == 0 ||
		            (!was_answered &&
		             (strcmp(msg.out.blob, "/many/l/below") == 0 || strcmp(msg.out.blob, "/m/l/below") == 0)));
		assert_true(down.status == 0 || (!was_resolved && down.status == -ENOENT));
		fs_message_fini(&msg);
		fs_message_fini(&down);
		assert_int_equal(box_lookup(&box, box_root, "m", &id), 0);
		assert_int_equal(move(box_root, "m", box_root, "many"), 0);
		assert_int_equal(move(many, "l", many, "lastname"), 0);
		assert_int_equal(box_create(&box, many, "00000001", NULL), 0);
	}
	assert_int_equal(box_check(&box), 0);
	box_close(&box);
}

/* ---- the paths of many LUNs ---- */

static struct fs_file_id lun_dir[N_LUNS];

/* /dN/lun_name, and its directory has another name than the LUN remembers. */
static void luns_make(void)
{
	char path[16], name[8], new_name[8];

	box_open(&box, 14, 3, 256U << 20, 16384);
	for (unsigned i = 0; i < N_LUNS; i++) {
		(void)snprintf(name, sizeof name, "d%u", i);
		(void)snprintf(new_name, sizeof new_name, "m%u", i);
		(void)snprintf(path, sizeof path, "/d%u/lun_name", i);
		lun_dir[i] = mkdir_in(box_root, name);
		fill(lun_dir[i], N_NAMES);
		assert_int_equal(vd_create(&box, path, MIB, NULL, false), 0);
		assert_int_equal(move(box_root, name, box_root, new_name), 0);
	}
}

static void expect_luns(const struct fs_message *msg)
{
	char path[16];

	assert_int_equal(msg->status, 0);
	assert_int_equal(msg->out.n, N_LUNS);
	for (unsigned i = 0; i < N_LUNS; i++) {
		(void)snprintf(path, sizeof path, "/m%u/lun_name", i);
		assert_string_equal(msg->out.vdisks[i].path, path);
	}
}

static void luns_below_directories_of_many_names_are_listed_in_turns(void **state)
{
	struct fs_message msg;
	bool done;

	(void)state;
	luns_make();
	cold();
	for (unsigned i = 0; i < N_LUNS; i++)
		assert_int_equal(list_all(lun_dir[i]), N_NAMES + 1U);
	ask(&msg, FS_VDISK_LIST, box_root, NULL, &done);
	assert_in_range(wait_turns(&done), N_LUNS * N_NAMES, N_LUNS * N_NAMES + 100U);
	expect_luns(&msg);
	fs_message_fini(&msg);
	ask(&msg, FS_VDISK_LIST, box_root, NULL, &done);
	assert_in_range(wait_turns(&done), 2U * N_LUNS, 10U * N_LUNS);
	expect_luns(&msg);
	fs_message_fini(&msg);
	box_close(&box);
}

/* While LUNs are renamed all the time, the list ends, and has them under a name they had. */
static void luns_are_listed_while_their_names_change(void **state)
{
	struct fs_message msg;
	unsigned n = 0;
	bool done;

	(void)state;
	luns_make();
	cold();
	ask(&msg, FS_VDISK_LIST, box_root, NULL, &done);
	for (; !done && n < 2000U; n++) {
		assert_int_equal(move(lun_dir[n % N_LUNS], "lun_name", lun_dir[n % N_LUNS], "nul_name"), 0);
		assert_int_equal(move(lun_dir[n % N_LUNS], "nul_name", lun_dir[n % N_LUNS], "lun_name"), 0);
	}
	assert_true(done);
	assert_int_equal(msg.status, 0);
	assert_int_equal(msg.out.n, N_LUNS);
	for (unsigned i = 0; i < N_LUNS; i++)
		assert_true(strcmp(msg.out.vdisks[i].path + 3, "/lun_name") == 0 ||
		            strcmp(msg.out.vdisks[i].path + 3, "/nul_name") == 0);
	fs_message_fini(&msg);
	box_close(&box);
}

#define N_MANY 200U /* several batches */

/* All of [first, end), once, and of others only the one before and the one after. */
static void expect_many(const struct fs_message *msg, unsigned first, unsigned end)
{
	bool seen[2U * N_MANY + 2U] = { false };

	assert_int_equal(msg->status, 0);
	for (unsigned i = 0; i < msg->out.n; i++) {
		unsigned k = (unsigned)strtoul(msg->out.vdisks[i].path + 2, NULL, 10) + 1U;

		assert_in_range(k, first, end + 1U);
		assert_false(seen[k]);
		seen[k] = true;
	}
	for (unsigned k = first; k < end; k++)
		assert_true(seen[k + 1U]);
}

/* LUNs come and go during each of its turns: it has every LUN that is there at the end, once. */
static void list_of_luns_has_each_of_those_there_are_at_its_end_once(void **state)
{
	struct fs_message msg;
	unsigned first = 0, next = 0;
	char path[16];
	bool done;

	(void)state;
	box_open(&box, 15, 3, 128U << 20, 16384);
	for (; next < N_MANY; next++) {
		(void)snprintf(path, sizeof path, "/l%u", next);
		assert_int_equal(vd_create(&box, path, MIB, NULL, false), 0);
	}
	cold();
	ask(&msg, FS_VDISK_LIST, box_root, NULL, &done);
	(void)wait_turns(&done);
	assert_int_equal(msg.out.n, N_MANY);
	expect_many(&msg, 0, N_MANY);
	fs_message_fini(&msg);
	cold();
	ask(&msg, FS_VDISK_LIST, box_root, NULL, &done);
	while (!done) {
		assert_true(next < 2U * N_MANY);
		(void)snprintf(path, sizeof path, "/l%u", next++);
		assert_int_equal(vd_create(&box, path, MIB, NULL, false), 0);
		if (done)
			break;
		(void)snprintf(path, sizeof path, "/l%u", first++);
		assert_int_equal(vd_destroy(&box, path, true), 0);
	}
	expect_many(&msg, first, next - 1U);
	fs_message_fini(&msg);
	box_close(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deep_path_is_walked_once_both_ways),
		cmocka_unit_test(path_longer_than_the_cache_can_be_walked_both_ways),
		cmocka_unit_test(directory_of_many_names_is_searched_in_turns_and_once),
		cmocka_unit_test(names_that_change_behind_the_back_of_a_walk_are_found),
		cmocka_unit_test(luns_below_directories_of_many_names_are_listed_in_turns),
		cmocka_unit_test(luns_are_listed_while_their_names_change),
		cmocka_unit_test(list_of_luns_has_each_of_those_there_are_at_its_end_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
