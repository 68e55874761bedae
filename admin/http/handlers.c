/* SPDX-License-Identifier: Apache-2.0 */
/* The function for each handler number of the table of verbs. */
#include "admin/http/handlers.h"
#include "fs/fs_info.h"
#include "fs/message.h"

static call_handler *const handlers[VERB_H_COUNT] = {
	[VERB_H_VOLUME_CREATE] = volume_api_create,
	[VERB_H_VOLUME_LIST] = volume_api_list,
	[VERB_H_VOLUME_SHOW] = volume_api_show,
	[VERB_H_VOLUME_MODIFY] = volume_api_modify,
	[VERB_H_VOLUME_CHECK] = volume_api_check,
	[VERB_H_VOLUME_DESTROY] = volume_api_destroy,
	[VERB_H_SNAPSHOT_CREATE] = snapshot_api_create,
	[VERB_H_SNAPSHOT_LIST] = snapshot_api_list,
	[VERB_H_SNAPSHOT_DELETE] = snapshot_api_delete,
	[VERB_H_SNAPSHOT_RENAME] = snapshot_api_rename,
	[VERB_H_SNAPSHOT_RESTORE] = snapshot_api_restore,
	[VERB_H_SNAPSHOT_RESTORE_FILE] = snapshot_api_restore_file,
	[VERB_H_SCHEDULE_SET] = schedule_api_set,
	[VERB_H_SCHEDULE_SHOW] = schedule_api_show,
	[VERB_H_SCHEDULE_LIST] = schedule_api_list,
	[VERB_H_SCHEDULE_DELETE] = schedule_api_delete,
	[VERB_H_AUTODELETE_SET] = autodelete_api_set,
	[VERB_H_AUTODELETE_SHOW] = autodelete_api_show,
	[VERB_H_AUTODELETE_LIST] = autodelete_api_list,
	[VERB_H_LUN_CREATE] = lun_api_create,
	[VERB_H_LUN_LIST] = lun_api_list,
	[VERB_H_LUN_SHOW] = lun_api_show,
	[VERB_H_LUN_MODIFY] = lun_api_modify,
	[VERB_H_LUN_DESTROY] = lun_api_destroy,
	[VERB_H_MAP_LIST] = map_api_list,
	[VERB_H_MAP_CREATE] = map_api_create,
	[VERB_H_MAP_DELETE] = map_api_delete,
	[VERB_H_CLONE_START] = clone_api_start,
	[VERB_H_CLONE_STATUS] = clone_api_status,
	[VERB_H_CLONE_LIST] = clone_api_list,
	[VERB_H_CLONE_STOP] = clone_api_stop,
	[VERB_H_CLONE_MODIFY] = clone_api_modify,
	[VERB_H_IGROUP_CREATE] = igroup_api_create,
	[VERB_H_IGROUP_LIST] = igroup_api_list,
	[VERB_H_IGROUP_SHOW] = igroup_api_show,
	[VERB_H_IGROUP_ADD] = igroup_api_add,
	[VERB_H_IGROUP_REMOVE] = igroup_api_remove,
	[VERB_H_IGROUP_DESTROY] = igroup_api_destroy,
	[VERB_H_EXPORT_SET] = export_api_set,
	[VERB_H_EXPORT_LIST] = export_api_list,
	[VERB_H_EXPORT_DELETE] = export_api_delete,
	[VERB_H_RAID_LIST] = raid_api_groups,
	[VERB_H_RAID_REPLACE] = raid_api_replace,
	[VERB_H_RAID_FAIL] = raid_api_fail,
	[VERB_H_SCRUB_START] = scrub_api_start,
	[VERB_H_SCRUB_STATUS] = scrub_api_status,
	[VERB_H_SCRUB_MODIFY] = scrub_api_modify,
	[VERB_H_SCRUB_STOP] = scrub_api_stop,
	[VERB_H_SCRUB_SCHEDULE_SET] = scrub_api_schedule_set,
	[VERB_H_SCRUB_SCHEDULE_SHOW] = scrub_api_schedule_show,
	[VERB_H_DISK_LIST] = raid_api_disks,
	[VERB_H_JOB_LIST] = job_api_list,
	[VERB_H_JOB_SHOW] = job_api_show,
	[VERB_H_JOB_CANCEL] = job_api_cancel,
	[VERB_H_SIGNIN_START] = session_api_start,
	[VERB_H_SIGNIN_SHOW] = session_api_show,
	[VERB_H_SIGNIN_END] = session_api_end,
	[VERB_H_EVENT_LIST] = event_api_list,
	[VERB_H_STATUS] = status_api_show,
	[VERB_H_STATS] = status_api_stats,
};

call_handler *handler_of(enum verb_handler handler)
{
	vc_assert(handler < VERB_H_COUNT && handlers[handler] != NULL);
	return handlers[handler];
}
