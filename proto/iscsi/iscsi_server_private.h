/* SPDX-License-Identifier: Apache-2.0 */
/* The target, as its connections see it: the list of them, and the sessions they hold. THREADS: any loop; the server's
 * lock guards it. */
#ifndef PROTO_ISCSI_SERVER_PRIVATE_H
#define PROTO_ISCSI_SERVER_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/iscsi/iscsi_server.h"

struct door;
struct iscsi_conn;
struct lunmap;

/* Put a new connection on the list. -ESHUTDOWN. */
MUST_CHECK int iscsi_server_add(struct iscsi_server *server, struct iscsi_conn *conn);
/* A closed connection without tasks. True: nobody can reach it any more, and it may be freed. */
MUST_CHECK bool iscsi_server_remove(struct iscsi_conn *conn);
/* A connection is freed. The last one lets iscsi_server_stop end. */
void iscsi_server_gone(struct iscsi_server *server);
/* Become the session of this initiator and ISID. 0: it is. -EINPROGRESS: iscsi_login_claimed will be called, when the
 * old session has ended. -EBUSY: another connection waits for it already. */
MUST_CHECK int iscsi_server_claim(struct iscsi_conn *conn);
/* Is there a session of this initiator and ISID with that TSIH? */
bool iscsi_server_has_session(struct iscsi_conn *conn, uint16_t tsih);
unsigned iscsi_server_portals(const struct iscsi_server *server, const char *const **ret_portals);
struct door *iscsi_server_door(const struct iscsi_server *server);
const struct iscsi_times *iscsi_server_times(const struct iscsi_server *server);
struct lunmap *iscsi_server_maps(const struct iscsi_server *server);

#endif
