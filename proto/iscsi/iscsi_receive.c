/* SPDX-License-Identifier: Apache-2.0 */
/* Receiving PDUs and handing them to their opcode.
 * WRITE PATH. previous hop: base/stream.c; next hop: iscsi_command.c (pdus[]). REFERENCES. RFC 7143 11.2 (PDU layout),
 * 7.8 (digest errors). */
#include "proto/iscsi/iscsi_receive.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/log.h"
#include "proto/iscsi/iscsi_command.h"
#include "proto/iscsi/iscsi_conn.h"
#include "proto/iscsi/iscsi_control.h"
#include "proto/iscsi/iscsi_login.h"
#include "proto/iscsi/iscsi_send.h"

#define RX_COPY_MAX 16384U /* a data segment that is in the buffer already is copied up to here */
#define RX_PIECES (FS_IO_PAGES_MAX + 1U)
#define RX_IOV 400U
#define DISCARD_SIZE 4096U
_Static_assert(RX_PIECES + ISCSI_MAX_RECV / DISCARD_SIZE + 2 <= RX_IOV && RX_IOV <= STREAM_FILL_IOV,
               "a data segment, what is dropped of it, the tail");

static _Thread_local uint8_t discard[DISCARD_SIZE];

/* What each request needs and who handles it. */
struct iscsi_pdu {
	uint8_t opcode;
	bool in_login, in_discovery;
	/* header is there: choose the sink; NULL: no data segment is expected */
	void (*begin)(struct iscsi_conn *conn);
	void (*end)(struct iscsi_conn *conn); /* data segment is there */
};

static const struct iscsi_pdu pdus[] = {
	{ ISCSI_SCSI_COMMAND, false, false, iscsi_command_begin, iscsi_command_end },
	{ ISCSI_DATA_OUT, false, false, iscsi_data_out_begin, iscsi_data_out_end },
	{ ISCSI_NOP_OUT, false, true, iscsi_text_gather, iscsi_nop_end },
	{ ISCSI_TASK_REQUEST, false, false, NULL, iscsi_tmf_end },
	{ ISCSI_TEXT_REQUEST, false, true, iscsi_text_gather, iscsi_text_end },
	{ ISCSI_LOGOUT_REQUEST, false, true, NULL, iscsi_logout_end },
	{ ISCSI_LOGIN_REQUEST, true, false, iscsi_login_begin, iscsi_login_end },
};

static const struct iscsi_pdu *pdu_find(const struct iscsi_conn *conn)
{
	bool login = conn->state == CONN_LOGIN;

	for (size_t i = 0; i < ARRAY_SIZE(pdus); i++) {
		if (pdus[i].opcode == (conn->bhs.opcode & ISCSI_OPCODE_MASK))
			return pdus[i].in_login == login && (!conn->discovery || login || pdus[i].in_discovery)
			           ? &pdus[i]
			           : NULL;
	}
	return NULL;
}

/* ---- the data segment ---- */

static uint32_t rx_padding(const struct iscsi_conn *conn)
{
	return -conn->data_len & 3U;
}

static uint32_t rx_tail_len(const struct iscsi_conn *conn)
{
	return rx_padding(conn) + (conn->digests_data ? ISCSI_DIGEST_SIZE : 0);
}

/* The memory of the sink, for `sink_len` bytes. */
static unsigned rx_pieces(struct iscsi_conn *conn, struct scsi_piece *ret_pieces)
{
	if (conn->sink_len == 0)
		return 0;
	if (conn->sink == SINK_TASK)
		return scsi_data_pieces(&conn->rx_task->scsi.data, conn->sink_at, conn->sink_len, ret_pieces,
		                        RX_PIECES);
	ret_pieces[0] = (struct scsi_piece){ (uint8_t *)conn->text + conn->text_len, conn->sink_len, NULL };
	return 1;
}

static unsigned rx_iov(struct iscsi_conn *conn, struct iovec *ret_iov)
{
	struct scsi_piece pieces[RX_PIECES];
	unsigned n = rx_pieces(conn, pieces);
	uint32_t drop = conn->data_len - conn->sink_len;

	for (unsigned i = 0; i < n; i++)
		ret_iov[i] = (struct iovec){ pieces[i].base, pieces[i].len_bytes };
	for (; drop > 0; drop -= MIN_OF(drop, DISCARD_SIZE))
		ret_iov[n++] = (struct iovec){ discard, MIN_OF(drop, DISCARD_SIZE) };
	ret_iov[n++] = (struct iovec){ conn->tail, rx_tail_len(conn) };
	return n;
}

static bool rx_digest_good(struct iscsi_conn *conn)
{
	struct scsi_piece pieces[RX_PIECES];
	uint32_t padding = rx_padding(conn), crc = crc32c(NULL, 0);
	unsigned n;
	le32 wire;

	/* what was dropped cannot be summed, nor does it matter */
	if (!conn->digests_data || conn->sink_len < conn->data_len)
		return true;
	n = rx_pieces(conn, pieces);
	for (unsigned i = 0; i < n; i++)
		crc = crc32c_more(crc, pieces[i].base, pieces[i].len_bytes);
	crc = crc32c_more(crc, conn->tail, padding);
	memcpy(&wire, conn->tail + padding, sizeof wire);
	return le32_get(wire) == crc;
}

static void rx_over(struct iscsi_conn *conn)
{
	conn->rx = RX_HEADER;
	conn->heard_ns = world_now_ns(conn->world);
	if (conn->pdu != NULL)
		conn->pdu->end(conn);
}

static void rx_data_over(struct iscsi_conn *conn)
{
	conn->rx = RX_HEADER;
	if (rx_digest_good(conn)) {
		rx_over(conn);
		return;
	}
	log_peer_warn("iscsi", "data_digest_error", "initiator=%s peer=%s", conn->initiator, conn->peer);
	iscsi_send_reject(conn, REJECT_DATA_DIGEST);
	if (conn->rx_task != NULL)
		iscsi_command_damaged(conn);
}

/* All of a short data segment is in the buffer: copy it out. */
static bool rx_copy(struct iscsi_conn *conn)
{
	uint32_t total = conn->data_len + rx_tail_len(conn);
	struct iovec iov[RX_IOV];
	const uint8_t *bytes;
	unsigned n;

	if (total > RX_COPY_MAX || stream_peek(conn->stream, &bytes) < total)
		return false;
	n = rx_iov(conn, iov);
	for (unsigned i = 0; i < n; i++) {
		if (iov[i].iov_len > 0)
			memcpy(iov[i].iov_base, bytes, iov[i].iov_len);
		bytes += iov[i].iov_len;
	}
	stream_consume(conn->stream, total);
	return true;
}

static void rx_fill(struct iscsi_conn *conn)
{
	struct iovec iov[RX_IOV];

	conn->rx = RX_DATA;
	stream_fill(conn->stream, iov, rx_iov(conn, iov), false);
}

static void rx_data_begin(struct iscsi_conn *conn)
{
	if (conn->data_len == 0) {
		rx_over(conn);
	} else if (conn->sink == SINK_NONE) {
		conn->rx = RX_SKIP;
		conn->skip_left = conn->data_len + rx_tail_len(conn);
	} else if (rx_copy(conn)) {
		rx_data_over(conn);
	} else {
		rx_fill(conn);
	}
}

static bool rx_skip(struct iscsi_conn *conn)
{
	const uint8_t *bytes;
	size_t have = stream_peek(conn->stream, &bytes);
	uint32_t step = (uint32_t)MIN_OF(have, (size_t)conn->skip_left);

	stream_consume(conn->stream, step);
	conn->skip_left -= step;
	if (conn->skip_left > 0)
		return false;
	rx_over(conn);
	return true;
}

/* ---- the header ---- */

static void rx_begin(struct iscsi_conn *conn)
{
	conn->sink = SINK_NONE;
	conn->sink_len = conn->sink_at = 0;
	conn->rx_task = NULL;
	conn->pdu = pdu_find(conn);
	if (conn->pdu == NULL) {
		if (conn->state == CONN_LOGIN) {
			iscsi_conn_close(conn, "not a login request");
			return;
		}
		iscsi_send_reject(conn, (conn->bhs.opcode & ISCSI_OPCODE_MASK) == ISCSI_SNACK ? REJECT_SNACK
		                                                                              : REJECT_NOT_SUPPORTED);
	} else if (conn->pdu->begin != NULL) {
		conn->pdu->begin(conn);
	}
	if (conn->state != CONN_CLOSED && conn->rx != RX_STALLED)
		rx_data_begin(conn);
}

static bool rx_header_digest_good(const struct iscsi_conn *conn, const uint8_t *bytes)
{
	uint32_t len = ISCSI_BHS_SIZE + conn->ahs_len;
	le32 wire;

	if (!conn->digests_header)
		return true;
	memcpy(&wire, bytes + len, sizeof wire);
	return le32_get(wire) == crc32c(bytes, len);
}

static bool rx_header(struct iscsi_conn *conn)
{
	const uint8_t *bytes;
	size_t have = stream_peek(conn->stream, &bytes);
	uint32_t len;

	if (have < ISCSI_BHS_SIZE)
		return false;
	memcpy(&conn->bhs, bytes, sizeof conn->bhs);
	conn->ahs_len = conn->bhs.ahs_words * 4U;
	conn->data_len = be24_get(conn->bhs.data_len);
	if (conn->data_len > (conn->state == CONN_LOGIN ? ISCSI_LOGIN_DATA_MAX : ISCSI_MAX_RECV)) {
		iscsi_conn_close(conn, "data segment longer than declared");
		return false;
	}
	len = ISCSI_BHS_SIZE + conn->ahs_len + (conn->digests_header ? ISCSI_DIGEST_SIZE : 0);
	if (stream_peek(conn->stream, &bytes) < len)
		return false;
	if (!rx_header_digest_good(conn, bytes)) {
		/* nothing in it can be trusted, not even where the next one begins */
		iscsi_conn_close(conn, "header digest error");
		return false;
	}
	memcpy(conn->ahs, bytes + ISCSI_BHS_SIZE, conn->ahs_len);
	stream_consume(conn->stream, len);
	rx_begin(conn);
	return true;
}

/* Room for a PDU and what it makes us answer. A session may go on without when it reads its answers: what it sends may
 * give something back. A discovery session has nothing to give back. */
static bool rx_has_room(struct iscsi_conn *conn)
{
	if (conn->rx != RX_HEADER || budget_room(conn->account) >= ISCSI_PDU_ROOM)
		return true;
	if (conn->nexus_ready && stream_unsent(conn->stream) == 0)
		return true;
	stream_wait(conn->stream);
	return false;
}

bool iscsi_may_receive(struct iscsi_conn *conn)
{
	return (conn->state == CONN_LOGIN || conn->state == CONN_FULL) && conn->rx != RX_STALLED &&
	       stream_unsent(conn->stream) <= STREAM_HIGH_MARK && rx_has_room(conn);
}

void iscsi_receive(struct iscsi_conn *conn)
{
	unsigned left = STREAM_TURN_REQUESTS;
	bool more = true;

	for (; more && left > 0 && conn->state != CONN_CLOSED && iscsi_may_receive(conn); left--)
		more = conn->rx == RX_HEADER ? rx_header(conn) : conn->rx == RX_SKIP ? rx_skip(conn) : false;
	if (conn->state == CONN_CLOSED)
		return;
	if (!iscsi_may_receive(conn))
		stream_pause(conn->stream);
	else if (more)
		stream_yield(conn->stream);
}

void iscsi_receive_filled(struct iscsi_conn *conn)
{
	rx_data_over(conn);
	if (conn->state != CONN_CLOSED)
		iscsi_receive(conn);
}

void iscsi_receive_on(struct iscsi_conn *conn)
{
	conn->rx = RX_HEADER;
	rx_data_begin(conn);
	if (conn->state != CONN_CLOSED)
		stream_resume(conn->stream);
}
