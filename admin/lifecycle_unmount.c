/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a volume offline: exports and LUNs withdrawn, the last consistency point, and what was known of it let go. */
#include <stdio.h>

#include "admin/keeper.h"
#include "admin/lifecycle_private.h"
#include "admin/scrubwatch.h"
#include "admin/sparewatch.h"
#include "admin/trust.h"

static void home_unmount(struct lifecycle_op *op)
{
	fs_volume_unmount(op->known->volume, lifecycle_back, op);
}

void lifecycle_step_withdraw(struct lifecycle_op *op)
{
	op->known->state = KNOWN_UNMOUNTING;
	lifecycle_step_publish(op);
}

void lifecycle_step_unmount(struct lifecycle_op *op)
{
	keeper_stop(op->known);
	scrubwatch_stop(op->known);
	sparewatch_stop(op->known);
	op->home = fs_volume_world(op->known->volume);
	lifecycle_at_home(op, home_unmount);
}

void lifecycle_let_go(struct admin *admin, struct known_volume *known, enum known_state state)
{
	fs_volume_put(known->volume);
	known->volume = NULL;
	json_t *held = trust_igroups_of(known);
	json_decref(known->igroups_held);
	known->igroups_held = held;
	json_decref(known->exports);
	json_decref(known->igroups);
	json_decref(known->policy);
	known->exports = known->igroups = known->policy = NULL;
	known->exports_damaged = known->igroups_damaged = known->policy_damaged = false;
	known->state = state;
	lifecycle_memory_back(admin, known);
}

void lifecycle_step_unmounted(struct lifecycle_op *op)
{
	struct known_volume *known = op->known;

	lifecycle_let_go(op->admin, known, KNOWN_OFFLINE);
	log_info("admin", "volume_offline", "volume=%s", known->name);
	lifecycle_next(op, 0);
}

/* The unmount says it failed (its last CP did): the volume is gone from memory all the same; its log replays at the
 * next mount. */
void lifecycle_unmount_failed(struct lifecycle_op *op)
{
	struct known_volume *known = op->known;
	lifecycle_say(op,
	              "volume \"%s\": its last consistency point failed; its log is replayed when it is mounted again",
	              known->name);
	log_error("admin", "lifecycle_unmount_failed", "volume=%s error=%s", known->name, error_name(op->err));
	(void)snprintf(known->error, sizeof known->error, "%s", op->text);
	lifecycle_let_go(op->admin, known, KNOWN_FAILED);
	lifecycle_finish(op);
}

static void step_forget_online(struct lifecycle_op *op)
{
	op->known->want_online = false;
	int err = known_save(op->admin);
	if (err != 0) {
		op->undo = NULL;
		lifecycle_say(op, "the state in %s could not be written (%s)", op->admin->state_dir, error_name(err));
	}
	lifecycle_next(op, err);
}

void lifecycle_unmount_with(struct admin *admin, struct known_volume *known, lifecycle_step *const *steps,
                            lifecycle_done *done, void *arg)
{
	if (known->busy || known->state != KNOWN_ONLINE) {
		lifecycle_refuse(admin, known->busy ? -EBUSY : -EALREADY,
		                 known->busy ? "something else is being done with this volume"
		                             : "the volume is not online",
		                 done, arg);
		return;
	}
	struct lifecycle_op *op = lifecycle_op_new(admin, known, done, arg);
	op->steps = steps;
	op->undo = lifecycle_unmount_failed;
	lifecycle_begin(op, 0);
}

void lifecycle_offline(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg)
{
	static lifecycle_step *const steps[] = { step_forget_online, lifecycle_step_withdraw, lifecycle_step_unmount,
		                                 lifecycle_step_unmounted, NULL };
	lifecycle_unmount_with(admin, known, steps, done, arg);
}

void lifecycle_park(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg)
{
	static lifecycle_step *const steps[] = { lifecycle_step_withdraw, lifecycle_step_unmount,
		                                 lifecycle_step_unmounted, NULL };
	lifecycle_unmount_with(admin, known, steps, done, arg);
}
