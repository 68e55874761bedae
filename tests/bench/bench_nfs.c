/* SPDX-License-Identifier: Apache-2.0 */
/* NFSv3 driver of the load generator: libnfs opens the file, READ, WRITE and COMMIT are its raw asynchronous calls. */
#include "tests/bench/bench_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <nfsc/libnfs-raw-nfs.h>

/* Laid out as libnfs has it (nfs_get_fh returns it, the public headers only name it). */
struct nfs_fh {
	int len;
	char *val;
};

struct bench_nfs {
	struct nfs_context *nfs;
	struct rpc_context *rpc;
	struct nfsfh *file;
	nfs_fh3 handle;
};

static void bench_nfs_close(void *state)
{
	struct bench_nfs *b = state;
	if (b->file)
		(void)nfs_close(b->nfs, b->file);
	if (b->nfs)
		nfs_destroy_context(b->nfs);
	free(b);
}

static int open_or_create(struct bench_nfs *b, const char *name)
{
	int err = nfs_open(b->nfs, name, O_RDWR, &b->file);
	if (err == -ENOENT)
		err = nfs_creat(b->nfs, name, 0644, &b->file);
	return err;
}

static void *bench_nfs_open(const char *url_text, uint64_t size_bytes)
{
	(void)size_bytes;
	struct bench_nfs *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->nfs = nfs_init_context();
	struct nfs_url *url = b->nfs ? nfs_parse_url_full(b->nfs, url_text) : NULL;
	if (!url) {
		fprintf(stderr, "vcbench: bad url %s\n", url_text);
		goto out;
	}
	nfs_set_timeout(b->nfs, 60000);
	nfs_set_autoreconnect(b->nfs, 0);
	if (nfs_mount(b->nfs, url->server, url->path) != 0 || open_or_create(b, url->file) != 0) {
		fprintf(stderr, "vcbench: %s: %s\n", url_text, nfs_get_error(b->nfs));
		nfs_destroy_url(url);
		goto out;
	}
	nfs_destroy_url(url);
	b->rpc = nfs_get_rpc_context(b->nfs);
	const struct nfs_fh *handle = nfs_get_fh(b->file);
	b->handle.data.data_len = (u_int)handle->len;
	b->handle.data.data_val = handle->val;
	return b;
out:
	bench_nfs_close(b);
	return NULL;
}

static int status_of(int rpc_status, int nfs_status)
{
	if (rpc_status != RPC_STATUS_SUCCESS)
		return -EIO;
	return nfs_status == 0 ? 0 : -nfs_status;
}

static void read_done(struct rpc_context *rpc, int status, void *data, void *arg)
{
	(void)rpc;
	struct bench_io *io = arg;
	const READ3res *res = data;
	int err = status_of(status, status == RPC_STATUS_SUCCESS ? (int)res->status : 0);
	if (err)
		bench_complete(io, err, NULL, 0);
	else
		bench_complete(io, 0, (const uint8_t *)res->READ3res_u.resok.data.data_val,
		               res->READ3res_u.resok.data.data_len);
}

static void write_done(struct rpc_context *rpc, int status, void *data, void *arg)
{
	(void)rpc;
	struct bench_io *io = arg;
	const WRITE3res *res = data;
	int err = status_of(status, status == RPC_STATUS_SUCCESS ? (int)res->status : 0);
	bench_complete(io, err, NULL, err ? 0 : res->WRITE3res_u.resok.count);
}

static void commit_done(struct rpc_context *rpc, int status, void *data, void *arg)
{
	(void)rpc;
	const COMMIT3res *res = data;
	bench_complete(arg, status_of(status, status == RPC_STATUS_SUCCESS ? (int)res->status : 0), NULL, 0);
}

static int bench_nfs_submit(void *state, struct bench_io *io)
{
	struct bench_nfs *b = state;
	int err;
	if (io->flush) {
		COMMIT3args args = { .file = b->handle };
		err = rpc_nfs3_commit_async(b->rpc, commit_done, &args, io);
	} else if (io->write) {
		WRITE3args args = {
			.file = b->handle, .offset = io->offset_bytes, .count = io->len_bytes, .stable = UNSTABLE
		};
		args.data.data_len = io->len_bytes;
		args.data.data_val = (char *)io->buffer;
		err = rpc_nfs3_write_async(b->rpc, write_done, &args, io);
	} else {
		READ3args args = { .file = b->handle, .offset = io->offset_bytes, .count = io->len_bytes };
		err = rpc_nfs3_read_async(b->rpc, read_done, &args, io);
	}
	return err ? -EIO : 0;
}

static int bench_nfs_fd(void *state)
{
	return nfs_get_fd(((struct bench_nfs *)state)->nfs);
}

static int bench_nfs_events(void *state)
{
	return nfs_which_events(((struct bench_nfs *)state)->nfs);
}

static int bench_nfs_service(void *state, int revents)
{
	return nfs_service(((struct bench_nfs *)state)->nfs, revents);
}

static const char *bench_nfs_error(void *state)
{
	return nfs_get_error(((struct bench_nfs *)state)->nfs);
}

const struct bench_driver bench_nfs_driver = {
	.scheme = "nfs://",
	.open = bench_nfs_open,
	.submit = bench_nfs_submit,
	.fd = bench_nfs_fd,
	.events = bench_nfs_events,
	.service = bench_nfs_service,
	.error = bench_nfs_error,
	.close = bench_nfs_close,
};
