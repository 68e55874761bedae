/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream has yet to send: a queue of pieces of pages. Private to stream.c. */
#ifndef BASE_SENDQ_H
#define BASE_SENDQ_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/budget.h"
#include "base/error.h"
#include "base/page.h"
#include "base/stream.h"

struct sendq_piece {
	const uint8_t *base;
	uint32_t len_bytes;
	uint32_t spare_bytes; /* what the piece keeps beside the bytes to send: the rest of its page, and itself */
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
	size_t held_bytes; /* all of it, with what pages and pieces keep beside */
	size_t charged_bytes; /* of it, what the account knows */
	struct budget_account *account;
};

void sendq_init(struct sendq *q, struct budget_account *account);
/* Drop everything. */
void sendq_fini(struct sendq *q);
/* -ENOMEM: nothing was added. */
MUST_CHECK int sendq_add(struct sendq *q, const struct stream_seg *segs, unsigned n_segs);
/* Describe the oldest bytes in at most `max` entries; returns how many entries, *ret_len the bytes in them. */
unsigned sendq_peek(const struct sendq *q, struct iovec *iov, unsigned max, size_t *ret_len_bytes);
/* The oldest `len_bytes` have left. */
void sendq_sent(struct sendq *q, size_t len_bytes);

#endif
