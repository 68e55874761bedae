/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of the file system as NFS says them. REFERENCES RFC 1813 section 2.6. */
#include "proto/nfs/nfs_status.h"

#include <errno.h>

#include "base/list.h"
#include "fs/message.h"
#include "nfs3.h"

static const struct {
	int err;
	uint32_t status;
} statuses[] = {
	{ 0, NFS3_OK },
	{ -EPERM, NFS3ERR_PERM },
	{ -ENOENT, NFS3ERR_NOENT },
	{ -EACCES, NFS3ERR_ACCES },
	{ -EEXIST, NFS3ERR_EXIST },
	{ -ENOTDIR, NFS3ERR_NOTDIR },
	{ -EISDIR, NFS3ERR_ISDIR },
	{ -ENOTEMPTY, NFS3ERR_NOTEMPTY },
	{ -ESTALE, NFS3ERR_STALE },
	{ -EINVAL, NFS3ERR_INVAL },
	{ -EROFS, NFS3ERR_ROFS },
	{ -ENOSPC, NFS3ERR_NOSPC },
	{ -EDQUOT, NFS3ERR_DQUOT },
	{ -EFBIG, NFS3ERR_FBIG },
	{ -EOVERFLOW, NFS3ERR_FBIG },
	{ -EMLINK, NFS3ERR_MLINK },
	{ -ENAMETOOLONG, NFS3ERR_NAMETOOLONG },
	{ -EXDEV, NFS3ERR_XDEV },
	{ -ENXIO, NFS3ERR_NXIO },
	{ -EIO, NFS3ERR_IO },
	{ -EUCLEAN, NFS3ERR_IO },
	{ -ENOTSUP, NFS3ERR_NOTSUPP },
	{ -EBADMSG, NFS3ERR_BADHANDLE },
	{ -FS_ENOTSYNC, NFS3ERR_NOT_SYNC },
	/* Temporary, or the volume is offline: the client shall keep its data and try again. */
	{ -ENODEV, NFS3ERR_JUKEBOX },
	{ -ENOMEM, NFS3ERR_JUKEBOX },
	{ -EAGAIN, NFS3ERR_JUKEBOX },
	{ -FS_EJUKEBOX, NFS3ERR_JUKEBOX },
	/* A LUN or a snapshot depends on the object, or the object is in use by one. */
	{ -EBUSY, NFS3ERR_ACCES },
};

uint32_t nfs_status_of(int err)
{
	for (unsigned i = 0; i < ARRAY_SIZE(statuses); i++) {
		if (statuses[i].err == err)
			return statuses[i].status;
	}
	return NFS3ERR_IO;
}
