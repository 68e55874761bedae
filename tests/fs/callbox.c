/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to a volume in a box. */
#include "tests/fs/callbox.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "fs/format/callformat.h"
#include "fs/fs_call.h"
#include "tests/base/cmocka_all.h"
#include "tests/support/memdisk.h"

#define REPLY_BYTES 272U /* of a MKDIR over NFS */

/* Times and ids are enough to tell two replies apart, and fit. */
static uint32_t results_encode(const struct fs_message *msg, int status, uint8_t *bytes)
{
	const struct box_call *call = msg->owner;
	const struct {
		int64_t status;
		struct fs_file_id id;
		int64_t ctime_ns, dir_mtime_ns, to_dir_mtime_ns, pre_mtime_ns;
		uint64_t nlink, dir_nlink;
	} results = { status,
		      msg->out.attr.id,
		      msg->out.attr.ctime_ns,
		      msg->out.dir_attr.mtime_ns,
		      msg->out.to_dir_attr.mtime_ns,
		      msg->out.dir_pre.mtime_ns,
		      msg->out.attr.nlink,
		      msg->out.dir_attr.nlink };

	static_assert(sizeof results <= REPLY_BYTES, "fits");
	if (call->reply_too_long)
		return 0;
	memset(bytes, 0xA5, REPLY_BYTES);
	memcpy(bytes, &results, sizeof results);
	return REPLY_BYTES;
}

static void answered(struct fs_message *msg)
{
	struct box_call *call = msg->owner;

	call->status = msg->status;
	call->reply_len = msg->out.reply_len;
	memcpy(call->reply, call->call.reply, call->reply_len);
	call->id = msg->out.attr.id;
	call->answered = true;
	fs_message_fini(msg);
}

/* The key is what a client repeats: who, which, and the arguments. */
static void key_make(struct box_call *call)
{
	struct fs_call_key *key = &call->call.key;

	memset(key, 0, sizeof *key);
	memcpy(key->peer, &call->peer, sizeof call->peer);
	memcpy(key->id, &call->xid, sizeof call->xid);
	key->id[4] = (uint8_t)call->op;
	(void)snprintf((char *)key->id + 5, 16, "%s", call->name != NULL ? call->name : "");
	(void)snprintf((char *)key->id + 21, 11, "%s", call->to_name != NULL ? call->to_name : "");
}

void call_send(struct fsbox *box, struct box_call *call)
{
	struct fs_message *msg = &call->msg;

	fs_message_init(msg, call->op, box->vol, answered, call);
	msg->file = msg->in.to_dir = call->dir;
	if (call->op == FS_LINK)
		msg->in.to_dir = box_root;
	msg->in.name = call->name;
	msg->in.name_len = call->name != NULL ? (uint32_t)strlen(call->name) : 0;
	msg->in.to_name = call->to_name;
	msg->in.to_name_len = call->to_name != NULL ? (uint32_t)strlen(call->to_name) : 0;
	msg->in.blob = "target";
	msg->in.blob_len = 6;
	msg->in.create.type = call->op == FS_MKNOD ? FS_TYPE_FIFO : FS_TYPE_REG;
	msg->in.create.mode = call->mode;
	msg->in.create.verifier = call->verifier;
	msg->in.setattr.set_mode = call->op == FS_SETATTR;
	msg->in.setattr.mode = call->set_mode;
	msg->in.has_guard = call->guarded;
	msg->in.guard_ctime_ns = call->guard_ctime_ns;
	key_make(call);
	call->call.encode = results_encode;
	msg->call = &call->call;
	call->answered = false;
	fs_message_send(msg);
}

static bool is_answered(void *arg)
{
	return ((const struct box_call *)arg)->answered;
}

void call_wait(struct fsbox *box, struct box_call *call)
{
	assert_true(sim_run_until(box->sim, is_answered, call, 10000000U));
}

int call_do(struct fsbox *box, struct box_call *call)
{
	call_send(box, call);
	call_wait(box, call);
	return call->status;
}

void call_again(struct fsbox *box, const struct box_call *first)
{
	struct box_call again = *first;

	(void)call_do(box, &again);
	assert_int_equal(again.status, first->status);
	assert_true(again.reply_len > 0);
	assert_int_equal(again.reply_len, first->reply_len);
	assert_memory_equal(again.reply, first->reply, first->reply_len);
}

int call_anew(struct fsbox *box, const struct box_call *first)
{
	struct box_call again = *first;

	return call_do(box, &again);
}

unsigned call_damage_saved(struct fsbox *box, unsigned disk)
{
	const char *name = box->urls[disk] + strlen("mem:");
	unsigned n = 0;

	for (uint64_t block = 0; block < memdisk_blocks(name); block++) {
		struct calls_save_disk head;
		uint8_t bytes[FS_BLOCK_SIZE];

		memdisk_peek(name, block, bytes);
		memcpy(&head, bytes, sizeof head);
		if (le32_get(head.magic) != CALLS_SAVE_MAGIC)
			continue;
		memdisk_flip_bit(name, block, 8 * sizeof head + 77);
		n++;
	}
	return n;
}
