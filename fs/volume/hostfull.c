/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of messages while the host is full. */
#include "base/list.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/cp/cp_wait.h"
#include "fs/file/message_completion.h"
#include "fs/file/run.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"
#include "fs/snapshot/snapshot.h"
#include "fs/volume/hostfull.h"
#include "raid/raid.h"

#define LOOK_NS 250000000ULL

int hostfull_admit(struct fs_run *run)
{
	if (run->vol->host_full_ns == 0 || run->msg == NULL || run->msg->cls == FS_CLASS_BACKDOOR)
		return 0;
	return message_is_over(run->msg) ? -FS_EJUKEBOX : run_wait(run, &run->vol->cp_waiters);
}

static bool gives_up(const struct fs_message *msg)
{
	return message_is_over(msg) && msg->repeatable;
}

static void look(struct timer *timer)
{
	struct fs_volume *vol = container_of(timer, struct fs_volume, host_full_timer);

	nvlog_give_up(vol, gives_up);
	cp_give_up(vol, gives_up);
	snapshot_give_up(vol, gives_up);
	run_wake_all(&vol->cp_waiters);
	run_wake_all(&vol->page_waiters);
	world_timer_set(vol->world, timer, LOOK_NS);
}

static void room_changed(void *arg)
{
	struct fs_volume *vol = arg;

	world_timer_cancel(&vol->host_full_timer);
	if (raid_waits_for_room(vol->raid) == NULL) {
		vol->host_full_ns = 0;
		run_wake_all(&vol->cp_waiters);
		return;
	}
	vol->host_full_ns = world_now_ns(vol->world);
	vol->host_full_timer = (struct timer){ .fire = look };
	world_timer_set(vol->world, &vol->host_full_timer, LOOK_NS);
}

void hostfull_serve(struct fs_volume *vol)
{
	raid_room_patience(vol->raid, 0);
	raid_on_room(vol->raid, room_changed, vol);
	if (raid_waits_for_room(vol->raid) != NULL)
		room_changed(vol);
}

void hostfull_leave(struct fs_volume *vol)
{
	raid_room_patience(vol->raid, RAID_ROOM_PATIENCE_NS);
}

void hostfull_fini(struct fs_volume *vol)
{
	raid_on_room(vol->raid, NULL, NULL);
	world_timer_cancel(&vol->host_full_timer);
}
