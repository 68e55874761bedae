/* SPDX-License-Identifier: Apache-2.0 */
/* Initiators that make us hold memory and do not go on: R2Ts not answered, answers not read, PDUs without end. */
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "tests/base/cmocka_all.h"

#include "base/budget.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/page.h"
#include "base/stream.h"
#include "proto/scsi/scsi_spec.h"
#include "tests/proto/iscsi_raw.h"
#include "tests/support/ramlun.h"

#define STALL_MS 400U
#define BUDGET_BYTES (64U << 20)
#define PIECE 65536U

static uint8_t data[1U << 20];

static int setup(void **state)
{
	(void)state;
	budget_set_max(BUDGET_BYTES);
	raw_times = (struct iscsi_times){ .stall = STALL_MS };
	raw_setup();
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7 + i / 4096);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	raw_teardown();
	assert_int_equal(budget_used(), 0);
	budget_set_max(0);
	return 0;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
}

static struct raw *session(uint8_t isid_tail)
{
	struct raw *raw = raw_connect();

	raw->isid_tail = isid_tail;
	assert_int_equal(raw_login(raw, NULL, 0), 0);
	raw_settle(raw, 0);
	return raw;
}

static void cdb_of(uint8_t cdb[10], uint8_t opcode, uint32_t lba, uint32_t bytes)
{
	be32 l = be32_of(lba);
	be16 b = be16_of((uint16_t)(bytes / 512U));

	memset(cdb, 0, 10);
	cdb[0] = opcode;
	memcpy(cdb + 2, &l, 4);
	memcpy(cdb + 7, &b, 2);
}

/* A WRITE that brings nothing: its first R2T has come. */
static void ask_to_write(struct raw *raw, uint32_t lba, uint32_t bytes)
{
	uint8_t cdb[10];

	cdb_of(cdb, OP_WRITE_10, lba, bytes);
	(void)raw_command(raw, 0, cdb, 10, 0xA1, bytes, NULL, 0);
	assert_true(raw_recv(raw, 2000));
	assert_int_equal(raw->bhs.opcode, ISCSI_R2T);
}

/* What the R2T in raw->bhs asks for, once. */
static void answer_r2t(struct raw *raw)
{
	uint32_t offset = be32_get(raw->bhs.offset), left = be32_get(raw->bhs.desired_len),
	         itt = be32_get(raw->bhs.itt), ttt = be32_get(raw->bhs.ttt);

	for (uint32_t sn = 0; left > 0; sn++) {
		uint32_t n = MIN_OF(left, 8192U);

		assert_true(raw_data_out(raw, itt, ttt, sn, offset, data + offset, n, n == left));
		offset += n;
		left -= n;
	}
}

static void finish_write(struct raw *raw, unsigned pause_ms)
{
	while (raw->bhs.opcode == ISCSI_R2T) {
		usleep(pause_ms * 1000U);
		answer_r2t(raw);
		assert_true(raw_recv(raw, 2000));
	}
	assert_int_equal(raw->bhs.opcode, ISCSI_SCSI_RESPONSE);
	assert_int_equal(raw->bhs.byte3, SCSI_GOOD);
}

static void becomes(size_t (*value)(void), size_t expected)
{
	for (unsigned i = 0; i < 200 && value() > expected; i++)
		usleep(10000);
	assert_true(value() <= expected);
}

/* ---- R2T ---- */

static void an_r2t_that_is_never_answered_ends_and_its_pages_come_back(void **state)
{
	struct raw *raw = session(1), *other = session(2);
	size_t pages = page_arena_used(), budget = budget_used();
	uint64_t since_ms;

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		uint8_t cdb[10];

		cdb_of(cdb, OP_WRITE_10, i * 128U, PIECE);
		(void)raw_command(raw, 0, cdb, 10, 0xA1, PIECE, NULL, 0);
	}
	since_ms = now_ms();
	assert_true(raw_recv(raw, 2000));
	assert_int_equal(raw->bhs.opcode, ISCSI_R2T);
	assert_true(budget_used() >= budget + PIECE);
	while (raw_recv(raw, 5000)) /* the other R2Ts, then the end */
		assert_int_equal(raw->bhs.opcode, ISCSI_R2T);
	assert_in_range(now_ms() - since_ms, STALL_MS, 5000);
	becomes(budget_used, budget);
	becomes(page_arena_used, pages);
	ask_to_write(other, 0, PIECE);
	finish_write(other, 0);
	raw_close(raw);
	raw_close(other);
}

/* A byte now and then is no progress. */
static void data_that_drips_is_no_answer_to_an_r2t(void **state)
{
	struct iscsi_bhs bhs = { .opcode = ISCSI_DATA_OUT, .flags = 0x80 };
	struct raw *raw = session(1);
	size_t pages = page_arena_used();
	uint64_t since_ms;

	(void)state;
	ask_to_write(raw, 0, PIECE);
	bhs.itt = raw->bhs.itt;
	bhs.ttt = raw->bhs.ttt;
	bhs.data_len = be24_of(8192);
	assert_true(raw_write(raw, &bhs, sizeof bhs));
	since_ms = now_ms();
	while (raw_write(raw, data, 1)) {
		assert_true(now_ms() - since_ms < 5000);
		usleep(20000);
	}
	assert_true(now_ms() - since_ms >= STALL_MS);
	becomes(page_arena_used, pages);
	raw_close(raw);
}

/* Several times the deadline in all, but each part within it. */
static void a_slow_initiator_that_goes_on_is_waited_for(void **state)
{
	struct raw *raw = session(1);
	uint64_t since_ms = now_ms();

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		ask_to_write(raw, 0, sizeof data);
		finish_write(raw, STALL_MS / 3U);
	}
	assert_true(now_ms() - since_ms >= 2U * STALL_MS);
	raw_close(raw);
}

/* ---- answers that are not read ---- */

/* Echoes of 8 KiB are asked for until no more is taken: how many were. No window bounds them. */
static unsigned ask_without_reading(struct raw *raw)
{
	struct iscsi_bhs bhs = { .opcode = ISCSI_NOP_OUT | ISCSI_IMMEDIATE,
		                 .flags = 0x80,
		                 .ttt = be32_of(ISCSI_TAG_NONE),
		                 .cmdsn = be32_of(raw->cmdsn) };
	const struct timeval patience = { .tv_usec = 100000 };
	unsigned n = 0;

	assert_int_equal(setsockopt(raw->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
	while (n < 1U << 16) {
		bhs.itt = be32_of(n);
		if (!raw_send(raw, &bhs, NULL, 0, data, 8192))
			break;
		n++;
	}
	return n;
}

static bool is_hung_up(struct raw *raw)
{
	struct pollfd hung_up = { .fd = raw->fd };

	return poll(&hung_up, 1, 0) == 1 && (hung_up.revents & POLLHUP) != 0;
}

static void who_does_not_read_is_read_no_further_and_dropped(void **state)
{
	struct raw *raw = session(1), *other = session(2);
	size_t pages = page_arena_used(), budget = budget_used();
	unsigned n = ask_without_reading(raw);
	uint64_t since_ms = now_ms();

	(void)state;
	assert_true(n >= 16); /* it is read for a while */
	assert_true(n < 1U << 16 && (n - 1U) * 8192U < 2U * STREAM_HIGH_MARK);
	assert_true(budget_used() <= budget + BUDGET_BYTES / 2U);
	while (!is_hung_up(raw)) {
		uint64_t asked_ms = now_ms();

		assert_true(asked_ms - since_ms < 5000);
		ask_to_write(other, 0, PIECE); /* others are served meanwhile */
		finish_write(other, 0);
		assert_true(now_ms() - asked_ms < 1000);
	}
	becomes(budget_used, budget);
	becomes(page_arena_used, pages + 64U);
	raw_close(raw);
	raw_close(other);
}

static void who_reads_late_gets_all_of_it(void **state)
{
	struct raw *raw = session(1);
	uint8_t cdb[10];
	unsigned n_ended = 0;

	(void)state;
	ask_to_write(raw, 0, PIECE);
	finish_write(raw, 0);
	cdb_of(cdb, OP_READ_10, 0, PIECE);
	for (unsigned i = 0; i < 16; i++)
		(void)raw_command(raw, 0, cdb, 10, 0xC1, PIECE, NULL, 0);
	usleep(STALL_MS / 2U * 1000U);
	while (n_ended < 16) {
		assert_true(raw_recv(raw, 2000));
		if (raw->bhs.opcode == ISCSI_DATA_IN) {
			assert_memory_equal(raw->data, data + be32_get(raw->bhs.offset), raw->data_len);
			n_ended += (raw->bhs.flags & 1U) != 0;
		} else {
			assert_int_equal(raw->bhs.opcode, ISCSI_SCSI_RESPONSE);
			assert_int_equal(raw->bhs.byte3, SCSI_GOOD);
			n_ended++;
		}
	}
	raw_close(raw);
}

/* ---- a train of PDUs ---- */

#define TRAIN 64U /* a window of commands */

/* Stands in the loop's line for those who go on later, as a connection does that has more to do: how many commands of
 * others were carried out between two of its turns? */
struct bystander {
	struct task hold, late;
	sem_t go, done;
	unsigned last, most;
};

static void stand_by(struct task *task)
{
	struct bystander *by = container_of(task, struct bystander, late);

	by->most = MAX_OF(by->most, ramlun_seen.reads - by->last);
	by->last = ramlun_seen.reads;
	if (by->last < TRAIN)
		loop_defer_late(raw_loop(), task);
	else
		(void)sem_post(&by->done);
}

/* Holds the loop until it is let go. */
static void hold(struct task *task)
{
	struct bystander *by = container_of(task, struct bystander, hold);

	while (sem_wait(&by->go) != 0)
		;
	stand_by(&by->late);
}

static void a_long_train_of_pdus_leaves_turns_to_others(void **state)
{
	struct bystander by = { .hold = { .run = hold }, .late = { .run = stand_by } };
	struct raw *raw = session(1);
	struct iscsi_bhs train[TRAIN];

	(void)state;
	for (unsigned i = 0; i < TRAIN; i++) {
		train[i] = (struct iscsi_bhs){ .opcode = ISCSI_SCSI_COMMAND, .flags = 0xC1, .edtl = be32_of(512) };
		train[i].itt = be32_of(raw->itt + i);
		train[i].cmdsn = be32_of(raw->cmdsn + i);
		cdb_of(train[i].cdb, OP_READ_10, 0, 512);
	}
	memset(&ramlun_seen, 0, sizeof ramlun_seen);
	assert_int_equal(sem_init(&by.go, 0, 0), 0);
	assert_int_equal(sem_init(&by.done, 0, 0), 0);
	world_post(loop_world(raw_loop()), &by.hold);
	assert_true(raw_write(raw, train, sizeof train)); /* all of it waits in the socket */
	(void)sem_post(&by.go);
	while (sem_wait(&by.done) != 0)
		;
	assert_in_range(by.most, 1, STREAM_TURN_REQUESTS);
	(void)sem_destroy(&by.go);
	(void)sem_destroy(&by.done);
	raw_close(raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_r2t_that_is_never_answered_ends_and_its_pages_come_back),
		cmocka_unit_test(data_that_drips_is_no_answer_to_an_r2t),
		cmocka_unit_test(a_slow_initiator_that_goes_on_is_waited_for),
		cmocka_unit_test(who_does_not_read_is_read_no_further_and_dropped),
		cmocka_unit_test(who_reads_late_gets_all_of_it),
		cmocka_unit_test(a_long_train_of_pdus_leaves_turns_to_others),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
