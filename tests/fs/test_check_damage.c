/* SPDX-License-Identifier: Apache-2.0 */
/* The check finds damage: one hand-made corruption a rule and field, each found under the right rule, and nothing beside it reported.
 *
 * Each case works on a copy of one volume's disks. `must` are the rules that have to speak, `may` those that are allowed to because
 * the damage concerns them, too (a lost pointer leaves a block that nothing refers to). */
#include "tests/fs/checkbox.h"

#include "base/checksum.h"
#include "base/page.h"
#include "fs/dir_private.h"
#include "fs/vdiskattr.h"
#include "fs/vtoc.h"
#include "raid/memdisk.h"

#define N_DISKS 4U
#define DISK_BYTES (64ULL << 20)
#define R(n) (1U << (n))

struct damage_case {
	const char *name;
	void (*damage)(struct cb_raw *raw);
	unsigned must, may;
	const char *text; /* part of a line of a rule in `must` */
	bool online; /* on the mounted, idle volume: mounting would repair or refuse it */
};

static struct fsbox box;

/* ---- inodes ---- */

typedef void edit_fn(struct inode_disk *disk);

static void inode_edit(struct cb_raw *raw, uint32_t ino, edit_fn *edit)
{
	struct inode_disk disk;

	cb_inode_get(raw, ino, &disk);
	edit(&disk);
	cb_inode_put(raw, ino, &disk);
}

static void set_blocks_more(struct inode_disk *d)
{
	d->n_blocks = le32_of(le32_get(d->n_blocks) + 1U);
}
static void set_blocks_less(struct inode_disk *d)
{
	d->n_blocks = le32_of(le32_get(d->n_blocks) - 1U);
}
static void set_blocks_one(struct inode_disk *d)
{
	d->n_blocks = le32_of(1);
}
static void set_height_more(struct inode_disk *d)
{
	d->type_height = (uint8_t)(d->type_height + 0x10U);
}
static void set_height_zero(struct inode_disk *d)
{
	d->type_height &= 15U;
}
static void set_height_nine(struct inode_disk *d)
{
	d->type_height = (uint8_t)((d->type_height & 15U) | 0x90U);
}
static void set_size_less(struct inode_disk *d)
{
	d->size_bytes = le64_of(le64_get(d->size_bytes) - 4096U);
}
static void set_size_huge(struct inode_disk *d)
{
	d->size_bytes = le64_of(1ULL << 60);
}
static void set_size_hundred(struct inode_disk *d)
{
	d->size_bytes = le64_of(100);
}
static void set_size_tera(struct inode_disk *d)
{
	d->size_bytes = le64_of(1ULL << 40);
}
static void set_nlink_more(struct inode_disk *d)
{
	d->nlink = le16_of((uint16_t)(le16_get(d->nlink) + 1U));
}
static void set_nlink_less(struct inode_disk *d)
{
	d->nlink = le16_of((uint16_t)(le16_get(d->nlink) - 1U));
}
static void set_mode(struct inode_disk *d)
{
	d->mode = le16_of(010644);
}
static void set_reserved(struct inode_disk *d)
{
	d->reserved = le16_of(1);
}
static void set_flags(struct inode_disk *d)
{
	d->flags |= 0x40U;
}
static void set_backed(struct inode_disk *d)
{
	d->flags |= INODE_BACKED;
}
static void set_unbacked(struct inode_disk *d)
{
	d->flags = (uint8_t)(d->flags & ~INODE_BACKED);
}
static void set_unstreamed(struct inode_disk *d)
{
	d->flags = (uint8_t)(d->flags & ~INODE_STREAM);
}
static void set_inline(struct inode_disk *d)
{
	d->flags |= INODE_INLINE;
}
static void set_type_unknown(struct inode_disk *d)
{
	d->type_height = (uint8_t)((d->type_height & 0xF0U) | 14U);
}
static void set_type_fifo(struct inode_disk *d)
{
	d->type_height = (uint8_t)((d->type_height & 0xF0U) | FS_TYPE_FIFO);
}
static void set_generation_high(struct inode_disk *d)
{
	d->generation = le64_of(1ULL << 40);
}
static void set_generation_other(struct inode_disk *d)
{
	d->generation = le64_of(le64_get(d->generation) - 1U);
}
static void set_xinode(struct inode_disk *d)
{
	d->xinode = le32_of(cb_ino.small);
}
static void set_free(struct inode_disk *d)
{
	memset(d, 0, sizeof *d);
}
static void set_ptr_hole(struct inode_disk *d)
{
	d->data.ptr[3] = le32_of(0);
}
static void set_ptr_beyond(struct inode_disk *d)
{
	d->data.ptr[3] = le32_of(0xFFFFFF00U);
}
static void set_ptr_twice(struct inode_disk *d)
{
	d->data.ptr[3] = d->data.ptr[2];
}
static void set_data(struct inode_disk *d)
{
	d->data.ptr[5] = le32_of(77);
}

#define INODE_CASE(ino, edit)                                                                                                              \
	static void ino##_##edit(struct cb_raw *raw)                                                                                       \
	{                                                                                                                                  \
		inode_edit(raw, cb_ino.ino, edit);                                                                                         \
	}                                                                                                                                  \
	static void ino##_##edit(struct cb_raw *raw)
INODE_CASE(file, set_blocks_more);
INODE_CASE(file2, set_blocks_less);
INODE_CASE(empty, set_blocks_one);
INODE_CASE(file2, set_height_more);
INODE_CASE(file2, set_height_zero);
INODE_CASE(file2, set_height_nine);
INODE_CASE(file, set_size_less);
INODE_CASE(file, set_size_huge);
INODE_CASE(small, set_size_hundred);
INODE_CASE(symlink, set_size_huge);
INODE_CASE(fifo, set_size_hundred);
INODE_CASE(file2, set_nlink_more);
INODE_CASE(file2, set_nlink_less);
INODE_CASE(dir, set_nlink_more);
INODE_CASE(leaf, set_nlink_less);
INODE_CASE(file, set_mode);
INODE_CASE(file, set_reserved);
INODE_CASE(file, set_flags);
INODE_CASE(file, set_backed);
INODE_CASE(lun, set_unstreamed);
INODE_CASE(file, set_inline);
INODE_CASE(empty, set_type_unknown);
INODE_CASE(empty, set_type_fifo);
INODE_CASE(file, set_generation_high);
INODE_CASE(file, set_generation_other);
INODE_CASE(lun, set_xinode);
INODE_CASE(lun, set_size_tera);
INODE_CASE(file2, set_free);
INODE_CASE(file2, set_ptr_hole);
INODE_CASE(file2, set_ptr_beyond);
INODE_CASE(file2, set_ptr_twice);
INODE_CASE(empty, set_data);
INODE_CASE(top, set_unbacked);

static void space_map_nlink(struct cb_raw *raw)
{
	inode_edit(raw, INO_SPACE_MAP, set_nlink_more);
}

static void free_record_not_zero(struct cb_raw *raw)
{
	inode_edit(raw, 20, set_reserved);
}

static void inode_map_cleared(struct cb_raw *raw)
{
	cb_bit_put(raw, INO_INODE_MAP, cb_ino.file, false);
}
static void inode_map_set(struct cb_raw *raw)
{
	cb_bit_put(raw, INO_INODE_MAP, 30000, true);
}

/* ---- blocks and the active map ---- */

static void data_identity(struct cb_raw *raw)
{
	struct raid_ident other = { .inode = cb_ino.file2, .fbn = 5, .level = 0, .generation = 3 };
	uint8_t bytes[4096] = { 1 };

	cb_vbn_put(raw, cb_vbn(raw, cb_ino.file, 0, 20), &other, bytes);
}

static void data_level(struct cb_raw *raw)
{
	struct raid_ident other = { .inode = cb_ino.file, .fbn = 20, .level = 1, .generation = 3 };
	uint8_t bytes[4096] = { 1 };

	cb_vbn_put(raw, cb_vbn(raw, cb_ino.file, 0, 20), &other, bytes);
}

static void leaf_edit(struct cb_raw *raw, unsigned index, uint32_t vbn)
{
	uint8_t bytes[4096];

	cb_block_get(raw, cb_ino.file, 1, 0, bytes);
	memcpy(bytes + index * 4U, &vbn, 4);
	cb_block_put(raw, cb_ino.file, 1, 0, bytes);
}

static void leaf_hole(struct cb_raw *raw)
{
	leaf_edit(raw, 21, VBN_HOLE);
}
static void leaf_zero(struct cb_raw *raw)
{
	leaf_edit(raw, 21, VBN_ZERO);
}
static void leaf_free_block(struct cb_raw *raw)
{
	leaf_edit(raw, 21, cb_vbn_free(raw));
}
static void leaf_beyond_size(struct cb_raw *raw)
{
	leaf_edit(raw, 50, cb_vbn(raw, cb_ino.file, 0, 1));
}
static void leaf_other_file(struct cb_raw *raw)
{
	leaf_edit(raw, 21, cb_vbn(raw, cb_ino.file2, 0, 2));
}

static void active_cleared(struct cb_raw *raw)
{
	uint32_t vbn = cb_vbn(raw, cb_ino.file, 0, 20);

	assert_true(cb_bit_get(raw, INO_ACTIVE_MAP, vbn));
	cb_bit_put(raw, INO_ACTIVE_MAP, vbn, false);
}

static void active_cleared_and_uncounted(struct cb_raw *raw)
{
	uint32_t vbn = cb_vbn(raw, cb_ino.file, 0, 20);

	cb_bit_put(raw, INO_ACTIVE_MAP, vbn, false);
	cb_counts_add(raw, vbn, -1, cb_bit_get(raw, INO_SUMMARY_MAP, vbn) ? 1 : 0);
}

static void active_set(struct cb_raw *raw)
{
	uint32_t vbn = cb_vbn_free(raw);

	cb_bit_put(raw, INO_ACTIVE_MAP, vbn, true);
	cb_counts_add(raw, vbn, 1, 0);
}

/* ---- summary map, space map, totals ---- */

static void summary_set(struct cb_raw *raw)
{
	uint32_t vbn = cb_vbn_free(raw);

	cb_bit_put(raw, INO_SUMMARY_MAP, vbn, true);
	cb_counts_add(raw, vbn, 0, 1);
}

static void summary_cleared(struct cb_raw *raw)
{
	uint32_t end = raid_geometry(raw->raid)->vbn_end;

	for (uint32_t vbn = 1; vbn < end; vbn++) {
		if (!cb_bit_get(raw, INO_SUMMARY_MAP, vbn) || cb_bit_get(raw, INO_ACTIVE_MAP, vbn))
			continue;
		cb_bit_put(raw, INO_SUMMARY_MAP, vbn, false);
		cb_counts_add(raw, vbn, 0, -1);
		return;
	}
	fail();
}

static void counts_active(struct cb_raw *raw)
{
	cb_counts_add(raw, 1, 1, 0);
}
static void counts_summary(struct cb_raw *raw)
{
	cb_counts_add(raw, 1, 0, 1);
}

static void folded_too_far(struct cb_raw *raw)
{
	uint8_t bytes[4096];

	cb_block_get(raw, INO_SPACE_MAP, 0, 0, bytes);
	((struct region_disk *)(void *)bytes)->folded_id = le32_of(1000);
	cb_block_put(raw, INO_SPACE_MAP, 0, 0, bytes);
}

static void fsinfo_inodes(struct cb_raw *raw)
{
	raw->fsinfo.inodes_used = le64_of(le64_get(raw->fsinfo.inodes_used) + 1U);
	cb_raw_write_fsinfo(raw);
}

static void fsinfo_names(struct cb_raw *raw)
{
	raw->fsinfo.name_blocks = le64_of(le64_get(raw->fsinfo.name_blocks) + 1U);
	cb_raw_write_fsinfo(raw);
}

static void fsinfo_next_generation(struct cb_raw *raw)
{
	raw->fsinfo.next_generation = le64_of(le64_get(raw->fsinfo.next_generation) - 5U);
	cb_raw_write_fsinfo(raw);
}

static void fsinfo_table_blocks(struct cb_raw *raw)
{
	set_blocks_more(&raw->fsinfo.snapshot_table);
	cb_raw_write_fsinfo(raw);
}

static void fsinfo_inode_file_blocks(struct cb_raw *raw)
{
	set_blocks_less(&raw->fsinfo.inode_file);
	cb_raw_write_fsinfo(raw);
}

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
	((struct dir_bucket *)bytes)->pairs[0].slot = le32_of(le32_get(((struct dir_bucket *)bytes)->pairs[0].slot) ^ 1U);
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

/* Take directory `name` out of directory `from`, or put it in. */
static void move_entry(struct cb_raw *raw, uint32_t from, const char *name, uint32_t to, const char *new_name, bool keep)
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
	inode_edit(raw, INO_ROOT, set_nlink_less);
	inode_edit(raw, cb_ino.leaf, set_nlink_more);
}

static void dir_two_names(struct cb_raw *raw)
{
	move_entry(raw, cb_ino.dir, "sub", INO_ROOT, "sub2", true);
	inode_edit(raw, INO_ROOT, set_nlink_more);
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

/* ---- vdisks ---- */

static uint32_t attributes_of(struct cb_raw *raw, uint32_t lun)
{
	struct inode_disk disk;
	uint8_t bytes[4096];
	uint32_t ino;

	cb_inode_get(raw, lun, &disk);
	cb_block_get(raw, le32_get(disk.xinode), 0, 0, bytes);
	memcpy(&ino, bytes + 4, 4);
	return ino;
}

static void attributes_edit(struct cb_raw *raw, uint32_t lun, void (*edit)(struct vdisk_attr *attr))
{
	static uint8_t bytes[VDISKATTR_BYTES_MAX];
	uint32_t ino = attributes_of(raw, lun);
	struct inode_disk disk;
	struct vdisk_attr attr;

	cb_inode_get(raw, ino, &disk);
	cb_block_get(raw, ino, 0, 0, bytes);
	assert_true(le64_get(disk.size_bytes) <= 4096);
	assert_int_equal(vdisk_attr_decode(bytes, (size_t)le64_get(disk.size_bytes), &attr), 0);
	edit(&attr);
	assert_int_equal(vdisk_attr_encode(&attr, bytes), le64_get(disk.size_bytes));
	vdisk_attr_fini(&attr);
	cb_block_put(raw, ino, 0, 0, bytes);
}

static void set_attr_uuid(struct vdisk_attr *a)
{
	a->uuid.b[3] ^= 1U;
}
static void set_attr_snapshot(struct vdisk_attr *a)
{
	a->backing.snapshot = 77;
}
static void set_attr_inode(struct vdisk_attr *a)
{
	a->backing.inode = cb_ino.file;
}
static void set_attr_generation(struct vdisk_attr *a)
{
	a->backing.generation++;
}
static void set_attr_length(struct vdisk_attr *a)
{
	a->backing.n_blocks = 100000;
}
static void attr_uuid(struct cb_raw *raw)
{
	attributes_edit(raw, cb_ino.lun, set_attr_uuid);
}
static void attr_snapshot(struct cb_raw *raw)
{
	attributes_edit(raw, cb_ino.top, set_attr_snapshot);
}
static void attr_inode(struct cb_raw *raw)
{
	attributes_edit(raw, cb_ino.top, set_attr_inode);
}
static void attr_generation(struct cb_raw *raw)
{
	attributes_edit(raw, cb_ino.top, set_attr_generation);
}
static void attr_length(struct cb_raw *raw)
{
	attributes_edit(raw, cb_ino.top, set_attr_length);
}

/* What the other LUN has. */
static struct vdisk_attr attr_other;
static void get_attr(struct vdisk_attr *a)
{
	attr_other.uuid = a->uuid;
	memcpy(attr_other.serial, a->serial, sizeof a->serial);
}
static void set_attr_uuid_of_other(struct vdisk_attr *a)
{
	a->uuid = attr_other.uuid;
}
static void set_attr_serial_of_other(struct vdisk_attr *a)
{
	memcpy(a->serial, attr_other.serial, sizeof a->serial);
}
static void attr_serial_twice(struct cb_raw *raw)
{
	attributes_edit(raw, cb_ino.lun, get_attr);
	attributes_edit(raw, cb_ino.top, set_attr_serial_of_other);
}

static void attr_bytes(struct cb_raw *raw)
{
	uint32_t ino = attributes_of(raw, cb_ino.lun);
	uint8_t bytes[4096];

	cb_block_get(raw, ino, 0, 0, bytes);
	bytes[40] ^= 1U;
	cb_block_put(raw, ino, 0, 0, bytes);
}

static void vtoc_edit(struct cb_raw *raw, uint32_t lun, void (*edit)(struct vtoc_disk *record))
{
	uint8_t bytes[4096];

	cb_block_get(raw, INO_VTOC, 0, 0, bytes);
	for (unsigned slot = 1; slot < 8; slot++) {
		struct vtoc_disk *record = (struct vtoc_disk *)(void *)bytes + slot;

		if (le32_get(record->inode) != lun)
			continue;
		edit(record);
		record->crc = le32_of(0);
		record->crc = le32_of(crc32c(record, sizeof *record));
		cb_block_put(raw, INO_VTOC, 0, 0, bytes);
		return;
	}
	fail();
}

static void set_vtoc_inode(struct vtoc_disk *v)
{
	v->inode = le32_of(cb_ino.file);
}
static void set_vtoc_uuid(struct vtoc_disk *v)
{
	v->uuid[0] ^= 1U;
}
static void set_vtoc_backing(struct vtoc_disk *v)
{
	v->backing_snapshot = le32_of(1);
}
static void set_vtoc_generation(struct vtoc_disk *v)
{
	v->generation = le64_of(1);
}
static void set_vtoc_uuid_of_other(struct vtoc_disk *v)
{
	memcpy(v->uuid, attr_other.uuid.b, sizeof v->uuid);
}
static void attr_uuid_twice(struct cb_raw *raw)
{
	attributes_edit(raw, cb_ino.lun, get_attr);
	attributes_edit(raw, cb_ino.top, set_attr_uuid_of_other);
	vtoc_edit(raw, cb_ino.top, set_vtoc_uuid_of_other);
}
static void vtoc_inode(struct cb_raw *raw)
{
	vtoc_edit(raw, cb_ino.lun, set_vtoc_inode);
}
static void vtoc_uuid(struct cb_raw *raw)
{
	vtoc_edit(raw, cb_ino.lun, set_vtoc_uuid);
}
static void vtoc_backing(struct cb_raw *raw)
{
	vtoc_edit(raw, cb_ino.lun, set_vtoc_backing);
}
static void vtoc_generation(struct cb_raw *raw)
{
	vtoc_edit(raw, cb_ino.top, set_vtoc_generation);
}

static void vtoc_bytes(struct cb_raw *raw)
{
	uint8_t bytes[4096];

	cb_block_get(raw, INO_VTOC, 0, 0, bytes);
	bytes[600] ^= 1U;
	cb_block_put(raw, INO_VTOC, 0, 0, bytes);
}

/* ---- parity ---- */

/* The block of the parity disk that carries the stripe of `vbn`, found by its content. */
static void parity_block(struct cb_raw *raw)
{
	const char *name = raw->box->urls[N_DISKS - 1U] + 4;
	uint8_t bytes[4096];

	for (uint64_t block = DISK_BYTES / 4096U - 1U; block > 0; block--) {
		memdisk_peek(name, block, bytes);
		if (bytes_are_zero(bytes, sizeof bytes))
			continue;
		memdisk_flip_bit(name, block, 1234);
		return;
	}
}

/* ---- the table ---- */

static const struct damage_case cases[] = {
	{ "a data block with another file's identity", data_identity, R(2), 0, "fbn 20 level 0", false },
	{ "a data block with another level", data_level, R(2), 0, "fbn 20 level 0", false },

	{ "a block in use is free in the active map", active_cleared, R(3) | R(4) | R(5), 0, "free in the active map", false },
	{ "the same, counted", active_cleared_and_uncounted, R(3), R(5), "free in the active map", false },
	{ "a block nothing refers to is used in the active map", active_set, R(3), R(5), "nothing refers to them", false },
	{ "a pointer of an inode lost", file2_set_ptr_hole, R(3) | R(6), 0, "nothing refers to them", false },
	{ "a pointer beyond the volume", file2_set_ptr_beyond, R(3), 0, "beyond the end of the volume", false },
	{ "two pointers to one block", file2_set_ptr_twice, R(3), R(2), "something else refers to this block", false },
	{ "a pointer of an indirect block lost", leaf_hole, R(3) | R(6), 0, "blocks in its record", false },
	{ "a pointer of an indirect block is zeros", leaf_zero, R(3) | R(6), 0, "blocks in its record", false },
	{ "a pointer to a free block", leaf_free_block, R(2) | R(3), 0, "free in the active map", false },
	{ "a pointer to another file's block", leaf_other_file, R(3), R(2), "something else refers to this block", false },

	{ "a block in the summary map that no snapshot holds", summary_set, R(4), 0, "no snapshot up to the one folded", false },
	{ "a snapshot's block not in the summary map", summary_cleared, R(4), 0, "not in the summary map", false },
	{ "space map: active count", counts_active, R(4), R(5), "active blocks", false },
	{ "space map: summary count", counts_summary, R(4), 0, "of snapshots only", false },
	{ "space map: folded too far", folded_too_far, R(4), 0, "was not there yet", false },
	{ "fsinfo: inodes used", fsinfo_inodes, R(5), 0, "inodes used", false },
	{ "fsinfo: blocks of names", fsinfo_names, R(5), 0, "directories and streams", false },
	{ "fsinfo: next generation", fsinfo_next_generation, R(6), 0, "the next one is", false },
	{ "fsinfo: blocks of the snapshot table", fsinfo_table_blocks, R(6), R(1), "inode 2: ", false },
	{ "fsinfo: blocks of the inode file", fsinfo_inode_file_blocks, R(6), 0, "inode 1: ", false },

	{ "inode: one block too many", file_set_blocks_more, R(6), 0, "blocks in its record", false },
	{ "inode: one block too few", file2_set_blocks_less, R(6), 0, "blocks in its record", false },
	{ "inode: blocks, and no tree", empty_set_blocks_one, R(6), 0, "1 blocks in its record", false },
	{ "inode: height one more", file2_set_height_more, R(2), R(3) | R(6), "level 1", false },
	{ "inode: height 0, and pointers", file2_set_height_zero, R(6), R(3), "height 0, and pointers", false },
	{ "inode: height 9", file2_set_height_nine, R(6), R(2) | R(3), "height 9", false },
	{ "inode: size below its last block", file_set_size_less, R(6), 0, "beyond the end of the file", false },
	{ "inode: size beyond everything", file_set_size_huge, R(6), 0, "more than a file can have", false },
	{ "inode: inline data and 100 bytes", small_set_size_hundred, R(6), 0, "inline data", false },
	{ "symlink: size", symlink_set_size_huge, R(6), 0, "a symbolic link of", false },
	{ "special node: content", fifo_set_size_hundred, R(6), 0, "a special node with content", false },
	{ "a block beyond the end of the file", leaf_beyond_size, R(6) | R(3), R(2), "beyond the end of the file", false },
	{ "file: link count too high", file2_set_nlink_more, R(6), 0, "link count 3, 2 found", false },
	{ "file: link count too low", file2_set_nlink_less, R(6), 0, "link count 1, 2 found", false },
	{ "directory: link count too high", dir_set_nlink_more, R(6), 0, "link count 4, expected 3", false },
	{ "directory: link count too low", leaf_set_nlink_less, R(6), 0, "link count 1, expected 2", false },
	{ "metafile: link count", space_map_nlink, R(6), 0, "inode 6: link count 2", false },
	{ "inode: mode", file_set_mode, R(6), 0, "mode", false },
	{ "inode: reserved bytes", file_set_reserved, R(6), 0, "reserved bytes", false },
	{ "inode: unknown flag", file_set_flags, R(6), 0, "flags", false },
	{ "inode: a file with a backing store", file_set_backed, R(6), 0, "has no backing store", false },
	{ "inode: a vdisk without streams", lun_set_unstreamed, R(6) | R(8), 0, "a vdisk without streams", false },
	{ "inode: inline data and a height", file_set_inline, R(6), R(3), "inline data", false },
	{ "inode: unknown type", empty_set_type_unknown, R(6), 0, "type 14 is not known", false },
	{ "inode: another type than its entry says", empty_set_type_fifo, R(6), 0, "it is 6", false },
	{ "inode: generation from the future", file_set_generation_high, R(6), 0, "the next one is", false },
	{ "inode: another generation than its entry's", file_set_generation_other, R(6), 0, "of another generation", false },
	{ "inode: xinode names no stream directory", lun_set_xinode, R(6) | R(8), 0, "as its stream directory", false },
	{ "inode: a record lost", file2_set_free, R(6) | R(5) | R(3), 0, "which is free", false },
	{ "inode: pointers of an empty file", empty_set_data, R(6), 0, "height 0, and pointers", false },
	{ "inode: a free record that is not zero", free_record_not_zero, R(6), 0, "free, and not all zero", false },
	{ "inode map: a used inode is free", inode_map_cleared, R(6), 0, "used, and marked free", false },
	{ "inode map: a free inode is used", inode_map_set, R(6), 0, "free, and marked used", false },

	{ "directory: an entry lost", dir_entry_removed, R(6), 0, "an orphan", false },
	{ "directory: an entry of a free inode", dir_entry_free_inode, R(6), 0, "which is free", false },
	{ "directory: an entry of a metafile", dir_entry_metafile, R(6), 0, "not for naming", false },
	{ "directory: an entry of another generation", dir_entry_generation, R(6), 0, "of another generation", false },
	{ "directory: an entry of another type", dir_entry_type, R(6), 0, "says inode", false },
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

	{ "vdisk: attributes damaged", attr_bytes, R(8), 0, "attributes cannot be read", true },
	{ "vdisk: attributes of another identity", attr_uuid, R(8), 0, "differs from the attributes", true },
	{ "vdisk: backing snapshot not there", attr_snapshot, R(8), 0, "backed by snapshot 77", true },
	{ "vdisk: backing file not there", attr_inode, R(8), 0, "its backing store", true },
	{ "vdisk: backing file of another generation", attr_generation, R(8), 0, "its backing store", true },
	{ "vdisk: more backing than blocks", attr_length, R(8), 0, "blocks of backing store", true },
	{ "vdisk: backed, and its inode does not say so", top_set_unbacked, R(8), 0, "its attributes differ", false },
	{ "vdisk: more is promised to it than there is", lun_set_size_tera, R(5), 0, "are promised to them", true },
	{ "vdisk: the identity of another one", attr_uuid_twice, R(12), 0, "has the identity of", true },
	{ "vdisk: the serial number of another one", attr_serial_twice, R(12), 0, "has the serial number of", true },
	{ "VTOC: a record of no vdisk", vtoc_inode, R(8), 0, "there is no vdisk", true },
	{ "VTOC: another identity", vtoc_uuid, R(8), 0, "differs from the attributes", true },
	{ "VTOC: another backing store", vtoc_backing, R(8), 0, "differs from the attributes", true },
	{ "VTOC: another generation", vtoc_generation, R(8), 0, "not in the VTOC", true },
	{ "VTOC: damaged", vtoc_bytes, R(8), 0, "VTOC: cannot be read", true },

	{ "parity: a flipped bit", parity_block, R(10), 0, "parity is not the sum", true },
};

/* ---- running them ---- */

static void disks_copy(unsigned copy)
{
	for (unsigned i = 0; i < N_DISKS; i++) {
		char name[32];

		snprintf(name, sizeof name, "case%u.%u", copy, i);
		snprintf(box.urls[i], sizeof box.urls[i], "mem:d%u.0", i);
		assert_int_equal(memdisk_clone(box.urls[i] + 4, name), 0);
		snprintf(box.urls[i], sizeof box.urls[i], "mem:%s", name);
	}
}

static bool found_as_told(const struct damage_case *c, const char *how, const struct fs_check_result *result)
{
	unsigned rules = cb_rules(result);
	bool good = (rules & c->must) == c->must && (rules & ~(c->must | c->may)) == 0 && result->n_errors > 0 &&
	            strstr(result->report, c->text) != NULL;

	if (!good)
		print_error("%s, %s: rules %#x, expected %#x (and perhaps %#x) and \"%s\"\n%s\n", c->name, how, rules, c->must, c->may,
		            c->text, result->report != NULL ? result->report : "nothing found");
	return good;
}

/* From the disks, before anything mounts (and so repairs or refuses) them. */
static bool offline_run(const struct damage_case *c)
{
	struct fs_check_offline check;
	bool good;

	assert_int_equal(cb_check_offline(&box, &check), 0);
	good = found_as_told(c, "offline", &check.result);
	fs_check_result_fini(&check.result);
	return good;
}

static bool case_run(const struct damage_case *c, unsigned copy)
{
	struct fs_message msg;
	struct cb_raw raw;
	bool good = true;

	disks_copy(copy);
	if (c->online)
		assert_int_equal(box_mount(&box), 0);
	cb_raw_open(&raw, &box);
	c->damage(&raw);
	cb_raw_close(&raw);
	if (!c->online) {
		good = offline_run(c);
		assert_int_equal(box_mount(&box), 0);
	}
	assert_int_equal(cb_check(&box, &msg), 0);
	good = found_as_told(c, "online", &msg.out.check) && good;
	fs_message_fini(&msg);
	(void)box_unmount(&box); /* a damaged volume may be unable to */
	for (unsigned i = 0; i < N_DISKS; i++)
		assert_int_equal(disk_destroy(box.urls[i]), 0);
	return good;
}

static void check_finds_every_damage_and_nothing_else(void **state)
{
	unsigned n_bad = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
		n_bad += !case_run(&cases[i], i);
	print_message("%zu kinds of damage\n", sizeof cases / sizeof cases[0]);
	assert_int_equal(n_bad, 0);
}

static uint64_t found_nothing(struct fs_check_result *result)
{
	uint64_t n = result->n_errors;

	if (n > 0)
		print_error("%s\n", result->report);
	fs_check_result_fini(result);
	return n;
}

static void check_finds_nothing_without_damage(void **state)
{
	struct fs_check_offline check;

	(void)state;
	disks_copy(9999);
	assert_int_equal(cb_check_offline(&box, &check), 0);
	assert_true(check.clean && check.n_log_records == 0 && check.n_unsettled == 0);
	assert_string_equal(check.volume, "vol0");
	assert_int_equal(found_nothing(&check.result), 0);
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(box_check(&box), 0);
	assert_int_equal(box_unmount(&box), 0);
}

/* ---- repair -------------------------------------------------------------------------------------------------------- */

static const char *const paths[] = { "/file", "/file2", "/small", "/lun", "/top", "/.snapshot/s1/file", "/.snapshot/s2/file" };
#define N_PATHS (sizeof paths / sizeof paths[0])

static void sums_take(uint32_t sums[N_PATHS])
{
	static uint8_t bytes[64 * 4096];

	for (unsigned i = 0; i < N_PATHS; i++) {
		struct fs_file_id id;
		int n = box_resolve(&box, paths[i], &id) == 0 ? box_read(&box, id, 0, bytes, sizeof bytes) : -ENOENT;

		sums[i] = n < 0 ? (uint32_t)n : crc32c(bytes, (size_t)n);
	}
}

static bool all_are_repairable(const struct fs_check_result *result)
{
	for (size_t i = 0; i < result->n_findings; i++)
		if (!result->findings[i].repairable)
			return false;
	return result->n_errors == result->n_findings;
}

static bool none_is_repairable(const struct fs_check_result *result)
{
	for (size_t i = 0; i < result->n_findings; i++)
		if (result->findings[i].repairable)
			return false;
	return true;
}

/* What is called repairable is gone afterwards; and when that is all of it, files are what they were. */
static bool repair_run(const struct damage_case *c, const uint32_t sums[N_PATHS], bool *ret_whole)
{
	const struct fs_check_offline_options repair = { .cache_pages = 4096, .repair = true };
	struct fs_check_offline before, after;
	uint32_t now[N_PATHS];
	bool good;
	int err;

	assert_int_equal(cb_check_offline(&box, &before), 0);
	*ret_whole = all_are_repairable(&before.result);
	err = cb_check_offline_with(&box, &repair, &after);
	good = err == 0 && (!*ret_whole || after.result.n_errors == 0) && none_is_repairable(&after.result);
	if (good && *ret_whole) {
		assert_int_equal(box_mount(&box), 0);
		sums_take(now);
		good = memcmp(now, sums, sizeof now) == 0;
		assert_int_equal(box_unmount(&box), 0);
	}
	if (!good)
		print_error("%s: repair %d\nbefore: %safter: %s\n", c->name, err, before.result.report,
		            after.result.report != NULL ? after.result.report : "nothing, but files differ\n");
	fs_check_result_fini(&before.result);
	fs_check_result_fini(&after.result);
	return good;
}

static void repair_puts_right_what_it_can_and_keeps_files(void **state)
{
	unsigned n_bad = 0, n_whole = 0;
	uint32_t sums[N_PATHS];

	(void)state;
	disks_copy(9998);
	assert_int_equal(box_mount(&box), 0);
	sums_take(sums);
	assert_int_equal(box_unmount(&box), 0);
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct cb_raw raw;
		bool whole;

		if (cases[i].online)
			continue;
		disks_copy(2000U + i);
		cb_raw_open(&raw, &box);
		cases[i].damage(&raw);
		cb_raw_close(&raw);
		n_bad += !repair_run(&cases[i], sums, &whole);
		n_whole += whole;
		for (unsigned d = 0; d < N_DISKS; d++)
			assert_int_equal(disk_destroy(box.urls[d]), 0);
	}
	print_message("%u kinds of damage repaired as a whole\n", n_whole);
	assert_int_equal(n_bad, 0);
	assert_true(n_whole >= 20);
}

/* Some bytes of some block, anything: the check comes to its end. What it finds is another matter, and so is what the volume can still do. */
static void random_damage(struct cb_raw *raw)
{
	const struct {
		uint32_t ino;
		unsigned level;
		uint32_t fbn;
	} blocks[] = {
		{ INO_INODE_FILE, 0, cb_ino.file / INODES_PER_BLOCK },
		{ INO_INODE_FILE, 0, 0 },
		{ INO_INODE_FILE, 0, cb_ino.lun / INODES_PER_BLOCK },
		{ INO_ACTIVE_MAP, 0, 0 },
		{ INO_SUMMARY_MAP, 0, 0 },
		{ INO_SPACE_MAP, 0, 0 },
		{ INO_INODE_MAP, 0, 0 },
		{ INO_VTOC, 0, 0 },
		{ INO_ROOT, 0, 0 },
		{ cb_ino.many, 0, 3 },
		{ cb_ino.many, 0, DIR_INDEX_FBN },
		{ cb_ino.many, 0, DIR_INDEX_FBN + 2U },
		{ cb_ino.many, 1, DIR_INDEX_FBN },
		{ cb_ino.many, 2, 0 },
		{ cb_ino.file, 1, 0 },
		{ INO_SNAPSHOT_TABLE, 0, 0 },
		{ attributes_of(raw, cb_ino.top), 0, 0 },
		{ cb_ino.lun, 1, 0 },
	};
	uint64_t r = sim_random(box.sim);
	unsigned i = (unsigned)(r % (sizeof blocks / sizeof blocks[0])), n = 1U + (unsigned)(r >> 8 & 15U);
	uint8_t bytes[4096];

	cb_block_get(raw, blocks[i].ino, blocks[i].level, blocks[i].fbn, bytes);
	while (n-- > 0) {
		uint64_t at = sim_random(box.sim);

		/* Near the beginning more often: that is where heads are. */
		bytes[(at & 1U) != 0 ? at >> 8 & 0xFFFU : at >> 8 & 0x7FU] = (uint8_t)((at & 6U) != 0 ? at >> 32 : 0xFFU);
	}
	cb_block_put(raw, blocks[i].ino, blocks[i].level, blocks[i].fbn, bytes);
}

static void check_ends_whatever_the_damage(void **state)
{
	unsigned n_found = 0;

	(void)state;
	for (unsigned round = 0; round < 150; round++) {
		struct fs_message msg;
		struct cb_raw raw;
		int status;

		struct fs_check_offline offline;
		bool online = round % 2 != 0;

		disks_copy(1000U + round);
		if (online)
			assert_int_equal(box_mount(&box), 0);
		cb_raw_open(&raw, &box);
		random_damage(&raw);
		cb_raw_close(&raw);
		if (!online) {
			assert_int_equal(cb_check_offline(&box, &offline), 0);
			fs_check_result_fini(&offline.result);
		}
		if (!online && box_mount(&box) != 0)
			continue; /* refused: good enough */
		status = cb_check(&box, &msg);
		assert_true(status == 0 || status == -EUCLEAN || status == -EIO);
		n_found += msg.out.check.n_errors > 0;
		fs_message_fini(&msg);
		(void)box_unmount(&box);
		for (unsigned i = 0; i < N_DISKS; i++)
			assert_int_equal(disk_destroy(box.urls[i]), 0);
	}
	assert_true(n_found > 50);
}

static int volume_make(void **state)
{
	(void)state;
	box_open(&box, 77, N_DISKS, DISK_BYTES, 4096);
	cb_populate(&box);
	return box_unmount(&box);
}

static int volume_drop(void **state)
{
	(void)state;
	simworld_free(box.sim);
	memdisk_destroy_all();
	page_arena_fini();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_finds_nothing_without_damage),
		cmocka_unit_test(check_finds_every_damage_and_nothing_else),
		cmocka_unit_test(repair_puts_right_what_it_can_and_keeps_files),
		cmocka_unit_test(check_ends_whatever_the_damage),
	};

	return cmocka_run_group_tests(tests, volume_make, volume_drop);
}
