/* SPDX-License-Identifier: Apache-2.0 */
/* lun clone start, stop, modify, status (§seed: "lun clone" command).
 *
 * WRITE PATH previous hop dispatch.c; next hops clone_apply.h (attributes and log record), clone.h (clone_begin). */
#include <inttypes.h>
#include <stdlib.h>

#include "base/list.h"
#include "fs/clone/clone.h"
#include "fs/clone/clone_apply.h"
#include "fs/clone/clone_private.h"
#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/cp/admit.h"
#include "fs/cp/space.h"
#include "fs/file/message_completion.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "fs/vdisk/vdisk.h"
#include "fs/vdisk/vdiskattr.h"
#include "fs/vdisk/vtoc.h"

#define MIB ((uint64_t)1 << 20)
#define CLONE_OPTIONS (FS_CLONE_VERIFY | FS_CLONE_DELETE_SNAPSHOT)

static int named(struct fs_run *run, struct vdisk *vdisk)
{
	struct fs_message *msg = run->msg;
	int err = msg->in.path == NULL || msg->in.path[0] != '/' ? -EINVAL : vdisk_open_path(run, msg->in.path, vdisk);

	if (err == -ENOENT)
		message_error_text(msg, "no LUN \"/vol/%s%.128s\": see `lun list` for the LUNs there are",
		                   msg->volume->name, msg->in.path);
	else if (err == -EINVAL)
		message_error_text(msg, "\"%.128s\" is not a LUN", msg->in.path == NULL ? "" : msg->in.path);
	return err;
}

/* ---- start ----------------------------------------------------------------------------------------------------- */

static int space_check(struct fs_run *run, const struct vdisk *vdisk, uint64_t *ret_need)
{
	struct fs_volume *vol = run->vol;
	const struct vtoc_entry *entry = vdisk->entry;
	uint64_t available = space_available(vol) + space_reservation(entry), need, missing;
	int err = clone_need(run, vdisk, ret_need);

	if (err != 0)
		return err;
	need = *ret_need;
	if (need <= available)
		return 0;
	err = space_promise_admit(run, space_available(vol) + need - available, &missing);
	if (err != -ENOSPC)
		return err;
	message_error_text(run->msg,
	                   "cloning \"%.100s\" needs up to %" PRIu64 " MiB and %" PRIu64
	                   " MiB are free: delete files or snapshots, then start again",
	                   run->msg->in.path, DIV_UP(need * FS_BLOCK_SIZE, MIB), available * FS_BLOCK_SIZE / MIB);
	return -ENOSPC;
}

static int priority_refuse(struct fs_message *msg)
{
	message_error_text(msg, "the priority of a clone is 1 to %u (low %u, normal %u, high %u), not %u",
	                   FS_CLONE_PRIORITY_MAX, FS_CLONE_PRIORITY_LOW, FS_CLONE_PRIORITY_NORMAL,
	                   FS_CLONE_PRIORITY_HIGH, msg->in.clone.priority);
	return -EINVAL;
}

static int start_check(struct fs_run *run, const struct vdisk *vdisk, uint64_t *ret_need)
{
	struct fs_message *msg = run->msg;
	struct fs_file_id id = { 0, vdisk->container->ino, vdisk->container->attr.generation };
	const struct clone *clone = clone_find(run->vol, &id);

	if (clone != NULL && clone->end == CLONE_GOES_ON && clone->phase != CLONE_FAILED) {
		message_error_text(msg,
		                   "the clone of \"%.128s\" is running already: see `lun clone status`, change it with "
		                   "`lun clone modify`",
		                   msg->in.path);
		return -EALREADY;
	}
	if (vdisk->attr.backing.snapshot == 0) {
		message_error_text(msg, "LUN \"%.128s\" is not backed by a snapshot: there is nothing to separate",
		                   msg->in.path);
		return -EALREADY;
	}
	if ((msg->in.clone.flags & ~CLONE_OPTIONS) != 0)
		return -EINVAL;
	if (msg->in.clone.priority > FS_CLONE_PRIORITY_MAX)
		return priority_refuse(msg);
	return space_check(run, vdisk, ret_need);
}

/* Admission, log, commit and answer of a prepared change; leaves the vdisk as it is afterwards in change->vdisk. */
static int change_carry_out(struct fs_run *run, struct clone_change *change)
{
	int err = vdisk_answer(run, &change->vdisk);

	if (err == 0)
		err = admit_change(run, change->n_pages, clone_change_log_size(), 0);
	if (err != 0)
		return err;
	run->msg->word[0] = clone_change_log(run->vol, change);
	clone_change_commit(change);
	return 0;
}

static int start(struct fs_run *run, struct clone_change *change, uint64_t need)
{
	int err = clone_change_prepare(run, change);

	if (err != 0)
		return err;
	err = clone_room(run->vol);
	if (err == 0)
		err = change_carry_out(run, change);
	if (err == 0) {
		clone_begin(run->vol, &change->vdisk, need);
		clone_info(run->vol, &change->vdisk, &run->msg->out.vdisks[0].clone);
	}
	clone_change_end(change);
	return err != 0 ? err : OP_LOGGED;
}

int op_clone_start(struct fs_run *run)
{
	struct clone_change change = { .state = FS_CLONE_RUNNING,
		                       .flags = run->msg->in.clone.flags,
		                       .priority = run->msg->in.clone.priority,
		                       .rate_bytes_s = run->msg->in.clone.rate_bytes_s };
	struct vdisk vdisk;
	uint64_t need;
	int err = named(run, &vdisk);

	if (err != 0)
		return err;
	if (change.priority == 0)
		change.priority = FS_CLONE_PRIORITY_NORMAL;
	err = start_check(run, &vdisk, &need);
	change.id = (struct fs_file_id){ 0, vdisk.container->ino, vdisk.container->attr.generation };
	change.restart = vdisk.attr.clone.state == FS_CLONE_NONE || vdisk.attr.clone.state == FS_CLONE_DONE;
	change.started_ns = change.restart ? volume_now_ns(run->vol) : vdisk.attr.clone.started_ns;
	vdisk_close(&vdisk);
	return err != 0 ? err : start(run, &change, need);
}

/* ---- stop ------------------------------------------------------------------------------------------------------ */

static int stop_check(struct fs_run *run, const struct vdisk *vdisk)
{
	struct fs_message *msg = run->msg;
	bool running = vdisk->attr.clone.state == FS_CLONE_RUNNING;

	if (running && vdisk->attr.backing.snapshot != 0)
		return 0;
	if (vdisk->attr.clone.state == FS_CLONE_DONE)
		message_error_text(msg, "the clone of \"%.128s\" is complete: there is nothing to stop", msg->in.path);
	else
		message_error_text(msg, "no clone of \"%.128s\" is running: see `lun clone show`", msg->in.path);
	return -ESRCH;
}

/* What the cloner knows better than the attributes. */
static void progress_keep(struct fs_volume *vol, struct clone_change *change)
{
	struct clone *clone = clone_find(vol, &change->id);

	if (clone == NULL)
		return;
	clone_progress_put(clone, &change->vdisk.attr.clone);
}

/* Everything that stays as it is. */
static void change_from(struct clone_change *change, const struct vdisk *vdisk)
{
	const struct vdisk_clone *clone = &vdisk->attr.clone;

	*change = (struct clone_change){ .id = { 0, vdisk->container->ino, vdisk->container->attr.generation },
		                         .state = clone->state,
		                         .flags = clone->flags,
		                         .priority = clone->priority,
		                         .rate_bytes_s = clone->rate_bytes_s,
		                         .started_ns = clone->started_ns };
}

/* Of a clone that has begun; `then` is told it once it has been carried out. */
static int change_run(struct fs_run *run, struct clone_change *change,
                      void (*then)(struct clone *clone, const struct vdisk_clone *attr))
{
	struct clone *clone;
	int err = clone_change_prepare(run, change);

	if (err != 0)
		return err;
	progress_keep(run->vol, change);
	err = change_carry_out(run, change);
	clone = err == 0 ? clone_find(run->vol, &change->id) : NULL;
	if (clone != NULL)
		then(clone, &change->vdisk.attr.clone);
	if (err == 0)
		clone_info(run->vol, &change->vdisk, &run->msg->out.vdisks[0].clone);
	clone_change_end(change);
	return err != 0 ? err : OP_LOGGED;
}

static void then_stop(struct clone *clone, const struct vdisk_clone *attr)
{
	(void)attr;
	clone_stop(clone, false);
}

int op_clone_stop(struct fs_run *run)
{
	struct clone_change change;
	struct vdisk vdisk;
	int err = named(run, &vdisk);

	if (err != 0)
		return err;
	err = stop_check(run, &vdisk);
	change_from(&change, &vdisk);
	change.state = FS_CLONE_STOPPED;
	vdisk_close(&vdisk);
	return err != 0 ? err : change_run(run, &change, then_stop);
}

/* ---- modify ---------------------------------------------------------------------------------------------------- */

static int modify_check(struct fs_run *run, const struct vdisk *vdisk)
{
	struct fs_message *msg = run->msg;
	enum fs_clone_state state = vdisk->attr.clone.state;

	if (state == FS_CLONE_DONE || state == FS_CLONE_NONE || vdisk->attr.backing.snapshot == 0) {
		message_error_text(
		    msg,
		    "no clone of \"%.128s\" is running or stopped: there is nothing to change; see `lun clone show`",
		    msg->in.path);
		return -ESRCH;
	}
	if ((msg->in.clone.set & FS_CLONE_SET_PRIORITY) != 0 &&
	    (msg->in.clone.priority == 0 || msg->in.clone.priority > FS_CLONE_PRIORITY_MAX))
		return priority_refuse(msg);
	return 0;
}

int op_clone_modify(struct fs_run *run)
{
	const struct fs_message *msg = run->msg;
	struct clone_change change;
	struct vdisk vdisk;
	uint32_t mask = 0;
	int err = named(run, &vdisk);

	if (err != 0)
		return err;
	err = modify_check(run, &vdisk);
	change_from(&change, &vdisk);
	vdisk_close(&vdisk);
	if (err != 0)
		return err;
	if ((msg->in.clone.set & FS_CLONE_SET_RATE) != 0)
		change.rate_bytes_s = msg->in.clone.rate_bytes_s;
	if ((msg->in.clone.set & FS_CLONE_SET_PRIORITY) != 0)
		change.priority = msg->in.clone.priority;
	mask |= (msg->in.clone.set & FS_CLONE_SET_VERIFY) != 0 ? FS_CLONE_VERIFY : 0;
	mask |= (msg->in.clone.set & FS_CLONE_SET_DELETE_SNAPSHOT) != 0 ? FS_CLONE_DELETE_SNAPSHOT : 0;
	change.flags = (change.flags & ~mask) | (msg->in.clone.flags & mask);
	return change_run(run, &change, clone_change);
}

int op_clone_status(struct fs_run *run)
{
	struct vdisk vdisk;
	int err = named(run, &vdisk);

	if (err != 0)
		return err;
	err = vdisk_answer(run, &vdisk);
	vdisk_close(&vdisk);
	return err;
}
