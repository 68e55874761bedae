/* SPDX-License-Identifier: Apache-2.0 */
/* The REST server's sockets: libevent's evhttp on a unix socket and on a loopback TCP address, and the checks before
 * any handler.
 *
 * THEORY. Who asks is answered by signin.h. Whom the unix socket does not let in is refused everything; on TCP
 * /healthz, the page's own files and signing in are for everybody, all else is for who has signed in. Nothing is
 * encrypted, so only loopback addresses are accepted on TCP, and requests a browser was tricked into are refused: Host
 * must be a name of this machine's loopback, or one the configuration lists, and Origin, where given, must be the
 * page's own. What two HTTP readers could understand differently is refused and the connection closed: any
 * Transfer-Encoding, more than one Content-Length or one that is not digits only, header names that are not tokens,
 * values with control characters. */
#ifndef ADMIN_HTTP_SERVER_H
#define ADMIN_HTTP_SERVER_H

#include "admin/admin.h"
#include "admin/admin_private.h"

#define HTTP_BODY_MAX (1U << 20)
#define HTTP_HEADERS_MAX 16384U

struct http_server;

/* Open the sockets of the settings. `ret_text`: a sentence about what failed. */
MUST_CHECK int http_server_new(struct admin *admin, const struct admin_settings *settings,
                               struct http_server **ret_server, char ret_text[256]);
/* Requests from now on get 503. */
void http_server_stop(struct http_server *server);
void http_server_free(struct http_server *server);
/* Calls not yet answered (event streams not counted). */
unsigned http_server_n_calls(const struct http_server *server);
uint16_t http_server_port(const struct http_server *server);
/* The journal has something new: tell the event streams. */
void http_server_events(struct http_server *server);

#endif
