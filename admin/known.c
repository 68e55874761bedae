/* SPDX-License-Identifier: Apache-2.0 */
/* The volumes this appliance knows. */
#include "admin/known.h"

#include <stdio.h>
#include <sys/stat.h>

#include "admin/statefile.h"
#include "admin/volpath.h"
#include "fs/volume.h"

static int known_path(const struct admin *admin, char path[4096])
{
	int n = snprintf(path, 4096, "%s/volumes.json", admin->state_dir);
	return n < 0 || n >= 4096 ? -ENAMETOOLONG : 0;
}

const char *known_state_name(enum known_state state)
{
	static const char *const names[] = { [KNOWN_OFFLINE] = "offline",
		                             [KNOWN_MOUNTING] = "mounting",
		                             [KNOWN_ONLINE] = "online",
		                             [KNOWN_UNMOUNTING] = "unmounting",
		                             [KNOWN_FAILED] = "failed" };
	return names[state];
}

struct known_volume *known_find(struct admin *admin, const char *name)
{
	struct known_volume *known;
	TAILQ_FOREACH(known, &admin->volumes, link) {
		if (strcmp(known->name, name) == 0)
			return known;
	}
	return NULL;
}

struct known_volume *known_find_uuid(struct admin *admin, const struct uuid *uuid)
{
	struct known_volume *known;
	TAILQ_FOREACH(known, &admin->volumes, link) {
		if (known->has_uuid && uuid_equal(&known->uuid, uuid))
			return known;
	}
	return NULL;
}

/* Are they one file or one device? */
static bool is_same_disk(const char *a, const char *b)
{
	struct stat sa, sb;

	if (strcmp(a, b) == 0)
		return true;
	if (strncmp(a, "file:", 5) != 0 || strncmp(b, "file:", 5) != 0 || stat(a + 5, &sa) != 0 || stat(b + 5, &sb) != 0)
		return false;
	if (S_ISBLK(sa.st_mode) && S_ISBLK(sb.st_mode))
		return sa.st_rdev == sb.st_rdev;
	return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

struct known_volume *known_find_disk(struct admin *admin, const char *url)
{
	struct known_volume *known;
	json_t *disk;
	size_t i;

	TAILQ_FOREACH(known, &admin->volumes, link) {
		json_array_foreach(known->disks, i, disk)
		{
			if (is_same_disk(json_string_value(disk), url))
				return known;
		}
	}
	return NULL;
}

struct known_volume *known_add_take(struct admin *admin, const char *name, json_t *disks)
{
	struct known_volume *known = calloc(1, sizeof *known);

	if (known == NULL) {
		json_decref(disks);
		return NULL;
	}
	(void)snprintf(known->name, sizeof known->name, "%s", name);
	known->disks = disks;
	TAILQ_INSERT_TAIL(&admin->volumes, known, link);
	return known;
}

void known_remove(struct admin *admin, struct known_volume *known)
{
	TAILQ_REMOVE(&admin->volumes, known, link);
	if (known->volume != NULL)
		fs_volume_put(known->volume);
	json_decref(known->disks);
	json_decref(known->made);
	json_decref(known->exports);
	json_decref(known->igroups);
	json_decref(known->policy);
	free(known);
}

int known_volume_get(struct admin *admin, const char *name, struct fs_volume **ret_volume)
{
	struct known_volume *known = known_find(admin, name);

	if (known == NULL || known->name[0] == '\0')
		return -ENOENT;
	if (known->state != KNOWN_ONLINE)
		return -ENODEV;
	*ret_volume = fs_volume_get(known->volume);
	return 0;
}

static int load_volume(struct admin *admin, json_t *entry)
{
	const char *name = json_string_value(json_object_get(entry, "name"));
	const char *uuid = json_string_value(json_object_get(entry, "uuid"));
	json_t *disks = json_object_get(entry, "disks"), *made = json_object_get(entry, "made");
	json_t *disk;
	size_t i;

	if (name == NULL || !volpath_is_name(name, FS_NAME_MAX) || !json_is_array(disks) || json_array_size(disks) == 0 ||
	    known_find(admin, name) != NULL)
		return -EUCLEAN;
	json_array_foreach(disks, i, disk)
	{
		if (!json_is_string(disk))
			return -EUCLEAN;
	}
	json_array_foreach(made, i, disk)
	{
		if (!json_is_string(disk))
			return -EUCLEAN;
	}
	struct known_volume *known = known_add_take(admin, name, json_incref(disks));
	if (known == NULL)
		return -ENOMEM;
	known->made = json_incref(made);
	known->has_uuid = uuid != NULL && uuid_parse(uuid, &known->uuid) == 0;
	known->want_online = json_is_true(json_object_get(entry, "online"));
	known->remembered = true;
	return 0;
}

int known_load(struct admin *admin)
{
	char path[4096];
	json_t *state, *list, *entry;
	size_t i;
	int err = known_path(admin, path);

	if (err == 0)
		err = statefile_read(path, &state);
	if (err != 0)
		return err == -ENOENT ? 0 : err;
	list = json_object_get(state, "volumes");
	err = json_integer_value(json_object_get(state, "version")) == 1 && json_is_array(list) ? 0 : -EUCLEAN;
	json_array_foreach(list, i, entry)
	{
		if (err == 0)
			err = load_volume(admin, entry);
	}
	json_decref(state);
	return err;
}

static json_t *saved_form(const struct known_volume *known)
{
	json_t *entry = json_pack("{s:s,s:O,s:b}", "name", known->name, "disks", known->disks, "online", known->want_online);
	char uuid[UUID_TEXT_SIZE];

	if (json_array_size(known->made) > 0)
		(void)json_object_set(entry, "made", known->made);
	if (known->has_uuid) {
		uuid_format(&known->uuid, uuid);
		(void)json_object_set_new(entry, "uuid", json_string(uuid));
	}
	return entry;
}

int known_save(struct admin *admin)
{
	char path[4096];
	struct known_volume *known;
	json_t *list = json_array();
	int err = known_path(admin, path);

	TAILQ_FOREACH(known, &admin->volumes, link) {
		if (known->remembered)
			(void)json_array_append_new(list, saved_form(known));
	}
	json_t *state = json_pack("{s:i,s:o}", "version", 1, "volumes", list);
	if (err == 0)
		err = state == NULL ? -ENOMEM : statefile_write(path, state);
	json_decref(state);
	return err;
}

void known_fini(struct admin *admin)
{
	struct known_volume *known, *next;
	TAILQ_FOREACH_SAFE(known, &admin->volumes, link, next)
		known_remove(admin, known);
}
