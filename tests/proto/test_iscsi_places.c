/* SPDX-License-Identifier: Apache-2.0 */
/* Initiators that take places: half logins, sessions that say nothing, many of one address; and those whose place is
 * kept. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/base/cmocka_all.h"
#include "tests/proto/iscsi_raw.h"

#define PLACES 64U /* 16 of them strangers', 4 of one address: all of these are of one */

static const char discovery[] = "InitiatorName=iqn.2026-01.test:raw\0SessionType=Discovery";

static int setup(void **state)
{
	(void)state;
	raw_times = (struct iscsi_times){ .login = 600, .discovery = 300, .ping = 200, .answer = 400 };
	raw_max_connections = PLACES;
	raw_setup();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	raw_teardown();
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
}

static struct raw *discoverer(void)
{
	struct raw *raw = raw_connect();

	assert_int_equal(raw_login_step(raw, 0x87, discovery, sizeof discovery), 0);
	return raw;
}

static struct raw *session(uint8_t isid_tail)
{
	struct raw *raw = raw_connect();

	raw->isid_tail = isid_tail;
	assert_int_equal(raw_login(raw, NULL, 0), 0);
	return raw;
}

/* An echo comes back, whatever pings come before it. */
static bool answers(struct raw *raw)
{
	struct iscsi_bhs bhs = { .opcode = ISCSI_NOP_OUT | ISCSI_IMMEDIATE,
		                 .flags = 0x80,
		                 .itt = be32_of(77),
		                 .ttt = be32_of(ISCSI_TAG_NONE) };

	if (!raw_send(raw, &bhs, NULL, 0, NULL, 0))
		return false;
	while (raw_recv(raw, 2000)) {
		if (be32_get(raw->bhs.itt) == 77)
			return true;
	}
	return false;
}

static void a_login_that_goes_on_for_ever_is_ended(void **state)
{
	struct raw *raw = raw_connect();
	uint8_t byte = 0x43;
	uint64_t since_ms = now_ms();

	(void)state;
	while (raw_write(raw, &byte, 1)) { /* that it says something now and then does not help it */
		assert_true(now_ms() - since_ms < 5000);
		byte = 0;
		usleep(50000);
	}
	assert_true(now_ms() - since_ms >= 500);
	raw_close(raw);
}

static void a_discovery_session_ends_when_it_asks_nothing(void **state)
{
	struct raw *silent = discoverer(), *asking = discoverer();

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		usleep(50000);
		assert_true(answers(asking));
	}
	assert_true(raw_is_closed(silent));
	raw_close(silent);
	raw_close(asking);
}

static void a_silent_session_lives_as_long_as_it_answers_pings(void **state)
{
	struct raw *raw = session(1);
	struct iscsi_bhs bhs = { .opcode = ISCSI_NOP_OUT | ISCSI_IMMEDIATE,
		                 .flags = 0x80,
		                 .itt = be32_of(ISCSI_TAG_NONE) };
	uint32_t statsn = 0;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		assert_true(raw_recv(raw, 2000));
		assert_int_equal(raw->bhs.opcode, ISCSI_NOP_IN);
		assert_int_equal(be32_get(raw->bhs.itt), ISCSI_TAG_NONE);
		assert_int_not_equal(be32_get(raw->bhs.ttt), ISCSI_TAG_NONE);
		if (i > 0)
			assert_int_equal(be32_get(raw->bhs.statsn), statsn); /* a ping takes no number */
		statsn = be32_get(raw->bhs.statsn);
		bhs.ttt = raw->bhs.ttt;
		assert_true(raw_send(raw, &bhs, NULL, 0, NULL, 0));
	}
	assert_true(answers(raw));
	raw_close(raw);
}

static void a_session_that_does_not_answer_is_dropped(void **state)
{
	struct raw *raw = session(1);
	uint64_t since_ms = now_ms();

	(void)state;
	while (raw_recv(raw, 5000))
		assert_int_equal(raw->bhs.opcode, ISCSI_NOP_IN);
	assert_in_range(now_ms() - since_ms, 500, 4500);
	raw_close(raw);
}

/* Many at once, of which the silent oldest ones give way; a session that sees a LUN stays, and another one comes in. */
static void strangers_do_not_keep_initiators_out(void **state)
{
	struct raw *kept = session(1), *strangers[4 * PLACES], *late;
	unsigned n_closed = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(strangers); i++) {
		strangers[i] = i % 2 == 0 ? discoverer() : raw_connect();
		assert_true(i % 16 != 0 || answers(kept));
	}
	late = session(2);
	assert_true(answers(kept));
	assert_true(answers(late));
	for (unsigned i = 0; i < ARRAY_SIZE(strangers) - 8; i++)
		n_closed += raw_is_closed(strangers[i]);
	assert_int_equal(n_closed, ARRAY_SIZE(strangers) - 8);
	for (unsigned i = 0; i < ARRAY_SIZE(strangers); i++)
		raw_close(strangers[i]);
	raw_close(kept);
	raw_close(late);
}

/* Logged in without a LUN it is one of the strangers; when it is given one, no more. */
static void a_session_is_known_when_it_is_given_a_lun(void **state)
{
	struct raw *raw, *strangers[16];

	(void)state;
	raw_map(16 << 20, 0, true);
	raw = session(1);
	raw_map(16 << 20, 1, true);
	while (raw_recv(raw, 2000) && raw->bhs.opcode != ISCSI_NOP_IN)
		;
	assert_true(answers(raw));
	for (unsigned i = 0; i < ARRAY_SIZE(strangers); i++)
		strangers[i] = raw_connect();
	assert_true(answers(raw));
	for (unsigned i = 0; i < ARRAY_SIZE(strangers); i++)
		raw_close(strangers[i]);
	raw_close(raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_login_that_goes_on_for_ever_is_ended),
		cmocka_unit_test(a_discovery_session_ends_when_it_asks_nothing),
		cmocka_unit_test(a_silent_session_lives_as_long_as_it_answers_pings),
		cmocka_unit_test(a_session_that_does_not_answer_is_dropped),
		cmocka_unit_test(strangers_do_not_keep_initiators_out),
		cmocka_unit_test(a_session_is_known_when_it_is_given_a_lun),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
