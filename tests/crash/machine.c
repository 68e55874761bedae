/* SPDX-License-Identifier: Apache-2.0 */
/* A machine: simulated disks, clock and randomness, and the volume that is mounted on them. */
#include "tests/crash/machine.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "fs/core/core.h"
#include "fs/volume/volume_private.h"
#include "raid/raid_volume.h"

#define STEPS_MAX 20000000ULL
#define CACHE_PAGES 2048U

struct waiting {
	bool done;
	int err;
	struct fs_volume *vol;
};

static bool flag_is_set(void *arg)
{
	return *(bool *)arg;
}

static void on_done(void *arg, int err)
{
	*(struct waiting *)arg = (struct waiting){ true, err, NULL };
}

static void on_mounted(void *arg, int err, struct fs_volume *vol)
{
	*(struct waiting *)arg = (struct waiting){ true, err, vol };
}

static int wait_for(struct machine *machine, struct waiting *wait)
{
	return sim_run_until(machine->sim, flag_is_set, &wait->done, STEPS_MAX) ? wait->err : -ETIMEDOUT;
}

const char *machine_medium(const struct machine *machine, unsigned disk)
{
	return machine->urls[disk] + 4;
}

static void name_medium(const struct machine *machine, unsigned disk, char url[24])
{
	(void)snprintf(url, 24, "mem:%c%u.%u", machine->tag, disk, machine->life);
}

int machine_init(struct machine *machine, char tag, uint64_t seed, uint64_t latency_ns)
{
	struct raid_group_spec group = { .n_disks = machine->n_disks };
	struct raid_spec spec = { .groups = &group,
		                  .n_groups = 1,
		                  .log_half_bytes = (uint64_t)machine->log_half_blocks * RAID_BLOCK_SIZE };
	struct waiting wait = { false, 0, NULL };
	int err = 0;

	memdisk_set_latency(latency_ns);
	machine->latency_ns = latency_ns;
	machine->twice = -1;
	machine->tag = tag;
	machine->slow_to_save = seed >> 1 & 1U;
	machine->sim = simworld_new(seed);
	machine->world = simworld_world(machine->sim);
	for (unsigned i = 0; i < machine->n_disks && err == 0; i++) {
		name_medium(machine, i, machine->urls[i]);
		err = disk_create(machine->urls[i], machine->disk_blocks * RAID_BLOCK_SIZE);
		group.disk_urls[i] = machine->urls[i];
	}
	if (err != 0)
		return err;
	fs_volume_format(machine->world, "vol0", &spec, on_done, &wait);
	err = wait_for(machine, &wait);
	return err != 0 ? err : machine_mount(machine);
}

static void mount_begin(struct machine *machine, struct waiting *wait)
{
	const struct fs_mount_options options = { .cache_pages = CACHE_PAGES,
		                                  .restore_to = machine->restore_to,
		                                  .max_calls = machine->max_calls };
	const char *urls[MACHINE_DISKS_MAX + MACHINE_EXTRAS_MAX + 2U];
	unsigned n = 0;

	*wait = (struct waiting){ false, 0, NULL };
	for (unsigned i = 0; i < machine->n_disks; i++)
		urls[n++] = machine->urls[i];
	for (unsigned i = 0; i < machine->n_extras; i++)
		urls[n++] = machine->extras[i];
	if (machine->beside[0] != '\0')
		urls[n++] = machine->beside;
	if (machine->twice >= 0)
		urls[n++] = machine->urls[machine->twice];
	fs_volume_mount(machine->world, urls, n, &options, on_mounted, wait);
}

static int mount_end(struct machine *machine, struct waiting *wait)
{
	int err = wait_for(machine, wait);

	machine->vol = err == 0 ? wait->vol : NULL;
	if (err == 0 && machine->slow_to_save)
		machine->vol->raid->lane.save_ns = INT64_MAX / 2;
	if (err == 0 && machine->rebuild_floor != 0)
		raid_rebuild_floor(machine->vol->raid, machine->rebuild_floor);
	if (err == 0)
		machine->verifier = fs_volume_write_verifier(machine->vol);
	return err;
}

int machine_mount(struct machine *machine)
{
	struct waiting wait;

	mount_begin(machine, &wait);
	return mount_end(machine, &wait);
}

int machine_unmount(struct machine *machine)
{
	struct waiting wait = { false, 0, NULL };

	fs_volume_unmount(machine->vol, on_done, &wait);
	machine->vol = NULL;
	return wait_for(machine, &wait);
}

static void media_remove(struct machine *machine)
{
	for (unsigned i = 0; i < machine->n_disks; i++)
		vc_assert(disk_destroy(machine->urls[i]) == 0);
	machine_extras_drop(machine, 0);
}

void machine_fini(struct machine *machine)
{
	if (machine->vol != NULL)
		(void)machine_unmount(machine);
	media_remove(machine);
	simworld_free(machine->sim);
	machine->sim = NULL;
}

/* The media of the next life, of what this one's may be left as. */
static void media_clone(struct machine *machine, uint64_t seed, char fresh[MACHINE_DISKS_MAX][24])
{
	unsigned n = machine->n_extras;

	machine->life++;
	for (unsigned i = 0; i < machine->n_disks; i++) {
		name_medium(machine, i, fresh[i]);
		vc_assert(memdisk_crash_clone(machine_medium(machine, i), fresh[i] + 4, seed * 31U + i) == 0);
	}
	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(machine->next_extras[i], 24, "mem:%ce%u.%u", machine->tag, i, machine->life);
		vc_assert(memdisk_crash_clone(machine->extras[i] + 4, machine->next_extras[i] + 4,
		                              seed * 31U + machine->n_disks + i) == 0);
	}
	machine->n_next_extras = n;
}

/* The old media are gone. */
static void media_take(struct machine *machine, char fresh[MACHINE_DISKS_MAX][24])
{
	memcpy(machine->urls, fresh, sizeof machine->urls);
	memcpy(machine->extras, machine->next_extras, sizeof machine->extras);
	machine->n_extras = machine->n_next_extras;
	machine->n_next_extras = 0;
}

void machine_cut_begin(struct machine *machine, uint64_t seed)
{
	media_clone(machine, seed, machine->next_urls);
}

void machine_cut_end(struct machine *machine)
{
	/* The old volume lives on on its own media until it is gone; nothing of that reaches the copies. */
	if (machine->vol != NULL)
		(void)machine_unmount(machine);
	media_remove(machine);
	media_take(machine, machine->next_urls);
}

void machine_cut(struct machine *machine, uint64_t seed)
{
	machine_cut_begin(machine, seed);
	machine_cut_end(machine);
}

bool machine_cut_in_mount(struct machine *machine, uint64_t seed, uint64_t n_steps, int *ret_err)
{
	char fresh[MACHINE_DISKS_MAX][24];
	struct waiting wait;

	mount_begin(machine, &wait);
	if (sim_run_until(machine->sim, flag_is_set, &wait.done, n_steps)) {
		*ret_err = mount_end(machine, &wait);
		return false;
	}
	media_clone(machine, seed, fresh);
	if (mount_end(machine, &wait) == 0)
		(void)machine_unmount(machine);
	media_remove(machine);
	media_take(machine, fresh);
	return true;
}

void machine_branch(struct machine *machine, const struct machine *from, char tag, uint64_t seed)
{
	*machine = *from;
	machine->tag = tag;
	machine->vol = NULL;
	machine->life = 0;
	machine->n_extras = 0;
	machine->sim = simworld_new(seed);
	machine->world = simworld_world(machine->sim);
	for (unsigned i = 0; i < machine->n_disks; i++)
		name_medium(machine, i, machine->urls[i]);
}

void machine_replace(struct machine *machine, unsigned disk, const char *medium)
{
	vc_assert(machine->vol == NULL && disk_destroy(machine->urls[disk]) == 0);
	(void)snprintf(machine->urls[disk], sizeof machine->urls[disk], "mem:%.16s", medium);
}

bool machine_extra_add(struct machine *machine, uint64_t n_blocks)
{
	char *url = machine->extras[machine->n_extras];

	if (machine->n_extras == MACHINE_EXTRAS_MAX)
		return false;
	(void)snprintf(url, sizeof machine->extras[0], "mem:%cn%u", machine->tag, machine->n_made++);
	vc_assert(disk_create(url, n_blocks * RAID_BLOCK_SIZE) == 0);
	machine->n_extras++;
	return true;
}

void machine_extras_drop(struct machine *machine, unsigned n)
{
	unsigned n_gone = machine->n_extras - MIN_OF(n, machine->n_extras);

	for (unsigned i = 0; i < n_gone; i++)
		vc_assert(disk_destroy(machine->extras[i]) == 0);
	machine->n_extras -= n_gone;
	memmove(machine->extras[0], machine->extras[n_gone], machine->n_extras * sizeof machine->extras[0]);
}

bool machine_extras_adopt(struct machine *machine)
{
	bool any = false;
	char url[24];

	for (unsigned i = 0; i < machine->n_disks; i++)
		for (unsigned k = 0; k < machine->n_extras; k++) {
			if (strcmp(machine->vol->raid->members[i]->url, machine->extras[k]) != 0)
				continue;
			memcpy(url, machine->urls[i], sizeof url);
			memcpy(machine->urls[i], machine->extras[k], sizeof url);
			memcpy(machine->extras[k], url, sizeof url);
			any = true;
		}
	return any;
}

enum raid_disk_state machine_disk_state(const struct machine *machine, unsigned disk)
{
	return machine->vol->raid->members[disk]->state;
}

bool machine_disk_online(const struct machine *machine, unsigned disk)
{
	return member_online(machine->vol->raid->members[disk]);
}

static void on_answer(struct fs_message *msg)
{
	*(bool *)msg->owner = true;
}

bool machine_send(struct machine *machine, struct fs_message *msg)
{
	bool done = false;

	msg->done = on_answer;
	msg->owner = &done;
	fs_message_send(msg);
	return sim_run_until(machine->sim, flag_is_set, &done, STEPS_MAX);
}

uint64_t machine_ios(const struct machine *machine)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < machine->n_disks; i++)
		n += memdisk_ios(machine_medium(machine, i));
	return n;
}
