/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream has received, as its owner takes it: peeked at in the buffer, or received straight into a fill. */
#include "base/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/stream_private.h"

void stream_fill_release(struct stream *stream)
{
	if (stream->fill != stream->few)
		free(stream->fill);
	stream->fill = NULL;
	stream->filling = false;
	stream->fill_done = false;
}

void stream_fill_advance(struct stream *stream, size_t len_bytes)
{
	stream->fill_left -= len_bytes;
	while (len_bytes > 0) {
		struct iovec *iov = &stream->fill[stream->fill_at];
		size_t step = MIN_OF(len_bytes, iov->iov_len);

		iov->iov_base = (uint8_t *)iov->iov_base + step;
		iov->iov_len -= step;
		len_bytes -= step;
		if (iov->iov_len == 0)
			stream->fill_at++;
	}
	if (stream->fill_left == 0)
		stream->fill_done = true;
}

size_t stream_peek(struct stream *stream, const uint8_t **ret_bytes)
{
	stream->unseen = false;
	*ret_bytes = inbuf_len(&stream->in) > 0 ? stream->in.bytes + stream->in.start : NULL;
	return inbuf_len(&stream->in);
}

/* The owner took some outside of a dispatch: there may be room again, and nothing left to keep. */
static void buffer_taken(struct stream *stream, bool was_full)
{
	if (stream->dispatching)
		return;
	if (inbuf_len(&stream->in) == 0)
		inbuf_fini(&stream->in);
	if (was_full)
		stream_watch_update(stream);
}

void stream_consume(struct stream *stream, size_t len_bytes)
{
	bool was_full = inbuf_len(&stream->in) == STREAM_PEEK_MAX;

	vc_assert(len_bytes <= inbuf_len(&stream->in));
	stream->in.start += len_bytes;
	buffer_taken(stream, was_full);
}

static void fill_from_buffer(struct stream *stream)
{
	while (stream->fill_left > 0 && inbuf_len(&stream->in) > 0) {
		const struct iovec *iov = &stream->fill[stream->fill_at];
		size_t step = MIN_OF(iov->iov_len, inbuf_len(&stream->in));

		memcpy(iov->iov_base, stream->in.bytes + stream->in.start, step);
		stream->in.start += step;
		stream_fill_advance(stream, step);
	}
	buffer_taken(stream, false);
}

/* Room for the vector and the buffer's entry. */
static struct iovec *fill_vector(struct stream *stream, unsigned n_iov)
{
	return n_iov <= STREAM_FEW_IOV ? stream->few : reallocarray(NULL, n_iov + 1U, sizeof(struct iovec));
}

void stream_fill(struct stream *stream, const struct iovec *iov, unsigned n_iov, bool more)
{
	vc_assert(!stream->filling && n_iov <= STREAM_FILL_IOV);
	stream->fill = fill_vector(stream, n_iov);
	if (stream->fill == NULL) {
		stream_end_later(stream);
		return;
	}
	stream->filling = true;
	stream->fill_more = more;
	stream->fill_at = 0;
	stream->fill_n = 0;
	stream->fill_left = 0;
	for (unsigned i = 0; i < n_iov; i++) {
		if (iov[i].iov_len == 0)
			continue;
		stream->fill[stream->fill_n++] = iov[i];
		stream->fill_left += iov[i].iov_len;
	}
	fill_from_buffer(stream);
	stream->fill_done = stream->fill_left == 0;
	if (stream->fill_done)
		stream_dispatch_later(stream);
	if (!stream->dispatching)
		stream_watch_update(stream);
}

void stream_fill_cancel(struct stream *stream)
{
	if (!stream->filling)
		return;
	stream_fill_release(stream);
	stream->unseen = inbuf_len(&stream->in) > 0;
	stream_dispatch_later(stream);
	if (!stream->dispatching)
		stream_watch_update(stream);
}

size_t stream_fill_left(const struct stream *stream)
{
	return stream->filling ? stream->fill_left : 0;
}
