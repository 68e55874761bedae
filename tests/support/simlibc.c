/* SPDX-License-Identifier: Apache-2.0 */
/* The C library's calls about sockets and time, for a whole program and the shared libraries in it: simulated sockets
 * (simsock.h) are served here, all else goes to the kernel as ever. Time and rand() are the simulated world's while
 * there is one. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/loop.h"
#include "tests/support/simsock.h"

#define NS_PER_S 1000000000ULL

static long result_of(long result)
{
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

/* ---- sockets ---- */

int socket(int domain, int type, int protocol)
{
	if (simsock_now_ns() == 0 || domain == AF_UNIX)
		return (int)syscall(SYS_socket, domain, type, protocol);
	return (int)result_of(simsock_socket());
}

int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
	return simsock_is(fd) ? 0 : (int)syscall(SYS_bind, fd, address.__sockaddr__, len);
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
	struct sockaddr_in in;

	if (!simsock_is(fd))
		return (int)syscall(SYS_connect, fd, address.__sockaddr__, len);
	memcpy(&in, address.__sockaddr__, sizeof in);
	return (int)result_of(simsock_connect(fd, ntohs(in.sin_port)));
}

int accept4(int fd, __SOCKADDR_ARG address, socklen_t *len, int flags)
{
	if (!simsock_is(fd))
		return (int)syscall(SYS_accept4, fd, address.__sockaddr__, len, flags);
	return (int)result_of(simsock_accept(fd));
}

int shutdown(int fd, int how)
{
	return simsock_is(fd) ? (int)result_of(simsock_shutdown(fd)) : (int)syscall(SYS_shutdown, fd, how);
}

int close(int fd)
{
	return simsock_is(fd) ? simsock_close(fd) : (int)syscall(SYS_close, fd);
}

int dup2(int fd, int to)
{
	return simsock_is(fd) ? (int)result_of(simsock_dup2(fd, to)) : (int)syscall(SYS_dup2, fd, to);
}

static int name_get(int fd, bool peer, struct sockaddr *address, socklen_t *len)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		                  .sin_port = htons(simsock_port(fd, peer)),
		                  .sin_addr = { htonl(INADDR_LOOPBACK) } };

	if (in.sin_port == 0)
		return (int)result_of(-ENOTCONN);
	memcpy(address, &in, MIN_OF(*len, (socklen_t)sizeof in));
	*len = sizeof in;
	return 0;
}

int getsockname(int fd, __SOCKADDR_ARG address, socklen_t *len)
{
	return simsock_is(fd) ? name_get(fd, false, address.__sockaddr__, len)
	                      : (int)syscall(SYS_getsockname, fd, address.__sockaddr__, len);
}

int getpeername(int fd, __SOCKADDR_ARG address, socklen_t *len)
{
	return simsock_is(fd) ? name_get(fd, true, address.__sockaddr__, len)
	                      : (int)syscall(SYS_getpeername, fd, address.__sockaddr__, len);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	int error;

	if (!simsock_is(fd))
		return (int)syscall(SYS_getsockopt, fd, level, name, value, len);
	error = level == SOL_SOCKET && name == SO_ERROR ? simsock_error(fd) : 0;
	memcpy(value, &error, MIN_OF(*len, (socklen_t)sizeof error));
	return 0;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return simsock_is(fd) ? 0 : (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

int fcntl(int fd, int command, ...)
{
	va_list args;
	long arg;

	va_start(args, command);
	arg = va_arg(args, long);
	va_end(args);
	if (!simsock_is(fd))
		return (int)syscall(SYS_fcntl, fd, command, arg);
	return command == F_GETFL ? O_RDWR | O_NONBLOCK : 0;
}

int ioctl(int fd, unsigned long command, ...)
{
	va_list args;
	void *arg;

	va_start(args, command);
	arg = va_arg(args, void *);
	va_end(args);
	if (!simsock_is(fd))
		return (int)syscall(SYS_ioctl, fd, command, arg);
	if (command == FIONREAD)
		*(int *)arg = (int)simsock_readable(fd);
	return 0;
}

static bool all_simulated(const struct pollfd *fds, nfds_t n)
{
	for (nfds_t i = 0; i < n; i++)
		if (fds[i].fd >= 0 && !simsock_is(fds[i].fd))
			return false;
	return n > 0;
}

/* Never waits for simulated sockets: who asks does so when the world has told him to. */
int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	int n_ready = 0;

	if (!all_simulated(fds, n))
		return (int)syscall(SYS_poll, fds, n, timeout_ms);
	for (nfds_t i = 0; i < n; i++) {
		unsigned events = fds[i].fd < 0 ? 0 : simsock_events(fds[i].fd);

		fds[i].revents = (short)(fds[i].events &
		                         ((events & WATCH_READ ? POLLIN : 0) | (events & WATCH_WRITE ? POLLOUT : 0)));
		n_ready += fds[i].revents != 0;
	}
	return n_ready;
}

/* ---- bytes ---- */

ssize_t readv(int fd, const struct iovec *iov, int n_iov)
{
	return simsock_is(fd) ? result_of(simsock_receive(fd, iov, n_iov)) : syscall(SYS_readv, fd, iov, n_iov);
}

ssize_t read(int fd, void *bytes, size_t len)
{
	struct iovec iov = { bytes, len };

	return simsock_is(fd) ? readv(fd, &iov, 1) : syscall(SYS_read, fd, bytes, len);
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
	struct iovec iov = { bytes, len };

	return simsock_is(fd) ? readv(fd, &iov, 1) : syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL);
}

ssize_t writev(int fd, const struct iovec *iov, int n_iov)
{
	return simsock_is(fd) ? result_of(simsock_send(fd, iov, n_iov)) : syscall(SYS_writev, fd, iov, n_iov);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)bytes, len };

	return simsock_is(fd) ? writev(fd, &iov, 1) : syscall(SYS_write, fd, bytes, len);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
	struct iovec iov = { (void *)(uintptr_t)bytes, len };

	return simsock_is(fd) ? writev(fd, &iov, 1) : syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	return simsock_is(fd) ? writev(fd, msg->msg_iov, (int)msg->msg_iovlen) : syscall(SYS_sendmsg, fd, msg, flags);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	return simsock_is(fd) ? readv(fd, msg->msg_iov, (int)msg->msg_iovlen) : syscall(SYS_recvmsg, fd, msg, flags);
}

/* ---- names ---- */

/* Whatever the name, it is here: nobody asks a resolver. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret_list)
{
	struct {
		struct addrinfo info;
		struct sockaddr_in in;
	} *one = calloc(1, sizeof *one);

	(void)node, (void)hints;
	if (one == NULL)
		return EAI_MEMORY;
	one->in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	one->in.sin_port = service == NULL ? 0 : htons((uint16_t)strtoul(service, NULL, 10));
	one->info = (struct addrinfo){ .ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_addrlen = sizeof one->in };
	one->info.ai_addr = (struct sockaddr *)&one->in;
	*ret_list = &one->info;
	return 0;
}

void freeaddrinfo(struct addrinfo *list)
{
	free(list);
}

/* ---- time and chance ---- */

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	uint64_t ns = clock == CLOCK_REALTIME ? (uint64_t)simsock_wall_ns() : simsock_now_ns();

	if (ns == 0)
		return (int)syscall(SYS_clock_gettime, clock, ret_time);
	*ret_time = (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S) };
	return 0;
}

int gettimeofday(struct timeval *restrict ret_time, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	*ret_time = (struct timeval){ .tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000 };
	return 0;
}

time_t time(time_t *ret_time)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ret_time != NULL)
		*ret_time = now.tv_sec;
	return now.tv_sec;
}

int(rand)(void)
{
	return (int)simsock_draw(RAND_MAX);
}

void(srand)(unsigned seed)
{
	(void)seed;
}
