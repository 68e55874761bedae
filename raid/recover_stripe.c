/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery: the stripes that intents name, made whole by a few workers side by side. The rules are at the head of
 * raid_recover.c. */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/log.h"
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

/* What there is of the unwritten blocks: those that are good, and in the place of parity what the record says all of
 * them contribute. Returns the positions of which there is nothing. */
static unsigned worker_unwritten(const struct recover_worker *w, unsigned bad, const void **blocks)
{
	const struct raid_intent_partial_format *p = w->job->partial;
	const struct raid_group *g = w->job->record->group;
	unsigned missing = bad;

	for (unsigned i = 0; i < g->n_data; i++)
		blocks[i] = worker_present(w, i) && !(le16_get(p->mask) >> i & 1) ? w->bytes[i] : NULL;
	for (unsigned k = 0; k < g->n_parity; k++) {
		blocks[g->n_data + k] = recover_record_rest(w->job->record, p, k);
		if (le16_get(p->flags) & RAID_INTENT_REST_UNKNOWN << k)
			missing |= 1U << (g->n_data + k);
	}
	return missing;
}

/* Rebuild the unwritten blocks that are bad; false when the record does not tell enough. */
static bool worker_rebuild(struct recover_worker *w, unsigned bad)
{
	const struct raid_group *g = w->job->record->group;
	struct level_word unwritten = group_word(g, RAID_BLOCK_SIZE);
	unsigned missing = worker_unwritten(w, bad, unwritten.blocks);

	if ((unsigned)__builtin_popcount(missing) > g->n_parity)
		return false;
	for (unsigned i = 0; i < g->n_data; i++) {
		if (!(bad >> i & 1))
			continue;
		level_rebuild(&unwritten, missing, i, w->bytes[i]);
		if (crc32c_linear(w->bytes[i], RAID_BLOCK_SIZE) != le32_get(w->job->partial->entries[i].crc))
			log_error("raid", "stripe_damaged", "group=%u dbn=%u position=%u", g->index, w->job->dbn, i);
		worker_count_repair(w, i);
		worker_write(w, i);
	}
	return true;
}

/* The unwritten blocks; false when the stripe is to be left alone. */
static bool worker_judge_unwritten(struct recover_worker *w)
{
	struct raid_group *g = w->job->record->group;
	uint16_t mask = le16_get(w->job->partial->mask);
	unsigned bad = 0, n_bad;

	for (unsigned i = 0; i < g->n_data; i++) {
		enum unwritten u;

		if ((mask >> i & 1) || !worker_present(w, i))
			continue;
		u = worker_look(w, i);
		if (u == UNWRITTEN_NEWER)
			return false;
		if (u == UNWRITTEN_BAD)
			bad |= 1U << i;
		w->entries[i] = w->job->partial->entries[i];
	}
	n_bad = (unsigned)__builtin_popcount(bad);
	if (n_bad > 0 && !worker_rebuild(w, bad))
		log_error("raid", "stripe_damaged", "group=%u dbn=%u blocks=%u", g->index, w->job->dbn, n_bad);
	return n_bad <= g->n_parity;
}

static void worker_blocks(const struct recover_worker *w, unsigned without, const void **ret)
{
	for (unsigned i = 0; i < w->job->record->group->n_members; i++)
		ret[i] = worker_present(w, i) && !(without >> i & 1) ? w->bytes[i] : NULL;
}

/* Parity and its entries from the data as it is now. */
static void worker_make_parity(struct recover_worker *w)
{
	const struct raid_group *g = w->job->record->group;
	const void *blocks[RAID_MAX_GROUP_DISKS];
	void *sums[LEVEL_MAX_PARITY];

	worker_blocks(w, group_parity_mask(g), blocks);
	for (unsigned k = 0; k < g->n_parity; k++)
		sums[k] = w->bytes[g->n_data + k];
	g->level->sums(g->n_data, blocks, sums, RAID_BLOCK_SIZE);
	group_entry_sums(g, w->entries, ~(unsigned)group_parity_mask(g), w->entries + g->n_data);
	for (unsigned k = 0; k < g->n_parity; k++)
		worker_write(w, g->n_data + k);
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

/* Is the block of an online disk what its entry says, and that what the record says? */
static bool worker_block_is_whole(const struct recover_worker *w, unsigned position, uint16_t mask)
{
	const struct raid_group *g = w->job->record->group;
	const struct raid_checksum_format *e = &w->entries[position];

	if (w->unreadable >> position & 1)
		return false;
	if (group_has_checksum(g, position) && crc32c_linear(w->bytes[position], RAID_BLOCK_SIZE) != le32_get(e->crc))
		return false;
	return group_is_parity(g, position) || (mask >> position & 1) ||
	       checksum_entry_equal(e, &w->job->partial->entries[position]);
}

/* The blocks of lost disks that were being written, as parity has them, go with what parity has of their entries? */
static bool worker_lost_are_whole(struct recover_worker *w, unsigned lost)
{
	const struct raid_group *g = w->job->record->group;
	struct level_word word = group_word(g, RAID_BLOCK_SIZE);

	worker_blocks(w, 0, word.blocks);
	for (unsigned i = 0; i < g->n_data; i++) {
		if (!(lost >> i & 1))
			continue;
		level_rebuild(&word, lost, i, w->bytes[i]);
		if (crc32c_linear(w->bytes[i], RAID_BLOCK_SIZE) != le32_get(w->entries[i].crc))
			return false;
	}
	return (level_wrong_parity(&word) & ~lost) == 0;
}

/* Nothing to do? */
static bool worker_is_whole(struct recover_worker *w, uint16_t mask)
{
	const struct raid_group *g = w->job->record->group;
	unsigned lost = 0;

	for (unsigned i = 0; i < g->n_members; i++) {
		if (!worker_present(w, i))
			continue;
		if (!member_holds(g->members[i], w->job->dbn) && (group_is_parity(g, i) || (mask >> i & 1)))
			lost |= 1U << i;
		else if (!worker_block_is_whole(w, i, mask))
			return false;
	}
	return worker_lost_are_whole(w, lost) && group_entries_agree(g, w->entries);
}

static void worker_settle(struct recover_worker *w)
{
	struct raid_group *g = w->job->record->group;
	uint16_t mask = w->job->partial == NULL ? UINT16_MAX : le16_get(w->job->partial->mask);

	checksum_set_entries(&w->set, w->job->dbn, w->entries);
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
	for (unsigned i = 0; rc->workers != NULL && i < RECOVER_WORKERS; i++)
		for (unsigned m = 0; m < RAID_MAX_GROUP_DISKS; m++)
			free(rc->workers[i].bytes[m]);
	free(rc->workers);
}
