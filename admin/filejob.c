/* SPDX-License-Identifier: Apache-2.0 */
/* The job of a file that is put back to a snapshot.
 *
 * THEORY. The restore is one long message to the volume, which the job owns. How far it is another message tells, twice
 * a second; a third one ends it, and then the long one is answered with -ECANCELED and the file is as it was. */
#include "admin/filejob.h"

#include <stdio.h>

#include "admin/textjson.h"
#include "admin/volpath.h"
#include "fs/message.h"
#include "fs/volume.h"

struct file_work {
	struct fs_message msg;
	struct job *job;
	char snapshot[FS_NAME_MAX + 1U];
};

static void file_ended(struct fs_message *msg)
{
	struct file_work *work = msg->owner;
	struct job *job = work->job;

	job->working = false;
	if (msg->status == 0) {
		log_info("admin", "file_restored", "file=%s snapshot=%s", job->target, work->snapshot);
		job_succeed_take(
		    job, json_pack("{s:o,s:o}", "path", textjson(job->target), "snapshot", textjson(work->snapshot)));
	} else {
		job_fail(job, msg->status, msg->out.error_text);
	}
	fs_message_fini(msg);
	fs_volume_put(msg->volume);
	free(work);
}

/* ---- progress ---------------------------------------------------------------------------------------------------- */

static void file_polled(struct fs_message *msg)
{
	struct job *job = msg->owner;

	job->polling = false;
	if (msg->status == 0 && !job_is_over(job) && msg->out.progress.total_bytes > 0)
		job_progress(job, (unsigned)MIN_OF(msg->out.progress.done_bytes * 100U / msg->out.progress.total_bytes,
		                                   (uint64_t)99));
	fs_message_fini(msg);
	admin_stop_go_on(job->admin);
}

static void file_poll(struct job *job)
{
	fs_message_init(&job->message_out, FS_FILE_RESTORE_STATUS, job->volume, file_polled, job);
	job->message_out.cls = FS_CLASS_ADMIN;
	job->message_out.origin = job->admin->world;
	job->message_out.in.path = job->inner;
	job->polling = true;
	fs_message_send(&job->message_out);
}

/* ---- an end before time ------------------------------------------------------------------------------------------ */

static void file_cancel(struct job *job, void (*done)(void *arg, int err, const char *text), void *arg)
{
	job_tell(job, FS_FILE_RESTORE_CANCEL, 0, done, arg);
}

/* ---- the beginning ----------------------------------------------------------------------------------------------- */

static struct job *file_job_new(struct admin *admin, struct fs_volume *volume, const char *inner, const char *snapshot)
{
	char *path = volpath_join(fs_volume_name(volume), inner);
	struct job *job = path == NULL
	                      ? NULL
	                      : job_new(admin, FILEJOB_KIND, path, "putting %s back to snapshot %s", path, snapshot);

	free(path);
	if (job == NULL)
		return NULL;
	job->volume = fs_volume_get(volume);
	(void)snprintf(job->inner, sizeof job->inner, "%s", inner);
	job->working = true;
	job->poll = file_poll;
	job->cancel = file_cancel;
	return job;
}

struct job *filejob_start(struct admin *admin, struct fs_volume *volume, const char *inner, const char *snapshot)
{
	struct file_work *work = calloc(1, sizeof *work);
	struct job *job = work == NULL ? NULL : file_job_new(admin, volume, inner, snapshot);

	if (job == NULL) {
		free(work);
		return NULL;
	}
	work->job = job;
	(void)snprintf(work->snapshot, sizeof work->snapshot, "%s", snapshot);
	fs_message_init(&work->msg, FS_FILE_RESTORE, fs_volume_get(volume), file_ended, work);
	work->msg.in.path = job->inner;
	work->msg.in.name = work->snapshot;
	work->msg.in.name_len = (uint32_t)strlen(work->snapshot);
	work->msg.cls = FS_CLASS_BACKDOOR;
	work->msg.origin = admin->world;
	fs_message_send(&work->msg);
	job_follow(job);
	return job;
}
