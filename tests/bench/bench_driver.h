/* SPDX-License-Identifier: Apache-2.0 */
/* What the load generator knows of a protocol: open, submit, flush, wait. One driver a protocol, one connection a
 * run. */
#ifndef BENCH_DRIVER_H
#define BENCH_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#define BENCH_BLOCK 4096U

struct bench;

/* One request in flight. `buffer` (len_bytes long) holds what is written and may be used for what is read. */
struct bench_io {
	struct bench *bench;
	bool write;
	bool flush; /* COMMIT, SYNCHRONIZE CACHE: no data */
	uint64_t offset_bytes;
	uint32_t len_bytes;
	uint8_t *buffer;
	uint64_t start_ns;
	struct bench_io *next;
	/* the driver's own */
	struct bench_io **done_list;
	int status;
};

struct bench_driver {
	const char *scheme;
	/* Connect and open; make the file when it is not there. size_bytes: what the run needs. Returns the state or
	 * NULL after a message. */
	void *(*open)(const char *url, uint64_t size_bytes);
	/* Queue one request; bench_complete is called from service, once. 0 or negative errno. */
	int (*submit)(void *state, struct bench_io *io);
	int (*fd)(void *state);
	int (*events)(void *state);
	int (*service)(void *state, int revents);
	const char *(*error)(void *state);
	void (*close)(void *state);
};

extern const struct bench_driver bench_nfs_driver;
extern const struct bench_driver bench_iscsi_driver;
extern const struct bench_driver bench_nbd_driver;

/* Called by drivers: `io` is over. data/len_bytes: what a read brought (may be io->buffer). */
void bench_complete(struct bench_io *io, int status, const uint8_t *data, uint32_t len_bytes);

#endif
