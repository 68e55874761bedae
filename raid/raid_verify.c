/* SPDX-License-Identifier: Apache-2.0 */
/* Verify: read stripes in runs and tell what does not agree; for the check and the scrub. It changes nothing; making
 * stripes whole does. */
#include <stdlib.h>

#include "base/array.h"
#include "raid/checksum_entry.h"
#include "raid/checksum_zone.h"
#include "raid/layout.h"
#include "raid/raid_group.h"
#include "raid/raid_repair.h"
#include "raid/raid_still.h"
#include "raid/raid_volume.h"

#define VERIFY_RUNS 8U /* at once: the disks read ahead of what is judged */

struct verify_call {
	struct raid *raid;
	struct raid_group *group;
	uint32_t at, end;
	unsigned n_active;
	int err;
	struct raid_verify_result result;
	struct raid_wrong_stripe *wrong;
	size_t n_wrong_max;
	void (*done)(void *arg, int err, const struct raid_verify_result *result);
	void *arg;
	struct task task;
	struct timer retry;
};

static void verify_pump(struct verify_call *v);

static int by_dbn(const void *left, const void *right)
{
	const struct raid_wrong_stripe *a = left, *b = right;

	return a->dbn < b->dbn ? -1 : a->dbn > b->dbn;
}

static void verify_end_run(struct task *task)
{
	struct verify_call *v = container_of(task, struct verify_call, task);

	if (v->result.n_wrong > 1)
		qsort(v->wrong, v->result.n_wrong, sizeof *v->wrong, by_dbn);
	v->result.wrong = v->wrong;
	v->done(v->arg, v->err, &v->result);
	free(v->wrong);
	raid_call_free(v);
}

static void verify_add(struct verify_call *v, const struct raid_wrong_stripe *wrong)
{
	struct raid_verify_result *result = &v->result;

	if (!ARRAY_ROOM(v->wrong, result->n_wrong, v->n_wrong_max, REPAIR_MAX_STRIPES)) {
		v->err = -ENOMEM;
		return;
	}
	v->wrong[result->n_wrong++] = *wrong;
	result->n_parity_wrong += wrong->parity;
	result->n_checksum_wrong += (unsigned)__builtin_popcount(wrong->mismatched) + wrong->entries;
}

static void verify_run_done(struct repair *r)
{
	struct verify_call *v = r->owner;

	for (unsigned i = 0; i < r->n_wrong; i++)
		verify_add(v, &r->wrong[i]);
	if (r->err != 0)
		v->err = r->err;
	repair_free(r);
	v->n_active--;
	verify_pump(v);
}

static void verify_retry(struct timer *timer)
{
	verify_pump(container_of(timer, struct verify_call, retry));
}

static void verify_begin(struct verify_call *v, struct repair *r)
{
	r->mode = REPAIR_VERIFY;
	r->group = v->group;
	r->first_dbn = v->at;
	r->n = MIN_OF(REPAIR_MAX_STRIPES, v->end - v->at);
	r->owner = v;
	r->done = verify_run_done;
	v->at += r->n;
	v->n_active++;
	repair_submit(r);
}

/* As many runs as may be under way; the end when none is and none is left. */
static void verify_pump(struct verify_call *v)
{
	while (v->n_active < VERIFY_RUNS && v->at < v->end && v->err == 0) {
		struct repair *r = repair_new(v->raid);

		if (r == NULL)
			break;
		verify_begin(v, r);
	}
	if (v->n_active > 0)
		return;
	if (v->at < v->end && v->err == 0) {
		v->retry = (struct timer){ .fire = verify_retry };
		world_timer_set(v->raid->world, &v->retry, RAID_RETRY_NS);
		return;
	}
	v->task.run = verify_end_run;
	world_defer(v->raid->world, &v->task);
}

void raid_verify(struct raid *raid, unsigned group, uint32_t first_dbn, uint32_t n,
                 void (*done)(void *arg, int err, const struct raid_verify_result *result), void *arg)
{
	struct verify_call *v = raid_call_new(sizeof *v);

	vc_assert(group < raid->n_groups);
	*v = (struct verify_call){
		.raid = raid, .group = raid->groups[group], .at = first_dbn, .done = done, .arg = arg
	};
	v->end = (uint32_t)MIN_OF((uint64_t)first_dbn + n, (uint64_t)v->group->n_dbn);
	verify_pump(v);
}

void raid_verify_afresh(struct raid *raid, unsigned group, uint32_t first_dbn, uint32_t n)
{
	const struct raid_group *g = raid->groups[group];

	for (uint32_t zone = layout_zone(first_dbn); zone <= layout_zone(first_dbn + n - 1U); zone++)
		for (unsigned i = 0; i < g->n_members; i++)
			checksum_zone_forget(raid, g->members[i], zone);
}

/* ---- who the blocks are ------------------------------------------------------------------------------------------ */

struct idents_call {
	struct raid *raid;
	uint32_t dbn;
	struct checksum_set set;
	void (*done)(void *arg, int err, const struct raid_ident idents[RAID_MAX_GROUP_DISKS]);
	void *arg;
};

static void idents_pinned(struct checksum_set *set)
{
	struct idents_call *call = container_of(set, struct idents_call, set);
	struct raid_ident idents[RAID_MAX_GROUP_DISKS] = { 0 };
	int err = set->err;

	for (unsigned i = 0; i < set->group->n_data && err == 0; i++) {
		struct raid_checksum_format entry;

		if (!group_has(set->group, i, call->dbn))
			continue;
		entry = checksum_set_entry(set, i, call->dbn);
		idents[i] = checksum_entry_ident(&entry);
	}
	checksum_set_unpin(call->raid, set);
	call->raid->n_views--;
	still_kick(call->raid);
	call->done(call->arg, err, idents);
	raid_call_free(call);
}

void raid_verify_idents(struct raid *raid, unsigned group, uint32_t dbn,
                        void (*done)(void *arg, int err, const struct raid_ident idents[RAID_MAX_GROUP_DISKS]),
                        void *arg)
{
	struct idents_call *call = raid_call_new(sizeof *call);

	vc_assert(group < raid->n_groups);
	*call = (struct idents_call){ .raid = raid, .dbn = dbn, .done = done, .arg = arg };
	call->set = (struct checksum_set){
		.group = raid->groups[group], .n_zones = 1, .zones = { layout_zone(dbn) }, .done = idents_pinned
	};
	raid->n_views++;
	checksum_set_pin(raid, &call->set);
}

/* ---- making whole ------------------------------------------------------------------------------------------------ */

struct whole_call {
	struct raid *raid;
	unsigned group;
	uint32_t at, end;
	uint32_t n_lost;
	void (*done)(void *arg, uint32_t n_lost);
	void *arg;
	struct timer retry;
};

static void whole_next(struct timer *timer);

static void whole_done(struct repair *r)
{
	struct whole_call *w = r->owner;

	w->at += r->n;
	w->n_lost += r->err != 0 && r->n_lost == 0 ? r->n : r->n_lost; /* none of them, or could nothing be read? */
	repair_free(r);
	whole_next(&w->retry);
}

static void whole_next(struct timer *timer)
{
	struct whole_call *w = container_of(timer, struct whole_call, retry);
	struct repair *r;

	if (w->at == w->end) {
		w->done(w->arg, w->n_lost);
		raid_call_free(w);
		return;
	}
	r = repair_new(w->raid);
	if (r == NULL) {
		world_timer_set(w->raid->world, &w->retry, RAID_RETRY_NS);
		return;
	}
	r->mode = REPAIR_STRIPE;
	r->group = w->raid->groups[w->group];
	r->first_dbn = w->at;
	r->n = MIN_OF(REPAIR_MAX_STRIPES, w->end - w->at);
	r->owner = w;
	r->done = whole_done;
	repair_submit(r);
}

void raid_make_whole(struct raid *raid, unsigned group, uint32_t first_dbn, uint32_t n,
                     void (*done)(void *arg, uint32_t n_lost), void *arg)
{
	struct whole_call *w = raid_call_new(sizeof *w);

	vc_assert(group < raid->n_groups && n <= raid->groups[group]->n_dbn &&
	          first_dbn <= raid->groups[group]->n_dbn - n);
	vc_assert(!raid->read_only);
	*w = (struct whole_call){ .raid = raid,
		                  .group = group,
		                  .at = first_dbn,
		                  .end = first_dbn + n,
		                  .done = done,
		                  .arg = arg,
		                  .retry = { .fire = whole_next } };
	world_timer_set(raid->world, &w->retry, 0);
}
