/* SPDX-License-Identifier: Apache-2.0 */
/* The time a client has to say what it wants. */
#include "admin/http/request_clock.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"

struct watch {
	TAILQ_ENTRY(watch) link;
	struct request_clock *clock;
	struct bufferevent *bev; /* referenced */
	enum { WATCH_COMING, WATCH_ANSWERING, WATCH_IDLE } state;
	uint64_t since_ns; /* COMING */
};

static void watch_free(struct watch *watch)
{
	TAILQ_REMOVE(&watch->clock->watches, watch, link);
	(void)bufferevent_decref(watch->bev);
	free(watch);
}

/* Has evhttp ended the connection? */
static bool watch_is_over(const struct watch *watch)
{
	bufferevent_event_cb event;

	bufferevent_getcb(watch->bev, NULL, NULL, &event, NULL);
	return event == NULL;
}

static void clock_set(struct request_clock *clock)
{
	uint64_t pause = clock->limit_ns / 8U;

	if (!clock->timer.armed && !TAILQ_EMPTY(&clock->watches))
		world_timer_set(clock->timer.world, &clock->timer, pause);
}

static void clock_look(struct timer *timer)
{
	struct request_clock *clock = container_of(timer, struct request_clock, timer);
	uint64_t now = world_now_ns(timer->world);
	struct watch *watch, *next;

	TAILQ_FOREACH_SAFE(watch, &clock->watches, link, next) {
		if (watch_is_over(watch)) {
			watch_free(watch);
		} else if (watch->state == WATCH_COMING && now - watch->since_ns > clock->limit_ns) {
			log_peer_info("admin", "http_client_late", "limit_ms=%llu", (unsigned long long)(clock->limit_ns / 1000000U));
			/* evhttp sees the end of the stream and frees the connection. */
			(void)shutdown(bufferevent_getfd(watch->bev), SHUT_RDWR);
			watch->state = WATCH_IDLE;
		}
	}
	clock_set(clock);
}

static void bytes_came(struct evbuffer *input, const struct evbuffer_cb_info *info, void *arg)
{
	struct watch *watch = arg;

	(void)input;
	if (info->n_added == 0 || watch->state != WATCH_IDLE)
		return;
	watch->state = WATCH_COMING;
	watch->since_ns = world_now_ns(watch->clock->timer.world);
}

/* evhttp asks for a new connection's bufferevent; NULL: it makes one itself. */
static struct bufferevent *watch_new(struct event_base *base, void *arg)
{
	struct request_clock *clock = arg;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, 0); /* evhttp closes the socket */
	struct watch *watch = calloc(1, sizeof *watch);

	if (bev == NULL || watch == NULL || evbuffer_add_cb(bufferevent_get_input(bev), bytes_came, watch) == NULL) {
		free(watch);
		return bev;
	}
	bufferevent_incref(bev);
	watch->clock = clock;
	watch->bev = bev;
	watch->state = WATCH_COMING;
	watch->since_ns = world_now_ns(clock->timer.world);
	TAILQ_INSERT_HEAD(&clock->watches, watch, link);
	clock_set(clock);
	return bev;
}

static void answer_is_out(struct evhttp_request *req, void *arg)
{
	struct watch *watch = arg;

	(void)req;
	watch->state = WATCH_IDLE;
}

void request_clock_stop(struct request_clock *clock, struct evhttp_request *req)
{
	const struct bufferevent *bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(req));
	struct watch *watch;

	TAILQ_FOREACH(watch, &clock->watches, link) {
		if (watch->bev != bev)
			continue;
		watch->state = WATCH_ANSWERING;
		evhttp_request_set_on_complete_cb(req, answer_is_out, watch);
		return;
	}
}

void request_clock_watch(struct request_clock *clock, struct evhttp *http)
{
	evhttp_set_bevcb(http, watch_new, clock);
}

void request_clock_init(struct request_clock *clock, struct world *world, unsigned limit_ms)
{
	clock->timer = (struct timer){ .fire = clock_look, .world = world };
	clock->limit_ns = (limit_ms == 0 ? REQUEST_CLOCK_MS : limit_ms) * 1000000ULL;
	TAILQ_INIT(&clock->watches);
}

void request_clock_fini(struct request_clock *clock)
{
	world_timer_cancel(&clock->timer);
	while (!TAILQ_EMPTY(&clock->watches))
		watch_free(TAILQ_FIRST(&clock->watches));
}
