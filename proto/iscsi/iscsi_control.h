/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are no commands: NOP, text, logout, task management. */
#ifndef PROTO_ISCSI_CONTROL_H
#define PROTO_ISCSI_CONTROL_H

#include <stdbool.h>

struct iscsi_conn;
struct iscsi_tmf;

/* `begin` of requests with text: it is gathered in conn->text, over all continuations. */
void iscsi_text_gather(struct iscsi_conn *conn);
/* `end` of each request (iscsi_receive.h). */
void iscsi_nop_end(struct iscsi_conn *conn);
void iscsi_text_end(struct iscsi_conn *conn);
void iscsi_logout_end(struct iscsi_conn *conn);
void iscsi_tmf_end(struct iscsi_conn *conn);
/* Ask the initiator whether it is there. Any PDU it sends is an answer. */
void iscsi_ping(struct iscsi_conn *conn);
/* No task is left: answer the logout, and close. */
void iscsi_logout_finish(struct iscsi_conn *conn);
/* A task that this function aborted is gone. When it was the last one, the function is answered. */
void iscsi_tmf_task_gone(struct iscsi_conn *conn, struct iscsi_tmf *tmf);
/* Take the CmdSN of a request that is not a command. False: the PDU is to be ignored. */
bool iscsi_cmdsn_take(struct iscsi_conn *conn);
/* Free the text buffers, if nothing of an exchange is in them. */
void iscsi_text_release(struct iscsi_conn *conn);

#endif
