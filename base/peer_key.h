/* SPDX-License-Identifier: Apache-2.0 */
/* Who is one peer: an IPv4 address, or the 64 bits of an IPv6 network; all that is neither is one. */
#ifndef BASE_PEER_KEY_H
#define BASE_PEER_KEY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

struct peer_key {
	uint64_t network;
	sa_family_t family;
};

static inline struct peer_key peer_key_of(const struct sockaddr_storage *address)
{
	struct peer_key key = { .family = address->ss_family };

	if (address->ss_family == AF_INET) {
		key.network = ((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr;
	} else if (address->ss_family == AF_INET6) {
		const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
		uint32_t low;

		memcpy(&key.network, in6, sizeof key.network);
		memcpy(&low, in6->s6_addr + 12, sizeof low);
		if (IN6_IS_ADDR_V4MAPPED(in6))
			key = (struct peer_key){ .family = AF_INET, .network = low };
	}
	return key;
}

static inline bool peer_key_equal(const struct peer_key *a, const struct peer_key *b)
{
	return a->network == b->network && a->family == b->family;
}

/* A place in a table of `buckets`. */
static inline size_t peer_key_bucket(const struct peer_key *key, size_t buckets)
{
	return (size_t)((key->network ^ key->family) * 0x9E3779B97F4A7C15ULL >> 32) % buckets;
}

#endif
