/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: forged handles, squashing, read-only and withdrawn exports, "..", offline volumes; MOUNT. */
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "proto/nfs/nfs_private.h"
#include "tests/base/cmocka_all.h"
#include "tests/proto/nfs_rig.h"

static struct rig rig;
static const char *const default_options = "rw,insecure,no_root_squash";

static int setup(void **state)
{
	(void)state;
	rig_start(&rig, default_options, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_stop(&rig);
	return 0;
}

/* --- handles --- */

static void handle_with_any_bit_flipped_is_refused(void **state)
{
	fattr3 attr;

	(void)state;
	assert_int_equal(rig.root.len, NFS_HANDLE_SIZE);
	for (uint32_t bit = 0; bit < NFS_HANDLE_SIZE * 8; bit++) {
		nfs_fh3 forged = rig.root;
		uint32_t status;

		forged.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
		status = rig_getattr(&rig, &forged, &attr);
		assert_true(status == NFS3ERR_BADHANDLE || status == NFS3ERR_STALE);
	}
	assert_int_equal(rig_getattr(&rig, &rig.root, &attr), NFS3_OK);
}

static void handle_of_any_other_length_is_refused(void **state)
{
	fattr3 attr;

	(void)state;
	for (uint32_t len = 0; len <= NFS3_FHSIZE; len++) {
		nfs_fh3 other = rig.root;

		other.len = len;
		assert_int_equal(rig_getattr(&rig, &other, &attr),
		                 len == NFS_HANDLE_SIZE ? NFS3_OK : NFS3ERR_BADHANDLE);
	}
}

static void handle_survives_encode_and_decode(void **state)
{
	struct nfs_handle handle = { .export_id = 0x89abcdef,
		                     .volume_uuid = { { 9, 8, 7 } },
		                     .file = { 0xfedcba98, 0x76543210, 0xfedcba9876543210 } },
	                  again;
	uint8_t key[16] = { 1, 2, 3 };
	nfs_fh3 wire = { .len = NFS_HANDLE_SIZE };

	(void)state;
	nfs_handle_encode(&handle, key, wire.data);
	assert_int_equal(nfs_handle_decode(&wire, &again), 0);
	assert_int_equal(nfs_handle_verify(&wire, key), 0);
	assert_int_equal(again.export_id, handle.export_id);
	assert_true(uuid_equal(&again.volume_uuid, &handle.volume_uuid));
	assert_memory_equal(&again.file, &handle.file, sizeof handle.file);
	key[15] = 1;
	assert_int_equal(nfs_handle_verify(&wire, key), -EBADMSG);
}

static void removed_file_is_stale_and_its_number_reused_is_another(void **state)
{
	REMOVE3args args = { .object.dir = rig.root };
	nfs_fh3 old, fresh;
	fattr3 attr;
	wcc3res res;

	(void)state;
	assert_int_equal(rig_create(&rig, &rig.root, "gone", &old), NFS3_OK);
	rig_name(&args.object.name, "gone");
	rig_nfs(&rig, 12, RIG_XDR(xdr_REMOVE3args), &args, RIG_XDR(xdr_wcc3res), &res);
	assert_int_equal(res.status, NFS3_OK);
	assert_int_equal(rig_create(&rig, &rig.root, "new", &fresh), NFS3_OK);
	assert_int_equal(rig_getattr(&rig, &old, &attr), NFS3ERR_STALE);
	assert_int_equal(rig_getattr(&rig, &fresh, &attr), NFS3_OK);
}

/* --- squashing --- */

static struct fs_cred squash(enum export_squash how, enum rpc_auth_flavor flavor, uint32_t uid, uint32_t gid,
                             uint32_t aux)
{
	struct export_client client = { .squash = how, .anon_uid = 501, .anon_gid = 502 };
	struct rpc_cred rpc = { flavor, uid, gid, 2, { aux, 77 } };
	struct fs_cred cred;

	nfs_squash(&client, &rpc, &cred);
	assert_false(cred.privileged);
	return cred;
}

static void expect_cred(struct fs_cred cred, uint32_t uid, uint32_t gid, uint32_t n_gids, uint32_t aux)
{
	assert_int_equal(cred.uid, uid);
	assert_int_equal(cred.gid, gid);
	assert_int_equal(cred.n_gids, n_gids);
	if (n_gids > 0) {
		assert_int_equal(cred.gids[0], aux);
		assert_int_equal(cred.gids[1], 77);
	}
}

static void squash_matrix(void **state)
{
	(void)state;
	expect_cred(squash(EXPORT_SQUASH_ROOT, RPC_FLAVOR_SYS, 0, 0, 0), 501, 502, 2, 502);
	expect_cred(squash(EXPORT_SQUASH_ROOT, RPC_FLAVOR_SYS, 0, 9, 8), 501, 9, 2, 8);
	expect_cred(squash(EXPORT_SQUASH_ROOT, RPC_FLAVOR_SYS, 7, 0, 8), 7, 502, 2, 8);
	expect_cred(squash(EXPORT_SQUASH_ROOT, RPC_FLAVOR_SYS, 7, 9, 0), 7, 9, 2, 502);
	expect_cred(squash(EXPORT_SQUASH_NONE, RPC_FLAVOR_SYS, 0, 0, 0), 0, 0, 2, 0);
	expect_cred(squash(EXPORT_SQUASH_NONE, RPC_FLAVOR_SYS, 7, 9, 8), 7, 9, 2, 8);
	expect_cred(squash(EXPORT_SQUASH_ALL, RPC_FLAVOR_SYS, 7, 9, 8), 501, 502, 0, 0);
	expect_cred(squash(EXPORT_SQUASH_ALL, RPC_FLAVOR_SYS, 0, 0, 0), 501, 502, 0, 0);
	expect_cred(squash(EXPORT_SQUASH_NONE, RPC_FLAVOR_NONE, 0, 0, 0), 501, 502, 0, 0);
	expect_cred(squash(EXPORT_SQUASH_ROOT, RPC_FLAVOR_NONE, 7, 9, 8), 501, 502, 0, 0);
}

/* What credentials a GETATTR reaches the file system with. */
static struct fs_cred cred_that_arrives(void)
{
	struct fs_cred cred;
	fattr3 attr;

	assert_int_equal(rig_getattr(&rig, &rig.root, &attr), NFS3_OK);
	ramfs_last_cred(rig.volume, &cred);
	return cred;
}

static void squashing_reaches_the_file_system(void **state)
{
	struct fs_cred cred;

	(void)state;
	rig.uid = rig.gid = 0;
	rig.n_gids = 1;
	rig.gids[0] = 0;
	assert_int_equal(cred_that_arrives().uid, 0);
	rig_export(&rig, "rw,insecure,root_squash,anonuid=42,anongid=43", 0, NULL);
	cred = cred_that_arrives();
	assert_int_equal(cred.uid, 42);
	assert_int_equal(cred.gid, 43);
	assert_int_equal(cred.gids[0], 43);
	rig_export(&rig, default_options, 0, NULL);
	rig.auth_none = true;
	assert_int_equal(cred_that_arrives().uid, EXPORT_ANON_ID);
	rig.auth_none = false;
	rig.uid = rig.gid = 1000;
	rig.n_gids = 0;
}

/* --- exports --- */

static uint32_t setattr_status(const nfs_fh3 *file)
{
	SETATTR3args args = { .object = *file, .new_attributes.mode = { true, { 0600 } } };
	wcc3res res;

	rig_nfs(&rig, 2, RIG_XDR(xdr_SETATTR3args), &args, RIG_XDR(xdr_wcc3res), &res);
	return res.status;
}

static uint32_t removal_status(uint32_t procedure, const char *name)
{
	REMOVE3args args = { .object.dir = rig.root };
	wcc3res res;

	rig_name(&args.object.name, name);
	rig_nfs(&rig, procedure, RIG_XDR(xdr_REMOVE3args), &args, RIG_XDR(xdr_wcc3res), &res);
	return res.status;
}

static uint32_t rename_status(const nfs_fh3 *to)
{
	RENAME3args args = { .from.dir = rig.root, .to.dir = *to };
	RENAME3res res;

	rig_name(&args.from.name, "ro-file");
	rig_name(&args.to.name, "moved");
	rig_nfs(&rig, 14, RIG_XDR(xdr_RENAME3args), &args, RIG_XDR(xdr_RENAME3res), &res);
	return res.status;
}

static uint32_t link_status(const nfs_fh3 *file, const nfs_fh3 *to)
{
	LINK3args args = { .file = *file, .link.dir = *to };
	LINK3res res;

	rig_name(&args.link.name, "linked");
	rig_nfs(&rig, 15, RIG_XDR(xdr_LINK3args), &args, RIG_XDR(xdr_LINK3res), &res);
	return res.status;
}

static uint32_t commit_status(const nfs_fh3 *file)
{
	COMMIT3args args = { .file = *file };
	COMMIT3res res;

	rig_nfs(&rig, 21, RIG_XDR(xdr_COMMIT3args), &args, RIG_XDR(xdr_COMMIT3res), &res);
	return res.status;
}

static uint32_t access_granted(const nfs_fh3 *file)
{
	ACCESS3args args = { *file, 0x3f };
	ACCESS3res res;

	rig_nfs(&rig, 4, RIG_XDR(xdr_ACCESS3args), &args, RIG_XDR(xdr_ACCESS3res), &res);
	assert_int_equal(res.status, NFS3_OK);
	return res.ACCESS3res_u.resok.access;
}

static void read_only_export_refuses_every_change(void **state)
{
	nfs_fh3 file, made;
	uint64_t messages;
	WRITE3res written;
	READ3res read;
	char byte = 'x';

	(void)state;
	assert_int_equal(rig_create(&rig, &rig.root, "ro-file", &file), NFS3_OK);
	rig_export(&rig, "ro,insecure,no_root_squash", 0, NULL);
	messages = ramfs_messages(rig.volume);
	assert_int_equal(setattr_status(&file), NFS3ERR_ROFS);
	assert_int_equal(rig_write_file(&rig, &file, 0, &byte, 1, FILE_SYNC, &written), NFS3ERR_ROFS);
	assert_int_equal(rig_create(&rig, &rig.root, "new", &made), NFS3ERR_ROFS);
	assert_int_equal(rig_mkdir(&rig, &rig.root, "new", &made), NFS3ERR_ROFS);
	assert_int_equal(rig_symlink(&rig, &rig.root, "new", "t", &made), NFS3ERR_ROFS);
	assert_int_equal(rig_mknod(&rig, &rig.root, "new", NF3FIFO, &made), NFS3ERR_ROFS);
	assert_int_equal(removal_status(12, "ro-file"), NFS3ERR_ROFS);
	assert_int_equal(removal_status(13, "ro-file"), NFS3ERR_ROFS);
	assert_int_equal(rename_status(&rig.root), NFS3ERR_ROFS);
	assert_int_equal(link_status(&file, &rig.root), NFS3ERR_ROFS);
	assert_int_equal(commit_status(&file), NFS3ERR_ROFS);
	assert_int_equal(ramfs_messages(rig.volume), messages);
	assert_int_equal(rig_read_file(&rig, &file, 0, 10, &byte, &read), NFS3_OK);
	assert_int_equal(access_granted(&file) & (FS_ACCESS_MODIFY | FS_ACCESS_EXTEND | FS_ACCESS_DELETE), 0);
	rig_export(&rig, default_options, 0, NULL);
	assert_int_equal(access_granted(&file) & FS_ACCESS_MODIFY, FS_ACCESS_MODIFY);
	assert_int_equal(removal_status(12, "ro-file"), NFS3_OK);
}

static void export_is_checked_at_every_request(void **state)
{
	struct export_client client;
	struct export_spec spec = { 1, "/", &client, 1 };
	nfs_fh3 handle;
	fattr3 attr;

	(void)state;
	assert_int_equal(rig_getattr(&rig, &rig.root, &attr), NFS3_OK);
	assert_int_equal(export_client_init(&client, "10.0.0.0/8"), 0);
	assert_int_equal(export_table_set(rig.exports, fs_volume_uuid(rig.volume), "vol0", &spec, 1), 0);
	assert_int_equal(rig_getattr(&rig, &rig.root, &attr), NFS3ERR_ACCES);
	assert_int_equal(rig_mount(&rig, "/vol/vol0", &handle), MNT3ERR_ACCES);
	assert_int_equal(export_table_delete(rig.exports, fs_volume_uuid(rig.volume)), 0);
	assert_int_equal(rig_getattr(&rig, &rig.root, &attr), NFS3ERR_STALE);
	assert_int_equal(rig_mount(&rig, "/vol/vol0", &handle), MNT3ERR_ACCES);
	rig_export(&rig, "rw,secure,no_root_squash", 0, NULL); /* our port is a high one */
	assert_int_equal(rig_getattr(&rig, &rig.root, &attr), NFS3ERR_ACCES);
	assert_int_equal(rig_mount(&rig, "/vol/vol0", &handle), MNT3ERR_ACCES);
	rig_export(&rig, default_options, 0, NULL);
	assert_int_equal(rig_getattr(&rig, &rig.root, &attr), NFS3_OK);
}

/* He is told the same of what is exported to others, of what is below, of what is there and of what is not. */
static void who_may_not_mount_finds_out_no_paths(void **state)
{
	static const char *const paths[] = { "/vol/vol0",
		                             "/vol/vol0/closed",
		                             "/vol/vol0/closed/there",
		                             "/vol/vol0/closed/none",
		                             "/vol/vol0/none",
		                             "/vol/vol1",
		                             "/vol",
		                             "/" };
	struct export_client client;
	struct export_spec spec = { 9, "/closed", &client, 1 };
	nfs_fh3 closed, there, handle;

	(void)state;
	assert_int_equal(rig_mkdir(&rig, &rig.root, "closed", &closed), NFS3_OK);
	assert_int_equal(rig_mkdir(&rig, &closed, "there", &there), NFS3_OK);
	assert_int_equal(export_client_init(&client, "10.0.0.0/8"), 0);
	assert_int_equal(export_table_set(rig.exports, fs_volume_uuid(rig.volume), "vol0", &spec, 1), 0);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		assert_int_equal(rig_mount(&rig, paths[i], &handle), MNT3ERR_ACCES);
	rig_export(&rig, default_options, 0, NULL);
}

static void dotdot_does_not_leave_a_subdirectory_export(void **state)
{
	nfs_fh3 sub, inner, root, inside, up;
	fattr3 root_attr, up_attr;

	(void)state;
	assert_int_equal(rig_mkdir(&rig, &rig.root, "sub", &sub), NFS3_OK);
	assert_int_equal(rig_mkdir(&rig, &sub, "inner", &inner), NFS3_OK);
	rig_export(&rig, default_options, 2, "/sub");
	assert_int_equal(rig_mount(&rig, "/vol/vol0/sub", &root), MNT3_OK);
	assert_int_equal(rig_lookup(&rig, &root, "inner", &inside), NFS3_OK);
	assert_int_equal(rig_lookup(&rig, &inside, "..", &up), NFS3_OK);
	assert_memory_equal(up.data, root.data, NFS_HANDLE_SIZE);
	assert_int_equal(rig_lookup(&rig, &root, "..", &up), NFS3_OK);
	assert_memory_equal(up.data, root.data, NFS_HANDLE_SIZE);
	/* the same directory by the other export goes up */
	assert_int_equal(rig_lookup(&rig, &sub, "..", &up), NFS3_OK);
	assert_int_equal(rig_getattr(&rig, &up, &up_attr), NFS3_OK);
	assert_int_equal(rig_getattr(&rig, &rig.root, &root_attr), NFS3_OK);
	assert_true(up_attr.fileid == root_attr.fileid);
	rig_export(&rig, default_options, 0, NULL);
}

static uint32_t rename_of(const nfs_fh3 *dir, const char *from, const nfs_fh3 *to_dir, const char *to)
{
	RENAME3args args = { .from.dir = *dir, .to.dir = *to_dir };
	RENAME3res res;

	rig_name(&args.from.name, from);
	rig_name(&args.to.name, to);
	rig_nfs(&rig, 14, RIG_XDR(xdr_RENAME3args), &args, RIG_XDR(xdr_RENAME3res), &res);
	return res.status;
}

static void directory_moved_out_of_an_export_answers_no_old_handle(void **state)
{
	nfs_fh3 shared, moved, root, inside, file, up, handle;
	fattr3 attr;

	(void)state;
	assert_int_equal(rig_mkdir(&rig, &rig.root, "shared", &shared), NFS3_OK);
	assert_int_equal(rig_mkdir(&rig, &shared, "moved", &moved), NFS3_OK);
	rig_export(&rig, default_options, 7, "/shared");
	assert_int_equal(rig_mount(&rig, "/vol/vol0/shared", &root), MNT3_OK);
	assert_int_equal(rig_lookup(&rig, &root, "moved", &inside), NFS3_OK);
	assert_int_equal(rig_create(&rig, &inside, "file", &file), NFS3_OK);
	assert_int_equal(rename_of(&shared, "moved", &rig.root, "private"), NFS3_OK);
	assert_int_equal(rig_lookup(&rig, &inside, "..", &up), NFS3ERR_STALE);
	assert_int_equal(rig_lookup(&rig, &inside, "file", &handle), NFS3ERR_STALE);
	assert_int_equal(rig_getattr(&rig, &inside, &attr), NFS3ERR_STALE);
	assert_int_equal(rig_create(&rig, &inside, "more", &handle), NFS3ERR_STALE);
	assert_int_equal(rename_of(&root, "x", &inside, "x"), NFS3ERR_STALE);
	assert_int_equal(rig_getattr(&rig, &file, &attr), NFS3_OK); /* as an open file */
	assert_int_equal(rename_of(&rig.root, "private", &shared, "back"), NFS3_OK);
	assert_int_equal(rig_lookup(&rig, &inside, "file", &handle), NFS3_OK);
	/* the export is the directory, not its name */
	assert_int_equal(rename_of(&rig.root, "shared", &rig.root, "elsewhere"), NFS3_OK);
	assert_int_equal(rig_mkdir(&rig, &rig.root, "shared", &handle), NFS3_OK);
	assert_int_equal(rig_mount(&rig, "/vol/vol0/shared", &handle), MNT3ERR_NOENT);
	assert_int_equal(rig_lookup(&rig, &inside, "file", &handle), NFS3_OK);
	/* and nobody finds out by it what is at that name now */
	assert_int_equal(rig_lookup(&rig, &rig.root, "shared", &handle), NFS3_OK);
	assert_int_equal(rig_create(&rig, &handle, "secret", &file), NFS3_OK);
	assert_int_equal(rig_mount(&rig, "/vol/vol0/shared/secret", &handle), MNT3ERR_NOENT);
	assert_int_equal(rig_mount(&rig, "/vol/vol0/shared/secret/x", &handle), MNT3ERR_NOENT);
	assert_int_equal(rig_mount(&rig, "/vol/vol0/shared/none", &handle), MNT3ERR_NOENT);
	rig_export(&rig, default_options, 0, NULL);
}

static void two_directories_of_different_exports_are_different_devices(void **state)
{
	nfs_fh3 sub, root, file;

	(void)state;
	assert_int_equal(rig_mkdir(&rig, &rig.root, "other", &sub), NFS3_OK);
	rig_export(&rig, default_options, 2, "/other");
	assert_int_equal(rig_mount(&rig, "/vol/vol0/other", &root), MNT3_OK);
	assert_int_equal(rig_create(&rig, &rig.root, "ro-file", &file), NFS3_OK);
	assert_int_equal(rename_status(&root), NFS3ERR_XDEV);
	assert_int_equal(link_status(&file, &root), NFS3ERR_XDEV);
	root.data[50] ^= 1;
	assert_int_equal(rename_status(&root), NFS3ERR_XDEV);
	sub.data[50] ^= 1;
	assert_int_equal(rename_status(&sub), NFS3ERR_BADHANDLE);
	rig_export(&rig, default_options, 0, NULL);
}

static void failures_of_the_file_system_reach_the_client(void **state)
{
	static const struct {
		int err;
		uint32_t status;
	} rows[] = {
		{ -EIO, NFS3ERR_IO },         { -EUCLEAN, NFS3ERR_IO },
		{ -ENOSPC, NFS3ERR_NOSPC },   { -FS_EJUKEBOX, NFS3ERR_JUKEBOX },
		{ -ENODEV, NFS3ERR_JUKEBOX }, { -ESTALE, NFS3ERR_STALE },
		{ -EROFS, NFS3ERR_ROFS },     { -EDQUOT, NFS3ERR_DQUOT },
		{ -12345, NFS3ERR_IO },       { -EACCES, NFS3ERR_ACCES },
	};
	WRITE3res written;
	fattr3 attr;
	char bytes[5000] = { 0 };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		ramfs_fail(rig.volume, rows[i].err);
		assert_int_equal(rig_getattr(&rig, &rig.root, &attr), rows[i].status);
		assert_int_equal(rig_write_file(&rig, &rig.root, 0, bytes, sizeof bytes, UNSTABLE, &written),
		                 rows[i].status);
		assert_int_equal(commit_status(&rig.root), rows[i].status);
	}
	ramfs_fail(rig.volume, 0);
	assert_int_equal(rig_getattr(&rig, &rig.root, &attr), NFS3_OK);
}

/* --- MOUNT --- */

static void mount_takes_paths_and_says_what_is_wrong_with_others(void **state)
{
	nfs_fh3 dir, file, handle;
	char path[2000];

	(void)state;
	assert_int_equal(rig_mkdir(&rig, &rig.root, "mdir", &dir), NFS3_OK);
	assert_int_equal(rig_create(&rig, &rig.root, "mfile", &file), NFS3_OK);
	assert_int_equal(rig_mount(&rig, "/vol/vol0/", &handle), MNT3_OK);
	assert_memory_equal(handle.data, rig.root.data, NFS_HANDLE_SIZE);
	assert_int_equal(rig_mount(&rig, "//vol/vol0//mdir//", &handle), MNT3_OK);
	assert_memory_equal(handle.data, dir.data, NFS_HANDLE_SIZE);
	assert_int_equal(rig_mount(&rig, "/vol/vol0/mfile", &handle), MNT3ERR_NOTDIR);
	assert_int_equal(rig_mount(&rig, "/vol/vol0/none", &handle), MNT3ERR_NOENT);
	assert_int_equal(rig_mount(&rig, "/vol/vol1", &handle), MNT3ERR_ACCES);
	assert_int_equal(rig_mount(&rig, "/vol", &handle), MNT3ERR_ACCES);
	assert_int_equal(rig_mount(&rig, "/", &handle), MNT3ERR_ACCES);
	assert_int_equal(rig_mount(&rig, "", &handle), MNT3ERR_ACCES);
	assert_int_equal(rig_mount(&rig, "vol/vol0", &handle), MNT3ERR_ACCES);
	assert_int_equal(rig_mount(&rig, "/vol/vol0/mdir/..", &handle), MNT3ERR_ACCES);
	memset(path, '/', sizeof path);
	path[1025] = '\0';
	assert_int_equal(rig_mount(&rig, path, &handle), MNT3ERR_NAMETOOLONG);
}

static void snapshots_are_mounted_and_read_only(void **state)
{
	nfs_fh3 file, snap, old, made, up;
	WRITE3res written;
	READ3res read;
	char bytes[16] = { 0 };

	(void)state;
	assert_int_equal(rig_create(&rig, &rig.root, "kept", &file), NFS3_OK);
	assert_int_equal(rig_write_file(&rig, &file, 0, "before", 6, FILE_SYNC, &written), NFS3_OK);
	rig_snapshot(&rig, "s1");
	assert_int_equal(rig_write_file(&rig, &file, 0, "after!", 6, FILE_SYNC, &written), NFS3_OK);
	assert_int_equal(rig_mount(&rig, "/vol/vol0/.snapshot/s1", &snap), MNT3_OK);
	assert_int_equal(rig_lookup(&rig, &snap, "kept", &old), NFS3_OK);
	assert_int_equal(rig_read_file(&rig, &old, 0, 10, bytes, &read), NFS3_OK);
	assert_string_equal(bytes, "before");
	assert_int_equal(rig_write_file(&rig, &old, 0, "x", 1, FILE_SYNC, &written), NFS3ERR_ROFS);
	assert_int_equal(rig_create(&rig, &snap, "new", &made), NFS3ERR_ROFS);
	assert_int_equal(rig_lookup(&rig, &rig.root, ".snapshot", &up), NFS3_OK);
	assert_int_equal(rig_lookup(&rig, &up, "s1", &made), NFS3_OK);
	assert_memory_equal(made.data, snap.data, NFS_HANDLE_SIZE);
}

static bool list_has(const char *text)
{
	return memmem(rig.record, rig.record_len, text, strlen(text)) != NULL;
}

static void mounts_and_exports_are_listed(void **state)
{
	nfspath3 path = { .len = 14, .bytes = "/vol/vol0/mdir" };

	(void)state;
	rig_call(&rig, MOUNT3_PROGRAM, MOUNTPROC3_DUMP, NULL, NULL, NULL, NULL);
	assert_true(list_has("/vol/vol0/mdir") && list_has("127.0.0.1"));
	rig_call(&rig, MOUNT3_PROGRAM, MOUNTPROC3_UMNT, RIG_XDR(xdr_nfspath3), &path, NULL, NULL);
	rig_call(&rig, MOUNT3_PROGRAM, MOUNTPROC3_DUMP, NULL, NULL, NULL, NULL);
	assert_true(!list_has("/vol/vol0/mdir") && list_has("/vol/vol0"));
	rig_call(&rig, MOUNT3_PROGRAM, MOUNTPROC3_UMNTALL, NULL, NULL, NULL, NULL);
	rig_call(&rig, MOUNT3_PROGRAM, MOUNTPROC3_DUMP, NULL, NULL, NULL, NULL);
	assert_false(list_has("127.0.0.1"));
	rig_export(&rig, default_options, 2, "/mdir");
	rig_call(&rig, MOUNT3_PROGRAM, MOUNTPROC3_EXPORT, NULL, NULL, NULL, NULL);
	assert_true(list_has("/vol/vol0") && list_has("/vol/vol0/mdir") && list_has("127.0.0.0/8"));
	rig_export(&rig, default_options, 0, NULL);
}

static void strangers_are_told_neither_rules_nor_clients_nor_paths(void **state)
{
	struct export_client clients[3];
	struct export_spec specs[] = { { .id = 1, .path = "/", .clients = &clients[0], .n_clients = 2 },
		                       { .id = 2, .path = "/secret", .clients = &clients[2], .n_clients = 1 } };
	nfs_fh3 handle;

	(void)state;
	assert_int_equal(export_client_init(&clients[0], "127.0.0.0/24"), 0);
	assert_int_equal(export_client_init(&clients[1], "127.0.9.0/24"), 0);
	assert_int_equal(export_client_init(&clients[2], "127.0.9.9"), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(export_client_set_options(&clients[i], default_options), 0);
	assert_int_equal(export_table_set(rig.exports, fs_volume_uuid(rig.volume), "vol0", specs, 2), 0);
	assert_int_equal(rig_mount(&rig, "/vol/vol0", &handle), MNT3_OK);
	rig_call(&rig, MOUNT3_PROGRAM, MOUNTPROC3_EXPORT, NULL, NULL, NULL, NULL);
	assert_true(list_has("/vol/vol0") && list_has("127.0.0.0/24") && !list_has("127.0.9") && !list_has("secret"));
	close(rig.fd);
	rig.fd = rig_connect_from(&rig, "127.0.5.1");
	rig_call(&rig, MOUNT3_PROGRAM, MOUNTPROC3_EXPORT, NULL, NULL, NULL, NULL);
	assert_false(list_has("/vol"));
	rig_call(&rig, MOUNT3_PROGRAM, MOUNTPROC3_DUMP, NULL, NULL, NULL, NULL);
	assert_false(list_has("/vol") || list_has("127.0.0.1"));
	rig_reconnect(&rig);
	rig_call(&rig, MOUNT3_PROGRAM, MOUNTPROC3_DUMP, NULL, NULL, NULL, NULL);
	assert_true(list_has("/vol/vol0") && list_has("127.0.0.1"));
	rig_export(&rig, default_options, 0, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handle_with_any_bit_flipped_is_refused),
		cmocka_unit_test(handle_of_any_other_length_is_refused),
		cmocka_unit_test(handle_survives_encode_and_decode),
		cmocka_unit_test(removed_file_is_stale_and_its_number_reused_is_another),
		cmocka_unit_test(squash_matrix),
		cmocka_unit_test(squashing_reaches_the_file_system),
		cmocka_unit_test(read_only_export_refuses_every_change),
		cmocka_unit_test(export_is_checked_at_every_request),
		cmocka_unit_test(who_may_not_mount_finds_out_no_paths),
		cmocka_unit_test(dotdot_does_not_leave_a_subdirectory_export),
		cmocka_unit_test(directory_moved_out_of_an_export_answers_no_old_handle),
		cmocka_unit_test(two_directories_of_different_exports_are_different_devices),
		cmocka_unit_test(failures_of_the_file_system_reach_the_client),
		cmocka_unit_test(mount_takes_paths_and_says_what_is_wrong_with_others),
		cmocka_unit_test(snapshots_are_mounted_and_read_only),
		cmocka_unit_test(mounts_and_exports_are_listed),
		cmocka_unit_test(strangers_are_told_neither_rules_nor_clients_nor_paths),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
