/* SPDX-License-Identifier: Apache-2.0 */
/* MOUNT version 3, a program of the NFS server's (struct nfs_server_options). */
#ifndef PROTO_MOUNT_MOUNT_H
#define PROTO_MOUNT_MOUNT_H

#include "proto/rpc/rpc_service.h"

extern const struct rpc_program mount_program;

#endif
