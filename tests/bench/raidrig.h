/* SPDX-License-Identifier: Apache-2.0 */
/* A RAID volume on disk files, and the same files without RAID: loads that tests/bench/raid compares.
 *
 * All of it runs on one loop, in the calling thread; every function comes back when its load is through, and tells how
 * long it took. An error ends the process: a figure of a load that failed would be none. */
#ifndef TESTS_RAIDRIG_H
#define TESTS_RAIDRIG_H

#include "base/loop.h"
#include "raid/disk.h"
#include "raid/raid.h"

#define RIG_MAX_DISKS RAID_MAX_GROUP_DISKS

struct rig {
	struct loop *loop;
	struct world *world;
	const char *dir;
	unsigned n_disks, n_parity;
	uint64_t disk_bytes;
	char urls[RIG_MAX_DISKS + 1U][512]; /* of the volume; the last one is the disk that replaces another */
	char raw_urls[RIG_MAX_DISKS][512];
	struct raid *raid; /* NULL: closed */
	struct disk *raw[RIG_MAX_DISKS];
	struct page **pages; /* what is written, again and again */
};

/* Make the files, format, and write all of both once, so that no load waits for the host to find space. */
void rig_make(struct rig *rig);
void rig_remove(struct rig *rig);
void rig_open(struct rig *rig);
void rig_close(struct rig *rig);

/* ---- the files alone: seconds ---- */

/* From one end of the files to the other: the first `n_read` of them are read, the `n_written` after those are written
 * and flushed. */
double rig_raw_stream(struct rig *rig, unsigned n_read, unsigned n_written);
/* One block in every MiB of every data disk, in random order, `depth` at a time. */
double rig_raw_reads(struct rig *rig, unsigned depth);

/* ---- the volume: seconds ---- */

/* All stripes, full, and a flush. */
double rig_write(struct rig *rig);
/* One block of every zone, in random order, `depth` at a time: after rig_open each waits for its checksum block. */
double rig_reads(struct rig *rig, unsigned depth);
/* Every block, in order. */
double rig_read_all(struct rig *rig);
/* Every block with parity and checksums, as a scrub does. */
double rig_verify(struct rig *rig);
void rig_fail(struct rig *rig, unsigned position);
/* Another disk takes the place of the failed one: until it is whole. */
double rig_rebuild(struct rig *rig, unsigned position);
/* Data blocks of all disks. */
uint64_t rig_data_bytes(const struct rig *rig);

#endif
