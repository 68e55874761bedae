/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that come and go. */
#include "tests/crash/disks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "tests/crash/aftermath.h"
#include "tests/crash/random.h"

#define TRIES 60U
#define REBUILD_NS 20000000000ULL

/* ---- states ------------------------------------------------------------------------------------------------------ */

static enum transition_cause cause_of(const struct disks *d, unsigned disk, enum raid_disk_state after)
{
	if (after == RAID_DISK_REBUILDING)
		return BY_REPLACEMENT;
	return after == RAID_DISK_ONLINE ? BY_NOTHING : d->cause[disk];
}

static void changed(struct history *h, unsigned disk, enum raid_disk_state after, enum transition_cause cause)
{
	struct disks *d = &h->disks;

	history_say(h, "====  disk %u: %s -> %s, %s", disk, raid_disk_state_name(d->seen[disk]),
	            raid_disk_state_name(after), transition_cause_name(cause));
	transition_count(h->counts, d->seen[disk], after, cause);
	history_note(h, (uint64_t)disk << 8 | (uint64_t)after << 4 | cause);
	d->seen[disk] = after;
}

void disks_look(struct history *h)
{
	struct disks *d = &h->disks;

	for (unsigned i = 0; d->on && i < h->machine.n_disks; i++) {
		enum raid_disk_state after = machine_disk_state(&h->machine, i);

		if (after == d->seen[i])
			continue;
		changed(h, i, after, cause_of(d, i, after));
		if (after == RAID_DISK_ONLINE && (int)i == h->victim && d->cause[i] == BY_NOTHING)
			h->victim = -1;
	}
}

static bool is_whole(const struct history *h)
{
	for (unsigned i = 0; i < h->machine.n_disks; i++)
		if (machine_disk_state(&h->machine, i) != RAID_DISK_ONLINE)
			return false;
	return h->victim < 0;
}

static bool is_lost(const struct history *h, unsigned disk)
{
	enum raid_disk_state state = machine_disk_state(&h->machine, disk);

	return state != RAID_DISK_ONLINE && state != RAID_DISK_REBUILDING;
}

/* ---- what an administrator does ---------------------------------------------------------------------------------- */

static void answered(struct fs_message *msg)
{
	struct history *h = msg->owner;
	struct disks *d = &h->disks;
	int err = msg->status;

	d->flying = false;
	if (d->may_swap) { /* into the void */
		fs_message_fini(msg);
		return;
	}
	history_say(h, "====  disk %u: %s", d->disk, error_name(err));
	history_note(h, (uint64_t)(uint32_t)err);
	if (err != d->expect && d->cause[d->disk] == BY_NOTHING && !h->faulty &&
	    !(msg->op == FS_RAID_FAIL && err == -EALREADY) && !(msg->op == FS_RAID_REPLACE && err == -EBUSY))
		history_fail(h, FAIL_WRONG, "disk %u: the administrator is answered %s, expected %s", d->disk,
		             error_name(err), error_name(d->expect));
	if (msg->op == FS_RAID_REPLACE && err == 0) {
		disks_look(h);
		(void)machine_extras_adopt(&h->machine);
		d->called_failed[d->disk] = false;
	}
	if (msg->op == FS_RAID_FAIL && err == 0)
		d->called_failed[d->disk] = true;
	fs_message_fini(msg);
}

static void administer(struct history *h, enum fs_op op, unsigned disk, const char *url, int expect)
{
	struct disks *d = &h->disks;

	fs_message_init(&d->msg, op, h->machine.vol, answered, h);
	d->msg.in.raid.group = 0;
	d->msg.in.raid.position = disk;
	d->msg.in.raid.url = url;
	d->disk = disk;
	d->expect = expect;
	d->flying = true;
	fs_message_send(&d->msg);
}

static void administered(struct history *h)
{
	for (unsigned i = 0; h->disks.flying; i++) {
		if (i == 1000000U)
			history_fail(h, FAIL_STUCK, "the administrator is not answered");
		history_steps(h, 4);
	}
}

static void call_failed(struct history *h, unsigned disk)
{
	administered(h);
	history_say(h, "====  disk %u is called failed", disk);
	if (h->disks.cause[disk] == BY_NOTHING)
		h->disks.cause[disk] = BY_ADMINISTRATOR;
	administer(h, FS_RAID_FAIL, disk, NULL, 0);
	disks_look(h);
}

static void fill_with_garbage(const char *medium)
{
	uint8_t garbage[RAID_BLOCK_SIZE];

	memset(garbage, 0xE5, sizeof garbage);
	for (uint64_t b = 0; b < memdisk_blocks(medium); b++)
		memdisk_poke(medium, b, garbage);
	memdisk_refuse_discard(medium);
}

/* A new medium takes the place of the lost one; or one that cannot is refused. */
static void replace(struct history *h, unsigned disk)
{
	struct machine *machine = &h->machine;
	uint64_t n_blocks = machine->disk_blocks;
	unsigned kind = (unsigned)history_draw(h, 8);
	const char *url = machine->extras[machine->n_extras];
	int expect = 0;

	if (kind == 0 && machine->n_extras > 0) { /* a disk that was replaced has its label still */
		url = machine->extras[0];
		expect = -EEXIST;
	} else if (kind == 1) {
		n_blocks = machine->disk_blocks / 2U;
		expect = -ERANGE;
	} else if (kind == 2) {
		n_blocks += 1U + history_draw(h, 400);
	}
	if (expect != -EEXIST && !machine_extra_add(machine, n_blocks))
		return;
	history_say(h, "====  disk %u: %s of %llu blocks%s takes its place", disk, url,
	            (unsigned long long)memdisk_blocks(url + 4), kind == 3 ? ", full of garbage," : "");
	if (kind == 3)
		fill_with_garbage(url + 4);
	/* an extra may be dead, or have no label yet */
	h->disks.cause[disk] = expect == -EEXIST ? BY_LOSS : BY_NOTHING;
	administer(h, FS_RAID_REPLACE, disk, url, expect);
}

/* ---- what goes wrong --------------------------------------------------------------------------------------------- */

static void strike(struct history *h, unsigned disk)
{
	const char *medium = machine_medium(&h->machine, disk);
	struct disks *d = &h->disks;

	switch (history_draw(h, 4)) {
	case 0:
		memdisk_fail_writes(medium, 1U + (unsigned)history_draw(h, 3));
		d->cause[disk] = BY_WRITE_ERROR;
		break;
	case 1:
		memdisk_fail_flush(medium, 1);
		d->cause[disk] = BY_FLUSH_ERROR;
		break;
	case 2:
		memdisk_lose(medium);
		d->cause[disk] = BY_LOSS;
		break;
	default: call_failed(h, disk); return;
	}
	history_say(h, "====  disk %u: %s", disk, transition_cause_name(d->cause[disk]));
}

/* ---- power cuts and restarts ------------------------------------------------------------------------------------- */

/* What the cut has left, without this disk. */
static void look_without(struct history *h, unsigned disk)
{
	struct machine branch;
	int err;

	machine_branch(&branch, &h->machine, 'b', h->clock);
	for (unsigned i = 0; i < branch.n_disks; i++)
		vc_assert(memdisk_clone(machine_medium(&h->machine, i), machine_medium(&branch, i)) == 0);
	memdisk_lose(machine_medium(&branch, disk));
	history_say(h, "====  without disk %u", disk);
	h->victim = (int)disk;
	err = machine_mount(&branch);
	if (err != 0)
		history_fail(h, FAIL_LOST, "all disks were whole, and without disk %u it is not mounted: %s", disk,
		             error_name(err));
	oracle_compare(h, &branch, ORACLE_LOOK);
	h->victim = -1;
	h->counts->states++;
	machine_fini(&branch);
}

void disks_before_mount(struct history *h)
{
	struct disks *d = &h->disks;

	if (!d->on)
		return;
	d->may_swap = d->may_swap || d->flying;
	d->flying = false;
	for (unsigned i = 0; i < h->machine.n_disks && d->whole; i++)
		if (d->each || history_draw(h, h->machine.n_disks) == 0)
			look_without(h, i);
	if (h->machine.n_extras > 2 || history_draw(h, 3) == 0)
		machine_extras_drop(&h->machine, history_draw(h, 2) != 0 || d->may_swap ? 2U : 0U);
	if (d->older >= 0) {
		machine_replace(&h->machine, (unsigned)d->older, d->copy + 4);
		h->victim = d->older;
	}
	if (d->away >= 0) {
		memdisk_lose(machine_medium(&h->machine, (unsigned)d->away));
		h->victim = d->away;
	}
}

static enum transition_cause start_cause(const struct disks *d, unsigned disk)
{
	if (d->away == (int)disk)
		return BY_ABSENCE;
	if (d->older == (int)disk)
		return BY_OLDER_COPY;
	return d->stopped_by;
}

void disks_after_mount(struct history *h)
{
	struct disks *d = &h->disks;

	if (!d->on)
		return;
	if (machine_extras_adopt(&h->machine) && !d->may_swap)
		history_fail(h, FAIL_WRONG, "a disk that has been replaced is believed");
	for (unsigned i = 0; i < h->machine.n_disks; i++) {
		changed(h, i, machine_disk_state(&h->machine, i), start_cause(d, i));
		d->called_failed[i] = d->called_failed[i] && (!d->may_swap || is_lost(h, i));
		if (d->called_failed[i] && !is_lost(h, i))
			history_fail(h, FAIL_WRONG, "disk %u has been called failed, and is believed", i);
		d->cause[i] = d->away == (int)i ? BY_LOSS : BY_NOTHING;
	}
	d->away = d->older = -1;
	d->may_swap = false;
}

static void stop_prepare(struct history *h, bool cut)
{
	struct disks *d = &h->disks;

	disks_look(h);
	d->whole = is_whole(h);
	d->may_swap = d->flying && d->msg.op == FS_RAID_REPLACE;
	if (d->may_swap)
		d->stopped_by = cut ? BY_CUT_IN_REPLACEMENT : BY_RESTART_IN_REPLACEMENT;
	else
		d->stopped_by = cut ? BY_CUT : BY_RESTART;
	h->machine.rebuild_floor = 1ULL << (14U + history_draw(h, 12));
}

static void cut(struct history *h)
{
	stop_prepare(h, true);
	history_crash(h, history_draw(h, 3) == 0 ? 1U + (unsigned)history_draw(h, 2) : 0);
	disks_look(h);
}

static void restart(struct history *h)
{
	int err;

	history_land(h);
	stop_prepare(h, false);
	history_say(h, "====  unmount, mount");
	err = machine_unmount(&h->machine);
	h->autodelete = false;
	disks_before_mount(h);
	if (err == 0)
		err = machine_mount(&h->machine);
	if (err != 0)
		history_fail(h, FAIL_LOST, "unmounted and mounted again: %s", error_name(err));
	disks_after_mount(h);
	oracle_compare(h, &h->machine, ORACLE_REST);
	disks_look(h);
}

static void stop(struct history *h)
{
	if (history_draw(h, 3) == 0)
		restart(h);
	else
		cut(h);
}

/* ---- a disk is lost ---------------------------------------------------------------------------------------------- */

static void lose_running(struct history *h, unsigned disk)
{
	strike(h, disk);
	for (unsigned i = 0; i < 4 && !is_lost(h, disk); i++)
		random_load(h, 10);
	if (!is_lost(h, disk))
		call_failed(h, disk);
	administered(h);
}

static void lose_at_start(struct history *h, unsigned disk)
{
	struct disks *d = &h->disks;

	if (history_draw(h, 2) == 0) {
		d->away = (int)disk;
	} else {
		(void)snprintf(d->copy, sizeof d->copy, "mem:%co%u", h->machine.tag, h->machine.n_made++);
		vc_assert(memdisk_clone(machine_medium(&h->machine, disk), d->copy + 4) == 0);
		d->older = (int)disk;
		random_load(h, 20);
	}
	stop(h);
}

static void lose(struct history *h)
{
	unsigned disk = (unsigned)history_draw(h, h->machine.n_disks);

	h->victim = (int)disk;
	if (history_draw(h, 3) == 0)
		lose_at_start(h, disk);
	else
		lose_running(h, disk);
	random_load(h, (unsigned)history_draw(h, 40));
	if (history_draw(h, 4) == 0)
		stop(h);
}

/* ---- and replaced ------------------------------------------------------------------------------------------------ */

/* A new medium is on its way into the place, or there. */
static void replace_somehow(struct history *h)
{
	unsigned disk = (unsigned)h->victim;

	administered(h);
	for (unsigned i = 0; i < 3 && machine_disk_state(&h->machine, disk) == RAID_DISK_ONLINE; i++) {
		call_failed(h, disk); /* a disk that failed before a power cut may be there again */
		administered(h);
	}
	if (!is_lost(h, disk))
		return;
	if (h->machine.n_extras == MACHINE_EXTRAS_MAX)
		stop(h); /* nobody keeps so many old disks */
	if (is_lost(h, disk))
		replace(h, disk);
}

static void while_rebuilt(struct history *h, bool calm)
{
	unsigned disk = (unsigned)h->victim;

	if (history_draw(h, 2) == 0)
		administered(h);
	history_steps(h, (unsigned)history_draw(h, 2ULL << history_draw(h, 9)));
	if (calm || history_draw(h, 2) == 0)
		random_load(h, (unsigned)history_draw(h, 30));
	if (calm || h->victim < 0)
		return;
	switch (history_draw(h, 8)) {
	case 0: strike(h, disk); break;
	case 1:
	case 2: stop(h); break;
	case 3:
		if (!h->disks.flying && !is_lost(h, disk)) {
			h->disks.away = (int)disk;
			stop(h);
		}
		break;
	case 4: random_pause(h); break;
	default: break;
	}
}

static void rebuild(struct history *h)
{
	unsigned calm = 2U + (unsigned)history_draw(h, 8);

	for (unsigned i = 0; h->victim >= 0; i++) {
		if (i == TRIES)
			history_fail(h, FAIL_STUCK, "disk %d is not rebuilt", h->victim);
		if (i >= calm)
			sim_run_for(h->machine.sim, REBUILD_NS / 20U);
		disks_look(h);
		if (h->victim >= 0)
			replace_somehow(h);
		if (h->victim >= 0)
			while_rebuilt(h, i >= calm);
	}
}

static void rest(struct history *h)
{
	administered(h);
	history_land(h);
	history_say(h, "====  rest");
	oracle_compare(h, &h->machine, ORACLE_REST);
}

/* One more disk fails before the rebuild of another has ended: errors from now on, never wrong data. */
static void second_disk(struct history *h)
{
	lose(h);
	administered(h);
	replace_somehow(h);
	history_steps(h, (unsigned)history_draw(h, 600));
	h->faulty = true;
	strike(h, ((unsigned)h->victim + 1U) % h->machine.n_disks);
	random_load(h, 60);
	administered(h);
	history_land(h);
	aftermath_look(h);
}

uint64_t disks_run(uint64_t seed, bool verbose, struct history_counts *counts)
{
	struct history *h = calloc(1, sizeof *h);
	uint64_t digest;
	bool ballast;

	vc_assert(h != NULL);
	(void)snprintf(h->what, sizeof h->what, "disks %llu", (unsigned long long)seed);
	h->verbose = verbose;
	history_init(h, seed + 1000000U, counts);
	h->bad_disk = -1;
	h->impostors.unbelievable = -1;
	ballast = history_draw(h, 6) == 0;
	h->machine.rebuild_floor = 1ULL << (14U + history_draw(h, 12));
	random_machine(h, seed, ballast);
	if (ballast)
		random_ballast(h);
	h->disks = (struct disks){ .on = true, .away = -1, .older = -1 };
	for (unsigned rounds = 1U + (unsigned)history_draw(h, 4); rounds > 0; rounds--) {
		random_load(h, 10U + (unsigned)history_draw(h, 60));
		lose(h);
		rebuild(h);
		if (history_draw(h, 2) == 0)
			rest(h);
		h->disks.each = rounds == 1;
		random_load(h, (unsigned)history_draw(h, 40));
		cut(h);
	}
	if (history_draw(h, 3) == 0)
		second_disk(h);
	digest = h->digest;
	h->disks.on = false;
	history_fini(h);
	free(h);
	counts->seeds++;
	return digest;
}
