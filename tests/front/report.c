/* SPDX-License-Identifier: Apache-2.0 */
/* The table of calls x faults. */
#include "tests/front/report.h"

#include <stdio.h>
#include <string.h>

#include "tests/front/iscsi_side.h"
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
	{ FAULT_DISKS_LOST, false, " getattr access ", "attributes are rarely not in memory" },
	{ FAULT_FULL, true, " write create mkdir symlink mknod rename link ", "it takes no space" },
};

/* The same of iSCSI: of rows that have none of these flags. */
static const struct {
	enum fault fault;
	unsigned flags;
	const char *reason;
} iscsi_never[] = {
	{ FAULT_CUT_PAYLOAD, ROW_PAYLOAD, "no data follow its header" },
	{ FAULT_BLOCK_LOST, ROW_MEDIUM, "it needs no data of the LUN" },
	{ FAULT_DISKS_LOST, ROW_MEDIUM | ROW_SYNCS | ROW_MAPS, "it needs no disk" },
	{ FAULT_FULL, ROW_WRITES, "it takes no space" },
	{ FAULT_REPLY_LOST, 0, "an initiator does not send it again" },
	{ FAULT_POWER_AGAIN, 0, "an initiator does not send it again" },
};

#define N_REASONS (ARRAY_SIZE(nfs_never) + ARRAY_SIZE(iscsi_never)) /* a letter each, in this order */

static const char *reason_text(unsigned reason)
{
	return reason < ARRAY_SIZE(nfs_never) ? nfs_never[reason].reason
	                                      : iscsi_never[reason - ARRAY_SIZE(nfs_never)].reason;
}

static bool is_listed(const char *calls, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = calls; (at = strstr(at, name)) != NULL; at++)
		if (at > calls && at[-1] == ' ' && at[len] == ' ')
			return true;
	return false;
}

/* Why such a call need not meet the fault; N_REASONS: it must. */
static unsigned reason_for(unsigned row, unsigned fault)
{
	for (unsigned i = 0; i < ARRAY_SIZE(nfs_never) && row < nfs_client.n_calls; i++)
		if (nfs_never[i].fault == fault &&
		    is_listed(nfs_never[i].calls, front_row_name(row)) != nfs_never[i].others)
			return i;
	for (unsigned i = 0; i < ARRAY_SIZE(iscsi_never) && row >= nfs_client.n_calls; i++)
		if (iscsi_never[i].fault == fault &&
		    (iscsi_rows[row - nfs_client.n_calls].flags & iscsi_never[i].flags) == 0)
			return (unsigned)ARRAY_SIZE(nfs_never) + i;
	return N_REASONS;
}

static void print_sums(const struct history_counts *counts, unsigned n_rows)
{
	printf("%-16s", "all");
	for (unsigned fault = 0; fault < FAULT_COUNT; fault++) {
		unsigned sum = 0;

		for (unsigned row = 0; row < n_rows; row++)
			sum += counts->met[row][fault];
		printf("%6u", sum);
	}
	putchar('\n');
}

void report_print(const struct history_counts *counts)
{
	unsigned row, n_met = 0, n_never = 0;
	const char *name;

	for (unsigned fault = 0; fault < FAULT_COUNT; fault++)
		printf("%*s| %s\n", (int)(20 + 6 * fault), "", fault_names[fault]);
	for (row = 0; (name = front_row_name(row)) != NULL; row++) {
		printf("%-16s", name);
		for (unsigned fault = 0; fault < FAULT_COUNT; fault++) {
			unsigned met = counts->met[row][fault], reason = reason_for(row, fault);

			n_met += met > 0;
			n_never += met == 0 && reason < N_REASONS;
			if (met == 0 && reason < N_REASONS)
				printf("%6c", (char)('a' + reason));
			else
				printf("%6u", met);
		}
		putchar('\n');
	}
	print_sums(counts, row);
	for (unsigned i = 0; i < N_REASONS; i++)
		printf("  %c: %s\n", (char)('a' + i), reason_text(i));
	printf("%u calls x %u faults: %u met, %u cannot meet, %u empty\n", row, FAULT_COUNT, n_met, n_never,
	       row * FAULT_COUNT - n_met - n_never);
}

unsigned report_empty(const struct history_counts *counts)
{
	unsigned n = 0;
	const char *name;

	for (unsigned row = 0; (name = front_row_name(row)) != NULL; row++) {
		for (unsigned fault = 0; fault < FAULT_COUNT; fault++) {
			if (counts->met[row][fault] > 0 || reason_for(row, fault) < N_REASONS)
				continue;
			n++;
			printf("%s has not met \"%s\"\n", name, fault_names[fault]);
		}
	}
	return n;
}
