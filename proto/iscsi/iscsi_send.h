/* SPDX-License-Identifier: Apache-2.0 */
/* Sending PDUs: numbers, lengths, padding and digests. Data goes out from the pages it lies in, without a copy. */
#ifndef PROTO_ISCSI_SEND_H
#define PROTO_ISCSI_SEND_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/iscsi/iscsi_spec.h"

struct iscsi_conn;
struct iscsi_task;

/* Send a PDU. ExpCmdSN, MaxCmdSN and StatSN are stamped into `bhs`; with `takes_statsn` this PDU uses up the StatSN.
 * `data` is copied. */
void iscsi_send(struct iscsi_conn *conn, struct iscsi_bhs *bhs, const void *data, uint32_t len_bytes,
                bool takes_statsn);
/* Reject the PDU whose header is conn->bhs. */
void iscsi_send_reject(struct iscsi_conn *conn, enum iscsi_reject reason);
/* Send the present piece of a task's data as Data-In. The `last` one carries the status. */
void iscsi_send_data_in(struct iscsi_task *task, bool last);
/* Send the status, with sense data if there is some. */
void iscsi_send_response(struct iscsi_task *task);
/* Ask for `len_bytes` of the command's data from `offset` on. */
void iscsi_send_r2t(struct iscsi_task *task, uint32_t offset, uint32_t len_bytes);

#endif
