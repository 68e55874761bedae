/* SPDX-License-Identifier: Apache-2.0 */
/* Admission: from a file handle to a volume, a file and the caller's rights, anew for every request.
 *
 * THEORY. A handle is a capability to ask, not to get: the export it names must still exist, still admit this client
 * from this port, and its MAC must be right. A directory must still lie in the export (the file system looks,
 * fs/message.h, in.beneath); a handle of a file is what an open file is, and goes on after the file was moved. What a
 * connection found for its last request is kept as long as the set of exports is the same one. */
#include "proto/nfs/nfs_private.h"

/* --- the life of a request --- */

void nfs_request_begin(struct nfs_request *request)
{
	request->shard = rpc_service_owner(rpc_conn_service(request->rpc.conn));
	request->procedure = NULL;
	request->volume = NULL;
	request->status = NFS3_OK;
	request->read_only = false;
	request->subdirectory_export = false;
	request->began_ns = world_now_ns(request->shard->world);
	request->path.page = NULL;
	request->n_pages = 0;
	fs_message_init(&request->msg, FS_GETATTR, NULL, nfs_done, request);
}

void nfs_request_end(struct nfs_request *request)
{
	page_put_many(request->pages, request->n_pages);
	if (request->path.page != NULL)
		nfs_path_free(&request->path);
	fs_message_fini(&request->msg);
	if (request->volume != NULL)
		fs_volume_put(request->volume);
	rpc_request_done(&request->rpc);
}

/* --- the connection's memory --- */

struct nfs_conn *nfs_conn_of(struct nfs_request *request)
{
	struct nfs_conn *conn = rpc_conn_user(request->rpc.conn);

	if (!conn->peer.known)
		export_peer_init(&conn->peer, rpc_conn_peer(request->rpc.conn));
	return conn;
}

void nfs_conn_forget_volume(struct nfs_conn *conn)
{
	if (conn->volume != NULL)
		fs_volume_put(conn->volume);
	conn->volume = NULL;
}

static bool conn_remembers(const struct nfs_conn *conn, const struct export_set *set, const struct nfs_handle *handle)
{
	return conn->generation == set->generation && conn->export->id == handle->export_id &&
	       uuid_equal(&conn->export->volume_uuid, &handle->volume_uuid);
}

/* Find the export, the client's entry in it, and the volume. */
static uint32_t conn_learn(struct nfs_conn *conn, const struct export_set *set, const struct nfs_handle *handle)
{
	conn->generation = 0;
	nfs_conn_forget_volume(conn);
	conn->export = export_set_find(set, handle->export_id, &handle->volume_uuid);
	if (conn->export == NULL)
		return NFS3ERR_STALE;
	conn->client = export_find_client(conn->export, &conn->peer);
	if (conn->client == NULL || !export_client_port_ok(conn->client, &conn->peer))
		return NFS3ERR_ACCES;
	conn->generation = set->generation;
	return NFS3_OK;
}

/* --- rights --- */

static void squash_to(struct fs_cred *cred, const struct export_client *client)
{
	cred->uid = client->anon_uid;
	cred->gid = client->anon_gid;
	cred->n_gids = 0;
}

void nfs_squash(const struct export_client *client, const struct rpc_cred *rpc, struct fs_cred *ret_cred)
{
	ret_cred->privileged = false;
	if (rpc->flavor != RPC_FLAVOR_SYS || client->squash == EXPORT_SQUASH_ALL) {
		squash_to(ret_cred, client);
		return;
	}
	ret_cred->uid = rpc->uid;
	ret_cred->gid = rpc->gid;
	ret_cred->n_gids = rpc->n_gids;
	memcpy(ret_cred->gids, rpc->gids, rpc->n_gids * sizeof rpc->gids[0]);
	if (client->squash == EXPORT_SQUASH_NONE)
		return;
	if (ret_cred->uid == 0)
		ret_cred->uid = client->anon_uid;
	if (ret_cred->gid == 0)
		ret_cred->gid = client->anon_gid;
	for (uint32_t i = 0; i < ret_cred->n_gids; i++) {
		if (ret_cred->gids[i] == 0)
			ret_cred->gids[i] = client->anon_gid;
	}
}
static_assert(sizeof(((struct rpc_cred *)0)->gids) == sizeof(((struct fs_cred *)0)->gids),
              "as many groups in a message as in AUTH_SYS");

uint32_t nfs_admit(struct nfs_request *request)
{
	const struct export_set *set = export_view_now(&request->shard->exports);
	struct nfs_conn *conn = nfs_conn_of(request);
	uint32_t status;

	if (nfs_handle_decode(&request->args.object, &request->handle) != 0)
		return NFS3ERR_BADHANDLE;
	if (!conn_remembers(conn, set, &request->handle)) {
		status = conn_learn(conn, set, &request->handle);
		if (status != NFS3_OK)
			return status;
	}
	if (conn->volume == NULL)
		conn->volume = fs_volume_find_uuid(&request->handle.volume_uuid);
	if (conn->volume == NULL)
		return NFS3ERR_JUKEBOX; /* exported but offline: it may come back */
	if (nfs_handle_verify(&request->args.object, fs_volume_handle_key(conn->volume)) != 0)
		return NFS3ERR_BADHANDLE;
	request->volume = fs_volume_get(conn->volume);
	if (conn->export->is_subdirectory && conn->export->root.inode == 0)
		return NFS3ERR_STALE;
	request->read_only = !conn->client->read_write;
	request->subdirectory_export = conn->export->is_subdirectory;
	if (request->read_only && (request->procedure->flags & NFS_MODIFIES) != 0)
		return NFS3ERR_ROFS;
	nfs_squash(conn->client, &request->rpc.cred, &request->cred);
	request->msg.volume = request->volume;
	request->msg.file = request->handle.file;
	if (conn->export->is_subdirectory)
		request->msg.in.beneath = conn->export->root;
	request->msg.cred = &request->cred;
	request->msg.origin = request->shard->world;
	return NFS3_OK;
}

uint32_t nfs_admit_second(struct nfs_request *request, const nfs_fh3 *wire, struct fs_file_id *ret_file)
{
	struct nfs_handle second;

	if (nfs_handle_decode(wire, &second) != 0)
		return NFS3ERR_BADHANDLE;
	if (second.export_id != request->handle.export_id ||
	    !uuid_equal(&second.volume_uuid, &request->handle.volume_uuid))
		return NFS3ERR_XDEV;
	if (nfs_handle_verify(wire, fs_volume_handle_key(request->volume)) != 0)
		return NFS3ERR_BADHANDLE;
	if (second.file.snapshot != request->handle.file.snapshot)
		return NFS3ERR_XDEV;
	*ret_file = second.file;
	return NFS3_OK;
}
