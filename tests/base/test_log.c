/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: one write each, clean, cut, filtered by level, seen by the sink. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/base/cmocka_all.h"

static int saved_stderr;
static int pipe_fds[2];
static char line[8192];

static void capture_begin(void)
{
	assert_int_equal(pipe2(pipe_fds, O_NONBLOCK | O_DIRECT), 0); /* a packet pipe: one read gives one write */
	saved_stderr = dup(STDERR_FILENO);
	dup2(pipe_fds[1], STDERR_FILENO);
}

static ssize_t capture_read(void)
{
	ssize_t n = read(pipe_fds[0], line, sizeof line - 1);

	line[n > 0 ? n : 0] = '\0';
	return n;
}

static void capture_end(void)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void log_writes_one_line_with_level_component_and_event(void **state)
{
	(void)state;
	capture_begin();
	errno = ENOENT;
	log_warn("raid", "disk_failed", "disk=%s n=%d", "d0", 7);
	capture_read();
	capture_end();
	assert_int_equal(errno, ENOENT);
	assert_non_null(strstr(line, "Z warn raid disk_failed disk=d0 n=7\n"));
	assert_int_equal(line[10], 'T');
}

static void log_lets_nobody_forge_a_line(void **state)
{
	(void)state;
	capture_begin();
	log_info("nfs", "lookup", "name=%s", "a\nerror raid gone\x1b[31m");
	capture_read();
	capture_end();
	assert_non_null(strstr(line, "name=a?error raid gone?[31m\n"));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void log_cuts_a_line_that_is_too_long(void **state)
{
	char text[5000];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	capture_begin();
	log_info("c", "e", "%s", text);
	capture_read();
	capture_end();
	assert_in_range(strlen(line), 2000, 2304);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void log_drops_what_is_above_the_level(void **state)
{
	(void)state;
	capture_begin();
	log_debug("c", "quiet", "n=%d", 1);
	assert_true(capture_read() < 0);
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("c", "loud", "n=%d", 1);
	assert_true(capture_read() > 0);
	log_set_level(LOG_LEVEL_ERROR);
	log_warn("c", "quiet", "n=%d", 1);
	assert_true(capture_read() < 0);
	log_set_level(LOG_LEVEL_INFO);
	capture_end();
}

static char seen[256];

static void sink(enum log_level level, const char *component, const char *event, const char *text)
{
	snprintf(seen, sizeof seen, "%d/%s/%s/%s", (int)level, component, event, text);
}

static void log_tells_the_sink(void **state)
{
	(void)state;
	capture_begin();
	log_set_sink(sink);
	log_error("fs", "bad_block", "block=%u", 12U);
	log_set_sink(NULL);
	log_error("fs", "other", "x=%d", 1);
	capture_end();
	assert_string_equal(seen, "0/fs/bad_block/block=12");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_writes_one_line_with_level_component_and_event),
		cmocka_unit_test(log_lets_nobody_forge_a_line),
		cmocka_unit_test(log_cuts_a_line_that_is_too_long),
		cmocka_unit_test(log_drops_what_is_above_the_level),
		cmocka_unit_test(log_tells_the_sink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
