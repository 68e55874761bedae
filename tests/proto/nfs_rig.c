/* SPDX-License-Identifier: Apache-2.0 */
/* The rig for tests of the NFS server. */
#include "tests/proto/nfs_rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/page.h"
#include "proto/mount/mount.h"
#include "tests/base/cmocka_all.h"

const char *rig_clients;

/* --- running things on the loop --- */

struct errand {
	struct task task;
	void (*run)(struct rig *rig, struct errand *errand);
	struct rig *rig;
	const char *name;
	const struct rpc_limits *limits;
	int listen_fd;
	struct fs_message msg;
	sem_t done;
};

static void errand_run(struct task *task)
{
	struct errand *errand = container_of(task, struct errand, task);

	errand->run(errand->rig, errand);
}

static void on_loop(struct rig *rig, struct errand *errand, void (*run)(struct rig *rig, struct errand *errand))
{
	errand->task.run = errand_run;
	errand->run = run;
	errand->rig = rig;
	sem_init(&errand->done, 0, 0);
	world_post(rig->world, &errand->task);
	while (sem_wait(&errand->done) != 0)
		;
	sem_destroy(&errand->done);
}

/* --- the server --- */

static void accepted(void *owner, int fd)
{
	nfs_server_accept(owner, NULL, fd);
}

static void server_start(struct rig *rig, struct errand *errand)
{
	struct nfs_server_options options = { .mount = &mount_program, .limits = errand->limits };

	rig->volume = ramfs_new(rig->world, "vol0");
	vc_assert(export_table_new(&rig->exports) == 0);
	vc_assert(nfs_server_new(&rig->loop, 1, rig->exports, &options, &rig->server) == 0);
	vc_assert(listener_new(rig->loop, errand->listen_fd, accepted, rig->server, &rig->listener) == 0);
	sem_post(&errand->done);
}

static void server_stopped(void *arg)
{
	struct errand *errand = arg;

	sem_post(&errand->done);
}

static void server_stop(struct rig *rig, struct errand *errand)
{
	listener_free(rig->listener);
	nfs_server_stop(rig->server, server_stopped, errand);
}

static int listen_anywhere(uint16_t *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	vc_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 64) == 0);
	vc_assert(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

/* Which directory of the root "/name" is. */
static struct fs_file_id directory_at(struct rig *rig, const char *path)
{
	struct nfs_handle handle = { 0 };
	nfs_fh3 dir;

	if (rig_lookup(rig, &rig->root, path + 1, &dir) == NFS3_OK)
		assert_int_equal(nfs_handle_decode(&dir, &handle), 0);
	return handle.file;
}

void rig_export(struct rig *rig, const char *options, uint32_t id, const char *path)
{
	struct export_client client;
	struct export_spec specs[] = { { .id = 1, .path = "/", .clients = &client, .n_clients = 1 },
		                       { .id = id, .path = path, .clients = &client, .n_clients = 1 } };

	if (path != NULL)
		specs[1].root = directory_at(rig, path);

	assert_int_equal(export_client_init(&client, rig_clients != NULL ? rig_clients : "127.0.0.0/8"), 0);
	assert_int_equal(export_client_set_options(&client, options), 0);
	assert_int_equal(
	    export_table_set(rig->exports, fs_volume_uuid(rig->volume), "vol0", specs, path != NULL ? 2 : 1), 0);
}

void rig_start(struct rig *rig, const char *options, const struct rpc_limits *limits)
{
	struct errand errand = { .limits = limits };

	memset(rig, 0, sizeof *rig);
	assert_int_equal(page_arena_init(8192), 0);
	assert_int_equal(loop_new("nfs-test", &rig->loop), 0);
	rig->world = loop_world(rig->loop);
	errand.listen_fd = listen_anywhere(&rig->port);
	assert_int_equal(loop_start(rig->loop), 0);
	on_loop(rig, &errand, server_start);
	rig->record = malloc(RIG_RECORD_MAX);
	rig_export(rig, options, 0, NULL);
	rig->uid = 1000;
	rig->gid = 1000;
	rig->fd = rig_connect(rig);
	(void)rig_mount(rig, "/vol/vol0", &rig->root);
}

void rig_stop(struct rig *rig)
{
	struct errand errand = { 0 };

	close(rig->fd);
	on_loop(rig, &errand, server_stop);
	loop_stop(rig->loop);
	loop_join(rig->loop);
	nfs_server_free(rig->server);
	export_table_free(rig->exports);
	ramfs_unmount(rig->volume);
	loop_free(rig->loop);
	free(rig->record);
	page_arena_fini(); /* every page is back */
}

static void snapshot_done(struct fs_message *msg)
{
	struct errand *errand = msg->owner;

	sem_post(&errand->done);
}

static void snapshot_make(struct rig *rig, struct errand *errand)
{
	fs_message_init(&errand->msg, FS_SNAPSHOT_CREATE, rig->volume, snapshot_done, errand);
	errand->msg.in.name = errand->name;
	errand->msg.in.name_len = (uint32_t)strlen(errand->name);
	fs_message_send(&errand->msg);
}

void rig_snapshot(struct rig *rig, const char *name)
{
	struct errand errand = { .name = name };

	on_loop(rig, &errand, snapshot_make);
	assert_int_equal(errand.msg.status, 0);
}

/* --- the client --- */

int rig_connect_from(const struct rig *rig, const char *from)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(rig->port),
		                       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct timeval timeout = { .tv_sec = 20 };
	struct sockaddr_in own = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, from, &own.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
	return fd;
}

int rig_connect(const struct rig *rig)
{
	return rig_connect_from(rig, "127.0.0.1");
}

void rig_reconnect(struct rig *rig)
{
	close(rig->fd);
	rig->fd = rig_connect(rig);
}

bool rig_write(int fd, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool rig_read(int fd, void *bytes, size_t len)
{
	uint8_t *at = bytes;

	while (len > 0) {
		ssize_t n = recv(fd, at, len, 0);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static void cred_encode(const struct rig *rig, struct rpc_out *out)
{
	rpc_out_u32(out, rig->auth_none ? RPC_FLAVOR_NONE : RPC_FLAVOR_SYS);
	rpc_out_u32(out, rig->auth_none ? 0 : 24 + 4 * rig->n_gids);
	if (!rig->auth_none) {
		rpc_out_u32(out, 0x57a3);
		rpc_out_opaque(out, "rig", 3);
		rpc_out_u32(out, rig->uid);
		rpc_out_u32(out, rig->gid);
		rpc_out_u32(out, rig->n_gids);
		for (uint32_t i = 0; i < rig->n_gids; i++)
			rpc_out_u32(out, rig->gids[i]);
	}
	rpc_out_u32(out, RPC_FLAVOR_NONE);
	rpc_out_u32(out, 0);
}

uint32_t rig_call_make(struct rig *rig, uint8_t *buffer, uint32_t size, uint32_t program, uint32_t version,
                       uint32_t procedure, xdrproc_t encode, void *args)
{
	struct rpc_out out;
	uint32_t len;
	be32 mark;
	XDR xdr;

	rpc_out_init(&out, buffer, size);
	rpc_out_u32(&out, 0);
	rpc_out_u32(&out, ++rig->xid);
	rpc_out_u32(&out, RPC_MESSAGE_CALL);
	rpc_out_u32(&out, RPC_PROTOCOL_VERSION);
	rpc_out_u32(&out, program);
	rpc_out_u32(&out, version);
	rpc_out_u32(&out, procedure);
	cred_encode(rig, &out);
	len = (uint32_t)rpc_out_len(&out);
	if (encode != NULL) {
		xdrmem_create(&xdr, (char *)out.next, size - len, XDR_ENCODE);
		assert_true(encode(&xdr, args));
		len += xdr_getpos(&xdr);
	}
	mark = be32_of(RPC_MARK_LAST | (len - 4));
	memcpy(buffer, &mark, sizeof mark);
	return len;
}

bool rig_reply(struct rig *rig)
{
	uint32_t words[6];
	be32 mark;

	if (!rig_read(rig->fd, &mark, sizeof mark))
		return false;
	rig->record_len = be32_get(mark) & ~RPC_MARK_LAST;
	assert_true((be32_get(mark) & RPC_MARK_LAST) != 0 && rig->record_len <= RIG_RECORD_MAX);
	if (!rig_read(rig->fd, rig->record, rig->record_len))
		return false;
	xdrmem_create(&rig->results, (char *)rig->record, rig->record_len, XDR_DECODE);
	for (unsigned i = 0; i < 3; i++)
		assert_true(xdr_uint32_t(&rig->results, &words[i]));
	assert_int_equal(words[1], RPC_MESSAGE_REPLY);
	rig->accept_stat = UINT32_MAX;
	if (words[2] == RPC_REPLY_ACCEPTED) {
		for (unsigned i = 3; i < 6; i++)
			assert_true(xdr_uint32_t(&rig->results, &words[i]));
		rig->accept_stat = words[5];
	}
	return true;
}

void rig_call(struct rig *rig, uint32_t program, uint32_t procedure, xdrproc_t encode, void *args, xdrproc_t decode,
              void *res)
{
	uint8_t call[8192];
	uint32_t len = rig_call_make(rig, call, sizeof call, program, 3, procedure, encode, args);

	assert_true(rig_write(rig->fd, call, len));
	assert_true(rig_reply(rig));
	assert_int_equal(rig->accept_stat, RPC_ACCEPT_SUCCESS);
	if (decode != NULL)
		assert_true(decode(&rig->results, res));
}

void rig_nfs(struct rig *rig, uint32_t procedure, xdrproc_t encode, void *args, xdrproc_t decode, void *res)
{
	rig_call(rig, NFS3_PROGRAM, procedure, encode, args, decode, res);
}

/* --- common calls --- */

void rig_name(filename3 *ret_name, const char *text)
{
	size_t len = strlen(text);

	assert_true(len <= sizeof ret_name->bytes);
	ret_name->len = (uint32_t)len;
	memcpy(ret_name->bytes, text, len);
}

uint32_t rig_mount(struct rig *rig, const char *path, nfs_fh3 *ret_handle)
{
	nfspath3 args = { .len = (uint32_t)strlen(path), .bytes = path };
	uint32_t status, n = 0, flavor;

	rig_call(rig, MOUNT3_PROGRAM, MOUNTPROC3_MNT, RIG_XDR(xdr_nfspath3), &args, RIG_XDR(xdr_uint32_t), &status);
	if (status != MNT3_OK)
		return status;
	assert_true(xdr_nfs_fh3(&rig->results, ret_handle) && xdr_uint32_t(&rig->results, &n));
	for (uint32_t i = 0; i < n; i++)
		assert_true(xdr_uint32_t(&rig->results, &flavor));
	assert_int_equal(xdr_getpos(&rig->results), rig->record_len);
	return status;
}

uint32_t rig_lookup(struct rig *rig, const nfs_fh3 *dir, const char *name, nfs_fh3 *ret_handle)
{
	LOOKUP3args args = { .what.dir = *dir };
	LOOKUP3res res;

	rig_name(&args.what.name, name);
	rig_nfs(rig, 3, RIG_XDR(xdr_LOOKUP3args), &args, RIG_XDR(xdr_LOOKUP3res), &res);
	if (res.status == NFS3_OK)
		*ret_handle = res.LOOKUP3res_u.resok.object;
	return res.status;
}

uint32_t rig_getattr(struct rig *rig, const nfs_fh3 *object, fattr3 *ret_attr)
{
	GETATTR3args args = { *object };
	GETATTR3res res;

	rig_nfs(rig, 1, RIG_XDR(xdr_GETATTR3args), &args, RIG_XDR(xdr_GETATTR3res), &res);
	if (res.status == NFS3_OK)
		*ret_attr = res.GETATTR3res_u.obj_attributes;
	return res.status;
}

static uint32_t made(const CREATE3res *res, nfs_fh3 *ret_handle)
{
	if (res->status == NFS3_OK) {
		assert_true(res->CREATE3res_u.resok.obj.handle_follows &&
		            res->CREATE3res_u.resok.obj_attributes.attributes_follow);
		*ret_handle = res->CREATE3res_u.resok.obj.post_op_fh3_u.handle;
	}
	return res->status;
}

uint32_t rig_create(struct rig *rig, const nfs_fh3 *dir, const char *name, nfs_fh3 *ret_handle)
{
	CREATE3args args = { .where.dir = *dir, .how.mode = GUARDED };
	CREATE3res res;

	rig_name(&args.where.name, name);
	rig_nfs(rig, 8, RIG_XDR(xdr_CREATE3args), &args, RIG_XDR(xdr_CREATE3res), &res);
	return made(&res, ret_handle);
}

uint32_t rig_mkdir(struct rig *rig, const nfs_fh3 *dir, const char *name, nfs_fh3 *ret_handle)
{
	MKDIR3args args = { .where.dir = *dir, .attributes.mode = { true, { 0755 } } };
	CREATE3res res;

	rig_name(&args.where.name, name);
	rig_nfs(rig, 9, RIG_XDR(xdr_MKDIR3args), &args, RIG_XDR(xdr_CREATE3res), &res);
	return made(&res, ret_handle);
}

uint32_t rig_symlink(struct rig *rig, const nfs_fh3 *dir, const char *name, const char *target, nfs_fh3 *ret_handle)
{
	SYMLINK3args args = { .where.dir = *dir, .symlink_data = { .len = (uint32_t)strlen(target), .bytes = target } };
	CREATE3res res;

	rig_name(&args.where.name, name);
	rig_nfs(rig, 10, RIG_XDR(xdr_SYMLINK3args), &args, RIG_XDR(xdr_CREATE3res), &res);
	return made(&res, ret_handle);
}

uint32_t rig_mknod(struct rig *rig, const nfs_fh3 *dir, const char *name, ftype3 type, nfs_fh3 *ret_handle)
{
	MKNOD3args args = { .where.dir = *dir, .what.type = type };
	CREATE3res res;

	if (type == NF3CHR || type == NF3BLK)
		args.what.mknoddata3_u.device.spec = (specdata3){ 7, 11 };
	rig_name(&args.where.name, name);
	rig_nfs(rig, 11, RIG_XDR(xdr_MKNOD3args), &args, RIG_XDR(xdr_CREATE3res), &res);
	return made(&res, ret_handle);
}

uint32_t rig_write_file(struct rig *rig, const nfs_fh3 *file, uint64_t offset, const void *bytes, uint32_t len,
                        uint32_t stable, WRITE3res *ret_res)
{
	WRITE3head args = { .file = *file, .offset = offset, .count = len, .stable = stable, .data_len = len };
	uint32_t padded = (len + 3) & ~3U, head;
	uint8_t *call = calloc(1, 1024 + padded);
	be32 mark;

	assert_non_null(call);
	head = rig_call_make(rig, call, 1024, NFS3_PROGRAM, 3, 7, RIG_XDR(xdr_WRITE3head), &args);
	mark = be32_of(RPC_MARK_LAST | (head - 4 + padded));
	memcpy(call, &mark, sizeof mark);
	if (len > 0)
		memcpy(call + head, bytes, len);
	assert_true(rig_write(rig->fd, call, head + padded));
	free(call);
	assert_true(rig_reply(rig));
	assert_int_equal(rig->accept_stat, RPC_ACCEPT_SUCCESS);
	assert_true(xdr_WRITE3res(&rig->results, ret_res));
	return ret_res->status;
}

uint32_t rig_read_file(struct rig *rig, const nfs_fh3 *file, uint64_t offset, uint32_t count, void *ret_bytes,
                       READ3res *ret_res)
{
	READ3args args = { *file, offset, count };
	const READ3head *ok = &ret_res->READ3res_u.resok;

	rig_nfs(rig, 6, RIG_XDR(xdr_READ3args), &args, RIG_XDR(xdr_READ3res), ret_res);
	if (ret_res->status != NFS3_OK)
		return ret_res->status;
	assert_int_equal(ok->count, ok->data_len);
	assert_true(ok->count <= count);
	assert_int_equal(xdr_getpos(&rig->results) + ((ok->count + 3) & ~3U), rig->record_len);
	if (ok->count > 0)
		memcpy(ret_bytes, rig->record + xdr_getpos(&rig->results), ok->count);
	return NFS3_OK;
}
