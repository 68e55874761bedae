/* SPDX-License-Identifier: Apache-2.0 */
/* Convert: a RAID-4 group gets a second parity disk, at work.
 *
 * THEORY. The new disk becomes a member that is being rebuilt: the group has double parity from then on, with one of
 * its disks not there yet, so it survives what it survived before. The rebuild computes the second parity from the
 * data, or, where a data disk is lost meanwhile, from what the first parity makes of it. Like every rebuild it goes on
 * after a crash.
 * ORDER. What one parity disk and what two write beside the stripes differs: intents have a rest for each parity, and a
 * copy more. So in a moment in which all is still (raid/raid_still.h: every intent is settled) the group changes, and
 * with it the epoch, which makes the old intents void; writes are held back until the labels say both. Labels of before
 * go with intents of before, those after with intents after. A crash on the way leaves RAID-4, or double parity that is
 * being rebuilt. The log gets its third copy afterwards, and the rebuild does not end before it has (RB4).
 * Example: data disks 0, 1, 2 and P at 3; Q comes to position 4. No disk changes its place.
 * WRITE PATH previous hop raid.h; next hops disk_blank.h, label.h, raid_rebuild.h. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "raid/checksum_zone.h"
#include "raid/disk_blank.h"
#include "raid/raid_assemble.h"
#include "raid/raid_probe.h"
#include "raid/raid_rebuild.h"
#include "raid/raid_still.h"
#include "raid/raid_volume.h"

struct convert {
	struct raid *raid;
	struct raid_group *group;
	char url[256];
	void (*done)(void *arg, int err);
	void *arg;
	int err;
	struct disk *disk;
	struct member *member; /* made before it is needed, so that nothing fails then */
	struct probe probe;
	struct disk_blank blank;
	struct still still;
	struct label_wait label;
	struct task task;
};

static void convert_end_run(struct task *task)
{
	struct convert *cv = container_of(task, struct convert, task);
	struct raid *raid = cv->raid;
	void (*done)(void *arg, int err) = cv->done;
	void *arg = cv->arg;
	int err = cv->err;

	disk_close(cv->disk);
	probe_fini(&cv->probe);
	if (cv->member != NULL)
		member_free(cv->member);
	if (raid->convert == cv) /* not one that was refused: another is under way */
		raid->convert = NULL;
	raid_call_free(cv);
	done(arg, err);
	raid_idle_check(raid);
}

static void convert_end(struct convert *cv, int err)
{
	cv->err = err;
	cv->task.run = convert_end_run;
	world_defer(cv->raid->world, &cv->task);
}

static int convert_refused(const struct raid *raid, const struct raid_group *g)
{
	if (g == NULL)
		return -ENOENT;
	if (raid->read_only || raid->closing)
		return -EROFS;
	if (g->n_parity == LEVEL_MAX_PARITY)
		return -EALREADY;
	if (raid->n_members == RAID_LABEL_MAX_MEMBERS)
		return -EMLINK;
	if (g->rebuild != NULL)
		return -EBUSY;
	return g->n_lost > 0 || group_failed(g) ? -EIO : 0;
}

/* ---- the change -------------------------------------------------------------------------------------------------- */

static void convert_labelled(struct label_wait *wait, int err)
{
	struct convert *cv = container_of(wait, struct convert, label);
	struct raid *raid = cv->raid;
	const struct raid_group *g = cv->group;

	raid->geometry.n_parity[g->index] = (uint8_t)g->n_parity;
	raid->writes_held = false;
	raid_write_kick(raid);
	fsinfo_ring_copy(raid);
	raid_log_member_joined(raid);
	rebuild_resume(raid);
	convert_end(cv, err);
}

static void convert_join(struct convert *cv)
{
	struct raid *raid = cv->raid;
	struct raid_group *g = cv->group;
	struct member *m = cv->member;

	cv->member = NULL;
	m->disk = cv->disk;
	cv->disk = NULL;
	m->zeroed = cv->blank.zeroed;
	m->index = raid->n_members++;
	m->position = g->n_members++;
	raid->members[m->index] = m;
	g->members[m->position] = m;
	g->n_parity++;
	g->n_lost++;
	g->level = level_of(g->n_parity);
	log_info("raid", "group_converted", "disk=%s group=%u position=%u level=%s", m->url, g->index, m->position,
	         level_title(g->level, g->n_data));
}

static void convert_still(struct still *still)
{
	struct convert *cv = container_of(still, struct convert, still);
	struct raid *raid = cv->raid;
	int err = convert_refused(raid, cv->group);

	if (err != 0) {
		convert_end(cv, err);
		return;
	}
	convert_join(cv);
	raid->writes_held = true;
	raid->label.epoch++;
	raid->label.membership++;
	label_changed(raid);
	cv->label.done = convert_labelled;
	label_sync(raid, &cv->label);
}

/* ---- making ready ------------------------------------------------------------------------------------------------ */

static int convert_memory(struct convert *cv)
{
	struct raid *raid = cv->raid;
	struct raid_group *g = cv->group;
	struct member *m = cv->member = member_new(raid);
	uint8_t random[16];
	int err;

	if (m == NULL)
		return -ENOMEM;
	world_random(raid->world, random, sizeof random);
	m->uuid = uuid_from_random(random);
	m->group = g;
	m->is_parity = m->is_second = true;
	m->size_blocks = cv->disk->size_bytes / RAID_BLOCK_SIZE;
	m->n_dbn = layout_n_dbn(&raid->layout, m->size_blocks);
	m->state = RAID_DISK_REBUILDING;
	memcpy(m->url, cv->url, sizeof m->url);
	err = checksum_cache_widen(raid, g->n_members + 1U, layout_n_zones(g->n_dbn));
	if (err == 0)
		err = raid_write_widen(raid, g->n_members + 1U, g->n_parity + 1U);
	return err != 0 ? err : raid_repair_widen(raid, g->n_members + 1U);
}

static void convert_blanked(struct disk_blank *blank, int err)
{
	struct convert *cv = container_of(blank, struct convert, blank);

	if (err == 0)
		err = convert_memory(cv);
	if (err != 0) {
		convert_end(cv, err);
		return;
	}
	cv->still.done = convert_still;
	still_wait(cv->raid, &cv->still);
}

static void convert_probed(struct probe *probe)
{
	struct convert *cv = container_of(probe, struct convert, probe);
	struct label *label = raid_call_new(sizeof *label);
	int err = probe->disks[0].err;

	for (unsigned copy = 0; copy < 2 && err == 0; copy++)
		if (label_decode(probe_label(probe, 0, copy), label) != -ENOENT)
			err = -EEXIST;
	raid_call_free(label);
	if (err != 0) {
		convert_end(cv, err);
		return;
	}
	cv->blank = (struct disk_blank){ .disk = cv->disk,
		                         .front_blocks = cv->raid->layout.log_first,
		                         .done = convert_blanked };
	disk_blank_start(&cv->blank);
}

static int convert_open(struct convert *cv)
{
	struct raid *raid = cv->raid;
	int err = disk_open(raid->world, cv->url, &cv->disk);

	if (err != 0)
		return err;
	if (layout_n_dbn(&raid->layout, cv->disk->size_bytes / RAID_BLOCK_SIZE) < cv->group->n_dbn)
		return -ERANGE;
	return probe_start(&cv->probe, raid->world, &cv->disk, 1, convert_probed);
}

void raid_convert(struct raid *raid, unsigned group, const char *url, void (*done)(void *arg, int err), void *arg)
{
	struct convert *cv = raid_call_new(sizeof *cv);
	int err;

	*cv = (struct convert){ .raid = raid, .done = done, .arg = arg };
	cv->group = group < raid->n_groups ? raid->groups[group] : NULL;
	(void)snprintf(cv->url, sizeof cv->url, "%s", url);
	err = convert_refused(raid, cv->group);
	if (err == 0 && raid_is_changing(raid))
		err = -EBUSY;
	if (err == 0) {
		raid->convert = cv;
		err = convert_open(cv);
	}
	if (err != 0)
		convert_end(cv, err);
}
