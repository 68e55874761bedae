/* SPDX-License-Identifier: Apache-2.0 */
/* The repair of what a mount leans on: one consistency point of the volume as the check saw it (fs/check/repair.h). */
#include "fs/check/repair.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/reserve.h"
#include "base/world.h"
#include "fs/check/check_fix.h"
#include "fs/core/core.h"
#include "fs/cp/cp.h"
#include "fs/cp/cp_wait.h"
#include "fs/cp/fsinfo.h"
#include "fs/cp/maps.h"
#include "fs/cp/zombie.h"
#include "fs/file/cache.h"
#include "fs/file/cache_cp.h"
#include "fs/file/inode.h"
#include "fs/file/inode_table.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/file/tree.h"
#include "fs/format/dirformat.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/volume.h"
#include "fs/volume/volume_life.h"
#include "raid/raid.h"

/* ---- in the CP --------------------------------------------------------------------------------------------------- */

static int region_repair(struct fs_run *run, const struct check_fix *fix)
{
	bool active = fix->kind == FIX_ACTIVE, summary = fix->kind == FIX_SUMMARY;
	int err = fix->ino < run->vol->maps->n_regions ? maps_need_repair(run, fix->ino, active, summary) : -EUCLEAN;

	if (err != 0)
		return err;
	maps_repair(run->vol->cp, fix->ino, active ? fix->bytes : NULL, summary ? fix->bytes : NULL,
	            (uint32_t)fix->value);
	return 0;
}

/* Bytes of a block to change, in this CP. */
static int block_edit(struct fs_run *run, struct inode *inode, uint32_t fbn, uint8_t **ret_bytes)
{
	struct buf *buf;
	int err = cp_need_block(run, inode, fbn, &buf);

	if (err == 0)
		err = cp_need_inode(run, inode);
	if (err == 0)
		err = run_reserve(run, 24);
	if (err == 0)
		*ret_bytes = cp_edit_block(run->vol->cp, buf);
	return err;
}

static void record_patch(struct inode_disk *disk, const struct check_fix *fix)
{
	switch ((enum check_inode_field)fix->at) {
	case FIELD_NLINK: disk->nlink = le16_of((uint16_t)fix->value); break;
	case FIELD_BLOCKS: disk->n_blocks = le32_of((uint32_t)fix->value); break;
	case FIELD_MODE: disk->mode = le16_of((uint16_t)fix->value); break;
	case FIELD_FLAGS: disk->flags = (uint8_t)fix->value; break;
	case FIELD_RESERVED: disk->reserved = le16_of(0); break;
	case FIELD_ALL_ZERO: memset(disk, 0, sizeof(*disk)); break;
	}
}

/* A metafile's inode is in memory, and its record is made from there. */
static void inode_patch(struct inode *inode, const struct check_fix *fix)
{
	switch ((enum check_inode_field)fix->at) {
	case FIELD_NLINK: inode->attr.nlink = (uint16_t)fix->value; break;
	case FIELD_BLOCKS: inode->n_blocks = (uint32_t)fix->value; break;
	case FIELD_MODE: inode->attr.mode = (uint16_t)fix->value; break;
	case FIELD_FLAGS: inode->attr.flags = (uint8_t)(fix->value & (uint8_t)~INODE_INLINE); break;
	case FIELD_RESERVED:
	case FIELD_ALL_ZERO: break;
	}
}

static int inode_repair(struct fs_run *run, const struct check_fix *fix)
{
	struct fs_volume *vol = run->vol;
	struct inode *inode = inode_find(vol, 0, fix->ino);
	uint8_t *bytes;
	int err;

	if (fix->ino == INO_INODE_FILE || fix->ino == INO_SNAPSHOT_TABLE) {
		inode_patch(inode, fix);
		return 0;
	}
	err = block_edit(run, vol->inode_file, fix->ino / INODES_PER_BLOCK, &bytes);
	if (err != 0)
		return err;
	record_patch((struct inode_disk *)(void *)bytes + fix->ino % INODES_PER_BLOCK, fix);
	if (inode != NULL && inode->loaded) {
		inode_patch(inode, fix);
		cp_inode_add(vol->cp, inode);
	}
	return 0;
}

static int map_bit_repair(struct fs_run *run, const struct check_fix *fix)
{
	uint8_t *bytes, *byte;
	int err = block_edit(run, run->vol->inode_map, fix->ino / REGION_BLOCKS, &bytes);

	if (err != 0)
		return err;
	byte = &bytes[fix->ino % REGION_BLOCKS / 8U];
	*byte = (uint8_t)((*byte & ~(1U << fix->ino % 8U)) | (fix->value != 0 ? 1U << fix->ino % 8U : 0));
	return 0;
}

/* All of a block that cannot be read, while the way to it is there. */
static int block_renew(struct fs_run *run, struct inode *inode, uint32_t fbn, const uint8_t *bytes)
{
	struct buf *buf;
	int err = cp_need_block(run, inode, fbn, &buf);
	bool lost = (err == -EIO || err == -EUCLEAN) && tree_in_memory(inode, fbn);

	if (err == 0 || lost)
		err = cp_need_inode(run, inode);
	if (err == 0)
		err = run_reserve(run, 24);
	if (err != 0)
		return err;
	if (lost)
		buf = cache_new_zero(inode, 0, fbn);
	memcpy(cp_edit_block(run->vol->cp, buf), bytes, FS_BLOCK_SIZE);
	return 0;
}

static int record_repair(struct fs_run *run, struct inode *file, const struct check_fix *fix, size_t size)
{
	uint32_t per_block = (uint32_t)(FS_BLOCK_SIZE / size);
	uint8_t *bytes;
	int err = block_edit(run, file, fix->ino / per_block, &bytes);

	if (err == 0)
		memcpy(bytes + fix->ino % per_block * size, fix->bytes, size);
	return err;
}

static int parent_repair(struct fs_run *run, const struct check_fix *fix)
{
	struct inode *dir;
	uint8_t *bytes;
	int err = inode_get(run, 0, fix->ino, &dir);

	if (err == 0 && (dir->attr.type != FS_TYPE_DIR || dir->attr.size_bytes == 0))
		err = -ENOTDIR;
	if (err == 0)
		err = block_edit(run, dir, 0, &bytes);
	if (err == 0)
		((struct dir_block_head *)(void *)bytes)->parent = le32_of((uint32_t)fix->value);
	return err;
}

static int total_repair(struct fs_volume *vol, const struct check_fix *fix)
{
	switch ((enum check_total)fix->ino) {
	case TOTAL_INODES: vol->inodes_used = vol->cp->inodes_used = fix->value; break;
	case TOTAL_NEXT_GENERATION:
		vol->next_generation = vol->cp->next_generation = MAX_OF(vol->next_generation, fix->value);
		break;
	case TOTAL_NEXT_SNAPSHOT:
		vol->snapshots->next_id = MAX_OF(vol->snapshots->next_id, (uint32_t)fix->value);
		break;
	case TOTAL_DELETE_NONE: snapshot_deletion_set(&vol->snapshots->deletion, DELETION_NONE); break;
	}
	return 0;
}

/* 1: not the CP's. */
static int fix_repair(struct fs_run *run, const struct check_fix *fix)
{
	switch (fix->kind) {
	case FIX_ACTIVE:
	case FIX_SUMMARY:
	case FIX_COUNTS: return region_repair(run, fix);
	case FIX_TOTALS: return total_repair(run->vol, fix);
	case FIX_INODE_MAP: return map_bit_repair(run, fix);
	case FIX_INODE_MAP_BLOCK: return block_renew(run, run->vol->inode_map, fix->ino, fix->bytes);
	case FIX_INODE: return inode_repair(run, fix);
	case FIX_SNAPSHOT: return record_repair(run, run->vol->snapshot_file, fix, sizeof(struct snapshot_disk));
	case FIX_ZOMBIE: return record_repair(run, run->vol->zombies, fix, sizeof(struct zombie_disk));
	case FIX_DIR_PARENT: return parent_repair(run, fix);
	case FIX_RECORDS: return 0; /* by the fixes of its regions */
	default: return 1;
	}
}

int repair_cp_step(struct fs_run *run)
{
	struct repair *repair = run->vol->repair;

	if (repair == NULL)
		return 0;
	for (; repair->at < repair->fixes->n; repair->at++) {
		int err = fix_repair(run, &repair->fixes->fixes[repair->at]);

		if (err == -EAGAIN)
			return err;
		repair->n_done += err == 0;
		if (err < 0) {
			log_warn("fs", "repair_skipped", "volume=%s kind=%d object=%u error=%s", run->vol->name,
			         (int)repair->fixes->fixes[repair->at].kind, repair->fixes->fixes[repair->at].ino,
			         error_name(err));
			repair->n_failed++;
		}
		cache_unpin_all(run);
	}
	return 0;
}

/* ---- the volume for it ------------------------------------------------------------------------------------------- */

struct offline {
	struct world *world;
	struct repair_disks disks;
	void (*done)(void *arg, int err, uint64_t n_done);
	void *arg;
	struct repair repair;
	struct fs_volume *vol;
	struct fs_run run;
	unsigned stage;
	size_t parity_at;
	struct cp_waiter waiter;
	struct volume_close close;
	uint64_t n_names;
	int err;
};

static void offline_end(struct offline *offline, int err)
{
	offline->done(offline->arg, err, offline->repair.n_done + offline->n_names);
	free(offline);
}

static void unmounted(void *arg, int err)
{
	offline_end(arg, err);
}

static void names_repaired(void *arg, uint64_t n_done)
{
	struct offline *offline = arg;

	offline->n_names = n_done;
	fs_volume_unmount(offline->vol, unmounted, offline);
}

static void mounted(void *arg, int err, struct fs_volume *vol)
{
	struct offline *offline = arg;

	if (err != 0) {
		offline_end(offline, err);
		return;
	}
	offline->vol = vol;
	repair_names(vol, offline->repair.fixes, names_repaired, offline);
}

/* The volume as the check saw it is repaired and closed: now as ever. */
static void half_closed(void *arg, int err)
{
	struct offline *offline = arg;
	const struct fs_mount_options options = { .cache_pages = offline->disks.cache_pages };

	if (offline->err != 0 || err != 0)
		offline_end(offline, offline->err != 0 ? offline->err : err);
	else
		fs_volume_mount(offline->world, offline->disks.urls, offline->disks.n, &options, mounted, offline);
}

static void half_end(struct offline *offline, int err)
{
	offline->err = err;
	run_fini(&offline->run);
	atomic_store(&offline->vol->state, VOLUME_STOPPING); /* no more CPs for work in the background */
	volume_close(&offline->close, offline->vol, half_closed, offline);
}

/* ---- parity ---- */

static void parity_next(struct offline *offline);

static void stripes_whole(void *arg, uint32_t n_lost)
{
	struct offline *offline = arg;
	const struct check_fix *fix = &offline->repair.fixes->fixes[offline->parity_at];

	offline->repair.n_done += fix->value - n_lost;
	offline->repair.n_failed += n_lost;
	offline->parity_at++;
	parity_next(offline);
}

static void parity_next(struct offline *offline)
{
	const struct check_fixes *fixes = offline->repair.fixes;
	const struct check_fix *fix;

	while (offline->parity_at < fixes->n && fixes->fixes[offline->parity_at].kind != FIX_PARITY)
		offline->parity_at++;
	if (offline->parity_at == fixes->n) {
		half_end(offline, 0); /* closing flushes */
		return;
	}
	fix = &fixes->fixes[offline->parity_at];
	raid_make_whole(offline->vol->raid, fix->ino, fix->at, (uint32_t)fix->value, stripes_whole, offline);
}

/* ---- records and maps ---- */

static void cp_durable(struct cp_waiter *waiter, int err)
{
	struct offline *offline = container_of(waiter, struct offline, waiter);

	offline->vol->repair = NULL;
	if (err != 0)
		half_end(offline, err);
	else
		parity_next(offline);
}

static int load_step(struct fs_run *run)
{
	int (*const stages[])(struct fs_run *) = { inode_metafiles_load, maps_load, snapshot_table_load, zombie_load };
	struct offline *offline = run->arg;

	for (; offline->stage < ARRAY_SIZE(stages); offline->stage++) {
		int err = stages[offline->stage](run);

		if (err != 0)
			return err;
	}
	return 0;
}

static void loaded(struct fs_run *run, int err)
{
	struct offline *offline = run->arg;
	struct fs_volume *vol = run->vol;

	if (err != 0) {
		half_end(offline, err);
		return;
	}
	run_fini(run);
	vol->free_blocks = maps_free_blocks(vol);
	vol->epoch = vol->fsinfo_epoch; /* the log still counts */
	nvlog_resume(vol, vol->fsinfo_sequence);
	vol->repair = &offline->repair;
	offline->waiter.durable = cp_durable;
	cp_wait(vol, &offline->waiter);
}

static int root_load(struct offline *offline)
{
	uint8_t body[RAID_FSINFO_BODY];
	uint64_t generation;
	int err = raid_fsinfo_read(offline->vol->raid, &generation, body);

	if (err == 0 && generation != offline->repair.fixes->generation)
		err = -EBUSY;
	return err == 0 ? fsinfo_decode(offline->vol, body) : err;
}

static void disks_opened(void *arg, int err, struct raid *raid)
{
	struct offline *offline = arg;
	const struct fs_mount_options options = { .cache_pages = offline->disks.cache_pages };

	if (err != 0) {
		offline_end(offline, err);
		return;
	}
	raid_forgive_errors(raid);
	err = volume_new(offline->world, raid, &options, &offline->vol);
	if (err != 0) {
		offline->err = err;
		raid_close(raid, half_closed, offline);
		return;
	}
	for (size_t i = 0; i < offline->repair.fixes->n; i++)
		if (offline->repair.fixes->fixes[i].kind == FIX_RECORDS)
			maps_records_lost(offline->vol, offline->repair.fixes->fixes[i].ino);
	run_init(&offline->run, offline->vol, load_step, loaded, offline);
	err = root_load(offline);
	if (err != 0)
		half_end(offline, err);
	else
		run_start_later(&offline->run);
}

void repair_offline(struct world *world, const struct repair_disks *disks, struct check_fixes *fixes,
                    void (*done)(void *arg, int err, uint64_t n_done), void *arg)
{
	struct offline *offline = reserve_calloc(1, sizeof(*offline));
	offline->world = world;
	offline->disks = *disks;
	offline->repair.fixes = fixes;
	offline->done = done;
	offline->arg = arg;
	check_fixes_sort(fixes);
	raid_open(world, disks->urls, disks->n, NULL, disks_opened, offline);
}
