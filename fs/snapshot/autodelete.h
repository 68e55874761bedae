/* SPDX-License-Identifier: Apache-2.0 */
/* Deleting snapshots when space runs short, as the volume's policy says (FS_AUTODELETE_SET; off until it is sent).
 *
 * THREADS. Home thread. */
#ifndef FS_AUTODELETE_H
#define FS_AUTODELETE_H

#include <stdbool.h>

struct fs_volume;

/* A change finds no room, and nothing under way will make some. Begin to delete the next snapshot that the policy
 * gives up. False: there is none. */
bool autodelete_make_room(struct fs_volume *vol);
/* After each CP: begin to delete, or go on, when less than the policy's trigger is available. */
void autodelete_cp_done(struct fs_volume *vol);

#endif
