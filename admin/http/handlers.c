/* SPDX-License-Identifier: Apache-2.0 */
/* The function for each handler number of the table of verbs. */
#include "admin/http/handlers.h"

static call_handler *const handlers[VERB_H_COUNT] = {
	[VERB_H_VOLUME_CREATE] = volume_create,
	[VERB_H_VOLUME_LIST] = volume_list,
	[VERB_H_VOLUME_SHOW] = volume_show,
	[VERB_H_VOLUME_MODIFY] = volume_modify,
	[VERB_H_VOLUME_CHECK] = volume_check,
	[VERB_H_VOLUME_DESTROY] = volume_destroy,
	[VERB_H_SNAPSHOT_CREATE] = snapshot_create,
	[VERB_H_SNAPSHOT_LIST] = snapshot_list,
	[VERB_H_SNAPSHOT_DELETE] = snapshot_delete,
	[VERB_H_SNAPSHOT_RENAME] = snapshot_rename,
	[VERB_H_LUN_CREATE] = lun_create,
	[VERB_H_LUN_LIST] = lun_list,
	[VERB_H_LUN_SHOW] = lun_show,
	[VERB_H_LUN_MODIFY] = lun_modify,
	[VERB_H_LUN_DESTROY] = lun_destroy,
	[VERB_H_MAP_LIST] = map_list,
	[VERB_H_MAP_CREATE] = map_create,
	[VERB_H_MAP_DELETE] = map_delete,
	[VERB_H_CLONE_START] = clone_api_start,
	[VERB_H_CLONE_STATUS] = clone_api_status,
	[VERB_H_CLONE_LIST] = clone_api_list,
	[VERB_H_CLONE_STOP] = clone_api_stop,
	[VERB_H_IGROUP_CREATE] = igroup_create,
	[VERB_H_IGROUP_LIST] = igroup_list,
	[VERB_H_IGROUP_SHOW] = igroup_show,
	[VERB_H_IGROUP_ADD] = igroup_add,
	[VERB_H_IGROUP_REMOVE] = igroup_remove,
	[VERB_H_IGROUP_DESTROY] = igroup_destroy,
	[VERB_H_EXPORT_SET] = export_set,
	[VERB_H_EXPORT_LIST] = export_list,
	[VERB_H_EXPORT_DELETE] = export_delete,
	[VERB_H_RAID_LIST] = raid_list,
	[VERB_H_DISK_LIST] = disk_list,
	[VERB_H_JOB_LIST] = job_list,
	[VERB_H_JOB_SHOW] = job_show,
	[VERB_H_JOB_CANCEL] = job_cancel,
	[VERB_H_EVENT_LIST] = event_list,
	[VERB_H_STATUS] = status_show,
	[VERB_H_STATS] = stats_show,
};

call_handler *handler_of(enum verb_handler handler)
{
	vc_assert(handler < VERB_H_COUNT && handlers[handler] != NULL);
	return handlers[handler];
}
