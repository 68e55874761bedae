/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE, MKDIR, SYMLINK, MKNOD, REMOVE, RMDIR, RENAME, LINK.
 *
 * Each operation: find and check; choose the results (inode, generation, times); prepare; admit; commit and log. The
 * attributes of directories before and after go out with errors, too. WRITE PATH previous hop dispatch.c; next hop
 * namespace_apply.c. */
#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/cp/admit.h"
#include "fs/file/inode.h"
#include "fs/file/perm.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/format/recordformat.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "fs/names/ancestry.h"
#include "fs/names/dir.h"
#include "fs/names/namespace.h"
#include "fs/names/namespace_apply.h"

/* The directory to change something in: writable, and its attributes told. */
static int target_dir_get(struct fs_run *run, const struct fs_file_id *id, struct inode **ret_dir)
{
	if (namespace_is_snapdir(id))
		return -EROFS;
	return namespace_dir_get(run, id, ret_dir);
}

static int dir_for_change(struct fs_run *run, struct inode **ret_dir)
{
	int err = target_dir_get(run, &run->msg->file, ret_dir);
	if (err != 0)
		return err;
	namespace_out_dir_pre(run->msg, *ret_dir);
	return (*ret_dir)->snapshot != 0 ? -EROFS : 0;
}

/* The other directory, of RENAME and LINK. */
static int to_dir_for_change(struct fs_run *run, struct inode **ret_dir)
{
	int err = target_dir_get(run, &run->msg->in.to_dir, ret_dir);
	if (err != 0)
		return err;
	inode_to_wcc(*ret_dir, &run->msg->out.to_dir_pre);
	namespace_out_to_dir(run->msg, *ret_dir);
	return (*ret_dir)->snapshot != 0 ? -EROFS : 0;
}

/* ---- create ---------------------------------------------------------------------------------------------------- */

/* A 64-bit verifier lives in the times, 32 bits as seconds in each, as the client's SETATTR that follows will replace
 * them. */
#define NS_PER_S 1000000000LL
static int64_t verifier_atime(uint64_t verifier)
{
	return (int64_t)(verifier >> 32) * NS_PER_S;
}
static int64_t verifier_mtime(uint64_t verifier)
{
	return (int64_t)(verifier & 0xFFFFFFFFU) * NS_PER_S;
}

/* CREATE of a name that is there. */
static int create_existing(struct fs_run *run, const struct fs_file_id *id)
{
	struct fs_message *msg = run->msg;
	struct inode *inode;
	if (msg->op != FS_CREATE || msg->in.create.mode == FS_CREATE_GUARDED)
		return -EEXIST;
	int err = namespace_child_get(run, id, &inode);
	if (err != 0)
		return err;
	if (inode->attr.type != FS_TYPE_REG && inode->attr.type != FS_TYPE_VDISK)
		return -EEXIST;
	if (msg->in.create.mode == FS_CREATE_EXCLUSIVE) {
		uint64_t verifier = msg->in.create.verifier;
		if (inode->attr.size_bytes != 0 || inode->attr.atime_ns != verifier_atime(verifier) ||
		    inode->attr.mtime_ns != verifier_mtime(verifier))
			return -EEXIST;
	} else if (msg->in.setattr.set_size) {
		struct fs_setattr size_only = { .set_size = true, .size_bytes = msg->in.setattr.size_bytes };
		return namespace_setattr(run, inode, &size_only);
	}
	namespace_out_attr(msg, inode);
	return 0;
}

static int create_check_new(const struct fs_message *msg, const struct inode *dir, enum fs_type type)
{
	if (type == FS_TYPE_DIR && dir->attr.nlink >= FS_LINK_MAX)
		return -EMLINK;
	if (type == FS_TYPE_REG && msg->in.setattr.set_size &&
	    msg->in.setattr.size_bytes > (uint64_t)FBN_MAX * FS_BLOCK_SIZE)
		return -EFBIG;
	if (type == FS_TYPE_SYMLINK && (msg->in.blob_len == 0 || memchr(msg->in.blob, '\0', msg->in.blob_len) != NULL))
		return -EINVAL;
	return type == FS_TYPE_SYMLINK && msg->in.blob_len >= FS_PATH_MAX ? -ENAMETOOLONG : 0;
}

/* Everything about the new inode but its number and generation. */
static void create_fill(struct fs_run *run, const struct inode *dir, enum fs_type type, struct namespace_create *c)
{
	const struct fs_message *msg = run->msg;
	const struct fs_setattr *set = &msg->in.setattr;
	int64_t now_ns = volume_now_ns(run->vol);
	c->dir = dir->ino;
	c->name = (struct namespace_name){ msg->in.name, msg->in.name_len };
	c->now_ns = now_ns;
	c->attr = (struct inode_attr){ .type = (uint8_t)type,
		                       .nlink = type == FS_TYPE_DIR ? 2 : 1,
		                       .atime_ns = now_ns,
		                       .mtime_ns = now_ns,
		                       .ctime_ns = now_ns };
	bool exclusive = msg->op == FS_CREATE && msg->in.create.mode == FS_CREATE_EXCLUSIVE;
	perm_new_object(msg->cred, &dir->attr, exclusive ? &(struct fs_setattr){ 0 } : set, &c->attr);
	if (exclusive) {
		c->attr.atime_ns = verifier_atime(msg->in.create.verifier);
		c->attr.mtime_ns = verifier_mtime(msg->in.create.verifier);
		return;
	}
	if (set->set_atime == FS_TIME_CLIENT)
		c->attr.atime_ns = set->atime_ns;
	if (set->set_mtime == FS_TIME_CLIENT)
		c->attr.mtime_ns = set->mtime_ns;
	if (type == FS_TYPE_REG && set->set_size)
		c->attr.size_bytes = set->size_bytes;
	if (type == FS_TYPE_SYMLINK) {
		c->target = msg->in.blob;
		c->target_len = (uint32_t)msg->in.blob_len;
		c->attr.size_bytes = c->target_len;
	}
	if (type == FS_TYPE_BLK || type == FS_TYPE_CHR) {
		c->attr.rdev_major = msg->in.create.rdev_major;
		c->attr.rdev_minor = msg->in.create.rdev_minor;
	}
}

static int create_new(struct fs_run *run, struct inode *dir, struct namespace_create *c)
{
	uint8_t body[OPLOG_NAMESPACE_MAX];
	int err = inode_find_free(run, &c->ino), err2 = namespace_create_prepare(run, c);
	if (err != 0 || err2 != 0)
		return err == -EAGAIN || err2 == 0 ? err : err2;
	size_t body_len = sizeof(struct oplog_create) + c->name.len + c->target_len;
	err = admit_change(run, c->n_pages, namespace_log_size(run, body_len), c->n_pages);
	if (err != 0)
		return err;
	c->attr.generation = volume_next_generation(run->vol);
	struct inode *inode = namespace_create_commit(run->vol, c);
	namespace_out_attr(run->msg, inode);
	namespace_out_dir(run->msg, dir);
	return namespace_log(run, NVLOG_CREATE, body, namespace_create_encode(c, body));
}

static int create_any(struct fs_run *run, enum fs_type type)
{
	struct fs_message *msg = run->msg;
	struct namespace_create c = { 0 };
	struct inode *dir;
	struct fs_file_id id;
	uint8_t existing_type;
	int err = dir_for_change(run, &dir);
	if (err == 0)
		err = perm_check(msg->cred, &dir->attr, PERM_EXEC);
	if (err == 0)
		err = namespace_name_check(msg->in.name, msg->in.name_len);
	if (err == 0 && namespace_is_snapdir_name(dir, msg->in.name, msg->in.name_len))
		err = -EEXIST;
	if (err != 0)
		return err;
	int refused = perm_check(msg->cred, &dir->attr, PERM_WRITE | PERM_EXEC);
	if (refused == 0)
		refused = create_check_new(msg, dir, type);
	if (refused == 0) {
		create_fill(run, dir, type, &c);
		err = create_new(run, dir, &c);
		if (err != -EEXIST)
			return err;
	}
	err = dir_lookup(run, dir, msg->in.name, msg->in.name_len, &id, &existing_type);
	return err == 0 ? create_existing(run, &id) : err == -ENOENT ? refused : err;
}

int op_create(struct fs_run *run)
{
	return create_any(run, FS_TYPE_REG);
}
int op_mkdir(struct fs_run *run)
{
	return create_any(run, FS_TYPE_DIR);
}
int op_symlink(struct fs_run *run)
{
	return create_any(run, FS_TYPE_SYMLINK);
}

int op_mknod(struct fs_run *run)
{
	const struct fs_message *msg = run->msg;
	switch (msg->in.create.type) {
	case FS_TYPE_FIFO:
	case FS_TYPE_SOCK: break;
	case FS_TYPE_BLK:
	case FS_TYPE_CHR:
		if (!perm_is_root(msg->cred))
			return -EPERM;
		break;
	default: return -EINVAL;
	}
	return create_any(run, msg->in.create.type);
}

/* ---- remove ---------------------------------------------------------------------------------------------------- */

/* Names that cannot be taken away from a directory. */
static int removable_name_check(const struct inode *dir, const char *name, size_t name_len)
{
	int err = namespace_name_check(name, name_len);
	if (err == -EEXIST)
		return -EINVAL;
	return err == 0 && dir->ino == FS_INO_ROOT && namespace_is_snapdir_name(dir, name, name_len) ? -EACCES : err;
}

/* The entry's inode, which `cred` may unlink. */
static int victim_get(struct fs_run *run, struct inode *dir, const char *name, size_t name_len,
                      struct fs_file_id *ret_id, struct inode **ret_inode)
{
	uint8_t type;
	int err = perm_check(run->msg->cred, &dir->attr, PERM_EXEC);
	if (err == 0)
		err = dir_lookup(run, dir, name, name_len, ret_id, &type);
	if (err == -ENOENT && namespace_is_snapdir_name(dir, name, name_len))
		err = -EACCES; /* LOOKUP finds it, and nobody can take it away */
	if (err == 0)
		err = namespace_child_get(run, ret_id, ret_inode);
	return err != 0 ? err : perm_check_delete(run->msg->cred, &dir->attr, &(*ret_inode)->attr);
}

static int empty_check(struct fs_run *run, struct inode *dir)
{
	bool empty;
	int err = dir_is_empty(run, dir, &empty);
	return err == 0 && !empty ? -ENOTEMPTY : err;
}

static int remove_type_check(struct fs_run *run, struct inode *inode, bool want_dir)
{
	if (want_dir)
		return inode->attr.type != FS_TYPE_DIR ? -ENOTDIR : empty_check(run, inode);
	if (inode->attr.type == FS_TYPE_DIR)
		return -EISDIR;
	/* a vdisk is destroyed by the administration, with its attributes */
	return inode->attr.type == FS_TYPE_VDISK ? -EPERM : 0;
}

static int remove_any(struct fs_run *run, bool want_dir)
{
	struct fs_message *msg = run->msg;
	struct namespace_remove r = { .name = { msg->in.name, msg->in.name_len } };
	struct inode *dir, *inode;
	uint8_t body[sizeof(struct oplog_remove) + FS_NAME_MAX];
	int err = dir_for_change(run, &dir);
	if (err == 0)
		err = removable_name_check(dir, r.name.bytes, r.name.len);
	if (err == 0)
		err = victim_get(run, dir, r.name.bytes, r.name.len, &r.id, &inode);
	if (err == 0)
		err = remove_type_check(run, inode, want_dir);
	if (err != 0)
		return err;
	r.dir = dir->ino;
	r.now_ns = volume_now_ns(run->vol);
	err = namespace_remove_prepare(run, &r);
	if (err == 0)
		err = admit_change(run, r.n_pages, namespace_log_size(run, sizeof(struct oplog_remove) + r.name.len),
		                   0);
	if (err != 0)
		return err;
	namespace_remove_commit(&r);
	namespace_out_dir(msg, dir);
	return namespace_log(run, NVLOG_REMOVE, body, namespace_remove_encode(&r, body));
}

int op_remove(struct fs_run *run)
{
	return remove_any(run, false);
}
int op_rmdir(struct fs_run *run)
{
	return remove_any(run, true);
}

/* ---- rename ---------------------------------------------------------------------------------------------------- */

/* The entry the new name stands for now may go: -EPERM, -EISDIR, -ENOTDIR, -ENOTEMPTY. */
static int replaced_check(struct fs_run *run, struct inode *to_dir, const struct inode *inode, struct inode *replaced)
{
	int err = perm_check_delete(run->msg->cred, &to_dir->attr, &replaced->attr);
	if (err != 0)
		return err;
	if (inode->attr.type == FS_TYPE_DIR)
		return replaced->attr.type != FS_TYPE_DIR ? -ENOTDIR : empty_check(run, replaced);
	if (replaced->attr.type == FS_TYPE_DIR)
		return -EISDIR;
	return replaced->attr.type == FS_TYPE_VDISK ? -EPERM : 0;
}

/* May this object be moved from `dir` to `to_dir`, its own side only. */
static int move_check(struct fs_run *run, const struct inode *dir, struct inode *to_dir, const struct inode *inode)
{
	const struct fs_cred *cred = run->msg->cred;
	if (inode->attr.type == FS_TYPE_VDISK && ((cred != NULL && !cred->privileged) || dir != to_dir))
		return -EPERM; /* its attributes name its directory */
	if (inode->attr.type != FS_TYPE_DIR || dir == to_dir)
		return 0;
	int err = perm_check(cred, &inode->attr, PERM_WRITE); /* its ".." changes */
	return err != 0 ? err : ancestry_check_cycle(run, inode, to_dir);
}

/* Fill r->replaced. 1: both names are the same file, nothing to do. */
static int rename_target(struct fs_run *run, struct inode *to_dir, const struct inode *dir, const struct inode *inode,
                         struct namespace_rename *r)
{
	struct fs_file_id id;
	struct inode *replaced;
	uint8_t type;
	int err = dir_lookup(run, to_dir, r->to_name.bytes, r->to_name.len, &id, &type);
	if (err == -ENOENT) {
		bool more_subdirs = inode->attr.type == FS_TYPE_DIR && dir != to_dir;
		return more_subdirs && to_dir->attr.nlink >= FS_LINK_MAX ? -EMLINK : 0;
	}
	if (err != 0)
		return err;
	if (id.inode == inode->ino)
		return 1;
	err = namespace_child_get(run, &id, &replaced);
	r->replaced = id.inode;
	return err != 0 ? err : replaced_check(run, to_dir, inode, replaced);
}

static int rename_check(struct fs_run *run, struct inode *dir, struct inode *to_dir, struct namespace_rename *r)
{
	const struct fs_cred *cred = run->msg->cred;
	struct inode *inode;
	int err = removable_name_check(dir, r->name.bytes, r->name.len);
	if (err == 0)
		err = namespace_name_check(r->to_name.bytes, r->to_name.len);
	if (err != 0)
		return err == -EEXIST ? -EINVAL : err;
	if (namespace_is_snapdir_name(to_dir, r->to_name.bytes, r->to_name.len))
		return -EEXIST;
	err = victim_get(run, dir, r->name.bytes, r->name.len, &r->id, &inode);
	if (err == 0)
		err = perm_check(cred, &to_dir->attr, PERM_WRITE | PERM_EXEC);
	if (err == 0)
		err = move_check(run, dir, to_dir, inode);
	return err != 0 ? err : rename_target(run, to_dir, dir, inode, r);
}

int op_rename(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct namespace_rename r = { .name = { msg->in.name, msg->in.name_len },
		                      .to_name = { msg->in.to_name, msg->in.to_name_len } };
	struct inode *dir, *to_dir;
	uint8_t body[sizeof(struct oplog_rename) + 2U * FS_NAME_MAX];
	int err = dir_for_change(run, &dir), err2 = to_dir_for_change(run, &to_dir);
	if (err != 0 || err2 != 0)
		return err == -EAGAIN || err2 == 0 ? err : err2;
	err = rename_check(run, dir, to_dir, &r);
	if (err != 0)
		return err == 1 ? 0 : err;
	r.dir = dir->ino;
	r.to_dir = to_dir->ino;
	r.now_ns = volume_now_ns(run->vol);
	err = namespace_rename_prepare(run, &r);
	if (err == 0)
		err = admit_change(run, r.n_pages,
		                   namespace_log_size(run, sizeof(struct oplog_rename) + r.name.len + r.to_name.len),
		                   r.n_pages);
	if (err != 0)
		return err;
	namespace_rename_commit(&r);
	namespace_out_dir(msg, dir);
	namespace_out_to_dir(msg, to_dir);
	return namespace_log(run, NVLOG_RENAME, body, namespace_rename_encode(&r, body));
}

/* ---- link ------------------------------------------------------------------------------------------------------ */

static int link_check(struct fs_run *run, const struct inode *to_dir, const struct inode *inode)
{
	const struct fs_message *msg = run->msg;
	int err = namespace_name_check(msg->in.to_name, msg->in.to_name_len);
	if (err == 0 && namespace_is_snapdir_name(to_dir, msg->in.to_name, msg->in.to_name_len))
		err = -EEXIST;
	if (err != 0)
		return err;
	if (inode->snapshot != 0)
		return -EXDEV;
	if (inode->attr.type == FS_TYPE_DIR)
		return -EISDIR;
	if (inode->attr.type == FS_TYPE_VDISK)
		return -EPERM;
	err = perm_check(msg->cred, &to_dir->attr, PERM_WRITE | PERM_EXEC);
	return err == 0 && inode->attr.nlink >= FS_LINK_MAX ? -EMLINK : err;
}

int op_link(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct namespace_link l = { .name = { msg->in.to_name, msg->in.to_name_len }, .id = msg->file };
	struct inode *to_dir, *inode;
	uint8_t body[sizeof(struct oplog_link) + FS_NAME_MAX];
	if (namespace_is_snapdir(&msg->file))
		return -EISDIR;
	int err = inode_get_id(run, &msg->file, &inode);
	if (err == 0)
		namespace_out_attr(msg, inode);
	int err2 = to_dir_for_change(run, &to_dir);
	if (err != 0 || err2 != 0)
		return err == -EAGAIN || err2 == 0 ? err : err2;
	err = link_check(run, to_dir, inode);
	if (err != 0)
		return err;
	l.dir = to_dir->ino;
	l.now_ns = volume_now_ns(run->vol);
	err = namespace_link_prepare(run, &l);
	if (err == 0)
		err = admit_change(run, l.n_pages, namespace_log_size(run, sizeof(struct oplog_link) + l.name.len),
		                   l.n_pages);
	if (err != 0)
		return err;
	namespace_link_commit(&l);
	namespace_out_attr(msg, inode);
	namespace_out_to_dir(msg, to_dir);
	return namespace_log(run, NVLOG_LINK, body, namespace_link_encode(&l, body));
}
