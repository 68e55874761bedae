/* SPDX-License-Identifier: Apache-2.0 */
/* FS_FILE_RESTORE and what goes with it: which file, where to, whether there is room (fs/snapshot/file_restore.h).
 *
 * WRITE PATH previous hop dispatch.c; next hop file_restore.c. */
#include <inttypes.h>
#include <stdio.h>

#include "base/list.h"
#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/cp/space.h"
#include "fs/file/message_completion.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "fs/names/dir.h"
#include "fs/names/namespace.h"
#include "fs/names/namespace_apply.h"
#include "fs/names/path.h"
#include "fs/snapshot/file_restore.h"
#include "fs/snapshot/file_restore_private.h"

#define MIB ((uint64_t)1 << 20)
#define NAME_BLOCKS 64U /* two names, two directories, an inode, and what a change of them drags along */

/* ---- the file in the snapshot ---- */

static int source_failed(struct fs_message *msg, int err)
{
	if (err == -ENOENT || err == -ENOTDIR)
		message_error_text(msg, "snapshot \"%.*s\" has no \"%.128s\": see /.snapshot for what it has",
		                   (int)msg->in.name_len, msg->in.name, msg->in.path);
	return err;
}

static int source_type_check(struct fs_message *msg, unsigned type)
{
	const char *what = type == FS_TYPE_DIR ? "a directory: restore the files in it one by one, or the whole volume"
	                   : type == FS_TYPE_SYMLINK ? "a symbolic link: restore the file it leads to"
	                   : type == FS_TYPE_VDISK   ? "a LUN, which is restored as one"
	                                             : "a special file, which has no content";

	if (type == FS_TYPE_REG)
		return 0;
	message_error_text(msg, "\"%.100s\" in snapshot \"%.*s\" is %s", msg->in.path, (int)msg->in.name_len,
	                   msg->in.name, what);
	return type == FS_TYPE_DIR ? -EISDIR : -EINVAL;
}

static int source_find(struct fs_run *run, struct inode **ret_source)
{
	struct fs_message *msg = run->msg;
	char path[FS_PATH_MAX + FS_NAME_MAX + sizeof("/.snapshot/")];
	struct fs_file_id id;
	int err;

	if (snapshot_find(run->vol, msg->in.name, msg->in.name_len) == NULL) {
		message_error_text(
		    msg, "volume \"%s\" has no snapshot \"%.*s\", or it is being deleted: see `snapshot list`",
		    run->vol->name, (int)msg->in.name_len, msg->in.name);
		return -ENOENT;
	}
	(void)snprintf(path, sizeof(path), "/.snapshot/%.*s%s", (int)msg->in.name_len, msg->in.name, msg->in.path);
	err = path_resolve(run, path, &id);
	if (err == 0 && (id.snapshot == 0 || id.inode >= FS_INO_SNAPSHOTS)) /* ".." led out of it */
		err = -ENOENT;
	if (err == 0)
		err = inode_get_id(run, &id, ret_source);
	return err == 0 ? source_type_check(msg, (*ret_source)->attr.type) : source_failed(msg, err);
}

/* ---- where it goes ---- */

static int place_failed(struct fs_message *msg, int err)
{
	const char *vol = msg->volume->name, *path = msg->in.path;

	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
		message_error_text(msg, "the directory of \"/vol/%s%.128s\" is not there any more: make it first", vol,
		                   path);
		break;
	case -EROFS:
		message_error_text(msg, "\"/vol/%s%.128s\" is in a snapshot, which never changes", vol, path);
		break;
	case -ENAMETOOLONG:
		message_error_text(msg, "\"/vol/%s%.128s...\": a name may have %u bytes and a path %u", vol, path,
		                   FS_NAME_MAX, FS_PATH_MAX - 1U);
		break;
	default: break;
	}
	return err;
}

/* What stands there today goes, if it is something a file may take the place of. */
static int replaced_check(struct fs_message *msg, unsigned type)
{
	const char *what = type == FS_TYPE_DIR ? "directory" : "LUN";

	if (type != FS_TYPE_DIR && type != FS_TYPE_VDISK)
		return 0;
	message_error_text(msg, "\"/vol/%s%.128s\" is a %s today: rename it, or remove it, first", msg->volume->name,
	                   msg->in.path, what);
	return type == FS_TYPE_DIR ? -EISDIR : -EBUSY;
}

static int place_look(struct fs_run *run, struct inode *dir, struct fs_message *msg, struct namespace_rename *rename)
{
	struct fs_file_id id;
	uint8_t type;
	int err = namespace_name_check(rename->to_name.bytes, rename->to_name.len);

	if (err == 0 && namespace_is_snapdir_name(dir, rename->to_name.bytes, rename->to_name.len))
		err = -EEXIST;
	if (err == 0)
		err = dir_lookup(run, dir, rename->to_name.bytes, rename->to_name.len, &id, &type);
	rename->replaced = err == 0 ? id.inode : 0;
	return err == 0 ? replaced_check(msg, type) : err == -ENOENT ? 0 : err;
}

int file_restore_place(struct fs_run *run, struct fs_message *msg, struct namespace_rename *ret_rename)
{
	struct fs_file_id id;
	struct inode *dir;
	int err = path_resolve_parent(run, msg->in.path, &id, &ret_rename->to_name.bytes, &ret_rename->to_name.len);

	if (err == 0 && (id.snapshot != 0 || namespace_is_snapdir(&id)))
		err = -EROFS;
	if (err == 0)
		err = namespace_dir_get(run, &id, &dir);
	if (err != 0)
		return place_failed(msg, err);
	ret_rename->to_dir = dir->ino;
	return place_look(run, dir, msg, ret_rename);
}

/* ---- FS_FILE_RESTORE ---- */

static int path_check(struct fs_message *msg)
{
	if (msg->in.path == NULL || msg->in.path[0] != '/') {
		message_error_text(msg, "a file is named by its path inside the volume, as in \"/dir/file\"");
		return -EINVAL;
	}
	return strnlen(msg->in.path, FS_PATH_MAX) < FS_PATH_MAX ? 0 : place_failed(msg, -ENAMETOOLONG);
}

static int busy_check(struct fs_message *msg)
{
	struct fs_volume *vol = msg->volume;

	if (file_restore_find(vol, msg->in.path) != NULL) {
		message_error_text(msg, "\"/vol/%s%.128s\" is being restored already", vol->name, msg->in.path);
		return -EBUSY;
	}
	if (vol->file_restores->n < FILE_RESTORES_MAX)
		return 0;
	message_error_text(
	    msg, "%u files of volume %s are being restored, the most there can be at once: try again when one is done",
	    FILE_RESTORES_MAX, vol->name);
	return -EMLINK;
}

/* Old and new are there at once until the old one is replaced. */
static int space_check(struct fs_run *run, uint64_t n_blocks)
{
	uint64_t missing;
	int err = space_promise_admit(run, n_blocks, &missing);

	if (err == -ENOSPC)
		message_error_text(run->msg,
		                   "restoring \"%.100s\" takes %" PRIu64 " MiB and %" PRIu64
		                   " MiB are free: delete files or other snapshots",
		                   run->msg->in.path, DIV_UP(n_blocks * FS_BLOCK_SIZE, MIB),
		                   space_available(run->vol) * FS_BLOCK_SIZE / MIB);
	return err;
}

int op_file_restore(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct namespace_rename rename;
	struct inode *source;
	uint64_t n_blocks;
	int err = path_check(msg);

	if (err == 0)
		err = busy_check(msg);
	if (err == 0)
		err = source_find(run, &source);
	if (err == 0)
		err = file_restore_place(run, msg, &rename);
	if (err != 0)
		return err;
	n_blocks = source->n_blocks + source->n_blocks / 512U + NAME_BLOCKS;
	err = space_check(run, n_blocks);
	if (err == 0)
		err = file_restore_begin(msg, source, n_blocks);
	return err == 0 ? OP_LATER : err;
}

/* ---- looking at one, ending it ---- */

static int running(struct fs_run *run, struct file_restore **ret_restore)
{
	struct fs_message *msg = run->msg;
	int err = path_check(msg);

	if (err != 0)
		return err;
	*ret_restore = file_restore_find(run->vol, msg->in.path);
	if (*ret_restore != NULL)
		return 0;
	message_error_text(msg, "\"/vol/%s%.128s\" is not being restored", run->vol->name, msg->in.path);
	return -ENOENT;
}

int op_file_restore_status(struct fs_run *run)
{
	struct file_restore *restore;
	int err = running(run, &restore);

	if (err != 0)
		return err;
	run->msg->out.progress.done_bytes = (uint64_t)restore->cursor * FS_BLOCK_SIZE;
	run->msg->out.progress.total_bytes = (uint64_t)restore->end * FS_BLOCK_SIZE;
	return 0;
}

int op_file_restore_cancel(struct fs_run *run)
{
	struct file_restore *restore;
	int err = running(run, &restore);

	if (err == 0)
		file_restore_cancel(restore);
	return err;
}
