/* SPDX-License-Identifier: Apache-2.0 */
/* One regular file put back to a snapshot, beside whatever else the volume does.
 *
 * THEORY. The file as it was is built anew, out of sight, as a *staged* file: an entry "@restore-INODE" of the directory of documents, which no
 * client can name or reach. Its pages are those of the file in the snapshot, shared and not copied, installed batch by batch; holes are stepped
 * over. When a committed consistency point has all of it, one logged rename puts it where the file is to stand, in place of what stands there. So
 * readers and crashes find the old file or the whole restored one; what a crash, or an unmount, leaves staged goes after the next mount.
 *
 *   STAGE --entry made, logged--> FILL <--CP durable--> SETTLE --CP has everything--> PLACE --rename logged and durable--> answered
 *                                   any: --error, cancelled, unmount--> DROP --entry removed--> answered with the error
 *
 * Made and removed are logged like a client's CREATE, RENAME and REMOVE, and replayed by the same code. What is filled is not: a crash before
 * the CP takes back what would be dropped anyway.
 * INVARIANTS
 *  FR1 a staged file gets its name only when a committed CP has every block of it.
 *  FR2 an entry of the directory of documents is a document, or a staged file of the name its inode number gives it (fs/vdisk/docs.h).
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
/* The volume serves: what an earlier mount left staged is removed in the background. */
void file_restore_sweep(struct fs_volume *vol);
/* The path of a file that is being restored from the snapshot, which must stay for so long; NULL: there is none. */
const char *file_restore_reads(const struct fs_volume *vol, uint32_t snapshot_id);

#endif
