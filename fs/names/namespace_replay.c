/* SPDX-License-Identifier: Apache-2.0 */
/* Replaying the namespace operations' log records: decode with every length checked, then the same code as the
 * operation's.
 *
 * A record that does not fit the state (a name that is taken or missing, another inode) is -EUCLEAN: the log and the
 * volume contradict. */
#include "base/bytes.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/format/recordformat.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/names/namespace_apply.h"

/* What live operations answer to a client is a contradiction here. */
static int replay_error(int err)
{
	switch (err) {
	case -ENOENT:
	case -EEXIST:
	case -ENOTDIR:
	case -ESTALE:
	case -EISDIR: return -EUCLEAN;
	default: return err;
	}
}

/* `len` bytes of the body from *io_at on; NULL when there are fewer. */
static const char *take(const struct nvlog_record *record, size_t *io_at, size_t len)
{
	const char *bytes = (const char *)record->body + *io_at;
	if (record->body_len < *io_at || record->body_len - *io_at < len)
		return NULL;
	*io_at += len;
	return bytes;
}

static bool take_name(const struct nvlog_record *record, size_t *io_at, size_t len, struct namespace_name *ret_name)
{
	const char *bytes = take(record, io_at, len);
	if (bytes == NULL || len == 0 || memchr(bytes, '/', len) != NULL || memchr(bytes, '\0', len) != NULL)
		return false;
	if (bytes[0] == '.' && (len == 1 || (len == 2 && bytes[1] == '.')))
		return false;
	*ret_name = (struct namespace_name){ bytes, len };
	return true;
}

static bool type_is_creatable(uint8_t type)
{
	return type >= FS_TYPE_REG && type <= FS_TYPE_SOCK;
}

static int create_decode(const struct nvlog_record *record, struct namespace_create *c)
{
	size_t at = 0;
	const struct oplog_create *d = (const struct oplog_create *)take(record, &at, sizeof *d);
	if (d == NULL || !take_name(record, &at, d->name_len, &c->name))
		return -EUCLEAN;
	c->dir = le32_get(d->dir);
	c->ino = le32_get(d->inode);
	c->target_len = le32_get(d->target_len);
	c->now_ns = (int64_t)le64_get(d->now_ns);
	c->attr = (struct inode_attr){
		.type = d->type,
		.mode = le16_get(d->mode),
		.nlink = d->type == FS_TYPE_DIR ? 2 : 1,
		.uid = le32_get(d->uid),
		.gid = le32_get(d->gid),
		.rdev_major = le32_get(d->rdev_major),
		.rdev_minor = le32_get(d->rdev_minor),
		.size_bytes = le64_get(d->size_bytes),
		.generation = le64_get(d->generation),
		.atime_ns = (int64_t)le64_get(d->atime_ns),
		.mtime_ns = (int64_t)le64_get(d->mtime_ns),
		.ctime_ns = (int64_t)le64_get(d->ctime_ns),
	};
	c->target = take(record, &at, c->target_len);
	if (c->target == NULL || at != record->body_len || c->target_len >= FS_PATH_MAX ||
	    (c->target_len != 0 && d->type != FS_TYPE_SYMLINK))
		return -EUCLEAN;
	if (!type_is_creatable(d->type) || c->attr.mode > 07777 || c->ino < INO_FIRST_DYNAMIC ||
	    c->attr.generation == 0)
		return -EUCLEAN;
	return c->attr.size_bytes > (uint64_t)FBN_MAX * FS_BLOCK_SIZE ? -EUCLEAN : 0;
}

int namespace_apply_create(struct fs_run *run, const struct nvlog_record *record)
{
	struct namespace_create c = { 0 };
	struct inode *taken;
	int err = create_decode(record, &c);
	if (err != 0)
		return err;
	int err2 = inode_need_map(run, c.ino), err3 = inode_get(run, 0, c.ino, &taken);
	err = namespace_create_prepare(run, &c);
	if (err == -EAGAIN || err2 == -EAGAIN || err3 == -EAGAIN)
		return -EAGAIN;
	if (err3 != -ESTALE)
		return err3 == 0 ? -EUCLEAN : err3;
	if (err != 0 || err2 != 0)
		return replay_error(err != 0 ? err : err2);
	err = run_reserve(run, c.n_pages);
	if (err == 0)
		(void)namespace_create_commit(run->vol, &c);
	return err;
}

int namespace_apply_remove(struct fs_run *run, const struct nvlog_record *record)
{
	struct namespace_remove r = { 0 };
	size_t at = 0;
	const struct oplog_remove *d = (const struct oplog_remove *)take(record, &at, sizeof *d);
	if (d == NULL || !take_name(record, &at, d->name_len, &r.name) || at != record->body_len)
		return -EUCLEAN;
	r.dir = le32_get(d->dir);
	r.id = (struct fs_file_id){ 0, le32_get(d->inode), le64_get(d->generation) };
	r.now_ns = (int64_t)le64_get(d->now_ns);
	int err = replay_error(namespace_remove_prepare(run, &r));
	if (err == 0)
		err = run_reserve(run, r.n_pages);
	if (err == 0)
		namespace_remove_commit(&r);
	return err;
}

int namespace_apply_rename(struct fs_run *run, const struct nvlog_record *record)
{
	struct namespace_rename r = { 0 };
	size_t at = 0;
	const struct oplog_rename *d = (const struct oplog_rename *)take(record, &at, sizeof *d);
	if (d == NULL || !take_name(record, &at, d->name_len, &r.name) ||
	    !take_name(record, &at, d->to_name_len, &r.to_name) || at != record->body_len)
		return -EUCLEAN;
	r.dir = le32_get(d->dir);
	r.to_dir = le32_get(d->to_dir);
	r.id = (struct fs_file_id){ 0, le32_get(d->inode), le64_get(d->generation) };
	r.replaced = le32_get(d->replaced);
	r.now_ns = (int64_t)le64_get(d->now_ns);
	if (r.replaced == r.id.inode)
		return -EUCLEAN;
	int err = replay_error(namespace_rename_prepare(run, &r));
	if (err == 0)
		err = run_reserve(run, r.n_pages);
	if (err == 0)
		namespace_rename_commit(&r);
	return err;
}

int namespace_apply_link(struct fs_run *run, const struct nvlog_record *record)
{
	struct namespace_link l = { 0 };
	size_t at = 0;
	const struct oplog_link *d = (const struct oplog_link *)take(record, &at, sizeof *d);
	if (d == NULL || !take_name(record, &at, d->name_len, &l.name) || at != record->body_len)
		return -EUCLEAN;
	l.dir = le32_get(d->dir);
	l.id = (struct fs_file_id){ 0, le32_get(d->inode), le64_get(d->generation) };
	l.now_ns = (int64_t)le64_get(d->now_ns);
	int err = replay_error(namespace_link_prepare(run, &l));
	if (err == 0 && l.inode->attr.nlink >= FS_LINK_MAX)
		err = -EUCLEAN;
	if (err == 0)
		err = run_reserve(run, l.n_pages);
	if (err == 0)
		namespace_link_commit(&l);
	return err;
}

int namespace_apply_setattr(struct fs_run *run, const struct nvlog_record *record)
{
	struct namespace_setattr s = { 0 };
	size_t at = 0;
	const struct oplog_setattr *d = (const struct oplog_setattr *)take(record, &at, sizeof *d);
	if (d == NULL || at != record->body_len || le32_get(d->flags) > OPLOG_SETATTR_TRUNCATE ||
	    le16_get(d->mode) > 07777)
		return -EUCLEAN;
	s.id = (struct fs_file_id){ 0, le32_get(d->inode), le64_get(d->generation) };
	s.truncate = (le32_get(d->flags) & OPLOG_SETATTR_TRUNCATE) != 0;
	s.attr = (struct inode_attr){
		.mode = le16_get(d->mode),
		.uid = le32_get(d->uid),
		.gid = le32_get(d->gid),
		.size_bytes = le64_get(d->size_bytes),
		.atime_ns = (int64_t)le64_get(d->atime_ns),
		.mtime_ns = (int64_t)le64_get(d->mtime_ns),
		.ctime_ns = (int64_t)le64_get(d->ctime_ns),
	};
	if (s.attr.size_bytes > (uint64_t)FBN_MAX * FS_BLOCK_SIZE)
		return -EUCLEAN;
	int err = replay_error(namespace_setattr_prepare(run, &s));
	if (err == 0 && s.truncate && s.inode->attr.type != FS_TYPE_REG)
		err = -EUCLEAN;
	if (err == 0)
		err = run_reserve(run, s.n_pages);
	if (err == 0)
		namespace_setattr_commit(&s);
	return err;
}
