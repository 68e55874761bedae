/* SPDX-License-Identifier: Apache-2.0 */
/* Listening TCP sockets from ADDRESS:PORT. */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Is it one: "127.0.0.1:2049", "[::1]:0", "localhost:80"? */
bool listen_is_address(const char *address);
/* Open one; *ret_port is what it got (port 0: any). `ret_text`: a sentence when it fails. */
MUST_CHECK int listen_tcp(const char *key, const char *address, int *ret_fd, uint16_t *ret_port, char ret_text[256]);

#endif
