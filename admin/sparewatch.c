/* SPDX-License-Identifier: Apache-2.0 */
/* Hot spares take the places of lost disks. */
#include "admin/sparewatch.h"

#include <stdio.h>

#include "admin/lifecycle.h"
#include "admin/rebuildjob.h"
#include "admin/spare.h"
#include "base/must.h"
#include "fs/message.h"
#include "fs/volume.h"
#include "raid/disk_use.h"
#include "raid/raid.h"

#define LOOK_NS 1000000000ULL /* at the volume's disks */
#define AGAIN_NS (5U * LOOK_NS) /* what was in the way may have gone */
#define ALL_LOOK_NS (10U * LOOK_NS) /* at spares nobody needs */

struct sparewatch {
	struct admin *admin;
	struct known_volume *known;
	struct fs_volume *volume; /* referenced */
	bool busy, stopped; /* msg is under way */
	uint64_t wait_until_ns; /* monotonic: no spare is taken before */
	struct timer timer;
	struct fs_message msg;
};

static void watch_free(struct sparewatch *watch)
{
	world_timer_cancel(&watch->timer);
	fs_volume_put(watch->volume);
	free(watch);
}

/* ---- what the lists mean ----------------------------------------------------------------------------------------- */

static const struct raid_disk_status *member_of(const struct raid_status *status, const char *url)
{
	for (unsigned i = 0; i < status->n_disks; i++)
		if (known_same_disk(status->disks[i].url, url))
			return &status->disks[i];
	return NULL;
}

static bool is_member_by_label(const struct known_volume *known, const struct spare *spare)
{
	struct disk_use use;

	return disk_use_glance(spare->url, &use) == 0 && use.kind == DISK_USE_LABEL &&
	       uuid_equal(&use.volume, &known->uuid);
}

/* Is it, for sure, what it was before it was taken? */
static bool is_free_again(const struct spare *spare)
{
	struct disk_use use;

	if (disk_use_glance(spare->url, &use) != 0)
		return false;
	return use.kind == DISK_USE_NONE || (use.kind == DISK_USE_SPARE && uuid_equal(&use.spare, &spare->uuid));
}

/* A spare that this volume has taken: it has become a member, or never will. What cannot be told now is left. */
static void settle(struct sparewatch *watch, const struct raid_status *status, struct spare *spare)
{
	struct admin *admin = watch->admin;

	if (member_of(status, spare->url) != NULL || is_member_by_label(watch->known, spare)) {
		log_info("admin", "spare_used", "disk=%s volume=%s", spare->url, watch->known->name);
		spare_used(admin, spare);
	} else if (is_free_again(spare) && lifecycle_forget_disk(admin, watch->known, spare->url) == 0) {
		log_info("admin", "spare_given_back", "disk=%s volume=%s", spare->url, watch->known->name);
		spare_give_back(admin, spare);
	}
}

static void settle_all(struct sparewatch *watch, const struct raid_status *status)
{
	struct spare *spare, *next;

	TAILQ_FOREACH_SAFE(spare, &watch->admin->spares, link, next) {
		if (known_find_disk(watch->admin, spare->url) == watch->known)
			settle(watch, status, spare);
	}
}

/* ---- taking one -------------------------------------------------------------------------------------------------- */

struct taking {
	struct admin *admin;
	char old_url[256], url[256];
	unsigned group, position;
};

/* Not the spare's fault, and over soon. */
static bool is_passing(int err)
{
	return err == -EBUSY || err == -ENODEV || err == -EALREADY || err == -EROFS || err == -ENOMEM ||
	       err == -ECANCELED || err == -ENOSPC || err == -EDQUOT;
}

static void taken(void *arg, int err, const char *text, struct known_volume *known)
{
	struct taking *taking = arg;
	struct spare *spare = spare_find(taking->admin, taking->url);
	struct job *job = NULL;

	if (err == 0) {
		log_warn("admin", "spare_taken", "volume=%s text=\"spare %s takes the place of %s in group %u of %s\"",
		         known->name, taking->url, taking->old_url, taking->group, known->name);
		job = rebuildjob_new(taking->admin, known->name, taking->group, taking->position);
	} else if (spare != NULL && !is_passing(err)) {
		spare_refuse(spare, text);
	} else if (known != NULL && known->sparewatch != NULL) {
		known->sparewatch->wait_until_ns = world_now_ns(taking->admin->world) + AGAIN_NS;
	}
	if (job != NULL)
		rebuildjob_follow(job, known->volume);
	free(taking);
}

/* The disk of the group that is to be replaced now. NULL: none. */
static const struct raid_disk_status *disk_in_need(const struct raid_status *status, unsigned group)
{
	const struct raid_disk_status *lost = NULL;
	unsigned n_parity = 0, n_lost = 0;

	for (unsigned i = 0; i < status->n_disks; i++) {
		const struct raid_disk_status *disk = &status->disks[i];

		if (disk->group != group)
			continue;
		n_parity += disk->is_parity;
		n_lost += disk->state != RAID_DISK_ONLINE;
		if (disk->state == RAID_DISK_REBUILDING)
			return NULL;
		if (disk->state != RAID_DISK_ONLINE)
			lost = disk;
	}
	return n_lost <= n_parity ? lost : NULL;
}

static void take(struct sparewatch *watch, const struct raid_disk_status *disk)
{
	struct spare *spare = spare_choose(watch->admin, watch->known, disk->needed_bytes);
	struct taking *taking;

	if (spare == NULL)
		return;
	taking = must(calloc(1, sizeof *taking));
	*taking = (struct taking){ .admin = watch->admin, .group = disk->group, .position = disk->position };
	(void)snprintf(taking->old_url, sizeof taking->old_url, "%s",
	               disk->url[0] != '\0' ? disk->url : "a missing disk");
	(void)snprintf(taking->url, sizeof taking->url, "%s", spare->url);
	lifecycle_replace(watch->admin, watch->known,
	                  &(struct lifecycle_replacement){ .group = disk->group,
	                                                   .position = disk->position,
	                                                   .old_url = disk->url,
	                                                   .url = spare->url,
	                                                   .needed_bytes = disk->needed_bytes },
	                  taken, taking);
}

static void take_where_needed(struct sparewatch *watch, const struct raid_status *status)
{
	if (status->waits_for_room || world_now_ns(watch->admin->world) < watch->wait_until_ns)
		return;
	for (unsigned group = 0; group < status->n_groups && !watch->known->busy; group++) {
		const struct raid_disk_status *disk = disk_in_need(status, group);

		if (disk != NULL)
			take(watch, disk);
	}
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static void answered(struct fs_message *msg)
{
	struct sparewatch *watch = msg->owner;

	watch->busy = false;
	if (msg->status == 0 && !watch->stopped && !watch->admin->stopping && !watch->known->busy) {
		settle_all(watch, msg->out.raid);
		take_where_needed(watch, msg->out.raid);
	}
	fs_message_fini(msg);
	if (watch->stopped)
		watch_free(watch);
	else
		world_timer_set(watch->admin->world, &watch->timer, LOOK_NS);
}

static void look(struct timer *timer)
{
	struct sparewatch *watch = container_of(timer, struct sparewatch, timer);

	if (TAILQ_EMPTY(&watch->admin->spares) || watch->known->busy) {
		world_timer_set(watch->admin->world, &watch->timer, LOOK_NS);
		return;
	}
	fs_message_init(&watch->msg, FS_RAID_STATUS, watch->volume, answered, watch);
	watch->msg.cls = FS_CLASS_ADMIN;
	watch->msg.origin = watch->admin->world;
	watch->busy = true;
	fs_message_send(&watch->msg);
}

void sparewatch_start(struct admin *admin, struct known_volume *known)
{
	struct sparewatch *watch = must(calloc(1, sizeof *watch));

	watch->admin = admin;
	watch->known = known;
	watch->volume = fs_volume_get(known->volume);
	watch->timer.fire = look;
	known->sparewatch = watch;
	world_timer_set(admin->world, &watch->timer, 0); /* the volume is being put online: it is busy still */
}

void sparewatch_stop(struct known_volume *known)
{
	struct sparewatch *watch = known->sparewatch;

	if (watch == NULL)
		return;
	known->sparewatch = NULL;
	watch->stopped = true;
	world_timer_cancel(&watch->timer);
	if (!watch->busy)
		watch_free(watch);
}

static void look_at_all(struct timer *timer)
{
	struct admin *admin = container_of(timer, struct admin, spare_timer);
	struct spare *spare;

	TAILQ_FOREACH(spare, &admin->spares, link)
		spare_look(admin, spare);
	world_timer_set(admin->world, &admin->spare_timer, ALL_LOOK_NS);
}

void sparewatch_begin(struct admin *admin)
{
	admin->spare_timer.fire = look_at_all;
	world_timer_set(admin->world, &admin->spare_timer, 0);
}

void sparewatch_end(struct admin *admin)
{
	world_timer_cancel(&admin->spare_timer);
}
