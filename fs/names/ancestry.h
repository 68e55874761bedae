/* SPDX-License-Identifier: Apache-2.0 */
/* Which directory is above which: walks up, from a directory to the root of its volume.
 *
 * THEORY. Each directory names its parent (NS2), so whoever asks what is above one reads them one after the other: two reads a level when nothing is
 * in memory, and a client may nest as deeply as it likes. So a walk belongs to its run and is kept while that is parked: executed again, it goes on
 * where it was. It gives the loop back after some levels, and pins nothing it has passed.
 * Only the rename of a directory into another one changes what a walk has seen. It tells all walks of the volume, and one that has passed the moved
 * directory goes back to it.
 * A directory remembers under which one it was found last (inode->below); every such rename makes all of that void, by a number. */
#ifndef FS_ANCESTRY_H
#define FS_ANCESTRY_H

#include <stdint.h>

#include "base/error.h"

struct fs_file_id;
struct fs_run;
struct fs_volume;
struct inode;

/* In a step: is `inode` the directory `dir` or above it? Then it must not be moved there: -EINVAL. -EAGAIN, -EUCLEAN, -ENOMEM. */
MUST_CHECK int ancestry_check_cycle(struct fs_run *run, const struct inode *inode, const struct inode *dir);
/* In a step: may what `id` names be reached from directory `top`? Directories (and their ".snapshot") must be `top` or below it: else -ESTALE, as when
 * one of both is gone. Of all else nobody knows a parent: 0; so for what snapshots have, below a `top` of today: it shows what was there when the
 * handle was given out. */
MUST_CHECK int ancestry_check_below(struct fs_run *run, const struct fs_file_id *id, const struct fs_file_id *top);
/* The same for all that a message names, by its in.beneath. */
MUST_CHECK int ancestry_admit(struct fs_run *run);

/* A directory has got another parent. */
void ancestry_moved(struct fs_volume *vol, uint32_t ino);
/* The run has ended. */
void ancestry_forget(struct fs_run *run);

#endif
