/* SPDX-License-Identifier: Apache-2.0 */
/* Block commands that move or check data: READ, WRITE, VERIFY, PRE-FETCH, SYNCHRONIZE CACHE, START STOP UNIT.
 * WRITE PATH. previous hop: scsi_task.c, by the table of scsi_opcode.c; next hop: FS_WRITE (fs/dispatch.c).
 * REFERENCES. SBC-3 5.x. */
#include <stdlib.h>
#include <string.h>

#include "fs/volume.h"
#include "proto/scsi/scsi_opcode.h"
#include "proto/scsi/scsi_task.h"

#define BYTE1_PROTECT 0xE0U
#define BYTE1_FUA 0x08U
#define BYTE1_BYTCHK(b) (((b) >> 1) & 3U)

/* LBA and count inside the LUN; false: the task has failed. */
static bool extent_in_range(struct scsi_task *task, const struct scsi_extent *extent)
{
	uint64_t blocks = scsi_lu_blocks(scsi_task_lu(task));

	if (extent->lba > blocks || extent->blocks > blocks - extent->lba) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
		return false;
	}
	return true;
}

/* The common beginning of a transfer. False: the task has failed. */
static bool io_begin(struct scsi_task *task)
{
	struct scsi_extent extent = scsi_opcode_extent(task->cdb);

	if (task->opcode->cdb_len > 6 && (task->cdb[1] & BYTE1_PROTECT) != 0) { /* no protection information here */
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
		return false;
	}
	if (!extent_in_range(task, &extent))
		return false;
	if (extent.blocks > SCSI_TRANSFER_BLOCKS_MAX) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
		return false;
	}
	task->offset_bytes = extent.lba << SCSI_BLOCK_SHIFT;
	task->transfer_bytes = (uint64_t)extent.blocks << SCSI_BLOCK_SHIFT;
	return true;
}

/* ---- read ---- */

static void io_advance(struct scsi_task *task)
{
	task->offset_bytes += task->data.len_bytes;
	task->left_bytes -= task->data.len_bytes;
}

static void read_next(struct scsi_task *task);

static void read_done(struct scsi_task *task)
{
	if (task->msg.status != 0) {
		scsi_task_fail_errno(task, task->msg.status);
		return;
	}
	if (task->msg.out.io.len_bytes < task->data.len_bytes) { /* the LUN shrank under the command */
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
		return;
	}
	io_advance(task);
	if (task->left_bytes == 0) {
		if (task->verify_only)
			task->data.len_bytes = 0;
		scsi_task_finish(task);
		return;
	}
	if (!task->verify_only)
		task->transport->data_in(task);
	scsi_task_put_pages(task);
	task->data.position += task->data.len_bytes;
	read_next(task);
}

static void read_next(struct scsi_task *task)
{
	uint32_t len = (uint32_t)MIN_OF(task->left_bytes, (uint64_t)FS_IO_MAX);
	struct fs_message *msg;

	if (!task->transport->admit_read(task, len)) {
		task->proceed = read_next;
		task->state = TASK_ADMIT_WAIT;
		return;
	}
	if (!scsi_task_lay_out(task, len))
		return;
	msg = scsi_task_message(task, FS_READ);
	msg->in.io = (struct fs_io){ .offset_bytes = task->offset_bytes,
		                     .len_bytes = len,
		                     .n_pages_max = DIV_UP(task->data.first_offset + len, PAGE_SIZE),
		                     .pages = task->data.pages };
	scsi_task_send(task, read_done);
}

static void read_flushed(struct scsi_task *task)
{
	if (task->msg.status != 0)
		scsi_task_fail_errno(task, task->msg.status);
	else
		read_next(task);
}

static void read_from_medium(struct scsi_task *task)
{
	(void)scsi_task_message(task, FS_COMMIT); /* FUA: what is read must be on stable storage */
	scsi_task_send(task, read_flushed);
}

void scsi_io_read(struct scsi_task *task)
{
	bool fua = task->opcode->cdb_len > 6 && (task->cdb[1] & BYTE1_FUA) != 0;

	if (!io_begin(task))
		return;
	task->is_in = true;
	task->left_bytes = MIN_OF(task->transfer_bytes, task->in_limit);
	if (task->left_bytes == 0)
		scsi_task_finish(task);
	else
		scsi_task_in_order(task, fua && !scsi_task_write_through(task) ? read_from_medium : read_next);
}

/* ---- write ---- */

static void write_over(struct scsi_task *task)
{
	if (!task->verify_only) {
		scsi_task_finish(task);
		return;
	}
	/* WRITE AND VERIFY: read it all back; the checksums underneath do the verifying */
	task->offset_bytes -= task->transfer_bytes;
	task->left_bytes = task->transfer_bytes;
	task->data.position = 0;
	read_next(task);
}

static void write_send(struct scsi_task *task);

static void write_done(struct scsi_task *task)
{
	if (task->msg.status == 0 && task->msg.out.io.len_bytes < task->data.len_bytes)
		task->msg.status = -EIO;
	if (task->msg.status != 0) {
		scsi_task_fail_errno(task, task->msg.status);
		return;
	}
	if (task->msg.out.stable == FS_UNSTABLE)
		scsi_lu_written(scsi_task_lu(task), task->msg.out.verifier);
	scsi_task_put_pages(task);
	io_advance(task);
	task->data.position += task->data.len_bytes;
	if (task->left_bytes > 0)
		scsi_task_want_pages(task, write_send);
	else
		write_over(task);
}

static void write_send(struct scsi_task *task)
{
	struct fs_message *msg = scsi_task_message(task, FS_WRITE);

	msg->in.io = (struct fs_io){ .offset_bytes = task->offset_bytes,
		                     .len_bytes = task->data.len_bytes,
		                     .n_pages = task->data.n_pages,
		                     .n_pages_max = task->data.n_pages,
		                     .pages = task->data.pages };
	msg->in.stable = scsi_task_write_through(task) ? FS_DATA_SYNC : FS_UNSTABLE;
	scsi_task_send(task, write_done);
}

/* How much the initiator sends of what the command takes: whole blocks, or nothing is done (FCP-4 9.5, as SAM leaves it
 * to the transport). False: finished. */
static bool out_begin(struct scsi_task *task)
{
	task->is_out = true;
	task->left_bytes = MIN_OF(task->transfer_bytes, task->out_limit);
	if (task->left_bytes % SCSI_BLOCK_SIZE == 0)
		return true;
	task->cut_block = true;
	scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_COMMAND_UNIT);
	return false;
}

static void write_begin(struct scsi_task *task)
{
	if (!out_begin(task))
		return;
	if (task->left_bytes < task->transfer_bytes)
		task->verify_only = false;
	if (task->left_bytes == 0)
		scsi_task_finish(task);
	else
		scsi_task_want_pages(task, write_send);
}

void scsi_io_write(struct scsi_task *task)
{
	if (!io_begin(task))
		return;
	task->durable = task->opcode->cdb_len > 6 && (task->cdb[1] & BYTE1_FUA) != 0;
	write_begin(task);
}

void scsi_io_write_verify(struct scsi_task *task)
{
	if (!io_begin(task))
		return;
	if (BYTE1_BYTCHK(task->cdb[1]) > 1) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
		return;
	}
	task->durable = true;
	task->verify_only = true;
	write_begin(task);
}

/* ---- verify ---- */

/* The layouts are the same, so the comparison goes page by page. */
static bool pages_equal(const struct scsi_data *data, struct page *const *medium)
{
	uint32_t at = data->first_offset, end = data->first_offset + data->len_bytes;

	while (at < end) {
		uint32_t part = MIN_OF(PAGE_SIZE - at % PAGE_SIZE, end - at);

		if (memcmp(data->pages[at / PAGE_SIZE]->data + at % PAGE_SIZE,
		           medium[at / PAGE_SIZE]->data + at % PAGE_SIZE, part) != 0)
			return false;
		at += part;
	}
	return true;
}

static void compare_send(struct scsi_task *task);

static void compare_done(struct scsi_task *task)
{
	if (task->msg.status != 0) {
		scsi_task_fail_errno(task, task->msg.status);
		return;
	}
	if (task->msg.out.io.len_bytes < task->data.len_bytes || !pages_equal(&task->data, task->medium)) {
		scsi_task_fail(task, SCSI_MISCOMPARE, ASC_MISCOMPARE);
		return;
	}
	scsi_task_put_pages(task);
	io_advance(task);
	task->data.position += task->data.len_bytes;
	if (task->left_bytes > 0)
		scsi_task_want_pages(task, compare_send);
	else
		scsi_task_finish(task);
}

static void compare_send(struct scsi_task *task)
{
	struct fs_message *msg;

	if (task->medium == NULL)
		task->medium = calloc(FS_IO_PAGES_MAX, sizeof(struct page *));
	if (task->medium == NULL) {
		scsi_task_finish_status(task, SCSI_BUSY);
		return;
	}
	msg = scsi_task_message(task, FS_READ);
	msg->in.io = (struct fs_io){ .offset_bytes = task->offset_bytes,
		                     .len_bytes = task->data.len_bytes,
		                     .n_pages_max = task->data.n_pages,
		                     .pages = task->medium };
	scsi_task_send(task, compare_done);
}

void scsi_io_verify(struct scsi_task *task)
{
	unsigned bytchk = BYTE1_BYTCHK(task->cdb[1]);

	if (!io_begin(task))
		return;
	if (bytchk > 1) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
		return;
	}
	task->left_bytes = task->transfer_bytes;
	if (bytchk == 0) { /* no data moves: nothing for a residual */
		task->transfer_bytes = 0;
		task->verify_only = true;
	} else {
		if (!out_begin(task))
			return;
	}
	if (task->left_bytes == 0)
		scsi_task_finish(task);
	else if (bytchk == 0)
		scsi_task_in_order(task, read_next);
	else
		scsi_task_want_pages(task, compare_send);
}

/* Reads into the cache, up to one transfer's worth; 0 blocks means to the end. */
void scsi_io_prefetch(struct scsi_task *task)
{
	struct scsi_extent extent = scsi_opcode_extent(task->cdb);
	uint64_t blocks;

	if (!extent_in_range(task, &extent))
		return;
	blocks = extent.blocks != 0 ? extent.blocks : scsi_lu_blocks(scsi_task_lu(task)) - extent.lba;
	task->verify_only = true;
	task->offset_bytes = extent.lba << SCSI_BLOCK_SHIFT;
	task->left_bytes = MIN_OF(blocks, (uint64_t)SCSI_TRANSFER_BLOCKS_MAX) << SCSI_BLOCK_SHIFT;
	if (task->left_bytes == 0)
		scsi_task_finish(task);
	else
		scsi_task_in_order(task, read_next);
}

/* ---- flush ---- */

static void flush_done(struct scsi_task *task)
{
	if (task->msg.status != 0)
		scsi_task_fail_errno(task, task->msg.status);
	else if (!scsi_lu_flushed(scsi_task_lu(task), task->msg.out.verifier))
		scsi_task_fail(task, SCSI_MEDIUM_ERROR, ASC_WRITE_ERROR); /* a write answered before is gone */
	else
		scsi_task_finish(task);
}

static void flush_send(struct scsi_task *task)
{
	(void)scsi_task_message(task, FS_COMMIT); /* the whole vdisk, whatever the range */
	scsi_task_send(task, flush_done);
}

/* IMMED is taken as a hint and ignored: the status says that it is done. */
void scsi_io_synchronize(struct scsi_task *task)
{
	struct scsi_extent extent = scsi_opcode_extent(task->cdb);

	if (extent_in_range(task, &extent))
		scsi_task_in_order(task, flush_send);
}

/* Nothing turns here: STOP and the power conditions flush, START is always true. */
void scsi_io_start_stop(struct scsi_task *task)
{
	bool start = (task->cdb[4] & 1U) != 0, eject = (task->cdb[4] & 2U) != 0, no_flush = (task->cdb[4] & 4U) != 0;

	if (eject)
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
	else if (start || no_flush || !atomic_load(&scsi_task_lu(task)->online))
		scsi_task_finish(task);
	else
		scsi_task_in_order(task, flush_send);
}
