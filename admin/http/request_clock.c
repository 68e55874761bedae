/* SPDX-License-Identifier: Apache-2.0 */
/* The time a client has to say what it wants. */
#include "admin/http/request_clock.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/log.h"

#define REST_NS 100000000U
#define TURN_NS 1000000U

enum watch_state {
	WATCH_COMING,
	WATCH_ANSWERING,
	WATCH_IDLE,
	WATCH_SHUT /* by us: evhttp sees the end of the stream and frees the connection */
};

struct watch {
	TAILQ_ENTRY(watch) link;
	struct request_door *door;
	struct bufferevent *bev; /* referenced */
	enum watch_state state;
	uint64_t since_ns; /* of the state */
};

static void watch_free(struct watch *watch)
{
	TAILQ_REMOVE(&watch->door->watches, watch, link);
	watch->door->n--;
	(void)bufferevent_decref(watch->bev);
	free(watch);
}

static void watch_state(struct watch *watch, enum watch_state state)
{
	watch->state = state;
	watch->since_ns = world_now_ns(watch->door->clock->timer.world);
}

/* Has evhttp ended the connection? */
static bool watch_is_over(const struct watch *watch)
{
	bufferevent_event_cb event;

	bufferevent_getcb(watch->bev, NULL, NULL, &event, NULL);
	return event == NULL;
}

static void watch_shut(struct watch *watch)
{
	(void)shutdown(bufferevent_getfd(watch->bev), SHUT_RDWR);
	watch_state(watch, WATCH_SHUT);
}

static void clock_set(struct request_clock *clock)
{
	bool any = false;

	for (unsigned i = 0; i < clock->n_doors; i++)
		any = any || !TAILQ_EMPTY(&clock->doors[i].watches);
	if (any && !clock->timer.armed)
		world_timer_set(clock->timer.world, &clock->timer, clock->limit_ns / 8U);
}

/* Forget connections that are over. */
static void door_sweep(struct request_door *door)
{
	struct watch *watch, *next;

	TAILQ_FOREACH_SAFE(watch, &door->watches, link, next) {
		if (watch_is_over(watch))
			watch_free(watch);
	}
}

static void door_look(struct request_door *door, uint64_t now)
{
	struct watch *watch;

	door_sweep(door);
	TAILQ_FOREACH(watch, &door->watches, link) {
		if (watch->state != WATCH_COMING || now - watch->since_ns <= door->clock->limit_ns)
			continue;
		log_peer_info("admin", "http_client_late", "limit_ms=%llu",
		              (unsigned long long)(door->clock->limit_ns / 1000000U));
		watch_shut(watch);
	}
}

static void clock_look(struct timer *timer)
{
	struct request_clock *clock = container_of(timer, struct request_clock, timer);
	uint64_t now = world_now_ns(timer->world);

	for (unsigned i = 0; i < clock->n_doors; i++)
		door_look(&clock->doors[i], now);
	clock_set(clock);
}

/* Accept nothing for a while. */
static void door_rest(struct request_door *door, uint64_t rest_ns)
{
	if (door->listener == NULL)
		return;
	(void)evconnlistener_disable(door->listener);
	world_timer_set(door->clock->timer.world, &door->rest, rest_ns);
}

/* Room for one more: whoever is in the same state for longest goes, first of those with half a request, then of those
 * between two. */
static void door_make_room(struct request_door *door)
{
	struct watch *watch, *goes = NULL;

	if (door->n < door->max)
		return;
	TAILQ_FOREACH(watch, &door->watches, link) {
		if (watch->state != WATCH_COMING && watch->state != WATCH_IDLE)
			continue;
		if (goes == NULL || watch->state < goes->state ||
		    (watch->state == goes->state && watch->since_ns <= goes->since_ns))
			goes = watch;
	}
	if (goes != NULL)
		watch_shut(goes);
	door_rest(door, TURN_NS); /* evhttp must see the end of that one first */
}

static void bytes_came(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	struct watch *watch = arg;

	(void)input;
	if (watch_is_over(watch))
		(void)bufferevent_disable(watch->bev, EV_READ); /* nobody reads it any more */
	if (info->n_added == 0 || watch->state != WATCH_IDLE)
		return;
	watch_state(watch, WATCH_COMING);
}

/* evhttp asks for a new connection's bufferevent; NULL: it makes one itself. */
static struct bufferevent *watch_new(struct event_base *base, void *arg)
{
	struct request_door *door = arg;
	/* The socket is closed with the bufferevent and not before: what is left of it would read from the next
	 * connection, under the same number. */
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	struct watch *watch = calloc(1, sizeof *watch);

	if (bev == NULL || watch == NULL || evbuffer_add_cb(bufferevent_get_input(bev), bytes_came, watch) == NULL) {
		free(watch);
		return bev;
	}
	door_sweep(door);
	door_make_room(door);
	bufferevent_incref(bev);
	watch->door = door;
	watch->bev = bev;
	watch_state(watch, WATCH_COMING);
	TAILQ_INSERT_HEAD(&door->watches, watch, link);
	door->n++;
	clock_set(door->clock);
	return bev;
}

static void answer_is_out(struct evhttp_request *req, void *arg)
{
	(void)req;
	watch_state(arg, WATCH_IDLE);
}

static struct watch *watch_of(struct request_clock *clock, const struct bufferevent *bev)
{
	struct watch *watch;

	for (unsigned i = 0; i < clock->n_doors; i++) {
		TAILQ_FOREACH(watch, &clock->doors[i].watches, link) {
			if (watch->bev == bev)
				return watch;
		}
	}
	return NULL;
}

void request_clock_stop(struct request_clock *clock, struct evhttp_request *req)
{
	struct watch *watch = watch_of(clock, evhttp_connection_get_bufferevent(evhttp_request_get_connection(req)));

	if (watch == NULL)
		return;
	watch_state(watch, WATCH_ANSWERING);
	evhttp_request_set_on_complete_cb(req, answer_is_out, watch);
}

/* ---- the servers' sockets ---------------------------------------------------------------------------------------- */

static void rest_over(struct timer *timer)
{
	const struct request_door *door = container_of(timer, struct request_door, rest);

	(void)evconnlistener_enable(door->listener);
}

/* accept(2) failed, and will fail again at once. libevent gives its own user's argument, so the door is found by its
 * listener. */
static struct request_clock *listening;

static void accept_failed(struct evconnlistener *listener, void *arg)
{
	int err = errno;

	(void)arg;
	for (unsigned i = 0; listening != NULL && i < listening->n_doors; i++) {
		struct request_door *door = &listening->doors[i];

		if (door->listener != listener)
			continue;
		log_peer_warn("admin", "accept_paused", "error=%s rest_ms=100", error_name(-err));
		door_rest(door, REST_NS);
	}
}

void request_clock_listens(struct request_door *door, struct evhttp_bound_socket *bound)
{
	door->listener = evhttp_bound_socket_get_listener(bound);
	door->rest.fire = rest_over;
	listening = door->clock;
	evconnlistener_set_error_cb(door->listener, accept_failed);
}

void request_clock_deaf(struct request_clock *clock)
{
	for (unsigned i = 0; i < clock->n_doors; i++) {
		world_timer_cancel(&clock->doors[i].rest);
		clock->doors[i].listener = NULL;
	}
	listening = NULL;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

struct request_door *request_clock_watch(struct request_clock *clock, struct evhttp *http, unsigned max)
{
	struct request_door *door = &clock->doors[clock->n_doors++];

	vc_assert(clock->n_doors <= REQUEST_DOORS);
	*door = (struct request_door){ .clock = clock, .max = max };
	TAILQ_INIT(&door->watches);
	evhttp_set_bevcb(http, watch_new, door);
	return door;
}

void request_clock_init(struct request_clock *clock, struct world *world, unsigned limit_ms)
{
	clock->timer = (struct timer){ .fire = clock_look, .world = world };
	clock->limit_ns = (limit_ms == 0 ? REQUEST_CLOCK_MS : limit_ms) * 1000000ULL;
}

void request_clock_fini(struct request_clock *clock)
{
	world_timer_cancel(&clock->timer);
	for (unsigned i = 0; i < clock->n_doors; i++) {
		while (!TAILQ_EMPTY(&clock->doors[i].watches))
			watch_free(TAILQ_FIRST(&clock->doors[i].watches));
	}
}
