/* SPDX-License-Identifier: Apache-2.0 */
/* Which directory is above which: walks up, from a directory to the root of its volume.
 *
 * THEORY. Each directory names its parent (NS2). To learn what is above a directory, its ancestors are read one after
 * the other: two reads for each level when nothing is in memory, and a client may nest directories as deeply as it
 * likes. So a walk belongs to its run, and is kept while the run is parked: executed again, the walk goes on where it
 * was. It gives the loop back after some levels, and pins nothing that it has passed.
 * Only one change makes a walk wrong: the rename of a directory into another one. The rename tells all walks of the
 * volume, and a walk that has passed the moved directory goes back to it.
 * A directory remembers below which top it was found last (inode->below). Such a rename makes all of these memories
 * void, by counting up n_moves of the volume. */
#ifndef FS_ANCESTRY_H
#define FS_ANCESTRY_H

#include <stdint.h>

#include "base/error.h"

struct fs_file_id;
struct fs_run;
struct fs_volume;
struct inode;

/* In a step: -EINVAL if `inode` is the directory `dir`, or above it: then it must not be moved into `dir`. -EAGAIN,
 * -EUCLEAN, -ENOMEM. */
MUST_CHECK int ancestry_check_cycle(struct fs_run *run, const struct inode *inode, const struct inode *dir);
/* In a step: may what `id` names be reached from directory `top`? A directory, or its ".snapshot", must be `top` or
 * below it; else -ESTALE, as when either of them is gone. Anything else: 0, for its parent is not known. Also 0 for
 * anything inside a snapshot below a `top` of today: it shows what was there when the handle was given out. */
MUST_CHECK int ancestry_check_below(struct fs_run *run, const struct fs_file_id *id, const struct fs_file_id *top);
/* The same for everything that the run's message names, with its in.beneath as top. */
MUST_CHECK int ancestry_admit(struct fs_run *run);

/* Directory `ino` has got another parent. */
void ancestry_moved(struct fs_volume *vol, uint32_t ino);
/* The run has ended: its walks are freed. */
void ancestry_forget(struct fs_run *run);

#endif
