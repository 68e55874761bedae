/* SPDX-License-Identifier: Apache-2.0 */
/* REST: storage/luns/{lun}/clone and storage/clones. */
#include "admin/clonejob.h"
#include "admin/fault.h"
#include "admin/http/handlers.h"
#include "admin/moment.h"
#include "fs/volume.h"

json_t *clone_api_json(const char *volume, const struct fs_vdisk_info *info)
{
	const struct fs_clone_info *clone = &info->clone;
	char when[MOMENT_TEXT_SIZE];
	json_t *json = json_pack("{s:o,s:s,s:i,s:{s:I,s:I,s:I},s:I,s:b,s:b}", "path", json_sprintf("/vol/%s%s", volume, info->path),
	                         "state", clonejob_state_name(clone->state), "progress", (int)clonejob_percent(clone), "bytes", "total",
	                         (json_int_t)(clone->blocks_total * FS_BLOCK_SIZE), "done",
	                         (json_int_t)(clone->blocks_done * FS_BLOCK_SIZE), "copied",
	                         (json_int_t)(clone->blocks_copied * FS_BLOCK_SIZE), "rate", (json_int_t)clone->rate_bytes_s, "verify",
	                         (clone->flags & FS_CLONE_VERIFY) != 0, "delete_snapshot", (clone->flags & FS_CLONE_DELETE_SNAPSHOT) != 0);

	if (json == NULL)
		return json_pack("{s:s}", "state", clonejob_state_name(clone->state));
	if (clone->state != FS_CLONE_NONE) {
		moment_format(clone->started_ns, when);
		(void)json_object_set_new(json, "start_time", json_string(when));
	}
	if (clone->state == FS_CLONE_RUNNING && clone->eta_s != UINT64_MAX)
		(void)json_object_set_new(json, "eta_seconds", json_integer((json_int_t)clone->eta_s));
	if (info->backing_snapshot[0] != '\0')
		(void)json_object_set_new(json, "snapshot", json_string(info->backing_snapshot));
	if ((clone->state == FS_CLONE_FAILED || clone->state == FS_CLONE_PAUSED) && clone->error != 0)
		(void)json_object_set_new(
		    json, "error", json_pack("{s:s,s:s}", "code", fault_of(clone->error)->code, "message", fault_of(clone->error)->text));
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
			(void)json_array_append_new(call->records, clone_api_json(fs_volume_name(call->msg.volume), info));
	}
}

void clone_api_list(struct call *call)
{
	call->records = json_array();
	call_each_volume(call, FS_VDISK_LIST, clones_visited, call_reply_collection);
}

/* ---- start, stop ------------------------------------------------------------------------------------------------- */

static void started(struct call *call)
{
	if (call->msg.status != 0) {
		call_fail_message(call, call->path.inner);
		return;
	}
	log_info("admin", "clone_started", "lun=/vol/%s%s", call->path.volume, call->path.inner);
	call_accept(call, clonejob_start(call->admin, call->volume, call->path.inner));
}

void clone_api_start(struct call *call)
{
	if (!call_find_lun(call, call_param(call, "lun")))
		return;
	struct fs_message *msg = call_message(call, FS_CLONE_START);
	msg->in.path = call->path.inner;
	msg->in.clone.rate_bytes_s = (uint64_t)json_integer_value(call_member(call, "rate"));
	msg->in.clone.flags = (call_flag(call, "verify") ? FS_CLONE_VERIFY : 0) |
	                      (call_flag(call, "delete_snapshot") ? FS_CLONE_DELETE_SNAPSHOT : 0);
	call_send(call, started);
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
