/* SPDX-License-Identifier: Apache-2.0 */
/* The job of a volume's check.
 *
 * THEORY. The check is one long message to the volume, which the job owns. How far it is comes with the volume's
 * figures, looked at twice a second; it is ended, or given another rate, by another message; ended before time the long
 * one is answered with -ECANCELED. */
#include "admin/checkjob.h"

#include <stdio.h>

#include "admin/textjson.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"
#include "raid/raid.h"

/* ---- the end ----------------------------------------------------------------------------------------------------- */

struct check {
	struct fs_message msg;
	struct job *job;
};

static json_t *finding_json(const struct fs_check_finding *finding)
{
	json_t *json = json_pack("{s:i,s:o,s:I,s:b}", "rule", (int)finding->rule, "text", textjson(finding->text),
	                         "count", (json_int_t)finding->count, "repairable", (int)finding->repairable);

	if (json != NULL && finding->disk != NULL)
		(void)json_object_set_new(json, "disk", textjson(finding->disk));
	if (json != NULL && finding->path != NULL) {
		(void)json_object_set_new(json, "path", textjson(finding->path));
		(void)json_object_set_new(json, "offset", json_integer((json_int_t)finding->offset_bytes));
		(void)json_object_set_new(json, "length", json_integer((json_int_t)finding->len_bytes));
	}
	return json;
}

json_t *checkjob_findings_json(const struct fs_check_result *result)
{
	json_t *findings = json_array();

	for (size_t i = 0; i < result->n_findings; i++)
		(void)json_array_append_new(findings, finding_json(&result->findings[i]));
	return findings;
}

json_t *checkjob_missing_json(const struct fs_check_result *result)
{
	json_t *missing = json_array();
	char uuid[UUID_TEXT_SIZE];

	for (size_t i = 0; i < result->n_absent; i++) {
		const struct fs_check_absent *absent = &result->absent[i];

		uuid_format(&absent->uuid, uuid);
		(void)json_array_append_new(missing, json_pack("{s:s,s:o,s:i,s:i,s:s,s:s}", "uuid", uuid, "path",
		                                               textjson(absent->path), "group", (int)absent->group,
		                                               "position", (int)absent->position, "role",
		                                               raid_role_name(absent->is_parity, absent->is_second),
		                                               "state", absent->failed ? "failed" : "missing"));
	}
	return missing;
}

static json_t *result_json(const struct fs_check_result *result)
{
	return json_pack("{s:I,s:I,s:I,s:o,s:o,s:b,s:o}", "blocks", (json_int_t)result->n_blocks, "inodes",
	                 (json_int_t)result->n_inodes, "errors", (json_int_t)result->n_errors, "report",
	                 textjson_lines(result->report == NULL ? "" : result->report), "findings",
	                 checkjob_findings_json(result), "degraded", (int)(result->n_absent > 0), "missing_disks",
	                 checkjob_missing_json(result));
}

static void check_ended(struct fs_message *msg)
{
	struct check *check = msg->owner;
	struct job *job = check->job;
	const struct fs_check_result *result = &msg->out.check;
	const char *report = result->report == NULL ? "" : result->report;
	char text[512];

	job->working = false;
	if (msg->status != 0) {
		job_fail(job, msg->status, msg->out.error_text);
	} else if (result->n_errors == 0) {
		job_succeed_take(job, result_json(result));
	} else {
		(void)snprintf(text, sizeof text, "%llu errors found; first: %.*s",
		               (unsigned long long)result->n_errors, (int)MIN_OF(strcspn(report, "\n"), 400U), report);
		job->result = result_json(result);
		job_fail(job, -EUCLEAN, text);
	}
	fs_message_fini(msg);
	fs_volume_put(msg->volume);
	free(check);
}

/* ---- progress ---------------------------------------------------------------------------------------------------- */

static void check_polled(struct fs_message *msg)
{
	struct job *job = msg->owner;

	job->polling = false;
	if (msg->status == 0 && msg->out.volume->check_running && !job_is_over(job))
		job_progress(job, msg->out.volume->check_percent);
	fs_message_fini(msg);
	admin_stop_go_on(job->admin);
}

static void check_poll(struct job *job)
{
	fs_message_init(&job->message_out, FS_VOLUME_STAT, job->volume, check_polled, job);
	job->message_out.cls = FS_CLASS_ADMIN;
	job->message_out.origin = job->admin->world;
	job->polling = true;
	fs_message_send(&job->message_out);
}

/* ---- orders: an end before time, another rate -------------------------------------------------------------------- */

static void check_cancel(struct job *job, void (*done)(void *arg, int err, const char *text), void *arg)
{
	job_tell(job, FS_CHECK_CANCEL, 0, done, arg);
}

void checkjob_rate(struct job *job, uint64_t rate_bytes_s)
{
	job_tell(job, FS_CHECK_RATE, rate_bytes_s, NULL, NULL);
}

/* ---- the beginning ----------------------------------------------------------------------------------------------- */

struct job *checkjob_start(struct admin *admin, struct fs_volume *volume, uint64_t rate_bytes_s)
{
	const char *name = fs_volume_name(volume);
	struct check *check = calloc(1, sizeof *check);
	struct job *job = check == NULL ? NULL : job_new(admin, CHECKJOB_KIND, name, "check of volume %s", name);

	if (job == NULL) {
		free(check);
		return NULL;
	}
	job->volume = fs_volume_get(volume);
	job->working = true;
	job->poll = check_poll;
	job->cancel = check_cancel;
	check->job = job;
	fs_message_init(&check->msg, FS_CHECK, fs_volume_get(volume), check_ended, check);
	check->msg.in.check_rate_bytes_s = rate_bytes_s;
	check->msg.cls = FS_CLASS_BACKDOOR;
	check->msg.origin = admin->world;
	fs_message_send(&check->msg);
	job_follow(job);
	return job;
}
