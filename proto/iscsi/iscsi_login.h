/* SPDX-License-Identifier: Apache-2.0 */
/* Login: from the first request to the full feature phase. */
#ifndef PROTO_ISCSI_LOGIN_H
#define PROTO_ISCSI_LOGIN_H

struct iscsi_conn;

/* `begin` and `end` of a login request (iscsi_receive.h). */
void iscsi_login_begin(struct iscsi_conn *conn);
void iscsi_login_end(struct iscsi_conn *conn);
/* What iscsi_server_claim has promised: the session is this connection's (0), or not. Answer the last login request. */
void iscsi_login_claimed(struct iscsi_conn *conn, int err);

#endif
