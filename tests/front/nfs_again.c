/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that come again: libnfs connects anew when a connection ends, and sends what has no answer once more, the same
 * bytes under the same XID.
 *
 * THEORY. Such a call must be answered as if it had come once, which the model knows: a second MKDIR that is carried
 * out finds the directory of the first and says EXIST. Three ways to lose a reply: with its first byte; at any moment
 * before, while the call is on its way or under way; and with the power (front.c). A call under the XID of another,
 * about something else, is another call, and must not be given the other's answer. */
#include "tests/front/nfs_rows.h"
#include "tests/support/simsock.h"

#define TURNS_UNDER_WAY 24U /* in which most calls are under way, ... */
#define TURNS_MOST 60U /* ... and most are answered */

bool nfs_comes_again(const struct front *front)
{
	return front->fault == FAULT_REPLY_LOST || front->fault == FAULT_POWER_AGAIN;
}

bool nfs_changes(unsigned call)
{
	return nfs_rows[call].modifies;
}

void nfs_xid_set(struct nfs_call *call)
{
	struct nfs_side *side = nfs_side_of(call->front);

	if (side->before.row == call->row && front_draw(call->front, 2) == 0) {
		side->apart = side->before;
		side->before.row = NULL;
		call->apart = &side->apart;
		call->xid = side->apart.xid;
	} else {
		call->xid = ++side->xid;
	}
	rpc_set_next_xid(call->peer->rpc, call->xid);
	call->port = simsock_port(rpc_get_fd(call->peer->rpc), false);
	call->n_received = simsock_n_received(rpc_get_fd(call->peer->rpc));
}

/* From here on nothing of it can be lost: libnfs 4.0 takes what it has of a reply for the beginning of the new
 * connection's first one. */
static bool reply_has_begun(const struct nfs_call *call)
{
	int fd = rpc_get_fd(call->peer->rpc);

	return simsock_n_received(fd) != (simsock_port(fd, false) == call->port ? call->n_received : 0);
}

static void cut_within(struct nfs_call *call, unsigned turns, bool reset)
{
	for (; turns > 0 && !reply_has_begun(call); turns--)
		(void)sim_step(call->front->stage.machine.sim);
	if (!reply_has_begun(call))
		simsock_cut_received(rpc_get_fd(call->peer->rpc), 0, reset);
}

void nfs_reply_lose(struct nfs_call *call)
{
	struct front *front = call->front;
	bool reset = front_draw(front, 2) == 0;

	if (front_draw(front, 2) == 0)
		simsock_cut_answer(rpc_get_fd(call->peer->rpc), reset);
	else
		cut_within(call, (unsigned)front_draw(front, front_draw(front, 4) == 0 ? TURNS_MOST : TURNS_UNDER_WAY),
		           reset);
}

/* The server that loses its power goes on for the time it takes to end it: it reaches nobody. */
static void outlive_begin(struct nfs_side *side)
{
	for (unsigned i = 0; i < NFS_CALLS; i++)
		while (side->calls[i].flying && reply_has_begun(&side->calls[i]))
			(void)sim_step(side->front->stage.machine.sim);
	for (unsigned i = 0; i < NFS_PEERS; i++) {
		loop_watch_set(&side->peers[i].watch, 0);
		simsock_cut_answer(side->peers[i].watch.fd, true);
	}
	side->power_cut = true;
	side->has_verifier = false;
}

/* The new one has nothing in memory: what comes again is under way for long, and may come a third time. */
static void outlive_end(struct nfs_side *side)
{
	for (unsigned i = 0; i < NFS_PEERS; i++)
		nfs_peer_watch(&side->peers[i]);
	for (unsigned i = 0; i < NFS_CALLS; i++)
		if (side->calls[i].flying && front_draw(side->front, 2) == 0)
			cut_within(&side->calls[i], (unsigned)front_draw(side->front, TURNS_UNDER_WAY), true);
}

void nfs_outlive(struct front *front, bool over)
{
	if (over)
		outlive_end(nfs_side_of(front));
	else
		outlive_begin(nfs_side_of(front));
}

void nfs_came_again(struct nfs_call *call)
{
	struct nfs_side *side = nfs_side_of(call->front);

	if (!nfs_comes_again(call->front))
		return;
	if (simsock_port(rpc_get_fd(call->peer->rpc), false) != call->port) {
		front_say(call->front, "%s sent at %llu came again", call->row->name, (unsigned long long)call->sent);
		front_met(call->front, (unsigned)(call->row - nfs_rows));
	}
	side->before = *call;
	if (call->apart != NULL || !call->row->modifies)
		side->before.row = NULL; /* two calls have had that XID, or nothing tells them apart */
}
