/* SPDX-License-Identifier: Apache-2.0 */
/* The keeper of snapshots on a simulated clock: weeks of schedules, missed moments, clocks that are set, LUNs that hold
 * snapshots. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/keeper.h"
#include "admin/policy.h"
#include "fs/volume.h"
#include "tests/support/ramadmin.h"
#include "tests/support/simworld.h"

#include "raid/raid.h"

#define SECOND 1000000000ULL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static struct simworld *sim;
static struct world *world;
static struct world_ops ops; /* the simulator's, with a wall clock that can be set */
static int64_t (*sim_wall)(struct world *world);
static int64_t clock_offset_ns;
static struct admin admin;
static struct known_volume known;
static unsigned n_missed, n_not_expired, n_expired;
static char last_text[512];

static int64_t wall(struct world *w)
{
	return sim_wall(w) + clock_offset_ns;
}

static void sink(enum log_level level, bool peer, const char *component, const char *event, const char *text)
{
	(void)level;
	(void)peer;
	(void)component;
	n_missed += strcmp(event, "snapshot_missed") == 0;
	n_expired += strcmp(event, "snapshot_expired") == 0;
	n_not_expired += strcmp(event, "snapshot_not_expired") == 0;
	(void)snprintf(last_text, sizeof last_text, "%s", text);
}

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
	sim = simworld_new(1);
	world = simworld_world(sim);
	ops = *world->ops;
	sim_wall = ops.wall_ns;
	ops.wall_ns = wall;
	world->ops = &ops;
	clock_offset_ns = 0;
	n_missed = n_not_expired = n_expired = 0;
	log_set_sink(sink);
	fs_volume_format(world, "vol0", &spec, formatted, &done);
	sim_run_for(sim, 1);
	fs_volume_mount(world, disks, 2, &options, mounted, &known.volume);
	sim_run_for(sim, 1);
	admin.world = world;
	known.policy = json_array();
	known.state = KNOWN_ONLINE;
	return done && known.volume != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	keeper_stop(&known);
	sim_run_for(sim, SECOND);
	json_decref(known.policy);
	memset(&known, 0, sizeof known);
	ramadmin_reset();
	simworld_free(sim);
	log_set_sink(NULL);
	return 0;
}

/* ---- asking the volume ------------------------------------------------------------------------------------------- */

static void answered(struct fs_message *msg)
{
	*(bool *)msg->owner = true;
}

static int ask(struct fs_message *msg)
{
	sim_run_for(sim, 1);
	assert_true(*(bool *)msg->owner);
	return msg->status;
}

static int snapshot(enum fs_op op, const char *name)
{
	struct fs_message msg;
	bool done = false;

	fs_message_init(&msg, op, known.volume, answered, &done);
	msg.origin = world;
	msg.in.name = name;
	msg.in.name_len = (uint32_t)strlen(name);
	fs_message_send(&msg);
	int err = ask(&msg);
	fs_message_fini(&msg);
	return err;
}

static void lun(enum fs_op op, const char *path, const char *backing)
{
	struct fs_message msg;
	bool done = false;

	fs_message_init(&msg, op, known.volume, answered, &done);
	msg.origin = world;
	msg.in.path = path;
	msg.in.vdisk.backing_path = backing;
	fs_message_send(&msg);
	assert_int_equal(ask(&msg), 0);
	fs_message_fini(&msg);
}

/* How many snapshots there are whose names begin so; the last of them in last_name. */
static char last_name[FS_NAME_MAX + 1U];
static unsigned count(const char *prefix)
{
	struct fs_message msg;
	bool done = false;
	unsigned n = 0;

	fs_message_init(&msg, FS_SNAPSHOT_LIST, known.volume, answered, &done);
	msg.origin = world;
	fs_message_send(&msg);
	assert_int_equal(ask(&msg), 0);
	for (unsigned i = 0; i < msg.out.n; i++) {
		if (msg.out.snapshots[i].deleting || strncmp(msg.out.snapshots[i].name, prefix, strlen(prefix)) != 0)
			continue;
		(void)snprintf(last_name, sizeof last_name, "%s", msg.out.snapshots[i].name);
		n++;
	}
	fs_message_fini(&msg);
	return n;
}

static void set_rule(enum schedule_kind kind, unsigned keep, const char *at)
{
	struct schedule_rule rule = { .keep = keep };

	assert_int_equal(schedule_parse_at(kind, at, &rule), 0);
	policy_set_rule(known.policy, kind, &rule, world_wall_ns(world) / (int64_t)SECOND);
	if (known.keeper == NULL)
		keeper_start(&admin, &known);
	else
		keeper_refresh(&known);
}

/* Until the wall clock says HH:MM:30 (UTC) for the next time. */
static void run_until(unsigned hour, unsigned minute)
{
	int64_t day = (int64_t)DAY, at = (int64_t)(hour * HOUR + minute * MINUTE + 30 * SECOND),
	        now = world_wall_ns(world) % day;
	sim_run_for(sim, (uint64_t)((at - now + day) % day));
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void a_month_of_schedules_keeps_what_it_should(void **state)
{
	(void)state;
	assert_int_equal(snapshot(FS_SNAPSHOT_CREATE, "hourly.mine"), 0);
	set_rule(SCHEDULE_HOURLY, 6, ":20");
	set_rule(SCHEDULE_DAILY, 7, "00:10");
	set_rule(SCHEDULE_WEEKLY, 3, "wed@12:00");
	run_until(0, 0);
	for (unsigned day = 1; day <= 30; day++) {
		sim_run_for(sim, DAY);
		assert_int_equal(count("hourly.20"), 6);
		assert_int_equal(count("daily.20"), MIN_OF(day, 7U));
		assert_non_null(strstr(last_name, "_0010"));
	}
	assert_int_equal(count("weekly.20"), 3);
	assert_non_null(strstr(last_name, "_1200"));
	assert_int_equal(count("hourly.mine"), 1);
	assert_int_equal(n_missed + n_not_expired, 0);
	assert_true(n_expired > 30 * 23);
	count("hourly.20");
	char at_2320[64];
	schedule_name(SCHEDULE_HOURLY, world_wall_ns(world) / (int64_t)SECOND - 40 * 60 - 30, 1, at_2320);
	assert_string_equal(last_name, at_2320);
}

static void a_missed_moment_is_made_up_for_once(void **state)
{
	(void)state;
	run_until(10, 0);
	set_rule(SCHEDULE_HOURLY, 6, ":20");
	run_until(12, 21);
	assert_int_equal(count("hourly."), 3);
	keeper_stop(&known);
	run_until(15, 40);
	keeper_start(&admin, &known);
	sim_run_for(sim, SECOND);
	assert_int_equal(count("hourly."), 4);
	assert_non_null(strstr(last_name, "_1540"));
	keeper_stop(&known);
	sim_run_for(sim, MINUTE);
	keeper_start(&admin, &known); /* back before the next moment: nothing was missed */
	sim_run_for(sim, MINUTE);
	assert_int_equal(count("hourly."), 4);
	run_until(16, 20);
	assert_int_equal(count("hourly."), 5);
}

static void a_new_schedule_does_not_make_up_for_the_past(void **state)
{
	(void)state;
	run_until(10, 30);
	set_rule(SCHEDULE_HOURLY, 6, ":20");
	sim_run_for(sim, 10 * MINUTE);
	assert_int_equal(count("hourly."), 0);
	keeper_stop(&known);
	keeper_start(&admin, &known);
	sim_run_for(sim, 10 * MINUTE);
	assert_int_equal(count("hourly."), 0);
	run_until(11, 20);
	assert_int_equal(count("hourly."), 1);
}

static void a_snapshot_that_a_lun_needs_stays_until_it_does_not(void **state)
{
	char backing[FS_NAME_MAX + 32U];

	(void)state;
	run_until(10, 0);
	set_rule(SCHEDULE_HOURLY, 2, ":20");
	run_until(10, 20);
	assert_int_equal(count("hourly."), 1);
	(void)snprintf(backing, sizeof backing, "/.snapshot/%s/disk", last_name);
	lun(FS_VDISK_CREATE, "/lun1", backing);
	run_until(15, 21);
	assert_int_equal(count("hourly."), 3); /* the held one beside the two of the schedule */
	assert_int_equal(n_not_expired, 1);
	lun(FS_VDISK_DESTROY, "/lun1", NULL);
	sim_run_for(sim, 11 * MINUTE);
	assert_int_equal(count("hourly."), 2);
	assert_int_equal(n_not_expired, 1);
}

static void the_event_of_a_held_snapshot_names_the_lun(void **state)
{
	char backing[FS_NAME_MAX + 32U];

	(void)state;
	run_until(10, 0);
	set_rule(SCHEDULE_HOURLY, 1, ":20");
	run_until(10, 20);
	assert_int_equal(count("hourly."), 1);
	(void)snprintf(backing, sizeof backing, "/.snapshot/%s/disk", last_name);
	lun(FS_VDISK_CREATE, "/lun1", backing);
	run_until(11, 20);
	assert_int_equal(n_not_expired, 1);
	assert_non_null(strstr(last_text, "/lun1"));
	assert_non_null(strstr(last_text, "volume=vol0"));
}

static void a_refused_snapshot_is_an_event_and_the_next_one_is_made(void **state)
{
	(void)state;
	run_until(10, 0);
	set_rule(SCHEDULE_HOURLY, 6, ":20");
	ramadmin_fail_snapshot = -ENOSPC;
	run_until(11, 30);
	assert_int_equal(n_missed, 2);
	assert_non_null(strstr(last_text, "hourly."));
	assert_int_equal(count("hourly."), 0);
	ramadmin_fail_snapshot = 0;
	sim_run_for(sim, 30 * MINUTE);
	assert_int_equal(count("hourly."), 0);
	run_until(12, 20);
	assert_int_equal(count("hourly."), 1);
}

static void a_busy_volume_gets_its_snapshot_when_it_can(void **state)
{
	(void)state;
	run_until(10, 0);
	set_rule(SCHEDULE_HOURLY, 6, ":20");
	ramadmin_fail_snapshot = -FS_EJUKEBOX;
	run_until(10, 25);
	assert_int_equal(count("hourly."), 0);
	ramadmin_fail_snapshot = 0;
	sim_run_for(sim, MINUTE);
	assert_int_equal(count("hourly."), 1);
	assert_non_null(strstr(last_name, "_1026"));
	assert_int_equal(n_missed, 0);
}

static void a_clock_set_back_makes_names_that_are_free(void **state)
{
	(void)state;
	run_until(10, 0);
	set_rule(SCHEDULE_HOURLY, 6, ":20");
	run_until(10, 25);
	assert_int_equal(count("hourly."), 1);
	clock_offset_ns -= (int64_t)(10 * MINUTE);
	run_until(10, 25);
	assert_int_equal(count("hourly."), 2);
	assert_non_null(strstr(last_name, "_1020_2"));
	run_until(11, 20);
	assert_int_equal(count("hourly."), 3);
}

static void a_clock_set_forward_makes_one_snapshot_within_a_minute(void **state)
{
	(void)state;
	run_until(10, 0);
	set_rule(SCHEDULE_HOURLY, 6, ":20");
	clock_offset_ns += (int64_t)(5 * DAY + 40 * MINUTE);
	sim_run_for(sim, MINUTE + SECOND);
	assert_int_equal(count("hourly."), 1);
	sim_run_for(sim, 10 * MINUTE);
	assert_int_equal(count("hourly."), 1);
}

static void a_schedule_that_ends_leaves_its_snapshots(void **state)
{
	static const struct schedule_rule off;

	(void)state;
	run_until(10, 0);
	set_rule(SCHEDULE_HOURLY, 3, ":20");
	run_until(15, 0);
	assert_int_equal(count("hourly."), 3);
	policy_set_rule(known.policy, SCHEDULE_HOURLY, &off, 0);
	keeper_refresh(&known);
	sim_run_for(sim, 2 * DAY);
	assert_int_equal(count("hourly."), 3);
	set_rule(SCHEDULE_HOURLY, 1, ":20"); /* one that keeps fewer takes them at once */
	sim_run_for(sim, SECOND);
	assert_int_equal(count("hourly."), 1);
}

static void stopping_in_the_middle_of_a_message_is_well(void **state)
{
	(void)state;
	run_until(10, 0);
	set_rule(SCHEDULE_HOURLY, 3, ":20"); /* asks for the list at once */
	keeper_stop(&known);
	sim_run_for(sim, DAY);
	assert_int_equal(count("hourly."), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_month_of_schedules_keeps_what_it_should),
		TEST(a_missed_moment_is_made_up_for_once),
		TEST(a_new_schedule_does_not_make_up_for_the_past),
		TEST(a_snapshot_that_a_lun_needs_stays_until_it_does_not),
		TEST(the_event_of_a_held_snapshot_names_the_lun),
		TEST(a_refused_snapshot_is_an_event_and_the_next_one_is_made),
		TEST(a_busy_volume_gets_its_snapshot_when_it_can),
		TEST(a_clock_set_back_makes_names_that_are_free),
		TEST(a_clock_set_forward_makes_one_snapshot_within_a_minute),
		TEST(a_schedule_that_ends_leaves_its_snapshots),
		TEST(stopping_in_the_middle_of_a_message_is_well),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
