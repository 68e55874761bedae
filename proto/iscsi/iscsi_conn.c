/* SPDX-License-Identifier: Apache-2.0 */
/* Connections: their beginning and end, memory that was refused, stalls and silence. */
#include "proto/iscsi/iscsi_conn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "proto/iscsi/iscsi_command.h"
#include "proto/iscsi/iscsi_control.h"
#include "proto/iscsi/iscsi_server_private.h"

/* ---- memory that was refused ---- */

static void conn_stalled(struct iscsi_conn *conn)
{
	if (iscsi_command_reserve(conn) != 0) {
		if (world_now_ns(conn->world) - conn->stalled_since_ns < ISCSI_STALL_MS * UINT64_C(1000000)) {
			stream_wait(conn->stream);
			return;
		}
		/* it may be held by others who wait like us: give way */
		log_peer_warn("iscsi", "no_pages", "initiator=%s peer=%s", conn->initiator, conn->peer);
		scsi_task_give_up(&conn->rx_task->scsi, SCSI_BUSY, SCSI_NO_SENSE, ASC_NONE);
		conn->sink = SINK_NONE;
		conn->sink_len = 0;
	}
	if (conn->state != CONN_CLOSED)
		iscsi_receive_on(conn);
}

static void conn_readable(void *owner)
{
	iscsi_receive(owner);
}

static void conn_filled(void *owner)
{
	iscsi_receive_filled(owner);
}

static void conn_drained(void *owner)
{
	struct iscsi_conn *conn = owner;

	if (conn->rx == RX_STALLED)
		conn_stalled(conn);
	if (conn->state != CONN_CLOSED)
		iscsi_command_run_waiters(conn);
	if (conn->state != CONN_CLOSED && iscsi_may_receive(conn))
		stream_resume(conn->stream);
}

static void conn_ended(void *owner, int err)
{
	struct iscsi_conn *conn = owner;

	iscsi_conn_close(conn, err == 0 ? NULL : error_name(err));
}

static const struct stream_handler conn_handler = { conn_readable, conn_filled, conn_drained, conn_ended };

/* ---- stalls ---- */

static uint64_t stall_limit_ns(const struct iscsi_conn *conn)
{
	return iscsi_server_times(conn->server)->stall * UINT64_C(1000000);
}

static void conn_look_later(struct iscsi_conn *conn)
{
	world_timer_set(conn->world, &conn->timer, MIN_OF(STALL_LOOK_NS, stall_limit_ns(conn) / 4U));
}

/* Nobody may hold memory for ever: not with data that does not come, nor by not reading answers. Pings are no
 * progress. */
static void conn_look(struct iscsi_conn *conn)
{
	uint64_t now_ns = world_now_ns(conn->world),
	         limit_ns = stall_limit_ns(conn) / (stall_is_urgent(&conn->shortage) ? 12U : 1U);
	uint64_t filling = stream_fill_left(conn->stream),
	         taken = conn->rx == RX_DATA ? conn->data_len - MIN_OF(filling, conn->data_len) : 0;

	if (stall_is_over(&conn->input, filling + iscsi_command_missing(conn),
	                  counter_get(&conn->written_bytes) + taken, now_ns, limit_ns))
		iscsi_conn_close(conn, "data that was announced or asked for does not come");
	else if (stall_is_over(&conn->output, stream_unsent(conn->stream), stream_sent(conn->stream), now_ns, limit_ns))
		iscsi_conn_close(conn, "answers are not read");
	else
		conn_look_later(conn);
	iscsi_task_trim(conn, conn->n_tasks > 0 ? ISCSI_IDLE_TASKS : 1);
}

static void conn_timer(struct timer *timer)
{
	struct iscsi_conn *conn = container_of(timer, struct iscsi_conn, timer);

	if (conn->state == CONN_LOGIN || conn->state == CONN_CLAIMING)
		iscsi_conn_close(conn, "login took too long");
	else if (conn->state != CONN_CLOSED)
		conn_look(conn);
}

/* ---- silence ---- */

/* Often enough that a limit is kept to a quarter. */
static void conn_idle_set(struct iscsi_conn *conn)
{
	const struct iscsi_times *times = iscsi_server_times(conn->server);
	unsigned shortest_ms = conn->discovery ? times->discovery : MIN_OF(times->ping, times->answer);

	world_timer_set(conn->world, &conn->idle_timer, MAX_OF(shortest_ms / 4U, 1U) * UINT64_C(1000000));
}

/* A session that sees a LUN has its place kept. */
static void conn_look_for_right(struct iscsi_conn *conn)
{
	if (conn->discovery)
		return;
	scsi_nexus_refresh(&conn->nexus);
	if (conn->nexus.n_luns > 0)
		stream_know(conn->stream);
}

/* A discovery session that asks nothing ends. A normal one lives as long as its initiator is there: after a while of
 * silence it is asked. NULL, or why it is over. */
static const char *conn_silence(struct iscsi_conn *conn, uint64_t now_ns)
{
	const struct iscsi_times *times = iscsi_server_times(conn->server);
	uint64_t silent_ms = (now_ns - conn->heard_ns) / 1000000U;

	if (conn->discovery)
		return silent_ms >= times->discovery ? "discovery session without requests" : NULL;
	if (conn->heard_ns > conn->pinged_ns)
		conn->pinged_ns = 0;
	if (conn->pinged_ns != 0 && (now_ns - conn->pinged_ns) / 1000000U >= times->answer)
		return "the initiator does not answer";
	if (conn->pinged_ns == 0 && silent_ms >= times->ping) {
		conn->pinged_ns = now_ns;
		iscsi_ping(conn);
	}
	return NULL;
}

static void conn_idle(struct timer *timer)
{
	struct iscsi_conn *conn = container_of(timer, struct iscsi_conn, idle_timer);
	uint64_t now_ns = world_now_ns(conn->world);
	const char *over;

	if (conn->state != CONN_FULL)
		return;
	if (!iscsi_may_receive(conn)) /* that we do not read is not the initiator's silence */
		conn->heard_ns = now_ns;
	over = conn_silence(conn, now_ns);
	if (over != NULL) {
		iscsi_conn_close(conn, over);
		return;
	}
	conn_look_for_right(conn);
	conn_idle_set(conn);
}

/* ---- life ---- */

static void conn_peer_name(struct iscsi_conn *conn)
{
	struct sockaddr_storage peer;
	char host[INET6_ADDRSTRLEN] = "";

	stream_peer(conn->stream, &peer);
	if (peer.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&peer;

		inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		snprintf(conn->peer, sizeof conn->peer, "%s:%u", host, ntohs(in->sin_port));
	} else if (peer.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&peer;

		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
		snprintf(conn->peer, sizeof conn->peer, "[%s]:%u", host, ntohs(in6->sin6_port));
	} else {
		snprintf(conn->peer, sizeof conn->peer, "local");
	}
}

/* A peer that vanished is found out by TCP, in about a minute, also when it is we who wait for nothing. */
static void conn_keepalive(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },          { IPPROTO_TCP, TCP_KEEPIDLE, 30 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 10 },       { IPPROTO_TCP, TCP_KEEPCNT, 3 },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, 60000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
}

static void conn_free(struct task *task)
{
	struct iscsi_conn *conn = container_of(task, struct iscsi_conn, free_task);
	struct iscsi_server *server = conn->server;

	vc_assert(conn->n_tasks == 0);
	if (conn->nexus_ready)
		scsi_nexus_fini(&conn->nexus);
	iscsi_task_trim(conn, 0);
	iscsi_text_release(conn);
	budget_account_put(conn->account);
	free(conn);
	iscsi_server_gone(server);
}

/* A stream with a place at the door. `fd` is taken, whatever happens. */
static int conn_stream(struct iscsi_conn *conn, int fd)
{
	int err;

	conn_keepalive(fd);
	err = stream_new(conn->loop, fd, &conn_handler, conn, &conn->stream);
	if (err != 0) {
		close(fd);
		return err;
	}
	err = stream_enter(conn->stream, iscsi_server_door(conn->server), false, false);
	if (err != 0)
		stream_close(conn->stream);
	return err;
}

static uint32_t window_of_budget(void)
{
	size_t max_bytes = budget_max();

	return max_bytes == 0
	           ? ISCSI_WINDOW
	           : (uint32_t)MIN_OF(MAX_OF(max_bytes >> 20, (size_t)ISCSI_WINDOW_LEAST), (size_t)ISCSI_WINDOW);
}

int iscsi_conn_new(struct iscsi_server *server, struct loop *loop, int fd, struct iscsi_conn **ret_conn)
{
	struct iscsi_conn *conn = calloc(1, sizeof *conn);
	int err;

	if (conn == NULL) {
		close(fd);
		return -ENOMEM;
	}
	conn->server = server;
	conn->loop = loop;
	conn->world = loop_world(loop);
	conn->free_task.run = conn_free;
	conn->timer.fire = conn_timer;
	conn->idle_timer.fire = conn_idle;
	conn->statsn = 1;
	conn->window = window_of_budget();
	iscsi_params_init(&conn->params);
	TAILQ_INIT(&conn->active);
	TAILQ_INIT(&conn->idle);
	TAILQ_INIT(&conn->waiting);
	for (unsigned i = 0; i < ISCSI_BUCKETS; i++)
		LIST_INIT(&conn->buckets[i]);
	err = conn_stream(conn, fd);
	if (err != 0) {
		free(conn);
		return err;
	}
	conn->account = budget_account_get(stream_account(conn->stream));
	conn_peer_name(conn);
	world_timer_set(conn->world, &conn->timer, iscsi_server_times(server)->login * UINT64_C(1000000));
	*ret_conn = conn;
	return 0;
}

int iscsi_conn_establish(struct iscsi_conn *conn)
{
	char port[240];
	int err;

	if (!conn->discovery) {
		snprintf(port, sizeof port, "%s,t,0x0001", iscsi_server_target_name(conn->server));
		err = scsi_nexus_init(&conn->nexus, conn->world, iscsi_server_maps(conn->server), conn->initiator,
		                      port);
		if (err != 0)
			return err;
		conn->nexus_ready = true;
	}
	conn_look_later(conn);
	conn->state = CONN_FULL;
	conn->heard_ns = world_now_ns(conn->world);
	conn_look_for_right(conn);
	conn_idle_set(conn);
	log_peer_info("iscsi", "login", "initiator=%s peer=%s session=%s tsih=%u", conn->initiator, conn->peer,
	              conn->discovery ? "discovery" : "normal", conn->tsih);
	return 0;
}

static void conn_end(struct iscsi_conn *conn)
{
	conn->state = CONN_CLOSED;
	conn->stream = NULL;
	conn->rx_task = NULL;
	conn->text_len = conn->reply_len = 0;
	world_timer_cancel(&conn->timer);
	world_timer_cancel(&conn->idle_timer);
	iscsi_command_abort_all(conn);
	iscsi_conn_settle(conn);
}

void iscsi_conn_close(struct iscsi_conn *conn, const char *why)
{
	if (conn->state == CONN_CLOSED)
		return;
	if (why != NULL)
		log_peer_warn("iscsi", "connection_dropped", "initiator=%s peer=%s reason=\"%s\"", conn->initiator,
		              conn->peer, why);
	stream_close(conn->stream);
	conn_end(conn);
}

void iscsi_conn_close_after_send(struct iscsi_conn *conn)
{
	if (conn->state == CONN_CLOSED)
		return;
	stream_close_after_send(conn->stream, 5000);
	conn_end(conn);
}

void iscsi_conn_settle(struct iscsi_conn *conn)
{
	if (conn->n_tasks > 0)
		return;
	if (conn->state == CONN_LOGOUT) {
		iscsi_logout_finish(conn); /* closes, and comes here again */
		return;
	}
	if (conn->state == CONN_CLOSED && !conn->free_task.queued && iscsi_server_remove(conn))
		world_defer(conn->world, &conn->free_task);
}
