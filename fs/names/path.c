/* SPDX-License-Identifier: Apache-2.0 */
/* Paths inside a volume, component by component: "/dir/x", "/.snapshot/s1/x". No symlink is followed. */
#include "fs/names/path.h"

#include <string.h>

#include "fs/file/cache.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "fs/names/ancestry.h"
#include "fs/names/dir.h"
#include "fs/names/namespace.h"
#include "fs/names/pathwalk.h"

/* Beside a name that is looked at (run_may). */
#define COMPONENT_COST 16U
#define LEVEL_COST 16U

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

/* How many there are, and the last one. */
static unsigned count_components(const char *path, const char **ret_last, size_t *ret_len)
{
	const char *name;
	unsigned n = 0;
	size_t len;
	for (; (len = next_component(&path, &name)) != 0; n++) {
		*ret_last = name;
		*ret_len = len;
	}
	return n;
}

/* What the walk has passed may leave memory. Not before it has got on: a read that failed is forgotten, and would be
 * tried for ever. */
static void let_go(struct fs_run *run)
{
	if (run->n_waiting == 0)
		cache_unpin_all(run);
}

/* ---- down ---- */

/* One component more. */
static int step_down(struct fs_run *run, struct path_walk *walk, const struct fs_file_id *root)
{
	const struct path_step *last = walk->n == 0 ? NULL : &walk->steps[walk->n - 1U];
	const char *name, *rest = walk->text + (last == NULL ? 0 : last->at);
	size_t len = next_component(&rest, &name);
	struct fs_file_id id;
	int err = run_may(run, COMPONENT_COST) ? 0 : run_yield(run);
	if (err == 0)
		err = namespace_lookup(run, run->msg == NULL ? NULL : run->msg->cred, last == NULL ? root : &last->id,
		                       name, len, &id);
	if (err != 0)
		return err;
	if (!pathwalk_push(walk, &id, (size_t)(rest - walk->text)))
		return run_no_memory(run);
	let_go(run);
	return 0;
}

/* The first `n` components. *ret_active: the last on the way that is in no snapshot. */
static int walk_down(struct fs_run *run, const char *path, unsigned n, struct fs_file_id *ret_id,
                     struct fs_file_id *ret_active)
{
	struct path_walk *walk = pathwalk_down(run, path);
	struct fs_file_id root;
	int err = walk == NULL ? run_no_memory(run) : namespace_id_of_ino(run, 0, FS_INO_ROOT, &root);
	while (err == 0 && walk->n < n)
		err = step_down(run, walk, &root);
	if (err != 0)
		return err;
	*ret_id = n == 0 ? root : walk->steps[n - 1U].id;
	while (n > 0 && walk->steps[n - 1U].id.snapshot != 0)
		n--;
	*ret_active = n == 0 ? root : walk->steps[n - 1U].id;
	return 0;
}

static int resolve(struct fs_run *run, const char *path, struct fs_file_id *ret_id, struct fs_file_id *ret_active)
{
	const char *last;
	size_t len;
	if (strnlen(path, FS_PATH_MAX) == FS_PATH_MAX)
		return -ENAMETOOLONG;
	return walk_down(run, path, count_components(path, &last, &len), ret_id, ret_active);
}

int path_resolve(struct fs_run *run, const char *path, struct fs_file_id *ret_id)
{
	struct fs_file_id active;
	return resolve(run, path, ret_id, &active);
}

int path_resolve_beneath(struct fs_run *run, const char *path, const struct fs_file_id *top, struct fs_file_id *ret_id)
{
	struct fs_file_id active;
	int err = resolve(run, path, ret_id, &active);

	if (err == 0)
		err = ancestry_check_below(run, top->snapshot == 0 ? &active : ret_id, top);
	return err == -ESTALE ? -ENOENT : err;
}

int path_resolve_parent(struct fs_run *run, const char *path, struct fs_file_id *ret_dir, const char **ret_name,
                        size_t *ret_name_len)
{
	struct fs_file_id active;
	const char *last = NULL;
	size_t last_len = 0;
	if (strnlen(path, FS_PATH_MAX) == FS_PATH_MAX)
		return -ENAMETOOLONG;
	unsigned n = count_components(path, &last, &last_len);
	if (n == 0)
		return -EINVAL;
	if (last_len > FS_NAME_MAX)
		return -ENAMETOOLONG;
	int err = walk_down(run, path, n - 1U, ret_dir, &active);
	if (err != 0)
		return err;
	*ret_name = last;
	*ret_name_len = last_len;
	return 0;
}

/* ---- up ---- */

/* The name under which `dir` has inode `ino`: looked for from *io_slot on, then before it. */
static int name_in(struct fs_run *run, struct path_walk *walk, struct inode *dir, uint32_t *io_slot,
                   struct dir_entry *ret_entry)
{
	uint32_t ino = walk->steps[walk->n - 1U].id.inode;
	bool passed = false;
	int err;

	if (!walk->searching) {
		walk->searching = true;
		walk->again = false;
		walk->first = walk->slot = *io_slot;
	}
	do {
		err = run_may(run, 1) ? dir_next(run, dir, &walk->slot, ret_entry) : run_yield(run);
		if (err == 0 && !passed) {
			let_go(run);
			passed = true;
		}
		if (err == -ENOENT && !walk->again && walk->first != 0) {
			walk->again = true;
			walk->slot = 0;
			err = run_yield(run);
		}
		if (err == 0 && walk->again && ret_entry->slot >= walk->first)
			err = -ENOENT;
	} while (err == 0 && ret_entry->id.inode != ino);
	walk->searching = err == -EAGAIN;
	if (err == 0)
		*io_slot = ret_entry->slot;
	return err;
}

/* From the inode where the walk is to the directory that names it. *io_slot: that of the first. */
static int step_up(struct fs_run *run, struct path_walk *walk, uint32_t *io_slot)
{
	const struct path_step *at = &walk->steps[walk->n - 1U];
	uint32_t parent = walk->parent;
	struct dir_entry entry;
	struct inode *inode, *dir;
	int err = run_may(run, LEVEL_COST) ? 0 : run_yield(run);

	if (err == 0 && walk->n > 1U) {
		err = inode_get(run, at->id.snapshot, at->id.inode, &inode);
		if (err == 0) {
			err = dir_parent(run, inode, &parent);
			io_slot = &inode->name_slot;
		}
	}
	if (err == 0)
		err = inode_get(run, at->id.snapshot, parent, &dir);
	if (err == 0)
		err = dir_check_inode(dir);
	if (err == 0)
		err = name_in(run, walk, dir, io_slot, &entry);
	if (err != 0)
		return err;
	if (entry.name_len + 1U > at->at)
		return -ENAMETOOLONG;
	size_t begin = at->at - entry.name_len - 1U;
	walk->text[begin] = '/';
	memcpy(walk->text + begin + 1U, entry.name, entry.name_len);
	return pathwalk_push(walk, &(struct fs_file_id){ at->id.snapshot, parent, 0 }, begin) ? 0 : run_no_memory(run);
}

int path_of(struct fs_run *run, const struct fs_file_id *id, uint32_t parent, uint32_t *io_slot, char *ret_path)
{
	struct path_walk *walk = parent == 0 ? NULL : pathwalk_up(run, id->snapshot, id->inode, parent);
	int err = 0;

	if (walk == NULL)
		return parent == 0 ? -ENOENT : run_no_memory(run);
	while (err == 0 && walk->steps[walk->n - 1U].id.inode != FS_INO_ROOT)
		err = step_up(run, walk, io_slot);
	if (err != 0)
		return err;
	const char *path = walk->text + walk->steps[walk->n - 1U].at;
	memcpy(ret_path, path, strlen(path) + 1U);
	return 0;
}
