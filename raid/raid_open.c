/* SPDX-License-Identifier: Apache-2.0 */
/* Open: assemble a volume from its disks, in any order and with one a group missing.
 *
 * THEORY. Probe all disks and judge them (raid/candidate.h); the newest label of the history chosen describes the
 * volume. Disks it calls failed are not believed again; disks that are not there, or not what they were, are failed
 * from now on. Then the newest fsinfo, then the stripes named by intents, then a flush, the first of a new start
 * (raid/lineage.h); only then the labels begin a new epoch, which makes the settled intents void, and the newest fsinfo
 * is put on every disk. A crash on the way leaves what was there. Opened read-only it ends before the flush, and
 * refuses when there are stripes to settle.
 * Labels that cannot both be true (two disks that each say the other failed) are -EUCLEAN: that is for a person to
 * decide. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "raid/candidate.h"
#include "raid/fsinfo_ring.h"
#include "raid/label.h"
#include "raid/mark.h"
#include "raid/member.h"
#include "raid/raid_assemble.h"
#include "raid/raid_flush.h"
#include "raid/raid_log.h"
#include "raid/raid_probe.h"
#include "raid/raid_rebuild.h"
#include "raid/raid_recover.h"
#include "raid/raid_volume.h"

/* How long a disk may be busy: a server that was just killed holds its disks until its last I/O has ended. */
#define OPEN_BUSY_NS 10000000000ULL
#define OPEN_RETRY_NS 20000000ULL

struct open_op {
	struct raid_offer offer;
	void (*done)(void *arg, int err, struct raid *raid);
	void *arg;
	int err;
	struct raid *raid; /* NULL: nothing was assembled */
	struct raid_report *report;
	struct flush_wait flush;
	struct label_wait label;
	struct timer retry;
	uint64_t deadline_ns;
	struct task task;
};

/* It failed with I/O under way: wait until all is still. */
struct open_drop {
	void (*done)(void *arg, int err, struct raid *raid);
	void *arg;
	int err;
};

static void open_dropped(void *arg, int err)
{
	struct open_drop drop = *(struct open_drop *)arg;

	(void)err;
	raid_call_free(arg);
	drop.done(drop.arg, drop.err, NULL);
}

static void open_drop(struct raid *raid, int err, void (*done)(void *arg, int err, struct raid *raid), void *arg)
{
	struct open_drop *drop = raid_call_new(sizeof *drop);

	*drop = (struct open_drop){ done, arg, err };
	raid_close_still(raid, open_dropped, drop);
}

/* One sentence a disk: to the log, and to whoever asked. */
static void open_say(struct open_op *op, const char *disk, const char *what)
{
	size_t len = op->report != NULL ? strlen(op->report->text) : 0;

	if (op->report != NULL)
		(void)snprintf(op->report->text + len, sizeof op->report->text - len, "%s%s%s%s", len > 0 ? "; " : "",
		               disk, what[0] != '\0' ? ": " : "", what);
}

static void open_say_member(struct open_op *op, const struct member *m)
{
	char disk[400];

	if (m->state == RAID_DISK_ONLINE)
		return;
	log_warn("raid", "degraded", "disk=%s group=%u position=%u state=%s reason=\"%s\"", m->url, m->group->index,
	         m->position, raid_disk_state_name(m->state), m->why);
	(void)snprintf(disk, sizeof disk, "%s disk %u of group %u (%s) is %s",
	               raid_role_name(m->is_parity, m->is_second), m->position, m->group->index,
	               m->url[0] != '\0' ? m->url : "no name is known", raid_disk_state_name(m->state));
	open_say(op, disk, m->why);
}

static void open_say_stray(struct open_op *op, const struct candidate *c)
{
	if (c->used || c->why[0] == '\0')
		return;
	log_warn("raid", "disk_not_used", "disk=%s reason=\"%s\"", c->url, c->why);
	open_say(op, c->url, c->why);
}

/* Which disks are not as they should be. */
static void open_report(struct open_op *op)
{
	struct raid *raid = op->raid;

	if (op->report != NULL)
		op->report->text[0] = '\0';
	for (unsigned i = 0; raid != NULL && i < raid->n_members; i++)
		if (raid->members[i] != NULL && raid->members[i]->group != NULL)
			open_say_member(op, raid->members[i]);
	for (unsigned i = 0; i < op->offer.n_disks; i++)
		open_say_stray(op, &op->offer.disks[i]);
	if (op->err == -ENXIO || op->err == -EUCLEAN)
		log_error("raid", "not_opened", "error=%s", error_name(op->err));
}

static void open_end_run(struct task *task)
{
	struct open_op *op = container_of(task, struct open_op, task);
	void (*done)(void *arg, int err, struct raid *raid) = op->done;
	void *arg = op->arg;
	struct raid *raid = op->raid;
	int err = op->err != 0 && raid != NULL && raid->room.cut_off ? -ENOSPC : op->err;

	open_report(op);
	probe_fini(&op->offer.probe);
	for (unsigned i = 0; i < op->offer.n_disks; i++)
		disk_close(op->offer.opened[i]);
	candidates_free(op->offer.disks, op->offer.n_disks);
	free(op->offer.opened);
	raid_call_free(op);
	if (err != 0 && raid != NULL) {
		open_drop(raid, err, done, arg);
		return;
	}
	if (raid != NULL) {
		raid->opening = false;
		for (unsigned i = 0; i < raid->n_members; i++)
			member_let_go(raid->members[i]);
		member_health_start(raid);
		rebuild_resume(raid);
		raid_log_kick(raid);
	}
	done(arg, err, raid);
}

static void open_end(struct open_op *op, int err)
{
	op->err = err;
	op->task.run = open_end_run;
	world_defer(op->offer.world, &op->task);
}

static void open_healed(void *arg, int err)
{
	open_end(arg, err);
}

static void open_labelled(struct label_wait *wait, int err)
{
	struct open_op *op = container_of(wait, struct open_op, label);

	if (err != 0)
		open_end(op, err);
	else
		fsinfo_ring_heal(op->raid, open_healed, op);
}

static void open_flushed(struct flush_wait *wait, int err)
{
	struct open_op *op = container_of(wait, struct open_op, flush);
	struct raid *raid = op->raid;

	if (err != 0) {
		open_end(op, -ENXIO);
		return;
	}
	/* an fsinfo may be of a later epoch: one that began at work, and that no label got to say */
	raid->label.epoch = MAX_OF(raid->label.epoch, raid->fsinfo.intent_epoch) + 1U;
	raid->intent_sequence = raid->intent_released = 0;
	op->label.done = open_labelled;
	label_changed(raid);
	label_sync(raid, &op->label);
}

static void open_recovered(struct raid *raid, void *arg, int err)
{
	struct open_op *op = arg;

	if (err != 0) {
		open_end(op, err);
		return;
	}
	if (raid->read_only) {
		open_end(op, 0);
		return;
	}
	marks_begin(raid);
	op->flush.done = open_flushed;
	raid_flush_request(raid, &op->flush);
}

/* Bits of a newer program whose structures our writing would damage. */
static int open_features(const struct open_op *op)
{
	if (op->offer.choice.head->ro_compat == 0 || op->offer.read_only)
		return 0;
	log_error("raid", "features_read_only",
	          "ro_compat=0x%" PRIx64
	          " error=EROFS: a newer version made this volume; it can only be opened read-only",
	          op->offer.choice.head->ro_compat);
	return -EROFS;
}

static void open_probed(struct probe *probe)
{
	struct open_op *op = container_of(probe, struct open_op, offer.probe);
	int err;

	for (unsigned i = 0; i < op->offer.n_disks; i++)
		candidate_load(&op->offer.disks[i], probe);
	err = candidates_choose(op->offer.disks, op->offer.n_disks, probe, &op->offer.choice);
	if (err == 0)
		err = open_features(op);
	if (op->offer.choice.head != NULL && err != -ENOTSUP && err != -EROFS) {
		int built = raid_assemble(&op->offer, &op->raid); /* also to name who is missing */

		err = err != 0 ? err : built;
	}
	if (err != 0)
		open_end(op, err);
	else
		raid_recover(op->raid, open_recovered, op);
}

/* -EBUSY: somebody else has a disk of this volume open. */
static int open_disks(struct open_op *op)
{
	for (unsigned i = 0; i < op->offer.n_disks; i++) {
		int err;

		if (op->offer.disks[i].tried)
			continue;
		err = disk_open(op->offer.world, op->offer.disks[i].url, &op->offer.opened[i]);
		if (err == -EBUSY) {
			(void)snprintf(op->offer.disks[i].why, sizeof op->offer.disks[i].why,
			               "somebody else has it open");
			return err;
		}
		op->offer.disks[i].tried = true;
		op->offer.disks[i].err = err;
		op->offer.disks[i].size_blocks = err == 0 ? op->offer.opened[i]->size_bytes / RAID_BLOCK_SIZE : 0;
		if (err != 0)
			log_warn("raid", "disk_not_opened", "disk=%s error=%s", op->offer.disks[i].url,
			         error_name(err));
	}
	return 0;
}

static void open_try(struct timer *timer)
{
	struct open_op *op = container_of(timer, struct open_op, retry);
	int err = open_disks(op);

	if (err == -EBUSY && world_now_ns(op->offer.world) < op->deadline_ns) {
		world_timer_set(op->offer.world, &op->retry, OPEN_RETRY_NS);
		return;
	}
	if (err == 0)
		err = probe_start(&op->offer.probe, op->offer.world, op->offer.opened, op->offer.n_disks, open_probed);
	if (err != 0)
		open_end(op, err);
}

/* A medium under two names would lock itself out, and is one disk. */
static void open_same(struct open_op *op)
{
	for (unsigned i = 0; i < op->offer.n_disks; i++) {
		struct candidate *c = &op->offer.disks[i];

		for (unsigned j = 0; j < i && !c->same_medium; j++) {
			if (!disk_same(op->offer.disks[j].url, c->url))
				continue;
			c->same_medium = c->tried = true;
			c->err = -ENOTUNIQ;
			c->verdict = CANDIDATE_TWICE;
			(void)snprintf(c->why, sizeof c->why, "it is the same file or device as %.100s",
			               op->offer.disks[j].url);
		}
	}
}

static struct open_op *open_new(struct world *world, struct raid_report *report,
                                void (*done)(void *arg, int err, struct raid *raid), void *arg)
{
	struct open_op *op = raid_call_new(sizeof *op);

	op->offer.world = world;
	op->done = done;
	op->arg = arg;
	op->report = report;
	op->retry.fire = open_try;
	op->deadline_ns = world_now_ns(world) + OPEN_BUSY_NS;
	return op;
}

static void open_start(struct open_op *op, const char *const *disk_urls, unsigned n_disks)
{
	struct raid_offer *offer = &op->offer;

	offer->disks = raid_call_new((size_t)MAX_OF(n_disks, 1U) * sizeof *offer->disks);
	offer->opened = raid_call_new((size_t)MAX_OF(n_disks, 1U) * sizeof(struct disk *));
	if (n_disks == 0 || n_disks > 4 * RAID_LABEL_MAX_MEMBERS) {
		open_end(op, -EINVAL);
		return;
	}
	offer->n_disks = n_disks;
	for (unsigned i = 0; i < n_disks; i++) {
		offer->disks[i].index = i;
		(void)snprintf(offer->disks[i].url, sizeof offer->disks[i].url, "%s", disk_urls[i]);
	}
	open_same(op);
	open_try(&op->retry);
}

void raid_open(struct world *world, const char *const *disk_urls, unsigned n_disks, struct raid_report *report,
               void (*done)(void *arg, int err, struct raid *raid), void *arg)
{
	open_start(open_new(world, report, done, arg), disk_urls, n_disks);
}

void raid_open_read_only(struct world *world, const char *const *disk_urls, unsigned n_disks,
                         struct raid_report *report, void (*done)(void *arg, int err, struct raid *raid), void *arg)
{
	struct open_op *op = open_new(world, report, done, arg);

	op->offer.read_only = true;
	open_start(op, disk_urls, n_disks);
}

void raid_open_inspect(struct world *world, const char *const *disk_urls, unsigned n_disks, struct raid_report *report,
                       void (*done)(void *arg, int err, struct raid *raid), void *arg)
{
	struct open_op *op = open_new(world, report, done, arg);

	op->offer.read_only = op->offer.inspecting = true;
	open_start(op, disk_urls, n_disks);
}
