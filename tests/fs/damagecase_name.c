/* SPDX-License-Identifier: Apache-2.0 */
/* Damage by hand: directories, streams, snapshots. */
#include "tests/fs/damagecase.h"

#include "fs/names/dir_private.h"

#define R(n) (1U << (n))

/* ---- directories ---- */

static void dir_block_edit(struct cb_raw *raw, uint32_t ino, uint32_t fbn, void (*edit)(uint8_t *bytes))
{
	uint8_t bytes[4096];

	cb_block_get(raw, ino, 0, fbn, bytes);
	edit(bytes);
	cb_block_put(raw, ino, 0, fbn, bytes);
}

/* The unit at which the entry of `name` begins. */
static unsigned unit_of(const uint8_t *bytes, const char *name)
{
	const struct dir_block_head *head = (const struct dir_block_head *)bytes;

	for (unsigned unit = 1; unit < DIR_UNITS; unit++) {
		const struct dir_entry_disk *entry = (const struct dir_entry_disk *)(bytes + unit * DIR_UNIT);

		if ((le64_get(head->starts[unit / 64U]) & 1ULL << unit % 64U) != 0 && entry->name_len == strlen(name) &&
		    memcmp(entry + 1, name, entry->name_len) == 0)
			return unit;
	}
	fail_msg("no entry %s", name);
	return 0;
}

static struct dir_entry_disk *entry_of(uint8_t *bytes, const char *name)
{
	return (struct dir_entry_disk *)(bytes + unit_of(bytes, name) * DIR_UNIT);
}

static void entry_remove(uint8_t *bytes)
{
	dir_block_clear(bytes, unit_of(bytes, "empty"));
}
static void entry_free_inode(uint8_t *bytes)
{
	entry_of(bytes, "empty")->inode = le32_of(30000);
}
static void entry_metafile(uint8_t *bytes)
{
	entry_of(bytes, "empty")->inode = le32_of(INO_SPACE_MAP);
}
static void entry_generation(uint8_t *bytes)
{
	entry_of(bytes, "empty")->generation = le64_of(1);
}
static void entry_type(uint8_t *bytes)
{
	entry_of(bytes, "empty")->type = FS_TYPE_SYMLINK;
}
static void entry_name_twice(uint8_t *bytes)
{
	memcpy(entry_of(bytes, "file2") + 1, "small", 5);
}
static void block_parent(uint8_t *bytes)
{
	((struct dir_block_head *)bytes)->parent = le32_of(cb_ino.leaf);
}
static void block_magic(uint8_t *bytes)
{
	((struct dir_block_head *)bytes)->magic = le32_of(7);
}
static void block_count(uint8_t *bytes)
{
	((struct dir_block_head *)bytes)->n_entries++;
}
static void block_owner(uint8_t *bytes)
{
	((struct dir_block_head *)bytes)->owner = le32_of(cb_ino.leaf);
}
static void index_buckets(uint8_t *bytes)
{
	((struct dir_index_head *)bytes)->n_entries = le32_of(3);
}
static void index_magic(uint8_t *bytes)
{
	((struct dir_index_head *)bytes)->magic = le32_of(3);
}
static void bucket_pair(uint8_t *bytes)
{
	((struct dir_bucket *)bytes)->pairs[0].slot = le32_of(le32_get(((struct dir_bucket *)bytes)->pairs[0].slot) ^
	                                                      1U);
}
static void free_run(uint8_t *bytes)
{
	((struct dir_free *)bytes)->run[1] = (uint8_t)(((struct dir_free *)bytes)->run[1] ^ 64U);
}

static void dir_entry_removed(struct cb_raw *raw)
{
	dir_block_edit(raw, INO_ROOT, 0, entry_remove);
}
static void dir_entry_free_inode(struct cb_raw *raw)
{
	dir_block_edit(raw, INO_ROOT, 0, entry_free_inode);
}
static void dir_entry_metafile(struct cb_raw *raw)
{
	dir_block_edit(raw, INO_ROOT, 0, entry_metafile);
}
static void dir_entry_generation(struct cb_raw *raw)
{
	dir_block_edit(raw, INO_ROOT, 0, entry_generation);
}
static void dir_entry_type(struct cb_raw *raw)
{
	dir_block_edit(raw, INO_ROOT, 0, entry_type);
}
/* The entry `name` of directory `dir` means what `other` of `of` does. */
static void entry_borrow(struct cb_raw *raw, uint32_t dir, const char *name, uint32_t of, const char *other)
{
	uint8_t bytes[4096], from[4096];
	struct dir_entry_disk *entry = NULL, *there = NULL;

	cb_block_get(raw, dir, 0, 0, bytes);
	cb_block_get(raw, of, 0, 0, from);
	entry = entry_of(bytes, name);
	there = entry_of(from, other);
	entry->inode = there->inode;
	entry->generation = there->generation;
	entry->type = there->type;
	cb_block_put(raw, dir, 0, 0, bytes);
}
static void docs_file(struct cb_raw *raw)
{
	entry_borrow(raw, INO_DOCS, "exports", INO_ROOT, "empty");
}
static void root_document(struct cb_raw *raw)
{
	entry_borrow(raw, INO_ROOT, "empty", INO_DOCS, "exports");
}
static void dir_name_twice(struct cb_raw *raw)
{
	dir_block_edit(raw, INO_ROOT, 0, entry_name_twice);
}
static void dir_parent_wrong(struct cb_raw *raw)
{
	dir_block_edit(raw, cb_ino.sub, 0, block_parent);
}
static void dir_magic(struct cb_raw *raw)
{
	dir_block_edit(raw, cb_ino.leaf, 0, block_magic);
}
static void dir_count(struct cb_raw *raw)
{
	dir_block_edit(raw, cb_ino.dir, 0, block_count);
}
static void dir_owner(struct cb_raw *raw)
{
	dir_block_edit(raw, cb_ino.dir, 0, block_owner);
}
static void dir_index_count(struct cb_raw *raw)
{
	dir_block_edit(raw, cb_ino.many, DIR_INDEX_FBN, index_buckets);
}
static void dir_index_head(struct cb_raw *raw)
{
	dir_block_edit(raw, cb_ino.many, DIR_INDEX_FBN, index_magic);
}
static void dir_bucket_pair(struct cb_raw *raw)
{
	dir_block_edit(raw, cb_ino.many, DIR_INDEX_FBN + 1U, bucket_pair);
}
static void dir_free_table(struct cb_raw *raw)
{
	dir_block_edit(raw, cb_ino.many, DIR_FREE_FBN, free_run);
}

static void nlink_add(struct cb_raw *raw, uint32_t ino, int n)
{
	struct inode_disk disk;

	cb_inode_get(raw, ino, &disk);
	disk.nlink = le16_of((uint16_t)(le16_get(disk.nlink) + n));
	cb_inode_put(raw, ino, &disk);
}

/* Take directory `name` out of directory `from`, or put it in. */
static void move_entry(struct cb_raw *raw, uint32_t from, const char *name, uint32_t to, const char *new_name,
                       bool keep)
{
	uint8_t source[4096], target[4096];
	struct dir_entry_disk entry;
	struct fs_file_id id;

	cb_block_get(raw, from, 0, 0, source);
	entry = *entry_of(source, name);
	id = (struct fs_file_id){ 0, le32_get(entry.inode), le64_get(entry.generation) };
	if (!keep) {
		dir_block_clear(source, unit_of(source, name));
		cb_block_put(raw, from, 0, 0, source);
	}
	cb_block_get(raw, to, 0, 0, target);
	dir_block_put(target, 100, new_name, strlen(new_name), &id, entry.type);
	cb_block_put(raw, to, 0, 0, target);
}

/* /dir goes into /dir/sub/leaf: a circle, out of the root's reach. */
static void dir_circle(struct cb_raw *raw)
{
	move_entry(raw, INO_ROOT, "dir", cb_ino.leaf, "dir", false);
	nlink_add(raw, INO_ROOT, -1);
	nlink_add(raw, cb_ino.leaf, 1);
}

static void dir_two_names(struct cb_raw *raw)
{
	move_entry(raw, cb_ino.dir, "sub", INO_ROOT, "sub2", true);
	nlink_add(raw, INO_ROOT, 1);
}

static void stream_dir_entry(struct cb_raw *raw)
{
	struct inode_disk disk;
	uint8_t bytes[4096];

	cb_inode_get(raw, cb_ino.lun, &disk);
	cb_block_get(raw, le32_get(disk.xinode), 0, 0, bytes);
	memset(bytes, 0, 64);
	cb_block_put(raw, le32_get(disk.xinode), 0, 0, bytes);
}

/* ---- snapshots ---- */

static void record_edit(struct cb_raw *raw, const char *name, void (*edit)(struct snapshot_disk *record))
{
	uint8_t bytes[4096];
	struct snapshot_disk *records = (struct snapshot_disk *)(void *)bytes;

	cb_block_get(raw, INO_SNAPSHOT_TABLE, 0, 0, bytes);
	for (unsigned i = 0; i < 16; i++) {
		if (strcmp(records[i].name, name) == 0) {
			edit(&records[i]);
			cb_block_put(raw, INO_SNAPSHOT_TABLE, 0, 0, bytes);
			return;
		}
	}
	fail();
}

static void set_record_flags(struct snapshot_disk *r)
{
	r->flags = le32_of(0x100);
}
static void set_record_generation(struct snapshot_disk *r)
{
	r->cp_generation = le64_of(1ULL << 50);
}
static void set_record_name(struct snapshot_disk *r)
{
	memcpy(r->name, "s2", 3);
}
static void set_record_inode(struct snapshot_disk *r)
{
	r->inode_file.type_height = 0x11;
}
static void record_flags(struct cb_raw *raw)
{
	record_edit(raw, "s1", set_record_flags);
}
static void record_generation(struct cb_raw *raw)
{
	record_edit(raw, "s1", set_record_generation);
}
static void record_name(struct cb_raw *raw)
{
	record_edit(raw, "s1", set_record_name);
}
static void record_inode(struct cb_raw *raw)
{
	record_edit(raw, "s1", set_record_inode);
}

static void record_not_zero(struct cb_raw *raw)
{
	uint8_t bytes[4096];

	cb_block_get(raw, INO_SNAPSHOT_TABLE, 0, 0, bytes);
	bytes[15 * sizeof(struct snapshot_disk) + 100] = 1;
	cb_block_put(raw, INO_SNAPSHOT_TABLE, 0, 0, bytes);
}

/* ---- the table ---- */

static const struct damage_case cases[] = {
	{ "directory: an entry lost", dir_entry_removed, R(6), 0, "an orphan", false },
	{ "directory: an entry of a free inode", dir_entry_free_inode, R(6), 0, "which is free", false },
	{ "directory: an entry of a metafile", dir_entry_metafile, R(6), 0, "not for naming", false },
	{ "directory: an entry of another generation", dir_entry_generation, R(6), 0, "of another generation", false },
	{ "directory: an entry of another type", dir_entry_type, R(6), 0, "says inode", false },
	{ "directory: a file among the documents", docs_file, R(6), 0, "has no place there", false },
	{ "directory: a document among the files", root_document, R(6), 0, "has no place there", false },
	{ "directory: a name twice", dir_name_twice, R(6), 0, "a name stands in two slots", false },
	{ "directory: parent", dir_parent_wrong, R(6), 0, "its parent is", false },
	{ "directory: magic", dir_magic, R(6), 0, "a slot block is damaged", false },
	{ "directory: count of entries", dir_count, R(6), 0, "a slot block is damaged", false },
	{ "directory: owner", dir_owner, R(6), 0, "a slot block is damaged", false },
	{ "directory: index head's count", dir_index_count, R(6), 0, "another number of entries", false },
	{ "directory: index head's magic", dir_index_head, R(6), 0, "head of the index", false },
	{ "directory: a pair of the index", dir_bucket_pair, R(6), 0, "not in the index exactly once", false },
	{ "directory: free table", dir_free_table, R(6), 0, "the free table is wrong", false },
	{ "directories in a circle", dir_circle, R(6), 0, "a circle of directories", false },
	{ "a directory with two names", dir_two_names, R(6), 0, "names, too", false },
	{ "stream directory: entry lost", stream_dir_entry, R(6) | R(8), 0, "an orphan", false },

	{ "snapshot: unknown flag", record_flags, R(7), 0, "flags", false },
	{ "snapshot: from the future", record_generation, R(7), 0, "made by consistency point", false },
	{ "snapshot: a name twice", record_name, R(7), 0, "has the same name", false },
	{ "snapshot: inode file's type", record_inode, R(7), 0, "is no metafile", false },
	{ "snapshot: a free record that is not zero", record_not_zero, R(7), 0, "free, and not all zero", false },
};
const struct damage_cases damage_cases_name = { cases, ARRAY_SIZE(cases) };
