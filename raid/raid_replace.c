/* SPDX-License-Identifier: Apache-2.0 */
/* Replace: another disk takes the place of one that is lost; and: a disk is called failed by an administrator.
 *
 * THEORY. The new disk is blanked, then put in the place of the old one while nothing is under way that has both in
 * view: repairs are held back, and a flush is waited for, after which no write is in flight. The labels of all disks
 * then say who the member is; the old disk, if it ever comes back, is no member any more, because its UUID is not among
 * theirs. A crash on the way leaves the old table or the new one. What the disk shall hold comes by the rebuild.
 * A lost disk that comes back replaces itself: under another UUID, like any other, but what has not changed since it
 * went stays on it (raid/dirty_map.h), when its label and mark say that it has all that. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "raid/candidate.h"
#include "raid/disk_blank.h"
#include "raid/raid_probe.h"
#include "raid/raid_rebuild.h"
#include "raid/raid_still.h"
#include "raid/raid_volume.h"

struct replace {
	struct raid *raid;
	struct raid_group *group;
	unsigned position;
	char url[256];
	void (*done)(void *arg, int err);
	void *arg;
	int err;
	struct disk *disk;
	bool rejoins; /* it is the disk that was lost */
	bool keeps_rest; /* and only what has changed is to be rebuilt */
	unsigned label_copy, mark_copy; /* its newest ones */
	struct probe probe;
	struct disk_blank blank;
	struct still still;
	struct label_wait label;
	struct task task;
};

static void replace_end_run(struct task *task)
{
	struct replace *rp = container_of(task, struct replace, task);
	struct raid *raid = rp->raid;
	void (*done)(void *arg, int err) = rp->done;
	void *arg = rp->arg;
	int err = rp->err;

	disk_close(rp->disk);
	probe_fini(&rp->probe);
	if (raid->replace == rp) /* not one that was refused: another is under way */
		raid->replace = NULL;
	raid_call_free(rp);
	done(arg, err);
	raid_idle_check(raid);
}

static void replace_end(struct replace *rp, int err)
{
	rp->err = err;
	rp->task.run = replace_end_run;
	world_defer(rp->raid->world, &rp->task);
}

/* ---- the swap ---------------------------------------------------------------------------------------------------- */

static void replace_labelled(struct label_wait *wait, int err)
{
	struct replace *rp = container_of(wait, struct replace, label);

	fsinfo_ring_copy(rp->raid);
	rebuild_resume(rp->raid);
	replace_end(rp, err);
}

static void replace_in_tables(struct raid *raid, struct member *old, struct member *m)
{
	raid->members[m->index] = m;
	m->group->members[m->position] = m;
	for (unsigned i = 0; i < raid->geometry.n_data_disks; i++)
		if (raid->data_members[i] == old)
			raid->data_members[i] = m;
}

static struct member *replace_member(struct replace *rp, const struct member *old)
{
	struct member *m = member_new(rp->raid);
	uint8_t random[16];

	if (m == NULL)
		return NULL;
	world_random(rp->raid->world, random, sizeof random);
	m->uuid = uuid_from_random(random);
	m->group = rp->group;
	m->index = old->index;
	m->position = old->position;
	m->is_parity = old->is_parity;
	m->is_second = old->is_second;
	m->vbn_first = old->vbn_first;
	m->size_blocks = rp->disk->size_bytes / RAID_BLOCK_SIZE;
	m->n_dbn = m->is_parity ? layout_n_dbn(&rp->raid->layout, m->size_blocks) : old->n_dbn;
	m->state = RAID_DISK_REBUILDING;
	if (rp->keeps_rest) {
		m->kept_rest = true;
		m->map = old->map;
		m->label_copy = rp->label_copy;
		m->mark_copy = rp->mark_copy;
	} else {
		m->zeroed = rp->blank.zeroed;
	}
	memcpy(m->url, rp->url, sizeof m->url);
	m->disk = rp->disk;
	rp->disk = NULL;
	return m;
}

static void replace_swap(struct still *still)
{
	struct replace *rp = container_of(still, struct replace, still);
	struct raid *raid = rp->raid;
	struct member *old = rp->group->members[rp->position], *m;

	if (group_failed(rp->group)) {
		replace_end(rp, -EIO);
		return;
	}
	m = replace_member(rp, old);
	if (m == NULL) {
		replace_end(rp, -ENOMEM);
		return;
	}
	replace_in_tables(raid, old, m);
	checksum_zone_drop(raid, old);
	member_retire(old);
	log_info("raid", "disk_replaced", "old=%s new=%s group=%u position=%u rebuild=%s", old->url, m->url,
	         rp->group->index, rp->position, rp->keeps_rest ? "changes" : "all");
	raid_log_member_joined(raid);
	raid->label.membership++;
	label_changed(raid);
	rp->label.done = replace_labelled;
	label_sync(raid, &rp->label);
}

/* ---- the disk ---------------------------------------------------------------------------------------------------- */

static void replace_hold(struct replace *rp)
{
	rp->still.done = replace_swap;
	still_wait(rp->raid, &rp->still);
}

static void replace_blanked(struct disk_blank *blank, int err)
{
	struct replace *rp = container_of(blank, struct replace, blank);

	if (err != 0) {
		replace_end(rp, err);
		return;
	}
	replace_hold(rp);
}

static void replace_blank(struct replace *rp)
{
	rp->blank = (struct disk_blank){ .disk = rp->disk,
		                         .front_blocks = rp->raid->layout.log_first,
		                         .done = replace_blanked };
	disk_blank_start(&rp->blank);
}

/* What a disk has that says it is the lost one. */
static int rejoin_judge(struct replace *rp, const struct candidate *c)
{
	const struct raid *raid = rp->raid;
	const struct member *old = rp->group->members[rp->position];

	if (c->err != 0)
		return c->err;
	if (c->label == NULL || c->unknown_format || !uuid_equal(&c->label->volume_uuid, &raid->volume_uuid) ||
	    !uuid_equal(&c->label->disk_uuid, &old->uuid))
		return -ENXIO;
	if (lineage_parted(&c->lineage, &raid->lineage))
		return -EUCLEAN;
	rp->keeps_rest = dirty_map_fits(raid, &old->map, &c->lineage);
	rp->label_copy = c->label_copy;
	rp->mark_copy = c->mark_copy;
	return 0;
}

static void rejoin_probed(struct replace *rp)
{
	struct candidate *c = raid_call_new(sizeof *c);
	int err;

	candidate_load(c, &rp->probe);
	err = rejoin_judge(rp, c);
	candidates_free(c, 1);
	if (err != 0)
		replace_end(rp, err);
	else if (rp->keeps_rest)
		replace_hold(rp);
	else
		replace_blank(rp);
}

static void replace_probed(struct probe *probe)
{
	struct replace *rp = container_of(probe, struct replace, probe);
	struct label *label;
	int err = probe->disks[0].err;

	if (rp->rejoins) {
		rejoin_probed(rp);
		return;
	}
	label = raid_call_new(sizeof *label);
	for (unsigned copy = 0; copy < 2 && err == 0; copy++)
		if (label_decode(probe_label(probe, 0, copy), label) != -ENOENT)
			err = -EEXIST;
	raid_call_free(label);
	if (err != 0) {
		replace_end(rp, err);
		return;
	}
	replace_blank(rp);
}

static int replace_open(struct replace *rp)
{
	struct raid *raid = rp->raid;
	int err = disk_open(raid->world, rp->url, &rp->disk);

	if (err != 0)
		return err;
	if (layout_n_dbn(&raid->layout, rp->disk->size_bytes / RAID_BLOCK_SIZE) < group_n_dbn(rp->group, rp->position))
		return -ERANGE;
	return probe_start(&rp->probe, raid->world, &rp->disk, 1, replace_probed);
}

static int replace_refused(const struct raid *raid, const struct member *m)
{
	if (m == NULL)
		return -ENOENT;
	if (raid->read_only || raid->closing)
		return -EROFS;
	if (member_online(m))
		return -EALREADY;
	if (group_failed(m->group) || (raid_log_is_on(raid, m) && raid_log_copies(raid) == 1))
		return -EIO;
	return raid_is_changing(raid) || raid_log_is_on(raid, m) ? -EBUSY : 0;
}

static void replace_begin(const struct replace *wanted, unsigned group, const char *url)
{
	struct replace *rp = raid_call_new(sizeof *rp);
	struct raid *raid = wanted->raid;
	struct member *m = raid_member_at(raid, group, wanted->position);
	int err = replace_refused(raid, m);

	*rp = *wanted;
	(void)snprintf(rp->url, sizeof rp->url, "%s", url);
	if (err == 0) {
		rp->group = m->group;
		raid->replace = rp;
		err = replace_open(rp);
	}
	if (err != 0)
		replace_end(rp, err);
}

void raid_replace(struct raid *raid, unsigned group, unsigned position, const char *url,
                  void (*done)(void *arg, int err), void *arg)
{
	replace_begin(&(struct replace){ .raid = raid, .position = position, .done = done, .arg = arg }, group, url);
}

void raid_online(struct raid *raid, unsigned group, unsigned position, const char *url,
                 void (*done)(void *arg, int err), void *arg)
{
	replace_begin(
	    &(struct replace){ .raid = raid, .position = position, .rejoins = true, .done = done, .arg = arg }, group,
	    url);
}

/* ---- failing one ------------------------------------------------------------------------------------------------- */

struct fail_call {
	struct label_wait label;
	void (*done)(void *arg, int err);
	void *arg;
	int err;
	struct task task;
};

static void fail_end_run(struct task *task)
{
	struct fail_call *call = container_of(task, struct fail_call, task);
	void (*done)(void *arg, int err) = call->done;
	void *arg = call->arg;
	int err = call->err;

	raid_call_free(call);
	done(arg, err);
}

static void fail_labelled(struct label_wait *wait, int err)
{
	struct fail_call *call = container_of(wait, struct fail_call, label);

	call->err = err;
	fail_end_run(&call->task);
}

static int fail_refused(const struct raid *raid, const struct member *m)
{
	if (m == NULL)
		return -ENOENT;
	if (raid->read_only || raid->closing)
		return -EROFS;
	if (!member_online(m))
		return -EALREADY;
	return m->state == RAID_DISK_ONLINE && !group_can_lose(m->group) ? -EBUSY : 0;
}

void raid_fail(struct raid *raid, unsigned group, unsigned position, void (*done)(void *arg, int err), void *arg)
{
	struct fail_call *call = raid_call_new(sizeof *call);
	struct member *m = raid_member_at(raid, group, position);

	*call = (struct fail_call){ .label.done = fail_labelled,
		                    .done = done,
		                    .arg = arg,
		                    .err = fail_refused(raid, m),
		                    .task.run = fail_end_run };
	if (call->err != 0) {
		world_defer(raid->world, &call->task);
		return;
	}
	member_fail(m, "administrator", -ECANCELED);
	label_sync(raid, &call->label);
}
