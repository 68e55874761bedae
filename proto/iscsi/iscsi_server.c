/* SPDX-License-Identifier: Apache-2.0 */
/* The service: the list of connections, which is shared by all loops, and the passing of a session from an old
 * connection to a new one.
 *
 * THEORY. A session is told by initiator name and ISID. A login that finds it taken becomes the successor of the
 * present connection, which is told by a posted task to close; when it has gone, and its last task with it, the
 * successor is posted to claim again.
 * THREADS. The list, and the fields of a connection marked so, are under `lock`; the rest of a connection is its
 * loop's. */
#include "proto/iscsi/iscsi_server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/log.h"
#include "proto/iscsi/iscsi_conn.h"
#include "proto/iscsi/iscsi_login.h"
#include "proto/iscsi/iscsi_server_private.h"

#define CONNECTIONS_DEFAULT 5000U
#define LOGIN_MS 15000U
#define DISCOVERY_MS 30000U
#define PING_MS 30000U
#define ANSWER_MS 60000U

TAILQ_HEAD(iscsi_conn_list, iscsi_conn);

struct iscsi_server {
	pthread_mutex_t lock;
	char target_name[ISCSI_NAME_SIZE];
	struct lunmap *maps;
	char *portals[ISCSI_PORTALS_MAX];
	unsigned n_portals;
	unsigned n_connections; /* listed, or being freed */
	struct door *door;
	struct iscsi_times times;
	uint64_t next_id;
	uint16_t next_tsih;
	struct iscsi_conn_list conns;
	bool stopping;
	void (*stopped)(void *arg);
	void *stopped_arg;
};

static int server_name_set(struct iscsi_server *server, const char *name)
{
	int n = snprintf(server->target_name, sizeof server->target_name, "%s", name);

	if (n < 0 || (size_t)n >= sizeof server->target_name)
		return -EINVAL;
	if (strncasecmp(server->target_name, "iqn.", 4) != 0 && strncasecmp(server->target_name, "eui.", 4) != 0 &&
	    strncasecmp(server->target_name, "naa.", 4) != 0)
		return -EINVAL;
	return strpbrk(server->target_name, " \t\r\n,=/") != NULL ? -EINVAL : 0;
}

static void server_times_set(struct iscsi_server *server, const struct iscsi_times *times)
{
	server->times.login = times->login != 0 ? times->login : LOGIN_MS;
	server->times.discovery = times->discovery != 0 ? times->discovery : DISCOVERY_MS;
	server->times.ping = times->ping != 0 ? times->ping : PING_MS;
	server->times.answer = times->answer != 0 ? times->answer : ANSWER_MS;
	server->times.stall = times->stall != 0 ? times->stall : (unsigned)(STALL_NS / 1000000U);
}

int iscsi_server_new(const struct iscsi_server_config *config, struct iscsi_server **ret_server)
{
	struct iscsi_server *server = calloc(1, sizeof *server);
	int err;

	if (server == NULL)
		return -ENOMEM;
	pthread_mutex_init(&server->lock, NULL);
	TAILQ_INIT(&server->conns);
	server->maps = config->maps;
	server_times_set(server, &config->times);
	err = config->n_portals > ISCSI_PORTALS_MAX ? -EINVAL : server_name_set(server, config->target_name);
	if (err == 0)
		err = door_new(config->max_connections != 0 ? config->max_connections : CONNECTIONS_DEFAULT,
		               &server->door);
	for (unsigned i = 0; i < config->n_portals && err == 0; i++) {
		server->portals[i] = strdup(config->portals[i]);
		err = server->portals[i] == NULL ? -ENOMEM : 0;
		server->n_portals = i + 1;
	}
	if (err != 0) {
		iscsi_server_free(server);
		return err;
	}
	*ret_server = server;
	return 0;
}

void iscsi_server_free(struct iscsi_server *server)
{
	if (server == NULL)
		return;
	vc_assert(server->n_connections == 0);
	for (unsigned i = 0; i < server->n_portals; i++)
		free(server->portals[i]);
	door_put(server->door);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

const char *iscsi_server_target_name(const struct iscsi_server *server)
{
	return server->target_name;
}

unsigned iscsi_server_portals(const struct iscsi_server *server, const char *const **ret_portals)
{
	*ret_portals = (const char *const *)(const void *)server->portals;
	return server->n_portals;
}

struct door *iscsi_server_door(const struct iscsi_server *server)
{
	return server->door;
}

const struct iscsi_times *iscsi_server_times(const struct iscsi_server *server)
{
	return &server->times;
}

struct lunmap *iscsi_server_maps(const struct iscsi_server *server)
{
	return server->maps;
}

/* ---- connections ---- */

static void claim_run(struct task *task)
{
	struct iscsi_conn *conn = container_of(task, struct iscsi_conn, claim_task);

	pthread_mutex_lock(&conn->server->lock);
	conn->claim_posted = false;
	pthread_mutex_unlock(&conn->server->lock);
	if (conn->state == CONN_CLAIMING)
		iscsi_login_claimed(conn, 0);
	else
		iscsi_conn_settle(conn);
}

static void kill_run(struct task *task)
{
	struct iscsi_conn *conn = container_of(task, struct iscsi_conn, kill_task);

	pthread_mutex_lock(&conn->server->lock);
	conn->kill_posted = false;
	pthread_mutex_unlock(&conn->server->lock);
	if (conn->state != CONN_CLOSED)
		iscsi_conn_close(conn, "ended by the target or a new login");
	else
		iscsi_conn_settle(conn);
}

/* Under the lock. */
static void conn_kill(struct iscsi_conn *conn)
{
	if (conn->kill_posted)
		return;
	conn->kill_posted = true;
	world_post(conn->world, &conn->kill_task);
}

int iscsi_server_add(struct iscsi_server *server, struct iscsi_conn *conn)
{
	int err = 0;

	conn->claim_task.run = claim_run;
	conn->kill_task.run = kill_run;
	pthread_mutex_lock(&server->lock);
	if (server->stopping)
		err = -ESHUTDOWN;
	server->n_connections++; /* given back by iscsi_server_gone, in both cases */
	if (err == 0) {
		conn->id = ++server->next_id;
		conn->listed = true;
		TAILQ_INSERT_TAIL(&server->conns, conn, server_link);
	}
	pthread_mutex_unlock(&server->lock);
	return err;
}

/* Under the lock: this connection waits for nobody any more. */
static void claim_drop(struct iscsi_conn *conn)
{
	if (conn->claims != NULL)
		conn->claims->successor = NULL;
	conn->claims = NULL;
}

bool iscsi_server_remove(struct iscsi_conn *conn)
{
	struct iscsi_server *server = conn->server;
	struct iscsi_conn *successor;
	bool free_now;

	pthread_mutex_lock(&server->lock);
	claim_drop(conn);
	successor = conn->successor;
	conn->successor = NULL;
	if (successor != NULL) {
		successor->claims = NULL;
		successor->claim_posted = true;
		world_post(successor->world, &successor->claim_task);
	}
	if (conn->listed)
		TAILQ_REMOVE(&server->conns, conn, server_link);
	conn->listed = false;
	free_now = !conn->kill_posted && !conn->claim_posted;
	pthread_mutex_unlock(&server->lock);
	return free_now;
}

void iscsi_server_gone(struct iscsi_server *server)
{
	void (*stopped)(void *arg) = NULL;
	void *arg = NULL;

	pthread_mutex_lock(&server->lock);
	server->n_connections--;
	if (server->stopping && server->n_connections == 0) {
		stopped = server->stopped;
		arg = server->stopped_arg;
		server->stopped = NULL;
	}
	pthread_mutex_unlock(&server->lock);
	if (stopped != NULL)
		stopped(arg); /* may free the server */
}

void iscsi_server_serve(struct iscsi_server *server, struct loop *loop, int fd)
{
	struct iscsi_conn *conn;
	int err = iscsi_conn_new(server, loop, fd, &conn);

	if (err != 0) {
		log_peer_warn("iscsi", "connection_refused", "error=%s", error_name(err));
		return;
	}
	err = iscsi_server_add(server, conn);
	if (err != 0)
		iscsi_conn_close(conn, "the service is stopping");
}

void iscsi_server_stop(struct iscsi_server *server, void (*done)(void *arg), void *arg)
{
	struct iscsi_conn *conn;
	bool now;

	pthread_mutex_lock(&server->lock);
	server->stopping = true;
	server->stopped = done;
	server->stopped_arg = arg;
	TAILQ_FOREACH(conn, &server->conns, server_link)
		conn_kill(conn);
	now = server->n_connections == 0;
	if (now)
		server->stopped = NULL;
	pthread_mutex_unlock(&server->lock);
	if (now)
		done(arg);
}

/* ---- sessions ---- */

/* Under the lock. */
static struct iscsi_conn *session_find(struct iscsi_server *server, const struct iscsi_conn *like)
{
	struct iscsi_conn *conn;

	TAILQ_FOREACH(conn, &server->conns, server_link) {
		if (conn != like && conn->established && !conn->discovery &&
		    memcmp(conn->isid, like->isid, sizeof conn->isid) == 0 &&
		    strcasecmp(conn->initiator, like->initiator) == 0)
			return conn;
	}
	return NULL;
}

/* Under the lock: a handle no session has, never 0. */
static uint16_t tsih_make(struct iscsi_server *server)
{
	struct iscsi_conn *conn;

again:
	if (++server->next_tsih == 0)
		server->next_tsih = 1;
	TAILQ_FOREACH(conn, &server->conns, server_link) {
		if (conn->established && conn->tsih == server->next_tsih)
			goto again;
	}
	return server->next_tsih;
}

int iscsi_server_claim(struct iscsi_conn *conn)
{
	struct iscsi_server *server = conn->server;
	struct iscsi_conn *old;
	int err = 0;

	pthread_mutex_lock(&server->lock);
	old = conn->discovery ? NULL : session_find(server, conn);
	if (old == NULL) {
		conn->tsih = tsih_make(server);
		conn->since_ns = world_wall_ns(conn->world);
		conn->established = true;
	} else if (old->successor != NULL) {
		err = -EBUSY;
	} else {
		old->successor = conn;
		conn->claims = old;
		conn_kill(old);
		err = -EINPROGRESS;
	}
	pthread_mutex_unlock(&server->lock);
	return err;
}

bool iscsi_server_has_session(struct iscsi_conn *conn, uint16_t tsih)
{
	struct iscsi_conn *other;
	bool found;

	pthread_mutex_lock(&conn->server->lock);
	other = session_find(conn->server, conn);
	found = other != NULL && other->tsih == tsih;
	pthread_mutex_unlock(&conn->server->lock);
	return found;
}

static void session_describe(const struct iscsi_conn *conn, struct iscsi_session_info *ret_info)
{
	*ret_info = (struct iscsi_session_info){ .id = conn->id,
		                                 .tsih = conn->tsih,
		                                 .discovery = conn->discovery,
		                                 .since_ns = conn->since_ns,
		                                 .header_digest = conn->params.header_digest != 0,
		                                 .data_digest = conn->params.data_digest != 0,
		                                 .commands = counter_get(&conn->commands),
		                                 .read_bytes = counter_get(&conn->read_bytes),
		                                 .written_bytes = counter_get(&conn->written_bytes) };
	memcpy(ret_info->initiator, conn->initiator, sizeof ret_info->initiator);
	memcpy(ret_info->peer, conn->peer, sizeof ret_info->peer);
	memcpy(ret_info->isid, conn->isid, sizeof ret_info->isid);
}

unsigned iscsi_server_sessions(struct iscsi_server *server, struct iscsi_session_info *ret_infos, unsigned max)
{
	struct iscsi_conn *conn;
	unsigned n = 0;

	pthread_mutex_lock(&server->lock);
	TAILQ_FOREACH(conn, &server->conns, server_link) {
		if (!conn->established)
			continue;
		if (n < max)
			session_describe(conn, &ret_infos[n]);
		n++;
	}
	pthread_mutex_unlock(&server->lock);
	return n;
}

int iscsi_server_end_session(struct iscsi_server *server, uint64_t id)
{
	struct iscsi_conn *conn;
	int err = -ENOENT;

	pthread_mutex_lock(&server->lock);
	TAILQ_FOREACH(conn, &server->conns, server_link) {
		if (conn->id == id && conn->established) {
			conn_kill(conn);
			err = 0;
		}
	}
	pthread_mutex_unlock(&server->lock);
	return err;
}
