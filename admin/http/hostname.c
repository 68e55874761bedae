/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses that the REST server may listen on, and the names it may be asked under. */
#include "admin/http/hostname.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "admin/size.h"

int hostname_address(const char *text, char ret_host[64], uint16_t *ret_port)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;
	struct in_addr v4;

	if (colon == NULL || (size_t)(colon - text) >= 64 || size_parse_integer(colon + 1, 65535, &port) != 0)
		return -EINVAL;
	size_t len = (size_t)(colon - text);
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	memcpy(ret_host, text, len);
	ret_host[len] = '\0';
	*ret_port = (uint16_t)port;
	if (strcmp(ret_host, "localhost") == 0)
		(void)snprintf(ret_host, 64, "127.0.0.1");
	if (inet_pton(AF_INET, ret_host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127 ? 0 : -EPERM;
	struct in6_addr v6;
	if (inet_pton(AF_INET6, ret_host, &v6) != 1)
		return -EINVAL;
	return IN6_IS_ADDR_LOOPBACK(&v6) ? 0 : -EPERM;
}

bool hostname_is_loopback(const char *host, uint16_t port)
{
	char name[64];
	const char *rest = host;
	uint64_t said = 80;
	struct in_addr v4;

	size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	if (len >= sizeof name || len > strlen(host))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	rest += len;
	if (*rest == ':' ? size_parse_integer(rest + 1, 65535, &said) != 0 : *rest != '\0')
		return false;
	if (said != port)
		return false;
	if (strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, name, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

const char *hostname_fault(int err)
{
	return err == -EPERM
	           ? "is not served: there is no encryption yet, so only loopback addresses (127.0.0.1, [::1]) are"
	           : "must be ADDRESS:PORT (127.0.0.1:8080, [::1]:8080) or none";
}

/* The part before the port: "name" of "name:80", "[::1]" of "[::1]:80". */
static size_t name_len(const char *host)
{
	size_t len = host[0] == '[' ? strcspn(host, "]") : strcspn(host, ":");
	return len + (host[0] == '[' && host[len] == ']');
}

bool hostname_is_listed(const char *list, const char *host)
{
	size_t len, host_len = strlen(host), bare = name_len(host);

	if (!hostname_can_be_listed(host))
		return false;
	for (; list != NULL && *list != '\0'; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		if ((len == host_len || len == bare) && strncasecmp(list, host, len) == 0)
			return true;
	}
	return false;
}

bool hostname_can_be_listed(const char *name)
{
	size_t len = name_len(name);
	struct in6_addr v6;
	char inner[64];
	uint64_t port;

	if (name[len] != '\0' &&
	    (name[len] != ':' || size_parse_integer(name + len + 1, 65535, &port) != 0 || port == 0))
		return false;
	if (name[0] == '[') {
		if (len < 3 || len - 2 >= sizeof inner)
			return false;
		memcpy(inner, name + 1, len - 2);
		inner[len - 2] = '\0';
		return name[len - 1] == ']' && inet_pton(AF_INET6, inner, &v6) == 1;
	}
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("-._", name[i]) == NULL)
			return false;
	return len > 0 && len <= 253;
}
