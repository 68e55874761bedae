/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a volume at work: one at a time, on a private snapshot.
 *
 * THEORY. A snapshot of the file system's own is made through a CP. When that CP is committed, its fsinfo is copied,
 * and from then on the image stands still (fs/check/check_private.h). While the maps of older snapshots and their
 * vdisks are looked at, deletion passes wait. At the end the snapshot is deleted. One that a crash left behind is
 * deleted at the next mount.
 * READ PATH. previous hop: fs/dispatch.c; next hop: fs/check/check.c. */
#include "base/list.h"
#include "fs/check/check.h"
#include "fs/check/check_private.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/core/operations.h"
#include "fs/file/message_completion.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/message.h"
#include "fs/snapshot/snapshot.h"
#include "raid/raid.h"

#define CHECK_SNAPSHOT_NAME "@check"

/* Answer, and let the image go. */
static void online_end(struct check *check, int err)
{
	struct fs_volume *vol = check->vol;
	struct fs_message *msg = check->msg;
	int no_memory = check_report_take(check, &msg->out.check);

	if (no_memory != 0)
		err = no_memory;
	if (check->holding)
		snapshot_passes_release(vol);
	if (check->have_image)
		snapshot_delete_own(vol, check->image);
	vol->check = NULL;
	if (err != 0)
		message_error_text(msg, "the check of volume %s ended early, in stage \"%s\"%s%s", vol->name,
		                   check_stage_name(check), check->why != NULL ? ": " : "",
		                   check->why != NULL ? check->why : "");
	check_free(check);
	message_complete(msg, err);
}

/* The CP of the private snapshot is committed: this is the image. */
static void image_made(struct snapshot_request *request, int err)
{
	struct check *check = container_of(request, struct check, request);
	struct fs_volume *vol = check->vol;

	if (err == 0) {
		check->have_image = true;
		check->image = check->n_ids = request->created->info.id;
		check->inode_file = request->created->inode_file;
		err = raid_fsinfo_read(vol->raid, &check->generation, check->fsinfo_body);
	}
	if (err != 0) {
		online_end(check, err);
		return;
	}
	snapshot_passes_hold(vol);
	check->holding = true;
	check_begin(check);
}

int op_check(struct fs_run *run)
{
	const struct check_options options = { .rate_bytes_s = run->msg->in.check_rate_bytes_s, .ended = online_end };
	struct fs_volume *vol = run->vol;
	struct check *check;
	int err;

	if (vol->failed != 0 || vol->read_only) {
		message_error_text(run->msg, "volume %s can write no consistency point, which a check needs",
		                   vol->name);
		return vol->failed != 0 ? vol->failed : -EROFS;
	}
	if (vol->check != NULL) {
		message_error_text(run->msg, "volume %s is being checked already", vol->name);
		return -EBUSY;
	}
	err = check_new(vol, &options, &check);
	if (err != 0)
		return err;
	check->msg = run->msg;
	check->request.done = image_made;
	err = snapshot_create_own(vol, CHECK_SNAPSHOT_NAME, &check->request);
	if (err == -EBUSY && vol->snapshots->barred) {
		message_error_text(run->msg, "volume %s is being put back to a snapshot: check it when that is done",
		                   vol->name);
	} else if (err == -EBUSY) { /* the last one's snapshot is being reclaimed, or what a restore has superseded */
		cp_request(vol, CP_SPACE);
		err = run_wait(run, &vol->cp_waiters);
	}
	if (err != 0) {
		check_free(check);
		return err;
	}
	vol->check = check;
	return OP_LATER;
}

static int running_check(struct fs_run *run)
{
	if (run->vol->check != NULL)
		return 0;
	message_error_text(run->msg, "volume %s is not being checked", run->vol->name);
	return -ENOENT;
}

int op_check_rate(struct fs_run *run)
{
	int err = running_check(run);

	if (err == 0)
		run->vol->check->options.rate_bytes_s = run->msg->in.check_rate_bytes_s;
	return err;
}

int op_check_cancel(struct fs_run *run)
{
	int err = running_check(run);

	if (err == 0)
		check_cancel(run->vol, "it was cancelled");
	return err;
}
