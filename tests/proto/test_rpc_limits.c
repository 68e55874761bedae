/* SPDX-License-Identifier: Apache-2.0 */
/* RPC under pressure: pools that run dry, clients that stall, that do not read, that go away in the middle. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/budget.h"
#include "proto/rpc/rpc_service.h"
#include "tests/base/cmocka_all.h"
#include "tests/proto/nfs_rig.h"

#define MIB (1U << 20)
#define BUDGET_BYTES (MIB + MIB / 2) /* room for one WRITE of 1 MiB at a time */

static struct rig rig;
static struct rpc_limits limits;

static void start(size_t budget_bytes)
{
	budget_set_max(budget_bytes);
	rig_start(&rig, "rw,insecure,no_root_squash", &limits);
}

/* Everything is given back. */
static int conclude(void **state)
{
	(void)state;
	assert_int_equal(budget_used(), 0);
	budget_set_max(0);
	return 0;
}

static int prepare(void **state)
{
	(void)state;
	limits = rpc_limits_default;
	rig_clients = NULL;
	return 0;
}

/* Use another connection for what follows; returns the one used until now. */
static int switch_to(int fd)
{
	int before = rig.fd;

	rig.fd = fd;
	return before;
}

static uint32_t getattr_make(uint8_t *call, uint32_t size)
{
	GETATTR3args args = { rig.root };

	return rig_call_make(&rig, call, size, NFS3_PROGRAM, 3, 1, RIG_XDR(xdr_GETATTR3args), &args);
}

/* A WRITE of 1 MiB to `file`: `ret_call` has room for it all; its length. */
static uint32_t large_write_make(const nfs_fh3 *file, uint8_t *call)
{
	WRITE3head args = { .file = *file, .count = MIB, .data_len = MIB, .stable = UNSTABLE };
	uint32_t len = rig_call_make(&rig, call, 1024, NFS3_PROGRAM, 3, 7, RIG_XDR(xdr_WRITE3head), &args) + MIB;
	be32 mark = be32_of(RPC_MARK_LAST | (len - 4));

	memcpy(call, &mark, sizeof mark);
	return len;
}

static void expect_written(void)
{
	WRITE3res res;

	assert_true(rig_reply(&rig));
	assert_true(xdr_WRITE3res(&rig.results, &res));
	assert_int_equal(res.status, NFS3_OK);
	assert_int_equal(res.WRITE3res_u.resok.count, MIB);
}

static void one_request_object_serves_many_connections(void **state)
{
	uint8_t calls[20 * 256];
	uint32_t len = 0;
	int fds[8];

	(void)state;
	limits.max_requests = 1;
	start(0);
	for (unsigned i = 0; i < 20; i++)
		len += getattr_make(calls + len, (uint32_t)sizeof calls - len);
	for (unsigned i = 0; i < 8; i++) {
		fds[i] = rig_connect(&rig);
		assert_true(rig_write(fds[i], calls, len));
	}
	for (unsigned i = 0; i < 8; i++) {
		int before = switch_to(fds[i]);

		for (unsigned n = 0; n < 20; n++) {
			assert_true(rig_reply(&rig));
			assert_int_equal(rig.accept_stat, RPC_ACCEPT_SUCCESS);
		}
		close(switch_to(before));
	}
	rig_stop(&rig);
}

static void writes_wait_for_memory_and_get_it(void **state)
{
	uint8_t *call = calloc(1, 2 * MIB);
	nfs_fh3 file;
	uint32_t len;
	int other, before;

	(void)state;
	start(BUDGET_BYTES);
	assert_int_equal(rig_create(&rig, &rig.root, "f", &file), NFS3_OK);
	len = large_write_make(&file, call);
	assert_true(rig_write(rig.fd, call, len / 2)); /* has taken what there is */
	other = rig_connect(&rig);
	assert_true(rig_write(other, call, 100000));
	usleep(50000);
	assert_true(rig_write(rig.fd, call + len / 2, len - len / 2));
	expect_written();
	before = switch_to(other);
	assert_true(rig_write(other, call + 100000, len - 100000));
	expect_written();
	close(switch_to(before));
	free(call);
	rig_stop(&rig);
}

static void memory_of_a_client_that_went_away_comes_back(void **state)
{
	uint8_t *call = calloc(1, 2 * MIB);
	nfs_fh3 file;
	uint32_t len;

	(void)state;
	start(BUDGET_BYTES);
	assert_int_equal(rig_create(&rig, &rig.root, "f", &file), NFS3_OK);
	len = large_write_make(&file, call);
	for (unsigned i = 0; i < 20; i++) {
		assert_true(rig_write(rig.fd, call, 1000 + i * 40000));
		rig_reconnect(&rig);
	}
	assert_true(rig_write(rig.fd, call, len));
	expect_written();
	free(call);
	rig_stop(&rig);
}

static void client_that_stalls_in_a_payload_is_cut_off(void **state)
{
	uint8_t *call = calloc(1, 2 * MIB), plain[512];
	nfs_fh3 file;
	int idle;

	(void)state;
	limits.stall_ns = 300000000;
	start(0);
	idle = rig_connect(&rig);
	assert_int_equal(rig_create(&rig, &rig.root, "f", &file), NFS3_OK);
	(void)large_write_make(&file, call);
	assert_true(rig_write(rig.fd, call, 500000));
	assert_false(rig_reply(&rig));
	/* one that merely says nothing is not */
	close(switch_to(idle));
	assert_true(rig_write(rig.fd, plain, getattr_make(plain, sizeof plain)));
	assert_true(rig_reply(&rig));
	free(call);
	rig_stop(&rig);
}

static void client_that_does_not_read_is_held_back_and_cut_off(void **state)
{
	READ3args args = { .count = MIB };
	uint8_t call[512], *bytes = calloc(1, MIB);
	WRITE3res written;
	uint32_t len;
	unsigned n;
	int small = 4096;

	(void)state;
	limits.stall_ns = 300000000;
	start(0);
	assert_int_equal(setsockopt(rig.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
	assert_int_equal(rig_create(&rig, &rig.root, "f", &args.file), NFS3_OK);
	assert_int_equal(rig_write_file(&rig, &args.file, 0, bytes, MIB, UNSTABLE, &written), NFS3_OK);
	len = rig_call_make(&rig, call, sizeof call, NFS3_PROGRAM, 3, 6, RIG_XDR(xdr_READ3args), &args);
	for (unsigned i = 0; i < 200; i++)
		(void)rig_write(rig.fd, call, len);
	usleep(1500000);
	for (n = 0; n < 200 && rig_reply(&rig); n++)
		;
	assert_true(n < 40);
	free(bytes);
	rig_stop(&rig);
}

static void slow_reader_gets_everything(void **state)
{
	READ3args args = { .count = MIB };
	uint8_t call[512], *bytes = calloc(1, MIB);
	WRITE3res written;
	uint32_t len;

	(void)state;
	start(0);
	memset(bytes, 0x3c, MIB);
	assert_int_equal(rig_create(&rig, &rig.root, "f", &args.file), NFS3_OK);
	assert_int_equal(rig_write_file(&rig, &args.file, 0, bytes, MIB, UNSTABLE, &written), NFS3_OK);
	len = rig_call_make(&rig, call, sizeof call, NFS3_PROGRAM, 3, 6, RIG_XDR(xdr_READ3args), &args);
	for (unsigned i = 0; i < 60; i++)
		assert_true(rig_write(rig.fd, call, len));
	for (unsigned i = 0; i < 60; i++) {
		if (i % 8 == 0)
			usleep(20000);
		assert_true(rig_reply(&rig));
		assert_memory_equal(rig.record + rig.record_len - MIB, bytes, MIB);
	}
	free(bytes);
	rig_stop(&rig);
}

static void clients_that_leave_with_requests_in_flight_do_no_harm(void **state)
{
	uint8_t *call = calloc(1, 2 * MIB), many[64 * 256];
	unsigned seed = 99;
	nfs_fh3 file;
	uint32_t len = 0, large;

	(void)state;
	start(0);
	assert_int_equal(rig_create(&rig, &rig.root, "f", &file), NFS3_OK);
	large = large_write_make(&file, call);
	for (unsigned i = 0; i < 64; i++)
		len += getattr_make(many + len, (uint32_t)sizeof many - len);
	for (unsigned i = 0; i < 200; i++) {
		(void)rig_write(rig.fd, many, (uint32_t)rand_r(&seed) % len);
		if (i % 4 == 0) {
			rig_reconnect(&rig);
			(void)rig_write(rig.fd, call, (uint32_t)rand_r(&seed) % large);
		}
		rig_reconnect(&rig);
	}
	rig_nfs(&rig, 0, NULL, NULL, NULL, NULL);
	free(call);
	rig_stop(&rig);
}

static void server_stops_with_clients_in_every_state(void **state)
{
	uint8_t *call = calloc(1, 2 * MIB), mark[8] = { 0, 0, 0x10, 0 };
	nfs_fh3 file;
	int fds[4];

	(void)state;
	start(0);
	assert_int_equal(rig_create(&rig, &rig.root, "f", &file), NFS3_OK);
	(void)large_write_make(&file, call);
	for (unsigned i = 0; i < 4; i++)
		fds[i] = rig_connect(&rig);
	assert_true(rig_write(fds[0], mark, 2) && rig_write(fds[1], mark, 8) && rig_write(fds[2], call, 300000) &&
	            rig_write(fds[3], call, 200));
	usleep(20000);
	rig_stop(&rig);
	for (unsigned i = 0; i < 4; i++)
		close(fds[i]);
	free(call);
}

static void connections_over_the_limit_are_refused(void **state)
{
	uint8_t call[512];
	int first, before;

	(void)state;
	limits.max_conns = 2;
	start(0);
	first = rig_connect(&rig);
	before = switch_to(rig_connect(&rig)); /* the third */
	(void)rig_write(rig.fd, call, getattr_make(call, sizeof call));
	assert_false(rig_reply(&rig));
	close(switch_to(before));
	close(first);
	rig_nfs(&rig, 0, NULL, NULL, NULL, NULL);
	rig_stop(&rig);
}

/* Null calls of MOUNT, to be answered without any right. */
static bool null_call(int fd)
{
	uint8_t call[256];
	uint32_t len = rig_call_make(&rig, call, sizeof call, 100005, 3, 0, NULL, NULL);
	int before = switch_to(fd);
	bool answered = rig_write(fd, call, len) && rig_reply(&rig);

	(void)switch_to(before);
	return answered;
}

static bool is_closed(int fd)
{
	uint8_t byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void a_stranger_without_calls_is_cut_off_and_a_client_is_not(void **state)
{
	int silent, calling, half;

	(void)state;
	rig_clients = "127.0.0.1";
	limits.stranger_ns = 300000000;
	start(0);
	silent = rig_connect_from(&rig, "127.0.0.2");
	calling = rig_connect_from(&rig, "127.0.0.2");
	half = rig_connect_from(&rig, "127.0.0.2");
	for (unsigned i = 0; i < 12; i++) {
		usleep(50000);
		assert_true(null_call(calling));
		(void)rig_write(half, &"\x80\0\x10\0\0\0\0\0\0\0\0\0"[i], 1); /* half a record does not count */
	}
	assert_true(is_closed(silent));
	assert_false(rig_read(half, &(uint8_t){ 0 }, 1));
	assert_false(is_closed(rig.fd));
	rig_nfs(&rig, 0, NULL, NULL, NULL, NULL);
	close(silent);
	close(calling);
	close(half);
	rig_stop(&rig);
}

static void an_idle_client_is_closed_only_when_nothing_is_outstanding(void **state)
{
	uint8_t *call = calloc(1, 2 * MIB);
	nfs_fh3 file;
	uint32_t len;

	(void)state;
	limits.idle_ns = 300000000;
	start(0);
	assert_int_equal(rig_create(&rig, &rig.root, "f", &file), NFS3_OK);
	len = large_write_make(&file, call);
	for (unsigned i = 0; i < 10; i++) {
		usleep(50000);
		rig_nfs(&rig, 0, NULL, NULL, NULL, NULL);
	}
	assert_true(rig_write(rig.fd, call, 500000));
	usleep(700000);
	assert_true(rig_write(rig.fd, call + 500000, len - 500000)); /* a write that took longer */
	expect_written();
	free(call);
	usleep(700000);
	assert_true(is_closed(rig.fd));
	rig_reconnect(&rig);
	rig_nfs(&rig, 0, NULL, NULL, NULL, NULL);
	rig_stop(&rig);
}

static void strangers_do_not_keep_clients_out(void **state)
{
	int fds[200], clients[12];

	(void)state;
	rig_clients = "127.0.0.1";
	limits.max_conns = 16;
	start(0);
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = rig_connect_from(&rig, i % 2 == 0 ? "127.0.0.2" : "127.0.0.3");
	for (unsigned i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = rig_connect(&rig);
		assert_true(null_call(clients[i]));
	}
	rig_nfs(&rig, 0, NULL, NULL, NULL, NULL); /* and the one that was there before them */
	for (unsigned i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_request_object_serves_many_connections, prepare, conclude),
		cmocka_unit_test_setup_teardown(writes_wait_for_memory_and_get_it, prepare, conclude),
		cmocka_unit_test_setup_teardown(memory_of_a_client_that_went_away_comes_back, prepare, conclude),
		cmocka_unit_test_setup_teardown(client_that_stalls_in_a_payload_is_cut_off, prepare, conclude),
		cmocka_unit_test_setup_teardown(client_that_does_not_read_is_held_back_and_cut_off, prepare, conclude),
		cmocka_unit_test_setup_teardown(slow_reader_gets_everything, prepare, conclude),
		cmocka_unit_test_setup_teardown(clients_that_leave_with_requests_in_flight_do_no_harm, prepare,
		                                conclude),
		cmocka_unit_test_setup_teardown(server_stops_with_clients_in_every_state, prepare, conclude),
		cmocka_unit_test_setup_teardown(connections_over_the_limit_are_refused, prepare, conclude),
		cmocka_unit_test_setup_teardown(a_stranger_without_calls_is_cut_off_and_a_client_is_not, prepare,
		                                conclude),
		cmocka_unit_test_setup_teardown(an_idle_client_is_closed_only_when_nothing_is_outstanding, prepare,
		                                conclude),
		cmocka_unit_test_setup_teardown(strangers_do_not_keep_clients_out, prepare, conclude),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
