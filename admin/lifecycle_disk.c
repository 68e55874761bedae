/* SPDX-License-Identifier: Apache-2.0 */
/* The disks that an operation is about: their names made URLs, each nobody's yet and where disks may lie. */
#include "admin/diskfile.h"
#include "admin/lifecycle_private.h"
#include "admin/spare.h"

/* Append the URL of disk `name` to `urls`; it must be nobody's yet. */
static int add_disk(struct lifecycle_op *op, json_t *urls, const char *name)
{
	const struct known_volume *owner;
	json_t *url = known_disk_url(op->admin, name), *other;
	size_t i;

	if (url == NULL) {
		lifecycle_say(op, "\"%s\" is not a disk: give a name, an absolute path or a URL (file:/path)", name);
		return -EINVAL;
	}
	int err = 0;
	json_array_foreach(urls, i, other) {
		if (json_equal(url, other))
			err = -EINVAL;
	}
	if (err != 0) {
		lifecycle_say(op, "disk \"%s\" is named twice", name);
	} else if ((owner = known_find_disk(op->admin, json_string_value(url))) != NULL) {
		lifecycle_say(op, "disk \"%s\" belongs to volume \"%s\"", name, owner->name);
		err = -EBUSY;
	} else if (spare_find(op->admin, json_string_value(url)) != NULL) {
		lifecycle_say(op, "disk \"%s\" is a hot spare: vcadm raid spare remove %s", name, name);
		err = -EBUSY;
	} else if (!op->anywhere && (err = diskfile_allowed(op->admin, json_string_value(url), op->text)) != 0) {
		/* said */
	} else if (json_array_size(urls) >= RAID_MAX_DISKS) {
		lifecycle_say(op, "more than %u disks", RAID_MAX_DISKS);
		err = -EINVAL;
	} else if (json_array_append(urls, url) != 0) {
		err = -ENOMEM;
	}
	json_decref(url);
	return err;
}

int lifecycle_add_disks(struct lifecycle_op *op, json_t *urls, json_t *names)
{
	json_t *name;
	size_t i;

	json_array_foreach(names, i, name) {
		int err = add_disk(op, urls, json_string_value(name));
		if (err != 0)
			return err;
	}
	return 0;
}

/* op->disks: the URLs of the known volume as plain strings. */
void lifecycle_list_disks(struct lifecycle_op *op)
{
	json_t *disk;
	size_t i;

	vc_assert(json_array_size(op->known->disks) <= RAID_MAX_DISKS); /* add_disk and known_load see to it */
	op->n_disks = 0;
	json_array_foreach(op->known->disks, i, disk)
		op->disks[op->n_disks++] = json_string_value(disk);
}

void lifecycle_drop_disk(json_t *urls, const char *url)
{
	for (size_t i = json_array_size(urls); i > 0; i--)
		if (strcmp(json_string_value(json_array_get(urls, i - 1)), url) == 0)
			(void)json_array_remove(urls, i - 1);
}
