/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong on a disk: counted by kind, and said.
 *
 * An event tells the first error of each kind of a disk, the second, the fourth, the eighth and so on: a disk that goes
 * wrong in every block says so 30 times, not a billion times. */
#ifndef RAID_MEMBER_ERRORS_H
#define RAID_MEMBER_ERRORS_H

#include "raid/member.h"

/* An error of this kind, at a block of the disk (0: at none). */
void member_errors_count(struct member *m, enum raid_error kind, uint64_t block);
/* And what was wrong is written anew, from the other disks. */
void member_errors_repaired(struct member *m, enum raid_error kind);

#endif
