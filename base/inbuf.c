/* SPDX-License-Identifier: Apache-2.0 */
/* The receive buffer of a stream. */
#include "base/inbuf.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/loop.h"

#define OWN_STEP 512U

void inbuf_init(struct inbuf *buf, struct budget_account *account)
{
	*buf = (struct inbuf){ .account = account };
}

static void own_free(struct inbuf *buf)
{
	budget_give(buf->account, buf->own_bytes);
	free(buf->own);
	buf->own = NULL;
	buf->own_bytes = 0;
}

void inbuf_fini(struct inbuf *buf)
{
	own_free(buf);
	buf->bytes = NULL;
	buf->start = buf->end = 0;
}

struct iovec inbuf_open(struct inbuf *buf, uint8_t *scratch)
{
	size_t len = inbuf_len(buf);

	if (len > 0)
		memcpy(scratch, buf->bytes + buf->start, len);
	buf->bytes = scratch;
	buf->start = 0;
	buf->end = len;
	return (struct iovec){ .iov_base = scratch + len, .iov_len = LOOP_SCRATCH_BYTES - len };
}

/* Own memory for `len` bytes: what there is, unless it is much too big. */
static int own_fit(struct inbuf *buf, size_t len)
{
	size_t size = ROUND_UP(len, OWN_STEP);

	if (buf->own_bytes >= len && buf->own_bytes <= 2 * size)
		return 0;
	own_free(buf);
	buf->own = malloc(size);
	if (buf->own == NULL)
		return -ENOMEM;
	buf->own_bytes = size;
	budget_charge(buf->account, size);
	return 0;
}

int inbuf_close(struct inbuf *buf)
{
	size_t len = inbuf_len(buf);

	if (len == 0 || (buf->bytes != buf->own && own_fit(buf, len) != 0)) {
		inbuf_fini(buf);
		return len == 0 ? 0 : -ENOMEM;
	}
	if (buf->bytes != buf->own) {
		memcpy(buf->own, buf->bytes + buf->start, len);
		buf->bytes = buf->own;
		buf->start = 0;
		buf->end = len;
	}
	return 0;
}
