/* SPDX-License-Identifier: Apache-2.0 */
/* The table of calls x faults. */
#include "tests/front/report.h"

#include <stdio.h>
#include <string.h>

#include "tests/front/mischief.h"

/* Cells of NFS that stay empty. `calls`: names between spaces; with `others`: all but those. */
static const struct {
	enum fault fault;
	bool others;
	const char *calls;
	const char *reason;
} nfs_never[] = {
	{ FAULT_CUT_ARGUMENTS, false, " null mount-null dump umntall export ", "it has no arguments" },
	{ FAULT_CUT_PAYLOAD, true, " write ", "only the payload of WRITE is received apart from its arguments" },
	{ FAULT_BLOCK_LOST, true, " read write setattr ", "it needs no data of files" },
	{ FAULT_DISKS_LOST, false, " null fsstat fsinfo pathconf mount-null mnt dump umnt umntall export ",
	  "what it needs is in memory since the mount, or in no volume" },
	{ FAULT_FULL, true, " setattr write create mkdir symlink mknod rename link ", "it takes no space" },
};

static bool is_listed(const char *calls, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = calls; (at = strstr(at, name)) != NULL; at++)
		if (at > calls && at[-1] == ' ' && at[len] == ' ')
			return true;
	return false;
}

static const char *reason_for(unsigned row, unsigned fault)
{
	for (size_t i = 0; i < ARRAY_SIZE(nfs_never) && row < nfs_client.n_calls; i++)
		if (nfs_never[i].fault == fault && is_listed(nfs_never[i].calls, front_row_name(row)) != nfs_never[i].others)
			return nfs_never[i].reason;
	return NULL;
}

void report_print(const struct history_counts *counts)
{
	const char *name;

	for (unsigned fault = 0; fault < FAULT_COUNT; fault++)
		printf("%*s| %s\n", (int)(20 + 6 * fault), "", fault_names[fault]);
	for (unsigned row = 0; (name = front_row_name(row)) != NULL; row++) {
		printf("%-16s", name);
		for (unsigned fault = 0; fault < FAULT_COUNT; fault++) {
			if (counts->met[row][fault] == 0 && reason_for(row, fault) != NULL)
				printf("     -");
			else
				printf("%6u", counts->met[row][fault]);
		}
		putchar('\n');
	}
}

unsigned report_empty(const struct history_counts *counts)
{
	unsigned n = 0;
	const char *name;

	for (unsigned row = 0; (name = front_row_name(row)) != NULL; row++) {
		for (unsigned fault = 0; fault < FAULT_COUNT; fault++) {
			const char *reason = reason_for(row, fault);

			if ((counts->met[row][fault] == 0) == (reason != NULL))
				continue;
			n++;
			printf("%s has %s met \"%s\"%s%s\n", name, reason == NULL ? "not" : "also", fault_names[fault],
			       reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
		}
	}
	return n;
}
