/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks? The one answer to it, for every request.
 *
 * THEORY. On the unix socket the kernel says who asks: root, the daemon's own user, and its group when that is not
 * root's. On TCP anybody on this machine can ask, so a request brings the administrator's token (Authorization: Bearer)
 * or the cookie of a session, which the page gets for the token and a script of another site can neither read nor send.
 * Of the token and of cookies only hashes are kept, and compared in constant time. A session ends by signing out,
 * SIGNIN_IDLE_S after its last request, SIGNIN_LONGEST_S after its first, with the process, and when
 * SIGNIN_SESSIONS_MAX newer ones want its place.
 * Wrong tokens: 10 at once, one more a second, are answered; beyond that they are told to come back later. A right
 * token is always taken, else whoever sends wrong ones would lock the administrator out; a token is long enough not to
 * be guessed at any rate. Browsers send a cookie to every port of a host. So its name has the port, lest two servers of
 * one machine sign each other's pages out; but a server that somebody else runs on another port of 127.0.0.1 sees the
 * cookie when it is visited with the same browser.
 * THREADS. The admin loop's. */
#ifndef ADMIN_SIGNIN_H
#define ADMIN_SIGNIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/world.h"

#define SIGNIN_SESSIONS_MAX 64U
#define SIGNIN_IDLE_S (8U * 3600U)
#define SIGNIN_LONGEST_S (24U * 3600U)
#define SIGNIN_COOKIE_MAX 160U

struct evkeyvalq;
struct signin;

enum caller_by { CALLER_UNKNOWN, CALLER_SOCKET, CALLER_TOKEN, CALLER_SESSION };
struct caller {
	enum caller_by by;
	uint64_t session; /* CALLER_SESSION: its number, not used again; else 0 */
};

/* `token` NULL: nobody can sign in. */
MUST_CHECK int signin_new(struct world *world, const char *token, struct signin **ret_signin);
void signin_free(struct signin *signin);
/* The TCP port, for the cookie's name. */
void signin_set_port(struct signin *signin, uint16_t port);
const char *signin_cookie_name(const struct signin *signin);

/* Who is at the other end of a unix socket? -EACCES: somebody who may not administer. */
MUST_CHECK int signin_by_socket(int fd, struct caller *ret_caller);
/* Who sent these headers? -EACCES: nobody we know; -EAGAIN: a wrong token, and too many before it. `peer` is for the
 * log. */
MUST_CHECK int signin_by_headers(struct signin *signin, const struct evkeyvalq *headers, const char *peer,
                                 struct caller *ret_caller);
/* A session for the token: the value of a Set-Cookie header. -EACCES, -EAGAIN as above. */
MUST_CHECK int signin_start(struct signin *signin, const char *token, const char *peer,
                            char ret_cookie[SIGNIN_COOKIE_MAX]);
/* Does the session go on? The seconds until it ends at the latest; 0: it is over. */
unsigned signin_left_s(const struct signin *signin, uint64_t session);
/* End it; the value of the Set-Cookie header that removes its cookie. */
void signin_end(struct signin *signin, uint64_t session, char ret_cookie[SIGNIN_COOKIE_MAX]);

#endif
