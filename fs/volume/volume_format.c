/* SPDX-License-Identifier: Apache-2.0 */
/* Making an empty volume: fixed inodes in memory, and one consistency point. */
#include <stdlib.h>

#include "base/list.h"
#include "base/reserve.h"
#include "base/uuid.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/cp/cp_wait.h"
#include "fs/cp/maps.h"
#include "fs/cp/space.h"
#include "fs/file/cache.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/inode_table.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/names/dir.h"
#include "fs/volume.h"
#include "fs/volume/volume_life.h"
#include "fs/volume/volume_private.h"
#include "raid/raid.h"

#define FORMAT_CACHE_PAGES 4096U

struct format {
	struct world *world;
	char name[FS_NAME_MAX + 1U];
	char **urls;
	unsigned n_urls;
	void (*done)(void *arg, int err);
	void *arg;
	struct fs_volume *vol;
	struct fs_run run;
	struct cp_waiter waiter;
	struct task task;
	int err;
};

static void format_end(struct format *format, int err)
{
	for (unsigned i = 0; i < format->n_urls; i++)
		free(format->urls[i]);
	free(format->urls);
	format->done(format->arg, err);
	free(format);
}

static void format_closed(void *arg, int err)
{
	struct format *format = arg;

	format_end(format, format->err != 0 ? format->err : err);
}

static void format_close_task(struct task *task)
{
	struct format *format = container_of(task, struct format, task);
	struct fs_volume *vol = format->vol;
	struct raid *raid = vol->raid;

	run_fini(&format->run);
	volume_free_parts(vol);
	fs_volume_put(vol);
	raid_close(raid, format_closed, format);
}

static void format_durable(struct cp_waiter *waiter, int err)
{
	struct format *format = container_of(waiter, struct format, waiter);

	format->err = err;
	format->task.run = format_close_task;
	world_defer(format->world, &format->task);
}

int volume_format_cp_step(struct fs_run *run)
{
	int err;

	if (!run->vol->formatting)
		return 0;
	err = maps_need(run, 0);
	if (err == 0)
		maps_set_active(run->vol->cp, VBN_HOLE);
	return err;
}

static struct inode *fixed_inode(struct fs_volume *vol, uint32_t ino, enum fs_type type, uint16_t mode)
{
	int64_t now = volume_now_ns(vol);
	struct inode_attr attr = {
		.type = (uint8_t)type,
		.mode = mode,
		.nlink = type == FS_TYPE_DIR ? 2 : 1,
		.generation = 1,
		.atime_ns = now,
		.mtime_ns = now,
		.ctime_ns = now,
	};

	return inode_create(vol, ino, &attr);
}

/* The inode map has no inode yet when the first numbers are taken: it is made before it can be asked. */
static void metafiles_make(struct fs_volume *vol)
{
	static const uint32_t inos[] = { INO_INODE_MAP, INO_ACTIVE_MAP, INO_SUMMARY_MAP,
		                         INO_SPACE_MAP, INO_ZOMBIES,    INO_VTOC };
	struct inode **slots[] = { &vol->inode_map, &vol->active_map, &vol->summary_map,
		                   &vol->space_map, &vol->zombies,    NULL };

	vol->inode_file->attr = (struct inode_attr){ .type = FS_TYPE_META, .nlink = 1, .generation = 1 };
	vol->snapshot_file->attr = vol->inode_file->attr;
	vol->inode_map = inode_new(vol, 0, INO_INODE_MAP);
	inode_unpin(vol->inode_map);
	for (unsigned i = 0; i < ARRAY_SIZE(inos); i++) {
		struct inode *inode = fixed_inode(vol, inos[i], FS_TYPE_META, 0);

		if (slots[i] != NULL) {
			*slots[i] = inode;
			inode_pin(inode);
		}
	}
}

static int format_step(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct inode *root, *docs;
	uint8_t *map;
	int err = run_reserve(run, 64);

	if (err != 0)
		return err;
	metafiles_make(vol);
	root = fixed_inode(vol, INO_ROOT, FS_TYPE_DIR, 0755);
	docs = fixed_inode(vol, INO_DOCS, FS_TYPE_DIR, 0700);
	dir_init(root, INO_ROOT, cache_page_take(vol));
	dir_init(docs, INO_DOCS, cache_page_take(vol));
	map = file_edit(vol->inode_map, 0);
	memset(map, 0xFF, INO_FIRST_DYNAMIC / 8U); /* 0..63: fixed or kept */
	vol->inodes_used = 1; /* what a user sees: the root */
	return 0;
}

static void format_made(struct fs_run *run, int err)
{
	struct format *format = run->arg;

	format->waiter.durable = format_durable;
	if (err != 0)
		format_durable(&format->waiter, err);
	else
		cp_wait(run->vol, &format->waiter);
}

static void format_opened(void *arg, int err, struct raid *raid)
{
	static const struct fs_mount_options options = { .cache_pages = FORMAT_CACHE_PAGES };
	struct format *format = arg;
	struct fs_volume *vol;

	if (err == 0)
		err = volume_new(format->world, raid, &options, &format->vol);
	if (err != 0) {
		format_end(format, err);
		return;
	}
	vol = format->vol;
	memcpy(vol->name, format->name, sizeof(vol->name));
	vol->generation = 1;
	vol->next_generation = 2;
	vol->created_ns = volume_now_ns(vol);
	vol->formatting = true;
	vol->space->names_counted = true;
	world_random(vol->world, vol->handle_key, sizeof(vol->handle_key));
	atomic_store(&vol->state, VOLUME_STOPPING); /* its one CP is a clean one */
	run_init(&format->run, vol, format_step, format_made, format);
	run_start_later(&format->run);
}

static void format_labelled(void *arg, int err)
{
	struct format *format = arg;

	if (err != 0)
		format_end(format, err);
	else
		raid_open(format->world, (const char *const *)format->urls, format->n_urls, NULL, format_opened,
		          format);
}

void fs_volume_format(struct world *world, const char *name, const struct raid_spec *spec,
                      void (*done)(void *arg, int err), void *arg)
{
	struct format *format = reserve_calloc(1, sizeof(*format));
	uint8_t random[16];
	struct uuid uuid;

	format->world = world;
	format->done = done;
	format->arg = arg;
	for (unsigned g = 0; g < spec->n_groups; g++)
		format->n_urls += spec->groups[g].n_disks;
	format->urls = reserve_calloc(format->n_urls + 1U, sizeof(char *));
	format->n_urls = 0;
	for (unsigned g = 0; g < spec->n_groups; g++) {
		for (unsigned i = 0; i < spec->groups[g].n_disks; i++)
			format->urls[format->n_urls++] = strdup(spec->groups[g].disk_urls[i]);
	}
	if (name[0] == '\0' || strlen(name) >= sizeof(((struct fsinfo_disk *)0)->name)) {
		format_end(format, -EINVAL);
		return;
	}
	memcpy(format->name, name, strlen(name));
	world_random(world, random, sizeof(random));
	uuid = uuid_from_random(random);
	raid_format(world, spec, &uuid, format_labelled, format);
}
