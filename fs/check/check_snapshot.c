/* SPDX-License-Identifier: Apache-2.0 */
/* The snapshot table of the image: its own blocks, and its records. */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/list.h"
#include "fs/check/check_fix.h"
#include "fs/check/check_private.h"
#include "fs/file/file.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"

#define FLAGS_KNOWN (SNAPSHOT_DELETING | SNAPSHOT_SCHEDULED | SNAPSHOT_DELETE_WHEN_FREE | SNAPSHOT_SUPERSEDED)
#define RECORDS_PER_BLOCK (FS_BLOCK_SIZE / sizeof(struct snapshot_disk))

static void image_record(struct check *check, const struct snapshot_disk *disk, unsigned slot)
{
	check->image_recorded = true;
	if (memcmp(&disk->inode_file, &check->fsinfo.inode_file, sizeof(disk->inode_file)) != 0)
		check_found(check, CHECK_SNAPSHOT,
		            "snapshot slot %u: its inode file is not that of the fsinfo made with it", slot);
}

static void record_inode_check(struct check *check, const struct inode_disk *disk, unsigned slot)
{
	if ((disk->type_height & 15U) != FS_TYPE_META)
		check_found(check, CHECK_SNAPSHOT, "snapshot slot %u: its inode file is no metafile", slot);
	if (disk->type_height >> 4 > TREE_HEIGHT_MAX || disk->flags != 0 || le16_get(disk->reserved) != 0)
		check_found(check, CHECK_SNAPSHOT,
		            "snapshot slot %u: its inode file has height %u, flags %#x, reserved bytes %#x", slot,
		            disk->type_height >> 4, disk->flags, le16_get(disk->reserved));
}

static void record_name_check(struct check *check, const struct snapshot_disk *disk, unsigned slot)
{
	if (disk->name[0] == '\0' || memchr(disk->name, '\0', sizeof(disk->name)) == NULL) {
		check_found(check, CHECK_SNAPSHOT, "snapshot slot %u: no proper name", slot);
		return;
	}
	for (unsigned i = 0; i < check->n_snapshots; i++) {
		const struct check_snapshot *other = &check->snapshots[i];

		if (strcmp(other->name, disk->name) == 0 && !other->deleting &&
		    (le32_get(disk->flags) & SNAPSHOT_DELETING) == 0)
			check_found(check, CHECK_SNAPSHOT, "snapshot slot %u: slot %u has the same name, \"%s\"", slot,
			            other->slot, other->name);
	}
}

static void record_check(struct check *check, const struct snapshot_disk *disk, unsigned slot)
{
	uint32_t id = le32_get(disk->id);

	if (slot >= SNAPSHOT_SLOTS || id >= le32_get(check->fsinfo.next_snapshot_id))
		check_found(check, CHECK_SNAPSHOT, "snapshot slot %u: id %u, next one is %u", slot, id,
		            le32_get(check->fsinfo.next_snapshot_id));
	if ((le32_get(disk->flags) & (SNAPSHOT_DELETING | SNAPSHOT_SUPERSEDED)) == SNAPSHOT_SUPERSEDED)
		check_found(check, CHECK_SNAPSHOT, "snapshot slot %u: superseded by a restore, and not being deleted",
		            slot);
	if ((le32_get(disk->flags) & ~FLAGS_KNOWN) != 0) {
		struct snapshot_disk right = *disk;

		check_found(check, CHECK_SNAPSHOT, "snapshot slot %u: flags %#x are not known", slot,
		            le32_get(disk->flags));
		check_found_repairable(check);
		right.flags = le32_of(le32_get(disk->flags) & FLAGS_KNOWN);
		check_fix_bytes(check, FIX_SNAPSHOT, slot, 0, &right, sizeof(right));
	}
	if (le64_get(disk->cp_generation) > le64_get(check->fsinfo.cp_generation))
		check_found(check, CHECK_SNAPSHOT,
		            "snapshot slot %u: made by consistency point %llu, the image is of %llu", slot,
		            (unsigned long long)le64_get(disk->cp_generation),
		            (unsigned long long)le64_get(check->fsinfo.cp_generation));
	record_inode_check(check, &disk->inode_file, slot);
	record_name_check(check, disk, slot);
	for (unsigned i = 0; i < check->n_snapshots; i++)
		if (check->snapshots[i].id == id)
			check_found(check, CHECK_SNAPSHOT, "snapshot slot %u: slot %u has the same id, %u", slot,
			            check->snapshots[i].slot, id);
}

static void record_take(struct check *check, const struct snapshot_disk *disk, unsigned slot)
{
	struct check_snapshot *snapshot = &check->snapshots[check->n_snapshots];

	if (!check->offline && le32_get(disk->id) == check->image) {
		image_record(check, disk, slot);
		return;
	}
	record_check(check, disk, slot);
	if (le32_get(disk->id) >= check->n_ids || check->n_snapshots == ARRAY_SIZE(check->snapshots))
		return;
	*snapshot = (struct check_snapshot){ .id = le32_get(disk->id),
		                             .slot = slot,
		                             .deleting = (le32_get(disk->flags) & SNAPSHOT_DELETING) != 0,
		                             .superseded = (le32_get(disk->flags) & SNAPSHOT_SUPERSEDED) != 0 };
	memcpy(snapshot->name, disk->name, SNAPSHOT_NAME_MAX);
	check->n_snapshots++;
}

static void free_record_found(struct check *check, unsigned slot)
{
	static const struct snapshot_disk nothing;

	check_found(check, CHECK_SNAPSHOT, "snapshot slot %u: free, and not all zero", slot);
	check_found_repairable(check);
	check_fix_bytes(check, FIX_SNAPSHOT, slot, 0, &nothing, sizeof(nothing));
}

static void table_block(struct check *check, const struct check_tree *tree, uint32_t fbn, const uint8_t *bytes)
{
	(void)tree;
	for (unsigned i = 0; i < RECORDS_PER_BLOCK; i++) {
		const struct snapshot_disk *disk = (const struct snapshot_disk *)(const void *)bytes + i;

		if (le32_get(disk->id) != 0)
			record_take(check, disk, (unsigned)(fbn * RECORDS_PER_BLOCK + i));
		else if (!bytes_are_zero(disk, sizeof(*disk)))
			free_record_found(check, (unsigned)(fbn * RECORDS_PER_BLOCK + i));
	}
}

/* RS2 (fs/snapshot/restore.h): nothing is younger than what a restore has superseded. */
static void ages_check(struct check *check)
{
	for (unsigned i = 0; i < check->n_snapshots; i++)
		for (unsigned k = 0; k < check->n_snapshots && check->snapshots[i].superseded; k++)
			if (check->snapshots[k].id > check->snapshots[i].id && !check->snapshots[k].superseded)
				check_found(check, CHECK_SNAPSHOT,
				            "snapshot %u: younger than snapshot %u, which a restore has superseded",
				            check->snapshots[k].id, check->snapshots[i].id);
}

int check_snapshot_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	const struct inode_disk *disk = &check->fsinfo.snapshot_table;
	const struct check_tree tree = { .ino = INO_SNAPSHOT_TABLE,
		                         .snapshot = check->image,
		                         .n_expected = le32_get(disk->n_blocks),
		                         .end_fbn = blocks_of_size(le64_get(disk->size_bytes)),
		                         .block = table_block };
	uint32_t deleted = le32_get(check->fsinfo.delete_snapshot_id);
	bool found = deleted == 0;
	int err;

	if (!check->started)
		check_walk_add_inode(check, &tree, disk);
	check->started = true;
	err = check_walk_step(run);
	if (err != 0)
		return err;
	if (!check->image_recorded && !check->offline)
		check_found(check, CHECK_SNAPSHOT, "snapshot %u: no record in the table of the image it is of",
		            check->image);
	for (unsigned i = 0; i < check->n_snapshots; i++)
		found |= check->snapshots[i].id == deleted && check->snapshots[i].deleting;
	ages_check(check);
	if (!found) {
		check_found(check, CHECK_SNAPSHOT, "fsinfo: snapshot %u is being deleted, and is not in the table",
		            deleted);
		check_found_repairable(check);
		check_fix(check, FIX_TOTALS, TOTAL_DELETE_NONE, 0, 0);
	}
	return 0;
}
