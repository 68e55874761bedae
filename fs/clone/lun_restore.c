/* SPDX-License-Identifier: Apache-2.0 */
/* Putting one LUN back to a snapshot: FS_VDISK_RESTORE.
 *
 * THEORY. A new vdisk, backed by the old one in the snapshot, takes over name and identity in one change, and its
 * clone begins. What was written before went to the old vdisk, which is gone. A message that still names the old
 * `file` gets -ESTALE. */
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/uuid.h"
#include "base/world.h"
#include "fs/clone/clone.h"
#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/cp/admit.h"
#include "fs/cp/space.h"
#include "fs/file/message_completion.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "fs/names/path.h"
#include "fs/vdisk/vdisk.h"
#include "fs/vdisk/vdisk_apply.h"
#include "fs/vdisk/vdisk_ops.h"
#include "fs/vdisk/vdiskattr.h"
#include "fs/vdisk/vtoc.h"

#define MIB ((uint64_t)1 << 20)

struct lun_restore {
	struct vdisk_create create;
	struct vdisk_attr attr; /* of the new one */
	bool has_attr;
	uint64_t reservation; /* blocks promised to the one it replaces */
	uint64_t need; /* of the clone */
	struct inode *source;
};

static int source_failed(struct fs_message *msg, int err)
{
	if (err == -ENOENT || err == -ENOTDIR)
		message_error_text(msg, "snapshot \"%.*s\" has no \"%.128s\": see /.snapshot for what it has",
		                   (int)msg->in.name_len, msg->in.name, msg->in.path);
	else if (err == -EINVAL)
		message_error_text(msg, "\"%.128s\" is no LUN in snapshot \"%.*s\"", msg->in.path,
		                   (int)msg->in.name_len, msg->in.name);
	return err;
}

/* The LUN in the snapshot. */
static int source_find(struct fs_run *run, struct lun_restore *restore, struct vdisk_attr *backed)
{
	struct fs_message *msg = run->msg;
	char path[FS_PATH_MAX + FS_NAME_MAX + sizeof "/.snapshot/"];
	int err;

	if (snapshot_find(run->vol, msg->in.name, msg->in.name_len) == NULL) {
		message_error_text(
		    msg, "volume \"%s\" has no snapshot \"%.*s\", or it is being deleted: see `snapshot list`",
		    run->vol->name, (int)msg->in.name_len, msg->in.name);
		return -ENOENT;
	}
	(void)snprintf(path, sizeof path, "/.snapshot/%.*s%s", (int)msg->in.name_len, msg->in.name, msg->in.path);
	err = vdisk_backing_find(run, path, backed, &restore->source);
	if (err == 0 && restore->source->attr.type != FS_TYPE_VDISK)
		err = -EINVAL;
	return err == 0 ? 0 : source_failed(msg, err);
}

static int target_check(struct fs_message *msg, const struct vdisk *vdisk)
{
	if (vdisk->attr.backing.snapshot == 0 || vdisk->attr.clone.state != FS_CLONE_RUNNING)
		return 0;
	message_error_text(msg,
	                   "a clone of \"%.128s\" is running: wait until it is done, or stop it with `lun clone stop`",
	                   msg->in.path);
	return -EBUSY;
}

/* The LUN there is: its attributes go over to the new one. */
static int target_take(struct fs_run *run, struct lun_restore *restore)
{
	struct fs_message *msg = run->msg;
	struct fs_file_id dir;
	struct vdisk vdisk;
	int err = vdisk_open_path(run, msg->in.path, &vdisk);

	if (err == -ENOENT)
		return err;
	if (err != 0)
		return vdisk_path_failed(msg, err);
	restore->attr = vdisk.attr;
	restore->has_attr = true;
	restore->create.replaced = vdisk.container->ino;
	restore->reservation = space_reservation(vdisk.entry);
	err = target_check(msg, &vdisk);
	if (err == 0)
		err = path_resolve_parent(run, msg->in.path, &dir, &restore->create.name, &restore->create.name_len);
	if (err == 0)
		restore->create.dir = dir.inode;
	return err;
}

static bool uuid_is_taken(struct fs_volume *vol, const struct uuid *uuid)
{
	const struct vtoc_entry *entry = NULL;

	while ((entry = vtoc_next(vol, entry)) != NULL)
		if (uuid_equal(&entry->uuid, uuid))
			return true;
	return false;
}

/* It is no more: made anew with the attributes the snapshot has of it, its identity too unless a LUN has it (renamed);
 * not mapped. */
static int target_make(struct fs_run *run, struct lun_restore *restore)
{
	struct vdisk source;
	struct uuid uuid;
	uint8_t random[16];
	int err = vdisk_open(run, restore->source, &source);

	if (err != 0)
		return err;
	world_random(run->vol->world, random, sizeof random);
	uuid = uuid_from_random(random);
	vdisk_attr_init(&restore->attr, &uuid, restore->create.now_ns);
	restore->has_attr = true;
	restore->attr.online = source.attr.online;
	restore->attr.write_cache = source.attr.write_cache;
	restore->attr.reserved = source.attr.reserved;
	memcpy(restore->attr.comment, source.attr.comment, sizeof restore->attr.comment);
	if (!uuid_is_taken(run->vol, &source.attr.uuid)) {
		restore->attr.uuid = source.attr.uuid;
		memcpy(restore->attr.serial, source.attr.serial, sizeof restore->attr.serial);
	}
	vdisk_close(&source);
	return vdisk_place_find(run, &restore->create, &restore->attr);
}

static int restore_space(struct fs_run *run, struct lun_restore *restore)
{
	uint64_t need = restore->attr.reserved ? space_full_blocks(restore->create.size_bytes) : restore->need, missing;
	uint64_t more = need - MIN_OF(need, restore->reservation);
	int err = space_promise_admit(run, more + VDISK_CREATE_BLOCKS, &missing);

	if (err == -ENOSPC)
		message_error_text(run->msg,
		                   "restoring \"%.100s\" takes %" PRIu64 " MiB more and %" PRIu64
		                   " MiB are free: delete files or other snapshots",
		                   run->msg->in.path, DIV_UP(more * FS_BLOCK_SIZE, MIB),
		                   space_available(run->vol) * FS_BLOCK_SIZE / MIB);
	return err;
}

static int restore_choose(struct fs_run *run, struct lun_restore *restore)
{
	struct vdisk_attr backed = { 0 };
	struct inode_backing backing;
	int err = source_find(run, restore, &backed);

	if (err == 0)
		err = target_take(run, restore);
	if (err == -ENOENT && restore->source != NULL)
		err = target_make(run, restore);
	if (err != 0)
		return err;
	restore->create.size_bytes = restore->source->attr.size_bytes;
	backed.backing.n_blocks = blocks_of_size(restore->create.size_bytes);
	restore->attr.backing = backed.backing;
	restore->attr.state_generation++;
	restore->attr.clone = (struct vdisk_clone){ .state = FS_CLONE_RUNNING,
		                                    .priority = FS_CLONE_PRIORITY_NORMAL,
		                                    .n_total = backed.backing.n_blocks,
		                                    .started_ns = restore->create.now_ns };
	backing = (struct inode_backing){ backed.backing.snapshot, backed.backing.inode, backed.backing.generation,
		                          backed.backing.n_blocks };
	err = clone_need_of(run, &backing, &restore->need);
	if (err == 0)
		err = restore_space(run, restore);
	return err != 0 ? err : inode_find_few(run, VDISK_INODES, restore->create.ino);
}

static int restore_carry_out(struct fs_run *run, struct lun_restore *restore)
{
	struct fs_volume *vol = run->vol;
	struct vdisk_create *create = &restore->create;
	struct vdisk vdisk = { .attr = restore->attr };
	int err = vdisk_create_prepare(run, create);

	if (err == 0)
		err = vdisk_answer_room(run->msg);
	if (err == 0)
		err = clone_room(vol);
	if (err == 0)
		err = admit_change(run, create->n_pages, vdisk_create_log_size(create), create->n_pages);
	if (err != 0)
		return err;
	for (unsigned i = 0; i < VDISK_INODES; i++)
		create->generation[i] = volume_next_generation(vol);
	run->msg->word[0] = vdisk_create_log(vol, create);
	vdisk.container = vdisk_create_commit(vol, create);
	clone_begin(vol, &vdisk, restore->need);
	vdisk_answer_new(run->msg, &vdisk);
	return OP_LOGGED;
}

int op_vdisk_restore(struct fs_run *run)
{
	struct lun_restore restore = { .create.now_ns = volume_now_ns(run->vol) };
	int err = vdisk_path_check(run->msg);

	if (err == 0)
		err = vtoc_need(run);
	if (err != 0)
		return err;
	restore.create.attr = &restore.attr;
	err = restore_choose(run, &restore);
	if (err == 0)
		err = restore_carry_out(run, &restore);
	if (restore.has_attr)
		vdisk_attr_fini(&restore.attr);
	return err;
}
