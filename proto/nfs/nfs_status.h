/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of the file system as NFS says them: the one table. */
#ifndef PROTO_NFS_NFS_STATUS_H
#define PROTO_NFS_NFS_STATUS_H

#include <stdint.h>

/* The nfsstat3 of 0 or a negative errno; unknown ones are NFS3ERR_IO. */
uint32_t nfs_status_of(int err);

#endif
