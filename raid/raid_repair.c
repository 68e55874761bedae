/* SPDX-License-Identifier: Apache-2.0 */
/* Repair: read whole stripes, judge every block, rebuild what is wrong or missing.
 *
 * THEORY. Up to 16 stripes of consecutive DBNs are read from all members at once (a degraded sequential read comes here
 * in runs), and repair_judge.c tells what becomes of each block. What was wrong on an online disk is then written: the
 * block, or only the entry when the bytes were right all along. Stripes under repair and pieces in flight exclude each
 * other.
 * READ PATH previous hop raid_read.c; next hop batch.c. */
#include "raid/raid_repair.h"

#include <stdlib.h>
#include <string.h>

#include "raid/batch.h"
#include "raid/layout.h"
#include "raid/member.h"
#include "raid/raid_still.h"
#include "raid/raid_volume.h"
#include "raid/raid_write.h"

struct repair *repair_new(struct raid *raid)
{
	struct repair *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->pages = calloc((size_t)REPAIR_MAX_STRIPES * RAID_MAX_GROUP_DISKS, sizeof(struct page *));
	r->items = calloc((size_t)REPAIR_MAX_STRIPES * RAID_MAX_GROUP_DISKS, sizeof *r->items);
	r->rewrites = calloc((size_t)REPAIR_MAX_STRIPES * 2U * LEVEL_MAX_PARITY, sizeof *r->rewrites);
	if (r->pages == NULL || r->items == NULL || r->rewrites == NULL) {
		repair_free(r);
		return NULL;
	}
	r->raid = raid;
	return r;
}

void repair_free(struct repair *r)
{
	free(r->pages);
	free(r->items);
	free(r->rewrites);
	free(r);
}

/* ---- who may run ------------------------------------------------------------------------------------------------- */

bool repair_covers(const struct raid *raid, const struct raid_group *g, uint32_t dbn)
{
	const struct repair *r;

	TAILQ_FOREACH(r, &raid->repairs_active, link)
		if (r->group == g && dbn >= r->first_dbn && dbn - r->first_dbn < r->n)
			return true;
	return false;
}

static bool repair_blocked(const struct repair *r)
{
	if ((r->raid->n_repairs_active >= RAID_REPAIRS || r->raid->still != NULL) && !r->inside_piece)
		return true;
	for (unsigned i = 0; i < r->n; i++)
		if (repair_covers(r->raid, r->group, r->first_dbn + i))
			return true;
	return !r->inside_piece && raid_write_in_flight(r->raid, r->group, r->first_dbn, r->n);
}

static void repair_pinned(struct checksum_set *set);

static void repair_start(struct repair *r)
{
	uint32_t last = layout_zone(r->first_dbn + r->n - 1);

	r->active = true;
	r->raid->n_repairs_active++;
	TAILQ_INSERT_TAIL(&r->raid->repairs_active, r, link);
	r->set = (struct checksum_set){ .group = r->group, .done = repair_pinned };
	for (uint32_t zone = layout_zone(r->first_dbn); zone <= last; zone++)
		r->set.zones[r->set.n_zones++] = zone;
	checksum_set_pin(r->raid, &r->set);
}

void repair_kick(struct raid *raid)
{
	struct repair *r, *next;

	TAILQ_FOREACH_SAFE(r, &raid->repairs_waiting, link, next) {
		if (repair_blocked(r))
			continue;
		TAILQ_REMOVE(&raid->repairs_waiting, r, link);
		repair_start(r);
	}
}

void repair_submit(struct repair *r)
{
	TAILQ_INSERT_TAIL(&r->raid->repairs_waiting, r, link);
	repair_kick(r->raid);
}

static void repair_release_pages(struct repair *r)
{
	if (r->reserved)
		r->raid->repair_reserve_taken = false;
	else
		page_put_many(r->pages, r->n_pages);
	r->reserved = false;
	r->n_pages = 0;
}

static void repair_end(struct repair *r)
{
	struct raid *raid = r->raid;

	repair_release_pages(r);
	checksum_set_unpin(raid, &r->set);
	TAILQ_REMOVE(&raid->repairs_active, r, link);
	raid->n_repairs_active--;
	r->active = false;
	r->done(r);
	still_kick(raid);
	repair_kick(raid);
	raid_write_kick(raid);
	raid_idle_check(raid);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void repair_read(struct batch *batch);

static void repair_pages_retry(struct timer *timer)
{
	repair_pinned(&container_of(timer, struct repair, retry)->set);
}

static bool repair_get_pages(struct repair *r, unsigned n)
{
	struct raid *raid = r->raid;

	if (page_alloc_many(r->pages, n) == 0) {
		r->n_pages = n;
		return true;
	}
	if (raid->repair_reserve_taken) {
		r->retry = (struct timer){ .fire = repair_pages_retry };
		world_timer_set(raid->world, &r->retry, RAID_RETRY_NS);
		return false;
	}
	vc_assert(n <= raid->n_repair_reserve);
	raid->repair_reserve_taken = true;
	r->reserved = true;
	r->n_pages = n;
	memcpy(r->pages, raid->repair_reserve, n * sizeof(struct page *));
	return true;
}

static void repair_give_up(struct repair *r)
{
	r->err = -EIO;
	for (unsigned i = 0; i < r->n; i++)
		if (r->blocks[i] != NULL)
			r->blocks[i]->err = -EIO;
	repair_end(r);
}

static void repair_read_all(struct repair *r)
{
	struct raid_group *g = r->group;

	for (unsigned m = 0; m < g->n_members; m++) {
		for (unsigned i = 0; i < r->n; i++) {
			struct batch_item *item = repair_item(r, i, m);

			*item = (struct batch_item){
				.member = g->members[m],
				.block = layout_data_block(&r->raid->layout, r->first_dbn + i),
				.data = repair_page(r, i, m)->data,
			};
			/* a shorter disk: its part of the stripe is zeros; point the read at something it has */
			if (!group_has(g, m, r->first_dbn + i))
				item->block = RAID_LABEL_A_BLOCK;
		}
	}
	r->batch = (struct batch){ .raid = r->raid,
		                   .op = DISK_READ,
		                   .yields = r->mode == REPAIR_REBUILD,
		                   .items = r->items,
		                   .n_items = r->n * g->n_members,
		                   .done = repair_read };
	batch_submit(&r->batch);
}

static void repair_pinned(struct checksum_set *set)
{
	struct repair *r = container_of(set, struct repair, set);

	if (set->err != 0) {
		repair_give_up(r);
		return;
	}
	if (!repair_get_pages(r, r->n * r->group->n_members))
		return;
	r->single = false;
	repair_read_all(r);
}

/* ---- a second look at the disks ---------------------------------------------------------------------------------- */

static void repair_look_again(struct timer *timer)
{
	struct repair *r = container_of(timer, struct repair, retry);
	struct raid_group *g = r->group;
	bool running = false;

	for (unsigned i = 0; i < g->n_members; i++)
		running = running || g->members[i]->health_running;
	if (running) {
		world_timer_set(r->raid->world, &r->retry, RAID_RETRY_NS);
	} else if (g->n_lost != r->n_lost_before) {
		r->err = 0; /* that was the reason: the piece plans anew without the disk */
		repair_end(r);
	} else {
		repair_read_all(r);
	}
}

/* The entries of a stripe do not add up though every block matches its own: so looks a disk that was overwritten as a
 * whole. Before the data disks are believed, all labels are looked at. */
static bool repair_checks_disks(struct repair *r)
{
	bool overwritten = false;

	if (r->mode != REPAIR_STRIPE || r->disks_checked)
		return false;
	for (unsigned i = 0; i < r->n && !overwritten; i++)
		overwritten = repair_stripe_looks_overwritten(r, i);
	if (!overwritten)
		return false;
	r->disks_checked = true;
	r->n_lost_before = r->group->n_lost;
	for (unsigned i = 0; i < r->group->n_members; i++)
		member_check_health(r->group->members[i]);
	r->retry = (struct timer){ .fire = repair_look_again };
	world_timer_set(r->raid->world, &r->retry, RAID_RETRY_NS);
	return true;
}

static void repair_rewritten(struct batch *batch)
{
	repair_end(container_of(batch, struct repair, batch));
}

/* An error of one block of a run was reported for the whole run: read block by block before judging. */
static bool repair_reads_singly(struct repair *r)
{
	if (r->single || r->n == 1)
		return false;
	for (unsigned i = 0; i < r->batch.n_items; i++)
		r->single = r->single ||
		            (r->items[i].err != 0 && member_holds(r->items[i].member, r->first_dbn + i % r->n));
	if (r->single)
		repair_read_all(r);
	return r->single;
}

static void repair_read(struct batch *batch)
{
	struct repair *r = container_of(batch, struct repair, batch);

	if (repair_reads_singly(r))
		return;
	r->n_rewrites = 0;
	for (unsigned m = 0; m < r->group->n_members; m++)
		for (unsigned i = 0; i < r->n; i++)
			if (!group_has(r->group, m, r->first_dbn + i))
				memset(repair_page(r, i, m)->data, 0, RAID_BLOCK_SIZE);
	if (repair_checks_disks(r))
		return;
	repair_judge(r);
	r->batch = (struct batch){ .raid = r->raid,
		                   .op = DISK_WRITE,
		                   .yields = r->mode == REPAIR_REBUILD,
		                   .optional = r->mode == REPAIR_READ,
		                   .rebuilds = r->mode == REPAIR_REBUILD,
		                   .items = r->rewrites,
		                   .n_items = r->n_rewrites,
		                   .done = repair_rewritten };
	batch_submit(&r->batch);
}
