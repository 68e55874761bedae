/* SPDX-License-Identifier: Apache-2.0 */
/* Lineage: through which starts and flushes a disk has lived, and whether that is all that the volume asks of it.
 *
 * THEORY. A start is an opening of the volume for writing. It has a number and a random id; labels keep the ids of the
 * last 32. Flushes are numbered through all starts, and each start knows its first. Every flush writes its number to
 * every disk that is online (the mark, raid/mark.c), and so makes it durable together with what it is about. What leans
 * on a flush carries its number: labels, fsinfo, intents. So a disk whose mark is lower than any number carried has not
 * got everything: it is stale, an old copy, or it was away. A power cut can not make one, for nothing carries a number
 * before every disk that is online has it.
 * Example: three disks end in start 4, flush 25; the fourth was copied earlier, in start 4, at flush 17. It is stale.
 * Two lineages part where their ids differ, or where one goes on in a start after the other has begun the next: a copy
 * of the volume that was started by itself. */
#ifndef RAID_LINEAGE_H
#define RAID_LINEAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "raid/raidformat.h"

/* What a label keeps of it is starts[], of the last RAID_START_RING starts; what a mark keeps, the flush. Plain values:
 * copied by assignment, pure functions, any thread. */
struct lineage {
	uint64_t n_starts; /* 0: not known (an older version wrote the labels) */
	uint64_t flush; /* the number of the last one */
	struct {
		uint64_t id, first_flush;
	} starts[RAID_START_RING]; /* start n (1 is the first) in place n % RAID_START_RING */
};

/* To and from the bytes of a label or a mark, which the caller has verified: any bytes can be decoded. */
void lineage_encode(const struct lineage *lineage, struct raid_lineage_format *ret_bytes);
void lineage_decode(const struct raid_lineage_format *bytes, struct lineage *ret_lineage);
/* One more start, with a random `id`, whose first flush will be the next one. */
void lineage_begin(struct lineage *lineage, uint64_t id);
/* Has `disk` lived through all that `volume` has? Any disk has when the volume's is not known. */
bool lineage_covers(const struct lineage *disk, const struct lineage *volume);
/* Have they gone different ways? False also when that cannot be told. */
bool lineage_parted(const struct lineage *a, const struct lineage *b);
/* Does `a` end after `b`, by starts and then by flushes? */
bool lineage_later(const struct lineage *a, const struct lineage *b);

#endif
