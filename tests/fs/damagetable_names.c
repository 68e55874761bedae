/* SPDX-License-Identifier: Apache-2.0 */
/* The tables: directories, streams, the VTOC and the attributes of vdisks. */
#include "base/crc32c.h"
#include "fs/names/dir_private.h"
#include "fs/format/streamformat.h"
#include "fs/format/vdiskformat.h"
#include "fs/format/vtocformat.h"
#include "tests/fs/damagetable.h"

#define R(n) (1U << (n))
#define AT(type, field) #field, offsetof(type, field), sizeof(((type *)0)->field)
#define TABLE(name, type, targets, fields, seal)                                                                       \
	{                                                                                                              \
		name, sizeof(type), targets, ARRAY_SIZE(targets), fields, ARRAY_SIZE(fields), seal, DAMAGE_SMALL       \
	}

/* ---- slot blocks ---- */

#define FIND(name, ...)                                                                                                \
	static struct damage_place find_##name(struct cb_raw *raw)                                                     \
	{                                                                                                              \
		(void)raw;                                                                                             \
		return (struct damage_place){ __VA_ARGS__ };                                                           \
	}
FIND(root_head, INO_ROOT, 0, 0, 0)
FIND(dir_head, cb_ino.dir, 0, 0, 0)
FIND(leaf_head, cb_ino.leaf, 0, 0, 0)
FIND(many_head, cb_ino.many, 3, 0, 0)
FIND(docs_head, INO_DOCS, 0, 0, 0)
static const struct damage_target head_targets[] = { { "of the root", find_root_head },
	                                             { "of a directory", find_dir_head },
	                                             { "of an empty directory", find_leaf_head },
	                                             { "of block 3", find_many_head },
	                                             { "of the documents", find_docs_head } };
static const struct damage_field head_fields[] = {
	{ AT(struct dir_block_head, magic), DAMAGE_ALL, DAMAGE_ZERO | DAMAGE_LOW | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_block_head, owner), DAMAGE_ALL, DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_block_head, starts[0]), DAMAGE_ALL, DAMAGE_LOW | DAMAGE_ONES, R(6), 0, NULL },
	{ AT(struct dir_block_head, starts[1]), DAMAGE_ALL, DAMAGE_ONES | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_block_head, parent), DAMAGE_ALL, DAMAGE_MORE | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_block_head, n_used), DAMAGE_ALL, DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ONES, R(6), 0, NULL },
	{ AT(struct dir_block_head, n_entries), DAMAGE_ALL, DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ONES, R(6), 0, NULL },
	{ AT(struct dir_block_head, reserved), DAMAGE_ALL, DAMAGE_ONE | DAMAGE_HIGH, R(6), 0, NULL },
};
const struct damage_structure damage_dir_head = TABLE("slot block", struct dir_block_head, head_targets, head_fields,
                                                      NULL);

static struct damage_place entry_place(struct cb_raw *raw, uint32_t dir, uint32_t fbn, const char *name)
{
	uint8_t bytes[4096];
	const struct dir_block_head *head = (const struct dir_block_head *)bytes;

	cb_block_get(raw, dir, 0, fbn, bytes);
	for (unsigned unit = 1; unit < DIR_UNITS; unit++) {
		const struct dir_entry_disk *entry = (const struct dir_entry_disk *)(bytes + unit * DIR_UNIT);

		if ((le64_get(head->starts[unit / 64U]) & 1ULL << unit % 64U) != 0 &&
		    (name == NULL ||
		     (entry->name_len == strlen(name) && memcmp(entry + 1, name, entry->name_len) == 0)))
			return (struct damage_place){ dir, fbn, 0, unit * DIR_UNIT };
	}
	fail_msg("no entry %s", name);
	return (struct damage_place){ 0, 0, 0, 0 };
}
#define FIND_ENTRY(which, dir, fbn, name)                                                                              \
	static struct damage_place find_entry_##which(struct cb_raw *raw)                                              \
	{                                                                                                              \
		return entry_place(raw, dir, fbn, name);                                                               \
	}
FIND_ENTRY(empty, INO_ROOT, 0, "empty")
FIND_ENTRY(hard, INO_ROOT, 0, "hard")
FIND_ENTRY(dir, INO_ROOT, 0, "dir")
FIND_ENTRY(lun, INO_ROOT, 0, "lun")
FIND_ENTRY(symlink, INO_ROOT, 0, "symlink")
FIND_ENTRY(many, cb_ino.many, 3, NULL)
FIND_ENTRY(docs, INO_DOCS, 0, "exports")
static const struct damage_target entry_targets[] = {
	{ "of a file", find_entry_empty },    { "of a second name", find_entry_hard },
	{ "of a directory", find_entry_dir }, { "of a vdisk", find_entry_lun },
	{ "of a link", find_entry_symlink },  { "with an index", find_entry_many },
	{ "of a document", find_entry_docs }
};
static const struct damage_field entry_fields[] = {
	{ AT(struct dir_entry_disk, inode), DAMAGE_ALL, DAMAGE_ZERO | DAMAGE_ONE | DAMAGE_MORE | DAMAGE_HIGH, R(6), 0,
	  NULL },
	{ AT(struct dir_entry_disk, type), DAMAGE_ALL, DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_entry_disk, name_len), DAMAGE_ALL, DAMAGE_ZERO | DAMAGE_ONES, R(6), 0, NULL },
	{ AT(struct dir_entry_disk, reserved), DAMAGE_ALL, DAMAGE_ONE | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_entry_disk, generation), DAMAGE_ALL, DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_HIGH, R(6), 0, NULL },
	{ "a slash in its name", sizeof(struct dir_entry_disk), 1, DAMAGE_ALL, DAMAGE_ZERO, R(6), 0, NULL },
};
const struct damage_structure damage_dir_entry = TABLE("entry", struct dir_entry_disk, entry_targets, entry_fields,
                                                       NULL);

/* ---- index and free table ---- */

FIND(index, cb_ino.many, DIR_INDEX_FBN, 0, 0)
FIND(bucket0, cb_ino.many, DIR_INDEX_FBN + 1U, 0, 0)
FIND(bucket2, cb_ino.many, DIR_INDEX_FBN + 3U, 0, 0)
FIND(free, cb_ino.many, DIR_FREE_FBN, 0, 0)
static const struct damage_target index_targets[] = { { "head", find_index } };
static const struct damage_target bucket_targets[] = { { "0", find_bucket0 }, { "2", find_bucket2 } };
static const struct damage_target free_targets[] = { { "block 0", find_free } };

static const struct damage_field index_fields[] = {
	{ AT(struct dir_index_head, magic), 1, DAMAGE_ZERO | DAMAGE_LOW | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_index_head, owner), 1, DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_index_head, n_buckets), 1, DAMAGE_ZERO | DAMAGE_ONES | DAMAGE_MORE | DAMAGE_LESS, R(6), 0,
	  NULL },
	{ AT(struct dir_index_head, n_entries), 1, DAMAGE_ZERO | DAMAGE_ONES | DAMAGE_MORE | DAMAGE_LESS, R(6), 0,
	  NULL },
	{ AT(struct dir_index_head, indexed_end), 1, DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_index_head, free_hint), 1, DAMAGE_ONES | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_index_head, reuse), 1, DAMAGE_ONES | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_index_head, reserved), 1, DAMAGE_ONE | DAMAGE_HIGH, R(6), 0, NULL },
};
const struct damage_structure damage_dir_index = TABLE("index", struct dir_index_head, index_targets, index_fields,
                                                       NULL);

static const struct damage_field bucket_fields[] = {
	{ AT(struct dir_bucket, magic), 3, DAMAGE_ZERO | DAMAGE_LOW | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_bucket, owner), 3, DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_bucket, bucket), 3, DAMAGE_MORE | DAMAGE_HIGH | DAMAGE_ONES, R(6), 0, NULL },
	{ AT(struct dir_bucket, n), 3, DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ONES, R(6), 0, NULL },
	{ AT(struct dir_bucket, flags), 3, DAMAGE_HIGH | DAMAGE_ONES, R(6), 0, NULL },
	{ AT(struct dir_bucket, pairs[0].hash), 3, DAMAGE_LOW | DAMAGE_HIGH | DAMAGE_ZERO, R(6), 0, NULL },
	{ AT(struct dir_bucket, pairs[0].slot), 3, DAMAGE_LOW | DAMAGE_HIGH | DAMAGE_ZERO | DAMAGE_ONES, R(6), 0,
	  NULL },
	{ AT(struct dir_bucket, pairs[5].slot), 3, DAMAGE_LOW | DAMAGE_HIGH | DAMAGE_ZERO | DAMAGE_ONES, R(6), 0,
	  NULL },
};
const struct damage_structure damage_dir_bucket = TABLE("bucket", struct dir_bucket, bucket_targets, bucket_fields,
                                                        NULL);

static const struct damage_field free_fields[] = {
	{ AT(struct dir_free, magic), 1, DAMAGE_ZERO | DAMAGE_LOW | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_free, owner), 1, DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_free, reserved), 1, DAMAGE_ONE | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct dir_free, run[0]), 1, DAMAGE_MORE | DAMAGE_LESS | DAMAGE_HIGH | DAMAGE_ONES, R(6), 0, NULL },
	{ AT(struct dir_free, run[3]), 1, DAMAGE_MORE | DAMAGE_LESS | DAMAGE_HIGH | DAMAGE_ONES, R(6), 0, NULL },
};
const struct damage_structure damage_dir_free = TABLE("free table", struct dir_free, free_targets, free_fields, NULL);

/* ---- streams ---- */

static struct damage_place stream_place(struct cb_raw *raw, uint32_t lun)
{
	struct inode_disk disk;

	cb_inode_get(raw, lun, &disk);
	return (struct damage_place){ le32_get(disk.xinode), 0, 0, 0 };
}
static struct damage_place find_stream_lun(struct cb_raw *raw)
{
	return stream_place(raw, cb_ino.lun);
}
static struct damage_place find_stream_top(struct cb_raw *raw)
{
	return stream_place(raw, cb_ino.top);
}
static const struct damage_target stream_targets[] = { { "of a vdisk", find_stream_lun },
	                                               { "of a backed vdisk", find_stream_top } };

static void stream_seal(uint8_t *block, uint8_t *record)
{
	struct stream_disk *disk = (struct stream_disk *)(void *)record;

	(void)block;
	disk->crc = le32_of(0);
	disk->crc = le32_of(crc32c(disk, sizeof *disk));
}
static const struct damage_field stream_fields[] = {
	{ AT(struct stream_disk, magic), 3, DAMAGE_ZERO | DAMAGE_LOW | DAMAGE_HIGH, R(8), R(6), NULL },
	{ AT(struct stream_disk, inode), 3, DAMAGE_ZERO | DAMAGE_ONE | DAMAGE_MORE | DAMAGE_HIGH, R(6) | R(8), 0,
	  NULL },
	{ AT(struct stream_disk, generation), 3, DAMAGE_ZERO | DAMAGE_LOW | DAMAGE_HIGH, R(6) | R(8), 0, NULL },
	{ AT(struct stream_disk, reserved[0]), 3, DAMAGE_ONE, R(6), 0, NULL },
	{ AT(struct stream_disk, name_len), 3, DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ONES, R(8), R(6),
	  NULL },
	{ AT(struct stream_disk, name[0]), 3, DAMAGE_ZERO | DAMAGE_LOW, R(8), R(6), NULL },
};
const struct damage_structure damage_stream = TABLE("stream entry", struct stream_disk, stream_targets, stream_fields,
                                                    stream_seal);

/* ---- VTOC ---- */

static struct damage_place vtoc_place(struct cb_raw *raw, uint32_t lun)
{
	uint8_t bytes[4096];

	cb_block_get(raw, INO_VTOC, 0, 0, bytes);
	for (unsigned slot = 1; slot < 8; slot++)
		if (le32_get(((const struct vtoc_disk *)(const void *)bytes + slot)->inode) == lun)
			return (struct damage_place){ INO_VTOC, 0, 0, slot * (unsigned)sizeof(struct vtoc_disk) };
	fail_msg("no VTOC record of %u", lun);
	return (struct damage_place){ 0, 0, 0, 0 };
}
static struct damage_place find_vtoc_lun(struct cb_raw *raw)
{
	return vtoc_place(raw, cb_ino.lun);
}
static struct damage_place find_vtoc_top(struct cb_raw *raw)
{
	return vtoc_place(raw, cb_ino.top);
}
FIND(vtoc_head, INO_VTOC, 0, 0, 0)
static const struct damage_target vtoc_targets[] = { { "of a vdisk", find_vtoc_lun },
	                                             { "of a backed vdisk", find_vtoc_top } };
static const struct damage_target vtoc_head_targets[] = { { "head", find_vtoc_head } };

static void vtoc_seal(uint8_t *block, uint8_t *record)
{
	struct vtoc_disk *disk = (struct vtoc_disk *)(void *)record;

	(void)block;
	disk->crc = le32_of(0);
	disk->crc = le32_of(crc32c(disk, sizeof *disk));
}
static const struct damage_field vtoc_fields[] = {
	{ AT(struct vtoc_disk, magic), 3, DAMAGE_ZERO | DAMAGE_LOW | DAMAGE_HIGH, R(8), 0, NULL },
	{ AT(struct vtoc_disk, inode), 3, DAMAGE_ZERO | DAMAGE_ONE | DAMAGE_MORE | DAMAGE_HIGH, R(8), 0, NULL },
	{ AT(struct vtoc_disk, parent), 3, 0, 0, 0, "a hint, as the path" },
	{ AT(struct vtoc_disk, generation), 3, DAMAGE_ZERO | DAMAGE_LOW | DAMAGE_HIGH, R(8), 0, NULL },
	{ AT(struct vtoc_disk, uuid[0]), 3, DAMAGE_LOW | DAMAGE_HIGH | DAMAGE_MORE, R(8), 0, NULL },
	{ AT(struct vtoc_disk, uuid[15]), 3, DAMAGE_LOW | DAMAGE_HIGH | DAMAGE_MORE, R(8), 0, NULL },
	{ AT(struct vtoc_disk, backing_snapshot), 3, DAMAGE_MORE | DAMAGE_HIGH, R(8), 0, NULL },
	{ AT(struct vtoc_disk, backing_inode), 3, DAMAGE_MORE | DAMAGE_HIGH, R(8), 0, NULL },
	{ AT(struct vtoc_disk, backing_generation), 3, DAMAGE_MORE | DAMAGE_HIGH, R(8), 0, NULL },
	{ AT(struct vtoc_disk, flags), 3, 0, 0, 0, "room for later versions, which is not looked at" },
	{ AT(struct vtoc_disk, reserved[0]), 3, 0, 0, 0, "room for later versions, which is not looked at" },
	{ AT(struct vtoc_disk, path[0]), 3, 0, 0, 0, "a hint: directories can be renamed" },
};
const struct damage_structure damage_vtoc_record = TABLE("VTOC record", struct vtoc_disk, vtoc_targets, vtoc_fields,
                                                         vtoc_seal);
static const struct damage_field vtoc_head_fields[] = {
	{ AT(struct vtoc_head_disk, magic), 1, DAMAGE_ZERO | DAMAGE_LOW | DAMAGE_HIGH, R(8), 0, NULL },
	{ AT(struct vtoc_head_disk, n_records), 1, DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ONES, R(8), 0,
	  NULL },
	{ AT(struct vtoc_head_disk, reserved[0]), 1, 0, 0, 0, "room for later versions, which is not looked at" },
};
const struct damage_structure damage_vtoc_head = TABLE("VTOC", struct vtoc_head_disk, vtoc_head_targets,
                                                       vtoc_head_fields, vtoc_seal);

/* ---- attributes ---- */

static struct damage_place find_attr_lun(struct cb_raw *raw)
{
	return (struct damage_place){ cb_attributes_of(raw, cb_ino.lun), 0, 0, 0 };
}
static struct damage_place find_attr_top(struct cb_raw *raw)
{
	return (struct damage_place){ cb_attributes_of(raw, cb_ino.top), 0, 0, 0 };
}
static const struct damage_target attr_targets[] = { { "of a vdisk", find_attr_lun },
	                                             { "of a backed vdisk", find_attr_top } };

/* One CRC covers all of them. */
void damage_attributes_seal(uint8_t *block, uint8_t *record)
{
	struct vdiskattr_head_disk *head = (struct vdiskattr_head_disk *)(void *)block;

	(void)record;
	head->crc = le32_of(0);
	head->crc = le32_of(crc32c(block, MIN_OF(le32_get(head->length), 4096U)));
}
/* The encoder writes them in this order: uuid, serial, state (fs/vdisk/vdiskattr.c). */
#define ITEM1 sizeof(struct vdiskattr_head_disk)
#define ITEM2 (ITEM1 + sizeof(struct vdiskattr_item_disk) + 16U)
/* R(6): the streams of a vdisk that cannot be loaded are nobody's. */
static const struct damage_field attr_fields[] = {
	{ AT(struct vdiskattr_head_disk, magic), 3, DAMAGE_ZERO | DAMAGE_LOW | DAMAGE_HIGH, R(8), R(6), NULL },
	{ AT(struct vdiskattr_head_disk, version), 3, DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_HIGH, R(8), R(6), NULL },
	{ AT(struct vdiskattr_head_disk, reserved), 3, 0, 0, 0, "room for later versions, which is not looked at" },
	{ AT(struct vdiskattr_head_disk, length), 3, DAMAGE_ZERO | DAMAGE_LESS | DAMAGE_HIGH | DAMAGE_ONES, R(8), R(6),
	  NULL },
	{ AT(struct vdiskattr_head_disk, state_generation), 3, 0, 0, 0, "rises with every change: any number" },
	{ "the type of the first", ITEM1, 2, 3, DAMAGE_ZERO | DAMAGE_HIGH, R(8), R(6), NULL },
	{ "the length of the first", ITEM1 + 4U, 4, 3, DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ONES, R(8),
	  R(6), NULL },
	{ "its bytes", ITEM1 + 8U, 1, 3, DAMAGE_LOW | DAMAGE_HIGH, R(8), R(6), NULL },
	{ "the length of the second", ITEM2 + 4U, 4, 3, DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ONES, R(8),
	  R(6), NULL },
};
const struct damage_structure damage_attributes = TABLE("attributes", struct vdiskattr_head_disk, attr_targets,
                                                        attr_fields, damage_attributes_seal);

struct damage_place damage_attribute_of(struct cb_raw *raw, uint32_t lun, unsigned type)
{
	uint32_t ino = cb_attributes_of(raw, lun);
	uint8_t bytes[4096];
	unsigned at = sizeof(struct vdiskattr_head_disk);

	cb_block_get(raw, ino, 0, 0, bytes);
	while (at < le32_get(((const struct vdiskattr_head_disk *)(const void *)bytes)->length)) {
		const struct vdiskattr_item_disk *item = (const struct vdiskattr_item_disk *)(const void *)(bytes + at);

		at += (unsigned)sizeof(*item);
		if (le16_get(item->type) == type)
			return (struct damage_place){ ino, 0, 0, at };
		at += le32_get(item->length);
	}
	fail_msg("no attribute of type %u", type);
	return (struct damage_place){ 0, 0, 0, 0 };
}
static struct damage_place find_state_lun(struct cb_raw *raw)
{
	return damage_attribute_of(raw, cb_ino.lun, VDISKATTR_STATE);
}
static struct damage_place find_state_top(struct cb_raw *raw)
{
	return damage_attribute_of(raw, cb_ino.top, VDISKATTR_STATE);
}
static struct damage_place find_backing(struct cb_raw *raw)
{
	return damage_attribute_of(raw, cb_ino.top, VDISKATTR_BACKING);
}
static const struct damage_target state_targets[] = { { "of a vdisk", find_state_lun },
	                                              { "of a backed vdisk", find_state_top } };
static const struct damage_target backing_targets[] = { { "of a backed vdisk", find_backing } };

static const struct damage_field state_fields[] = {
	{ AT(struct vdiskattr_state_disk, online), 3, DAMAGE_ONES | DAMAGE_HIGH, R(8), R(6), NULL },
	{ AT(struct vdiskattr_state_disk, online), 3, 0, 0, 0, "0 and 1 are both good" },
	{ AT(struct vdiskattr_state_disk, write_cache), 3, DAMAGE_ONES | DAMAGE_HIGH, R(8), R(6), NULL },
	{ AT(struct vdiskattr_state_disk, reserved_space), 3, DAMAGE_ONES | DAMAGE_HIGH, R(8), R(6), NULL },
	{ AT(struct vdiskattr_state_disk, reserved[0]), 3, 0, 0, 0, "room for later versions, which is not looked at" },
	{ AT(struct vdiskattr_state_disk, created_ns), 3, 0, 0, 0, "any time" },
};
const struct damage_structure damage_state = TABLE("state of a vdisk", struct vdiskattr_state_disk, state_targets,
                                                   state_fields, damage_attributes_seal);

static const struct damage_field backing_fields[] = {
	{ AT(struct vdiskattr_backing_disk, snapshot), 1, DAMAGE_ZERO | DAMAGE_ONE | DAMAGE_MORE | DAMAGE_HIGH, R(8),
	  R(6), NULL },
	{ AT(struct vdiskattr_backing_disk, inode), 1, DAMAGE_ZERO | DAMAGE_ONE | DAMAGE_MORE | DAMAGE_HIGH, R(8), R(6),
	  NULL },
	{ AT(struct vdiskattr_backing_disk, generation), 1, DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_LESS | DAMAGE_HIGH, R(8),
	  R(6), NULL },
	{ AT(struct vdiskattr_backing_disk, n_blocks), 1, DAMAGE_MORE | DAMAGE_HIGH | DAMAGE_ONES, R(8), R(6), NULL },
	{ AT(struct vdiskattr_backing_disk, reserved), 1, 0, 0, 0, "room for later versions, which is not looked at" },
};
const struct damage_structure damage_backing = TABLE("backing of a vdisk", struct vdiskattr_backing_disk,
                                                     backing_targets, backing_fields, damage_attributes_seal);
