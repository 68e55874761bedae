/* SPDX-License-Identifier: Apache-2.0 */
/* A replacement waits for all to be still (raid_replace.c). */
#ifndef RAID_RAID_REPLACE_H
#define RAID_RAID_REPLACE_H

struct raid;

/* A repair has ended. */
void replace_kick(struct raid *raid);

#endif
