/* SPDX-License-Identifier: Apache-2.0 */
/* REST: storage/luns/{lun}/clone and storage/clones.
 *
 * WRITE PATH. previous hop: http_server.c, by handlers.c; next hop: FS_CLONE_START and its like (fs/dispatch.c); a job
 * follows (clonejob.h). */
#include "admin/clonejob.h"
#include "admin/fault.h"
#include "admin/http/handlers.h"
#include "admin/moment.h"
#include "admin/size.h"
#include "admin/textjson.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"

static json_t *priority_json(unsigned priority)
{
	switch (priority) {
	case FS_CLONE_PRIORITY_LOW: return json_string("low");
	case FS_CLONE_PRIORITY_NORMAL: return json_string("normal");
	case FS_CLONE_PRIORITY_HIGH: return json_string("high");
	default: return json_sprintf("%u", priority);
	}
}

json_t *clone_api_json(const char *volume, const struct fs_vdisk_info *info)
{
	const struct fs_clone_info *clone = &info->clone;
	char when[MOMENT_TEXT_SIZE], why[256];
	json_t *json = json_pack(
	    "{s:o,s:s,s:i,s:I,s:o,s:b,s:b,s:I}", "path", textjson_format("/vol/%s%s", volume, info->path), "state",
	    clonejob_state_name(clone->state), "progress", (int)clonejob_percent(clone), "rate",
	    (json_int_t)clone->rate_bytes_s, "priority", priority_json(clone->priority), "verify",
	    (clone->flags & FS_CLONE_VERIFY) != 0, "delete_snapshot", (clone->flags & FS_CLONE_DELETE_SNAPSHOT) != 0,
	    "reserved", (json_int_t)(clone->blocks_reserved * FS_BLOCK_SIZE));

	(void)json_object_update_new(json, clonejob_figures(clone));
	if (clone->state != FS_CLONE_NONE) {
		moment_format(clone->started_ns, when);
		(void)json_object_set_new(json, "start_time", json_string(when));
	}
	if (info->backing_snapshot[0] != '\0')
		(void)json_object_set_new(json, "snapshot", textjson(info->backing_snapshot));
	if ((clone->state == FS_CLONE_FAILED || clone->state == FS_CLONE_PAUSED) && clone->error != 0) {
		clonejob_why(clone, why, sizeof why);
		(void)json_object_set_new(json, "error",
		                          json_pack("{s:s,s:s}", "code", fault_of(clone->error)->code, "message", why));
	}
	return json;
}

/* ---- status, list ------------------------------------------------------------------------------------------------ */

static void answer_clone(struct call *call)
{
	if (call->msg.status != 0 || call->msg.out.n != 1)
		call_fail_message(call, call->path.inner);
	else
		call_reply_take(call, 200, clone_api_json(call->path.volume, &call->msg.out.vdisks[0]));
}

void clone_api_status(struct call *call)
{
	if (!call_find_lun(call, call_param(call, "lun")))
		return;
	call_message(call, FS_CLONE_STATUS)->in.path = call->path.inner;
	call_send(call, answer_clone);
}

static void clones_visited(struct call *call)
{
	for (unsigned i = 0; i < call->msg.out.n; i++) {
		const struct fs_vdisk_info *info = &call->msg.out.vdisks[i];
		if (info->clone.state != FS_CLONE_NONE)
			(void)json_array_append_new(call->records,
			                            clone_api_json(fs_volume_name(call->msg.volume), info));
	}
}

void clone_api_list(struct call *call)
{
	call->records = json_array();
	call_each_volume(call, FS_VDISK_LIST, clones_visited, call_reply_collection);
}

/* ---- start, modify, stop ----------------------------------------------------------------------------------------- */

static void started(struct call *call)
{
	if (call->msg.status != 0) {
		call_fail_message(call, call->path.inner);
		return;
	}
	log_info("admin", "clone_started", "lun=/vol/%s%s", call->path.volume, call->path.inner);
	call_accept(call, clonejob_start(call->admin, call->volume, call->path.inner));
}

/* "high", "7" -> 10, 7. False: the call has been answered. */
static bool priority_take(struct call *call, unsigned *ret_priority)
{
	static const struct {
		const char *name;
		unsigned priority;
	} names[] = { { "low", FS_CLONE_PRIORITY_LOW },
		      { "normal", FS_CLONE_PRIORITY_NORMAL },
		      { "high", FS_CLONE_PRIORITY_HIGH } };
	const char *text = call_text(call, "priority");
	uint64_t number;

	*ret_priority = 0;
	if (text == NULL)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i].name, text) == 0)
			*ret_priority = names[i].priority;
	if (*ret_priority == 0 && size_parse_integer(text, FS_CLONE_PRIORITY_MAX, &number) == 0)
		*ret_priority = (unsigned)number;
	if (*ret_priority == 0)
		call_fail(call, -EINVAL, "priority", "\"%.32s\" is not a priority: low, normal, high, or 1 to %u", text,
		          FS_CLONE_PRIORITY_MAX);
	return *ret_priority != 0;
}

static void options_take(struct call *call, struct fs_message *msg, unsigned priority)
{
	msg->in.path = call->path.inner;
	msg->in.clone.rate_bytes_s = (uint64_t)json_integer_value(call_member(call, "rate"));
	msg->in.clone.priority = priority;
	msg->in.clone.flags = (call_flag(call, "verify") ? FS_CLONE_VERIFY : 0) |
	                      (call_flag(call, "delete_snapshot") ? FS_CLONE_DELETE_SNAPSHOT : 0);
}

void clone_api_start(struct call *call)
{
	unsigned priority;

	if (!call_find_lun(call, call_param(call, "lun")) || !priority_take(call, &priority))
		return;
	options_take(call, call_message(call, FS_CLONE_START), priority);
	call_send(call, started);
}

static void modified(struct call *call)
{
	if (call->msg.status != 0) {
		call_fail_message(call, call->path.inner);
		return;
	}
	log_info("admin", "clone_modified", "lun=/vol/%s%s rate=%llu priority=%u", call->path.volume, call->path.inner,
	         (unsigned long long)call->msg.out.vdisks[0].clone.rate_bytes_s,
	         call->msg.out.vdisks[0].clone.priority);
	answer_clone(call);
}

void clone_api_modify(struct call *call)
{
	static const struct {
		const char *key;
		uint32_t set;
	} keys[] = { { "rate", FS_CLONE_SET_RATE },
		     { "priority", FS_CLONE_SET_PRIORITY },
		     { "verify", FS_CLONE_SET_VERIFY },
		     { "delete_snapshot", FS_CLONE_SET_DELETE_SNAPSHOT } };
	unsigned priority;
	uint32_t set = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		set |= call_member(call, keys[i].key) != NULL ? keys[i].set : 0;
	if (!call_find_lun(call, call_param(call, "lun")) || !priority_take(call, &priority))
		return;
	struct fs_message *msg = call_message(call, FS_CLONE_MODIFY);
	options_take(call, msg, priority);
	msg->in.clone.set = set;
	call_send(call, modified);
}

static void stopped(struct call *call)
{
	if (call->msg.status != 0) {
		call_fail_message(call, call->path.inner);
		return;
	}
	log_info("admin", "clone_stopped", "lun=/vol/%s%s", call->path.volume, call->path.inner);
	answer_clone(call);
}

void clone_api_stop(struct call *call)
{
	if (!call_find_lun(call, call_param(call, "lun")))
		return;
	call_message(call, FS_CLONE_STOP)->in.path = call->path.inner;
	call_send(call, stopped);
}
