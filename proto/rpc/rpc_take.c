/* SPDX-License-Identifier: Apache-2.0 */
/* Taking a call: from the bytes of its record to the program that it is for.
 *
 * WRITE PATH. previous hop: rpc_conn.c; next hop: the program's call, or payload_begin and payload_complete (struct
 * rpc_program). */
#include <string.h>

#include "proto/rpc/rpc_private.h"

#define TURN_WEIGHT 16384U /* what weighs more counts for several requests, */
#define TURN_COUNT_MAX 8U /* but for no more */
#define PAYLOAD_DECODE_MAX (RPC_CALL_HEAD_MAX + RPC_PAYLOAD_HEAD_MAX)

static const struct rpc_program *program_find(const struct rpc_conn *conn, const struct rpc_call_head *head,
                                              enum rpc_accept_stat *ret_stat)
{
	const struct rpc_service_config *config = &conn->service->config;

	for (unsigned i = 0; i < config->n_programs; i++) {
		const struct rpc_program *program = config->programs[i];

		if (program->number != head->program)
			continue;
		if (head->version < program->version_low || head->version > program->version_high)
			*ret_stat = RPC_ACCEPT_PROG_MISMATCH;
		else
			*ret_stat = head->procedure < program->n_procedures ? RPC_ACCEPT_SUCCESS
			                                                    : RPC_ACCEPT_PROC_UNAVAIL;
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

static struct rpc_request *request_new(struct rpc_conn *conn, const struct rpc_call_head *head,
                                       const struct rpc_program *program, uint32_t weight_bytes)
{
	struct rpc_request *request = rpc_service_request(conn->service, conn, weight_bytes);

	if (request == NULL)
		return NULL;
	conn->turn_requests += MIN_OF(1 + weight_bytes / TURN_WEIGHT, TURN_COUNT_MAX);
	counter_add(&conn->service->config.counters->calls, 1);
	conn->called_ns = world_now_ns(conn->service->world);
	request->program = program;
	request->xid = head->xid;
	request->procedure = head->procedure;
	request->cred = head->cred;
	return request;
}

static void request_garbage(struct rpc_request *request)
{
	counter_add(&request->conn->service->config.counters->garbage, 1);
	rpc_reply_status(request, RPC_ACCEPT_GARBAGE_ARGS);
	rpc_request_done(request);
}

static enum rpc_take take_plain(struct rpc_conn *conn, const struct rpc_call_head *head,
                                const struct rpc_program *program, const uint8_t *record, uint32_t record_bytes)
{
	const uint8_t *args = record + head->len_bytes;
	uint32_t args_bytes = record_bytes - head->len_bytes;
	uint32_t weight = program->weigh != NULL ? program->weigh(head->procedure, args, args_bytes) : RPC_REPLY_SMALL;
	struct rpc_request *request = request_new(conn, head, program, weight);

	if (request == NULL)
		return RPC_TAKE_WAIT;
	if (!program->call(request, args, args_bytes))
		request_garbage(request);
	return RPC_TAKE_DONE;
}

/* The whole payload is here already: copy it. */
static enum rpc_take payload_copy(struct rpc_conn *conn, struct rpc_request *request, const uint8_t *bytes)
{
	struct rpc_payload *payload = &conn->service->payload;
	uint32_t upto = payload->len_bytes;

	if (request->program->payload_memory(request, 0, &upto, payload) != 0) {
		request->program->payload_drop(request);
		rpc_service_request_undo(request);
		return RPC_TAKE_WAIT;
	}
	for (unsigned i = 0; i < payload->n_iov; i++) {
		memcpy(payload->iov[i].iov_base, bytes, payload->iov[i].iov_len);
		bytes += payload->iov[i].iov_len;
	}
	request->program->payload_complete(request);
	return RPC_TAKE_DONE;
}

/* The call carries a payload: copy it when it is here already, else have the stream receive it where it belongs. */
static enum rpc_take take_payload(struct rpc_conn *conn, const struct rpc_call_head *head,
                                  const struct rpc_program *program, const uint8_t *record, uint32_t available,
                                  uint32_t record_bytes)
{
	struct rpc_payload *payload = &conn->service->payload;
	struct rpc_request *request = request_new(conn, head, program, RPC_REPLY_SMALL);
	int result;

	if (request == NULL)
		return RPC_TAKE_WAIT;
	result = program->payload_begin(request, record + head->len_bytes, available - head->len_bytes,
	                                record_bytes - head->len_bytes, payload);
	if (result == -EAGAIN) {
		rpc_service_request_undo(request);
		return RPC_TAKE_WAIT;
	}
	if (result == -EBADMSG)
		request_garbage(request);
	if (result != 0)
		return RPC_TAKE_DONE;
	payload->head_bytes += head->len_bytes;
	if (available == record_bytes || payload->len_bytes == 0)
		return payload_copy(conn, request, record + payload->head_bytes);
	conn->filling = request;
	return RPC_TAKE_PAYLOAD;
}

/* Take the call whose record begins at `record`, `available` of its record_bytes being here. */
enum rpc_take rpc_take_call(struct rpc_conn *conn, const uint8_t *record, uint32_t available, uint32_t record_bytes)
{
	const struct rpc_program *program;
	struct rpc_call_head head;

	if (available < record_bytes && available < PAYLOAD_DECODE_MAX)
		return RPC_TAKE_MORE;
	if (rpc_call_decode(record, available, &head) != 0)
		return RPC_TAKE_BAD;
	program = call_check(conn, &head);
	if (program == NULL)
		return RPC_TAKE_DONE;
	if (head.procedure == program->payload_procedure)
		return take_payload(conn, &head, program, record, available, record_bytes);
	if (available == record_bytes)
		return take_plain(conn, &head, program, record, record_bytes);
	if (record_bytes <= RPC_INLINE_MAX)
		return RPC_TAKE_MORE;
	counter_add(&conn->service->config.counters->garbage, 1);
	rpc_reply_error(conn, head.xid, RPC_ACCEPT_GARBAGE_ARGS, program);
	return RPC_TAKE_DONE;
}
