/* SPDX-License-Identifier: Apache-2.0 */
/* A volume of unknown origin at work. */
#include "tests/fs/imageuse.h"

#include "base/list.h"

#define OBJECTS_MAX 700U /* looked at */
#define DEPTH_MAX 6U
#define ENTRIES 64U

static struct fsbox *box;
static unsigned n_objects;

/* ---- what may be in a block ---- */

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 2654435761U >> 24 | 1U);
}

/* Content of cb_populate's files at a shift, or the beginning of it and then zeros: a size is a size. */
static bool is_pattern(const uint8_t *bytes, unsigned len, uint64_t from)
{
	unsigned n = 0;

	while (n < len && bytes[n] == pattern(from + n))
		n++;
	while (n < len && bytes[n] == 0)
		n++;
	return n == len;
}

/* /file was written whole, and from blocks 3 and 7 on anew with a shift of five; /file2 was written once. */
static void content_expect(const char *name, uint32_t fbn, const uint8_t *bytes, unsigned len)
{
	uint64_t at = (uint64_t)fbn * 4096U;
	bool fine = is_pattern(bytes, len, at);

	for (unsigned from = 3; !fine && from <= 7 && fbn >= from; from += 4)
		fine = is_pattern(bytes, len, at - from * 4096U + 5U);
	if (!fine)
		fail_msg("%s: block %u has other content", name, fbn);
}

/* A block of a LUN is one word all over: what was written there, or zeros; of a backed one also what its backing store
 * has there. */
static void lun_expect(const char *path, uint32_t fbn, const uint8_t *bytes)
{
	const uint32_t may[] = { 0, fbn + 1U, fbn + 7U, 1000U + fbn };
	uint32_t words[1024];
	bool fine = false;

	memcpy(words, bytes, sizeof words);
	for (size_t i = 0; i < ARRAY_SIZE(may); i++)
		fine = fine || words[0] == may[i];
	for (size_t i = 1; i < ARRAY_SIZE(words); i++)
		fine = fine && words[i] == words[0];
	if (!fine)
		fail_msg("%s: block %u has other content, %#x", path, fbn, words[0]);
}

/* ---- looking ---- */

static void read_at(struct fs_file_id id, uint64_t offset)
{
	static uint8_t bytes[65536];

	(void)box_read(box, id, offset, bytes, sizeof bytes);
}

static void file_look(const char *name, struct fs_file_id id, uint64_t size)
{
	static uint8_t bytes[4096];

	read_at(id, 0);
	read_at(id, size / 2U / 4096U * 4096U);
	read_at(id, size < 65536U ? 0 : size - 65536U);
	if (strcmp(name, "file") != 0 && strcmp(name, "file2") != 0)
		return;
	for (uint32_t fbn = 0; fbn < 40; fbn++) {
		int n = box_read(box, id, (uint64_t)fbn * 4096U, bytes, 4096);

		if (n > 0)
			content_expect(name, fbn, bytes, (unsigned)n);
	}
}

static void link_look(struct fs_file_id id)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_READLINK, box->vol, NULL, NULL);
	msg.file = id;
	(void)box_send(box, &msg);
	fs_message_fini(&msg);
}

static void dir_look(struct fs_file_id dir, unsigned depth);

static void object_look(const struct fs_dirent *entry, struct fs_file_id dir, unsigned depth)
{
	char name[FS_NAME_MAX + 1U];
	struct fs_message msg;

	(void)snprintf(name, sizeof name, "%.*s", (int)entry->name_len, entry->name);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || n_objects++ > OBJECTS_MAX)
		return;
	fs_message_init(&msg, FS_LOOKUP, box->vol, NULL, NULL);
	msg.file = dir;
	msg.in.name = name;
	msg.in.name_len = (uint32_t)entry->name_len;
	if (box_send(box, &msg) == 0) {
		if (msg.out.attr.type == FS_TYPE_DIR)
			dir_look(msg.out.attr.id, depth + 1U);
		else if (msg.out.attr.type == FS_TYPE_SYMLINK)
			link_look(msg.out.attr.id);
		else
			file_look(name, msg.out.attr.id, msg.out.attr.size_bytes);
	}
	fs_message_fini(&msg);
}

static void dir_look(struct fs_file_id dir, unsigned depth)
{
	uint64_t cookie = 0;
	bool eof = false;

	for (unsigned n = 0; n < 12 && !eof && depth <= DEPTH_MAX; n++) {
		struct fs_message msg;

		fs_message_init(&msg, FS_READDIR, box->vol, NULL, NULL);
		msg.file = dir;
		msg.in.readdir.cookie = cookie;
		msg.in.readdir.max_entries = ENTRIES;
		msg.in.readdir.max_bytes = 65536;
		msg.in.readdir.want_attr = n % 2U == 0;
		eof = box_send(box, &msg) != 0 || msg.out.eof || msg.out.n == 0;
		for (unsigned i = 0; i < msg.out.n && msg.status == 0; i++) {
			cookie = msg.out.dirents[i].cookie;
			if (i % (depth == 0 ? 1U : 7U) == 0)
				object_look(&msg.out.dirents[i], dir, depth);
		}
		fs_message_fini(&msg);
	}
}

static int ask(enum fs_op op, const char *path)
{
	struct fs_message msg;
	int err;

	fs_message_init(&msg, op, box->vol, NULL, NULL);
	msg.in.path = path;
	msg.in.name = "exports";
	msg.in.name_len = 7;
	err = box_send(box, &msg);
	fs_message_fini(&msg);
	return err;
}

static void luns_look(bool as_made)
{
	static const char *const paths[] = { "/.snapshot/s3/lun", "/lun", "/top", "/cloning" };
	static uint8_t bytes[4096];
	struct fs_file_id id;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		(void)ask(FS_VDISK_GET, paths[i]);
		(void)ask(FS_CLONE_STATUS, paths[i]);
		for (uint32_t fbn = 0; fbn < 110 && box_resolve(box, paths[i], &id) == 0; fbn++)
			if (box_read(box, id, (uint64_t)fbn * 4096U, bytes, sizeof bytes) == (int)sizeof bytes &&
			    (as_made || i == 0))
				lun_expect(paths[i], fbn, bytes);
	}
}

static void all_look(bool as_made)
{
	struct fs_file_id id;

	n_objects = 0;
	dir_look(box_root, 0);
	if (box_resolve(box, "/.snapshot", &id) == 0)
		dir_look(id, 3);
	luns_look(as_made);
	(void)ask(FS_VDISK_LIST, NULL);
	(void)ask(FS_SNAPSHOT_LIST, NULL);
	(void)ask(FS_DOC_LIST, NULL);
	(void)ask(FS_DOC_GET, NULL);
	(void)ask(FS_VOLUME_STAT, NULL);
}

/* ---- writing a little ---- */

static uint8_t fresh[65536];

/* What is answered is there. */
static void new_file_expect(struct fs_file_id id, uint64_t size)
{
	static uint8_t bytes[65536];
	int n = box_read(box, id, 0, bytes, sizeof bytes);

	if (n >= 0 && ((uint64_t)n != size || memcmp(bytes, fresh, size) != 0))
		fail_msg("a new file has other content: %d of %llu bytes", n, (unsigned long long)size);
}

static void document_put(void)
{
	struct fs_message msg;

	fs_message_init(&msg, FS_DOC_PUT, box->vol, NULL, NULL);
	msg.in.name = "igroups";
	msg.in.name_len = 7;
	msg.in.blob = fresh;
	msg.in.blob_len = 5000;
	(void)box_send(box, &msg);
	fs_message_fini(&msg);
}

static void rewrite(const char *path)
{
	struct fs_file_id id;

	if (box_resolve(box, path, &id) != 0)
		return;
	(void)box_write(box, id, 9000, fresh, 3000, FS_FILE_SYNC);
	(void)box_write(box, id, 5U * 4096U, fresh, 40000, FS_UNSTABLE);
	(void)box_zero(box, id, 70U * 4096U, 8192);
}

/* True: the new file and its size are durable. */
static bool all_write(struct fs_file_id *ret_id)
{
	struct fs_file_id id;
	bool there = box_create(box, box_root, "new", ret_id) == 0 &&
	             box_write(box, *ret_id, 0, fresh, sizeof fresh, FS_FILE_SYNC) == 0;

	rewrite("/lun");
	rewrite("/top");
	(void)box_remove(box, box_root, "file2");
	(void)box_remove(box, box_root, "sparse");
	if (box_resolve(box, "/small", &id) == 0)
		(void)box_truncate(box, id, 5000);
	if (box_resolve(box, "/many", &id) == 0)
		for (unsigned i = 0; i < 5; i++) {
			char name[16];

			(void)snprintf(name, sizeof name, "more%u", i);
			(void)box_create(box, id, name, NULL);
		}
	document_put();
	(void)vd_create(box, "/fresh", 1U << 20, NULL, false);
	(void)vd_snapshot(box, FS_SNAPSHOT_CREATE, "fresh");
	(void)vd_snapshot(box, FS_SNAPSHOT_DELETE, "s1");
	(void)ask(FS_CLONE_START, "/top");
	(void)vd_destroy(box, "/lun", true);
	if (there)
		new_file_expect(*ret_id, sizeof fresh);
	return box_sync(box) == 0 && there;
}

static void check(void)
{
	struct fs_message msg;

	(void)cb_check(box, &msg);
	fs_message_fini(&msg);
}

static void check_offline(bool repair)
{
	const struct fs_check_offline_options options = { .cache_pages = box->cache_pages, .repair = repair };
	struct fs_check_offline offline;

	if (cb_check_offline_with(box, &options, &offline) == 0)
		fs_check_result_fini(&offline.result);
}

void image_use(struct fsbox *used, uint64_t seed)
{
	struct fs_file_id id;
	bool there;

	box = used;
	for (size_t i = 0; i < sizeof fresh; i++)
		fresh[i] = (uint8_t)(i * 40503U >> 7 ^ i);
	if (seed % 4U == 0)
		check_offline(seed % 8U == 0);
	if (box_mount(box) != 0)
		return;
	all_look(true);
	if (seed % 3U == 0)
		check();
	there = all_write(&id);
	box_run(box, 3000000000);
	if (seed % 3U == 1U)
		check();
	all_look(false);
	(void)box_unmount(box);
	if (box_mount(box) != 0)
		return;
	if (there)
		new_file_expect(id, sizeof fresh);
	(void)box_unmount(box);
}
