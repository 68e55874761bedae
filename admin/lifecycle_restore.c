/* SPDX-License-Identifier: Apache-2.0 */
/* Putting a volume back to a snapshot: made ready, unmounted, mounted again; back as it was when that fails. */
#include <stdio.h>

#include "admin/fault.h"
#include "admin/lifecycle_private.h"

static void restore_ready(struct fs_message *msg)
{
	struct lifecycle_op *op = msg->owner;

	lifecycle_say(op, "%s", msg->out.error_text);
	fs_message_fini(msg);
	op->undo = msg->status == 0 ? lifecycle_unmount_failed : NULL;
	lifecycle_next(op, msg->status);
}

static void step_restore_ready(struct lifecycle_op *op)
{
	fs_message_init(&op->msg, FS_SNAPSHOT_RESTORE, op->known->volume, restore_ready, op);
	op->msg.cls = FS_CLASS_ADMIN;
	op->msg.origin = op->admin->world;
	op->msg.in.name = op->restore_to;
	op->msg.in.name_len = (uint32_t)strlen(op->restore_to);
	op->msg.in.restore.force = op->restore_force;
	fs_message_send(&op->msg);
}

static void step_restore_over(struct lifecycle_op *op)
{
	op->undo = NULL;
	lifecycle_next(op, op->restore_err);
}

/* The disks have the volume as it was: back with it. */
static void restore_failed(struct lifecycle_op *op)
{
	static lifecycle_step *const back[] = { lifecycle_step_mount,  lifecycle_step_documents,
		                                lifecycle_step_online, lifecycle_step_adopt_clones,
		                                step_restore_over,     NULL };

	lifecycle_say(op, "volume \"%s\" stays as it was: %s (%s)", op->known->name, fault_of(op->err)->text,
	              error_name(op->err));
	op->restore_err = op->err;
	op->restore_to[0] = '\0';
	lifecycle_memory_back(op->admin, op->known);
	op->steps = back;
	op->undo = lifecycle_mount_failed;
	lifecycle_next(op, 0);
}

/* Its LUNs and exports stay published: for that moment they are not ready, and not gone. */
static void step_restore_mount(struct lifecycle_op *op)
{
	lifecycle_let_go(op->admin, op->known, KNOWN_OFFLINE);
	op->undo = restore_failed;
	lifecycle_step_mount(op);
}

void lifecycle_restore(struct admin *admin, struct known_volume *known, const char *snapshot, bool force,
                       lifecycle_done *done, void *arg)
{
	static lifecycle_step *const steps[] = { step_restore_ready,          lifecycle_step_unmount,
		                                 step_restore_mount,          lifecycle_step_documents,
		                                 lifecycle_step_online,       lifecycle_step_announce,
		                                 lifecycle_step_adopt_clones, NULL };
	struct lifecycle_op *op = lifecycle_op_new(admin, known, done, arg);

	op->steps = steps;
	(void)snprintf(op->restore_to, sizeof op->restore_to, "%s", snapshot);
	op->restore_force = force;
	lifecycle_begin(op, 0);
}
