/* SPDX-License-Identifier: Apache-2.0 */
/* A task of a connection: a SCSI command from its PDU to its status, or a task management function that waits for such
 * commands. */
#ifndef PROTO_ISCSI_TASK_H
#define PROTO_ISCSI_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "proto/scsi/scsi_task.h"

struct iscsi_conn;

/* A task management function that waits for what it aborted. */
struct iscsi_tmf {
	bool active;
	uint32_t itt;
	unsigned pending; /* tasks it aborted that are still there */
};

struct iscsi_task {
	struct scsi_task scsi;
	struct iscsi_conn *conn;
	TAILQ_ENTRY(iscsi_task) link; /* on conn->active, by arrival; or on conn->idle */
	TAILQ_ENTRY(iscsi_task) wait_link; /* on conn->waiting */
	LIST_ENTRY(iscsi_task) bucket_link;
	struct iscsi_tmf *tmf; /* the function that aborted it */
	uint32_t slot, generation; /* together they are its target transfer tag */
	uint32_t itt; /* initiator task tag */
	uint32_t edtl; /* expected data transfer length, in bytes */
	bool immediate; /* outside of the window of commands */
	bool unsolicited; /* Data-Out comes without being asked for, until the one with F */
	bool over; /* the SCSI part has ended; only `unsolicited` keeps the task */
	bool r2t; /* an R2T is outstanding */
	bool waiting; /* on conn->waiting */
	bool admitted;
	uint32_t data_sn; /* the next one that the initiator sends (Data-Out), or that we send (Data-In) */
	uint32_t r2tsn;
	uint32_t unsolicited_at; /* where in the command's data the next unasked byte goes */
	uint32_t got; /* bytes of the present piece that have come */
	uint32_t granted; /* bytes of it that were asked for so far */
	uint32_t burst; /* bytes of Data-In since the last F */
	uint32_t solicited_bytes, reading_bytes; /* its share of the connection's */
};
TAILQ_HEAD(iscsi_task_list, iscsi_task);

/* The active task with this initiator task tag, or NULL. */
struct iscsi_task *iscsi_task_find(struct iscsi_conn *conn, uint32_t itt);
/* Which of conn->buckets a tag belongs to. */
unsigned iscsi_task_bucket(uint32_t itt);
/* An idle task, or one more. NULL: all are in use, or memory is short. */
struct iscsi_task *iscsi_task_take(struct iscsi_conn *conn);
/* Free the memory of idle tasks, all but `keep` of them. */
void iscsi_task_trim(struct iscsi_conn *conn, unsigned keep);

#endif
