/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of the image: each is verified by itself (fs/names/dir_check.c), and what its entries name is counted in
 * the table of inodes. */
#include <stdlib.h>

#include "base/error.h"
#include "base/list.h"
#include "fs/check/check_fix.h"
#include "fs/check/check_private.h"
#include "fs/file/cache.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/names/dir.h"
#include "fs/vdisk/docs.h"

/* The directory in work. */
struct dir_state {
	struct check *check;
	struct check_dir *dir;
	struct dir_verify verify;
	const struct check_dir *fixed; /* noted for its index to be made anew */
	bool slots_bad;
};

void check_dir_fini(struct check *check)
{
	free(check->dir_state);
}

struct check_dir *check_dir_find(struct check *check, uint32_t ino)
{
	struct check_inode_table *table = &check->inodes;
	size_t low = 0, high = table->n_dirs;

	while (low < high) {
		size_t middle = low + (high - low) / 2U;

		if (table->dirs[middle].ino < ino)
			low = middle + 1U;
		else
			high = middle;
	}
	return low < table->n_dirs && table->dirs[low].ino == ino ? &table->dirs[low] : NULL;
}

static void subdir_found(struct check *check, struct check_dir *dir, const struct dir_entry *entry)
{
	struct check_dir *child = check_dir_find(check, entry->id.inode);

	dir->n_subdirs++;
	if (child == NULL)
		return;
	if (child->parent == 0)
		child->parent = dir->ino;
	else
		check_found(check, CHECK_INODE,
		            "directory %u, slot %u: names directory %u, which directory %u names, too", dir->ino,
		            entry->slot, child->ino, child->parent);
}

/* FR2; and no document stands anywhere else. */
static void document_check(struct check *check, const struct check_dir *dir, const struct dir_entry *entry,
                           unsigned type)
{
	bool fits = dir->ino == INO_DOCS ? type == FS_TYPE_META || docs_is_staged(entry) : type != FS_TYPE_META;

	if (!fits && entry->type == type)
		check_found(check, CHECK_INODE,
		            "directory %u, slot %u: \"%.*s\" names inode %u of type %u, which has no place there",
		            dir->ino, entry->slot, (int)entry->name_len, entry->name, entry->id.inode, type);
}

static void entry_found(void *arg, const struct dir_entry *entry)
{
	struct dir_state *state = arg;
	struct check *check = state->check;
	struct check_inode *inode = check_inode_find(check, entry->id.inode);

	if (entry->id.inode < INO_FIRST_DYNAMIC || inode == NULL) {
		check_found(check, CHECK_INODE, "directory %u, slot %u: \"%.*s\" names inode %u, which is %s",
		            state->dir->ino, entry->slot, (int)entry->name_len, entry->name, entry->id.inode,
		            inode == NULL ? "free" : "not for naming");
		if (inode == NULL) {
			/* its record may be lost: what it led to is not called free */
			check->maps.pointers_lost = true;
			return;
		}
		check_found_repairable(check);
		check_fix(check, FIX_ENTRY_REMOVE, state->dir->ino, entry->slot, 0);
		return;
	}
	if (inode->generation_hash != check_generation_hash(entry->id.generation))
		check_found(check, CHECK_INODE, "directory %u, slot %u: \"%.*s\" names inode %u of another generation",
		            state->dir->ino, entry->slot, (int)entry->name_len, entry->name, entry->id.inode);
	if (inode->type != entry->type) {
		check_found(check, CHECK_INODE, "directory %u, slot %u: \"%.*s\" says inode %u is of type %u, it is %u",
		            state->dir->ino, entry->slot, (int)entry->name_len, entry->name, entry->id.inode,
		            entry->type, inode->type);
		if (inode->type <= FS_TYPE_VDISK) {
			check_found_repairable(check);
			check_fix(check, FIX_ENTRY_TYPE, state->dir->ino, entry->slot, inode->type);
		}
	}
	document_check(check, state->dir, entry, inode->type);
	inode->n_names = (uint16_t)MIN_OF(inode->n_names + 1U, (unsigned)UINT16_MAX);
	if (inode->type == FS_TYPE_DIR)
		subdir_found(check, state->dir, entry);
}

/* Index and free table follow from the slots, if those are sound. */
static void dir_fault(void *arg, const char *text, bool derived)
{
	struct dir_state *state = arg;

	check_found(state->check, CHECK_INODE, "directory %u, block or bucket %u: %s", state->dir->ino,
	            state->verify.next, text);
	state->slots_bad |= !derived;
	state->check->inodes.names_lost |= !derived;
	if (!derived || state->slots_bad)
		return;
	check_found_repairable(state->check);
	if (state->fixed != state->dir)
		check_fix(state->check, FIX_DIR_INDEX, state->dir->ino, 0, 0);
	state->fixed = state->dir;
}

/* One directory: the verification block by block. */
static int dir_walk(struct fs_run *run, struct dir_state *state)
{
	while (!state->verify.done) {
		struct inode *inode;
		int err = inode_get(run, state->check->image, state->dir->ino, &inode);

		if (err == 0)
			err = dir_verify_step(run, inode, &state->verify);
		if (err != 0)
			return err;
		cache_unpin_all(run);
		err = check_pace(run, 1);
		if (err != 0)
			return err;
	}
	return 0;
}

int check_dir_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	struct dir_state *state = check->dir_state;

	if (state == NULL) {
		state = check->dir_state = calloc(1, sizeof(*state));
		if (state == NULL)
			return -ENOMEM;
		state->check = check;
	}
	for (; check->dir_cursor < check->inodes.n_dirs; check->dir_cursor++) {
		int err;

		if (state->dir != &check->inodes.dirs[check->dir_cursor]) {
			state->dir = &check->inodes.dirs[check->dir_cursor];
			state->slots_bad = false;
			state->verify = (struct dir_verify){ .visit = entry_found, .fault = dir_fault, .arg = state };
		}
		err = dir_walk(run, state);
		if (err == -EAGAIN || err == -ECANCELED)
			return err;
		if (err != 0) {
			check->inodes.names_lost = true;
			check_found(check, CHECK_BLOCK, "directory %u: cannot be read: %s", state->dir->ino,
			            error_name(err));
		}
	}
	check->dir_cursor = 0;
	return 0;
}
