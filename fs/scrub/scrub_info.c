/* SPDX-License-Identifier: Apache-2.0 */
/* What people see of a scrub. */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/file/run.h"
#include "fs/message.h"
#include "fs/scrub/scrub.h"
#include "fs/scrub/scrub_private.h"
#include "fs/vdisk/vtoc.h"

static void disk_fill(struct fs_scrub_disk *disk, const struct scrub_member *member, const struct raid_status *status)
{
	*disk = (struct fs_scrub_disk){ .uuid = member->uuid,
		                        .group = member->group,
		                        .position = member->position,
		                        .is_parity = member->is_parity,
		                        .is_second = member->is_second,
		                        .counts = member->counts };
	for (unsigned i = 0; i < status->n_disks; i++)
		if (uuid_equal(&status->disks[i].uuid, &member->uuid))
			memcpy(disk->url, status->disks[i].url, sizeof(disk->url));
}

static int result_fill(struct fs_volume *vol, const struct scrub_result *from, const struct raid_status *status,
                       struct fs_scrub_result *to)
{
	to->state = from->state;
	to->started_ns = from->started_ns;
	to->ended_ns = from->ended_ns;
	to->n_unverified = from->n_unverified;
	to->disks = calloc(MAX_OF(from->n_members, 1U), sizeof(to->disks[0]));
	to->lost = calloc(MAX_OF(from->n_lost, 1U), sizeof(to->lost[0]));
	if (to->disks == NULL || to->lost == NULL)
		return -ENOMEM;
	to->n_disks = from->n_members;
	for (unsigned i = 0; i < from->n_members; i++)
		disk_fill(&to->disks[i], &from->members[i], status);
	to->n_lost = from->n_lost;
	for (unsigned i = 0; i < from->n_lost; i++) {
		const struct scrub_lost *lost = &from->lost[i];
		const char *path = vtoc_path(vol, lost->inode);

		to->lost[i] = (struct fs_scrub_lost){ lost->vbn, lost->inode, lost->fbn, lost->level,
			                              path == NULL ? NULL : strdup(path) };
	}
	return 0;
}

static unsigned scrub_percent(uint64_t done, uint64_t left)
{
	return done + left == 0 ? 0 : (unsigned)MIN_OF(done * 100U / (done + left), (uint64_t)99);
}

static void progress_fill(struct scrub *scrub, struct fs_scrub_info *info)
{
	struct fs_volume *vol = scrub->vol;
	uint64_t done = scrub->state.now.n_used, left, now_ns = world_now_ns(vol->world);

	info->eta_s = UINT64_MAX;
	info->percent = scrub->state.now.state == FS_SCRUB_DONE ? 100U : 0;
	if (scrub->state.now.state != FS_SCRUB_RUNNING && scrub->state.now.state != FS_SCRUB_STOPPED)
		return;
	left = scrub_walk_left(scrub);
	info->percent = scrub_percent(done, left);
	if (scrub->state.now.state != FS_SCRUB_RUNNING)
		return;
	info->speed_bytes_s = clone_speed_now(&scrub->speed, now_ns, done) * FS_BLOCK_SIZE;
	info->eta_s = clone_speed_eta_s(&scrub->speed, now_ns, done, left);
}

void scrub_figures(struct fs_volume *vol, struct fs_volume_info *info)
{
	struct scrub *scrub = vol->scrub;
	const struct scrub_result *now = &scrub->state.now;
	const struct scrub_result *whole = now->state == FS_SCRUB_DONE ? now : &scrub->state.last;
	uint64_t left = scrub_walk_left(scrub);

	info->scrub_running = now->state == FS_SCRUB_RUNNING;
	info->scrub_percent = info->scrub_running ? scrub_percent(now->n_used, left) : 0;
	for (unsigned i = 0; i < now->n_members; i++) {
		info->scrub_wrong += fs_scrub_n_wrong(&now->members[i].counts);
		info->scrub_repaired += now->members[i].counts.n_repaired;
		info->scrub_lost += now->members[i].counts.n_lost;
	}
	info->scrub_ended_s = whole->state == FS_SCRUB_DONE ? (uint64_t)whole->ended_ns / 1000000000U : 0;
}

int op_scrub_status(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct scrub *scrub = vol->scrub;
	struct fs_scrub_info *info;
	struct raid_status *status;
	int err = scrub_need(run, scrub);

	if (err != 0)
		return err;
	info = calloc(1, sizeof(*info));
	status = malloc(sizeof(*status));
	err = info == NULL || status == NULL ? -ENOMEM : 0;
	if (err == 0) {
		raid_status(vol->raid, status);
		info->floor_bytes_s = scrub->state.floor_bytes_s;
		info->volume_created_ns = vol->created_ns;
		progress_fill(scrub, info);
		err = result_fill(vol, &scrub->state.now, status, &info->now);
	}
	if (err == 0)
		err = result_fill(vol, scrub->state.now.state == FS_SCRUB_DONE ? &scrub->state.now : &scrub->state.last,
		                  status, &info->last);
	free(status);
	if (err != 0) {
		fs_scrub_info_free(info);
		return err;
	}
	run->msg->out.scrub = info;
	return 0;
}
