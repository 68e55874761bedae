/* SPDX-License-Identifier: Apache-2.0 */
/* One line of an export: parsing networks and options, matching peers. Every address is 16 bytes; IPv4 is mapped (RFC
 * 4291, 2.5.5.2). */
#include "proto/nfs/export_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool is_mapped(const uint8_t address[16])
{
	return memcmp(address, mapped_prefix, sizeof mapped_prefix) == 0;
}

static void mapped_of(uint8_t ret_address[16], const void *ipv4)
{
	memcpy(ret_address, mapped_prefix, sizeof mapped_prefix);
	memcpy(ret_address + 12, ipv4, 4);
}

/* A decimal number of at most `max`; the whole text. */
static int number_parse(const char *text, unsigned long max, unsigned long *ret_value)
{
	char *end;
	unsigned long value;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || value > max)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

static bool bits_match(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) & (uint8_t)(0xffU << (8 - rest))) == 0;
}

/* Address text to 16 bytes; *ret_family_bits is where its own prefix begins: 96 for IPv4. */
static int address_parse(const char *text, uint8_t ret_address[16], unsigned *ret_family_bits)
{
	struct in_addr ipv4;

	if (inet_pton(AF_INET, text, &ipv4) == 1) {
		mapped_of(ret_address, &ipv4);
		*ret_family_bits = 96;
		return 0;
	}
	*ret_family_bits = 0;
	return inet_pton(AF_INET6, text, ret_address) == 1 ? 0 : -EINVAL;
}

static int cidr_parse(struct export_client *client, const char *cidr)
{
	char text[EXPORT_CIDR_SIZE];
	uint8_t masked[16] = { 0 };
	unsigned family_bits;
	unsigned long bits;
	char *slash;

	if (strlen(cidr) >= sizeof text)
		return -EINVAL;
	memcpy(text, cidr, strlen(cidr) + 1);
	slash = strchr(text, '/');
	if (slash != NULL)
		*slash++ = '\0';
	if (address_parse(text, client->address, &family_bits) != 0)
		return -EINVAL;
	bits = 128 - family_bits;
	if (slash != NULL && number_parse(slash, 128 - family_bits, &bits) != 0)
		return -EINVAL;
	client->prefix_bits = (uint8_t)(family_bits + bits);
	for (unsigned i = 0; i < client->prefix_bits; i++)
		masked[i / 8] |= (uint8_t)(client->address[i / 8] & (0x80U >> (i % 8)));
	return memcmp(masked, client->address, sizeof masked) == 0 ? 0 : -EINVAL;
}

int export_client_init(struct export_client *ret_client, const char *cidr)
{
	struct export_client client = {
		.secure = true, .squash = EXPORT_SQUASH_ROOT, .anon_uid = EXPORT_ANON_ID, .anon_gid = EXPORT_ANON_ID
	};
	int err = strcmp(cidr, "*") == 0 ? 0 : cidr_parse(&client, cidr);

	if (err == 0)
		*ret_client = client;
	return err;
}

enum option {
	OPT_RW,
	OPT_RO,
	OPT_SECURE,
	OPT_INSECURE,
	OPT_ROOT_SQUASH,
	OPT_NO_ROOT_SQUASH,
	OPT_ALL_SQUASH,
	OPT_ANONUID,
	OPT_ANONGID
};
static const struct {
	const char *word;
	enum option option;
} option_words[] = {
	{ "rw", OPT_RW },
	{ "ro", OPT_RO },
	{ "secure", OPT_SECURE },
	{ "insecure", OPT_INSECURE },
	{ "root_squash", OPT_ROOT_SQUASH },
	{ "no_root_squash", OPT_NO_ROOT_SQUASH },
	{ "all_squash", OPT_ALL_SQUASH },
	{ "anonuid", OPT_ANONUID },
	{ "anongid", OPT_ANONGID },
};

static int option_apply(struct export_client *client, enum option option, const char *value)
{
	bool wants_value = option == OPT_ANONUID || option == OPT_ANONGID;
	unsigned long id = 0;

	if (wants_value != (value != NULL) || (wants_value && number_parse(value, UINT32_MAX, &id) != 0))
		return -EINVAL;
	switch (option) {
	case OPT_RW: client->read_write = true; break;
	case OPT_RO: client->read_write = false; break;
	case OPT_SECURE: client->secure = true; break;
	case OPT_INSECURE: client->secure = false; break;
	case OPT_ROOT_SQUASH: client->squash = EXPORT_SQUASH_ROOT; break;
	case OPT_NO_ROOT_SQUASH: client->squash = EXPORT_SQUASH_NONE; break;
	case OPT_ALL_SQUASH: client->squash = EXPORT_SQUASH_ALL; break;
	case OPT_ANONUID: client->anon_uid = (uint32_t)id; break;
	case OPT_ANONGID: client->anon_gid = (uint32_t)id; break;
	}
	return 0;
}

static int word_apply(struct export_client *client, char *word)
{
	char *value = strchr(word, '=');

	if (value != NULL)
		*value++ = '\0';
	for (unsigned i = 0; i < ARRAY_SIZE(option_words); i++) {
		if (strcmp(option_words[i].word, word) == 0)
			return option_apply(client, option_words[i].option, value);
	}
	return -EINVAL;
}

int export_client_set_options(struct export_client *client, const char *options)
{
	struct export_client changed = *client;
	char text[EXPORT_OPTIONS_SIZE * 2], *next = text, *word;

	if (strlen(options) >= sizeof text)
		return -EINVAL;
	memcpy(text, options, strlen(options) + 1);
	if (*text == '\0')
		return 0;
	while ((word = strsep(&next, ",")) != NULL) {
		if (word_apply(&changed, word) != 0)
			return -EINVAL;
	}
	*client = changed;
	return 0;
}

void export_client_restrict(struct export_client *client, const struct export_client *other)
{
	static const unsigned strictness[] = {
		[EXPORT_SQUASH_NONE] = 0, [EXPORT_SQUASH_ROOT] = 1, [EXPORT_SQUASH_ALL] = 2
	};

	client->read_write = client->read_write && other->read_write;
	client->secure = client->secure || other->secure;
	if (strictness[other->squash] > strictness[client->squash])
		client->squash = other->squash;
}

static void address_format(const uint8_t address[16], char *ret_text, size_t size)
{
	if (is_mapped(address))
		(void)inet_ntop(AF_INET, address + 12, ret_text, (socklen_t)size);
	else
		(void)inet_ntop(AF_INET6, address, ret_text, (socklen_t)size);
}

void export_client_format(const struct export_client *client, char ret_cidr[EXPORT_CIDR_SIZE],
                          char ret_options[EXPORT_OPTIONS_SIZE])
{
	static const char *const squash_words[] = { [EXPORT_SQUASH_ROOT] = "root_squash",
		                                    [EXPORT_SQUASH_NONE] = "no_root_squash",
		                                    [EXPORT_SQUASH_ALL] = "all_squash" };
	unsigned family_bits = is_mapped(client->address) && client->prefix_bits >= 96 ? 96 : 0;
	char address[INET6_ADDRSTRLEN];

	address_format(client->address, address, sizeof address);
	if (client->prefix_bits == 0)
		snprintf(ret_cidr, EXPORT_CIDR_SIZE, "*");
	else
		snprintf(ret_cidr, EXPORT_CIDR_SIZE, "%s/%u", address, client->prefix_bits - family_bits);
	snprintf(ret_options, EXPORT_OPTIONS_SIZE, "%s,%s,%s,anonuid=%u,anongid=%u", client->read_write ? "rw" : "ro",
	         client->secure ? "secure" : "insecure", squash_words[client->squash], client->anon_uid,
	         client->anon_gid);
}

void export_peer_init(struct export_peer *ret_peer, const struct sockaddr_storage *address)
{
	memset(ret_peer, 0, sizeof *ret_peer);
	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

		mapped_of(ret_peer->address, &in->sin_addr);
		ret_peer->port = ntohs(in->sin_port);
		ret_peer->known = true;
	} else if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;

		memcpy(ret_peer->address, &in6->sin6_addr, sizeof ret_peer->address);
		ret_peer->port = ntohs(in6->sin6_port);
		ret_peer->known = true;
	}
}

void export_peer_format(const struct export_peer *peer, char ret_text[EXPORT_CIDR_SIZE])
{
	address_format(peer->address, ret_text, EXPORT_CIDR_SIZE);
}

bool export_client_matches(const struct export_client *client, const struct export_peer *peer)
{
	return peer->known && bits_match(client->address, peer->address, client->prefix_bits);
}

bool export_client_port_ok(const struct export_client *client, const struct export_peer *peer)
{
	return !client->secure || peer->port < 1024;
}
