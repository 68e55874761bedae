/* SPDX-License-Identifier: Apache-2.0 */
/* The room check/: is the volume what it says, and putting right what is not. This door is the check of a volume while
 * it serves.
 *
 * FOR. Finding damage, and naming what is damaged: root, blocks and reachability, maps, totals, inodes and links,
 * snapshots, LUNs, the log, parity. The repair puts right what follows from what is sound.
 * KEEPS. struct check while one runs: bits for each block, a record for each inode, and the findings.
 * HEADERS FOR OTHERS. This one; check_offline.h (disks that are not mounted), repair.h (what a check found, put right).
 * Private: check_private.h, check_fix.h.
 * FROM ABOVE. FS_CHECK (check_online.c, fs/dispatch.c) and `vcd check` (check_offline.c). FROM BELOW. raid_read past
 * the cache for trees, the cache for directories, maps and attributes, a private snapshot (fs/snapshot/snapshot.h).
 * THREADS. Home thread of the volume.
 * READ PATH. previous hop: fs/dispatch.c; next hops: check_online.c, check.c (stage after stage), then raid/raid.h. */
#ifndef FS_CHECK_H
#define FS_CHECK_H

#include <stdbool.h>

struct fs_volume;

/* Is a check running, and how far is it (0..100)? */
bool check_is_running(const struct fs_volume *vol, unsigned *ret_percent);
/* End the running check, if there is one, at its next step: its message is answered with -ECANCELED and what was found
 * so far. `why`: a string that stays, for the message. */
void check_cancel(struct fs_volume *vol, const char *why);

#endif
