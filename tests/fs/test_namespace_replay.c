/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories of namespace operations: the tree stays sound, a model agrees, and replaying the log gives the same
 * volume byte for byte. Records with wrong bytes are refused, never obeyed to ruin. */
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"
#include "tests/fs/namespace_client.h"

#include "fs/names/dir.h"

/* ---- soundness: every inode is reached, link counts and parents are right ---- */

struct walk {
	struct ram *ram;
	unsigned n_inodes;
	uint16_t *nlink;
};
#define INO_LIMIT 20000U

struct dir_walk {
	struct inode *dir;
	struct dir_verify verify;
	struct walk *walk;
	unsigned n_subdirs;
};

static int verify_step(struct fs_run *run)
{
	struct dir_walk *w = run->arg;
	return dir_verify_step(run, w->dir, &w->verify);
}
static int parent_step(struct fs_run *run)
{
	struct dir_walk *w = run->arg;
	uint32_t *p = &w->n_subdirs;
	return dir_parent(run, w->dir, p);
}

static void walk_dir(struct walk *walk, struct inode *dir, uint32_t parent, unsigned depth);

static void walk_entry(void *arg, const struct dir_entry *entry)
{
	struct dir_walk *w = arg;
	struct inode *inode = ram_inode(w->walk->ram, 0, entry->id.inode);
	assert_non_null(inode);
	assert_false(inode->removed);
	assert_true(inode->attr.generation == entry->id.generation && inode->attr.type == entry->type);
	assert_true(entry->id.inode < INO_LIMIT);
	w->walk->n_inodes += w->walk->nlink[entry->id.inode]++ == 0;
	w->n_subdirs += entry->type == FS_TYPE_DIR;
	if (entry->type == FS_TYPE_DIR)
		assert_int_equal(w->walk->nlink[entry->id.inode], 1);
}

static void walk_fault(void *arg, const char *text, bool derived)
{
	(void)derived;
	(void)arg;
	print_error("%s\n", text);
	fail();
}

static void walk_dir(struct walk *walk, struct inode *dir, uint32_t parent, unsigned depth)
{
	struct dir_walk w = { .dir = dir, .walk = walk, .verify = { .visit = walk_entry, .fault = walk_fault } };
	assert_true(depth < 1000);
	w.verify.arg = &w;
	while (!w.verify.done)
		assert_int_equal(ram_run(walk->ram, verify_step, &w), 0);
	assert_int_equal(dir->attr.nlink, 2 + w.n_subdirs);
	if (dir->ino != FS_INO_ROOT) {
		assert_int_equal(ram_run(walk->ram, parent_step, &w), 0);
		assert_int_equal(w.n_subdirs, parent);
	}
}

static void check_tree(struct ram *ram)
{
	static uint16_t nlink[INO_LIMIT];
	struct walk walk = { .ram = ram, .nlink = nlink };
	memset(nlink, 0, sizeof nlink);
	walk_dir(&walk, ram_inode(ram, 0, FS_INO_ROOT), FS_INO_ROOT, 0);
	for (uint32_t ino = INO_FIRST_DYNAMIC, more = 1; more != 0;) {
		/* directories found so far, until no new ones come */
		more = 0;
		for (ino = INO_FIRST_DYNAMIC; ino < INO_LIMIT; ino++) {
			struct inode *inode = nlink[ino] == 1 ? ram_inode(ram, 0, ino) : NULL;
			if (inode != NULL && inode->attr.type == FS_TYPE_DIR) {
				uint32_t parent = FS_INO_ROOT;
				struct dir_walk w = { .dir = inode };
				assert_int_equal(ram_run(ram, parent_step, &w), 0);
				parent = w.n_subdirs;
				nlink[ino] = 0x8001;
				walk_dir(&walk, inode, parent, 1);
				more = 1;
			}
		}
	}
	for (uint32_t ino = INO_FIRST_DYNAMIC; ino < INO_LIMIT; ino++) {
		struct inode *inode = ram_inode(ram, 0, ino);
		if (inode == NULL || inode->removed)
			assert_int_equal(nlink[ino], 0);
		else if (inode->attr.type == FS_TYPE_DIR)
			assert_int_equal(nlink[ino], 0x8001);
		else
			assert_int_equal(nlink[ino], inode->attr.nlink);
	}
	assert_int_equal(walk.n_inodes + 1U, ram_n_inodes(ram));
}

/* ---- random histories ---- */

static struct fs_file_id dirs[64];
static unsigned n_dirs;

static const char *random_name(void)
{
	static char names[2][300];
	static unsigned turn;
	char *name = names[turn++ % 2U];
	int len = snprintf(name, 64, "n%u", ram_random(ns_ram, 40));
	if (ram_random(ns_ram, 4) == 0) {
		memset(name + len, 'x', 200);
		name[len + 200] = '\0';
	}
	return name;
}

static struct fs_file_id random_dir(void)
{
	return n_dirs == 0 || ram_random(ns_ram, 3) == 0 ? ns_root : dirs[ram_random(ns_ram, n_dirs)];
}

static void check_status(int status)
{
	switch (status) {
	case 0:
	case -ENOENT:
	case -EEXIST:
	case -ENOTDIR:
	case -EISDIR:
	case -ENOTEMPTY:
	case -EINVAL:
	case -ESTALE: break;
	default: print_error("status %d\n", status); fail();
	}
}

static void random_op(void)
{
	struct fs_file_id dir = random_dir();
	unsigned what = ram_random(ns_ram, 12);
	int status = 0;
	switch (what) {
	case 0:
	case 1: status = ns_dir(dir, random_name()); break;
	case 2:
	case 3: status = ns_file(dir, random_name()); break;
	case 4: status = ns_create_mode(ram_random(ns_ram, 2) ? FS_SYMLINK : FS_MKNOD, dir, random_name(), 0644); break;
	case 5:
	case 6: status = ns_unlink(dir, random_name()); break;
	case 7: status = ns_rmdir(dir, random_name()); break;
	case 8:
	case 9: {
		const char *from = random_name();
		status = ns_move(dir, from, random_dir(), random_name());
		break;
	}
	case 10:
		if (ns_look(dir, random_name()) == 0 && ns_msg.out.attr.type != FS_TYPE_DIR)
			status = ns_hardlink(ns_msg.out.attr.id, random_dir(), random_name());
		break;
	default:
		if (ns_look(dir, random_name()) == 0) {
			struct fs_setattr set = { .set_mode = true,
				                  .mode = ram_random(ns_ram, 01000),
				                  .set_uid = true,
				                  .uid = ram_random(ns_ram, 9) };
			set.set_size = ns_msg.out.attr.type == FS_TYPE_REG;
			set.size_bytes = ram_random(ns_ram, 100000);
			status = ns_set(ns_msg.out.attr.id, &set);
		}
	}
	check_status(status);
	if (what <= 1 && status == 0)
		dirs[n_dirs < 64 ? n_dirs++ : ram_random(ns_ram, 64)] = ns_msg.out.attr.id;
}

static void log_replayed_gives_the_same_volume(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 12; seed++) {
		ram_free(ns_ram);
		ns_ram = ram_new(seed, seed % 4 * 15);
		n_dirs = 0;
		for (unsigned i = 0; i < 4000; i++)
			random_op();
		check_tree(ns_ram);
		assert_true(ns_ram->n_records > 500);
		struct ram *again = ram_new(seed + 100, 25);
		assert_int_equal(ram_replay(again, ns_ram), 0);
		check_tree(again);
		if (!ram_equal(ns_ram, again))
			print_error("seed %u\n", seed);
		assert_true(ram_equal(ns_ram, again));
		ram_free(again);
	}
}

static void log_of_a_large_directory_replays_to_the_same_slots(void **state)
{
	char name[64];
	(void)state;
	for (unsigned i = 0; i < 6000; i++) {
		(void)snprintf(name, sizeof name, "%s-%u", i % 3 ? "short" : "a-name-that-needs-more-units-than-one",
		               i);
		assert_int_equal(ns_file(ns_root, name), 0);
		if (i % 5 == 4 && (i - 2) % 7 != 6) {
			(void)snprintf(name, sizeof name, "%s-%u",
			               (i - 2) % 3 ? "short" : "a-name-that-needs-more-units-than-one", i - 2);
			assert_int_equal(ns_unlink(ns_root, name), 0);
		}
		if (i % 7 == 6) { /* within the large directory: removal and addition in one step */
			char to[64];
			(void)snprintf(name, sizeof name, "%s-%u",
			               i % 3 ? "short" : "a-name-that-needs-more-units-than-one", i);
			(void)snprintf(to, sizeof to, "renamed-%u", i);
			int status = ns_move(ns_root, name, ns_root, to);
			assert_int_equal(status, 0);
		}
	}
	check_tree(ns_ram);
	struct ram *again = ram_new(7, 5);
	assert_int_equal(ram_replay(again, ns_ram), 0);
	assert_true(ram_equal(ns_ram, again));
	ram_free(again);
}

/* ---- damaged records ---- */

static void records_with_wrong_bytes_never_ruin_the_volume(void **state)
{
	unsigned n_refused = 0, n_tried = 0;
	(void)state;
	for (unsigned i = 0; i < 300; i++)
		random_op();
	struct ram *from = ns_ram;
	for (unsigned round = 0; round < 400; round++) {
		struct ram *to = ram_new(round + 1, 10);
		size_t victim = ram_random(to, (uint32_t)from->n_records);
		for (size_t i = 0; i < victim; i++)
			assert_int_equal(
			    ram_apply(to, from->records[i].type, from->records[i].body, from->records[i].body_len), 0);
		const struct ram_record *r = &from->records[victim];
		for (unsigned k = 0; k < 20; k++) {
			size_t len = ram_random(to, 4) == 0 ? ram_random(to, (uint32_t)r->body_len + 1U) : r->body_len;
			/* exact, so that reading past the end is seen */
			uint8_t *bytes = malloc(MAX_OF(len, (size_t)1));
			memcpy(bytes, r->body, len);
			if (len > 0 && (len == r->body_len || ram_random(to, 2) == 0))
				bytes[ram_random(to, (uint32_t)len)] ^= (uint8_t)(1U << ram_random(to, 8));
			enum nvlog_type type = ram_random(to, 8) == 0 ? (enum nvlog_type)(1U + ram_random(to, 5))
			                                              : r->type;
			int err = ram_apply(to, type, bytes, len);
			assert_true(err == 0 || err == -EUCLEAN);
			n_refused += err != 0;
			n_tried++;
			free(bytes);
			if (err == 0)
				break;
		}
		ram_free(to);
	}
	assert_true(n_refused * 3 > n_tried);
}

static void records_of_every_wrong_length_are_refused(void **state)
{
	(void)state;
	assert_int_equal(ns_file(ns_root, "file"), 0);
	assert_int_equal(ns_create_mode(FS_SYMLINK, ns_root, "link", 0777), 0);
	assert_int_equal(ns_look(ns_root, "file"), 0);
	struct fs_file_id file = ns_msg.out.attr.id;
	assert_int_equal(ns_hardlink(file, ns_root, "second"), 0);
	assert_int_equal(ns_set(file, &(struct fs_setattr){ .set_mode = true, .mode = 0600 }), 0);
	assert_int_equal(ns_move(ns_root, "second", ns_root, "third"), 0);
	assert_int_equal(ns_unlink(ns_root, "third"), 0);
	struct ram *to = ram_new(3, 0);
	for (size_t i = 0; i < ns_ram->n_records; i++) {
		const struct ram_record *r = &ns_ram->records[i];
		for (size_t len = 0; len <= r->body_len + 8U; len++) {
			uint8_t *bytes = calloc(1, MAX_OF(len, (size_t)1));
			if (len == r->body_len) {
				free(bytes);
				continue;
			}
			memcpy(bytes, r->body, MIN_OF(len, r->body_len));
			assert_int_equal(ram_apply(to, r->type, bytes, len), -EUCLEAN);
			free(bytes);
		}
		assert_int_equal(ram_apply(to, r->type, r->body, r->body_len), 0);
	}
	assert_true(ram_equal(ns_ram, to));
	ram_free(to);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, ns_setup, ns_teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(log_replayed_gives_the_same_volume),
		TEST(log_of_a_large_directory_replays_to_the_same_slots),
		TEST(records_with_wrong_bytes_never_ruin_the_volume),
		TEST(records_of_every_wrong_length_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
