/* SPDX-License-Identifier: Apache-2.0 */
/* The NFS server: NFS version 3, and MOUNT version 3 beside it, over TCP, both on every connection, on as many loops as
 * it is given.
 *
 * THEORY. A connection is served on one loop. Its requests become messages to volumes (fs/message.h) with that loop's
 * world as origin; when it is also the home of the volume, sending is a plain call. Since MOUNT and NFS answer on the
 * same port, clients need no rpcbind (mount -o port=N,mountport=N; nfs://host/vol/vol0?nfsport=N&mountport=N).
 * WRITE PATH. a connection: server/server.c -> nfs_server_accept -> rpc_service_accept. A call of it: socket ->
 * base/stream.c -> proto/rpc/rpc_conn.c -> nfs_program (nfs_dispatch.c) -> nfs_io.c -> fs_message_send (fs/dispatch.c).
 * READ PATH. fs_message done -> nfs_io.c -> nfs_dispatch.c -> proto/rpc/rpc_reply.c -> base/stream.c -> socket. */
#ifndef PROTO_NFS_NFS_SERVER_H
#define PROTO_NFS_NFS_SERVER_H

#include "base/error.h"
#include "base/loop.h"
#include "proto/nfs/export.h"
#include "proto/rpc/rpc_service.h"

struct nfs_server;

struct nfs_server_options {
	const struct rpc_program *mount; /* &mount_program of proto/mount/mount.h; NULL: none */
	bool no_drc; /* a call sent again is carried out again */
	const struct rpc_limits *limits; /* of each loop, but max_conns: of all; NULL: rpc_limits_default */
};

/* The loops and the table must outlive the server. -ENOMEM. */
MUST_CHECK int nfs_server_new(struct loop *const *loops, unsigned n_loops, struct export_table *exports,
                              const struct nfs_server_options *options, struct nfs_server **ret_server);
/* Any thread: serve a connected TCP socket (as listener's `accepted` hands it over) on `loop`, one of the server's
 * (NULL: the next in turn); the descriptor is the server's from now on. */
void nfs_server_accept(struct nfs_server *server, struct loop *loop, int fd);
/* Any thread but once: close all connections and wait for what they have asked; `stopped` runs on the first loop. The
 * loops must run. */
void nfs_server_stop(struct nfs_server *server, void (*stopped)(void *arg), void *arg);
/* After `stopped`. */
void nfs_server_free(struct nfs_server *server);

#endif
