/* SPDX-License-Identifier: Apache-2.0 */
/* RPC: call heads, record marking, errors, bounds. Bytes as a client might send them, good and bad. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/page.h"
#include "proto/rpc/rpc_call.h"
#include "proto/rpc/rpc_out.h"
#include "tests/base/cmocka_all.h"
#include "tests/proto/nfs_rig.h"

static struct rig rig;

static int setup(void **state)
{
	(void)state;
	rig_start(&rig, "rw,insecure,no_root_squash", NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_stop(&rig);
	return 0;
}

/* --- call heads --- */

static uint32_t head_make(uint8_t *buffer, uint32_t flavor, uint32_t cred_len, uint32_t n_gids, uint32_t name_len)
{
	struct rpc_out out;

	rpc_out_init(&out, buffer, 2048);
	rpc_out_u32(&out, 77);
	rpc_out_u32(&out, RPC_MESSAGE_CALL);
	rpc_out_u32(&out, 2);
	rpc_out_u32(&out, 1);
	rpc_out_u32(&out, 2);
	rpc_out_u32(&out, 3);
	rpc_out_u32(&out, flavor);
	rpc_out_u32(&out, cred_len);
	rpc_out_u32(&out, 0);
	rpc_out_u32(&out, name_len);
	rpc_out_u32(&out, 5);
	rpc_out_u32(&out, 6);
	rpc_out_u32(&out, n_gids);
	for (uint32_t i = 0; i < 16; i++)
		rpc_out_u32(&out, 100 + i);
	rpc_out_u32(&out, 0);
	rpc_out_u32(&out, 0);
	return (uint32_t)rpc_out_len(&out);
}

static void call_head_with_sixteen_groups_is_decoded(void **state)
{
	uint8_t bytes[2048];
	uint32_t len = head_make(bytes, RPC_FLAVOR_SYS, 84, 16, 0);
	struct rpc_call_head head;

	(void)state;
	assert_int_equal(rpc_call_decode(bytes, len, &head), 0);
	assert_int_equal(head.auth_stat, RPC_AUTH_OK);
	assert_int_equal(head.cred.uid, 5);
	assert_int_equal(head.cred.gid, 6);
	assert_int_equal(head.cred.n_gids, 16);
	assert_int_equal(head.cred.gids[15], 115);
	assert_int_equal(head.len_bytes, len);
}

static void call_head_cut_anywhere_is_refused(void **state)
{
	uint8_t bytes[2048], *exact;
	uint32_t len = head_make(bytes, RPC_FLAVOR_SYS, 84, 16, 0);
	struct rpc_call_head head;

	(void)state;
	for (uint32_t cut = 0; cut < len; cut++) {
		exact = malloc(cut + 1); /* so that the sanitizer sees a read too far */
		memcpy(exact, bytes, cut);
		assert_int_equal(rpc_call_decode(exact, cut, &head), -EBADMSG);
		free(exact);
	}
}

static void call_head_with_bad_lengths_gets_badcred_or_nothing(void **state)
{
	static const uint32_t lengths[] = { 401, 0x7fffffff, 0xfffffffc, 0xfffffffd, 0xffffffff };
	struct rpc_call_head head;
	uint8_t bytes[2048];
	uint32_t len;

	(void)state;
	for (unsigned i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		len = head_make(bytes, RPC_FLAVOR_SYS, lengths[i], 16, 0);
		assert_int_equal(rpc_call_decode(bytes, len, &head), -EBADMSG);
		len = head_make(bytes, RPC_FLAVOR_SYS, 84, lengths[i], 0);
		assert_int_equal(rpc_call_decode(bytes, len, &head), 0);
		assert_int_equal(head.auth_stat, RPC_AUTH_BADCRED);
		len = head_make(bytes, RPC_FLAVOR_SYS, 84, 16, lengths[i]);
		assert_int_equal(rpc_call_decode(bytes, len, &head), 0);
		assert_int_equal(head.auth_stat, RPC_AUTH_BADCRED);
		assert_int_equal(head.cred.flavor, RPC_FLAVOR_NONE);
	}
	len = head_make(bytes, RPC_FLAVOR_SYS, 84, 17, 0);
	assert_int_equal(rpc_call_decode(bytes, len, &head), 0);
	assert_int_equal(head.auth_stat, RPC_AUTH_BADCRED);
}

/* --- records --- */

static void send_in_pieces(const uint8_t *bytes, uint32_t len, uint32_t piece)
{
	for (uint32_t at = 0; at < len; at += piece)
		assert_true(rig_write(rig.fd, bytes + at, piece < len - at ? piece : len - at));
}

static uint32_t getattr_make(uint8_t *call, uint32_t size)
{
	GETATTR3args args = { rig.root };

	return rig_call_make(&rig, call, size, NFS3_PROGRAM, 3, 1, RIG_XDR(xdr_GETATTR3args), &args);
}

static void expect_getattr(void)
{
	GETATTR3res res;

	assert_true(rig_reply(&rig));
	assert_int_equal(rig.accept_stat, RPC_ACCEPT_SUCCESS);
	assert_true(xdr_GETATTR3res(&rig.results, &res));
	assert_int_equal(res.status, NFS3_OK);
	assert_int_equal(res.GETATTR3res_u.obj_attributes.type, NF3DIR);
}

static void record_sent_one_byte_at_a_time_is_answered(void **state)
{
	uint8_t call[1024];

	(void)state;
	send_in_pieces(call, getattr_make(call, sizeof call), 1);
	expect_getattr();
}

/* The record in fragments of `size` bytes each. */
static uint32_t fragment(const uint8_t *call, uint32_t len, uint32_t size, uint8_t *ret_bytes)
{
	uint32_t out = 0;

	for (uint32_t at = 4; at < len; at += size) {
		uint32_t n = size < len - at ? size : len - at;
		be32 mark = be32_of(n | (at + n == len ? RPC_MARK_LAST : 0));

		memcpy(ret_bytes + out, &mark, 4);
		memcpy(ret_bytes + out + 4, call + at, n);
		out += 4 + n;
	}
	return out;
}

static void record_in_fragments_of_any_size_is_answered(void **state)
{
	uint8_t call[1024], fragments[8192];

	(void)state;
	for (uint32_t size = 1; size < 140; size += 3) {
		uint32_t len = getattr_make(call, sizeof call), n = fragment(call, len, size, fragments);

		send_in_pieces(fragments, n, n);
		expect_getattr();
	}
	send_in_pieces(fragments, fragment(call, getattr_make(call, sizeof call), 5, fragments), 1);
	expect_getattr();
}

static void some_empty_fragments_are_allowed_but_not_many(void **state)
{
	uint8_t call[1024], empty[4] = { 0 };
	uint32_t len;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		assert_true(rig_write(rig.fd, empty, 4));
	len = getattr_make(call, sizeof call);
	assert_true(rig_write(rig.fd, call, len));
	expect_getattr();
	for (unsigned i = 0; i < 100; i++)
		(void)rig_write(rig.fd, empty, 4);
	assert_false(rig_reply(&rig));
	rig_reconnect(&rig);
}

static void expect_closed_after(const void *bytes, size_t len)
{
	(void)rig_write(rig.fd, bytes, len);
	assert_false(rig_reply(&rig));
	rig_reconnect(&rig);
}

static void record_that_is_too_long_closes_the_connection(void **state)
{
	be32 whole = be32_of(RPC_MARK_LAST | (RPC_RECORD_MAX + 1)), all = be32_of(0xffffffff),
	     first = be32_of(0x7fffffff);

	(void)state;
	expect_closed_after(&whole, 4);
	expect_closed_after(&all, 4);
	expect_closed_after(&first, 4);
}

static void record_that_is_no_call_closes_the_connection(void **state)
{
	uint8_t reply[44] = { 0x80, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1 }, empty[4] = { 0x80, 0, 0, 0 },
	        tiny[5] = { 0x80, 0, 0, 1, 9 };

	(void)state;
	expect_closed_after(reply, sizeof reply);
	expect_closed_after(empty, sizeof empty);
	expect_closed_after(tiny, sizeof tiny);
	expect_closed_after("GET / HTTP/1.0\r\n\r\n", 18);
}

static void fragments_adding_up_to_too_much_close_the_connection(void **state)
{
	uint32_t size = 65536;
	uint8_t *bytes = calloc(1, size);
	be32 mark = be32_of(size - 4);
	bool open = true;

	(void)state;
	memcpy(bytes, &mark, 4);
	for (unsigned i = 0; i < 20 && open; i++)
		open = rig_write(rig.fd, bytes, size);
	assert_false(rig_reply(&rig));
	free(bytes);
	rig_reconnect(&rig);
}

static void many_calls_in_one_write_are_answered_in_turn(void **state)
{
	uint8_t calls[300 * 200];
	uint32_t len = 0;

	(void)state;
	for (unsigned i = 0; i < 300; i++)
		len += getattr_make(calls + len, (uint32_t)sizeof calls - len);
	assert_true(rig_write(rig.fd, calls, len));
	for (unsigned i = 0; i < 300; i++)
		expect_getattr();
}

static void replies_come_after_the_client_has_shut_its_side(void **state)
{
	uint8_t call[1024];
	uint32_t len = getattr_make(call, sizeof call);

	(void)state;
	assert_true(rig_write(rig.fd, call, len));
	assert_int_equal(shutdown(rig.fd, SHUT_WR), 0);
	expect_getattr();
	assert_false(rig_reply(&rig));
	rig_reconnect(&rig);
}

/* --- errors --- */

static uint32_t accept_of(uint32_t program, uint32_t version, uint32_t procedure)
{
	uint8_t call[1024];
	uint32_t len = rig_call_make(&rig, call, sizeof call, program, version, procedure, NULL, NULL);

	assert_true(rig_write(rig.fd, call, len));
	assert_true(rig_reply(&rig));
	return rig.accept_stat;
}

static void unknown_programs_versions_and_procedures_are_said_to_be_so(void **state)
{
	uint32_t low = 0, high = 0;

	(void)state;
	assert_int_equal(accept_of(100000, 2, 0), RPC_ACCEPT_PROG_UNAVAIL);
	assert_int_equal(accept_of(NFS3_PROGRAM, 4, 0), RPC_ACCEPT_PROG_MISMATCH);
	assert_true(xdr_uint32_t(&rig.results, &low) && xdr_uint32_t(&rig.results, &high));
	assert_int_equal(low, 3);
	assert_int_equal(high, 3);
	assert_int_equal(accept_of(MOUNT3_PROGRAM, 1, 0), RPC_ACCEPT_PROG_MISMATCH);
	assert_int_equal(accept_of(NFS3_PROGRAM, 3, 22), RPC_ACCEPT_PROC_UNAVAIL);
	assert_int_equal(accept_of(NFS3_PROGRAM, 3, 0xffffffff), RPC_ACCEPT_PROC_UNAVAIL);
	assert_int_equal(accept_of(MOUNT3_PROGRAM, 3, 6), RPC_ACCEPT_PROC_UNAVAIL);
	assert_int_equal(accept_of(NFS3_PROGRAM, 3, 0), RPC_ACCEPT_SUCCESS);
	assert_int_equal(accept_of(MOUNT3_PROGRAM, 3, 0), RPC_ACCEPT_SUCCESS);
}

static void missing_arguments_are_garbage_in_every_procedure(void **state)
{
	(void)state;
	for (uint32_t procedure = 1; procedure < 22; procedure++)
		assert_int_equal(accept_of(NFS3_PROGRAM, 3, procedure), RPC_ACCEPT_GARBAGE_ARGS);
	assert_int_equal(accept_of(MOUNT3_PROGRAM, 3, MOUNTPROC3_MNT), RPC_ACCEPT_GARBAGE_ARGS);
	assert_int_equal(accept_of(MOUNT3_PROGRAM, 3, MOUNTPROC3_UMNT), RPC_ACCEPT_GARBAGE_ARGS);
}

static void expect_denied(uint32_t at, uint32_t value, uint32_t reject, uint32_t why)
{
	uint8_t call[1024];
	uint32_t len = getattr_make(call, sizeof call), words[2];
	be32 wire = be32_of(value);

	memcpy(call + at, &wire, 4);
	assert_true(rig_write(rig.fd, call, len));
	assert_true(rig_reply(&rig));
	assert_int_equal(rig.accept_stat, UINT32_MAX);
	assert_true(xdr_uint32_t(&rig.results, &words[0]) && xdr_uint32_t(&rig.results, &words[1]));
	assert_int_equal(words[0], reject);
	assert_int_equal(words[1], why);
}

static void wrong_rpc_versions_and_flavours_are_denied(void **state)
{
	(void)state;
	expect_denied(12, 3, RPC_REJECT_MISMATCH, 2);
	expect_denied(12, 0xffffffff, RPC_REJECT_MISMATCH, 2);
	expect_denied(28, 6, RPC_REJECT_AUTH_ERROR, RPC_AUTH_REJECTEDCRED);
	expect_denied(56, 1000, RPC_REJECT_AUTH_ERROR, RPC_AUTH_BADCRED); /* 1000 groups */
	expect_denied(60, 6, RPC_REJECT_AUTH_ERROR, RPC_AUTH_BADVERF);
}

/* A call of `procedure` whose arguments are `n` words of `value`. */
static void garbage_call(uint32_t procedure, uint32_t value, uint32_t n)
{
	uint8_t call[32768];
	uint32_t len = rig_call_make(&rig, call, sizeof call, NFS3_PROGRAM, 3, procedure, NULL, NULL);
	be32 word = be32_of(value), mark;

	for (uint32_t i = 0; i < n; i++) {
		memcpy(call + len, &word, 4);
		len += 4;
	}
	mark = be32_of(RPC_MARK_LAST | (len - 4));
	memcpy(call, &mark, 4);
	assert_true(rig_write(rig.fd, call, len));
	assert_true(rig_reply(&rig));
}

static void garbage_never_ends_the_connection_nor_leaks(void **state)
{
	static const uint32_t values[] = { 0,    1,    2,          3,          64,         65,        255,
		                           4096, 4097, 0x7fffffff, 0xfffffffc, 0xfffffffd, 0xffffffff };
	static const uint32_t sizes[] = { 1, 2, 20, 40, 300, 1500, 5000 };
	size_t pages = page_arena_used();

	(void)state;
	for (uint32_t procedure = 1; procedure < 22; procedure++) {
		for (unsigned v = 0; v < sizeof values / sizeof values[0]; v++) {
			for (unsigned s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
				garbage_call(procedure, values[v], sizes[s]);
		}
	}
	rig_nfs(&rig, 0, NULL, NULL, NULL, NULL);
	assert_true(page_arena_used() <= pages + 64); /* a thread keeps a few */
}

static void random_records_do_no_harm(void **state)
{
	unsigned seed = 20240611;
	uint8_t call[2048];

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		uint32_t len = rig_call_make(&rig, call, sizeof call, NFS3_PROGRAM, 3, (uint32_t)rand_r(&seed) % 22,
		                             NULL, NULL);
		uint32_t n = (uint32_t)rand_r(&seed) % 1200;
		be32 mark = be32_of(RPC_MARK_LAST | (len + n - 4));

		memcpy(call, &mark, 4);
		for (uint32_t i = 0; i < n; i++)
			call[len + i] = (uint8_t)(rand_r(&seed) % 4 == 0 ? rand_r(&seed) : 0);
		assert_true(rig_write(rig.fd, call, len + n));
		assert_true(rig_reply(&rig));
	}
}

static void long_record_of_a_short_procedure_is_skipped(void **state)
{
	uint32_t size = 900000;
	uint8_t *call = calloc(1, size), again[1024];
	be32 mark = be32_of(RPC_MARK_LAST | (size - 4));

	(void)state;
	(void)getattr_make(call, size);
	memcpy(call, &mark, 4);
	assert_true(rig_write(rig.fd, call, size));
	assert_true(rig_reply(&rig));
	assert_int_equal(rig.accept_stat, RPC_ACCEPT_GARBAGE_ARGS);
	assert_true(rig_write(rig.fd, again, getattr_make(again, sizeof again)));
	expect_getattr();
	free(call);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(call_head_with_sixteen_groups_is_decoded),
		cmocka_unit_test(call_head_cut_anywhere_is_refused),
		cmocka_unit_test(call_head_with_bad_lengths_gets_badcred_or_nothing),
		cmocka_unit_test(record_sent_one_byte_at_a_time_is_answered),
		cmocka_unit_test(record_in_fragments_of_any_size_is_answered),
		cmocka_unit_test(some_empty_fragments_are_allowed_but_not_many),
		cmocka_unit_test(record_that_is_too_long_closes_the_connection),
		cmocka_unit_test(record_that_is_no_call_closes_the_connection),
		cmocka_unit_test(fragments_adding_up_to_too_much_close_the_connection),
		cmocka_unit_test(many_calls_in_one_write_are_answered_in_turn),
		cmocka_unit_test(replies_come_after_the_client_has_shut_its_side),
		cmocka_unit_test(unknown_programs_versions_and_procedures_are_said_to_be_so),
		cmocka_unit_test(missing_arguments_are_garbage_in_every_procedure),
		cmocka_unit_test(wrong_rpc_versions_and_flavours_are_denied),
		cmocka_unit_test(garbage_never_ends_the_connection_nor_leaks),
		cmocka_unit_test(random_records_do_no_harm),
		cmocka_unit_test(long_record_of_a_short_procedure_is_skipped),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
