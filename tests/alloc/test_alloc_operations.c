/* SPDX-License-Identifier: Apache-2.0 */
/* Every operation of fs/message.h, each a workload of its own, while allocations fail: it is refused with -ENOMEM and
 * has done nothing, or it is done in full. Which of both is known from what comes next: the same operation with all the
 * memory there is. */
#include "tests/fs/checkbox.h"

#include "base/list.h"
#include "tests/alloc/allocwork.h"
#include "tests/support/memdisk.h"

#define N_DISKS 3U
#define DISK_BYTES (20ULL << 20)
#define IO_PAGES 5U

struct operation {
	const char *name;
	enum fs_op op;
	const char *of; /* the object, or the directory of in.name; NULL: none */
	const char *text; /* in.name, in.path: what the operation takes; NULL: none */
	const char *more; /* in.to_name, in.blob, in.vdisk.backing_path: the same */
	void (*fill)(struct fs_message *msg); /* the rest; NULL: there is none */
	int again; /* what it answers when it was done before; 0: it can be done again */
};

static struct fsbox box;
static bool was_done;
static struct page *io_pages[IO_PAGES];
static struct fs_extent extents[8];

/* ---- what single operations take --------------------------------------------------------------------------------- */

static void fill_mode(struct fs_message *msg)
{
	msg->in.setattr = (struct fs_setattr){ .set_mode = true, .mode = 0640 };
}

static void fill_truncate(struct fs_message *msg)
{
	msg->in.setattr = (struct fs_setattr){ .set_size = true, .size_bytes = 20000 };
}

static void fill_access(struct fs_message *msg)
{
	msg->in.access = FS_ACCESS_READ | FS_ACCESS_MODIFY;
}

static void fill_read(struct fs_message *msg)
{
	memset(io_pages, 0, sizeof io_pages);
	msg->in.io = (struct fs_io){
		.offset_bytes = 4096, .len_bytes = 16384, .n_pages_max = IO_PAGES, .pages = io_pages
	};
}

static void fill_write(struct fs_message *msg)
{
	for (unsigned i = 0; i < 4U; i++) {
		io_pages[i] = page_alloc();
		assert_non_null(io_pages[i]);
		memset(io_pages[i]->data, 'w', PAGE_SIZE);
	}
	msg->in.io = (struct fs_io){ .offset_bytes = 8192, .len_bytes = 16384, .n_pages = 4, .pages = io_pages };
	msg->in.stable = FS_FILE_SYNC;
}

static void fill_write_unstable(struct fs_message *msg)
{
	fill_write(msg);
	msg->in.stable = FS_UNSTABLE;
}

static void fill_write_part(struct fs_message *msg)
{
	fill_write(msg);
	msg->in.io.offset_bytes += 100;
	msg->in.io.len_bytes -= 300;
}

static void fill_extents(struct fs_message *msg)
{
	msg->in.extents.len_bytes = 400 * MIB;
	msg->in.extents.found = extents;
	msg->in.extents.n_max = ARRAY_SIZE(extents);
}

static void fill_zero(struct fs_message *msg)
{
	msg->in.zero.offset_bytes = 5000;
	msg->in.zero.len_bytes = 40000;
	msg->in.zero.stable = true;
}

static void fill_guarded(struct fs_message *msg)
{
	fill_mode(msg);
	msg->in.create.mode = FS_CREATE_GUARDED;
}

static void fill_exclusive(struct fs_message *msg)
{
	msg->in.create.mode = FS_CREATE_EXCLUSIVE;
	msg->in.create.verifier = 0x1234567890ULL;
}

static void fill_fifo(struct fs_message *msg)
{
	fill_mode(msg);
	msg->in.create.type = FS_TYPE_FIFO;
}

static void fill_link(struct fs_message *msg)
{
	msg->in.to_dir = box_root;
}

static void fill_readdir(struct fs_message *msg)
{
	msg->in.readdir.max_entries = 500;
	msg->in.readdir.max_bytes = 65536;
	msg->in.readdir.want_attr = true;
}

static void fill_look(struct fs_message *msg)
{
	msg->in.restore.look = true;
}

static void fill_autodelete(struct fs_message *msg)
{
	static const struct fs_autodelete policy = { .enabled = true, .trigger_percent = 2, .target_percent = 3 };

	msg->in.autodelete = &policy;
}

static void fill_vdisk(struct fs_message *msg)
{
	msg->in.vdisk.size_bytes = msg->in.vdisk.backing_path == NULL ? 4 * MIB : 0;
}

static void fill_vdisk_size(struct fs_message *msg)
{
	msg->in.vdisk.size_bytes = 12 * MIB;
}

static void fill_vdisk_set(struct fs_message *msg)
{
	msg->in.vdisk.set = FS_VDISK_SET_COMMENT | FS_VDISK_SET_MAPS;
	msg->in.vdisk.comment = "what it is for";
	msg->in.vdisk.maps = "{\"maps\":[]}";
}

static void fill_force(struct fs_message *msg)
{
	msg->in.vdisk.force = true;
}

static void fill_clone(struct fs_message *msg)
{
	msg->in.clone.rate_bytes_s = 4096;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

static const struct operation operations[] = {
	{ "GETATTR", FS_GETATTR, "/file", NULL, NULL, NULL, 0 },
	{ "SETATTR of the mode", FS_SETATTR, "/file", NULL, NULL, fill_mode, 0 },
	{ "SETATTR of the size", FS_SETATTR, "/file", NULL, NULL, fill_truncate, 0 },
	{ "LOOKUP", FS_LOOKUP, "/many", "a name that is long enough to fill the directory's blocks 000300", NULL, NULL,
	  0 },
	{ "ACCESS", FS_ACCESS, "/dir/sub", NULL, NULL, fill_access, 0 },
	{ "READLINK", FS_READLINK, "/symlink", NULL, NULL, NULL, 0 },
	{ "READ", FS_READ, "/file", NULL, NULL, fill_read, 0 },
	{ "READ from a snapshot", FS_READ, "/.snapshot/s1/file", NULL, NULL, fill_read, 0 },
	{ "WRITE", FS_WRITE, "/file", NULL, NULL, fill_write, 0 },
	{ "WRITE, unstable", FS_WRITE, "/file", NULL, NULL, fill_write_unstable, 0 },
	{ "WRITE of parts of blocks", FS_WRITE, "/sparse", NULL, NULL, fill_write_part, 0 },
	{ "WRITE to a LUN", FS_WRITE, "/top", NULL, NULL, fill_write, 0 },
	{ "COMMIT", FS_COMMIT, "/file", NULL, NULL, NULL, 0 },
	{ "EXTENTS", FS_EXTENTS, "/sparse", NULL, NULL, fill_extents, 0 },
	{ "ZERO", FS_ZERO, "/file", NULL, NULL, fill_zero, 0 },
	{ "CREATE", FS_CREATE, "/dir", "new", NULL, fill_mode, 0 },
	{ "CREATE, guarded", FS_CREATE, "/dir", "new", NULL, fill_guarded, -EEXIST },
	{ "CREATE, exclusive", FS_CREATE, "/dir", "new", NULL, fill_exclusive, 0 },
	{ "MKDIR", FS_MKDIR, "/dir", "new", NULL, fill_mode, -EEXIST },
	{ "SYMLINK", FS_SYMLINK, "/dir", "new", "where/it/leads/to", fill_mode, -EEXIST },
	{ "MKNOD", FS_MKNOD, "/dir", "new", NULL, fill_fifo, -EEXIST },
	{ "REMOVE", FS_REMOVE, "/", "file2", NULL, NULL, -ENOENT },
	{ "RMDIR", FS_RMDIR, "/dir/sub", "leaf", NULL, NULL, -ENOENT },
	{ "RENAME", FS_RENAME, "/", "small", "moved", fill_link, -ENOENT },
	{ "RENAME over another", FS_RENAME, "/", "small", "empty", fill_link, -ENOENT },
	{ "LINK", FS_LINK, "/file", NULL, "another", fill_link, -EEXIST },
	{ "READDIR", FS_READDIR, "/many", NULL, NULL, fill_readdir, 0 },
	{ "FSSTAT", FS_FSSTAT, "/", NULL, NULL, NULL, 0 },
	{ "RESOLVE", FS_RESOLVE, NULL, "/.snapshot/s1/dir/sub/leaf", NULL, NULL, 0 },
	{ "PATH_OF", FS_PATH_OF, "/dir/sub/leaf", NULL, NULL, NULL, 0 },
	{ "SNAPSHOT_CREATE", FS_SNAPSHOT_CREATE, NULL, "new", NULL, NULL, -EEXIST },
	{ "SNAPSHOT_DELETE", FS_SNAPSHOT_DELETE, NULL, "s1", NULL, NULL, -ENOENT },
	{ "SNAPSHOT_RENAME", FS_SNAPSHOT_RENAME, NULL, "s1", "renamed", NULL, -ENOENT },
	{ "SNAPSHOT_LIST", FS_SNAPSHOT_LIST, NULL, NULL, NULL, NULL, 0 },
	{ "SNAPSHOT_SPACE", FS_SNAPSHOT_SPACE, NULL, NULL, NULL, NULL, 0 },
	{ "SNAPSHOT_RESTORE, to look", FS_SNAPSHOT_RESTORE, NULL, "s3", NULL, fill_look, 0 },
	{ "FILE_RESTORE", FS_FILE_RESTORE, NULL, "s1", "/file", NULL, 0 },
	{ "FILE_RESTORE_STATUS", FS_FILE_RESTORE_STATUS, NULL, "/file", NULL, NULL, -ENOENT },
	{ "AUTODELETE_SET", FS_AUTODELETE_SET, NULL, NULL, NULL, fill_autodelete, 0 },
	{ "VDISK_CREATE", FS_VDISK_CREATE, NULL, "/new", NULL, fill_vdisk, -EEXIST },
	{ "VDISK_CREATE, backed", FS_VDISK_CREATE, NULL, "/new", "/.snapshot/s3/lun", fill_vdisk, -EEXIST },
	{ "VDISK_DESTROY", FS_VDISK_DESTROY, NULL, "/top", NULL, fill_force, -ENOENT },
	{ "VDISK_RESIZE", FS_VDISK_RESIZE, NULL, "/lun", NULL, fill_vdisk_size, 0 },
	{ "VDISK_SET", FS_VDISK_SET, NULL, "/lun", NULL, fill_vdisk_set, 0 },
	{ "VDISK_GET", FS_VDISK_GET, NULL, "/top", NULL, NULL, 0 },
	{ "VDISK_RESTORE", FS_VDISK_RESTORE, NULL, "/lun", "s3", fill_force, -EBUSY },
	{ "VDISK_LIST", FS_VDISK_LIST, NULL, NULL, NULL, NULL, 0 },
	{ "CLONE_START", FS_CLONE_START, NULL, "/top", NULL, fill_clone, -EALREADY },
	{ "CLONE_STATUS", FS_CLONE_STATUS, NULL, "/top", NULL, NULL, 0 },
	{ "DOC_PUT", FS_DOC_PUT, NULL, "exports", "[]", NULL, 0 },
	{ "DOC_GET", FS_DOC_GET, NULL, "exports", NULL, NULL, 0 },
	{ "DOC_DELETE", FS_DOC_DELETE, NULL, "exports", NULL, NULL, -ENOENT },
	{ "DOC_LIST", FS_DOC_LIST, NULL, NULL, NULL, NULL, 0 },
	{ "VOLUME_STAT", FS_VOLUME_STAT, NULL, NULL, NULL, NULL, 0 },
	{ "RAID_STATUS", FS_RAID_STATUS, NULL, NULL, NULL, NULL, 0 },
	{ "SYNC", FS_SYNC, NULL, NULL, NULL, NULL, 0 },
	{ "CHECK", FS_CHECK, NULL, NULL, NULL, NULL, 0 },
};

/* Messages name what they are about in one of these ways. */
static void text_put(struct fs_message *msg, const struct operation *operation)
{
	const char *text = operation->text, *more = operation->more;

	if (text != NULL && text[0] == '/') {
		msg->in.path = text;
		msg->in.vdisk.backing_path = operation->op == FS_VDISK_CREATE ? more : NULL;
	} else if (text != NULL) {
		msg->in.name = text;
		msg->in.name_len = (uint32_t)strlen(text);
	}
	if (more == NULL)
		return;
	if (operation->op == FS_VDISK_RESTORE) {
		msg->in.name = more;
		msg->in.name_len = (uint32_t)strlen(more);
	} else if (operation->op == FS_FILE_RESTORE) {
		msg->in.path = more;
	} else if (operation->op == FS_SYMLINK || operation->op == FS_DOC_PUT) {
		msg->in.blob = more;
		msg->in.blob_len = strlen(more);
	} else if (operation->op != FS_VDISK_CREATE) {
		msg->in.to_name = more;
		msg->in.to_name_len = (uint32_t)strlen(more);
	}
}

static struct fs_file_id object; /* of the workload */
static const struct operation *at_work;

static int operation_send(const struct operation *operation)
{
	struct fs_message msg;
	int err;

	fs_message_init(&msg, operation->op, box.vol, NULL, NULL);
	msg.file = object;
	text_put(&msg, operation);
	if (operation->fill != NULL)
		operation->fill(&msg);
	err = box_send(&box, &msg);
	if (operation->op == FS_CHECK && err == 0)
		assert_int_equal(msg.out.check.n_errors, 0);
	fs_message_fini(&msg);
	for (unsigned i = 0; i < IO_PAGES; i++)
		if (io_pages[i] != NULL)
			page_put(io_pages[i]);
	memset(io_pages, 0, sizeof io_pages);
	return err;
}

/* What `operation` answers when nothing is in its way. */
static int expected(const struct operation *operation)
{
	if (operation->op == FS_FILE_RESTORE_STATUS)
		return -ENOENT; /* none runs */
	return was_done ? operation->again : 0;
}

static void work(bool whole)
{
	int err = operation_send(at_work);

	if (err != expected(at_work) && !(err == -ENOMEM && !whole))
		fail_msg("%s: %s%s%s", at_work->name, error_name(err), whole ? ", with memory" : "",
		         was_done ? ", done before" : "");
	was_done |= err == 0;
}

/* ---- the stage --------------------------------------------------------------------------------------------------- */

static void disk_copy(const char *from, const char *to, unsigned disk)
{
	char name[32], copy[32];

	(void)snprintf(name, sizeof name, "%s.%u", from, disk);
	(void)snprintf(copy, sizeof copy, "%s.%u", to, disk);
	assert_int_equal(memdisk_clone(name, copy), 0);
}

static struct world *begin(const struct alloc_workload *workload)
{
	at_work = &operations[workload->variant];
	was_done = false;
	for (unsigned i = 0; i < N_DISKS; i++) {
		disk_copy("image", "try", i);
		(void)snprintf(box.urls[i], sizeof box.urls[i], "mem:try.%u", i);
	}
	assert_int_equal(box_mount(&box), 0);
	object = (struct fs_file_id){ 0 };
	if (at_work->of != NULL)
		assert_int_equal(box_resolve(&box, at_work->of, &object), 0);
	return box.world;
}

static void end(void)
{
	assert_int_equal(box_check(&box), 0);
	assert_int_equal(box_unmount(&box), 0);
	cb_disks_drop(&box);
}

static int image_make(void **state)
{
	(void)state;
	box_open(&box, 11, N_DISKS, DISK_BYTES, 4096);
	cb_populate(&box);
	assert_int_equal(box_unmount(&box), 0);
	for (unsigned i = 0; i < N_DISKS; i++) {
		char image[32];

		(void)snprintf(image, sizeof image, "image.%u", i);
		assert_int_equal(memdisk_clone(box.urls[i] + strlen("mem:"), image), 0);
	}
	return 0;
}

static int image_drop(void **state)
{
	(void)state;
	box_close(&box);
	return 0;
}

int main(void)
{
	static struct alloc_workload workloads[ARRAY_SIZE(operations)];
	struct CMUnitTest tests[ARRAY_SIZE(operations)];

	for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
		workloads[i] = (struct alloc_workload){ operations[i].name, 0, 3, begin, work, end, (int)i };
		tests[i] = (struct CMUnitTest){ .name = operations[i].name,
			                        .test_func = alloc_workload_run,
			                        .initial_state = &workloads[i] };
	}
	cmocka_set_test_filter(getenv("ALLOC_ONLY")); /* NULL: all of them */
	return cmocka_run_group_tests_name("alloc/operations", tests, image_make, image_drop);
}
