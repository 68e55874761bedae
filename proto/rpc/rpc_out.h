/* SPDX-License-Identifier: Apache-2.0 */
/* Writing XDR into a bounded buffer: a few inline stores; running over the end sets a flag instead of writing. */
#ifndef PROTO_RPC_RPC_OUT_H
#define PROTO_RPC_RPC_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

struct rpc_out {
	uint8_t *base;
	uint8_t *next;
	uint8_t *end;
	bool overflow;
};

static inline void rpc_out_init(struct rpc_out *out, uint8_t *buffer, size_t size_bytes)
{
	out->base = out->next = buffer;
	out->end = buffer + size_bytes;
	out->overflow = false;
}

static inline size_t rpc_out_len(const struct rpc_out *out)
{
	return (size_t)(out->next - out->base);
}

static inline size_t rpc_out_room(const struct rpc_out *out)
{
	return (size_t)(out->end - out->next);
}

/* Room for `len_bytes`, or NULL and the flag. */
static inline void *rpc_out_take(struct rpc_out *out, size_t len_bytes)
{
	uint8_t *at = out->next;

	if (rpc_out_room(out) < len_bytes) {
		out->overflow = true;
		return NULL;
	}
	out->next += len_bytes;
	return at;
}

static inline void rpc_out_u32(struct rpc_out *out, uint32_t value)
{
	be32 *at = rpc_out_take(out, sizeof *at);

	if (at != NULL)
		*at = be32_of(value);
}

static inline void rpc_out_u64(struct rpc_out *out, uint64_t value)
{
	be64 *at = rpc_out_take(out, sizeof *at);

	if (at != NULL)
		*at = be64_of(value);
}

#define RPC_PAD(len) ((4U - ((len)&3U)) & 3U)

/* opaque<> or string<>: length, bytes, zeros up to a multiple of four. */
static inline void rpc_out_opaque(struct rpc_out *out, const void *bytes, uint32_t len_bytes)
{
	uint8_t *at = rpc_out_take(out, 4U + (size_t)len_bytes + RPC_PAD(len_bytes));
	be32 len = be32_of(len_bytes);

	if (at == NULL)
		return;
	memcpy(at, &len, sizeof len);
	memcpy(at + 4, bytes, len_bytes);
	memset(at + 4 + len_bytes, 0, RPC_PAD(len_bytes));
}

#endif
