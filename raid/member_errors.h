/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong on a disk: counted by kind, said, and judged.
 *
 * An event tells the first error of each kind of a disk, the second, the fourth, the eighth and so on: a disk that goes
 * wrong in every block says so 30 times, not a billion times.
 * THEORY. Read errors, and blocks whose checksum or identity is wrong, also score, and a score halves every hour. Over
 * its limit (raid.h) the disk is worn, and stays so: labels keep that. A worn disk fails as soon as its group can do
 * without it: parity carries its loss together with that of all other disks that are lost or have had errors lately.
 * Until then it serves what it still gives.
 * Example: limit 64. 40 read errors, an hour, 40 more: the score is 60. Five more within the hour, and it is worn. */
#ifndef RAID_MEMBER_ERRORS_H
#define RAID_MEMBER_ERRORS_H

#include "raid/member.h"

/* An error of this kind, at a block of the disk (0: at none). */
void member_errors_count(struct member *m, enum raid_error kind, uint64_t block);
/* And what was wrong is written anew, from the other disks. */
void member_errors_repaired(struct member *m, enum raid_error kind);
/* The disk still has its label: does it fail for its errors all the same? */
void member_errors_judge(struct member *m);
/* Why it should be replaced, for people; "": it should not. */
void member_errors_say(const struct member *m, char ret_text[RAID_WORN_BYTES]);

#endif
