/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on the volume's disks: their state, another one in the place of one that is lost, one that is called
 * failed, and what is borne of them. All the work is raid's. */
#include <stdlib.h>

#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/file/message_completion.h"
#include "fs/file/run.h"
#include "fs/message.h"
#include "raid/raid.h"

int op_raid_status(struct fs_run *run)
{
	run->msg->out.raid = calloc(1, sizeof(struct raid_status));
	if (run->msg->out.raid == NULL)
		return -ENOMEM;
	raid_status(run->vol->raid, run->msg->out.raid);
	return 0;
}

static void raid_changed(void *arg, int err)
{
	message_complete(arg, err);
}

int op_raid_replace(struct fs_run *run)
{
	struct fs_message *msg = run->msg;

	if (run->vol->read_only)
		return -EROFS;
	raid_replace(run->vol->raid, msg->in.raid.group, msg->in.raid.position, msg->in.raid.url, raid_changed, msg);
	return OP_LATER;
}

int op_raid_fail(struct fs_run *run)
{
	struct fs_message *msg = run->msg;

	if (run->vol->read_only)
		return -EROFS;
	raid_fail(run->vol->raid, msg->in.raid.group, msg->in.raid.position, raid_changed, msg);
	return OP_LATER;
}

int op_raid_modify(struct fs_run *run)
{
	if (run->vol->read_only)
		return -EROFS;
	raid_limits_change(run->vol->raid, run->msg->in.raid.limits, raid_changed, run->msg);
	return OP_LATER;
}
