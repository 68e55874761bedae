/* SPDX-License-Identifier: Apache-2.0 */
/* The repair when power fails: whatever it leaves at any of its writes, a second repair ends clean, files are what they
 * were, and what was acknowledged after the last consistency point is there.
 *
 * One repair runs to its end; at each of its I/Os that may leave something new its disks are copied as a power cut
 * would leave them, and each such copy is repaired afterwards. */
#include "tests/fs/damagecase.h"

#include "base/crc32c.h"
#include "base/page.h"
#include "tests/support/memdisk.h"

#define STATES_MAX 400U

static const struct fs_check_offline_options repair_options = { .cache_pages = 4096, .repair = true };
static const char *const paths[] = {
	"/file", "/file2", "/small", "/lun", "/top", "/.snapshot/s1/file", "/.snapshot/s2/file", "/acked"
};
#define N_PATHS (sizeof paths / sizeof paths[0])

static const char *const of_maps[] = { "a block in use is free in the active map",
	                               "a block in the summary map that no snapshot holds",
	                               "space map: active count",
	                               "fsinfo: inodes used",
	                               "parity: a flipped bit",
	                               NULL };
static const char *const of_records[] = { "inode: one block too few",
	                                  "file: link count too high",
	                                  "inode: reserved bytes",
	                                  "inode: a free record that is not zero",
	                                  "inode map: a free inode is used",
	                                  "snapshot: a free record that is not zero",
	                                  NULL };
static const char *const of_names[] = { "directory: parent", "directory: a pair of the index",
	                                "directory: an entry lost", NULL };

/* ---- the volume: closed by a power cut, with a log, and damaged ---- */

static void damage_by_name(struct cb_raw *raw, const char *name)
{
	const struct damage_case *c;
	unsigned i = 0;

	while ((c = damage_case_at(i)) != NULL && strcmp(c->name, name) != 0)
		i++;
	if (c == NULL)
		fail_msg("no case \"%s\"", name);
	c->damage(raw);
}

static void sums_take(uint32_t sums[N_PATHS])
{
	static uint8_t bytes[64 * 4096];

	for (unsigned i = 0; i < N_PATHS; i++) {
		struct fs_file_id id;
		int n = box_resolve(&damage_box, paths[i], &id) == 0 ? box_read(&damage_box, id, 0, bytes, sizeof bytes)
		                                                     : -ENOENT;

		assert_true(n > 0);
		sums[i] = crc32c(bytes, (size_t)n);
	}
}

static void volume_prepare(const char *const *names, uint32_t sums[N_PATHS])
{
	struct fs_file_id id;
	uint8_t bytes[9000];
	struct cb_raw raw;

	assert_int_equal(box_mount(&damage_box), 0);
	memset(bytes, 'a', sizeof bytes);
	assert_int_equal(box_create(&damage_box, box_root, "acked", &id), 0);
	assert_int_equal(box_write(&damage_box, id, 0, bytes, sizeof bytes, FS_FILE_SYNC), 0);
	sums_take(sums);
	box_cut(&damage_box, 3);
	cb_raw_open(&raw, &damage_box);
	for (; *names != NULL; names++)
		damage_by_name(&raw, *names);
	cb_raw_close(&raw);
}

/* ---- one repair, and what power cuts in it leave ---- */

struct cutting {
	bool done;
	int err;
	uint64_t n_errors, events, state;
	unsigned n_events, stride, n_states; /* stride: of the events that may have left something new */
};

static void repair_done(void *arg, int err, const struct fs_check_offline *check)
{
	struct cutting *cutting = arg;
	struct fs_check_result result = check->result;

	cutting->done = true;
	cutting->err = err;
	cutting->n_errors = result.n_errors;
	if (result.n_errors > 0)
		print_error("%s", result.report);
	fs_check_result_fini(&result);
}

static void state_name(char *name, size_t size, unsigned state, unsigned disk)
{
	snprintf(name, size, "state%u.%u", state, disk);
}

static void state_keep(struct cutting *cutting)
{
	char name[32];

	for (unsigned i = 0; i < damage_box.n_disks; i++) {
		state_name(name, sizeof name, cutting->n_states, i);
		assert_int_equal(memdisk_crash_clone(damage_box.urls[i] + 4, name, cutting->n_events * 31U + i), 0);
	}
	cutting->n_states++;
}

/* Between any two things that happen. */
static bool repair_is_over(void *arg)
{
	struct cutting *cutting = arg;
	uint64_t events = 0, state = 0;

	for (unsigned i = 0; i < damage_box.n_disks; i++) {
		const char *name = damage_box.urls[i] + 4;

		events += memdisk_events(name);
		state = (state << 7 | state >> 57) ^ memdisk_hash(name) ^ (uint64_t)memdisk_pending(name) << 40;
	}
	if (events == cutting->events || state == cutting->state)
		return cutting->done;
	cutting->events = events;
	cutting->state = state;
	if (cutting->n_events++ % cutting->stride == 0 && cutting->n_states < STATES_MAX)
		state_keep(cutting);
	return cutting->done;
}

static void repair_once(struct cutting *cutting)
{
	const char *urls[BOX_DISKS_MAX];

	for (unsigned i = 0; i < damage_box.n_disks; i++)
		urls[i] = damage_box.urls[i];
	fs_check_offline(damage_box.world, urls, damage_box.n_disks, &repair_options, repair_done, cutting);
	assert_true(sim_run_until(damage_box.sim, repair_is_over, cutting, 100000000));
	assert_int_equal(cutting->err, 0);
	assert_int_equal(cutting->n_errors, 0);
}

static void state_repair(unsigned state, const uint32_t sums[N_PATHS])
{
	struct fs_check_offline check;
	uint32_t now[N_PATHS];
	char name[32];

	for (unsigned i = 0; i < damage_box.n_disks; i++) {
		state_name(name, sizeof name, state, i);
		snprintf(damage_box.urls[i], sizeof damage_box.urls[i], "mem:%s", name);
	}
	assert_int_equal(cb_check_offline_with(&damage_box, &repair_options, &check), 0);
	if (check.result.n_errors > 0)
		print_error("state %u: %s", state, check.result.report);
	assert_int_equal(check.result.n_errors, 0);
	fs_check_result_fini(&check.result);
	assert_int_equal(box_mount(&damage_box), 0);
	sums_take(now);
	assert_memory_equal(now, sums, sizeof now);
	assert_int_equal(box_unmount(&damage_box), 0);
	cb_disks_drop(&damage_box);
}

static void repair_cut(const char *const *names, unsigned stride)
{
	struct cutting cutting = { .stride = stride };
	uint32_t sums[N_PATHS];

	volume_prepare(names, sums);
	memdisk_set_latency(200000);
	repair_once(&cutting);
	memdisk_set_latency(0);
	print_message("%u points at which the power may fail, %u looked at\n", cutting.n_events, cutting.n_states);
	assert_true(cutting.n_states >= 20);
	cb_disks_drop(&damage_box);
	for (unsigned i = 0; i < cutting.n_states; i++)
		state_repair(i, sums);
}

static void repair_of_maps_survives_power_cuts(void **state)
{
	(void)state;
	repair_cut(of_maps, 1);
}

static void repair_of_records_survives_power_cuts(void **state)
{
	(void)state;
	repair_cut(of_records, 1);
}

static void repair_of_names_survives_power_cuts(void **state)
{
	(void)state;
	repair_cut(of_names, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(repair_of_maps_survives_power_cuts, damage_volume_make,
		                                damage_volume_drop),
		cmocka_unit_test_setup_teardown(repair_of_records_survives_power_cuts, damage_volume_make,
		                                damage_volume_drop),
		cmocka_unit_test_setup_teardown(repair_of_names_survives_power_cuts, damage_volume_make,
		                                damage_volume_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
