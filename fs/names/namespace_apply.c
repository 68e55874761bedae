/* SPDX-License-Identifier: Apache-2.0 */
/* The namespace operations' changes to memory, and their log records.
 *
 * INVARIANTS
 *  NS1 a directory's nlink is 2 + its subdirectories; a file's is the number of its names; at 0 the inode is gone in
 *      the same step.
 *  NS2 block 0 of a directory names its parent, in the same step as the parent names it.
 * WRITE PATH previous hop namespace_ops.c and nvlog_replay.c; next hops dir.c, inode.h, nvlog.h. */
#include "base/bytes.h"
#include "base/page.h"
#include "fs/core/core.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/recordformat.h"
#include "fs/fs_types.h"
#include "fs/names/ancestry.h"
#include "fs/names/dir.h"
#include "fs/names/namespace_apply.h"

/* The result of several calls that each name what they miss: the first error that is not -EAGAIN only counts when none
 * is. */
static int both(int a, int b)
{
	if (a == -EAGAIN || b == -EAGAIN)
		return -EAGAIN;
	return a != 0 ? a : b;
}

static void touch(struct inode *dir, int64_t now_ns)
{
	struct inode_attr *attr = inode_modify(dir);
	attr->mtime_ns = now_ns;
	attr->ctime_ns = now_ns;
}

static void nlink_add(struct inode *inode, int n)
{
	struct inode_attr *attr = inode_modify(inode);
	attr->nlink = (uint16_t)(attr->nlink + n);
}

/* One name less for something that is no directory; a directory loses its only one. */
static void unlink_one(struct inode *inode, int64_t now_ns)
{
	struct inode_attr *attr = inode_modify(inode);
	attr->ctime_ns = now_ns;
	attr->nlink = attr->type == FS_TYPE_DIR || attr->nlink == 0 ? 0 : (uint16_t)(attr->nlink - 1U);
	if (attr->nlink == 0)
		inode_remove(inode);
}

/* What may be known elsewhere by its path. */
static void tell_change(const struct inode *inode)
{
	if (inode->attr.type == FS_TYPE_DIR || inode->attr.type == FS_TYPE_VDISK)
		atomic_fetch_add_explicit(&inode->vol->tree_changes, 1, memory_order_relaxed);
}

static size_t encode_name(uint8_t *body, size_t at, const struct namespace_name *name)
{
	memcpy(body + at, name->bytes, name->len);
	return at + name->len;
}

/* ---- create ---------------------------------------------------------------------------------------------------- */

static bool has_first_block(const struct namespace_create *c)
{
	return c->attr.type == FS_TYPE_DIR || (c->attr.type == FS_TYPE_SYMLINK && c->target_len != 0);
}

int namespace_create_prepare(struct fs_run *run, struct namespace_create *c)
{
	int err = inode_get(run, 0, c->dir, &c->dir_inode);
	if (err == 0)
		err = dir_plan_add(run, c->dir_inode, c->name.bytes, c->name.len, &c->plan);
	c->n_pages = c->plan.n_pages + 2U + (has_first_block(c) ? 1U : 0U);
	return err;
}

struct inode *namespace_create_commit(struct fs_volume *vol, struct namespace_create *c)
{
	struct inode *inode = inode_create(vol, c->ino, &c->attr);
	struct fs_file_id id = { 0, c->ino, c->attr.generation };
	struct page *page = has_first_block(c) ? cache_page_take(vol) : NULL;
	if (c->attr.type == FS_TYPE_DIR) {
		dir_init(inode, c->dir, page);
		nlink_add(c->dir_inode, 1);
	} else if (page != NULL) {
		memset(page->data, 0, PAGE_SIZE);
		memcpy(page->data, c->target, c->target_len);
		file_put_page(inode, 0, page);
	}
	dir_add(c->dir_inode, &c->plan, c->name.bytes, c->name.len, &id, c->attr.type);
	inode->name_slot = c->plan.slot;
	touch(c->dir_inode, c->now_ns);
	return inode;
}

size_t namespace_create_encode(const struct namespace_create *c, uint8_t *body)
{
	*(struct oplog_create *)body = (struct oplog_create){
		.dir = le32_of(c->dir),
		.inode = le32_of(c->ino),
		.generation = le64_of(c->attr.generation),
		.type = c->attr.type,
		.name_len = (uint8_t)c->name.len,
		.mode = le16_of(c->attr.mode),
		.uid = le32_of(c->attr.uid),
		.gid = le32_of(c->attr.gid),
		.rdev_major = le32_of(c->attr.rdev_major),
		.rdev_minor = le32_of(c->attr.rdev_minor),
		.target_len = le32_of(c->target_len),
		.size_bytes = le64_of(c->attr.size_bytes),
		.atime_ns = le64_of((uint64_t)c->attr.atime_ns),
		.mtime_ns = le64_of((uint64_t)c->attr.mtime_ns),
		.ctime_ns = le64_of((uint64_t)c->attr.ctime_ns),
		.now_ns = le64_of((uint64_t)c->now_ns),
	};
	size_t at = encode_name(body, sizeof(struct oplog_create), &c->name);
	if (c->target_len != 0)
		memcpy(body + at, c->target, c->target_len);
	return at + c->target_len;
}

/* ---- remove ---------------------------------------------------------------------------------------------------- */

int namespace_remove_prepare(struct fs_run *run, struct namespace_remove *r)
{
	struct dir_entry entry;
	int err = inode_get(run, 0, r->dir, &r->dir_inode);
	if (err != 0)
		return err;
	int err2 = inode_need_map(run, r->id.inode), err3 = inode_get_id(run, &r->id, &r->inode);
	err = dir_plan_change(run, r->dir_inode, r->name.bytes, r->name.len, &r->plan, &entry);
	err = both(both(err, err2), err3);
	if (err == 0 && (entry.id.inode != r->id.inode || entry.id.generation != r->id.generation))
		err = -EUCLEAN;
	r->n_pages = r->plan.n_pages + 2U;
	return err;
}

void namespace_remove_commit(struct namespace_remove *r)
{
	bool is_dir = r->inode->attr.type == FS_TYPE_DIR;
	dir_remove(r->dir_inode, &r->plan, r->name.bytes, r->name.len);
	touch(r->dir_inode, r->now_ns);
	if (is_dir)
		nlink_add(r->dir_inode, -1);
	tell_change(r->inode);
	unlink_one(r->inode, r->now_ns);
}

size_t namespace_remove_encode(const struct namespace_remove *r, uint8_t *body)
{
	*(struct oplog_remove *)body = (struct oplog_remove){
		.dir = le32_of(r->dir),
		.inode = le32_of(r->id.inode),
		.generation = le64_of(r->id.generation),
		.now_ns = le64_of((uint64_t)r->now_ns),
		.name_len = (uint8_t)r->name.len,
	};
	return encode_name(body, sizeof(struct oplog_remove), &r->name);
}

/* ---- rename ---------------------------------------------------------------------------------------------------- */

/* The new name: free, or an entry that will mean the moved file. */
static int rename_plan_target(struct fs_run *run, struct namespace_rename *r)
{
	struct dir_entry entry;
	r->replaced_inode = NULL;
	if (r->replaced == 0)
		return dir_plan_add(run, r->to_dir_inode, r->to_name.bytes, r->to_name.len, &r->to_plan);
	int err = inode_need_map(run, r->replaced);
	err = both(err, dir_plan_change(run, r->to_dir_inode, r->to_name.bytes, r->to_name.len, &r->to_plan, &entry));
	if (err == 0 && entry.id.inode != r->replaced)
		err = -EUCLEAN;
	return err != 0 ? err : inode_get_id(run, &entry.id, &r->replaced_inode);
}

int namespace_rename_prepare(struct fs_run *run, struct namespace_rename *r)
{
	struct dir_entry entry;
	uint32_t parent;
	int err = inode_get(run, 0, r->dir, &r->dir_inode);
	err = both(err, inode_get(run, 0, r->to_dir, &r->to_dir_inode));
	err = both(err, inode_get_id(run, &r->id, &r->inode));
	if (err != 0)
		return err;
	err = dir_plan_change(run, r->dir_inode, r->name.bytes, r->name.len, &r->plan, &entry);
	if (r->inode->attr.type == FS_TYPE_DIR && r->dir != r->to_dir)
		err = both(err, dir_parent(run, r->inode, &parent));
	err = both(err, rename_plan_target(run, r));
	if (err == 0 && (entry.id.inode != r->id.inode || entry.id.generation != r->id.generation))
		err = -EUCLEAN;
	r->n_pages = r->plan.n_pages + r->to_plan.n_pages + 3U;
	return err;
}

void namespace_rename_commit(struct namespace_rename *r)
{
	bool is_dir = r->inode->attr.type == FS_TYPE_DIR;
	dir_remove(r->dir_inode, &r->plan, r->name.bytes, r->name.len);
	if (r->replaced_inode != NULL)
		dir_set_entry(r->to_dir_inode, &r->to_plan, &r->id, r->inode->attr.type);
	else
		dir_add(r->to_dir_inode, &r->to_plan, r->to_name.bytes, r->to_name.len, &r->id, r->inode->attr.type);
	r->inode->name_slot = r->to_plan.slot;
	if (is_dir && r->dir != r->to_dir) {
		dir_set_parent(r->inode, r->to_dir);
		ancestry_moved(r->inode->vol, r->inode->ino);
		nlink_add(r->dir_inode, -1);
		nlink_add(r->to_dir_inode, 1);
	}
	tell_change(r->inode);
	inode_modify(r->inode)->ctime_ns = r->now_ns;
	touch(r->dir_inode, r->now_ns);
	touch(r->to_dir_inode, r->now_ns);
	if (r->replaced_inode != NULL) {
		if (is_dir)
			nlink_add(r->to_dir_inode, -1);
		unlink_one(r->replaced_inode, r->now_ns);
	}
}

size_t namespace_rename_encode(const struct namespace_rename *r, uint8_t *body)
{
	*(struct oplog_rename *)body = (struct oplog_rename){
		.dir = le32_of(r->dir),
		.to_dir = le32_of(r->to_dir),
		.inode = le32_of(r->id.inode),
		.replaced = le32_of(r->replaced),
		.generation = le64_of(r->id.generation),
		.now_ns = le64_of((uint64_t)r->now_ns),
		.name_len = (uint8_t)r->name.len,
		.to_name_len = (uint8_t)r->to_name.len,
	};
	return encode_name(body, encode_name(body, sizeof(struct oplog_rename), &r->name), &r->to_name);
}

/* ---- link ------------------------------------------------------------------------------------------------------ */

int namespace_link_prepare(struct fs_run *run, struct namespace_link *l)
{
	int err = inode_get(run, 0, l->dir, &l->dir_inode);
	err = both(err, inode_get_id(run, &l->id, &l->inode));
	if (err == 0)
		err = dir_plan_add(run, l->dir_inode, l->name.bytes, l->name.len, &l->plan);
	l->n_pages = l->plan.n_pages;
	return err;
}

void namespace_link_commit(struct namespace_link *l)
{
	dir_add(l->dir_inode, &l->plan, l->name.bytes, l->name.len, &l->id, l->inode->attr.type);
	nlink_add(l->inode, 1);
	inode_modify(l->inode)->ctime_ns = l->now_ns;
	touch(l->dir_inode, l->now_ns);
}

size_t namespace_link_encode(const struct namespace_link *l, uint8_t *body)
{
	*(struct oplog_link *)body = (struct oplog_link){
		.dir = le32_of(l->dir),
		.inode = le32_of(l->id.inode),
		.generation = le64_of(l->id.generation),
		.now_ns = le64_of((uint64_t)l->now_ns),
		.name_len = (uint8_t)l->name.len,
	};
	return encode_name(body, sizeof(struct oplog_link), &l->name);
}

/* ---- setattr --------------------------------------------------------------------------------------------------- */

int namespace_setattr_prepare(struct fs_run *run, struct namespace_setattr *s)
{
	int err = inode_get_id(run, &s->id, &s->inode);
	if (err == 0 && s->truncate)
		err = file_truncate_need(run, s->inode, s->attr.size_bytes);
	s->n_pages = s->truncate ? 1 : 0;
	return err;
}

void namespace_setattr_commit(struct namespace_setattr *s)
{
	if (s->truncate)
		file_truncate(s->inode, s->attr.size_bytes);
	struct inode_attr *attr = inode_modify(s->inode);
	attr->mode = s->attr.mode;
	attr->uid = s->attr.uid;
	attr->gid = s->attr.gid;
	attr->atime_ns = s->attr.atime_ns;
	attr->mtime_ns = s->attr.mtime_ns;
	attr->ctime_ns = s->attr.ctime_ns;
}

size_t namespace_setattr_encode(const struct namespace_setattr *s, uint8_t *body)
{
	*(struct oplog_setattr *)body = (struct oplog_setattr){
		.inode = le32_of(s->id.inode),
		.flags = le32_of(s->truncate ? OPLOG_SETATTR_TRUNCATE : 0),
		.generation = le64_of(s->id.generation),
		.mode = le16_of(s->attr.mode),
		.uid = le32_of(s->attr.uid),
		.gid = le32_of(s->attr.gid),
		.size_bytes = le64_of(s->attr.size_bytes),
		.atime_ns = le64_of((uint64_t)s->attr.atime_ns),
		.mtime_ns = le64_of((uint64_t)s->attr.mtime_ns),
		.ctime_ns = le64_of((uint64_t)s->attr.ctime_ns),
	};
	return sizeof(struct oplog_setattr);
}
