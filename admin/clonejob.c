/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that follow work inside a volume. */
#include "admin/clonejob.h"

#include <stdio.h>

#include "admin/exportwatch.h"
#include "admin/fault.h"
#include "admin/known.h"
#include "admin/rebuildjob.h"
#include "admin/scrubjob.h"
#include "admin/volpath.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"

const char *clonejob_state_name(enum fs_clone_state state)
{
	static const char *const names[] = {
		[FS_CLONE_NONE] = "none",     [FS_CLONE_RUNNING] = "running", [FS_CLONE_STOPPED] = "stopped",
		[FS_CLONE_PAUSED] = "paused", [FS_CLONE_FAILED] = "failed",   [FS_CLONE_DONE] = "done"
	};
	return (size_t)state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

const char *clonejob_phase_name(enum fs_clone_phase phase)
{
	static const char *const names[] = {
		[FS_CLONE_COPYING] = "copying", [FS_CLONE_VERIFYING] = "verifying", [FS_CLONE_RELEASING] = "releasing"
	};
	return (size_t)phase < ARRAY_SIZE(names) ? names[phase] : "unknown";
}

unsigned clonejob_percent(const struct fs_clone_info *clone)
{
	bool verify = (clone->flags & FS_CLONE_VERIFY) != 0;
	uint64_t all = clone->blocks_total * (verify ? 2U : 1U),
	         done = clone->blocks_done + (verify ? clone->blocks_verified : 0);

	if (clone->state == FS_CLONE_DONE)
		return 100;
	if (all == 0)
		return 0;
	uint64_t percent = done >= all ? 99 : done * 100 / all;
	return (unsigned)MIN_OF(percent, (uint64_t)99);
}

json_t *clonejob_figures(const struct fs_clone_info *clone)
{
	json_int_t total = (json_int_t)clone->blocks_total, done = (json_int_t)clone->blocks_done;
	json_int_t copied = (json_int_t)clone->blocks_copied, verified = (json_int_t)clone->blocks_verified;
	json_t *json = json_pack("{s:{s:I,s:I,s:I,s:I},s:{s:I,s:I,s:I,s:I}}", "blocks", "total", total, "done", done,
	                         "copied", copied, "verified", verified, "bytes", "total", total * FS_BLOCK_SIZE,
	                         "done", done * FS_BLOCK_SIZE, "copied", copied * FS_BLOCK_SIZE, "verified",
	                         verified * FS_BLOCK_SIZE);

	if (json == NULL || clone->state != FS_CLONE_RUNNING)
		return json;
	(void)json_object_set_new(json, "phase", json_string(clonejob_phase_name(clone->phase)));
	(void)json_object_set_new(json, "speed", json_integer((json_int_t)clone->speed_bytes_s));
	if (clone->eta_s != UINT64_MAX)
		(void)json_object_set_new(json, "eta_seconds", json_integer((json_int_t)clone->eta_s));
	return json;
}

void clonejob_why(const struct fs_clone_info *clone, char *ret_text, size_t size)
{
	if (clone->state == FS_CLONE_PAUSED && clone->error == -ENOSPC)
		(void)snprintf(ret_text, size, "no space: the clone goes on by itself when there is");
	else if (clone->state == FS_CLONE_FAILED && clone->error_offset != UINT64_MAX && clone->error == -EUCLEAN)
		(void)snprintf(ret_text, size,
		               "the copy differs from the snapshot at offset %llu of the LUN, which stays backed: "
		               "write that block anew, "
		               "or start without "
		               "verify",
		               (unsigned long long)clone->error_offset);
	else if (clone->state == FS_CLONE_FAILED && clone->error_offset != UINT64_MAX)
		(void)snprintf(ret_text, size, "%s, at offset %llu of the LUN", fault_of(clone->error)->text,
		               (unsigned long long)clone->error_offset);
	else
		(void)snprintf(ret_text, size, "%s", fault_of(clone->error)->text);
}

static void ask(struct job *job, enum fs_op op, void (*done)(struct fs_message *msg))
{
	fs_message_init(&job->message_out, op, job->volume, done, job);
	job->message_out.cls = FS_CLASS_ADMIN;
	job->message_out.origin = job->admin->world;
	job->message_out.in.path = job->inner;
	job->polling = true;
	fs_message_send(&job->message_out);
}

static void clone_judge(struct job *job, const struct fs_clone_info *clone, bool backed)
{
	char why[256];

	job_progress(job, clonejob_percent(clone));
	json_decref(job->result);
	job->result = clonejob_figures(clone);
	clonejob_why(clone, why, sizeof why);
	switch (clone->state) {
	case FS_CLONE_RUNNING:
		job->state = JOB_RUNNING;
		job->code[0] = job->message[0] = '\0';
		break;
	case FS_CLONE_PAUSED:
		job->state = JOB_PAUSED;
		(void)snprintf(job->code, sizeof job->code, "%s", fault_of(clone->error)->code);
		(void)snprintf(job->message, sizeof job->message, "%s", why);
		break;
	case FS_CLONE_FAILED: job_fail(job, clone->error, why); break;
	case FS_CLONE_STOPPED: job_stop(job, "stopped; what was filled is kept, start it again to go on"); break;
	case FS_CLONE_NONE:
	case FS_CLONE_DONE:
		if (!backed) {
			json_decref(job->result);
			job_succeed_take(
			    job, json_pack("{s:I}", "copied", (json_int_t)(clone->blocks_copied * FS_BLOCK_SIZE)));
		} else {
			job_stop(job, "the clone is not running any more");
		}
		break;
	}
}

/* Directories above the LUN may have been renamed. */
static void find_lun(struct job *job)
{
	const struct san_lun *lun = job->has_lun ? san_find_lun(job->admin->san, &job->lun) : NULL;

	if (lun == NULL || lun->volume != job->volume)
		return;
	(void)snprintf(job->inner, sizeof job->inner, "%s", lun->inner);
	(void)snprintf(job->target, sizeof job->target, "%s", lun->path);
}

/* It may be there under a path that is not known yet. */
static bool is_lost_for_now(const struct job *job, int err)
{
	const struct exportwatch *watch = job->admin->exportwatch;

	return err == -ENOENT && job->has_lun &&
	       (exportwatch_is_busy(watch) || exportwatch_is_stale(watch) || job->admin->san->painting);
}

static void clone_polled(struct fs_message *msg)
{
	struct job *job = msg->owner;

	int err = msg->status;

	job->polling = false;
	if (err == 0 && msg->out.n == 1) {
		job->lun = msg->out.vdisks[0].uuid;
		job->has_lun = true;
		clone_judge(job, &msg->out.vdisks[0].clone, msg->out.vdisks[0].backing_snapshot[0] != '\0');
	} else if (err != -ENODEV && err != -FS_EJUKEBOX && !is_lost_for_now(job, err)) {
		job_fail(job, err, msg->out.error_text);
	}
	fs_message_fini(msg);
	if (err == -ENODEV)
		job_wait_for_volume(job);
	admin_stop_go_on(job->admin);
}

static void clone_poll(struct job *job)
{
	find_lun(job);
	ask(job, FS_CLONE_STATUS, clone_polled);
}

static void clone_cancel(struct job *job, void (*done)(void *arg, int err, const char *text), void *arg)
{
	find_lun(job);
	job_tell(job, FS_CLONE_STOP, 0, done, arg);
}

static struct job *follow(struct admin *admin, struct fs_volume *volume, const char *kind, const char *target,
                          const char *inner)
{
	struct job *job = job_new(admin, kind, target, "%s of %s", kind, target);

	if (job == NULL)
		return NULL;
	job->volume = fs_volume_get(volume);
	(void)snprintf(job->inner, sizeof job->inner, "%s", inner);
	job_follow(job);
	return job;
}

struct job *clonejob_start(struct admin *admin, struct fs_volume *volume, const char *inner)
{
	char *path = volpath_join(fs_volume_name(volume), inner);

	if (path == NULL)
		return NULL;
	struct job *job = job_find_running(admin, CLONEJOB_KIND, path);
	if (job == NULL) {
		job = follow(admin, volume, CLONEJOB_KIND, path, inner);
		if (job != NULL) {
			job->poll = clone_poll;
			job->cancel = clone_cancel;
		}
	}
	free(path);
	return job;
}

/* ---- reclaim ----------------------------------------------------------------------------------------------------- */

static void reclaim_polled(struct fs_message *msg)
{
	struct job *job = msg->owner;
	int err = msg->status;
	bool there = false;

	job->polling = false;
	for (unsigned i = 0; err == 0 && i < msg->out.n; i++)
		there = there ||
		        (strcmp(msg->out.snapshots[i].name, job->inner) == 0 && msg->out.snapshots[i].deleting);
	if (err != 0 && err != -ENODEV && err != -FS_EJUKEBOX)
		job_fail(job, err, msg->out.error_text);
	else if (err == 0 && !there)
		job_succeed_take(job, NULL);
	fs_message_fini(msg);
	if (err == -ENODEV)
		job_wait_for_volume(job);
	admin_stop_go_on(job->admin);
}

static void reclaim_poll(struct job *job)
{
	ask(job, FS_SNAPSHOT_LIST, reclaim_polled);
}

struct job *clonejob_reclaim_start(struct admin *admin, struct fs_volume *volume, const char *name)
{
	char *target;

	if (asprintf(&target, "/vol/%s/.snapshot/%s", fs_volume_name(volume), name) < 0)
		return NULL;
	struct job *job = follow(admin, volume, RECLAIM_KIND, target, name);
	if (job != NULL)
		job->poll = reclaim_poll;
	free(target);
	return job;
}

/* ---- after a restart, after a mount ------------------------------------------------------------------------------ */

/* How the jobs of each kind look after their work, and what of the target inside the volume names it. */
static const struct kind {
	const char *name, *prefix;
	void (*poll)(struct job *job);
	void (*cancel)(struct job *job, void (*done)(void *arg, int err, const char *text), void *arg);
} kinds[] = { { CLONEJOB_KIND, "", clone_poll, clone_cancel },
	      { RECLAIM_KIND, "/.snapshot/", reclaim_poll, NULL },
	      { SCRUBJOB_KIND, "/", scrubjob_poll, scrubjob_cancel },
	      { REBUILDJOB_KIND, "/rg", rebuildjob_poll, NULL } };

static const char *inner_of(const struct job *job, const struct kind *kind)
{
	const struct known_volume *known;

	TAILQ_FOREACH(known, &job->admin->volumes, link) {
		const char *inner = job_inner(job, known->name);
		if (inner != NULL && strncmp(inner, kind->prefix, strlen(kind->prefix)) == 0)
			return inner + strlen(kind->prefix);
	}
	return NULL;
}

bool clonejob_goes_on(struct job *job)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *inner = strcmp(kinds[i].name, job->kind) == 0 ? inner_of(job, &kinds[i]) : NULL;

		if (inner == NULL)
			continue;
		(void)snprintf(job->inner, sizeof job->inner, "%s", inner);
		job->poll = kinds[i].poll;
		job->cancel = kinds[i].cancel;
		job_wait_for_volume(job);
		return true;
	}
	return false;
}

/* Those that waited for it. */
static void jobs_give_volume(struct admin *admin, struct fs_volume *volume)
{
	struct job *job;

	TAILQ_FOREACH(job, &admin->jobs, link) {
		if (job_is_over(job) || job->poll == NULL || job->volume != NULL ||
		    job_inner(job, fs_volume_name(volume)) == NULL)
			continue;
		job->volume = fs_volume_get(volume);
		job->state = JOB_RUNNING;
		job->code[0] = job->message[0] = '\0';
		job_follow(job);
	}
}

struct adopt {
	struct fs_message msg;
	struct admin *admin;
};

static void adopt_listed(struct fs_message *msg)
{
	struct adopt *adopt = msg->owner;

	for (unsigned i = 0; msg->status == 0 && i < msg->out.n; i++) {
		const struct fs_vdisk_info *info = &msg->out.vdisks[i];
		if (info->clone.state == FS_CLONE_RUNNING || info->clone.state == FS_CLONE_PAUSED)
			(void)clonejob_start(adopt->admin, msg->volume, info->path);
	}
	fs_message_fini(msg);
	fs_volume_put(msg->volume);
	free(adopt);
}

void clonejob_adopt(struct admin *admin, struct fs_volume *volume)
{
	struct adopt *adopt = calloc(1, sizeof *adopt);

	jobs_give_volume(admin, volume);
	if (adopt == NULL)
		return; /* the clones go on, unwatched */
	adopt->admin = admin;
	fs_message_init(&adopt->msg, FS_VDISK_LIST, fs_volume_get(volume), adopt_listed, adopt);
	adopt->msg.cls = FS_CLASS_ADMIN;
	adopt->msg.origin = admin->world;
	fs_message_send(&adopt->msg);
}
