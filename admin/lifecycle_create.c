/* SPDX-License-Identifier: Apache-2.0 */
/* Making a volume: disk files where there are none, the format, the first mount. */
#include "admin/diskfile.h"
#include "admin/fault.h"
#include "admin/lifecycle_private.h"
#include "admin/raidlevel.h"
#include "base/must.h"

static void step_make_disks(struct lifecycle_op *op)
{
	lifecycle_list_disks(op);
	struct diskfile_wanted wanted = { .urls = op->disks,
		                          .n = op->n_disks,
		                          .size_bytes = op->disk_size,
		                          .preallocate = op->preallocate,
		                          .force = op->force };
	lifecycle_next(op, diskfile_prepare(op->admin, &wanted, op->made, op->text));
}

static void create_failed(struct lifecycle_op *op)
{
	if (op->text[0] == '\0' && op->err == -EEXIST)
		lifecycle_say(op, "a disk of \"%s\" is already part of a volume; import that one or use another disk",
		              op->known->name);
	if (op->text[0] == '\0' && op->err == -ENOSPC)
		lifecycle_say(
		    op, "the disks are too small for volume \"%s\", or the host is full: --disk-size 256m or more",
		    op->known->name);
	if (op->text[0] == '\0')
		lifecycle_say(op, "volume \"%s\" could not be made: %s (%s)", op->known->name, fault_of(op->err)->text,
		              error_name(op->err));
	diskfile_unmake(op->made);
	lifecycle_memory_back(op->admin, op->known);
	known_remove(op->admin, op->known);
	op->known = NULL;
	lifecycle_finish(op);
}

static void home_format(struct lifecycle_op *op)
{
	fs_volume_format(op->home, op->known->name, &op->spec, lifecycle_back, op);
}

static void step_format(struct lifecycle_op *op)
{
	op->home = op->admin->hooks.volume_world(op->admin->hooks.arg);
	lifecycle_at_home(op, home_format);
}

/* From here on the volume exists: a mount that fails leaves it known, failed, for another try. */
static void step_made(struct lifecycle_op *op)
{
	op->known->made = json_incref(op->made);
	int err = lifecycle_remember(op);
	if (err == 0)
		op->undo = lifecycle_mount_failed;
	lifecycle_next(op, err);
}

/* Fill op->spec from the groups; op->known->disks gets all URLs. */
static int spec_of(struct lifecycle_op *op, json_t *groups, const char *level)
{
	json_t *group;
	size_t i, first = 0;

	if (json_array_size(groups) == 0 || json_array_size(groups) > RAID_MAX_GROUPS) {
		lifecycle_say(op, "a volume has 1 to %u RAID groups", RAID_MAX_GROUPS);
		return -EINVAL;
	}
	json_array_foreach(groups, i, group) {
		json_t *names = json_object_get(group, "disks");
		size_t n = json_array_size(names);
		char text[RAIDLEVEL_TEXT];
		int err = raidlevel_parity(level != NULL ? level : "raid4", n, &op->groups[i].n_parity, text);
		if (err != 0) {
			lifecycle_say(op, "%s", text);
			return err;
		}
		err = lifecycle_add_disks(op, op->known->disks, names);
		if (err != 0)
			return err;
		op->groups[i].n_disks = (unsigned)n;
		for (size_t d = 0; d < n; d++)
			op->groups[i].disk_urls[d] = json_string_value(json_array_get(op->known->disks, first + d));
		first += n;
	}
	op->spec = (struct raid_spec){ .groups = op->groups, .n_groups = (unsigned)json_array_size(groups) };
	return 0;
}

void lifecycle_create(struct admin *admin, const struct lifecycle_new *new, lifecycle_done *done, void *arg)
{
	static lifecycle_step *const steps[] = { step_make_disks,
		                                 step_format,
		                                 step_made,
		                                 lifecycle_step_mount,
		                                 lifecycle_step_documents,
		                                 lifecycle_step_online,
		                                 lifecycle_step_announce,
		                                 lifecycle_step_adopt_clones,
		                                 NULL };

	struct known_volume *known = must(known_add_take(admin, new->name, json_array()));
	struct lifecycle_op *op = lifecycle_op_new(admin, known, done, arg);
	op->steps = steps;
	op->undo = create_failed;
	op->disk_size = new->disk_size;
	op->preallocate = new->preallocate;
	op->force = new->force;
	op->made = json_array();
	known->state = KNOWN_MOUNTING;
	/* Its own URLs must not look like somebody's while they are collected. */
	TAILQ_REMOVE(&admin->volumes, known, link);
	int err = spec_of(op, new->groups, new->level);
	TAILQ_INSERT_TAIL(&admin->volumes, known, link);
	lifecycle_begin(op, err);
}
