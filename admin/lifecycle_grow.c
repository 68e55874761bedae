/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that join a volume: one more in a group, for data or as its second parity disk, or those of a new group.
 *
 * THEORY. They are remembered before they become members: whenever the daemon ends on the way, the disks that it
 * remembers are enough to find the volume. Those too many do no harm. So an error does not undo it for a disk that has
 * the volume's label by then: only a start can tell whether it is a member, and a volume that lacks the disks of a new
 * group starts no more. */
#include "admin/diskfile.h"
#include "admin/fault.h"
#include "admin/lifecycle_private.h"
#include "base/must.h"
#include "raid/disk_use.h"

static void step_disks(struct lifecycle_op *op)
{
	struct diskfile_wanted wanted = { .urls = op->disks,
		                          .n = op->n_disks,
		                          .size_bytes = op->disk_size,
		                          .preallocate = op->preallocate,
		                          .force = op->force,
		                          .volume = op->known->has_uuid ? &op->known->uuid : NULL };

	lifecycle_next(op, diskfile_prepare(op->admin, &wanted, op->made, op->text));
}

static void step_remember(struct lifecycle_op *op)
{
	(void)json_array_extend(op->known->disks, op->added);
	lifecycle_next(op, known_save(op->admin));
}

static void grown(struct fs_message *msg)
{
	struct lifecycle_op *op = msg->owner;

	lifecycle_say(op, "%s", msg->out.error_text);
	fs_message_fini(msg);
	lifecycle_next(op, msg->status);
}

static void step_grow(struct lifecycle_op *op)
{
	if (op->known->volume == NULL) {
		lifecycle_next(op, -ENODEV);
		return;
	}
	fs_message_init(&op->msg,
	                op->new_group  ? FS_RAID_ADD_GROUP
	                : op->converts ? FS_RAID_CONVERT
	                               : FS_RAID_ADD_DISK,
	                op->known->volume, grown, op);
	op->msg.cls = FS_CLASS_ADMIN;
	op->msg.origin = op->admin->world;
	if (op->new_group) {
		op->msg.in.raid.spec = &op->groups[0];
	} else {
		op->msg.in.raid.group = op->group;
		op->msg.in.raid.url = op->disks[0];
	}
	fs_message_send(&op->msg);
}

static void step_made(struct lifecycle_op *op)
{
	json_t *url;
	size_t i;

	op->undo = NULL; /* it is done */
	json_array_foreach(op->made, i, url)
		known_add_made(op->known, json_string_value(url));
	json_decref(op->added);
	lifecycle_next(op, lifecycle_remember(op));
}

/* Why, in words that fit here; NULL: in those of the error. */
static const char *why_not(int err)
{
	switch (err) {
	case -EBUSY: return "it is in use, or a disk is being added, replaced or rebuilt; wait until that has ended";
	case -EIO:
		return "a disk failed, or the group has lost one: give its place to another first (vcadm raid replace)";
	case -EMLINK: return "the group, or the volume, has as many disks as there can be";
	case -ERANGE: return "a disk is too small, or a parity disk smaller than a data disk";
	case -EFBIG: return "the volume cannot have so many blocks more";
	default: return fault_of(err)->text;
	}
}

static bool may_be_member(const struct known_volume *known, const char *url)
{
	struct disk_use use;

	return disk_use_glance(url, &use) == 0 && use.kind == DISK_USE_LABEL && known->has_uuid &&
	       uuid_equal(&use.volume, &known->uuid);
}

/* Those that certainly did not join are forgotten, and their files removed. */
static void disks_back(struct lifecycle_op *op)
{
	json_t *url;
	size_t i;

	for (i = json_array_size(op->made); i > 0; i--) {
		const char *made = json_string_value(json_array_get(op->made, i - 1));
		if (!may_be_member(op->known, made))
			continue;
		log_warn("admin", "disk_left", "volume=%s disk=%s", op->known->name, made);
		known_add_made(op->known, made);
		(void)json_array_remove(op->made, i - 1);
	}
	json_array_foreach(op->added, i, url) {
		if (!may_be_member(op->known, json_string_value(url)))
			lifecycle_drop_disk(op->known->disks, json_string_value(url));
	}
}

static void grow_failed(struct lifecycle_op *op)
{
	struct known_volume *known = op->known;

	if (op->text[0] == '\0')
		lifecycle_say(op, "volume \"%s\" does not %s: %s (%s)", known->name,
		              op->converts ? "change its RAID level" : "grow", why_not(op->err), error_name(op->err));
	disks_back(op);
	if (known_save(op->admin) != 0)
		log_warn("admin", "volumes_not_saved", "volume=%s", known->name);
	diskfile_unmake(op->made);
	json_decref(op->added);
	lifecycle_finish(op);
}

void lifecycle_grow(struct admin *admin, struct known_volume *known, const struct lifecycle_growth *growth,
                    lifecycle_done *done, void *arg)
{
	static lifecycle_step *const steps[] = { step_disks, step_remember, step_grow, step_made, NULL };
	struct lifecycle_op *op = lifecycle_op_new(admin, known, done, arg);
	int err;

	op->steps = steps;
	op->undo = grow_failed;
	op->made = must(json_array());
	op->added = must(json_array());
	op->new_group = growth->new_group;
	op->converts = growth->converts;
	op->group = growth->group;
	op->groups[0].n_parity = growth->n_parity;
	op->disk_size = growth->disk_size;
	op->preallocate = growth->preallocate;
	op->force = growth->force;
	err = lifecycle_add_disks(op, op->added, growth->names);
	if (err == 0 && json_array_size(op->added) > RAID_MAX_GROUP_DISKS) {
		lifecycle_say(op, "a RAID group has 2 to %u disks", RAID_MAX_GROUP_DISKS);
		err = -EINVAL;
	}
	for (size_t i = 0; err == 0 && i < json_array_size(op->added); i++)
		op->disks[op->n_disks++] = op->groups[0].disk_urls[op->groups[0].n_disks++] = json_string_value(
		    json_array_get(op->added, i));
	lifecycle_begin(op, err);
}
