/* SPDX-License-Identifier: Apache-2.0 */
/* LUN clones: the life of a clone, from its start (or the mount) to the release of the backing store.
 *
 * THEORY. A clone is background work of the lowest class: a chain of short runs with pauses between them. A run under
 * way counts as a message of the volume ("backdoor message", §seed 626), so an unmount waits for it. The phases:
 *
 *    FILL --all looked at--> SETTLE --fills durable in a CP--> [VERIFY --all compared-->] RELEASE --handle dropped--> FINISH
 *    FINISH --CP durable--> gone, state DONE
 *    any phase --error--> FAILED                    FAILED, or stopped --start--> FILL, from the cursor
 *    a run finds no space --> the phase is paused, and tried again after 2 s
 *
 * SETTLE and FINISH wait for a CP; the other three are runs, one batch each (RELEASE: one run).
 * Which clone works next, and when, is decided in three places. fs/clone/clone_pace.h says how much all clones of the
 * volume may do together. struct clone_limit there says what one clone may do. fs/clone/clone_share.h says whose turn
 * it is.
 *
 * INVARIANTS
 *  CL1 the backing store handle is dropped only when a committed CP holds every fill.
 *  CL2 a page is only installed where the same step has seen a hole.
 *  CL3 a clone that is to be verified drops the handle only when every block it has copied was read from the disks and
 *      found equal.
 * WRITE PATH previous hop clone_ops.c, or clone_mount; next hop clone_fill.c, a batch a run; between the phases
 * fs/cp/cp_wait.h.
 * THREADS. Home thread. */
#include "fs/clone/clone.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/state.h"
#include "base/world.h"
#include "fs/clone/clone_pace.h"
#include "fs/clone/clone_private.h"
#include "fs/clone/clone_share.h"
#include "fs/clone/clone_speed.h"
#include "fs/core/core.h"
#include "fs/cp/cp_wait.h"
#include "fs/cp/space.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/vdisk/vdisk.h"
#include "fs/vdisk/vdiskattr.h"
#include "fs/vdisk/vtoc.h"

#define NO_SPACE_RETRY_NS 2000000000ULL

static void phase_set(struct clone *clone, enum clone_phase phase)
{
	static const uint32_t may_follow[] = {
		/* FILL after itself, VERIFY, RELEASE or FAILED: it is started anew */
		[CLONE_FILL] = STATE(CLONE_FILL) | STATE(CLONE_SETTLE) | STATE(CLONE_FAILED),
		[CLONE_SETTLE] = STATE(CLONE_VERIFY) | STATE(CLONE_RELEASE) | STATE(CLONE_FAILED),
		[CLONE_VERIFY] = STATE(CLONE_FILL) | STATE(CLONE_RELEASE) | STATE(CLONE_FAILED),
		[CLONE_RELEASE] = STATE(CLONE_FILL) | STATE(CLONE_FINISH) | STATE(CLONE_FAILED),
		[CLONE_FINISH] = STATE(CLONE_FAILED),
		[CLONE_FAILED] = STATE(CLONE_FILL),
	};

	clone->phase = state_follow(may_follow, clone->phase, phase);
}

/* A forgotten clone stays forgotten. */
static void clone_end_set(struct clone *clone, enum clone_end end)
{
	clone->end = MAX_OF(clone->end, end);
}

struct clone *clone_find(struct fs_volume *vol, const struct fs_file_id *id)
{
	struct clone *clone;

	if (vol->clones == NULL)
		return NULL;
	TAILQ_FOREACH(clone, &vol->clones->clones, link)
		if (clone->id.inode == id->inode && clone->id.generation == id->generation &&
		    clone->end != CLONE_FORGOTTEN)
			return clone;
	return NULL;
}

static void clone_free(struct clone *clone)
{
	struct fs_volume *vol = clone->vol;

	world_timer_cancel(&clone->timer);
	clone_verify_drop(clone);
	space_claim_drop(vol, &clone->claim);
	run_fini(&clone->run);
	run_fini(&clone->ahead_run);
	if (vol->clones->noted == clone)
		vol->clones->noted = NULL;
	TAILQ_REMOVE(&vol->clones->clones, clone, link);
	free(clone);
	clone_kick_all(vol);
}

static bool clone_is_quiet(const struct clone *clone)
{
	return clone->doing != CLONE_RUNS && clone->doing != CLONE_WAITS_CP && !clone->ahead_busy;
}

/* The clone goes: now, or when its run or its CP has ended. */
static void clone_let_go(struct clone *clone)
{
	clone_end_set(clone, CLONE_STOPPING);
	space_claim_drop(clone->vol, &clone->claim);
	if (clone_is_quiet(clone))
		clone_free(clone);
}

void clone_stop(struct clone *clone, bool forget)
{
	clone_end_set(clone, forget ? CLONE_FORGOTTEN : CLONE_STOPPING);
	world_timer_cancel(&clone->timer);
	clone_let_go(clone);
}

static void clone_fail(struct clone *clone, int err)
{
	if (clone->error_fbn != UINT32_MAX)
		log_error("clone", "failed", "volume=%s inode=%u error=%s offset=%" PRIu64 ": the copy %s",
		          clone->vol->name, clone->id.inode, error_name(err),
		          (uint64_t)clone->error_fbn * FS_BLOCK_SIZE,
		          err == -EUCLEAN ? "differs from the snapshot" : "cannot be compared with the snapshot");
	else
		log_error("clone", "failed", "volume=%s inode=%u at=%u error=%s", clone->vol->name, clone->id.inode,
		          clone->cursor, error_name(err));
	phase_set(clone, CLONE_FAILED);
	clone->error = err;
	space_claim_drop(clone->vol, &clone->claim);
}

/* ---- waiting for a CP ------------------------------------------------------------------------------------------ */

static void clone_durable(struct cp_waiter *waiter, int err)
{
	struct clone *clone = container_of(waiter, struct clone, waiter);

	clone->doing = CLONE_RESTS;
	if (clone->vol == NULL) { /* unmounted meanwhile */
		free(clone);
		return;
	}
	if (clone->phase == CLONE_FINISH && err == 0) {
		log_info("clone", "done", "volume=%s inode=%u copied=%" PRIu64, clone->vol->name, clone->id.inode,
		         clone->n_copied);
		clone_let_go(clone);
		return;
	}
	if (clone->end != CLONE_GOES_ON) {
		clone_let_go(clone);
		return;
	}
	if (err != 0) {
		clone_fail(clone, err);
		return;
	}
	vc_invariant(CL1, clone->phase == CLONE_SETTLE && clone->cursor >= clone->n_total);
	phase_set(clone, (clone->flags & FS_CLONE_VERIFY) != 0 ? CLONE_VERIFY : CLONE_RELEASE);
	clone_schedule(clone);
}

static void wait_for_cp(struct clone *clone, enum clone_phase phase)
{
	phase_set(clone, phase);
	clone->doing = CLONE_WAITS_CP;
	clone->waiter.durable = clone_durable;
	cp_wait(clone->vol, &clone->waiter);
}

/* ---- runs ------------------------------------------------------------------------------------------------------ */

static void run_ended(struct fs_volume *vol)
{
	vc_assert(vol->n_messages > 0);
	if (--vol->n_messages == 0)
		run_wake_all(&vol->idle_waiters);
}

static void batch_account(struct clone *clone)
{
	unsigned n = (unsigned)(clone_work_of(clone) - clone->batch_before);

	clone_share_end(&clone->share, n, clone->priority);
	clone_look(clone);
	if (n > 0) /* stepping over what is there costs nothing */
		clone_limit_note(&clone->limit, clone->batch_at_ns, n, clone->rate_bytes_s);
}

static void batch_ended(struct clone *clone)
{
	if (clone->error != 0) {
		log_info("clone", "goes_on", "volume=%s inode=%u", clone->vol->name, clone->id.inode);
		clone->error = 0;
		clone_speed_restart(clone);
	}
	if (clone->phase == CLONE_FILL && clone->cursor >= clone->n_total)
		wait_for_cp(clone, CLONE_SETTLE);
	else if (clone->phase == CLONE_RELEASE)
		wait_for_cp(clone, CLONE_FINISH);
	else if (clone->phase == CLONE_VERIFY && clone->verify_cursor >= clone->n_total)
		phase_set(clone, CLONE_RELEASE);
	clone_schedule(clone);
}

static void run_failed(struct clone *clone, int err)
{
	if (err == -EINTR) { /* the volume is being unmounted, or a stop was taken back */
		world_timer_set(clone->vol->world, &clone->timer, CLONE_NOT_ONLINE_RETRY_NS);
	} else if (err == -ENOSPC) {
		if (clone->error == 0)
			log_warn("clone", "paused",
			         "volume=%s inode=%u error=ENOSPC: no space; it goes on by itself when there is",
			         clone->vol->name, clone->id.inode);
		clone->error = err;
		clone->share.away = true;
		world_timer_set(clone->vol->world, &clone->timer, NO_SPACE_RETRY_NS);
	} else {
		clone_fail(clone, err);
	}
}

static void clone_run_finished(struct fs_run *run, int err)
{
	struct clone *clone = run->arg;
	struct fs_volume *vol = clone->vol;

	clone->doing = CLONE_RESTS;
	run_ended(vol);
	clone_verify_drop(clone);
	if (clone->phase == CLONE_FILL || clone->phase == CLONE_VERIFY)
		batch_account(clone);
	if (err == -ESTALE)
		clone_end_set(clone, CLONE_FORGOTTEN);
	if (clone->end != CLONE_GOES_ON && !(clone->phase == CLONE_RELEASE && err == 0)) {
		clone_let_go(clone);
		return;
	}
	if (err == 0)
		batch_ended(clone);
	else
		run_failed(clone, err);
	clone_kick_all(vol);
}

void clone_ahead_ended(struct clone *clone)
{
	run_ended(clone->vol);
	if (clone->end != CLONE_GOES_ON)
		clone_let_go(clone);
}

void clone_run_begin(struct clone *clone)
{
	struct fs_volume *vol = clone->vol;

	vc_assert(clone->doing != CLONE_RUNS);
	clone->doing = CLONE_RUNS;
	vol->n_messages++;
	run_reinit(&clone->run, vol,
	           clone->phase == CLONE_RELEASE  ? clone_release_step
	           : clone->phase == CLONE_VERIFY ? clone_verify_step
	                                          : clone_fill_step,
	           clone_run_finished);
	clone->run.arg = clone;
	run_start_later(&clone->run);
}

static void clone_timer(struct timer *timer)
{
	clone_schedule(container_of(timer, struct clone, timer));
}

/* ---- beginning and end ----------------------------------------------------------------------------------------- */

static int table_need(struct fs_volume *vol)
{
	if (vol->clones != NULL)
		return 0;
	vol->clones = calloc(1, sizeof *vol->clones);
	if (vol->clones == NULL)
		return -ENOMEM;
	TAILQ_INIT(&vol->clones->clones);
	return 0;
}

int clone_room(struct fs_volume *vol)
{
	int err = table_need(vol);

	if (err == 0 && vol->clones->spare == NULL)
		vol->clones->spare = calloc(1, sizeof *vol->clones->spare);
	return err != 0 || vol->clones->spare != NULL ? err : -ENOMEM;
}

void clone_change(struct clone *clone, const struct vdisk_clone *attr)
{
	if (clone->rate_bytes_s != attr->rate_bytes_s)
		clone_speed_restart(clone);
	clone->rate_bytes_s = attr->rate_bytes_s;
	clone->priority = attr->priority;
	clone->flags = attr->flags;
	clone->limit.allowed_at_ns = 0; /* at once */
	clone_schedule(clone);
}

static void clone_set(struct clone *clone, const struct vdisk *vdisk)
{
	const struct vdisk_clone *attr = &vdisk->attr.clone;

	clone->n_total = vdisk->attr.backing.n_blocks;
	clone->cursor = MIN_OF(attr->cursor, clone->n_total);
	clone->verify_cursor = MIN_OF(attr->verify_cursor, clone->cursor);
	clone->n_copied = attr->n_copied;
	clone->n_verified = attr->n_verified;
	clone->n_own_below = MIN_OF(attr->n_own_below, clone->cursor);
	clone->n_zero_above = attr->n_zero_above;
	clone->started_ns = attr->started_ns;
	clone->ahead = clone->cursor;
	phase_set(clone, CLONE_FILL);
	clone->error = 0;
	clone->error_fbn = UINT32_MAX;
	clone->share = (struct clone_share){ .away = true };
	clone_speed_reset(&clone->speed, world_now_ns(clone->vol->world), clone_work_done(clone, vdisk->container));
}

static void claim_begin(struct clone *clone, const struct vdisk *vdisk, uint64_t need)
{
	if (space_class_of(vdisk->container, SPACE_NEW) != SPACE_LUN)
		clone_claim(clone, need);
}

void clone_begin(struct fs_volume *vol, const struct vdisk *vdisk, uint64_t need)
{
	struct fs_file_id id = { 0, vdisk->container->ino, vdisk->container->attr.generation };
	struct clone *clone = clone_find(vol, &id);

	if (clone != NULL && (clone->doing == CLONE_RUNS ||
	                      clone->doing == CLONE_WAITS_CP)) { /* a stop taken back, or a limit changed, before it
	                                                          * came to rest */
		clone->end = CLONE_GOES_ON;
		claim_begin(clone, vdisk, need);
		clone_change(clone, &vdisk->attr.clone);
		return;
	}
	if (clone == NULL) {
		clone = vol->clones->spare;
		vol->clones->spare = NULL;
		clone->vol = vol;
		clone->id = id;
		clone->timer.fire = clone_timer;
		run_init(&clone->run, vol, clone_fill_step, clone_run_finished, clone);
		clone->run.patient = true;
		run_init(&clone->ahead_run, vol, NULL, NULL, clone);
		TAILQ_INSERT_TAIL(&vol->clones->clones, clone, link);
	}
	clone->end = CLONE_GOES_ON;
	clone_set(clone, vdisk);
	claim_begin(clone, vdisk, need);
	clone_change(clone, &vdisk->attr.clone);
}

static int entry_resume(struct fs_run *run, struct vtoc_entry *entry)
{
	struct fs_file_id id = { 0, entry->ino, entry->generation };
	struct vdisk vdisk;
	uint64_t need = 0;
	int err;

	if (entry->backing.snapshot == 0 || clone_find(run->vol, &id) != NULL)
		return 0;
	err = vdisk_open_entry(run, entry, &vdisk);
	if (err != 0)
		return err;
	if (vdisk.attr.clone.state == FS_CLONE_RUNNING)
		err = clone_need(run, &vdisk, &need);
	if (err == 0)
		err = clone_room(run->vol);
	if (err == 0 && vdisk.attr.clone.state == FS_CLONE_RUNNING) {
		log_info("clone", "resumed", "volume=%s inode=%u at=%u of=%u", run->vol->name, entry->ino,
		         vdisk.attr.clone.cursor, vdisk.attr.backing.n_blocks);
		clone_begin(run->vol, &vdisk, need);
	}
	vdisk_close(&vdisk);
	return err;
}

int clone_mount(struct fs_run *run)
{
	struct vtoc_entry *entry = NULL;
	int err = table_need(run->vol), result = 0;

	if (err != 0 || run->vol->read_only)
		return err;
	while ((entry = vtoc_next(run->vol, entry)) != NULL) {
		err = entry_resume(run, entry);
		if (err == -ENOMEM) /* no mount rather than one whose clones stand still */
			return err;
		if (err != 0 && err != -EAGAIN)
			log_error("clone", "not_resumed", "volume=%s inode=%u error=%s", run->vol->name, entry->ino,
			          error_name(err));
		else if (err != 0)
			result = err;
	}
	return result;
}

void clone_unmount(struct fs_volume *vol)
{
	struct clone *clone;

	if (vol->clones == NULL)
		return;
	while ((clone = TAILQ_FIRST(&vol->clones->clones)) != NULL) {
		vc_assert(clone->doing != CLONE_RUNS && !clone->ahead_busy);
		clone_end_set(clone, CLONE_STOPPING);
		if (clone->doing != CLONE_WAITS_CP) {
			clone_free(clone);
			continue;
		}
		world_timer_cancel(&clone->timer);
		clone_verify_drop(clone);
		space_claim_drop(vol, &clone->claim);
		run_fini(&clone->run);
		run_fini(&clone->ahead_run);
		TAILQ_REMOVE(&vol->clones->clones, clone, link);
		clone->vol = NULL; /* the CP's waiter frees it */
	}
	free(vol->clones->spare);
	free(vol->clones);
	vol->clones = NULL;
}

void clone_cp_done(struct fs_volume *vol)
{
	struct clone *clone, *next;

	if (vol->clones == NULL)
		return;
	vol->clones->n_filled[(vol->generation - 1U) & 1U] = 0;
	clone_pace_cp_done(&vol->clones->pace, world_now_ns(vol->world));
	TAILQ_FOREACH_SAFE(clone, &vol->clones->clones, link, next) {
		clone->n_unplaced[(vol->generation - 1U) & 1U] = 0;
		clone_look(clone);
		if (clone->error == 0)
			clone_schedule(clone);
	}
}

void clone_forget(struct fs_volume *vol, const struct inode *container)
{
	struct fs_file_id id = { 0, container->ino, container->attr.generation };
	struct clone *clone = clone_find(vol, &id);

	if (clone != NULL)
		clone_stop(clone, true);
}
