/* SPDX-License-Identifier: Apache-2.0 */
/* One RPC connection: record marking, taking calls within its window, and an orderly end.
 *
 * THEORY. rpc_conn_pump runs the steps of the state machine until one lacks bytes, memory or window. The common record,
 * one fragment whose bytes are all in the ring, is decoded in place without a copy. A long record with a payload is
 * decoded as far as the payload, which the stream then receives into the program's memory, which is asked for as the
 * bytes come: never more than twice what is there already. Records of several fragments are collected in a buffer that
 * grows with what has really arrived, never with what a mark promises.
 *
 * STATES        mark -> call -> (payload ->) (skip ->) mark            one fragment
 *               mark -> fragment -> mark ... -> fragment -> assembled -> mark   several
 * WRITE PATH. previous hop: base/stream.c (readable, filled); next hop: the program's call, or payload_begin
 * and payload_complete (struct rpc_program; NFS: proto/nfs/nfs_dispatch.c). */
#include "proto/rpc/rpc_private.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

#define EMPTY_FRAGMENTS_MAX 16U
#define LINGER_MS 10000U
#define PAYLOAD_STEP 65536U /* memory for so much is taken ahead of the bytes */
#define STEPS_MAX (3U * STREAM_TURN_REQUESTS) /* mark, call, skip */

static struct rpc_counters *counters(const struct rpc_conn *conn)
{
	return conn->service->config.counters;
}

/* --- beginning and end --- */

void rpc_conn_get(struct rpc_conn *conn)
{
	conn->refs++;
}

void rpc_conn_put(struct rpc_conn *conn)
{
	struct rpc_service *service = conn->service;

	if (--conn->refs > 0)
		return;
	if (service->config.conn_ended != NULL)
		service->config.conn_ended(conn);
	budget_account_put(conn->account);
	free(conn);
	rpc_service_conn_freed(service);
}

static void assembly_free(struct rpc_conn *conn)
{
	budget_give(conn->account, conn->assembly_size);
	free(conn->assembly);
	conn->assembly = NULL;
	conn->assembly_len = conn->assembly_size = 0;
}

/* Forget the stream and all that only input needs. */
static void conn_detach(struct rpc_conn *conn)
{
	struct rpc_request *filling = conn->filling;
	struct rpc_service *service = conn->service;

	conn->stream = NULL;
	conn->ending = true;
	conn->filling = NULL;
	TAILQ_REMOVE(&service->conns, conn, link);
	assembly_free(conn);
	if (filling != NULL) {
		filling->program->payload_drop(filling);
		rpc_request_done(filling);
	}
	counter_sub(&service->config.counters->conns, 1);
	rpc_conn_put(conn);
}

/* Close now; replies still to come are dropped. */
void rpc_conn_close(struct rpc_conn *conn)
{
	struct stream *stream = conn->stream;

	if (stream == NULL)
		return;
	conn_detach(conn);
	stream_close(stream);
}

/* Take no more calls; close when the replies to those taken are sent. */
void rpc_conn_finish(struct rpc_conn *conn)
{
	struct stream *stream = conn->stream;

	if (stream == NULL)
		return;
	if (!conn->ending)
		stream_pause(stream);
	conn->ending = true;
	if (conn->in_flight > 0)
		return;
	conn_detach(conn);
	stream_close_after_send(stream, LINGER_MS);
}

static void conn_bad(struct rpc_conn *conn)
{
	counter_add(&counters(conn)->bad_records, 1);
	if (conn->filling != NULL)
		rpc_conn_close(conn);
	else
		rpc_conn_finish(conn);
}

static void readable(void *owner)
{
	rpc_conn_pump(owner);
}

static void drained(void *owner)
{
	struct rpc_conn *conn = owner;

	if (conn->blocked)
		rpc_conn_unblock(conn);
}

/* All of the payload is here. */
static void payload_over(struct rpc_conn *conn)
{
	struct rpc_request *request = conn->filling;

	conn->filling = NULL;
	conn->state = conn->left_bytes > 0 ? RPC_CONN_SKIP : RPC_CONN_MARK;
	request->program->payload_complete(request);
}

static void filled(void *owner)
{
	struct rpc_conn *conn = owner;

	rpc_conn_get(conn);
	conn->payload_at = conn->payload_upto;
	conn->state = RPC_CONN_PAYLOAD;
	if (conn->payload_at == conn->payload_bytes)
		payload_over(conn);
	rpc_conn_pump(conn);
	rpc_conn_put(conn);
}

/* The peer has sent its last byte (it may still read replies), or the socket failed. */
static void ended(void *owner, int err)
{
	struct rpc_conn *conn = owner;

	if (err != 0 || conn->filling != NULL)
		rpc_conn_close(conn);
	else
		rpc_conn_finish(conn);
}

static const struct stream_handler stream_handler = {
	.readable = readable, .filled = filled, .drained = drained, .ended = ended
};

static bool conn_is_known(struct rpc_conn *conn)
{
	const struct rpc_service_config *config = &conn->service->config;

	return config->conn_is_known == NULL || config->conn_is_known(conn);
}

static int conn_new(struct rpc_service *service, int fd, struct rpc_conn **ret_conn)
{
	struct rpc_conn *conn = calloc(1, sizeof *conn + service->config.conn_user_bytes);
	int err;

	if (conn == NULL)
		return -ENOMEM;
	conn->service = service;
	conn->refs = 1;
	err = stream_new(service->config.loop, fd, &stream_handler, conn, &conn->stream);
	if (err != 0) {
		free(conn);
		return err;
	}
	stream_peer(conn->stream, &conn->peer);
	conn->account = budget_account_get(stream_account(conn->stream));
	conn->called_ns = world_now_ns(service->world);
	*ret_conn = conn;
	return 0;
}

void rpc_conn_start(struct rpc_service *service, int fd)
{
	struct rpc_conn *conn;
	int err = conn_new(service, fd, &conn);

	if (err != 0) {
		log_peer_warn("rpc", "accept_failed", "error=%s", error_name(err));
		close(fd);
		return;
	}
	conn->known = conn_is_known(conn);
	err = stream_enter(conn->stream, service->door, conn->known, true);
	if (err != 0) {
		counter_add(&counters(conn)->refused, 1);
		log_peer_warn("rpc", "connection_refused", "error=%s", error_name(err));
		stream_close(conn->stream);
		budget_account_put(conn->account);
		free(conn);
		return;
	}
	TAILQ_INSERT_TAIL(&service->conns, conn, link);
	service->n_conns++;
	counter_add(&counters(conn)->conns, 1);
}

struct rpc_service *rpc_conn_service(const struct rpc_conn *conn)
{
	return conn->service;
}

void *rpc_conn_user(struct rpc_conn *conn)
{
	return conn->user;
}

const struct sockaddr_storage *rpc_conn_peer(const struct rpc_conn *conn)
{
	return &conn->peer;
}

/* Bytes that must come before half a record gives back the memory it holds. */
static uint64_t input_missing(const struct rpc_conn *conn)
{
	if (conn->filling != NULL)
		return stream_fill_left(conn->stream) + conn->payload_bytes - conn->payload_upto;
	return conn->assembly_size > 0 ? RPC_RECORD_MAX : 0;
}

/* No call for too long, and nothing outstanding. A right may have come since it was looked for last. */
static bool conn_is_idle(struct rpc_conn *conn, uint64_t now_ns)
{
	const struct rpc_limits *limits = &conn->service->limits;
	uint64_t silent_ns = now_ns - conn->called_ns;

	if (conn->in_flight > 0 || stream_unsent(conn->stream) > 0 ||
	    silent_ns <= MIN_OF(limits->stranger_ns, limits->idle_ns))
		return false;
	if (!conn->known && conn_is_known(conn)) {
		conn->known = true;
		stream_know(conn->stream);
	}
	return silent_ns > (conn->known ? limits->idle_ns : limits->stranger_ns);
}

/* A peer must not hold memory for ever, neither with half a record nor by not reading its replies; nor a place, by
 * saying nothing. */
void rpc_conn_sweep(struct rpc_conn *conn, uint64_t now_ns, uint64_t limit_ns)
{
	bool input = stall_is_over(&conn->input, input_missing(conn), stream_received(conn->stream), now_ns, limit_ns);
	bool output = stall_is_over(&conn->output, stream_unsent(conn->stream), stream_sent(conn->stream), now_ns,
	                            limit_ns);

	if (input || output) {
		counter_add(&counters(conn)->stalled, 1);
		rpc_conn_close(conn);
	} else if (conn_is_idle(conn, now_ns)) {
		counter_add(&counters(conn)->idle, 1);
		rpc_conn_close(conn); /* nothing is under way: a client connects again when it has something to say */
	}
}

/* --- the window --- */

static bool window_full(const struct rpc_conn *conn)
{
	const struct rpc_limits *limits = &conn->service->limits;

	return conn->in_flight >= limits->conn_requests || conn->weight_bytes >= limits->conn_bytes ||
	       stream_unsent(conn->stream) > STREAM_HIGH_MARK;
}

static void conn_block(struct rpc_conn *conn)
{
	conn->blocked = true;
	stream_pause(conn->stream);
}

/* Refused memory: read no further until there may be some. */
static void conn_wait(struct rpc_conn *conn)
{
	counter_add(&counters(conn)->waits, 1);
	conn_block(conn);
	stream_wait(conn->stream);
}

/* Another call may be taken: the window is open, and the budget has room for a reply that says no. Otherwise the
 * connection is blocked. */
static bool conn_is_open(struct rpc_conn *conn)
{
	if (window_full(conn))
		conn_block(conn);
	else if (budget_room(conn->account) < RPC_REPLY_SMALL)
		conn_wait(conn);
	return !conn->blocked;
}

/* Go on, if the window allows it. */
void rpc_conn_unblock(struct rpc_conn *conn)
{
	if (conn->stream == NULL || conn->ending || (conn->filling == NULL && window_full(conn)))
		return;
	rpc_conn_get(conn);
	conn->blocked = false;
	stream_resume(conn->stream);
	rpc_conn_pump(conn);
	rpc_conn_put(conn);
}

/* --- the steps: each returns whether the next may follow at once --- */

static bool step_mark(struct rpc_conn *conn)
{
	const uint8_t *bytes;
	uint32_t mark;
	be32 wire;

	if (stream_peek(conn->stream, &bytes) < RPC_MARK_SIZE)
		return false;
	memcpy(&wire, bytes, sizeof wire);
	stream_consume(conn->stream, RPC_MARK_SIZE);
	mark = be32_get(wire);
	conn->left_bytes = mark & ~RPC_MARK_LAST;
	conn->last_fragment = (mark & RPC_MARK_LAST) != 0;
	if (conn->left_bytes > RPC_RECORD_MAX - conn->assembly_len ||
	    (conn->left_bytes == 0 && conn->last_fragment && conn->assembly_len == 0) ||
	    (conn->left_bytes == 0 && ++conn->empty_fragments > EMPTY_FRAGMENTS_MAX)) {
		conn_bad(conn);
		return false;
	}
	conn->state = conn->last_fragment && conn->assembly_len == 0 ? RPC_CONN_CALL : RPC_CONN_FRAGMENT;
	return true;
}

static void step_consume(struct rpc_conn *conn, uint32_t bytes)
{
	stream_consume(conn->stream, bytes);
	conn->left_bytes -= bytes;
}

static void payload_start(struct rpc_conn *conn)
{
	struct rpc_payload *payload = &conn->service->payload;

	step_consume(conn, payload->head_bytes);
	conn->left_bytes -= payload->len_bytes; /* what follows is padding */
	conn->payload_at = conn->payload_upto = 0;
	conn->payload_bytes = payload->len_bytes;
	conn->state = RPC_CONN_PAYLOAD;
}

/* Memory for the next bytes of the payload: as many again as have come. */
static bool step_payload(struct rpc_conn *conn)
{
	struct rpc_payload *payload = &conn->service->payload;
	struct rpc_request *request = conn->filling;
	uint32_t upto = MIN_OF(conn->payload_at + MAX_OF(conn->payload_at, PAYLOAD_STEP), conn->payload_bytes);

	if (request->program->payload_memory(request, conn->payload_at, &upto, payload) != 0) {
		conn_wait(conn);
		return false;
	}
	conn->payload_upto = upto;
	conn->state = RPC_CONN_FILLING;
	stream_fill(conn->stream, payload->iov, payload->n_iov, upto < conn->payload_bytes);
	return false;
}

static bool step_call(struct rpc_conn *conn)
{
	const uint8_t *bytes;
	size_t n;
	enum rpc_take take;

	if (!conn_is_open(conn))
		return false;
	n = stream_peek(conn->stream, &bytes);
	n = MIN_OF(n, conn->left_bytes);
	take = rpc_take_call(conn, bytes, (uint32_t)n, conn->left_bytes);
	if (conn->stream == NULL)
		return false;
	conn->empty_fragments = 0;
	switch (take) {
	case RPC_TAKE_DONE: conn->state = RPC_CONN_SKIP; return true;
	case RPC_TAKE_PAYLOAD: payload_start(conn); return true;
	case RPC_TAKE_WAIT: conn_wait(conn); return false;
	case RPC_TAKE_BAD: conn_bad(conn); return false;
	case RPC_TAKE_MORE: break;
	}
	return false;
}

static bool step_skip(struct rpc_conn *conn)
{
	const uint8_t *bytes;
	size_t n;

	while (conn->left_bytes > 0) {
		n = stream_peek(conn->stream, &bytes);
		if (n == 0)
			return false;
		step_consume(conn, (uint32_t)MIN_OF(n, conn->left_bytes));
	}
	conn->state = RPC_CONN_MARK;
	return true;
}

/* Room for `more` bytes in the assembly, by doubling. */
static bool assembly_reserve(struct rpc_conn *conn, uint32_t more)
{
	uint32_t size = MAX_OF(conn->assembly_size, 4096U);
	uint8_t *grown;

	while (size < conn->assembly_len + more)
		size *= 2;
	if (size == conn->assembly_size)
		return true;
	if (!budget_take(conn->account, size - conn->assembly_size))
		return false;
	grown = realloc(conn->assembly, size);
	if (grown == NULL) {
		budget_give(conn->account, size - conn->assembly_size);
		return false;
	}
	conn->assembly = grown;
	conn->assembly_size = size;
	return true;
}

static bool step_fragment(struct rpc_conn *conn)
{
	const uint8_t *bytes;
	uint32_t n;

	while (conn->left_bytes > 0) {
		n = (uint32_t)MIN_OF(stream_peek(conn->stream, &bytes), conn->left_bytes);
		if (n == 0)
			return false;
		if (!assembly_reserve(conn, n)) {
			conn_wait(conn);
			return false;
		}
		memcpy(conn->assembly + conn->assembly_len, bytes, n);
		conn->assembly_len += n;
		step_consume(conn, n);
	}
	conn->state = conn->last_fragment ? RPC_CONN_ASSEMBLED : RPC_CONN_MARK;
	return true;
}

static bool step_assembled(struct rpc_conn *conn)
{
	enum rpc_take take;

	if (!conn_is_open(conn))
		return false;
	take = rpc_take_call(conn, conn->assembly, conn->assembly_len, conn->assembly_len);
	if (conn->stream == NULL)
		return false;
	if (take == RPC_TAKE_WAIT) {
		conn_wait(conn);
		return false;
	}
	conn->empty_fragments = 0;
	assembly_free(conn);
	if (take == RPC_TAKE_BAD) {
		conn_bad(conn);
		return false;
	}
	conn->state = RPC_CONN_MARK;
	return true;
}

static bool step(struct rpc_conn *conn)
{
	switch (conn->state) {
	case RPC_CONN_MARK: return step_mark(conn);
	case RPC_CONN_CALL: return step_call(conn);
	case RPC_CONN_FRAGMENT: return step_fragment(conn);
	case RPC_CONN_ASSEMBLED: return step_assembled(conn);
	case RPC_CONN_SKIP: return step_skip(conn);
	case RPC_CONN_PAYLOAD: return step_payload(conn);
	case RPC_CONN_FILLING: break;
	}
	return false;
}

/* Run as far as bytes, window, memory and this turn allow. */
void rpc_conn_pump(struct rpc_conn *conn)
{
	unsigned left = STEPS_MAX;

	if (conn->pumping)
		return;
	conn->pumping = true;
	rpc_conn_get(conn);
	conn->turn_requests = 0;
	while (left > 0 && conn->stream != NULL && !conn->ending && !conn->blocked && step(conn))
		left = conn->turn_requests < STREAM_TURN_REQUESTS ? left - 1 : 0;
	if (left == 0 && conn->stream != NULL && !conn->ending && !conn->blocked)
		stream_yield(conn->stream);
	conn->pumping = false;
	rpc_conn_put(conn);
}
