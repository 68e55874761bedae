/* SPDX-License-Identifier: Apache-2.0 */
/* What is no SCSI command: NOP-Out, task management, and guests that log in, discover and log out. */
#include <poll.h>
#include <string.h>

#include "tests/front/iscsi_side.h"

#define NOP_BYTES 40U
#define OP_READ_16 0x88U
#define VICTIM_STEPS 2000U
#define GUEST_NAME "iqn.2026-11.org.vcstore:guest"

/* ---- NOP-Out ---- */

static void nop_answered(struct iscsi_context *context, int status, void *data, void *private_data)
{
	struct iscsi_call *call = private_data;
	const struct iscsi_data *echo = data;

	(void)context;
	call->front->clock++;
	if (status != SCSI_STATUS_GOOD) {
		iscsi_call_given_up(call);
		return;
	}
	if (echo == NULL || echo->size != call->out_len || memcmp(echo->data, call->out, call->out_len) != 0)
		front_fail(call->front, FAIL_WRONG, "a NOP-In does not say what the NOP-Out said");
	iscsi_call_done(call);
}

bool iscsi_nop_send(struct iscsi_call *call)
{
	uint8_t *out = iscsi_out_new(call, NOP_BYTES);

	for (unsigned i = 0; i < NOP_BYTES; i++)
		out[i] = (uint8_t)front_draw(call->front, 256);
	return iscsi_nop_out_async(call->peer->context, nop_answered, out, (int)NOP_BYTES, call) == 0;
}

/* ---- task management ---- */

static uint32_t function_response(struct iscsi_call *call, const void *data)
{
	uint32_t response;

	memcpy(&response, data, sizeof response);
	if (response > 1) /* 0: complete; 1: there is no such task (any more) */
		front_fail(call->front, FAIL_WRONG, "%s: response %u", call->row->name, response);
	return response;
}

static void function_answered(struct iscsi_context *context, int status, void *data, void *private_data)
{
	struct iscsi_call *call = private_data, *victim = call->victim;

	call->front->clock++;
	if (status != SCSI_STATUS_GOOD) {
		iscsi_call_given_up(call);
		return;
	}
	if (function_response(call, data) == 0 && victim != NULL && victim->flying &&
	    victim->sent == call->victim_sent) {
		victim->aborted = true; /* it gets no answer */
		(void)iscsi_scsi_cancel_task(context, victim->task);
	}
	iscsi_call_done(call);
}

/* libiscsi lets go of what it is in the middle of sending when that is given up, and what is half sent then stays
 * so. */
static bool all_is_sent(const struct iscsi_call *call)
{
	return (iscsi_which_events(call->peer->context) & POLLOUT) == 0;
}

/* A READ that has been sent as a whole and is not answered yet; NULL: it was faster, or the session has ended. */
static struct iscsi_call *victim_send(struct iscsi_call *call)
{
	struct iscsi_call *victim = iscsi_call_send(call->peer, iscsi_row_of(OP_READ_16), FAULT_NONE);

	for (unsigned i = 0; victim != NULL && i < VICTIM_STEPS && !all_is_sent(call) && !call->front->broken; i++)
		(void)sim_step(call->front->stage.machine.sim);
	return victim != NULL && victim->flying && !call->front->broken && all_is_sent(call) ? victim : NULL;
}

bool iscsi_abort_send(struct iscsi_call *call)
{
	struct iscsi_call *victim = victim_send(call);

	if (victim == NULL)
		return false;
	call->sent = call->front->clock + 1U;
	call->victim = victim;
	call->victim_sent = victim->sent;
	return iscsi_task_mgmt_abort_task_async(call->peer->context, victim->task, function_answered, call) == 0;
}

bool iscsi_reset_send(struct iscsi_call *call)
{
	struct iscsi_side *side = iscsi_side_of(call->front);

	for (unsigned i = 0; i < ISCSI_PEERS; i++)
		if (&side->peers[i] != call->peer && side->peers[i].n_flying > 0)
			return false;
	if (!all_is_sent(call))
		return false;
	for (unsigned i = 0; i < ISCSI_PEERS; i++)
		side->peers[i].n_attentions += 2;
	return iscsi_task_mgmt_lun_reset_async(call->peer->context, 0, function_answered, call) == 0;
}

/* ---- guests ---- */

static void guest_over(struct iscsi_context *context, int status, void *data, void *private_data)
{
	struct iscsi_call *call = private_data;

	(void)context, (void)data;
	call->front->clock++;
	if (status == SCSI_STATUS_GOOD)
		iscsi_call_done(call);
	else
		iscsi_call_given_up(call);
}

static void guest_logged_in(struct iscsi_context *context, int status, void *data, void *private_data)
{
	struct iscsi_call *call = private_data;

	if (status == SCSI_STATUS_GOOD && strcmp(call->row->name, "LOGOUT") == 0 &&
	    iscsi_logout_async(context, guest_over, call) == 0)
		return;
	guest_over(context, status, data, private_data);
}

static void guest_discovered(struct iscsi_context *context, int status, void *data, void *private_data)
{
	struct iscsi_call *call = private_data;
	const struct iscsi_discovery_address *found = data;

	if (status == SCSI_STATUS_GOOD && (found == NULL || strcmp(found->target_name, STAGE_TARGET) != 0))
		front_fail(call->front, FAIL_WRONG, "discovery finds %s",
		           found == NULL ? "nothing" : found->target_name);
	guest_over(context, status, data, private_data);
}

static void guest_may_discover(struct iscsi_context *context, int status, void *data, void *private_data)
{
	if (status != SCSI_STATUS_GOOD || iscsi_discovery_async(context, guest_discovered, private_data) != 0)
		guest_over(context, SCSI_STATUS_ERROR, data, private_data);
}

static void guest_connected(struct iscsi_context *context, int status, void *data, void *private_data)
{
	struct iscsi_call *call = private_data;
	iscsi_command_cb next = strcmp(call->row->name, "DISCOVERY") == 0 ? guest_may_discover : guest_logged_in;

	if (status != SCSI_STATUS_GOOD || iscsi_login_async(context, next, call) != 0)
		guest_over(context, SCSI_STATUS_ERROR, data, private_data);
}

static bool guest_send(struct iscsi_call *call, enum iscsi_session_type type)
{
	if (call->peer->context != NULL)
		return false;
	iscsi_peer_open(call->peer, GUEST_NAME, type, guest_connected, call);
	return true;
}

bool iscsi_login_send(struct iscsi_call *call)
{
	return guest_send(call, ISCSI_SESSION_NORMAL);
}

bool iscsi_logout_send(struct iscsi_call *call)
{
	return guest_send(call, ISCSI_SESSION_NORMAL);
}

bool iscsi_discover_send(struct iscsi_call *call)
{
	return guest_send(call, ISCSI_SESSION_DISCOVERY);
}
