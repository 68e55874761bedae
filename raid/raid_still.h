/* SPDX-License-Identifier: Apache-2.0 */
/* A moment in which all is still: no write, no repair and no flush is under way, and nobody has the members of a group
 * in view. Which disk is which member changes only then. */
#ifndef RAID_RAID_STILL_H
#define RAID_RAID_STILL_H

#include "raid/raid_flush.h"

struct still {
	void (*done)(struct still *still); /* the caller's */
	struct raid *raid;
	bool flushing;
	struct flush_wait flush;
};
/* Call `done` at such a moment, never inside this call. Only one waits at a time. It lasts until `done` returns; what
 * was written before is durable, if its group has not failed. */
void still_wait(struct raid *raid, struct still *still);
/* A repair has ended, or a look at the members of a group. */
void still_kick(struct raid *raid);

#endif
