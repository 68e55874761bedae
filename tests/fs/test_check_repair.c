/* SPDX-License-Identifier: Apache-2.0 */
/* The repair: what the check calls repairable is gone after it, and files are what they were. */
#include "tests/fs/damagecase.h"

#include "base/crc32c.h"

static const char *const paths[] = {
	"/file", "/file2", "/small", "/lun", "/top", "/.snapshot/s1/file", "/.snapshot/s2/file"
};
#define N_PATHS (sizeof paths / sizeof paths[0])

static void sums_take(uint32_t sums[N_PATHS])
{
	static uint8_t bytes[64 * 4096];

	for (unsigned i = 0; i < N_PATHS; i++) {
		struct fs_file_id id;
		int n = box_resolve(&damage_box, paths[i], &id) == 0 ? box_read(&damage_box, id, 0, bytes, sizeof bytes)
		                                                     : -ENOENT;

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
	static const struct {
		uint32_t maps[2];
		const char *text;
	} cases[] = { { { INO_ACTIVE_MAP, INO_SUMMARY_MAP }, "its block of" },
		      { { INO_SPACE_MAP, INO_ACTIVE_MAP }, "their block of the space map" },
		      { { INO_SPACE_MAP, INO_SUMMARY_MAP }, "their block of the space map" } };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fs_check_offline check;
		unsigned n_lost = 0;

		cb_disks_copy(&damage_box, 6000U + i);
		for (unsigned k = 0; k < 2; k++)
			map_lose(cases[i].maps[k]);
		assert_int_equal(cb_check_offline(&damage_box, &check), 0);
		for (unsigned k = 0; k < check.result.n_findings; k++)
			if (strstr(check.result.findings[k].text, cases[i].text) != NULL) {
				assert_false(check.result.findings[k].repairable);
				n_lost++;
			}
		assert_int_equal(n_lost, 1);
		fs_check_result_fini(&check.result);
		cb_disks_drop(&damage_box);
	}
}

/* A block of the inode file is lost, and with it the way to files: nothing of theirs is called free, whatever map is
 * lost too or made anew. */
static void nothing_is_called_free_while_records_are_lost(void **state)
{
	static const uint32_t maps[] = { 0, INO_ACTIVE_MAP, INO_INODE_MAP, INO_SPACE_MAP };
	const struct raid_ident other = { .inode = cb_ino.file, .fbn = 5000, .level = 0, .generation = 3 };
	const struct fs_check_offline_options repair = { .cache_pages = 4096, .repair = true };
	const uint8_t bytes[4096] = { 1 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(maps); i++) {
		uint8_t block[4096] = { 7 };
		struct fs_check_offline check;
		struct fs_file_id late;
		uint32_t fbn, vbn, data_vbn;
		struct cb_raw raw;
		int err;

		cb_disks_copy(&damage_box, 6100U + i);
		assert_int_equal(box_mount(&damage_box), 0);
		/* its record is not in a block with the root's */
		assert_int_equal(box_create(&damage_box, box_root, "late", &late), 0);
		assert_int_equal(box_write(&damage_box, late, 0, block, 4096, FS_UNSTABLE), 0);
		assert_int_equal(box_unmount(&damage_box), 0);
		fbn = late.inode / INODES_PER_BLOCK;
		cb_raw_open(&raw, &damage_box);
		vbn = cb_vbn(&raw, INO_INODE_FILE, 0, fbn);
		data_vbn = cb_vbn(&raw, late.inode, 0, 0);
		cb_block_get(&raw, INO_INODE_FILE, 0, fbn, block);
		assert_true(cb_bit_get(&raw, INO_ACTIVE_MAP, data_vbn) && cb_bit_get(&raw, INO_INODE_MAP, late.inode));
		cb_vbn_put(&raw, vbn, &other, bytes);
		cb_raw_close(&raw);
		if (maps[i] != 0)
			map_lose(maps[i]);
		err = cb_check_offline_with(&damage_box, &repair, &check);
		assert_true(err == 0 || err == -EIO);
		for (unsigned k = 0; k < check.result.n_findings; k++)
			if (strstr(check.result.findings[k].text, "free, and marked used") != NULL ||
			    strstr(check.result.findings[k].text, "nothing refers") != NULL)
				assert_false(check.result.findings[k].repairable);
		fs_check_result_fini(&check.result);
		assert_int_equal(cb_check_offline(&damage_box, &check), 0);
		assert_true(maps[i] != INO_ACTIVE_MAP ||
		            strstr(check.result.report, "active map, fbn 0: cannot be read") != NULL);
		fs_check_result_fini(&check.result);

		/* The block is found again: all is as it was, or a map is still lost. */
		cb_raw_open(&raw, &damage_box);
		cb_vbn_put(&raw, vbn,
		           &(struct raid_ident){ .inode = INO_INODE_FILE, .fbn = fbn, .level = 0, .generation = 3 },
		           block);
		if (maps[i] != INO_ACTIVE_MAP)
			assert_true(cb_bit_get(&raw, INO_ACTIVE_MAP, data_vbn));
		if (maps[i] != INO_INODE_MAP)
			assert_true(cb_bit_get(&raw, INO_INODE_MAP, late.inode));
		cb_raw_close(&raw);
		cb_disks_drop(&damage_box);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_that_cannot_be_made_anew_are_not_called_repairable),
		cmocka_unit_test(repair_puts_right_what_it_can_and_keeps_files),
		cmocka_unit_test(repair_makes_a_lost_map_anew),
		cmocka_unit_test(nothing_is_called_free_while_records_are_lost),
	};

	return cmocka_run_group_tests(tests, damage_volume_make, damage_volume_drop);
}
