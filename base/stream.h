/* SPDX-License-Identifier: Apache-2.0 */
/* A stream: one non-blocking connected socket on one loop; libevent tells when it is ready, bytes move by our own
 * readv/writev.
 *
 * THEORY. Receiving: bytes land in a buffer the consumer peeks at (headers), or, while a fill is set, straight in the
 * consumer's memory (payloads into pages), with the surplus of the same readv in the buffer. Sending: segments are
 * queued by reference (pages) or by copy (headers) and written once per loop turn with one writev, so replies of a turn
 * share a system call.
 * WRITE PATH. previous hop: the socket; next hop: proto/rpc/rpc_conn.c, proto/iscsi/iscsi_conn.c.
 * THREADS. The loop it was made on. Callbacks may call stream_close. No callback after stream_close returned; the
 * stream is freed by the loop after the present turn. */
#ifndef BASE_STREAM_H
#define BASE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/budget.h"
#include "base/door.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/page.h"

struct stream;

struct stream_handler {
	/* New bytes may be peeked at: consume as much as you can in one call (or stream_yield). Not called while a fill
	 * is unfinished or receiving is paused, nor again for bytes peeked at before. */
	void (*readable)(void *owner);
	/* The fill set by stream_fill is complete. Peek, or set the next one. Comes even while receiving is paused. */
	void (*filled)(void *owner);
	/* The send queue fell below the low mark after having been above the high mark, or after stream_wait it may be
	 * worth while to try again. May be NULL. */
	void (*drained)(void *owner);
	/* The peer ended (err 0) or the socket failed (negative errno). Called once; the owner then calls
	 * stream_close. */
	void (*ended)(void *owner, int err);
};

/* One piece to send: `page` holds the bytes (a reference is taken), or NULL and the bytes are copied. */
struct stream_seg {
	const void *base;
	size_t len_bytes;
	struct page *page;
};

/* Take over the socket `fd` (made non-blocking, TCP_NODELAY when TCP). On error the caller keeps the fd. -ENOMEM,
 * -ENOTSOCK. */
MUST_CHECK int stream_new(struct loop *loop, int fd, const struct stream_handler *handler, void *owner,
                          struct stream **ret_stream);
/* Take a place at the door, to be kept until the descriptor is closed (a stream that lingers has it still). `known`,
 * `patient`: as door_guest has them. Whoever is put out is told of an end: of a known peer that is read from, as if the
 * peer had ended (what it asked is still answered); else ECONNABORTED. -EMFILE, -ENOMEM: no place; close the stream. A
 * reference to the door is kept. */
MUST_CHECK int stream_enter(struct stream *stream, struct door *door, bool known, bool patient);
/* Its peer has a right, from now on. */
void stream_know(struct stream *stream);
/* Close now: what is unsent is dropped and its pages released; the peer then finds a reset. */
void stream_close(struct stream *stream);
/* Close once everything queued has been sent and the peer has ended too (so that its late bytes cannot reset the
 * connection under the last reply), or after `timeout_ms`. No callback any more. */
void stream_close_after_send(struct stream *stream, unsigned timeout_ms);

/* Contiguous received bytes not yet consumed: sets *ret_bytes, returns how many (0: none; at most STREAM_PEEK_MAX).
 * Valid until the next call on this stream or the return to the loop. */
#define STREAM_PEEK_MAX LOOP_SCRATCH_BYTES
size_t stream_peek(struct stream *stream, const uint8_t **ret_bytes);
void stream_consume(struct stream *stream, size_t len_bytes);
/* Receive exactly the bytes `iov` describes into it (first from the buffer, then from the socket); `filled` is called
 * when complete, never inline. The vector is copied; the memory stays the caller's and must live until `filled`,
 * stream_fill_cancel or close. At most STREAM_FILL_IOV entries. `more`: what follows them goes into the next fill, so
 * nothing behind them is received. */
#define STREAM_FILL_IOV 520U
void stream_fill(struct stream *stream, const struct iovec *iov, unsigned n_iov, bool more);
/* Drop the fill; what it already took is lost to the buffer. */
void stream_fill_cancel(struct stream *stream);
/* Stop / resume reading from the socket (back-pressure). Resume calls readable again when bytes are buffered. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* Queue bytes; sent at the end of this loop turn. Never blocks, never partial, and never ends the stream inside of this
 * call: when there is no memory for them, or the socket has failed, they and all later ones are dropped, and `ended`
 * tells. */
void stream_send(struct stream *stream, const struct stream_seg *segs, unsigned n_segs);
/* Bytes queued and not yet given to the kernel. Above STREAM_HIGH_MARK a well-behaved owner stops taking requests until
 * `drained`. */
#define STREAM_HIGH_MARK (8U << 20)
#define STREAM_LOW_MARK (2U << 20)
size_t stream_unsent(const struct stream *stream);

/* The connection's account in the budget, borrowed. What is received and what is to be sent is charged to it here; at
 * its limit the stream reads no more, by itself. What the owner keeps for the connection it charges itself, with a
 * reference of its own if that may last longer. */
struct budget_account *stream_account(const struct stream *stream);
/* The owner was refused memory: `drained` is called when some of what is to be sent has left, or a few milliseconds
 * later. */
void stream_wait(struct stream *stream);
/* The owner has done its part of this turn and left bytes: `readable` is called again, when the others had their
 * turn. */
void stream_yield(struct stream *stream);
#define STREAM_TURN_REQUESTS 16U /* requests a turn and connection: many small ones must not keep the others waiting */
/* Bytes ever received and ever given to the kernel: whether a peer moves on. */
uint64_t stream_received(const struct stream *stream);
uint64_t stream_sent(const struct stream *stream);
/* Bytes the fill still waits for. */
size_t stream_fill_left(const struct stream *stream);

/* The peer's address; ss_family AF_UNIX for unix sockets. */
void stream_peer(const struct stream *stream, struct sockaddr_storage *ret_peer);
int stream_fd(const struct stream *stream);

/* A listening socket: `accepted` gets each new connection's descriptor (non-blocking, close-on-exec) and owns it. When
 * descriptors run out, accepting pauses 100 ms and goes on: no spin. Takes over `listen_fd` (closed by listener_free)
 * unless it fails. `accepted` may call listener_free. */
struct listener;
MUST_CHECK int listener_new(struct loop *loop, int listen_fd, void (*accepted)(void *owner, int fd), void *owner,
                            struct listener **ret_listener);
void listener_free(struct listener *listener);
/* Accept nothing until listener_resume: who comes waits in the kernel. Also inside `accepted`. */
void listener_pause(struct listener *listener);
void listener_resume(struct listener *listener);

#endif
