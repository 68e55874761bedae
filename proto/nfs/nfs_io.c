/* SPDX-License-Identifier: Apache-2.0 */
/* READ, WRITE and COMMIT. Data is never copied here: what arrives is received into pages, what leaves is sent from the
 * cache's.
 *
 * WRITE PATH. previous hop: proto/rpc/rpc_conn.c (payload_begin, payload_complete); next hop: FS_WRITE (fs/dispatch.c).
 * READ PATH. previous hop: FS_READ done; next hop: proto/rpc/rpc_reply.c. */
#include "proto/nfs/nfs_encode.h"

/* --- READ --- */

uint32_t nfs_read_start(struct nfs_request *request)
{
	const READ3args *args = &request->args.read;
	struct fs_message *msg = &request->msg;
	/* far beyond every end, and adding to it does not overflow */
	uint64_t offset = MIN_OF(args->offset, FS_FILE_SIZE_MAX * 2);

	msg->op = FS_READ;
	msg->in.io = (struct fs_io){ .offset_bytes = offset,
		                     .len_bytes = MIN_OF(args->count, NFS_IO_MAX),
		                     .n_pages_max = FS_IO_PAGES_MAX,
		                     .pages = request->pages };
	return NFS3_OK;
}

void nfs_read_encode(struct nfs_request *request, struct rpc_out *out)
{
	const struct fs_message *msg = &request->msg;

	request->n_pages = msg->out.io.n_pages; /* ours to give back; none after an error */
	nfs_post_op_attr_encode(out, msg->out.has_attr, &msg->out.attr);
	if (request->status != NFS3_OK)
		return;
	rpc_out_u32(out, msg->out.io.len_bytes);
	rpc_out_u32(out, msg->out.eof);
	rpc_out_u32(out, msg->out.io.len_bytes);
}

unsigned nfs_read_tail(struct nfs_request *request, struct stream_seg *segs)
{
	static const uint8_t padding[4];
	const struct fs_io *io = &request->msg.out.io;
	uint32_t skip = (uint32_t)(request->msg.in.io.offset_bytes % FS_BLOCK_SIZE), left = io->len_bytes;
	unsigned n = 0;

	for (unsigned i = 0; i < io->n_pages && left > 0; i++) {
		uint32_t len = MIN_OF(left, FS_BLOCK_SIZE - skip);

		segs[n++] = (struct stream_seg){ .base = request->pages[i]->data + skip,
			                         .len_bytes = len,
			                         .page = request->pages[i] };
		left -= len;
		skip = 0;
	}
	if (RPC_PAD(io->len_bytes) != 0)
		segs[n++] = (struct stream_seg){ .base = padding, .len_bytes = RPC_PAD(io->len_bytes) };
	return n;
}

/* --- WRITE --- */

/* Pages are laid out as the file's blocks are: how many bytes of the first one come before the data. */
static uint32_t payload_skip(const struct nfs_request *request)
{
	return (uint32_t)(request->args.write.offset % FS_BLOCK_SIZE);
}

static unsigned payload_pages(const struct nfs_request *request, uint32_t len_bytes)
{
	return (unsigned)DIV_UP(payload_skip(request) + len_bytes, FS_BLOCK_SIZE);
}

static uint32_t write_check(struct nfs_request *request)
{
	const WRITE3head *args = &request->args.write;
	uint32_t status = nfs_admit(request);

	if (status == NFS3_OK && (args->offset > FS_FILE_SIZE_MAX || args->offset + args->count > FS_FILE_SIZE_MAX))
		status = NFS3ERR_FBIG;
	return status;
}

int nfs_payload_begin(struct rpc_request *rpc, const uint8_t *args, uint32_t len_bytes, uint32_t args_bytes,
                      struct rpc_payload *ret_payload)
{
	struct nfs_request *request = nfs_request_of(rpc);
	WRITE3head *head = &request->args.write;
	uint32_t head_bytes, status;

	nfs_request_begin(request);
	head_bytes = nfs_args_decode(request, args, len_bytes);
	if (head_bytes == 0 || head->data_len > args_bytes - head_bytes)
		return -EBADMSG;
	status = write_check(request);
	if (status != NFS3_OK) {
		nfs_finish(request, status);
		return 1;
	}
	ret_payload->head_bytes = head_bytes;
	/* the reply says how much was written */
	ret_payload->len_bytes = head->count = MIN_OF(head->count, NFS_IO_MAX);
	if (!rpc_request_take(rpc, payload_pages(request, head->count) * PAGE_SIZE)) {
		fs_volume_put(request->volume);
		return -EAGAIN;
	}
	return 0;
}

int nfs_payload_memory(struct rpc_request *rpc, uint32_t at, uint32_t *upto, struct rpc_payload *payload)
{
	struct nfs_request *request = nfs_request_of(rpc);
	uint32_t skip = payload_skip(request);
	unsigned n_pages = payload_pages(request, *upto);

	if (n_pages > request->n_pages) {
		if (page_alloc_many(request->pages + request->n_pages, n_pages - request->n_pages) != 0)
			return -EAGAIN;
		request->n_pages = n_pages;
	}
	*upto = MIN_OF(n_pages * FS_BLOCK_SIZE - skip, request->args.write.count);
	payload->n_iov = 0;
	for (uint32_t from = skip + at, end = skip + *upto; from < end;) {
		uint32_t in_page = from % FS_BLOCK_SIZE, len = MIN_OF(FS_BLOCK_SIZE - in_page, end - from);

		payload->iov[payload->n_iov++] = (struct iovec){ request->pages[from / FS_BLOCK_SIZE]->data + in_page,
			                                         len };
		from += len;
	}
	return 0;
}

void nfs_payload_complete(struct rpc_request *rpc)
{
	struct nfs_request *request = nfs_request_of(rpc);
	const WRITE3head *head = &request->args.write;
	struct fs_message *msg = &request->msg;

	msg->op = FS_WRITE;
	msg->in.io = (struct fs_io){ .offset_bytes = head->offset,
		                     .len_bytes = head->count,
		                     .n_pages = request->n_pages,
		                     .n_pages_max = request->n_pages,
		                     .pages = request->pages };
	msg->in.stable = (enum fs_stable)head->stable;
	nfs_send(request);
}

void nfs_payload_drop(struct rpc_request *rpc)
{
	struct nfs_request *request = nfs_request_of(rpc);

	/* as nfs_request_end, but the request itself is the caller's */
	page_put_many(request->pages, request->n_pages);
	fs_volume_put(request->volume);
}

void nfs_write_encode(struct nfs_request *request, struct rpc_out *out)
{
	const struct fs_message *msg = &request->msg;

	nfs_wcc_data_encode(out, &msg->out.pre, msg->out.has_attr, &msg->out.attr);
	if (request->status != NFS3_OK)
		return;
	rpc_out_u32(out, msg->out.io.len_bytes);
	rpc_out_u32(out, msg->out.stable);
	rpc_out_u64(out, msg->out.verifier);
}

/* --- COMMIT --- */

uint32_t nfs_commit_start(struct nfs_request *request)
{
	const COMMIT3args *args = &request->args.commit;

	request->msg.op = FS_COMMIT;
	if (args->offset <= FS_FILE_SIZE_MAX && args->count != 0) {
		/* otherwise the whole file, which includes what was asked */
		request->msg.in.io.offset_bytes = args->offset;
		request->msg.in.io.len_bytes = args->count;
	}
	return NFS3_OK;
}

void nfs_commit_encode(struct nfs_request *request, struct rpc_out *out)
{
	const struct fs_message *msg = &request->msg;

	nfs_wcc_data_encode(out, &msg->out.pre, msg->out.has_attr, &msg->out.attr);
	if (request->status == NFS3_OK)
		rpc_out_u64(out, msg->out.verifier);
}
