/* SPDX-License-Identifier: Apache-2.0 */
/* REST: storage/volumes/{volume}/snapshots. */
#include "admin/clonejob.h"
#include "admin/filejob.h"
#include "admin/http/handlers.h"
#include "admin/known.h"
#include "admin/lifecycle.h"
#include "admin/moment.h"
#include "admin/textjson.h"
#include "base/must.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"

#define FIGURES_WAIT_NS 1500000000ULL /* a list waits so long for figures that are not known yet */

static void set_name(struct fs_message *msg, const char *name)
{
	msg->in.name = name;
	msg->in.name_len = (uint32_t)strlen(name);
}

static bool good_name(struct call *call, const char *name)
{
	if (volpath_is_name(name, FS_NAME_MAX))
		return true;
	call_fail(call, -EINVAL, "name", "\"%s\" can't be a snapshot's name: 1 to %u bytes, no slash, not . or ..",
	          name, FS_NAME_MAX);
	return false;
}

/* null: not counted yet, as at the first look at a large volume. */
static json_t *figure(const struct fs_snapshot_info *info, uint64_t bytes)
{
	return info->summed ? json_integer((json_int_t)bytes) : json_null();
}

static json_t *snapshot_json(const char *volume, const struct fs_snapshot_info *info)
{
	char when[MOMENT_TEXT_SIZE];

	moment_format(info->created_ns, when);
	return json_pack("{s:o,s:s,s:I,s:s,s:o,s:o,s:s,s:I,s:s,s:b}", "name", textjson(info->name), "volume", volume,
	                 "id", (json_int_t)info->id, "create_time", when, "used", figure(info, info->used_bytes),
	                 "since_previous", figure(info, info->since_bytes), "state",
	                 info->deleting ? "deleting" : "valid", "dependants", (json_int_t)info->n_dependants, "origin",
	                 info->scheduled ? "schedule" : "user", "delete_when_free", info->delete_when_free);
}

static void listed(struct call *call)
{
	if (call->msg.status != 0) {
		call_fail_message(call, call_param(call, "volume"));
		return;
	}
	call->records = json_array();
	for (unsigned i = 0; i < call->msg.out.n; i++)
		(void)json_array_append_new(call->records,
		                            snapshot_json(call_param(call, "volume"), &call->msg.out.snapshots[i]));
	call_reply_collection(call);
}

void snapshot_api_list(struct call *call)
{
	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	call_message(call, FS_SNAPSHOT_SPACE)->in.wait_ns = FIGURES_WAIT_NS;
	call_send(call, listed);
}

static void answer_snapshot(struct call *call, const char *name, int status)
{
	for (unsigned i = 0; call->msg.status == 0 && i < call->msg.out.n; i++) {
		if (strcmp(call->msg.out.snapshots[i].name, name) == 0) {
			call_reply_take(call, status,
			                snapshot_json(call_param(call, "volume"), &call->msg.out.snapshots[i]));
			return;
		}
	}
	/* Done, and gone again meanwhile. */
	call_reply_take(call, status, json_pack("{s:s,s:s}", "name", name, "volume", call_param(call, "volume")));
}

static void created_listed(struct call *call)
{
	answer_snapshot(call, call_text(call, "name"), 201);
}
static void renamed_listed(struct call *call)
{
	answer_snapshot(call, call_text(call, "name"), 200);
}

static void created(struct call *call)
{
	if (call->msg.status != 0) {
		call_fail_message(call, call_text(call, "name"));
		return;
	}
	log_info("admin", "snapshot_created", "volume=%s snapshot=%s", call_param(call, "volume"),
	         call_text(call, "name"));
	(void)call_message(call, FS_SNAPSHOT_LIST);
	call_send(call, created_listed);
}

void snapshot_api_create(struct call *call)
{
	if (!good_name(call, call_text(call, "name")) || !call_find_volume(call, call_param(call, "volume")))
		return;
	set_name(call_message(call, FS_SNAPSHOT_CREATE), call_text(call, "name"));
	call_send(call, created);
}

static void renamed(struct call *call)
{
	if (call->msg.status != 0) {
		call_fail_message(call, call_param(call, "snapshot"));
		return;
	}
	(void)call_message(call, FS_SNAPSHOT_LIST);
	call_send(call, renamed_listed);
}

void snapshot_api_rename(struct call *call)
{
	const char *name = call_text(call, "name");

	if (!good_name(call, name) || !call_find_volume(call, call_param(call, "volume")))
		return;
	struct fs_message *msg = call_message(call, FS_SNAPSHOT_RENAME);
	set_name(msg, call_param(call, "snapshot"));
	msg->in.to_name = name;
	msg->in.to_name_len = (uint32_t)strlen(name);
	call_send(call, renamed);
}

static void deleted(struct call *call)
{
	const char *name = call_param(call, "snapshot");

	if (call->msg.status != 0) {
		call_fail_message(call, name);
		return;
	}
	log_info("admin", "snapshot_deleted", "volume=%s snapshot=%s", call_param(call, "volume"), name);
	call_accept(call, clonejob_reclaim_start(call->admin, call->volume, name));
}

void snapshot_api_delete(struct call *call)
{
	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	set_name(call_message(call, FS_SNAPSHOT_DELETE), call_param(call, "snapshot"));
	call_send(call, deleted);
}

/* ---- restore ----------------------------------------------------------------------------------------------------- */

static void restored(void *arg, int err, const char *text, struct known_volume *known)
{
	struct job *job = arg;

	if (err == 0)
		job_succeed_take(job, json_pack("{s:s}", "volume", known->name));
	else
		job_fail(job, err, text);
}

/* The volume has said what would go, and that it would do it. */
static void restore_looked(struct call *call)
{
	const char *name = call_param(call, "snapshot");
	struct known_volume *known = known_find(call->admin, call_param(call, "volume"));

	if (call->msg.status != 0) {
		call_fail_message(call, name);
		return;
	}
	if (known == NULL || known->busy || known->state != KNOWN_ONLINE) {
		call_fail(call, -EBUSY, name, "something else is being done with volume \"%s\"",
		          call_param(call, "volume"));
		return;
	}
	struct job *job = job_new(call->admin, "snapshot restore", known->name, "putting volume %s back to snapshot %s",
	                          known->name, name);
	if (job != NULL) {
		log_info("admin", "volume_restore", "volume=%s snapshot=%s newer_snapshots=%u", known->name, name,
		         call->msg.out.n);
		lifecycle_restore(call->admin, known, name, call_flag(call, "force"), restored, job);
	}
	call_accept(call, job);
}

void snapshot_api_restore(struct call *call)
{
	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	struct fs_message *msg = call_message(call, FS_SNAPSHOT_RESTORE);
	set_name(msg, call_param(call, "snapshot"));
	msg->in.restore.look = true;
	msg->in.restore.force = call_flag(call, "force");
	call_send(call, restore_looked);
}

/* ---- restore-file ------------------------------------------------------------------------------------------------ */

/* A LUN: initiators see the restored one now; the job is its clone's. A file: the job is the restore. */
static void file_painted(struct call *call)
{
	call_accept(call, clonejob_start(call->admin, call->volume, call->path.inner));
}

static void file_restored(struct call *call)
{
	if (call->msg.status != 0) {
		call_fail_message(call, call->path.inner);
		return;
	}
	log_info("admin", "lun_restored", "lun=/vol/%s%s snapshot=%s", call->path.volume, call->path.inner,
	         call_param(call, "snapshot"));
	call_repaint(call, file_painted);
}

static void file_turn(struct call *call)
{
	struct fs_message *msg = call_message(call, FS_VDISK_RESTORE);

	msg->in.path = call->path.inner;
	set_name(msg, call_param(call, "snapshot"));
	call_send(call, file_restored);
}

/* What is no regular file and no LUN in the snapshot, or not there at all, the volume refuses, and says why. */
static void file_refused(struct call *call)
{
	if (call->msg.status != 0)
		call_fail_message(call, call->path.inner);
	else /* it has come to be one meanwhile */
		call_accept(call,
		            filejob_start(call->admin, call->volume, call->path.inner, call_param(call, "snapshot")));
}

static void file_looked(struct call *call)
{
	enum fs_type type = call->msg.status == 0 ? call->msg.out.attr.type : FS_TYPE_NONE;

	if (type == FS_TYPE_VDISK) {
		call_turn(call, file_turn);
	} else if (type == FS_TYPE_REG) {
		call_accept(call,
		            filejob_start(call->admin, call->volume, call->path.inner, call_param(call, "snapshot")));
	} else {
		struct fs_message *msg = call_message(call, FS_FILE_RESTORE);

		msg->in.path = call->path.inner;
		set_name(msg, call_param(call, "snapshot"));
		call_send(call, file_refused);
	}
}

void snapshot_api_restore_file(struct call *call)
{
	const char *volume = call_param(call, "volume");

	if (!call_find_path(call, call_text(call, "path"), "path"))
		return;
	if (strcmp(call->path.volume, volume) != 0) {
		call_fail(call, -EINVAL, "path", "%s is not in volume \"%s\", whose snapshot it is",
		          call_text(call, "path"), volume);
		return;
	}
	if (asprintf(&call->text, "/.snapshot/%s%s", call_param(call, "snapshot"), call->path.inner) < 0)
		call->text = must(NULL);
	call_message(call, FS_RESOLVE)->in.path = call->text;
	call_send(call, file_looked);
}
