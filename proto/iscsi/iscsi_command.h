/* SPDX-License-Identifier: Apache-2.0 */
/* SCSI commands: their tasks, their data in both directions, and the line of those that wait for memory.
 *
 * WRITE PATH  previous hop iscsi_receive.c; next hop proto/scsi/scsi_task.h. */
#ifndef PROTO_ISCSI_COMMAND_H
#define PROTO_ISCSI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct iscsi_conn;
struct iscsi_task;

/* `begin` and `end` of a SCSI command and of Data-Out (iscsi_receive.h). */
void iscsi_command_begin(struct iscsi_conn *conn);
void iscsi_command_end(struct iscsi_conn *conn);
void iscsi_data_out_begin(struct iscsi_conn *conn);
void iscsi_data_out_end(struct iscsi_conn *conn);
/* The data segment for conn->rx_task came with a wrong digest: the command will fail. */
void iscsi_command_damaged(struct iscsi_conn *conn);
/* Memory for the data segment of conn->rx_task. -ENOMEM: not now. */
MUST_CHECK int iscsi_command_reserve(struct iscsi_conn *conn);
/* There may be memory again: those in line ask for their data, or read, as far as it goes. */
void iscsi_command_run_waiters(struct iscsi_conn *conn);
/* Bytes that were asked for, or are to come unasked, and have not come. */
uint64_t iscsi_command_missing(const struct iscsi_conn *conn);
/* Nobody wants its status any more. The task goes now, or when the file system is done with it. */
void iscsi_command_abort(struct iscsi_task *task);
void iscsi_command_abort_all(struct iscsi_conn *conn);

#endif
