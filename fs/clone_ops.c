/* SPDX-License-Identifier: Apache-2.0 */
/* lun clone start, stop, status (§seed: "lun clone" command).
 *
 * WRITE PATH previous hop message.c; next hops vdisk_apply.c, nvlog.c, clone.c. */
#include <inttypes.h>
#include <stdlib.h>

#include "fs/clone_private.h"
#include "fs/space.h"
#include "fs/vdisk_apply.h"

#define MIB ((uint64_t)1 << 20)

static int named(struct fs_run *run, struct vdisk *vdisk)
{
	struct fs_message *msg = run->msg;
	int err = msg->in.path == NULL || msg->in.path[0] != '/' ? -EINVAL : vdisk_open_path(run, msg->in.path, vdisk);

	if (err == -ENOENT)
		message_error_text(msg, "no LUN \"/vol/%s%.128s\": see `lun list` for the LUNs there are", msg->volume->name, msg->in.path);
	else if (err == -EINVAL)
		message_error_text(msg, "\"%.128s\" is not a LUN", msg->in.path == NULL ? "" : msg->in.path);
	return err;
}

/* ---- start ----------------------------------------------------------------------------------------------------- */

/* Blocks that may still have to be copied: no more than the layers below hold. */
static int blocks_to_copy(struct fs_run *run, const struct vdisk *vdisk, uint64_t *ret_blocks)
{
	const struct inode *inode = vdisk->container;
	uint64_t left = inode->backing.n_blocks - MIN_OF(vdisk->attr.clone.cursor, inode->backing.n_blocks), held = 0;

	while (inode->has_backing && held < left) {
		struct fs_file_id id = { inode->backing.snapshot, inode->backing.inode, inode->backing.generation };
		struct inode *under;
		int err = inode_get_id(run, &id, &under);

		if (err != 0)
			return err == -ESTALE ? -EUCLEAN : err;
		held += under->n_blocks + 1U;
		inode = under;
	}
	*ret_blocks = MIN_OF(left, held);
	return 0;
}

static int space_check(struct fs_run *run, const struct vdisk *vdisk)
{
	struct fs_volume *vol = run->vol;
	const struct vtoc_entry *entry = vdisk->entry;
	uint64_t available = space_available(vol) + space_reservation(entry), need, missing;
	int err = blocks_to_copy(run, vdisk, &need);

	if (err != 0)
		return err;
	need += need / 512U + 16U;
	if (need <= available)
		return 0;
	err = space_promise_admit(run, space_available(vol) + need - available, &missing);
	if (err != -ENOSPC)
		return err;
	message_error_text(run->msg,
	                   "cloning \"%.100s\" needs up to %" PRIu64 " MiB and %" PRIu64
	                   " MiB are free: free space or add disks, then start again",
	                   run->msg->in.path, DIV_UP(need * FS_BLOCK_SIZE, MIB), available * FS_BLOCK_SIZE / MIB);
	return -ENOSPC;
}

static int start_check(struct fs_run *run, const struct vdisk *vdisk)
{
	struct fs_message *msg = run->msg;
	struct fs_file_id id = { 0, vdisk->container->ino, vdisk->container->attr.generation };
	const struct clone *clone = clone_find(run->vol, &id);

	if (clone != NULL && !clone->stopping && clone->phase != CLONE_FAILED) {
		message_error_text(msg, "the clone of \"%.128s\" is running already: see `lun clone status`", msg->in.path);
		return -EALREADY;
	}
	if (vdisk->attr.backing.snapshot == 0) {
		message_error_text(msg, "LUN \"%.128s\" is not backed by a snapshot: there is nothing to separate", msg->in.path);
		return -EINVAL;
	}
	if (msg->in.clone.flags != 0) {
		message_error_text(msg,
		                   "a clone is not verified against its snapshot and does not delete it: start it without these options");
		return -ENOTSUP;
	}
	return space_check(run, vdisk);
}

/* Admission, log, commit and answer of a prepared change; leaves the vdisk as it is afterwards in change->vdisk. */
static int change_carry_out(struct fs_run *run, struct clone_change *change)
{
	int err = vdisk_answer(run, &change->vdisk);

	if (err == 0)
		err = run_admit_change(run, change->n_pages, clone_change_log_size(), 0);
	if (err != 0)
		return err;
	run->msg->word[0] = clone_change_log(run->vol, change);
	clone_change_commit(change);
	return 0;
}

static int start(struct fs_run *run, struct clone_change *change)
{
	int err = clone_change_prepare(run, change);

	if (err != 0)
		return err;
	err = change_carry_out(run, change);
	if (err == 0)
		err = clone_begin(run->vol, &change->vdisk);
	if (err == 0)
		clone_info(run->vol, &change->vdisk, &run->msg->out.vdisks[0].clone);
	clone_change_end(change);
	return err != 0 ? err : OP_LOGGED;
}

int op_clone_start(struct fs_run *run)
{
	struct clone_change change = { .state = FS_CLONE_RUNNING,
		                       .flags = run->msg->in.clone.flags,
		                       .rate_bytes_s = run->msg->in.clone.rate_bytes_s };
	struct vdisk vdisk;
	int err = named(run, &vdisk);

	if (err != 0)
		return err;
	err = start_check(run, &vdisk);
	change.id = (struct fs_file_id){ 0, vdisk.container->ino, vdisk.container->attr.generation };
	change.restart = vdisk.attr.clone.state == FS_CLONE_NONE || vdisk.attr.clone.state == FS_CLONE_DONE;
	change.started_ns = change.restart ? volume_now_ns(run->vol) : vdisk.attr.clone.started_ns;
	vdisk_close(&vdisk);
	return err != 0 ? err : start(run, &change);
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
	return -EINVAL;
}

/* What the cloner knows better than the attributes. */
static void progress_keep(struct fs_volume *vol, struct clone_change *change)
{
	struct clone *clone = clone_find(vol, &change->id);

	if (clone == NULL)
		return;
	change->vdisk.attr.clone.cursor = clone->cursor;
	change->vdisk.attr.clone.n_copied = clone->n_copied;
	change->vdisk.attr.clone.n_own_below = clone->n_own_below;
}

static int stop(struct fs_run *run, struct clone_change *change)
{
	struct clone *clone;
	int err = clone_change_prepare(run, change);

	if (err != 0)
		return err;
	progress_keep(run->vol, change);
	err = change_carry_out(run, change);
	clone = err == 0 ? clone_find(run->vol, &change->id) : NULL;
	if (clone != NULL)
		clone_stop(clone, false);
	if (err == 0)
		clone_info(run->vol, &change->vdisk, &run->msg->out.vdisks[0].clone);
	clone_change_end(change);
	return err != 0 ? err : OP_LOGGED;
}

int op_clone_stop(struct fs_run *run)
{
	struct clone_change change = { .state = FS_CLONE_STOPPED };
	struct vdisk vdisk;
	int err = named(run, &vdisk);

	if (err != 0)
		return err;
	err = stop_check(run, &vdisk);
	change.id = (struct fs_file_id){ 0, vdisk.container->ino, vdisk.container->attr.generation };
	change.flags = vdisk.attr.clone.flags;
	change.rate_bytes_s = vdisk.attr.clone.rate_bytes_s;
	change.started_ns = vdisk.attr.clone.started_ns;
	vdisk_close(&vdisk);
	return err != 0 ? err : stop(run, &change);
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
