/* SPDX-License-Identifier: Apache-2.0 */
/* REST: storage/raid-groups, storage/disks, storage/volumes/{volume}/disks, and storage/volumes/{volume}/raid. */
#include <stdio.h>
#include <stdlib.h>

#include "admin/http/handlers.h"
#include "admin/lifecycle.h"
#include "admin/rebuildjob.h"
#include "admin/scrubjob.h"
#include "admin/spare.h"
#include "admin/textjson.h"
#include "base/must.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"
#include "raid/raid.h"

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* By kind; "io": those of I/Os, "repaired": of all. */
static json_t *errors_json(const struct raid_disk_status *disk)
{
	const struct raid_error_count *errors = disk->errors;
	json_t *json = json_object();
	uint64_t n_repaired = 0;

	for (unsigned kind = 0; kind < RAID_N_ERRORS; kind++) {
		(void)json_object_set_new(json, raid_error_name((enum raid_error)kind), integer(errors[kind].n));
		n_repaired += errors[kind].n_repaired;
	}
	(void)json_object_set_new(
	    json, "io", integer(errors[RAID_ERROR_READ].n + errors[RAID_ERROR_WRITE].n + errors[RAID_ERROR_FLUSH].n));
	(void)json_object_set_new(json, "repaired", integer(n_repaired));
	return json;
}

static json_t *disk_json(const char *volume, const struct raid_disk_status *disk)
{
	char uuid[UUID_TEXT_SIZE];
	json_t *json = json_pack(
	    "{s:s,s:s,s:i,s:i,s:s,s:s,s:o}", "name", disk->url, "volume", volume, "group", (int)disk->group, "position",
	    (int)disk->position, "role", raid_role_name(disk->is_parity, disk->is_second), "state",
	    disk->waits_for_room ? "waiting" : raid_disk_state_name(disk->state), "size", integer(disk->size_bytes));
	uuid_format(&disk->uuid, uuid);
	(void)json_object_set_new(json, "uuid", json_string(uuid));
	if (disk->why[0] != '\0')
		(void)json_object_set_new(json, "reason", json_string(disk->why));
	else if (disk->worn[0] != '\0')
		(void)json_object_set_new(json, "reason", json_sprintf("should be replaced: %s", disk->worn));
	if (disk->keeps_rest && disk->state != RAID_DISK_ONLINE)
		(void)json_object_set_new(json, "changed", integer(disk->changed_blocks * RAID_BLOCK_SIZE));
	(void)json_object_set_new(json, "worn", json_boolean(disk->worn[0] != '\0'));
	if (disk->waits_for_room)
		(void)json_object_set_new(json, "waits_for", json_string("room on the host"));
	if (disk->rebuild_blocks > 0)
		(void)json_object_set_new(
		    json, "rebuilt_percent",
		    json_integer((json_int_t)disk->rebuilt_blocks * 100 / (json_int_t)disk->rebuild_blocks));
	(void)json_object_set_new(json, "io",
	                          json_pack("{s:o,s:o,s:o,s:o}", "reads", integer(disk->n_reads), "writes",
	                                    integer(disk->n_writes), "read_bytes", integer(disk->read_bytes),
	                                    "written_bytes", integer(disk->written_bytes)));
	(void)json_object_set_new(json, "errors", errors_json(disk));
	return json;
}

static void disks_visited(struct call *call)
{
	const struct raid_status *status = call->msg.out.raid;

	for (unsigned i = 0; i < status->n_disks; i++)
		(void)json_array_append_new(call->records,
		                            disk_json(fs_volume_name(call->msg.volume), &status->disks[i]));
}

static void disks_spares(struct call *call)
{
	spare_api_append(call, call_query(call, "volume"));
	call_reply_collection(call);
}

void raid_api_disks(struct call *call)
{
	call->records = json_array();
	call_each_volume(call, FS_RAID_STATUS, disks_visited, disks_spares);
}

static const char *group_state(const struct raid_group_status *group, unsigned n_waiting, unsigned n_rebuilding)
{
	if (group->n_lost > group->n_parity)
		return "failed";
	if (n_waiting > 0)
		return "waiting";
	return n_rebuilding > 0 ? "reconstructing" : group->n_lost > 0 ? "degraded" : "normal";
}

/* 0: no limit. */
static json_t *limits_json(const struct raid_limits *limits)
{
	json_t *json = json_object();

	for (unsigned i = 0; i < RAID_N_LIMITS; i++)
		(void)json_object_set_new(json, raid_limit_name((enum raid_limit)i),
		                          integer(limits->of[i] == RAID_NO_LIMIT ? 0 : limits->of[i]));
	return json;
}

/* How many spares could take the place of a disk. */
static json_t *spares_of(struct admin *admin, const char *volume, const struct raid_disk_status *disk)
{
	const struct known_volume *known = known_find(admin, volume);

	return json_integer(known == NULL ? 0 : (json_int_t)spare_count(admin, known, disk->needed_bytes));
}

static json_t *group_json(struct admin *admin, const char *volume, const struct raid_status *status, unsigned group)
{
	const struct raid_group_status *its = &status->groups[group];
	json_t *disks = json_array();
	unsigned n_waiting = 0, n_rebuilding = 0;

	for (unsigned i = 0; i < status->n_disks; i++) {
		if (status->disks[i].group != group)
			continue;
		n_waiting += status->disks[i].waits_for_room;
		n_rebuilding += status->disks[i].state == RAID_DISK_REBUILDING;
		json_t *one = disk_json(volume, &status->disks[i]);
		(void)json_object_set_new(one, "spares", spares_of(admin, volume, &status->disks[i]));
		(void)json_array_append_new(disks, one);
	}
	const char *state = group_state(its, n_waiting, n_rebuilding);
	json_t *disk;
	size_t i;
	json_t *limits = limits_json(&status->limits);
	json_array_foreach(disks, i, disk) {
		(void)json_object_set_new(disk, "group_state", json_string(state));
		(void)json_object_set_new(disk, "level", json_string(its->level));
		(void)json_object_set(disk, "limits", limits);
	}
	json_decref(limits);
	return json_pack("{s:o,s:s,s:i,s:s,s:i,s:s,s:o}", "name", json_sprintf("%s/rg%u", volume, group), "volume",
	                 volume, "group", (int)group, "type", its->level, "may_lose",
	                 (int)(its->n_parity - MIN_OF(its->n_lost, its->n_parity)), "state", state, "disks", disks);
}

static void groups_visited(struct call *call)
{
	const struct raid_status *status = call->msg.out.raid;

	for (unsigned group = 0; group < status->n_groups; group++)
		(void)json_array_append_new(call->records,
		                            group_json(call->admin, fs_volume_name(call->msg.volume), status, group));
}

/* The last whole scrub, at each disk of its volume. */
static void scrub_visited(struct call *call)
{
	const struct fs_scrub_result *last = &call->msg.out.scrub->last;
	const char *volume = fs_volume_name(call->msg.volume);
	json_t *group, *disk;
	size_t i, j;

	json_array_foreach(call->records, i, group) {
		if (strcmp(json_string_value(json_object_get(group, "volume")), volume) != 0)
			continue;
		json_array_foreach(json_object_get(group, "disks"), j, disk) {
			json_t *scrub = scrubjob_disk_json(last, json_string_value(json_object_get(disk, "uuid")));

			if (scrub != NULL)
				(void)json_object_set_new(disk, "scrub", scrub);
		}
	}
}

static void groups_scrub(struct call *call)
{
	call_each_again(call, FS_SCRUB_STATUS, scrub_visited, call_reply_collection);
}

void raid_api_groups(struct call *call)
{
	call->records = json_array();
	call_each_volume(call, FS_RAID_STATUS, groups_visited, groups_scrub);
}

/* ---- replace, online, fail --------------------------------------------------------------------------------------- */

/* The disk that an administrator means: by its name, or by its place. NULL: there is none. */
static const struct raid_disk_status *disk_meant(const struct call *call, const char *name)
{
	const struct raid_status *status = call->msg.out.raid;
	const struct raid_disk_status *found = NULL;
	json_t *url = known_disk_url(call->admin, name);
	unsigned group, position;
	char rest;
	bool by_place = sscanf(name, "%u.%u%c", &group, &position, &rest) == 2;

	for (unsigned i = 0; i < status->n_disks && found == NULL; i++) {
		const struct raid_disk_status *disk = &status->disks[i];

		if (by_place ? disk->group == group && disk->position == position
		             : url != NULL && strcmp(disk->url, json_string_value(url)) == 0)
			found = disk;
	}
	json_decref(url);
	return found;
}

/* Of call->msg; NULL: it was answered. */
static const struct raid_disk_status *disk_found(struct call *call)
{
	const struct raid_disk_status *disk;

	if (call->msg.status != 0) {
		call_fail_message(call, call_param(call, "volume"));
		return NULL;
	}
	disk = disk_meant(call, call_text(call, "disk"));
	if (disk == NULL)
		call_fail(call, -ENOENT, "disk",
		          "volume \"%s\" has no disk \"%s\": see vcadm raid show; a place is GROUP.POSITION, as 0.2",
		          call_param(call, "volume"), call_text(call, "disk"));
	return disk;
}

static void replace_ended(void *arg, int err, const char *text, struct known_volume *known)
{
	struct job *job = arg;

	if (err == 0 && known != NULL && known->volume != NULL)
		rebuildjob_follow(job, known->volume);
	else
		job_fail(job, err != 0 ? err : -ENODEV, text);
}

/* The disk named `name` (key `key` of the body) gets the place of `lost`; `replacement` says how. */
static void replace_begin(struct call *call, const struct raid_disk_status *lost, const char *key, const char *name,
                          struct lifecycle_replacement *replacement)
{
	struct known_volume *known = known_find(call->admin, call_param(call, "volume"));
	json_t *url = known_disk_url(call->admin, name);
	struct job *job;

	if (url == NULL) {
		call_fail(call, -EINVAL, key,
		          "\"%s\" is not a disk: give a name, an absolute path or a URL (file:/path)", name);
		return;
	}
	replacement->group = lost->group;
	replacement->position = lost->position;
	replacement->old_url = lost->url;
	replacement->url = json_string_value(url);
	replacement->size_bytes = lost->size_bytes;
	replacement->needed_bytes = lost->needed_bytes;
	job = rebuildjob_new(call->admin, known->name, lost->group, lost->position);
	if (job != NULL)
		lifecycle_replace(call->admin, known, replacement, replace_ended, job);
	json_decref(url);
	call_accept(call, job);
}

/* A lost disk of a volume to which nothing else is being done; NULL: it was answered. */
static const struct raid_disk_status *lost_disk(struct call *call, const char *otherwise)
{
	const struct known_volume *known = known_find(call->admin, call_param(call, "volume"));
	const struct raid_disk_status *disk = disk_found(call);

	if (disk == NULL)
		return NULL;
	if (known == NULL || known->busy)
		call_fail(call, -EBUSY, disk->url,
		          "something else is being done with this volume; wait until that has ended");
	else if (disk->state == RAID_DISK_ONLINE || disk->state == RAID_DISK_REBUILDING)
		call_fail(call, -EALREADY, disk->url, "disk %s is %s: %s", disk->url, raid_disk_state_name(disk->state),
		          otherwise);
	else
		return disk;
	return NULL;
}

static void replace_looked(struct call *call)
{
	const struct raid_disk_status *disk = lost_disk(call, "only a lost one can be replaced (vcadm raid fail gives "
	                                                      "it up)");
	struct lifecycle_replacement replacement = { 0 };

	if (disk == NULL)
		return;
	replacement.preallocate = call_flag(call, "preallocate");
	replacement.force = call_flag(call, "force");
	replace_begin(call, disk, "with", call_text(call, "with"), &replacement);
}

static void online_looked(struct call *call)
{
	const struct raid_disk_status *disk = lost_disk(call, "it is not lost");
	struct lifecycle_replacement replacement = { .rejoins = true };

	if (disk == NULL)
		return;
	if (call_text(call, "at") == NULL && disk->url[0] == '\0')
		call_fail(call, -EINVAL, "at", "it is not known where the disk was: say where it is (--at)");
	else
		replace_begin(call, disk, "at", call_text(call, "at") != NULL ? call_text(call, "at") : disk->url,
		              &replacement);
}

void raid_api_online(struct call *call)
{
	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	(void)call_message(call, FS_RAID_STATUS);
	call_send(call, online_looked);
}

void raid_api_replace(struct call *call)
{
	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	(void)call_message(call, FS_RAID_STATUS);
	call_send(call, replace_looked);
}

static void failed(struct call *call)
{
	const char *disk = call_text(call, "disk");

	if (call->msg.status == -EBUSY)
		call_fail(call, -EBUSY, disk,
		          "the group cannot do without disk %s: it has lost as many as its parity replaces", disk);
	else if (call->msg.status == -EALREADY)
		call_fail(call, -EALREADY, disk, "disk %s is lost already", disk);
	else if (call->msg.status != 0)
		call_fail_message(call, disk);
	else
		call_reply_take(call, 200,
		                json_pack("{s:s,s:o,s:s}", "volume", call_param(call, "volume"), "disk", textjson(disk),
		                          "state", "failed"));
}

static void fail_looked(struct call *call)
{
	const struct raid_disk_status *disk = disk_found(call);
	unsigned group, position;

	if (disk == NULL)
		return;
	group = disk->group;
	position = disk->position;
	struct fs_message *msg = call_message(call, FS_RAID_FAIL);
	msg->in.raid.group = group;
	msg->in.raid.position = position;
	call_send(call, failed);
}

void raid_api_fail(struct call *call)
{
	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	(void)call_message(call, FS_RAID_STATUS);
	call_send(call, fail_looked);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static void limits_got(struct call *call)
{
	const char *volume = call_param(call, "volume");

	if (call->msg.status != 0)
		call_fail_message(call, volume);
	else
		call_reply_take(
		    call, 200,
		    json_pack("{s:s,s:o}", "volume", volume, "limits", limits_json(&call->msg.out.raid->limits)));
}

static void modified(struct call *call)
{
	if (call->msg.status == -ERANGE) {
		call_fail(call, -ERANGE, "rebuild_floor", "the floor of rebuilds is 64 KiB a second or more");
		return;
	}
	if (call->msg.status != 0) {
		call_fail_message(call, call_param(call, "volume"));
		return;
	}
	(void)call_message(call, FS_RAID_STATUS);
	call_send(call, limits_got);
}

/* In the body 0 is no limit. */
static uint64_t limit_given(struct call *call, enum raid_limit which)
{
	json_t *json = call_member(call, raid_limit_name(which));
	uint64_t value = (uint64_t)json_integer_value(json);

	return json == NULL ? 0 : value == 0 ? RAID_NO_LIMIT : value;
}

void raid_api_modify(struct call *call)
{
	struct raid_limits *limits;

	if (!call_find_volume(call, call_param(call, "volume")))
		return;
	limits = call->blob = must(calloc(1, sizeof *limits));
	for (unsigned i = 0; i < RAID_N_LIMITS; i++)
		limits->of[i] = limit_given(call, (enum raid_limit)i);
	call_message(call, FS_RAID_MODIFY)->in.raid.limits = limits;
	call_send(call, modified);
}
