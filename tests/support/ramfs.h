/* SPDX-License-Identifier: Apache-2.0 */
/* A double of the file system's door in memory: fs_message_* and fs_volume_* for file operations and snapshots, for
 * tests of the protocols. Linked instead of libvcfs.a. It keeps POSIX rules and page ownership as fs/message.h says;
 * nothing survives the process. */
#ifndef TESTS_SUPPORT_RAMFS_H
#define TESTS_SUPPORT_RAMFS_H

#include "base/world.h"
#include "fs/volume.h"

/* A mounted empty volume whose home is `world`, found by fs_volume_find*. Its root directory has mode 0777. */
struct fs_volume *ramfs_new(struct world *world, const char *name);
/* Unmount: new messages get -ENODEV, it is not found any more. Drops the reference of ramfs_new. */
void ramfs_unmount(struct fs_volume *volume);
/* Every message from now on fails with `err` (0: none does). */
void ramfs_fail(struct fs_volume *volume, int err);
/* Make the type of an existing file another one (a vdisk, say). */
void ramfs_set_type(struct fs_volume *volume, const char *name_in_root, unsigned fs_type);
/* Messages served so far. */
uint64_t ramfs_messages(const struct fs_volume *volume);
/* The credentials of the last message that had any. */
struct fs_cred;
void ramfs_last_cred(const struct fs_volume *volume, struct fs_cred *ret_cred);

#endif
