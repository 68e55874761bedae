/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that come again.
 *
 * THEORY. A call is known by its key alone, so it is sent again as something that can do nothing: the removal of a
 * directory that there never is. If the call is known, the answer is the first one's, byte for byte; if not, there is
 * no such directory. */
#include "tests/crash/resend.h"

#include <assert.h>
#include <string.h>

#include "fs/fs_call.h"
#include "tests/crash/history.h"

#define RESEND_NS 300000000000ULL /* kept for ten minutes */
#define NOWHERE "@nowhere"

static bool is_once(enum fs_op op)
{
	switch (op) {
	case FS_SETATTR:
	case FS_CREATE:
	case FS_MKDIR:
	case FS_SYMLINK:
	case FS_MKNOD:
	case FS_REMOVE:
	case FS_RMDIR:
	case FS_RENAME:
	case FS_LINK: return true;
	default: return false;
	}
}

/* What makes this reply another than any other. */
static uint32_t reply_encode(const struct fs_message *msg, int status, uint8_t *bytes)
{
	const struct op *op = msg->owner;
	const uint64_t words[] = { op->sent, (uint64_t)(int64_t)status, msg->out.attr.id.generation,
		                   (uint64_t)msg->out.attr.ctime_ns, (uint64_t)msg->out.dir_attr.mtime_ns };

	static_assert(sizeof words == RESEND_REPLY, "a reply");
	memcpy(bytes, words, sizeof words);
	return RESEND_REPLY;
}

/* Of three clients. */
void resend_prepare(struct op *op)
{
	if (!is_once(op->msg.op))
		return;
	op->call.key = (struct fs_call_key){ .peer = { (uint8_t)(1U + op->sent % 3U) } };
	memcpy(op->call.key.id, &op->sent, sizeof op->sent);
	op->call.encode = reply_encode;
	op->msg.call = &op->call;
}

/* Nothing was changed, so nothing is in the log. */
static bool changes_nothing(const struct op *op)
{
	for (unsigned i = 0; i < op->n_changes; i++)
		if (op->changes[i].before != op->changes[i].after)
			return false;
	return op->n_changes > 0;
}

void resend_answered(struct history *h, const struct op *op)
{
	unsigned at = h->resends.n % RESENDS;

	if (op->msg.call == NULL || op->msg.status != 0 || changes_nothing(op))
		return;
	if (op->msg.out.reply_len != RESEND_REPLY)
		history_fail(h, FAIL_WRONG, "%s has a reply of %u bytes", op->kind->name, op->msg.out.reply_len);
	h->resends.calls[at].key = op->call.key;
	memcpy(h->resends.calls[at].reply, op->call.reply, RESEND_REPLY);
	h->resends.calls[at].answered_ns = world_now_ns(h->machine.world);
	h->resends.calls[at].kind = op->kind->name;
	h->resends.n++;
}

static uint32_t nothing_encode(const struct fs_message *msg, int status, uint8_t *bytes)
{
	(void)msg, (void)status, (void)bytes;
	return 0;
}

/* Is the call known, with which reply? */
static bool send_again(struct history *h, struct machine *machine, const struct fs_call_key *key,
                       uint8_t ret_reply[RESEND_REPLY])
{
	struct fs_call call = { .key = *key, .encode = nothing_encode };
	struct fs_message msg;
	int err;

	fs_message_init(&msg, FS_RMDIR, machine->vol, NULL, NULL);
	msg.file = (struct fs_file_id){ 0, FS_INO_ROOT, 1 };
	msg.in.name = NOWHERE;
	msg.in.name_len = sizeof NOWHERE - 1U;
	msg.call = &call;
	err = history_ask(h, machine, &msg);
	if (msg.out.reply_len == 0 && err == -ENOENT)
		return false;
	if (msg.out.reply_len != RESEND_REPLY || err != 0)
		history_fail(h, FAIL_WRONG, "a call sent again answers %s and %u bytes", error_name(err),
		             msg.out.reply_len);
	memcpy(ret_reply, call.reply, RESEND_REPLY);
	return true;
}

void resend_compare(struct history *h, struct machine *machine)
{
	unsigned n = MIN_OF(h->resends.n, RESENDS);
	uint8_t reply[RESEND_REPLY];

	if (h->faulty)
		return;
	for (unsigned i = 0; i < n; i++) {
		if (world_now_ns(h->machine.world) - h->resends.calls[i].answered_ns > RESEND_NS)
			continue;
		if (!send_again(h, machine, &h->resends.calls[i].key, reply))
			history_fail(h, FAIL_LOST, "%s that was acknowledged is not known when it comes again",
			             h->resends.calls[i].kind);
		if (memcmp(reply, h->resends.calls[i].reply, RESEND_REPLY) != 0)
			history_fail(h, FAIL_WRONG, "%s that comes again has another reply", h->resends.calls[i].kind);
	}
}

void resend_outcome(struct history *h, struct machine *machine, const struct op *op, bool happened)
{
	uint8_t reply[RESEND_REPLY];
	bool known;

	if (h->faulty || op->msg.call == NULL || op->n_changes == 0 || changes_nothing(op) || op->expect != 0)
		return;
	known = send_again(h, machine, &op->call.key, reply);
	if (known != happened)
		history_fail(h, FAIL_WRONG, "%s %s, and its reply is %s", op->kind->name,
		             happened ? "has happened" : "has not happened", known ? "known" : "not known");
}
