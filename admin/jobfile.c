/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs that are not over, or were interrupted, remembered in STATE_DIR/jobs.json. */
#include "admin/jobfile.h"

#include <stdio.h>

#include "admin/clonejob.h"
#include "admin/jobs.h"
#include "admin/statefile.h"
#include "admin/textjson.h"
#include "base/text.h"
#include "fs/fs_info.h"
#include "fs/message.h"

#define JOBFILE_VERSION 1

static int jobfile_path(const struct admin *admin, char path[4096])
{
	int n = snprintf(path, 4096, "%s/jobs.json", admin->state_dir);
	return n < 0 || n >= 4096 ? -ENAMETOOLONG : 0;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static json_t *saved_form(const struct job *job)
{
	return json_pack("{s:s,s:s,s:o,s:o,s:I,s:b}", "uuid", job->uuid, "kind", job->kind, "target",
	                 textjson(job->target), "description", textjson(job->description), "started_ns",
	                 (json_int_t)job->started_ns, "interrupted", (int)(job->state == JOB_INTERRUPTED));
}

void jobfile_save(struct admin *admin)
{
	char path[4096];
	const struct job *job;
	json_t *list = json_array();
	int err = jobfile_path(admin, path);

	TAILQ_FOREACH(job, &admin->jobs, link) {
		if (!job_is_over(job) || job->state == JOB_INTERRUPTED)
			(void)json_array_append_new(list, saved_form(job));
	}
	json_t *state = json_pack("{s:i,s:o}", "version", JOBFILE_VERSION, "jobs", list);
	if (err == 0)
		err = state == NULL ? -ENOMEM : statefile_write(path, state);
	if (err != 0)
		log_warn("admin", "jobs_not_saved", "file=%s error=%s", path, error_name(err));
	json_decref(state);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* A member of `entry`, its escapes undone. */
static bool text_take(json_t *entry, const char *key, char *to, size_t size)
{
	const char *saved = json_string_value(json_object_get(entry, key));
	char *text = saved == NULL ? NULL : strdup(saved);
	bool good = false;

	if (text != NULL) {
		text_unescape(text);
		good = strlen(text) < size;
	}
	if (good)
		memcpy(to, text, strlen(text) + 1);
	free(text);
	return good;
}

static bool job_take(struct job *job, json_t *entry)
{
	struct uuid uuid;

	job->started_ns = json_integer_value(json_object_get(entry, "started_ns"));
	return text_take(entry, "uuid", job->uuid, sizeof job->uuid) && uuid_parse(job->uuid, &uuid) == 0 &&
	       job_find(job->admin, job->uuid) == NULL && text_take(entry, "kind", job->kind, sizeof job->kind) &&
	       text_take(entry, "target", job->target, sizeof job->target) &&
	       text_take(entry, "description", job->description, sizeof job->description);
}

/* What makes no sense is left out. */
static void load_one(struct admin *admin, json_t *entry)
{
	struct job *job = admin->n_jobs < JOBS_KEPT ? calloc(1, sizeof *job) : NULL;

	if (job == NULL)
		return;
	job->admin = admin;
	if (!job_take(job, entry)) {
		free(job);
		return;
	}
	TAILQ_INSERT_TAIL(&admin->jobs, job, link);
	admin->n_jobs++;
	if (json_is_true(json_object_get(entry, "interrupted")) || !clonejob_goes_on(job))
		job_set_interrupted(job);
}

void jobfile_load(struct admin *admin)
{
	char path[4096];
	json_t *state = NULL, *entry;
	size_t i;
	int err = jobfile_path(admin, path);

	if (err == 0)
		err = statefile_read(path, &state);
	if (err == 0 && json_integer_value(json_object_get(state, "version")) != JOBFILE_VERSION)
		err = -ENOTSUP;
	if (err != 0 && err != -ENOENT)
		log_warn("admin", "jobs_not_loaded", "file=%s error=%s", path, error_name(err));
	json_array_foreach(err == 0 ? json_object_get(state, "jobs") : NULL, i, entry)
		load_one(admin, entry);
	json_decref(state);
}
