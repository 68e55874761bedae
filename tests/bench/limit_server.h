/* SPDX-License-Identifier: Apache-2.0 */
/* The limit: the least work an NFSv3 or iSCSI server can do, to compare real servers against. Not a server to use. */
#ifndef LIMIT_SERVER_H
#define LIMIT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define LIMIT_IOV_MAX 512U
#define LIMIT_HEAD_BYTES (1U << 17)
#define LIMIT_TASKS 256U
/* The most one message may add to the output before the caller has to look at the room again. */
#define LIMIT_IOV_ROOM 64U
#define LIMIT_HEAD_ROOM 8192U

/* The one file, the one LUN: plain memory. */
struct limit_memory {
	uint8_t *bytes;
	uint64_t size_bytes;
};

/* An iSCSI write whose data is still arriving. */
struct limit_task {
	bool used;
	uint32_t tag;
	uint64_t offset_bytes;
	uint32_t len_bytes, received_bytes, asked_bytes;
};

struct limit_conn {
	int fd;
	const struct limit_memory *memory;
	/* Consumes one message of `in`; 0: incomplete, -1: close the connection. */
	long (*feed)(struct limit_conn *conn, const uint8_t *in, size_t len_bytes);
	uint8_t *in;
	size_t in_at, in_len, in_max;
	struct iovec iov[LIMIT_IOV_MAX];
	unsigned n_iov, iov_at;
	uint8_t *head; /* bytes of replies that are not the memory's own */
	size_t head_len;
	/* iSCSI */
	uint32_t stat_sn, exp_cmd_sn;
	struct limit_task tasks[LIMIT_TASKS];
};

/* Reply bytes: room in the head arena, appended to the output as it stands. */
uint8_t *limit_head(struct limit_conn *conn, size_t len_bytes);
/* Reply bytes that are the memory's: sent from where they are. */
void limit_data(struct limit_conn *conn, const uint8_t *data, size_t len_bytes);

long limit_nfs_feed(struct limit_conn *conn, const uint8_t *in, size_t len_bytes);
long limit_iscsi_feed(struct limit_conn *conn, const uint8_t *in, size_t len_bytes);

static inline uint32_t limit_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t limit_get64(const uint8_t *p)
{
	return (uint64_t)limit_get32(p) << 32 | limit_get32(p + 4);
}
static inline void limit_put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}
static inline void limit_put64(uint8_t *p, uint64_t v)
{
	limit_put32(p, (uint32_t)(v >> 32));
	limit_put32(p + 4, (uint32_t)v);
}

#endif
