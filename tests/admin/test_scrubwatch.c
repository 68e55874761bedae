/* SPDX-License-Identifier: Apache-2.0 */
/* Scrubs by schedule on a simulated clock. */
#include "tests/base/cmocka_all.h"

#include <string.h>

#include "admin/jobs.h"
#include "admin/policy.h"
#include "admin/scrubwatch.h"
#include "fs/volume.h"
#include "tests/support/ramadmin.h"
#include "tests/support/simworld.h"

#include "raid/raid.h"

#define SECOND 1000000000ULL
#define DAY (24U * 3600U * SECOND)

static struct simworld *sim;
static char state_dir[] = "/nonexistent";
static struct admin admin = { .volumes = TAILQ_HEAD_INITIALIZER(admin.volumes),
	                      .jobs = TAILQ_HEAD_INITIALIZER(admin.jobs) };
static struct known_volume known;

static void formatted(void *arg, int err)
{
	*(bool *)arg = err == 0;
}

static void mounted(void *arg, int err, struct fs_volume *volume)
{
	*(struct fs_volume **)arg = err == 0 ? volume : NULL;
}

static int setup(void **state)
{
	const char *disks[2] = { "file:/a", "file:/b" };
	struct raid_group_spec group = { .n_disks = 2, .disk_urls = { "file:/a", "file:/b" } };
	struct raid_spec spec = { .groups = &group, .n_groups = 1 };
	struct fs_mount_options options = { .cache_pages = 4096 };
	bool done = false;

	(void)state;
	ramadmin_reset();
	sim = simworld_new(1);
	admin.world = simworld_world(sim);
	admin.stopping = true; /* jobs are not looked at */
	admin.state_dir = state_dir;
	fs_volume_format(admin.world, "vol0", &spec, formatted, &done);
	sim_run_for(sim, 1);
	fs_volume_mount(admin.world, disks, 2, &options, mounted, &known.volume);
	sim_run_for(sim, 1);
	known.policy = json_array();
	ramadmin_scrub.volume_created_ns = world_wall_ns(admin.world);
	return done && known.volume != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	scrubwatch_stop(&known);
	sim_run_for(sim, SECOND);
	jobs_fini(&admin);
	json_decref(known.policy);
	memset(&known, 0, sizeof known);
	ramadmin_reset();
	simworld_free(sim);
	return 0;
}

static void ends(void)
{
	ramadmin_scrub.now.state = FS_SCRUB_DONE;
}

static void a_volume_is_scrubbed_once_a_week_unless_told_otherwise(void **state)
{
	(void)state;
	scrubwatch_start(&admin, &known);
	for (unsigned week = 1; week <= 4; week++) {
		sim_run_for(sim, 7U * DAY);
		assert_int_equal(ramadmin_n_scrubs, week);
		ends();
	}
	policy_set_scrub(known.policy, "02:00", world_wall_ns(admin.world) / 1000000000);
	scrubwatch_refresh(&known);
	for (unsigned day = 1; day <= 3; day++) {
		sim_run_for(sim, DAY);
		assert_int_equal(ramadmin_n_scrubs, 4U + day);
		ends();
	}
	policy_set_scrub(known.policy, "off", world_wall_ns(admin.world) / 1000000000);
	scrubwatch_refresh(&known);
	sim_run_for(sim, 21U * DAY);
	assert_int_equal(ramadmin_n_scrubs, 7);
}

static void one_that_still_runs_is_not_started_again(void **state)
{
	(void)state;
	scrubwatch_start(&admin, &known);
	sim_run_for(sim, 30U * DAY);
	assert_int_equal(ramadmin_n_scrubs, 1);
	assert_int_equal(admin.n_jobs, 1);
}

static void one_that_was_missed_is_made_up_for_once(void **state)
{
	(void)state;
	sim_run_for(sim, 40U * DAY);
	scrubwatch_start(&admin, &known);
	sim_run_for(sim, 120U * SECOND);
	assert_int_equal(ramadmin_n_scrubs, 1);
	ends();
	scrubwatch_stop(&known);
	sim_run_for(sim, SECOND);
	scrubwatch_start(&admin, &known); /* the volume itself knows when */
	sim_run_for(sim, 120U * SECOND);
	assert_int_equal(ramadmin_n_scrubs, 1);
}

static void one_that_was_under_way_has_its_job_again(void **state)
{
	(void)state;
	ramadmin_scrub.now.state = FS_SCRUB_RUNNING;
	ramadmin_scrub.now.started_ns = world_wall_ns(admin.world);
	scrubwatch_start(&admin, &known);
	sim_run_for(sim, SECOND);
	assert_int_equal(ramadmin_n_scrubs, 0);
	assert_int_equal(admin.n_jobs, 1);
}

static void when_is_a_day_a_day_and_time_a_time_or_off(void **state)
{
	struct policy_scrub scrub;

	(void)state;
	assert_int_equal(policy_scrub_parse("off", &scrub), 0);
	assert_int_equal(scrub.rule.keep, 0);
	assert_int_equal(policy_scrub_parse("mon", &scrub), 0);
	assert_true(scrub.kind == SCHEDULE_WEEKLY && scrub.rule.day == 1 && scrub.rule.hour == 2 &&
	            scrub.rule.minute == 0);
	assert_int_equal(policy_scrub_parse("fri@23:15", &scrub), 0);
	assert_true(scrub.rule.day == 5 && scrub.rule.hour == 23 && scrub.rule.minute == 15);
	assert_int_equal(policy_scrub_parse("4:05", &scrub), 0);
	assert_true(scrub.kind == SCHEDULE_DAILY && scrub.rule.hour == 4 && scrub.rule.minute == 5);
	assert_int_equal(policy_scrub_parse("", &scrub), -EINVAL);
	assert_int_equal(policy_scrub_parse("sun@24:00", &scrub), -EINVAL);
	assert_int_equal(policy_scrub_parse("weekly", &scrub), -EINVAL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_volume_is_scrubbed_once_a_week_unless_told_otherwise),
		T(one_that_still_runs_is_not_started_again),
		T(one_that_was_missed_is_made_up_for_once),
		T(one_that_was_under_way_has_its_job_again),
		cmocka_unit_test(when_is_a_day_a_day_and_time_a_time_or_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
