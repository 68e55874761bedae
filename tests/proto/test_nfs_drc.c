/* SPDX-License-Identifier: Apache-2.0 */
/* Calls sent again on another connection: known by all that a client repeats and by nothing that it does not, answered
 * byte for byte. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "proto/nfs/nfs_private.h"
#include "tests/base/cmocka_all.h"
#include "tests/proto/nfs_rig.h"

#define CALL_MAX 4096U

static struct rig rig;
static nfs_fh3 file, dir;

/* A call as it went over the wire, and what came back. */
struct sent {
	uint8_t call[CALL_MAX];
	uint32_t call_len;
	uint8_t reply[CALL_MAX];
	uint32_t reply_len;
};

static int setup(void **state)
{
	(void)state;
	rig_start(&rig, "rw,insecure,no_root_squash", NULL);
	assert_int_equal(rig_create(&rig, &rig.root, "file", &file), NFS3_OK);
	assert_int_equal(rig_mkdir(&rig, &rig.root, "dir", &dir), NFS3_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_stop(&rig);
	return 0;
}

/* --- sending the same bytes --- */

static void make(struct sent *sent, uint32_t procedure, xdrproc_t encode, void *args)
{
	sent->call_len = rig_call_make(&rig, sent->call, sizeof sent->call, NFS3_PROGRAM, 3, procedure, encode, args);
}

static void make_mkdir(struct sent *sent, const char *name)
{
	MKDIR3args args = { .where.dir = rig.root, .attributes.mode = { true, { 0755 } } };

	rig_name(&args.where.name, name);
	make(sent, 9, RIG_XDR(xdr_MKDIR3args), &args);
}

/* The status; the reply stays in rig.record. */
static uint32_t send_it(const struct sent *sent)
{
	uint32_t status;

	assert_true(rig_write(rig.fd, sent->call, sent->call_len));
	assert_true(rig_reply(&rig));
	assert_int_equal(rig.accept_stat, RPC_ACCEPT_SUCCESS);
	assert_true(xdr_uint32_t(&rig.results, &status));
	return status;
}

static uint32_t send_first(struct sent *sent)
{
	uint32_t status = send_it(sent);

	assert_true(rig.record_len <= sizeof sent->reply);
	memcpy(sent->reply, rig.record, rig.record_len);
	sent->reply_len = rig.record_len;
	return status;
}

/* On another connection, that is from another port, it is answered with the same bytes, and the volume does nothing. */
static void send_again(const struct sent *sent)
{
	uint64_t served = ramfs_messages(rig.volume);

	rig_reconnect(&rig);
	(void)send_it(sent);
	assert_int_equal(rig.record_len, sent->reply_len);
	assert_memory_equal(rig.record, sent->reply, sent->reply_len);
	assert_int_equal(ramfs_messages(rig.volume), served);
}

/* --- every procedure --- */

static void make_create(struct sent *sent)
{
	CREATE3args args = { .where.dir = rig.root, .how.mode = GUARDED };

	rig_name(&args.where.name, "guarded");
	make(sent, 8, RIG_XDR(xdr_CREATE3args), &args);
}

static void make_exclusive(struct sent *sent)
{
	CREATE3args args = { .where.dir = rig.root,
		             .how = { .mode = EXCLUSIVE, .createhow3_u.verf = 0x1122334455667788ULL } };

	rig_name(&args.where.name, "exclusive");
	make(sent, 8, RIG_XDR(xdr_CREATE3args), &args);
}

static void make_new_dir(struct sent *sent)
{
	make_mkdir(sent, "new");
}

static void make_symlink(struct sent *sent)
{
	SYMLINK3args args = { .where.dir = rig.root, .symlink_data = { .len = 6, .bytes = "target" } };

	rig_name(&args.where.name, "link");
	make(sent, 10, RIG_XDR(xdr_SYMLINK3args), &args);
}

static void make_mknod(struct sent *sent)
{
	MKNOD3args args = { .where.dir = rig.root, .what.type = NF3FIFO };

	rig_name(&args.where.name, "fifo");
	make(sent, 11, RIG_XDR(xdr_MKNOD3args), &args);
}

static void make_link(struct sent *sent)
{
	LINK3args args = { .file = file, .link.dir = rig.root };

	rig_name(&args.link.name, "hard");
	make(sent, 15, RIG_XDR(xdr_LINK3args), &args);
}

static void make_rename(struct sent *sent)
{
	RENAME3args args = { .from.dir = rig.root, .to.dir = dir };

	rig_name(&args.from.name, "hard");
	rig_name(&args.to.name, "moved");
	make(sent, 14, RIG_XDR(xdr_RENAME3args), &args);
}

static void make_remove(struct sent *sent)
{
	REMOVE3args args = { .object.dir = dir };

	rig_name(&args.object.name, "moved");
	make(sent, 12, RIG_XDR(xdr_REMOVE3args), &args);
}

static void make_rmdir(struct sent *sent)
{
	REMOVE3args args = { .object.dir = rig.root };

	rig_name(&args.object.name, "dir");
	make(sent, 13, RIG_XDR(xdr_REMOVE3args), &args);
}

/* With the guard of RFC 1813 3.3.2: after the first the ctime is another one. */
static void make_setattr(struct sent *sent)
{
	SETATTR3args args = { .object = file, .new_attributes.mode = { true, { 0600 } }, .guard.check = true };
	fattr3 attr;

	assert_int_equal(rig_getattr(&rig, &file, &attr), NFS3_OK);
	args.guard.sattrguard3_u.obj_ctime = attr.ctime;
	make(sent, 2, RIG_XDR(xdr_SETATTR3args), &args);
}

static void every_procedure_that_is_not_idempotent_is_carried_out_once(void **state)
{
	static void (*const makers[])(struct sent * sent) = { make_create, make_exclusive, make_new_dir, make_symlink,
		                                              make_mknod,  make_setattr,   make_link,    make_rename,
		                                              make_remove, make_rmdir };
	static struct sent sent[ARRAY_SIZE(makers)];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(makers); i++) {
		makers[i](&sent[i]);
		assert_int_equal(send_first(&sent[i]), NFS3_OK);
		send_again(&sent[i]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(makers); i++)
		send_again(&sent[i]); /* late, and whatever has happened since */
}

static void refusals_are_answered_again_too(void **state)
{
	struct sent sent;
	nfs_fh3 made;

	(void)state;
	make_mkdir(&sent, "file");
	assert_int_equal(send_first(&sent), NFS3ERR_EXIST);
	send_again(&sent);
	make_mkdir(&sent, "new");
	assert_int_equal(rig_mkdir(&rig, &rig.root, "new", &made), NFS3_OK);
	assert_int_equal(send_first(&sent), NFS3ERR_EXIST);
	make_rmdir(&sent);
	assert_int_equal(rig_create(&rig, &dir, "in", &made), NFS3_OK);
	assert_int_equal(send_first(&sent), NFS3ERR_NOTEMPTY);
	send_again(&sent);
}

/* --- what makes it another call --- */

static void the_same_xid_with_other_arguments_is_another_call(void **state)
{
	struct sent first, other;
	nfs_fh3 made;

	(void)state;
	make_mkdir(&first, "one");
	assert_int_equal(send_first(&first), NFS3_OK);
	rig.xid--;
	make_mkdir(&other, "two"); /* of the same length */
	assert_int_equal(send_first(&other), NFS3_OK);
	rig.xid--;
	make_mkdir(&other, "three");
	assert_int_equal(send_first(&other), NFS3_OK);
	assert_int_equal(rig_lookup(&rig, &rig.root, "two", &made), NFS3_OK);
	assert_int_equal(rig_lookup(&rig, &rig.root, "three", &made), NFS3_OK);
	send_again(&first);
}

static void the_same_arguments_with_another_xid_are_another_call(void **state)
{
	struct sent first, other;

	(void)state;
	make_mkdir(&first, "one");
	make_mkdir(&other, "one");
	assert_int_equal(send_first(&first), NFS3_OK);
	assert_int_equal(send_it(&other), NFS3ERR_EXIST);
}

static void another_procedure_is_another_call(void **state)
{
	struct sent remove, rmdir;

	(void)state;
	make_rmdir(&rmdir);
	remove = rmdir;
	remove.call[27] = 12; /* the procedure, after mark, xid, type, rpc version, program and version */
	assert_int_equal(send_first(&remove), NFS3ERR_ISDIR);
	assert_int_equal(send_first(&rmdir), NFS3_OK);
}

static void another_user_or_machine_is_another_caller(void **state)
{
	struct sent first, other;

	(void)state;
	make_mkdir(&first, "one");
	assert_int_equal(send_first(&first), NFS3_OK);
	rig.xid--;
	rig.uid++;
	make_mkdir(&other, "one");
	assert_int_equal(send_first(&other), NFS3ERR_EXIST);
	other = first;
	assert_memory_equal(other.call + 44, "rig", 3);
	other.call[44] = 'R'; /* its machine name: containers behind one address */
	assert_int_equal(send_it(&other), NFS3ERR_EXIST);
	other = first;
	other.call[39] ^= 1; /* its stamp is no part of who it is */
	assert_int_equal(send_it(&other), NFS3_OK);
	send_again(&first);
}

static void another_address_is_another_caller(void **state)
{
	struct sent first;

	(void)state;
	make_mkdir(&first, "one");
	assert_int_equal(send_first(&first), NFS3_OK);
	close(rig.fd);
	rig.fd = rig_connect_from(&rig, "127.0.0.77");
	assert_int_equal(send_it(&first), NFS3ERR_EXIST);
	send_again(&first);
}

/* --- who and what is not kept --- */

static void only_who_is_let_in_takes_room(void **state)
{
	const struct counter *misses = &fs_call_counters()->misses;
	uint64_t kept = counter_get(&fs_call_counters()->kept), before = counter_get(misses);
	struct sent sent;

	(void)state;
	rig_clients = "127.0.0.9";
	rig_export(&rig, "rw,insecure", 0, NULL);
	make_mkdir(&sent, "one");
	assert_int_equal(send_it(&sent), NFS3ERR_ACCES);
	rig_clients = NULL;
	rig_export(&rig, "ro,insecure", 0, NULL);
	assert_int_equal(send_it(&sent), NFS3ERR_ROFS);
	rig_export(&rig, "rw,insecure", 0, NULL);
	assert_int_equal(counter_get(&fs_call_counters()->kept), kept);
	assert_int_equal(counter_get(misses), before);
}

static void a_write_is_carried_out_each_time(void **state)
{
	WRITE3res res;
	uint64_t served;
	char bytes[5];
	READ3res read;

	(void)state;
	assert_int_equal(rig_write_file(&rig, &file, 0, "first", 5, FILE_SYNC, &res), NFS3_OK);
	served = ramfs_messages(rig.volume);
	rig.xid--;
	assert_int_equal(rig_write_file(&rig, &file, 0, "first", 5, FILE_SYNC, &res), NFS3_OK);
	assert_int_equal(ramfs_messages(rig.volume), served + 1);
	assert_int_equal(rig_read_file(&rig, &file, 0, 5, bytes, &read), NFS3_OK);
	assert_memory_equal(bytes, "first", 5);
}

/* --- cuts --- */

static void a_call_cut_anywhere_is_not_carried_out(void **state)
{
	struct sent sent;
	nfs_fh3 made;

	(void)state;
	make_mkdir(&sent, "one");
	for (uint32_t len = 0; len < sent.call_len; len += 7) {
		assert_true(rig_write(rig.fd, sent.call, len));
		rig_reconnect(&rig);
	}
	assert_int_equal(rig_lookup(&rig, &rig.root, "one", &made), NFS3ERR_NOENT);
	assert_int_equal(send_first(&sent), NFS3_OK);
	send_again(&sent);
}

static void a_client_that_lost_the_reply_gets_it(void **state)
{
	struct sent sent;
	char name[16];

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		(void)snprintf(name, sizeof name, "lost%u", i);
		make_mkdir(&sent, name);
		assert_true(rig_write(rig.fd, sent.call, sent.call_len));
		rig_reconnect(&rig); /* whether the server has read it by now or not */
		assert_int_equal(send_it(&sent), NFS3_OK);
	}
}

/* Both copies come in one piece: the second is answered too, on the connection it came on. */
static void two_copies_at_once_are_answered_alike(void **state)
{
	struct sent sent;
	uint8_t twice[2 * CALL_MAX];

	(void)state;
	make_mkdir(&sent, "one");
	memcpy(twice, sent.call, sent.call_len);
	memcpy(twice + sent.call_len, sent.call, sent.call_len);
	assert_true(rig_write(rig.fd, twice, 2 * sent.call_len));
	assert_true(rig_reply(&rig));
	memcpy(sent.reply, rig.record, rig.record_len);
	sent.reply_len = rig.record_len;
	assert_true(rig_reply(&rig));
	assert_int_equal(rig.record_len, sent.reply_len);
	assert_memory_equal(rig.record, sent.reply, sent.reply_len);
	send_again(&sent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define DRC_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		DRC_TEST(every_procedure_that_is_not_idempotent_is_carried_out_once),
		DRC_TEST(refusals_are_answered_again_too),
		DRC_TEST(the_same_xid_with_other_arguments_is_another_call),
		DRC_TEST(the_same_arguments_with_another_xid_are_another_call),
		DRC_TEST(another_procedure_is_another_call),
		DRC_TEST(another_user_or_machine_is_another_caller),
		DRC_TEST(another_address_is_another_caller),
		DRC_TEST(only_who_is_let_in_takes_room),
		DRC_TEST(a_write_is_carried_out_each_time),
		DRC_TEST(a_call_cut_anywhere_is_not_carried_out),
		DRC_TEST(a_client_that_lost_the_reply_gets_it),
		DRC_TEST(two_copies_at_once_are_answered_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
