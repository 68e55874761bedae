/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: long work with a name, a state and a progress. */
#include "admin/jobs.h"

#include <stdarg.h>
#include <stdio.h>

#include "admin/fault.h"
#include "admin/jobfile.h"
#include "admin/known.h"
#include "admin/moment.h"
#include "admin/textjson.h"
#include "fs/message.h"
#include "fs/volume.h"

#define POLL_NS 500000000ULL

static const char *const state_names[] = {
	[JOB_QUEUED] = "queued",       [JOB_RUNNING] = "running",         [JOB_PAUSED] = "paused",
	[JOB_SUCCESS] = "success",     [JOB_FAILURE] = "failure",         [JOB_STOPPED] = "stopped",
	[JOB_CANCELLED] = "cancelled", [JOB_INTERRUPTED] = "interrupted",
};

bool job_is_over(const struct job *job)
{
	return job->state >= JOB_SUCCESS;
}

static void job_free(struct job *job)
{
	TAILQ_REMOVE(&job->admin->jobs, job, link);
	job->admin->n_jobs--;
	if (job->volume != NULL)
		fs_volume_put(job->volume);
	json_decref(job->result);
	free(job);
}

/* Make room: forget the oldest finished ones. False: full of running jobs. */
static bool jobs_trim(struct admin *admin)
{
	struct job *job, *next;
	unsigned n_running = 0;

	TAILQ_FOREACH(job, &admin->jobs, link)
		n_running += !job_is_over(job);
	TAILQ_FOREACH_REVERSE_SAFE(job, &admin->jobs, job_list, link, next) {
		if (admin->n_jobs < JOBS_KEPT)
			break;
		if (job_is_over(job) && !job->polling)
			job_free(job);
	}
	return n_running < JOBS_RUNNING_MAX;
}

struct job *job_new(struct admin *admin, const char *kind, const char *target, const char *format, ...)
{
	uint8_t random[16];
	va_list args;

	if (!jobs_trim(admin))
		return NULL;
	struct job *job = calloc(1, sizeof *job);
	if (job == NULL)
		return NULL;
	world_random(admin->world, random, sizeof random);
	struct uuid uuid = uuid_from_random(random);
	uuid_format(&uuid, job->uuid);
	job->admin = admin;
	(void)snprintf(job->kind, sizeof job->kind, "%s", kind);
	job->state = JOB_RUNNING;
	job->started_ns = world_wall_ns(admin->world);
	(void)snprintf(job->target, sizeof job->target, "%s", target);
	va_start(args, format);
	(void)vsnprintf(job->description, sizeof job->description, format, args);
	va_end(args);
	TAILQ_INSERT_HEAD(&admin->jobs, job, link);
	admin->n_jobs++;
	jobfile_save(admin);
	return job;
}

void job_progress(struct job *job, unsigned percent)
{
	job->progress = percent > 100 ? 100 : percent;
}

static void job_end(struct job *job, enum job_state state)
{
	job->state = state;
	job->ended_ns = world_wall_ns(job->admin->world);
	job->cancel = NULL;
	jobfile_save(job->admin);
	admin_stop_go_on(job->admin);
}

void job_succeed_take(struct job *job, json_t *result)
{
	job->result = result;
	job->progress = 100;
	job->code[0] = '\0';
	job->message[0] = '\0';
	log_info("admin", "job_done", "kind=\"%s\" target=%s job=%s", job->kind, job->target, job->uuid);
	job_end(job, JOB_SUCCESS);
}

static void job_say(struct job *job, int err, const char *text)
{
	(void)snprintf(job->code, sizeof job->code, "%s", fault_of(err)->code);
	(void)snprintf(job->message, sizeof job->message, "%s",
	               text != NULL && *text != '\0' ? text : fault_of(err)->text);
}

void job_set_interrupted(struct job *job)
{
	job->state = JOB_INTERRUPTED;
	job->ended_ns = world_wall_ns(job->admin->world);
	(void)snprintf(job->code, sizeof job->code, "interrupted");
	(void)snprintf(job->message, sizeof job->message, "the server ended while it was under way: start it again");
	log_warn("admin", "job_interrupted", "kind=\"%s\" target=%s job=%s", job->kind, job->target, job->uuid);
}

void job_stop(struct job *job, const char *text)
{
	job_say(job, -ECANCELED, text);
	log_info("admin", "job_stopped", "kind=\"%s\" target=%s job=%s", job->kind, job->target, job->uuid);
	job_end(job, JOB_STOPPED);
}

void job_fail(struct job *job, int err, const char *text)
{
	if (err == -ECANCELED && job->admin->stopping) {
		job_set_interrupted(job);
		job_end(job, JOB_INTERRUPTED);
		return;
	}
	job_say(job, err, text);
	if (err == -ECANCELED)
		log_info("admin", "job_cancelled", "kind=\"%s\" target=%s job=%s", job->kind, job->target, job->uuid);
	else
		log_warn("admin", "job_failed", "kind=\"%s\" target=%s job=%s error=%s text=\"%s\"", job->kind,
		         job->target, job->uuid, error_name(err), job->message);
	job_end(job, err == -ECANCELED ? JOB_CANCELLED : JOB_FAILURE);
}

struct job *job_find(struct admin *admin, const char *uuid)
{
	struct job *job;
	TAILQ_FOREACH(job, &admin->jobs, link) {
		if (strcmp(job->uuid, uuid) == 0)
			return job;
	}
	return NULL;
}

struct job *job_find_running(struct admin *admin, const char *kind, const char *target)
{
	struct job *job;
	TAILQ_FOREACH(job, &admin->jobs, link) {
		if (!job_is_over(job) && strcmp(job->kind, kind) == 0 && strcmp(job->target, target) == 0)
			return job;
	}
	return NULL;
}

json_t *job_json(const struct job *job)
{
	char started[MOMENT_TEXT_SIZE], ended[MOMENT_TEXT_SIZE];

	moment_format(job->started_ns, started);
	json_t *json = json_pack("{s:s,s:s,s:o,s:o,s:s,s:i,s:s}", "uuid", job->uuid, "kind", job->kind, "target",
	                         textjson(job->target), "description", textjson(job->description), "state",
	                         state_names[job->state], "progress", (int)job->progress, "start_time", started);
	if (json == NULL)
		return NULL;
	if (job_is_over(job)) {
		moment_format(job->ended_ns, ended);
		(void)json_object_set_new(json, "end_time", json_string(ended));
	}
	if (job->code[0] != '\0')
		(void)json_object_set_new(json, "error",
		                          json_pack("{s:s,s:o,s:o}", "code", job->code, "message",
		                                    textjson(job->message), "target", textjson(job->target)));
	if (job->result != NULL)
		(void)json_object_set(json, "result", job->result);
	return json;
}

static void jobs_poll(struct timer *timer)
{
	struct admin *admin = container_of(timer, struct admin, job_timer);
	struct job *job, *next;
	bool more = false;

	TAILQ_FOREACH_SAFE(job, &admin->jobs, link, next) {
		if (job->poll == NULL || job->volume == NULL || job_is_over(job))
			continue;
		if (!job->polling)
			job->poll(job);
		more = true;
	}
	if (more && !admin->stopping)
		world_timer_set(admin->world, &admin->job_timer, POLL_NS);
}

void job_follow(struct job *job)
{
	struct admin *admin = job->admin;

	admin->job_timer.fire = jobs_poll;
	if (!admin->job_timer.armed && !admin->stopping)
		world_timer_set(admin->world, &admin->job_timer, POLL_NS);
}

/* ---- while the volume is offline --------------------------------------------------------------------------------- */

const char *job_inner(const struct job *job, const char *name)
{
	size_t len = strlen(name);
	const char *from = strncmp(job->target, "/vol/", 5) == 0 ? job->target + 5 : job->target;

	return strncmp(from, name, len) == 0 && from[len] == '/' ? from + len : NULL;
}

static void job_volume_gone(struct job *job)
{
	job_fail(job, -ENOENT, "the volume is not there any more");
}

void job_wait_for_volume(struct job *job)
{
	bool known = job->volume == NULL || known_find(job->admin, fs_volume_name(job->volume)) != NULL;

	if (job->volume != NULL)
		fs_volume_put(job->volume);
	job->volume = NULL;
	job->state = JOB_PAUSED;
	job_say(job, -ENODEV, "the volume is offline: it goes on by itself when that is online");
	if (!known)
		job_volume_gone(job);
}

void jobs_volume_gone(struct admin *admin, const char *name)
{
	struct job *job;

	TAILQ_FOREACH(job, &admin->jobs, link) {
		if (!job_is_over(job) && job->poll != NULL && job->volume == NULL && job_inner(job, name) != NULL)
			job_volume_gone(job);
	}
}

unsigned jobs_n_own(const struct admin *admin)
{
	const struct job *job;
	unsigned n = 0;

	TAILQ_FOREACH(job, &admin->jobs, link)
		n += (!job_is_over(job) && (job->poll == NULL || job->working)) || job->polling;
	return n;
}

/* ---- telling the volume ------------------------------------------------------------------------------------------ */

struct job_order {
	struct fs_message msg;
	char inner[FS_PATH_MAX]; /* the job may be gone before the answer comes */
	void (*done)(void *arg, int err, const char *text);
	void *arg;
};

static void job_told(struct fs_message *msg)
{
	struct job_order *order = msg->owner;

	if (order->done != NULL)
		order->done(order->arg, msg->status, msg->out.error_text);
	fs_message_fini(msg);
	fs_volume_put(msg->volume);
	free(order);
}

void job_tell(struct job *job, enum fs_op op, uint64_t rate_bytes_s, void (*done)(void *arg, int err, const char *text),
              void *arg)
{
	struct job_order *order = job->volume == NULL ? NULL : calloc(1, sizeof *order);

	if (order == NULL) {
		if (done != NULL)
			done(arg, job->volume == NULL ? -ENODEV : -ENOMEM, NULL);
		return;
	}
	order->done = done;
	order->arg = arg;
	memcpy(order->inner, job->inner, sizeof order->inner);
	fs_message_init(&order->msg, op, fs_volume_get(job->volume), job_told, order);
	order->msg.cls = FS_CLASS_ADMIN;
	order->msg.origin = job->admin->world;
	order->msg.in.path = order->inner;
	order->msg.in.check_rate_bytes_s = rate_bytes_s;
	fs_message_send(&order->msg);
}

void jobs_cancel_working(struct admin *admin)
{
	struct job *job;

	TAILQ_FOREACH(job, &admin->jobs, link)
		if (!job_is_over(job) && job->working && job->cancel != NULL)
			job->cancel(job, NULL, NULL);
}

void jobs_fini(struct admin *admin)
{
	struct job *job, *next;

	world_timer_cancel(&admin->job_timer);
	TAILQ_FOREACH_SAFE(job, &admin->jobs, link, next)
		job_free(job);
}
