/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that were written over: what the check says of them is summed by disk, names it, takes no longer than that of a
 * whole volume, and is repaired; and what it says when a disk is missing. */
#include "tests/fs/checkbox.h"

#include "raid/layout.h"
#include "tests/support/memdisk.h"

#define N_DISKS 4U
#define PARITY (N_DISKS - 1U)
#define DISK_BYTES (64ULL << 20)

static struct fsbox box;
static struct layout layout;
static uint32_t n_stripes;
static unsigned n_copies;

static int volume_make(void **state)
{
	(void)state;
	box_open(&box, 177, N_DISKS, DISK_BYTES, 4096);
	cb_populate(&box);
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(layout_plan(DISK_BYTES / 4096U, 2U << 8U, &layout), 0);
	n_stripes = layout_n_dbn(&layout, DISK_BYTES / 4096U);
	return 0;
}

static int volume_drop(void **state)
{
	(void)state;
	box_close(&box);
	return 0;
}

static int copy_make(void **state)
{
	(void)state;
	cb_disks_copy(&box, ++n_copies);
	return 0;
}

static int copy_drop(void **state)
{
	(void)state;
	if (box.vol != NULL)
		assert_int_equal(box_unmount(&box), 0);
	cb_disks_drop(&box);
	return 0;
}

static void garbage(unsigned disk, uint64_t block, uint64_t seed)
{
	uint8_t bytes[4096];

	for (unsigned i = 0; i < sizeof bytes; i += 8U) {
		seed = seed * 6364136223846793005ULL + block + 1442695040888963407ULL;
		memcpy(bytes + i, &seed, 8);
	}
	memdisk_poke(box.urls[disk] + 4, block, bytes);
}

/* Data blocks and checksum blocks alike, from stripe `dbn` on. */
static void garbage_from(unsigned disk, uint32_t dbn)
{
	for (uint64_t block = layout_data_block(&layout, dbn); block < DISK_BYTES / 4096U; block++)
		garbage(disk, block, disk);
}

static uint64_t n_ios(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < N_DISKS; i++)
		n += memdisk_ios(box.urls[i] + 4);
	return n;
}

static struct fs_check_offline checked(bool repair)
{
	const struct fs_check_offline_options options = { .cache_pages = box.cache_pages, .repair = repair };
	struct fs_check_offline check;

	assert_int_equal(cb_check_offline_with(&box, &options, &check), 0);
	return check;
}

static void expect_one(const struct fs_check_result *result, unsigned disk, uint64_t count, const char *what)
{
	const struct fs_check_finding *finding = &result->findings[0];

	if (result->n_errors != 1)
		print_error("%s\n", result->report);
	assert_int_equal(result->n_errors, 1);
	assert_int_equal(result->n_findings, 1);
	assert_int_equal(finding->rule, 10);
	assert_int_equal(finding->count, count);
	assert_non_null(finding->disk);
	assert_string_equal(finding->disk, box.urls[disk]);
	assert_true(finding->repairable);
	if (strstr(finding->text, what) == NULL || strstr(finding->text, box.urls[disk]) == NULL)
		fail_msg("no \"%s\" in \"%s\"", what, finding->text);
}

static void expect_clean(void)
{
	struct fs_check_offline check = checked(false);

	if (check.result.n_errors != 0)
		print_error("%s\n", check.result.report);
	assert_int_equal(check.result.n_errors, 0);
	fs_check_result_fini(&check.result);
}

static void expect_repair(uint64_t n_first)
{
	struct fs_check_offline check = checked(true);

	if (check.result.n_errors != 0)
		print_error("%s\n", check.result.report);
	assert_int_equal(check.n_first_errors, n_first);
	assert_int_equal(check.result.n_errors, 0);
	fs_check_result_fini(&check.result);
	expect_clean();
	assert_int_equal(box_mount(&box), 0);
	assert_int_equal(vd_check(&box), 0);
}

/* ---- tests ---- */

static void a_parity_disk_written_over_is_one_finding_as_fast_as_none(void **state)
{
	struct fs_check_offline check;
	uint64_t before = n_ios(), n_clean, n_wrong;
	char range[32];

	(void)state;
	expect_clean();
	n_clean = n_ios() - before;
	garbage_from(PARITY, 100);
	before = n_ios();
	check = checked(false);
	n_wrong = n_ios() - before;
	snprintf(range, sizeof range, "stripes 100-%u:", n_stripes - 1U);
	expect_one(&check.result, PARITY, n_stripes - 100U, range);
	assert_int_equal(strncmp(check.result.findings[0].text, "parity disk ", 12), 0);
	fs_check_result_fini(&check.result);
	print_message("%llu I/Os of a whole volume, %llu of this one\n", (unsigned long long)n_clean,
	              (unsigned long long)n_wrong);
	assert_true(n_wrong <= n_clean + n_clean / 4U);
	expect_repair(1);
}

static void the_check_at_work_says_the_same_and_waits_for_few_consistency_points(void **state)
{
	struct fs_message msg;
	uint64_t before;

	(void)state;
	assert_int_equal(box_mount(&box), 0);
	garbage_from(PARITY, 700);
	before = n_ios();
	assert_int_equal(cb_check(&box, &msg), 0);
	print_message("%llu I/Os\n", (unsigned long long)(n_ios() - before));
	assert_true(n_ios() - before < 40000);
	expect_one(&msg.out.check, PARITY, n_stripes - 700U, "stripes 700-");
	fs_message_fini(&msg);
}

static void garbage_over_a_data_disk_is_that_disks_and_files_stay_whole(void **state)
{
	struct fs_check_offline check;

	(void)state;
	garbage_from(1, 0);
	check = checked(false);
	expect_one(&check.result, 1, n_stripes, "data disk ");
	fs_check_result_fini(&check.result);
	expect_repair(1);
}

static void garbage_over_checksum_blocks_is_told_from_that_over_blocks(void **state)
{
	struct fs_check_offline check;

	(void)state;
	garbage(2, layout_checksum_block(&layout, 1), 5);
	garbage(2, layout_checksum_block(&layout, 3), 6);
	check = checked(false);
	expect_one(&check.result, 2, 2U * 255U, "checksums are wrong");
	assert_non_null(strstr(check.result.findings[0].text, "stripes 255-509, 765-1019:"));
	fs_check_result_fini(&check.result);
	expect_repair(1);
}

static void scattered_stripes_are_counted_and_some_are_listed(void **state)
{
	struct fs_check_offline check;

	(void)state;
	for (uint32_t dbn = 1; dbn < 4000; dbn += 2)
		garbage(PARITY, layout_data_block(&layout, dbn), dbn);
	check = checked(false);
	expect_one(&check.result, PARITY, 2000, "stripes 1, 3, 5, 7, 9, 11 and 1994 more ranges up to 3999:");
	fs_check_result_fini(&check.result);
	expect_repair(1);
}

static void two_disks_written_over_are_lost_stripes_and_the_report_stays_small(void **state)
{
	struct fs_check_offline check;
	unsigned n_lost = 0;

	(void)state;
	garbage_from(0, 2000);
	garbage_from(PARITY, 3000);
	check = checked(false);
	for (size_t i = 0; i < check.result.n_findings; i++) {
		const struct fs_check_finding *finding = &check.result.findings[i];

		if (finding->rule != 10 || strstr(finding->text, "more is wrong") == NULL)
			continue;
		n_lost++;
		assert_false(finding->repairable);
		assert_int_equal(finding->count, n_stripes - 3000U);
		assert_non_null(strstr(finding->text, "on the disks at 0, parity"));
	}
	assert_int_equal(n_lost, 1);
	assert_true(check.result.n_findings < 200);
	fs_check_result_fini(&check.result);
}

static void a_block_the_medium_does_not_give_is_found_and_written_anew(void **state)
{
	struct fs_check_offline check;

	(void)state;
	memdisk_fail_reads(box.urls[2] + 4, layout_data_block(&layout, 5000), 1000000);
	check = checked(false);
	expect_one(&check.result, 2, 1, "blocks cannot be read");
	fs_check_result_fini(&check.result);
	expect_repair(1);
}

static void a_missing_disk_is_named(void **state)
{
	struct fs_check_offline check;
	char url[64];

	(void)state;
	memcpy(url, box.urls[1], sizeof url);
	memcpy(box.urls[1], box.urls[3], sizeof url);
	box.n_disks = 3;
	check = checked(false);
	assert_int_equal(check.result.n_errors, 0);
	assert_int_equal(check.result.n_absent, 1);
	assert_int_equal(check.result.absent[0].position, 1);
	assert_false(check.result.absent[0].is_parity);
	assert_false(check.result.absent[0].failed);
	fs_check_result_fini(&check.result);
	box.n_disks = 4;
	memcpy(box.urls[3], box.urls[1], sizeof url);
	memcpy(box.urls[1], url, sizeof url);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, copy_make, copy_drop)
	const struct CMUnitTest tests[] = {
		T(a_parity_disk_written_over_is_one_finding_as_fast_as_none),
		T(the_check_at_work_says_the_same_and_waits_for_few_consistency_points),
		T(garbage_over_a_data_disk_is_that_disks_and_files_stay_whole),
		T(garbage_over_checksum_blocks_is_told_from_that_over_blocks),
		T(scattered_stripes_are_counted_and_some_are_listed),
		T(two_disks_written_over_are_lost_stripes_and_the_report_stays_small),
		T(a_block_the_medium_does_not_give_is_found_and_written_anew),
		T(a_missing_disk_is_named),
	};
	return cmocka_run_group_tests(tests, volume_make, volume_drop);
}
