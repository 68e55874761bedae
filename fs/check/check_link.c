/* SPDX-License-Identifier: Apache-2.0 */
/* Links: what directories and streams name, against what inodes say; the way from every directory to its root. */
#include "fs/check/check_fix.h"
#include "fs/check/check_private.h"
#include "fs/file/cache.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/names/dir.h"

#define MARK_ROOTED UINT32_MAX

static bool is_root(uint32_t ino)
{
	return ino == INO_ROOT || ino == INO_DOCS;
}

/* Directories are marked with the walk that met them first; meeting one of this same walk is a circle. */
static void way_up(struct check *check, struct check_dir *dir, uint32_t walk)
{
	struct check_dir *at = dir;
	bool rooted;

	while (at != NULL && at->mark == 0 && !is_root(at->ino)) {
		at->mark = walk;
		at = at->parent != 0 ? check_dir_find(check, at->parent) : NULL;
	}
	rooted = at != NULL && (is_root(at->ino) || at->mark == MARK_ROOTED);
	if (at != NULL && at->mark == walk)
		check_found(check, CHECK_INODE,
		            "directory %u: lies in a circle of directories, out of the root's reach", at->ino);
	for (at = dir; rooted && at != NULL && at->mark == walk; at = check_dir_find(check, at->parent))
		at->mark = MARK_ROOTED;
}

static void nlink_fix(struct check *check, uint32_t ino, unsigned nlink)
{
	if (nlink > FS_LINK_MAX || check->inodes.names_lost)
		return;
	check_found_repairable(check);
	check_fix(check, FIX_INODE, ino, FIELD_NLINK, nlink);
}

/* Of what can stand in a directory. Streams belong to a file that is known no more. */
static bool type_has_names(unsigned type)
{
	return type == FS_TYPE_VDISK || (type >= FS_TYPE_REG && type <= FS_TYPE_SOCK);
}

/* NS2: ".." as block 0 has it. */
static int parent_check(struct fs_run *run, const struct check_dir *dir)
{
	struct check *check = check_of(run);
	uint32_t parent, expected = is_root(dir->ino) ? dir->ino : dir->parent;
	struct inode *inode;
	int err = inode_get(run, check->image, dir->ino, &inode);

	if (err == 0)
		err = dir_parent(run, inode, &parent);
	if (err == -EAGAIN)
		return err;
	if (err == 0 && expected != 0 && parent != expected) {
		check_found(check, CHECK_INODE, "directory %u: its parent is %u, its own record says %u", dir->ino,
		            expected, parent);
		check_found_repairable(check);
		check_fix(check, FIX_DIR_PARENT, dir->ino, 0, expected);
	}
	return 0; /* what cannot be read was found before */
}

static int dirs_check(struct fs_run *run)
{
	struct check *check = check_of(run);

	for (; check->dir_cursor < check->inodes.n_dirs; check->dir_cursor++) {
		struct check_dir *dir = &check->inodes.dirs[check->dir_cursor];
		const struct check_inode *inode = check_inode_find(check, dir->ino);
		int err = parent_check(run, dir);

		if (err != 0)
			return err;
		cache_unpin_all(run);
		way_up(check, dir, (uint32_t)check->dir_cursor + 1U);
		if (inode->nlink != dir->n_subdirs + 2U) {
			check_found(check, CHECK_INODE, "directory %u: link count %u, expected %u", dir->ino,
			            inode->nlink, dir->n_subdirs + 2U);
			nlink_fix(check, dir->ino, dir->n_subdirs + 2U);
		}
		err = check_pace(run, 1);
		if (err != 0) {
			check->dir_cursor++;
			return err;
		}
	}
	return 0;
}

/* NS1: a count of links is the number of names. */
static void inode_links_check(struct check *check, uint32_t ino, const struct check_inode *inode)
{
	if (ino < INO_FIRST_DYNAMIC) {
		if (is_root(ino) || inode->nlink == 1)
			return;
		check_found(check, CHECK_INODE, "inode %u: link count %u, expected 1", ino, inode->nlink);
		nlink_fix(check, ino, 1);
	} else if (inode->n_names == 0) {
		check_found(check, CHECK_INODE, "inode %u: an orphan of type %u: nothing names it", ino, inode->type);
		if (!type_has_names(inode->type) || check->inodes.names_lost)
			return;
		check_found_repairable(check);
		check_fix(check, FIX_ORPHAN, ino, 0, 0);
	} else if (inode->type != FS_TYPE_DIR && inode->n_names != inode->nlink) {
		check_found(check, CHECK_INODE, "inode %u: link count %u, %u found", ino, inode->nlink, inode->n_names);
		nlink_fix(check, ino, inode->n_names);
	}
}

int check_link_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct check_inode_table *table = &check->inodes;
	int err = dirs_check(run);

	if (err != 0)
		return err;
	if (!check->started)
		table->cursor = 0;
	check->started = true;
	while (table->cursor < table->n_chunks) {
		uint32_t base = table->cursor++ * CHECK_INODE_CHUNK;

		for (uint32_t i = 0; i < CHECK_INODE_CHUNK && table->chunks[base / CHECK_INODE_CHUNK] != NULL; i++) {
			const struct check_inode *inode = check_inode_find(check, base + i);

			if (inode != NULL)
				inode_links_check(check, base + i, inode);
		}
		err = check_pace(run, 64);
		if (err != 0)
			return err;
	}
	return 0;
}
