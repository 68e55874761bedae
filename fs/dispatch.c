/* SPDX-License-Identifier: Apache-2.0 */
/* The door of the file system: the table of operations, and how a message comes to its operation on the home loop.
 *
 * WRITE PATH, READ PATH. previous hop: proto/nfs, proto/scsi, admin; next hop: the operation in the table. */
#include "base/counters.h"
#include "base/error.h"
#include "base/list.h"
#include "base/reserve.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/core/volume_counters.h"
#include "fs/cp/calls.h"
#include "fs/cp/cp_wait.h"
#include "fs/cp/message_run.h"
#include "fs/file/message_completion.h"
#include "fs/file/run.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"
#include "fs/names/ancestry.h"
#include "fs/names/pathwalk.h"
#include "fs/volume/hostfull.h"

struct operation {
	int (*step)(struct fs_run *run);
	bool while_failed; /* works on a volume whose log or CP has failed, and on one mounted read-only */
	bool while_read_only; /* makes durable what there is: nothing */
	bool repeatable; /* made twice it is as made once, whatever came between */
	bool once; /* a call of it is carried out once (fs/cp/calls.h) */
};

static const struct operation operations[FS_OP_COUNT] = {
	[FS_GETATTR] = { op_getattr, true },
	[FS_SETATTR] = { op_setattr, .repeatable = true, .once = true },
	[FS_LOOKUP] = { op_lookup, true },
	[FS_ACCESS] = { op_access, true },
	[FS_READLINK] = { op_readlink, true },
	[FS_READ] = { op_read, true },
	[FS_WRITE] = { op_write, false, false, true },
	[FS_COMMIT] = { op_commit, false, true, true },
	[FS_EXTENTS] = { op_extents, true },
	[FS_ZERO] = { op_zero, false, false, true },
	[FS_CREATE] = { op_create, .once = true },
	[FS_MKDIR] = { op_mkdir, .once = true },
	[FS_SYMLINK] = { op_symlink, .once = true },
	[FS_MKNOD] = { op_mknod, .once = true },
	[FS_REMOVE] = { op_remove, .once = true },
	[FS_RMDIR] = { op_rmdir, .once = true },
	[FS_RENAME] = { op_rename, .once = true },
	[FS_LINK] = { op_link, .once = true },
	[FS_READDIR] = { op_readdir, true },
	[FS_FSSTAT] = { op_fsstat, true },
	[FS_RESOLVE] = { op_resolve, true },
	[FS_PATH_OF] = { op_path_of, true },
	[FS_SNAPSHOT_CREATE] = { op_snapshot_create, false },
	[FS_SNAPSHOT_DELETE] = { op_snapshot_delete, false },
	[FS_SNAPSHOT_RENAME] = { op_snapshot_rename, false },
	[FS_SNAPSHOT_LIST] = { op_snapshot_list, true },
	[FS_SNAPSHOT_SPACE] = { op_snapshot_space, true },
	[FS_SNAPSHOT_RESTORE] = { op_snapshot_restore, false },
	[FS_FILE_RESTORE] = { op_file_restore, false },
	[FS_FILE_RESTORE_STATUS] = { op_file_restore_status, true },
	[FS_FILE_RESTORE_CANCEL] = { op_file_restore_cancel, true },
	[FS_AUTODELETE_SET] = { op_autodelete_set, true },
	[FS_VDISK_CREATE] = { op_vdisk_create, false },
	[FS_VDISK_DESTROY] = { op_vdisk_destroy, false },
	[FS_VDISK_RESIZE] = { op_vdisk_resize, false },
	[FS_VDISK_SET] = { op_vdisk_set, false },
	[FS_VDISK_GET] = { op_vdisk_get, true },
	[FS_VDISK_RESTORE] = { op_vdisk_restore, false },
	[FS_VDISK_LIST] = { op_vdisk_list, true },
	[FS_CLONE_START] = { op_clone_start, false },
	[FS_CLONE_STOP] = { op_clone_stop, false },
	[FS_CLONE_MODIFY] = { op_clone_modify, false },
	[FS_CLONE_STATUS] = { op_clone_status, true },
	[FS_DOC_PUT] = { op_doc_put, false },
	[FS_DOC_GET] = { op_doc_get, true },
	[FS_DOC_DELETE] = { op_doc_delete, false },
	[FS_DOC_LIST] = { op_doc_list, true },
	[FS_VOLUME_STAT] = { op_volume_stat, true },
	[FS_RAID_STATUS] = { op_raid_status, true },
	[FS_RAID_REPLACE] = { op_raid_replace, true },
	[FS_RAID_ONLINE] = { op_raid_online, true },
	[FS_RAID_FAIL] = { op_raid_fail, true },
	[FS_RAID_MODIFY] = { op_raid_modify, true },
	[FS_RAID_ADD_DISK] = { op_raid_add_disk, true },
	[FS_RAID_CONVERT] = { op_raid_convert, true },
	[FS_RAID_ADD_GROUP] = { op_raid_add_group, true },
	[FS_SYNC] = { op_sync, false, true, true },
	[FS_CHECK] = { op_check, true },
	[FS_CHECK_RATE] = { op_check_rate, true },
	[FS_CHECK_CANCEL] = { op_check_cancel, true },
	[FS_SCRUB_START] = { op_scrub_start, false },
	[FS_SCRUB_STOP] = { op_scrub_stop, false },
	[FS_SCRUB_MODIFY] = { op_scrub_modify, false },
	[FS_SCRUB_STATUS] = { op_scrub_status, true },
};

/* It does no harm to make the change again: the sender may be told to, when it may have been made already. */
static bool is_repeatable(const struct fs_message *msg)
{
	return msg->cls == FS_CLASS_ADMIN ||
	       (operations[msg->op].repeatable && !(msg->op == FS_SETATTR && msg->in.has_guard));
}

/* ---- the end of an operation ---- */

static void message_durable(struct nvlog_waiter *waiter, int err)
{
	struct message_run *run = container_of(waiter, struct message_run, waiter);
	struct fs_message *msg = run->run.msg;

	message_run_free(run);
	message_complete(msg, err);
}

static void message_in_cp(struct cp_waiter *waiter, int err)
{
	struct message_run *run = container_of(waiter, struct message_run, cp_waiter);

	message_run_free(run);
	message_complete(waiter->msg, err);
}

static void message_finish(struct fs_run *fs_run, int err)
{
	struct message_run *run = container_of(fs_run, struct message_run, run);
	struct fs_message *msg = fs_run->msg;

	ancestry_forget(fs_run);
	pathwalk_forget(fs_run);
	if (err == OP_LOGGED) {
		run->waiter.durable = message_durable;
		run->waiter.msg = msg;
		nvlog_wait(fs_run->vol, msg->word[0], &run->waiter);
		return;
	}
	if (err == OP_IN_CP) {
		run->cp_waiter = (struct cp_waiter){ .durable = message_in_cp, .msg = msg };
		cp_wait(fs_run->vol, &run->cp_waiter);
		return;
	}
	message_run_free(run);
	if (err != OP_LATER)
		message_complete(msg, err);
}

/* ---- dispatch ---- */

static int message_gate(const struct fs_volume *vol, const struct operation *operation)
{
	if (atomic_load_explicit(&vol->state, memory_order_relaxed) != VOLUME_ONLINE)
		return -ENODEV;
	if (vol->failed != 0 && !operation->while_failed)
		return vol->failed;
	if (vol->read_only && !operation->while_failed && !operation->while_read_only)
		return -EROFS;
	return 0;
}

/* What the message names is where it must be; a change begins when the host has room. */
static int message_step(struct fs_run *fs_run)
{
	struct message_run *run = container_of(fs_run, struct message_run, run);
	const struct operation *operation = &operations[fs_run->msg->op];
	bool again = false;
	int err = fs_run->msg->call != NULL ? calls_admit(fs_run, &again) : 0;

	if (again)
		return err;
	if (fs_run->msg->in.beneath.inode != 0)
		err = ancestry_admit(fs_run);
	if (err == 0 && !operation->while_failed && !run->begun)
		err = hostfull_admit(fs_run);
	if (err != 0)
		return err;
	run->begun = true;
	return operation->step(fs_run);
}

static void message_dispatch(struct fs_message *msg)
{
	struct fs_volume *vol = msg->volume;
	const struct operation *operation = &operations[msg->op];
	int err = message_gate(vol, operation);
	struct message_run *run = err == 0 && !reserve_is_low() ? message_run_new(vol) : NULL;

	if (run == NULL) {
		message_answer(msg, err != 0 ? err : -ENOMEM);
		return;
	}
	vol->n_messages++;
	vol->n_client_messages += msg->cls == FS_CLASS_CLIENT;
	msg->begun_ns = world_now_ns(vol->world) - world_lag_ns(vol->world);
	if (message_is_client_io(msg))
		vol->client_at_ns = msg->begun_ns;
	counter_add(&vol->counters->messages[msg->op], 1);
	run->begun = false;
	run_reinit(&run->run, vol,
	           operation->while_failed && msg->in.beneath.inode == 0 ? operation->step : message_step,
	           message_finish);
	run->run.msg = msg;
	msg->run = &run->run;
	msg->repeatable = is_repeatable(msg);
	if (!operation->once)
		msg->call = NULL;
	run_start(&run->run);
}

static void message_dispatch_task(struct task *task)
{
	message_dispatch(container_of(task, struct fs_message, task));
}

void fs_message_send(struct fs_message *msg)
{
	vc_assert((unsigned)msg->op < FS_OP_COUNT);
	if (world_is_home(msg->volume->world)) {
		message_dispatch(msg);
		return;
	}
	msg->task.run = message_dispatch_task;
	world_post(msg->volume->world, &msg->task);
}
