/* SPDX-License-Identifier: Apache-2.0 */
/* Walks along paths: kept in their run, and told what changes. */
#include "fs/names/pathwalk.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "fs/core/core.h"
#include "fs/file/run.h"

#define STEPS_FIRST 8U

static struct path_walk *walk_new(struct fs_run *run, uint32_t parent)
{
	struct path_walk *walk = malloc(sizeof *walk);

	if (walk == NULL)
		return NULL;
	memset(walk, 0, offsetof(struct path_walk, text));
	walk->parent = parent;
	walk->next = run->path_walks;
	run->path_walks = walk;
	LIST_INSERT_HEAD(&run->vol->path_walks, walk, link);
	return walk;
}

static void walk_free(struct path_walk *walk)
{
	LIST_REMOVE(walk, link);
	free(walk->steps);
	free(walk);
}

bool pathwalk_push(struct path_walk *walk, const struct fs_file_id *id, size_t at)
{
	if (!ARRAY_ROOM(walk->steps, walk->n, walk->n_max, STEPS_FIRST))
		return false;
	walk->steps[walk->n++] = (struct path_step){ *id, (uint32_t)at };
	return true;
}

struct path_walk *pathwalk_down(struct fs_run *run, const char *path)
{
	struct path_walk *walk = run->path_walks;

	while (walk != NULL && (walk->parent != 0 || strcmp(walk->text, path) != 0))
		walk = walk->next;
	if (walk != NULL)
		return walk;
	walk = walk_new(run, 0);
	if (walk != NULL)
		memcpy(walk->text, path, strlen(path) + 1U);
	return walk;
}

struct path_walk *pathwalk_up(struct fs_run *run, uint32_t snapshot, uint32_t ino, uint32_t parent)
{
	const struct fs_file_id id = { snapshot, ino, 0 };
	struct path_walk *walk = run->path_walks;

	while (walk != NULL && (walk->parent != parent || memcmp(&walk->steps[0].id, &id, sizeof id) != 0))
		walk = walk->next;
	if (walk != NULL)
		return walk;
	walk = walk_new(run, parent);
	if (walk == NULL)
		return NULL;
	walk->text[FS_PATH_MAX - 1U] = '\0';
	if (pathwalk_push(walk, &id, FS_PATH_MAX - 1U))
		return walk;
	run->path_walks = walk->next;
	walk_free(walk);
	return NULL;
}

void pathwalk_cut(struct fs_volume *vol, uint32_t ino)
{
	struct path_walk *walk;

	LIST_FOREACH(walk, &vol->path_walks, link) {
		for (unsigned i = 0; i < walk->n; i++) {
			if (walk->steps[i].id.snapshot != 0 || walk->steps[i].id.inode != ino)
				continue;
			walk->n = walk->parent == 0 ? i : i + 1U;
			walk->searching = false;
		}
	}
}

void pathwalk_forget(struct fs_run *run)
{
	while (run->path_walks != NULL) {
		struct path_walk *walk = run->path_walks;

		run->path_walks = walk->next;
		walk_free(walk);
	}
}
