/* SPDX-License-Identifier: Apache-2.0 */
/* MOUNT version 3: from the path of a directory to its first file handle. REFERENCES RFC 1813 appendix I.
 *
 * THEORY. The nearest export above the path decides who may mount; then the path is resolved inside the volume,
 * following no symlink. What is handed out is a handle like any other: all later rights are checked by
 * proto/nfs/nfs_admit.c, request by request. DUMP and EXPORT tell the asker what concerns its own address and nothing
 * of others. They end, well-formed, where the reply buffer ends. */
#include "proto/mount/mount.h"

#include "mount3.h"
#include "proto/mount/mount_list.h"
#include "proto/nfs/nfs_encode.h"

#define LIST_END_SIZE 4U

enum { PROC_NULL, PROC_MNT, PROC_DUMP, PROC_UMNT, PROC_UMNTALL, PROC_EXPORT, N_PROCS };

static void reply_begin(struct nfs_request *request, struct rpc_out *out)
{
	rpc_reply_begin(&request->rpc, out, request->shard->scratch, sizeof request->shard->scratch);
}

static void reply_end(struct nfs_request *request, struct rpc_out *out)
{
	rpc_reply_send(&request->rpc, out, NULL, 0);
	nfs_request_end(request);
}

/* --- MNT --- */

static void mnt_fail(struct nfs_request *request, uint32_t status)
{
	struct rpc_out out;

	reply_begin(request, &out);
	rpc_out_u32(&out, status);
	reply_end(request, &out);
}

static void mnt_ok(struct nfs_request *request)
{
	char client[EXPORT_CIDR_SIZE];
	struct rpc_out out;

	reply_begin(request, &out);
	rpc_out_u32(&out, MNT3_OK);
	nfs_fh_encode(&out, request, &request->msg.out.attr.id);
	rpc_out_u32(&out, 2);
	rpc_out_u32(&out, RPC_FLAVOR_SYS);
	rpc_out_u32(&out, RPC_FLAVOR_NONE);
	export_peer_format(&nfs_conn_of(request)->peer, client);
	mount_list_add(client, request->path.bytes);
	reply_end(request, &out);
}

/* The errors MOUNT has are fewer than NFS's. */
static uint32_t mount_status_of(int err)
{
	switch (err) {
	case -EPERM: return MNT3ERR_PERM;
	case -ENOENT:
	case -ESTALE: return MNT3ERR_NOENT;
	case -EACCES: return MNT3ERR_ACCES;
	case -EINVAL: return MNT3ERR_INVAL;
	case -ENAMETOOLONG: return MNT3ERR_NAMETOOLONG;
	case -ENODEV:
	case -ENOMEM:
	case -FS_EJUKEBOX: return MNT3ERR_SERVERFAULT;
	default: return MNT3ERR_IO;
	}
}

/* An exported subdirectory may have been moved away: what its path leads to now is no business of who may use it, not
 * even that it is a file. */
static uint32_t not_a_directory(const struct fs_message *msg)
{
	return msg->in.beneath.inode == 0 ? MNT3ERR_NOTDIR : MNT3ERR_NOENT;
}

static void mnt_resolved(struct fs_message *msg)
{
	struct nfs_request *request = msg->owner;

	if (msg->status == -ENOTDIR || (msg->status == 0 && msg->out.attr.type != FS_TYPE_DIR))
		mnt_fail(request, not_a_directory(msg));
	else if (msg->status != 0)
		mnt_fail(request, mount_status_of(msg->status));
	else
		mnt_ok(request);
}

/* Make request->path a clean NUL-terminated path. */
static uint32_t path_take(struct nfs_request *request, const uint8_t *args, uint32_t len_bytes, bool *ret_garbage)
{
	nfspath3 *path = &request->path;
	XDR xdr;

	xdrmem_create(&xdr, (char *)(uintptr_t)args, len_bytes, XDR_DECODE);
	*ret_garbage = !xdr_nfspath3(&xdr, path);
	if (*ret_garbage)
		return MNT3ERR_INVAL;
	if (path->page == NULL)
		return MNT3ERR_SERVERFAULT;
	if (path->len > MNTPATHLEN)
		return MNT3ERR_NAMETOOLONG;
	if (memchr(path->page->data, '\0', path->len) != NULL)
		return MNT3ERR_INVAL;
	path->page->data[path->len] = '\0';
	return export_path_clean((char *)path->page->data) == 0 ? MNT3_OK : MNT3ERR_ACCES;
}

/* The part of a clean "/vol/NAME/..." inside the volume. */
static const char *path_in_volume(const char *path)
{
	const char *inside = strchr(path + strlen("/vol/"), '/');

	return inside != NULL ? inside : "/";
}

static uint32_t mnt_start(struct nfs_request *request)
{
	struct nfs_shard *shard = request->shard;
	const struct nfs_conn *conn = nfs_conn_of(request);
	const struct export_client *client;
	struct fs_message *msg = &request->msg;
	const struct export *export = export_set_find_path(export_view_now(&shard->exports), request->path.bytes);

	/* A client that may not mount what it names is not told whether that is exported: it could look for exports. */
	client = export == NULL ? NULL : export_find_client(export, &conn->peer);
	if (client == NULL || !export_client_port_ok(client, &conn->peer))
		return MNT3ERR_ACCES;
	request->volume = fs_volume_find_uuid(&export->volume_uuid);
	if (request->volume == NULL || (export->is_subdirectory && export->root.inode == 0))
		return MNT3ERR_NOENT;
	request->handle = (struct nfs_handle){ .export_id = export->id, .volume_uuid = export->volume_uuid };
	fs_message_init(msg, FS_RESOLVE, request->volume, mnt_resolved, request);
	msg->origin = shard->world;
	msg->in.path = path_in_volume(request->path.bytes);
	if (export->is_subdirectory)
		msg->in.beneath = export->root;
	fs_message_send(msg);
	return MNT3_OK;
}

static bool mnt_call(struct nfs_request *request, const uint8_t *args, uint32_t len_bytes)
{
	bool garbage;
	uint32_t status = path_take(request, args, len_bytes, &garbage);

	if (garbage)
		return false;
	if (status == MNT3_OK)
		status = mnt_start(request);
	if (status != MNT3_OK)
		mnt_fail(request, status);
	return true;
}

/* --- lists --- */

struct dump {
	struct rpc_out out;
	char client[EXPORT_CIDR_SIZE]; /* who asks */
};

/* One entry of DUMP. */
static void dump_entry(const char *client, const char *path, void *arg)
{
	struct dump *dump = arg;
	struct rpc_out *out = &dump->out;
	size_t size = 4 + 4 + strlen(client) + 3 + 4 + strlen(path) + 3;

	if (strcmp(client, dump->client) != 0 || rpc_out_room(out) < size + LIST_END_SIZE)
		return;
	rpc_out_u32(out, true);
	rpc_out_opaque(out, client, (uint32_t)strlen(client));
	rpc_out_opaque(out, path, (uint32_t)strlen(path));
}

static void dump_call(struct nfs_request *request)
{
	struct dump dump;

	export_peer_format(&nfs_conn_of(request)->peer, dump.client);
	reply_begin(request, &dump.out);
	mount_list_visit(dump_entry, &dump);
	rpc_out_u32(&dump.out, false);
	reply_end(request, &dump.out);
}

/* An export and the network by which the asker may use it; false and nothing written when it does not fit. */
static bool export_entry(struct rpc_out *out, const struct export *export, const struct export_client *client)
{
	char cidr[EXPORT_CIDR_SIZE], options[EXPORT_OPTIONS_SIZE];
	struct rpc_out before = *out;

	rpc_out_u32(out, true);
	rpc_out_opaque(out, export->full_path, (uint32_t)strlen(export->full_path));
	export_client_format(client, cidr, options);
	rpc_out_u32(out, true);
	rpc_out_opaque(out, cidr, (uint32_t)strlen(cidr));
	rpc_out_u32(out, false);
	if (!out->overflow && rpc_out_room(out) >= LIST_END_SIZE)
		return true;
	*out = before;
	return false;
}

static void export_call(struct nfs_request *request)
{
	const struct export_set *set = export_view_now(&request->shard->exports);
	const struct export_peer *peer = &nfs_conn_of(request)->peer;
	struct rpc_out out;

	reply_begin(request, &out);
	for (unsigned i = 0; i < set->n_exports; i++) {
		const struct export_client *client = export_find_client(set->exports[i], peer);

		if (client != NULL)
			(void)export_entry(&out, set->exports[i], client);
	}
	rpc_out_u32(&out, false);
	reply_end(request, &out);
}

static void forget(struct nfs_request *request, const char *path)
{
	char client[EXPORT_CIDR_SIZE];
	struct rpc_out out;

	export_peer_format(&nfs_conn_of(request)->peer, client);
	mount_list_remove(client, path);
	reply_begin(request, &out);
	reply_end(request, &out);
}

static bool umnt_call(struct nfs_request *request, const uint8_t *args, uint32_t len_bytes)
{
	bool garbage;
	uint32_t status = path_take(request, args, len_bytes, &garbage);

	if (garbage)
		return false;
	forget(request, status == MNT3_OK ? request->path.bytes : "");
	return true;
}

static bool mount_call(struct rpc_request *rpc, const uint8_t *args, uint32_t len_bytes)
{
	struct nfs_request *request = nfs_request_of(rpc);
	struct rpc_out out;

	nfs_request_begin(request);
	switch (rpc->procedure) {
	case PROC_MNT: return mnt_call(request, args, len_bytes);
	case PROC_DUMP: dump_call(request); return true;
	case PROC_UMNT: return umnt_call(request, args, len_bytes);
	case PROC_UMNTALL: forget(request, NULL); return true;
	case PROC_EXPORT: export_call(request); return true;
	default: break;
	}
	reply_begin(request, &out); /* PROC_NULL */
	reply_end(request, &out);
	return true;
}

static uint32_t mount_weigh(uint32_t procedure, const uint8_t *args, uint32_t len_bytes)
{
	(void)args, (void)len_bytes;
	return procedure == PROC_DUMP || procedure == PROC_EXPORT ? NFS_SCRATCH_SIZE : PAGE_SIZE + RPC_REPLY_SMALL;
}

const struct rpc_program mount_program = {
	.name = "mount",
	.number = MOUNT3_PROGRAM,
	.version_low = MOUNT3_VERSION,
	.version_high = MOUNT3_VERSION,
	.n_procedures = N_PROCS,
	.payload_procedure = RPC_NO_PAYLOAD,
	.weigh = mount_weigh,
	.call = mount_call,
};
