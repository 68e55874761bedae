/* SPDX-License-Identifier: Apache-2.0 */
/* An iSCSI session while allocations fail: login, commands, data both ways, logout. What is refused is refused by a
 * status (BUSY, TASK SET FULL, out of resources at login) or by the end of the connection; a write that was
 * acknowledged is there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "proto/scsi/scsi_spec.h"
#include "tests/alloc/allocwork.h"
#include "tests/proto/iscsi_raw.h"
#include "tests/support/ramlun.h"

#define WRITE_BYTES (64U << 10)
#define READ_BYTES (256U << 10)
#define BLOCK 512U

static uint8_t written; /* what the first bytes of the LUN are full of */
static uint8_t stamp;

static struct world *begin(const struct alloc_workload *workload)
{
	(void)workload;
	raw_setup();
	written = 0;
	return NULL;
}

static void end(void)
{
	uint8_t bytes[WRITE_BYTES];

	ramlun_peek(0, 0, bytes, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		assert_int_equal(bytes[i], written);
	raw_teardown();
}

/* Did the command succeed? False: it was refused cleanly, and *io_open says whether the session goes on. */
static bool succeeded(struct raw *raw, int status, bool whole, bool *io_open)
{
	if (status == 0)
		return true;
	assert_false(whole);
	assert_true(status == -1 || status == SCSI_BUSY || status == SCSI_TASK_SET_FULL);
	if (status == -1) {
		assert_true(raw_is_closed(raw));
		*io_open = false;
	}
	return false;
}

static void cdb10(uint8_t cdb[10], uint8_t op, uint32_t bytes)
{
	be16 n = be16_of((uint16_t)(bytes / BLOCK));

	memset(cdb, 0, 10);
	cdb[0] = op;
	memcpy(cdb + 7, &n, sizeof n);
}

static int data_asked_for(struct raw *raw, uint32_t itt, const uint8_t *bytes)
{
	while (itt != 0 && raw_recv(raw, 5000)) {
		if (raw->bhs.opcode == ISCSI_SCSI_RESPONSE)
			return raw->bhs.byte3;
		assert_int_equal(raw->bhs.opcode, ISCSI_R2T);
		if (!raw_data_out(raw, itt, be32_get(raw->bhs.ttt), 0, be32_get(raw->bhs.offset),
		                  bytes + be32_get(raw->bhs.offset), be32_get(raw->bhs.desired_len), true))
			return -1;
	}
	return -1;
}

static void write_some(struct raw *raw, bool whole, bool *io_open)
{
	uint8_t bytes[WRITE_BYTES], cdb[10];
	int status;

	cdb10(cdb, OP_WRITE_10, sizeof bytes);
	memset(bytes, ++stamp, sizeof bytes);
	status = data_asked_for(raw, raw_command(raw, 0, cdb, sizeof cdb, 0xA1, sizeof bytes, NULL, 0), bytes);
	if (succeeded(raw, status, whole, io_open))
		written = stamp;
	else if (status == -1) /* the connection ended with the command under way: done or not, but not by half */
		ramlun_peek(0, 0, &written, 1);
}

static void read_some(struct raw *raw, bool whole, bool *io_open)
{
	uint8_t cdb[10];

	cdb10(cdb, OP_READ_10, READ_BYTES);
	if (!succeeded(raw, raw_scsi(raw, 0, cdb, sizeof cdb, READ_BYTES, NULL, 0), whole, io_open))
		return;
	assert_int_equal(raw->data_len, READ_BYTES);
	for (size_t i = 0; i < READ_BYTES; i++)
		assert_int_equal(raw->data[i], i < WRITE_BYTES ? written : 0);
}

static void look(struct raw *raw, const uint8_t *cdb, size_t len, uint32_t n_in, bool whole, bool *io_open)
{
	if (*io_open)
		(void)succeeded(raw, raw_scsi(raw, 0, cdb, len, n_in, NULL, 0), whole, io_open);
}

/* Until unit attentions are gone. */
static void settle(struct raw *raw, bool whole, bool *io_open)
{
	static const uint8_t ready[6] = { 0 };
	int status = 2;

	for (unsigned i = 0; *io_open && status == 2 && i < 8; i++) {
		status = raw_scsi(raw, 0, ready, sizeof ready, 0, NULL, 0);
		if (status != 2)
			(void)succeeded(raw, status, whole, io_open);
	}
}

static void session(bool whole)
{
	static const char keys[] = "InitialR2T=Yes\0ImmediateData=No";
	static const uint8_t inquiry[6] = { 0x12, 0, 0, 0, 255 }, report_luns[12] = { 0xA0, [8] = 1 },
	                     capacity[10] = { 0x25 };
	struct raw *raw = raw_connect();
	int status = raw_login(raw, keys, sizeof keys);
	bool open = status == 0;

	assert_true(open || (!whole && (status == -1 || status == 0x0302)));
	settle(raw, whole, &open);
	look(raw, inquiry, sizeof inquiry, 255, whole, &open);
	look(raw, report_luns, sizeof report_luns, 256, whole, &open);
	look(raw, capacity, sizeof capacity, 8, whole, &open);
	if (open)
		write_some(raw, whole, &open);
	if (open)
		read_some(raw, whole, &open);
	if (open) {
		struct iscsi_bhs logout = { .opcode = ISCSI_LOGOUT_REQUEST | ISCSI_IMMEDIATE,
			                    .flags = 0x80,
			                    .itt = be32_of(0x77) };

		assert_true((raw_send(raw, &logout, NULL, 0, NULL, 0) && raw_recv(raw, 5000)) || !whole);
		assert_true(raw_is_closed(raw));
	}
	raw_close(raw);
}

static const struct alloc_workload workloads[] = {
	{ "iSCSI session", 20, 100, begin, session, end, 0 },
};

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ .name = workloads[0].name,
		  .test_func = alloc_workload_run,
		  .initial_state = (void *)(uintptr_t)&workloads[0] },
	};

	return cmocka_run_group_tests_name("alloc/iscsi", tests, NULL, NULL);
}
