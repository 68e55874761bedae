/* SPDX-License-Identifier: Apache-2.0 */
/* The check: stage after stage over an image that stands still (fs/check/check_private.h).
 *
 * THEORY. Whoever has the image starts the check: check_online.c with a private snapshot of a volume at work,
 * check_offline.c with the last consistency point of a volume that is not mounted. Memory: two bits for each block of a
 * window of blocks, eight bytes for each inode, a megabyte for reads. While clients send messages, the check rests
 * after every megabyte; a rate makes it rest longer.
 * READ PATH. previous hop: fs/dispatch.c or fs_check_offline; next hops: raid/raid.h (trees), fs/file/cache.h
 * (directories, maps, attributes). */
#include <stdlib.h>

#include "base/bytes.h"
#include "base/counters.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/world.h"
#include "fs/check/check.h"
#include "fs/check/check_private.h"
#include "fs/core/core.h"
#include "fs/core/volume_counters.h"
#include "fs/file/file.h"
#include "fs/file/inode.h"
#include "fs/file/run.h"
#include "fs/format/fsformat.h"
#include "fs/fs_types.h"
#include "fs/message.h"
#include "fs/names/pathwalk.h"
#include "fs/snapshot/snapshot.h"
#include "raid/raid.h"

#define SLICE_BLOCKS 256U
#define REST_NS 20000000ULL /* after a slice, while clients are busy: about 50 MB/s */
#define REST_PIECE_NS 500000000ULL

static int root_step(struct fs_run *run);
static int release_step(struct fs_run *run);

static const struct {
	const char *name;
	int (*step)(struct fs_run *run);
} stages[] = {
	{ "root", root_step },
	{ "active map", check_active_step },
	{ "snapshots", check_snapshot_step },
	{ "maps", check_map_step },
	{ "inodes", check_inode_step },
	{ "inode map", check_inode_map_step },
	{ "vdisks", check_vdisk_step },
	{ "release", release_step },
	{ "directories", check_dir_step },
	{ "links", check_link_step },
	{ "trees", check_tree_step },
	{ "zombies", check_zombie_step },
	{ "reachability", check_reach_step },
	{ "other blocks", check_pass_step },
	{ "log", check_log_step },
	{ "parity", check_parity_step },
	{ "names", check_name_step },
};

/* ---- pace, reading, progress ---- */

static bool clients_are_busy(struct check *check)
{
	uint64_t n = 0;
	bool busy;

	for (unsigned i = 0; i < FS_OP_COUNT; i++)
		n += counter_get(&check->vol->counters->messages[i]);
	busy = n != check->n_messages_seen || check->vol->n_messages > 1U; /* one is the check's own */
	check->n_messages_seen = n;
	return busy;
}

static bool is_cancelled(const struct check *check)
{
	return check->cancelled || (!check->offline && atomic_load(&check->vol->state) != VOLUME_ONLINE);
}

static void progress_tell(struct check *check)
{
	unsigned percent = check->n_total == 0
	                       ? 0
	                       : (unsigned)(MIN_OF(check->n_done, check->n_total) * 99U / check->n_total);

	if (check->options.progress != NULL && percent != check->percent)
		check->options.progress(check->options.arg, check_stage_name(check), percent);
	check->percent = percent;
}

/* The time a slice has to last: it is rested for in pieces, so that a cancel is noticed. */
static void rest(struct check *check)
{
	uint64_t ns = MIN_OF(check->rest_ns, REST_PIECE_NS);

	check->rest_ns -= ns;
	world_timer_set(check->vol->world, &check->timer, ns);
}

static void rest_over(struct timer *timer)
{
	struct check *check = container_of(timer, struct check, timer);

	if (check->rest_ns > 0 && !is_cancelled(check) && check->options.rate_bytes_s > 0)
		rest(check);
	else
		run_event(&check->run);
}

static uint64_t rest_after(struct check *check, unsigned n_blocks)
{
	uint64_t ns = check->offline || !clients_are_busy(check) ? 0 : REST_NS;

	if (check->options.rate_bytes_s > 0)
		ns = MAX_OF(ns, (uint64_t)n_blocks * FS_BLOCK_SIZE * 1000000000U / check->options.rate_bytes_s);
	return ns;
}

int check_pace(struct fs_run *run, unsigned n_blocks)
{
	struct check *check = check_of(run);

	check->work += n_blocks;
	if (run->vol->failed != 0)
		return run->vol->failed;
	if (is_cancelled(check))
		return -ECANCELED;
	if (check_has_no_memory(check))
		return -ENOMEM;
	if (check->work < SLICE_BLOCKS)
		return 0;
	check->rest_ns = rest_after(check, check->work);
	check->work = 0;
	progress_tell(check);
	if (check->rest_ns == 0)
		return run_yield(run);
	run->n_waiting++;
	rest(check);
	return -EAGAIN;
}

int check_need(struct fs_run *run, uint32_t snapshot, uint32_t ino, uint32_t fbn, const uint8_t **ret_bytes)
{
	struct inode *inode;
	int err = inode_get(run, snapshot, ino, &inode);

	return err != 0 ? err : file_need(run, inode, fbn, ret_bytes);
}

bool check_is_running(const struct fs_volume *vol, unsigned *ret_percent)
{
	const struct check *check = vol->check;

	*ret_percent = 0;
	if (check == NULL)
		return false;
	*ret_percent = check->n_total == 0 ? 0
	                                   : (unsigned)(MIN_OF(check->n_done, check->n_total) * 99U / check->n_total);
	return true;
}

void check_cancel(struct fs_volume *vol, const char *why)
{
	if (vol->check == NULL || vol->check->cancelled)
		return;
	vol->check->cancelled = true;
	vol->check->why = why;
}

/* ---- small stages ---- */

static uint64_t stripes_of(const struct raid_geometry *geometry)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < geometry->n_data_disks; i++)
		if (geometry->disks[i].position == 0)
			n += geometry->disks[i].n_blocks;
	return n;
}

static void geometry_check(struct check *check, const struct raid_geometry *geometry)
{
	uint64_t next = 0;

	for (unsigned i = 0; i < geometry->n_data_disks; i++) {
		const struct raid_disk_geometry *disk = &geometry->disks[i];

		if (disk->vbn_first < next)
			check_found(check, CHECK_ROOT,
			            "data disk %u: begins at vbn %u, before the end of the one before it, %llu", i,
			            disk->vbn_first, (unsigned long long)next);
		next = (uint64_t)disk->vbn_first + disk->n_blocks;
	}
	if (next != geometry->vbn_end)
		check_found(check, CHECK_ROOT, "geometry: ends at vbn %u, the last disk at %llu", geometry->vbn_end,
		            (unsigned long long)next);
}

/* What no version that knows these features writes. */
static void unused_check(struct check *check, const struct fsinfo_disk *fsinfo)
{
	if ((le32_get(fsinfo->flags) & ~FSINFO_CLEAN) != 0)
		check_found(check, CHECK_ROOT, "fsinfo: flags %#x are not known", le32_get(fsinfo->flags));
	if (!bytes_are_zero(fsinfo->reserved, sizeof(fsinfo->reserved)))
		check_found(check, CHECK_ROOT, "fsinfo: reserved bytes are not zero");
}

static int root_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	const struct raid_geometry *geometry = raid_geometry(run->vol->raid);
	const struct fsinfo_disk *fsinfo = &check->fsinfo;

	if (le32_get(fsinfo->version) != FS_FORMAT_VERSION)
		check_found(check, CHECK_ROOT, "fsinfo: version %u, expected %u", le32_get(fsinfo->version),
		            FS_FORMAT_VERSION);
	if (le64_get(fsinfo->cp_generation) != check->generation)
		check_found(check, CHECK_ROOT, "fsinfo: generation %llu in its body, %llu in its head",
		            (unsigned long long)le64_get(fsinfo->cp_generation), (unsigned long long)check->generation);
	if (memcmp(fsinfo->name, run->vol->name, strlen(run->vol->name) + 1U) != 0)
		check_found(check, CHECK_ROOT, "fsinfo: another volume's name");
	if (le32_get(fsinfo->next_snapshot_id) <= check->image && !check->offline)
		check_found(check, CHECK_ROOT, "fsinfo: next snapshot id %u, but %u is in use",
		            le32_get(fsinfo->next_snapshot_id), check->image);
	if ((fsinfo->inode_file.type_height & 15U) != FS_TYPE_META ||
	    (fsinfo->snapshot_table.type_height & 15U) != FS_TYPE_META)
		check_found(check, CHECK_ROOT, "fsinfo: inode file or snapshot table are no metafiles");
	if (memcmp(&fsinfo->inode_file, &check->inode_file, sizeof(check->inode_file)) != 0)
		check_found(check, CHECK_ROOT, "fsinfo: its inode file differs from that of the snapshot made with it");
	unused_check(check, fsinfo);
	geometry_check(check, geometry);
	check->n_total = le64_get(fsinfo->used_blocks) + stripes_of(geometry);
	return 0;
}

static int release_step(struct fs_run *run)
{
	struct check *check = check_of(run);

	if (check->holding)
		snapshot_passes_release(check->vol);
	check->holding = false;
	return 0;
}

/* ---- the run ---- */

static int check_step(struct fs_run *run)
{
	struct check *check = check_of(run);

	while (check->stage < ARRAY_SIZE(stages)) {
		int err = stages[check->stage].step(run);

		if (err == 0 && check_has_no_memory(check))
			err = -ENOMEM;
		if (err != 0)
			return err;
		check->stage++;
		check->started = false;
	}
	return 0;
}

void check_free(struct check *check)
{
	check_walk_fini(check);
	check_map_fini(check);
	check_dir_fini(check);
	check_vdisk_fini(check);
	check_inode_fini(check);
	check_name_fini(check);
	check_log_fini(check);
	check_parity_fini(check);
	check_report_fini(check);
	free(check);
}

const char *check_stage_name(const struct check *check)
{
	return check->stage < ARRAY_SIZE(stages) ? stages[check->stage].name : "end";
}

int check_new(struct fs_volume *vol, const struct check_options *options, struct check **ret_check)
{
	struct check *check = calloc(1, sizeof(*check));
	int err;

	if (check == NULL)
		return -ENOMEM;
	check->vol = vol;
	check->options = *options;
	check->timer.fire = rest_over;
	err = check_walk_init(check);
	if (err != 0) {
		check_free(check);
		return err;
	}
	*ret_check = check;
	return 0;
}

static void check_finish(struct fs_run *run, int err)
{
	struct check *check = check_of(run);

	pathwalk_forget(run);
	run_fini(run);
	log_info("fs", "check_done", "volume=%s status=%s blocks=%llu inodes=%llu errors=%llu", check->vol->name,
	         error_name(err), (unsigned long long)check->n_blocks, (unsigned long long)check->n_inodes,
	         (unsigned long long)check->report.n_errors);
	check->options.ended(check, err);
}

void check_begin(struct check *check)
{
	run_init(&check->run, check->vol, check_step, check_finish, check);
	run_start_later(&check->run);
}
