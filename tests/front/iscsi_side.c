/* SPDX-License-Identifier: Apache-2.0 */
/* The initiator of a history: sessions, calls in flight, and what becomes of them. */
#include "tests/front/iscsi_side.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/simsock.h"

#define PORTAL "sim:3260"
#define CONNECT_TRIES 100U
#define CONNECT_REST_NS 100000000U
#define FURNISH_CALLS 30U
#define OP_WRITE_10 0x2AU
/* Where in a header the parts are that a cut falls into. */
#define MARK_BYTES 8U /* opcode, flags, lengths */
#define CDB_AT 32U
#define LOGIN_TEXT_BYTES 150U

/* What histories begin with. */
static uint64_t furnished[LUN_UNITS];

/* ---- sessions ---- */

void iscsi_peer_watch(struct iscsi_peer *peer)
{
	unsigned events = (unsigned)iscsi_which_events(peer->context);

	loop_watch_set(&peer->watch,
	               (events & POLLIN && !peer->resting ? WATCH_READ : 0U) | (events & POLLOUT ? WATCH_WRITE : 0U));
}

static void peer_end(struct iscsi_peer *peer)
{
	struct iscsi_context *context = peer->context;

	if (context == NULL)
		return;
	loop_watch_stop(&peer->watch);
	(void)iscsi_destroy_context(context); /* what is in flight is answered: cancelled */
	peer->context = NULL;
	peer->ready = peer->refused = peer->resting = peer->lost = false;
}

/* Nothing more will come: the other side has ended, or the library has closed. */
static bool peer_is_cut(const struct iscsi_peer *peer)
{
	int fd = iscsi_get_fd(peer->context);

	return fd != peer->watch.fd || ((simsock_events(fd) & WATCH_READ) != 0 && simsock_readable(fd) == 0);
}

static void peer_ready(struct watch *watch, unsigned events)
{
	struct iscsi_peer *peer = container_of(watch, struct iscsi_peer, watch);
	struct iscsi_side *side = peer->side;
	int revents = (events & WATCH_READ ? POLLIN : 0) | (events & WATCH_WRITE ? POLLOUT : 0);
	bool lost = iscsi_service(peer->context, revents) != 0 || peer->lost || peer_is_cut(peer);

	if (peer == &side->guest && peer->n_flying == 0) {
		peer_end(peer); /* it has what it came for */
		return;
	}
	if (!lost) {
		iscsi_peer_watch(peer);
		return;
	}
	front_say(side->front, "session %u has ended: %s", (unsigned)(peer - side->peers),
	          iscsi_get_error(peer->context));
	loop_watch_set(watch, 0);
	side->front->broken = true;
}

void iscsi_peer_open(struct iscsi_peer *peer, const char *initiator, enum iscsi_session_type type,
                     iscsi_command_cb connected, void *arg)
{
	struct iscsi_side *side = peer->side;
	unsigned number = peer == &side->guest ? ISCSI_PEERS : (unsigned)(peer - side->peers);

	peer->context = iscsi_create_context(initiator);
	vc_assert(peer->context != NULL);
	/* The same name and ISID each time: whoever was cut off comes back to its old session. */
	(void)iscsi_set_isid_oui(peer->context, 0xFEED, number);
	(void)iscsi_set_targetname(peer->context, STAGE_TARGET);
	(void)iscsi_set_session_type(peer->context, type);
	(void)iscsi_set_header_digest(peer->context,
	                              number == 1 ? ISCSI_HEADER_DIGEST_CRC32C : ISCSI_HEADER_DIGEST_NONE);
	iscsi_set_noautoreconnect(peer->context, 1);
	vc_assert(iscsi_connect_async(peer->context, PORTAL, connected, arg) == 0);
	peer->watch.ready = peer_ready;
	vc_assert(loop_watch_start(side->front->stage.loop, &peer->watch, iscsi_get_fd(peer->context), 0) == 0);
	peer->n_attentions = 2;
	iscsi_peer_watch(peer);
}

static void peer_logged_in(struct iscsi_context *context, int status, void *data, void *private_data)
{
	struct iscsi_peer *peer = private_data;

	(void)context, (void)data;
	peer->ready = status == SCSI_STATUS_GOOD;
	peer->refused = !peer->ready;
}

static void peer_connected(struct iscsi_context *context, int status, void *data, void *private_data)
{
	struct iscsi_peer *peer = private_data;

	(void)data;
	peer->refused = status != SCSI_STATUS_GOOD || iscsi_login_async(context, peer_logged_in, peer) != 0;
}

static void peer_connect(struct iscsi_peer *peer)
{
	struct iscsi_side *side = peer->side;
	struct front *front = side->front;
	char name[64];

	(void)snprintf(name, sizeof name, "iqn.2026-11.org.vcstore:peer%u", (unsigned)(peer - side->peers));
	for (unsigned i = 0; i < CONNECT_TRIES; i++) {
		iscsi_peer_open(peer, name, ISCSI_SESSION_NORMAL, peer_connected, peer);
		while (!peer->ready && !peer->refused && !front->broken)
			vc_assert(sim_step(front->stage.machine.sim));
		if (peer->ready)
			return;
		front_say(front, "no login: %s", iscsi_get_error(peer->context));
		if (!front_excuses(front, EXCUSE_MEMORY) && !front_excuses(front, EXCUSE_IO))
			front_fail(front, FAIL_STUCK, "no login: %s", iscsi_get_error(peer->context));
		peer_end(peer);
		front->broken = false;
		sim_run_for(front->stage.machine.sim, CONNECT_REST_NS);
	}
	front_fail(front, FAIL_STUCK, "no login after %u tries", CONNECT_TRIES);
}

void iscsi_connect(struct iscsi_side *side)
{
	for (unsigned i = 0; i < ISCSI_PEERS; i++)
		if (side->peers[i].context == NULL)
			peer_connect(&side->peers[i]);
}

static void iscsi_rest(struct front *front, bool resting)
{
	struct iscsi_peer *peers = iscsi_side_of(front)->peers;

	for (unsigned i = 0; i < ISCSI_PEERS; i++) {
		if (peers[i].context == NULL)
			continue;
		peers[i].resting = resting;
		iscsi_peer_watch(&peers[i]);
	}
}

/* ---- what becomes of a call ---- */

static void call_over(struct iscsi_call *call)
{
	if (call->task != NULL)
		scsi_free_scsi_task(call->task);
	free(call->out);
	call->task = NULL;
	call->out = NULL;
	call->flying = false;
	call->peer->n_flying--;
	call->front->n_flying--;
}

static void call_settle(struct iscsi_call *call, bool done)
{
	if (call->changes)
		iscsi_cells_settle(call, done);
	if (call->syncs && done)
		iscsi_cells_durable(iscsi_side_of(call->front), call->sent);
	call_over(call);
}

static bool fault_shows(const struct iscsi_call *call, bool excused)
{
	enum fault fault = call->front->fault;

	if (!call->front->fault_active)
		return false;
	if (fault == FAULT_BLOCK_LOST || fault == FAULT_DISKS_LOST || fault == FAULT_FULL)
		return excused;
	return fault == FAULT_NONE || (fault >= FAULT_READ_ERRORS && fault <= FAULT_DISK_LOST);
}

static void call_met(struct iscsi_call *call, bool excused)
{
	if (fault_shows(call, excused))
		front_met(call->front, (unsigned)(call->row - iscsi_rows));
}

void iscsi_call_done(struct iscsi_call *call)
{
	front_say(call->front, "%s sent at %llu: done", call->row->name, (unsigned long long)call->sent);
	call_met(call, false);
	call_settle(call, true);
}

/* Nobody knows: what it changes stays in doubt. */
static void call_lost(struct iscsi_call *call)
{
	front_say(call->front, "%s sent at %llu is lost", call->row->name, (unsigned long long)call->sent);
	call_over(call);
}

void iscsi_call_given_up(struct iscsi_call *call)
{
	call->peer->lost = call->peer->lost || !call->aborted;
	call_lost(call);
}

/* An error that the history's fault explains. */
static bool is_excused(const struct iscsi_call *call, int status)
{
	const struct front *front = call->front;
	enum scsi_sense_key key = call->task->sense.key;
	bool medium = (call->row->flags & (ROW_MEDIUM | ROW_MAPS)) != 0 || call->syncs;

	if (status == SCSI_STATUS_BUSY || status == SCSI_STATUS_TASK_SET_FULL)
		return front_excuses(front, EXCUSE_MEMORY);
	if (status != SCSI_STATUS_CHECK_CONDITION)
		return false;
	if (key == SCSI_SENSE_MEDIUM_ERROR || key == SCSI_SENSE_HARDWARE_ERROR || key == SCSI_SENSE_NOT_READY)
		return medium && front_excuses(front, EXCUSE_IO);
	if (key == SCSI_SENSE_DATA_PROTECTION)
		return call->changes && front_excuses(front, EXCUSE_SPACE);
	/* somebody has changed what it was compared with */
	return key == SCSI_SENSE_MISCOMPARE && call->compares && iscsi_cells_unsure(call);
}

static bool is_attention(struct iscsi_call *call, int status)
{
	if (status != SCSI_STATUS_CHECK_CONDITION || call->task->sense.key != SCSI_SENSE_UNIT_ATTENTION)
		return false;
	if (call->peer->n_attentions == 0)
		front_fail(call->front, FAIL_WRONG, "%s: a unit attention too many, %04x", call->row->name,
		           (unsigned)call->task->sense.ascq);
	call->peer->n_attentions--;
	return true;
}

static void call_answered(struct iscsi_call *call, int status)
{
	bool excused = status != SCSI_STATUS_GOOD && is_excused(call, status);

	front_say(call->front, "%s sent at %llu: status %d, key %d", call->row->name, (unsigned long long)call->sent,
	          status, call->task->sense.key);
	if (is_attention(call, status)) {
		call_settle(call, false);
		return;
	}
	call_met(call, excused);
	if (excused) {
		call_lost(call); /* a part of it may have been done */
		return;
	}
	if (status != SCSI_STATUS_GOOD && status != SCSI_STATUS_CONDITION_MET)
		front_fail(call->front, FAIL_WRONG, "%s of %u at %u answered %d, key %d, %04x", call->row->name,
		           call->n, call->first, status, call->task->sense.key, (unsigned)call->task->sense.ascq);
	if (call->row->check != NULL)
		call->row->check(call);
	call_settle(call, true);
}

void iscsi_answered(struct iscsi_context *context, int status, void *data, void *private_data)
{
	struct iscsi_call *call = private_data;

	(void)context, (void)data;
	call->front->clock++;
	if (status > 0xFF) { /* libiscsi's own: cancelled, error, time out */
		iscsi_call_given_up(call);
		return;
	}
	front_note(call->front, call->sent * 31U + (uint64_t)status);
	call_answered(call, status);
}

/* ---- sending ---- */

/* Where in the bytes of a call, or of its answer, the connection is to be cut. */
static void cut_set(struct iscsi_call *call, enum fault cut)
{
	struct front *front = call->front;
	int fd = iscsi_get_fd(call->peer->context);
	bool reset = front_draw(front, 2) == 0, guest = (call->row->flags & ROW_GUEST) != 0;
	uint32_t payload = guest ? LOGIN_TEXT_BYTES : call->out_len;
	uint64_t at = 0;

	switch (cut) {
	case FAULT_CUT_MARK: at = front_draw(front, MARK_BYTES); break;
	case FAULT_CUT_HEAD: at = MARK_BYTES + front_draw(front, CDB_AT - MARK_BYTES); break;
	case FAULT_CUT_ARGUMENTS: at = CDB_AT + front_draw(front, ISCSI_BHS_BYTES - CDB_AT); break;
	case FAULT_CUT_PAYLOAD: at = ISCSI_BHS_BYTES + front_draw(front, payload); break;
	default:
		simsock_cut_received(
		    fd, front_draw(front, ISCSI_BHS_BYTES + (front_draw(front, 2) == 0 ? call->in_len : 0U)), reset);
		return;
	}
	simsock_cut_sent(fd, at, reset);
}

/* A session for a call; one that is to be cut has no other call on it (but the victim of ABORT TASK). */
static struct iscsi_peer *peer_choose(struct iscsi_side *side, const struct iscsi_row *row, enum fault cut)
{
	struct iscsi_peer *peer = &side->peers[front_draw(side->front, ISCSI_PEERS)];

	if (row->flags & ROW_GUEST)
		return &side->guest;
	if (cut == FAULT_NONE)
		return peer;
	for (unsigned i = 0; i < ISCSI_PEERS; i++)
		if (side->peers[i].n_flying == 0)
			return &side->peers[i];
	return NULL;
}

static struct iscsi_call *call_free(struct iscsi_side *side)
{
	for (unsigned i = 0; i < ISCSI_CALLS; i++)
		if (!side->calls[i].flying)
			return &side->calls[i];
	return NULL;
}

static void call_flies(struct iscsi_call *call, enum fault cut)
{
	struct front *front = call->front;

	front->clock++;
	call->peer->n_flying++;
	front->n_flying++;
	front->n_sent++;
	front_say(front, "%s of %u at %u on session %u", call->row->name, call->n, call->first,
	          (unsigned)(call->peer - iscsi_side_of(front)->peers));
	if (cut != FAULT_NONE) {
		cut_set(call, cut);
		front_met(front, (unsigned)(call->row - iscsi_rows));
	}
	iscsi_peer_watch(call->peer);
}

struct iscsi_call *iscsi_call_send(struct iscsi_peer *peer, const struct iscsi_row *row, enum fault cut)
{
	struct iscsi_side *side = peer->side;
	struct iscsi_call *call = call_free(side);

	if (call == NULL || side->front->broken)
		return NULL;
	*call = (struct iscsi_call){
		.front = side->front, .peer = peer, .row = row, .sent = side->front->clock + 1U, .flying = true
	};
	if (!row->send(call)) {
		call->flying = false;
		return NULL;
	}
	call_flies(call, cut);
	return call;
}

static bool iscsi_send(struct front *front, unsigned number, enum fault cut)
{
	const struct iscsi_row *row = &iscsi_rows[number];
	struct iscsi_peer *peer = peer_choose(iscsi_side_of(front), row, cut);

	if (peer == NULL || (cut == FAULT_CUT_PAYLOAD && (row->flags & ROW_PAYLOAD) == 0))
		return false;
	return iscsi_call_send(peer, row, cut) != NULL;
}

/* ---- the client ---- */

static void iscsi_drop(struct front *front, bool power)
{
	struct iscsi_side *side = iscsi_side_of(front);

	for (unsigned i = 0; i < ISCSI_CALLS; i++)
		if (side->calls[i].flying && power && front->fault == FAULT_POWER)
			front_met(front, (unsigned)(side->calls[i].row - iscsi_rows));
	for (unsigned i = 0; i < ISCSI_PEERS; i++)
		peer_end(&side->peers[i]);
	peer_end(&side->guest);
	for (unsigned i = 0; i < ISCSI_CALLS; i++)
		if (side->calls[i].flying)
			call_lost(&side->calls[i]); /* libiscsi says nothing about a login that has no end */
	vc_assert(front->n_flying == 0);
	side->power_cut = side->power_cut || power;
	front->broken = false;
}

static void iscsi_begin(struct front *front)
{
	struct iscsi_side *side = calloc(1, sizeof *side);

	vc_assert(side != NULL);
	side->front = front;
	front->side = side;
	side->cells = calloc(LUN_UNITS, sizeof side->cells[0]);
	vc_assert(side->cells != NULL);
	for (unsigned u = 0; u < LUN_UNITS; u++)
		if (furnished[u] != 0)
			cell_reset(&side->cells[u], furnished[u], 0);
	for (unsigned i = 0; i < ISCSI_PEERS; i++)
		side->peers[i].side = side;
	side->guest.side = side;
	iscsi_connect(side);
}

static void iscsi_end(struct front *front)
{
	struct iscsi_side *side = iscsi_side_of(front);

	iscsi_drop(front, false);
	for (unsigned u = 0; u < LUN_UNITS; u++)
		cell_fini(&side->cells[u]);
	free(side->cells);
	free(side);
	front->side = NULL;
}

static void iscsi_furnish(struct front *front)
{
	struct iscsi_side *side;

	iscsi_begin(front);
	side = iscsi_side_of(front);
	for (unsigned i = 0; i < FURNISH_CALLS; i++) {
		(void)iscsi_call_send(&side->peers[i % ISCSI_PEERS], iscsi_row_of(OP_WRITE_10), FAULT_NONE);
		front_land(front);
	}
	iscsi_audit(front);
	for (unsigned u = 0; u < LUN_UNITS; u++)
		if (side->cells[u].n > 0)
			(void)cell_settled(&side->cells[u], &furnished[u]);
	iscsi_end(front);
}

static const char *iscsi_call_name(unsigned call)
{
	return iscsi_rows[call].name;
}

const struct front_client iscsi_client = {
	.name = "iscsi",
	.n_calls = 40,
	.call_name = iscsi_call_name,
	.furnish = iscsi_furnish,
	.begin = iscsi_begin,
	.send = iscsi_send,
	.rest = iscsi_rest,
	.drop = iscsi_drop,
	.audit = iscsi_audit,
	.end = iscsi_end,
};
