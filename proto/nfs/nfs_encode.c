/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces results of NFS are made of: attributes, weak cache consistency data, file handles. REFERENCES RFC 1813
 * section 2.6. */
#include "proto/nfs/nfs_encode.h"

#define NS_PER_S 1000000000

struct nfs_time_spec {
	be32 seconds, nseconds;
};

struct nfs_fattr_spec {
	be32 type, mode, nlink, uid, gid;
	be64 size, used;
	be32 rdev_major, rdev_minor;
	be64 fsid, fileid;
	struct nfs_time_spec atime, mtime, ctime;
};
static_assert(sizeof(struct nfs_fattr_spec) == NFS_FATTR_SIZE, "fattr3");

/* Vdisks are regular files to NFS. The last four are never seen by clients. */
static const uint8_t types[] = {
	[FS_TYPE_NONE] = NF3REG,  [FS_TYPE_REG] = NF3REG,        [FS_TYPE_DIR] = NF3DIR,    [FS_TYPE_SYMLINK] = NF3LNK,
	[FS_TYPE_BLK] = NF3BLK,   [FS_TYPE_CHR] = NF3CHR,        [FS_TYPE_FIFO] = NF3FIFO,  [FS_TYPE_SOCK] = NF3SOCK,
	[FS_TYPE_VDISK] = NF3REG, [FS_TYPE_STREAM_DIR] = NF3REG, [FS_TYPE_STREAM] = NF3REG, [FS_TYPE_META] = NF3REG,
};

static struct nfs_time_spec time_spec_of(int64_t time_ns)
{
	int64_t seconds = time_ns / NS_PER_S;

	if (time_ns < 0)
		return (struct nfs_time_spec){ be32_of(0), be32_of(0) };
	if (seconds > UINT32_MAX)
		return (struct nfs_time_spec){ be32_of(UINT32_MAX), be32_of(NS_PER_S - 1) };
	return (struct nfs_time_spec){ be32_of((uint32_t)seconds), be32_of((uint32_t)(time_ns % NS_PER_S)) };
}

void nfs_time_encode(struct rpc_out *out, int64_t time_ns)
{
	struct nfs_time_spec *spec = rpc_out_take(out, sizeof *spec);

	if (spec != NULL)
		*spec = time_spec_of(time_ns);
}

void nfs_fattr_encode(struct rpc_out *out, const struct fs_attr *attr)
{
	struct nfs_fattr_spec *spec = rpc_out_take(out, sizeof *spec);

	if (spec == NULL)
		return;
	*spec = (struct nfs_fattr_spec){
		.type = be32_of(types[attr->type]),
		.mode = be32_of(attr->mode & 07777),
		.nlink = be32_of(attr->nlink),
		.uid = be32_of(attr->uid),
		.gid = be32_of(attr->gid),
		.size = be64_of(attr->size_bytes),
		.used = be64_of(attr->used_bytes),
		.rdev_major = be32_of(attr->rdev_major),
		.rdev_minor = be32_of(attr->rdev_minor),
		.fsid = be64_of(attr->fsid),
		.fileid = be64_of(attr->id.inode),
		.atime = time_spec_of(attr->atime_ns),
		.mtime = time_spec_of(attr->mtime_ns),
		.ctime = time_spec_of(attr->ctime_ns),
	};
}

void nfs_post_op_attr_encode(struct rpc_out *out, bool has, const struct fs_attr *attr)
{
	rpc_out_u32(out, has);
	if (has)
		nfs_fattr_encode(out, attr);
}

void nfs_wcc_data_encode(struct rpc_out *out, const struct fs_wcc *pre, bool has, const struct fs_attr *attr)
{
	rpc_out_u32(out, pre->valid);
	if (pre->valid) {
		rpc_out_u64(out, pre->size_bytes);
		nfs_time_encode(out, pre->mtime_ns);
		nfs_time_encode(out, pre->ctime_ns);
	}
	nfs_post_op_attr_encode(out, has, attr);
}

void nfs_fh_encode(struct rpc_out *out, const struct nfs_request *request, const struct fs_file_id *file)
{
	struct nfs_handle handle = request->handle;
	uint8_t *bytes;

	rpc_out_u32(out, NFS_HANDLE_SIZE);
	bytes = rpc_out_take(out, NFS_HANDLE_SIZE);
	if (bytes == NULL)
		return;
	handle.file = *file;
	nfs_handle_encode(&handle, fs_volume_handle_key(request->volume), bytes);
}
