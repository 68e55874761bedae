/* SPDX-License-Identifier: Apache-2.0 */
/* A scrub: batch after batch of stripes, from the first group's first to the last group's last.
 *
 * THEORY. A batch is a run: the next stripes in use are verified by raid/, which reads them without any cache in
 * between, and each that is wrong is made whole, one after the other. Then the cursor is moved. Every few seconds
 * what was repaired is flushed, and only then the cursor and the counts are saved as a document of the volume. So
 * after a crash some stripes are read again, and none is passed over.
 * Between batches a timer keeps the pace (scrub_pace.h).
 * A mount reads no more for it than before: how far the scrub is, is looked up with the first message about it, and
 * then one that was under way goes on. The administration sends one at every mount.
 * INVARIANTS
 *  SC1 A cursor is saved only when everything before it was judged, and what was written there is durable.
 *  SC2 Nothing is written to a stripe in which more is wrong than parity carries.
 * THREADS. Home thread. */
#include "fs/scrub/scrub.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "fs/core/core.h"
#include "fs/file/run.h"
#include "fs/message.h"
#include "fs/scrub/scrub_private.h"

#define SAVE_NS 10000000000ULL
#define SAVE_REPAIRED_NS 1000000000ULL /* what was repaired is not found again: its count is all that tells of it */
#define RETRY_NS 1000000000ULL

static struct scrub *scrub_of(struct fs_run *run)
{
	return run->vol->scrub;
}

static bool is_online(const struct fs_volume *vol)
{
	return atomic_load_explicit(&vol->state, memory_order_relaxed) == VOLUME_ONLINE;
}

/* Whoever stopped or started the scrub meanwhile has its own cursor. */
static bool batch_counts(const struct scrub *scrub)
{
	return scrub->state.now.state == FS_SCRUB_RUNNING && scrub->batch_round == scrub->round;
}

/* ---- reading ---- */

static void verified(void *arg, int err, const struct raid_verify_result *result)
{
	struct scrub *scrub = arg;

	scrub->err = err;
	scrub->n_wrong = scrub->at = 0;
	if (err == 0 && result->n_wrong > 0) {
		memcpy(scrub->wrong, result->wrong, result->n_wrong * sizeof(scrub->wrong[0]));
		scrub->n_wrong = result->n_wrong;
	}
	run_event(&scrub->run);
}

static int look(struct fs_run *run)
{
	struct scrub *scrub = scrub_of(run);
	bool single = scrub->state.dbn < scrub->single_end;
	int err;

	if (!batch_counts(scrub))
		return -ECANCELED;
	if (!is_online(run->vol)) {
		scrub->stage = SCRUB_SAVE;
		return 0;
	}
	err = scrub_walk_next(run, scrub, single ? 1U : scrub->batch_stripes, &scrub->span);
	if (err != 0)
		return err;
	if (scrub->span.n == 0) {
		scrub->final = true;
		scrub->stage = SCRUB_SAVE;
		return 0;
	}
	scrub->stage = SCRUB_VERIFIED;
	run->n_waiting++;
	raid_verify_afresh(run->vol->raid, scrub->span.group, scrub->span.dbn, scrub->span.n);
	raid_verify(run->vol->raid, scrub->span.group, scrub->span.dbn, scrub->span.n, verified, scrub);
	return -EAGAIN;
}

/* One stripe whose entries cannot be had is counted; of several it is not known which. */
static int look_failed(struct scrub *scrub)
{
	if (scrub->err == -ENOMEM)
		return -ENOMEM;
	if (scrub->span.n > 1U) {
		scrub->single_end = scrub->span.dbn + scrub->span.n;
		scrub->stage = SCRUB_LOOK;
		return 0;
	}
	scrub->state.now.n_unverified++;
	scrub->stage = SCRUB_PASS;
	return 0;
}

static int look_ended(struct fs_run *run)
{
	struct scrub *scrub = scrub_of(run);

	if (!batch_counts(scrub))
		return -ECANCELED;
	if (scrub->err != 0)
		return look_failed(scrub);
	if (scrub->n_wrong > 0)
		scrub_members_learn(scrub);
	scrub->stage = SCRUB_WRONG;
	return 0;
}

/* ---- repairing ---- */

static void made_whole(void *arg, uint32_t n_lost)
{
	struct scrub *scrub = arg;

	scrub->err = n_lost > 0 ? -EIO : 0;
	run_event(&scrub->run);
}

static void named(void *arg, int err, const struct raid_ident idents[RAID_MAX_GROUP_DISKS])
{
	struct scrub *scrub = arg;

	(void)err; /* all zero: not known */
	memcpy(scrub->idents, idents, sizeof(scrub->idents));
	run_event(&scrub->run);
}

static int wrong_next(struct fs_run *run)
{
	struct scrub *scrub = scrub_of(run);
	const struct raid_wrong_stripe *wrong = &scrub->wrong[scrub->at];

	if (!batch_counts(scrub))
		return -ECANCELED;
	if (scrub->at == scrub->n_wrong) {
		scrub->stage = SCRUB_PASS;
		return 0;
	}
	switch (scrub_judge(scrub, wrong)) {
	case SCRUB_FINE: scrub->at++; return 0;
	case SCRUB_REPAIRABLE:
		vc_invariant(SC2, !raid_stripe_is_lost(wrong));
		scrub->stage = SCRUB_WHOLE;
		run->n_waiting++;
		raid_make_whole(run->vol->raid, scrub->span.group, wrong->dbn, 1, made_whole, scrub);
		return -EAGAIN;
	case SCRUB_LOST: break;
	}
	scrub->stage = SCRUB_NAMED;
	run->n_waiting++;
	raid_verify_idents(run->vol->raid, scrub->span.group, wrong->dbn, named, scrub);
	return -EAGAIN;
}

static int wrong_whole(struct fs_run *run)
{
	struct scrub *scrub = scrub_of(run);

	scrub->n_repairs++;
	if (!batch_counts(scrub))
		return -ECANCELED;
	scrub_count_wrong(scrub, &scrub->wrong[scrub->at++], scrub->err == 0);
	scrub->stage = SCRUB_WRONG;
	return 0;
}

static int wrong_named(struct fs_run *run)
{
	struct scrub *scrub = scrub_of(run);
	int err;

	if (!batch_counts(scrub))
		return -ECANCELED;
	err = scrub_count_lost(run, scrub, &scrub->wrong[scrub->at]);
	if (err != 0)
		return err;
	scrub->at++;
	scrub->stage = SCRUB_WRONG;
	return 0;
}

/* ---- the cursor ---- */

static bool save_is_due(const struct scrub *scrub, uint64_t now_ns)
{
	uint64_t after_ns = scrub->n_flushed < scrub->n_repairs ? SAVE_REPAIRED_NS : SAVE_NS;

	return !is_online(scrub->vol) || now_ns - scrub->saved_at_ns >= after_ns;
}

static int span_pass(struct fs_run *run)
{
	struct scrub *scrub = scrub_of(run);
	uint64_t now_ns = world_now_ns(run->vol->world);

	if (!batch_counts(scrub))
		return -ECANCELED;
	scrub_count_read(scrub, &scrub->span);
	scrub->state.dbn += scrub->span.n;
	scrub->state.now.n_used += scrub->span.n_used;
	clone_speed_note(&scrub->speed, now_ns, scrub->state.now.n_used);
	scrub->stage = SCRUB_SAVE;
	return save_is_due(scrub, now_ns) ? 0 : -EINTR; /* that was the batch */
}

static void flushed(void *arg, int err)
{
	struct fs_run *run = arg;
	struct scrub *scrub = scrub_of(run);
	uint64_t n = run->msg != NULL ? run->msg->word[1] : scrub->n_flushing;

	scrub->flush_failed = scrub->flush_failed || err != 0;
	scrub->n_flushed = MAX_OF(scrub->n_flushed, n);
	run_event(run);
}

int scrub_settle(struct fs_run *run, struct scrub *scrub)
{
	if (scrub->flush_failed)
		return -EIO; /* so has a disk, or the volume */
	if (scrub->n_flushed == scrub->n_repairs)
		return 0;
	if (run->msg != NULL)
		run->msg->word[1] = scrub->n_repairs;
	else
		scrub->n_flushing = scrub->n_repairs;
	run->n_waiting++;
	raid_flush(run->vol->raid, flushed, run);
	return -EAGAIN;
}

static void done_tell(const struct scrub *scrub)
{
	const struct scrub_result *result = &scrub->state.now;
	struct fs_scrub_counts sum = { 0 };

	for (unsigned i = 0; i < result->n_members; i++)
		fs_scrub_add(&sum, &result->members[i].counts);
	log_event(sum.n_lost + result->n_unverified > 0 ? LOG_LEVEL_ERROR
	          : fs_scrub_n_wrong(&sum) > 0          ? LOG_LEVEL_WARN
	                                                : LOG_LEVEL_INFO,
	          "scrub", "done",
	          "volume=%s read=%llu wrong=%llu entries=%llu unreadable=%llu repaired=%llu lost=%llu unverified=%llu",
	          scrub->vol->name, (unsigned long long)sum.n_read, (unsigned long long)sum.n_wrong,
	          (unsigned long long)sum.n_entries, (unsigned long long)sum.n_unreadable,
	          (unsigned long long)sum.n_repaired, (unsigned long long)sum.n_lost,
	          (unsigned long long)result->n_unverified);
}

static int save(struct fs_run *run)
{
	struct scrub *scrub = scrub_of(run);
	uint64_t sequence;
	int err = scrub_settle(run, scrub);

	if (err == 0 && !batch_counts(scrub))
		err = -ECANCELED;
	if (err != 0)
		return err;
	vc_invariant(SC1, scrub->n_flushed == scrub->n_repairs && scrub->at == scrub->n_wrong);
	scrub->draft = scrub->state;
	if (scrub->final) {
		scrub->draft.now.state = FS_SCRUB_DONE;
		scrub->draft.now.ended_ns = volume_now_ns(run->vol);
		scrub->draft.last.state = FS_SCRUB_NONE; /* this is the last one now */
	}
	err = scrub_state_put(run, scrub, &sequence);
	if (err != 0)
		return err;
	scrub->saved_at_ns = world_now_ns(run->vol->world);
	if (scrub->final)
		done_tell(scrub);
	return -EINTR;
}

/* ---- batches ---- */

/* 0: the next stage; -EINTR: the batch is done. */
static int (*const stages[])(struct fs_run *run) = {
	[SCRUB_LOOK] = look,         [SCRUB_VERIFIED] = look_ended, [SCRUB_WRONG] = wrong_next,
	[SCRUB_WHOLE] = wrong_whole, [SCRUB_NAMED] = wrong_named,   [SCRUB_PASS] = span_pass,
	[SCRUB_SAVE] = save,
};

static int batch_step(struct fs_run *run)
{
	struct scrub *scrub = scrub_of(run);
	int err = 0;

	while (err == 0)
		err = run->vol->failed != 0 ? run->vol->failed : stages[scrub->stage](run);
	return err;
}

static void batch_ended(struct fs_run *run, int err)
{
	struct scrub *scrub = scrub_of(run);
	struct fs_volume *vol = run->vol;

	scrub->runs = false;
	vol->n_messages--;
	if (vol->n_messages == 0)
		run_wake_all(&vol->idle_waiters);
	if (err == -EINTR || err == -ECANCELED) {
		scrub_schedule(scrub);
		return;
	}
	log_warn("scrub", "stands", "volume=%s error=%s", vol->name, error_name(err));
	if (vol->failed == 0 && is_online(vol))
		world_timer_set(vol->world, &scrub->timer, RETRY_NS);
}

/* The run counts as a message of the volume: an unmount waits for it. */
static void batch_begin(struct scrub *scrub, enum scrub_stage stage)
{
	world_timer_cancel(&scrub->timer);
	scrub->stage = stage;
	scrub->final = false;
	scrub->n_wrong = scrub->at = 0;
	scrub->batch_round = scrub->round;
	scrub->runs = true;
	scrub->vol->n_messages++;
	run_reinit(&scrub->run, scrub->vol, batch_step, batch_ended);
	run_start_later(&scrub->run);
}

void scrub_schedule(struct scrub *scrub)
{
	struct fs_volume *vol = scrub->vol;
	struct clone_view view;
	struct scrub_plan plan;

	if (scrub->runs || scrub->state.now.state != FS_SCRUB_RUNNING || vol->failed != 0 || vol->read_only ||
	    !is_online(vol))
		return;
	view = clone_view_of(vol);
	plan = scrub_pace_plan(&scrub->pace, &view, scrub->state.floor_bytes_s);
	if (plan.delay_ns > 0) {
		world_timer_set(vol->world, &scrub->timer, plan.delay_ns);
		return;
	}
	scrub->batch_stripes = plan.n_stripes;
	scrub_pace_batch(&scrub->pace, view.now_ns);
	batch_begin(scrub, SCRUB_LOOK);
}

static void timer_fired(struct timer *timer)
{
	scrub_schedule(container_of(timer, struct scrub, timer));
}

/* ---- life ---- */

int scrub_init(struct fs_volume *vol)
{
	struct scrub *scrub = calloc(1, sizeof(*scrub));

	if (scrub == NULL)
		return -ENOMEM;
	scrub->vol = vol;
	scrub->state.floor_bytes_s = FS_SCRUB_FLOOR_BYTES_S;
	scrub->timer.fire = timer_fired;
	run_init(&scrub->run, vol, batch_step, batch_ended, NULL);
	scrub->run.patient = true;
	vol->scrub = scrub;
	return 0;
}

void scrub_fini(struct fs_volume *vol)
{
	if (vol->scrub == NULL)
		return;
	vc_assert(!vol->scrub->runs);
	world_timer_cancel(&vol->scrub->timer);
	run_fini(&vol->scrub->run);
	free(vol->scrub);
	vol->scrub = NULL;
}

static void resume(struct scrub *scrub)
{
	struct fs_volume *vol = scrub->vol;

	if (scrub->state.now.state != FS_SCRUB_RUNNING || vol->read_only)
		return;
	log_info("scrub", "resumed", "volume=%s group=%u dbn=%u", vol->name, scrub->state.group, scrub->state.dbn);
	scrub->saved_at_ns = world_now_ns(vol->world);
	scrub_members_learn(scrub);
	clone_speed_reset(&scrub->speed, scrub->saved_at_ns, scrub->state.now.n_used);
	scrub_schedule(scrub);
}

int scrub_need(struct fs_run *run, struct scrub *scrub)
{
	int err = scrub->known ? 0 : scrub_state_get(run, &scrub->draft);

	if (scrub->known || err == -EAGAIN || err == -ENOMEM)
		return err;
	scrub->known = true;
	if (err == 0) {
		scrub->state = scrub->draft;
		scrub->state.floor_bytes_s = MAX_OF(scrub->draft.floor_bytes_s, FS_SCRUB_FLOOR_MIN_BYTES_S);
		resume(scrub);
	} else if (err != -ENOENT) {
		log_error("scrub", "state_bad", "volume=%s error=%s", run->vol->name, error_name(err));
	}
	return 0;
}

void scrub_leave(struct fs_volume *vol)
{
	struct scrub *scrub = vol->scrub;

	world_timer_cancel(&scrub->timer);
	if (!scrub->runs && scrub->state.now.state == FS_SCRUB_RUNNING && vol->failed == 0 && !vol->read_only)
		batch_begin(scrub, SCRUB_SAVE);
}
