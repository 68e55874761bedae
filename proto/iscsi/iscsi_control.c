/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are not SCSI commands: NOP-Out, Text (discovery), Logout, Task Management.
 * REFERENCES. RFC 7143 11.5 (task management), 11.10 (text), 11.14 (logout), 11.18 (NOP-Out); appendix C
 * (SendTargets). */
#include "proto/iscsi/iscsi_control.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "proto/iscsi/iscsi_command.h"
#include "proto/iscsi/iscsi_conn.h"
#include "proto/iscsi/iscsi_send.h"
#include "proto/iscsi/iscsi_server_private.h"

bool iscsi_cmdsn_take(struct iscsi_conn *conn)
{
	uint32_t cmdsn = be32_get(conn->bhs.cmdsn);

	if ((conn->bhs.opcode & ISCSI_IMMEDIATE) != 0)
		return true;
	if (iscsi_sn_before(cmdsn, conn->exp_cmdsn) || iscsi_sn_before(conn->max_cmdsn, cmdsn))
		return false;
	if (cmdsn != conn->exp_cmdsn) {
		iscsi_send_reject(conn, REJECT_PROTOCOL);
		return false;
	}
	conn->exp_cmdsn++;
	return true;
}

/* ---- text ---- */

#define TEXT_BYTES (ISCSI_TEXT_MAX + 1U + ISCSI_TEXT_MAX)

static int text_buffers(struct iscsi_conn *conn)
{
	if (conn->text != NULL)
		return 0;
	conn->text = malloc(TEXT_BYTES);
	if (conn->text == NULL)
		return -ENOMEM;
	conn->reply = conn->text + ISCSI_TEXT_MAX + 1U;
	budget_charge(conn->account, TEXT_BYTES);
	return 0;
}

void iscsi_text_release(struct iscsi_conn *conn)
{
	if (conn->text == NULL || conn->text_len > 0 || conn->reply_len > 0)
		return;
	free(conn->text);
	conn->text = conn->reply = NULL;
	budget_give(conn->account, TEXT_BYTES);
}

void iscsi_text_gather(struct iscsi_conn *conn)
{
	uint8_t opcode = conn->bhs.opcode & ISCSI_OPCODE_MASK;

	if (opcode == ISCSI_NOP_OUT && conn->data_len == 0)
		return;
	if (text_buffers(conn) != 0) {
		iscsi_conn_close(conn, "out of memory for text");
		return;
	}
	if (opcode == ISCSI_NOP_OUT)
		conn->text_len = 0;
	if (opcode != ISCSI_NOP_OUT && conn->data_len > ISCSI_TEXT_MAX - conn->text_len) {
		iscsi_conn_close(conn, "too much text");
		return;
	}
	conn->sink = SINK_TEXT;
	conn->sink_len = MIN_OF(conn->data_len, ISCSI_TEXT_MAX - conn->text_len);
}

/* An echo; of a very long ping, the first ISCSI_TEXT_MAX bytes. */
void iscsi_nop_end(struct iscsi_conn *conn)
{
	struct iscsi_bhs bhs = {
		.opcode = ISCSI_NOP_IN, .flags = ISCSI_FINAL, .itt = conn->bhs.itt, .ttt = be32_of(ISCSI_TAG_NONE)
	};

	if (be32_get(conn->bhs.itt) != ISCSI_TAG_NONE && iscsi_cmdsn_take(conn)) {
		memcpy(bhs.lun, conn->bhs.lun, sizeof bhs.lun);
		iscsi_send(conn, &bhs, conn->text, MIN_OF(conn->sink_len, conn->params.peer_max_recv), true);
	}
	iscsi_text_release(conn);
}

void iscsi_ping(struct iscsi_conn *conn)
{
	struct iscsi_bhs bhs = { .opcode = ISCSI_NOP_IN, .flags = ISCSI_FINAL, .itt = be32_of(ISCSI_TAG_NONE) };

	conn->text_ttt = (conn->text_ttt + 1) & 0x7FFFFFFFU;
	bhs.ttt = be32_of(conn->text_ttt);
	iscsi_send(conn, &bhs, NULL, 0, false);
}

/* The address the initiator reached us at. */
static void portal_add_own(struct iscsi_conn *conn, struct iscsi_text *text)
{
	struct sockaddr_storage own = { 0 };
	char address[ISCSI_ADDRESS_SIZE];
	socklen_t len = sizeof own;

	if (getsockname(stream_fd(conn->stream), (struct sockaddr *)&own, &len) != 0)
		return;
	iscsi_address_format(&own, address);
	if (address[0] != '\0')
		iscsi_text_add(text, "TargetAddress", "%s,1", address);
}

static void send_targets(struct iscsi_conn *conn, const char *which, struct iscsi_text *text)
{
	const char *target = iscsi_server_target_name(conn->server), *const * portals;
	bool all = strcmp(which, "All") == 0;
	unsigned n;

	if (all && !conn->discovery) {
		iscsi_text_add(text, "SendTargets", "Reject");
		return;
	}
	if (!all && (which[0] != '\0' ? strcasecmp(which, target) != 0 : conn->discovery))
		return;
	iscsi_text_add(text, "TargetName", "%s", target);
	portal_add_own(conn, text);
	n = iscsi_server_portals(conn->server, &portals);
	for (unsigned i = 0; i < n; i++)
		iscsi_text_add(text, "TargetAddress", "%s,1", portals[i]);
}

/* The next part of the answer, as long as the initiator takes it. */
static void text_reply(struct iscsi_conn *conn)
{
	uint32_t left = conn->reply_len - conn->reply_at,
	         len = MIN_OF(left, MIN_OF(conn->params.peer_max_recv, ISCSI_LOGIN_DATA_MAX));
	struct iscsi_bhs bhs = { .opcode = ISCSI_TEXT_RESPONSE, .itt = conn->bhs.itt, .ttt = be32_of(ISCSI_TAG_NONE) };
	const char *from = conn->reply + conn->reply_at;

	conn->reply_at += len;
	if (len < left) {
		conn->text_ttt = (conn->text_ttt + 1) & 0x7FFFFFFFU;
		bhs.ttt = be32_of(conn->text_ttt);
		bhs.flags = ISCSI_TEXT_CONTINUE;
	} else {
		bhs.flags = ISCSI_FINAL;
		conn->reply_at = conn->reply_len = 0;
	}
	iscsi_send(conn, &bhs, from, len, true);
}

/* False: the request is not proper text, or its answer has no bounds. */
static bool text_answer(struct iscsi_conn *conn)
{
	struct iscsi_text reply = { .bytes = conn->reply, .max_bytes = ISCSI_TEXT_MAX };
	struct iscsi_text_reader reader;
	struct iscsi_pair pair;
	int more;

	conn->text[conn->text_len] = '\0';
	iscsi_text_read(&reader, conn->text, conn->text_len);
	while ((more = iscsi_text_next(&reader, &pair)) == 1) {
		int known = 0;

		if (strcmp(pair.key, "SendTargets") == 0)
			send_targets(conn, pair.value, &reply);
		else
			known = iscsi_negotiate(&conn->params, PHASE_FULL_FEATURE, &pair, &reply);
		if (known == -ENOENT)
			iscsi_text_add(&reply, pair.key, "NotUnderstood");
	}
	conn->reply_at = 0;
	conn->reply_len = (uint32_t)reply.len_bytes;
	return more == 0 && !reply.overflow;
}

static void text_take(struct iscsi_conn *conn)
{
	bool more = (conn->bhs.flags & ISCSI_TEXT_CONTINUE) != 0, continues = be32_get(conn->bhs.ttt) != ISCSI_TAG_NONE;
	struct iscsi_bhs bhs = { .opcode = ISCSI_TEXT_RESPONSE, .itt = conn->bhs.itt };

	if (!iscsi_cmdsn_take(conn)) {
		conn->text_len = 0;
		return;
	}
	conn->text_len += conn->data_len;
	if (more && (conn->bhs.flags & ISCSI_FINAL) == 0) { /* he has more to say: an empty answer asks for it */
		conn->text_ttt = (conn->text_ttt + 1) & 0x7FFFFFFFU;
		bhs.ttt = be32_of(conn->text_ttt);
		iscsi_send(conn, &bhs, NULL, 0, true);
		return;
	}
	if (continues && conn->reply_len > 0 && conn->text_len == 0 && be32_get(conn->bhs.ttt) == conn->text_ttt) {
		text_reply(conn);
		return;
	}
	if (!text_answer(conn)) {
		conn->reply_len = 0;
		iscsi_send_reject(conn, REJECT_PROTOCOL);
	} else {
		text_reply(conn);
	}
	conn->text_len = 0;
}

void iscsi_text_end(struct iscsi_conn *conn)
{
	text_take(conn);
	iscsi_text_release(conn);
}

/* ---- logout ---- */

static void logout_answer(struct iscsi_conn *conn, const struct iscsi_bhs *request, uint8_t response)
{
	struct iscsi_bhs bhs = {
		.opcode = ISCSI_LOGOUT_RESPONSE, .flags = ISCSI_FINAL, .byte2 = response, .itt = request->itt
	};

	bhs.time2wait = be16_of((uint16_t)conn->params.time2wait);
	iscsi_send(conn, &bhs, NULL, 0, true);
}

void iscsi_logout_end(struct iscsi_conn *conn)
{
	unsigned reason = conn->bhs.flags & 0x7FU;

	if (!iscsi_cmdsn_take(conn))
		return;
	if (reason == LOGOUT_RECOVERY) {
		logout_answer(conn, &conn->bhs, LOGOUT_NO_RECOVERY);
	} else if (reason == LOGOUT_CONNECTION && be16_get(conn->bhs.cid) != conn->cid) {
		logout_answer(conn, &conn->bhs, LOGOUT_NO_CONNECTION);
	} else if (reason > LOGOUT_RECOVERY) {
		iscsi_send_reject(conn, REJECT_INVALID_FIELD);
	} else {
		conn->logout = conn->bhs;
		conn->state = CONN_LOGOUT;
		iscsi_command_abort_all(conn);
		iscsi_conn_settle(conn);
	}
}

void iscsi_logout_finish(struct iscsi_conn *conn)
{
	log_peer_info("iscsi", "logout", "initiator=%s peer=%s", conn->initiator, conn->peer);
	logout_answer(conn, &conn->logout, LOGOUT_DONE);
	iscsi_conn_close_after_send(conn);
}

/* ---- task management ---- */

static void tmf_answer(struct iscsi_conn *conn, uint32_t itt, enum iscsi_task_answer answer)
{
	struct iscsi_bhs bhs = {
		.opcode = ISCSI_TASK_RESPONSE, .flags = ISCSI_FINAL, .byte2 = (uint8_t)answer, .itt = be32_of(itt)
	};

	iscsi_send(conn, &bhs, NULL, 0, true);
}

static void tmf_release(struct iscsi_conn *conn, struct iscsi_tmf *tmf)
{
	if (--tmf->pending > 0)
		return;
	tmf->active = false;
	tmf_answer(conn, tmf->itt, TMF_COMPLETE);
}

void iscsi_tmf_task_gone(struct iscsi_conn *conn, struct iscsi_tmf *tmf)
{
	tmf_release(conn, tmf);
}

static void tmf_abort(struct iscsi_tmf *tmf, struct iscsi_task *task)
{
	tmf->pending++;
	task->tmf = tmf;
	iscsi_command_abort(task);
}

/* Abort the tasks on `lun`, or on every LUN (NULL). */
static void tmf_abort_set(struct iscsi_conn *conn, struct iscsi_tmf *tmf, const uint8_t *lun)
{
	struct iscsi_task *task;

again:
	TAILQ_FOREACH(task, &conn->active, link) {
		if (task->tmf != NULL || task->scsi.aborted ||
		    (lun != NULL && memcmp(task->scsi.lun_bytes, lun, 8) != 0))
			continue;
		tmf_abort(tmf, task);
		goto again;
	}
}

static void tmf_reset_lun(struct iscsi_conn *conn, struct iscsi_tmf *tmf, const uint8_t *lun_bytes)
{
	struct scsi_nexus_lun *lun;

	tmf_abort_set(conn, tmf, lun_bytes);
	if (lun_bytes != NULL) {
		lun = scsi_nexus_find(&conn->nexus, lun_bytes);
		if (lun != NULL)
			scsi_nexus_reset(lun);
		return;
	}
	for (unsigned i = 0; i < conn->nexus.n_luns; i++)
		scsi_nexus_reset(conn->nexus.luns[i]);
}

/* Functions that can be refused at once: the answer; TMF_COMPLETE: go on. */
static enum iscsi_task_answer tmf_refusal(struct iscsi_conn *conn, unsigned function, struct iscsi_task *referenced)
{
	bool on_lun = function >= TMF_ABORT_TASK && function <= TMF_LOGICAL_UNIT_RESET;

	if (function == TMF_TASK_REASSIGN)
		return TMF_NO_FAILOVER;
	if (function == TMF_CLEAR_ACA || function == TMF_TARGET_COLD_RESET || function == 0 ||
	    function > TMF_TASK_REASSIGN)
		return TMF_NOT_SUPPORTED;
	if (on_lun && scsi_nexus_find(&conn->nexus, conn->bhs.lun) == NULL)
		return TMF_NO_LUN;
	if (function == TMF_ABORT_TASK && (referenced == NULL || referenced->tmf != NULL ||
	                                   memcmp(referenced->scsi.lun_bytes, conn->bhs.lun, 8) != 0))
		return TMF_NO_TASK;
	return TMF_COMPLETE;
}

/* LOGICAL UNIT RESET and TARGET WARM RESET: the tasks of this nexus are aborted; those of the others are let finish,
 * which is an order of events they cannot tell from the right one, and all are told by a unit attention. The task sets
 * are one a nexus (TST 1). */
static void tmf_run(struct iscsi_conn *conn, struct iscsi_tmf *tmf, unsigned function, struct iscsi_task *referenced)
{
	switch (function) {
	case TMF_ABORT_TASK: tmf_abort(tmf, referenced); break;
	case TMF_ABORT_TASK_SET:
	case TMF_CLEAR_TASK_SET: tmf_abort_set(conn, tmf, conn->bhs.lun); break;
	case TMF_LOGICAL_UNIT_RESET: tmf_reset_lun(conn, tmf, conn->bhs.lun); break;
	default: tmf_reset_lun(conn, tmf, NULL); break;
	}
}

void iscsi_tmf_end(struct iscsi_conn *conn)
{
	unsigned function = conn->bhs.flags & 0x7FU;
	struct iscsi_task *referenced;
	enum iscsi_task_answer refusal;
	struct iscsi_tmf *tmf = NULL;

	if (!iscsi_cmdsn_take(conn))
		return;
	scsi_nexus_refresh(&conn->nexus);
	referenced = iscsi_task_find(conn, be32_get(conn->bhs.referenced_tag));
	refusal = tmf_refusal(conn, function, referenced);
	for (unsigned i = 0; i < ISCSI_TMFS && tmf == NULL; i++) {
		if (!conn->tmfs[i].active)
			tmf = &conn->tmfs[i];
	}
	if (refusal != TMF_COMPLETE || tmf == NULL) {
		tmf_answer(conn, be32_get(conn->bhs.itt), refusal != TMF_COMPLETE ? refusal : TMF_REJECTED);
		return;
	}
	log_peer_info("iscsi", "task_management", "initiator=%s function=%u", conn->initiator, function);
	*tmf = (struct iscsi_tmf){ .active = true, .itt = be32_get(conn->bhs.itt), .pending = 1 };
	tmf_run(conn, tmf, function, referenced);
	tmf_release(conn, tmf); /* answered now, or when the last aborted task is gone */
}
