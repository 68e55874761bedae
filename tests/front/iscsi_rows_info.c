/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that ask what the LUN is. */
#include <string.h>

#include "tests/front/iscsi_side.h"

#define INQUIRY_BYTES 255U
#define MODE_BYTES 192U
#define LIST_BYTES 1024U
#define ALL_PAGES 0x3FU

static uint64_t be_get(const uint8_t *from, unsigned n_bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < n_bytes; i++)
		value = value << 8 | from[i];
	return value;
}

/* At least `n` bytes of an answer. */
static const uint8_t *answer(const struct iscsi_call *call, int n)
{
	if (call->task->datain.size < n || (uint32_t)call->task->datain.size > call->in_len)
		front_fail(call->front, FAIL_WRONG, "%s: %d bytes", call->row->name, call->task->datain.size);
	return call->task->datain.data;
}

bool iscsi_plain_send(struct iscsi_call *call)
{
	uint8_t cdb[16] = { 0 };

	return iscsi_cdb_send(call, cdb);
}

/* START, or STOP, which flushes. */
bool iscsi_start_stop_send(struct iscsi_call *call)
{
	uint8_t cdb[16] = { 0 };

	call->syncs = front_draw(call->front, 2) == 0;
	cdb[4] = call->syncs ? 0 : 1;
	return iscsi_cdb_send(call, cdb);
}

bool iscsi_inquiry_send(struct iscsi_call *call)
{
	static const uint8_t pages[] = { 0x00, 0x80, 0x83, 0xB0, 0xB1, 0xB2 };
	unsigned which = (unsigned)front_draw(call->front, ARRAY_SIZE(pages) + 2U);
	uint8_t cdb[16] = { 0 };

	if (which < ARRAY_SIZE(pages)) {
		cdb[1] = 1;
		cdb[2] = pages[which];
	}
	cdb[4] = INQUIRY_BYTES;
	call->in_len = INQUIRY_BYTES;
	return iscsi_cdb_send(call, cdb);
}

void iscsi_inquiry_check(struct iscsi_call *call)
{
	bool vital = (call->task->cdb[1] & 1U) != 0;
	const uint8_t *bytes = answer(call, vital ? 4 : 36);

	if (bytes[0] != 0 || (vital && bytes[1] != call->task->cdb[2]))
		front_fail(call->front, FAIL_WRONG, "INQUIRY: type %02x, page %02x", bytes[0], bytes[1]);
}

bool iscsi_sense_send(struct iscsi_call *call)
{
	uint8_t cdb[16] = { 0 };

	cdb[4] = 18;
	call->in_len = 18;
	return iscsi_cdb_send(call, cdb);
}

bool iscsi_mode_sense_send(struct iscsi_call *call)
{
	uint8_t cdb[16] = { 0 };

	cdb[2] = ALL_PAGES;
	cdb[call->row->cdb_len == 6 ? 4 : 8] = MODE_BYTES;
	call->in_len = MODE_BYTES;
	return iscsi_cdb_send(call, cdb);
}

void iscsi_mode_sense_check(struct iscsi_call *call)
{
	unsigned head = call->row->cdb_len == 6 ? 1 : 2;
	const uint8_t *bytes = answer(call, 8);

	if (be_get(bytes, head) + head != (uint64_t)call->task->datain.size)
		front_fail(call->front, FAIL_WRONG, "%s: %d bytes say they are %llu", call->row->name,
		           call->task->datain.size, (unsigned long long)(be_get(bytes, head) + head));
}

/* A header without a page: nothing is changed. */
bool iscsi_mode_select_send(struct iscsi_call *call)
{
	bool short_one = call->row->cdb_len == 6;
	uint8_t cdb[16] = { 0 };

	cdb[1] = 0x10;
	cdb[short_one ? 4 : 8] = short_one ? 4 : 8;
	(void)iscsi_out_new(call, short_one ? 4 : 8);
	return iscsi_cdb_send(call, cdb);
}

bool iscsi_capacity_send(struct iscsi_call *call)
{
	bool big = call->row->cdb_len == 16;
	uint8_t cdb[16] = { 0 };

	call->in_len = big ? 32 : 8;
	if (big) {
		cdb[1] = 0x10;
		cdb[13] = (uint8_t)call->in_len;
	}
	return iscsi_cdb_send(call, cdb);
}

void iscsi_capacity_check(struct iscsi_call *call)
{
	unsigned width = call->row->cdb_len == 16 ? 8 : 4;
	const uint8_t *bytes = answer(call, (int)width + 4);

	if (be_get(bytes, width) != LUN_UNITS - 1U || be_get(bytes + width, 4) != LUN_UNIT)
		front_fail(call->front, FAIL_WRONG, "%s: last block %llu of %llu bytes", call->row->name,
		           (unsigned long long)be_get(bytes, width), (unsigned long long)be_get(bytes + width, 4));
}

bool iscsi_lba_status_send(struct iscsi_call *call)
{
	uint8_t cdb[16] = { 0 };

	cdb[1] = 0x12;
	call->first = (unsigned)front_draw(call->front, LUN_UNITS);
	call->in_len = LIST_BYTES;
	cdb[8] = (uint8_t)(call->first >> 8);
	cdb[9] = (uint8_t)call->first;
	cdb[12] = (uint8_t)(LIST_BYTES >> 8);
	return iscsi_cdb_send(call, cdb);
}

void iscsi_lba_status_check(struct iscsi_call *call)
{
	const uint8_t *bytes = answer(call, 24);

	if (be_get(bytes + 8, 8) != call->first || be_get(bytes + 16, 4) == 0 ||
	    be_get(bytes + 16, 4) > LUN_UNITS - call->first)
		front_fail(call->front, FAIL_WRONG, "GET LBA STATUS of %u: %llu blocks from %llu", call->first,
		           (unsigned long long)be_get(bytes + 16, 4), (unsigned long long)be_get(bytes + 8, 8));
}

bool iscsi_luns_send(struct iscsi_call *call)
{
	uint8_t cdb[16] = { 0 };

	cdb[8] = (uint8_t)(LIST_BYTES >> 8);
	call->in_len = LIST_BYTES;
	return iscsi_cdb_send(call, cdb);
}

void iscsi_luns_check(struct iscsi_call *call)
{
	const uint8_t *bytes = answer(call, 16);

	if (be_get(bytes, 4) != 8 || be_get(bytes + 8, 8) != 0)
		front_fail(call->front, FAIL_WRONG, "REPORT LUNS: %llu bytes, the first is %llx",
		           (unsigned long long)be_get(bytes, 4), (unsigned long long)be_get(bytes + 8, 8));
}

bool iscsi_opcodes_send(struct iscsi_call *call)
{
	uint8_t cdb[16] = { 0 };

	cdb[1] = 0x0C;
	cdb[8] = (uint8_t)(LIST_BYTES >> 8);
	call->in_len = LIST_BYTES;
	return iscsi_cdb_send(call, cdb);
}

void iscsi_opcodes_check(struct iscsi_call *call)
{
	const uint8_t *bytes = answer(call, 12);

	if (be_get(bytes, 4) == 0 || be_get(bytes, 4) % 4U != 0)
		front_fail(call->front, FAIL_WRONG, "REPORT SUPPORTED OPERATION CODES: %llu bytes",
		           (unsigned long long)be_get(bytes, 4));
}
