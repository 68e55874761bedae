/* SPDX-License-Identifier: Apache-2.0 */
/* Simulated TCP sockets: connections inside this process, in simulated time, with everything that may happen to one.
 *
 * THEORY. simlibc.c defines socket, connect, poll, read, send, close, ... for the whole program, libnfs and libiscsi in
 * it too: descriptors of this range are served here, all others go to the kernel. So neither the server's base/stream.c
 * nor the clients know the difference. Bytes sent travel for a while, arrive in pieces of any size, and wait in a
 * window of a few KiB to some hundred; calls move fewer bytes than they were asked to, or none at all (EAGAIN, EINTR).
 * All of it follows from the seed.
 * CUTS. A connection is cut when one side has sent so many bytes more: what was sent before arrives, then the other
 * side finds the end (or a reset), and this one a reset.
 * THREADS. One. */
#ifndef TESTS_SUPPORT_SIMSOCK_H
#define TESTS_SUPPORT_SIMSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "tests/support/simworld.h"

/* No socket is left from before. Sockets, time of day and rand() are the world's from now on, until simsock_end. */
void simsock_begin(struct simworld *sim, uint64_t seed);
/* Every descriptor must have been closed. */
void simsock_end(void);
/* A listening socket. */
int simsock_listen(uint16_t port);
/* WATCH_READ, WATCH_WRITE: what would not wait. */
unsigned simsock_events(int fd);
/* A number below `n` of the network's own stream. */
unsigned simsock_draw(unsigned n);

/* Cut the connection when this side has sent `n_bytes` more; `reset`: the other side finds a reset, else the end. */
void simsock_cut_sent(int fd, uint64_t n_bytes, bool reset);
/* The same, when the other side has. */
void simsock_cut_received(int fd, uint64_t n_bytes, bool reset);
/* Cut it when the other side sends its next byte, which does not arrive. */
void simsock_cut_answer(int fd, bool reset);
bool simsock_is_cut(int fd);
/* Bytes sent by this side and by the other, ever. */
uint64_t simsock_n_sent(int fd);
uint64_t simsock_n_received(int fd);
/* accept() finds no descriptor the next `times`. */
void simsock_refuse_accepts(unsigned times);
/* Virtual nanoseconds since 1970; 0: not simulated now. */
int64_t simsock_wall_ns(void);
uint64_t simsock_now_ns(void);

/* For simlibc.c: as the calls of the same names, errno as the value. */
bool simsock_is(int fd);
int simsock_socket(void);
int simsock_connect(int fd, uint16_t port);
int simsock_accept(int fd);
int simsock_close(int fd);
int simsock_dup2(int fd, int to);
int simsock_shutdown(int fd);
int simsock_error(int fd); /* SO_ERROR */
uint16_t simsock_port(int fd, bool peer); /* 0: not connected */
size_t simsock_readable(int fd); /* FIONREAD */
ssize_t simsock_receive(int fd, const struct iovec *iov, int n_iov);
ssize_t simsock_send(int fd, const struct iovec *iov, int n_iov);

#endif
