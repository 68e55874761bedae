/* SPDX-License-Identifier: Apache-2.0 */
/* The procedures about one object: GETATTR, SETATTR, ACCESS, FSSTAT, FSINFO, PATHCONF. */
#include "proto/nfs/nfs_encode.h"

#define NS_PER_S 1000000000U

uint32_t nfs_getattr_start(struct nfs_request *request)
{
	request->msg.op = FS_GETATTR;
	return NFS3_OK;
}

void nfs_getattr_encode(struct nfs_request *request, struct rpc_out *out)
{
	if (request->status == NFS3_OK)
		nfs_fattr_encode(out, &request->msg.out.attr);
}

/* --- SETATTR --- */

static uint32_t set_time_of(const set_time *wire, enum fs_set_time *ret_how, int64_t *ret_time_ns)
{
	static const enum fs_set_time hows[] = { [DONT_CHANGE] = FS_TIME_KEEP,
		                                 [SET_TO_SERVER_TIME] = FS_TIME_SERVER,
		                                 [SET_TO_CLIENT_TIME] = FS_TIME_CLIENT };
	uint32_t how = (uint32_t)wire->set_it;

	if (how >= ARRAY_SIZE(hows))
		return NFS3ERR_INVAL;
	*ret_how = hows[how];
	if (how != SET_TO_CLIENT_TIME)
		return NFS3_OK;
	if (wire->set_time_u.value.nseconds >= NS_PER_S)
		return NFS3ERR_INVAL;
	*ret_time_ns = (int64_t)wire->set_time_u.value.seconds * NS_PER_S + wire->set_time_u.value.nseconds;
	return NFS3_OK;
}

uint32_t nfs_setattr_of(const sattr3 *wire, struct fs_setattr *ret_setattr)
{
	uint32_t status;

	memset(ret_setattr, 0, sizeof *ret_setattr);
	ret_setattr->set_mode = wire->mode.set_it;
	ret_setattr->set_uid = wire->uid.set_it;
	ret_setattr->set_gid = wire->gid.set_it;
	ret_setattr->set_size = wire->size.set_it;
	if (wire->mode.set_it)
		ret_setattr->mode = wire->mode.set_uint32_u.value & 07777;
	if (wire->uid.set_it)
		ret_setattr->uid = wire->uid.set_uint32_u.value;
	if (wire->gid.set_it)
		ret_setattr->gid = wire->gid.set_uint32_u.value;
	if (wire->size.set_it)
		ret_setattr->size_bytes = wire->size.set_uint64_u.value;
	if (ret_setattr->set_size && ret_setattr->size_bytes > FS_FILE_SIZE_MAX)
		return NFS3ERR_FBIG;
	status = set_time_of(&wire->atime, &ret_setattr->set_atime, &ret_setattr->atime_ns);
	if (status == NFS3_OK)
		status = set_time_of(&wire->mtime, &ret_setattr->set_mtime, &ret_setattr->mtime_ns);
	return status;
}

uint32_t nfs_setattr_start(struct nfs_request *request)
{
	const SETATTR3args *args = &request->args.setattr;
	const nfstime3 *guard = &args->guard.sattrguard3_u.obj_ctime;
	struct fs_message *msg = &request->msg;

	msg->op = FS_SETATTR;
	msg->in.has_guard = args->guard.check;
	if (args->guard.check)
		msg->in.guard_ctime_ns = (int64_t)guard->seconds * NS_PER_S + guard->nseconds;
	return nfs_setattr_of(&args->new_attributes, &msg->in.setattr);
}

/* The results of SETATTR, whether it worked or not. */
void nfs_wcc_encode(struct nfs_request *request, struct rpc_out *out)
{
	const struct fs_message *msg = &request->msg;

	nfs_wcc_data_encode(out, &msg->out.pre, msg->out.has_attr, &msg->out.attr);
}

/* --- ACCESS --- */

uint32_t nfs_access_start(struct nfs_request *request)
{
	const uint32_t known = FS_ACCESS_READ | FS_ACCESS_LOOKUP | FS_ACCESS_MODIFY | FS_ACCESS_EXTEND |
	                       FS_ACCESS_DELETE | FS_ACCESS_EXECUTE;

	request->msg.op = FS_ACCESS;
	request->msg.in.access = request->args.access.access & known;
	return NFS3_OK;
}

void nfs_access_encode(struct nfs_request *request, struct rpc_out *out)
{
	const struct fs_message *msg = &request->msg;
	uint32_t granted = msg->out.access & request->args.access.access;

	if (request->read_only)
		granted &= ~(FS_ACCESS_MODIFY | FS_ACCESS_EXTEND | FS_ACCESS_DELETE);
	nfs_post_op_attr_encode(out, msg->out.has_attr, &msg->out.attr);
	if (request->status == NFS3_OK)
		rpc_out_u32(out, granted);
}

/* --- the file system as a whole --- */

uint32_t nfs_fsstat_start(struct nfs_request *request)
{
	request->msg.op = FS_FSSTAT;
	return NFS3_OK;
}

void nfs_fsstat_encode(struct nfs_request *request, struct rpc_out *out)
{
	const struct fs_message *msg = &request->msg;
	const struct fs_fsstat *stat = &msg->out.fsstat;

	nfs_post_op_attr_encode(out, msg->out.has_attr, &msg->out.attr);
	if (request->status != NFS3_OK)
		return;
	rpc_out_u64(out, stat->total_bytes);
	rpc_out_u64(out, stat->free_bytes);
	rpc_out_u64(out, stat->avail_bytes);
	rpc_out_u64(out, stat->total_files);
	rpc_out_u64(out, stat->free_files);
	rpc_out_u64(out, stat->free_files);
	rpc_out_u32(out, 0); /* invarsec: it may change at any time */
}

void nfs_fsinfo_encode(struct nfs_request *request, struct rpc_out *out)
{
	const struct fs_message *msg = &request->msg;

	nfs_post_op_attr_encode(out, msg->out.has_attr, &msg->out.attr);
	if (request->status != NFS3_OK)
		return;
	rpc_out_u32(out, NFS_IO_MAX); /* rtmax */
	rpc_out_u32(out, NFS_IO_MAX); /* rtpref */
	rpc_out_u32(out, FS_BLOCK_SIZE); /* rtmult */
	rpc_out_u32(out, NFS_IO_MAX); /* wtmax */
	rpc_out_u32(out, NFS_IO_MAX); /* wtpref */
	rpc_out_u32(out, FS_BLOCK_SIZE); /* wtmult */
	rpc_out_u32(out, NFS_DIR_REPLY_MAX); /* dtpref */
	rpc_out_u64(out, FS_FILE_SIZE_MAX); /* maxfilesize */
	rpc_out_u32(out, 0); /* time_delta: 1 ns */
	rpc_out_u32(out, 1);
	rpc_out_u32(out, FSF3_LINK | FSF3_SYMLINK | FSF3_HOMOGENEOUS | FSF3_CANSETTIME);
}

void nfs_pathconf_encode(struct nfs_request *request, struct rpc_out *out)
{
	const struct fs_message *msg = &request->msg;

	nfs_post_op_attr_encode(out, msg->out.has_attr, &msg->out.attr);
	if (request->status != NFS3_OK)
		return;
	rpc_out_u32(out, FS_LINK_MAX); /* linkmax */
	rpc_out_u32(out, FS_NAME_MAX); /* name_max */
	rpc_out_u32(out, true); /* no_trunc */
	rpc_out_u32(out, true); /* chown_restricted */
	rpc_out_u32(out, false); /* case_insensitive */
	rpc_out_u32(out, true); /* case_preserving */
}
