/* SPDX-License-Identifier: Apache-2.0 */
/* key=value text: reading a data segment pair by pair, and building one within a bound. */
#ifndef PROTO_ISCSI_TEXT_H
#define PROTO_ISCSI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/error.h"
#include "proto/iscsi/iscsi_spec.h"

#define ISCSI_TEXT_PAIRS_MAX 128U /* pairs of one request; more is refused */
#define ISCSI_TEXT_VALUE_MAX 8191U

/* `bytes[len]` must be readable and NUL: a last pair without its NUL is taken as if it had one. */
struct iscsi_text_reader {
	const char *at;
	const char *end;
	unsigned n_pairs;
};
struct iscsi_pair {
	char key[ISCSI_KEY_MAX + 1U];
	const char *value; /* NUL-terminated, in the segment */
};
void iscsi_text_read(struct iscsi_text_reader *reader, const char *bytes, size_t len_bytes);
/* 1: *ret_pair is the next; 0: no more; -EINVAL: no '=', a bad key or value length, or too many pairs. */
MUST_CHECK int iscsi_text_next(struct iscsi_text_reader *reader, struct iscsi_pair *ret_pair);

/* Text under construction; what does not fit sets `overflow` and is left out. The memory is the caller's. */
struct iscsi_text {
	char *bytes;
	size_t len_bytes, max_bytes;
	bool overflow;
};
void iscsi_text_add(struct iscsi_text *text, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define ISCSI_ADDRESS_SIZE 64U

/* ADDRESS:PORT as TargetAddress has it: an IPv4 address in IPv6's clothes as the IPv4 address. Empty: it is of no use
 * to anybody else (of a link, which the other end has another name for), and best left out: then the target is where
 * the discovery was (RFC 7143 appendix C). */
void iscsi_address_format(const struct sockaddr_storage *address, char ret_text[ISCSI_ADDRESS_SIZE]);

#endif
