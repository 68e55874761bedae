/* SPDX-License-Identifier: Apache-2.0 */
/* Another disk in the place of a lost one, or the lost one itself again.
 *
 * THEORY. The new disk is remembered before it becomes a member, the old one forgotten afterwards: whenever the daemon
 * ends on the way, the disks that it remembers are enough to find the volume. One too many does no harm. */
#include <stdio.h>

#include "admin/diskfile.h"
#include "admin/fault.h"
#include "admin/lifecycle_private.h"
#include "admin/spare.h"
#include "base/must.h"
#include "raid/disk_use.h"

int lifecycle_forget_disk(struct admin *admin, struct known_volume *known, const char *url)
{
	for (size_t i = json_array_size(known->disks); i > 0; i--)
		if (known_same_disk(json_string_value(json_array_get(known->disks, i - 1)), url))
			(void)json_array_remove(known->disks, i - 1);
	return known_save(admin);
}

static void step_disk(struct lifecycle_op *op)
{
	const char *url = op->new_url;
	const struct known_volume *owner = known_find_disk(op->admin, url);
	struct diskfile_wanted wanted = { .urls = &url,
		                          .n = 1,
		                          .size_bytes = op->replacement.size_bytes,
		                          .preallocate = op->replacement.preallocate,
		                          .force = op->replacement.force,
		                          .volume = op->known->has_uuid ? &op->known->uuid : NULL };
	struct spare *spare = spare_find(op->admin, url);
	struct disk_use use;
	int err = 0;

	if (owner != NULL && (owner != op->known || strcmp(op->old_url, op->new_url) != 0)) {
		lifecycle_say(op, "disk %.150s belongs to volume \"%.63s\"", url, owner->name);
		err = -EBUSY;
	} else {
		err = diskfile_allowed(op->admin, url, op->text);
	}
	if (err != 0) {
		lifecycle_next(op, err);
		return;
	}
	if (op->replacement.rejoins) {
		lifecycle_next(op, 0);
		return;
	}
	if (spare != NULL) {
		lifecycle_next(op, spare_fits(op->admin, spare, op->known, op->replacement.needed_bytes, op->text));
		return;
	}
	err = disk_use_look(url, &use);
	if (err == 0 && use.size_bytes != 0 && use.size_bytes < op->replacement.needed_bytes) {
		lifecycle_say(op, "disk %.150s is too small: it has %llu bytes, and %llu are needed there", url,
		              (unsigned long long)use.size_bytes, (unsigned long long)op->replacement.needed_bytes);
		lifecycle_next(op, -ERANGE);
		return;
	}
	lifecycle_next(op, diskfile_prepare(op->admin, &wanted, op->made, op->text));
}

static void step_remember_new(struct lifecycle_op *op)
{
	if (strcmp(op->old_url, op->new_url) != 0)
		(void)json_array_append_new(op->known->disks, must(json_string(op->new_url)));
	lifecycle_next(op, known_save(op->admin));
}

static void replaced(struct fs_message *msg)
{
	struct lifecycle_op *op = msg->owner;

	lifecycle_say(op, "%s", msg->out.error_text);
	fs_message_fini(msg);
	lifecycle_next(op, msg->status);
}

static void step_replace(struct lifecycle_op *op)
{
	if (op->known->volume == NULL) {
		lifecycle_next(op, -ENODEV);
		return;
	}
	fs_message_init(&op->msg, op->replacement.rejoins ? FS_RAID_ONLINE : FS_RAID_REPLACE, op->known->volume,
	                replaced, op);
	op->msg.cls = FS_CLASS_ADMIN;
	op->msg.origin = op->admin->world;
	op->msg.in.raid.group = op->replacement.group;
	op->msg.in.raid.position = op->replacement.position;
	op->msg.in.raid.url = op->new_url;
	fs_message_send(&op->msg);
}

/* A file that vcd made stays: it may be all that is left of what it held. */
static void step_forget_old(struct lifecycle_op *op)
{
	struct known_volume *known = op->known;

	struct spare *spare = spare_find(op->admin, op->new_url);
	json_t *url;
	size_t i;

	op->undo = NULL; /* it is done */
	if (strcmp(op->old_url, op->new_url) != 0)
		lifecycle_drop_disk(known->disks, op->old_url);
	lifecycle_drop_disk(known->made, op->old_url);
	json_array_foreach(op->made, i, url)
		known_add_made(known, json_string_value(url));
	if (spare != NULL && spare->made)
		known_add_made(known, op->new_url);
	int err = lifecycle_remember(op);
	if (err == 0 && spare != NULL)
		spare_used(op->admin, spare);
	lifecycle_next(op, err);
}

static const char *why_not(int err)
{
	switch (err) {
	case -EALREADY: return "the disk there is not lost";
	case -ENXIO: return "it is not the disk that had this place";
	case -EUCLEAN:
		return "it was started elsewhere since; to use it all the same, replace it by itself with --force";
	default: return fault_of(err)->text;
	}
}

static void replace_failed(struct lifecycle_op *op)
{
	struct known_volume *known = op->known;
	struct spare *spare = spare_find(op->admin, op->new_url);

	if (op->text[0] == '\0')
		lifecycle_say(op, "disk %.150s could not take the place: %s (%s)", op->new_url, why_not(op->err),
		              error_name(op->err));
	if (strcmp(op->old_url, op->new_url) != 0)
		lifecycle_drop_disk(known->disks, op->new_url);
	if (known_save(op->admin) != 0)
		log_warn("admin", "volumes_not_saved", "volume=%s", known->name);
	else if (spare != NULL && known_find_disk(op->admin, spare->url) == NULL)
		spare_give_back(op->admin, spare);
	diskfile_unmake(op->made);
	lifecycle_finish(op);
}

void lifecycle_replace(struct admin *admin, struct known_volume *known, const struct lifecycle_replacement *replacement,
                       lifecycle_done *done, void *arg)
{
	static lifecycle_step *const steps[] = { step_disk, step_remember_new, step_replace, step_forget_old, NULL };
	struct lifecycle_op *op = lifecycle_op_new(admin, known, done, arg);

	op->steps = steps;
	op->undo = replace_failed;
	op->made = must(json_array());
	op->replacement = *replacement;
	(void)snprintf(op->old_url, sizeof op->old_url, "%s", replacement->old_url);
	(void)snprintf(op->new_url, sizeof op->new_url, "%s", replacement->url);
	lifecycle_begin(op, 0);
}
