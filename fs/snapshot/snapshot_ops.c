/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshot operations: create, delete, rename, list. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/list.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/core/operations.h"
#include "fs/cp/space.h"
#include "fs/file/message_completion.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/fsformat.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "fs/snapshot/file_restore.h"
#include "fs/snapshot/snapshot.h"
#include "fs/vdisk/vdisk.h"
#include "fs/vdisk/vtoc.h"

static int name_check(struct fs_message *msg, const char *name, uint32_t len)
{
	if (len == 0 || len > SNAPSHOT_NAME_MAX) {
		message_error_text(msg, "a snapshot name has 1 to %u characters", SNAPSHOT_NAME_MAX);
		return len == 0 ? -EINVAL : -ENAMETOOLONG;
	}
	if (name[0] == '.' || memchr(name, '/', len) != NULL || memchr(name, '\0', len) != NULL) {
		message_error_text(msg, "a snapshot name does not begin with a dot nor contain a slash");
		return -EINVAL;
	}
	if (name[0] == SNAPSHOT_OWN_MARK) {
		message_error_text(msg, "snapshot names that begin with '%c' are the file system's own",
		                   SNAPSHOT_OWN_MARK);
		return -EINVAL;
	}
	return 0;
}

static bool name_is_asked_for(const struct fs_volume *vol, const char *name, uint32_t len)
{
	const struct snapshot_request_queue *queues[2] = { &vol->snapshots->asked, &vol->snapshots->taken };
	const struct snapshot_request *request;

	for (unsigned i = 0; i < 2; i++) {
		TAILQ_FOREACH(request, queues[i], link) {
			if (request->created != NULL && strlen(request->created->info.name) == len &&
			    memcmp(request->created->info.name, name, len) == 0)
				return true;
		}
	}
	return false;
}

static int name_is_free(struct fs_message *msg, const char *name, uint32_t len)
{
	int err = name_check(msg, name, len);

	if (err == 0 && (snapshot_find(msg->volume, name, len) != NULL || name_is_asked_for(msg->volume, name, len))) {
		message_error_text(msg, "volume %s already has a snapshot \"%.*s\"", msg->volume->name, (int)len, name);
		err = -EEXIST;
	}
	return err;
}

static unsigned creations_asked(const struct fs_volume *vol)
{
	const struct snapshot_request *request;
	unsigned n = 0;

	TAILQ_FOREACH(request, &vol->snapshots->asked, link)
		n += request->created != NULL && request->msg != NULL;
	TAILQ_FOREACH(request, &vol->snapshots->taken, link)
		n += request->created != NULL && request->msg != NULL;
	return n;
}

static void request_done(struct snapshot_request *request, int err)
{
	message_complete(request->msg, err);
	free(request);
}

static void request_dropped(struct snapshot_request *request, int err)
{
	(void)err;
	free(request);
}

/* A creation that no CP carries yet is withdrawn; everything else comes to be, with nobody waiting for it. */
static void request_give_up(struct snapshot_request_queue *queue, struct snapshot_request *request, bool withdraw)
{
	struct fs_message *msg = request->msg;

	request->msg = NULL;
	request->done = request_dropped;
	if (withdraw && request->created != NULL) {
		TAILQ_REMOVE(queue, request, link);
		free(request->created);
		free(request);
	}
	message_complete(msg, -FS_EJUKEBOX);
}

void snapshot_give_up(struct fs_volume *vol, bool (*gives_up)(const struct fs_message *msg))
{
	struct snapshot_request *request, *next;

	TAILQ_FOREACH_SAFE(request, &vol->snapshots->taken, link, next)
		if (gives_up(request->msg))
			request_give_up(&vol->snapshots->taken, request, false);
	TAILQ_FOREACH_SAFE(request, &vol->snapshots->asked, link, next)
		if (gives_up(request->msg))
			request_give_up(&vol->snapshots->asked, request, true);
}

/* Answered when the CP that carries it is durable. */
static int request_queue(struct fs_message *msg, struct snapshot *created)
{
	struct snapshot_request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return -ENOMEM;
	request->done = request_done;
	request->msg = msg;
	request->created = created;
	TAILQ_INSERT_TAIL(&msg->volume->snapshots->asked, request, link);
	cp_request(msg->volume, CP_SNAPSHOT);
	return OP_LATER;
}

/* A snapshot may not take away what reserved LUNs were promised. */
static int space_for_snapshot(struct fs_run *run)
{
	uint64_t missing;
	int err = space_snapshot_admit(run, &missing);

	if (err == -ENOSPC)
		message_error_text(
		    run->msg,
		    "a snapshot would keep what reserved LUNs, files' names and maps overwrite: %" PRIu64
		    " MiB more must be available in volume %s: free space or delete snapshots, then try again",
		    DIV_UP(missing * FS_BLOCK_SIZE, (uint64_t)1 << 20), run->vol->name);
	return err;
}

int op_snapshot_create(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct fs_volume *vol = run->vol;
	struct snapshot *snapshot;
	int err = vol->read_only ? -EROFS : name_is_free(msg, msg->in.name, msg->in.name_len);

	if (err != 0)
		return err;
	if (snapshot_creation_is_barred(vol)) {
		message_error_text(msg, "volume %s %s: no snapshot can be taken until that is done; try again later",
		                   vol->name,
		                   vol->snapshots->barred
		                       ? "is being put back to a snapshot"
		                       : "was put back to a snapshot, and the newer ones are still being reclaimed");
		return -EBUSY;
	}
	if (snapshot_count(vol) + creations_asked(vol) >= SNAPSHOTS_MAX) {
		message_error_text(msg, "volume %s has %u snapshots, the most there can be: delete one first",
		                   vol->name, SNAPSHOTS_MAX);
		return -EMLINK;
	}
	err = space_for_snapshot(run);
	if (err != 0)
		return err;
	snapshot = calloc(1, sizeof(*snapshot));
	if (snapshot == NULL)
		return -ENOMEM;
	memcpy(snapshot->info.name, msg->in.name, msg->in.name_len);
	snapshot->info.created_ns = volume_now_ns(vol);
	snapshot->info.scheduled = msg->in.scheduled;
	err = request_queue(msg, snapshot);
	if (err < 0)
		free(snapshot);
	return err;
}

/* What a restore is being made ready with stays as it is. */
static int changes_barred(struct fs_message *msg)
{
	if (!msg->volume->snapshots->barred)
		return 0;
	message_error_text(msg, "volume %s is being put back to a snapshot: try again when that is done",
	                   msg->volume->name);
	return -EBUSY;
}

static struct snapshot *named(struct fs_message *msg)
{
	const struct snapshot *snapshot = snapshot_find(msg->volume, msg->in.name, msg->in.name_len);

	if (snapshot == NULL) {
		message_error_text(msg, "volume %s has no snapshot \"%.*s\"", msg->volume->name, (int)msg->in.name_len,
		                   msg->in.name);
		return NULL;
	}
	return snapshot_by_id(msg->volume, snapshot->info.id);
}

/* `path`: of the first of `n` dependants, LUNs before snapshots. */
static void refuse_delete(struct fs_message *msg, const char *name, const char *path, unsigned n)
{
	const char *others = n > 1 ? " and others" : "";

	if (strncmp(path, "/.snapshot/", strlen("/.snapshot/")) == 0)
		message_error_text(msg,
		                   "snapshot \"%s\" is needed by snapshot \"%s\"%s, which keeps a LUN as it was before "
		                   "it was split from it: "
		                   "delete that snapshot first",
		                   name, path + strlen("/.snapshot/"), others);
	else
		message_error_text(msg,
		                   "snapshot \"%s\" is the backing store of LUN /vol/%s%s%s: split it with \"lun clone "
		                   "start\", or destroy it, first",
		                   name, msg->volume->name, path, others);
}

static int refuse_reading(struct fs_message *msg, const struct snapshot *snapshot)
{
	const char *path = file_restore_reads(msg->volume, snapshot->info.id);

	if (path == NULL)
		return 0;
	message_error_text(msg, "\"/vol/%s%.100s\" is being restored from snapshot \"%s\": delete it when that is done",
	                   msg->volume->name, path, snapshot->info.name);
	return -EBUSY;
}

int op_snapshot_delete(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct snapshot *snapshot = named(msg);
	char path[128];
	unsigned n;
	int err;

	if (run->vol->read_only)
		return -EROFS;
	if (snapshot == NULL)
		return -ENOENT;
	err = changes_barred(msg);
	if (err == 0)
		err = refuse_reading(msg, snapshot);
	if (err != 0)
		return err;
	n = vdisk_dependants(run->vol, snapshot->info.id, path, sizeof(path));
	if (n > 0) {
		refuse_delete(msg, snapshot->info.name, path, n);
		return -EBUSY;
	}
	err = request_queue(msg, NULL);
	if (err < 0)
		return err;
	snapshot->deleting = true;
	snapshot_slot_changed(run->vol, snapshot->slot);
	return err;
}

int op_snapshot_rename(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct snapshot *snapshot = named(msg);
	int err;

	if (run->vol->read_only)
		return -EROFS;
	if (snapshot == NULL)
		return -ENOENT;
	err = changes_barred(msg);
	if (err == 0)
		err = name_is_free(msg, msg->in.to_name, msg->in.to_name_len);
	if (err != 0)
		return err;
	err = request_queue(msg, NULL);
	if (err < 0)
		return err;
	memset(snapshot->info.name, 0, sizeof(snapshot->info.name));
	memcpy(snapshot->info.name, msg->in.to_name, msg->in.to_name_len);
	snapshot->info.scheduled = false; /* whoever named it keeps it */
	snapshot_slot_changed(run->vol, snapshot->slot);
	return err;
}

int op_snapshot_list(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	const struct snapshot_table *table = run->vol->snapshots;

	msg->out.n = 0;
	msg->out.snapshots = calloc(MAX_OF(table->n, 1U), sizeof(struct fs_snapshot_info));
	if (msg->out.snapshots == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < table->n; i++) {
		struct fs_snapshot_info *info;

		if (snapshot_is_own(table->byage[i]))
			continue;
		info = &msg->out.snapshots[msg->out.n++];
		*info = table->byage[i]->info;
		info->deleting = table->byage[i]->deleting;
		info->n_dependants = vtoc_backed_by(run->vol, info->id, NULL, 0);
	}
	return 0;
}
