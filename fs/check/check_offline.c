/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a volume that is not mounted.
 *
 * THEORY. The disks are opened only to be looked at, without settling what a crash left. Of the file system only the
 * root and the snapshot table are loaded. The image is the last consistency point, under id 0: that is the id of the
 * active file system, which never changes here. What a mount would refuse is a finding. */
#include "fs/check/check_offline.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/list.h"
#include "base/reserve.h"
#include "base/world.h"
#include "fs/check/check_fix.h"
#include "fs/check/check_private.h"
#include "fs/check/repair.h"
#include "fs/core/core.h"
#include "fs/cp/fsinfo.h"
#include "fs/file/run.h"
#include "fs/file/snapshot_table.h"
#include "fs/fs_info.h"
#include "fs/volume.h"
#include "fs/volume/volume_life.h"
#include "raid/raid.h"

#define ROUNDS_MAX 5U /* what one repair brings to light another puts right */

struct offline {
	struct world *world;
	struct fs_check_offline_options options;
	void (*done)(void *arg, int err, const struct fs_check_offline *check);
	void *arg;
	struct fs_volume *vol;
	struct fs_run run;
	struct check *check;
	struct volume_close close;
	struct fs_check_offline answer;
	char **urls;
	unsigned n_urls, round;
	struct check_fixes fixes;
	int err;
};

static void round_begin(struct offline *offline);

static void answer(struct offline *offline, int err)
{
	offline->done(offline->arg, err, &offline->answer);
	check_fixes_fini(&offline->fixes);
	for (unsigned i = 0; i < offline->n_urls; i++)
		free(offline->urls[i]);
	free(offline->urls);
	free(offline);
}

static void repaired(void *arg, int err, uint64_t n_done)
{
	struct offline *offline = arg;

	offline->answer.n_repaired += n_done;
	offline->round++;
	check_fixes_fini(&offline->fixes);
	if (err == 0) {
		fs_check_result_fini(&offline->answer.result);
		round_begin(offline);
	} else {
		answer(offline, err);
	}
}

/* One round has ended. */
static void offline_closed(void *arg, int err)
{
	struct offline *offline = arg;

	(void)err; /* nothing was written */
	if (offline->round == 0)
		offline->answer.n_first_errors = offline->answer.result.n_errors;
	if (offline->err == 0 && offline->options.repair && offline->fixes.n > 0 && offline->round < ROUNDS_MAX)
		repair_offline(offline->world,
		               &(struct repair_disks){ (const char *const *)offline->urls, offline->n_urls,
		                                       offline->options.cache_pages },
		               &offline->fixes, repaired, offline);
	else
		answer(offline, offline->err);
}

static void offline_end(struct offline *offline, int err)
{
	offline->err = err;
	volume_close(&offline->close, offline->vol, offline_closed, offline);
}

/* ---- the check ---- */

static void check_ended(struct check *check, int err)
{
	struct offline *offline = check->options.arg;
	int no_memory = check_report_take(check, &offline->answer.result);

	offline->answer.n_log_records = check->n_log_records;
	check_free(check);
	offline_end(offline, no_memory != 0 ? no_memory : err);
}

static void progress(void *arg, const char *stage, unsigned percent)
{
	const struct offline *offline = arg;

	if (offline->options.progress != NULL)
		offline->options.progress(offline->options.arg, stage, percent);
}

static int table_step(struct fs_run *run)
{
	return snapshot_table_load(run);
}

static void table_loaded(struct fs_run *run, int err)
{
	struct offline *offline = run->arg;

	run_fini(run);
	offline->check->no_memory = err == -ENOMEM;
	if (err != 0)
		check_found(offline->check, CHECK_SNAPSHOT,
		            "the snapshot table cannot be loaded: %s; no mount will succeed", error_name(err));
	check_begin(offline->check);
}

static int check_make(struct offline *offline)
{
	const struct check_options options = { .rate_bytes_s = offline->options.rate_bytes_s,
		                               .memory_bytes = offline->options.memory_bytes,
		                               .progress = progress,
		                               .ended = check_ended,
		                               .arg = offline };
	struct check *check;
	int err = check_new(offline->vol, &options, &check);

	if (err != 0)
		return err;
	offline->check = check;
	check->offline = true;
	check->fixes = offline->options.repair ? &offline->fixes : NULL;
	err = raid_fsinfo_read(offline->vol->raid, &check->generation, check->fsinfo_body);
	if (err != 0) {
		check_found(check, CHECK_ROOT, "fsinfo: there is none on any disk: %s", error_name(err));
		return err;
	}
	err = fsinfo_decode(offline->vol, check->fsinfo_body);
	if (err != 0) {
		check_found(check, CHECK_ROOT, "fsinfo: it cannot be used: %s", error_name(err));
		return err;
	}
	offline->fixes.generation = check->generation;
	check->inode_file = check->fsinfo.inode_file;
	check->n_ids = le32_get(check->fsinfo.next_snapshot_id);
	return 0;
}

static void offline_begin(struct offline *offline)
{
	int err = check_make(offline);

	memcpy(offline->answer.volume, offline->vol->name, sizeof(offline->answer.volume));
	if (offline->round == 0)
		offline->answer.clean = offline->vol->was_clean;
	if (err == 0) {
		run_init(&offline->run, offline->vol, table_step, table_loaded, offline);
		run_start_later(&offline->run);
	} else if (offline->check == NULL || err == -ENOTSUP) {
		if (offline->check != NULL)
			check_free(offline->check);
		offline_end(offline, err);
	} else {
		check_ended(offline->check, 0); /* damage: there is nothing more to be seen */
	}
}

static void disks_opened(void *arg, int err, struct raid *raid)
{
	struct offline *offline = arg;
	const struct fs_mount_options options = { .cache_pages = offline->options.cache_pages, .read_only = true };

	if (err != 0) {
		answer(offline, err);
		return;
	}
	offline->answer.n_unsettled = raid_n_unsettled(raid);
	err = volume_new(offline->world, raid, &options, &offline->vol);
	if (err != 0) {
		offline->err = err;
		raid_close(raid, offline_closed, offline);
		return;
	}
	offline_begin(offline);
}

static void round_begin(struct offline *offline)
{
	offline->check = NULL;
	raid_open_inspect(offline->world, (const char *const *)offline->urls, offline->n_urls, &offline->answer.disks,
	                  disks_opened, offline);
}

void fs_check_offline(struct world *world, const char *const *disk_urls, unsigned n_disks,
                      const struct fs_check_offline_options *options,
                      void (*done)(void *arg, int err, const struct fs_check_offline *check), void *arg)
{
	struct offline *offline = reserve_calloc(1, sizeof(*offline));
	offline->world = world;
	offline->options = *options;
	offline->done = done;
	offline->arg = arg;
	offline->urls = reserve_calloc(MAX_OF(n_disks, 1U), sizeof(char *));
	for (; offline->n_urls < n_disks; offline->n_urls++) {
		offline->urls[offline->n_urls] = reserve_strdup(disk_urls[offline->n_urls]);
	}
	round_begin(offline);
}
