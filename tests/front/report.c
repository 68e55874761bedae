/* SPDX-License-Identifier: Apache-2.0 */
/* The table of calls x faults. */
#include "tests/front/report.h"

#include <stdio.h>
#include <string.h>

#include "tests/front/mischief.h"

/* Cells that stay empty. `calls`: names between spaces; "*": all that are not otherwise said. */
static const struct {
	const char *calls;
	enum fault fault;
	const char *reason;
} never[] = {
	{ " null dump umntall export mount_null ", FAULT_CUT_ARGUMENTS, "it has no arguments" },
};

static bool is_listed(const char *calls, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = calls; (at = strstr(at, name)) != NULL; at++)
		if (at > calls && at[-1] == ' ' && at[len] == ' ')
			return true;
	return false;
}

static const char *reason_for(const char *name, unsigned fault)
{
	for (size_t i = 0; i < ARRAY_SIZE(never); i++)
		if (never[i].fault == fault && is_listed(never[i].calls, name))
			return never[i].reason;
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
			if (counts->met[row][fault] == 0 && reason_for(name, fault) != NULL)
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
			const char *reason = reason_for(name, fault);

			if ((counts->met[row][fault] == 0) == (reason != NULL))
				continue;
			n++;
			printf("%s has %s met \"%s\"%s%s\n", name, reason == NULL ? "not" : "also", fault_names[fault],
			       reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
		}
	}
	return n;
}
