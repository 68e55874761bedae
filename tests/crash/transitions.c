/* SPDX-License-Identifier: Apache-2.0 */
/* The table of transitions: what a disk was and became, and by what. */
#include "tests/crash/transitions.h"

#include <stdio.h>

#include "base/list.h"
#include "tests/crash/history.h"

#define N_STATES (RAID_DISK_REBUILDING + 1U)

static const char *const causes[N_TRANSITION_CAUSES] = {
	[BY_NOTHING] = "by itself",
	[BY_WRITE_ERROR] = "a write fails",
	[BY_FLUSH_ERROR] = "a flush fails",
	[BY_LOSS] = "it is gone",
	[BY_ADMINISTRATOR] = "it is called failed",
	[BY_REPLACEMENT] = "it is replaced",
	[BY_CUT] = "power cut",
	[BY_CUT_IN_REPLACEMENT] = "power cut in a replacement",
	[BY_RESTART] = "restart",
	[BY_RESTART_IN_REPLACEMENT] = "restart in a replacement",
	[BY_ABSENCE] = "it is not there at a start",
	[BY_OLDER_COPY] = "a start with an older copy",
};

#define ON RAID_DISK_ONLINE
#define FAIL RAID_DISK_FAILED
#define MISS RAID_DISK_MISSING
#define STALE RAID_DISK_STALE
#define BUILD RAID_DISK_REBUILDING

/* Those that must be met. */
static const struct {
	enum raid_disk_state before, after;
	enum transition_cause cause;
} rows[] = {
	{ ON, ON, BY_CUT },
	{ ON, ON, BY_CUT_IN_REPLACEMENT },
	{ ON, ON, BY_RESTART },
	{ ON, ON, BY_RESTART_IN_REPLACEMENT },
	{ ON, FAIL, BY_WRITE_ERROR },
	{ ON, FAIL, BY_FLUSH_ERROR },
	{ ON, FAIL, BY_LOSS },
	{ ON, FAIL, BY_ADMINISTRATOR },
	{ ON, MISS, BY_ABSENCE },
	{ ON, STALE, BY_OLDER_COPY },
	{ MISS, MISS, BY_RESTART },
	{ MISS, FAIL, BY_CUT },
	{ MISS, BUILD, BY_REPLACEMENT },
	{ FAIL, FAIL, BY_CUT },
	{ FAIL, FAIL, BY_CUT_IN_REPLACEMENT },
	{ FAIL, FAIL, BY_RESTART },
	{ FAIL, MISS, BY_RESTART },
	{ FAIL, BUILD, BY_REPLACEMENT },
	{ STALE, STALE, BY_CUT },
	{ STALE, STALE, BY_RESTART },
	{ STALE, BUILD, BY_REPLACEMENT },
	{ BUILD, ON, BY_NOTHING },
	{ BUILD, ON, BY_CUT },
	{ BUILD, ON, BY_RESTART },
	{ BUILD, MISS, BY_ABSENCE },
	{ BUILD, FAIL, BY_WRITE_ERROR },
	{ BUILD, FAIL, BY_FLUSH_ERROR },
	{ BUILD, FAIL, BY_LOSS },
	{ BUILD, FAIL, BY_ADMINISTRATOR },
	{ BUILD, BUILD, BY_CUT },
	{ BUILD, BUILD, BY_RESTART },
};

const char *transition_cause_name(enum transition_cause cause)
{
	return causes[cause];
}

static uint32_t met(const struct history_counts *counts, enum raid_disk_state before, enum raid_disk_state after,
                    enum transition_cause cause)
{
	return counts->met[before * N_STATES + after][cause];
}

void transition_count(struct history_counts *counts, enum raid_disk_state before, enum raid_disk_state after,
                      enum transition_cause cause)
{
	counts->met[before * N_STATES + after][cause]++;
}

bool transitions_report(const struct history_counts *counts)
{
	bool all = true;

	printf("transitions of disks: before, after, how often, by what\n");
	for (unsigned before = 0; before < N_STATES; before++)
		for (unsigned after = 0; after < N_STATES; after++)
			for (unsigned cause = 0; cause < N_TRANSITION_CAUSES; cause++)
				if (met(counts, before, after, cause) > 0)
					printf("  %-10s %-10s %8u  %s\n", raid_disk_state_name(before),
					       raid_disk_state_name(after), met(counts, before, after, cause),
					       causes[cause]);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (met(counts, rows[i].before, rows[i].after, rows[i].cause) == 0) {
			printf("NEVER MET: %s -> %s, %s\n", raid_disk_state_name(rows[i].before),
			       raid_disk_state_name(rows[i].after), causes[rows[i].cause]);
			all = false;
		}
	return all;
}
