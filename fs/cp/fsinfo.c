/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding and decoding fsinfo. */
#include "fs/cp/fsinfo.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/log.h"
#include "fs/core/core.h"
#include "fs/cp/cp.h"
#include "fs/cp/maps.h"
#include "fs/cp/space.h"
#include "fs/file/inode_table.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "raid/raid.h"

void fsinfo_encode(const struct cp *cp, uint8_t ret_body[RAID_FSINFO_BODY])
{
	const struct fs_volume *vol = cp->vol;
	struct fsinfo_disk *disk = (struct fsinfo_disk *)(void *)ret_body;

	memset(ret_body, 0, RAID_FSINFO_BODY);
	disk->version = le32_of(FS_FORMAT_VERSION);
	disk->compat = le64_of(vol->compat);
	disk->flags = le32_of(atomic_load(&vol->state) == VOLUME_STOPPING && !vol->cp_barred ? FSINFO_CLEAN : 0);
	disk->cp_generation = le64_of(cp->generation);
	disk->nvlog_epoch = le64_of(vol->epoch);
	disk->nvlog_sequence = le64_of(cp->nvlog_sequence);
	disk->next_generation = le64_of(cp->next_generation);
	disk->next_snapshot_id = le32_of(vol->snapshots->next_id);
	disk->n_snapshots = le32_of(vol->snapshots->n);
	disk->created_ns = le64_of((uint64_t)vol->created_ns);
	disk->crash_count = le64_of(vol->crash_count);
	memcpy(disk->handle_key, vol->handle_key, sizeof(disk->handle_key));
	memcpy(disk->name, vol->name, MIN_OF(sizeof(disk->name), sizeof(vol->name)));
	disk->used_blocks = le64_of(vol->maps->n_active);
	disk->inodes_used = le64_of(cp->inodes_used);
	if (vol->snapshots->deletion.stage != DELETION_FINISHED) {
		disk->delete_snapshot_id = le32_of(vol->snapshots->deletion.id);
		disk->delete_region = le32_of(vol->snapshots->deletion.region);
	}
	space_encode(cp, disk);
	inode_encode(vol->inode_file, cp_attr_of(vol->inode_file), &disk->inode_file);
	inode_encode(vol->snapshot_file, cp_attr_of(vol->snapshot_file), &disk->snapshot_table);
}

int fsinfo_decode(struct fs_volume *vol, const uint8_t body[RAID_FSINFO_BODY])
{
	const struct fsinfo_disk *disk = (const struct fsinfo_disk *)(const void *)body;
	int err;

	if (le32_get(disk->version) != FS_FORMAT_VERSION || le64_get(disk->incompat) != 0)
		return -ENOTSUP;
	if (le64_get(disk->ro_compat) != 0 && !vol->read_only) {
		log_error("fs", "features_read_only",
		          "ro_compat=0x%" PRIx64
		          " error=EROFS: a newer version wrote this volume; it can only be mounted read-only",
		          le64_get(disk->ro_compat));
		return -EROFS;
	}
	if (disk->name[sizeof(disk->name) - 1U] != '\0' || disk->name[0] == '\0')
		return -EUCLEAN;
	memcpy(vol->name, disk->name, MIN_OF(sizeof(disk->name), sizeof(vol->name)));
	memcpy(vol->handle_key, disk->handle_key, sizeof(vol->handle_key));
	vol->compat = le64_get(disk->compat);
	vol->generation = le64_get(disk->cp_generation) + 1U;
	vol->fsinfo_epoch = le64_get(disk->nvlog_epoch);
	vol->fsinfo_sequence = le64_get(disk->nvlog_sequence);
	vol->next_generation = le64_get(disk->next_generation);
	vol->created_ns = (int64_t)le64_get(disk->created_ns);
	vol->crash_count = le64_get(disk->crash_count);
	vol->was_clean = (le32_get(disk->flags) & FSINFO_CLEAN) != 0;
	vol->inodes_used = le64_get(disk->inodes_used);
	vol->snapshots->next_id = le32_get(disk->next_snapshot_id);
	vol->snapshots->deletion.id = le32_get(disk->delete_snapshot_id);
	vol->snapshots->deletion.region = le32_get(disk->delete_region);
	if (vol->snapshots->deletion.id != 0)
		snapshot_deletion_set(&vol->snapshots->deletion, DELETION_PICKED);
	space_decode(vol, disk);
	err = inode_decode(&disk->inode_file, vol->inode_file);
	if (err == 0)
		err = inode_decode(&disk->snapshot_table, vol->snapshot_file);
	if (err == 0 && (vol->inode_file->attr.type != FS_TYPE_META || vol->snapshot_file->attr.type != FS_TYPE_META))
		err = -EUCLEAN;
	return err;
}
