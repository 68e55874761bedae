/* SPDX-License-Identifier: Apache-2.0 */
/* Kept calls: a message with a call comes in, makes its change, and is answered.
 *
 * THEORY. The first message of a call owns its entry (msg->kept, entry->first) until it is answered. What a later
 * message of the same call does depends on the entry:
 *  with a reply   the message is answered with it, when the log is durable as far as the change's record (mostly at
 *  once)
 *  under way      the message parks on the entry, and looks again when the first message is over
 *  given up       (the first message ended without a reply to keep) the message takes the entry over, and is the first
 * The reply is made when the change is made, not when it is answered. From then on the change will survive. So its
 * reply must be there for whoever asks again, whatever becomes of the first message's answer.
 * WRITE PATH. previous hop: dispatch.c; next hop: nvlog.c (what survives), proto/nfs (what is answered). */
#include "base/counters.h"
#include "base/error.h"
#include "base/world.h"
#include "fs/core/core.h"
#include "fs/cp/calls.h"
#include "fs/file/message_completion.h"
#include "fs/file/run.h"
#include "fs/format/callformat.h"
#include "fs/format/recordformat.h"
#include "fs/fs_call.h"
#include "fs/fs_types.h"
#include "fs/log/nvlog.h"
#include "fs/message.h"
#include "fs/volume.h"

#define CALL_BYTES_MAX (sizeof(struct call_disk) + FS_REPLY_MAX)

static void waiter_leave(struct fs_message *msg)
{
	calls_leave(msg->volume->calls, msg->kept);
	msg->kept = NULL;
}

/* Nobody carries it out (yet, or any more). */
static void call_begin(struct fs_message *msg, struct call *call)
{
	struct fs_volume *vol = msg->volume;
	bool waited = msg->kept != NULL;

	counter_add(&fs_call_counters()->misses, 1);
	if (call != NULL)
		call->first = msg;
	else if (calls_of(vol) != NULL)
		call = calls_add(vol->calls, &msg->call->key, msg);
	if (waited)
		waiter_leave(msg);
	msg->kept = call;
}

static int call_repeat(struct fs_message *msg, const struct call *call)
{
	int status = call->status;

	memcpy(msg->call->reply, call->reply, call->reply_len);
	msg->out.reply_len = call->reply_len;
	msg->word[0] = call->sequence;
	if (call->sequence != 0)
		status = OP_LOGGED;
	counter_add(&fs_call_counters()->hits, 1);
	if (msg->kept != NULL)
		waiter_leave(msg);
	return status;
}

static int call_park(struct fs_run *run, struct call *call)
{
	struct fs_message *msg = run->msg;

	if (msg->kept == NULL) {
		calls_wait(call);
		msg->kept = call;
		counter_add(&fs_call_counters()->waits, 1);
	}
	return run_wait(run, &call->waiters);
}

int calls_admit(struct fs_run *run, bool *ret_again)
{
	struct fs_message *msg = run->msg;
	struct fs_volume *vol = run->vol;
	struct call *call = msg->kept;

	*ret_again = false;
	if (call != NULL && call->first == msg)
		return 0;
	if (call == NULL && vol->calls != NULL)
		call = calls_find(vol->calls, &msg->call->key, world_now_ns(vol->world));
	if (call == NULL || (call->reply_len == 0 && call->first == NULL)) {
		call_begin(msg, call);
		return 0;
	}
	*ret_again = true;
	return call->reply_len != 0 ? call_repeat(msg, call) : call_park(run, call);
}

/* The reply to what the message has done, or to what it was refused, is known. */
static uint32_t reply_make(struct fs_message *msg, int status)
{
	uint32_t len = msg->call->encode(msg, status, msg->call->reply);

	vc_assert(len <= FS_REPLY_MAX);
	msg->out.reply_len = len;
	if (len == 0)
		counter_add(&fs_call_counters()->unkept, 1);
	return len;
}

static void reply_keep(struct fs_message *msg, int status, uint64_t sequence)
{
	const struct call_reply reply = { .bytes = msg->call->reply,
		                          .len_bytes = msg->out.reply_len,
		                          .status = status,
		                          .logged = sequence != 0,
		                          .sequence = sequence };

	calls_reply(msg->kept, &reply, world_now_ns(msg->volume->world));
}

size_t calls_log_size(const struct fs_message *msg)
{
	return msg->kept != NULL ? CALL_BYTES_MAX : 0;
}

uint64_t calls_log(struct fs_message *msg, enum nvlog_type type, const void *body, size_t body_len)
{
	struct fs_volume *vol = msg->volume;
	uint8_t bytes[CALL_BYTES_MAX];
	uint64_t sequence;
	size_t len;

	if (msg->kept == NULL || reply_make(msg, 0) == 0)
		return nvlog_append(vol, type, body, body_len, NULL, 0);
	len = calls_encode(&msg->call->key, msg->call->reply, msg->out.reply_len, bytes);
	sequence = nvlog_append_call(vol, type, body, body_len, bytes, len);
	reply_keep(msg, 0, sequence);
	calls_came(vol, sequence);
	return sequence;
}

static bool is_last_word(int status)
{
	switch (status) {
	case -FS_EJUKEBOX:
	case -ENODEV:
	case -ENOMEM:
	case -EUCLEAN:
	case -EIO: return false;
	default: return true;
	}
}

void calls_answered(struct fs_message *msg, int status)
{
	struct call *call = msg->kept;

	if (call->first != msg) { /* it has given up waiting */
		waiter_leave(msg);
		return;
	}
	if (call->reply_len == 0 && is_last_word(status) && reply_make(msg, status) != 0)
		reply_keep(msg, status, 0);
	if (status != call->status)
		msg->out.reply_len = 0; /* the change is made, but its own answer is another one */
	msg->kept = NULL;
	run_wake_all(&call->waiters);
	calls_end(msg->volume->calls, call);
}
