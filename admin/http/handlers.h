/* SPDX-License-Identifier: Apache-2.0 */
/* The function for each handler number of the table of verbs. */
#ifndef ADMIN_HANDLERS_H
#define ADMIN_HANDLERS_H

#include "admin/http/call.h"
#include "admin/verbs.h"

typedef void call_handler(struct call *call);

/* Never NULL. */
call_handler *handler_of(enum verb_handler handler);

call_handler volume_create, volume_list, volume_show, volume_modify, volume_check, volume_destroy;
call_handler snapshot_create, snapshot_list, snapshot_delete, snapshot_rename;
call_handler lun_create, lun_list, lun_show, lun_modify, lun_destroy;
call_handler map_list, map_create, map_delete;
call_handler clone_api_start, clone_api_status, clone_api_list, clone_api_stop;
call_handler igroup_create, igroup_list, igroup_show, igroup_add, igroup_remove, igroup_destroy;
call_handler export_set, export_list, export_delete;
call_handler raid_list, disk_list;
call_handler job_list, job_show, job_cancel;
call_handler event_list, status_show, stats_show;
/* Outside of the table. */
call_handler metrics_show, health_show, openapi_show;

/* A LUN as JSON: what the volume says and the states of its maps. */
json_t *lun_json(struct admin *admin, const char *volume, const struct fs_vdisk_info *info);
json_t *clone_json(const char *volume, const struct fs_vdisk_info *info);
/* The openapi.json document. */
json_t *openapi_make(void);

#endif
