/* SPDX-License-Identifier: Apache-2.0 */
/* Scrub: start, stop, modify, status. Each change is one change of the document, so that what was answered survives.
 *
 * WRITE PATH. previous hop: fs/dispatch.c; next hop: scrub_state.c, then scrub.c. */
#include "base/list.h"
#include "base/log.h"
#include "fs/core/core.h"
#include "fs/core/operations.h"
#include "fs/file/message_completion.h"
#include "fs/file/run.h"
#include "fs/message.h"
#include "fs/scrub/scrub_private.h"

#include <string.h>

static int floor_check(struct fs_message *msg)
{
	uint64_t floor = msg->in.scrub.floor_bytes_s;

	if (floor == 0 || floor >= FS_SCRUB_FLOOR_MIN_BYTES_S)
		return 0;
	message_error_text(msg, "the least a scrub may be held to is %llu bytes a second of each disk",
	                   FS_SCRUB_FLOOR_MIN_BYTES_S);
	return -EINVAL;
}

/* From the beginning: what is kept of the one before is its result, when it was a whole one. */
static void draft_begin(struct scrub *scrub, int64_t now_ns)
{
	struct scrub_state *draft = &scrub->draft;

	if (draft->now.state == FS_SCRUB_DONE)
		draft->last = draft->now;
	memset(&draft->now, 0, sizeof(draft->now));
	draft->now.started_ns = now_ns;
	draft->group = draft->dbn = 0;
}

int op_scrub_start(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct fs_volume *vol = run->vol;
	struct scrub *scrub = vol->scrub;
	bool goes_on;
	int err = floor_check(msg);

	if (err == 0)
		err = scrub_need(run, scrub);
	if (err != 0)
		return err;
	goes_on = scrub->state.now.state == FS_SCRUB_STOPPED && !msg->in.scrub.afresh;
	if (scrub->state.now.state == FS_SCRUB_RUNNING) {
		message_error_text(msg, "volume %s is being scrubbed already", vol->name);
		return -EALREADY;
	}
	scrub->draft = scrub->state;
	if (!goes_on)
		draft_begin(scrub, volume_now_ns(vol));
	scrub->draft.now.state = FS_SCRUB_RUNNING;
	if (msg->in.scrub.floor_bytes_s != 0)
		scrub->draft.floor_bytes_s = msg->in.scrub.floor_bytes_s;
	err = scrub_state_put(run, scrub, &msg->word[0]);
	if (err != 0)
		return err;
	scrub->round++;
	scrub->single_end = 0;
	scrub->saved_at_ns = world_now_ns(vol->world);
	scrub_members_learn(scrub);
	clone_speed_reset(&scrub->speed, scrub->saved_at_ns, scrub->state.now.n_used);
	log_info("scrub", "started", "volume=%s group=%u dbn=%u", vol->name, scrub->state.group, scrub->state.dbn);
	scrub_schedule(scrub);
	return OP_LOGGED;
}

int op_scrub_stop(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct scrub *scrub = run->vol->scrub;
	int err = scrub_need(run, scrub);

	if (err != 0)
		return err;
	if (scrub->state.now.state != FS_SCRUB_RUNNING) {
		message_error_text(msg, "volume %s is not being scrubbed", run->vol->name);
		return -ESRCH;
	}
	err = scrub_settle(run, scrub);
	if (err != 0)
		return err;
	scrub->draft = scrub->state;
	scrub->draft.now.state = FS_SCRUB_STOPPED;
	scrub->draft.now.ended_ns = volume_now_ns(run->vol);
	err = scrub_state_put(run, scrub, &msg->word[0]);
	if (err != 0)
		return err;
	world_timer_cancel(&scrub->timer);
	log_info("scrub", "stopped", "volume=%s group=%u dbn=%u", run->vol->name, scrub->state.group, scrub->state.dbn);
	return OP_LOGGED;
}

int op_scrub_modify(struct fs_run *run)
{
	struct fs_message *msg = run->msg;
	struct scrub *scrub = run->vol->scrub;
	int err = floor_check(msg);

	if (err == 0)
		err = scrub_need(run, scrub);
	if (err == 0)
		err = scrub_settle(run, scrub);
	if (err != 0)
		return err;
	scrub->draft = scrub->state;
	scrub->draft.floor_bytes_s = msg->in.scrub.floor_bytes_s == 0 ? FS_SCRUB_FLOOR_BYTES_S
	                                                              : msg->in.scrub.floor_bytes_s;
	err = scrub_state_put(run, scrub, &msg->word[0]);
	if (err != 0)
		return err;
	scrub_schedule(scrub); /* it may go on sooner */
	return OP_LOGGED;
}
