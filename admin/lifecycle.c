/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a volume.
 *
 * THEORY. An operation is a list of steps; a step ends by op_next(op, err). After an error the steps that are left are skipped and
 * the operation's `undo` runs. Steps either run on the admin loop or hop to the volume's home loop (op_at_home). */
#include "admin/lifecycle.h"

#include <stdarg.h>
#include <stdio.h>

#include "admin/clonejob.h"
#include "admin/diskfile.h"
#include "admin/document.h"
#include "admin/exportwatch.h"
#include "admin/fault.h"
#include "admin/jobs.h"
#include "admin/keeper.h"
#include "admin/remount.h"
#include "admin/san.h"
#include "admin/trust.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"
#include "raid/disk.h"
#include "raid/raid.h"

#define CACHE_PAGES_MIN 2048U

struct op;
typedef void op_step(struct op *op);

struct op {
	struct admin *admin;
	struct known_volume *known;
	op_step *const *steps; /* ended by NULL */
	op_step *undo; /* after an error; NULL: nothing to undo */
	struct world *home;
	op_step *at_home;
	struct task task;
	struct san_wait wait;
	int err;
	char text[256 + sizeof(struct raid_report)];
	struct fs_volume *volume; /* just mounted */
	lifecycle_done *done;
	void *arg;
	/* create */
	struct raid_group_spec groups[RAID_MAX_GROUPS];
	struct raid_spec spec;
	uint64_t disk_size;
	bool force; /* take disks that hold something */
	bool anywhere; /* import: from outside of disk_paths too */
	json_t *made; /* URLs of the disk files this operation made */
	const char *disks[RAID_MAX_DISKS];
	unsigned n_disks;
	/* restore */
	char restore_to[FS_NAME_MAX + 1U]; /* "": an ordinary mount */
	struct fs_message msg;
	bool restore_force;
	int restore_err;
};

/* ---- running the steps ------------------------------------------------------------------------------------------- */

static void op_finish(struct op *op)
{
	struct admin *admin = op->admin;

	if (op->err != 0 && op->text[0] == '\0')
		(void)snprintf(op->text, sizeof op->text, "%s", fault_of(op->err)->text);
	if (op->known != NULL)
		op->known->busy = false;
	op->done(op->arg, op->err, op->text, op->known);
	json_decref(op->made);
	free(op);
	admin_stop_go_on(admin);
}

static void op_next(struct op *op, int err)
{
	if (err != 0) {
		op_step *undo = op->undo;
		op->err = err;
		op->undo = NULL;
		if (undo != NULL)
			undo(op);
		else
			op_finish(op);
		return;
	}
	if (*op->steps == NULL) {
		op_finish(op);
		return;
	}
	op_step *step = *op->steps++;
	step(op);
}

static void op_say(struct op *op, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void op_say(struct op *op, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(op->text, sizeof op->text, format, args);
	va_end(args);
}

static void op_began(struct task *task)
{
	struct op *op = container_of(task, struct op, task);
	op_next(op, op->err);
}

/* Begin with the first step, never inline; `err` at once ends it. */
static void op_begin(struct op *op, int err)
{
	op->err = err;
	op->task = (struct task){ .run = op_began };
	world_post(op->admin->world, &op->task);
}

static struct op *op_new(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg)
{
	struct op *op = calloc(1, sizeof *op);
	if (op == NULL)
		abort();
	op->admin = admin;
	op->known = known;
	op->done = done;
	op->arg = arg;
	if (known != NULL)
		known->busy = true;
	return op;
}

/* An operation that can't begin: nothing is changed. */
static void op_refuse(struct admin *admin, int err, const char *text, lifecycle_done *done, void *arg)
{
	static op_step *const no_steps[] = { NULL };
	struct op *op = op_new(admin, NULL, done, arg);
	op->steps = no_steps;
	op_say(op, "%s", text);
	op_begin(op, err);
}

static void home_runs(struct task *task)
{
	struct op *op = container_of(task, struct op, task);
	op->at_home(op);
}

static void op_at_home(struct op *op, op_step *at_home)
{
	op->at_home = at_home;
	op->task = (struct task){ .run = home_runs };
	world_post(op->home, &op->task);
}

/* Home loop: go back to the admin loop and on with the next step. */
static void op_back(void *arg, int err)
{
	struct op *op = arg;
	op->err = err;
	op->task = (struct task){ .run = op_began };
	world_post(op->admin->world, &op->task);
}

/* ---- disks ------------------------------------------------------------------------------------------------------- */

/* Append the URL of disk `name` to `urls`; it must be nobody's yet. */
static int add_disk(struct op *op, json_t *urls, const char *name)
{
	const struct known_volume *owner;
	json_t *url = known_disk_url(op->admin, name), *other;
	size_t i;

	if (url == NULL) {
		op_say(op, "\"%s\" is not a disk: give a name, an absolute path or a URL (file:/path)", name);
		return -EINVAL;
	}
	int err = 0;
	json_array_foreach(urls, i, other)
	{
		if (json_equal(url, other))
			err = -EINVAL;
	}
	if (err != 0) {
		op_say(op, "disk \"%s\" is named twice", name);
	} else if ((owner = known_find_disk(op->admin, json_string_value(url))) != NULL) {
		op_say(op, "disk \"%s\" belongs to volume \"%s\"", name, owner->name);
		err = -EBUSY;
	} else if (!op->anywhere && (err = diskfile_allowed(op->admin, json_string_value(url), op->text)) != 0) {
		/* said */
	} else if (json_array_size(urls) >= RAID_MAX_DISKS) {
		op_say(op, "more than %u disks", RAID_MAX_DISKS);
		err = -EINVAL;
	} else if (json_array_append(urls, url) != 0) {
		err = -ENOMEM;
	}
	json_decref(url);
	return err;
}

static int add_disks(struct op *op, json_t *urls, json_t *names)
{
	json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		int err = add_disk(op, urls, json_string_value(name));
		if (err != 0)
			return err;
	}
	return 0;
}

/* op->disks: the URLs of the known volume as plain strings. */
static void op_list_disks(struct op *op)
{
	json_t *disk;
	size_t i;

	vc_assert(json_array_size(op->known->disks) <= RAID_MAX_DISKS); /* add_disk and known_load see to it */
	op->n_disks = 0;
	json_array_foreach(op->known->disks, i, disk) op->disks[op->n_disks++] = json_string_value(disk);
}

/* ---- steps of mount ---------------------------------------------------------------------------------------------- */

static unsigned n_with_memory(const struct admin *admin)
{
	const struct known_volume *known;
	unsigned n = 0;
	TAILQ_FOREACH(known, &admin->volumes, link)
		n += known->want_online || known->cache_pages != 0;
	return n;
}

/* Share out the cache: evenly among the volumes to be online at start, an eighth kept back; later ones get half of what is left. */
static int step_memory(struct op *op)
{
	struct admin *admin = op->admin;
	size_t left = admin->cache_pages - admin->cache_pages_given;
	size_t fair = admin->cache_pages / 8 * 7 / MAX_OF(n_with_memory(admin), 1U);
	size_t grant = admin->cache_pages_given == 0 || !admin->ready ? MIN_OF(fair, left) : MIN_OF(fair, left / 2);

	grant = MAX_OF(grant, (size_t)CACHE_PAGES_MIN);
	if (grant > left) {
		op_say(op, "memory= in the configuration is too small for one more volume");
		return -ENOMEM;
	}
	admin->cache_pages_given += grant;
	op->known->cache_pages = grant;
	return 0;
}

static void memory_back(struct admin *admin, struct known_volume *known)
{
	admin->cache_pages_given -= known->cache_pages;
	known->cache_pages = 0;
}

static void mounted(void *arg, int err, struct fs_volume *volume)
{
	struct op *op = arg;
	op->volume = err == 0 ? fs_volume_get(volume) : NULL;
	op_back(op, err);
}

static void home_mount(struct op *op)
{
	struct fs_mount_options options = { .cache_pages = op->known->cache_pages,
		                            .max_calls = op->admin->max_calls,
		                            .report = &op->known->disk_report };
	options.name = op->known->name[0] != '\0' ? op->known->name : NULL;
	options.restore_to = op->restore_to[0] != '\0' ? op->restore_to : NULL;
	fs_volume_mount(op->home, op->disks, op->n_disks, &options, mounted, op);
}

static void mount_failed(struct op *op)
{
	struct known_volume *known = op->known;
	remount_explain(known, op->restore_to[0] != '\0' ? 0 : op->err, op->text, sizeof op->text);
	if (op->text[0] == '\0')
		op_say(op, "volume \"%s\" could not be mounted: %s (%s)", known->name, fault_of(op->err)->text, error_name(op->err));
	memory_back(op->admin, known);
	known->state = KNOWN_FAILED;
	(void)snprintf(known->error, sizeof known->error, "%s", op->text);
	log_error("admin", "mount_failed", "volume=%s error=%s text=\"%s\"", known->name, error_name(op->err), op->text);
	remount_later(op->admin, known, op->err);
	op_finish(op);
}

static void step_mount(struct op *op)
{
	op->known->state = KNOWN_MOUNTING;
	op->known->error[0] = '\0';
	int err = step_memory(op);
	if (err != 0) {
		op_next(op, err);
		return;
	}
	op_list_disks(op);
	op->home = op->admin->hooks.volume_world(op->admin->hooks.arg);
	op_at_home(op, home_mount);
}

static void exports_learned(void *arg)
{
	op_next(arg, 0);
}

static void policy_loaded(void *arg, int err, json_t *records)
{
	struct op *op = arg;

	if (err != 0)
		log_error("admin", "document_bad", "volume=%s document=snapshot-policy error=%s", op->known->name, error_name(err));
	op->known->policy = records != NULL ? records : json_array();
	op->known->policy_damaged = err != 0;
	exportwatch_learn(op->admin, op->known, exports_learned, op);
}

static void igroups_loaded(void *arg, int err, json_t *records)
{
	struct op *op = arg;

	if (err != 0)
		log_error("admin", "document_bad", "volume=%s document=igroups error=%s", op->known->name, error_name(err));
	op->known->igroups = records != NULL ? records : json_array();
	op->known->igroups_damaged = err != 0;
	document_get(op->admin, op->known->volume, DOCUMENT_POLICY, policy_loaded, op);
}

static void exports_loaded(void *arg, int err, json_t *records)
{
	struct op *op = arg;

	if (err != 0)
		log_error("admin", "document_bad", "volume=%s document=exports error=%s", op->known->name, error_name(err));
	op->known->exports = records != NULL ? records : json_array();
	op->known->exports_damaged = err != 0;
	document_get(op->admin, op->known->volume, DOCUMENT_IGROUPS, igroups_loaded, op);
}

static void step_documents(struct op *op)
{
	op->known->volume = op->volume;
	op->known->uuid = *fs_volume_uuid(op->volume);
	op->known->has_uuid = true;
	op->volume = NULL;
	document_get(op->admin, op->known->volume, DOCUMENT_EXPORTS, exports_loaded, op);
}

static void op_repainted(struct san_wait *wait)
{
	struct op *op = container_of(wait, struct op, wait);
	op_next(op, 0);
}

static void step_publish(struct op *op)
{
	exports_publish(op->admin);
	op->wait.done = op_repainted;
	san_refresh(op->admin->san, &op->wait);
}

static void step_online(struct op *op)
{
	op->known->state = KNOWN_ONLINE;
	keeper_start(op->admin, op->known);
	step_publish(op);
}

static int remember(struct op *op)
{
	op->known->want_online = true;
	op->known->remembered = true;
	int err = known_save(op->admin);
	if (err != 0)
		op_say(op, "the state in %s could not be written (%s)", op->admin->state_dir, error_name(err));
	return err;
}

/* It serves already: when it can't be remembered, that is said, and it goes on serving. */
static void step_remember(struct op *op)
{
	int err = remember(op);
	op->undo = NULL;
	op_next(op, err);
}

static void step_announce(struct op *op)
{
	log_info("admin", "volume_online", "volume=%s cache_mib=%zu", op->known->name, op->known->cache_pages / 256);
	op_next(op, 0);
}

static void step_adopt_clones(struct op *op)
{
	clonejob_adopt(op->admin, op->known->volume);
	op_next(op, 0);
}

/* ---- online ------------------------------------------------------------------------------------------------------ */

void lifecycle_online(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg)
{
	static op_step *const steps[] = { step_mount, step_documents, step_online, step_announce, step_remember, step_adopt_clones, NULL };

	if (known->busy || known->state == KNOWN_ONLINE) {
		op_refuse(admin, known->busy ? -EBUSY : -EALREADY,
		          known->busy ? "something else is being done with this volume" : "the volume is online", done, arg);
		return;
	}
	struct op *op = op_new(admin, known, done, arg);
	op->steps = steps;
	op->undo = mount_failed;
	op_begin(op, 0);
}

/* ---- offline ----------------------------------------------------------------------------------------------------- */

static void home_unmount(struct op *op)
{
	fs_volume_unmount(op->known->volume, op_back, op);
}

static void step_withdraw(struct op *op)
{
	op->known->state = KNOWN_UNMOUNTING;
	step_publish(op);
}

static void step_unmount(struct op *op)
{
	keeper_stop(op->known);
	op->home = fs_volume_world(op->known->volume);
	op_at_home(op, home_unmount);
}

static void let_go(struct admin *admin, struct known_volume *known, enum known_state state)
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
	memory_back(admin, known);
}

static void step_unmounted(struct op *op)
{
	struct known_volume *known = op->known;

	let_go(op->admin, known, KNOWN_OFFLINE);
	log_info("admin", "volume_offline", "volume=%s", known->name);
	op_next(op, 0);
}

/* The unmount says it failed (its last CP did): the volume is gone from memory all the same; its log replays at the next mount. */
static void unmount_failed(struct op *op)
{
	struct known_volume *known = op->known;
	op_say(op, "volume \"%s\": its last consistency point failed; its log is replayed when it is mounted again", known->name);
	log_error("admin", "unmount_failed", "volume=%s error=%s", known->name, error_name(op->err));
	(void)snprintf(known->error, sizeof known->error, "%s", op->text);
	let_go(op->admin, known, KNOWN_FAILED);
	op_finish(op);
}

static void step_forget_online(struct op *op)
{
	op->known->want_online = false;
	int err = known_save(op->admin);
	if (err != 0) {
		op->undo = NULL;
		op_say(op, "the state in %s could not be written (%s)", op->admin->state_dir, error_name(err));
	}
	op_next(op, err);
}

static void unmount_with(struct admin *admin, struct known_volume *known, op_step *const *steps, lifecycle_done *done, void *arg)
{
	if (known->busy || known->state != KNOWN_ONLINE) {
		op_refuse(admin, known->busy ? -EBUSY : -EALREADY,
		          known->busy ? "something else is being done with this volume" : "the volume is not online", done, arg);
		return;
	}
	struct op *op = op_new(admin, known, done, arg);
	op->steps = steps;
	op->undo = unmount_failed;
	op_begin(op, 0);
}

void lifecycle_offline(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg)
{
	static op_step *const steps[] = { step_forget_online, step_withdraw, step_unmount, step_unmounted, NULL };
	unmount_with(admin, known, steps, done, arg);
}

void lifecycle_park(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg)
{
	static op_step *const steps[] = { step_withdraw, step_unmount, step_unmounted, NULL };
	unmount_with(admin, known, steps, done, arg);
}

/* ---- restore ---- */
static void restore_ready(struct fs_message *msg)
{
	struct op *op = msg->owner;

	op_say(op, "%s", msg->out.error_text);
	fs_message_fini(msg);
	op->undo = msg->status == 0 ? unmount_failed : NULL;
	op_next(op, msg->status);
}

static void step_restore_ready(struct op *op)
{
	fs_message_init(&op->msg, FS_SNAPSHOT_RESTORE, op->known->volume, restore_ready, op);
	op->msg.cls = FS_CLASS_ADMIN;
	op->msg.origin = op->admin->world;
	op->msg.in.name = op->restore_to;
	op->msg.in.name_len = (uint32_t)strlen(op->restore_to);
	op->msg.in.restore.force = op->restore_force;
	fs_message_send(&op->msg);
}

static void step_restore_over(struct op *op)
{
	op->undo = NULL;
	op_next(op, op->restore_err);
}

/* The disks have the volume as it was: back with it. */
static void restore_failed(struct op *op)
{
	static op_step *const back[] = { step_mount, step_documents, step_online, step_adopt_clones, step_restore_over, NULL };

	op_say(op, "volume \"%s\" stays as it was: %s (%s)", op->known->name, fault_of(op->err)->text, error_name(op->err));
	op->restore_err = op->err;
	op->restore_to[0] = '\0';
	memory_back(op->admin, op->known);
	op->steps = back;
	op->undo = mount_failed;
	op_next(op, 0);
}

/* Its LUNs and exports stay published: for that moment they are not ready, and not gone. */
static void step_restore_mount(struct op *op)
{
	let_go(op->admin, op->known, KNOWN_OFFLINE);
	op->undo = restore_failed;
	step_mount(op);
}

void lifecycle_restore(struct admin *admin, struct known_volume *known, const char *snapshot, bool force, lifecycle_done *done, void *arg)
{
	static op_step *const steps[] = { step_restore_ready, step_unmount,  step_restore_mount, step_documents,
		                          step_online,        step_announce, step_adopt_clones,  NULL };
	struct op *op = op_new(admin, known, done, arg);

	op->steps = steps;
	(void)snprintf(op->restore_to, sizeof op->restore_to, "%s", snapshot);
	op->restore_force = force;
	op_begin(op, 0);
}

/* ---- destroy ----------------------------------------------------------------------------------------------------- */

/* First it is forgotten, durably: half a volume must never be mounted at the next start. */
static void step_forget(struct op *op)
{
	op->known->remembered = false;
	int err = known_save(op->admin);
	if (err != 0) {
		op->known->remembered = true;
		op_say(op, "the state in %s could not be written (%s)", op->admin->state_dir, error_name(err));
	}
	op->undo = NULL;
	op_next(op, err);
}

static void step_erase(struct op *op)
{
	int err = diskfile_give_up(op->known, op->text);

	log_info("admin", "volume_destroyed", "volume=%s", op->known->name);
	jobs_volume_gone(op->admin, op->known->name);
	known_remove(op->admin, op->known);
	op->known = NULL;
	op_next(op, err);
}

void lifecycle_destroy(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg)
{
	static op_step *const from_online[] = { step_withdraw, step_unmount, step_unmounted, step_forget, step_erase, NULL };
	static op_step *const from_offline[] = { step_forget, step_erase, NULL };

	if (known->state == KNOWN_ONLINE || known->busy) {
		unmount_with(admin, known, from_online, done, arg);
		return;
	}
	struct op *op = op_new(admin, known, done, arg);
	op->steps = from_offline;
	op_begin(op, 0);
}

/* ---- create ------------------------------------------------------------------------------------------------------ */

static void step_make_disks(struct op *op)
{
	op_list_disks(op);
	op_next(op, diskfile_prepare(op->admin, op->disks, op->n_disks, op->disk_size, op->force, op->made, op->text));
}

static void create_failed(struct op *op)
{
	if (op->text[0] == '\0' && op->err == -EEXIST)
		op_say(op, "a disk of \"%s\" is already part of a volume; import that one or use another disk", op->known->name);
	if (op->text[0] == '\0' && op->err == -ENOSPC)
		op_say(op, "the disks are too small for volume \"%s\", or the host is full: --disk-size 256m or more", op->known->name);
	if (op->text[0] == '\0')
		op_say(op, "volume \"%s\" could not be made: %s (%s)", op->known->name, fault_of(op->err)->text, error_name(op->err));
	diskfile_unmake(op->made);
	memory_back(op->admin, op->known);
	known_remove(op->admin, op->known);
	op->known = NULL;
	op_finish(op);
}

static void home_format(struct op *op)
{
	fs_volume_format(op->home, op->known->name, &op->spec, op_back, op);
}

static void step_format(struct op *op)
{
	op->home = op->admin->hooks.volume_world(op->admin->hooks.arg);
	op_at_home(op, home_format);
}

/* From here on the volume exists: a mount that fails leaves it known, failed, for another try. */
static void step_made(struct op *op)
{
	op->known->made = json_incref(op->made);
	int err = remember(op);
	if (err == 0)
		op->undo = mount_failed;
	op_next(op, err);
}

/* Fill op->spec from the groups; op->known->disks gets all URLs. */
static int spec_of(struct op *op, json_t *groups)
{
	json_t *group;
	size_t i, first = 0;

	if (json_array_size(groups) == 0 || json_array_size(groups) > RAID_MAX_GROUPS) {
		op_say(op, "a volume has 1 to %u RAID groups", RAID_MAX_GROUPS);
		return -EINVAL;
	}
	json_array_foreach(groups, i, group)
	{
		json_t *names = json_object_get(group, "disks");
		size_t n = json_array_size(names);
		if (n < 2 || n > RAID_MAX_GROUP_DISKS) {
			op_say(op, "a RAID-4 group has 2 to %u disks, the parity disk last; group %zu has %zu", RAID_MAX_GROUP_DISKS, i, n);
			return -EINVAL;
		}
		int err = add_disks(op, op->known->disks, names);
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

void lifecycle_create(struct admin *admin, const char *name, json_t *groups, uint64_t disk_size, bool force, lifecycle_done *done,
                      void *arg)
{
	static op_step *const steps[] = { step_make_disks, step_format, step_made,     step_mount,
		                          step_documents,  step_online, step_announce, NULL };

	struct known_volume *known = known_add_take(admin, name, json_array());
	if (known == NULL)
		abort();
	struct op *op = op_new(admin, known, done, arg);
	op->steps = steps;
	op->undo = create_failed;
	op->disk_size = disk_size;
	op->force = force;
	op->made = json_array();
	known->state = KNOWN_MOUNTING;
	/* Its own URLs must not look like somebody's while they are collected. */
	TAILQ_REMOVE(&admin->volumes, known, link);
	int err = spec_of(op, groups);
	TAILQ_INSERT_TAIL(&admin->volumes, known, link);
	op_begin(op, err);
}

/* ---- import ------------------------------------------------------------------------------------------------------ */

static void import_failed(struct op *op)
{
	if (op->text[0] == '\0' && op->err == -EEXIST)
		op_say(op, "there is a volume of its name already; give this one another name (--name)");
	if (op->text[0] == '\0' && op->err == -EALREADY)
		op_say(op, "it is a volume that is online already, or a copy of it (they have one UUID)");
	if (op->text[0] == '\0')
		op_say(op, "no volume could be mounted from these disks: %s (%s)", fault_of(op->err)->text, error_name(op->err));
	memory_back(op->admin, op->known);
	known_remove(op->admin, op->known);
	op->known = NULL;
	op_finish(op);
}

static void import_backed_out(struct op *op)
{
	fs_volume_put(op->volume);
	op->volume = NULL;
	op->undo = import_failed;
	op_next(op, -EEXIST);
}

static void home_back_out(struct op *op)
{
	fs_volume_unmount(op->volume, op_back, op);
}

/* The name that was given, or its own, when that can be had here. */
static void step_name(struct op *op)
{
	static op_step *const back_out[] = { import_backed_out, NULL };
	const char *name = fs_volume_name(op->volume);
	bool good = known_name_is_good(name);
	if (op->known->name[0] == '\0' && good && known_find(op->admin, name) == NULL)
		(void)snprintf(op->known->name, sizeof op->known->name, "%s", name);
	if (op->known->name[0] != '\0') {
		op_next(op, 0);
		return;
	}
	op_say(op,
	       good ? "there is a volume \"%.100s\" already; give this one another name (--name)"
	            : "its name \"%.100s\" can't be a volume's here: " KNOWN_NAME_RULE "; give it another one (--name)",
	       name);
	op->steps = back_out;
	op->undo = import_backed_out;
	op->home = fs_volume_world(op->volume);
	op_at_home(op, home_back_out);
}

static void step_trust(struct op *op)
{
	trust_imported(op->admin, op->known);
	op_next(op, 0);
}

void lifecycle_import(struct admin *admin, json_t *disks, const char *name, bool anywhere, lifecycle_done *done, void *arg)
{
	static op_step *const steps[] = { step_mount,    step_name,     step_documents,    step_trust, step_online,
		                          step_announce, step_remember, step_adopt_clones, NULL };

	struct known_volume *known = known_add_take(admin, name == NULL ? "" : name, json_array());
	if (known == NULL)
		abort();
	struct op *op = op_new(admin, known, done, arg);
	op->steps = steps;
	op->undo = import_failed;
	op->anywhere = anywhere;
	known->state = KNOWN_MOUNTING;
	json_t *urls = json_array();
	int err = add_disks(op, urls, disks);
	json_decref(known->disks);
	known->disks = urls;
	op_begin(op, err);
}
