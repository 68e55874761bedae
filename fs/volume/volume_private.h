/* SPDX-License-Identifier: Apache-2.0 */
/* Birth and death of volumes: shared by volume.c, volume_format.c and volume_table.c. */
#ifndef FS_VOLUME_PRIVATE_H
#define FS_VOLUME_PRIVATE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/world.h"
#include "fs/core/hooks.h"

struct fs_mount_options;
struct fs_run;
struct fs_volume;
struct raid;

/* What every volume has (fs/volume_hooks.c). */
extern const struct volume_hooks volume_hooks;

/* A volume structure with all its parts, state MOUNTING, on an open RAID. */
MUST_CHECK int volume_new(struct world *world, struct raid *raid, const struct fs_mount_options *options, struct fs_volume **ret_vol);
/* Free the parts (the structure itself lives on until the last fs_volume_put). The RAID is closed by the caller. */
void volume_free_parts(struct fs_volume *vol);

MUST_CHECK int volume_table_insert(struct fs_volume *vol); /* -EEXIST: the name is taken; -EALREADY: it is there, or a copy of it */
void volume_table_remove(struct fs_volume *vol);

/* In the first CP of a new volume: the block that no pointer can name. -EAGAIN. */
MUST_CHECK int volume_format_cp_step(struct fs_run *run);

/* Nothing that was begun is under way any more: it can be taken apart. */
bool volume_is_quiet(const struct fs_volume *vol);

struct volume_close {
	struct fs_volume *vol;
	void (*done)(void *arg, int err);
	void *arg;
	struct timer timer;
};
/* As soon as it is quiet: free its parts, close its RAID, put the caller's reference. `close` stays until `done`, whose err is that of raid_close. */
void volume_close(struct volume_close *close, struct fs_volume *vol, void (*done)(void *arg, int err), void *arg);

#endif
