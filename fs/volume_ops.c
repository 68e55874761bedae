/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on the whole volume: figures, sync. */
#include <stdio.h>
#include <stdlib.h>

#include "fs/check/check.h"
#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/cp/cp.h"
#include "fs/cp/space.h"
#include "fs/file/cache.h"
#include "fs/file/message_completion.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"
#include "fs/scrub/scrub.h"
#include "fs/vdisk/vtoc.h"
#include "raid/raid.h"

static void space_info(const struct fs_volume *vol, struct fs_volume_info *info)
{
	struct space_figures figures;

	space_figures(vol, &figures);
	info->size_bytes = figures.size_blocks * FS_BLOCK_SIZE;
	info->free_bytes = figures.available_blocks * FS_BLOCK_SIZE;
	info->used_bytes = figures.used_blocks * FS_BLOCK_SIZE;
	info->metadata_bytes = figures.metadata_blocks * FS_BLOCK_SIZE;
	info->snapshot_bytes = figures.snapshot_blocks * FS_BLOCK_SIZE;
	info->reserved_bytes = figures.reserved_blocks * FS_BLOCK_SIZE;
	info->space_level = (unsigned)atomic_load(&vol->space_level);
	info->kept_bytes = figures.kept_blocks * FS_BLOCK_SIZE;
}

static const char *level_of_all(const struct raid_status *status)
{
	const char *level = status->groups[0].level;

	for (unsigned i = 1; i < status->n_groups; i++)
		if (strcmp(status->groups[i].level, level) != 0)
			return "mixed";
	return level;
}

/* NULL: no room for one more. */
static struct fs_lost_file *lost_file(struct fs_volume_info *info, uint32_t inode)
{
	for (unsigned i = 0; i < info->n_lost; i++)
		if (info->lost[i].inode == inode)
			return &info->lost[i];
	if (info->n_lost == FS_LOST_FILES)
		return NULL;
	info->lost[info->n_lost].inode = inode;
	return &info->lost[info->n_lost++];
}

/* Blocks that could not be had, by whose they are. */
static void lost_info(const struct fs_volume *vol, struct fs_volume_info *info)
{
	const struct raid_lost_block *blocks;

	info->n_lost_blocks = raid_lost_blocks(vol->raid, &blocks, &info->lost_more);
	for (unsigned i = 0; i < info->n_lost_blocks; i++) {
		struct fs_lost_file *file = lost_file(info, blocks[i].inode);
		const char *path = vtoc_path(vol, blocks[i].inode);

		if (file == NULL) {
			info->lost_more = true;
			continue;
		}
		file->n_blocks++;
		(void)snprintf(file->lun, sizeof(file->lun), "%s", path == NULL ? "" : path);
	}
}

int op_volume_stat(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct fs_volume_info *info = calloc(1, sizeof(*info));
	struct raid_status *status = calloc(1, sizeof(*status));
	size_t n_pages, pages_max;

	if (info == NULL || status == NULL) {
		free(info);
		free(status);
		return -ENOMEM;
	}
	raid_status(vol->raid, status);
	memcpy(info->name, vol->name, sizeof(info->name));
	info->uuid = vol->uuid;
	space_info(vol, info);
	info->n_inodes_used = vol->inodes_used;
	info->n_inodes_free = FS_INO_SNAPSHOTS - vol->inodes_used;
	info->n_snapshots = snapshot_count(vol);
	info->cp_count = vol->cp->count;
	info->cp_last_ms = vol->cp->last_ms;
	info->cp_generation = vol->generation;
	nvlog_usage(vol, &info->nvlog_bytes_used, &info->nvlog_bytes_half);
	cache_usage(vol, &n_pages, &pages_max);
	info->cache_pages = n_pages;
	info->cache_pages_max = pages_max;
	info->dirty_pages = vol->n_dirty_pages;
	info->degraded = status->degraded;
	info->level = level_of_all(status);
	info->failed = status->failed || vol->failed != 0;
	info->waits_for_room = status->waits_for_room;
	info->read_only = vol->read_only;
	scrub_figures(vol, info);
	lost_info(vol, info);
	info->check_running = check_is_running(vol, &info->check_percent);
	free(status);
	run->msg->out.volume = info;
	run->msg->out.n = 1;
	return 0;
}

int op_sync(struct fs_run *run)
{
	return run->vol->read_only ? 0 : OP_IN_CP;
}
