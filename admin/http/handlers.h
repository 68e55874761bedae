/* SPDX-License-Identifier: Apache-2.0 */
/* The function for each handler number of the table of verbs. */
#ifndef ADMIN_HANDLERS_H
#define ADMIN_HANDLERS_H

#include "admin/http/call.h"
#include "admin/verbs.h"

struct fs_vdisk_info;

typedef void call_handler(struct call *call);

/* Never NULL. */
call_handler *handler_of(enum verb_handler handler);

call_handler volume_api_create, volume_api_list, volume_api_show, volume_api_modify, volume_api_check,
    volume_api_destroy;
call_handler snapshot_api_create, snapshot_api_list, snapshot_api_delete, snapshot_api_rename, snapshot_api_restore,
    snapshot_api_restore_file;
call_handler autodelete_api_set, autodelete_api_show, autodelete_api_list;
call_handler schedule_api_set, schedule_api_show, schedule_api_list, schedule_api_delete;
call_handler lun_api_create, lun_api_list, lun_api_show, lun_api_modify, lun_api_destroy;
call_handler map_api_list, map_api_create, map_api_delete;
call_handler clone_api_start, clone_api_status, clone_api_list, clone_api_stop, clone_api_modify;
call_handler igroup_api_create, igroup_api_list, igroup_api_show, igroup_api_add, igroup_api_remove, igroup_api_destroy;
call_handler export_api_set, export_api_list, export_api_delete;
call_handler grow_api_add_disk, grow_api_add_group, grow_api_convert;
call_handler raid_api_groups, raid_api_disks, raid_api_replace, raid_api_fail, raid_api_modify, raid_api_online;
call_handler spare_api_add, spare_api_list, spare_api_remove;
call_handler scrub_api_start, scrub_api_status, scrub_api_modify, scrub_api_stop, scrub_api_schedule_set,
    scrub_api_schedule_show;
call_handler job_api_list, job_api_show, job_api_cancel;
call_handler session_api_start, session_api_show, session_api_end;
call_handler event_api_list, status_api_show, status_api_stats;
/* Outside of the table. */
call_handler metrics_page_show, status_api_health, openapi_show;

/* A LUN as JSON: what the volume says and the states of its maps. */
json_t *lun_api_json(struct admin *admin, const char *volume, const struct fs_vdisk_info *info);
json_t *clone_api_json(const char *volume, const struct fs_vdisk_info *info);
/* Append the hot spares, all of them or those that serve this volume, to call->records. */
void spare_api_append(struct call *call, const char *volume);
/* The openapi.json document; `cookie` is the name of a session's. */
json_t *openapi_make(const char *cookie);

#endif
