/* SPDX-License-Identifier: Apache-2.0 */
/* The limit server: one thread, epoll, read into one buffer, replies by writev straight from memory.
 *
 * THEORY. What is left of a request when there is no file system under it: the sockets, the framing, one copy of
 * written data. The distance of a real server from this is what its file system costs, measured on the same machine in
 * the same minute. One connection is processed until its input is empty or its output is full; then everything is sent
 * with one writev. */
#include "tests/bench/limit_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_BYTES (4U << 20)

struct listener {
	int fd;
	long (*feed)(struct limit_conn *conn, const uint8_t *in, size_t len_bytes);
};

static struct limit_memory memory;
static int epoll_fd;

uint8_t *limit_head(struct limit_conn *conn, size_t len_bytes)
{
	uint8_t *p = conn->head + conn->head_len;
	conn->head_len += len_bytes;
	struct iovec *last = conn->n_iov > conn->iov_at ? &conn->iov[conn->n_iov - 1U] : NULL;
	if (last && (uint8_t *)last->iov_base + last->iov_len == p)
		last->iov_len += len_bytes;
	else
		conn->iov[conn->n_iov++] = (struct iovec){ .iov_base = p, .iov_len = len_bytes };
	return p;
}

void limit_data(struct limit_conn *conn, const uint8_t *data, size_t len_bytes)
{
	union {
		const uint8_t *in;
		void *out;
	} same = { .in = data };
	conn->iov[conn->n_iov++] = (struct iovec){ .iov_base = same.out, .iov_len = len_bytes };
}

static bool has_room(const struct limit_conn *conn)
{
	return conn->n_iov + LIMIT_IOV_ROOM <= LIMIT_IOV_MAX && conn->head_len + LIMIT_HEAD_ROOM <= LIMIT_HEAD_BYTES;
}

static void conn_free(struct limit_conn *conn)
{
	(void)close(conn->fd);
	free(conn->in);
	free(conn->head);
	free(conn);
}

static void sent(struct limit_conn *conn, size_t n)
{
	while (n > 0) {
		struct iovec *v = &conn->iov[conn->iov_at];
		if (n < v->iov_len) {
			v->iov_base = (uint8_t *)v->iov_base + n;
			v->iov_len -= n;
			return;
		}
		n -= v->iov_len;
		conn->iov_at++;
	}
}

/* 1 all sent, 0 the socket is full, -1 gone. */
static int conn_send(struct limit_conn *conn)
{
	while (conn->iov_at < conn->n_iov) {
		ssize_t n = writev(conn->fd, conn->iov + conn->iov_at, (int)(conn->n_iov - conn->iov_at));
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		sent(conn, (size_t)n);
	}
	conn->n_iov = conn->iov_at = 0;
	conn->head_len = 0;
	return 1;
}

/* Answer every whole message there is room for; false: close. */
static bool conn_process(struct limit_conn *conn)
{
	while (conn->in_at < conn->in_len && has_room(conn)) {
		long n = conn->feed(conn, conn->in + conn->in_at, conn->in_len - conn->in_at);
		if (n < 0)
			return false;
		if (n == 0)
			break;
		conn->in_at += (size_t)n;
	}
	if (conn->in_at == conn->in_len) {
		conn->in_at = conn->in_len = 0;
	} else if (conn->in_at > conn->in_max / 2U) {
		memmove(conn->in, conn->in + conn->in_at, conn->in_len - conn->in_at);
		conn->in_len -= conn->in_at;
		conn->in_at = 0;
	}
	return true;
}

static void watch(struct limit_conn *conn, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = conn };
	(void)epoll_ctl(epoll_fd, EPOLL_CTL_MOD, conn->fd, &ev);
}

static void conn_event(struct limit_conn *conn, uint32_t events)
{
	if (!(events & EPOLLOUT)) {
		ssize_t n = read(conn->fd, conn->in + conn->in_len, conn->in_max - conn->in_len);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			conn_free(conn);
			return;
		}
		conn->in_len += n > 0 ? (size_t)n : 0U;
	}
	for (;;) {
		size_t before = conn->in_at;
		if (conn->iov_at == conn->n_iov && !conn_process(conn)) {
			conn_free(conn);
			return;
		}
		bool idle = conn->n_iov == 0 && (before == conn->in_at || conn->in_len == 0);
		int state = conn_send(conn);
		if (state < 0) {
			conn_free(conn);
			return;
		}
		if (state == 0) {
			watch(conn, EPOLLOUT);
			return;
		}
		if (idle || conn->in_len == 0)
			break;
	}
	if (events & EPOLLOUT)
		watch(conn, EPOLLIN);
}

static void accept_one(const struct listener *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	int on = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	struct limit_conn *conn = calloc(1, sizeof *conn);
	if (!conn) {
		(void)close(fd);
		return;
	}
	conn->fd = fd;
	conn->memory = &memory;
	conn->feed = listener->feed;
	conn->in_max = IN_BYTES;
	conn->in = malloc(IN_BYTES);
	conn->head = malloc(LIMIT_HEAD_BYTES);
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = conn };
	if (!conn->in || !conn->head || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) != 0)
		conn_free(conn);
}

static int listen_on(uint16_t port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(port),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 64) != 0) {
		fprintf(stderr, "limit_server: 127.0.0.1:%u: %s\n", port, strerror(errno));
		exit(1);
	}
	return fd;
}

static void serve(struct listener *listeners, unsigned n_listeners)
{
	for (unsigned i = 0; i < n_listeners; i++) {
		struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &listeners[i] };
		(void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listeners[i].fd, &ev);
	}
	for (;;) {
		struct epoll_event events[64];
		int n = epoll_wait(epoll_fd, events, 64, -1);
		for (int i = 0; i < n; i++) {
			struct listener *listener = events[i].data.ptr;
			if (listener >= listeners && listener < listeners + n_listeners)
				accept_one(listener);
			else
				conn_event(events[i].data.ptr, events[i].events);
		}
	}
}

static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);
	if (end == text || *end || value == 0 || value > max) {
		fprintf(stderr, "usage: limit_server NFS-PORT ISCSI-PORT MEGABYTES\n");
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		(void)number("", 0);
	(void)signal(SIGPIPE, SIG_IGN);
	memory.size_bytes = (uint64_t)number(argv[3], 65536) << 20;
	void *bytes = mmap(NULL, memory.size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED) {
		fprintf(stderr, "limit_server: no memory\n");
		return 1;
	}
	memory.bytes = bytes;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct listener listeners[2] = {
		{ listen_on((uint16_t)number(argv[1], 65535)), limit_nfs_feed },
		{ listen_on((uint16_t)number(argv[2], 65535)), limit_iscsi_feed },
	};
	serve(listeners, 2);
	return 0;
}
