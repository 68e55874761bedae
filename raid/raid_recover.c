/* SPDX-License-Identifier: Apache-2.0 */
/* Recovery: after a crash, make the stripes that were being written whole again.
 *
 * THEORY. Intents that count: of the labels' epoch, with a sequence above the one the newest fsinfo calls settled. For
 * each stripe the newest intent that names it. Blocks that were being written are free in the newest fsinfo: what they
 * hold does not matter, but their entry must match it and parity must carry it. Blocks that were not being written must
 * match the entries in the intent; one that does not (or whose disk is lost) is made of the rests kept in the intent
 * and the others. Then parity = those rests + what the written blocks hold now. If an unwritten block matches its own
 * entry but not the intent's, the intent was settled long ago and a newer one of the stripe has been overwritten: the
 * stripe is whole, leave it. So is a stripe whose blocks all match their entries (of a disk that is lost, only a block
 * being written may be left to parity so): what a flush made durable stays, even before an fsinfo. Running it again,
 * after a crash on the way, gives the same. */
#include "raid/raid_recover.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/log.h"
#include "raid/raid_volume.h"
#include "raid/recover_private.h"

void *recover_blocks_new(size_t n)
{
	void *bytes;

	if (posix_memalign(&bytes, RAID_BLOCK_SIZE, n * RAID_BLOCK_SIZE) != 0)
		return NULL;
	memset(bytes, 0, n * RAID_BLOCK_SIZE);
	return bytes;
}

static void recover_end_run(struct task *task)
{
	struct recover *rc = container_of(task, struct recover, task);
	struct raid *raid = rc->raid;
	void (*done)(struct raid * raid, void *arg, int err) = rc->done;
	void *arg = rc->arg;
	int err = rc->err;

	if (err == 0 && rc->n_jobs > 0)
		log_info("raid", "recovered", "intents=%u stripes=%u", rc->n_records, rc->n_jobs);
	recover_records_free(rc);
	recover_stripes_free(rc);
	free(rc->jobs);
	raid_call_free(rc);
	done(raid, arg, err);
}

void recover_end(struct recover *rc, int err)
{
	rc->err = err;
	rc->task.run = recover_end_run;
	world_defer(rc->raid->world, &rc->task);
}

static int job_compare(const void *a, const void *b)
{
	const struct recover_job *x = a, *y = b;

	if (x->record->group != y->record->group)
		return x->record->group->index < y->record->group->index ? -1 : 1;
	if (x->dbn != y->dbn)
		return x->dbn < y->dbn ? -1 : 1;
	/* newest first */
	return x->record->sequence > y->record->sequence ? -1 : x->record->sequence < y->record->sequence ? 1 : 0;
}

static int job_add(struct recover *rc, uint32_t dbn, struct recover_record *r,
                   const struct raid_intent_partial_format *partial)
{
	if (dbn >= r->group->n_dbn)
		return 0;
	if (!ARRAY_ROOM(rc->jobs, rc->n_jobs, rc->max_jobs, 1024U))
		return -ENOMEM;
	rc->jobs[rc->n_jobs++] = (struct recover_job){ dbn, r, partial };
	return 0;
}

static int record_jobs(struct recover *rc, struct recover_record *r)
{
	const struct raid_intent_head_format *head = (const void *)r->bytes;
	int err = 0;

	for (unsigned i = 0; i < le16_get(head->n_runs); i++)
		for (uint32_t k = 0; k < le32_get(head->runs[i].n) && err == 0; k++)
			err = job_add(rc, le32_get(head->runs[i].first_dbn) + k, r, NULL);
	for (unsigned i = 0; i < le16_get(head->n_partial) && err == 0; i++)
		err = job_add(rc, le32_get(recover_record_partial(r, i)->dbn), r, recover_record_partial(r, i));
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

void recover_list(struct recover *rc)
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
		if (n == 0 || rc->jobs[n - 1].dbn != rc->jobs[i].dbn ||
		    rc->jobs[n - 1].record->group != rc->jobs[i].record->group)
			rc->jobs[n++] = rc->jobs[i];
	rc->n_jobs = n;
	if (rc->raid->inspecting) {
		recover_end(rc, unsettled_keep(rc));
		return;
	}
	if (n > 0 && rc->raid->read_only) {
		log_error("raid", "recovery_needed",
		          "stripes=%u error=EROFS: a crash left stripes to settle; open the volume for writing once",
		          n);
		recover_end(rc, -EROFS);
		return;
	}
	dirty_map_begun(rc->raid);
	for (unsigned i = 0; i < n; i++)
		dirty_map_add(rc->jobs[i].record->group, rc->jobs[i].dbn);
	recover_stripes(rc);
}

void raid_recover(struct raid *raid, void (*done)(struct raid *raid, void *arg, int err), void *arg)
{
	struct recover *rc = raid_call_new(sizeof *rc);

	rc->raid = raid;
	rc->done = done;
	rc->arg = arg;
	if (recover_records_init(rc) != 0)
		recover_end(rc, -ENOMEM);
	else
		recover_records_read(rc);
}
