/* SPDX-License-Identifier: Apache-2.0 */
/* key=value text.  REFERENCES. RFC 7143 6.1: keys up to 63 bytes of [A-Za-z0-9.+-@_], pairs end with a NUL. */
#include "proto/iscsi/iscsi_text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void iscsi_text_read(struct iscsi_text_reader *reader, const char *bytes, size_t len_bytes)
{
	*reader = (struct iscsi_text_reader){ .at = bytes, .end = bytes + len_bytes };
}

static bool key_is_valid(const char *key, size_t len)
{
	if (len == 0 || len > ISCSI_KEY_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)key[i]) && memchr(".+-@_#", key[i], 6) == NULL)
			return false;
	}
	return true;
}

int iscsi_text_next(struct iscsi_text_reader *reader, struct iscsi_pair *ret_pair)
{
	const char *equals, *pair;
	size_t len;

	while (reader->at < reader->end && *reader->at == '\0') /* padding */
		reader->at++;
	if (reader->at >= reader->end)
		return 0;
	pair = reader->at;
	len = strnlen(pair, (size_t)(reader->end - pair));
	equals = memchr(pair, '=', len);
	if (equals == NULL || !key_is_valid(pair, (size_t)(equals - pair)) || ++reader->n_pairs > ISCSI_TEXT_PAIRS_MAX)
		return -EINVAL;
	if ((size_t)(pair + len - equals) - 1 > ISCSI_TEXT_VALUE_MAX)
		return -EINVAL;
	memcpy(ret_pair->key, pair, (size_t)(equals - pair));
	ret_pair->key[equals - pair] = '\0';
	ret_pair->value = equals + 1;
	reader->at = pair + len;
	return 1;
}

void iscsi_text_add(struct iscsi_text *text, const char *key, const char *format, ...)
{
	size_t room = text->max_bytes - text->len_bytes;
	va_list args;
	int n, m;

	n = snprintf(text->bytes + text->len_bytes, room, "%s=", key);
	if (n < 0 || (size_t)n >= room) {
		text->overflow = true;
		return;
	}
	va_start(args, format);
	m = vsnprintf(text->bytes + text->len_bytes + n, room - (size_t)n, format, args);
	va_end(args);
	if (m < 0 || (size_t)m >= room - (size_t)n)
		text->overflow = true;
	else
		text->len_bytes += (size_t)(n + m) + 1;
}

static void ipv4_format(const void *address, uint16_t port, char ret_text[ISCSI_ADDRESS_SIZE])
{
	char host[INET_ADDRSTRLEN] = "";

	inet_ntop(AF_INET, address, host, sizeof host);
	snprintf(ret_text, ISCSI_ADDRESS_SIZE, "%s:%u", host, ntohs(port));
}

void iscsi_address_format(const struct sockaddr_storage *address, char ret_text[ISCSI_ADDRESS_SIZE])
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
	const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
	char host[INET6_ADDRSTRLEN] = "";

	ret_text[0] = '\0';
	if (address->ss_family == AF_INET) {
		ipv4_format(&in->sin_addr, in->sin_port, ret_text);
	} else if (address->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		ipv4_format(in6->sin6_addr.s6_addr + 12, in6->sin6_port, ret_text);
	} else if (address->ss_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr)) {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
		snprintf(ret_text, ISCSI_ADDRESS_SIZE, "[%s]:%u", host, ntohs(in6->sin6_port));
	}
}
