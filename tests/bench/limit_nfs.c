/* SPDX-License-Identifier: Apache-2.0 */
/* NFSv3 and MOUNT v3 of the limit server: one file in one directory, whatever it is called. RFC 1813, RFC 5531. */
#include "tests/bench/limit_server.h"

#include <string.h>

#define PROGRAM_NFS 100003U
#define PROGRAM_MOUNT 100005U
#define TRANSFER_MAX (1U << 20)
#define CALL_MAX (TRANSFER_MAX + 4096U)
#define HANDLE_ROOT 1U
#define HANDLE_FILE 2U

struct call {
	struct limit_conn *conn;
	const uint8_t *at, *end; /* arguments */
	uint8_t *record; /* where the reply's record mark goes */
	size_t data_bytes; /* of the reply, not in the head */
	bool bad;
};

static uint32_t get(struct call *call)
{
	if (call->end - call->at < 4) {
		call->bad = true;
		return 0;
	}
	call->at += 4;
	return limit_get32(call->at - 4);
}

static uint64_t get64(struct call *call)
{
	uint64_t high = get(call);
	return high << 32 | get(call);
}

static const uint8_t *get_opaque(struct call *call, uint32_t *ret_len)
{
	uint32_t len = get(call);
	size_t padded = ((size_t)len + 3U) & ~(size_t)3U;
	if (call->bad || (size_t)(call->end - call->at) < padded) {
		call->bad = true;
		*ret_len = 0;
		return call->at;
	}
	call->at += padded;
	*ret_len = len;
	return call->at - padded;
}

static uint32_t get_handle(struct call *call)
{
	uint32_t len;
	const uint8_t *p = get_opaque(call, &len);
	return len == 8 ? limit_get32(p) : HANDLE_FILE;
}

static void put(struct call *call, uint32_t value)
{
	limit_put32(limit_head(call->conn, 4), value);
}

static void put64(struct call *call, uint64_t value)
{
	limit_put64(limit_head(call->conn, 8), value);
}

static void put_attr(struct call *call, uint32_t handle)
{
	uint8_t *p = limit_head(call->conn, 84);
	bool root = handle == HANDLE_ROOT;
	memset(p, 0, 84);
	limit_put32(p, root ? 2U : 1U);
	limit_put32(p + 4, root ? 0755U : 0644U);
	limit_put32(p + 8, root ? 2U : 1U);
	limit_put64(p + 20, root ? 4096U : call->conn->memory->size_bytes);
	limit_put64(p + 28, root ? 4096U : call->conn->memory->size_bytes);
	limit_put64(p + 44, 1U);
	limit_put64(p + 52, handle);
}

static void put_post_attr(struct call *call, uint32_t handle)
{
	put(call, 1);
	put_attr(call, handle);
}

static void put_wcc(struct call *call, uint32_t handle)
{
	put(call, 0);
	put_post_attr(call, handle);
}

static void put_handle(struct call *call, uint32_t handle)
{
	put(call, 8);
	put64(call, (uint64_t)handle << 32);
}

static void nfs_getattr(struct call *call)
{
	uint32_t handle = get_handle(call);
	put(call, 0);
	put_attr(call, handle);
}

static void nfs_setattr(struct call *call)
{
	uint32_t handle = get_handle(call);
	put(call, 0);
	put_wcc(call, handle);
}

static void nfs_lookup(struct call *call)
{
	put(call, 0);
	put_handle(call, HANDLE_FILE);
	put_post_attr(call, HANDLE_FILE);
	put_post_attr(call, HANDLE_ROOT);
}

static void nfs_access(struct call *call)
{
	uint32_t handle = get_handle(call);
	uint32_t want = get(call);
	put(call, 0);
	put_post_attr(call, handle);
	put(call, want);
}

static void nfs_read(struct call *call)
{
	(void)get_handle(call);
	uint64_t offset = get64(call);
	uint64_t count = get(call);
	const struct limit_memory *memory = call->conn->memory;
	if (offset >= memory->size_bytes)
		count = 0;
	else if (count > memory->size_bytes - offset)
		count = memory->size_bytes - offset;
	if (count > TRANSFER_MAX)
		count = TRANSFER_MAX;
	put(call, 0);
	put_post_attr(call, HANDLE_FILE);
	put(call, (uint32_t)count);
	put(call, offset + count >= memory->size_bytes);
	put(call, (uint32_t)count);
	if (count) {
		limit_data(call->conn, memory->bytes + offset, count);
		call->data_bytes = count;
	}
	size_t pad = (4U - count % 4U) % 4U;
	if (pad)
		memset(limit_head(call->conn, pad), 0, pad);
}

static void nfs_write(struct call *call)
{
	(void)get_handle(call);
	uint64_t offset = get64(call);
	(void)get(call);
	uint32_t stable = get(call);
	uint32_t len;
	const uint8_t *data = get_opaque(call, &len);
	const struct limit_memory *memory = call->conn->memory;
	bool fits = offset <= memory->size_bytes && len <= memory->size_bytes - offset;
	put(call, fits ? 0U : 27U);
	put_wcc(call, HANDLE_FILE);
	if (!fits)
		return;
	memcpy(memory->bytes + offset, data, len);
	put(call, len);
	put(call, stable);
	put64(call, 1);
}

static void nfs_create(struct call *call)
{
	put(call, 0);
	put(call, 1);
	put_handle(call, HANDLE_FILE);
	put_post_attr(call, HANDLE_FILE);
	put_wcc(call, HANDLE_ROOT);
}

static void nfs_fsstat(struct call *call)
{
	put(call, 0);
	put_post_attr(call, HANDLE_ROOT);
	for (unsigned i = 0; i < 6; i++)
		put64(call, call->conn->memory->size_bytes);
	put(call, 0);
}

static void nfs_fsinfo(struct call *call)
{
	put(call, 0);
	put_post_attr(call, HANDLE_ROOT);
	static const uint32_t sizes[] = { TRANSFER_MAX, TRANSFER_MAX, 4096, TRANSFER_MAX, TRANSFER_MAX, 4096, 65536 };
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
		put(call, sizes[i]);
	put64(call, INT64_MAX);
	put64(call, 1);
	put(call, 0x1b);
}

static void nfs_pathconf(struct call *call)
{
	put(call, 0);
	put_post_attr(call, HANDLE_ROOT);
	static const uint32_t values[] = { 32000, 255, 1, 1, 0, 1 };
	for (unsigned i = 0; i < sizeof values / sizeof *values; i++)
		put(call, values[i]);
}

static void nfs_commit(struct call *call)
{
	put(call, 0);
	put_wcc(call, HANDLE_FILE);
	put64(call, 1);
}

static void null_reply(struct call *call)
{
	(void)call;
}

static void mount_mnt(struct call *call)
{
	put(call, 0);
	put_handle(call, HANDLE_ROOT);
	put(call, 1);
	put(call, 1);
}

static void mount_export(struct call *call)
{
	put(call, 0);
}

typedef void procedure(struct call *call);
static procedure *const nfs_procedures[22] = {
	[0] = null_reply,  [1] = nfs_getattr, [2] = nfs_setattr,   [3] = nfs_lookup,
	[4] = nfs_access,  [6] = nfs_read,    [7] = nfs_write,     [8] = nfs_create,
	[18] = nfs_fsstat, [19] = nfs_fsinfo, [20] = nfs_pathconf, [21] = nfs_commit,
};
static procedure *const mount_procedures[6] = {
	[0] = null_reply, [1] = mount_mnt, [3] = null_reply, [5] = mount_export
};

static procedure *find_procedure(uint32_t program, uint32_t number)
{
	if (program == PROGRAM_NFS && number < 22)
		return nfs_procedures[number];
	if (program == PROGRAM_MOUNT && number < 6)
		return mount_procedures[number];
	return NULL;
}

static void answer(struct call *call)
{
	uint32_t xid = get(call);
	(void)get(call); /* CALL */
	(void)get(call); /* RPC version */
	uint32_t program = get(call);
	(void)get(call); /* version */
	procedure *run = find_procedure(program, get(call));
	uint32_t len;
	(void)get(call);
	(void)get_opaque(call, &len);
	(void)get(call);
	(void)get_opaque(call, &len);
	call->record = limit_head(call->conn, 4);
	put(call, xid);
	static const uint32_t accepted[] = { 1, 0, 0, 0 };
	for (unsigned i = 0; i < 4; i++)
		put(call, accepted[i]);
	put(call, run ? 0U : 3U); /* SUCCESS, PROC_UNAVAIL */
	if (run)
		run(call);
}

long limit_nfs_feed(struct limit_conn *conn, const uint8_t *in, size_t len_bytes)
{
	if (len_bytes < 4)
		return 0;
	uint32_t mark = limit_get32(in);
	uint32_t len = mark & 0x7fffffffU;
	if (!(mark & 0x80000000U) || len > CALL_MAX)
		return -1;
	if (len_bytes - 4U < len)
		return 0;
	struct call call = { .conn = conn, .at = in + 4, .end = in + 4 + len };
	size_t before = conn->head_len;
	answer(&call);
	if (call.bad)
		return -1;
	limit_put32(call.record, 0x80000000U | (uint32_t)(conn->head_len - before - 4U + call.data_bytes));
	return (long)len + 4;
}
