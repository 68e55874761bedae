/* SPDX-License-Identifier: Apache-2.0 */
/* What a disk can be when a volume starts: an old copy, of another history, of another volume, blank, cut, grown, twice
 * the same; and more of that than RAID covers. Wrong data is nothing that may ever be; who is at fault is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/base/cmocka_all.h"

#include "raid/raid_volume.h"
#include "raid/spare_label.h"
#include "tests/support/simraid.h"

#define N_DISKS 4U
#define DISK_BLOCKS 2560U
#define LOG_HALF (64U * 4096U)

static struct simraid s;
static unsigned n_names;
static uint64_t generation;

static struct raid_status *status(void)
{
	static struct raid_status st;

	raid_status(s.raid, &st);
	return &st;
}

static void write_some(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_true(simraid_write_random(&s, 120, 1 + i * 7) >= 0);
}

/* A consistency point. */
static void commit(void)
{
	write_some(2);
	generation++;
	assert_int_equal(simraid_fsinfo_write(&s, generation, (uint8_t)generation), 0);
}

static void start(void)
{
	assert_int_equal(simraid_open(&s), 0);
}

static void stop(void)
{
	assert_int_equal(simraid_close(&s), 0);
	s.raid = NULL;
}

static void make(unsigned n_disks, const char *prefix)
{
	static uint64_t seed = 10;

	simraid_init(&s, ++seed, prefix, 1, &n_disks, DISK_BLOCKS);
	assert_int_equal(simraid_format(&s, LOG_HALF), 0);
	generation = 0;
	start();
	write_some(4);
	commit();
}

static void unmake(void)
{
	if (s.raid != NULL)
		stop();
	simraid_fini(&s);
	memdisk_destroy_all();
}

static void take_medium(unsigned disk, const char *name)
{
	snprintf(s.names[disk], sizeof s.names[disk], "%.31s", name);
	snprintf(s.urls[disk], sizeof s.urls[disk], "mem:%.31s", name);
}

/* A copy of the disk as it is now, under a name of its own. */
static const char *copy_of(unsigned disk)
{
	static char names[64][32];
	char *name = names[n_names++ % 64];

	snprintf(name, sizeof names[0], "copy-%u", n_names);
	assert_int_equal(memdisk_clone(s.names[disk], name), 0);
	return name;
}

/* The power fails: all media become copies, and the volume that was on them ends. */
static void crash(uint64_t seed)
{
	for (unsigned i = 0; i < s.n_disks; i++) {
		char name[32];

		snprintf(name, sizeof name, "life%u-%u", ++n_names, i);
		assert_int_equal(memdisk_crash_clone(s.names[i], name, seed + i), 0);
		memdisk_lose(s.names[i]);
		take_medium(i, name);
	}
	(void)simraid_close(&s);
	s.raid = NULL;
}

/* It starts without `disk`, which is `state`, and has all data, also after everything has been written anew. */
static void starts_without(unsigned disk, enum raid_disk_state state)
{
	start();
	assert_true(status()->degraded);
	assert_false(status()->failed);
	for (unsigned i = 0; i < s.n_disks; i++)
		assert_int_equal(status()->disks[i].state, i == disk ? state : RAID_DISK_ONLINE);
	assert_string_equal(status()->disks[disk].url, s.urls[disk]);
	assert_true(status()->disks[disk].why[0] != '\0');
	assert_non_null(strstr(s.report.text, s.urls[disk]));
	assert_non_null(strstr(s.report.text, raid_disk_state_name(state)));
	assert_int_equal(simraid_check(&s, NULL), 0);
	commit();
	assert_int_equal(simraid_check(&s, NULL), 0);
	stop();
	/* it is not believed at the next start either */
	start();
	assert_true(status()->disks[disk].state == state || status()->disks[disk].state == RAID_DISK_FAILED);
	if (state == RAID_DISK_STALE)
		assert_int_equal(status()->disks[disk].state, RAID_DISK_STALE);
	assert_int_equal(simraid_check(&s, NULL), 0);
	stop();
}

static void starts_whole(void)
{
	start();
	assert_false(status()->degraded);
	assert_string_equal(s.report.text, "");
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_verify(&s), 0);
}

/* ---- an old copy ------------------------------------------------------------------------------------------------- */

static void a_disk_older_by_a_clean_run_is_stale(void **state)
{
	(void)state;
	for (unsigned disk = 0; disk < N_DISKS; disk++) { /* 0, 1: with a copy of the log; 3: parity */
		const char *old;

		make(N_DISKS, "run");
		stop();
		old = copy_of(disk);
		start();
		commit();
		stop();
		take_medium(disk, old);
		starts_without(disk, RAID_DISK_STALE);
		unmake();
	}
}

static void a_disk_older_by_a_run_that_wrote_nothing_is_stale(void **state)
{
	const char *old;

	(void)state;
	make(N_DISKS, "idle");
	stop();
	old = copy_of(1);
	start();
	stop();
	take_medium(1, old);
	starts_without(1, RAID_DISK_STALE);
	unmake();
}

static void a_disk_older_by_a_crash_is_stale(void **state)
{
	(void)state;
	for (unsigned disk = 0; disk < N_DISKS; disk++) {
		const char *old;

		make(N_DISKS, "crash");
		write_some(2);
		crash(disk);
		old = copy_of(disk);
		start();
		commit();
		crash(disk + 10);
		take_medium(disk, old);
		/* the model knows no crash: parity and entries tell */
		memset(s.versions, 0, s.vbn_end * sizeof *s.versions);
		start();
		assert_int_equal(status()->disks[disk].state, RAID_DISK_STALE);
		write_some(2);
		assert_int_equal(simraid_check(&s, NULL), 0);
		unmake();
	}
}

static void a_disk_older_by_a_consistency_point_is_stale(void **state)
{
	(void)state;
	for (unsigned disk = 0; disk < N_DISKS; disk++) {
		const char *old;

		make(N_DISKS, "cp");
		old = copy_of(disk);
		commit();
		crash(disk);
		take_medium(disk, old);
		starts_without(disk, RAID_DISK_STALE);
		unmake();
	}
}

/* In the middle of a consistency point only intents lean on the flushes that made room for them. */
static void a_disk_older_by_settled_intents_is_stale(void **state)
{
	(void)state;
	for (unsigned disk = 0; disk < N_DISKS; disk++) {
		uint32_t *committed;
		const char *old;

		make(N_DISKS, "settled");
		committed = malloc(s.vbn_end * sizeof *committed);
		assert_non_null(committed);
		memcpy(committed, s.versions, s.vbn_end * sizeof *committed);
		old = copy_of(disk);
		for (uint32_t v = 1; v < s.vbn_end; v++) { /* places that are free in the fsinfo */
			if (committed[v] == 0 && v % 3 == 0)
				assert_int_equal(simraid_write(&s, &v, 1), 0);
		}
		crash(disk);
		take_medium(disk, old);
		memcpy(s.versions, committed, s.vbn_end * sizeof *committed);
		free(committed);
		starts_without(disk, RAID_DISK_STALE);
		unmake();
	}
}

/* The power fails when one half of a mirror has the mark of a flush and the other has not, and the volume then starts
 * without it: what leaned on the flush is nowhere, so that half has not lived on by itself, and there are not two
 * volumes to choose from. */
static void an_absent_disk_with_the_mark_of_a_flush_that_never_ended_is_no_other_volume(void **state)
{
	(void)state;
	for (unsigned disk = 0; disk < 2; disk++) {
		char before[2][32];
		uint8_t mark[RAID_BLOCK_SIZE];
		uint32_t *versions;

		make(2, "unended");
		for (unsigned i = 0; i < 2; i++)
			snprintf(before[i], sizeof before[i], "%s", copy_of(i));
		versions = malloc(s.vbn_end * sizeof *versions);
		assert_non_null(versions);
		memcpy(versions, s.versions, s.vbn_end * sizeof *versions);
		write_some(1);
		assert_int_equal(simraid_flush(&s), 0);
		for (unsigned copy = 0; copy < 2; copy++) {
			memdisk_peek(s.names[disk], layout_mark_block(copy), mark);
			memdisk_poke(before[disk], layout_mark_block(copy), mark);
		}
		stop();
		take_medium(1 - disk, before[1 - disk]);
		take_medium(disk, "nowhere");
		memcpy(s.versions, versions, s.vbn_end * sizeof *versions);
		free(versions);
		start();
		assert_int_equal(status()->disks[disk].state, RAID_DISK_MISSING);
		commit();
		stop();
		take_medium(disk, before[disk]);
		starts_without(disk, RAID_DISK_FAILED); /* the labels say that it was not there */
		unmake();
	}
}

static void a_disk_newer_than_all_others_stops_the_start(void **state)
{
	const char *old[N_DISKS];

	(void)state;
	make(N_DISKS, "newer");
	stop();
	for (unsigned i = 0; i < N_DISKS; i++)
		old[i] = copy_of(i);
	start();
	commit();
	stop();
	for (unsigned i = 0; i < N_DISKS; i++)
		if (i != 2)
			take_medium(i, old[i]);
	assert_int_equal(simraid_open(&s), -ENXIO);
	for (unsigned i = 0; i < N_DISKS; i++)
		assert_true((strstr(s.report.text, s.urls[i]) != NULL) == (i != 2));
	assert_non_null(strstr(s.report.text, "stale"));
	unmake();
}

static void a_stale_and_a_missing_disk_are_too_many(void **state)
{
	const char *old;

	(void)state;
	make(N_DISKS, "two");
	stop();
	old = copy_of(0); /* a copy of the log: alone it would lose what was acknowledged */
	start();
	commit();
	stop();
	take_medium(0, old);
	take_medium(1, "nowhere");
	assert_int_equal(simraid_open(&s), -ENXIO);
	assert_non_null(strstr(s.report.text, "data disk 0 of group 0 (mem:copy"));
	assert_non_null(strstr(s.report.text, "is stale"));
	assert_non_null(strstr(s.report.text, "data disk 1 of group 0 (mem:nowhere) is missing: it cannot be opened"));
	unmake();
}

/* ---- another history --------------------------------------------------------------------------------------------- */

/* The whole volume is copied; both live on, the copy for `more` starts more and, in the last, two more consistency
 * points. One disk comes from the copy: as it was before the last stop, so that its labels may be older, and only the
 * ids of the starts tell. */
static void parted(unsigned disk, unsigned more, bool in_mid_run)
{
	char names[N_DISKS][32], theirs[32];
	uint32_t *versions;
	uint64_t generation_before;

	make(N_DISKS, "parted");
	if (!in_mid_run)
		stop();
	for (unsigned i = 0; i < N_DISKS; i++)
		snprintf(names[i], sizeof names[i], "%s", copy_of(i));
	generation_before = generation;
	if (!in_mid_run)
		start();
	commit();
	commit();
	stop();
	versions = malloc(s.vbn_end * sizeof *versions);
	assert_non_null(versions);
	memcpy(versions, s.versions, s.vbn_end * sizeof *versions);
	for (unsigned i = 0; i < N_DISKS; i++) {
		char name[32];

		snprintf(name, sizeof name, "%s", s.names[i]);
		take_medium(i, names[i]);
		snprintf(names[i], sizeof names[i], "%s", name);
	}
	generation = generation_before;
	for (unsigned i = 0; i <= more; i++) {
		start();
		commit();
		if (i == more) {
			commit();
			commit();
			snprintf(theirs, sizeof theirs, "%s", copy_of(disk));
		}
		stop();
	}
	for (unsigned i = 0; i < N_DISKS; i++)
		take_medium(i, i == disk ? theirs : names[i]);
	memcpy(s.versions, versions, s.vbn_end * sizeof *versions);
	free(versions);
	generation = 100;
	starts_without(disk, RAID_DISK_STALE);
	unmake();
}

static void a_disk_of_a_copy_that_lived_on_is_not_believed(void **state)
{
	(void)state;
	for (unsigned disk = 0; disk < N_DISKS; disk++) {
		parted(disk, 0, false);
		parted(disk, 3, false);
		parted(disk, 0, true);
		parted(disk, 2, true);
	}
}

static void two_halves_of_a_mirror_that_lived_apart_are_for_a_person_to_decide(void **state)
{
	char names[2][32];

	(void)state;
	make(2, "mirror");
	stop();
	for (unsigned i = 0; i < 2; i++)
		snprintf(names[i], sizeof names[i], "%s", s.names[i]);
	for (unsigned i = 0; i < 2; i++) {
		s.names[1 - i][0] = '\0';
		start();
		commit();
		stop();
		take_medium(1 - i, names[1 - i]);
	}
	assert_int_equal(simraid_open(&s), -EUCLEAN);
	assert_true(s.report.text[0] != '\0');
	unmake();
}

/* ---- not a disk of this volume ----------------------------------------------------------------------------------- */

static void a_disk_of_another_volume_is_named_with_whose_it_is(void **state)
{
	char foreign[32], text[UUID_TEXT_SIZE];

	(void)state;
	make(N_DISKS, "other");
	uuid_format(raid_volume_uuid(s.raid), text);
	for (unsigned i = 0; i < 3; i++) { /* its labels are newer */
		stop();
		start();
	}
	snprintf(foreign, sizeof foreign, "%s", copy_of(0));
	stop();
	simraid_fini(&s);
	for (unsigned disk = 0; disk < N_DISKS; disk++) {
		char name[24];

		snprintf(name, sizeof name, "mine%u", disk);
		make(N_DISKS, name);
		stop();
		snprintf(name, sizeof name, "theirs%u", disk);
		assert_int_equal(memdisk_clone(foreign, name), 0);
		take_medium(disk, name);
		start();
		assert_non_null(strstr(status()->disks[disk].why, text));
		stop();
		starts_without(disk, RAID_DISK_MISSING);
		simraid_fini(&s);
	}
	memdisk_destroy_all();
}

static void a_blank_disk_is_named(void **state)
{
	(void)state;
	make(N_DISKS, "blank");
	stop();
	assert_int_equal(disk_create("mem:white", (uint64_t)DISK_BLOCKS * RAID_BLOCK_SIZE), 0);
	take_medium(2, "white");
	starts_without(2, RAID_DISK_MISSING);
	unmake();
}

/* It may be named among the disks: it was taken for a place, and has not got there. */
static void a_hot_spare_is_no_member_and_not_empty(void **state)
{
	static struct raid_spare_format bytes;
	struct spare_label label = { .disk_uuid.b[0] = 9, .size_blocks = DISK_BLOCKS };

	(void)state;
	make(N_DISKS, "hot");
	stop();
	assert_int_equal(disk_create("mem:waits", (uint64_t)DISK_BLOCKS * RAID_BLOCK_SIZE), 0);
	spare_label_encode(&label, &bytes);
	memdisk_poke("waits", 0, (const void *)&bytes);
	take_medium(2, "waits");
	starts_without(2, RAID_DISK_MISSING);
	assert_non_null(strstr(s.report.text, "a hot spare, no disk of a volume"));
	for (unsigned i = 0; i < N_DISKS; i++)
		if (i != 2)
			memdisk_zero(s.names[i]);
	assert_int_equal(simraid_format(&s, LOG_HALF), -EEXIST);
	memdisk_zero("waits");
	assert_int_equal(simraid_format(&s, LOG_HALF), 0);
	unmake();
}

/* Another size of the same bytes. */
static void resize(unsigned disk, uint64_t blocks, const char *name)
{
	char url[40];
	uint8_t bytes[4096];

	snprintf(url, sizeof url, "mem:%s", name);
	assert_int_equal(disk_create(url, blocks * RAID_BLOCK_SIZE), 0);
	for (uint64_t b = 0; b < MIN_OF(blocks, (uint64_t)DISK_BLOCKS); b++) {
		memdisk_peek(s.names[disk], b, bytes);
		memdisk_poke(name, b, bytes);
	}
	take_medium(disk, name);
}

static void a_disk_cut_short_is_not_used(void **state)
{
	(void)state;
	make(N_DISKS, "cut");
	stop();
	resize(1, DISK_BLOCKS - 1, "short");
	starts_without(1, RAID_DISK_FAILED);
	unmake();
	make(N_DISKS, "cut");
	stop();
	resize(1, 7, "shorter");
	starts_without(1, RAID_DISK_MISSING);
	unmake();
}

static void a_disk_that_has_grown_is_the_disk(void **state)
{
	(void)state;
	make(N_DISKS, "grown");
	stop();
	resize(1, DISK_BLOCKS + 100, "long");
	starts_whole();
	unmake();
}

/* ---- twice the same ---------------------------------------------------------------------------------------------- */

static void a_disk_that_is_named_twice_is_one(void **state)
{
	(void)state;
	make(N_DISKS, "twice");
	stop();
	take_medium(2, s.names[1]);
	start();
	assert_true(status()->degraded);
	assert_int_equal(status()->disks[1].state, RAID_DISK_ONLINE);
	assert_int_equal(status()->disks[2].state, RAID_DISK_MISSING);
	assert_non_null(strstr(s.report.text, "is the same file or device as"));
	assert_int_equal(simraid_check(&s, NULL), 0);
	unmake();
}

static void of_a_disk_and_its_copy_one_is_taken(void **state)
{
	char beside[32];

	(void)state;
	make(N_DISKS, "beside");
	stop();
	snprintf(beside, sizeof beside, "%s", copy_of(1));
	s.n_disks = N_DISKS + 1;
	take_medium(N_DISKS, beside);
	start();
	assert_false(status()->degraded);
	assert_non_null(strstr(s.report.text, beside));
	commit();
	assert_int_equal(simraid_check(&s, NULL), 0);
	stop();
	/* now one of them is older, and may stand first */
	take_medium(N_DISKS, s.names[1]);
	take_medium(1, beside);
	start();
	assert_false(status()->degraded);
	assert_int_equal(simraid_check(&s, NULL), 0);
	assert_int_equal(simraid_verify(&s), 0);
	unmake();
}

/* ---- honest disks ------------------------------------------------------------------------------------------------ */

static void a_power_cut_at_any_moment_makes_no_disk_stale(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		make(N_DISKS, "honest");
		for (uint64_t cut = 0; cut < 6; cut++) {
			write_some(1 + (unsigned)(seed % 3));
			if (cut % 2 == seed % 2)
				commit();
			crash(seed * 100 + cut);
			memset(s.versions, 0, s.vbn_end * sizeof *s.versions);
			start();
			assert_string_equal(s.report.text, "");
			assert_false(status()->degraded);
			generation += 2;
		}
		unmake();
	}
}

static void a_disk_with_one_bad_mark_is_believed_by_the_other(void **state)
{
	(void)state;
	for (unsigned copy = 0; copy < 2; copy++) {
		make(N_DISKS, "mark");
		stop(); /* the labels lean on no flush later than the older copy */
		start();
		crash(copy);
		memdisk_flip_bit(s.names[1], layout_mark_block(copy), 77);
		start();
		assert_int_equal(simraid_check(&s, NULL), 0);
		unmake();
	}
}

/* ---- a copy with an identity of its own -------------------------------------------------------------------------- */

struct answer {
	bool done;
	int err;
};

static void answered(void *arg, int err)
{
	*(struct answer *)arg = (struct answer){ true, err };
}

static struct uuid uuid_of(uint8_t byte)
{
	uint8_t random[16];

	memset(random, byte, sizeof random);
	return uuid_from_random(random);
}

static int identify(uint8_t byte)
{
	struct uuid uuid = uuid_of(byte);
	struct answer answer = { 0 };

	raid_identify(s.raid, &uuid, answered, &answer);
	assert_true(simraid_wait(&s, &answer.done));
	return answer.err;
}

static void a_copy_gets_another_identity_for_good(void **state)
{
	struct uuid origin, disk, told;

	(void)state;
	make(N_DISKS, "copied");
	origin = *raid_volume_uuid(s.raid);
	disk = told = status()->disks[1].uuid;
	raid_identity_mask(s.raid, &told);
	assert_true(uuid_equal(&told, &disk)); /* nothing is another while it is nobody's copy */
	for (uint8_t turn = 1; turn < 4; turn++) { /* a copy of a copy, too */
		struct uuid uuid = uuid_of(turn);

		assert_int_equal(identify(turn), 0);
		crash(turn); /* what was answered is durable */
		starts_whole();
		assert_true(uuid_equal(raid_volume_uuid(s.raid), &uuid));
		assert_false(uuid_equal(&status()->disks[1].uuid, &disk));
		told = status()->disks[1].uuid;
		raid_identity_mask(s.raid, &told);
		assert_true(uuid_equal(&told, &disk));
		told = origin;
		raid_identity_mask(s.raid, &told);
		assert_true(uuid_equal(&told, &uuid));
		write_some(2);
		commit();
	}
	unmake();
}

/* After a power cut it is called the one or the other, by all its disks. */
static void a_power_cut_leaves_the_old_identity_or_the_new_one(void **state)
{
	unsigned n_old = 0, n_new = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 80; seed++) {
		struct uuid origin, uuid = uuid_of(9);
		struct answer answer = { 0 };
		bool is_new, was_told;

		make(N_DISKS, "identity");
		origin = *raid_volume_uuid(s.raid);
		raid_identify(s.raid, &uuid, answered, &answer);
		for (uint64_t step = 0; step < seed % 12 && !answer.done; step++)
			(void)sim_step(s.sim);
		was_told = answer.done;
		crash(seed);
		starts_whole();
		is_new = uuid_equal(raid_volume_uuid(s.raid), &uuid);
		assert_true(is_new || (!was_told && uuid_equal(raid_volume_uuid(s.raid), &origin)));
		n_new += is_new;
		n_old += !is_new;
		unmake();
	}
	assert_true(n_old > 0 && n_new > 0);
}

static void a_disk_of_the_original_is_none_of_the_copy_s(void **state)
{
	const char *original;

	(void)state;
	make(N_DISKS, "origin");
	stop();
	original = copy_of(2);
	start();
	assert_int_equal(identify(5), 0);
	stop();
	take_medium(2, original);
	starts_without(2, RAID_DISK_STALE);
	unmake();
}

static void nothing_is_called_anew_that_is_only_read(void **state)
{
	struct uuid origin;

	(void)state;
	make(N_DISKS, "readonly");
	origin = *raid_volume_uuid(s.raid);
	stop();
	assert_int_equal(simraid_open_read_only(&s), 0);
	assert_int_equal(identify(5), -EROFS);
	assert_true(uuid_equal(raid_volume_uuid(s.raid), &origin));
	unmake();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_disk_older_by_a_clean_run_is_stale),
		cmocka_unit_test(a_disk_older_by_a_run_that_wrote_nothing_is_stale),
		cmocka_unit_test(a_disk_older_by_a_crash_is_stale),
		cmocka_unit_test(a_disk_older_by_a_consistency_point_is_stale),
		cmocka_unit_test(a_disk_older_by_settled_intents_is_stale),
		cmocka_unit_test(an_absent_disk_with_the_mark_of_a_flush_that_never_ended_is_no_other_volume),
		cmocka_unit_test(a_disk_newer_than_all_others_stops_the_start),
		cmocka_unit_test(a_stale_and_a_missing_disk_are_too_many),
		cmocka_unit_test(a_disk_of_a_copy_that_lived_on_is_not_believed),
		cmocka_unit_test(two_halves_of_a_mirror_that_lived_apart_are_for_a_person_to_decide),
		cmocka_unit_test(a_disk_of_another_volume_is_named_with_whose_it_is),
		cmocka_unit_test(a_blank_disk_is_named),
		cmocka_unit_test(a_hot_spare_is_no_member_and_not_empty),
		cmocka_unit_test(a_disk_cut_short_is_not_used),
		cmocka_unit_test(a_disk_that_has_grown_is_the_disk),
		cmocka_unit_test(a_disk_that_is_named_twice_is_one),
		cmocka_unit_test(of_a_disk_and_its_copy_one_is_taken),
		cmocka_unit_test(a_power_cut_at_any_moment_makes_no_disk_stale),
		cmocka_unit_test(a_disk_with_one_bad_mark_is_believed_by_the_other),
		cmocka_unit_test(a_copy_gets_another_identity_for_good),
		cmocka_unit_test(a_power_cut_leaves_the_old_identity_or_the_new_one),
		cmocka_unit_test(a_disk_of_the_original_is_none_of_the_copy_s),
		cmocka_unit_test(nothing_is_called_anew_that_is_only_read),
	};

	vc_assert(page_arena_init(16384) == 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
