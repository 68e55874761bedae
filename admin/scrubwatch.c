/* SPDX-License-Identifier: Apache-2.0 */
/* Scrubs by schedule.
 *
 * THEORY. Nothing is kept of what the schedule did: the volume itself knows when its last scrub began. The volume is
 * asked when it comes online, and again when a moment has come; a scrub is due when the last one began before the
 * latest moment, and so did the volume and the schedule. So by whom the last one was started does not matter, and of
 * several moments that were missed one scrub is made. */
#include "admin/scrubwatch.h"

#include "admin/policy.h"
#include "admin/scrubjob.h"
#include "base/must.h"
#include "fs/fs_info.h"
#include "fs/message.h"
#include "fs/volume.h"

#define LOOK_NS (60ULL * 1000000000U) /* the longest sleep: a clock that was set is noticed after so long */

struct scrubwatch {
	struct admin *admin;
	struct fs_volume *volume; /* referenced */
	struct policy_scrub scrub;
	int64_t since_s; /* everything due until then is done */
	bool known; /* since_s is */
	bool busy, stopped; /* msg is under way */
	struct timer timer;
	struct fs_message msg;
};

static void watch_free(struct scrubwatch *watch)
{
	world_timer_cancel(&watch->timer);
	fs_volume_put(watch->volume);
	free(watch);
}

static int64_t now_s(const struct scrubwatch *watch)
{
	return world_wall_ns(watch->admin->world) / 1000000000;
}

static void send(struct scrubwatch *watch, enum fs_op op, void (*done)(struct fs_message *msg))
{
	fs_message_init(&watch->msg, op, watch->volume, done, watch);
	watch->msg.cls = FS_CLASS_ADMIN;
	watch->msg.origin = watch->admin->world;
	watch->busy = true;
	fs_message_send(&watch->msg);
}

static void answered(struct scrubwatch *watch)
{
	fs_message_fini(&watch->msg);
	watch->busy = false;
	if (watch->stopped)
		watch_free(watch);
	else
		world_timer_set(watch->admin->world, &watch->timer, LOOK_NS);
}

static bool is_due(struct scrubwatch *watch)
{
	int64_t since_s = MAX_OF(watch->since_s, watch->scrub.since_s);

	return schedule_due(watch->scrub.kind, &watch->scrub.rule, &since_s, now_s(watch)) != 0;
}

static void started(struct fs_message *msg)
{
	struct scrubwatch *watch = msg->owner;

	if (msg->status == 0) {
		log_info("admin", "scrub_scheduled", "volume=%s", fs_volume_name(watch->volume));
		watch->since_s = now_s(watch);
		(void)scrubjob_start(watch->admin, watch->volume);
	} else if (msg->status == -EALREADY) {
		watch->since_s = now_s(watch);
	} else if (msg->status != -ENODEV) {
		log_warn("admin", "scrub_not_started", "volume=%s error=%s text=\"%s\"", fs_volume_name(watch->volume),
		         error_name(msg->status), msg->out.error_text);
	}
	answered(watch);
}

static void asked(struct fs_message *msg)
{
	struct scrubwatch *watch = msg->owner;
	const struct fs_scrub_info *info = msg->out.scrub;

	if (msg->status == 0) {
		watch->since_s = MAX_OF(info->now.started_ns, info->volume_created_ns) / 1000000000;
		watch->known = true;
		if (info->now.state == FS_SCRUB_RUNNING)
			(void)scrubjob_start(watch->admin, watch->volume);
		if (info->now.state != FS_SCRUB_RUNNING && !watch->stopped && is_due(watch)) {
			fs_message_fini(msg);
			send(watch, FS_SCRUB_START, started);
			return;
		}
	}
	answered(watch);
}

static void look(struct timer *timer)
{
	struct scrubwatch *watch = container_of(timer, struct scrubwatch, timer);

	if (!watch->busy && (!watch->known || is_due(watch)))
		send(watch, FS_SCRUB_STATUS, asked);
	else if (!watch->busy)
		world_timer_set(watch->admin->world, &watch->timer, LOOK_NS);
}

void scrubwatch_start(struct admin *admin, struct known_volume *known)
{
	struct scrubwatch *watch = must(calloc(1, sizeof *watch));

	watch->admin = admin;
	watch->volume = fs_volume_get(known->volume);
	watch->timer.fire = look;
	policy_scrub(known->policy, &watch->scrub);
	known->scrubwatch = watch;
	look(&watch->timer);
}

void scrubwatch_refresh(struct known_volume *known)
{
	if (known->scrubwatch != NULL)
		policy_scrub(known->policy, &known->scrubwatch->scrub);
}

void scrubwatch_stop(struct known_volume *known)
{
	struct scrubwatch *watch = known->scrubwatch;

	if (watch == NULL)
		return;
	known->scrubwatch = NULL;
	watch->stopped = true;
	world_timer_cancel(&watch->timer);
	if (!watch->busy)
		watch_free(watch);
}
