/* SPDX-License-Identifier: Apache-2.0 */
/* A stream's own: between stream.c (the socket, callbacks, sending) and stream_fill.c (what was received). */
#ifndef BASE_STREAM_PRIVATE_H
#define BASE_STREAM_PRIVATE_H

#include "base/inbuf.h"
#include "base/sendq.h"
#include "base/stream.h"

enum {
	STREAM_FEW_IOV = 8, /* a fill of more has its vector on the heap */
};

enum stream_state { STREAM_OPEN, STREAM_LINGERING, STREAM_CLOSED };

struct stream {
	struct loop *loop;
	const struct stream_handler *handler;
	void *owner;
	struct watch watch;
	int fd;
	enum stream_state state;
	bool paused;
	bool unseen; /* bytes came that the owner has not peeked at */
	bool filling;
	bool fill_done;
	bool fill_more; /* nothing behind the fill is wanted */
	bool dispatching;
	bool blocked; /* the kernel's send buffer is full */
	bool above_high;
	bool end_found; /* the peer's end or an error: no more reading */
	bool end_told;
	bool fin_sent;
	int end_err;
	struct task dispatch_task;
	struct task yield_task;
	struct task flush_task;
	struct task free_task;
	struct task evict_task;
	bool evict_posted; /* set under the door's lock; the stream stays until the task has run */
	struct door *door; /* NULL: none */
	struct door_guest guest;
	struct timer linger_timer;
	struct loop_exit exit_hook;
	bool yielded; /* the owner goes on in its next dispatch; nothing is received before */
	bool goes_on; /* its turn has come */
	bool starved; /* the budget had no room to read */
	bool wanting; /* the owner waits for room */
	struct gate_waiter waiter;
	struct budget_account *account;
	struct inbuf in;
	uint64_t received_bytes, sent_bytes;
	size_t fill_left;
	unsigned fill_at;
	unsigned fill_n;
	struct iovec *fill; /* with room for one more, the buffer's; `few` or on the heap; NULL: none */
	struct iovec few[STREAM_FEW_IOV + 1];
	struct sendq sendq;
	struct sockaddr_storage peer;
};

/* The loop watches what the stream wants now. */
void stream_watch_update(struct stream *stream);
/* Callbacks that are due come in this turn. */
void stream_dispatch_later(struct stream *stream);
/* The stream ends for want of memory, in this turn, not inside the caller's call. */
void stream_end_later(struct stream *stream);
/* The fill is over. */
void stream_fill_release(struct stream *stream);
/* `len_bytes` more of the fill are there. */
void stream_fill_advance(struct stream *stream, size_t len_bytes);

#endif
