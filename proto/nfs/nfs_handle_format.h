/* SPDX-License-Identifier: Apache-2.0 */
/* NFS file handles as clients keep them: 56 bytes, opaque to them, valid across restarts and moves of the volume.
 *
 *   0       1       2               4               8
 *  +-------+-------+---------------+---------------+
 *  |version|   0   |       0       |   export id   |
 *  +-------+-------+---------------+---------------+  8
 *  |              volume uuid (16)                 |
 *  +-------------------------------+---------------+ 24
 *  |          snapshot id          |     inode     |
 *  +-------------------------------+---------------+ 32
 *  |                  generation                   |
 *  +-----------------------------------------------+ 40
 *  |   SipHash-2-4-128 of bytes 0..39 with the     |
 *  |   volume's handle key (16)                    |
 *  +-----------------------------------------------+ 56 */
#ifndef PROTO_NFS_NFS_HANDLE_FORMAT_H
#define PROTO_NFS_NFS_HANDLE_FORMAT_H

#include <assert.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/uuid.h"

#define NFS_HANDLE_VERSION 1U
#define NFS_HANDLE_SIZE 56U

struct nfs_handle_format {
	uint8_t version;
	uint8_t zero[3];
	le32 export_id;
	struct uuid volume_uuid;
	le32 snapshot;
	le32 inode;
	le64 generation;
	uint8_t mac[16];
};
static_assert(sizeof(struct nfs_handle_format) == NFS_HANDLE_SIZE, "handle size");
static_assert(offsetof(struct nfs_handle_format, mac) == 40, "the MAC covers 40 bytes");

#endif
