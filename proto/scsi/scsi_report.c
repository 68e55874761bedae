/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that only tell: TEST UNIT READY, REQUEST SENSE, REPORT LUNS, READ CAPACITY, GET LBA STATUS, REPORT SUPPORTED
 * OPERATION CODES.
 * REFERENCES. SPC-4 6.27, 6.33, 6.39, 6.47; SBC-3 5.4, 5.15, 5.16. */
#include <string.h>

#include "base/bytes.h"
#include "proto/scsi/scsi_opcode.h"
#include "proto/scsi/scsi_sense.h"
#include "proto/scsi/scsi_task.h"

static uint32_t get32(const uint8_t *at)
{
	be32 v;

	memcpy(&v, at, sizeof v);
	return be32_get(v);
}

static void put32(uint8_t *at, uint32_t value)
{
	be32 v = be32_of(value);

	memcpy(at, &v, sizeof v);
}

void scsi_report_ready(struct scsi_task *task)
{
	scsi_task_finish(task);
}

/* The sense of the LUN as it is now: a pending attention is told, and gone. */
void scsi_report_sense(struct scsi_task *task)
{
	bool descriptor = (task->cdb[1] & 1U) != 0;
	enum scsi_sense_key key = SCSI_NO_SENSE;
	enum scsi_asc asc = ASC_NONE;
	uint8_t *p = scsi_task_param(task);

	if (p == NULL)
		return;
	if (task->lun == NULL) {
		key = SCSI_ILLEGAL_REQUEST;
		asc = ASC_LUN_NOT_SUPPORTED;
	} else {
		asc = scsi_nexus_take_attention(task->lun);
		key = asc != ASC_NONE ? SCSI_UNIT_ATTENTION : SCSI_NO_SENSE;
		if (asc == ASC_NONE && !atomic_load(&task->lun->lu->online)) {
			key = SCSI_NOT_READY;
			asc = ASC_NOT_READY_MANUAL;
		}
	}
	if (descriptor)
		scsi_sense_encode_descriptor(p, key, asc);
	else
		scsi_sense_encode(p, key, asc);
	scsi_task_finish_param(task, descriptor ? SCSI_SENSE_DESCRIPTOR_SIZE : SCSI_SENSE_SIZE, task->cdb[4]);
}

void scsi_report_luns(struct scsi_task *task)
{
	struct scsi_nexus *nexus = task->nexus;
	uint8_t select = task->cdb[2], *p;
	uint32_t n = select == 1 ? 0 : nexus->n_luns; /* 1: well known logical units, of which there are none */
	uint32_t room = get32(task->cdb + 6);

	if (select > 2) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
		return;
	}
	p = scsi_task_param(task);
	if (p == NULL)
		return;
	_Static_assert(8 + 8 * LUNMAP_VIEW_MAX <= SCSI_PARAM_SIZE, "a full LUN list fits");
	put32(p, n * 8);
	for (uint32_t i = 0; i < n; i++)
		scsi_lun_encode(p + 8 + 8 * i, nexus->luns[i]->number);
	if (select != 1)
		scsi_nexus_luns_reported(nexus, MIN_OF(n, (MAX_OF(room, 8U) - 8U) / 8U));
	scsi_task_finish_param(task, 8 + 8 * n, room);
}

void scsi_report_capacity_10(struct scsi_task *task)
{
	uint64_t blocks = scsi_lu_blocks(scsi_task_lu(task));
	uint8_t *p;

	if ((task->cdb[8] & 1U) == 0 && get32(task->cdb + 2) != 0) { /* without PMI the LBA must be 0 */
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
		return;
	}
	p = scsi_task_param(task);
	if (p == NULL)
		return;
	put32(p, blocks > UINT32_MAX ? UINT32_MAX : (uint32_t)blocks - (blocks > 0));
	put32(p + 4, SCSI_BLOCK_SIZE);
	scsi_task_finish_param(task, 8, 8);
}

void scsi_report_capacity_16(struct scsi_task *task)
{
	uint64_t blocks = scsi_lu_blocks(scsi_task_lu(task));
	be64 last = be64_of(blocks - (blocks > 0));
	uint8_t *p = scsi_task_param(task);

	if (p == NULL)
		return;
	memcpy(p, &last, sizeof last);
	put32(p + 8, SCSI_BLOCK_SIZE);
	p[13] = SCSI_PHYSICAL_EXPONENT;
	p[14] = 0xC0; /* LBPME, LBPRZ */
	scsi_task_finish_param(task, 32, get32(task->cdb + 10));
}

/* ---- GET LBA STATUS ---- */

#define LBA_STATUS_HEADER 8U
#define LBA_STATUS_DESCRIPTOR 16U
#define LBA_STATUS_DEALLOCATED 1U /* it reads as zeros (LBPRZ); 0: mapped */
#define LBA_STATUS_BLOCKS_MAX                                                                                          \
	(UINT32_MAX & ~7U) /* of a descriptor, and of a command: whole blocks of the file
                                                  * system */
#define LBA_STATUS_MAX 64U /* descriptors of a command */

/* Where the file system writes, in the task's buffer behind the answer. */
#define LBA_STATUS_FOUND_AT 2048U
_Static_assert(LBA_STATUS_HEADER + LBA_STATUS_MAX * LBA_STATUS_DESCRIPTOR <= LBA_STATUS_FOUND_AT,
               "all descriptors fit");
_Static_assert(LBA_STATUS_FOUND_AT + LBA_STATUS_MAX * sizeof(struct fs_extent) <= SCSI_PARAM_SIZE,
               "and what they are made from");

static void lba_status_found(struct scsi_task *task)
{
	const struct fs_message *msg = &task->msg;
	uint8_t *p = task->param;

	if (msg->status != 0) {
		scsi_task_fail_errno(task, msg->status);
		return;
	}
	if (msg->out.n == 0) { /* the LUN has been made smaller meanwhile */
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
		return;
	}
	put32(p, LBA_STATUS_HEADER - 4U + msg->out.n * LBA_STATUS_DESCRIPTOR);
	for (unsigned i = 0; i < msg->out.n; i++) {
		const struct fs_extent *extent = &msg->in.extents.found[i];
		be64 lba = be64_of(extent->offset_bytes >> SCSI_BLOCK_SHIFT);
		uint8_t *descriptor = p + LBA_STATUS_HEADER + i * LBA_STATUS_DESCRIPTOR;

		memcpy(descriptor, &lba, sizeof lba);
		put32(descriptor + 8, (uint32_t)(extent->len_bytes >> SCSI_BLOCK_SHIFT));
		descriptor[12] = extent->is_hole ? LBA_STATUS_DEALLOCATED : 0;
	}
	scsi_task_finish_param(task, LBA_STATUS_HEADER + msg->out.n * LBA_STATUS_DESCRIPTOR, get32(task->cdb + 10));
}

/* As far as the file system looks at once; initiators go on from there. */
void scsi_report_lba_status(struct scsi_task *task)
{
	struct scsi_extent extent = scsi_opcode_extent(task->cdb);
	uint64_t blocks = scsi_lu_blocks(scsi_task_lu(task));
	struct fs_message *msg;
	uint8_t *p;

	if (extent.lba >= blocks) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_LBA_OUT_OF_RANGE);
		return;
	}
	p = scsi_task_param(task);
	if (p == NULL)
		return;
	msg = scsi_task_message(task, FS_EXTENTS);
	msg->in.extents.found = (struct fs_extent *)(void *)(p + LBA_STATUS_FOUND_AT);
	msg->in.extents.n_max = LBA_STATUS_MAX;
	msg->in.extents.offset_bytes = extent.lba << SCSI_BLOCK_SHIFT;
	msg->in.extents.len_bytes = MIN_OF(blocks - extent.lba, (uint64_t)LBA_STATUS_BLOCKS_MAX) << SCSI_BLOCK_SHIFT;
	scsi_task_send(task, lba_status_found);
}

/* ---- REPORT SUPPORTED OPERATION CODES ---- */

#define TIMEOUTS_LEN 12U

/* A timeouts descriptor that says: not specified. */
static uint32_t opcode_timeouts(uint8_t *p)
{
	p[1] = TIMEOUTS_LEN - 2;
	return TIMEOUTS_LEN;
}

static uint32_t opcodes_all(uint8_t *p, bool timeouts)
{
	unsigned n_rows;
	const struct scsi_opcode *rows = scsi_opcode_rows(&n_rows);
	uint32_t n = 4;

	for (unsigned i = 0; i < n_rows; i++) {
		p[n] = rows[i].code;
		p[n + 3] = rows[i].service_action;
		p[n + 5] = (uint8_t)((timeouts ? 2U : 0U) | ((rows[i].flags & OPCODE_SERVICE_ACTION) != 0));
		p[n + 7] = rows[i].cdb_len;
		n += 8;
		if (timeouts)
			n += opcode_timeouts(p + n);
	}
	put32(p, n - 4);
	return n;
}

static uint32_t opcode_one(uint8_t *p, const struct scsi_opcode *row, bool timeouts)
{
	uint32_t n = 4;

	p[1] = (uint8_t)((timeouts ? 0x80U : 0U) | (row == NULL ? 1U : 3U));
	if (row == NULL) {
		p[1] = 1;
		return n;
	}
	p[3] = row->cdb_len;
	p[n] = row->code;
	memcpy(p + n + 1, row->usage, row->cdb_len - 1U);
	if ((row->flags & OPCODE_SERVICE_ACTION) != 0)
		p[n + 1] = row->service_action;
	n += row->cdb_len;
	if (timeouts)
		n += opcode_timeouts(p + n);
	return n;
}

/* The row an option 1, 2 or 3 asks for. False: the question is not a proper one. */
static bool opcode_asked(const uint8_t *cdb, const struct scsi_opcode **ret_row)
{
	unsigned option = cdb[2] & 7U;
	uint8_t asked[SCSI_CDB_SIZE] = { cdb[3], cdb[5] & 0x1FU };
	const struct scsi_opcode *row = cdb[4] != 0 || cdb[5] > 0x1F ? NULL : scsi_opcode_find(asked);
	bool has_actions = cdb[3] == OP_SERVICE_ACTION_IN_16 || cdb[3] == OP_MAINTENANCE_IN;

	*ret_row = row;
	if (option == 1)
		return !has_actions;
	if (option == 2)
		return has_actions || !scsi_opcode_exists(cdb[3]);
	if (row != NULL && !has_actions && cdb[5] != 0) /* 3: a service action nobody has */
		*ret_row = NULL;
	return option == 3;
}

void scsi_report_opcodes(struct scsi_task *task)
{
	bool timeouts = (task->cdb[2] & 0x80U) != 0;
	const struct scsi_opcode *row = NULL;
	uint8_t *p;

	if ((task->cdb[2] & 7U) != 0 && !opcode_asked(task->cdb, &row)) {
		scsi_task_fail(task, SCSI_ILLEGAL_REQUEST, ASC_INVALID_FIELD_IN_CDB);
		return;
	}
	p = scsi_task_param(task);
	if (p == NULL)
		return;
	scsi_task_finish_param(task, (task->cdb[2] & 7U) == 0 ? opcodes_all(p, timeouts) : opcode_one(p, row, timeouts),
	                       get32(task->cdb + 6));
}
