/* SPDX-License-Identifier: Apache-2.0 */
/* The double's operations: what fs/message.h promises for files, directories and snapshots, by the shortest code that
 * keeps it. */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/page.h"
#include "tests/support/ramfs_private.h"

enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4 };

struct run {
	struct fs_message *msg;
	struct fs_volume *volume;
	struct ram_tree *tree;
	struct ram_inode *inode; /* of msg->file */
};

static int64_t now(const struct fs_volume *volume)
{
	return world_wall_ns(volume->world);
}

/* --- inodes --- */

void ram_inode_clear(struct ram_inode *inode)
{
	page_put_many(inode->pages, inode->n_pages);
	free(inode->pages);
	free(inode->entries);
	free(inode->target);
	memset(inode, 0, sizeof *inode);
}

static struct ram_inode *inode_slot(struct ram_tree *tree)
{
	for (unsigned i = 0; i < tree->n_inodes; i++) {
		if (tree->inodes[i].attr.type == FS_TYPE_NONE)
			return &tree->inodes[i];
	}
	tree->inodes = realloc(tree->inodes, (tree->n_inodes + 64) * sizeof tree->inodes[0]);
	vc_assert(tree->inodes != NULL);
	memset(&tree->inodes[tree->n_inodes], 0, 64 * sizeof tree->inodes[0]);
	tree->n_inodes += 64;
	return &tree->inodes[tree->n_inodes - 64];
}

struct ram_inode *ram_inode_new(struct fs_volume *volume, enum fs_type type, uint32_t mode, const struct fs_cred *cred)
{
	struct ram_tree *tree = &volume->trees[0];
	struct ram_inode *inode = inode_slot(tree);
	struct fs_attr *attr = &inode->attr;

	attr->type = type;
	attr->mode = mode;
	attr->nlink = type == FS_TYPE_DIR ? 2 : 1;
	attr->uid = cred != NULL ? cred->uid : 0;
	attr->gid = cred != NULL ? cred->gid : 0;
	attr->fsid = 0x7261;
	attr->id.inode = (uint32_t)(inode - tree->inodes) + FS_INO_ROOT;
	attr->id.generation = volume->next_generation++;
	attr->atime_ns = attr->mtime_ns = attr->ctime_ns = now(volume);
	return inode;
}

static struct ram_inode *inode_at(struct ram_tree *tree, uint32_t number)
{
	if (number < FS_INO_ROOT || number - FS_INO_ROOT >= tree->n_inodes ||
	    tree->inodes[number - FS_INO_ROOT].attr.type == FS_TYPE_NONE)
		return NULL;
	return &tree->inodes[number - FS_INO_ROOT];
}

static struct ram_inode *inode_find(struct ram_tree *tree, const struct fs_file_id *id)
{
	struct ram_inode *inode = inode_at(tree, id->inode);

	return inode != NULL && inode->attr.id.generation == id->generation ? inode : NULL;
}

static bool may(const struct fs_cred *cred, const struct ram_inode *inode, uint32_t want)
{
	uint32_t mode = inode->attr.mode;

	if (cred == NULL || cred->privileged || cred->uid == 0)
		return true;
	if (cred->uid == inode->attr.uid)
		return (mode >> 6 & want) == want;
	for (uint32_t i = 0; i <= cred->n_gids; i++) {
		if ((i == 0 ? cred->gid : cred->gids[i - 1]) == inode->attr.gid)
			return (mode >> 3 & want) == want;
	}
	return (mode & want) == want;
}

static bool is_file(const struct ram_inode *inode)
{
	return inode->attr.type == FS_TYPE_REG || inode->attr.type == FS_TYPE_VDISK;
}

static void attr_of(const struct run *r, const struct ram_inode *inode, struct fs_attr *ret_attr)
{
	uint32_t snapshot = (uint32_t)(r->tree - r->volume->trees);

	*ret_attr = inode->attr;
	ret_attr->id.snapshot = snapshot;
	ret_attr->fsid += snapshot;
	ret_attr->used_bytes = inode->n_pages * PAGE_SIZE;
	if (inode->attr.type == FS_TYPE_DIR)
		ret_attr->size_bytes = 4096;
}

static void wcc_of(const struct ram_inode *inode, struct fs_wcc *ret_wcc)
{
	*ret_wcc = (struct fs_wcc){ true, inode->attr.type == FS_TYPE_DIR ? 4096 : inode->attr.size_bytes,
		                    inode->attr.mtime_ns, inode->attr.ctime_ns };
}

static void touch(const struct run *r, struct ram_inode *inode)
{
	inode->attr.mtime_ns = inode->attr.ctime_ns = now(r->volume);
}

/* --- data --- */

static void pages_resize(struct ram_inode *inode, size_t n)
{
	for (size_t i = n; i < inode->n_pages; i++)
		page_put(inode->pages[i]);
	inode->pages = realloc(inode->pages, MAX_OF(n, 1U) * sizeof(struct page *));
	vc_assert(inode->pages != NULL);
	for (size_t i = inode->n_pages; i < n; i++)
		inode->pages[i] = NULL;
	inode->n_pages = n;
}

static int copy_on_write(struct ram_inode *inode, size_t block)
{
	struct page *old = inode->pages[block], *fresh = page_alloc_zero();

	if (fresh == NULL)
		return -ENOSPC;
	if (old != NULL)
		memcpy(fresh->data, old->data, PAGE_SIZE);
	page_put(old);
	inode->pages[block] = fresh;
	return 0;
}

static int truncate_to(struct ram_inode *inode, uint64_t size_bytes)
{
	size_t n = (size_t)DIV_UP(size_bytes, PAGE_SIZE), tail = (size_t)(size_bytes % PAGE_SIZE);

	if (size_bytes > (1ULL << 32))
		return -EFBIG;
	pages_resize(inode, n);
	if (size_bytes < inode->attr.size_bytes && tail != 0 && inode->pages[n - 1] != NULL) {
		if (copy_on_write(inode, n - 1) != 0)
			return -ENOSPC;
		memset(inode->pages[n - 1]->data + tail, 0, PAGE_SIZE - tail);
	}
	inode->attr.size_bytes = size_bytes;
	return 0;
}

static int op_read(struct run *r)
{
	struct fs_io *in = &r->msg->in.io, *out = &r->msg->out.io;
	uint64_t size = r->inode->attr.size_bytes;

	if (!is_file(r->inode))
		return r->inode->attr.type == FS_TYPE_DIR ? -EISDIR : -EINVAL;
	if (!may(r->msg->cred, r->inode, MAY_READ) && r->msg->cred->uid != r->inode->attr.uid)
		return -EACCES;
	*out = *in;
	out->len_bytes = in->offset_bytes >= size ? 0
	                                          : (uint32_t)MIN_OF((uint64_t)in->len_bytes, size - in->offset_bytes);
	r->msg->out.eof = in->offset_bytes + out->len_bytes >= size;
	out->n_pages = out->len_bytes == 0 ? 0
	                                   : (unsigned)DIV_UP(in->offset_bytes % PAGE_SIZE + out->len_bytes, PAGE_SIZE);
	vc_assert(out->n_pages <= in->n_pages_max);
	for (unsigned i = 0; i < out->n_pages; i++) {
		size_t block = (size_t)(in->offset_bytes / PAGE_SIZE) + i;

		in->pages[i] = page_get(r->inode->pages[block] != NULL ? r->inode->pages[block] : page_zero());
	}
	in->n_pages = out->n_pages;
	return 0;
}

static int write_block(struct ram_inode *inode, size_t block, struct page *page, uint32_t from, uint32_t len)
{
	if (len == PAGE_SIZE) {
		page_put(inode->pages[block]);
		inode->pages[block] = page_get(page);
		return 0;
	}
	if (copy_on_write(inode, block) != 0)
		return -ENOSPC;
	memcpy(inode->pages[block]->data + from, page->data + from, len);
	return 0;
}

static int op_write(struct run *r)
{
	const struct fs_io *io = &r->msg->in.io;
	uint64_t end = io->offset_bytes + io->len_bytes;
	uint32_t from = (uint32_t)(io->offset_bytes % PAGE_SIZE), left = io->len_bytes;

	if (!is_file(r->inode))
		return r->inode->attr.type == FS_TYPE_DIR ? -EISDIR : -EINVAL;
	if (!may(r->msg->cred, r->inode, MAY_WRITE) && r->msg->cred->uid != r->inode->attr.uid)
		return -EACCES;
	wcc_of(r->inode, &r->msg->out.pre);
	vc_assert(io->n_pages == DIV_UP(from + left, PAGE_SIZE) || left == 0);
	if (left > 0 && end > r->inode->attr.size_bytes && truncate_to(r->inode, end) != 0)
		return -EFBIG;
	for (unsigned i = 0; left > 0; i++) {
		uint32_t len = MIN_OF(left, PAGE_SIZE - from);

		if (write_block(r->inode, (size_t)(io->offset_bytes / PAGE_SIZE) + i, io->pages[i], from, len) != 0)
			return -ENOSPC;
		left -= len;
		from = 0;
	}
	touch(r, r->inode);
	r->msg->out.io.len_bytes = io->len_bytes;
	r->msg->out.stable = r->msg->in.stable;
	r->msg->out.verifier = fs_volume_write_verifier(r->volume);
	return 0;
}

static int op_commit(struct run *r)
{
	if (!is_file(r->inode))
		return r->inode->attr.type == FS_TYPE_DIR ? -EISDIR : -EINVAL;
	wcc_of(r->inode, &r->msg->out.pre);
	r->msg->out.verifier = fs_volume_write_verifier(r->volume);
	return 0;
}

/* --- attributes --- */

static int op_getattr(struct run *r)
{
	(void)r;
	return 0;
}

static int setattr_apply(const struct run *r, struct ram_inode *inode, const struct fs_setattr *set)
{
	int err = set->set_size && is_file(inode) ? truncate_to(inode, set->size_bytes) : 0;

	if (err != 0)
		return err;
	if (set->set_size)
		touch(r, inode);
	if (set->set_mode)
		inode->attr.mode = set->mode;
	if (set->set_uid)
		inode->attr.uid = set->uid;
	if (set->set_gid)
		inode->attr.gid = set->gid;
	if (set->set_atime != FS_TIME_KEEP)
		inode->attr.atime_ns = set->set_atime == FS_TIME_SERVER ? now(r->volume) : set->atime_ns;
	if (set->set_mtime != FS_TIME_KEEP)
		inode->attr.mtime_ns = set->set_mtime == FS_TIME_SERVER ? now(r->volume) : set->mtime_ns;
	inode->attr.ctime_ns = now(r->volume);
	return 0;
}

static int op_setattr(struct run *r)
{
	const struct fs_setattr *set = &r->msg->in.setattr;
	const struct fs_cred *cred = r->msg->cred;

	wcc_of(r->inode, &r->msg->out.pre);
	if (r->msg->in.has_guard && r->msg->in.guard_ctime_ns != r->inode->attr.ctime_ns)
		return -FS_ENOTSYNC;
	if (cred != NULL && cred->uid != 0 && cred->uid != r->inode->attr.uid)
		return set->set_size && may(cred, r->inode, MAY_WRITE) ? setattr_apply(r, r->inode, set) : -EPERM;
	if (set->set_uid && cred != NULL && cred->uid != 0 && set->uid != r->inode->attr.uid)
		return -EPERM;
	if (set->set_size && !is_file(r->inode))
		return r->inode->attr.type == FS_TYPE_DIR ? -EISDIR : -EINVAL;
	return setattr_apply(r, r->inode, set);
}

static int op_access(struct run *r)
{
	uint32_t granted = 0;

	if (may(r->msg->cred, r->inode, MAY_READ))
		granted |= FS_ACCESS_READ;
	if (may(r->msg->cred, r->inode, MAY_WRITE))
		granted |= FS_ACCESS_MODIFY | FS_ACCESS_EXTEND | FS_ACCESS_DELETE;
	if (may(r->msg->cred, r->inode, MAY_EXEC))
		granted |= r->inode->attr.type == FS_TYPE_DIR ? FS_ACCESS_LOOKUP : FS_ACCESS_EXECUTE;
	r->msg->out.access = granted & r->msg->in.access;
	return 0;
}

static int op_readlink(struct run *r)
{
	if (r->inode->attr.type != FS_TYPE_SYMLINK)
		return -EINVAL;
	r->msg->out.blob = strdup(r->inode->target);
	r->msg->out.blob_len = strlen(r->inode->target);
	return r->msg->out.blob != NULL ? 0 : -ENOMEM;
}

static int op_fsstat(struct run *r)
{
	r->msg->out.fsstat = (struct fs_fsstat){ 1ULL << 40, 1ULL << 39, 1ULL << 39, 1000000, 999000 };
	return 0;
}

/* --- directories --- */

static struct ram_entry *entry_find(struct ram_inode *dir, const char *name, uint32_t len)
{
	for (unsigned i = 0; i < dir->n_entries; i++) {
		struct ram_entry *entry = &dir->entries[i];

		if (entry->inode != 0 && strlen(entry->name) == len && memcmp(entry->name, name, len) == 0)
			return entry;
	}
	return NULL;
}

static void entry_add(struct ram_inode *dir, const char *name, uint32_t len, uint32_t inode)
{
	struct ram_entry *entry;

	if (dir->n_entries % 64 == 0) {
		dir->entries = realloc(dir->entries, (dir->n_entries + 64) * sizeof *entry);
		vc_assert(dir->entries != NULL);
	}
	entry = &dir->entries[dir->n_entries++];
	memset(entry, 0, sizeof *entry);
	memcpy(entry->name, name, len);
	entry->inode = inode;
}

static bool is(const char *name, uint32_t len, const char *text)
{
	return len == strlen(text) && memcmp(name, text, len) == 0;
}

static void snapshots_attr(struct fs_attr *ret_attr)
{
	*ret_attr = (struct fs_attr){ .type = FS_TYPE_DIR,
		                      .mode = 0555,
		                      .nlink = 2,
		                      .size_bytes = 4096,
		                      .fsid = 0x7261,
		                      .id = { .inode = FS_INO_SNAPSHOTS } };
}

static int lookup_in_snapshots(struct run *r, const char *name, uint32_t len, struct fs_attr *ret_attr)
{
	for (unsigned t = 1; t < RAM_TREES_MAX; t++) {
		struct ram_tree *tree = &r->volume->trees[t];

		if (tree->used && is(name, len, tree->name)) {
			struct run in_tree = { r->msg, r->volume, tree, &tree->inodes[0] };

			attr_of(&in_tree, in_tree.inode, ret_attr);
			return 0;
		}
	}
	if (is(name, len, ".")) {
		snapshots_attr(ret_attr);
		return 0;
	}
	if (!is(name, len, ".."))
		return -ENOENT;
	*ret_attr = r->volume->trees[0].inodes[0].attr;
	return 0;
}

static int lookup_in(struct run *r, struct ram_inode *dir, const char *name, uint32_t len, struct fs_attr *ret_attr)
{
	struct ram_entry *entry;

	if (dir->attr.type != FS_TYPE_DIR)
		return -ENOTDIR;
	if (!may(r->msg->cred, dir, MAY_EXEC))
		return -EACCES;
	if (is(name, len, ".")) {
		attr_of(r, dir, ret_attr);
	} else if (is(name, len, "..")) {
		attr_of(r, inode_at(r->tree, dir->parent), ret_attr);
	} else if (is(name, len, ".snapshot") && dir == &r->volume->trees[0].inodes[0]) {
		snapshots_attr(ret_attr);
	} else {
		entry = entry_find(dir, name, len);
		if (entry == NULL)
			return -ENOENT;
		attr_of(r, inode_at(r->tree, entry->inode), ret_attr);
	}
	return 0;
}

static bool is_beneath(struct fs_volume *volume, const struct fs_file_id *id, const struct fs_file_id *top)
{
	struct ram_tree *tree = &volume->trees[0];
	const struct ram_inode *inode = inode_find(tree, id);

	if (top->inode == 0 || id->snapshot != 0 || inode == NULL || inode->attr.type != FS_TYPE_DIR)
		return true;
	if (inode_find(tree, top) == NULL)
		return false;
	while (inode->attr.id.inode != top->inode && inode->attr.id.inode != FS_INO_ROOT)
		inode = inode_at(tree, inode->parent);
	return inode->attr.id.inode == top->inode;
}

static int op_lookup(struct run *r)
{
	const struct fs_file_id *file = &r->msg->file, *top = &r->msg->in.beneath;

	if (top->inode != 0 && is(r->msg->in.name, r->msg->in.name_len, "..") &&
	    (file->snapshot != 0 || file->inode == top->inode))
		return lookup_in(r, r->inode, ".", 1, &r->msg->out.attr);
	return lookup_in(r, r->inode, r->msg->in.name, r->msg->in.name_len, &r->msg->out.attr);
}

static int op_resolve(struct run *r)
{
	const char *at = r->msg->in.path;
	struct fs_attr *attr = &r->msg->out.attr;
	int err = 0;

	*attr = r->volume->trees[0].inodes[0].attr;
	r->tree = &r->volume->trees[0];
	while (err == 0 && *(at += strspn(at, "/")) != '\0') {
		uint32_t len = (uint32_t)strcspn(at, "/");

		if (attr->id.inode == FS_INO_SNAPSHOTS) {
			err = lookup_in_snapshots(r, at, len, attr);
		} else {
			r->tree = &r->volume->trees[attr->id.snapshot];
			err = lookup_in(r, inode_find(r->tree, &attr->id), at, len, attr);
		}
		at += len;
	}
	if (err == 0 && !is_beneath(r->volume, &attr->id, &r->msg->in.beneath))
		return -ENOENT;
	return err;
}

static int op_readdir(struct run *r)
{
	struct fs_message *msg = r->msg;
	uint64_t cookie = msg->in.readdir.cookie;
	uint32_t bytes = 0;

	if (r->inode->attr.type != FS_TYPE_DIR)
		return -ENOTDIR;
	if (!may(msg->cred, r->inode, MAY_READ))
		return -EACCES;
	msg->out.dirents = calloc(msg->in.readdir.max_entries, sizeof *msg->out.dirents);
	for (; cookie < r->inode->n_entries + 2ULL; cookie++) {
		struct fs_dirent *out = &msg->out.dirents[msg->out.n];
		const struct ram_entry *entry = cookie < 2 ? NULL : &r->inode->entries[cookie - 2];
		const char *name = cookie == 0 ? "." : cookie == 1 ? ".." : entry->name;
		const struct ram_inode *inode;

		if (entry != NULL && entry->inode == 0)
			continue;
		bytes += 24 + (uint32_t)strlen(name);
		if (msg->out.n == msg->in.readdir.max_entries || (bytes > msg->in.readdir.max_bytes && msg->out.n > 0))
			return 0;
		inode = entry != NULL ? inode_at(r->tree, entry->inode)
		        : cookie == 0 ? r->inode
		                      : inode_at(r->tree, r->inode->parent);
		attr_of(r, inode, &out->attr);
		out->id = out->attr.id;
		out->type = out->attr.type;
		out->has_attr = msg->in.readdir.want_attr;
		out->cookie = cookie + 1;
		out->name_len = (uint32_t)strlen(name);
		memcpy(out->name, name, strlen(name) + 1);
		msg->out.n++;
	}
	msg->out.eof = true;
	return 0;
}

/* A directory about to change. */
static int dir_modify(struct run *r, struct ram_inode *dir, struct fs_wcc *ret_pre)
{
	if (dir->attr.type != FS_TYPE_DIR)
		return -ENOTDIR;
	if (!may(r->msg->cred, dir, MAY_WRITE | MAY_EXEC))
		return -EACCES;
	wcc_of(dir, ret_pre);
	return 0;
}

static int create_existing(struct run *r, struct ram_inode *existing)
{
	struct fs_message *msg = r->msg;

	if (msg->op != FS_CREATE || msg->in.create.mode == FS_CREATE_GUARDED)
		return -EEXIST;
	if (msg->in.create.mode == FS_CREATE_EXCLUSIVE && existing->create_verifier != msg->in.create.verifier)
		return -EEXIST;
	if (existing->attr.type == FS_TYPE_DIR)
		return -EISDIR;
	if (msg->in.create.mode == FS_CREATE_UNCHECKED && msg->in.setattr.set_size)
		(void)truncate_to(existing, msg->in.setattr.size_bytes);
	attr_of(r, existing, &msg->out.attr);
	return 0;
}

static enum fs_type create_type(const struct fs_message *msg)
{
	switch (msg->op) {
	case FS_MKDIR: return FS_TYPE_DIR;
	case FS_SYMLINK: return FS_TYPE_SYMLINK;
	default: return msg->in.create.type;
	}
}

static int op_create(struct run *r)
{
	struct fs_message *msg = r->msg;
	uint32_t dir_number = r->inode->attr.id.inode;
	struct ram_entry *entry;
	struct ram_inode *inode;
	int err = dir_modify(r, r->inode, &msg->out.dir_pre);

	if (err != 0)
		return err;
	if (msg->in.name_len > FS_NAME_MAX)
		return -ENAMETOOLONG;
	entry = entry_find(r->inode, msg->in.name, msg->in.name_len);
	if (entry != NULL)
		return create_existing(r, inode_at(r->tree, entry->inode));
	inode = ram_inode_new(r->volume, create_type(msg), 0644, msg->cred);
	inode->create_verifier = msg->in.create.verifier;
	inode->parent = dir_number;
	inode->attr.rdev_major = msg->in.create.rdev_major;
	inode->attr.rdev_minor = msg->in.create.rdev_minor;
	if (msg->op == FS_SYMLINK) {
		inode->target = strndup(msg->in.blob, msg->in.blob_len);
		inode->attr.size_bytes = msg->in.blob_len;
	}
	if (msg->in.create.mode != FS_CREATE_EXCLUSIVE)
		(void)setattr_apply(r, inode, &msg->in.setattr);
	r->inode = inode_at(r->tree, dir_number);
	entry_add(r->inode, msg->in.name, msg->in.name_len, inode->attr.id.inode);
	if (msg->op == FS_MKDIR)
		r->inode->attr.nlink++;
	touch(r, r->inode);
	attr_of(r, inode, &msg->out.attr);
	return 0;
}

static bool dir_is_empty(const struct ram_inode *dir)
{
	for (unsigned i = 0; i < dir->n_entries; i++) {
		if (dir->entries[i].inode != 0)
			return false;
	}
	return true;
}

/* Take one link away from what `entry` names, and the entry. */
static void entry_drop(struct run *r, struct ram_inode *dir, struct ram_entry *entry)
{
	struct ram_inode *inode = inode_at(r->tree, entry->inode);

	entry->inode = 0;
	touch(r, dir);
	if (inode->attr.type == FS_TYPE_DIR) {
		dir->attr.nlink--;
		ram_inode_clear(inode);
	} else if (--inode->attr.nlink == 0) {
		ram_inode_clear(inode);
	}
}

static int op_remove(struct run *r)
{
	struct fs_message *msg = r->msg;
	struct ram_entry *entry;
	struct ram_inode *inode;
	int err = dir_modify(r, r->inode, &msg->out.dir_pre);

	if (err != 0)
		return err;
	entry = entry_find(r->inode, msg->in.name, msg->in.name_len);
	if (entry == NULL)
		return -ENOENT;
	inode = inode_at(r->tree, entry->inode);
	if ((inode->attr.type == FS_TYPE_DIR) != (msg->op == FS_RMDIR))
		return msg->op == FS_RMDIR ? -ENOTDIR : -EISDIR;
	if (msg->op == FS_RMDIR && !dir_is_empty(inode))
		return -ENOTEMPTY;
	entry_drop(r, r->inode, entry);
	return 0;
}

static int rename_over(struct run *r, struct ram_inode *to_dir, struct ram_entry *to, const struct ram_inode *from)
{
	const struct ram_inode *target = inode_at(r->tree, to->inode);

	if (target->attr.type == FS_TYPE_DIR && from->attr.type != FS_TYPE_DIR)
		return -EISDIR;
	if (target->attr.type != FS_TYPE_DIR && from->attr.type == FS_TYPE_DIR)
		return -ENOTDIR;
	if (target->attr.type == FS_TYPE_DIR && !dir_is_empty(target))
		return -ENOTEMPTY;
	entry_drop(r, to_dir, to);
	return 0;
}

static int op_rename(struct run *r)
{
	struct fs_message *msg = r->msg;
	struct ram_inode *to_dir = inode_find(r->tree, &msg->in.to_dir);
	struct ram_entry *from, *to;
	uint32_t moved;
	int err = dir_modify(r, r->inode, &msg->out.dir_pre);

	if (to_dir == NULL)
		return -ESTALE;
	if (err == 0)
		err = dir_modify(r, to_dir, &msg->out.to_dir_pre);
	if (err != 0)
		return err;
	from = entry_find(r->inode, msg->in.name, msg->in.name_len);
	if (from == NULL)
		return -ENOENT;
	moved = from->inode;
	to = entry_find(to_dir, msg->in.to_name, msg->in.to_name_len);
	if (to != NULL && to->inode == moved)
		return 0;
	err = to != NULL ? rename_over(r, to_dir, to, inode_at(r->tree, moved)) : 0;
	if (err != 0)
		return err;
	from->inode = 0;
	entry_add(to_dir, msg->in.to_name, msg->in.to_name_len, moved);
	inode_at(r->tree, moved)->parent = to_dir->attr.id.inode;
	touch(r, r->inode);
	touch(r, to_dir);
	return 0;
}

static int op_link(struct run *r)
{
	struct fs_message *msg = r->msg;
	struct ram_inode *to_dir = inode_find(r->tree, &msg->in.to_dir);
	int err;

	if (to_dir == NULL)
		return -ESTALE;
	if (r->inode->attr.type == FS_TYPE_DIR)
		return -EISDIR;
	err = dir_modify(r, to_dir, &msg->out.to_dir_pre);
	if (err != 0)
		return err;
	if (entry_find(to_dir, msg->in.to_name, msg->in.to_name_len) != NULL)
		return -EEXIST;
	entry_add(to_dir, msg->in.to_name, msg->in.to_name_len, r->inode->attr.id.inode);
	r->inode->attr.nlink++;
	touch(r, to_dir);
	return 0;
}

/* --- snapshots --- */

static void inode_copy(struct ram_inode *to, const struct ram_inode *from)
{
	*to = *from;
	to->pages = NULL;
	to->n_pages = 0;
	pages_resize(to, from->n_pages);
	for (size_t i = 0; i < from->n_pages; i++)
		to->pages[i] = from->pages[i] != NULL ? page_get(from->pages[i]) : NULL;
	to->entries = calloc(ROUND_UP(from->n_entries, 64) + 1, sizeof *to->entries);
	vc_assert(to->entries != NULL);
	if (from->n_entries > 0)
		memcpy(to->entries, from->entries, from->n_entries * sizeof *to->entries);
	to->target = from->target != NULL ? strdup(from->target) : NULL;
}

static int snapshot_create(struct run *r)
{
	const struct ram_tree *active = &r->volume->trees[0];

	for (unsigned t = 1; t < RAM_TREES_MAX; t++) {
		struct ram_tree *tree = &r->volume->trees[t];

		if (tree->used)
			continue;
		tree->used = true;
		memset(tree->name, 0, sizeof tree->name);
		memcpy(tree->name, r->msg->in.name, r->msg->in.name_len);
		tree->inodes = calloc(active->n_inodes, sizeof *tree->inodes);
		tree->n_inodes = active->n_inodes;
		for (unsigned i = 0; i < active->n_inodes; i++)
			inode_copy(&tree->inodes[i], &active->inodes[i]);
		return 0;
	}
	return -ENOSPC;
}

/* --- dispatch --- */

static const struct {
	int (*run)(struct run *r);
	bool modifies;
	bool on_dir; /* `file` is a directory: its attributes are dir_attr */
} ops[FS_OP_COUNT] = {
	[FS_GETATTR] = { op_getattr, false, false },   [FS_SETATTR] = { op_setattr, true, false },
	[FS_LOOKUP] = { op_lookup, false, true },      [FS_ACCESS] = { op_access, false, false },
	[FS_READLINK] = { op_readlink, false, false }, [FS_READ] = { op_read, false, false },
	[FS_WRITE] = { op_write, true, false },        [FS_COMMIT] = { op_commit, false, false },
	[FS_CREATE] = { op_create, true, true },       [FS_MKDIR] = { op_create, true, true },
	[FS_SYMLINK] = { op_create, true, true },      [FS_MKNOD] = { op_create, true, true },
	[FS_REMOVE] = { op_remove, true, true },       [FS_RMDIR] = { op_remove, true, true },
	[FS_RENAME] = { op_rename, true, true },       [FS_LINK] = { op_link, true, false },
	[FS_READDIR] = { op_readdir, false, true },    [FS_FSSTAT] = { op_fsstat, false, false },
};

static int run_in_snapshots(struct run *r)
{
	struct fs_message *msg = r->msg;

	switch (msg->op) {
	case FS_LOOKUP: return lookup_in_snapshots(r, msg->in.name, msg->in.name_len, &msg->out.attr);
	case FS_GETATTR:
	case FS_FSSTAT:
		snapshots_attr(&msg->out.attr);
		msg->out.has_attr = true;
		return 0;
	default: return ops[msg->op].modifies ? -EROFS : -ENOTSUP;
	}
}

static void attrs_after(struct run *r)
{
	struct fs_message *msg = r->msg;
	struct ram_inode *inode = inode_find(r->tree, &msg->file), *to_dir = inode_find(r->tree, &msg->in.to_dir);

	if (inode != NULL && ops[msg->op].on_dir) {
		attr_of(r, inode, &msg->out.dir_attr);
		msg->out.has_dir_attr = true;
	} else if (inode != NULL) {
		attr_of(r, inode, &msg->out.attr);
		msg->out.has_attr = true;
	}
	if ((msg->op == FS_RENAME || msg->op == FS_LINK) && to_dir != NULL) {
		attr_of(r, to_dir, &msg->out.to_dir_attr);
		msg->out.has_to_dir_attr = true;
	}
}

static int run_on_file(struct run *r)
{
	struct fs_message *msg = r->msg;
	int err;

	if (msg->file.inode == FS_INO_SNAPSHOTS)
		return run_in_snapshots(r);
	if (msg->file.snapshot >= RAM_TREES_MAX || !r->volume->trees[msg->file.snapshot].used)
		return -ESTALE;
	r->tree = &r->volume->trees[msg->file.snapshot];
	r->inode = inode_find(r->tree, &msg->file);
	if (r->inode == NULL)
		return -ESTALE;
	err = msg->file.snapshot != 0 && ops[msg->op].modifies ? -EROFS : ops[msg->op].run(r);
	attrs_after(r);
	return err;
}

void ram_run(struct fs_message *msg)
{
	struct run r = { .msg = msg, .volume = msg->volume };

	r.volume->messages++;
	if (msg->cred != NULL)
		r.volume->last_cred = *msg->cred;
	if (!r.volume->mounted)
		msg->status = -ENODEV;
	else if (r.volume->fail != 0)
		msg->status = r.volume->fail;
	else if (msg->op != FS_RESOLVE && (!is_beneath(r.volume, &msg->file, &msg->in.beneath) ||
	                                   !is_beneath(r.volume, &msg->in.to_dir, &msg->in.beneath)))
		msg->status = -ESTALE;
	else if (msg->op == FS_RESOLVE)
		msg->status = op_resolve(&r);
	else if (msg->op == FS_SNAPSHOT_CREATE)
		msg->status = snapshot_create(&r);
	else
		msg->status = ops[msg->op].run == NULL ? -ENOTSUP : run_on_file(&r);
}
