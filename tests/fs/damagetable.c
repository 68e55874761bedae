/* SPDX-License-Identifier: Apache-2.0 */
/* The tables: inodes, fsinfo, snapshots, regions, zombies. (damagetable_names.c has directories, streams and
 * vdisks.) */
#include "fs/file/inode.h"
#include "tests/fs/damagetable.h"

#define R(n) (1U << (n))
#define R_ANY (R(1) | R(2) | R(3) | R(4) | R(5) | R(6) | R(7) | R(8) | R(12))
#define AT(type, field) #field, offsetof(type, field), sizeof(((type *)0)->field)

/* ---- inodes ---- */

static struct damage_place inode_place(uint32_t ino)
{
	return (struct damage_place){ INO_INODE_FILE, ino / INODES_PER_BLOCK, 0,
		                      ino % INODES_PER_BLOCK * (unsigned)sizeof(struct inode_disk) };
}
#define FIND_INODE(name, ino)                                                                                          \
	static struct damage_place find_##name(struct cb_raw *raw)                                                     \
	{                                                                                                              \
		(void)raw;                                                                                             \
		return inode_place(ino);                                                                               \
	}
FIND_INODE(file, cb_ino.file)
FIND_INODE(file2, cb_ino.file2)
FIND_INODE(small, cb_ino.small)
FIND_INODE(empty, cb_ino.empty)
FIND_INODE(symlink, cb_ino.symlink)
FIND_INODE(fifo, cb_ino.fifo)
FIND_INODE(dir, cb_ino.dir)
FIND_INODE(many, cb_ino.many)
FIND_INODE(lun, cb_ino.lun)
FIND_INODE(top, cb_ino.top)
FIND_INODE(attributes, cb_attributes_of(raw, cb_ino.lun))
FIND_INODE(inode_map, INO_INODE_MAP)
FIND_INODE(active_map, INO_ACTIVE_MAP)
FIND_INODE(summary_map, INO_SUMMARY_MAP)
FIND_INODE(space_map, INO_SPACE_MAP)
FIND_INODE(zombies, INO_ZOMBIES)
FIND_INODE(vtoc, INO_VTOC)
FIND_INODE(docs, INO_DOCS)
FIND_INODE(root, INO_ROOT)

static struct damage_place find_stream_dir(struct cb_raw *raw)
{
	struct inode_disk disk;

	cb_inode_get(raw, cb_ino.lun, &disk);
	return inode_place(le32_get(disk.xinode));
}

static const struct damage_target inode_targets[] = {
	{ "a file of two levels", find_file },
	{ "a file of one level", find_file2 },
	{ "a symbolic link", find_symlink },
	{ "a vdisk", find_lun },
	{ "a vdisk with a backing store", find_top },
	{ "a stream directory", find_stream_dir },
	{ "attributes", find_attributes },
	{ "a directory", find_dir },
	{ "a directory with an index", find_many },
	{ "the root directory", find_root },
	{ "the documents", find_docs },
	{ "the inode map", find_inode_map },
	{ "the active map", find_active_map },
	{ "the summary map", find_summary_map },
	{ "the space map", find_space_map },
	{ "the VTOC", find_vtoc },
	{ "a small file", find_small },
	{ "an empty file", find_empty },
	{ "a special node", find_fifo },
	{ "the zombies", find_zombies },
};
#define T(n) (1U << (n))
#define BLOCKS 0xFFFFU /* those with blocks */
#define DIRS (T(7) | T(8) | T(9) | T(10))
#define METAS (T(11) | T(12) | T(13) | T(14) | T(15) | T(19))
#define NAMED (T(0) | T(1) | T(2) | T(3) | T(4) | T(6) | T(7) | T(8) | T(16) | T(17) | T(18))
#define STREAMED (T(3) | T(4))

static const struct damage_field inode_fields[] = {
	{ AT(struct inode_disk, type_height), DAMAGE_ALL, DAMAGE_ONES | DAMAGE_HIGH | DAMAGE_LOW, R(6), R_ANY, NULL },
	{ AT(struct inode_disk, flags), DAMAGE_ALL, DAMAGE_HIGH | DAMAGE_ONES, R(6), R_ANY, NULL },
	{ AT(struct inode_disk, flags), DAMAGE_ALL & ~T(17) & ~T(19), DAMAGE_LOW, R(6), R_ANY, NULL },
	{ AT(struct inode_disk, mode), DAMAGE_ALL, DAMAGE_HIGH | DAMAGE_ONES, R(6), 0, NULL },
	{ AT(struct inode_disk, nlink), DAMAGE_ALL, DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_ONES, R(6), 0, NULL },
	{ AT(struct inode_disk, reserved), DAMAGE_ALL, DAMAGE_ONE | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct inode_disk, size_bytes), DAMAGE_ALL, DAMAGE_ONES | DAMAGE_HIGH, R(6), R_ANY, NULL },
	{ AT(struct inode_disk, size_bytes), BLOCKS, DAMAGE_ZERO, R(6), R_ANY, NULL },
	{ AT(struct inode_disk, size_bytes), DIRS, DAMAGE_MORE | DAMAGE_LESS, R(6), 0, NULL },
	{ AT(struct inode_disk, n_blocks), DAMAGE_ALL, DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ONES, R(6), R(5), NULL },
	{ AT(struct inode_disk, uid), DAMAGE_ALL, 0, 0, 0, "any number is a user" },
	{ AT(struct inode_disk, gid), DAMAGE_ALL, 0, 0, 0, "any number is a group" },
	{ AT(struct inode_disk, xinode), DAMAGE_ALL & ~STREAMED, DAMAGE_ONE | DAMAGE_ONES, R(6), 0, NULL },
	{ AT(struct inode_disk, xinode), STREAMED, DAMAGE_ZERO | DAMAGE_ONES | DAMAGE_MORE | DAMAGE_LESS, R(6), R(8),
	  NULL },
	{ AT(struct inode_disk, generation), DAMAGE_ALL, DAMAGE_ZERO | DAMAGE_HIGH | DAMAGE_ONES, R(6), R(8), NULL },
	{ AT(struct inode_disk, generation), NAMED, DAMAGE_LOW, R(6), R(8), NULL },
	{ AT(struct inode_disk, atime_ns), DAMAGE_ALL, 0, 0, 0, "any time" },
	{ AT(struct inode_disk, mtime_ns), DAMAGE_ALL, 0, 0, 0, "any time" },
	{ AT(struct inode_disk, ctime_ns), DAMAGE_ALL, 0, 0, 0, "any time" },
	{ AT(struct inode_disk, data.ptr[0]), BLOCKS, DAMAGE_HIGH, R(3), R_ANY, NULL },
	{ AT(struct inode_disk, data.ptr[0]), BLOCKS, DAMAGE_ZERO, R(3) | R(6), R_ANY, NULL },
	{ AT(struct inode_disk, data.ptr[0]), BLOCKS, DAMAGE_ONE, R(3), R_ANY, NULL },
	{ AT(struct inode_disk, data.ptr[0]), BLOCKS, DAMAGE_MORE | DAMAGE_LESS, R(3), R_ANY, NULL },
	{ AT(struct inode_disk, data.ptr[15]), BLOCKS, DAMAGE_HIGH, R(3), R(6), NULL },
	{ AT(struct inode_disk, data.ptr[15]), BLOCKS, DAMAGE_ONE, R(3), R_ANY, NULL },
	{ AT(struct inode_disk, data.ptr[3]), T(17) | T(18), DAMAGE_ONE | DAMAGE_HIGH, R(6), 0, NULL },
};
static const struct damage_structure inode_structure = { "inode",       sizeof(struct inode_disk),
	                                                 inode_targets, ARRAY_SIZE(inode_targets),
	                                                 inode_fields,  ARRAY_SIZE(inode_fields),
	                                                 NULL,          DAMAGE_SMALL };

/* ---- fsinfo ---- */

static struct damage_place find_fsinfo(struct cb_raw *raw)
{
	(void)raw;
	return (struct damage_place){ 0, 0, 0, 0 };
}
static const struct damage_target fsinfo_targets[] = { { "fsinfo", find_fsinfo } };

static const struct damage_field fsinfo_fields[] = {
	{ AT(struct fsinfo_disk, cp_generation), 1, DAMAGE_ZERO | DAMAGE_LESS | DAMAGE_HIGH, R(1), R_ANY | R(9), NULL },
	{ AT(struct fsinfo_disk, flags), 1, DAMAGE_HIGH | DAMAGE_ONES, R(1), 0, NULL },
	{ AT(struct fsinfo_disk, compat), 1, 0, 0, 0, "bits of later versions, which do no harm" },
	{ AT(struct fsinfo_disk, nvlog_epoch), 1, 0, 0, 0, "of the latest mount: any number" },
	{ AT(struct fsinfo_disk, nvlog_sequence), 1, 0, 0, 0,
	  "a log that was not used since has none to compare with" },
	{ AT(struct fsinfo_disk, next_generation), 1, DAMAGE_ZERO | DAMAGE_ONE | DAMAGE_LESS, R(6), R(8), NULL },
	{ AT(struct fsinfo_disk, next_snapshot_id), 1, DAMAGE_ZERO | DAMAGE_ONE, R(7), R_ANY, NULL },
	{ AT(struct fsinfo_disk, n_snapshots), 1, 0, 0, 0,
	  "nothing reads it, and deletions that end meanwhile make it differ" },
	{ AT(struct fsinfo_disk, created_ns), 1, 0, 0, 0, "any time" },
	{ AT(struct fsinfo_disk, crash_count), 1, 0, 0, 0, "any number" },
	{ AT(struct fsinfo_disk, handle_key[0]), 1, 0, 0, 0, "random" },
	{ AT(struct fsinfo_disk, name[0]), 1, DAMAGE_ZERO, R(1), 0, NULL },
	{ AT(struct fsinfo_disk, name[255]), 1, DAMAGE_ONE, R(1), 0, NULL },
	{ AT(struct fsinfo_disk, used_blocks), 1, DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ZERO | DAMAGE_ONES, R(5), 0,
	  NULL },
	{ AT(struct fsinfo_disk, inodes_used), 1, DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ZERO | DAMAGE_ONES, R(5), 0,
	  NULL },
	{ AT(struct fsinfo_disk, delete_snapshot_id), 1, DAMAGE_ONE | DAMAGE_ONES, R(7), R_ANY, NULL },
	{ AT(struct fsinfo_disk, delete_region), 1, 0, 0, 0, "of no deletion: nothing looks at it" },
	{ AT(struct fsinfo_disk, name_blocks), 1, DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ZERO | DAMAGE_ONES, R(5), 0,
	  NULL },
	{ AT(struct fsinfo_disk, shared_names), 1, DAMAGE_ONES | DAMAGE_HIGH, R(5), 0, NULL },
	{ AT(struct fsinfo_disk, space_flags), 1, DAMAGE_HIGH, R(5), 0, NULL },
	{ AT(struct fsinfo_disk, reserved[0]), 1, DAMAGE_ONE, R(1), 0, NULL },
	{ AT(struct fsinfo_disk, reserved[107]), 1, DAMAGE_HIGH, R(1), 0, NULL },
	{ AT(struct fsinfo_disk, inode_file.type_height), 1, DAMAGE_LOW | DAMAGE_ONES | DAMAGE_ZERO, R(1), R_ANY,
	  NULL },
	{ AT(struct fsinfo_disk, inode_file.n_blocks), 1, DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ZERO | DAMAGE_ONES, R(6),
	  R_ANY, NULL },
	{ AT(struct fsinfo_disk, inode_file.size_bytes), 1, DAMAGE_ZERO, R(6), R_ANY, NULL },
	{ AT(struct fsinfo_disk, inode_file.size_bytes), 1, DAMAGE_ONES, R(1), R_ANY, NULL },
	{ AT(struct fsinfo_disk, inode_file.data.ptr[0]), 1, DAMAGE_HIGH | DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_LESS,
	  R(3), R_ANY, NULL },
	{ AT(struct fsinfo_disk, inode_file.data.ptr[1]), 1, DAMAGE_HIGH, R(3), R_ANY, NULL },
	{ AT(struct fsinfo_disk, snapshot_table.type_height), 1, DAMAGE_LOW | DAMAGE_ONES | DAMAGE_ZERO, R(1), R_ANY,
	  NULL },
	{ AT(struct fsinfo_disk, snapshot_table.n_blocks), 1, DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ZERO | DAMAGE_ONES,
	  R(6), R_ANY, NULL },
	{ AT(struct fsinfo_disk, snapshot_table.size_bytes), 1, DAMAGE_ZERO, R(6), R_ANY, NULL },
	{ AT(struct fsinfo_disk, snapshot_table.size_bytes), 1, DAMAGE_ONES, R(1), R_ANY, NULL },
	{ AT(struct fsinfo_disk, snapshot_table.data.ptr[0]), 1, DAMAGE_HIGH | DAMAGE_ZERO | DAMAGE_MORE | DAMAGE_LESS,
	  R(3), R_ANY, NULL },
};
static const struct damage_structure fsinfo_structure = { "fsinfo",       sizeof(struct fsinfo_disk),
	                                                  fsinfo_targets, ARRAY_SIZE(fsinfo_targets),
	                                                  fsinfo_fields,  ARRAY_SIZE(fsinfo_fields),
	                                                  NULL,           DAMAGE_SMALL };

/* ---- snapshots ---- */

static struct damage_place snapshot_place(struct cb_raw *raw, const char *name)
{
	uint8_t bytes[4096];

	cb_block_get(raw, INO_SNAPSHOT_TABLE, 0, 0, bytes);
	for (unsigned i = 0; i < 16; i++)
		if (strcmp(((const struct snapshot_disk *)(const void *)bytes + i)->name, name) == 0)
			return (struct damage_place){ INO_SNAPSHOT_TABLE, 0, 0,
				                      i * (unsigned)sizeof(struct snapshot_disk) };
	fail_msg("no snapshot %s", name);
	return (struct damage_place){ 0, 0, 0, 0 };
}
static struct damage_place find_s1(struct cb_raw *raw)
{
	return snapshot_place(raw, "s1");
}
static struct damage_place find_s3(struct cb_raw *raw)
{
	return snapshot_place(raw, "s3");
}
static struct damage_place find_no_snapshot(struct cb_raw *raw)
{
	(void)raw;
	return (struct damage_place){ INO_SNAPSHOT_TABLE, 0, 0, 15 * sizeof(struct snapshot_disk) };
}
static const struct damage_target snapshot_targets[] = { { "s1", find_s1 },
	                                                 { "s3", find_s3 },
	                                                 { "a free slot", find_no_snapshot } };

static const struct damage_field snapshot_fields[] = {
	{ AT(struct snapshot_disk, id), 3, DAMAGE_ZERO | DAMAGE_HIGH | DAMAGE_ONES, R(7), R_ANY, NULL },
	{ AT(struct snapshot_disk, flags), 3, DAMAGE_HIGH | DAMAGE_ONES, R(7), R_ANY, NULL },
	{ AT(struct snapshot_disk, created_ns), 3, 0, 0, 0, "any time" },
	{ AT(struct snapshot_disk, cp_generation), 3, DAMAGE_HIGH | DAMAGE_ONES, R(7), 0, NULL },
	{ AT(struct snapshot_disk, name[0]), 3, DAMAGE_ZERO, R(7), R_ANY, NULL },
	{ AT(struct snapshot_disk, inode_file.type_height), 3, DAMAGE_LOW | DAMAGE_ZERO, R(7), R_ANY, NULL },
	{ AT(struct snapshot_disk, inode_file.data.ptr[0]), 3, DAMAGE_HIGH, R(3), R_ANY, NULL },
	{ AT(struct snapshot_disk, inode_file.data.ptr[0]), 3, DAMAGE_MORE | DAMAGE_LESS, 0, R_ANY, NULL },
	{ AT(struct snapshot_disk, inode_file.reserved), 3, DAMAGE_ONE, R(7), 0, NULL },
	{ AT(struct snapshot_disk, id), 4, DAMAGE_ONE | DAMAGE_ONES, R(7), R_ANY, NULL },
	{ AT(struct snapshot_disk, flags), 4, DAMAGE_ONE, R(7), 0, NULL },
	{ AT(struct snapshot_disk, created_ns), 4, DAMAGE_ONE, R(7), 0, NULL },
	{ AT(struct snapshot_disk, cp_generation), 4, DAMAGE_ONE, R(7), 0, NULL },
	{ AT(struct snapshot_disk, name[5]), 4, DAMAGE_ONE, R(7), 0, NULL },
	{ AT(struct snapshot_disk, inode_file.data.ptr[0]), 4, DAMAGE_ONE, R(7), 0, NULL },
};
static const struct damage_structure snapshot_structure = { "snapshot",
	                                                    sizeof(struct snapshot_disk),
	                                                    snapshot_targets,
	                                                    ARRAY_SIZE(snapshot_targets),
	                                                    snapshot_fields,
	                                                    ARRAY_SIZE(snapshot_fields),
	                                                    NULL,
	                                                    DAMAGE_SMALL };

/* ---- regions ---- */

static struct damage_place find_region0(struct cb_raw *raw)
{
	(void)raw;
	return (struct damage_place){ INO_SPACE_MAP, 0, 0, 0 };
}
static struct damage_place find_region1(struct cb_raw *raw)
{
	(void)raw;
	return (struct damage_place){ INO_SPACE_MAP, 0, 0, sizeof(struct region_disk) };
}
static const struct damage_target region_targets[] = { { "region 0", find_region0 }, { "region 1", find_region1 } };

static const struct damage_field region_fields[] = {
	{ AT(struct region_disk, n_active), 3, DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ZERO | DAMAGE_ONES | DAMAGE_HIGH,
	  R(4), R(5), NULL },
	{ AT(struct region_disk, n_summary), 3, DAMAGE_MORE | DAMAGE_LESS | DAMAGE_ZERO | DAMAGE_ONES | DAMAGE_HIGH,
	  R(4), R(5), NULL },
	{ AT(struct region_disk, folded_id), 3, DAMAGE_ONES | DAMAGE_HIGH, R(4), 0, NULL },
	{ AT(struct region_disk, reserved), 3, DAMAGE_ONE | DAMAGE_HIGH, R(4), 0, NULL },
};
static const struct damage_structure region_structure = { .name = "region",
	                                                  .size = sizeof(struct region_disk),
	                                                  .targets = region_targets,
	                                                  .n_targets = ARRAY_SIZE(region_targets),
	                                                  .fields = region_fields,
	                                                  .n_fields = ARRAY_SIZE(region_fields),
	                                                  .volume = DAMAGE_WIDE };

/* ---- zombies ---- */

static struct damage_place find_zombie0(struct cb_raw *raw)
{
	(void)raw;
	return (struct damage_place){ INO_ZOMBIES, 0, 0, 0 };
}
static struct damage_place find_zombie31(struct cb_raw *raw)
{
	(void)raw;
	return (struct damage_place){ INO_ZOMBIES, 0, 0, 31 * sizeof(struct zombie_disk) };
}
static const struct damage_target zombie_targets[] = { { "free slot 0", find_zombie0 },
	                                               { "free slot 31", find_zombie31 } };

static const struct damage_field zombie_fields[] = {
	{ AT(struct zombie_disk, used), 3, DAMAGE_ONE | DAMAGE_HIGH, R(6), 0, NULL },
	{ AT(struct zombie_disk, inode), 3, DAMAGE_ONE, R(6), 0, NULL },
	{ AT(struct zombie_disk, height), 3, DAMAGE_ONE, R(6), 0, NULL },
	{ AT(struct zombie_disk, cursor_fbn), 3, DAMAGE_ONE, R(6), 0, NULL },
	{ AT(struct zombie_disk, n_blocks), 3, DAMAGE_ONE, R(6), 0, NULL },
	{ AT(struct zombie_disk, reserved[39]), 3, DAMAGE_ONE, R(6), 0, NULL },
	{ AT(struct zombie_disk, ptr[0]), 3, DAMAGE_ONE, R(6), 0, NULL },
	{ AT(struct zombie_disk, ptr[15]), 3, DAMAGE_HIGH, R(6), 0, NULL },
};
static const struct damage_structure zombie_structure = { "zombie",       sizeof(struct zombie_disk),
	                                                  zombie_targets, ARRAY_SIZE(zombie_targets),
	                                                  zombie_fields,  ARRAY_SIZE(zombie_fields),
	                                                  NULL,           DAMAGE_SMALL };

const struct damage_structure *const damage_structures[] = {
	&inode_structure, &fsinfo_structure,   &snapshot_structure,    &region_structure,  &zombie_structure,
	&damage_dir_head, &damage_dir_entry,   &damage_dir_index,      &damage_dir_bucket, &damage_dir_free,
	&damage_stream,   &damage_vtoc_record, &damage_vtoc_head,      &damage_attributes, &damage_state,
	&damage_backing,  &damage_clone,       &damage_clone_progress, &damage_zombie,
};
const unsigned n_damage_structures = ARRAY_SIZE(damage_structures);
