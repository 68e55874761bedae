/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on the whole volume: figures, RAID state, sync; and the admission of blocks. */
#include <stdlib.h>

#include "fs/cache_private.h"
#include "fs/check.h"
#include "fs/cp.h"
#include "fs/maps.h"
#include "fs/snapshot.h"
#include "fs/zombie.h"

/* Blocks kept back so that a CP, and the removal of files, always find room. */
static uint64_t space_pool(const struct fs_volume *vol)
{
	return vol->maps->n_blocks / 128U + 512U;
}

uint64_t space_available(const struct fs_volume *vol)
{
	uint64_t taken = vol->pending_blocks[0] + vol->pending_blocks[1] + space_pool(vol) + vol->reserved_blocks;

	return vol->free_blocks > taken ? vol->free_blocks - taken : 0;
}

/* What a change that frees drags along is written before anything it frees can be had: a CP must not have to place more than there is. */
static bool space_allows_freeing(const struct fs_volume *vol)
{
	return vol->free_blocks >= vol->pending_blocks[0] + vol->pending_blocks[1] + space_pool(vol) / 4U;
}

int space_admit(struct fs_run *run, size_t n_blocks)
{
	struct fs_volume *vol = run->vol;

	if (n_blocks == 0 ? space_allows_freeing(vol) : space_available(vol) >= n_blocks)
		return 0;
	/* What is pending is an upper estimate, and what was freed counts only after its CP: a CP may make room. */
	if (cp_is_running(vol) || vol->pending_blocks[gen_bit(vol)] > 0 || zombie_pending(vol) || snapshot_work_pending(vol)) {
		cp_request(vol, CP_SPACE);
		return run_wait(run, &vol->cp_waiters);
	}
	/* The snapshot of a check keeps what was freed since: clients come first. */
	if (vol->check != NULL) {
		check_cancel(vol, "clients needed the space that its snapshot kept");
		cp_request(vol, CP_SPACE);
		return run_wait(run, &vol->cp_waiters);
	}
	return -ENOSPC;
}

int op_volume_stat(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct fs_volume_info *info = calloc(1, sizeof(*info));
	struct raid_status *status = calloc(1, sizeof(*status));

	if (info == NULL || status == NULL) {
		free(info);
		free(status);
		return -ENOMEM;
	}
	raid_status(vol->raid, status);
	memcpy(info->name, vol->name, sizeof(info->name));
	info->uuid = vol->uuid;
	info->size_bytes = vol->maps->n_blocks * FS_BLOCK_SIZE;
	info->free_bytes = space_available(vol) * FS_BLOCK_SIZE;
	info->used_bytes = vol->maps->n_active * FS_BLOCK_SIZE;
	info->snapshot_bytes = vol->maps->n_summary * FS_BLOCK_SIZE;
	info->reserved_bytes = vol->reserved_blocks * FS_BLOCK_SIZE;
	info->n_inodes_used = vol->inodes_used;
	info->n_inodes_free = FS_INO_SNAPSHOTS - vol->inodes_used;
	info->n_snapshots = snapshot_count(vol);
	info->cp_count = vol->cp->count;
	info->cp_last_ms = vol->cp->last_ms;
	info->cp_generation = vol->generation;
	info->nvlog_bytes_half = (uint64_t)raid_log_half_blocks(vol->raid) * FS_BLOCK_SIZE;
	info->cache_pages = vol->cache->n_pages;
	info->cache_pages_max = vol->cache->pages_max;
	info->dirty_pages = vol->n_dirty_pages;
	info->degraded = status->degraded;
	info->failed = status->failed || vol->failed != 0;
	info->read_only = vol->read_only;
	info->check_running = check_is_running(vol, &info->check_percent);
	free(status);
	run->msg->out.volume = info;
	run->msg->out.n = 1;
	return 0;
}

int op_raid_status(struct fs_run *run)
{
	run->msg->out.raid = calloc(1, sizeof(struct raid_status));
	if (run->msg->out.raid == NULL)
		return -ENOMEM;
	raid_status(run->vol->raid, run->msg->out.raid);
	return 0;
}

struct sync_wait {
	struct cp_waiter waiter;
	struct fs_message *msg;
};

static void sync_durable(struct cp_waiter *waiter, int err)
{
	struct sync_wait *wait = container_of(waiter, struct sync_wait, waiter);

	message_complete(wait->msg, err);
	free(wait);
}

int op_sync(struct fs_run *run)
{
	struct sync_wait *wait;

	if (run->vol->read_only)
		return 0;
	wait = calloc(1, sizeof(*wait));
	if (wait == NULL)
		return -ENOMEM;
	wait->msg = run->msg;
	wait->waiter.durable = sync_durable;
	cp_wait(run->vol, &wait->waiter);
	return OP_LATER;
}
