/* SPDX-License-Identifier: Apache-2.0 */
/* Calls sent again: how one is known, and what it is answered with. The duplicate request cache itself is the volume's
 * (struct fs_call).
 *
 * THEORY. A client whose connection was cut sends its calls again on another one, byte for byte. A procedure that is
 * not idempotent must not be carried out twice: the second MKDIR would find the directory of the first. So it goes to
 * the volume with a key, and the volume gives the reply of the first again. The key is all that a call repeats: address
 * (without the port: it changes with the connection), XID, procedure, length and checksum of the arguments, and
 * checksum of the credential, which tells clients behind one address apart by their machine names. Any other call
 * differs in it, also one of the same XID. Only calls that the export has let in come here.
 * WRITE is not among them: it carries where and what, so twice is as once; and what came in between came while the
 * first was not answered, so it may count as before it. A reply for each 4 KiB written would drive out those that
 * matter.
 * MOUNT's procedures are idempotent.
 * REFERENCES RFC 1813 section 4.5; C. Juszczak, "Improving the Performance and Correctness of an NFS Server", 1989. */
#include "base/crc32c.h"
#include "fs/fs_call.h"
#include "proto/nfs/nfs_encode.h"

/* The key's id. Kept with the volume: what a newer version makes of it another way is another call. */
struct call_id {
	be32 xid;
	be32 procedure;
	be32 args_len, args_crc;
	be32 cred_crc;
	uint8_t zero[4];
	uint8_t host[8]; /* IPv6: the address within its network of 64 bits, which is the peer */
};
static_assert(sizeof(struct call_id) == FS_CALL_ID_SIZE, "id of a call");

static bool is_ipv4(const uint8_t address[16])
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	return memcmp(address, mapped, sizeof mapped) == 0;
}

static void key_make(const struct nfs_request *request, const uint8_t *address, const uint8_t *args, uint32_t len_bytes,
                     struct fs_call_key *ret_key)
{
	struct call_id id = {
		.xid = be32_of(request->rpc.xid),
		.procedure = be32_of(request->rpc.procedure),
		.args_len = be32_of(len_bytes),
		.args_crc = be32_of(crc32c(args, len_bytes)),
		.cred_crc = be32_of(request->rpc.cred.checksum),
	};

	memset(ret_key, 0, sizeof *ret_key);
	memcpy(ret_key->peer, address, is_ipv4(address) ? 16 : 8);
	if (!is_ipv4(address))
		memcpy(id.host, address + 8, sizeof id.host);
	memcpy(ret_key->id, &id, sizeof id);
}

/* For the volume: status and results, as nfs_finish would encode them. */
static uint32_t results_encode(const struct fs_message *msg, int status, uint8_t *bytes)
{
	struct nfs_request *request = msg->owner;
	struct rpc_out out;

	request->status = nfs_status_of(status);
	rpc_out_init(&out, bytes, FS_REPLY_MAX);
	rpc_out_u32(&out, request->status);
	request->procedure->encode(request, &out);
	return out.overflow ? 0 : (uint32_t)rpc_out_len(&out);
}

void nfs_drc_prepare(struct nfs_request *request, const uint8_t *args, uint32_t len_bytes)
{
	if ((request->procedure->flags & NFS_ONCE) == 0 || !request->shard->server->has_drc)
		return;
	key_make(request, nfs_conn_of(request)->peer.address, args, len_bytes, &request->call.key);
	request->call.encode = results_encode;
	request->msg.call = &request->call;
}

uint32_t nfs_drc_status(const struct nfs_request *request)
{
	be32 status;

	memcpy(&status, request->call.reply, sizeof status);
	return be32_get(status);
}
