/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that follow the rebuild of a disk: the state of the disks, looked at twice a second. */
#include "admin/rebuildjob.h"

#include <stdio.h>

#include "admin/textjson.h"
#include "fs/volume.h"
#include "raid/raid.h"

static const struct raid_disk_status *disk_of(const struct job *job, const struct raid_status *status)
{
	unsigned group = 0, position = 0;

	if (sscanf(job->inner, "%u/%u", &group, &position) != 2)
		return NULL;
	for (unsigned i = 0; i < status->n_disks; i++)
		if (status->disks[i].group == group && status->disks[i].position == position)
			return &status->disks[i];
	return NULL;
}

static unsigned percent_of(const struct raid_disk_status *disk)
{
	return (unsigned)((uint64_t)disk->rebuilt_blocks * 100U / MAX_OF(disk->rebuild_blocks, 1U));
}

/* What of the disk is written. */
static const char *rebuild_kind(const struct raid_disk_status *disk)
{
	return disk->keeps_rest ? "changes" : "all";
}

/* What is left, at the speed it has had on average. */
static json_t *figures(const struct job *job, const struct raid_disk_status *disk)
{
	json_t *json = json_pack("{s:o,s:s,s:I,s:I}", "disk", textjson(disk->url), "rebuild", rebuild_kind(disk),
	                         "rebuilt", (json_int_t)disk->rebuilt_blocks * RAID_BLOCK_SIZE, "total",
	                         (json_int_t)disk->rebuild_blocks * RAID_BLOCK_SIZE);
	int64_t spent_s = (world_wall_ns(job->admin->world) - job->started_ns) / 1000000000;

	if (json != NULL && disk->rebuilt_blocks > 0 && spent_s > 0)
		(void)json_object_set_new(
		    json, "eta_seconds",
		    json_integer(spent_s * (disk->rebuild_blocks - disk->rebuilt_blocks) / disk->rebuilt_blocks));
	return json;
}

static void rebuild_judge(struct job *job, const struct raid_disk_status *disk)
{
	char text[256 + 64];

	json_decref(job->result);
	job->result = NULL;
	if (disk != NULL && disk->state == RAID_DISK_REBUILDING) {
		job->result = figures(job, disk);
		job_progress(job, percent_of(disk));
	} else if (disk != NULL && disk->state == RAID_DISK_ONLINE) {
		job_succeed_take(job,
		                 json_pack("{s:o,s:s}", "disk", textjson(disk->url), "rebuild", rebuild_kind(disk)));
	} else {
		(void)snprintf(text, sizeof text, "disk %s is %s", disk == NULL ? "?" : disk->url,
		               disk == NULL ? "gone" : raid_disk_state_name(disk->state));
		job_fail(job, -EIO, text);
	}
}

static void rebuild_polled(struct fs_message *msg)
{
	struct job *job = msg->owner;
	int err = msg->status;

	job->polling = false;
	if (err == 0)
		rebuild_judge(job, disk_of(job, msg->out.raid));
	else if (err != -ENODEV)
		job_fail(job, err, msg->out.error_text);
	fs_message_fini(msg);
	if (err == -ENODEV)
		job_wait_for_volume(job);
	admin_stop_go_on(job->admin);
}

void rebuildjob_poll(struct job *job)
{
	fs_message_init(&job->message_out, FS_RAID_STATUS, job->volume, rebuild_polled, job);
	job->message_out.cls = FS_CLASS_ADMIN;
	job->message_out.origin = job->admin->world;
	job->polling = true;
	fs_message_send(&job->message_out);
}

#define TARGET_SIZE (FS_NAME_MAX + 64U)

static void target_of(char target[TARGET_SIZE], const char *volume, unsigned group, unsigned position)
{
	(void)snprintf(target, TARGET_SIZE, "%s/rg%u/%u", volume, group, position);
}

struct job *rebuildjob_new(struct admin *admin, const char *volume, unsigned group, unsigned position)
{
	char target[TARGET_SIZE];

	target_of(target, volume, group, position);
	struct job *job = job_new(admin, REBUILDJOB_KIND, target, "rebuild of disk %u.%u of volume %s", group, position,
	                          volume);
	if (job != NULL)
		(void)snprintf(job->inner, sizeof job->inner, "%u/%u", group, position);
	return job;
}

void rebuildjob_follow(struct job *job, struct fs_volume *volume)
{
	job->volume = fs_volume_get(volume);
	job->poll = rebuildjob_poll;
	job_follow(job);
}

/* ---- after a mount ----------------------------------------------------------------------------------------------- */

struct adopt {
	struct fs_message msg;
	struct admin *admin;
};

/* One that waited for its volume has it again by now. */
static void adopt_disk(struct adopt *adopt, const struct raid_disk_status *disk)
{
	struct fs_volume *volume = adopt->msg.volume;
	char target[TARGET_SIZE];

	target_of(target, fs_volume_name(volume), disk->group, disk->position);
	if (disk->state != RAID_DISK_REBUILDING || job_find_running(adopt->admin, REBUILDJOB_KIND, target) != NULL)
		return;
	struct job *job = rebuildjob_new(adopt->admin, fs_volume_name(volume), disk->group, disk->position);
	if (job != NULL)
		rebuildjob_follow(job, volume);
}

static void adopt_looked(struct fs_message *msg)
{
	struct adopt *adopt = msg->owner;

	for (unsigned i = 0; msg->status == 0 && i < msg->out.raid->n_disks; i++)
		adopt_disk(adopt, &msg->out.raid->disks[i]);
	fs_message_fini(msg);
	fs_volume_put(msg->volume);
	free(adopt);
}

void rebuildjob_adopt(struct admin *admin, struct fs_volume *volume)
{
	struct adopt *adopt = calloc(1, sizeof *adopt);

	if (adopt == NULL)
		return; /* it goes on without */
	adopt->admin = admin;
	fs_message_init(&adopt->msg, FS_RAID_STATUS, fs_volume_get(volume), adopt_looked, adopt);
	adopt->msg.cls = FS_CLASS_ADMIN;
	adopt->msg.origin = admin->world;
	fs_message_send(&adopt->msg);
}
