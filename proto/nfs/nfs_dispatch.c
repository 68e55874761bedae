/* SPDX-License-Identifier: Apache-2.0 */
/* From a call's bytes to a message, and from a completed message to a reply: the table of the 22 procedures and what is
 * common to them.
 * WRITE PATH. previous hop: proto/rpc/rpc_conn.c, by nfs_program below; next hop: nfs_io.c (a WRITE's payload), then
 * fs_message_send.
 * REFERENCES RFC 1813 section 3. */
#include "proto/nfs/nfs_encode.h"

static bool_t decode_write(XDR *xdr, WRITE3head *args)
{
	return xdr_WRITE3head(xdr, args) && args->count == args->data_len && args->stable <= FILE_SYNC;
}

static bool_t decode_symlink(XDR *xdr, SYMLINK3args *args)
{
	args->symlink_data.page = NULL;
	return xdr_SYMLINK3args(xdr, args);
}

#define DECODE(function) ((xdrproc_t)(void (*)(void))(function))

static const struct nfs_procedure procedures[] = {
	[0] = { "null", NULL, NULL, NULL, 0 },
	[1] = { "getattr", DECODE(xdr_GETATTR3args), nfs_getattr_start, nfs_getattr_encode, 0 },
	[2] = { "setattr", DECODE(xdr_SETATTR3args), nfs_setattr_start, nfs_wcc_encode, NFS_MODIFIES | NFS_ONCE },
	[3] = { "lookup", DECODE(xdr_LOOKUP3args), nfs_lookup_start, nfs_lookup_encode, 0 },
	[4] = { "access", DECODE(xdr_ACCESS3args), nfs_access_start, nfs_access_encode, 0 },
	[5] = { "readlink", DECODE(xdr_READLINK3args), nfs_readlink_start, nfs_readlink_encode, 0 },
	[6] = { "read", DECODE(xdr_READ3args), nfs_read_start, nfs_read_encode, 0 },
	[7] = { "write", DECODE(decode_write), NULL, nfs_write_encode, NFS_MODIFIES },
	[8] = { "create", DECODE(xdr_CREATE3args), nfs_create_start, nfs_create_encode, NFS_MODIFIES | NFS_ONCE },
	[9] = { "mkdir", DECODE(xdr_MKDIR3args), nfs_mkdir_start, nfs_create_encode, NFS_MODIFIES | NFS_ONCE },
	[10] = { "symlink", DECODE(decode_symlink), nfs_symlink_start, nfs_create_encode, NFS_MODIFIES | NFS_ONCE },
	[11] = { "mknod", DECODE(xdr_MKNOD3args), nfs_mknod_start, nfs_create_encode, NFS_MODIFIES | NFS_ONCE },
	[12] = { "remove", DECODE(xdr_REMOVE3args), nfs_remove_start, nfs_remove_encode, NFS_MODIFIES | NFS_ONCE },
	[13] = { "rmdir", DECODE(xdr_REMOVE3args), nfs_rmdir_start, nfs_remove_encode, NFS_MODIFIES | NFS_ONCE },
	[14] = { "rename", DECODE(xdr_RENAME3args), nfs_rename_start, nfs_rename_encode, NFS_MODIFIES | NFS_ONCE },
	[15] = { "link", DECODE(xdr_LINK3args), nfs_link_start, nfs_link_encode, NFS_MODIFIES | NFS_ONCE },
	[16] = { "readdir", DECODE(xdr_READDIR3args), nfs_readdir_start, nfs_readdir_encode, 0 },
	[17] = { "readdirplus", DECODE(xdr_READDIRPLUS3args), nfs_readdirplus_start, nfs_readdirplus_encode, 0 },
	[18] = { "fsstat", DECODE(xdr_FSSTAT3args), nfs_fsstat_start, nfs_fsstat_encode, 0 },
	[19] = { "fsinfo", DECODE(xdr_FSINFO3args), nfs_getattr_start, nfs_fsinfo_encode, 0 },
	[20] = { "pathconf", DECODE(xdr_PATHCONF3args), nfs_getattr_start, nfs_pathconf_encode, 0 },
	[21] = { "commit", DECODE(xdr_COMMIT3args), nfs_commit_start, nfs_commit_encode, NFS_MODIFIES },
};
static_assert(ARRAY_SIZE(procedures) == NFS_METRICS_PROCEDURES, "a counter for each procedure");

enum {
	PROCEDURE_READ = 6,
	PROCEDURE_WRITE = 7,
	PROCEDURE_SYMLINK = 10,
	PROCEDURE_READDIR = 16,
	PROCEDURE_READDIRPLUS = 17
};

/* READ3args end with the count. */
static uint32_t read_weigh(const uint8_t *args, uint32_t len_bytes)
{
	be32 count;

	if (len_bytes < sizeof count)
		return RPC_REPLY_SMALL;
	memcpy(&count, args + len_bytes - sizeof count, sizeof count);
	/* it may begin within a page; the header */
	return ROUND_UP(MIN_OF(be32_get(count), NFS_IO_MAX), PAGE_SIZE) + 2 * PAGE_SIZE;
}

static uint32_t nfs_weigh(uint32_t procedure, const uint8_t *args, uint32_t len_bytes)
{
	switch (procedure) {
	case PROCEDURE_READ: return read_weigh(args, len_bytes);
	case PROCEDURE_READDIR:
	case PROCEDURE_READDIRPLUS: return NFS_DIR_REPLY_MAX;
	case PROCEDURE_SYMLINK: return PAGE_SIZE + RPC_REPLY_SMALL;
	default: return RPC_REPLY_SMALL;
	}
}

uint32_t nfs_args_decode(struct nfs_request *request, const uint8_t *args, uint32_t len_bytes)
{
	XDR xdr;

	request->procedure = &procedures[request->rpc.procedure];
	xdrmem_create(&xdr, (char *)(uintptr_t)args, len_bytes, XDR_DECODE);
	if (!request->procedure->decode(&xdr, &request->args))
		return 0;
	if (request->rpc.procedure == PROCEDURE_SYMLINK)
		request->path = request->args.symlink.symlink_data;
	return xdr_getpos(&xdr);
}

static bool nfs_call(struct rpc_request *rpc, const uint8_t *args, uint32_t len_bytes)
{
	struct nfs_request *request = nfs_request_of(rpc);
	uint32_t status;

	if (rpc->procedure == 0) {
		rpc_reply_status(rpc, RPC_ACCEPT_SUCCESS);
		rpc_request_done(rpc);
		return true;
	}
	nfs_request_begin(request);
	if (nfs_args_decode(request, args, len_bytes) == 0)
		return false;
	status = nfs_admit(request);
	if (status == NFS3_OK)
		status = request->procedure->start(request);
	if (status == NFS3_OK) {
		nfs_drc_prepare(request, args, len_bytes);
		nfs_send(request);
	} else {
		nfs_finish(request, status);
	}
	return true;
}

void nfs_send(struct nfs_request *request)
{
	fs_message_send(&request->msg);
}

void nfs_done(struct fs_message *msg)
{
	struct nfs_request *request = msg->owner;

	/* The volume that was found earlier has been unmounted; perhaps it is mounted again, as another object. */
	if (msg->status == -ENODEV)
		nfs_conn_forget_volume(nfs_conn_of(request));
	nfs_finish(request, nfs_status_of(msg->status));
}

/* Encode status and results anew; how many segments follow. */
static unsigned results_encode(struct nfs_request *request, uint32_t status, struct rpc_out *out,
                               struct stream_seg *tail)
{
	request->status = status;
	rpc_out_u32(out, status);
	request->procedure->encode(request, out);
	if (request->status != status) { /* the results do not fit: encode has changed its mind */
		rpc_reply_begin(&request->rpc, out, request->shard->scratch, sizeof request->shard->scratch);
		rpc_out_u32(out, request->status);
		request->procedure->encode(request, out);
	}
	return request->rpc.procedure == PROCEDURE_READ && status == NFS3_OK ? nfs_read_tail(request, tail) : 0;
}

void nfs_finish(struct nfs_request *request, uint32_t status)
{
	struct stream_seg tail[FS_IO_PAGES_MAX + 1];
	struct nfs_metrics *metrics = request->shard->server->metrics;
	unsigned n_tail = 0;
	struct rpc_out out;

	rpc_reply_begin(&request->rpc, &out, request->shard->scratch, sizeof request->shard->scratch);
	if (request->msg.out.reply_len > 0) {
		request->status = nfs_drc_status(request);
		memcpy(rpc_out_take(&out, request->msg.out.reply_len), request->call.reply, request->msg.out.reply_len);
	} else {
		n_tail = results_encode(request, status, &out, tail);
	}
	rpc_reply_send(&request->rpc, &out, tail, n_tail);
	nfs_metrics_count(metrics, request->rpc.procedure, request->status,
	                  world_now_ns(request->shard->world) - request->began_ns);
	nfs_request_end(request);
}

const struct rpc_program nfs_program = {
	.name = "nfs",
	.number = NFS3_PROGRAM,
	.version_low = NFS3_VERSION,
	.version_high = NFS3_VERSION,
	.n_procedures = ARRAY_SIZE(procedures),
	.payload_procedure = PROCEDURE_WRITE,
	.weigh = nfs_weigh,
	.call = nfs_call,
	.payload_begin = nfs_payload_begin,
	.payload_memory = nfs_payload_memory,
	.payload_complete = nfs_payload_complete,
	.payload_drop = nfs_payload_drop,
};
