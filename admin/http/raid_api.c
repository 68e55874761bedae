/* SPDX-License-Identifier: Apache-2.0 */
/* REST: storage/raid-groups and storage/disks. */
#include "admin/http/handlers.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"
#include "raid/raid.h"

static json_t *integer(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *disk_json(const char *volume, const struct raid_disk_status *disk)
{
	json_t *json = json_pack(
	    "{s:s,s:s,s:i,s:i,s:s,s:s,s:o}", "name", disk->url, "volume", volume, "group", (int)disk->group, "position",
	    (int)disk->position, "role", disk->is_parity ? "parity" : "data", "state",
	    disk->waits_for_room ? "waiting" : raid_disk_state_name(disk->state), "size", integer(disk->size_bytes));
	if (disk->why[0] != '\0')
		(void)json_object_set_new(json, "reason", json_string(disk->why));
	(void)json_object_set_new(json, "io",
	                          json_pack("{s:o,s:o,s:o,s:o}", "reads", integer(disk->n_reads), "writes",
	                                    integer(disk->n_writes), "read_bytes", integer(disk->read_bytes),
	                                    "written_bytes", integer(disk->written_bytes)));
	(void)json_object_set_new(json, "errors",
	                          json_pack("{s:o,s:o,s:o}", "io", integer(disk->n_errors), "checksum",
	                                    integer(disk->n_checksum_errors), "repaired", integer(disk->n_repaired)));
	return json;
}

static void disks_visited(struct call *call)
{
	const struct raid_status *status = call->msg.out.raid;

	for (unsigned i = 0; i < status->n_disks; i++)
		(void)json_array_append_new(call->records,
		                            disk_json(fs_volume_name(call->msg.volume), &status->disks[i]));
}

void raid_api_disks(struct call *call)
{
	call->records = json_array();
	call_each_volume(call, FS_RAID_STATUS, disks_visited, call_reply_collection);
}

static json_t *group_json(const char *volume, const struct raid_status *status, unsigned group)
{
	json_t *disks = json_array();
	unsigned n_bad = 0, n_waiting = 0;

	for (unsigned i = 0; i < status->n_disks; i++) {
		if (status->disks[i].group != group)
			continue;
		n_bad += status->disks[i].state != RAID_DISK_ONLINE;
		n_waiting += status->disks[i].waits_for_room;
		(void)json_array_append_new(disks, disk_json(volume, &status->disks[i]));
	}
	const char *state = n_bad > 1 ? "failed" : n_waiting > 0 ? "waiting" : n_bad == 1 ? "degraded" : "normal";
	json_t *disk;
	size_t i;
	json_array_foreach(disks, i, disk)
		(void)json_object_set_new(disk, "group_state", json_string(state));
	return json_pack("{s:o,s:s,s:i,s:s,s:s,s:o}", "name", json_sprintf("%s/rg%u", volume, group), "volume", volume,
	                 "group", (int)group, "type", "raid4", "state", state, "disks", disks);
}

static void groups_visited(struct call *call)
{
	const struct raid_status *status = call->msg.out.raid;

	for (unsigned group = 0; group < status->n_groups; group++)
		(void)json_array_append_new(call->records, group_json(fs_volume_name(call->msg.volume), status, group));
}

void raid_api_groups(struct call *call)
{
	call->records = json_array();
	call_each_volume(call, FS_RAID_STATUS, groups_visited, call_reply_collection);
}
