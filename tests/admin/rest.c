/* SPDX-License-Identifier: Apache-2.0 */
/* The administration of a test program, asked over its socket. */
#include "tests/admin/rest.h"

#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/ramadmin.h"

struct host rest_host;

int rest_setup(void **state)
{
	(void)state;
	host_start(&rest_host, NULL);
	return 0;
}

int rest_setup_vol0(void **state)
{
	char text[256];

	return rest_setup(state) == 0 && host_job(&rest_host, "POST", V1 "storage/volumes", MAKE_VOL0, text) == 's'
	           ? 0
	           : -1;
}

int rest_teardown(void **state)
{
	(void)state;
	host_stop(&rest_host);
	host_remove_dir(&rest_host);
	ramadmin_reset();
	return 0;
}

void rest_restart(void)
{
	char dir[sizeof rest_host.dir];

	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	host_stop(&rest_host);
	host_start(&rest_host, dir);
}

static const char *message_of(json_t *json)
{
	const char *message = json_string_value(json_object_get(json_object_get(json, "error"), "message"));
	return message == NULL ? "" : message;
}

json_t *rest_answer(const char *method, const char *path, const char *body, int expected)
{
	static json_t *json;

	json_decref(json);
	json = NULL;
	int status = host_ask(&rest_host, method, path, body, NULL, &json);
	if (status != expected)
		fail_msg("%s %s: %d, not %d: %s", method, path, status, expected, message_of(json));
	return json;
}

void rest_does(const char *method, const char *path, const char *body, int expected)
{
	(void)rest_answer(method, path, body, expected);
}

json_t *rest_get(const char *path)
{
	json_t *json = json_incref(rest_answer("GET", path, NULL, 200));
	assert_non_null(json);
	return json;
}

size_t rest_count(const char *path)
{
	json_t *json = rest_get(path);
	size_t n = json_array_size(json_object_get(json, "records"));
	assert_int_equal(n, json_integer_value(json_object_get(json, "num_records")));
	json_decref(json);
	return n;
}

bool rest_refuses(const char *method, const char *path, const char *body, int expected, const char *words)
{
	json_t *json = NULL;
	int status = host_ask(&rest_host, method, path, body, NULL, &json);
	bool has = status == expected && strstr(message_of(json), words) != NULL;
	if (!has)
		print_message("%s %s: %d %s\n", method, path, status, message_of(json));
	json_decref(json);
	return has;
}

void rest_make_backed(void)
{
	rest_does("POST", V1 "storage/luns", "{\"path\": \"/vol/vol0/test\", \"size\": 1048576}", 201);
	rest_does("POST", V1 "storage/volumes/vol0/snapshots", "{\"name\": \"s1\"}", 201);
	rest_does("POST", V1 "storage/luns",
	          "{\"path\": \"/vol/vol0/test2\", \"backing\": \"/vol/vol0/.snapshot/s1/test\"}", 201);
}

bool rest_has_disk(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof path, "%s/disks/%s", rest_host.dir, name);
	return access(path, F_OK) == 0;
}
