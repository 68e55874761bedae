/* SPDX-License-Identifier: Apache-2.0 */
/* The inode file of the image, twice: first every record by itself, for the table of inodes that links are counted in;
 * later, when the directories have been looked at, the trees of all of them. And the inode map. */
#include <stdlib.h>

#include "base/array.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "fs/check/check_fix.h"
#include "fs/check/check_private.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"

#define FLAGS_KNOWN (INODE_INLINE | INODE_STREAM | INODE_BACKED)

void check_inode_fini(struct check *check)
{
	struct check_inode_table *table = &check->inodes;

	for (uint32_t i = 0; table->chunks != NULL && i < table->n_chunks; i++)
		free(table->chunks[i]);
	free(table->chunks);
	free(table->dirs);
	free(table->streamed);
}

uint16_t check_generation_hash(uint64_t generation)
{
	return (uint16_t)(generation * 0x9E3779B97F4A7C15ULL >> 48);
}

struct check_inode *check_inode_find(struct check *check, uint32_t ino)
{
	struct check_inode_table *table = &check->inodes;
	uint32_t chunk = ino / CHECK_INODE_CHUNK;
	struct check_inode *inode;

	if (chunk >= table->n_chunks || table->chunks[chunk] == NULL)
		return NULL;
	inode = &table->chunks[chunk][ino % CHECK_INODE_CHUNK];
	return inode->type != FS_TYPE_NONE ? inode : NULL;
}

static void table_take(struct check *check, uint32_t ino, const struct inode_disk *disk)
{
	struct check_inode_table *table = &check->inodes;
	uint32_t chunk = ino / CHECK_INODE_CHUNK;
	uint8_t type = disk->type_height & 15U;

	if (table->chunks[chunk] == NULL)
		table->chunks[chunk] = calloc(CHECK_INODE_CHUNK, sizeof(struct check_inode));
	if (table->chunks[chunk] == NULL) {
		check->no_memory = true;
		return;
	}
	table->chunks[chunk][ino % CHECK_INODE_CHUNK] = (struct check_inode){ .type = type,
		                                                              .nlink = le16_get(disk->nlink),
		                                                              .generation_hash = check_generation_hash(
		                                                                  le64_get(disk->generation)) };
	table->n_used += ino >= INO_ROOT;
	if (type == FS_TYPE_DIR || type == FS_TYPE_STREAM || type == FS_TYPE_STREAM_DIR || ino == INO_VTOC ||
	    ino == INO_DOCS)
		table->n_name_blocks += le32_get(disk->n_blocks);
	check->n_inodes++;
	if (type == FS_TYPE_DIR) {
		if (!ARRAY_ROOM(table->dirs, table->n_dirs, table->n_dirs_max, 256U)) {
			check->no_memory = true;
			return;
		}
		table->dirs[table->n_dirs++] = (struct check_dir){ .ino = ino };
	}
	if (type == FS_TYPE_VDISK || (disk->flags & INODE_STREAM) != 0) {
		if (!ARRAY_ROOM(table->streamed, table->n_streamed, table->n_streamed_max, 256U)) {
			check->no_memory = true;
			return;
		}
		table->streamed[table->n_streamed++] = ino;
	}
}

/* ---- a record ---- */

/* What the type of a fixed inode must be; FS_TYPE_NONE: there is none of that number. */
static unsigned type_of_fixed(uint32_t ino)
{
	if (ino == INO_ROOT || ino == INO_DOCS)
		return FS_TYPE_DIR;
	return ino >= INO_INODE_MAP && ino <= INO_VTOC ? FS_TYPE_META : FS_TYPE_NONE;
}

static bool type_may_inline(unsigned type)
{
	return type == FS_TYPE_REG || type == FS_TYPE_SYMLINK || type == FS_TYPE_META || type == FS_TYPE_STREAM ||
	       type == FS_TYPE_STREAM_DIR;
}

static bool type_has_content(unsigned type)
{
	return type != FS_TYPE_BLK && type != FS_TYPE_CHR && type != FS_TYPE_FIFO && type != FS_TYPE_SOCK;
}

static void field_fix(struct check *check, uint32_t ino, enum check_inode_field field, uint64_t value)
{
	check_found_repairable(check);
	check_fix(check, FIX_INODE, ino, field, value);
}

/* Of a device the first eight bytes are its number; of any other special node there is nothing. */
static void node_check(struct check *check, uint32_t ino, const struct inode_disk *disk)
{
	unsigned type = disk->type_height & 15U, height = disk->type_height >> 4;
	size_t used = type == FS_TYPE_BLK || type == FS_TYPE_CHR ? sizeof(disk->data.rdev) : 0;
	uint64_t size = le64_get(disk->size_bytes);

	if (height != 0 || size != 0 || (disk->flags & INODE_INLINE) != 0)
		check_found(check, CHECK_INODE, "inode %u: a special node with content (height %u, size %llu)", ino,
		            height, (unsigned long long)size);
	if (!bytes_are_zero(disk->data.inline_bytes + used, sizeof(disk->data) - used))
		check_found(check, CHECK_INODE, "inode %u: a special node with data", ino);
}

static void content_check(struct check *check, uint32_t ino, const struct inode_disk *disk)
{
	unsigned type = disk->type_height & 15U, height = disk->type_height >> 4;
	uint64_t size = le64_get(disk->size_bytes);

	if (height > TREE_HEIGHT_MAX)
		check_found(check, CHECK_INODE, "inode %u: height %u, at most %u", ino, height, TREE_HEIGHT_MAX);
	if (size > (uint64_t)FBN_MAX * FS_BLOCK_SIZE)
		check_found(check, CHECK_INODE, "inode %u: size %llu, more than a file can have", ino,
		            (unsigned long long)size);
	if (type == FS_TYPE_SYMLINK && size > FS_PATH_MAX)
		check_found(check, CHECK_INODE, "inode %u: a symbolic link of %llu bytes", ino,
		            (unsigned long long)size);
	if (!type_has_content(type))
		node_check(check, ino, disk);
	if ((disk->flags & INODE_INLINE) != 0) {
		if (height != 0 || size > INLINE_MAX || !type_may_inline(type) || ino < INO_ROOT)
			check_found(check, CHECK_INODE, "inode %u: inline data, with type %u, height %u, size %llu",
			            ino, type, height, (unsigned long long)size);
	} else if (height == 0 && type_has_content(type) && !bytes_are_zero(&disk->data, sizeof(disk->data))) {
		check_found(check, CHECK_INODE, "inode %u: height 0, and pointers", ino);
	}
	if (height == 0 && le32_get(disk->n_blocks) != 0) {
		check_found(check, CHECK_INODE, "inode %u: %u blocks in its record, 0 found", ino,
		            le32_get(disk->n_blocks));
		if (bytes_are_zero(&disk->data, sizeof(disk->data)) || (disk->flags & INODE_INLINE) != 0)
			field_fix(check, ino, FIELD_BLOCKS, 0);
	}
}

static void record_check(struct check *check, uint32_t ino, const struct inode_disk *disk)
{
	unsigned type = disk->type_height & 15U;

	if (type > FS_TYPE_META)
		check_found(check, CHECK_INODE, "inode %u: type %u is not known", ino, type);
	if (ino <= INO_ROOT && type != type_of_fixed(ino))
		check_found(check, CHECK_INODE, "inode %u: type %u, expected %u", ino, type, type_of_fixed(ino));
	if ((disk->flags & ~FLAGS_KNOWN) != 0) {
		check_found(check, CHECK_INODE, "inode %u: flags %#x are not known", ino, disk->flags);
		field_fix(check, ino, FIELD_FLAGS, disk->flags & FLAGS_KNOWN);
	}
	if ((disk->flags & INODE_BACKED) != 0 && type != FS_TYPE_VDISK)
		check_found(check, CHECK_INODE, "inode %u: type %u has no backing store", ino, type);
	if ((disk->flags & INODE_STREAM) == 0 && type == FS_TYPE_VDISK)
		check_found(check, CHECK_INODE, "inode %u: a vdisk without streams", ino);
	if ((disk->flags & INODE_STREAM) == 0 && le32_get(disk->xinode) != 0)
		check_found(check, CHECK_INODE, "inode %u: no streams, and inode %u as its stream directory", ino,
		            le32_get(disk->xinode));
	if ((le16_get(disk->mode) & ~07777U) != 0) {
		check_found(check, CHECK_INODE, "inode %u: mode %#o", ino, le16_get(disk->mode));
		field_fix(check, ino, FIELD_MODE, le16_get(disk->mode) & 07777U);
	}
	if (le16_get(disk->reserved) != 0) {
		check_found(check, CHECK_INODE, "inode %u: reserved bytes are not zero", ino);
		field_fix(check, ino, FIELD_RESERVED, 0);
	}
	check->inodes.generation_max = MAX_OF(check->inodes.generation_max, le64_get(disk->generation));
	if (le64_get(disk->generation) == 0 || le64_get(disk->generation) >= le64_get(check->fsinfo.next_generation))
		check_found(check, CHECK_INODE, "inode %u: generation %llu, the next one is %llu", ino,
		            (unsigned long long)le64_get(disk->generation),
		            (unsigned long long)le64_get(check->fsinfo.next_generation));
	content_check(check, ino, disk);
}

static const struct inode_disk *record_of(const uint8_t *bytes, unsigned i)
{
	return (const struct inode_disk *)(const void *)bytes + i;
}

/* ---- stage: records ---- */

static void file_block(struct check *check, const struct check_tree *tree, uint32_t fbn, const uint8_t *bytes)
{
	(void)tree;
	for (unsigned i = 0; i < INODES_PER_BLOCK; i++) {
		const struct inode_disk *disk = record_of(bytes, i);
		uint64_t ino = (uint64_t)fbn * INODES_PER_BLOCK + i;

		if (ino >= check->inodes.n_inodes)
			return;
		if (ino == INO_SNAPSHOT_TABLE && (disk->type_height & 15U) != FS_TYPE_NONE) {
			/* What a snapshot keeps of it. A version that could not restore wrote none. */
			if (memcmp(disk, &check->fsinfo.snapshot_table, sizeof(*disk)) != 0)
				check_found(check, CHECK_ROOT,
				            "inode %u: not the snapshot table's inode that fsinfo has",
				            INO_SNAPSHOT_TABLE);
			continue;
		}
		if ((disk->type_height & 15U) != FS_TYPE_NONE) {
			record_check(check, (uint32_t)ino, disk);
			table_take(check, (uint32_t)ino, disk);
		} else {
			if (!bytes_are_zero(disk, sizeof(*disk))) {
				check_found(check, CHECK_INODE, "inode %llu: free, and not all zero",
				            (unsigned long long)ino);
				field_fix(check, (uint32_t)ino, FIELD_ALL_ZERO, 0);
			}
			if (type_of_fixed((uint32_t)ino) != FS_TYPE_NONE)
				check_found(check, CHECK_INODE, "inode %llu: free, and one every volume must have",
				            (unsigned long long)ino);
		}
	}
}

static int dir_order(const void *a, const void *b)
{
	const struct check_dir *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static int table_init(struct check *check)
{
	const struct inode_disk *disk = &check->inode_file;
	struct check_inode_table *table = &check->inodes;

	table->n_inodes = MIN_OF(le64_get(disk->size_bytes) / sizeof(struct inode_disk), (uint64_t)FS_INO_SNAPSHOTS);
	table->n_chunks = (uint32_t)DIV_UP(table->n_inodes, CHECK_INODE_CHUNK);
	table->chunks = calloc(MAX_OF(table->n_chunks, 1U), sizeof(struct check_inode *));
	return table->chunks == NULL ? -ENOMEM : 0;
}

static void inode_file_walk(struct check *check, bool again,
                            void (*block)(struct check *, const struct check_tree *, uint32_t, const uint8_t *))
{
	const struct inode_disk *disk = &check->inode_file;
	const struct check_tree tree = { .ino = INO_INODE_FILE,
		                         .snapshot = check->image,
		                         .again = again,
		                         .n_expected = le32_get(disk->n_blocks),
		                         .end_fbn = blocks_of_size(le64_get(disk->size_bytes)),
		                         .block = block };

	check_walk_add_inode(check, &tree, disk);
	check->started = true;
}

/* What is promised to the rewriting of names (fs/cp/space.h). */
static void names_check(struct check *check)
{
	const struct fsinfo_disk *fsinfo = &check->fsinfo;

	if ((le32_get(fsinfo->space_flags) & FSINFO_NAMES_COUNTED) != 0 &&
	    le64_get(fsinfo->name_blocks) != check->inodes.n_name_blocks)
		check_found(check, CHECK_ACCOUNT, "fsinfo: %llu blocks of directories and streams, %llu found",
		            (unsigned long long)le64_get(fsinfo->name_blocks),
		            (unsigned long long)check->inodes.n_name_blocks);
	if (le64_get(fsinfo->shared_names) > le64_get(fsinfo->used_blocks))
		check_found(check, CHECK_ACCOUNT,
		            "fsinfo: %llu blocks of names and metafiles are held by snapshots, %llu blocks are used",
		            (unsigned long long)le64_get(fsinfo->shared_names),
		            (unsigned long long)le64_get(fsinfo->used_blocks));
	if ((le32_get(fsinfo->space_flags) & ~FSINFO_NAMES_COUNTED) != 0)
		check_found(check, CHECK_ACCOUNT, "fsinfo: space flags %#x are not known",
		            le32_get(fsinfo->space_flags));
}

int check_inode_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	int err;

	if (!check->started) {
		err = table_init(check);
		if (err != 0)
			return err;
		inode_file_walk(check, false, file_block);
	}
	err = check_walk_step(run);
	if (err != 0)
		return err;
	if (check->inodes.n_dirs > 0)
		qsort(check->inodes.dirs, check->inodes.n_dirs, sizeof(struct check_dir), dir_order);
	if (check->inodes.n_used != le64_get(check->fsinfo.inodes_used)) {
		check_found(check, CHECK_ACCOUNT, "fsinfo: %llu inodes used, %llu found",
		            (unsigned long long)le64_get(check->fsinfo.inodes_used),
		            (unsigned long long)check->inodes.n_used);
		if (!check->maps.pointers_lost) {
			check_found_repairable(check);
			check_fix(check, FIX_TOTALS, TOTAL_INODES, 0, check->inodes.n_used);
		}
	}
	names_check(check);
	return 0;
}

/* ---- stage: inode map ---- */

static bool inode_is_used(struct check *check, uint64_t ino)
{
	return ino < INO_ROOT || (ino < FS_INO_SNAPSHOTS && check_inode_find(check, (uint32_t)ino) != NULL);
}

/* With a block of the inode file lost, nobody knows which of its inodes are in use; and with the way to the block lost,
 * it has no place. */
static void map_block_lost(struct check *check, struct inode *map, uint32_t block, int err)
{
	uint8_t bytes[FS_BLOCK_SIZE] = { 0 };

	check_found(check, CHECK_BLOCK, "inode map, fbn %u: cannot be read: %s", block, error_name(err));
	if (check->maps.pointers_lost || !tree_in_memory(map, block))
		return;
	check_found_repairable(check);
	for (uint32_t bit = 0; bit < CHECK_INODE_CHUNK; bit++)
		if (inode_is_used(check, (uint64_t)block * CHECK_INODE_CHUNK + bit))
			bytes[bit / 8U] |= (uint8_t)(1U << bit % 8U);
	check_fix_bytes(check, FIX_INODE_MAP_BLOCK, block, 0, bytes, sizeof(bytes));
}

static void map_block_check(struct check *check, uint32_t block, const uint8_t *bytes)
{
	for (uint32_t bit = 0; bit < CHECK_INODE_CHUNK; bit++) {
		uint64_t ino = (uint64_t)block * CHECK_INODE_CHUNK + bit;
		bool marked = (bytes[bit / 8U] & 1U << bit % 8U) != 0;
		bool used = inode_is_used(check, ino);

		if (marked == used)
			continue;
		check_found(check, CHECK_INODE, "inode %llu: %s, and marked %s in the inode map",
		            (unsigned long long)ino, used ? "used" : "free", marked ? "used" : "free");
		if (!used && check->maps.pointers_lost) /* its record may be where nothing can be read */
			continue;
		check_found_repairable(check);
		check_fix(check, FIX_INODE_MAP, (uint32_t)ino, 0, used);
	}
}

int check_inode_map_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct check_inode_table *table = &check->inodes;
	struct inode *map;
	int err = inode_get(run, check->image, INO_INODE_MAP, &map);

	if (err == -EAGAIN)
		return err;
	if (err != 0) {
		check_found(check, CHECK_INODE, "inode map: cannot be read: %s", error_name(err));
		return 0;
	}
	while (table->cursor < MAX_OF(table->n_chunks, blocks_of_size(map->attr.size_bytes))) {
		const uint8_t *bytes;

		err = check_need(run, check->image, INO_INODE_MAP, table->cursor, &bytes);
		if (err == -EAGAIN)
			return err;
		if (err == 0)
			map_block_check(check, table->cursor, bytes);
		else
			map_block_lost(check, map, table->cursor, err);
		table->cursor++;
		cache_unpin_all(run);
		err = check_pace(run, 16);
		if (err != 0)
			return err;
	}
	return 0;
}

/* ---- stage: trees ---- */

static void tree_take(struct check *check, uint32_t ino, uint32_t snapshot, const struct inode_disk *disk)
{
	bool counted = snapshot == check->image && check->maps.window_first == 0;
	struct check_tree tree = { .ino = ino,
		                   .snapshot = snapshot,
		                   .n_expected = counted ? le32_get(disk->n_blocks) : UINT64_MAX,
		                   .end_fbn = DIV_UP(le64_get(disk->size_bytes), FS_BLOCK_SIZE) };
	unsigned type = disk->type_height & 15U;

	/* which was walked from fsinfo */
	if (type == FS_TYPE_NONE || !type_has_content(type) || ino == INO_SNAPSHOT_TABLE)
		return;
	if (type == FS_TYPE_DIR)
		tree.end_fbn = FBN_MAX; /* index and free table lie beyond its size */
	check_walk_add_inode(check, &tree, disk);
}

static void trees_block(struct check *check, const struct check_tree *tree, uint32_t fbn, const uint8_t *bytes)
{
	for (unsigned i = INODES_PER_BLOCK; i-- > 0;)
		if ((uint64_t)fbn * INODES_PER_BLOCK + i < check->pass.n_inodes)
			tree_take(check, fbn * INODES_PER_BLOCK + i, tree->snapshot, record_of(bytes, i));
}

int check_tree_step(struct fs_run *run)
{
	struct check *check = check_of(run);

	check->pass.n_inodes = check->inodes.n_inodes;
	if (!check->started)
		inode_file_walk(check, true, trees_block);
	return check_walk_step(run);
}

void check_trees_add(struct check *check, const struct inode_disk *inode_file, uint32_t snapshot)
{
	const struct check_tree tree = { .ino = INO_INODE_FILE,
		                         .snapshot = snapshot,
		                         .n_expected = UINT64_MAX,
		                         .end_fbn = FBN_MAX,
		                         .block = trees_block };

	check->pass.n_inodes = MIN_OF(le64_get(inode_file->size_bytes) / sizeof(struct inode_disk),
	                              (uint64_t)FS_INO_SNAPSHOTS);
	check_walk_add_inode(check, &tree, inode_file);
}

/* ---- stage: zombies ---- */

static bool zombie_is_sane(const struct zombie_disk *disk)
{
	return le32_get(disk->used) == 1 && le32_get(disk->height) >= 2 && le32_get(disk->height) <= TREE_HEIGHT_MAX &&
	       le32_get(disk->inode) >= INO_ROOT && bytes_are_zero(disk->reserved, sizeof(disk->reserved));
}

static void zombie_bad(struct check *check, const struct zombie_disk *disk, uint32_t slot)
{
	struct zombie_disk right = *disk;

	check_found(check, CHECK_INODE, "zombie %u, of inode %u: height %u, or reserved bytes that are not zero", slot,
	            le32_get(disk->inode), le32_get(disk->height));
	memset(right.reserved, 0, sizeof(right.reserved));
	if (!zombie_is_sane(&right)) {
		check->maps.pointers_lost = true;
		return;
	}
	check_found_repairable(check);
	check_fix_bytes(check, FIX_ZOMBIE, slot, 0, &right, sizeof(right));
}

static void zombie_free_bad(struct check *check, uint32_t slot)
{
	static const struct zombie_disk nothing;

	check_found(check, CHECK_INODE, "zombie %u: free, and not all zero", slot);
	check_found_repairable(check);
	check_fix_bytes(check, FIX_ZOMBIE, slot, 0, &nothing, sizeof(nothing));
}

static void zombies_take(struct check *check, const uint8_t *bytes, uint32_t snapshot)
{
	bool say = snapshot == check->image && check->maps.window_first == 0;

	for (unsigned i = 0; i < FS_BLOCK_SIZE / sizeof(struct zombie_disk); i++) {
		const struct zombie_disk *disk = (const struct zombie_disk *)(const void *)bytes + i;
		uint32_t slot = check->zombie_fbn * (uint32_t)(FS_BLOCK_SIZE / sizeof(*disk)) + i, ptr[PTRS_PER_INODE];
		struct check_tree tree = { .ino = le32_get(disk->inode),
			                   .snapshot = snapshot,
			                   .n_expected = UINT64_MAX,
			                   .first_fbn = le32_get(disk->cursor_fbn),
			                   .end_fbn = FBN_MAX };

		if (le32_get(disk->used) == 0) {
			if (say && !bytes_are_zero(disk, sizeof(*disk)))
				zombie_free_bad(check, slot);
			continue;
		}
		if (say && !zombie_is_sane(disk))
			zombie_bad(check, disk, slot);
		if (le32_get(disk->height) < 2 || le32_get(disk->height) > TREE_HEIGHT_MAX)
			continue;
		tree.height = (uint8_t)le32_get(disk->height);
		for (unsigned p = 0; p < PTRS_PER_INODE; p++)
			ptr[p] = le32_get(disk->ptr[p]);
		check_walk_add(check, &tree, ptr);
	}
}

int check_zombies_walk(struct fs_run *run, uint32_t snapshot)
{
	struct check *check = check_of(run);
	struct inode *zombies;
	const uint8_t *bytes;
	int err = check_walk_step(run); /* what the last block named */

	while (err == 0) {
		err = inode_get(run, snapshot, INO_ZOMBIES, &zombies);
		if (err != 0) /* not there: found when its record was looked at */
			return err == -EAGAIN ? err : 0;
		if (check->zombie_fbn >= blocks_of_size(zombies->attr.size_bytes))
			return 0;
		err = file_need(run, zombies, check->zombie_fbn, &bytes);
		if (err == -EAGAIN)
			return err;
		if (err == 0)
			zombies_take(check, bytes, snapshot);
		else
			check->maps.pointers_lost = true;
		if (err != 0 && snapshot == check->image)
			check_found(check, CHECK_BLOCK, "zombies, fbn %u: cannot be read: %s", check->zombie_fbn,
			            error_name(err));
		check->zombie_fbn++;
		cache_unpin_all(run);
		err = check_walk_step(run);
	}
	return err;
}

int check_zombie_step(struct fs_run *run)
{
	return check_zombies_walk(run, check_of(run)->image);
}
