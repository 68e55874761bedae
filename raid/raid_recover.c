/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery: after a crash, make the stripes that were being written whole again.
 *
 * THEORY. Intents that count: of the labels' epoch, with a sequence above the one the newest fsinfo calls settled. For each stripe the newest
 * intent that names it. Blocks that were being written are free in the newest fsinfo: what they hold does not matter, but their entry must
 * match it and parity must carry it. Blocks that were not being written must match the entries in the intent; one that does not (or whose
 * disk is lost) is the XOR kept in the intent and the others. Then parity = that XOR + what the written blocks hold now.
 * If an unwritten block matches its own entry but not the intent's, the intent was settled long ago and a newer one of the stripe has been
 * overwritten: the stripe is whole, leave it. So is a stripe whose blocks all match their entries (of a disk that is lost, only a block being
 * written may be left to parity so): what a flush made durable stays, even before an fsinfo.
 * Running it again, after a crash on the way, gives the same. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raid/raid_impl.h"

#define HEAD_BLOCKS (1U + RAID_INTENT_MAX_PARTIAL / RAID_INTENT_PARTIAL_PER_BLOCK)
#define RECOVER_WORKERS 8U
#define PAYLOAD_MAX ((size_t)131072) /* blocks of payloads: more than any volume can have under way */

/* One intent record, found on one or two members. */
struct record {
	uint64_t sequence;
	struct raid_group *group;
	unsigned slot;
	unsigned n_homes;
	struct member *homes[RAID_MAX_GROUP_DISKS];
	uint8_t *bytes; /* HEAD_BLOCKS */
	uint8_t *payload; /* n_payload blocks, NULL: none */
};

struct stripe_job {
	uint32_t dbn;
	struct record *record;
	const struct raid_intent_partial_format *partial; /* NULL: a full stripe */
};

struct worker {
	struct recover *recover;
	const struct stripe_job *job;
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

struct recover {
	struct raid *raid;
	void (*done)(struct raid *raid, void *arg, int err);
	void *arg;
	/* heads */
	unsigned member_at;
	uint8_t *heads;
	struct batch batch;
	struct batch_item *items;
	struct record *records;
	unsigned n_records, max_records;
	/* payloads */
	unsigned record_at, home_at;
	size_t n_payload; /* blocks of them in memory */
	/* stripes */
	struct stripe_job *jobs;
	unsigned n_jobs, max_jobs, job_at;
	unsigned n_workers;
	struct worker *workers;
	struct task task;
	int err;
};

static void *aligned_new(size_t blocks)
{
	void *bytes;

	if (posix_memalign(&bytes, RAID_BLOCK_SIZE, blocks * RAID_BLOCK_SIZE) != 0)
		return NULL;
	memset(bytes, 0, blocks * RAID_BLOCK_SIZE);
	return bytes;
}

static void records_free(struct recover *rc)
{
	for (unsigned i = 0; i < rc->n_records; i++) {
		free(rc->records[i].bytes);
		free(rc->records[i].payload);
	}
	rc->n_records = 0;
}

static void recover_end_run(struct task *task)
{
	struct recover *rc = container_of(task, struct recover, task);
	struct raid *raid = rc->raid;
	void (*done)(struct raid * raid, void *arg, int err) = rc->done;
	void *arg = rc->arg;
	int err = rc->err;

	for (unsigned i = 0; rc->workers != NULL && i < RECOVER_WORKERS; i++) {
		for (unsigned m = 0; m < RAID_MAX_GROUP_DISKS; m++)
			free(rc->workers[i].bytes[m]);
		free(rc->workers[i].rest);
	}
	if (err == 0 && rc->n_jobs > 0)
		log_info("raid", "recovered", "intents=%u stripes=%u", rc->n_records, rc->n_jobs);
	records_free(rc);
	free(rc->workers);
	free(rc->records);
	free(rc->jobs);
	free(rc->heads);
	free(rc->items);
	raid_call_free(rc);
	done(raid, arg, err);
}

static void recover_end(struct recover *rc, int err)
{
	rc->err = err;
	rc->task.run = recover_end_run;
	world_defer(rc->raid->world, &rc->task);
}

/* ---- stripes ------------------------------------------------------------------------------------------------------------------------ */

static void worker_next(struct worker *w);

static void worker_written(struct batch *batch)
{
	struct worker *w = container_of(batch, struct worker, batch);

	checksum_set_unpin(w->recover->raid, &w->set);
	worker_next(w);
}

static void worker_write(struct worker *w, unsigned position)
{
	struct member *m = w->job->record->group->members[position];

	if (member_online(m))
		w->writes[w->n_writes++] = (struct batch_item){
			.member = m,
			.block = layout_data_block(&w->recover->raid->layout, w->job->dbn),
			.data = w->bytes[position],
		};
}

static bool worker_present(const struct worker *w, unsigned position)
{
	return group_has(w->job->record->group, position, w->job->dbn);
}

/* A block that was being written: believe the bytes, give them an entry. */
static void worker_adopt(struct worker *w, unsigned position)
{
	struct raid_group *g = w->job->record->group;
	struct raid_checksum_format *e = &w->entries[position];
	uint32_t crc;

	if (w->unreadable >> position & 1) {
		memset(w->bytes[position], 0, RAID_BLOCK_SIZE);
		memset(e, 0, sizeof *e);
		if (member_online(g->members[position]))
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

static enum unwritten worker_look(const struct worker *w, unsigned position)
{
	const struct raid_checksum_format *e = &w->job->partial->entries[position];
	uint32_t crc;

	if (w->unreadable >> position & 1)
		return UNWRITTEN_BAD;
	crc = crc32c_linear(w->bytes[position], RAID_BLOCK_SIZE);
	if (crc == le32_get(e->crc))
		return checksum_entry_equal(e, &w->entries[position]) || crc != le32_get(w->entries[position].crc) ? UNWRITTEN_GOOD
		                                                                                                   : UNWRITTEN_NEWER;
	return crc == le32_get(w->entries[position].crc) ? UNWRITTEN_NEWER : UNWRITTEN_BAD;
}

static bool worker_rest_known(const struct worker *w)
{
	return !(le16_get(w->job->partial->flags) & RAID_INTENT_REST_UNKNOWN);
}

/* The XOR of the unwritten blocks as the intent has it. */
static void worker_load_rest(struct worker *w)
{
	const struct raid_intent_partial_format *p = w->job->partial;

	if (le16_get(p->flags) & RAID_INTENT_REST_ZERO)
		memset(w->rest, 0, RAID_BLOCK_SIZE);
	else
		memcpy(w->rest, w->job->record->payload + (size_t)le16_get(p->payload) * RAID_BLOCK_SIZE, RAID_BLOCK_SIZE);
}

/* Rebuild the one unwritten block that is bad: the rest minus the others. */
static void worker_rebuild(struct worker *w, unsigned bad)
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
	if (member_online(g->members[bad]))
		g->members[bad]->n_repaired++;
	worker_write(w, bad);
}

/* The unwritten blocks; false when the stripe is to be left alone. */
static bool worker_judge_unwritten(struct worker *w)
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
static void worker_make_parity(struct worker *w)
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

static void worker_set_entries(struct worker *w)
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
static bool worker_is_whole(const struct worker *w, uint16_t mask)
{
	const struct raid_group *g = w->job->record->group;
	struct raid_checksum_format sum = { 0 };
	bool all_online = true;

	for (unsigned i = 0; i < g->n_members; i++) {
		if (!worker_present(w, i))
			continue;
		checksum_entry_xor(&sum, &w->entries[i]);
		if (!member_online(g->members[i]) && (i == g->n_data || (mask >> i & 1))) {
			all_online = false;
			continue;
		}
		if ((w->unreadable >> i & 1) || crc32c_linear(w->bytes[i], RAID_BLOCK_SIZE) != le32_get(w->entries[i].crc))
			return false;
		if (i < g->n_data && !(mask >> i & 1) && !checksum_entry_equal(&w->entries[i], &w->job->partial->entries[i]))
			return false;
	}
	return !all_online || checksum_entry_is_zero(&sum);
}

static void worker_settle(struct worker *w)
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
	struct worker *w = container_of(batch, struct worker, batch);

	w->unreadable = 0;
	w->n_writes = 0;
	for (unsigned i = 0; i < batch->n_items; i++)
		if (w->items[i].err != 0)
			w->unreadable |= (uint16_t)(1U << w->items[i].member->position);
	worker_settle(w);
	w->batch = (struct batch){
		.raid = w->recover->raid, .op = DISK_WRITE, .items = w->writes, .n_items = w->n_writes, .done = worker_written
	};
	batch_submit(&w->batch);
}

static void worker_pinned(struct checksum_set *set)
{
	struct worker *w = container_of(set, struct worker, set);
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

static void worker_next(struct worker *w)
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

static void recover_stripes(struct recover *rc)
{
	bool memory = true;

	if (rc->n_jobs == 0) {
		recover_end(rc, 0);
		return;
	}
	rc->workers = calloc(RECOVER_WORKERS, sizeof *rc->workers);
	for (unsigned i = 0; rc->workers != NULL && i < RECOVER_WORKERS; i++) {
		rc->workers[i].recover = rc;
		rc->workers[i].rest = aligned_new(1);
		memory = memory && rc->workers[i].rest != NULL;
		for (unsigned m = 0; m < RAID_MAX_GROUP_DISKS; m++) {
			rc->workers[i].bytes[m] = aligned_new(1);
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

/* ---- the list of stripes --------------------------------------------------------------------------------------------------------------- */

static int job_compare(const void *a, const void *b)
{
	const struct stripe_job *x = a, *y = b;

	if (x->record->group != y->record->group)
		return x->record->group->index < y->record->group->index ? -1 : 1;
	if (x->dbn != y->dbn)
		return x->dbn < y->dbn ? -1 : 1;
	return x->record->sequence > y->record->sequence ? -1 : x->record->sequence < y->record->sequence ? 1 : 0; /* newest first */
}

static int job_add(struct recover *rc, uint32_t dbn, struct record *r, const struct raid_intent_partial_format *partial)
{
	if (dbn >= r->group->n_dbn)
		return 0;
	if (rc->n_jobs == rc->max_jobs) {
		unsigned max = rc->max_jobs == 0 ? 1024 : rc->max_jobs * 2;
		struct stripe_job *jobs = realloc(rc->jobs, max * sizeof *jobs);

		if (jobs == NULL)
			return -ENOMEM;
		rc->jobs = jobs;
		rc->max_jobs = max;
	}
	rc->jobs[rc->n_jobs++] = (struct stripe_job){ dbn, r, partial };
	return 0;
}

static const struct raid_intent_partial_format *record_partial(const struct record *r, unsigned i)
{
	return (const struct raid_intent_partial_format *)(const void *)(r->bytes + RAID_BLOCK_SIZE) + i;
}

static int record_jobs(struct recover *rc, struct record *r)
{
	const struct raid_intent_head_format *head = (const void *)r->bytes;
	int err = 0;

	for (unsigned i = 0; i < le16_get(head->n_runs); i++)
		for (uint32_t k = 0; k < le32_get(head->runs[i].n) && err == 0; k++)
			err = job_add(rc, le32_get(head->runs[i].first_dbn) + k, r, NULL);
	for (unsigned i = 0; i < le16_get(head->n_partial) && err == 0; i++)
		err = job_add(rc, le32_get(record_partial(r, i)->dbn), r, record_partial(r, i));
	return err;
}

/* Nothing is settled: the stripes are only remembered. */
static int unsettled_keep(const struct recover *rc)
{
	struct raid *raid = rc->raid;

	raid->unsettled = calloc(MAX_OF(rc->n_jobs, 1U), sizeof *raid->unsettled);
	if (raid->unsettled == NULL)
		return -ENOMEM;
	raid->n_unsettled = rc->n_jobs;
	for (unsigned i = 0; i < rc->n_jobs; i++)
		raid->unsettled[i] = (struct raid_stripe){ rc->jobs[i].record->group->index, rc->jobs[i].dbn };
	return 0;
}

static void recover_list(struct recover *rc)
{
	unsigned n = 0;
	int err = 0;

	for (unsigned i = 0; i < rc->n_records && err == 0; i++)
		if (rc->records[i].n_homes > 0)
			err = record_jobs(rc, &rc->records[i]);
	if (err != 0) {
		recover_end(rc, err);
		return;
	}
	if (rc->n_jobs > 0)
		qsort(rc->jobs, rc->n_jobs, sizeof *rc->jobs, job_compare);
	for (unsigned i = 0; i < rc->n_jobs; i++)
		if (n == 0 || rc->jobs[n - 1].dbn != rc->jobs[i].dbn || rc->jobs[n - 1].record->group != rc->jobs[i].record->group)
			rc->jobs[n++] = rc->jobs[i];
	rc->n_jobs = n;
	if (rc->raid->inspecting) {
		recover_end(rc, unsettled_keep(rc));
		return;
	}
	if (n > 0 && rc->raid->read_only) {
		log_error("raid", "recovery_needed",
		          "stripes=%u error=EROFS: a crash left stripes to settle; open the volume for writing once", n);
		recover_end(rc, -EROFS);
		return;
	}
	recover_stripes(rc);
}

/* ---- payloads -------------------------------------------------------------------------------------------------------------------------- */

static void payload_next(struct recover *rc);

static unsigned record_n_payload(const struct record *r)
{
	return le16_get(((const struct raid_intent_head_format *)(const void *)r->bytes)->n_payload);
}

/* The XOR of the blocks that are not written, as their entries have it; no payload at all is zeros. */
static bool payload_valid(const struct record *r)
{
	unsigned n = le16_get(((const struct raid_intent_head_format *)(const void *)r->bytes)->n_partial);

	for (unsigned i = 0; i < n; i++) {
		const struct raid_intent_partial_format *p = record_partial(r, i);

		if (le16_get(p->flags) == 0 && crc32c_linear(r->payload + (size_t)le16_get(p->payload) * RAID_BLOCK_SIZE,
		                                             RAID_BLOCK_SIZE) != le32_get(p->entries_xor.crc))
			return false;
	}
	return true;
}

static void payload_read(struct batch *batch)
{
	struct recover *rc = container_of(batch, struct recover, batch);
	struct record *r = &rc->records[rc->record_at];
	bool good = true;

	for (unsigned i = 0; i < batch->n_items; i++)
		good = good && rc->items[i].err == 0;
	if (good && payload_valid(r)) {
		rc->record_at++;
		rc->home_at = 0;
	} else if (++rc->home_at == r->n_homes) {
		r->n_homes = 0; /* torn everywhere: it was never durable, so nothing of it was begun */
		rc->record_at++;
		rc->home_at = 0;
	}
	payload_next(rc);
}

static void payload_next(struct recover *rc)
{
	struct record *r;
	const struct raid_intent_head_format *head;
	unsigned n, first;

	while (rc->record_at < rc->n_records && record_n_payload(&rc->records[rc->record_at]) == 0)
		rc->record_at++;
	if (rc->record_at == rc->n_records) {
		recover_list(rc);
		return;
	}
	r = &rc->records[rc->record_at];
	head = (const void *)r->bytes;
	n = record_n_payload(r);
	first = 1 + DIV_UP(le16_get(head->n_partial), RAID_INTENT_PARTIAL_PER_BLOCK);
	if (r->payload == NULL && (rc->n_payload += n) <= PAYLOAD_MAX)
		r->payload = aligned_new(n);
	if (r->payload == NULL) {
		recover_end(rc, rc->n_payload > PAYLOAD_MAX ? -EUCLEAN : -ENOMEM);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		rc->items[i] = (struct batch_item){
			.member = r->homes[rc->home_at],
			.block = layout_intent_block(r->slot) + first + i,
			.data = r->payload + (size_t)i * RAID_BLOCK_SIZE,
		};
	rc->batch = (struct batch){ .raid = rc->raid, .op = DISK_READ, .items = rc->items, .n_items = n, .done = payload_read };
	batch_submit(&rc->batch);
}

/* ---- heads ------------------------------------------------------------------------------------------------------------------------------ */

static void heads_next(struct recover *rc);

/* Is it an intent of this group that may count? */
static bool head_is_ours(const struct recover *rc, const struct raid_group *g, const struct raid_intent_head_format *head)
{
	const struct raid *raid = rc->raid;

	if (memcmp(head->magic, RAID_INTENT_MAGIC, RAID_MAGIC_BYTES) != 0 || le32_get(head->version) != RAID_FORMAT_VERSION ||
	    memcmp(head->volume_uuid, raid->volume_uuid.b, 16) != 0 || le64_get(head->epoch) != raid->label.epoch ||
	    le16_get(head->group) != g->index)
		return false;
	return !raid->fsinfo.present || raid->fsinfo.intent_epoch != raid->label.epoch ||
	       le64_get(head->sequence) > raid->fsinfo.intent_released;
}

/* A partial stripe that we could have written: everything that is used of it later is within its bounds. */
static bool partial_valid(const struct raid_group *g, const struct raid_intent_partial_format *p, unsigned n_payload)
{
	unsigned flags = le16_get(p->flags), mask = le16_get(p->mask);
	struct raid_checksum_format sum = { 0 };

	if (le32_get(p->dbn) >= g->n_dbn || mask >> g->n_data != 0 || flags > (RAID_INTENT_REST_ZERO | RAID_INTENT_REST_UNKNOWN))
		return false;
	if (flags == 0 && le16_get(p->payload) >= n_payload)
		return false;
	for (unsigned i = 0; i < g->n_data; i++)
		if (!(mask >> i & 1))
			checksum_entry_xor(&sum, &p->entries[i]);
	return checksum_entry_equal(&sum, &p->entries_xor) && ((flags & RAID_INTENT_REST_ZERO) == 0 || le32_get(sum.crc) == 0);
}

/* A record that counts? Bytes from a disk: anything may be in them. */
static bool head_valid(const struct recover *rc, const struct raid_group *g, uint8_t *bytes)
{
	struct raid_intent_head_format *head = (void *)bytes;
	const struct raid_intent_partial_format *partial = (const void *)(bytes + RAID_BLOCK_SIZE);
	unsigned n_partial = le16_get(head->n_partial);
	uint32_t crc = le32_get(head->crc);
	uint64_t n_stripes = n_partial;
	bool ok;

	if (!head_is_ours(rc, g, head))
		return false;
	if (n_partial > RAID_INTENT_MAX_PARTIAL || le16_get(head->n_runs) > RAID_INTENT_MAX_RUNS || le16_get(head->n_payload) > n_partial)
		return false;
	head->crc = le32_of(0);
	ok = crc32c(bytes, (size_t)(1 + DIV_UP(n_partial, RAID_INTENT_PARTIAL_PER_BLOCK)) * RAID_BLOCK_SIZE) == crc;
	head->crc = le32_of(crc);
	for (unsigned i = 0; ok && i < le16_get(head->n_runs); i++) {
		n_stripes += le32_get(head->runs[i].n);
		ok = (uint64_t)le32_get(head->runs[i].first_dbn) + le32_get(head->runs[i].n) <= g->n_dbn;
	}
	for (unsigned i = 0; ok && i < n_partial; i++)
		ok = partial_valid(g, &partial[i], le16_get(head->n_payload));
	return ok && n_stripes <= PIECE_MAX_STRIPES;
}

static int head_add(struct recover *rc, struct member *m, unsigned slot, const uint8_t *bytes)
{
	uint64_t sequence = le64_get(((const struct raid_intent_head_format *)(const void *)bytes)->sequence);
	struct record *r;

	for (unsigned i = 0; i < rc->n_records; i++) {
		r = &rc->records[i];
		if (r->sequence == sequence && r->group == m->group && r->slot == slot) {
			r->homes[r->n_homes++] = m;
			return 0;
		}
	}
	if (rc->n_records == rc->max_records) {
		unsigned max = rc->max_records == 0 ? 64 : rc->max_records * 2;
		struct record *records = realloc(rc->records, max * sizeof *records);

		if (records == NULL)
			return -ENOMEM;
		rc->records = records;
		rc->max_records = max;
	}
	r = &rc->records[rc->n_records];
	*r = (struct record){
		.sequence = sequence, .group = m->group, .slot = slot, .n_homes = 1, .homes = { m }, .bytes = aligned_new(HEAD_BLOCKS)
	};
	if (r->bytes == NULL)
		return -ENOMEM;
	memcpy(r->bytes, bytes, (size_t)HEAD_BLOCKS * RAID_BLOCK_SIZE);
	rc->n_records++;
	return 0;
}

static void heads_read(struct batch *batch)
{
	struct recover *rc = container_of(batch, struct recover, batch);
	struct member *m = rc->raid->members[rc->member_at++];
	int err = 0;

	for (unsigned slot = 0; slot < rc->raid->layout.intent_slots && err == 0; slot++) {
		uint8_t *bytes = rc->heads + (size_t)slot * HEAD_BLOCKS * RAID_BLOCK_SIZE;
		bool readable = true;

		for (unsigned i = 0; i < HEAD_BLOCKS; i++)
			readable = readable && rc->items[slot * HEAD_BLOCKS + i].err == 0;
		if (readable && head_valid(rc, m->group, bytes))
			err = head_add(rc, m, slot, bytes);
	}
	if (err != 0)
		recover_end(rc, err);
	else
		heads_next(rc);
}

static bool log_any(const struct raid *raid)
{
	for (unsigned i = 0; i < raid->label.n_log_copies; i++)
		if (member_online(raid->members[raid->label.log_copies[i]]))
			return true;
	return false;
}

/* Intents lean on flushes, too: in the middle of a consistency point nothing else does. -EAGAIN: a disk has not lived through all of them, and what
 * it says does not count. */
static int heads_judge(struct recover *rc)
{
	struct raid *raid = rc->raid;
	int err = 0;

	for (unsigned i = 0; i < rc->n_records && raid->lineage.n_starts > 0; i++) {
		const struct raid_intent_head_format *head = (const void *)rc->records[i].bytes;

		raid->lineage.flush = MAX_OF(raid->lineage.flush, le64_get(head->flush));
	}
	for (unsigned i = 0; i < raid->n_members; i++) {
		struct member *m = raid->members[i];

		if (!member_online(m) || lineage_covers(&m->lineage, &raid->lineage))
			continue;
		(void)snprintf(m->why, sizeof m->why, "it is an older copy: it ends in flush %" PRIu64 ", the volume in flush %" PRIu64,
		               m->lineage.flush, raid->lineage.flush);
		member_stale(m);
		err = -EAGAIN;
	}
	for (unsigned i = 0; i < raid->n_groups; i++)
		if (group_failed(raid->groups[i]))
			err = -ENXIO;
	return log_any(raid) ? err : -ENXIO;
}

static void heads_end(struct recover *rc)
{
	int err = heads_judge(rc);

	if (err == 0) {
		payload_next(rc);
	} else if (err == -EAGAIN) {
		records_free(rc);
		rc->member_at = 0;
		heads_next(rc);
	} else {
		recover_end(rc, err);
	}
}

static void heads_next(struct recover *rc)
{
	struct raid *raid = rc->raid;
	unsigned n = raid->layout.intent_slots * HEAD_BLOCKS;

	while (rc->member_at < raid->n_members && !member_online(raid->members[rc->member_at]))
		rc->member_at++;
	if (rc->member_at == raid->n_members) {
		heads_end(rc);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		rc->items[i] = (struct batch_item){
			.member = raid->members[rc->member_at],
			.block = layout_intent_block(i / HEAD_BLOCKS) + i % HEAD_BLOCKS,
			.data = rc->heads + (size_t)i * RAID_BLOCK_SIZE,
		};
	rc->batch = (struct batch){ .raid = raid, .op = DISK_READ, .items = rc->items, .n_items = n, .done = heads_read };
	batch_submit(&rc->batch);
}

void raid_recover(struct raid *raid, void (*done)(struct raid *raid, void *arg, int err), void *arg)
{
	struct recover *rc = raid_call_new(sizeof *rc);
	size_t n = (size_t)raid->layout.intent_slots * HEAD_BLOCKS;

	rc->raid = raid;
	rc->done = done;
	rc->arg = arg;
	rc->heads = aligned_new(n);
	rc->items = calloc(MAX_OF(n, (size_t)RAID_INTENT_MAX_PARTIAL), sizeof *rc->items);
	if (rc->heads == NULL || rc->items == NULL)
		recover_end(rc, -ENOMEM);
	else
		heads_next(rc);
}
