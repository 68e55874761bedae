/* SPDX-License-Identifier: Apache-2.0 */
/* One line of an export: which network of clients, and what they may do. */
#ifndef PROTO_NFS_EXPORT_CLIENT_H
#define PROTO_NFS_EXPORT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"

#define EXPORT_ANON_ID 65534U
#define EXPORT_CIDR_SIZE 52U /* the longest IPv6 text, "/128", NUL */
#define EXPORT_OPTIONS_SIZE 128U

enum export_squash { EXPORT_SQUASH_ROOT, EXPORT_SQUASH_NONE, EXPORT_SQUASH_ALL };

struct export_client {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d; bits after the prefix are zero */
	uint8_t prefix_bits; /* of 128 */
	bool read_write;
	bool secure; /* only source ports below 1024 */
	enum export_squash squash;
	uint32_t anon_uid, anon_gid;
};

/* Who is at the other end of a connection. */
struct export_peer {
	uint8_t address[16];
	uint16_t port;
	bool known; /* an IP peer; others match nothing */
};

/* The defaults of exports(5): read-only, root_squash, secure, anonymous 65534, for the network `cidr`: an IPv4 or IPv6
 * address, with or without "/bits", or "*" for everybody. -EINVAL: not an address, or bits set after the prefix. */
MUST_CHECK int export_client_init(struct export_client *ret_client, const char *cidr);
/* Change it by a list as exports(5) has it: "rw,no_root_squash,insecure,anonuid=99". -EINVAL: an unknown word; nothing
 * is changed. */
MUST_CHECK int export_client_set_options(struct export_client *client, const char *options);
/* Take away what `other` may not. Whose anonymous ids: those of `client`. */
void export_client_restrict(struct export_client *client, const struct export_client *other);
/* The texts that make the same client again. */
void export_client_format(const struct export_client *client, char ret_cidr[EXPORT_CIDR_SIZE],
                          char ret_options[EXPORT_OPTIONS_SIZE]);

void export_peer_init(struct export_peer *ret_peer, const struct sockaddr_storage *address);
void export_peer_format(const struct export_peer *peer, char ret_text[EXPORT_CIDR_SIZE]);
/* Is the peer in the client's network? (Its port is another question: export_client_port_ok.) */
bool export_client_matches(const struct export_client *client, const struct export_peer *peer);
bool export_client_port_ok(const struct export_client *client, const struct export_peer *peer);

#endif
