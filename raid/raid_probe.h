/* SPDX-License-Identifier: Apache-2.0 */
/* A probe: the front of several disks (both labels and the fsinfo ring) and their marks, read side by side. */
#ifndef RAID_RAID_PROBE_H
#define RAID_RAID_PROBE_H

#include "raid/disk.h"
#include "raid/raidformat.h"

struct probe_read {
	struct probe *probe;
	struct disk_io io;
	struct iovec iov;
	int err;
};
struct probe_disk {
	void *front; /* RAID_INTENT_FIRST blocks, then the two marks */
	int err; /* of the front */
	struct probe_read reads[3]; /* the front, the marks */
};
struct probe {
	struct world *world;
	unsigned n_disks, n_pending;
	struct probe_disk *disks;
	void (*done)(struct probe *probe);
	struct task task;
};
/* disks[i] NULL: skipped, err -ENODEV. `done` never inline. */
MUST_CHECK int probe_start(struct probe *probe, struct world *world, struct disk *const *disks, unsigned n_disks,
                           void (*done)(struct probe *probe));
void probe_fini(struct probe *probe);
const struct raid_label_format *probe_label(const struct probe *probe, unsigned disk, unsigned copy);
const struct raid_fsinfo_format *probe_fsinfo(const struct probe *probe, unsigned disk, unsigned slot);
/* zeros: it could not be read */
const struct raid_mark_format *probe_mark(const struct probe *probe, unsigned disk, unsigned copy);

#endif
