/* SPDX-License-Identifier: Apache-2.0 */
/* The send queue of a stream.
 *
 * THEORY. Bytes without a page of their own (headers) are packed one after the other into a page of the queue's; each piece holds a
 * reference to its page, so the page goes back when its last piece has left. Pieces that touch are one. A header and a
 * data page thus cost two pieces and, in the steady state, no malloc.
 * INVARIANTS.
 *  1. len_bytes is the sum over the pieces, and no piece is empty.
 *  2. An empty queue holds no page. */
#include "base/sendq.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"

enum { SENDQ_FIRST = 64, SENDQ_KEEP = 1024 };

void sendq_init(struct sendq *q)
{
	*q = (struct sendq){ 0 };
}

static inline struct sendq_piece *piece_at(const struct sendq *q, size_t i)
{
	return &q->pieces[(q->head + i) & (q->capacity - 1)];
}

static void packing_drop(struct sendq *q)
{
	page_put(q->packing);
	q->packing = NULL;
	q->packed_bytes = 0;
}

void sendq_fini(struct sendq *q)
{
	for (size_t i = 0; i < q->n; i++)
		page_put(piece_at(q, i)->page);
	packing_drop(q);
	free(q->pieces);
	sendq_init(q);
}

static int sendq_reserve(struct sendq *q, size_t n_more)
{
	size_t capacity = MAX_OF(q->capacity, (size_t)SENDQ_FIRST);
	struct sendq_piece *pieces;

	if (q->n + n_more <= q->capacity)
		return 0;
	while (capacity < q->n + n_more)
		capacity *= 2;
	pieces = reallocarray(NULL, capacity, sizeof *pieces);
	if (pieces == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < q->n; i++)
		pieces[i] = *piece_at(q, i);
	free(q->pieces);
	q->pieces = pieces;
	q->capacity = capacity;
	q->head = 0;
	return 0;
}

/* Append, room being reserved; takes over one reference of `page`. */
static void piece_add(struct sendq *q, const uint8_t *base, size_t len_bytes, struct page *page)
{
	*piece_at(q, q->n++) = (struct sendq_piece){ .base = base, .len_bytes = len_bytes, .page = page };
	q->len_bytes += len_bytes;
}

static void piece_pack(struct sendq *q, const uint8_t *from, size_t len_bytes)
{
	struct sendq_piece *last = q->n > 0 ? piece_at(q, q->n - 1) : NULL;
	uint8_t *to = q->packing->data + q->packed_bytes;

	memcpy(to, from, len_bytes);
	q->packed_bytes += len_bytes;
	if (last != NULL && last->page == q->packing && last->base + last->len_bytes == to) {
		last->len_bytes += len_bytes;
		q->len_bytes += len_bytes;
	} else {
		piece_add(q, to, len_bytes, page_get(q->packing));
	}
}

static int sendq_copy(struct sendq *q, const uint8_t *from, size_t len_bytes)
{
	while (len_bytes > 0) {
		size_t step;

		if (q->packing == NULL || q->packed_bytes == PAGE_SIZE) {
			packing_drop(q);
			q->packing = page_alloc_or_heap();
			if (q->packing == NULL)
				return -ENOMEM;
		}
		step = MIN_OF(len_bytes, PAGE_SIZE - q->packed_bytes);
		piece_pack(q, from, step);
		from += step;
		len_bytes -= step;
	}
	return 0;
}

/* Back to `n` pieces of `len_bytes` in all: what was added is put, a piece that grew shrinks. */
static void sendq_cut(struct sendq *q, size_t n, size_t len_bytes)
{
	while (q->n > n) {
		struct sendq_piece *last = piece_at(q, --q->n);

		q->len_bytes -= last->len_bytes;
		page_put(last->page);
	}
	if (n > 0)
		piece_at(q, n - 1)->len_bytes -= q->len_bytes - len_bytes;
	q->len_bytes = len_bytes;
	packing_drop(q);
}

int sendq_add(struct sendq *q, const struct stream_seg *segs, unsigned n_segs)
{
	size_t n_before = q->n, len_before = q->len_bytes, copied = 0;
	int err;

	for (unsigned i = 0; i < n_segs; i++)
		copied += segs[i].page == NULL ? segs[i].len_bytes : 0;
	err = sendq_reserve(q, n_segs + copied / PAGE_SIZE + 2);
	if (err < 0)
		return err;
	for (unsigned i = 0; i < n_segs; i++) {
		if (segs[i].len_bytes == 0)
			continue;
		if (segs[i].page != NULL)
			piece_add(q, segs[i].base, segs[i].len_bytes, page_get(segs[i].page));
		else
			err = sendq_copy(q, segs[i].base, segs[i].len_bytes);
		if (err < 0) {
			sendq_cut(q, n_before, len_before);
			return err;
		}
	}
	return 0;
}

unsigned sendq_peek(const struct sendq *q, struct iovec *iov, unsigned max, size_t *ret_len_bytes)
{
	unsigned n = (unsigned)MIN_OF(q->n, (size_t)max);
	size_t len_bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct sendq_piece *piece = piece_at(q, i);

		iov[i] = (struct iovec){ .iov_base = (void *)(uintptr_t)piece->base, .iov_len = piece->len_bytes };
		len_bytes += piece->len_bytes;
	}
	*ret_len_bytes = len_bytes;
	return n;
}

void sendq_sent(struct sendq *q, size_t len_bytes)
{
	vc_assert(len_bytes <= q->len_bytes);
	q->len_bytes -= len_bytes;
	while (len_bytes > 0) {
		struct sendq_piece *first = piece_at(q, 0);

		if (len_bytes < first->len_bytes) {
			first->base += len_bytes;
			first->len_bytes -= len_bytes;
			return;
		}
		len_bytes -= first->len_bytes;
		page_put(first->page);
		q->head++;
		q->n--;
	}
	if (q->n > 0)
		return;
	packing_drop(q); /* invariant 2 */
	if (q->capacity > SENDQ_KEEP) {
		free(q->pieces);
		sendq_init(q);
	}
}
