/* SPDX-License-Identifier: Apache-2.0 */
/* The RPC service of one loop: its connections, its pool of requests, who waits for memory, and the sweep that frees
 * it.
 *
 * BOUNDS. Connections and requests are bounded by rpc_limits, memory by the budget. A connection that is refused either
 * stops reading and tries again when some of its own comes back, or a few milliseconds later (base/gate.h). */
#include "proto/rpc/rpc_private.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

#define SWEEP_MIN_NS 50000000ULL
#define FREE_REQUESTS_MAX 64U /* kept for the next ones */

const struct rpc_limits rpc_limits_default = {
	.max_conns = 5120,
	.max_requests = 2048,
	.conn_requests = 128,
	.conn_bytes = 8U << 20,
	.stall_ns = STALL_NS,
	.short_stall_ns = STALL_SHORT_NS,
	.stranger_ns = 15000000000ULL,
	.idle_ns = 600000000000ULL, /* Linux clients end an idle connection themselves after 300 s */
};

/* Often enough that a peer is cut off soon after its time is over. */
static uint64_t sweep_ns(const struct rpc_service *service)
{
	const struct rpc_limits *limits = &service->limits;
	uint64_t shortest_ns = MIN_OF(MIN_OF(limits->stall_ns, limits->short_stall_ns),
	                              MIN_OF(limits->stranger_ns, limits->idle_ns));

	return MIN_OF(MAX_OF(shortest_ns / 8, SWEEP_MIN_NS), STALL_LOOK_NS);
}

static void sweep(struct timer *timer)
{
	struct rpc_service *service = container_of(timer, struct rpc_service, sweep_timer);
	uint64_t now_ns = world_now_ns(service->world);
	uint64_t limit_ns = stall_is_urgent(&service->shortage) ? service->limits.short_stall_ns
	                                                        : service->limits.stall_ns;
	struct rpc_conn *conn, *next;

	TAILQ_FOREACH_SAFE(conn, &service->conns, link, next)
		rpc_conn_sweep(conn, now_ns, limit_ns);
	if (!TAILQ_EMPTY(&service->conns))
		world_timer_set(service->world, &service->sweep_timer, sweep_ns(service));
}

static void stopped_run(struct task *task)
{
	struct rpc_service *service = container_of(task, struct rpc_service, stopped_task);

	service->stopped(service->stopped_arg);
}

int rpc_service_new(const struct rpc_service_config *config, struct rpc_service **ret_service)
{
	struct rpc_service *service = calloc(1, sizeof *service);

	if (service == NULL)
		return -ENOMEM;
	service->config = *config;
	service->limits = config->limits != NULL ? *config->limits : rpc_limits_default;
	if (config->door != NULL) {
		service->door = door_get(config->door);
	} else if (door_new(service->limits.max_conns, &service->door) != 0) {
		free(service);
		return -ENOMEM;
	}
	service->world = loop_world(config->loop);
	TAILQ_INIT(&service->conns);
	STAILQ_INIT(&service->free_requests);
	service->stopped_task.run = stopped_run;
	service->sweep_timer.fire = sweep;
	*ret_service = service;
	return 0;
}

void rpc_service_accept(struct rpc_service *service, int fd)
{
	if (service->stopping) {
		counter_add(&service->config.counters->refused, 1);
		close(fd);
		return;
	}
	rpc_conn_start(service, fd);
	if (!service->sweep_timer.armed && !TAILQ_EMPTY(&service->conns))
		world_timer_set(service->world, &service->sweep_timer, sweep_ns(service));
}

void rpc_service_stop(struct rpc_service *service, void (*stopped)(void *arg), void *arg)
{
	struct rpc_conn *conn, *next;

	service->stopping = true;
	service->stopped = stopped;
	service->stopped_arg = arg;
	service->n_conns++; /* so that the last one closed below does not end it twice */
	TAILQ_FOREACH_SAFE(conn, &service->conns, link, next)
		rpc_conn_close(conn);
	rpc_service_conn_freed(service);
}

void rpc_service_conn_freed(struct rpc_service *service)
{
	service->n_conns--;
	if (service->stopping && service->n_conns == 0)
		world_defer(service->world, &service->stopped_task);
}

void rpc_service_free(struct rpc_service *service)
{
	struct rpc_request *request;

	vc_assert(service->n_conns == 0);
	world_timer_cancel(&service->sweep_timer);
	while ((request = STAILQ_FIRST(&service->free_requests)) != NULL) {
		STAILQ_REMOVE_HEAD(&service->free_requests, link);
		free(request);
	}
	door_put(service->door);
	free(service);
}

void *rpc_service_owner(const struct rpc_service *service)
{
	return service->config.owner;
}

unsigned rpc_service_conns(const struct rpc_service *service)
{
	return service->n_conns;
}

static struct rpc_request *request_make(struct rpc_service *service)
{
	struct rpc_request *request = STAILQ_FIRST(&service->free_requests);

	if (request != NULL) {
		STAILQ_REMOVE_HEAD(&service->free_requests, link);
		service->n_free--;
		return request;
	}
	if (service->n_requests >= service->limits.max_requests)
		return NULL;
	request = malloc(service->config.request_bytes);
	if (request != NULL)
		service->n_requests++;
	return request;
}

static void request_free(struct rpc_service *service, struct rpc_request *request)
{
	if (service->n_free < FREE_REQUESTS_MAX) {
		STAILQ_INSERT_HEAD(&service->free_requests, request, link);
		service->n_free++;
	} else {
		free(request);
		service->n_requests--;
	}
}

/* A request for a call of `conn` that may hold `weight_bytes`, or NULL: the pool is empty, or the budget refuses. */
struct rpc_request *rpc_service_request(struct rpc_service *service, struct rpc_conn *conn, uint32_t weight_bytes)
{
	struct rpc_request *request;

	if (!budget_take(conn->account, service->config.request_bytes + weight_bytes))
		return NULL;
	request = request_make(service);
	if (request == NULL) {
		budget_give(conn->account, service->config.request_bytes + weight_bytes);
		return NULL;
	}
	request->conn = conn;
	request->weight_bytes = weight_bytes;
	rpc_conn_get(conn);
	conn->in_flight++;
	conn->weight_bytes += weight_bytes;
	return request;
}

/* The request goes back to the pool, what it took to the budget. */
static void request_give_back(struct rpc_request *request)
{
	struct rpc_conn *conn = request->conn;

	conn->in_flight--;
	conn->weight_bytes -= request->weight_bytes;
	budget_give(conn->account, conn->service->config.request_bytes + request->weight_bytes);
	request_free(conn->service, request);
}

/* Take a request back that has served nothing. */
void rpc_service_request_undo(struct rpc_request *request)
{
	struct rpc_conn *conn = request->conn;

	request_give_back(request);
	rpc_conn_put(conn);
}

bool rpc_request_take(struct rpc_request *request, uint32_t bytes)
{
	if (!budget_take(request->conn->account, bytes))
		return false;
	request->weight_bytes += bytes;
	request->conn->weight_bytes += bytes;
	return true;
}

void rpc_request_done(struct rpc_request *request)
{
	struct rpc_conn *conn = request->conn;

	request_give_back(request);
	if (conn->ending && conn->in_flight == 0)
		rpc_conn_finish(conn);
	else if (conn->blocked)
		rpc_conn_unblock(conn);
	rpc_conn_put(conn);
}
