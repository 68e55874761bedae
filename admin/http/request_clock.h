/* SPDX-License-Identifier: Apache-2.0 */
/* The time a client has to say what it wants, and how many may be there: from the connection, or from a request's first
 * byte on, to the request's last byte.
 *
 * THEORY. evhttp's own time limit is for silence: a client that sends a header line now and then holds its connection
 * for ever. Every connection's bufferevent is made here and watched: while a request is coming in, a clock runs;
 * whoever is late is shut down. A newcomer beyond a server's number is let in, and the one that has said nothing for
 * longest is shut down: who asks is always heard. And where descriptors run out, a server's socket rests for 100 ms,
 * where libevent would try again at once, and log it, for ever. A watch keeps a reference of the bufferevent; that
 * evhttp has let go of it shows in its callbacks, which are gone then.
 * THREADS. The administration's loop. */
#ifndef ADMIN_REQUEST_CLOCK_H
#define ADMIN_REQUEST_CLOCK_H

#include <event2/http.h>

#include "base/list.h"
#include "base/world.h"

#define REQUEST_CLOCK_MS 10000U
#define REQUEST_DOORS 2U /* servers watched */

struct watch;
TAILQ_HEAD(watch_list, watch);

struct request_clock;

/* The connections of one server. */
struct request_door {
	struct request_clock *clock;
	struct watch_list watches; /* newest first */
	unsigned n, max;
	struct evconnlistener *listener; /* NULL: none yet */
	struct timer rest; /* armed: it accepts nothing */
};

struct request_clock {
	struct timer timer;
	struct request_door doors[REQUEST_DOORS];
	unsigned n_doors;
	uint64_t limit_ns;
};

/* `limit_ms` 0: REQUEST_CLOCK_MS. */
void request_clock_init(struct request_clock *clock, struct world *world, unsigned limit_ms);
/* After evhttp_free of every server it watches. */
void request_clock_fini(struct request_clock *clock);
/* Watch the connections of this server, `max` at most. */
struct request_door *request_clock_watch(struct request_clock *clock, struct evhttp *http, unsigned max);
/* It accepts on this socket. */
void request_clock_listens(struct request_door *door, struct evhttp_bound_socket *bound);
/* Before evhttp_free of its server: it accepts no more. */
void request_clock_deaf(struct request_clock *clock);
/* The request is complete and on its way to be answered: its clock stops until the answer is out. */
void request_clock_stop(struct request_clock *clock, struct evhttp_request *req);

#endif
