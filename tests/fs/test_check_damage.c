/* SPDX-License-Identifier: Apache-2.0 */
/* The check finds damage: every case of the tables, from the disks and on the mounted volume. */
#include "tests/fs/damagecase.h"

static bool found_as_told(const struct damage_case *c, const char *how, const struct fs_check_result *result)
{
	unsigned rules = cb_rules(result);
	bool good = (rules & c->must) == c->must && (rules & ~(c->must | c->may)) == 0 && result->n_errors > 0 &&
	            strstr(result->report, c->text) != NULL;

	if (!good)
		print_error("%s, %s: rules %#x, expected %#x (and perhaps %#x) and \"%s\"\n%s\n", c->name, how, rules,
		            c->must, c->may, c->text, result->report != NULL ? result->report : "nothing found");
	return good;
}

/* From the disks, before anything mounts (and so repairs or refuses) them. */
static bool offline_run(const struct damage_case *c)
{
	struct fs_check_offline check;
	bool good;

	assert_int_equal(cb_check_offline(&damage_box, &check), 0);
	good = found_as_told(c, "offline", &check.result);
	fs_check_result_fini(&check.result);
	return good;
}

static bool case_run(const struct damage_case *c, unsigned copy)
{
	struct fs_message msg;
	struct cb_raw raw;
	bool good = true;

	cb_disks_copy(&damage_box, copy);
	if (c->online)
		assert_int_equal(box_mount(&damage_box), 0);
	cb_raw_open(&raw, &damage_box);
	c->damage(&raw);
	cb_raw_close(&raw);
	if (!c->online) {
		good = offline_run(c);
		assert_int_equal(box_mount(&damage_box), 0);
	}
	assert_int_equal(cb_check(&damage_box, &msg), 0);
	good = found_as_told(c, "online", &msg.out.check) && good;
	fs_message_fini(&msg);
	(void)box_unmount(&damage_box); /* a damaged volume may be unable to */
	cb_disks_drop(&damage_box);
	return good;
}

static void check_finds_every_damage_and_nothing_else(void **state)
{
	const struct damage_case *c;
	unsigned n_bad = 0, n = 0;

	(void)state;
	for (; (c = damage_case_at(n)) != NULL; n++)
		n_bad += !case_run(c, n);
	print_message("%u kinds of damage\n", n);
	assert_int_equal(n_bad, 0);
}

static uint64_t found_nothing(struct fs_check_result *result)
{
	uint64_t n = result->n_errors;

	if (n > 0)
		print_error("%s\n", result->report);
	fs_check_result_fini(result);
	return n;
}

static void check_finds_nothing_without_damage(void **state)
{
	struct fs_check_offline check;

	(void)state;
	cb_disks_copy(&damage_box, 9999);
	assert_int_equal(cb_check_offline(&damage_box, &check), 0);
	assert_true(check.clean && check.n_log_records == 0 && check.n_unsettled == 0);
	assert_string_equal(check.volume, "vol0");
	assert_int_equal(found_nothing(&check.result), 0);
	assert_int_equal(box_mount(&damage_box), 0);
	assert_int_equal(box_check(&damage_box), 0);
	assert_int_equal(box_unmount(&damage_box), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_finds_nothing_without_damage),
		cmocka_unit_test(check_finds_every_damage_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, damage_volume_make, damage_volume_drop);
}
