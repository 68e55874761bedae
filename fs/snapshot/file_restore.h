/* SPDX-License-Identifier: Apache-2.0 */
/* One regular file put back to a snapshot, beside whatever else the volume does.
 *
 * THEORY. The old file is built anew, out of sight, as a *staged* file: an entry "@restore-INODE" of the directory of
 * documents, which no client can name or reach. Its pages are those of the file in the snapshot, shared and not copied.
 * They are installed batch by batch; holes are stepped over. When a committed consistency point has all of the file,
 * one logged rename puts it in its place, instead of what stands there. So readers and crashes find the old file or the
 * whole restored one. What a crash or an unmount leaves staged is removed after the next mount.
 *
 *   STAGE --entry made, logged--> FILL <--CP durable--> SETTLE --CP has all--> PLACE --rename logged, durable--> answered
 *                                   any: --error, cancelled, unmount--> DROP --entry removed--> answered with the error
 *
 * Making, renaming and removing the staged file are logged like a client's CREATE, RENAME and REMOVE, and replayed by
 * the same code. The fills are not logged: after a crash the staged file would be removed anyway.
 * INVARIANTS
 *  FR1 a staged file gets its name only when a committed CP has every block of it.
 *  FR2 an entry of the directory of documents is a document, or a staged file of the name its inode number gives it
 *      (fs/vdisk/docs.h).
 * THREADS. Home thread. */
#ifndef FS_FILE_RESTORE_H
#define FS_FILE_RESTORE_H

#include <stdint.h>

#include "base/error.h"

struct file_restore_table;
struct fs_volume;

#define FILE_RESTORES_MAX 8U /* at work on a volume */

MUST_CHECK int file_restore_init(struct fs_volume *vol);
void file_restore_fini(struct fs_volume *vol);
/* The volume serves: remove, in the background, what an earlier mount left staged. */
void file_restore_sweep(struct fs_volume *vol);
/* The path of a file that is being restored from the snapshot; NULL: none. Until the restore ends the snapshot must
 * stay. */
const char *file_restore_reads(const struct fs_volume *vol, uint32_t snapshot_id);

#endif
