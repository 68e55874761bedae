/* SPDX-License-Identifier: Apache-2.0 */
/* The NFS server: its shards on their loops, where connections go, and the end. */
#include "proto/nfs/nfs_server.h"

#include <stdlib.h>
#include <unistd.h>

#include "proto/nfs/nfs_private.h"

static void conn_ended(struct rpc_conn *conn)
{
	nfs_conn_forget_volume(rpc_conn_user(conn));
}

/* An export names its peer's address. */
static bool conn_is_known(struct rpc_conn *conn)
{
	struct nfs_shard *shard = rpc_service_owner(rpc_conn_service(conn));
	const struct export_set *set = export_view_now(&shard->exports);
	struct export_peer peer;

	export_peer_init(&peer, rpc_conn_peer(conn));
	for (unsigned i = 0; i < set->n_exports; i++) {
		if (export_find_client(set->exports[i], &peer) != NULL)
			return true;
	}
	return false;
}

/* --- stopping --- */

static void server_stopped(struct task *task)
{
	struct nfs_server *server = container_of(task, struct nfs_server, stopped_task);

	server->stopped(server->stopped_arg);
}

static void shard_stopped(void *arg)
{
	struct nfs_shard *shard = arg;
	struct nfs_server *server = shard->server;

	rpc_service_free(shard->rpc);
	shard->rpc = NULL;
	export_view_fini(&shard->exports);
	if (atomic_fetch_sub(&server->n_running, 1) == 1)
		world_post(server->shards[0]->world, &server->stopped_task);
}

static void shard_stop(struct task *task)
{
	struct nfs_shard *shard = container_of(task, struct nfs_shard, stop_task);

	rpc_service_stop(shard->rpc, shard_stopped, shard);
}

void nfs_server_stop(struct nfs_server *server, void (*stopped)(void *arg), void *arg)
{
	server->stopped = stopped;
	server->stopped_arg = arg;
	server->stopped_task.run = server_stopped;
	for (unsigned i = 0; i < server->n_shards; i++)
		world_post(server->shards[i]->world, &server->shards[i]->stop_task);
}

/* --- making --- */

static void shard_free(struct nfs_shard *shard)
{
	if (shard == NULL)
		return;
	if (shard->rpc != NULL) {
		rpc_service_free(shard->rpc);
		export_view_fini(&shard->exports);
	}
	free(shard);
}

void nfs_server_free(struct nfs_server *server)
{
	for (unsigned i = 0; i < server->n_shards; i++)
		shard_free(server->shards[i]);
	free(server->shards);
	if (server->metrics != NULL)
		nfs_metrics_free(server->metrics);
	door_put(server->door);
	free(server);
}

static int shard_new(struct nfs_server *server, struct loop *loop, struct export_table *exports,
                     const struct nfs_server_options *options, struct nfs_shard **ret_shard)
{
	struct nfs_shard *shard = calloc(1, sizeof *shard);
	struct rpc_service_config config = {
		.loop = loop,
		.programs = { &nfs_program, options->mount },
		.n_programs = options->mount != NULL ? 2 : 1,
		.request_bytes = sizeof(struct nfs_request),
		.conn_user_bytes = sizeof(struct nfs_conn),
		.conn_ended = conn_ended,
		.conn_is_known = conn_is_known,
		.door = server->door,
		.limits = options->limits,
		.counters = nfs_metrics_rpc(server->metrics),
		.owner = shard,
	};

	if (shard == NULL)
		return -ENOMEM;
	shard->server = server;
	shard->loop = loop;
	shard->world = loop_world(loop);
	shard->stop_task.run = shard_stop;
	if (rpc_service_new(&config, &shard->rpc) != 0) {
		free(shard);
		return -ENOMEM;
	}
	export_view_init(&shard->exports, exports);
	*ret_shard = shard;
	return 0;
}

int nfs_server_new(struct loop *const *loops, unsigned n_loops, struct export_table *exports,
                   const struct nfs_server_options *options, struct nfs_server **ret_server)
{
	struct nfs_server *server = calloc(1, sizeof *server);
	int err = 0;

	if (server == NULL)
		return -ENOMEM;
	server->n_shards = n_loops;
	server->n_running = n_loops;
	server->has_drc = !options->no_drc;
	server->shards = calloc(n_loops, sizeof(struct nfs_shard *));
	server->metrics = nfs_metrics_new();
	if (server->shards == NULL || server->metrics == NULL)
		err = -ENOMEM;
	if (err == 0)
		err = door_new(options->limits != NULL ? options->limits->max_conns : rpc_limits_default.max_conns,
		               &server->door);
	if (server->shards == NULL)
		server->n_shards = 0;
	for (unsigned i = 0; i < server->n_shards && err == 0; i++)
		err = shard_new(server, loops[i], exports, options, &server->shards[i]);
	if (err != 0) {
		nfs_server_free(server);
		return err;
	}
	*ret_server = server;
	return 0;
}

/* --- accepting --- */

struct handover {
	struct task task;
	struct nfs_shard *shard;
	int fd;
};

static void handover_run(struct task *task)
{
	struct handover *handover = container_of(task, struct handover, task);

	rpc_service_accept(handover->shard->rpc, handover->fd);
	free(handover);
}

static struct nfs_shard *shard_of(struct nfs_server *server, const struct loop *loop)
{
	for (unsigned i = 0; loop != NULL && i < server->n_shards; i++)
		if (server->shards[i]->loop == loop)
			return server->shards[i];
	return server
	    ->shards[atomic_fetch_add_explicit(&server->next_shard, 1, memory_order_relaxed) % server->n_shards];
}

void nfs_server_accept(struct nfs_server *server, struct loop *loop, int fd)
{
	struct nfs_shard *shard = shard_of(server, loop);
	struct handover *handover;

	if (world_is_home(shard->world)) {
		rpc_service_accept(shard->rpc, fd);
		return;
	}
	handover = calloc(1, sizeof *handover);
	if (handover == NULL) {
		close(fd);
		return;
	}
	handover->task.run = handover_run;
	handover->shard = shard;
	handover->fd = fd;
	world_post(shard->world, &handover->task);
}
