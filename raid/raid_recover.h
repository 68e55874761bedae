/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery of the stripes that were being written when the volume crashed (raid_recover.c tells how). */
#ifndef RAID_RAID_RECOVER_H
#define RAID_RAID_RECOVER_H

#include "raid/raid.h"

/* Make them whole. Opened for inspection, they are only remembered (raid->unsettled). Opened read-only, -EROFS when
 * there are any. */
void raid_recover(struct raid *raid, void (*done)(struct raid *raid, void *arg, int err), void *arg);

#endif
