/* SPDX-License-Identifier: Apache-2.0 */
/* Paths inside a volume, component by component: "/dir/x", "/.snapshot/s1/x". No symlink is followed. */
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "fs/names/ancestry.h"
#include "fs/names/dir.h"
#include "fs/names/namespace.h"
#include "fs/names/path.h"

/* The next component of *io_path; 0 long at the end. */
static size_t next_component(const char **io_path, const char **ret_name)
{
	const char *p = *io_path;
	while (*p == '/')
		p++;
	*ret_name = p;
	while (*p != '\0' && *p != '/')
		p++;
	*io_path = p;
	return (size_t)(p - *ret_name);
}

/* Walk until `end` is reached. *ret_active: the last on the way that is in no snapshot. */
static int walk(struct fs_run *run, const char *path, const char *end, struct fs_file_id *ret_id,
                struct fs_file_id *ret_active)
{
	const struct fs_cred *cred = run->msg == NULL ? NULL : run->msg->cred;
	struct fs_file_id id;
	const char *name;
	size_t name_len;
	if (strnlen(path, FS_PATH_MAX) == FS_PATH_MAX)
		return -ENAMETOOLONG;
	int err = namespace_id_of_ino(run, 0, FS_INO_ROOT, &id);
	*ret_active = id;
	while (err == 0 && (name_len = next_component(&path, &name)) != 0 && name < end) {
		struct fs_file_id dir_id = id;
		err = namespace_lookup(run, cred, &dir_id, name, name_len, &id);
		if (err == 0 && id.snapshot == 0)
			*ret_active = id;
	}
	if (err == 0)
		*ret_id = id;
	return err;
}

int path_resolve(struct fs_run *run, const char *path, struct fs_file_id *ret_id)
{
	struct fs_file_id active;
	return walk(run, path, path + strlen(path), ret_id, &active);
}

int path_resolve_beneath(struct fs_run *run, const char *path, const struct fs_file_id *top, struct fs_file_id *ret_id)
{
	struct fs_file_id active;
	int err = walk(run, path, path + strlen(path), ret_id, &active);

	if (err == 0)
		err = ancestry_check_below(run, top->snapshot == 0 ? &active : ret_id, top);
	return err == -ESTALE ? -ENOENT : err;
}

int path_resolve_parent(struct fs_run *run, const char *path, struct fs_file_id *ret_dir, const char **ret_name,
                        size_t *ret_name_len)
{
	const char *rest = path, *name, *last = NULL;
	struct fs_file_id active;
	size_t name_len, last_len = 0;
	while ((name_len = next_component(&rest, &name)) != 0) {
		last = name;
		last_len = name_len;
	}
	if (last == NULL)
		return -EINVAL;
	if (last_len > FS_NAME_MAX)
		return -ENAMETOOLONG;
	int err = walk(run, path, last, ret_dir, &active);
	if (err != 0)
		return err;
	*ret_name = last;
	*ret_name_len = last_len;
	return 0;
}

/* ---- the other way ---- */

/* The name under which `dir` has inode `ino`. */
static int name_in(struct fs_run *run, struct inode *dir, uint32_t ino, struct dir_entry *ret_entry)
{
	uint32_t slot = 0;
	int err;

	do {
		err = dir_next(run, dir, &slot, ret_entry);
	} while (err == 0 && ret_entry->id.inode != ino);
	return err;
}

int path_of(struct fs_run *run, uint32_t snapshot, uint32_t ino, uint32_t parent, char *ret_path)
{
	char path[FS_PATH_MAX];
	size_t at = sizeof path - 1U;

	path[at] = '\0';
	for (unsigned depth = 0; depth < FS_PATH_MAX / 2U && ino != FS_INO_ROOT; depth++) {
		struct dir_entry entry;
		struct inode *dir;
		int err = inode_get(run, snapshot, parent, &dir);

		if (err == 0)
			err = dir_check_inode(dir);
		if (err == 0)
			err = name_in(run, dir, ino, &entry);
		if (err != 0)
			return err;
		if (entry.name_len + 1U > at)
			return -ENAMETOOLONG;
		at -= entry.name_len;
		memcpy(path + at, entry.name, entry.name_len);
		path[--at] = '/';
		ino = parent;
		err = ino == FS_INO_ROOT ? 0 : dir_parent(run, dir, &parent);
		if (err != 0)
			return err;
	}
	memcpy(ret_path, path + at, sizeof path - at);
	return 0;
}
