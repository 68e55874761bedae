/* SPDX-License-Identifier: Apache-2.0 */
/* A rig for tests of the NFS server: a server on a loop of its own over a volume in memory, and a plain blocking client
 * whose arguments and results go through rpcgen's code (the server encodes results by its own). */
#ifndef TESTS_PROTO_NFS_RIG_H
#define TESTS_PROTO_NFS_RIG_H

#include "fs/message.h"
#include "mount3.h"
#include "nfs3.h"
#include "proto/nfs/nfs_handle.h"
#include "proto/nfs/nfs_server.h"
#include "tests/support/ramfs.h"

#define RIG_RECORD_MAX (2U << 20)

struct rig {
	struct loop *loop;
	struct world *world;
	struct fs_volume *volume; /* "vol0", exported as id 1 */
	struct export_table *exports;
	struct nfs_server *server;
	struct listener *listener;
	uint16_t port;
	/* the client */
	int fd;
	uint32_t xid;
	uint32_t uid, gid, n_gids, gids[16];
	bool auth_none;
	uint32_t accept_stat; /* of the last reply */
	uint8_t *record; /* the last reply */
	uint32_t record_len;
	XDR results; /* of the last accepted reply */
	nfs_fh3 root;
};

/* Whom the rigs started next export to; NULL: 127.0.0.0/8. */
extern const char *rig_clients;
/* Export with `options` for rig_clients, connect, and mount /vol/vol0. */
void rig_start(struct rig *rig, const char *options, const struct rpc_limits *limits);
void rig_stop(struct rig *rig);
/* Export `path` of the volume as `id` beside "/" (id 1) with the same options. */
void rig_export(struct rig *rig, const char *options, uint32_t id, const char *path);
int rig_connect(const struct rig *rig);
/* From this address (127.x.x.x). */
int rig_connect_from(const struct rig *rig, const char *address);
void rig_reconnect(struct rig *rig);

/* Blocking: all of it; false: the connection has ended. */
bool rig_write(int fd, const void *bytes, size_t len);
bool rig_read(int fd, void *bytes, size_t len);
/* A call's bytes, with its record mark, into `buffer`; how many. */
uint32_t rig_call_make(struct rig *rig, uint8_t *buffer, uint32_t size, uint32_t program, uint32_t version,
                       uint32_t procedure, xdrproc_t encode, void *args);
/* Read a reply into rig->record; false: the connection has ended. Sets accept_stat (UINT32_MAX: denied) and results. */
bool rig_reply(struct rig *rig);
/* Call and wait; accept_stat must be success. The results are decoded by `decode` into `res` (zeroed before). */
void rig_call(struct rig *rig, uint32_t program, uint32_t procedure, xdrproc_t encode, void *args, xdrproc_t decode,
              void *res);
void rig_nfs(struct rig *rig, uint32_t procedure, xdrproc_t encode, void *args, xdrproc_t decode, void *res);
#define RIG_XDR(function) ((xdrproc_t)(void (*)(void))(function))

/* Short forms of common calls; each returns the nfsstat3 (or mountstat3). */
uint32_t rig_mount(struct rig *rig, const char *path, nfs_fh3 *ret_handle);
uint32_t rig_lookup(struct rig *rig, const nfs_fh3 *dir, const char *name, nfs_fh3 *ret_handle);
uint32_t rig_getattr(struct rig *rig, const nfs_fh3 *object, fattr3 *ret_attr);
uint32_t rig_create(struct rig *rig, const nfs_fh3 *dir, const char *name, nfs_fh3 *ret_handle);
uint32_t rig_mkdir(struct rig *rig, const nfs_fh3 *dir, const char *name, nfs_fh3 *ret_handle);
uint32_t rig_symlink(struct rig *rig, const nfs_fh3 *dir, const char *name, const char *target, nfs_fh3 *ret_handle);
uint32_t rig_mknod(struct rig *rig, const nfs_fh3 *dir, const char *name, ftype3 type, nfs_fh3 *ret_handle);
uint32_t rig_write_file(struct rig *rig, const nfs_fh3 *file, uint64_t offset, const void *bytes, uint32_t len,
                        uint32_t stable, WRITE3res *ret_res);
uint32_t rig_read_file(struct rig *rig, const nfs_fh3 *file, uint64_t offset, uint32_t count, void *ret_bytes,
                       READ3res *ret_res);
void rig_name(filename3 *ret_name, const char *text);
/* Make a snapshot of the volume. */
void rig_snapshot(struct rig *rig, const char *name);

#endif
