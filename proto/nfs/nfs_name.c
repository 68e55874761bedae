/* SPDX-License-Identifier: Apache-2.0 */
/* The procedures about names in directories: LOOKUP, READLINK, CREATE, MKDIR, SYMLINK, MKNOD, REMOVE, RMDIR, RENAME,
 * LINK. */
#include "proto/nfs/nfs_encode.h"

/* What a name is for: "." and ".." may be looked up, but neither made nor dropped. */
enum name_use { NAME_LOOKUP, NAME_MAKE, NAME_DROP };

static bool name_is(const filename3 *name, const char *text)
{
	return name->len == strlen(text) && memcmp(name->bytes, text, name->len) == 0;
}

static uint32_t name_check(const filename3 *name, enum name_use use)
{
	if (name->len > FS_NAME_MAX)
		return NFS3ERR_NAMETOOLONG;
	if (name->len == 0 || memchr(name->bytes, '/', name->len) != NULL ||
	    memchr(name->bytes, '\0', name->len) != NULL)
		return NFS3ERR_INVAL;
	if (use == NAME_LOOKUP || (!name_is(name, ".") && !name_is(name, "..")))
		return NFS3_OK;
	return use == NAME_MAKE ? NFS3ERR_EXIST : NFS3ERR_INVAL;
}

/* The message's operation on `name` in the directory of the handle. */
static uint32_t name_start(struct nfs_request *request, enum fs_op op, const filename3 *name, enum name_use use)
{
	request->msg.op = op;
	request->msg.in.name = name->bytes;
	request->msg.in.name_len = name->len;
	return name_check(name, use);
}

/* --- LOOKUP --- */

uint32_t nfs_lookup_start(struct nfs_request *request)
{
	return name_start(request, FS_LOOKUP, &request->args.lookup.what.name, NAME_LOOKUP);
}

void nfs_lookup_encode(struct nfs_request *request, struct rpc_out *out)
{
	const struct fs_message *msg = &request->msg;

	if (request->status == NFS3_OK) {
		nfs_fh_encode(out, request, &msg->out.attr.id);
		nfs_post_op_attr_encode(out, true, &msg->out.attr);
	}
	nfs_post_op_attr_encode(out, msg->out.has_dir_attr, &msg->out.dir_attr);
}

/* --- READLINK --- */

uint32_t nfs_readlink_start(struct nfs_request *request)
{
	request->msg.op = FS_READLINK;
	return NFS3_OK;
}

void nfs_readlink_encode(struct nfs_request *request, struct rpc_out *out)
{
	const struct fs_message *msg = &request->msg;

	nfs_post_op_attr_encode(out, msg->out.has_attr, &msg->out.attr);
	if (request->status == NFS3_OK)
		rpc_out_opaque(out, msg->out.blob, (uint32_t)msg->out.blob_len);
}

/* --- making things --- */

static const enum fs_create_mode create_modes[] = {
	[UNCHECKED] = FS_CREATE_UNCHECKED, [GUARDED] = FS_CREATE_GUARDED, [EXCLUSIVE] = FS_CREATE_EXCLUSIVE
};

uint32_t nfs_create_start(struct nfs_request *request)
{
	const CREATE3args *args = &request->args.create;
	struct fs_message *msg = &request->msg;
	uint32_t status = name_start(request, FS_CREATE, &args->where.name, NAME_MAKE);

	msg->in.create.mode = create_modes[args->how.mode];
	msg->in.create.type = FS_TYPE_REG;
	if (status != NFS3_OK)
		return status;
	if (args->how.mode != EXCLUSIVE)
		return nfs_setattr_of(&args->how.createhow3_u.obj_attributes, &msg->in.setattr);
	msg->in.create.verifier = args->how.createhow3_u.verf;
	return NFS3_OK;
}

uint32_t nfs_mkdir_start(struct nfs_request *request)
{
	const MKDIR3args *args = &request->args.mkdir;
	uint32_t status = name_start(request, FS_MKDIR, &args->where.name, NAME_MAKE);

	return status != NFS3_OK ? status : nfs_setattr_of(&args->attributes, &request->msg.in.setattr);
}

uint32_t nfs_symlink_start(struct nfs_request *request)
{
	const SYMLINK3args *args = &request->args.symlink;
	uint32_t status = name_start(request, FS_SYMLINK, &args->where.name, NAME_MAKE);

	if (status != NFS3_OK)
		return status;
	if (request->path.page == NULL)
		return NFS3ERR_JUKEBOX;
	if (request->path.len >= FS_PATH_MAX)
		return NFS3ERR_NAMETOOLONG;
	if (request->path.len == 0 || memchr(request->path.bytes, '\0', request->path.len) != NULL)
		return NFS3ERR_INVAL;
	request->msg.in.blob = request->path.bytes;
	request->msg.in.blob_len = request->path.len;
	return nfs_setattr_of(&args->symlink_attributes, &request->msg.in.setattr);
}

static uint32_t mknod_device(struct nfs_request *request, enum fs_type type)
{
	const devicedata3 *device = &request->args.mknod.what.mknoddata3_u.device;
	struct fs_message *msg = &request->msg;

	msg->in.create.type = type;
	msg->in.create.rdev_major = device->spec.specdata1;
	msg->in.create.rdev_minor = device->spec.specdata2;
	return nfs_setattr_of(&device->dev_attributes, &msg->in.setattr);
}

static uint32_t mknod_pipe(struct nfs_request *request, enum fs_type type)
{
	request->msg.in.create.type = type;
	return nfs_setattr_of(&request->args.mknod.what.mknoddata3_u.pipe_attributes, &request->msg.in.setattr);
}

uint32_t nfs_mknod_start(struct nfs_request *request)
{
	const MKNOD3args *args = &request->args.mknod;
	uint32_t status = name_start(request, FS_MKNOD, &args->where.name, NAME_MAKE);

	if (status != NFS3_OK)
		return status;
	switch (args->what.type) {
	case NF3BLK: return mknod_device(request, FS_TYPE_BLK);
	case NF3CHR: return mknod_device(request, FS_TYPE_CHR);
	case NF3FIFO: return mknod_pipe(request, FS_TYPE_FIFO);
	case NF3SOCK: return mknod_pipe(request, FS_TYPE_SOCK);
	case NF3NONE:
	case NF3REG:
	case NF3DIR:
	case NF3LNK: break;
	}
	return NFS3ERR_BADTYPE;
}

void nfs_create_encode(struct nfs_request *request, struct rpc_out *out)
{
	const struct fs_message *msg = &request->msg;

	if (request->status == NFS3_OK) {
		rpc_out_u32(out, true);
		nfs_fh_encode(out, request, &msg->out.attr.id);
		nfs_post_op_attr_encode(out, true, &msg->out.attr);
	}
	nfs_wcc_data_encode(out, &msg->out.dir_pre, msg->out.has_dir_attr, &msg->out.dir_attr);
}

/* --- dropping things --- */

uint32_t nfs_remove_start(struct nfs_request *request)
{
	return name_start(request, FS_REMOVE, &request->args.remove.object.name, NAME_DROP);
}

uint32_t nfs_rmdir_start(struct nfs_request *request)
{
	const filename3 *name = &request->args.remove.object.name;
	uint32_t status = name_start(request, FS_RMDIR, name, NAME_DROP);

	return status == NFS3ERR_INVAL && name_is(name, "..") ? NFS3ERR_EXIST : status;
}

void nfs_remove_encode(struct nfs_request *request, struct rpc_out *out)
{
	const struct fs_message *msg = &request->msg;

	nfs_wcc_data_encode(out, &msg->out.dir_pre, msg->out.has_dir_attr, &msg->out.dir_attr);
}

/* --- moving and linking --- */

static uint32_t to_start(struct nfs_request *request, const diropargs3 *to)
{
	struct fs_message *msg = &request->msg;
	uint32_t status = name_check(&to->name, NAME_MAKE);

	msg->in.to_name = to->name.bytes;
	msg->in.to_name_len = to->name.len;
	return status != NFS3_OK ? status : nfs_admit_second(request, &to->dir, &msg->in.to_dir);
}

uint32_t nfs_rename_start(struct nfs_request *request)
{
	const RENAME3args *args = &request->args.rename;
	uint32_t status = name_start(request, FS_RENAME, &args->from.name, NAME_DROP);

	return status != NFS3_OK ? status : to_start(request, &args->to);
}

void nfs_rename_encode(struct nfs_request *request, struct rpc_out *out)
{
	const struct fs_message *msg = &request->msg;

	nfs_wcc_data_encode(out, &msg->out.dir_pre, msg->out.has_dir_attr, &msg->out.dir_attr);
	nfs_wcc_data_encode(out, &msg->out.to_dir_pre, msg->out.has_to_dir_attr, &msg->out.to_dir_attr);
}

uint32_t nfs_link_start(struct nfs_request *request)
{
	request->msg.op = FS_LINK;
	return to_start(request, &request->args.link.link);
}

void nfs_link_encode(struct nfs_request *request, struct rpc_out *out)
{
	const struct fs_message *msg = &request->msg;

	nfs_post_op_attr_encode(out, msg->out.has_attr, &msg->out.attr);
	nfs_wcc_data_encode(out, &msg->out.to_dir_pre, msg->out.has_to_dir_attr, &msg->out.to_dir_attr);
}
