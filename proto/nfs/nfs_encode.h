/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces results of NFS are made of. */
#ifndef PROTO_NFS_NFS_ENCODE_H
#define PROTO_NFS_NFS_ENCODE_H

#include "proto/nfs/nfs_private.h"

#define NFS_FATTR_SIZE 84U
#define NFS_POST_OP_ATTR_SIZE (4U + NFS_FATTR_SIZE)
#define NFS_POST_OP_FH_SIZE (8U + NFS_HANDLE_SIZE)

void nfs_fattr_encode(struct rpc_out *out, const struct fs_attr *attr);
/* post_op_attr: `attr` when `has`. */
void nfs_post_op_attr_encode(struct rpc_out *out, bool has, const struct fs_attr *attr);
/* wcc_data: `pre` when valid, `attr` when `has`. */
void nfs_wcc_data_encode(struct rpc_out *out, const struct fs_wcc *pre, bool has, const struct fs_attr *attr);
/* nfs_fh3 of a file in the export the request came by. */
void nfs_fh_encode(struct rpc_out *out, const struct nfs_request *request, const struct fs_file_id *file);
/* nfstime3; times before 1970 and past 2106 are the nearest it has. */
void nfs_time_encode(struct rpc_out *out, int64_t time_ns);

#endif
