/* SPDX-License-Identifier: Apache-2.0 */
/* iSCSI driver of the load generator: libiscsi's asynchronous READ(16), WRITE(16) and SYNCHRONIZE CACHE(10). */
#include "tests/bench/bench_driver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

struct bench_iscsi {
	struct iscsi_context *iscsi;
	int lun;
	int block_size;
	bool connected;
};

static void bench_iscsi_close(void *state)
{
	struct bench_iscsi *b = state;
	if (b->connected)
		(void)iscsi_logout_sync(b->iscsi);
	if (b->iscsi)
		(void)iscsi_destroy_context(b->iscsi);
	free(b);
}

/* Block size into `b`; false when the LUN does not answer or is smaller than the run needs. */
static bool check_capacity(struct bench_iscsi *b, uint64_t size_bytes)
{
	struct scsi_task *task = iscsi_readcapacity16_sync(b->iscsi, b->lun);
	const struct scsi_readcapacity16 *rc = task && task->status == SCSI_STATUS_GOOD ? scsi_datain_unmarshall(task)
	                                                                                : NULL;
	bool ok = false;
	if (!rc) {
		fprintf(stderr, "vcbench: READ CAPACITY(16): %s\n", iscsi_get_error(b->iscsi));
	} else {
		b->block_size = (int)rc->block_length;
		ok = (rc->returned_lba + 1U) * rc->block_length >= size_bytes;
		if (!ok)
			fprintf(stderr, "vcbench: the LUN is smaller than --span\n");
	}
	if (task)
		scsi_free_scsi_task(task);
	return ok;
}

static void *bench_iscsi_open(const char *url_text, uint64_t size_bytes)
{
	struct bench_iscsi *b = calloc(1, sizeof *b);
	if (!b)
		return NULL;
	b->iscsi = iscsi_create_context("iqn.2026-11.org.vcstore:bench");
	struct iscsi_url *url = b->iscsi ? iscsi_parse_full_url(b->iscsi, url_text) : NULL;
	if (!url) {
		fprintf(stderr, "vcbench: bad url %s\n", url_text);
		bench_iscsi_close(b);
		return NULL;
	}
	b->lun = url->lun;
	(void)iscsi_set_targetname(b->iscsi, url->target);
	(void)iscsi_set_session_type(b->iscsi, ISCSI_SESSION_NORMAL);
	(void)iscsi_set_header_digest(b->iscsi, ISCSI_HEADER_DIGEST_NONE);
	(void)iscsi_set_timeout(b->iscsi, 60);
	iscsi_set_noautoreconnect(b->iscsi, 1);
	b->connected = iscsi_full_connect_sync(b->iscsi, url->portal, url->lun) == 0;
	if (!b->connected)
		fprintf(stderr, "vcbench: %s: %s\n", url_text, iscsi_get_error(b->iscsi));
	iscsi_destroy_url(url);
	if (!b->connected || !check_capacity(b, size_bytes)) {
		bench_iscsi_close(b);
		return NULL;
	}
	return b;
}

static void command_done(struct iscsi_context *iscsi, int status, void *data, void *arg)
{
	(void)iscsi;
	struct bench_io *io = arg;
	struct scsi_task *task = data;
	uint32_t len_bytes = io->len_bytes;
	if (status == SCSI_STATUS_GOOD && task->residual_status == SCSI_RESIDUAL_UNDERFLOW)
		len_bytes -= (uint32_t)task->residual;
	if (task)
		scsi_free_scsi_task(task);
	bench_complete(io, status == SCSI_STATUS_GOOD ? 0 : -EIO, io->buffer, len_bytes);
}

static int bench_iscsi_submit(void *state, struct bench_io *io)
{
	struct bench_iscsi *b = state;
	uint64_t lba = io->offset_bytes / (uint64_t)b->block_size;
	struct scsi_task *task;
	if (io->flush) {
		task = iscsi_synchronizecache10_task(b->iscsi, b->lun, 0, 0, 0, 0, command_done, io);
	} else if (io->write) {
		task = iscsi_write16_task(b->iscsi, b->lun, lba, io->buffer, io->len_bytes, b->block_size, 0, 0, 0, 0,
		                          0, command_done, io);
	} else {
		task = iscsi_read16_task(b->iscsi, b->lun, lba, io->len_bytes, b->block_size, 0, 0, 0, 0, 0,
		                         command_done, io);
		if (task && scsi_task_add_data_in_buffer(task, (int)io->len_bytes, io->buffer) != 0)
			return -ENOMEM;
	}
	return task ? 0 : -EIO;
}

static int bench_iscsi_fd(void *state)
{
	return iscsi_get_fd(((struct bench_iscsi *)state)->iscsi);
}

static int bench_iscsi_events(void *state)
{
	return iscsi_which_events(((struct bench_iscsi *)state)->iscsi);
}

static int bench_iscsi_service(void *state, int revents)
{
	return iscsi_service(((struct bench_iscsi *)state)->iscsi, revents);
}

static const char *bench_iscsi_error(void *state)
{
	return iscsi_get_error(((struct bench_iscsi *)state)->iscsi);
}

const struct bench_driver bench_iscsi_driver = {
	.scheme = "iscsi://",
	.open = bench_iscsi_open,
	.submit = bench_iscsi_submit,
	.fd = bench_iscsi_fd,
	.events = bench_iscsi_events,
	.service = bench_iscsi_service,
	.error = bench_iscsi_error,
	.close = bench_iscsi_close,
};
