/* SPDX-License-Identifier: Apache-2.0 */
/* Walks from a directory up to the root. */
#include "fs/names/ancestry.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/list.h"
#include "fs/core/core.h"
#include "fs/file/cache.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "fs/names/dir.h"
#include "fs/names/namespace.h"

#define DEPTH_MAX 65536U
#define CHAIN_FIRST 16U
/* Levels in memory that are passed in one turn of the loop: some 50 us. */
#define LEVELS_A_TURN 128U

struct ancestry_walk {
	struct ancestry_walk *next; /* the run's others */
	LIST_ENTRY(ancestry_walk) link; /* the volume's */
	uint32_t snapshot;
	unsigned n;
	size_t n_max;
	uint32_t *chain; /* [0]: where it began; [n - 1]: where it is */
};

/* ---- a walk ---- */

static int chain_push(struct ancestry_walk *walk, uint32_t ino)
{
	if (walk->n == DEPTH_MAX)
		return -EUCLEAN; /* in a circle */
	if (!ARRAY_ROOM(walk->chain, walk->n, walk->n_max, CHAIN_FIRST))
		return -ENOMEM;
	walk->chain[walk->n++] = ino;
	return 0;
}

static void walk_free(struct ancestry_walk *walk)
{
	LIST_REMOVE(walk, link);
	free(walk->chain);
	free(walk);
}

/* The run's walk that began at `ino`, or a new one. NULL: no memory. */
static struct ancestry_walk *walk_of(struct fs_run *run, uint32_t snapshot, uint32_t ino)
{
	struct ancestry_walk *walk = run->walks;

	while (walk != NULL && (walk->chain[0] != ino || walk->snapshot != snapshot))
		walk = walk->next;
	if (walk != NULL)
		return walk;
	walk = calloc(1, sizeof *walk);
	if (walk == NULL)
		return NULL;
	walk->snapshot = snapshot;
	LIST_INSERT_HEAD(&run->vol->walks, walk, link);
	if (chain_push(walk, ino) != 0) {
		walk_free(walk);
		return NULL;
	}
	walk->next = run->walks;
	run->walks = walk;
	return walk;
}

void ancestry_forget(struct fs_run *run)
{
	while (run->walks != NULL) {
		struct ancestry_walk *walk = run->walks;

		run->walks = walk->next;
		walk_free(walk);
	}
}

void ancestry_moved(struct fs_volume *vol, uint32_t ino)
{
	struct ancestry_walk *walk;

	vol->n_moves++;
	LIST_FOREACH(walk, &vol->walks, link) {
		for (unsigned i = 0; i < walk->n && walk->snapshot == 0; i++) {
			if (walk->chain[i] == ino)
				walk->n = i + 1U;
		}
	}
}

/* From where the walk is to the directory above. */
static int step_up(struct fs_run *run, struct ancestry_walk *walk, struct inode *at)
{
	uint32_t parent;
	int err = dir_parent(run, at, &parent);

	if (err == 0)
		err = parent == 0 ? -EUCLEAN : chain_push(walk, parent);
	return err == -ENOMEM ? run_no_memory(run) : err;
}

static bool is_known_below(const struct inode *dir, uint32_t top)
{
	return dir->below.top == top && dir->below.n_moves == dir->vol->n_moves;
}

/* Walk up from `from` until `top` is reached, or a directory that is known to be below it (1), or the root (0). */
static int climb(struct fs_run *run, const struct inode *from, uint32_t top)
{
	struct ancestry_walk *walk = walk_of(run, from->snapshot, from->ino);

	if (walk == NULL)
		return run_no_memory(run);
	for (unsigned level = 0;; level++) {
		uint32_t ino = walk->chain[walk->n - 1U];
		struct inode *at;
		int err;

		if (ino == top || ino == FS_INO_ROOT)
			return ino == top;
		if (level == LEVELS_A_TURN)
			return run_yield(run);
		err = inode_get(run, from->snapshot, ino, &at);
		if (err == 0 && is_known_below(at, top))
			return 1;
		if (err == 0)
			err = step_up(run, walk, at);
		if (err != 0)
			return err == -ESTALE ? -EUCLEAN : err;
		/* Not before it has got on: a read that failed is forgotten, and would be tried for ever. */
		if (run->n_waiting == 0)
			cache_unpin_all(run); /* of the level passed */
	}
}

/* ---- questions ---- */

int ancestry_check_cycle(struct fs_run *run, const struct inode *inode, const struct inode *dir)
{
	int rc = climb(run, dir, inode->ino);

	return rc > 0 ? -EINVAL : rc;
}

int ancestry_check_below(struct fs_run *run, const struct fs_file_id *id, const struct fs_file_id *top)
{
	struct inode *dir, *top_dir;
	int rc;

	if (id->snapshot != top->snapshot)
		return top->snapshot == 0 ? 0 : -ESTALE;
	rc = namespace_is_snapdir(id) ? snapdir_dir(run, id, &dir) : inode_get_id(run, id, &dir);
	if (rc != 0 || dir->attr.type != FS_TYPE_DIR)
		return rc;
	rc = inode_get_id(run, top, &top_dir);
	if (rc != 0 || dir == top_dir || is_known_below(dir, top->inode))
		return rc;
	rc = climb(run, dir, top->inode);
	if (rc != 1)
		return rc == 0 ? -ESTALE : rc;
	dir->below = (struct inode_below){ .n_moves = run->vol->n_moves, .top = top->inode };
	return 0;
}

int ancestry_admit(struct fs_run *run)
{
	const struct fs_message *msg = run->msg;
	int err;

	if (msg->op == FS_RESOLVE) /* it names a path: op_resolve looks at what that leads to */
		return 0;
	err = ancestry_check_below(run, &msg->file, &msg->in.beneath);
	if (err == 0 && (msg->op == FS_RENAME || msg->op == FS_LINK))
		err = ancestry_check_below(run, &msg->in.to_dir, &msg->in.beneath);
	return err;
}
