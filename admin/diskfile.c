/* SPDX-License-Identifier: Apache-2.0 */
/* Disks of volumes as files and devices of this machine. */
#include "admin/diskfile.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "admin/fault.h"
#include "raid/disk.h"
#include "raid/disk_use.h"

static const char *file_of(const char *url)
{
	return strncmp(url, "file:", 5) == 0 ? url + 5 : NULL;
}

/* ---- where ------------------------------------------------------------------------------------------------------- */

/* The path without any link in it; its last part may be missing. */
static int resolve(const char *path, char real[PATH_MAX])
{
	char dir[PATH_MAX];
	struct stat st;

	if (realpath(path, real) != NULL)
		return 0;
	if (errno != ENOENT)
		return -errno;
	if (lstat(path, &st) == 0)
		return -ELOOP; /* a link to nowhere: what is made would lie there */
	const char *base = strrchr(path, '/') + 1;
	int n = snprintf(dir, sizeof dir, "%.*s", (int)(base - path), path);
	if (*base == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return -EINVAL;
	if (n < 0 || (size_t)n >= sizeof dir)
		return -ENAMETOOLONG;
	if (realpath(dir, real) == NULL)
		return -errno;
	size_t len = strlen(real);
	n = snprintf(real + len, PATH_MAX - len, "%s%s", strcmp(real, "/") == 0 ? "" : "/", base);
	return n < 0 || (size_t)n >= PATH_MAX - len ? -ENAMETOOLONG : 0;
}

/* Below the directory `root`, or the device or file `root` itself? */
static bool is_within(const char *real, const char *root)
{
	char real_root[PATH_MAX];
	struct stat st;

	if (realpath(root, real_root) == NULL)
		return false;
	size_t len = strcmp(real_root, "/") == 0 ? 0 : strlen(real_root);
	if (strncmp(real, real_root, len) != 0)
		return false;
	if (real[len] == '\0')
		return stat(real, &st) == 0 && !S_ISDIR(st.st_mode);
	return real[len] == '/';
}

/* What the daemon itself keeps in its state directory is no disk, whoever says so. */
static bool is_our_own(const struct admin *admin, const char *real)
{
	static const char *const names[] = { "lock",          "volumes.json",    "volumes.json.new",
		                             "spares.json",   "spares.json.new", "jobs.json",
		                             "jobs.json.new", "admin.token",     "admin.token.new",
		                             "iscsi-target",  "iscsi-target.new" };
	char dir[PATH_MAX];

	if (realpath(admin->state_dir, dir) == NULL)
		return false;
	size_t len = strlen(dir);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strncmp(real, dir, len) == 0 && real[len] == '/' && strcmp(real + len + 1, names[i]) == 0)
			return true;
	}
	return false;
}

int diskfile_allowed(const struct admin *admin, const char *url, char ret_text[256])
{
	const char *path = file_of(url), *list = admin->disk_paths;
	char real[PATH_MAX], root[PATH_MAX];

	if (path == NULL)
		return 0;
	int err = resolve(path, real);
	if (err != 0) {
		(void)snprintf(ret_text, 256, "disk %.140s cannot be found: %s", path, strerror(-err));
		return err;
	}
	int n = snprintf(root, sizeof root, "%s/disks", admin->state_dir);
	bool within = n > 0 && (size_t)n < sizeof root && is_within(real, root);
	while (!within && *list != '\0') {
		size_t len = strcspn(list, ",");
		n = snprintf(root, sizeof root, "%.*s", (int)len, list);
		within = n > 0 && (size_t)n < sizeof root && is_within(real, root);
		list += len + (list[len] == ',');
	}
	if (within && !is_our_own(admin, real))
		return 0;
	(void)snprintf(ret_text, 256,
	               "disk %.90s does not lie where disks may: %.80s (disk_paths in the server's configuration)",
	               path, admin->disk_paths);
	return -EPERM;
}

/* ---- becoming a volume's ----------------------------------------------------------------------------------------- */

static void say_error(const char *what, const char *url, int err, char text[256])
{
	(void)snprintf(text, 256, "disk %.140s %s: %s (%s)", url, what,
	               err == -EBUSY ? "it is in use (another vcd, a mounted file system, LVM, RAID)"
	                             : fault_of(err)->text,
	               error_name(err));
}

/* A disk that is looked at before it is taken. */
struct looked {
	struct disk_use use;
	bool there;
};

/* May it be taken? */
static int look_at(struct admin *admin, const struct diskfile_wanted *wanted, const char *url, struct looked *disk,
                   char text[256])
{
	const struct known_volume *owner;
	const struct disk_use *use = &disk->use;
	int err = disk_use_look(url, &disk->use);

	disk->there = err != -ENOENT;
	if (err == -ENOENT && wanted->size_bytes != 0)
		return 0;
	if (err == -ENOENT) {
		(void)snprintf(text, 256, "disk %.150s does not exist; say how large to make it (--disk-size 1g)", url);
	} else if (err != 0) {
		say_error("cannot be used", url, err, text);
	} else if (use->kind == DISK_USE_LABEL && (owner = known_find_uuid(admin, &use->volume)) != NULL &&
	           (wanted->volume == NULL || !uuid_equal(wanted->volume, &use->volume))) {
		(void)snprintf(text, 256, "disk %.120s belongs to volume \"%.63s\"", url, owner->name);
		err = -EBUSY;
	} else if (use->kind != DISK_USE_NONE && !wanted->force) {
		(void)snprintf(text, 256,
		               "disk %.90s is not empty, it holds %.100s; --force takes it, and that is lost", url,
		               use->text);
		err = -EEXIST;
	}
	return err;
}

static int make_one(const char *url, const struct diskfile_wanted *wanted, json_t *made, char text[256])
{
	int err = disk_create(url, wanted->size_bytes);

	if (err == 0)
		(void)json_array_append_new(made, json_string(url));
	if (err == 0 && wanted->preallocate)
		err = disk_preallocate(url);
	if (err == 0)
		return 0;
	if (err == -ENOSPC)
		(void)snprintf(text, 256, "disk %.120s could not be made: its host's file system has no room for it%s",
		               url,
		               wanted->preallocate ? " (without --preallocate it takes room as it is written)" : "");
	else if (err == -EOPNOTSUPP)
		(void)snprintf(text, 256,
		               "disk %.140s could not be made: its host's file system cannot set space aside "
		               "(--preallocate)",
		               url);
	else
		say_error("could not be made", url, err, text);
	return err;
}

static int wipe_one(const char *url, const struct disk_use *use, char text[256])
{
	int err = disk_use_wipe(url, NULL);

	if (err == 0)
		log_warn("admin", "disk_taken_by_force", "disk=%s held=\"%s\"", url, use->text);
	else
		say_error("could not be wiped", url, err, text);
	return err;
}

int diskfile_prepare(struct admin *admin, const struct diskfile_wanted *wanted, json_t *made, char ret_text[256])
{
	struct looked *disks = calloc(MAX_OF(wanted->n, 1U), sizeof *disks);
	int err = disks == NULL ? -ENOMEM : 0;

	for (unsigned i = 0; err == 0 && i < wanted->n; i++)
		err = look_at(admin, wanted, wanted->urls[i], &disks[i], ret_text);
	for (unsigned i = 0; err == 0 && i < wanted->n; i++) {
		if (!disks[i].there)
			err = make_one(wanted->urls[i], wanted, made, ret_text);
	}
	for (unsigned i = 0; err == 0 && i < wanted->n; i++) {
		if (disks[i].there && disks[i].use.kind != DISK_USE_NONE)
			err = wipe_one(wanted->urls[i], &disks[i].use, ret_text);
	}
	free(disks);
	return err;
}

void diskfile_unmake(json_t *made)
{
	json_t *url;
	size_t i;

	json_array_foreach(made, i, url) {
		int err = disk_destroy(json_string_value(url));
		if (err != 0)
			log_warn("admin", "disk_left_behind", "disk=%s error=%s", json_string_value(url),
			         error_name(err));
	}
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static bool is_made(const struct known_volume *known, const char *url)
{
	json_t *one;
	size_t i;

	json_array_foreach(known->made, i, one) {
		if (strcmp(json_string_value(one), url) == 0)
			return true;
	}
	return false;
}

static int give_up_one(const struct known_volume *known, const char *url)
{
	struct disk_use use;
	int err = disk_use_look(url, &use);

	if (err == -ENOENT) {
		log_warn("admin", "disk_missing", "volume=%s disk=%s", known->name, url);
		return 0;
	}
	if (err != 0)
		return err;
	bool ours = use.kind == DISK_USE_LABEL && (!known->has_uuid || uuid_equal(&use.volume, &known->uuid));
	/* A disk that has lost its label is ours all the same if we made the file; one that holds what somebody else
	 * knows is not. */
	if (is_made(known, url) && (ours || use.kind == DISK_USE_NONE || use.kind == DISK_USE_DATA))
		return disk_destroy(url);
	if (ours)
		return disk_use_wipe(url, &use.volume);
	log_warn("admin", "disk_left_alone", "volume=%s disk=%s holds=\"%s\"", known->name, url,
	         use.kind == DISK_USE_NONE ? "nothing" : use.text);
	return 0;
}

int diskfile_give_up(const struct known_volume *known, char ret_text[256])
{
	json_t *url;
	size_t i, len = 0;
	int first = 0;

	json_array_foreach(known->disks, i, url) {
		const char *name = json_string_value(url);
		int err = give_up_one(known, name);
		if (err == 0)
			continue;
		log_error("admin", "disk_not_wiped", "volume=%s disk=%s error=%s", known->name, name, error_name(err));
		int more = snprintf(ret_text + len, 256 - len, "%s%s (%s)",
		                    first == 0 ? "the volume is forgotten, but still on disk " : ", ", name,
		                    error_name(err));
		len = MIN_OF(len + (size_t)MAX_OF(more, 0), (size_t)255);
		first = first == 0 ? err : first;
	}
	return first;
}
