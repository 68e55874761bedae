/* SPDX-License-Identifier: Apache-2.0 */
/* The host's file system becomes full, and has room again. */
#include "tests/crash/fullhost.h"

#include <errno.h>

#include "base/list.h"

#define SLICE_NS 50000000ULL

void fullhost_draw(struct history *h, uint64_t seed)
{
	h->fills_host = seed % 11U == 6U;
}

void fullhost_room(struct history *h)
{
	history_say(h, "====  the host has room");
	for (unsigned i = 0; i < h->machine.n_disks; i++)
		memdisk_host_full(machine_medium(&h->machine, i), 0, false);
}

/* All disks lie on it, or one: for what was never written, or for anything (a copy on write below). */
static void host_fill(struct history *h)
{
	int err = history_draw(h, 3) == 0 ? -EDQUOT : -ENOSPC;
	bool any_block = history_draw(h, 2) == 0;
	unsigned one = history_draw(h, 3) == 0 ? (unsigned)history_draw(h, h->machine.n_disks) : h->machine.n_disks;

	history_say(h, "====  the host is full: %s, %s", error_name(err), any_block ? "any block" : "new blocks");
	for (unsigned i = 0; i < h->machine.n_disks; i++)
		if (one == h->machine.n_disks || i == one)
			memdisk_host_full(machine_medium(&h->machine, i), err, any_block);
}

/* Clients go on as far as they come. */
static void load_while_full(struct history *h)
{
	unsigned n = (unsigned)history_draw(h, 80), width = 1U + (unsigned)history_draw(h, HISTORY_OPS - 4U);

	for (unsigned i = 0; i < n; i++) {
		if (h->n_flying < width)
			history_send_any(h);
		history_steps(h, 1U + (unsigned)history_draw(h, 40));
	}
	for (uint64_t ns = 1ULL << history_draw(h, 34); ns > SLICE_NS; ns -= SLICE_NS) {
		sim_run_for(h->machine.sim, SLICE_NS);
		history_steps(h, 1);
	}
}

bool fullhost_try(struct history *h)
{
	if (!h->fills_host || history_draw(h, 2) == 0)
		return false;
	history_steps(h, (unsigned)history_draw(h, 200));
	h->host_was_full = true;
	host_fill(h);
	load_while_full(h);
	switch (history_draw(h, 5)) {
	case 0: history_crash(h, (unsigned)history_draw(h, 2)); return true;
	case 1: history_stop(h); return true;
	default: fullhost_room(h); return false;
	}
}

void fullhost_mount(struct history *h)
{
	host_fill(h);
	int err = machine_mount(&h->machine);

	history_say(h, "====  mounted on a full host: %s", error_name(err));
	if (err != 0 && err != -ENOSPC)
		history_fail(h, FAIL_STUCK, "a mount on a full host: %s", error_name(err));
	fullhost_room(h);
}
