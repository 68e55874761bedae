/* SPDX-License-Identifier: Apache-2.0 */
/* The send queue of a stream.
 *
 * THEORY. Bytes without a page of their own (headers) are packed one after the other into a page of the queue's; each
 * piece holds a reference to its page, so the page goes back when its last piece has left. Pieces that touch are one. A
 * header and a data page thus cost two pieces and, in the steady state, no malloc.
 * INVARIANTS.
 *  1. len_bytes is the sum over the pieces, and no piece is empty.
 *  2. An empty queue holds no page, and little else.
 *  3. held_bytes is the sum of the bytes and spare bytes of all pieces, and of the page that is being packed; between
 *     two calls that is what the account is charged. */
#include "base/sendq.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"

enum { SENDQ_FIRST = 16, SENDQ_KEEP = 64 };

void sendq_init(struct sendq *q, struct budget_account *account)
{
	*q = (struct sendq){ .account = account };
}

/* Invariant 3. */
static void sendq_settle(struct sendq *q)
{
	if (q->held_bytes > q->charged_bytes)
		budget_charge(q->account, q->held_bytes - q->charged_bytes);
	else if (q->held_bytes < q->charged_bytes)
		budget_give(q->account, q->charged_bytes - q->held_bytes);
	q->charged_bytes = q->held_bytes;
}

static inline struct sendq_piece *piece_at(const struct sendq *q, size_t i)
{
	return &q->pieces[(q->head + i) & (q->capacity - 1)];
}

static void packing_drop(struct sendq *q)
{
	q->held_bytes -= q->packing != NULL ? PAGE_SIZE : 0;
	page_put(q->packing);
	q->packing = NULL;
	q->packed_bytes = 0;
}

void sendq_fini(struct sendq *q)
{
	for (size_t i = 0; i < q->n; i++)
		page_put(piece_at(q, i)->page);
	packing_drop(q);
	q->held_bytes = 0;
	sendq_settle(q);
	free(q->pieces);
	sendq_init(q, q->account);
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

/* Append, room being reserved; takes over one reference of `page`, of which `page_bytes` are kept for this piece. */
static void piece_add(struct sendq *q, const uint8_t *base, size_t len_bytes, struct page *page, size_t page_bytes)
{
	size_t spare = page_bytes - MIN_OF(page_bytes, len_bytes) + sizeof(struct sendq_piece);

	*piece_at(q, q->n++) = (struct sendq_piece){
		.base = base, .len_bytes = (uint32_t)len_bytes, .spare_bytes = (uint32_t)spare, .page = page
	};
	q->len_bytes += len_bytes;
	q->held_bytes += len_bytes + spare;
}

static void piece_pack(struct sendq *q, const uint8_t *from, size_t len_bytes)
{
	struct sendq_piece *last = q->n > 0 ? piece_at(q, q->n - 1) : NULL;
	uint8_t *to = q->packing->data + q->packed_bytes;

	memcpy(to, from, len_bytes);
	q->packed_bytes += len_bytes;
	if (last != NULL && last->page == q->packing && last->base + last->len_bytes == to) {
		last->len_bytes += (uint32_t)len_bytes;
		q->len_bytes += len_bytes;
		q->held_bytes += len_bytes;
	} else {
		piece_add(q, to, len_bytes, page_get(q->packing), len_bytes);
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
			q->held_bytes += PAGE_SIZE;
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
		q->held_bytes -= last->len_bytes + last->spare_bytes;
		page_put(last->page);
	}
	if (n > 0)
		piece_at(q, n - 1)->len_bytes -= (uint32_t)(q->len_bytes - len_bytes);
	q->held_bytes -= q->len_bytes - len_bytes;
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
			piece_add(q, segs[i].base, segs[i].len_bytes, page_get(segs[i].page), PAGE_SIZE);
		else
			err = sendq_copy(q, segs[i].base, segs[i].len_bytes);
		if (err < 0) {
			sendq_cut(q, n_before, len_before);
			break;
		}
	}
	sendq_settle(q);
	return err;
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

/* The first piece has left. */
static void piece_gone(struct sendq *q)
{
	q->held_bytes -= piece_at(q, 0)->spare_bytes;
	page_put(piece_at(q, 0)->page);
	q->head++;
	q->n--;
}

void sendq_sent(struct sendq *q, size_t len_bytes)
{
	vc_assert(len_bytes <= q->len_bytes);
	q->len_bytes -= len_bytes;
	q->held_bytes -= len_bytes;
	while (len_bytes > 0) {
		struct sendq_piece *first = piece_at(q, 0);
		uint32_t step = (uint32_t)MIN_OF(len_bytes, (size_t)first->len_bytes);

		first->base += step;
		first->len_bytes -= step;
		len_bytes -= step;
		if (first->len_bytes == 0)
			piece_gone(q);
	}
	if (q->n == 0)
		packing_drop(q); /* invariant 2 */
	sendq_settle(q);
	if (q->n == 0 && q->capacity > SENDQ_KEEP) {
		free(q->pieces);
		sendq_init(q, q->account);
	}
}
