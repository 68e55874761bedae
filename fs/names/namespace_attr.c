/* SPDX-License-Identifier: Apache-2.0 */
/* GETATTR, SETATTR, ACCESS, READLINK, FSSTAT. */
#include <stdlib.h>

#include "base/list.h"
#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/cp/admit.h"
#include "fs/cp/calls.h"
#include "fs/cp/space.h"
#include "fs/file/message_completion.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/perm.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/format/recordformat.h"
#include "fs/fs_info.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"
#include "fs/names/namespace.h"
#include "fs/names/namespace_apply.h"

void namespace_out_attr(struct fs_message *msg, const struct inode *inode)
{
	inode_to_attr(inode, &msg->out.attr);
	msg->out.has_attr = true;
}

void namespace_out_dir(struct fs_message *msg, const struct inode *dir)
{
	inode_to_attr(dir, &msg->out.dir_attr);
	msg->out.has_dir_attr = true;
}

void namespace_out_dir_pre(struct fs_message *msg, const struct inode *dir)
{
	inode_to_wcc(dir, &msg->out.dir_pre);
	namespace_out_dir(msg, dir);
}

void namespace_out_to_dir(struct fs_message *msg, const struct inode *dir)
{
	inode_to_attr(dir, &msg->out.to_dir_attr);
	msg->out.has_to_dir_attr = true;
}

size_t namespace_log_size(const struct fs_run *run, size_t body_len)
{
	return nvlog_size(body_len + calls_log_size(run->msg), 0);
}

int namespace_log(struct fs_run *run, enum nvlog_type type, const uint8_t *body, size_t body_len)
{
	run->msg->word[0] = calls_log(run->msg, type, body, body_len);
	return OP_LOGGED;
}

int op_getattr(struct fs_run *run)
{
	int err = namespace_attr(run, &run->msg->file, &run->msg->out.attr);
	run->msg->out.has_attr = err == 0;
	return err;
}

/* ---- SETATTR --------------------------------------------------------------------------------------------------- */

static int check_size(const struct inode *inode, uint64_t size_bytes)
{
	switch (inode->attr.type) {
	case FS_TYPE_REG: break;
	case FS_TYPE_DIR: return -EISDIR;
	case FS_TYPE_VDISK: return -EPERM; /* the administration resizes it */
	default: return -EINVAL;
	}
	return size_bytes > (uint64_t)FBN_MAX * FS_BLOCK_SIZE ? -EFBIG : 0;
}

static int64_t resolve_time(enum fs_set_time how, int64_t old_ns, int64_t client_ns, int64_t now_ns)
{
	return how == FS_TIME_CLIENT ? client_ns : how == FS_TIME_SERVER ? now_ns : old_ns;
}

/* The attributes after `set`. */
static void resolve_setattr(const struct fs_cred *cred, const struct inode *inode, const struct fs_setattr *set,
                            int64_t now_ns, struct namespace_setattr *s)
{
	s->id = namespace_id_of(inode);
	s->truncate = set->set_size;
	s->attr = inode->attr;
	s->attr.mode = perm_setattr_mode(cred, &inode->attr, set);
	s->attr.uid = set->set_uid ? set->uid : inode->attr.uid;
	s->attr.gid = set->set_gid ? set->gid : inode->attr.gid;
	s->attr.size_bytes = set->set_size ? set->size_bytes : inode->attr.size_bytes;
	s->attr.atime_ns = resolve_time(set->set_atime, inode->attr.atime_ns, set->atime_ns, now_ns);
	s->attr.mtime_ns = set->set_size ? now_ns : inode->attr.mtime_ns;
	s->attr.mtime_ns = resolve_time(set->set_mtime, s->attr.mtime_ns, set->mtime_ns, now_ns);
	s->attr.ctime_ns = now_ns;
}

/* What stands in its inode, or is about to, moves to a block. */
static bool outgrows_its_inode(const struct inode *inode, uint64_t size_bytes)
{
	uint64_t old_size = inode->attr.size_bytes;

	return size_bytes > INLINE_MAX && (inode->inline_data || (old_size > 0 && old_size <= INLINE_MAX));
}

/* A file that grows has a hole at its end: it takes no block. */
static enum space_class setattr_class(const struct inode *inode, const struct fs_setattr *set)
{
	if (!set->set_size || set->size_bytes == 0)
		return SPACE_NAMES;
	if (set->size_bytes < inode->attr.size_bytes)
		return SPACE_TRIM;
	return outgrows_its_inode(inode, set->size_bytes) ? SPACE_NEW : SPACE_NAMES;
}

int namespace_setattr(struct fs_run *run, struct inode *inode, const struct fs_setattr *set)
{
	struct namespace_setattr s = { 0 };
	uint8_t body[sizeof(struct oplog_setattr)];
	int err = perm_check_setattr(run->msg->cred, &inode->attr, set);
	if (err == 0 && set->set_size)
		err = check_size(inode, set->size_bytes);
	if (err != 0)
		return err;
	resolve_setattr(run->msg->cred, inode, set, volume_now_ns(run->vol), &s);
	err = namespace_setattr_prepare(run, &s);
	if (err == 0)
		err = admit_space(run, s.n_pages, namespace_log_size(run, sizeof body), 8, setattr_class(inode, set));
	if (err != 0)
		return err;
	namespace_setattr_commit(&s);
	namespace_out_attr(run->msg, inode);
	return namespace_log(run, NVLOG_SETATTR, body, namespace_setattr_encode(&s, body));
}

int op_setattr(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct inode *inode;
	if (namespace_is_snapdir(&msg->file))
		return -EROFS;
	int err = inode_get_id(run, &msg->file, &inode);
	if (err != 0)
		return err;
	inode_to_wcc(inode, &msg->out.pre);
	namespace_out_attr(msg, inode);
	if (inode->snapshot != 0)
		return -EROFS;
	if (msg->in.has_guard && msg->in.guard_ctime_ns != inode->attr.ctime_ns)
		return -FS_ENOTSYNC;
	return namespace_setattr(run, inode, &msg->in.setattr);
}

/* ---- the rest -------------------------------------------------------------------------------------------------- */

int op_access(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct inode *inode;
	if (namespace_is_snapdir(&msg->file)) {
		int err = op_getattr(run);
		msg->out.access = msg->in.access & (FS_ACCESS_READ | FS_ACCESS_LOOKUP);
		return err;
	}
	int err = inode_get_id(run, &msg->file, &inode);
	if (err != 0)
		return err;
	namespace_out_attr(msg, inode);
	msg->out.access = perm_access(msg->cred, &inode->attr, msg->in.access,
	                              inode->snapshot != 0 || run->vol->read_only);
	return 0;
}

int op_readlink(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct inode *inode;
	const uint8_t *bytes;
	if (namespace_is_snapdir(&msg->file))
		return -EINVAL;
	int err = inode_get_id(run, &msg->file, &inode);
	if (err != 0)
		return err;
	namespace_out_attr(msg, inode);
	if (inode->attr.type != FS_TYPE_SYMLINK)
		return -EINVAL;
	size_t len = (size_t)inode->attr.size_bytes;
	if (inode->attr.size_bytes >= FS_PATH_MAX)
		return -EUCLEAN;
	err = file_need(run, inode, 0, &bytes);
	if (err != 0)
		return err;
	char *text = malloc(len + 1U);
	if (text == NULL)
		return -ENOMEM;
	memcpy(text, bytes, len);
	text[len] = '\0';
	msg->out.blob = text;
	msg->out.blob_len = len;
	return 0;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

int op_fsstat(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	const struct fs_volume *vol = run->vol;
	struct fs_fsstat *stat = &msg->out.fsstat;
	struct space_figures figures;
	uint64_t n_inodes_max = (uint64_t)FS_INO_SNAPSHOTS - INO_FIRST_DYNAMIC;
	int err = namespace_attr(run, &msg->file, &msg->out.attr);
	if (err != 0)
		return err;
	msg->out.has_attr = true;
	space_figures(vol, &figures);
	stat->total_bytes = figures.size_blocks * FS_BLOCK_SIZE;
	stat->avail_bytes = figures.available_blocks * FS_BLOCK_SIZE;
	/* As a local file system shows what only root may use: neither used nor available. */
	stat->free_bytes = stat->avail_bytes + (figures.reserved_blocks + figures.kept_blocks) * FS_BLOCK_SIZE;
	stat->free_files = MIN_OF(stat->avail_bytes / FS_BLOCK_SIZE * INODES_PER_BLOCK,
	                          minus(n_inodes_max, vol->inodes_used));
	stat->total_files = vol->inodes_used + stat->free_files;
	return 0;
}
