/* SPDX-License-Identifier: Apache-2.0 */
/* Rebuild: zone after zone, the blocks of a disk that has replaced another are made from those of the others.
 *
 * THEORY. The disk holds the zones below a cursor, and no others: above it the group reads and writes as if the disk
 * were lost, below it as if it had never been (R6). So no write has to be told of twice, and a crash, or the loss of
 * the cursor, costs time and nothing else. While a zone is rebuilt nobody writes its stripes; reads go on. Its checksum
 * block comes from those of the others (raid/checksum_zone.c), and says which of its blocks were ever written: the
 * others are zeros, which the disk has already if it could be discarded. The blocks are made by repairs, several at
 * once, and two zones overlap, so that the disks have no pause between them. Then the cursor passes the zone, and the
 * checksum block is written by the next flush. Labels keep the cursor of the last flush.
 * A zone whose checksum block cannot be made (another disk does not give its own) is lost on this disk: it keeps zeros
 * there, which match no identity.
 * PACE. While no client is served, as fast as the disks go. Else one repair at a time, at the floor that raid.h tells.
 * INVARIANTS
 *  RB1 The cursor passes a zone only when all its blocks are on the disk and its checksum block waits for the flush.
 *  RB2 No intent that was written while the disk was missing counts any more when labels call it whole: such an intent
 *     may lack what recovery needs without a second disk. So it becomes whole in a flush, which settles all intents,
 *     and with a new epoch, while no piece is in flight.
 *  RB3 Nothing was ever written beyond so many zones after the cursor in the labels: there a disk that was zeroed still
 *     is, whatever a crash has left below.
 *  RB4 And it has become a home of what is not in zones: the newest fsinfo, and the log if that lacks one. */
#include "raid/raid_rebuild.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "base/log.h"
#include "raid/checksum_entry.h"
#include "raid/raid_repair.h"
#include "raid/raid_volume.h"

#define REBUILD_REPAIRS 8U /* at once, while no client is served */
#define REBUILD_FLUSH_ZONES 256U /* how often the cursor is made durable */
#define REBUILD_AHEAD_ZONES 512U /* how far a rebuild may be ahead of the cursor in the labels */

enum zone_stage {
	ZONE_NONE,
	ZONE_DRAINING, /* writes of its stripes end */
	ZONE_LOADING, /* its checksum block is made */
	ZONE_MAKING, /* its blocks are */
	ZONE_MADE
};

struct rebuild_zone {
	struct rebuild *rebuild;
	enum zone_stage stage;
	uint32_t zone;
	struct checksum_wait wait;
	struct checksum_block *entries; /* pinned; NULL: they cannot be had */
	bool zero; /* no block of it was ever written */
	uint32_t at, end; /* DBNs: the next one to be looked at */
	unsigned n_repairs;
};

struct rebuild {
	struct raid *raid;
	struct raid_group *group;
	struct member *member;
	uint32_t n_zones, next_zone;
	uint32_t used_zones; /* those below may have been written before */
	uint32_t labelled_zones; /* what durable labels say at least; what they are about to say */
	uint32_t labelling_zones;
	struct rebuild_zone zones[REBUILD_ZONES]; /* zone z in place z % REBUILD_ZONES */
	unsigned n_repairs;
	uint64_t n_lost; /* blocks */
	bool flushing, labelling, pumping;
	uint64_t ready_ns; /* while clients are served: when the next repair may begin */
	struct flush_wait flush;
	struct label_wait label;
	struct timer timer;
	struct task task;
};

static void rebuild_pump(struct rebuild *rb);

bool rebuild_covers(const struct raid_group *g, uint32_t dbn)
{
	const struct rebuild_zone *z;

	if (g->rebuild == NULL)
		return false;
	z = &g->rebuild->zones[layout_zone(dbn) % REBUILD_ZONES];
	return z->stage != ZONE_NONE && z->zone == layout_zone(dbn);
}

/* ---- the blocks of a zone ---------------------------------------------------------------------------------------- */

/* RB3: are zeros there already? */
static bool zone_is_blank(const struct rebuild_zone *z)
{
	return z->rebuild->member->zeroed && z->zone >= z->rebuild->used_zones;
}

/* Has this block to be written? */
static bool zone_wants(const struct rebuild_zone *z, uint32_t dbn)
{
	struct raid_checksum_format entry;

	if (!zone_is_blank(z))
		return true;
	if (z->entries == NULL)
		return false;
	entry = checksum_zone_entry(z->entries, dbn);
	return !checksum_entry_is_zero(&entry);
}

/* Are there more blocks to be made? z->at is the next one. */
static bool zone_has_more(struct rebuild_zone *z)
{
	if (z->zero && zone_is_blank(z))
		z->at = z->end;
	while (z->at < z->end && !zone_wants(z, z->at))
		z->at++;
	return z->at < z->end;
}

/* How many of them follow each other. */
static unsigned zone_run(const struct rebuild_zone *z)
{
	unsigned n = 1;

	while (n < REPAIR_MAX_STRIPES && z->at + n < z->end && zone_wants(z, z->at + n))
		n++;
	return n;
}

static void zone_repaired(struct repair *repair)
{
	struct rebuild_zone *z = repair->owner;
	struct rebuild *rb = z->rebuild;

	rb->n_lost += repair->err != 0 ? repair->n : repair->n_lost;
	repair_free(repair);
	z->n_repairs--;
	rb->n_repairs--;
	rebuild_pump(rb);
}

static void rebuild_retry(struct timer *timer)
{
	rebuild_pump(container_of(timer, struct rebuild, timer));
}

static void rebuild_later(struct rebuild *rb, uint64_t ns)
{
	rb->timer.fire = rebuild_retry;
	world_timer_set(rb->raid->world, &rb->timer, ns);
}

static uint64_t rebuild_floor(const struct raid *raid)
{
	return raid->rebuild_floor != 0 ? raid->rebuild_floor : raid_limit(&raid->limits, RAID_LIMIT_REBUILD_FLOOR);
}

/* False: there is no memory. */
static bool zone_repair(struct rebuild_zone *z)
{
	struct rebuild *rb = z->rebuild;
	struct repair *repair = repair_new(rb->raid);

	if (repair == NULL) {
		rebuild_later(rb, RAID_RETRY_NS);
		return false;
	}
	repair->mode = REPAIR_REBUILD;
	repair->group = rb->group;
	repair->position = rb->member->position;
	repair->first_dbn = z->at;
	repair->n = zone_run(z);
	repair->owner = z;
	repair->done = zone_repaired;
	z->at += repair->n;
	rb->ready_ns = world_now_ns(rb->raid->world) +
	               (uint64_t)repair->n * RAID_BLOCK_SIZE * 1000000000U / rebuild_floor(rb->raid);
	z->n_repairs++;
	rb->n_repairs++;
	repair_submit(repair);
	return true;
}

/* ---- its course -------------------------------------------------------------------------------------------------- */

/* A disk that kept the rest has there what it was before, in block and entry: somebody would believe it. So it has to
 * be rebuilt whole, with zeros there. */
static void zone_lost(struct member *m)
{
	if (!m->map.kept)
		return;
	dirty_map_end(m);
	member_fail(m, "changes_unreadable", -EIO);
}

static void zone_loaded(struct rebuild_zone *z, struct checksum_block *entries)
{
	struct rebuild *rb = z->rebuild;

	z->entries = entries;
	z->stage = ZONE_MAKING;
	if (entries == NULL) {
		log_error("raid", "zone_not_rebuilt", "disk=%s zone=%u", rb->member->url, z->zone);
		rb->n_lost += z->end - z->at;
		zone_lost(rb->member);
		return;
	}
	checksum_zone_pin(rb->raid, entries);
	z->zero = checksum_zone_is_zero(entries);
}

static void zone_entries_ready(struct checksum_wait *wait, struct checksum_block *entries, int err)
{
	struct rebuild_zone *z = wait->owner;

	zone_loaded(z, err == 0 ? entries : NULL);
	rebuild_pump(z->rebuild);
}

static void zone_load(struct rebuild_zone *z)
{
	struct rebuild *rb = z->rebuild;
	struct checksum_block *entries;

	z->stage = ZONE_LOADING;
	z->wait = (struct checksum_wait){ .ready = zone_entries_ready, .owner = z };
	entries = checksum_zone_get(rb->raid, rb->member, z->zone, &z->wait);
	if (entries != NULL)
		zone_loaded(z, entries);
}

static void zone_begin(struct rebuild *rb)
{
	uint32_t zone = rb->next_zone++;
	struct rebuild_zone *z = &rb->zones[zone % REBUILD_ZONES];
	bool held = member_holds_zone(rb->member, zone); /* it did not change while the disk was away */

	*z = (struct rebuild_zone){
		.rebuild = rb,
		.stage = held ? ZONE_MADE : ZONE_DRAINING,
		.zone = zone,
		.at = zone * RAID_ZONE_DATA,
		.end = MIN_OF((zone + 1) * RAID_ZONE_DATA, group_n_dbn(rb->group, rb->member->position)),
	};
	if (held)
		z->at = z->end;
}

static bool zone_drained(const struct rebuild_zone *z)
{
	return !raid_write_in_flight(z->rebuild->raid, z->rebuild->group, z->at, z->end - z->at);
}

/* It is not begun, or not gone on with: the cursor does not pass it. */
static void zone_drop(struct rebuild_zone *z)
{
	if (z->entries != NULL)
		checksum_zone_unpin(z->rebuild->raid, z->entries);
	z->entries = NULL;
	z->stage = ZONE_NONE;
}

/* RB1 */
static void zone_pass(struct rebuild_zone *z)
{
	struct member *m = z->rebuild->member;

	vc_invariant(RB1, z->n_repairs == 0 && z->at == z->end && z->zone == m->rebuilt_zones);
	m->rebuilt_zones++;
	if (z->entries != NULL && !(z->zero && zone_is_blank(z)))
		checksum_zone_dirty(z->rebuild->raid, z->entries);
	zone_drop(z);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

static void rebuild_free_run(struct task *task)
{
	struct rebuild *rb = container_of(task, struct rebuild, task);
	struct raid *raid = rb->raid;

	if (rb->member->state == RAID_DISK_ONLINE)
		log_info("raid", "disk_rebuilt", "disk=%s group=%u position=%u lost_blocks=%" PRIu64, rb->member->url,
		         rb->group->index, rb->member->position, rb->n_lost);
	world_timer_cancel(&rb->timer);
	rb->group->rebuild = NULL;
	free(rb);
	rebuild_resume(raid); /* its disk may have been replaced meanwhile */
	raid_write_kick(raid);
	raid_idle_check(raid);
}

static void rebuild_free(struct rebuild *rb)
{
	rb->task.run = rebuild_free_run;
	world_defer(rb->raid->world, &rb->task);
}

static void rebuild_cursor_kept(struct label_wait *wait, int err)
{
	struct rebuild *rb = container_of(wait, struct rebuild, label);

	rb->labelling = false;
	if (err == 0)
		rb->labelled_zones = rb->labelling_zones;
	rebuild_pump(rb);
}

static void rebuild_flush_done(struct flush_wait *wait, int err)
{
	struct rebuild *rb = container_of(wait, struct rebuild, flush);

	rb->flushing = false;
	if (err == 0 && rb->member->state == RAID_DISK_REBUILDING) {
		rb->labelling = true;
		rb->labelling_zones = rb->member->durable_zones;
		rb->label.done = rebuild_cursor_kept;
		label_changed(rb->raid);
		label_sync(rb->raid, &rb->label);
	}
	rebuild_pump(rb);
}

/* RB4 */
static bool has_all_else(const struct member *m)
{
	return fsinfo_ring_is_on(m) && !raid_log_wants_copy(m->raid);
}

static void rebuild_flush_when_due(struct rebuild *rb)
{
	const struct member *m = rb->member;
	uint32_t n = m->rebuilt_zones - rb->labelled_zones; /* flushes of others keep no cursor */

	if (m->rebuilt_zones == rb->n_zones && !has_all_else(m))
		return; /* kicked when it has */
	if (rb->flushing || rb->labelling || (n < REBUILD_FLUSH_ZONES && m->rebuilt_zones < rb->n_zones))
		return;
	rb->flushing = true;
	rb->flush.done = rebuild_flush_done;
	raid_flush_request(rb->raid, &rb->flush);
}

void rebuild_flush_begins(struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_members; i++)
		raid->members[i]->flushing_zones = raid->members[i]->rebuilt_zones;
}

static bool member_is_rebuilt(const struct member *m)
{
	return m->state == RAID_DISK_REBUILDING && has_all_else(m) &&
	       m->durable_zones == layout_n_zones(group_n_dbn(m->group, m->position));
}

/* RB2 */
void rebuild_flushed(struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_members; i++) {
		struct member *m = raid->members[i];

		m->durable_zones = m->flushing_zones;
		if (!member_is_rebuilt(m) || m->rebuilt)
			continue;
		m->rebuilt = true;
		raid->label.membership++;
		raid->label.epoch++;
		label_changed(raid);
	}
}

void rebuild_labelled(struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_members; i++) {
		struct member *m = raid->members[i];

		if (!m->rebuilt || m->state != RAID_DISK_REBUILDING)
			continue;
		m->state = RAID_DISK_ONLINE;
		dirty_map_end(m);
		m->group->n_lost--;
		rebuild_kick(m->group);
	}
}

/* ---- going on ---------------------------------------------------------------------------------------------------- */

static bool rebuild_must_stop(const struct rebuild *rb)
{
	return rb->raid->closing || group_failed(rb->group) || rb->member->state != RAID_DISK_REBUILDING;
}

/* True when nothing of it is under way any more. */
static bool rebuild_is_still(struct rebuild *rb)
{
	bool still = !rb->flushing && !rb->labelling && rb->n_repairs == 0;

	for (unsigned i = 0; i < REBUILD_ZONES; i++) {
		struct rebuild_zone *z = &rb->zones[i];

		if (z->stage == ZONE_LOADING)
			still = false;
		else if (z->n_repairs == 0)
			zone_drop(z);
	}
	return still;
}

static bool clients_are_served(const struct raid *raid)
{
	return raid->lane.window_bytes != NULL && raid->lane.window_bytes(raid->lane.arg) != UINT_MAX;
}

/* May one more repair begin now? */
static bool rebuild_may_go(struct rebuild *rb)
{
	uint64_t now = world_now_ns(rb->raid->world);

	if (!clients_are_served(rb->raid))
		return rb->n_repairs < REBUILD_REPAIRS;
	if (rb->n_repairs > 0)
		return false;
	if (now < rb->ready_ns) {
		rebuild_later(rb, rb->ready_ns - now);
		return false;
	}
	return true;
}

/* One zone a little further; true: something has changed. */
static bool zone_step(struct rebuild_zone *z)
{
	switch (z->stage) {
	case ZONE_DRAINING:
		if (!zone_drained(z))
			return false;
		zone_load(z);
		return z->stage != ZONE_LOADING;
	case ZONE_MAKING:
		while (zone_has_more(z) && rebuild_may_go(z->rebuild) && zone_repair(z))
			;
		if (z->at < z->end || z->n_repairs > 0)
			return false;
		z->stage = ZONE_MADE;
		return true;
	case ZONE_MADE:
		if (z->zone != z->rebuild->member->rebuilt_zones)
			return false;
		zone_pass(z);
		raid_write_kick(z->rebuild->raid);
		return true;
	default: return false;
	}
}

static bool rebuild_step(struct rebuild *rb)
{
	bool changed = false;

	if (rb->next_zone < rb->n_zones &&
	    (rb->member->map.kept || rb->next_zone < rb->labelled_zones + REBUILD_AHEAD_ZONES) &&
	    rb->zones[rb->next_zone % REBUILD_ZONES].stage == ZONE_NONE) {
		zone_begin(rb);
		changed = true;
	}
	for (uint32_t zone = rb->member->rebuilt_zones; zone < rb->next_zone; zone++)
		changed = zone_step(&rb->zones[zone % REBUILD_ZONES]) || changed;
	return changed;
}

static void rebuild_pump(struct rebuild *rb)
{
	if (rb->pumping || rb->task.queued)
		return;
	rb->pumping = true;
	while (!rebuild_must_stop(rb) && rebuild_step(rb))
		;
	rb->pumping = false;
	if (rebuild_must_stop(rb)) {
		if (rebuild_is_still(rb))
			rebuild_free(rb);
		return;
	}
	rebuild_flush_when_due(rb);
}

void rebuild_kick(struct raid_group *g)
{
	if (g->rebuild != NULL)
		rebuild_pump(g->rebuild);
}

/* ---- the door ---------------------------------------------------------------------------------------------------- */

static void rebuild_start(struct raid *raid, struct member *m)
{
	struct raid_group *g = m->group;
	struct rebuild *rb;

	if (g->rebuild != NULL) { /* it is of the disk that was there before, and ends */
		rebuild_pump(g->rebuild);
		return;
	}
	if (raid->read_only || raid->closing || group_failed(g))
		return;
	rb = raid_call_new(sizeof *rb);
	*rb = (struct rebuild){
		.raid = raid,
		.group = g,
		.member = m,
		.n_zones = layout_n_zones(group_n_dbn(g, m->position)),
		.next_zone = m->rebuilt_zones,
		.used_zones = m->resumed ? m->rebuilt_zones + REBUILD_AHEAD_ZONES : 0,
		.labelled_zones = m->durable_zones,
	};
	g->rebuild = rb;
	log_info("raid", "rebuild_begins", "disk=%s group=%u position=%u zone=%u zones=%u", m->url, g->index,
	         m->position, m->rebuilt_zones, rb->n_zones);
	rebuild_later(rb, 0);
}

void rebuild_resume(struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_members; i++)
		if (raid->members[i]->state == RAID_DISK_REBUILDING)
			rebuild_start(raid, raid->members[i]);
}

void rebuild_stop(struct raid *raid)
{
	rebuild_kick_all(raid);
}

void rebuild_kick_all(struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_groups; i++)
		if (raid->groups[i] != NULL) /* it may not have come that far when it was opened */
			rebuild_kick(raid->groups[i]);
}

bool rebuild_any(const struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_groups; i++)
		if (raid->groups[i] != NULL && raid->groups[i]->rebuild != NULL)
			return true;
	return false;
}

void raid_rebuild_floor(struct raid *raid, uint64_t bytes_per_s)
{
	raid->rebuild_floor = bytes_per_s;
}
