/* SPDX-License-Identifier: Apache-2.0 */
/* A rebuild: a disk that has replaced another gets what that one had, zone by zone (raid_rebuild.c tells how).
 *
 * READ AND WRITE PATH  next hop raid_repair.h.
 * At most one a group. It begins and ends by itself: with a replacement or an opening, when it is through, when its
 * disk or another one of the group fails, and at the close. */
#ifndef RAID_RAID_REBUILD_H
#define RAID_RAID_REBUILD_H

#include <stdbool.h>
#include <stdint.h>

struct raid;
struct raid_group;

#define REBUILD_ZONES 2U /* under way at once */

/* Begin, or go on where labels say that it was, in every group that has a member to rebuild. */
void rebuild_resume(struct raid *raid);
/* No more is begun; what is under way ends soon. */
void rebuild_stop(struct raid *raid);
/* Is one under way? */
bool rebuild_any(const struct raid *raid);
/* Is this stripe in a zone that is being rebuilt now? Then nobody may write it. */
bool rebuild_covers(const struct raid_group *group, uint32_t dbn);
/* A write to the group has ended: perhaps the rebuild was waiting for it. */
void rebuild_kick(struct raid_group *group);
/* Something else that a disk needs to be whole is there: an fsinfo, a copy of the log. */
void rebuild_kick_all(struct raid *raid);
/* A flush begins: what has been rebuilt is made durable by it. */
void rebuild_flush_begins(struct raid *raid);
/* It has flushed the disks: that is durable. Labels that have to say so come next. */
void rebuild_flushed(struct raid *raid);
/* They do. */
void rebuild_labelled(struct raid *raid);

#endif
