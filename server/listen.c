/* SPDX-License-Identifier: Apache-2.0 */
/* Listening TCP sockets from ADDRESS:PORT. */
#include "server/listen.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "admin/size.h"

/* "[::1]:80" -> "::1", "80" */
static int split(const char *address, char host[96], const char **ret_port)
{
	const char *colon = strrchr(address, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - address);

	if (len == 0 || len >= 96)
		return -EINVAL;
	if (address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	memcpy(host, address, len);
	host[len] = '\0';
	*ret_port = colon + 1;
	return 0;
}

static int open_socket(const struct addrinfo *info)
{
	static const int on = 1;
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	int err = -errno;
	(void)close(fd);
	return err;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof address;

	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
		return 0;
	return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&address)->sin6_port
	                                           : ((struct sockaddr_in *)(void *)&address)->sin_port);
}

static int address_parse(const char *address, struct addrinfo **ret_info)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		                        .ai_socktype = SOCK_STREAM };
	char host[96];
	const char *port;
	uint64_t number;

	if (split(address, host, &port) != 0 || size_parse_integer(port, 65535, &number) != 0)
		return -EINVAL;
	return getaddrinfo(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, port, &hints, ret_info) == 0 ? 0
	                                                                                                     : -EINVAL;
}

bool listen_is_address(const char *address)
{
	struct addrinfo *info;

	if (address_parse(address, &info) != 0)
		return false;
	freeaddrinfo(info);
	return true;
}

int listen_tcp(const char *key, const char *address, int *ret_fd, uint16_t *ret_port, char ret_text[256])
{
	struct addrinfo *info;

	if (address_parse(address, &info) != 0) {
		(void)snprintf(ret_text, 256, "%s=%.100s: not an address and a port such as 127.0.0.1:2049", key,
		               address);
		return -EINVAL;
	}
	int fd = open_socket(info);
	freeaddrinfo(info);
	if (fd < 0) {
		(void)snprintf(ret_text, 256, "cannot listen on %s=%.100s: %s", key, address, strerror(-fd));
		return fd;
	}
	*ret_fd = fd;
	*ret_port = port_of(fd);
	return 0;
}
