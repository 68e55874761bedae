/* SPDX-License-Identifier: Apache-2.0 */
/* The procedures of NFS and MOUNT as rows of a table, by subject. What rows share to choose a target. */
#ifndef TESTS_FRONT_NFS_ROWS_H
#define TESTS_FRONT_NFS_ROWS_H

#include "tests/front/nfs_side.h"

#define NFS_FH_ARGS 60U /* bytes of a handle in a call */

static inline struct nfs_model *nfs_model_of(const struct nfs_call *call)
{
	return nfs_side_of(call->front)->model;
}

/* An object whose names nobody changes, of one of these kinds (bits); false: there is none. Sets call->object. */
bool nfs_choose_object(struct nfs_call *call, unsigned kinds);
/* Any name that nobody changes; `taken`: something stands there. Sets call->dir and name. */
bool nfs_choose_name(struct nfs_call *call, bool taken);
bool nfs_object_in_use(const struct nfs_call *call, uint8_t object);
/* Has somebody changed the name since the call was sent, or is about to? */
bool nfs_name_is_unsure(const struct nfs_call *call, unsigned dir, unsigned name);
void nfs_change_add(struct nfs_call *call, unsigned dir, unsigned name, uint8_t after);
struct nfs_fh3 nfs_object_fh(const struct nfs_call *call);
struct nfs_fh3 nfs_dir_fh(const struct nfs_call *call, unsigned dir);
struct diropargs3 nfs_where(const struct nfs_call *call, unsigned dir, unsigned name);

/* nfs_rows_data.c: about one object */
bool nfs_getattr_send(struct nfs_call *call);
void nfs_getattr_check(struct nfs_call *call, void *results);
bool nfs_setattr_send(struct nfs_call *call);
bool nfs_access_send(struct nfs_call *call);
void nfs_access_check(struct nfs_call *call, void *results);
bool nfs_readlink_send(struct nfs_call *call);
void nfs_readlink_check(struct nfs_call *call, void *results);
bool nfs_read_send(struct nfs_call *call);
void nfs_read_check(struct nfs_call *call, void *results);
bool nfs_write_send(struct nfs_call *call);
void nfs_write_check(struct nfs_call *call, void *results);
bool nfs_commit_send(struct nfs_call *call);
void nfs_commit_check(struct nfs_call *call, void *results);

/* nfs_rows_name.c: about names */
bool nfs_lookup_send(struct nfs_call *call);
void nfs_lookup_check(struct nfs_call *call, void *results);
bool nfs_create_send(struct nfs_call *call);
void nfs_create_check(struct nfs_call *call, void *results);
bool nfs_mkdir_send(struct nfs_call *call);
bool nfs_symlink_send(struct nfs_call *call);
bool nfs_mknod_send(struct nfs_call *call);
bool nfs_remove_send(struct nfs_call *call);
bool nfs_rmdir_send(struct nfs_call *call);
bool nfs_rename_send(struct nfs_call *call);
bool nfs_link_send(struct nfs_call *call);
bool nfs_readdir_send(struct nfs_call *call);
void nfs_readdir_check(struct nfs_call *call, void *results);
bool nfs_readdirplus_send(struct nfs_call *call);
void nfs_readdirplus_check(struct nfs_call *call, void *results);

#endif
