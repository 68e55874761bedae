/* SPDX-License-Identifier: Apache-2.0 */
/* The room volume/: a volume as a whole, from an open RAID until its disks are closed. For a mount, and for the check
 * of disks that serve nobody.
 *
 * FOR. Mounting with the replay of the log, formatting, unmounting, and the table of all volumes.
 * KEEPS. The table (volume_table.c), and struct mount while a volume is mounted.
 * HEADERS FOR OTHERS. This one, and hostfull.h (what becomes of messages while the host's file system is full). What
 * the server sees is fs/volume.h. Private: volume_private.h.
 * FROM ABOVE. The server and the administration, by fs/volume.h; the check and the repair, by this door. FROM BELOW.
 * The _init, _load and _fini functions of all rooms, and raid_open and raid_close.
 * THREADS. The home world's, but for the table, which has a lock (fs/volume.h says which calls are for any thread).
 * WRITE PATH. Not on it: this room puts together what a write goes through, and applies the log again by
 * nvlog_replay.c. */
#ifndef FS_VOLUME_LIFE_H
#define FS_VOLUME_LIFE_H

#include "base/error.h"
#include "base/world.h"

struct fs_mount_options;
struct fs_run;
struct fs_volume;
struct raid;

/* A volume structure with all its parts, state MOUNTING, on an open RAID. */
MUST_CHECK int volume_new(struct world *world, struct raid *raid, const struct fs_mount_options *options,
                          struct fs_volume **ret_vol);

struct volume_close {
	struct fs_volume *vol;
	void (*done)(void *arg, int err);
	void *arg;
	struct timer timer;
};
/* As soon as it is quiet: free its parts, close its RAID, put the caller's reference. `close` stays until `done`, whose
 * err is that of raid_close. */
void volume_close(struct volume_close *close, struct fs_volume *vol, void (*done)(void *arg, int err), void *arg);

/* In the first CP of a new volume: the block that no pointer can name. -EAGAIN. */
MUST_CHECK int volume_format_cp_step(struct fs_run *run);

#endif
