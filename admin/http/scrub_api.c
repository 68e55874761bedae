/* SPDX-License-Identifier: Apache-2.0 */
/* REST: storage/volumes/{volume}/scrub and its schedule, which is kept in the volume's policy document. */
#include "admin/document.h"
#include "admin/http/handlers.h"
#include "admin/known.h"
#include "admin/moment.h"
#include "admin/policy.h"
#include "admin/scrubjob.h"
#include "fs/fs_info.h"
#include "fs/message.h"

static void started(struct call *call)
{
	const char *name = call_param(call, "volume");

	if (call->msg.status != 0) {
		call_fail_message(call, name);
		return;
	}
	call_accept(call, scrubjob_start(call->admin, call->volume));
}

void scrub_api_start(struct call *call)
{
	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	struct fs_message *msg = call_message(call, FS_SCRUB_START);
	msg->in.scrub.floor_bytes_s = (uint64_t)json_integer_value(call_member(call, "floor"));
	msg->in.scrub.afresh = call_flag(call, "afresh");
	call_send(call, started);
}

static void status_got(struct call *call)
{
	const char *name = call_param(call, "volume");

	if (call->msg.status != 0)
		call_fail_message(call, name);
	else
		call_reply_take(call, 200, scrubjob_json(name, call->msg.out.scrub));
}

void scrub_api_status(struct call *call)
{
	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	(void)call_message(call, FS_SCRUB_STATUS);
	call_send(call, status_got);
}

/* The answer says how it is now. */
static void changed(struct call *call)
{
	if (call->msg.status != 0) {
		call_fail_message(call, call_param(call, "volume"));
		return;
	}
	(void)call_message(call, FS_SCRUB_STATUS);
	call_send(call, status_got);
}

void scrub_api_modify(struct call *call)
{
	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	call_message(call, FS_SCRUB_MODIFY)->in.scrub.floor_bytes_s = (uint64_t)json_integer_value(
	    call_member(call, "floor"));
	call_send(call, changed);
}

void scrub_api_stop(struct call *call)
{
	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	(void)call_message(call, FS_SCRUB_STOP);
	call_send(call, changed);
}

/* ---- schedule ---------------------------------------------------------------------------------------------------- */

static json_t *schedule_json(struct call *call, const char *name, json_t *records)
{
	int64_t now_s = world_wall_ns(call->admin->world) / 1000000000;
	char at[SCHEDULE_TEXT_SIZE], next[MOMENT_TEXT_SIZE];
	struct policy_scrub scrub;
	json_t *json = json_pack("{s:s,s:s}", "volume", name, "time_zone", "UTC");

	policy_scrub(records, &scrub);
	if (scrub.rule.keep == 0) {
		(void)json_object_set_new(json, "at", json_string("off"));
		return json;
	}
	schedule_format_at(scrub.kind, &scrub.rule, at);
	moment_format(schedule_next(scrub.kind, &scrub.rule, now_s) * 1000000000, next);
	(void)json_object_set_new(json, "at", json_string(at));
	(void)json_object_set_new(json, "every", json_string(scrub.kind == SCHEDULE_DAILY ? "day" : "week"));
	(void)json_object_set_new(json, "next_time", json_string(next));
	return json;
}

void scrub_api_schedule_show(struct call *call)
{
	const char *name = call_param(call, "volume");

	if (call_find_volume(call, name))
		call_reply_take(call, 200, schedule_json(call, name, known_find(call->admin, name)->policy));
}

static void was_put(void *arg, int err)
{
	struct call *call = arg;
	const char *name = call_param(call, "volume");
	struct known_volume *known = call_policy_put(call, err, "schedule");

	if (known == NULL)
		return;
	log_info("admin", "scrub_schedule_set", "volume=%s at=%s", name, call_text(call, "at"));
	call_reply_take(call, 200, schedule_json(call, name, known->policy));
}

static void set_turn(struct call *call)
{
	if (call_policy_begin(call) == NULL)
		return;
	policy_set_scrub(call->scratch, call_text(call, "at"), world_wall_ns(call->admin->world) / 1000000000);
	document_put(call->admin, call->volume, DOCUMENT_POLICY, call->scratch, was_put, call);
}

void scrub_api_schedule_set(struct call *call)
{
	const char *at = call_text(call, "at");
	struct policy_scrub scrub;

	if (at == NULL || policy_scrub_parse(at, &scrub) != 0)
		call_fail(call, -EINVAL, "at",
		          "\"%.32s\" is not a day, or day and time (UTC), such as sun or sun@02:00, nor a time of day "
		          "such as 02:00, nor off",
		          at == NULL ? "" : at);
	else if (call_find_volume(call, call_param(call, "volume")))
		call_turn(call, set_turn);
}
