/* SPDX-License-Identifier: Apache-2.0 */
/* A history of the front ends: calls of clients that others wrote, faults of every kind, and a model that knows what
 * the answers must say.
 *
 * THEORY. One seed is one history: a stage (stage.h), a client, one fault, one call in the focus of it, and twenty
 * calls or more, several at a time. Each answer is decoded by the client's library and compared with the model. An
 * answer that never comes (the connection was cut, the power failed) leaves the model in doubt, until a new connection
 * looks at everything (the audit): what it finds must be one of the things that may be there, and counts from then on.
 * ADDING A CLIENT. Its own files beside nfs_*.c, and a row in front.c: clients[]. It connects with its library over
 * simulated sockets and watches its descriptor with loop_watch_start; see struct front_client.
 * FAILING. front_fail prints what went wrong, with the seed and how to replay it, and ends the process. */
#ifndef TESTS_FRONT_FRONT_H
#define TESTS_FRONT_FRONT_H

#include "tests/crash/history.h"
#include "tests/front/stage.h"

/* What happens in a history. */
enum fault {
	FAULT_NONE,
	FAULT_SLOW, /* the client does not read for a while */
	FAULT_CUT_MARK, /* the connection is cut inside of a call's record mark, ... */
	FAULT_CUT_HEAD,
	FAULT_CUT_ARGUMENTS,
	FAULT_CUT_PAYLOAD,
	FAULT_CUT_REPLY,
	FAULT_POWER,
	FAULT_READ_ERRORS, /* of one disk */
	FAULT_WRITE_ERRORS,
	FAULT_FLUSH_ERRORS,
	FAULT_DISK_LOST,
	FAULT_BLOCK_LOST, /* blocks of data that no disk can give: errors for them, and for nothing else */
	FAULT_DISKS_LOST, /* more disks than parity makes good */
	FAULT_FULL, /* no space in the volume */
	FAULT_NO_PAGES, /* none in the arena */
	FAULT_NO_MEMORY, /* allocations of the server's code fail: one, or all of them for a while */
	/* only for clients whose calls come again (outlive is not NULL) */
	FAULT_REPLY_LOST, /* the connection ends instead of delivering the reply, and the client sends the call again on
	                   * a new one */
	FAULT_POWER_AGAIN, /* the power fails while the call is under way, and the client sends it again to who comes
	                    * after */
	FAULT_COUNT
};
#define FAULTS_OF_ALL FAULT_REPLY_LOST /* the ones before it */

struct front;

struct front_client {
	const char *name;
	unsigned n_calls; /* kinds of calls: rows of the table */
	const char *(*call_name)(unsigned call);
	/* Once, on the image: make what histories work on, and keep what is known of it. */
	void (*furnish)(struct front *front);
	/* A history begins, with that; connect. */
	void (*begin)(struct front *front);
	/* Send a call of this kind; FAULT_CUT_*: and cut its connection there. False: not possible now. */
	bool (*send)(struct front *front, unsigned call, enum fault cut);
	/* Stop reading, or go on. */
	void (*rest)(struct front *front, bool resting);
	/* All connections end, what is not answered never will be. `power`: what was not durable may be gone. */
	void (*drop)(struct front *front, bool power);
	/* The power is about to fail, and connections are not given up: look at none of them until it is `over`; then
	 * what has no answer is sent again. NULL: calls of this client do not come again. */
	void (*outlive)(struct front *front, bool over);
	/* With `outlive`: a call that must not be carried out twice. */
	bool (*changes)(unsigned call);
	/* Connect, look at everything, and go on from there. */
	void (*audit)(struct front *front);
	/* Drop, and forget. */
	void (*end)(struct front *front);
};

struct front {
	struct stage stage;
	const struct front_client *client;
	void *side; /* the client's */
	uint64_t seed, random, clock, stamp, digest;
	enum fault fault;
	bool fault_active; /* it has begun and may be felt */
	unsigned focus; /* the call it is for */
	unsigned n_flying, n_sent;
	bool broken; /* a connection has ended: drop and audit */
	bool verbose;
	struct history_counts *counts;
};

/* Prepare the image. */
void front_prepare(void);
/* Run a history; its digest. */
uint64_t front_run(uint64_t seed, bool verbose, struct history_counts *counts);
/* The name of a row of the table, calls of all clients one after another; NULL behind the last. */
const char *front_row_name(unsigned row);

/* ---- for clients ---- */
uint64_t front_draw(struct front *front, uint64_t n);
void front_note(struct front *front, uint64_t value); /* into the digest */
void front_say(struct front *front, const char *format, ...) __attribute__((format(printf, 2, 3)));
void front_fail(struct front *front, enum history_failure failure, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));
/* Such a call has met the fault. */
void front_met(struct front *front, unsigned call);
/* Run the world until nothing is in flight, or a connection has ended. */
void front_land(struct front *front);
/* Is an error of this kind an answer to a call now? IO: disks cannot give or take it; SPACE: there is none; MEMORY: try
 * again. */
enum excuse { EXCUSE_IO, EXCUSE_SPACE, EXCUSE_MEMORY };
bool front_excuses(const struct front *front, enum excuse excuse);

extern const struct front_client nfs_client, iscsi_client;

#endif
