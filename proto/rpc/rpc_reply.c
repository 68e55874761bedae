/* SPDX-License-Identifier: Apache-2.0 */
/* Replies: the record mark and the reply header before the results, errors and rejections. REFERENCES RFC 5531 section
 * 9.
 *
 * READ PATH. previous hop: proto/nfs/nfs_io.c; next hop: base/stream.c, which sends header and pages in one writev. */
#include "proto/rpc/rpc_private.h"

static void mark_set(struct rpc_out *out, size_t len_bytes)
{
	be32 mark = be32_of(RPC_MARK_LAST | (uint32_t)len_bytes);

	memcpy(out->base, &mark, sizeof mark);
}

/* Send the finished `out` alone. */
static void out_send(struct rpc_conn *conn, struct rpc_out *out)
{
	struct stream_seg seg = { .base = out->base, .len_bytes = rpc_out_len(out) };

	vc_assert(!out->overflow);
	if (conn->stream == NULL)
		return;
	mark_set(out, seg.len_bytes - RPC_MARK_SIZE);
	stream_send(conn->stream, &seg, 1);
}

static void accepted_begin(struct rpc_out *out, uint8_t *buffer, size_t size_bytes, uint32_t xid,
                           enum rpc_accept_stat stat)
{
	struct rpc_accepted_spec *spec;

	rpc_out_init(out, buffer, size_bytes);
	spec = rpc_out_take(out, sizeof *spec);
	vc_assert(spec != NULL);
	memset(spec, 0, sizeof *spec);
	spec->xid = be32_of(xid);
	spec->message_type = be32_of(RPC_MESSAGE_REPLY);
	spec->accept_stat = be32_of(stat);
}

static void denied_begin(struct rpc_out *out, uint8_t *buffer, size_t size_bytes, uint32_t xid,
                         enum rpc_reject_stat stat)
{
	rpc_out_init(out, buffer, size_bytes);
	rpc_out_u32(out, 0); /* the mark's place */
	rpc_out_u32(out, xid);
	rpc_out_u32(out, RPC_MESSAGE_REPLY);
	rpc_out_u32(out, RPC_REPLY_DENIED);
	rpc_out_u32(out, stat);
}

void rpc_reply_begin(struct rpc_request *request, struct rpc_out *out, uint8_t *buffer, size_t size_bytes)
{
	accepted_begin(out, buffer, size_bytes, request->xid, RPC_ACCEPT_SUCCESS);
}

void rpc_reply_send(struct rpc_request *request, struct rpc_out *out, const struct stream_seg *tail, unsigned n_tail)
{
	struct rpc_conn *conn = request->conn;
	struct stream_seg segs[1 + RPC_PAYLOAD_IOV];
	size_t len_bytes = rpc_out_len(out);

	vc_assert(n_tail <= RPC_PAYLOAD_IOV);
	if (n_tail == 0 || conn->stream == NULL) {
		out_send(conn, out);
		return;
	}
	vc_assert(!out->overflow);
	segs[0] = (struct stream_seg){ .base = out->base, .len_bytes = len_bytes };
	for (unsigned i = 0; i < n_tail; i++) {
		segs[1 + i] = tail[i];
		len_bytes += tail[i].len_bytes;
	}
	mark_set(out, len_bytes - RPC_MARK_SIZE);
	stream_send(conn->stream, segs, 1 + n_tail);
}

void rpc_reply_status(struct rpc_request *request, enum rpc_accept_stat stat)
{
	rpc_reply_error(request->conn, request->xid, stat, request->program);
}

void rpc_reply_error(struct rpc_conn *conn, uint32_t xid, enum rpc_accept_stat stat, const struct rpc_program *program)
{
	uint8_t buffer[64];
	struct rpc_out out;

	accepted_begin(&out, buffer, sizeof buffer, xid, stat);
	if (stat == RPC_ACCEPT_PROG_MISMATCH) {
		rpc_out_u32(&out, program->version_low);
		rpc_out_u32(&out, program->version_high);
	}
	out_send(conn, &out);
}

void rpc_reply_mismatch(struct rpc_conn *conn, uint32_t xid)
{
	uint8_t buffer[64];
	struct rpc_out out;

	denied_begin(&out, buffer, sizeof buffer, xid, RPC_REJECT_MISMATCH);
	rpc_out_u32(&out, RPC_PROTOCOL_VERSION);
	rpc_out_u32(&out, RPC_PROTOCOL_VERSION);
	out_send(conn, &out);
}

void rpc_reply_auth_error(struct rpc_conn *conn, uint32_t xid, enum rpc_auth_stat stat)
{
	uint8_t buffer[64];
	struct rpc_out out;

	denied_begin(&out, buffer, sizeof buffer, xid, RPC_REJECT_AUTH_ERROR);
	rpc_out_u32(&out, stat);
	out_send(conn, &out);
}
