/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server: what it refuses before any handler sees it. */
#include "tests/base/cmocka_all.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/http/http_server.h"
#include "tests/admin/host.h"
#include "tests/support/ramadmin.h"

static struct host host;
static char answer[1 << 18];

static int setup(void **state)
{
	(void)state;
	host_start(&host, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_stop(&host);
	host_remove_dir(&host);
	ramadmin_reset();
	return 0;
}

/* Send a request; %u in it is the port. Returns the first status, and how many answers came in *ret_n. */
static int raw(const char *format, int *ret_n)
{
	char request[2048];
	int status = 0, n = 0;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	int len = snprintf(request, sizeof request, format, (unsigned)host.port);
#pragma GCC diagnostic pop
	(void)host_raw(&host, request, (size_t)len, answer, sizeof answer);
	(void)sscanf(answer, "HTTP/1.1 %d", &status);
	for (const char *p = answer; (p = strstr(p, "HTTP/1.1 ")) != NULL; p++)
		n++;
	if (ret_n != NULL)
		*ret_n = n;
	return status;
}

#define HOST "Host: 127.0.0.1:%u\r\n"

static void a_plain_request_is_answered(void **state)
{
	(void)state;
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", NULL), 200);
	assert_non_null(strstr(answer, "nosniff"));
	assert_int_equal(raw("GET /nothing HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", NULL), 404);
	assert_non_null(strstr(answer, "\"error\""));
	assert_non_null(strstr(answer, "\"code\": \"not_found\""));
	assert_int_equal(raw("GET /api/openapi.json HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", NULL), 200);
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
		(void)snprintf(whole, sizeof whole, "POST /api/v1/storage/luns HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s", (unsigned)host.port,
		               heads[i]);
		size_t used = strlen(whole);
		(void)snprintf(whole + used, sizeof whole - used, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n",
		               (unsigned)host.port);
		(void)host_raw(&host, whole, strlen(whole), answer, sizeof answer);
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
	int len = snprintf(request, sizeof request, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nX-N: a?b\r\nConnection: close\r\n\r\n",
	                   (unsigned)host.port);
	*strchr(request, '?') = '\0';
	(void)host_raw(&host, request, (size_t)len, answer, sizeof answer);
	/* The name's value ends at the NUL for the parser: the request must not gain a meaning by what follows. */
	assert_null(strstr(answer, "500"));
}

static void only_the_loopback_names_are_hosts(void **state)
{
	(void)state;
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: localhost:%u\r\nConnection: close\r\n\r\n", NULL), 200);
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: evil.example:%u\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1.evil.example:%u\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:1\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_int_equal(raw("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_int_equal(raw("GET / HTTP/1.1\r\nHost: evil.example:%u\r\nConnection: close\r\n\r\n", NULL), 421);
	assert_false(http_host_is_ours("127.0.0.1@evil:80", 80));
	assert_false(http_host_is_ours("[::1", 80));
	assert_true(http_host_is_ours("[::1]:80", 80));
	assert_true(http_host_is_ours("localhost", 80));
}

static void other_origins_are_refused(void **state)
{
	(void)state;
	assert_int_equal(raw("GET /api/v1/status HTTP/1.1\r\n" HOST "Origin: http://evil.example\r\nConnection: close\r\n\r\n", NULL), 403);
	assert_int_equal(raw("GET /api/v1/status HTTP/1.1\r\n" HOST "Origin: null\r\nConnection: close\r\n\r\n", NULL), 403);
	assert_int_equal(raw("GET /api/v1/status HTTP/1.1\r\n" HOST "Sec-Fetch-Site: cross-site\r\nConnection: close\r\n\r\n", NULL), 403);
	assert_int_equal(
	    raw("GET /api/v1/status HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1:%1$u\r\nOrigin: http://127.0.0.1:%1$u\r\n\r\n", NULL),
	    200);
}

static void a_body_must_be_json_and_small(void **state)
{
	json_t *json = NULL;
	char *big = malloc((2U << 20) + 1);

	(void)state;
	assert_int_equal(raw("POST /api/v1/storage/luns HTTP/1.1\r\n" HOST
	                     "Content-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
	                     NULL),
	                 415);
	assert_int_equal(host_ask(&host, "POST", "/api/v1/storage/luns", "{\"path\": ", NULL, &json), 400);
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "error"), "target")), "body");
	json_decref(json);
	memset(big, ' ', 2U << 20);
	big[2U << 20] = '\0';
	int status = host_ask(&host, "POST", "/api/v1/storage/luns", big, NULL, NULL);
	assert_true(status == 413 || status == -1);
	free(big);
	char *deep = malloc(20001);
	memset(deep, '[', 20000);
	deep[20000] = '\0';
	assert_int_equal(host_ask(&host, "POST", "/api/v1/storage/luns", deep, NULL, NULL), 400);
	free(deep);
	assert_int_equal(host_ask(&host, "GET", "/healthz", NULL, NULL, NULL), 200);
}

static void headers_are_bounded(void **state)
{
	static char request[64000];
	(void)state;
	int len = snprintf(request, sizeof request, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nX: ", (unsigned)host.port);
	memset(request + len, 'a', sizeof request - (size_t)len - 8);
	memcpy(request + sizeof request - 8, "\r\n\r\n\0\0\0", 7);
	(void)host_raw(&host, request, sizeof request - 4, answer, sizeof answer);
	assert_null(strstr(answer, " 200 "));
}

static void methods_are_those_of_the_table(void **state)
{
	json_t *json = NULL;
	(void)state;
	assert_int_equal(host_ask(&host, "PUT", "/api/v1/storage/volumes", NULL, NULL, NULL), 405);
	assert_int_equal(host_ask(&host, "GET", "/api/v1/nothing", NULL, NULL, NULL), 404);
	assert_int_equal(host_ask(&host, "GET", "/api/v1/storage/luns?bogus=1", NULL, NULL, &json), 400);
	assert_string_equal(json_string_value(json_object_get(json_object_get(json, "error"), "target")), "bogus");
	json_decref(json);
	assert_int_equal(host_ask(&host, "GET", "/api/v1/storage/volumes/no%2Fsuch", NULL, NULL, NULL), 404);
	assert_int_equal(host_ask(&host, "GET", "/api/v1/storage/volumes/a%00b", NULL, NULL, NULL), 400);
	assert_int_equal(host_ask(&host, "GET", "/api/v1/storage/luns/%ff%fe", NULL, NULL, NULL), 400);
	assert_int_equal(raw("TRACE / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", NULL) == 200, 0);
}

static void addresses_that_are_not_loopback_are_refused(void **state)
{
	char name[64];
	uint16_t port;
	(void)state;
	assert_int_equal(http_address_parse("127.0.0.1:8080", name, &port), 0);
	assert_int_equal(http_address_parse("localhost:8080", name, &port), 0);
	assert_int_equal(http_address_parse("[::1]:8080", name, &port), 0);
	assert_int_equal(http_address_parse("0.0.0.0:8080", name, &port), -EPERM);
	assert_int_equal(http_address_parse("192.168.1.1:8080", name, &port), -EPERM);
	assert_int_equal(http_address_parse("[::]:8080", name, &port), -EPERM);
	assert_int_equal(http_address_parse("127.0.0.1", name, &port), -EINVAL);
	assert_int_equal(http_address_parse("name:80", name, &port), -EINVAL);
}

static int connect_to_it(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(host.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
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
	host_stop(&host);
	host_remove_dir(&host);
	host_request_ms = ms;
	host_start(&host, NULL);
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
	assert_int_equal(host_ask(&host, "GET", "/healthz", NULL, NULL, NULL), 200);
	restart_with_patience_of(0);
}

static void a_connection_kept_open_may_rest_between_requests(void **state)
{
	char request[256];
	int fd;

	(void)state;
	restart_with_patience_of(500);
	fd = connect_to_it();
	int len = snprintf(request, sizeof request, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", (unsigned)host.port);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_request_is_answered),
		cmocka_unit_test(the_page_comes_with_a_strict_policy),
		cmocka_unit_test(requests_that_can_be_read_two_ways_are_refused),
		cmocka_unit_test(a_nul_in_a_header_is_refused),
		cmocka_unit_test(only_the_loopback_names_are_hosts),
		cmocka_unit_test(other_origins_are_refused),
		cmocka_unit_test(a_body_must_be_json_and_small),
		cmocka_unit_test(headers_are_bounded),
		cmocka_unit_test(a_client_that_drips_its_request_is_hung_up_on),
		cmocka_unit_test(a_connection_kept_open_may_rest_between_requests),
		cmocka_unit_test(methods_are_those_of_the_table),
		cmocka_unit_test(addresses_that_are_not_loopback_are_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
