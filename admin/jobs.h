/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: long work with a name, a state and a progress that anybody can look up. Those that are not over are remembered
 * (admin/jobfile.h): work that goes on inside a volume after a restart has the same job then, what does not is shown as
 * interrupted. */
#ifndef ADMIN_JOBS_H
#define ADMIN_JOBS_H

#include "admin/admin_private.h"
#include "fs/message.h"

#define JOBS_KEPT 256U /* finished ones beyond are forgotten, oldest first */
#define JOBS_RUNNING_MAX 64U

enum job_state {
	JOB_QUEUED,
	JOB_RUNNING,
	JOB_PAUSED, /* goes on by itself: when there is space, when the volume is online again */
	JOB_SUCCESS, /* this and all below: over */
	JOB_FAILURE,
	JOB_STOPPED, /* somebody stopped it; what is done is kept */
	JOB_CANCELLED, /* somebody ended it, and nothing came of it */
	JOB_INTERRUPTED, /* the server ended while it was under way */
};

struct job {
	TAILQ_ENTRY(job) link;
	struct admin *admin;
	char uuid[UUID_TEXT_SIZE];
	char kind[32]; /* "lun clone" */
	char target[FS_PATH_MAX]; /* "/vol/vol0/test2" */
	char description[FS_PATH_MAX + 64];
	enum job_state state;
	unsigned progress; /* 0..100 */
	int64_t started_ns, ended_ns;
	char code[32]; /* PAUSED, and over other than with SUCCESS */
	char message[512];
	json_t *result; /* what the work found out, or how far it is; NULL: nothing to say */
	/* Work that goes on inside the volume is looked at twice a second. NULL: the owner reports by itself. */
	void (*poll)(struct job *job);
	void (*cancel)(struct job *job, void (*done)(void *arg, int err, const char *text),
	               void *arg); /* NULL: it can't be; done may be, if `working` */
	struct fs_volume *volume; /* referenced; NULL with a poll: it waits for its volume */
	char inner[FS_PATH_MAX]; /* LUN's path or snapshot's name inside it */
	struct uuid lun; /* which LUN it is about, whatever its path is now */
	bool has_lun; /* it is known */
	uint32_t snapshot;
	struct fs_message message_out;
	bool polling;
	bool working; /* a message of ours does the work: its end is waited for */
};

/* A running job, or NULL: too many. */
struct job *job_new(struct admin *admin, const char *kind, const char *target, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void job_progress(struct job *job, unsigned percent);
/* It ended well; `result` is taken (may be NULL). */
void job_succeed_take(struct job *job, json_t *result);
/* It did not. -ECANCELED: it was cancelled, or interrupted when that was by the stop of the server. */
void job_fail(struct job *job, int err, const char *text);
/* It was stopped: what is done is kept. */
void job_stop(struct job *job, const char *text);
/* The server ended while it was under way; not told to the job file. */
void job_set_interrupted(struct job *job);
struct job *job_find(struct admin *admin, const char *uuid);
/* The running job of this kind and target, or NULL. */
struct job *job_find_running(struct admin *admin, const char *kind, const char *target);
bool job_is_over(const struct job *job);
json_t *job_json(const struct job *job);
/* The job has a poll: look at it twice a second from now on, until it is over. */
void job_follow(struct job *job);
/* Its volume is offline: it gives that back, and is paused until it gets it again, or over when there is no such volume
 * any more. */
void job_wait_for_volume(struct job *job);
/* The part of its target, /vol/NAME/... or NAME/..., inside volume `name`, with the slash in front; NULL: it is about
 * something else. */
const char *job_inner(const struct job *job, const char *name);
/* There is no volume of that name any more: those that wait for it are over. */
void jobs_volume_gone(struct admin *admin, const char *name);
void jobs_fini(struct admin *admin);
/* Tell the job's volume something about it: `op` with the path and rate that it takes. `done` (may be NULL) gets the
 * answer. */
void job_tell(struct job *job, enum fs_op op, uint64_t rate_bytes_s, void (*done)(void *arg, int err, const char *text),
              void *arg);
/* Those whose work is a message of ours are told to end: the server stops. */
void jobs_cancel_working(struct admin *admin);
/* Jobs neither over nor merely followed. */
unsigned jobs_n_own(const struct admin *admin);

#endif
