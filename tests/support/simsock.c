/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated TCP sockets. */
#include "tests/support/simsock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/loop.h"

#define FD_FIRST 100000
#define SOCKETS_MAX 128U
#define BACKLOG_MAX 16U
#define NEVER UINT64_MAX
#define DELAY_NS_MAX 50000U

enum socket_state { SOCKET_FRESH, SOCKET_LISTENING, SOCKET_OPEN };

/* One end of a connection. `bytes` are on their way to it (len) or have arrived (arrived). */
struct socket {
	enum socket_state state;
	unsigned refs; /* descriptors */
	struct socket *peer; /* NULL: it has closed */
	uint16_t port, peer_port;
	uint8_t *bytes;
	size_t start, len, arrived, size, window;
	bool fin, reset; /* after the bytes */
	bool cut; /* a reset, at once */
	bool severed; /* nobody takes what it sends */
	bool fin_arrived, reset_arrived;
	bool shut; /* sends no more */
	bool accepted; /* the server's end: only that one meets EINTR, which libnfs takes for the end */
	struct timer arrival;
	uint64_t n_sent, cut_at;
	bool cut_reset;
	struct socket *backlog[BACKLOG_MAX];
	unsigned n_backlog;
};

static struct {
	struct simworld *sim;
	uint64_t random;
	struct socket *table[SOCKETS_MAX];
	uint16_t next_port;
	unsigned refuse_accepts;
} net;

static uint64_t net_random(void)
{
	uint64_t z = (net.random += 0x9E3779B97F4A7C15ULL);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
	return z ^ (z >> 31);
}

unsigned simsock_draw(unsigned n)
{
	return (unsigned)(net_random() % n);
}

static bool one_in(unsigned n)
{
	return simsock_draw(n) == 0;
}

/* From 1 to `n`, a few more often than not. */
static size_t part_of(size_t n)
{
	size_t most = one_in(2) && n > 200 ? 200 : n;

	return 1U + simsock_draw((unsigned)most);
}

void simsock_begin(struct simworld *sim, uint64_t seed)
{
	vc_assert(net.sim == NULL);
	net.sim = sim;
	net.random = seed * 0x2545F4914F6CDD1DULL + 77U;
	net.next_port = 700;
	net.refuse_accepts = 0;
}

void simsock_end(void)
{
	for (unsigned i = 0; i < SOCKETS_MAX; i++)
		vc_assert(net.table[i] == NULL);
	net.sim = NULL;
}

int64_t simsock_wall_ns(void)
{
	return net.sim == NULL ? 0 : world_wall_ns(simworld_world(net.sim));
}

uint64_t simsock_now_ns(void)
{
	return net.sim == NULL ? 0 : world_now_ns(simworld_world(net.sim));
}

/* ---- descriptors ---- */

bool simsock_is(int fd)
{
	return fd >= FD_FIRST && fd < FD_FIRST + (int)SOCKETS_MAX && net.table[fd - FD_FIRST] != NULL;
}

static struct socket *socket_of(int fd)
{
	vc_assert(simsock_is(fd));
	return net.table[fd - FD_FIRST];
}

static int descriptor_new(struct socket *socket)
{
	for (unsigned i = 0; i < SOCKETS_MAX; i++) {
		if (net.table[i] == NULL) {
			net.table[i] = socket;
			socket->refs++;
			return FD_FIRST + (int)i;
		}
	}
	return -EMFILE;
}

static void arrive(struct timer *timer);

static struct socket *socket_new(void)
{
	static const size_t windows[] = { 2048, 8192, 65536, 262144 };
	struct socket *socket = calloc(1, sizeof *socket);

	vc_assert(socket != NULL);
	socket->arrival.fire = arrive;
	socket->cut_at = NEVER;
	socket->window = windows[simsock_draw(4)];
	return socket;
}

int simsock_socket(void)
{
	return descriptor_new(socket_new());
}

int simsock_listen(uint16_t port)
{
	struct socket *socket = socket_new();

	socket->state = SOCKET_LISTENING;
	socket->port = port;
	return descriptor_new(socket);
}

static struct socket *listener_find(uint16_t port)
{
	for (unsigned i = 0; i < SOCKETS_MAX; i++)
		if (net.table[i] != NULL && net.table[i]->state == SOCKET_LISTENING && net.table[i]->port == port)
			return net.table[i];
	return NULL;
}

int simsock_connect(int fd, uint16_t port)
{
	struct socket *socket = socket_of(fd), *listener = listener_find(port), *other;

	if (socket->state != SOCKET_FRESH)
		return socket->state == SOCKET_OPEN ? -EISCONN : -EINVAL;
	if (listener == NULL || listener->n_backlog == BACKLOG_MAX)
		return -ECONNREFUSED;
	other = socket_new();
	other->state = socket->state = SOCKET_OPEN;
	other->accepted = true;
	socket->port = other->peer_port = net.next_port++;
	socket->peer_port = other->port = port;
	socket->peer = other;
	other->peer = socket;
	listener->backlog[listener->n_backlog++] = other;
	return -EINPROGRESS;
}

int simsock_accept(int fd)
{
	struct socket *listener = socket_of(fd), *socket;

	if (listener->n_backlog == 0)
		return -EAGAIN;
	if (net.refuse_accepts > 0) {
		net.refuse_accepts--;
		return -EMFILE;
	}
	socket = listener->backlog[0];
	memmove(listener->backlog, listener->backlog + 1, --listener->n_backlog * sizeof listener->backlog[0]);
	return descriptor_new(socket);
}

void simsock_refuse_accepts(unsigned times)
{
	net.refuse_accepts = times;
}

/* ---- on the way ---- */

/* Something is on its way to `socket`; it takes a while. */
static void arrival_set(struct socket *socket)
{
	if (!socket->arrival.armed)
		world_timer_set(simworld_world(net.sim), &socket->arrival, simsock_draw(DELAY_NS_MAX));
}

static void arrive(struct timer *timer)
{
	struct socket *socket = container_of(timer, struct socket, arrival);
	size_t more = socket->len - socket->arrived;

	if (more > 1 && one_in(4))
		more = part_of(more);
	socket->arrived += more;
	if (socket->arrived < socket->len) {
		arrival_set(socket);
		return;
	}
	socket->fin_arrived = socket->fin;
	socket->reset_arrived = socket->reset;
}

static void peer_ends(struct socket *socket, bool reset)
{
	struct socket *peer = socket->peer;

	if (peer == NULL)
		return;
	peer->fin = true;
	peer->reset = peer->reset || reset;
	arrival_set(peer);
}

/* The connection is no more: `socket` finds that out at once, its peer when it has got what was sent before. */
static void cut(struct socket *socket)
{
	peer_ends(socket, socket->cut_reset);
	if (socket->peer != NULL)
		socket->peer->severed = true;
	socket->cut = socket->reset_arrived = true;
}

static void socket_free(struct socket *socket)
{
	for (unsigned i = 0; i < socket->n_backlog; i++) {
		if (socket->backlog[i]->peer != NULL) {
			peer_ends(socket->backlog[i], true);
			socket->backlog[i]->peer->peer = NULL;
		}
		world_timer_cancel(&socket->backlog[i]->arrival);
		free(socket->backlog[i]->bytes);
		free(socket->backlog[i]);
	}
	world_timer_cancel(&socket->arrival);
	free(socket->bytes);
	free(socket);
}

/* A socket in a backlog has no descriptor: it lives until it is accepted or its listener ends. */
int simsock_close(int fd)
{
	struct socket *socket = socket_of(fd);

	net.table[fd - FD_FIRST] = NULL;
	if (--socket->refs > 0)
		return 0;
	if (socket->peer != NULL) {
		peer_ends(socket, socket->len > 0 || socket->cut);
		socket->peer->peer = NULL;
	}
	socket_free(socket);
	return 0;
}

int simsock_dup2(int fd, int to)
{
	struct socket *socket = socket_of(fd);

	if (to < FD_FIRST || to >= FD_FIRST + (int)SOCKETS_MAX)
		return -EBADF;
	if (fd == to)
		return to;
	if (simsock_is(to))
		(void)simsock_close(to);
	net.table[to - FD_FIRST] = socket;
	socket->refs++;
	return to;
}

int simsock_shutdown(int fd)
{
	struct socket *socket = socket_of(fd);

	if (socket->state != SOCKET_OPEN || socket->reset_arrived)
		return -ENOTCONN;
	if (!socket->shut)
		peer_ends(socket, false);
	socket->shut = true;
	return 0;
}

/* ---- bytes ---- */

static size_t window_left(const struct socket *socket)
{
	const struct socket *peer = socket->peer;

	return peer == NULL || peer->len >= peer->window ? 0 : peer->window - peer->len;
}

unsigned simsock_events(int fd)
{
	const struct socket *socket = socket_of(fd);
	bool over = socket->reset_arrived || socket->cut;
	unsigned events = 0;

	if (socket->state == SOCKET_LISTENING)
		return socket->n_backlog > 0 ? WATCH_READ : 0;
	if (socket->state != SOCKET_OPEN)
		return WATCH_READ | WATCH_WRITE; /* it would fail at once */
	if (socket->arrived > 0 || socket->fin_arrived || over)
		events |= WATCH_READ;
	if (window_left(socket) > 0 || socket->peer == NULL || socket->severed || over)
		events |= WATCH_WRITE;
	return events;
}

size_t simsock_readable(int fd)
{
	return socket_of(fd)->arrived;
}

int simsock_error(int fd)
{
	struct socket *socket = socket_of(fd);

	return socket->reset_arrived ? ECONNRESET : 0;
}

uint16_t simsock_port(int fd, bool peer)
{
	const struct socket *socket = socket_of(fd);

	return peer ? socket->peer_port : socket->port;
}

/* How many of `n` bytes a call moves this time. */
static size_t some_of(size_t n)
{
	return n > 1 && one_in(6) ? part_of(n) : n;
}

static size_t iov_bytes(const struct iovec *iov, int n_iov)
{
	size_t n = 0;

	for (int i = 0; i < n_iov; i++)
		n += iov[i].iov_len;
	return n;
}

static void bytes_take(struct socket *socket, const struct iovec *iov, int n_iov, size_t n)
{
	for (int i = 0; i < n_iov && n > 0; i++) {
		size_t part = MIN_OF(iov[i].iov_len, n);

		memcpy(iov[i].iov_base, socket->bytes + socket->start, part);
		socket->start += part;
		socket->len -= part;
		socket->arrived -= part;
		n -= part;
	}
	if (socket->len == 0)
		socket->start = 0;
}

ssize_t simsock_receive(int fd, const struct iovec *iov, int n_iov)
{
	struct socket *socket = socket_of(fd);
	size_t n = MIN_OF(iov_bytes(iov, n_iov), socket->arrived);

	if (socket->state != SOCKET_OPEN)
		return -ENOTCONN;
	if (n == 0 && socket->arrived == 0) {
		if (socket->reset_arrived || socket->cut)
			return -ECONNRESET;
		return socket->fin_arrived ? 0 : -EAGAIN;
	}
	if (one_in(32))
		return socket->accepted && one_in(4) ? -EINTR : -EAGAIN;
	n = some_of(n);
	bytes_take(socket, iov, n_iov, n);
	return (ssize_t)n;
}

static void bytes_put(struct socket *to, const struct iovec *iov, int n_iov, size_t n)
{
	if (to->start + to->len + n > to->size) {
		if (to->len > 0)
			memmove(to->bytes, to->bytes + to->start, to->len);
		to->start = 0;
	}
	if (to->len + n > to->size) {
		to->size = MAX_OF(2 * to->size, to->len + n);
		to->bytes = realloc(to->bytes, to->size);
		vc_assert(to->bytes != NULL);
	}
	for (int i = 0; i < n_iov && n > 0; i++) {
		size_t part = MIN_OF(iov[i].iov_len, n);

		memcpy(to->bytes + to->start + to->len, iov[i].iov_base, part);
		to->len += part;
		n -= part;
	}
}

ssize_t simsock_send(int fd, const struct iovec *iov, int n_iov)
{
	struct socket *socket = socket_of(fd);
	size_t n = iov_bytes(iov, n_iov);

	if (socket->state != SOCKET_OPEN)
		return -ENOTCONN;
	if (socket->reset_arrived || socket->cut || socket->severed)
		return -ECONNRESET;
	if (socket->peer == NULL || socket->shut)
		return -EPIPE;
	if (window_left(socket) == 0 || one_in(32))
		return -EAGAIN;
	n = some_of(MIN_OF(n, window_left(socket)));
	n = MIN_OF(n, socket->cut_at - socket->n_sent);
	bytes_put(socket->peer, iov, n_iov, n);
	socket->n_sent += n;
	arrival_set(socket->peer);
	if (socket->n_sent == socket->cut_at)
		cut(socket);
	return n > 0 ? (ssize_t)n : -ECONNRESET;
}

/* ---- cuts ---- */

static void cut_set(struct socket *socket, uint64_t n_bytes, bool reset)
{
	socket->cut_at = socket->n_sent + n_bytes;
	socket->cut_reset = reset;
	if (n_bytes == 0)
		cut(socket);
}

void simsock_cut_sent(int fd, uint64_t n_bytes, bool reset)
{
	cut_set(socket_of(fd), n_bytes, reset);
}

void simsock_cut_received(int fd, uint64_t n_bytes, bool reset)
{
	struct socket *peer = socket_of(fd)->peer;

	if (peer != NULL)
		cut_set(peer, n_bytes, reset);
}

void simsock_cut_answer(int fd, bool reset)
{
	struct socket *peer = socket_of(fd)->peer;

	if (peer == NULL)
		return;
	peer->cut_at = peer->n_sent;
	peer->cut_reset = reset;
}

bool simsock_is_cut(int fd)
{
	const struct socket *socket = socket_of(fd);

	return socket->cut || socket->reset_arrived || socket->fin_arrived;
}

uint64_t simsock_n_sent(int fd)
{
	return socket_of(fd)->n_sent;
}

uint64_t simsock_n_received(int fd)
{
	const struct socket *peer = socket_of(fd)->peer;

	return peer == NULL ? 0 : peer->n_sent;
}
