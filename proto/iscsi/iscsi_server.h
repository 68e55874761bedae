/* SPDX-License-Identifier: Apache-2.0 */
/* The iSCSI service: one target, served on whatever loop a connection was accepted on.
 * WRITE PATH. previous hop: server/server.c (iscsi_server_serve); next hop: base/stream.c, then iscsi_receive.c for
 * each PDU.
 * THREADS. Everything from any thread, but iscsi_server_serve: the loop it names. */
#ifndef PROTO_ISCSI_SERVER_H
#define PROTO_ISCSI_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"
#include "proto/iscsi/iscsi_spec.h"
#include "proto/scsi/lunmap.h"

struct iscsi_server;

#define ISCSI_PORTALS_MAX 16U

/* How long a peer may be silent; milliseconds. */
struct iscsi_times {
	unsigned login; /* from the connection to full feature phase; 15 s */
	unsigned discovery; /* a discovery session, between two requests; 30 s */
	unsigned ping; /* a normal session is asked by a NOP-In whether it is there; 30 s */
	unsigned answer; /* and dropped when nothing at all has come since; 60 s */
	unsigned stall; /* who holds memory and does not go on, base/stall.h; 60 s, and a twelfth while others are
	                 * refused memory */
};

struct iscsi_server_config {
	const char *target_name; /* an iSCSI name */
	struct lunmap *maps; /* borrowed; outlives the server */
	/* Further addresses to tell at discovery ("192.0.2.1:3260", "[2001:db8::1]:3260"); the one the question came to
	 * is always told. */
	const char *const *portals;
	unsigned n_portals;
	unsigned max_connections; /* 0: 5000; who gives way to whom: base/door.h. An initiator is known that sees a
	                           * LUN */
	struct iscsi_times times; /* 0 each: the default */
};

/* -EINVAL: not an iSCSI name, or too many portals. -ENOMEM. The configuration is copied. */
MUST_CHECK int iscsi_server_new(const struct iscsi_server_config *config, struct iscsi_server **ret_server);
/* No connection is left (see iscsi_server_stop). */
void iscsi_server_free(struct iscsi_server *server);
const char *iscsi_server_target_name(const struct iscsi_server *server);

/* Serve an accepted connection on `loop` (the calling thread's); `fd` is taken, whatever happens. */
void iscsi_server_serve(struct iscsi_server *server, struct loop *loop, int fd);

/* Refuse new connections and end the present ones; `done(arg)` once, on the loop of the last one or inline. The loops
 * must run until then. */
void iscsi_server_stop(struct iscsi_server *server, void (*done)(void *arg), void *arg);

/* What the administration sees of a session. */
struct iscsi_session_info {
	uint64_t id; /* for iscsi_server_end_session */
	char initiator[ISCSI_NAME_SIZE];
	char peer[64]; /* address:port */
	uint8_t isid[6];
	uint16_t tsih;
	bool discovery;
	bool header_digest, data_digest;
	int64_t since_ns; /* time of day of the login */
	uint64_t commands, read_bytes, written_bytes;
};
/* Copies of the sessions in full feature phase, at most `max`; returns how many there are. */
unsigned iscsi_server_sessions(struct iscsi_server *server, struct iscsi_session_info *ret_infos, unsigned max);
/* End a session; the initiator may come back. -ENOENT. */
MUST_CHECK int iscsi_server_end_session(struct iscsi_server *server, uint64_t id);

#endif
