/* SPDX-License-Identifier: Apache-2.0 */
/* Kept calls: a table of changes that clients may send again because the answer was lost, with their answers. One table
 * for each volume.
 *
 * THEORY. A call is under way from the moment its message is let in until it is answered. Then its reply is kept, until
 * it is too old or its room is needed. Room is shared out by peer. A peer's share is the whole table, divided by the
 * number of peers that have calls in it. When the table is full, a peer that has its share gives up its own oldest
 * call. A peer that has less takes from a peer that has more. A call that is under way, or waited for, is never
 * dropped. When all are, the next call is carried out without being kept.
 * Example: 4,096 places, one peer with 10,000 calls a second, another with 3 calls in all. The 3 stay until they are
 * too old.
 * Entries live in pages of the arena, eight in each page. Pages are taken as they are needed, and given back at the
 * end.
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
/* Add a call that calls_find does not know; it is under way by `first`. NULL: no room. */
struct call *calls_add(struct calls *calls, const struct fs_call_key *key, const struct fs_message *first);
/* The reply of the first message, given once. The call is still under way. */
struct call_reply {
	const uint8_t *bytes;
	uint32_t len_bytes; /* 1 to FS_REPLY_MAX */
	int status;
	bool logged;
	uint64_t sequence;
};
void calls_reply(struct call *call, const struct call_reply *reply, uint64_t now_ns);
/* The first message is over. With a reply the call is kept; else it is forgotten as soon as nobody waits for it. */
void calls_end(struct calls *calls, struct call *call);
/* One more waits for the call (_wait); one less (_leave, which may forget the call). */
void calls_wait(struct call *call);
void calls_leave(struct calls *calls, struct call *call);

/* Collect up to n_max kept calls that are to survive: those whose change is in the log up to `sequence`, and that
 * are not too old. In rounds: the youngest call of every peer, then the second youngest of every peer, and so on. So
 * a part of them is a fair part. Returns how many. */
unsigned calls_collect(struct calls *calls, uint64_t sequence, uint64_t now_ns, struct call **ret_calls,
                       unsigned n_max);

/* ---- at the door (calls_door.c) ---------------------------------------------------------------------------------- */

/* In a step of a message with a call, before anything else: is the call to be carried out? *ret_again false: yes,
 * returns 0. True: the step returns what this returns. */
MUST_CHECK int calls_admit(struct fs_run *run, bool *ret_again);
/* The message has made its change, and out.* is complete. Append its log record (room was checked), with the reply
 * if it is to be kept. Returns the record's sequence. */
uint64_t calls_log(struct fs_message *msg, enum nvlog_type type, const void *body, size_t body_len);
/* By how many bytes the message's record may be longer. */
size_t calls_log_size(const struct fs_message *msg);
/* A message with an entry is about to be answered. */
void calls_answered(struct fs_message *msg, int status);

/* ---- across a restart (calls_save.c) ----------------------------------------------------------------------------- */

/* The volume's table, made if there is none yet; NULL: there is no memory for it. */
struct calls *calls_of(struct fs_volume *vol);
/* In the CP: save the calls whose change is in it, if any came since the last save. Durable before the fsinfo. */
void calls_cp_encode(struct fs_volume *vol);
/* It has not ended: no fsinfo may be written yet. */
bool calls_are_being_saved(const struct fs_volume *vol);
/* At mount, before the replay: read the saved calls. Those that cannot be read are forgotten. -EAGAIN, -ENOMEM. */
MUST_CHECK int calls_load(struct fs_run *run);
/* At replay: take the call that a record of the log carries (bytes NULL: none). The volume has its change now. */
void calls_replay(struct fs_volume *vol, const uint8_t *bytes, size_t len_bytes, uint64_t sequence);
/* Encode a call with its reply as it stands in a record. Returns the number of bytes. */
size_t calls_encode(const struct fs_call_key *key, const uint8_t *reply, size_t reply_len, uint8_t *bytes);
/* A call has come that is to survive; `sequence` is that of its record. */
void calls_came(struct fs_volume *vol, uint64_t sequence);
/* Free the table, just before the log is freed: no call is under way. */
void calls_fini(struct fs_volume *vol);

#endif
