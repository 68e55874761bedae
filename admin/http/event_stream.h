/* SPDX-License-Identifier: Apache-2.0 */
/* Events as they happen: server-sent events (WHATWG HTML 9.2) on GET /api/v1/events with Accept: text/event-stream. */
#ifndef ADMIN_EVENT_STREAM_H
#define ADMIN_EVENT_STREAM_H

#include "admin/admin_private.h"

#define EVENT_STREAMS_MAX 16U

struct evhttp_request;
struct event_stream;

struct event_streams {
	struct admin *admin;
	TAILQ_HEAD(, event_stream) list;
	unsigned n;
	struct timer beat; /* a comment now and then, so that dead connections are noticed */
};

void event_streams_init(struct event_streams *streams, struct admin *admin);
/* End them all. */
void event_streams_fini(struct event_streams *streams);
/* Take over a request; events above `after` first. It ends with its session (0: none). -EAGAIN: too many streams. */
MUST_CHECK int event_stream_open(struct event_streams *streams, struct evhttp_request *req, uint64_t session,
                                 uint64_t after);
/* The journal has something new. */
void event_streams_wake(struct event_streams *streams);

#endif
