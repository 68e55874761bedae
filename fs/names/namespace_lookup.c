/* SPDX-License-Identifier: Apache-2.0 */
/* LOOKUP, READDIR, RESOLVE, and what all namespace operations share in finding things.
 *
 * READ PATH previous hop dispatch.c; next hops dir.c, inode.h. */
#include <stdlib.h>

#include "base/array.h"
#include "base/list.h"
#include "fs/core/operations.h"
#include "fs/file/inode.h"
#include "fs/file/perm.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/dirformat.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "fs/names/dir.h"
#include "fs/names/namespace.h"
#include "fs/names/namespace_apply.h"
#include "fs/names/path.h"

/* Fixed part of an entry in in.readdir.max_bytes. */
#define DIRENT_FIXED 24U
/* Inodes missing that one execution of a listing names before it parks. */
#define READDIR_BATCH 128U
#define READDIR_MAX 65536U

int namespace_name_check(const char *name, size_t name_len)
{
	if (name_len == 0)
		return -EINVAL;
	if (name_len > FS_NAME_MAX)
		return -ENAMETOOLONG;
	if (memchr(name, '/', name_len) != NULL || memchr(name, '\0', name_len) != NULL)
		return -EACCES;
	return name[0] == '.' && (name_len == 1 || (name_len == 2 && name[1] == '.')) ? -EEXIST : 0;
}

int namespace_dir_get(struct fs_run *run, const struct fs_file_id *id, struct inode **ret_dir)
{
	int err = inode_get_id(run, id, ret_dir);
	if (err == 0 && (*ret_dir)->attr.type != FS_TYPE_DIR)
		return -ENOTDIR;
	return err;
}

int namespace_child_get(struct fs_run *run, const struct fs_file_id *id, struct inode **ret_inode)
{
	int err = inode_get_id(run, id, ret_inode);
	return err == -ESTALE ? -EUCLEAN : err;
}

int namespace_id_of_ino(struct fs_run *run, uint32_t snapshot, uint32_t ino, struct fs_file_id *ret_id)
{
	struct inode *inode;
	int err = inode_get(run, snapshot, ino, &inode);
	if (err == 0)
		*ret_id = namespace_id_of(inode);
	return err;
}

int namespace_parent(struct fs_run *run, struct inode *dir, struct fs_file_id *ret_id)
{
	uint32_t parent;
	if (dir->ino == FS_INO_ROOT) {
		*ret_id = dir->snapshot == 0 ? namespace_id_of(dir) : (struct fs_file_id){ 0, FS_INO_SNAPSHOTS, 0 };
		return 0;
	}
	int err = dir_parent(run, dir, &parent);
	if (err == 0)
		err = parent == 0 ? -EUCLEAN : namespace_id_of_ino(run, dir->snapshot, parent, ret_id);
	return err == -ESTALE ? -EUCLEAN : err;
}

int namespace_attr(struct fs_run *run, const struct fs_file_id *id, struct fs_attr *ret_attr)
{
	struct inode *inode;
	if (namespace_is_snapdir(id))
		return snapdir_attr(run, id, ret_attr);
	int err = inode_get_id(run, id, &inode);
	if (err == 0)
		inode_to_attr(inode, ret_attr);
	return err;
}

static bool is_dot(const char *name, size_t name_len)
{
	return name_len == 1 && name[0] == '.';
}
static bool is_dot_dot(const char *name, size_t name_len)
{
	return name_len == 2 && name[0] == '.' && name[1] == '.';
}

static int lookup_snapdir(struct fs_run *run, const struct fs_file_id *snapdir, const char *name, size_t name_len,
                          struct fs_file_id *ret_id)
{
	struct inode *dir;
	int err;
	if (!is_dot(name, name_len) && !is_dot_dot(name, name_len))
		return snapdir_lookup(run, snapdir, name, name_len, ret_id);
	err = snapdir_dir(run, snapdir, &dir);
	if (err == 0)
		*ret_id = is_dot(name, name_len) ? *snapdir : namespace_id_of(dir);
	return err;
}

/* A name that is there; else the pseudo directory, if it is the name. (Other directories than the root had none once,
 * and may have the name.) */
static int lookup_entry(struct fs_run *run, struct inode *dir, const char *name, size_t name_len,
                        struct fs_file_id *ret_id)
{
	bool is_snapdir = namespace_is_snapdir_name(dir, name, name_len);
	uint8_t type;
	int err = is_snapdir && dir->ino == FS_INO_ROOT ? -ENOENT : dir_lookup(run, dir, name, name_len, ret_id, &type);
	if (err != -ENOENT || !is_snapdir)
		return err;
	*ret_id = snapdir_id(dir);
	return 0;
}

int namespace_lookup(struct fs_run *run, const struct fs_cred *cred, const struct fs_file_id *dir_id, const char *name,
                     size_t name_len, struct fs_file_id *ret_id)
{
	struct inode *dir;
	int err = namespace_name_check(name, name_len);
	if (err != 0 && err != -EEXIST)
		return err;
	if (namespace_is_snapdir(dir_id))
		return lookup_snapdir(run, dir_id, name, name_len, ret_id);
	err = namespace_dir_get(run, dir_id, &dir);
	if (err == 0)
		err = perm_check(cred, &dir->attr, PERM_EXEC);
	if (err != 0)
		return err;
	if (is_dot_dot(name, name_len))
		return namespace_parent(run, dir, ret_id);
	if (!is_dot(name, name_len))
		return lookup_entry(run, dir, name, name_len, ret_id);
	*ret_id = *dir_id;
	return 0;
}

/* ".." where there is no way up. */
static bool stays(const struct fs_message *msg)
{
	const struct fs_file_id *file = &msg->file, *top = &msg->in.beneath;
	return top->inode != 0 && is_dot_dot(msg->in.name, msg->in.name_len) &&
	       (file->snapshot != 0 || (file->inode == top->inode && file->generation == top->generation));
}

int op_lookup(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct fs_file_id id;
	int err = namespace_attr(run, &msg->file, &msg->out.dir_attr);
	if (err != 0)
		return err;
	msg->out.has_dir_attr = true;
	err = namespace_lookup(run, msg->cred, &msg->file, msg->in.name, stays(msg) ? 1 : msg->in.name_len, &id);
	if (err != 0)
		return err;
	err = namespace_attr(run, &id, &msg->out.attr);
	msg->out.has_attr = err == 0;
	return err == -ESTALE ? -EUCLEAN : err;
}

int op_resolve(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct fs_file_id id, dir;
	const char *name;
	size_t name_len;
	if (msg->in.path == NULL)
		return -EINVAL;
	int err = msg->in.beneath.inode == 0 ? path_resolve(run, msg->in.path, &id)
	                                     : path_resolve_beneath(run, msg->in.path, &msg->in.beneath, &id);
	if (err == 0)
		err = namespace_attr(run, &id, &msg->out.attr);
	if (err != 0)
		return err;
	msg->out.has_attr = true;
	err = path_resolve_parent(run, msg->in.path, &dir, &name, &name_len);
	if (err == -EINVAL) { /* the root has no other parent than itself */
		msg->out.dir_attr = msg->out.attr;
		err = 0;
	} else if (err == 0) {
		err = namespace_attr(run, &dir, &msg->out.dir_attr);
	}
	msg->out.has_dir_attr = err == 0;
	return err;
}

int op_path_of(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	char path[FS_PATH_MAX] = "/";
	struct inode *dir;
	uint32_t parent;
	int err = msg->file.snapshot != 0 || namespace_is_snapdir(&msg->file)
	              ? -EINVAL
	              : namespace_dir_get(run, &msg->file, &dir);
	if (err == 0 && dir->ino != FS_INO_ROOT) {
		err = dir_parent(run, dir, &parent);
		if (err == 0)
			err = path_of(run, &msg->file, parent, &dir->name_slot, path);
	}
	if (err != 0)
		return err;
	msg->out.blob = strdup(path);
	msg->out.blob_len = strlen(path);
	return msg->out.blob == NULL ? -ENOMEM : 0;
}

/* ---- READDIR --------------------------------------------------------------------------------------------------- */

struct listing {
	struct fs_run *run;
	struct inode *dir; /* NULL: the pseudo directory */
	struct fs_dirent *dirents;
	unsigned n;
	size_t n_max;
	uint32_t bytes_left;
	bool full;
	unsigned n_missing;
};

/* Append an entry, or find that it does not fit any more. */
static int listing_add(struct listing *listing, uint64_t cookie, const struct fs_file_id *id, uint8_t type,
                       const struct namespace_name *name)
{
	const struct fs_message *msg = listing->run->msg;
	if (listing->bytes_left < DIRENT_FIXED + name->len ||
	    listing->n >= MIN_OF(msg->in.readdir.max_entries, READDIR_MAX)) {
		listing->full = true;
		return 0;
	}
	if (!ARRAY_ROOM(listing->dirents, listing->n, listing->n_max, 32U))
		return -ENOMEM;
	struct fs_dirent *dirent = &listing->dirents[listing->n];
	dirent->cookie = cookie;
	dirent->id = *id;
	dirent->type = (enum fs_type)type;
	dirent->has_attr = false;
	dirent->name_len = (uint32_t)name->len;
	memcpy(dirent->name, name->bytes, name->len);
	dirent->name[name->len] = '\0';
	if (msg->in.readdir.want_attr) {
		int err = namespace_attr(listing->run, id, &dirent->attr);
		listing->n_missing += err == -EAGAIN;
		if (err != 0 && err != -EAGAIN && err != -ESTALE && err != -EUCLEAN && err != -EIO)
			return err;
		dirent->has_attr = err == 0; /* damage to one file must not hide the others */
	}
	listing->n++;
	listing->bytes_left -= DIRENT_FIXED + (uint32_t)name->len;
	return 0;
}

static int list_dots(struct listing *listing, uint64_t cookie)
{
	struct fs_file_id self = listing->run->msg->file, parent;
	struct inode *of;
	int err = listing->dir == NULL ? snapdir_dir(listing->run, &self, &of)
	                               : namespace_parent(listing->run, listing->dir, &parent);
	if (err == 0 && listing->dir == NULL)
		parent = namespace_id_of(of);
	if (err == -EUCLEAN) { /* a lost parent does not hide the entries */
		parent = self;
		err = 0;
	}
	if (err == 0 && cookie < 1)
		err = listing_add(listing, 1, &self, FS_TYPE_DIR, &(struct namespace_name){ ".", 1 });
	if (err == 0 && cookie < 2 && !listing->full)
		err = listing_add(listing, 2, &parent, FS_TYPE_DIR, &(struct namespace_name){ "..", 2 });
	return err;
}

/* Entries after `cookie`, until full or missing enough. -ENOENT: the end. */
static int list_entries(struct listing *listing, uint64_t cookie)
{
	uint64_t first = cookie < DIR_COOKIE_BASE ? 0 : cookie - DIR_COOKIE_BASE + 1U;
	uint32_t slot = (uint32_t)MIN_OF(first, (uint64_t)UINT32_MAX);
	struct dir_entry entry;
	int err = 0;
	while (err == 0 && !listing->full && listing->n_missing < READDIR_BATCH) {
		err = dir_next(listing->run, listing->dir, &slot, &entry);
		if (err == 0)
			err = listing_add(listing, (uint64_t)entry.slot + DIR_COOKIE_BASE, &entry.id, entry.type,
			                  &(struct namespace_name){ entry.name, entry.name_len });
	}
	return err;
}

static int list_snapshots(struct listing *listing, uint64_t cookie)
{
	uint64_t after = cookie < DIR_COOKIE_BASE ? 0 : cookie - DIR_COOKIE_BASE;
	const struct snapshot *snapshot;
	struct fs_file_id id;
	int err = 0;
	while (err == 0 && !listing->full && listing->n_missing < READDIR_BATCH) {
		err = snapdir_next(listing->run, &listing->run->msg->file, after, &id, &snapshot);
		if (err != 0)
			break;
		after = snapshot->info.id;
		err = listing_add(listing, after + DIR_COOKIE_BASE, &id, FS_TYPE_DIR,
		                  &(struct namespace_name){ snapshot->info.name, strlen(snapshot->info.name) });
	}
	return err;
}

static int readdir_open(struct fs_run *run, struct inode **ret_dir)
{
	struct fs_message *msg = run->msg;
	int err = namespace_attr(run, &msg->file, &msg->out.dir_attr);
	if (err != 0)
		return err;
	msg->out.has_dir_attr = true;
	*ret_dir = NULL;
	if (namespace_is_snapdir(&msg->file))
		return 0;
	err = namespace_dir_get(run, &msg->file, ret_dir);
	return err != 0 ? err : perm_check(msg->cred, &(*ret_dir)->attr, PERM_READ);
}

int op_readdir(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct listing listing = { .run = run, .bytes_left = msg->in.readdir.max_bytes };
	uint64_t cookie = msg->in.readdir.cookie;
	int err = readdir_open(run, &listing.dir);
	if (err == 0 && cookie < 2)
		err = list_dots(&listing, cookie);
	if (err == 0 && !listing.full)
		err = listing.dir != NULL ? list_entries(&listing, cookie) : list_snapshots(&listing, cookie);
	if (listing.n_missing != 0 && (err == 0 || err == -ENOENT))
		err = -EAGAIN;
	if (err != 0 && err != -ENOENT) {
		free(listing.dirents);
		return err;
	}
	msg->out.dirents = listing.dirents;
	msg->out.n = listing.n;
	msg->out.eof = err == -ENOENT;
	return 0;
}
