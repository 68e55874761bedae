/* SPDX-License-Identifier: Apache-2.0 */
/* REST: storage/volumes. */
#include <stdio.h>

#include "admin/checkjob.h"
#include "admin/fault.h"
#include "admin/http/handlers.h"
#include "admin/known.h"
#include "admin/lifecycle.h"
#include "admin/textjson.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *known_json(const struct known_volume *known)
{
	json_t *json = json_pack("{s:s,s:s,s:O}", "name", known->name, "state", known_state_name(known->state), "disks",
	                         known->disks);
	if (known->error[0] != '\0')
		(void)json_object_set_new(json, "error", textjson(known->error));
	return json;
}

/* Whose blocks are lost. */
static json_t *lost_json(const struct fs_volume_info *info)
{
	json_t *files = json_array();

	for (unsigned i = 0; i < info->n_lost; i++) {
		const struct fs_lost_file *file = &info->lost[i];
		json_t *json = json_pack("{s:I,s:i}", "inode", (json_int_t)file->inode, "blocks", (int)file->n_blocks);

		if (file->lun[0] != '\0')
			(void)json_object_set_new(json, "lun", textjson_format("/vol/%s%s", info->name, file->lun));
		(void)json_array_append_new(files, json);
	}
	return json_pack("{s:i,s:b,s:o}", "blocks", (int)info->n_lost_blocks, "more", (int)info->lost_more, "files",
	                 files);
}

static void add_info(json_t *json, const struct fs_volume_info *info)
{
	char uuid[UUID_TEXT_SIZE];

	uuid_format(&info->uuid, uuid);
	(void)json_object_set_new(json, "uuid", json_string(uuid));
	(void)json_object_set_new(json, "raid",
	                          json_string(info->failed           ? "failed"
	                                      : info->waits_for_room ? "waiting"
	                                      : info->degraded       ? "degraded"
	                                                             : "normal"));
	if (info->level != NULL)
		(void)json_object_set_new(json, "level", json_string(info->level));
	(void)json_object_set_new(json, "read_only", json_boolean(info->read_only));
	if (info->n_lost_blocks > 0)
		(void)json_object_set_new(json, "lost", lost_json(info));
	(void)json_object_set_new(json, "space",
	                          json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "size", integer(info->size_bytes), "used",
	                                    integer(info->used_bytes), "available", integer(info->free_bytes),
	                                    "snapshot", integer(info->snapshot_bytes), "reserved",
	                                    integer(info->reserved_bytes), "metadata", integer(info->metadata_bytes),
	                                    "kept", integer(info->kept_bytes)));
	(void)json_object_set_new(
	    json, "files",
	    json_pack("{s:o,s:o}", "used", integer(info->n_inodes_used), "available", integer(info->n_inodes_free)));
	(void)json_object_set_new(json, "snapshot_count", integer(info->n_snapshots));
	(void)json_object_set_new(json, "consistency_points",
	                          json_pack("{s:o,s:o,s:o}", "count", integer(info->cp_count), "last_ms",
	                                    integer(info->cp_last_ms), "generation", integer(info->cp_generation)));
	(void)json_object_set_new(
	    json, "nvlog",
	    json_pack("{s:o,s:o}", "used", integer(info->nvlog_bytes_used), "half", integer(info->nvlog_bytes_half)));
	(void)json_object_set_new(json, "cache",
	                          json_pack("{s:o,s:o,s:o}", "used", integer(info->cache_pages * FS_BLOCK_SIZE), "size",
	                                    integer(info->cache_pages_max * FS_BLOCK_SIZE), "dirty",
	                                    integer(info->dirty_pages * FS_BLOCK_SIZE)));
}

/* ---- list, show -------------------------------------------------------------------------------------------------- */

static void volume_visited(struct call *call)
{
	const char *name = fs_volume_name(call->msg.volume);
	json_t *record;
	size_t i;

	json_array_foreach(call->records, i, record) {
		if (strcmp(json_string_value(json_object_get(record, "name")), name) == 0)
			add_info(record, call->msg.out.volume);
	}
}

void volume_api_list(struct call *call)
{
	const struct known_volume *known;

	call->records = json_array();
	TAILQ_FOREACH(known, &call->admin->volumes, link) {
		if (known->name[0] != '\0')
			(void)json_array_append_new(call->records, known_json(known));
	}
	call_each_volume(call, FS_VOLUME_STAT, volume_visited, call_reply_collection);
}

static struct known_volume *find_known(struct call *call)
{
	const char *name = call_param(call, "volume");
	struct known_volume *known = known_find(call->admin, name);

	if (known == NULL || *name == '\0') {
		call_fail(call, -ENOENT, name, "there is no volume \"%s\"", name);
		return NULL;
	}
	return known;
}

static void volume_statted(struct call *call)
{
	struct known_volume *known = known_find(call->admin, call_param(call, "volume"));

	if (known == NULL || (call->msg.status != 0 && call->msg.status != -ENODEV)) {
		call_fail_message(call, call_param(call, "volume"));
		return;
	}
	json_t *json = known_json(known);
	if (call->msg.status == 0)
		add_info(json, call->msg.out.volume);
	call_reply_take(call, 200, json);
}

void volume_api_show(struct call *call)
{
	struct known_volume *known = find_known(call);

	if (known == NULL)
		return;
	if (known->state != KNOWN_ONLINE) {
		call_reply_take(call, 200, known_json(known));
		return;
	}
	call->volume = fs_volume_get(known->volume);
	(void)call_message(call, FS_VOLUME_STAT);
	call_send(call, volume_statted);
}

/* ---- create, import, online, offline, destroy -------------------------------------------------------------------- */

static void lifecycle_ended(void *arg, int err, const char *text, struct known_volume *known)
{
	struct job *job = arg;

	if (err == 0)
		job_succeed_take(job, known == NULL ? NULL : json_pack("{s:s}", "volume", known->name));
	else
		job_fail(job, err, text);
}

/* Bodies of POST: {name, raid, raid_groups, disk_size, preallocate, force} makes, {disks, new_identity} imports. */
void volume_api_create(struct call *call)
{
	const char *name = call_text(call, "name");
	json_t *disks = call_member(call, "disks");
	struct job *job;

	/* it becomes part of paths, host names in the page's commands, and log lines */
	if (name != NULL && !known_name_is_good(name)) {
		call_fail(call, -EINVAL, "name", "\"%s\" can't be a volume's name: " KNOWN_NAME_RULE, name);
		return;
	}
	if (name != NULL && known_find(call->admin, name) != NULL) {
		call_fail(call, -EEXIST, name, "there is a volume \"%s\" already", name);
		return;
	}
	if (disks != NULL) {
		job = job_new(call->admin, "volume import", "", "import of a volume from %zu disks",
		              json_array_size(disks));
		if (job != NULL)
			lifecycle_import(call->admin,
			                 &(struct lifecycle_found){ .disks = disks,
			                                            .name = name,
			                                            .anywhere = call->caller.by == CALLER_SOCKET,
			                                            .new_identity = call_flag(call, "new_identity") },
			                 lifecycle_ended, job);
		call_accept(call, job);
		return;
	}
	json_int_t size = json_integer_value(call_member(call, "disk_size"));
	if (size % FS_BLOCK_SIZE != 0) {
		call_fail(call, -EINVAL, "disk_size", "disk_size must be a multiple of %u", FS_BLOCK_SIZE);
		return;
	}
	job = job_new(call->admin, "volume create", name, "making volume %s", name);
	if (job != NULL)
		lifecycle_create(call->admin,
		                 &(struct lifecycle_new){ .name = name,
		                                          .groups = call_member(call, "raid_groups"),
		                                          .level = call_text(call, "raid"),
		                                          .disk_size = (uint64_t)size,
		                                          .preallocate = call_flag(call, "preallocate"),
		                                          .force = call_flag(call, "force") },
		                 lifecycle_ended, job);
	call_accept(call, job);
}

void volume_api_modify(struct call *call)
{
	struct known_volume *known = find_known(call);

	if (known == NULL)
		return;
	bool online = strcmp(call_text(call, "state"), "online") == 0;
	if (known->busy || (known->state == KNOWN_ONLINE) == online) {
		call_fail(call, known->busy ? -EBUSY : -EALREADY, known->name, "volume \"%s\" is %s%s", known->name,
		          known_state_name(known->state), known->busy ? "; wait until that has ended" : " already");
		return;
	}
	struct job *job = job_new(call->admin, online ? "volume online" : "volume offline", known->name,
	                          "bringing volume %s %s", known->name, online ? "online" : "offline");
	if (job != NULL)
		(online ? lifecycle_online : lifecycle_offline)(call->admin, known, lifecycle_ended, job);
	call_accept(call, job);
}

void volume_api_destroy(struct call *call)
{
	struct known_volume *known = find_known(call);

	if (known == NULL)
		return;
	if (known->busy) {
		call_fail(call, -EBUSY, known->name, "something else is being done with volume \"%s\"", known->name);
		return;
	}
	struct job *job = job_new(call->admin, "volume destroy", known->name, "erasing volume %s", known->name);
	if (job != NULL)
		lifecycle_destroy(call->admin, known, lifecycle_ended, job);
	call_accept(call, job);
}

/* ---- check ------------------------------------------------------------------------------------------------------- */

void volume_api_check(struct call *call)
{
	const char *name = call_param(call, "volume");
	const json_t *rate = call_member(call, "rate");
	uint64_t rate_bytes_s = (uint64_t)json_integer_value(rate);
	struct job *job;

	if (!call_find_volume(call, name))
		return;
	job = job_find_running(call->admin, CHECKJOB_KIND, name);
	if (job == NULL) {
		call_accept(call, checkjob_start(call->admin, call->volume, rate_bytes_s));
	} else if (rate != NULL) {
		checkjob_rate(job, rate_bytes_s);
		call_accept(call, job);
	} else {
		call_fail(call, -EBUSY, name, "volume \"%s\" is being checked already", name);
	}
}
