/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that come and go.
 *
 * THEORY. Histories of their own (`sim disks`), so that all others stay what they are. Again and again one disk is lost
 * (a write or a flush fails, it is gone, an administrator calls it failed, it is not there at a start or an older copy
 * of it is), and a new medium takes its place, of any size, blank or full of garbage. While it is rebuilt clients go
 * on, the power fails, the volume is unmounted, the new disk fails and is replaced in its turn. One disk short, nothing
 * may be lost or wrong. The media that were replaced are offered at the next starts, and must not be believed. When all
 * disks are whole again any one of them may be lost at a power cut. In the end a second disk may fail during a rebuild:
 * reads may then answer with errors, never with wrong data. */
#ifndef TESTS_CRASH_DISKS_H
#define TESTS_CRASH_DISKS_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/message.h"
#include "tests/crash/machine.h"
#include "tests/crash/transitions.h"

struct history;
struct history_counts;

struct disks {
	bool on;
	enum raid_disk_state seen[MACHINE_DISKS_MAX];
	enum transition_cause cause[MACHINE_DISKS_MAX]; /* what has been done to it last */
	bool called_failed[MACHINE_DISKS_MAX]; /* and that was answered */
	/* FS_RAID_FAIL or FS_RAID_REPLACE */
	struct fs_message msg;
	bool flying;
	int expect;
	unsigned disk; /* it is for */
	/* the next start */
	int away; /* the disk that is not there, -1: none */
	int older; /* the disk whose place `copy` takes, -1: none */
	char copy[24];
	bool whole; /* at the cut */
	bool each; /* try it without each disk */
	bool may_swap; /* a replacement was under way */
	enum transition_cause stopped_by;
};

/* One history from its beginning to its end. Fails by history_fail. Returns its digest. */
uint64_t disks_run(uint64_t seed, bool verbose, struct history_counts *counts);

/* ---- for every history; those without disks that come and go do nothing ---- */
/* Which states have changed? */
void disks_look(struct history *h);
/* The media are what they are left as, and nothing is mounted; and: they are mounted again. */
void disks_before_mount(struct history *h);
void disks_after_mount(struct history *h);

#endif
