/* SPDX-License-Identifier: Apache-2.0 */
/* Flush: make every completed write durable, and with it settle the stripe intents.
 *
 * THEORY. A flush is a barrier: no piece starts while it is wanted or runs, so after it no stripe is half written and
 * every intent can be released together. Stages: pieces drained -> dirty checksum blocks written -> marks written ->
 * disks flushed -> labels in step (a disk that failed on the way is on the labels of the others) -> released, waiters
 * answered; from then on others may lean on its number. */
#include "raid/raid_flush.h"

#include "raid/batch.h"
#include "raid/checksum_zone.h"
#include "raid/intent.h"
#include "raid/label.h"
#include "raid/mark.h"
#include "raid/raid_rebuild.h"
#include "raid/raid_volume.h"
#include "raid/raid_write.h"

static void flush_end(struct raid *raid)
{
	int err = raid_group_failed_any(raid) ? -EIO : 0;
	struct flush_wait_list answered = STAILQ_HEAD_INITIALIZER(answered);
	struct flush_wait *w;

	if (err == 0) {
		raid->lineage = raid->marks.lineage;
		rebuild_labelled(raid);
	}
	intent_release_all(raid);
	STAILQ_CONCAT(&answered, &raid->flush_running);
	raid->flush_active = false;
	while ((w = STAILQ_FIRST(&answered)) != NULL) {
		STAILQ_REMOVE_HEAD(&answered, link);
		w->done(w, err);
	}
	raid_flush_kick(raid);
	raid_write_kick(raid);
	raid_idle_check(raid);
}

static void flush_labels_done(struct label_wait *wait, int err)
{
	(void)err; /* flush_end looks at the groups */
	flush_end(container_of(wait, struct raid, flush_label));
}

static void flush_disks_done(struct flush_all *f)
{
	struct raid *raid = f->raid;

	rebuild_flushed(raid);
	if (label_in_step(raid)) {
		flush_end(raid);
		return;
	}
	raid->flush_label.done = flush_labels_done;
	label_sync(raid, &raid->flush_label);
}

static void flush_marked(struct raid *raid)
{
	raid->flush_disks = (struct flush_all){ .raid = raid, .done = flush_disks_done };
	batch_flush_all(&raid->flush_disks);
}

static void flush_checksums_done(struct raid *raid)
{
	if (marks_wanted(raid))
		marks_write(raid, flush_marked);
	else
		flush_marked(raid);
}

void raid_flush_kick(struct raid *raid)
{
	if (!raid->flush_wanted || raid->flush_active || raid->n_pieces_active > 0)
		return;
	raid->flush_wanted = false;
	raid->flush_active = true;
	STAILQ_CONCAT(&raid->flush_running, &raid->flush_waiting);
	rebuild_flush_begins(raid);
	checksum_zone_writeback(raid, flush_checksums_done);
}

void raid_flush_request(struct raid *raid, struct flush_wait *wait)
{
	STAILQ_INSERT_TAIL(&raid->flush_waiting, wait, link);
	raid_flush_internal(raid);
}

void raid_flush_internal(struct raid *raid)
{
	raid->flush_wanted = true;
	raid_flush_kick(raid);
}

/* ---- the public door --------------------------------------------------------------------------------------------- */

struct flush_call {
	struct flush_wait wait;
	void (*done)(void *arg, int err);
	void *arg;
};

static void flush_call_done(struct flush_wait *wait, int err)
{
	struct flush_call *call = container_of(wait, struct flush_call, wait);
	void (*done)(void *arg, int err) = call->done;
	void *arg = call->arg;

	raid_call_free(call);
	done(arg, err);
}

void raid_flush(struct raid *raid, void (*done)(void *arg, int err), void *arg)
{
	struct flush_call *call = raid_call_new(sizeof *call);

	*call = (struct flush_call){ .wait.done = flush_call_done, .done = done, .arg = arg };
	raid_flush_request(raid, &call->wait);
}
