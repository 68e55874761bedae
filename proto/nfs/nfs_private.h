/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of proto/nfs and proto/mount share: the request, the loop's part of the server, the connection's
 * part. */
#ifndef PROTO_NFS_NFS_PRIVATE_H
#define PROTO_NFS_NFS_PRIVATE_H

#include "base/counters.h"
#include "base/world.h"
#include "fs/fs_call.h"
#include "fs/message.h"
#include "fs/volume.h"
#include "nfs3.h"
#include "proto/nfs/export.h"
#include "proto/nfs/nfs_handle.h"
#include "proto/nfs/nfs_metrics.h"
#include "proto/nfs/nfs_server.h"
#include "proto/nfs/nfs_status.h"
#include "proto/rpc/rpc_service.h"

#define NFS_IO_MAX FS_IO_MAX /* rtmax, wtmax */
#define NFS_DIR_REPLY_MAX 65536U /* READDIR, READDIRPLUS: dtpref */
#define NFS_SCRATCH_SIZE (NFS_DIR_REPLY_MAX + 1024U)

struct nfs_request;

/* The server's part on one loop. */
struct nfs_shard {
	struct nfs_server *server;
	struct loop *loop;
	struct world *world;
	struct rpc_service *rpc;
	struct export_view exports;
	struct task stop_task;
	uint8_t scratch[NFS_SCRATCH_SIZE]; /* the reply being encoded */
};

/* A connection's memory: who it is, and what its last request found (exports and volumes rarely change between two
 * requests). */
struct nfs_conn {
	struct export_peer peer;
	uint64_t generation; /* of the export set `export` and `client` are from; 0: nothing cached */
	const struct export *export;
	const struct export_client *client;
	struct fs_volume *volume; /* reference, or NULL */
};

#define NFS_MODIFIES 1U /* refused on read-only exports */
#define NFS_ONCE 2U /* not idempotent: sent again it is not carried out again (nfs_drc.c) */
struct nfs_procedure {
	const char *name;
	xdrproc_t decode; /* NULL: no arguments */
	/* Fill in the message; NFS3_OK: send it. Another status is the answer. */
	uint32_t (*start)(struct nfs_request *request);
	/* Everything of the results after the status, for success and failure alike. */
	void (*encode)(struct nfs_request *request, struct rpc_out *out);
	unsigned flags;
};

union nfs_args {
	nfs_fh3 object; /* every argument begins with the handle of the object or of the directory */
	GETATTR3args getattr;
	SETATTR3args setattr;
	LOOKUP3args lookup;
	ACCESS3args access;
	READ3args read;
	WRITE3head write;
	CREATE3args create;
	MKDIR3args mkdir;
	SYMLINK3args symlink;
	MKNOD3args mknod;
	REMOVE3args remove;
	RENAME3args rename;
	LINK3args link;
	READDIR3args readdir;
	READDIRPLUS3args readdirplus;
	COMMIT3args commit;
};

struct nfs_request {
	struct rpc_request rpc; /* first */
	const struct nfs_procedure *procedure;
	struct nfs_shard *shard;
	struct fs_volume *volume; /* reference, or NULL */
	uint32_t status; /* nfsstat3 */
	bool read_only; /* by its export */
	bool subdirectory_export;
	uint64_t began_ns;
	struct nfs_handle handle; /* of args.object */
	struct fs_cred cred;
	nfspath3 path; /* of SYMLINK and MNT: the page to give back */
	unsigned n_pages; /* in `pages`, references held */
	union nfs_args args;
	struct fs_message msg;
	struct fs_call call; /* of NFS_ONCE */
	struct page *pages[FS_IO_PAGES_MAX];
};

static inline struct nfs_request *nfs_request_of(struct rpc_request *rpc)
{
	return container_of(rpc, struct nfs_request, rpc);
}

struct nfs_server {
	unsigned n_shards;
	struct nfs_shard **shards;
	_Atomic unsigned next_shard;
	_Atomic unsigned n_running;
	struct door *door; /* of all loops */
	bool has_drc; /* calls sent again are known (nfs_drc.c) */
	struct nfs_metrics *metrics;
	void (*stopped)(void *arg);
	void *stopped_arg;
	struct task stopped_task;
};

/* nfs_admit.c: who may do what. */

/* Begin a request from the pool: nothing held, message empty. */
void nfs_request_begin(struct nfs_request *request);
/* Give back everything the request holds, then itself. */
void nfs_request_end(struct nfs_request *request);
/* The connection's own memory; learns the peer's address the first time. */
struct nfs_conn *nfs_conn_of(struct nfs_request *request);
void nfs_conn_forget_volume(struct nfs_conn *conn);
/* From the handle args.object to the volume, the file and the caller's rights: an nfsstat3. */
MUST_CHECK uint32_t nfs_admit(struct nfs_request *request);
/* A second handle of the same request: the file it names, if it is of the same export. */
MUST_CHECK uint32_t nfs_admit_second(struct nfs_request *request, const nfs_fh3 *wire, struct fs_file_id *ret_file);
/* The caller's credentials as the export sees them. */
void nfs_squash(const struct export_client *client, const struct rpc_cred *rpc, struct fs_cred *ret_cred);

/* nfs_dispatch.c */
extern const struct rpc_program nfs_program;
/* Decode into request->args and set the procedure; how many bytes it took, 0: garbage. */
uint32_t nfs_args_decode(struct nfs_request *request, const uint8_t *args, uint32_t len_bytes);
/* Run the message; nfs_finish follows. */
void nfs_send(struct nfs_request *request);
/* Encode and send the reply by `status`, and end the request. */
void nfs_finish(struct nfs_request *request, uint32_t status);
void nfs_done(struct fs_message *msg);

/* nfs_drc.c */

/* Before the message of a decoded and admitted call is sent: it may be one that was sent before. */
void nfs_drc_prepare(struct nfs_request *request, const uint8_t *args, uint32_t len_bytes);
/* The nfsstat3 that the kept reply (msg.out.reply_len) begins with. */
uint32_t nfs_drc_status(const struct nfs_request *request);

/* The procedures: nfs_attr.c, nfs_io.c, nfs_name.c, nfs_dir.c. */
uint32_t nfs_getattr_start(struct nfs_request *request);
void nfs_getattr_encode(struct nfs_request *request, struct rpc_out *out);
uint32_t nfs_setattr_start(struct nfs_request *request);
void nfs_wcc_encode(struct nfs_request *request, struct rpc_out *out);
uint32_t nfs_access_start(struct nfs_request *request);
void nfs_access_encode(struct nfs_request *request, struct rpc_out *out);
uint32_t nfs_fsstat_start(struct nfs_request *request);
void nfs_fsstat_encode(struct nfs_request *request, struct rpc_out *out);
void nfs_fsinfo_encode(struct nfs_request *request, struct rpc_out *out);
void nfs_pathconf_encode(struct nfs_request *request, struct rpc_out *out);
/* sattr3 to fs_setattr: NFS3_OK, or NFS3ERR_INVAL for times that are none. */
uint32_t nfs_setattr_of(const sattr3 *wire, struct fs_setattr *ret_setattr);

uint32_t nfs_read_start(struct nfs_request *request);
void nfs_read_encode(struct nfs_request *request, struct rpc_out *out);
/* The pages of a READ's reply and their padding; how many segments. */
unsigned nfs_read_tail(struct nfs_request *request, struct stream_seg *segs);
void nfs_write_encode(struct nfs_request *request, struct rpc_out *out);
uint32_t nfs_commit_start(struct nfs_request *request);
void nfs_commit_encode(struct nfs_request *request, struct rpc_out *out);
int nfs_payload_begin(struct rpc_request *rpc, const uint8_t *args, uint32_t len_bytes, uint32_t args_bytes,
                      struct rpc_payload *ret_payload);
int nfs_payload_memory(struct rpc_request *rpc, uint32_t at, uint32_t *upto, struct rpc_payload *payload);
void nfs_payload_complete(struct rpc_request *rpc);
void nfs_payload_drop(struct rpc_request *rpc);

uint32_t nfs_lookup_start(struct nfs_request *request);
void nfs_lookup_encode(struct nfs_request *request, struct rpc_out *out);
uint32_t nfs_readlink_start(struct nfs_request *request);
void nfs_readlink_encode(struct nfs_request *request, struct rpc_out *out);
uint32_t nfs_create_start(struct nfs_request *request);
uint32_t nfs_mkdir_start(struct nfs_request *request);
uint32_t nfs_symlink_start(struct nfs_request *request);
uint32_t nfs_mknod_start(struct nfs_request *request);
void nfs_create_encode(struct nfs_request *request, struct rpc_out *out);
uint32_t nfs_remove_start(struct nfs_request *request);
uint32_t nfs_rmdir_start(struct nfs_request *request);
void nfs_remove_encode(struct nfs_request *request, struct rpc_out *out);
uint32_t nfs_rename_start(struct nfs_request *request);
void nfs_rename_encode(struct nfs_request *request, struct rpc_out *out);
uint32_t nfs_link_start(struct nfs_request *request);
void nfs_link_encode(struct nfs_request *request, struct rpc_out *out);

uint32_t nfs_readdir_start(struct nfs_request *request);
void nfs_readdir_encode(struct nfs_request *request, struct rpc_out *out);
uint32_t nfs_readdirplus_start(struct nfs_request *request);
void nfs_readdirplus_encode(struct nfs_request *request, struct rpc_out *out);

#endif
