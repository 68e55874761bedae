/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses that the REST server may listen on, and the names it may be asked under.
 *
 * THEORY. A page from elsewhere can have its own name resolve to 127.0.0.1 and then ask this server from the
 * administrator's browser (DNS rebinding). The browser says that name in Host, so only names that nobody else can own
 * are answered: the loopback's with our own port, and those that the administrator has listed, for a tunnel or a proxy
 * in front of it. */
#ifndef ADMIN_HTTP_HOSTNAME_H
#define ADMIN_HTTP_HOSTNAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* "127.0.0.1:8080", "[::1]:0", "localhost:80" apart; -EINVAL; -EPERM: not a loopback address. */
MUST_CHECK int hostname_address(const char *text, char ret_host[64], uint16_t *ret_port);
/* What is wrong, after the address. */
const char *hostname_fault(int err);
/* Is `host` (a Host header or what follows :// in an Origin) a name of our own loopback at `port`? */
bool hostname_is_loopback(const char *host, uint16_t port);
/* Is it one of `list`, names with commas between them (NULL: none)? One without a port is good with any. */
bool hostname_is_listed(const char *list, const char *host);
/* Can it be one of such a list? NAME, NAME:PORT, ADDRESS, [ADDRESS]:PORT. */
bool hostname_can_be_listed(const char *name);

#endif
