/* SPDX-License-Identifier: Apache-2.0 */
/* The check: one at a time a volume, on a private snapshot, stage after stage, while clients work.
 *
 * THEORY. A snapshot of the file system's own is made through a CP; when that CP is committed its fsinfo is taken down, and from then on the image
 * stands still (fs/check_private.h). As long as the maps of older snapshots and their vdisks are looked at, deletion passes wait. At the end
 * the snapshot is let go; one that a crash left behind goes at the next mount. Memory: two bits a block, eight bytes an inode, a megabyte
 * for reads. While clients send messages the check rests after every megabyte.
 * READ PATH. previous hop: fs/message.c; next hops: raid/raid.h (trees), fs/cache.h (directories, maps, attributes). */
#include <stdlib.h>

#include "fs/cache_private.h"
#include "fs/check_private.h"
#include "fs/file.h"
#include "fs/inode_table.h"
#include "fs/maps.h"

#define CHECK_SNAPSHOT_NAME "@check"
#define SLICE_BLOCKS 256U
#define REST_NS 20000000ULL /* after a slice, while clients are busy: about 50 MB/s */

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
	{ "parity", check_parity_step },
};

/* ---- pace, reading, progress ---- */

static bool clients_are_busy(struct check *check)
{
	uint64_t n = 0;
	bool busy;

	for (unsigned i = 0; i < FS_OP_COUNT; i++)
		n += counter_get(&check->vol->counters.messages[i]);
	busy = n != check->n_messages_seen || check->vol->n_messages > 1U; /* one is the check's own */
	check->n_messages_seen = n;
	return busy;
}

static void rest_over(struct timer *timer)
{
	run_event(&container_of(timer, struct check, timer)->run);
}

static bool is_cancelled(const struct check *check)
{
	return check->cancelled || atomic_load(&check->vol->state) != VOLUME_ONLINE;
}

int check_pace(struct fs_run *run, unsigned n_blocks)
{
	struct check *check = check_of(run);

	check->work += n_blocks;
	if (run->vol->failed != 0)
		return run->vol->failed;
	if (is_cancelled(check))
		return -ECANCELED;
	if (check->work < SLICE_BLOCKS)
		return 0;
	check->work = 0;
	if (!clients_are_busy(check))
		return run_yield(run);
	run->n_waiting++;
	world_timer_set(run->vol->world, &check->timer, REST_NS);
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
	if (check->n_total > 0)
		*ret_percent = (unsigned)(MIN_OF(check->n_done, check->n_total) * 99U / check->n_total);
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
			check_found(check, CHECK_ROOT, "data disk %u: begins at vbn %u, before the end of the one before it, %llu", i,
			            disk->vbn_first, (unsigned long long)next);
		next = (uint64_t)disk->vbn_first + disk->n_blocks;
	}
	if (next != geometry->vbn_end)
		check_found(check, CHECK_ROOT, "geometry: ends at vbn %u, the last disk at %llu", geometry->vbn_end,
		            (unsigned long long)next);
}

static int root_step(struct fs_run *run)
{
	struct check *check = check_of(run);
	const struct raid_geometry *geometry = raid_geometry(run->vol->raid);
	const struct fsinfo_disk *fsinfo = &check->fsinfo;

	if (le32_get(fsinfo->version) != FS_FORMAT_VERSION)
		check_found(check, CHECK_ROOT, "fsinfo: version %u, expected %u", le32_get(fsinfo->version), FS_FORMAT_VERSION);
	if (le64_get(fsinfo->cp_generation) != check->generation)
		check_found(check, CHECK_ROOT, "fsinfo: generation %llu in its body, %llu in its head",
		            (unsigned long long)le64_get(fsinfo->cp_generation), (unsigned long long)check->generation);
	if (memcmp(fsinfo->name, run->vol->name, strlen(run->vol->name) + 1U) != 0)
		check_found(check, CHECK_ROOT, "fsinfo: another volume's name");
	if (le32_get(fsinfo->next_snapshot_id) <= check->image)
		check_found(check, CHECK_ROOT, "fsinfo: next snapshot id %u, but %u is in use", le32_get(fsinfo->next_snapshot_id),
		            check->image);
	if ((fsinfo->inode_file.type_height & 15U) != FS_TYPE_META || (fsinfo->snapshot_table.type_height & 15U) != FS_TYPE_META)
		check_found(check, CHECK_ROOT, "fsinfo: inode file or snapshot table are no metafiles");
	if (memcmp(&fsinfo->inode_file, &check->inode_file, sizeof(check->inode_file)) != 0)
		check_found(check, CHECK_ROOT, "fsinfo: its inode file differs from that of the snapshot made with it");
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

		if (err != 0)
			return err;
		check->stage++;
		check->started = false;
	}
	return 0;
}

static void check_free(struct check *check)
{
	check_walk_fini(check);
	check_map_fini(check);
	check_dir_fini(check);
	check_vdisk_fini(check);
	check_inode_fini(check);
	free(check_report_take(check));
	free(check);
}

/* Answer, and let the image go. */
static void check_end(struct check *check, int err)
{
	struct fs_volume *vol = check->vol;
	struct fs_message *msg = check->msg;

	if (check->holding)
		snapshot_passes_release(vol);
	if (check->have_image)
		snapshot_delete_own(vol, check->image);
	vol->check = NULL;
	if (err != 0)
		message_error_text(msg, "the check of volume %s ended early, in stage \"%s\"%s%s", vol->name,
		                   check->stage < ARRAY_SIZE(stages) ? stages[check->stage].name : "end", check->why != NULL ? ": " : "",
		                   check->why != NULL ? check->why : "");
	log_info("fs", "check_done", "volume=%s status=%s blocks=%llu inodes=%llu errors=%llu", vol->name, error_name(err),
	         (unsigned long long)check->n_blocks, (unsigned long long)check->n_inodes, (unsigned long long)check->report.n_errors);
	msg->out.check = (struct fs_check_result){ .n_blocks = check->n_blocks,
		                                   .n_inodes = check->n_inodes,
		                                   .n_errors = check->report.n_errors };
	msg->out.check.report = check_report_take(check);
	check_free(check);
	message_complete(msg, err);
}

static void check_finish(struct fs_run *run, int err)
{
	struct check *check = check_of(run);

	run_fini(run);
	check_end(check, err);
}

/* The CP of the private snapshot is committed: this is the image. */
static void image_made(struct snapshot_request *request, int err)
{
	struct check *check = container_of(request, struct check, request);
	struct fs_volume *vol = check->vol;

	if (err == 0) {
		check->have_image = true;
		check->image = request->created->info.id;
		check->inode_file = request->created->inode_file;
		err = raid_fsinfo_read(vol->raid, &check->generation, check->fsinfo_body);
	}
	if (err != 0) {
		check_end(check, err);
		return;
	}
	snapshot_passes_hold(vol);
	check->holding = true;
	run_init(&check->run, vol, check_step, check_finish, check);
	run_start_later(&check->run);
}

int op_check(struct fs_run *run)
{
	struct fs_volume *vol = run->vol;
	struct check *check;
	int err;

	if (vol->failed != 0 || vol->read_only) {
		message_error_text(run->msg, "volume %s can write no consistency point, which a check needs", vol->name);
		return vol->failed != 0 ? vol->failed : -EROFS;
	}
	if (vol->check != NULL) {
		message_error_text(run->msg, "volume %s is being checked already", vol->name);
		return -EBUSY;
	}
	check = calloc(1, sizeof(*check));
	if (check == NULL)
		return -ENOMEM;
	check->vol = vol;
	check->msg = run->msg;
	check->timer.fire = rest_over;
	check->request.done = image_made;
	err = check_walk_init(check);
	if (err == 0)
		err = snapshot_create_own(vol, CHECK_SNAPSHOT_NAME, &check->request);
	if (err == -EBUSY && vol->snapshots->barred) {
		message_error_text(run->msg, "volume %s is being put back to a snapshot: check it when that is done", vol->name);
	} else if (err == -EBUSY) { /* the last one's snapshot is being reclaimed, or what a restore has superseded */
		cp_request(vol, CP_SPACE);
		err = run_wait(run, &vol->cp_waiters);
	}
	if (err != 0) {
		check_free(check);
		return err;
	}
	vol->check = check;
	return OP_LATER;
}

int op_check_cancel(struct fs_run *run)
{
	if (run->vol->check == NULL) {
		message_error_text(run->msg, "volume %s is not being checked", run->vol->name);
		return -ENOENT;
	}
	check_cancel(run->vol, "it was cancelled");
	return 0;
}
