/* SPDX-License-Identifier: Apache-2.0 */
/* ONC RPC over TCP on one loop: connections, record marking, dispatch to programs, replies, and the bounds on all of
 * it.
 *
 * THEORY. A service owns the connections of one loop and a bounded pool of request objects. A connection takes a call
 * only while it is within its window (requests in flight, their weight in bytes, unsent bytes); otherwise it stops
 * reading, and TCP tells the client. Arguments are handed over as contiguous bytes, normally right out of the stream's
 * ring. A procedure whose arguments end in a long opaque (the "payload procedure" of its program) names the memory its
 * bytes shall go to, and they are received straight into it.
 * MEMORY. Everything a call may hold, its reply included, is taken from the connection's account (base/budget.h) before
 * the call is; who is refused reads no further. A payload is taken whole in the budget, so that whoever began can end,
 * but its pages come as its bytes do.
 * WRITE PATH. previous hop: base/stream.c; here rpc_conn.c; next hop: the program's `call` (proto/nfs/nfs_dispatch.c).
 * THREADS. Everything here belongs to the service's loop, unless it says otherwise. */
#ifndef PROTO_RPC_RPC_SERVICE_H
#define PROTO_RPC_RPC_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/counters.h"
#include "base/error.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/stream.h"
#include "proto/rpc/rpc_call.h"
#include "proto/rpc/rpc_out.h"

#define RPC_RECORD_MAX ((1U << 20) + (64U << 10)) /* a longer record closes the connection */
#define RPC_INLINE_MAX 16384U /* longest record of a call without payload */
#define RPC_PAYLOAD_HEAD_MAX 128U /* longest arguments before a payload */
#define RPC_PAYLOAD_IOV 260U
#define RPC_NO_PAYLOAD UINT32_MAX
#define RPC_PROGRAMS_MAX 4U
#define RPC_REPLY_SMALL 1024U /* what most replies fit in */

struct rpc_conn;
struct rpc_service;
struct rpc_program;

/* A call being served; the program's own struct embeds it first. Recycled, not zeroed, by the pool. */
struct rpc_request {
	struct rpc_conn *conn;
	const struct rpc_program *program;
	uint32_t xid;
	uint32_t procedure;
	uint32_t weight_bytes; /* taken in the budget and in the connection's window, beside the request itself */
	struct rpc_cred cred;
	STAILQ_ENTRY(rpc_request) link;
};

/* A payload, and where its next bytes go. */
struct rpc_payload {
	uint32_t head_bytes; /* arguments before the payload's first byte */
	uint32_t len_bytes;
	unsigned n_iov;
	struct iovec iov[RPC_PAYLOAD_IOV];
};

struct rpc_program {
	const char *name;
	uint32_t number;
	uint32_t version_low, version_high;
	uint32_t n_procedures;
	uint32_t payload_procedure; /* or RPC_NO_PAYLOAD */
	/* The most bytes that a call may hold until its reply is sent, the reply included; the arguments may be
	 * garbage. NULL: RPC_REPLY_SMALL. */
	uint32_t (*weigh)(uint32_t procedure, const uint8_t *args, uint32_t len_bytes);
	/* Serve a call; `args` is valid only until it returns. True: it replies, now or later, exactly once
	 * (rpc_reply_send and then rpc_request_done). False: the arguments are garbage, and the request is not its
	 * business any more. */
	bool (*call)(struct rpc_request *request, const uint8_t *args, uint32_t len_bytes);
	/* The payload procedure. `args` holds the first len_bytes (at least RPC_PAYLOAD_HEAD_MAX, or all) of
	 * args_bytes. 0: receive the payload, then payload_complete or payload_drop is called. 1: it has replied
	 * already, skip the bytes. -EBADMSG: garbage. -EAGAIN: no memory (rpc_request_take); the call is tried again
	 * when some came back. */
	int (*payload_begin)(struct rpc_request *request, const uint8_t *args, uint32_t len_bytes, uint32_t args_bytes,
	                     struct rpc_payload *ret_payload);
	/* Memory for its bytes from `at` to *upto, or a little further (*upto tells), taken now. -EAGAIN: none; asked
	 * again later. */
	int (*payload_memory)(struct rpc_request *request, uint32_t at, uint32_t *upto, struct rpc_payload *payload);
	void (*payload_complete)(struct rpc_request *request);
	/* The connection ended while receiving: release what payload_begin took. */
	void (*payload_drop)(struct rpc_request *request);
};

struct rpc_limits {
	unsigned max_conns; /* of the service, or of all that share its door */
	unsigned max_requests; /* of the service */
	unsigned conn_requests; /* of a connection */
	uint32_t conn_bytes; /* weight in flight of a connection */
	uint64_t stall_ns; /* a peer that holds memory and makes no progress for so long is cut off (base/stall.h) */
	uint64_t short_stall_ns; /* the same, while others are refused memory */
	uint64_t stranger_ns; /* without a call, a connection of a peer without a right ends after so long, */
	uint64_t idle_ns; /* and any other after so long; only when nothing is outstanding */
};
extern const struct rpc_limits rpc_limits_default;

struct rpc_counters {
	struct counter calls, garbage, bad_records, refused, conns, stalled, idle, waits;
};

struct rpc_service_config {
	struct loop *loop;
	const struct rpc_program *programs[RPC_PROGRAMS_MAX];
	unsigned n_programs;
	size_t request_bytes; /* size of the programs' request struct */
	size_t conn_user_bytes; /* memory of the programs' in every connection, zeroed */
	void (*conn_ended)(struct rpc_conn *conn); /* its last request is done; may be NULL */
	/* Its peer has a right (now): longer limits, and a place that is kept. NULL: every peer has. */
	bool (*conn_is_known)(struct rpc_conn *conn);
	struct door *door; /* where connections have their places; borrowed. NULL: one of its own with
	                    * limits->max_conns */
	const struct rpc_limits *limits; /* NULL: default */
	struct rpc_counters *counters; /* shared by the services of all loops */
	void *owner;
};

/* -ENOMEM. */
MUST_CHECK int rpc_service_new(const struct rpc_service_config *config, struct rpc_service **ret_service);
/* Take over a connected socket. The descriptor is closed when that fails. */
void rpc_service_accept(struct rpc_service *service, int fd);
/* Close every connection and take no more; `stopped` is called (never inline) when the last request has completed. Then
 * free. */
void rpc_service_stop(struct rpc_service *service, void (*stopped)(void *arg), void *arg);
void rpc_service_free(struct rpc_service *service);
void *rpc_service_owner(const struct rpc_service *service);
unsigned rpc_service_conns(const struct rpc_service *service);

struct rpc_service *rpc_conn_service(const struct rpc_conn *conn);
void *rpc_conn_user(struct rpc_conn *conn);
const struct sockaddr_storage *rpc_conn_peer(const struct rpc_conn *conn);

/* Take `bytes` more from the budget and the connection's window until the request is done; false: refused. */
MUST_CHECK bool rpc_request_take(struct rpc_request *request, uint32_t bytes);
/* Begin an accepted, successful reply in `buffer` (at least sizeof(struct rpc_accepted_spec)); results follow by
 * rpc_out_*. */
void rpc_reply_begin(struct rpc_request *request, struct rpc_out *out, uint8_t *buffer, size_t size_bytes);
/* Send it, followed by `tail` (payload and padding; references are taken). Nothing is sent when the connection is
 * gone. */
void rpc_reply_send(struct rpc_request *request, struct rpc_out *out, const struct stream_seg *tail, unsigned n_tail);
/* An accepted reply without results. */
void rpc_reply_status(struct rpc_request *request, enum rpc_accept_stat stat);
/* The request goes back to the pool. */
void rpc_request_done(struct rpc_request *request);

#endif
