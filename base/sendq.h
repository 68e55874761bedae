/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream has yet to send: a queue of pieces of pages. Private to stream.c. */
#ifndef BASE_SENDQ_H
#define BASE_SENDQ_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "base/page.h"
#include "base/stream.h"

struct sendq_piece {
	const uint8_t *base;
	size_t len_bytes;
	struct page *page; /* one reference a piece */
};

struct sendq {
	struct sendq_piece *pieces; /* a ring */
	size_t capacity; /* a power of two, or 0 */
	size_t head;
	size_t n;
	size_t len_bytes; /* all pieces together */
	struct page *packing; /* where copied bytes go, up to the page's end */
	size_t packed_bytes;
};

void sendq_init(struct sendq *q);
/* Drop everything. */
void sendq_fini(struct sendq *q);
/* -ENOMEM: nothing was added. */
MUST_CHECK int sendq_add(struct sendq *q, const struct stream_seg *segs, unsigned n_segs);
/* Describe the oldest bytes in at most `max` entries; returns how many entries, *ret_len the bytes in them. */
unsigned sendq_peek(const struct sendq *q, struct iovec *iov, unsigned max, size_t *ret_len_bytes);
/* The oldest `len_bytes` have left. */
void sendq_sent(struct sendq *q, size_t len_bytes);

#endif
