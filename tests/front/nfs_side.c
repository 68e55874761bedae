/* SPDX-License-Identifier: Apache-2.0 */
/* The NFS client of a history: connections, calls in flight, and what becomes of them. */
#include "tests/front/nfs_rows.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/simsock.h"

#define PAYLOAD_AT (NFS_MARK_BYTES + NFS_HEAD_BYTES + 80U) /* of a WRITE with our handles */
#define REPLY_LEAST 28U
#define RECONNECTS 100 /* of libnfs, one after the other */

void rpc_set_autoreconnect(struct rpc_context *rpc, int num_retries); /* libnfs exports it, and declares it nowhere */

/* What histories begin with. */
static struct nfs_model *furnished;

struct nfs_fh3 nfs_fh_of(struct nfs_bytes *handle)
{
	struct nfs_fh3 fh;

	fh.data.data_len = handle->len;
	fh.data.data_val = handle->bytes;
	return fh;
}

void nfs_bytes_set(struct nfs_bytes *to, const struct nfs_fh3 *handle)
{
	vc_assert(handle->data.data_len <= NFS_HANDLE_MAX);
	to->len = handle->data.data_len;
	memcpy(to->bytes, handle->data.data_val, to->len);
}

/* ---- connections ---- */

void nfs_peer_watch(struct nfs_peer *peer)
{
	unsigned events = (unsigned)rpc_which_events(peer->rpc);

	loop_watch_set(&peer->watch,
	               (events & POLLIN && !peer->resting ? WATCH_READ : 0U) | (events & POLLOUT ? WATCH_WRITE : 0U));
}

static void peer_ready(struct watch *watch, unsigned events)
{
	struct nfs_peer *peer = container_of(watch, struct nfs_peer, watch);
	int revents = (events & WATCH_READ ? POLLIN : 0) | (events & WATCH_WRITE ? POLLOUT : 0);

	if (rpc_service(peer->rpc, revents) == 0 && rpc_get_fd(peer->rpc) == watch->fd) {
		nfs_peer_watch(peer);
		return;
	}
	front_say(peer->side->front, "connection %u has ended: %s", (unsigned)(peer - peer->side->peers),
	          rpc_get_error(peer->rpc));
	loop_watch_set(watch, 0);
	peer->side->front->broken = true;
}

static void peer_connected(struct rpc_context *rpc, int status, void *data, void *private_data)
{
	struct nfs_peer *peer = private_data;

	(void)rpc, (void)data;
	peer->connected = status == RPC_STATUS_SUCCESS;
}

static void peer_connect(struct nfs_peer *peer)
{
	struct front *front = peer->side->front;

	peer->rpc = rpc_init_context();
	vc_assert(peer->rpc != NULL);
	peer->side->xid = (uint32_t)front_draw(front, 1U << 30);
	rpc_set_next_xid(peer->rpc, peer->side->xid);
	vc_assert(rpc_connect_async(peer->rpc, "sim", STAGE_NFS_PORT, peer_connected, peer) == 0);
	peer->watch.ready = peer_ready;
	vc_assert(loop_watch_start(front->stage.loop, &peer->watch, rpc_get_fd(peer->rpc), 0) == 0);
	nfs_peer_watch(peer);
	while (!peer->connected && !front->broken)
		vc_assert(sim_step(front->stage.machine.sim));
	if (nfs_comes_again(front))
		rpc_set_autoreconnect(peer->rpc, RECONNECTS); /* connecting has set it to 0 */
}

void nfs_connect(struct nfs_side *side)
{
	for (unsigned i = 0; i < NFS_PEERS; i++)
		if (side->peers[i].rpc == NULL)
			peer_connect(&side->peers[i]);
}

static void peer_end(struct nfs_peer *peer)
{
	if (peer->rpc == NULL)
		return;
	loop_watch_stop(&peer->watch);
	rpc_destroy_context(peer->rpc);
	peer->rpc = NULL;
	peer->connected = peer->resting = false;
}

static void nfs_rest(struct front *front, bool resting)
{
	struct nfs_peer *peers = nfs_side_of(front)->peers;

	for (unsigned i = 0; i < NFS_PEERS; i++) {
		if (peers[i].rpc == NULL)
			continue;
		peers[i].resting = resting;
		nfs_peer_watch(&peers[i]);
	}
}

/* ---- what becomes of a call ---- */

static struct nfs_object *object_of(struct nfs_call *call)
{
	return &nfs_side_of(call->front)->model->objects[call->object];
}

static void object_let_go(struct nfs_side *side, uint8_t object)
{
	bool quiet;

	if (object != NFS_NOBODY && nfs_object_links(side->model, object, &quiet) == 0 && quiet)
		nfs_object_free(side->model, object);
}

static void names_settle(struct nfs_call *call, bool done)
{
	struct nfs_side *side = nfs_side_of(call->front);

	for (unsigned i = 0; i < call->n_changes; i++) {
		const struct nfs_change *change = &call->changes[i];
		struct nfs_name *name = &side->model->names[change->dir][change->name];

		name->object = done ? change->after : change->before;
		name->busy = false;
		name->touched = call->front->clock;
	}
	if (!done && call->made != NFS_NOBODY)
		nfs_object_free(side->model, call->made);
}

/* Its data, size and mode. */
static void content_settle(struct nfs_call *call, bool done)
{
	struct nfs_object *object = object_of(call);
	uint64_t now = call->front->clock;

	if (call->writes && done)
		nfs_cells_answered(object, call->first, call->n, call->stamp, call->sent, now, call->durable);
	else if (call->writes)
		nfs_cells_refused(object, call->first, call->n, call->stamp, call->sent);
	if (call->sizes && done)
		cell_ack(&object->size, call->size, call->sent, now, call->durable);
	else if (call->sizes)
		cell_refuse(&object->size, call->size, call->sent);
	if (call->modes && done)
		cell_ack(&object->mode, call->stamp, call->sent, now, true);
	else if (call->modes)
		cell_refuse(&object->mode, call->stamp, call->sent);
}

static void call_over(struct nfs_call *call)
{
	if (call->object != NFS_NOBODY && call->row->modifies) {
		struct nfs_object *object = object_of(call);

		object->n_changes--;
		object->exclusive = object->exclusive && !call->sizes;
	}
	call->flying = false;
	call->peer->n_flying--;
	call->front->n_flying--;
}

static void call_settle(struct nfs_call *call, bool done)
{
	struct nfs_side *side = nfs_side_of(call->front);

	if (call->object != NFS_NOBODY && call->row->modifies)
		content_settle(call, done);
	call_over(call);
	names_settle(call, done);
	for (unsigned i = 0; done && i < call->n_changes; i++)
		object_let_go(side, call->changes[i].before);
}

/* Nobody knows: the model stays in doubt. */
static void call_lost(struct nfs_call *call)
{
	struct nfs_side *side = nfs_side_of(call->front);
	struct nfs_doubt *doubt;

	front_say(call->front, "%s sent at %llu is lost", call->row->name, (unsigned long long)call->sent);
	call_over(call);
	if (call->n_changes == 0)
		return;
	vc_assert(side->n_doubts < NFS_DOUBTS);
	doubt = &side->doubts[side->n_doubts++];
	doubt->n_changes = call->n_changes;
	doubt->made = call->made;
	memcpy(doubt->changes, call->changes, sizeof doubt->changes);
}

static bool is_excused(const struct nfs_call *call, uint32_t status)
{
	const struct front *front = call->front;

	if (call->row->is_mount)
		return (status == MNT3ERR_IO && front_excuses(front, EXCUSE_IO)) ||
		       (status == MNT3ERR_SERVERFAULT && front_excuses(front, EXCUSE_MEMORY));
	switch (status) {
	case NFS3ERR_IO: return front_excuses(front, EXCUSE_IO);
	case NFS3ERR_NOSPC: return call->row->modifies && front_excuses(front, EXCUSE_SPACE);
	case NFS3ERR_JUKEBOX: return front_excuses(front, EXCUSE_MEMORY);
	default: return false;
	}
}

static bool fault_shows(const struct nfs_call *call, uint32_t status)
{
	enum fault fault = call->front->fault;

	if (!call->front->fault_active)
		return false;
	if (fault == FAULT_BLOCK_LOST || fault == FAULT_DISKS_LOST || fault == FAULT_FULL)
		return is_excused(call, status);
	return fault == FAULT_NONE || (fault >= FAULT_READ_ERRORS && fault <= FAULT_DISK_LOST);
}

static void call_answered(struct nfs_call *call, uint32_t status, void *results)
{
	front_say(call->front, "%s sent at %llu: status %u", call->row->name, (unsigned long long)call->sent, status);
	if (fault_shows(call, status))
		front_met(call->front, (unsigned)(call->row - nfs_rows));
	nfs_came_again(call);
	if (status != 0 && is_excused(call, status)) {
		if (call->row->modifies && (status == NFS3ERR_IO))
			call_lost(call); /* the log may have it, or not */
		else
			call_settle(call, false);
		return;
	}
	if (call->looks && nfs_name_is_unsure(call, call->dir, call->name)) {
		call_settle(call, false);
		return;
	}
	if (status != call->expect)
		front_fail(call->front, FAIL_WRONG, "%s answered %u, expected %u", call->row->name, status,
		           call->expect);
	if (status == 0 && call->row->check != NULL)
		call->row->check(call, results);
	call_settle(call, status == 0);
}

void nfs_answered(struct rpc_context *rpc, int status, void *data, void *private_data)
{
	struct nfs_call *call = private_data;
	uint32_t result = 0;

	(void)rpc;
	call->front->clock++;
	if (status != RPC_STATUS_SUCCESS) {
		call_lost(call);
		return;
	}
	if (call->row->has_status)
		memcpy(&result, data, sizeof result);
	front_note(call->front, call->sent * 31U + result);
	call_answered(call, result, data);
}

/* ---- sending ---- */

/* Where in the bytes of a call, or of its reply, the connection is to be cut. */
static void cut_set(struct nfs_call *call, enum fault cut)
{
	struct front *front = call->front;
	int fd = rpc_get_fd(call->peer->rpc);
	uint64_t at = 0;
	bool reset = front_draw(front, 2) == 0;

	switch (cut) {
	case FAULT_CUT_MARK: at = front_draw(front, NFS_MARK_BYTES); break;
	case FAULT_CUT_HEAD: at = NFS_MARK_BYTES + front_draw(front, NFS_HEAD_BYTES); break;
	case FAULT_CUT_ARGUMENTS:
		at = NFS_MARK_BYTES + NFS_HEAD_BYTES + front_draw(front, call->row->args_bytes);
		break;
	case FAULT_CUT_PAYLOAD: at = PAYLOAD_AT + front_draw(front, call->count); break;
	default:
		simsock_cut_received(
		    fd, front_draw(front, front_draw(front, 2) == 0 ? REPLY_LEAST : call->count + REPLY_LEAST), reset);
		return;
	}
	simsock_cut_sent(fd, at, reset);
}

/* Has such a call the part in which it is to be cut? */
static bool cut_fits(const struct nfs_row *row, enum fault cut)
{
	return (cut != FAULT_CUT_ARGUMENTS || row->args_bytes > 0) &&
	       (cut != FAULT_CUT_PAYLOAD || strcmp(row->name, "write") == 0);
}

/* A connection for a call; one that is to be cut has no other call on it. */
static struct nfs_peer *peer_choose(struct nfs_side *side, enum fault cut)
{
	struct nfs_peer *peer = &side->peers[front_draw(side->front, NFS_PEERS)];

	if (cut == FAULT_NONE)
		return peer;
	for (unsigned i = 0; i < NFS_PEERS; i++)
		if (side->peers[i].n_flying == 0)
			return &side->peers[i];
	return NULL;
}

static bool nfs_send(struct front *front, unsigned number, enum fault cut)
{
	struct nfs_side *side = nfs_side_of(front);
	struct nfs_peer *peer = peer_choose(side, cut);
	struct nfs_call *call = side->calls;

	while (call < side->calls + NFS_CALLS && call->flying)
		call++;
	if (call == side->calls + NFS_CALLS || peer == NULL || !cut_fits(&nfs_rows[number], cut))
		return false;
	*call = (struct nfs_call){
		.front = front, .peer = peer, .row = &nfs_rows[number], .object = NFS_NOBODY, .made = NFS_NOBODY
	};
	call->sent = front->clock + 1U;
	nfs_xid_set(call);
	if (!call->row->send(call))
		return false;
	front->clock++;
	call->flying = true;
	peer->n_flying++;
	front->n_flying++;
	front->n_sent++;
	if (call->object != NFS_NOBODY && call->row->modifies)
		object_of(call)->n_changes++;
	for (unsigned i = 0; i < call->n_changes; i++) {
		side->model->names[call->changes[i].dir][call->changes[i].name].busy = true;
		side->model->names[call->changes[i].dir][call->changes[i].name].touched = front->clock;
	}
	front_say(front, "%s on connection %u", call->row->name, (unsigned)(peer - side->peers));
	nfs_peer_watch(peer);
	if (cut == FAULT_REPLY_LOST) {
		nfs_reply_lose(call);
	} else if (cut != FAULT_NONE) {
		cut_set(call, cut);
		front_met(front, number);
	}
	return true;
}

/* ---- the client ---- */

static void nfs_drop(struct front *front, bool power)
{
	struct nfs_side *side = nfs_side_of(front);

	for (unsigned i = 0; i < NFS_CALLS; i++)
		if (side->calls[i].flying && power && front->fault == FAULT_POWER)
			front_met(front, (unsigned)(side->calls[i].row - nfs_rows));
	for (unsigned i = 0; i < NFS_PEERS; i++)
		peer_end(&side->peers[i]);
	vc_assert(front->n_flying == 0);
	if (power) {
		side->power_cut = true;
		side->has_verifier = false;
	}
	front->broken = false;
}

static void side_begin(struct front *front, struct nfs_model *model)
{
	struct nfs_side *side = calloc(1, sizeof *side);

	vc_assert(side != NULL);
	side->front = front;
	side->model = model;
	front->side = side;
	for (unsigned i = 0; i < NFS_PEERS; i++)
		side->peers[i].side = side;
	nfs_connect(side);
}

static void nfs_begin(struct front *front)
{
	side_begin(front, nfs_model_clone(furnished));
}

static void nfs_end(struct front *front)
{
	struct nfs_side *side = nfs_side_of(front);

	nfs_drop(front, false);
	nfs_model_free(side->model);
	free(side);
	front->side = NULL;
}

/* ---- the image ---- */

static void root_mounted(struct rpc_context *rpc, int status, void *data, void *private_data)
{
	const mountres3 *res = data;
	struct nfs_side *side = private_data;
	struct nfs_fh3 fh;

	(void)rpc;
	vc_assert(status == RPC_STATUS_SUCCESS && res->fhs_status == MNT3_OK);
	fh.data.data_len = res->mountres3_u.mountinfo.fhandle.fhandle3_len;
	fh.data.data_val = res->mountres3_u.mountinfo.fhandle.fhandle3_val;
	nfs_bytes_set(&side->model->dirs[0], &fh);
	side->front->n_flying--;
}

static void dir_made(struct rpc_context *rpc, int status, void *data, void *private_data)
{
	const MKDIR3res *res = data;
	struct nfs_side *side = private_data;

	(void)rpc;
	vc_assert(status == RPC_STATUS_SUCCESS && res->status == NFS3_OK);
	nfs_bytes_set(&side->model->dirs[1], &res->MKDIR3res_u.resok.obj.post_op_fh3_u.handle);
	side->front->n_flying--;
}

/* Until one is not refused. */
static void do_call(struct front *front, const char *name)
{
	const struct nfs_call *call = nfs_side_of(front)->calls; /* nothing else is in flight */
	unsigned row = 0;

	while (strcmp(nfs_rows[row].name, name) != 0)
		row++;
	while (!nfs_send(front, row, FAULT_NONE) || call->expect != NFS3_OK)
		front_land(front);
	front_land(front);
}

static void nfs_furnish(struct front *front)
{
	static const char *const calls[] = { "create",  "mkdir",  "symlink", "create", "write",   "mknod", "write",
		                             "setattr", "create", "write",   "write",  "symlink", "link",  "write",
		                             "commit",  "create", "mkdir",   "write",  "write",   "commit" };
	struct MKDIR3args args = { 0 };
	struct nfs_side *side;

	side_begin(front, nfs_model_new());
	side = nfs_side_of(front);
	front->n_flying = 1;
	vc_assert(rpc_mount3_mnt_async(side->peers[0].rpc, root_mounted, (char *)(uintptr_t) "/vol/vol0", side) == 0);
	nfs_peer_watch(&side->peers[0]);
	front_land(front);
	args.where.dir = nfs_fh_of(&side->model->dirs[0]);
	args.where.name = (char *)(uintptr_t) "d";
	front->n_flying = 1;
	vc_assert(rpc_nfs3_mkdir_async(side->peers[0].rpc, dir_made, &args, side) == 0);
	nfs_peer_watch(&side->peers[0]);
	front_land(front);
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++)
		do_call(front, calls[i]);
	nfs_audit(front);
	furnished = side->model;
	side->model = nfs_model_new();
	nfs_end(front);
}

static const char *nfs_call_name(unsigned call)
{
	return nfs_rows[call].name;
}

const struct front_client nfs_client = {
	.name = "nfs",
	.n_calls = 28,
	.call_name = nfs_call_name,
	.furnish = nfs_furnish,
	.begin = nfs_begin,
	.send = nfs_send,
	.rest = nfs_rest,
	.drop = nfs_drop,
	.outlive = nfs_outlive,
	.changes = nfs_changes,
	.audit = nfs_audit,
	.end = nfs_end,
};
