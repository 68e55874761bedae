/* SPDX-License-Identifier: Apache-2.0 */
/* Calls kept: a table of what clients may send again because an answer was lost, with the answers. One a volume.
 *
 * THEORY. A call is under way from when its message is let in until that is answered; then its reply is kept, until it is too old or its room is
 * needed. Room is shared out by peer: when the table is full, a peer that has its share (all there is, divided by the peers that have any) gives up
 * its own oldest, and one that has less takes from a peer that has more. With 4,096 places and one peer of 10,000 calls a second beside one of 3 in
 * all, the 3 stay until they are too old. A call under way, or waited for, is never dropped: when everything is, the next one is carried out unkept.
 * Entries live in pages of the arena, eight in each, taken as they are needed and given back at the end.
 * THREADS. Home thread. */
#ifndef FS_CALLS_H
#define FS_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"
#include "fs/core/queues.h"
#include "fs/format/recordformat.h"
#include "fs/fs_call.h"

struct call_peer;
struct calls;
struct fs_message;
struct fs_run;
struct fs_volume;
struct siphash_key;

#define CALLS_AGE_NS 600000000000ULL /* older ones are not found any more */

struct call {
	struct call *hash_next;
	struct call_peer *peer;
	TAILQ_ENTRY(call) link; /* of the peer's that have a reply, oldest first, or of the free ones */
	struct fs_run_queue waiters; /* the same call sent again, while it is under way */
	const struct fs_message *first; /* which carries it out; NULL: nobody (any more) */
	uint64_t sequence; /* of its log record; 0: it has none, or that is durable */
	uint64_t replied_ns;
	int status;
	unsigned n_waiting; /* it must stay for so many */
	uint16_t reply_len; /* 0: no reply yet */
	bool logged; /* it is to survive: its change is in the log or in a consistency point */
	struct fs_call_key key;
	uint8_t reply[FS_REPLY_MAX];
};
TAILQ_HEAD(call_list, call);

/* For at most n_max calls; hash_key: secret, clients choose what is hashed. -ENOMEM. */
MUST_CHECK int calls_new(unsigned n_max, const struct siphash_key *hash_key, struct calls **ret_calls);
void calls_free(struct calls *calls); /* NULL is allowed; nothing is under way */

/* NULL: not known, or too old. */
struct call *calls_find(struct calls *calls, const struct fs_call_key *key, uint64_t now_ns);
/* One that calls_find does not know, under way by `first`. NULL: no room. */
struct call *calls_add(struct calls *calls, const struct fs_call_key *key, const struct fs_message *first);
/* What the first gave, once; the call is still under way. */
struct call_reply {
	const uint8_t *bytes;
	uint32_t len_bytes; /* 1 to FS_REPLY_MAX */
	int status;
	bool logged;
	uint64_t sequence;
};
void calls_reply(struct call *call, const struct call_reply *reply, uint64_t now_ns);
/* The first is over: with a reply the call is kept, else forgotten as soon as nobody waits for it. */
void calls_end(struct calls *calls, struct call *call);
/* Somebody waits for the call; no longer (which may forget it). */
void calls_wait(struct call *call);
void calls_leave(struct calls *calls, struct call *call);

/* Up to n_max kept calls that are to survive and whose change is in the log up to `sequence`, and not too old, in rounds: the youngest of every peer, then the second of
 * every peer, and so on, so that a part of them is a fair part. How many. */
unsigned calls_collect(struct calls *calls, uint64_t sequence, uint64_t now_ns, struct call **ret_calls, unsigned n_max);

/* ---- at the door (calls_door.c) ---------------------------------------------------------------------------------- */

/* In a step of a message with a call, before anything else: is it to be carried out? *ret_again false: yes (0). True: the result is the step's. */
MUST_CHECK int calls_admit(struct fs_run *run, bool *ret_again);
/* The message has made its change, and out.* is complete: append the record (room was checked), with the reply if it is to be kept. Its sequence. */
uint64_t calls_log(struct fs_message *msg, enum nvlog_type type, const void *body, size_t body_len);
/* What the message's record may be longer by. */
size_t calls_log_size(const struct fs_message *msg);
/* A message with an entry is about to be answered. */
void calls_answered(struct fs_message *msg, int status);

/* ---- across a restart (calls_save.c) ------------------------------------------------------------------------------- */

/* The volume's table, made if there is none yet; NULL: there is no memory for it. */
struct calls *calls_of(struct fs_volume *vol);
/* CP: save those whose change is in it, if any came since they were saved last; durable before its fsinfo. */
void calls_cp_encode(struct fs_volume *vol);
/* Mount, before the replay: what was saved. What cannot be read is not known any more. -EAGAIN, -ENOMEM. */
MUST_CHECK int calls_load(struct fs_run *run);
/* A call as a record of the log has it (NULL: none), which is in the volume now. */
void calls_replay(struct fs_volume *vol, const uint8_t *bytes, size_t len_bytes, uint64_t sequence);
/* A call with its reply as it stands in a record; how many bytes. */
size_t calls_encode(const struct fs_call_key *key, const uint8_t *reply, size_t reply_len, uint8_t *bytes);
/* A call has come that is to survive, with this record. */
void calls_came(struct fs_volume *vol, uint64_t sequence);
/* With the log, before it: nothing is under way. */
void calls_fini(struct fs_volume *vol);

#endif
