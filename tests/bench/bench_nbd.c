/* SPDX-License-Identifier: Apache-2.0 */
/* NBD driver of the load generator, for the peers that export no iSCSI (QEMU's storage daemon): libnbd's asynchronous
 * calls. */
#include "tests/bench/bench_driver.h"

#include <errno.h>
#include <libnbd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

struct bench_nbd {
	struct nbd_handle *nbd;
	struct bench_io *done; /* answered, in no order; the handle is locked while libnbd says so */
};

static void bench_nbd_close(void *state)
{
	struct bench_nbd *b = state;
	(void)nbd_shutdown(b->nbd, 0);
	nbd_close(b->nbd);
	free(b);
}

static void *bench_nbd_open(const char *url, uint64_t size_bytes)
{
	struct bench_nbd *b = calloc(1, sizeof *b);
	if (b)
		b->nbd = nbd_create();
	if (!b || !b->nbd) {
		free(b);
		return NULL;
	}
	if (nbd_connect_uri(b->nbd, url) != 0)
		fprintf(stderr, "vcbench: %s: %s\n", url, nbd_get_error());
	else if (nbd_get_size(b->nbd) < (int64_t)size_bytes)
		fprintf(stderr, "vcbench: the export is smaller than --span\n");
	else
		return b;
	bench_nbd_close(b);
	return NULL;
}

/* libnbd calls it once; 1 retires the command. */
static int command_done(void *arg, int *error)
{
	struct bench_io *io = arg;
	io->status = -*error;
	io->next = *io->done_list;
	*io->done_list = io;
	return 1;
}

static void complete_all(struct bench_nbd *b)
{
	struct bench_io *io;
	while ((io = b->done) != NULL) {
		b->done = io->next;
		bench_complete(io, io->status, io->buffer, io->len_bytes);
	}
}

static int bench_nbd_submit(void *state, struct bench_io *io)
{
	struct bench_nbd *b = state;
	nbd_completion_callback done = { .callback = command_done, .user_data = io };
	int64_t cookie;
	io->done_list = &b->done;
	if (io->flush)
		cookie = nbd_aio_flush(b->nbd, done, 0);
	else if (io->write)
		cookie = nbd_aio_pwrite(b->nbd, io->buffer, io->len_bytes, io->offset_bytes, done, 0);
	else
		cookie = nbd_aio_pread(b->nbd, io->buffer, io->len_bytes, io->offset_bytes, done, 0);
	return cookie < 0 ? -EIO : 0;
}

static int bench_nbd_fd(void *state)
{
	return nbd_aio_get_fd(((struct bench_nbd *)state)->nbd);
}

static int bench_nbd_events(void *state)
{
	unsigned direction = nbd_aio_get_direction(((struct bench_nbd *)state)->nbd);
	return (direction & LIBNBD_AIO_DIRECTION_READ ? POLLIN : 0) |
	       (direction & LIBNBD_AIO_DIRECTION_WRITE ? POLLOUT : 0);
}

static int bench_nbd_service(void *state, int revents)
{
	struct bench_nbd *b = state;
	unsigned direction = nbd_aio_get_direction(b->nbd);
	int rc = 0;
	if ((revents & (POLLIN | POLLHUP | POLLERR)) && (direction & LIBNBD_AIO_DIRECTION_READ))
		rc = nbd_aio_notify_read(b->nbd);
	else if ((revents & POLLOUT) && (direction & LIBNBD_AIO_DIRECTION_WRITE))
		rc = nbd_aio_notify_write(b->nbd);
	complete_all(b);
	return rc;
}

static const char *bench_nbd_error(void *state)
{
	const char *text = nbd_get_error();
	(void)state;
	return text ? text : "";
}

const struct bench_driver bench_nbd_driver = {
	.scheme = "nbd",
	.open = bench_nbd_open,
	.submit = bench_nbd_submit,
	.fd = bench_nbd_fd,
	.events = bench_nbd_events,
	.service = bench_nbd_service,
	.error = bench_nbd_error,
	.close = bench_nbd_close,
};
