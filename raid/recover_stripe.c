/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery: the stripes that intents name, made whole by a few workers side by side. The rules are at the head of
 * raid_recover.c. */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/log.h"
#include "base/xor.h"
#include "raid/batch.h"
#include "raid/checksum_entry.h"
#include "raid/checksum_set.h"
#include "raid/checksum_zone.h"
#include "raid/layout.h"
#include "raid/member.h"
#include "raid/member_errors.h"
#include "raid/raid_group.h"
#include "raid/raid_volume.h"
#include "raid/recover_private.h"

#define RECOVER_WORKERS 8U

struct recover_worker {
	struct recover *recover;
	const struct recover_job *job;
	struct checksum_set set;
	uint8_t *bytes[RAID_MAX_GROUP_DISKS];
	uint8_t *rest;
	struct batch batch;
	struct batch_item items[RAID_MAX_GROUP_DISKS];
	uint16_t unreadable;
	unsigned n_writes;
	struct batch_item writes[RAID_MAX_GROUP_DISKS];
	struct raid_checksum_format entries[RAID_MAX_GROUP_DISKS];
};

static void worker_next(struct recover_worker *w);

static void worker_written(struct batch *batch)
{
	struct recover_worker *w = container_of(batch, struct recover_worker, batch);

	checksum_set_unpin(w->recover->raid, &w->set);
	worker_next(w);
}

static void worker_write(struct recover_worker *w, unsigned position)
{
	struct member *m = w->job->record->group->members[position];

	if (member_holds(m, w->job->dbn))
		w->writes[w->n_writes++] = (struct batch_item){
			.member = m,
			.block = layout_data_block(&w->recover->raid->layout, w->job->dbn),
			.data = w->bytes[position],
		};
}

static bool worker_present(const struct recover_worker *w, unsigned position)
{
	return group_has(w->job->record->group, position, w->job->dbn);
}

/* A block that was being written: believe the bytes, give them an entry. */
static void worker_adopt(struct recover_worker *w, unsigned position)
{
	struct raid_checksum_format *e = &w->entries[position];
	uint32_t crc;

	if (w->unreadable >> position & 1) {
		memset(w->bytes[position], 0, RAID_BLOCK_SIZE);
		memset(e, 0, sizeof *e);
		worker_write(w, position);
		return;
	}
	crc = crc32c_linear(w->bytes[position], RAID_BLOCK_SIZE);
	if (crc == le32_get(e->crc) && (crc != 0 || !checksum_entry_is_zero(e)))
		return;
	memset(e, 0, sizeof *e);
	e->crc = le32_of(crc);
}

enum unwritten { UNWRITTEN_GOOD, UNWRITTEN_BAD, UNWRITTEN_NEWER };

static enum unwritten worker_look(const struct recover_worker *w, unsigned position)
{
	const struct raid_checksum_format *e = &w->job->partial->entries[position];
	uint32_t crc;

	if (w->unreadable >> position & 1)
		return UNWRITTEN_BAD;
	crc = crc32c_linear(w->bytes[position], RAID_BLOCK_SIZE);
	if (crc == le32_get(e->crc))
		return checksum_entry_equal(e, &w->entries[position]) || crc != le32_get(w->entries[position].crc)
		           ? UNWRITTEN_GOOD
		           : UNWRITTEN_NEWER;
	return crc == le32_get(w->entries[position].crc) ? UNWRITTEN_NEWER : UNWRITTEN_BAD;
}

static bool worker_rest_known(const struct recover_worker *w)
{
	return !(le16_get(w->job->partial->flags) & RAID_INTENT_REST_UNKNOWN);
}

/* The XOR of the unwritten blocks as the intent has it. */
static void worker_load_rest(struct recover_worker *w)
{
	const struct raid_intent_partial_format *p = w->job->partial;

	if (le16_get(p->flags) & RAID_INTENT_REST_ZERO)
		memset(w->rest, 0, RAID_BLOCK_SIZE);
	else
		memcpy(w->rest, w->job->record->payload + (size_t)le16_get(p->payload) * RAID_BLOCK_SIZE,
		       RAID_BLOCK_SIZE);
}

static void worker_count_repair(const struct recover_worker *w, unsigned bad)
{
	const struct recover_record *record = w->job->record;
	struct member *m = record->group->members[bad];
	enum raid_error kind = w->unreadable >> bad & 1 ? RAID_ERROR_READ : RAID_ERROR_CHECKSUM;

	if (!member_holds(m, w->job->dbn))
		return;
	if (kind == RAID_ERROR_CHECKSUM)
		member_errors_count(m, kind, layout_data_block(&m->raid->layout, w->job->dbn));
	member_errors_repaired(m, kind);
}

/* Rebuild the one unwritten block that is bad: the rest minus the others. */
static void worker_rebuild(struct recover_worker *w, unsigned bad)
{
	struct raid_group *g = w->job->record->group;
	uint16_t mask = le16_get(w->job->partial->mask);

	worker_load_rest(w);
	memcpy(w->bytes[bad], w->rest, RAID_BLOCK_SIZE);
	for (unsigned i = 0; i < g->n_data; i++)
		if (i != bad && !(mask >> i & 1) && worker_present(w, i))
			xor_page(w->bytes[bad], w->bytes[i]);
	if (crc32c_linear(w->bytes[bad], RAID_BLOCK_SIZE) != le32_get(w->job->partial->entries[bad].crc))
		log_error("raid", "stripe_damaged", "group=%u dbn=%u position=%u", g->index, w->job->dbn, bad);
	worker_count_repair(w, bad);
	worker_write(w, bad);
}

/* The unwritten blocks; false when the stripe is to be left alone. */
static bool worker_judge_unwritten(struct recover_worker *w)
{
	struct raid_group *g = w->job->record->group;
	uint16_t mask = le16_get(w->job->partial->mask);
	unsigned n_bad = 0, bad = 0;

	for (unsigned i = 0; i < g->n_data; i++) {
		enum unwritten u;

		if ((mask >> i & 1) || !worker_present(w, i))
			continue;
		u = worker_look(w, i);
		if (u == UNWRITTEN_NEWER)
			return false;
		if (u == UNWRITTEN_BAD) {
			n_bad++;
			bad = i;
		}
		w->entries[i] = w->job->partial->entries[i];
	}
	if (n_bad == 1 && worker_rest_known(w))
		worker_rebuild(w, bad);
	else if (n_bad > 0)
		log_error("raid", "stripe_damaged", "group=%u dbn=%u blocks=%u", g->index, w->job->dbn, n_bad);
	return n_bad <= 1;
}

/* Parity and its entry from the data as it is now. */
static void worker_make_parity(struct recover_worker *w)
{
	struct raid_group *g = w->job->record->group;
	unsigned parity = g->n_data;
	const void *srcs[RAID_MAX_GROUP_DISKS];
	unsigned n = 0;

	memset(&w->entries[parity], 0, sizeof w->entries[parity]);
	for (unsigned i = 0; i < g->n_data; i++) {
		if (!worker_present(w, i))
			continue;
		srcs[n++] = w->bytes[i];
		checksum_entry_xor(&w->entries[parity], &w->entries[i]);
	}
	xor_pages(w->bytes[parity], srcs, n);
	worker_write(w, parity);
}

static void worker_set_entries(struct recover_worker *w)
{
	struct raid_group *g = w->job->record->group;

	for (unsigned i = 0; i < g->n_members; i++) {
		struct checksum_block *cb = checksum_set_block(&w->set, i, w->job->dbn);
		struct raid_checksum_format old;

		if (!worker_present(w, i))
			continue;
		old = checksum_zone_entry(cb, w->job->dbn);
		if (!checksum_entry_equal(&old, &w->entries[i]))
			checksum_zone_set(w->recover->raid, cb, w->job->dbn, &w->entries[i]);
	}
}

/* Nothing to do? */
static bool worker_is_whole(const struct recover_worker *w, uint16_t mask)
{
	const struct raid_group *g = w->job->record->group;
	struct raid_checksum_format sum = { 0 };
	bool all_online = true;

	for (unsigned i = 0; i < g->n_members; i++) {
		if (!worker_present(w, i))
			continue;
		checksum_entry_xor(&sum, &w->entries[i]);
		if (!member_holds(g->members[i], w->job->dbn) && (i == g->n_data || (mask >> i & 1))) {
			all_online = false;
			continue;
		}
		if ((w->unreadable >> i & 1) ||
		    crc32c_linear(w->bytes[i], RAID_BLOCK_SIZE) != le32_get(w->entries[i].crc))
			return false;
		if (i < g->n_data && !(mask >> i & 1) &&
		    !checksum_entry_equal(&w->entries[i], &w->job->partial->entries[i]))
			return false;
	}
	return !all_online || checksum_entry_is_zero(&sum);
}

static void worker_settle(struct recover_worker *w)
{
	struct raid_group *g = w->job->record->group;
	uint16_t mask = w->job->partial == NULL ? UINT16_MAX : le16_get(w->job->partial->mask);

	for (unsigned i = 0; i < g->n_members; i++)
		if (worker_present(w, i))
			w->entries[i] = checksum_set_entry(&w->set, i, w->job->dbn);
	if (worker_is_whole(w, mask))
		return;
	if (w->job->partial != NULL && !worker_judge_unwritten(w))
		return;
	for (unsigned i = 0; i < g->n_data; i++)
		if (worker_present(w, i) && (mask >> i & 1))
			worker_adopt(w, i);
	worker_make_parity(w);
	worker_set_entries(w);
}

static void worker_read(struct batch *batch)
{
	struct recover_worker *w = container_of(batch, struct recover_worker, batch);

	w->unreadable = 0;
	w->n_writes = 0;
	for (unsigned i = 0; i < batch->n_items; i++)
		if (w->items[i].err != 0)
			w->unreadable |= (uint16_t)(1U << w->items[i].member->position);
	worker_settle(w);
	w->batch = (struct batch){ .raid = w->recover->raid,
		                   .op = DISK_WRITE,
		                   .items = w->writes,
		                   .n_items = w->n_writes,
		                   .done = worker_written };
	batch_submit(&w->batch);
}

static void worker_pinned(struct checksum_set *set)
{
	struct recover_worker *w = container_of(set, struct recover_worker, set);
	struct raid_group *g = w->job->record->group;
	unsigned n = 0;

	if (set->err != 0) {
		w->recover->err = -EIO;
		w->n_writes = 0;
	}
	for (unsigned i = 0; i < g->n_members && set->err == 0; i++)
		if (worker_present(w, i))
			w->items[n++] = (struct batch_item){
				.member = g->members[i],
				.block = layout_data_block(&w->recover->raid->layout, w->job->dbn),
				.data = w->bytes[i],
			};
	w->batch = (struct batch){
		.raid = w->recover->raid,
		.op = DISK_READ,
		.items = w->items,
		.n_items = n,
		.done = set->err == 0 ? worker_read : worker_written,
	};
	batch_submit(&w->batch);
}

static void worker_next(struct recover_worker *w)
{
	struct recover *rc = w->recover;

	if (rc->job_at == rc->n_jobs || rc->err != 0) {
		if (--rc->n_workers == 0)
			recover_end(rc, rc->err);
		return;
	}
	w->job = &rc->jobs[rc->job_at++];
	w->set = (struct checksum_set){ .group = w->job->record->group, .n_zones = 1, .done = worker_pinned };
	w->set.zones[0] = layout_zone(w->job->dbn);
	checksum_set_pin(rc->raid, &w->set);
}

void recover_stripes(struct recover *rc)
{
	bool memory = true;

	if (rc->n_jobs == 0) {
		recover_end(rc, 0);
		return;
	}
	rc->workers = calloc(RECOVER_WORKERS, sizeof *rc->workers);
	for (unsigned i = 0; rc->workers != NULL && i < RECOVER_WORKERS; i++) {
		rc->workers[i].recover = rc;
		rc->workers[i].rest = recover_blocks_new(1);
		memory = memory && rc->workers[i].rest != NULL;
		for (unsigned m = 0; m < RAID_MAX_GROUP_DISKS; m++) {
			rc->workers[i].bytes[m] = recover_blocks_new(1);
			memory = memory && rc->workers[i].bytes[m] != NULL;
		}
	}
	if (rc->workers == NULL || !memory) {
		recover_end(rc, -ENOMEM);
		return;
	}
	rc->n_workers = RECOVER_WORKERS;
	for (unsigned i = 0; i < RECOVER_WORKERS; i++)
		worker_next(&rc->workers[i]);
}

void recover_stripes_free(struct recover *rc)
{
	for (unsigned i = 0; rc->workers != NULL && i < RECOVER_WORKERS; i++) {
		for (unsigned m = 0; m < RAID_MAX_GROUP_DISKS; m++)
			free(rc->workers[i].bytes[m]);
		free(rc->workers[i].rest);
	}
	free(rc->workers);
}
