/* SPDX-License-Identifier: Apache-2.0 */
/* The check judges every field: each of the tables' mutations goes onto a copy of one volume's disks, with checksums
 * and parity that fit, and has to be found under its rule; rules that the damage does not concern must be silent. */
#include "tests/fs/damagefield.h"

#include "base/log.h"
#include "base/page.h"
#include "tests/support/memdisk.h"

#define N_DISKS 3U
/* Every case verifies the parity of all stripes, and there are well over a thousand: most find what they need on small
 * disks. */
#define SMALL_BYTES (20ULL << 20)
#define WIDE_BYTES (96ULL << 20)

static struct fsbox box;
static unsigned n_copies;

struct tally {
	unsigned n_cases, n_bad, n_unjudged;
};

static void field_case(const struct damage_structure *structure, const struct damage_target *target,
                       const struct damage_field *field, enum damage_mutation mutation, struct tally *tally)
{
	struct fs_check_offline check;
	struct cb_raw raw;
	bool done;

	cb_disks_copy(&box, n_copies++);
	cb_raw_open(&raw, &box);
	done = damage_apply(&raw, structure, target, field, mutation);
	cb_raw_close(&raw);
	if (done) {
		unsigned rules;

		assert_int_equal(cb_check_offline(&box, &check), 0);
		rules = cb_rules(&check.result);
		tally->n_cases++;
		if ((rules & field->must) != field->must || (rules & ~(field->must | field->may)) != 0 ||
		    check.result.n_errors == 0) {
			tally->n_bad++;
			print_error("BAD %s, %s, %s: %s: rules %#x, expected %#x (and perhaps %#x)\n%s\n",
			            structure->name, target->name, field->name, damage_mutation_name(mutation), rules,
			            field->must, field->may,
			            check.result.report != NULL ? check.result.report : "nothing found");
		}
		fs_check_result_fini(&check.result);
	}
	cb_disks_drop(&box);
}

static void field_run(const struct damage_structure *structure, const struct damage_field *field, struct tally *tally)
{
	unsigned n_before = tally->n_cases;

	if (field->unjudged != NULL) {
		print_message("not judged: %s, %s: %s\n", structure->name, field->name, field->unjudged);
		tally->n_unjudged++;
		return;
	}
	for (unsigned t = 0; t < structure->n_targets; t++)
		for (unsigned m = DAMAGE_ZERO; m <= DAMAGE_ONE && (field->targets & 1U << t) != 0; m <<= 1U)
			if ((field->mutations & m) != 0)
				field_case(structure, &structure->targets[t], field, (enum damage_mutation)m, tally);
	if (tally->n_cases == n_before)
		fail_msg("%s, %s: no mutation changes anything", structure->name, field->name);
}

static void fields_judge(enum damage_volume volume, unsigned n_expected)
{
	struct tally tally = { 0, 0, 0 };

	for (unsigned s = 0; s < n_damage_structures; s++)
		for (unsigned f = 0; damage_structures[s]->volume == volume && f < damage_structures[s]->n_fields; f++)
			field_run(damage_structures[s], &damage_structures[s]->fields[f], &tally);
	print_message("%u kinds of damage, %u not found as told; %u fields that nothing can judge\n", tally.n_cases,
	              tally.n_bad, tally.n_unjudged);
	assert_int_equal(tally.n_bad, 0);
	assert_true(tally.n_cases >= n_expected);
}

static void check_judges_every_field(void **state)
{
	(void)state;
	fields_judge(DAMAGE_SMALL, 1000);
}

static void check_judges_every_field_of_a_region(void **state)
{
	(void)state;
	fields_judge(DAMAGE_WIDE, 20);
}

static void check_judges_every_field_of_what_is_under_way(void **state)
{
	(void)state;
	fields_judge(DAMAGE_BUSY, 40);
}

static int volume_make(uint64_t disk_bytes, void (*populate)(struct fsbox *box))
{
	struct fs_check_offline check;

	box_open(&box, 77, N_DISKS, disk_bytes, 4096);
	populate(&box);
	assert_int_equal(box_unmount(&box), 0);
	assert_int_equal(cb_check_offline(&box, &check), 0);
	assert_int_equal(check.result.n_errors, 0);
	fs_check_result_fini(&check.result);
	return 0;
}

static int small_make(void **state)
{
	(void)state;
	return volume_make(SMALL_BYTES, cb_populate);
}

static int wide_make(void **state)
{
	(void)state;
	return volume_make(WIDE_BYTES, cb_populate);
}

static int busy_make(void **state)
{
	(void)state;
	return volume_make(SMALL_BYTES, cb_populate_busy);
}

static int volume_drop(void **state)
{
	(void)state;
	box_close(&box);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(check_judges_every_field, small_make, volume_drop),
		cmocka_unit_test_setup_teardown(check_judges_every_field_of_a_region, wide_make, volume_drop),
		cmocka_unit_test_setup_teardown(check_judges_every_field_of_what_is_under_way, busy_make, volume_drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
