/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a volume: forgotten first, then its disks given up. */
#include "admin/diskfile.h"
#include "admin/jobs.h"
#include "admin/lifecycle_private.h"

/* First it is forgotten, durably: half a volume must never be mounted at the next start. */
static void step_forget(struct lifecycle_op *op)
{
	op->known->remembered = false;
	int err = known_save(op->admin);
	if (err != 0) {
		op->known->remembered = true;
		lifecycle_say(op, "the state in %s could not be written (%s)", op->admin->state_dir, error_name(err));
	}
	op->undo = NULL;
	lifecycle_next(op, err);
}

static void step_erase(struct lifecycle_op *op)
{
	int err = diskfile_give_up(op->known, op->text);

	log_info("admin", "volume_destroyed", "volume=%s", op->known->name);
	jobs_volume_gone(op->admin, op->known->name);
	known_remove(op->admin, op->known);
	op->known = NULL;
	lifecycle_next(op, err);
}

void lifecycle_destroy(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg)
{
	static lifecycle_step *const from_online[] = {
		lifecycle_step_withdraw, lifecycle_step_unmount, lifecycle_step_unmounted, step_forget, step_erase, NULL
	};
	static lifecycle_step *const from_offline[] = { step_forget, step_erase, NULL };

	if (known->state == KNOWN_ONLINE || known->busy) {
		lifecycle_unmount_with(admin, known, from_online, done, arg);
		return;
	}
	struct lifecycle_op *op = lifecycle_op_new(admin, known, done, arg);
	op->steps = from_offline;
	lifecycle_begin(op, 0);
}
