/* SPDX-License-Identifier: Apache-2.0 */
/* The table of transitions: what a disk was and became, and by what. */
#ifndef TESTS_CRASH_TRANSITIONS_H
#define TESTS_CRASH_TRANSITIONS_H

#include <stdbool.h>

#include "raid/raid.h"

struct history_counts;

enum transition_cause {
	BY_NOTHING, /* of the history's: the engine's own doing */
	BY_WRITE_ERROR,
	BY_FLUSH_ERROR,
	BY_LOSS, /* it answers nothing any more */
	BY_ADMINISTRATOR, /* FS_RAID_FAIL */
	BY_REPLACEMENT, /* FS_RAID_REPLACE */
	BY_CUT,
	BY_CUT_IN_REPLACEMENT, /* while one was under way */
	BY_RESTART,
	BY_RESTART_IN_REPLACEMENT,
	BY_ABSENCE, /* it was not there at a start */
	BY_OLDER_COPY, /* at a start, of it */
	N_TRANSITION_CAUSES
};

const char *transition_cause_name(enum transition_cause cause);
void transition_count(struct history_counts *counts, enum raid_disk_state before, enum raid_disk_state after,
                      enum transition_cause cause);
/* Print the table. False: one that every campaign meets is not there, and it says which. */
bool transitions_report(const struct history_counts *counts);

#endif
