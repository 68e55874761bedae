/* SPDX-License-Identifier: Apache-2.0 */
/* REST: jobs. */
#include "admin/fault.h"
#include "admin/http/handlers.h"
#include "fs/fs_info.h"
#include "fs/message.h"

void job_api_list(struct call *call)
{
	const struct job *job;

	call->records = json_array();
	TAILQ_FOREACH(job, &call->admin->jobs, link)
		(void)json_array_append_new(call->records, job_json(job));
	call_reply_collection(call);
}

static struct job *find(struct call *call)
{
	const char *uuid = call_param(call, "job");
	struct job *job = job_find(call->admin, uuid);

	if (job == NULL)
		call_fail(call, -ENOENT, uuid,
		          "there is no job %s (finished jobs are forgotten after a while, and at a restart)", uuid);
	return job;
}

void job_api_show(struct call *call)
{
	struct job *job = find(call);
	if (job != NULL)
		call_reply_take(call, 200, job_json(job));
}

static void cancelled(void *arg, int err, const char *text)
{
	struct call *call = arg;
	struct job *job = job_find(call->admin, call_param(call, "job"));

	if (err != 0)
		call_fail(call, err, call_param(call, "job"), "%s",
		          text != NULL && *text != '\0' ? text : fault_of(err)->text);
	else
		call_reply_take(call, 200, job == NULL ? json_object() : job_json(job));
}

void job_api_cancel(struct call *call)
{
	struct job *job = find(call);

	if (job == NULL)
		return;
	if (job_is_over(job))
		call_fail(call, -EALREADY, job->uuid, "the job has ended already");
	else if (job->cancel == NULL)
		call_fail(call, -EBUSY, job->uuid, "a %s can't be stopped", job->kind);
	else
		job->cancel(job, cancelled, call);
}
