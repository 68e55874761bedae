/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for a consistency point, and the end of all of them. */
#include "base/error.h"
#include "base/log.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/core/cp_ask.h"
#include "fs/core/hooks.h"

bool cp_is_running(const struct fs_volume *vol)
{
	return vol->cp_ask.running;
}

void cp_request(struct fs_volume *vol, enum cp_why why)
{
	struct cp_ask *ask = &vol->cp_ask;

	if (vol->read_only || vol->cp_barred)
		return; /* nothing is ever dirty; or what is dirty is not whole yet */
	if (vol->failed != 0 && why == CP_DIRTY)
		return; /* no CP frees pages any more: those who wait for them get them when a read ends */
	ask->why |= 1U << why;
	if (ask->wanted && vol->failed == 0)
		return;
	ask->wanted = true;
	if ((!ask->running || vol->failed != 0) && !ask->start.queued)
		world_defer(vol->world, &ask->start);
}

void cp_fail(struct fs_volume *vol, int err, const char *what)
{
	if (vol->failed == 0) {
		log_error(
		    "fs", "volume_failed",
		    "volume=%s what=%s error=%s: no change is acknowledged any more; restart the server after repair",
		    vol->name, what, error_name(err));
		vol->failed = err;
		/* Unstable data may be lost from here on: clients must notice. */
		atomic_fetch_add(&vol->write_verifier, 1);
	}
	vol->hooks->cp_failed(vol, err);
}
