/* SPDX-License-Identifier: Apache-2.0 */
/* The job of a volume's scrub. */
#include "admin/scrubjob.h"

#include <stdio.h>

#include "admin/moment.h"
#include "admin/textjson.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"
#include "raid/raid.h"

/* ---- figures ----------------------------------------------------------------------------------------------------- */

static const char *state_name(enum fs_scrub_state state)
{
	static const char *const names[] = { [FS_SCRUB_NONE] = "none",
		                             [FS_SCRUB_RUNNING] = "running",
		                             [FS_SCRUB_STOPPED] = "stopped",
		                             [FS_SCRUB_DONE] = "done" };
	return (size_t)state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *counts_json(const struct fs_scrub_counts *counts)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o}", "read", integer(counts->n_read), "wrong",
	                 integer(counts->n_wrong), "entries", integer(counts->n_entries), "unreadable",
	                 integer(counts->n_unreadable), "repaired", integer(counts->n_repaired), "lost",
	                 integer(counts->n_lost));
}

static json_t *disks_json(const struct fs_scrub_result *result)
{
	json_t *disks = json_array();

	for (unsigned i = 0; i < result->n_disks; i++) {
		const struct fs_scrub_disk *disk = &result->disks[i];
		char uuid[UUID_TEXT_SIZE];
		json_t *json = counts_json(&disk->counts);

		uuid_format(&disk->uuid, uuid);
		(void)json_object_set_new(json, "name", textjson(disk->url));
		(void)json_object_set_new(json, "uuid", json_string(uuid));
		(void)json_object_set_new(json, "group", json_integer((json_int_t)disk->group));
		(void)json_object_set_new(json, "position", json_integer((json_int_t)disk->position));
		(void)json_object_set_new(json, "role", json_string(raid_role_name(disk->is_parity, disk->is_second)));
		(void)json_array_append_new(disks, json);
	}
	return disks;
}

static json_t *lost_json(const struct fs_scrub_result *result)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < result->n_lost; i++) {
		const struct fs_scrub_lost *lost = &result->lost[i];
		json_t *json = json_pack("{s:o,s:o,s:o,s:i}", "vbn", integer(lost->vbn), "inode", integer(lost->inode),
		                         "offset", integer((uint64_t)lost->fbn * FS_BLOCK_SIZE), "level",
		                         (int)lost->level);

		if (lost->path != NULL)
			(void)json_object_set_new(json, "lun", textjson(lost->path));
		(void)json_array_append_new(list, json);
	}
	return list;
}

static void time_set(json_t *json, const char *key, int64_t ns)
{
	char text[MOMENT_TEXT_SIZE];

	if (ns == 0)
		return;
	moment_format(ns, text);
	(void)json_object_set_new(json, key, json_string(text));
}

json_t *scrubjob_result_json(const struct fs_scrub_result *result)
{
	struct fs_scrub_counts data = fs_scrub_sum(result, false), parity = fs_scrub_sum(result, true);
	json_t *json = json_pack(
	    "{s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "state", state_name(result->state), "read",
	    integer((data.n_read + parity.n_read) * FS_BLOCK_SIZE), "data_wrong", integer(data.n_wrong), "parity_wrong",
	    integer(parity.n_wrong), "entries_wrong", integer(data.n_entries + parity.n_entries), "unreadable",
	    integer(data.n_unreadable + parity.n_unreadable), "repaired", integer(data.n_repaired + parity.n_repaired),
	    "lost", integer(data.n_lost + parity.n_lost), "unverified", integer(result->n_unverified), "disks",
	    disks_json(result), "lost_blocks", lost_json(result));

	time_set(json, "start_time", result->started_ns);
	time_set(json, "end_time", result->ended_ns);
	return json;
}

json_t *scrubjob_disk_json(const struct fs_scrub_result *result, const char *uuid)
{
	char text[UUID_TEXT_SIZE];
	json_t *json;

	for (unsigned i = 0; result->state == FS_SCRUB_DONE && i < result->n_disks; i++) {
		uuid_format(&result->disks[i].uuid, text);
		if (strcmp(text, uuid) != 0)
			continue;
		json = counts_json(&result->disks[i].counts);
		time_set(json, "time", result->ended_ns);
		return json;
	}
	return NULL;
}

json_t *scrubjob_json(const char *volume, const struct fs_scrub_info *info)
{
	json_t *json = scrubjob_result_json(&info->now);

	(void)json_object_set_new(json, "volume", textjson(volume));
	(void)json_object_set_new(json, "progress", json_integer((json_int_t)info->percent));
	(void)json_object_set_new(json, "floor", integer(info->floor_bytes_s));
	if (info->now.state == FS_SCRUB_RUNNING)
		(void)json_object_set_new(json, "speed", integer(info->speed_bytes_s));
	if (info->eta_s != UINT64_MAX)
		(void)json_object_set_new(json, "eta_seconds", integer(info->eta_s));
	if (info->last.state == FS_SCRUB_DONE)
		(void)json_object_set_new(json, "last", scrubjob_result_json(&info->last));
	return json;
}

/* ---- the job ----------------------------------------------------------------------------------------------------- */

static void judge(struct job *job, const struct fs_scrub_info *info)
{
	struct fs_scrub_counts data = fs_scrub_sum(&info->now, false);
	uint64_t n_bad = data.n_lost + info->now.n_unverified;
	char text[160];

	json_decref(job->result);
	job->result = scrubjob_json(fs_volume_name(job->volume), info);
	job_progress(job, info->percent);
	switch (info->now.state) {
	case FS_SCRUB_RUNNING:
		job->state = JOB_RUNNING;
		job->code[0] = job->message[0] = '\0';
		break;
	case FS_SCRUB_DONE:
		(void)snprintf(text, sizeof text,
		               "%llu blocks in use are lost or could not be verified: \"raid scrub status\" says which",
		               (unsigned long long)n_bad);
		if (n_bad > 0)
			job_fail(job, -EUCLEAN, text);
		else
			job_succeed_take(job, job->result);
		break;
	case FS_SCRUB_STOPPED: job_stop(job, "stopped; start it again to go on from there"); break;
	case FS_SCRUB_NONE: job_stop(job, "the scrub is not running any more"); break;
	}
}

static void polled(struct fs_message *msg)
{
	struct job *job = msg->owner;
	int err = msg->status;

	job->polling = false;
	if (err == 0 && !job_is_over(job))
		judge(job, msg->out.scrub);
	fs_message_fini(msg);
	if (err == -ENODEV)
		job_wait_for_volume(job);
	admin_stop_go_on(job->admin);
}

void scrubjob_poll(struct job *job)
{
	fs_message_init(&job->message_out, FS_SCRUB_STATUS, job->volume, polled, job);
	job->message_out.cls = FS_CLASS_ADMIN;
	job->message_out.origin = job->admin->world;
	job->polling = true;
	fs_message_send(&job->message_out);
}

void scrubjob_cancel(struct job *job, void (*done)(void *arg, int err, const char *text), void *arg)
{
	job_tell(job, FS_SCRUB_STOP, 0, done, arg);
}

struct job *scrubjob_start(struct admin *admin, struct fs_volume *volume)
{
	const char *name = fs_volume_name(volume);
	char target[FS_NAME_MAX + 8U];
	struct job *job;

	(void)snprintf(target, sizeof target, "/vol/%s/", name);
	job = job_find_running(admin, SCRUBJOB_KIND, target);
	if (job != NULL)
		return job;
	job = job_new(admin, SCRUBJOB_KIND, target, "scrub of volume %s", name);
	if (job == NULL)
		return NULL;
	job->volume = fs_volume_get(volume);
	job->poll = scrubjob_poll;
	job->cancel = scrubjob_cancel;
	job_follow(job);
	return job;
}
