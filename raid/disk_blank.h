/* SPDX-License-Identifier: Apache-2.0 */
/* Blanking: a disk that may have been used for something else becomes one that holds nothing of ours, and reads as
 * zeros.
 *
 * WRITE PATH  previous hop raid_format.c, raid_replace.c, raid_grow.c; next hop disk.h. */
#ifndef RAID_DISK_BLANK_H
#define RAID_DISK_BLANK_H

#include "raid/disk.h"

struct disk_blank {
	/* the caller's */
	struct disk *disk;
	uint64_t first_block; /* what is before it stays as it is; else 0 */
	uint64_t front_blocks; /* from the first one on these are written with zeros in any case, so that later writes
	                        * there need no allocation by the host */
	bool overwrite; /* a disk that cannot discard is overwritten to its end */
	void (*done)(struct disk_blank *blank, int err);
	/* the answer */
	bool zeroed; /* it reads as zeros to its end */
	/* ours */
	struct disk_io io;
	struct iovec iov;
	uint64_t discard_at; /* bytes */
	uint64_t at, end; /* blocks */
	bool discarding, flushing;
};
/* Discard the disk, which by DISK_DISCARD's promise makes it read as zeros; write zeros; flush. `done` is never called
 * inside this call. */
void disk_blank_start(struct disk_blank *blank);

#endif
