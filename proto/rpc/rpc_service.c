/* SPDX-License-Identifier: Apache-2.0 */
/* The RPC service of one loop: its connections, its pool of requests, who waits for memory, and the sweep that frees it.
 *
 * BOUNDS. Connections, requests and assembled bytes are bounded by rpc_limits. A connection that finds a pool empty stops reading and
 * waits its turn; it is woken when a request completes, and every 10 ms, because pages also come back from elsewhere. */
#include "proto/rpc/rpc_private.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

#define SWEEP_MIN_NS 50000000ULL
#define SWEEP_MAX_NS 5000000000ULL
#define RETRY_NS 10000000ULL

const struct rpc_limits rpc_limits_default = {
	.max_conns = 5120,
	.max_requests = 2048,
	.conn_requests = 128,
	.conn_bytes = 8U << 20,
	.assembly_bytes = 16U << 20,
	.stall_ns = 60000000000ULL,
	.stranger_ns = 15000000000ULL,
	.idle_ns = 600000000000ULL, /* Linux clients end an idle connection themselves after 300 s */
};

/* Often enough that a peer is cut off soon after its time is over. */
static uint64_t sweep_ns(const struct rpc_service *service)
{
	uint64_t shortest_ns = MIN_OF(service->limits.stall_ns, MIN_OF(service->limits.stranger_ns, service->limits.idle_ns));

	return MIN_OF(MAX_OF(shortest_ns / 8, SWEEP_MIN_NS), SWEEP_MAX_NS);
}

static void sweep(struct timer *timer)
{
	struct rpc_service *service = container_of(timer, struct rpc_service, sweep_timer);
	uint64_t now_ns = world_now_ns(service->world);
	struct rpc_conn *conn, *next;

	TAILQ_FOREACH_SAFE(conn, &service->conns, link, next)
		rpc_conn_sweep(conn, now_ns);
	if (!TAILQ_EMPTY(&service->conns))
		world_timer_set(service->world, &service->sweep_timer, sweep_ns(service));
}

/* Let those who wait try again, each once: who still finds nothing goes to the end of the queue. */
static void retry(struct rpc_service *service)
{
	struct rpc_conn *conn;
	unsigned n = 0;

	TAILQ_FOREACH(conn, &service->waiting, waiting_link)
		n++;
	for (; n > 0 && (conn = TAILQ_FIRST(&service->waiting)) != NULL; n--) {
		TAILQ_REMOVE(&service->waiting, conn, waiting_link);
		conn->waiting = false;
		rpc_conn_unblock(conn);
	}
}

static void retry_run(struct task *task)
{
	retry(container_of(task, struct rpc_service, retry_task));
}

static void retry_fire(struct timer *timer)
{
	retry(container_of(timer, struct rpc_service, retry_timer));
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
	TAILQ_INIT(&service->waiting);
	STAILQ_INIT(&service->free_requests);
	service->stopped_task.run = stopped_run;
	service->retry_task.run = retry_run;
	service->retry_timer.fire = retry_fire;
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
	world_timer_cancel(&service->retry_timer);
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

/* A request for a call of `conn`, or NULL: the pool is empty. */
struct rpc_request *rpc_service_request(struct rpc_service *service, struct rpc_conn *conn)
{
	struct rpc_request *request = STAILQ_FIRST(&service->free_requests);

	if (request != NULL) {
		STAILQ_REMOVE_HEAD(&service->free_requests, link);
	} else {
		if (service->n_requests >= service->limits.max_requests)
			return NULL;
		request = malloc(service->config.request_bytes);
		if (request == NULL)
			return NULL;
		service->n_requests++;
	}
	request->conn = conn;
	request->weight_bytes = 0;
	rpc_conn_get(conn);
	conn->in_flight++;
	return request;
}

/* Take a request back that has served nothing: this frees no memory, so nobody is woken. */
void rpc_service_request_undo(struct rpc_service *service, struct rpc_request *request)
{
	struct rpc_conn *conn = request->conn;

	conn->in_flight--;
	STAILQ_INSERT_HEAD(&service->free_requests, request, link);
	rpc_conn_put(conn);
}

void rpc_request_weigh(struct rpc_request *request, uint32_t bytes)
{
	request->weight_bytes += bytes;
	request->conn->weight_bytes += bytes;
}

void rpc_request_done(struct rpc_request *request)
{
	struct rpc_conn *conn = request->conn;
	struct rpc_service *service = conn->service;

	conn->in_flight--;
	conn->weight_bytes -= request->weight_bytes;
	STAILQ_INSERT_HEAD(&service->free_requests, request, link);
	if (!TAILQ_EMPTY(&service->waiting))
		rpc_service_wake(service);
	if (conn->ending && conn->in_flight == 0)
		rpc_conn_finish(conn);
	else if (conn->blocked)
		rpc_conn_unblock(conn);
	rpc_conn_put(conn);
}

/* `conn` has stopped reading until memory comes back. */
void rpc_service_wait(struct rpc_service *service, struct rpc_conn *conn)
{
	counter_add(&service->config.counters->waits, 1);
	conn->waiting = true;
	TAILQ_INSERT_TAIL(&service->waiting, conn, waiting_link);
	if (!service->retry_timer.armed)
		world_timer_set(service->world, &service->retry_timer, RETRY_NS);
}

void rpc_service_wake(struct rpc_service *service)
{
	world_defer(service->world, &service->retry_task);
}
