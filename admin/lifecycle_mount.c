/* SPDX-License-Identifier: Apache-2.0 */
/* Putting a volume online: its share of the cache, the mount, its documents, and telling whom it concerns. */
#include <stdio.h>

#include "admin/clonejob.h"
#include "admin/document.h"
#include "admin/exportwatch.h"
#include "admin/fault.h"
#include "admin/keeper.h"
#include "admin/lifecycle_private.h"
#include "admin/rebuildjob.h"
#include "admin/remount.h"
#include "admin/scrubwatch.h"
#include "admin/sparewatch.h"

#define CACHE_PAGES_MIN 2048U

static unsigned n_with_memory(const struct admin *admin)
{
	const struct known_volume *known;
	unsigned n = 0;
	TAILQ_FOREACH(known, &admin->volumes, link)
		n += known->want_online || known->cache_pages != 0;
	return n;
}

/* Share out the cache: evenly among the volumes to be online at start, an eighth kept back; later ones get half of what
 * is left. */
static int step_memory(struct lifecycle_op *op)
{
	struct admin *admin = op->admin;
	size_t left = admin->cache_pages - admin->cache_pages_given;
	size_t fair = admin->cache_pages / 8 * 7 / MAX_OF(n_with_memory(admin), 1U);
	size_t grant = admin->cache_pages_given == 0 || !admin->ready ? MIN_OF(fair, left) : MIN_OF(fair, left / 2);

	grant = MAX_OF(grant, (size_t)CACHE_PAGES_MIN);
	if (grant > left) {
		lifecycle_say(op, "memory= in the configuration is too small for one more volume");
		return -ENOMEM;
	}
	admin->cache_pages_given += grant;
	op->known->cache_pages = grant;
	return 0;
}

void lifecycle_memory_back(struct admin *admin, struct known_volume *known)
{
	admin->cache_pages_given -= known->cache_pages;
	known->cache_pages = 0;
}

static void mounted(void *arg, int err, struct fs_volume *volume)
{
	struct lifecycle_op *op = arg;
	op->volume = err == 0 ? fs_volume_get(volume) : NULL;
	lifecycle_back(op, err);
}

static void home_mount(struct lifecycle_op *op)
{
	struct fs_mount_options options = { .cache_pages = op->known->cache_pages,
		                            .max_calls = op->admin->max_calls,
		                            .new_identity = op->new_identity,
		                            .report = &op->known->disk_report };
	options.name = op->known->name[0] != '\0' ? op->known->name : NULL;
	options.restore_to = op->restore_to[0] != '\0' ? op->restore_to : NULL;
	fs_volume_mount(op->home, op->disks, op->n_disks, &options, mounted, op);
}

void lifecycle_mount_failed(struct lifecycle_op *op)
{
	struct known_volume *known = op->known;
	remount_explain(known, op->restore_to[0] != '\0' ? 0 : op->err, op->text, sizeof op->text);
	if (op->text[0] == '\0')
		lifecycle_say(op, "volume \"%s\" could not be mounted: %s (%s)", known->name, fault_of(op->err)->text,
		              error_name(op->err));
	lifecycle_memory_back(op->admin, known);
	known->state = KNOWN_FAILED;
	(void)snprintf(known->error, sizeof known->error, "%s", op->text);
	log_error("admin", "lifecycle_mount_failed", "volume=%s error=%s text=\"%s\"", known->name, error_name(op->err),
	          op->text);
	remount_later(op->admin, known, op->err);
	lifecycle_finish(op);
}

void lifecycle_step_mount(struct lifecycle_op *op)
{
	op->known->state = KNOWN_MOUNTING;
	op->known->error[0] = '\0';
	int err = step_memory(op);
	if (err != 0) {
		lifecycle_next(op, err);
		return;
	}
	lifecycle_list_disks(op);
	op->home = op->admin->hooks.volume_world(op->admin->hooks.arg);
	lifecycle_at_home(op, home_mount);
}

static void exports_learned(void *arg)
{
	lifecycle_next(arg, 0);
}

static void policy_loaded(void *arg, int err, json_t *records)
{
	struct lifecycle_op *op = arg;

	if (err != 0)
		log_error("admin", "document_bad", "volume=%s document=snapshot-policy error=%s", op->known->name,
		          error_name(err));
	op->known->policy = records != NULL ? records : json_array();
	op->known->policy_damaged = err != 0;
	exportwatch_learn(op->admin, op->known, exports_learned, op);
}

static void igroups_loaded(void *arg, int err, json_t *records)
{
	struct lifecycle_op *op = arg;

	if (err != 0)
		log_error("admin", "document_bad", "volume=%s document=igroups error=%s", op->known->name,
		          error_name(err));
	op->known->igroups = records != NULL ? records : json_array();
	op->known->igroups_damaged = err != 0;
	document_get(op->admin, op->known->volume, DOCUMENT_POLICY, policy_loaded, op);
}

static void exports_loaded(void *arg, int err, json_t *records)
{
	struct lifecycle_op *op = arg;

	if (err != 0)
		log_error("admin", "document_bad", "volume=%s document=exports error=%s", op->known->name,
		          error_name(err));
	op->known->exports = records != NULL ? records : json_array();
	op->known->exports_damaged = err != 0;
	document_get(op->admin, op->known->volume, DOCUMENT_IGROUPS, igroups_loaded, op);
}

void lifecycle_step_documents(struct lifecycle_op *op)
{
	op->known->volume = op->volume;
	op->known->uuid = *fs_volume_uuid(op->volume);
	op->known->has_uuid = true;
	op->volume = NULL;
	document_get(op->admin, op->known->volume, DOCUMENT_EXPORTS, exports_loaded, op);
}

static void op_repainted(struct san_wait *wait)
{
	struct lifecycle_op *op = container_of(wait, struct lifecycle_op, wait);
	lifecycle_next(op, 0);
}

void lifecycle_step_publish(struct lifecycle_op *op)
{
	document_exports_publish(op->admin);
	op->wait.done = op_repainted;
	san_refresh(op->admin->san, &op->wait);
}

void lifecycle_step_online(struct lifecycle_op *op)
{
	op->known->state = KNOWN_ONLINE;
	keeper_start(op->admin, op->known);
	sparewatch_start(op->admin, op->known);
	lifecycle_step_publish(op);
}

int lifecycle_remember(struct lifecycle_op *op)
{
	op->known->want_online = true;
	op->known->remembered = true;
	int err = known_save(op->admin);
	if (err != 0)
		lifecycle_say(op, "the state in %s could not be written (%s)", op->admin->state_dir, error_name(err));
	return err;
}

/* It serves already: when it can't be remembered, that is said, and it goes on serving. */
void lifecycle_step_remember(struct lifecycle_op *op)
{
	int err = lifecycle_remember(op);
	op->undo = NULL;
	lifecycle_next(op, err);
}

void lifecycle_step_announce(struct lifecycle_op *op)
{
	log_info("admin", "volume_online", "volume=%s cache_mib=%zu", op->known->name, op->known->cache_pages / 256);
	lifecycle_next(op, 0);
}

void lifecycle_step_adopt_clones(struct lifecycle_op *op)
{
	clonejob_adopt(op->admin, op->known->volume);
	rebuildjob_adopt(op->admin, op->known->volume);
	scrubwatch_start(op->admin, op->known);
	lifecycle_next(op, 0);
}

/* ---- online ------------------------------------------------------------------------------------------------------ */

void lifecycle_online(struct admin *admin, struct known_volume *known, lifecycle_done *done, void *arg)
{
	static lifecycle_step *const steps[] = { lifecycle_step_mount,
		                                 lifecycle_step_documents,
		                                 lifecycle_step_online,
		                                 lifecycle_step_announce,
		                                 lifecycle_step_remember,
		                                 lifecycle_step_adopt_clones,
		                                 NULL };

	if (known->busy || known->state == KNOWN_ONLINE) {
		lifecycle_refuse(admin, known->busy ? -EBUSY : -EALREADY,
		                 known->busy ? "something else is being done with this volume" : "the volume is online",
		                 done, arg);
		return;
	}
	struct lifecycle_op *op = lifecycle_op_new(admin, known, done, arg);
	op->steps = steps;
	op->undo = lifecycle_mount_failed;
	lifecycle_begin(op, 0);
}
