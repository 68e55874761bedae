/* SPDX-License-Identifier: Apache-2.0 */
/* UNMAP and WRITE SAME: ranges that become zeros (one FS_ZERO a range), or one block written many times.
 * THEORY. LBPRZ is 1: an unmapped block reads as zeros, so UNMAP and WRITE SAME of zeros are the same thing. A WRITE
 * SAME of anything else shares one page, filled with the pattern, over a whole message.
 * REFERENCES. SBC-3 4.7, 5.28 (UNMAP), 5.44 (WRITE SAME). */
#include <string.h>

#include "base/bytes.h"
#include "fs/volume.h"
#include "proto/scsi/scsi_opcode.h"
#include "proto/scsi/scsi_task.h"

#define UNMAP_HEADER 8U
#define UNMAP_DESCRIPTOR 16U

struct unmap_descriptor {
	be64 lba;
	be32 blocks;
	be32 reserved;
};
_Static_assert(sizeof(struct unmap_descriptor) == UNMAP_DESCRIPTOR, "UNMAP block descriptor");

static void zero_send(struct scsi_task *task, void (*proceed)(struct scsi_task *task))
{
	struct fs_message *msg = scsi_task_message(task, FS_ZERO);

	msg->in.zero.offset_bytes = task->offset_bytes;
	msg->in.zero.len_bytes = task->left_bytes;
	msg->in.zero.stable = scsi_task_write_through(task);
	scsi_task_send(task, proceed);
}

/* False: the task has failed. */
static bool zero_succeeded(struct scsi_task *task)
{
	if (task->msg.status != 0) {
		scsi_task_fail_errno(task, task->msg.status);
		return false;
	}
	if (!task->msg.in.zero.stable)
		scsi_lu_written(scsi_task_lu(task), fs_volume_write_verifier(scsi_task_lu(task)->volume));
	return true;
}

/* ---- UNMAP ---- */

static struct scsi_extent unmap_descriptor_get(const struct scsi_task *task, unsigned i)
{
	struct unmap_descriptor d;

	memcpy(&d, task->param + UNMAP_HEADER + i * UNMAP_DESCRIPTOR, sizeof d);
	return (struct scsi_extent){ be64_get(d.lba), be32_get(d.blocks) };
}

static void unmap_next(struct scsi_task *task);

static void unmap_done(struct scsi_task *task)
{
	if (zero_succeeded(task))
		unmap_next(task);
}

/* param_at counts the descriptors done, param_len their number. */
static void unmap_next(struct scsi_task *task)
{
	while (task->param_at < task->param_len) {
		struct scsi_extent extent = unmap_descriptor_get(task, task->param_at++);

		if (extent.blocks == 0)
			continue;
		task->offset_bytes = extent.lba << SCSI_BLOCK_SHIFT;
		task->left_bytes = (uint64_t)extent.blocks << SCSI_BLOCK_SHIFT;
		zero_send(task, unmap_done);
		return;
	}
	scsi_task_finish(task);
}

/* All descriptors are checked before the first takes effect. */
static enum scsi_asc unmap_check(struct scsi_task *task, unsigned n)
{
	uint64_t blocks = scsi_lu_blocks(scsi_task_lu(task)), total = 0;

	if (n > SCSI_UNMAP_DESCRIPTORS_MAX)
		return ASC_INVALID_FIELD_IN_PARAMETERS;
	for (unsigned i = 0; i < n; i++) {
		struct scsi_extent extent = unmap_descriptor_get(task, i);

		if (extent.lba > blocks || extent.blocks > blocks - extent.lba)
			return ASC_LBA_OUT_OF_RANGE;
		total += extent.blocks;
	}
	return total > SCSI_UNMAP_BLOCKS_MAX ? ASC_INVALID_FIELD_IN_PARAMETERS : ASC_NONE;
}

static void unmap_begin(struct scsi_task *task)
{
	be16 descriptors_len;
	enum scsi_asc asc;
	unsigned n;

	if (task->param_len < UNMAP_HEADER) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_PARAMETER_LIST_LENGTH);
		return;
	}
	memcpy(&descriptors_len, task->param + 2, sizeof descriptors_len);
	n = MIN_OF(be16_get(descriptors_len), task->param_len - UNMAP_HEADER) / UNMAP_DESCRIPTOR;
	asc = unmap_check(task, n);
	if (asc != ASC_NONE) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, asc);
		return;
	}
	task->param_len = n;
	task->param_at = 0;
	unmap_next(task);
}

void scsi_zero_unmap(struct scsi_task *task)
{
	uint32_t len = (uint32_t)task->cdb[7] << 8 | task->cdb[8];

	if ((task->cdb[1] & 1U) != 0 || len > SCSI_PARAM_SIZE) /* ANCHOR */
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
	else if (len == 0)
		scsi_task_finish(task);
	else
		scsi_task_want_param(task, len, unmap_begin);
}

/* ---- WRITE SAME ---- */

static void same_next(struct scsi_task *task);

static void same_done(struct scsi_task *task)
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
	task->offset_bytes += task->data.len_bytes;
	task->left_bytes -= task->data.len_bytes;
	if (task->left_bytes > 0)
		same_next(task);
	else
		scsi_task_finish(task);
}

/* The piece, all of it one page. 512 divides its layout, so the first page may begin anywhere. */
static bool same_fill(struct scsi_task *task)
{
	struct page *page;
	unsigned n;

	if (!scsi_task_lay_out(task, (uint32_t)MIN_OF(task->left_bytes, (uint64_t)FS_IO_MAX)))
		return false;
	page = page_alloc();
	if (page == NULL) {
		scsi_task_finish_status(task, SCSI_BUSY); /* doing it again from the start is harmless */
		return false;
	}
	for (uint32_t at = 0; at < PAGE_SIZE; at += SCSI_BLOCK_SIZE)
		memcpy(page->data + at, task->param, SCSI_BLOCK_SIZE);
	n = DIV_UP(task->data.first_offset + task->data.len_bytes, PAGE_SIZE);
	for (unsigned i = 0; i < n; i++)
		task->data.pages[i] = page_get(page);
	task->data.n_pages = n;
	page_put(page);
	return true;
}

static void same_next(struct scsi_task *task)
{
	struct fs_message *msg;

	if (!same_fill(task))
		return;
	msg = scsi_task_message(task, FS_WRITE);
	msg->in.io = (struct fs_io){ .offset_bytes = task->offset_bytes,
		                     .len_bytes = task->data.len_bytes,
		                     .n_pages = task->data.n_pages,
		                     .n_pages_max = task->data.n_pages,
		                     .pages = task->data.pages };
	msg->in.stable = scsi_task_write_through(task) ? FS_DATA_SYNC : FS_UNSTABLE;
	scsi_task_send(task, same_done);
}

static void same_zero_done(struct scsi_task *task)
{
	if (zero_succeeded(task))
		scsi_task_finish(task);
}

static void same_zero(struct scsi_task *task)
{
	zero_send(task, same_zero_done);
}

static void same_begin(struct scsi_task *task)
{
	/* one block, no more and no less */
	if (task->param_len < SCSI_BLOCK_SIZE || task->out_limit != SCSI_BLOCK_SIZE)
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
	else if (bytes_are_zero(task->param, SCSI_BLOCK_SIZE))
		same_zero(task);
	else
		same_next(task);
}

void scsi_zero_write_same(struct scsi_task *task)
{
	struct scsi_extent extent = scsi_opcode_extent(task->cdb);
	bool no_data = task->cdb[0] == OP_WRITE_SAME_16 && (task->cdb[1] & 0x01U) != 0; /* NDOB */
	uint64_t blocks = scsi_lu_blocks(scsi_task_lu(task));

	/* WRPROTECT, ANCHOR and the obsolete PBDATA, LBDATA are not for us; WSNZ: 0 blocks is no number */
	if ((task->cdb[1] & 0xF6U) != 0 || extent.blocks == 0 || extent.blocks > SCSI_WRITE_SAME_BLOCKS_MAX) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
		return;
	}
	if (extent.lba > blocks || extent.blocks > blocks - extent.lba) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
		return;
	}
	task->offset_bytes = extent.lba << SCSI_BLOCK_SHIFT;
	task->left_bytes = (uint64_t)extent.blocks << SCSI_BLOCK_SHIFT;
	if (no_data)
		scsi_task_in_order(task, same_zero);
	else
		scsi_task_want_param(task, SCSI_BLOCK_SIZE, same_begin);
}
