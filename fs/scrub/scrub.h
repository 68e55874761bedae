/* SPDX-License-Identifier: Apache-2.0 */
/* The room scrub/: every stripe in use is read, and what is wrong in it repaired, before a lost disk makes it lost
 * data.
 *
 * FOR. Damage that nobody reads grows old unseen. A scrub finds it while parity can still put it right.
 * KEEPS. struct scrub of every volume; what survives it is the document "scrub" (fs/format/scrubformat.h).
 * HEADERS FOR OTHERS. This one. Private: scrub_private.h.
 * FROM ABOVE. FS_SCRUB_START and its like (scrub_ops.c, fs/dispatch.c); mounts and unmounts (fs/volume/volume.c). FROM
 * BELOW. raid_verify and raid_make_whole; the maps (which stripes are in use); fs/clone/clone_pace.h (what clients
 * feel); docs_write.
 * THREADS. Home thread of the volume.
 * READ PATH. previous hop: fs/dispatch.c; next hops: scrub.c (batch after batch), scrub_walk.c (the next stripes),
 * raid/raid.h, scrub_judge.c (what was found). */
#ifndef FS_SCRUB_H
#define FS_SCRUB_H

#include "base/error.h"

struct fs_volume;
struct fs_volume_info;

MUST_CHECK int scrub_init(struct fs_volume *vol);
void scrub_fini(struct fs_volume *vol);
/* The volume is about to be unmounted: the scrub saves where it is, as the last thing it does. It counts as a message
 * under way until it has. */
void scrub_leave(struct fs_volume *vol);
/* Other disks are there, or in other positions. */
void scrub_disks_changed(struct fs_volume *vol);

/* Its figures among those of the volume. */
void scrub_figures(struct fs_volume *vol, struct fs_volume_info *info);

#endif
