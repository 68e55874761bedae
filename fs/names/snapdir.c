/* SPDX-License-Identifier: Apache-2.0 */
/* The pseudo directories "DIR/.snapshot". Their entries are DIR as it was in each snapshot that has it. They have no
 * blocks.
 *
 * The owner is DIR's. The time of change is when a snapshot last came, went or was renamed, because clients keep a
 * listing for as long as it stays the same.
 * The id of a pseudo directory names DIR in its generation: 0 for the root, else inode number and low half of the
 * generation. So a handle goes stale with its directory. A directory is the same one in a snapshot when inode and
 * generation are the same, whatever its name was then. */
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/fs_types.h"
#include "fs/names/namespace.h"

struct fs_file_id snapdir_id(const struct inode *dir)
{
	struct fs_file_id id = { 0, FS_INO_SNAPSHOTS, 0 };

	if (dir->ino != FS_INO_ROOT)
		id.generation = (uint64_t)dir->ino << 32 | (dir->attr.generation & UINT32_MAX);
	return id;
}

int snapdir_dir(struct fs_run *run, const struct fs_file_id *id, struct inode **ret_dir)
{
	uint32_t ino = id->generation == 0 ? FS_INO_ROOT : (uint32_t)(id->generation >> 32);
	int err = inode_get(run, 0, ino, ret_dir);

	if (err != 0)
		return err;
	return (*ret_dir)->attr.type != FS_TYPE_DIR || snapdir_id(*ret_dir).generation != id->generation ? -ESTALE : 0;
}

int snapdir_attr(struct fs_run *run, const struct fs_file_id *id, struct fs_attr *ret_attr)
{
	struct inode *dir;
	uint32_t n = 0;
	int err = snapdir_dir(run, id, &dir);

	if (err != 0)
		return err;
	for (const struct snapshot *s = snapshot_next(run->vol, NULL); s != NULL; s = snapshot_next(run->vol, s))
		n += !s->deleting;
	inode_to_attr(dir, ret_attr);
	ret_attr->type = FS_TYPE_DIR;
	ret_attr->mode = 0555;
	ret_attr->nlink = 2U + n; /* never less than there are */
	ret_attr->size_bytes = FS_BLOCK_SIZE;
	ret_attr->used_bytes = 0;
	ret_attr->mtime_ns = ret_attr->ctime_ns = snapshot_changed_ns(run->vol);
	ret_attr->id = *id;
	return 0;
}

/* -ENOENT: the snapshot does not have it. */
static int dir_in(struct fs_run *run, const struct snapshot *snapshot, const struct inode *dir,
                  struct fs_file_id *ret_id)
{
	struct inode *then;
	int err = inode_get(run, snapshot->info.id, dir->ino, &then);

	if (err == -ESTALE)
		return -ENOENT;
	if (err != 0)
		return err;
	if (then->attr.type != FS_TYPE_DIR || then->attr.generation != dir->attr.generation)
		return -ENOENT;
	*ret_id = namespace_id_of(then);
	return 0;
}

int snapdir_lookup(struct fs_run *run, const struct fs_file_id *id, const char *name, size_t name_len,
                   struct fs_file_id *ret_id)
{
	const struct snapshot *snapshot = snapshot_find(run->vol, name, name_len);
	struct inode *dir;
	int err = snapdir_dir(run, id, &dir);

	if (err != 0)
		return err;
	return snapshot == NULL ? -ENOENT : dir_in(run, snapshot, dir, ret_id);
}

/* Ids rise with age, so the id is the cookie, and a deleted snapshot does not disturb a listing. */
int snapdir_next(struct fs_run *run, const struct fs_file_id *id, uint64_t after, struct fs_file_id *ret_id,
                 const struct snapshot **ret_snapshot)
{
	struct inode *dir;
	int err = snapdir_dir(run, id, &dir);

	if (err != 0)
		return err;
	for (const struct snapshot *s = snapshot_next(run->vol, NULL); s != NULL; s = snapshot_next(run->vol, s)) {
		if (s->deleting || s->info.id <= after)
			continue;
		err = dir_in(run, s, dir, ret_id);
		if (err == -ENOENT)
			continue;
		*ret_snapshot = s;
		return err;
	}
	return -ENOENT;
}
