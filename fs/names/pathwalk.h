/* SPDX-License-Identifier: Apache-2.0 */
/* Walks along paths that go on where they were.
 *
 * THEORY. A path has up to 2,048 components, and a directory on it millions of names. So a walk, down a path or up from
 * an inode, belongs to its run: what it has passed is kept while the run is parked, and the walk does not begin anew
 * when a block has been read or the loop had its turn. It is found again by what was asked.
 * A name that a walk has passed may be removed or renamed meanwhile. That tells all walks of the volume: one that has
 * passed the name goes back to it. So what a walk has passed is always as it is now.
 * Example: the walk up from /a/b/x is in / and looks for a. Somebody renames b: the walk looks for b again, in its
 * parent of now.
 * Inside a snapshot nothing changes. */
#ifndef FS_PATHWALK_H
#define FS_PATHWALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "fs/fs_types.h"

struct fs_run;
struct fs_volume;

struct path_step {
	struct fs_file_id id; /* where the walk came to (up: without its generation) */
	uint32_t at; /* down: end of its name in `text`; up: where the path from it on begins there */
};

struct path_walk {
	struct path_walk *next; /* the run's others */
	LIST_ENTRY(path_walk) link; /* the volume's */
	uint32_t parent; /* up: of the first step; 0: this is a walk down */
	unsigned n;
	size_t n_max;
	struct path_step *steps; /* up: the first is where it began */
	/* up: the name of the last step is being searched for */
	bool searching;
	bool again; /* from slot 0 on: it was not found at or behind `first` */
	uint32_t first, slot;
	char text[FS_PATH_MAX]; /* down: the path; up: the end of it, as far as it is known */
};

/* The run's walk down `path` (shorter than FS_PATH_MAX), or a new one. NULL: no memory. */
struct path_walk *pathwalk_down(struct fs_run *run, const char *path);
/* The run's walk up from inode `ino`, which directory `parent` names. NULL: no memory. */
struct path_walk *pathwalk_up(struct fs_run *run, uint32_t snapshot, uint32_t ino, uint32_t parent);
/* False: no memory. */
MUST_CHECK bool pathwalk_push(struct path_walk *walk, const struct fs_file_id *id, size_t at);
/* Inode `ino` of the active file system has lost a name, or a directory its parent. */
void pathwalk_cut(struct fs_volume *vol, uint32_t ino);
/* The run is done with what it asked: its walks are freed. */
void pathwalk_forget(struct fs_run *run);

#endif
