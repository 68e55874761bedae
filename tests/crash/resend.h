/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that come again: what was acknowledged is answered as it was, whatever happened since; what was lost is not
 * known. */
#ifndef TESTS_CRASH_RESEND_H
#define TESTS_CRASH_RESEND_H

#include "fs/fs_call.h"
#include "fs/message.h"

struct history;
struct machine;
struct op;

#define RESENDS 24U
#define RESEND_REPLY 40U

/* The youngest acknowledged calls. */
struct resends {
	struct {
		struct fs_call_key key;
		uint8_t reply[RESEND_REPLY];
		uint64_t answered_ns;
		const char *kind;
	} calls[RESENDS]; /* a ring */
	unsigned n; /* ever */
};

/* The operation is a call, if it is one of those that can be: before it is sent. */
void resend_prepare(struct op *op);
/* It is acknowledged. */
void resend_answered(struct history *h, const struct op *op);
/* Send them all again. */
void resend_compare(struct history *h, struct machine *machine);
/* After a power cut: the operation that was under way has happened, or not; so has its reply. */
void resend_outcome(struct history *h, struct machine *machine, const struct op *op, bool happened);

#endif
