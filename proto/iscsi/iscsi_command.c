/* SPDX-License-Identifier: Apache-2.0 */
/* SCSI commands over iSCSI: the transport of proto/scsi.
 * WRITE PATH. previous hop: iscsi_conn.c; next hop: proto/scsi/scsi_task.c.  READ PATH. next hop: iscsi_send.c.
 * REFERENCES. RFC 7143 4.2.4, 11.3 (SCSI Command), 11.7 (Data-Out), 11.8 (R2T). */
#include "proto/iscsi/iscsi_command.h"

#include <stdlib.h>
#include <string.h>

#include "proto/iscsi/iscsi_conn.h"
#include "proto/iscsi/iscsi_control.h"
#include "proto/iscsi/iscsi_send.h"

static void waiting_remove(struct iscsi_task *task)
{
	if (task->waiting)
		TAILQ_REMOVE(&task->conn->waiting, task, wait_link);
	task->waiting = false;
}

/* In line, at its head or at its end. */
static void waiting_add(struct iscsi_task *task, bool first)
{
	struct iscsi_conn *conn = task->conn;

	if (!task->waiting && first)
		TAILQ_INSERT_HEAD(&conn->waiting, task, wait_link);
	else if (!task->waiting)
		TAILQ_INSERT_TAIL(&conn->waiting, task, wait_link);
	task->waiting = conn->refused = true;
	if (conn->stream != NULL)
		stream_wait(conn->stream);
}

static void shares_return(struct iscsi_task *task)
{
	budget_give(task->conn->account, task->solicited_bytes + task->reading_bytes);
	task->conn->solicited_bytes -= task->solicited_bytes;
	task->conn->reading_bytes -= task->reading_bytes;
	task->solicited_bytes = task->reading_bytes = 0;
}

/* Take memory for `len_bytes` of data-out. */
static bool data_out_take(struct iscsi_task *task, uint32_t len_bytes)
{
	if (!budget_take(task->conn->account, len_bytes))
		return false;
	task->conn->solicited_bytes += len_bytes;
	task->solicited_bytes += len_bytes;
	return true;
}

static void task_free(struct iscsi_task *task)
{
	struct iscsi_conn *conn = task->conn;

	LIST_REMOVE(task, bucket_link);
	TAILQ_REMOVE(&conn->active, task, link);
	scsi_task_release(&task->scsi);
	TAILQ_INSERT_HEAD(&conn->idle, task, link);
	conn->n_idle++;
	conn->n_tasks--;
	if (conn->rx_task == task)
		conn->rx_task = NULL;
	if (task->tmf != NULL)
		iscsi_tmf_task_gone(conn, task->tmf);
	if (!TAILQ_EMPTY(&conn->waiting))
		iscsi_command_run_waiters(conn);
	if (conn->state == CONN_LOGOUT || conn->state == CONN_CLOSED)
		iscsi_conn_settle(conn);
}

/* The last word about a task that is over; aborted ones get none. */
static void task_respond(struct iscsi_task *task)
{
	struct iscsi_conn *conn = task->conn;

	if (!task->immediate)
		conn->n_queued--; /* before the response is stamped: it opens the window */
	if (!task->scsi.aborted && conn->state != CONN_CLOSED) {
		if (task->scsi.status == SCSI_GOOD && task->scsi.is_in && task->scsi.data.len_bytes > 0)
			iscsi_send_data_in(task, true);
		else
			iscsi_send_response(task);
	}
	shares_return(task); /* not before what is sent has been charged: it is the same memory */
	task_free(task);
}

/* ---- data-out ---- */

/* As much of what is missing as there is room for; 0: next to none. */
static uint32_t burst_of(const struct iscsi_task *task)
{
	struct iscsi_conn *conn = task->conn;
	uint32_t want = MIN_OF(conn->params.max_burst, task->scsi.data.len_bytes - task->got);
	size_t room = budget_room(conn->account);

	if (conn->solicited_bytes > 0 && conn->solicited_bytes + want > ISCSI_SOLICITED_MAX)
		return 0;
	if (room >= want)
		return want;
	return room >= ISCSI_ASK_LEAST ? (uint32_t)(room / PAGE_SIZE * PAGE_SIZE) : want;
}

/* Ask for the next burst; false: no memory, or the connection has asked for enough. */
static bool task_ask(struct iscsi_task *task)
{
	uint32_t burst = burst_of(task);

	if (burst == 0 || !data_out_take(task, burst))
		return false;
	task->granted = task->got + burst;
	task->data_sn = 0;
	task->r2t = true;
	iscsi_send_r2t(task, task->scsi.data.position + task->got, burst);
	return true;
}

/* What is next for a task that gathers: go, ask, or wait. */
static void task_advance(struct iscsi_task *task)
{
	if (task->over || task->scsi.state != TASK_GATHERING)
		return;
	if (task->got == task->scsi.data.len_bytes) {
		scsi_task_data_ready(&task->scsi);
		return;
	}
	if (task->unsolicited || task->r2t || task->waiting)
		return;
	if ((task->got == 0 && !TAILQ_EMPTY(&task->conn->waiting)) || !task_ask(task))
		waiting_add(task, task->got > 0); /* who has data already goes first, so that somebody can always end */
}

static struct iscsi_task *task_of(struct scsi_task *scsi)
{
	return container_of(scsi, struct iscsi_task, scsi);
}

static void transport_want_data(struct scsi_task *scsi)
{
	struct iscsi_task *task = task_of(scsi);

	shares_return(task);
	task->got = 0;
	task->r2t = false;
	if (task->conn->rx_task != task) /* else its command PDU is still being received */
		task_advance(task);
}

/* ---- data-in ---- */

/* Pages that `len_bytes` may need, wherever they begin. */
static uint32_t read_weight(uint32_t len_bytes)
{
	return ROUND_UP(len_bytes, PAGE_SIZE) + PAGE_SIZE;
}

static bool read_take(struct iscsi_task *task, uint32_t len_bytes)
{
	struct iscsi_conn *conn = task->conn;
	uint64_t busy = conn->reading_bytes + (conn->stream == NULL ? 0 : stream_unsent(conn->stream));

	if ((busy > 0 && busy + len_bytes > ISCSI_READ_MAX) || !budget_take(conn->account, read_weight(len_bytes)))
		return false;
	conn->reading_bytes += read_weight(len_bytes);
	task->reading_bytes += read_weight(len_bytes);
	return true;
}

static bool transport_admit_read(struct scsi_task *scsi, uint32_t len_bytes)
{
	struct iscsi_task *task = task_of(scsi);
	struct iscsi_conn *conn = task->conn;

	shares_return(task); /* of the piece before: a VERIFY sends nothing */
	if ((!task->admitted && !TAILQ_EMPTY(&conn->waiting)) || !read_take(task, len_bytes)) {
		waiting_add(task, task->admitted);
		return false;
	}
	task->admitted = false;
	return true;
}

static void transport_data_in(struct scsi_task *scsi)
{
	struct iscsi_task *task = task_of(scsi);

	if (task->conn->state != CONN_CLOSED)
		iscsi_send_data_in(task, false);
	shares_return(task); /* from here on it counts as unsent */
}

/* The data segment of one of its PDUs is still on its way. */
static bool task_is_receiving(const struct iscsi_task *task)
{
	return task->conn->rx_task == task && task->conn->data_len > 0;
}

/* Initiators take a response as the end of the command, and send no more of a PDU that they are in the middle of: so it
 * waits for all that comes without being asked for. */
static void transport_done(struct scsi_task *scsi)
{
	struct iscsi_task *task = task_of(scsi);

	task->over = true;
	waiting_remove(task);
	if (scsi->aborted || (!task->unsolicited && !task_is_receiving(task)))
		task_respond(task);
}

static const struct scsi_transport transport = { transport_want_data, transport_admit_read, transport_data_in,
	                                         transport_done };

/* First come, first served: the first that cannot go on keeps the others waiting. */
void iscsi_command_run_waiters(struct iscsi_conn *conn)
{
	struct iscsi_task *task;

	if (conn->running_waiters)
		return;
	conn->running_waiters = true;
	conn->refused = false;
	while (conn->state == CONN_FULL && !conn->refused && (task = TAILQ_FIRST(&conn->waiting)) != NULL) {
		waiting_remove(task);
		if (task->scsi.state == TASK_ADMIT_WAIT) {
			task->admitted = true; /* its turn: it asks again */
			scsi_task_resume(&task->scsi);
		} else if (!task_ask(task)) {
			waiting_add(task, true);
		}
	}
	conn->running_waiters = false;
}

/* Data that a rightful initiator has still to send. */
static uint32_t task_missing(const struct iscsi_conn *conn, const struct iscsi_task *task)
{
	uint32_t unasked = MIN_OF(conn->params.first_burst, task->edtl);

	if (task->unsolicited)
		return unasked - MIN_OF(unasked, task->unsolicited_at);
	return !task->over && task->r2t ? task->granted - task->got : 0;
}

uint64_t iscsi_command_missing(const struct iscsi_conn *conn)
{
	const struct iscsi_task *task;
	uint64_t missing = 0;

	TAILQ_FOREACH(task, &conn->active, link)
		missing += task_missing(conn, task);
	return missing;
}

/* ---- SCSI Command ---- */

/* Additional header segments must at least be well formed; none of them means anything to our commands. */
static bool ahs_is_valid(const struct iscsi_conn *conn)
{
	uint32_t at = 0;

	while (at + 4 <= conn->ahs_len) {
		uint32_t len = (uint32_t)conn->ahs[at] << 8 | conn->ahs[at + 1];

		if (len == 0 && conn->ahs[at + 2] == 0) /* the rest is padding */
			return true;
		at += ROUND_UP(len + 3, 4);
	}
	return at == conn->ahs_len;
}

/* 0, or why the PDU is rejected. */
static unsigned command_refusal(struct iscsi_conn *conn)
{
	const struct iscsi_bhs *bhs = &conn->bhs;
	bool write = (bhs->flags & ISCSI_COMMAND_WRITE) != 0, final = (bhs->flags & ISCSI_FINAL) != 0;
	uint32_t edtl = be32_get(bhs->edtl);

	if (!ahs_is_valid(conn) || be32_get(bhs->itt) == ISCSI_TAG_NONE)
		return REJECT_INVALID_FIELD;
	if (iscsi_task_find(conn, be32_get(bhs->itt)) != NULL)
		return REJECT_TASK_IN_PROGRESS;
	if (conn->data_len > 0 && (!write || conn->params.immediate_data == 0 ||
	                           conn->data_len > conn->params.first_burst || conn->data_len > edtl))
		return REJECT_PROTOCOL;
	if (!final && (!write || conn->params.initial_r2t != 0))
		return REJECT_PROTOCOL;
	return 0;
}

/* CmdSN of a command: false when the PDU is to be dropped. With one connection a gap is the initiator's mistake. */
static bool command_number(struct iscsi_conn *conn)
{
	uint32_t cmdsn = be32_get(conn->bhs.cmdsn);

	if ((conn->bhs.opcode & ISCSI_IMMEDIATE) != 0) {
		if (conn->n_tasks - conn->n_queued < ISCSI_IMMEDIATE_MAX)
			return true;
		iscsi_send_reject(conn, REJECT_TOO_MANY_IMMEDIATE);
		return false;
	}
	if (iscsi_sn_before(cmdsn, conn->exp_cmdsn) || iscsi_sn_before(conn->max_cmdsn, cmdsn))
		return false; /* outside the window: silently (RFC 7143 4.2.2.1) */
	if (cmdsn != conn->exp_cmdsn) {
		iscsi_send_reject(conn, REJECT_PROTOCOL);
		return false;
	}
	conn->exp_cmdsn++;
	return true;
}

static void task_set_up(struct iscsi_task *task)
{
	struct iscsi_conn *conn = task->conn;
	const struct iscsi_bhs *bhs = &conn->bhs;
	struct scsi_task *scsi = &task->scsi;

	task->generation = conn->next_generation++ & 0x7FFFFFU;
	task->itt = be32_get(bhs->itt);
	task->edtl = be32_get(bhs->edtl);
	task->immediate = (bhs->opcode & ISCSI_IMMEDIATE) != 0;
	task->unsolicited = (bhs->flags & ISCSI_FINAL) == 0;
	task->over = task->r2t = task->admitted = false;
	task->tmf = NULL;
	task->data_sn = task->r2tsn = task->got = task->granted = task->burst = 0;
	task->unsolicited_at = conn->data_len;
	scsi->transport = &transport;
	scsi->nexus = &conn->nexus;
	memcpy(scsi->lun_bytes, bhs->lun, sizeof scsi->lun_bytes);
	memcpy(scsi->cdb, bhs->cdb, sizeof scsi->cdb);
	scsi->attribute = (enum scsi_attribute)MIN_OF(bhs->flags & ISCSI_COMMAND_ATTRIBUTE, SCSI_ACA);
	scsi->in_limit = (bhs->flags & ISCSI_COMMAND_READ) != 0 ? task->edtl : 0;
	scsi->out_limit = (bhs->flags & ISCSI_COMMAND_WRITE) != 0 ? task->edtl : 0;
	LIST_INSERT_HEAD(&conn->buckets[iscsi_task_bucket(task->itt)], task, bucket_link);
	TAILQ_INSERT_TAIL(&conn->active, task, link);
	conn->n_tasks++;
	conn->n_queued += !task->immediate;
	counter_add(&conn->commands, 1);
}

/* What was asked for has been taken already; what comes unasked is taken now. */
int iscsi_command_reserve(struct iscsi_conn *conn)
{
	struct iscsi_task *task = conn->rx_task;
	uint32_t unasked = task->r2t ? 0 : conn->sink_len;
	int err;

	if (unasked > 0 && !data_out_take(task, unasked))
		return -ENOMEM;
	err = scsi_task_reserve(&task->scsi, conn->sink_at + conn->sink_len);
	if (err == 0 || unasked == 0)
		return err;
	budget_give(conn->account, unasked);
	conn->solicited_bytes -= unasked;
	task->solicited_bytes -= unasked;
	return err;
}

/* Let the PDU's data segment go to byte `at` of the piece rx_task gathers; what the command has no use for is
 * dropped. */
static void sink_to_task(struct iscsi_conn *conn, uint32_t at)
{
	const struct scsi_task *scsi = &conn->rx_task->scsi;

	if (conn->rx_task->over || scsi->state != TASK_GATHERING || at >= scsi->data.len_bytes)
		return;
	conn->sink = SINK_TASK;
	conn->sink_at = at;
	conn->sink_len = MIN_OF(conn->data_len, scsi->data.len_bytes - at);
	if (iscsi_command_reserve(conn) == 0)
		return;
	conn->rx = RX_STALLED;
	conn->stalled_since_ns = world_now_ns(conn->world);
	stream_wait(conn->stream);
}

void iscsi_command_begin(struct iscsi_conn *conn)
{
	unsigned refusal;
	struct iscsi_task *task;

	if (!command_number(conn))
		return;
	refusal = command_refusal(conn);
	if (refusal != 0) {
		iscsi_send_reject(conn, (enum iscsi_reject)refusal);
		return;
	}
	task = iscsi_task_take(conn);
	if (task == NULL) {
		iscsi_conn_close(conn, "out of memory for a task");
		return;
	}
	task_set_up(task);
	conn->rx_task = task; /* task_free forgets it, when the command ends at once */
	scsi_task_start(&task->scsi);
	if (conn->rx_task != NULL && conn->data_len > 0)
		sink_to_task(conn, 0);
}

void iscsi_command_end(struct iscsi_conn *conn)
{
	struct iscsi_task *task = conn->rx_task;

	conn->rx_task = NULL;
	if (task == NULL)
		return;
	task->got += conn->sink_len;
	counter_add(&conn->written_bytes, conn->sink_len);
	if (task->over && !task->unsolicited)
		task_respond(task);
	else
		task_advance(task);
}

/* ---- Data-Out ---- */

/* The initiator broke the rules of the data phase. */
static void task_violated(struct iscsi_task *task, enum scsi_asc asc)
{
	task->unsolicited = false;
	if (task->over)
		task_respond(task);
	else if (task->scsi.state == TASK_GATHERING)
		scsi_task_give_up(&task->scsi, SCSI_CHECK_CONDITION, SCSI_ABORTED_COMMAND, asc);
}

static struct iscsi_task *data_out_task(struct iscsi_conn *conn)
{
	uint32_t ttt = be32_get(conn->bhs.ttt), itt = be32_get(conn->bhs.itt), slot = ttt & 0xFFU;
	struct iscsi_task *task;

	if (ttt == ISCSI_TAG_NONE) {
		task = iscsi_task_find(conn, itt);
		return task != NULL && task->unsolicited ? task : NULL;
	}
	task = slot < ISCSI_SLOTS ? conn->slots[slot] : NULL;
	if (task == NULL || task->generation != ttt >> 8 || task->itt != itt || task->scsi.state == TASK_IDLE ||
	    task->over || !task->r2t)
		return NULL;
	return task;
}

/* ASC_NONE: as it must be. */
static enum scsi_asc data_out_check(const struct iscsi_conn *conn, const struct iscsi_task *task)
{
	uint32_t offset = be32_get(conn->bhs.offset), expected, room;

	if (task->unsolicited) {
		expected = task->unsolicited_at;
		room = MIN_OF(conn->params.first_burst, task->edtl);
		room = room > expected ? room - expected : 0;
	} else {
		expected = task->scsi.data.position + task->got;
		room = task->granted - task->got;
	}
	if (offset != expected)
		return ASC_DATA_OFFSET_ERROR;
	if (conn->data_len > room || be32_get(conn->bhs.data_sn) != task->data_sn)
		return ASC_DATA_PHASE_ERROR;
	return ASC_NONE;
}

void iscsi_data_out_begin(struct iscsi_conn *conn)
{
	struct iscsi_task *task = data_out_task(conn);
	enum scsi_asc wrong;

	if (task == NULL) /* of a task that was aborted or has failed, most likely: dropped */
		return;
	wrong = data_out_check(conn, task);
	if (wrong != ASC_NONE) {
		iscsi_send_reject(conn, REJECT_PROTOCOL);
		task_violated(task, wrong);
		return;
	}
	conn->rx_task = task;
	if (conn->data_len > 0)
		sink_to_task(conn, task->unsolicited ? task->unsolicited_at : task->got);
}

void iscsi_data_out_end(struct iscsi_conn *conn)
{
	struct iscsi_task *task = conn->rx_task;
	bool final = (conn->bhs.flags & ISCSI_FINAL) != 0;

	conn->rx_task = NULL;
	if (task == NULL)
		return;
	task->data_sn++;
	task->got += conn->sink_len;
	counter_add(&conn->written_bytes, conn->sink_len);
	if (task->unsolicited) {
		task->unsolicited_at += conn->data_len;
		task->unsolicited = !final;
		if (task->over && final) {
			task_respond(task);
			return;
		}
	} else if (task->got == task->granted) {
		task->r2t = false;
	} else if (final) { /* less than was asked for */
		iscsi_send_reject(conn, REJECT_PROTOCOL);
		task_violated(task, ASC_DATA_PHASE_ERROR);
		return;
	}
	task_advance(task);
}

void iscsi_command_damaged(struct iscsi_conn *conn)
{
	struct iscsi_task *task = conn->rx_task;

	conn->rx_task = NULL;
	task_violated(task, ASC_PROTOCOL_CRC_ERROR);
}

/* ---- the end of all ---- */

void iscsi_command_abort(struct iscsi_task *task)
{
	if (!task->over) {
		scsi_task_abort(&task->scsi);
		return;
	}
	task->scsi.aborted = true; /* it waited only for unsolicited data to end */
	task_respond(task);
}

void iscsi_command_abort_all(struct iscsi_conn *conn)
{
	struct iscsi_task *task;

again: /* ending one may end others: the list is walked from its head each time */
	TAILQ_FOREACH(task, &conn->active, link) {
		if (task->scsi.aborted)
			continue;
		iscsi_command_abort(task);
		goto again;
	}
}
