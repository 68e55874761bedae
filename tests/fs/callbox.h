/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to a volume in a box: made, sent, sent again, and their replies compared. */
#ifndef TESTS_FS_CALLBOX_H
#define TESTS_FS_CALLBOX_H

#include "fs/fs_call.h"
#include "tests/support/fsbox.h"

/* A change that a client may send again. Texts are the caller's and stay. */
struct box_call {
	enum fs_op op;
	struct fs_file_id dir; /* or the object, of SETATTR and LINK */
	const char *name, *to_name; /* the directories are the same */
	unsigned peer, xid;
	bool reply_too_long;
	enum fs_create_mode mode;
	uint64_t verifier;
	uint32_t set_mode; /* SETATTR */
	bool guarded; /* the same: only if its ctime is this one */
	int64_t guard_ctime_ns;
	/* the answer */
	int status;
	uint32_t reply_len; /* 0: none was kept */
	uint8_t reply[FS_REPLY_MAX];
	struct fs_file_id id;
	/* on its way */
	bool answered;
	struct fs_message msg;
	struct fs_call call;
};

/* Send it; the box must run for it to be answered. */
void call_send(struct fsbox *box, struct box_call *call);
/* Send it, and wait. */
int call_do(struct fsbox *box, struct box_call *call);
void call_wait(struct fsbox *box, struct box_call *call);
/* Send the same again, as a client does whose answer was lost: the same status, and the same bytes. */
void call_again(struct fsbox *box, const struct box_call *first);
/* The same, but it is carried out anew: what comes of it. */
int call_anew(struct fsbox *box, const struct box_call *first);
/* Damage what consistency points have saved on a disk of an unmounted box; how many there were. */
unsigned call_damage_saved(struct fsbox *box, unsigned disk);

#endif
