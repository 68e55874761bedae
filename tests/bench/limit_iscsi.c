/* SPDX-License-Identifier: Apache-2.0 */
/* iSCSI of the limit server: login without authentication, one LUN, READ, WRITE and what an initiator asks on the way.
 * RFC 7143. */
#include "tests/bench/limit_server.h"

#include <string.h>

#define BHS_BYTES 48U
#define SEGMENT_MAX 262144U /* MaxRecvDataSegmentLength, FirstBurstLength and MaxBurstLength at once */
#define QUEUE_DEPTH 192U
#define BLOCK 512U

enum { OP_NOP_OUT = 0x00, OP_COMMAND = 0x01, OP_LOGIN = 0x03, OP_TEXT = 0x04, OP_DATA_OUT = 0x05, OP_LOGOUT = 0x06 };
enum {
	OP_NOP_IN = 0x20,
	OP_RESPONSE = 0x21,
	OP_LOGIN_RESPONSE = 0x23,
	OP_DATA_IN = 0x25,
	OP_LOGOUT_RESPONSE = 0x26,
	OP_R2T = 0x31
};

struct pdu {
	const uint8_t *bhs, *data;
	uint32_t data_bytes, tag;
};

static uint8_t *reply(struct limit_conn *conn, uint8_t opcode, uint8_t flags, uint32_t tag, uint32_t data_bytes)
{
	uint8_t *p = limit_head(conn, BHS_BYTES);
	memset(p, 0, BHS_BYTES);
	limit_put32(p + 4, data_bytes);
	p[0] = opcode;
	p[1] = flags;
	limit_put32(p + 16, tag);
	limit_put32(p + 28, conn->exp_cmd_sn);
	limit_put32(p + 32, conn->exp_cmd_sn + QUEUE_DEPTH - 1U);
	return p;
}

static void set_stat_sn(struct limit_conn *conn, uint8_t *p)
{
	limit_put32(p + 24, conn->stat_sn++);
}

static void put_padded(struct limit_conn *conn, const void *data, uint32_t len_bytes)
{
	uint32_t padded = (len_bytes + 3U) & ~3U;
	uint8_t *p = limit_head(conn, padded);
	memset(p, 0, padded);
	memcpy(p, data, len_bytes);
}

static void response(struct limit_conn *conn, uint32_t tag, uint8_t status)
{
	uint8_t *p = reply(conn, OP_RESPONSE, 0x80, tag, 0);
	p[3] = status;
	set_stat_sn(conn, p);
}

static void login(struct limit_conn *conn, const struct pdu *pdu)
{
	static const char security[] = "AuthMethod=None\0TargetPortalGroupTag=1";
	static const char operational[] =
	    "HeaderDigest=None\0DataDigest=None\0InitialR2T=No\0ImmediateData=Yes\0MaxBurstLength=262144\0"
	    "FirstBurstLength=262144\0MaxRecvDataSegmentLength=262144\0MaxConnections=1\0MaxOutstandingR2T=1\0"
	    "DefaultTime2Wait=0\0DefaultTime2Retain=0\0DataPDUInOrder=Yes\0DataSequenceInOrder=Yes\0ErrorRecoveryLevel="
	    "0";
	bool negotiating = (pdu->bhs[1] >> 2 & 3U) == 1U;
	const char *text = negotiating ? operational : security;
	uint32_t len = negotiating ? (uint32_t)sizeof operational : (uint32_t)sizeof security;
	conn->exp_cmd_sn = limit_get32(pdu->bhs + 24);
	uint8_t *p = reply(conn, OP_LOGIN_RESPONSE, pdu->bhs[1] & 0x8fU, pdu->tag, len);
	memcpy(p + 8, pdu->bhs + 8, 6); /* ISID */
	p[15] = 1; /* TSIH */
	set_stat_sn(conn, p);
	put_padded(conn, text, len);
}

static void data_in(struct limit_conn *conn, uint32_t tag, const uint8_t *data, uint32_t len_bytes,
                    uint32_t expected_bytes)
{
	uint32_t sn = 0, at = 0;
	do {
		uint32_t part = len_bytes - at < SEGMENT_MAX ? len_bytes - at : SEGMENT_MAX;
		bool last = at + part == len_bytes;
		uint8_t *p = reply(conn, OP_DATA_IN, last ? 0x81 : 0x80, tag, part);
		limit_put32(p + 20, 0xffffffffU);
		limit_put32(p + 36, sn++);
		limit_put32(p + 40, at);
		if (last) {
			set_stat_sn(conn, p);
			if (expected_bytes > len_bytes) {
				p[1] |= 2U; /* underflow */
				limit_put32(p + 44, expected_bytes - len_bytes);
			}
		}
		if (data >= conn->memory->bytes && data < conn->memory->bytes + conn->memory->size_bytes)
			limit_data(conn, data + at, part);
		else
			put_padded(conn, data + at, part);
		at += part;
	} while (at < len_bytes);
}

/* Data of a command that is not a read of blocks: at most what the initiator expects. */
static void small_answer(struct limit_conn *conn, const struct pdu *pdu, const uint8_t *data, uint32_t len_bytes)
{
	uint32_t expected = limit_get32(pdu->bhs + 20);
	if (len_bytes > expected)
		len_bytes = expected;
	if (len_bytes == 0)
		response(conn, pdu->tag, 0);
	else
		data_in(conn, pdu->tag, data, len_bytes, expected);
}

static void inquiry(struct limit_conn *conn, const struct pdu *pdu, const uint8_t *cdb)
{
	uint8_t data[96] = { 0 };
	uint32_t len = 36;
	if (cdb[1] & 1U) {
		data[1] = cdb[2];
		data[3] = cdb[2] == 0 ? 1 : 0x3c;
		len = cdb[2] == 0 ? 5 : 64;
	} else {
		data[2] = 6;
		data[3] = 2;
		data[4] = 31;
		data[7] = 2;
		memcpy(data + 8, "VCSTORE LIMIT           0001", 28);
	}
	uint32_t allocation = (uint32_t)cdb[3] << 8 | cdb[4];
	small_answer(conn, pdu, data, len < allocation ? len : allocation);
}

static void capacity(struct limit_conn *conn, const struct pdu *pdu, bool wide)
{
	uint8_t data[32] = { 0 };
	uint64_t last = conn->memory->size_bytes / BLOCK - 1U;
	if (wide) {
		limit_put64(data, last);
		limit_put32(data + 8, BLOCK);
	} else {
		limit_put32(data, last > UINT32_MAX ? UINT32_MAX : (uint32_t)last);
		limit_put32(data + 4, BLOCK);
	}
	small_answer(conn, pdu, data, wide ? 32 : 8);
}

static void request_rest(struct limit_conn *conn, struct limit_task *task, const uint8_t *lun)
{
	uint32_t left = task->len_bytes - task->received_bytes;
	uint32_t part = left < SEGMENT_MAX ? left : SEGMENT_MAX;
	uint8_t *p = reply(conn, OP_R2T, 0x80, task->tag, 0);
	memcpy(p + 8, lun, 8);
	limit_put32(p + 20, (uint32_t)(task - conn->tasks));
	limit_put32(p + 24, conn->stat_sn);
	limit_put32(p + 36, task->asked_bytes / SEGMENT_MAX);
	limit_put32(p + 40, task->received_bytes);
	limit_put32(p + 44, part);
	task->asked_bytes += part;
}

static struct limit_task *task_new(struct limit_conn *conn, uint32_t tag)
{
	for (unsigned i = 0; i < LIMIT_TASKS; i++) {
		if (!conn->tasks[i].used) {
			conn->tasks[i] = (struct limit_task){ .used = true, .tag = tag };
			return &conn->tasks[i];
		}
	}
	return NULL;
}

static struct limit_task *task_find(struct limit_conn *conn, uint32_t tag)
{
	for (unsigned i = 0; i < LIMIT_TASKS; i++)
		if (conn->tasks[i].used && conn->tasks[i].tag == tag)
			return &conn->tasks[i];
	return NULL;
}

static bool task_take(struct limit_conn *conn, struct limit_task *task, const struct pdu *pdu, uint32_t at)
{
	if (at > task->len_bytes || pdu->data_bytes > task->len_bytes - at)
		return false;
	memcpy(conn->memory->bytes + task->offset_bytes + at, pdu->data, pdu->data_bytes);
	task->received_bytes += pdu->data_bytes;
	if (task->received_bytes == task->len_bytes) {
		response(conn, task->tag, 0);
		task->used = false;
	} else if (pdu->bhs[1] & 0x80U) {
		request_rest(conn, task, pdu->bhs + 8);
	}
	return true;
}

static bool block_command(struct limit_conn *conn, const struct pdu *pdu, const uint8_t *cdb, bool write)
{
	bool wide = cdb[0] >= 0x80;
	uint64_t offset = (wide ? limit_get64(cdb + 2) : limit_get32(cdb + 2)) * BLOCK;
	uint64_t len = (uint64_t)(wide ? limit_get32(cdb + 10) : (uint32_t)cdb[7] << 8 | cdb[8]) * BLOCK;
	if (offset > conn->memory->size_bytes || len > conn->memory->size_bytes - offset || len > 8U << 20) {
		response(conn, pdu->tag, 2);
		return true;
	}
	if (len == 0) {
		response(conn, pdu->tag, 0);
		return true;
	}
	if (!write) {
		data_in(conn, pdu->tag, conn->memory->bytes + offset, (uint32_t)len, (uint32_t)len);
		return true;
	}
	struct limit_task *task = task_new(conn, pdu->tag);
	if (!task)
		return false;
	task->offset_bytes = offset;
	task->len_bytes = (uint32_t)len;
	return task_take(conn, task, pdu, 0);
}

static bool command(struct limit_conn *conn, const struct pdu *pdu)
{
	static const uint8_t report_luns[16] = { 0, 0, 0, 8 };
	static const uint8_t mode_sense[4] = { 3, 0, 0, 0 };
	const uint8_t *cdb = pdu->bhs + 32;
	switch (cdb[0]) {
	case 0x28:
	case 0x88: return block_command(conn, pdu, cdb, false);
	case 0x2a:
	case 0x8a: return block_command(conn, pdu, cdb, true);
	case 0x00:
	case 0x35:
	case 0x91: response(conn, pdu->tag, 0); return true;
	case 0x12: inquiry(conn, pdu, cdb); return true;
	case 0x25: capacity(conn, pdu, false); return true;
	case 0x9e: capacity(conn, pdu, true); return true;
	case 0xa0: small_answer(conn, pdu, report_luns, sizeof report_luns); return true;
	case 0x1a: small_answer(conn, pdu, mode_sense, sizeof mode_sense); return true;
	default: response(conn, pdu->tag, 2); return true;
	}
}

static bool data_out(struct limit_conn *conn, const struct pdu *pdu)
{
	struct limit_task *task = task_find(conn, pdu->tag);
	return task && task_take(conn, task, pdu, limit_get32(pdu->bhs + 40));
}

static bool dispatch(struct limit_conn *conn, const struct pdu *pdu)
{
	uint8_t *p;
	switch (pdu->bhs[0] & 0x3fU) {
	case OP_COMMAND: return command(conn, pdu);
	case OP_DATA_OUT: return data_out(conn, pdu);
	case OP_LOGIN: login(conn, pdu); return true;
	case OP_NOP_OUT:
		if (pdu->tag != 0xffffffffU) {
			p = reply(conn, OP_NOP_IN, 0x80, pdu->tag, 0);
			limit_put32(p + 20, 0xffffffffU);
			set_stat_sn(conn, p);
		}
		return true;
	case OP_LOGOUT:
		p = reply(conn, OP_LOGOUT_RESPONSE, 0x80, pdu->tag, 0);
		set_stat_sn(conn, p);
		return true;
	default: return false;
	}
}

long limit_iscsi_feed(struct limit_conn *conn, const uint8_t *in, size_t len_bytes)
{
	if (len_bytes < BHS_BYTES)
		return 0;
	uint32_t ahs_bytes = in[4] * 4U;
	uint32_t data_bytes = limit_get32(in + 4) & 0xffffffU;
	size_t total = BHS_BYTES + ahs_bytes + ((data_bytes + 3U) & ~3U);
	if (data_bytes > SEGMENT_MAX)
		return -1;
	if (len_bytes < total)
		return 0;
	struct pdu pdu = {
		.bhs = in, .data = in + BHS_BYTES + ahs_bytes, .data_bytes = data_bytes, .tag = limit_get32(in + 16)
	};
	uint8_t opcode = in[0] & 0x3fU;
	if (!(in[0] & 0x40U) && opcode != OP_DATA_OUT && opcode != OP_LOGIN)
		conn->exp_cmd_sn = limit_get32(in + 24) + 1U;
	return dispatch(conn, &pdu) ? (long)total : -1;
}
