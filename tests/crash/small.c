/* SPDX-License-Identifier: Apache-2.0 */
/* Small workloads, exhaustively: every sequence of up to three operations, every crash on the way.
 *
 * THEORY. (B3 of CrashMonkey, with our operations.) A workload is a row of kinds (history.h), each sent when the one
 * before it is answered, and a consistency point. While its last operation and that CP run, the world is stopped at
 * every I/O boundary: with n requests that are not durable, each of the 2^n subsets of them may be what a power cut
 * leaves (n up to 8; of more, those that miss or have one, the beginnings, and a sample), and each request may be torn.
 * Every such state that was not met before is mounted on a machine of its own, compared and checked; the model and the
 * stopped machine do not notice. What happens in a beginning of a workload is another workload. The targets are drawn
 * by the kind and its place in the row, from a small volume with something of everything. */
#include "tests/crash/small.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "fs/volume/volume_private.h"
#include "tests/crash/explored.h"

#define PENDING_MAX 512U
#define EXHAUSTIVE 8U
#define LENGTH_MAX 3U

struct small_plan small_plan = { { 0, 0, 4 } };

/* Operations of a workload; what they are done to is in the beginning. Some kinds have more than one target. */
static const struct {
	const char *kind;
	unsigned variants;
} moves[] = {
	{ "write", 2 },
	{ "write_sync", 2 },
	{ "zero", 2 },
	{ "truncate", 1 },
	{ "write_small", 1 },
	{ "utimes", 1 },
	{ "commit", 1 },
	{ "chmod", 1 },
	{ "create", 1 },
	{ "mkdir", 1 },
	{ "symlink", 1 },
	{ "remove", 2 },
	{ "rename", 2 },
	{ "link", 1 },
	{ "lun_create", 1 },
	{ "lun_backed", 1 },
	{ "lun_destroy", 1 },
	{ "lun_resize", 1 },
	{ "lun_comment", 1 },
	{ "clone_start", 1 },
	{ "clone_stop", 1 },
	{ "snapshot_create", 1 },
	{ "snapshot_delete", 1 },
	{ "snapshot_rename", 1 },
	{ "doc_put", 1 },
	{ "sync", 1 },
};

static unsigned moves_count(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(moves); i++)
		n += moves[i].variants;
	return n;
}

uint64_t small_count(unsigned length)
{
	uint64_t n = 0, power = 1;

	for (unsigned i = 0; i < length; i++)
		n += power *= moves_count();
	return n;
}

/* ---- one state ------------------------------------------------------------------------------------------------- */

struct small {
	struct history *h;
	struct explored explored;
	unsigned n_pending[MACHINE_DISKS_MAX], n;
	uint8_t fates[PENDING_MAX]; /* disk after disk */
	uint64_t n_states, events;
};

static uint64_t media_clone(struct small *s, struct machine *branch)
{
	const uint8_t *fates = s->fates;
	uint64_t hash = s->h->clock * 0x9E3779B97F4A7C15ULL;

	for (unsigned i = 0; i < branch->n_disks; i++) {
		int err = memdisk_crash_clone_fates(machine_medium(&s->h->machine, i), machine_medium(branch, i), fates,
		                                    s->h->clock + i);

		vc_assert(err == 0);
		fates += s->n_pending[i];
		hash = (hash ^ memdisk_hash(machine_medium(branch, i))) * 0xBF58476D1CE4E5B9ULL;
		hash ^= hash >> 31;
	}
	return hash;
}

static void branch_recover(struct small *s, struct machine *branch, uint64_t hash)
{
	int err = 0;

	/* Now and then the power fails again during the recovery. */
	if (hash % 8U == 0 && machine_cut_in_mount(branch, hash, 1U + hash / 8U % 150U, &err))
		s->h->counts->crashes_in_recovery++;
	if (branch->vol == NULL && err == 0)
		err = machine_mount(branch);
	if (err != 0)
		history_fail(s->h, FAIL_LOST, "the volume cannot be mounted after a power cut: %s", error_name(err));
	oracle_compare(s->h, branch, ORACLE_LOOK);
}

/* Recover, compare and check what s->fates leaves, unless that was met before. The stopped volume keeps its name out of
 * the way meanwhile. */
static void state_try(struct small *s)
{
	struct machine branch;
	uint64_t hash;

	machine_branch(&branch, &s->h->machine, 'b', s->n_states);
	hash = media_clone(s, &branch);
	if (!explored_add(&s->explored, hash)) {
		s->h->counts->duplicates++;
		machine_fini(&branch);
		return;
	}
	volume_table_remove(s->h->machine.vol);
	branch_recover(s, &branch, hash);
	machine_fini(&branch);
	vc_assert(volume_table_insert(s->h->machine.vol) == 0);
	s->n_states++;
	s->h->counts->states++;
}

/* ---- all states of a boundary ---------------------------------------------------------------------------------- */

static void subset_try(struct small *s, uint64_t subset)
{
	for (unsigned i = 0; i < s->n; i++)
		s->fates[i] = (subset >> i % 64U & 1U) != 0 ? MEMDISK_APPLIED : MEMDISK_DROPPED;
	state_try(s);
}

static void fates_all(struct small *s, enum memdisk_fate fate)
{
	memset(s->fates, (int)fate, sizeof s->fates);
}

/* One request other than the rest. */
static void odd_one_try(struct small *s, unsigned odd, enum memdisk_fate fate, enum memdisk_fate rest)
{
	fates_all(s, rest);
	s->fates[odd] = (uint8_t)fate;
	state_try(s);
}

static void odd_ones_try(struct small *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		odd_one_try(s, i, MEMDISK_APPLIED, MEMDISK_DROPPED);
		odd_one_try(s, i, MEMDISK_DROPPED, MEMDISK_APPLIED);
	}
}

static void torn_ones_try(struct small *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		odd_one_try(s, i, MEMDISK_TORN, MEMDISK_DROPPED);
		odd_one_try(s, i, MEMDISK_TORN, MEMDISK_APPLIED);
	}
}

static void sample_try(struct small *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned k = 0; k < s->n; k++)
			s->fates[k] = (uint8_t)(history_draw(s->h, 7) / 3U); /* one in seven is torn */
		state_try(s);
	}
}

static void boundary_try(struct small *s, unsigned subsets)
{
	s->n = 0;
	for (unsigned i = 0; i < s->h->machine.n_disks; i++)
		s->n += s->n_pending[i] = memdisk_pending(machine_medium(&s->h->machine, i));
	vc_assert(s->n <= PENDING_MAX);
	fates_all(s, MEMDISK_APPLIED);
	state_try(s);
	if (s->n == 0)
		return;
	fates_all(s, MEMDISK_DROPPED);
	state_try(s);
	if (subsets != 0 && (subsets < 1ULL << MIN_OF(s->n, EXHAUSTIVE) || s->n > EXHAUSTIVE)) {
		sample_try(s, subsets > 2U ? subsets - 2U : 0);
		return;
	}
	if (s->n <= EXHAUSTIVE) {
		for (uint64_t subset = 1; subset + 1U < 1ULL << s->n; subset++)
			subset_try(s, subset);
	} else {
		odd_ones_try(s);
		sample_try(s, 64);
	}
	torn_ones_try(s);
}

/* ---- a workload ------------------------------------------------------------------------------------------------ */

static uint64_t events_of(const struct history *h)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < h->machine.n_disks; i++)
		n += memdisk_events(machine_medium(&h->machine, i));
	return n + (h->clock << 32);
}

/* Until everything sent is answered, at every I/O boundary. */
static void watch(struct small *s, unsigned subsets)
{
	for (unsigned i = 0; s->h->n_flying > 0; i++) {
		if (i > 2000000U)
			history_fail(s->h, FAIL_STUCK, "an operation is not answered");
		history_steps(s->h, 1);
		if (events_of(s->h) == s->events)
			continue;
		s->events = events_of(s->h);
		boundary_try(s, subsets);
	}
}

static bool move_send(struct history *h, const char *kind, uint64_t variant)
{
	for (unsigned tries = 0; tries < 64; tries++) {
		h->random = (variant * 64U + tries + 1U) * 0x9E3779B97F4A7C15ULL | 1U;
		(void)history_draw(h, 2);
		if (history_send(h, history_kind(kind)))
			return true;
	}
	return false;
}

/* A small volume with something of everything. */
static void beginning(struct history *h)
{
	static const char *const rows[] = { "create",     "write_sync",      "create",  "write",      "lun_create",
		                            "write_sync", "mkdir",           "symlink", "write_sync", "doc_put",
		                            "sync",       "snapshot_create", "write",   "sync" };
	static const char *const more[] = { "lun_backed",  "lun_backed", "write_sync",
		                            "clone_start", "write_sync", "create" };

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)move_send(h, rows[i], i);
		history_land(h);
	}
	oracle_compare(h, &h->machine, ORACLE_REST); /* settles the snapshot: LUNs can be made on it */
	for (unsigned i = 0; i < ARRAY_SIZE(more); i++) {
		(void)move_send(h, more[i], 100U + i);
		history_land(h);
	}
}

static void move_of(uint64_t index, const char **ret_kind, uint64_t *ret_variant)
{
	unsigned i = 0;

	while (index >= moves[i].variants)
		index -= moves[i++].variants;
	*ret_kind = moves[i].kind;
	*ret_variant = 1000U + index * 17U;
}

/* The workload's moves. Returns how many. */
static unsigned decode(uint64_t number, uint64_t ret_moves[LENGTH_MAX])
{
	unsigned length = 1;

	while (length < LENGTH_MAX && number >= small_count(length))
		length++;
	number -= small_count(length - 1U);
	for (unsigned i = length; i-- > 0; number /= moves_count())
		ret_moves[i] = number % moves_count();
	return length;
}

static void moves_run(struct small *s, const uint64_t *row, unsigned length)
{
	for (unsigned i = 0; i < length; i++) {
		const char *kind;
		uint64_t variant;

		move_of(row[i], &kind, &variant);
		if (!move_send(s->h, kind, variant + i))
			return; /* nothing to do it to here */
		if (i + 1U < length)
			history_land(s->h);
	}
	s->events = events_of(s->h);
	watch(s, small_plan.subsets[length - 1U]);
	(void)history_send(s->h, history_kind("sync"));
	watch(s, small_plan.subsets[length - 1U]);
}

uint64_t small_run(uint64_t number, bool verbose, struct history_counts *counts)
{
	struct history *h = calloc(1, sizeof *h);
	struct small s = { .h = h };
	uint64_t row[LENGTH_MAX], digest;
	int err;

	vc_assert(h != NULL);
	(void)snprintf(h->what, sizeof h->what, "small %llu", (unsigned long long)number);
	h->verbose = verbose;
	history_init(h, 1, counts);
	h->bad_disk = -1;
	h->only_good = true;
	h->machine.n_disks = 3;
	h->machine.log_half_blocks = 48;
	h->machine.disk_blocks = 768 + 480;
	err = machine_init(&h->machine, 'a', 1, 0);
	if (err != 0)
		history_fail(h, FAIL_STUCK, "no volume can be made: %s", error_name(err));
	beginning(h);
	moves_run(&s, row, decode(number, row));
	history_land(h);
	explored_fini(&s.explored);
	digest = h->digest;
	history_fini(h);
	free(h);
	counts->seeds++;
	return digest;
}
