/* SPDX-License-Identifier: Apache-2.0 */
/* Open and close: assemble a volume from its disks, in any order and with one a group missing.
 *
 * THEORY. Probe all disks and judge them (raid/candidate.h); the newest label of the history chosen describes the volume. Disks it calls failed
 * are not believed again; disks that are not there, or not what they were, are failed from now on. Then the newest fsinfo, then the stripes
 * named by intents, then a flush, the first of a new start (raid/lineage.h); only then the labels begin a new
 * epoch, which makes the settled intents void, and the newest fsinfo is put on every disk. A crash on the way leaves what was there.
 * Opened read-only it ends before the flush, and refuses when there are stripes to settle.
 * Labels that cannot both be true (two disks that each say the other failed) are -EUCLEAN: that is for a person to decide. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raid/candidate.h"

/* How long a disk may be busy: a server that was just killed holds its disks until its last I/O has ended. */
#define OPEN_BUSY_NS 10000000000ULL
#define OPEN_RETRY_NS 20000000ULL

struct open_op {
	struct world *world;
	void (*done)(void *arg, int err, struct raid *raid);
	void *arg;
	int err;
	unsigned n_disks;
	struct candidate *disks;
	struct disk **opened;
	struct probe probe;
	struct candidate_choice choice;
	struct raid *raid;
	struct raid_report *report;
	bool read_only, inspecting;
	struct flush_wait flush;
	struct label_wait label;
	struct timer retry;
	uint64_t deadline_ns;
	struct task task;
};

/* ---- the volume's memory ---------------------------------------------------------------------------------------------------------- */

void raid_free(struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_members; i++) {
		struct member *m = raid->members[i];

		if (m == NULL)
			continue;
		disk_close(m->disk);
		member_free(m);
	}
	checksum_cache_fini(raid);
	raid_write_fini(raid);
	for (unsigned i = 0; i < raid->n_groups; i++) {
		if (raid->groups[i] != NULL)
			free(raid->groups[i]->outstanding);
		free(raid->groups[i]);
	}
	if (raid->repair_reserve != NULL)
		page_put_many(raid->repair_reserve, raid->n_repair_reserve);
	free(raid->repair_reserve);
	free(raid->label.items);
	free(raid->label.buffers);
	free(raid->fsinfo.items);
	free(raid->fsinfo.block);
	free(raid->marks.items);
	free(raid->marks.block);
	free(raid->unsettled);
	free(raid);
}

static int raid_init_buffers(struct raid *raid)
{
	unsigned n_reserve = 0;
	void *block;

	for (unsigned i = 0; i < raid->n_groups; i++)
		n_reserve = MAX_OF(n_reserve, REPAIR_MAX_STRIPES * raid->groups[i]->n_members); /* one whole repair */
	raid->label.items = calloc((size_t)raid->n_members * RAID_LABEL_BLOCKS, sizeof(struct batch_item));
	raid->fsinfo.items = calloc(raid->n_members, sizeof(struct batch_item));
	raid->marks.items = calloc(raid->n_members, sizeof(struct batch_item));
	raid->repair_reserve = calloc(n_reserve, sizeof(struct page *));
	if (raid->label.items == NULL || raid->fsinfo.items == NULL || raid->marks.items == NULL || raid->repair_reserve == NULL)
		return -ENOMEM;
	if (posix_memalign(&raid->label.buffers, RAID_BLOCK_SIZE, (size_t)raid->n_members * sizeof(struct raid_label_format)) != 0) {
		raid->label.buffers = NULL;
		return -ENOMEM;
	}
	if (posix_memalign(&block, RAID_BLOCK_SIZE, RAID_BLOCK_SIZE) != 0)
		return -ENOMEM;
	raid->fsinfo.block = block;
	if (posix_memalign(&block, RAID_BLOCK_SIZE, RAID_BLOCK_SIZE) != 0)
		return -ENOMEM;
	raid->marks.block = block;
	if (page_alloc_many(raid->repair_reserve, n_reserve) != 0)
		return -ENOMEM;
	raid->n_repair_reserve = n_reserve;
	return 0;
}

static int raid_init(struct raid *raid)
{
	int err = raid_init_buffers(raid);

	if (err == 0)
		err = checksum_cache_init(raid);
	if (err == 0)
		err = raid_write_init(raid);
	for (unsigned i = 0; i < raid->n_groups && err == 0; i++)
		err = intent_group_init(raid, raid->groups[i]);
	raid_log_init(raid);
	return err;
}

/* ---- assembly ------------------------------------------------------------------------------------------------------------------------ */

static void close_finish(struct raid *raid);

static int open_group_add(struct raid *raid, struct member *m, unsigned group)
{
	struct raid_group *g = raid->groups[group];

	if (g == NULL) {
		g = calloc(1, sizeof *g);
		if (g == NULL)
			return -ENOMEM;
		g->raid = raid;
		g->index = group;
		raid->groups[group] = g;
	}
	if (g->members[m->position] != NULL)
		return -EUCLEAN;
	m->group = g;
	g->members[m->position] = m;
	g->n_members++;
	if (m->is_parity)
		g->n_data = m->position;
	else
		g->n_dbn = MAX_OF(g->n_dbn, m->n_dbn);
	return 0;
}

static int open_member(struct raid *raid, unsigned index, const struct label_member *row)
{
	struct member *m = member_new(raid);

	if (m == NULL)
		return -ENOMEM;
	raid->members[index] = m;
	m->index = index;
	m->uuid = row->uuid;
	m->position = row->position;
	m->is_parity = row->is_parity;
	m->size_blocks = row->size_blocks;
	m->vbn_first = row->vbn_first;
	m->n_dbn = row->n_dbn;
	m->state = RAID_DISK_MISSING;
	m->recorded_failed = row->failed;
	m->reason = row->failed ? row->reason : 0;
	return open_group_add(raid, m, row->group);
}

/* Members by VBN, without gaps that would break the arithmetic; geometry for the file system. */
static int open_geometry(struct raid *raid)
{
	struct raid_geometry *geo = &raid->geometry;
	uint64_t next = 0;

	for (unsigned n = 0; n < raid->n_members; n++) {
		struct member *best = NULL;

		for (unsigned i = 0; i < raid->n_members; i++) {
			struct member *m = raid->members[i];

			if (!m->is_parity && m->vbn_first >= next && (best == NULL || m->vbn_first < best->vbn_first))
				best = m;
		}
		if (best == NULL)
			break;
		raid->data_members[geo->n_data_disks] = best;
		geo->disks[geo->n_data_disks++] = (struct raid_disk_geometry){ best->vbn_first, best->n_dbn, (uint16_t)best->group->index,
			                                                       (uint16_t)best->position };
		next = (uint64_t)best->vbn_first + best->n_dbn;
	}
	geo->vbn_end = (uint32_t)next;
	geo->n_groups = raid->n_groups;
	return geo->n_data_disks == raid->n_members - raid->n_groups && geo->disks[0].vbn_first == 0 ? 0 : -EUCLEAN;
}

static int open_groups_check(const struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_groups; i++) {
		const struct raid_group *g = raid->groups[i];

		if (g == NULL || g->n_members < 2 || g->n_data != g->n_members - 1 || g->members[g->n_data] == NULL ||
		    !g->members[g->n_data]->is_parity || g->members[g->n_data]->n_dbn < g->n_dbn)
			return -EUCLEAN;
		for (unsigned j = 0; j < g->n_members; j++)
			if (g->members[j] == NULL || (j < g->n_data && g->members[j]->is_parity))
				return -EUCLEAN;
	}
	return 0;
}

static void open_attach(struct open_op *op, struct candidate *c)
{
	struct raid *raid = op->raid;
	struct member *m = raid->members[c->label->member_index];

	if (m->disk != NULL)
		return;
	m->disk = op->opened[c->index];
	op->opened[c->index] = NULL;
	c->used = true;
	memcpy(m->url, c->url, sizeof m->url);
	memcpy(m->why, c->why, sizeof m->why);
	m->label_copy = c->label_copy;
	m->mark_copy = c->mark_copy;
	m->lineage = c->lineage;
	m->state = c->verdict == CANDIDATE_GOOD                                      ? RAID_DISK_ONLINE
	           : c->verdict == CANDIDATE_STALE || c->verdict == CANDIDATE_PARTED ? RAID_DISK_STALE
	                                                                             : RAID_DISK_FAILED;
	for (unsigned s = 0; s < RAID_RING_SLOTS && member_online(m); s++)
		fsinfo_ring_offer(raid, s, probe_fsinfo(&op->probe, c->index, s));
}

/* A member nobody is gets the name of a disk nobody has: of the one in its place in the list, or else of any. The best guess for people. */
static void open_guess(struct open_op *op, bool in_place)
{
	unsigned at = 0;

	for (unsigned i = 0; i < op->raid->n_members; i++) {
		struct member *m = op->raid->members[i];

		if (m->disk != NULL || m->url[0] != '\0')
			continue;
		if (in_place)
			at = i;
		while (!in_place && at < op->n_disks && op->disks[at].used)
			at++;
		if (at >= op->n_disks || op->disks[at].used || op->disks[at].verdict == CANDIDATE_TWICE)
			continue;
		op->disks[at].used = true;
		memcpy(m->url, op->disks[at].url, sizeof m->url);
		memcpy(m->why, op->disks[at].why, sizeof m->why);
	}
}

/* Give each disk to the member it is, the good ones first. */
static void open_attach_all(struct open_op *op)
{
	for (unsigned i = 0; i < op->n_disks; i++)
		if (op->disks[i].verdict == CANDIDATE_GOOD)
			open_attach(op, &op->disks[i]);
	for (unsigned i = 0; i < op->n_disks; i++)
		if (op->disks[i].verdict > CANDIDATE_FOREIGN && op->disks[i].verdict != CANDIDATE_TWICE)
			open_attach(op, &op->disks[i]);
	open_guess(op, true);
	open_guess(op, false);
}

static int open_count_lost(struct raid *raid)
{
	struct label_state *l = &raid->label;
	unsigned n_copies = 0;

	for (unsigned i = 0; i < raid->n_members; i++) {
		struct member *m = raid->members[i];

		if (member_online(m))
			continue;
		m->group->n_lost++;
		if (!m->recorded_failed) {
			l->membership++;
			m->reason = m->state == RAID_DISK_STALE ? RAID_REASON_STALE : RAID_REASON_ABSENT;
		}
		m->recorded_failed = true;
	}
	for (unsigned i = 0; i < raid->n_groups; i++)
		if (group_failed(raid->groups[i]))
			return -ENXIO;
	for (unsigned i = 0; i < l->n_log_copies; i++)
		if (member_online(raid->members[l->log_copies[i]]))
			l->log_copies[n_copies++] = l->log_copies[i];
	l->n_log_copies = n_copies;
	return n_copies == 0 ? -ENXIO : 0;
}

static int open_build(struct open_op *op)
{
	const struct label *l = op->choice.head;
	struct raid *raid = calloc(1, sizeof *raid);
	int err = 0;

	if (raid == NULL)
		return -ENOMEM;
	op->raid = raid;
	STAILQ_INIT(&raid->label.waiters);
	STAILQ_INIT(&raid->flush_waiting);
	STAILQ_INIT(&raid->flush_running);
	STAILQ_INIT(&raid->writes);
	TAILQ_INIT(&raid->lane.waiting);
	TAILQ_INIT(&raid->repairs_active);
	TAILQ_INIT(&raid->repairs_waiting);
	raid->world = op->world;
	raid->opening = true;
	raid_room_patience(raid, RAID_ROOM_PATIENCE_NS);
	raid->read_only = op->read_only;
	raid->inspecting = op->inspecting;
	raid->volume_uuid = l->volume_uuid;
	raid->layout = l->layout;
	raid->n_members = l->n_members;
	raid->n_groups = l->n_groups;
	raid->label.generation = l->generation;
	raid->label.membership = l->membership;
	raid->label.epoch = l->epoch;
	raid->label.compat = l->compat;
	raid->label.ro_compat = l->ro_compat;
	raid->lineage = raid->marks.lineage = op->choice.demand;
	raid->marks.last_flush = op->choice.last_flush;
	raid->label.n_log_copies = l->n_log_copies;
	memcpy(raid->label.log_copies, l->log_copies, sizeof l->log_copies);
	for (unsigned i = 0; i < l->n_members && err == 0; i++)
		err = open_member(raid, i, &l->members[i]);
	if (err == 0)
		err = open_groups_check(raid);
	if (err == 0)
		err = open_geometry(raid);
	if (err != 0)
		return err;
	open_attach_all(op);
	err = open_count_lost(raid);
	return err != 0 ? err : raid_init(raid);
}

/* ---- the course of opening -------------------------------------------------------------------------------------------------------- */

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
	raid->closing = true;
	raid->close_done = open_dropped;
	raid->close_arg = drop;
	close_finish(raid);
}

/* One sentence a disk: to the log, and to whoever asked. */
static void open_say(struct open_op *op, const char *disk, const char *what)
{
	size_t len = op->report != NULL ? strlen(op->report->text) : 0;

	if (op->report != NULL)
		(void)snprintf(op->report->text + len, sizeof op->report->text - len, "%s%s%s%s", len > 0 ? "; " : "", disk,
		               what[0] != '\0' ? ": " : "", what);
}

static void open_say_member(struct open_op *op, const struct member *m)
{
	char disk[400];

	if (member_online(m))
		return;
	log_warn("raid", "degraded", "disk=%s group=%u position=%u state=%s reason=\"%s\"", m->url, m->group->index, m->position,
	         raid_disk_state_name(m->state), m->why);
	(void)snprintf(disk, sizeof disk, "%s disk %u of group %u (%s) is %s", m->is_parity ? "parity" : "data", m->position,
	               m->group->index, m->url[0] != '\0' ? m->url : "no name is known", raid_disk_state_name(m->state));
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
	for (unsigned i = 0; i < op->n_disks; i++)
		open_say_stray(op, &op->disks[i]);
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
	probe_fini(&op->probe);
	for (unsigned i = 0; i < op->n_disks; i++)
		disk_close(op->opened[i]);
	candidates_free(op->disks, op->n_disks);
	free(op->opened);
	raid_call_free(op);
	if (err != 0 && raid != NULL) {
		open_drop(raid, err, done, arg);
		return;
	}
	if (raid != NULL) {
		raid->opening = false;
		member_health_start(raid);
	}
	done(arg, err, raid);
}

static void open_end(struct open_op *op, int err)
{
	op->err = err;
	op->task.run = open_end_run;
	world_defer(op->world, &op->task);
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
	raid->label.epoch++;
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
	if (op->choice.head->ro_compat == 0 || op->read_only)
		return 0;
	log_error("raid", "features_read_only",
	          "ro_compat=0x%" PRIx64 " error=EROFS: a newer version made this volume; it can only be opened read-only",
	          op->choice.head->ro_compat);
	return -EROFS;
}

static void open_probed(struct probe *probe)
{
	struct open_op *op = container_of(probe, struct open_op, probe);
	int err;

	for (unsigned i = 0; i < op->n_disks; i++)
		candidate_load(&op->disks[i], probe);
	err = candidates_choose(op->disks, op->n_disks, probe, &op->choice);
	if (err == 0)
		err = open_features(op);
	if (op->choice.head != NULL && err != -ENOTSUP && err != -EROFS) {
		int built = open_build(op); /* also to name who is missing */

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
	for (unsigned i = 0; i < op->n_disks; i++) {
		int err;

		if (op->disks[i].tried)
			continue;
		err = disk_open(op->world, op->disks[i].url, &op->opened[i]);
		if (err == -EBUSY) {
			(void)snprintf(op->disks[i].why, sizeof op->disks[i].why, "somebody else has it open");
			return err;
		}
		op->disks[i].tried = true;
		op->disks[i].err = err;
		op->disks[i].size_blocks = err == 0 ? op->opened[i]->size_bytes / RAID_BLOCK_SIZE : 0;
		if (err != 0)
			log_warn("raid", "disk_not_opened", "disk=%s error=%s", op->disks[i].url, error_name(err));
	}
	return 0;
}

static void open_try(struct timer *timer)
{
	struct open_op *op = container_of(timer, struct open_op, retry);
	int err = open_disks(op);

	if (err == -EBUSY && world_now_ns(op->world) < op->deadline_ns) {
		world_timer_set(op->world, &op->retry, OPEN_RETRY_NS);
		return;
	}
	if (err == 0)
		err = probe_start(&op->probe, op->world, op->opened, op->n_disks, open_probed);
	if (err != 0)
		open_end(op, err);
}

/* A medium under two names would lock itself out, and is one disk. */
static void open_same(struct open_op *op)
{
	for (unsigned i = 0; i < op->n_disks; i++) {
		struct candidate *c = &op->disks[i];

		for (unsigned j = 0; j < i && !c->same_medium; j++) {
			if (!disk_same(op->disks[j].url, c->url))
				continue;
			c->same_medium = c->tried = true;
			c->err = -ENOTUNIQ;
			c->verdict = CANDIDATE_TWICE;
			(void)snprintf(c->why, sizeof c->why, "it is the same file or device as %.100s", op->disks[j].url);
		}
	}
}

static void open_start(struct world *world, const char *const *disk_urls, unsigned n_disks, struct raid_report *report,
                       void (*done)(void *arg, int err, struct raid *raid), void *arg, bool read_only, bool inspecting)
{
	struct open_op *op = raid_call_new(sizeof *op);

	op->world = world;
	op->done = done;
	op->arg = arg;
	op->report = report;
	op->read_only = read_only;
	op->inspecting = inspecting;
	op->disks = raid_call_new((size_t)MAX_OF(n_disks, 1U) * sizeof *op->disks);
	op->opened = raid_call_new((size_t)MAX_OF(n_disks, 1U) * sizeof(struct disk *));
	op->retry.fire = open_try;
	op->deadline_ns = world_now_ns(world) + OPEN_BUSY_NS;
	if (n_disks == 0 || n_disks > 4 * RAID_LABEL_MAX_MEMBERS) {
		open_end(op, -EINVAL);
		return;
	}
	op->n_disks = n_disks;
	for (unsigned i = 0; i < n_disks; i++) {
		op->disks[i].index = i;
		(void)snprintf(op->disks[i].url, sizeof op->disks[i].url, "%s", disk_urls[i]);
	}
	open_same(op);
	open_try(&op->retry);
}

void raid_open(struct world *world, const char *const *disk_urls, unsigned n_disks, struct raid_report *report,
               void (*done)(void *arg, int err, struct raid *raid), void *arg)
{
	open_start(world, disk_urls, n_disks, report, done, arg, false, false);
}

void raid_open_read_only(struct world *world, const char *const *disk_urls, unsigned n_disks, struct raid_report *report,
                         void (*done)(void *arg, int err, struct raid *raid), void *arg)
{
	open_start(world, disk_urls, n_disks, report, done, arg, true, false);
}

void raid_open_inspect(struct world *world, const char *const *disk_urls, unsigned n_disks, struct raid_report *report,
                       void (*done)(void *arg, int err, struct raid *raid), void *arg)
{
	open_start(world, disk_urls, n_disks, report, done, arg, true, true);
}

unsigned raid_n_unsettled(const struct raid *raid)
{
	return raid->n_unsettled;
}

bool raid_stripe_is_unsettled(const struct raid *raid, unsigned group, uint32_t dbn)
{
	unsigned low = 0, high = raid->n_unsettled;

	while (low < high) {
		unsigned middle = low + (high - low) / 2U;
		const struct raid_stripe *stripe = &raid->unsettled[middle];

		if (stripe->group < group || (stripe->group == group && stripe->dbn < dbn))
			low = middle + 1U;
		else
			high = middle;
	}
	return low < raid->n_unsettled && raid->unsettled[low].group == group && raid->unsettled[low].dbn == dbn;
}

/* ---- close --------------------------------------------------------------------------------------------------------------------------- */

static bool raid_is_idle(const struct raid *raid)
{
	return raid->n_ios == 0 && raid->n_pieces_active == 0 && raid->n_repairs_active == 0 && TAILQ_EMPTY(&raid->repairs_waiting) &&
	       raid->n_reads_active == 0 && !raid->label.running && !raid->flush_active && !raid->flush_wanted && !raid->fsinfo.busy &&
	       STAILQ_EMPTY(&raid->label.waiters) && !raid_log_busy(raid);
}

static void close_run(struct task *task)
{
	struct raid *raid = container_of(task, struct raid, close_task);
	void (*done)(void *arg, int err) = raid->close_done;
	void *arg = raid->close_arg;
	int err = raid->close_err;

	if (!raid_is_idle(raid))
		return; /* raid_idle_check calls again */
	if (raid->label.kick.queued || raid->log.task.queued || raid->write_task.queued) {
		world_defer(raid->world, &raid->close_task);
		return;
	}
	raid_free(raid);
	done(arg, err);
}

void raid_idle_check(struct raid *raid)
{
	if (raid->close_ready && raid_is_idle(raid))
		world_defer(raid->world, &raid->close_task);
}

static void close_finish(struct raid *raid)
{
	raid->close_ready = true;
	raid->close_task.run = close_run;
	world_defer(raid->world, &raid->close_task);
}

static void close_labelled(struct label_wait *wait, int err)
{
	struct raid *raid = container_of(wait, struct raid, flush_label);

	if (err != 0)
		raid->close_err = err;
	close_finish(raid);
}

static void close_flushed(struct flush_wait *wait, int err)
{
	struct raid *raid = container_of(wait, struct raid, close_flush);

	raid->close_err = err;
	if (err != 0 || raid->read_only) {
		close_finish(raid);
		return;
	}
	raid->label.clean = true;
	raid->label.epoch++; /* the intents are settled */
	raid->flush_label.done = close_labelled;
	label_changed(raid);
	label_sync(raid, &raid->flush_label);
}

void raid_close(struct raid *raid, void (*done)(void *arg, int err), void *arg)
{
	vc_assert(!raid->closing && STAILQ_EMPTY(&raid->writes));
	raid->closing = true;
	raid_room_patience(raid, RAID_ROOM_PATIENCE_NS);
	raid->close_done = done;
	raid->close_arg = arg;
	member_health_stop(raid);
	world_timer_cancel(&raid->read_retry);
	raid->close_flush.done = close_flushed;
	raid_flush_request(raid, &raid->close_flush);
}
