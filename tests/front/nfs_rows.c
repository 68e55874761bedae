/* SPDX-License-Identifier: Apache-2.0 */
/* The table of procedures, and those about the file system as a whole. */
#include <string.h>

#include "tests/front/nfs_rows.h"

#define SENT(expression) ((expression) == 0)
#define EXPORT_PATH "/vol/vol0"

static char *export_path(void)
{
	return (char *)(uintptr_t)EXPORT_PATH;
}

static bool null_send(struct nfs_call *call)
{
	return SENT(rpc_nfs3_null_async(call->peer->rpc, nfs_answered, call));
}

static bool fsstat_send(struct nfs_call *call)
{
	struct FSSTAT3args args = { .fsroot = nfs_dir_fh(call, 0) };

	return SENT(rpc_nfs3_fsstat_async(call->peer->rpc, nfs_answered, &args, call));
}

static void fsstat_check(struct nfs_call *call, void *results)
{
	const FSSTAT3resok *ok = &((struct FSSTAT3res *)results)->FSSTAT3res_u.resok;

	if (ok->tbytes == 0 || ok->fbytes > ok->tbytes || ok->abytes > ok->fbytes)
		front_fail(call->front, FAIL_WRONG, "of %llu bytes %llu are free and %llu to be had",
		           (unsigned long long)ok->tbytes, (unsigned long long)ok->fbytes,
		           (unsigned long long)ok->abytes);
}

static bool fsinfo_send(struct nfs_call *call)
{
	struct FSINFO3args args = { .fsroot = nfs_dir_fh(call, 0) };

	return SENT(rpc_nfs3_fsinfo_async(call->peer->rpc, nfs_answered, &args, call));
}

static void fsinfo_check(struct nfs_call *call, void *results)
{
	const FSINFO3resok *ok = &((struct FSINFO3res *)results)->FSINFO3res_u.resok;

	if (ok->rtmax != 1U << 20 || ok->wtmax != 1U << 20)
		front_fail(call->front, FAIL_WRONG, "most bytes of a read %u, of a write %u", ok->rtmax, ok->wtmax);
}

static bool pathconf_send(struct nfs_call *call)
{
	struct PATHCONF3args args = { .object = nfs_dir_fh(call, 0) };

	return SENT(rpc_nfs3_pathconf_async(call->peer->rpc, nfs_answered, &args, call));
}

static void pathconf_check(struct nfs_call *call, void *results)
{
	const PATHCONF3resok *ok = &((struct PATHCONF3res *)results)->PATHCONF3res_u.resok;

	if (ok->name_max != 255 || !ok->no_trunc)
		front_fail(call->front, FAIL_WRONG, "longest name %u", ok->name_max);
}

/* ---- MOUNT ---- */

static bool mount_null_send(struct nfs_call *call)
{
	return SENT(rpc_mount3_null_async(call->peer->rpc, nfs_answered, call));
}

static bool mnt_send(struct nfs_call *call)
{
	return SENT(rpc_mount3_mnt_async(call->peer->rpc, nfs_answered, export_path(), call));
}

static void mnt_check(struct nfs_call *call, void *results)
{
	const mountres3_ok *ok = &((struct mountres3 *)results)->mountres3_u.mountinfo;
	const struct nfs_bytes *root = &nfs_model_of(call)->dirs[0];

	if (ok->fhandle.fhandle3_len != root->len || memcmp(ok->fhandle.fhandle3_val, root->bytes, root->len) != 0)
		front_fail(call->front, FAIL_WRONG, "MNT gives another handle than before");
}

static bool dump_send(struct nfs_call *call)
{
	return SENT(rpc_mount3_dump_async(call->peer->rpc, nfs_answered, call));
}

static bool umnt_send(struct nfs_call *call)
{
	return SENT(rpc_mount3_umnt_async(call->peer->rpc, nfs_answered, export_path(), call));
}

static bool umntall_send(struct nfs_call *call)
{
	return SENT(rpc_mount3_umntall_async(call->peer->rpc, nfs_answered, call));
}

static bool export_send(struct nfs_call *call)
{
	return SENT(rpc_mount3_export_async(call->peer->rpc, nfs_answered, call));
}

static void export_check(struct nfs_call *call, void *results)
{
	struct exportnode *list, first; /* libnfs does not align what it decodes */

	memcpy(&list, results, sizeof list);
	if (list == NULL)
		front_fail(call->front, FAIL_WRONG, "there is no export");
	memcpy(&first, list, sizeof first);
	if (strcmp(first.ex_dir, EXPORT_PATH) != 0 || first.ex_next != NULL)
		front_fail(call->front, FAIL_WRONG, "other exports than there are");
}

/* ---- the table ---- */

const struct nfs_row nfs_rows[] = {
	{ .name = "null", .send = null_send },
	{ .name = "getattr",
	  .send = nfs_getattr_send,
	  .check = nfs_getattr_check,
	  .has_status = true,
	  .args_bytes = NFS_FH_ARGS },
	{ .name = "setattr",
	  .send = nfs_setattr_send,
	  .has_status = true,
	  .modifies = true,
	  .args_bytes = NFS_FH_ARGS + 24 },
	{ .name = "lookup",
	  .send = nfs_lookup_send,
	  .check = nfs_lookup_check,
	  .has_status = true,
	  .args_bytes = NFS_FH_ARGS + 8 },
	{ .name = "access",
	  .send = nfs_access_send,
	  .check = nfs_access_check,
	  .has_status = true,
	  .args_bytes = NFS_FH_ARGS + 4 },
	{ .name = "readlink",
	  .send = nfs_readlink_send,
	  .check = nfs_readlink_check,
	  .has_status = true,
	  .args_bytes = NFS_FH_ARGS },
	{ .name = "read",
	  .send = nfs_read_send,
	  .check = nfs_read_check,
	  .has_status = true,
	  .args_bytes = NFS_FH_ARGS + 12 },
	{ .name = "write",
	  .send = nfs_write_send,
	  .check = nfs_write_check,
	  .has_status = true,
	  .modifies = true,
	  .args_bytes = NFS_FH_ARGS + 20 },
	{ .name = "create",
	  .send = nfs_create_send,
	  .check = nfs_create_check,
	  .has_status = true,
	  .modifies = true,
	  .args_bytes = NFS_FH_ARGS + 12 },
	{ .name = "mkdir",
	  .send = nfs_mkdir_send,
	  .check = nfs_create_check,
	  .has_status = true,
	  .modifies = true,
	  .args_bytes = NFS_FH_ARGS + 32 },
	{ .name = "symlink",
	  .send = nfs_symlink_send,
	  .check = nfs_create_check,
	  .has_status = true,
	  .modifies = true,
	  .args_bytes = NFS_FH_ARGS + 40 },
	{ .name = "mknod",
	  .send = nfs_mknod_send,
	  .check = nfs_create_check,
	  .has_status = true,
	  .modifies = true,
	  .args_bytes = NFS_FH_ARGS + 36 },
	{ .name = "remove",
	  .send = nfs_remove_send,
	  .has_status = true,
	  .modifies = true,
	  .args_bytes = NFS_FH_ARGS + 8 },
	{ .name = "rmdir",
	  .send = nfs_rmdir_send,
	  .has_status = true,
	  .modifies = true,
	  .args_bytes = NFS_FH_ARGS + 8 },
	{ .name = "rename",
	  .send = nfs_rename_send,
	  .has_status = true,
	  .modifies = true,
	  .args_bytes = 2 * NFS_FH_ARGS + 16 },
	{ .name = "link",
	  .send = nfs_link_send,
	  .has_status = true,
	  .modifies = true,
	  .args_bytes = 2 * NFS_FH_ARGS + 8 },
	{ .name = "readdir",
	  .send = nfs_readdir_send,
	  .check = nfs_readdir_check,
	  .has_status = true,
	  .args_bytes = NFS_FH_ARGS + 20 },
	{ .name = "readdirplus",
	  .send = nfs_readdirplus_send,
	  .check = nfs_readdirplus_check,
	  .has_status = true,
	  .args_bytes = NFS_FH_ARGS + 24 },
	{ .name = "fsstat", .send = fsstat_send, .check = fsstat_check, .has_status = true, .args_bytes = NFS_FH_ARGS },
	{ .name = "fsinfo", .send = fsinfo_send, .check = fsinfo_check, .has_status = true, .args_bytes = NFS_FH_ARGS },
	{ .name = "pathconf",
	  .send = pathconf_send,
	  .check = pathconf_check,
	  .has_status = true,
	  .args_bytes = NFS_FH_ARGS },
	{ .name = "commit",
	  .send = nfs_commit_send,
	  .check = nfs_commit_check,
	  .has_status = true,
	  .args_bytes = NFS_FH_ARGS + 12 },
	{ .name = "mount-null", .send = mount_null_send, .is_mount = true },
	{ .name = "mnt", .send = mnt_send, .check = mnt_check, .has_status = true, .is_mount = true, .args_bytes = 16 },
	{ .name = "dump", .send = dump_send, .is_mount = true },
	{ .name = "umnt", .send = umnt_send, .is_mount = true, .args_bytes = 16 },
	{ .name = "umntall", .send = umntall_send, .is_mount = true },
	{ .name = "export", .send = export_send, .check = export_check, .is_mount = true },
};

unsigned nfs_n_rows(void)
{
	return ARRAY_SIZE(nfs_rows);
}
