/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: one write each, clean, cut, filtered by level, seen by the sink. */
#include "base/log.h"
#include "base/loglimit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/base/cmocka_all.h"

static int saved_stderr;
static int pipe_fds[2];
static char line[8192];

static void capture_begin(void)
{
	assert_int_equal(pipe2(pipe_fds, O_NONBLOCK | O_DIRECT), 0); /* a packet pipe: one read gives one write */
	assert_true(fcntl(pipe_fds[0], F_SETPIPE_SZ, 64 * 4096) > 0); /* room for as many packets as there are pages */
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
	assert_non_null(strstr(line, "name=\"a\\x0Aerror raid gone\\x1B[31m\"\n"));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void log_lets_nobody_forge_a_pair(void **state)
{
	static const struct {
		const char *value, *text;
	} cases[] = {
		{ "iqn.2026-01.example:a", "name=iqn.2026-01.example:a peer=p\n" },
		{ "", "name=\"\" peer=p\n" },
		{ "x peer=10.0.0.1", "name=\"x peer=10.0.0.1\" peer=p\n" },
		{ "x\" peer=\"y", "name=\"x\\\" peer=\\\"y\" peer=p\n" },
		{ "x\\", "name=\"x\\\\\" peer=p\n" },
		{ "\xff\xfe", "name=\"\\xFF\\xFE\" peer=p\n" },
		{ "\xc0\xaf", "name=\"\\xC0\\xAF\" peer=p\n" }, /* overlong */
		{ "\xc2\x9b"
		  "31m",
		  "name=\"\\xC2\\x9B31m\" peer=p\n" }, /* C1: begins an escape sequence */
		{ "\xe2\x80\xae"
		  "abc",
		  "name=\"\\xE2\\x80\\xAE"
		  "abc\" peer=p\n" }, /* turns the text around */
		{ "gr\xc3\xbc\xc3\x9f"
		  "e",
		  "name=gr\xc3\xbc\xc3\x9f"
		  "e peer=p\n" },
	};

	(void)state;
	capture_begin();
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		log_info("iscsi", "login", "name=%s peer=%s", cases[i].value, "p");
		capture_read();
		assert_string_equal(strstr(line, "name="), cases[i].text);
	}
	capture_end();
}

static void log_knows_pairs_of_several_parts_sentences_and_words(void **state)
{
	(void)state;
	capture_begin();
	log_info("c", "e", "lun=/vol/%s%s status=%04x n=%llu text=\"the \"%s\" is %s\" 100%%", "v", "/a b", 0x201U,
	         7ULL, "x", "y");
	capture_read();
	assert_string_equal(strstr(line, "lun="),
	                    "lun=\"/vol/v/a b\" status=0201 n=7 text=\"the \\\"x\\\" is y\" 100%\n");
	log_info("c", "e", "lun=%s: it is back, %s %s=%u", "a b", "as it was", "inode", 3U);
	capture_read();
	assert_string_equal(strstr(line, "lun="), "lun=\"a b\": it is back, as it was inode=3\n");
	log_info("c", "e", "%s n=%zu", "forged=1", (size_t)2);
	capture_read();
	assert_string_equal(strstr(line, " e ") + 3, "\"forged=1\" n=2\n");
	capture_end();
}

static void log_cuts_between_characters_and_closes_the_quotes(void **state)
{
	char text[3 * 1500 + 2];

	(void)state;
	for (size_t skew = 0; skew < 4; skew++) {
		size_t len = 0;
		memset(text, ' ', skew);
		for (len = skew; len + 3 < sizeof text; len += 3)
			memcpy(text + len, "\xe2\x82\xac", 3); /* the euro sign */
		text[len] = '\0';
		capture_begin();
		log_info("c", "e", "name=\"%s\" peer=%s", text, "p");
		capture_read();
		capture_end();
		assert_in_range(strlen(line), 2000, 2304);
		assert_string_equal(line + strlen(line) - 5, "\"...\n");
		for (const char *p = line; *p != '\0';) {
			size_t n = text_utf8_len(p, strlen(p));
			assert_true(n > 0);
			p += n;
		}
	}
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

static void sink(enum log_level level, bool peer, const char *component, const char *event, const char *text)
{
	snprintf(seen, sizeof seen, "%d%s/%s/%s/%s", (int)level, peer ? "p" : "", component, event, text);
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

static unsigned count_lines(const char *what)
{
	unsigned n = 0;

	while (capture_read() > 0)
		n += strstr(line, what) != NULL;
	return n;
}

static void log_counts_what_a_peer_causes_beyond_a_burst_and_tells_the_sum(void **state)
{
	(void)state;
	capture_begin();
	log_set_sink(sink);
	for (unsigned i = 0; i < 1000; i++)
		log_peer_warn("iscsi", "login_refused", "peer=%u", i);
	log_peer_info("iscsi", "another_kind", "n=%d", 1);
	assert_string_equal(seen, "2p/iscsi/another_kind/n=1");
	assert_int_equal(count_lines("warn iscsi login_refused peer="), LOGLIMIT_BURST);
	log_tell_suppressed(false);
	assert_int_equal(count_lines("suppressed"), 0);
	log_tell_suppressed(true);
	log_set_sink(NULL);
	assert_int_equal(count_lines("warn iscsi login_refused suppressed=980\n"), 1);
	capture_end();
}

#define S 1000000000ULL

static void a_kind_gets_its_burst_again_when_its_window_is_over(void **state)
{
	static struct loglimit limit;
	struct loglimit_kind over;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(loglimit_admit(&limit, 1, "c", "e", 5 * S, &over), i < LOGLIMIT_BURST);
	assert_true(loglimit_admit(&limit, 1, "c", "f", 5 * S, &over));
	assert_false(loglimit_over(&limit, 14 * S, false, &over));
	assert_true(loglimit_admit(&limit, 1, "c", "e", 15 * S, &over));
	assert_string_equal(over.event, "e");
	assert_int_equal(over.suppressed, 100 - LOGLIMIT_BURST);
	assert_false(loglimit_over(&limit, 60 * S, true, &over)); /* told already */
}

static void a_thousand_kinds_are_no_more_lines_than_the_table_has_places(void **state)
{
	static struct loglimit limit;
	static char names[1000][8];
	struct loglimit_kind over;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(names[i], sizeof names[i], "e%u", i);
		for (unsigned j = 0; j < 2 * LOGLIMIT_BURST; j++)
			n += loglimit_admit(&limit, 1, "c", names[i], S, &over);
	}
	assert_int_equal(n, LOGLIMIT_KINDS * LOGLIMIT_BURST);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_writes_one_line_with_level_component_and_event),
		cmocka_unit_test(log_lets_nobody_forge_a_line),
		cmocka_unit_test(log_lets_nobody_forge_a_pair),
		cmocka_unit_test(log_knows_pairs_of_several_parts_sentences_and_words),
		cmocka_unit_test(log_cuts_between_characters_and_closes_the_quotes),
		cmocka_unit_test(log_cuts_a_line_that_is_too_long),
		cmocka_unit_test(log_drops_what_is_above_the_level),
		cmocka_unit_test(log_tells_the_sink),
		cmocka_unit_test(log_counts_what_a_peer_causes_beyond_a_burst_and_tells_the_sum),
		cmocka_unit_test(a_kind_gets_its_burst_again_when_its_window_is_over),
		cmocka_unit_test(a_thousand_kinds_are_no_more_lines_than_the_table_has_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
