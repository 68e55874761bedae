/* SPDX-License-Identifier: Apache-2.0 */
/* Marks: each disk says which flush it has taken part in (raid/lineage.h tells what for). */
#ifndef RAID_MARK_H
#define RAID_MARK_H

#include "raid/batch.h"
#include "raid/lineage.h"

struct mark_state {
	struct lineage lineage; /* what the marks say: of the flush that runs, or of the last one */
	uint64_t last_flush; /* the highest number found on any disk at the start */
	struct raid_mark_format *block; /* 4096 bytes, aligned */
	struct batch_item *items;
	struct batch batch;
	void (*done)(struct raid *raid);
};
/* False: these bytes are no mark of this volume. */
MUST_CHECK bool mark_decode(const struct raid_mark_format *bytes, const struct uuid *volume_uuid,
                            struct lineage *ret_lineage);
/* Is there anything that a flush would make durable? */
bool marks_wanted(const struct raid *raid);
/* Write the number of the next flush to every member that is online. The flush itself makes it durable. */
void marks_write(struct raid *raid, void (*done)(struct raid *raid));
/* The volume is being opened: with the next flush a new start begins. */
void marks_begin(struct raid *raid);

#endif
