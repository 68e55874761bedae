/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server: what it refuses before any handler sees it. */
#include "tests/base/cmocka_all.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "admin/http/hostname.h"
#include "admin/http/http_server.h"
#include "admin/http/router.h"
#include "tests/admin/rest.h"
#include "tests/support/ramadmin.h"

static char answer[1 << 18];

/* Send a request; %u in it is the port, or %1$u and %2$s the port and the token. Returns the first status, and how many
 * answers came in *ret_n. */
static int raw(const char *format, int *ret_n)
{
	char request[2048];
	int status = 0, n = 0;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	int len = snprintf(request, sizeof request, format, (unsigned)rest_host.port, rest_host.token);
#pragma GCC diagnostic pop
	(void)host_raw(&rest_host, request, (size_t)len, answer, sizeof answer);
	(void)sscanf(answer, "HTTP/1.1 %d", &status);
	for (const char *p = answer; (p = strstr(p, "HTTP/1.1 ")) != NULL; p++)
		n++;
	if (ret_n != NULL)
		*ret_n = n;
	return status;
}

#define HOST "Host: 127.0.0.1:%u\r\n"
#define HOST_TOKEN "Host: 127.0.0.1:%1$u\r\nAuthorization: Bearer %2$s\r\n"

static void a_plain_request_is_answered(void **state)
{
	(void)state;
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", NULL), 200);
	assert_non_null(strstr(answer, "nosniff"));
	assert_int_equal(raw("GET /nothing HTTP/1.1\r\n" HOST_TOKEN "Connection: close\r\n\r\n", NULL), 404);
	assert_non_null(strstr(answer, "\"error\""));
	assert_non_null(strstr(answer, "\"code\": \"not_found\""));
	assert_int_equal(raw("GET /api/openapi.json HTTP/1.1\r\n" HOST_TOKEN "Connection: close\r\n\r\n", NULL), 200);
	assert_non_null(strstr(answer, "\"3.1.0\""));
}

static void the_page_comes_with_a_strict_policy(void **state)
{
	(void)state;
	assert_int_equal(raw("GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", NULL), 200);
	assert_non_null(strstr(answer, "script-src 'self'"));
	assert_non_null(strstr(answer, "frame-ancestors 'none'"));
	assert_null(strstr(answer, "unsafe"));
	assert_int_equal(raw("GET /app.js HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", NULL), 200);
	assert_non_null(strstr(answer, "text/javascript"));
}

/* After a refusal nothing that follows on the connection may be taken for a request. */
static void requests_that_can_be_read_two_ways_are_refused(void **state)
{
	static const char *const heads[] = {
		"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
		"Transfer-Encoding: xchunked\r\n\r\n",
		"Transfer-Encoding : chunked\r\nContent-Length: 0\r\n\r\n",
		"Content-Length: 0\r\nContent-Length: 40\r\n\r\n",
		"Content-Length: +0\r\n\r\n",
		"Content-Length: -1\r\n\r\n",
		"Content-Length: 0x0\r\n\r\n",
		"Content-Length: 0, 0\r\n\r\n",
		"Content-Length: \r\n\r\n",
		": empty name\r\nContent-Length: 0\r\n\r\n",
		"Bad Name: x\r\nContent-Length: 0\r\n\r\n",
		"X-Ctl: a\001b\r\nContent-Length: 0\r\n\r\n",
	};
	char whole[2048];

	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		int n = 0, status = 0;
		(void)snprintf(whole, sizeof whole, "POST /api/v1/storage/luns HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s",
		               (unsigned)rest_host.port, heads[i]);
		size_t used = strlen(whole);
		(void)snprintf(whole + used, sizeof whole - used, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
		               (unsigned)rest_host.port);
		(void)host_raw(&rest_host, whole, strlen(whole), answer, sizeof answer);
		(void)sscanf(answer, "HTTP/1.1 %d", &status);
		for (const char *p = answer; (p = strstr(p, "HTTP/1.1 ")) != NULL; p++)
			n++;
		if (n > 1 || status == 200 || status == 201)
			fail_msg("vector %zu: status %d, %d answers", i, status, n);
		assert_null(strstr(answer, "\"state\": \"ok\""));
	}
}

static void a_nul_in_a_header_is_refused(void **state)
{
	char request[256];
	(void)state;
	int len = snprintf(request, sizeof request,
	                   "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nX-N: a?b\r\nConnection: close\r\n\r\n",
	                   (unsigned)rest_host.port);
	*strchr(request, '?') = '\0';
	(void)host_raw(&rest_host, request, (size_t)len, answer, sizeof answer);
	/* The name's value ends at the NUL for the parser: the request must not gain a meaning by what follows. */
	assert_null(strstr(answer, "500"));
}

static void only_the_loopback_names_are_hosts(void **state)
{
	(void)state;
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: localhost:%u\r\nConnection: close\r\n\r\n", NULL), 200);
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: evil.example:%u\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_int_equal(
	    raw("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1.evil.example:%u\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:1\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_int_equal(raw("GET / HTTP/1.1\r\nHost: evil.example:%u\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_false(hostname_is_loopback("127.0.0.1@evil:80", 80));
	assert_false(hostname_is_loopback("[::1", 80));
	assert_true(hostname_is_loopback("[::1]:80", 80));
	assert_true(hostname_is_loopback("localhost", 80));
}

/* A tunnel has another port, a proxy another name. */
static void names_that_are_listed_are_hosts(void **state)
{
	char dir[64];

	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: localhost:9999\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_non_null(strstr(answer, "http_allowed_hosts="));
	(void)snprintf(dir, sizeof dir, "%s", rest_host.dir);
	host_stop(&rest_host);
	host_allowed_hosts = "localhost:9999,storage.example.org,[fd00::1]";
	host_start(&rest_host, dir);
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: localhost:9999\r\nConnection: close\r\n\r\n", NULL), 200);
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: Storage.Example.org\r\nConnection: close\r\n\r\n", NULL),
	                 200);
	assert_int_equal(
	    raw("GET /healthz HTTP/1.1\r\nHost: storage.example.org:8443\r\nConnection: close\r\n\r\n", NULL), 200);
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: [fd00::1]:80\r\nConnection: close\r\n\r\n", NULL), 200);
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n\r\n", NULL), 200);
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: localhost:9998\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_int_equal(
	    raw("GET /healthz HTTP/1.1\r\nHost: storage.example.org.evil\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_int_equal(
	    raw("GET /healthz HTTP/1.1\r\nHost: localhost:9999,storage\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_int_equal(raw("GET /api/v1/status HTTP/1.1\r\nConnection: close\r\n" HOST_TOKEN
	                     "Origin: https://storage.example.org\r\n\r\n",
	                     NULL),
	                 200);
	assert_int_equal(raw("GET /api/v1/status HTTP/1.1\r\nConnection: close\r\n" HOST_TOKEN
	                     "Origin: https://127.0.0.1:%1$u\r\n\r\n",
	                     NULL),
	                 403);
	host_stop(&rest_host);
	host_allowed_hosts = NULL;
	host_start(&rest_host, dir);
	(void)state;
}

static void other_origins_are_refused(void **state)
{
	(void)state;
	assert_int_equal(raw("GET /api/v1/status HTTP/1.1\r\n" HOST_TOKEN
	                     "Origin: http://evil.example\r\nConnection: close\r\n\r\n",
	                     NULL),
	                 403);
	assert_int_equal(
	    raw("GET /api/v1/status HTTP/1.1\r\n" HOST_TOKEN "Origin: null\r\nConnection: close\r\n\r\n", NULL), 403);
	assert_int_equal(raw("GET /api/v1/status HTTP/1.1\r\n" HOST_TOKEN
	                     "Sec-Fetch-Site: cross-site\r\nConnection: close\r\n\r\n",
	                     NULL),
	                 403);
	assert_int_equal(raw("GET /api/v1/status HTTP/1.1\r\nConnection: close\r\n" HOST_TOKEN
	                     "Origin: http://127.0.0.1:%1$u\r\n\r\n",
	                     NULL),
	                 200);
}

static void a_body_must_be_json_and_small(void **state)
{
	json_t *json = NULL;
	char *big = malloc((2U << 20) + 1);

	(void)state;
	assert_int_equal(raw("POST /api/v1/storage/luns HTTP/1.1\r\n" HOST_TOKEN
	                     "Content-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
	                     NULL),
	                 415);
	assert_int_equal(host_ask(&rest_host, "POST", "/api/v1/storage/luns", "{\"path\": ", NULL, &json), 400);
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "error"), "target")), "body");
	json_decref(json);
	memset(big, ' ', 2U << 20);
	big[2U << 20] = '\0';
	int status = host_ask(&rest_host, "POST", "/api/v1/storage/luns", big, NULL, NULL);
	assert_true(status == 413 || status == -1);
	free(big);
	char *deep = malloc(20001);
	memset(deep, '[', 20000);
	deep[20000] = '\0';
	assert_int_equal(host_ask(&rest_host, "POST", "/api/v1/storage/luns", deep, NULL, NULL), 400);
	free(deep);
	assert_int_equal(host_ask(&rest_host, "GET", "/healthz", NULL, NULL, NULL), 200);
}

static void headers_are_bounded(void **state)
{
	static char request[64000];
	(void)state;
	int len = snprintf(request, sizeof request,
	                   "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nX: ", (unsigned)rest_host.port);
	memset(request + len, 'a', sizeof request - (size_t)len - 8);
	memcpy(request + sizeof request - 8, "\r\n\r\n\0\0\0", 7);
	(void)host_raw(&rest_host, request, sizeof request - 4, answer, sizeof answer);
	assert_null(strstr(answer, " 200 "));
}

static void methods_are_those_of_the_table(void **state)
{
	json_t *json = NULL;
	(void)state;
	assert_int_equal(host_ask(&rest_host, "PUT", "/api/v1/storage/volumes", NULL, NULL, NULL), 405);
	assert_int_equal(host_ask(&rest_host, "GET", "/api/v1/nothing", NULL, NULL, NULL), 404);
	assert_int_equal(host_ask(&rest_host, "GET", "/api/v1/storage/luns?bogus=1", NULL, NULL, &json), 400);
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "error"), "target")), "bogus");
	json_decref(json);
	assert_int_equal(host_ask(&rest_host, "GET", "/api/v1/storage/volumes/no%2Fsuch", NULL, NULL, NULL), 404);
	assert_int_equal(host_ask(&rest_host, "GET", "/api/v1/storage/volumes/a%00b", NULL, NULL, NULL), 400);
	assert_int_equal(host_ask(&rest_host, "GET", "/api/v1/storage/luns/%ff%fe", NULL, NULL, NULL), 400);
	assert_int_equal(raw("TRACE / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", NULL) == 200, 0);
}

static int connect_to_it(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(rest_host.port),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

/* ---- who asks ---------------------------------------------------------------------------------------------------- */

/* A request without and with `headers`; its status. "{lun}" in a path is as good as a LUN's name. */
static int ask_as(const char *method, const char *path, const char *headers, const char *body)
{
	char request[2048];
	int status = 0;
	int len = snprintf(
	    request, sizeof request,
	    "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nConnection: close\r\n%s%sContent-Length: %zu\r\n\r\n%s", method,
	    path, (unsigned)rest_host.port, headers, body[0] == '\0' ? "" : "Content-Type: application/json\r\n",
	    strlen(body), body);

	assert_in_range(len, 1, sizeof request - 1);
	(void)host_raw(&rest_host, request, (size_t)len, answer, sizeof answer);
	(void)sscanf(answer, "HTTP/1.1 %d", &status);
	return status;
}

static void is_refused(const char *method, const char *path, const char *headers)
{
	int status = ask_as(method, path, headers, "");

	if (status != 401 || strstr(answer, "\r\nWWW-Authenticate: Bearer") == NULL ||
	    strstr(answer, "\"not_signed_in\"") == NULL)
		fail_msg("%s %s: %d\n%s", method, path, status, answer);
}

/* Sign in; the header line with the session's cookie. */
static void get_cookie(char line[256])
{
	char body[128];

	(void)snprintf(body, sizeof body, "{\"token\": \"%s\"}", rest_host.token);
	assert_int_equal(ask_as("POST", "/api/v1/session", "", body), 201);
	const char *cookie = strstr(answer, "Set-Cookie: ");
	assert_non_null(cookie);
	(void)snprintf(line, 256, "Cookie: %.*s\r\n", (int)strcspn(cookie + 12, ";"), cookie + 12);
	assert_non_null(strstr(cookie, "; HttpOnly; SameSite=Strict\r\n"));
}

static void a_stranger_gets_the_page_and_its_health_and_nothing_else(void **state)
{
	static const char *const others[] = { "/metrics",
		                              "/api/openapi.json",
		                              "/nothing",
		                              "/api/v1/nothing",
		                              "/api/v1/",
		                              "/api/",
		                              "/index.htm",
		                              "/../metrics",
		                              "//metrics",
		                              "/healthz/",
		                              "/api/v1/session?token=x" };
	char path[256];
	size_t n, n_public = 0;
	const struct route *list = router_routes(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(path, sizeof path, "/api/v1/%s", list[i].path);
		if (list[i].flags & VERB_ANYONE) {
			n_public++;
			assert_string_equal(path, "/api/v1/session");
			assert_int_equal(ask_as("POST", path, "", ""), 400);
		} else {
			is_refused(verb_method_name(list[i].method), path, "");
		}
	}
	assert_int_equal(n_public, 1);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		is_refused("GET", others[i], "");
	is_refused("GET", "/api/v1/events", "Accept: text/event-stream\r\n");
	is_refused("POST", "/index.html", "");
	is_refused("GET", "/api/v1/status", "Cookie: vc_session_80=\r\n");
	assert_int_equal(ask_as("GET", "/healthz", "", ""), 200);
	assert_int_equal(ask_as("GET", "/", "", ""), 200);
	assert_int_equal(ask_as("GET", "/app.js", "", ""), 200);
}

static void a_bearer_token_is_let_in(void **state)
{
	char header[128];

	(void)state;
	(void)snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", rest_host.token);
	assert_int_equal(ask_as("GET", "/api/v1/status", header, ""), 200);
	assert_int_equal(ask_as("GET", "/metrics", header, ""), 200);
	assert_int_equal(ask_as("GET", "/api/v1/session", header, ""), 200);
	assert_non_null(strstr(answer, "\"by\": \"token\""));
	assert_int_equal(ask_as("DELETE", "/api/v1/session", header, ""), 409);
	(void)snprintf(header, sizeof header, "Authorization: Bearer %.*s\r\n", (int)strlen(rest_host.token) - 1,
	               rest_host.token);
	is_refused("GET", "/api/v1/status", header);
}

static void the_page_signs_in_for_a_cookie_and_out_again(void **state)
{
	char cookie[256], both[512], query[160];

	(void)state;
	(void)snprintf(query, sizeof query, "/api/v1/session?token=%s", rest_host.token);
	is_refused("GET", query, "");
	assert_null(strstr(answer, "Set-Cookie"));
	assert_int_equal(ask_as("POST", "/api/v1/session", "", "{\"token\": \"no\"}"), 401);
	assert_null(strstr(answer, "Set-Cookie"));
	get_cookie(cookie);
	assert_int_equal(ask_as("GET", "/api/v1/session", cookie, ""), 200);
	assert_non_null(strstr(answer, "\"by\": \"session\""));
	assert_int_equal(ask_as("POST", "/api/v1/storage/luns", cookie, "{\"path\": \"/vol/none/x\", \"size\": 4096}"),
	                 404);
	/* Another site's page can't use it, and a wrong token beside it counts. */
	(void)snprintf(both, sizeof both, "%sOrigin: http://evil.example\r\n", cookie);
	assert_int_equal(ask_as("DELETE", "/api/v1/session", both, ""), 403);
	(void)snprintf(both, sizeof both, "%sAuthorization: Bearer x\r\n", cookie);
	is_refused("GET", "/api/v1/status", both);
	assert_int_equal(ask_as("DELETE", "/api/v1/session", cookie, ""), 200);
	assert_non_null(strstr(answer, "Max-Age=0"));
	is_refused("GET", "/api/v1/status", cookie);
}

static void a_stream_of_events_ends_with_its_session(void **state)
{
	char cookie[256], request[512];
	int fd, len;

	(void)state;
	get_cookie(cookie);
	fd = connect_to_it();
	len = snprintf(request, sizeof request,
	               "GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept: text/event-stream\r\n%s\r\n",
	               (unsigned)rest_host.port, cookie);
	assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	assert_int_equal(poll(&ready, 1, 5000), 1);
	assert_true(recv(fd, answer, sizeof answer, 0) > 0);
	assert_int_equal(memcmp(answer, "HTTP/1.1 200", 12), 0);
	assert_int_equal(ask_as("DELETE", "/api/v1/session", cookie, ""), 200);
	size_t used = 0;
	while (used < sizeof answer - 1 && poll(&ready, 1, 5000) > 0) {
		ssize_t n = recv(fd, answer + used, sizeof answer - 1 - used, 0);
		if (n <= 0)
			break;
		used += (size_t)n;
		answer[used] = '\0';
		if (strstr(answer, "\r\n0\r\n\r\n") != NULL || strcmp(answer, "0\r\n\r\n") == 0)
			break;
	}
	assert_non_null(strstr(answer, "0\r\n\r\n")); /* the last chunk */
	(void)close(fd);
}

static void wrong_tokens_are_told_to_come_back_later(void **state)
{
	char header[128];
	int status = 401;

	(void)state;
	for (int i = 0; i < 40 && status == 401; i++)
		status = ask_as("POST", "/api/v1/session", "", "{\"token\": \"wrong\"}");
	assert_int_equal(status, 429);
	assert_non_null(strstr(answer, "\r\nRetry-After: "));
	assert_int_equal(ask_as("GET", "/api/v1/status", "Authorization: Bearer wrong\r\n", ""), 429);
	is_refused("GET", "/api/v1/status", "");
	(void)snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", rest_host.token);
	assert_int_equal(ask_as("GET", "/api/v1/status", header, ""), 200);
}

static void addresses_that_are_not_loopback_are_refused(void **state)
{
	char name[64];
	uint16_t port;
	(void)state;
	assert_int_equal(hostname_address("127.0.0.1:8080", name, &port), 0);
	assert_int_equal(hostname_address("localhost:8080", name, &port), 0);
	assert_int_equal(hostname_address("[::1]:8080", name, &port), 0);
	assert_int_equal(hostname_address("0.0.0.0:8080", name, &port), -EPERM);
	assert_int_equal(hostname_address("192.168.1.1:8080", name, &port), -EPERM);
	assert_int_equal(hostname_address("[::]:8080", name, &port), -EPERM);
	assert_int_equal(hostname_address("127.0.0.1", name, &port), -EINVAL);
	assert_int_equal(hostname_address("name:80", name, &port), -EINVAL);
}

/* Send `piece` every 50 ms for at most 10 s: after how many ms did the server hang up? -1: it did not. */
static int drip(int fd, const char *piece)
{
	char byte[4096];

	for (int ms = 0; ms < 10000; ms += 50) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		if (send(fd, piece, strlen(piece), MSG_NOSIGNAL) < 0)
			return ms;
		if (poll(&ready, 1, 50) > 0 && recv(fd, byte, sizeof byte, 0) <= 0)
			return ms;
	}
	return -1;
}

static void restart_with_patience_of(unsigned ms)
{
	host_stop(&rest_host);
	host_remove_dir(&rest_host);
	host_request_ms = ms;
	host_start(&rest_host, NULL);
}

static void a_client_that_drips_its_request_is_hung_up_on(void **state)
{
	static const char *const heads[] = {
		"", "GET /healthz HTTP/1.1\r\n",
		"POST /api/v1/storage/luns HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n"
	};
	static const char *const pieces[] = { "", "X-More: 1\r\n", "\r\n " };

	(void)state;
	restart_with_patience_of(500);
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		int fd = connect_to_it();
		assert_int_equal(send(fd, heads[i], strlen(heads[i]), MSG_NOSIGNAL), strlen(heads[i]));
		assert_in_range(drip(fd, pieces[i]), 300, 9000);
		(void)close(fd);
	}
	assert_int_equal(host_ask(&rest_host, "GET", "/healthz", NULL, NULL, NULL), 200);
	restart_with_patience_of(0);
}

static void a_connection_kept_open_may_rest_between_requests(void **state)
{
	char request[256];
	int fd;

	(void)state;
	restart_with_patience_of(500);
	fd = connect_to_it();
	int len = snprintf(request, sizeof request, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
	                   (unsigned)rest_host.port);
	for (int i = 0; i < 3; i++) {
		struct pollfd ready = { .fd = fd, .events = POLLIN };
		assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
		assert_int_equal(poll(&ready, 1, 5000), 1);
		assert_true(recv(fd, answer, sizeof answer, 0) > 0);
		assert_int_equal(memcmp(answer, "HTTP/1.1 200", 12), 0);
		(void)usleep(900000);
	}
	/* But the next request is on the clock again. */
	assert_in_range(drip(fd, "X"), 300, 9000);
	(void)close(fd);
	restart_with_patience_of(0);
}

/* ---- places ------------------------------------------------------------------------------------------------------ */

#define PLACES 8U
#define MANY (5U * PLACES)

static void restart_with_places(unsigned n)
{
	host_http_connections = n;
	restart_with_patience_of(0);
}

static bool is_hung_up(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char bytes[65536];

	while (poll(&ready, 1, 0) > 0) {
		if (recv(fd, bytes, sizeof bytes, 0) <= 0)
			return true;
	}
	return false;
}

static unsigned n_hung_up(const int *fds, unsigned n)
{
	unsigned hung_up = 0;

	for (unsigned i = 0; i < n; i++)
		hung_up += is_hung_up(fds[i]);
	return hung_up;
}

static void close_all(const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)close(fds[i]);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void is_served(void)
{
	assert_int_equal(host_ask_tcp(&rest_host, "GET", "/healthz", NULL, NULL), 200);
	/* the unix socket has places of its own */
	assert_int_equal(host_ask(&rest_host, "GET", "/healthz", NULL, NULL, NULL), 200);
}

/* A request on a connection that stays. */
static void ask_on(int fd, const char *path, const char *more)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	char request[512];

	(void)snprintf(request, sizeof request,
	               "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\n%s\r\n", path,
	               (unsigned)rest_host.port, rest_host.token, more);
	say(fd, request);
	assert_int_equal(poll(&ready, 1, 5000), 1);
	assert_true(recv(fd, answer, sizeof answer, 0) > 0);
	assert_int_equal(memcmp(answer, "HTTP/1.1 200", 12), 0);
}

static void of_half_requests_the_first_give_way(void **state)
{
	int fds[MANY];

	(void)state;
	restart_with_places(PLACES);
	for (unsigned i = 0; i < MANY; i++) {
		fds[i] = connect_to_it();
		say(fds[i], "GET /heal");
		if (i % 8 == 7)
			is_served();
	}
	for (unsigned i = 0; i < 250 && n_hung_up(fds, MANY - PLACES - 1U) < MANY - PLACES - 1U; i++)
		(void)usleep(20000);
	assert_int_equal(n_hung_up(fds, MANY - PLACES - 1U), MANY - PLACES - 1U);
	assert_int_equal(n_hung_up(fds + MANY - PLACES / 2U, PLACES / 2U), 0);
	close_all(fds, MANY);
	is_served();
	restart_with_places(0);
}

static void half_requests_give_way_before_connections_kept_open(void **state)
{
	int kept[PLACES / 2U], fds[MANY];

	(void)state;
	restart_with_places(PLACES);
	for (unsigned i = 0; i < PLACES / 2U; i++) {
		kept[i] = connect_to_it();
		ask_on(kept[i], "/healthz", "");
	}
	for (unsigned i = 0; i < MANY; i++) {
		fds[i] = connect_to_it();
		say(fds[i], "GET /heal");
	}
	is_served();
	for (unsigned i = 0; i < PLACES / 2U; i++)
		ask_on(kept[i], "/healthz", "");
	close_all(kept, PLACES / 2U);
	close_all(fds, MANY);
	restart_with_places(0);
}

/* Nobody who is being answered gives way: there is one place more for those who come, one after the other. */
static void those_who_are_answered_stay_and_others_get_a_turn(void **state)
{
	int streams[PLACES], fds[MANY];

	(void)state;
	restart_with_places(PLACES);
	for (unsigned i = 0; i < PLACES; i++) {
		streams[i] = connect_to_it();
		ask_on(streams[i], "/api/v1/events", "Accept: text/event-stream\r\n");
	}
	for (unsigned i = 0; i < MANY; i++) {
		fds[i] = connect_to_it();
		say(fds[i], "GET /heal");
	}
	is_served();
	assert_int_equal(n_hung_up(streams, PLACES), 0);
	assert_true(n_hung_up(fds, MANY) >= MANY - 1U);
	close_all(streams, PLACES);
	close_all(fds, MANY);
	is_served();
	restart_with_places(0);
}

static double cpu_seconds(void)
{
	struct timespec spent;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
	return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

static size_t n_events(const char *event)
{
	json_t *json = NULL, *record;
	size_t i, n = 0;

	assert_int_equal(host_ask(&rest_host, "GET", "/api/v1/events", NULL, NULL, &json), 200);
	json_array_foreach(json_object_get(json, "records"), i, record)
		n += strcmp(json_string_value(json_object_get(record, "event")), event) == 0;
	json_decref(json);
	return n;
}

/* accept(2) would fail again at once. */
static void without_descriptors_the_listener_rests_and_comes_back(void **state)
{
	struct rlimit limit, low;
	size_t before = n_events("accept_paused");
	int fd = connect_to_it();

	(void)state;
	ask_on(fd, "/healthz", "");
	(void)close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	(void)usleep(100000);
	low = limit;
	int lowest = dup(fd); /* the number that accept would get */
	(void)close(lowest);
	low.rlim_cur = (rlim_t)lowest;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(rest_host.port),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	double cpu = cpu_seconds();
	(void)usleep(1000000);
	cpu = cpu_seconds() - cpu;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(cpu < 0.3); /* it would be a second */
	ask_on(fd, "/healthz", "");
	(void)close(fd);
	assert_in_range(n_events("accept_paused") - before, 1, 20);
}

/* Connections that are over have the numbers of the next ones: of a request that comes in many pieces none is lost to
 * them. */
static void what_is_left_of_a_connection_reads_nothing_of_the_next(void **state)
{
	static char request[1 << 17];

	(void)state;
	int len = snprintf(request, sizeof request,
	                   "POST /api/v1/storage/volumes HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer "
	                   "%s\r\nConnection: close\r\n"
	                   "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n",
	                   (unsigned)rest_host.port, rest_host.token);
	memset(request + len, ' ', 100000);
	memcpy(request + len + 99997, "[1]", 3);
	for (unsigned i = 0; i < 30; i++) {
		int status = 0;

		assert_int_equal(raw("GET /healthz HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", NULL), 200);
		(void)host_raw(&rest_host, request, (size_t)len + 100000U, answer, sizeof answer);
		(void)sscanf(answer, "HTTP/1.1 %d", &status);
		assert_int_equal(status, 400);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_request_is_answered),
		cmocka_unit_test(the_page_comes_with_a_strict_policy),
		cmocka_unit_test(requests_that_can_be_read_two_ways_are_refused),
		cmocka_unit_test(a_nul_in_a_header_is_refused),
		cmocka_unit_test(only_the_loopback_names_are_hosts),
		cmocka_unit_test(names_that_are_listed_are_hosts),
		cmocka_unit_test(other_origins_are_refused),
		cmocka_unit_test(a_body_must_be_json_and_small),
		cmocka_unit_test(headers_are_bounded),
		cmocka_unit_test(what_is_left_of_a_connection_reads_nothing_of_the_next),
		cmocka_unit_test(a_client_that_drips_its_request_is_hung_up_on),
		cmocka_unit_test(a_connection_kept_open_may_rest_between_requests),
		cmocka_unit_test(of_half_requests_the_first_give_way),
		cmocka_unit_test(half_requests_give_way_before_connections_kept_open),
		cmocka_unit_test(those_who_are_answered_stay_and_others_get_a_turn),
		cmocka_unit_test(without_descriptors_the_listener_rests_and_comes_back),
		cmocka_unit_test(methods_are_those_of_the_table),
		cmocka_unit_test(a_stranger_gets_the_page_and_its_health_and_nothing_else),
		cmocka_unit_test(a_bearer_token_is_let_in),
		cmocka_unit_test(the_page_signs_in_for_a_cookie_and_out_again),
		cmocka_unit_test(a_stream_of_events_ends_with_its_session),
		cmocka_unit_test(wrong_tokens_are_told_to_come_back_later),
		cmocka_unit_test(addresses_that_are_not_loopback_are_refused),
	};
	return cmocka_run_group_tests(tests, rest_setup, rest_teardown);
}
