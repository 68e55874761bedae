/* SPDX-License-Identifier: Apache-2.0 */
/* One RPC connection: record marking, taking calls within its window, and an orderly end.
 *
 * THEORY. rpc_conn_pump runs the steps of the state machine until one lacks bytes, memory or window. The common record, one fragment
 * whose bytes are all in the ring, is decoded in place without a copy. A long record with a payload is decoded as far as the payload, which
 * the stream then receives into the program's memory. Records of several fragments are collected in a buffer that grows with what has
 * really arrived, never with what a mark promises.
 *
 * STATES        mark -> call -> (payload ->) (skip ->) mark            one fragment
 *               mark -> fragment -> mark ... -> fragment -> assembled -> mark   several
 * WRITE PATH. previous hop: base/stream.c (readable, filled); next hop: the program's call or payload_complete. */
#include "proto/rpc/rpc_private.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

#define EMPTY_FRAGMENTS_MAX 16U
#define LINGER_MS 10000U
#define PAYLOAD_DECODE_MAX (RPC_CALL_HEAD_MAX + RPC_PAYLOAD_HEAD_MAX)

/* What became of a call: DONE with (its bytes may go), MORE bytes needed, WAIT for memory, its PAYLOAD comes next, or BAD. */
enum take { TAKE_DONE, TAKE_MORE, TAKE_WAIT, TAKE_PAYLOAD, TAKE_BAD };

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
	free(conn);
	rpc_service_conn_freed(service);
}

static void assembly_free(struct rpc_conn *conn)
{
	conn->service->assembly_bytes -= conn->assembly_size;
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
	if (conn->waiting)
		TAILQ_REMOVE(&service->waiting, conn, waiting_link);
	conn->waiting = false;
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

static void filled(void *owner)
{
	struct rpc_conn *conn = owner;
	struct rpc_request *request = conn->filling;

	conn->filling = NULL;
	conn->held_since_ns = 0;
	conn->state = conn->left_bytes > 0 ? RPC_CONN_SKIP : RPC_CONN_MARK;
	rpc_conn_get(conn);
	request->program->payload_complete(request);
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

static const struct stream_handler stream_handler = { .readable = readable, .filled = filled, .drained = drained, .ended = ended };

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
	conn->called_ns = conn->unsent_since_ns = world_now_ns(service->world);
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

/* No call for too long, and nothing outstanding. A right may have come since it was looked for last. */
static bool conn_is_idle(struct rpc_conn *conn, uint64_t now_ns)
{
	const struct rpc_limits *limits = &conn->service->limits;
	uint64_t silent_ns = now_ns - conn->called_ns;

	if (conn->in_flight > 0 || stream_unsent(conn->stream) > 0 || silent_ns <= MIN_OF(limits->stranger_ns, limits->idle_ns))
		return false;
	if (!conn->known && conn_is_known(conn)) {
		conn->known = true;
		stream_know(conn->stream);
	}
	return silent_ns > (conn->known ? limits->idle_ns : limits->stranger_ns);
}

/* A peer must not hold memory for ever, neither with half a record nor by not reading its replies; nor a place, by saying nothing. */
void rpc_conn_sweep(struct rpc_conn *conn, uint64_t now_ns)
{
	uint64_t unsent_bytes = stream_unsent(conn->stream), sent_bytes = conn->queued_bytes - unsent_bytes;
	bool stalled = conn->held_since_ns != 0 && now_ns - conn->held_since_ns > conn->service->limits.stall_ns;

	if (unsent_bytes == 0 || sent_bytes != conn->sent_bytes_seen)
		conn->unsent_since_ns = now_ns;
	conn->sent_bytes_seen = sent_bytes;
	if (stalled || now_ns - conn->unsent_since_ns > conn->service->limits.stall_ns) {
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

/* Go on, if the window allows it. */
void rpc_conn_unblock(struct rpc_conn *conn)
{
	if (conn->stream == NULL || conn->ending || conn->waiting || window_full(conn))
		return;
	rpc_conn_get(conn);
	conn->blocked = false;
	stream_resume(conn->stream);
	rpc_conn_pump(conn);
	rpc_conn_put(conn);
}

/* --- taking a call --- */

static const struct rpc_program *program_find(const struct rpc_conn *conn, const struct rpc_call_head *head, enum rpc_accept_stat *ret_stat)
{
	const struct rpc_service_config *config = &conn->service->config;

	for (unsigned i = 0; i < config->n_programs; i++) {
		const struct rpc_program *program = config->programs[i];

		if (program->number != head->program)
			continue;
		if (head->version < program->version_low || head->version > program->version_high)
			*ret_stat = RPC_ACCEPT_PROG_MISMATCH;
		else
			*ret_stat = head->procedure < program->n_procedures ? RPC_ACCEPT_SUCCESS : RPC_ACCEPT_PROC_UNAVAIL;
		return program;
	}
	*ret_stat = RPC_ACCEPT_PROG_UNAVAIL;
	return NULL;
}

/* Answer what can be answered from the head alone; NULL then. */
static const struct rpc_program *call_check(struct rpc_conn *conn, const struct rpc_call_head *head)
{
	enum rpc_accept_stat stat;
	const struct rpc_program *program;

	if (head->rpc_version != RPC_PROTOCOL_VERSION) {
		rpc_reply_mismatch(conn, head->xid);
		return NULL;
	}
	if (head->auth_stat != RPC_AUTH_OK) {
		rpc_reply_auth_error(conn, head->xid, head->auth_stat);
		return NULL;
	}
	program = program_find(conn, head, &stat);
	if (stat == RPC_ACCEPT_SUCCESS)
		return program;
	rpc_reply_error(conn, head->xid, stat, program);
	return NULL;
}

static struct rpc_request *request_new(struct rpc_conn *conn, const struct rpc_call_head *head, const struct rpc_program *program)
{
	struct rpc_request *request = rpc_service_request(conn->service, conn);

	if (request == NULL)
		return NULL;
	counter_add(&counters(conn)->calls, 1);
	conn->called_ns = world_now_ns(conn->service->world);
	request->program = program;
	request->xid = head->xid;
	request->procedure = head->procedure;
	request->cred = head->cred;
	return request;
}

static void request_garbage(struct rpc_request *request)
{
	counter_add(&counters(request->conn)->garbage, 1);
	rpc_reply_status(request, RPC_ACCEPT_GARBAGE_ARGS);
	rpc_request_done(request);
}

static enum take take_plain(struct rpc_conn *conn, const struct rpc_call_head *head, const struct rpc_program *program,
                            const uint8_t *record, uint32_t record_bytes)
{
	struct rpc_request *request = request_new(conn, head, program);

	if (request == NULL)
		return TAKE_WAIT;
	if (!program->call(request, record + head->len_bytes, record_bytes - head->len_bytes))
		request_garbage(request);
	return TAKE_DONE;
}

static void payload_copy(const struct rpc_payload *payload, const uint8_t *bytes)
{
	for (unsigned i = 0; i < payload->n_iov; i++) {
		memcpy(payload->iov[i].iov_base, bytes, payload->iov[i].iov_len);
		bytes += payload->iov[i].iov_len;
	}
}

/* The call carries a payload: copy it when it is here already, else have the stream receive it where it belongs. */
static enum take take_payload(struct rpc_conn *conn, const struct rpc_call_head *head, const struct rpc_program *program,
                              const uint8_t *record, uint32_t available, uint32_t record_bytes)
{
	struct rpc_payload *payload = &conn->service->payload;
	struct rpc_request *request = request_new(conn, head, program);
	int result;

	if (request == NULL)
		return TAKE_WAIT;
	result = program->payload_begin(request, record + head->len_bytes, available - head->len_bytes, record_bytes - head->len_bytes,
	                                payload);
	if (result == -EAGAIN) {
		rpc_service_request_undo(conn->service, request);
		return TAKE_WAIT;
	}
	if (result == -EBADMSG)
		request_garbage(request);
	if (result != 0)
		return TAKE_DONE;
	if (available == record_bytes || payload->len_bytes == 0) {
		payload_copy(payload, record + head->len_bytes + payload->head_bytes);
		program->payload_complete(request);
		return TAKE_DONE;
	}
	payload->head_bytes += head->len_bytes;
	conn->filling = request;
	return TAKE_PAYLOAD;
}

/* Take the call whose record begins at `record`, `available` of its record_bytes being here. */
static enum take call_take(struct rpc_conn *conn, const uint8_t *record, uint32_t available, uint32_t record_bytes)
{
	const struct rpc_program *program;
	struct rpc_call_head head;

	if (available < record_bytes && available < PAYLOAD_DECODE_MAX)
		return TAKE_MORE;
	if (rpc_call_decode(record, available, &head) != 0)
		return TAKE_BAD;
	program = call_check(conn, &head);
	if (program == NULL)
		return TAKE_DONE;
	if (head.procedure == program->payload_procedure)
		return take_payload(conn, &head, program, record, available, record_bytes);
	if (available == record_bytes)
		return take_plain(conn, &head, program, record, record_bytes);
	if (record_bytes <= RPC_INLINE_MAX)
		return TAKE_MORE;
	counter_add(&counters(conn)->garbage, 1);
	rpc_reply_error(conn, head.xid, RPC_ACCEPT_GARBAGE_ARGS, program);
	return TAKE_DONE;
}

/* --- the steps: each returns whether the next may follow at once --- */

static bool step_mark(struct rpc_conn *conn)
{
	const uint8_t *bytes;
	uint32_t mark;
	be32 wire;

	if (stream_peek(conn->stream, RPC_MARK_SIZE, &bytes) < RPC_MARK_SIZE)
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
	conn->state = RPC_CONN_PAYLOAD;
	conn->held_since_ns = world_now_ns(conn->service->world);
	stream_fill(conn->stream, payload->iov, payload->n_iov);
}

static bool step_call(struct rpc_conn *conn)
{
	const uint8_t *bytes;
	size_t n;
	enum take take;

	if (window_full(conn)) {
		conn_block(conn);
		return false;
	}
	n = stream_peek(conn->stream, MIN_OF(conn->left_bytes, RPC_INLINE_MAX), &bytes);
	n = MIN_OF(n, conn->left_bytes);
	take = call_take(conn, bytes, (uint32_t)n, conn->left_bytes);
	if (conn->stream == NULL)
		return false;
	conn->empty_fragments = 0;
	switch (take) {
	case TAKE_DONE: conn->state = RPC_CONN_SKIP; return true;
	case TAKE_PAYLOAD: payload_start(conn); return false;
	case TAKE_WAIT:
		conn_block(conn);
		rpc_service_wait(conn->service, conn);
		return false;
	case TAKE_BAD: conn_bad(conn); return false;
	case TAKE_MORE: break;
	}
	return false;
}

static bool step_skip(struct rpc_conn *conn)
{
	const uint8_t *bytes;
	size_t n;

	while (conn->left_bytes > 0) {
		n = stream_peek(conn->stream, 1, &bytes);
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
	struct rpc_service *service = conn->service;
	uint32_t size = MAX_OF(conn->assembly_size, 4096U);
	uint8_t *grown;

	while (size < conn->assembly_len + more)
		size *= 2;
	if (size == conn->assembly_size)
		return true;
	if (service->assembly_bytes + size - conn->assembly_size > service->limits.assembly_bytes)
		return false;
	grown = realloc(conn->assembly, size);
	if (grown == NULL)
		return false;
	service->assembly_bytes += size - conn->assembly_size;
	conn->assembly = grown;
	conn->assembly_size = size;
	if (conn->held_since_ns == 0)
		conn->held_since_ns = world_now_ns(service->world);
	return true;
}

static bool step_fragment(struct rpc_conn *conn)
{
	const uint8_t *bytes;
	uint32_t n;

	while (conn->left_bytes > 0) {
		n = (uint32_t)MIN_OF(stream_peek(conn->stream, 1, &bytes), conn->left_bytes);
		if (n == 0)
			return false;
		if (!assembly_reserve(conn, n)) {
			conn_bad(conn);
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
	enum take take;

	if (window_full(conn)) {
		conn_block(conn);
		return false;
	}
	conn->held_since_ns = 0;
	take = call_take(conn, conn->assembly, conn->assembly_len, conn->assembly_len);
	if (conn->stream == NULL)
		return false;
	if (take == TAKE_WAIT) {
		conn_block(conn);
		rpc_service_wait(conn->service, conn);
		return false;
	}
	conn->empty_fragments = 0;
	assembly_free(conn);
	if (take == TAKE_BAD) {
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
	case RPC_CONN_PAYLOAD: break;
	}
	return false;
}

/* Run as far as bytes, window and memory allow. */
void rpc_conn_pump(struct rpc_conn *conn)
{
	if (conn->pumping)
		return;
	conn->pumping = true;
	rpc_conn_get(conn);
	while (conn->stream != NULL && !conn->ending && !conn->blocked && step(conn))
		;
	conn->pumping = false;
	rpc_conn_put(conn);
}
