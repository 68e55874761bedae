/* SPDX-License-Identifier: Apache-2.0 */
/* The REST API from end to end, on volumes in memory. */
#include "tests/base/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/admin/host.h"
#include "tests/support/ramadmin.h"

#define V1 "/api/v1/"
#define MAKE_VOL0 "{\"name\": \"vol0\", \"raid_groups\": [{\"disks\": [\"d0\", \"d1\", \"p0\"]}], \"disk_size\": 1048576}"

static struct host host;
static char text[256];

static int setup(void **state)
{
	(void)state;
	host_start(&host, NULL);
	return host_job(&host, "POST", V1 "storage/volumes", MAKE_VOL0, text) == 's' ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	host_stop(&host);
	host_remove_dir(&host);
	ramadmin_reset();
	return 0;
}

static void does(const char *method, const char *path, const char *body, int expected)
{
	json_t *json = NULL;
	int status = host_ask(&host, method, path, body, NULL, &json);
	if (status != expected)
		fail_msg("%s %s: %d, not %d: %s", method, path, status, expected,
		         json_string_value(json_object_get(json_object_get(json, "error"), "message")));
	json_decref(json);
}

static json_t *get(const char *path)
{
	json_t *json = NULL;
	assert_int_equal(host_ask(&host, "GET", path, NULL, NULL, &json), 200);
	assert_non_null(json);
	return json;
}

static size_t count(const char *path)
{
	json_t *json = get(path);
	size_t n = json_array_size(json_object_get(json, "records"));
	assert_int_equal(n, json_integer_value(json_object_get(json, "num_records")));
	json_decref(json);
	return n;
}

static bool message_has(const char *method, const char *path, const char *body, int expected, const char *word)
{
	json_t *json = NULL;
	int status = host_ask(&host, method, path, body, NULL, &json);
	const char *message = json_string_value(json_object_get(json_object_get(json, "error"), "message"));
	bool has = status == expected && message != NULL && strstr(message, word) != NULL;
	if (!has)
		print_message("%s %s: %d %s\n", method, path, status, message);
	json_decref(json);
	return has;
}

static bool disk_exists(const char *name)
{
	char path[128];
	(void)snprintf(path, sizeof path, "%s/disks/%s", host.dir, name);
	return access(path, F_OK) == 0;
}

/* ---- volumes ----------------------------------------------------------------------------------------------------- */

static void a_volume_is_made_with_its_disk_files_and_remembered(void **state)
{
	(void)state;
	assert_true(disk_exists("d0") && disk_exists("p0"));
	json_t *volume = get(V1 "storage/volumes/vol0");
	assert_string_equal(json_string_value(json_object_get(volume, "state")), "online");
	assert_string_equal(json_string_value(json_object_get(volume, "raid")), "normal");
	json_decref(volume);
	char dir[64];
	(void)snprintf(dir, sizeof dir, "%s", host.dir);
	host_stop(&host);
	host_start(&host, dir);
	volume = get(V1 "storage/volumes/vol0");
	assert_string_equal(json_string_value(json_object_get(volume, "state")), "online");
	json_decref(volume);
}

static void bad_volumes_are_refused_and_leave_nothing(void **state)
{
	(void)state;
	assert_true(message_has("POST", V1 "storage/volumes", MAKE_VOL0, 409, "already"));
	assert_true(message_has("POST", V1 "storage/volumes", "{\"name\": \"a/b\", \"raid_groups\": []}", 400, "name"));
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes",
	                          "{\"name\": \"v1\", \"raid_groups\": [{\"disks\": [\"x\"]}], \"disk_size\": 1048576}", text),
	                 'f');
	assert_non_null(strstr(text, "2 to 15"));
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes",
	                          "{\"name\": \"v1\", \"raid_groups\": [{\"disks\": [\"x\", \"../y\"]}], \"disk_size\": 1048576}", text),
	                 'f');
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes",
	                          "{\"name\": \"v1\", \"raid_groups\": [{\"disks\": [\"x\", \"x\"]}], \"disk_size\": 1048576}", text),
	                 'f');
	assert_non_null(strstr(text, "twice"));
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes",
	                          "{\"name\": \"v1\", \"raid_groups\": [{\"disks\": [\"x\", \"d0\"]}], \"disk_size\": 1048576}", text),
	                 'f');
	assert_non_null(strstr(text, "vol0"));
	assert_int_equal(
	    host_job(&host, "POST", V1 "storage/volumes", "{\"name\": \"v1\", \"raid_groups\": [{\"disks\": [\"x\", \"y\"]}]}", text), 'f');
	assert_non_null(strstr(text, "disk-size"));
	ramadmin_fail_format = -EIO;
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes",
	                          "{\"name\": \"v1\", \"raid_groups\": [{\"disks\": [\"x\", \"y\"]}], \"disk_size\": 1048576}", text),
	                 'f');
	ramadmin_fail_format = 0;
	assert_false(disk_exists("x") || disk_exists("y"));
	assert_int_equal(count(V1 "storage/volumes"), 1);
}

static void a_volume_goes_offline_and_comes_back(void **state)
{
	(void)state;
	does("PUT", V1 "protocols/nfs/exports/%2Fvol%2Fvol0", "{\"rules\": [{\"client\": \"127.0.0.1\", \"access\": \"rw\"}]}", 201);
	assert_int_equal(host.n_exports, 1);
	assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text), 's');
	assert_int_equal(host.n_exports, 0);
	does("PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", 409);
	assert_true(message_has("GET", V1 "storage/volumes/vol0/snapshots", NULL, 409, "online"));
	does("GET", V1 "storage/volumes/vol0", NULL, 200);
	assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text), 's');
	assert_int_equal(host.n_exports, 1);
	assert_int_equal(count(V1 "protocols/nfs/exports"), 1);
}

static void a_volume_that_does_not_mount_says_why_and_can_be_tried_again(void **state)
{
	(void)state;
	assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text), 's');
	ramadmin_fail_mount = -ENXIO;
	assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text), 'f');
	assert_non_null(strstr(text, "too many disks"));
	json_t *status = get(V1 "status");
	assert_string_equal(json_string_value(json_object_get(status, "state")), "degraded");
	json_decref(status);
	ramadmin_fail_mount = 0;
	assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text), 's');
}

static void a_destroyed_volume_is_gone_with_its_disks_and_can_not_be_imported(void **state)
{
	(void)state;
	assert_int_equal(host_job(&host, "DELETE", V1 "storage/volumes/vol0", NULL, text), 's');
	assert_false(disk_exists("d0"));
	assert_int_equal(count(V1 "storage/volumes"), 0);
	assert_true(message_has("POST", V1 "protocols/san/igroups", "{\"name\": \"g\"}", 409, "none is online"));
}

static void a_volume_is_imported_under_its_own_name(void **state)
{
	char path[160];
	(void)state;
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes", "{\"disks\": [\"nothing\"]}", text), 'f');
	assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text), 's');
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes", "{\"disks\": [\"d0\", \"d1\", \"p0\"]}", text), 'f');
	assert_non_null(strstr(text, "belongs to"));
	host_stop(&host);
	(void)snprintf(path, sizeof path, "%s/volumes.json", host.dir);
	assert_int_equal(unlink(path), 0);
	char dir[64];
	(void)snprintf(dir, sizeof dir, "%s", host.dir);
	host_start(&host, dir);
	assert_int_equal(count(V1 "storage/volumes"), 0);
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes", "{\"disks\": [\"d0\", \"d1\", \"p0\"]}", text), 's');
	does("GET", V1 "storage/volumes/vol0", NULL, 200);
}

/* ---- disks of others --------------------------------------------------------------------------------------------------- */

static char outside[] = "/tmp/vcoutside.XXXXXX";

static void put_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void file_is(const char *path, const char *content)
{
	char bytes[64] = "";
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	bytes[fread(bytes, 1, sizeof bytes - 1, file)] = '\0';
	(void)fclose(file);
	assert_string_equal(bytes, content);
}

static void file_begins(const char *path, const char *content)
{
	char bytes[64] = "";
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	bytes[fread(bytes, 1, strlen(content), file)] = '\0';
	(void)fclose(file);
	assert_string_equal(bytes, content);
}

/* POST storage/volumes for "v1" on two disks; how it ended. */
static char make_v1(const char *disk0, const char *disk1, bool force)
{
	char body[512];
	(void)snprintf(body, sizeof body, "{\"name\": \"v1\", \"raid_groups\": [{\"disks\": [\"%s\", \"%s\"]}], \"disk_size\": 1048576%s}",
	               disk0, disk1, force ? ", \"force\": true" : "");
	return host_job(&host, "POST", V1 "storage/volumes", body, text);
}

static void a_disk_that_holds_something_is_not_taken_unless_forced(void **state)
{
	char path[128];
	(void)state;
	(void)snprintf(path, sizeof path, "%s/disks/x1", host.dir);
	put_file(path, "ext4 of somebody");
	assert_int_equal(make_v1("x0", "x1", false), 'f');
	assert_non_null(strstr(text, "x1 is not empty, it holds a file system (ext4); --force"));
	file_is(path, "ext4 of somebody");
	assert_false(disk_exists("x0")); /* all are looked at before one is made */
	assert_int_equal(make_v1("x0", "x1", true), 's');
	file_begins(path, "wiped");
	/* vcd made x0; x1 was there before. */
	assert_int_equal(host_job(&host, "DELETE", V1 "storage/volumes/v1", NULL, text), 's');
	assert_false(disk_exists("x0"));
	assert_true(disk_exists("x1"));
}

static void a_disk_of_a_known_volume_is_not_taken_even_by_force(void **state)
{
	char path[128], other[128];
	(void)state;
	assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text), 's');
	(void)snprintf(path, sizeof path, "%s/disks/d0", host.dir);
	(void)snprintf(other, sizeof other, "%s/disks/other", host.dir);
	assert_int_equal(symlink("d0", other), 0);
	assert_int_equal(make_v1("x0", "other", true), 'f');
	assert_non_null(strstr(text, "belongs to volume \"vol0\""));
	assert_int_equal(unlink(other), 0);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(make_v1("x0", "other", true), 'f');
	assert_non_null(strstr(text, "belongs to volume \"vol0\""));
	assert_int_equal(make_v1("x0", "../disks/d0", true), 'f');
	assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text), 's');
}

static void disks_lie_where_the_configuration_says(void **state)
{
	char path[200], link_path[160];
	static const char *const own[] = { "volumes.json", "admin.token", "lock", "volumes.json.new" };
	(void)state;
	(void)snprintf(outside, sizeof outside, "/tmp/vcoutside.XXXXXX");
	assert_non_null(mkdtemp(outside));
	(void)snprintf(path, sizeof path, "%s/x1", outside);
	assert_int_equal(make_v1("x0", path, true), 'f');
	assert_non_null(strstr(text, "does not lie where disks may"));
	assert_int_not_equal(access(path, F_OK), 0);
	/* Nor by a detour. */
	put_file(path, "");
	(void)snprintf(link_path, sizeof link_path, "%s/disks/link", host.dir);
	assert_int_equal(symlink(path, link_path), 0);
	assert_int_equal(make_v1("x0", "link", true), 'f');
	assert_non_null(strstr(text, "does not lie where disks may"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(make_v1("x0", "link", true), 'f'); /* to nowhere, yet */
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(unlink(link_path), 0);
	assert_int_equal(symlink(outside, link_path), 0);
	(void)snprintf(path, sizeof path, "%s/x1", link_path);
	assert_int_equal(make_v1("x0", path, true), 'f');
	(void)snprintf(path, sizeof path, "%s/disks/../..%s/x1", host.dir, strrchr(outside, '/'));
	assert_int_equal(make_v1("x0", path, true), 'f');
	assert_non_null(strstr(text, "does not lie where disks may"));
	/* What is the server's own is no disk. */
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", host.dir, own[i]);
		assert_int_equal(make_v1("x0", path, true), 'f');
		assert_non_null(strstr(text, "does not lie where disks may"));
	}
	assert_false(disk_exists("x0"));
	assert_int_equal(unlink(link_path), 0);
	assert_int_equal(rmdir(outside), 0);
}

/* Forget the volumes, move the disks of vol0 out of the way, and say how an import of them is called. */
static void take_vol0_outside(char body[512])
{
	static const char *const names[] = { "d0", "d1", "p0" };
	char from[160], to[160], dir[64];
	size_t len = (size_t)snprintf(body, 512, "{\"disks\": [");

	(void)snprintf(outside, sizeof outside, "/tmp/vcoutside.XXXXXX");
	assert_non_null(mkdtemp(outside));
	host_stop(&host);
	(void)snprintf(from, sizeof from, "%s/volumes.json", host.dir);
	assert_int_equal(unlink(from), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		(void)snprintf(from, sizeof from, "%s/disks/%s", host.dir, names[i]);
		(void)snprintf(to, sizeof to, "%s/%s", outside, names[i]);
		assert_int_equal(rename(from, to), 0);
		ramadmin_move_disk(from, to);
		len += (size_t)snprintf(body + len, 512 - len, "%s\"%s\"", i == 0 ? "" : ", ", to);
	}
	(void)snprintf(body + len, 512 - len, "]}");
	(void)snprintf(dir, sizeof dir, "%s", host.dir);
	host_start(&host, dir);
}

static void only_the_socket_imports_from_elsewhere_and_what_is_imported_is_kept(void **state)
{
	char body[512], path[160], dir[64];
	(void)state;
	take_vol0_outside(body);
	host_by_token = true;
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes", body, text), 'f');
	host_by_token = false;
	assert_non_null(strstr(text, "does not lie where disks may"));
	assert_int_equal(count(V1 "storage/volumes"), 0);
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes", body, text), 's');
	/* It starts again, wherever its disks are. */
	(void)snprintf(dir, sizeof dir, "%s", host.dir);
	host_stop(&host);
	host_start(&host, dir);
	does("GET", V1 "storage/volumes/vol0", NULL, 200);
	assert_int_equal(host_job(&host, "DELETE", V1 "storage/volumes/vol0", NULL, text), 's');
	for (const char *const *name = (const char *const[]){ "d0", "d1", "p0", NULL }; *name != NULL; name++) {
		(void)snprintf(path, sizeof path, "%s/%s", outside, *name);
		file_begins(path, "wiped");
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes", body, text), 'f');
	assert_int_equal(rmdir(outside), 0);
}

static void what_could_not_be_wiped_is_said(void **state)
{
	char body[512], path[160];
	(void)state;
	take_vol0_outside(body);
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes", body, text), 's');
	ramadmin_fail_wipe = -EIO;
	assert_int_equal(host_job(&host, "DELETE", V1 "storage/volumes/vol0", NULL, text), 'f');
	assert_non_null(strstr(text, "still on disk file:"));
	assert_non_null(strstr(text, "/d0 (EIO), "));
	assert_int_equal(count(V1 "storage/volumes"), 0);
	for (const char *const *name = (const char *const[]){ "d0", "d1", "p0", NULL }; *name != NULL; name++) {
		(void)snprintf(path, sizeof path, "%s/%s", outside, *name);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(outside), 0);
}

static void a_file_in_the_place_of_one_that_vcd_made_is_left_alone(void **state)
{
	char path[160], dir[64];
	(void)state;
	/* What vcd made is known after a restart, too. */
	(void)snprintf(dir, sizeof dir, "%s", host.dir);
	host_stop(&host);
	host_start(&host, dir);
	(void)snprintf(path, sizeof path, "%s/disks/d1", host.dir);
	assert_int_equal(unlink(path), 0);
	put_file(path, "ext4 of somebody");
	assert_int_equal(host_job(&host, "DELETE", V1 "storage/volumes/vol0", NULL, text), 's');
	assert_false(disk_exists("d0") || disk_exists("p0"));
	file_is(path, "ext4 of somebody");
}

static void a_check_that_finds_errors_fails_and_shows_them(void **state)
{
	(void)state;
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes/vol0/check", NULL, text), 's');
	ramadmin_check_errors = 1;
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes/vol0/check", NULL, text), 'f');
	assert_non_null(strstr(text, "block 7"));
}

/* Start a check that goes on; its job's path. */
static void start_endless_check(char path[128])
{
	json_t *json = NULL;

	ramadmin_check_hangs = true;
	assert_int_equal(host_ask(&host, "POST", V1 "storage/volumes/vol0/check", NULL, NULL, &json), 202);
	(void)snprintf(path, 128, V1 "jobs/%s", json_string_value(json_object_get(json_object_get(json, "job"), "uuid")));
	json_decref(json);
}

/* Within some seconds the job is in this state and this far. */
static bool job_gets(const char *path, const char *state, int progress)
{
	bool is = false;

	for (int i = 0; !is && i < 200; i++) {
		(void)usleep(25000);
		json_t *json = get(path);
		is = strcmp(json_string_value(json_object_get(json, "state")), state) == 0 &&
		     json_integer_value(json_object_get(json, "progress")) == progress;
		json_decref(json);
	}
	return is;
}

static void a_check_shows_its_progress_and_can_be_cancelled(void **state)
{
	char path[128];

	(void)state;
	start_endless_check(path);
	assert_true(job_gets(path, "running", 42));
	does("POST", V1 "storage/volumes/vol0/check", NULL, 409);
	does("DELETE", path, NULL, 200);
	assert_true(job_gets(path, "cancelled", 42));
	does("DELETE", path, NULL, 409);
	ramadmin_check_hangs = false;
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes/vol0/check", NULL, text), 's');
}

static void a_stop_waits_for_no_check(void **state)
{
	char path[128];

	(void)state;
	start_endless_check(path);
	host_stop(&host);
	ramadmin_check_hangs = false;
	char dir[64];
	(void)snprintf(dir, sizeof dir, "%s", host.dir);
	host_start(&host, dir);
}

/* ---- LUNs, snapshots, clones ------------------------------------------------------------------------------------- */

static void make_backed(void)
{
	does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/test\", \"size\": 1048576}", 201);
	does("POST", V1 "storage/volumes/vol0/snapshots", "{\"name\": \"s1\"}", 201);
	does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/test2\", \"backing\": \"/vol/vol0/.snapshot/s1/test\"}", 201);
}

static void the_way_of_a_clone(void **state)
{
	(void)state;
	make_backed();
	json_t *lun = get(V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2");
	assert_int_equal(json_integer_value(json_object_get(lun, "size")), 1048576);
	assert_string_equal(json_string_value(json_object_get(json_object_get(lun, "backing"), "snapshot")), "s1");
	char by_uuid[128];
	(void)snprintf(by_uuid, sizeof by_uuid, V1 "storage/luns/%s", json_string_value(json_object_get(lun, "uuid")));
	json_decref(lun);
	does("GET", by_uuid, NULL, 200);
	assert_true(message_has("DELETE", V1 "storage/volumes/vol0/snapshots/s1", NULL, 409, "test2"));
	ramadmin_clone_step = 0;
	does("POST", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", "{\"rate\": 4096}", 202);
	assert_int_equal(count(V1 "storage/clones?volume=vol0"), 1);
	does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", "{\"rate\": 0, \"priority\": \"high\", \"verify\": true}", 200);
	json_t *changed = get(V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone");
	assert_int_equal(json_integer_value(json_object_get(changed, "rate")), 0);
	assert_string_equal(json_string_value(json_object_get(changed, "priority")), "high");
	assert_true(json_is_true(json_object_get(changed, "verify")));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(changed, "blocks"), "total")), 256);
	json_decref(changed);
	does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", "{}", 400);
	does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", "{\"priority\": \"0\"}", 400);
	does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", "{\"priority\": \"urgent\"}", 400);
	does("POST", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", "{\"verify\": 1}", 400);
	does("DELETE", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", NULL, 200);
	ramadmin_clone_step = 100;
	assert_int_equal(host_job(&host, "POST", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone", "{}", text), 's');
	json_t *clone = get(V1 "storage/luns/%2Fvol%2Fvol0%2Ftest2/clone");
	assert_int_equal(json_integer_value(json_object_get(clone, "progress")), 100);
	json_decref(clone);
	assert_int_equal(host_job(&host, "DELETE", V1 "storage/volumes/vol0/snapshots/s1", NULL, text), 's');
	assert_int_equal(count(V1 "storage/volumes/vol0/snapshots"), 0);
	does("POST", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest/clone", "{}", 409);
	does("DELETE", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest/clone", NULL, 409);
	does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest/clone", "{\"rate\": 1}", 409);
}

static void a_running_clone_can_be_cancelled_by_its_job(void **state)
{
	json_t *json = NULL;
	char path[128];

	(void)state;
	make_backed();
	ramadmin_clone_step = 0;
	assert_int_equal(host_ask(&host, "POST", V1 "storage/luns/vol%2Fvol0%2Ftest2/clone", "{}", NULL, &json), 202);
	(void)snprintf(path, sizeof path, V1 "jobs/%s", json_string_value(json_object_get(json_object_get(json, "job"), "uuid")));
	json_decref(json);
	does("DELETE", path, NULL, 200);
	bool over = false;
	for (int i = 0; !over && i < 100; i++) {
		(void)usleep(50000);
		json = get(path);
		over = strcmp(json_string_value(json_object_get(json, "state")), "stopped") == 0;
		json_decref(json);
	}
	assert_true(over);
	does("DELETE", path, NULL, 409);
	does("DELETE", V1 "jobs/6f1e1e1e-0000-4000-8000-000000000000", NULL, 404);
}

static void a_lun_changes_only_for_who_read_it_last(void **state)
{
	json_t *json = NULL;

	(void)state;
	make_backed();
	assert_int_equal(
	    host_ask(&host, "PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest", "{\"state\": \"offline\"}", "If-Match: \"0\"\r\n", NULL), 200);
	assert_int_equal(
	    host_ask(&host, "PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest", "{\"state\": \"online\"}", "If-Match: \"0\"\r\n", &json), 412);
	json_decref(json);
	assert_int_equal(host_ask(&host, "GET", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest", NULL, "If-None-Match: \"1\"\r\n", NULL), 304);
	assert_true(message_has("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest", "{\"size\": 524288}", 400, "force"));
	does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest", "{\"size\": 524288, \"force\": true}", 200);
	does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest", "{\"size\": 2097152, \"comment\": \"x\"}", 200);
	does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Ftest", "{\"size\": 100}", 400);
	does("PATCH", V1 "storage/luns/%2Fvol%2Fvol0%2Fno", "{\"size\": 512}", 404);
}

static void bad_luns_are_refused(void **state)
{
	(void)state;
	does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/x\"}", 400);
	does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/x\", \"size\": 1000}", 400);
	does("POST", V1 "storage/luns", "{\"path\": \"/vol/nope/x\", \"size\": 1024}", 404);
	does("POST", V1 "storage/luns", "{\"path\": \"/x\", \"size\": 1024}", 400);
	does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/../x\", \"size\": 1024}", 400);
	does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/x\", \"backing\": \"/vol/other/.snapshot/s/x\"}", 400);
	does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/x\", \"backing\": \"/vol/vol0/.snapshot/s/x\"}", 404);
	does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/x\", \"backing\": \"/vol/vol0/x\"}", 400);
	assert_int_equal(count(V1 "storage/luns"), 0);
}

/* ---- igroups, maps, exports -------------------------------------------------------------------------------------- */

static void a_lun_is_mapped_and_the_map_survives_a_restart(void **state)
{
	(void)state;
	make_backed();
	does("POST", V1 "protocols/san/igroups", "{\"name\": \"g\", \"initiators\": [\"iqn.2026-11.x:a\", \"*\"]}", 201);
	does("POST", V1 "protocols/san/igroups", "{\"name\": \"g\"}", 409);
	does("POST", V1 "protocols/san/igroups", "{\"name\": \"h\", \"initiators\": [\"bad name\"]}", 400);
	does("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol0/test\", \"igroup\": \"g\"}", 201);
	does("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol0/test\", \"igroup\": \"g\"}", 409);
	assert_true(message_has("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol0/test2\", \"igroup\": \"g\", \"lun\": 0}", 409,
	                        "/vol/vol0/test"));
	does("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol0/test2\", \"igroup\": \"g\"}", 201);
	does("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol0/test2\", \"igroup\": \"nope\"}", 404);
	assert_int_equal(host.n_maps, 2);
	assert_true(message_has("DELETE", V1 "protocols/san/igroups/g", NULL, 409, "unmap"));
	assert_true(message_has("DELETE", V1 "storage/luns/vol%2Fvol0%2Ftest", NULL, 409, "unmap"));
	char dir[64];
	(void)snprintf(dir, sizeof dir, "%s", host.dir);
	host_stop(&host);
	host_start(&host, dir);
	assert_int_equal(host.n_maps, 2);
	json_t *maps = get(V1 "protocols/san/lun-maps?order_by=logical_unit_number%20desc");
	json_t *first = json_array_get(json_object_get(maps, "records"), 0);
	assert_int_equal(json_integer_value(json_object_get(first, "logical_unit_number")), 1);
	json_decref(maps);
	does("DELETE", V1 "protocols/san/lun-maps/vol%2Fvol0%2Ftest/g", NULL, 200);
	does("DELETE", V1 "protocols/san/lun-maps/vol%2Fvol0%2Ftest/g", NULL, 404);
	assert_int_equal(host.n_maps, 1);
	does("DELETE", V1 "storage/luns/vol%2Fvol0%2Ftest", NULL, 200);
	does("DELETE", V1 "storage/luns/vol%2Fvol0%2Ftest2?force=true", NULL, 200);
	does("DELETE", V1 "protocols/san/igroups/g", NULL, 200);
	assert_int_equal(host.n_maps, 0);
}

static void a_volume_brings_along_the_igroups_its_maps_name(void **state)
{
	(void)state;
	does("POST", V1 "protocols/san/igroups", "{\"name\": \"g\", \"initiators\": [\"*\"]}", 201);
	assert_int_equal(host_job(&host, "POST", V1 "storage/volumes",
	                          "{\"name\": \"vol1\", \"raid_groups\": [{\"disks\": [\"e0\", \"e1\"]}], \"disk_size\": 1048576}", text),
	                 's');
	does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol1/x\", \"size\": 1048576}", 201);
	does("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol1/x\", \"igroup\": \"g\"}", 201);
	assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text), 's');
	assert_int_equal(host.n_maps, 1);
	assert_int_equal(count(V1 "protocols/san/igroups"), 1);
}

static void initiators_come_and_go(void **state)
{
	(void)state;
	does("POST", V1 "protocols/san/igroups", "{\"name\": \"g\"}", 201);
	does("POST", V1 "protocols/san/igroups/g/initiators",
	     "{\"initiators\": [\"iqn.2026-01.test:a\", \"iqn.2026-01.test:b\", \"iqn.2026-01.test:a\"]}", 200);
	json_t *igroup = get(V1 "protocols/san/igroups/g");
	assert_int_equal(json_array_size(json_object_get(igroup, "initiators")), 2);
	json_decref(igroup);
	does("DELETE", V1 "protocols/san/igroups/g/initiators/iqn.2026-01.test:a", NULL, 200);
	does("DELETE", V1 "protocols/san/igroups/g/initiators/iqn.2026-01.test:a", NULL, 404);
	does("DELETE", V1 "protocols/san/igroups/nope/initiators/iqn.2026-01.test:a", NULL, 404);
	assert_int_equal(host_ask(&host, "POST", V1 "protocols/san/igroups/g/initiators", "{\"initiators\": [\"iqn.2026-01.test:c\"]}",
	                          "If-Match: \"1\"\r\n", NULL),
	                 412);
}

static void exports_are_kept_in_the_volume_with_their_ids(void **state)
{
	(void)state;
	does("PUT", V1 "protocols/nfs/exports/%2Fvol%2Fvol0",
	     "{\"rules\": [{\"client\": \"10.0.0.0/8\", \"access\": \"rw\", \"root_squash\": false, \"secure\": false}]}", 201);
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", "{\"rules\": [{\"client\": \"fd00::/8\", \"access\": \"ro\"}]}", 201);
	does("PUT", V1 "protocols/nfs/exports/%2Fvol%2Fvol0", "{\"rules\": [{\"client\": \"*\", \"access\": \"ro\"}]}", 200);
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fno", "{\"rules\": [{\"client\": \"fd00::/8\", \"access\": \"ro\"}]}", 404);
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", "{\"rules\": [{\"client\": \"10.0.0.1/8\", \"access\": \"ro\"}]}", 400);
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", "{\"rules\": [{\"client\": \"10.0.0.0/33\", \"access\": \"ro\"}]}", 400);
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", "{\"rules\": [{\"client\": \"example.org\", \"access\": \"ro\"}]}", 400);
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", "{\"rules\": [{\"client\": \"10.0.0.0/8\", \"access\": \"rx\"}]}", 400);
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", "{\"rules\": []}", 400);
	assert_int_equal(count(V1 "protocols/nfs/exports"), 2);
	does("DELETE", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", NULL, 200);
	does("DELETE", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", NULL, 404);
	assert_int_equal(host.n_exports, 1);
}

static void a_limit_that_is_reached_is_a_conflict(void **state)
{
	char body[65536] = "{\"name\": \"hosts\", \"initiators\": [\"*\"";
	size_t used = strlen(body);

	(void)state;
	ramadmin_fail_snapshot = -EMLINK;
	does("POST", V1 "storage/volumes/vol0/snapshots", "{\"name\": \"s256\"}", 409);
	for (unsigned i = 1; i < 1024; i++)
		used += (size_t)snprintf(body + used, sizeof body - used, ", \"iqn.2026-01.test:%u\"", i);
	(void)snprintf(body + used, sizeof body - used, "]}");
	does("POST", V1 "protocols/san/igroups", body, 201);
	assert_true(message_has("POST", V1 "protocols/san/igroups/hosts/initiators", "{\"initiators\": [\"iqn.2026-01.test:more\"]}", 409,
	                        "at most"));
}

#define A_RULE "{\"rules\": [{\"client\": \"*\", \"access\": \"ro\"}]}"

/* Its id is in file handles. */
static void export_that_is_withdrawn_and_set_again_has_its_id(void **state)
{
	uint32_t id;

	(void)state;
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", A_RULE, 201);
	id = host.export.id;
	does("DELETE", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", NULL, 200);
	assert_int_equal(host.n_exports, 0);
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", A_RULE, 201);
	assert_int_not_equal(host.export.id, id);
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", A_RULE, 201);
	assert_int_equal(host.export.id, id);
}

static bool export_is(const char *path, const char *export_state)
{
	json_t *list = get(V1 "protocols/nfs/exports"), *record = json_array_get(json_object_get(list, "records"), 0);
	bool is = strcmp(json_string_value(json_object_get(record, "path")), path) == 0 &&
	          strcmp(json_string_value(json_object_get(record, "state")), export_state) == 0;
	json_decref(list);
	return is;
}

static void export_is_a_directory_whatever_its_name(void **state)
{
	uint32_t id;

	(void)state;
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", A_RULE, 201);
	assert_true(export_is("/vol/vol0/dir", "exported"));
	id = host.export.id;
	ramadmin_directory = "/other\xff";
	ramadmin_tree_changes++;
	assert_true(export_is("/vol/vol0/other\\xFF", "exported"));
	assert_string_equal(host.export.path, "/vol/vol0/other\xff");
	assert_int_equal(host.export.root, 100);
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fother%5CxFF", A_RULE, 200);
	assert_int_equal(host.export.id, id);
	does("DELETE", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", NULL, 404);
	ramadmin_directory = NULL;
	ramadmin_tree_changes++;
	assert_true(export_is("/vol/vol0/other\\xFF", "missing"));
	assert_int_equal(host.n_exports, 0);
	does("DELETE", V1 "protocols/nfs/exports/vol%2Fvol0%2Fother%5CxFF", NULL, 200);
	assert_int_equal(count(V1 "protocols/nfs/exports"), 0);
}

/* Without anybody asking. */
static void renamed_export_is_noticed_by_itself(void **state)
{
	(void)state;
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fdir", A_RULE, 201);
	ramadmin_directory = "/elsewhere";
	ramadmin_tree_changes++;
	for (unsigned i = 0; i < 200 && strcmp(host.export.path, "/vol/vol0/elsewhere") != 0; i++)
		usleep(50000);
	assert_string_equal(host.export.path, "/vol/vol0/elsewhere");
}

static void export_of_an_older_version_keeps_its_id_and_learns_its_directory(void **state)
{
	char dir[64];

	(void)state;
	(void)snprintf(dir, sizeof dir, "%s", host.dir);
	host_stop(&host);
	ramadmin_put_document(
	    "vol0", "exports",
	    "{\"version\":1,\"records\":[{\"id\":77,\"path\":\"/dir\",\"rules\":[{\"client\":\"*\",\"access\":\"ro\"}]}]}");
	host_start(&host, dir);
	assert_int_equal(host.export.id, 77);
	assert_int_equal(host.export.root, 100);
	assert_int_equal(host.export.anon_uid, 65534);
	host_stop(&host);
	ramadmin_directory = "/other"; /* renamed while nobody looked */
	host_start(&host, dir);
	assert_string_equal(host.export.path, "/vol/vol0/other");
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0%2Fother", A_RULE, 200);
	assert_int_equal(host.export.id, 77);
}

static void rules_say_who_squashed_users_are_and_name_a_network_once(void **state)
{
	(void)state;
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0",
	     "{\"rules\": [{\"client\": \"*\", \"access\": \"rw\", \"all_squash\": true, \"anonuid\": 99, \"anongid\": 4294967295}]}", 201);
	assert_true(host.export.all_squash);
	assert_int_equal(host.export.anon_uid, 99);
	assert_int_equal(host.export.anon_gid, UINT32_MAX);
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0",
	     "{\"rules\": [{\"client\": \"*\", \"access\": \"rw\", \"anonuid\": 4294967296}]}", 400);
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", "{\"rules\": [{\"client\": \"*\", \"access\": \"rw\", \"anonuid\": -1}]}", 400);
	assert_true(
	    message_has("PUT", V1 "protocols/nfs/exports/vol%2Fvol0",
	                "{\"rules\": [{\"client\": \"10.0.0.7\", \"access\": \"ro\"}, {\"client\": \"10.0.0.7/32\", \"access\": \"rw\"}]}",
	                400, "twice"));
	assert_true(message_has("PUT", V1 "protocols/nfs/exports/vol%2Fvol0",
	                        "{\"rules\": [{\"client\": \"*\", \"access\": \"ro\"}, {\"client\": \"::/0\", \"access\": \"rw\"}]}", 400,
	                        "twice"));
}

static void a_schedule_is_kept_in_the_volume(void **state)
{
	char dir[64];

	(void)state;
	does("PUT", V1 "storage/volumes/vol0/snapshot-schedule", "{}", 400);
	does("PUT", V1 "storage/volumes/vol0/snapshot-schedule", "{\"hourly\": 6}", 400);
	does("PUT", V1 "storage/volumes/vol0/snapshot-schedule", "{\"hourly\": {\"at\": \":05\"}}", 400);
	does("PUT", V1 "storage/volumes/vol0/snapshot-schedule", "{\"hourly\": {\"keep\": 251}}", 400);
	does("PUT", V1 "storage/volumes/vol0/snapshot-schedule", "{\"hourly\": {\"keep\": 6, \"at\": \":60\"}}", 400);
	does("PUT", V1 "storage/volumes/nope/snapshot-schedule", "{\"hourly\": {\"keep\": 6}}", 404);
	does("PUT", V1 "storage/volumes/vol0/snapshot-schedule", "{\"hourly\": {\"keep\": 6}, \"weekly\": {\"keep\": 4, \"at\": \"mon\"}}",
	     200);
	(void)snprintf(dir, sizeof dir, "%s", host.dir);
	host_stop(&host);
	host_start(&host, dir);
	json_t *json = get(V1 "storage/volumes/vol0/snapshot-schedule");
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "hourly"), "at")), ":05");
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "weekly"), "at")), "mon@00:15");
	assert_null(json_object_get(json, "daily"));
	assert_string_equal(json_string_value(json_object_get(json, "time_zone")), "UTC");
	json_decref(json);
	assert_int_equal(count(V1 "storage/snapshot-schedules"), 1);
	does("DELETE", V1 "storage/volumes/vol0/snapshot-schedule", NULL, 200);
	does("DELETE", V1 "storage/volumes/vol0/snapshot-schedule", NULL, 404);
	assert_int_equal(count(V1 "storage/snapshot-schedules"), 0);
	assert_true(ramadmin_document_is("vol0", "snapshot-policy", "{\"records\":[],\"version\":1}"));
}

static void an_autodelete_policy_reaches_the_volume_again_after_a_restart(void **state)
{
	char dir[64];

	(void)state;
	does("PATCH", V1 "storage/volumes/vol0/snapshot-autodelete", "{\"trigger_free\": 101}", 400);
	does("PATCH", V1 "storage/volumes/vol0/snapshot-autodelete", "{\"enabled\": 1}", 400);
	does("PATCH", V1 "storage/volumes/vol0/snapshot-autodelete", "{\"defer\": \"never\"}", 400);
	assert_false(ramadmin_autodelete.enabled);
	does("PUT", V1 "storage/volumes/vol0/snapshot-schedule", "{\"hourly\": {\"keep\": 6}}", 200);
	does("PATCH", V1 "storage/volumes/vol0/snapshot-autodelete",
	     "{\"enabled\": true, \"target_free\": 30, \"order\": \"newest-first\", \"delete\": \"all\", \"keep_prefix\": \"keep\"}", 200);
	does("PATCH", V1 "storage/volumes/vol0/snapshot-autodelete", "{\"defer\": \"scheduled\"}", 200);
	(void)snprintf(dir, sizeof dir, "%s", host.dir);
	host_stop(&host);
	ramadmin_autodelete = (struct fs_autodelete){ 0 };
	host_start(&host, dir);
	assert_int_equal(count(V1 "storage/snapshot-autodeletes"), 1);
	json_t *json = get(V1 "storage/volumes/vol0/snapshot-autodelete");
	assert_string_equal(json_string_value(json_object_get(json, "defer")), "scheduled");
	assert_null(json_object_get(json, "kind"));
	json_decref(json);
	host_stop(&host);
	static const struct fs_autodelete told = { .enabled = true,
		                                   .trigger_percent = 5,
		                                   .target_percent = 30,
		                                   .newest_first = true,
		                                   .user_created = true,
		                                   .defer = FS_DEFER_SCHEDULED,
		                                   .keep_prefix = "keep" };
	assert_true(ramadmin_autodelete.enabled && ramadmin_autodelete.newest_first && ramadmin_autodelete.user_created);
	assert_int_equal(ramadmin_autodelete.trigger_percent, told.trigger_percent);
	assert_int_equal(ramadmin_autodelete.target_percent, told.target_percent);
	assert_int_equal(ramadmin_autodelete.defer, told.defer);
	assert_string_equal(ramadmin_autodelete.keep_prefix, told.keep_prefix);
	host_start(&host, dir);
	json = get(V1 "storage/volumes/vol0/snapshot-schedule"); /* the one has not pushed out the other */
	assert_non_null(json_object_get(json, "hourly"));
	json_decref(json);
}

static void a_damaged_schedule_is_said_and_kept(void **state)
{
	static const char damaged[] =
	    "{\"version\": 1, \"records\": [{\"kind\": \"hourly\", \"keep\": 6, \"at\": \":05\", \"since\": 1}, {\"kind\": \"monthly\"}]}";
	char dir[64];

	(void)state;
	ramadmin_put_document("vol0", "snapshot-policy", damaged);
	(void)snprintf(dir, sizeof dir, "%s", host.dir);
	host_stop(&host);
	host_start(&host, dir);
	json_t *json = get(V1 "storage/volumes/vol0/snapshot-schedule");
	assert_non_null(json_object_get(json, "hourly"));
	json_decref(json);
	assert_true(message_has("DELETE", V1 "storage/volumes/vol0/snapshot-schedule", NULL, 500, "damaged"));
	assert_true(ramadmin_document_is("vol0", "snapshot-policy", damaged));
}

static void damaged_documents_do_not_hurt(void **state)
{
	static const char *const documents[] = {
		"not json",
		"{}",
		"{\"version\": 1, \"records\": [1, null, {}, {\"path\": 7}, {\"path\": \"/\", \"id\": 0, \"rules\": []}]}",
		"{\"version\": 1, \"records\": [{\"path\": \"/\", \"id\": 5, \"rules\": [{\"client\": 1}]}, {\"uuid\": \"x\", \"name\": "
		"1}]}",
		"{\"version\": 1, \"records\": [{\"uuid\": \"6f1e1e1e-0000-4000-8000-000000000000\", \"name\": \"g\", \"initiators\": "
		"[1]}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
		assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text), 's');
		ramadmin_put_document("vol0", "exports", documents[i]);
		ramadmin_put_document("vol0", "igroups", documents[i]);
		assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text), 's');
		assert_int_equal(count(V1 "protocols/nfs/exports"), 0);
		assert_int_equal(count(V1 "protocols/san/igroups"), 0);
		/* and are not replaced by what a change would make of them */
		assert_true(message_has("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", A_RULE, 500, "\"exports\" of volume \"vol0\""));
		assert_true(message_has("DELETE", V1 "protocols/nfs/exports/vol%2Fvol0", NULL, 500, "\"exports\" of volume \"vol0\""));
		assert_true(message_has("POST", V1 "protocols/san/igroups", "{\"name\": \"g\"}", 500, "\"igroups\" of volume \"vol0\""));
		assert_true(ramadmin_document_is("vol0", "exports", documents[i]));
		assert_true(ramadmin_document_is("vol0", "igroups", documents[i]));
	}
}

static void good_entries_of_a_damaged_document_are_used_and_kept(void **state)
{
	static const char exports[] = "{\"version\": 1, \"records\": [{\"path\": \"/\", \"id\": 5, \"rules\": [{\"client\": \"*\", "
	                              "\"access\": \"ro\"}]}, {\"path\": 7}]}";

	(void)state;
	assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text), 's');
	ramadmin_put_document("vol0", "exports", exports);
	assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text), 's');
	assert_int_equal(count(V1 "protocols/nfs/exports"), 1);
	assert_int_equal(host.n_exports, 1);
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", A_RULE, 500);
	does("POST", V1 "protocols/san/igroups", "{\"name\": \"g\"}", 201); /* another document */
	assert_true(ramadmin_document_is("vol0", "exports", exports));
	/* put right, it can be changed again */
	assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text), 's');
	ramadmin_put_document("vol0", "exports", "{\"version\": 1, \"records\": []}");
	assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text), 's');
	does("PUT", V1 "protocols/nfs/exports/vol%2Fvol0", A_RULE, 201);
}

#define RULES "\"rules\": [{\"client\": \"*\", \"access\": \"ro\"}]"
#define IGROUP(uuid) "{\"uuid\": \"" uuid "\", \"name\": \"g\", \"initiators\": [\"*\"]}"
#define HOURLY "{\"kind\": \"hourly\", \"keep\": 6, \"at\": \":05\", \"since\": 1}"

/* One such entry would have the server refuse all exports of the volume, or be another's igroup in other letters. */
static void doubles_and_paths_that_climb_are_left_out_of_documents(void **state)
{
	static char deep[2048], long_path[4096];
	const struct {
		const char *document, *second, *list;
	} cases[] = {
		{ "exports", "{\"path\": \"/a\", \"id\": 5, " RULES "}", "protocols/nfs/exports" },
		{ "exports", "{\"path\": \"/\", \"id\": 6, " RULES "}", "protocols/nfs/exports" },
		{ "exports", "{\"path\": \"/..\", \"id\": 6, " RULES "}", "protocols/nfs/exports" },
		{ "exports", "{\"path\": \"/a/../../etc\", \"id\": 6, " RULES "}", "protocols/nfs/exports" },
		{ "exports", "{\"path\": \"/a/\", \"id\": 6, " RULES "}", "protocols/nfs/exports" },
		{ "exports", "{\"path\": \"a\", \"id\": 6, " RULES "}", "protocols/nfs/exports" },
		{ "exports", "{\"path\": \"/a\", \"id\": 4294967301, " RULES "}", "protocols/nfs/exports" },
		{ "exports", long_path, "protocols/nfs/exports" },
		{ "igroups", IGROUP("6f1e1e1e-0000-4000-8000-000000000000"), "protocols/san/igroups" },
		{ "igroups", IGROUP("6F1E1E1E-0000-4000-8000-000000000000"), "protocols/san/igroups" },
		{ "snapshot-policy", HOURLY, NULL },
	};
	static char document[8192], path[4096];

	(void)state;
	for (size_t i = 0; i + 2 < 900; i += 2)
		memcpy(deep + i, "/a", 3);
	(void)snprintf(long_path, sizeof long_path, "{\"path\": \"%s\", \"id\": 6, " RULES "}", deep);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *first = strcmp(cases[i].document, "exports") == 0   ? "{\"path\": \"/\", \"id\": 5, " RULES "}"
		                    : strcmp(cases[i].document, "igroups") == 0 ? IGROUP("6f1e1e1e-0000-4000-8000-000000000000")
		                                                                : HOURLY;
		assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text), 's');
		(void)snprintf(document, sizeof document, "{\"version\": 1, \"records\": [%s, %s]}", first, cases[i].second);
		ramadmin_put_document("vol0", cases[i].document, document);
		assert_int_equal(host_job(&host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text), 's');
		if (cases[i].list == NULL) {
			does("DELETE", V1 "storage/volumes/vol0/snapshot-schedule", NULL, 500);
		} else {
			(void)snprintf(path, sizeof path, V1 "%s", cases[i].list);
			assert_int_equal(count(path), 1);
		}
		assert_true(ramadmin_document_is("vol0", cases[i].document, document));
		ramadmin_put_document("vol0", cases[i].document, "{\"version\": 1, \"records\": []}");
	}
	/* And nobody makes an export that no client could mount. */
	size_t len = (size_t)snprintf(path, sizeof path, V1 "protocols/nfs/exports/vol%%2Fvol0");
	for (size_t i = 0; i < strlen(deep); i += 2)
		len += (size_t)snprintf(path + len, sizeof path - len, "%%2Fa");
	assert_true(message_has("PUT", path, A_RULE, 400, "at most"));
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

static void a_get_changes_nothing(void **state)
{
	static const char *const paths[] = { "storage/volumes",
		                             "storage/volumes/vol0",
		                             "storage/volumes/vol0/snapshots",
		                             "storage/luns",
		                             "storage/luns/vol%2Fvol0%2Ftest",
		                             "storage/luns/vol%2Fvol0%2Ftest2/clone",
		                             "storage/clones",
		                             "protocols/san/igroups",
		                             "protocols/san/lun-maps",
		                             "protocols/nfs/exports",
		                             "storage/raid-groups",
		                             "storage/disks",
		                             "jobs",
		                             "events",
		                             "status",
		                             "stats" };
	char path[128];

	(void)state;
	make_backed();
	json_t *before = get(V1 "storage/luns");
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		(void)snprintf(path, sizeof path, V1 "%s", paths[i]);
		does("GET", path, NULL, 200);
	}
	json_t *after = get(V1 "storage/luns");
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
}

static void a_lost_disk_is_said_everywhere(void **state)
{
	(void)state;
	ramadmin_degraded = true;
	json_t *status = get(V1 "status"), *groups = get(V1 "storage/raid-groups?volume=vol0");
	assert_string_equal(json_string_value(json_object_get(status, "state")), "degraded");
	json_t *problem = json_array_get(json_object_get(status, "problems"), 0);
	assert_non_null(strstr(json_string_value(json_object_get(problem, "message")), "RAID group 0 is degraded: data disk "));
	assert_non_null(
	    strstr(json_string_value(json_object_get(problem, "message")), "d0 is missing; one more disk lost there loses data"));
	json_t *group = json_array_get(json_object_get(groups, "records"), 0);
	assert_string_equal(json_string_value(json_object_get(group, "state")), "degraded");
	assert_int_equal(json_array_size(json_object_get(group, "disks")), 3);
	json_decref(status);
	json_decref(groups);
	does("GET", V1 "storage/raid-groups?volume=nope", NULL, 404);
}

static const char *metrics(void)
{
	static char answer[65536];
	char request[256];
	int len = snprintf(request, sizeof request,
	                   "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n",
	                   (unsigned)host.port, host.token);

	(void)host_raw(&host, request, (size_t)len, answer, sizeof answer);
	return answer;
}

static void metrics_are_prometheus_text(void **state)
{
	const char *answer = metrics();

	(void)state;
	assert_non_null(strstr(answer, "# TYPE vc_volume_free_bytes gauge\nvc_volume_free_bytes{volume=\"vol0\"} 2147483648\n"));
	assert_non_null(strstr(answer, "text/plain; version=0.0.4"));
}

/* Older versions took such names, and an image has any. */
static void a_name_stays_a_label_in_metrics(void **state)
{
	static const char *const names[][2] = {
		{ "a\"} 1\nb\\", "a\\\"} 1\\nb\\\\" }, /* a quote, the end of a line, a backslash */
		{ "\xff\x1b[2J\xe2\x82\xac", "\\\\xFF\\\\x1B[2J\xe2\x82\xac" },
	};
	char expected[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ramadmin_rename(i == 0 ? "vol0" : names[i - 1][0], names[i][0]);
		(void)snprintf(expected, sizeof expected, "\nvc_volume_free_bytes{volume=\"%s\"} 2147483648\n", names[i][1]);
		assert_non_null(strstr(metrics(), expected));
	}
	ramadmin_rename(names[1][0], "vol0");
}

static void events_are_never_dropped_whatever_is_in_them(void **state)
{
	static const char unfit[] = "iqn.\xff\xfe\x1b[2J \xe2\x82\xac";
	char name[4096];
	size_t len = 0;

	(void)state;
	json_t *before = get(V1 "events");
	/* Skewed by each number of bytes: an event's text is cut, and must not be cut through a character. */
	for (size_t skew = 0; skew < 4; skew++) {
		memset(name, 'x', skew);
		for (len = skew; len + sizeof unfit < sizeof name; len += sizeof unfit - 1)
			memcpy(name + len, unfit, sizeof unfit);
		log_warn("test", "named", "name=%s", name);
		for (len = skew; len + 4 < sizeof name; len += 3)
			memcpy(name + len, "\xe2\x82\xac", 4);
		log_warn("test", "named", "name=%s", name);
	}
	json_t *after = get(V1 "events");
	assert_int_equal(json_integer_value(json_object_get(after, "num_records")),
	                 json_integer_value(json_object_get(before, "num_records")) + 8);
	json_decref(before);
	json_decref(after);
}

static void events_are_listed_and_followed(void **state)
{
	char answer[65536], request[256];
	(void)state;
	does("GET", V1 "events?level=warn", NULL, 200);
	does("GET", V1 "events?level=loud", NULL, 400);
	int len = snprintf(
	    request, sizeof request,
	    "GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n\r\n",
	    (unsigned)host.port, host.token);
	(void)host_raw(&host, request, (size_t)len, answer, sizeof answer);
	assert_non_null(strstr(answer, "text/event-stream"));
	assert_non_null(strstr(answer, "volume_online"));
	assert_non_null(strstr(answer, "\ndata: {"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_volume_is_made_with_its_disk_files_and_remembered),
		TEST(bad_volumes_are_refused_and_leave_nothing),
		TEST(a_volume_goes_offline_and_comes_back),
		TEST(a_volume_that_does_not_mount_says_why_and_can_be_tried_again),
		TEST(a_destroyed_volume_is_gone_with_its_disks_and_can_not_be_imported),
		TEST(a_volume_is_imported_under_its_own_name),
		TEST(a_disk_that_holds_something_is_not_taken_unless_forced),
		TEST(a_disk_of_a_known_volume_is_not_taken_even_by_force),
		TEST(disks_lie_where_the_configuration_says),
		TEST(only_the_socket_imports_from_elsewhere_and_what_is_imported_is_kept),
		TEST(what_could_not_be_wiped_is_said),
		TEST(a_file_in_the_place_of_one_that_vcd_made_is_left_alone),
		TEST(a_check_that_finds_errors_fails_and_shows_them),
		TEST(a_check_shows_its_progress_and_can_be_cancelled),
		TEST(a_stop_waits_for_no_check),
		TEST(the_way_of_a_clone),
		TEST(a_running_clone_can_be_cancelled_by_its_job),
		TEST(a_lun_changes_only_for_who_read_it_last),
		TEST(bad_luns_are_refused),
		TEST(a_lun_is_mapped_and_the_map_survives_a_restart),
		TEST(a_volume_brings_along_the_igroups_its_maps_name),
		TEST(initiators_come_and_go),
		TEST(a_limit_that_is_reached_is_a_conflict),
		TEST(exports_are_kept_in_the_volume_with_their_ids),
		TEST(export_that_is_withdrawn_and_set_again_has_its_id),
		TEST(export_is_a_directory_whatever_its_name),
		TEST(renamed_export_is_noticed_by_itself),
		TEST(export_of_an_older_version_keeps_its_id_and_learns_its_directory),
		TEST(rules_say_who_squashed_users_are_and_name_a_network_once),
		TEST(a_schedule_is_kept_in_the_volume),
		TEST(an_autodelete_policy_reaches_the_volume_again_after_a_restart),
		TEST(a_damaged_schedule_is_said_and_kept),
		TEST(damaged_documents_do_not_hurt),
		TEST(good_entries_of_a_damaged_document_are_used_and_kept),
		TEST(a_get_changes_nothing),
		TEST(a_lost_disk_is_said_everywhere),
		TEST(doubles_and_paths_that_climb_are_left_out_of_documents),
		TEST(metrics_are_prometheus_text),
		TEST(a_name_stays_a_label_in_metrics),
		TEST(events_are_never_dropped_whatever_is_in_them),
		TEST(events_are_listed_and_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
