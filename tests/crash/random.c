/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories: a seed is a machine, its faults, and everything that happens.
 *
 * THEORY. A history has several lives. In each, up to a few dozen operations are under way at a time; it ends with a
 * power cut (and more of them during the recovery), with an unmount, or with a rest in which everything is compared
 * while nothing has failed. */
#include "tests/crash/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/page.h"
#include "tests/crash/aftermath.h"
#include "tests/crash/fullhost.h"
#include "tests/crash/mishap.h"
#include "tests/crash/rewind.h"

#define BALLAST_PIECE 8U /* a record of it must fit into half of a small log */

void random_machine(struct history *h, uint64_t seed, bool ballast)
{
	struct machine *machine = &h->machine;
	static const uint64_t latencies[] = { 0, 0, 200000, 3000000 };
	unsigned n_data = 1U + (unsigned)history_draw(h, 4), stripes;
	int err;

	stripes = 1300U + (unsigned)history_draw(h, 800);
	if (seed % 8U == 7U) /* a tight volume: little more than what is kept back */
		stripes = stripes / 2U + 60U;
	stripes = (stripes + (ballast ? BALLAST_BLOCKS : 0)) / n_data;
	machine->n_disks = n_data + 1U;
	machine->log_half_blocks = 32U + (unsigned)history_draw(h, 64);
	machine->disk_blocks = ROUND_UP(592U + 2U * machine->log_half_blocks, 256U) + stripes + stripes / 255U + 1U;
	err = machine_init(machine, 'a', seed, latencies[history_draw(h, ARRAY_SIZE(latencies))]);
	if (err != 0)
		history_fail(h, FAIL_STUCK, "no volume can be made: %s", error_name(err));
	history_say(h, "====  %u disks of %llu blocks, log halves of %u", machine->n_disks,
	            (unsigned long long)machine->disk_blocks, machine->log_half_blocks);
}

/* A file that the cache cannot hold, with a word for each block: "flood" reads it. */
void random_ballast(struct history *h)
{
	struct page *pages[BALLAST_PIECE];
	struct fs_message msg;

	fs_message_init(&msg, FS_CREATE, h->machine.vol, NULL, NULL);
	msg.file = (struct fs_file_id){ 0, FS_INO_ROOT, 1 };
	msg.in.name = BALLAST_NAME;
	msg.in.name_len = (uint32_t)strlen(BALLAST_NAME);
	if (history_ask(h, &h->machine, &msg) != 0)
		history_fail(h, FAIL_STUCK, "no ballast can be made: %s", error_name(msg.status));
	h->ballast = msg.out.attr.id;
	fs_message_fini(&msg);
	for (unsigned first = 0; first < BALLAST_BLOCKS; first += BALLAST_PIECE) {
		for (unsigned i = 0; i < BALLAST_PIECE; i++) {
			uint64_t word = first + i + 1U;

			pages[i] = page_alloc();
			vc_assert(pages[i] != NULL);
			for (unsigned at = 0; at < PAGE_SIZE; at += 8)
				memcpy(pages[i]->data + at, &word, 8);
		}
		fs_message_init(&msg, FS_WRITE, h->machine.vol, NULL, NULL);
		msg.file = h->ballast;
		msg.in.io = (struct fs_io){ .offset_bytes = (uint64_t)first * FS_BLOCK_SIZE,
			                    .len_bytes = BALLAST_PIECE * FS_BLOCK_SIZE,
			                    .n_pages = BALLAST_PIECE,
			                    .n_pages_max = BALLAST_PIECE,
			                    .pages = pages };
		if (history_ask(h, &h->machine, &msg) != 0)
			history_fail(h, FAIL_STUCK, "no ballast can be written: %s", error_name(msg.status));
		page_put_many(pages, BALLAST_PIECE);
	}
	fs_message_init(&msg, FS_SYNC, h->machine.vol, NULL, NULL);
	if (history_ask(h, &h->machine, &msg) != 0)
		history_fail(h, FAIL_STUCK, "no consistency point: %s", error_name(msg.status));
}

void random_load(struct history *h, unsigned n)
{
	unsigned width = 1U + (unsigned)history_draw(h, HISTORY_OPS - 4U), pace = 1U + (unsigned)history_draw(h, 40);

	for (unsigned i = 0; i < n; i++) {
		while (h->n_flying >= width)
			history_steps(h, 1);
		history_send_any(h);
		history_steps(h, (unsigned)history_draw(h, pace));
	}
}

void random_pause(struct history *h)
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
	h->autodelete = false;
	impostor_keep(h, true);
	impostor_strike(h);
	if (err == 0)
		err = machine_mount(&h->machine);
	if (err != 0)
		history_fail(h, FAIL_LOST, "unmounted and mounted again: %s", error_name(err));
	impostor_look(h);
	oracle_compare(h, &h->machine, ORACLE_REST);
}

static void life(struct history *h)
{
	random_load(h, 10U + (unsigned)history_draw(h, 110));
	impostor_keep(h, false);
	if (h->impostors.on)
		random_load(h, (unsigned)history_draw(h, 60));
	if (fullhost_try(h))
		return;
	fault_maybe(h);
	if (history_draw(h, 3) == 0)
		random_pause(h);
	switch (history_draw(h, 11)) {
	case 0: rest(h); break;
	case 1: restart(h); break;
	case 2:
	case 3: rewind_try(h); break;
	case 4: history_crash(h, 1U + (unsigned)history_draw(h, 2)); break;
	default: history_crash(h, 0); break;
	}
}

/* One more disk goes wrong: errors from now on, but everybody is answered, and nothing wrong is ever read. */
static void second_disk(struct history *h)
{
	h->faulty = true;
	fault_strike(h, (unsigned)h->bad_disk);
	fault_strike(h, ((unsigned)h->bad_disk + 1U) % h->machine.n_disks);
	random_load(h, 100);
	history_land(h);
	aftermath_look(h);
}

uint64_t random_run(uint64_t seed, bool verbose, struct history_counts *counts)
{
	struct history *h = calloc(1, sizeof *h);
	unsigned lives;
	uint64_t digest;
	bool ballast;

	vc_assert(h != NULL);
	(void)snprintf(h->what, sizeof h->what, "%llu", (unsigned long long)seed);
	h->verbose = verbose;
	history_init(h, seed, counts);
	h->may_autodelete = seed % 8U == 3U;
	ballast = history_draw(h, 8) == 0;
	random_machine(h, seed, ballast);
	if (ballast)
		random_ballast(h);
	fault_draw(h);
	impostor_draw(h, seed);
	fullhost_draw(h, seed);
	lives = 4U + (unsigned)history_draw(h, 12);
	for (unsigned i = 0; i < lives; i++)
		life(h);
	rest(h);
	if (h->impostors.on)
		impostor_too_many(h);
	else if (h->bad_disk >= 0 && history_draw(h, 2) == 0)
		second_disk(h);
	digest = h->digest;
	history_fini(h);
	free(h);
	counts->seeds++;
	return digest;
}
