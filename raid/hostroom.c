/* SPDX-License-Identifier: Apache-2.0 */
/* Room on the host: writes that find the file system full on which a disk's file lies, or a quota used up.
 *
 * THEORY. That is not the disk's fault, and it passes: the disk stays what it is, and the write waits and is tried
 * again. Reads go on. The file system hears when the first write begins to wait and when none waits any more, so that
 * clients can be told. Who can't wait for ever (a mount, an unmount) sets a patience: when it has run out the volume is
 * cut off. Not one write is carried out any more, so that none comes after one that was not, and everything that would
 * have to be durable fails, as when a group has lost too many disks. What is on the disks then is what a crash leaves.
 * WRITE PATH previous hop member.c; next hop disk.h, again. */
#include "raid/hostroom.h"

#include "base/log.h"
#include "raid/raid_volume.h"

#define ROOM_RETRY_NS 500000000ULL
#define ROOM_SAY_NS 10000000000ULL

bool hostroom_is_short(int err)
{
	return err == -ENOSPC || err == -EDQUOT;
}

static void room_changed(struct raid *raid)
{
	if (raid->room.changed != NULL)
		raid->room.changed(raid->room.arg);
}

static void room_say(struct raid *raid, const struct member *m, uint64_t now)
{
	if (raid->room.said_ns != 0 && now - raid->room.said_ns <= ROOM_SAY_NS)
		return;
	raid->room.said_ns = now;
	log_error("raid", "host_full", "disk=%s action=wait", m->url);
}

static bool patience_is_over(const struct raid *raid, uint64_t now)
{
	const struct hostroom *room = &raid->room;

	return room->patience_ns != 0 && now - MAX_OF(room->since_ns, room->patience_from_ns) >= room->patience_ns;
}

static void room_retry(struct timer *timer)
{
	struct member_io *mio = container_of(timer, struct member_io, retry);
	struct member *m = mio->member;

	if (m->raid->room.cut_off || !member_online(m))
		member_io_end(mio, m->raid->room.cut_off ? -EROFS : -ENODEV);
	else
		member_resubmit(mio);
}

bool hostroom_wait(struct member_io *mio)
{
	struct member *m = mio->member;
	struct raid *raid = m->raid;
	uint64_t now = world_now_ns(raid->world);

	if (!mio->waits_for_room) {
		mio->waits_for_room = true;
		m->n_waiting_for_room++;
		if (raid->room.n_waiting++ == 0) {
			raid->room.since_ns = now;
			room_changed(raid);
		}
	}
	if (!raid->room.cut_off && patience_is_over(raid, now)) {
		raid->room.cut_off = true;
		log_error("raid", "volume_cut_off", "disk=%s reason=host_full", m->url);
	}
	if (raid->room.cut_off)
		return false;
	room_say(raid, m, now);
	mio->retry = (struct timer){ .fire = room_retry };
	world_timer_set(raid->world, &mio->retry, ROOM_RETRY_NS);
	return true;
}

void hostroom_end(struct member_io *mio)
{
	struct member *m = mio->member;
	struct raid *raid = m->raid;

	if (!mio->waits_for_room)
		return;
	mio->waits_for_room = false;
	m->n_waiting_for_room--;
	if (--raid->room.n_waiting > 0)
		return;
	if (!raid->room.cut_off)
		log_info("raid", "host_has_room", "disk=%s", m->url);
	raid->room.said_ns = 0;
	room_changed(raid);
}

/* ---- the public door --------------------------------------------------------------------------------------------- */

const char *raid_waits_for_room(const struct raid *raid)
{
	for (unsigned i = 0; i < raid->n_members && raid->room.n_waiting > 0; i++)
		if (raid->members[i]->n_waiting_for_room > 0)
			return raid->members[i]->url;
	return NULL;
}

void raid_on_room(struct raid *raid, void (*changed)(void *arg), void *arg)
{
	raid->room.changed = changed;
	raid->room.arg = arg;
}

void raid_room_patience(struct raid *raid, uint64_t patience_ns)
{
	raid->room.patience_ns = patience_ns;
	raid->room.patience_from_ns = world_now_ns(raid->world);
}

bool raid_is_cut_off(const struct raid *raid)
{
	return raid->room.cut_off;
}
