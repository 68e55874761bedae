/* SPDX-License-Identifier: Apache-2.0 */
/* Making a volume ready to be put back to a snapshot, while it serves (fs/snapshot/restore.h).
 *
 * THEORY. Blocks that only the newest snapshot and the active file system hold may be missing in the summary map,
 * because a region is folded only when an active bit in it is about to be cleared. After the switch the active map is
 * another one. So all regions are folded before. The pass also moves every block of the summary map: then the tree that
 * will be adopted is in no snapshot (RS3), and compact.
 * The pass goes over 256 regions (32 GiB of volume) with each CP. New snapshots are barred, so the newest one stays
 * the newest, and what the pass has done stays true, whatever clients do. */
#include <stdlib.h>

#include "base/list.h"
#include "base/state.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/core/hooks.h"
#include "fs/core/operations.h"
#include "fs/cp/maps.h"
#include "fs/file/cache.h"
#include "fs/file/message_completion.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/file/tree.h"
#include "fs/format/fsformat.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "fs/snapshot/restore.h"
#include "fs/vdisk/vtoc.h"
#include "raid/raid.h"

#define FOLD_REGIONS 256U /* regions a CP does: 32 GiB of volume */

/* ---- the pass ---- */

bool restore_region_is_ready(const struct fs_volume *vol, uint32_t region)
{
	return maps_is_folded(vol, region) || vol->maps->regions[region].n_active == 0;
}

static void fold_set(struct snapshot_fold *fold, enum fold_stage stage)
{
	static const uint32_t may_follow[] = {
		[FOLD_NONE] = STATE(FOLD_NONE) | STATE(FOLD_WANTED),
		[FOLD_WANTED] = STATE(FOLD_RUNNING) | STATE(FOLD_WANTED) | STATE(FOLD_NONE),
		/* WANTED: there is more than one CP does */
		[FOLD_RUNNING] = STATE(FOLD_WANTED) | STATE(FOLD_DONE) | STATE(FOLD_NONE),
		[FOLD_DONE] = STATE(FOLD_NONE),
	};

	fold->stage = state_follow(may_follow, fold->stage, stage);
}

void restore_fold_open(struct fs_volume *vol)
{
	struct snapshot_fold *fold = &vol->snapshots->fold;

	if (fold->stage == FOLD_WANTED)
		fold_set(fold, FOLD_RUNNING);
	fold->budget = FOLD_REGIONS;
}

void restore_fold_committed(struct fs_volume *vol)
{
	struct snapshot_fold *fold = &vol->snapshots->fold;

	if (fold->stage == FOLD_RUNNING)
		fold_set(fold, fold->region >= vol->maps->n_regions ? FOLD_DONE : FOLD_WANTED);
}

static int region_fold(struct fs_run *run, uint32_t region)
{
	struct fs_volume *vol = run->vol;
	uint32_t vbn;
	uint64_t end;
	int err = tree_lookup(run, vol->summary_map, region, &vbn, &end);

	if (err != 0)
		return err;
	if (vbn == VBN_HOLE && restore_region_is_ready(vol, region))
		return 0;
	err = maps_need_clear(run, region);
	if (err != 0)
		return err;
	maps_fold(vol->cp, region);
	maps_rewrite_summary(vol->cp, region);
	return 0;
}

int restore_fold_step(struct fs_run *run)
{
	struct snapshot_table *table = run->vol->snapshots;

	if (table->fold.stage != FOLD_RUNNING)
		return 0;
	while (table->fold.region < run->vol->maps->n_regions && table->fold.budget > 0) {
		int err = region_fold(run, table->fold.region);

		if (err != 0)
			return err;
		table->fold.region++;
		table->fold.budget--;
		cache_unpin_all(run);
		if (table->fold.budget % 16U == 0)
			return run_yield(run);
	}
	return 0;
}

/* ---- the message ---- */

int restore_table_of(struct fs_run *run, uint32_t id, struct inode_disk *ret_disk)
{
	struct inode *file;
	const uint8_t *bytes;
	int err = snapshot_inode_file(run, id, &file);

	if (err == 0)
		err = file_need(run, file, INO_SNAPSHOT_TABLE / INODES_PER_BLOCK, &bytes);
	if (err != 0)
		return err;
	memcpy(ret_disk, bytes + INO_SNAPSHOT_TABLE % INODES_PER_BLOCK * sizeof(*ret_disk), sizeof(*ret_disk));
	if ((ret_disk->type_height & 15U) == FS_TYPE_NONE)
		return -ENOTSUP;
	return (ret_disk->type_height & 15U) == FS_TYPE_META && ret_disk->type_height >> 4 <= 1 ? 0 : -EUCLEAN;
}

/* Nobody but who says so loses a LUN that lives on one of the newer snapshots. */
static int dependants_check(struct fs_message *msg, const struct snapshot *snapshot)
{
	const struct snapshot *newer = snapshot;
	char path[128];

	while (!msg->in.restore.force && (newer = snapshot_next(msg->volume, newer)) != NULL) {
		if (vtoc_backed_by(msg->volume, newer->info.id, path, sizeof(path)) == 0)
			continue;
		message_error_text(msg,
		                   "snapshot \"%s\" is newer than \"%s\" and would go, but LUN /vol/%s%s is backed by "
		                   "it: split or destroy the "
		                   "LUN first, or use --force to lose it",
		                   newer->info.name, snapshot->info.name, msg->volume->name, path);
		return -EBUSY;
	}
	return 0;
}

static int restore_check(struct fs_run *run, const struct snapshot *snapshot)
{
	struct inode_disk table;
	int err = restore_table_of(run, snapshot->info.id, &table);

	if (err == -ENOTSUP)
		message_error_text(
		    run->msg,
		    "snapshot \"%s\" was made by a version that could not restore: copy files from /.snapshot instead",
		    snapshot->info.name);
	return err != 0 ? err : dependants_check(run->msg, snapshot);
}

static int newer_list(struct fs_message *msg, const struct snapshot *snapshot)
{
	const struct snapshot *newer = snapshot;

	msg->out.n = 0;
	msg->out.snapshots = calloc(MAX_OF(msg->volume->snapshots->n, 1U), sizeof(struct fs_snapshot_info));
	if (msg->out.snapshots == NULL)
		return -ENOMEM;
	while ((newer = snapshot_next(msg->volume, newer)) != NULL)
		msg->out.snapshots[msg->out.n++] = newer->info;
	return 0;
}

/* Something a restore waits for: a deletion, a snapshot being taken, a check and its own snapshot. */
static bool others_at_work(const struct fs_volume *vol)
{
	const struct snapshot_table *table = vol->snapshots;

	for (unsigned i = 0; i < table->n; i++)
		if (table->byage[i]->deleting || snapshot_is_own(table->byage[i]))
			return true;
	return vol->check != NULL || !TAILQ_EMPTY(&table->asked) || !TAILQ_EMPTY(&table->taken);
}

static int make_ready(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct snapshot_table *table = vol->snapshots;

	vol->hooks->check_cancel(vol, "the volume is being put back to a snapshot");
	if (!others_at_work(vol)) {
		if (table->fold.stage == FOLD_DONE)
			return 0;
		if (table->fold.stage == FOLD_NONE)
			fold_set(&table->fold, FOLD_WANTED);
	}
	cp_request(vol, CP_SNAPSHOT);
	return run_wait(run, &vol->cp_waiters);
}

static void bar(struct snapshot_table *table, bool on)
{
	table->barred = on;
	fold_set(&table->fold, FOLD_NONE);
	table->fold.region = 0;
}

static int begin(struct fs_run *run, const struct snapshot *snapshot)
{
	struct fs_message *msg = run->msg;
	int err = vtoc_need(run);

	if (err == 0)
		err = restore_check(run, snapshot);
	if (err != 0)
		return err;
	if (run->vol->snapshots->barred) {
		message_error_text(msg, "volume %s is being put back to a snapshot already", run->vol->name);
		return -EBUSY;
	}
	msg->word[1] = 1;
	bar(run->vol->snapshots, true);
	return 0;
}

int op_snapshot_restore(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct fs_volume *vol = run->vol;
	const struct snapshot *snapshot = snapshot_find(vol, msg->in.name, msg->in.name_len);
	int err = 0;

	if (snapshot == NULL) {
		message_error_text(msg, "volume %s has no snapshot \"%.*s\"", vol->name, (int)msg->in.name_len,
		                   msg->in.name);
		return -ENOENT;
	}
	if (msg->in.restore.look) {
		err = vtoc_need(run);
		if (err == 0)
			err = restore_check(run, snapshot);
		return err != 0 ? err : newer_list(msg, snapshot);
	}
	if (msg->word[1] == 0) /* else it has begun, and is run again */
		err = begin(run, snapshot);
	if (err == 0)
		err = make_ready(run);
	if (err == 0)
		err = newer_list(msg, snapshot);
	if (err != 0 && err != -EAGAIN && msg->word[1] != 0)
		bar(vol->snapshots, false);
	return err;
}
