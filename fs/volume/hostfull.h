/* SPDX-License-Identifier: Apache-2.0 */
/* A volume whose disks wait for room on the host: reads go on; changes wait a little, and are then told to come again.
 *
 * THEORY. While the host's file system is full, nothing becomes durable (raid/hostroom.c). A change that was not made
 * yet waits for MESSAGE_ROOM_WAIT_NS, in case room comes. Then it is answered with -FS_EJUKEBOX. So an initiator hears
 * BUSY, and an NFS client JUKEBOX, long before they would give up. And a connection's window does not fill with what
 * cannot be done.
 * A change that was made in memory waits for the log or for a CP. If it does no harm to make it twice
 * (msg->repeatable), it is answered with -FS_EJUKEBOX too. Else it is answered when it is durable, and never before.
 * When there is room again, everything goes on by itself.
 * THREADS. Home thread. */
#ifndef FS_HOSTFULL_H
#define FS_HOSTFULL_H

#include <stdbool.h>

#include "base/error.h"

struct fs_message;
struct fs_run;
struct fs_volume;

/* The volume serves from now on: writes wait for ever. / It leaves: they wait RAID_ROOM_PATIENCE_NS. / Its RAID layer
 * is about to be closed. */
void hostfull_serve(struct fs_volume *vol);
void hostfull_leave(struct fs_volume *vol);
void hostfull_fini(struct fs_volume *vol);
/* In a step, before a change: 0 there is room; -EAGAIN parked; -FS_EJUKEBOX. */
MUST_CHECK int hostfull_admit(struct fs_run *run);

#endif
