/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that are not what they were when the volume starts.
 *
 * THEORY. In every fifth history (seeds 4, 9, ...) a disk is copied now and then, in mid-run or while nothing is
 * mounted, and once, before a mount, one disk is replaced: by such a copy, by a disk of a copy of the volume that lived
 * on by itself, by a disk of another volume, by a blank or a shorter one; or it has grown, is named twice, or has a
 * copy beside it. The volume must mount, nothing may be lost or wrong, and what is surely not the disk must not be
 * believed. A copy of the last moments before a power cut may be: it is what the cut could have left. At the end there
 * are two of them: the volume must not start. They draw from randomness of their own, so that all other histories stay
 * what they are. */
#ifndef TESTS_CRASH_IMPOSTOR_H
#define TESTS_CRASH_IMPOSTOR_H

#include <stdbool.h>
#include <stdint.h>

struct history;

struct impostors {
	bool on;
	uint64_t random;
	unsigned n_media; /* made so far */
	/* the copy kept */
	char kept[16]; /* its medium; "": none */
	unsigned kept_disk;
	bool surely_old; /* the volume has been mounted since */
	bool lived_on; /* with a copy of the volume: until that, it is newer than the volume */
	/* struck */
	bool done;
	int unbelievable; /* the disk that must not be online after the next mount, -1: none */
};

/* Is this a history with impostors? */
void impostor_draw(struct history *h, uint64_t seed);
/* Perhaps keep a copy of a disk as it is now. `stopped`: nothing is mounted. */
void impostor_keep(struct history *h, bool stopped);
/* Before a mount: perhaps a disk is replaced. */
void impostor_strike(struct history *h);
/* After it: who is believed? */
void impostor_look(struct history *h);
/* Nothing is sent any more: two disks are replaced. */
void impostor_too_many(struct history *h);
void impostor_fini(struct history *h);

#endif
