/* SPDX-License-Identifier: Apache-2.0 */
/* The repair: what the check calls repairable is gone after it, and files are what they were. */
#include "tests/fs/damagecase.h"

#include "base/checksum.h"

static const char *const paths[] = { "/file", "/file2", "/small", "/lun", "/top", "/.snapshot/s1/file", "/.snapshot/s2/file" };
#define N_PATHS (sizeof paths / sizeof paths[0])

static void sums_take(uint32_t sums[N_PATHS])
{
	static uint8_t bytes[64 * 4096];

	for (unsigned i = 0; i < N_PATHS; i++) {
		struct fs_file_id id;
		int n = box_resolve(&damage_box, paths[i], &id) == 0 ? box_read(&damage_box, id, 0, bytes, sizeof bytes) : -ENOENT;

		sums[i] = n < 0 ? (uint32_t)n : crc32c(bytes, (size_t)n);
	}
}

static bool all_are_repairable(const struct fs_check_result *result)
{
	for (size_t i = 0; i < result->n_findings; i++)
		if (!result->findings[i].repairable)
			return false;
	return result->n_errors == result->n_findings;
}

static bool none_is_repairable(const struct fs_check_result *result)
{
	for (size_t i = 0; i < result->n_findings; i++)
		if (result->findings[i].repairable)
			return false;
	return true;
}

/* What is called repairable is gone afterwards; and when that is all of it, files are what they were. */
static bool repair_run(const struct damage_case *c, const uint32_t sums[N_PATHS], bool *ret_whole)
{
	const struct fs_check_offline_options repair = { .cache_pages = 4096, .repair = true };
	struct fs_check_offline before, after;
	uint32_t now[N_PATHS];
	bool good;
	int err;

	assert_int_equal(cb_check_offline(&damage_box, &before), 0);
	*ret_whole = all_are_repairable(&before.result);
	err = cb_check_offline_with(&damage_box, &repair, &after);
	good = err == 0 && (!*ret_whole || after.result.n_errors == 0) && none_is_repairable(&after.result);
	if (good && *ret_whole) {
		assert_int_equal(box_mount(&damage_box), 0);
		sums_take(now);
		good = memcmp(now, sums, sizeof now) == 0;
		assert_int_equal(box_unmount(&damage_box), 0);
	}
	if (!good)
		print_error("%s: repair %d\nbefore: %safter: %s\n", c->name, err, before.result.report,
		            after.result.report != NULL ? after.result.report : "nothing, but files differ\n");
	fs_check_result_fini(&before.result);
	fs_check_result_fini(&after.result);
	return good;
}

static void repair_puts_right_what_it_can_and_keeps_files(void **state)
{
	const struct damage_case *c;
	unsigned n_bad = 0, n_whole = 0;
	uint32_t sums[N_PATHS];

	(void)state;
	cb_disks_copy(&damage_box, 9998);
	assert_int_equal(box_mount(&damage_box), 0);
	sums_take(sums);
	assert_int_equal(box_unmount(&damage_box), 0);
	for (unsigned i = 0; (c = damage_case_at(i)) != NULL; i++) {
		struct cb_raw raw;
		bool whole;

		if (c->online)
			continue;
		cb_disks_copy(&damage_box, 2000U + i);
		cb_raw_open(&raw, &damage_box);
		c->damage(&raw);
		cb_raw_close(&raw);
		n_bad += !repair_run(c, sums, &whole);
		n_whole += whole;
		cb_disks_drop(&damage_box);
	}
	print_message("%u kinds of damage repaired as a whole\n", n_whole);
	assert_int_equal(n_bad, 0);
	assert_true(n_whole >= 20);
}

/* A block of a map that neither its disk nor parity has: everything that should stand in it is known. */
static void map_lose(uint32_t map)
{
	const struct raid_ident other = { .inode = cb_ino.file, .fbn = 5000, .level = 0, .generation = 3 };
	uint8_t bytes[4096] = { 1 };
	struct cb_raw raw;

	cb_raw_open(&raw, &damage_box);
	cb_vbn_put(&raw, cb_vbn(&raw, map, 0, 0), &other, bytes);
	cb_raw_close(&raw);
}

static void repair_makes_a_lost_map_anew(void **state)
{
	static const uint32_t maps[][2] = { { INO_ACTIVE_MAP, 0 },
		                            { INO_SUMMARY_MAP, 0 },
		                            { INO_SPACE_MAP, 0 },
		                            { INO_SPACE_MAP, INO_ACTIVE_MAP },
		                            { INO_SPACE_MAP, INO_SUMMARY_MAP },
		                            { INO_INODE_MAP, 0 },
		                            { INO_INODE_MAP, INO_SPACE_MAP } };
	const struct fs_check_offline_options repair = { .cache_pages = 4096, .repair = true };
	uint32_t sums[N_PATHS], now[N_PATHS];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(maps); i++) {
		struct fs_check_offline check;

		cb_disks_copy(&damage_box, 5000U + i);
		assert_int_equal(box_mount(&damage_box), 0);
		sums_take(sums);
		assert_int_equal(box_unmount(&damage_box), 0);
		for (unsigned k = 0; k < 2 && maps[i][k] != 0; k++)
			map_lose(maps[i][k]);
		assert_int_equal(cb_check_offline_with(&damage_box, &repair, &check), 0);
		if (check.result.n_errors > 0)
			print_error("%s", check.result.report);
		assert_int_equal(check.result.n_errors, 0);
		assert_true(check.n_first_errors > 0);
		fs_check_result_fini(&check.result);
		assert_int_equal(box_mount(&damage_box), 0);
		sums_take(now);
		assert_memory_equal(now, sums, sizeof now);
		assert_int_equal(box_check(&damage_box), 0);
		assert_int_equal(box_unmount(&damage_box), 0);
		cb_disks_drop(&damage_box);
	}
}

/* What cannot be made anew is not promised, and the repair leaves the rest as it is. */
static void maps_that_cannot_be_made_anew_are_not_called_repairable(void **state)
{
	struct fs_check_offline check;
	unsigned n_lost = 0;

	(void)state;
	cb_disks_copy(&damage_box, 6000U);
	map_lose(INO_ACTIVE_MAP);
	map_lose(INO_SUMMARY_MAP);
	assert_int_equal(cb_check_offline(&damage_box, &check), 0);
	for (unsigned k = 0; k < check.result.n_findings; k++)
		if (strstr(check.result.findings[k].text, "its block of") != NULL) {
			assert_false(check.result.findings[k].repairable);
			n_lost++;
		}
	assert_int_equal(n_lost, 1);
	fs_check_result_fini(&check.result);
	cb_disks_drop(&damage_box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_that_cannot_be_made_anew_are_not_called_repairable),
		cmocka_unit_test(repair_puts_right_what_it_can_and_keeps_files),
		cmocka_unit_test(repair_makes_a_lost_map_anew),
	};

	return cmocka_run_group_tests(tests, damage_volume_make, damage_volume_drop);
}
