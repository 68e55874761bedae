/* SPDX-License-Identifier: Apache-2.0 */
/* A file's restore from phase to phase, its pace, and the sweep after a mount (fs/snapshot/file_restore.h).
 *
 * PACE. While clients are served, a restore fills small batches with pauses; else one batch after the other. After an
 * eighth of the cache it waits for the CP that places it, so that its dirty pages never crowd out those of clients.
 * WRITE PATH previous hop file_restore_ops.c; next hop file_restore_fill.c. */
#include "fs/snapshot/file_restore.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/cp/cp_wait.h"
#include "fs/cp/space.h"
#include "fs/file/message_completion.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"
#include "fs/names/dir.h"
#include "fs/names/pathwalk.h"
#include "fs/snapshot/file_restore_private.h"
#include "fs/vdisk/docs.h"

#define CLIENTS_GONE_NS 50000000U
#define BATCH_BUSY 16U /* blocks, beside clients */
#define BATCH_IDLE 256U
#define PAUSE_NS 4000000U /* 16 MiB/s beside clients */

static void restore_go_on(struct file_restore *restore);

/* ---- the table ---- */

int file_restore_init(struct fs_volume *vol)
{
	vol->file_restores = calloc(1, sizeof(*vol->file_restores));
	if (vol->file_restores == NULL)
		return -ENOMEM;
	TAILQ_INIT(&vol->file_restores->all);
	run_init(&vol->file_restores->sweep, vol, NULL, NULL, NULL);
	vol->file_restores->sweep.patient = true;
	return 0;
}

void file_restore_fini(struct fs_volume *vol)
{
	if (vol->file_restores == NULL)
		return;
	vc_assert(vol->file_restores->n == 0);
	run_fini(&vol->file_restores->sweep);
	free(vol->file_restores);
	vol->file_restores = NULL;
}

struct file_restore *file_restore_find(const struct fs_volume *vol, const char *path)
{
	struct file_restore *restore;

	TAILQ_FOREACH(restore, &vol->file_restores->all, link)
		if (strcmp(restore->msg->in.path, path) == 0)
			return restore;
	return NULL;
}

const char *file_restore_reads(const struct fs_volume *vol, uint32_t snapshot_id)
{
	const struct file_restore *restore;

	TAILQ_FOREACH(restore, &vol->file_restores->all, link)
		if (restore->source.snapshot == snapshot_id)
			return restore->msg->in.path;
	return NULL;
}

/* ---- the end ---- */

static void restore_answer(struct file_restore *restore, int err)
{
	struct fs_volume *vol = restore->vol;
	struct fs_message *msg = restore->msg;

	TAILQ_REMOVE(&vol->file_restores->all, restore, link);
	vol->file_restores->n--;
	space_claim_drop(vol, &restore->claim);
	run_fini(&restore->run);
	free(restore);
	message_complete(msg, err);
}

/* What is known of it by its number alone, said. */
static void failure_tell(struct fs_message *msg, int err)
{
	const char *vol = msg->volume->name, *path = msg->in.path;

	if (msg->out.error_text[0] != '\0')
		return;
	if (err == -ENOSPC)
		message_error_text(msg,
		                   "no space was left while \"/vol/%s%.128s\" was being restored; it is as it was: "
		                   "delete files or other snapshots",
		                   vol, path);
	else if (err == -ECANCELED)
		message_error_text(msg, "restoring \"/vol/%s%.128s\" was ended early; it is as it was", vol, path);
	else if (err == -EUCLEAN || err == -EIO)
		message_error_text(msg,
		                   "\"/vol/%s%.128s\" cannot be read in the snapshot, and is as it was today: run "
		                   "`volume check` on the volume",
		                   vol, path);
}

static void restore_fail(struct file_restore *restore, int err)
{
	failure_tell(restore->msg, err);
	restore->err = err;
	restore->phase = FILE_RESTORE_DROP;
	if (restore->staged.inode == 0)
		restore_answer(restore, err);
	else
		restore_go_on(restore);
}

/* ---- from phase to phase ---- */

static void restore_placed(struct nvlog_waiter *waiter, int err)
{
	restore_answer(container_of(waiter, struct file_restore, logged), err);
}

static void restore_settled(struct cp_waiter *waiter, int err)
{
	struct file_restore *restore = container_of(waiter, struct file_restore, settled);

	restore->n_filled = 0;
	if (err != 0) {
		restore_fail(restore, err);
		return;
	}
	restore->phase = restore->cursor < restore->end ? FILE_RESTORE_FILL : FILE_RESTORE_PLACE;
	restore_go_on(restore);
}

static void restore_settle(struct file_restore *restore)
{
	restore->phase = FILE_RESTORE_SETTLE;
	restore->settled.durable = restore_settled;
	cp_wait(restore->vol, &restore->settled);
}

static void run_finished(struct fs_run *run, int err)
{
	struct file_restore *restore = run->arg;

	pathwalk_forget(run);
	switch (restore->phase) {
	case FILE_RESTORE_STAGE:
	case FILE_RESTORE_FILL:
		if (err != 0)
			restore_fail(restore, err);
		else if (restore->cursor >= restore->end || restore->n_filled >= restore->vol->options.cache_pages / 8U)
			restore_settle(restore);
		else {
			restore->phase = FILE_RESTORE_FILL;
			restore_go_on(restore);
		}
		break;
	case FILE_RESTORE_PLACE:
		if (err != 0) {
			restore_fail(restore, err);
			break;
		}
		restore->logged.durable = restore_placed;
		nvlog_wait(restore->vol, restore->sequence, &restore->logged);
		break;
	case FILE_RESTORE_DROP:
		if (err != 0) /* the next mount sweeps it */
			log_warn("fs", "staged_file_left", "volume=%s inode=%u error=%s", restore->vol->name,
			         restore->staged.inode, error_name(err));
		restore_answer(restore, restore->err);
		break;
	case FILE_RESTORE_SETTLE: vc_assert(false);
	}
}

static void restore_run(struct file_restore *restore)
{
	static int (*const steps[])(struct fs_run *) = {
		[FILE_RESTORE_STAGE] = file_restore_stage_step,
		[FILE_RESTORE_FILL] = file_restore_fill_step,
		[FILE_RESTORE_PLACE] = file_restore_place_step,
		[FILE_RESTORE_DROP] = file_restore_drop_step,
	};

	run_reinit(&restore->run, restore->vol, steps[restore->phase], run_finished);
	restore->run.arg = restore;
	run_start_later(&restore->run);
}

static void restore_timer(struct timer *timer)
{
	restore_run(container_of(timer, struct file_restore, timer));
}

static void restore_go_on(struct file_restore *restore)
{
	struct fs_volume *vol = restore->vol;
	bool clients = vol->n_client_messages > 0 ||
	               (vol->client_at_ns != 0 && world_now_ns(vol->world) - vol->client_at_ns < CLIENTS_GONE_NS);

	restore->batch_blocks = clients ? BATCH_BUSY : BATCH_IDLE;
	if (clients && restore->phase == FILE_RESTORE_FILL)
		world_timer_set(vol->world, &restore->timer, PAUSE_NS);
	else
		restore_run(restore);
}

int file_restore_begin(struct fs_message *msg, const struct inode *source, uint64_t n_blocks)
{
	struct fs_volume *vol = msg->volume;
	struct file_restore *restore = calloc(1, sizeof(*restore));
	int err;

	if (restore == NULL)
		return -ENOMEM;
	restore->vol = vol;
	restore->msg = msg;
	restore->source = (struct fs_file_id){ source->snapshot, source->ino, source->attr.generation };
	restore->end = blocks_of_size(source->attr.size_bytes);
	restore->timer.fire = restore_timer;
	err = space_claim(vol, &restore->claim, n_blocks);
	vc_assert(err == 0); /* the operation has admitted as many in this step */
	run_init(&restore->run, vol, file_restore_stage_step, run_finished, restore);
	TAILQ_INSERT_TAIL(&vol->file_restores->all, restore, link);
	vol->file_restores->n++;
	restore_go_on(restore);
	return 0;
}

void file_restore_cancel(struct file_restore *restore)
{
	restore->cancelled = true;
}

/* ---- the sweep ---- */

static bool is_at_work(const struct fs_volume *vol, const struct fs_file_id *id)
{
	const struct file_restore *restore;

	TAILQ_FOREACH(restore, &vol->file_restores->all, link)
		if (restore->staged.inode == id->inode && restore->staged.generation == id->generation)
			return true;
	return false;
}

/* The next staged file nobody works on. -ENOENT: there is none. */
static int sweep_find(struct fs_run *run, uint32_t *io_slot, struct dir_entry *ret_entry)
{
	struct inode *dir;
	int err = inode_get(run, 0, INO_DOCS, &dir);

	do {
		if (err == 0)
			err = dir_next(run, dir, io_slot, ret_entry);
	} while (err == 0 && (!docs_is_staged(ret_entry) || is_at_work(run->vol, &ret_entry->id)));
	return err;
}

static int sweep_step(struct fs_run *run)
{
	struct file_restore_table *table = run->vol->file_restores;
	uint32_t slot = table->sweep_slot;
	struct dir_entry entry;
	int err = sweep_find(run, &slot, &entry);

	if (err == 0)
		err = file_restore_unstage(run, &entry.id);
	if (err != 0)
		return err;
	table->sweep_slot = slot;
	table->n_swept++;
	return 0;
}

static void sweep_finished(struct fs_run *run, int err)
{
	struct fs_volume *vol = run->vol;
	struct file_restore_table *table = vol->file_restores;

	if (err == 0 && atomic_load_explicit(&vol->state, memory_order_relaxed) == VOLUME_ONLINE) {
		run_reinit(run, vol, sweep_step, sweep_finished);
		run_start_later(run);
		return;
	}
	if (table->n_swept > 0)
		log_info("fs", "staged_files_removed", "volume=%s n=%llu: restores of files that a crash ended",
		         vol->name, (unsigned long long)table->n_swept);
	if (err != 0 && err != -ENOENT)
		log_warn("fs", "staged_files_left", "volume=%s error=%s: the next mount tries again", vol->name,
		         error_name(err));
	vc_assert(vol->n_messages > 0);
	if (--vol->n_messages == 0) /* an unmount waits for it as for a message */
		run_wake_all(&vol->idle_waiters);
}

void file_restore_sweep(struct fs_volume *vol)
{
	struct file_restore_table *table = vol->file_restores;

	if (vol->read_only)
		return;
	vol->n_messages++;
	run_reinit(&table->sweep, vol, sweep_step, sweep_finished);
	run_start_later(&table->sweep);
}
