/* SPDX-License-Identifier: Apache-2.0 */
/* The variable-length XDR types of NFS with memory of their own: nothing is allocated by a length from the wire. */
#ifndef PROTO_NFS_NFS_TYPES_H
#define PROTO_NFS_NFS_TYPES_H

#include <rpc/rpc.h>
#include <stdint.h>

#include "base/page.h"

#define NFS3_FHSIZE 64U
#define NFS3_NAME_WIRE_MAX 4096U /* longer names are garbage; from 256 up to here they are merely too long */
#define NFS3_NAME_KEPT 256U
#define NFS3_PATH_MAX 4096U

/* opaque<64> */
typedef struct nfs_fh3 {
	uint32_t len;
	uint8_t data[NFS3_FHSIZE];
} nfs_fh3;

/* string<>: `len` is the wire's; of names longer than 255 only the first 256 bytes are kept (enough to know that they
 * are too long). */
typedef struct filename3 {
	uint32_t len;
	char bytes[NFS3_NAME_KEPT];
} filename3;

/* string<4096> in a page of the arena, released by nfs_path_free. `page` is NULL when the arena was exhausted: try
 * later. When encoding and `page` is NULL the bytes come from `bytes`. */
typedef struct nfspath3 {
	uint32_t len;
	struct page *page;
	const char *bytes;
} nfspath3;

bool_t xdr_nfs_fh3(XDR *xdr, nfs_fh3 *handle);
bool_t xdr_filename3(XDR *xdr, filename3 *name);
bool_t xdr_nfspath3(XDR *xdr, nfspath3 *path);
void nfs_path_free(nfspath3 *path);

#endif
