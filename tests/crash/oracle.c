/* SPDX-License-Identifier: Apache-2.0 */
/* The oracle: everything a machine holds, compared with the model, and the full check. */
#include "tests/crash/oracle.h"

#include <stdio.h>
#include <string.h>

#include "fs/core/core.h"
#include "fs/core/volume_counters.h"

/* A finding about parity or checksum entries is what a bad disk leaves until somebody reads there. */
static bool report_is_of_the_victim(const struct history *h, const char *report)
{
	bool fine = h->victim >= 0;

	for (const char *line = report; fine && line != NULL && *line != '\0';
	     line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL)
		fine = strncmp(line, "rule 10:", 8) == 0;
	return fine;
}

static void check(struct oracle *o)
{
	struct fs_message msg;
	int err;

	/* A block freed twice, or from a wrong tree: the volume passes over it when the file is a removed one. */
	if (counter_get(&o->machine->vol->counters->damage_passed) > 0)
		history_fail(o->h, FAIL_CHECK, "trees of removed files are damaged");

	fs_message_init(&msg, FS_CHECK, o->machine->vol, NULL, NULL);
	err = history_ask(o->h, o->machine, &msg);
	if (err == -ENOSPC) { /* too full for the check's own snapshot */
		fs_message_fini(&msg);
		return;
	}
	if (err != 0 && !o->h->faulty)
		history_fail(o->h, FAIL_CHECK, "it ended with %s: %s", error_name(err), msg.out.error_text);
	if (msg.out.check.n_errors > 0 && !report_is_of_the_victim(o->h, msg.out.check.report)) {
		fprintf(stderr, "%s\n", msg.out.check.report);
		history_fail(o->h, FAIL_CHECK, "%llu of them", (unsigned long long)msg.out.check.n_errors);
	}
	fs_message_fini(&msg);
}

/* What was under way when the power failed has happened or not: the model follows. */
static void outcomes_adopt(struct oracle *o)
{
	for (unsigned i = 0; i < HISTORY_OPS; i++) {
		struct op *op = &o->h->ops[i];

		if (op->state != OP_CUT)
			continue;
		resend_outcome(o->h, o->machine, op, o->applied[i]);
		op->msg.status = o->applied[i] ? 0 : -ECANCELED;
		op->kind->answered(o->h, op);
		history_say(o->h, "      %2u %s %s", i, op->kind->name,
		            o->applied[i] ? "has happened" : "has not happened (or nobody can tell)");
	}
}

/* No power cut makes a disk something it is not. */
static void disks(struct oracle *o)
{
	for (unsigned i = 0; i < o->machine->n_disks && o->h->victim < 0 && !o->h->faulty; i++)
		if (!machine_disk_online(o->machine, i))
			history_fail(o->h, FAIL_WRONG, "nothing is wrong with disk %u, and it is not believed", i);
}

void oracle_compare(struct history *h, struct machine *machine, enum oracle_mode mode)
{
	struct oracle o = { .h = h, .machine = machine, .mode = mode };

	disks(&o);
	oracle_names(&o);
	oracle_snapshots(&o);
	oracle_objects(&o);
	oracle_docs(&o);
	oracle_luns(&o);
	resend_compare(h, machine);
	if (mode == ORACLE_ADOPT)
		outcomes_adopt(&o);
	check(&o);
}
