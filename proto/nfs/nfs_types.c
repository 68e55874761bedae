/* SPDX-License-Identifier: Apache-2.0 */
/* The variable-length XDR types of NFS: file handles, names, paths. */
#include "proto/nfs/nfs_types.h"

#include "base/list.h"

bool_t xdr_nfs_fh3(XDR *xdr, nfs_fh3 *handle)
{
	if (!xdr_uint32_t(xdr, &handle->len) || handle->len > NFS3_FHSIZE)
		return FALSE;
	return xdr_opaque(xdr, (char *)handle->data, handle->len);
}

static bool_t filename3_decode_long(XDR *xdr, filename3 *name)
{
	char all[NFS3_NAME_WIRE_MAX];

	if (name->len > sizeof all || !xdr_opaque(xdr, all, name->len))
		return FALSE;
	memcpy(name->bytes, all, sizeof name->bytes);
	return TRUE;
}

bool_t xdr_filename3(XDR *xdr, filename3 *name)
{
	if (!xdr_uint32_t(xdr, &name->len))
		return FALSE;
	if (name->len <= sizeof name->bytes)
		return xdr_opaque(xdr, name->bytes, name->len);
	return xdr->x_op == XDR_DECODE && filename3_decode_long(xdr, name);
}

static bool_t nfspath3_decode(XDR *xdr, nfspath3 *path)
{
	char skipped[NFS3_PATH_MAX];

	path->bytes = NULL;
	path->page = page_alloc();
	if (path->page == NULL)
		return xdr_opaque(xdr, skipped, path->len);
	path->bytes = (const char *)path->page->data;
	if (xdr_opaque(xdr, (char *)path->page->data, path->len))
		return TRUE;
	nfs_path_free(path);
	return FALSE;
}

bool_t xdr_nfspath3(XDR *xdr, nfspath3 *path)
{
	if (!xdr_uint32_t(xdr, &path->len) || path->len > NFS3_PATH_MAX)
		return FALSE;
	if (xdr->x_op == XDR_DECODE)
		return nfspath3_decode(xdr, path);
	return xdr_opaque(xdr, (char *)(uintptr_t)path->bytes, path->len);
}

void nfs_path_free(nfspath3 *path)
{
	page_put(path->page);
	path->page = NULL;
	path->bytes = NULL;
}
