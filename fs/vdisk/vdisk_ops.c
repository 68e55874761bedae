/* SPDX-License-Identifier: Apache-2.0 */
/* vdisk operations: create, destroy, resize, set, get.
 *
 * WRITE PATH previous hop dispatch.c; next hops vdisk_apply.c and nvlog.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/reserve.h"
#include "base/list.h"
#include "base/log.h"
#include "base/uuid.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/cp/admit.h"
#include "fs/cp/space.h"
#include "fs/file/message_completion.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/fsformat.h"
#include "fs/format/vdiskformat.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "fs/names/dir.h"
#include "fs/names/namespace.h"
#include "fs/names/path.h"
#include "fs/vdisk/vdisk.h"
#include "fs/vdisk/vdisk_apply.h"
#include "fs/vdisk/vdisk_ops.h"
#include "fs/vdisk/vdiskattr.h"
#include "fs/vdisk/vtoc.h"

#define MIB ((uint64_t)1 << 20)

/* ---- errors ---------------------------------------------------------------------------------------------------- */

/* Why a path given by the administrator does not lead to a LUN. */
int vdisk_path_failed(struct fs_message *msg, int err)
{
	const char *path = msg->in.path, *vol = msg->volume->name;

	switch (err) {
	case -ENOENT:
		message_error_text(msg, "no LUN \"/vol/%s%.128s\": see `lun list` for the LUNs there are", vol, path);
		break;
	case -ENOTDIR:
		message_error_text(msg, "\"/vol/%s%.128s\": something on the way to it is not a directory", vol, path);
		break;
	case -ENAMETOOLONG:
		message_error_text(msg, "\"/vol/%s%.128s...\": a name may have %u bytes and a path %u", vol, path,
		                   FS_NAME_MAX, FS_PATH_MAX - 1U);
		break;
	case -EINVAL:
		message_error_text(msg, "\"/vol/%s%.128s\" is a file or a directory and no LUN", vol, path);
		break;
	case -EROFS:
		message_error_text(
		    msg, "\"/vol/%s%.128s\" is in a snapshot, which never changes: use it as the backing of a new LUN",
		    vol, path);
		break;
	case -EUCLEAN:
	case -EIO:
		message_error_text(msg, "LUN \"/vol/%s%.128s\" cannot be read: run `volume check` on the volume", vol,
		                   path);
		break;
	default: break;
	}
	return err;
}

static int refuse(struct vdisk *vdisk, int err)
{
	vdisk_close(vdisk);
	return err;
}

int vdisk_path_check(struct fs_message *msg)
{
	if (msg->in.path == NULL || msg->in.path[0] != '/') {
		message_error_text(msg, "a LUN is named by its path inside the volume, as in \"/test\"");
		return -EINVAL;
	}
	return strlen(msg->in.path) < FS_PATH_MAX ? 0 : vdisk_path_failed(msg, -ENAMETOOLONG);
}

/* ---- answering ------------------------------------------------------------------------------------------------- */

int vdisk_answer_room(struct fs_message *msg)
{
	if (msg->out.vdisks == NULL)
		msg->out.vdisks = calloc(1, sizeof *msg->out.vdisks);
	return msg->out.vdisks == NULL ? -ENOMEM : 0;
}

int vdisk_answer(struct fs_run *run, const struct vdisk *vdisk)
{
	struct fs_message *msg = run->msg;
	int err;

	err = vdisk_answer_room(msg);
	if (err != 0)
		return err;
	free(msg->out.vdisks[0].maps);
	msg->out.vdisks[0].maps = NULL;
	err = vdisk_info(run, vdisk, &msg->out.vdisks[0]);
	if (err == 0)
		msg->out.n = 1;
	return err;
}

void vdisk_answer_new(struct fs_message *msg, const struct vdisk *vdisk)
{
	struct fs_vdisk_info *info = &msg->out.vdisks[0];

	vdisk_describe(vdisk->container->vol, vdisk, info);
	memcpy(info->path, msg->in.path, strlen(msg->in.path) + 1U); /* vdisk_path_check: it fits */
	free(info->maps);
	info->maps = vdisk->attr.maps == NULL ? NULL : reserve_strdup(vdisk->attr.maps);
	msg->out.n = 1;
}

/* ---- create ---------------------------------------------------------------------------------------------------- */

static int backing_failed(struct fs_message *msg, int err)
{
	const char *path = msg->in.vdisk.backing_path;

	if (err == -ENOENT || err == -ENOTDIR || err == -ENAMETOOLONG)
		message_error_text(
		    msg, "backing \"%.128s\" does not exist: name a file in a snapshot, as in \"/.snapshot/NAME/FILE\"",
		    path);
	else if (err == -EINVAL)
		message_error_text(msg,
		                   "backing \"%.128s\" is not a file or LUN in a snapshot: take a snapshot first, then "
		                   "name \"/.snapshot/NAME/FILE\"",
		                   path);
	return err;
}

/* The part of "/.snapshot/NAME/x/y" behind the snapshot's name. */
static const char *path_in_snapshot(const char *path)
{
	for (unsigned n = 0; n < 2; n++) {
		path += strspn(path, "/");
		path += strcspn(path, "/");
	}
	return path;
}

/* Find the file under the new LUN. */
int vdisk_backing_find(struct fs_run *run, const char *path, struct vdisk_attr *attr, struct inode **ret_inode)
{
	const char *inner = path_in_snapshot(path);
	const struct snapshot *snapshot;
	struct fs_file_id id;
	struct inode *inode;
	int err = path_resolve(run, path, &id);

	if (err == 0 && (id.snapshot == 0 || id.inode < INO_ROOT || id.inode >= FS_INO_SNAPSHOTS ||
	                 strlen(inner) >= sizeof attr->backing.path))
		err = -EINVAL;
	if (err == 0)
		err = inode_get_id(run, &id, &inode);
	if (err != 0)
		return err;
	snapshot = snapshot_find_id(run->vol, id.snapshot);
	if (snapshot == NULL || (inode->attr.type != FS_TYPE_REG && inode->attr.type != FS_TYPE_VDISK))
		return -EINVAL;
	attr->backing = (struct vdisk_backing){ .snapshot = id.snapshot,
		                                .inode = id.inode,
		                                .generation = id.generation };
	memcpy(attr->backing.snapshot_name, snapshot->info.name, strlen(snapshot->info.name) + 1U);
	memcpy(attr->backing.path, inner, strlen(inner) + 1U);
	*ret_inode = inode;
	return 0;
}

static int size_check(struct fs_message *msg, uint64_t size_bytes)
{
	if (size_bytes == 0) {
		message_error_text(msg, "a LUN needs a size: give one, as in 10g");
		return -EINVAL;
	}
	if (size_bytes > VDISK_SIZE_MAX) {
		message_error_text(msg, "%" PRIu64 " bytes are too many: a LUN can have %" PRIu64 " at most",
		                   size_bytes, (uint64_t)VDISK_SIZE_MAX);
		return -EFBIG;
	}
	return 0;
}

/* A reserved LUN is refused when it could not be filled. */
static int space_check(struct fs_run *run, uint64_t old_blocks, uint64_t new_blocks)
{
	uint64_t missing;
	int err = 0;

	if (new_blocks > old_blocks)
		err = space_promise_admit(run, new_blocks - old_blocks + VDISK_CREATE_BLOCKS, &missing);
	if (err == -ENOSPC)
		message_error_text(run->msg,
		                   "a reserved LUN takes %" PRIu64 " MiB more and %" PRIu64
		                   " MiB are free: make it smaller, free space, or create it with --no-reserve",
		                   DIV_UP((new_blocks - old_blocks) * FS_BLOCK_SIZE, MIB),
		                   space_available(run->vol) * FS_BLOCK_SIZE / MIB);
	return err;
}

static int parent_failed(struct fs_message *msg, int err)
{
	if (err == -ENOENT)
		message_error_text(msg, "the directory of \"%.128s\" does not exist: make it first", msg->in.path);
	return err;
}

static int name_failed(struct fs_message *msg)
{
	message_error_text(
	    msg,
	    "\"%.128s\" cannot be a LUN: \".\", \"..\" and \"%s\" mean directories everywhere; choose another name",
	    msg->in.path, NS_SNAPDIR_NAME);
	return -EINVAL;
}

/* Where it will stand: directory, name, nothing of that name yet. */
int vdisk_place_find(struct fs_run *run, struct vdisk_create *create, struct vdisk_attr *attr)
{
	struct fs_message *msg = run->msg;
	struct fs_file_id dir, id;
	struct inode *inode;
	uint8_t type;
	int err = path_resolve_parent(run, msg->in.path, &dir, &create->name, &create->name_len);

	if (err == -ENOENT)
		return parent_failed(msg, err);
	if (err == 0 && (dir.snapshot != 0 || dir.inode == FS_INO_SNAPSHOTS))
		err = -EROFS;
	if (err == 0)
		err = inode_get_id(run, &dir, &inode);
	if (err == 0 && (namespace_name_check(create->name, create->name_len) == -EEXIST ||
	                 namespace_is_snapdir_name(inode, create->name, create->name_len)))
		return name_failed(msg);
	if (err == 0)
		err = inode->attr.type == FS_TYPE_DIR
		          ? dir_lookup(run, inode, create->name, create->name_len, &id, &type)
		          : -ENOTDIR;
	if (err == 0) {
		message_error_text(msg, "\"%.128s\" exists already: choose another name, or destroy it first",
		                   msg->in.path);
		return -EEXIST;
	}
	if (err != -ENOENT)
		return vdisk_path_failed(msg, err);
	create->dir = dir.inode;
	attr->parent = dir.inode;
	memcpy(attr->path, msg->in.path, strlen(msg->in.path) + 1U);
	return 0;
}

/* Choose everything about the new LUN; nothing is changed. */
static int create_choose(struct fs_run *run, struct vdisk_create *create, struct vdisk_attr *attr)
{
	struct fs_message *msg = run->msg;
	uint64_t size = msg->in.vdisk.size_bytes, backing_size = 0;
	struct inode *backing;
	int err = vdisk_place_find(run, create, attr);

	if (err == 0 && msg->in.vdisk.backing_path != NULL) {
		err = vdisk_backing_find(run, msg->in.vdisk.backing_path, attr, &backing);
		if (err != 0)
			return backing_failed(msg, err);
		backing_size = backing->attr.size_bytes;
	}
	if (err != 0)
		return err;
	size = ROUND_UP(size == 0 ? backing_size : MIN_OF(size, VDISK_SIZE_MAX + 1U), FS_BLOCK_SIZE);
	err = size_check(msg, size);
	if (err != 0)
		return err;
	create->size_bytes = size;
	attr->backing.n_blocks = blocks_of_size(MIN_OF(size, backing_size));
	attr->reserved = msg->in.vdisk.reserve;
	if (attr->reserved)
		err = space_check(run, 0, space_full_blocks(size));
	return err != 0 ? err : inode_find_few(run, VDISK_INODES, create->ino);
}

static int create_options(struct fs_message *msg, struct vdisk_attr *attr)
{
	const char *comment = msg->in.vdisk.comment, *maps = msg->in.vdisk.maps;

	if ((msg->in.vdisk.set & FS_VDISK_SET_ONLINE) != 0)
		attr->online = msg->in.vdisk.online;
	if ((msg->in.vdisk.set & FS_VDISK_SET_WRITE_CACHE) != 0)
		attr->write_cache = msg->in.vdisk.write_cache;
	if ((msg->in.vdisk.set & FS_VDISK_SET_COMMENT) != 0 && comment != NULL) {
		if (strlen(comment) > VDISK_COMMENT_MAX) {
			message_error_text(msg, "the comment is too long: %u bytes at most", VDISK_COMMENT_MAX);
			return -E2BIG;
		}
		memcpy(attr->comment, comment, strlen(comment) + 1U);
	}
	return (msg->in.vdisk.set & FS_VDISK_SET_MAPS) != 0 && maps != NULL
	           ? vdisk_attr_set_maps(attr, maps, strlen(maps))
	           : 0;
}

static int create_admit(struct fs_run *run, struct vdisk_create *create, struct vdisk_attr *attr)
{
	int err = create_choose(run, create, attr);

	if (err == 0)
		err = create_options(run->msg, attr);
	if (err == 0)
		err = vdisk_create_prepare(run, create);
	if (err == 0)
		err = vdisk_answer_room(run->msg);
	if (err == 0)
		err = admit_change(run, create->n_pages, vdisk_create_log_size(create), create->n_pages);
	return err;
}

int op_vdisk_create(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct vdisk_attr attr;
	struct vdisk_create create = { .now_ns = volume_now_ns(vol), .attr = &attr };
	struct uuid uuid;
	uint8_t random[16];
	int err = vdisk_path_check(run->msg);

	if (err != 0)
		return err;
	err = vtoc_need(run);
	if (err != 0)
		return err;
	world_random(vol->world, random, sizeof random);
	uuid = uuid_from_random(random);
	vdisk_attr_init(&attr, &uuid, create.now_ns);
	err = create_admit(run, &create, &attr);
	if (err == 0) {
		for (unsigned i = 0; i < VDISK_INODES; i++)
			create.generation[i] = volume_next_generation(vol);
		run->msg->word[0] = vdisk_create_log(vol, &create);
		vdisk_answer_new(run->msg,
		                 &(struct vdisk){ .container = vdisk_create_commit(vol, &create), .attr = attr });
		err = OP_LOGGED;
	}
	vdisk_attr_fini(&attr);
	return err;
}

/* ---- destroy --------------------------------------------------------------------------------------------------- */

int op_vdisk_destroy(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct vdisk_destroy destroy = { .now_ns = volume_now_ns(run->vol) };
	struct fs_file_id dir;
	struct vdisk vdisk;
	int err = vdisk_path_check(msg);

	if (err != 0)
		return err;
	err = vdisk_open_path(run, msg->in.path, &vdisk);
	if (err != 0)
		return vdisk_path_failed(msg, err);
	destroy.id = (struct fs_file_id){ 0, vdisk.container->ino, vdisk.container->attr.generation };
	if (!msg->in.vdisk.force && vdisk.attr.online && vdisk.attr.maps != NULL) {
		message_error_text(
		    msg, "LUN \"%.128s\" is online and mapped: take it offline or unmap it first, or use --force",
		    msg->in.path);
		return refuse(&vdisk, -EBUSY);
	}
	vdisk_close(&vdisk);
	err = path_resolve_parent(run, msg->in.path, &dir, &destroy.name, &destroy.name_len);
	if (err != 0)
		return err;
	destroy.dir = dir.inode;
	err = vdisk_destroy_prepare(run, &destroy);
	if (err != 0)
		return vdisk_path_failed(msg, err);
	err = admit_change(run, destroy.n_pages, vdisk_destroy_log_size(&destroy), 0);
	if (err == 0) {
		msg->word[0] = vdisk_destroy_log(run->vol, &destroy);
		vdisk_destroy_commit(run->vol, &destroy);
		err = OP_LOGGED;
	}
	vdisk_destroy_end(&destroy);
	return err;
}

/* ---- set, resize ----------------------------------------------------------------------------------------------- */

/* Admission, log, commit and answer of a prepared change. */
static int change_carry_out(struct fs_run *run, struct vdisk_change *change)
{
	enum space_class cls = vdisk_store_growth(&change->vdisk) > 0 ? SPACE_NEW
	                       : (change->set & VDISK_CHANGE_SIZE) != 0
	                           ? space_class_of(change->vdisk.container, SPACE_TRIM)
	                           : SPACE_NAMES;
	int err = vdisk_answer(run, &change->vdisk);

	if (err == 0)
		err = admit_space(run, change->n_pages, vdisk_change_log_size(change), change->n_pages, cls);
	if (err != 0)
		return err;
	run->msg->word[0] = vdisk_change_log(run->vol, change);
	vdisk_change_commit(change);
	run->msg->out.vdisks[0].size_bytes = change->vdisk.container->attr.size_bytes;
	return OP_LOGGED;
}

static int change_run(struct fs_run *run, struct vdisk_change *change)
{
	int err = vdisk_change_prepare(run, change);

	if (err != 0)
		return vdisk_path_failed(run->msg, err);
	err = change_carry_out(run, change);
	vdisk_change_end(change);
	return err;
}

static int set_check(struct fs_message *msg, struct vdisk_change *change)
{
	change->set = msg->in.vdisk.set &
	              (FS_VDISK_SET_ONLINE | FS_VDISK_SET_WRITE_CACHE | FS_VDISK_SET_COMMENT | FS_VDISK_SET_MAPS);
	change->online = msg->in.vdisk.online;
	change->write_cache = msg->in.vdisk.write_cache;
	if ((change->set & FS_VDISK_SET_COMMENT) != 0 && msg->in.vdisk.comment != NULL) {
		change->comment = msg->in.vdisk.comment;
		change->comment_len = strlen(msg->in.vdisk.comment);
	}
	if ((change->set & FS_VDISK_SET_MAPS) != 0 && msg->in.vdisk.maps != NULL) {
		change->maps = msg->in.vdisk.maps;
		change->maps_len = strlen(msg->in.vdisk.maps);
	}
	if (change->comment_len > VDISK_COMMENT_MAX) {
		message_error_text(msg, "the comment is too long: %u bytes at most", VDISK_COMMENT_MAX);
		return -E2BIG;
	}
	if (change->maps_len > VDISK_MAPS_MAX) {
		message_error_text(msg,
		                   "too many maps for LUN \"%.128s\": unmap it from some initiator groups, or put "
		                   "initiators into one group",
		                   msg->in.path);
		return -EMLINK;
	}
	return 0;
}

/* The vdisk a message means: by path, or by `file`. */
static int vdisk_named(struct fs_run *run, struct vdisk *vdisk)
{
	struct fs_message *msg = run->msg;
	int err;

	if (msg->in.path != NULL) {
		err = vdisk_path_check(msg);
		return err != 0 ? err : vdisk_path_failed(msg, vdisk_open_path(run, msg->in.path, vdisk));
	}
	err = vtoc_need(run);
	if (err == 0)
		err = vdisk_open_id(run, &msg->file, vdisk);
	if (err == 0 && vdisk->entry == NULL)
		return refuse(vdisk, -EROFS);
	return err;
}

int op_vdisk_set(struct fs_run *run)
{
	struct vdisk_change change = { .now_ns = volume_now_ns(run->vol) };
	struct vdisk vdisk;
	int err = set_check(run->msg, &change);

	if (err == 0)
		err = vdisk_named(run, &vdisk);
	if (err != 0)
		return err;
	change.id = (struct fs_file_id){ 0, vdisk.container->ino, vdisk.container->attr.generation };
	vdisk_close(&vdisk);
	return change_run(run, &change);
}

static int resize_check(struct fs_run *run, const struct vdisk *vdisk, uint64_t size)
{
	struct fs_message *msg = run->msg;
	uint64_t old = vdisk->container->attr.size_bytes;
	int err = size_check(msg, size);

	if (err != 0)
		return err;
	if (size < old && !msg->in.vdisk.force) {
		message_error_text(
		    msg, "LUN \"%.128s\" would lose its last %" PRIu64 " bytes: use --force if nothing is in them",
		    msg->in.path, old - size);
		return -EINVAL;
	}
	return vdisk->attr.reserved ? space_check(run, space_full_blocks(old), space_full_blocks(size)) : 0;
}

int op_vdisk_resize(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct vdisk_change change = { .set = VDISK_CHANGE_SIZE, .now_ns = volume_now_ns(run->vol) };
	struct vdisk vdisk;
	int err = vdisk_path_check(msg);

	if (err == 0)
		err = vdisk_path_failed(msg, vdisk_open_path(run, msg->in.path, &vdisk));
	if (err != 0)
		return err;
	change.size_bytes = ROUND_UP(MIN_OF(msg->in.vdisk.size_bytes, VDISK_SIZE_MAX + 1U), FS_BLOCK_SIZE);
	change.id = (struct fs_file_id){ 0, vdisk.container->ino, vdisk.container->attr.generation };
	err = resize_check(run, &vdisk, change.size_bytes);
	vdisk_close(&vdisk);
	return err != 0 ? err : change_run(run, &change);
}

/* ---- get ----------------------------------------------------------------------------------------------------- */

int op_vdisk_get(struct fs_run *run)
{
	struct vdisk vdisk;
	int err = vdisk_named(run, &vdisk);

	if (err != 0)
		return err;
	err = vdisk_answer(run, &vdisk);
	vdisk_close(&vdisk);
	return err;
}
