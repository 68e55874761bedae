/* SPDX-License-Identifier: Apache-2.0 */
/* What the administration shows: status, metrics, events. */
#include "tests/base/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

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
	rest_make_backed();
	json_t *before = rest_get(V1 "storage/luns");
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		(void)snprintf(path, sizeof path, V1 "%s", paths[i]);
		rest_does("GET", path, NULL, 200);
	}
	json_t *after = rest_get(V1 "storage/luns");
	assert_true(json_equal(before, after));
	json_decref(before);
	json_decref(after);
}

static void a_lost_disk_is_said_everywhere(void **state)
{
	(void)state;
	ramadmin_degraded = true;
	json_t *status = rest_get(V1 "status"), *groups = rest_get(V1 "storage/raid-groups?volume=vol0");
	assert_string_equal(json_string_value(json_object_get(status, "state")), "degraded");
	json_t *problem = json_array_get(json_object_get(status, "problems"), 0);
	assert_non_null(
	    strstr(json_string_value(json_object_get(problem, "message")), "RAID group 0 is degraded: data disk "));
	assert_non_null(strstr(json_string_value(json_object_get(problem, "message")),
	                       "d0 is missing; one more disk lost there loses data"));
	json_t *group = json_array_get(json_object_get(groups, "records"), 0);
	assert_string_equal(json_string_value(json_object_get(group, "state")), "degraded");
	assert_int_equal(json_array_size(json_object_get(group, "disks")), 3);
	json_decref(status);
	json_decref(groups);
	rest_does("GET", V1 "storage/raid-groups?volume=nope", NULL, 404);
}

/* What the first problem says of the state in which that group is. */
static void assert_problem(const char *group_state, const char *severity, const char *text)
{
	json_t *status = rest_get(V1 "status"), *groups = rest_get(V1 "storage/raid-groups?volume=vol0");
	json_t *problem = json_array_get(json_object_get(status, "problems"), 0);
	json_t *group = json_array_get(json_object_get(groups, "records"), 0);

	assert_string_equal(json_string_value(json_object_get(status, "state")), "degraded");
	assert_string_equal(json_string_value(json_object_get(problem, "severity")), severity);
	assert_non_null(strstr(json_string_value(json_object_get(problem, "message")), text));
	assert_string_equal(json_string_value(json_object_get(group, "state")), group_state);
	json_decref(status);
	json_decref(groups);
}

static void status_says_what_mends_a_group(void **state)
{
	(void)state;
	ramadmin_degraded = true;
	assert_problem("degraded", "warn",
	               "put another in its place: vcadm raid replace vol0 0.0 NEW; or, if it was only "
	               "away and is there again: vcadm raid online vol0 0.0");
	ramadmin_degraded = false;
	ramadmin_rebuilding = true;
	assert_problem("reconstructing", "warn", "RAID group 0 is reconstructing: data disk ");
	assert_problem("reconstructing", "warn",
	               "d0 is rebuilding, 42 % are done; one more disk lost there before it ends loses data; there is "
	               "nothing to do");
	ramadmin_rebuilding = false;
	ramadmin_failed = true;
	assert_problem("failed", "error", "make them accessible again, then take the volume offline and online again");
	ramadmin_failed = false;
	ramadmin_worn = true;
	assert_problem(
	    "normal", "warn",
	    "d1 should be replaced: 70 read errors, and group 0 cannot do without it yet; "
	    "when no other disk of the group is lost: vcadm raid fail vol0 0.1, then vcadm raid replace vol0 0.1 NEW");
}

static void errors_of_a_disk_are_told_by_kind(void **state)
{
	(void)state;
	json_t *groups = rest_get(V1 "storage/raid-groups?volume=vol0");
	json_t *disks = json_object_get(json_array_get(json_object_get(groups, "records"), 0), "disks");
	json_t *errors = json_object_get(json_array_get(disks, 1), "errors");
	json_t *expected = json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i}", "read", 0, "write", 0, "flush", 0, "checksum", 3,
	                             "identity", 0, "io", 0, "repaired", 2);
	assert_true(json_equal(errors, expected));
	json_decref(expected);
	json_decref(groups);
}

static const char *metrics(void)
{
	static char answer[65536];
	char request[256];
	int len = snprintf(
	    request, sizeof request,
	    "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\nConnection: close\r\n\r\n",
	    (unsigned)rest_host.port, rest_host.token);

	(void)host_raw(&rest_host, request, (size_t)len, answer, sizeof answer);
	return answer;
}

static void metrics_are_prometheus_text(void **state)
{
	const char *answer = metrics();

	(void)state;
	assert_non_null(
	    strstr(answer, "# TYPE vc_volume_free_bytes gauge\nvc_volume_free_bytes{volume=\"vol0\"} 2147483648\n"));
	assert_non_null(strstr(answer, "text/plain; version=0.0.4"));
	assert_non_null(
	    strstr(answer, "# TYPE vc_disk_errors_total counter\nvc_disk_errors_total{volume=\"vol0\",disk="));
	assert_non_null(strstr(answer, "d1\",kind=\"checksum\"} 3\n"));
	assert_non_null(strstr(answer, "d1\",kind=\"checksum\"} 2\n"));
	assert_non_null(strstr(answer, "d1\",kind=\"read\"} 0\n"));
	assert_non_null(strstr(answer, "# TYPE vc_disk_state gauge\nvc_disk_state{volume=\"vol0\",disk="));
	assert_non_null(strstr(answer, "d1\",state=\"online\"} 1\n"));
	assert_non_null(strstr(answer, "d1\",direction=\"written\"} "));
	assert_non_null(strstr(answer, "d1\"} 1\n"));
}

static void metrics_say_whether_spares_can_be_used(void **state)
{
	char path[256];

	(void)state;
	assert_null(strstr(metrics(), "vc_spare_ready"));
	rest_does("POST", V1 "storage/spares", "{\"disk\": \"s1\", \"disk_size\": 1048576}", 201);
	assert_non_null(strstr(metrics(), "# TYPE vc_spare_ready gauge\nvc_spare_ready{disk=\"file:"));
	assert_non_null(strstr(metrics(), "/s1\"} 1\n"));
	(void)snprintf(path, sizeof path, "%s/disks/s1", rest_host.dir);
	assert_int_equal(unlink(path), 0);
	(void)rest_count(V1 "storage/spares"); /* looks at it */
	assert_non_null(strstr(metrics(), "/s1\"} 0\n"));
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
		(void)snprintf(expected, sizeof expected, "\nvc_volume_free_bytes{volume=\"%s\"} 2147483648\n",
		               names[i][1]);
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
	json_t *before = rest_get(V1 "events");
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
	json_t *after = rest_get(V1 "events");
	assert_int_equal(json_integer_value(json_object_get(after, "num_records")),
	                 json_integer_value(json_object_get(before, "num_records")) + 8);
	json_decref(before);
	json_decref(after);
}

static void events_are_listed_and_followed(void **state)
{
	char answer[65536], request[256];
	(void)state;
	rest_does("GET", V1 "events?level=warn", NULL, 200);
	rest_does("GET", V1 "events?level=loud", NULL, 400);
	int len = snprintf(request, sizeof request,
	                   "GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\nAccept: "
	                   "text/event-stream\r\n\r\n",
	                   (unsigned)rest_host.port, rest_host.token);
	(void)host_raw(&rest_host, request, (size_t)len, answer, sizeof answer);
	assert_non_null(strstr(answer, "text/event-stream"));
	assert_non_null(strstr(answer, "volume_online"));
	assert_non_null(strstr(answer, "\ndata: {"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rest_setup_vol0, rest_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_get_changes_nothing),           TEST(a_lost_disk_is_said_everywhere),
		TEST(status_says_what_mends_a_group),  TEST(errors_of_a_disk_are_told_by_kind),
		TEST(metrics_are_prometheus_text),     TEST(metrics_say_whether_spares_can_be_used),
		TEST(a_name_stays_a_label_in_metrics), TEST(events_are_never_dropped_whatever_is_in_them),
		TEST(events_are_listed_and_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
