/* SPDX-License-Identifier: Apache-2.0 */
/* What lower rooms call of higher ones, and the order of what a consistency point does. */
#include "base/list.h"
#include "fs/check/check.h"
#include "fs/check/repair.h"
#include "fs/clone/clone.h"
#include "fs/core/hooks.h"
#include "fs/cp/calls.h"
#include "fs/cp/cp.h"
#include "fs/cp/zombie.h"
#include "fs/snapshot/autodelete.h"
#include "fs/snapshot/restore.h"
#include "fs/snapshot/snapshot.h"
#include "fs/vdisk/vdisk.h"
#include "fs/volume/volume_life.h"

static const struct cp_client cp_clients[] = {
	/* A volume put back to a snapshot becomes that volume before anything else changes. */
	{ .name = "restore", .step = restore_cp_step, .committed = restore_fini },
	/* Records and maps that were found wrong, before anything leans on them. */
	{ .name = "repair", .step = repair_cp_step },
	{ .name = "files", .step = cp_files_step },
	/* Trees that files have left. */
	{ .name = "zombies", .step = zombie_step },
	/* Deleted snapshots, whose blocks go when the maps have everything that the files freed. */
	{ .name = "reclaim", .step = snapshot_delete_step },
	{ .name = "fold", .open = restore_fold_open, .step = restore_fold_step, .committed = restore_fold_committed },
	/* Their records last: they name what the ones above have left of them, and the root that this CP writes. */
	{ .name = "snapshots",
	  .open = snapshot_cp_open,
	  .step = snapshot_cp_step,
	  .encode = snapshot_cp_encode,
	  .committed = snapshot_cp_committed,
	  .served = snapshot_cp_served,
	  .failed = snapshot_cp_failed },
	{ .name = "format", .step = volume_format_cp_step },
	/* Replies for calls that come again, when their changes leave the log. */
	{ .name = "calls", .encode = calls_cp_encode },
	{ .name = "vdisks", .served = vdisk_cp_done },
	/* Clones are released when what they filled is durable. */
	{ .name = "clones", .served = clone_cp_done },
	/* What the others have freed counts before more is deleted. */
	{ .name = "autodelete", .served = autodelete_cp_done },
};

const struct volume_hooks volume_hooks = {
	.cp_clients = cp_clients,
	.n_cp_clients = ARRAY_SIZE(cp_clients),
	.call_answered = calls_answered,
	.cp_failed = cp_failed,
	.backing_load = vdisk_load_backing,
	.vdisk_gone = clone_forget,
	.clone_info = clone_info,
	.tree_changed = clone_tree_changed,
	.make_room = autodelete_make_room,
	.check_cancel = check_cancel,
};
