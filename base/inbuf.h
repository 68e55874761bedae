/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream has received and its owner has not taken. Private to stream.c.
 *
 * THEORY. Bytes are received into scratch memory that all streams of a loop share, behind those left from before. What
 * the owner leaves of them is kept in memory of the buffer's own, not much bigger than need be and charged to the
 * connection's account. So a connection between two requests keeps nothing, and one with half a request little more
 * than that half.
 * INVARIANTS.
 *  1. Between inbuf_open and inbuf_close the bytes are in the scratch; else in `own`, or there are none.
 *  2. The account is charged for `own_bytes`. */
#ifndef BASE_INBUF_H
#define BASE_INBUF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/budget.h"
#include "base/error.h"

struct inbuf {
	struct budget_account *account;
	uint8_t *bytes; /* received and not taken: [start, end) of it */
	size_t start, end;
	uint8_t *own;
	size_t own_bytes;
};

void inbuf_init(struct inbuf *buf, struct budget_account *account);
void inbuf_fini(struct inbuf *buf);
static inline size_t inbuf_len(const struct inbuf *buf)
{
	return buf->end - buf->start;
}

/* Move to `scratch`, which has LOOP_SCRATCH_BYTES; returns the room behind what is there. */
struct iovec inbuf_open(struct inbuf *buf, uint8_t *scratch);
/* Leave the scratch: what was not taken is kept. -ENOMEM: it is lost. Also a no-op when it is not open, but that an
 * empty buffer keeps nothing. */
MUST_CHECK int inbuf_close(struct inbuf *buf);

#endif
