/* SPDX-License-Identifier: Apache-2.0 */
/* Sending: sequence numbers, lengths, padding, digests; Data-In straight from the pages.
 * READ PATH. previous hop: iscsi_command.c; next hop: base/stream.c. REFERENCES. RFC 7143 11.7 (Data-In), 4.2.2
 * (numbering). */
#include "proto/iscsi/iscsi_send.h"

#include <string.h>

#include "base/crc32c.h"
#include "proto/iscsi/iscsi_conn.h"

#define DATA_IN_PIECES (FS_IO_PAGES_MAX + 1U)

/* Invariant 1. */
static void numbers_stamp(struct iscsi_conn *conn, struct iscsi_bhs *bhs)
{
	uint32_t max = conn->exp_cmdsn + (conn->window - conn->n_queued) - 1;

	if (iscsi_sn_before(conn->max_cmdsn, max))
		conn->max_cmdsn = max;
	bhs->exp_cmdsn = be32_of(conn->exp_cmdsn);
	bhs->max_cmdsn = be32_of(conn->max_cmdsn);
}

static void statsn_stamp(struct iscsi_conn *conn, struct iscsi_bhs *bhs, bool takes_statsn)
{
	bhs->statsn = be32_of(conn->statsn);
	conn->statsn += takes_statsn;
}

/* Queue header and data segment; `segs` has room for the header before (index 0) and padding and digest after them. */
static void send_segs(struct iscsi_conn *conn, struct iscsi_bhs *bhs, struct stream_seg *segs, unsigned n,
                      uint32_t len_bytes)
{
	uint8_t header[ISCSI_BHS_SIZE + ISCSI_DIGEST_SIZE], tail[8] = { 0 };
	uint32_t padding = -len_bytes & 3U, crc = crc32c(NULL, 0);
	le32 digest;

	bhs->data_len = be24_of(len_bytes);
	memcpy(header, bhs, ISCSI_BHS_SIZE);
	segs[0] = (struct stream_seg){ header, ISCSI_BHS_SIZE, NULL };
	if (conn->digests_header) {
		digest = le32_of(crc32c(header, ISCSI_BHS_SIZE));
		memcpy(header + ISCSI_BHS_SIZE, &digest, sizeof digest);
		segs[0].len_bytes += ISCSI_DIGEST_SIZE;
	}
	if (len_bytes > 0 && conn->digests_data) {
		for (unsigned i = 1; i <= n; i++)
			crc = crc32c_more(crc, segs[i].base, segs[i].len_bytes);
		digest = le32_of(crc32c_more(crc, tail, padding));
		memcpy(tail + padding, &digest, sizeof digest);
		padding += ISCSI_DIGEST_SIZE;
	}
	segs[n + 1] = (struct stream_seg){ tail, padding, NULL };
	stream_send(conn->stream, segs, n + (padding > 0 ? 2 : 1));
}

void iscsi_send(struct iscsi_conn *conn, struct iscsi_bhs *bhs, const void *data, uint32_t len_bytes, bool takes_statsn)
{
	struct stream_seg segs[3] = { [1] = { data, len_bytes, NULL } };

	if (conn->state == CONN_CLOSED)
		return;
	statsn_stamp(conn, bhs, takes_statsn);
	numbers_stamp(conn, bhs);
	send_segs(conn, bhs, segs, len_bytes > 0, len_bytes);
}

void iscsi_send_reject(struct iscsi_conn *conn, enum iscsi_reject reason)
{
	struct iscsi_bhs bhs = {
		.opcode = ISCSI_REJECT, .flags = ISCSI_FINAL, .byte2 = (uint8_t)reason, .itt = be32_of(ISCSI_TAG_NONE)
	};

	iscsi_send(conn, &bhs, &conn->bhs, ISCSI_BHS_SIZE, true);
}

void iscsi_send_r2t(struct iscsi_task *task, uint32_t offset, uint32_t len_bytes)
{
	struct iscsi_bhs bhs = { .opcode = ISCSI_R2T,
		                 .flags = ISCSI_FINAL,
		                 .itt = be32_of(task->itt),
		                 .ttt = be32_of(task->generation << 8 | task->slot),
		                 .r2tsn = be32_of(task->r2tsn++),
		                 .offset = be32_of(offset),
		                 .desired_len = be32_of(len_bytes) };

	memcpy(bhs.lun, task->scsi.lun_bytes, sizeof bhs.lun);
	iscsi_send(task->conn, &bhs, NULL, 0, false);
}

/* Residual count and flags: what the command would move against what the initiator expects (RFC 7143 11.4.5). */
static uint8_t residual_stamp(const struct iscsi_task *task, struct iscsi_bhs *bhs)
{
	const struct scsi_task *scsi = &task->scsi;
	uint64_t moved = scsi->transfer_bytes, expected = scsi->is_in    ? scsi->in_limit
	                                                  : scsi->is_out ? scsi->out_limit
	                                                                 : task->edtl;

	if (scsi->status != SCSI_GOOD && !scsi->cut_block) {
		if (scsi->is_out)
			return 0;
		moved = scsi->is_in ? scsi->data.position : 0;
		expected = task->edtl;
	}
	if (moved == expected)
		return 0;
	bhs->residual = be32_of((uint32_t)(moved > expected ? moved - expected : expected - moved));
	return moved > expected ? ISCSI_RESIDUAL_OVERFLOW : ISCSI_RESIDUAL_UNDERFLOW;
}

static void data_in_pdu(struct iscsi_task *task, uint32_t at, uint32_t len, bool final, bool status)
{
	struct iscsi_conn *conn = task->conn;
	struct stream_seg segs[DATA_IN_PIECES + 2];
	struct scsi_piece pieces[DATA_IN_PIECES];
	unsigned n = scsi_data_pieces(&task->scsi.data, at, len, pieces, DATA_IN_PIECES);
	struct iscsi_bhs bhs = { .opcode = ISCSI_DATA_IN,
		                 .flags = final ? ISCSI_FINAL : 0,
		                 .itt = be32_of(task->itt),
		                 .ttt = be32_of(ISCSI_TAG_NONE),
		                 .data_sn = be32_of(task->data_sn++),
		                 .offset = be32_of(task->scsi.data.position + at) };

	for (unsigned i = 0; i < n; i++)
		segs[i + 1] = (struct stream_seg){ pieces[i].base, pieces[i].len_bytes, pieces[i].page };
	if (status) {
		bhs.flags |= (uint8_t)(ISCSI_DATA_STATUS | residual_stamp(task, &bhs));
		bhs.byte3 = (uint8_t)task->scsi.status;
		statsn_stamp(conn, &bhs, true);
	}
	numbers_stamp(conn, &bhs);
	send_segs(conn, &bhs, segs, n, len);
}

void iscsi_send_data_in(struct iscsi_task *task, bool last)
{
	struct iscsi_conn *conn = task->conn;
	uint32_t at = 0, all = task->scsi.data.len_bytes;

	while (at < all && conn->state != CONN_CLOSED) {
		uint32_t len = MIN_OF(MIN_OF(conn->params.peer_max_recv, conn->params.max_burst - task->burst),
		                      all - at);
		bool end = last && at + len == all, final = end || task->burst + len == conn->params.max_burst;

		task->burst = final ? 0 : task->burst + len;
		data_in_pdu(task, at, len, final, end);
		at += len;
	}
	counter_add(&conn->read_bytes, at);
}

void iscsi_send_response(struct iscsi_task *task)
{
	const struct scsi_task *scsi = &task->scsi;
	uint8_t sense[2 + SCSI_SENSE_SIZE] = { 0, scsi->sense_len };
	struct iscsi_bhs bhs = { .opcode = ISCSI_SCSI_RESPONSE,
		                 .flags = ISCSI_FINAL,
		                 .byte3 = (uint8_t)scsi->status,
		                 .itt = be32_of(task->itt) };

	bhs.flags |= residual_stamp(task, &bhs);
	if (scsi->is_in)
		bhs.data_sn = be32_of(task->data_sn); /* ExpDataSN: how many Data-In went before */
	memcpy(sense + 2, scsi->sense, scsi->sense_len);
	iscsi_send(task->conn, &bhs, sense, scsi->sense_len > 0 ? scsi->sense_len + 2U : 0, true);
}
