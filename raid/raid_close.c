/* SPDX-License-Identifier: Apache-2.0 */
/* Close: a flush, labels that say "clean", and the end of the volume once nothing is under way any more. */
#include "raid/label.h"
#include "raid/member.h"
#include "raid/raid_flush.h"
#include "raid/raid_log.h"
#include "raid/raid_rebuild.h"
#include "raid/raid_volume.h"

static bool any_lets_go(const struct raid *raid)
{
	bool any = false;

	for (unsigned i = 0; i < raid->n_members; i++)
		any = any || (raid->members[i] != NULL && raid->members[i]->let_go.queued);
	for (const struct member *m = raid->retired; m != NULL; m = m->retired_next)
		any = any || m->let_go.queued;
	return any;
}

static bool raid_is_idle(const struct raid *raid)
{
	return raid->n_ios == 0 && raid->n_pieces_active == 0 && raid->n_repairs_active == 0 &&
	       TAILQ_EMPTY(&raid->repairs_waiting) && raid->n_reads_active == 0 && !raid->label.running &&
	       !raid->flush_active && !raid->flush_wanted && !raid->fsinfo.busy && !raid->fsinfo.copying &&
	       STAILQ_EMPTY(&raid->label.waiters) && !raid_log_busy(raid) && !rebuild_any(raid) && !any_lets_go(raid);
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

void raid_close_still(struct raid *raid, void (*done)(void *arg, int err), void *arg)
{
	raid->closing = true;
	raid->close_done = done;
	raid->close_arg = arg;
	close_finish(raid);
}

void raid_close(struct raid *raid, void (*done)(void *arg, int err), void *arg)
{
	vc_assert(!raid->closing && STAILQ_EMPTY(&raid->writes) && !raid_is_changing(raid));
	raid->closing = true;
	raid_write_window(raid, NULL, NULL);
	rebuild_stop(raid);
	raid_room_patience(raid, RAID_ROOM_PATIENCE_NS);
	raid->close_done = done;
	raid->close_arg = arg;
	member_health_stop(raid);
	world_timer_cancel(&raid->read_retry);
	raid->close_flush.done = close_flushed;
	raid_flush_request(raid, &raid->close_flush);
}
