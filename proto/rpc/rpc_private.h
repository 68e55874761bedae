/* SPDX-License-Identifier: Apache-2.0 */
/* What rpc_service.c, rpc_conn.c and rpc_reply.c share; private to proto/rpc. */
#ifndef PROTO_RPC_RPC_PRIVATE_H
#define PROTO_RPC_RPC_PRIVATE_H

#include "base/stall.h"
#include "base/world.h"
#include "proto/rpc/rpc_service.h"

/* Where a connection is in its input. */
enum rpc_conn_state {
	RPC_CONN_MARK, /* before a record mark */
	RPC_CONN_CALL, /* in a record of one fragment, nothing of it consumed */
	RPC_CONN_FRAGMENT, /* collecting a fragment of several */
	RPC_CONN_ASSEMBLED, /* a record of several fragments is complete in `assembly` */
	RPC_CONN_PAYLOAD, /* memory for the next bytes of the payload of `filling` is to be had */
	RPC_CONN_FILLING, /* and the stream fills it */
	RPC_CONN_SKIP, /* dropping the rest of a record */
};

struct rpc_conn {
	struct rpc_service *service;
	struct stream *stream; /* NULL once closed */
	TAILQ_ENTRY(rpc_conn) link;
	enum rpc_conn_state state;
	uint32_t left_bytes; /* of the fragment, not yet consumed */
	bool last_fragment;
	bool blocked; /* its window is full, or it was refused memory */
	bool ending; /* takes no more calls; closes when the last reply is sent */
	bool pumping;
	unsigned empty_fragments;
	uint8_t *assembly;
	uint32_t assembly_len, assembly_size;
	struct rpc_request *filling;
	uint32_t payload_at, payload_upto, payload_bytes; /* received, being received, in all */
	unsigned refs; /* itself, every request, the pump */
	unsigned in_flight;
	unsigned turn_requests; /* taken in this turn */
	uint64_t weight_bytes;
	bool known; /* its peer has a right */
	uint64_t called_ns; /* when its last call was taken, or it began */
	struct budget_account *account; /* a reference */
	struct stall input, output;
	struct sockaddr_storage peer;
	max_align_t user[];
};
TAILQ_HEAD(rpc_conn_list, rpc_conn);

struct rpc_service {
	struct rpc_service_config config;
	struct rpc_limits limits;
	struct world *world;
	struct door *door;
	struct rpc_conn_list conns;
	STAILQ_HEAD(, rpc_request) free_requests;
	unsigned n_requests; /* existing, free ones too */
	unsigned n_conns; /* not yet freed */
	unsigned n_free; /* of them in free_requests */
	bool stopping;
	void (*stopped)(void *arg);
	void *stopped_arg;
	struct task stopped_task;
	struct timer sweep_timer;
	struct stall_watch shortage;
	struct rpc_payload payload; /* scratch of the connection now running */
};

/* rpc_conn.c */
void rpc_conn_start(struct rpc_service *service, int fd);
void rpc_conn_close(struct rpc_conn *conn);
void rpc_conn_finish(struct rpc_conn *conn);
void rpc_conn_get(struct rpc_conn *conn);
void rpc_conn_put(struct rpc_conn *conn);
void rpc_conn_pump(struct rpc_conn *conn);
void rpc_conn_unblock(struct rpc_conn *conn);
void rpc_conn_sweep(struct rpc_conn *conn, uint64_t now_ns, uint64_t limit_ns);

/* rpc_service.c */
struct rpc_request *rpc_service_request(struct rpc_service *service, struct rpc_conn *conn, uint32_t weight_bytes);
void rpc_service_request_undo(struct rpc_request *request);
void rpc_service_conn_freed(struct rpc_service *service);

/* rpc_reply.c */
void rpc_reply_error(struct rpc_conn *conn, uint32_t xid, enum rpc_accept_stat stat, const struct rpc_program *program);
void rpc_reply_mismatch(struct rpc_conn *conn, uint32_t xid);
void rpc_reply_auth_error(struct rpc_conn *conn, uint32_t xid, enum rpc_auth_stat stat);

/* ---- rpc_take.c ---- */
/* What became of a call: DONE with (its bytes may go), MORE bytes needed, WAIT for memory, its PAYLOAD comes next, or
 * BAD. */
enum rpc_take { RPC_TAKE_DONE, RPC_TAKE_MORE, RPC_TAKE_WAIT, RPC_TAKE_PAYLOAD, RPC_TAKE_BAD };
/* Take the call whose record begins at `record`: `available` of its record_bytes are there. */
enum rpc_take rpc_take_call(struct rpc_conn *conn, const uint8_t *record, uint32_t available, uint32_t record_bytes);

#endif
