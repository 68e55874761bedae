/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file. */
#include "tests/base/cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/settings.h"

static struct settings settings;
static char text[512];

static int load(const char *content)
{
	char path[] = "/tmp/vcconf.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	(void)close(fd);
	text[0] = '\0';
	int err = settings_load(path, &settings, text);
	(void)unlink(path);
	return err;
}

static void refuses(const char *content, int line, const char *word)
{
	char where[16];
	(void)snprintf(where, sizeof where, ":%d: ", line);
	assert_int_equal(load(content), -EINVAL);
	assert_non_null(strstr(text, where));
	assert_non_null(strstr(text, word));
}

static void an_empty_file_gives_the_defaults_all_on_loopback(void **state)
{
	(void)state;
	assert_int_equal(load("[server]\n"), 0);
	assert_string_equal(settings.state_dir, "/var/lib/vcstore");
	assert_string_equal(settings.http, ""); /* whoever wants it says so */
	assert_string_equal(settings.admin_token_file, "");
	assert_string_equal(settings.nfs, "127.0.0.1:2049");
	assert_string_equal(settings.iscsi, "127.0.0.1:3260");
	assert_int_equal(settings.memory_bytes, 1U << 30);
	assert_int_equal(settings.threads, 0);
}

static void keys_are_taken(void **state)
{
	(void)state;
	assert_int_equal(
	    load("# comment\n[server]\nstate_dir=/s\nadmin_socket = "
	         "/s/a.sock\nhttp=none\nadmin_token_file=/s/t\nnfs=[::1]:0\nmemory=256m\nthreads=3\nlog_level=debug\n"
	         "nfs_connections=16\niscsi_connections=65536\nnfs_drc=0\n"),
	    0);
	assert_string_equal(settings.state_dir, "/s");
	assert_string_equal(settings.admin_socket, "/s/a.sock");
	assert_string_equal(settings.http, "");
	assert_string_equal(settings.admin_token_file, "/s/t");
	assert_string_equal(settings.nfs, "[::1]:0");
	assert_int_equal(settings.memory_bytes, 256U << 20);
	assert_int_equal(settings.threads, 3);
	assert_int_equal(settings.nfs_connections, 16);
	assert_int_equal(settings.iscsi_connections, 65536);
	assert_int_equal(settings.nfs_drc, 0);
	assert_int_equal(settings.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(load("[server]\ndisk_paths = /srv/a b , /dev/sdb,/c \n"), 0);
	assert_string_equal(settings.disk_paths, "/srv/a b,/dev/sdb,/c");
	assert_int_equal(load("[server]\nhttp_allowed_hosts = localhost:9999 , "
	                      "storage.example.org,[::1]:80\nnfs=127.0.0.1:0\niscsi=127.0.0.1:0\n"),
	                 0);
	assert_string_equal(settings.http_allowed_hosts, "localhost:9999,storage.example.org,[::1]:80");
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
	(void)state;
	refuses("[server]\nmemmory=1g\n", 2, "memmory");
	refuses("[server]\n\nmemory=1x\n", 3, "memory");
	refuses("[server]\nmemory=1m\n", 2, "64m");
	refuses("[server]\nthreads=65\n", 2, "threads");
	refuses("[server]\nnfs_connections=15\n", 2, "16 to 65536");
	refuses("[server]\niscsi_connections=65537\n", 2, "16 to 65536");
	refuses("[server]\nnfs_drc=63\n", 2, "64 to 65536");
	refuses("[server]\nnfs_drc=65537\n", 2, "64 to 65536");
	refuses("[server]\nhttp=8080\n", 2, "ADDRESS:PORT");
	refuses("[server]\nnfs=127.0.0.1:99999\n", 2, "nfs");
	refuses("[server]\nnfs=storage:2049\n", 2, "ADDRESS:PORT");
	refuses("[server]\niscsi=300.0.0.1:3260\n", 2, "ADDRESS:PORT");
	refuses("[server]\nhttp=0.0.0.0:8080\n", 2, "loopback");
	refuses("[server]\nhttp=192.168.1.1:8080\n", 2, "loopback");
	refuses("[server]\nhttp=name:8080\n", 2, "ADDRESS:PORT");
	refuses("[server]\nmemory=4000t\n", 2, "more than this machine has");
	refuses("[server]\nhttp_allowed_hosts=a,,b\n", 2, "http_allowed_hosts");
	refuses("[server]\nhttp_allowed_hosts=*\n", 2, "http_allowed_hosts");
	refuses("[server]\nhttp_allowed_hosts=http://a\n", 2, "http_allowed_hosts");
	refuses("[server]\nhttp_allowed_hosts=a:b\n", 2, "http_allowed_hosts");
	assert_int_equal(load("[server]\nnfs=127.0.0.1:2049\niscsi=127.0.0.1:2049\n"), -EINVAL);
	assert_non_null(strstr(text, "an address and port each"));
	refuses("[server]\ndisk_paths=disks\n", 2, "absolute");
	refuses("[server]\ndisk_paths=/a,,/b\n", 2, "absolute");
	refuses("[server]\ndisk_paths=/a,b\n", 2, "absolute");
	refuses("[server]\nadmin_token_file=admin.token\n", 2, "absolute");
	refuses("[server]\nstate_dir=relative\n", 2, "absolute");
	refuses("[server]\nmemory=1g\nmemory=2g\n", 3, "twice");
	refuses("[servers]\nmemory=1g\n", 2, "section");
	refuses("memory=1g\n", 1, "section");
	refuses("[server]\nnonsense\n", 2, "key = value");
	refuses("[server]\niscsi_target=disk\n", 2, "iSCSI name");
	refuses("[server]\niscsi_target=iqn.host with spaces\n", 2, "iSCSI name");
}

static void a_missing_file_is_said(void **state)
{
	(void)state;
	assert_int_equal(settings_load("/nonexistent/vcd.conf", &settings, text), -ENOENT);
	assert_non_null(strstr(text, "/nonexistent/vcd.conf"));
}

static void the_example_is_good(void **state)
{
	const char *source = getenv("srcdir");
	char path[512];
	(void)state;
	(void)snprintf(path, sizeof path, "%s/conf/vcd.conf.example", source == NULL ? "." : source);
	assert_int_equal(settings_load(path, &settings, text), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_file_gives_the_defaults_all_on_loopback),
		cmocka_unit_test(keys_are_taken),
		cmocka_unit_test(what_is_wrong_is_said_with_its_line),
		cmocka_unit_test(a_missing_file_is_said),
		cmocka_unit_test(the_example_is_good),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
