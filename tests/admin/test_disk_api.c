/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that hold something, lie elsewhere, or are another volume's: not taken, and left as they are. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

static char text[256];

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
	(void)snprintf(body, sizeof body,
	               "{\"name\": \"v1\", \"raid_groups\": [{\"disks\": [\"%s\", \"%s\"]}], \"disk_size\": 1048576%s}",
	               disk0, disk1, force ? ", \"force\": true" : "");
	return host_job(&rest_host, "POST", V1 "storage/volumes", body, text);
}

static void a_disk_that_holds_something_is_not_taken_unless_forced(void **state)
{
	char path[128];
	(void)state;
	(void)snprintf(path, sizeof path, "%s/disks/x1", rest_host.dir);
	put_file(path, "ext4 of somebody");
	assert_int_equal(make_v1("x0", "x1", false), 'f');
	assert_non_null(strstr(text, "x1 is not empty, it holds a file system (ext4); --force"));
	file_is(path, "ext4 of somebody");
	assert_false(rest_has_disk("x0")); /* all are looked at before one is made */
	assert_int_equal(make_v1("x0", "x1", true), 's');
	file_begins(path, "wiped");
	/* vcd made x0; x1 was there before. */
	assert_int_equal(host_job(&rest_host, "DELETE", V1 "storage/volumes/v1", NULL, text), 's');
	assert_false(rest_has_disk("x0"));
	assert_true(rest_has_disk("x1"));
}

static void a_disk_of_a_known_volume_is_not_taken_even_by_force(void **state)
{
	char path[128], other[128];
	(void)state;
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text),
	                 's');
	(void)snprintf(path, sizeof path, "%s/disks/d0", rest_host.dir);
	(void)snprintf(other, sizeof other, "%s/disks/other", rest_host.dir);
	assert_int_equal(symlink("d0", other), 0);
	assert_int_equal(make_v1("x0", "other", true), 'f');
	assert_non_null(strstr(text, "belongs to volume \"vol0\""));
	assert_int_equal(unlink(other), 0);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(make_v1("x0", "other", true), 'f');
	assert_non_null(strstr(text, "belongs to volume \"vol0\""));
	assert_int_equal(make_v1("x0", "../disks/d0", true), 'f');
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text),
	                 's');
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
	(void)snprintf(link_path, sizeof link_path, "%s/disks/link", rest_host.dir);
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
	(void)snprintf(path, sizeof path, "%s/disks/../..%s/x1", rest_host.dir, strrchr(outside, '/'));
	assert_int_equal(make_v1("x0", path, true), 'f');
	assert_non_null(strstr(text, "does not lie where disks may"));
	/* What is the server's own is no disk. */
	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", rest_host.dir, own[i]);
		assert_int_equal(make_v1("x0", path, true), 'f');
		assert_non_null(strstr(text, "does not lie where disks may"));
	}
	assert_false(rest_has_disk("x0"));
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
	host_stop(&rest_host);
	(void)snprintf(from, sizeof from, "%s/volumes.json", rest_host.dir);
	assert_int_equal(unlink(from), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		(void)snprintf(from, sizeof from, "%s/disks/%s", rest_host.dir, names[i]);
		(void)snprintf(to, sizeof to, "%s/%s", outside, names[i]);
		assert_int_equal(rename(from, to), 0);
		ramadmin_move_disk(from, to);
		len += (size_t)snprintf(body + len, 512 - len, "%s\"%s\"", i == 0 ? "" : ", ", to);
	}
	(void)snprintf(body + len, 512 - len, "]}");
	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	host_start(&rest_host, dir);
}

static void only_the_socket_imports_from_elsewhere_and_what_is_imported_is_kept(void **state)
{
	char body[512], path[160], dir[64];
	(void)state;
	take_vol0_outside(body);
	host_by_token = true;
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes", body, text), 'f');
	host_by_token = false;
	assert_non_null(strstr(text, "does not lie where disks may"));
	assert_int_equal(rest_count(V1 "storage/volumes"), 0);
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes", body, text), 's');
	/* It starts again, wherever its disks are. */
	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	host_stop(&rest_host);
	host_start(&rest_host, dir);
	rest_does("GET", V1 "storage/volumes/vol0", NULL, 200);
	assert_int_equal(host_job(&rest_host, "DELETE", V1 "storage/volumes/vol0", NULL, text), 's');
	for (const char *const *name = (const char *const[]){ "d0", "d1", "p0", NULL }; *name != NULL; name++) {
		(void)snprintf(path, sizeof path, "%s/%s", outside, *name);
		file_begins(path, "wiped");
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes", body, text), 'f');
	assert_int_equal(rmdir(outside), 0);
}

static void what_could_not_be_wiped_is_said(void **state)
{
	char body[512], path[160];
	(void)state;
	take_vol0_outside(body);
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes", body, text), 's');
	ramadmin_fail_wipe = -EIO;
	assert_int_equal(host_job(&rest_host, "DELETE", V1 "storage/volumes/vol0", NULL, text), 'f');
	assert_non_null(strstr(text, "still on disk file:"));
	assert_non_null(strstr(text, "/d0 (EIO), "));
	assert_int_equal(rest_count(V1 "storage/volumes"), 0);
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
	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	host_stop(&rest_host);
	host_start(&rest_host, dir);
	(void)snprintf(path, sizeof path, "%s/disks/d1", rest_host.dir);
	assert_int_equal(unlink(path), 0);
	put_file(path, "ext4 of somebody");
	assert_int_equal(host_job(&rest_host, "DELETE", V1 "storage/volumes/vol0", NULL, text), 's');
	assert_false(rest_has_disk("d0") || rest_has_disk("p0"));
	file_is(path, "ext4 of somebody");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rest_setup_vol0, rest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_disk_that_holds_something_is_not_taken_unless_forced),
		TEST(a_disk_of_a_known_volume_is_not_taken_even_by_force),
		TEST(disks_lie_where_the_configuration_says),
		TEST(only_the_socket_imports_from_elsewhere_and_what_is_imported_is_kept),
		TEST(what_could_not_be_wiped_is_said),
		TEST(a_file_in_the_place_of_one_that_vcd_made_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
