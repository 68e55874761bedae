/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: receiving into a linear buffer or straight into a fill, sending once a turn.
 *
 * THEORY. One readv for each time a socket is ready, however much there is: level triggering brings the loop back,
 * after the others had their turn. The readv takes the open part of the fill and, behind it, up to STREAM_SURPLUS bytes
 * of the buffer (inbuf.h); what is in it is always contiguous for stream_peek. When the budget has no room for more the
 * socket is not read until the gate lets it try again. Callbacks come from one place, stream_dispatch: first `filled`,
 * then `readable` for bytes not yet seen, last `ended`.
 * INVARIANTS.
 *  1. While a fill is unfinished the buffer is empty: the fill takes from it first.
 *  2. The stream's memory outlives every task queued on it: it is freed at the end of a turn with none left. */
#include "base/stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/stream_private.h"

enum {
	STREAM_SURPLUS = 32768,
	/* so much can always be received: a header, which may lead to something being given back */
	STREAM_LEAST = 2048,
	STREAM_SEND_IOV = 512,
	STREAM_SEND_ROUNDS = 8, /* system calls a turn for one stream */
	STREAM_DISPATCH_MAX = 64, /* callbacks in a row for one stream */
};

static void stream_flush(struct stream *stream);
static void stream_end(struct stream *stream, int err);

void stream_watch_update(struct stream *stream)
{
	bool room = (stream->filling && !stream->fill_done) || inbuf_len(&stream->in) < STREAM_PEEK_MAX;
	unsigned events = 0;

	if (stream->state == STREAM_CLOSED)
		return;
	if (!stream->end_found && !stream->paused && !stream->starved && room)
		events |= WATCH_READ;
	if (stream->blocked)
		events |= WATCH_WRITE;
	loop_watch_set(&stream->watch, events);
}

static void free_run(struct task *task)
{
	struct stream *stream = container_of(task, struct stream, free_task);

	if (stream->dispatch_task.queued || stream->yield_task.queued || stream->flush_task.queued ||
	    stream->evict_posted) { /* invariant 2 */
		loop_defer_last(stream->loop, task);
		return;
	}
	budget_account_put(stream->account);
	free(stream);
}

/* The peer does not get all of what it was sent: it finds a reset, no end in good order, and the kernel drops what it
 * has of it, too, which a peer that does not read would leave with it for minutes. */
static void stream_forsake(const struct stream *stream)
{
	const struct linger at_once = { .l_onoff = 1 };

	/* fails on what is no socket any more */
	(void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static void stream_destroy(struct stream *stream)
{
	if (stream->state == STREAM_LINGERING) {
		world_timer_cancel(&stream->linger_timer);
		loop_exit_remove(stream->loop, &stream->exit_hook);
	}
	stream->state = STREAM_CLOSED;
	loop_watch_stop(&stream->watch);
	if (stream->sendq.len_bytes > 0)
		stream_forsake(stream);
	close(stream->fd);
	if (stream->door != NULL) {
		door_leave(stream->door, &stream->guest);
		door_put(stream->door);
	}
	gate_leave(&stream->waiter);
	stream_fill_release(stream);
	inbuf_fini(&stream->in);
	sendq_fini(&stream->sendq);
	loop_defer_last(stream->loop, &stream->free_task);
}

/* Tell the owner one thing; false when there is nothing to tell. */
static bool dispatch_one(struct stream *stream)
{
	if (stream->fill_done) {
		stream_fill_release(stream);
		stream->handler->filled(stream->owner);
		return true;
	}
	if (!stream->filling && !stream->paused &&
	    (stream->goes_on || (stream->unseen && inbuf_len(&stream->in) > 0))) {
		stream->unseen = stream->goes_on = false;
		stream->handler->readable(stream->owner);
		return true;
	}
	if (stream->end_found && !stream->end_told && (!stream->paused || stream->end_err < 0)) {
		stream->end_told = true;
		stream->handler->ended(stream->owner, stream->end_err);
		return true;
	}
	return false;
}

/* Keep what was not taken. */
static void buffer_close(struct stream *stream)
{
	if (inbuf_close(&stream->in) != 0)
		stream_end(stream, -ENOMEM);
}

static void stream_dispatch(struct stream *stream)
{
	unsigned left = STREAM_DISPATCH_MAX;

	stream->dispatching = true;
	while (left > 0 && stream->state == STREAM_OPEN && !stream->yielded && dispatch_one(stream))
		left--;
	stream->dispatching = false;
	if (stream->state != STREAM_OPEN)
		return;
	buffer_close(stream);
	if (stream->state != STREAM_OPEN)
		return;
	if (left == 0)
		world_defer(loop_world(stream->loop), &stream->dispatch_task);
	stream_watch_update(stream);
}

static void dispatch_run(struct task *task)
{
	struct stream *stream = container_of(task, struct stream, dispatch_task);

	if (stream->state == STREAM_OPEN)
		stream_dispatch(stream);
}

static void yield_run(struct task *task)
{
	struct stream *stream = container_of(task, struct stream, yield_task);

	stream->yielded = false;
	stream->goes_on = true; /* it may have more to do than take bytes */
	if (stream->state == STREAM_OPEN)
		stream_dispatch(stream);
}

/* There may be something to tell: not now, inside the owner's call, but soon. */
void stream_dispatch_later(struct stream *stream)
{
	if (!stream->dispatching)
		world_defer(loop_world(stream->loop), &stream->dispatch_task);
}

/* No memory for what the owner wants: it is told of the end, not now, inside its call, but soon. */
void stream_end_later(struct stream *stream)
{
	stream->end_found = true;
	stream->end_err = -ENOMEM;
	stream_dispatch_later(stream);
}

static void stream_end(struct stream *stream, int err)
{
	if (stream->state == STREAM_LINGERING) {
		stream_destroy(stream);
		return;
	}
	if (err < 0) {
		stream->blocked = false;
		stream->paused = false;
		sendq_fini(&stream->sendq);
		if (!stream->end_told)
			stream->end_err = err;
	}
	stream->end_found = true;
	stream_watch_update(stream);
	stream_dispatch(stream);
}

/* How much may be received behind the fill. */
static size_t surplus_room(struct stream *stream, size_t buffer_room)
{
	size_t room = MIN_OF(buffer_room, (size_t)STREAM_SURPLUS), have = inbuf_len(&stream->in);
	size_t least = have < STREAM_LEAST ? STREAM_LEAST - have : 0;

	if (stream->state != STREAM_OPEN) /* lingering: nothing is kept */
		return room;
	return MIN_OF(room, MAX_OF(budget_room(stream->account), least));
}

/* -ENOMEM: there is no room for what would come. */
static ssize_t stream_read(struct stream *stream, size_t *ret_into_fill)
{
	bool filling = stream->filling && !stream->fill_done;
	struct iovec surplus = inbuf_open(&stream->in, loop_scratch(stream->loop)), *iov = &surplus;
	int n_iov = 1;
	ssize_t n;

	surplus.iov_len = filling && stream->fill_more ? 0 : surplus_room(stream, surplus.iov_len);
	if (!filling && surplus.iov_len == 0)
		return -ENOMEM;
	if (filling) {
		stream->fill[stream->fill_n] = surplus;
		iov = &stream->fill[stream->fill_at];
		n_iov += (int)(stream->fill_n - stream->fill_at);
	}
	n = readv(stream->fd, iov, n_iov);
	if (n < 0)
		return -errno;
	*ret_into_fill = filling ? MIN_OF((size_t)n, stream->fill_left) : 0;
	return n;
}

static void heard(struct stream *stream)
{
	atomic_store_explicit(&stream->guest.heard_ns, world_now_ns(loop_world(stream->loop)), memory_order_relaxed);
}

static void stream_starve(struct stream *stream)
{
	stream->starved = true;
	gate_wait(loop_gate(stream->loop), &stream->waiter);
	stream_watch_update(stream);
}

static void stream_took(struct stream *stream, size_t len_bytes, size_t into_fill)
{
	stream->received_bytes += len_bytes;
	heard(stream);
	if (into_fill > 0)
		stream_fill_advance(stream, into_fill);
	if (len_bytes > into_fill) {
		stream->in.end += len_bytes - into_fill;
		stream->unseen = true;
	}
	if (stream->state == STREAM_OPEN)
		stream_dispatch(stream);
	else
		inbuf_fini(&stream->in); /* lingering: nobody reads any more */
}

static void stream_receive(struct stream *stream)
{
	size_t into_fill = 0;
	ssize_t n;

	if (stream->yielded)
		return;
	n = stream_read(stream, &into_fill);
	if (n > 0) {
		stream_took(stream, (size_t)n, into_fill);
		return;
	}
	buffer_close(stream);
	if (stream->state == STREAM_CLOSED)
		return;
	if (n == -ENOMEM)
		stream_starve(stream);
	else if (n != -EAGAIN && n != -EINTR)
		stream_end(stream, (int)n);
}

static void stream_ready(struct watch *watch, unsigned events)
{
	struct stream *stream = container_of(watch, struct stream, watch);

	if (events & WATCH_READ)
		stream_receive(stream);
	else if (events & WATCH_WRITE)
		stream_flush(stream);
}

/* The end of a lingering stream: all is sent, so say that it was the last, and wait for the peer's end. */
static void linger_step(struct stream *stream)
{
	if (stream->sendq.len_bytes > 0 || stream->fin_sent)
		return;
	stream->fin_sent = true;
	if (stream->end_found || shutdown(stream->fd, SHUT_WR) < 0)
		stream_destroy(stream);
}

static int send_once(struct stream *stream)
{
	struct iovec iov[STREAM_SEND_IOV];
	struct msghdr msg = { .msg_iov = iov };
	size_t len_bytes;
	ssize_t n;

	msg.msg_iovlen = sendq_peek(&stream->sendq, iov, STREAM_SEND_IOV, &len_bytes);
	n = sendmsg(stream->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0 && errno != EAGAIN)
		return -errno;
	if (n > 0) {
		sendq_sent(&stream->sendq, (size_t)n);
		stream->sent_bytes += (uint64_t)n;
	}
	stream->blocked = n < 0 || (size_t)n < len_bytes;
	return 0;
}

/* Call the owner if it waits for what has come about. */
static void stream_tell_drained(struct stream *stream, bool some_left)
{
	bool low = stream->above_high && stream->sendq.len_bytes < STREAM_LOW_MARK;

	if (!low && !(stream->wanting && some_left))
		return;
	stream->above_high = stream->above_high && !low;
	stream->wanting = false;
	if (stream->handler->drained != NULL)
		stream->handler->drained(stream->owner);
}

static void stream_flush(struct stream *stream)
{
	uint64_t sent_before = stream->sent_bytes;

	stream->blocked = false;
	for (unsigned i = 0; i < STREAM_SEND_ROUNDS && !stream->blocked && stream->sendq.len_bytes > 0; i++) {
		int err = send_once(stream);

		if (err < 0) {
			stream_end(stream, err);
			return;
		}
	}
	if (!stream->blocked && stream->sendq.len_bytes > 0)
		loop_defer_last(stream->loop, &stream->flush_task);
	stream_watch_update(stream);
	if (stream->state == STREAM_LINGERING)
		linger_step(stream);
	else
		stream_tell_drained(stream, stream->sent_bytes > sent_before);
}

/* Refused by the budget some milliseconds ago, the stream or its owner: try again. */
static void stream_retry(struct gate_waiter *waiter)
{
	struct stream *stream = container_of(waiter, struct stream, waiter);

	stream->starved = false;
	stream_watch_update(stream);
	if (stream->state == STREAM_OPEN)
		stream_tell_drained(stream, true);
}

static void flush_run(struct task *task)
{
	struct stream *stream = container_of(task, struct stream, flush_task);

	if (stream->state != STREAM_CLOSED && !stream->blocked)
		stream_flush(stream);
}

static void linger_timeout(struct timer *timer)
{
	stream_destroy(container_of(timer, struct stream, linger_timer));
}

static void linger_exit(struct loop_exit *hook)
{
	struct stream *stream = container_of(hook, struct stream, exit_hook);

	/* The loop has taken the hook off. */
	world_timer_cancel(&stream->linger_timer);
	stream->state = STREAM_OPEN;
	stream_destroy(stream);
}

/* ---- its place ---- */

static void evict_run(struct task *task)
{
	struct stream *stream = container_of(task, struct stream, evict_task);

	stream->evict_posted = false;
	if (stream->state == STREAM_LINGERING)
		stream_destroy(stream);
	else if (stream->state == STREAM_OPEN)
		stream_end(stream, stream->guest.known && !stream->paused ? 0 : -ECONNABORTED);
}

static void guest_leave(struct door_guest *guest)
{
	struct stream *stream = container_of(guest, struct stream, guest);

	stream->evict_posted = true;
	world_post(loop_world(stream->loop), &stream->evict_task);
}

int stream_enter(struct stream *stream, struct door *door, bool known, bool patient)
{
	int err;

	heard(stream);
	stream->guest.known = known;
	stream->guest.patient = patient;
	stream->guest.leave = guest_leave;
	stream->evict_task.run = evict_run;
	err = door_enter(door, &stream->guest, &stream->peer);
	if (err == 0)
		stream->door = door_get(door);
	return err;
}

void stream_know(struct stream *stream)
{
	if (stream->door != NULL)
		door_know(stream->door, &stream->guest);
}

static int socket_prepare(int fd, struct sockaddr_storage *ret_peer)
{
	struct sockaddr_storage peer = { 0 };
	socklen_t len = sizeof peer;
	int flags = fcntl(fd, F_GETFL), one = 1;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0) {
		if (errno != ENOTCONN)
			return -errno;
		peer.ss_family = AF_UNSPEC; /* gone already: the first read will tell */
	}
	if (peer.ss_family == AF_INET || peer.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* slower without, not wrong */
	*ret_peer = peer;
	return 0;
}

int stream_new(struct loop *loop, int fd, const struct stream_handler *handler, void *owner, struct stream **ret_stream)
{
	struct stream *stream = calloc(1, sizeof *stream);
	int err;

	if (stream == NULL)
		return -ENOMEM;
	stream->loop = loop;
	stream->handler = handler;
	stream->owner = owner;
	stream->fd = fd;
	stream->dispatch_task.run = dispatch_run;
	stream->yield_task.run = yield_run;
	stream->flush_task.run = flush_run;
	stream->free_task.run = free_run;
	stream->linger_timer.fire = linger_timeout;
	stream->exit_hook.run = linger_exit;
	stream->waiter.retry = stream_retry;
	stream->watch.ready = stream_ready;
	err = socket_prepare(fd, &stream->peer);
	if (err == 0)
		err = budget_account_new(&stream->peer, &stream->account);
	if (err == 0)
		err = loop_watch_start(loop, &stream->watch, fd, WATCH_READ);
	inbuf_init(&stream->in, stream->account);
	sendq_init(&stream->sendq, stream->account);
	if (err < 0) {
		budget_account_put(stream->account);
		free(stream);
		return err;
	}
	*ret_stream = stream;
	return 0;
}

void stream_close(struct stream *stream)
{
	vc_assert(stream->state == STREAM_OPEN);
	stream_destroy(stream);
}

void stream_close_after_send(struct stream *stream, unsigned timeout_ms)
{
	vc_assert(stream->state == STREAM_OPEN);
	if (stream->end_found && (stream->end_err < 0 || stream->sendq.len_bytes == 0)) {
		stream_destroy(stream);
		return;
	}
	stream->state = STREAM_LINGERING;
	loop_exit_add(stream->loop, &stream->exit_hook);
	world_timer_set(loop_world(stream->loop), &stream->linger_timer, (uint64_t)timeout_ms * 1000000U);
	stream->paused = false;
	stream->starved = false;
	gate_leave(&stream->waiter);
	stream_fill_release(stream);
	inbuf_fini(&stream->in);
	stream_watch_update(stream);
	linger_step(stream);
}

void stream_pause(struct stream *stream)
{
	stream->paused = true;
	if (!stream->dispatching)
		stream_watch_update(stream);
}

void stream_resume(struct stream *stream)
{
	if (!stream->paused)
		return;
	stream->paused = false;
	stream->unseen = inbuf_len(&stream->in) > 0;
	stream_dispatch_later(stream);
	if (!stream->dispatching)
		stream_watch_update(stream);
}

void stream_send(struct stream *stream, const struct stream_seg *segs, unsigned n_segs)
{
	vc_assert(stream->state == STREAM_OPEN);
	if (stream->end_err < 0)
		return;
	if (sendq_add(&stream->sendq, segs, n_segs) != 0) {
		stream_end_later(stream); /* nothing may be missing between what went before and what comes after */
		return;
	}
	if (stream->sendq.len_bytes > STREAM_HIGH_MARK)
		stream->above_high = true;
	if (!stream->blocked && stream->sendq.len_bytes > 0)
		loop_defer_last(stream->loop, &stream->flush_task);
}

size_t stream_unsent(const struct stream *stream)
{
	return stream->sendq.len_bytes;
}

struct budget_account *stream_account(const struct stream *stream)
{
	return stream->account;
}

void stream_wait(struct stream *stream)
{
	stream->wanting = true;
	gate_wait(loop_gate(stream->loop), &stream->waiter);
}

void stream_yield(struct stream *stream)
{
	stream->yielded = true;
	loop_defer_late(stream->loop, &stream->yield_task);
}

uint64_t stream_received(const struct stream *stream)
{
	return stream->received_bytes;
}

uint64_t stream_sent(const struct stream *stream)
{
	return stream->sent_bytes;
}

void stream_peer(const struct stream *stream, struct sockaddr_storage *ret_peer)
{
	*ret_peer = stream->peer;
}

int stream_fd(const struct stream *stream)
{
	return stream->fd;
}
