/* SPDX-License-Identifier: Apache-2.0 */
/* The 22 procedures: on every type of object, with names and counts at and beyond their limits, and their data byte for
 * byte. */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "proto/nfs/nfs_private.h"
#include "tests/base/cmocka_all.h"
#include "tests/proto/nfs_rig.h"

static struct rig rig;

/* One object of each type. */
enum object { FILE_, DIR_, LINK_, BLK_, CHR_, FIFO_, SOCK_, VDISK_, SNAPDIR_, N_OBJECTS };
static nfs_fh3 objects[N_OBJECTS];
static const uint32_t object_types[N_OBJECTS] = { NF3REG,  NF3DIR,  NF3LNK, NF3BLK, NF3CHR,
	                                          NF3FIFO, NF3SOCK, NF3REG, NF3DIR };

static int setup(void **state)
{
	(void)state;
	rig_start(&rig, "rw,insecure,no_root_squash", NULL);
	assert_int_equal(rig_create(&rig, &rig.root, "file", &objects[FILE_]), NFS3_OK);
	assert_int_equal(rig_mkdir(&rig, &rig.root, "dir", &objects[DIR_]), NFS3_OK);
	assert_int_equal(rig_symlink(&rig, &rig.root, "link", "target/of the link", &objects[LINK_]), NFS3_OK);
	assert_int_equal(rig_mknod(&rig, &rig.root, "blk", NF3BLK, &objects[BLK_]), NFS3_OK);
	assert_int_equal(rig_mknod(&rig, &rig.root, "chr", NF3CHR, &objects[CHR_]), NFS3_OK);
	assert_int_equal(rig_mknod(&rig, &rig.root, "fifo", NF3FIFO, &objects[FIFO_]), NFS3_OK);
	assert_int_equal(rig_mknod(&rig, &rig.root, "sock", NF3SOCK, &objects[SOCK_]), NFS3_OK);
	assert_int_equal(rig_create(&rig, &rig.root, "vdisk", &objects[VDISK_]), NFS3_OK);
	ramfs_set_type(rig.volume, "vdisk", FS_TYPE_VDISK);
	assert_int_equal(rig_lookup(&rig, &rig.root, ".snapshot", &objects[SNAPDIR_]), NFS3_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rig_stop(&rig);
	return 0;
}

/* --- each procedure on each type --- */

static void types_and_devices_are_shown(void **state)
{
	fattr3 attr;

	(void)state;
	for (unsigned i = 0; i < N_OBJECTS; i++) {
		assert_int_equal(rig_getattr(&rig, &objects[i], &attr), NFS3_OK);
		assert_int_equal(attr.type, object_types[i]);
	}
	assert_int_equal(rig_getattr(&rig, &objects[CHR_], &attr), NFS3_OK);
	assert_int_equal(attr.rdev.specdata1, 7);
	assert_int_equal(attr.rdev.specdata2, 11);
}

static uint32_t readlink_status(const nfs_fh3 *object, char *ret_target)
{
	READLINK3args args = { *object };
	READLINK3res res;

	rig_nfs(&rig, 5, RIG_XDR(xdr_READLINK3args), &args, RIG_XDR(xdr_READLINK3res), &res);
	if (res.status == NFS3_OK) {
		memcpy(ret_target, res.READLINK3res_u.resok.data.page->data, res.READLINK3res_u.resok.data.len);
		ret_target[res.READLINK3res_u.resok.data.len] = '\0';
		nfs_path_free(&res.READLINK3res_u.resok.data);
	}
	return res.status;
}

static uint32_t commit_status(const nfs_fh3 *object, uint64_t offset, uint32_t count)
{
	COMMIT3args args = { *object, offset, count };
	COMMIT3res res;

	rig_nfs(&rig, 21, RIG_XDR(xdr_COMMIT3args), &args, RIG_XDR(xdr_COMMIT3res), &res);
	return res.status;
}

static uint32_t readdir_status(const nfs_fh3 *object)
{
	READDIR3args args = { *object, 0, 0, 4096 };
	uint32_t status;

	rig_nfs(&rig, 16, RIG_XDR(xdr_READDIR3args), &args, RIG_XDR(xdr_uint32_t), &status);
	return status;
}

static uint32_t readdirplus_status(const nfs_fh3 *object)
{
	READDIRPLUS3args args = { *object, 0, 0, 4096, 8192 };
	uint32_t status;

	rig_nfs(&rig, 17, RIG_XDR(xdr_READDIRPLUS3args), &args, RIG_XDR(xdr_uint32_t), &status);
	return status;
}

static void each_procedure_on_each_type_says_what_it_should(void **state)
{
	char bytes[PAGE_SIZE * 2], target[FS_PATH_MAX];
	WRITE3res written;
	READ3res read;
	nfs_fh3 made;

	(void)state;
	for (unsigned i = 0; i < N_OBJECTS; i++) {
		const nfs_fh3 *object = &objects[i];
		bool is_file = object_types[i] == NF3REG, is_dir = object_types[i] == NF3DIR, snap = i == SNAPDIR_;
		uint32_t no_dir = is_dir ? NFS3_OK : NFS3ERR_NOTDIR;
		uint32_t io = is_file ? NFS3_OK : snap ? NFS3ERR_NOTSUPP : is_dir ? NFS3ERR_ISDIR : NFS3ERR_INVAL;
		uint32_t change = snap ? NFS3ERR_ROFS : io, make = snap ? NFS3ERR_ROFS : no_dir;

		assert_int_equal(rig_read_file(&rig, object, 0, 100, bytes, &read), io);
		assert_int_equal(rig_write_file(&rig, object, 0, "12345", 5, UNSTABLE, &written), change);
		assert_int_equal(commit_status(object, 0, 0), io);
		assert_int_equal(readlink_status(object, target), i == LINK_ ? NFS3_OK
		                                                  : snap     ? NFS3ERR_NOTSUPP
		                                                             : NFS3ERR_INVAL);
		assert_int_equal(rig_lookup(&rig, object, ".", &made), no_dir);
		assert_int_equal(rig_lookup(&rig, object, "none", &made), is_dir ? NFS3ERR_NOENT : NFS3ERR_NOTDIR);
		assert_int_equal(rig_create(&rig, object, "c", &made), make);
		assert_int_equal(rig_mkdir(&rig, object, "d", &made), make);
		assert_int_equal(rig_symlink(&rig, object, "l", "t", &made), make);
		assert_int_equal(rig_mknod(&rig, object, "n", NF3FIFO, &made), make);
		assert_int_equal(readdir_status(object), snap ? NFS3ERR_NOTSUPP : no_dir);
		assert_int_equal(readdirplus_status(object), snap ? NFS3ERR_NOTSUPP : no_dir);
	}
	assert_int_equal(readlink_status(&objects[LINK_], target), NFS3_OK);
	assert_string_equal(target, "target/of the link");
}

static void file_system_facts_are_honest(void **state)
{
	FSINFO3args args = { rig.root };
	PATHCONF3args conf_args = { rig.root };
	FSSTAT3args stat_args = { rig.root };
	FSINFO3res info;
	PATHCONF3res conf;
	FSSTAT3res stat;

	(void)state;
	rig_nfs(&rig, 19, RIG_XDR(xdr_FSINFO3args), &args, RIG_XDR(xdr_FSINFO3res), &info);
	assert_int_equal(info.status, NFS3_OK);
	assert_int_equal(info.FSINFO3res_u.resok.rtmax, 1 << 20);
	assert_int_equal(info.FSINFO3res_u.resok.wtmax, 1 << 20);
	assert_true(info.FSINFO3res_u.resok.maxfilesize == FS_FILE_SIZE_MAX);
	assert_int_equal(info.FSINFO3res_u.resok.time_delta.nseconds, 1);
	assert_int_equal(info.FSINFO3res_u.resok.properties,
	                 FSF3_LINK | FSF3_SYMLINK | FSF3_HOMOGENEOUS | FSF3_CANSETTIME);
	rig_nfs(&rig, 20, RIG_XDR(xdr_PATHCONF3args), &conf_args, RIG_XDR(xdr_PATHCONF3res), &conf);
	assert_int_equal(conf.PATHCONF3res_u.resok.name_max, 255);
	assert_true(conf.PATHCONF3res_u.resok.no_trunc && conf.PATHCONF3res_u.resok.case_preserving &&
	            !conf.PATHCONF3res_u.resok.case_insensitive);
	rig_nfs(&rig, 18, RIG_XDR(xdr_FSSTAT3args), &stat_args, RIG_XDR(xdr_FSSTAT3res), &stat);
	assert_true(stat.FSSTAT3res_u.resok.tbytes == 1ULL << 40 && stat.FSSTAT3res_u.resok.ffiles == 999000);
	assert_int_equal(xdr_getpos(&rig.results), rig.record_len);
}

/* --- names --- */

static uint32_t lookup_bytes(const char *name, uint32_t len)
{
	uint8_t call[8192];
	LOOKUP3args args = { .what.dir = rig.root, .what.name = { .len = 0 } };
	uint32_t n = rig_call_make(&rig, call, sizeof call, NFS3_PROGRAM, 3, 3, RIG_XDR(xdr_LOOKUP3args), &args),
	         status;
	struct rpc_out out;
	be32 mark;

	rpc_out_init(&out, call + n - 4, (uint32_t)sizeof call - n);
	rpc_out_opaque(&out, name, len);
	n = n - 4 + (uint32_t)rpc_out_len(&out);
	mark = be32_of(RPC_MARK_LAST | (n - 4));
	memcpy(call, &mark, 4);
	assert_true(rig_write(rig.fd, call, n) && rig_reply(&rig));
	if (rig.accept_stat != RPC_ACCEPT_SUCCESS)
		return UINT32_MAX;
	assert_true(xdr_uint32_t(&rig.results, &status));
	return status;
}

static void names_at_their_limits_and_bad_ones(void **state)
{
	char name[5000];
	nfs_fh3 made;

	(void)state;
	memset(name, 'n', sizeof name);
	assert_int_equal(lookup_bytes(name, 255), NFS3ERR_NOENT);
	assert_int_equal(lookup_bytes(name, 256), NFS3ERR_NAMETOOLONG);
	assert_int_equal(lookup_bytes(name, 257), NFS3ERR_NAMETOOLONG);
	assert_int_equal(lookup_bytes(name, 4096), NFS3ERR_NAMETOOLONG);
	assert_int_equal(lookup_bytes(name, 4097), UINT32_MAX);
	assert_int_equal(lookup_bytes("", 0), NFS3ERR_INVAL);
	assert_int_equal(lookup_bytes("a/b", 3), NFS3ERR_INVAL);
	assert_int_equal(lookup_bytes("a\0b", 3), NFS3ERR_INVAL);
	name[255] = '\0';
	assert_int_equal(rig_create(&rig, &rig.root, name, &made), NFS3_OK);
	name[255] = 'n';
	name[256] = '\0';
	assert_int_equal(rig_create(&rig, &rig.root, name, &made), NFS3ERR_NAMETOOLONG);
	assert_int_equal(rig_mkdir(&rig, &rig.root, name, &made), NFS3ERR_NAMETOOLONG);
	assert_int_equal(rig_symlink(&rig, &rig.root, name, "t", &made), NFS3ERR_NAMETOOLONG);
	assert_int_equal(rig_mknod(&rig, &rig.root, name, NF3FIFO, &made), NFS3ERR_NAMETOOLONG);
	assert_int_equal(rig_create(&rig, &rig.root, "..", &made), NFS3ERR_EXIST);
	assert_int_equal(rig_mkdir(&rig, &rig.root, ".", &made), NFS3ERR_EXIST);
	assert_int_equal(rig_mknod(&rig, &rig.root, "x", NF3REG, &made), NFS3ERR_BADTYPE);
	assert_int_equal(rig_symlink(&rig, &rig.root, "empty", "", &made), NFS3ERR_INVAL);
}

static void symlink_targets_at_their_limit(void **state)
{
	char target[FS_PATH_MAX + 1], back[FS_PATH_MAX + 1];
	nfs_fh3 made;

	(void)state;
	memset(target, 't', sizeof target);
	target[FS_PATH_MAX] = '\0';
	assert_int_equal(rig_symlink(&rig, &rig.root, "long", target, &made), NFS3ERR_NAMETOOLONG);
	target[FS_PATH_MAX - 1] = '\0';
	assert_int_equal(rig_symlink(&rig, &rig.root, "long", target, &made), NFS3_OK);
	assert_int_equal(readlink_status(&made, back), NFS3_OK);
	assert_string_equal(back, target);
}

/* --- making, moving, removing --- */

static void create_modes_do_what_they_say(void **state)
{
	CREATE3args args = { .where.dir = rig.root, .how.mode = EXCLUSIVE, .how.createhow3_u.verf = 42 };
	CREATE3res res;

	(void)state;
	rig_name(&args.where.name, "exclusive");
	for (unsigned i = 0; i < 2; i++) { /* again: a retransmission */
		rig_nfs(&rig, 8, RIG_XDR(xdr_CREATE3args), &args, RIG_XDR(xdr_CREATE3res), &res);
		assert_int_equal(res.status, NFS3_OK);
	}
	args.how.createhow3_u.verf = 43;
	rig_nfs(&rig, 8, RIG_XDR(xdr_CREATE3args), &args, RIG_XDR(xdr_CREATE3res), &res);
	assert_int_equal(res.status, NFS3ERR_EXIST);
	assert_true(res.CREATE3res_u.dir_wcc.before.attributes_follow &&
	            res.CREATE3res_u.dir_wcc.after.attributes_follow);
	memset(&args.how, 0, sizeof args.how);
	args.how.mode = GUARDED;
	rig_nfs(&rig, 8, RIG_XDR(xdr_CREATE3args), &args, RIG_XDR(xdr_CREATE3res), &res);
	assert_int_equal(res.status, NFS3ERR_EXIST);
	args.how.mode = UNCHECKED;
	args.how.createhow3_u.obj_attributes.size = (set_uint64){ true, { 77 } };
	rig_nfs(&rig, 8, RIG_XDR(xdr_CREATE3args), &args, RIG_XDR(xdr_CREATE3res), &res);
	assert_int_equal(res.status, NFS3_OK);
	assert_int_equal(res.CREATE3res_u.resok.obj_attributes.post_op_attr_u.attributes.size, 77);
}

static void rename_and_link_report_both_directories(void **state)
{
	RENAME3args args = { .from.dir = rig.root, .to.dir = objects[DIR_] };
	LINK3args link = { .link.dir = rig.root };
	RENAME3res res;
	LINK3res linked;
	nfs_fh3 file, found;

	(void)state;
	assert_int_equal(rig_create(&rig, &rig.root, "old", &file), NFS3_OK);
	rig_name(&args.from.name, "old");
	rig_name(&args.to.name, "new");
	rig_nfs(&rig, 14, RIG_XDR(xdr_RENAME3args), &args, RIG_XDR(xdr_RENAME3res), &res);
	assert_int_equal(res.status, NFS3_OK);
	assert_true(res.fromdir_wcc.before.attributes_follow && res.todir_wcc.after.attributes_follow);
	assert_int_equal(rig_lookup(&rig, &objects[DIR_], "new", &found), NFS3_OK);
	assert_memory_equal(found.data, file.data, NFS_HANDLE_SIZE);
	assert_int_equal(rig_lookup(&rig, &rig.root, "old", &found), NFS3ERR_NOENT);
	link.file = file;
	rig_name(&link.link.name, "again");
	rig_nfs(&rig, 15, RIG_XDR(xdr_LINK3args), &link, RIG_XDR(xdr_LINK3res), &linked);
	assert_int_equal(linked.status, NFS3_OK);
	assert_int_equal(linked.file_attributes.post_op_attr_u.attributes.nlink, 2);
	rig_nfs(&rig, 15, RIG_XDR(xdr_LINK3args), &link, RIG_XDR(xdr_LINK3res), &linked);
	assert_int_equal(linked.status, NFS3ERR_EXIST);
}

static void removing_the_wrong_kind_is_refused(void **state)
{
	REMOVE3args args = { .object.dir = rig.root };
	nfs_fh3 dir, file;
	wcc3res res;
	static const struct {
		uint32_t procedure;
		const char *name;
		uint32_t status;
	} rows[] = {
		{ 12, "rdir", NFS3ERR_ISDIR }, { 13, "file", NFS3ERR_NOTDIR }, { 13, "rdir", NFS3ERR_NOTEMPTY },
		{ 12, "none", NFS3ERR_NOENT }, { 13, ".", NFS3ERR_INVAL },     { 13, "..", NFS3ERR_EXIST },
		{ 12, "..", NFS3ERR_INVAL },
	};

	(void)state;
	assert_int_equal(rig_mkdir(&rig, &rig.root, "rdir", &dir), NFS3_OK);
	assert_int_equal(rig_create(&rig, &dir, "inside", &file), NFS3_OK);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		rig_name(&args.object.name, rows[i].name);
		rig_nfs(&rig, rows[i].procedure, RIG_XDR(xdr_REMOVE3args), &args, RIG_XDR(xdr_wcc3res), &res);
		assert_int_equal(res.status, rows[i].status);
	}
}

static void setattr_sets_what_is_asked_and_keeps_its_guard(void **state)
{
	SETATTR3args args = { 0 };
	fattr3 attr;
	wcc3res res;

	(void)state;
	assert_int_equal(rig_create(&rig, &rig.root, "attrs", &args.object), NFS3_OK);
	args.new_attributes.mode = (set_uint32){ true, { 0xffff } };
	args.new_attributes.size = (set_uint64){ true, { 12345 } };
	args.new_attributes.mtime.set_it = SET_TO_CLIENT_TIME;
	args.new_attributes.mtime.set_time_u.value = (nfstime3){ 4000000000U, 999999999 };
	rig_nfs(&rig, 2, RIG_XDR(xdr_SETATTR3args), &args, RIG_XDR(xdr_wcc3res), &res);
	assert_int_equal(res.status, NFS3_OK);
	assert_int_equal(rig_getattr(&rig, &args.object, &attr), NFS3_OK);
	assert_int_equal(attr.mode, 07777);
	assert_int_equal(attr.size, 12345);
	assert_int_equal(attr.mtime.seconds, 4000000000U);
	assert_int_equal(attr.mtime.nseconds, 999999999);
	args.guard = (sattrguard3){ true, { attr.ctime } };
	args.guard.sattrguard3_u.obj_ctime.nseconds ^= 1;
	rig_nfs(&rig, 2, RIG_XDR(xdr_SETATTR3args), &args, RIG_XDR(xdr_wcc3res), &res);
	assert_int_equal(res.status, NFS3ERR_NOT_SYNC);
	args.guard.sattrguard3_u.obj_ctime = attr.ctime;
	rig_nfs(&rig, 2, RIG_XDR(xdr_SETATTR3args), &args, RIG_XDR(xdr_wcc3res), &res);
	assert_int_equal(res.status, NFS3_OK);
	args.guard.check = false;
	args.new_attributes.mtime.set_time_u.value.nseconds = 1000000000;
	rig_nfs(&rig, 2, RIG_XDR(xdr_SETATTR3args), &args, RIG_XDR(xdr_wcc3res), &res);
	assert_int_equal(res.status, NFS3ERR_INVAL);
	args.new_attributes.mtime.set_it = DONT_CHANGE;
	args.new_attributes.size.set_uint64_u.value = UINT64_MAX;
	rig_nfs(&rig, 2, RIG_XDR(xdr_SETATTR3args), &args, RIG_XDR(xdr_wcc3res), &res);
	assert_int_equal(res.status, NFS3ERR_FBIG);
}

/* --- data --- */

#define SHADOW_SIZE (3U << 20)

static void data_is_what_was_written_at_any_offset_and_length(void **state)
{
	static const uint32_t lens[] = { 0, 1, 3, 4, 4095, 4096, 4097, 16000, 17000, 65536, 100001, 1048575, 1048576 };
	uint8_t *shadow = calloc(1, SHADOW_SIZE), *bytes = malloc(SHADOW_SIZE);
	unsigned seed = 7;
	uint64_t size = 0;
	nfs_fh3 file;

	(void)state;
	assert_int_equal(rig_create(&rig, &rig.root, "data", &file), NFS3_OK);
	for (unsigned i = 0; i < 150; i++) {
		uint32_t len = lens[(unsigned)rand_r(&seed) % ARRAY_SIZE(lens)],
		         offset = (uint32_t)rand_r(&seed) % (SHADOW_SIZE - len);
		WRITE3res written;
		READ3res read;

		if (rand_r(&seed) % 2 == 0)
			offset &= ~4095U;
		for (uint32_t b = 0; b < len; b++)
			bytes[b] = (uint8_t)rand_r(&seed);
		assert_int_equal(rig_write_file(&rig, &file, offset, bytes, len, i % 3, &written), NFS3_OK);
		assert_int_equal(written.WRITE3res_u.resok.count, len);
		assert_true(written.WRITE3res_u.resok.verf == fs_volume_write_verifier(rig.volume));
		memcpy(shadow + offset, bytes, len);
		size = len > 0 && offset + len > size ? offset + len : size;
		len = lens[(unsigned)rand_r(&seed) % ARRAY_SIZE(lens)];
		offset = (uint32_t)rand_r(&seed) % (uint32_t)(size + 5000);
		assert_int_equal(rig_read_file(&rig, &file, offset, len, bytes, &read), NFS3_OK);
		assert_int_equal(read.READ3res_u.resok.count, offset >= size ? 0 : MIN_OF(len, size - offset));
		assert_int_equal(read.READ3res_u.resok.eof, offset + read.READ3res_u.resok.count >= size);
		assert_memory_equal(bytes, shadow + offset, read.READ3res_u.resok.count);
	}
	free(shadow);
	free(bytes);
}

static void write_in_fragments_arrives_whole(void **state)
{
	WRITE3head args = { .offset = 1000, .count = 50000, .data_len = 50000 };
	uint8_t *call = calloc(1, 60000), *bytes = malloc(50000);
	uint32_t head, at;
	WRITE3res res;
	READ3res read;

	(void)state;
	assert_int_equal(rig_create(&rig, &rig.root, "fragments", &args.file), NFS3_OK);
	head = rig_call_make(&rig, call, 1024, NFS3_PROGRAM, 3, 7, RIG_XDR(xdr_WRITE3head), &args);
	memset(call + head, 0x5a, 50000);
	for (at = 4; at < head + 50000; at += 7001) {
		uint32_t n = MIN_OF(7001U, head + 50000 - at);
		be32 mark = be32_of(n | (at + n == head + 50000 ? RPC_MARK_LAST : 0));

		assert_true(rig_write(rig.fd, &mark, 4) && rig_write(rig.fd, call + at, n));
	}
	assert_true(rig_reply(&rig));
	assert_true(xdr_WRITE3res(&rig.results, &res));
	assert_int_equal(res.status, NFS3_OK);
	assert_int_equal(res.WRITE3res_u.resok.count, 50000);
	assert_int_equal(rig_read_file(&rig, &args.file, 1000, 50000, bytes, &read), NFS3_OK);
	assert_memory_equal(bytes, call + head, 50000);
	free(call);
	free(bytes);
}

/* A WRITE whose head says `count` and `data_len`, with `sent` bytes after it. */
static uint32_t odd_write(uint32_t count, uint32_t data_len, uint32_t sent)
{
	WRITE3head args = { .file = objects[FILE_], .count = count, .data_len = data_len };
	uint8_t *call = calloc(1, 1024 + sent);
	uint32_t len = rig_call_make(&rig, call, 1024, NFS3_PROGRAM, 3, 7, RIG_XDR(xdr_WRITE3head), &args) + sent;
	be32 mark = be32_of(RPC_MARK_LAST | (len - 4));

	memcpy(call, &mark, 4);
	assert_true(rig_write(rig.fd, call, len));
	free(call);
	assert_true(rig_reply(&rig));
	return rig.accept_stat;
}

static void write_counts_that_do_not_match_are_garbage(void **state)
{
	WRITE3res res;

	(void)state;
	assert_int_equal(odd_write(8, 4, 8), RPC_ACCEPT_GARBAGE_ARGS);
	assert_int_equal(odd_write(4, 8, 8), RPC_ACCEPT_GARBAGE_ARGS);
	assert_int_equal(odd_write(8, 8, 4), RPC_ACCEPT_GARBAGE_ARGS);
	assert_int_equal(odd_write(0xffffffff, 0xffffffff, 100), RPC_ACCEPT_GARBAGE_ARGS);
	assert_int_equal(odd_write(0xfffffffd, 0xfffffffd, 100000), RPC_ACCEPT_GARBAGE_ARGS);
	assert_int_equal(odd_write(20000, 20000, 19996), RPC_ACCEPT_GARBAGE_ARGS);
	assert_int_equal(odd_write(40000, 40000, 44000), RPC_ACCEPT_SUCCESS); /* bytes after it are ignored */
	assert_int_equal(odd_write(1050000, 1050000, 1050000), RPC_ACCEPT_SUCCESS);
	assert_true(xdr_WRITE3res(&rig.results, &res));
	assert_int_equal(res.WRITE3res_u.resok.count, 1 << 20); /* no more than wtmax */
}

static void offsets_near_the_end_of_the_number_line(void **state)
{
	static const uint64_t offsets[] = { (1ULL << 63) - 1, 1ULL << 63, UINT64_MAX - 10, UINT64_MAX };
	WRITE3res written;
	READ3res read;
	char bytes[64];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++) {
		assert_int_equal(rig_read_file(&rig, &objects[FILE_], offsets[i], 64, bytes, &read), NFS3_OK);
		assert_true(read.READ3res_u.resok.count == 0 && read.READ3res_u.resok.eof);
		assert_int_equal(rig_write_file(&rig, &objects[FILE_], offsets[i], bytes, 64, UNSTABLE, &written),
		                 NFS3ERR_FBIG);
		assert_int_equal(commit_status(&objects[FILE_], offsets[i], UINT32_MAX), NFS3_OK);
	}
}

static void read_of_more_than_the_limit_gives_the_limit(void **state)
{
	uint8_t *bytes = calloc(1, 1 << 20);
	WRITE3res written;
	READ3res read;
	nfs_fh3 file;

	(void)state;
	assert_int_equal(rig_create(&rig, &rig.root, "large", &file), NFS3_OK);
	assert_int_equal(rig_write_file(&rig, &file, 0, bytes, 1 << 20, UNSTABLE, &written), NFS3_OK);
	assert_int_equal(rig_write_file(&rig, &file, 1 << 20, bytes, 1 << 20, UNSTABLE, &written), NFS3_OK);
	assert_int_equal(rig_read_file(&rig, &file, 5, UINT32_MAX, bytes, &read), NFS3_OK);
	assert_int_equal(read.READ3res_u.resok.count, 1 << 20);
	assert_false(read.READ3res_u.resok.eof);
	free(bytes);
}

/* --- listing --- */

#define N_LISTED 500U

struct listing {
	unsigned n;
	bool seen[N_LISTED];
	bool dot, dotdot, eof;
	uint64_t cookie, verf;
	uint32_t status;
};

static void note(struct listing *listing, const filename3 *name)
{
	char text[FS_NAME_MAX + 1];
	unsigned i;

	memcpy(text, name->bytes, name->len);
	text[name->len] = '\0';
	if (strcmp(text, ".") == 0) {
		listing->dot = true;
	} else if (strcmp(text, "..") == 0) {
		listing->dotdot = true;
	} else {
		assert_int_equal(sscanf(text, "entry-%u", &i), 1);
		assert_true(i < N_LISTED && !listing->seen[i]);
		listing->seen[i] = true;
	}
	listing->n++;
}

/* Decode the entries of a reply; how many it had. */
static unsigned entries(struct listing *listing, bool plus)
{
	unsigned n = 0;
	uint32_t more;
	bool_t eof;

	while (xdr_uint32_t(&rig.results, &more) && more) {
		entryplus3 entry;

		if (plus)
			assert_true(xdr_entryplus3(&rig.results, &entry));
		else
			assert_true(xdr_entry3(&rig.results, (entry3 *)&entry));
		note(listing, &entry.name);
		listing->cookie = entry.cookie;
		n++;
	}
	assert_true(xdr_bool(&rig.results, &eof));
	assert_int_equal(xdr_getpos(&rig.results), rig.record_len);
	listing->eof = eof;
	return n;
}

static unsigned list_some(struct listing *listing, const nfs_fh3 *dir, uint32_t dircount, uint32_t count, bool plus)
{
	READDIRPLUS3args plus_args = { *dir, listing->cookie, listing->verf, dircount, count };
	READDIR3args args = { *dir, listing->cookie, listing->verf, count };
	READDIR3res res;

	if (plus)
		rig_nfs(&rig, 17, RIG_XDR(xdr_READDIRPLUS3args), &plus_args, RIG_XDR(xdr_READDIR3res), &res);
	else
		rig_nfs(&rig, 16, RIG_XDR(xdr_READDIR3args), &args, RIG_XDR(xdr_READDIR3res), &res);
	listing->status = res.status;
	if (res.status != NFS3_OK)
		return 0;
	assert_true(rig.record_len - 24 - 4 <= count);
	listing->verf = res.READDIR3res_u.resok.cookieverf;
	return entries(listing, plus);
}

static void list_all(const nfs_fh3 *dir, uint32_t dircount, uint32_t count, bool plus, unsigned expected)
{
	struct listing listing = { 0 };

	for (unsigned i = 0; i < N_LISTED + 10 && !listing.eof; i++) {
		(void)list_some(&listing, dir, dircount, count, plus);
		assert_int_equal(listing.status, NFS3_OK);
	}
	assert_true(listing.eof && listing.dot && listing.dotdot);
	assert_int_equal(listing.n, expected + 2);
}

static nfs_fh3 listed_dir(const char *name, unsigned n)
{
	char entry[32];
	nfs_fh3 dir, made;

	assert_int_equal(rig_mkdir(&rig, &rig.root, name, &dir), NFS3_OK);
	for (unsigned i = 0; i < n; i++) {
		snprintf(entry, sizeof entry, "entry-%u", i);
		assert_int_equal(rig_create(&rig, &dir, entry, &made), NFS3_OK);
	}
	return dir;
}

static void listings_are_complete_with_any_count(void **state)
{
	static const uint32_t counts[] = { 144, 150, 200, 512, 4096, 32768, 65536, 1048576, 0xffffffff };
	nfs_fh3 dir = listed_dir("listed", N_LISTED), empty = listed_dir("empty", 0);

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
		list_all(&dir, 0, counts[i], false, N_LISTED);
		list_all(&empty, 0, counts[i], false, 0);
		if (counts[i] < 300)
			continue;
		list_all(&dir, counts[i], counts[i], true, N_LISTED);
		list_all(&dir, 1, counts[i], true, N_LISTED); /* one at a time */
		list_all(&empty, 0xffffffff, counts[i], true, 0);
	}
}

static void small_counts_are_too_small_and_nothing_else(void **state)
{
	struct listing listing;

	(void)state;
	for (uint32_t count = 0; count <= 140; count++) {
		for (unsigned plus = 0; plus < 2; plus++) {
			memset(&listing, 0, sizeof listing);
			(void)list_some(&listing, &rig.root, count, count, plus);
			assert_true(listing.status == NFS3ERR_TOOSMALL ||
			            (listing.status == NFS3_OK && count >= 132 && !plus));
		}
	}
}

static void strange_cookies_do_no_harm(void **state)
{
	static const uint64_t cookies[] = { 1, 2, 3, 1ULL << 31, 1ULL << 32, 1ULL << 63, UINT64_MAX };
	struct listing first = { 0 }, listing;
	nfs_fh3 dir = listed_dir("strange", 4);

	(void)state;
	assert_true(list_some(&first, &dir, 4096, 4096, false) > 0);
	for (unsigned i = 0; i < ARRAY_SIZE(cookies); i++) {
		READDIR3args args = { dir, cookies[i], first.verf, 4096 };
		uint32_t status;

		rig_nfs(&rig, 16, RIG_XDR(xdr_READDIR3args), &args, RIG_XDR(xdr_uint32_t), &status);
		assert_int_equal(status, NFS3_OK);
		listing = (struct listing){ .cookie = cookies[i], .verf = first.verf + 1 };
		(void)list_some(&listing, &dir, 4096, 4096, false);
		assert_int_equal(listing.status, NFS3ERR_BAD_COOKIE);
	}
}

static void listing_goes_on_while_the_directory_changes(void **state)
{
	nfs_fh3 dir = listed_dir("changing", 100);
	REMOVE3args args = { .object.dir = dir };
	struct listing listing = { 0 };
	wcc3res res;
	char name[32];

	(void)state;
	assert_true(list_some(&listing, &dir, 1000, 1000, false) > 5);
	for (unsigned i = 0; i < 100; i += 2) {
		snprintf(name, sizeof name, "entry-%u", i);
		rig_name(&args.object.name, name);
		rig_nfs(&rig, 12, RIG_XDR(xdr_REMOVE3args), &args, RIG_XDR(xdr_wcc3res), &res);
		assert_int_equal(res.status, NFS3_OK);
	}
	while (!listing.eof) {
		(void)list_some(&listing, &dir, 1000, 1000, false);
		assert_int_equal(listing.status, NFS3_OK);
	}
	for (unsigned i = 1; i < 100; i += 2)
		assert_true(listing.seen[i]);
}

static void entries_carry_attributes_and_working_handles(void **state)
{
	READDIRPLUS3args args = { rig.root, 0, 0, 65536, 65536 };
	READDIR3res res;
	uint32_t more;
	fattr3 attr;
	unsigned n = 0;

	(void)state;
	rig_nfs(&rig, 17, RIG_XDR(xdr_READDIRPLUS3args), &args, RIG_XDR(xdr_READDIR3res), &res);
	assert_int_equal(res.status, NFS3_OK);
	while (n < 5 && xdr_uint32_t(&rig.results, &more) && more) {
		uint8_t *record = rig.record;
		XDR results = rig.results;
		entryplus3 entry;

		assert_true(xdr_entryplus3(&results, &entry));
		assert_true(entry.name_attributes.attributes_follow && entry.name_handle.handle_follows);
		rig.record = malloc(RIG_RECORD_MAX);
		assert_int_equal(rig_getattr(&rig, &entry.name_handle.post_op_fh3_u.handle, &attr), NFS3_OK);
		assert_true(attr.fileid == entry.fileid &&
		            attr.fileid == entry.name_attributes.post_op_attr_u.attributes.fileid);
		free(rig.record);
		rig.record = record;
		rig.results = results;
		n++;
	}
	assert_int_equal(n, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_and_devices_are_shown),
		cmocka_unit_test(each_procedure_on_each_type_says_what_it_should),
		cmocka_unit_test(file_system_facts_are_honest),
		cmocka_unit_test(names_at_their_limits_and_bad_ones),
		cmocka_unit_test(symlink_targets_at_their_limit),
		cmocka_unit_test(create_modes_do_what_they_say),
		cmocka_unit_test(rename_and_link_report_both_directories),
		cmocka_unit_test(removing_the_wrong_kind_is_refused),
		cmocka_unit_test(setattr_sets_what_is_asked_and_keeps_its_guard),
		cmocka_unit_test(data_is_what_was_written_at_any_offset_and_length),
		cmocka_unit_test(write_in_fragments_arrives_whole),
		cmocka_unit_test(write_counts_that_do_not_match_are_garbage),
		cmocka_unit_test(offsets_near_the_end_of_the_number_line),
		cmocka_unit_test(read_of_more_than_the_limit_gives_the_limit),
		cmocka_unit_test(listings_are_complete_with_any_count),
		cmocka_unit_test(small_counts_are_too_small_and_nothing_else),
		cmocka_unit_test(strange_cookies_do_no_harm),
		cmocka_unit_test(listing_goes_on_while_the_directory_changes),
		cmocka_unit_test(entries_carry_attributes_and_working_handles),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
