/* SPDX-License-Identifier: Apache-2.0 */
/* The REST server's sockets and the checks before any handler.
 *
 * WRITE PATH. previous hop: evhttp; next hop: router.h (the row of admin/verbs.c), then its function by handlers.c. */
#include "admin/http/http_server.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/http/call.h"
#include "admin/http/event_stream.h"
#include "admin/http/handlers.h"
#include "admin/http/hostname.h"
#include "admin/http/request_clock.h"
#include "admin/http/router.h"
#include "admin/http/signin.h"
#include "admin/size.h"
#include "admin/web/assets.h"
#include "base/must.h"
#include "fs/fs_info.h"
#include "fs/message.h"

#define HTTP_TIMEOUT_S 60
#define HTTP_CONNECTIONS_MAX 128U

struct http_server {
	struct admin *admin;
	struct evhttp *unix_http, *tcp_http;
	char *socket_path;
	char *allowed_hosts; /* names with commas; NULL: none */
	uint16_t port;
	unsigned n_calls;
	bool stopping;
	struct event_streams streams;
	struct request_clock clock;
	unsigned max_connections; /* of each of the two */
};

/* ---- checks ------------------------------------------------------------------------------------------------------ */

struct refusal {
	int status;
	const char *code, *text;
};

static bool is_token(const char *text)
{
	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (!isalnum((unsigned char)*text) && strchr("!#$%&'*+-.^_`|~", *text) == NULL)
			return false;
	}
	return true;
}

static bool is_value(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if ((*p < 0x20 && *p != '\t') || *p == 0x7f)
			return false;
	}
	return true;
}

/* What two readers could understand differently (RFC 9112 section 11.2). */
static const struct refusal *check_framing(struct evkeyvalq *headers)
{
	static const struct refusal bad_header = { 400, "bad_header", "a header line is malformed" };
	static const struct refusal chunked = { 411, "length_required", "send the body with Content-Length" };
	static const struct refusal twice = { 400, "bad_length", "Content-Length must be one number" };
	const struct evkeyval *header;
	unsigned n_lengths = 0;
	uint64_t length;

	TAILQ_FOREACH(header, headers, next) {
		if (!is_token(header->key) || !is_value(header->value))
			return &bad_header;
		if (strcasecmp(header->key, "Transfer-Encoding") == 0)
			return &chunked;
		if (strcasecmp(header->key, "Content-Length") != 0)
			continue;
		if (++n_lengths > 1 || size_parse_integer(header->value, UINT64_MAX, &length) != 0)
			return &twice;
	}
	return NULL;
}

static bool is_our_name(const struct http_server *server, const char *host)
{
	return hostname_is_loopback(host, server->port) || hostname_is_listed(server->allowed_hosts, host);
}

/* https: what the administrator named may lie behind a proxy that encrypts. */
static bool is_our_page(const struct http_server *server, const char *origin)
{
	if (strncmp(origin, "https://", 8) == 0)
		return hostname_is_listed(server->allowed_hosts, origin + 8);
	return strncmp(origin, "http://", 7) == 0 && is_our_name(server, origin + 7);
}

/* On TCP: is it the page's own request, or a program's on this machine? */
static const struct refusal *check_browser(const struct http_server *server, struct evkeyvalq *headers)
{
	static const struct refusal host = {
		421, "wrong_host",
		"this server answers to the names of its loopback address, and to those that http_allowed_hosts= in "
		"vcd.conf names"
	};
	static const struct refusal origin = { 403, "wrong_origin", "requests from other sites' pages are refused" };
	const struct evkeyval *header;
	unsigned n_hosts = 0;

	TAILQ_FOREACH(header, headers, next) {
		if (strcasecmp(header->key, "Host") == 0 && (++n_hosts > 1 || !is_our_name(server, header->value)))
			return &host;
		if (strcasecmp(header->key, "Origin") == 0 && !is_our_page(server, header->value))
			return &origin;
		if (strcasecmp(header->key, "Sec-Fetch-Site") == 0 && strcmp(header->value, "same-origin") != 0 &&
		    strcmp(header->value, "none") != 0)
			return &origin;
	}
	return n_hosts == 1 ? NULL : &host;
}

/* Who asks? NULL: an administrator. What needs none of it, /healthz and the page itself, is answered on TCP all the
 * same. */
static const struct refusal *check_caller(const struct http_server *server, struct evhttp_request *req, bool tcp,
                                          struct caller *ret_caller)
{
	static const struct refusal denied = { 403, "denied",
		                               "only root and the server's own user and group may administer it" };
	static const struct refusal unknown = { 401, "not_signed_in", CALL_SIGN_IN_FIRST };
	static const struct refusal too_many = { 429, "too_many", CALL_TOO_MANY_WRONG };
	struct bufferevent *bev = evhttp_connection_get_bufferevent(evhttp_request_get_connection(req));
	char peer[80];

	if (!tcp)
		return signin_by_socket(bufferevent_getfd(bev), ret_caller) == 0 ? NULL : &denied;
	call_peer(req, peer);
	int err = signin_by_headers(server->admin->signin, evhttp_request_get_input_headers(req), peer, ret_caller);
	return err == 0 ? NULL : err == -EAGAIN ? &too_many : &unknown;
}

static const struct refusal *check_request(const struct http_server *server, struct evhttp_request *req, bool tcp)
{
	static const struct refusal stopping = { 503, "stopping", "the server is stopping" };
	static const struct refusal type = { 415, "wrong_type", "send the body as application/json" };
	static const struct refusal no_body = { 400, "unexpected_body", "a GET has no body" };
	struct evkeyvalq *headers = evhttp_request_get_input_headers(req);
	const struct refusal *refusal = check_framing(headers);
	size_t body = evbuffer_get_length(evhttp_request_get_input_buffer(req));
	const char *content = evhttp_find_header(headers, "Content-Type");

	if (refusal == NULL && tcp)
		refusal = check_browser(server, headers);
	if (refusal != NULL)
		return refusal;
	if (server->stopping)
		return &stopping;
	if (body > 0 && evhttp_request_get_command(req) == EVHTTP_REQ_GET)
		return &no_body;
	if (body > 0 && (content == NULL || strncasecmp(content, "application/json", 16) != 0))
		return &type;
	return NULL;
}

/* ---- answering what is not a call -------------------------------------------------------------------------------- */

static const struct asset *find_asset(const char *path)
{
	for (size_t i = 0; i < assets_count; i++) {
		if (strcmp(assets[i].path, path) == 0)
			return &assets[i];
	}
	return NULL;
}

static void send_asset(struct evhttp_request *req, const struct asset *asset)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *buffer = must(evbuffer_new());

	(void)evhttp_add_header(headers, "Content-Type", asset->type);
	(void)evhttp_add_header(
	    headers, "Content-Security-Policy",
	    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri "
	    "'none'; form-action 'none'; "
	    "frame-ancestors 'none'");
	(void)evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	(void)evhttp_add_header(headers, "Referrer-Policy", "no-referrer");
	(void)evhttp_add_header(headers, "Cache-Control", "no-cache");
	(void)evbuffer_add_reference(buffer, asset->bytes, asset->len_bytes, NULL, NULL);
	evhttp_send_reply(req, 200, "OK", buffer);
	evbuffer_free(buffer);
}

/* ---- dispatch ---------------------------------------------------------------------------------------------------- */

static int method_of(struct evhttp_request *req, enum verb_method *ret_method)
{
	switch (evhttp_request_get_command(req)) {
	case EVHTTP_REQ_GET: *ret_method = VERB_GET; return 0;
	case EVHTTP_REQ_POST: *ret_method = VERB_POST; return 0;
	case EVHTTP_REQ_PUT: *ret_method = VERB_PUT; return 0;
	case EVHTTP_REQ_PATCH: *ret_method = VERB_PATCH; return 0;
	case EVHTTP_REQ_DELETE: *ret_method = VERB_DELETE; return 0;
	default: return -EOPNOTSUPP;
	}
}

/* The body into call->body. False: answered. */
static bool take_body(struct call *call)
{
	struct evbuffer *input = evhttp_request_get_input_buffer(call->req);
	size_t len = evbuffer_get_length(input);
	json_error_t error;
	const char *target = NULL;
	char text[256];

	if (len > 0) {
		const char *bytes = (const char *)evbuffer_pullup(input, -1);
		call->body = bytes == NULL ? NULL : json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &error);
		if (call->body == NULL) {
			call_fail(call, -EINVAL, "body", "the body is not JSON: line %d: %s", error.line, error.text);
			return false;
		}
	}
	if (router_check_body(call->route, call->body, &target, text) != 0 ||
	    router_check_query(call->route, &call->query, &target, text) != 0) {
		call_fail(call, -EINVAL, target, "%s", text);
		return false;
	}
	return true;
}

static bool wants_stream(struct evhttp_request *req)
{
	const char *accept_header = evhttp_find_header(evhttp_request_get_input_headers(req), "Accept");
	return accept_header != NULL && strstr(accept_header, "text/event-stream") != NULL;
}

static void open_stream(struct http_server *server, struct call *call)
{
	const char *last = evhttp_find_header(evhttp_request_get_input_headers(call->req), "Last-Event-ID");
	struct evhttp_request *req = call->req;
	uint64_t after = 0;

	if (last == NULL)
		last = call_query(call, "after");
	if (last != NULL && size_parse_integer(last, UINT64_MAX, &after) != 0)
		call_fail(call, -EINVAL, "after", "after must be the number of an event");
	else if (event_stream_open(&server->streams, req, call->caller.session, after) != 0)
		call_fail(call, -EAGAIN, NULL, "too many event streams are open");
	else
		call_drop(call);
}

/* What follows on this connection can't be trusted to begin where we think, or to be worth its place. */
static void refuse(struct call *call, const struct refusal *refusal)
{
	(void)evhttp_add_header(evhttp_request_get_output_headers(call->req), "Connection", "close");
	call_fail_status(call, refusal->status, refusal->code, NULL, "%s", refusal->text);
}

/* `stranger` not NULL: only what is for anyone; what else there is a stranger is not told either. */
static void run_api(struct http_server *server, struct call *call, const struct refusal *stranger,
                    enum verb_method method, const char *path)
{
	int err = router_find(method, path, &call->route, call->params, CALL_PARAMS_MAX);

	if (stranger != NULL && (err != 0 || (call->route->flags & VERB_ANYONE) == 0))
		refuse(call, stranger);
	else if (err == -EOPNOTSUPP)
		call_fail_status(call, 405, "wrong_method", NULL, "%s is not for this path", verb_method_name(method));
	else if (err != 0)
		call_fail(call, err, NULL, "there is no %s%s; /api/openapi.json lists what there is", VERB_API_PREFIX,
		          path);
	else if (take_body(call)) {
		if (call->route->handler == VERB_H_EVENT_LIST && wants_stream(call->req))
			open_stream(server, call);
		else if (call_param(call, "lun") != NULL)
			call_fresh(call, handler_of(call->route->handler)); /* a UUID leads to a path */
		else
			handler_of(call->route->handler)(call);
	}
}

static void run_other(struct call *call, const struct refusal *stranger, enum verb_method method, const char *path)
{
	static const struct {
		const char *path;
		call_handler *handler;
		bool anyone;
	} others[] = { { "/metrics", metrics_page_show, false },
		       { "/healthz", status_api_health, true },
		       { "/api/openapi.json", openapi_show, false } };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		if (strcmp(path, others[i].path) != 0 || (stranger != NULL && !others[i].anyone))
			continue;
		if (method != VERB_GET)
			call_fail_status(call, 405, "wrong_method", NULL, "only GET here");
		else
			others[i].handler(call);
		return;
	}
	if (stranger != NULL)
		refuse(call, stranger);
	else
		call_fail(call, -ENOENT, NULL, "there is no such page");
}

static void dispatch(struct http_server *server, struct evhttp_request *req, bool tcp)
{
	struct caller caller = { .by = CALLER_UNKNOWN };
	const struct refusal *refusal = check_request(server, req, tcp),
	                     *stranger = check_caller(server, req, tcp, &caller);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri == NULL ? NULL : evhttp_uri_get_path(uri),
	           *query = uri == NULL ? NULL : evhttp_uri_get_query(uri);
	enum verb_method method = VERB_GET;
	const struct asset *asset;

	request_clock_stop(&server->clock, req);
	if (refusal == NULL && !tcp)
		refusal = stranger;
	if (refusal == NULL && path != NULL && evhttp_request_get_command(req) == EVHTTP_REQ_GET &&
	    (asset = find_asset(path)) != NULL) {
		send_asset(req, asset);
		return;
	}
	struct call *call = call_new(server->admin, req, &server->n_calls);
	call->caller = caller;
	if (refusal != NULL) {
		refuse(call, refusal);
	} else if (path == NULL ||
	           (query != NULL && *query != '\0' && evhttp_parse_query_str(query, &call->query) != 0)) {
		call_fail(call, -EINVAL, NULL, "the address is malformed");
	} else if (method_of(req, &method) != 0) {
		call_fail_status(call, 405, "wrong_method", NULL, "the method is not known here");
	} else if (strncmp(path, VERB_API_PREFIX, strlen(VERB_API_PREFIX)) == 0) {
		run_api(server, call, stranger, method, path + strlen(VERB_API_PREFIX));
	} else {
		run_other(call, stranger, method, path);
	}
}

static void unix_request(struct evhttp_request *req, void *arg)
{
	dispatch(arg, req, false);
}
static void tcp_request(struct evhttp_request *req, void *arg)
{
	dispatch(arg, req, true);
}

/* ---- sockets ----------------------------------------------------------------------------------------------------- */

static struct evhttp *http_new(struct http_server *server, void (*request)(struct evhttp_request *, void *),
                               struct request_door **ret_door)
{
	struct evhttp *http = evhttp_new(loop_event_base(server->admin->loop));

	if (http == NULL)
		return NULL;
	evhttp_set_gencb(http, request, server);
	evhttp_set_max_body_size(http, HTTP_BODY_MAX);
	evhttp_set_max_headers_size(http, HTTP_HEADERS_MAX);
	evhttp_set_timeout(http, HTTP_TIMEOUT_S);
	*ret_door = request_clock_watch(&server->clock, http, server->max_connections);
	evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT | EVHTTP_REQ_PATCH |
	                                     EVHTTP_REQ_DELETE);
	return http;
}

/* Is somebody answering there? A socket file nobody listens on is left over from a crash. */
static bool is_served(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool served = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;

	if (fd >= 0)
		(void)close(fd);
	return served;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	struct stat st;
	if (is_served(&address))
		return -EADDRINUSE;
	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		return -ENOTSOCK; /* somebody's file is not ours to remove */
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mode_t mask = umask(0117); /* 0660: the daemon's user and group */
	int err = bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 128) < 0 ? -errno : 0;
	(void)umask(mask);
	if (err != 0) {
		(void)close(fd);
		return err;
	}
	return fd;
}

static int open_unix(struct http_server *server, const char *path, char text[256])
{
	struct evhttp_bound_socket *bound = NULL;
	struct request_door *door;
	int fd = listen_unix(path);

	if (fd >= 0) {
		server->socket_path = strdup(path);
		server->unix_http = http_new(server, unix_request, &door);
		if (server->unix_http != NULL)
			bound = evhttp_accept_socket_with_handle(server->unix_http, fd);
		if (bound != NULL) {
			request_clock_listens(door, bound);
			return 0;
		}
		(void)close(fd);
		fd = -ENOMEM;
	}
	(void)snprintf(text, 256, "cannot listen on the unix socket %.150s: %s", path, strerror(-fd));
	return fd;
}

static int open_tcp(struct http_server *server, const char *tcp, char text[256])
{
	char host[64];
	uint16_t port;
	int err = hostname_address(tcp, host, &port);

	if (err != 0) {
		(void)snprintf(text, 256, "http=%.80s %s", tcp, hostname_fault(err));
		return err;
	}
	struct request_door *door;
	server->tcp_http = http_new(server, tcp_request, &door);
	struct evhttp_bound_socket *bound = server->tcp_http == NULL
	                                        ? NULL
	                                        : evhttp_bind_socket_with_handle(server->tcp_http, host, port);
	if (bound == NULL) {
		err = errno != 0 ? -errno : -EADDRINUSE;
		(void)snprintf(text, 256, "cannot listen on http=%.80s: %s", tcp, strerror(-err));
		return err;
	}
	request_clock_listens(door, bound);
	struct sockaddr_storage address;
	socklen_t len = sizeof address;
	if (getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&address, &len) == 0)
		server->port = ntohs(address.ss_family == AF_INET6
		                         ? ((struct sockaddr_in6 *)(void *)&address)->sin6_port
		                         : ((struct sockaddr_in *)(void *)&address)->sin_port);
	signin_set_port(server->admin->signin, server->port);
	return 0;
}

int http_server_new(struct admin *admin, const struct admin_settings *settings, struct http_server **ret_server,
                    char ret_text[256])
{
	struct http_server *server = calloc(1, sizeof *server);
	int err = 0;

	if (server == NULL)
		return -ENOMEM;
	server->admin = admin;
	event_streams_init(&server->streams, admin);
	request_clock_init(&server->clock, admin->world, settings->request_ms);
	server->max_connections = settings->http_connections != 0 ? settings->http_connections : HTTP_CONNECTIONS_MAX;
	if (settings->http_allowed_hosts != NULL &&
	    (server->allowed_hosts = strdup(settings->http_allowed_hosts)) == NULL)
		err = -ENOMEM;
	if (err == 0 && settings->socket_path != NULL)
		err = open_unix(server, settings->socket_path, ret_text);
	if (err == 0 && settings->http != NULL)
		err = open_tcp(server, settings->http, ret_text);
	if (err != 0) {
		http_server_free(server);
		return err;
	}
	*ret_server = server;
	return 0;
}

void http_server_stop(struct http_server *server)
{
	server->stopping = true;
	event_streams_fini(&server->streams);
}

void http_server_free(struct http_server *server)
{
	event_streams_fini(&server->streams);
	request_clock_deaf(&server->clock);
	if (server->unix_http != NULL)
		evhttp_free(server->unix_http);
	if (server->tcp_http != NULL)
		evhttp_free(server->tcp_http);
	request_clock_fini(&server->clock);
	if (server->socket_path != NULL)
		(void)unlink(server->socket_path);
	free(server->socket_path);
	free(server->allowed_hosts);
	free(server);
}

unsigned http_server_n_calls(const struct http_server *server)
{
	return server->n_calls;
}
uint16_t http_server_port(const struct http_server *server)
{
	return server->port;
}
void http_server_events(struct http_server *server)
{
	event_streams_wake(&server->streams);
}
