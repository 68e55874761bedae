/* SPDX-License-Identifier: Apache-2.0 */
/* Events as they happen: server-sent events. */
#include "admin/http/event_stream.h"

#include <event2/buffer.h>
#include <event2/http.h>

#include "admin/http/call.h"
#include "admin/journal.h"
#include "base/must.h"
#include "fs/message.h"

#define BEAT_NS 15000000000ULL

struct event_stream {
	TAILQ_ENTRY(event_stream) link;
	struct event_streams *streams;
	struct evhttp_request *req;
	uint64_t session; /* of whom; 0: by another way, for as long as it likes */
	uint64_t after;
};

static void stream_closed(struct evhttp_connection *connection, void *arg)
{
	struct event_stream *stream = arg;

	(void)connection;
	/* evhttp lets go of a request whose reply is under way; one still in its list it frees itself. */
	if (evhttp_request_get_connection(stream->req) == NULL)
		evhttp_request_free(stream->req);
	TAILQ_REMOVE(&stream->streams->list, stream, link);
	stream->streams->n--;
	free(stream);
}

static void stream_send(struct event_stream *stream, struct evbuffer *buffer)
{
	if (evbuffer_get_length(buffer) > 0)
		evhttp_send_reply_chunk(stream->req, buffer);
}

static void stream_catch_up(struct event_stream *stream)
{
	struct evbuffer *buffer = must(evbuffer_new());
	json_t *list = journal_list(stream->after, LOG_LEVEL_INFO), *event;
	size_t i;

	json_array_foreach(list, i, event) {
		char *text = json_dumps(event, JSON_COMPACT | JSON_PRESERVE_ORDER);
		stream->after = (uint64_t)json_integer_value(json_object_get(event, "number"));
		(void)evbuffer_add_printf(buffer, "id: %llu\ndata: %s\n\n", (unsigned long long)stream->after,
		                          text == NULL ? "{}" : text);
		free(text);
	}
	json_decref(list);
	stream_send(stream, buffer);
	evbuffer_free(buffer);
}

static void stream_end(struct event_stream *stream)
{
	struct evhttp_request *req = stream->req;

	evhttp_connection_set_closecb(evhttp_request_get_connection(req), NULL, NULL);
	stream_closed(NULL, stream);
	evhttp_send_reply_end(req);
}

/* End those whose session is over. */
static void streams_sift(struct event_streams *streams)
{
	struct event_stream *stream, *next;

	TAILQ_FOREACH_SAFE(stream, &streams->list, link, next) {
		if (stream->session != 0 && signin_left_s(streams->admin->signin, stream->session) == 0)
			stream_end(stream);
	}
}

void event_streams_wake(struct event_streams *streams)
{
	struct event_stream *stream, *next;

	streams_sift(streams);
	TAILQ_FOREACH_SAFE(stream, &streams->list, link, next)
		stream_catch_up(stream);
}

static void streams_beat(struct timer *timer)
{
	struct event_streams *streams = container_of(timer, struct event_streams, beat);
	struct event_stream *stream, *next;

	streams_sift(streams);
	TAILQ_FOREACH_SAFE(stream, &streams->list, link, next) {
		struct evbuffer *buffer = must(evbuffer_new());
		(void)evbuffer_add_printf(buffer, ":\n\n");
		stream_send(stream, buffer);
		evbuffer_free(buffer);
	}
	if (streams->n > 0)
		world_timer_set(streams->admin->world, &streams->beat, BEAT_NS);
}

int event_stream_open(struct event_streams *streams, struct evhttp_request *req, uint64_t session, uint64_t after)
{
	if (streams->n == EVENT_STREAMS_MAX)
		return -EAGAIN;
	struct event_stream *stream = must(calloc(1, sizeof *stream));
	stream->streams = streams;
	stream->req = req;
	stream->session = session;
	stream->after = after;
	TAILQ_INSERT_TAIL(&streams->list, stream, link);
	streams->n++;
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), stream_closed, stream);
	(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", "text/event-stream");
	(void)evhttp_add_header(evhttp_request_get_output_headers(req), "Cache-Control", "no-store");
	evhttp_send_reply_start(req, 200, "OK");
	stream_catch_up(stream);
	if (!streams->beat.armed)
		world_timer_set(streams->admin->world, &streams->beat, BEAT_NS);
	return 0;
}

void event_streams_init(struct event_streams *streams, struct admin *admin)
{
	streams->admin = admin;
	streams->beat.fire = streams_beat;
	TAILQ_INIT(&streams->list);
}

void event_streams_fini(struct event_streams *streams)
{
	struct event_stream *stream;

	world_timer_cancel(&streams->beat);
	while ((stream = TAILQ_FIRST(&streams->list)) != NULL)
		stream_end(stream);
}
