/* SPDX-License-Identifier: Apache-2.0 */
/* A probe: the front of several disks (both labels and the fsinfo ring) and their marks, read side by side, whatever
 * stands there. Nothing is verified: that is for those who decode (raid/label.h, raid/mark.c, raid/fsinfo_ring.c).
 * THREADS. The loop of `world`, on which `done` runs. */
#ifndef RAID_RAID_PROBE_H
#define RAID_RAID_PROBE_H

#include "raid/disk.h"
#include "raid/raidformat.h"

/* One read under way; own. */
struct probe_read {
	struct probe *probe;
	struct disk_io io;
	struct iovec iov;
	int err;
};
struct probe_disk {
	void *front; /* RAID_INTENT_FIRST blocks, then the two marks */
	int err; /* of the front: 0, -ENODEV (no disk, or one too small for a label), or what the disk said */
	struct probe_read reads[3]; /* the front, the marks */
};
/* The caller's, at one place until `done`. */
struct probe {
	struct world *world;
	unsigned n_disks, n_pending;
	struct probe_disk *disks;
	void (*done)(struct probe *probe);
	struct task task;
};
/* Read all that the disks have at once; `done` comes when the last read has ended, never inline, and when every disk
 * has failed too: the errors are in disks[i].err. disks[i] NULL: skipped. The disks must stay open until then; `disks`
 * itself is not kept. -ENOMEM: nothing was begun, `done` does not come; probe_fini is owed all the same. */
MUST_CHECK int probe_start(struct probe *probe, struct world *world, struct disk *const *disks, unsigned n_disks,
                           void (*done)(struct probe *probe));
/* After `done`. What the functions below gave goes with it. */
void probe_fini(struct probe *probe);
/* The bytes of a disk that has err 0, where they were read; `copy` 0 or 1, `slot` of the ring. Valid until
 * probe_fini. */
const struct raid_label_format *probe_label(const struct probe *probe, unsigned disk, unsigned copy);
const struct raid_fsinfo_format *probe_fsinfo(const struct probe *probe, unsigned disk, unsigned slot);
/* The same; a mark that could not be read is all zeros, which no mark is. */
const struct raid_mark_format *probe_mark(const struct probe *probe, unsigned disk, unsigned copy);

#endif
