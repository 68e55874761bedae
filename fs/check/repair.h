/* SPDX-License-Identifier: Apache-2.0 */
/* The repair: carries out what a check noted (fs/check/check_fix.h), on a volume that serves nobody.
 *
 * THEORY. Three parts:
 *  records  What a mount leans on is put right first, in one consistency point of the volume as the check saw it: maps,
 *  counts, records of inodes, snapshots and zombies (fs/check/repair.c). The maps come before any block is placed, so
 *  that CP overwrites nothing in use. Its fsinfo names the same place in the log as before. So a crash leaves the old
 *  state or the new one, and the log counts for both.
 *  names    Then the volume is mounted as ever, which applies the log and rebuilds the VTOC. Names are put right by
 *  ordinary changes (fs/check/repair_name.c), which the last CP of the unmount makes durable.
 *  parity   Made anew stripe by stripe, at any time.
 * Whoever asked for the repair checks again. What is still found then was not guessed at. */
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

/* A client of the CP: the fixes of records and maps. -EAGAIN. */
MUST_CHECK int repair_cp_step(struct fs_run *run);

struct repair_disks {
	const char *const *urls; /* the caller's until `done` */
	unsigned n;
	size_t cache_pages;
};
/* Carry out `fixes` (all of them from one check) on the volume of these disks, and close it. `done(arg, err,
 * n_done)`: err is 0, or why the repair ended early. -EBUSY: somebody has the disks, or has changed the volume since
 * the check; else as fs_volume_mount. */
void repair_offline(struct world *world, const struct repair_disks *disks, struct check_fixes *fixes,
                    void (*done)(void *arg, int err, uint64_t n_done), void *arg);
/* The second half: names, in a mounted volume (fs/check/repair_name.c). `done(arg, n_done)` when they are durable. */
void repair_names(struct fs_volume *vol, const struct check_fixes *fixes, void (*done)(void *arg, uint64_t n_done),
                  void *arg);

#endif
