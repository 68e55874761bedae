/* SPDX-License-Identifier: Apache-2.0 */
/* The host was full when a volume was to be mounted: another try, every ten seconds, until it is mounted or something
 * else is wrong. */
#include "admin/remount.h"

#include <stdio.h>

#include "admin/fault.h"
#include "admin/lifecycle.h"
#include "base/error.h"

void remount_explain(const struct known_volume *known, int err, char *text, size_t size)
{
	const char *disk = json_string_value(json_array_get(known->disks, 0));

	if (err == -ENOSPC && text[0] == '\0')
		(void)snprintf(text, size,
		               "volume \"%s\" is not mounted: the host's file system is full where its disks lie (%s); "
		               "it is tried again",
		               known->name, disk != NULL ? disk : "");
	else if (err != 0 && text[0] == '\0' && known->disk_report.text[0] != '\0')
		(void)snprintf(text, size, "volume \"%s\" could not be mounted: %s (%s): %s", known->name,
		               fault_of(err)->text, error_name(err), known->disk_report.text);
}

static void tried(void *arg, int err, const char *text, struct known_volume *known)
{
	(void)arg;
	(void)err; /* a failure has said so, and is tried again */
	(void)text;
	(void)known;
}

static void try_again(struct timer *timer)
{
	struct admin *admin = container_of(timer, struct admin, remount_timer);
	struct known_volume *known;

	TAILQ_FOREACH(known, &admin->volumes, link) {
		if (!known->remount)
			continue;
		known->remount = false;
		if (known->state == KNOWN_FAILED && !known->busy)
			lifecycle_online(admin, known, tried, NULL);
	}
}

void remount_later(struct admin *admin, struct known_volume *known, int err)
{
	if (err != -ENOSPC || admin->stopping)
		return;
	known->remount = true;
	world_timer_cancel(&admin->remount_timer);
	admin->remount_timer = (struct timer){ .fire = try_again };
	world_timer_set(admin->world, &admin->remount_timer, admin->remount_ns);
}

void remount_stop(struct admin *admin)
{
	world_timer_cancel(&admin->remount_timer);
}
