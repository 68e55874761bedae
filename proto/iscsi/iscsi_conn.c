/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: receiving PDUs and handing them to their opcode, stalls and retries, the end.
 * WRITE PATH. previous hop: base/stream.c; next hop: iscsi_command.c (pdus[]). REFERENCES. RFC 7143 11.2 (PDU layout),
 * 7.8 (digest errors). */
#include "proto/iscsi/iscsi_conn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/log.h"

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
static bool conn_has_room(struct iscsi_conn *conn)
{
	if (conn->rx != RX_HEADER || budget_room(conn->account) >= ISCSI_PDU_ROOM)
		return true;
	if (conn->nexus_ready && stream_unsent(conn->stream) == 0)
		return true;
	stream_wait(conn->stream);
	return false;
}

static bool conn_may_receive(struct iscsi_conn *conn)
{
	return (conn->state == CONN_LOGIN || conn->state == CONN_FULL) && conn->rx != RX_STALLED &&
	       stream_unsent(conn->stream) <= STREAM_HIGH_MARK && conn_has_room(conn);
}

static void conn_receive(struct iscsi_conn *conn)
{
	unsigned left = STREAM_TURN_REQUESTS;
	bool more = true;

	for (; more && left > 0 && conn->state != CONN_CLOSED && conn_may_receive(conn); left--)
		more = conn->rx == RX_HEADER ? rx_header(conn) : conn->rx == RX_SKIP ? rx_skip(conn) : false;
	if (conn->state == CONN_CLOSED)
		return;
	if (!conn_may_receive(conn))
		stream_pause(conn->stream);
	else if (more)
		stream_yield(conn->stream);
}

/* ---- memory that was refused ---- */

void iscsi_conn_continue(struct iscsi_conn *conn)
{
	conn->rx = RX_HEADER;
	rx_data_begin(conn);
	if (conn->state != CONN_CLOSED)
		stream_resume(conn->stream);
}

static void conn_stalled(struct iscsi_conn *conn)
{
	if (iscsi_command_reserve(conn) != 0) {
		if (world_now_ns(conn->world) - conn->stalled_since_ns < ISCSI_STALL_MS * UINT64_C(1000000)) {
			stream_wait(conn->stream);
			return;
		}
		/* it may be held by others who wait like us: give way */
		log_peer_warn("iscsi", "no_pages", "initiator=%s peer=%s", conn->initiator, conn->peer);
		scsi_task_give_up(&conn->rx_task->scsi, SCSI_BUSY, SCSI_NO_SENSE, ASC_NONE);
		conn->sink = SINK_NONE;
		conn->sink_len = 0;
	}
	if (conn->state != CONN_CLOSED)
		iscsi_conn_continue(conn);
}

static void conn_readable(void *owner)
{
	conn_receive(owner);
}

static void conn_filled(void *owner)
{
	struct iscsi_conn *conn = owner;

	rx_data_over(conn);
	if (conn->state != CONN_CLOSED)
		conn_receive(conn);
}

static void conn_drained(void *owner)
{
	struct iscsi_conn *conn = owner;

	if (conn->rx == RX_STALLED)
		conn_stalled(conn);
	if (conn->state != CONN_CLOSED)
		iscsi_command_run_waiters(conn);
	if (conn->state != CONN_CLOSED && conn_may_receive(conn))
		stream_resume(conn->stream);
}

static void conn_ended(void *owner, int err)
{
	struct iscsi_conn *conn = owner;

	iscsi_conn_close(conn, err == 0 ? NULL : error_name(err));
}

static const struct stream_handler conn_handler = { conn_readable, conn_filled, conn_drained, conn_ended };

/* ---- stalls ---- */

static uint64_t stall_limit_ns(const struct iscsi_conn *conn)
{
	return iscsi_server_times(conn->server)->stall * UINT64_C(1000000);
}

static void conn_look_later(struct iscsi_conn *conn)
{
	world_timer_set(conn->world, &conn->timer, MIN_OF(STALL_LOOK_NS, stall_limit_ns(conn) / 4U));
}

/* Nobody may hold memory for ever: not with data that does not come, nor by not reading answers. Pings are no
 * progress. */
static void conn_look(struct iscsi_conn *conn)
{
	uint64_t now_ns = world_now_ns(conn->world),
	         limit_ns = stall_limit_ns(conn) / (stall_is_urgent(&conn->shortage) ? 12U : 1U);
	uint64_t filling = stream_fill_left(conn->stream),
	         taken = conn->rx == RX_DATA ? conn->data_len - MIN_OF(filling, conn->data_len) : 0;

	if (stall_is_over(&conn->input, filling + iscsi_command_missing(conn),
	                  counter_get(&conn->written_bytes) + taken, now_ns, limit_ns))
		iscsi_conn_close(conn, "data that was announced or asked for does not come");
	else if (stall_is_over(&conn->output, stream_unsent(conn->stream), stream_sent(conn->stream), now_ns, limit_ns))
		iscsi_conn_close(conn, "answers are not read");
	else
		conn_look_later(conn);
	iscsi_command_trim(conn, conn->n_tasks > 0 ? ISCSI_IDLE_TASKS : 1);
}

static void conn_timer(struct timer *timer)
{
	struct iscsi_conn *conn = container_of(timer, struct iscsi_conn, timer);

	if (conn->state == CONN_LOGIN || conn->state == CONN_CLAIMING)
		iscsi_conn_close(conn, "login took too long");
	else if (conn->state != CONN_CLOSED)
		conn_look(conn);
}

/* ---- silence ---- */

/* Often enough that a limit is kept to a quarter. */
static void conn_idle_set(struct iscsi_conn *conn)
{
	const struct iscsi_times *times = iscsi_server_times(conn->server);
	unsigned shortest_ms = conn->discovery ? times->discovery : MIN_OF(times->ping, times->answer);

	world_timer_set(conn->world, &conn->idle_timer, MAX_OF(shortest_ms / 4U, 1U) * UINT64_C(1000000));
}

/* A session that sees a LUN has its place kept. */
static void conn_look_for_right(struct iscsi_conn *conn)
{
	if (conn->discovery)
		return;
	scsi_nexus_refresh(&conn->nexus);
	if (conn->nexus.n_luns > 0)
		stream_know(conn->stream);
}

/* A discovery session that asks nothing ends. A normal one lives as long as its initiator is there: after a while of
 * silence it is asked. NULL, or why it is over. */
static const char *conn_silence(struct iscsi_conn *conn, uint64_t now_ns)
{
	const struct iscsi_times *times = iscsi_server_times(conn->server);
	uint64_t silent_ms = (now_ns - conn->heard_ns) / 1000000U;

	if (conn->discovery)
		return silent_ms >= times->discovery ? "discovery session without requests" : NULL;
	if (conn->heard_ns > conn->pinged_ns)
		conn->pinged_ns = 0;
	if (conn->pinged_ns != 0 && (now_ns - conn->pinged_ns) / 1000000U >= times->answer)
		return "the initiator does not answer";
	if (conn->pinged_ns == 0 && silent_ms >= times->ping) {
		conn->pinged_ns = now_ns;
		iscsi_ping(conn);
	}
	return NULL;
}

static void conn_idle(struct timer *timer)
{
	struct iscsi_conn *conn = container_of(timer, struct iscsi_conn, idle_timer);
	uint64_t now_ns = world_now_ns(conn->world);
	const char *over;

	if (conn->state != CONN_FULL)
		return;
	if (!conn_may_receive(conn)) /* that we do not read is not the initiator's silence */
		conn->heard_ns = now_ns;
	over = conn_silence(conn, now_ns);
	if (over != NULL) {
		iscsi_conn_close(conn, over);
		return;
	}
	conn_look_for_right(conn);
	conn_idle_set(conn);
}

/* ---- life ---- */

static void conn_peer_name(struct iscsi_conn *conn)
{
	struct sockaddr_storage peer;
	char host[INET6_ADDRSTRLEN] = "";

	stream_peer(conn->stream, &peer);
	if (peer.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&peer;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		snprintf(conn->peer, sizeof conn->peer, "%s:%u", host, ntohs(in->sin_port));
	} else if (peer.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&peer;

		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
		snprintf(conn->peer, sizeof conn->peer, "[%s]:%u", host, ntohs(in6->sin6_port));
	} else {
		snprintf(conn->peer, sizeof conn->peer, "local");
	}
}

/* A peer that vanished is found out by TCP, in about a minute, also when it is we who wait for nothing. */
static void conn_keepalive(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },          { IPPROTO_TCP, TCP_KEEPIDLE, 30 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 10 },       { IPPROTO_TCP, TCP_KEEPCNT, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 60000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
}

static void conn_free(struct task *task)
{
	struct iscsi_conn *conn = container_of(task, struct iscsi_conn, free_task);
	struct iscsi_server *server = conn->server;

	vc_assert(conn->n_tasks == 0);
	if (conn->nexus_ready)
		scsi_nexus_fini(&conn->nexus);
	iscsi_command_trim(conn, 0);
	iscsi_text_release(conn);
	budget_account_put(conn->account);
	free(conn);
	iscsi_server_gone(server);
}

/* A stream with a place at the door. `fd` is taken, whatever happens. */
static int conn_stream(struct iscsi_conn *conn, int fd)
{
	int err;

	conn_keepalive(fd);
	err = stream_new(conn->loop, fd, &conn_handler, conn, &conn->stream);
	if (err != 0) {
		close(fd);
		return err;
	}
	err = stream_enter(conn->stream, iscsi_server_door(conn->server), false, false);
	if (err != 0)
		stream_close(conn->stream);
	return err;
}

static uint32_t window_of_budget(void)
{
	size_t max_bytes = budget_max();

	return max_bytes == 0
	           ? ISCSI_WINDOW
	           : (uint32_t)MIN_OF(MAX_OF(max_bytes >> 20, (size_t)ISCSI_WINDOW_LEAST), (size_t)ISCSI_WINDOW);
}

int iscsi_conn_new(struct iscsi_server *server, struct loop *loop, int fd, struct iscsi_conn **ret_conn)
{
	struct iscsi_conn *conn = calloc(1, sizeof *conn);
	int err;

	if (conn == NULL) {
		close(fd);
		return -ENOMEM;
	}
	conn->server = server;
	conn->loop = loop;
	conn->world = loop_world(loop);
	conn->free_task.run = conn_free;
	conn->timer.fire = conn_timer;
	conn->idle_timer.fire = conn_idle;
	conn->statsn = 1;
	conn->window = window_of_budget();
	iscsi_params_init(&conn->params);
	TAILQ_INIT(&conn->active);
	TAILQ_INIT(&conn->idle);
	TAILQ_INIT(&conn->waiting);
	for (unsigned i = 0; i < ISCSI_BUCKETS; i++)
		LIST_INIT(&conn->buckets[i]);
	err = conn_stream(conn, fd);
	if (err != 0) {
		free(conn);
		return err;
	}
	conn->account = budget_account_get(stream_account(conn->stream));
	conn_peer_name(conn);
	world_timer_set(conn->world, &conn->timer, iscsi_server_times(server)->login * UINT64_C(1000000));
	*ret_conn = conn;
	return 0;
}

int iscsi_conn_establish(struct iscsi_conn *conn)
{
	char port[240];
	int err;

	if (!conn->discovery) {
		snprintf(port, sizeof port, "%s,t,0x0001", iscsi_server_target_name(conn->server));
		err = scsi_nexus_init(&conn->nexus, conn->world, iscsi_server_maps(conn->server), conn->initiator,
		                      port);
		if (err != 0)
			return err;
		conn->nexus_ready = true;
	}
	conn_look_later(conn);
	conn->state = CONN_FULL;
	conn->heard_ns = world_now_ns(conn->world);
	conn_look_for_right(conn);
	conn_idle_set(conn);
	log_peer_info("iscsi", "login", "initiator=%s peer=%s session=%s tsih=%u", conn->initiator, conn->peer,
	              conn->discovery ? "discovery" : "normal", conn->tsih);
	return 0;
}

static void conn_end(struct iscsi_conn *conn)
{
	conn->state = CONN_CLOSED;
	conn->stream = NULL;
	conn->rx_task = NULL;
	conn->text_len = conn->reply_len = 0;
	world_timer_cancel(&conn->timer);
	world_timer_cancel(&conn->idle_timer);
	iscsi_command_abort_all(conn);
	iscsi_conn_settle(conn);
}

void iscsi_conn_close(struct iscsi_conn *conn, const char *why)
{
	if (conn->state == CONN_CLOSED)
		return;
	if (why != NULL)
		log_peer_warn("iscsi", "connection_dropped", "initiator=%s peer=%s reason=\"%s\"", conn->initiator,
		              conn->peer, why);
	stream_close(conn->stream);
	conn_end(conn);
}

void iscsi_conn_close_after_send(struct iscsi_conn *conn)
{
	if (conn->state == CONN_CLOSED)
		return;
	stream_close_after_send(conn->stream, 5000);
	conn_end(conn);
}

void iscsi_conn_settle(struct iscsi_conn *conn)
{
	if (conn->n_tasks > 0)
		return;
	if (conn->state == CONN_LOGOUT) {
		iscsi_logout_finish(conn); /* closes, and comes here again */
		return;
	}
	if (conn->state == CONN_CLOSED && !conn->free_task.queued && iscsi_server_remove(conn))
		world_defer(conn->world, &conn->free_task);
}
