/* SPDX-License-Identifier: Apache-2.0 */
/* An NFS session while allocations fail: connect, mount, names, writes, reads, a listing. What is refused is refused by
 * JUKEBOX, by an RPC error or by the end of the connection; a write that was acknowledged is there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include "tests/base/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "proto/rpc/rpc_spec.h"
#include "tests/alloc/allocwork.h"
#include "tests/proto/nfs_rig.h"

#define FILE_BYTES 65536U

static struct rig rig;
static bool whole_now, open_now; /* the session's */
static bool there; /* is "name" there? */
static uint8_t written, stamp; /* what it is full of */

static struct world *begin(const struct alloc_workload *workload)
{
	(void)workload;
	rig_start(&rig, "rw,insecure,no_root_squash", NULL);
	there = false;
	return NULL;
}

static void end(void)
{
	rig_stop(&rig);
}

/* Did the call get an answer? If not the connection has ended, and only for want of memory. */
static bool answered(bool sent)
{
	if (open_now && sent && rig_reply(&rig)) {
		assert_true(rig.accept_stat == RPC_ACCEPT_SUCCESS ||
		            (!whole_now && rig.accept_stat == RPC_ACCEPT_SYSTEM_ERR));
		return rig.accept_stat == RPC_ACCEPT_SUCCESS;
	}
	assert_false(whole_now);
	open_now = false;
	return false;
}

static bool called(uint32_t program, uint32_t procedure, xdrproc_t encode, void *args, xdrproc_t decode, void *res)
{
	uint8_t call[8192];
	uint32_t len;

	if (!open_now)
		return false;
	len = rig_call_make(&rig, call, sizeof call, program, 3, procedure, encode, args);
	return answered(rig_write(rig.fd, call, len)) && decode(&rig.results, res);
}

static bool done(uint32_t status)
{
	assert_true(status == NFS3_OK || (!whole_now && status == NFS3ERR_JUKEBOX));
	return status == NFS3_OK;
}

static bool mounted(nfs_fh3 *ret_root)
{
	nfspath3 path = { .len = 9, .bytes = "/vol/vol0" };
	uint32_t status;

	if (!called(MOUNT3_PROGRAM, MOUNTPROC3_MNT, RIG_XDR(xdr_nfspath3), &path, RIG_XDR(xdr_uint32_t), &status))
		return false;
	assert_true(status == MNT3_OK || (!whole_now && status == MNT3ERR_SERVERFAULT));
	return status == MNT3_OK && xdr_nfs_fh3(&rig.results, ret_root);
}

static bool looked_up(const nfs_fh3 *root, nfs_fh3 *ret_file)
{
	LOOKUP3args args = { .what.dir = *root };
	LOOKUP3res res;

	rig_name(&args.what.name, "name");
	if (!called(NFS3_PROGRAM, 3, RIG_XDR(xdr_LOOKUP3args), &args, RIG_XDR(xdr_LOOKUP3res), &res))
		return false;
	if (!there) {
		assert_true(res.status == NFS3ERR_NOENT || !done(res.status));
		return false;
	}
	if (!done(res.status))
		return false;
	*ret_file = res.LOOKUP3res_u.resok.object;
	return true;
}

static void create(const nfs_fh3 *root)
{
	CREATE3args args = { .where.dir = *root, .how.mode = UNCHECKED };
	CREATE3res res;

	rig_name(&args.where.name, "name");
	if (called(NFS3_PROGRAM, 8, RIG_XDR(xdr_CREATE3args), &args, RIG_XDR(xdr_CREATE3res), &res) &&
	    done(res.status)) {
		written = there ? written : 0;
		there = true;
	}
}

static void write_file(const nfs_fh3 *file)
{
	static uint8_t call[1024 + FILE_BYTES];
	WRITE3head args = { .file = *file, .count = FILE_BYTES, .stable = FILE_SYNC, .data_len = FILE_BYTES };
	WRITE3res res;
	uint32_t head;
	be32 mark;

	if (!open_now)
		return;
	head = rig_call_make(&rig, call, 1024, NFS3_PROGRAM, 3, 7, RIG_XDR(xdr_WRITE3head), &args);
	mark = be32_of(RPC_MARK_LAST | (head - 4U + FILE_BYTES));
	memcpy(call, &mark, sizeof mark);
	memset(call + head, ++stamp, FILE_BYTES);
	if (answered(rig_write(rig.fd, call, head + FILE_BYTES)) && xdr_WRITE3res(&rig.results, &res) &&
	    done(res.status))
		written = stamp;
}

static void read_file(const nfs_fh3 *file)
{
	READ3args args = { *file, 0, FILE_BYTES };
	READ3res res;
	const uint8_t *bytes;

	if (!called(NFS3_PROGRAM, 6, RIG_XDR(xdr_READ3args), &args, RIG_XDR(xdr_READ3res), &res) || !done(res.status))
		return;
	bytes = rig.record + xdr_getpos(&rig.results);
	for (uint32_t i = 0; i < res.READ3res_u.resok.count; i++)
		assert_int_equal(bytes[i], written);
	assert_int_equal(res.READ3res_u.resok.count, written != 0 ? FILE_BYTES : 0);
}

static void session(bool whole)
{
	nfs_fh3 root, file;

	close(rig.fd);
	rig.fd = rig_connect(&rig);
	whole_now = whole;
	open_now = true;
	if (mounted(&root)) {
		create(&root);
		if (looked_up(&root, &file)) {
			write_file(&file);
			read_file(&file);
		}
	}
	assert_true(!whole || (open_now && there && written == stamp));
}

static const struct alloc_workload workloads[] = {
	{ "NFS session", 10, 100, begin, session, end, 0 },
};

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ .name = workloads[0].name,
		  .test_func = alloc_workload_run,
		  .initial_state = (void *)(uintptr_t)&workloads[0] },
	};

	return cmocka_run_group_tests_name("alloc/nfs", tests, NULL, NULL);
}
