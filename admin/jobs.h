/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: long work with a name, a state and a progress that anybody can look up. Kept in memory; the work itself survives a
 * restart where that matters (a clone, a snapshot's reclaim), and gets a new job then. */
#ifndef ADMIN_JOBS_H
#define ADMIN_JOBS_H

#include "admin/admin_private.h"

#define JOBS_KEPT 256U /* finished ones beyond are forgotten, oldest first */
#define JOBS_RUNNING_MAX 64U

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_PAUSED, JOB_SUCCESS, JOB_FAILURE };

struct job {
	TAILQ_ENTRY(job) link;
	struct admin *admin;
	char uuid[UUID_TEXT_SIZE];
	const char *kind; /* "lun clone", static */
	char target[FS_PATH_MAX]; /* "/vol/vol0/test2" */
	char description[FS_PATH_MAX + 64];
	enum job_state state;
	unsigned progress; /* 0..100 */
	int64_t started_ns, ended_ns;
	char code[32]; /* FAILURE, PAUSED */
	char message[512];
	json_t *result; /* what the work found out, or how far it is; NULL: nothing to say */
	/* Work that goes on inside the volume is looked at twice a second. NULL: the owner reports by itself. */
	void (*poll)(struct job *job);
	void (*cancel)(struct job *job, void (*done)(void *arg, int err, const char *text),
	               void *arg); /* NULL: it can't be; done may be, if `working` */
	struct fs_volume *volume; /* referenced */
	char inner[FS_PATH_MAX]; /* LUN's path or snapshot's name inside it */
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
/* It did not. */
void job_fail(struct job *job, int err, const char *text);
struct job *job_find(struct admin *admin, const char *uuid);
/* The running job of this kind and target, or NULL. */
struct job *job_find_running(struct admin *admin, const char *kind, const char *target);
bool job_is_over(const struct job *job);
json_t *job_json(const struct job *job);
/* The job has a poll: look at it twice a second from now on, until it is over. */
void job_follow(struct job *job);
void jobs_fini(struct admin *admin);
/* Tell the job's volume something about it: `op` with the path and rate that it takes. `done` (may be NULL) gets the answer. */
void job_tell(struct job *job, enum fs_op op, uint64_t rate_bytes_s, void (*done)(void *arg, int err, const char *text), void *arg);
/* Those whose work is a message of ours are told to end: the server stops. */
void jobs_cancel_working(struct admin *admin);
/* Jobs neither over nor merely followed. */
unsigned jobs_n_own(const struct admin *admin);

#endif
