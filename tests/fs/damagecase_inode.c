/* SPDX-License-Identifier: Apache-2.0 */
/* Damage by hand: records of inodes, and the inode map. */
#include "tests/fs/damagecase.h"

#define R(n) (1U << (n))

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

#define INODE_CASE(ino, edit)                                                                                          \
	static void ino##_##edit(struct cb_raw *raw)                                                                   \
	{                                                                                                              \
		inode_edit(raw, cb_ino.ino, edit);                                                                     \
	}                                                                                                              \
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

/* ---- the table ---- */

static const struct damage_case cases[] = {
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
	{ "inode: another generation than its entry's", file_set_generation_other, R(6), 0, "of another generation",
	  false },
	{ "inode: xinode names no stream directory", lun_set_xinode, R(6) | R(8), 0, "as its stream directory", false },
	{ "inode: a record lost", file2_set_free, R(6) | R(5) | R(3), 0, "which is free", false },
	{ "inode: pointers of an empty file", empty_set_data, R(6), 0, "height 0, and pointers", false },
	{ "inode: a free record that is not zero", free_record_not_zero, R(6), 0, "free, and not all zero", false },
	{ "inode map: a used inode is free", inode_map_cleared, R(6), 0, "used, and marked free", false },
	{ "inode map: a free inode is used", inode_map_set, R(6), 0, "free, and marked used", false },

	{ "a pointer of an inode lost", file2_set_ptr_hole, R(3) | R(6), 0, "nothing refers to them", false },
	{ "a pointer beyond the volume", file2_set_ptr_beyond, R(3), 0, "beyond the end of the volume", false },
	{ "two pointers to one block", file2_set_ptr_twice, R(3), R(2), "something else refers to this block", false },
	{ "vdisk: backed, and its inode does not say so", top_set_unbacked, R(8), 0, "its attributes differ", false },
	{ "vdisk: more is promised to it than there is", lun_set_size_tera, R(5), 0, "are promised to them", true },
};
const struct damage_cases damage_cases_inode = { cases, ARRAY_SIZE(cases) };
