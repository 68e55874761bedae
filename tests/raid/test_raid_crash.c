/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes: random histories of consistency points, cut at a random moment, reopened whole and without each disk in
 * turn.
 *
 * THEORY. A history is what the file system does: blocks that are free in the last fsinfo are written (several writes
 * at a time, now and then a flush, now and then a log write), then an fsinfo makes them live and some others free.
 * After the cut the newest fsinfo must be the last acknowledged or the one in flight, and every block live in it must
 * read back exactly: with all disks, with any lost that the level can do without (one, or two of double parity), and
 * after a second cut during recovery. Parity
 * must verify afterwards, and the volume must take writes. In some histories a disk fails, and in some of those another
 * takes its place: then the cut falls before, into or after its rebuild, which goes on after it; and once it was
 * through, any disk may be lost; or a RAID-4 group gets a second parity disk, and loses nothing at any time of it.
 * VC_CRASH_SEEDS=n runs n seeds a geometry (tests/crash/campaign runs more of them, without the sanitizers),
 * VC_CRASH_SEED=n only that one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/base/cmocka_all.h"

#include "base/log.h"
#include "tests/support/simraid.h"

#define LOG_HALF (16U * 4096U)
#define MAX_WRITES 5U
#define MAX_BLOCKS 400U
#define NO_DISK 0U /* a mask of media */
#define MAX_PAIRS 10U /* of lost disks, tried of one state */

enum mishap { NO_MISHAP, A_DISK_FAILS, A_DISK_IS_REPLACED, A_GROUP_IS_CONVERTED };

static const struct geometry {
	const char *name;
	unsigned n_groups;
	unsigned disks[2];
	uint64_t blocks;
	unsigned n_parity;
} geometries[] = {
	{ "g1", 1, { 2 }, 1400, 1 },    { "g3", 1, { 4 }, 1200, 1 },    { "g6", 1, { 7 }, 1000, 1 },
	{ "gg", 2, { 4, 3 }, 1000, 1 }, { "d1", 1, { 3 }, 1400, 2 },    { "d3", 1, { 5 }, 1200, 2 },
	{ "d6", 1, { 8 }, 1000, 2 },    { "dd", 2, { 4, 5 }, 1000, 2 },
};

struct volume_model {
	uint64_t generation;
	uint32_t *versions; /* 0: not live */
};

struct a_write {
	struct raid_write write;
	struct raid_write_block blocks[MAX_BLOCKS];
	bool busy;
	int err;
};

/* One history on one volume. */
static struct history {
	struct simraid s;
	struct volume_model committed, pending;
	struct a_write writes[MAX_WRITES];
	unsigned n_busy;
	enum { IDLE, WRITING, FLUSHING, COMMITTING } stage;
	bool flush_done, fsinfo_done, fsinfo_sent;
	bool log_busy;
	uint8_t log_acked[16]; /* fill of each block of half 0 */
	uint8_t log_sent;
	unsigned log_block;
	unsigned log_cut; /* the block in flight at the cut */
	struct page *log_page;
	struct iovec log_iov;
	bool dead, failed; /* dead: it was cut */
	bool has_spare, replacing, replaced; /* the spare is the medium after the others */
	bool converts; /* the spare becomes a second parity disk */
	uint32_t version;
} h;

static uint64_t n_states, n_histories, n_in_flight_fsinfo, n_replaced, n_rebuilt;

static uint64_t rnd(uint64_t n)
{
	return sim_random(h.s.sim) % n;
}

/* ---- the file system's part -------------------------------------------------------------------------------------- */

static void on_write(struct raid_write *write, int err)
{
	struct a_write *w = container_of(write, struct a_write, write);

	for (unsigned i = 0; i < write->n_blocks; i++)
		page_put(w->blocks[i].page);
	w->busy = false;
	w->err = err;
	h.n_busy--;
	if (err != 0)
		h.failed = true;
}

static void on_flush(void *arg, int err)
{
	(void)arg;
	h.flush_done = true;
	if (err != 0)
		h.failed = true;
}

static void on_fsinfo(void *arg, int err)
{
	(void)arg;
	h.fsinfo_done = true;
	if (err != 0)
		h.failed = true;
}

static void on_log(void *arg, int err)
{
	(void)arg;
	h.log_busy = false;
	if (err == 0)
		h.log_acked[h.log_block] = h.log_sent;
	else
		h.failed = true;
}

static bool is_free(uint32_t vbn)
{
	return vbn != 0 && vbn < h.s.vbn_end && h.committed.versions[vbn] == 0 && h.pending.versions[vbn] == 0;
}

static int compare_blocks(const void *a, const void *b)
{
	const struct raid_write_block *x = a, *y = b;

	return x->vbn < y->vbn ? -1 : x->vbn > y->vbn;
}

/* Along one disk, or along stripes (the same DBN of every disk), from a random place. */
static uint32_t next_vbn(uint32_t at, bool stripes, uint32_t per_disk)
{
	if (!stripes)
		return at + 1;
	at += per_disk;
	return at < h.s.vbn_end ? at : at % per_disk + 1;
}

static void start_write(struct a_write *w)
{
	unsigned n = 1 + (unsigned)rnd(rnd(3) == 0 ? MAX_BLOCKS : 20), tries = 0;
	uint32_t at = (uint32_t)rnd(h.s.vbn_end), per_disk = raid_geometry(h.s.raid)->disks[0].n_blocks;
	bool stripes = rnd(2) == 0;

	w->write = (struct raid_write){ .blocks = w->blocks, .done = on_write };
	while (w->write.n_blocks < n && tries++ < 3 * MAX_BLOCKS) {
		struct raid_write_block *b = &w->blocks[w->write.n_blocks];

		if (is_free(at)) {
			h.pending.versions[at] = ++h.version;
			*b = (struct raid_write_block){ .vbn = at,
				                        .ident = simraid_ident(at, h.version),
				                        .page = page_alloc() };
			assert_non_null(b->page);
			simraid_fill(b->page->data, at, h.version);
			w->write.n_blocks++;
		}
		at = rnd(12) == 0 ? (uint32_t)rnd(h.s.vbn_end) : next_vbn(at, stripes, per_disk);
	}
	qsort(w->blocks, w->write.n_blocks, sizeof *w->blocks, compare_blocks);
	w->busy = true;
	h.n_busy++;
	raid_write(h.s.raid, &w->write);
}

static void free_some(void)
{
	unsigned live = 0;

	for (uint32_t v = 0; v < h.s.vbn_end; v++)
		live += h.pending.versions[v] != 0;
	for (uint32_t v = 0; v < h.s.vbn_end; v++)
		if (h.pending.versions[v] != 0 && h.pending.versions[v] == h.committed.versions[v] &&
		    rnd(100) < (live > h.s.vbn_end / 2 ? 40 : 8))
			h.pending.versions[v] = 0;
}

static void send_log(void)
{
	h.log_block = (unsigned)rnd(16);
	h.log_sent = (uint8_t)(1 + rnd(250));
	memset(h.log_page->data, h.log_sent, PAGE_SIZE);
	h.log_iov = (struct iovec){ h.log_page->data, PAGE_SIZE };
	h.log_busy = true;
	raid_log_write(h.s.raid, &(struct raid_log_io){ 0, h.log_block, &h.log_iov, 1, on_log, NULL });
}

static void send_fsinfo(void)
{
	uint8_t body[RAID_FSINFO_BODY];

	memset(body, (int)(h.pending.generation & 0xFF), sizeof body);
	h.fsinfo_done = false;
	h.fsinfo_sent = true;
	h.stage = COMMITTING;
	raid_fsinfo_write(h.s.raid, h.pending.generation, body, on_fsinfo, NULL);
}

static void begin_cp(void)
{
	unsigned n = 1 + (unsigned)rnd(MAX_WRITES);

	h.pending.generation = h.committed.generation + 1;
	h.fsinfo_sent = false;
	for (unsigned i = 0; i < n; i++)
		start_write(&h.writes[i]);
	h.stage = WRITING;
}

/* What the file system would do now. */
static void drive(void)
{
	if (!h.log_busy && rnd(40) == 0)
		send_log();
	switch (h.stage) {
	case IDLE: begin_cp(); break;
	case WRITING:
		if (h.n_busy > 0)
			break;
		if (rnd(3) == 0) { /* more of the same CP, after a flush */
			h.flush_done = false;
			h.stage = FLUSHING;
			raid_flush(h.s.raid, on_flush, NULL);
		} else {
			free_some();
			send_fsinfo();
		}
		break;
	case FLUSHING:
		if (!h.flush_done)
			break;
		for (unsigned i = 0; i < 2; i++)
			start_write(&h.writes[i]);
		h.stage = WRITING;
		break;
	case COMMITTING:
		if (!h.fsinfo_done)
			break;
		h.committed.generation = h.pending.generation;
		memcpy(h.committed.versions, h.pending.versions, h.s.vbn_end * sizeof *h.committed.versions);
		h.stage = IDLE;
		h.fsinfo_sent = false;
		break;
	}
}

/* ---- the check after a cut --------------------------------------------------------------------------------------- */

static void clone_media(const struct geometry *g, const char *from, const char *to, uint64_t crash_seed)
{
	unsigned n = g->disks[0] + g->disks[1];

	for (unsigned i = 0; i < n + (h.has_spare ? 1U : 0U); i++) {
		char a[32], b[32];

		(void)snprintf(a, sizeof a, "%s-%u", from, i);
		(void)snprintf(b, sizeof b, "%s-%u", to, i);
		if (crash_seed != 0) {
			assert_int_equal(memdisk_crash_clone(a, b, crash_seed + i), 0);
			continue;
		}
		(void)memdisk_driver.destroy(b);
		assert_int_equal(memdisk_clone(a, b), 0);
	}
}

static void check_log(struct simraid *s)
{
	for (unsigned copy = 0; copy < raid_log_copies(s->raid); copy++) {
		for (unsigned b = 0; b < 16; b++) {
			uint8_t fill;
			int err;

			if (b == h.log_cut)
				continue;
			err = simraid_log_read(s, copy, 0, b, 1, &fill);
			if (err != 0 || fill != h.log_acked[b])
				fail_msg("log copy %u block %u: err %d fill %u, acknowledged %u", copy, b, err, fill,
				         h.log_acked[b]);
		}
	}
}

/* The media `prefix`, and the spare among them. */
static void media_open(struct simraid *s, uint64_t seed, const struct geometry *g, const char *prefix)
{
	char spare[32];

	simraid_init(s, seed, prefix, g->n_groups, g->disks, 0);
	(void)snprintf(spare, sizeof spare, "%s-%u", prefix, s->n_disks);
	if (h.has_spare)
		(void)simraid_add_disk(s, spare, 0);
}

/* Open the media `prefix`, without those of the mask `lost`; everything committed must be there. */
static void check_state(const struct geometry *g, const char *prefix, unsigned lost, uint64_t seed)
{
	const struct volume_model *model = NULL;
	struct simraid s;
	uint8_t body[RAID_FSINFO_BODY];
	uint64_t generation = 0;
	unsigned bad;
	int err;

	n_states++;
	media_open(&s, seed ^ 0xABCDEF, g, prefix);
	for (unsigned i = 0; i < s.n_disks; i++)
		if (lost >> i & 1)
			s.names[i][0] = '\0';
	err = simraid_open(&s);
	if (err != 0)
		fail_msg("open without disks 0x%x: %d", lost, err);
	assert_int_equal(raid_fsinfo_read(s.raid, &generation, body), 0);
	if (generation == h.committed.generation)
		model = &h.committed;
	else if (h.fsinfo_sent && generation == h.pending.generation)
		model = &h.pending;
	else
		fail_msg("fsinfo generation %llu, acknowledged %llu", (unsigned long long)generation,
		         (unsigned long long)h.committed.generation);
	n_in_flight_fsinfo += model == &h.pending;
	assert_int_equal(body[17], generation & 0xFF);
	memcpy(s.versions, model->versions, s.vbn_end * sizeof *s.versions);
	bad = simraid_check(&s, NULL);
	if (bad != 0)
		fail_msg("%u blocks wrong without disks 0x%x", bad, lost);
	check_log(&s);
	assert_int_equal(simraid_verify(&s), 0);
	/* it takes writes: to places free in this fsinfo */
	for (uint32_t v = 1 + (uint32_t)(seed % 7); v < s.vbn_end; v += 37) {
		if (s.versions[v] == 0) {
			s.versions[v] = 1000000;
			assert_int_equal(simraid_write(&s, &v, 1), 0);
		}
	}
	assert_int_equal(simraid_flush(&s), 0);
	simraid_rebuilt(&s, 60);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_verify(&s), 0);
	assert_int_equal(simraid_close(&s), 0);
	simraid_fini(&s);
}

/* Open the media, cut again after some steps, leave the result as `to`. */
static void crash_during_open(const struct geometry *g, const char *from, const char *to, uint64_t seed);

static void nothing(void *arg, int err)
{
	(void)err;
	*(bool *)arg = true;
}

static struct raid *opened_raid;

static void opened(void *arg, int err, struct raid *raid)
{
	(void)err;
	opened_raid = raid;
	*(bool *)arg = true;
}

static void lose_all(const struct simraid *s)
{
	for (unsigned i = 0; i < s->n_disks; i++)
		memdisk_lose(s->names[i]);
}

static void crash_during_open(const struct geometry *g, const char *from, const char *to, uint64_t seed)
{
	struct simraid s;
	const char *urls[SIMRAID_MAX_DISKS];
	bool done = false;
	uint64_t steps;

	media_open(&s, seed ^ 0x77, g, from);
	for (unsigned i = 0; i < s.n_disks; i++)
		urls[i] = s.urls[i];
	opened_raid = NULL;
	raid_open(s.world, urls, s.n_disks, NULL, opened, &done);
	steps = sim_random(s.sim) % 400;
	for (uint64_t i = 0; i < steps && !done; i++)
		sim_step(s.sim);
	clone_media(g, from, to, seed * 3 + 1);
	lose_all(&s);
	assert_true(simraid_wait(&s, &done));
	if (opened_raid != NULL) {
		done = false;
		raid_close(opened_raid, nothing, &done);
		assert_true(simraid_wait(&s, &done));
	}
	simraid_fini(&s);
}

static bool ran_down(void *arg)
{
	(void)arg;
	return h.n_busy == 0 && !h.log_busy && !h.replacing && (h.stage != FLUSHING || h.flush_done) &&
	       (h.stage != COMMITTING || h.fsinfo_done);
}

/* The volume that was cut: all its I/O fails from now on; let it end. */
static void wind_down(void)
{
	h.dead = true;
	lose_all(&h.s);
	assert_true(sim_run_until(h.s.sim, ran_down, NULL, 1000000));
	(void)simraid_close(&h.s);
}

static bool history_prepare(const struct geometry *g, uint64_t seed, enum mishap mishap)
{
	char spare[32];
	char base[16];
	static struct volume_model base_models[sizeof geometries / sizeof geometries[0]];
	struct volume_model *bm = &base_models[g - geometries];

	(void)snprintf(base, sizeof base, "%s-base", g->name);
	if (bm->versions == NULL) {
		/* the common start: half full, one fsinfo */
		simraid_init(&h.s, 99, base, g->n_groups, g->disks, g->blocks);
		h.s.n_parity = g->n_parity;
		assert_int_equal(simraid_format(&h.s, LOG_HALF), 0);
		assert_int_equal(simraid_open(&h.s), 0);
		for (unsigned i = 0; i < 8; i++)
			assert_true(simraid_write_random(&h.s, h.s.vbn_end / 16, 1 + i * 5) >= 0);
		assert_int_equal(simraid_fsinfo_write(&h.s, 1, 1), 0);
		for (unsigned b = 0; b < 16; b++)
			assert_int_equal(simraid_log_write(&h.s, 0, b, 1, 0), 0);
		assert_int_equal(simraid_close(&h.s), 0);
		bm->generation = 1;
		bm->versions = calloc(h.s.vbn_end, sizeof *bm->versions);
		memcpy(bm->versions, h.s.versions, h.s.vbn_end * sizeof *bm->versions);
		simraid_fini(&h.s);
	}
	memset(&h, 0, sizeof h);
	clone_media(g, base, "live", 0);
	simraid_init(&h.s, seed, "live", g->n_groups, g->disks, 0);
	assert_int_equal(simraid_open(&h.s), 0);
	h.has_spare = mishap == A_DISK_IS_REPLACED || mishap == A_GROUP_IS_CONVERTED;
	h.converts = mishap == A_GROUP_IS_CONVERTED;
	(void)snprintf(spare, sizeof spare, "live-%u", h.s.n_disks);
	(void)memdisk_driver.destroy(spare);
	if (h.has_spare)
		(void)simraid_add_disk(&h.s, spare, g->blocks);
	h.version = 2000000;
	h.committed = (struct volume_model){ 1, calloc(h.s.vbn_end, sizeof(uint32_t)) };
	h.pending = (struct volume_model){ 1, calloc(h.s.vbn_end, sizeof(uint32_t)) };
	memcpy(h.committed.versions, bm->versions, h.s.vbn_end * sizeof(uint32_t));
	memcpy(h.pending.versions, bm->versions, h.s.vbn_end * sizeof(uint32_t));
	h.log_page = page_alloc();
	return true;
}

static void history_free(void)
{
	page_put(h.log_page);
	free(h.committed.versions);
	free(h.pending.versions);
	simraid_fini(&h.s);
}

/* A disk goes wrong on the way; the loss of another is then more than parity carries. */
static void hurt_a_disk(void)
{
	const char *name = h.s.names[rnd(h.s.n_disks - (h.has_spare ? 1U : 0U))];

	switch (rnd(3)) {
	case 0: memdisk_lose(name); break;
	case 1: memdisk_fail_flush(name, 1); break;
	default: memdisk_fail_writes(name, 1); break;
	}
}

static void on_replaced(void *arg, int err)
{
	(void)arg;
	assert_true(err == 0 || h.dead);
	h.replacing = false;
}

/* The spare takes the place of a disk that has failed. */
static void replace_one(void)
{
	static struct raid_status st;

	if (!h.has_spare || h.replaced || h.converts)
		return;
	raid_status(h.s.raid, &st);
	for (unsigned i = 0; i < st.n_disks && !h.replaced; i++) {
		if (st.disks[i].state != RAID_DISK_FAILED)
			continue;
		h.replaced = h.replacing = true;
		raid_replace(h.s.raid, st.disks[i].group, st.disks[i].position, h.s.urls[h.s.n_disks - 1U], on_replaced,
		             NULL);
	}
}

/* The spare becomes a second parity disk of a group. */
static void convert_one(void)
{
	h.replaced = h.replacing = true;
	raid_convert(h.s.raid, (unsigned)rnd(h.s.n_groups), h.s.urls[h.s.n_disks - 1U], on_replaced, NULL);
}

/* Nothing is lost when one more is. */
static bool is_whole(void)
{
	static struct raid_status st;

	raid_status(h.s.raid, &st);
	for (unsigned i = 0; i < st.n_disks; i++)
		if (st.disks[i].state != RAID_DISK_ONLINE)
			return false;
	return !h.converts || st.groups[0].n_parity > 1;
}

static void history_step(bool hurt)
{
	if (hurt && h.converts)
		convert_one();
	else if (hurt)
		hurt_a_disk();
	if (rnd(100) == 0)
		replace_one();
	drive();
	assert_false(h.failed);
	assert_true(sim_step(h.s.sim));
}

/* Without any one of the disks, and any two if so many may be lost; at most MAX_PAIRS of those. What was lost for good
 * before is no loss any more. */
static void check_without(const struct geometry *g, uint64_t seed, unsigned n_media, unsigned n_lost)
{
	unsigned n_pairs = 0, first = n_lost > 1 ? (unsigned)rnd(n_media) : 0;

	for (unsigned a = 0; a < n_media && n_lost > 0; a++) {
		unsigned i = (first + a) % n_media;

		clone_media(g, "cut", "try", 0);
		check_state(g, "try", 1U << i, seed);
		for (unsigned k = 0; k < i && n_lost > 1 && n_pairs < MAX_PAIRS; k++, n_pairs++) {
			clone_media(g, "cut", "try", 0);
			check_state(g, "try", 1U << i | 1U << k, seed);
		}
	}
}

/* How many disks may be lost at the cut; a group that is being converted has as many as before. */
static unsigned may_lose(const struct geometry *g, bool whole)
{
	if (h.converts)
		return g->n_parity + (whole && g->n_groups == 1 ? 1U : 0U);
	return whole ? g->n_parity : g->n_parity - 1U;
}

static void run_history(const struct geometry *g, uint64_t seed, enum mishap mishap)
{
	uint64_t steps, hurt_at;
	unsigned n_disks = g->disks[0] + g->disks[1];
	bool at_commit, whole;

	history_prepare(g, seed, mishap);
	n_histories++;
	steps = 1 + rnd(rnd(2) == 0 ? 300 : 3000);
	hurt_at = mishap != NO_MISHAP ? rnd(steps) : UINT64_MAX;
	if (mishap == A_GROUP_IS_CONVERTED && rnd(2) == 0)
		steps = hurt_at + 1 + rnd(400); /* cut close to the change */
	at_commit = rnd(3) == 0; /* cut while an fsinfo is being written */
	for (uint64_t i = 0; i < steps || (at_commit && h.stage != COMMITTING); i++)
		history_step(i == hurt_at);
	for (uint64_t i = at_commit ? rnd(20 + 12 * n_disks) : 0; i > 0; i--)
		history_step(false);
	h.log_cut = h.log_busy ? h.log_block : UINT32_MAX;
	whole = mishap == NO_MISHAP || (h.replaced && is_whole());
	n_replaced += h.replaced;
	n_rebuilt += h.replaced && whole;
	clone_media(g, "live", "cut", seed * 16 + 5);
	wind_down();
	clone_media(g, "cut", "try", 0);
	check_state(g, "try", NO_DISK, seed);
	check_without(g, seed, n_disks + (h.has_spare ? 1U : 0U), may_lose(g, whole));
	clone_media(g, "cut", "try", 0);
	crash_during_open(g, "try", "again", seed);
	clone_media(g, "again", "try", 0);
	check_state(g, "try", NO_DISK, seed + 1);
	if (mishap == NO_MISHAP) {
		clone_media(g, "again", "try", 0);
		check_state(g, "try",
		            1U << (seed % n_disks) | (g->n_parity > 1 ? 1U << (seed / n_disks % n_disks) : 0U),
		            seed + 1);
	}
	history_free();
}

static uint64_t env_number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text == NULL ? otherwise : strtoull(text, NULL, 10);
}

static void run_seeds(const struct geometry *g, enum mishap mishap)
{
	uint64_t only = env_number("VC_CRASH_SEED", 0), n = env_number("VC_CRASH_SEEDS", 12);

	static const char *const names[] = { "", " hurt", " replaced", " converted" };

	memdisk_set_latency(300000);
	for (uint64_t seed = only != 0 ? only : 1; seed <= (only != 0 ? only : n); seed++) {
		char label[64];

		(void)snprintf(label, sizeof label, "%s%s seed %llu", g->name, names[mishap], (unsigned long long)seed);
		setenv("VC_CRASH_NOW", label, 1);
		run_history(g, seed, mishap);
	}
	print_message(
	    "%llu histories, %llu crash states, %llu of them found the fsinfo in flight; %llu disks replaced, "
	    "%llu of them rebuilt before the cut\n",
	    (unsigned long long)n_histories, (unsigned long long)n_states, (unsigned long long)n_in_flight_fsinfo,
	    (unsigned long long)n_replaced, (unsigned long long)n_rebuilt);
}

static int tell_seed(void **state)
{
	(void)state;
	if (h.s.sim != NULL)
		print_message("failed: %s\n", getenv("VC_CRASH_NOW"));
	return 0;
}

/* Every geometry by its number, and what becomes of a disk. */
#define HISTORIES(name, number, mishap)                                                                                \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		run_seeds(&geometries[number], mishap);                                                                \
	}

HISTORIES(raid_1_plus_1_keeps_what_was_committed, 0, NO_MISHAP)
HISTORIES(raid_3_plus_1_keeps_what_was_committed, 1, NO_MISHAP)
HISTORIES(raid_6_plus_1_keeps_what_was_committed, 2, NO_MISHAP)
HISTORIES(raid_of_two_groups_keeps_what_was_committed, 3, NO_MISHAP)
HISTORIES(raid_3_plus_1_keeps_what_was_committed_when_a_disk_fails_before_the_crash, 1, A_DISK_FAILS)
HISTORIES(raid_of_two_groups_keeps_what_was_committed_when_a_disk_fails_before_the_crash, 3, A_DISK_FAILS)
HISTORIES(raid_1_plus_1_keeps_what_was_committed_when_a_disk_is_replaced_before_the_crash, 0, A_DISK_IS_REPLACED)
HISTORIES(raid_3_plus_1_keeps_what_was_committed_when_a_disk_is_replaced_before_the_crash, 1, A_DISK_IS_REPLACED)
HISTORIES(raid_of_two_groups_keeps_what_was_committed_when_a_disk_is_replaced_before_the_crash, 3, A_DISK_IS_REPLACED)
HISTORIES(raid_1_plus_1_keeps_what_was_committed_when_it_is_converted_before_the_crash, 0, A_GROUP_IS_CONVERTED)
HISTORIES(raid_3_plus_1_keeps_what_was_committed_when_it_is_converted_before_the_crash, 1, A_GROUP_IS_CONVERTED)
HISTORIES(raid_of_two_groups_keeps_what_was_committed_when_one_is_converted_before_the_crash, 3, A_GROUP_IS_CONVERTED)
HISTORIES(mirror_of_3_keeps_what_was_committed, 4, NO_MISHAP)
HISTORIES(dp_3_plus_2_keeps_what_was_committed, 5, NO_MISHAP)
HISTORIES(dp_6_plus_2_keeps_what_was_committed, 6, NO_MISHAP)
HISTORIES(dp_of_two_groups_keeps_what_was_committed, 7, NO_MISHAP)
HISTORIES(dp_3_plus_2_keeps_what_was_committed_when_a_disk_fails_before_the_crash, 5, A_DISK_FAILS)
HISTORIES(dp_of_two_groups_keeps_what_was_committed_when_a_disk_fails_before_the_crash, 7, A_DISK_FAILS)
HISTORIES(mirror_of_3_keeps_what_was_committed_when_a_disk_is_replaced_before_the_crash, 4, A_DISK_IS_REPLACED)
HISTORIES(dp_3_plus_2_keeps_what_was_committed_when_a_disk_is_replaced_before_the_crash, 5, A_DISK_IS_REPLACED)
HISTORIES(dp_of_two_groups_keeps_what_was_committed_when_a_disk_is_replaced_before_the_crash, 7, A_DISK_IS_REPLACED)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(raid_1_plus_1_keeps_what_was_committed, tell_seed),
		cmocka_unit_test_teardown(raid_3_plus_1_keeps_what_was_committed, tell_seed),
		cmocka_unit_test_teardown(raid_6_plus_1_keeps_what_was_committed, tell_seed),
		cmocka_unit_test_teardown(raid_of_two_groups_keeps_what_was_committed, tell_seed),
		cmocka_unit_test_teardown(raid_3_plus_1_keeps_what_was_committed_when_a_disk_fails_before_the_crash,
		                          tell_seed),
		cmocka_unit_test_teardown(
		    raid_of_two_groups_keeps_what_was_committed_when_a_disk_fails_before_the_crash, tell_seed),
		cmocka_unit_test_teardown(
		    raid_1_plus_1_keeps_what_was_committed_when_a_disk_is_replaced_before_the_crash, tell_seed),
		cmocka_unit_test_teardown(
		    raid_3_plus_1_keeps_what_was_committed_when_a_disk_is_replaced_before_the_crash, tell_seed),
		cmocka_unit_test_teardown(
		    raid_of_two_groups_keeps_what_was_committed_when_a_disk_is_replaced_before_the_crash, tell_seed),
		cmocka_unit_test_teardown(raid_1_plus_1_keeps_what_was_committed_when_it_is_converted_before_the_crash,
		                          tell_seed),
		cmocka_unit_test_teardown(raid_3_plus_1_keeps_what_was_committed_when_it_is_converted_before_the_crash,
		                          tell_seed),
		cmocka_unit_test_teardown(
		    raid_of_two_groups_keeps_what_was_committed_when_one_is_converted_before_the_crash, tell_seed),
		cmocka_unit_test_teardown(mirror_of_3_keeps_what_was_committed, tell_seed),
		cmocka_unit_test_teardown(dp_3_plus_2_keeps_what_was_committed, tell_seed),
		cmocka_unit_test_teardown(dp_6_plus_2_keeps_what_was_committed, tell_seed),
		cmocka_unit_test_teardown(dp_of_two_groups_keeps_what_was_committed, tell_seed),
		cmocka_unit_test_teardown(dp_3_plus_2_keeps_what_was_committed_when_a_disk_fails_before_the_crash,
		                          tell_seed),
		cmocka_unit_test_teardown(dp_of_two_groups_keeps_what_was_committed_when_a_disk_fails_before_the_crash,
		                          tell_seed),
		cmocka_unit_test_teardown(mirror_of_3_keeps_what_was_committed_when_a_disk_is_replaced_before_the_crash,
		                          tell_seed),
		cmocka_unit_test_teardown(dp_3_plus_2_keeps_what_was_committed_when_a_disk_is_replaced_before_the_crash,
		                          tell_seed),
		cmocka_unit_test_teardown(
		    dp_of_two_groups_keeps_what_was_committed_when_a_disk_is_replaced_before_the_crash, tell_seed),
	};

	if (page_arena_init(16384) != 0)
		return 1;
	if (getenv("TEST_VERBOSE") == NULL)
		log_set_level((enum log_level) - 1);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
