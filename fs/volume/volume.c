/* SPDX-License-Identifier: Apache-2.0 */
/* Mounting and unmounting.
 *
 * THEORY. Mount: assemble the disks and decode the newest fsinfo. Load metafiles, counts, snapshots and zombies. Apply
 * the log, write a consistency point, load the vdisks, serve. A read-only mount writes nothing: it is refused when
 * there is something to apply.
 * Unmount: take no new messages, wait for those under way, write a last CP that says "clean", close the disks. */
#include "fs/volume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/core/hooks.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/reserve.h"
#include "base/siphash.h"
#include "base/uuid.h"
#include "base/world.h"
#include "fs/clone/clone.h"
#include "fs/core/core.h"
#include "fs/core/volume_counters.h"
#include "fs/cp/alloc.h"
#include "fs/cp/calls.h"
#include "fs/cp/cp.h"
#include "fs/cp/cp_wait.h"
#include "fs/cp/fsinfo.h"
#include "fs/cp/maps.h"
#include "fs/cp/message_run.h"
#include "fs/cp/space.h"
#include "fs/cp/zombie.h"
#include "fs/file/cache.h"
#include "fs/file/inode.h"
#include "fs/file/inode_table.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/format/fsformat.h"
#include "fs/log/nvlog.h"
#include "fs/scrub/scrub.h"
#include "fs/snapshot/file_restore.h"
#include "fs/snapshot/restore.h"
#include "fs/snapshot/snapshot.h"
#include "fs/vdisk/vdisk.h"
#include "fs/volume/hostfull.h"
#include "fs/volume/volume_life.h"
#include "fs/volume/volume_private.h"
#include "raid/raid.h"

/* ---- parts ---- */

static int parts_init(struct fs_volume *vol)
{
	int (*const inits[])(struct fs_volume *) = { inode_table_init,  snapshot_table_init, maps_init,
		                                     alloc_init,        space_init,          zombie_init,
		                                     nvlog_init,        message_pool_init,   cp_init,
		                                     file_restore_init, scrub_init };
	int err = cache_init(vol, vol->options.cache_pages);

	for (unsigned i = 0; err == 0 && i < ARRAY_SIZE(inits); i++)
		err = inits[i](vol);
	return err;
}

static void metafile_files_new(struct fs_volume *vol)
{
	vol->inode_file = inode_new(vol, 0, INO_INODE_FILE);
	vol->snapshot_file = inode_new(vol, 0, INO_SNAPSHOT_TABLE);
	vol->inode_file->loaded = vol->snapshot_file->loaded = true;
}

int volume_new(struct world *world, struct raid *raid, const struct fs_mount_options *options,
               struct fs_volume **ret_vol)
{
	struct fs_volume *vol = calloc(1, sizeof(*vol));
	int err;

	if (vol == NULL)
		return -ENOMEM;
	vol->counters = calloc(1, sizeof(*vol->counters));
	if (vol->counters == NULL) {
		free(vol);
		return -ENOMEM;
	}
	vol->hooks = &volume_hooks;
	vol->world = world;
	vol->raid = raid;
	vol->options = *options;
	vol->options.cache_pages = MAX_OF(options->cache_pages, (size_t)2048);
	vol->uuid = *raid_volume_uuid(raid);
	vol->read_only = options->read_only;
	vol->refs = 1;
	atomic_store(&vol->state, VOLUME_MOUNTING);
	for (unsigned i = 0; i < 2; i++)
		TAILQ_INIT(&vol->dirty_inodes[i]);
	TAILQ_INIT(&vol->cp_waiters);
	TAILQ_INIT(&vol->page_waiters);
	TAILQ_INIT(&vol->idle_waiters);
	world_random(world, &vol->epoch, sizeof(vol->epoch));
	err = parts_init(vol);
	if (err != 0) {
		volume_free_parts(vol);
		free(vol->counters);
		free(vol);
		return err;
	}
	metafile_files_new(vol);
	*ret_vol = vol;
	return 0;
}

void volume_free_parts(struct fs_volume *vol)
{
	world_timer_cancel(&vol->page_timer);
	cp_fini(vol);
	restore_fini(vol);
	file_restore_fini(vol);
	scrub_fini(vol);
	if (vol->nvlog != NULL)
		nvlog_fini(vol);
	zombie_fini(vol);
	inode_table_fini(vol);
	cache_fini(vol);
	snapshot_table_fini(vol);
	maps_fini(vol);
	alloc_fini(vol);
	space_fini(vol);
	message_pool_fini(vol);
	calls_fini(vol);
}

/* ---- closing ---- */

#define QUIET_POLL_NS 1000000U /* what is under way may be waiting for disks: time must pass */

bool volume_is_quiet(const struct fs_volume *vol)
{
	return vol->n_reading == 0 && nvlog_is_idle(vol) && cp_is_quiet(vol) && !vol->inodes->trim.queued;
}

static void close_try(struct timer *timer)
{
	struct volume_close *close = container_of(timer, struct volume_close, timer);
	struct fs_volume *vol = close->vol;

	if (!volume_is_quiet(vol)) {
		world_timer_set(vol->world, timer, QUIET_POLL_NS);
		return;
	}
	clone_unmount(vol); /* what has not been yet */
	vdisk_unmount(vol);
	hostfull_fini(vol);
	volume_free_parts(vol);
	atomic_store(&vol->state, VOLUME_OFFLINE);
	raid_close(vol->raid, close->done, close->arg);
	fs_volume_put(vol);
}

void volume_close(struct volume_close *close, struct fs_volume *vol, void (*done)(void *arg, int err), void *arg)
{
	*close = (struct volume_close){ .vol = vol, .done = done, .arg = arg, .timer = { .fire = close_try } };
	world_timer_set(vol->world, &close->timer, 0);
}

/* ---- mounting ---- */

enum mount_stage { MOUNT_METAFILES, MOUNT_MAPS, MOUNT_SNAPSHOTS, MOUNT_ZOMBIES, MOUNT_CALLS, MOUNT_VDISKS };

struct mount {
	struct world *world;
	struct fs_mount_options options;
	void (*done)(void *arg, int err, struct fs_volume *volume);
	void *arg;
	struct fs_volume *vol;
	struct raid *raid; /* while it gets a new identity */
	struct fs_run run;
	enum mount_stage stage;
	struct cp_waiter cp_waiter;
	struct volume_close close;
	uint64_t n_records;
	int err;
};

static void mount_closed(void *arg, int err)
{
	struct mount *mount = arg;

	(void)err;
	mount->done(mount->arg, mount->err, NULL);
	free(mount);
}

static void mount_fail(struct mount *mount, int err)
{
	mount->err = raid_is_cut_off(mount->vol->raid) ? -ENOSPC : err;
	run_fini(&mount->run);
	atomic_store(&mount->vol->state, VOLUME_STOPPING); /* no more CPs for work in the background */
	mount->vol->cp_barred = true; /* and none of what was half applied */
	volume_close(&mount->close, mount->vol, mount_closed, mount);
}

static int mount_step(struct fs_run *run)
{
	struct mount *mount = run->arg;
	int err = 0;

	if (mount->stage == MOUNT_METAFILES && (err = inode_metafiles_load(run)) == 0)
		mount->stage = MOUNT_MAPS;
	if (mount->stage == MOUNT_MAPS && (err = maps_load(run)) == 0)
		mount->stage = MOUNT_SNAPSHOTS;
	if (mount->stage == MOUNT_SNAPSHOTS && (err = snapshot_table_load(run)) == 0)
		/* a restore takes the snapshot's */
		mount->stage = mount->options.restore_to != NULL ? MOUNT_CALLS : MOUNT_ZOMBIES;
	if (mount->stage == MOUNT_ZOMBIES && (err = zombie_load(run)) == 0)
		mount->stage = MOUNT_CALLS;
	if (mount->stage == MOUNT_CALLS && (err = calls_load(run)) == 0)
		mount->stage = MOUNT_VDISKS;
	return err;
}

static void mount_online(struct mount *mount)
{
	struct fs_volume *vol = mount->vol;
	int err = volume_table_insert(vol);

	if (err != 0) {
		clone_unmount(vol);
		vdisk_unmount(vol);
		mount_fail(mount, err);
		return;
	}
	atomic_store(&vol->state, VOLUME_ONLINE);
	if (!vol->read_only)
		cp_enable_timer(vol);
	hostfull_serve(vol);
	space_level_update(vol);
	space_count_begin(vol);
	file_restore_sweep(vol);
	log_info("fs", "volume_online", "volume=%s cp=%llu replayed=%llu clean=%s", vol->name,
	         (unsigned long long)vol->generation, (unsigned long long)mount->n_records,
	         vol->was_clean ? "yes" : "no");
	run_fini(&mount->run);
	mount->done(mount->arg, 0, vol);
	free(mount);
}

static int vdisks_step(struct fs_run *run)
{
	int err = vdisk_mount(run);

	if (err == 0)
		err = clone_mount(run);
	if (err == 0 && !run->vol->read_only)
		snapshot_delete_freed(run->vol); /* a crash came between a release and the deletion */
	return err;
}

static void vdisks_loaded(struct fs_run *run, int err)
{
	struct mount *mount = run->arg;

	if (err != 0)
		mount_fail(mount, err);
	else
		mount_online(mount);
}

static void mount_cp_durable(struct cp_waiter *waiter, int err)
{
	struct mount *mount = container_of(waiter, struct mount, cp_waiter);

	if (err != 0) {
		mount_fail(mount, err);
		return;
	}
	run_fini(&mount->run);
	run_init(&mount->run, mount->vol, vdisks_step, vdisks_loaded, mount);
	run_start_later(&mount->run);
}

static void mount_cp(struct mount *mount)
{
	mount->cp_waiter.durable = mount_cp_durable;
	cp_wait(mount->vol, &mount->cp_waiter);
}

static void mount_restored(struct fs_run *run, int err)
{
	struct mount *mount = run->arg;

	mount->vol->cp_barred = false;
	if (err != 0)
		mount_fail(mount, err);
	else
		mount_cp(mount); /* this is the one that counts */
}

static void mount_restore(struct mount *mount)
{
	struct fs_volume *vol = mount->vol;
	int err = restore_init(vol, mount->options.restore_to);

	if (err != 0) {
		mount_fail(mount, err);
		return;
	}
	vol->cp_barred = true;
	run_fini(&mount->run);
	run_init(&mount->run, vol, restore_step, mount_restored, mount);
	run_start_later(&mount->run);
}

static void mount_replayed(struct fs_volume *vol, int err, uint64_t n_records)
{
	struct mount *mount = vol->mounting;

	mount->n_records = n_records;
	if (err != 0) {
		log_error("fs", "replay_failed", "volume=%s error=%s", vol->name, error_name(err));
		mount_fail(mount, err);
		return;
	}
	if (n_records > 0 && mount->options.restore_to != NULL) {
		mount_fail(mount, -EBUSY); /* never after a clean unmount */
		return;
	}
	if (vol->read_only) {
		mount_cp_durable(&mount->cp_waiter, 0); /* there was nothing to apply */
		return;
	}
	if (mount->options.restore_to != NULL)
		mount_restore(mount);
	else
		mount_cp(mount);
}

static void mount_loaded(struct fs_run *run, int err)
{
	struct mount *mount = run->arg;
	struct fs_volume *vol = run->vol;

	if (err != 0) {
		log_error("fs", "mount_failed", "volume=%s stage=%d error=%s", vol->name, (int)mount->stage,
		          error_name(err));
		mount_fail(mount, err);
		return;
	}
	space_loaded(vol);
	vol->mounting = mount;
	nvlog_replay(vol, mount_replayed);
}

/* Handles of a volume are no handles of its copy. */
static void mount_export_key(struct fs_volume *vol)
{
	struct uuid mask = { { 0 } };
	struct siphash_key key;

	memcpy(vol->export_key, vol->handle_key, sizeof vol->export_key);
	memcpy(key.b, vol->handle_key, sizeof key.b);
	raid_identity_mask(vol->raid, &mask);
	if (!uuid_is_zero(mask.b))
		siphash128(&key, mask.b, sizeof mask.b, vol->export_key);
}

static int mount_root(struct mount *mount)
{
	struct fs_volume *vol = mount->vol;
	uint8_t body[RAID_FSINFO_BODY];
	uint64_t generation;
	int err = raid_fsinfo_read(vol->raid, &generation, body);

	if (err == 0)
		err = fsinfo_decode(vol, body);
	if (err == 0 && vol->generation != generation + 1U)
		err = -EUCLEAN; /* its head says another one: the next fsinfo would not be the newest */
	if (err != 0)
		return err;
	mount_export_key(vol);
	if (mount->options.name != NULL)
		(void)snprintf(vol->name, sizeof vol->name, "%s", mount->options.name);
	if (!vol->was_clean && mount->options.restore_to != NULL)
		return -EBUSY; /* a mount and an unmount come first */
	if (!vol->was_clean)
		vol->crash_count++;
	atomic_store(&vol->write_verifier, vol->epoch);
	return 0;
}

static void mount_begin(struct mount *mount, struct raid *raid)
{
	int err = volume_new(mount->world, raid, &mount->options, &mount->vol);

	if (err != 0) {
		mount->err = err;
		raid_close(raid, mount_closed, mount);
		return;
	}
	run_init(&mount->run, mount->vol, mount_step, mount_loaded, mount);
	err = mount_root(mount);
	if (err != 0)
		mount_fail(mount, err);
	else
		run_start_later(&mount->run);
}

static void mount_identified(void *arg, int err)
{
	struct mount *mount = arg;

	if (err == 0) {
		mount_begin(mount, mount->raid);
		return;
	}
	mount->err = err;
	raid_close(mount->raid, mount_closed, mount);
}

static void mount_identify(struct mount *mount, struct raid *raid)
{
	uint8_t random[16];
	struct uuid uuid;

	world_random(mount->world, random, sizeof random);
	uuid = uuid_from_random(random);
	mount->raid = raid;
	raid_identify(raid, &uuid, mount_identified, mount);
}

static void mount_assembled(void *arg, int err, struct raid *raid)
{
	struct mount *mount = arg;

	if (err != 0) {
		mount->done(mount->arg, err, NULL);
		free(mount);
	} else if (mount->options.new_identity) {
		mount_identify(mount, raid);
	} else {
		mount_begin(mount, raid);
	}
}

void fs_volume_mount(struct world *world, const char *const *disk_urls, unsigned n_disks,
                     const struct fs_mount_options *options, void (*done)(void *arg, int err, struct fs_volume *volume),
                     void *arg)
{
	struct mount *mount = reserve_calloc(1, sizeof(*mount));
	mount->world = world;
	mount->options = *options;
	vc_assert(!options->read_only || (options->restore_to == NULL && !options->new_identity));
	mount->done = done;
	mount->arg = arg;
	(options->read_only ? raid_open_read_only : raid_open)(world, disk_urls, n_disks, options->report,
	                                                       mount_assembled, mount);
}

/* ---- unmounting ---- */

struct unmount {
	struct fs_volume *vol;
	void (*done)(void *arg, int err);
	void *arg;
	struct fs_run run;
	struct cp_waiter cp_waiter;
	struct volume_close close;
	int err;
};

static void unmount_closed(void *arg, int err)
{
	struct unmount *unmount = arg;

	unmount->done(unmount->arg, unmount->err != 0 ? unmount->err : err);
	free(unmount);
}

static void unmount_durable(struct cp_waiter *waiter, int err)
{
	struct unmount *unmount = container_of(waiter, struct unmount, cp_waiter);

	unmount->err = err;
	run_fini(&unmount->run);
	volume_close(&unmount->close, unmount->vol, unmount_closed, unmount);
}

/* Wait until nothing is under way. */
static int unmount_step(struct fs_run *run)
{
	return run->vol->n_messages > 0 || space_count_is_running(run->vol) ? run_wait(run, &run->vol->idle_waiters)
	                                                                    : 0;
}

static void unmount_idle(struct fs_run *run, int err)
{
	struct unmount *unmount = run->arg;
	struct fs_volume *vol = run->vol;

	(void)err;
	clone_unmount(vol);
	vdisk_unmount(vol);
	world_timer_cancel(&vol->cp->timer);
	unmount->cp_waiter.durable = unmount_durable;
	if (vol->failed != 0 || vol->read_only)
		unmount_durable(&unmount->cp_waiter, vol->failed);
	else
		cp_wait(vol, &unmount->cp_waiter);
}

void fs_volume_unmount(struct fs_volume *vol, void (*done)(void *arg, int err), void *arg)
{
	struct unmount *unmount = reserve_calloc(1, sizeof(*unmount));
	volume_table_remove(vol);
	atomic_store(&vol->state, VOLUME_STOPPING);
	hostfull_leave(vol);
	scrub_leave(vol);
	unmount->vol = vol;
	unmount->done = done;
	unmount->arg = arg;
	run_init(&unmount->run, vol, unmount_step, unmount_idle, unmount);
	run_start_later(&unmount->run);
}
