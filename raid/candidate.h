/* SPDX-License-Identifier: Apache-2.0 */
/* Candidates: the disks offered at a start, and what each of them is to the volume.
 *
 * THEORY. Labels are compared before any is believed. One of them, the head, stands for the volume; every other disk is
 * judged by it: of the same history and complete (good), stale, of another history of the same volume, of another
 * volume, without a label, and so on. Heads are tried from the newest label on. Another label is tried as head only if
 * it is of another volume or history: disks that are merely older than a head never start without it, for they would
 * lose what it has. When the disks of exactly one head suffice (all but one of each group, and a copy of the log), that
 * is the volume.
 * Example: four disks of start 7 and one copied in start 5. The newest label is of start 7; with it as head four disks
 * are good and the fifth is stale. No other head is tried: the volume starts on the four.
 * THREADS. The loop that starts the volume. Nothing here blocks: the bytes were read before (raid/raid_probe.h). */
#ifndef RAID_CANDIDATE_H
#define RAID_CANDIDATE_H

#include "raid/label.h"
#include "raid/raid_probe.h"

/* What a disk is to the head. */
enum candidate_verdict {
	CANDIDATE_GOOD,
	CANDIDATE_NOT_OPENED,
	CANDIDATE_BLANK, /* no label, or none that can be read */
	CANDIDATE_UNKNOWN_FORMAT, /* a newer version's label */
	CANDIDATE_FOREIGN, /* of another volume, or not of it any more */
	/* from here on: it has a place in the volume */
	CANDIDATE_PARTED, /* of a copy of the volume that lived on by itself */
	CANDIDATE_STALE,
	CANDIDATE_FAILED, /* so say the labels */
	CANDIDATE_CUT, /* smaller than it was */
	CANDIDATE_TWICE, /* another one is the same disk, and is taken */
};

/* One disk offered. The caller fills url, index, err, tried, same_medium and size_blocks; candidate_load what was read;
 * candidates_choose the verdict. */
struct candidate {
	char url[256];
	unsigned index; /* among the disks offered */
	int err; /* of opening and reading it */
	bool tried; /* opened, or not to be opened */
	bool same_medium; /* as one before it in the list: not opened */
	bool used; /* a member has it, or its URL */
	bool unknown_format;
	bool is_spare; /* it has no label of a member, but a hot spare's */
	uint64_t size_blocks;
	struct label *label; /* owned: the newest valid one; NULL: none. Of an unknown format: whose it is, no more */
	unsigned label_copy, mark_copy; /* where the newest valid ones are */
	struct lineage lineage; /* what it has lived through, by mark and label */
	bool was_head; /* own, of candidates_choose */
	enum candidate_verdict verdict;
	char why[RAID_WHY_BYTES]; /* the verdict's reason, for an administrator */
};

/* What the candidates make. */
struct candidate_choice {
	const struct label *head; /* a candidate's: as long as that */
	struct lineage demand; /* what every member must have lived through */
	uint64_t last_flush; /* the highest number on any disk of the volume: new ones are higher */
};

/* Take label and marks of the disk from a probe that is done. A disk that could not be read keeps its `err`, and has no
 * label. Copies what it takes. */
void candidate_load(struct candidate *candidate, const struct probe *probe);
/* Judge all `n`, each by the same head. `probe` is the one they were loaded from. 0: one volume has enough disks.
 * -ENOENT: there is no label. -ENOTSUP: a label of this volume (or the only ones there are) is of a newer version.
 * -ENXIO: of no volume are enough disks good. -EUCLEAN: of more than one are. *ret_choice is set with an error too: its
 * head is then the one with the most good disks, or NULL, and the verdicts are by that one. */
MUST_CHECK int candidates_choose(struct candidate *candidates, unsigned n, const struct probe *probe,
                                 struct candidate_choice *ret_choice);
/* The array, and the labels that its candidates own. NULL is allowed. */
void candidates_free(struct candidate *candidates, unsigned n);

#endif
