/* SPDX-License-Identifier: Apache-2.0 */
/* A volume in memory, from an open RAID until its disks are closed: for a mount, and for a check of disks that serve nobody. */
#ifndef FS_VOLUME_LIFE_H
#define FS_VOLUME_LIFE_H

#include "base/error.h"
#include "base/world.h"

struct fs_mount_options;
struct fs_run;
struct fs_volume;
struct raid;

/* A volume structure with all its parts, state MOUNTING, on an open RAID. */
MUST_CHECK int volume_new(struct world *world, struct raid *raid, const struct fs_mount_options *options, struct fs_volume **ret_vol);

struct volume_close {
	struct fs_volume *vol;
	void (*done)(void *arg, int err);
	void *arg;
	struct timer timer;
};
/* As soon as it is quiet: free its parts, close its RAID, put the caller's reference. `close` stays until `done`, whose err is that of raid_close. */
void volume_close(struct volume_close *close, struct fs_volume *vol, void (*done)(void *arg, int err), void *arg);

/* In the first CP of a new volume: the block that no pointer can name. -EAGAIN. */
MUST_CHECK int volume_format_cp_step(struct fs_run *run);

#endif
