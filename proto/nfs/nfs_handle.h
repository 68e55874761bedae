/* SPDX-License-Identifier: Apache-2.0 */
/* File handles: making them, and believing only those we made. */
#ifndef PROTO_NFS_NFS_HANDLE_H
#define PROTO_NFS_NFS_HANDLE_H

#include "base/error.h"
#include "base/uuid.h"
#include "fs/fs_types.h"
#include "proto/nfs/nfs_handle_format.h"
#include "proto/nfs/nfs_types.h"

struct nfs_handle {
	uint32_t export_id;
	struct uuid volume_uuid;
	struct fs_file_id file;
};

/* `key`: the 16 bytes of fs_volume_handle_key. */
void nfs_handle_encode(const struct nfs_handle *handle, const uint8_t *key, uint8_t ret_bytes[NFS_HANDLE_SIZE]);
/* Only the shape is checked: the volume, and so the key, is not known yet. -EBADMSG: not one of ours. */
MUST_CHECK int nfs_handle_decode(const nfs_fh3 *wire, struct nfs_handle *ret_handle);
/* The proof, in constant time, of a handle that nfs_handle_decode has accepted. -EBADMSG: forged. */
MUST_CHECK int nfs_handle_verify(const nfs_fh3 *wire, const uint8_t *key);

#endif
