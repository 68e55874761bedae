/* SPDX-License-Identifier: Apache-2.0 */
/* The volumes this appliance knows. */
#include "admin/known.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "admin/statefile.h"
#include "admin/textjson.h"
#include "admin/trust.h"
#include "admin/volpath.h"
#include "base/log.h"
#include "base/must.h"
#include "base/text.h"
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

bool known_same_disk(const char *a, const char *b)
{
	struct stat sa, sb;

	if (strcmp(a, b) == 0)
		return true;
	if (strncmp(a, "file:", 5) != 0 || strncmp(b, "file:", 5) != 0 || stat(a + 5, &sa) != 0 ||
	    stat(b + 5, &sb) != 0)
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
		json_array_foreach(known->disks, i, disk) {
			if (known_same_disk(json_string_value(disk), url))
				return known;
		}
	}
	return NULL;
}

void known_add_made(struct known_volume *known, const char *url)
{
	json_t *made;
	size_t i;

	if (known->made == NULL)
		known->made = must(json_array());
	json_array_foreach(known->made, i, made) {
		if (strcmp(json_string_value(made), url) == 0)
			return;
	}
	(void)json_array_append_new(known->made, must(json_string(url)));
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
	json_decref(known->igroups_held);
	json_decref(known->kept_out);
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

bool known_name_is_good(const char *name)
{
	return volpath_is_name(name, 63) && text_is_fit(name) && name[0] != '.' && strchr(name, ' ') == NULL;
}

json_t *known_disk_url(const struct admin *admin, const char *name)
{
	if (name[0] == '/')
		return json_sprintf("file:%s", name);
	if (strchr(name, ':') != NULL)
		return strncmp(name, "file:/", 6) == 0 ? json_string(name) : NULL;
	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL)
		return NULL;
	return json_sprintf("file:%s/disks/%s", admin->state_dir, name);
}

/* ---- the state file ---------------------------------------------------------------------------------------------- */

/* `entry` NULL: it is about the whole file. */
static void report_unsound(struct admin *admin, const char *name, json_t *entry, const char *why)
{
	json_t *unsound = json_pack(
	    "{s:o}", "why",
	    textjson_format("volume \"%s\" in volumes.json: %s", name == NULL ? "(no name)" : name, why));

	if (entry == NULL)
		(void)json_object_set_new(unsound, "why", textjson(why));
	else
		(void)json_object_set(unsound, "entry", entry);
	(void)json_array_append_new(admin->unsound, unsound);
	log_error("admin", "state_unsound", "file=volumes.json volume=%s text=\"%s\"", name == NULL ? "" : name, why);
}

/* Why this can't be the URL of a volume's disk; NULL: it can. */
static const char *disk_fault(struct admin *admin, json_t *disks, size_t i)
{
	const char *url = json_string_value(json_array_get(disks, i));
	json_t *made = url == NULL ? NULL : known_disk_url(admin, url);
	bool good = made != NULL && strcmp(json_string_value(made), url) == 0;

	json_decref(made);
	if (!good)
		return "a disk of it is not file:/PATH";
	for (size_t j = 0; j < i; j++) {
		if (json_equal(json_array_get(disks, i), json_array_get(disks, j)))
			return "a disk of it is named twice";
	}
	return known_find_disk(admin, url) != NULL ? "a disk of it belongs to another volume" : NULL;
}

/* Why an entry of the list can't be used; NULL: it can. */
static const char *entry_fault(struct admin *admin, json_t *entry)
{
	const char *name = json_string_value(json_object_get(entry, "name"));
	json_t *disks = json_object_get(entry, "disks");
	const char *why = NULL;

	if (name == NULL || !volpath_is_name(name, FS_NAME_MAX))
		return "it has no name that a volume can have";
	if (known_find(admin, name) != NULL)
		return "there is another one of that name before it";
	if (json_array_size(disks) == 0)
		return "it has no disks";
	if (json_array_size(disks) > RAID_MAX_DISKS)
		return "it has more disks than a volume can have";
	for (size_t i = 0; why == NULL && i < json_array_size(disks); i++)
		why = disk_fault(admin, disks, i);
	return why;
}

/* The strings of a list; what else is in it is left out. */
static json_t *strings_of(json_t *list)
{
	json_t *strings = json_array(), *entry;
	size_t i;

	json_array_foreach(list, i, entry) {
		if (json_is_string(entry))
			(void)json_array_append(strings, entry);
	}
	return strings;
}

static int load_volume(struct admin *admin, json_t *entry)
{
	const char *name = json_string_value(json_object_get(entry, "name")), *why = entry_fault(admin, entry);
	const char *uuid = json_string_value(json_object_get(entry, "uuid"));

	if (why != NULL) {
		report_unsound(admin, name, entry, why);
		return 0;
	}
	struct known_volume *known = known_add_take(admin, name, json_incref(json_object_get(entry, "disks")));
	if (known == NULL)
		return -ENOMEM;
	known->made = strings_of(json_object_get(entry, "made"));
	known->has_uuid = uuid != NULL && uuid_parse(uuid, &known->uuid) == 0;
	known->want_online = json_is_true(json_object_get(entry, "online"));
	known->igroups_held = strings_of(json_object_get(entry, "igroups"));
	known->kept_out = strings_of(json_object_get(entry, "igroups_kept_out"));
	known->remembered = true;
	return 0;
}

/* It is no list at all: never overwritten, moved to a name that is free. */
static int move_aside(struct admin *admin, const char *path)
{
	char aside[4096 + 16], why[4096 + 256];
	int err = 0;

	for (unsigned i = 1; i < 1000; i++) {
		(void)snprintf(aside, sizeof aside, "%s.damaged%u", path, i);
		err = renameat2(AT_FDCWD, path, AT_FDCWD, aside, RENAME_NOREPLACE) < 0 ? -errno : 0;
		if (err != -EEXIST)
			break;
	}
	if (err != 0)
		return err;
	(void)snprintf(why, sizeof why,
	               "the list of volumes could not be read and was moved to %s; repair it and move it back, or "
	               "import the volumes",
	               aside);
	report_unsound(admin, NULL, NULL, why);
	return 0;
}

int known_load(struct admin *admin)
{
	char path[4096];
	json_t *state = NULL, *list, *entry;
	size_t i;
	int err = known_path(admin, path);

	admin->unsound = json_array();
	if (err == 0)
		err = statefile_read(path, &state);
	if (err == -ENOENT)
		return 0;
	if (err == 0 && json_integer_value(json_object_get(state, "version")) > 1)
		err = -ENOTSUP;
	list = json_object_get(state, "volumes");
	if (err == 0 && (json_integer_value(json_object_get(state, "version")) != 1 || !json_is_array(list)))
		err = -EUCLEAN;
	json_array_foreach(list, i, entry) {
		if (err == 0)
			err = load_volume(admin, entry);
	}
	json_decref(state);
	return err == -EUCLEAN ? move_aside(admin, path) : err;
}

static json_t *saved_form(const struct known_volume *known)
{
	json_t *entry = json_pack("{s:s,s:O,s:b,s:o}", "name", known->name, "disks", known->disks, "online",
	                          known->want_online, "igroups", trust_igroups_of(known));
	char uuid[UUID_TEXT_SIZE];

	if (json_array_size(known->made) > 0)
		(void)json_object_set(entry, "made", known->made);
	if (json_array_size(known->kept_out) > 0)
		(void)json_object_set(entry, "igroups_kept_out", known->kept_out);
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
	json_t *list = json_array(), *unsound;
	size_t i;
	int err = known_path(admin, path);

	TAILQ_FOREACH(known, &admin->volumes, link) {
		if (known->remembered)
			(void)json_array_append_new(list, saved_form(known));
	}
	json_array_foreach(admin->unsound, i, unsound) {
		if (json_object_get(unsound, "entry") != NULL)
			(void)json_array_append(list, json_object_get(unsound, "entry"));
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
	json_decref(admin->unsound);
}
