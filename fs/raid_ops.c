/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on the volume's disks: their state, another one in the place of one that is lost, one that is called
 * failed, more of them, another level, and what is borne of them. All the work is raid's.
 *
 * THEORY. How large a volume is stands in the labels alone: a mount takes the geometry it finds, and so does a volume
 * at work when it has grown. There is nothing to be committed, and so nothing in between for a crash to find. */
#include <stdlib.h>

#include "base/log.h"
#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/cp/alloc.h"
#include "fs/cp/maps.h"
#include "fs/cp/space.h"
#include "fs/file/message_completion.h"
#include "fs/file/run.h"
#include "fs/message.h"
#include "fs/scrub/scrub.h"
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
	if (msg->in.raid.url == NULL)
		return -EINVAL;
	raid_replace(run->vol->raid, msg->in.raid.group, msg->in.raid.position, msg->in.raid.url, raid_changed, msg);
	return OP_LATER;
}

int op_raid_online(struct fs_run *run)
{
	struct fs_message *msg = run->msg;

	if (run->vol->read_only)
		return -EROFS;
	if (msg->in.raid.url == NULL)
		return -EINVAL;
	raid_online(run->vol->raid, msg->in.raid.group, msg->in.raid.position, msg->in.raid.url, raid_changed, msg);
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
	if (run->msg->in.raid.limits == NULL)
		return -EINVAL;
	raid_limits_change(run->vol->raid, run->msg->in.raid.limits, raid_changed, run->msg);
	return OP_LATER;
}

/* ---- growth ------------------------------------------------------------------------------------------------------ */

static void raid_grown(void *arg, int err)
{
	struct fs_message *msg = arg;
	struct fs_volume *vol = msg->volume;
	uint64_t n_blocks = vol->maps->n_blocks;
	uint32_t n_regions = vol->maps->n_regions;

	if (err == 0) {
		maps_grow(vol);
		alloc_grow(vol);
		scrub_disks_changed(vol);
		space_grow(vol, vol->maps->n_blocks - n_blocks, n_regions);
		log_info("fs", "volume_grown", "volume=%s blocks=%llu added=%llu", vol->name,
		         (unsigned long long)vol->maps->n_blocks, (unsigned long long)(vol->maps->n_blocks - n_blocks));
	} else if (err == -EFBIG) {
		message_error_text(msg, "the volume can have %u blocks more, no more than that",
		                   VBN_ZERO - 1U - raid_geometry(vol->raid)->vbn_end);
	}
	message_complete(msg, err);
}

int op_raid_add_disk(struct fs_run *run)
{
	struct fs_message *msg = run->msg;

	if (run->vol->read_only)
		return -EROFS;
	if (msg->in.raid.url == NULL)
		return -EINVAL;
	raid_add_disk(run->vol->raid, msg->in.raid.group, msg->in.raid.url, raid_grown, msg);
	return OP_LATER;
}

int op_raid_add_group(struct fs_run *run)
{
	struct fs_message *msg = run->msg;

	if (run->vol->read_only)
		return -EROFS;
	if (msg->in.raid.spec == NULL)
		return -EINVAL;
	raid_add_group(run->vol->raid, msg->in.raid.spec, raid_grown, msg);
	return OP_LATER;
}

/* ---- another level ----------------------------------------------------------------------------------------------- */

static void raid_converted(void *arg, int err)
{
	struct fs_message *msg = arg;

	if (err == 0)
		scrub_disks_changed(msg->volume);
	message_complete(msg, err);
}

int op_raid_convert(struct fs_run *run)
{
	struct fs_message *msg = run->msg;

	if (run->vol->read_only)
		return -EROFS;
	if (msg->in.raid.url == NULL)
		return -EINVAL;
	raid_convert(run->vol->raid, msg->in.raid.group, msg->in.raid.url, raid_converted, msg);
	return OP_LATER;
}
