/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories: a seed is a machine, its faults, and everything that happens.
 *
 * THEORY. A history has several lives. In each, up to a few dozen operations are under way at a time; it ends with a power cut (and more of them
 * during the recovery), with an unmount, or with a rest in which everything is compared while nothing has failed. */
#include "tests/crash/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "tests/crash/fault.h"

static void machine_draw(struct history *h, uint64_t seed)
{
	struct machine *machine = &h->machine;
	static const uint64_t latencies[] = { 0, 0, 200000, 3000000 };
	unsigned n_data = 1U + (unsigned)history_draw(h, 4), stripes = (1300U + (unsigned)history_draw(h, 800)) / n_data;
	int err;

	machine->n_disks = n_data + 1U;
	machine->log_half_blocks = 32U + (unsigned)history_draw(h, 64);
	machine->disk_blocks = ROUND_UP(592U + 2U * machine->log_half_blocks, 256U) + stripes + stripes / 255U + 1U;
	err = machine_init(machine, 'a', seed, latencies[history_draw(h, ARRAY_SIZE(latencies))]);
	if (err != 0)
		history_fail(h, FAIL_STUCK, "no volume can be made: %s", error_name(err));
	history_say(h, "====  %u disks of %llu blocks, log halves of %u", machine->n_disks, (unsigned long long)machine->disk_blocks,
	            machine->log_half_blocks);
}

static void load(struct history *h, unsigned n)
{
	unsigned width = 1U + (unsigned)history_draw(h, HISTORY_OPS - 4U), pace = 1U + (unsigned)history_draw(h, 40);

	for (unsigned i = 0; i < n; i++) {
		while (h->n_flying >= width)
			history_steps(h, 1);
		history_send_any(h);
		history_steps(h, (unsigned)history_draw(h, pace));
	}
}

static void pause_for(struct history *h)
{
	uint64_t ns = 1ULL << history_draw(h, 34);

	history_say(h, "====  %llu ns pass", (unsigned long long)ns);
	sim_run_for(h->machine.sim, ns);
}

static void rest(struct history *h)
{
	history_land(h);
	history_say(h, "====  rest");
	oracle_compare(h, &h->machine, ORACLE_REST);
}

static void restart(struct history *h)
{
	int err;

	history_land(h);
	history_say(h, "====  unmount, mount");
	err = machine_unmount(&h->machine);
	if (err == 0)
		err = machine_mount(&h->machine);
	if (err != 0)
		history_fail(h, FAIL_LOST, "unmounted and mounted again: %s", error_name(err));
	oracle_compare(h, &h->machine, ORACLE_REST);
}

static void life(struct history *h)
{
	load(h, 10U + (unsigned)history_draw(h, 110));
	fault_maybe(h);
	if (history_draw(h, 3) == 0)
		pause_for(h);
	switch (history_draw(h, 8)) {
	case 0: rest(h); break;
	case 1: restart(h); break;
	case 2: history_crash(h, 1U + (unsigned)history_draw(h, 2)); break;
	default: history_crash(h, 0); break;
	}
}

uint64_t random_run(uint64_t seed, bool verbose, struct history_counts *counts)
{
	struct history *h = calloc(1, sizeof *h);
	unsigned lives;
	uint64_t digest;

	vc_assert(h != NULL);
	(void)snprintf(h->what, sizeof h->what, "%llu", (unsigned long long)seed);
	h->verbose = verbose;
	history_init(h, seed, counts);
	machine_draw(h, seed);
	fault_draw(h);
	lives = 4U + (unsigned)history_draw(h, 12);
	for (unsigned i = 0; i < lives; i++)
		life(h);
	rest(h);
	digest = h->digest;
	history_fini(h);
	free(h);
	counts->seeds++;
	return digest;
}
