/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that read and change the medium. */
#include <stdlib.h>
#include <string.h>

#include "tests/front/iscsi_side.h"

#define SMALL_UNITS 80U
#define BIG_UNITS 2048U /* 1 MiB */
#define BYTE1_FUA 0x08U
#define BYTE1_BYTCHK 0x02U
#define BYTE1_UNMAP 0x08U
#define BYTE1_NDOB 0x01U
#define OP_SAME_16 0x93U
#define UNMAP_LIST 24U

static void be_put(uint8_t *to, unsigned n_bytes, uint64_t value)
{
	while (n_bytes-- > 0) {
		to[n_bytes] = (uint8_t)value;
		value >>= 8;
	}
}

void iscsi_cdb_extent(uint8_t *cdb, unsigned cdb_len, unsigned lba, unsigned n)
{
	switch (cdb_len) {
	case 6:
		be_put(cdb + 2, 2, lba); /* the LUN is small: the bits in byte 1 stay 0 */
		be_put(cdb + 4, 1, n);
		break;
	case 10:
		be_put(cdb + 2, 4, lba);
		be_put(cdb + 7, 2, n);
		break;
	case 12:
		be_put(cdb + 2, 4, lba);
		be_put(cdb + 6, 4, n);
		break;
	default:
		be_put(cdb + 2, 8, lba);
		be_put(cdb + 10, 4, n);
		break;
	}
}

uint8_t *iscsi_out_new(struct iscsi_call *call, uint32_t len)
{
	call->out = calloc(1, len);
	vc_assert(call->out != NULL);
	call->out_len = len;
	return call->out;
}

bool iscsi_cdb_send(struct iscsi_call *call, uint8_t cdb[16])
{
	struct iscsi_data data = { .size = call->out_len, .data = call->out };
	int direction = call->out_len > 0 ? SCSI_XFER_WRITE : call->in_len > 0 ? SCSI_XFER_READ : SCSI_XFER_NONE;

	cdb[0] = call->row->opcode;
	call->task = scsi_create_task(call->row->cdb_len, cdb, direction,
	                              (int)(call->out_len > 0 ? call->out_len : call->in_len));
	vc_assert(call->task != NULL);
	return iscsi_scsi_command_async(call->peer->context, 0, call->task, iscsi_answered,
	                                call->out_len > 0 ? &data : NULL, call) == 0;
}

/* A range of at most `most` blocks, of whole 4 KiB more often than not. */
static void range_draw(struct iscsi_call *call, unsigned most)
{
	struct front *front = call->front;

	call->first = (unsigned)front_draw(front, LUN_UNITS);
	if (front_draw(front, 3) != 0)
		call->first -= call->first % 8U;
	call->n = 1U + (unsigned)front_draw(front, front_draw(front, 16) == 0 ? BIG_UNITS : SMALL_UNITS);
	if (front_draw(front, 3) != 0)
		call->n = ROUND_UP(call->n, 8U);
	call->n = MIN_OF(MIN_OF(call->n, most), LUN_UNITS - call->first);
}

static unsigned row_most(const struct iscsi_call *call)
{
	return call->row->cdb_len == 6 ? 255U : BIG_UNITS;
}

static void stamp_fill(struct iscsi_call *call, unsigned n_units)
{
	uint8_t *out = iscsi_out_new(call, n_units * LUN_UNIT);

	for (uint32_t at = 0; at < call->out_len; at += sizeof call->stamp)
		memcpy(out + at, &call->stamp, sizeof call->stamp);
}

bool iscsi_read_send(struct iscsi_call *call)
{
	uint8_t cdb[16] = { 0 };

	range_draw(call, row_most(call));
	call->in_len = call->n * LUN_UNIT;
	iscsi_cdb_extent(cdb, call->row->cdb_len, call->first, call->n);
	if (call->row->cdb_len > 6 && front_draw(call->front, 4) == 0)
		cdb[1] |= BYTE1_FUA;
	return iscsi_cdb_send(call, cdb);
}

void iscsi_read_check(struct iscsi_call *call)
{
	if ((uint32_t)call->task->datain.size != call->in_len ||
	    call->task->residual_status != SCSI_RESIDUAL_NO_RESIDUAL)
		front_fail(call->front, FAIL_WRONG, "%s: %d of %u bytes, residual %zu", call->row->name,
		           call->task->datain.size, call->in_len, call->task->residual);
	iscsi_check_cells(iscsi_side_of(call->front), call->first, call->n, call->task->datain.data, call->sent);
}

static bool write_send(struct iscsi_call *call, uint8_t byte1)
{
	uint8_t cdb[16] = { 0 };

	range_draw(call, row_most(call));
	call->stamp = ++call->front->stamp;
	iscsi_cells_send(call);
	stamp_fill(call, call->n);
	iscsi_cdb_extent(cdb, call->row->cdb_len, call->first, call->n);
	cdb[1] |= byte1;
	return iscsi_cdb_send(call, cdb);
}

bool iscsi_write_send(struct iscsi_call *call)
{
	call->durable = call->row->cdb_len > 6 && front_draw(call->front, 3) == 0;
	return write_send(call, call->durable ? BYTE1_FUA : 0);
}

bool iscsi_write_verify_send(struct iscsi_call *call)
{
	call->durable = true;
	return write_send(call, front_draw(call->front, 2) == 0 ? BYTE1_BYTCHK : 0);
}

/* Against what must be there, if that is known; else the medium alone. */
bool iscsi_verify_send(struct iscsi_call *call)
{
	struct iscsi_side *side = iscsi_side_of(call->front);
	uint8_t cdb[16] = { 0 };
	uint64_t stamp = 0;

	range_draw(call, SMALL_UNITS);
	iscsi_cdb_extent(cdb, call->row->cdb_len, call->first, call->n);
	if (iscsi_cells_unsure(call) || front_draw(call->front, 3) == 0)
		return iscsi_cdb_send(call, cdb);
	call->compares = true;
	iscsi_out_new(call, call->n * LUN_UNIT);
	for (unsigned i = 0; i < call->n; i++) {
		stamp = 0;
		(void)(side->cells[call->first + i].n > 0 && cell_settled(&side->cells[call->first + i], &stamp));
		for (uint32_t at = 0; at < LUN_UNIT; at += sizeof stamp)
			memcpy(call->out + i * LUN_UNIT + at, &stamp, sizeof stamp);
	}
	cdb[1] |= BYTE1_BYTCHK;
	return iscsi_cdb_send(call, cdb);
}

bool iscsi_prefetch_send(struct iscsi_call *call)
{
	uint8_t cdb[16] = { 0 };

	range_draw(call, BIG_UNITS);
	iscsi_cdb_extent(cdb, call->row->cdb_len, call->first, call->n);
	return iscsi_cdb_send(call, cdb);
}

bool iscsi_synchronize_send(struct iscsi_call *call)
{
	uint8_t cdb[16] = { 0 };

	call->syncs = true;
	return iscsi_cdb_send(call, cdb);
}

bool iscsi_unmap_send(struct iscsi_call *call)
{
	uint8_t cdb[16] = { 0 };
	uint8_t *list;

	range_draw(call, BIG_UNITS);
	iscsi_cells_send(call);
	list = iscsi_out_new(call, UNMAP_LIST);
	be_put(list, 2, UNMAP_LIST - 2U);
	be_put(list + 2, 2, UNMAP_LIST - 8U);
	be_put(list + 8, 8, call->first);
	be_put(list + 16, 4, call->n);
	be_put(cdb + 7, 2, UNMAP_LIST);
	return iscsi_cdb_send(call, cdb);
}

bool iscsi_write_same_send(struct iscsi_call *call)
{
	uint8_t cdb[16] = { 0 };
	bool zeros = front_draw(call->front, 2) == 0;

	range_draw(call, BIG_UNITS);
	call->stamp = zeros ? 0 : ++call->front->stamp;
	iscsi_cells_send(call);
	iscsi_cdb_extent(cdb, call->row->cdb_len, call->first, call->n);
	if (zeros && front_draw(call->front, 2) == 0)
		cdb[1] |= BYTE1_UNMAP;
	stamp_fill(call, 1);
	return iscsi_cdb_send(call, cdb);
}
