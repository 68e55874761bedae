/* SPDX-License-Identifier: Apache-2.0 */
/* Taking in a volume from its disks, under a name that can be had here. */
#include <stdio.h>

#include "admin/fault.h"
#include "admin/lifecycle_private.h"
#include "admin/trust.h"
#include "base/must.h"

#define COPY_HINT "to have a copy beside its original, give it an identity of its own (--new-identity)"

static void import_failed(struct lifecycle_op *op)
{
	if (op->text[0] == '\0' && op->err == -EEXIST)
		lifecycle_say(op, "there is a volume of its name already; give this one another name (--name)");
	if (op->text[0] == '\0' && op->err == -EALREADY)
		lifecycle_say(
		    op, "it is a volume that is online already, or a copy of one (they have one UUID); " COPY_HINT);
	if (op->text[0] == '\0')
		lifecycle_say(op, "no volume could be mounted from these disks: %s (%s)", fault_of(op->err)->text,
		              error_name(op->err));
	lifecycle_memory_back(op->admin, op->known);
	known_remove(op->admin, op->known);
	op->known = NULL;
	lifecycle_finish(op);
}

static void import_backed_out(struct lifecycle_op *op)
{
	fs_volume_put(op->volume);
	op->volume = NULL;
	op->undo = import_failed;
	lifecycle_next(op, -EEXIST);
}

static void home_back_out(struct lifecycle_op *op)
{
	fs_volume_unmount(op->volume, lifecycle_back, op);
}

/* What was mounted cannot stay; why was said. */
static void back_out(struct lifecycle_op *op)
{
	static lifecycle_step *const steps[] = { import_backed_out, NULL };

	op->steps = steps;
	op->undo = import_backed_out;
	op->home = fs_volume_world(op->volume);
	lifecycle_at_home(op, home_back_out);
}

/* Of a volume that is offline it would be the copy, or the volume itself under other names: when that one comes online,
 * clients would have two with one identity. */
static void step_twin(struct lifecycle_op *op)
{
	struct known_volume *twin = known_find_uuid(op->admin, fs_volume_uuid(op->volume));

	if (twin == NULL) {
		lifecycle_next(op, 0);
		return;
	}
	lifecycle_say(op, "it is volume \"%.100s\", which is %s here, or a copy of it (they have one UUID); " COPY_HINT,
	              twin->name, known_state_name(twin->state));
	back_out(op);
}

/* The name that was given, or its own, when that can be had here. */
static void step_name(struct lifecycle_op *op)
{
	const char *name = fs_volume_name(op->volume);
	bool good = known_name_is_good(name);
	if (op->known->name[0] == '\0' && good && known_find(op->admin, name) == NULL)
		(void)snprintf(op->known->name, sizeof op->known->name, "%s", name);
	if (op->known->name[0] != '\0') {
		lifecycle_next(op, 0);
		return;
	}
	lifecycle_say(op,
	              good ? "there is a volume \"%.100s\" already; give this one another name (--name)"
	                   : "its name \"%.100s\" can't be a volume's here: " KNOWN_NAME_RULE
	                     "; give it another one (--name)",
	              name);
	back_out(op);
}

static void step_trust(struct lifecycle_op *op)
{
	trust_imported(op->admin, op->known);
	lifecycle_next(op, 0);
}

void lifecycle_import(struct admin *admin, const struct lifecycle_found *found, lifecycle_done *done, void *arg)
{
	static lifecycle_step *const steps[] = { lifecycle_step_mount,
		                                 step_twin,
		                                 step_name,
		                                 lifecycle_step_documents,
		                                 step_trust,
		                                 lifecycle_step_online,
		                                 lifecycle_step_announce,
		                                 lifecycle_step_remember,
		                                 lifecycle_step_adopt_clones,
		                                 NULL };

	struct known_volume *known = must(known_add_take(admin, found->name == NULL ? "" : found->name, json_array()));
	struct lifecycle_op *op = lifecycle_op_new(admin, known, done, arg);
	op->steps = steps;
	op->undo = import_failed;
	op->anywhere = found->anywhere;
	op->new_identity = found->new_identity;
	known->state = KNOWN_MOUNTING;
	json_t *urls = json_array();
	int err = lifecycle_add_disks(op, urls, found->disks);
	json_decref(known->disks);
	known->disks = urls;
	lifecycle_begin(op, err);
}
