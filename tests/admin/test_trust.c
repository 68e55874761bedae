/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from elsewhere: volumes made by others, and a damaged list of volumes. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

static char text[256];

static void make(const char *name, const char *disk)
{
	char body[512];
	(void)snprintf(body, sizeof body,
	               "{\"name\": \"%s\", \"raid_groups\": [{\"disks\": [\"%s0\", \"%s1\"]}], \"disk_size\": 1048576}",
	               name, disk, disk);
	assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes", body, text), 's');
}

static char import(const char *disk, const char *more)
{
	char body[512];
	(void)snprintf(body, sizeof body, "{\"disks\": [\"%s0\", \"%s1\"]%s}", disk, disk, more);
	return host_job(&rest_host, "POST", V1 "storage/volumes", body, text);
}

static void state_path(char path[160])
{
	(void)snprintf(path, 160, "%s/volumes.json", rest_host.dir);
}

static void restart(void)
{
	char dir[64];
	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	host_start(&rest_host, dir);
}

/* Stop, take the volume off the list as if it had never been here, and start. */
static void forget(const char *volume)
{
	char path[160];
	json_t *entry;
	size_t i;

	host_stop(&rest_host);
	state_path(path);
	json_t *state = json_load_file(path, 0, NULL), *list = json_object_get(state, "volumes");
	for (i = json_array_size(list); i-- > 0;) {
		entry = json_array_get(list, i);
		if (strcmp(json_string_value(json_object_get(entry, "name")), volume) == 0)
			(void)json_array_remove(list, i);
	}
	assert_int_equal(json_dump_file(state, path, 0), 0);
	json_decref(state);
	restart();
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static void an_imported_volume_of_an_impossible_name_gets_another_or_is_refused(void **state)
{
	static const char *const names[] = { "..",       ".",          "a/b",     "a\nb",         "a\x1b[2J",
		                             "\xff\xfe", "with space", ".hidden", "a\xe2\x80\xae" };

	(void)state;
	make("vol1", "e");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		forget("vol1");
		ramadmin_rename("vol1", names[i]);
		assert_int_equal(import("e", ""), 'f');
		assert_non_null(strstr(text, "--name"));
		json_t *list = rest_get(V1 "storage/volumes");
		assert_int_equal(json_integer_value(json_object_get(list, "num_records")), 0);
		json_decref(list);
		assert_int_equal(import("e", ", \"name\": \"vol1\""), 's');
		rest_does("GET", V1 "storage/volumes/vol1", NULL, 200);
		host_stop(&rest_host); /* and it starts again */
		restart();
		rest_does("GET", V1 "storage/volumes/vol1/snapshots", NULL, 200);
	}
	rest_does("POST", V1 "storage/volumes", "{\"disks\": [\"x0\", \"x1\"], \"name\": \"..\"}", 400);
	rest_does("POST", V1 "storage/volumes", "{\"disks\": [\"x0\", \"x1\"], \"name\": \"vol1\"}", 409);
}

static void an_imported_volume_whose_name_is_taken_can_have_another(void **state)
{
	(void)state;
	make("vol0", "d");
	make("vol1", "e");
	forget("vol1");
	ramadmin_rename("vol1", "vol0-image");
	host_stop(&rest_host);
	restart();
	assert_int_equal(import("e", ", \"name\": \"vol2\""), 's');
	rest_does("GET", V1 "storage/volumes/vol2/snapshots", NULL, 200);
	rest_does("GET", V1 "storage/volumes/vol0/snapshots", NULL, 200);
}

static void only_paths_and_files_are_disks(void **state)
{
	static const char *const bodies[] = {
		"{\"name\": \"v\", \"raid_groups\": [{\"disks\": [\"mem:a\", \"mem:b\"]}], \"disk_size\": 1048576}",
		"{\"disks\": [\"mem:a\", \"mem:b\"]}",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(host_job(&rest_host, "POST", V1 "storage/volumes", bodies[i], text), 'f');
		assert_non_null(
		    strstr(text, "\"mem:a\" is not a disk: give a name, an absolute path or a URL (file:/path)"));
	}
}

/* ---- igroups ----------------------------------------------------------------------------------------------------- */

#define INITIATOR "iqn.2026-01.test:a"

static void initiators_are_ours(void)
{
	json_t *igroup = rest_get(V1 "protocols/san/igroups/g"), *initiators = json_object_get(igroup, "initiators");
	assert_int_equal(json_array_size(initiators), 1);
	assert_string_equal(json_string_value(json_array_get(initiators, 0)), INITIATOR);
	json_decref(igroup);
}

static void map_is(const char *lun, const char *map_state)
{
	json_t *maps = rest_get(V1 "protocols/san/lun-maps"), *map;
	const char *is = "none";
	size_t i;

	json_array_foreach(json_object_get(maps, "records"), i, map) {
		if (strcmp(json_string_value(json_object_get(json_object_get(map, "lun"), "path")), lun) == 0)
			is = json_string_value(json_object_get(map, "state"));
	}
	assert_string_equal(is, map_state);
	json_decref(maps);
}

static void status_is(const char *expected)
{
	json_t *status = rest_get(V1 "status");
	assert_string_equal(json_string_value(json_object_get(status, "state")), expected);
	json_decref(status);
}

/* vol0 and vol1, a LUN of each mapped to g; vol1 taken away, and its copy of g made another one. */
static void make_hostile_image(bool higher)
{
	char uuid[64], document[512];

	make("vol0", "d");
	make("vol1", "e");
	rest_does("POST", V1 "protocols/san/igroups", "{\"name\": \"g\", \"initiators\": [\"" INITIATOR "\"]}", 201);
	rest_does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/l\", \"size\": 1048576}", 201);
	rest_does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol1/m\", \"size\": 1048576}", 201);
	rest_does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol1/n\", \"size\": 1048576}", 201);
	rest_does("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol0/l\", \"igroup\": \"g\"}", 201);
	rest_does("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol1/m\", \"igroup\": \"g\"}", 201);
	assert_int_equal(rest_host.n_maps, 2);
	json_t *igroup = rest_get(V1 "protocols/san/igroups/g");
	(void)snprintf(uuid, sizeof uuid, "%s", json_string_value(json_object_get(igroup, "uuid")));
	json_decref(igroup);
	forget("vol1");
	(void)snprintf(document, sizeof document,
	               "{\"version\": 1, \"records\": [{\"uuid\": \"%s\", \"name\": \"g\", \"initiators\": [\"*\"], "
	               "\"generation\": %d}]}",
	               uuid, higher ? 99 : 0);
	ramadmin_put_document("vol1", "igroups", document);
}

static void an_imported_igroup_of_a_known_uuid_opens_nothing(void **state)
{
	(void)state;
	for (int higher = 0; higher < 2; higher++) {
		make_hostile_image(higher == 1);
		assert_int_equal(import("e", ""), 's');
		for (int starts = 0; starts < 3; starts++) {
			initiators_are_ours();
			map_is("/vol/vol0/l", "mapped");
			map_is("/vol/vol1/m", "conflict");
			assert_int_equal(rest_host.n_maps, 1);
			status_is("degraded");
			if (starts == 0) /* a change of the igroups decides nothing about that */
				rest_does("POST", V1 "protocols/san/igroups", "{\"name\": \"other\"}", 201);
			host_stop(&rest_host);
			restart();
		}
		/* Another LUN of it would bring the first along. */
		rest_does("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol1/n\", \"igroup\": \"g\"}", 409);
		rest_does("DELETE", V1 "protocols/san/lun-maps/vol%2Fvol1%2Fm/g", NULL, 200);
		rest_does("POST", V1 "protocols/san/lun-maps", "{\"path\": \"/vol/vol1/n\", \"igroup\": \"g\"}", 201);
		map_is("/vol/vol1/n", "mapped");
		initiators_are_ours();
		status_is("ok");
		(void)rest_teardown(NULL);
		(void)rest_setup(NULL);
	}
}

static void an_imported_igroup_known_only_to_a_volume_that_is_offline_opens_nothing(void **state)
{
	(void)state;
	make_hostile_image(true);
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text),
	                 's');
	host_stop(&rest_host);
	restart();
	assert_int_equal(import("e", ""), 's');
	map_is("/vol/vol1/m", "conflict");
	assert_int_equal(host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text),
	                 's');
	initiators_are_ours();
	map_is("/vol/vol0/l", "mapped");
	map_is("/vol/vol1/m", "conflict");
}

static void an_imported_volume_whose_igroups_are_ours_is_served(void **state)
{
	char uuid[64], document[512];

	(void)state;
	make_hostile_image(true);
	json_t *igroup = rest_get(V1 "protocols/san/igroups/g");
	(void)snprintf(uuid, sizeof uuid, "%s", json_string_value(json_object_get(igroup, "uuid")));
	json_decref(igroup);
	(void)snprintf(
	    document, sizeof document,
	    "{\"version\": 1, \"records\": [{\"uuid\": \"%s\", \"name\": \"g\", \"initiators\": [\"" INITIATOR
	    "\"], \"generation\": 1}]}",
	    uuid);
	ramadmin_put_document("vol1", "igroups", document);
	assert_int_equal(import("e", ""), 's');
	map_is("/vol/vol1/m", "mapped");
	status_is("ok");
}

/* ---- the list of volumes ----------------------------------------------------------------------------------------- */

static void write_state(const char *bytes, size_t len)
{
	char path[160];

	state_path(path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void a_list_that_is_none_is_moved_aside_and_said(void **state)
{
	static const char *const lists[] = { "",
		                             "{",
		                             "[]",
		                             "null",
		                             "\"x\"",
		                             "{\"version\": 1}",
		                             "{\"version\": \"1\", \"volumes\": []}",
		                             "{\"version\": 1, \"volumes\": {}}",
		                             "{\"version\": 1, \"version\": 1, \"volumes\": []}",
		                             "\xff\xfe" };
	char *deep = malloc(100001), *huge = calloc(1, 17 << 20);

	(void)state;
	make("vol0", "d");
	memset(deep, '[', 100000);
	deep[100000] = '\0';
	for (size_t i = 0; i < sizeof lists / sizeof lists[0] + 2; i++) {
		const char *list = i < sizeof lists / sizeof lists[0]    ? lists[i]
		                   : i == sizeof lists / sizeof lists[0] ? deep
		                                                         : huge;
		char aside[200], path[160];

		host_stop(&rest_host);
		write_state(list, list == huge ? 17 << 20 : strlen(list));
		restart();
		status_is("degraded");
		state_path(path);
		(void)snprintf(aside, sizeof aside, "%s.damaged%zu", path, i + 1);
		assert_int_equal(access(aside, F_OK), 0);
		assert_int_equal(import("d", ""), 's'); /* and what can be done about it works */
	}
	free(deep);
	free(huge);
}

/* An entry of a volume with `n` disks. */
static void disks_entry(char *to, size_t size, unsigned n)
{
	size_t len = (size_t)snprintf(to, size, "{\"name\": \"v\", \"disks\": [\"file:/y\"");
	for (unsigned i = 1; i < n; i++)
		len += (size_t)snprintf(to + len, size - len, ", \"file:/y%u\"", i);
	(void)snprintf(to + len, size - len, "]}");
}

/* Each of these beside a sound entry: that one is served, this one is named, and kept in the file. */
static void bad_entries_of_the_list_take_nobody_with_them(void **state)
{
	static const char *const entries[] = {
		"7",
		"null",
		"[]",
		"{}",
		"{\"name\": 7, \"disks\": [\"file:/x\"]}",
		"{\"name\": \"..\", \"disks\": [\"file:/x\"]}",
		"{\"name\": \"a/b\", \"disks\": [\"file:/x\"]}",
		"{\"name\": \"a\\nb\", \"disks\": [\"file:/x\"]}",
		"{\"name\": \"v\", \"disks\": []}",
		"{\"name\": \"v\", \"disks\": [7]}",
		"{\"name\": \"v\", \"disks\": [\"x\"]}",
		"{\"name\": \"v\", \"disks\": [\"mem:x\"]}",
		"{\"name\": \"v\", \"disks\": [\"file:/x\", \"file:/x\"]}",
		"{\"name\": \"v\", \"disks\": {\"a\": 1}}",
		NULL,
	};
	char path[160], *many = malloc(32 * 300), *list = malloc(32 * 300 + 4096);

	(void)state;
	make("vol0", "d");
	host_stop(&rest_host);
	state_path(path);
	json_t *saved = json_load_file(path, 0, NULL);
	char *sound = json_dumps(json_array_get(json_object_get(saved, "volumes"), 0), 0);
	disks_entry(many, 32 * 300, 300);
	for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
		int n = snprintf(list, 32 * 300 + 4096, "{\"version\": 1, \"volumes\": [%s, %s]}",
		                 entries[i] == NULL ? many : entries[i], sound);
		write_state(list, (size_t)n);
		restart();
		rest_does("GET", V1 "storage/volumes/vol0/snapshots", NULL, 200);
		status_is("degraded");
		json_t *volumes = rest_get(V1 "storage/volumes");
		assert_int_equal(json_integer_value(json_object_get(volumes, "num_records")), 1);
		json_decref(volumes);
		assert_int_equal(
		    host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"offline\"}", text), 's');
		assert_int_equal(
		    host_job(&rest_host, "PATCH", V1 "storage/volumes/vol0", "{\"state\": \"online\"}", text), 's');
		host_stop(&rest_host);
		json_t *after = json_load_file(path, 0, NULL);
		assert_int_equal(json_array_size(json_object_get(after, "volumes")), 2);
		json_decref(after);
	}
	json_decref(saved);
	free(sound);
	free(many);
	free(list);
	restart();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rest_setup, rest_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(an_imported_volume_of_an_impossible_name_gets_another_or_is_refused),
		TEST(an_imported_volume_whose_name_is_taken_can_have_another),
		TEST(only_paths_and_files_are_disks),
		TEST(an_imported_igroup_of_a_known_uuid_opens_nothing),
		TEST(an_imported_igroup_known_only_to_a_volume_that_is_offline_opens_nothing),
		TEST(an_imported_volume_whose_igroups_are_ours_is_served),
		TEST(a_list_that_is_none_is_moved_aside_and_said),
		TEST(bad_entries_of_the_list_take_nobody_with_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
