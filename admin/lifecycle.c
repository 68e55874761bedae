/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a volume: how the steps of an operation are run.
 *
 * THEORY. An operation is a list of steps. A step ends by lifecycle_next(op, err); then the next one runs. After an
 * error the steps that are left are skipped, and the operation's `undo` runs instead. Steps run on the admin loop; one
 * that needs the volume's home loop hops there (lifecycle_at_home) and comes back (lifecycle_back). Example: create is
 * make disks, format, remember, mount, read documents, publish. */
#include "admin/lifecycle_private.h"

#include <stdarg.h>
#include <stdio.h>

#include "admin/fault.h"
#include "base/must.h"

void lifecycle_finish(struct lifecycle_op *op)
{
	struct admin *admin = op->admin;

	if (op->err != 0 && op->text[0] == '\0')
		(void)snprintf(op->text, sizeof op->text, "%s", fault_of(op->err)->text);
	if (op->known != NULL)
		op->known->busy = false;
	op->done(op->arg, op->err, op->text, op->known);
	json_decref(op->made);
	free(op);
	admin_stop_go_on(admin);
}

void lifecycle_next(struct lifecycle_op *op, int err)
{
	if (err != 0) {
		lifecycle_step *undo = op->undo;
		op->err = err;
		op->undo = NULL;
		if (undo != NULL)
			undo(op);
		else
			lifecycle_finish(op);
		return;
	}
	if (*op->steps == NULL) {
		lifecycle_finish(op);
		return;
	}
	lifecycle_step *step = *op->steps++;
	step(op);
}

void lifecycle_say(struct lifecycle_op *op, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(op->text, sizeof op->text, format, args);
	va_end(args);
}

static void op_began(struct task *task)
{
	struct lifecycle_op *op = container_of(task, struct lifecycle_op, task);
	lifecycle_next(op, op->err);
}

/* Begin with the first step, never inline; `err` at once ends it. */
void lifecycle_begin(struct lifecycle_op *op, int err)
{
	op->err = err;
	op->task = (struct task){ .run = op_began };
	world_post(op->admin->world, &op->task);
}

struct lifecycle_op *lifecycle_op_new(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg)
{
	struct lifecycle_op *op = must(calloc(1, sizeof *op));

	op->admin = admin;
	op->known = known;
	op->done = done;
	op->arg = arg;
	if (known != NULL)
		known->busy = true;
	return op;
}

/* An operation that can't begin: nothing is changed. */
void lifecycle_refuse(struct admin *admin, int err, const char *text, lifecycle_done *done, void *arg)
{
	static lifecycle_step *const no_steps[] = { NULL };
	struct lifecycle_op *op = lifecycle_op_new(admin, NULL, done, arg);
	op->steps = no_steps;
	lifecycle_say(op, "%s", text);
	lifecycle_begin(op, err);
}

static void home_runs(struct task *task)
{
	struct lifecycle_op *op = container_of(task, struct lifecycle_op, task);
	op->at_home(op);
}

void lifecycle_at_home(struct lifecycle_op *op, lifecycle_step *at_home)
{
	op->at_home = at_home;
	op->task = (struct task){ .run = home_runs };
	world_post(op->home, &op->task);
}

/* Home loop: go back to the admin loop and on with the next step. */
void lifecycle_back(void *arg, int err)
{
	struct lifecycle_op *op = arg;
	op->err = err;
	op->task = (struct task){ .run = op_began };
	world_post(op->admin->world, &op->task);
}
