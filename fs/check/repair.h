/* SPDX-License-Identifier: Apache-2.0 */
/* The repair: carries out what a check noted (fs/check/check_fix.h), on a volume that serves nobody.
 *
 * THEORY. What a mount leans on is put right first, in one consistency point of the volume as the check saw it: maps, counts, records of inodes,
 * snapshots and zombies (fs/check/repair.c). The maps come before anything is placed, so that CP overwrites nothing that is in use; its fsinfo names
 * the same place in the log, so a crash leaves the old state or the new one, and the log counts for both. Then the volume is mounted as
 * ever, which applies the log and rebuilds the VTOC, and names are put right by ordinary changes (fs/check/repair_name.c), made durable by the last CP of
 * the unmount. Parity is made whole stripe by stripe, at any time. Whoever asked checks again: what is still found was never guessed at. */
#ifndef FS_REPAIR_H
#define FS_REPAIR_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct check_fixes;
struct fs_run;
struct fs_volume;
struct world;

struct repair {
	struct check_fixes *fixes; /* borrowed */
	size_t at; /* cursor of the CP */
	uint64_t n_done, n_failed;
};

/* In the CP, before its first stage: the fixes of records and maps. -EAGAIN. */
MUST_CHECK int repair_cp_step(struct fs_run *run);

/* Carry out `fixes` (all of one check) on the volume of these disks, and close it. `done(arg, err, n_done)`: 0, or why it ended early:
 * -EBUSY somebody has the disks or has changed the volume since; as fs_volume_mount. */
void repair_offline(struct world *world, const char *const *disk_urls, unsigned n_disks, size_t cache_pages, struct check_fixes *fixes,
                    void (*done)(void *arg, int err, uint64_t n_done), void *arg);
/* The second half: names, in a mounted volume (fs/check/repair_name.c). `done(arg, n_done)` when they are durable. */
void repair_names(struct fs_volume *vol, const struct check_fixes *fixes, void (*done)(void *arg, uint64_t n_done), void *arg);

#endif
